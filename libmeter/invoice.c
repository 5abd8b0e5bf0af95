/*
 * invoice.c - the invoice of a subscription's period (draft), and of given usage (quote): find the plan, gather usage, rate,
 * show.
 *
 * Both go through meter__rate() with the same plan, so a quote of the usage of a period has the lines of its invoice.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "internal.h"
#include "rate.h"
#include "usage.h"

/* The texts of a line, made once when the invoice is. */
struct line_text {
	char quantity[DECIMAL_TEXT_SIZE];
	char price[DECIMAL_TEXT_SIZE];
	char per[DECIMAL_TEXT_SIZE];
	char amount[DECIMAL_TEXT_SIZE];
};

struct meter_invoice {
	struct meter_catalog *catalog; /* keeps plan and charges alive */
	const char *status;
	const struct plan *plan;
	const struct subscription *subscription; /* NULL: a quote */
	struct period period;
	struct period active; /* the part of it in which the subscription holds the plan */
	struct rating rating;
	struct line_text *texts;
	char subtotal[DECIMAL_TEXT_SIZE];
	char total[DECIMAL_TEXT_SIZE];
};

/* ---- rating and showing, common to drafts and quotes ---- */

static int show(struct meter_invoice *invoice)
{
	const struct rating *rating = &invoice->rating;
	int32_t exponent = invoice->plan->exponent;
	invoice->texts = calloc(rating->line_count + 1, sizeof(*invoice->texts));
	if (!invoice->texts)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	for (size_t i = 0; i < rating->line_count; i++) {
		const struct line *line = &rating->lines[i];
		struct line_text *text = &invoice->texts[i];
		meter__decimal_format(text->quantity, line->quantity);
		if (!line->has_amount)
			continue;
		meter__decimal_format(text->price, line->price);
		meter__decimal_format(text->per, line->per);
		meter__decimal_format_fixed(text->amount, line->amount, exponent);
	}
	meter__decimal_format_fixed(invoice->subtotal, rating->subtotal, exponent);
	meter__decimal_format_fixed(invoice->total, rating->total, exponent);
	return METER_OK;
}

static int rate(struct meter_invoice *invoice, const struct charge_usage *usage)
{
	int code = meter__rate(&invoice->rating, invoice->plan, usage, invoice->period, invoice->active);
	return code == METER_OK ? show(invoice) : code;
}

static void free_groups(struct charge_usage *usage, size_t count)
{
	for (size_t i = 0; usage && i < count; i++)
		free((void *)(uintptr_t)usage[i].groups);
	free(usage);
}

/* ---- draft ---- */

/* The plan that the subscription holds in the period, and from when to when. */
static int find_plan(struct meter_invoice *invoice)
{
	const struct subscription *s = invoice->subscription;
	invoice->active = meter__period_intersect(invoice->period, (struct period){s->from_us, s->until_us});
	char at[INSTANT_TEXT_SIZE];
	meter__instant_format(at, invoice->period.from_us);
	if (invoice->active.from_us >= invoice->active.to_us)
		return meter__fail(METER_ENOTFOUND, "subscription %s has no plan in the month from %s on", s->key, at);
	const char *key = NULL;
	for (size_t i = 0; i < s->plan_count; i++) {
		if (s->plans[i].from_us <= invoice->active.from_us)
			key = s->plans[i].plan;
		else if (s->plans[i].from_us < invoice->active.to_us)
			return meter__fail(METER_EUNSUPPORTED,
			                   "subscription %s changes its plan inside the month from %s on; this version rates "
			                   "whole months only",
			                   s->key, at);
	}
	invoice->plan = key ? meter__catalog_plan(invoice->catalog, meter__slice_of(key), invoice->active.from_us) : NULL;
	if (!invoice->plan)
		return meter__fail(METER_ENOTFOUND, "plan %s has no version in force in the month from %s on", key ? key : "",
		                   at);
	if (meter__catalog_plan(invoice->catalog, meter__slice_of(key), invoice->active.to_us - 1) != invoice->plan)
		return meter__fail(METER_EUNSUPPORTED,
		                   "plan %s gets a new version inside the month from %s on; this version rates whole months only",
		                   key, at);
	return METER_OK;
}

