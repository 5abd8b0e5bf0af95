/*
 * behind.c - the usage behind a line of a bill: day by day, and the events that weigh most.
 *
 * Days come from buckets. So does the way to the heaviest events: no event weighs more than the minute it is in, and no minute
 * more than its hour; so the heaviest hour is opened first, then its heaviest minute, and only the minutes that are left at the
 * top are read event by event. That ends as soon as nothing unopened can weigh more than what was found. Where meters have no
 * buckets for a question (usage as an earlier transaction knew it, a meter that is counted no more), events are read one by one.
 */
#include "behind.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "instant.h"

/* An hour costs sixty seeks, mostly of pages that are not in memory: beyond so many for each event that is asked for, what was
 * found is said to be found among these. Where few events make the most of the usage, one each is enough. */
#define HOURS_AN_EVENT 2

/* Where events may be: a stretch of time, and a bound of what one in it weighs. */
struct node {
	struct period period;
	struct decimal weight;
};

/* The one to open next is at 0. */
struct heap {
	struct node *nodes;
	size_t count, capacity;
};

struct search {
	struct reader *reader;
	const struct behind_request *request;
	struct usage_scope scope;
	struct usage_set before; /* of an adjustment, where the scope needs it */
	struct behind *out;
	struct heap hours_left, minutes_left;
	size_t hours; /* that were opened */
	int64_t seen; /* events that were asked for, of those that were looked at */
};

/* ---- the values of a group ---- */

