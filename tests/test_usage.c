/*
 * test_usage.c - meter_usage_query(): any range is exact, groups keep apart what differs, what cannot be answered is an error.
 *
 * The edges are checked against a model that adds up events one by one. Elsewhere bills were wrong by the part of a minute, hour
 * or day at the end of a period: tuist#11903, lago-api#4082, openmeter#1132, flexprice#2193.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define US_PER_SECOND INT64_C(1000000)

/* One filter: every field that a test may want to set. */
static meter_usage_filter filter_of(const char *key, int64_t from_us, int64_t to_us, int32_t by)
{
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = key;
	filter.from_us = from_us;
	filter.to_us = to_us;
	filter.by = by;
	return filter;
}

static meter_usage *query(meter *m, const meter_usage_filter *filter)
{
	meter_usage *usage;
	assert_ok(meter_usage_query(&usage, m, filter));
	return usage;
}

static void record(meter *m, const meter_event *event)
{
	int32_t outcome;
	assert_ok(meter_record_many(m, event, 1, &outcome));
	assert_int_equal(outcome, METER_ACCEPTED);
}

/* Record a call; value NULL: 1. */
static void record_call(meter *m, const char *subscription, const char *id, int64_t timestamp_us, const char *value)
{
	meter_event event = event_of(subscription, id, "call");
	event.timestamp_us = timestamp_us;
	event.value = value;
	record(m, &event);
}

/* The value of the only row, or "none", in a static buffer. */
static const char *only_value(meter *m, const meter_usage_filter *filter)
{
	static char text[64];
	meter_usage *usage = query(m, filter);
	assert_ok(meter_usage_next(usage));
	const char *value = meter_usage_value(usage);
	snprintf(text, sizeof(text), "%s", value ? value : "none");
	assert_code(METER_EEND, meter_usage_next(usage));
	meter_usage_free(usage);
	return text;
}

/* ---- edges against a model ---- */

static const char edge_catalog[] = "version: 1\n"
				   "meters:\n"
				   "  calls: {event_type: call, aggregation: count}\n"
				   "  sum: {event_type: call, aggregation: sum}\n"
				   "  min: {event_type: call, aggregation: min}\n"
				   "  max: {event_type: call, aggregation: max}\n"
				   "  latest: {event_type: call, aggregation: latest}\n";

struct item {
	int64_t at_us;
	int64_t value;
};

#define EDGES 7
#define ITEMS (EDGES * 4)

/* Around a minute, an hour, a day, the leap day, a month and a year: an event just before, on, just after, and half a minute
 * later. */
static void make_items(struct item items[ITEMS])
{
	static const char *const edges[EDGES] = {"2023-12-31T23:59:00Z", "2024-01-01T00:00:00Z", "2024-02-29T00:00:00Z",
	                                         "2024-02-29T13:00:00Z", "2024-02-29T13:37:00Z", "2024-03-01T00:00:00Z",
	                                         "2024-03-01T00:01:00Z"};
	for (int64_t i = 0; i < ITEMS; i++) {
		const int64_t offsets[] = {-1, 0, 1, 30 * US_PER_SECOND};
		items[i] = (struct item){us(edges[i / 4]) + offsets[i % 4], i * 7919 % 101 - 50};
	}
}

static meter *open_with_items(const struct item *items, size_t count)
{
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	/* Not in order of time, so that "latest" cannot be "last recorded". */
	for (size_t i = 0; i < count; i++) {
		const struct item *item = &items[i * 5 % count];
		char value[24], id[24];
		snprintf(value, sizeof(value), "%" PRId64, item->value);
		snprintf(id, sizeof(id), "e%zu", i);
		meter_event event = event_of(i % 2 ? "acme" : "beta", id, "call");
		event.timestamp_us = item->at_us;
		event.value = value;
		assert_ok(meter_record(m, &event));
	}
	assert_ok(meter_flush(m, -1));
	return m;
}

struct model {
	int64_t events, sum, min, max, latest;
};

static struct model add_up(const struct item *items, size_t count, int64_t from_us, int64_t to_us)
{
	struct model model = {0};
	int64_t latest_us = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		if (items[i].at_us < from_us || items[i].at_us >= to_us)
			continue;
		if (model.events == 0 || items[i].value < model.min)
			model.min = items[i].value;
		if (model.events == 0 || items[i].value > model.max)
			model.max = items[i].value;
		if (items[i].at_us > latest_us) {
			latest_us = items[i].at_us;
			model.latest = items[i].value;
		}
		model.sum += items[i].value;
		model.events++;
	}
	return model;
}

static void check_total(meter *m, const char *key, int64_t from_us, int64_t to_us, bool has_value, int64_t expected)
{
	meter_usage_filter filter = filter_of(key, from_us, to_us, METER_BY_TOTAL);
	char text[24] = "none";
	if (has_value)
		snprintf(text, sizeof(text), "%" PRId64, expected);
	const char *value = only_value(m, &filter);
	if (strcmp(value, text) != 0)
		print_error("%s from %" PRId64 " to %" PRId64 ":\n", key, from_us, to_us);
	assert_text(text, value);
}

