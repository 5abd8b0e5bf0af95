/*
 * usage.c - reads usage from the coarsest buckets that fit: days inside, hours and minutes at the edges, events where an edge
 * cuts a minute. The newest minutes are not in hours and days yet and are read one by one.
 *
 * So a month costs the same however many events lie under it, and any range is exact to the microsecond. A meter that is counted
 * no more, and usage as it was known at some time, are read from the events alone; of the latter those of minutes that have, or
 * had, usage.
 */
#include "usage.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "instant.h"
#include "intern.h"
#include "os.h"

/* Where rows with these dimensions go. */
#define GROUP_UNKNOWN SIZE_MAX
#define GROUP_NONE (SIZE_MAX - 1) /* filtered out */
#define STORED_DIMENSIONS_MAX (METER_DIMENSIONS_MAX + 1)

struct collector {
	struct reader *reader;
	const struct usage_request *request;
	bool is_counted;          /* the meter has buckets */
	int64_t meter_number;     /* of its buckets; 0: events are read one by one; then */
	struct intern local;      /* are the dimensions of events, whose numbers are below 0 */
	struct buckets sums;      /* by (start of the row's period in microseconds, subscription, group as dimensions) */
	struct intern dimensions; /* numbers of dimension sets seen; the text is the number's bytes */
	size_t *group_of;         /* by index of the dimension set */
	size_t group_of_capacity;
	struct intern groups;   /* names and values of group_by, as JSON */
	struct intern members;  /* unique_count: the index of the group, then the value */
	struct buckets samples; /* time_weighted, from events */
	struct buffer text, scratch, key;
};

/* ---- from dimensions to groups ---- */

static bool matches(const struct usage_request *q, const struct property *values)
{
	for (size_t i = 0; i < q->where_count; i++) {
		struct slice value = values[q->where[i].dimension].value;
		if (!meter__slice_equal(value, meter__slice_of(q->where[i].value)))
			return false;
	}
	return true;
}

