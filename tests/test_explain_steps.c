/*
 * test_explain_steps.c - the steps that lead to a line, where they are more than quantity x price: parts of a period, tax on
 * several charges, what credits and commitments had and have, tiers of volume, pauses.
 */
#include <string.h>

#include "billing.h"

#define METERS "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\n"

static meter_explanation *explain(meter *m, const char *number)
{
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	meter_explanation *e;
	options.number = number;
	options.subscription = number ? NULL : "acme";
	assert_ok(meter_explain(&e, m, &options));
	return e;
}

/* The text of the step of this name of a line, from 1 on. */
static const char *step(const meter_explanation *e, size_t line, const char *name)
{
	for (size_t k = 0; k < meter_explanation_step_count(e, line - 1); k++) {
		if (strcmp(meter_explanation_step_name(e, line - 1, k), name) == 0)
			return meter_explanation_step_text(e, line - 1, k);
	}
	return "(none)";
}

/* A minimum that is divided says which part each one has, and what it added there. */
static void test_a_minimum_in_parts(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS
	              "plans:\n"
	              "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, minimum: '62.00',\n"
	              "     charges: [{key: calls, model: unit, meter: calls, price: '1', included: '31', minimum: '31.00'}]}\n"
	              "  - {key: p, currency: USD, period: month, effective_from: 2026-01-11T00:00:00Z, minimum: '62.00',\n"
	              "     charges: [{key: calls, model: unit, meter: calls, price: '2', included: '31', minimum: '31.00'}]}\n"
	              "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n");
	meter_explanation *e = explain(m, NULL);
	const char *first = "31.00 a period, of which this part has its share: 10 of 31 days: 10.00";
	const char *second = "31.00 a period, of which this part has its share: 21 of 31 days: 21.00";
	assert_text("usage calls 0 x 1 = 0.00; minimum calls 1 x 10 = 10.00; minimum 1 x 10 = 10.00; "
	            "usage calls 0 x 2 = 0.00; minimum calls 1 x 21 = 21.00; minimum 1 x 21 = 21.00",
	            lines_of(meter_explanation_invoice(e)));
	assert_text(first, step(e, 1, "minimum"));
	assert_text(second, step(e, 4, "minimum"));
	assert_text("31 are taken off a period, of which this part has its share: 10 of 31 days", step(e, 1, "included"));
	assert_text("this line: 1 x 10 / 1 = 10", step(e, 3, "minimum"));
	meter_explanation_free(e);
	close_meter(m);
}

/* Taxes and credits are for the whole period; the plan's lines are for what the subscription held of it. */
static void test_a_minimum_of_a_subscription_that_began_late(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS
	              "plans:\n"
	              "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, minimum: '20.00',\n"
	              "     credits: [{key: g, amount: '5.00'}],\n"
	              "     charges: [{key: calls, model: unit, meter: calls, price: '1', tax: {category: vat, percent: 10}}]}\n"
	              "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-15T00:00:00Z}\n");
	meter_explanation *e = explain(m, NULL);
	assert_text("usage calls 0 x 1 = 0.00; minimum 1 x 20 = 20.00; tax 20 x 10 = 2.00; credit -1 x 5 = -5.00",
	            lines_of(meter_explanation_invoice(e)));
	for (size_t line = 1; line <= 4; line += line == 1 ? 2 : 1)
		assert_text("20.00: 20.00", step(e, line, "minimum"));
	meter_explanation_free(e);
	close_meter(m);
}

