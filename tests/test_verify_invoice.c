/*
 * test_verify_invoice.c - verify on invoices: silent about everything that finalizing, adjusting, voiding and regenerating leave,
 * and naming what was changed behind the library's back.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closing.h"
#include "hash.h"
#include "support.h"

#define ACME "acme", METER_NUL_TERMINATED
#define PERIOD(text) text, METER_NUL_TERMINATED
#define NO_PERIOD NULL, 0

static const char catalog[] =
	"version: 1\n"
	"meters:\n"
	"  calls: {event_type: call, aggregation: sum, dimensions: [model]}\n"
	"  most: {event_type: call, aggregation: max}\n"
	"  held: {event_type: gauge, aggregation: time_weighted}\n"
	"plans:\n"
	"  - key: p\n"
	"    currency: USD\n"
	"    period: month\n"
	"    effective_from: 2026-01-01T00:00:00Z\n"
	"    charges:\n"
	"      - {key: calls, model: graduated, meter: calls, group_by: [model], tiers: [{up_to: 10, price: '0.333'}, {price: "
	"'0.1'}]}\n"
	"      - {key: top, model: unit, meter: most, price: '0.01', tax: {category: VAT, percent: 19}}\n"
	"      - {key: held, model: unit, meter: held, price: '0.000001'}\n"
	"      - {key: base, model: flat, amount: '10.00', proration: time}\n"
	"  - key: q\n"
	"    currency: USD\n"
	"    period: month\n"
	"    effective_from: 2026-01-01T00:00:00Z\n"
	"    charges:\n"
	"      - {key: calls, model: unit, meter: calls, price: '1.00'}\n"
	"    credits: [{key: gift, amount: '25.00', from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}]\n"
	"    commitments: [{key: ahead, kind: prepaid, amount: '20.00', from: 2026-01-01T00:00:00Z, until: "
	"2027-01-01T00:00:00Z}]\n"
	"subscriptions:\n"
	"  acme: {customer: A, plan: p, from: 2026-01-11T00:00:00Z}\n"
	"  beta: {customer: B, plan: q, from: 2026-01-01T00:00:00Z}\n";

static void record_at(meter *m, const char *subscription, const char *id, const char *type, const char *value, const char *at,
                      int32_t expected)
{
	meter_property properties[] = {METER_PROPERTY("model", id[0] == 'x' ? "large" : "small")};
	meter_event event = event_of(subscription, id, type);
	int32_t outcome;
	event.value = value;
	event.timestamp_us = us(at);
	event.properties = properties;
	event.property_count = 1;
	assert_ok(meter_record_many(m, &event, 1, &outcome));
	assert_int_equal(outcome, expected);
}

static void finalize(meter *m, const char *subscription, const char *period, const char *at)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_finalize(&invoice, m, subscription, METER_NUL_TERMINATED, period,
	                                 period ? METER_NUL_TERMINATED : 0, NULL, us(at)));
	meter_invoice_free(invoice);
}

/* January to March of two subscriptions. */
static void make_file(void)
{
	meter *m = open_meter();
	apply_catalog(m, catalog);
	record_at(m, "acme", "a1", "call", "7.5", "2026-01-15T10:00:30Z", METER_ACCEPTED);
	record_at(m, "acme", "x1", "call", "12", "2026-01-16T10:00:00Z", METER_ACCEPTED);
	record_at(m, "acme", "g1", "gauge", "3", "2026-01-20T00:00:00Z", METER_ACCEPTED);
	record_at(m, "acme", "a2", "call", "20", "2026-02-03T10:00:00Z", METER_ACCEPTED);
	record_at(m, "beta", "b1", "call", "15", "2026-01-15T10:00:00Z", METER_ACCEPTED);
	record_at(m, "beta", "b2", "call", "40", "2026-02-15T10:00:00Z", METER_ACCEPTED);
	record_at(m, "beta", "b3", "call", "3", "2026-03-15T10:00:00Z", METER_ACCEPTED);
	for (int i = 0; i < 3; i++) {
		static const char *const ends[] = {"2026-02-03T00:00:00Z", "2026-03-03T00:00:00Z", "2026-04-03T00:00:00Z"};
		finalize(m, "acme", NULL, ends[i]);
		finalize(m, "beta", NULL, ends[i]);
	}
	close_meter(m);
}

