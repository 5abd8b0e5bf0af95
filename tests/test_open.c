/*
 * test_open.c - opening and closing: paths, options, files that are not ours or are damaged, locks, disks that are full or cannot
 * be written. As root the program moves into a mount namespace of its own, so that it can have small disks and read-only ones.
 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool can_mount;

static int enter_own_namespace(void **state)
{
	(void)state;
	can_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return 0;
}

static void needs_mount(const char *what)
{
	if (can_mount)
		return;
	printf("skipped: %s needs root and a mount namespace\n", what);
	skip();
}

/* A small disk of its own at FOLDER/disk; gone with the namespace, or before the folder is removed. */
static const char *mount_disk(const char *options)
{
	const char *path = scratch_path("disk");
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, options), 0);
	return path;
}

static int unmount_and_teardown(void **state)
{
	if (can_mount)
		(void)umount2(scratch_path("disk"), MNT_DETACH); /* a test that was skipped has none */
	return scratch_teardown(state);
}

#define on_disk(test) cmocka_unit_test_setup_teardown(test, scratch_setup, unmount_and_teardown)

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int64_t file_size(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 ? status.st_size : -1;
}

static void assert_refused(int code, const char *path, const meter_options *options, const char *message)
{
	meter *m = (meter *)&m;
	assert_code(code, meter_open(&m, path, options));
	assert_null(m);
	assert_part(message, meter_errmsg());
}

/* ---- paths ---- */

