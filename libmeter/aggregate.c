/*
 * aggregate.c - what a meter makes of an event, and how such values add up.
 *
 * Merging is exact, and the order of merging cannot change a value. The one thing that order can decide is whether a sum fails:
 * it does when a sum on the way passes 38 digits, even if later negative values would have brought it back. is_overflow then
 * sticks and value is zero, so a reader gets METER_EOVERFLOW and never a wrong number. It takes eleven events of the largest
 * value (9e18) together with one of 18 decimals to get there.
 */
#include "aggregate.h"

#include "error.h"

static int64_t add_counts(int64_t a, int64_t b, bool *is_overflow)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	*is_overflow = true;
	return INT64_MAX;
}

static void add_value(struct aggregate *into, const struct aggregate *more)
{
	if (into->is_overflow || meter__decimal_add(&into->value, into->value, more->value) != METER_OK) {
		into->is_overflow = true;
		into->value = DECIMAL_ZERO;
	}
}

/* Both have events. */
static bool is_replaced(enum aggregation aggregation, const struct aggregate *into, const struct aggregate *more)
{
	int order = meter__decimal_compare(more->value, into->value);

	if (aggregation == AGGREGATION_MIN)
		return order < 0;
	if (aggregation == AGGREGATION_LATEST && more->at_us != into->at_us)
		return more->at_us > into->at_us;
	return order > 0;
}

void meter__aggregate_merge(enum aggregation aggregation, struct aggregate *into, const struct aggregate *more)
{
	bool is_first = into->events == 0;

	into->is_overflow |= more->is_overflow;
	into->unmeasured = add_counts(into->unmeasured, more->unmeasured, &into->is_overflow);
	if (more->events == 0)
		return;
	into->events = add_counts(into->events, more->events, &into->is_overflow);
	switch (aggregation) {
	case AGGREGATION_COUNT:
		into->value = meter__decimal_from_int(into->events);
		break;
	case AGGREGATION_SUM:
	case AGGREGATION_AVG:
	case AGGREGATION_UNIQUE_COUNT:
	case AGGREGATION_TIME_WEIGHTED:
		add_value(into, more);
		break;
	case AGGREGATION_MIN:
	case AGGREGATION_MAX:
	case AGGREGATION_LATEST:
		if (is_first || is_replaced(aggregation, into, more)) {
			into->value = more->value;
			into->at_us = more->at_us;
		}
		break;
	}
}

/* An average has no exact decimal in general: it keeps this many decimals. */
#define AVERAGE_SCALE 18

int meter__aggregate_value(struct decimal *out, enum aggregation aggregation, const struct aggregate *total)
{
	*out = DECIMAL_ZERO;
	if (total->is_overflow)
		return METER_EOVERFLOW;
	if (total->events == 0)
		return METER_OK;
	*out = total->value;
	if (aggregation != AGGREGATION_AVG)
		return METER_OK;
	return meter__decimal_round_quotient(out, total->value, DECIMAL_ONE, meter__decimal_from_int(total->events),
	                                     AVERAGE_SCALE, ROUND_HALF_UP);
}

enum aggregation meter__aggregate_stored(const struct meter_definition *definition)
{
	return definition->aggregation == AGGREGATION_TIME_WEIGHTED ? AGGREGATION_MAX : definition->aggregation;
}

size_t meter__aggregate_stored_dimensions(const struct meter_definition *definition)
{
	return definition->dimension_count + (definition->aggregation == AGGREGATION_UNIQUE_COUNT);
}

static struct slice stored_name(const struct meter_definition *definition, size_t index)
{
	return meter__slice_of(index < definition->dimension_count ? definition->dimensions[index] : "");
}

struct slice meter__aggregate_stored_dimension(const struct meter_definition *definition, const struct event *e, size_t index)
{
	const char *name = index < definition->dimension_count ? definition->dimensions[index] : definition->value;
	return meter__event_property(e, meter__slice_of(name));
}

/* Far from 38 digits, so that a sum of integers this small needs no check. */
#define SMALL_SUM ((int128)1 << 100)

