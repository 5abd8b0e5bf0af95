/* usage.h - usage of one meter over a stretch of time, grouped: what queries show and invoices rate. */
#ifndef METER_USAGE_H
#define METER_USAGE_H

#include "store.h"

/* dimension == value; a value of NULL asks for events without the property. */
struct usage_where {
	size_t dimension;
	const char *value;
};

struct usage_request {
	const struct meter_definition *meter;
	int64_t subscription; /* its number; 0: all of them */
	bool by_subscription; /* a row per subscription */
	struct period range;
	int32_t by;             /* METER_BY_... */
	const size_t *group_by; /* indices of the meter's dimensions */
	size_t group_by_count;
	const struct usage_where *where;
	size_t where_count;
	int64_t ingest_max; /* only events stored up to this transaction, read one by one; 0: all there are */
};

struct usage_row {
	struct period period;      /* of the minute, hour ..., cut to the range */
	int64_t subscription;      /* 0: all */
	const char *const *values; /* one per group_by; NULL entry: events had no such property */
	struct aggregate sum;
};

struct usage_set {
	struct usage_row *rows; /* in no order */
	size_t count;
	char ***values; /* of the groups, owned */
	size_t group_count;
	size_t group_by_count;
};

/* METER_OK, METER_EIO, METER_ECORRUPT, METER_ENOMEM. Exact for any range: see meter_usage_query(). */
int meter__usage_collect(struct usage_set *out, struct reader *r, const struct usage_request *request);
/* Of a time_weighted meter: since when the oldest of the values holds that hold at from_us; from_us when none does. */
int meter__usage_held_since(struct reader *r, const struct meter_definition *counted, int64_t subscription, int64_t from_us,
                            int64_t *out);
/*
 * The minutes of the range, one after the other, in which there were events at any time since ingest_max, 0: ever: those that the
 * meter, which is counted, has usage of now, and those of events that were taken back since.
 */
typedef int (*usage_minute_visitor)(struct period minute, void *user);
int meter__usage_had(struct reader *r, const struct usage_request *request, usage_minute_visitor visit, void *user);
void meter__usage_set_free(struct usage_set *set);

#endif
