/*
 * test_zone.c - offsets and local midnights of real zones, of made-up footers, and TZif files that are no such files.
 *
 * Real zones come from /usr/share/zoneinfo; what is expected of them is history that no later tzdata takes back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "support.h"
#include "zone.h"

static struct zone *load(const char *name)
{
	struct zone *zone;

	if (meter__zone_load(&zone, name) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return zone;
}

static int64_t day_of(const char *date)
{
	char text[32];

	snprintf(text, sizeof(text), "%sT00:00:00Z", date);
	return us(text) / US_PER_DAY;
}

static const char *text_of(int64_t time_us)
{
	static char texts[4][INSTANT_TEXT_SIZE];
	static unsigned next;
	char *text = texts[next++ % 4];

	meter__instant_format(text, time_us);
	return text;
}

/* ---- TZif files made by hand ---- */

struct bytes {
	unsigned char data[4096];
	size_t size;
};

static void put(struct bytes *b, uint64_t n, size_t size)
{
	while (size-- > 0)
		b->data[b->size++] = (unsigned char)(n >> (8 * size));
}

static void put_text(struct bytes *b, const char *text)
{
	memcpy(b->data + b->size, text, strlen(text));
	b->size += strlen(text);
}

/* Where the six counts are, from the start of a header. */
enum { AT_UTC = 20, AT_STANDARD = 24, AT_LEAP = 28, AT_TIME = 32, AT_TYPE = 36, AT_CHAR = 40, HEADER = 44 };

/* Two types, +1 h and +2 h; at 1000 s the second one begins, at 2000 s the first one again. */
static void put_block(struct bytes *b, char version, size_t time_size)
{
	put_text(b, "TZif");
	put(b, (unsigned char)version, 1);
	put(b, 0, 8);
	put(b, 0, 7);
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, 0, 4);
	put(b, 2, 4);
	put(b, 2, 4);
	put(b, 4, 4);
	put(b, 1000, time_size);
	put(b, 2000, time_size);
	put(b, 1, 1);
	put(b, 0, 1);
	put(b, 3600, 4);
	put(b, 0, 2);
	put(b, 7200, 4);
	put(b, 1, 1);
	put(b, 0, 1);
	put_text(b, "ABC");
	put(b, 0, 1);
}

#define BLOCK_1 (HEADER + 2 * 5 + 2 * 6 + 4)
#define BLOCK_2 (HEADER + 2 * 9 + 2 * 6 + 4)

static struct bytes file_of(const char *footer)
{
	struct bytes b = {{0}, 0};

	put_block(&b, '2', 4);
	put_block(&b, '2', 8);
	put_text(&b, "\n");
	put_text(&b, footer);
	put_text(&b, "\n");
	return b;
}

/* From the heap and of exactly that size, so that a read beyond it shows. */
static int parse(struct zone **out, const struct bytes *b)
{
	void *copy = malloc(b->size ? b->size : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, b->data, b->size);
	rc = meter__zone_parse(out, copy, b->size);
	free(copy);
	return rc;
}

static struct zone *zone_of(const char *footer)
{
	struct bytes b = file_of(footer);
	struct zone *zone;

	if (parse(&zone, &b) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return zone;
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/Europe/Berlin",
		"Europe/Berlin/",
		"Europe//Berlin",
		"../Europe/Berlin",
		"Europe/./Berlin",
		".",
		"zone.tab",
		"Europe Berlin",
		"Europe/Berl\xc3\xadn",
		"a\\b",
		"Europe/Berlin\n",
	};
	static const char *const absent[] = {"Europe", "Europe/Atlantis", "Europe/Berlin/Mitte", "CEST"};
	char long_name[400];
	struct zone *zone;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_code(METER_EINVAL, meter__zone_load(&zone, bad[i]));
		assert_null(zone);
		assert_part("a time zone was expected, like Europe/Berlin", meter_errmsg());
	}
	for (size_t i = 0; i < COUNT(absent); i++) {
		assert_code(METER_EINVAL, meter__zone_load(&zone, absent[i]));
		assert_null(zone);
		assert_part("no such time zone in /usr/share/zoneinfo", meter_errmsg());
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[256] = '\0';
	assert_code(METER_EINVAL, meter__zone_load(&zone, long_name));
	assert_part("a time zone was expected", meter_errmsg());
	long_name[255] = '\0';
	assert_code(METER_EINVAL, meter__zone_load(&zone, long_name));
	assert_part("no such time zone", meter_errmsg());
	assert_code(METER_ECORRUPT, meter__zone_load(&zone, "leapseconds"));
	assert_text("/usr/share/zoneinfo/leapseconds: not a TZif file", meter_errmsg());
	assert_null(zone);
	meter__zone_free(NULL);
}

