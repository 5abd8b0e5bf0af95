/*
 * test_traps.c - real failures of other billing systems, each as a short history that would be billed wrong by a system that has
 * it.
 *
 * Each test names its reference. Periods and amounts are worked out by hand.
 *
 * What cannot be tested because there is no such thing here:
 *
 * - Balances with resets (openmeter#4511, #4845): usage is added up from events for each period; what reaches over periods is the
 *   account that a bill leaves, which late usage changes. Its two failures are tested with plan changes and with credits.
 * - Progressive invoices in mid-period (lago-api#5653): a period has one invoice. That voiding it issues nothing but the void is
 * tested.
 * - Stored drafts that a refresh could bill (lago-api#875): a draft is never stored. That reading it changes nothing is tested.
 * - A bill run that depends on when it runs (killbill#1037): how far back is billed is "from" of the subscription, and nothing
 * else.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing.h"
#include "closing.h"

#define DAY_US INT64_C(86400000000)

#define HEAD                                                                                                                     \
	"version: 1\nmeters:\n  calls: {event_type: call, aggregation: sum}\n  most: {event_type: call, aggregation: "           \
	"max}\nplans:\n"
#define PLAN_OF(key, period, price, more)                                                                                        \
	"  - {key: " key ", currency: USD, period: " period                                                                      \
	", effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, meter: calls, model: "                                   \
	"unit, price: " price "}]" more "}\n"
#define FLAT_OF(key, period, amount)                                                                                             \
	"  - {key: " key ", currency: USD, period: " period                                                                      \
	", effective_from: 2020-01-01T00:00:00Z, charges: [{key: base, model: flat, amount: " amount ", proration: time}]}\n"
#define SUBSCRIPTIONS "subscriptions:\n"
/* a dollar a call and month, from 2026 on */
#define ACME SUBSCRIPTIONS "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n"

static meter *open_with(const char *catalog)
{
	meter *m = open_meter();
	apply_catalog(m, catalog);
	return m;
}

static void use_us(meter *m, const char *subscription, int64_t at_us, const char *value)
{
	char when[32];
	assert_ok(meter_time_format(when, sizeof(when), at_us));
	use(m, subscription, when, value);
}

/* Close what is due, quietly. */
static void close_all(meter *m, const char *at)
{
	meter_closing *closing;
	assert_ok(close_at(&closing, m, us(at)));
	assert_i64(0, (int64_t)meter_closing_refused(closing));
	meter_closing_free(closing);
}

/* ---- late, backdated, corrections ---- */

/* getlago/lago#99, lago-api#626, #682: delayed events are collected for days before the invoice is made. */
static void trap_12_delayed_events_join_within_grace(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", ", grace: 3d") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "1");
	assert_text("", close_due(m, "2026-02-02T00:00:00Z"));
	assert_int_equal(use(m, "acme", "2026-01-31T12:00:00Z", "1"), METER_ACCEPTED);
	assert_text("acme INV-000001 2.00", close_due(m, "2026-02-04T00:00:00Z"));
	check_books(m);
}

/* openmeterio/openmeter#4215: late events counted only inside the service period; here periods later, against their own one. */
static void trap_13_late_usage_is_a_difference_of_its_period(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "5");
	close_all(m, "2026-04-01T00:00:00Z");
	assert_int_equal(use(m, "acme", "2026-01-11T00:00:00Z", "2"), METER_LATE);
	meter_invoice *invoice = finalize(m, "acme", NULL, "2026-05-01T00:00:00Z");
	assert_text("usage calls 0 x 1 = 0.00; adjustment calls 5 -> 7: 2.00", lines_of(invoice));
	assert_i64(us("2026-01-01T00:00:00Z"), meter_invoice_line_from_us(invoice, 1));
	assert_i64(us("2026-02-01T00:00:00Z"), meter_invoice_line_to_us(invoice, 1));
	meter_invoice_free(invoice);
	check_books(m);
}

/* stripe/stripe-node#725: usage that came while the invoice was a draft could not be put on that cycle. */
static void trap_14_usage_joins_while_the_invoice_is_a_draft(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", ", grace: 3d") ACME);
	assert_text("invoice 2026-01-01..2026-02-01 0.00, draft", draft_of(m, "acme", "2026-01"));
	use(m, "acme", "2026-01-20T00:00:00Z", "3");
	assert_text("invoice 2026-01-01..2026-02-01 3.00, draft", draft_of(m, "acme", "2026-01"));
	/* The period is over, its invoice is not made yet. */
	assert_text("", close_due(m, "2026-02-02T00:00:00Z"));
	assert_int_equal(use(m, "acme", "2026-01-31T23:00:00Z", "4"), METER_ACCEPTED);
	assert_text("invoice 2026-01-01..2026-02-01 7.00, draft", draft_of(m, "acme", "2026-01"));
	assert_text("acme INV-000001 7.00", close_due(m, "2026-02-04T00:00:00Z"));
	check_books(m);
}

