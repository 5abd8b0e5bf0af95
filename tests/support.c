/* support.c - see support.h. */
#include "support.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

const char *scratch_make(void)
{
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/meter-test-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(folder));
	return folder;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

void scratch_remove(void)
{
	if (folder[0] != '\0')
		assert_int_equal(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	folder[0] = '\0';
}

const char *scratch_path(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

meter *open_meter(void)
{
	meter *m;
	assert_ok(meter_open(&m, scratch_path("meter.db"), NULL));
	return m;
}

void close_meter(meter *m)
{
	assert_ok(meter_close(m));
}

void apply_catalog(meter *m, const char *text)
{
	assert_ok(meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL));
}

int64_t us(const char *time)
{
	int64_t at;
	assert_ok(meter_time_parse(&at, time, METER_NUL_TERMINATED, METER_TIME_RFC3339));
	return at;
}

meter_event event_at(const char *subscription, const char *id, const char *type, const char *time)
{
	meter_event event = METER_EVENT_INIT;
	event.subscription = subscription;
	event.id = id;
	event.type = type;
	event.timestamp_us = us(time);
	return event;
}

void assert_ok_at(int code, const char *file, int line)
{
	if (code == METER_OK)
		return;
	print_error("%s: %s\n", meter_strerror(code), meter_errmsg());
	_fail(file, line);
}

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
