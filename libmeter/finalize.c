/*
 * finalize.c - what makes an invoice final, and the adjustments of what is final.
 *
 * Everything happens in the one transaction under the one lock, and what is rated is read in that transaction: two processes that
 * close the same period make one invoice, and an event is either seen by the invoice or late. A document is drafted, checked, and
 * then written; nothing is written of one that is refused.
 *
 * Invariants:
 * - Documents are only added. "billed" says which bill holds for which period, and follows from them.
 * - Periods of a subscription are finalized in their order, each once while its invoice is not voided, and tile.
 * - Numbers have no gaps: they are given in the transaction that stores the document.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "finalize.h"
#include "instant.h"
#include "internal.h"
#include "os.h"
#include "proof.h"
#include "usage.h"

#define LINES_MAX 100000
#define AHEAD_US (5 * US_PER_MINUTE) /* clocks of two machines may differ so much */

/* ---- checks ---- */

/* Usage that has no amount. What was billed is rated by the catalog of then, so a price that is added now does not help late
 * usage. */
static int check_suspended(const struct meter_invoice *invoice)
{
	for (size_t i = 0; i < invoice->line_count; i++) {
		const char *description = invoice->lines[i].description;
		const char *adjusted = meter_invoice_line_adjusts(invoice, i);
		if (invoice->lines[i].has_amount)
			continue;
		if (!adjusted)
			return meter__fail(METER_ESTATE,
			                   "a line is suspended (%s): usage that has no amount; give it a price, and apply that",
			                   description);
		return meter__fail(
			METER_ESTATE,
			"late usage has no amount (%s): give it a price, apply that, and regenerate %s, or take it back",
			description, adjusted);
	}
	return METER_OK;
}

static int check_time(const struct closing *c, const struct meter_invoice *invoice)
{
	char end[INSTANT_TEXT_SIZE], due[INSTANT_TEXT_SIZE];
	const int64_t due_us = invoice->own.period.active.to_us + invoice->own.plan->grace_us;
	if (c->at_us >= due_us || c->reason)
		return METER_OK;
	meter__instant_format(end, invoice->own.period.active.to_us);
	meter__instant_format(due, due_us);
	if (c->at_us < invoice->own.period.active.to_us)
		return meter__fail(METER_ESTATE, "the period ends at %s; a reason is needed to finalize it before", end);
	return meter__fail(METER_ESTATE, "late events may join until %s; a reason is needed to finalize before", due);
}

/* What Kill Bill calls its guards: what must never be billed, whatever rating says. */
static int check_sanity(const struct meter_invoice *invoice)
{
	size_t left = invoice->has_own ? meter__account_size(&invoice->own.after) : 0;
	if (invoice->line_count > LINES_MAX)
		return meter__fail(METER_ESTATE, "%zu lines are more than an invoice has", invoice->line_count);
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		const size_t size = meter__account_size(&invoice->adjustments[i].after.after);
		left = size > left ? size : left;
	}
	if (left > ACCOUNT_SIZE_MAX)
		return meter__fail(METER_ESTATE, "it would leave %zu balances to the next period; there may be %d", left,
		                   ACCOUNT_SIZE_MAX);
	if (invoice->has_own &&
	    (meter__decimal_is_negative(invoice->own.total) || meter__decimal_is_negative(invoice->total_value)))
		return meter__fail(METER_ESTATE, "its total would be below 0: %s", invoice->total);
	return METER_OK;
}

/* Whatever drafting says: no time is billed twice. */
static int check_open(const struct closing *c, const struct meter_invoice *invoice)
{
	const struct period active = invoice->own.period.active;
	struct billed billed;
	int64_t number;
	int code = meter__store_name(c->reader, &number, meter__slice_of(invoice->subscription));
	if (code == METER_OK)
		code = meter__store_billed_at(c->reader, number, active.from_us, &billed);
	if (code == METER_EEND)
		code = meter__store_billed_at(c->reader, number, active.to_us - 1, &billed);
	if (code == METER_OK)
		return meter__fail(METER_ECORRUPT, "a period of %s would be billed twice", invoice->subscription);
	return code == METER_EEND ? METER_OK : code;
}

