/*
 * test_proven.c - nothing is billed whose usage is not what its events add up to: buckets are changed behind the library's back,
 * and finalizing, closing, adjusting and regenerating refuse what they would be billed for, and only that.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "billing.h"
#include "closing.h"

static const char catalog[] = "version: 1\n"
			      "meters:\n"
			      "  calls: {event_type: call, aggregation: sum}\n"
			      "  held: {event_type: gauge, aggregation: time_weighted}\n"
			      "plans:\n"
			      "  - key: p\n"
			      "    currency: USD\n"
			      "    period: month\n"
			      "    effective_from: 2026-01-01T00:00:00Z\n"
			      "    charges:\n"
			      "      - {key: calls, model: unit, meter: calls, price: '1.00'}\n"
			      "      - {key: held, model: unit, meter: held, price: '1.00', per: 86400}\n"
			      "  - key: daily\n"
			      "    currency: USD\n"
			      "    period: day\n"
			      "    effective_from: 2026-01-01T00:00:00Z\n"
			      "    charges: [{key: calls, model: unit, meter: calls, price: '1.00'}]\n"
			      "  - key: flat\n"
			      "    currency: USD\n"
			      "    period: month\n"
			      "    effective_from: 2026-01-01T00:00:00Z\n"
			      "    charges: [{key: base, model: flat, amount: '9.00'}]\n"
			      "subscriptions:\n"
			      "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n"
			      "  beta: {customer: B, plan: p, from: 2026-01-01T05:00:00Z, timezone: America/New_York}\n"
			      "  days: {customer: C, plan: daily, from: 2026-01-01T00:00:00Z, until: 2026-01-05T00:00:00Z}\n"
			      "  base: {customer: D, plan: flat, from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z}\n";

/* The row of calls of a subscription at a level. 1768471200: 2026-01-15T10:00:00Z. */
#define OF(subscription)                                                                                                         \
	" WHERE subscription = (SELECT number FROM name WHERE text = '" subscription "') AND meter ="                            \
	" (SELECT meter FROM catalog_meter WHERE key = 'calls' LIMIT 1)"
#define DAY " AND day = 1768471200 / 86400"
#define CHANGED "UPDATE day SET value = value + 1" OF("acme") DAY
#define MENDED "UPDATE day SET value = value - 1" OF("acme") DAY

static meter *start(void)
{
	meter *m = open_meter();
	apply_catalog(m, catalog);
	/* In the order of their time, so that none waits in table late; hours and days are rolled up behind the newest. */
	use(m, "days", "2026-01-02T10:00:00Z", "2");
	use(m, "days", "2026-01-04T10:00:00Z", "2");
	use(m, "base", "2026-01-04T10:00:00Z", "2");
	use(m, "acme", "2026-01-15T10:00:00Z", "5");
	use(m, "beta", "2026-01-15T10:00:30Z", "3");
	use(m, "beta", "2026-02-01T02:00:00Z", "4"); /* in January, where beta lives */
	use(m, "acme", "2026-02-15T10:00:00Z", "7");
	use(m, "acme", "2026-03-01T00:00:00Z", "1");
	return m;
}

static void change(const char *sql)
{
	sql_run(meter_path(), sql);
}

#define AT "2026-02-03T00:00:00Z"

static void test_usage_that_differs_is_not_billed(void **state)
{
	(void)state;
	static const struct {
		const char *change, *back, *part;
	} cases[] = {
		{CHANGED, MENDED,
	         "day_differs: a day, and what came late for it, does not hold what its events add up to: day "
	         "2026-01-15T00:00:00Z, meter "
	         "calls, subscription acme, dimensions {}: expected 1 event, value 5, found 1 event, value 6"},
		{"UPDATE event SET value = 6 WHERE timestamp = 1768471200000000",
	         "UPDATE event SET value = 5 WHERE timestamp = 1768471200000000", "day_differs"},
		{"UPDATE event SET properties = '[' WHERE timestamp = 1768471200000000",
	         "UPDATE event SET properties = '[]' WHERE timestamp = 1768471200000000", "event_unreadable"},
		{"UPDATE day SET day = day + 1" OF("acme") DAY,
	         "UPDATE day SET day = day - 1" OF("acme") " AND day = 1768471200 / 86400 + 1", "day 2026-01-15T00:00:00Z"},
		/* Of which there is no event at all. */
		{"INSERT INTO day SELECT month, meter, subscription, day + 1, dimensions, 1, 0, 1, NULL FROM day" OF("acme") DAY,
	         "DELETE FROM day" OF("acme") " AND day = 1768471200 / 86400 + 1", "day 2026-01-16T00:00:00Z"},
	};
	meter *m = start();
	for (size_t i = 0; i < COUNT(cases); i++) {
		change(cases[i].change);
		refuse_finalize(m, "acme", NULL, AT, METER_ECORRUPT, cases[i].part);
		assert_text("", documents_of(m, NULL));
		change(cases[i].back);
	}
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 5.00", show_free(finalize(m, "acme", NULL, AT)));
	check_books(m);
}

