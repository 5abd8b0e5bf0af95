/*
 * test_unbilled.c - events that no invoice can show are counted as such, whatever happens to catalogs and invoices: usage never
 * vanishes in silence. After each step `meter verify` counts them by its own route.
 */
#include <stdio.h>
#include <string.h>

#include "billing.h"

#define METERS "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\n"
#define MORE_METERS METERS "  sales: {event_type: sale, aggregation: count}\n"
#define PLAN                                                                                                                     \
	"plans:\n"                                                                                                               \
	"  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"                                     \
	"     charges: [{key: calls, model: unit, meter: calls, price: '1.00'}]}\n"                                              \
	"subscriptions:\n"
#define ACME "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n"
#define ZED "  zed: {customer: Z, plan: p, from: 2026-01-01T00:00:00Z}\n"

static void check_unbilled(meter *m, int64_t expected)
{
	meter_verification *v;
	assert_i64(expected, read_stats(m).unbilled);
	assert_ok(meter_verify_run(&v, m, NULL));
	if (meter_verify_total(v) > 0)
		print_error("%s: %s: %s: expected %s, found %s\n", meter_verify_code(v, 0), meter_verify_text(v, 0),
		            meter_verify_place(v, 0), meter_verify_expected(v, 0), meter_verify_found(v, 0));
	assert_i64(0, meter_verify_total(v));
	meter_verify_free(v);
}

static void sell(meter *m, const char *subscription, const char *id, const char *when)
{
	meter_event event = event_of(subscription, id, "sale");
	event.timestamp_us = us(when);
	assert_ok(meter_record_many(m, &event, 1, NULL));
}

static void take_back(meter *m, const char *id, const char *when)
{
	const meter_property properties[] = {METER_PROPERTY("meter.id", id), METER_PROPERTY("meter.timestamp", when)};
	char of[64];
	snprintf(of, sizeof(of), "not-%s", id);
	meter_event event = event_of("acme", of, "meter.retract");
	event.properties = properties;
	event.property_count = 2;
	assert_ok(meter_record_many(m, &event, 1, NULL));
}

static void test_a_subscription_that_is_dropped(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS PLAN ACME ZED);
	use(m, "acme", "2026-01-10T00:00:00Z", "1");
	use(m, "zed", "2026-01-10T00:00:00Z", "1");
	close_due(m, "2026-02-01T00:00:00Z");
	use(m, "acme", "2026-02-10T00:00:00Z", "1");
	use_as(m, "acme", "feb", "2026-02-11T00:00:00Z", "1");
	check_unbilled(m, 0);
	/* What is billed is billed; February is not, and never will be. */
	apply_catalog(m, METERS PLAN ZED);
	check_unbilled(m, 2);
	assert_text("zed INV-000003 0.00", close_due(m, "2026-03-01T00:00:00Z"));
	/* Late: no bill of its can be adjusted. */
	use_as(m, "acme", "late", "2026-01-20T00:00:00Z", "1");
	use(m, "acme", "2026-02-20T00:00:00Z", "1");
	check_unbilled(m, 4);
	take_back(m, "feb", "2026-02-11T00:00:00Z");
	check_unbilled(m, 3);
	take_back(m, "late", "2026-01-20T00:00:00Z");
	check_unbilled(m, 2);
	/* Covered again, everything is billed. */
	apply_catalog(m, METERS PLAN ACME ZED);
	check_unbilled(m, 0);
	assert_text("acme INV-000004 2.00", close_due(m, "2026-03-01T00:00:00Z"));
	check_books(m);
}

static void test_a_voided_invoice_of_a_dropped_subscription(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS PLAN ACME ZED);
	use(m, "acme", "2026-01-10T00:00:00Z", "1");
	use(m, "acme", "2026-01-11T00:00:00Z", "1");
	close_due(m, "2026-02-01T00:00:00Z");
	use(m, "acme", "2026-01-12T00:00:00Z", "1");
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 1.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	apply_catalog(m, METERS PLAN ZED);
	check_unbilled(m, 0);
	void_document(m, "INV-000003", "2026-02-03T00:00:00Z");
	check_unbilled(m, 1);
	void_document(m, "INV-000001", "2026-02-03T00:00:00Z");
	check_unbilled(m, 3);
	apply_catalog(m, METERS PLAN ACME ZED);
	check_unbilled(m, 0);
	close_meter(m);
}

