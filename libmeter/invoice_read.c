/* invoice_read.c - stored invoices: one by its number or period, all of them one after the other. */
#include <stdlib.h>
#include <string.h>

#include "currency.h"
#include "error.h"
#include "internal.h"
#include "invoice.h"

struct loading {
	struct reader *reader;
	struct meter_invoice *invoice;
	struct buffer bills; /* struct document_bill, one after the other */
};

static int note_bill(const struct document_bill *bill, void *user)
{
	struct loading *l = user;
	meter__buffer_append(&l->bills, bill, sizeof(*bill));
	return METER_OK;
}

int meter__invoice_find_adjusted(struct reader *r, struct meter_invoice *invoice, struct adjustment *a)
{
	const int64_t before = invoice->document.number ? invoice->document.number : INT64_MAX;
	const char *subscription = invoice->document.number ? invoice->document.subscription : invoice->subscription;
	struct document adjusted;
	int64_t number, document;
	int code = meter__store_name(r, &number, meter__slice_of(subscription));
	if (code == METER_OK)
		code = meter__store_period_document(r, number, a->before.period.active.from_us, before, &document);
	if (code == METER_EEND)
		return meter__fail(METER_ECORRUPT, "bill %lld adjusts a period that no invoice has billed",
		                   (long long)a->after.number);
	if (code == METER_OK)
		code = meter__store_document(r, document, &invoice->arena, &adjusted);
	a->document = adjusted.name;
	return code;
}

