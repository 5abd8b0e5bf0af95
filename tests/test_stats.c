/* test_stats.c - every counter of meter_stats(), and what a caller of another release gets of them. */
#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char catalog_without_subscription[] = "version: 1\n"
						   "meters: {calls: {event_type: call, aggregation: count}}\n";

static const char catalog_with_subscription[] = "version: 1\n"
						"meters: {calls: {event_type: call, aggregation: count}}\n"
						"plans:\n"
						"  - {key: basic, name: Basic, currency: USD, period: month,"
						" effective_from: 2026-01-01T00:00:00Z,"
						" charges: [{key: calls, meter: calls, model: unit, price: \"0.01\"}]}\n"
						"subscriptions:\n"
						"  acme: {customer: Acme, plan: basic, from: 2026-01-01T00:00:00Z}\n";

static void record(meter *m, const char *subscription, const char *id, const char *type, int32_t expected)
{
	meter_event e = event_of(subscription, id, type);
	int32_t outcome;
	assert_ok(meter_record_many(m, &e, 1, &outcome));
	assert_int_equal(outcome, expected);
}

static void test_a_new_file_counts_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	const int64_t zeros[] = {stats.accepted, stats.duplicate,   stats.conflict,         stats.rejected,
	                         stats.late,     stats.unbilled,    stats.commits,          stats.catalog_version,
	                         stats.queued,   stats.quarantined, stats.oldest_queued_us, stats.refused};
	for (size_t i = 0; i < COUNT(zeros); i++)
		assert_i64(0, zeros[i]);
	assert_i64(INT64_MIN, stats.first_event_us);
	assert_i64(INT64_MIN, stats.last_event_us);
	assert_int_equal(stats.writer_error, METER_OK);
	close_meter(m);
}

static void test_outcomes_are_counted_for_the_file(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	e.timestamp_us = us("2026-03-01T00:00:00Z");
	meter_event other = e;
	other.value = "2";
	meter_event wrong = e;
	wrong.type = NULL;
	meter_event earlier = e;
	earlier.timestamp_us = us("2025-01-01T00:00:00Z");
	const meter_event events[] = {e, e, e, other, other, other, wrong, wrong, wrong, wrong, earlier};
	for (size_t i = 0; i < COUNT(events); i++)
		assert_ok(meter_record_many(m, &events[i], 1, NULL));
	for (int round = 0; round < 2; round++) {
		meter_counters stats = read_stats(m);
		assert_i64(2, stats.accepted);
		assert_i64(2, stats.duplicate);
		assert_i64(3, stats.conflict);
		assert_i64(4, stats.rejected);
		assert_i64(0, stats.late);
		assert_i64(2, stats.quarantined); /* entries; the same one again is counted there */
		assert_i64((int64_t)COUNT(events), stats.commits);
		assert_i64(us("2025-01-01T00:00:00Z"), stats.first_event_us);
		assert_i64(us("2026-03-01T00:00:00Z"), stats.last_event_us);
		/* They belong to the file: another handle counts the same. */
		close_meter(m);
		m = open_meter();
	}
	close_meter(m);
}

static void test_refused_belongs_to_the_handle(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter *other = open_meter();
	meter_event wrong = event_of("acme", "", "call");
	for (int i = 0; i < 3; i++)
		assert_code(METER_EINVAL, meter_record(m, &wrong));
	record(m, "acme", "", "call", METER_REJECTED); /* kept in quarantine, so not refused */
	assert_i64(3, read_stats(m).refused);
	assert_i64(0, read_stats(other).refused);
	assert_i64(1, read_stats(other).rejected);
	close_meter(other);
	close_meter(m);
}

