/* test_quarantine.c - what was refused as something to work on: kinds of reasons, retries that count nothing twice and lose
 * nothing, mappings, discarding. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"
#include "reason.h"

static const char tokens_catalog[] = "version: 1\n"
				     "meters: {tokens: {event_type: call, aggregation: sum, value: tokens}}\n";
static const char count_catalog[] = "version: 1\n"
				    "meters: {tokens: {event_type: call, aggregation: sum, value: count}}\n";
static const char other_catalog[] = "version: 1\n"
				    "meters: {tokens: {event_type: call, aggregation: sum, value: units}}\n";

/* ---- helpers ---- */

/* The only outcome of a line. */
static int32_t record_line(meter *m, const char *line)
{
	int32_t outcome;
	size_t count;
	assert_ok(meter_record_json(m, line, METER_NUL_TERMINATED, &outcome, 1, &count));
	assert_int_equal(count, 1);
	return outcome;
}

static int32_t record_count(meter *m, const char *id, const char *name, const char *value)
{
	char line[256];
	snprintf(line, sizeof(line),
	         "{\"id\":\"%s\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-01T00:00:00Z\","
	         "\"properties\":{\"%s\":"
	         "\"%s\"}}",
	         id, name, value);
	return record_line(m, line);
}

static meter_retry_result retry_with(meter *m, const meter_retry_options *options)
{
	meter_retry_result result = {.struct_size = sizeof(result)};
	assert_ok(meter_quarantine_retry(m, options, &result, NULL, NULL));
	assert_i64(result.tried, result.accepted + result.duplicate + result.conflict + result.rejected);
	return result;
}

static meter_retry_result retry_mapped(meter *m, int64_t number, const char *field, const char *source)
{
	meter_retry_rule rule = {field, source};
	meter_retry_options options = METER_RETRY_OPTIONS_INIT;
	options.rules = &rule;
	options.rule_count = 1;
	options.numbers = &number;
	options.number_count = 1;
	return retry_with(m, &options);
}

static int64_t waiting(meter *m)
{
	return read_stats(m).quarantined;
}

static meter_quarantine *entry(meter *m, int64_t number)
{
	meter_quarantine *q;
	assert_ok(meter_quarantine_query(&q, m, 0, number));
	assert_ok(meter_quarantine_next(q));
	return q;
}

static int64_t times_of(meter *m, int64_t number)
{
	meter_quarantine *q = entry(m, number);
	int64_t times = meter_quarantine_times(q);
	meter_quarantine_free(q);
	return times;
}

static void assert_entry(meter *m, int64_t number, int32_t outcome, const char *code, const char *reason)
{
	meter_quarantine *q = entry(m, number);
	assert_int_equal(meter_quarantine_outcome(q), outcome);
	assert_text(code, meter_quarantine_code(q));
	assert_part(reason, meter_quarantine_reason(q));
	meter_quarantine_free(q);
}

/* The only stored event. */
static void assert_stored(meter *m, const char *json)
{
	meter_events *events;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	assert_ok(meter_events_query(&events, m, &filter));
	assert_ok(meter_events_next(events));
	assert_text(json, meter_events_json(events));
	assert_code(METER_EEND, meter_events_next(events));
	meter_events_free(events);
}

/* ---- kinds of reasons ---- */

#define KEY "\"id\":\"1\",\"subscription\":\"acme\",\"type\":\"x\""
#define TIME "\"timestamp\":\"2026-01-01T00:00:00Z\""
#define CLOUD "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"type\":\"x\""

