/*
 * test_fill.c - catalogs that come into force over stored events: every event is counted exactly once, whatever happens on the
 * way.
 *
 * Meter "live" counts events as they come, by their own value; meter "filled" comes later and counts the same numbers from
 * property n. So whatever live shows, filled has to show too. A fill works in chunks of some 20,000 events.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store.h"
#include "support.h"

#define LIVE "  live: {event_type: call, aggregation: sum, dimensions: [model]}\n"
#define FILLED "  filled: {event_type: call, aggregation: sum, value: n, dimensions: [model]}\n"
static const char live_only[] = "version: 1\nmeters:\n" LIVE;
static const char live_and_filled[] = "version: 1\nmeters:\n" LIVE FILLED;

/* Of these, SAME_INSTANT share one timestamp across the end of the first chunk. */
#define EVENTS 65000
#define SAME_INSTANT_FROM 18000
#define SAME_INSTANT_TO 23000

static int64_t time_of(int64_t i)
{
	if (i >= SAME_INSTANT_FROM && i < SAME_INSTANT_TO)
		i = SAME_INSTANT_FROM;
	return INT64_C(1767225600000000) + i * 1234567; /* some 22 hours in all */
}

/* Event number i of a sender, its value also in property n. */
static void add_call(meter_batch *batch, const char *sender, int64_t i, int64_t timestamp_us)
{
	char id[40], value[24];
	snprintf(id, sizeof(id), "%s-%" PRId64, sender, i);
	snprintf(value, sizeof(value), "%" PRId64 ".%d", i % 1000, (int)(i % 10));
	const meter_property properties[] = {METER_PROPERTY("n", value), METER_PROPERTY("model", i % 3 ? "large" : "small")};
	meter_event event = event_of(i % 7 ? "acme" : "beta", id, "call");
	event.timestamp_us = timestamp_us;
	event.value = value;
	event.properties = properties;
	event.property_count = i % 11 ? 2 : 1;
	assert_ok(meter_batch_add(batch, &event));
}

static void record_calls(meter *m, int64_t count)
{
	meter_batch *batch;
	assert_ok(meter_batch_new(&batch, m));
	for (int64_t i = 0; i < count; i++)
		add_call(batch, "first", i, time_of(i));
	assert_ok(meter_batch_wait(batch));
	assert_i64(count, (int64_t)meter_batch_count(batch));
	meter_batch_free(batch);
	assert_i64(count, read_stats(m).accepted);
}

/* Every row of a meter by subscription and model, as text on the heap; the number of events it has in *events_out. */
static char *show_meter(meter *m, const char *key, int32_t by, int64_t *events_out)
{
	static const meter_property groups[] = {METER_PROPERTY("subscription", NULL), METER_PROPERTY("model", NULL)};
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = key;
	filter.by = by;
	filter.group_by = groups;
	filter.group_by_count = COUNT(groups);
	meter_usage *usage;
	assert_ok(meter_usage_query(&usage, m, &filter));
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	*events_out = 0;
	while (meter_usage_next(usage) == METER_OK) {
		const char *model = meter_usage_dimension_value(usage, 0);
		fprintf(out, "%" PRId64 " %s %s: %s of %" PRId64 " and %" PRId64 "\n", meter_usage_from_us(usage),
		        meter_usage_subscription(usage), model ? model : "(none)", meter_usage_value(usage),
		        meter_usage_events(usage), meter_usage_unmeasured(usage));
		*events_out += meter_usage_events(usage);
	}
	assert_int_equal(fclose(out), 0);
	meter_usage_free(usage);
	return text;
}

/* Both meters have the same rows in each of their tables, and all events. */
static void assert_filled(meter *m, int64_t events)
{
	for (int32_t by = METER_BY_TOTAL; by <= METER_BY_MONTH; by++) {
		int64_t live_events, filled_events;
		char *live = show_meter(m, "live", by, &live_events);
		char *filled = show_meter(m, "filled", by, &filled_events);
		assert_i64(events, live_events);
		assert_i64(events, filled_events);
		assert_true(strcmp(live, filled) == 0);
		free(live);
		free(filled);
	}
}

