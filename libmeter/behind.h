/* behind.h - the usage behind a line of a bill: day by day, and the events that weigh most. */
#ifndef METER_BEHIND_H
#define METER_BEHIND_H

#include "rate_scope.h"
#include "usage.h"

struct behind_request {
	const struct charge *charge; /* it has a meter */
	const char *description;     /* of the line */
	int64_t subscription;        /* its number */
	struct period range;
	int64_t ingest_after; /* list only events that were stored after this transaction */
	int64_t ingest_max;   /* only events stored up to this one; 0: all there are, which buckets hold */
	size_t events_max;
};

enum behind_order { BEHIND_BY_TIME, BEHIND_BY_TIME_DOWN, BEHIND_BY_VALUE, BEHIND_BY_VALUE_DOWN };

struct behind_day {
	struct period period;
	struct aggregate sum;
};

struct behind_event {
	char *record;              /* encoded */
	struct aggregate measured; /* events 0: the meter cannot read it */
	int64_t ingest;
	int64_t timestamp_us;
};

/* Zero-initialised is empty. */
struct behind {
	bool is_from_buckets;
	struct aggregate total; /* unique_count with groups: of distinct values a day it is no sum, see value */
	struct decimal value;   /* what the total comes to */
	bool is_overflow;
	int64_t events; /* how many there are; of time_weighted: samples */
	struct behind_day *days;
	size_t day_count;
	struct behind_event *list;
	size_t list_count;
	enum behind_order order;
	bool is_exact;       /* no event that is not listed weighs more */
	struct buffer scope; /* which part of the charge's usage it is, in words; empty: all */
};

/* METER_OK, METER_EOVERFLOW, METER_EIO, METER_ECORRUPT, METER_ENOMEM. Free it in every case. */
int meter__behind(struct behind *out, struct reader *r, const struct behind_request *request);
void meter__behind_free(struct behind *behind);

#endif