/* Distinct values are counted in the groups that are priced, so only those dimensions are known. */
static void choose_groups(struct usage_request *request, const struct charge *charge)
{
	static const size_t all[METER_DIMENSIONS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
	const bool is_unique = charge->meter->aggregation == AGGREGATION_UNIQUE_COUNT;
	request->group_by = is_unique ? charge->group_by : all;
	request->group_by_count = is_unique ? charge->group_by_count : charge->meter->dimension_count;
}

static int read_usage(struct usage_set *out, const struct search *s, struct period range, int32_t by, int64_t ingest_max)
{
	struct usage_request request = {.meter = s->request->charge->meter,
	                                .subscription = s->request->subscription,
	                                .range = range,
	                                .by = by,
	                                .ingest_max = ingest_max};
	choose_groups(&request, s->request->charge);
	return meter__usage_collect(out, s->reader, &request);
}

/* The values of all dimensions, from those that were grouped by. */
static void spread(struct slice values[METER_DIMENSIONS_MAX], const struct charge *charge, const struct usage_row *row)
{
	struct usage_request request = {0};
	memset(values, 0, METER_DIMENSIONS_MAX * sizeof(*values));
	choose_groups(&request, charge);
	for (size_t i = 0; i < request.group_by_count; i++)
		values[request.group_by[i]] = meter__slice_of(row->values[i]);
}

static bool in_scope(const struct search *s, const struct usage_row *row)
{
	struct slice values[METER_DIMENSIONS_MAX];
	spread(values, s->request->charge, row);
	if (s->scope.kind == SCOPE_UNMEASURED)
		return row->sum.unmeasured > 0;
	return meter__scope_has(&s->scope, values);
}

static bool event_in_scope(const struct search *s, const struct event *e)
{
	const struct meter_definition *definition = s->request->charge->meter;
	struct slice values[METER_DIMENSIONS_MAX] = {{NULL, 0}};
	for (size_t i = 0; i < definition->dimension_count; i++)
		values[i] = meter__aggregate_stored_dimension(definition, e, i);
	return meter__scope_has(&s->scope, values);
}

/* ---- the events that were found ---- */

/* Whether a comes before b in the list. */
static bool is_before(const struct search *s, const struct behind_event *a, const struct behind_event *b)
{
	const int order = meter__decimal_compare(a->measured.value, b->measured.value);
	if (s->out->order == BEHIND_BY_VALUE_DOWN && order != 0)
		return order > 0;
	if (s->out->order == BEHIND_BY_VALUE && order != 0)
		return order < 0;
	return s->out->order == BEHIND_BY_TIME_DOWN ? a->timestamp_us > b->timestamp_us : a->timestamp_us < b->timestamp_us;
}

static bool is_full(const struct search *s)
{
	return s->out->list_count == s->request->events_max;
}

static int keep(struct search *s, const struct stored_event *stored, const struct aggregate *measured)
{
	struct behind *o = s->out;
	struct behind_event one = {.measured = *measured, .ingest = stored->ingest, .timestamp_us = stored->event.timestamp_us};
	if (s->request->events_max == 0 || (is_full(s) && !is_before(s, &one, &o->list[o->list_count - 1])))
		return METER_OK;
	one.record = malloc(meter__event_encoded_size(&stored->event));
	if (!one.record)
		return meter__fail(METER_ENOMEM, "no memory for events");
	meter__event_encode(&stored->event, one.record);
	if (is_full(s))
		free(o->list[--o->list_count].record);
	size_t at = o->list_count++;
	for (; at > 0 && is_before(s, &one, &o->list[at - 1]); at--)
		o->list[at] = o->list[at - 1];
	o->list[at] = one;
	return METER_OK;
}

/* What was there at ingest_max, and of an adjustment only what is new since ingest_after: events that came, or were taken back.
 */
static bool is_asked_for(const struct behind_request *q, const struct stored_event *stored)
{
	const int64_t known = q->ingest_max > 0 ? q->ingest_max : INT64_MAX - 1;
	const bool is_there = meter__counted_at(stored, known);
	return q->ingest_after > 0 ? meter__counted_at(stored, q->ingest_after) != is_there : is_there;
}

static int look_at_event(const struct stored_event *stored, void *user)
{
	struct search *s = user;
	const struct behind_request *q = s->request;
	struct aggregate measured;
	if (!is_asked_for(q, stored))
		return METER_OK;
	int code = meter__aggregate_measure(&measured, q->charge->meter, &stored->event);
	if (code == METER_EEND || (code == METER_EINVAL) != (s->scope.kind == SCOPE_UNMEASURED))
		return METER_OK;
	if (code == METER_EINVAL)
		measured = (struct aggregate){.unmeasured = 1};
	else if (code != METER_OK)
		return code;
	if (!event_in_scope(s, &stored->event))
		return METER_OK;
	s->seen++;
	return keep(s, stored, &measured);
}

static int look_at_events(struct search *s, struct period range)
{
	return meter__store_scan_events(s->reader, s->request->subscription,
	                                meter__slice_of(s->request->charge->meter->event_type), range.from_us, range.to_us,
	                                look_at_event, s);
}

/* ---- which stretch to open next ---- */

static bool opens_before(const struct search *s, const struct node *a, const struct node *b)
{
	const int order = meter__decimal_compare(a->weight, b->weight);
	switch (s->out->order) {
	case BEHIND_BY_VALUE_DOWN:
		if (order != 0)
			return order > 0;
		break;
	case BEHIND_BY_VALUE:
		if (order != 0)
			return order < 0;
		break;
	case BEHIND_BY_TIME_DOWN:
		return a->period.to_us > b->period.to_us;
	case BEHIND_BY_TIME:
		break;
	}
	return a->period.from_us < b->period.from_us;
}

static int push(struct search *s, struct heap *h, struct node node)
{
	if (h->count == h->capacity) {
		const size_t capacity = h->capacity ? h->capacity * 2 : 256;
		struct node *nodes = realloc(h->nodes, capacity * sizeof(*nodes));
		if (!nodes)
			return meter__fail(METER_ENOMEM, "no memory for usage");
		h->nodes = nodes;
		h->capacity = capacity;
	}
	size_t at = h->count++;
	for (; at > 0 && opens_before(s, &node, &h->nodes[(at - 1) / 2]); at = (at - 1) / 2)
		h->nodes[at] = h->nodes[(at - 1) / 2];
	h->nodes[at] = node;
	return METER_OK;
}

static struct node pop(const struct search *s, struct heap *h)
{
	const struct node top = h->nodes[0], last = h->nodes[--h->count];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
		if (child + 1 < h->count && opens_before(s, &h->nodes[child + 1], &h->nodes[child]))
			child++;
		if (!opens_before(s, &h->nodes[child], &last))
			break;
		h->nodes[at] = h->nodes[child];
	}
	h->nodes[at] = last;
	return top;
}

/* Whether something in the stretch can come before the last event of the list. */
static bool can_matter(const struct search *s, const struct node *node)
{
	const struct behind_event *last = &s->out->list[s->out->list_count - 1];
	switch (s->out->order) {
	case BEHIND_BY_VALUE_DOWN:
		return meter__decimal_compare(node->weight, last->measured.value) > 0;
	case BEHIND_BY_VALUE:
		return meter__decimal_compare(node->weight, last->measured.value) < 0;
	case BEHIND_BY_TIME_DOWN:
		return node->period.to_us > last->timestamp_us;
	case BEHIND_BY_TIME:
		break;
	}
	return node->period.from_us < last->timestamp_us;
}

