/*
 * test_record.c - recording: what is refused, what becomes of an event, what a full queue, a lock and a kill leave behind.
 * Names such as openmeter#126 are issues of other metering systems: failures that a case guards against.
 */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os.h"

static const char catalog[] = "version: 1\n"
			      "meters:\n"
			      "  calls: {event_type: call, aggregation: count}\n"
			      "  amount: {event_type: call, aggregation: sum}\n";

static const char catalog_with_tokens[] = "version: 1\n"
					  "meters:\n"
					  "  calls: {event_type: call, aggregation: count}\n"
					  "  amount: {event_type: call, aggregation: sum}\n"
					  "  tokens: {event_type: call, aggregation: sum, value: tokens}\n";

static int32_t record_one(meter *m, const meter_event *event)
{
	int32_t outcome = -1;
	assert_ok(meter_record_many(m, event, 1, &outcome));
	return outcome;
}

/* ---- numbers and names ---- */

static void test_outcomes_are_pinned(void **state)
{
	(void)state;
	static const struct {
		int32_t outcome;
		const char *name;
	} cases[] = {{0, "pending"}, {1, "accepted"}, {2, "duplicate"}, {3, "conflict"},  {4, "rejected"},
	             {5, "late"},    {6, "?"},        {-1, "?"},        {INT32_MAX, "?"}, {INT32_MIN, "?"}};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_text(cases[i].name, meter_outcome_name(cases[i].outcome));
	assert_int_equal(METER_PENDING, 0);
	assert_int_equal(METER_ACCEPTED, 1);
	assert_int_equal(METER_DUPLICATE, 2);
	assert_int_equal(METER_CONFLICT, 3);
	assert_int_equal(METER_REJECTED, 4);
	assert_int_equal(METER_LATE, 5);
}

/* ---- refusals ---- */

static int64_t fake_now_us;

static int64_t fake_clock(void)
{
	return fake_now_us;
}

/* Everything is wrong; field by field is put right, in the order of checking. */
static void test_fields_are_checked_in_order_and_refusals_counted(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_property properties[] = {METER_PROPERTY("a", "1"), METER_PROPERTY("a", "2")};
	meter_event e = METER_EVENT_INIT;
	e.subscription = "";
	e.id = "";
	e.type = "";
	e.timestamp_us = -1;
	e.value = "1e3";
	e.source = "";
	e.sequence = -2;
	e.properties = properties;
	e.property_count = 65;
	static const char *const messages[] = {"subscription: ",
	                                       "id: ",
	                                       "type: ",
	                                       "timestamp: ",
	                                       "value: ",
	                                       "source: ",
	                                       "sequence: ",
	                                       "properties: there are 65",
	                                       "properties: \"a\" is repeated"};
	for (size_t i = 0; i < COUNT(messages); i++) {
		assert_code(METER_EINVAL, meter_record(m, &e));
		assert_memory_equal(meter_errmsg(), messages[i], strlen(messages[i]));
		assert_i64((int64_t)i + 1, read_stats(m).refused);
		switch (i) {
		case 0:
			e.subscription = "acme";
			break;
		case 1:
			e.id = "1";
			break;
		case 2:
			e.type = "call";
			break;
		case 3:
			e.timestamp_us = 0;
			break;
		case 4:
			e.value = "1000";
			break;
		case 5:
			e.source = NULL;
			break;
		case 6:
			e.sequence = 0;
			break;
		case 7:
			e.property_count = 2;
			break;
		default:
			e.property_count = 1;
			break;
		}
	}
	assert_ok(meter_record(m, &e));
	assert_ok(meter_flush(m, -1));
	meter_counters stats = read_stats(m);
	assert_i64(1, stats.accepted);
	assert_i64(0, stats.rejected);
	assert_i64(0, stats.quarantined);
	assert_i64((int64_t)COUNT(messages), stats.refused);
	close_meter(m);
}

static void test_null_arguments_are_refused(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	int32_t outcome;
	assert_code(METER_EINVAL, meter_record(NULL, &e));
	assert_code(METER_EINVAL, meter_record(m, NULL));
	assert_code(METER_EINVAL, meter_record_many(NULL, &e, 1, &outcome));
	assert_code(METER_EINVAL, meter_record_many(m, NULL, 1, &outcome));
	assert_code(METER_EINVAL, meter_record_json(NULL, "", 0, &outcome, 1, NULL));
	assert_code(METER_EINVAL, meter_record_json(m, NULL, 0, &outcome, 1, NULL));
	assert_code(METER_EINVAL, meter_flush(NULL, -1));
	meter_batch *b = (meter_batch *)&b;
	assert_code(METER_EINVAL, meter_batch_new(&b, NULL));
	assert_null(b);
	assert_code(METER_EINVAL, meter_batch_new(NULL, m));
	assert_ok(meter_record_many(m, NULL, 0, NULL));
	assert_i64(0, read_stats(m).accepted);
	close_meter(m);
}

/* The smallest and largest of everything is stored and comes back. */
static void test_largest_fields_are_accepted_and_one_more_byte_is_not(void **state)
{
	(void)state;
	static char text[131072];
	memset(text, 'x', sizeof(text));
	static const struct {
		const char *why;
		size_t subscription, id, type, source, name, value;
		bool is_fine;
	} cases[] = {
		{"one byte each", 1, 1, 1, 1, 1, 0, true},
		{"the most", 128, 256, 128, 256, 128, 131072 - 128, true},
		{"subscription", 129, 1, 1, 1, 1, 0, false},
		{"id", 1, 257, 1, 1, 1, 0, false},
		{"type", 1, 1, 129, 1, 1, 0, false},
		{"source", 1, 1, 1, 257, 1, 0, false},
		{"name of a property", 1, 1, 1, 1, 129, 0, false},
		{"name and value together", 1, 1, 1, 1, 128, 131072 - 127, false},
	};
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_property property = {text, text, cases[i].name, cases[i].value};
		meter_event e = event_of(text, text, text);
		e.subscription_size = cases[i].subscription;
		e.id_size = cases[i].id;
		e.type_size = cases[i].type;
		e.source = text;
		e.source_size = cases[i].source;
		e.properties = &property;
		e.property_count = 1;
		int32_t outcome = record_one(m, &e);
		if (outcome != (cases[i].is_fine ? METER_ACCEPTED : METER_REJECTED))
			fail_msg("%s: %s", cases[i].why, meter_outcome_name(outcome));
	}
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	assert_ok(meter_events_query(&events, m, &filter));
	for (size_t i = 0; i < 2; i++) {
		assert_ok(meter_events_next(events));
		const meter_event *e = meter_events_event(events);
		assert_int_equal(e->subscription_size, cases[i].subscription);
		assert_int_equal(e->id_size, cases[i].id);
		assert_int_equal(e->type_size, cases[i].type);
		assert_int_equal(e->source_size, cases[i].source);
		assert_int_equal(e->properties[0].name_size, cases[i].name);
		assert_int_equal(e->properties[0].value_size, cases[i].value);
	}
	assert_code(METER_EEND, meter_events_next(events));
	meter_events_free(events);
	close_meter(m);
}

