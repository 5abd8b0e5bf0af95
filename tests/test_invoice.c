/*
 * test_invoice.c - the life of an invoice: finalized once and in order, adjusted, voided, made anew; and never changed.
 *
 * Amounts are worked out by hand. At the end of a test the books are checked: see check_books().
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing.h"
#include "closing.h"
#include "os.h"

#define METERS                                                                                                                   \
	"version: 1\n"                                                                                                           \
	"meters:\n"                                                                                                              \
	"  calls: {event_type: call, aggregation: sum, dimensions: [kind]}\n"

/* ten cents a call, three days of grace */
#define PLAN(more)                                                                                                               \
	"  - {key: basic, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, grace: 3d, charges: [{key: "       \
	"calls, "                                                                                                                \
	"meter: calls, model: unit, price: \"0.10\"}]" more "}\n"

static const char basic[] = METERS
	"plans:\n" PLAN("") "subscriptions:\n"
			    "  acme: {customer: Acme Inc., plan: basic, from: 2026-01-01T00:00:00Z}\n"
			    "  beta: {customer: Beta, plan: basic, from: 2026-01-15T00:00:00Z, until: 2026-03-10T12:00:00Z}\n";

/* a dollar a call, due at once */
#define CREDIT_PLAN(more)                                                                                                        \
	"version: 1\n"                                                                                                           \
	"meters:\n  calls: {event_type: call, aggregation: sum}\n"                                                               \
	"plans:\n"                                                                                                               \
	"  - {key: basic, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, meter: "    \
	"calls, model: "                                                                                                         \
	"unit, price: 1}], " more "}\n"                                                                                          \
	"subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n"

static meter *open_with(const char *catalog)
{
	meter *m = open_meter();
	apply_catalog(m, catalog);
	return m;
}

/* ---- finalizing ---- */

static void what_a_finalized_invoice_says(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	assert_int_equal(use(m, "acme", "2026-01-31T23:59:59.999999Z", "5"), METER_ACCEPTED);
	assert_int_equal(use(m, "acme", "2026-02-01T00:00:00Z", "7"), METER_ACCEPTED);
	meter_invoice *invoice = finalize(m, "acme", "2026-01", "2026-02-04T00:00:00Z");
	assert_text("INV-000001", meter_invoice_number(invoice));
	assert_text("invoice", meter_invoice_kind(invoice));
	assert_text("finalized", meter_invoice_status(invoice));
	assert_text("acme", meter_invoice_subscription(invoice));
	assert_text("Acme Inc.", meter_invoice_customer(invoice));
	assert_text("basic", meter_invoice_plan(invoice));
	assert_text("USD", meter_invoice_currency(invoice));
	assert_i64(us("2026-01-01T00:00:00Z"), meter_invoice_from_us(invoice));
	assert_i64(us("2026-02-01T00:00:00Z"), meter_invoice_to_us(invoice));
	assert_i64(us("2026-02-04T00:00:00Z"), meter_invoice_finalized_us(invoice));
	assert_i64(INT64_MIN, meter_invoice_voided_us(invoice));
	assert_i64(1, meter_invoice_catalog_version(invoice));
	assert_int_equal(strlen(meter_invoice_plan_hash(invoice)), 64);
	assert_int_equal(strlen(meter_invoice_hash(invoice)), 64);
	assert_i64(2, meter_invoice_ingest(invoice));
	assert_null(meter_invoice_reason(invoice));
	assert_null(meter_invoice_replaces(invoice));
	assert_null(meter_invoice_replaced_by(invoice));
	assert_text("0.50", meter_invoice_subtotal(invoice));
	assert_text("0.50", meter_invoice_total(invoice));
	assert_text("0.50", meter_invoice_due(invoice));
	assert_null(meter_invoice_worth(invoice));
	assert_text("usage calls 5 x 0.1 = 0.50", lines_of(invoice));
	assert_text("0.5", meter_invoice_line_exact(invoice, 0));
	meter_invoice_free(invoice);
	assert_text("invoice 2026-02-01..2026-03-01 0.70, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

static void finalizing_again_gives_the_same_invoice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice *first = finalize(m, "acme", "2026-01", "2026-03-01T00:00:00Z");
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "5"), METER_LATE);
	meter_invoice *again = finalize(m, "acme", "2026-01", "2026-04-01T00:00:00Z");
	assert_text(meter_invoice_hash(first), meter_invoice_hash(again));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.50", show_free(again));
	/* Without a period it is the next one. */
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 0.50",
	            show_free(finalize(m, "acme", NULL, "2026-04-01T00:00:00Z")));
	meter_invoice_free(first);
	check_books(m);
}

static void periods_are_finalized_in_their_order(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-02-05T00:00:00Z", "5");
	refuse_finalize(m, "acme", "2026-02", "2026-06-01T00:00:00Z", METER_ESTATE, "earlier period");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00",
	            show_free(finalize(m, "acme", "2026-01", "2026-06-01T00:00:00Z")));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 0.50",
	            show_free(finalize(m, "acme", "2026-02", "2026-06-01T00:00:00Z")));
	refuse_finalize(m, "acme", "2025-12", "2026-06-01T00:00:00Z", METER_ENOTFOUND, "no plan");
	refuse_finalize(m, "nobody", NULL, "2026-06-01T00:00:00Z", METER_ENOTFOUND, "nobody");
	refuse_finalize(m, "acme", "January", "2026-06-01T00:00:00Z", METER_EINVAL, "");
	check_books(m);
}

static void grace_is_waited_for_and_a_reason_overrides_it(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	refuse_finalize(m, "acme", "2026-01", "2026-01-31T23:59:59.999999Z", METER_ESTATE,
	                "2026-02-01T00:00:00Z; a reason is needed");
	refuse_finalize(m, "acme", "2026-01", "2026-02-03T23:59:59.999999Z", METER_ESTATE,
	                "late events may join until 2026-02-04");
	assert_text("", close_due(m, "2026-02-03T23:59:59.999999Z"));
	meter_invoice *invoice = finalize_early(m, "acme", "2026-01", "2026-01-20T00:00:00Z", "the customer moves away");
	assert_text("the customer moves away", meter_invoice_reason(invoice));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.50", show_free(invoice));
	/* The rest of the month is late, and not lost. */
	assert_int_equal(use(m, "acme", "2026-01-25T00:00:00Z", "1"), METER_LATE);
	assert_text("usage calls 0 x 0.1 = 0.00; adjustment calls 5 -> 6: 0.10", draft_lines_of(m, "acme", NULL));
	meter_invoice *refused;
	assert_code(METER_EINVAL, meter_invoice_finalize(&refused, m, "acme", METER_NUL_TERMINATED, NULL, 0, "", METER_NOW));
	assert_code(METER_EINVAL, meter_invoice_finalize(&refused, m, "acme", METER_NUL_TERMINATED, NULL, 0, "\xff", METER_NOW));
	check_books(m);
}

static void a_suspended_line_is_never_billed(void **state)
{
	(void)state;
	meter *m = open_with(
		METERS "plans:\n"
		       "  - {key: basic, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
		       "calls, meter: calls, model: unit, rates: [{match: {kind: a}, price: 1}]}]}\n"
		       "subscriptions:\n"
		       "  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n"
		       "  beta: {customer: Beta, plan: basic, from: 2026-01-01T00:00:00Z}\n");
	use_with(m, "acme", "2026-01-05T00:00:00Z", "2", "kind", "a");
	use_with(m, "acme", "2026-01-05T00:00:00Z", "3", "kind", "b");
	use_with(m, "beta", "2026-01-05T00:00:00Z", "4", "kind", "a");
	refuse_finalize(m, "acme", NULL, "2026-02-01T00:00:00Z", METER_ESTATE, "suspended");
	const char *closed = close_due(m, "2026-02-01T00:00:00Z");
	assert_part("acme refused: a line is suspended", closed);
	assert_part("beta INV-000001 4.00", closed);
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00", documents_of(m, NULL));
	/* Late usage without a price stops the adjustment, not the events. */
	assert_int_equal(use_with(m, "beta", "2026-01-06T00:00:00Z", "4", "kind", "c"), METER_LATE);
	refuse_finalize(m, "beta", NULL, "2026-03-01T00:00:00Z", METER_ESTATE, "late usage has no amount");
	check_books(m);
}

static void late_events_are_counted_apart(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	assert_text("acme INV-000001 0.50; beta INV-000002 0.00", close_due(m, "2026-02-04T00:00:00Z"));
	assert_int_equal(use_as(m, "acme", "late", "2026-01-31T23:59:59.999999Z", "1"), METER_LATE);
	assert_int_equal(use_as(m, "acme", "late", "2026-01-31T23:59:59.999999Z", "1"), METER_DUPLICATE);
	assert_int_equal(use_as(m, "acme", "late", "2026-01-31T23:59:59.999999Z", "2"), METER_CONFLICT);
	assert_int_equal(use(m, "acme", "2026-02-01T00:00:00Z", "1"), METER_ACCEPTED);
	/* Before its subscription began it is on no invoice. */
	assert_int_equal(use(m, "beta", "2026-01-14T23:59:59.999999Z", "1"), METER_ACCEPTED);
	meter_counters stats = read_stats(m);
	assert_i64(1, stats.late);
	assert_i64(4, stats.accepted);
	assert_i64(1, stats.duplicate);
	assert_i64(1, stats.conflict);
	assert_text("8", usage_total(m, "calls"));
	check_books(m);
}