static void test_total_is_exact_between_any_two_edges(void **state)
{
	(void)state;
	struct item items[ITEMS];
	make_items(items);
	meter *m = open_with_items(items, ITEMS);
	for (size_t i = 0; i < ITEMS; i++) {
		for (size_t j = i; j < ITEMS; j++) {
			int64_t from = items[i].at_us, to = items[j].at_us;
			struct model model = add_up(items, ITEMS, from, to);
			bool has = model.events > 0;
			check_total(m, "calls", from, to, true, model.events);
			check_total(m, "sum", from, to, true, model.sum);
			check_total(m, "min", from, to, has, model.min);
			check_total(m, "max", from, to, has, model.max);
			check_total(m, "latest", from, to, has, model.latest);
		}
	}
	close_meter(m);
}

/* Rows tile the range: each is exact, not empty, inside one period and after the one before; together they are the total. */
static void check_rows(meter *m, const struct item *items, size_t count, int32_t by, int64_t from_us, int64_t to_us)
{
	meter_usage_filter filter = filter_of("sum", from_us, to_us, by);
	meter_usage *usage = query(m, &filter);
	int64_t end = from_us, events = 0;
	while (meter_usage_next(usage) == METER_OK) {
		int64_t from = meter_usage_from_us(usage), to = meter_usage_to_us(usage);
		assert_true(from >= end && from < to && to <= to_us);
		struct model model = add_up(items, count, from, to);
		char text[24];
		snprintf(text, sizeof(text), "%" PRId64, model.sum);
		assert_true(model.events > 0);
		assert_i64(model.events, meter_usage_events(usage));
		assert_text(text, meter_usage_value(usage));
		end = to;
		events += model.events;
	}
	meter_usage_free(usage);
	assert_i64(add_up(items, count, from_us, to_us).events, events);
}

static void test_rows_by_period_are_exact_and_tile_any_range(void **state)
{
	(void)state;
	struct item items[ITEMS];
	make_items(items);
	meter *m = open_with_items(items, ITEMS);
	for (size_t i = 0; i < ITEMS; i += 3) {
		for (size_t j = i; j < ITEMS; j += 2) {
			for (int32_t by = METER_BY_MINUTE; by <= METER_BY_MONTH; by++)
				check_rows(m, items, ITEMS, by, items[i].at_us, items[j].at_us);
		}
	}
	close_meter(m);
}

static void test_rows_are_cut_at_periods_and_at_the_range(void **state)
{
	(void)state;
	static const struct {
		int32_t by;
		const char *from, *to;
	} cases[] = {
		{METER_BY_MINUTE, "2024-02-29T23:59:00Z", "2024-02-29T23:59:59.5Z"},
		{METER_BY_HOUR, "2024-02-29T23:00:00Z", "2024-02-29T23:59:59.5Z"},
		{METER_BY_DAY, "2024-02-29T00:00:00Z", "2024-02-29T23:59:59.5Z"},
		{METER_BY_MONTH, "2024-02-02T12:00:00.25Z", "2024-02-29T23:59:59.5Z"},
		{METER_BY_TOTAL, "2024-02-02T12:00:00.25Z", "2024-02-29T23:59:59.5Z"},
	};
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	record_call(m, "acme", "a", us("2024-02-29T23:59:59.499999Z"), "7");
	record_call(m, "acme", "b", us("2024-02-29T23:59:59.5Z"), "100");
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_usage_filter filter =
			filter_of("sum", us("2024-02-02T12:00:00.25Z"), us("2024-02-29T23:59:59.5Z"), cases[i].by);
		meter_usage *usage = query(m, &filter);
		assert_ok(meter_usage_next(usage));
		assert_i64(us(cases[i].from), meter_usage_from_us(usage));
		assert_i64(us(cases[i].to), meter_usage_to_us(usage));
		assert_text("7", meter_usage_value(usage));
		assert_code(METER_EEND, meter_usage_next(usage));
		meter_usage_free(usage);
	}
	close_meter(m);
}

static void test_open_ends_reach_from_the_first_to_the_last_event(void **state)
{
	(void)state;
	static const struct {
		int64_t from_us, to_us;
		const char *expected;
	} cases[] = {
		{INT64_MIN, INT64_MAX, "11"},
		{INT64_MIN, 1, "1"},
		{INT64_MIN, 0, "0"},
		{1, INT64_MAX, "10"},
		{0, 1, "1"},
		{-5, INT64_MAX, "11"},
		{INT64_MAX - 1, INT64_MAX, "0"},
	};
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	record_call(m, "acme", "first instant of all", 0, "1");
	record_call(m, "acme", "b", us("2024-02-29T00:00:00Z"), "10");
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_usage_filter filter = filter_of("sum", cases[i].from_us, cases[i].to_us, METER_BY_TOTAL);
		assert_text(cases[i].expected, only_value(m, &filter));
	}
	close_meter(m);
}

static void test_nothing_used_is_zero_or_no_value(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	int64_t at = us("2024-02-29T12:34:56Z");
	for (int round = 0; round < 2; round++) { /* no event at all, then none in the range */
		static const char *const expected[][2] = {
			{"calls", "0"}, {"sum", "0"}, {"min", "none"}, {"max", "none"}, {"latest", "none"}};
		for (size_t i = 0; i < COUNT(expected); i++) {
			meter_usage_filter filter = filter_of(expected[i][0], at, at, METER_BY_TOTAL);
			assert_text(expected[i][1], only_value(m, &filter));
		}
		meter_usage_filter filter = filter_of("sum", at, at, METER_BY_DAY);
		meter_usage *usage = query(m, &filter);
		assert_code(METER_EEND, meter_usage_next(usage));
		meter_usage_free(usage);
		filter = filter_of("sum", at, at, METER_BY_TOTAL);
		filter.subscription = "nobody";
		usage = query(m, &filter);
		assert_ok(meter_usage_next(usage));
		assert_text("nobody", meter_usage_subscription(usage));
		assert_text("0", meter_usage_value(usage));
		assert_i64(0, meter_usage_events(usage));
		meter_usage_free(usage);
		record_call(m, "acme", round ? "b" : "a", at, NULL);
	}
	close_meter(m);
}

