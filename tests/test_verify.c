/*
 * test_verify.c - meter_verify_run(): silent about a sound file with everything in it, and naming exactly what was changed behind
 * the library's back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define US_PER_MINUTE INT64_C(60000000)
#define START "2026-01-05T00:00:00Z"

static const char first_catalog[] = "version: 1\n"
				    "meters:\n"
				    "  calls: {event_type: call, aggregation: count, dimensions: [model]}\n"
				    "  units: {event_type: call, aggregation: sum, value: units, dimensions: [model, kind]}\n"
				    "  least: {event_type: call, aggregation: min}\n"
				    "  most: {event_type: call, aggregation: max, value: units}\n"
				    "  last: {event_type: call, aggregation: latest}\n"
				    "  mean: {event_type: call, aggregation: avg, filter: {model: [a, '7']}}\n"
				    "  users: {event_type: call, aggregation: unique_count, value: user, dimensions: [model]}\n"
				    "  held: {event_type: gauge, aggregation: time_weighted, dimensions: [host]}\n";

/* Filled from what is stored, where some events have no property "extra". */
static const char more_meters[] = "  extra: {event_type: call, aggregation: sum, value: extra, dimensions: [kind]}\n"
				  "  level: {event_type: gauge, aggregation: time_weighted, value: load}\n";

static const char billing[] = "plans:\n"
			      "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
			      "     charges: [{key: base, model: flat, amount: '1.00'}]}\n"
			      "subscriptions:\n"
			      "  acme: {customer: A, plan: p, from: 2026-01-01T00:00:00Z}\n"
			      "  beta: {customer: B, plan: p, from: 2026-01-01T00:00:00Z}\n"
			      "  gamma: {customer: C, plan: p, from: 2026-01-01T00:00:00Z}\n";

/* Event number i: of one of three subscriptions, with text and numbers and quotes in its properties. */
static void record_one(meter *m, int64_t i, int64_t timestamp_us)
{
	static const char *const subscriptions[] = {"acme", "beta", "gamma"};
	static const char *const models[] = {"a", "b \"quoted\\\"", "7", "-0"};
	char id[32], units[32], user[32], value[32];
	meter_property call[] = {METER_PROPERTY("model", models[i % 4]), METER_PROPERTY("units", units),
	                         METER_PROPERTY("user", user), METER_PROPERTY("kind", i % 3 ? "input" : ""),
	                         METER_PROPERTY("extra", units)};
	meter_property gauge[] = {METER_PROPERTY("host", i % 2 ? "h1" : "h2"), METER_PROPERTY("load", value)};
	bool is_gauge = i % 5 == 0;
	snprintf(id, sizeof(id), "e%" PRId64, i);
	snprintf(units, sizeof(units), i % 7 ? "%" PRId64 : "%" PRId64 ".125", i * 7919 % 1000 - (i % 11 ? 0 : 500));
	snprintf(user, sizeof(user), "u%" PRId64, i % 6);
	snprintf(value, sizeof(value), "%" PRId64 ".%02" PRId64, i % 50, i % 100);
	meter_event event = event_of(subscriptions[i % 3], id, is_gauge ? "gauge" : "call");
	event.timestamp_us = timestamp_us;
	event.value = value;
	event.properties = is_gauge ? gauge : call;
	event.property_count = is_gauge ? 2 : i % 4 == 1 ? 4 : 5;
	event.source = i % 2 ? "gw-1" : "gw-2";
	event.sequence = i / 2;
	int32_t outcome;
	assert_ok(meter_record_many(m, &event, 1, &outcome));
	assert_int_equal(outcome, METER_ACCEPTED);
}

#define EVENTS 600
#define LATE 40

