/*
 * store_bucket.c - buckets go into the file: minutes, and the hours and days they add up to, merged into what is there by one
 * statement a level.
 *
 * Used by the writer for what was accepted, and by the fill for what a new meter counts of stored events; always between begin
 * and commit.
 */
#include "error.h"
#include "os.h"
#include "store_internal.h"

static const char bucket_columns[] = "lead, meter, subscription, start, dimensions, events, unmeasured, value, at";

static void bucket_column(sqlite3_context *context, void *self, size_t row, int column)
{
	const struct bucket_writer *w = self;
	const struct bucket *b = &w->writing->rows[row];
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
	const struct bucket *more = &w->writing->rows[w->rows.at];
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
	meter__buckets_sort(rows);
	s->buckets.writing = rows;
	s->buckets.rows.count = rows->count;
	return meter__store_insert_rows(&s->write, which, &s->buckets.rows, "storing buckets");
}

int meter__store_write_buckets(struct store *s, struct buckets *minutes)
{
	struct bucket_writer *w = &s->buckets;
	meter__buckets_reset(&w->hours);
	meter__buckets_reset(&w->days);
	int code = meter__buckets_roll_up(&w->hours, LEVEL_HOUR, minutes, LEVEL_MINUTE);
	if (code == METER_OK)
		code = meter__buckets_roll_up(&w->days, LEVEL_DAY, &w->hours, LEVEL_HOUR);
	if (code == METER_OK)
		code = write_level(s, minutes, SQL_BUCKET_ADD_MINUTE);
	if (code == METER_OK)
		code = write_level(s, &w->hours, SQL_BUCKET_ADD_HOUR);
	if (code == METER_OK)
		code = write_level(s, &w->days, SQL_BUCKET_ADD_DAY);
	return code;
}
