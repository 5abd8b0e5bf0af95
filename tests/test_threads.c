/*
 * test_threads.c - one handle and many threads: totals are exact, and everybody may look on. Made to run under TSan; a check that
 * fails on another thread than the first would end the program without a name, so threads note what they saw and the test checks
 * it.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define EVENTS 400 /* of each kind and thread */

static const char catalog[] = "version: 1\n"
			      "meters:\n"
			      "  calls: {event_type: call, aggregation: count, dimensions: [model]}\n"
			      "  amount: {event_type: call, aggregation: sum}\n";

static const char other_catalog[] = "version: 1\n"
				    "meters:\n"
				    "  calls: {event_type: call, aggregation: count, dimensions: [model]}\n"
				    "  amount: {event_type: call, aggregation: sum}\n"
				    "  largest: {event_type: call, aggregation: max}\n"
				    "  models: {event_type: call, aggregation: count, dimensions: [model, kind]}\n";

struct worker {
	meter *m;
	int number;
	atomic_bool *is_over; /* for those that go on until the others are done */
	int rounds;
	int code; /* the first that was not METER_OK */
	const char *what;
	int64_t outcomes[6];
	int64_t backwards; /* how often a total was smaller than one seen before */
};

static void note(struct worker *w, int code, const char *what)
{
	if (code != METER_OK && w->code == METER_OK) {
		w->code = code;
		w->what = what;
	}
}

static void run_threads(struct worker *workers, size_t count, void *(*const *mains)(void *), size_t recorders,
                        atomic_bool *is_over)
{
	pthread_t threads[16];
	assert_true(count <= COUNT(threads));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mains[i], &workers[i]), 0);
	for (size_t i = 0; i < count; i++) {
		if (i == recorders)
			atomic_store(is_over, true);
		pthread_join(threads[i], NULL);
	}
	for (size_t i = 0; i < count; i++) {
		if (workers[i].code != METER_OK)
			fail_msg("thread %d: %s: %s", (int)i, workers[i].what, meter_strerror(workers[i].code));
	}
}

/* ---- what threads do ---- */

static meter_event event_number(char id[32], const char *prefix, int n)
{
	static const meter_property properties[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("model", "small-1")};
	static const char *const subscriptions[] = {"acme", "beta", "gamma"};
	snprintf(id, 32, "%s%d", prefix, n);
	meter_event e = event_of(subscriptions[n % 3], id, "call");
	e.timestamp_us += (int64_t)n * 7000000;
	e.value = n % 2 ? "0.1" : "2";
	e.properties = &properties[n % 2];
	e.property_count = 1;
	return e;
}

/* Keys of its own, one by one. */
static void *record_own_keys(void *user)
{
	struct worker *w = user;
	char prefix[16];
	snprintf(prefix, sizeof(prefix), "own-%d-", w->number);
	for (int n = 0; n < EVENTS; n++) {
		char id[32];
		meter_event e = event_number(id, prefix, n);
		int code;
		while ((code = meter_record(w->m, &e)) == METER_EAGAIN)
			note(w, meter_flush(w->m, -1), "flush");
		note(w, code, "record");
		if (n % 100 == 99)
			note(w, meter_flush(w->m, -1), "flush");
	}
	return NULL;
}

/* Keys that every thread records, in batches that start elsewhere in each; every eleventh with content of the thread's own. */
static void *record_shared_keys(void *user)
{
	static const char *const values[THREADS] = {"1001", "1002", "1003", "1004"};
	struct worker *w = user;
	for (int done = 0; done < EVENTS; done += 20) {
		char ids[20][32];
		meter_event events[20];
		int32_t outcomes[20];
		for (int i = 0; i < 20; i++) {
			int n = (done + i + w->number * EVENTS / THREADS) % EVENTS;
			events[i] = event_number(ids[i], "shared-", n);
			if (n % 11 == 0)
				events[i].value = values[w->number];
		}
		note(w, meter_record_many(w->m, events, 20, outcomes), "record_many");
		for (int i = 0; i < 20; i++)
			w->outcomes[outcomes[i]]++;
	}
	return NULL;
}

