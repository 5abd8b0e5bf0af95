/*
 * draft.c - the invoice of a subscription's period as it would be now: what flows into it, its bill, and what must be adjusted
 * before.
 *
 * What reaches over periods flows from each period to the next. Billed periods say what they left; those that are not billed are
 * rated for it. Where usage of a billed period has changed, or what came before it, the flow starts there: that period and those
 * after it are rated anew as their own catalog has it, and what differs becomes adjustments.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "invoice.h"
#include "os.h"

/* ---- what was billed before ---- */

/* The billed periods of a subscription, in the order of their time: all, or the last ones of a life that is billed without a
 * hole. */
struct billed_list {
	struct billed *rows;
	size_t count, capacity;
	int64_t from_us; /* everything before the first row is billed; INT64_MIN: all rows are there */
};

static int add_billed(const struct billed *billed, void *user)
{
	struct billed_list *list = user;
	if (list->count == list->capacity) {
		const size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct billed *rows = realloc(list->rows, capacity * sizeof(*rows));
		if (!rows)
			return meter__fail(METER_ENOMEM, "no memory for billed periods");
		list->rows = rows;
		list->capacity = capacity;
	}
	list->rows[list->count++] = *billed;
	return METER_OK;
}

/*
 * What the first open period can be told from, and what is stale: of years of days the last few. Where there is a hole, or more
 * is asked, all.
 */
static int read_billed(struct billed_list *out, struct reader *r, const struct subscription *subscription, bool is_all)
{
	struct totals totals;
	struct billed_extent extent;
	int64_t number;
	out->from_us = INT64_MIN;
	int code = meter__store_totals(r, &totals);
	if (code != METER_OK || totals.closed_before == 0)
		return code;
	code = meter__store_name(r, &number, meter__slice_of(subscription->key));
	if (code != METER_OK || number == 0)
		return code;
	if (!is_all) {
		code = meter__store_billed_extent(r, number, &extent);
		if (code == METER_OK && extent.whole.from_us == subscription->from_us && !extent.has_hole)
			out->from_us = extent.wanted_us;
	}
	return code == METER_OK ? meter__store_billed(r, number, out->from_us, add_billed, out) : code;
}

/* The first stretch of the subscription's life that is not billed. */
static struct period first_hole(const struct billed_list *list, const struct subscription *subscription)
{
	struct period hole = {subscription->from_us, INT64_MAX};
	if (hole.from_us < list->from_us)
		hole.from_us = list->from_us;
	for (size_t i = 0; i < list->count; i++) {
		const struct period active = list->rows[i].active;
		if (active.to_us <= hole.from_us)
			continue;
		if (active.from_us > hole.from_us) {
			hole.to_us = active.from_us;
			break;
		}
		hole.from_us = active.to_us;
	}
	return hole;
}

static int find_open(struct billing_period *out, const struct billed_list *list, const struct meter_catalog *catalog,
                     const struct subscription *subscription)
{
	const struct period hole = first_hole(list, subscription);
	if (hole.from_us >= subscription->until_us)
		return METER_EEND;
	int code = meter__billing_period_at(out, catalog, subscription, hole.from_us);
	/* If the calendar of the subscription has changed since, its periods still tile. */
	if (code == METER_OK)
		out->active = meter__period_intersect(out->active, hole);
	return code;
}

int meter__draft_open_period(struct billing_period *out, struct reader *r, const struct meter_catalog *catalog,
                             const struct subscription *subscription)
{
	struct billed_list list = {0};
	int code = read_billed(&list, r, subscription, false);
	if (code == METER_OK)
		code = find_open(out, &list, catalog, subscription);
	free(list.rows);
	return code;
}

/* ---- the flow from period to period ---- */

/* An invoice in the making. */
struct drafting {
	struct meter_invoice *invoice;
	struct reader *reader;
	struct meter_catalog *catalog; /* in force, or another one */
	const struct subscription *subscription;
	struct as_of as_of;
	struct billed_list billed;
	struct account flow; /* what the periods so far leave */
	bool has_flow;       /* some period has something to say about it */
};

static void set_flow(struct drafting *d, struct account *account)
{
	meter__account_free(&d->flow);
	d->flow = *account;
	*account = (struct account){0};
}