static void test_path_must_name_a_file(void **state)
{
	(void)state;
	const struct {
		int code;
		const char *path;
		const char *message;
	} cases[] = {
		{METER_EINVAL, NULL, "path: missing"},
		{METER_EINVAL, "", "path: empty"},
		{METER_EINVAL, ":memory:", "not durable"},
		{METER_EINVAL, scratch_path("."), "is a directory, not a file"},
		{METER_EINVAL, "/dev/null", "is a device, not a file"},
		{METER_ENOTFOUND, scratch_path("missing/meter.db"), "missing"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(cases[i].code, cases[i].path, NULL, cases[i].message);
	assert_code(METER_EINVAL, meter_open(NULL, meter_path(), NULL));
}

static void test_a_file_as_folder_is_not_found(void **state)
{
	(void)state;
	write_file(scratch_path("file"), "x", 1);
	meter *m;
	assert_code(METER_ENOTFOUND, meter_open(&m, scratch_path("file/meter.db"), NULL));
}

static void test_existing_only(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_EXISTING;
	assert_refused(METER_ENOTFOUND, meter_path(), &options, "does not exist");
	assert_i64(-1, file_size(meter_path()));
	assert_i64(-1, file_size(scratch_path("meter.db-lock")));
	close_meter(open_meter());
	close_meter(open_meter_with(&options));
}

/* Nothing in a name is special: SQLite reads "file:" and "?" as a URI, and "%20" in it as a blank. */
static void test_path_is_taken_literally(void **state)
{
	(void)state;
	static const char *const names[] = {"with blanks.db", "file:x",   "file:y?mode=memory",
	                                    "100%.db",        "a%20b.db", "what?cache=none",
	                                    "#hash;$x",       "-dash",    "ümläut.db"};
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(before >= 0);
	assert_int_equal(chdir(scratch_path(".")), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		/* Relative the first time, absolute the second. */
		for (int round = 0; round < 2; round++) {
			meter *m;
			assert_ok(meter_open(&m, round ? scratch_path(names[i]) : names[i], NULL));
			meter_event e = event_of("acme", "1", "call");
			int32_t outcome;
			assert_ok(meter_record_many(m, &e, 1, &outcome));
			assert_int_equal(outcome, round ? METER_DUPLICATE : METER_ACCEPTED);
			assert_i64(1, read_stats(m).accepted);
			close_meter(m);
		}
		assert_true(file_size(scratch_path(names[i])) > 0);
	}
	assert_int_equal(fchdir(before), 0);
	close(before);
}

static void test_relative_path_stays_when_the_program_changes_folder(void **state)
{
	(void)state;
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(before >= 0);
	assert_int_equal(chdir(scratch_path(".")), 0);
	meter *m;
	assert_ok(meter_open(&m, "meter.db", NULL));
	assert_int_equal(fchdir(before), 0);
	close(before);
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	assert_i64(1, read_stats(m).accepted);
	close_meter(m);
}

/* ---- options ---- */

static void test_options_ranges(void **state)
{
	(void)state;
	const size_t whole = sizeof(meter_options);
	const struct {
		meter_options options;
		const char *message; /* NULL: fine */
	} cases[] = {
		{METER_OPTIONS_INIT, NULL},
		{{whole, METER_OPEN_EXISTING, 1, 60000, 1, 1, 0, NULL}, NULL},
		{{whole, 0, 60000, 1, 3600000, 64, 0, NULL}, NULL},
		{{whole, METER_OPEN_WITHOUT_SPOOL, 0, 0, 0, 0, 1, NULL}, NULL},
		{{whole, 8, 0, 0, 0, 0, 0, NULL},
	         "flags are 0x8; only METER_OPEN_EXISTING, METER_OPEN_WITHOUT_SPOOL and METER_OPEN_ACCEPT_LOSS are known"},
		{{whole, METER_OPEN_ACCEPT_LOSS, 0, 0, 0, 0, 0, "a test"}, NULL},
		{{whole, METER_OPEN_ACCEPT_LOSS, 0, 0, 0, 0, 0, NULL}, "METER_OPEN_ACCEPT_LOSS and loss_reason belong together"},
		{{whole, 0, 0, 0, 0, 0, 0, "why"}, "belong together"},
		{{whole, METER_OPEN_ACCEPT_LOSS, 0, 0, 0, 0, 0, ""}, "loss_reason: 1 to 1000 bytes of UTF-8"},
		{{whole, METER_OPEN_ACCEPT_LOSS, 0, 0, 0, 0, 0, "\xff"}, "loss_reason: 1 to 1000 bytes of UTF-8"},
		{{whole, 0x80000000u, 0, 0, 0, 0, 0, NULL}, "flags are 0x80000000"},
		{{whole, 0, -1, 0, 0, 0, 0, NULL}, "commit_interval_ms is -1"},
		{{whole, 0, 60001, 0, 0, 0, 0, NULL}, "commit_interval_ms is 60001; 0 for the default, or up to 60000"},
		{{whole, 0, 0, -1, 0, 0, 0, NULL}, "full_wait_ms is -1"},
		{{whole, 0, 0, 60001, 0, 0, 0, NULL}, "full_wait_ms is 60001; 0 for the default, or up to 60000"},
		{{whole, 0, 0, 0, INT32_MIN, 0, 0, NULL}, "lock_wait_ms is -2147483648"},
		{{whole, 0, 0, 0, 3600001, 0, 0, NULL}, "lock_wait_ms is 3600001; 0 for the default, or up to 3600000"},
		{{whole, 0, 0, 0, 0, -1, 0, NULL}, "queue_mib is -1"},
		{{whole, 0, 0, 0, 0, 1025, 0, NULL}, "queue_mib is 1025; 0 for the default, or up to 1024"},
		{{whole, 0, 0, 0, 0, 0, -1, NULL}, "wal_max_mib is -1"},
		{{whole, 0, 0, 0, 0, 0, 1048577, NULL}, "wal_max_mib is 1048577; 0 for the default, or up to 1048576"},
		{{0, 0, 0, 0, 0, 0, 0, NULL}, "struct_size is 0; start from METER_OPTIONS_INIT"},
		{{sizeof(size_t) - 1, 0, 0, 0, 0, 0, 0, NULL}, "struct_size is 7"},
		{{4097, 0, 0, 0, 0, 0, 0, NULL}, "struct_size is 4097"},
		{{SIZE_MAX, 0, 0, 0, 0, 0, 0, NULL}, "struct_size is 18446744073709551615"},
	};
	close_meter(open_meter());
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].message)
			assert_refused(METER_EINVAL, meter_path(), &cases[i].options, cases[i].message);
		else
			close_meter(open_meter_with(&cases[i].options));
	}
}

