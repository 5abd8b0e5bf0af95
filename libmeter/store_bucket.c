/*
 * store_bucket.c - buckets go into the file, merged into what is there by one statement a table.
 *
 * Minutes hold everything. Hours and days hold everything before total.rolled_before, which follows the newest event: new usage
 * is written once, and rolled up later, many minutes at a time. Usage before that point came late. It waits in table late, which
 * is small, until so much of it has gathered that the pages it touches in all three levels are worth touching.
 *
 * Used by the writer for what was accepted, and by the fill for what a new meter counts of stored events; always between begin
 * and commit.
 */
#include <stdlib.h>

#include "error.h"
#include "instant.h"
#include "os.h"
#include "store_internal.h"

/* Late usage is settled when this many rows wait. One commit with more than half of it is no straggler but a backfill, whose
 * neighbours in time came with it: it is not kept waiting. */
#define LATE_ROWS_MAX 65536

static const char bucket_columns[] = "lead, meter, subscription, start, dimensions, events, unmeasured, value, at";

static void bucket_column(sqlite3_context *context, void *self, size_t row, int column)
{
	const struct bucket_writer *w = self;
	const struct bucket *b = &w->writing[w->order[row].index];
	if (column == 0 && row + 4 < w->rows.count)
		__builtin_prefetch(&w->writing[w->order[row + 4].index]);
	const int64_t key[] = {b->lead, b->meter, b->subscription, b->start, b->dimensions};
	if (column < 5)
		sqlite3_result_int64(context, key[column]);
	else
		meter__store_result_aggregate(context, &b->sum, b->aggregation, column - 5);
}

/* bucket_value(events, unmeasured, value, at of the stored bucket): the value after merging the row being read. */
static void bucket_value(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	(void)argc;
	struct bucket_writer *w = sqlite3_user_data(context);
	const struct bucket *more = &w->writing[w->order[w->rows.at].index];
	struct aggregate sum;
	int code = meter__store_values_aggregate(argv, more->aggregation, &sum);
	if (code != METER_OK) {
		meter__store_fail_function(context, &w->rows, code);
		return;
	}
	meter__aggregate_merge(more->aggregation, &sum, &more->sum);
	meter__store_result_aggregate(context, &sum, more->aggregation, 2);
}

int meter__store_buckets_new(struct store *s)
{
	struct bucket_writer *w = &s->buckets;
	w->rows = (struct row_source){.column = bucket_column, .self = w};
	w->sums.seed = meter__os.random();
	int code = meter__store_rows_register(s->write.db, "bucket_rows", bucket_columns, &w->rows);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_create_function(s->write.db, "bucket_value", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, w, bucket_value, NULL,
	                                 NULL);
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(s->write.db, rc, "registering functions");
}

void meter__store_buckets_free(struct store *s)
{
	meter__buckets_free(&s->buckets.sums);
}

/* Write the rows that come first to last in their order. */
static int write_rows(struct store *s, const struct buckets *sorted, size_t first, size_t end, enum statement which)
{
	struct bucket_writer *w = &s->buckets;
	if (first == end)
		return METER_OK;
	w->writing = sorted->rows;
	w->order = sorted->order + first;
	w->rows.count = end - first;
	return meter__store_insert_rows(&s->write, which, &w->rows, "storing buckets");
}

static int write_level(struct store *s, struct buckets *rows, enum statement which)
{
	int code = meter__buckets_sort(rows);
	return code == METER_OK ? write_rows(s, rows, 0, rows->count, which) : code;
}

/* The sums of some hours, into hours and days. */
static int write_hours(struct store *s)
{
	struct buckets *sums = &s->buckets.sums;
	int code = write_level(s, sums, SQL_BUCKET_ADD_HOUR);
	if (code == METER_OK)
		code = meter__buckets_coarsen(sums, LEVEL_HOUR, LEVEL_DAY);
	return code == METER_OK ? write_level(s, sums, SQL_BUCKET_ADD_DAY) : code;
}

/* Hours and days of those that lie before the point up to which they are kept. */
static int write_rolled(struct store *s, const struct buckets *minutes)
{
	struct buckets *sums = &s->buckets.sums;
	meter__buckets_reset(sums);
	for (size_t i = 0; i < minutes->count; i++) {
		struct bucket key = minutes->rows[i];
		if (key.is_sample || key.start >= s->totals.rolled_before)
			continue;
		key.start = meter__floor_div(key.start, 60);
		int code = meter__buckets_add(sums, LEVEL_HOUR, &key, &minutes->rows[i].sum);
		if (code != METER_OK)
			return code;
	}
	return write_hours(s);
}