/* By dimension values, missing ones first: the lines of an invoice must not depend on the order in which events arrived. */
static int compare_groups(const void *left, const void *right, void *user)
{
	const struct usage_group *a = left;
	const struct usage_group *b = right;
	const struct meter_definition *definition = user;
	for (size_t i = 0; i < definition->dimension_count; i++) {
		int order = meter__slice_compare(meter__slice_of(a->values[i]), meter__slice_of(b->values[i]));
		if (order != 0)
			return order;
	}
	return 0;
}

/* The usage of one charge, by all dimensions of its meter. set keeps the values alive. */
static int read_charge(struct charge_usage *out, struct usage_set *set, struct reader *r, const struct meter_invoice *invoice,
                       const struct charge *charge, int64_t subscription)
{
	static const size_t all_dimensions[METER_DIMENSIONS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
	struct usage_request request = {.meter = charge->meter,
	                                .subscription = subscription,
	                                .range = invoice->active,
	                                .by = METER_BY_TOTAL,
	                                .group_by = all_dimensions,
	                                .group_by_count = charge->meter->dimension_count};
	int code = meter__usage_collect(set, r, &request);
	if (code != METER_OK || set->count == 0)
		return code;
	struct usage_group *groups = malloc(set->count * sizeof(*groups));
	if (!groups)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	for (size_t i = 0; i < set->count; i++)
		groups[i] = (struct usage_group){set->rows[i].values, set->rows[i].sum};
	qsort_r(groups, set->count, sizeof(*groups), compare_groups, (void *)(uintptr_t)charge->meter);
	*out = (struct charge_usage){groups, set->count};
	return METER_OK;
}

static int rate_usage(struct meter_invoice *invoice, struct reader *r)
{
	size_t count = invoice->plan->charge_count;
	struct charge_usage *usage = calloc(count + 1, sizeof(*usage));
	struct usage_set *sets = calloc(count + 1, sizeof(*sets));
	int code = usage && sets ? METER_OK : meter__fail(METER_ENOMEM, "no memory for usage");
	int64_t subscription = 0;
	if (code == METER_OK)
		code = meter__store_name(r, &subscription, meter__slice_of(invoice->subscription->key));
	for (size_t i = 0; code == METER_OK && i < count && subscription != 0; i++) {
		if (invoice->plan->charges[i].meter)
			code = read_charge(&usage[i], &sets[i], r, invoice, &invoice->plan->charges[i], subscription);
	}
	if (code == METER_OK)
		code = rate(invoice, usage);
	free_groups(usage, count);
	for (size_t i = 0; sets && i < count; i++)
		meter__usage_set_free(&sets[i]);
	free(sets);
	return code;
}

static int draft(struct meter_invoice *invoice, struct reader *r, struct slice subscription)
{
	int code = meter__store_catalog(r, &invoice->catalog);
	if (code != METER_OK)
		return code;
	if (!invoice->catalog)
		return meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	invoice->subscription = meter__catalog_subscription(invoice->catalog, subscription);
	if (!invoice->subscription)
		return meter__fail(METER_ENOTFOUND, "the catalog has no subscription \"%.*s\"", (int)subscription.size,
		                   subscription.data);
	code = find_plan(invoice);
	return code == METER_OK ? rate_usage(invoice, r) : code;
}

int meter_invoice_draft(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                        size_t period_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct slice subscription_key, period_text;
	int code = meter__argument(&subscription_key, "subscription", subscription, subscription_size);
	if (code == METER_OK)
		code = meter__argument(&period_text, "period", period, period_size);
	if (code != METER_OK)
		return code;
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->status = "draft";
	struct reader *r = NULL;
	code = meter__period_parse(&invoice->period, period_text.data, period_text.size);
	if (code == METER_OK)
		code = meter__store_reader(&r, m->store);
	if (code == METER_OK)
		code = draft(invoice, r, subscription_key);
	meter__store_reader_done(r);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

/* ---- quote ---- */

/* The given quantities of one charge's meter become groups; values points into the caller's texts. */
struct quote_usage {
	struct charge_usage *charges; /* one per charge */
	const char **values;          /* METER_DIMENSIONS_MAX per quantity */
	bool *is_used;                /* per quantity: some charge takes it */
};

static int read_quantity(struct usage_group *out, const char **values, const struct meter_definition *definition,
                         const meter_quantity *quantity)
{
	for (size_t i = 0; i < quantity->dimension_count; i++) {
		const meter_property *dimension = &quantity->dimensions[i];
		size_t index = 0;
		while (index < definition->dimension_count && strcmp(definition->dimensions[index], dimension->name) != 0)
			index++;
		if (index == definition->dimension_count)
			return meter__fail(METER_EINVAL, "meter %s has no dimension \"%s\"", definition->key, dimension->name);
		if (values[index])
			return meter__fail(METER_EINVAL, "dimension \"%s\" is given twice", dimension->name);
		values[index] = dimension->value;
	}
	*out = (struct usage_group){.values = values, .total = {.events = 1}};
	struct decimal *value = &out->total.value;
	int code = meter__decimal_parse(value, quantity->quantity, strlen(quantity->quantity));
	if (code != METER_OK)
		return meter__fail_in(code, "quantity of %s: ", quantity->meter);
	if (definition->aggregation != AGGREGATION_COUNT)
		return METER_OK;
	if (value->scale != 0 || value->coefficient < 0 || value->coefficient > INT64_MAX)
		return meter__fail(METER_EINVAL, "quantity of %s: \"%s\" is not a number of events", quantity->meter,
		                   quantity->quantity);
	out->total.events = (int64_t)value->coefficient;
	return METER_OK;
}

static int quote_charge(struct quote_usage *q, size_t index, const struct charge *charge, const meter_quantity *usage,
                        size_t count)
{
	if (!charge->meter)
		return METER_OK;
	struct usage_group *groups = calloc(count + 1, sizeof(*groups));
	if (!groups)
		return meter__fail(METER_ENOMEM, "no memory for a quote");
	q->charges[index].groups = groups;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(usage[i].meter, charge->meter->key) != 0)
			continue;
		const char **values = q->values + i * METER_DIMENSIONS_MAX;
		memset(values, 0, METER_DIMENSIONS_MAX * sizeof(*values));
		int code = read_quantity(&groups[q->charges[index].group_count], values, charge->meter, &usage[i]);
		if (code != METER_OK)
			return code;
		q->charges[index].group_count++;
		q->is_used[i] = true;
	}
	return METER_OK;
}

