/*
 * instant.c - reading and writing times. (pure)
 *
 * A time is taken as it is written or refused: never rounded, never filled in, its unit never guessed. The calendar is computed,
 * because the one of libc depends on the environment (TZ) and on the locale.
 */
#include "instant.h"

#include <stdbool.h>
#include <string.h>

#include "decimal.h"
#include "error.h"
#include "meter.h"

#define DAYS_PER_ERA 146097 /* 400 years */

int64_t meter__floor_div(int64_t n, int64_t unit)
{
	return n / unit - (n % unit < 0);
}

/* Years start in March here, so that the leap day is the last one: the days before a month are then a formula. */
int64_t meter__days_from_civil(int32_t year, int32_t month, int32_t day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = meter__floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_PER_ERA + day_of_era - 719468;
}

void meter__civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day)
{
	int64_t era = meter__floor_div(days + 719468, DAYS_PER_ERA);
	int64_t day_of_era = days + 719468 - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted_month = (5 * day_of_year + 2) / 153;

	*day = (int32_t)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
	*month = (int32_t)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
	*year = (int32_t)(year_of_era + era * 400 + (*month <= 2));
}

static int32_t days_in_month(int32_t year, int32_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

/* The number that the count digits at text spell, or -1. */
static int32_t read_digits(const char *text, size_t count)
{
	int32_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

struct fields {
	int32_t year, month, day, hour, minute, second;
	int64_t fraction; /* in units of 10^-decimals */
	char offset_sign; /* '+', '-', or 0 when there is no offset */
	int32_t offset_hour, offset_minute;
	bool is_too_fine;
};

/*
 * The decimals after a point at text[*at]: the first count of them as a number. None at all is fine, a point without digits is
 * not. Sets *is_too_fine when a later one is not 0.
 */
static bool read_fraction(const char *text, size_t size, size_t *at, int32_t count, int64_t *out, bool *is_too_fine)
{
	size_t start = *at + 1;
	size_t end = start;

	*out = 0;
	*is_too_fine = false;
	if (*at < size && text[*at] == '.') {
		while (end < size && text[end] >= '0' && text[end] <= '9')
			end++;
		if (end == start)
			return false;
		*at = end;
	}
	for (int32_t i = 0; i < count; i++)
		*out = *out * 10 + (start + (size_t)i < end ? text[start + (size_t)i] - '0' : 0);
	for (size_t i = start + (size_t)count; i < end; i++)
		*is_too_fine |= text[i] != '0';
	return true;
}

/* Take text apart; false when it does not have the form of a time. Ranges are not looked at. */
static bool read_fields(struct fields *f, const char *text, size_t size, bool needs_zone)
{
	size_t at = 19; /* after the seconds */

	*f = (struct fields){0};
	if (size < at || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
	    (text[10] != 'T' && text[10] != 't' && text[10] != ' '))
		return false;
	f->year = read_digits(text, 4);
	f->month = read_digits(text + 5, 2);
	f->day = read_digits(text + 8, 2);
	f->hour = read_digits(text + 11, 2);
	f->minute = read_digits(text + 14, 2);
	f->second = read_digits(text + 17, 2);
	if (f->year < 0 || f->month < 0 || f->day < 0 || f->hour < 0 || f->minute < 0 || f->second < 0)
		return false;
	if (!read_fraction(text, size, &at, 6, &f->fraction, &f->is_too_fine))
		return false;
	if (at == size)
		return !needs_zone;
	if (text[at] == 'Z' || text[at] == 'z')
		return at + 1 == size;
	if ((text[at] != '+' && text[at] != '-') || at + 6 != size || text[at + 3] != ':')
		return false;
	f->offset_sign = text[at];
	f->offset_hour = read_digits(text + at + 1, 2);
	f->offset_minute = read_digits(text + at + 4, 2);
	return f->offset_hour >= 0 && f->offset_minute >= 0;
}

static int fail_range(const char *text, size_t size)
{
	return meter__fail_value(METER_EINVAL, text, size, "a time within 1970 to 9999 was expected");
}

static int fail_fine(const char *text, size_t size)
{
	return meter__fail_value(METER_EINVAL, text, size, "finer than a microsecond: digits beyond must be 0");
}

static int fail_field(const char *text, size_t size, const char *name, int32_t value, int32_t min, int32_t max)
{
	return meter__fail_value(METER_EINVAL, text, size, "%s %d is not within %d to %d", name, (int)value, (int)min, (int)max);
}

static int parse_calendar(int64_t *out, const char *text, size_t size, bool needs_zone)
{
	struct fields f;
	int64_t offset_us;
	int64_t us;

	if (!read_fields(&f, text, size, needs_zone))
		return meter__fail_value(METER_EINVAL, text, size, "a time%s was expected, like 2026-01-31T23:59:59Z",
		                         needs_zone ? " with a zone" : "");
	if (f.month < 1 || f.month > 12)
		return fail_field(text, size, "month", f.month, 1, 12);
	if (f.day < 1 || f.day > days_in_month(f.year, f.month))
		return fail_field(text, size, "day", f.day, 1, days_in_month(f.year, f.month));
	if (f.hour > 23)
		return fail_field(text, size, "hour", f.hour, 0, 23);
	if (f.minute > 59)
		return fail_field(text, size, "minute", f.minute, 0, 59);
	if (f.second > 59)
		return fail_field(text, size, "second", f.second, 0, 59);
	if (f.is_too_fine)
		return fail_fine(text, size);
	if (f.offset_hour > 23 || f.offset_minute > 59)
		return meter__fail_value(METER_EINVAL, text, size, "offset %c%02d:%02d is not within -23:59 to +23:59",
		                         f.offset_sign, (int)f.offset_hour, (int)f.offset_minute);

	offset_us = f.offset_hour * US_PER_HOUR + f.offset_minute * US_PER_MINUTE;
	us = meter__days_from_civil(f.year, f.month, f.day) * US_PER_DAY + f.hour * US_PER_HOUR + f.minute * US_PER_MINUTE +
	     f.second * US_PER_SECOND + f.fraction;
	us = f.offset_sign == '-' ? us + offset_us : us - offset_us;
	if (us < 0 || us > INSTANT_MAX)
		return fail_range(text, size);
	*out = us;
	return METER_OK;
}

/* Units since 1970, a unit being 10^exponent microseconds. */
static int parse_count(int64_t *out, const char *text, size_t size, int32_t exponent, const char *unit)
{
	const uint128 limit = (uint128)INSTANT_MAX * 1000; /* in the finest unit; more need not be told apart */
	bool is_too_fine;
	int64_t fraction;
	size_t at = 0;
	uint128 n = 0;

	if (size > 1 && text[0] == '-')
		return fail_range(text, size);
	for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
		uint64_t digit = (uint64_t)(text[at] - '0');

		if (n <= limit)
			n = n * 10 + digit;
	}
	if (at == 0 || !read_fraction(text, size, &at, exponent > 0 ? exponent : 0, &fraction, &is_too_fine) || at != size)
		return meter__fail_value(METER_EINVAL, text, size, "%s since 1970 were expected, in digits", unit);
	for (int32_t i = 0; i < exponent; i++)
		n *= 10;
	for (int32_t i = exponent; i < 0; i++) {
		is_too_fine |= n % 10 != 0;
		n /= 10;
	}
	n += (uint64_t)fraction;
	if (n > (uint128)INSTANT_MAX)
		return fail_range(text, size);
	if (is_too_fine)
		return fail_fine(text, size);
	*out = (int64_t)n;
	return METER_OK;
}

int meter__instant_parse(int64_t *out, const char *text, size_t size, int32_t format)
{
	switch (format) {
	case METER_TIME_RFC3339:
		return parse_calendar(out, text, size, true);
	case METER_TIME_UTC:
		return parse_calendar(out, text, size, false);
	case METER_TIME_S:
		return parse_count(out, text, size, 6, "seconds");
	case METER_TIME_MS:
		return parse_count(out, text, size, 3, "milliseconds");
	case METER_TIME_US:
		return parse_count(out, text, size, 0, "microseconds");
	case METER_TIME_NS:
		return parse_count(out, text, size, -3, "nanoseconds");
	default:
		return meter__fail(METER_EINVAL, "time format %d is not within 0 to 5", (int)format);
	}
}

/* n with at least count digits. */
static char *put_number(char *at, int64_t n, int count)
{
	char digits[20];
	int size = 0;

	while (n > 0 || size < count) {
		digits[size++] = (char)('0' + n % 10);
		n /= 10;
	}
	while (size > 0)
		*at++ = digits[--size];
	return at;
}

size_t meter__instant_format(char out[INSTANT_TEXT_SIZE], int64_t us)
{
	int64_t days = meter__floor_div(us, US_PER_DAY);
	int64_t rest = us % US_PER_DAY;
	int32_t year, month, day;
	char *at = out;

	if (rest < 0)
		rest += US_PER_DAY;
	meter__civil_from_days(days, &year, &month, &day);
	if (year < 0)
		*at++ = '-';
	at = put_number(at, year < 0 ? -year : year, 4);
	*at++ = '-';
	at = put_number(at, month, 2);
	*at++ = '-';
	at = put_number(at, day, 2);
	*at++ = 'T';
	at = put_number(at, rest / US_PER_HOUR, 2);
	*at++ = ':';
	at = put_number(at, rest / US_PER_MINUTE % 60, 2);
	*at++ = ':';
	at = put_number(at, rest / US_PER_SECOND % 60, 2);
	if (rest % US_PER_SECOND != 0) {
		*at++ = '.';
		at = put_number(at, rest % US_PER_SECOND, 6);
		while (at[-1] == '0')
			at--;
	}
	*at++ = 'Z';
	*at = '\0';
	return (size_t)(at - out);
}

int meter_time_parse(int64_t *out, const char *text, size_t size, int32_t format)
{
	if (out == NULL || text == NULL)
		return meter__fail(METER_EINVAL, "%s must not be NULL", out == NULL ? "out" : "text");
	return meter__instant_parse(out, text, size == METER_NUL_TERMINATED ? strlen(text) : size, format);
}

int meter_time_format(char *out, size_t size, int64_t time_us)
{
	if (out == NULL)
		return meter__fail(METER_EINVAL, "out must not be NULL");
	if (size < INSTANT_TEXT_SIZE)
		return meter__fail(METER_EINVAL, "room for %zu bytes: at least %d were expected", size, INSTANT_TEXT_SIZE);
	meter__instant_format(out, time_us);
	return METER_OK;
}
