/*
 * draft.c - the invoice of a subscription's period as it would be now: cut the period, gather usage, rate what earlier periods
 * leave, rate.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "invoice.h"
#include "os.h"
#include "usage.h"

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

/* What a draft reads: the usage of one subscription, segment by segment. */
struct gathering {
	struct reader *reader;
	int64_t subscription;       /* its number; 0: it never had an event */
	struct charge_usage *usage; /* of all charges of all segments, one after the other; */
	struct usage_set *sets;     /* and what keeps their values alive */
	const char ***values;
	size_t count;
};

/* Distinct values must be counted in the groups that are priced: two groups may have the same ones. */
static void choose_groups(struct usage_request *request, const struct charge *charge)
{
	static const size_t all_dimensions[METER_DIMENSIONS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
	const bool is_unique = charge->meter->aggregation == AGGREGATION_UNIQUE_COUNT;
	request->group_by = is_unique ? charge->group_by : all_dimensions;
	request->group_by_count = is_unique ? charge->group_by_count : charge->meter->dimension_count;
}

/* A gauge holds its last value, but nobody knows yet for how long: up to now. */
static struct period until_now(struct period range, const struct meter_definition *definition)
{
	const int64_t now_us = meter__os.now_us();
	if (definition->aggregation == AGGREGATION_TIME_WEIGHTED && range.to_us > now_us)
		range.to_us = now_us > range.from_us ? now_us : range.from_us;
	return range;
}

/* The values of all dimensions of the meter, those that were not asked for missing; one array after the other in *memory. */
static int spread_values(struct usage_group *groups, size_t count, const struct usage_request *request, const char ***memory)
{
	const size_t width = request->meter->dimension_count;
	*memory = calloc(count * width + 1, sizeof(**memory));
	if (!*memory)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	for (size_t i = 0; i < count; i++) {
		const char **values = *memory + i * width;
		for (size_t d = 0; d < request->group_by_count; d++)
			values[request->group_by[d]] = groups[i].values[d];
		groups[i].values = values;
	}
	return METER_OK;
}

/* The usage of one charge, by all dimensions of its meter. set and memory keep the values alive. */
static int read_groups(struct charge_usage *out, struct usage_set *set, const char ***memory, const struct gathering *g,
                       const struct charge *charge, struct period range)
{
	struct usage_request request = {.meter = charge->meter,
	                                .subscription = g->subscription,
	                                .range = until_now(range, charge->meter),
	                                .by = METER_BY_TOTAL};
	choose_groups(&request, charge);
	int code = meter__usage_collect(set, g->reader, &request);
	if (code != METER_OK || set->count == 0)
		return code;
	struct usage_group *groups = malloc(set->count * sizeof(*groups));
	if (!groups)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	for (size_t i = 0; i < set->count; i++)
		groups[i] = (struct usage_group){set->rows[i].values, set->rows[i].sum};
	out->groups = groups;
	out->group_count = set->count;
	if (charge->meter->aggregation == AGGREGATION_UNIQUE_COUNT)
		code = spread_values(groups, set->count, &request, memory);
	if (code != METER_OK)
		return code;
	qsort_r(groups, set->count, sizeof(*groups), compare_groups, (void *)(uintptr_t)charge->meter);
	return METER_OK;
}

/* Values of single events, as they grow. */
struct event_values {
	const struct meter_definition *meter;
	struct decimal *values;
	size_t count, capacity;
};

static int add_event_value(const struct stored_event *stored, void *user)
{
	struct event_values *v = user;
	struct aggregate one;
	int code = meter__aggregate_measure(&one, v->meter, &stored->event);
	if (code == METER_EEND || code == METER_EINVAL) /* not covered; or not readable, which suspends the invoice by itself */
		return METER_OK;
	if (code != METER_OK)
		return code;
	if (v->count == v->capacity) {
		size_t capacity = v->capacity ? v->capacity * 2 : 256;
		struct decimal *values = realloc(v->values, capacity * sizeof(*values));
		if (!values)
			return meter__fail(METER_ENOMEM, "no memory for events");
		v->values = values;
		v->capacity = capacity;
	}
	v->values[v->count++] = one.value;
	return METER_OK;
}

static int read_events(struct charge_usage *out, const struct gathering *g, const struct charge *charge, struct period range)
{
	struct event_values v = {.meter = charge->meter};
	int code = meter__store_scan_events(g->reader, g->subscription, meter__slice_of(charge->meter->event_type), range.from_us,
	                                    range.to_us, add_event_value, &v);
	out->events = v.values;
	out->event_count = v.count;
	return code;
}

static int gather_segment(struct gathering *g, struct rate_segment *segment)
{
	const struct plan *plan = segment->plan;
	int code = METER_OK;
	segment->usage = &g->usage[g->count];
	for (size_t i = 0; code == METER_OK && i < plan->charge_count; i++, g->count++) {
		const struct charge *charge = &plan->charges[i];
		if (!charge->meter || g->subscription == 0)
			continue;
		code = read_groups(&g->usage[g->count], &g->sets[g->count], &g->values[g->count], g, charge, segment->active);
		if (code == METER_OK && meter__charge_needs_events(charge))
			code = read_events(&g->usage[g->count], g, charge, segment->active);
	}
	return code;
}

static int rate_usage(struct meter_invoice *invoice, struct reader *r)
{
	struct gathering g = {.reader = r};
	size_t count = 0;
	for (size_t i = 0; i < invoice->segment_count; i++)
		count += invoice->segments[i].plan->charge_count;
	g.usage = calloc(count + 1, sizeof(*g.usage));
	g.sets = calloc(count + 1, sizeof(*g.sets));
	g.values = calloc(count + 1, sizeof(*g.values));
	int code = g.usage && g.sets && g.values ? METER_OK : meter__fail(METER_ENOMEM, "no memory for usage");
	if (code == METER_OK)
		code = meter__store_name(r, &g.subscription, meter__slice_of(invoice->subscription->key));
	for (size_t i = 0; code == METER_OK && i < invoice->segment_count; i++)
		code = gather_segment(&g, &invoice->segments[i]);
	if (code == METER_OK)
		code = meter__invoice_rate(invoice);
	meter__invoice_free_usage(g.usage, count);
	for (size_t i = 0; g.sets && i < count; i++)
		meter__usage_set_free(&g.sets[i]);
	for (size_t i = 0; g.values && i < count; i++)
		free(g.values[i]);
	free(g.sets);
	free(g.values);
	return code;
}

static int cut_period(struct meter_invoice *invoice)
{
	int code = meter__segments(&invoice->segments, &invoice->segment_count, invoice->catalog, invoice->subscription,
	                           invoice->period);
	if (code == METER_OK)
		invoice->plan = invoice->segments[invoice->segment_count - 1].plan;
	return code;
}

/* ---- what earlier periods have left ---- */

static bool has_grants(const struct meter_invoice *invoice)
{
	return invoice->plan->grant_count > 0;
}

/* Credits and commitments do, and quantities below zero, which a file without negative values cannot have. */
static bool reaches_over_periods(const struct meter_invoice *invoice, struct reader *r, int *code)
{
	struct totals totals = {0};
	*code = meter__store_totals(r, &totals);
	return has_grants(invoice) || totals.negative > 0;
}

/* Where the first period lies that can have left something. */
static int first_period(const struct meter_invoice *invoice, struct reader *r, struct period *out)
{
	int64_t first_us = invoice->subscription->from_us, event_us, last_us;
	if (!has_grants(invoice)) {
		int code = meter__store_bounds(r, &event_us, &last_us);
		if (code != METER_OK && code != METER_EEND)
			return code;
		if (code == METER_OK && event_us > first_us)
			first_us = event_us;
	}
	*out = meter__period_of(METER_BY_MONTH, first_us);
	return METER_OK;
}

/* Rate the periods before this one, for what they leave: drafts of them as they would be now. */
static int rate_history(struct meter_invoice *invoice, struct reader *r)
{
	struct meter_invoice past = {.catalog = invoice->catalog, .subscription = invoice->subscription};
	int code = first_period(invoice, r, &past.period);
	while (code == METER_OK && past.period.from_us < invoice->period.from_us) {
		code = cut_period(&past);
		if (code == METER_OK)
			code = rate_usage(&past, r);
		else if (code == METER_ENOTFOUND)
			code = METER_OK; /* it had no plan then */
		meter__rating_free(&past.rating);
		free(past.texts);
		free(past.segments);
		past.texts = NULL;
		past.segments = NULL;
		past.segment_count = 0;
		past.period = meter__period_of(METER_BY_MONTH, past.period.to_us);
	}
	invoice->account = past.account;
	return code;
}

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

static int draft(struct meter_invoice *invoice, struct reader *r, struct slice subscription)
{
	struct meter_catalog *other = invoice->catalog;
	struct meter_catalog *in_force;
	int code = meter__store_catalog(r, &in_force);
	if (code == METER_OK && !in_force)
		code = meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	if (code == METER_OK && other)
		code = check_counted(other, in_force);
	if (other)
		meter__catalog_release(in_force);
	else
		invoice->catalog = in_force;
	if (code != METER_OK)
		return code;
	invoice->subscription = meter__catalog_subscription(invoice->catalog, subscription);
	if (!invoice->subscription)
		return meter__fail(METER_ENOTFOUND, "the catalog has no subscription \"%.*s\"", (int)subscription.size,
		                   subscription.data);
	code = cut_period(invoice);
	if (code == METER_OK && reaches_over_periods(invoice, r, &code) && code == METER_OK)
		code = rate_history(invoice, r);
	return code == METER_OK ? rate_usage(invoice, r) : code;
}

int meter__invoice_draft(meter_invoice **out, meter *m, struct meter_catalog *catalog, struct slice subscription_key,
                         struct slice period_text)
{
	*out = NULL;
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->status = "draft";
	invoice->catalog = catalog ? meter__catalog_retain(catalog) : NULL;
	struct reader *r = NULL;
	int code = meter__period_parse(&invoice->period, period_text.data, period_text.size);
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
	return code == METER_OK ? meter__invoice_draft(out, m, NULL, subscription_key, period_text) : code;
}
