/*
 * bucket.c - see bucket.h. Called by the writer for each measured event (10^5 to 10^6 a second) and by readers for each row they
 * merge.
 */
#define XXH_INLINE_ALL
#include "bucket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "error.h"
#include "instant.h"

const int64_t meter__level_us[LEVEL_COUNT] = {US_PER_MINUTE, US_PER_HOUR, US_PER_DAY};

int64_t meter__level_start(enum level level, int64_t us)
{
	return meter__floor_div(us, meter__level_us[level]);
}

int64_t meter__level_lead(enum level level, int64_t start)
{
	if (level == LEVEL_MINUTE)
		return start;
	if (level == LEVEL_HOUR)
		return meter__floor_div(start, 24);
	int32_t year, month, day;
	meter__civil_from_days(start, &year, &month, &day);
	return (int64_t)year * 100 + month;
}

void meter__bucket_place(struct bucket *key, const struct meter_definition *definition, int64_t us)
{
	key->is_sample = definition->aggregation == AGGREGATION_TIME_WEIGHTED;
	key->start = key->is_sample ? us : meter__level_start(LEVEL_MINUTE, us);
	key->aggregation = meter__aggregate_stored(definition);
}

static uint64_t hash_key(const struct buckets *b, const struct bucket *key)
{
	int64_t parts[4] = {key->meter, key->subscription, key->start, key->dimensions};
	return XXH3_64bits_withSeed(parts, sizeof(parts), b->seed);
}

static bool same_key(const struct bucket *a, const struct bucket *b)
{
	return a->start == b->start && a->subscription == b->subscription && a->meter == b->meter &&
	       a->dimensions == b->dimensions;
}

/* The slot that holds key, or the free one where it belongs. */
static size_t find_slot(const struct buckets *b, const struct bucket *key)
{
	size_t mask = b->slot_count - 1;
	size_t at = (size_t)hash_key(b, key) & mask;
	while (b->slots[at] != 0 && !same_key(&b->rows[b->slots[at] - 1], key))
		at = (at + 1) & mask;
	return at;
}

/* Room for one more row, with at most half of the slots taken. */
static int grow(struct buckets *b)
{
	if (b->count < b->capacity)
		return METER_OK;
	size_t capacity = b->capacity ? b->capacity * 2 : 1024;
	struct bucket *rows = realloc(b->rows, capacity * sizeof(*rows));
	if (!rows)
		return meter__fail(METER_ENOMEM, "no memory for %zu buckets", capacity);
	b->rows = rows;
	uint32_t *slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return meter__fail(METER_ENOMEM, "no memory for %zu buckets", capacity);
	free(b->slots);
	b->slots = slots;
	b->slot_count = capacity * 2;
	b->capacity = capacity;
	for (size_t i = 0; i < b->count; i++)
		b->slots[find_slot(b, &b->rows[i])] = (uint32_t)(i + 1);
	return METER_OK;
}

int meter__buckets_find(struct buckets *b, enum level level, const struct bucket *key, size_t *index_out)
{
	int code = grow(b);
	if (code != METER_OK)
		return code;
	size_t slot = find_slot(b, key);
	if (b->slots[slot] == 0) {
		struct bucket *row = &b->rows[b->count++];
		*row = *key;
		row->lead = meter__level_lead(level, key->start);
		row->sum = (struct aggregate){0};
		b->slots[slot] = (uint32_t)b->count;
	}
	*index_out = b->slots[slot] - 1;
	return METER_OK;
}

int meter__buckets_add(struct buckets *b, enum level level, const struct bucket *key, const struct aggregate *more)
{
	size_t index;
	int code = meter__buckets_find(b, level, key, &index);
	if (code == METER_OK)
		meter__aggregate_merge(b->rows[index].aggregation, &b->rows[index].sum, more);
	return code;
}

int meter__buckets_coarsen(struct buckets *b, enum level from, enum level to)
{
	int64_t factor = meter__level_us[to] / meter__level_us[from];
	size_t count = b->count;
	int code = METER_OK;
	meter__buckets_reset(b);
	/* A row is read before anything is written over it: what was merged so far has no more rows than what was read. */
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		struct bucket row = b->rows[i];
		row.start = meter__floor_div(row.start, factor);
		code = meter__buckets_add(b, to, &row, &row.sum);
	}
	return code;
}

static int compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right, void *user)
{
	const struct bucket *rows = user;
	const struct bucket *a = &rows[((const struct sort_item *)left)->index];
	const struct bucket *b = &rows[((const struct sort_item *)right)->index];
	int order = compare_int(a->lead, b->lead);
	if (order == 0)
		order = compare_int(a->meter, b->meter);
	if (order == 0)
		order = compare_int(a->subscription, b->subscription);
	if (order == 0)
		order = compare_int(a->start, b->start);
	if (order == 0)
		order = compare_int(a->dimensions, b->dimensions);
	return order;
}

#define KEY_PARTS 5

static int64_t key_part(const struct bucket *row, int part)
{
	const int64_t parts[KEY_PARTS] = {row->lead, row->meter, row->subscription, row->start, row->dimensions};
	return parts[part];
}

/* The whole key in one integer with the same order, where the parts are close enough to each other; they nearly always are. */
static bool pack_keys(struct buckets *b)
{
	int64_t least[KEY_PARTS];
	int bits[KEY_PARTS], sum = 0;
	for (int part = 0; part < KEY_PARTS; part++) {
		int64_t greatest = INT64_MIN;
		least[part] = INT64_MAX;
		for (size_t i = 0; i < b->count; i++) {
			int64_t value = key_part(&b->rows[i], part);
			least[part] = value < least[part] ? value : least[part];
			greatest = value > greatest ? value : greatest;
		}
		uint64_t range = (uint64_t)greatest - (uint64_t)least[part];
		bits[part] = range == 0 ? 0 : 64 - __builtin_clzll(range);
		sum += bits[part];
	}
	if (sum > 63)
		return false;
	for (size_t i = 0; i < b->count; i++) {
		uint64_t key = 0;
		for (int part = 0; part < KEY_PARTS; part++)
			key = key << bits[part] | ((uint64_t)key_part(&b->rows[i], part) - (uint64_t)least[part]);
		b->order[i] = (struct sort_item){key, (uint32_t)i};
	}
	return true;
}

int meter__buckets_sort(struct buckets *b)
{
	if (b->order_capacity < b->capacity) {
		free(b->order);
		free(b->spare);
		b->order = malloc(b->capacity * sizeof(*b->order));
		b->spare = malloc(b->capacity * sizeof(*b->spare));
		b->order_capacity = b->order && b->spare ? b->capacity : 0;
		if (b->order_capacity == 0)
			return meter__fail(METER_ENOMEM, "no memory for %zu buckets", b->capacity);
	}
	if (b->count == 0)
		return METER_OK;
	if (pack_keys(b)) {
		meter__sort(&b->order, &b->spare, b->count);
		return METER_OK;
	}
	for (size_t i = 0; i < b->count; i++)
		b->order[i].index = (uint32_t)i;
	qsort_r(b->order, b->count, sizeof(*b->order), compare_rows, b->rows);
	return METER_OK;
}

void meter__buckets_reset(struct buckets *b)
{
	b->count = 0;
	if (b->slots)
		memset(b->slots, 0, b->slot_count * sizeof(*b->slots));
}

void meter__buckets_free(struct buckets *b)
{
	free(b->rows);
	free(b->order);
	free(b->spare);
	free(b->slots);
	*b = (struct buckets){0};
}
