/*
 * test_fork.c - fork() in the middle of things: the child is told, opens the file itself, and neither side loses or doubles an
 * event.
 *
 * Children run no cmocka checks; they end with a number that says what went wrong.
 */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void record(meter *m, const char *prefix, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		char id[40];
		snprintf(id, sizeof(id), "%s-%d", prefix, i);
		meter_event e = event_of("acme", id, "call");
		assert_ok(meter_record(m, &e));
	}
}

static int end_of(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Every call that takes a handle, on one that was inherited. The number of the first that did not refuse. */
static int use_inherited(meter *m, meter_batch *b)
{
	meter_event e = event_of("acme", "child", "call");
	meter_counters stats = {.struct_size = sizeof(stats)};
	meter_usage_filter usage_filter = METER_USAGE_FILTER_INIT;
	meter_events_filter events_filter = METER_EVENTS_FILTER_INIT;
	meter_usage *usage;
	meter_events *events;
	meter_quarantine *quarantine;
	meter_invoice *invoice;
	meter_batch *other;
	usage_filter.meter = "calls";
	const int codes[] = {
		meter_record(m, &e),
		meter_record_many(m, &e, 1, NULL),
		meter_record_json(m, "{}", METER_NUL_TERMINATED, NULL, 0, NULL),
		meter_flush(m, 1000),
		meter_batch_new(&other, m),
		meter_batch_add(b, &e),
		meter_batch_add_json(b, "{}", METER_NUL_TERMINATED, METER_TIME_RFC3339),
		meter_batch_add_refused(b, "x", 1, "y"),
		meter_batch_wait(b),
		meter_batch_clear(b),
		meter_catalog_apply(m, "catalog", "version: 1\n", METER_NUL_TERMINATED, NULL, NULL, NULL),
		meter_usage_query(&usage, m, &usage_filter),
		meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED),
		meter_events_query(&events, m, &events_filter) == METER_OK ? meter_events_next(events) : METER_EFORKED,
		meter_quarantine_query(&quarantine, m, 0, 0) == METER_OK ? meter_quarantine_next(quarantine) : METER_EFORKED,
		meter_stats(m, &stats),
		meter_close(m),
	};
	for (size_t i = 0; i < COUNT(codes); i++) {
		if (codes[i] != METER_EFORKED)
			return (int)i + 1;
	}
	meter_batch_free(b);
	return 0;
}

static void test_a_child_is_refused_by_every_call(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	record(m, "parent", 0, 10);
	pid_t child = fork();
	if (child == 0)
		_exit(use_inherited(m, b));
	assert_int_equal(end_of(child), 0);
	record(m, "parent", 10, 10);
	assert_ok(meter_flush(m, -1));
	assert_i64(20, read_stats(m).accepted);
	meter_batch_free(b);
	close_meter(m);
}

/* Records COUNT events of its own while the parent goes on. */
static int record_in_child(int number)
{
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	if (meter_open(&m, meter_path(), &options) != METER_OK)
		return 1;
	for (int i = 0; i < 200; i++) {
		char id[40];
		snprintf(id, sizeof(id), "child-%d-%d", number, i);
		meter_event e = event_of("acme", id, "call");
		if (meter_record(m, &e) != METER_OK)
			return 2;
	}
	return meter_close(m) == METER_OK ? 0 : 3;
}

struct load_thread {
	meter *m;
	atomic_bool is_ending;
	atomic_int recorded;
};

static void *go_on_recording(void *user)
{
	struct load_thread *load = user;
	while (!atomic_load(&load->is_ending)) {
		char id[40];
		snprintf(id, sizeof(id), "load-%d", atomic_load(&load->recorded));
		meter_event e = event_of("acme", id, "call");
		if (meter_record(load->m, &e) == METER_OK)
			atomic_fetch_add(&load->recorded, 1);
		if (atomic_load(&load->recorded) % 50 == 0)
			(void)meter_flush(load->m, -1);
	}
	return NULL;
}