/* A file that forgot what it has billed: drafting goes by the total, and what is issued by what is there. */
static void no_time_is_billed_twice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	close_meter(m);
	sql_run(meter_path(), "UPDATE total SET closed_before = 0");
	m = open_meter();
	refuse_finalize(m, "acme", NULL, "2026-02-04T00:00:00Z", METER_ECORRUPT, "would be billed twice");
	close_meter(m);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM document"));
}

/* ---- adjustments ---- */

static void late_usage_joins_the_next_invoice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", "2026-01", "2026-02-04T00:00:00Z"));
	use(m, "acme", "2026-02-05T00:00:00Z", "20");
	use(m, "acme", "2026-01-07T00:00:00Z", "2");
	/* Only the first open period takes it along. */
	assert_text("invoice 2026-03-01..2026-04-01 0.00, draft", draft_of(m, "acme", "2026-03"));
	assert_text("invoice 2026-02-01..2026-03-01 2.20, draft", draft_of(m, "acme", NULL));
	meter_invoice *invoice = finalize(m, "acme", "2026-02", "2026-03-04T00:00:00Z");
	assert_text("usage calls 20 x 0.1 = 2.00; adjustment calls 5 -> 7: 0.20", lines_of(invoice));
	assert_text("2.00", meter_invoice_subtotal(invoice));
	assert_i64(us("2026-01-01T00:00:00Z"), meter_invoice_line_from_us(invoice, 1));
	assert_text("5", meter_invoice_line_quantity_before(invoice, 1));
	assert_text("0.50", meter_invoice_line_amount_before(invoice, 1));
	assert_text("0.70", meter_invoice_line_amount_after(invoice, 1));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 2.20", show_free(invoice));
	/* Once. */
	assert_text("usage calls 0 x 0.1 = 0.00", draft_lines_of(m, "acme", NULL));
	assert_text("nothing", adjust(m, "acme", "2026-03-05T00:00:00Z"));
	/* And again, from what was adjusted. */
	use(m, "acme", "2026-01-08T00:00:00Z", "1");
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 0.10", adjust(m, "acme", "2026-03-05T00:00:00Z"));
	assert_text("adjustment calls 7 -> 8: 0.10", found_lines(m, "INV-000003"));
	check_books(m);
}

static void corrections_below_zero_are_a_credit_note(void **state)
{
	(void)state;
	meter *m = open_with(METERS "plans:\n" PLAN(", late_usage: credit_note, invoice_prefix: \"A-\", credit_note_prefix: "
	                                            "\"C-\"") "subscriptions:\n  acme: {customer: Acme, plan: basic, from: "
	                                                      "2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-05T00:00:00Z", "50");
	use(m, "acme", "2026-02-05T00:00:00Z", "10");
	assert_text("acme A-000001 5.00", close_due(m, "2026-02-04T00:00:00Z"));
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "-20"), METER_LATE);
	/* By the plan it is a document of its own. */
	assert_text("invoice 2026-02-01..2026-03-01 1.00, draft", draft_of(m, "acme", NULL));
	assert_text("acme C-000001 -2.00", close_due(m, "2026-02-10T00:00:00Z"));
	assert_text("C-000001 credit_note 2026-01-01..2026-02-01 -2.00", found(m, "C-000001"));
	assert_text("adjustment calls 50 -> 30: -2.00", found_lines(m, "C-000001"));
	/* Too little was billed: an adjustment, of the series of invoices. */
	use(m, "acme", "2026-01-06T00:00:00Z", "7");
	assert_text("acme A-000002 0.70", close_due(m, "2026-02-11T00:00:00Z"));
	assert_text("A-000002 adjustment 2026-01-01..2026-02-01 0.70", found(m, "A-000002"));
	assert_text("acme A-000003 1.00", close_due(m, "2026-03-04T00:00:00Z"));
	check_books(m);
}

static void an_invoice_never_falls_below_zero(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "50");
	use(m, "acme", "2026-02-05T00:00:00Z", "10");
	meter_invoice_free(finalize(m, "acme", "2026-01", "2026-02-04T00:00:00Z"));
	use(m, "acme", "2026-01-06T00:00:00Z", "-20");
	assert_text("invoice 2026-02-01..2026-03-01 1.00, draft", draft_of(m, "acme", NULL));
	meter_invoice_free(finalize(m, "acme", "2026-02", "2026-03-04T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 5.00; CN-000001 credit_note 2026-01-01..2026-02-01 -2.00; "
	            "INV-000002 invoice 2026-02-01..2026-03-01 1.00",
	            documents_of(m, "acme"));
	check_books(m);
}

/* Its total would do, but a gift has paid for all of it: nothing is left to take the correction from. */
static void a_correction_of_what_a_credit_pays_is_a_credit_note(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("credits: [{key: gift, amount: 10, from: 2026-02-01T00:00:00Z}]"));
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	assert_text("acme INV-000001 5.00", close_due(m, "2026-02-01T00:00:00Z"));
	use(m, "acme", "2026-02-05T00:00:00Z", "4");
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "-2"), METER_LATE);
	assert_text("acme CN-000001 -2.00; acme INV-000002 4.00", close_due(m, "2026-03-01T00:00:00Z"));
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 4.00, due 0.00", found(m, "INV-000002"));
	check_books(m);
}

static void a_correction_that_fits_lowers_the_next_invoice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "50");
	use(m, "acme", "2026-02-05T00:00:00Z", "20");
	meter_invoice_free(finalize(m, "acme", "2026-01", "2026-02-04T00:00:00Z"));
	use(m, "acme", "2026-01-06T00:00:00Z", "-20");
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 0.00",
	            show_free(finalize(m, "acme", "2026-02", "2026-03-04T00:00:00Z")));
	assert_text("usage calls 20 x 0.1 = 2.00; adjustment calls 50 -> 30: -2.00", found_lines(m, "INV-000002"));
	check_books(m);
}

/* By a plan that does not ask for documents of their own. */
static void late_usage_waits_for_the_next_invoice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	meter_invoice_free(finalize(m, "beta", NULL, "2026-02-04T00:00:00Z"));
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "2"), METER_LATE);
	assert_text("", close_due(m, "2026-02-10T00:00:00Z"));
	assert_text("acme INV-000003 0.20; beta INV-000004 0.00", close_due(m, "2026-03-04T00:00:00Z"));
	check_books(m);
}

/* Which bills wait for an adjustment. */
static int64_t stale_bills(void)
{
	return sql_int(meter_path(), "SELECT count(*) FROM stale WHERE events >= 0");
}

static void only_what_holds_waits_for_an_adjustment(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	assert_i64(0, stale_bills());
	use(m, "acme", "2026-01-06T00:00:00Z", "2");
	assert_i64(1, stale_bills());
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 0.20", adjust(m, "acme", "2026-02-05T00:00:00Z"));
	assert_i64(0, stale_bills());
	use(m, "acme", "2026-01-07T00:00:00Z", "1");
	assert_i64(1, stale_bills());
	/* With the adjustment goes its bill; the first one holds again, and lacks both. */
	void_document(m, "INV-000002", "2026-02-06T00:00:00Z");
	assert_i64(1, stale_bills());
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM stale WHERE events >= 0 AND bill = 1"));
	void_document(m, "INV-000001", "2026-02-06T00:00:00Z");
	assert_i64(0, stale_bills());
	assert_text("INV-000003 invoice 2026-01-01..2026-02-01 0.80",
	            show_free(finalize(m, "acme", NULL, "2026-02-07T00:00:00Z")));
	assert_i64(0, stale_bills());
	check_books(m);
}

/* Money that is owed to somebody who is in the catalog no more must not be forgotten. */
static void what_the_catalog_dropped_is_told_until_it_is_back(void **state)
{
	(void)state;
	static const char dropped[] = METERS "plans:\n" PLAN("") "subscriptions:\n  beta: {customer: B, plan: basic, from: "
								 "2026-01-01T00:00:00Z}\n";
	static const char back[] = METERS "plans:\n" PLAN("") "subscriptions:\n  beta: {customer: B, plan: basic, from: "
							      "2026-01-01T00:00:00Z}\n  acme: {customer: A, plan: basic, "
							      "from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z}\n";
	meter *m = open_with(METERS "plans:\n" PLAN("") "subscriptions:\n  acme: {customer: A, plan: basic, from: "
	                                                "2026-01-01T00:00:00Z}\n");
	use_as(m, "acme", "a", "2026-01-05T00:00:00Z", "5");
	close_due(m, "2026-02-04T00:00:00Z");
	apply_catalog(m, dropped);
	retract(m, "acme", "a", "2026-01-05T00:00:00Z");
	const char *closed = close_due(m, "2026-02-05T00:00:00Z");
	assert_part("beta INV-000002 0.00; acme refused: the catalog has no subscription \"acme\": to adjust", closed);
	assert_part("acme refused: the catalog has no subscription", close_due(m, "2026-02-06T00:00:00Z"));
	apply_catalog(m, back);
	assert_text("acme CN-000001 -0.50", close_due(m, "2026-02-07T00:00:00Z"));
	assert_text("", close_due(m, "2026-02-07T00:00:00Z"));
	check_books(m);
}