static const struct {
	const char *line;
	const char *code;
} refused_lines[] = {
	{"no json", "json"},
	{"{", "json"},
	{"[1]", "json"},
	{"{" KEY "," TIME ",\"colour\":1}", "json"},
	{"{" KEY "," TIME ",\"a: b\":1}", "json"},
	{"{" KEY "," TIME ",\"id\":\"2\"}", "json"},
	{"{" KEY "," TIME ",\"time\":\"x\"}", "json"},
	{"{\"id\":\"1\",\"type\":\"x\"," TIME "}", "subscription"},
	{"{\"subscription\":\"a\",\"type\":\"x\"," TIME "}", "id"},
	{"{\"id\":7,\"subscription\":\"a\",\"type\":\"x\"," TIME "}", "id"},
	{"{\"id\":\"1\",\"subscription\":\"a\"," TIME "}", "type"},
	{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"meter.x\"," TIME "}", "type"},
	{"{" KEY "," TIME ",\"properties\":{\"meter.x\":1}}", "property"},
	{"{" KEY "," TIME ",\"properties\":{\"meter.id\":1}}", "property"},
	{"{" KEY "}", "timestamp"},
	{"{" KEY ",\"timestamp\":\"yesterday\"}", "timestamp"},
	{"{" KEY ",\"timestamp\":\"9999-01-01T00:00:00Z\"}", "timestamp"},
	{"{" KEY "," TIME ",\"value\":\"1e3\"}", "value"},
	{"{" KEY "," TIME ",\"value\":null}", "value"},
	{"{" KEY "," TIME ",\"value\":\"0.1234567890123456789\"}", "value"},
	{"{" KEY "," TIME ",\"source\":\"\"}", "source"},
	{"{" KEY "," TIME ",\"sequence\":-1}", "sequence"},
	{"{" KEY "," TIME ",\"properties\":1}", "property"},
	{"{" KEY "," TIME ",\"properties\":{\"\":1}}", "property"},
	{"{" CLOUD ",\"time\":\"2026-01-01T00:00:00Z\"}", "subscription"},
	{"{" CLOUD ",\"subject\":\"acme\"}", "timestamp"},
	{"{" CLOUD ",\"subject\":\"acme\",\"time\":\"2026-01-01T00:00:00Z\",\"data\":1}", "property"},
	{"{" CLOUD ",\"subject\":\"acme\",\"time\":\"2026-01-01T00:00:00Z\",\"data_base64\":\"\"}", "property"},
	{"{" CLOUD ",\"subject\":\"acme\",\"time\":\"2026-01-01T00:00:00Z\",\"data\":{\"value\":1e3}}", "value"},
	{"{\"specversion\":\"2\"}", "json"},
	{"{" KEY "," TIME ",\"properties\":{\"a\":1,\"a\":2}}", "property"},
	{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"call\"," TIME "}", "meter"},
};

static void test_every_reason_has_its_code(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	for (size_t i = 0; i < COUNT(refused_lines); i++)
		assert_int_equal(record_line(m, refused_lines[i].line), METER_REJECTED);
	meter_quarantine *q;
	assert_ok(meter_quarantine_query(&q, m, 0, 0));
	for (size_t i = 0; i < COUNT(refused_lines); i++) {
		assert_ok(meter_quarantine_next(q));
		if (strcmp(refused_lines[i].code, meter_quarantine_code(q)) != 0)
			print_error("%s: %s\n", refused_lines[i].line, meter_quarantine_reason(q));
		assert_text(refused_lines[i].code, meter_quarantine_code(q));
		assert_true(meter__reason_is_code(meter_quarantine_code(q)));
	}
	assert_code(METER_EEND, meter_quarantine_next(q));
	meter_quarantine_free(q);

	/* Each code finds its entries, and the sums find all. */
	meter_reasons *reasons;
	assert_ok(meter_quarantine_reasons(&reasons, m));
	int64_t sum = 0;
	for (size_t i = 0; i < meter_reasons_count(reasons); i++) {
		meter_quarantine_filter filter = METER_QUARANTINE_FILTER_INIT;
		int64_t entries = 0;
		filter.outcome = meter_reasons_outcome(reasons, i);
		filter.code = meter_reasons_code(reasons, i);
		assert_ok(meter_quarantine_list(&q, m, &filter));
		for (; meter_quarantine_next(q) == METER_OK; entries++)
			assert_text(filter.code, meter_quarantine_code(q));
		meter_quarantine_free(q);
		assert_i64(entries, meter_reasons_entries(reasons, i));
		assert_i64(entries, meter_reasons_times(reasons, i));
		sum += entries;
	}
	assert_i64(COUNT(refused_lines), sum);
	assert_null(meter_reasons_code(reasons, meter_reasons_count(reasons)));
	assert_i64(0, meter_reasons_times(reasons, meter_reasons_count(reasons)));
	meter_reasons_free(reasons);
	close_meter(m);
}