static void test_an_older_callers_event_has_defaults(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	/* An array whose elements end before the value. */
	char array[2 * offsetof(meter_event, value)];
	for (size_t i = 0; i < 2; i++) {
		meter_event e = event_of("acme", i ? "1" : "2", "call");
		e.struct_size = offsetof(meter_event, value);
		memcpy(array + i * e.struct_size, &e, e.struct_size);
	}
	int32_t outcomes[2];
	assert_ok(meter_record_many(m, (const meter_event *)(const void *)array, 2, outcomes));
	assert_int_equal(outcomes[0], METER_ACCEPTED);
	assert_int_equal(outcomes[1], METER_ACCEPTED);
	assert_text("2", usage_total(m, "amount"));

	static const size_t wrong[] = {0, 1, offsetof(meter_event, value) - 1, sizeof(meter_event) + 1, SIZE_MAX};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		meter_event e = event_of("acme", "3", "call");
		e.struct_size = wrong[i];
		assert_code(METER_EINVAL, meter_record(m, &e));
		assert_part("struct_size", meter_errmsg());
		assert_code(METER_EINVAL, meter_record_many(m, &e, 1, outcomes));
		assert_part("struct_size", meter_errmsg());
	}
	assert_i64(2, read_stats(m).accepted);
	close_meter(m);
}

/* "At most 5 minutes ahead of the clock". The clock decides nothing else. */
static void test_the_future_ends_in_five_minutes(void **state)
{
	(void)state;
	struct os_calls before = meter__os;
	meter__os.now_us = fake_clock;
	fake_now_us = us("2026-01-01T00:00:00Z");
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	e.timestamp_us = us("2026-01-01T00:05:00.000001Z");
	assert_code(METER_EINVAL, meter_record(m, &e));
	assert_text("timestamp: 2026-01-01T00:05:00.000001Z is more than 5 minutes ahead of the clock", meter_errmsg());
	e.timestamp_us = us("2026-01-01T00:05:00Z");
	assert_int_equal(record_one(m, &e), METER_ACCEPTED);
	fake_now_us = us("1999-12-31T00:00:00Z");
	assert_int_equal(record_one(m, &e), METER_REJECTED);
	fake_now_us = us("2099-12-31T00:00:00Z");
	assert_int_equal(record_one(m, &e), METER_DUPLICATE);
	e.timestamp_us = 0;
	assert_int_equal(record_one(m, &e), METER_ACCEPTED);
	fake_now_us = INT64_MAX;
	e.timestamp_us = us("9999-12-31T23:59:59.999999Z");
	assert_int_equal(record_one(m, &e), METER_ACCEPTED);
	e.timestamp_us++;
	assert_int_equal(record_one(m, &e), METER_REJECTED);
	e.timestamp_us = INT64_MAX;
	assert_int_equal(record_one(m, &e), METER_REJECTED);
	e.timestamp_us = INT64_MIN;
	assert_int_equal(record_one(m, &e), METER_REJECTED);
	assert_i64(us("9999-12-31T23:59:59.999999Z"), read_stats(m).last_event_us);
	assert_i64(0, read_stats(m).first_event_us);
	close_meter(m);
	meter__os = before;
}

static int64_t jumping_now_us;

static int64_t jumping_clock(void)
{
	return jumping_now_us;
}

/* The wall clock is set back and forth while events come: their times are theirs, and waiting goes by another clock. */
static void test_a_clock_that_jumps_changes_nothing_stored(void **state)
{
	(void)state;
	struct os_calls before = meter__os;
	jumping_now_us = before.now_us();
	const int64_t times[] = {jumping_now_us,
	                         jumping_now_us + 1000000,
	                         jumping_now_us - 1000000,
	                         jumping_now_us - INT64_C(86400000000),
	                         us("2038-01-19T03:14:08Z"),
	                         us("2106-02-07T06:28:16Z"),
	                         0,
	                         jumping_now_us};
	meter__os.now_us = jumping_clock;
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(times); i++) {
		jumping_now_us = times[i];
		meter_event e = event_of("acme", "same", "call");
		e.timestamp_us = (int64_t)i; /* 1970: at no setting of the clock ahead of it */
		assert_ok(meter_record(m, &e));
		assert_ok(meter_flush(m, 5000));
		meter_counters stats = read_stats(m);
		assert_i64((int64_t)i + 1, stats.accepted);
		assert_i64(0, stats.oldest_queued_us);
		e.timestamp_us = times[i] + INT64_C(301000000);
		assert_code(METER_EINVAL, meter_record(m, &e));
		assert_part("more than 5 minutes ahead", meter_errmsg());
	}
	assert_i64(0, sql_int(meter_path(), "SELECT min(timestamp) FROM event"));
	assert_i64(COUNT(times) - 1, sql_int(meter_path(), "SELECT max(timestamp) FROM event"));
	close_meter(m);
	meter__os = before;
}

/* ---- the queue ---- */

static const char *number(int64_t value)
{
	static _Thread_local char texts[4][24];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof(texts[0]), "%lld", (long long)value);
	return text;
}

static meter_event large_event(const char *id)
{
	static char filler[4000];
	static meter_property property = {"filler", filler, METER_NUL_TERMINATED, sizeof(filler)};
	memset(filler, 'x', sizeof(filler));
	meter_event e = event_of("acme", id, "call");
	e.properties = &property;
	e.property_count = 1;
	return e;
}

struct filling {
	int64_t recorded;
	int64_t refused;
};

