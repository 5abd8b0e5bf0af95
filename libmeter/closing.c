/*
 * closing.c - everything that is due, or one period, of all subscriptions: in transactions of some 25 ms between which recording
 * goes on.
 *
 * What is done stays done: a run that was stopped or killed is simply started again, and two runs at once share the work. A
 * subscription that is refused (a suspended line, a plan that is missing) does not stop the others.
 */
#include <stdlib.h>
#include <string.h>

#include "cycle.h"
#include "error.h"
#include "finalize.h"
#include "internal.h"
#include "os.h"

#define TRANSACTION_US 25000 /* after which no other document is begun */

struct closed_row {
	char *subscription;
	char *number;     /* NULL: refused */
	const char *kind; /* static */
	char *message;
	struct period active;
	char total[DECIMAL_TEXT_SIZE];
	char due[DECIMAL_TEXT_SIZE];
	char *currency;
	int32_t code;
};

struct meter_closing {
	struct closed_row *rows;
	size_t count, capacity;
	size_t refused;
};

static void free_row(struct closed_row *row)
{
	free(row->subscription);
	free(row->number);
	free(row->message);
	free(row->currency);
}

static bool make_room(struct meter_closing *out)
{
	if (out->count < out->capacity)
		return true;
	const size_t capacity = out->capacity ? out->capacity * 2 : 64;
	struct closed_row *rows = realloc(out->rows, capacity * sizeof(*rows));
	if (!rows)
		return false;
	out->rows = rows;
	out->capacity = capacity;
	return true;
}

/* The row is taken, also when it fails. is_whole: all of its texts could be copied. */
static int add_row(struct meter_closing *out, struct closed_row row, bool is_whole)
{
	if (!is_whole || !make_room(out)) {
		free_row(&row);
		return meter__fail(METER_ENOMEM, "no memory for what was closed");
	}
	out->rows[out->count++] = row;
	return METER_OK;
}

static int note_closed(struct meter_closing *out, const struct meter_invoice *invoice)
{
	const struct bill *main = meter__invoice_main(invoice);
	struct closed_row row = {.subscription = meter__copy(meter__slice_of(invoice->subscription)),
	                         .number = meter__copy(meter__slice_of(invoice->document.name)),
	                         .currency = meter__copy(meter__slice_of(main->currency)),
	                         .kind = meter_invoice_kind(invoice),
	                         .active = main->period.active};
	memcpy(row.total, invoice->total, sizeof(row.total));
	memcpy(row.due, invoice->due, sizeof(row.due));
	return add_row(out, row, row.subscription && row.number && row.currency);
}

static int note_refused(struct meter_closing *out, struct slice subscription, int code)
{
	const struct closed_row row = {
		.subscription = meter__copy(subscription), .message = meter__copy(meter__slice_of(meter_errmsg())), .code = code};
	out->refused++;
	return add_row(out, row, row.subscription && row.message);
}

/* What a subscription may be refused for without stopping the others: also its usage, if that of others holds, and a period that
 * means several there. */
static bool is_refusal(struct closing *c, int code)
{
	const bool is_blamed = c->proven->is_blamed;
	c->proven->is_blamed = false;
	return (code == METER_ECORRUPT && is_blamed) || code == METER_ESTATE || code == METER_ENOTFOUND ||
	       code == METER_EUNSUPPORTED || code == METER_EOVERFLOW || code == METER_EINVAL;
}

/* The first open period, which is set first, and the plan that is held at its end. METER_EEND: there is none. */
static int find_open(const struct closing *c, const struct meter_catalog *catalog, const struct subscription *subscription,
                     struct period *active_out, const struct plan **plan_out)
{
	struct billing_period period;
	struct rate_segment *segments;
	size_t count;
	int code = meter__draft_open_period(&period, c->reader, catalog, subscription);
	if (code != METER_OK)
		return code;
	*active_out = period.active;
	code = meter__segments(&segments, &count, catalog, subscription, period.active);
	if (code != METER_OK)
		return code;
	*plan_out = segments[count - 1].plan;
	free(segments);
	return METER_OK;
}

/* Whether the first open period is over, and its grace. METER_EEND: it is not, or there is none. */
static int check_due(const struct closing *c, const struct meter_catalog *catalog, const struct subscription *subscription)
{
	struct period active = {0, INT64_MIN};
	const struct plan *plan;
	int code = find_open(c, catalog, subscription, &active, &plan);
	if (active.to_us > c->at_us) /* what is wrong with it may be mended until then */
		return METER_EEND;
	if (code != METER_OK)
		return code;
	return c->at_us >= active.to_us + plan->grace_us ? METER_OK : METER_EEND;
}