/* ---- progress ---- */

struct watch {
	int calls;
	int stop_at; /* the call that stops or kills; 0: none */
	bool kills;
	int64_t done, total;
};

static int watch_progress(int64_t done, int64_t total, void *user)
{
	struct watch *watch = user;
	watch->calls++;
	watch->done = done;
	watch->total = total;
	if (watch->calls != watch->stop_at)
		return 0;
	if (watch->kills)
		raise(SIGKILL);
	return 1;
}

static int apply_watched(meter *m, const char *text, struct watch *watch, int64_t *version_out)
{
	return meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, watch_progress, watch, version_out);
}

/* ---- counted exactly once ---- */

static void test_meter_applied_after_events_equals_one_applied_before(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, EVENTS);
	struct watch watch = {0};
	assert_ok(apply_watched(m, live_and_filled, &watch, NULL));
	assert_true(watch.calls >= 3);
	assert_i64(EVENTS, watch.done);
	assert_i64(EVENTS, watch.total);
	assert_filled(m, EVENTS);
	close_meter(m);
}

struct sender {
	meter *m;
	const char *name;
	int64_t sent;
	int code;
	bool *is_over; /* atomic */
};

/* Some events before, some after whatever the fill has reached: spread over the day, a new place each time. */
static int send_some(struct sender *sender, meter_batch *batch)
{
	for (int i = 0; i < 50; i++, sender->sent++) {
		char id[40];
		snprintf(id, sizeof(id), "%s-%" PRId64, sender->name, sender->sent);
		const meter_property properties[] = {METER_PROPERTY("n", "0.5")};
		meter_event event = event_of("acme", id, "call");
		event.timestamp_us = time_of(sender->sent * 7919 % EVENTS);
		event.value = "0.5";
		event.properties = properties;
		event.property_count = 1;
		int code = meter_batch_add(batch, &event);
		if (code != METER_OK)
			return code;
	}
	int code = meter_batch_wait(batch);
	return code == METER_OK ? meter_batch_clear(batch) : code;
}

static void *send_until_over(void *user)
{
	struct sender *sender = user;
	meter_batch *batch;
	sender->code = meter_batch_new(&batch, sender->m);
	if (sender->code != METER_OK)
		return NULL;
	while (sender->code == METER_OK && !__atomic_load_n(sender->is_over, __ATOMIC_ACQUIRE))
		sender->code = send_some(sender, batch);
	meter_batch_free(batch);
	return NULL;
}

static void test_events_recorded_during_a_fill_are_counted_once(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter *other = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, EVENTS);
	bool is_over = false;
	struct sender senders[] = {{m, "same handle", 0, 0, &is_over}, {other, "other handle", 0, 0, &is_over}};
	pthread_t threads[COUNT(senders)];
	for (size_t i = 0; i < COUNT(senders); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_until_over, &senders[i]), 0);
	int code = meter_catalog_apply(m, "catalog", live_and_filled, METER_NUL_TERMINATED, NULL, NULL, NULL);
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	int64_t sent = 0;
	for (size_t i = 0; i < COUNT(senders); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sent += senders[i].sent;
	}
	assert_ok(code);
	for (size_t i = 0; i < COUNT(senders); i++) {
		assert_ok(senders[i].code);
		assert_true(senders[i].sent > 0);
	}
	assert_filled(m, EVENTS + sent);
	assert_filled(other, EVENTS + sent);
	close_meter(other);
	close_meter(m);
}

/* ---- stopped, dropped, killed ---- */