static int quote_usage(struct meter_invoice *invoice, struct quote_usage *q, const meter_quantity *usage, size_t count)
{
	const struct plan *plan = invoice->plan;
	q->charges = calloc(plan->charge_count + 1, sizeof(*q->charges));
	q->values = calloc(count * METER_DIMENSIONS_MAX + 1, sizeof(*q->values));
	q->is_used = calloc(count + 1, sizeof(*q->is_used));
	int code = q->charges && q->values && q->is_used ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a quote");
	for (size_t i = 0; code == METER_OK && i < plan->charge_count; i++)
		code = quote_charge(q, i, &plan->charges[i], usage, count);
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		if (q->is_used[i])
			continue;
		if (meter__catalog_meter(invoice->catalog, meter__slice_of(usage[i].meter)))
			code = meter__fail(METER_EINVAL, "plan %s has no charge for meter %s", plan->key, usage[i].meter);
		else
			code = meter__fail(METER_ENOTFOUND, "the catalog has no meter \"%s\"", usage[i].meter);
	}
	return code == METER_OK ? rate(invoice, q->charges) : code;
}

static int quote(struct meter_invoice *invoice, const char *plan, const meter_quantity *usage, size_t count, int64_t at_us)
{
	struct slice key = meter__slice_of(plan);
	invoice->period = invoice->active = meter__period_of(METER_BY_MONTH, at_us);
	if (!meter__catalog_has_plan(invoice->catalog, key))
		return meter__fail(METER_ENOTFOUND, "the catalog has no plan \"%s\"", plan);
	invoice->plan = meter__catalog_plan(invoice->catalog, key, invoice->period.from_us);
	char at[INSTANT_TEXT_SIZE];
	meter__instant_format(at, invoice->period.from_us);
	if (!invoice->plan)
		return meter__fail(METER_ENOTFOUND, "plan %s has no version in force at %s", plan, at);
	struct quote_usage q = {0};
	int code = quote_usage(invoice, &q, usage, count);
	free_groups(q.charges, invoice->plan->charge_count);
	free(q.values);
	free(q.is_used);
	return code;
}