static void test_forks_under_load_lose_and_double_nothing(void **state)
{
	(void)state;
	enum { CHILDREN = 20 };
	struct load_thread load = {.m = open_meter()};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, go_on_recording, &load), 0);
	pid_t children[CHILDREN];
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(record_in_child(i));
		sleep_ms(5);
	}
	for (int i = 0; i < CHILDREN; i++)
		assert_int_equal(end_of(children[i]), 0);
	atomic_store(&load.is_ending, true);
	pthread_join(thread, NULL);
	assert_ok(meter_flush(load.m, -1));
	meter_counters stats = read_stats(load.m);
	assert_i64(atomic_load(&load.recorded) + CHILDREN * 200, stats.accepted);
	assert_i64(0, stats.duplicate);
	close_meter(load.m);
	assert_i64(1, sql_int(meter_path(), "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));
}

/* The lock of a spool belongs to the parent alone: it is free when that dies, whatever its children do. (A child that never got
 * to run yet has not let go of it: hence it tells when it does.) */
static void test_a_parent_that_dies_is_recovered_while_its_child_lives(void **state)
{
	(void)state;
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	close_meter(open_meter());
	pid_t parent = fork();
	if (parent == 0) {
		meter *m;
		meter_options options = METER_OPTIONS_INIT;
		options.commit_interval_ms = 60000; /* so that they stay in the spool */
		options.queue_mib = 1;
		if (meter_open(&m, meter_path(), &options) != METER_OK)
			_exit(1);
		pid_t grandchild = fork();
		if (grandchild == 0) {
			const pid_t self = getpid();
			if (write(pipes[1], &self, sizeof(self)) != (ssize_t)sizeof(self))
				_exit(3);
			pause();
			_exit(0);
		}
		for (int i = 0; i < 100; i++) {
			char id[40];
			snprintf(id, sizeof(id), "dying-%d", i);
			meter_event e = event_of("acme", id, "call");
			if (meter_record(m, &e) != METER_OK)
				_exit(2);
		}
		if (write(pipes[1], &grandchild, sizeof(grandchild)) != (ssize_t)sizeof(grandchild))
			_exit(3);
		pause();
	}
	close(pipes[1]); /* so that a process that ended early is not waited for */
	pid_t grandchild, told[2];
	for (int i = 0; i < 2; i++) /* that it runs, and that all was recorded */
		assert_int_equal(read(pipes[0], &told[i], sizeof(told[i])), sizeof(told[i]));
	grandchild = told[0];
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	kill(grandchild, SIGKILL);
	assert_i64(100, stats.accepted);
	assert_i64(100, stats.recovered);
	assert_i64(0, stats.damaged);
	close_meter(m);
	close(pipes[0]);
}

/* A child that opened the file has a child itself. */
static void test_forks_of_forks(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "first", 0, 5);
	pid_t child = fork();
	if (child == 0) {
		meter *own;
		if (meter_open(&own, meter_path(), NULL) != METER_OK)
			_exit(1);
		pid_t grandchild = fork();
		if (grandchild == 0)
			_exit(meter_flush(own, 10) == METER_EFORKED && meter_flush(m, 10) == METER_EFORKED ? record_in_child(1)
			                                                                                   : 9);
		int status;
		waitpid(grandchild, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			_exit(2);
		_exit(meter_close(own) == METER_OK ? 0 : 3);
	}
	assert_int_equal(end_of(child), 0);
	assert_ok(meter_flush(m, -1));
	assert_i64(205, read_stats(m).accepted);
	close_meter(m);
}

/* Sanitizers do not support threads in the child of a process that had several at its fork: allocators lock up, or the child is
 * ended. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKIPPED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SKIPPED true
#endif
#endif
#ifndef SKIPPED
#define SKIPPED false
#endif

static void test_is_skipped(void **state)
{
	(void)state;
	puts("skipped: sanitizers do not support fork with threads");
	skip();
}

int main(void)
{
	const struct CMUnitTest none[] = {cmocka_unit_test(test_is_skipped)};
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_child_is_refused_by_every_call),
		in_scratch(test_forks_under_load_lose_and_double_nothing),
		in_scratch(test_a_parent_that_dies_is_recovered_while_its_child_lives),
		in_scratch(test_forks_of_forks),
	};
	return SKIPPED ? cmocka_run_group_tests(none, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