static void what_ended_is_adjusted_by_itself(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "beta", "2026-03-01T00:00:00Z", "5");
	assert_text(
		"acme INV-000001 0.00; acme INV-000002 0.00; acme INV-000003 0.00; beta INV-000004 0.00; beta INV-000005 0.00; "
		"beta INV-000006 0.50",
		close_due(m, "2026-04-04T00:00:00Z"));
	assert_text("INV-000006 invoice 2026-03-01..2026-03-10T12:00:00Z 0.50", found(m, "INV-000006"));
	refuse_finalize(m, "beta", NULL, "2026-09-01T00:00:00Z", METER_ESTATE, "everything is finalized");
	assert_int_equal(use(m, "beta", "2026-03-10T11:59:59.999999Z", "2"), METER_LATE);
	assert_int_equal(use(m, "beta", "2026-03-10T12:00:00Z", "2"), METER_ACCEPTED);
	assert_text("beta INV-000007 0.20", close_due(m, "2026-04-05T00:00:00Z"));
	check_books(m);
}

/* ---- void, regenerate, compare ---- */

static void a_voided_invoice_stays_and_its_period_opens(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	meter_invoice_free(finalize(m, "acme", NULL, "2026-03-04T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.50, voided",
	            void_document(m, "INV-000001", "2026-03-05T00:00:00Z"));
	meter_invoice *invoice;
	assert_code(METER_ESTATE, meter_invoice_void(&invoice, m, "INV-000001", "twice", METER_NOW));
	assert_part("voided already", meter_errmsg());
	assert_code(METER_ENOTFOUND, meter_invoice_void(&invoice, m, "INV-000009", "none", METER_NOW));
	assert_code(METER_EINVAL, meter_invoice_void(&invoice, m, "INV-000002", "", METER_NOW));
	assert_ok(meter_invoice_find(&invoice, m, "INV-000001"));
	assert_i64(us("2026-03-05T00:00:00Z"), meter_invoice_voided_us(invoice));
	assert_text("a test voids it", meter_invoice_void_reason(invoice));
	meter_invoice_free(invoice);
	/* Its events are on no invoice now, so they are not late. */
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "1"), METER_ACCEPTED);
	refuse_finalize(m, "acme", "2026-03", "2026-06-01T00:00:00Z", METER_ESTATE, "earlier period");
	assert_text("INV-000003 invoice 2026-01-01..2026-02-01 0.60",
	            show_free(finalize(m, "acme", NULL, "2026-03-06T00:00:00Z")));
	assert_text("invoice 2026-03-01..2026-04-01 0.00, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

static void what_a_later_document_adjusts_is_not_voided(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	meter_invoice *invoice;
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	use(m, "acme", "2026-01-06T00:00:00Z", "1");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-03-04T00:00:00Z"));
	assert_code(METER_ESTATE, meter_invoice_void(&invoice, m, "INV-000001", "too late", METER_NOW));
	assert_part("INV-000002 adjusts INV-000001: void that first", meter_errmsg());
	assert_code(METER_ESTATE, meter_invoice_regenerate(&invoice, m, "INV-000001", "too late", METER_NOW));
	/* Last first it goes, and what it adjusted is to be adjusted again. */
	void_document(m, "INV-000002", "2026-03-05T00:00:00Z");
	assert_text("invoice 2026-02-01..2026-03-01 0.10, draft", draft_of(m, "acme", NULL));
	void_document(m, "INV-000001", "2026-03-05T00:00:00Z");
	assert_text("invoice 2026-01-01..2026-02-01 0.60, draft", draft_of(m, "acme", NULL));
	assert_text("acme INV-000003 0.60; acme INV-000004 0.00; beta INV-000005 0.00; beta INV-000006 0.00",
	            close_due(m, "2026-03-05T00:00:00Z"));
	check_books(m);
}

static void regenerating_replaces_an_invoice(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	meter_invoice *invoice, *before, *difference;
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	assert_ok(meter_invoice_find(&before, m, "INV-000001"));
	assert_ok(meter_invoice_redraft(&invoice, m, "INV-000001"));
	assert_ok(meter_invoice_compare(&difference, before, invoice));
	assert_i64(0, (int64_t)meter_invoice_line_count(difference));
	meter_invoice_free(difference);
	meter_invoice_free(invoice);
	use(m, "acme", "2026-01-06T00:00:00Z", "4");
	assert_ok(meter_invoice_redraft(&invoice, m, "INV-000001"));
	assert_text("invoice 2026-01-01..2026-02-01 0.90, draft", show_free(invoice));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.50", documents_of(m, NULL));
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 0.90", regenerate(m, "INV-000001", "2026-02-05T00:00:00Z"));
	assert_ok(meter_invoice_find(&invoice, m, "INV-000002"));
	assert_text("INV-000001", meter_invoice_replaces(invoice));
	assert_text("a test makes it anew", meter_invoice_reason(invoice));
	assert_ok(meter_invoice_compare(&difference, before, invoice));
	assert_text("difference", meter_invoice_status(difference));
	assert_text("adjustment calls 5 -> 9: 0.40", lines_of(difference));
	assert_text("0.40", meter_invoice_total(difference));
	meter_invoice_free(difference);
	meter_invoice_free(invoice);
	meter_invoice_free(before);
	assert_ok(meter_invoice_find(&before, m, "INV-000001"));
	assert_text("INV-000002", meter_invoice_replaced_by(before));
	assert_text("voided", meter_invoice_status(before));
	meter_invoice_free(before);
	/* Nothing is left to adjust. */
	assert_text("invoice 2026-02-01..2026-03-01 0.00, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

static void regenerating_an_adjustment(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	use(m, "acme", "2026-01-06T00:00:00Z", "1");
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 0.10", adjust(m, "acme", "2026-02-05T00:00:00Z"));
	use(m, "acme", "2026-01-07T00:00:00Z", "1");
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 0.20", regenerate(m, "INV-000002", "2026-02-06T00:00:00Z"));
	use(m, "acme", "2026-01-08T00:00:00Z", "-2");
	/* It is voided, and there is nothing to put in its place. */
	assert_text("nothing", regenerate(m, "INV-000003", "2026-02-07T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.50; INV-000002 adjustment 2026-01-01..2026-02-01 0.10, voided; "
	            "INV-000003 adjustment 2026-01-01..2026-02-01 0.20, voided",
	            documents_of(m, "acme"));
	assert_text("invoice 2026-02-01..2026-03-01 0.00, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

/* What is credited apart must not be taken for the invoice that replaces. */
static void regenerating_with_a_credit_note_before_it(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	meter_invoice *invoice;
	use(m, "acme", "2026-01-05T00:00:00Z", "50");
	use(m, "acme", "2026-02-05T00:00:00Z", "10");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	meter_invoice_free(finalize(m, "acme", NULL, "2026-03-04T00:00:00Z"));
	use(m, "acme", "2026-01-06T00:00:00Z", "-20");
	use(m, "acme", "2026-02-06T00:00:00Z", "1");
	assert_text("INV-000003 invoice 2026-02-01..2026-03-01 1.10", regenerate(m, "INV-000002", "2026-03-05T00:00:00Z"));
	assert_ok(meter_invoice_find(&invoice, m, "INV-000002"));
	assert_text("INV-000003", meter_invoice_replaced_by(invoice));
	meter_invoice_free(invoice);
	assert_ok(meter_invoice_find(&invoice, m, "CN-000001"));
	assert_null(meter_invoice_replaces(invoice));
	meter_invoice_free(invoice);
	check_books(m);
}

/* All of it is made anew: its own period, which is what it replaces, and what it adjusts. */
static void regenerating_an_invoice_that_adjusts(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("name: x"));
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	close_due(m, "2026-02-01T00:00:00Z");
	use(m, "acme", "2026-01-06T00:00:00Z", "2");
	use(m, "acme", "2026-02-05T00:00:00Z", "20");
	assert_text("INV-000002 invoice 2026-02-01..2026-03-01 22.00",
	            show_free(finalize(m, "acme", NULL, "2026-03-01T00:00:00Z")));
	use(m, "acme", "2026-02-06T00:00:00Z", "1");
	assert_text("INV-000003 invoice 2026-02-01..2026-03-01 23.00", regenerate(m, "INV-000002", "2026-03-02T00:00:00Z"));
	check_books(m);
}

static void comparing_needs_one_currency(void **state)
{
	(void)state;
	meter *m = open_with(
		METERS
		"plans:\n"
		"  - {key: usd, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: a, model: "
		"flat, amount: 1}]}\n"
		"  - {key: eur, currency: EUR, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: a, model: "
		"flat, amount: 1}]}\n"
		"subscriptions:\n"
		"  acme: {customer: Acme, plan: usd, from: 2026-01-01T00:00:00Z}\n"
		"  beta: {customer: Beta, plan: eur, from: 2026-01-01T00:00:00Z}\n");
	meter_invoice *a = finalize(m, "acme", NULL, "2026-02-01T00:00:00Z");
	meter_invoice *b = finalize(m, "beta", NULL, "2026-02-01T00:00:00Z");
	meter_invoice *difference;
	assert_code(METER_EINVAL, meter_invoice_compare(&difference, a, b));
	meter_invoice_free(a);
	meter_invoice_free(b);
	check_books(m);
}

/* ---- finding and listing ---- */

static void documents_are_found_and_listed(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	meter_invoice *invoice;
	assert_text("", documents_of(m, NULL));
	assert_code(METER_ENOTFOUND, meter_invoice_find(&invoice, m, "INV-000001"));
	close_due(m, "2026-02-04T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-01-15..2026-02-01 0.00",
	            documents_of(m, NULL));
	assert_text("INV-000002 invoice 2026-01-15..2026-02-01 0.00", documents_of(m, "beta"));
	assert_text("", documents_of(m, "nobody"));
	assert_ok(meter_invoice_get(&invoice, m, "beta", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
	assert_text("INV-000002 invoice 2026-01-15..2026-02-01 0.00", show_free(invoice));
	assert_ok(meter_invoice_get(&invoice, m, "beta", METER_NUL_TERMINATED, "2026-02", METER_NUL_TERMINATED));
	assert_text("invoice 2026-02-01..2026-03-01 0.00, draft", show_free(invoice));
	void_document(m, "INV-000002", "2026-02-05T00:00:00Z");
	assert_ok(meter_invoice_get(&invoice, m, "beta", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
	assert_text("invoice 2026-01-15..2026-02-01 0.00, draft", show_free(invoice));
	assert_text("INV-000002 invoice 2026-01-15..2026-02-01 0.00, voided", documents_of(m, "beta"));
	check_books(m);
}

/* ---- closing everything ---- */

/* 300 subscriptions: more than one transaction takes. */
static char *many_subscriptions(int count)
{
	char *text = malloc((size_t)count * 100 + 1000);
	assert_non_null(text);
	int size = sprintf(text, "%s", METERS "plans:\n" PLAN("") "subscriptions:\n");
	for (int i = 0; i < count; i++)
		size += sprintf(text + size, "  s%04d: {customer: C, plan: basic, from: 2026-01-01T00:00:00Z}\n", i);
	return text;
}

static atomic_bool is_stepping;
static int64_t (*real_mono_us)(void);

/* A millisecond a call, so that a few subscriptions fill a transaction; the threads of the handle look at it, too. */
static int64_t step_ms(void)
{
	static _Atomic int64_t now_us;
	return atomic_load(&is_stepping) ? atomic_fetch_add(&now_us, 1000) : real_mono_us();
}

static int stop_after_the_first(int64_t done, int64_t total, void *user)
{
	(void)user;
	return done < total;
}

static void closing_is_stopped_and_goes_on(void **state)
{
	(void)state;
	char *catalog = many_subscriptions(300);
	real_mono_us = meter__os.mono_us;
	meter__os.mono_us = step_ms;
	meter *m = open_with(catalog);
	meter_closing *closing;
	meter_closing_options options = METER_CLOSING_OPTIONS_INIT;
	options.at_us = us("2026-02-04T00:00:00Z");
	options.progress = stop_after_the_first;
	use(m, "s0299", "2026-01-05T00:00:00Z", "3");
	atomic_store(&is_stepping, true);
	const int code = meter_closing_run(&closing, m, &options);
	atomic_store(&is_stepping, false);
	assert_code(METER_ETIMEDOUT, code);
	const int64_t first = (int64_t)meter_closing_count(closing);
	assert_true(first > 0 && first < 300);
	assert_i64(first, sql_int(meter_path(), "SELECT count(*) FROM document"));
	assert_text("INV-000001", meter_closing_number(closing, 0));
	meter_closing_free(closing);
	options.progress = NULL;
	assert_ok(meter_closing_run(&closing, m, &options));
	const size_t last = meter_closing_count(closing) - 1;
	assert_i64(300, first + (int64_t)last + 1);
	assert_i64(0, (int64_t)meter_closing_refused(closing));
	assert_text("s0299", meter_closing_subscription(closing, last));
	assert_text("INV-000300", meter_closing_number(closing, last));
	assert_text("invoice", meter_closing_kind(closing, last));
	assert_text("0.30", meter_closing_due(closing, last));
	assert_text("USD", meter_closing_currency(closing, last));
	assert_null(meter_closing_number(closing, last + 1));
	meter_closing_free(closing);
	assert_text("", close_due(m, "2026-02-04T00:00:00Z"));
	free(catalog);
	check_books(m);
	meter__os.mono_us = real_mono_us;
}

/* Several months and more documents than one transaction takes, of one subscription. */
static void closing_catches_up_on_years(void **state)
{
	(void)state;
	meter *m = open_with(METERS "plans:\n"
	                            "  - {key: basic, currency: USD, period: day, effective_from: 2020-01-01T00:00:00Z, charges: "
	                            "[{key: calls, meter: "
	                            "calls, model: unit, price: \"0.10\"}]}\n"
	                            "subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2025-01-01T00:00:00Z}\n");
	meter_closing *closing;
	use(m, "acme", "2025-12-31T00:00:00Z", "3");
	assert_ok(close_at(&closing, m, us("2026-01-01T00:00:00Z")));
	assert_i64(365, (int64_t)meter_closing_count(closing));
	assert_text("INV-000365", meter_closing_number(closing, 364));
	assert_text("0.30", meter_closing_total(closing, 364));
	meter_closing_free(closing);
	check_books(m);
}

static void *close_in_a_thread(void *user)
{
	meter_closing *closing;
	meter *m = user;
	return close_at(&closing, m, us("2026-04-04T00:00:00Z")) == METER_OK ? closing : NULL;
}

static void two_handles_closing_at_once_make_one_invoice_each(void **state)
{
	(void)state;
	char *catalog = many_subscriptions(200);
	meter *a = open_with(catalog), *b = open_meter();
	pthread_t thread;
	void *other;
	assert_int_equal(pthread_create(&thread, NULL, close_in_a_thread, b), 0);
	meter_closing *mine = close_in_a_thread(a);
	pthread_join(thread, &other);
	assert_non_null(mine);
	assert_non_null(other);
	assert_i64(600, (int64_t)(meter_closing_count(mine) + meter_closing_count(other)));
	meter_closing_free(mine);
	meter_closing_free(other);
	close_meter(b);
	assert_i64(600, sql_int(meter_path(), "SELECT count(DISTINCT subscription || ' ' || active_from) FROM bill"));
	assert_i64(600, sql_int(meter_path(), "SELECT count(*) FROM bill"));
	free(catalog);
	check_books(a);
}

static pid_t close_in_a_process(void)
{
	pid_t child = fork();
	if (child == 0) {
		meter *m;
		meter_closing *closing;
		meter_options options = METER_OPTIONS_INIT;
		options.flags = METER_OPEN_WITHOUT_SPOOL;
		bool is_done = meter_open(&m, meter_path(), &options) == METER_OK &&
		               close_at(&closing, m, us("2026-03-04T00:00:00Z")) == METER_OK;
		_exit(is_done && meter_close(m) == METER_OK ? 0 : 1);
	}
	return child;
}

static void processes_closing_at_once_make_one_invoice_each(void **state)
{
	(void)state;
	char *catalog = many_subscriptions(150);
	close_meter(open_with(catalog));
	pid_t children[3];
	int status;
	for (int i = 0; i < 3; i++)
		children[i] = close_in_a_process();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_i64(300, sql_int(meter_path(), "SELECT count(DISTINCT subscription || ' ' || active_from) FROM bill"));
	assert_i64(300, sql_int(meter_path(), "SELECT count(*) FROM document"));
	free(catalog);
	check_books(open_meter());
}

static void prefixes_number_on_their_own(void **state)
{
	(void)state;
	meter *m = open_with(METERS "plans:\n" PLAN(
		", invoice_prefix: \"X1-\"") "  - {key: other, currency: EUR, period: month, effective_from: "
	                                     "2020-01-01T00:00:00Z, charges: [{key: a, model: "
	                                     "flat, amount: 1}], invoice_prefix: \"R\"}\n"
	                                     "subscriptions:\n"
	                                     "  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n"
	                                     "  beta: {customer: Beta, plan: other, from: 2026-01-01T00:00:00Z}\n");
	meter_invoice *invoice;
	assert_text("acme X1-000001 0.00; acme X1-000002 0.00; beta R000001 1.00; beta R000002 1.00",
	            close_due(m, "2026-03-04T00:00:00Z"));
	/* What is refused takes no number. */
	refuse_finalize(m, "acme", NULL, "2026-03-04T00:00:00Z", METER_ESTATE, "the period ends");
	assert_ok(meter_invoice_redraft(&invoice, m, "X1-000002"));
	meter_invoice_free(invoice);
	assert_text("acme X1-000003 0.00; beta R000003 1.00", close_due(m, "2026-04-04T00:00:00Z"));
	check_books(m);
}

/* ---- periods ---- */

static void periods_of_every_length(void **state)
{
	(void)state;
	static const char *const units[] = {"day", "week", "quarter", "year"};
	static const char *const expected[] = {"invoice 2025-05-14..2025-05-15 1.00", "invoice 2025-05-12..2025-05-19 1.00",
	                                       "invoice 2025-04-01..2025-07-01 1.00", "invoice 2025-01-01..2026-01-01 1.00"};
	static const char *const texts[] = {"2025-05-14", "2025-W20", "2025-Q2", "2025"};
	char catalog[2000];
	int size = sprintf(catalog, "%splans:\n", METERS);
	for (int i = 0; i < 4; i++)
		size += sprintf(catalog + size,
		                "  - {key: %s, currency: USD, period: %s, effective_from: 2020-01-01T00:00:00Z, invoice_prefix: "
		                "%s-, charges: "
		                "[{key: calls, meter: calls, model: unit, price: \"0.10\"}]}\n",
		                units[i], units[i], units[i]);
	size += sprintf(catalog + size, "subscriptions:\n");
	for (int i = 0; i < 4; i++)
		size += sprintf(catalog + size, "  %s: {customer: C, plan: %s, from: 2024-12-30T00:00:00Z}\n", units[i],
		                units[i]);
	meter *m = open_with(catalog);
	for (int i = 0; i < 4; i++)
		use(m, units[i], "2025-05-14T12:00:00Z", "10");
	meter_closing *closing;
	assert_ok(close_at(&closing, m, us("2026-01-05T00:00:00Z")));
	meter_closing_free(closing);
	for (int i = 0; i < 4; i++) {
		char text[100];
		meter_invoice *invoice;
		assert_ok(meter_invoice_get(&invoice, m, units[i], METER_NUL_TERMINATED, texts[i], METER_NUL_TERMINATED));
		snprintf(text, sizeof(text), "%s %s", meter_invoice_number(invoice), expected[i]);
		assert_text(text, show_free(invoice));
	}
	/* They tile: from the beginning of the subscription to the end of 2025. */
	assert_i64(0, sql_int(meter_path(),
	                      "SELECT count(*) FROM billed a WHERE active_to < 1767225600000000 AND NOT EXISTS"
	                      " (SELECT 1 FROM billed b WHERE b.subscription = a.subscription AND b.active_from = a.active_to)"));
	check_books(m);
}

static void days_of_23_and_25_hours(void **state)
{
	(void)state;
	meter *m =
		open_with(METERS "plans:\n"
	                         "  - {key: gauge, currency: USD, period: day, effective_from: 2020-01-01T00:00:00Z, charges: "
	                         "[{key: calls, meter: "
	                         "calls, model: unit, price: \"0.10\"}]}\n"
	                         "subscriptions:\n"
	                         "  acme: {customer: Acme, plan: gauge, from: 2026-03-28T23:00:00Z, timezone: Europe/Berlin}\n");
	/* A call in the middle of every hour. */
	for (int64_t at = us("2026-03-28T23:30:00Z"); at < us("2026-03-30T22:00:00Z"); at += INT64_C(3600000000)) {
		char when[32];
		assert_ok(meter_time_format(when, sizeof(when), at));
		use(m, "acme", when, "1");
	}
	/* Midnight to midnight in Berlin: 29 March has 23 hours, 30 March 24. */
	assert_text("INV-000001 invoice 2026-03-28T23:00:00Z..2026-03-29T22:00:00Z 2.30",
	            show_free(finalize(m, "acme", "2026-03-29", "2026-04-10T00:00:00Z")));
	assert_text("INV-000002 invoice 2026-03-29T22:00:00Z..2026-03-30T22:00:00Z 2.40",
	            show_free(finalize(m, "acme", "2026-03-30", "2026-04-10T00:00:00Z")));
	close_due(m, "2026-10-25T00:00:00Z");
	for (int64_t at = us("2026-10-24T22:30:00Z"); at < us("2026-10-25T23:00:00Z"); at += INT64_C(3600000000)) {
		char when[32];
		assert_ok(meter_time_format(when, sizeof(when), at));
		use(m, "acme", when, "1");
	}
	meter_invoice *invoice = finalize(m, "acme", "2026-10-25", "2026-10-30T00:00:00Z");
	assert_i64(25 * INT64_C(3600000000), meter_invoice_to_us(invoice) - meter_invoice_from_us(invoice));
	assert_text("usage calls 25 x 0.1 = 2.50", lines_of(invoice));
	meter_invoice_free(invoice);
	check_books(m);
}

static void a_plan_changes_from_months_to_years(void **state)
{
	(void)state;
	meter *m = open_with(
		METERS
		"plans:\n"
		"  - {key: monthly, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: base, "
		"model: flat, amount: 31, proration: time}, {key: calls, meter: calls, model: unit, price: 1}]}\n"
		"  - {key: yearly, currency: USD, period: year, effective_from: 2020-01-01T00:00:00Z, charges: [{key: base, "
		"model: "
		"flat, amount: 365, proration: time}, {key: calls, meter: calls, model: unit, price: 1}]}\n"
		"subscriptions:\n"
		"  acme: {customer: Acme, plan: [{plan: monthly, from: 2025-01-01T00:00:00Z}, {plan: yearly, from: "
		"2025-02-11T00:00:00Z}], from: 2025-01-01T00:00:00Z}\n");
	use(m, "acme", "2025-02-10T23:59:59.999999Z", "1");
	use(m, "acme", "2025-02-11T00:00:00Z", "2");
	assert_text("acme INV-000001 31.00; acme INV-000002 12.07", close_due(m, "2025-12-31T00:00:00Z"));
	/* 10 of 28 days of 31.00, and the call; then 324 of 365 days of 365.00, and two calls. */
	assert_text("INV-000002 invoice 2025-02-01..2025-02-11 12.07", found(m, "INV-000002"));
	assert_text("acme INV-000003 326.00", close_due(m, "2026-01-01T00:00:00Z"));
	assert_text("INV-000003 invoice 2025-02-11..2026-01-01 326.00", found(m, "INV-000003"));
	check_books(m);
}

static void a_unit_that_is_no_currency_has_a_worth(void **state)
{
	(void)state;
	meter *m = open_with("version: 1\n"
	                     "units: {credits: {exponent: 3, price: \"0.015\", currency: EUR}}\n"
	                     "meters:\n"
	                     "  calls: {event_type: call, aggregation: sum}\n"
	                     "plans:\n"
	                     "  - {key: basic, currency: credits, period: month, effective_from: 2020-01-01T00:00:00Z, charges: "
	                     "[{key: calls, meter: "
	                     "calls, model: unit, price: \"0.125\"}]}\n"
	                     "subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n");
	meter_invoice *invoice;
	use(m, "acme", "2026-01-05T00:00:00Z", "7");
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, NULL, 0));
	assert_text("0.875", meter_invoice_due(invoice));
	/* 0.013125 */
	assert_text("0.01", meter_invoice_worth(invoice));
	assert_text("EUR", meter_invoice_worth_currency(invoice));
	meter_invoice_free(invoice);
	invoice = finalize(m, "acme", NULL, "2026-02-01T00:00:00Z");
	assert_text("credits", meter_invoice_currency(invoice));
	assert_text("0.875", meter_invoice_due(invoice));
	assert_text("0.01", meter_invoice_worth(invoice));
	assert_text("EUR", meter_invoice_worth_currency(invoice));
	meter_invoice_free(invoice);
	check_books(m);
}

/* ---- what reaches over periods ---- */

static void use_four_a_month(meter *m)
{
	use(m, "acme", "2026-01-05T00:00:00Z", "4");
	use(m, "acme", "2026-02-05T00:00:00Z", "4");
	use(m, "acme", "2026-03-05T00:00:00Z", "4");
}

static void a_credit_flows_through_what_is_billed(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("credits: [{key: gift, amount: 10}]"));
	use_four_a_month(m);
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00, due 0.00; INV-000002 invoice 2026-02-01..2026-03-01 4.00, "
	            "due 0.00; "
	            "INV-000003 invoice 2026-03-01..2026-04-01 4.00, due 2.00",
	            documents_of(m, NULL));
	assert_text("invoice 2026-04-01..2026-05-01 0.00, draft", draft_of(m, "acme", NULL));
	/* Three calls more in January use up what paid for February and March. */
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:00Z", "3"), METER_LATE);
	use(m, "acme", "2026-04-05T00:00:00Z", "1");
	assert_text("acme INV-000004 4.00", close_due(m, "2026-05-01T00:00:00Z"));
	assert_text("INV-000004 invoice 2026-04-01..2026-05-01 4.00", found(m, "INV-000004"));
	assert_text("usage calls 1 x 1 = 1.00; adjustment calls 4 -> 7: 3.00; adjustment -1 -> -1: -3.00; adjustment -1 -> -1: "
	            "1.00; adjustment "
	            "-1 -> 0: 2.00",
	            found_lines(m, "INV-000004"));
	/* And back again: from what was adjusted. */
	use(m, "acme", "2026-01-07T00:00:00Z", "-3");
	assert_text("CN-000001 credit_note 2026-01-01..2026-02-01 -3.00", adjust(m, "acme", "2026-05-02T00:00:00Z"));
	assert_text("nothing", adjust(m, "acme", "2026-05-02T00:00:00Z"));
	/* The gift has paid for 10, in whatever order it was found out. */
	assert_text("invoice 2026-05-01..2026-06-01 0.00, draft", draft_of(m, "acme", NULL));
	use(m, "acme", "2026-05-05T00:00:00Z", "2");
	assert_text("invoice 2026-05-01..2026-06-01 2.00, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

static void what_was_paid_ahead_flows_on(void **state)
{
	(void)state;
	meter *m =
		open_with(CREDIT_PLAN("commitments: [{key: ahead, kind: prepaid, amount: 10, from: 2026-01-01T00:00:00Z, until: "
	                              "2026-04-01T00:00:00Z}]"));
	use_four_a_month(m);
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 14.00, due 10.00; INV-000002 invoice 2026-02-01..2026-03-01 4.00, "
	            "due 0.00; "
	            "INV-000003 invoice 2026-03-01..2026-04-01 4.00, due 2.00",
	            documents_of(m, NULL));
	use(m, "acme", "2026-04-05T00:00:00Z", "1");
	assert_text("invoice 2026-04-01..2026-05-01 1.00, draft", draft_of(m, "acme", NULL));
	check_books(m);
}

static void a_promise_is_made_up_for_once(void **state)
{
	(void)state;
	meter *m = open_with(
		CREDIT_PLAN("commitments: [{key: promise, kind: postpaid, amount: 13, from: 2026-01-01T00:00:00Z, until: "
	                    "2026-04-01T00:00:00Z}]"));
	use_four_a_month(m);
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00; INV-000002 invoice 2026-02-01..2026-03-01 4.00; INV-000003 "
	            "invoice "
	            "2026-03-01..2026-04-01 5.00",
	            documents_of(m, NULL));
	/* A late call keeps the promise: what was made up for comes back. */
	use(m, "acme", "2026-01-06T00:00:00Z", "1");
	assert_text("INV-000004 adjustment 2026-01-01..2026-02-01 0.00", adjust(m, "acme", "2026-04-02T00:00:00Z"));
	assert_text("adjustment calls 4 -> 5: 1.00; adjustment 1 -> 0: -1.00", found_lines(m, "INV-000004"));
	check_books(m);
}

static void a_credit_survives_a_plan_without_credits(void **state)
{
	(void)state;
	meter *m = open_with("version: 1\n"
	                     "meters:\n  calls: {event_type: call, aggregation: sum}\n"
	                     "plans:\n"
	                     "  - {key: gifted, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: "
	                     "[{key: calls, meter: calls, "
	                     "model: unit, price: 1}], credits: [{key: gift, amount: 5}]}\n"
	                     "  - {key: plain, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: "
	                     "[{key: calls, meter: calls, "
	                     "model: unit, price: 1}]}\n"
	                     "subscriptions:\n"
	                     "  acme: {customer: Acme, plan: [{plan: gifted, from: 2026-01-01T00:00:00Z}, {plan: plain, from: "
	                     "2026-02-01T00:00:00Z}, {plan: gifted, from: 2026-03-01T00:00:00Z}], from: 2026-01-01T00:00:00Z}\n");
	use_four_a_month(m);
	assert_text("invoice 2026-03-01..2026-04-01 4.00, due 3.00, draft", draft_of(m, "acme", "2026-03"));
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00, due 0.00; INV-000002 invoice 2026-02-01..2026-03-01 4.00; "
	            "INV-000003 invoice "
	            "2026-03-01..2026-04-01 4.00, due 3.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* The catalog in between has no credits at all. */
static void a_credit_survives_a_catalog_without_credits(void **state)
{
	(void)state;
	static const char gifted[] = CREDIT_PLAN("credits: [{key: gift, amount: 10}]");
	meter *m = open_with(gifted);
	use(m, "acme", "2026-01-05T00:00:00Z", "4");
	close_due(m, "2026-02-01T00:00:00Z");
	apply_catalog(m, CREDIT_PLAN("name: x"));
	use(m, "acme", "2026-02-05T00:00:00Z", "4");
	close_due(m, "2026-03-01T00:00:00Z");
	apply_catalog(m, gifted);
	use(m, "acme", "2026-03-05T00:00:00Z", "9");
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 4.00, due 0.00; INV-000002 invoice 2026-02-01..2026-03-01 4.00; "
	            "INV-000003 invoice 2026-03-01..2026-04-01 9.00, due 3.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* A voided invoice between billed ones: what comes after it is not adjusted by what was before it. */
static void adjusting_around_an_open_period(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("credits: [{key: gift, amount: 10}], late_usage: credit_note"));
	use_four_a_month(m);
	close_due(m, "2026-04-01T00:00:00Z");
	void_document(m, "INV-000002", "2026-04-02T00:00:00Z");
	use(m, "acme", "2026-01-06T00:00:00Z", "1");
	/* January has one call more, which the gift pays. March was billed after a February that used 4. */
	assert_text("INV-000004 adjustment 2026-01-01..2026-02-01 1.00, due 0.00", adjust(m, "acme", "2026-04-02T00:00:00Z"));
	assert_text("adjustment calls 4 -> 5: 1.00; adjustment -1 -> -1: -1.00", found_lines(m, "INV-000004"));
	/* February anew: then March is due a dollar more. */
	assert_text("INV-000005 invoice 2026-02-01..2026-03-01 4.00, due 0.00",
	            show_free(finalize(m, "acme", NULL, "2026-04-03T00:00:00Z")));
	assert_text("INV-000006 adjustment 2026-03-01..2026-04-01 0.00, due 1.00", adjust(m, "acme", "2026-04-04T00:00:00Z"));
	assert_text("nothing", adjust(m, "acme", "2026-04-04T00:00:00Z"));
	check_books(m);
}

/* ---- gauges: a late value holds on into later periods ---- */

#define GAUGE_PLAN                                                                                                               \
	"version: 1\n"                                                                                                           \
	"meters:\n  seats: {event_type: call, aggregation: time_weighted}\n"                                                     \
	"plans:\n"                                                                                                               \
	"  - {key: basic, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: seats, meter: "    \
	"seats, model: "                                                                                                         \
	"unit, price: 1, per: 86400}]}\n"                                                                                        \
	"subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n"

static void a_late_gauge_value_reaches_later_periods(void **state)
{
	(void)state;
	meter *m = open_with(GAUGE_PLAN);
	use(m, "acme", "2026-01-01T00:00:00Z", "1");
	use(m, "acme", "2026-03-11T00:00:00Z", "1");
	close_due(m, "2026-05-01T00:00:00Z");
	/* a seat a day, a dollar a seat and day */
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 31.00; INV-000002 invoice 2026-02-01..2026-03-01 28.00; "
	            "INV-000003 invoice "
	            "2026-03-01..2026-04-01 31.00; INV-000004 invoice 2026-04-01..2026-05-01 30.00",
	            documents_of(m, NULL));
	/* A second seat since 30 January, until the next value in March. */
	assert_int_equal(use(m, "acme", "2026-01-30T00:00:00Z", "2"), METER_LATE);
	assert_text("INV-000005 adjustment 2026-01-01..2026-02-01 40.00", adjust(m, "acme", "2026-05-01T00:00:00Z"));
	assert_text("adjustment seats 2678400 -> 2851200: 2.00; adjustment seats 2419200 -> 4838400: 28.00; adjustment seats "
	            "2678400 -> 3542400: "
	            "10.00",
	            found_lines(m, "INV-000005"));
	assert_text("nothing", adjust(m, "acme", "2026-05-01T00:00:00Z"));
	check_books(m);
}

static void a_gauge_value_from_before_the_subscription_is_late_as_well(void **state)
{
	(void)state;
	meter *m = open_with(GAUGE_PLAN);
	use(m, "acme", "2026-01-11T00:00:00Z", "1");
	close_due(m, "2026-02-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 21.00", documents_of(m, NULL));
	assert_int_equal(use(m, "acme", "2025-12-30T00:00:00Z", "1"), METER_LATE);
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 10.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	check_books(m);
}

/* Quantities below zero flow on, too. */
static void a_quantity_below_zero_is_carried_over_billed_periods(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("name: x"));
	use(m, "acme", "2026-01-05T00:00:00Z", "-3");
	use(m, "acme", "2026-02-05T00:00:00Z", "2");
	use(m, "acme", "2026-03-05T00:00:00Z", "4");
	close_due(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-02-01..2026-03-01 0.00; INV-000003 "
	            "invoice "
	            "2026-03-01..2026-04-01 3.00",
	            documents_of(m, NULL));
	use(m, "acme", "2026-01-06T00:00:00Z", "2");
	assert_text("INV-000004 adjustment 2026-01-01..2026-02-01 2.00", adjust(m, "acme", "2026-04-02T00:00:00Z"));
	check_books(m);
}

static void a_quantity_below_zero_is_carried_over_open_periods(void **state)
{
	(void)state;
	meter *m = open_with(CREDIT_PLAN("name: x"));
	use(m, "acme", "2026-01-05T00:00:00Z", "-5");
	use(m, "acme", "2026-02-05T00:00:00Z", "8");
	assert_text("invoice 2026-02-01..2026-03-01 3.00, draft", draft_of(m, "acme", "2026-02"));
	check_books(m);
}

/* ---- charges that are made event by event ---- */

/* Two of them share a minute, so that buckets cannot tell them apart. 10 % of 100 and of 10 is less than an event costs. */
static void events_are_charged_one_by_one(void **state)
{
	(void)state;
	meter *m = open_with("version: 1\n"
	                     "meters:\n  sales: {event_type: call, aggregation: sum}\n"
	                     "plans:\n"
	                     "  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                     "fee, meter: sales, model: percentage, rate: 10, event_minimum: 15}]}\n"
	                     "subscriptions:\n  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-05T00:00:00Z", "100");
	use(m, "acme", "2026-01-06T00:00:10Z", "10");
	use_as(m, "acme", "big", "2026-01-06T00:00:20Z", "200");
	assert_text("acme INV-000001 50.00", close_due(m, "2026-02-01T00:00:00Z"));
	assert_int_equal(use(m, "acme", "2026-01-06T00:00:30Z", "300"), METER_LATE);
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 30.00", adjust(m, "acme", "2026-02-02T00:00:00Z"));
	/* What was replaced was right by what it knew. */
	check_books(m);
	m = open_meter();
	assert_int_equal(retract(m, "acme", "big", "2026-01-06T00:00:20Z"), METER_LATE);
	assert_text("CN-000001 credit_note 2026-01-01..2026-02-01 -20.00", adjust(m, "acme", "2026-02-03T00:00:00Z"));
	check_books(m);
}

/* A catalog that counts otherwise now does not touch what was billed by the one before. */
static void late_usage_is_rated_as_the_bill_was(void **state)
{
	(void)state;
	meter *m = open_with(basic);
	use_with(m, "acme", "2026-01-05T00:00:00Z", "5", "kind", "a");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	apply_catalog(m, "version: 1\n"
	                 "meters:\n"
	                 "  calls: {event_type: call, aggregation: sum, dimensions: [other]}\n"
	                 "plans:\n"
	                 "  - {key: basic, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                 "calls, meter: calls, model: "
	                 "unit, price: 7}]}\n"
	                 "subscriptions:\n  acme: {customer: Acme Inc., plan: basic, from: 2026-01-01T00:00:00Z}\n");
	assert_int_equal(use_with(m, "acme", "2026-01-06T00:00:00Z", "1", "kind", "b"), METER_LATE);
	use(m, "acme", "2026-02-06T00:00:00Z", "1");
	assert_text("usage calls 1 x 7 = 7.00; adjustment calls 5 -> 6: 0.10", draft_lines_of(m, "acme", NULL));
	/* Made anew it is rated by the catalog in force. */
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 42.00", regenerate(m, "INV-000001", "2026-02-05T00:00:00Z"));
	check_books(m);
}

/* ---- nobody changes what was issued ---- */

static void refused_by_a_trigger(sqlite3 *db, const char *sql)
{
	char *message = NULL;
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_CONSTRAINT);
	assert_part("is append-only", message);
	sqlite3_free(message);
}