int meter_invoice_quote(meter_invoice **out, const meter_catalog *catalog, const char *plan, const meter_quantity *usage,
                        size_t usage_count, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(catalog && plan);
	REQUIRE(usage || usage_count == 0);
	for (size_t i = 0; i < usage_count; i++)
		REQUIRE(usage[i].meter && usage[i].quantity && (usage[i].dimensions || usage[i].dimension_count == 0));
	if (at_us < 0 || at_us > INSTANT_MAX)
		return meter__fail(METER_EINVAL, "at is outside 1970..9999");
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->status = "quote";
	invoice->catalog = meter__catalog_retain((meter_catalog *)(uintptr_t)catalog);
	int code = quote(invoice, plan, usage, usage_count, at_us);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

/* ---- accessors ---- */

void meter_invoice_free(meter_invoice *invoice)
{
	if (!invoice)
		return;
	meter__rating_free(&invoice->rating);
	meter__catalog_release(invoice->catalog);
	free(invoice->texts);
	free(invoice);
}

const char *meter_invoice_number(const meter_invoice *invoice)
{
	(void)invoice; /* given when an invoice is finalized */
	return NULL;
}

const char *meter_invoice_status(const meter_invoice *invoice)
{
	return invoice ? invoice->status : NULL;
}

const char *meter_invoice_subscription(const meter_invoice *invoice)
{
	return invoice && invoice->subscription ? invoice->subscription->key : NULL;
}

const char *meter_invoice_customer(const meter_invoice *invoice)
{
	return invoice && invoice->subscription ? invoice->subscription->customer : NULL;
}

const char *meter_invoice_plan(const meter_invoice *invoice)
{
	return invoice ? invoice->plan->key : NULL;
}

const char *meter_invoice_currency(const meter_invoice *invoice)
{
	return invoice ? invoice->plan->currency : NULL;
}

int64_t meter_invoice_from_us(const meter_invoice *invoice)
{
	return invoice ? invoice->period.from_us : 0;
}

int64_t meter_invoice_to_us(const meter_invoice *invoice)
{
	return invoice ? invoice->period.to_us : 0;
}

const char *meter_invoice_subtotal(const meter_invoice *invoice)
{
	return invoice ? invoice->subtotal : NULL;
}

const char *meter_invoice_total(const meter_invoice *invoice)
{
	return invoice ? invoice->total : NULL;
}

const char *meter_invoice_due(const meter_invoice *invoice)
{
	return meter_invoice_total(invoice); /* credits and prepaid commitments will come in between */
}

size_t meter_invoice_suspended_count(const meter_invoice *invoice)
{
	return invoice ? invoice->rating.suspended_count : 0;
}

size_t meter_invoice_line_count(const meter_invoice *invoice)
{
	return invoice ? invoice->rating.line_count : 0;
}

static const struct line *line_at(const meter_invoice *invoice, size_t index)
{
	return index < meter_invoice_line_count(invoice) ? &invoice->rating.lines[index] : NULL;
}

int32_t meter_invoice_line_kind(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->kind : 0;
}

const char *meter_invoice_line_kind_name(const meter_invoice *invoice, size_t index)
{
	static const char *const names[] = {
		[METER_LINE_USAGE] = "usage",     [METER_LINE_FLAT] = "flat",         [METER_LINE_MINIMUM] = "minimum",
		[METER_LINE_MAXIMUM] = "maximum", [METER_LINE_DISCOUNT] = "discount", [METER_LINE_SUSPENDED] = "suspended",
	};
	const struct line *line = line_at(invoice, index);
	return line ? names[line->kind] : NULL;
}

const char *meter_invoice_line_charge(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->charge ? line->charge->key : NULL;
}

const char *meter_invoice_line_description(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->description : NULL;
}

const char *meter_invoice_line_quantity(const meter_invoice *invoice, size_t index)
{
	return line_at(invoice, index) ? invoice->texts[index].quantity : NULL;
}

const char *meter_invoice_line_price(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].price : NULL;
}

const char *meter_invoice_line_per(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].per : NULL;
}

const char *meter_invoice_line_amount(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].amount : NULL;
}

const char *meter_invoice_line_exact(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? line->exact : NULL;
}