/* authgear/authgear-server#2168: the last usage of a cycle was never billed. */
static void trap_15_the_last_usage_of_a_cycle_is_billed(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-02-10T10:00:00Z}\n");
	use(m, "acme", "2026-01-31T23:59:59.999999Z", "1");
	use(m, "acme", "2026-02-10T09:59:59.999999Z", "2");
	use(m, "acme", "2026-02-10T10:00:00Z", "4");
	close_all(m, "2026-06-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 1.00; INV-000002 invoice 2026-02-01..2026-02-10T10:00:00Z 2.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* tuist/tuist#11903: aggregates by day straddle the boundary. Midnight in Kathmandu is 18:15 in UTC; all is rolled up to days
 * long since. */
static void trap_16_rolled_up_days_do_not_straddle_a_boundary(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, timezone: Asia/Kathmandu, from: 2025-12-31T18:15:00Z}\n");
	use(m, "acme", "2026-01-31T18:14:59.999999Z", "1");
	use(m, "acme", "2026-01-31T18:15:00Z", "2");
	use(m, "acme", "2026-02-28T18:14:59.999999Z", "4");
	use(m, "acme", "2026-02-28T18:15:00Z", "8");
	use(m, "acme", "2026-09-01T00:00:00Z", "16");
	close_all(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2025-12-31T18:15:00Z..2026-01-31T18:15:00Z 1.00; INV-000002 invoice "
	            "2026-01-31T18:15:00Z..2026-02-28T18:15:00Z 6.00; INV-000003 invoice "
	            "2026-02-28T18:15:00Z..2026-03-31T18:15:00Z 8.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* getlago/lago-api#4082: an event a minute after the period began landed on the invoice before. */
static void trap_17_a_minute_after_the_start_is_the_new_period(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	use(m, "acme", "2026-02-01T00:01:00Z", "1");
	use(m, "acme", "2026-02-01T00:00:00Z", "1");
	close_all(m, "2026-03-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-02-01..2026-03-01 2.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* getlago/lago-api#1520: events ingested late were ignored in the state that is carried over. */
static void trap_18_late_events_change_what_is_carried_over(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "-5");
	use(m, "acme", "2026-02-10T00:00:00Z", "8");
	close_all(m, "2026-03-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-02-01..2026-03-01 3.00",
	            documents_of(m, NULL));
	use(m, "acme", "2026-01-11T00:00:00Z", "-1");
	/* January is nothing still; February has one less to bill. */
	assert_text("CN-000001 credit_note 2026-01-01..2026-02-01 -1.00", adjust(m, "acme", "2026-03-02T00:00:00Z"));
	use(m, "acme", "2026-01-12T00:00:00Z", "7");
	/* 1 in January, and all 8 in February. */
	assert_text("INV-000003 adjustment 2026-01-01..2026-02-01 7.00", adjust(m, "acme", "2026-03-03T00:00:00Z"));
	check_books(m);
}

/* killbill/killbill#1037: nothing limits how far back an account is invoiced. */
static void trap_19_from_limits_how_far_back_is_billed(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, from: 2026-03-10T00:00:00Z}\n");
	use(m, "acme", "2019-06-01T00:00:00Z", "1000");
	use(m, "acme", "2026-02-28T23:59:59Z", "100");
	/* In the month in which it began, but before. */
	use(m, "acme", "2026-03-09T23:59:59.999999Z", "10");
	use(m, "acme", "2026-03-10T00:00:00Z", "1");
	assert_text("acme INV-000001 1.00; acme INV-000002 0.00", close_due(m, "2026-05-01T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-03-10..2026-04-01 1.00; INV-000002 invoice 2026-04-01..2026-05-01 0.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* flexprice/flexprice#2437: backdating what has ended needed a special flow. Here: a catalog that says so, and regenerate. */
static void trap_20_an_end_is_backdated(void **state)
{
	(void)state;
	meter *m = open_with(HEAD FLAT_OF("p", "month", "28") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n");
	close_all(m, "2026-03-01T00:00:00Z");
	apply_catalog(m, HEAD FLAT_OF("p", "month", "28") SUBSCRIPTIONS
	              "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-02-15T00:00:00Z}\n");
	/* Fourteen of 28 days. */
	assert_text("INV-000003 invoice 2026-02-01..2026-02-15 14.00", regenerate(m, "INV-000002", "2026-03-02T00:00:00Z"));
	assert_text("", close_due(m, "2026-06-01T00:00:00Z"));
	check_books(m);
}

/* openmeterio/openmeter#4845: a backdated change reused a stale snapshot of the balance. */
static void trap_21_a_backdated_change_is_seen_by_the_balance(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", ", credits: [{key: gift, amount: 10}]") ACME);
	meter_invoice *invoice;
	use(m, "acme", "2026-01-10T00:00:00Z", "2");
	use(m, "acme", "2026-02-10T00:00:00Z", "2");
	close_all(m, "2026-03-01T00:00:00Z");
	use(m, "acme", "2026-03-10T00:00:00Z", "2");
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, NULL, 0));
	assert_text("gift gift, 4.00 left", meter_invoice_line_description(invoice, 1));
	meter_invoice_free(invoice);
	use(m, "acme", "2026-01-11T00:00:00Z", "3");
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, NULL, 0));
	assert_text("gift gift, 1.00 left", meter_invoice_line_description(invoice, 1));
	meter_invoice_free(invoice);
	check_books(m);
}

/* ---- rating again, voids, regenerating ---- */

/* getlago/lago-api#3992: no way to regenerate a voided invoice with the right units. */
static void trap_30_a_voided_invoice_is_made_anew_from_corrected_usage(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "500");
	close_all(m, "2026-02-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 500.00, voided",
	            void_document(m, "INV-000001", "2026-02-02T00:00:00Z"));
	use(m, "acme", "2026-01-10T00:00:00Z", "-450");
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 50.00",
	            show_free(finalize(m, "acme", "2026-01", "2026-02-03T00:00:00Z")));
	check_books(m);
}