static void stored_documents_cannot_be_changed_with_sqlite3(void **state)
{
	(void)state;
	static const char *const tables[] = {"bill", "line", "document", "document_bill", "entry", "link"};
	static const char *const columns[] = {"total", "amount", "due", "bill", "amount", "hash"};
	meter *m = open_with(basic);
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	meter_invoice_free(finalize(m, "acme", NULL, "2026-02-04T00:00:00Z"));
	void_document(m, "INV-000001", "2026-02-05T00:00:00Z");
	close_meter(m);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(meter_path(), &db), SQLITE_OK);
	for (size_t i = 0; i < COUNT(tables); i++) {
		char sql[100];
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = '1'", tables[i], columns[i]);
		refused_by_a_trigger(db, sql);
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]);
		refused_by_a_trigger(db, sql);
	}
	sqlite3_close(db);
	check_books(open_meter());
}

static void open_refused(const char *part)
{
	meter *m;
	assert_code(METER_ECORRUPT, meter_open(&m, meter_path(), NULL));
	assert_part(part, meter_errmsg());
	assert_null(m);
}

static void a_foreign_trigger_is_refused(void **state)
{
	(void)state;
	close_meter(open_with(basic));
	sql_run(meter_path(), "CREATE TRIGGER mine AFTER INSERT ON bill BEGIN UPDATE series SET last = last + 1; END");
	open_refused("other triggers");
	sql_run(meter_path(), "DROP TRIGGER mine");
	close_meter(open_meter());
	/* One of ours is missing; one has our name and does nothing. */
	sql_run(meter_path(), "DROP TRIGGER bill_update");
	open_refused("other triggers");
	sql_run(meter_path(), "CREATE TRIGGER bill_update BEFORE update ON bill BEGIN SELECT 1; END");
	open_refused("other triggers");
}