/* Record until the queue stays full: once, the writer may still take what is there to the lock it cannot get. */
static struct filling fill_queue(meter *m)
{
	struct filling done = {0, 0};
	int64_t before_pause = -1;
	while (before_pause != done.recorded) {
		before_pause = done.recorded;
		int code = METER_OK;
		while (code == METER_OK) {
			meter_event e = large_event(number(done.recorded));
			code = meter_record(m, &e);
			done.recorded += code == METER_OK;
			assert_true(done.recorded < 10000);
		}
		assert_code(METER_EAGAIN, code);
		done.refused++;
		sleep_ms(50);
	}
	return done;
}

/* A refused call leaves no trace but the counter. */
static void test_a_full_queue_refuses_and_counts(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	struct filling done = fill_queue(m);
	assert_part("the spool is full", meter_errmsg());
	assert_true(done.recorded * 4200 >= 1 << 20); /* all of it is used */
	meter_event e = large_event("one too many");
	for (int i = 0; i < 5; i++)
		assert_code(METER_EAGAIN, meter_record(m, &e));
	/* What is wrong is said first: room would not help it. */
	e.id = "";
	assert_code(METER_EINVAL, meter_record(m, &e));
	meter_counters stats = read_stats(m);
	assert_i64(done.refused + 6, stats.refused);
	assert_i64(done.recorded, stats.queued);
	assert_i64(0, stats.accepted);
	release_lock(held);
	assert_ok(meter_flush(m, -1));
	stats = read_stats(m);
	assert_i64(done.recorded, stats.accepted);
	assert_i64(0, stats.duplicate);
	assert_i64(0, stats.queued);
	assert_i64(done.refused + 6, stats.refused);
	close_meter(m);
}

static void *release_soon(void *user)
{
	sleep_ms(100);
	return (void *)(intptr_t)close(*(int *)user);
}

static void test_full_wait_ms_waits_for_room(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	options.full_wait_ms = 150;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	struct filling done = fill_queue(m);
	meter_event e = large_event("later");
	int64_t start = monotonic_ms();
	assert_code(METER_EAGAIN, meter_record(m, &e));
	assert_true(monotonic_ms() - start >= 150);
	/* Room comes while it waits; on a slow machine not within the first 150 ms. */
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, release_soon, &held), 0);
	int code = METER_EAGAIN;
	for (int i = 0; code == METER_EAGAIN && i < 100; i++)
		code = meter_record(m, &e);
	void *closed;
	pthread_join(thread, &closed);
	assert_null(closed);
	assert_ok(code);
	assert_ok(meter_flush(m, -1));
	assert_i64(done.recorded + 1, read_stats(m).accepted);
	close_meter(m);
}

static void test_flush_times_out_and_the_work_goes_on(void **state)
{
	(void)state;
	meter *m = open_meter();
	static const int64_t wrong[] = {-2, 3600001, INT64_MIN, INT64_MAX};
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_code(METER_EINVAL, meter_flush(m, wrong[i]));
	assert_ok(meter_flush(m, 0)); /* nothing waits */
	assert_ok(meter_flush(m, 3600000));
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	assert_code(METER_ETIMEDOUT, meter_flush(m, 0));
	int64_t start = monotonic_ms();
	assert_code(METER_ETIMEDOUT, meter_flush(m, 60));
	assert_true(monotonic_ms() - start >= 60);
	assert_part("within 60 ms", meter_errmsg());
	release_lock(held);
	assert_ok(meter_flush(m, 10000));
	assert_i64(1, read_stats(m).accepted);
	close_meter(m);
}

static void test_an_event_is_committed_without_being_asked_for(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.commit_interval_ms = 20;
	meter *m = open_meter_with(&options);
	meter *other = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	int64_t give_up = monotonic_ms() + 5000;
	while (read_stats(other).accepted == 0 && monotonic_ms() < give_up)
		sleep_ms(5);
	assert_i64(1, read_stats(other).accepted);
	close_meter(other);
	close_meter(m);
}

static void test_an_event_waits_for_its_interval(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.commit_interval_ms = 60000;
	meter *m = open_meter_with(&options);
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	sleep_ms(150); /* longer than the default */
	assert_i64(1, read_stats(m).queued);
	assert_i64(0, read_stats(m).accepted);
	int64_t start = monotonic_ms();
	assert_ok(meter_flush(m, -1));
	assert_true(monotonic_ms() - start < 30000);
	assert_i64(1, read_stats(m).accepted);
	close_meter(m);
}

/* ---- keys and content ---- */

/*
 * openmeter#126, lago-api#6209: keys that a joined, folded, converted or shortened key would confuse. Each is an event of its
 * own, and each a duplicate when it comes again.
 */
static void test_keys_are_never_confused(void **state)
{
	(void)state;
	static const struct {
		const char *subscription;
		const char *id;
		int64_t later_us;
	} keys[] = {
		{"a-b", "c", 0},
		{"a", "b-c", 0},
		{"a", "b", 0},
		{"ab", "c", 0},
		{"a", "bc", 0},
		{"a:b", "c", 0},
		{"a", "b:c", 0},
		{"a/b", "c", 0},
		{"a", "b/c", 0},
		{"b", "a", 0},
		{"A", "b", 0},
		{"a", "B", 0},
		{"a", "b ", 0},
		{"a", " b", 0},
		{" a", "b", 0},
		{"a", "b", 1},
		{"a", "b", 1000},
		{"a", "b", 1000000},
		{"a", "1", 0},
		{"a", "01", 0},
		{"a", "1.0", 0},
		{"a", "1e0", 0},
		{"a", "+1", 0},
		{"1", "a", 0},
		{"01", "a", 0},
		{"a", "\xc3\xa9", 0},
		{"a", "e\xcc\x81", 0},
		{"a", "\xc3\x89", 0},
		{"a", "NULL", 0},
		{"a", "null", 0},
		{"a", "12345678", 0},
		{"a", "123456789", 0},
		{"a", "12345679", 0},
		{"a", "1234567", 0},
		{"a", "x'61'", 0},
		{"a", "9007199254740993", 0},
		{"a", "9007199254740992", 0},
		{"a", "b%", 0},
		{"a", "b_", 0},
		{"a", "\"b\"", 0},
	};
	meter *m = open_meter();
	meter_event events[COUNT(keys)];
	int32_t outcomes[COUNT(keys)];
	for (size_t i = 0; i < COUNT(keys); i++) {
		events[i] = event_of(keys[i].subscription, keys[i].id, "call");
		events[i].timestamp_us += keys[i].later_us;
	}
	for (int round = 0; round < 2; round++) {
		assert_ok(meter_record_many(m, events, COUNT(keys), outcomes));
		for (size_t i = 0; i < COUNT(keys); i++) {
			if (outcomes[i] != (round ? METER_DUPLICATE : METER_ACCEPTED))
				fail_msg("\"%s\" \"%s\" +%d: %s", keys[i].subscription, keys[i].id, (int)keys[i].later_us,
				         meter_outcome_name(outcomes[i]));
		}
	}
	assert_i64((int64_t)COUNT(keys), read_stats(m).accepted);
	close_meter(m);
}

