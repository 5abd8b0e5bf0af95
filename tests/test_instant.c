/* test_instant.c - times in every format: the last valid and the first invalid one, and what the message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "instant.h"
#include "meter.h"

#define WITH_ZONE "a time with a zone was expected, like 2026-01-31T23:59:59Z"
#define ANY_TIME "a time was expected, like 2026-01-31T23:59:59Z"
#define RANGE "a time within 1970 to 9999 was expected"
#define TOO_FINE "finer than a microsecond: digits beyond must be 0"

static void assert_i64(int64_t actual, int64_t expected, const char *why)
{
	if (actual != expected)
		fail_msg("%s: %lld is not %lld", why, (long long)actual, (long long)expected);
}

/* 2026-01-31T23:59:59Z, counted by hand: 20484 days and 86399 seconds. */
#define BASE INT64_C(1769903999000000)

static void test_accepted(void **state)
{
	static const struct {
		const char *text;
		int32_t format;
		int64_t expected;
	} cases[] = {
		{"1970-01-01T00:00:00Z", METER_TIME_RFC3339, 0},
		{"9999-12-31T23:59:59.999999Z", METER_TIME_RFC3339, INSTANT_MAX},
		{"2026-01-31T23:59:59Z", METER_TIME_RFC3339, BASE},
		{"2026-01-31t23:59:59z", METER_TIME_RFC3339, BASE},
		{"2026-01-31 23:59:59Z", METER_TIME_RFC3339, BASE},
		{"2026-01-31 23:59:59+00:00", METER_TIME_RFC3339, BASE},
		{"2026-01-31T23:59:59-00:00", METER_TIME_RFC3339, BASE},
		{"2026-01-31T23:59:59.1Z", METER_TIME_RFC3339, BASE + 100000},
		{"2026-01-31T23:59:59.123Z", METER_TIME_RFC3339, BASE + 123000},
		{"2026-01-31T23:59:59.000001Z", METER_TIME_RFC3339, BASE + 1},
		{"2026-01-31T23:59:59.1234560Z", METER_TIME_RFC3339, BASE + 123456},
		{"2026-01-31T23:59:59.123456000000000000000000Z", METER_TIME_RFC3339, BASE + 123456},
		{"2026-02-01T13:59:59+14:00", METER_TIME_RFC3339, BASE},
		{"2026-01-31T11:59:59-12:00", METER_TIME_RFC3339, BASE},
		{"2026-02-01T05:29:59+05:30", METER_TIME_RFC3339, BASE},
		{"2026-02-01T23:58:59+23:59", METER_TIME_RFC3339, BASE},
		{"2026-01-31T00:00:59-23:59", METER_TIME_RFC3339, BASE},
		{"1969-12-31T23:30:00-01:00", METER_TIME_RFC3339, 30 * US_PER_MINUTE},
		{"9999-12-31T23:59:59+00:01", METER_TIME_RFC3339, INSTANT_MAX - 60 * US_PER_SECOND - 999999},
		{"2024-02-29T00:00:00Z", METER_TIME_RFC3339, INT64_C(1709164800000000)},
		{"2000-02-29T00:00:00Z", METER_TIME_RFC3339, INT64_C(951782400000000)},
		{"2026-01-31T23:59:59", METER_TIME_UTC, BASE},
		{"2026-01-31 23:59:59.1230000", METER_TIME_UTC, BASE + 123000},
		{"2026-01-31T23:59:59Z", METER_TIME_UTC, BASE},
		{"2026-02-01T00:59:59+01:00", METER_TIME_UTC, BASE},
		{"0", METER_TIME_S, 0},
		{"1723560031", METER_TIME_S, INT64_C(1723560031000000)},
		{"1723560031.123456", METER_TIME_S, INT64_C(1723560031123456)},
		{"1723560031.5", METER_TIME_S, INT64_C(1723560031500000)},
		{"1723560031.1234560000", METER_TIME_S, INT64_C(1723560031123456)},
		{"0001723560031", METER_TIME_S, INT64_C(1723560031000000)},
		{"253402300799.999999", METER_TIME_S, INSTANT_MAX},
		{"1723560031123", METER_TIME_MS, INT64_C(1723560031123000)},
		{"1723560031123.456", METER_TIME_MS, INT64_C(1723560031123456)},
		{"253402300799999.999", METER_TIME_MS, INSTANT_MAX},
		{"1723560031123456", METER_TIME_US, INT64_C(1723560031123456)},
		{"1723560031123456.000", METER_TIME_US, INT64_C(1723560031123456)},
		{"253402300799999999", METER_TIME_US, INSTANT_MAX},
		{"1723560031123456000", METER_TIME_NS, INT64_C(1723560031123456)},
		{"1723560031123456000.0", METER_TIME_NS, INT64_C(1723560031123456)},
		{"253402300799999999000", METER_TIME_NS, INSTANT_MAX},
		{"0", METER_TIME_NS, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = -1;

		if (meter__instant_parse(&us, cases[i].text, strlen(cases[i].text), cases[i].format) != METER_OK)
			fail_msg("%s", meter_errmsg());
		assert_i64(us, cases[i].expected, cases[i].text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int32_t format;
		const char *expected;
	} cases[] = {
		{"", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00.5", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00ZZ", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00 Z", METER_TIME_RFC3339, WITH_ZONE},
		{" 2026-01-31T10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31  10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31_10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00.Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00,5Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00+01", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00+0100", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00+01:0", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00+01:000", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00+-1:00", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T10:00:00Europe", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-1-31T10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"20260131T100000Z", METER_TIME_RFC3339, WITH_ZONE},
		{"10000-01-01T00:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"-2026-01-31T10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-3xT10:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"2026-01-31T+1:00:00Z", METER_TIME_RFC3339, WITH_ZONE},
		{"1769939999", METER_TIME_RFC3339, WITH_ZONE},
		{"now", METER_TIME_UTC, ANY_TIME},
		{"2026-01-31T10:00:00 ", METER_TIME_UTC, ANY_TIME},
		{"1969-12-31T23:59:59.999999Z", METER_TIME_RFC3339, RANGE},
		{"0000-01-01T00:00:00Z", METER_TIME_RFC3339, RANGE},
		{"1970-01-01T00:59:59+01:00", METER_TIME_RFC3339, RANGE},
		{"9999-12-31T23:59:59-00:01", METER_TIME_RFC3339, RANGE},
		{"9999-12-31T23:59:00-00:01", METER_TIME_RFC3339, RANGE},
		{"2026-00-01T00:00:00Z", METER_TIME_RFC3339, "month 0 is not within 1 to 12"},
		{"2026-13-01T00:00:00Z", METER_TIME_RFC3339, "month 13 is not within 1 to 12"},
		{"2026-01-00T00:00:00Z", METER_TIME_RFC3339, "day 0 is not within 1 to 31"},
		{"2026-01-32T00:00:00Z", METER_TIME_RFC3339, "day 32 is not within 1 to 31"},
		{"2026-04-31T00:00:00Z", METER_TIME_RFC3339, "day 31 is not within 1 to 30"},
		{"2026-02-29T00:00:00Z", METER_TIME_RFC3339, "day 29 is not within 1 to 28"},
		{"2024-02-30T00:00:00Z", METER_TIME_RFC3339, "day 30 is not within 1 to 29"},
		{"2100-02-29T00:00:00Z", METER_TIME_RFC3339, "day 29 is not within 1 to 28"},
		{"2026-01-31T24:00:00Z", METER_TIME_RFC3339, "hour 24 is not within 0 to 23"},
		{"2026-01-31T23:60:00Z", METER_TIME_RFC3339, "minute 60 is not within 0 to 59"},
		{"2016-12-31T23:59:60Z", METER_TIME_RFC3339, "second 60 is not within 0 to 59"},
		{"2026-01-31T23:59:59.1234567Z", METER_TIME_RFC3339, TOO_FINE},
		{"2026-01-31T23:59:59.0000000000000001Z", METER_TIME_RFC3339, TOO_FINE},
		{"2026-01-31T23:59:59+24:00", METER_TIME_RFC3339, "offset +24:00 is not within -23:59 to +23:59"},
		{"2026-01-31T23:59:59-01:60", METER_TIME_RFC3339, "offset -01:60 is not within -23:59 to +23:59"},
		{"", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"-", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"+1", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{".5", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"1.", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"1.5.5", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"1.7e9", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"1723560031 ", METER_TIME_S, "seconds since 1970 were expected, in digits"},
		{"2026-01-31T23:59:59Z", METER_TIME_MS, "milliseconds since 1970 were expected, in digits"},
		{"x", METER_TIME_US, "microseconds since 1970 were expected, in digits"},
		{"x", METER_TIME_NS, "nanoseconds since 1970 were expected, in digits"},
		{"-1", METER_TIME_S, RANGE},
		{"253402300800", METER_TIME_S, RANGE},
		{"253402300800000", METER_TIME_MS, RANGE},
		{"253402300800000000", METER_TIME_US, RANGE},
		{"253402300800000000000", METER_TIME_NS, RANGE},
		{"9223372036854775808", METER_TIME_US, RANGE},
		{"340282366920938463463374607431768211457", METER_TIME_S, RANGE},
		{"1723560031.1234567", METER_TIME_S, TOO_FINE},
		{"1723560031123.4567", METER_TIME_MS, TOO_FINE},
		{"1723560031123456.1", METER_TIME_US, TOO_FINE},
		{"1723560031123456001", METER_TIME_NS, TOO_FINE},
		{"1723560031123456100", METER_TIME_NS, TOO_FINE},
		{"1723560031123456000.1", METER_TIME_NS, TOO_FINE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t us = -1;
		char expected[256];

		snprintf(expected, sizeof(expected), "\"%s\": %s", cases[i].text, cases[i].expected);
		if (meter__instant_parse(&us, cases[i].text, strlen(cases[i].text), cases[i].format) != METER_EINVAL)
			fail_msg("%s was accepted", cases[i].text);
		assert_string_equal(meter_errmsg(), expected);
		assert_i64(us, -1, "nothing is stored");
	}
}

static void test_unknown_format_is_refused(void **state)
{
	int64_t us;

	(void)state;
	assert_int_equal(meter__instant_parse(&us, "0", 1, METER_TIME_NS + 1), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "time format 6 is not within 0 to 5");
	assert_int_equal(meter__instant_parse(&us, "0", 1, -1), METER_EINVAL);
}

/* Every shorter start of a time, on the heap and without NUL: reading beyond shows under a sanitizer. */
static void test_no_byte_beyond_the_text_is_read(void **state)
{
	static const char text[] = "2026-01-31T23:59:59.123456+01:00";

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		char *copy = malloc(size + 1);
		int64_t us;
		int code;

		assert_non_null(copy);
		memcpy(copy + 1, text, size);
		code = meter__instant_parse(&us, copy + 1, size, METER_TIME_RFC3339);
		free(copy);
		assert_int_equal(code, size == sizeof(text) - 1 ? METER_OK : METER_EINVAL);
	}
}

static void test_a_mebibyte_of_digits(void **state)
{
	size_t size = 1024 * 1024;
	char *text = malloc(size);
	int64_t us;

	(void)state;
	assert_non_null(text);
	memset(text, '9', size);
	for (int32_t format = METER_TIME_RFC3339; format <= METER_TIME_NS; format++) {
		assert_int_equal(meter__instant_parse(&us, text, size, format), METER_EINVAL);
		assert_true(strlen(meter_errmsg()) <= 1000);
	}
	memset(text, '0', size);
	assert_int_equal(meter__instant_parse(&us, text, size, METER_TIME_NS), METER_OK);
	memcpy(text, "2026-01-31T23:59:59.", 20);
	text[size - 1] = 'Z';
	assert_int_equal(meter__instant_parse(&us, text, size, METER_TIME_RFC3339), METER_OK);
	assert_i64(us, BASE, "zeros behind the point");
	free(text);
}

static void test_format(void **state)
{
	static const struct {
		int64_t us;
		const char *expected;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{BASE, "2026-01-31T23:59:59Z"},
		{BASE + 100000, "2026-01-31T23:59:59.1Z"},
		{BASE + 123000, "2026-01-31T23:59:59.123Z"},
		{BASE + 1, "2026-01-31T23:59:59.000001Z"},
		{BASE + 999999, "2026-01-31T23:59:59.999999Z"},
		{INSTANT_MAX, "9999-12-31T23:59:59.999999Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{INSTANT_MAX + 1, "10000-01-01T00:00:00Z"},
		{INT64_C(-62135596800000001), "0000-12-31T23:59:59.999999Z"},
		{INT64_C(-62167219200000001), "-0001-12-31T23:59:59.999999Z"},
		{INT64_MAX, "294247-01-10T04:00:54.775807Z"},
		{INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[INSTANT_TEXT_SIZE];
		size_t size = meter__instant_format(text, cases[i].us);

		assert_string_equal(text, cases[i].expected);
		assert_int_equal(size, strlen(cases[i].expected));
	}
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void test_what_is_written_is_read_again(void **state)
{
	uint64_t seed = 20260131;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int64_t us = (int64_t)(next_random(&seed) % ((uint64_t)INSTANT_MAX + 1));
		char text[INSTANT_TEXT_SIZE];
		int64_t again;

		us -= i % 3 == 0 ? us % US_PER_SECOND : i % 3 == 1 ? us % 1000 : 0;
		assert_int_equal(meter__instant_parse(&again, text, meter__instant_format(text, us), METER_TIME_RFC3339),
		                 METER_OK);
		assert_i64(again, us, text);
	}
}

/* Counts every day of 400 years on both sides of 1970 by the rule for leap years alone. */
static void test_calendar_of_whole_eras(void **state)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days = meter__days_from_civil(1600, 1, 1);

	(void)state;
	assert_i64(days, -135140, "1600-01-01");
	for (int32_t year = 1600; year < 2401; year++) {
		bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

		for (int32_t month = 1; month <= 12; month++) {
			for (int32_t day = 1; day <= lengths[month - 1] + (month == 2 && is_leap); day++, days++) {
				int32_t y, m, d;

				meter__civil_from_days(days, &y, &m, &d);
				if (y != year || m != month || d != day || meter__days_from_civil(year, month, day) != days)
					fail_msg("%d-%02d-%02d", year, month, day);
			}
		}
	}
	assert_i64(meter__days_from_civil(1970, 1, 1), 0, "1970-01-01");
	assert_i64(meter__days_from_civil(9999, 12, 31), 2932896, "9999-12-31");
}

static void test_floor_div(void **state)
{
	static const struct {
		int64_t n, unit, expected;
	} cases[] = {
		{0, 10, 0},
		{9, 10, 0},
		{10, 10, 1},
		{-1, 10, -1},
		{-10, 10, -1},
		{-11, 10, -2},
		{INT64_MIN, 1, INT64_MIN},
		{INT64_MIN, INT64_MAX, -2},
		{INT64_MAX, INT64_MAX, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_i64(meter__floor_div(cases[i].n, cases[i].unit), cases[i].expected, "floor");
}

static void test_public_parse_and_format(void **state)
{
	char text[32];
	int64_t us = -1;

	(void)state;
	assert_int_equal(meter_time_parse(&us, "2026-01-31T23:59:59Z", METER_NUL_TERMINATED, METER_TIME_RFC3339), METER_OK);
	assert_i64(us, BASE, "NUL-terminated");
	assert_int_equal(meter_time_parse(&us, "17235600319", 10, METER_TIME_S), METER_OK);
	assert_i64(us, INT64_C(1723560031000000), "with a size");
	assert_int_equal(meter_time_parse(NULL, "0", 1, METER_TIME_S), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "out must not be NULL");
	assert_int_equal(meter_time_parse(&us, NULL, 1, METER_TIME_S), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "text must not be NULL");

	assert_int_equal(meter_time_format(text, sizeof(text), INT64_MIN), METER_OK);
	assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
	assert_int_equal(meter_time_format(text, 31, 0), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "room for 31 bytes: at least 32 were expected");
	assert_int_equal(meter_time_format(NULL, 32, 0), METER_EINVAL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unknown_format_is_refused),
		cmocka_unit_test(test_no_byte_beyond_the_text_is_read),
		cmocka_unit_test(test_a_mebibyte_of_digits),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_calendar_of_whole_eras),
		cmocka_unit_test(test_floor_div),
		cmocka_unit_test(test_public_parse_and_format),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("instant", tests, NULL, NULL);
}
