/*
 * test_life.c - what happens to invoices when the catalog changes after they were issued: periods of other lengths, another time
 * zone, a start that moves, plans that end.
 */
#include <stdio.h>

#include "billing.h"
#include "closing.h"
#include "os.h"

#define METERS "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\n"
#define CALLS "charges: [{key: calls, model: unit, meter: calls, price: '1.00'}]"
#define PLANS                                                                                                                    \
	METERS "plans:\n"                                                                                                        \
	       "  - {key: monthly, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, " CALLS "}\n"             \
	       "  - {key: quarterly, currency: USD, period: quarter, effective_from: 2026-01-01T00:00:00Z, " CALLS "}\n"         \
	       "subscriptions:\n"

static const char *period_of(meter *m, const char *period)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_get(&invoice, m, "acme", METER_NUL_TERMINATED, period, METER_NUL_TERMINATED));
	return show_free(invoice);
}

static void refuse_period(meter *m, const char *period, int code, const char *part)
{
	meter_invoice *invoice;
	assert_code(code, meter_invoice_get(&invoice, m, "acme", METER_NUL_TERMINATED, period, METER_NUL_TERMINATED));
	assert_part(part, meter_errmsg());
}

/* A period is called what it was called when it was billed. */
static void test_a_period_by_its_old_name(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, PLANS "  acme: {customer: A, plan: monthly, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	use(m, "acme", "2026-02-10T00:00:00Z", NULL);
	use(m, "acme", "2026-02-11T00:00:00Z", NULL);
	use(m, "acme", "2026-03-10T00:00:00Z", NULL);
	close_due(m, "2026-03-01T00:00:00Z");
	apply_catalog(m, PLANS "  acme: {customer: A, plan: quarterly, from: 2026-01-01T00:00:00Z}\n");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 1.00", period_of(m, "2026-01"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 1.00", period_of(m, "2026-01-15"));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 2.00", period_of(m, "2026-02"));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 2.00", period_of(m, "2026-02-28"));
	assert_text("invoice 2026-03-01..2026-04-01 1.00, draft", period_of(m, "2026-Q1"));
	assert_text("invoice 2026-03-01..2026-04-01 1.00, draft", period_of(m, "2026-03-15"));
	refuse_period(m, "2026-03", METER_ENOTFOUND, "no period starts in this month");
	/* Also where the subscription is gone. */
	apply_catalog(m, PLANS "  other: {customer: A, plan: quarterly, from: 2026-01-01T00:00:00Z}\n");
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 2.00", period_of(m, "2026-02"));
	refuse_period(m, "2026-03", METER_ENOTFOUND, "no subscription \"acme\"");
	check_books(m);
}

#define FLAT                                                                                                                     \
	METERS "plans:\n"                                                                                                        \
	       "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, minimum: '3.10', charges: ["    \
	       "{key: fee, model: flat, amount: '31.00'}, "                                                                      \
	       "{key: calls, model: unit, meter: calls, price: '1.00', included: '2'}]}\n"                                       \
	       "subscriptions:\n"

/* What is stated per period is due for the time of it: a part that a change of the zone leaves open is not a period. */
static void test_a_part_that_a_zone_leaves(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, FLAT "  acme: {customer: A, plan: p, from: 2025-12-01T00:00:00Z, timezone: Etc/UTC}\n");
	use(m, "acme", "2026-02-01T03:00:00Z", NULL);
	use(m, "acme", "2026-02-10T03:00:00Z", NULL);
	assert_text("acme refused: subscription acme has no plan in force at 2025-12-01T00:00:00Z",
	            close_due(m, "2026-02-01T00:00:00Z"));
	apply_catalog(m, FLAT "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z, timezone: Etc/UTC}\n");
	assert_text("acme INV-000001 31.00", close_due(m, "2026-02-01T00:00:00Z"));
	/* 6 of 744 hours; the included units round down to none. */
	apply_catalog(m, FLAT "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z, timezone: America/Chicago}\n");
	assert_text("flat fee 6 x 31 = 0.25; usage calls 1 x 1 = 1.00", draft_lines_of(m, "acme", NULL));
	assert_text("acme INV-000002 1.25; acme INV-000003 31.00", close_due(m, "2026-03-02T00:00:00Z"));
	refuse_period(m, "2026-01", METER_ESTATE, "parts of this period are billed apart, on INV-000001 and INV-000002");
	assert_text("INV-000003 invoice 2026-02-01T06:00:00Z..2026-03-01T06:00:00Z 31.00", period_of(m, "2026-02-01"));
	check_books(m);
}