/* The content is type, value, properties (lago-api#5327). What travels with the event, and how its content is written, is not. */
static void test_same_content_is_a_duplicate_and_other_content_a_conflict(void **state)
{
	(void)state;
	static const meter_property in_order[] = {METER_PROPERTY("kind", "input"), METER_PROPERTY("model", "large-1")};
	static const meter_property turned[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("kind", "input")};
	static const meter_property more[] = {METER_PROPERTY("kind", "input"), METER_PROPERTY("model", "large-1"),
	                                      METER_PROPERTY("n", "")};
	static const meter_property other[] = {METER_PROPERTY("kind", "Input"), METER_PROPERTY("model", "large-1")};
	static const struct {
		const char *why;
		int32_t outcome;
		const char *type, *value, *source;
		int64_t sequence;
		const meter_property *properties;
		size_t property_count;
		const char *reason;
	} cases[] = {
		{"the same", METER_DUPLICATE, "call", "1.5", NULL, -1, in_order, 2, ""},
		{"value with zeros", METER_DUPLICATE, "call", "01.500", NULL, -1, in_order, 2, ""},
		{"properties in another order", METER_DUPLICATE, "call", "1.5", NULL, -1, turned, 2, ""},
		{"another source", METER_DUPLICATE, "call", "1.5", "gw-2", -1, in_order, 2, ""},
		{"another sequence", METER_DUPLICATE, "call", "1.5", NULL, 7, in_order, 2, ""},
		{"type", METER_CONFLICT, "Call", "1.5", NULL, -1, in_order, 2, "another type"},
		{"value", METER_CONFLICT, "call", "1.50000000000000001", NULL, -1, in_order, 2,
	         "value 1.50000000000000001 instead of 1.5"},
		{"sign", METER_CONFLICT, "call", "-1.5", NULL, -1, in_order, 2, "value -1.5 instead of 1.5"},
		{"no value", METER_CONFLICT, "call", NULL, NULL, -1, in_order, 2, "value 1 instead of 1.5"},
		{"a property less", METER_CONFLICT, "call", "1.5", NULL, -1, in_order, 1, "other properties"},
		{"an empty property more", METER_CONFLICT, "call", "1.5", NULL, -1, more, 3, "other properties"},
		{"no property", METER_CONFLICT, "call", "1.5", NULL, -1, NULL, 0, "other properties"},
		{"a property in capitals", METER_CONFLICT, "call", "1.5", NULL, -1, other, 2, "other properties"},
		{"everything", METER_CONFLICT, "x", "0", NULL, -1, NULL, 0,
	         "another type, value 0 instead of 1.5, other properties"},
	};
	meter *m = open_meter();
	apply_catalog(m, catalog);
	meter_event first = event_of("acme", "1", "call");
	first.value = "1.5";
	first.properties = in_order;
	first.property_count = 2;
	assert_int_equal(record_one(m, &first), METER_ACCEPTED);
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_event e = event_of("acme", "1", cases[i].type);
		e.value = cases[i].value;
		e.source = cases[i].source;
		e.sequence = cases[i].sequence;
		e.properties = cases[i].properties;
		e.property_count = cases[i].property_count;
		assert_ok(meter_batch_add(b, &e));
	}
	assert_ok(meter_batch_wait(b));
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (meter_batch_outcome(b, i) != cases[i].outcome)
			fail_msg("%s: %s", cases[i].why, meter_outcome_name(meter_batch_outcome(b, i)));
		assert_part(cases[i].reason, meter_batch_reason(b, i));
	}
	meter_batch_free(b);
	/* Never counted, overwrites nothing. */
	assert_text("1", usage_total(m, "calls"));
	assert_text("1.5", usage_total(m, "amount"));
	assert_i64(5, read_stats(m).duplicate);
	assert_i64(9, read_stats(m).conflict);
	close_meter(m);
}

/* NULL, "1" and 1.0 are one value. */
static void test_a_missing_value_is_one(void **state)
{
	(void)state;
	static const char *const values[] = {NULL, "1", "1.0"};
	meter *m = open_meter();
	apply_catalog(m, catalog);
	for (size_t i = 0; i < COUNT(values); i++) {
		meter_event e = event_of("acme", "1", "call");
		e.value = values[i];
		assert_int_equal(record_one(m, &e), i ? METER_DUPLICATE : METER_ACCEPTED);
	}
	assert_text("1", usage_total(m, "amount"));
	close_meter(m);
}

/* ---- the synchronous batch ---- */

/* lago-api#4772: one bad event touches no other. In one batch the first of two with one key wins. */
static void test_record_many_decides_each_event_by_itself(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	meter_event stored = event_of("acme", "stored", "call");
	assert_int_equal(record_one(m, &stored), METER_ACCEPTED);
	static const struct {
		const char *id, *value;
		int32_t outcome;
	} cases[] = {
		{"new", "5", METER_ACCEPTED},    {"stored", "1", METER_DUPLICATE}, {"stored", "2", METER_CONFLICT},
		{"", "1", METER_REJECTED},       {"new", "5", METER_DUPLICATE},    {"new", "6", METER_CONFLICT},
		{"bad", "1e3", METER_REJECTED},  {"twice", "7", METER_ACCEPTED},   {"twice", "8", METER_CONFLICT},
		{"twice", "7", METER_DUPLICATE}, {"bad", "10", METER_ACCEPTED},    {"a", "0", METER_ACCEPTED},
		{"bad", "1e3", METER_REJECTED},
	};
	meter_event events[COUNT(cases)];
	int32_t outcomes[COUNT(cases)];
	for (size_t i = 0; i < COUNT(cases); i++) {
		events[i] = event_of("acme", cases[i].id, "call");
		events[i].value = cases[i].value;
	}
	assert_ok(meter_record_many(m, events, COUNT(cases), outcomes));
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (outcomes[i] != cases[i].outcome)
			fail_msg("event %d: %s", (int)i, meter_outcome_name(outcomes[i]));
	}
	meter_counters stats = read_stats(m);
	assert_i64(5, stats.accepted);
	assert_i64(3, stats.duplicate);
	assert_i64(3, stats.conflict);
	assert_i64(3, stats.rejected);
	assert_i64(5, stats.quarantined); /* "bad" came twice and is one entry */
	assert_text("5", usage_total(m, "calls"));
	assert_text("23", usage_total(m, "amount"));
	/* Without room for outcomes the same happens. */
	assert_ok(meter_record_many(m, events, COUNT(cases), NULL));
	assert_i64(5, read_stats(m).accepted);
	close_meter(m);
}