/* Three days of it; then some of the first day that came late, under more meters. */
static void make_file(void)
{
	char catalog[2000];
	meter *m = open_meter();
	snprintf(catalog, sizeof(catalog), "%s%s", first_catalog, billing);
	apply_catalog(m, catalog);
	for (int64_t i = 0; i < EVENTS; i++)
		record_one(m, i, us(START) + i * 7 * US_PER_MINUTE + i % 3 * 1000001);
	snprintf(catalog, sizeof(catalog), "%s%s%s", first_catalog, more_meters, billing);
	apply_catalog(m, catalog);
	/* All of them have their "extra": a meter in force refuses those that have none. */
	for (int64_t i = EVENTS; i < EVENTS + LATE; i++)
		record_one(m, i * 4, us(START) + i * US_PER_MINUTE);
	assert_i64(EVENTS + LATE, read_stats(m).accepted);
	close_meter(m);
}

static meter_verification *verify_with(const meter_verify_options *options)
{
	meter_verification *v;
	meter *m = open_meter();
	assert_ok(meter_verify_run(&v, m, options));
	close_meter(m);
	return v;
}

static meter_verification *verify(void)
{
	return verify_with(NULL);
}

static void show(const meter_verification *v)
{
	for (size_t i = 0; i < meter_verify_count(v) && i < 10; i++)
		print_error("%s: %s: %s: expected %s, found %s\n", meter_verify_code(v, i), meter_verify_text(v, i),
		            meter_verify_place(v, i), meter_verify_expected(v, i), meter_verify_found(v, i));
}