/* A value of a gauge that holds into the period is part of its usage, and so is that no other one came in between. */
static int check_segment(const struct closing *c, const struct rate_segment *segment, int64_t subscription)
{
	struct period range = segment->active;
	bool counts = false;
	int code = METER_OK;
	for (size_t i = 0; i < segment->plan->charge_count && code == METER_OK; i++) {
		const struct meter_definition *counted = segment->plan->charges[i].meter;
		int64_t since_us = range.from_us;
		counts |= counted != NULL;
		if (counted && counted->aggregation == AGGREGATION_TIME_WEIGHTED)
			code = meter__usage_held_since(c->reader, counted, subscription, segment->active.from_us, &since_us);
		range.from_us = since_us < range.from_us ? since_us : range.from_us;
	}
	/* Days are compared faster than parts of them. */
	if (range.from_us < segment->active.from_us)
		range.from_us = meter__floor_div(range.from_us, US_PER_DAY) * US_PER_DAY;
	return code == METER_OK && counts ? meter__proven_check(c->proven, subscription, range) : code;
}

static int check_bill(const struct closing *c, const struct bill *s, int64_t subscription)
{
	int code = METER_OK;
	for (size_t i = 0; i < s->segment_count && code == METER_OK; i++)
		code = check_segment(c, &s->segments[i], subscription);
	return code;
}

/* The usage of every bill that would be stored, from its events. METER_EAGAIN: it must be compared first. */
static int check_usage(const struct closing *c, const struct meter_invoice *invoice)
{
	int64_t number;
	int code = meter__store_name(c->reader, &number, meter__slice_of(invoice->subscription));
	if (code != METER_OK || number == 0) /* it never had an event */
		return code;
	if (invoice->has_own)
		code = check_bill(c, &invoice->own, number);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
		code = check_bill(c, &invoice->adjustments[i].after, number);
	return code == METER_OK && c->proven->wanted_count > 0 ? METER_EAGAIN : code;
}

int meter__finalize_next(const struct closing *c, const char *subscription, struct billing_period *out)
{
	struct meter_catalog *catalog;
	int code = meter__store_catalog(c->reader, &catalog);
	if (code != METER_OK)
		return code;
	code = meter__draft_open_period(out, c->reader, catalog,
	                                meter__catalog_subscription(catalog, meter__slice_of(subscription)));
	meter__catalog_release(catalog);
	return code;
}

/* Periods are finalized in their order: say which one is next, or why there is none that could be. */
static int fail_not_next(const struct closing *c, const struct meter_invoice *invoice)
{
	struct billing_period next;
	char from[INSTANT_TEXT_SIZE];
	int code = meter__finalize_next(c, invoice->subscription, &next);
	if (code != METER_OK && code != METER_EEND)
		return code;
	if (code == METER_EEND)
		return meter__fail(METER_ESTATE, "everything is finalized");
	meter__instant_format(from, next.active.from_us);
	return meter__fail(METER_ESTATE, "an earlier period is not finalized yet: the one from %s on", from);
}

static int check(const struct closing *c, const struct meter_invoice *invoice)
{
	int code = METER_OK;
	if (invoice->has_own && !invoice->is_first_open)
		return fail_not_next(c, invoice);
	if (invoice->has_own)
		code = check_open(c, invoice);
	if (code == METER_OK && invoice->has_own)
		code = check_time(c, invoice);
	if (code == METER_OK)
		code = check_suspended(invoice);
	if (code == METER_OK)
		code = check_sanity(invoice);
	return code == METER_OK && !c->is_draft ? check_usage(c, invoice) : code;
}

/* ---- writing a document ---- */

static int add_bill(const struct closing *c, struct bill *s, const char *subscription)
{
	int code = meter__bill_hash_plan(s);
	return code == METER_OK ? meter__store_bill_add(c->store, s, meter__slice_of(subscription)) : code;
}

/* A billed period that follows on this one was rated with what this one left before; if that changed, it is stale. */
static int mark_next(const struct closing *c, const char *subscription, const struct bill *s)
{
	struct billed next;
	struct bill stored;
	int64_t number;
	int code = meter__store_name(c->reader, &number, meter__slice_of(subscription));
	if (code == METER_OK)
		code = meter__store_billed_at(c->reader, number, s->period.active.to_us, &next);
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	code = meter__store_bill_read(c->reader, next.bill, &stored);
	if (code != METER_OK)
		return code;
	if (!meter__account_is_same(&stored.before, &s->after))
		code = meter__store_stale_add(c->store, number, next.bill, 0);
	meter__bill_free(&stored);
	return code;
}

