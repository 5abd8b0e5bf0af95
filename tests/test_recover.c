/*
 * test_recover.c - rings beside a database, and what opening it makes of them: stored, removed, or set aside, never read twice
 * nor thrown away. What happens to the bytes inside a ring is in test_spool.c; kills at random are in tests/crash.
 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process records count events and dies, before they are stored or after it has flushed them. */
static void leave_events_at(const char *prefix, int count, bool is_flushed)
{
	pid_t child = fork();
	if (child == 0) {
		meter *m;
		meter_options options = METER_OPTIONS_INIT;
		options.queue_mib = 1;
		options.commit_interval_ms = 60000;
		if (meter_open(&m, meter_path(), &options) != METER_OK)
			_exit(1);
		for (int i = 0; i < count; i++) {
			char id[40];
			snprintf(id, sizeof(id), "%s-%d", prefix, i);
			meter_event e = event_of("acme", id, "call");
			if (meter_record(m, &e) != METER_OK)
				_exit(2);
		}
		_exit(is_flushed && meter_flush(m, -1) != METER_OK ? 3 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void leave_events(const char *prefix, int count)
{
	leave_events_at(prefix, count, false);
}

/* Files in the scratch folder whose name has part; the last of them in path. */
static int files_with(const char *part, char path[512])
{
	int count = 0;
	DIR *directory = opendir(scratch_path(""));
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		if (!strstr(entry->d_name, part))
			continue;
		count++;
		if (path)
			snprintf(path, 512, "%s", scratch_path(entry->d_name));
	}
	closedir(directory);
	return count;
}

static void copy(const char *from, const char *to)
{
	char command[1200];
	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void test_all_rings_are_stored_by_who_opens_next(void **state)
{
	(void)state;
	close_meter(open_meter());
	leave_events("a", 30);
	leave_events("b", 0); /* recovers the one before */
	leave_events("c", 20);
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	assert_i64(50, stats.accepted);
	assert_i64(50, stats.recovered);
	assert_i64(0, stats.damaged);
	assert_int_equal(files_with("-spool-", NULL), 1); /* that of this handle */
	close_meter(m);
	assert_int_equal(files_with("-spool-", NULL), 0);
	/* Nothing is left to do the next time. */
	m = open_meter();
	assert_i64(50, read_stats(m).recovered);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM spool"));
	close_meter(m);
}

/* Readers recover as well: what was accepted is in what they read. */
static void test_a_handle_without_spool_recovers(void **state)
{
	(void)state;
	close_meter(open_meter());
	leave_events("a", 30);
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	meter *m = open_meter_with(&options);
	assert_i64(30, read_stats(m).accepted);
	meter_event e = event_of("acme", "late", "call");
	assert_code(METER_EINVAL, meter_record(m, &e));
	assert_part("METER_OPEN_WITHOUT_SPOOL", meter_errmsg());
	assert_i64(1, read_stats(m).refused);
	close_meter(m);
}

static void test_a_copy_of_a_ring_is_not_stored_twice(void **state)
{
	(void)state;
	char ring[512], again[600];
	close_meter(open_meter());
	leave_events("a", 30);
	assert_int_equal(files_with("-spool-", ring), 1);
	snprintf(again, sizeof(again), "%s.kept", ring);
	copy(ring, again);
	close_meter(open_meter());
	assert_int_equal(rename(again, ring), 0); /* as a restored backup would bring it */
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	assert_i64(30, stats.accepted);
	assert_i64(30, stats.recovered);
	assert_i64(0, stats.duplicate);
	close_meter(m);
}

/* The database was replaced by an older copy: its ring does not fit, and holds what nobody else has. */
static void test_a_ring_the_database_does_not_know_is_kept(void **state)
{
	(void)state;
	close_meter(open_meter());
	copy(meter_path(), scratch_path("older"));
	leave_events("a", 30);
	assert_int_equal(rename(scratch_path("older"), meter_path()), 0);
	unlink(scratch_path("meter.db-wal"));
	unlink(scratch_path("meter.db-shm"));
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	assert_i64(0, stats.accepted);
	assert_i64(1, stats.damaged);
	close_meter(m);
	assert_int_equal(files_with(".orphan", NULL), 1);
	m = open_meter();
	assert_i64(1, read_stats(m).damaged); /* it was counted once */
	close_meter(m);
}

/* All of it was stored, the WAL that held it is gone, and the row of the ring with it. Once that loss is accepted the ring is
 * kept. */
static void test_a_lost_wal_is_noticed_and_its_ring_kept(void **state)
{
	(void)state;
	close_meter(open_meter());
	leave_events_at("a", 30, true);
	assert_int_equal(unlink(scratch_path("meter.db-wal")), 0);
	unlink(scratch_path("meter.db-shm"));
	meter *m;
	assert_code(METER_EBACKWARDS, meter_open(&m, meter_path(), NULL));
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_ACCEPT_LOSS;
	options.loss_reason = "the WAL was deleted";
	m = open_meter_with(&options);
	meter_counters stats = read_stats(m);
	assert_i64(0, stats.accepted);
	assert_i64(1, stats.damaged);
	close_meter(m);
	assert_int_equal(files_with(".orphan", NULL), 1);
}

static void test_the_ring_of_another_database_is_kept(void **state)
{
	(void)state;
	close_meter(open_meter());
	leave_events("a", 30);
	unlink(meter_path());
	unlink(scratch_path("meter.db-wal"));
	unlink(scratch_path("meter.db-shm"));
	meter *m = open_meter();
	assert_i64(0, read_stats(m).accepted);
	assert_i64(1, read_stats(m).damaged);
	close_meter(m);
	assert_int_equal(files_with(".orphan", NULL), 1);
}

static void test_a_ring_that_is_gone_is_counted(void **state)
{
	(void)state;
	char ring[512];
	close_meter(open_meter());
	leave_events("a", 30);
	assert_int_equal(files_with("-spool-", ring), 1);
	assert_int_equal(unlink(ring), 0);
	meter *m = open_meter();
	assert_i64(0, read_stats(m).accepted);
	assert_i64(1, read_stats(m).damaged);
	close_meter(m);
}

/* Made half when its process died: nothing was accepted, so it is removed. */
static void test_a_ring_made_half_is_removed(void **state)
{
	(void)state;
	close_meter(open_meter());
	static const size_t sizes[] = {0, 100, 4096, 100000};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		const char *path = scratch_path("meter.db-spool-00000000000000ab");
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0 && ftruncate(fd, (off_t)sizes[i]) == 0);
		close(fd);
		meter *m = open_meter();
		assert_int_equal(access(path, F_OK), -1);
		assert_i64(0, read_stats(m).damaged);
		close_meter(m);
	}
	/* Other names are nobody's business. */
	int fd = open(scratch_path("meter.db-spool-notes"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	close_meter(open_meter());
	assert_int_equal(access(scratch_path("meter.db-spool-notes"), F_OK), 0);
}

static void test_a_damaged_record_is_in_quarantine_and_the_others_are_stored(void **state)
{
	(void)state;
	char ring[512];
	close_meter(open_meter());
	leave_events("a", 30);
	assert_int_equal(files_with("-spool-", ring), 1);
	int fd = open(ring, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "!", 1, 4096 + 5 * 128 + 80), 1); /* within the sixth record */
	close(fd);
	meter *m = open_meter();
	meter_counters stats = read_stats(m);
	assert_i64(29, stats.accepted);
	assert_i64(29, stats.recovered);
	assert_i64(1, stats.damaged);
	assert_i64(1, stats.quarantined);
	assert_i64(1, stats.rejected);
	meter_quarantine *q;
	assert_ok(meter_quarantine_query(&q, m, 0, 0));
	assert_ok(meter_quarantine_next(q));
	assert_part("a record of the spool was damaged", meter_quarantine_reason(q));
	meter_quarantine_free(q);
	close_meter(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_all_rings_are_stored_by_who_opens_next),
		in_scratch(test_a_handle_without_spool_recovers),
		in_scratch(test_a_copy_of_a_ring_is_not_stored_twice),
		in_scratch(test_a_ring_the_database_does_not_know_is_kept),
		in_scratch(test_a_lost_wal_is_noticed_and_its_ring_kept),
		in_scratch(test_the_ring_of_another_database_is_kept),
		in_scratch(test_a_ring_that_is_gone_is_counted),
		in_scratch(test_a_ring_made_half_is_removed),
		in_scratch(test_a_damaged_record_is_in_quarantine_and_the_others_are_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