/* The last meter of a type is dropped: what lies in open periods is on no invoice. */
static void test_a_type_that_is_dropped(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, MORE_METERS PLAN ACME);
	sell(m, "acme", "a", "2026-01-10T00:00:00Z");
	sell(m, "nobody", "b", "2026-01-10T00:00:00Z");
	check_unbilled(m, 1);
	close_due(m, "2026-02-01T00:00:00Z");
	sell(m, "acme", "c", "2026-02-10T00:00:00Z");
	sell(m, "acme", "d", "2026-02-11T00:00:00Z");
	check_unbilled(m, 1);
	apply_catalog(m, METERS PLAN ACME);
	check_unbilled(m, 3);
	/* The invoice of February does not show them, and they stay what they are. */
	close_due(m, "2026-03-01T00:00:00Z");
	check_unbilled(m, 3);
	take_back(m, "never", "2026-02-11T00:00:00Z");
	check_unbilled(m, 3);
	close_meter(m);
}

/* A bill without a meter for it has not shown it, although it was there when the bill was made. */
static void test_taken_back_after_its_period_was_billed(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS PLAN ACME);
	sell(m, "acme", "a", "2026-01-10T00:00:00Z");
	sell(m, "acme", "b", "2026-01-11T00:00:00Z");
	close_due(m, "2026-02-01T00:00:00Z");
	check_unbilled(m, 2);
	take_back(m, "a", "2026-01-10T00:00:00Z");
	check_unbilled(m, 1);
	take_back(m, "b", "2026-01-11T00:00:00Z");
	check_unbilled(m, 0);
	check_books(m);
}

/* What is dropped may have come late, or lie before the subscription began. */
static void test_a_subscription_that_is_dropped_with_all_it_has(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS PLAN "  acme: {customer: A, plan: p, from: 2026-02-01T00:00:00Z}\n" ZED);
	use(m, "acme", "2026-01-10T00:00:00Z", "1");
	use(m, "acme", "2026-02-10T00:00:00Z", "1");
	close_due(m, "2026-03-01T00:00:00Z");
	use_as(m, "acme", "late", "2026-02-11T00:00:00Z", "1");
	use_as(m, "acme", "open", "2026-03-11T00:00:00Z", "1");
	check_unbilled(m, 0);
	apply_catalog(m, METERS PLAN ZED);
	check_unbilled(m, 3);
	retract(m, "acme", "late", "2026-02-11T00:00:00Z");
	check_unbilled(m, 2);
	close_meter(m);
}

/* A bill goes by the catalog it was rated by, also when it is adjusted: late events of a type that is dropped are on an invoice
 * then. */
static void test_late_events_of_a_type_that_is_dropped(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, MORE_METERS "plans:\n"
	                             "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	                             "     charges: [{key: sales, model: unit, meter: sales, price: '1.00'}]}\n"
	                             "subscriptions:\n" ACME);
	sell(m, "acme", "a", "2026-01-10T00:00:00Z");
	close_due(m, "2026-02-01T00:00:00Z");
	apply_catalog(m, METERS PLAN ACME);
	check_unbilled(m, 0);
	sell(m, "acme", "b", "2026-01-11T00:00:00Z");
	sell(m, "acme", "c", "2026-02-11T00:00:00Z");
	check_unbilled(m, 2);
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 1.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	check_unbilled(m, 1);
	void_document(m, "INV-000002", "2026-02-03T00:00:00Z");
	check_unbilled(m, 2);
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 1.00", adjust(m, "acme", "2026-02-03T00:00:00Z"));
	check_unbilled(m, 1);
	retract(m, "acme", "b", "2026-01-11T00:00:00Z");
	check_unbilled(m, 1);
	void_document(m, "INV-000003", "2026-02-04T00:00:00Z");
	void_document(m, "INV-000001", "2026-02-04T00:00:00Z");
	check_unbilled(m, 2);
	close_meter(m);
}

#define BOTH                                                                                                                     \
	MORE_METERS                                                                                                              \
	"plans:\n"                                                                                                               \
	"  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"                                     \
	"     charges: [{key: calls, model: unit, meter: calls, price: '1.00'},\n"                                               \
	"               {key: sales, model: unit, meter: sales, price: '5.00'}]}\n"                                              \
	"subscriptions:\n"