static void test_codes_of_callers(void **state)
{
	(void)state;
	static const struct {
		const char *reason;
		const char *code;
	} cases[] = {
		{"timestamp: missing", "timestamp"},
		{"timestamps: missing", "other"},
		{"7 fields, 8 were expected", "other"},
		{"", "other"},
		{"column: x", "json"},
		{"the line is too long", "other"},
		{"data: value: x", "value"},
		{"data: x", "property"},
		{"time", "other"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_text(cases[i].code, meter__reason_code(cases[i].reason));
	size_t count = 0;
	while (meter_reason_code(count))
		assert_true(meter__reason_is_code(meter_reason_code(count++)));
	assert_int_equal(count, 13);
	assert_null(meter_reason_code(SIZE_MAX));
}

/* ---- retry ---- */

static void test_a_retry_that_changes_nothing_changes_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
		assert_int_equal(record_line(m, "no json"), METER_REJECTED);
	}
	meter_counters before = read_stats(m);
	for (int i = 0; i < 3; i++) {
		meter_retry_result result = retry_with(m, NULL);
		assert_i64(2, result.tried);
		assert_i64(2, result.rejected);
		assert_entry(m, 1, METER_REJECTED, "meter", "meter tokens: property \"tokens\" is missing");
		assert_entry(m, 2, METER_REJECTED, "json", "column 1");
		assert_i64(3, times_of(m, 1));
		assert_i64(3, times_of(m, 2));
		assert_i64(2, waiting(m));
	}
	meter_counters after = read_stats(m);
	assert_i64(before.rejected, after.rejected);
	assert_i64(before.conflict, after.conflict);
	assert_i64(before.duplicate, after.duplicate);
	assert_i64(0, after.accepted);
	close_meter(m);
}

static void test_a_new_catalog_makes_events_readable(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
	assert_int_equal(record_count(m, "2", "count", "7"), METER_REJECTED);
	assert_int_equal(record_count(m, "3", "count", "many"), METER_REJECTED);
	apply_catalog(m, count_catalog);
	meter_retry_result result = retry_with(m, NULL);
	assert_i64(2, result.accepted);
	assert_i64(1, result.rejected);
	assert_text("12", usage_total(m, "tokens"));
	assert_i64(1, waiting(m));
	assert_entry(m, 3, METER_REJECTED, "meter", "\"many\": a decimal was expected"); /* the reason of now */
	assert_i64(2, read_stats(m).accepted);
	assert_i64(3, read_stats(m).rejected);
	/* The producer's own retries meet what is stored. */
	assert_int_equal(record_count(m, "1", "count", "5"), METER_DUPLICATE);
	assert_i64(1, waiting(m));
	/* A number is not given again. */
	assert_int_equal(record_line(m, "no json"), METER_REJECTED);
	assert_entry(m, 4, METER_REJECTED, "json", "");
	close_meter(m);
}

/* The producer was quicker: with the same content the entry is done, with other content it is a conflict now. */
static void test_what_was_stored_meanwhile(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
	assert_int_equal(record_count(m, "2", "count", "5"), METER_REJECTED);
	apply_catalog(m, count_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_ACCEPTED);
	assert_int_equal(record_count(m, "2", "count", "6"), METER_ACCEPTED);
	meter_retry_result result = retry_with(m, NULL);
	assert_i64(1, result.duplicate);
	assert_i64(1, result.conflict);
	assert_text("11", usage_total(m, "tokens"));
	assert_entry(m, 2, METER_CONFLICT, "conflict", "other properties");
	assert_i64(1, waiting(m));
	assert_i64(0, read_stats(m).conflict);
	close_meter(m);
}

static void test_two_entries_that_become_the_same_are_one(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "x", "5"), METER_REJECTED);
	assert_int_equal(record_count(m, "1", "x", "5"), METER_REJECTED);
	apply_catalog(m, count_catalog);
	assert_int_equal(record_count(m, "1", "x", "5"), METER_REJECTED);
	assert_i64(2, waiting(m));
	apply_catalog(m, other_catalog);
	meter_retry_result result = retry_with(m, NULL);
	assert_i64(2, result.tried);
	assert_i64(1, waiting(m));
	assert_entry(m, 1, METER_REJECTED, "meter", "\"units\" is missing");
	assert_i64(3, times_of(m, 1));
	assert_i64(1, retry_with(m, NULL).tried);
	assert_i64(3, times_of(m, 1));
	/* One with this reason was discarded: neither is touched. */
	int64_t number = 1;
	assert_ok(meter_quarantine_discard(m, &number, 1, "no", METER_NUL_TERMINATED));
	apply_catalog(m, count_catalog);
	assert_int_equal(record_count(m, "1", "x", "5"), METER_REJECTED);
	apply_catalog(m, other_catalog);
	assert_i64(1, retry_with(m, NULL).rejected);
	assert_i64(1, waiting(m));
	assert_entry(m, 3, METER_REJECTED, "meter", "\"count\" is missing");
	assert_i64(3, times_of(m, 1));
	close_meter(m);
}

