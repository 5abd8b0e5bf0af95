/*
 * test_backup.c - copies of a live database, and a database that went backwards: an older copy in its place, a WAL that is lost
 * or damaged, a file replaced under a handle. As root the program moves into a mount namespace of its own for a small disk.
 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char catalog[] = "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\n";

static void record(meter *m, const char *prefix, int count)
{
	for (int i = 0; i < count; i++) {
		char id[40];
		snprintf(id, sizeof(id), "%s-%d", prefix, i);
		meter_event e = event_of("acme", id, "call");
		assert_ok(meter_record_many(m, &e, 1, NULL));
	}
}

/* A database of count transactions with an event each, which its process left by dying: its WAL holds them all. */
static void leave_database(int count)
{
	close_meter(open_meter());
	pid_t child = fork();
	if (child == 0) {
		record(open_meter(), "left", count);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void copy(const char *from, const char *to)
{
	char command[1100];
	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static int64_t backup(meter *m, const char *path)
{
	int64_t events;
	assert_ok(meter_backup(m, path, NULL, NULL, &events));
	return events;
}

/* Put a copy in the place of the database, as people do. */
static void restore(const char *path)
{
	copy(path, meter_path());
	unlink(scratch_path("meter.db-wal"));
	unlink(scratch_path("meter.db-shm"));
}

static int files_with(const char *part)
{
	int count = 0;
	DIR *directory = opendir(scratch_path(""));
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
		count += strstr(entry->d_name, part) != NULL;
	closedir(directory);
	return count;
}

static void assert_backwards(const char *message)
{
	meter *m = (meter *)&m;
	assert_code(METER_EBACKWARDS, meter_open(&m, meter_path(), NULL));
	assert_null(m);
	assert_part(message, meter_errmsg());
}

static meter *open_accepting(const char *reason)
{
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 4;
	options.flags = METER_OPEN_ACCEPT_LOSS;
	options.loss_reason = reason;
	return open_meter_with(&options);
}

/* ---- copies ---- */

static void test_a_copy_is_a_database_of_its_own(void **state)
{
	(void)state;
	char path[512];
	snprintf(path, sizeof(path), "%s", scratch_path("copy.db"));
	meter *m = open_meter();
	apply_catalog(m, catalog);
	record(m, "a", 20);
	assert_i64(20, backup(m, path));
	record(m, "b", 5);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(files_with("copy.db"), 1);
	assert_int_equal(files_with("tmp"), 0);
	assert_i64(1, sql_int(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));

	meter *other;
	assert_ok(meter_open(&other, path, NULL));
	assert_i64(20, read_stats(other).accepted);
	assert_i64(0, read_stats(other).damaged); /* the ring of m is not missing here */
	assert_text("20", usage_total(other, "calls"));
	record(other, "c", 3);
	assert_text("23", usage_total(other, "calls"));
	close_meter(other);
	assert_i64(0, sql_int(path, "SELECT count(*) FROM spool WHERE retired <> 1"));
	assert_text("25", usage_total(m, "calls"));
	close_meter(m);
	close_meter(open_meter());
}

static atomic_bool is_over;

static void *record_all_the_time(void *user)
{
	meter *m = user;
	int number = 0;
	while (!atomic_load(&is_over)) {
		meter_event events[7];
		char ids[7][24];
		for (int i = 0; i < 7; i++) {
			snprintf(ids[i], sizeof(ids[i]), "n-%d", number++);
			events[i] = event_of("acme", ids[i], "call");
			events[i].timestamp_us += number * INT64_C(1000000);
		}
		assert_ok(meter_record_many(m, events, 7, NULL));
	}
	return NULL;
}

/* Every copy is of one moment: whole batches, and buckets that are the sum of the events. */
static void test_backup_while_another_thread_records(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	pthread_t thread;
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, record_all_the_time, m), 0);
	int64_t before = 0;
	for (int i = 0; i < 10; i++) {
		char name[24], expected[24];
		snprintf(name, sizeof(name), "copy-%d.db", i);
		sleep_ms(20);
		int64_t events = backup(m, scratch_path(name));
		assert_true(events > before && events % 7 == 0);
		before = events;
		assert_i64(events, sql_int(scratch_path(name), "SELECT count(*) FROM event"));
		assert_i64(1, sql_int(scratch_path(name), "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));
		meter *other;
		assert_ok(meter_open(&other, scratch_path(name), NULL));
		snprintf(expected, sizeof(expected), "%lld", (long long)events);
		assert_text(expected, usage_total(other, "calls"));
		close_meter(other);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	close_meter(m);
}

static void test_backup_refuses_in_documented_order(void **state)
{
	(void)state;
	meter *m = open_meter();
	int64_t events = 7;
	assert_code(METER_EINVAL, meter_backup(NULL, "", NULL, NULL, &events));
	assert_code(METER_EINVAL, meter_backup(m, NULL, NULL, NULL, &events));
	assert_i64(0, events);
	assert_code(METER_EINVAL, meter_backup(m, "", NULL, NULL, NULL));
	assert_code(METER_EINVAL, meter_backup(m, meter_path(), NULL, NULL, NULL));
	assert_part("meter.db exists already", meter_errmsg());
	assert_code(METER_ENOTFOUND, meter_backup(m, scratch_path("missing/copy.db"), NULL, NULL, NULL));
	/* A link, also one to nothing, and what SQLite would take for a part of the copy. */
	static const char *const names[] = {"copy.db", "copy.db-wal", "copy.db-journal", "copy.db-shm"};
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(symlink("nowhere", scratch_path(names[i])), 0);
		assert_code(METER_EINVAL, meter_backup(m, scratch_path("copy.db"), NULL, NULL, NULL));
		assert_part(names[i], meter_errmsg());
		assert_int_equal(unlink(scratch_path(names[i])), 0);
	}
	assert_int_equal(files_with("copy"), 0);
	assert_int_equal(files_with("tmp"), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(meter_backup(m, scratch_path("copy.db"), NULL, NULL, NULL) == METER_EFORKED ? 0 : 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_meter(m);
}

static int stop_at_once(int64_t done, int64_t total, void *user)
{
	assert_true(done > 0 && done <= total);
	++*(int *)user;
	return 1;
}

static void test_backup_stopped_leaves_nothing(void **state)
{
	(void)state;
	int calls = 0;
	meter *m = open_meter();
	assert_code(METER_ETIMEDOUT, meter_backup(m, scratch_path("copy.db"), stop_at_once, &calls, NULL));
	assert_int_equal(calls, 1);
	assert_int_equal(files_with("copy"), 0);
	assert_int_equal(files_with("tmp"), 0);
	record(m, "a", 1); /* the reader is given back */
	close_meter(m);
}

static void test_a_damaged_database_is_not_copied(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 20);
	close_meter(m);
	int64_t page = sql_int(meter_path(), "SELECT rootpage FROM sqlite_schema WHERE name = 'event'");
	int fd = open(meter_path(), O_WRONLY | O_CLOEXEC);
	char noise[4000];
	memset(noise, 0x5a, sizeof(noise));
	assert_int_equal(pwrite(fd, noise, sizeof(noise), (off_t)((page - 1) * 8192)), (ssize_t)sizeof(noise));
	close(fd);
	m = open_meter();
	assert_code(METER_ECORRUPT, meter_backup(m, scratch_path("copy.db"), NULL, NULL, NULL));
	assert_part("damaged", meter_errmsg());
	assert_int_equal(files_with("copy"), 0);
	assert_int_equal(files_with("tmp"), 0);
	(void)meter_close(m);
}

static bool can_mount;

static int enter_own_namespace(void **state)
{
	(void)state;
	can_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return 0;
}

static int unmount_and_teardown(void **state)
{
	if (can_mount)
		(void)umount2(scratch_path("disk"), MNT_DETACH);
	return scratch_teardown(state);
}

static void test_a_full_disk_leaves_nothing(void **state)
{
	(void)state;
	if (!can_mount) {
		printf("skipped: a small disk needs root and a mount namespace\n");
		skip();
	}
	char disk[512];
	snprintf(disk, sizeof(disk), "%s", scratch_path("disk"));
	assert_int_equal(mkdir(disk, 0700), 0);
	assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, "size=100k"), 0);
	meter *m = open_meter();
	record(m, "a", 20);
	assert_code(METER_EFULL, meter_backup(m, scratch_path("disk/copy.db"), NULL, NULL, NULL));
	DIR *directory = opendir(disk);
	int entries = 0;
	while (readdir(directory))
		entries++;
	closedir(directory);
	assert_int_equal(entries, 2); /* . and .. */
	record(m, "b", 1);
	close_meter(m);
}

/* ---- backwards ---- */

static void test_an_older_copy_in_its_place_is_noticed(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 10);
	(void)backup(m, scratch_path("older.db"));
	record(m, "b", 2);
	(void)backup(m, scratch_path("newest.db"));
	close_meter(m);
	restore(scratch_path("newest.db"));
	close_meter(open_meter());
	restore(scratch_path("older.db"));
	assert_backwards("meter.db went backwards: it holds transaction 10, it had 12 (a backup restored, or its WAL lost)");
	assert_backwards("it holds transaction 10, it had 12"); /* refusing changes nothing */
	/* Where it is, the older copy is fine. */
	assert_ok(meter_open(&m, scratch_path("older.db"), NULL));
	close_meter(m);
}

static void test_an_older_catalog_is_noticed(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 1);
	(void)backup(m, scratch_path("older.db"));
	apply_catalog(m, catalog);
	close_meter(m);
	restore(scratch_path("older.db"));
	assert_backwards("of catalogs, it had ");
}