/* getlago/lago-api#5653: voiding issued two wrong credit notes. */
static void trap_31_voiding_issues_nothing_but_the_void(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", ", credits: [{key: gift, amount: 10}]") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "15");
	close_all(m, "2026-02-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 15.00, due 5.00, voided",
	            void_document(m, "INV-000001", "2026-02-02T00:00:00Z"));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 15.00, due 5.00, voided", documents_of(m, NULL));
	/* The gift is whole again. */
	assert_text("INV-000002 invoice 2026-01-01..2026-02-01 15.00, due 5.00",
	            show_free(finalize(m, "acme", NULL, "2026-02-03T00:00:00Z")));
	check_books(m);
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM document WHERE kind = 2"));
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM (SELECT 1 FROM entry WHERE document <= 2 GROUP BY account"
	                                    " HAVING sum(CAST(amount AS REAL)) <> 0)"));
}

/* getlago/lago-api#875: refreshing a draft could bill twice. */
static void trap_32_reading_a_draft_bills_nothing(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", ", credits: [{key: gift, amount: 1}]") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "3");
	for (int i = 0; i < 5; i++)
		assert_text("invoice 2026-01-01..2026-02-01 3.00, due 2.00, draft", draft_of(m, "acme", NULL));
	close_all(m, "2026-02-01T00:00:00Z");
	for (int i = 0; i < 5; i++)
		assert_text("invoice 2026-02-01..2026-03-01 0.00, draft", draft_of(m, "acme", NULL));
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 3.00, due 2.00", documents_of(m, NULL));
	check_books(m);
}

struct racer {
	meter *m;
	int what;
	atomic_int *failed;
};

static void race_once(const struct racer *r)
{
	meter_invoice *invoice = NULL;
	int code;
	if (r->what == 0)
		code = meter_invoice_finalize(&invoice, r->m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
		                              us("2026-02-01T00:00:00Z"));
	else if (r->what == 1)
		code = meter_invoice_draft(&invoice, r->m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED);
	else
		code = meter_invoice_get(&invoice, r->m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED);
	if (code != METER_OK || strcmp(meter_invoice_total(invoice), "3.00") != 0)
		atomic_fetch_add(r->failed, 1);
	if (code == METER_OK && r->what == 2 && meter_invoice_number(invoice)) {
		meter_invoice *voided = NULL;
		code = meter_invoice_void(&voided, r->m, meter_invoice_number(invoice), "a race", us("2026-02-01T00:00:00Z"));
		if (code != METER_OK && code != METER_ESTATE)
			atomic_fetch_add(r->failed, 1);
		meter_invoice_free(voided);
	}
	meter_invoice_free(invoice);
}

static void *race(void *user)
{
	for (int i = 0; i < 40; i++)
		race_once(user);
	return NULL;
}

/* getlago/lago-api#5993, #5495: drafting, finalizing and voiding at once. */
static void trap_33_draft_finalize_and_void_race(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	atomic_int failed = 0;
	pthread_t threads[4];
	struct racer racers[4];
	use(m, "acme", "2026-01-10T00:00:00Z", "3");
	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer){m, i % 3, &failed};
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failed), 0);
	meter_invoice_free(finalize(m, "acme", "2026-01", "2026-02-01T00:00:00Z"));
	check_books(m);
	/* All are voided but one. */
	assert_i64(1,
	           sql_int(meter_path(),
	                   "SELECT (SELECT count(*) FROM document WHERE kind = 1) - (SELECT count(*) FROM document WHERE kind = "
	                   "4)"));
}

/* The same in two processes, and with what changes an invoice that is final: late usage, adjusting, making anew. */
struct rival {
	meter *m;
	int process, thread;
	int failed, used;
};

/* Another one may have been faster; else it must succeed. */
static void expect_done(struct rival *r, int code)
{
	r->failed += code != METER_OK && code != METER_ESTATE && code != METER_EEND;
}

static void use_late(struct rival *r, int round)
{
	char id[32];
	int32_t outcome;
	meter_event event = event_of("acme", id, "call");
	snprintf(id, sizeof(id), "%d-%d-%d", r->process, r->thread, round);
	event.timestamp_us = us("2026-01-11T00:00:00Z");
	r->used +=
		meter_record_many(r->m, &event, 1, &outcome) == METER_OK && (outcome == METER_ACCEPTED || outcome == METER_LATE);
}

static void change_last(struct rival *r, bool is_void)
{
	meter_invoices *list;
	meter_invoice *changed;
	char number[32] = "";
	expect_done(r, meter_invoices_query(&list, r->m, "acme", METER_NUL_TERMINATED));
	while (meter_invoices_next(list) == METER_OK)
		snprintf(number, sizeof(number), "%s", meter_invoice_number(meter_invoices_invoice(list)));
	meter_invoices_free(list);
	if (!number[0])
		return;
	expect_done(r, is_void ? meter_invoice_void(&changed, r->m, number, "a race", us("2026-02-01T00:00:00Z"))
	                       : meter_invoice_regenerate(&changed, r->m, number, "a race", us("2026-02-01T00:00:00Z")));
	meter_invoice_free(changed);
}

