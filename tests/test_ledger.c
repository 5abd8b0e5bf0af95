/* test_ledger.c - meter_ledger_query() and meter_ledger_balances(): entries in the order of their documents, and sums that are 0.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "closing.h"
#include "support.h"

#define SUBSCRIPTIONS 60

/* Two currencies; each document of the first one has three entries, so there are more than a page. */
static meter *make_file(void)
{
	char catalog[12000] = "version: 1\n"
			      "meters:\n"
			      "  calls: {event_type: call, aggregation: count}\n"
			      "plans:\n"
			      "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
			      "     charges: [{key: base, model: flat, amount: '10.10', tax: {category: VAT, percent: 19}}]}\n"
			      "  - {key: j, currency: JPY, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
			      "     charges: [{key: base, model: flat, amount: '7'}]}\n"
			      "subscriptions:\n"
			      "  yen: {customer: Y, plan: j, from: 2026-01-01T00:00:00Z}\n";
	for (int i = 0; i < SUBSCRIPTIONS; i++)
		snprintf(catalog + strlen(catalog), sizeof(catalog) - strlen(catalog),
		         "  s%03d: {customer: C, plan: p, from: 2026-01-01T00:00:00Z}\n", i);
	meter *m = open_meter();
	meter_closing *closing;
	apply_catalog(m, catalog);
	for (int month = 2; month <= 3; month++) {
		assert_ok(close_at(&closing, m, us(month == 2 ? "2026-02-10T00:00:00Z" : "2026-03-10T00:00:00Z")));
		assert_int_equal(meter_closing_refused(closing), 0);
		meter_closing_free(closing);
	}
	return m;
}

static size_t count_entries(meter *m, int64_t from_us, int64_t to_us, const char *subscription)
{
	meter_ledger *ledger;
	size_t count = 0;
	int64_t document = 0;
	int code;
	assert_ok(meter_ledger_query(&ledger, m, from_us, to_us, subscription, METER_NUL_TERMINATED));
	while ((code = meter_ledger_next(ledger)) == METER_OK) {
		assert_true(meter_ledger_document(ledger) >= document);
		document = meter_ledger_document(ledger);
		assert_true(meter_ledger_at_us(ledger) >= from_us && meter_ledger_at_us(ledger) < to_us);
		assert_true(!subscription || strcmp(meter_ledger_subscription(ledger), subscription) == 0);
		count++;
	}
	assert_code(METER_EEND, code);
	assert_code(METER_EEND, meter_ledger_next(ledger));
	assert_null(meter_ledger_account(ledger));
	meter_ledger_free(ledger);
	return count;
}

static void test_entries(void **state)
{
	(void)state;
	meter *m = make_file();
	meter_ledger *ledger;
	assert_int_equal(count_entries(m, INT64_MIN, INT64_MAX, NULL), 2 * (3 * SUBSCRIPTIONS + 2));
	assert_int_equal(count_entries(m, us("2026-02-10T00:00:00Z"), us("2026-02-10T00:00:01Z"), NULL), 3 * SUBSCRIPTIONS + 2);
	assert_int_equal(count_entries(m, INT64_MIN, us("2026-02-10T00:00:00Z"), NULL), 0);
	assert_int_equal(count_entries(m, INT64_MIN, INT64_MAX, "s007"), 6);
	assert_int_equal(count_entries(m, INT64_MIN, INT64_MAX, "nobody"), 0);
	assert_ok(meter_ledger_query(&ledger, m, INT64_MIN, INT64_MAX, "s000", METER_NUL_TERMINATED));
	assert_null(meter_ledger_number(ledger));
	assert_ok(meter_ledger_next(ledger));
	assert_text("receivable s000", meter_ledger_account(ledger));
	assert_text("12.02", meter_ledger_amount(ledger));
	assert_text("invoice", meter_ledger_kind(ledger));
	assert_part("INV-0000", meter_ledger_number(ledger));
	assert_text("USD", meter_ledger_currency(ledger));
	meter_ledger_free(ledger);
	close_meter(m);
}

static void assert_balance(meter_ledger *ledger, const char *currency, const char *account, const char *amount)
{
	assert_ok(meter_ledger_next(ledger));
	assert_text(currency, meter_ledger_currency(ledger));
	assert_text(account, meter_ledger_account(ledger));
	assert_text(amount, meter_ledger_amount(ledger));
	assert_null(meter_ledger_number(ledger));
	assert_null(meter_ledger_kind(ledger));
	assert_i64(INT64_MIN, meter_ledger_at_us(ledger));
}

static void test_balances(void **state)
{
	(void)state;
	meter *m = make_file();
	meter_ledger *ledger;
	assert_ok(meter_ledger_balances(&ledger, m, INT64_MIN, INT64_MAX, NULL, 0));
	assert_balance(ledger, "JPY", "receivable yen", "14");
	assert_balance(ledger, "JPY", "revenue base", "-14");
	assert_balance(ledger, "JPY", NULL, "0");
	assert_balance(ledger, "USD", "receivable s000", "24.04");
	for (int i = 1; i < SUBSCRIPTIONS; i++)
		assert_ok(meter_ledger_next(ledger));
	assert_balance(ledger, "USD", "revenue base", "-1212.00");
	assert_balance(ledger, "USD", "tax", "-230.40");
	assert_balance(ledger, "USD", NULL, "0.00");
	assert_code(METER_EEND, meter_ledger_next(ledger));
	meter_ledger_free(ledger);
	close_meter(m);
}