/* The findings are those, by code; the place of the first one contains part. */
static void assert_findings(const char *codes, const char *part)
{
	char text[400] = "";
	meter_verification *v = verify();
	for (size_t i = 0; i < meter_verify_count(v); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", meter_verify_code(v, i));
	if (strcmp(text, codes) != 0)
		show(v);
	assert_text(codes, text);
	if (part)
		assert_part(part, meter_verify_place(v, 0));
	assert_i64((int64_t)meter_verify_count(v), meter_verify_total(v));
	meter_verify_free(v);
}

/* The bytes of that file: every commit of its making waits for the disk, so it is made once. */
static char *template;
static size_t template_size;

static void read_template(void)
{
	FILE *file = fopen(meter_path(), "rb");
	assert_non_null(file);
	template = malloc(16 << 20);
	assert_non_null(template);
	template_size = fread(template, 1, 16 << 20, file);
	assert_true(template_size > 0 && template_size < 16 << 20);
	fclose(file);
}

static int setup(void **state)
{
	if (scratch_setup(state))
		return -1;
	if (!template) {
		make_file();
		read_template();
		return 0;
	}
	FILE *file = fopen(meter_path(), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(template, 1, template_size, file), template_size);
	assert_int_equal(fclose(file), 0);
	return 0;
}

/* The same file again, in the middle of a test. */
static void start_again(void)
{
	assert_int_equal(scratch_teardown(NULL), 0);
	assert_int_equal(setup(NULL), 0);
}

#define on_file(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

static const char gaps[] = "sequence_gap"; /* those that came late are numbered further on */

/* ---- a sound file ---- */

static void test_sound_file_has_no_findings_but_its_gap(void **state)
{
	(void)state;
	meter_verify_counters counters = {.struct_size = sizeof(counters)};
	assert_true(sql_int(meter_path(), "SELECT count(*) FROM late") > 20);
	assert_true(sql_int(meter_path(), "SELECT count(*) FROM hour") > 100);
	assert_true(sql_int(meter_path(), "SELECT count(*) FROM minute WHERE unmeasured > 0") > 20);
	assert_findings(gaps, "source gw-");
	sql_run(meter_path(), "UPDATE event SET source = NULL");
	meter_verification *v = verify();
	show(v);
	assert_i64(0, meter_verify_total(v));
	assert_ok(meter_verify_counts(v, &counters));
	assert_i64(EVENTS + LATE, counters.events);
	assert_i64(sql_int(meter_path(), "SELECT (SELECT count(*) FROM minute) + (SELECT count(*) FROM late)"), counters.minutes);
	assert_i64(sql_int(meter_path(), "SELECT count(*) FROM hour"), counters.hours);
	assert_i64(sql_int(meter_path(), "SELECT count(*) FROM day"), counters.days);
	assert_i64(sql_int(meter_path(), "SELECT count(*) FROM sample"), counters.samples);
	assert_i64(0x6d657472, counters.application_id);
	assert_null(meter_verify_code(v, 0));
	meter_verify_free(v);
}

static void test_slices_and_full_are_sound_as_well(void **state)
{
	(void)state;
	sql_run(meter_path(), "UPDATE event SET source = NULL");
	int64_t events = 0;
	for (int64_t day = 0; day < 4; day++) {
		meter_verify_counters counters = {.struct_size = sizeof(counters)};
		meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
		options.since_us = day ? us(START) + day * 1440 * US_PER_MINUTE : INT64_MIN;
		options.until_us = day < 3 ? us(START) + (day + 1) * 1440 * US_PER_MINUTE : INT64_MAX;
		options.flags = METER_VERIFY_FULL;
		meter_verification *v = verify_with(&options);
		show(v);
		assert_i64(0, meter_verify_total(v));
		assert_ok(meter_verify_counts(v, &counters));
		events += counters.events;
		meter_verify_free(v);
	}
	assert_i64(EVENTS + LATE, events);
	/* Edges inside of hours and days. */
	for (int64_t i = 0; i < 40; i++) {
		meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
		options.since_us = us(START) + i * 37 * US_PER_MINUTE + i * 777777;
		options.until_us = options.since_us + i * 53 * US_PER_MINUTE;
		meter_verification *v = verify_with(&options);
		show(v);
		assert_i64(0, meter_verify_total(v));
		meter_verify_free(v);
	}
}

static void test_empty_file_and_file_without_catalog(void **state)
{
	(void)state;
	meter_verification *v = verify();
	assert_i64(0, meter_verify_total(v));
	meter_verify_free(v);
	meter *m = open_meter();
	record_one(m, 1, us(START));
	close_meter(m);
	v = verify();
	assert_i64(0, meter_verify_total(v));
	meter_verify_free(v);
}

/* ---- one change each ---- */

#define METER_NUMBER(key) "(SELECT meter FROM catalog_meter WHERE key = '" key "' AND version = (SELECT catalog FROM total))"

/* Run "what" on one row of a table: the third of a meter, by time. columns: the rest of its key. */
#define CHANGE(what, table, columns, key)                                                                                        \
	what " WHERE (meter, subscription, dimensions, " columns ") = (SELECT meter, subscription, dimensions, " columns         \
	     " FROM " table " WHERE events > 0 AND meter = " METER_NUMBER(key) " ORDER BY " columns " LIMIT 1 OFFSET 2)"

static void change(const char *sql)
{
	sql_run(meter_path(), "UPDATE event SET source = NULL");
	sql_run(meter_path(), sql);
}

static void test_minute_changed(void **state)
{
	(void)state;
	change(CHANGE("UPDATE minute SET value = value + 1, events = events + 1", "minute", "minute", "calls"));
	assert_findings("minute_differs", "minute 2026-01-05T00:");
}

static void test_minute_with_another_value_of_each_aggregation(void **state)
{
	static const char *const changes[] = {
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "calls"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "units"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "least"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "most"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "last"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "mean"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "users"),
		CHANGE("UPDATE minute SET value = '999.5'", "minute", "minute", "extra"),
		CHANGE("UPDATE minute SET at = at + 1", "minute", "minute", "last"),
		CHANGE("UPDATE minute SET unmeasured = 5", "minute", "minute", "extra"),
		CHANGE("UPDATE minute SET value = 'overflow'", "minute", "minute", "units"),
		CHANGE("UPDATE minute SET value = NULL", "minute", "minute", "units"),
		CHANGE("UPDATE minute SET value = 'much'", "minute", "minute", "units"),
		CHANGE("UPDATE minute SET dimensions = dimensions + 10000", "minute", "minute", "units"),
		CHANGE("DELETE FROM minute", "minute", "minute", "units"),
	};
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		start_again();
		change(changes[i]);
		/* A row under other dimensions is one too many and one too few. */
		assert_findings(strstr(changes[i], "10000") ? "minute_differs minute_differs" : "minute_differs",
		                "minute 2026-01-05T");
	}
}