/* The adjustments that no invoice will take along: by the plan, or because the subscription has ended. */
static int settle_rest(const struct closing *c, struct meter_closing *out, const struct meter_catalog *catalog,
                       const struct subscription *subscription)
{
	struct period active;
	const struct plan *plan;
	meter_invoice *invoice;
	bool is_stale;
	int code = meter__store_is_stale(c->reader, meter__slice_of(subscription->key), &is_stale);
	if (code != METER_OK || !is_stale)
		return code;
	code = find_open(c, catalog, subscription, &active, &plan);
	if (code != METER_OK && code != METER_EEND)
		return code;
	if (code == METER_OK && !plan->credits_late)
		return METER_OK;
	do {
		code = meter__finalize_adjustments(c, &invoice, meter__slice_of(subscription->key), NULL);
		if (code == METER_OK && invoice)
			code = note_closed(out, invoice);
		const bool is_done = !invoice;
		meter_invoice_free(invoice);
		if (is_done)
			break;
	} while (code == METER_OK);
	return code;
}

struct closing_all {
	const meter_closing_options *options;
	struct meter_closing *out;
	struct meter_catalog *catalog;
	size_t next;      /* subscription */
	int64_t until_us; /* of the monotonic clock: the transaction ends then */
};

/* Finalize a period and note what came of it. */
static int close_period(const struct closing *c, struct meter_closing *out, const struct draft_request *request)
{
	meter_invoice *invoice, *settled;
	int code = meter__finalize_period(c, &invoice, &settled, request);
	int noted = settled ? note_closed(out, settled) : METER_OK;
	if (noted == METER_OK && invoice)
		noted = note_closed(out, invoice);
	meter_invoice_free(invoice);
	meter_invoice_free(settled);
	return code == METER_OK ? noted : code;
}

/* Everything of one subscription that is due. METER_EAGAIN: the rest in the next transaction. */
static int close_due(const struct closing *c, struct closing_all *all, const struct subscription *subscription)
{
	const struct draft_request request = {.subscription = meter__slice_of(subscription->key), .now_us = c->at_us};
	int code;
	while ((code = check_due(c, all->catalog, subscription)) == METER_OK) {
		code = close_period(c, all->out, &request);
		if (code != METER_OK)
			return code;
		if (meter__os.mono_us() >= all->until_us)
			return METER_EAGAIN;
	}
	return code == METER_EEND ? settle_rest(c, all->out, all->catalog, subscription) : code;
}

/* The period that was asked for, or the invoice that it has; a subscription without such a period has nothing to close. */
static int close_named(const struct closing *c, struct closing_all *all, const struct subscription *subscription)
{
	const struct draft_request request = {.subscription = meter__slice_of(subscription->key),
	                                      .period = meter__slice_of(all->options->period),
	                                      .now_us = c->at_us};
	struct billing_period period;
	meter_invoice *invoice = NULL;
	int64_t document;
	int code = meter__invoice_find_document(c->reader, request.subscription, request.period, &document);
	if (code == METER_OK && document == 0) {
		code = meter__billing_period_parse(&period, all->catalog, subscription, request.period);
		return code == METER_OK ? close_period(c, all->out, &request) : code == METER_ENOTFOUND ? METER_OK : code;
	}
	if (code == METER_OK)
		code = meter__invoice_load(&invoice, c->reader, document);
	if (code == METER_OK)
		code = note_closed(all->out, invoice);
	meter_invoice_free(invoice);
	return code;
}

struct absent_visit {
	const struct closing *closing;
	struct closing_all *all;
};

/* A subscription that is in the catalog no more, though what it was billed is not right any more: it must not be forgotten. */
static int note_absent(struct slice subscription, void *user)
{
	const struct absent_visit *v = user;
	meter_invoice *invoice;
	if (meter__catalog_subscription(v->all->catalog, subscription))
		return METER_OK;
	int code = meter__finalize_adjustments(v->closing, &invoice, subscription, NULL);
	meter_invoice_free(invoice);
	return code == METER_ENOTFOUND ? note_refused(v->all->out, subscription, code) : code;
}