static int compare_rows(const void *left, const void *right)
{
	const struct usage_row *a = left, *b = right;
	return (a->period.from_us > b->period.from_us) - (a->period.from_us < b->period.from_us);
}

/* Rows in scope, merged by their time; visit gets one after the other. */
static int merge_rows(struct search *s, struct usage_set *set,
                      int (*visit)(struct search *s, struct period period, const struct aggregate *sum, bool is_minute),
                      bool is_minute)
{
	const enum aggregation aggregation = s->request->charge->meter->aggregation;
	int code = METER_OK;
	qsort(set->rows, set->count, sizeof(*set->rows), compare_rows);
	for (size_t i = 0, next; i < set->count && code == METER_OK; i = next) {
		struct aggregate sum = {0};
		for (next = i; next < set->count && set->rows[next].period.from_us == set->rows[i].period.from_us; next++) {
			if (in_scope(s, &set->rows[next]))
				meter__aggregate_merge(aggregation, &sum, &set->rows[next].sum);
		}
		if (sum.events > 0 || sum.unmeasured > 0)
			code = visit(s, set->rows[i].period, &sum, is_minute);
	}
	return code;
}

static int add_node(struct search *s, struct period period, const struct aggregate *sum, bool is_minute)
{
	return push(s, is_minute ? &s->minutes_left : &s->hours_left, (struct node){.period = period, .weight = sum->value});
}

static int open_range(struct search *s, struct period range, int32_t by)
{
	struct usage_set set;
	int code = read_usage(&set, s, range, by, s->request->ingest_max);
	if (code == METER_OK)
		code = merge_rows(s, &set, add_node, by == METER_BY_MINUTE);
	meter__usage_set_free(&set);
	return code;
}

/* Whether the next stretch to open is an hour; beyond the budget only while there is nothing else to find events in. */
static bool opens_hour(const struct search *s)
{
	const struct heap *hours = &s->hours_left, *minutes = &s->minutes_left;
	if (hours->count == 0 || minutes->count == 0)
		return hours->count > 0;
	return s->hours < HOURS_AN_EVENT * s->request->events_max && opens_before(s, &hours->nodes[0], &minutes->nodes[0]);
}

/* Open stretches until nothing that is left can matter. *is_exact_out: also none of the hours beyond the budget. */
static int open_stretches(struct search *s, bool *is_exact_out)
{
	int code = METER_OK;
	while (code == METER_OK && (s->hours_left.count > 0 || s->minutes_left.count > 0)) {
		const bool is_hour = opens_hour(s);
		struct heap *from = is_hour ? &s->hours_left : &s->minutes_left;
		if (is_full(s) &&
		    (!can_matter(s, &from->nodes[0]) || (is_hour && s->hours >= HOURS_AN_EVENT * s->request->events_max)))
			break;
		const struct node node = pop(s, from);
		code = is_hour ? open_range(s, node.period, METER_BY_MINUTE) : look_at_events(s, node.period);
		s->hours += is_hour;
	}
	*is_exact_out = s->hours_left.count == 0 || !is_full(s) || !can_matter(s, &s->hours_left.nodes[0]);
	return code;
}

static int find_by_buckets(struct search *s)
{
	struct totals totals;
	bool is_exact = false;
	int code = meter__store_totals(s->reader, &totals);
	if (code == METER_OK)
		code = open_range(s, s->request->range, METER_BY_HOUR);
	if (code == METER_OK)
		code = open_stretches(s, &is_exact);
	/* With values below 0 an hour may hold more than it sums up to: then all must have been opened. */
	const bool has_bound = s->out->order != BEHIND_BY_VALUE_DOWN || (code == METER_OK && totals.negative == 0);
	s->out->is_exact = is_exact && (has_bound || (s->hours_left.count == 0 && s->minutes_left.count == 0));
	return code;
}

/* ---- values over time: their samples say when there were events ---- */

static int look_at_sample(const struct bucket *row, void *user)
{
	struct search *s = user;
	const struct period range = s->request->range;
	if (row->start < range.from_us)
		return METER_OK; /* the one that is carried into the period */
	s->out->events += row->sum.events > 0;
	return is_full(s) ? METER_OK : look_at_events(s, (struct period){row->start, row->start + 1});
}