/* Paid for the whole period when it ended early; what follows of it is not one more. */
static void test_an_end_that_is_taken_back(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, FLAT "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-01-16T12:00:00Z}\n");
	assert_text("acme INV-000001 31.00", close_due(m, "2026-02-01T00:00:00Z"));
	apply_catalog(m, FLAT "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n");
	assert_text("acme INV-000002 15.50", close_due(m, "2026-02-01T00:00:00Z"));
	assert_text("flat fee 372 x 31 = 15.50; usage calls 0 x 1 = 0.00", found_lines(m, "INV-000002"));
	check_books(m);
}

#define GIFT                                                                                                                     \
	METERS "plans:\n"                                                                                                        \
	       "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, "                               \
	       "credits: [{key: gift, amount: 10}], " CALLS "}\n"                                                                \
	       "subscriptions:\n"

/* A draft of a later period looks past the time in which there was no plan yet. */
static void test_credits_behind_a_time_without_a_plan(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GIFT "  acme: {customer: A, plan: p, from: 2025-12-15T00:00:00Z}\n");
	use(m, "acme", "2025-12-20T00:00:00Z", NULL);
	for (int i = 0; i < 6; i++)
		use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	for (int i = 0; i < 6; i++)
		use(m, "acme", "2026-02-10T00:00:00Z", NULL);
	assert_text("invoice 2026-01-01..2026-02-01 6.00, due 0.00, draft", draft_of(m, "acme", "2026-01"));
	assert_text("invoice 2026-02-01..2026-03-01 6.00, due 2.00, draft", draft_of(m, "acme", "2026-02"));
	close_meter(m);
}

/* An invoice is made anew for what is left of its period. */
static void test_a_start_that_moves(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, PLANS "  acme: {customer: A, plan: monthly, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	use(m, "acme", "2026-01-20T00:00:00Z", NULL);
	assert_text("acme INV-000001 2.00", close_due(m, "2026-02-01T00:00:00Z"));
	apply_catalog(m, PLANS "  acme: {customer: A, plan: monthly, from: 2026-01-15T00:00:00Z}\n");
	assert_text("INV-000002 invoice 2026-01-15..2026-02-01 1.00", regenerate(m, "INV-000001", "2026-02-02T00:00:00Z"));
	/* It has moved behind the period. */
	meter_invoice *invoice;
	apply_catalog(m, PLANS "  acme: {customer: A, plan: monthly, from: 2026-02-15T00:00:00Z}\n");
	assert_code(METER_ESTATE, meter_invoice_regenerate(&invoice, m, "INV-000002", "why", METER_NOW));
	assert_text("the subscription has no such period any more", meter_errmsg());
	check_books(m);
}

static int64_t early_clock(void)
{
	return us("2026-02-01T00:00:00Z");
}

/* ---- adjustments ---- */

#define MODELS                                                                                                                   \
	"version: 1\nmeters:\n  calls: {event_type: call, aggregation: count, dimensions: [model]}\n"                            \
	"  size: {event_type: call, aggregation: sum}\n"                                                                         \
	"plans:\n"                                                                                                               \
	"  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: ["                            \
	"{key: calls, model: unit, meter: calls, rates: [{match: {model: big}, price: '5'}%s]}, "                                \
	"{key: size, model: package, meter: size, per: 10, price: '%s'}]}\n"                                                     \
	"subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n"