static void test_stopped_fill_goes_on_where_it_was(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, EVENTS);
	struct watch stopped = {.stop_at = 1}, resumed = {0};
	int64_t version;
	assert_code(METER_ETIMEDOUT, apply_watched(m, live_and_filled, &stopped, &version));
	assert_i64(0, version);
	/* All of one instant are counted in one transaction. */
	assert_i64(SAME_INSTANT_TO, stopped.done);
	assert_i64(1, read_stats(m).catalog_version);
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = "filled";
	meter_usage *usage;
	assert_code(METER_ENOTFOUND, meter_usage_query(&usage, m, &filter));

	/* What comes meanwhile, before and after the point reached, also with the file opened anew. */
	meter_batch *batch;
	assert_ok(meter_batch_new(&batch, m));
	add_call(batch, "before", 1, time_of(10));
	add_call(batch, "in the last instant counted", 2, time_of(SAME_INSTANT_FROM));
	add_call(batch, "in the next", 3, time_of(SAME_INSTANT_FROM) + 1);
	add_call(batch, "after", 4, time_of(EVENTS));
	assert_ok(meter_batch_wait(batch));
	meter_batch_free(batch);
	close_meter(m);
	m = open_meter();

	assert_ok(apply_watched(m, live_and_filled, &resumed, &version));
	assert_i64(2, version);
	assert_i64(EVENTS + 2, stopped.done + resumed.done);
	assert_filled(m, EVENTS + 4);
	close_meter(m);
}

/* Rows of buckets whose meter no catalog in force uses. */
static int64_t stray_buckets(void)
{
	return sql_int(meter_path(), "SELECT count(*) FROM (SELECT meter FROM minute UNION ALL SELECT meter FROM hour"
	                             " UNION ALL SELECT meter FROM day UNION ALL SELECT meter FROM late UNION ALL SELECT meter "
	                             "FROM sample) WHERE meter NOT IN"
	                             " (SELECT meter FROM catalog_meter WHERE version = (SELECT catalog FROM total))");
}

static int64_t meter_rows(void)
{
	return sql_int(meter_path(), "SELECT count(*) FROM meter");
}

static void test_another_catalog_drops_the_one_left_unfinished(void **state)
{
	(void)state;
	static const char other[] = "version: 1\nmeters:\n" LIVE "  calls: {event_type: call, aggregation: count}\n";
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 30000);
	struct watch stopped = {.stop_at = 1};
	assert_code(METER_ETIMEDOUT, apply_watched(m, live_and_filled, &stopped, NULL));
	assert_true(stray_buckets() > 0);
	int64_t version;
	assert_ok(apply_watched(m, other, &(struct watch){0}, &version));
	assert_i64(2, version);
	assert_text("30000", usage_total(m, "calls"));
	assert_i64(0, stray_buckets());
	assert_i64(2, meter_rows());
	/* And when the first one comes again, it is filled anew. */
	assert_ok(apply_watched(m, live_and_filled, &(struct watch){0}, &version));
	assert_i64(3, version);
	assert_filled(m, 30000);
	assert_i64(0, stray_buckets());
	close_meter(m);
}

/* Only catalogs in force decide what is accepted. What a meter in filling cannot read is unmeasured, on either side of the point
 * reached. */
static void test_pending_meter_rejects_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, EVENTS);
	struct watch stopped = {.stop_at = 1};
	assert_code(METER_ETIMEDOUT, apply_watched(m, live_and_filled, &stopped, NULL));
	const int64_t times[] = {time_of(10), time_of(EVENTS)};
	meter_event events[COUNT(times)];
	int32_t outcomes[COUNT(times)];
	for (size_t i = 0; i < COUNT(times); i++) {
		events[i] = event_of("acme", "without property n", "call");
		events[i].timestamp_us = times[i];
	}
	assert_ok(meter_record_many(m, events, COUNT(times), outcomes));
	for (size_t i = 0; i < COUNT(times); i++)
		assert_int_equal(METER_ACCEPTED, outcomes[i]);
	assert_ok(apply_watched(m, live_and_filled, &(struct watch){0}, NULL));
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = "filled";
	meter_usage *usage;
	assert_ok(meter_usage_query(&usage, m, &filter));
	assert_ok(meter_usage_next(usage));
	assert_i64(EVENTS, meter_usage_events(usage));
	assert_i64(2, meter_usage_unmeasured(usage));
	meter_usage_free(usage);

	/* In force, it has its say. */
	events[0].id = "another";
	assert_ok(meter_record_many(m, events, 1, outcomes));
	assert_int_equal(METER_REJECTED, outcomes[0]);
	close_meter(m);
}