static void *rival(void *user)
{
	struct rival *r = user;
	meter_invoice *invoice;
	for (int round = 0; round < 40; round++) {
		use_late(r, round);
		switch ((round + r->thread) % 4) {
		case 0:
			expect_done(r, meter_invoice_finalize(&invoice, r->m, "acme", METER_NUL_TERMINATED, "2026-01",
			                                      METER_NUL_TERMINATED, NULL, us("2026-02-01T00:00:00Z")));
			meter_invoice_free(invoice);
			break;
		case 1:
			expect_done(r, meter_invoice_adjust(&invoice, r->m, "acme", METER_NUL_TERMINATED,
			                                    us("2026-02-01T00:00:00Z")));
			meter_invoice_free(invoice);
			break;
		default:
			change_last(r, round % 3 == 0);
		}
	}
	return NULL;
}

/* Two threads on a handle of this process; whether nothing failed, and every use was taken. */
static bool run_rivals(int process)
{
	pthread_t threads[2];
	struct rival rivals[2];
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	meter *m;
	if (meter_open(&m, meter_path(), &options) != METER_OK)
		return false;
	for (int i = 0; i < 2; i++) {
		rivals[i] = (struct rival){.m = m, .process = process, .thread = i};
		pthread_create(&threads[i], NULL, rival, &rivals[i]);
	}
	bool is_done = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		is_done = is_done && rivals[i].failed == 0 && rivals[i].used == 40;
	}
	return meter_close(m) == METER_OK && is_done;
}

static void trap_33_two_processes_change_one_period(void **state)
{
	(void)state;
	int status;
	close_meter(open_with(HEAD PLAN_OF("p", "month", "1", "") ACME));
	const pid_t child = fork();
	if (child == 0)
		_exit(run_rivals(1) ? 0 : 1);
	const bool is_done = run_rivals(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(is_done);
	meter *m = open_meter();
	meter_invoice_free(finalize(m, "acme", "2026-01", "2026-02-01T00:00:00Z"));
	adjust(m, "acme", "2026-02-01T00:00:00Z");
	assert_text("nothing", adjust(m, "acme", "2026-02-01T00:00:00Z"));
	check_books(m);
	/* A dollar a use, of 160, on what is not voided. */
	assert_i64(160, sql_int(meter_path(), "SELECT sum(CAST(total AS INTEGER)) FROM document d WHERE kind <> 4 AND NOT EXISTS"
	                                      " (SELECT 1 FROM document v WHERE v.kind = 4 AND v.refers = d.number)"));
}

/* killbill/killbill#1171, #1357: enclosed periods were billed again. A year that is left for months after seven of them. */
static void trap_34_enclosed_periods_are_not_billed_again(void **state)
{
	(void)state;
	meter *m = open_with(
		HEAD PLAN_OF("y", "year", "1", "") PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS
		"  acme: {customer: Acme, plan: [{plan: y, from: 2026-01-01T00:00:00Z}, {plan: p, from: 2026-08-10T00:00:00Z}], "
		"from: 2026-01-01T00:00:00Z}\n");
	for (int i = 0; i < 365; i++)
		use_us(m, "acme", us("2026-01-01T00:00:00Z") + i * DAY_US, "1");
	close_all(m, "2026-11-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-08-10 221.00; INV-000002 invoice 2026-08-10..2026-09-01 22.00; "
	            "INV-000003 invoice "
	            "2026-09-01..2026-10-01 30.00; INV-000004 invoice 2026-10-01..2026-11-01 31.00",
	            documents_of(m, NULL));
	/* Anew, in the middle: the same, and nothing around it is touched. */
	assert_text("INV-000005 invoice 2026-08-10..2026-09-01 22.00", regenerate(m, "INV-000002", "2026-11-02T00:00:00Z"));
	assert_text("", close_due(m, "2026-11-03T00:00:00Z"));
	check_books(m);
}

/* ---- time zones and periods ---- */

#define ZONED(key, zone, from) "  " key ": {customer: C, plan: p, timezone: " zone ", from: " from "}\n"

/* killbill/killbill#1934: same usage, another invoice, depending on whether the account was made before or after the clock
 * changed. */
static void trap_35_made_before_or_after_dst_is_billed_alike(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "")
	                             SUBSCRIPTIONS ZONED("winter", "America/New_York", "2026-03-01T05:00:00Z")
	                                     ZONED("summer", "America/New_York", "2026-03-20T04:00:00Z"));
	static const char *const times[] = {"2026-04-01T03:59:59Z", "2026-04-01T04:00:00Z", "2026-05-01T03:59:59Z",
	                                    "2026-05-01T04:00:00Z"};
	for (size_t i = 0; i < COUNT(times); i++) {
		use(m, "winter", times[i], "1");
		use(m, "summer", times[i], "1");
	}
	assert_text("invoice 2026-04-01T04:00:00Z..2026-05-01T04:00:00Z 2.00, draft", draft_of(m, "winter", "2026-04"));
	assert_text("invoice 2026-04-01T04:00:00Z..2026-05-01T04:00:00Z 2.00, draft", draft_of(m, "summer", "2026-04"));
	check_books(m);
}