static void apply_models(meter *m, const char *rate, const char *price)
{
	char text[sizeof(MODELS) + 100];
	snprintf(text, sizeof(text), MODELS, rate, price);
	apply_catalog(m, text);
}

/* kind, description, quantity x price = amount, and what is adjusted. */
static void check_line(const meter_invoice *invoice, size_t index, const char *expected)
{
	char text[300];
	const char *price = meter_invoice_line_price(invoice, index), *amount = meter_invoice_line_amount(invoice, index);
	const char *adjusts = meter_invoice_line_adjusts(invoice, index);
	snprintf(text, sizeof(text), "%s | %s | %s x %s = %s | %s", meter_invoice_line_kind_name(invoice, index),
	         meter_invoice_line_description(invoice, index), meter_invoice_line_quantity(invoice, index), price ? price : "-",
	         amount ? amount : "-", adjusts ? adjusts : "-");
	assert_text(expected, text);
}

static meter_invoice *draft_next(meter *m)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED));
	return invoice;
}

/* Late usage without a rate is shown, and keeps the invoice from being finalized until it has one. */
static void test_late_usage_without_a_rate(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_models(m, "", "2");
	use_with(m, "acme", "2026-01-10T00:00:00Z", "1", "model", "big");
	assert_text("acme INV-000001 7.00", close_due(m, "2026-02-01T00:00:00Z"));
	use_with(m, "acme", "2026-01-11T00:00:00Z", "20", "model", "small");
	meter_invoice *invoice = draft_next(m);
	assert_text("invoice 2026-02-01..2026-03-01 4.00, draft", show(invoice));
	assert_i64(4, (int64_t)meter_invoice_line_count(invoice));
	assert_i64(1, (int64_t)meter_invoice_suspended_count(invoice));
	check_line(invoice, 0, "usage | calls, no usage | 0 x 5 = 0.00 | -");
	check_line(invoice, 2,
	           "suspended | calls, no rate for model=small: 1 instead of 0 (INV-000001) | 1 x - = - | INV-000001");
	check_line(invoice, 3,
	           "adjustment | size, 3 packages of 10 for 21 units: 3 instead of 1 (INV-000001) | 2 x 2 = 4.00 | INV-000001");
	assert_text("4.00", meter_invoice_adjustments(invoice));
	assert_text("0.00", meter_invoice_subtotal(invoice));
	meter_invoice_free(invoice);
	refuse_finalize(m, "acme", NULL, "2026-03-01T00:00:00Z", METER_ESTATE,
	                "late usage has no amount (calls, no rate for model=small: 1 instead of 0 (INV-000001)): give it a "
	                "price, apply that, and "
	                "regenerate INV-000001");
	assert_code(METER_ESTATE, meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, us("2026-02-01T00:00:00Z")));
	/* As the message says. */
	apply_models(m, ", {match: {model: small}, price: '1'}", "2");
	refuse_finalize(m, "acme", NULL, "2026-03-01T00:00:00Z", METER_ESTATE, "regenerate INV-000001");
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 12.00", regenerate(m, "INV-000001", "2026-02-02T00:00:00Z"));
	assert_text("acme INV-000003 0.00", close_due(m, "2026-03-01T00:00:00Z"));
	check_books(m);
}