/* An older program knows fewer fields, a newer one more. What lies outside is not read, or ignored. */
static void test_options_of_another_release(void **state)
{
	(void)state;
	meter_options older = {offsetof(meter_options, full_wait_ms), 0, 50, -1, -1, -1, -1, NULL};
	close_meter(open_meter_with(&older));
	older.struct_size = sizeof(size_t);
	older.flags = 0xffffffff;
	close_meter(open_meter_with(&older));
	struct {
		meter_options options;
		char more[64];
	} newer = {METER_OPTIONS_INIT, "fields that this release does not know"};
	newer.options.struct_size = sizeof(newer);
	close_meter(open_meter_with(&newer.options));
}

/* Of several things that are wrong the one checked first is reported. */
static void test_refusals_in_documented_order(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_EXISTING | 64;
	assert_refused(METER_EINVAL, "", &options, "path");
	assert_refused(METER_EINVAL, scratch_path("missing/meter.db"), &options, "flags");
	options.flags = METER_OPEN_EXISTING;
	assert_refused(METER_ENOTFOUND, scratch_path("missing/meter.db"), &options, "does not exist");
}

/* Who wants what is there does not get something new: a file that lost its content must not look like one that never had any. */
static void test_an_empty_file_is_no_database_yet(void **state)
{
	(void)state;
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	fclose(fopen(meter_path(), "w"));
	options.flags = METER_OPEN_EXISTING;
	assert_refused(METER_EFOREIGN, meter_path(), &options, "is empty: not a libmeter database yet");
	assert_int_equal(-1, access(scratch_path("meter.db-lock"), F_OK));
	assert_ok(meter_open(&m, meter_path(), NULL));
	close_meter(m);
}

/* ---- what is made ---- */