static int find_by_samples(struct search *s, int64_t meter_number)
{
	const struct behind_request *q = s->request;
	struct buffer text = {0}, scratch = {0};
	int64_t subscription = q->subscription, dimensions = 0;
	int code = METER_OK;
	s->out->events = 0;
	s->out->is_exact = false;
	while (code == METER_OK && (code = meter__store_next_series(s->reader, meter_number, q->subscription, &subscription,
	                                                            &dimensions)) == METER_OK) {
		struct property properties[METER_DIMENSIONS_MAX];
		struct slice values[METER_DIMENSIONS_MAX] = {{NULL, 0}};
		size_t count = 0;
		meter__buffer_reset(&text);
		code = meter__store_text(s->reader, &text, dimensions);
		if (code == METER_OK)
			code = meter__properties_read(properties, METER_DIMENSIONS_MAX, &count, &scratch, text.data, text.size);
		for (size_t i = 0; i < count; i++)
			values[i] = properties[i].value;
		if (code == METER_OK && meter__scope_has(&s->scope, values))
			code = meter__store_scan_samples(s->reader, meter_number, q->subscription, dimensions, q->range.from_us,
			                                 q->range.to_us, look_at_sample, s);
	}
	meter__buffer_free(&text);
	meter__buffer_free(&scratch);
	return code == METER_EEND ? METER_OK : code;
}

/* ---- usage that buckets do not tell ---- */

static int look_at_minute(struct period minute, void *user)
{
	return look_at_events(user, minute);
}

static int find_by_events(struct search *s, bool is_counted)
{
	const struct behind_request *q = s->request;
	/* Of an adjustment also what was taken back between the two bills. */
	const struct usage_request minutes = {.meter = q->charge->meter,
	                                      .subscription = q->subscription,
	                                      .range = q->range,
	                                      .ingest_max = q->ingest_after > 0 ? q->ingest_after : q->ingest_max};
	s->out->is_exact = true;
	if (!is_counted)
		return look_at_events(s, q->range);
	return meter__usage_had(s->reader, &minutes, look_at_minute, s);
}

/* ---- days ---- */

static int add_day(struct search *s, struct period period, const struct aggregate *sum, bool is_minute)
{
	struct behind *o = s->out;
	(void)is_minute;
	o->days[o->day_count++] = (struct behind_day){period, *sum};
	return METER_OK;
}

static int find_scope_among(struct search *s, const struct usage_set *set)
{
	const struct charge *charge = s->request->charge;
	const size_t width = charge->meter->dimension_count;
	const char **values = calloc(set->count * (width + 1) + 1, sizeof(*values));
	const char *const **groups = calloc(set->count + 1, sizeof(*groups));
	int code = values && groups ? METER_OK : meter__fail(METER_ENOMEM, "no memory for usage");
	struct slice spread_values[METER_DIMENSIONS_MAX];
	for (size_t i = 0; i < set->count && code == METER_OK; i++) {
		spread(spread_values, charge, &set->rows[i]);
		for (size_t d = 0; d < width; d++)
			values[i * width + d] = spread_values[d].data;
		groups[i] = &values[i * width];
	}
	if (code == METER_OK)
		code = meter__scope_find(&s->scope, charge, s->request->description, groups, set->count);
	/* The scope keeps one of the rows of values. */
	free(groups);
	if (code == METER_OK && s->scope.values) {
		memmove(values, s->scope.values, width * sizeof(*values));
		s->scope.values = values;
		return METER_OK;
	}
	free(values);
	return code;
}

/* What the line is for can be told from the groups that have usage; those of an adjustment may have had it before only. */
static int find_scope(struct search *s, const struct usage_set *set)
{
	int code = find_scope_among(s, set);
	if (code == METER_OK && s->scope.kind == SCOPE_NONE && s->request->ingest_after > 0) {
		code = read_usage(&s->before, s, s->request->range, METER_BY_TOTAL, s->request->ingest_after);
		if (code == METER_OK)
			code = find_scope_among(s, &s->before);
	}
	if (code == METER_OK)
		meter__scope_text(&s->out->scope, &s->scope);
	return code;
}

