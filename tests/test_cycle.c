/*
 * test_cycle.c - billing cycles tile time, clamp from the anchor, and take back the names they give.
 *
 * A hundred years of awkward zones are compared with another implementation by tests/oracle/cycle_oracle.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycle.h"
#include "instant.h"
#include "support.h"

static struct zone *load(const char *name)
{
	struct zone *zone;

	if (meter__zone_load(&zone, name) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return zone;
}

static struct cycle calendar(enum cycle_unit unit, const struct zone *zone)
{
	return (struct cycle){.unit = unit, .zone = zone};
}

static struct cycle anniversary(enum cycle_unit unit, const struct zone *zone, const char *anchor)
{
	return (struct cycle){.unit = unit, .zone = zone, .is_anniversary = true, .anchor_us = us(anchor)};
}

static struct period parse(const struct cycle *cycle, const char *text)
{
	struct period p;

	if (meter__cycle_parse(&p, cycle, text, strlen(text)) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return p;
}

static void assert_period(struct period p, const char *from, const char *to, const char *why)
{
	char actual_from[INSTANT_TEXT_SIZE], actual_to[INSTANT_TEXT_SIZE];

	meter__instant_format(actual_from, p.from_us);
	meter__instant_format(actual_to, p.to_us);
	if (strcmp(actual_from, from) != 0 || strcmp(actual_to, to) != 0)
		fail_msg("%s: %s to %s is not %s to %s", why, actual_from, actual_to, from, to);
}

static void test_calendar(void **state)
{
	static const struct {
		enum cycle_unit unit;
		const char *time, *from, *to, *name;
	} cases[] = {
		{CYCLE_DAY, "2026-01-15T22:59:59.999999Z", "2026-01-14T23:00:00Z", "2026-01-15T23:00:00Z", "2026-01-15"},
		{CYCLE_DAY, "2026-01-15T23:00:00Z", "2026-01-15T23:00:00Z", "2026-01-16T23:00:00Z", "2026-01-16"},
		{CYCLE_DAY, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-29"},
		{CYCLE_WEEK, "2026-01-18T22:59:59Z", "2026-01-11T23:00:00Z", "2026-01-18T23:00:00Z", "2026-W03"},
		{CYCLE_WEEK, "2025-12-31T12:00:00Z", "2025-12-28T23:00:00Z", "2026-01-04T23:00:00Z", "2026-W01"},
		{CYCLE_WEEK, "2027-01-03T12:00:00Z", "2026-12-27T23:00:00Z", "2027-01-03T23:00:00Z", "2026-W53"},
		{CYCLE_WEEK, "1970-01-01T00:00:00Z", "1969-12-28T23:00:00Z", "1970-01-04T23:00:00Z", "1970-W01"},
		{CYCLE_MONTH, "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", "2026-03"},
		{CYCLE_QUARTER, "2026-03-31T21:59:59Z", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z", "2026-Q1"},
		{CYCLE_QUARTER, "2026-12-31T22:00:00Z", "2026-09-30T22:00:00Z", "2026-12-31T23:00:00Z", "2026-Q4"},
		{CYCLE_YEAR, "2025-12-31T23:00:00Z", "2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z", "2026"},
		{CYCLE_YEAR, "9999-06-01T00:00:00Z", "9998-12-31T23:00:00Z", "9999-12-31T23:00:00Z", "9999"},
	};
	struct zone *zone = load("Europe/Berlin");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cycle cycle = calendar(cases[i].unit, zone);
		struct period p = meter__cycle_of(&cycle, us(cases[i].time));
		char name[CYCLE_TEXT_SIZE];

		assert_period(p, cases[i].from, cases[i].to, cases[i].time);
		meter__cycle_format(name, &cycle, p);
		assert_text(cases[i].name, name);
		assert_i64(p.from_us, parse(&cycle, name).from_us);
	}
	meter__zone_free(zone);
}

/* The starts of consecutive periods, in UTC; the first is the one that the first date lies in. */
static void test_anniversaries(void **state)
{
	static const struct {
		enum cycle_unit unit;
		const char *anchor;
		const char *starts[6];
	} cases[] = {
		{CYCLE_MONTH,
	         "2026-01-31T15:00:00Z",
	         {"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"}},
		{CYCLE_MONTH,
	         "2026-01-31T15:00:00Z",
	         {"2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"}},
		{CYCLE_MONTH,
	         "2026-02-28T00:00:00Z",
	         {"2026-02-28", "2026-03-28", "2026-04-28", "2026-05-28", "2026-06-28", "2026-07-28"}},
		{CYCLE_MONTH,
	         "2026-01-30T23:59:59.999999Z",
	         {"2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30", "2028-05-30"}},
		{CYCLE_QUARTER,
	         "2026-01-31T00:00:00Z",
	         {"2025-10-31", "2026-01-31", "2026-04-30", "2026-07-31", "2026-10-31", "2027-01-31"}},
		{CYCLE_QUARTER,
	         "2025-11-30T00:00:00Z",
	         {"2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30", "2026-11-30", "2027-02-28"}},
		{CYCLE_YEAR,
	         "2024-02-29T00:00:00Z",
	         {"2023-02-28", "2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"}},
		{CYCLE_YEAR,
	         "2024-02-29T00:00:00Z",
	         {"2096-02-29", "2097-02-28", "2098-02-28", "2099-02-28", "2100-02-28", "2101-02-28"}},
		{CYCLE_WEEK,
	         "2026-01-15T00:00:00Z",
	         {"2026-01-01", "2026-01-08", "2026-01-15", "2026-01-22", "2026-01-29", "2026-02-05"}},
		{CYCLE_DAY,
	         "2026-01-15T00:00:00Z",
	         {"2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02", "2024-03-03"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cycle cycle = anniversary(cases[i].unit, NULL, cases[i].anchor);
		struct period p = parse(&cycle, cases[i].starts[0]);

		for (size_t j = 0; j + 1 < COUNT(cases[i].starts); j++) {
			char from[32], to[32];

			snprintf(from, sizeof(from), "%sT00:00:00Z", cases[i].starts[j]);
			snprintf(to, sizeof(to), "%sT00:00:00Z", cases[i].starts[j + 1]);
			assert_period(p, from, to, cases[i].anchor);
			p = meter__cycle_next(&cycle, p);
		}
	}
}

/* The anchor is a date where the customer is, not in UTC. */
static void test_anchor_is_local(void **state)
{
	struct zone *zone = load("America/New_York");
	struct cycle cycle = anniversary(CYCLE_MONTH, zone, "2026-03-01T04:59:59Z");

	(void)state;
	assert_period(meter__cycle_of(&cycle, us("2026-03-01T04:59:59Z")), "2026-02-28T05:00:00Z", "2026-03-28T04:00:00Z", "Feb");

	cycle.anchor_us += US_PER_SECOND;
	assert_period(meter__cycle_of(&cycle, us("2026-03-01T05:00:00Z")), "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z", "Mar");
	meter__zone_free(zone);
}

/* Apia skipped 2011-12-30, Kiritimati 1994-12-31: the local day in which a month is due to begin. */
static void test_skipped_days(void **state)
{
	struct zone *apia = load("Pacific/Apia");
	struct zone *kiritimati = load("Pacific/Kiritimati");
	struct cycle days = calendar(CYCLE_DAY, apia);
	struct cycle weeks = anniversary(CYCLE_WEEK, apia, "2011-12-24T00:00:00Z");
	struct cycle months = anniversary(CYCLE_MONTH, kiritimati, "1994-02-01T00:00:00Z");
	struct period p = parse(&days, "2011-12-29");
	char name[CYCLE_TEXT_SIZE];

	(void)state;
	assert_period(p, "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "the last day of the old side");
	p = meter__cycle_next(&days, p);
	assert_period(p, "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z", "no empty period between");
	meter__cycle_format(name, &days, p);
	assert_text("2011-12-31", name);
	assert_i64(p.from_us, parse(&days, "2011-12-30").from_us);
	assert_i64(p.from_us, parse(&days, "2011-12-31").from_us);

	p = parse(&weeks, "2011-12-30");
	assert_period(p, "2011-12-30T10:00:00Z", "2012-01-05T10:00:00Z", "a week of six days");
	meter__cycle_format(name, &weeks, p);
	assert_text("2011-12-30", name);

	/* Due on the 31st: two months begin on a local 1 or 31 January 1995, yet each keeps the name of its own month. */
	p = parse(&months, "1994-12");
	assert_period(p, "1994-12-31T10:00:00Z", "1995-01-30T10:00:00Z", "December");
	meter__cycle_format(name, &months, p);
	assert_text("1994-12", name);
	p = meter__cycle_next(&months, p);
	meter__cycle_format(name, &months, p);
	assert_text("1995-01", name);
	assert_i64(p.from_us, parse(&months, "1995-01").from_us);
	meter__zone_free(apia);
	meter__zone_free(kiritimati);
}

/* At 0:01 clocks went back to 23:01: an hour whose local date is over already belongs to the new day. */
static void test_clocks_back_over_midnight(void **state)
{
	struct zone *zone = load("America/St_Johns");
	struct cycle days = calendar(CYCLE_DAY, zone);
	struct period p = meter__cycle_of(&days, us("1987-10-25T03:00:00Z"));

	(void)state;
	assert_period(p, "1987-10-25T02:30:00Z", "1987-10-26T03:30:00Z", "the second 23:30 of 24 October");
	meter__zone_free(zone);
}

static const enum cycle_unit units[] = {CYCLE_DAY, CYCLE_WEEK, CYCLE_MONTH, CYCLE_QUARTER, CYCLE_YEAR};

/* Periods follow each other, hold their first and last microsecond, and have a name that leads back to them. */
static void walk(const struct cycle *cycle, const char *what, int64_t from_us, int64_t to_us)
{
	struct period p = meter__cycle_of(cycle, from_us);

	assert_true(p.from_us <= from_us && from_us < p.to_us);
	while (p.from_us < to_us) {
		struct period next = meter__cycle_next(cycle, p);
		struct period first = meter__cycle_of(cycle, p.from_us);
		struct period last = meter__cycle_of(cycle, p.to_us - 1);
		struct period named;
		char name[CYCLE_TEXT_SIZE];

		meter__cycle_format(name, cycle, p);
		if (p.to_us <= p.from_us || next.from_us != p.to_us || first.from_us != p.from_us || first.to_us != p.to_us ||
		    last.from_us != p.from_us || last.to_us != p.to_us)
			fail_msg("%s %s %s does not tile", what, meter__cycle_unit_name(cycle->unit), name);
		if (p.from_us > 14 * US_PER_HOUR && p.from_us < INSTANT_MAX - 14 * US_PER_HOUR) {
			if (meter__cycle_parse(&named, cycle, name, strlen(name)) != METER_OK)
				fail_msg("%s: %s", what, meter_errmsg());
			if (named.from_us != p.from_us || named.to_us != p.to_us)
				fail_msg("%s %s %s is another one", what, meter__cycle_unit_name(cycle->unit), name);
		}
		p = next;
	}
}

static void test_all_tile(void **state)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "Pacific/Apia", "America/St_Johns", "Pacific/Kiritimati"};
	static const char *const anchors[] = {NULL,
	                                      "2026-01-31T12:00:00Z",
	                                      "2024-02-29T12:00:00Z",
	                                      "2030-01-30T12:00:00Z",
	                                      "1970-01-01T00:00:00Z",
	                                      "9999-12-31T23:59:59Z"};

	(void)state;
	for (size_t z = 0; z < COUNT(zones); z++) {
		struct zone *zone = load(zones[z]);

		for (size_t a = 0; a < COUNT(anchors); a++) {
			for (size_t u = 0; u < COUNT(units); u++) {
				struct cycle cycle =
					anchors[a] ? anniversary(units[u], zone, anchors[a]) : calendar(units[u], zone);

				walk(&cycle, zones[z], -400 * US_PER_DAY, us("2041-01-01T00:00:00Z"));
				walk(&cycle, zones[z], us("9996-01-01T00:00:00Z"), INSTANT_MAX + 400 * US_PER_DAY);
			}
		}
		meter__zone_free(zone);
	}
}

static void test_ends_of_time(void **state)
{
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INSTANT_MAX, INT64_MAX - 1};
	static const char *const zones[] = {"UTC", "Pacific/Apia", "America/New_York"};

	(void)state;
	for (size_t z = 0; z < COUNT(zones); z++) {
		struct zone *zone = load(zones[z]);

		for (size_t u = 0; u < COUNT(units); u++) {
			for (size_t i = 0; i < 3 * COUNT(times); i++) {
				struct cycle cycle = {units[u], zone, i >= COUNT(times), i % 2 ? INT64_MAX : INT64_MIN};
				int64_t time_us = times[i % COUNT(times)];
				struct period p = meter__cycle_of(&cycle, time_us);
				char name[CYCLE_TEXT_SIZE];

				assert_true(p.from_us <= time_us && time_us < p.to_us);
				meter__cycle_format(name, &cycle, p);
				assert_true(strlen(name) >= 4);
				assert_true(meter__cycle_of(&cycle, INT64_MAX).to_us == INT64_MAX);
			}
		}
		meter__zone_free(zone);
	}
}