static void test_a_new_database_is_ours(void **state)
{
	(void)state;
	close_meter(open_meter());
	assert_i64(0x6d657472, sql_int(meter_path(), "PRAGMA application_id"));
	assert_i64(5, sql_int(meter_path(), "PRAGMA user_version"));
	assert_i64(8192, sql_int(meter_path(), "PRAGMA page_size"));
	assert_i64(1, sql_int(meter_path(), "SELECT journal_mode = 'wal' FROM pragma_journal_mode"));
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
	                                    " AND name NOT LIKE 'sqlite_%' AND strict = 0"));
	assert_true(sql_int(meter_path(), "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 1") >= 10);
	assert_i64(1, sql_int(meter_path(), "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));
}

static void test_only_the_owner_may_read(void **state)
{
	(void)state;
	mode_t before = umask(0);
	meter *m = open_meter();
	umask(before);
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	static const char *const names[] = {"meter.db", "meter.db-wal", "meter.db-shm", "meter.db-lock"};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct stat status;
		assert_int_equal(stat(scratch_path(names[i]), &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
	}
	close_meter(m);
}

static void test_an_empty_file_becomes_a_database(void **state)
{
	(void)state;
	write_file(meter_path(), "", 0);
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	close_meter(m);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM event"));
}

static void test_close_writes_the_wal_back(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	close_meter(m);
	assert_true(file_size(scratch_path("meter.db-wal")) <= 0);
	assert_i64(1, sql_int(meter_path(), "SELECT count(*) FROM event"));
}

static void test_close_of_null_is_fine(void **state)
{
	(void)state;
	assert_ok(meter_close(NULL));
}

static int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder) {
		printf("skipped: there is no /proc\n");
		skip();
	}
	int count = 0;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void test_opening_often_leaks_no_descriptor(void **state)
{
	(void)state;
	close_meter(open_meter());
	static char text[4096]; /* long enough that only SQLite can tell */
	memset(text, 'x', sizeof(text));
	write_file(scratch_path("text"), text, sizeof(text));
	int before = open_descriptors();
	for (int i = 0; i < 200; i++) {
		if (i % 20 == 0)
			assert_int_equal(unlink(meter_path()), 0); /* creating one leaks none either */
		meter *m = open_meter();
		assert_i64(0, read_stats(m).accepted);
		close_meter(m);
		assert_refused(METER_EFOREIGN, scratch_path("text"), NULL, "is not a libmeter database");
	}
	assert_int_equal(open_descriptors(), before);
}

/* ---- files that are not ours, or damaged ---- */

static void test_a_file_of_another_program_is_foreign(void **state)
{
	(void)state;
	static const char text[] = "These are the lines of a letter, which is not a database at all.\n";
	write_file(meter_path(), text, sizeof(text) - 1);
	assert_refused(METER_EFOREIGN, meter_path(), NULL, "is not a libmeter database");
	write_file(meter_path(), "xy", 2);
	assert_refused(METER_EFOREIGN, meter_path(), NULL, "is not a libmeter database");
	assert_i64(2, file_size(meter_path()));
	assert_i64(-1, file_size(scratch_path("meter.db-lock")));
}

static void test_another_database_is_foreign(void **state)
{
	(void)state;
	static const char *const schemas[] = {
		"CREATE TABLE t (x)",
		"PRAGMA application_id = 252006673; CREATE TABLE event (x)",
		"PRAGMA application_id = 1",
		"PRAGMA user_version = 1",
	};
	for (size_t i = 0; i < COUNT(schemas); i++) {
		unlink(meter_path());
		sql_run(meter_path(), schemas[i]);
		assert_refused(METER_EFOREIGN, meter_path(), NULL, "is a database, but not one of libmeter");
		assert_i64(-1, file_size(scratch_path("meter.db-lock")));
	}
}

/* Its WAL is what another program left for itself. */
static void test_a_foreign_database_is_left_as_it_was(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(meter_path(), &db), SQLITE_OK);
	assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	int64_t size = file_size(meter_path());
	int64_t wal_size = file_size(scratch_path("meter.db-wal"));
	assert_true(wal_size > 0);
	assert_refused(METER_EFOREIGN, meter_path(), NULL, "not one of libmeter");
	assert_i64(size, file_size(meter_path()));
	assert_i64(wal_size, file_size(scratch_path("meter.db-wal")));
}

static void test_a_newer_schema_is_refused(void **state)
{
	(void)state;
	close_meter(open_meter());
	sql_run(meter_path(), "PRAGMA user_version = 6");
	assert_refused(METER_ENEWER, meter_path(), NULL, "has schema version 6, this library knows versions up to 5");
	sql_run(meter_path(), "PRAGMA user_version = 4");
	assert_refused(METER_EFOREIGN, meter_path(), NULL, "has schema version 4 of a libmeter before its first release");
	sql_run(meter_path(), "PRAGMA user_version = 5");
	close_meter(open_meter());
}

/* Overwrite size bytes at offset with bytes that mean nothing. */
static void scribble(const char *path, int64_t offset, size_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)(i * 37 + 11);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)(offset + (int64_t)i)), 1);
	}
	close(fd);
}