static int64_t fake_now_us;

static int64_t fake_clock(void)
{
	return fake_now_us;
}

static void test_times_that_were_ahead_of_the_clock(void **state)
{
	(void)state;
	struct os_calls before = meter__os;
	meter__os.now_us = fake_clock;
	fake_now_us = us("2026-06-01T12:00:00Z");
	meter *m = open_meter();
	assert_int_equal(record_line(m, "{" KEY ",\"timestamp\":\"2026-06-01T13:00:00Z\"}"), METER_REJECTED);
	assert_i64(1, retry_with(m, NULL).rejected);
	fake_now_us = us("2026-06-01T13:00:00Z");
	assert_i64(1, retry_with(m, NULL).accepted);
	close_meter(m);
	meter__os = before;
}

/* Texts write times as their producer does; what had been read is kept as RFC 3339. */
static void test_forms_of_time(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_line(m, "{" KEY ",\"timestamp\":\"1767225600000\"}"), METER_REJECTED);
	assert_int_equal(record_count(m, "5", "count", "5"), METER_REJECTED);
	apply_catalog(m, count_catalog);
	meter_retry_options options = METER_RETRY_OPTIONS_INIT;
	options.time_format = METER_TIME_MS;
	assert_i64(2, retry_with(m, &options).accepted);
	/* The message is that of the form asked for. */
	assert_int_equal(record_line(m, "{" KEY ",\"timestamp\":\"x\"}"), METER_REJECTED);
	assert_i64(1, retry_with(m, &options).rejected);
	assert_entry(m, 3, METER_REJECTED, "timestamp", "\"x\"");
	close_meter(m);
}

/* ---- pages, stopping, crashing ---- */

#define MANY 1300 /* three pages */

static void refuse_many(meter *m)
{
	meter_batch *b;
	char line[200];
	assert_ok(meter_batch_new(&b, m));
	for (int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line),
		         "{\"id\":\"%d\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-01T00:00:00Z\","
		         "\"properties\":{\"count\":1}}",
		         i);
		assert_ok(meter_batch_add_json(b, line, METER_NUL_TERMINATED, METER_TIME_RFC3339));
	}
	assert_ok(meter_batch_wait(b));
	meter_batch_free(b);
	assert_i64(MANY, waiting(m));
}

struct watcher {
	int64_t last;
	int64_t calls;
	int64_t stop_at;
	bool dies;
};

static int watch(int64_t number, int32_t outcome, const char *reason, void *user)
{
	struct watcher *w = user;
	assert_true(number > w->last);
	assert_int_equal(outcome, METER_ACCEPTED);
	assert_text("", reason);
	w->last = number;
	w->calls++;
	if (w->calls == w->stop_at && w->dies)
		raise(SIGKILL);
	return w->calls == w->stop_at;
}

static void test_a_retry_that_is_stopped_goes_on(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	refuse_many(m);
	apply_catalog(m, count_catalog);
	struct watcher w = {.stop_at = 600};
	meter_retry_result result = {.struct_size = sizeof(result)};
	assert_code(METER_ETIMEDOUT, meter_quarantine_retry(m, NULL, &result, watch, &w));
	assert_i64(600, w.calls);
	assert_i64(MANY - result.accepted, waiting(m));
	assert_true(result.accepted >= 600 && result.accepted < MANY);
	int64_t before = result.accepted;
	w.stop_at = 0;
	assert_ok(meter_quarantine_retry(m, NULL, &result, watch, &w));
	assert_i64(MANY, before + result.accepted);
	assert_i64(0, waiting(m));
	assert_text("1300", usage_total(m, "tokens"));
	close_meter(m);
}