static void test_utc(void **state)
{
	static const char *const names[] = {"UTC", "Etc/UTC"};

	(void)state;
	for (size_t i = 0; i <= COUNT(names); i++) {
		struct zone *zone = i < COUNT(names) ? load(names[i]) : NULL;

		assert_i64(0, meter__zone_offset_s(zone, us("2026-07-01T12:00:00Z")));
		assert_i64(-1, meter__zone_local_day(zone, -1));
		assert_i64(0, meter__zone_local_day(zone, 0));
		assert_i64(US_PER_DAY, meter__zone_day_start(zone, 1));
		assert_i64(INSTANT_MAX + 1, meter__zone_day_start(zone, (INSTANT_MAX + 1) / US_PER_DAY));
		meter__zone_free(zone);
	}
}

/* ---- real zones ---- */

static void test_offsets(void **state)
{
	static const struct {
		const char *zone;
		const char *time;
		int32_t offset_s;
	} cases[] = {
		{"Europe/Berlin", "1970-01-01T00:00:00Z", 3600},        {"Europe/Berlin", "2026-03-29T00:59:59.999999Z", 3600},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},        {"Europe/Berlin", "2026-10-25T00:59:59.999999Z", 7200},
		{"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},        {"Europe/Dublin", "1970-07-01T00:00:00Z", 3600},
		{"Europe/Dublin", "2025-01-01T00:00:00Z", 0},           {"Europe/Dublin", "2025-07-01T00:00:00Z", 3600},
		{"Australia/Lord_Howe", "2025-01-01T00:00:00Z", 39600}, {"Australia/Lord_Howe", "2025-07-01T00:00:00Z", 37800},
		{"Asia/Kathmandu", "1985-12-31T18:29:59Z", 19800},      {"Asia/Kathmandu", "2025-01-01T00:00:00Z", 20700},
		{"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},       {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400},
		{"America/St_Johns", "1987-10-25T02:30:59Z", -9000},    {"America/St_Johns", "1987-10-25T02:31:00Z", -12600},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone *zone = load(cases[i].zone);

		assert_i64(cases[i].offset_s, meter__zone_offset_s(zone, us(cases[i].time)));
		meter__zone_free(zone);
	}
}

static void test_day_starts(void **state)
{
	static const struct {
		const char *zone;
		const char *date;
		const char *start;
		const char *why;
	} cases[] = {
		{"Europe/Berlin", "2026-01-01", "2025-12-31T23:00:00Z", "plain midnight"},
		{"Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z", "after 23 hours"},
		{"Europe/Berlin", "2026-10-26", "2026-10-25T23:00:00Z", "after 25 hours"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "no midnight: 0:00 became 1:00"},
		{"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z", "24:00 became 23:00, that day had not begun"},
		{"America/Havana", "2025-11-02", "2025-11-02T04:00:00Z", "two midnights: 1:00 became 0:00"},
		{"America/St_Johns", "1987-10-25", "1987-10-25T02:30:00Z", "0:01 became 23:01 of the day before"},
		{"America/St_Johns", "1987-10-26", "1987-10-26T03:30:00Z", "the day after that"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "the day before the one that was skipped"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", "there was no such day"},
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "the same instant"},
		{"Asia/Kathmandu", "1986-01-01", "1985-12-31T18:30:00Z", "0:00 became 0:15"},
		{"Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00:00Z", "14 hours ahead"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone *zone = load(cases[i].zone);
		int64_t start = meter__zone_day_start(zone, day_of(cases[i].date));

		if (strcmp(text_of(start), cases[i].start) != 0)
			fail_msg("%s %s: %s is not %s: %s", cases[i].zone, cases[i].date, text_of(start), cases[i].start,
			         cases[i].why);
		meter__zone_free(zone);
	}
}

/* The law of zone.h, at every day of every zone that is awkward somewhere; day by day to 2120, in steps to 9999. */
static void test_days_tile(void **state)
{
	static const char *const names[] = {"UTC",
	                                    "Europe/Berlin",
	                                    "America/New_York",
	                                    "Pacific/Apia",
	                                    "Africa/Casablanca",
	                                    "Australia/Lord_Howe",
	                                    "Asia/Kathmandu",
	                                    "Europe/Dublin",
	                                    "America/Nuuk",
	                                    "Pacific/Kiritimati",
	                                    "America/Sao_Paulo",
	                                    "America/St_Johns",
	                                    "Asia/Gaza",
	                                    "America/Havana",
	                                    "Pacific/Kwajalein"};
	int64_t end = (INSTANT_MAX + 1) / US_PER_DAY;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct zone *zone = load(names[i]);
		int64_t last = meter__zone_day_start(zone, -400);

		for (int64_t day = -399; day <= end; day += day < 55000 ? 1 : 97) {
			int64_t start = meter__zone_day_start(zone, day);

			if (start < last || meter__zone_local_day(zone, start) < day ||
			    meter__zone_local_day(zone, start - 1) >= day)
				fail_msg("%s: day %lld starts at %s", names[i], (long long)day, text_of(start));
			last = start;
		}
		meter__zone_free(zone);
	}
}

static void test_ends_of_time(void **state)
{
	static const char *const names[] = {"UTC", "Pacific/Apia", "America/New_York", "Europe/Berlin"};
	static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct zone *zone = load(names[i]);

		for (size_t j = 0; j < COUNT(times); j++) {
			int64_t day = meter__zone_local_day(zone, times[j]);

			assert_true(meter__zone_day_start(zone, day) <= times[j]);
			assert_true(meter__zone_day_start(zone, day + 1) >= times[j]);
		}
		assert_i64(INT64_MIN, meter__zone_day_start(zone, INT64_MIN));
		assert_i64(INT64_MAX, meter__zone_day_start(zone, INT64_MAX));
		meter__zone_free(zone);
	}
}