static void test_damage_is_seen_when_opening(void **state)
{
	(void)state;
	static const struct {
		int64_t keep; /* cut the file to this; -1: not */
		int64_t scribble_at;
		size_t scribble_size;
		int code;
		const char *why;
	} cases[] = {
		{-1, 0, 100, METER_EFOREIGN, "no SQLite header: cannot be told from any other file"},
		{-1, 100, 4000, METER_ECORRUPT, "the table of contents is garbage"},
		{32768, 0, 0, METER_ECORRUPT, "all pages but the first are missing"},
		{40000, 0, 0, METER_ECORRUPT, "cut in the middle of a page"},
		{50, 0, 0, METER_EFOREIGN, "cut inside the header: cannot be told from any other file"},
		{1, 0, 0, METER_EFOREIGN, "one byte: SQLite would take it for an empty database"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		unlink(meter_path());
		meter *m = open_meter();
		meter_event e = event_of("acme", "1", "call");
		assert_ok(meter_record_many(m, &e, 1, NULL));
		close_meter(m);
		if (cases[i].keep >= 0)
			assert_int_equal(truncate(meter_path(), cases[i].keep), 0);
		scribble(meter_path(), cases[i].scribble_at, cases[i].scribble_size);
		int code = meter_open(&m, meter_path(), NULL);
		if (code != cases[i].code) {
			print_error("%s: %s\n", cases[i].why, code ? meter_errmsg() : "ok");
			assert_code(cases[i].code, code);
		}
		assert_null(m);
	}
}

static void test_a_damaged_page_is_an_error_when_it_is_read(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	close_meter(m);
	int64_t page = sql_int(meter_path(), "SELECT rootpage FROM sqlite_schema WHERE name = 'event'");
	scribble(meter_path(), (page - 1) * 8192, 4000);
	m = open_meter();
	meter_counters stats = {.struct_size = sizeof(stats)};
	assert_code(METER_ECORRUPT, meter_stats(m, &stats));
	assert_code(METER_ECORRUPT, meter_record_many(m, &e, 1, NULL));
	assert_code(METER_ECORRUPT, meter_close(m));
	assert_part("1 events are lost, 0 wait in the spool", meter_errmsg());
}

/* ---- others at the same file ---- */

/* A process that holds the lock file until it is told to end, or this one ends. */
static pid_t fork_holder(void)
{
	int ready[2];
	char path[600];
	snprintf(path, sizeof(path), "%s-lock", meter_path());
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = open(path, O_RDWR | O_CREAT, 0600);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(child > 0);
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void end_child(pid_t child)
{
	int status;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
}

static void test_open_waits_for_another_process_and_no_longer(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 100;
	close_meter(open_meter());
	pid_t holder = fork_holder();
	int64_t start = monotonic_ms();
	assert_refused(METER_EBUSY, meter_path(), &options, "another process has been writing for longer than 100 ms");
	int64_t waited = monotonic_ms() - start;
	assert_in_range(waited, 100, 5000);
	end_child(holder);
	close_meter(open_meter_with(&options));
}

static void test_flush_waits_for_another_process_and_recovers(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 100;
	meter *m = open_meter_with(&options);
	pid_t holder = fork_holder();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	assert_code(METER_EBUSY, meter_flush(m, -1));
	assert_int_equal(read_stats(m).writer_error, METER_EBUSY);
	end_child(holder);
	assert_ok(meter_flush(m, -1));
	assert_int_equal(read_stats(m).writer_error, METER_OK);
	assert_i64(1, read_stats(m).accepted);
	close_meter(m);
}

static void test_a_program_with_sqlite_that_writes_is_busy_too(void **state)
{
	(void)state;
	static const char *const begins[] = {"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"};
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 100;
	meter *m = open_meter_with(&options);
	for (size_t i = 0; i < COUNT(begins); i++) {
		sqlite3 *db;
		assert_int_equal(sqlite3_open(meter_path(), &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, begins[i], NULL, NULL, NULL), SQLITE_OK);
		meter_event e = event_of("acme", i ? "1" : "2", "call");
		assert_ok(meter_record(m, &e));
		assert_code(METER_EBUSY, meter_flush(m, -1));
		assert_part("another program holds the database locked", meter_errmsg());
		assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
		assert_ok(meter_flush(m, -1));
		assert_i64((int64_t)i + 1, read_stats(m).accepted);
	}
	close_meter(m);
}

static void test_close_says_what_waits_and_the_next_open_has_it(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 100;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	int64_t start = monotonic_ms();
	assert_code(METER_EBUSY, meter_close(m));
	assert_true(monotonic_ms() - start < 5000);
	assert_part("another process has been writing", meter_errmsg());
	assert_part("0 events are lost, 1 wait in the spool", meter_errmsg());
	release_lock(held);
	m = open_meter();
	assert_i64(1, read_stats(m).accepted);
	assert_i64(1, read_stats(m).recovered);
	close_meter(m);
}

/* The writer pauses a second after a failure. What can be written by the time of the close must not be lost to that pause. */
static void test_close_tries_once_more_after_a_failure(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	options.lock_wait_ms = 50;
	meter *m = open_meter_with(&options);
	int held = hold_lock(meter_path());
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record(m, &e));
	assert_code(METER_EBUSY, meter_flush(m, -1));
	release_lock(held);
	close_meter(m);
	m = open_meter();
	assert_i64(1, read_stats(m).accepted);
	close_meter(m);
}

#define EACH 300

static const char *number(int value)
{
	static char texts[4][16];
	static unsigned next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof(texts[0]), "%d", value);
	return text;
}