/* What is used of credits is remembered, also when no plan of the catalog has any. */
static int last_billed_left(struct drafting *d, int64_t before_us, bool *out)
{
	struct bill last;
	size_t count = 0;
	while (count < d->billed.count && d->billed.rows[count].active.from_us < before_us)
		count++;
	if (count == 0)
		return METER_OK;
	int code = meter__store_bill_read(d->reader, d->billed.rows[count - 1].bill, &last);
	if (code != METER_OK)
		return code;
	*out = last.after.count > 0;
	meter__bill_free(&last);
	return METER_OK;
}

/* Whether any version of any plan of the subscription grants something: what it left is kept, also by plans without grants. */
static bool has_grants(const struct drafting *d)
{
	const struct subscription *s = d->subscription;
	for (size_t i = 0; i < s->plan_count; i++) {
		for (size_t k = 0; k < d->catalog->plan_count; k++) {
			const struct plan *plan = &d->catalog->plans[k];
			if (plan->grant_count > 0 && strcmp(plan->key, s->plans[i].plan) == 0)
				return true;
		}
	}
	return false;
}

/* Credits and commitments reach over periods, and quantities below zero, which a file without negative values cannot have. */
static int reaches_over_periods(struct drafting *d, int64_t before_us, bool *out)
{
	struct totals totals;
	int code = meter__store_totals(d->reader, &totals);
	*out = code == METER_OK && (totals.negative > 0 || has_grants(d));
	return code == METER_OK && !*out ? last_billed_left(d, before_us, out) : code;
}

/* Without grants nothing flows from before the first event. */
static int first_flow_us(struct drafting *d, int64_t *out)
{
	int64_t event_us, last_us;
	*out = d->subscription->from_us;
	if (has_grants(d))
		return METER_OK;
	int code = meter__store_bounds(d->reader, &event_us, &last_us);
	if (code == METER_OK && event_us > *out)
		*out = event_us;
	return code == METER_EEND ? METER_OK : code;
}

/* Rate what is not billed of [from_us, to_us) for what it leaves: drafts as they would be now. */
static int flow_through(struct drafting *d, int64_t from_us, int64_t to_us)
{
	int code = METER_OK;
	while (code == METER_OK && from_us < to_us) {
		struct billing_period period;
		struct bill past = {0};
		from_us = meter__billing_next_us(d->catalog, d->subscription, from_us);
		if (from_us >= to_us)
			break;
		code = meter__billing_period_at(&period, d->catalog, d->subscription, from_us);
		if (code != METER_OK)
			break;
		period.active = meter__period_intersect(period.active, (struct period){from_us, to_us});
		past.before = d->flow;
		d->flow = (struct account){0};
		code = meter__draft_bill(&past, d->reader, d->catalog, d->subscription, &period, &d->as_of);
		set_flow(d, &past.after);
		meter__bill_free(&past);
		from_us = period.active.to_us;
	}
	return code;
}