/* ---- calendars and currencies that change ---- */

static void a_time_zone_that_changes_leaves_no_gap(void **state)
{
	(void)state;
	meter *m = open_with(
		METERS "plans:\n" PLAN("") "subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-01-31T23:30:00Z", "1");
	close_due(m, "2026-02-04T00:00:00Z");
	apply_catalog(m, METERS "plans:\n" PLAN("") "subscriptions:\n  acme: {customer: Acme, plan: basic, timezone: "
	                                            "Europe/Berlin, from: 2026-01-01T00:00:00Z}\n");
	use(m, "acme", "2026-02-28T22:59:59Z", "2");
	use(m, "acme", "2026-02-28T23:00:00Z", "4");
	assert_text("acme INV-000002 0.20; acme INV-000003 0.40", close_due(m, "2026-04-04T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.10; INV-000002 invoice 2026-02-01..2026-02-28T23:00:00Z 0.20; "
	            "INV-000003 invoice "
	            "2026-02-28T23:00:00Z..2026-03-31T22:00:00Z 0.40",
	            documents_of(m, NULL));
	/* The bill of February stands as it was cut. */
	use(m, "acme", "2026-02-01T00:00:00Z", "1");
	assert_text("INV-000004 adjustment 2026-02-01..2026-02-28T23:00:00Z 0.10", adjust(m, "acme", "2026-04-05T00:00:00Z"));
	check_books(m);
}

/* What lies between the old beginning and the new one was never billed, and need not be: also while the first period of the new
 * life is open again. */
static void a_later_beginning_leaves_a_gap_that_is_right(void **state)
{
	(void)state;
#define DAILY(from)                                                                                                              \
	METERS "plans:\n  - {key: basic, currency: USD, period: day, effective_from: 2026-01-01T00:00:00Z, charges: [{key: "     \
	       "calls, "                                                                                                         \
	       "meter: calls, model: unit, price: 1}]}\nsubscriptions:\n  acme: {customer: Acme, plan: basic, from: " from "}\n"
	meter *m = open_with(DAILY("2026-01-01T00:00:00Z"));
	meter_invoice_free(finalize(m, "acme", NULL, "2026-01-02T00:00:00Z"));
	apply_catalog(m, DAILY("2026-01-05T12:00:00Z"));
	close_due(m, "2026-01-07T00:00:00Z");
	void_document(m, "INV-000002", "2026-01-07T00:00:00Z");
	check_books(m);
#undef DAILY
}

static void refuse_regenerate(meter *m, const char *number, const char *at)
{
	meter_invoice *invoice;
	assert_code(METER_ESTATE, meter_invoice_regenerate(&invoice, m, number, "other periods", us(at)));
	assert_part("the periods of the catalog have changed", meter_errmsg());
	assert_code(METER_ESTATE, meter_invoice_redraft(&invoice, m, number));
	assert_part("the periods of the catalog have changed", meter_errmsg());
}

/* One document cannot take the place of one then: 0.20 instead of 31.00 would look like money to be paid back. */
static void other_periods_do_not_take_the_place_of_one(void **state)
{
	(void)state;
#define FLAT(period, more)                                                                                                       \
	METERS "plans:\n  - {key: basic, currency: USD, period: " period                                                         \
	       ", effective_from: 2026-01-01T00:00:00Z, charges: [{key: base, model: flat, amount: \"31\", proration: time}]}\n" \
	       "subscriptions:\n  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z" more "}\n"
	meter *m = open_with(FLAT("month", ""));
	close_due(m, "2026-03-01T00:00:00Z");
	apply_catalog(m, FLAT("month", ", timezone: America/New_York"));
	refuse_regenerate(m, "INV-000001", "2026-03-02T00:00:00Z");
	refuse_regenerate(m, "INV-000002", "2026-03-02T00:00:00Z");
	apply_catalog(m, FLAT("week", ""));
	refuse_regenerate(m, "INV-000002", "2026-03-02T00:00:00Z");
	apply_catalog(m, FLAT("quarter", ""));
	meter_invoice *invoice; /* the quarter is not over */
	assert_code(METER_ESTATE,
	            meter_invoice_regenerate(&invoice, m, "INV-000002", "other periods", us("2026-03-02T00:00:00Z")));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 31.00; INV-000002 invoice 2026-02-01..2026-03-01 31.00",
	            documents_of(m, NULL));
	apply_catalog(m, FLAT("month", ", until: 2026-02-08T00:00:00Z"));
	assert_text("INV-000003 invoice 2026-02-01..2026-02-08 7.75", regenerate(m, "INV-000002", "2026-03-02T00:00:00Z"));
	apply_catalog(m, FLAT("month", ", timezone: America/New_York"));
	void_document(m, "INV-000003", "2026-03-03T00:00:00Z");
	assert_text("acme INV-000004 0.21; acme INV-000005 31.00; acme INV-000006 31.00", close_due(m, "2026-04-02T00:00:00Z"));
	check_books(m);
#undef FLAT
}