static void test_a_pending_outcome_of_a_batch_that_could_not_be_written(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	meter_event events[3] = {event_of("acme", "1", "call"), event_of("acme", "2", "call"), event_of("acme", "", "call")};
	int32_t outcomes[3] = {99, 99, 99};
	assert_code(METER_EBUSY, meter_record_many(m, events, 3, outcomes));
	assert_part("another process has been writing for longer than 50 ms", meter_errmsg());
	for (int i = 0; i < 3; i++)
		assert_int_equal(outcomes[i], METER_PENDING);
	assert_i64(3, read_stats(m).queued);
	release_lock(held);
	/* They went on waiting, so recording them again finds them there: harmless. */
	assert_ok(meter_record_many(m, events, 3, outcomes));
	assert_int_equal(outcomes[0], METER_DUPLICATE);
	assert_int_equal(outcomes[1], METER_DUPLICATE);
	assert_int_equal(outcomes[2], METER_REJECTED);
	assert_i64(2, read_stats(m).accepted);
	assert_i64(2, read_stats(m).rejected);
	close_meter(m);
}

/* ---- JSON Lines ---- */

#define LINE(id, rest)                                                                                                           \
	"{\"id\":\"" id "\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-31T23:59:59.123Z\"" rest "}"

#define BLANK (-1)

static void test_json_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int32_t outcome;
	} lines[] = {
		{"\n", BLANK},
		{"  \t\r\n", BLANK},
		{LINE("1", "") "\r\n", METER_ACCEPTED},
		{"\n", BLANK},
		{"   " LINE("2", ",\"value\":1.50,\"properties\":{\"n\":9007199254740993}") "   \n", METER_ACCEPTED},
		{"this is no JSON\n", METER_REJECTED},
		{LINE("1", ",\"value\":\"1.0\"") "\n", METER_DUPLICATE},
		{LINE("2", "") "\n", METER_CONFLICT},
		{"{\"specversion\":\"1.0\",\"id\":\"req\",\"source\":\"gw-1\",\"type\":\"call\",\"subject\":\"acme\","
	         "\"time\":\"2026-01-31T23:59:59.123Z\",\"data\":{\"value\":\"3\"}}\n",
	         METER_ACCEPTED},
		{LINE("3", ",\"extra\":1"), METER_REJECTED}, /* the last line needs no end */
	};
	char text[2000] = "";
	int32_t expected[COUNT(lines)], outcomes[COUNT(lines)];
	size_t expected_count = 0, count = 0;
	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", lines[i].line);
		if (lines[i].outcome != BLANK)
			expected[expected_count++] = lines[i].outcome;
	}
	meter *m = open_meter();
	apply_catalog(m, catalog);
	assert_ok(meter_record_json(m, text, METER_NUL_TERMINATED, outcomes, expected_count, &count));
	assert_int_equal(count, expected_count);
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i] != expected[i])
			fail_msg("line %d: %s", (int)i, meter_outcome_name(outcomes[i]));
	}
	assert_text("5.5", usage_total(m, "amount"));

	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	assert_ok(meter_events_query(&events, m, &filter));
	assert_ok(meter_events_next(events));
	assert_ok(meter_events_next(events));
	assert_text("9007199254740993", meter_events_event(events)->properties[0].value);
	assert_ok(meter_events_next(events));
	assert_text("4:gw-1req", meter_events_event(events)->id);
	meter_events_free(events);

	/* What is no JSON is kept as it came. */
	meter_quarantine *quarantine;
	assert_ok(meter_quarantine_query(&quarantine, m, METER_REJECTED, 0));
	assert_ok(meter_quarantine_next(quarantine));
	assert_text("this is no JSON", meter_quarantine_text(quarantine, NULL));
	meter_quarantine_free(quarantine);
	close_meter(m);
}

static void test_json_with_too_little_room_records_nothing(void **state)
{
	(void)state;
	static const char text[] = LINE("1", "") "\n\n" LINE("2", "") "\n";
	meter *m = open_meter();
	int32_t outcomes[2] = {99, 99};
	size_t count = 0;
	assert_code(METER_EINVAL, meter_record_json(m, text, METER_NUL_TERMINATED, outcomes, 1, &count));
	assert_int_equal(count, 2);
	assert_int_equal(outcomes[0], 99);
	assert_i64(0, read_stats(m).accepted);
	assert_ok(meter_record_json(m, text, METER_NUL_TERMINATED, NULL, 0, NULL));
	assert_i64(2, read_stats(m).accepted);
	assert_ok(meter_record_json(m, text, sizeof(text) - 1, outcomes, 2, NULL));
	assert_int_equal(outcomes[1], METER_DUPLICATE);
	assert_ok(meter_record_json(m, "", 0, outcomes, 2, &count));
	assert_int_equal(count, 0);
	close_meter(m);
}

/* A size may end in the middle of a text, and a NUL is a byte like another: no line with one is blank, or loses it. */
static void test_json_is_as_long_as_its_size_says(void **state)
{
	(void)state;
	static const char text[] = LINE("1", "") "\n\0\n" LINE("2", "") "\0\n" LINE("3", "");
	static const int32_t expected[] = {METER_ACCEPTED, METER_REJECTED, METER_REJECTED, METER_REJECTED};
	meter *m = open_meter();
	int32_t outcomes[COUNT(expected)];
	size_t count;
	assert_ok(meter_record_json(m, text, sizeof(text) - 2, outcomes, COUNT(outcomes), &count));
	assert_int_equal(count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_int_equal(outcomes[i], expected[i]);
	close_meter(m);
}

/* The pair source + id of a CloudEvent is kept apart by length. */
static void test_ids_of_cloudevents_are_not_joined(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"ab", "c"},  {"a", "bc"},   {"a:b", "c"},
	                                       {"a", ":bc"}, {"1", "1:11"}, {"1:1", "11"}};
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char text[300];
		snprintf(text, sizeof(text),
		         "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"call\",\"subject\":\"acme\","
		         "\"time\":\"2026-01-01T00:00:00Z\"}",
		         pairs[i][1], pairs[i][0]);
		int32_t outcome;
		assert_ok(meter_record_json(m, text, METER_NUL_TERMINATED, &outcome, 1, NULL));
		assert_int_equal(outcome, METER_ACCEPTED);
	}
	close_meter(m);
}