/* Half of the keys of one are those of the other. */
static void test_two_handles_in_one_process_lose_and_double_nothing(void **state)
{
	(void)state;
	meter *m[2] = {open_meter(), open_meter()};
	for (int i = 0; i < EACH; i++) {
		for (int side = 0; side < 2; side++) {
			meter_event e = event_of("acme", number(i + side * EACH / 2), "call");
			assert_ok(meter_record(m[side], &e));
		}
		if (i % 50 == 0)
			assert_ok(meter_flush(m[i / 50 % 2], -1));
	}
	assert_ok(meter_flush(m[0], -1));
	assert_ok(meter_flush(m[1], -1));
	for (int side = 0; side < 2; side++) {
		meter_counters stats = read_stats(m[side]);
		assert_i64(EACH + EACH / 2, stats.accepted);
		assert_i64(EACH / 2, stats.duplicate);
		close_meter(m[side]);
	}
	assert_i64(EACH + EACH / 2, sql_int(meter_path(), "SELECT count(*) FROM event"));
}

static void record_in_child(const char *path, int first)
{
	meter *m;
	if (meter_open(&m, path, NULL) != METER_OK)
		_exit(1);
	for (int i = 0; i < EACH; i++) {
		meter_event e = event_of("acme", number(first + i), "call");
		if (meter_record(m, &e) != METER_OK || (i % 20 == 0 && meter_flush(m, -1) != METER_OK))
			_exit(2);
	}
	_exit(meter_close(m) == METER_OK ? 0 : 3);
}

/* Both create the file, too. */
static void test_two_processes_lose_and_double_nothing(void **state)
{
	(void)state;
	const char *path = meter_path();
	pid_t children[2];
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			record_in_child(path, i * EACH / 2);
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	meter *m = open_meter();
	assert_i64(EACH + EACH / 2, read_stats(m).accepted);
	assert_i64(EACH / 2, read_stats(m).duplicate);
	close_meter(m);
	assert_i64(EACH + EACH / 2, sql_int(path, "SELECT count(*) FROM event"));
}

/* ---- disks ---- */

/* For a small disk. */
static const meter_options *with_queue(int32_t mib)
{
	static meter_options options;
	options = (meter_options)METER_OPTIONS_INIT;
	options.queue_mib = mib;
	return &options;
}