static void test_a_process_that_dies_in_a_retry(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	refuse_many(m);
	apply_catalog(m, count_catalog);
	close_meter(m);
	for (int round = 0; round < 2; round++) {
		pid_t child = fork();
		if (child == 0) {
			struct watcher w = {.stop_at = 5, .dies = true};
			if (meter_open(&m, meter_path(), NULL) == METER_OK)
				(void)meter_quarantine_retry(m, NULL, NULL, watch, &w);
			_exit(1);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
	}
	m = open_meter();
	int64_t stored = read_stats(m).accepted;
	assert_true(stored > 0 && stored < MANY);
	assert_i64(MANY, stored + waiting(m));
	meter_retry_result result = retry_with(m, NULL);
	assert_i64(MANY - stored, result.accepted);
	assert_i64(0, waiting(m));
	assert_text("1300", usage_total(m, "tokens"));
	close_meter(m);
}

static void *retry_thread(void *user)
{
	const char *path = user;
	meter *m;
	meter_retry_result *result = calloc(1, sizeof(*result));
	result->struct_size = sizeof(*result);
	if (meter_open(&m, path, NULL) != METER_OK)
		return result;
	if (meter_quarantine_retry(m, NULL, result, NULL, NULL) != METER_OK)
		result->rejected = 1;
	meter_close(m);
	return result;
}

static void test_two_retries_at_once_count_once(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	refuse_many(m);
	apply_catalog(m, count_catalog);
	pthread_t threads[3];
	char path[512];
	snprintf(path, sizeof(path), "%s", meter_path());
	int64_t accepted = 0;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, retry_thread, path), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		const meter_retry_result *r = result;
		accepted += r->accepted;
		assert_i64(0, r->duplicate + r->conflict + r->rejected);
		free(result);
	}
	assert_i64(MANY, accepted);
	assert_i64(0, waiting(m));
	assert_i64(MANY, read_stats(m).accepted);
	assert_text("1300", usage_total(m, "tokens"));
	close_meter(m);
}

static void test_nothing_is_lost_while_the_file_is_locked(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	meter *m = open_meter_with(&options);
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
	apply_catalog(m, count_catalog);
	int held = hold_lock(meter_path());
	int64_t number = 1;
	meter_retry_result result = {.struct_size = sizeof(result), .tried = 7};
	assert_code(METER_EBUSY, meter_quarantine_retry(m, NULL, &result, NULL, NULL));
	assert_i64(0, result.tried);
	assert_code(METER_EBUSY, meter_quarantine_discard(m, &number, 1, "no", METER_NUL_TERMINATED));
	assert_i64(1, waiting(m));
	release_lock(held);
	assert_i64(1, retry_with(m, NULL).accepted);
	assert_i64(0, waiting(m));
	close_meter(m);
}

/* ---- conflicts ---- */

static void test_a_conflict_stays_one_under_its_key(void **state)
{
	(void)state;
	static const char *const fields[] = {"value", "type", "properties.x", "source", "id", "subscription", "timestamp"};
	static const char *const sources[] = {":1", ":y", ":1", ":gw", "id", ":acme", "timestamp"};
	meter *m = open_meter();
	assert_int_equal(record_line(m, "{" KEY "," TIME "}"), METER_ACCEPTED);
	assert_int_equal(record_line(m, "{" KEY "," TIME ",\"value\":2}"), METER_CONFLICT);
	assert_i64(1, retry_with(m, NULL).conflict);
	for (size_t i = 0; i < COUNT(fields); i++) {
		assert_i64(1, retry_mapped(m, 1, fields[i], sources[i]).conflict);
		assert_entry(m, 1, METER_CONFLICT, "conflict", "value 2 instead of 1");
		assert_i64(1, times_of(m, 1));
	}
	assert_i64(1, read_stats(m).conflict);
	assert_i64(1, retry_mapped(m, 1, "id", ":2").accepted);
	assert_i64(2, read_stats(m).accepted);
	assert_i64(0, waiting(m));
	close_meter(m);
}

/* ---- mappings ---- */