/* ---- footers ---- */

static void test_table_then_footer(void **state)
{
	struct bytes v1 = {{0}, 0};
	struct zone *zone = zone_of("ABC-3");

	(void)state;
	assert_i64(3600, meter__zone_offset_s(zone, 999999999));
	assert_i64(7200, meter__zone_offset_s(zone, 1000000000));
	assert_i64(7200, meter__zone_offset_s(zone, 1999999999));
	assert_i64(10800, meter__zone_offset_s(zone, 2000000000));
	meter__zone_free(zone);

	zone = zone_of("");
	assert_i64(7200, meter__zone_offset_s(zone, 1999999999));
	assert_i64(3600, meter__zone_offset_s(zone, 2000000000));
	meter__zone_free(zone);

	put_block(&v1, '\0', 4);
	assert_ok(parse(&zone, &v1));
	assert_i64(7200, meter__zone_offset_s(zone, 1999999999));
	assert_i64(3600, meter__zone_offset_s(zone, INSTANT_MAX));
	meter__zone_free(zone);

	memset(v1.data + HEADER, 0xff, 4); /* from second -1 */
	assert_ok(parse(&zone, &v1));
	assert_i64(3600, meter__zone_offset_s(zone, -1000001));
	assert_i64(7200, meter__zone_offset_s(zone, -1000000));
	meter__zone_free(zone);
}