/* Nobody recorded anything: a document alone makes the copy older. */
static void test_an_older_invoice_is_noticed(void **state)
{
	(void)state;
	meter_invoice *invoice;
	meter *m = open_meter();
	apply_catalog(m,
	              "version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\nplans:\n"
	              "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: calls, "
	              "meter: calls, model: unit, price: 1}]}\n"
	              "subscriptions: {acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}}\n");
	record(m, "a", 1);
	close_meter(m);
	copy(meter_path(), scratch_path("older.db"));
	m = open_meter();
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
	                                 us("2026-02-01T00:00:00Z")));
	meter_invoice_free(invoice);
	close_meter(m);
	restore(scratch_path("older.db"));
	assert_backwards("it holds transaction 1, it had 2");
}

static void test_an_accepted_loss_is_written_down(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 10);
	(void)backup(m, scratch_path("older.db"));
	record(m, "b", 2);
	close_meter(m);
	close_meter(open_accepting("nothing was lost"));
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM audit"));
	restore(scratch_path("older.db"));
	m = open_accepting("disk broken");
	assert_i64(10, read_stats(m).accepted);
	record(m, "b", 1); /* sent again */
	assert_i64(11, read_stats(m).accepted);
	close_meter(m);
	m = open_meter();
	record(m, "b", 2);
	assert_i64(12, read_stats(m).accepted);
	close_meter(m);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM audit WHERE at > 1700000000000000"
	                                    " AND what LIKE 'accepted: %it holds transaction 10, it had 12%: disk broken'"));
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM audit"));
}