void meter__aggregate_add(enum aggregation aggregation, struct aggregate *into, int64_t coefficient, int32_t scale, int64_t at_us)
{
	/* Nearly every event there is: counted, or a sum of integers. */
	bool is_small = into->value.coefficient < SMALL_SUM && into->value.coefficient > -SMALL_SUM;
	if (!into->is_overflow && into->events < INT64_MAX && is_small && scale == 0 && into->value.scale == 0) {
		if (aggregation == AGGREGATION_COUNT) {
			into->value.coefficient = ++into->events;
			return;
		}
		if (aggregation == AGGREGATION_SUM || aggregation == AGGREGATION_AVG) {
			into->events++;
			into->value.coefficient += coefficient;
			return;
		}
	}
	struct aggregate one = {.events = 1, .value = {coefficient, scale}, .at_us = at_us};
	meter__aggregate_merge(aggregation, into, &one);
}

static bool is_allowed(const struct meter_filter *filter, struct slice value)
{
	size_t low = 0;
	size_t high = filter->value_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = meter__slice_compare(meter__slice_of(filter->values[middle]), value);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool is_covered(const struct meter_definition *definition, const struct event *e)
{
	if (!meter__slice_equal(meter__slice_of(definition->event_type), e->type))
		return false;
	for (size_t i = 0; i < definition->filter_count; i++) {
		struct slice value = meter__event_property(e, meter__slice_of(definition->filters[i].property));
		if (value.data == NULL || !is_allowed(&definition->filters[i], value))
			return false;
	}
	return true;
}

static int read_value(struct decimal *out, const struct meter_definition *definition, const struct event *e)
{
	struct slice text = meter__event_property(e, meter__slice_of(definition->value));

	if (text.data == NULL)
		return meter__fail(METER_EINVAL, "meter %s: property \"%s\" is missing", definition->key, definition->value);
	int result = meter__decimal_parse(out, text.data, text.size);
	if (result == METER_OK && !meter__decimal_is_event_value(*out))
		result = meter__fail_value(METER_EINVAL, text.data, text.size,
		                           "at most 18 decimals, all digits together within int64, were expected");
	if (result != METER_OK)
		return meter__fail_in(METER_EINVAL, "meter %s: property \"%s\": ", definition->key, definition->value);
	return METER_OK;
}

static int count_distinct(struct aggregate *out, const struct meter_definition *definition, const struct event *e)
{
	if (meter__event_property(e, meter__slice_of(definition->value)).data == NULL)
		return meter__fail(METER_EINVAL, "meter %s: property \"%s\" is missing", definition->key, definition->value);
	out->value = DECIMAL_ONE;
	return METER_OK;
}

int meter__aggregate_measure(struct aggregate *out, const struct meter_definition *definition, const struct event *e)
{
	int result = METER_OK;

	if (!is_covered(definition, e))
		return METER_EEND;
	*out = (struct aggregate){.events = 1, .value = e->value};
	if (definition->aggregation == AGGREGATION_COUNT)
		out->value = DECIMAL_ONE;
	else if (definition->aggregation == AGGREGATION_UNIQUE_COUNT)
		result = count_distinct(out, definition, e);
	else if (definition->value != NULL)
		result = read_value(&out->value, definition, e);
	if (definition->aggregation == AGGREGATION_LATEST)
		out->at_us = e->timestamp_us;
	return result;
}

void meter__aggregate_dimensions(struct buffer *out, const struct meter_definition *definition, const struct event *e)
{
	meter__buffer_char(out, '{');
	for (size_t i = 0; i < meter__aggregate_stored_dimensions(definition); i++) {
		struct slice name = stored_name(definition, i);
		struct slice value = meter__aggregate_stored_dimension(definition, e, i);
		if (i > 0)
			meter__buffer_char(out, ',');
		meter__buffer_json(out, name);
		meter__buffer_char(out, ':');
		if (value.data == NULL)
			meter__buffer_text(out, "null");
		else
			meter__buffer_json(out, value);
	}
	meter__buffer_char(out, '}');
}