/* Periods of a subscription tile from its start up to the end of what is billed, and everything used is billed once. */
static void check_tiles(const char *subscription, int64_t from_us, int64_t count, int64_t billed)
{
	char sql[600];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM billed b JOIN name n ON n.number = b.subscription WHERE n.text = '%s'",
	         subscription);
	assert_i64(count, sql_int(meter_path(), sql));
	snprintf(sql, sizeof(sql),
	         "SELECT count(*) FROM billed b JOIN name n ON n.number = b.subscription WHERE n.text = '%s' AND active_from <> "
	         "%lld AND NOT "
	         "EXISTS (SELECT 1 FROM billed a WHERE a.subscription = b.subscription AND a.active_to = b.active_from)",
	         subscription, (long long)from_us);
	assert_i64(0, sql_int(meter_path(), sql));
	snprintf(sql, sizeof(sql), "SELECT sum(CAST(total AS INTEGER)) FROM document WHERE subscription = '%s'", subscription);
	assert_i64(billed, sql_int(meter_path(), sql));
}

/* killbill/killbill#445: an endless loop at the change of the clock. In Santiago midnight itself is skipped and comes twice. */
static void trap_36_days_go_on_through_every_change_of_the_clock(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "day", "1", "") SUBSCRIPTIONS ZONED(
		"scl", "America/Santiago", "2025-01-01T03:00:00Z") ZONED("cai", "Africa/Cairo", "2024-12-31T22:00:00Z"));
	/* A call at noon, local time, of each day. */
	for (int i = 0; i < 365; i++) {
		use_us(m, "scl", us("2025-01-01T16:00:00Z") + i * DAY_US, "1");
		use_us(m, "cai", us("2025-01-01T10:00:00Z") + i * DAY_US, "1");
	}
	close_all(m, "2026-01-01T12:00:00Z");
	check_books(m);
	check_tiles("scl", us("2025-01-01T03:00:00Z"), 365, 365);
	check_tiles("cai", us("2024-12-31T22:00:00Z"), 365, 365);
}

/* Where months begin, looked up and not asked of the library: three of them begin at another offset than they end at. */
static const struct {
	const char *zone, *month, *from, *to;
} local_months[] = {
	{"America/Los_Angeles", "2024-03", "2024-03-01T08:00:00Z", "2024-04-01T07:00:00Z"},
	{"Europe/Berlin", "2024-03", "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z"},
	{"Asia/Kolkata", "2024-03", "2024-02-29T18:30:00Z", "2024-03-31T18:30:00Z"},
	{"Australia/Lord_Howe", "2024-04", "2024-03-31T13:00:00Z", "2024-04-30T13:30:00Z"},
	{"Pacific/Apia", "2024-03", "2024-02-29T11:00:00Z", "2024-03-31T11:00:00Z"},
};

static void check_local_month(meter *m, size_t i, const char *subscription)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, subscription, METER_NUL_TERMINATED, local_months[i].month,
	                              METER_NUL_TERMINATED));
	assert_i64(us(local_months[i].from), meter_invoice_billed_from_us(invoice));
	assert_i64(us(local_months[i].to), meter_invoice_billed_to_us(invoice));
	meter_invoice_free(invoice);
}

/* killbill/killbill#1856, #1981, #1966, #1074, #139: billed twice or not at all outside of UTC. A call on each side of every
 * boundary. */
static void trap_37_every_zone_bills_everything_once(void **state)
{
	(void)state;
	char catalog[3000];
	int size = snprintf(catalog, sizeof(catalog), "%s", HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS);
	for (size_t i = 0; i < COUNT(local_months); i++)
		size += sprintf(catalog + size, "  s%zu: {customer: C, plan: p, timezone: %s, from: 2024-01-15T12:00:00Z}\n", i,
		                local_months[i].zone);
	meter *m = open_with(catalog);
	for (size_t i = 0; i < COUNT(local_months); i++) {
		char subscription[8], period[16];
		snprintf(subscription, sizeof(subscription), "s%zu", i);
		check_local_month(m, i, subscription);
		for (int month = 1; month <= 24; month++) {
			meter_invoice *invoice;
			snprintf(period, sizeof(period), "%d-%02d", 2024 + (month - 1) / 12, (month - 1) % 12 + 1);
			assert_ok(meter_invoice_draft(&invoice, m, subscription, METER_NUL_TERMINATED, period,
			                              METER_NUL_TERMINATED));
			use_us(m, subscription, meter_invoice_billed_from_us(invoice), "1");
			use_us(m, subscription, meter_invoice_billed_to_us(invoice) - 1, "1");
			meter_invoice_free(invoice);
		}
	}
	close_all(m, "2026-01-02T00:00:00Z");
	check_books(m);
	for (size_t i = 0; i < COUNT(local_months); i++) {
		char subscription[8];
		snprintf(subscription, sizeof(subscription), "s%zu", i);
		check_tiles(subscription, us("2024-01-15T12:00:00Z"), 24, 48);
	}
}