/* The values of a stored dimension set, in the order of the meter's dimensions. */
static int read_dimensions(struct collector *c, int64_t number, struct property *values)
{
	int code = METER_OK;
	size_t count = 0;
	meter__buffer_reset(&c->text);
	if (number < 0 && c->meter_number == 0 && (size_t)(-number - 1) < c->local.count)
		meter__buffer_slice(&c->text, meter__intern_text(&c->local, (size_t)(-number - 1)));
	else
		code = meter__store_text(c->reader, &c->text, number);
	if (c->text.failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	if (code == METER_OK)
		code = meter__properties_read(values, STORED_DIMENSIONS_MAX, &count, &c->scratch, c->text.data, c->text.size);
	if (code == METER_EINVAL || (code == METER_OK && count != meter__aggregate_stored_dimensions(c->request->meter)))
		return meter__fail(METER_ECORRUPT, "dimensions %lld do not fit meter %s", (long long)number,
		                   c->request->meter->key);
	return code;
}

static int resolve_group(struct collector *c, int64_t number, size_t *out)
{
	const struct usage_request *q = c->request;
	struct property values[STORED_DIMENSIONS_MAX];
	int code = read_dimensions(c, number, values);
	if (code != METER_OK)
		return code;
	if (!matches(q, values)) {
		*out = GROUP_NONE;
		return METER_OK;
	}
	struct property grouped[METER_DIMENSIONS_MAX];
	for (size_t i = 0; i < q->group_by_count; i++)
		grouped[i] = values[q->group_by[i]];
	meter__buffer_reset(&c->key);
	meter__properties_write(&c->key, grouped, q->group_by_count);
	if (c->key.failed)
		return meter__fail(METER_ENOMEM, "no memory for a group");
	code = meter__intern_index(&c->groups, (struct slice){c->key.data, c->key.size}, out);
	if (code != METER_OK || q->meter->aggregation != AGGREGATION_UNIQUE_COUNT)
		return code;
	/* Each distinct value is a row of its own until fold_members() counts them. */
	const size_t group = *out;
	meter__buffer_reset(&c->key);
	meter__buffer_append(&c->key, &group, sizeof(group));
	meter__buffer_slice(&c->key, values[q->meter->dimension_count].value);
	if (c->key.failed)
		return meter__fail(METER_ENOMEM, "no memory for a group");
	return meter__intern_index(&c->members, (struct slice){c->key.data, c->key.size}, out);
}

static int group_of(struct collector *c, int64_t number, size_t *out)
{
	size_t known = c->dimensions.count, index;
	int code = meter__intern_index(&c->dimensions, (struct slice){(const char *)&number, sizeof(number)}, &index);
	if (code != METER_OK)
		return code;
	if (c->group_of_capacity < c->dimensions.capacity) {
		size_t *grown = realloc(c->group_of, c->dimensions.capacity * sizeof(*grown));
		if (!grown)
			return meter__fail(METER_ENOMEM, "no memory for groups");
		c->group_of = grown;
		c->group_of_capacity = c->dimensions.capacity;
	}
	if (index == known) {
		c->group_of[index] = GROUP_UNKNOWN;
		code = resolve_group(c, number, &c->group_of[index]);
	}
	*out = c->group_of[index];
	return code;
}

/* ---- collecting ---- */

static int add(struct collector *c, int64_t at_us, int64_t subscription, int64_t dimensions, const struct aggregate *value)
{
	const struct usage_request *q = c->request;
	size_t group = GROUP_NONE;
	int code = group_of(c, dimensions, &group);
	if (code != METER_OK || group == GROUP_NONE)
		return code;
	struct bucket key = {.subscription = q->by_subscription ? subscription : 0,
	                     .start = q->by == METER_BY_TOTAL ? q->range.from_us : meter__period_of(q->by, at_us).from_us,
	                     .dimensions = (int64_t)group,
	                     .aggregation = q->meter->aggregation};
	return meter__buckets_add(&c->sums, LEVEL_MINUTE, &key, value);
}

struct level_scan {
	struct collector *collector;
	int64_t unit_us;
};

static int add_bucket(const struct bucket *row, void *user)
{
	struct level_scan *scan = user;
	return add(scan->collector, row->start * scan->unit_us, row->subscription, row->dimensions, &row->sum);
}

/* The number of the dimensions in text. */
static int number_dimensions(struct collector *c, int64_t *out)
{
	const struct slice text = {c->text.data, c->text.size};
	size_t index = 0;
	int code;
	if (c->meter_number == 0) {
		code = meter__intern_index(&c->local, text, &index);
		*out = -(int64_t)index - 1;
		return code;
	}
	code = meter__store_name(c->reader, out, text);
	if (code == METER_OK && *out == 0)
		return meter__fail(METER_ECORRUPT, "an event of meter %s is in no bucket", c->request->meter->key);
	return code;
}

/* What the meter makes of an event that it was known of; METER_EEND: nothing. */
static int measure_event(struct collector *c, const struct stored_event *stored, struct aggregate *value, int64_t *dimensions)
{
	const int64_t known = c->request->ingest_max > 0 ? c->request->ingest_max : INT64_MAX - 1;
	if (!meter__counted_at(stored, known))
		return METER_EEND;
	int code = meter__aggregate_measure(value, c->request->meter, &stored->event);
	if (code == METER_EINVAL)
		*value = (struct aggregate){.unmeasured = 1};
	else if (code != METER_OK)
		return code;
	meter__buffer_reset(&c->text);
	meter__aggregate_dimensions(&c->text, c->request->meter, &stored->event);
	if (c->text.failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	return number_dimensions(c, dimensions);
}

static int add_event(const struct stored_event *stored, void *user)
{
	struct collector *c = user;
	struct aggregate value;
	int64_t dimensions;
	int code = measure_event(c, stored, &value, &dimensions);
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	return add(c, stored->event.timestamp_us, stored->subscription, dimensions, &value);
}

/* Read [from, to) from whole buckets of a level, and what sticks out at either end from the next finer one; below minutes there
 * are events. */
static int collect_range(struct collector *c, int level, int64_t from_us, int64_t to_us)
{
	const struct usage_request *q = c->request;
	if (from_us >= to_us)
		return METER_OK;
	if (level < 0)
		return meter__store_scan_events(c->reader, q->subscription, meter__slice_of(q->meter->event_type), from_us, to_us,
		                                add_event, c);
	int64_t unit = meter__level_us[level];
	int64_t first = -meter__floor_div(-from_us, unit);
	int64_t end = meter__floor_div(to_us, unit);
	if (first >= end)
		return collect_range(c, level - 1, from_us, to_us);
	struct level_scan scan = {c, unit};
	int code = collect_range(c, level - 1, from_us, first * unit);
	if (code == METER_OK)
		code = meter__store_scan_buckets(c->reader, (enum level)level, q->meter, c->meter_number, q->subscription, first,
		                                 end, add_bucket, &scan);
	if (code == METER_OK)
		code = collect_range(c, level - 1, end * unit, to_us);
	return code;
}

/*
 * Hours and days hold what lies before rolled_us, the newest ones as far as they go. So whole hours or days are read even where
 * they reach beyond it, and the minutes from there on for the rest.
 */
static int collect_newest(struct collector *c, enum level level, int64_t from_us, int64_t to_us, int64_t rolled_us)
{
	int64_t first_hour_us = -meter__floor_div(-from_us, US_PER_HOUR) * US_PER_HOUR;
	if (level == LEVEL_MINUTE || first_hour_us >= rolled_us)
		return collect_range(c, LEVEL_MINUTE, from_us, to_us);
	int64_t unit = meter__level_us[level];
	int code = collect_range(c, (int)level, from_us, -meter__floor_div(-rolled_us, unit) * unit);
	return code == METER_OK ? collect_range(c, LEVEL_MINUTE, rolled_us, to_us) : code;
}

static int collect_buckets(struct collector *c, enum level level)
{
	struct totals totals;
	struct period range = c->request->range;
	int code = meter__store_totals(c->reader, &totals);
	if (code != METER_OK)
		return code;
	int64_t rolled_us = totals.rolled_before * US_PER_MINUTE;
	if (range.from_us >= range.to_us)
		return METER_OK;
	if (range.to_us <= rolled_us)
		return collect_range(c, (int)level, range.from_us, range.to_us);
	return collect_newest(c, level, range.from_us, range.to_us, rolled_us);
}

/* Late usage that is in no bucket yet. In a minute that the range cuts it is among the events. */
static int collect_late(struct collector *c)
{
	const struct usage_request *q = c->request;
	struct level_scan scan = {c, US_PER_MINUTE};
	struct totals totals;
	int code = meter__store_totals(c->reader, &totals);
	if (code != METER_OK || totals.late_rows == 0)
		return code;
	return meter__store_scan_late(c->reader, q->meter, c->meter_number, q->subscription,
	                              -meter__floor_div(-q->range.from_us, US_PER_MINUTE),
	                              meter__floor_div(q->range.to_us, US_PER_MINUTE), add_bucket, &scan);
}

/* ---- distinct values ---- */

/* From a row per distinct value to the number of them. */
static int fold_members(struct collector *c)
{
	struct buckets folded = {.seed = c->sums.seed};
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < c->sums.count; i++) {
		struct bucket row = c->sums.rows[i];
		size_t group;
		memcpy(&group, meter__intern_text(&c->members, (size_t)row.dimensions).data, sizeof(group));
		row.dimensions = (int64_t)group;
		row.sum.value = row.sum.events > 0 ? DECIMAL_ONE : DECIMAL_ZERO;
		code = meter__buckets_add(&folded, LEVEL_MINUTE, &row, &row.sum);
	}
	meter__buckets_free(&c->sums);
	c->sums = folded;
	return code;
}

/* ---- values over time ---- */

/* One series: a value holds until the next one comes. */
struct series {
	struct collector *collector;
	int64_t subscription, dimensions;
	int64_t from_us; /* since when value holds, and is not added yet */
	struct decimal value;
	bool has_value;
};

/* Add value x seconds up to us, period by period, in each of which the value counts as one event. */
static int hold_until(struct series *s, int64_t to_us)
{
	const struct usage_request *q = s->collector->request;
	int code = METER_OK;
	while (s->has_value && code == METER_OK && s->from_us < to_us) {
		int64_t end_us = q->by == METER_BY_TOTAL ? to_us : meter__period_of(q->by, s->from_us).to_us;
		end_us = end_us < to_us ? end_us : to_us;
		struct aggregate sum = {.events = 1};
		code = meter__decimal_multiply(&sum.value, s->value, meter__decimal_of(end_us - s->from_us, 6));
		if (code == METER_OK)
			code = add(s->collector, s->from_us, s->subscription, s->dimensions, &sum);
		s->from_us = end_us;
	}
	return code;
}

static int add_sample(const struct bucket *row, void *user)
{
	struct series *s = user;
	const int64_t range_us = s->collector->request->range.from_us;
	const int64_t at_us = row->start > range_us ? row->start : range_us;
	if (row->sum.is_overflow)
		return meter__fail(METER_ECORRUPT, "a sample has no value");
	if (row->sum.events == 0)
		return add(s->collector, at_us, s->subscription, s->dimensions, &row->sum);
	int code = hold_until(s, at_us);
	s->value = row->sum.value;
	s->has_value = true;
	s->from_us = at_us;
	return code;
}

/* The value integrated over time, in value-seconds, which is exact; the last value before the range is carried into it. */
static int collect_weighted(struct collector *c)
{
	const struct usage_request *q = c->request;
	struct series s = {.collector = c, .subscription = q->subscription};
	int code = METER_OK;
	while (code == METER_OK && (code = meter__store_next_series(c->reader, c->meter_number, q->subscription, &s.subscription,
	                                                            &s.dimensions)) == METER_OK) {
		s.has_value = false;
		code = meter__store_scan_samples(c->reader, c->meter_number, s.subscription, s.dimensions, q->range.from_us,
		                                 q->range.to_us, add_sample, &s);
		if (code == METER_OK)
			code = hold_until(&s, q->range.to_us);
	}
	return code == METER_EEND ? METER_OK : code;
}

static int find_first(const struct bucket *row, void *user)
{
	int64_t *first = user;
	*first = row->start < *first ? row->start : *first;
	return METER_OK;
}

int meter__usage_held_since(struct reader *r, const struct meter_definition *counted, int64_t subscription, int64_t from_us,
                            int64_t *out)
{
	int64_t number, series = subscription, dimensions = 0;
	*out = from_us;
	int code = meter__store_meter(r, &number, counted);
	while (code == METER_OK && number &&
	       (code = meter__store_next_series(r, number, subscription, &series, &dimensions)) == METER_OK)
		code = meter__store_scan_samples(r, number, series, dimensions, from_us, from_us, find_first, out);
	return code == METER_EEND ? METER_OK : code;
}

/* ---- values over time, from events ---- */

static int add_sample_event(const struct stored_event *stored, void *user)
{
	struct collector *c = user;
	struct bucket key = {.subscription = stored->subscription,
	                     .start = stored->event.timestamp_us,
	                     .aggregation = meter__aggregate_stored(c->request->meter)};
	struct aggregate value;
	int code = measure_event(c, stored, &value, &key.dimensions);
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	return meter__buckets_add(&c->samples, LEVEL_MINUTE, &key, &value);
}

static int compare_samples(const void *left, const void *right)
{
	const struct bucket *a = left, *b = right;
	if (a->subscription != b->subscription)
		return (a->subscription > b->subscription) - (a->subscription < b->subscription);
	if (a->dimensions != b->dimensions)
		return (a->dimensions > b->dimensions) - (a->dimensions < b->dimensions);
	return (a->start > b->start) - (a->start < b->start);
}

/* The samples of one series, of which the last value before the range is the first that matters. */
static int add_series(struct series *s, const struct bucket *rows, size_t count)
{
	const int64_t range_us = s->collector->request->range.from_us;
	size_t first = 0, before = SIZE_MAX;
	int code = METER_OK;
	for (; first < count && rows[first].start <= range_us; first++)
		before = rows[first].sum.events > 0 ? first : before;
	if (before != SIZE_MAX)
		code = add_sample(&rows[before], s);
	for (size_t i = first; i < count && code == METER_OK; i++)
		code = add_sample(&rows[i], s);
	return code == METER_OK ? hold_until(s, s->collector->request->range.to_us) : code;
}

/* A gauge that is counted no more, or as it was known at some time. The value that it begins with may be of any age. */
static int collect_weighted_events(struct collector *c)
{
	const struct usage_request *q = c->request;
	int code = meter__store_scan_events(c->reader, q->subscription, meter__slice_of(q->meter->event_type), 0, q->range.to_us,
	                                    add_sample_event, c);
	if (code != METER_OK || c->samples.count == 0)
		return code;
	qsort(c->samples.rows, c->samples.count, sizeof(*c->samples.rows), compare_samples);
	for (size_t i = 0, end; i < c->samples.count && code == METER_OK; i = end) {
		const struct bucket *first = &c->samples.rows[i];
		struct series s = {.collector = c, .subscription = first->subscription, .dimensions = first->dimensions};
		for (end = i + 1; end < c->samples.count; end++) {
			if (c->samples.rows[end].subscription != first->subscription ||
			    c->samples.rows[end].dimensions != first->dimensions)
				break;
		}
		code = add_series(&s, first, end - i);
	}
	return code;
}

static enum level coarsest_level(int32_t by)
{
	switch (by) {
	case METER_BY_MINUTE:
		return LEVEL_MINUTE;
	case METER_BY_HOUR:
		return LEVEL_HOUR;
	default:
		return LEVEL_DAY;
	}
}

/* ---- the result ---- */

static int copy_group(char **values, const struct property *properties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!properties[i].value.data)
			continue;
		values[i] = meter__copy(properties[i].value);
		if (!values[i])
			return meter__fail(METER_ENOMEM, "no memory for a group");
	}
	return METER_OK;
}

