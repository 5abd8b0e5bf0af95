/*
 * void.c - documents that are taken back, and those that are issued in their place.
 *
 * Nothing of a document is changed: a void refers to it and reverses its entries, in a transaction as finalize.c has them. What
 * it billed is open again, and what it adjusted is to be adjusted again.
 */
#include <stdlib.h>

#include "error.h"
#include "finalize.h"
#include "instant.h"
#include "internal.h"

/* ---- voiding ---- */

struct void_bills {
	const struct closing *closing;
	const struct document *document;
	struct document_bill *list;
	size_t count;
	struct period active; /* of the bill that was taken back last: of an invoice its own period */
};

static int note_bill(const struct document_bill *bill, void *user)
{
	struct void_bills *v = user;
	struct document_bill *grown = realloc(v->list, (v->count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	v->list = grown;
	v->list[v->count++] = *bill;
	return METER_OK;
}

static int fail_adjusted(const struct void_bills *v, int64_t later)
{
	struct arena arena = {0};
	struct document document;
	int code = meter__store_document(v->closing->reader, later, &arena, &document);
	if (code == METER_OK && v->closing->is_draft)
		code = meter__fail(METER_ESTATE, "%s adjusts %s: compare that, or preview the period", document.name,
		                   v->document->name);
	else if (code == METER_OK)
		code = meter__fail(METER_ESTATE, "%s adjusts %s: void that first", document.name, v->document->name);
	meter__arena_free(&arena);
	return code;
}

/* Take back what a bill has billed. What it replaced holds again, and is as stale as it was. */
static int unbill(struct void_bills *v, const struct document_bill *bill)
{
	const struct closing *c = v->closing;
	const struct slice subscription = meter__slice_of(v->document->subscription);
	struct bill stored;
	struct billed billed;
	int64_t number;
	int code = meter__store_bill_read(c->reader, bill->bill, &stored);
	if (code != METER_OK)
		return code;
	const struct period active = stored.period.active;
	const int64_t catalog_version = stored.catalog_version;
	struct billed_seen seen = {0, stored.ingest};
	meter__bill_free(&stored);
	v->active = active;
	code = meter__store_name(c->reader, &number, subscription);
	if (code == METER_OK)
		code = meter__store_billed_at(c->reader, number, active.from_us, &billed);
	if (code == METER_EEND)
		return meter__fail(METER_ECORRUPT, "a bill of %s holds, but its period is not billed", v->document->name);
	if (code == METER_OK && billed.bill != bill->bill)
		return fail_adjusted(v, billed.document);
	if (code == METER_OK && bill->replaces)
		code = meter__store_bill_ingest(c->reader, bill->replaces, &seen.ingest_after);
	if (code == METER_OK)
		code = meter__store_unbilled_reopen(c->store, number, active, catalog_version, &seen);
	if (code == METER_OK)
		code = meter__store_stale_delete(c->store, subscription, bill->bill);
	if (code == METER_OK && bill->replaces == 0)
		return meter__store_billed_delete(c->store, subscription, active.from_us);
	billed.bill = bill->replaces;
	if (code == METER_OK)
		code = meter__store_bill_document(c->reader, bill->replaces, &billed.document);
	if (code == METER_OK)
		code = meter__store_billed_set(c->store, subscription, &billed);
	return code == METER_OK ? meter__store_stale_add(c->store, number, bill->replaces, 0) : code;
}

struct reversal {
	struct arena *arena;
	struct ledger_entry *entries;
	size_t count;
};

static int reverse_entry(const struct ledger_entry *entry, void *user)
{
	struct reversal *r = user;
	struct ledger_entry *grown = realloc(r->entries, (r->count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	r->entries = grown;
	grown[r->count++] = (struct ledger_entry){meter__arena_copy(r->arena, meter__slice_of(entry->account)),
	                                          meter__arena_copy(r->arena, meter__slice_of(entry->currency)),
	                                          meter__decimal_negate(entry->amount)};
	return grown[r->count - 1].account && grown[r->count - 1].currency ? METER_OK
	                                                                   : meter__fail(METER_ENOMEM, "no memory for a ledger");
}

static int write_void(const struct closing *c, const struct document *voided, struct arena *arena)
{
	struct reversal reversal = {.arena = arena};
	struct document document = {.kind = DOCUMENT_VOID,
	                            .subscription = voided->subscription,
	                            .customer = voided->customer,
	                            .at_us = c->at_us,
	                            .reason = c->reason,
	                            .refers = voided->number,
	                            .currency = voided->currency,
	                            .total = meter__decimal_negate(voided->total),
	                            .due = meter__decimal_negate(voided->due)};
	int code = meter__finalize_check_order(c);
	if (code == METER_OK)
		code = meter__store_entries(c->reader, voided->number, reverse_entry, &reversal);
	if (code == METER_OK)
		code = meter__store_document_add(c->store, &document, arena, NULL, NULL, 0, reversal.entries, reversal.count);
	free(reversal.entries);
	return code == METER_OK ? meter__finalize_prove(c, document.number) : code;
}

/* Void the document with this name, which is read into *out; *active_out: what it billed, of an invoice its own period. */
static int void_document(const struct closing *c, struct slice name, struct arena *arena, struct document *out,
                         struct period *active_out)
{
	struct void_bills v = {.closing = c, .document = out};
	int64_t number = 0;
	int code = meter__store_document_named(c->reader, name, &number);
	if (code == METER_OK)
		code = meter__store_document(c->reader, number, arena, out);
	if (code == METER_OK && out->voided_by)
		return meter__fail(METER_ESTATE, "%s is voided already", out->name);
	if (code == METER_OK)
		code = meter__store_document_bills(c->reader, number, note_bill, &v);
	/* The last one first: it may adjust what the others bill. */
	for (size_t i = v.count; i > 0 && code == METER_OK; i--)
		code = unbill(&v, &v.list[i - 1]);
	free(v.list);
	*active_out = v.active;
	return code == METER_OK ? write_void(c, out, arena) : code;
}

int meter_invoice_void(meter_invoice **out, meter *m, const char *number, const char *reason, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && number && reason);
	REQUIRE_OWN(m);
	struct closing c = meter__finalize_call(m, reason, at_us, NULL);
	struct arena arena = {0};
	struct document document = {0};
	struct period active;
	int code = meter__finalize_check_call(reason, at_us);
	if (code == METER_OK)
		code = meter__finalize_begin(&c);
	if (code != METER_OK)
		return code;
	code = meter__finalize_end(&c, void_document(&c, meter__slice_of(number), &arena, &document, &active));
	meter__arena_free(&arena);
	return code == METER_OK ? meter__finalize_load(out, m, document.number) : code;
}

/* ---- regenerating ---- */

/* One document takes the place of one: nothing of what was billed stays open, nor is billed what is not over. */
static int check_stretch(const struct closing *c, const struct document *document, struct period was, struct period is)
{
	struct billing_period next = {0};
	char end_was[INSTANT_TEXT_SIZE], end_is[INSTANT_TEXT_SIZE];
	int code = meter__finalize_next(c, document->subscription, &next);
	const bool is_left_open = code == METER_OK && next.active.from_us < was.to_us;
	if (code != METER_OK && code != METER_EEND)
		return code;
	if (!is_left_open && (is.to_us <= was.to_us || is.to_us <= c->at_us))
		return METER_OK;
	meter__instant_format(end_was, was.to_us);
	meter__instant_format(end_is, is.to_us);
	return meter__fail(
		METER_ESTATE,
		"%s billed until %s, but the periods of the catalog have changed, and the one it would bill ends at %s: "
		"void it, and finalize the periods there are now",
		document->name, end_was, end_is);
}

/* What a document billed, billed anew: its period, or the adjustments it was made of; NULL when there are none any more. */
static int replace(const struct closing *c, const struct document *document, struct period active, meter_invoice **out,
                   meter_invoice **settled_out)
{
	const struct draft_request request = {.subscription = meter__slice_of(document->subscription), .now_us = c->at_us};
	*out = *settled_out = NULL;
	if (document->kind != DOCUMENT_INVOICE)
		return meter__finalize_adjustments(c, out, request.subscription, document->currency);
	int code = meter__finalize_period(c, out, settled_out, &request);
	const bool is_gone = code == METER_EEND || (code == METER_OK && (*out)->own.period.active.from_us >= active.to_us);
	if (is_gone)
		code = meter__fail(METER_ESTATE, "the subscription has no such period any more");
	else if (code == METER_OK && (*out)->own.period.active.from_us < active.from_us)
		code = meter__fail(METER_ESTATE, "an earlier period is not finalized yet");
	else if (code == METER_OK)
		code = check_stretch(c, document, active, (*out)->own.period.active);
	if (code != METER_OK) {
		meter_invoice_free(*out);
		*out = NULL;
	}
	return code;
}

/* Both in the transaction; *successor is 0 when nothing is issued any more. */
static int regenerate(struct closing *c, struct slice name, int64_t *successor)
{
	struct arena arena = {0};
	struct document document = {0};
	struct period active;
	meter_invoice *invoice = NULL, *settled = NULL;
	int code = void_document(c, name, &arena, &document, &active);
	c->refers = document.number;
	if (code == METER_OK)
		code = replace(c, &document, active, &invoice, &settled);
	*successor = invoice ? invoice->document.number : 0;
	meter_invoice_free(invoice);
	meter_invoice_free(settled);
	meter__arena_free(&arena);
	return code;
}

int meter_invoice_regenerate(meter_invoice **out, meter *m, const char *number, const char *reason, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && number && reason);
	REQUIRE_OWN(m);
	struct proven proven = {.is_of_one = true};
	struct closing c = meter__finalize_call(m, reason, at_us, &proven);
	int64_t successor = 0;
	int code = meter__finalize_check_call(reason, at_us);
	if (code != METER_OK)
		return code;
	do {
		code = meter__finalize_begin(&c);
		if (code == METER_OK)
			code = meter__finalize_end(&c, regenerate(&c, meter__slice_of(number), &successor));
	} while (meter__finalize_again(&c, &code));
	meter__proven_free(&proven);
	if (code != METER_OK)
		return code;
	return successor ? meter__finalize_load(out, m, successor)
	                 : meter__fail(METER_EEND, "there is nothing to adjust any more");
}

int meter_invoice_redraft(meter_invoice **out, meter *m, const char *number)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && number);
	REQUIRE_OWN(m);
	struct closing c = meter__finalize_call(m, "a draft", METER_NOW, NULL);
	struct arena arena = {0};
	struct document document = {0};
	struct period active;
	meter_invoice *settled = NULL;
	c.is_draft = true;
	int code = meter__finalize_begin(&c);
	if (code != METER_OK)
		return code;
	/* What regenerating would do, and then is not done. */
	code = void_document(&c, meter__slice_of(number), &arena, &document, &active);
	if (code == METER_OK)
		code = replace(&c, &document, active, out, &settled);
	meter__store_rollback(c.store);
	meter_invoice_free(settled);
	meter__arena_free(&arena);
	if (code == METER_OK && !*out)
		return meter__fail(METER_EEND, "there is nothing to adjust any more");
	if (code != METER_OK) {
		meter_invoice_free(*out);
		*out = NULL;
		return code;
	}
	(*out)->document = (struct document){0};
	(*out)->status = "draft";
	return METER_OK;
}
