/*
 * verify_group.c - see verify.h: exact sums by key, merged and compared without aggregate.c and bucket.c.
 *
 * Sums are 128-bit integers with a scale that only grows; they are compared by value, so 1.50 equals 1.5.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "verify.h"

/* ---- tallies ---- */

static bool raise_by(int128 *n, int32_t digits)
{
	for (; digits > 0; digits--) {
		if (__builtin_mul_overflow(*n, (int128)10, n))
			return false;
	}
	return true;
}

static int compare_values(int128 a, int32_t a_scale, int128 b, int32_t b_scale)
{
	bool fits = a_scale < b_scale ? raise_by(&a, b_scale - a_scale) : raise_by(&b, a_scale - b_scale);
	if (!fits) /* the one that was raised is the larger one */
		return a_scale < b_scale ? (a > 0 ? 1 : -1) : (b > 0 ? -1 : 1);
	return (a > b) - (a < b);
}

static void add(struct tally *t, int128 coefficient, int32_t scale)
{
	if (scale > t->scale) {
		t->is_overflow |= !raise_by(&t->coefficient, scale - t->scale) || !raise_by(&t->negative, scale - t->scale);
		t->scale = scale;
	} else if (scale < t->scale) {
		t->is_overflow |= !raise_by(&coefficient, t->scale - scale);
	}
	t->is_overflow |= __builtin_add_overflow(t->coefficient, coefficient, &t->coefficient);
	if (coefficient < 0)
		t->is_overflow |= __builtin_add_overflow(t->negative, coefficient, &t->negative);
}

static void choose(struct tally *t, enum aggregation aggregation, bool is_first, int128 coefficient, int32_t scale, int64_t at_us)
{
	bool is_chosen = is_first;
	if (!is_first && aggregation == AGGREGATION_LATEST && at_us != t->at_us) {
		is_chosen = at_us > t->at_us;
	} else if (!is_first) {
		int order = compare_values(coefficient, scale, t->coefficient, t->scale);
		is_chosen = aggregation == AGGREGATION_MIN ? order < 0 : order > 0;
	}
	if (!is_chosen)
		return;
	t->coefficient = coefficient;
	t->scale = scale;
	t->at_us = at_us;
}

static void merge_value(struct tally *t, enum aggregation aggregation, bool is_first, int128 coefficient, int32_t scale,
                        int64_t at_us)
{
	switch (aggregation) {
	case AGGREGATION_COUNT:
	case AGGREGATION_SUM:
	case AGGREGATION_AVG:
	case AGGREGATION_UNIQUE_COUNT:
		add(t, coefficient, scale);
		break;
	case AGGREGATION_MIN:
	case AGGREGATION_MAX:
	case AGGREGATION_LATEST:
	case AGGREGATION_TIME_WEIGHTED: /* samples: the larger of one time */
		choose(t, aggregation, is_first, coefficient, scale, at_us);
		break;
	}
}

void meter__tally_event(struct tally *t, enum aggregation aggregation, int64_t coefficient, int32_t scale, int64_t at_us)
{
	merge_value(t, aggregation, t->events == 0, coefficient, scale, at_us);
	t->events++;
}

void meter__tally_merge(struct tally *t, enum aggregation aggregation, const struct tally *more)
{
	t->is_unreadable |= more->is_unreadable;
	t->is_overflow |= more->is_overflow;
	if (more->events > 0)
		merge_value(t, aggregation, t->events == 0, more->coefficient, more->scale, more->at_us);
	t->is_unreadable |= __builtin_add_overflow(t->events, more->events, &t->events);
	t->is_unreadable |= __builtin_add_overflow(t->unmeasured, more->unmeasured, &t->unmeasured);
}

struct tally meter__tally_of(const struct raw_bucket *row)
{
	return (struct tally){.events = row->events,
	                      .unmeasured = row->unmeasured,
	                      .coefficient = row->value.coefficient,
	                      .scale = row->value.scale,
	                      .at_us = row->at_us,
	                      .is_overflow = row->is_overflow,
	                      .is_unreadable = !row->is_readable};
}

bool meter__tally_is_empty(const struct tally *t)
{
	return t->events == 0 && t->unmeasured == 0 && !t->is_unreadable;
}

/* Whether a sum may have passed 38 digits on its way, in the order in which it was made. */
static bool may_overflow(const struct tally *t)
{
	int128 limit = 1;
	(void)raise_by(&limit, 38);
	return t->is_overflow || t->coefficient - t->negative >= limit || t->negative <= -limit;
}

bool meter__tally_equal(enum aggregation aggregation, const struct tally *expected, const struct tally *found)
{
	if (expected->is_unreadable || found->is_unreadable || expected->events != found->events ||
	    expected->unmeasured != found->unmeasured)
		return false;
	if (expected->events == 0)
		return true;
	if (found->is_overflow || expected->is_overflow)
		return may_overflow(expected);
	if (aggregation == AGGREGATION_LATEST && expected->at_us != found->at_us)
		return false;
	return compare_values(expected->coefficient, expected->scale, found->coefficient, found->scale) == 0;
}

