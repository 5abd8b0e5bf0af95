/*
 * period.h - stretches of time that tile it without gap or overlap: half-open [from, to). (pure)
 * Those of UTC that usage is shown by; cycle.h has those that are billed.
 */
#ifndef METER_PERIOD_H
#define METER_PERIOD_H

#include <stdint.h>

#include "buffer.h"

struct period {
	int64_t from_us; /* inclusive */
	int64_t to_us;   /* exclusive */
};

/* The minute, hour, day or month (METER_BY_...; METER_BY_TOTAL is refused by assert) in UTC that us lies in. */
struct period meter__period_of(int32_t by, int64_t us);

/* The common part; from_us == to_us when there is none. */
struct period meter__period_intersect(struct period a, struct period b);

#endif
