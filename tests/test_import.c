/*
 * test_import.c - meter_plan_import(): its arguments, and that what it gives is a catalog or nothing. The documents are in
 * tests/cli/plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PRICE(fields)                                                                                                            \
	"{\"id\":\"p\",\"object\":\"price\",\"billing_scheme\":\"per_unit\",\"recurring\":"                                      \
	"{\"interval\":\"month\",\"usage_type\":\"metered\"}," fields "}"

static const char price[] = PRICE("\"currency\":\"usd\",\"unit_amount\":1");

static void test_arguments_are_checked_in_order(void **state)
{
	char *out = NULL;

	(void)state;
	assert_int_equal(meter_plan_import(NULL, NULL, NULL, NULL, 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "out is NULL");
	assert_int_equal(meter_plan_import(&out, NULL, NULL, NULL, 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "from is NULL");
	assert_int_equal(meter_plan_import(&out, "x", NULL, NULL, 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "name is NULL");
	assert_int_equal(meter_plan_import(&out, "x", "n", NULL, 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "text is NULL");
	assert_int_equal(meter_plan_import(&out, "x", "n", "", 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "\"x\": stripe, openmeter or lago was expected");
	assert_int_equal(meter_plan_import(&out, "lago", "n", "", 0), METER_ECATALOG);
	assert_null(out);
	meter_text_free(NULL);
}

static void test_what_comes_out_is_a_catalog(void **state)
{
	meter_catalog *catalog;
	char *out;

	(void)state;
	assert_int_equal(meter_plan_import(&out, "stripe", "n", price, sizeof(price) - 1), METER_OK);
	assert_int_equal(meter_catalog_read(&catalog, "c", out, METER_NUL_TERMINATED), METER_OK);
	assert_int_equal(meter_catalog_plan_count(catalog), 1);
	assert_int_equal(meter_catalog_meter_count(catalog), 1);
	meter_catalog_free(catalog);
	meter_text_free(out);
}

/* How Stripe counts in a currency is its own affair: cents, none, thousandths, and not always as ISO 4217 has it. */
static void test_stripe_amounts_by_currency(void **state)
{
	static const struct {
		const char *text;
		const char *expected; /* NULL: refused */
	} rows[] = {
		{PRICE("\"currency\":\"usd\",\"unit_amount\":1"), "price: \"0.01\"\n"},
		{PRICE("\"currency\":\"EUR\",\"unit_amount_decimal\":\"0.000000000001\""), "price: \"0.00000000000001\"\n"},
		{PRICE("\"currency\":\"jpy\",\"unit_amount\":1"), "price: \"1\"\n"},
		{PRICE("\"currency\":\"mga\",\"unit_amount\":1"), "price: \"1.00\"\n"},
		{PRICE("\"currency\":\"kwd\",\"unit_amount\":1"), "price: \"0.001\"\n"},
		{PRICE("\"currency\":\"isk\",\"unit_amount\":100"), NULL},
		{PRICE("\"currency\":\"clf\",\"unit_amount\":100"), NULL},
		{PRICE("\"currency\":\"xyz\",\"unit_amount\":100"), NULL},
		{PRICE("\"currency\":\"usd\",\"unit_amount\":99999999999999999999999999999999999999"),
	         "price: \"999999999999999999999999999999999999.99\"\n"},
		{PRICE("\"currency\":\"usd\",\"unit_amount_decimal\":\"0.0000000000000000000000000000000000001\""), NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *out;
		int result = meter_plan_import(&out, "stripe", "n", rows[i].text, METER_NUL_TERMINATED);
		if (rows[i].expected == NULL) {
			assert_int_not_equal(result, METER_OK);
			assert_null(out);
			continue;
		}
		if (result != METER_OK)
			fail_msg("%s: %s", rows[i].text, meter_errmsg());
		if (strstr(out, rows[i].expected) == NULL)
			fail_msg("%s\nis not in\n%s", rows[i].expected, out);
		meter_text_free(out);
	}
}

/* Keys that YAML would read as something else keep their quotes, and equal ones get a number. */
static void test_keys_are_quoted_and_unique(void **state)
{
	static const char plan[] = "code: 'null'\ninterval: monthly\namount_cents: 100\namount_currency: USD\n"
				   "billable_metrics: [{code: subscription, aggregation_type: count_agg}]\n"
				   "charges:\n"
				   "  - {billable_metric_code: subscription, charge_model: standard, properties: {amount: 1}}\n"
				   "  - {billable_metric_code: subscription, charge_model: standard, properties: {amount: 2}}\n";
	char *out;

	(void)state;
	assert_int_equal(meter_plan_import(&out, "lago", "n", plan, METER_NUL_TERMINATED), METER_OK);
	assert_non_null(strstr(out, "- key: \"null\"\n"));
	assert_non_null(strstr(out, "- key: subscription\n"));
	assert_non_null(strstr(out, "- key: subscription-2\n"));
	assert_non_null(strstr(out, "- key: subscription-3\n"));
	meter_text_free(out);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments_are_checked_in_order),
		cmocka_unit_test(test_what_comes_out_is_a_catalog),
		cmocka_unit_test(test_stripe_amounts_by_currency),
		cmocka_unit_test(test_keys_are_quoted_and_unique),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