static void write_value(struct buffer *out, const struct tally *t)
{
	struct decimal value = {t->coefficient, t->scale};
	char text[DECIMAL_TEXT_SIZE];
	while (value.scale > 0 && value.coefficient % 10 == 0) {
		value.coefficient /= 10;
		value.scale--;
	}
	if (t->is_overflow || value.scale > DECIMAL_SCALE_MAX) {
		meter__buffer_text(out, "overflow");
		return;
	}
	meter__decimal_format(text, value);
	meter__buffer_text(out, text);
}

void meter__tally_write(struct buffer *out, enum aggregation aggregation, const struct tally *t)
{
	if (t->is_unreadable) {
		meter__buffer_text(out, "unreadable");
		return;
	}
	if (meter__tally_is_empty(t)) {
		meter__buffer_text(out, "nothing");
		return;
	}
	meter__buffer_format(out, "%lld event%s", (long long)t->events, t->events == 1 ? "" : "s");
	if (t->unmeasured > 0)
		meter__buffer_format(out, ", %lld unmeasured", (long long)t->unmeasured);
	if (t->events == 0)
		return;
	meter__buffer_text(out, ", value ");
	write_value(out, t);
	if (aggregation == AGGREGATION_LATEST)
		meter__buffer_format(out, " at %lld us", (long long)t->at_us);
}

/* ---- groups ---- */

static size_t slot_of(const struct groups *g, uint32_t index, int64_t subscription, int64_t dimensions, int64_t start)
{
	uint64_t h = g->seed ^ (uint64_t)subscription * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29) + (uint64_t)dimensions * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 32) + ((uint64_t)start + index) * UINT64_C(0x94d049bb133111eb);
	h ^= h >> 31;
	size_t mask = g->capacity * 2 - 1, at = (size_t)h & mask;
	while (g->slots[at] != 0) {
		const struct group *row = &g->rows[g->slots[at] - 1];
		if (row->dimensions == dimensions && row->subscription == subscription && row->meter == index &&
		    row->start == start)
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static bool grow(struct groups *g)
{
	size_t capacity = g->capacity ? g->capacity * 2 : 256;
	struct group *rows = realloc(g->rows, capacity * sizeof(*rows));
	if (rows)
		g->rows = rows;
	uint32_t *slots = rows ? calloc(capacity * 2, sizeof(*slots)) : NULL;
	if (!slots)
		return false;
	free(g->slots);
	g->slots = slots;
	g->capacity = capacity;
	for (size_t i = 0; i < g->count; i++) {
		struct group *row = &rows[i];
		row->slot = (uint32_t)slot_of(g, row->meter, row->subscription, row->dimensions, row->start);
		slots[row->slot] = (uint32_t)(i + 1);
	}
	return true;
}

struct group *meter__groups_find(struct groups *g, uint32_t index, int64_t subscription, int64_t dimensions, int64_t start)
{
	if (g->count == g->capacity && !grow(g)) {
		(void)meter__fail(METER_ENOMEM, "no memory for sums");
		return NULL;
	}
	size_t at = slot_of(g, index, subscription, dimensions, start);
	if (g->slots[at] == 0) {
		g->rows[g->count] = (struct group){.subscription = subscription,
		                                   .dimensions = dimensions,
		                                   .start = start,
		                                   .meter = index,
		                                   .slot = (uint32_t)at};
		g->slots[at] = (uint32_t)++g->count;
	}
	return &g->rows[g->slots[at] - 1];
}

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_groups(const void *left, const void *right)
{
	const struct group *a = *(struct group *const *)left, *b = *(struct group *const *)right;
	int order = compare_int(a->meter, b->meter);
	if (order == 0)
		order = compare_int(a->subscription, b->subscription);
	if (order == 0)
		order = compare_int(a->start, b->start);
	return order ? order : compare_int(a->dimensions, b->dimensions);
}

int meter__groups_sort(struct groups *g)
{
	struct group **order = realloc(g->order, (g->count ? g->count : 1) * sizeof(struct group *));
	if (!order)
		return meter__fail(METER_ENOMEM, "no memory for sums");
	g->order = order;
	for (size_t i = 0; i < g->count; i++)
		order[i] = &g->rows[i];
	qsort(order, g->count, sizeof(struct group *), compare_groups);
	return METER_OK;
}

/* Mostly there are few groups and many slots. */
void meter__groups_reset(struct groups *g)
{
	for (size_t i = 0; i < g->count; i++)
		g->slots[g->rows[i].slot] = 0;
	g->count = 0;
}

void meter__groups_free(struct groups *g)
{
	free(g->rows);
	free(g->slots);
	free(g->order);
	*g = (struct groups){0};
}
