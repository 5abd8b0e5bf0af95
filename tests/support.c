/* support.c - see support.h. */
#include "support.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "fork.h"
#include "store.h"

/* ---- the scratch folder ---- */

static char folder[256];

int scratch_setup(void **state)
{
	(void)state;
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/meter-test-XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

int scratch_teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* ---- handles ---- */

const char *meter_path(void)
{
	return scratch_path("meter.db");
}

meter *open_meter_with(const meter_options *options)
{
	meter *m;
	assert_ok(meter_open(&m, meter_path(), options));
	return m;
}

meter *open_meter(void)
{
	/* Small, for a test opens many. */
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 4;
	return open_meter_with(&options);
}

void close_meter(meter *m)
{
	assert_ok(meter_close(m));
}

void apply_catalog(meter *m, const char *text)
{
	assert_ok(meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL));
}

meter_counters read_stats(meter *m)
{
	meter_counters stats = {.struct_size = sizeof(stats)};
	assert_ok(meter_stats(m, &stats));
	return stats;
}

const char *usage_total(meter *m, const char *key)
{
	static char text[64];
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = key;
	meter_usage *usage;
	assert_ok(meter_usage_query(&usage, m, &filter));
	assert_ok(meter_usage_next(usage));
	const char *value = meter_usage_value(usage);
	snprintf(text, sizeof(text), "%s", value ? value : "none");
	meter_usage_free(usage);
	return text;
}

static void keep(struct fork_guard *guard)
{
	(void)guard;
}

int open_store(struct store **out)
{
	/* All share one guard, and all are closed before anybody forks. */
	static struct fork_guard guard = {.abandon = keep, .drop = keep};
	if (guard.process == 0)
		assert_ok(meter__fork_register(&guard));
	struct store_options options = {.lock_wait_ms = 1000, .wal_bytes_max = INT64_MAX};
	return meter__store_open(out, &guard, meter_path(), &options);
}

int hold_lock(const char *path)
{
	char name[600];
	snprintf(name, sizeof(name), "%s-lock", path);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	/* The writer of an open handle may be at work: wait for it. */
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

void release_lock(int held)
{
	assert_int_equal(close(held), 0);
}

static sqlite3 *sql_open(const char *path)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
	return db;
}

int64_t sql_int(const char *path, const char *sql)
{
	sqlite3 *db = sql_open(path);
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

void sql_run(const char *path, const char *sql)
{
	sqlite3 *db = sql_open(path);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* ---- events ---- */

int64_t us(const char *rfc3339)
{
	int64_t time_us;
	assert_ok(meter_time_parse(&time_us, rfc3339, METER_NUL_TERMINATED, METER_TIME_RFC3339));
	return time_us;
}

meter_event event_of(const char *subscription, const char *id, const char *type)
{
	meter_event event = METER_EVENT_INIT;
	event.subscription = subscription;
	event.id = id;
	event.type = type;
	event.timestamp_us = INT64_C(1767225600000000);
	return event;
}

/* ---- checks ---- */

void assert_code_at(int expected, int code, const char *file, int line)
{
	if (code == expected)
		return;
	print_error("expected %d (%s), got %d: %s\n", expected, meter_strerror(expected), code, code ? meter_errmsg() : "ok");
	_fail(file, line);
}

void assert_i64_at(int64_t expected, int64_t value, const char *file, int line)
{
	if (value == expected)
		return;
	print_error("expected %" PRId64 ", got %" PRId64 "\n", expected, value);
	_fail(file, line);
}

void assert_text_at(const char *expected, const char *text, const char *file, int line)
{
	if (text == expected || (text && expected && strcmp(text, expected) == 0))
		return;
	print_error("expected \"%s\", got \"%s\"\n", expected ? expected : "(NULL)", text ? text : "(NULL)");
	_fail(file, line);
}

void assert_part_at(const char *part, const char *text, const char *file, int line)
{
	if (text && strstr(text, part))
		return;
	print_error("expected something with \"%s\", got \"%s\"\n", part, text ? text : "(NULL)");
	_fail(file, line);
}

/* ---- time ---- */

void sleep_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

int64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