/* Each change lies between the microsecond before at, with one offset, and at, with the other. */
static void test_footers(void **state)
{
	static const struct {
		const char *footer;
		const char *at;
		int32_t before_s, after_s;
	} cases[] = {
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2100-03-28T01:00:00Z", 3600, 7200},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2100-10-31T01:00:00Z", 7200, 3600},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "9999-03-28T01:00:00Z", 3600, 7200},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "9999-10-31T01:00:00Z", 7200, 3600},
		{"EST5EDT,M3.2.0,M11.1.0", "2400-03-12T07:00:00Z", -18000, -14400},
		{"EST5EDT,M3.2.0,M11.1.0", "2400-11-05T06:00:00Z", -14400, -18000},
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2030-10-05T15:30:00Z", 37800, 39600},
		{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2031-04-05T15:00:00Z", 39600, 37800},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2100-10-31T01:00:00Z", 3600, 0},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2100-03-28T01:00:00Z", 0, 3600},
		/* times below 0 and above 24 */
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T01:00:00Z", -7200, -3600},
		{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-10-30T01:00:00Z", -3600, -7200},
		{"EET-2EEST,M3.4.4/50,M10.4.4/50", "2087-03-29T00:00:00Z", 7200, 10800},
		{"EET-2EEST,M3.4.4/50,M10.4.4/50", "2087-10-24T23:00:00Z", 10800, 7200},
		/* J60 is 1 March in every year, 59 is 29 February where there is one */
		{"AAA0BBB,J60/0,J300/0", "2023-03-01T00:00:00Z", 0, 3600},
		{"AAA0BBB,J60/0,J300/0", "2024-03-01T00:00:00Z", 0, 3600},
		{"AAA0BBB,J59/0,J300/0", "2024-02-28T00:00:00Z", 0, 3600},
		{"AAA0BBB,J60/0,J300/0", "2024-10-26T23:00:00Z", 3600, 0},
		{"AAA0BBB,59/0,300/0", "2023-03-01T00:00:00Z", 0, 3600},
		{"AAA0BBB,59/0,300/0", "2024-02-29T00:00:00Z", 0, 3600},
		{"AAA0BBB,59/0,300/0", "2024-10-26T23:00:00Z", 3600, 0},
		{"AAA0BBB,365/0,J31/0", "2024-12-31T00:00:00Z", 0, 3600},
		{"AAA0BBB,365/0,J31/0", "2024-01-01T00:00:00Z", 0, 3600},
		{"AAA0BBB,J365/167:30:15,J100/0", "2030-01-06T23:30:15Z", 0, 3600},
		{"AAA0BBB,J1/-167,J100/0", "2029-12-25T01:00:00Z", 0, 3600},
		/* the first and the last weekday of a month that starts with it; default time and DST of one hour */
		{"AAA0BBB,M2.1.4,M2.5.4", "2024-02-01T02:00:00Z", 0, 3600},
		{"AAA0BBB,M2.1.4,M2.5.4", "2024-02-29T01:00:00Z", 3600, 0},
		{"AAA-24:59:59BBB,J100,J200/0", "2024-04-09T01:00:01Z", 89999, 93599},
		{"AAA24:59:59BBB24:59:59,J100/0,J200/0", "2024-04-10T00:59:59Z", -89999, -89999},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone *zone = zone_of(cases[i].footer);
		int32_t before_s = meter__zone_offset_s(zone, us(cases[i].at) - 1);
		int32_t after_s = meter__zone_offset_s(zone, us(cases[i].at));

		if (before_s != cases[i].before_s || after_s != cases[i].after_s)
			fail_msg("%s at %s: from %d to %d", cases[i].footer, cases[i].at, (int)before_s, (int)after_s);
		meter__zone_free(zone);
	}
}

/* DST all year, in the two ways of writing it, has no second of standard time; not even between two years. */
static void test_dst_all_year(void **state)
{
	static const char *const footers[] = {"EST5EDT,0/0,J365/25", "XXX3EDT4,0/0,J365/23"};

	(void)state;
	for (size_t i = 0; i < COUNT(footers); i++) {
		struct zone *zone = zone_of(footers[i]);

		for (int64_t hour = day_of("2023-12-30") * 24; hour < day_of("2025-01-03") * 24; hour++) {
			assert_i64(-14400, meter__zone_offset_s(zone, hour * US_PER_HOUR));
			assert_i64(-14400, meter__zone_offset_s(zone, hour * US_PER_HOUR - 1));
		}
		meter__zone_free(zone);
	}
}