/* Samples come after all minutes: their start is in microseconds. Returns where, and writes them. */
static int write_samples(struct store *s, const struct buckets *sorted, size_t *minutes_out)
{
	size_t end = sorted->count;
	while (end > 0 && sorted->rows[sorted->order[end - 1].index].is_sample)
		end--;
	*minutes_out = end;
	return write_rows(s, sorted, end, sorted->count, SQL_SAMPLE_ADD);
}

int meter__store_write_buckets(struct store *s, struct buckets *minutes)
{
	size_t count;
	int code = meter__buckets_sort(minutes);
	if (code == METER_OK)
		code = write_samples(s, minutes, &count);
	if (code == METER_OK)
		code = write_rows(s, minutes, 0, count, SQL_BUCKET_ADD_MINUTE);
	return code == METER_OK ? write_rolled(s, minutes) : code;
}

int meter__store_count_event(struct store *s, struct buckets *minutes, struct buffer *scratch, const struct live_meter *live,
                             const struct stored_event *stored)
{
	const struct event *e = &stored->event;
	struct aggregate value;
	int code = meter__aggregate_measure(&value, live->definition, e);
	if (code == METER_EEND)
		return METER_OK;
	if (code == METER_EINVAL) /* it was accepted, so it stays: the bucket says that its value is missing */
		value = (struct aggregate){.unmeasured = 1};
	else if (code != METER_OK)
		return code;
	s->totals.negative |= value.value.coefficient < 0;
	struct bucket key = {.meter = live->number, .subscription = stored->subscription};
	meter__bucket_place(&key, live->definition, e->timestamp_us);
	meter__buffer_reset(scratch);
	meter__aggregate_dimensions(scratch, live->definition, e);
	if (scratch->failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	code = meter__store_name_number(s, (struct slice){scratch->data, scratch->size}, &key.dimensions);
	return code == METER_OK ? meter__buckets_add(minutes, LEVEL_MINUTE, &key, &value) : code;
}

int meter__store_write_minutes(struct store *s, struct buckets *minutes)
{
	size_t count;
	int code = meter__buckets_sort(minutes);
	if (code == METER_OK)
		code = write_samples(s, minutes, &count);
	return code == METER_OK ? write_rows(s, minutes, 0, count, SQL_BUCKET_ADD_MINUTE) : code;
}

int meter__store_write_level(struct store *s, struct buckets *rows, enum level level)
{
	return write_level(s, rows, level == LEVEL_HOUR ? SQL_BUCKET_ADD_HOUR : SQL_BUCKET_ADD_DAY);
}

/* A bucket of events that were all duplicates is no bucket. */
static void drop_empty(struct buckets *minutes)
{
	size_t kept = 0;
	for (size_t i = 0; i < minutes->count; i++) {
		if (minutes->rows[i].sum.events > 0 || minutes->rows[i].sum.unmeasured > 0)
			minutes->rows[kept++] = minutes->rows[i];
	}
	minutes->count = kept;
}

int meter__store_write_arrived(struct store *s, struct buckets *minutes)
{
	drop_empty(minutes);
	int code = meter__buckets_sort(minutes);
	if (code != METER_OK)
		return code;
	size_t late = 0, count;
	while (late < minutes->count && !minutes->rows[minutes->order[late].index].is_sample &&
	       minutes->rows[minutes->order[late].index].start < s->totals.rolled_before)
		late++;
	if (late > LATE_ROWS_MAX / 2)
		return meter__store_write_buckets(s, minutes);
	code = write_samples(s, minutes, &count);
	if (code == METER_OK)
		code = write_rows(s, minutes, late, count, SQL_BUCKET_ADD_MINUTE);
	if (code == METER_OK)
		code = write_rows(s, minutes, 0, late, SQL_BUCKET_ADD_LATE);
	s->totals.late_rows += (int64_t)late;
	return code;
}

/* ---- rolling up ---- */

/*
 * Minutes are rolled up when they are this far behind the newest event, so that its late neighbours mostly find them open, and
 * this many at once, so that a row of an hour or day is touched seldom. Readers read the few open minutes one by one. In a
 * replay, where minutes pass in no time, it takes whole hours: then each row of an hour is written once.
 */
#define OPEN_MINUTES 2
#define ROLL_UP_MINUTES 10
#define ROLL_UP_PAUSE_US 10000000

static int compare_meters(const void *number, const void *live)
{
	int64_t a = *(const int64_t *)number;
	int64_t b = ((const struct live_meter *)live)->number;
	return (a > b) - (a < b);
}

static const struct live_meter *live_meter_of(const struct live *live, int64_t number)
{
	return live->count ? bsearch(&number, live->meters, live->count, sizeof(*live->meters), compare_meters) : NULL;
}

/* Add a row of minute or late to the sums of a level. Those of a meter that is not live are about to be deleted. */
static int collect_row(struct store *s, sqlite3_stmt *row, enum level level)
{
	int64_t number;
	struct bucket key;
	int code = meter__store_int(row, 0, &key.start);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &number);
	if (code == METER_OK)
		code = meter__store_int(row, 2, &key.subscription);
	if (code == METER_OK)
		code = meter__store_int(row, 3, &key.dimensions);
	const struct live_meter *live = code == METER_OK ? live_meter_of(s->live, number) : NULL;
	if (code != METER_OK || !live)
		return code;
	struct aggregate sum;
	key.aggregation = live->definition->aggregation;
	code = meter__store_columns_aggregate(row, 4, key.aggregation, &sum);
	if (code != METER_OK)
		return code;
	key.meter = number;
	if (level == LEVEL_HOUR)
		key.start = meter__floor_div(key.start, 60);
	return meter__buckets_add(&s->buckets.sums, level, &key, &sum);
}