/* ---- latest, min and max ---- */

static void test_latest_of_one_instant_is_the_larger_value_in_any_order(void **state)
{
	(void)state;
	int64_t at = us("2024-02-29T12:34:56.789Z");
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	static const struct {
		const char *id;
		int64_t offset_us;
		const char *value, *latest, *min, *max, *why;
	} steps[] = {
		{"a", 0, "5", "5", "5", "5", "the first"},
		{"b", 0, "9", "9", "5", "9", "a tie: the larger wins"},
		{"c", 0, "7", "9", "5", "9", "a tie: the smaller does not"},
		{"d", -1, "100", "9", "5", "100", "late by a microsecond: not the latest"},
		{"e", -40 * 24 * 3600 * US_PER_SECOND, "-3", "9", "-3", "100", "late by 40 days"},
		{"f", 1, "-8", "-8", "-8", "100", "a microsecond later, though smaller"},
		{"g", 3600 * US_PER_SECOND, "0.5", "0.5", "-8", "100", "an hour later"},
	};
	for (size_t i = 0; i < COUNT(steps); i++) {
		record_call(m, "acme", steps[i].id, at + steps[i].offset_us, steps[i].value);
		if (strcmp(steps[i].latest, usage_total(m, "latest")) != 0)
			print_error("%s\n", steps[i].why);
		assert_text(steps[i].latest, usage_total(m, "latest"));
		assert_text(steps[i].min, usage_total(m, "min"));
		assert_text(steps[i].max, usage_total(m, "max"));
	}
	meter_usage_filter filter = filter_of("latest", at, at + 1, METER_BY_TOTAL);
	assert_text("9", only_value(m, &filter));
	close_meter(m);
}

/* ---- groups ---- */

static const char group_catalog[] = "version: 1\n"
				    "meters:\n"
				    "  tokens: {event_type: call, aggregation: sum, dimensions: [model, kind]}\n";

static void record_group(meter *m, const char *subscription, const char *id, const char *model, const char *kind,
                         const char *value)
{
	meter_property properties[2];
	meter_event event = event_of(subscription, id, "call");
	if (model)
		properties[event.property_count++] = (meter_property)METER_PROPERTY("model", model);
	if (kind)
		properties[event.property_count++] = (meter_property)METER_PROPERTY("kind", kind);
	event.properties = properties;
	event.value = value;
	record(m, &event);
}

static meter *open_with_groups(void)
{
	meter *m = open_meter();
	apply_catalog(m, group_catalog);
	record_group(m, "beta", "1", "a", "in", "1");
	record_group(m, "acme", "2", "a", "in", "2");
	record_group(m, "acme", "3", "a", "out", "4");
	record_group(m, "acme", "4", NULL, "in", "8");
	record_group(m, "acme", "5", "", "in", "16");
	record_group(m, "acme", "6", "(none)", "in", "32");
	record_group(m, "acme", "7", "null", NULL, "64");
	record_group(m, "acme", "8", "\"b\\,:{", "in", "128");
	return m;
}

/* Rows as "subscription|value of dimension...=value " in order; NULL as ~. In a static buffer. */
static const char *show_rows(meter *m, const meter_usage_filter *filter)
{
	static char text[1000];
	size_t size = 0;
	meter_usage *usage = query(m, filter);
	text[0] = '\0';
	while (meter_usage_next(usage) == METER_OK) {
		const char *subscription = meter_usage_subscription(usage);
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", subscription ? subscription : "*");
		for (size_t i = 0; i < meter_usage_dimension_count(usage); i++) {
			const char *value = meter_usage_dimension_value(usage, i);
			size += (size_t)snprintf(text + size, sizeof(text) - size, "|%s", value ? value : "~");
		}
		size += (size_t)snprintf(text + size, sizeof(text) - size, "=%s ", meter_usage_value(usage));
	}
	meter_usage_free(usage);
	return text;
}

static void test_missing_empty_and_odd_dimensions_are_groups_of_their_own(void **state)
{
	(void)state;
	static const meter_property by_model[] = {METER_PROPERTY("model", NULL)};
	static const meter_property by_both[] = {METER_PROPERTY("kind", NULL), METER_PROPERTY("model", NULL)};
	static const meter_property by_subscription[] = {METER_PROPERTY("subscription", NULL)};
	static const meter_property by_all[] = {METER_PROPERTY("model", NULL), METER_PROPERTY("subscription", NULL)};
	static const struct {
		const meter_property *group_by;
		size_t count;
		const char *expected;
	} cases[] = {
		{NULL, 0, "*=255 "},
		{by_model, 1, "*|~=8 *|=16 *|\"b\\,:{=128 *|(none)=32 *|a=7 *|null=64 "},
		{by_both, 2, "*|~|null=64 *|in|~=8 *|in|=16 *|in|\"b\\,:{=128 *|in|(none)=32 *|in|a=3 *|out|a=4 "},
		{by_subscription, 1, "acme=254 beta=1 "},
		{by_all, 2, "acme|~=8 acme|=16 acme|\"b\\,:{=128 acme|(none)=32 acme|a=6 acme|null=64 beta|a=1 "},
	};
	meter *m = open_with_groups();
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* From buckets, and, by a range inside one minute, from events. */
		int64_t at = event_of("", "", "").timestamp_us;
		for (int is_cut = 0; is_cut < 2; is_cut++) {
			meter_usage_filter filter =
				filter_of("tokens", is_cut ? at : INT64_MIN, is_cut ? at + 1 : INT64_MAX, METER_BY_TOTAL);
			filter.group_by = cases[i].group_by;
			filter.group_by_count = cases[i].count;
			assert_text(cases[i].expected, show_rows(m, &filter));
		}
	}
	close_meter(m);
}