static void test_hour_changed(void **state)
{
	(void)state;
	change(CHANGE("UPDATE hour SET value = value + 1", "hour", "day, hour", "calls"));
	assert_findings("hour_differs", "hour 2026-01-05T0");
}

static void test_hour_missing_and_hour_too_many(void **state)
{
	(void)state;
	change(CHANGE("DELETE FROM hour", "hour", "day, hour", "calls"));
	assert_findings("hour_differs", "hour 2026-01-05T0");
	start_again();
	change("INSERT INTO hour SELECT day, meter, 1000, hour, dimensions, events, unmeasured, value, at FROM hour LIMIT 1");
	assert_findings("hour_differs", "subscription number 1000");
}

static void test_day_changed(void **state)
{
	(void)state;
	change(CHANGE("UPDATE day SET value = value + 1", "day", "month, day", "calls"));
	assert_findings("day_differs", "day 2026-01-05T00:00:00Z, meter calls");
}

static void test_day_missing_and_day_too_many(void **state)
{
	(void)state;
	change(CHANGE("DELETE FROM day", "day", "month, day", "calls"));
	assert_findings("day_differs", "day 2026-01-05T00:00:00Z, meter calls");
	start_again();
	change("INSERT INTO day SELECT month, meter, 1000, day, dimensions, events, unmeasured, value, at FROM day LIMIT 1");
	assert_findings("day_differs", "subscription number 1000");
}

static void test_late_row_changed(void **state)
{
	(void)state;
	change(CHANGE("UPDATE late SET value = value + 1", "late", "minute", "calls"));
	assert_findings("late_differs", "minute 2026-01-05T10:");
	start_again();
	change(CHANGE("DELETE FROM late", "late", "minute", "calls"));
	assert_findings("minute_differs", "minute 2026-01-05T10:");
}

static void test_sample_changed(void **state)
{
	(void)state;
	change(CHANGE("UPDATE sample SET value = value + 1", "sample", "timestamp", "held"));
	assert_findings("sample_differs", "meter held");
	start_again();
	change(CHANGE("UPDATE sample SET timestamp = timestamp + 1", "sample", "timestamp", "held"));
	assert_findings("sample_differs sample_differs", "meter held");
}

/* An event is in the buckets of each meter that covers it: this one is a call of model "a". */
#define SOME_EVENT " WHERE id = 'e4'"
#define SEVEN "minute_differs minute_differs minute_differs minute_differs minute_differs minute_differs minute_differs"

static void test_event_deleted(void **state)
{
	(void)state;
	change("DELETE FROM event" SOME_EVENT);
	assert_findings(SEVEN " minute_differs accepted_differs", "minute 2026-01-05T00:28:00Z, meter calls, subscription beta");
}

static void test_event_with_another_value(void **state)
{
	(void)state;
	change("UPDATE event SET value = '77.5'" SOME_EVENT);
	assert_findings("minute_differs minute_differs minute_differs", "meter least, subscription beta");
}

static void test_event_with_another_dimension(void **state)
{
	(void)state;
	/* Missing under one set and too many under the other, of each meter that has the dimension. */
	change("UPDATE event SET properties = replace(properties, '\"input\"', '\"output\"')" SOME_EVENT);
	assert_findings("minute_differs minute_differs minute_differs minute_differs", "\"kind\":\"output\"");
}

static void test_event_that_cannot_be_read(void **state)
{
	(void)state;
	change("UPDATE event SET properties = '[1' " SOME_EVENT);
	meter_verification *v = verify();
	assert_text("event_unreadable", meter_verify_code(v, 0));
	assert_part("id e4", meter_verify_place(v, 0));
	meter_verify_free(v);
}

static void test_counters_changed(void **state)
{
	(void)state;
	change("UPDATE total SET accepted = accepted + 1");
	assert_findings("accepted_differs", "total.accepted");
	sql_run(meter_path(), "UPDATE total SET accepted = accepted - 1; INSERT INTO unbilled VALUES (1, 1, 100000)");
	assert_findings("unbilled_differs", "table unbilled");
}