/* Batches of its own, filled in turn. */
static void *record_in_batches(void *user)
{
	struct worker *w = user;
	meter_batch *batches[2] = {NULL, NULL};
	for (int i = 0; i < 2; i++)
		note(w, meter_batch_new(&batches[i], w->m), "batch_new");
	for (int n = 0; w->code == METER_OK && n < EVENTS; n++) {
		meter_batch *b = batches[n / 50 % 2];
		if (n % 50 == 0) {
			note(w, meter_batch_wait(b), "batch_wait");
			for (size_t i = 0; i < meter_batch_count(b); i++)
				w->outcomes[meter_batch_outcome(b, i)]++;
			note(w, meter_batch_clear(b), "batch_clear");
		}
		char id[32], prefix[16];
		snprintf(prefix, sizeof(prefix), "batch-%d-", w->number);
		meter_event e = event_number(id, prefix, n);
		if (n % 10 == 0)
			note(w, meter_batch_add_refused(b, id, METER_NUL_TERMINATED, "by the test"), "batch_add_refused");
		else
			note(w, meter_batch_add(b, &e), "batch_add");
	}
	for (int i = 0; i < 2; i++) {
		note(w, meter_batch_wait(batches[i]), "batch_wait");
		for (size_t at = 0; at < meter_batch_count(batches[i]); at++)
			w->outcomes[meter_batch_outcome(batches[i], at)]++;
		meter_batch_free(batches[i]);
	}
	return NULL;
}

static void *query_usage(void *user)
{
	struct worker *w = user;
	static const meter_property group[] = {METER_PROPERTY("model", NULL), METER_PROPERTY("subscription", NULL)};
	int64_t before = 0;
	for (; !atomic_load(w->is_over) || w->rounds == 0; w->rounds++) {
		meter_usage_filter filter = METER_USAGE_FILTER_INIT;
		filter.meter = "calls";
		filter.by = w->rounds % 4;
		filter.group_by = group;
		filter.group_by_count = (size_t)(w->rounds % 3);
		meter_usage *usage;
		int code = meter_usage_query(&usage, w->m, &filter);
		note(w, code, "usage_query");
		int64_t events = 0;
		while (code == METER_OK && (code = meter_usage_next(usage)) == METER_OK)
			events += meter_usage_events(usage);
		meter_usage_free(usage);
		w->backwards += events < before;
		before = events;
	}
	return NULL;
}

static void *read_counters(void *user)
{
	struct worker *w = user;
	int64_t before = 0;
	for (; !atomic_load(w->is_over) || w->rounds == 0; w->rounds++) {
		meter_counters stats = {.struct_size = sizeof(stats)};
		note(w, meter_stats(w->m, &stats), "stats");
		w->backwards += stats.accepted < before;
		before = stats.accepted;
	}
	return NULL;
}

static void *list_events(void *user)
{
	struct worker *w = user;
	for (; !atomic_load(w->is_over) || w->rounds == 0; w->rounds++) {
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		meter_events *events;
		int code = meter_events_query(&events, w->m, &filter);
		note(w, code, "events_query");
		int64_t before = 0;
		while (code == METER_OK && (code = meter_events_next(events)) == METER_OK) {
			w->backwards += meter_events_event(events)->timestamp_us < before;
			before = meter_events_event(events)->timestamp_us;
		}
		note(w, code == METER_EEND ? METER_OK : code, "events_next");
		meter_events_free(events);
		meter_quarantine *quarantine;
		code = meter_quarantine_query(&quarantine, w->m, 0, 0);
		note(w, code, "quarantine_query");
		while (code == METER_OK && (code = meter_quarantine_next(quarantine)) == METER_OK)
			w->backwards += meter_quarantine_times(quarantine) < 1;
		note(w, code == METER_EEND ? METER_OK : code, "quarantine_next");
		meter_quarantine_free(quarantine);
	}
	return NULL;
}

/* A change of catalog fills new meters and drops old ones while the others record and read. */
static void *apply_catalogs(void *user)
{
	struct worker *w = user;
	for (; !atomic_load(w->is_over) || w->rounds < 2; w->rounds++) {
		const char *text = w->rounds % 2 ? catalog : other_catalog;
		note(w, meter_catalog_apply(w->m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL), "catalog_apply");
		sleep_ms(5);
	}
	return NULL;
}

/* ---- tests ---- */

static void test_disjoint_keys_are_all_there(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	struct worker workers[THREADS] = {{0}};
	void *(*mains[THREADS])(void *);
	atomic_bool is_over = false;
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.m = m, .number = i, .is_over = &is_over};
		mains[i] = record_own_keys;
	}
	run_threads(workers, THREADS, mains, THREADS, &is_over);
	meter_counters stats = read_stats(m);
	assert_i64(THREADS * EVENTS, stats.accepted);
	assert_i64(0, stats.duplicate + stats.conflict + stats.rejected);
	assert_text("1600", usage_total(m, "calls"));
	assert_text("1680", usage_total(m, "amount")); /* 800 of 2 and 800 of 0.1 */
	close_meter(m);
}