static void test_a_read_only_disk(void **state)
{
	(void)state;
	needs_mount("a read-only disk");
	const char *disk = mount_disk("size=16m");
	const char *path = scratch_path("disk/meter.db");
	meter *m;
	assert_ok(meter_open(&m, path, with_queue(1)));
	close_meter(m);
	assert_int_equal(mount("none", disk, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_refused(METER_EREADONLY, path, NULL, "cannot be written");
	assert_refused(METER_EREADONLY, scratch_path("disk/new.db"), NULL, "cannot be written");
	assert_int_equal(mount("none", disk, NULL, MS_REMOUNT, NULL), 0);
	assert_ok(meter_open(&m, path, with_queue(1)));
	close_meter(m);
}

static void test_a_file_without_permission(void **state)
{
	(void)state;
	if (geteuid() == 0) {
		printf("skipped: permissions do not stop root\n");
		skip();
	}
	close_meter(open_meter());
	assert_int_equal(chmod(meter_path(), 0400), 0);
	assert_refused(METER_EREADONLY, meter_path(), NULL, "cannot be written");
	assert_int_equal(chmod(meter_path(), 0), 0);
	assert_refused(METER_EREADONLY, meter_path(), NULL, "cannot be written");
	assert_int_equal(chmod(scratch_path("."), 0500), 0);
	assert_refused(METER_EREADONLY, scratch_path("new.db"), NULL, "cannot be written");
	assert_int_equal(chmod(scratch_path("."), 0700), 0);
}

/* A file that takes all room of the disk but about leave bytes. */
static void fill_disk(const char *path, int64_t leave)
{
	static char block[16384];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	int64_t size = 0;
	ssize_t written;
	while ((written = write(fd, block, sizeof(block))) > 0)
		size += written;
	assert_int_equal(ftruncate(fd, (off_t)(size - leave)), 0);
	close(fd);
}

static void test_open_needs_4_mib(void **state)
{
	(void)state;
	needs_mount("a full disk");
	mount_disk("size=5m");
	const char *path = scratch_path("disk/meter.db");
	fill_disk(scratch_path("disk/ballast"), INT64_C(4) * 1024 * 1024 - 16384);
	assert_refused(METER_EFULL, path, NULL, "4194304 are needed");
	assert_i64(-1, file_size(path));
	assert_int_equal(unlink(scratch_path("disk/ballast")), 0);
	meter *m;
	assert_ok(meter_open(&m, path, with_queue(1)));
	close_meter(m);
}

#define FILLING 3000

/* Events of about 1 KiB, so that a few thousand do not fit on what is left. */
static void record_large(meter *m, int first, int count)
{
	static char filler[1000];
	memset(filler, 'x', sizeof(filler));
	meter_property property = {"filler", filler, METER_NUL_TERMINATED, sizeof(filler)};
	for (int i = first; i < first + count; i++) {
		meter_event e = event_of("acme", number(i), "call");
		e.properties = &property;
		e.property_count = 1;
		assert_ok(meter_record(m, &e));
	}
}

static void test_a_disk_that_fills_loses_nothing(void **state)
{
	(void)state;
	needs_mount("a disk that fills");
	mount_disk("size=32m");
	const char *path = scratch_path("disk/meter.db");
	const char *ballast = scratch_path("disk/ballast");
	meter *m;
	assert_ok(meter_open(&m, path, with_queue(8)));
	record_large(m, 0, 10);
	assert_ok(meter_flush(m, -1));
	fill_disk(ballast, 200000);
	record_large(m, 10, FILLING);
	assert_code(METER_EFULL, meter_flush(m, -1));
	assert_part("the disk is full", meter_errmsg());
	meter_counters stats = read_stats(m);
	assert_int_equal(stats.writer_error, METER_EFULL);
	/* On a busy machine a few may go into a small transaction, which still fits. */
	assert_true(stats.accepted >= 10 && stats.accepted < 100);
	assert_i64(10 + FILLING, stats.accepted + stats.queued);
	assert_code(METER_EFULL, meter_flush(m, -1));

	/* Who waits for the outcome learns that there is none yet; sending it again is harmless. */
	meter_event late = event_of("acme", "late", "call");
	int32_t outcome;
	assert_code(METER_EFULL, meter_record_many(m, &late, 1, &outcome));
	assert_int_equal(outcome, METER_PENDING);

	assert_int_equal(unlink(ballast), 0);
	assert_ok(meter_flush(m, -1));
	assert_ok(meter_record_many(m, &late, 1, &outcome));
	assert_int_equal(outcome, METER_DUPLICATE);
	stats = read_stats(m);
	assert_i64(FILLING + 11, stats.accepted);
	assert_i64(1, stats.duplicate);
	assert_i64(0, stats.queued);
	assert_int_equal(stats.writer_error, METER_OK);
	close_meter(m);
	assert_i64(FILLING + 11, sql_int(path, "SELECT count(*) FROM event"));
	assert_i64(1, sql_int(path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"));
}

static void test_close_on_a_full_disk_says_so(void **state)
{
	(void)state;
	needs_mount("a full disk");
	mount_disk("size=24m");
	const char *path = scratch_path("disk/meter.db");
	meter *m;
	assert_ok(meter_open(&m, path, with_queue(8)));
	record_large(m, 0, 1);
	assert_ok(meter_flush(m, -1));
	fill_disk(scratch_path("disk/ballast"), 100000);
	record_large(m, 1, FILLING);
	assert_code(METER_EFULL, meter_close(m));
	assert_part("0 events are lost, 3000 wait in the spool", meter_errmsg());
	assert_int_equal(unlink(scratch_path("disk/ballast")), 0);
	assert_ok(meter_open(&m, path, with_queue(1)));
	assert_i64(1 + FILLING, read_stats(m).accepted);
	assert_i64(FILLING, read_stats(m).recovered);
	close_meter(m);
}

/* What one writer gave up must not keep the other one asleep: without a spool nothing wakes it by the clock. */
static void test_close_on_a_full_disk_ends_although_batches_wait(void **state)
{
	static char filler[1000];
	(void)state;
	needs_mount("a full disk");
	mount_disk("size=24m");
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	meter *m;
	meter_batch *b;
	assert_ok(meter_open(&m, scratch_path("disk/meter.db"), &options));
	assert_ok(meter_batch_new(&b, m));
	fill_disk(scratch_path("disk/ballast"), 100000);
	memset(filler, 'x', sizeof(filler));
	meter_property property = {"filler", filler, METER_NUL_TERMINATED, sizeof(filler)};
	for (int i = 0; i < FILLING; i++) {
		meter_event e = event_of("acme", number(i), "call");
		e.properties = &property;
		e.property_count = 1;
		assert_ok(meter_batch_add(b, &e));
	}
	assert_code(METER_EFULL, meter_batch_wait(b));
	meter_batch_free(b);
	assert_code(METER_EFULL, meter_close(m));
	assert_part("events are lost, 0 wait in the spool", meter_errmsg());
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_path_must_name_a_file),
		in_scratch(test_a_file_as_folder_is_not_found),
		in_scratch(test_existing_only),
		in_scratch(test_path_is_taken_literally),
		in_scratch(test_relative_path_stays_when_the_program_changes_folder),
		in_scratch(test_options_ranges),
		in_scratch(test_options_of_another_release),
		in_scratch(test_refusals_in_documented_order),
		in_scratch(test_an_empty_file_is_no_database_yet),
		in_scratch(test_a_new_database_is_ours),
		in_scratch(test_only_the_owner_may_read),
		in_scratch(test_an_empty_file_becomes_a_database),
		in_scratch(test_close_writes_the_wal_back),
		in_scratch(test_close_of_null_is_fine),
		in_scratch(test_opening_often_leaks_no_descriptor),
		in_scratch(test_a_file_of_another_program_is_foreign),
		in_scratch(test_another_database_is_foreign),
		in_scratch(test_a_foreign_database_is_left_as_it_was),
		in_scratch(test_a_newer_schema_is_refused),
		in_scratch(test_damage_is_seen_when_opening),
		in_scratch(test_a_damaged_page_is_an_error_when_it_is_read),
		in_scratch(test_open_waits_for_another_process_and_no_longer),
		in_scratch(test_flush_waits_for_another_process_and_recovers),
		in_scratch(test_a_program_with_sqlite_that_writes_is_busy_too),
		in_scratch(test_close_says_what_waits_and_the_next_open_has_it),
		in_scratch(test_close_tries_once_more_after_a_failure),
		in_scratch(test_two_handles_in_one_process_lose_and_double_nothing),
		in_scratch(test_two_processes_lose_and_double_nothing),
		on_disk(test_a_read_only_disk),
		in_scratch(test_a_file_without_permission),
		on_disk(test_open_needs_4_mib),
		on_disk(test_a_disk_that_fills_loses_nothing),
		on_disk(test_close_on_a_full_disk_says_so),
		on_disk(test_close_on_a_full_disk_ends_although_batches_wait),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("open", tests, enter_own_namespace, NULL);
}