static void adjustments_in_another_currency_are_a_document_of_their_own(void **state)
{
	(void)state;
	meter *m = open_with("version: 1\n"
	                     "meters:\n  calls: {event_type: call, aggregation: sum}\n"
	                     "plans:\n"
	                     "  - {key: usd, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                     "calls, meter: calls, "
	                     "model: unit, price: 1}]}\n"
	                     "  - {key: eur, currency: EUR, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                     "calls, meter: calls, "
	                     "model: unit, price: 2}]}\n"
	                     "subscriptions:\n"
	                     "  acme: {customer: Acme, plan: [{plan: usd, from: 2026-01-01T00:00:00Z}, {plan: eur, from: "
	                     "2026-02-01T00:00:00Z}], from: "
	                     "2026-01-01T00:00:00Z}\n");
	use_four_a_month(m);
	close_due(m, "2026-03-01T00:00:00Z");
	use(m, "acme", "2026-01-06T00:00:00Z", "1");
	use(m, "acme", "2026-02-06T00:00:00Z", "1");
	assert_text("acme INV-000003 1.00; acme INV-000004 10.00", close_due(m, "2026-04-01T00:00:00Z"));
	assert_text("adjustment calls 4 -> 5: 1.00", found_lines(m, "INV-000003"));
	assert_text("usage calls 4 x 2 = 8.00; adjustment calls 4 -> 5: 2.00", found_lines(m, "INV-000004"));
	check_books(m);
}