/* ---- batches ---- */

static void test_a_batch_from_its_first_event_to_its_second_use(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	assert_int_equal(meter_batch_count(b), 0);
	assert_ok(meter_batch_wait(b));
	assert_ok(meter_batch_clear(b));

	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_batch_add(b, &e));
	e.value = "2";
	assert_ok(meter_batch_add(b, &e));
	assert_ok(meter_batch_add_json(b, LINE("1", ""), METER_NUL_TERMINATED, METER_TIME_RFC3339));
	assert_ok(meter_batch_add_json(b, "{}", METER_NUL_TERMINATED, METER_TIME_RFC3339));
	assert_ok(meter_batch_add_refused(b, "a;broken;row", METER_NUL_TERMINATED, "4 columns were expected"));
	assert_int_equal(meter_batch_count(b), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(meter_batch_outcome(b, i), METER_PENDING);
		assert_text("", meter_batch_reason(b, i));
	}
	assert_code(METER_EINVAL, meter_batch_clear(b));
	assert_part("5 outcomes are pending", meter_errmsg());
	release_lock(held);

	assert_ok(meter_batch_wait(b));
	static const int32_t expected[] = {METER_ACCEPTED, METER_CONFLICT, METER_ACCEPTED, METER_REJECTED, METER_REJECTED};
	static const char *const reasons[] = {"", "value 2 instead of 1", "", "timestamp: missing", "4 columns were expected"};
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(meter_batch_outcome(b, i), expected[i]);
		assert_part(reasons[i], meter_batch_reason(b, i));
	}
	assert_text("", meter_batch_reason(b, 0));
	assert_int_equal(meter_batch_outcome(b, 5), METER_PENDING);
	assert_text("", meter_batch_reason(b, 5));

	assert_ok(meter_batch_clear(b));
	assert_int_equal(meter_batch_count(b), 0);
	assert_int_equal(meter_batch_outcome(b, 0), METER_PENDING);
	assert_text("", meter_batch_reason(b, 1));
	assert_ok(meter_batch_add(b, &e));
	assert_ok(meter_batch_wait(b));
	assert_int_equal(meter_batch_outcome(b, 0), METER_CONFLICT);
	meter_batch_free(b);
	close_meter(m);
}

static void test_batch_arguments(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	meter_event e = event_of("acme", "1", "call");
	assert_code(METER_EINVAL, meter_batch_add(NULL, &e));
	assert_code(METER_EINVAL, meter_batch_add(b, NULL));
	assert_code(METER_EINVAL, meter_batch_add_json(b, NULL, 0, METER_TIME_RFC3339));
	assert_code(METER_EINVAL, meter_batch_add_json(b, "{}", 2, -1));
	assert_code(METER_EINVAL, meter_batch_add_json(b, "{}", 2, METER_TIME_NS + 1));
	assert_code(METER_EINVAL, meter_batch_add_refused(b, NULL, 0, "why"));
	assert_code(METER_EINVAL, meter_batch_add_refused(b, "x", 1, NULL));
	assert_code(METER_EINVAL, meter_batch_wait(NULL));
	assert_code(METER_EINVAL, meter_batch_clear(NULL));
	assert_int_equal(meter_batch_count(NULL), 0);
	assert_int_equal(meter_batch_outcome(NULL, 0), METER_PENDING);
	assert_text("", meter_batch_reason(NULL, 0));
	assert_int_equal(meter_batch_count(b), 0);
	meter_batch_free(b);
	meter_batch_free(NULL);
	close_meter(m);
}

static void test_times_of_a_batch_are_read_as_told(void **state)
{
	(void)state;
	static const struct {
		int32_t format;
		const char *time;
		int32_t outcome;
	} cases[] = {
		{METER_TIME_RFC3339, "\"2026-01-01T00:00:00Z\"", METER_ACCEPTED},
		{METER_TIME_UTC, "\"2026-01-01T00:00:00\"", METER_DUPLICATE},
		{METER_TIME_S, "1767225600", METER_DUPLICATE},
		{METER_TIME_MS, "1767225600000", METER_DUPLICATE},
		{METER_TIME_US, "1767225600000000", METER_DUPLICATE},
		{METER_TIME_NS, "1767225600000000000", METER_DUPLICATE},
		{METER_TIME_S, "1767225600.5", METER_ACCEPTED},
		{METER_TIME_RFC3339, "1767225600", METER_REJECTED},
		{METER_TIME_RFC3339, "\"2026-01-01T00:00:00\"", METER_REJECTED},
		{METER_TIME_NS, "1767225600000000001", METER_REJECTED},
	};
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200];
		snprintf(text, sizeof(text), "{\"id\":\"1\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":%s}",
		         cases[i].time);
		assert_ok(meter_batch_add_json(b, text, METER_NUL_TERMINATED, cases[i].format));
	}
	assert_ok(meter_batch_wait(b));
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (meter_batch_outcome(b, i) != cases[i].outcome)
			fail_msg("%s: %s %s", cases[i].time, meter_outcome_name(meter_batch_outcome(b, i)),
			         meter_batch_reason(b, i));
	}
	meter_batch_free(b);
	close_meter(m);
}

static void test_freeing_a_batch_loses_no_event(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_batch_add(b, &e));
	meter_batch_free(b);
	assert_i64(1, read_stats(m).accepted);

	/* It cannot be written now: it stays with the writer, and nobody asks for its outcome any more. */
	int held = hold_lock(meter_path());
	assert_ok(meter_batch_new(&b, m));
	e.id = "2";
	assert_ok(meter_batch_add(b, &e));
	assert_ok(meter_batch_add_refused(b, "x", 1, "why"));
	assert_code(METER_EBUSY, meter_batch_wait(b));
	assert_int_equal(meter_batch_outcome(b, 0), METER_PENDING);
	meter_batch_free(b);
	release_lock(held);
	assert_ok(meter_flush(m, -1));
	assert_i64(2, read_stats(m).accepted);
	assert_i64(1, read_stats(m).rejected);
	assert_i64(0, read_stats(m).duplicate);
	close_meter(m);
}