/* A bill that was made early is stale from the start where a gauge goes on counting. */
static int set_billed(const struct closing *c, const struct meter_invoice *invoice, const struct bill *s)
{
	const struct billed billed = {.active = s->period.active, .bill = s->number, .document = invoice->document.number};
	int64_t number;
	int code = meter__store_billed_set(c->store, meter__slice_of(invoice->subscription), &billed);
	if (code != METER_OK || !meter__bill_is_running(s, c->at_us))
		return code;
	code = meter__store_name(c->reader, &number, meter__slice_of(invoice->subscription));
	return code == METER_OK ? meter__store_stale_add(c->store, number, s->number, 0) : code;
}

static int add_bills(const struct closing *c, struct meter_invoice *invoice, struct document_bill *out)
{
	size_t count = 0;
	int code = METER_OK;
	if (invoice->has_own) {
		code = add_bill(c, &invoice->own, invoice->subscription);
		out[count++] = (struct document_bill){invoice->own.number, 0};
	}
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++) {
		struct adjustment *a = &invoice->adjustments[i];
		code = add_bill(c, &a->after, invoice->subscription);
		out[count++] = (struct document_bill){a->after.number, a->before.number};
	}
	return code;
}

/* A bill that is made again by its old catalog shows what came since, also of types that are metered no more. */
static int set_adjusted(const struct closing *c, const struct meter_invoice *invoice, const struct adjustment *a)
{
	const struct billed_seen seen = {a->before.ingest, a->after.ingest};
	int64_t number;
	int code = set_billed(c, invoice, &a->after);
	if (code == METER_OK)
		code = meter__store_name(c->reader, &number, meter__slice_of(invoice->subscription));
	return code == METER_OK
	               ? meter__store_unbilled_adjust(c->store, number, a->after.period.active, a->after.catalog_version, &seen)
	               : code;
}

static int set_all_billed(const struct closing *c, struct meter_invoice *invoice)
{
	int code = METER_OK;
	if (invoice->has_own)
		code = set_billed(c, invoice, &invoice->own);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
		code = set_adjusted(c, invoice, &invoice->adjustments[i]);
	for (size_t i = 0; i < invoice->settled_count && code == METER_OK; i++)
		code = meter__store_stale_settle(c->store, meter__slice_of(invoice->subscription), invoice->settled[i]);
	if (code == METER_OK && invoice->has_own)
		code = mark_next(c, invoice->subscription, &invoice->own);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
		code = mark_next(c, invoice->subscription, &invoice->adjustments[i].after);
	return code;
}

static enum document_kind kind_of(const struct meter_invoice *invoice)
{
	if (invoice->has_own)
		return DOCUMENT_INVOICE;
	const bool is_credit = meter__decimal_is_negative(invoice->total_value) || meter__decimal_is_negative(invoice->due_value);
	return is_credit ? DOCUMENT_CREDIT_NOTE : DOCUMENT_ADJUSTMENT;
}

static int refuse_unproven(const char *code, const char *text, const char *place, const char *expected, const char *found,
                           void *user)
{
	(void)user;
	return meter__fail(METER_ECORRUPT, "nothing was issued: %s: %s: %s: expected %s, found %s", code, text, place,
	                   expected ? expected : "nothing", found ? found : "nothing");
}

int meter__finalize_prove(const struct closing *c, int64_t document)
{
	struct proof proof = {.reader = c->reader, .report = refuse_unproven};
	char right[HASH_TEXT_SIZE], stored[HASH_TEXT_SIZE];
	meter_invoice *read;
	int code = meter__proof_document(&proof, document, &read);
	meter_invoice_free(read);
	if (code == METER_OK)
		code = meter__store_link_check(c->reader, document, right, stored);
	if (code == METER_OK && strcmp(right, stored) != 0)
		code = meter__fail(METER_ECORRUPT, "nothing was issued: the link of document %lld does not hold",
		                   (long long)document);
	return code;
}

