/* test_period.c - periods tile time: no gap, no overlap, months as long as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "instant.h"
#include "meter.h"
#include "period.h"

static int64_t at(const char *text)
{
	int64_t us;

	if (meter__instant_parse(&us, text, strlen(text), METER_TIME_RFC3339) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return us;
}

static void assert_i64(int64_t actual, int64_t expected, const char *why)
{
	if (actual != expected)
		fail_msg("%s: %lld is not %lld", why, (long long)actual, (long long)expected);
}

static void test_period_of(void **state)
{
	static const struct {
		int32_t by;
		const char *time;
		const char *from;
		const char *to;
	} cases[] = {
		{METER_BY_MINUTE, "2026-01-31T23:59:59.999999Z", "2026-01-31T23:59:00Z", "2026-02-01T00:00:00Z"},
		{METER_BY_MINUTE, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-01T00:01:00Z"},
		{METER_BY_HOUR, "2026-01-31T23:59:59.999999Z", "2026-01-31T23:00:00Z", "2026-02-01T00:00:00Z"},
		{METER_BY_HOUR, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z"},
		{METER_BY_DAY, "2024-02-28T23:59:59.999999Z", "2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z"},
		{METER_BY_DAY, "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{METER_BY_MONTH, "2026-01-31T23:59:59.999999Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{METER_BY_MONTH, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{METER_BY_MONTH, "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{METER_BY_MONTH, "2025-12-31T23:59:59Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"},
		{METER_BY_MONTH, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct period p = meter__period_of(cases[i].by, at(cases[i].time));

		assert_i64(p.from_us, at(cases[i].from), cases[i].time);
		assert_i64(p.to_us, at(cases[i].to), cases[i].time);
	}
}

/* lago-api#6173: clamped months overlapped or left gaps. Walks 8,030 years; each period must start where the last one ended. */
static void test_months_tile_all_of_time(void **state)
{
	int64_t us = 0;
	int count = 0;

	(void)state;
	while (us <= INSTANT_MAX) {
		struct period p = meter__period_of(METER_BY_MONTH, us);
		int64_t days = (p.to_us - p.from_us) / US_PER_DAY;

		assert_i64(p.from_us, us, "starts where the last one ended");
		assert_true(days >= 28 && days <= 31 && (p.to_us - p.from_us) % US_PER_DAY == 0);
		assert_i64(meter__period_of(METER_BY_MONTH, p.to_us - 1).from_us, p.from_us, "its last microsecond");
		us = p.to_us;
		count++;
	}
	assert_i64(us, INSTANT_MAX + 1, "no remainder");
	assert_int_equal(count, 8030 * 12);
}

static void test_any_time_lies_in_its_period(void **state)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -US_PER_DAY - 1, -US_PER_DAY,  -1, 0,
	                                1,         INSTANT_MAX,   INSTANT_MAX + 1, INT64_MAX - 1};

	(void)state;
	for (int32_t by = METER_BY_MINUTE; by <= METER_BY_MONTH; by++) {
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			struct period p = meter__period_of(by, times[i]);

			assert_true(p.from_us <= times[i] && times[i] < p.to_us);
		}
	}
	assert_i64(meter__period_of(METER_BY_HOUR, -1).from_us, -US_PER_HOUR, "before 1970 it is the hour before");
}

static void test_intersect(void **state)
{
	static const struct {
		struct period a, b, expected;
		const char *why;
	} cases[] = {
		{{10, 20}, {10, 20}, {10, 20}, "the same"},
		{{10, 20}, {12, 15}, {12, 15}, "inside"},
		{{10, 20}, {5, 15}, {10, 15}, "start"},
		{{10, 20}, {15, 25}, {15, 20}, "end"},
		{{10, 20}, {20, 30}, {20, 20}, "touching has nothing in common"},
		{{10, 20}, {21, 30}, {21, 21}, "after it"},
		{{10, 20}, {INT64_MIN, INT64_MAX}, {10, 20}, "all of time"},
		{{10, 20}, {19, 30}, {19, 20}, "by one"},
		{{10, 10}, {0, 30}, {10, 10}, "empty stays empty"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct period ab = meter__period_intersect(cases[i].a, cases[i].b);
		struct period ba = meter__period_intersect(cases[i].b, cases[i].a);

		assert_i64(ab.from_us, cases[i].expected.from_us, cases[i].why);
		assert_i64(ab.to_us, cases[i].expected.to_us, cases[i].why);
		assert_i64(ba.from_us, ab.from_us, cases[i].why);
		assert_i64(ba.to_us, ab.to_us, cases[i].why);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_period_of),
		cmocka_unit_test(test_months_tile_all_of_time),
		cmocka_unit_test(test_any_time_lies_in_its_period),
		cmocka_unit_test(test_intersect),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("period", tests, NULL, NULL);
}