static int copy_groups(struct usage_set *out, struct collector *c)
{
	out->group_by_count = c->request->group_by_count;
	out->values = calloc(c->groups.count ? c->groups.count : 1, sizeof(*out->values));
	if (!out->values)
		return meter__fail(METER_ENOMEM, "no memory for groups");
	for (size_t i = 0; i < c->groups.count; i++) {
		char **values = calloc(out->group_by_count + 1, sizeof(*values));
		if (!values)
			return meter__fail(METER_ENOMEM, "no memory for a group");
		out->values[out->group_count++] = values;
		struct slice text = meter__intern_text(&c->groups, i);
		struct property properties[METER_DIMENSIONS_MAX];
		size_t count = 0;
		int code = meter__properties_read(properties, METER_DIMENSIONS_MAX, &count, &c->scratch, text.data, text.size);
		if (code == METER_OK)
			code = copy_group(values, properties, count);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

static int copy_rows(struct usage_set *out, const struct collector *c)
{
	const struct usage_request *q = c->request;
	out->rows = malloc((c->sums.count ? c->sums.count : 1) * sizeof(*out->rows));
	if (!out->rows)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	for (size_t i = 0; i < c->sums.count; i++) {
		const struct bucket *sum = &c->sums.rows[i];
		struct period period = q->by == METER_BY_TOTAL ? q->range : meter__period_of(q->by, sum->start);
		out->rows[out->count++] = (struct usage_row){.period = meter__period_intersect(period, q->range),
		                                             .subscription = sum->subscription,
		                                             .values = (const char *const *)out->values[sum->dimensions],
		                                             .sum = sum->sum};
	}
	return METER_OK;
}

/* ---- usage as it was known at some time ---- */

/* Minutes in which there may have been events, by their start. */
struct minute_list {
	int64_t *starts;
	size_t count, capacity;
};

static int add_minute(int64_t timestamp_us, void *user)
{
	struct minute_list *list = user;
	const int64_t start = meter__floor_div(timestamp_us, US_PER_MINUTE) * US_PER_MINUTE;
	if (list->count == list->capacity) {
		const size_t capacity = list->capacity ? list->capacity * 2 : 64;
		int64_t *starts = realloc(list->starts, capacity * sizeof(*starts));
		if (!starts)
			return meter__fail(METER_ENOMEM, "no memory for usage");
		list->starts = starts;
		list->capacity = capacity;
	}
	list->starts[list->count++] = start;
	return METER_OK;
}

static int compare_starts(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

/* Minutes that have usage now, by way of the hours that do: a range has few of them, and many minutes. */
static int add_minutes(struct reader *r, const struct usage_request *now, struct minute_list *list)
{
	struct usage_request below = *now;
	struct usage_set set;
	int code = meter__usage_collect(&set, r, now);
	if (code != METER_OK)
		return code;
	below.by = METER_BY_MINUTE;
	for (size_t i = 0; i < set.count && code == METER_OK; i++) {
		below.range = set.rows[i].period;
		code = now->by == METER_BY_MINUTE ? add_minute(below.range.from_us, list) : add_minutes(r, &below, list);
	}
	meter__usage_set_free(&set);
	return code;
}

int meter__usage_had(struct reader *r, const struct usage_request *request, usage_minute_visitor visit, void *user)
{
	struct usage_request now = *request;
	struct minute_list list = {.starts = NULL};
	int64_t last = INT64_MIN;
	now.ingest_max = 0;
	now.by = METER_BY_HOUR;
	now.group_by_count = 0;
	int code = add_minutes(r, &now, &list);
	/* What was taken back since then is in no bucket any more. */
	if (code == METER_OK)
		code = meter__store_retracted(r, request->subscription, request->range.from_us, request->range.to_us,
		                              request->ingest_max, add_minute, &list);
	if (list.count > 0)
		qsort(list.starts, list.count, sizeof(*list.starts), compare_starts);
	for (size_t i = 0; i < list.count && code == METER_OK; i++) {
		if (list.starts[i] == last)
			continue;
		last = list.starts[i];
		code = visit(meter__period_intersect((struct period){last, last + US_PER_MINUTE}, request->range), user);
	}
	free(list.starts);
	return code;
}

static int collect_minute(struct period minute, void *user)
{
	return collect_range(user, -1, minute.from_us, minute.to_us);
}

static int collect(struct collector *c)
{
	int code;
	if (c->request->meter->aggregation == AGGREGATION_TIME_WEIGHTED)
		return c->meter_number ? collect_weighted(c) : collect_weighted_events(c);
	if (c->request->ingest_max > 0 && c->is_counted) {
		code = meter__usage_had(c->reader, c->request, collect_minute, c);
	} else if (c->meter_number == 0) {
		code = collect_range(c, -1, c->request->range.from_us, c->request->range.to_us);
	} else {
		code = collect_buckets(c, coarsest_level(c->request->by));
		if (code == METER_OK)
			code = collect_late(c);
	}
	return code == METER_OK && c->request->meter->aggregation == AGGREGATION_UNIQUE_COUNT ? fold_members(c) : code;
}

int meter__usage_collect(struct usage_set *out, struct reader *r, const struct usage_request *request)
{
	*out = (struct usage_set){0};
	struct collector c = {.reader = r, .request = request};
	c.sums.seed = c.samples.seed = c.dimensions.seed = c.groups.seed = c.members.seed = c.local.seed = meter__os.random();
	int code = meter__store_meter(r, &c.meter_number, request->meter);
	c.is_counted = c.meter_number != 0;
	if (request->ingest_max > 0)
		c.meter_number = 0;
	if (code == METER_OK)
		code = collect(&c);
	if (code == METER_OK)
		code = copy_groups(out, &c);
	if (code == METER_OK)
		code = copy_rows(out, &c);
	if (code != METER_OK)
		meter__usage_set_free(out);
	meter__buckets_free(&c.sums);
	meter__buckets_free(&c.samples);
	meter__intern_free(&c.dimensions);
	meter__intern_free(&c.groups);
	meter__intern_free(&c.members);
	meter__intern_free(&c.local);
	free(c.group_of);
	meter__buffer_free(&c.text);
	meter__buffer_free(&c.scratch);
	meter__buffer_free(&c.key);
	return code;
}

void meter__usage_set_free(struct usage_set *set)
{
	for (size_t i = 0; i < set->group_count; i++) {
		for (size_t j = 0; j < set->group_by_count; j++)
			free(set->values[i][j]);
		free(set->values[i]);
	}
	free(set->values);
	free(set->rows);
	*set = (struct usage_set){0};
}