/* What costs more is shown as a price, what was used more as a quantity. */
static void test_words_of_a_difference(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_invoice *before, *after, *difference;
	apply_models(m, "", "2");
	use_with(m, "acme", "2026-01-10T00:00:00Z", "41", "model", "big");
	close_due(m, "2026-02-01T00:00:00Z");
	apply_models(m, "", "3");
	assert_ok(meter_invoice_find(&before, m, "INV-000001"));
	assert_ok(meter_invoice_redraft(&after, m, "INV-000001"));
	assert_ok(meter_invoice_compare(&difference, before, after));
	assert_i64(1, (int64_t)meter_invoice_line_count(difference));
	check_line(difference, 0, "adjustment | size, 5 packages of 10 for 41 units: price 3 instead of 2 | 5 x 1 = 5.00 | -");
	assert_text("5.00", meter_invoice_adjustments(difference));
	meter_invoice_free(difference);
	meter_invoice_free(after);
	use_with(m, "acme", "2026-01-11T00:00:00Z", "20", "model", "big");
	assert_ok(meter_invoice_redraft(&after, m, "INV-000001"));
	assert_ok(meter_invoice_compare(&difference, before, after));
	assert_i64(2, (int64_t)meter_invoice_line_count(difference));
	check_line(difference, 0, "adjustment | calls, rate model=big: 2 instead of 1 | 1 x 5 = 5.00 | -");
	check_line(difference, 1,
	           "adjustment | size, 7 packages of 10 for 61 units: 7 instead of 5, price 3 instead of 2 | 1 x 11 = 11.00 | -");
	meter_invoice_free(difference);
	meter_invoice_free(after);
	meter_invoice_free(before);
	/* The adjustment itself, by the catalog of then; and read again. */
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 9.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	use_with(m, "acme", "2026-01-12T00:00:00Z", "1", "model", "big");
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 5.00", adjust(m, "acme", "2026-02-03T00:00:00Z"));
	assert_ok(meter_invoice_find(&after, m, "INV-000003"));
	check_line(after, 0, "adjustment | calls, rate model=big: 3 instead of 2 (INV-000001) | 1 x 5 = 5.00 | INV-000001");
	meter_invoice_free(after);
	check_books(m);
}

/* ---- what is left to the next period ---- */

/* Credits of one key in two currencies are two. */
static void test_a_credit_in_two_currencies(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS "plans:\n"
	                        "  - {key: dollars, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, "
	                        "credits: [{key: gift, amount: 5}], " CALLS "}\n"
	                        "  - {key: yen, currency: JPY, period: month, effective_from: 2026-01-01T00:00:00Z, "
	                        "credits: [{key: gift, amount: 3}], " CALLS "}\n"
	                        "subscriptions:\n  acme: {customer: A, plan: [{plan: dollars, from: 2026-01-01T00:00:00Z}, "
	                        "{plan: yen, from: 2026-02-01T00:00:00Z}]}\n");
	for (int i = 0; i < 4; i++) {
		use(m, "acme", "2026-01-10T00:00:00Z", NULL);
		use(m, "acme", "2026-02-10T00:00:00Z", NULL);
	}
	assert_text("acme INV-000001 4.00; acme INV-000002 4", close_due(m, "2026-03-01T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00, due 0.00", found(m, "INV-000001"));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 4, due 1", found(m, "INV-000002"));
	check_books(m);
}

/* What is taken back of what a credit has paid is a credit note, although nothing is paid out. */
static void test_a_credit_note_of_what_a_credit_paid(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GIFT "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n");
	use_as(m, "acme", "one", "2026-01-10T00:00:00Z", NULL);
	use_as(m, "acme", "two", "2026-01-11T00:00:00Z", NULL);
	close_due(m, "2026-02-01T00:00:00Z");
	const meter_property properties[] = {METER_PROPERTY("meter.id", "two"),
	                                     METER_PROPERTY("meter.timestamp", "2026-01-11T00:00:00Z")};
	meter_event event = event_of("acme", "not-two", "meter.retract");
	event.properties = properties;
	event.property_count = 2;
	assert_ok(meter_record_many(m, &event, 1, NULL));
	assert_text("CN-000001 credit_note 2026-01-01..2026-02-01 -1.00, due 0.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	check_books(m);
}