static void test_pending_meter_is_taken_over_half_filled(void **state)
{
	(void)state;
	static const char renamed[] = "version: 1\n# not the same text\nmeters:\n" LIVE FILLED;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 45000);
	struct watch stopped = {.stop_at = 1}, taken_over = {0};
	assert_code(METER_ETIMEDOUT, apply_watched(m, live_and_filled, &stopped, NULL));
	assert_ok(apply_watched(m, renamed, &taken_over, NULL));
	assert_i64(45000, stopped.done + taken_over.done);
	assert_filled(m, 45000);
	close_meter(m);
}

static void apply_and_be_killed(int chunk)
{
	meter *m;
	if (meter_open(&m, meter_path(), NULL) == METER_OK)
		apply_watched(m, live_and_filled, &(struct watch){.stop_at = chunk, .kills = true}, NULL);
	_exit(1);
}

static void test_killed_fills_are_taken_up_exactly(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, EVENTS);
	close_meter(m);
	for (int chunk = 1; chunk <= 2; chunk++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			apply_and_be_killed(chunk);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	m = open_meter();
	assert_i64(1, read_stats(m).catalog_version);
	struct watch watch = {0};
	assert_ok(apply_watched(m, live_and_filled, &watch, NULL));
	assert_true(watch.done < EVENTS); /* it did not start anew */
	assert_filled(m, EVENTS);
	close_meter(m);
}

/* ---- what changes and what does not ---- */

static void test_buckets_of_a_changed_meter_are_deleted(void **state)
{
	(void)state;
	static const char changed[] = "version: 1\nmeters:\n  live: {event_type: call, aggregation: max}\n";
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 5000);
	assert_ok(apply_watched(m, changed, &(struct watch){0}, NULL));
	assert_text("999.9", usage_total(m, "live"));
	assert_i64(0, stray_buckets());
	assert_i64(1, meter_rows());
	/* Without dimensions a bucket is a minute of a subscription. */
	assert_i64(sql_int(meter_path(), "SELECT count(*) FROM (SELECT DISTINCT timestamp / 60000000, subscription FROM event)"),
	           sql_int(meter_path(), "SELECT count(*) FROM minute"));
	assert_i64(5000, sql_int(meter_path(), "SELECT count(*) FROM event"));
	close_meter(m);
}

static void test_same_definition_under_a_new_key_is_not_filled_again(void **state)
{
	(void)state;
	static const char renamed[] =
		"version: 1\nmeters:\n  other_key: {dimensions: [model], aggregation: sum, event_type: call}\n";
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 2000);
	char total[64];
	snprintf(total, sizeof(total), "%s", usage_total(m, "live"));
	struct watch watch = {0};
	assert_ok(apply_watched(m, renamed, &watch, NULL));
	assert_int_equal(watch.calls, 0);
	assert_text(total, usage_total(m, "other_key"));
	assert_i64(1, meter_rows());
	assert_i64(0, stray_buckets());
	close_meter(m);
}

static void test_applying_the_text_in_force_changes_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 2000);
	int64_t applied = sql_int(meter_path(), "SELECT applied FROM catalog");
	for (int i = 0; i < 2; i++) {
		struct watch watch = {0};
		int64_t version;
		assert_ok(apply_watched(m, live_only, &watch, &version));
		assert_i64(1, version);
		assert_int_equal(watch.calls, 0);
	}
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM catalog"));
	assert_i64(applied, sql_int(meter_path(), "SELECT applied FROM catalog"));
	close_meter(m);
}

static void test_refused_catalog_changes_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	assert_code(METER_ECATALOG,
	            apply_watched(m, "version: 1\nmeters:\n  live: {event_type: call}\n", &(struct watch){0}, NULL));
	assert_i64(1, read_stats(m).catalog_version);
	assert_i64(1, meter_rows());
	close_meter(m);
}

