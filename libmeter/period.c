/*
 * period.c - cutting time into minutes, hours, days and months of UTC. (pure)
 *
 * The periods of one kind tile time: each ends exactly where the next one starts. Only at the two ends of int64 is the last one
 * cut short.
 */
#include "period.h"

#include <assert.h>

#include "instant.h"
#include "meter.h"

/* n x unit; what lies outside of int64 becomes its end. */
static int64_t saturated(int64_t n, int64_t unit)
{
	int64_t us;

	return __builtin_mul_overflow(n, unit, &us) ? (n < 0 ? INT64_MIN : INT64_MAX) : us;
}

static struct period month_period(int32_t year, int32_t month)
{
	int64_t from = meter__days_from_civil(year, month, 1);
	int64_t to = month < 12 ? meter__days_from_civil(year, month + 1, 1) : meter__days_from_civil(year + 1, 1, 1);
	struct period p = {saturated(from, US_PER_DAY), saturated(to, US_PER_DAY)};

	return p;
}

static struct period unit_period(int64_t us, int64_t unit)
{
	int64_t n = meter__floor_div(us, unit);
	struct period p = {saturated(n, unit), saturated(n + 1, unit)};

	return p;
}

static struct period month_of(int64_t us)
{
	int32_t year, month, day;

	meter__civil_from_days(meter__floor_div(us, US_PER_DAY), &year, &month, &day);
	return month_period(year, month);
}

struct period meter__period_of(int32_t by, int64_t us)
{
	switch (by) {
	case METER_BY_MINUTE:
		return unit_period(us, US_PER_MINUTE);
	case METER_BY_HOUR:
		return unit_period(us, US_PER_HOUR);
	case METER_BY_DAY:
		return unit_period(us, US_PER_DAY);
	default:
		assert(by == METER_BY_MONTH);
		return month_of(us);
	}
}

struct period meter__period_intersect(struct period a, struct period b)
{
	struct period common = {a.from_us > b.from_us ? a.from_us : b.from_us, a.to_us < b.to_us ? a.to_us : b.to_us};

	if (common.to_us < common.from_us)
		common.to_us = common.from_us;
	return common;
}