static void test_where_tells_missing_from_empty(void **state)
{
	(void)state;
	static const struct {
		meter_property where[2];
		size_t count;
		const char *expected;
	} cases[] = {
		{{METER_PROPERTY("model", "a")}, 1, "*=7 "},
		{{METER_PROPERTY("model", NULL)}, 1, "*=8 "},
		{{METER_PROPERTY("model", "")}, 1, "*=16 "},
		{{METER_PROPERTY("model", "(none)")}, 1, "*=32 "},
		{{METER_PROPERTY("model", "null")}, 1, "*=64 "},
		{{METER_PROPERTY("model", "A")}, 1, "*=0 "},
		{{METER_PROPERTY("model", "a"), METER_PROPERTY("kind", "in")}, 2, "*=3 "},
		{{METER_PROPERTY("model", "a"), METER_PROPERTY("model", "(none)")}, 2, "*=0 "},
		{{METER_PROPERTY("model", "null"), METER_PROPERTY("kind", NULL)}, 2, "*=64 "},
		{{METER_PROPERTY("model", NULL), METER_PROPERTY("kind", NULL)}, 2, "*=0 "},
	};
	meter *m = open_with_groups();
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_usage_filter filter = filter_of("tokens", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
		filter.where = cases[i].where;
		filter.where_count = cases[i].count;
		assert_text(cases[i].expected, show_rows(m, &filter));
	}
	meter_usage_filter filter = filter_of("tokens", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	filter.where = cases[0].where;
	filter.where_count = 1;
	filter.subscription = "acme";
	assert_text("acme=6 ", show_rows(m, &filter));
	close_meter(m);
}

/* ---- what cannot be answered ---- */

static void test_wrong_filters_are_refused(void **state)
{
	(void)state;
	static const meter_property colour[] = {METER_PROPERTY("colour", "red")};
	static const meter_property twice[] = {METER_PROPERTY("model", NULL), METER_PROPERTY("model", NULL)};
	meter *m = open_with_groups();
	const meter_usage_filter good = filter_of("tokens", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	meter_usage_filter filters[8];
	for (size_t i = 0; i < COUNT(filters); i++)
		filters[i] = good;
	filters[0].meter = "coins";
	filters[1].meter = NULL;
	filters[2].group_by = colour;
	filters[2].group_by_count = 1;
	filters[3].where = colour;
	filters[3].where_count = 1;
	filters[4].from_us = 11;
	filters[4].to_us = 10;
	filters[5].by = METER_BY_MONTH + 1;
	filters[6].group_by = twice;
	filters[6].group_by_count = 2;
	filters[7].by = METER_BY_TOTAL - 1;
	static const struct {
		int code;
		const char *message;
	} expected[COUNT(filters)] = {
		{METER_ENOTFOUND, "coins"}, {METER_EINVAL, "meter"}, {METER_EINVAL, "colour"}, {METER_EINVAL, "colour"},
		{METER_EINVAL, "from"},     {METER_EINVAL, "by"},    {METER_EINVAL, "model"},  {METER_EINVAL, "by"},
	};
	for (size_t i = 0; i < COUNT(filters); i++) {
		meter_usage *usage = (meter_usage *)(void *)m;
		assert_code(expected[i].code, meter_usage_query(&usage, m, &filters[i]));
		assert_part(expected[i].message, meter_errmsg());
		assert_null(usage);
	}
	close_meter(m);
}

static void test_no_catalog_is_not_found(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_usage_filter filter = filter_of("tokens", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	meter_usage *usage;
	assert_code(METER_ENOTFOUND, meter_usage_query(&usage, m, &filter));
	close_meter(m);
}

/* Eleven of the largest values together with one of 18 decimals need 39 digits. */
static void test_sum_past_38_digits_fails_and_loses_nothing(void **state)
{
	(void)state;
	static const char largest[] = "9223372036854775807";
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	int64_t at = us("2024-02-29T12:00:00Z");
	record_call(m, "acme", "small", at, "0.000000000000000001");
	for (int i = 0; i < 10; i++)
		record_call(m, "acme", (char[]){(char)('a' + i), '\0'}, at + i, largest);
	assert_text("92233720368547758070.000000000000000001", usage_total(m, "sum"));
	record_call(m, "acme", "one too many", at + 10, largest);
	record_call(m, "beta", "of another", at, "3");

	meter_usage *usage;
	meter_usage_filter filter = filter_of("sum", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	assert_code(METER_EOVERFLOW, meter_usage_query(&usage, m, &filter));
	assert_part("sum", meter_errmsg());
	filter = filter_of("sum", at, at + 11, METER_BY_TOTAL);
	assert_code(METER_EOVERFLOW, meter_usage_query(&usage, m, &filter));
	filter = filter_of("sum", at, at + 10, METER_BY_TOTAL);
	filter.subscription = "acme";
	assert_text("92233720368547758070.000000000000000001", only_value(m, &filter));
	filter = filter_of("sum", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	filter.subscription = "beta";
	assert_text("3", only_value(m, &filter));
	assert_text("13", usage_total(m, "calls"));
	assert_text(largest, usage_total(m, "max"));
	assert_i64(13, sql_int(meter_path(), "SELECT count(*) FROM event"));
	/* It stays so after the file is opened again, and for what comes later. */
	close_meter(m);
	m = open_meter();
	record_call(m, "acme", "back", at + 11, "-9223372036854775807");
	filter = filter_of("sum", INT64_MIN, INT64_MAX, METER_BY_TOTAL);
	assert_code(METER_EOVERFLOW, meter_usage_query(&usage, m, &filter));
	close_meter(m);
}

/* ---- gaps ---- */

static void test_days_over_half_a_century_with_gaps_are_quick(void **state)
{
	(void)state;
	static const char *const times[] = {"1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2000-02-29T12:00:00Z",
	                                    "2024-02-29T12:00:00Z"};
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	for (size_t i = 0; i < COUNT(times); i++)
		record_call(m, "acme", times[i], us(times[i]), NULL);
	int64_t start_ms = monotonic_ms();
	for (int32_t by = METER_BY_MINUTE; by <= METER_BY_MONTH; by++) {
		meter_usage_filter filter = filter_of("calls", 1, us("2024-12-31T00:00:00.000001Z"), by);
		meter_usage *usage = query(m, &filter);
		for (size_t i = 1; i < COUNT(times); i++) { /* the range starts after the first one */
			assert_ok(meter_usage_next(usage));
			int64_t at = us(times[i]);
			assert_true(meter_usage_from_us(usage) <= at && at < meter_usage_to_us(usage));
			assert_text("1", meter_usage_value(usage));
		}
		assert_code(METER_EEND, meter_usage_next(usage));
		meter_usage_free(usage);
	}
	/* Some milliseconds. A step for each minute of these 54 years would take far longer. */
	assert_true(monotonic_ms() - start_ms < 3000);
	close_meter(m);
}

/* ---- late usage ---- */

#define LATE_DAYS 19
#define LATE_BATCHES 8
#define LATE_EVENTS 4000 /* of a batch, each in a minute of its own, counted by five meters */

struct late {
	int64_t sums[LATE_DAYS];
	int64_t recorded;
};

static void record_late(meter *m, struct late *late)
{
	static const char *const subscriptions[] = {"acme", "beta", "gamma"};
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (int i = 0; i < LATE_EVENTS; i++, late->recorded++) {
		int64_t minute = late->recorded * 7919 % (LATE_DAYS * 1440);
		int64_t value = late->recorded % 101 + 1;
		char id[24], text[24];
		snprintf(id, sizeof(id), "late%" PRId64, late->recorded);
		snprintf(text, sizeof(text), "%" PRId64, value);
		meter_event event = event_of(subscriptions[late->recorded / (LATE_DAYS * 1440) % 3], id, "call");
		event.timestamp_us += minute * 60 * US_PER_SECOND;
		event.value = text;
		assert_ok(meter_batch_add(b, &event));
		late->sums[minute / 1440] += value;
	}
	assert_ok(meter_batch_wait(b));
	meter_batch_free(b);
}

static void assert_late_days(meter *m, const struct late *late)
{
	meter_usage_filter filter = filter_of("sum", us("2026-01-01T00:00:00Z"), us("2026-01-20T00:00:00Z"), METER_BY_DAY);
	meter_usage *usage = query(m, &filter);
	for (int day = 0; day < LATE_DAYS; day++) {
		char expected[24];
		snprintf(expected, sizeof(expected), "%" PRId64, late->sums[day]);
		assert_ok(meter_usage_next(usage));
		assert_text(expected, meter_usage_value(usage));
	}
	assert_code(METER_EEND, meter_usage_next(usage));
	meter_usage_free(usage);
}

static int64_t late_rows(void)
{
	return sql_int(meter_path(), "SELECT count(*) FROM late");
}

/* It waits in a table of its own, and goes into minutes, hours and days when there is much of it: nobody can tell from usage. */
static void test_late_usage_counts_before_and_after_it_is_settled(void **state)
{
	(void)state;
	struct late late = {0};
	int64_t waited = 0, settled = 0;
	meter *m = open_meter();
	apply_catalog(m, edge_catalog);
	record_call(m, "acme", "first", us("2026-01-20T10:00:00Z"), "1");
	record_call(m, "acme", "second", us("2026-01-20T12:00:00Z"), "1");
	for (int i = 0; i < LATE_BATCHES; i++) {
		int64_t before = late_rows();
		record_late(m, &late);
		settled += late_rows() < before;
		waited += late_rows() > before;
		assert_late_days(m, &late);
	}
	assert_true(waited >= 2 && settled >= 1);
	/* Half a day, and a minute cut in two: hours, minutes and events of what waits and of what does not. */
	meter_usage_filter whole = filter_of("calls", us("2026-01-01T00:00:00Z"), us("2026-01-20T00:00:00Z"), METER_BY_TOTAL);
	meter_usage_filter left = whole, right = whole;
	left.to_us = right.from_us = us("2026-01-07T11:17:30Z");
	char text[64];
	snprintf(text, sizeof(text), "%s", only_value(m, &left));
	assert_i64(LATE_BATCHES * LATE_EVENTS, atoll(text) + atoll(only_value(m, &right)));
	/* So much at once is mostly not kept waiting; how much of it comes in one commit is not ours to say. */
	meter_event *events = calloc(LATE_EVENTS * 2, sizeof(*events));
	char(*ids)[16] = calloc(LATE_EVENTS * 2, sizeof(*ids));
	assert_true(events && ids);
	for (int i = 0; i < LATE_EVENTS * 2; i++) {
		snprintf(ids[i], sizeof(ids[i]), "many%d", i);
		events[i] = event_of("delta", ids[i], "call");
		events[i].timestamp_us += i % (LATE_DAYS * 1440) * 60 * US_PER_SECOND;
		events[i].value = "2";
		late.sums[i % (LATE_DAYS * 1440) / 1440] += 2;
	}
	assert_ok(meter_record_many(m, events, LATE_EVENTS * 2, NULL));
	assert_late_days(m, &late);
	free(events);
	free(ids);
	close_meter(m);
}

/* ---- avg, unique_count, time_weighted ---- */

static const char kinds_catalog[] =
	"version: 1\n"
	"meters:\n"
	"  mean: {event_type: load, aggregation: avg, value: n, dimensions: [host]}\n"
	"  users: {event_type: load, aggregation: unique_count, value: user, dimensions: [host]}\n"
	"  disk: {event_type: load, aggregation: time_weighted, value: n, dimensions: [host]}\n"
	"plans:\n  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [\n"
	"      {key: mean, meter: mean, model: unit, price: 1},\n"
	"      {key: users, meter: users, model: unit, price: 1},\n"
	"      {key: hosts, meter: users, model: unit, price: 1, group_by: [host]},\n"
	"      {key: disk, meter: disk, model: unit, price: 36, per: 3600}]}\n"
	"subscriptions: {acme: {customer: c, plan: p, from: 2020-01-01T00:00:00Z}}\n";

static void record_load(meter *m, const char *at, const char *host, const char *user, const char *n)
{
	static int number;
	char id[16];
	snprintf(id, sizeof(id), "load%d", number++);
	meter_property properties[] = {METER_PROPERTY("host", host), METER_PROPERTY("user", user), METER_PROPERTY("n", n)};
	meter_event event = event_of("acme", id, "load");
	event.timestamp_us = us(at);
	event.properties = properties;
	event.property_count = COUNT(properties);
	record(m, &event);
}

/* "from host value events" of each row. */
static const char *rows_of(meter *m, const meter_usage_filter *filter)
{
	static char text[2000];
	size_t size = 0;
	meter_usage *usage = query(m, filter);
	text[0] = '\0';
	while (meter_usage_next(usage) == METER_OK) {
		char at[32];
		assert_ok(meter_time_format(at, sizeof(at), meter_usage_from_us(usage)));
		const char *host = meter_usage_dimension_count(usage) ? meter_usage_dimension_value(usage, 0) : "-";
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%.10s %s %s %" PRId64 "; ", at, host,
		                         meter_usage_value(usage) ? meter_usage_value(usage) : "none", meter_usage_events(usage));
		assert_true(size < sizeof(text));
	}
	meter_usage_free(usage);
	return text;
}

static meter *open_with_loads(void)
{
	meter *m = open_meter();
	apply_catalog(m, kinds_catalog);
	/* Not in the order of time. */
	record_load(m, "2026-01-02T12:00:00Z", "a", "ann", "20");
	record_load(m, "2026-01-01T00:00:00Z", "a", "ann", "10");
	record_load(m, "2026-01-01T00:00:30Z", "b", "ann", "1");
	record_load(m, "2026-01-01T06:00:00Z", "a", "bob", "-2.5");
	record_load(m, "2026-01-01T06:00:00Z", "a", "cid", "5"); /* at the same time the larger holds */
	record_load(m, "2026-01-03T00:00:00Z", "b", "bob", "0");
	return m;
}

static void test_average_is_of_events_not_of_buckets(void **state)
{
	(void)state;
	meter *m = open_with_loads();
	meter_usage_filter filter = filter_of("mean", us("2026-01-01T00:00:00Z"), us("2026-01-04T00:00:00Z"), METER_BY_TOTAL);
	meter_property host = {.name = "host", .name_size = METER_NUL_TERMINATED};
	assert_text("2026-01-01 - 5.583333333333333333 6; ", rows_of(m, &filter));
	filter.by = METER_BY_DAY;
	assert_text("2026-01-01 - 3.375 4; 2026-01-02 - 20 1; 2026-01-03 - 0 1; ", rows_of(m, &filter));
	filter.by = METER_BY_TOTAL;
	filter.group_by = &host;
	filter.group_by_count = 1;
	assert_text("2026-01-01 a 8.125 4; 2026-01-01 b 0.5 2; ", rows_of(m, &filter));
	filter.from_us = us("2026-02-01T00:00:00Z");
	filter.to_us = us("2026-03-01T00:00:00Z");
	filter.group_by_count = 0;
	assert_text("2026-02-01 - none 0; ", rows_of(m, &filter));
	close_meter(m);
}

/* polarsource/polar#6440: who is counted in two minutes, hours, days or groups is one all the same. */
static void test_distinct_values_are_counted_once_over_any_range_and_group(void **state)
{
	(void)state;
	meter *m = open_with_loads();
	meter_usage_filter filter = filter_of("users", us("2026-01-01T00:00:00Z"), us("2026-01-04T00:00:00Z"), METER_BY_TOTAL);
	meter_property host = {.name = "host", .name_size = METER_NUL_TERMINATED};
	assert_text("2026-01-01 - 3 6; ", rows_of(m, &filter));
	filter.by = METER_BY_DAY;
	assert_text("2026-01-01 - 3 4; 2026-01-02 - 1 1; 2026-01-03 - 1 1; ", rows_of(m, &filter));
	filter.by = METER_BY_TOTAL;
	filter.group_by = &host;
	filter.group_by_count = 1;
	assert_text("2026-01-01 a 3 4; 2026-01-01 b 2 2; ", rows_of(m, &filter));
	filter.group_by_count = 0;
	filter.from_us = us("2026-01-01T00:00:10Z"); /* inside a minute: from events */
	filter.to_us = us("2026-01-01T06:00:00Z");
	assert_text("2026-01-01 - 1 1; ", rows_of(m, &filter));
	close_meter(m);
}

static void test_a_gauge_is_integrated_over_time(void **state)
{
	(void)state;
	meter *m = open_with_loads();
	meter_usage_filter filter = filter_of("disk", us("2026-01-01T00:00:00Z"), us("2026-01-04T00:00:00Z"), METER_BY_TOTAL);
	meter_property host = {.name = "host", .name_size = METER_NUL_TERMINATED};
	filter.group_by = &host;
	filter.group_by_count = 1;
	/* a: 6 h of 10, 30 h of 5, 36 h of 20; b: 48 h less 30 s of 1, 24 h of 0. */
	assert_text("2026-01-01 a 3348000 3; 2026-01-01 b 172770 2; ", rows_of(m, &filter));
	filter.by = METER_BY_DAY;
	assert_text("2026-01-01 a 540000 2; 2026-01-01 b 86370 1; 2026-01-02 a 1080000 2; 2026-01-02 b 86400 1; "
	            "2026-01-03 a 1728000 1; 2026-01-03 b 0 1; ",
	            rows_of(m, &filter));
	filter.by = METER_BY_TOTAL;
	filter.from_us = us("2026-01-01T06:00:00.25Z"); /* carried from before, for half a second */
	filter.to_us = us("2026-01-01T06:00:00.75Z");
	assert_text("2026-01-01 a 2.5 1; 2026-01-01 b 0.5 1; ", rows_of(m, &filter));
	filter.from_us = us("2025-12-01T00:00:00Z"); /* before the first sample there is nothing */
	filter.to_us = us("2026-01-01T00:00:00Z");
	assert_text("", rows_of(m, &filter));
	close_meter(m);
}

/* Counted from stored events by a catalog that comes later, and gone with the meters. */
static void test_new_kinds_are_filled_and_purged(void **state)
{
	(void)state;
	char recorded[2000];
	meter_usage_filter filter = filter_of("disk", us("2026-01-01T00:00:00Z"), us("2026-01-04T00:00:00Z"), METER_BY_DAY);
	meter *m = open_with_loads();
	snprintf(recorded, sizeof(recorded), "%s", rows_of(m, &filter));
	filter.meter = "users";
	snprintf(recorded + strlen(recorded), sizeof(recorded) - strlen(recorded), "%s", rows_of(m, &filter));
	assert_true(sql_int(meter_path(), "SELECT count(*) FROM sample") == 5);
	apply_catalog(m, "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\n");
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM sample"));
	apply_catalog(m, kinds_catalog);
	char filled[2000];
	filter.meter = "disk";
	snprintf(filled, sizeof(filled), "%s", rows_of(m, &filter));
	filter.meter = "users";
	snprintf(filled + strlen(filled), sizeof(filled) - strlen(filled), "%s", rows_of(m, &filter));
	assert_text(recorded, filled);
	close_meter(m);
}

#define SAMPLES 60

struct sample {
	int64_t at_us;
	int64_t value;
	int host;
};

/* value-microseconds of one host in [from, to): the last sample at or before each instant holds; of two at one time the larger.
 */
static int64_t integrate(const struct sample *samples, size_t count, int host, int64_t from_us, int64_t to_us)
{
	int64_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		const struct sample *s = &samples[i];
		int64_t until_us = to_us;
		bool is_beaten = s->host != host;
		for (size_t k = 0; k < count && !is_beaten; k++) {
			const struct sample *other = &samples[k];
			if (other->host == host && other->at_us > s->at_us && other->at_us < until_us)
				until_us = other->at_us;
			is_beaten = other->host == host && other->at_us == s->at_us &&
			            (other->value > s->value || (other->value == s->value && k < i));
		}
		int64_t since_us = s->at_us > from_us ? s->at_us : from_us;
		if (!is_beaten && until_us > since_us)
			sum += s->value * (until_us - since_us);
	}
	return sum;
}

/* Samples in any order, some at one time, some below zero; ranges that begin and end anywhere. */
static void test_gauges_against_a_model(void **state)
{
	(void)state;
	static const char *const hosts[] = {"a", "b"};
	struct sample samples[SAMPLES];
	uint64_t seed = 7;
	meter *m = open_meter();
	apply_catalog(m, kinds_catalog);
	for (size_t i = 0; i < SAMPLES; i++) {
		char at[40], n[24], user[8];
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		samples[i] = (struct sample){us("2026-01-01T00:00:00Z") + (int64_t)(seed >> 40) % 400000 * 1000003,
		                             (int64_t)(seed >> 20) % 41 - 10, (int)(seed >> 62 & 1)};
		if (i % 9 == 8)
			samples[i].at_us = samples[i - 3].at_us;
		assert_ok(meter_time_format(at, sizeof(at), samples[i].at_us));
		snprintf(n, sizeof(n), "%" PRId64, samples[i].value);
		snprintf(user, sizeof(user), "u%zu", i);
		record_load(m, at, hosts[samples[i].host], user, n);
	}
	for (int i = 0; i < 200; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		int64_t from_us = us("2025-12-31T00:00:00Z") + (int64_t)(seed >> 33) % 500000 * 1000007;
		int64_t to_us = from_us + 1 + (int64_t)(seed >> 13) % 300000 * 999983;
		int64_t expected =
			integrate(samples, SAMPLES, 0, from_us, to_us) + integrate(samples, SAMPLES, 1, from_us, to_us);
		int64_t by[] = {METER_BY_TOTAL, METER_BY_DAY, METER_BY_HOUR};
		int64_t sum = 0;
		meter_usage_filter filter = filter_of("disk", from_us, to_us, (int32_t)by[i % 3]);
		meter_usage *usage = query(m, &filter);
		while (meter_usage_next(usage) == METER_OK) {
			/* In millionths, whatever decimals it has. */
			const char *value = meter_usage_value(usage), *point = strchr(value, '.');
			char digits[40];
			snprintf(digits, sizeof(digits), "%.*s%-6.6s", (int)(point ? point - value : (int64_t)strlen(value)),
			         value, point ? point + 1 : "");
			for (char *c = digits; *c; c++)
				*c = *c == ' ' ? '0' : *c;
			sum += strtoll(digits, NULL, 10);
		}
		meter_usage_free(usage);
		assert_i64(expected, sum);
	}
	close_meter(m);
}

/* The dimensions of group_by in another order than the meter's. */
static void test_distinct_values_by_groups_in_any_order(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, "version: 1\nmeters:\n"
	                 "  users: {event_type: load, aggregation: unique_count, value: user, dimensions: [host, n]}\n"
	                 "plans: [{key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [\n"
	                 "    {key: users, meter: users, model: unit, price: 1, group_by: [n, host]}]}]\n"
	                 "subscriptions: {acme: {customer: c, plan: p, from: 2020-01-01T00:00:00Z}}\n");
	record_load(m, "2026-01-02T00:00:00Z", "a", "ann", "2");
	record_load(m, "2026-01-02T00:00:01Z", "b", "ann", "1");
	record_load(m, "2026-01-02T00:00:02Z", "b", "bob", "1");
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
	assert_i64(2, (int64_t)meter_invoice_line_count(invoice));
	assert_text("users, n=1, host=b", meter_invoice_line_description(invoice, 0));
	assert_text("2", meter_invoice_line_quantity(invoice, 0));
	assert_text("users, n=2, host=a", meter_invoice_line_description(invoice, 1));
	assert_text("1", meter_invoice_line_quantity(invoice, 1));
	meter_invoice_free(invoice);
	close_meter(m);
}

static void test_invoices_of_averages_distinct_values_and_gauges(void **state)
{
	(void)state;
	meter *m = open_with_loads();
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
	static const char *const quantities[] = {"5.583333333333333333", "3", "3", "2", "51904770"};
	/* Disk in January: a 6 h of 10, 30 h of 5, 708 h of 20; b 48 h less 30 s of 1. */
	static const char *const amounts[] = {"5.58", "3.00", "3.00", "2.00", "519047.70"};
	assert_i64(COUNT(quantities), (int64_t)meter_invoice_line_count(invoice));
	for (size_t i = 0; i < COUNT(quantities); i++) {
		assert_text(quantities[i], meter_invoice_line_quantity(invoice, i));
		assert_text(amounts[i], meter_invoice_line_amount(invoice, i));
	}
	meter_invoice_free(invoice);
	close_meter(m);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		in_scratch(test_total_is_exact_between_any_two_edges),
		in_scratch(test_rows_by_period_are_exact_and_tile_any_range),
		in_scratch(test_rows_are_cut_at_periods_and_at_the_range),
		in_scratch(test_open_ends_reach_from_the_first_to_the_last_event),
		in_scratch(test_nothing_used_is_zero_or_no_value),
		in_scratch(test_latest_of_one_instant_is_the_larger_value_in_any_order),
		in_scratch(test_missing_empty_and_odd_dimensions_are_groups_of_their_own),
		in_scratch(test_where_tells_missing_from_empty),
		in_scratch(test_wrong_filters_are_refused),
		in_scratch(test_no_catalog_is_not_found),
		in_scratch(test_sum_past_38_digits_fails_and_loses_nothing),
		in_scratch(test_days_over_half_a_century_with_gaps_are_quick),
		in_scratch(test_average_is_of_events_not_of_buckets),
		in_scratch(test_distinct_values_are_counted_once_over_any_range_and_group),
		in_scratch(test_a_gauge_is_integrated_over_time),
		in_scratch(test_new_kinds_are_filled_and_purged),
		in_scratch(test_gauges_against_a_model),
		in_scratch(test_distinct_values_by_groups_in_any_order),
		in_scratch(test_invoices_of_averages_distinct_values_and_gauges),
		in_scratch(test_late_usage_counts_before_and_after_it_is_settled),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