static void test_bad_footers(void **state)
{
	static const char *const footers[] = {
		"CET",
		"CE-1",
		"<CET-1",
		"<+>-1",
		"-1",
		"CET-",
		"CET-25",
		"CET-1:60",
		"CET-1:00:60",
		"CET-1:",
		"CET-1CEST",
		"CET-1CEST,",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M3.5.0,",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-1CEST,M3.5.0,M10.5.0/3,",
		"CET-1CEST,M0.5.0,M10.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.0.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5,M10.5.0",
		"CET-1CEST,J0,M10.5.0",
		"CET-1CEST,J366,M10.5.0",
		"CET-1CEST,366,M10.5.0",
		"CET-1CEST,-1,M10.5.0",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		"CET-1CEST,M3.5.0/-168,M10.5.0",
		"CET-1CEST,M3.5.0/,M10.5.0",
		"CET-1CEST,M99999999999.5.0,M10.5.0",
		":Europe/Berlin",
		"CET-1\nCEST",
		" CET-1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(footers); i++) {
		struct bytes b = file_of(footers[i]);
		struct zone *zone;

		if (parse(&zone, &b) != METER_ECORRUPT)
			fail_msg("%s is taken", footers[i]);
		assert_null(zone);
		assert_part("not a footer of a TZif file", meter_errmsg());
	}
}

/* ---- files that are no zones ---- */

static void test_corrupt(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		uint64_t value;
		const char *expected;
	} cases[] = {
		{0, 1, 'X', "not a TZif file"},
		{4, 1, '1', "unknown version"},
		{4, 1, 0, "more after its end"},
		{4, 1, '3', "two versions"},
		{AT_TIME, 4, 3, "not a TZif file"},
		{AT_TIME, 4, UINT32_MAX, "ends too early"},
		{AT_TYPE, 4, UINT32_MAX, "ends too early"},
		{AT_CHAR, 4, UINT32_MAX, "ends too early"},
		{AT_LEAP, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1, 1, 'X', "not a TZif file"},
		{BLOCK_1 + 4, 1, '3', "two versions"},
		{BLOCK_1 + AT_UTC, 4, 1, "without a footer"},
		{BLOCK_1 + AT_TIME, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1 + AT_TIME, 4, 0x20000000, "ends too early"},
		{BLOCK_1 + AT_TYPE, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1 + AT_CHAR, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1 + AT_STANDARD, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1 + AT_UTC, 4, UINT32_MAX, "ends too early"},
		{BLOCK_1 + HEADER + 8, 8, 1000, "transition 1 is not after"},
		{BLOCK_1 + HEADER + 8, 8, UINT64_MAX, "transition 1 is not after"},
		{BLOCK_1 + HEADER + 16, 1, 2, "transition 0 has a local time type"},
		{BLOCK_1 + HEADER + 17, 1, 255, "transition 1 has a local time type"},
		{BLOCK_1 + HEADER + 18, 4, 93600, "type 0 is out of range"},
		{BLOCK_1 + HEADER + 18, 4, (uint32_t)-90000, "type 0 is out of range"},
		{BLOCK_1 + HEADER + 18, 4, 0x80000000, "type 0 is out of range"},
		{BLOCK_1 + HEADER + 28, 1, 2, "type 1 is out of range"},
		{BLOCK_1 + HEADER + 29, 1, 4, "type 1 is out of range"},
		{BLOCK_1 + BLOCK_2, 1, 'X', "without a footer"},
		{BLOCK_1 + BLOCK_2 + 6, 1, 'X', "without a footer"},
	};
	struct zone *zone;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = file_of("ABC-1");
		size_t size = b.size;

		b.size = cases[i].at;
		put(&b, cases[i].value, cases[i].size);
		b.size = size;
		if (parse(&zone, &b) != METER_ECORRUPT)
			fail_msg("case %zu is taken", i);
		assert_null(zone);
		assert_part(cases[i].expected, meter_errmsg());
	}
}