static int write_document(const struct closing *c, struct meter_invoice *invoice)
{
	const struct bill *main = meter__invoice_main(invoice);
	const enum document_kind kind = kind_of(invoice);
	const size_t count = invoice->has_own + invoice->adjustment_count;
	struct document_bill *bills = calloc(count, sizeof(*bills));
	struct ledger ledger;
	if (!bills)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->document = (struct document){.kind = kind,
	                                      .subscription = invoice->subscription,
	                                      .customer = invoice->customer,
	                                      .at_us = c->at_us,
	                                      .reason = c->reason,
	                                      .refers = c->refers,
	                                      .currency = main->currency,
	                                      .total = invoice->total_value,
	                                      .due = invoice->due_value};
	int code = meter__ledger_post(&ledger, &invoice->arena, invoice->lines, invoice->line_count, invoice->subscription,
	                              main->currency, invoice->due_value);
	if (code == METER_OK)
		code = meter__finalize_check_order(c);
	if (code != METER_OK) {
		free(bills);
		return code;
	}
	code = add_bills(c, invoice, bills);
	if (code == METER_OK)
		code = meter__store_document_add(c->store, &invoice->document, &invoice->arena,
		                                 kind == DOCUMENT_CREDIT_NOTE ? main->plan->credit_note_prefix
		                                                              : main->plan->invoice_prefix,
		                                 bills, count, ledger.entries, ledger.count);
	free(bills);
	if (code == METER_OK)
		code = set_all_billed(c, invoice);
	if (code == METER_OK)
		code = meter__finalize_prove(c, invoice->document.number);
	invoice->status = "finalized";
	/* From the first row on nothing is refused: it succeeds, or the transaction fails. */
	return code == METER_ESTATE || code == METER_EOVERFLOW ? meter__fail_in(METER_ECORRUPT, "nothing was issued: ") : code;
}

/* ---- closing one subscription ---- */