/* A text that is no date names the only period to start within it. */
static void test_parse_coarser(void **state)
{
	static const struct {
		enum cycle_unit unit;
		const char *anchor, *text, *from, *to;
	} cases[] = {
		{CYCLE_MONTH, NULL, "2026-W01", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{CYCLE_MONTH, NULL, "2026-01-31", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{CYCLE_MONTH, "2026-01-31T00:00:00Z", "2026-02", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"},
		{CYCLE_MONTH, "2026-01-31T00:00:00Z", "2026-02-27", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"},
		{CYCLE_QUARTER, NULL, "2026-04", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z"},
		{CYCLE_QUARTER, "2026-02-15T00:00:00Z", "2026-Q1", "2026-02-15T00:00:00Z", "2026-05-15T00:00:00Z"},
		{CYCLE_YEAR, NULL, "2026-Q1", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{CYCLE_YEAR, NULL, "2026-08-01", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{CYCLE_YEAR, "2024-02-29T00:00:00Z", "2026-02", "2026-02-28T00:00:00Z", "2027-02-28T00:00:00Z"},
		{CYCLE_YEAR, "2024-02-29T00:00:00Z", "2026-02-27", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"},
		{CYCLE_YEAR, "2024-02-29T00:00:00Z", "1970", "1970-02-28T00:00:00Z", "1971-02-28T00:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cycle cycle =
			cases[i].anchor ? anniversary(cases[i].unit, NULL, cases[i].anchor) : calendar(cases[i].unit, NULL);

		assert_period(parse(&cycle, cases[i].text), cases[i].from, cases[i].to, cases[i].text);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		enum cycle_unit unit;
		const char *text;
		const char *expected;
	} cases[] = {
		{CYCLE_MONTH, "", "\"\": a period was expected, like 2026, 2026-Q1, 2026-01, 2026-W03 or 2026-01-15"},
		{CYCLE_MONTH, "202", "\"202\": a period was expected"},
		{CYCLE_MONTH, "20260", "\"20260\": a period was expected"},
		{CYCLE_MONTH, "2026-1", "\"2026-1\": a period was expected"},
		{CYCLE_MONTH, "2026-w03", "\"2026-w03\": a period was expected"},
		{CYCLE_MONTH, "2026-W3", "\"2026-W3\": a period was expected"},
		{CYCLE_MONTH, "2026-Q01", "\"2026-Q01\": a period was expected"},
		{CYCLE_MONTH, "2026/01", "\"2026/01\": a period was expected"},
		{CYCLE_MONTH, "2026-01-1", "\"2026-01-1\": a period was expected"},
		{CYCLE_MONTH, "2026-01-15T", "\"2026-01-15T\": a period was expected"},
		{CYCLE_MONTH, "+026-01", "\"+026-01\": a period was expected"},
		{CYCLE_MONTH, "1969", "\"1969\": a period within 1970 to 9999 was expected"},
		{CYCLE_MONTH, "0000-W01", "\"0000-W01\": a period within 1970 to 9999 was expected"},
		{CYCLE_MONTH, "2026-00", "\"2026-00\": month 0 is not within 1 to 12"},
		{CYCLE_MONTH, "2026-13", "\"2026-13\": month 13 is not within 1 to 12"},
		{CYCLE_MONTH, "2026-13-01", "\"2026-13-01\": month 13 is not within 1 to 12"},
		{CYCLE_MONTH, "2026-02-29", "\"2026-02-29\": day 29 is not within 1 to 28"},
		{CYCLE_MONTH, "2024-02-30", "\"2024-02-30\": day 30 is not within 1 to 29"},
		{CYCLE_MONTH, "2026-01-00", "\"2026-01-00\": day 0 is not within 1 to 31"},
		{CYCLE_MONTH, "2026-Q0", "\"2026-Q0\": quarter 0 is not within 1 to 4"},
		{CYCLE_MONTH, "2026-Q5", "\"2026-Q5\": quarter 5 is not within 1 to 4"},
		{CYCLE_MONTH, "2026-W00", "\"2026-W00\": week 0 is not within 1 to 53"},
		{CYCLE_MONTH, "2026-W54", "\"2026-W54\": week 54 is not within 1 to 53"},
		{CYCLE_WEEK, "2025-W53", "\"2025-W53\": week 53 is not within 1 to 52"},
		{CYCLE_DAY, "2026-W03", "\"2026-W03\": several periods start in this week"},
		{CYCLE_WEEK, "2026-01", "\"2026-01\": several periods start in this month"},
		{CYCLE_MONTH, "2026-Q3", "\"2026-Q3\": several periods start in this quarter"},
		{CYCLE_MONTH, "2026", "\"2026\": several periods start in this year"},
	};
	struct period p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cycle cycle = calendar(cases[i].unit, NULL);

		assert_code(METER_EINVAL, meter__cycle_parse(&p, &cycle, cases[i].text, strlen(cases[i].text)));
		assert_part(cases[i].expected, meter_errmsg());
	}
}

static void test_texts_that_name_no_period(void **state)
{
	static const struct {
		enum cycle_unit unit;
		const char *text;
		const char *expected;
	} cases[] = {
		{CYCLE_MONTH, "2026-W03", "\"2026-W03\": no period starts in this week"},
		{CYCLE_QUARTER, "2026-02", "\"2026-02\": no period starts in this month"},
		{CYCLE_QUARTER, "2026-03", "\"2026-03\": no period starts in this month"},
		{CYCLE_YEAR, "2026-Q2", "\"2026-Q2\": no period starts in this quarter"},
	};
	struct period p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cycle cycle = calendar(cases[i].unit, NULL);

		assert_code(METER_ENOTFOUND, meter__cycle_parse(&p, &cycle, cases[i].text, strlen(cases[i].text)));
		assert_part(cases[i].expected, meter_errmsg());
		assert_ok(meter__cycle_check(cases[i].text, strlen(cases[i].text)));
	}
	assert_code(METER_EINVAL, meter__cycle_check("2026-13", strlen("2026-13")));
	assert_code(METER_EINVAL, meter__cycle_check("garbage", strlen("garbage")));
	assert_ok(meter__cycle_check("2026", strlen("2026")));
}

static void test_unit_names(void **state)
{
	static const char *const names[] = {"day", "week", "month", "quarter", "year"};

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++)
		assert_text(names[u], meter__cycle_unit_name(units[u]));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_anniversaries),
		cmocka_unit_test(test_anchor_is_local),
		cmocka_unit_test(test_skipped_days),
		cmocka_unit_test(test_clocks_back_over_midnight),
		cmocka_unit_test(test_all_tile),
		cmocka_unit_test(test_ends_of_time),
		cmocka_unit_test(test_parse_coarser),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_texts_that_name_no_period),
		cmocka_unit_test(test_unit_names),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("cycle", tests, NULL, NULL);
}