static void test_a_batch_is_decided_after_a_wait_that_failed(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_batch_add(b, &e));
	assert_code(METER_EBUSY, meter_batch_wait(b));
	assert_code(METER_EBUSY, meter_batch_wait(b));
	assert_code(METER_EINVAL, meter_batch_clear(b));
	release_lock(held);
	assert_ok(meter_batch_wait(b));
	assert_int_equal(meter_batch_outcome(b, 0), METER_ACCEPTED);
	meter_batch_free(b);
	assert_i64(1, read_stats(m).accepted);
	assert_i64(0, read_stats(m).duplicate);
	close_meter(m);
}

/* Larger than the queue: adding waits for the writer instead of failing. */
static void test_a_batch_may_be_larger_than_the_queue(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	meter *m = open_meter_with(&options);
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (int i = 0; i < 3000; i++) {
		meter_event e = large_event(number(i));
		assert_ok(meter_batch_add(b, &e));
	}
	assert_ok(meter_batch_wait(b));
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(meter_batch_outcome(b, i), METER_ACCEPTED);
	meter_batch_free(b);
	assert_i64(3000, read_stats(m).accepted);
	assert_i64(0, read_stats(m).refused);
	close_meter(m);
}

static void test_a_batch_that_finds_the_queue_full_says_why(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	int64_t added = 0;
	int code = METER_OK;
	while (code == METER_OK && added < 10000) {
		meter_event e = large_event(number(added));
		code = meter_batch_add(b, &e);
		added += code == METER_OK;
	}
	assert_code(METER_EBUSY, code);
	assert_part("another process has been writing", meter_errmsg());
	assert_true(added * 4000 >= 1 << 19);
	assert_int_equal(meter_batch_count(b), added);
	release_lock(held);
	meter_event e = large_event("one too many");
	assert_ok(meter_batch_add(b, &e));
	assert_ok(meter_batch_wait(b));
	for (size_t i = 0; i <= (size_t)added; i++)
		assert_int_equal(meter_batch_outcome(b, i), METER_ACCEPTED);
	meter_batch_free(b);
	assert_i64(added + 1, read_stats(m).accepted);
	close_meter(m);
}

/* ---- meters and recording ---- */

static void test_an_event_that_a_meter_cannot_read_may_be_mended(void **state)
{
	(void)state;
	static const struct {
		const char *tokens;
		int32_t outcome;
	} cases[] = {{NULL, METER_REJECTED},   {"1e3", METER_REJECTED}, {"", METER_REJECTED},    {"120", METER_ACCEPTED},
	             {"120", METER_DUPLICATE}, {"121", METER_CONFLICT}, {"1e3", METER_CONFLICT}, {NULL, METER_CONFLICT}};
	meter *m = open_meter();
	apply_catalog(m, catalog_with_tokens);
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_property property = {"tokens", cases[i].tokens, METER_NUL_TERMINATED, METER_NUL_TERMINATED};
		meter_event e = event_of("acme", "1", "call");
		e.properties = &property;
		e.property_count = cases[i].tokens ? 1 : 0;
		int32_t outcome = record_one(m, &e);
		if (outcome != cases[i].outcome)
			fail_msg("case %d: %s", (int)i, meter_outcome_name(outcome));
	}
	assert_text("120", usage_total(m, "tokens"));
	assert_text("1", usage_total(m, "calls"));
	assert_i64(3, read_stats(m).rejected);
	assert_i64(6, read_stats(m).quarantined);
	meter_quarantine *quarantine;
	assert_ok(meter_quarantine_query(&quarantine, m, METER_REJECTED, 0));
	assert_ok(meter_quarantine_next(quarantine));
	assert_part("tokens", meter_quarantine_reason(quarantine));
	meter_quarantine_free(quarantine);
	close_meter(m);
}

/* Whether the unreadable one is rejected or a conflict is not promised: its place in the batch is not looked at. */
static void test_an_unreadable_event_and_its_mended_one_in_a_batch(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog_with_tokens);
	meter_property property = METER_PROPERTY("tokens", "120");
	meter_event events[2] = {event_of("acme", "1", "call"), event_of("acme", "1", "call")};
	events[1].properties = &property;
	events[1].property_count = 1;
	int32_t outcomes[2];
	assert_ok(meter_record_many(m, events, 2, outcomes));
	assert_true(outcomes[0] == METER_REJECTED || outcomes[0] == METER_CONFLICT);
	assert_int_equal(outcomes[1], METER_ACCEPTED);
	assert_text("120", usage_total(m, "tokens"));
	assert_text("1", usage_total(m, "calls"));
	assert_i64(1, read_stats(m).quarantined);
	close_meter(m);
}

/* openmeter#5118: what is stored stays known, whatever the catalog says later. */
static void test_a_retry_after_the_catalog_changed_is_a_duplicate(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_int_equal(record_one(m, &e), METER_ACCEPTED);
	apply_catalog(m, catalog);
	assert_int_equal(record_one(m, &e), METER_DUPLICATE);
	apply_catalog(m, catalog_with_tokens); /* a meter that cannot read it */
	assert_int_equal(record_one(m, &e), METER_DUPLICATE);
	e.value = "2";
	assert_int_equal(record_one(m, &e), METER_CONFLICT);
	e.id = "2";
	assert_int_equal(record_one(m, &e), METER_REJECTED);
	apply_catalog(m, "version: 1\n");
	assert_int_equal(record_one(m, &e), METER_ACCEPTED);
	apply_catalog(m, catalog);
	assert_text("2", usage_total(m, "calls"));
	assert_text("3", usage_total(m, "amount"));
	close_meter(m);
}

static void test_sums_are_exact(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		int times;
		const char *sum;
	} cases[] = {
		{"9223372036854775807", 2, "18446744073709551614"},
		{"-9223372036854775808", 3, "-27670116110564327424"},
		{"0.1", 10, "1"},
		{"9007199254740993", 3, "27021597764222979"},
		{"0.000000000000000001", 7, "0.000000000000000007"},
		{"9.223372036854775807", 2, "18.446744073709551614"},
		{"-0.3", 3, "-0.9"},
		{"0", 5, "0"},
		{"0.10", 1, "0.1"},
	};
	meter *m = open_meter();
	char text[1000] = "version: 1\nmeters:\n";
	for (size_t i = 0; i < COUNT(cases); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "  m%d: {event_type: t%d, aggregation: sum}\n", (int)i,
		         (int)i);
	apply_catalog(m, text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[16];
		snprintf(name, sizeof(name), "t%d", (int)i);
		/* A transaction each, so that buckets merge in the file as well. */
		for (int n = 0; n < cases[i].times; n++) {
			meter_event e = event_of(name, number(n), name);
			e.value = cases[i].value;
			assert_int_equal(record_one(m, &e), METER_ACCEPTED);
		}
		name[0] = 'm';
		assert_text(cases[i].sum, usage_total(m, name));
	}
	close_meter(m);
}