int meter__finalize_adjustments(const struct closing *c, meter_invoice **out, struct slice subscription, const char *currency)
{
	const struct draft_request request = {
		.subscription = subscription, .is_settling = true, .currency = currency, .now_us = c->at_us};
	meter_invoice *invoice;
	*out = NULL;
	int code = meter__draft(&invoice, c->reader, &request);
	if (code != METER_OK)
		return code;
	if (invoice->adjustment_count == 0) {
		for (size_t i = 0; i < invoice->settled_count && code == METER_OK; i++)
			code = meter__store_stale_settle(c->store, subscription, invoice->settled[i]);
		meter_invoice_free(invoice);
		return code;
	}
	code = check(c, invoice);
	if (code == METER_OK)
		code = write_document(c, invoice);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

int meter__finalize_period(const struct closing *c, meter_invoice **out, meter_invoice **settled_out,
                           const struct draft_request *request)
{
	meter_invoice *invoice;
	*out = *settled_out = NULL;
	int code = meter__draft(&invoice, c->reader, request);
	if (code == METER_OK)
		code = check(c, invoice);
	if (code == METER_OK && invoice->settles_apart) {
		meter_invoice_free(invoice);
		invoice = NULL;
		struct closing apart = *c;
		apart.refers = 0; /* in the place of a voided invoice comes the invoice, not this */
		code = meter__finalize_adjustments(&apart, settled_out, request->subscription, NULL);
		if (code == METER_OK)
			code = meter__draft(&invoice, c->reader, request);
		if (code == METER_OK)
			code = check(c, invoice);
	}
	if (code == METER_OK)
		code = write_document(c, invoice);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

/* ---- the transaction around it ---- */

struct closing meter__finalize_call(meter *m, const char *reason, int64_t at_us, struct proven *proven)
{
	return (struct closing){
		.store = m->store, .at_us = at_us, .is_now = at_us == METER_NOW, .reason = reason, .proven = proven};
}

int meter__finalize_begin(struct closing *c)
{
	int code = meter__store_begin(c->store);
	if (code != METER_OK)
		return code;
	c->reader = meter__store_writing(c->store);
	code = meter__store_document_last_us(c->reader, &c->last_us);
	if (code != METER_OK) {
		meter__store_rollback(c->store);
		return code;
	}
	if (c->is_now) {
		const int64_t now_us = meter__os.now_us();
		c->at_us = now_us > c->last_us ? now_us : c->last_us;
	}
	TEST_POINT("finalize.begun");
	return METER_OK;
}

int meter__finalize_check_order(const struct closing *c)
{
	char at[INSTANT_TEXT_SIZE], last[INSTANT_TEXT_SIZE];
	if (c->at_us >= c->last_us)
		return METER_OK;
	meter__instant_format(at, c->at_us);
	meter__instant_format(last, c->last_us);
	return meter__fail(METER_ESTATE,
	                   "%s is before the last document, of %s: documents are issued in the order of their times", at, last);
}

int meter__finalize_end(const struct closing *c, int code)
{
	/* A number of its own, so that a file that lost it is known to be older. */
	meter__store_totals_writing(c->store)->ingest++;
	if (code == METER_OK)
		code = meter__store_totals_write(c->store);
	if (code != METER_OK) {
		meter__store_rollback(c->store);
		return code;
	}
	TEST_POINT("finalize.written");
	code = meter__store_commit(c->store);
	TEST_POINT("finalize.committed");
	return code;
}

bool meter__finalize_again(const struct closing *c, int *code)
{
	if (*code != METER_EAGAIN)
		return false;
	*code = meter__proven_compare(c->proven, c->store);
	return *code == METER_OK;
}

int meter__finalize_check_call(const char *reason, int64_t at_us)
{
	const struct slice text = meter__slice_of(reason);
	char at[INSTANT_TEXT_SIZE];
	if (reason && (text.size == 0 || text.size > 1024 || !meter__utf8_valid(text.data, text.size)))
		return meter__fail(METER_EINVAL, "a reason is 1 to 1024 bytes of UTF-8");
	if (at_us == METER_NOW || (at_us >= 0 && at_us <= meter__os.now_us() + AHEAD_US))
		return METER_OK;
	if (at_us < 0 || at_us > INSTANT_MAX)
		return meter__fail(METER_EINVAL, "at is outside 1970..9999");
	meter__instant_format(at, at_us);
	return meter__fail(METER_EINVAL,
	                   "at is %s, which is ahead of the clock: a document cannot be taken back to an earlier time", at);
}

int meter__finalize_load(meter_invoice **out, meter *m, int64_t document)
{
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	code = meter__invoice_load(out, r, document);
	meter__store_reader_done(r);
	return code;
}

/* The document that bills the period: the one that is there, or a new one. */
static int finalize_requested(const struct closing *c, const struct draft_request *request, int64_t *document)
{
	meter_invoice *invoice = NULL, *settled = NULL;
	int code = METER_OK;
	*document = 0;
	if (request->period.data)
		code = meter__invoice_find_document(c->reader, request->subscription, request->period, document);
	if (code == METER_OK && *document == 0)
		code = meter__finalize_period(c, &invoice, &settled, request);
	if (code == METER_OK && invoice)
		*document = invoice->document.number;
	if (code == METER_EEND)
		code = meter__fail(METER_ESTATE, "everything is finalized");
	meter_invoice_free(invoice);
	meter_invoice_free(settled);
	return code;
}

int meter_invoice_finalize(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                           size_t period_size, const char *reason, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	REQUIRE_OWN(m);
	struct draft_request request = {.period = meter__optional_argument(period, period_size)};
	struct proven proven = {.is_of_one = true};
	struct closing c = meter__finalize_call(m, reason, at_us, &proven);
	int64_t document = 0;
	int code = meter__argument(&request.subscription, "subscription", subscription, subscription_size);
	if (code == METER_OK)
		code = meter__finalize_check_call(reason, at_us);
	if (code != METER_OK)
		return code;
	do {
		code = meter__finalize_begin(&c);
		request.now_us = c.at_us;
		if (code == METER_OK)
			code = meter__finalize_end(&c, finalize_requested(&c, &request, &document));
	} while (meter__finalize_again(&c, &code));
	meter__proven_free(&proven);
	return code == METER_OK ? meter__finalize_load(out, m, document) : code;
}

int meter_invoice_adjust(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	REQUIRE_OWN(m);
	struct slice key;
	struct proven proven = {.is_of_one = true};
	struct closing c = meter__finalize_call(m, NULL, at_us, &proven);
	int64_t document = 0;
	int code = meter__argument(&key, "subscription", subscription, subscription_size);
	if (code == METER_OK)
		code = meter__finalize_check_call(NULL, at_us);
	if (code != METER_OK)
		return code;
	do {
		meter_invoice *invoice = NULL;
		code = meter__finalize_begin(&c);
		if (code != METER_OK)
			break;
		code = meter__finalize_adjustments(&c, &invoice, key, NULL);
		document = invoice ? invoice->document.number : 0;
		meter_invoice_free(invoice);
		code = meter__finalize_end(&c, code);
	} while (meter__finalize_again(&c, &code));
	meter__proven_free(&proven);
	if (code != METER_OK)
		return code;
	return document ? meter__finalize_load(out, m, document) : meter__fail(METER_EEND, "there is nothing to adjust");
}
