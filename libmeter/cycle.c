/*
 * cycle.c - see cycle.h. Periods are numbered: number 0 starts at an anchor date, number n is n units from there.
 *
 * All dates are computed from the anchor and the number, never from the period before, so clamping to the end of a month does not
 * stick. The calendar is one more anchor: the first Monday or the first of January. Only at the end dates become instants, by the
 * zone. Where a zone skipped a day, a period of that day is empty, and none of the functions returns it.
 */
#include "cycle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "instant.h"

#define FIRST_MONDAY (-3) /* of the week of 1970-01-01, a Thursday */
#define YEAR_MIN 1970
#define YEAR_MAX 9999

/* ---- numbers and dates ---- */

static int32_t months_per_unit(enum cycle_unit unit)
{
	return unit == CYCLE_YEAR ? 12 : unit == CYCLE_QUARTER ? 3 : 1;
}

/* Months are counted from January of the year 0. */
static int64_t first_of_month(int64_t month)
{
	int64_t year = meter__floor_div(month, 12);

	return meter__days_from_civil((int32_t)year, (int32_t)(month - year * 12 + 1), 1);
}

static int64_t month_of(int64_t day, int32_t *day_of_month)
{
	int32_t year, month;

	meter__civil_from_days(day, &year, &month, day_of_month);
	return (int64_t)year * 12 + month - 1;
}

static int64_t anchor_day(const struct cycle *cycle)
{
	if (cycle->is_anniversary)
		return meter__zone_local_day(cycle->zone, cycle->anchor_us);
	return cycle->unit == CYCLE_WEEK ? FIRST_MONDAY : 0;
}

/* The date at which period n starts. */
static int64_t start_of(const struct cycle *cycle, int64_t n)
{
	int64_t anchor = anchor_day(cycle);
	int64_t month, day, next;
	int32_t day_of_month;

	if (cycle->unit == CYCLE_DAY)
		return anchor + n;
	if (cycle->unit == CYCLE_WEEK)
		return anchor + 7 * n;
	month = month_of(anchor, &day_of_month) + n * months_per_unit(cycle->unit);
	day = first_of_month(month) + day_of_month - 1;
	next = first_of_month(month + 1);
	return day < next ? day : next - 1;
}

/* The last period that starts on or before day. */
static int64_t number_of(const struct cycle *cycle, int64_t day)
{
	int64_t anchor = anchor_day(cycle);
	int32_t ignored;
	int64_t n;

	if (cycle->unit == CYCLE_DAY)
		return day - anchor;
	if (cycle->unit == CYCLE_WEEK)
		return meter__floor_div(day - anchor, 7);
	n = meter__floor_div(month_of(day, &ignored) - month_of(anchor, &ignored), months_per_unit(cycle->unit));
	return start_of(cycle, n) <= day ? n : n - 1;
}

/* ---- instants ---- */

static int64_t start_us(const struct cycle *cycle, int64_t n)
{
	return meter__zone_day_start(cycle->zone, start_of(cycle, n));
}

/*
 * The local date of us may be one that is over already, where clocks went back over midnight, and periods may be empty: hence the
 * steps, at most as many as clocks can go back days.
 */
static int64_t number_at(const struct cycle *cycle, int64_t us)
{
	int64_t n = number_of(cycle, meter__zone_local_day(cycle->zone, us));

	while (us < INT64_MAX && start_us(cycle, n + 1) <= us)
		n++;
	return n;
}

struct period meter__cycle_of(const struct cycle *cycle, int64_t us)
{
	int64_t n = number_at(cycle, us);
	struct period p = {start_us(cycle, n), start_us(cycle, n + 1)};

	return p;
}

struct period meter__cycle_next(const struct cycle *cycle, struct period p)
{
	return meter__cycle_of(cycle, p.to_us);
}

/* ---- names ---- */

/* The week belongs to the year that its Thursday lies in. */
static void week_of(int64_t monday, int32_t *year, int32_t *week)
{
	int32_t month, day;

	meter__civil_from_days(monday + 3, year, &month, &day);
	*week = (int32_t)((monday + 3 - meter__days_from_civil(*year, 1, 1)) / 7) + 1;
}

/* 4 January lies in week 1. */
static int64_t monday_of_week(int32_t year, int32_t week)
{
	int64_t day = meter__days_from_civil(year, 1, 4);

	return meter__floor_div(day - FIRST_MONDAY, 7) * 7 + FIRST_MONDAY + (int64_t)(week - 1) * 7;
}

/* What a text names: the local dates [from, to). */
struct range {
	const char *what; /* NULL: a date */
	int64_t from;
	int64_t to;
};

/* Whether text has the form of pattern, in which '0' stands for any digit. */
static bool has_form(const char *text, size_t size, const char *pattern)
{
	if (size != strlen(pattern))
		return false;
	for (size_t i = 0; i < size; i++)
		if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
			return false;
	return true;
}