/* ---- verifying ---- */

static meter_verification *verify_with(const meter_verify_options *options)
{
	meter_verification *v;
	meter *m = open_meter();
	assert_ok(meter_verify_run(&v, m, options));
	close_meter(m);
	return v;
}

static void show(const meter_verification *v)
{
	for (size_t i = 0; i < meter_verify_count(v) && i < 10; i++)
		print_error("%s: %s: %s: expected %s, found %s\n", meter_verify_code(v, i), meter_verify_text(v, i),
		            meter_verify_place(v, i), meter_verify_expected(v, i), meter_verify_found(v, i));
}

/* The findings are those, by code; the place of the last one contains part. */
static void assert_findings_with(const meter_verify_options *options, const char *codes, const char *part)
{
	char text[400] = "";
	meter_verification *v = verify_with(options);
	const size_t count = meter_verify_count(v);
	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", meter_verify_code(v, i));
	if (strcmp(text, codes) != 0 || (part && !strstr(meter_verify_place(v, count - 1), part)))
		show(v);
	assert_text(codes, text);
	if (part)
		assert_part(part, meter_verify_place(v, count - 1));
	meter_verify_free(v);
}

static void assert_findings(const char *codes, const char *part)
{
	assert_findings_with(NULL, codes, part);
}

/* Among the findings is this one, at a place that contains part. */
static void assert_finding(const char *code, const char *part)
{
	meter_verification *v = verify_with(NULL);
	bool is_there = false;
	for (size_t i = 0; i < meter_verify_count(v); i++)
		is_there |= strcmp(meter_verify_code(v, i), code) == 0 && strstr(meter_verify_place(v, i), part);
	if (!is_there)
		show(v);
	assert_true(is_there);
	meter_verify_free(v);
}

/* Also those that hold no more. */
static void assert_sound(void)
{
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	assert_findings("", NULL);
	options.flags = METER_VERIFY_FULL;
	assert_findings_with(&options, "", NULL);
}

/* ---- the file, made once ---- */

static char *template;
static size_t template_size;

static int setup(void **state)
{
	if (scratch_setup(state))
		return -1;
	if (!template) {
		make_file();
		FILE *file = fopen(meter_path(), "rb");
		assert_non_null(file);
		template = malloc(4 << 20);
		assert_non_null(template);
		template_size = fread(template, 1, 4 << 20, file);
		fclose(file);
		return 0;
	}
	FILE *file = fopen(meter_path(), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(template, 1, template_size, file), template_size);
	assert_int_equal(fclose(file), 0);
	return 0;
}