static void test_events_are_unbilled_until_a_catalog_covers_them(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "acme", "1", "call", METER_ACCEPTED);
	record(m, "acme", "2", "mail", METER_ACCEPTED);
	record(m, "beta", "3", "call", METER_ACCEPTED);
	record(m, "beta", "3", "call", METER_DUPLICATE);
	assert_i64(3, read_stats(m).unbilled);
	apply_catalog(m, catalog_without_subscription);
	assert_i64(3, read_stats(m).unbilled);
	assert_i64(1, read_stats(m).catalog_version);
	apply_catalog(m, catalog_with_subscription);
	assert_i64(2, read_stats(m).unbilled);
	assert_i64(2, read_stats(m).catalog_version);
	apply_catalog(m, catalog_with_subscription); /* in force already */
	assert_i64(2, read_stats(m).catalog_version);
	record(m, "acme", "4", "call", METER_ACCEPTED);
	assert_i64(2, read_stats(m).unbilled);
	record(m, "acme", "5", "mail", METER_ACCEPTED);
	record(m, "beta", "6", "call", METER_ACCEPTED);
	assert_i64(4, read_stats(m).unbilled);
	close_meter(m);
}

static void test_a_catalog_that_is_wrong_changes_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog_with_subscription);
	int64_t version = 99;
	assert_code(METER_ECATALOG,
	            meter_catalog_apply(m, "broken.yaml", "version: 1\nmeters: 7\n", METER_NUL_TERMINATED, NULL, NULL, &version));
	assert_memory_equal(meter_errmsg(), "broken.yaml:2:", 14);
	assert_i64(1, read_stats(m).catalog_version);
	record(m, "acme", "1", "call", METER_ACCEPTED);
	assert_i64(0, read_stats(m).unbilled);
	close_meter(m);
}

static void test_the_queue_shows_what_waits_and_how_long(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	sleep_ms(30);
	e.id = "2";
	assert_ok(meter_record(m, &e));
	meter_counters stats = read_stats(m);
	assert_i64(2, stats.queued);
	assert_true(stats.oldest_queued_us >= 30000);
	assert_true(stats.oldest_queued_us < 60000000);
	assert_code(METER_EBUSY, meter_flush(m, -1));
	assert_int_equal(read_stats(m).writer_error, METER_EBUSY);
	assert_i64(2, read_stats(m).queued);
	/* What was taken to be written is still the oldest. */
	e.id = "3";
	assert_ok(meter_record(m, &e));
	assert_true(read_stats(m).oldest_queued_us >= 30000);
	release_lock(held);
	assert_ok(meter_flush(m, -1));
	stats = read_stats(m);
	assert_i64(0, stats.queued);
	assert_i64(0, stats.oldest_queued_us);
	assert_int_equal(stats.writer_error, METER_OK);
	assert_i64(3, stats.accepted);
	close_meter(m);
}

static void test_sizes_are_those_of_the_files(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "acme", "1", "call", METER_ACCEPTED);
	meter_counters stats = read_stats(m);
	struct stat status;
	assert_int_equal(stat(meter_path(), &status), 0);
	assert_i64(status.st_size, stats.database_bytes);
	assert_int_equal(stat(scratch_path("meter.db-wal"), &status), 0);
	assert_i64(status.st_size, stats.wal_bytes);
	assert_true(stats.wal_bytes > 0);
	close_meter(m);
	/* Without a spool there is nothing to write when a file is opened. */
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	close_meter(open_meter_with(&options)); /* forgets the spool of the handle before */
	m = open_meter_with(&options);
	assert_i64(0, read_stats(m).wal_bytes);
	close_meter(m);
}