/* Of all threads that record a key exactly one is told that it is accepted. */
static void test_shared_keys_are_accepted_once(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	struct worker workers[THREADS];
	void *(*mains[THREADS])(void *);
	atomic_bool is_over = false;
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.m = m, .number = i, .is_over = &is_over};
		mains[i] = record_shared_keys;
	}
	run_threads(workers, THREADS, mains, THREADS, &is_over);
	int64_t told[6] = {0};
	for (int i = 0; i < THREADS; i++) {
		for (int outcome = 0; outcome < 6; outcome++)
			told[outcome] += workers[i].outcomes[outcome];
	}
	const int64_t different = (EVENTS + 10) / 11; /* keys whose content is another one in each thread */
	assert_i64(0, told[METER_PENDING] + told[METER_REJECTED] + told[METER_LATE]);
	assert_i64(EVENTS, told[METER_ACCEPTED]);
	assert_i64(different * (THREADS - 1), told[METER_CONFLICT]);
	assert_i64((EVENTS - different) * (THREADS - 1), told[METER_DUPLICATE]);
	meter_counters stats = read_stats(m);
	assert_i64(told[METER_ACCEPTED], stats.accepted);
	assert_i64(told[METER_DUPLICATE], stats.duplicate);
	assert_i64(told[METER_CONFLICT], stats.conflict);
	assert_text("400", usage_total(m, "calls"));
	close_meter(m);
}

static void test_everything_at_once(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.commit_interval_ms = 5;
	meter *m = open_meter_with(&options);
	apply_catalog(m, catalog);
	void *(*const mains[])(void *) = {record_own_keys, record_shared_keys, record_in_batches, record_in_batches,
	                                  query_usage,     read_counters,      list_events,       apply_catalogs};
	struct worker workers[COUNT(mains)];
	atomic_bool is_over = false;
	for (size_t i = 0; i < COUNT(mains); i++)
		workers[i] = (struct worker){.m = m, .number = (int)i % THREADS, .is_over = &is_over};
	run_threads(workers, COUNT(mains), mains, 4, &is_over);
	for (size_t i = 4; i < COUNT(mains); i++) {
		assert_true(workers[i].rounds > 0);
		assert_i64(0, workers[i].backwards);
	}
	for (size_t i = 2; i < 4; i++) {
		assert_i64(EVENTS * 9 / 10, workers[i].outcomes[METER_ACCEPTED]);
		assert_i64(EVENTS / 10, workers[i].outcomes[METER_REJECTED]);
	}
	const int64_t accepted = EVENTS + EVENTS + 2 * (EVENTS * 9 / 10);
	meter_counters stats = read_stats(m);
	assert_i64(accepted, stats.accepted);
	assert_i64(0, stats.duplicate + stats.conflict);
	assert_i64(2 * EVENTS / 10, stats.rejected);
	char expected[24];
	snprintf(expected, sizeof(expected), "%lld", (long long)accepted);
	assert_text(expected, usage_total(m, "calls"));
	/* Meters that were filled while events arrived counted each of them once, too. */
	apply_catalog(m, other_catalog);
	assert_text(expected, usage_total(m, "models"));
	assert_text("1002", usage_total(m, "largest"));
	close_meter(m);
}

/* A message belongs to the thread whose call failed. */
static void *fail_on_a_thread(void *user)
{
	struct worker *w = user;
	char id[32];
	for (int n = 0; n < EVENTS; n++) {
		meter_event e = event_number(id, "message-", n);
		e.timestamp_us = -1 - w->number;
		char expected[32];
		snprintf(expected, sizeof(expected), "timestamp: %d is outside", -1 - w->number);
		w->backwards +=
			meter_record(w->m, &e) != METER_EINVAL || strncmp(meter_errmsg(), expected, strlen(expected)) != 0;
	}
	return NULL;
}

static void test_messages_belong_to_their_threads(void **state)
{
	(void)state;
	meter *m = open_meter();
	struct worker workers[THREADS];
	void *(*mains[THREADS])(void *);
	atomic_bool is_over = false;
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.m = m, .number = i, .is_over = &is_over};
		mains[i] = fail_on_a_thread;
	}
	run_threads(workers, THREADS, mains, THREADS, &is_over);
	for (int i = 0; i < THREADS; i++)
		assert_i64(0, workers[i].backwards);
	assert_i64(THREADS * EVENTS, read_stats(m).refused);
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_disjoint_keys_are_all_there),
		in_scratch(test_shared_keys_are_accepted_once),
		in_scratch(test_everything_at_once),
		in_scratch(test_messages_belong_to_their_threads),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