/* Counts that may be 0 or as many as there are types; types that must be there; leap seconds. */
static void test_counts(void **state)
{
	struct bytes b = {{0}, 0};
	struct zone *zone;

	(void)state;
	put_block(&b, '\0', 4);
	put(&b, 0, 2);
	b.data[AT_UTC + 3] = 2;
	assert_ok(parse(&zone, &b));
	meter__zone_free(zone);
	b.data[AT_UTC + 3] = 1;
	b.size--;
	assert_code(METER_ECORRUPT, parse(&zone, &b));
	assert_text("TZif counts do not fit each other", meter_errmsg());
	b.data[AT_UTC + 3] = 0;
	b.data[AT_STANDARD + 3] = 1;
	assert_code(METER_ECORRUPT, parse(&zone, &b));
	assert_text("TZif counts do not fit each other", meter_errmsg());

	memset(b.data, 0, sizeof(b.data));
	memcpy(b.data, "TZif", 4);
	b.size = HEADER;
	assert_code(METER_ECORRUPT, parse(&zone, &b));
	assert_text("TZif counts do not fit each other", meter_errmsg());
	b.data[AT_LEAP + 3] = 1;
	b.size = HEADER + 8;
	assert_code(METER_EINVAL, parse(&zone, &b));
	assert_part("leap seconds", meter_errmsg());
}

static void test_too_large(void **state)
{
	size_t size = ((size_t)1 << 20) + 1;
	char *data = calloc(1, size);
	struct zone *zone;

	(void)state;
	assert_non_null(data);
	memcpy(data, "TZif", 4);
	assert_code(METER_ECORRUPT, meter__zone_parse(&zone, data, size));
	assert_text("TZif file of more than 1048576 bytes", meter_errmsg());
	assert_code(METER_ECORRUPT, meter__zone_parse(&zone, data, size - 1));
	assert_text("TZif file with more after its end", meter_errmsg());
	free(data);
}

static void test_every_truncation(void **state)
{
	struct bytes b = file_of("CET-1CEST,M3.5.0,M10.5.0/3");
	size_t size = b.size;
	struct zone *zone;

	(void)state;
	for (b.size = 0; b.size < size; b.size++)
		assert_code(METER_ECORRUPT, parse(&zone, &b));
	assert_ok(parse(&zone, &b));
	meter__zone_free(zone);
	b.size++;
	assert_code(METER_ECORRUPT, parse(&zone, &b));
}

/* Whatever is taken of a damaged file obeys the law; nothing is read that is not there (under ASan). */
static void test_random_damage(void **state)
{
	static const char *const footers[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
	                                      "AAA0BBB,J60/0,300/-100"};
	uint64_t seed = 42;
	int taken = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		struct bytes b = file_of(footers[i % 3]);
		struct zone *zone;

		for (int n = 0; n <= i % 4; n++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
			b.data[(seed >> 33) % b.size] = (unsigned char)(seed >> 20 & 1 ? seed >> 56 : 1u << (seed >> 56 & 7));
		}
		if (parse(&zone, &b) != METER_OK)
			continue;
		taken++;
		for (int64_t day = -1; day < 40000; day += 3991) {
			int64_t start = meter__zone_day_start(zone, day);

			if (meter__zone_local_day(zone, start) < day || meter__zone_local_day(zone, start - 1) >= day)
				fail_msg("damage %d: day %lld starts at %s", i, (long long)day, text_of(start));
		}
		meter__zone_free(zone);
	}
	assert_true(taken > 1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_utc),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_day_starts),
		cmocka_unit_test(test_days_tile),
		cmocka_unit_test(test_ends_of_time),
		cmocka_unit_test(test_table_then_footer),
		cmocka_unit_test(test_footers),
		cmocka_unit_test(test_dst_all_year),
		cmocka_unit_test(test_bad_footers),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_random_damage),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