/* ---- events a later meter cannot read ---- */

static void test_events_a_new_meter_cannot_read_are_unmeasured(void **state)
{
	(void)state;
	static const meter_property good[] = {METER_PROPERTY("n", "3"), METER_PROPERTY("model", "large")};
	static const meter_property word[] = {METER_PROPERTY("n", "three"), METER_PROPERTY("model", "large")};
	meter *m = open_meter();
	apply_catalog(m, live_only);
	meter_event events[4] = {event_of("acme", "good", "call"), event_of("acme", "word", "call"),
	                         event_of("acme", "none", "call"), event_of("acme", "other type", "chat")};
	events[0].properties = good;
	events[0].property_count = COUNT(good);
	events[1].properties = word;
	events[1].property_count = COUNT(word);
	assert_ok(meter_record_many(m, events, COUNT(events), NULL));
	assert_ok(apply_watched(m, live_and_filled, &(struct watch){0}, NULL));
	/* From buckets, and from events where the range cuts a minute. */
	for (int64_t cut = 0; cut < 2; cut++) {
		meter_usage_filter filter = METER_USAGE_FILTER_INIT;
		filter.meter = "filled";
		if (cut)
			filter.to_us = events[0].timestamp_us + 1;
		meter_usage *usage;
		assert_ok(meter_usage_query(&usage, m, &filter));
		assert_ok(meter_usage_next(usage));
		assert_text("3", meter_usage_value(usage));
		assert_i64(1, meter_usage_events(usage));
		assert_i64(2, meter_usage_unmeasured(usage));
		meter_usage_free(usage);
	}
	/* From now on such an event is refused, but a retry of the stored one is a duplicate. */
	int32_t outcomes[2];
	events[0] = events[1];
	events[0].id = "another word";
	assert_ok(meter_record_many(m, events, 2, outcomes));
	assert_int_equal(outcomes[0], METER_REJECTED);
	assert_int_equal(outcomes[1], METER_DUPLICATE);
	close_meter(m);
}

/* ---- who else has the file open ---- */

static void test_other_handle_uses_the_new_catalog_at_once(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter *other = open_meter();
	apply_catalog(m, live_only);
	record_calls(other, 100);
	assert_ok(apply_watched(m, live_and_filled, &(struct watch){0}, NULL));
	assert_filled(other, 100);
	meter_batch *batch;
	assert_ok(meter_batch_new(&batch, other));
	add_call(batch, "other", 1, time_of(1));
	assert_ok(meter_batch_wait(batch));
	meter_batch_free(batch);
	assert_filled(other, 101);
	assert_filled(m, 101);
	close_meter(other);
	close_meter(m);
}

/* The child: opens the file, says so, waits for the catalog, records one event and checks what it sees. 0 when all is well. */
static int use_file_as_child(int says, int hears)
{
	meter *m;
	char byte = 0;
	if (meter_open(&m, meter_path(), NULL) != METER_OK)
		return 1;
	meter_event event = event_of("acme", "child before", "call");
	if (meter_record_many(m, &event, 1, NULL) != METER_OK || write(says, &byte, 1) != 1 || read(hears, &byte, 1) != 1)
		return 2;
	event.id = "child after";
	if (meter_record_many(m, &event, 1, NULL) != METER_OK)
		return 3;
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = "live";
	meter_usage *usage;
	if (meter_usage_query(&usage, m, &filter) != METER_OK || meter_usage_next(usage) != METER_OK)
		return 4;
	bool is_right = strcmp(meter_usage_value(usage), "2") == 0;
	meter_usage_free(usage);
	return is_right && meter_close(m) == METER_OK ? 0 : 5;
}

static void test_other_process_uses_the_new_catalog_at_once(void **state)
{
	(void)state;
	int up[2], down[2];
	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	close_meter(open_meter());
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(use_file_as_child(up[1], down[0]));
	close(up[1]); /* so that a child that died is not waited for */
	char byte;
	bool is_open = read(up[0], &byte, 1) == 1;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	bool is_told = write(down[1], &byte, 1) == 1;
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(is_open && is_told);
	assert_text("2", usage_total(m, "live"));
	close_meter(m);
	close(up[0]);
	close(down[0]);
	close(down[1]);
}