static void test_values_have_an_edge(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		bool is_fine;
	} cases[] = {
		{"9223372036854775807", true},
		{"9223372036854775808", false},
		{"-9223372036854775808", true},
		{"-9223372036854775809", false},
		{"0.000000000000000001", true},
		{"0.0000000000000000001", false},
		{"9.223372036854775807", true},
		{"9.223372036854775808", false},
		{"1.000000000000000000000", true},
		{"", false},
		{"1e3", false},
		{"0x10", false},
		{"NaN", false},
		{"1,000", false},
		{" 1", false},
		{"1 ", false},
		{".", false},
		{"-", false},
		{"--1", false},
		{"1.2.3", false},
	};
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_event e = event_of("acme", number((int64_t)i), "call");
		e.value = cases[i].value;
		int32_t outcome = record_one(m, &e);
		if (outcome != (cases[i].is_fine ? METER_ACCEPTED : METER_REJECTED))
			fail_msg("\"%s\": %s", cases[i].value, meter_outcome_name(outcome));
	}
	close_meter(m);
}

/* ---- sudden death ---- */

#define KILLS 20

struct death {
	int report; /* where the child says how many events are acknowledged */
	int64_t first;
};

static void record_until_killed(struct death death)
{
	meter *m;
	if (meter_open(&m, meter_path(), NULL) != METER_OK)
		_exit(1);
	for (int64_t next = death.first;; next += 3) {
		meter_event events[3];
		for (int i = 0; i < 3; i++)
			events[i] = event_of("acme", number(next + i), "call");
		int32_t outcomes[3];
		int64_t acknowledged = next + 3;
		if (meter_record_many(m, events, 3, outcomes) != METER_OK ||
		    write(death.report, &acknowledged, sizeof(acknowledged)) != sizeof(acknowledged))
			_exit(2);
	}
}

/* How many events the child acknowledged before it was killed, which is after it acknowledged some. */
static int64_t kill_a_recording_child(int64_t first, int after)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		record_until_killed((struct death){ends[1], first});
	close(ends[1]);
	int64_t acknowledged = first;
	for (int i = 0; i < after; i++)
		assert_int_equal(read(ends[0], &acknowledged, sizeof(acknowledged)), sizeof(acknowledged));
	assert_int_equal(kill(child, SIGKILL), 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &acknowledged, sizeof(acknowledged)) == sizeof(acknowledged))
		;
	close(ends[0]);
	return acknowledged;
}

/* openmeter#4902, openmeter#4964: acknowledged is stored, once. After each death the file is used as it was left. */
static void test_acknowledged_events_survive_kill(void **state)
{
	(void)state;
	int64_t next = 0;
	for (int i = 0; i < KILLS; i++) {
		int64_t acknowledged = kill_a_recording_child(next, 1 + i % 7);
		meter *m = open_meter();
		/* At most the one batch that was on its way is there besides. */
		int64_t accepted = read_stats(m).accepted;
		assert_true(accepted == acknowledged || accepted == acknowledged + 3);
		assert_i64(0, read_stats(m).duplicate);
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		meter_events *events;
		assert_ok(meter_events_query(&events, m, &filter));
		int64_t listed = 0;
		while (meter_events_next(events) == METER_OK)
			listed++;
		assert_i64(accepted, listed);
		meter_events_free(events);
		if (i == KILLS - 1) {
			apply_catalog(m, catalog);
			assert_text(number(accepted), usage_total(m, "calls"));
		}
		close_meter(m);
		next = accepted;
	}
	assert_i64(next, sql_int(meter_path(), "SELECT count(DISTINCT id) FROM event"));
	assert_i64(1, sql_int(meter_path(), "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_outcomes_are_pinned),
		in_scratch(test_fields_are_checked_in_order_and_refusals_counted),
		in_scratch(test_null_arguments_are_refused),
		in_scratch(test_largest_fields_are_accepted_and_one_more_byte_is_not),
		in_scratch(test_an_older_callers_event_has_defaults),
		in_scratch(test_the_future_ends_in_five_minutes),
		in_scratch(test_a_clock_that_jumps_changes_nothing_stored),
		in_scratch(test_a_full_queue_refuses_and_counts),
		in_scratch(test_full_wait_ms_waits_for_room),
		in_scratch(test_flush_times_out_and_the_work_goes_on),
		in_scratch(test_an_event_is_committed_without_being_asked_for),
		in_scratch(test_an_event_waits_for_its_interval),
		in_scratch(test_keys_are_never_confused),
		in_scratch(test_same_content_is_a_duplicate_and_other_content_a_conflict),
		in_scratch(test_a_missing_value_is_one),
		in_scratch(test_record_many_decides_each_event_by_itself),
		in_scratch(test_a_pending_outcome_of_a_batch_that_could_not_be_written),
		in_scratch(test_json_lines),
		in_scratch(test_json_with_too_little_room_records_nothing),
		in_scratch(test_json_is_as_long_as_its_size_says),
		in_scratch(test_ids_of_cloudevents_are_not_joined),
		in_scratch(test_a_batch_from_its_first_event_to_its_second_use),
		in_scratch(test_batch_arguments),
		in_scratch(test_times_of_a_batch_are_read_as_told),
		in_scratch(test_freeing_a_batch_loses_no_event),
		in_scratch(test_a_batch_is_decided_after_a_wait_that_failed),
		in_scratch(test_a_batch_may_be_larger_than_the_queue),
		in_scratch(test_a_batch_that_finds_the_queue_full_says_why),
		in_scratch(test_an_event_that_a_meter_cannot_read_may_be_mended),
		in_scratch(test_an_unreadable_event_and_its_mended_one_in_a_batch),
		in_scratch(test_a_retry_after_the_catalog_changed_is_a_duplicate),
		in_scratch(test_sums_are_exact),
		in_scratch(test_values_have_an_edge),
		in_scratch(test_acknowledged_events_survive_kill),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
