/*
 * draft_bill.c - one period of a subscription rated from the file: cut it into segments, read the usage of each charge in each,
 * rate.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "invoice.h"
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
	const struct as_of *as_of;
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
static struct period until_now(struct period range, const struct meter_definition *definition, int64_t now_us)
{
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

/* The usage of a charge before it that asks the same; NULL: there is none. */
static const struct charge_usage *find_same(const struct rate_segment *segment, const struct charge *charge)
{
	for (const struct charge *before = segment->plan->charges; before < charge; before++) {
		if (before->meter == charge->meter && charge->meter->aggregation != AGGREGATION_UNIQUE_COUNT)
			return &segment->usage[before - segment->plan->charges];
	}
	return NULL;
}

static int copy_groups(struct charge_usage *out, const struct charge_usage *same)
{
	if (same->group_count == 0)
		return METER_OK;
	struct usage_group *groups = malloc(same->group_count * sizeof(*groups));
	if (!groups)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	memcpy(groups, same->groups, same->group_count * sizeof(*groups));
	out->groups = groups;
	out->group_count = same->group_count;
	return METER_OK;
}

/* The usage of one charge, by all dimensions of its meter. set and memory keep the values alive. */
static int read_groups(struct charge_usage *out, struct usage_set *set, const char ***memory, const struct gathering *g,
                       const struct charge *charge, struct period range)
{
	struct usage_request request = {.meter = charge->meter,
	                                .subscription = g->subscription,
	                                .range = until_now(range, charge->meter, g->as_of->now_us),
	                                .by = METER_BY_TOTAL,
	                                .ingest_max = g->as_of->ingest_max};
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
	struct reader *reader;
	int64_t subscription;
	const struct meter_definition *meter;
	int64_t ingest_max; /* 0: any */
	struct decimal *values;
	size_t count, capacity;
};

static int add_event_value(const struct stored_event *stored, void *user)
{
	struct event_values *v = user;
	struct aggregate one;
	const int64_t known = v->ingest_max > 0 ? v->ingest_max : INT64_MAX - 1;
	if (!meter__counted_at(stored, known))
		return METER_OK;
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

static int read_events_of(struct period range, void *user)
{
	struct event_values *v = user;
	return meter__store_scan_events(v->reader, v->subscription, meter__slice_of(v->meter->event_type), range.from_us,
	                                range.to_us, add_event_value, v);
}

/* Events lie in the file by time, those of everybody together: what is counted tells in which minutes this subscription has any.
 */
static int read_events(struct charge_usage *out, const struct gathering *g, const struct charge *charge, struct period range)
{
	struct event_values v = {
		.reader = g->reader, .subscription = g->subscription, .meter = charge->meter, .ingest_max = g->as_of->ingest_max};
	const struct usage_request request = {
		.meter = v.meter, .subscription = v.subscription, .range = range, .ingest_max = v.ingest_max};
	int64_t number;
	int code = meter__store_meter(g->reader, &number, v.meter);
	if (code == METER_OK)
		code = number ? meter__usage_had(g->reader, &request, read_events_of, &v) : read_events_of(range, &v);
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
		const struct charge_usage *same = find_same(segment, charge);
		code = same ? copy_groups(&g->usage[g->count], same)
		            : read_groups(&g->usage[g->count], &g->sets[g->count], &g->values[g->count], g, charge,
		                          segment->active);
		if (code == METER_OK && meter__charge_needs_events(charge))
			code = read_events(&g->usage[g->count], g, charge, segment->active);
	}
	return code;
}

static int rate_usage(struct bill *s, struct reader *r, const struct subscription *subscription, const struct as_of *as_of)
{
	struct gathering g = {.reader = r, .as_of = as_of};
	size_t count = 0;
	for (size_t i = 0; i < s->segment_count; i++)
		count += s->segments[i].plan->charge_count;
	g.usage = calloc(count + 1, sizeof(*g.usage));
	g.sets = calloc(count + 1, sizeof(*g.sets));
	g.values = calloc(count + 1, sizeof(*g.values));
	int code = g.usage && g.sets && g.values ? METER_OK : meter__fail(METER_ENOMEM, "no memory for usage");
	if (code == METER_OK)
		code = meter__store_name(r, &g.subscription, meter__slice_of(subscription->key));
	for (size_t i = 0; code == METER_OK && i < s->segment_count; i++)
		code = gather_segment(&g, &s->segments[i]);
	if (code == METER_OK)
		code = meter__bill_rate(s);
	meter__invoice_free_usage(g.usage, count);
	for (size_t i = 0; g.sets && i < count; i++)
		meter__usage_set_free(&g.sets[i]);
	for (size_t i = 0; g.values && i < count; i++)
		free(g.values[i]);
	free(g.sets);
	free(g.values);
	return code;
}

int meter__draft_bill(struct bill *s, struct reader *r, struct meter_catalog *catalog, const struct subscription *subscription,
                      const struct billing_period *period, const struct as_of *as_of)
{
	struct totals totals;
	int code = meter__store_totals(r, &totals);
	s->catalog = meter__catalog_retain(catalog);
	s->period = *period;
	s->ingest = totals.ingest;
	if (code == METER_OK)
		code = meter__segments(&s->segments, &s->segment_count, catalog, subscription, period->active);
	if (code == METER_OK)
		code = meter__billing_period_held(&s->held_us, catalog, subscription, period);
	if (code != METER_OK)
		return code;
	s->plan = s->segments[s->segment_count - 1].plan;
	return rate_usage(s, r, subscription, as_of);
}

int meter__draft_again(struct bill *out, struct reader *r, const struct bill *stored, struct slice subscription_key,
                       const struct account *before, const struct as_of *as_of)
{
	struct meter_catalog *catalog;
	int code = meter__store_catalog_version(r, stored->catalog_version, &catalog);
	if (code != METER_OK)
		return code;
	const struct subscription *subscription = meter__catalog_subscription(catalog, subscription_key);
	if (!subscription)
		code = meter__fail(METER_ECORRUPT, "catalog version %lld has no subscription %.*s",
		                   (long long)stored->catalog_version, (int)subscription_key.size, subscription_key.data);
	if (code == METER_OK)
		code = meter__account_copy(&out->before, before);
	if (code == METER_OK)
		code = meter__draft_bill(out, r, catalog, subscription, &stored->period, as_of);
	out->catalog_version = stored->catalog_version;
	meter__catalog_release(catalog);
	return code;
}

bool meter__bill_is_running(const struct bill *s, int64_t now_us)
{
	if (s->period.active.to_us <= now_us)
		return false;
	for (size_t i = 0; i < s->segment_count; i++) {
		for (size_t k = 0; k < s->segments[i].plan->charge_count; k++) {
			const struct meter_definition *counted = s->segments[i].plan->charges[k].meter;
			if (counted && counted->aggregation == AGGREGATION_TIME_WEIGHTED)
				return true;
		}
	}
	return false;
}