static void test_a_deleted_wal_is_noticed(void **state)
{
	(void)state;
	leave_database(5);
	unlink(scratch_path("meter.db-wal"));
	unlink(scratch_path("meter.db-shm"));
	assert_backwards("it holds transaction 0, it had 5");
	close_meter(open_accepting("the WAL was deleted"));
	close_meter(open_meter());
}

/* Even the tables were only in it. */
static void test_a_deleted_wal_with_everything_is_noticed(void **state)
{
	(void)state;
	leave_database(0); /* makes the file */
	assert_int_equal(unlink(meter_path()), 0);
	pid_t child = fork();
	if (child == 0) {
		record(open_meter(), "a", 5);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	unlink(scratch_path("meter.db-wal"));
	unlink(scratch_path("meter.db-shm"));
	assert_backwards("it holds transaction 0, it had 5");
	meter *m = open_accepting("the WAL was deleted");
	record(m, "a", 1);
	close_meter(m);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM audit"));
}

/* SQLite reads a WAL up to the first frame that does not fit, without a word. The WAL is left as it was: it may be mended. */
static void test_a_flipped_bit_in_the_wal_is_noticed(void **state)
{
	(void)state;
	leave_database(8);
	char wal[512];
	snprintf(wal, sizeof(wal), "%s", scratch_path("meter.db-wal"));
	struct stat before, after;
	assert_int_equal(stat(wal, &before), 0);
	char byte;
	off_t at = before.st_size / 2;
	int fd = open(wal, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	unlink(scratch_path("meter.db-shm"));
	assert_backwards("it had 8");
	assert_int_equal(stat(wal, &after), 0);
	assert_i64(before.st_size, after.st_size);
	byte ^= 4;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
	unlink(scratch_path("meter.db-shm"));
	meter *m = open_meter();
	assert_i64(8, read_stats(m).accepted);
	close_meter(m);
}

/* Nothing to compare: no mark, one that is not whole, another database, a file that was deleted. */
static void test_what_proves_nothing_is_not_refused(void **state)
{
	(void)state;
	char lock[512];
	snprintf(lock, sizeof(lock), "%s", scratch_path("meter.db-lock"));
	meter *m;
	assert_ok(meter_open(&m, scratch_path("another.db"), NULL));
	close_meter(m);
	m = open_meter();
	record(m, "a", 1);
	(void)backup(m, scratch_path("older.db"));
	record(m, "b", 1);
	close_meter(m);
	copy(lock, scratch_path("mark"));
	struct stat status;
	assert_int_equal(stat(lock, &status), 0);
	for (off_t bit = 0; bit < status.st_size * 8; bit += 3) {
		restore(scratch_path("older.db"));
		copy(scratch_path("mark"), lock);
		char byte;
		int fd = open(lock, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, bit / 8), 1);
		byte = (char)(byte ^ 1 << bit % 8);
		assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
		close(fd);
		meter_options options = METER_OPTIONS_INIT;
		options.flags = METER_OPEN_WITHOUT_SPOOL;
		close_meter(open_meter_with(&options));
	}
	restore(scratch_path("older.db"));
	assert_int_equal(truncate(lock, 0), 0);
	close_meter(open_meter());
	copy(scratch_path("mark"), lock);
	restore(scratch_path("another.db"));
	close_meter(open_meter());
	copy(scratch_path("mark"), lock);
	assert_int_equal(unlink(meter_path()), 0);
	close_meter(open_meter());
}

/* ---- under a handle ---- */

static void test_a_handle_notices_that_its_file_holds_less(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 3);
	sql_run(meter_path(), "UPDATE total SET ingest = 2");
	meter_event e = event_of("acme", "b", "call");
	assert_code(METER_EBACKWARDS, meter_record_many(m, &e, 1, NULL));
	assert_part("it holds transaction 2, it had 3", meter_errmsg());
	assert_code(METER_EBACKWARDS, meter_record(m, &e)); /* nothing is tried again */
	assert_code(METER_EBACKWARDS, meter_close(m));
	assert_i64(3, sql_int(meter_path(), "SELECT count(*) FROM event"));
	assert_i64(2, sql_int(meter_path(), "SELECT ingest FROM total"));
	assert_backwards("it holds transaction 2, it had 3");
}