/* getlago/lago-api#879: billed twice at UTC+X, where the local day begins before the UTC one. */
static void trap_38_ahead_of_utc_is_not_billed_twice(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "")
	                             SUBSCRIPTIONS ZONED("acme", "Pacific/Kiritimati", "2025-12-31T10:00:00Z"));
	use(m, "acme", "2026-01-31T09:59:59Z", "1");
	use(m, "acme", "2026-01-31T10:00:00Z", "2");
	assert_text("", close_due(m, "2026-01-31T09:59:59Z"));
	assert_text("acme INV-000001 1.00", close_due(m, "2026-01-31T10:00:00Z"));
	assert_text("", close_due(m, "2026-02-01T00:00:00Z"));
	assert_text("", close_due(m, "2026-02-01T14:00:00Z"));
	assert_text("acme INV-000002 2.00", close_due(m, "2026-02-28T10:00:00Z"));
	check_books(m);
}

/* getlago/lago-api#1438: proration across the change of the clock. March in Berlin has 743 hours, 383 of them from the 16th on.
 */
static void trap_39_proration_counts_the_hours_there_are(void **state)
{
	(void)state;
	meter *m =
		open_with(HEAD FLAT_OF("p", "month", "743") SUBSCRIPTIONS ZONED("acme", "Europe/Berlin", "2026-03-15T23:00:00Z"));
	assert_text("INV-000001 invoice 2026-03-15T23:00:00Z..2026-03-31T22:00:00Z 383.00",
	            show_free(finalize(m, "acme", "2026-03", "2026-04-01T00:00:00Z")));
	check_books(m);
}

/* getlago/lago-api#6173, #1567, #1569, #1840: clamped anniversaries overlapped or left gaps. */
static void trap_40_anniversaries_of_the_31st_and_of_29_february_tile(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") PLAN_OF("y", "year", "1", ", invoice_prefix: Y") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, anchor: anniversary, from: 2026-01-31T00:00:00Z, until: "
	                     "2026-06-30T00:00:00Z}\n"
	                     "  leap: {customer: Leap, plan: y, anchor: anniversary, from: 2020-02-29T00:00:00Z, until: "
	                     "2024-02-29T00:00:00Z}\n");
	for (int64_t at = us("2026-01-31T12:00:00Z"); at < us("2026-06-30T00:00:00Z"); at += DAY_US)
		use_us(m, "acme", at, "1");
	for (int64_t at = us("2020-02-29T12:00:00Z"); at < us("2024-03-01T00:00:00Z"); at += 10 * DAY_US)
		use_us(m, "leap", at, "1");
	close_all(m, "2026-06-30T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-31..2026-02-28 28.00; INV-000002 invoice 2026-02-28..2026-03-31 31.00; "
	            "INV-000003 invoice "
	            "2026-03-31..2026-04-30 30.00; INV-000004 invoice 2026-04-30..2026-05-31 31.00; INV-000005 invoice "
	            "2026-05-31..2026-06-30 "
	            "30.00",
	            documents_of(m, "acme"));
	/* 365, 365, 365 and 366 days: every tenth of them. */
	assert_text("Y000001 invoice 2020-02-29..2021-02-28 37.00; Y000002 invoice 2021-02-28..2022-02-28 36.00; Y000003 invoice "
	            "2022-02-28..2023-02-28 37.00; Y000004 invoice 2023-02-28..2024-02-29 37.00",
	            documents_of(m, "leap"));
	check_books(m);
}

/* flexprice commit 74a058381, #2584: the hour that comes twice was rewound. The price changes where it comes for the second time.
 */
static void trap_41_the_repeated_hour_is_two_hours(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "day", "1", "") "  - {key: p, currency: USD, period: day, effective_from: "
	                                                       "2026-10-25T01:00:00Z, charges: [{key: calls, meter: calls, "
	                                                       "model: unit, price: 10}]}\n" SUBSCRIPTIONS ZONED(
								       "acme", "Europe/Berlin", "2026-10-23T22:00:00Z"));
	/* 02:30 twice. */
	use(m, "acme", "2026-10-25T00:30:00Z", "1");
	use(m, "acme", "2026-10-25T01:30:00Z", "1");
	use(m, "acme", "2026-10-25T22:59:59.999999Z", "1");
	use(m, "acme", "2026-10-25T23:00:00Z", "1");
	close_all(m, "2026-10-25T23:00:00Z");
	assert_text("INV-000001 invoice 2026-10-23T22:00:00Z..2026-10-24T22:00:00Z 0.00; INV-000002 invoice "
	            "2026-10-24T22:00:00Z..2026-10-25T23:00:00Z 21.00",
	            documents_of(m, NULL));
	assert_text("usage calls 1 x 1 = 1.00; usage calls 2 x 10 = 20.00", found_lines(m, "INV-000002"));
	check_books(m);
}

/* getlago/lago#61, #146: bill in the time zone of the customer. */
static void trap_42_each_customer_has_a_time_zone(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS ZONED(
		"tokyo", "Asia/Tokyo", "2026-01-31T15:00:00Z") ZONED("denver", "America/Denver", "2026-01-01T07:00:00Z"));
	use(m, "tokyo", "2026-02-28T15:30:00Z", "1");
	use(m, "denver", "2026-02-28T15:30:00Z", "1");
	assert_text("invoice 2026-02-28T15:00:00Z..2026-03-31T15:00:00Z 1.00, draft", draft_of(m, "tokyo", "2026-03"));
	assert_text("invoice 2026-02-01T07:00:00Z..2026-03-01T07:00:00Z 1.00, draft", draft_of(m, "denver", "2026-02"));
	check_books(m);
}