/* A file keeps so many balances; the subscription that would leave more is refused, and no other. */
static void test_more_balances_than_a_period_leaves(void **state)
{
	(void)state;
	enum { BALANCES = 10001 };
	meter *m = open_meter();
	apply_catalog(m, "version: 1\nmeters:\n  size: {event_type: call, aggregation: sum, dimensions: [model]}\nplans:\n"
	                 "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: ["
	                 "{key: size, model: unit, meter: size, price: 1, group_by: [model]}]}\n"
	                 "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n"
	                 "  beta: {customer: B, plan: p, from: 2026-01-01T00:00:00Z}\n");
	for (int i = 0; i < BALANCES; i++) {
		char model[20];
		snprintf(model, sizeof(model), "m%d", i);
		const meter_property property = METER_PROPERTY("model", model);
		meter_event event = event_of("acme", model, "call");
		event.timestamp_us = us("2026-01-10T00:00:00Z");
		event.value = "-1";
		event.properties = &property;
		event.property_count = 1;
		assert_ok(meter_record(m, &event));
	}
	assert_ok(meter_flush(m, -1));
	use_with(m, "beta", "2026-01-10T00:00:00Z", "2", "model", "m1");
	assert_text("acme refused: it would leave 10001 balances to the next period; there may be 10000; beta INV-000001 2.00",
	            close_due(m, "2026-02-01T00:00:00Z"));
	use_with(m, "acme", "2026-01-10T00:00:00Z", "1", "model", "m77");
	assert_text("acme INV-000002 0.00", close_due(m, "2026-02-01T00:00:00Z"));
	use_with(m, "acme", "2026-01-10T00:00:00Z", "-1", "model", "m77");
	assert_text("acme refused: it would leave 10001 balances to the next period; there may be 10000; beta INV-000003 0.00",
	            close_due(m, "2026-03-01T00:00:00Z"));
	check_books(m);
}

/* ---- time ---- */

/* Documents are issued in the order of their times, and not ahead of the clock. */
static void test_documents_in_the_order_of_time(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_invoice *invoice;
	meter_closing *closing;
	apply_catalog(m, PLANS "  acme: {customer: A, plan: monthly, from: 2026-01-01T00:00:00Z}\n"
	                       "  beta: {customer: B, plan: monthly, from: 2026-01-01T00:00:00Z}\n");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00",
	            show_free(finalize(m, "acme", "2026-01", "2026-02-03T00:00:00Z")));
	const char *before = "2026-02-02T23:59:59.999999Z is before the last document, of 2026-02-03T00:00:00Z";
	refuse_finalize(m, "beta", "2026-01", "2026-02-02T23:59:59.999999Z", METER_ESTATE, before);
	assert_code(METER_ESTATE, meter_invoice_void(&invoice, m, "INV-000001", "why", us("2026-02-02T23:59:59.999999Z")));
	assert_part(before, meter_errmsg());
	assert_code(METER_ESTATE, meter_invoice_regenerate(&invoice, m, "INV-000001", "why", us("2026-02-02T23:59:59.999999Z")));
	assert_code(METER_ESTATE, close_at(&closing, m, us("2026-02-02T23:59:59.999999Z")));
	assert_part(before, meter_errmsg());
	/* What is there already is no new document. */
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00",
	            show_free(finalize(m, "acme", "2026-01", "2026-02-02T00:00:00Z")));
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 0.00",
	            show_free(finalize(m, "beta", "2026-01", "2026-02-03T00:00:00Z")));
	/* A clock that went back dates no document before another one; nobody may run ahead of it. */
	const struct os_calls real = meter__os;
	meter__os.now_us = early_clock;
	meter_invoice *anew = NULL;
	const int code = meter_invoice_regenerate(&anew, m, "INV-000002", "why", METER_NOW);
	const int ahead = meter_invoice_void(&invoice, m, "INV-000001", "why", us("2026-02-01T00:05:00.000001Z"));
	const int nearly = meter_invoice_void(&invoice, m, "INV-000001", "why", us("2026-02-01T00:05:00Z"));
	meter__os = real;
	assert_ok(code);
	assert_i64(us("2026-02-03T00:00:00Z"), meter_invoice_finalized_us(anew));
	meter_invoice_free(anew);
	assert_code(METER_EINVAL, ahead);
	assert_code(METER_ESTATE, nearly);
	check_books(m);
}