#define TWO_CURRENCIES(first, second)                                                                                            \
	"version: 1\nmeters:\n  calls: {event_type: call, aggregation: sum, dimensions: [kind]}\nplans:\n"                       \
	"  - {key: p" first ", currency: " first                                                                                 \
	", period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, "                                         \
	"meter: calls, model: unit, price: 1, group_by: [kind]}]}\n"                                                             \
	"  - {key: p" second ", currency: " second                                                                               \
	", period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, "                                         \
	"meter: calls, model: unit, price: 1, group_by: [kind]}]}\n"                                                             \
	"subscriptions:\n  acme: {customer: Acme, plan: [{plan: p" first ", from: 2026-01-01T00:00:00Z}, {plan: p" second        \
	", from: 2026-02-01T00:00:00Z}], from: 2026-01-01T00:00:00Z}\n"

/* An event of value 0 makes January differ, by no money; that must not keep what February owes. */
static void a_currency_without_money_keeps_no_other_one_waiting(void **state)
{
	(void)state;
	meter *m = open_with(TWO_CURRENCIES("EUR", "USD"));
	use_with(m, "acme", "2026-01-05T00:00:00Z", "7", "kind", "x");
	use_with(m, "acme", "2026-02-05T00:00:00Z", "7", "kind", "x");
	close_due(m, "2026-03-01T00:00:00Z");
	use_with(m, "acme", "2026-01-06T00:00:00Z", "0", "kind", "y");
	use_with(m, "acme", "2026-02-06T00:00:00Z", "100", "kind", "x");
	assert_text("INV-000003 adjustment 2026-02-01..2026-03-01 100.00", adjust(m, "acme", "2026-03-02T00:00:00Z"));
	assert_text("nothing", adjust(m, "acme", "2026-03-02T00:00:00Z"));
	check_books(m);
}