/* ---- two who delete at once ---- */

/* One transaction. */
static void run_store_step(struct store *s, int (*step)(struct store *, bool *), bool *done)
{
	assert_ok(meter__store_begin(s));
	assert_ok(step(s, done));
	assert_ok(meter__store_commit(s));
}

/* Bring a catalog into force and leave what it no longer uses to be deleted. */
static void apply_without_purge(struct store *s, const char *text)
{
	struct meter_catalog *catalog;
	int64_t version, events;
	bool done = false;
	assert_ok(meter_catalog_read(&catalog, "catalog", text, strlen(text)));
	assert_ok(meter__store_begin(s));
	assert_ok(meter__store_catalog_prepare(s, catalog, &version));
	while (!done)
		assert_ok(meter__store_catalog_fill(s, version, &done, &events));
	assert_ok(meter__store_catalog_activate(s, version));
	assert_ok(meter__store_commit(s));
	meter_catalog_free(catalog);
}

/* While one handle is half through deleting, a catalog of another retires a second meter: its buckets have to go as well, because
   its number may be given to a new meter. */
static void test_meter_retired_during_a_purge_leaves_no_buckets(void **state)
{
	(void)state;
	static const char none[] = "version: 1\n";
	meter *m = open_meter();
	apply_catalog(m, live_and_filled);
	record_calls(m, 2000);
	close_meter(m);
	struct store *first, *second;
	assert_ok(open_store(&first));
	assert_ok(open_store(&second));
	apply_without_purge(first, live_only);
	bool done = false;
	run_store_step(first, meter__store_catalog_purge, &done); /* all minutes are through */
	assert_false(done);
	apply_without_purge(second, none);
	while (!done)
		run_store_step(first, meter__store_catalog_purge, &done);
	for (done = false; !done;)
		run_store_step(second, meter__store_catalog_purge, &done);
	meter__store_close(first);
	meter__store_close(second);
	assert_i64(0, meter_rows());
	assert_i64(0, stray_buckets());
}

/* A part that was rolled back is deleted again. */
static void test_purge_rolled_back_leaves_no_buckets(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, live_only);
	record_calls(m, 2000);
	close_meter(m);
	struct store *s;
	assert_ok(open_store(&s));
	apply_without_purge(s, "version: 1\n");
	bool done = false;
	assert_ok(meter__store_begin(s));
	assert_ok(meter__store_catalog_purge(s, &done));
	meter__store_rollback(s);
	while (!done)
		run_store_step(s, meter__store_catalog_purge, &done);
	meter__store_close(s);
	assert_i64(0, meter_rows());
	assert_i64(0, stray_buckets());
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		in_scratch(test_meter_applied_after_events_equals_one_applied_before),
		in_scratch(test_events_recorded_during_a_fill_are_counted_once),
		in_scratch(test_stopped_fill_goes_on_where_it_was),
		in_scratch(test_another_catalog_drops_the_one_left_unfinished),
		in_scratch(test_pending_meter_rejects_nothing),
		in_scratch(test_pending_meter_is_taken_over_half_filled),
		in_scratch(test_killed_fills_are_taken_up_exactly),
		in_scratch(test_buckets_of_a_changed_meter_are_deleted),
		in_scratch(test_same_definition_under_a_new_key_is_not_filled_again),
		in_scratch(test_applying_the_text_in_force_changes_nothing),
		in_scratch(test_refused_catalog_changes_nothing),
		in_scratch(test_events_a_new_meter_cannot_read_are_unmeasured),
		in_scratch(test_other_handle_uses_the_new_catalog_at_once),
		in_scratch(test_meter_retired_during_a_purge_leaves_no_buckets),
		in_scratch(test_purge_rolled_back_leaves_no_buckets),
		in_scratch(test_other_process_uses_the_new_catalog_at_once),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