static int32_t number(const char *text, size_t count)
{
	int32_t n = 0;

	for (size_t i = 0; i < count; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

static struct range months_from(const char *what, int32_t year, int32_t month, int32_t count)
{
	int64_t first = (int64_t)year * 12 + month - 1;
	struct range r = {what, first_of_month(first), first_of_month(first + count)};

	return r;
}

/* The number at text[at]; fails when it is not within 1 to max. */
static int read_part(int32_t *out, const char *text, size_t size, size_t at, size_t count, int64_t max, const char *what)
{
	*out = number(text + at, count);
	if (*out < 1 || *out > max)
		return meter__fail_value(METER_EINVAL, text, size, "%s %d is not within 1 to %d", what, (int)*out, (int)max);
	return METER_OK;
}

static int read_week(struct range *r, const char *text, size_t size, int32_t year)
{
	int64_t count = (monday_of_week(year + 1, 1) - monday_of_week(year, 1)) / 7;
	int32_t week;
	int rc = read_part(&week, text, size, 6, 2, count, "week");

	if (rc == METER_OK)
		*r = (struct range){"week", monday_of_week(year, week), monday_of_week(year, week) + 7};
	return rc;
}

static int read_quarter(struct range *r, const char *text, size_t size, int32_t year)
{
	int32_t quarter;
	int rc = read_part(&quarter, text, size, 6, 1, 4, "quarter");

	if (rc == METER_OK)
		*r = months_from("quarter", year, quarter * 3 - 2, 3);
	return rc;
}

static int read_month(struct range *r, const char *text, size_t size, int32_t year)
{
	int32_t month;
	int rc = read_part(&month, text, size, 5, 2, 12, "month");

	if (rc == METER_OK)
		*r = months_from("month", year, month, 1);
	return rc;
}

static int read_date(struct range *r, const char *text, size_t size, int32_t year)
{
	int rc = read_month(r, text, size, year);
	int32_t day;

	if (rc == METER_OK)
		rc = read_part(&day, text, size, 8, 2, r->to - r->from, "day");
	if (rc == METER_OK)
		*r = (struct range){NULL, r->from + day - 1, r->from + day};
	return rc;
}

static int read_range(struct range *r, const char *text, size_t size)
{
	bool is_week = has_form(text, size, "0000-W00");
	bool is_quarter = has_form(text, size, "0000-Q0");
	bool is_month = has_form(text, size, "0000-00");
	bool is_date = has_form(text, size, "0000-00-00");
	int32_t year;

	if (!is_week && !is_quarter && !is_month && !is_date && !has_form(text, size, "0000"))
		return meter__fail_value(METER_EINVAL, text, size,
		                         "a period was expected, like 2026, 2026-Q1, 2026-01, 2026-W03 or 2026-01-15");
	year = number(text, 4);
	if (year < YEAR_MIN)
		return meter__fail_value(METER_EINVAL, text, size, "a period within %d to %d was expected", YEAR_MIN, YEAR_MAX);
	if (is_week)
		return read_week(r, text, size, year);
	if (is_quarter)
		return read_quarter(r, text, size, year);
	if (is_month)
		return read_month(r, text, size, year);
	if (is_date)
		return read_date(r, text, size, year);
	*r = months_from("year", year, 1, 12);
	return METER_OK;
}

int meter__cycle_check(const char *text, size_t size)
{
	struct range range;

	return read_range(&range, text, size);
}

int meter__cycle_parse(struct period *out, const struct cycle *cycle, const char *text, size_t size)
{
	struct range range;
	int rc = read_range(&range, text, size);
	int64_t start;

	if (rc != METER_OK)
		return rc;
	start = range.from;
	if (range.what) {
		const int64_t first = number_of(cycle, range.from - 1) + 1;
		start = start_of(cycle, first);
		if (start >= range.to)
			return meter__fail_value(METER_ENOTFOUND, text, size, "no period starts in this %s", range.what);
		if (start_of(cycle, first + 1) < range.to)
			return meter__fail_value(METER_EINVAL, text, size, "several periods start in this %s", range.what);
	}
	*out = meter__cycle_of(cycle, meter__zone_day_start(cycle->zone, start));
	return METER_OK;
}

void meter__cycle_format(char out[CYCLE_TEXT_SIZE], const struct cycle *cycle, struct period p)
{
	int64_t start = start_of(cycle, number_at(cycle, p.from_us));
	char text[48] = ""; /* for any numbers; with those of a date it stays below CYCLE_TEXT_SIZE */
	int32_t year, month, day, week;

	meter__civil_from_days(start, &year, &month, &day);
	if (cycle->unit == CYCLE_DAY || (cycle->unit == CYCLE_WEEK && cycle->is_anniversary)) {
		snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
	} else if (cycle->unit == CYCLE_WEEK) {
		week_of(start, &year, &week);
		snprintf(text, sizeof(text), "%04d-W%02d", year, week);
	} else if (cycle->unit == CYCLE_MONTH || cycle->is_anniversary) {
		snprintf(text, sizeof(text), "%04d-%02d", year, month);
	} else if (cycle->unit == CYCLE_QUARTER) {
		snprintf(text, sizeof(text), "%04d-Q%d", year, (month + 2) / 3);
	} else {
		snprintf(text, sizeof(text), "%04d", year);
	}
	memcpy(out, text, CYCLE_TEXT_SIZE);
	out[CYCLE_TEXT_SIZE - 1] = '\0';
}

const char *meter__cycle_unit_name(enum cycle_unit unit)
{
	static const char *const names[] = {"day", "week", "month", "quarter", "year"};

	assert(unit >= CYCLE_DAY && unit <= CYCLE_YEAR);
	return names[unit];
}
