/*
 * period.c - cutting time into minutes, hours, days and months of UTC. (pure)
 *
 * The periods of one kind tile time: each ends exactly where the next one starts. Only at the two ends of int64 is the last one
 * cut short.
 */
#include "period.h"

#include <assert.h>

#include "error.h"
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

static int32_t two_digits(const char *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + (text[1] - '0');
}

int meter__period_parse(struct period *out, const char *text, size_t size)
{
	bool has_form = size == 7 && text[4] == '-';
	int32_t century = has_form ? two_digits(text) : -1;
	int32_t year = has_form ? two_digits(text + 2) : -1;
	int32_t month = has_form ? two_digits(text + 5) : -1;

	if (century < 0 || year < 0 || month < 0)
		return meter__fail_value(METER_EINVAL, text, size, "a month was expected, like 2026-01");
	year += century * 100;
	if (year < 1970)
		return meter__fail_value(METER_EINVAL, text, size, "a month within 1970 to 9999 was expected");
	if (month < 1 || month > 12)
		return meter__fail_value(METER_EINVAL, text, size, "month %d is not within 1 to 12", (int)month);
	*out = month_period(year, month);
	return METER_OK;
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