static void test_a_handle_notices_that_its_file_was_replaced(void **state)
{
	(void)state;
	meter *m = open_meter();
	record(m, "a", 3);
	(void)backup(m, scratch_path("copy.db"));
	assert_int_equal(rename(scratch_path("copy.db"), meter_path()), 0);
	meter_event e = event_of("acme", "b", "call");
	assert_code(METER_EBACKWARDS, meter_record_many(m, &e, 1, NULL));
	assert_part("was replaced or removed while it was open", meter_errmsg());
	assert_code(METER_EBACKWARDS, meter_close(m));
}

/* ---- restoring beside a ring ---- */

/* The machine lost its file and not its rings: what was accepted and never stored is stored into the copy. */
static void test_a_restored_copy_takes_over_the_rings_beside_it(void **state)
{
	(void)state;
	close_meter(open_meter());
	pid_t child = fork();
	if (child == 0) {
		meter_options options = METER_OPTIONS_INIT;
		options.queue_mib = 1;
		options.commit_interval_ms = 60000;
		meter *m = open_meter_with(&options);
		record(m, "stored", 2);
		(void)backup(m, scratch_path("copy.db"));
		for (int i = 0; i < 9; i++) {
			char id[24];
			snprintf(id, sizeof(id), "ring-%d", i);
			meter_event e = event_of("acme", id, "call");
			assert_ok(meter_record(m, &e));
		}
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	restore(scratch_path("copy.db"));
	meter *m = open_meter();
	assert_i64(11, read_stats(m).accepted);
	assert_i64(9, read_stats(m).recovered);
	assert_i64(0, read_stats(m).damaged);
	close_meter(m);
	assert_int_equal(files_with("-spool-"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_copy_is_a_database_of_its_own),
		in_scratch(test_backup_while_another_thread_records),
		in_scratch(test_backup_refuses_in_documented_order),
		in_scratch(test_backup_stopped_leaves_nothing),
		in_scratch(test_a_damaged_database_is_not_copied),
		cmocka_unit_test_setup_teardown(test_a_full_disk_leaves_nothing, scratch_setup, unmount_and_teardown),
		in_scratch(test_an_older_copy_in_its_place_is_noticed),
		in_scratch(test_an_older_catalog_is_noticed),
		in_scratch(test_an_older_invoice_is_noticed),
		in_scratch(test_an_accepted_loss_is_written_down),
		in_scratch(test_a_deleted_wal_is_noticed),
		in_scratch(test_a_deleted_wal_with_everything_is_noticed),
		in_scratch(test_a_flipped_bit_in_the_wal_is_noticed),
		in_scratch(test_what_proves_nothing_is_not_refused),
		in_scratch(test_a_handle_notices_that_its_file_holds_less),
		in_scratch(test_a_handle_notices_that_its_file_was_replaced),
		in_scratch(test_a_restored_copy_takes_over_the_rings_beside_it),
	};
	return cmocka_run_group_tests(tests, enter_own_namespace, NULL);
}