static void test_mappings(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		meter_retry_rule rules[3];
		const char *stored; /* NULL: refused again */
	} cases[] = {
		{"{" KEY ",\"ts\":\"2026-01-01T00:00:00Z\"}",
	         {{"timestamp", "ts"}},
	         "{" KEY ",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":\"1\"}"},
		{"{" KEY "," TIME ",\"properties\":{\"n\":\"a\\\"\\u00e9\",\"o\":{\"a\":[1]},\"k\":null},\"value\":\"x\"}",
	         {{"value", ":-2.50"}, {"properties.m", "properties.n"}},
	         "{" KEY "," TIME ",\"value\":\"-2.5\",\"properties\":{\"m\":\"a\\\"\xc3\xa9\",\"o\":\"{\\\"a\\\":[1]}\"}}"},
		{"{\"type\":\"x\",\"n\":5," TIME "}",
	         {{"id", "#number"}, {"subscription", ":acme"}, {"properties.n", "n"}},
	         "{" KEY "," TIME ",\"value\":\"1\",\"properties\":{\"n\":\"5\"}}"},
		{"{" KEY "," TIME ",\"value\":\"x\",\"properties\":{\"v\":\"3\"}}",
	         {{"value", "properties.v"}, {"timestamp", "nothing"}},
	         "{" KEY "," TIME ",\"value\":\"3\"}"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"g\",\"type\":\"x\",\"at\":\"2026-01-01T00:00:00Z\",\"data\":"
	         "{\"n\":1,"
	         "\"value\":\"4\"}}",
	         {{"subscription", ":acme"}, {"timestamp", "at"}, {"value", "properties.n"}},
	         "{\"id\":\"1:g1\",\"subscription\":\"acme\",\"type\":\"x\"," TIME
	         ",\"value\":\"1\",\"properties\":{\"value\":\"1\"},\"source\":\"g\"}"},
		{"{" KEY "}", {{"timestamp", ":2026-13-01T00:00:00Z"}}, NULL},
		{"{" KEY "}", {{"timestamp", "nothing"}}, NULL},
		{"{" KEY ",\"properties\":{},\"data\":{}}", {{"timestamp", ":2026-01-01T00:00:00Z"}}, NULL},
		{"{" KEY ",\"a\":1,\"a\":2}", {{"timestamp", ":2026-01-01T00:00:00Z"}}, NULL},
		{"{" KEY "} x", {{"timestamp", ":2026-01-01T00:00:00Z"}}, NULL},
		{"1,acme,x", {{"timestamp", ":2026-01-01T00:00:00Z"}}, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[32];
		meter *m;
		snprintf(name, sizeof(name), "%zu.db", i);
		assert_ok(meter_open(&m, scratch_path(name), NULL));
		assert_int_equal(record_line(m, cases[i].line), METER_REJECTED);
		meter_quarantine *q = entry(m, 1);
		char *reason = strdup(meter_quarantine_reason(q));
		meter_quarantine_free(q);
		meter_retry_options options = METER_RETRY_OPTIONS_INIT;
		options.rules = cases[i].rules;
		while (options.rule_count < 3 && cases[i].rules[options.rule_count].field)
			options.rule_count++;
		meter_retry_result result = retry_with(m, &options);
		if (cases[i].stored) {
			assert_i64(1, result.accepted);
			assert_i64(0, waiting(m));
			assert_stored(m, cases[i].stored);
		} else {
			assert_i64(1, result.rejected);
			q = entry(m, 1);
			assert_text(reason, meter_quarantine_reason(q));
			meter_quarantine_free(q);
		}
		free(reason);
		close_meter(m);
	}
}

static int keep_reason(int64_t number, int32_t outcome, const char *reason, void *user)
{
	(void)number;
	(void)outcome;
	snprintf(user, 200, "%s", reason);
	return 0;
}

/* What a mapping made of an entry is told, and the entry says what it said before. */
static void test_a_mapping_that_fails_changes_no_entry(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
	meter_retry_rule rule = {"properties.tokens", ":many"};
	meter_retry_options options = METER_RETRY_OPTIONS_INIT;
	options.rules = &rule;
	options.rule_count = 1;
	char reason[200] = "";
	assert_ok(meter_quarantine_retry(m, &options, NULL, keep_reason, reason));
	assert_part("\"many\": a decimal was expected", reason);
	assert_entry(m, 1, METER_REJECTED, "meter", "property \"tokens\" is missing");
	rule.source = "properties.count";
	assert_i64(1, retry_with(m, &options).accepted);
	assert_text("5", usage_total(m, "tokens"));
	close_meter(m);
}

/* ---- discarding ---- */