static int add_adjustment(struct drafting *d, struct bill *before, struct bill *after)
{
	struct meter_invoice *invoice = d->invoice;
	struct adjustment *grown = realloc(invoice->adjustments, (invoice->adjustment_count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for an adjustment");
	invoice->adjustments = grown;
	struct adjustment *a = &grown[invoice->adjustment_count++];
	*a = (struct adjustment){.before = *before, .after = *after};
	*before = *after = (struct bill){0};
	return meter__invoice_find_adjusted(d->reader, invoice, a);
}

static int note_settled(struct meter_invoice *invoice, int64_t bill)
{
	int64_t *grown = realloc(invoice->settled, (invoice->settled_count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for an adjustment");
	invoice->settled = grown;
	grown[invoice->settled_count++] = bill;
	return METER_OK;
}

/* Go on through a billed period: as it was billed, or, where that does not hold any more, as it is now. */
static int flow_through_billed(struct drafting *d, const struct billed *billed)
{
	struct bill before, after = {0};
	int code = meter__store_bill_read(d->reader, billed->bill, &before);
	if (code != METER_OK)
		return code;
	if (!d->has_flow) {
		meter__account_free(&d->flow);
		code = meter__account_copy(&d->flow, &before.before);
	}
	d->has_flow = true;
	if (code == METER_OK && billed->stale_events < 0 && meter__account_is_same(&d->flow, &before.before)) {
		set_flow(d, &before.after);
		goto done;
	}
	if (code == METER_OK)
		code = meter__draft_again(&after, d->reader, &before, meter__slice_of(d->subscription->key), &d->flow, &d->as_of);
	if (code != METER_OK)
		goto done;
	struct account left = {0};
	code = meter__account_copy(&left, &after.after);
	set_flow(d, &left);
	const bool is_same = meter__adjust_is_same(&before, &after);
	/* Where a gauge holds on, what is right now will not be in a while. */
	if (code == METER_OK && billed->stale_events >= 0 && !(is_same && meter__bill_is_running(&after, d->as_of.now_us)))
		code = note_settled(d->invoice, billed->bill);
	if (code == METER_OK && !is_same)
		code = add_adjustment(d, &before, &after);
done:
	meter__bill_free(&before);
	meter__bill_free(&after);
	return code;
}

/*
 * Where the flow must start: before the first billed period that is stale, because what is left to it may be what has changed;
 * or, if that matters, at the last one before the period.
 */
static size_t first_billed(const struct drafting *d, int64_t before_us, bool is_needed)
{
	size_t count = 0, at = 0;
	while (count < d->billed.count && d->billed.rows[count].active.from_us < before_us)
		count++;
	while (at < count && d->billed.rows[at].stale_events < 0)
		at++;
	if (at == count && !is_needed)
		return d->billed.count;
	return at > 0 ? at - 1 : 0;
}

/* What the periods before one leave, and on the way what must be adjusted of those that are billed. */
static int flow_to(struct drafting *d, const struct billing_period *period)
{
	const int64_t before_us = period ? period->active.from_us : INT64_MAX;
	bool is_needed = false;
	int64_t at_us = INT64_MIN;
	int code = METER_OK;
	if (period)
		code = reaches_over_periods(d, before_us, &is_needed);
	for (size_t i = first_billed(d, before_us, is_needed); i < d->billed.count && code == METER_OK; i++) {
		const struct billed *billed = &d->billed.rows[i];
		if (billed->active.from_us >= before_us)
			break;
		if (is_needed && at_us != INT64_MIN)
			code = flow_through(d, at_us, billed->active.from_us);
		else if (at_us != billed->active.from_us)
			d->has_flow = false; /* what is open again leaves what it left, until it is billed */
		if (code == METER_OK)
			code = flow_through_billed(d, billed);
		at_us = billed->active.to_us;
	}
	if (code != METER_OK || !is_needed)
		return code;
	if (at_us == INT64_MIN)
		code = first_flow_us(d, &at_us);
	return code == METER_OK ? flow_through(d, at_us, before_us) : code;
}

/* ---- the invoice ---- */

/* Another catalog can rate what this file counts, whatever its meters are called there. */
static int check_counted(const struct meter_catalog *catalog, const struct meter_catalog *in_force)
{
	for (size_t i = 0; i < catalog->meter_count; i++) {
		bool is_counted = false;
		for (size_t k = 0; k < in_force->meter_count && !is_counted; k++)
			is_counted = strcmp(catalog->meters[i].canonical, in_force->meters[k].canonical) == 0;
		if (!is_counted)
			return meter__fail(
				METER_EUNSUPPORTED,
				"meter %s counts otherwise than every meter of the catalog in force, so there is no usage of it",
				catalog->meters[i].key);
	}
	return METER_OK;
}

static int find_catalog(struct drafting *d, const struct draft_request *request)
{
	struct meter_catalog *in_force;
	int code = meter__store_catalog(d->reader, &in_force);
	if (code == METER_OK && !in_force)
		code = meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	if (code == METER_OK && request->catalog)
		code = check_counted(request->catalog, in_force);
	if (!request->catalog) {
		d->catalog = in_force;
		return code;
	}
	meter__catalog_release(in_force);
	d->catalog = meter__catalog_retain(request->catalog);
	return code;
}

static void drop_adjustments(struct meter_invoice *invoice)
{
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		meter__bill_free(&invoice->adjustments[i].before);
		meter__bill_free(&invoice->adjustments[i].after);
	}
	invoice->adjustment_count = 0;
	invoice->settled_count = 0;
}

/* The first adjustment that has a line, in this currency if one is given; adjustment_count: only what periods leave has changed,
 * and no money. */
static int first_with_lines(const struct meter_invoice *invoice, const char *currency, size_t *out)
{
	struct arena scratch = {0};
	struct invoice_line *lines = NULL;
	size_t count = 0;
	int code = METER_OK;
	for (*out = 0; *out < invoice->adjustment_count; ++*out) {
		const struct adjustment *a = &invoice->adjustments[*out];
		if (currency && strcmp(a->before.currency, currency) != 0)
			continue;
		code = meter__adjust_lines(&lines, &count, &scratch, NULL, a->before.lines, a->before.line_count, a->after.lines,
		                           a->after.line_count);
		if (code != METER_OK || count > 0)
			break;
	}
	meter__arena_free(&scratch);
	return code;
}

/* A document has one currency: adjustments in another one wait for the next document. main: one in that currency. */
static void keep_one_currency(struct meter_invoice *invoice, size_t main)
{
	const char *currency = invoice->adjustments[main].before.currency;
	size_t kept = 0;
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		struct adjustment *a = &invoice->adjustments[i];
		if (strcmp(a->before.currency, currency) == 0) {
			invoice->adjustments[kept++] = *a;
			continue;
		}
		for (size_t k = 0; k < invoice->settled_count; k++) {
			if (invoice->settled[k] == a->before.number)
				invoice->settled[k--] = invoice->settled[--invoice->settled_count];
		}
		meter__bill_free(&a->before);
		meter__bill_free(&a->after);
	}
	invoice->adjustment_count = kept;
}

/* What one document settles. None for nothing: what is stale stays so, and the next one takes it along. */
static int settle_one(struct meter_invoice *invoice, const char *currency)
{
	size_t main;
	int code = first_with_lines(invoice, currency, &main);
	if (code != METER_OK)
		return code;
	if (main < invoice->adjustment_count)
		keep_one_currency(invoice, main);
	else if (main > 0)
		drop_adjustments(invoice);
	return METER_OK;
}

/* Adjustments that the next invoice does not take get a document of their own: by the plan, or because it would fall below 0. */
static int settle_apart(struct drafting *d)
{
	struct meter_invoice *invoice = d->invoice;
	struct decimal total = invoice->own.total, due = invoice->own.due;
	int code = METER_OK;
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++) {
		const struct adjustment *a = &invoice->adjustments[i];
		code = meter__decimal_add(&total, total, a->after.total);
		if (code == METER_OK)
			code = meter__decimal_subtract(&total, total, a->before.total);
		if (code == METER_OK)
			code = meter__decimal_add(&due, due, a->after.due);
		if (code == METER_OK)
			code = meter__decimal_subtract(&due, due, a->before.due);
	}
	if (code != METER_OK)
		return meter__fail(code, "adjustments do not fit into 38 digits");
	bool is_apart = invoice->own.plan->credits_late || meter__decimal_is_negative(total) || meter__decimal_is_negative(due);
	for (size_t i = 0; i < invoice->adjustment_count; i++)
		is_apart = is_apart || strcmp(invoice->adjustments[i].after.currency, invoice->own.currency) != 0;
	size_t main = invoice->adjustment_count;
	if (is_apart)
		code = first_with_lines(invoice, NULL, &main);
	invoice->settles_apart = main < invoice->adjustment_count;
	if (invoice->settles_apart)
		drop_adjustments(invoice);
	return code;
}

static int draft_period(struct drafting *d, const struct billing_period *period, bool is_first_open)
{
	struct meter_invoice *invoice = d->invoice;
	int code = flow_to(d, period);
	if (code != METER_OK)
		return code;
	/* Only the next invoice takes adjustments along. */
	if (!is_first_open)
		drop_adjustments(invoice);
	invoice->own.before = d->flow;
	d->flow = (struct account){0};
	code = meter__draft_bill(&invoice->own, d->reader, d->catalog, d->subscription, period, &d->as_of);
	invoice->has_own = code == METER_OK;
	return code == METER_OK ? settle_apart(d) : code;
}

static int choose_period(struct drafting *d, const struct draft_request *request, struct billing_period *period,
                         bool *is_first_open)
{
	struct billing_period open;
	int found = find_open(&open, &d->billed, d->catalog, d->subscription);
	if (found != METER_OK && found != METER_EEND && !request->period.data)
		return found;
	if (!request->period.data) {
		*period = open;
		*is_first_open = true;
		return found == METER_EEND ? meter__fail(METER_EEND, "everything is billed") : METER_OK;
	}
	int code = meter__billing_period_parse(period, d->catalog, d->subscription, request->period);
	*is_first_open = code == METER_OK && found == METER_OK && period->whole.from_us == open.whole.from_us &&
	                 period->active.to_us >= open.active.to_us && period->active.from_us <= open.active.from_us;
	if (*is_first_open)
		*period = open;
	return code;
}

static int fail_unknown(struct drafting *d, const struct draft_request *request)
{
	const struct slice key = request->subscription;
	struct document document;
	int64_t number;
	int code = meter__store_document_named(d->reader, key, &number);
	if (code == METER_OK)
		code = meter__store_document(d->reader, number, &d->invoice->arena, &document);
	if (code == METER_OK)
		return meter__fail(METER_ENOTFOUND,
		                   "%s is a document of subscription \"%s\", and it is the subscription that is needed",
		                   document.name, document.subscription);
	if (code != METER_ENOTFOUND)
		return code;
	return meter__fail(METER_ENOTFOUND, "the catalog has no subscription \"%.*s\"%s", (int)key.size, key.data,
	                   request->is_settling ? ": to adjust what it was billed, put it back, with until if it has ended" : "");
}

static int draft(struct drafting *d, const struct draft_request *request)
{
	struct meter_invoice *invoice = d->invoice;
	struct totals totals;
	struct billing_period period;
	bool is_first_open = false;
	int code = find_catalog(d, request);
	if (code != METER_OK)
		return code;
	d->subscription = meter__catalog_subscription(d->catalog, request->subscription);
	if (!d->subscription)
		return fail_unknown(d, request);
	invoice->subscription = meter__arena_copy(&invoice->arena, meter__slice_of(d->subscription->key));
	invoice->customer = meter__arena_copy(&invoice->arena, meter__slice_of(d->subscription->customer));
	if (!invoice->subscription || !invoice->customer)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	code = request->catalog ? METER_OK : read_billed(&d->billed, d->reader, d->subscription, request->period.data != NULL);
	if (code == METER_OK && request->is_settling) {
		code = flow_to(d, NULL);
		if (code == METER_OK)
			code = settle_one(invoice, request->currency);
	}
	if (code == METER_OK && !request->is_settling && (code = choose_period(d, request, &period, &is_first_open)) == METER_OK)
		code = draft_period(d, &period, is_first_open);
	if (code == METER_OK)
		code = meter__store_totals(d->reader, &totals);
	invoice->is_first_open = is_first_open;
	if (code == METER_OK && invoice->has_own && !request->catalog)
		invoice->own.catalog_version = totals.catalog;
	if (code != METER_OK || (!invoice->has_own && invoice->adjustment_count == 0))
		return code; /* settling, and nothing to adjust */
	return meter__invoice_show(invoice);
}

int meter__draft(meter_invoice **out, struct reader *r, const struct draft_request *request)
{
	*out = NULL;
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->status = "draft";
	struct drafting d = {.invoice = invoice, .reader = r};
	d.as_of.now_us = request->now_us == METER_NOW ? meter__os.now_us() : request->now_us;
	int code = draft(&d, request);
	meter__account_free(&d.flow);
	free(d.billed.rows);
	meter__catalog_release(d.catalog);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

int meter__invoice_draft(meter_invoice **out, meter *m, struct meter_catalog *catalog, struct slice subscription,
                         struct slice period)
{
	const struct draft_request request = {
		.catalog = catalog, .subscription = subscription, .period = period, .now_us = METER_NOW};
	struct reader *r;
	*out = NULL;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	code = meter__draft(out, r, &request);
	meter__store_reader_done(r);
	return code;
}

int meter_invoice_draft(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                        size_t period_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct slice subscription_key, period_text = {NULL, 0};
	int code = meter__argument(&subscription_key, "subscription", subscription, subscription_size);
	if (code == METER_OK && period)
		code = meter__argument(&period_text, "period", period, period_size);
	if (code == METER_OK)
		code = meter__invoice_draft(out, m, NULL, subscription_key, period_text);
	return code == METER_EEND ? meter__fail(METER_ESTATE, "everything is finalized") : code;
}