static int collect_rows(struct store *s, sqlite3_stmt *statement, enum level level)
{
	int code = METER_OK, rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = collect_row(s, statement, level);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "rolling up");
	sqlite3_reset(statement);
	return code;
}

/* The first minute from *minute on that has buckets. METER_EEND: there is none before the end. */
static int next_minute(struct store *s, int64_t *minute, int64_t end)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_NEXT_MINUTE, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, *minute);
	sqlite3_bind_int64(statement, 2, end - 1);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, minute);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "rolling up");
	sqlite3_reset(statement);
	return code;
}

/* One meter at a time: all of them together may be more than one wants in memory. */
static int roll_up_meter(struct store *s, int64_t number, int64_t from, int64_t before)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_MINUTES, &statement);
	if (code != METER_OK)
		return code;
	meter__buckets_reset(&s->buckets.sums);
	for (int64_t minute = from; code == METER_OK && (code = next_minute(s, &minute, before)) == METER_OK; minute++) {
		sqlite3_bind_int64(statement, 1, minute);
		sqlite3_bind_int64(statement, 2, number);
		code = collect_rows(s, statement, LEVEL_HOUR);
	}
	return code == METER_EEND ? write_hours(s) : code;
}

/* What waits in table late, into all three levels. */
static int settle_late(struct store *s)
{
	struct buckets *sums = &s->buckets.sums;
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_LATE, &statement);
	if (code != METER_OK)
		return code;
	meter__buckets_reset(sums);
	code = collect_rows(s, statement, LEVEL_MINUTE);
	if (code == METER_OK)
		code = write_level(s, sums, SQL_BUCKET_ADD_MINUTE);
	if (code == METER_OK)
		code = meter__buckets_coarsen(sums, LEVEL_MINUTE, LEVEL_HOUR);
	if (code == METER_OK)
		code = write_hours(s);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_LATE_DELETE, &statement);
	if (code == METER_OK)
		code = meter__store_run(&s->write, statement, "rolling up");
	s->totals.late_rows = 0;
	return code;
}

/* These may need much memory, and come seldom: then it is not kept. */
#define KEPT_BUCKETS 65536

static void drop_large(struct buckets *b)
{
	uint64_t seed = b->seed;
	if (b->capacity <= KEPT_BUCKETS)
		return;
	meter__buckets_free(b);
	b->seed = seed;
}

static int roll_up(struct store *s, int64_t newest_us)
{
	int64_t from = s->totals.rolled_before;
	int64_t before = meter__level_start(LEVEL_MINUTE, newest_us) - OPEN_MINUTES;
	int64_t now_us = meter__os.mono_us();
	if (now_us - s->rolled_up_us < ROLL_UP_PAUSE_US)
		before -= before % 60; /* all of them after 1970 */
	if (before - from < ROLL_UP_MINUTES)
		return METER_OK;
	s->rolled_up_us = now_us;
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < s->live->count; i++)
		code = roll_up_meter(s, s->live->meters[i].number, from, before);
	s->totals.rolled_before = before;
	return code;
}

int meter__store_roll_up(struct store *s, int64_t newest_us)
{
	int code = roll_up(s, newest_us);
	if (code == METER_OK && s->totals.late_rows > LATE_ROWS_MAX)
		code = settle_late(s);
	drop_large(&s->buckets.sums);
	return code;
}