/* What a tax is on: charges of its category alone, less their share of what the plan took. */
static void test_the_base_of_a_tax(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS "plans:\n"
	                        "  - {key: p, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	                        "     discounts: [{percent: 10}], charges: [\n"
	                        "     {key: base, model: flat, amount: '40', tax: {category: vat, percent: 19}},\n"
	                        "     {key: book, model: flat, amount: '20', tax: {category: vat, percent: 7}},\n"
	                        "     {key: calls, model: unit, meter: calls, price: '10', tax: {category: vat, percent: 19}}]}\n"
	                        "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	close_due(m, "2026-02-01T00:00:00Z");
	meter_explanation *e = explain(m, "INV-000001");
	assert_text("flat base 1 x 40 = 40.00; flat book 1 x 20 = 20.00; usage calls 1 x 10 = 10.00; discount -70 x 10 = -7.00; "
	            "tax 45 x 19 = 8.55; tax 18 x 7 = 1.26",
	            lines_of(meter_explanation_invoice(e)));
	assert_text("the lines of the charges that it is on: 50.00, and their share of what the plan takes or adds: -5.00",
	            step(e, 5, "base"));
	assert_i64(2, (int64_t)meter_explanation_related_count(e, 4));
	assert_text("the lines of the charges that it is on: 20.00, and their share of what the plan takes or adds: -2.00",
	            step(e, 6, "base"));
	assert_i64(1, (int64_t)meter_explanation_related_count(e, 5));
	meter_explanation_free(e);
	/* Of an adjustment: the lines that changed, of the same rate alone. */
	use(m, "acme", "2026-01-11T00:00:00Z", NULL);
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 10.71", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	e = explain(m, "INV-000002");
	assert_text("adjustment calls 1 -> 2: 10.00; adjustment -70 -> -80: -1.00; adjustment 45 -> 54: 1.71",
	            lines_of(meter_explanation_invoice(e)));
	assert_i64(1, (int64_t)meter_explanation_related_count(e, 2));
	assert_i64(0, (int64_t)meter_explanation_related(e, 2, 0));
	meter_explanation_free(e);
	check_books(m);
}

/* What credits and commitments had before a bill, and have after it. */
static void test_balances(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, METERS "plans:\n"
	                        "  - {key: p, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	                        "     credits: [{key: gift, amount: 10, kind: gift}],\n"
	                        "     commitments: [{key: pack, kind: prepaid, amount: 5, from: 2026-01-01T00:00:00Z,\n"
	                        "       until: 2027-01-01T00:00:00Z},\n"
	                        "       {key: promise, kind: postpaid, amount: 40, from: 2026-01-01T00:00:00Z,\n"
	                        "       until: 2026-03-01T00:00:00Z}],\n"
	                        "     charges: [{key: calls, model: unit, meter: calls, price: '4'}]}\n"
	                        "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	use(m, "acme", "2026-02-10T00:00:00Z", NULL);
	use(m, "acme", "2026-02-11T00:00:00Z", NULL);
	close_due(m, "2026-03-01T00:00:00Z");
	assert_text("usage calls 1 x 4 = 4.00; commitment 1 x 5 = 5.00; credit -1 x 4 = -4.00; credit -1 x 5 = -5.00",
	            found_lines(m, "INV-000001"));
	assert_text("usage calls 2 x 4 = 8.00; commitment 1 x 28 = 28.00; credit -1 x 1 = -1.00; credit -1 x 5 = -5.00",
	            found_lines(m, "INV-000002"));
	meter_explanation *e = explain(m, "INV-000001");
	assert_text("5.00 are paid ahead, and charges take from them", step(e, 2, "balance"));
	assert_text("of 5.00 there were 5.00 left, and are 1.00", step(e, 3, "balance"));
	meter_explanation_free(e);
	e = explain(m, "INV-000002");
	assert_text("40.00 were promised, 12.00 are spent by the end of the term", step(e, 2, "balance"));
	assert_text("of 5.00 there were 1.00 left, and are 0.00", step(e, 3, "balance"));
	assert_text("of 10.00 there were 5.00 left, and are 0.00", step(e, 4, "balance"));
	meter_explanation_free(e);
	check_books(m);
}

/* The part of a period that is paused has none of what is stated per period, but its usage. */
static void test_a_pause_and_a_tier_of_volume(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m,
	              METERS "plans:\n"
	                     "  - {key: p, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [\n"
	                     "     {key: fee, model: flat, amount: '31', proration: time},\n"
	                     "     {key: calls, model: volume, meter: calls, tiers: [{up_to: 1, price: '3'}, {price: '2'}]}]}\n"
	                     "subscriptions:\n  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z,\n"
	                     "    pauses: [{from: 2026-01-11T00:00:00Z, until: 2026-01-21T00:00:00Z}]}\n");
	use(m, "acme", "2026-01-10T00:00:00Z", NULL);
	use(m, "acme", "2026-01-15T00:00:00Z", NULL);
	meter_explanation *e = explain(m, NULL);
	assert_text("flat fee 21 x 31 = 21.00; usage calls 2 x 2 = 4.00", lines_of(meter_explanation_invoice(e)));
	assert_text("10 of 31 days are paused: what is stated per period does not count then, usage does", step(e, 1, "pause"));
	assert_text("the whole quantity is priced by the one it is in: tier 2: above 1", step(e, 2, "tier"));
	meter_explanation_free(e);
	close_meter(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_minimum_in_parts),
		in_scratch(test_a_minimum_of_a_subscription_that_began_late),
		in_scratch(test_the_base_of_a_tax),
		in_scratch(test_balances),
		in_scratch(test_a_pause_and_a_tier_of_volume),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
