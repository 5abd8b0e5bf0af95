/*
 * store_bucket.c - buckets go into the file, merged into what is there by one statement a level.
 *
 * Minutes hold everything. Hours and days hold everything before total.rolled_before, which follows the newest event: new usage
 * is written once, and rolled up later, many minutes at a time; late usage goes into all three levels at once.
 *
 * Used by the writer for what was accepted, and by the fill for what a new meter counts of stored events; always between begin
 * and commit.
 */
#include <stdlib.h>

#include "error.h"
#include "instant.h"
#include "os.h"
#include "store_internal.h"

static const char bucket_columns[] = "lead, meter, subscription, start, dimensions, events, unmeasured, value, at";

static void bucket_column(sqlite3_context *context, void *self, size_t row, int column)
{
	const struct bucket_writer *w = self;
	const struct buckets *all = w->writing;
	const struct bucket *b = &all->rows[all->order[row].index];
	if (column == 0 && row + 4 < all->count)
		__builtin_prefetch(&all->rows[all->order[row + 4].index]);
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
	const struct bucket *more = &w->writing->rows[w->writing->order[w->rows.at].index];
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
	w->hours.seed = w->days.seed = meter__os.random();
	int code = meter__store_rows_register(s->write.db, "bucket_rows", bucket_columns, &w->rows);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_create_function(s->write.db, "bucket_value", 4, SQLITE_UTF8 | SQLITE_DIRECTONLY, w, bucket_value, NULL,
	                                 NULL);
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(s->write.db, rc, "registering functions");
}

void meter__store_buckets_free(struct store *s)
{
	meter__buckets_free(&s->buckets.hours);
	meter__buckets_free(&s->buckets.days);
}

static int write_level(struct store *s, struct buckets *rows, enum statement which)
{
	if (rows->count == 0)
		return METER_OK;
	int code = meter__buckets_sort(rows);
	if (code != METER_OK)
		return code;
	s->buckets.writing = rows;
	s->buckets.rows.count = rows->count;
	return meter__store_insert_rows(&s->write, which, &s->buckets.rows, "storing buckets");
}

/* Hours and days of these minutes, if they are before the point up to which those are kept. */
static int write_rolled(struct store *s, const struct buckets *minutes)
{
	struct bucket_writer *w = &s->buckets;
	meter__buckets_reset(&w->hours);
	meter__buckets_reset(&w->days);
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < minutes->count; i++) {
		struct bucket key = minutes->rows[i];
		if (key.start >= s->totals.rolled_before)
			continue;
		key.start = meter__floor_div(key.start, 60);
		code = meter__buckets_add(&w->hours, LEVEL_HOUR, &key, &minutes->rows[i].sum);
	}
	if (code == METER_OK)
		code = meter__buckets_roll_up(&w->days, LEVEL_DAY, &w->hours, LEVEL_HOUR);
	if (code == METER_OK)
		code = write_level(s, &w->hours, SQL_BUCKET_ADD_HOUR);
	if (code == METER_OK)
		code = write_level(s, &w->days, SQL_BUCKET_ADD_DAY);
	return code;
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

int meter__store_write_buckets(struct store *s, struct buckets *minutes)
{
	drop_empty(minutes);
	int code = write_level(s, minutes, SQL_BUCKET_ADD_MINUTE);
	return code == METER_OK ? write_rolled(s, minutes) : code;
}

/* ---- rolling up ---- */

/*
 * Minutes are rolled up when they are this far behind the newest event, so that its late neighbours mostly find them open, and
 * this many at once, so that a row of an hour or day is touched seldom. Readers read the few open minutes one by one. In a
 * replay, where minutes pass in no time, it takes more of them.
 */
#define OPEN_MINUTES 2
#define ROLL_UP_MINUTES 10
#define ROLL_UP_MINUTES_REPLAY 30
#define ROLL_UP_PAUSE_US 10000000

static int compare_meters(const void *number, const void *live)
{
	int64_t a = *(const int64_t *)number;
	int64_t b = ((const struct live_meter *)live)->number;
	return (a > b) - (a < b);
}

/* Collect a row of table minute in hours. Those of a meter that is not live are about to be deleted. */
static int collect_minute(struct store *s, sqlite3_stmt *row)
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
	if (code != METER_OK)
		return code;
	const struct live_meter *live =
		s->live->count ? bsearch(&number, s->live->meters, s->live->count, sizeof(*live), compare_meters) : NULL;
	if (!live)
		return METER_OK;
	struct aggregate sum;
	code = meter__store_columns_aggregate(row, 4, live->definition->aggregation, &sum);
	if (code != METER_OK)
		return code;
	key.meter = number;
	key.start = meter__floor_div(key.start, 60);
	key.aggregation = live->definition->aggregation;
	return meter__buckets_add(&s->buckets.hours, LEVEL_HOUR, &key, &sum);
}

static int collect_minutes(struct store *s, int64_t from, int64_t before)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_MINUTES, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, from);
	sqlite3_bind_int64(statement, 2, before);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = collect_minute(s, statement);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "rolling up");
	sqlite3_reset(statement);
	return code;
}

/* A roll-up may need much, and comes seldom: then its memory is not kept. */
#define KEPT_BUCKETS 65536

static void drop_large(struct buckets *b)
{
	uint64_t seed = b->seed;
	if (b->capacity <= KEPT_BUCKETS)
		return;
	meter__buckets_free(b);
	b->seed = seed;
}

int meter__store_roll_up(struct store *s, int64_t newest_us)
{
	struct bucket_writer *w = &s->buckets;
	int64_t from = s->totals.rolled_before;
	int64_t before = meter__level_start(LEVEL_MINUTE, newest_us) - OPEN_MINUTES;
	int64_t now_us = meter__os.mono_us();
	bool is_replay = now_us - s->rolled_up_us < ROLL_UP_PAUSE_US;
	if (before - from < (is_replay ? ROLL_UP_MINUTES_REPLAY : ROLL_UP_MINUTES))
		return METER_OK;
	s->rolled_up_us = now_us;
	meter__buckets_reset(&w->hours);
	meter__buckets_reset(&w->days);
	int code = collect_minutes(s, from, before);
	if (code == METER_OK)
		code = meter__buckets_roll_up(&w->days, LEVEL_DAY, &w->hours, LEVEL_HOUR);
	if (code == METER_OK)
		code = write_level(s, &w->hours, SQL_BUCKET_ADD_HOUR);
	if (code == METER_OK)
		code = write_level(s, &w->days, SQL_BUCKET_ADD_DAY);
	drop_large(&w->hours);
	drop_large(&w->days);
	s->totals.rolled_before = before;
	return code;
}