static void test_what_is_discarded_is_kept(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, tokens_catalog);
	assert_int_equal(record_count(m, "1", "count", "5"), METER_REJECTED);
	assert_int_equal(record_count(m, "2", "count", "5"), METER_REJECTED);
	assert_int_equal(record_line(m, "no json"), METER_REJECTED);
	int64_t numbers[] = {3, 1, 1, 7};
	assert_code(METER_ENOTFOUND, meter_quarantine_discard(m, numbers, 4, "test traffic", METER_NUL_TERMINATED));
	assert_text("quarantine has no entry 7 that waits", meter_errmsg());
	assert_i64(3, waiting(m)); /* all or none */
	assert_ok(meter_quarantine_discard(m, numbers, 3, "test traffic, not ours", 12));
	assert_i64(1, waiting(m));
	assert_code(METER_ENOTFOUND, meter_quarantine_discard(m, numbers, 1, "again", METER_NUL_TERMINATED));

	meter_quarantine_filter filter = METER_QUARANTINE_FILTER_INIT;
	filter.discarded = 1;
	meter_quarantine *q;
	assert_ok(meter_quarantine_list(&q, m, &filter));
	static const int64_t expected[] = {1, 3};
	for (size_t i = 0; i < 2; i++) {
		assert_ok(meter_quarantine_next(q));
		assert_i64(expected[i], meter_quarantine_number(q));
		assert_text("test traffic", meter_quarantine_discard_reason(q));
		assert_true(meter_quarantine_discarded_us(q) >= meter_quarantine_first_us(q));
	}
	assert_code(METER_EEND, meter_quarantine_next(q));
	meter_quarantine_free(q);
	q = entry(m, 2);
	assert_text("", meter_quarantine_discard_reason(q));
	assert_i64(INT64_MIN, meter_quarantine_discarded_us(q));
	meter_quarantine_free(q);

	/* No retry sees it, nor does the same text make it wait again. */
	apply_catalog(m, count_catalog);
	assert_i64(1, retry_with(m, NULL).tried);
	assert_text("5", usage_total(m, "tokens"));
	assert_int_equal(record_line(m, "no json"), METER_REJECTED);
	assert_i64(0, waiting(m));
	assert_i64(2, times_of(m, 3));
	assert_i64(4, read_stats(m).rejected);
	close_meter(m);
}

/* ---- arguments ---- */

static void test_wrong_arguments(void **state)
{
	(void)state;
	meter *m = open_meter();
	int64_t number = 1, unknown[] = {1, 9};
	assert_int_equal(record_line(m, "no json"), METER_REJECTED);
	meter_retry_result result = {.struct_size = sizeof(result)};
	assert_code(METER_EINVAL, meter_quarantine_retry(NULL, NULL, NULL, NULL, NULL));
	result.struct_size = 8;
	assert_code(METER_EINVAL, meter_quarantine_retry(m, NULL, &result, NULL, NULL));
	meter_retry_options good = METER_RETRY_OPTIONS_INIT;
	meter_retry_rule rule = {"id", ":1"};
	for (int i = 0; i < 9; i++) {
		meter_retry_options options = good;
		meter_retry_rule rules[2] = {rule, {"type", "t"}};
		options.rules = rules;
		options.rule_count = 2;
		switch (i) {
		case 0:
			options.struct_size = 8;
			break;
		case 1:
			options.numbers = NULL;
			options.number_count = 1;
			break;
		case 2:
			options.outcome = METER_ACCEPTED;
			break;
		case 3:
			options.time_format = 6;
			break;
		case 4:
			options.code = "typo";
			break;
		case 5:
			options.rules = NULL;
			break;
		case 6:
			rules[1].field = "id";
			break;
		case 7:
			rules[1].source = "";
			break;
		default:
			rules[1].field = NULL;
			break;
		}
		assert_code(METER_EINVAL, meter_quarantine_retry(m, &options, NULL, NULL, NULL));
	}
	good.numbers = unknown;
	good.number_count = 2;
	assert_code(METER_ENOTFOUND, meter_quarantine_retry(m, &good, NULL, NULL, NULL));
	good.number_count = 0;
	assert_i64(0, retry_with(m, &good).tried); /* none is not all */

	assert_code(METER_EINVAL, meter_quarantine_discard(NULL, &number, 1, "x", 1));
	assert_code(METER_EINVAL, meter_quarantine_discard(m, NULL, 1, "x", 1));
	static const char *const reasons[] = {NULL, "", "a\nb", "\xff"};
	for (size_t i = 0; i < COUNT(reasons); i++)
		assert_code(METER_EINVAL, meter_quarantine_discard(m, &number, 1, reasons[i], METER_NUL_TERMINATED));
	char reason[1002];
	memset(reason, 'a', sizeof(reason));
	assert_code(METER_EINVAL, meter_quarantine_discard(m, &number, 1, reason, 1001));
	assert_ok(meter_quarantine_discard(m, &number, 0, "nothing", METER_NUL_TERMINATED));
	assert_i64(1, waiting(m));
	assert_ok(meter_quarantine_discard(m, &number, 1, reason, 1000));

	meter_quarantine *q = (meter_quarantine *)&q;
	meter_quarantine_filter filter = METER_QUARANTINE_FILTER_INIT;
	filter.code = "typo";
	assert_code(METER_EINVAL, meter_quarantine_list(&q, m, &filter));
	assert_null(q);
	filter = (meter_quarantine_filter)METER_QUARANTINE_FILTER_INIT;
	filter.discarded = 2;
	assert_code(METER_EINVAL, meter_quarantine_list(&q, m, &filter));
	assert_code(METER_EINVAL, meter_quarantine_list(&q, m, NULL));
	assert_code(METER_EINVAL, meter_quarantine_list(NULL, m, &filter));
	assert_null(meter_quarantine_json(NULL));
	assert_text("", meter_quarantine_code(NULL));
	meter_reasons *sums = (meter_reasons *)&sums;
	assert_code(METER_EINVAL, meter_quarantine_reasons(&sums, NULL));
	assert_null(sums);
	meter_reasons_free(NULL);
	close_meter(m);
}