/* getlago/lago#771: an extended trial skipped a month. */
static void trap_43_an_extended_trial_skips_nothing(void **state)
{
	(void)state;
	meter *m =
		open_with(HEAD FLAT_OF("p", "month", "28") SUBSCRIPTIONS
	                  "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z, trial_until: 2026-02-01T00:00:00Z}\n");
	close_all(m, "2026-02-01T00:00:00Z");
	apply_catalog(m, HEAD FLAT_OF("p", "month", "28") SUBSCRIPTIONS
	              "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z, trial_until: 2026-02-15T00:00:00Z}\n");
	close_all(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-02-01..2026-03-01 14.00; INV-000003 "
	            "invoice "
	            "2026-03-01..2026-04-01 28.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* ---- minutes ---- */

/* openmeterio/openmeter#1132, #4511: exact only to the minute; two changes within one minute collide. */
static void trap_51_two_changes_within_one_minute(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") PLAN_OF("q", "month", "10", "") PLAN_OF("r", "month", "100", "")
	                             SUBSCRIPTIONS "  acme: {customer: Acme, from: 2026-01-01T00:00:00Z, plan: [{plan: p, from: "
	                                           "2026-01-01T00:00:00Z}, {plan: q, from: "
	                                           "2026-01-10T10:00:10.000001Z}, {plan: r, from: 2026-01-10T10:00:20Z}]}\n");
	static const char *const times[] = {"2026-01-10T10:00:00Z", "2026-01-10T10:00:10Z", "2026-01-10T10:00:10.000001Z",
	                                    "2026-01-10T10:00:19.999999Z", "2026-01-10T10:00:20Z"};
	for (size_t i = 0; i < COUNT(times); i++)
		use(m, "acme", times[i], "1");
	assert_text("usage calls 2 x 1 = 2.00; usage calls 2 x 10 = 20.00; usage calls 1 x 100 = 100.00",
	            draft_lines_of(m, "acme", "2026-01"));
	close_all(m, "2026-02-01T00:00:00Z");
	check_books(m);
}

/* flexprice/flexprice#2193: the first minute of a period was dropped and the last one added, where they were not whole. */
static void trap_52_minutes_at_the_edge_are_cut(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, from: 2026-01-10T10:00:30Z, until: 2026-01-10T10:02:30Z}\n");
	use(m, "acme", "2026-01-10T10:00:29.999999Z", "1");
	use(m, "acme", "2026-01-10T10:00:30Z", "2");
	use(m, "acme", "2026-01-10T10:01:00Z", "4");
	use(m, "acme", "2026-01-10T10:02:29.999999Z", "8");
	use(m, "acme", "2026-01-10T10:02:30Z", "16");
	assert_text("acme INV-000001 14.00", close_due(m, "2026-02-01T00:00:00Z"));
	check_books(m);
}

/* ---- negative events ---- */

/* getlago/lago-api#1555, #2966, #4247, #5569: negative events invalid, stuck, or clipped so that the next period was billed too
 * much. */
static void trap_56_what_is_below_zero_is_carried_not_clipped(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") ACME);
	use(m, "acme", "2026-01-10T00:00:00Z", "100");
	assert_int_equal(use(m, "acme", "2026-01-20T00:00:00Z", "-400"), METER_ACCEPTED);
	use(m, "acme", "2026-02-10T00:00:00Z", "300");
	use(m, "acme", "2026-03-10T00:00:00Z", "1");
	close_all(m, "2026-04-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 0.00; INV-000002 invoice 2026-02-01..2026-03-01 0.00; INV-000003 "
	            "invoice "
	            "2026-03-01..2026-04-01 1.00",
	            documents_of(m, NULL));
	check_books(m);
}

/* ---- proration and plan changes ---- */

/* getlago/lago-api#6194: divided by the days that remain instead of those of the period. */
static void trap_57_the_denominator_is_the_whole_period(void **state)
{
	(void)state;
	meter *m = open_with(HEAD FLAT_OF("p", "month", "31") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, plan: p, from: 2026-01-16T00:00:00Z}\n");
	assert_text("acme INV-000001 16.00", close_due(m, "2026-02-01T00:00:00Z"));
	check_books(m);
}

/* getlago/lago#171: events after an upgrade were not counted. */
static void trap_58_events_after_an_upgrade_count(void **state)
{
	(void)state;
	meter *m = open_with(HEAD PLAN_OF("p", "month", "1", "") PLAN_OF("q", "month", "2", "") SUBSCRIPTIONS
	                     "  acme: {customer: Acme, from: 2026-01-01T00:00:00Z, plan: [{plan: p, from: 2026-01-01T00:00:00Z}, "
	                     "{plan: q, from: "
	                     "2026-01-15T12:00:00Z}]}\n");
	use(m, "acme", "2026-01-15T11:59:59.999999Z", "1");
	use(m, "acme", "2026-01-15T12:00:00Z", "1");
	use(m, "acme", "2026-01-31T00:00:00Z", "1");
	assert_text("usage calls 1 x 1 = 1.00; usage calls 2 x 2 = 4.00", draft_lines_of(m, "acme", "2026-01"));
	assert_text("acme INV-000001 5.00", close_due(m, "2026-02-01T00:00:00Z"));
	check_books(m);
}