static int read_total(struct search *s, const struct usage_set *days)
{
	struct behind *o = s->out;
	const enum aggregation aggregation = s->request->charge->meter->aggregation;
	struct usage_set set = {0};
	int code = METER_OK;
	/* Distinct values of days do not add up. */
	if (aggregation == AGGREGATION_UNIQUE_COUNT)
		code = read_usage(&set, s, s->request->range, METER_BY_TOTAL, s->request->ingest_max);
	const struct usage_set *from = aggregation == AGGREGATION_UNIQUE_COUNT ? &set : days;
	for (size_t i = 0; code == METER_OK && i < from->count; i++) {
		if (in_scope(s, &from->rows[i]))
			meter__aggregate_merge(aggregation, &o->total, &from->rows[i].sum);
	}
	meter__usage_set_free(&set);
	o->events = s->scope.kind == SCOPE_UNMEASURED ? o->total.unmeasured : o->total.events;
	o->is_overflow = code == METER_OK && meter__aggregate_value(&o->value, aggregation, &o->total) != METER_OK;
	return code;
}

static int read_days(struct search *s, struct usage_set *set)
{
	struct behind *o = s->out;
	int code = read_usage(set, s, s->request->range, METER_BY_DAY, s->request->ingest_max);
	if (code == METER_OK)
		code = find_scope(s, set);
	if (code == METER_OK)
		code = read_total(s, set);
	o->days = calloc(set->count + 1, sizeof(*o->days));
	if (code == METER_OK && !o->days)
		code = meter__fail(METER_ENOMEM, "no memory for usage");
	return code == METER_OK ? merge_rows(s, set, add_day, false) : code;
}

static enum behind_order order_of(const struct search *s)
{
	switch (s->request->charge->meter->aggregation) {
	case AGGREGATION_SUM:
	case AGGREGATION_AVG:
	case AGGREGATION_MAX:
		return s->scope.kind == SCOPE_UNMEASURED ? BEHIND_BY_TIME : BEHIND_BY_VALUE_DOWN;
	case AGGREGATION_MIN:
		return BEHIND_BY_VALUE;
	case AGGREGATION_LATEST:
		return BEHIND_BY_TIME_DOWN;
	case AGGREGATION_COUNT:
	case AGGREGATION_UNIQUE_COUNT:
	case AGGREGATION_TIME_WEIGHTED:
		break;
	}
	return BEHIND_BY_TIME;
}

static int find_events(struct search *s, int64_t meter_number)
{
	const struct behind_request *q = s->request;
	s->out->order = order_of(s);
	s->out->list = calloc(q->events_max + 1, sizeof(*s->out->list));
	if (!s->out->list)
		return meter__fail(METER_ENOMEM, "no memory for events");
	if (q->charge->meter->aggregation == AGGREGATION_TIME_WEIGHTED && s->out->is_from_buckets)
		return find_by_samples(s, meter_number);
	if (q->events_max == 0)
		return METER_OK;
	if (s->out->is_from_buckets && q->ingest_after == 0)
		return find_by_buckets(s);
	const bool is_weighted = q->charge->meter->aggregation == AGGREGATION_TIME_WEIGHTED;
	int code = find_by_events(s, meter_number != 0 && !is_weighted);
	/* What was added up are stretches in which a value held. */
	if (is_weighted)
		s->out->events = s->seen;
	return code;
}

int meter__behind(struct behind *out, struct reader *r, const struct behind_request *request)
{
	struct search s = {.reader = r, .request = request, .out = out};
	struct usage_set days = {0};
	int64_t meter_number;
	*out = (struct behind){.days = NULL};
	int code = meter__store_meter(r, &meter_number, request->charge->meter);
	if (code != METER_OK)
		return code;
	out->is_from_buckets = meter_number != 0 && request->ingest_max == 0;
	code = read_days(&s, &days);
	if (code == METER_OK)
		code = find_events(&s, meter_number);
	if (code == METER_OK && out->scope.failed)
		code = meter__fail(METER_ENOMEM, "no memory for an explanation");
	free(s.hours_left.nodes);
	free(s.minutes_left.nodes);
	free((void *)(uintptr_t)s.scope.values);
	meter__usage_set_free(&days);
	meter__usage_set_free(&s.before);
	return code;
}

void meter__behind_free(struct behind *behind)
{
	for (size_t i = 0; i < behind->list_count; i++)
		free(behind->list[i].record);
	free(behind->list);
	free(behind->days);
	meter__buffer_free(&behind->scope);
	*behind = (struct behind){0};
}