/* Money in euros is not replaced by money in dollars, whatever else waits by now. */
static void an_adjustment_is_made_anew_in_its_currency(void **state)
{
	(void)state;
	meter *m = open_with(TWO_CURRENCIES("USD", "EUR"));
	use_with(m, "acme", "2026-01-05T00:00:00Z", "7", "kind", "x");
	use_with(m, "acme", "2026-02-05T00:00:00Z", "7", "kind", "x");
	close_due(m, "2026-03-01T00:00:00Z");
	use_with(m, "acme", "2026-02-06T00:00:00Z", "5", "kind", "x");
	assert_text("INV-000003 adjustment 2026-02-01..2026-03-01 5.00", adjust(m, "acme", "2026-03-02T00:00:00Z"));
	use_with(m, "acme", "2026-01-06T00:00:00Z", "3", "kind", "x");
	assert_text("INV-000004 adjustment 2026-02-01..2026-03-01 5.00", regenerate(m, "INV-000003", "2026-03-03T00:00:00Z"));
	assert_text("INV-000005 adjustment 2026-01-01..2026-02-01 3.00", adjust(m, "acme", "2026-03-04T00:00:00Z"));
	check_books(m);
}

/* It is wrong, but it may be mended as long as the period lasts. */
static void a_currency_that_changes_within_a_period_is_refused_when_it_is_over(void **state)
{
	(void)state;
	meter *m = open_with("version: 1\n"
	                     "meters:\n  calls: {event_type: call, aggregation: sum}\n"
	                     "plans:\n"
	                     "  - {key: usd, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                     "calls, meter: calls, model: unit, price: 1}]}\n"
	                     "  - {key: eur, currency: EUR, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: "
	                     "calls, meter: calls, model: unit, price: 2}]}\n"
	                     "subscriptions:\n"
	                     "  acme: {customer: Acme, plan: [{plan: usd, from: 2026-01-01T00:00:00Z}, {plan: eur, from: "
	                     "2026-02-15T00:00:00Z}], from: 2026-01-01T00:00:00Z}\n");
	assert_text("acme INV-000001 0.00", close_due(m, "2026-02-01T00:00:00Z"));
	assert_text("", close_due(m, "2026-02-10T00:00:00Z"));
	assert_part("acme refused: ", close_due(m, "2026-03-01T00:00:00Z"));
	check_books(m);
}

/* ---- a gauge that holds on after an invoice was made early ---- */

static void the_rest_of_a_gauge_is_billed_after_an_early_invoice(void **state)
{
	(void)state;
	meter *m = open_with(GAUGE_PLAN);
	use(m, "acme", "2026-01-01T00:00:00Z", "1");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 20.00",
	            show_free(finalize_early(m, "acme", "2026-01", "2026-01-21T00:00:00Z", "early")));
	/* The seat is held for eleven days more, and all of February: what counts as now says so, whatever the clock. */
	assert_text("INV-000002 adjustment 2026-01-01..2026-02-01 4.00", adjust(m, "acme", "2026-01-25T00:00:00Z"));
	assert_text("acme INV-000003 35.00", close_due(m, "2026-03-01T00:00:00Z"));
	assert_text("nothing", adjust(m, "acme", "2026-03-01T00:00:00Z"));
	check_books(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(what_a_finalized_invoice_says),
		in_scratch(finalizing_again_gives_the_same_invoice),
		in_scratch(periods_are_finalized_in_their_order),
		in_scratch(grace_is_waited_for_and_a_reason_overrides_it),
		in_scratch(a_suspended_line_is_never_billed),
		in_scratch(late_events_are_counted_apart),
		in_scratch(no_time_is_billed_twice),
		in_scratch(late_usage_joins_the_next_invoice),
		in_scratch(corrections_below_zero_are_a_credit_note),
		in_scratch(an_invoice_never_falls_below_zero),
		in_scratch(a_correction_of_what_a_credit_pays_is_a_credit_note),
		in_scratch(a_correction_that_fits_lowers_the_next_invoice),
		in_scratch(late_usage_waits_for_the_next_invoice),
		in_scratch(only_what_holds_waits_for_an_adjustment),
		in_scratch(what_the_catalog_dropped_is_told_until_it_is_back),
		in_scratch(what_ended_is_adjusted_by_itself),
		in_scratch(a_voided_invoice_stays_and_its_period_opens),
		in_scratch(what_a_later_document_adjusts_is_not_voided),
		in_scratch(regenerating_replaces_an_invoice),
		in_scratch(regenerating_an_adjustment),
		in_scratch(regenerating_with_a_credit_note_before_it),
		in_scratch(regenerating_an_invoice_that_adjusts),
		in_scratch(comparing_needs_one_currency),
		in_scratch(documents_are_found_and_listed),
		in_scratch(closing_is_stopped_and_goes_on),
		in_scratch(closing_catches_up_on_years),
		in_scratch(two_handles_closing_at_once_make_one_invoice_each),
		in_scratch(processes_closing_at_once_make_one_invoice_each),
		in_scratch(prefixes_number_on_their_own),
		in_scratch(periods_of_every_length),
		in_scratch(days_of_23_and_25_hours),
		in_scratch(a_plan_changes_from_months_to_years),
		in_scratch(a_unit_that_is_no_currency_has_a_worth),
		in_scratch(a_credit_flows_through_what_is_billed),
		in_scratch(what_was_paid_ahead_flows_on),
		in_scratch(a_promise_is_made_up_for_once),
		in_scratch(a_credit_survives_a_plan_without_credits),
		in_scratch(a_credit_survives_a_catalog_without_credits),
		in_scratch(adjusting_around_an_open_period),
		in_scratch(a_late_gauge_value_reaches_later_periods),
		in_scratch(a_gauge_value_from_before_the_subscription_is_late_as_well),
		in_scratch(a_quantity_below_zero_is_carried_over_billed_periods),
		in_scratch(a_quantity_below_zero_is_carried_over_open_periods),
		in_scratch(events_are_charged_one_by_one),
		in_scratch(late_usage_is_rated_as_the_bill_was),
		in_scratch(a_time_zone_that_changes_leaves_no_gap),
		in_scratch(a_later_beginning_leaves_a_gap_that_is_right),
		in_scratch(other_periods_do_not_take_the_place_of_one),
		in_scratch(adjustments_in_another_currency_are_a_document_of_their_own),
		in_scratch(a_currency_without_money_keeps_no_other_one_waiting),
		in_scratch(an_adjustment_is_made_anew_in_its_currency),
		in_scratch(a_currency_that_changes_within_a_period_is_refused_when_it_is_over),
		in_scratch(the_rest_of_a_gauge_is_billed_after_an_early_invoice),
		in_scratch(stored_documents_cannot_be_changed_with_sqlite3),
		in_scratch(a_foreign_trigger_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