/* A void takes back what its document had: the same accounts, each the other way round. */
static void test_a_void_reverses_its_document(void **state)
{
	(void)state;
	meter *m = make_file();
	meter_ledger *ledger;
	meter_invoice *invoice;
	char subscription[16];
	assert_ok(meter_invoice_void(&invoice, m, "INV-000005", "wrong", us("2026-04-01T00:00:00Z")));
	snprintf(subscription, sizeof(subscription), "%s", meter_invoice_subscription(invoice));
	meter_invoice_free(invoice);
	assert_ok(meter_ledger_query(&ledger, m, us("2026-04-01T00:00:00Z"), INT64_MAX, NULL, 0));
	static const struct {
		const char *account, *amount;
	} reversed[] = {{"receivable ", "-12.02"}, {"revenue base", "10.10"}, {"tax", "1.92"}};
	for (size_t i = 0; i < COUNT(reversed); i++) {
		assert_ok(meter_ledger_next(ledger));
		assert_part(reversed[i].account, meter_ledger_account(ledger));
		assert_text(reversed[i].amount, meter_ledger_amount(ledger));
		assert_text("USD", meter_ledger_currency(ledger));
		assert_text("void", meter_ledger_kind(ledger));
		assert_text("INV-000005", meter_ledger_number(ledger));
	}
	assert_code(METER_EEND, meter_ledger_next(ledger));
	meter_ledger_free(ledger);
	/* The other month is left; and every currency is balanced, this subscription's and all. */
	char receivable[40];
	snprintf(receivable, sizeof(receivable), "receivable %s", subscription);
	assert_ok(meter_ledger_balances(&ledger, m, INT64_MIN, INT64_MAX, subscription, METER_NUL_TERMINATED));
	assert_balance(ledger, "USD", receivable, "12.02");
	assert_balance(ledger, "USD", "revenue base", "-10.10");
	assert_balance(ledger, "USD", "tax", "-1.92");
	assert_balance(ledger, "USD", NULL, "0.00");
	assert_code(METER_EEND, meter_ledger_next(ledger));
	meter_ledger_free(ledger);
	assert_ok(meter_ledger_balances(&ledger, m, INT64_MIN, INT64_MAX, NULL, 0));
	assert_balance(ledger, "JPY", "receivable yen", "14");
	assert_balance(ledger, "JPY", "revenue base", "-14");
	assert_balance(ledger, "JPY", NULL, "0");
	for (int i = 0; i < SUBSCRIPTIONS; i++)
		assert_ok(meter_ledger_next(ledger));
	assert_balance(ledger, "USD", "revenue base", "-1201.90");
	assert_balance(ledger, "USD", "tax", "-228.48");
	assert_balance(ledger, "USD", NULL, "0.00");
	assert_code(METER_EEND, meter_ledger_next(ledger));
	meter_ledger_free(ledger);
	close_meter(m);
}

/* Units of the catalog have the decimals that it gives them, as the invoice does. */
static void test_units_have_their_decimals(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_closing *closing;
	meter_ledger *ledger;
	apply_catalog(m, "version: 1\nunits: {cu: {exponent: 2}}\n"
	                 "meters: {calls: {event_type: call, aggregation: count}}\n"
	                 "plans:\n"
	                 "  - {key: p, currency: cu, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	                 "     charges: [{key: base, model: flat, amount: '1.50'}]}\n"
	                 "subscriptions: {acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}}\n");
	assert_ok(close_at(&closing, m, us("2026-02-10T00:00:00Z")));
	assert_text("1.50", meter_closing_total(closing, 0));
	meter_closing_free(closing);
	assert_ok(meter_ledger_balances(&ledger, m, INT64_MIN, INT64_MAX, NULL, 0));
	assert_balance(ledger, "cu", "receivable acme", "1.50");
	assert_balance(ledger, "cu", "revenue base", "-1.50");
	assert_balance(ledger, "cu", NULL, "0.00");
	meter_ledger_free(ledger);
	close_meter(m);
}

static void test_arguments(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_ledger *ledger;
	assert_code(METER_EINVAL, meter_ledger_query(NULL, m, 0, 1, NULL, 0));
	assert_code(METER_EINVAL, meter_ledger_query(&ledger, NULL, 0, 1, NULL, 0));
	assert_code(METER_EINVAL, meter_ledger_query(&ledger, m, 2, 1, NULL, 0));
	assert_null(ledger);
	assert_code(METER_EINVAL, meter_ledger_balances(&ledger, m, 2, 1, NULL, 0));
	assert_code(METER_EINVAL, meter_ledger_balances(NULL, m, 0, 1, NULL, 0));
	assert_ok(meter_ledger_balances(&ledger, m, INT64_MIN, INT64_MAX, NULL, 0));
	assert_code(METER_EEND, meter_ledger_next(ledger));
	meter_ledger_free(ledger);
	assert_code(METER_EINVAL, meter_ledger_next(NULL));
	meter_ledger_free(NULL);
	close_meter(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_entries),
		in_scratch(test_balances),
		in_scratch(test_a_void_reverses_its_document),
		in_scratch(test_units_have_their_decimals),
		in_scratch(test_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