static int load_bill(struct loading *l, const struct document_bill *from)
{
	struct meter_invoice *invoice = l->invoice;
	if (from->replaces == 0) {
		if (invoice->has_own)
			return meter__fail(METER_ECORRUPT, "document %lld bills two periods",
			                   (long long)invoice->document.number);
		invoice->has_own = true;
		return meter__store_bill_read(l->reader, from->bill, &invoice->own);
	}
	struct adjustment *grown = realloc(invoice->adjustments, (invoice->adjustment_count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->adjustments = grown;
	struct adjustment *a = &grown[invoice->adjustment_count++];
	*a = (struct adjustment){0};
	int code = meter__store_bill_read(l->reader, from->replaces, &a->before);
	if (code == METER_OK)
		code = meter__store_bill_read(l->reader, from->bill, &a->after);
	return code == METER_OK ? meter__invoice_find_adjusted(l->reader, invoice, a) : code;
}

static int load_bills(struct loading *l)
{
	int code = meter__store_document_bills(l->reader, l->invoice->document.number, note_bill, l);
	if (code == METER_OK && l->bills.failed)
		code = meter__fail(METER_ENOMEM, "no memory for an invoice");
	for (size_t at = 0; code == METER_OK && at < l->bills.size; at += sizeof(struct document_bill)) {
		struct document_bill bill;
		memcpy(&bill, l->bills.data + at, sizeof(bill));
		code = load_bill(l, &bill);
	}
	if (code == METER_OK && !l->invoice->has_own && l->invoice->adjustment_count == 0)
		code = meter__fail(METER_ECORRUPT, "document %lld has no bill", (long long)l->invoice->document.number);
	return code;
}

/* What a unit of money is worth stands in the catalog. */
static int find_unit(struct loading *l)
{
	struct bill *own = &l->invoice->own;
	if (!l->invoice->has_own || meter__currency_exponent(meter__slice_of(own->currency)) >= 0)
		return METER_OK;
	int code = meter__store_catalog_version(l->reader, own->catalog_version, &own->catalog);
	if (code == METER_OK)
		own->plan = meter__catalog_plan(own->catalog, meter__slice_of(own->plan_key), own->period.active.to_us - 1);
	return code;
}

/* The documents that void or replace it, or that it replaces. */
static int load_others(struct loading *l)
{
	struct meter_invoice *invoice = l->invoice;
	struct document other;
	int code = METER_OK;
	if (invoice->document.voided_by) {
		code = meter__store_document(l->reader, invoice->document.voided_by, &invoice->arena, &other);
		invoice->voided_us = other.at_us;
		invoice->void_reason = other.reason;
	}
	if (code == METER_OK && invoice->document.replaced_by) {
		code = meter__store_document(l->reader, invoice->document.replaced_by, &invoice->arena, &other);
		invoice->replaced_by = other.name;
	}
	if (code == METER_OK && invoice->document.refers) {
		code = meter__store_document(l->reader, invoice->document.refers, &invoice->arena, &other);
		invoice->replaces = other.name;
	}
	return code;
}

int meter__invoice_load(meter_invoice **out, struct reader *r, int64_t document)
{
	*out = NULL;
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	struct loading l = {.reader = r, .invoice = invoice};
	int code = meter__store_document(r, document, &invoice->arena, &invoice->document);
	if (code == METER_OK)
		code = load_bills(&l);
	if (code == METER_OK)
		code = find_unit(&l);
	if (code == METER_OK)
		code = load_others(&l);
	if (code == METER_OK) {
		invoice->subscription = invoice->document.subscription;
		invoice->customer = invoice->document.customer;
		invoice->status = invoice->document.voided_by ? "voided" : "finalized";
		code = meter__invoice_show(invoice);
	}
	meter__buffer_free(&l.bills);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

/* ---- by the period ---- */

struct naming {
	struct reader *reader;
	struct slice subscription;
	struct slice text;
	struct buffer names; /* struct billed, one after the other */
};

/* A period is called what it was called when it was billed: its plan may have periods of another length since. */
static int note_named(const struct billed *billed, void *user)
{
	struct naming *n = user;
	struct meter_catalog *catalog;
	const struct billing_period period = {billed->whole, billed->active};
	int code = meter__store_catalog_version(n->reader, billed->catalog, &catalog);
	if (code != METER_OK)
		return code;
	const struct subscription *subscription = meter__catalog_subscription(catalog, n->subscription);
	if (subscription && meter__billing_period_is_named(&period, catalog, subscription, n->text))
		meter__buffer_append(&n->names, billed, sizeof(*billed));
	meter__catalog_release(catalog);
	return METER_OK;
}

/* Parts of one period may be billed apart: "2026-01 is on INV-000001 and INV-000007". */
static int fail_ambiguous(const struct naming *n, const int64_t documents[2])
{
	struct arena arena = {0};
	struct document first, second;
	int code = meter__store_document(n->reader, documents[0], &arena, &first);
	if (code == METER_OK)
		code = meter__store_document(n->reader, documents[1], &arena, &second);
	if (code == METER_OK)
		code = meter__fail_value(METER_ESTATE, n->text.data, n->text.size,
		                         "parts of this period are billed apart, on %s and %s: name one of them", first.name,
		                         second.name);
	meter__arena_free(&arena);
	return code;
}

int meter__invoice_find_document(struct reader *r, struct slice subscription_key, struct slice period_text, int64_t *out)
{
	struct naming n = {.reader = r, .subscription = subscription_key, .text = period_text};
	int64_t number, documents[2] = {0, 0};
	size_t count = 0;
	*out = 0;
	int code = meter__store_name(r, &number, subscription_key);
	if (code == METER_OK && number)
		code = meter__store_billed(r, number, INT64_MIN, note_named, &n);
	if (code == METER_OK && n.names.failed)
		code = meter__fail(METER_ENOMEM, "no memory for billed periods");
	for (size_t at = 0; at < n.names.size && count < 2 && code == METER_OK; at += sizeof(struct billed)) {
		struct billed billed;
		memcpy(&billed, n.names.data + at, sizeof(billed));
		code = meter__store_period_document(r, number, billed.active.from_us, INT64_MAX, &documents[count++]);
	}
	meter__buffer_free(&n.names);
	if (code == METER_EEND)
		return meter__fail(METER_ECORRUPT, "a billed period of %.*s is on no invoice", (int)subscription_key.size,
		                   subscription_key.data);
	if (code == METER_OK && count == 2)
		return fail_ambiguous(&n, documents);
	*out = documents[0];
	return code;
}

int meter_invoice_find(meter_invoice **out, meter *m, const char *number)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && number);
	struct reader *r;
	int64_t document;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_document_named(r, meter__slice_of(number), &document);
	if (code == METER_OK)
		code = meter__invoice_load(out, r, document);
	meter__store_reader_done(r);
	return code;
}

int meter_invoice_get(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                      size_t period_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct slice key, text;
	struct reader *r;
	int64_t document = 0;
	int code = meter__argument(&key, "subscription", subscription, subscription_size);
	if (code == METER_OK)
		code = meter__argument(&text, "period", period, period_size);
	if (code == METER_OK)
		code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	const struct draft_request request = {.subscription = key, .period = text, .now_us = METER_NOW};
	code = meter__invoice_find_document(r, key, text, &document);
	if (code == METER_OK)
		code = document ? meter__invoice_load(out, r, document) : meter__draft(out, r, &request);
	meter__store_reader_done(r);
	return code;
}

/* ---- one after the other ---- */

struct meter_invoices {
	meter *meter;
	char *subscription; /* NULL: all */
	int64_t document;   /* the one that was read last */
	meter_invoice *invoice;
};

int meter_invoices_query(meter_invoices **out, meter *m, const char *subscription, size_t subscription_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	const struct slice key = meter__optional_argument(subscription, subscription_size);
	meter_invoices *list = calloc(1, sizeof(*list));
	if (list && key.data)
		list->subscription = meter__copy(key);
	if (!list || (key.data && !list->subscription)) {
		free(list);
		return meter__fail(METER_ENOMEM, "no memory for a list");
	}
	list->meter = m;
	*out = list;
	return METER_OK;
}

int meter_invoices_next(meter_invoices *list)
{
	REQUIRE(list);
	struct reader *r;
	int code = meter__store_reader(&r, list->meter->store);
	if (code != METER_OK)
		return code;
	meter_invoice_free(list->invoice);
	list->invoice = NULL;
	code = meter__store_document_next(r, list->document, meter__slice_of(list->subscription), &list->document);
	if (code == METER_OK)
		code = meter__invoice_load(&list->invoice, r, list->document);
	meter__store_reader_done(r);
	return code;
}

const meter_invoice *meter_invoices_invoice(const meter_invoices *list)
{
	return list ? list->invoice : NULL;
}

void meter_invoices_free(meter_invoices *list)
{
	if (!list)
		return;
	meter_invoice_free(list->invoice);
	free(list->subscription);
	free(list);
}