/* A type gets its meter when the period was billed: its invoice has missed what was there, and a late event is on none either.
 * Only when it is made anew they are on it. */
static void test_a_type_that_is_metered_too_late(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS PLAN ACME ZED);
	sell(m, "acme", "a", "2026-01-10T00:00:00Z");
	sell(m, "acme", "b", "2026-01-11T00:00:00Z");
	sell(m, "acme", "open", "2026-02-10T00:00:00Z");
	use_as(m, "acme", "call", "2026-01-10T00:00:00Z", "1");
	check_unbilled(m, 3);
	close_due(m, "2026-02-01T00:00:00Z");
	check_unbilled(m, 3);
	apply_catalog(m, BOTH ACME ZED);
	check_unbilled(m, 2);
	apply_catalog(m, BOTH ACME);
	check_unbilled(m, 2);
	sell(m, "acme", "late", "2026-01-12T00:00:00Z");
	sell(m, "acme", "open-too", "2026-02-11T00:00:00Z");
	use_as(m, "acme", "late-call", "2026-01-12T00:00:00Z", "1");
	retract(m, "acme", "call", "2026-01-10T00:00:00Z");
	check_unbilled(m, 3);
	take_back(m, "open", "2026-02-10T00:00:00Z");
	check_unbilled(m, 3);
	take_back(m, "a", "2026-01-10T00:00:00Z");
	check_unbilled(m, 2);
	/* Covered no more, and again. */
	apply_catalog(m, METERS PLAN ACME);
	check_unbilled(m, 3);
	apply_catalog(m, BOTH ZED);
	check_unbilled(m, 4);
	apply_catalog(m, BOTH ACME);
	check_unbilled(m, 2);
	assert_text("INV-000003 invoice 2026-01-01..2026-02-01 11.00", regenerate(m, "INV-000001", "2026-02-02T00:00:00Z"));
	check_unbilled(m, 0);
	apply_catalog(m, METERS PLAN ACME);
	check_unbilled(m, 1);
	void_document(m, "INV-000003", "2026-02-03T00:00:00Z");
	check_unbilled(m, 3);
	close_due(m, "2026-02-03T00:00:00Z");
	apply_catalog(m, BOTH ACME);
	check_unbilled(m, 2);
	void_document(m, "INV-000004", "2026-02-04T00:00:00Z");
	check_unbilled(m, 0);
	check_books(m);
}

static void test_an_event_that_was_taken_back_before_it_came(void **state)
{
	(void)state;
	meter *m = open_meter();
	take_back(m, "a", "2026-01-10T00:00:00Z");
	use_as(m, "acme", "a", "2026-01-10T00:00:00Z", "1");
	check_unbilled(m, 0);
	use(m, "acme", "2026-01-10T00:00:00Z", "1");
	check_unbilled(m, 1);
	close_meter(m);
}

static void test_verify_finds_what_is_not_counted(void **state)
{
	(void)state;
	static const char *const changes[] = {"DELETE FROM unbilled", "UPDATE unbilled SET events = events - 1",
	                                      "UPDATE unbilled SET events = events + 1", "INSERT INTO unbilled VALUES (1, 1, 1)"};
	for (size_t i = 0; i < COUNT(changes); i++) {
		meter_verification *v;
		meter *m = open_meter();
		apply_catalog(m, METERS PLAN ACME);
		sell(m, "acme", "a", "2026-01-10T00:00:00Z");
		sell(m, "acme", "b", "2026-01-10T00:00:00Z");
		sql_run(meter_path(), changes[i]);
		assert_ok(meter_verify_run(&v, m, NULL));
		assert_i64(1, meter_verify_total(v));
		assert_text("unbilled_differs", meter_verify_code(v, 0));
		meter_verify_free(v);
		close_meter(m);
		remove(meter_path());
		remove(scratch_path("meter.db-lock"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_subscription_that_is_dropped),
		in_scratch(test_a_voided_invoice_of_a_dropped_subscription),
		in_scratch(test_a_type_that_is_dropped),
		in_scratch(test_an_event_that_was_taken_back_before_it_came),
		in_scratch(test_a_subscription_that_is_dropped_with_all_it_has),
		in_scratch(test_late_events_of_a_type_that_is_dropped),
		in_scratch(test_taken_back_after_its_period_was_billed),
		in_scratch(test_a_type_that_is_metered_too_late),
		in_scratch(test_verify_finds_what_is_not_counted),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