static void start_again(void)
{
	assert_int_equal(scratch_teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
}

#define on_file(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

#define TABLES 7
static const char *const tables[TABLES] = {"bill", "line", "document", "document_bill", "entry", "link", "audit"};

/* Change a file that refuses to be changed, and leave its triggers as they were. */
static void change(const char *sql)
{
	char text[4000] = "";
	for (int i = 0; i < TABLES; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "DROP TRIGGER %s_update; DROP TRIGGER %s_delete;",
		         tables[i], tables[i]);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s;", sql);
	for (int i = 0; i < TABLES; i++) {
		static const char *const what[] = {"update", "delete"};
		for (int k = 0; k < 2; k++)
			snprintf(
				text + strlen(text), sizeof(text) - strlen(text),
				"CREATE TRIGGER %s_%s BEFORE %s ON %s BEGIN SELECT raise(ABORT, 'table %s is append-only'); END;",
				tables[i], what[k], what[k], tables[i], tables[i]);
	}
	sql_run(meter_path(), text);
}

/* ---- sound files ---- */

static void test_finalized_invoices_are_sound(void **state)
{
	(void)state;
	meter_verify_counters counters = {.struct_size = sizeof(counters)};
	assert_sound();
	meter_verification *v = verify_with(NULL);
	assert_ok(meter_verify_counts(v, &counters));
	assert_i64(6, counters.documents);
	assert_i64(6, counters.bills);
	assert_int_equal(strlen(meter_verify_head(v)), 64);
	meter_verify_free(v);
}

/* Late usage, adjustments, voids, periods that are open again. */
static void test_everything_that_may_happen_is_sound(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	record_at(m, "acme", "late", "call", "100", "2026-01-25T10:00:00Z", METER_LATE);
	record_at(m, "beta", "late", "call", "2", "2026-01-25T10:00:00Z", METER_LATE);
	close_meter(m);
	assert_sound();
	m = open_meter();
	assert_ok(meter_invoice_adjust(&invoice, m, "beta", METER_NUL_TERMINATED, us("2026-04-04T00:00:00Z")));
	meter_invoice_free(invoice);
	finalize(m, "acme", NULL, "2026-05-04T00:00:00Z");
	close_meter(m);
	assert_sound();
	m = open_meter();
	assert_ok(meter_invoice_void(&invoice, m, "INV-000003", "wrong", us("2026-05-05T00:00:00Z")));
	meter_invoice_free(invoice);
	close_meter(m);
	assert_findings("", NULL);
	m = open_meter();
	record_at(m, "acme", "late2", "call", "1", "2026-02-25T10:00:00Z", METER_ACCEPTED);
	finalize(m, "acme", NULL, "2026-05-06T00:00:00Z");
	assert_ok(meter_invoice_regenerate(&invoice, m, "INV-000007", "again", us("2026-05-06T00:00:00Z")));
	meter_invoice_free(invoice);
	close_meter(m);
	assert_sound();
}

/* An event that changes no line is settled without a document: the bill is older than the event, and right. */
static void test_late_event_without_effect_is_sound(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	record_at(m, "acme", "other", "nothing", "1", "2026-01-25T10:00:00Z", METER_LATE);
	assert_code(METER_EEND, meter_invoice_adjust(&invoice, m, ACME, us("2026-05-05T00:00:00Z")));
	close_meter(m);
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM stale WHERE events >= 0"));
	assert_sound();
}

/* A period finalized early keeps the value over time that it had then. */
static void test_finalized_before_its_end(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	assert_ok(meter_invoice_finalize(&invoice, m, ACME, NO_PERIOD, "early", us("2026-04-11T00:00:00Z")));
	size_t held = 0;
	while (strcmp(meter_invoice_line_charge(invoice, held), "held") != 0)
		held++;
	assert_text("2592000", meter_invoice_line_quantity(invoice, held));
	meter_invoice_free(invoice);
	close_meter(m);
	assert_sound();
}

/* What a period leaves to the next one changed when it was finalized anew: the next one is adjusted. */
static void test_what_a_new_invoice_leaves_reaches_the_next_period(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	assert_ok(meter_invoice_void(&invoice, m, "INV-000002", "late usage", us("2026-04-05T00:00:00Z")));
	meter_invoice_free(invoice);
	record_at(m, "beta", "b9", "call", "30", "2026-01-20T10:00:00Z", METER_ACCEPTED);
	finalize(m, "beta", "2026-01", "2026-04-05T00:00:00Z");
	close_meter(m);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM stale"));
	assert_sound();
	sql_run(meter_path(), "CREATE TABLE kept AS SELECT * FROM stale; DELETE FROM stale");
	assert_findings("stale_missing", "2026-02-01T00:00:00Z");
	sql_run(meter_path(), "INSERT INTO stale SELECT * FROM kept; DROP TABLE kept");
	m = open_meter();
	assert_ok(meter_invoice_adjust(&invoice, m, "beta", METER_NUL_TERMINATED, us("2026-04-06T00:00:00Z")));
	assert_true(meter_invoice_line_count(invoice) > 0);
	meter_invoice_free(invoice);
	close_meter(m);
	assert_sound();
}

/* A period that is open again has still used what it used: nothing is to be adjusted of the one after it. */
static void test_adjusting_around_a_period_that_is_open_again(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	assert_ok(meter_invoice_void(&invoice, m, "INV-000004", "wrong", us("2026-04-05T00:00:00Z")));
	meter_invoice_free(invoice);
	record_at(m, "beta", "other", "nothing", "1", "2026-01-25T10:00:00Z", METER_LATE);
	assert_code(METER_EEND, meter_invoice_adjust(&invoice, m, "beta", METER_NUL_TERMINATED, us("2026-05-05T00:00:00Z")));
	close_meter(m);
	assert_sound();
}

/* The first closing of a file, in one transaction, bills each period once. */
static void test_closing_bills_each_period_once(void **state)
{
	(void)state;
	meter_closing *closing;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	assert_ok(close_at(&closing, m, us("2026-03-10T00:00:00Z")));
	assert_int_equal(meter_closing_count(closing), 4);
	meter_closing_free(closing);
	close_meter(m);
	assert_sound();
}

static void test_regenerate_waits_for_earlier_periods(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	assert_ok(meter_invoice_void(&invoice, m, "INV-000001", "wrong", us("2026-04-05T00:00:00Z")));
	meter_invoice_free(invoice);
	assert_code(METER_ESTATE, meter_invoice_regenerate(&invoice, m, "INV-000003", "wrong", us("2026-04-05T00:00:00Z")));
	assert_null(invoice);
	assert_code(METER_ESTATE, meter_invoice_redraft(&invoice, m, "INV-000003"));
	assert_null(invoice);
	close_meter(m);
	assert_sound();
}

/* ---- rows that were changed ---- */

static void test_line_changed(void **state)
{
	(void)state;
	change("UPDATE line SET amount = '99.00' WHERE bill = 3 AND number = 0");
	assert_findings("link_differs line_exact", "document 3 (INV-000003), bill 3, line 1: ");
	start_again();
	/* Half of it is right: quantity and amount agree, and all sums with them. */
	change("UPDATE line SET quantity = '21', exact = '21', amount = '21' WHERE bill = 4 AND number = 0;"
	       "UPDATE line SET quantity = '20', amount = '19' WHERE bill = 4 AND number = 0");
	assert_findings("link_differs line_exact", "document 4 (INV-000004), bill 4, line 1: ");
}

static void test_bill_changed(void **state)
{
	(void)state;
	change("UPDATE bill SET total = '99.00' WHERE number = 3");
	assert_findings("link_differs total_differs", "document 3 (INV-000003), bill 3, total");
	start_again();
	change("UPDATE bill SET after = '{\"used gift USD\":\"1\"}' WHERE number = 6");
	assert_findings("link_differs line_differs entry_differs", "subscription beta, credit or commitment");
	start_again();
	change("UPDATE bill SET currency = 'EUR', exponent = 9000 WHERE number = 6");
	assert_findings("link_differs unreadable billed_differs", "subscription beta, 2026-03-01");
}

/* Each total is compared by itself, whatever else tells of the change. */
static void test_each_total_is_compared(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *place;
	} cases[] = {
		{"UPDATE bill SET subtotal = '99.00' WHERE number = 3", "document 3 (INV-000003), bill 3, subtotal"},
		{"UPDATE bill SET tax = '99.00' WHERE number = 3", "document 3 (INV-000003), bill 3, tax"},
		{"UPDATE bill SET total = '99.00' WHERE number = 3", "document 3 (INV-000003), bill 3, total"},
		{"UPDATE bill SET due = '99.00' WHERE number = 3", "document 3 (INV-000003), bill 3, due"},
		{"UPDATE document SET total = '99.00' WHERE number = 3", "document 3 (INV-000003), total"},
		{"UPDATE document SET due = '99.00' WHERE number = 3", "document 3 (INV-000003), due"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		change(cases[i].sql);
		assert_finding("total_differs", cases[i].place);
		start_again();
	}
}

static void test_entry_changed(void **state)
{
	(void)state;
	change("UPDATE entry SET amount = '99.00' WHERE document = 3 AND number = 0");
	assert_findings("link_differs entry_differs", "document 3 (INV-000003), entry 1");
	start_again();
	change("DELETE FROM entry WHERE document = 2 AND number = 1");
	assert_findings("link_differs entry_differs", "document 2 (INV-000002), entry 2");
	start_again();
	change("INSERT INTO entry VALUES (77, 0, 'tax', 'USD', '1')");
	assert_findings("link_missing", "table entry, number 77");
}

static void test_document_changed(void **state)
{
	(void)state;
	change("UPDATE document SET customer = 'Z' WHERE number = 3");
	assert_findings("link_differs", "document 3 (INV-000003)");
	start_again();
	change("UPDATE document SET due = '0.01' WHERE number = 3");
	assert_findings("link_differs total_differs", "document 3 (INV-000003), due");
}

static void test_link_changed(void **state)
{
	(void)state;
	change("UPDATE link SET hash = (SELECT hash FROM link WHERE document = 1) WHERE document = 3");
	assert_findings("link_differs", "document 3 (INV-000003)");
	start_again();
	change("DELETE FROM link WHERE document = 3");
	assert_findings("link_missing", "document 3 (INV-000003)");
}

static void test_document_deleted(void **state)
{
	(void)state;
	change("DELETE FROM document WHERE number = 3");
	assert_findings("link_missing number_gap billed_differs period_gap", "subscription acme, 2026-02-01T00:00:00Z");
	start_again();
	/* With everything that is of it: only what was kept elsewhere can tell, and the series. */
	change("DELETE FROM document WHERE number = 6; DELETE FROM document_bill WHERE document = 6; DELETE FROM bill WHERE "
	       "number = 6;"
	       "DELETE FROM line WHERE bill = 6; DELETE FROM entry WHERE document = 6; DELETE FROM link WHERE document = 6;"
	       "DELETE FROM billed WHERE document = 6");
	assert_findings("number_gap", "INV-000006");
}

/* Only the link tells of a document after the last one. */
static void test_last_document_deleted(void **state)
{
	(void)state;
	change("DELETE FROM document WHERE number = 6");
	assert_findings("link_missing number_gap billed_differs", "subscription beta, 2026-03-01T00:00:00Z");
	assert_finding("link_missing", "document 6");
}

static void test_head_that_was_kept(void **state)
{
	(void)state;
	char head[65];
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	meter_verification *v = verify_with(NULL);
	snprintf(head, sizeof(head), "%s", meter_verify_head(v));
	meter_verify_free(v);
	meter *m = open_meter();
	finalize(m, "beta", NULL, "2026-05-04T00:00:00Z");
	close_meter(m);
	options.head = head;
	assert_findings_with(&options, "", NULL);
	for (char *c = head; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	assert_findings_with(&options, "", NULL);
	change("DELETE FROM document WHERE number >= 6; DELETE FROM document_bill WHERE document >= 6; DELETE FROM bill WHERE "
	       "number >= 6;"
	       "DELETE FROM line WHERE bill >= 6; DELETE FROM entry WHERE document >= 6; DELETE FROM link WHERE document >= 6;"
	       "DELETE FROM billed WHERE document >= 6; UPDATE series SET last = 5");
	assert_findings("", NULL);
	assert_findings_with(&options, "head_differs", "table link");
	options.head = "abc";
	m = open_meter();
	assert_code(METER_EINVAL, meter_verify_run(&v, m, &options));
	close_meter(m);
}

static void test_number_changed(void **state)
{
	(void)state;
	change("UPDATE document SET name = 'INV-000009' WHERE number = 3");
	assert_findings("link_differs number_gap number_gap", "INV-000003");
	start_again();
	change("UPDATE series SET last = 8");
	assert_findings("number_gap number_gap", "INV-000008");
}

static void test_time_changed(void **state)
{
	(void)state;
	change("UPDATE document SET at = at - 86400000000 * 365 WHERE number = 3");
	/* A gauge counts up to the time of the document. */
	assert_findings("link_differs time_order line_differs", "document 3 (INV-000003)");
	start_again();
	/* Still in order: the link alone tells. */
	change("UPDATE document SET at = at - 1 WHERE number = 1");
	assert_findings("link_differs", "document 1 (INV-000001)");
}

static void test_billed_changed(void **state)
{
	(void)state;
	change("DELETE FROM billed WHERE bill = 3");
	assert_findings("billed_differs", "subscription acme, 2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z");
	start_again();
	change("UPDATE billed SET bill = 1 WHERE bill = 3");
	assert_findings("billed_differs", "subscription acme, 2026-02-01T00:00:00Z");
	start_again();
	change("INSERT INTO billed VALUES (12345, 0, 1, 1, 1)");
	assert_findings("billed_differs", "subscription number 12345");
	start_again();
	/* The same period on a second invoice. */
	change("INSERT INTO document_bill VALUES (5, 1, 3, NULL)");
	assert_findings("link_differs unreadable billed_differs", "subscription acme");
	start_again();
	change("UPDATE bill SET active_to = active_to + 1 WHERE number = 3; UPDATE billed SET active_to = active_to + 1 WHERE "
	       "bill = 3");
	assert_findings("link_differs period_overlap line_differs", "bill 3, subscription acme");
}

/* An adjustment that does not say what it adjusts bills a period that is billed. */
static void test_replaced_bill_changed(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	record_at(m, "acme", "late", "call", "100", "2026-01-25T10:00:00Z", METER_LATE);
	assert_ok(meter_invoice_adjust(&invoice, m, ACME, us("2026-04-05T00:00:00Z")));
	meter_invoice_free(invoice);
	close_meter(m);
	assert_sound();
	change("UPDATE document_bill SET replaces = NULL WHERE document = 7");
	assert_finding("period_overlap", "subscription acme, 2026-01-11T00:00:00Z to 2026-02-01T00:00:00Z");
}

static void test_stale_mark_deleted(void **state)
{
	(void)state;
	meter *m = open_meter();
	record_at(m, "acme", "late", "call", "100", "2026-01-25T10:00:00Z", METER_LATE);
	close_meter(m);
	change("DELETE FROM stale");
	assert_findings("stale_missing", "document 1 (INV-000001), bill 1, subscription acme, 2026-01-11");
}

/* Buckets are proven by events, and bills by buckets. */
static void test_usage_changed(void **state)
{
	(void)state;
	sql_run(meter_path(), "UPDATE event SET value = 41 WHERE id = 'b2'");
	assert_findings("minute_differs minute_differs", "meter most, subscription beta");
	sql_run(meter_path(), "UPDATE minute SET value = 41 WHERE value = 40; UPDATE hour SET value = 41 WHERE value = 40;"
	                      "UPDATE day SET value = 41 WHERE value = 40");
	assert_findings("line_differs", "document 4 (INV-000004), bill 4, subscription beta");
	/* And of bills that hold no more, by events alone. */
	start_again();
	meter *m = open_meter();
	meter_invoice *invoice;
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	assert_ok(meter_invoice_void(&invoice, m, "INV-000006", "wrong", us("2026-04-05T00:00:00Z")));
	meter_invoice_free(invoice);
	close_meter(m);
	sql_run(meter_path(),
	        "UPDATE event SET value = 4 WHERE id = 'b3'; UPDATE minute SET value = 4 WHERE value = 3 AND at IS NULL;"
	        "UPDATE hour SET value = 4 WHERE value = 3; UPDATE day SET value = 4 WHERE value = 3");
	assert_findings("", NULL);
	options.flags = METER_VERIFY_FULL;
	assert_findings_with(&options, "line_differs", "document 6 (INV-000006), bill 6, subscription beta");
}

static void test_catalog_changed(void **state)
{
	(void)state;
	/* The file keeps what is in force in mind by its version: another one must be, so that the old one is read. */
	char other[sizeof(catalog) + 16], changed[sizeof(catalog)], hash[HASH_TEXT_SIZE], sql[400];
	snprintf(other, sizeof(other), "%s# more\n", catalog);
	meter *m = open_meter();
	apply_catalog(m, other);
	close_meter(m);
	/* Whoever changes a text and its hash is found out by the hash of the plan that each bill has. */
	memcpy(changed, catalog, sizeof(catalog));
	memcpy(strstr(changed, "0.333"), "0.334", 5);
	meter__hash(hash, (struct slice){changed, sizeof(catalog) - 1});
	snprintf(sql, sizeof(sql), "UPDATE catalog SET text = replace(text, '0.333', '0.334'), hash = '%s' WHERE version = 1",
	         hash);
	sql_run(meter_path(), sql);
	assert_findings("plan_differs plan_differs plan_differs", "document 5 (INV-000005), bill 5");
	sql_run(meter_path(), "UPDATE catalog SET text = replace(text, '0.334', '0.335') WHERE version = 1");
	meter_verification *v = verify_with(NULL);
	assert_text("catalog_differs", meter_verify_code(v, 0));
	assert_text("catalog version 1", meter_verify_place(v, 0));
	meter_verify_free(v);
	/* One that cannot be read: none of its bills can be rated again. */
	sql_run(meter_path(), "UPDATE catalog SET text = 'x' WHERE version = 1");
	assert_finding("line_differs", "document 1 (INV-000001), bill 1, subscription acme");
	assert_finding("line_differs", "document 6 (INV-000006), bill 6, subscription beta");
}

static void test_what_cannot_be_proven_is_not_issued(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter_closing *closing;
	meter *m = open_meter();
	sql_run(meter_path(), "CREATE TRIGGER evil AFTER INSERT ON entry WHEN new.number = 0 BEGIN"
	                      " INSERT INTO entry VALUES (new.document, 99, 'revenue', 'USD', '1'); END");
	assert_code(METER_ECORRUPT, meter_invoice_finalize(&invoice, m, ACME, NO_PERIOD, NULL, us("2026-05-05T00:00:00Z")));
	assert_part("entry_differs", meter_errmsg());
	assert_code(METER_ECORRUPT, close_at(&closing, m, us("2026-05-05T00:00:00Z")));
	assert_code(METER_ECORRUPT, meter_invoice_void(&invoice, m, "INV-000006", "wrong", us("2026-05-05T00:00:00Z")));
	sql_run(meter_path(),
	        "DROP TRIGGER evil; CREATE TRIGGER evil AFTER INSERT ON link BEGIN"
	        " INSERT INTO line SELECT bill, 99, 2, NULL, 'revenue', '', 0, 1, '0', '0', '1', '0', '0' FROM document_bill"
	        " WHERE document = new.document; END");
	assert_code(METER_ECORRUPT, meter_invoice_finalize(&invoice, m, ACME, NO_PERIOD, NULL, us("2026-05-05T00:00:00Z")));
	assert_part("link", meter_errmsg());
	sql_run(meter_path(), "DROP TRIGGER evil");
	assert_i64(6, sql_int(meter_path(), "SELECT count(*) FROM document"));
	finalize(m, "acme", NULL, "2026-05-05T00:00:00Z");
	close_meter(m);
	assert_sound();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_file(test_finalized_invoices_are_sound),
		on_file(test_everything_that_may_happen_is_sound),
		on_file(test_late_event_without_effect_is_sound),
		on_file(test_finalized_before_its_end),
		on_file(test_what_a_new_invoice_leaves_reaches_the_next_period),
		on_file(test_adjusting_around_a_period_that_is_open_again),
		in_scratch(test_closing_bills_each_period_once),
		on_file(test_regenerate_waits_for_earlier_periods),
		on_file(test_line_changed),
		on_file(test_bill_changed),
		on_file(test_each_total_is_compared),
		on_file(test_entry_changed),
		on_file(test_document_changed),
		on_file(test_link_changed),
		on_file(test_document_deleted),
		on_file(test_last_document_deleted),
		on_file(test_head_that_was_kept),
		on_file(test_number_changed),
		on_file(test_time_changed),
		on_file(test_billed_changed),
		on_file(test_replaced_bill_changed),
		on_file(test_stale_mark_deleted),
		on_file(test_usage_changed),
		on_file(test_catalog_changed),
		on_file(test_what_cannot_be_proven_is_not_issued),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(template);
	return failed;
}