static void test_buckets_of_no_meter(void **state)
{
	(void)state;
	change("INSERT INTO minute VALUES (29460000, 77, 1, 1, 1, 0, 1, NULL)");
	assert_findings("meter_missing", "table minute, meter number 77");
}

static void test_more_findings_than_are_kept(void **state)
{
	(void)state;
	change("UPDATE minute SET events = events + 1");
	meter_verification *v = verify();
	assert_int_equal(meter_verify_count(v), 1000);
	assert_true(meter_verify_total(v) > 1000);
	meter_verify_free(v);
}

/* ---- producers ---- */

static void test_gap_in_a_sequence(void **state)
{
	(void)state;
	meter *m = open_meter();
	/* Not in order, across two days (which are two workers), with 3 and 7 to 8 missing. */
	static const int64_t numbers[] = {4, 2, 1, 5, 0, 6, 9, 10};
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char id[16];
		int32_t outcome;
		snprintf(id, sizeof(id), "e%zu", i);
		meter_event event = event_of("acme", id, "call");
		event.timestamp_us += (int64_t)i * 400 * US_PER_MINUTE;
		event.source = "gw-1";
		event.sequence = numbers[i];
		assert_ok(meter_record_many(m, &event, 1, &outcome));
	}
	close_meter(m);
	meter_verification *v = verify();
	assert_i64(1, meter_verify_total(v));
	assert_text("sequence_gap", meter_verify_code(v, 0));
	assert_text("a source numbered events that are not here: 3, 7-8", meter_verify_text(v, 0));
	assert_text("source gw-1, sequence 0 to 10", meter_verify_place(v, 0));
	assert_text("11 numbers", meter_verify_expected(v, 0));
	assert_text("8 numbers", meter_verify_found(v, 0));
	meter_verify_free(v);
}

static void test_id_at_two_times(void **state)
{
	(void)state;
	meter *m = open_meter();
	static const struct {
		const char *subscription, *id;
		int64_t minute;
	} events[] = {{"acme", "one", 0}, {"beta", "one", 5}, {"acme", "two", 9}, {"acme", "one", 10}, {"beta", "one", 4000}};
	for (size_t i = 0; i < COUNT(events); i++) {
		meter_event event = event_of(events[i].subscription, events[i].id, "call");
		int32_t outcome;
		event.timestamp_us += events[i].minute * US_PER_MINUTE;
		assert_ok(meter_record_many(m, &event, 1, &outcome));
	}
	close_meter(m);
	assert_findings("id_reuse id_reuse", "subscription acme, id one: 2026-01-01T00:00:00Z and 2026-01-01T00:10:00Z");
}

/* ---- stopping and going on ---- */

struct progress {
	int calls, stop_at;
	int64_t done;
};

static int note_progress(int64_t done, int64_t total, void *user)
{
	struct progress *p = user;
	assert_true(done >= p->done && done <= total);
	p->done = done;
	return ++p->calls == p->stop_at;
}

/* An id of the first day again on each of 40, so on both sides of every cut, and one number of the source missing between two of them. */
static void test_slices_see_what_lies_on_both_sides(void **state)
{
	(void)state;
	meter *m = open_meter();
	for (int day = 0; day < 40; day++) {
		meter_event event = event_of("acme", "one", "call");
		event.timestamp_us += day * 1440 * US_PER_MINUTE;
		event.source = "gw-1";
		event.sequence = day < 20 ? day : day + 1;
		assert_ok(meter_record_many(m, &event, 1, NULL));
	}
	struct progress progress = {0};
	meter_verification *v;
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	options.progress = note_progress;
	options.user = &progress;
	assert_ok(meter_verify_run(&v, m, &options));
	assert_i64(INT64_MAX, meter_verify_reached_us(v));
	assert_int_equal(progress.calls, 7);
	assert_i64(39 + 1, meter_verify_total(v));
	size_t reused = 0;
	for (size_t i = 0; i < meter_verify_count(v); i++)
		reused += strcmp(meter_verify_code(v, i), "id_reuse") == 0;
	assert_int_equal(reused, 39);
	assert_text("a source numbered events that are not here: 20", meter_verify_text(v, 39));
	meter_verify_free(v);
	close_meter(m);
}