/* polarsource/polar#9090: switching plans charged the same usage several times. A sum once; a maximum once for each part. */
static void trap_59_switching_plans_charges_usage_once(void **state)
{
	(void)state;
	meter *m = open_with(
		HEAD
		"  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, meter: "
		"calls, model: unit, price: 1}, {key: most, meter: most, model: unit, price: 10}]}\n"
		"  - {key: q, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [{key: calls, meter: "
		"calls, model: unit, price: 1}, {key: most, meter: most, model: unit, price: 10}]}\n" SUBSCRIPTIONS
		"  acme: {customer: Acme, from: 2026-01-01T00:00:00Z, plan: [{plan: p, from: 2026-01-01T00:00:00Z}, {plan: q, "
		"from: 2026-01-10T00:00:00Z}, {plan: p, from: 2026-01-20T00:00:00Z}]}\n");
	use(m, "acme", "2026-01-05T00:00:00Z", "5");
	use(m, "acme", "2026-01-15T00:00:00Z", "3");
	use(m, "acme", "2026-01-25T00:00:00Z", "4");
	assert_text("usage calls 5 x 1 = 5.00; usage most 5 x 10 = 50.00; usage calls 3 x 1 = 3.00; usage most 3 x 10 = 30.00; "
	            "usage calls 4 x 1 "
	            "= 4.00; usage most 4 x 10 = 40.00",
	            draft_lines_of(m, "acme", "2026-01"));
	assert_text("acme INV-000001 132.00", close_due(m, "2026-02-01T00:00:00Z"));
	check_books(m);
}

/* killbill/killbill#159, openmeterio/openmeter#4364: parts of no length, and periods of which nothing is due. */
static void trap_60_parts_of_no_length(void **state)
{
	(void)state;
	meter *m = open_with(
		HEAD FLAT_OF("p", "month", "31") FLAT_OF("q", "month", "62") SUBSCRIPTIONS
		"  edge: {customer: C, from: 2026-01-01T00:00:00Z, until: 2026-03-01T00:00:00Z, plan: [{plan: p, from: "
		"2026-01-01T00:00:00Z}, {plan: q, from: 2026-02-01T00:00:00Z}]}\n"
		"  still: {customer: C, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z, pauses: [{from: "
		"2025-12-01T00:00:00Z, until: 2026-02-01T00:00:00Z}]}\n");
	close_all(m, "2026-06-01T00:00:00Z");
	assert_text("INV-000001 invoice 2026-01-01..2026-02-01 31.00; INV-000002 invoice 2026-02-01..2026-03-01 62.00",
	            documents_of(m, "edge"));
	assert_text("flat base 1 x 62 = 62.00", found_lines(m, "INV-000002"));
	assert_text("INV-000003 invoice 2026-01-01..2026-02-01 0.00", documents_of(m, "still"));
	check_books(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(trap_12_delayed_events_join_within_grace),
		in_scratch(trap_13_late_usage_is_a_difference_of_its_period),
		in_scratch(trap_14_usage_joins_while_the_invoice_is_a_draft),
		in_scratch(trap_15_the_last_usage_of_a_cycle_is_billed),
		in_scratch(trap_16_rolled_up_days_do_not_straddle_a_boundary),
		in_scratch(trap_17_a_minute_after_the_start_is_the_new_period),
		in_scratch(trap_18_late_events_change_what_is_carried_over),
		in_scratch(trap_19_from_limits_how_far_back_is_billed),
		in_scratch(trap_20_an_end_is_backdated),
		in_scratch(trap_21_a_backdated_change_is_seen_by_the_balance),
		in_scratch(trap_30_a_voided_invoice_is_made_anew_from_corrected_usage),
		in_scratch(trap_31_voiding_issues_nothing_but_the_void),
		in_scratch(trap_32_reading_a_draft_bills_nothing),
		in_scratch(trap_33_draft_finalize_and_void_race),
		in_scratch(trap_33_two_processes_change_one_period),
		in_scratch(trap_34_enclosed_periods_are_not_billed_again),
		in_scratch(trap_35_made_before_or_after_dst_is_billed_alike),
		in_scratch(trap_36_days_go_on_through_every_change_of_the_clock),
		in_scratch(trap_37_every_zone_bills_everything_once),
		in_scratch(trap_38_ahead_of_utc_is_not_billed_twice),
		in_scratch(trap_39_proration_counts_the_hours_there_are),
		in_scratch(trap_40_anniversaries_of_the_31st_and_of_29_february_tile),
		in_scratch(trap_41_the_repeated_hour_is_two_hours),
		in_scratch(trap_42_each_customer_has_a_time_zone),
		in_scratch(trap_43_an_extended_trial_skips_nothing),
		in_scratch(trap_51_two_changes_within_one_minute),
		in_scratch(trap_52_minutes_at_the_edge_are_cut),
		in_scratch(trap_56_what_is_below_zero_is_carried_not_clipped),
		in_scratch(trap_57_the_denominator_is_the_whole_period),
		in_scratch(trap_58_events_after_an_upgrade_count),
		in_scratch(trap_59_switching_plans_charges_usage_once),
		in_scratch(trap_60_parts_of_no_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
