/*
 * bucket.h - sums by (meter, subscription, dimensions, stretch of time), collected in memory before they go to the store. (pure)
 *
 * A hash table of aggregates and, from it, their order by the key the store keeps them under. All key parts are the store's
 * numbers.
 */
#ifndef METER_BUCKET_H
#define METER_BUCKET_H

#include "aggregate.h"
#include "sort.h"

/* Levels of buckets. Each has a table: rows are grouped by lead (so that writing touches few pages), then by start. */
enum level { LEVEL_MINUTE, LEVEL_HOUR, LEVEL_DAY, LEVEL_COUNT };

/* How long a bucket of the level is. */
extern const int64_t meter__level_us[LEVEL_COUNT];

/* start: minutes, hours or days since 1970. lead: the minute itself, the day of an hour, the month (202601) of a day. */
int64_t meter__level_start(enum level level, int64_t us);
int64_t meter__level_lead(enum level level, int64_t start);

struct bucket {
	int64_t lead;
	int64_t meter;
	int64_t subscription;
	int64_t start;
	int64_t dimensions;
	enum aggregation aggregation;
	bool is_sample; /* of a time_weighted meter: start is its time in microseconds, and it is kept as it is */
	struct aggregate sum;
};

/* Zero-initialised is empty, except seed. */
struct buckets {
	struct bucket *rows;             /* count of them, in order of arrival */
	struct sort_item *order, *spare; /* by meter__buckets_sort(): indices of rows */
	size_t order_capacity;
	size_t count;
	size_t capacity;
	uint32_t *slots; /* 1 + index into rows; 0: free */
	size_t slot_count;
	uint64_t seed; /* from meter__os.random: keys come from outside */
};

/* Set where the meter keeps what happened at us: the minute, or for a sample the time itself; and how it merges. */
void meter__bucket_place(struct bucket *key, const struct meter_definition *meter, int64_t us);

/* The row with this key (lead is derived), added with an empty sum if it is new. METER_OK or METER_ENOMEM. */
int meter__buckets_find(struct buckets *b, enum level level, const struct bucket *key, size_t *index_out);
/* Merge into that row. METER_OK or METER_ENOMEM. */
int meter__buckets_add(struct buckets *b, enum level level, const struct bucket *key, const struct aggregate *more);
/* Make buckets of one level those of a coarser one. METER_OK or METER_ENOMEM. */
int meter__buckets_coarsen(struct buckets *b, enum level from, enum level to);
/* Make order that of (lead, meter, subscription, start, dimensions). METER_OK or METER_ENOMEM. */
int meter__buckets_sort(struct buckets *b);
void meter__buckets_reset(struct buckets *b);
void meter__buckets_free(struct buckets *b);

#endif