/* What was found before the stop is there; what lies behind it is found by the run that goes on. */
static void test_a_run_is_stopped_and_goes_on(void **state)
{
	(void)state;
	change("UPDATE minute SET events = events + 1 WHERE minute = (SELECT min(minute) FROM minute) AND meter = 1");
	change("UPDATE minute SET events = events + 1 WHERE minute = (SELECT max(minute) FROM minute) AND meter = 1");
	struct progress progress = {.stop_at = 2};
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	meter_verify_counters counters = {.struct_size = sizeof(counters)};
	options.progress = note_progress;
	options.user = &progress;
	meter_verification *v = verify_with(&options);
	const int64_t reached_us = meter_verify_reached_us(v);
	assert_i64(us("2026-01-07T00:00:00Z"), reached_us);
	assert_i64(1, meter_verify_total(v));
	assert_ok(meter_verify_counts(v, &counters));
	const int64_t events = counters.events;
	assert_true(events > 0 && events < EVENTS + LATE);
	meter_verify_free(v);
	options = (meter_verify_options)METER_VERIFY_OPTIONS_INIT;
	options.since_us = reached_us;
	v = verify_with(&options);
	assert_i64(INT64_MAX, meter_verify_reached_us(v));
	assert_ok(meter_verify_counts(v, &counters));
	assert_i64(EVENTS + LATE, events + counters.events);
	assert_text("minute_differs", meter_verify_code(v, 0));
	meter_verify_free(v);
}

static void test_arguments(void **state)
{
	(void)state;
	meter_verification *v;
	meter *m = open_meter();
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	meter_verify_counters counters = {.struct_size = 4};
	assert_code(METER_EINVAL, meter_verify_run(NULL, m, NULL));
	assert_code(METER_EINVAL, meter_verify_run(&v, NULL, NULL));
	options.since_us = 2;
	options.until_us = 1;
	assert_code(METER_EINVAL, meter_verify_run(&v, m, &options));
	options = (meter_verify_options)METER_VERIFY_OPTIONS_INIT;
	options.flags = 2;
	assert_code(METER_EINVAL, meter_verify_run(&v, m, &options));
	assert_null(v);
	assert_ok(meter_verify_run(&v, m, NULL));
	assert_code(METER_EINVAL, meter_verify_counts(v, &counters));
	assert_null(meter_verify_text(v, 0));
	assert_null(meter_verify_place(NULL, 0));
	meter_verify_free(v);
	meter_verify_free(NULL);
	close_meter(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_file(test_sound_file_has_no_findings_but_its_gap),
		on_file(test_slices_and_full_are_sound_as_well),
		in_scratch(test_empty_file_and_file_without_catalog),
		on_file(test_minute_changed),
		on_file(test_minute_with_another_value_of_each_aggregation),
		on_file(test_hour_changed),
		on_file(test_hour_missing_and_hour_too_many),
		on_file(test_day_changed),
		on_file(test_day_missing_and_day_too_many),
		on_file(test_late_row_changed),
		on_file(test_sample_changed),
		on_file(test_event_deleted),
		on_file(test_event_with_another_value),
		on_file(test_event_with_another_dimension),
		on_file(test_event_that_cannot_be_read),
		on_file(test_counters_changed),
		on_file(test_buckets_of_no_meter),
		on_file(test_more_findings_than_are_kept),
		in_scratch(test_gap_in_a_sequence),
		in_scratch(test_id_at_two_times),
		in_scratch(test_slices_see_what_lies_on_both_sides),
		on_file(test_a_run_is_stopped_and_goes_on),
		in_scratch(test_arguments),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(template);
	return failed;
}