static void test_a_child_is_refused(void **state)
{
	(void)state;
	meter *m = open_meter();
	pid_t child = fork();
	if (child == 0) {
		int64_t number = 1;
		meter_reasons *reasons;
		bool ok = meter_quarantine_retry(m, NULL, NULL, NULL, NULL) == METER_EFORKED &&
		          meter_quarantine_discard(m, &number, 1, "x", 1) == METER_EFORKED &&
		          meter_quarantine_reasons(&reasons, m) == METER_EFORKED;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_meter(m);
}

static void test_texts_that_can_be_given_back(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_line;
	} cases[] = {
		{"{}", true},    {" {\"a\":[{}]} \r", true},  {"[1]", false},  {"", false},           {"{\"a\":\n1}", false},
		{"{} x", false}, {"{\"a\":\"\xff\"}", false}, {"null", false}, {"{\"a\":1,}", false},
	};
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ok(meter_batch_add_refused(b, cases[i].text, METER_NUL_TERMINATED, "refused"));
	meter_batch_free(b);
	meter_quarantine *q;
	assert_ok(meter_quarantine_query(&q, m, 0, 0));
	assert_null(meter_quarantine_json(q));
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_ok(meter_quarantine_next(q));
		assert_text(cases[i].is_line ? cases[i].text : NULL, meter_quarantine_json(q));
		assert_text("other", meter_quarantine_code(q));
	}
	meter_quarantine_free(q);
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_every_reason_has_its_code),
		in_scratch(test_codes_of_callers),
		in_scratch(test_a_retry_that_changes_nothing_changes_nothing),
		in_scratch(test_a_new_catalog_makes_events_readable),
		in_scratch(test_what_was_stored_meanwhile),
		in_scratch(test_two_entries_that_become_the_same_are_one),
		in_scratch(test_times_that_were_ahead_of_the_clock),
		in_scratch(test_forms_of_time),
		in_scratch(test_a_retry_that_is_stopped_goes_on),
		in_scratch(test_a_process_that_dies_in_a_retry),
		in_scratch(test_two_retries_at_once_count_once),
		in_scratch(test_nothing_is_lost_while_the_file_is_locked),
		in_scratch(test_a_conflict_stays_one_under_its_key),
		in_scratch(test_mappings),
		in_scratch(test_a_mapping_that_fails_changes_no_entry),
		in_scratch(test_what_is_discarded_is_kept),
		in_scratch(test_wrong_arguments),
		in_scratch(test_a_child_is_refused),
		in_scratch(test_texts_that_can_be_given_back),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