static int close_next(struct closing *c, struct closing_all *all)
{
	int code = meter__finalize_check_order(c); /* what no subscription would be spared */
	all->until_us = meter__os.mono_us() + TRANSACTION_US;
	if (code == METER_OK && !all->catalog) {
		code = meter__store_catalog(c->reader, &all->catalog);
		if (code == METER_OK && !all->catalog)
			code = meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	}
	while (code == METER_OK && all->next < all->catalog->subscription_count) {
		const struct subscription *subscription = &all->catalog->subscriptions[all->next];
		code = all->options->period ? close_named(c, all, subscription) : close_due(c, all, subscription);
		if (is_refusal(c, code))
			code = note_refused(all->out, meter__slice_of(subscription->key), code);
		if (code == METER_OK)
			all->next++;
		if (code == METER_OK && meter__os.mono_us() >= all->until_us)
			break;
	}
	if (code == METER_OK && all->next == all->catalog->subscription_count && !all->options->period) {
		struct absent_visit v = {c, all};
		code = meter__store_stale_subscriptions(c->reader, note_absent, &v);
	}
	return code == METER_EAGAIN ? METER_OK : code;
}

/* One transaction's worth, and what the next one needs. */
static int close_some(struct closing *c, struct closing_all *all)
{
	const size_t rows = all->out->count, refused = all->out->refused;
	const size_t first = all->next;
	int code = meter__finalize_begin(c);
	if (code == METER_OK)
		code = meter__finalize_end(c, close_next(c, all));
	if (code != METER_OK) { /* nothing of this transaction was done */
		all->next = first;
		while (all->out->count > rows)
			free_row(&all->out->rows[--all->out->count]);
		all->out->refused = refused;
	}
	return code == METER_OK && c->proven->wanted_count > 0 ? meter__proven_compare(c->proven, c->store) : code;
}

static int close_all(meter *m, struct closing_all *all)
{
	const meter_closing_options *o = all->options;
	struct proven proven = {.is_of_one = false};
	struct closing c = meter__finalize_call(m, o->reason, o->at_us, &proven);
	int code;
	do {
		code = close_some(&c, all);
		if (code == METER_OK && o->progress &&
		    o->progress((int64_t)all->next, (int64_t)all->catalog->subscription_count, o->user) != 0)
			code = meter__fail(METER_ETIMEDOUT, "stopped; what was finalized stays so");
		meter__os_give_way();
	} while (code == METER_OK && all->next < all->catalog->subscription_count);
	meter__proven_free(&proven);
	meter__catalog_release(all->catalog);
	return code;
}

static int check_options(const meter_closing_options *o)
{
	int code = o->period ? meter__cycle_check(o->period, strlen(o->period)) : METER_OK;
	if (code == METER_OK && o->reason && !o->period)
		return meter__fail(METER_EINVAL, "what is due is finalized without a reason; a reason goes with a period");
	return code == METER_OK ? meter__finalize_check_call(o->reason, o->at_us) : code;
}

int meter_closing_run(meter_closing **out, meter *m, const meter_closing_options *options)
{
	static const meter_closing_options defaults = METER_CLOSING_OPTIONS_INIT;
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	REQUIRE(!options || options->struct_size >= sizeof(*options));
	REQUIRE_OWN(m);
	struct closing_all all = {.options = options ? options : &defaults};
	int code = check_options(all.options);
	if (code != METER_OK)
		return code;
	all.out = calloc(1, sizeof(*all.out));
	if (!all.out)
		return meter__fail(METER_ENOMEM, "no memory for what was closed");
	*out = all.out;
	return close_all(m, &all);
}

void meter_closing_free(meter_closing *closing)
{
	if (!closing)
		return;
	for (size_t i = 0; i < closing->count; i++)
		free_row(&closing->rows[i]);
	free(closing->rows);
	free(closing);
}

static const struct closed_row *row_at(const meter_closing *closing, size_t index)
{
	return closing && index < closing->count ? &closing->rows[index] : NULL;
}

size_t meter_closing_count(const meter_closing *closing)
{
	return closing ? closing->count : 0;
}

size_t meter_closing_refused(const meter_closing *closing)
{
	return closing ? closing->refused : 0;
}

const char *meter_closing_subscription(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].subscription : NULL;
}

const char *meter_closing_number(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].number : NULL;
}

const char *meter_closing_kind(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].kind : NULL;
}

const char *meter_closing_message(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].message : NULL;
}

const char *meter_closing_currency(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].currency : NULL;
}

const char *meter_closing_total(const meter_closing *closing, size_t index)
{
	return meter_closing_number(closing, index) ? closing->rows[index].total : NULL;
}

const char *meter_closing_due(const meter_closing *closing, size_t index)
{
	return meter_closing_number(closing, index) ? closing->rows[index].due : NULL;
}

int64_t meter_closing_from_us(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].active.from_us : 0;
}

int64_t meter_closing_to_us(const meter_closing *closing, size_t index)
{
	return row_at(closing, index) ? closing->rows[index].active.to_us : 0;
}
