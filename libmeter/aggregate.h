/*
 * aggregate.h - what a meter makes of an event, and how such values add up. (pure)
 *
 * An aggregate is what a bucket holds. Merging is exact, commutative and associative, so that neither the order of arrival nor
 * the way time is cut into buckets can change a result.
 */
#ifndef METER_AGGREGATE_H
#define METER_AGGREGATE_H

#include "catalog.h"
#include "event.h"

struct aggregate {
	int64_t events;
	int64_t unmeasured;   /* events the meter covers but could not read; not counted in events */
	struct decimal value; /* of events > 0 */
	int64_t at_us;        /* latest: the timestamp of value; two events at one time: the larger value wins */
	bool is_overflow;     /* the value passed 38 digits: reading it gives METER_EOVERFLOW */
};

/*
 * How values of each aggregation add up. avg is a sum until it is read. unique_count is a count of events by distinct value, see
 * meter__aggregate_stored_dimensions(). time_weighted is a sum of value-seconds; what is stored of it are samples, of which at
 * one time the larger wins: AGGREGATION_MAX, see meter__aggregate_stored().
 */
void meter__aggregate_merge(enum aggregation aggregation, struct aggregate *into, const struct aggregate *more);

/* Merge one event: its value, which is that of an event (see meter__decimal_is_event_value), and its timestamp. */
void meter__aggregate_add(enum aggregation aggregation, struct aggregate *into, int64_t coefficient, int32_t scale,
                          int64_t at_us);

/*
 * What the meter counts of this event. METER_OK: *out has events 1 and the value. METER_EEND: not covered (other type, or
 * filtered out). METER_EINVAL: covered, but the value is missing or no decimal; the message says which property of which meter.
 */
int meter__aggregate_measure(struct aggregate *out, const struct meter_definition *meter, const struct event *e);

/* What a total comes to: of avg the sum by the number of events, rounded to 18 decimals. METER_OK, or METER_EOVERFLOW without a
 * message; 0 without events. */
int meter__aggregate_value(struct decimal *out, enum aggregation aggregation, const struct aggregate *total);

/* How stored buckets of the meter merge, which is not how totals do for time_weighted. */
enum aggregation meter__aggregate_stored(const struct meter_definition *meter);
/* Buckets of unique_count are kept by one dimension more, after the meter's own: the value itself. It has no name. */
size_t meter__aggregate_stored_dimensions(const struct meter_definition *meter);
struct slice meter__aggregate_stored_dimension(const struct meter_definition *meter, const struct event *e, size_t index);

/* The stored dimensions of this event as one JSON object in the meter's order, null where the property is missing; appended to
 * out. */
void meter__aggregate_dimensions(struct buffer *out, const struct meter_definition *meter, const struct event *e);

#endif