/* Where a period begins or ends inside a day, hours and minutes are billed. */
static void test_days_that_a_period_cuts(void **state)
{
	(void)state;
	static const struct {
		const char *change, *back, *part;
	} cases[] = {
		{"UPDATE hour SET value = value + 1" OF("beta") " AND hour = 1769911200 / 3600",
	         "UPDATE hour SET value = value - 1" OF("beta") " AND hour = 1769911200 / 3600", "hour_differs"},
		{"UPDATE minute SET value = value + 1" OF("beta") " AND minute = 1769911200 / 60",
	         "UPDATE minute SET value = value - 1" OF("beta") " AND minute = 1769911200 / 60",
	         "minute_differs: a minute does not hold what its events add up to: minute 2026-02-01T02:00:00Z"},
	};
	meter *m = start();
	for (size_t i = 0; i < COUNT(cases); i++) {
		change(cases[i].change);
		refuse_finalize(m, "beta", NULL, AT, METER_ECORRUPT, cases[i].part);
		change(cases[i].back);
	}
	/* Minutes of a day that is billed as a day are for meter verify. */
	change("UPDATE minute SET value = value + 1" OF("beta") " AND minute = 1768471200 / 60");
	assert_text("INV-000001 invoice 2026-01-01T05:00:00Z..2026-02-01T05:00:00Z 7.00",
	            show_free(finalize(m, "beta", NULL, AT)));
	close_meter(m);
}

static void test_a_sample_is_compared(void **state)
{
	(void)state;
	meter *m = start();
	meter_event gauge = event_of("acme", "g", "gauge");
	gauge.timestamp_us = us("2026-01-30T00:00:00Z");
	assert_ok(meter_record_many(m, &gauge, 1, NULL));
	change("UPDATE sample SET value = 2");
	refuse_finalize(m, "acme", NULL, AT, METER_ECORRUPT, "sample_differs");
	change("UPDATE sample SET value = 1");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 7.00", show_free(finalize(m, "acme", NULL, AT)));
	close_meter(m);
}

/* It came in January, is billed in February as well, and was right when January was. */
static void test_a_value_that_holds_into_the_period_is_compared(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"UPDATE sample SET value = 2 WHERE timestamp = 1769644800000000",
		"DELETE FROM sample WHERE timestamp = 1769644800000000",
	};
	static const char *const right[] = {
		"UPDATE sample SET value = 1 WHERE timestamp = 1769644800000000",
		"INSERT INTO sample SELECT meter, subscription, dimensions, 1769644800000000, events, unmeasured, 1, at FROM "
	        "sample",
	};
	meter *m = start();
	static const char *const days[] = {"2026-01-20T00:00:00Z", "2026-01-29T00:00:00Z"};
	for (size_t i = 0; i < COUNT(days); i++) {
		meter_event gauge = event_of("acme", i ? "g2" : "g1", "gauge");
		gauge.timestamp_us = us(days[i]);
		assert_ok(meter_record_many(m, &gauge, 1, NULL));
	}
	meter_invoice_free(finalize(m, "acme", NULL, AT));
	for (size_t i = 0; i < COUNT(wrong); i++) {
		change(wrong[i]);
		refuse_finalize(m, "acme", NULL, "2026-03-03T00:00:00Z", METER_ECORRUPT, "sample_differs");
		change(right[i]);
	}
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 35.00",
	            show_free(finalize(m, "acme", NULL, "2026-03-03T00:00:00Z")));
	check_books(m);
}