/* One period of all subscriptions: those that have none are left out, those for which the name says too little are told. */
static void test_one_period_of_all(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_closing *closing;
	meter_closing_options options = METER_CLOSING_OPTIONS_INIT;
	apply_catalog(m, METERS
	              "plans:\n"
	              "  - {key: monthly, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, " CALLS "}\n"
	              "  - {key: quarterly, currency: USD, period: quarter, effective_from: 2026-01-01T00:00:00Z, " CALLS "}\n"
	              "  - {key: weekly, currency: USD, period: week, effective_from: 2026-01-01T00:00:00Z, " CALLS "}\n"
	              "  - {key: later, currency: USD, period: month, effective_from: 2026-02-15T00:00:00Z, " CALLS "}\n"
	              "subscriptions:\n"
	              "  a-month: {customer: A, plan: monthly, from: 2026-01-01T00:00:00Z}\n"
	              "  b-quarter: {customer: B, plan: quarterly, from: 2026-01-01T00:00:00Z}\n"
	              "  c-week: {customer: C, plan: weekly, from: 2026-01-01T00:00:00Z}\n"
	              "  d-not-yet: {customer: D, plan: monthly, from: 2026-03-01T00:00:00Z}\n"
	              "  e-no-plan: {customer: E, plan: later, from: 2026-02-01T00:00:00Z}\n"
	              "  f-month: {customer: F, plan: monthly, from: 2026-02-01T00:00:00Z}\n");
	use(m, "f-month", "2026-02-02T00:00:00Z", NULL);
	options.at_us = us("2026-02-10T00:00:00Z");
	options.period = "2026-02";
	assert_ok(meter_closing_run(&closing, m, &options));
	assert_text("a-month refused: an earlier period is not finalized yet: the one from 2026-01-01T00:00:00Z on; "
	            "c-week refused: \"2026-02\": several periods start in this month; "
	            "e-no-plan refused: subscription e-no-plan has no plan in force at 2026-02-01T00:00:00Z; "
	            "f-month refused: the period ends at 2026-03-01T00:00:00Z; a reason is needed to finalize it before",
	            rows_of(closing));
	options.reason = "the customer leaves";
	options.period = "2026-01";
	assert_ok(meter_closing_run(&closing, m, &options));
	assert_text("a-month INV-000001 0.00; b-quarter INV-000002 0.00; c-week refused: \"2026-01\": several periods start in "
	            "this month",
	            rows_of(closing));
	options.period = "2026-02";
	assert_ok(meter_closing_run(&closing, m, &options));
	assert_part("a-month INV-000003 0.00; c-week refused: ", rows_of(closing));
	/* Again: what is there has its row. */
	assert_ok(meter_closing_run(&closing, m, &options));
	const char *again = rows_of(closing);
	assert_part("a-month INV-000003 0.00; c-week refused: ", again);
	assert_part("f-month INV-000004 1.00", again);
	options.period = "2026-02-30";
	assert_code(METER_EINVAL, meter_closing_run(&closing, m, &options));
	assert_null(closing);
	options.period = NULL;
	assert_code(METER_EINVAL, meter_closing_run(&closing, m, &options));
	assert_part("a reason goes with a period", meter_errmsg());
	check_books(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_period_by_its_old_name),
		in_scratch(test_a_part_that_a_zone_leaves),
		in_scratch(test_an_end_that_is_taken_back),
		in_scratch(test_credits_behind_a_time_without_a_plan),
		in_scratch(test_a_start_that_moves),
		in_scratch(test_late_usage_without_a_rate),
		in_scratch(test_words_of_a_difference),
		in_scratch(test_a_credit_in_two_currencies),
		in_scratch(test_a_credit_note_of_what_a_credit_paid),
		in_scratch(test_documents_in_the_order_of_time),
		in_scratch(test_one_period_of_all),
		in_scratch(test_more_balances_than_a_period_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