/* A program with sqlite3 that began to read and does not end: the WAL cannot start again, and is not let grow for ever. */
static void test_an_endless_reader_stops_the_writer_and_not_the_disk(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 8;
	options.wal_max_mib = 2;
	meter *m = open_meter_with(&options);
	record(m, "acme", "first", "call", METER_ACCEPTED);
	sqlite3 *reader;
	assert_int_equal(sqlite3_open(meter_path(), &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM event", NULL, NULL, NULL), SQLITE_OK);
	int64_t recorded = 0;
	int code = METER_OK;
	while (code == METER_OK && recorded < 100000) {
		for (int i = 0; i < 500; i++) {
			char id[40];
			snprintf(id, sizeof(id), "event-%lld", (long long)recorded++);
			meter_event e = event_of("acme", id, "call");
			assert_ok(meter_record(m, &e));
		}
		code = meter_flush(m, -1);
	}
	assert_code(METER_EBUSY, code);
	assert_part("a reader keeps the WAL", meter_errmsg());
	meter_counters stats = read_stats(m);
	assert_int_equal(stats.writer_error, METER_EBUSY);
	assert_true(stats.wal_bytes < 4 << 20); /* the limit and one transaction */
	assert_true(stats.queued > 0);
	assert_true(stats.spooled_bytes >= stats.queued * 64);
	assert_int_equal(stats.wal_alarm, 0);

	assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(reader);
	assert_ok(meter_flush(m, -1));
	stats = read_stats(m);
	assert_i64(recorded + 1, stats.accepted);
	assert_i64(0, stats.duplicate);
	assert_int_equal(stats.writer_error, METER_OK);
	assert_i64(0, stats.spooled_bytes);
	close_meter(m);
}

/* What keeps one process from writing is seen by the others. */
static void test_others_see_what_keeps_a_writer(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	options.lock_wait_ms = 20;
	meter *m = open_meter_with(&options);
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	meter *other = open_meter_with(&options);
	assert_int_equal(read_stats(other).writer_error, METER_OK);
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	assert_code(METER_EBUSY, meter_flush(m, -1));
	assert_int_equal(read_stats(other).writer_error, METER_EBUSY);
	assert_i64(128, read_stats(other).spooled_bytes);
	release_lock(held);
	assert_ok(meter_flush(m, -1));
	assert_int_equal(read_stats(other).writer_error, METER_OK);
	assert_i64(0, read_stats(other).spooled_bytes);
	close_meter(other);
	close_meter(m);
}

/* A caller that is older has a smaller struct: nothing behind it is written. A newer one has fields that are left alone. */
static void test_the_struct_of_another_release(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "acme", "1", "call", METER_ACCEPTED);
	struct {
		meter_counters stats;
		char behind[64];
	} out;
	static const size_t sizes[] = {sizeof(size_t), offsetof(meter_counters, duplicate),
	                               offsetof(meter_counters, writer_error), sizeof(meter_counters), sizeof(out)};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(&out, 0x5a, sizeof(out));
		out.stats.struct_size = sizes[i];
		assert_ok(meter_stats(m, &out.stats));
		assert_int_equal(out.stats.struct_size, sizes[i]);
		if (sizes[i] >= offsetof(meter_counters, duplicate))
			assert_i64(1, out.stats.accepted);
		const char *bytes = (const char *)&out;
		size_t written = sizes[i] < sizeof(meter_counters) ? sizes[i] : sizeof(meter_counters);
		for (size_t at = written; at < sizeof(out); at++)
			assert_int_equal(bytes[at], 0x5a);
	}
	static const size_t wrong[] = {0, sizeof(size_t) - 1, 4097, SIZE_MAX};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		out.stats.struct_size = wrong[i];
		assert_code(METER_EINVAL, meter_stats(m, &out.stats));
	}
	assert_code(METER_EINVAL, meter_stats(m, NULL));
	assert_code(METER_EINVAL, meter_stats(NULL, &out.stats));
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_new_file_counts_nothing),
		in_scratch(test_outcomes_are_counted_for_the_file),
		in_scratch(test_refused_belongs_to_the_handle),
		in_scratch(test_events_are_unbilled_until_a_catalog_covers_them),
		in_scratch(test_a_catalog_that_is_wrong_changes_nothing),
		in_scratch(test_the_queue_shows_what_waits_and_how_long),
		in_scratch(test_sizes_are_those_of_the_files),
		in_scratch(test_an_endless_reader_stops_the_writer_and_not_the_disk),
		in_scratch(test_others_see_what_keeps_a_writer),
		in_scratch(test_the_struct_of_another_release),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