static void test_closing_leaves_out_who_is_wrong(void **state)
{
	(void)state;
	meter *m = start();
	change(CHANGED);
	const char *closed = close_due(m, AT);
	assert_part("beta INV-", closed);
	assert_part("days INV-", closed);
	assert_part("base INV-", closed);
	assert_part("acme refused: nothing was issued: day_differs", closed);
	assert_null(strstr(closed, "acme INV-"));
	change(MENDED);
	assert_text("acme INV-000007 5.00", close_due(m, AT));
	check_books(m);
}

static void test_what_is_wrong_elsewhere_does_not_matter(void **state)
{
	(void)state;
	meter *m = start();
	change("UPDATE day SET value = value + 1" OF("acme") " AND day = 1771149600 / 86400"); /* in February */
	assert_text("INV-000001 invoice 2026-01-01T05:00:00Z..2026-02-01T05:00:00Z 7.00",
	            show_free(finalize(m, "beta", NULL, AT)));
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 5.00", show_free(finalize(m, "acme", NULL, AT)));
	refuse_finalize(m, "acme", NULL, "2026-03-03T00:00:00Z", METER_ECORRUPT, "day 2026-02-15T00:00:00Z");
	/* Without a meter there is nothing to compare: the usage of base is wrong, and billed to nobody. */
	change("UPDATE day SET value = 77 WHERE subscription = (SELECT number FROM name WHERE text = 'base')");
	assert_text("INV-000003 invoice 2026-01-01..2026-02-01 9.00", show_free(finalize(m, "base", NULL, AT)));
	close_meter(m);
}

static void test_adjusting_and_regenerating(void **state)
{
	(void)state;
	meter *m = start();
	meter_invoice *invoice;
	meter_invoice_free(finalize(m, "acme", NULL, AT));
	use(m, "acme", "2026-01-20T10:00:00Z", "2");
	change(CHANGED);
	assert_code(METER_ECORRUPT, meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, us(AT)));
	assert_part("day_differs", meter_errmsg());
	assert_code(METER_ECORRUPT, meter_invoice_regenerate(&invoice, m, "INV-000001", "wrong", us(AT)));
	assert_part("day_differs", meter_errmsg());
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 5.00", documents_of(m, NULL));
	/* What is only shown need not be proven. */
	assert_ok(meter_invoice_redraft(&invoice, m, "INV-000001"));
	assert_text("invoice 2026-01-01..2026-02-01 8.00, draft", show_free(invoice));
	change(MENDED);
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 2.00", adjust(m, "acme", AT));
	check_books(m);
}

static void test_what_comes_after_the_comparison_is_billed(void **state)
{
	(void)state;
	meter *m = start();
	meter_invoice_free(finalize(m, "acme", NULL, AT));
	use(m, "beta", "2026-01-20T10:00:00Z", "4");
	assert_text("INV-000002 invoice 2026-01-01T05:00:00Z..2026-02-01T05:00:00Z 11.00",
	            show_free(finalize(m, "beta", NULL, AT)));
	check_books(m);
}

/* Beyond the findings that are kept nobody is known to be right. */
static void test_many_findings_refuse_everybody(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	for (int i = 0; i < 1100; i++) {
		char name[16];
		snprintf(name, sizeof(name), "s%d", i);
		meter_event event = event_of(name, "e", "call");
		event.timestamp_us = us("2026-01-03T00:00:00Z") + i;
		assert_ok(meter_record(m, &event));
	}
	assert_ok(meter_flush(m, -1));
	use(m, "acme", "2026-01-15T10:00:00Z", "5");
	use(m, "acme", "2026-03-01T00:00:00Z", "1");
	change("UPDATE day SET value = value + 1");
	meter_closing *closing;
	assert_code(METER_ECORRUPT, close_at(&closing, m, us(AT)));
	assert_part("1101 buckets are not what their events add up to", meter_errmsg());
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_usage_that_differs_is_not_billed),
		in_scratch(test_days_that_a_period_cuts),
		in_scratch(test_a_sample_is_compared),
		in_scratch(test_a_value_that_holds_into_the_period_is_compared),
		in_scratch(test_closing_leaves_out_who_is_wrong),
		in_scratch(test_what_is_wrong_elsewhere_does_not_matter),
		in_scratch(test_adjusting_and_regenerating),
		in_scratch(test_what_comes_after_the_comparison_is_billed),
		in_scratch(test_many_findings_refuse_everybody),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
