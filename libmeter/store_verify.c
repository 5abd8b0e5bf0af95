/*
 * store_verify.c - see store_verify.h: rows as they stand in the file, for verify.
 *
 * Nothing here merges or measures. What the rest of the library would refuse with METER_ECORRUPT in a single row is marked in it.
 */
#include "store_verify.h"

#include <stdlib.h>

#include "error.h"
#include "store_internal.h"

/* ---- scans ---- */

static const enum statement row_statements[] = {
	[ROWS_EVENTS] = SQL_VERIFY_EVENTS,     [ROWS_EVENTS_OF] = SQL_VERIFY_EVENTS_OF,
	[ROWS_MEASURED] = SQL_VERIFY_MEASURED, [ROWS_MEASURED_OF] = SQL_VERIFY_MEASURED_OF,
	[ROWS_MINUTES] = SQL_VERIFY_MINUTES,   [ROWS_MINUTES_OF] = SQL_VERIFY_MINUTES_OF,
	[ROWS_LATE] = SQL_VERIFY_LATE,         [ROWS_LATE_OF] = SQL_VERIFY_LATE_OF,
	[ROWS_HOURS] = SQL_VERIFY_HOURS,       [ROWS_HOURS_OF] = SQL_VERIFY_HOURS_OF,
	[ROWS_DAYS] = SQL_VERIFY_DAYS,         [ROWS_DAYS_OF] = SQL_VERIFY_DAYS_OF,
	[ROWS_HOUR] = SQL_VERIFY_HOUR,         [ROWS_DAY] = SQL_VERIFY_DAY,
	[ROWS_SAMPLE] = SQL_VERIFY_SAMPLE,     [ROWS_ALIEN_SAMPLES] = SQL_VERIFY_ALIEN_SAMPLES,
};

static int bound_statement(struct reader *r, enum statement which, const int64_t *bound, size_t count, sqlite3_stmt **out)
{
	int code = meter__store_statement(&r->connection, which, out);
	for (size_t i = 0; code == METER_OK && i < count; i++)
		sqlite3_bind_int64(*out, (int)i + 1, bound[i]);
	return code;
}

int meter__verify_scan(struct scan *out, struct reader *r, enum rows rows, const int64_t *bound, size_t count)
{
	*out = (struct scan){.reader = r};
	return bound_statement(r, row_statements[rows], bound, count, &out->statement);
}

void meter__verify_scan_end(struct scan *s)
{
	if (s->statement)
		sqlite3_reset(s->statement);
	s->statement = NULL;
}

static int step(struct scan *s)
{
	int rc = sqlite3_step(s->statement);
	if (rc == SQLITE_ROW)
		return METER_OK;
	int code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->reader->connection.db, rc, "verifying");
	sqlite3_reset(s->statement);
	return code;
}

/* A column that must be an integer, or *ok becomes false. */
static int64_t integer(sqlite3_stmt *row, int column, bool *ok)
{
	sqlite3_value *value = sqlite3_column_value(row, column);
	*ok &= sqlite3_value_type(value) == SQLITE_INTEGER;
	return sqlite3_value_int64(value);
}

static struct decimal decimal(sqlite3_stmt *row, int column, bool *ok)
{
	struct decimal value = DECIMAL_ZERO;
	if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
		value.coefficient = sqlite3_column_int64(row, column);
	else
		*ok &= meter__store_column_decimal(row, column, &value) == METER_OK;
	return value;
}

int meter__verify_next_event(struct scan *s, struct raw_event *out)
{
	int code = step(s);
	if (code != METER_OK)
		return code;
	sqlite3_stmt *row = s->statement;
	out->is_readable = true;
	out->timestamp_us = integer(row, 0, &out->is_readable);
	out->subscription = integer(row, 1, &out->is_readable);
	out->id = meter__store_slice(row, 2);
	out->shape = integer(row, 3, &out->is_readable);
	out->value = decimal(row, 4, &out->is_readable);
	out->properties = meter__store_slice(row, 5);
	out->source = meter__store_slice(row, 6);
	out->sequence = sqlite3_column_type(row, 7) == SQLITE_NULL ? METER_NO_SEQUENCE : sqlite3_column_int64(row, 7);
	out->ingest = integer(row, 8, &out->is_readable);
	out->is_taken_back = sqlite3_column_type(row, 9) != SQLITE_NULL;
	return METER_OK;
}

int meter__verify_next_measured(struct scan *s, struct raw_event *out)
{
	int code = step(s);
	if (code != METER_OK)
		return code;
	sqlite3_stmt *row = s->statement;
	*out = (struct raw_event){.is_readable = true, .sequence = METER_NO_SEQUENCE};
	out->timestamp_us = integer(row, 0, &out->is_readable);
	out->subscription = integer(row, 1, &out->is_readable);
	out->shape = integer(row, 2, &out->is_readable);
	out->value = decimal(row, 3, &out->is_readable);
	out->properties = meter__store_slice(row, 4);
	out->is_taken_back = sqlite3_column_type(row, 5) != SQLITE_NULL;
	return METER_OK;
}

int meter__verify_next_bucket(struct scan *s, struct raw_bucket *out)
{
	static const struct slice overflow = SLICE("overflow");
	int code = step(s);
	if (code != METER_OK)
		return code;
	sqlite3_stmt *row = s->statement;
	bool ok = true;
	*out = (struct raw_bucket){.start = integer(row, 0, &ok),
	                           .meter = integer(row, 1, &ok),
	                           .subscription = integer(row, 2, &ok),
	                           .dimensions = integer(row, 3, &ok),
	                           .events = integer(row, 4, &ok),
	                           .unmeasured = integer(row, 5, &ok),
	                           .at_us = sqlite3_column_int64(row, 7)};
	int type = sqlite3_column_type(row, 6);
	out->has_value = type != SQLITE_NULL;
	out->is_overflow = type == SQLITE_TEXT && meter__slice_equal(meter__store_slice(row, 6), overflow);
	if (out->has_value && !out->is_overflow)
		out->value = decimal(row, 6, &ok);
	out->lead = sqlite3_column_count(row) > 8 ? integer(row, 8, &ok) : 0;
	if (out->dimensions < 0) { /* numbers below zero are those of verify_event.c */
		out->dimensions = 0;
		ok = false;
	}
	out->is_readable = ok && out->events >= 0 && out->unmeasured >= 0 && out->has_value == (out->events > 0);
	return METER_OK;
}

/* ---- single questions ---- */

/* Whether a statement that is bound has a row. */
static int has_row(struct reader *r, sqlite3_stmt *statement, bool *out)
{
	struct scan s = {r, statement};
	int code = step(&s);
	*out = code == METER_OK;
	sqlite3_reset(statement);
	return code == METER_EEND ? METER_OK : code;
}

int meter__verify_has_event(struct reader *r, int64_t timestamp_us, int64_t subscription, struct slice id, bool *out)
{
	sqlite3_stmt *statement;
	int code = bound_statement(r, SQL_EVENT_FIND, (int64_t[]){timestamp_us, subscription}, 2, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(statement, 3, id.data, id.size, SQLITE_STATIC, SQLITE_UTF8);
	return has_row(r, statement, out);
}

int meter__verify_has_minute(struct reader *r, const struct raw_bucket *key, int64_t minute, bool *out)
{
	sqlite3_stmt *statement;
	const int64_t bound[] = {minute, key->meter, key->subscription, key->dimensions};
	int code = bound_statement(r, SQL_VERIFY_HAS_MINUTE, bound, 4, &statement);
	return code == METER_OK ? has_row(r, statement, out) : code;
}

int meter__verify_has_hour(struct reader *r, const struct raw_bucket *key, int64_t day, bool *out)
{
	sqlite3_stmt *statement;
	const int64_t bound[] = {day, key->meter, key->subscription, key->dimensions};
	int code = bound_statement(r, SQL_VERIFY_HAS_HOUR, bound, 4, &statement);
	return code == METER_OK ? has_row(r, statement, out) : code;
}

/* The number that a statement gives. */
static int count(struct reader *r, enum statement which, const int64_t *bound, size_t bound_count, int64_t *out)
{
	struct scan s = {.reader = r};
	int code = bound_statement(r, which, bound, bound_count, &s.statement);
	if (code == METER_OK)
		code = step(&s);
	if (code == METER_OK)
		code = meter__store_int(s.statement, 0, out);
	meter__verify_scan_end(&s);
	return code;
}

int meter__verify_count_samples(struct reader *r, int64_t meter_number, int64_t subscription, int64_t from_us, int64_t to_us,
                                int64_t *out)
{
	const int64_t bound[] = {meter_number, from_us, to_us, subscription};
	return subscription ? count(r, SQL_VERIFY_COUNT_SAMPLES_OF, bound, 4, out)
	                    : count(r, SQL_VERIFY_COUNT_SAMPLES, bound, 3, out);
}

int meter__verify_count_days(struct reader *r, const int64_t of[4], int64_t meter_number, int64_t subscription, int64_t *out)
{
	const int64_t bound[] = {of[0], of[1], of[2], of[3], meter_number, subscription};
	return subscription ? count(r, SQL_VERIFY_COUNT_DAYS_OF, bound, 6, out) : count(r, SQL_VERIFY_COUNT_DAYS, bound, 5, out);
}

int meter__verify_shape(struct reader *r, int64_t shape, struct buffer *type, struct buffer *names)
{
	int64_t number = 0;
	int code = meter__store_shape_read(&r->connection, shape, &number, names);
	return code == METER_OK ? meter__store_text(r, type, number) : code;
}

/* ---- meters ---- */

static int pending_version(struct reader *r, int64_t in_force, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = bound_statement(r, SQL_CATALOG_PENDING, &in_force, 1, &statement);
	struct scan s = {r, statement};
	if (code == METER_OK)
		code = step(&s);
	*out = 0;
	if (code == METER_OK && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		code = meter__store_int(statement, 0, out);
	meter__verify_scan_end(&s);
	return code;
}

static int list_numbers(struct reader *r, struct verify_meters *out)
{
	struct scan s = {.reader = r};
	int code = bound_statement(r, SQL_VERIFY_METERS, NULL, 0, &s.statement);
	while (code == METER_OK && (code = step(&s)) == METER_OK) {
		struct verify_meter *list = realloc(out->list, (out->count + 1) * sizeof(*list));
		if (!list) {
			code = meter__fail(METER_ENOMEM, "no memory for meters");
			break;
		}
		out->list = list;
		list[out->count] = (struct verify_meter){0};
		code = meter__store_int(s.statement, 0, &list[out->count++].number);
	}
	meter__verify_scan_end(&s);
	return code == METER_EEND ? METER_OK : code;
}

static int find_definitions(struct reader *r, struct verify_meters *out, int64_t in_force, int64_t pending)
{
	struct scan s = {.reader = r};
	int code = bound_statement(r, SQL_METER_LIST, (int64_t[]){in_force, pending}, 2, &s.statement);
	size_t at = 0;
	while (code == METER_OK && (code = step(&s)) == METER_OK) {
		bool ok = true;
		int64_t version = integer(s.statement, 1, &ok), number = integer(s.statement, 2, &ok);
		int64_t filled_before = integer(s.statement, 3, &ok);
		while (at < out->count && out->list[at].number < number)
			at++;
		if (!ok || at == out->count || out->list[at].definition)
			continue; /* two keys may have one definition */
		const struct meter_catalog *catalog = version == in_force ? out->in_force : out->pending;
		out->list[at].filled_before = filled_before;
		if (catalog)
			out->list[at].definition = meter__catalog_meter(catalog, meter__store_slice(s.statement, 0));
	}
	meter__verify_scan_end(&s);
	return code == METER_EEND ? METER_OK : code;
}

int meter__verify_meters(struct reader *r, struct verify_meters *out)
{
	*out = (struct verify_meters){0};
	struct totals totals = {0};
	int64_t pending = 0;
	int code = meter__store_totals(r, &totals);
	if (code == METER_OK && totals.catalog > 0)
		code = meter__store_catalog_load(&r->connection, totals.catalog, &out->in_force);
	if (code == METER_OK)
		code = pending_version(r, totals.catalog, &pending);
	if (code == METER_OK && pending > 0)
		code = meter__store_catalog_load(&r->connection, pending, &out->pending);
	out->in_force_version = totals.catalog;
	out->pending_version = pending;
	if (code == METER_OK)
		code = list_numbers(r, out);
	return code == METER_OK ? find_definitions(r, out, totals.catalog, pending) : code;
}

void meter__verify_meters_free(struct verify_meters *meters)
{
	meter__catalog_release(meters->in_force);
	meter__catalog_release(meters->pending);
	free(meters->list);
	*meters = (struct verify_meters){0};
}

/* ---- lists ---- */

static struct verify_row row_of(sqlite3_stmt *statement)
{
	struct verify_row row = {{0}, {{NULL, 0}}};
	const int count = sqlite3_column_count(statement);
	for (int i = 0; i < count && i < LIST_COLUMNS_MAX; i++) {
		const int type = sqlite3_column_type(statement, i);
		if (type == SQLITE_INTEGER)
			row.numbers[i] = sqlite3_column_int64(statement, i);
		else if (type == SQLITE_TEXT)
			row.texts[i] = meter__store_slice(statement, i);
	}
	return row;
}

int meter__verify_visit(struct reader *r, enum verify_list list, int64_t number, struct slice text, verify_visitor visit,
                        void *user)
{
	static const enum statement statements[] = {
		[LIST_COUNTERS] = SQL_VERIFY_COUNTERS,
		[LIST_BOUNDS] = SQL_VERIFY_BOUNDS,
		[LIST_RETRACTIONS] = SQL_VERIFY_RETRACTIONS,
		[LIST_CATALOGS] = SQL_VERIFY_CATALOGS,
		[LIST_UNBILLED] = SQL_VERIFY_UNBILLED,
		[LIST_BILLED_BY] = SQL_VERIFY_BILLED_BY,
		[LIST_USED_METERS] = SQL_VERIFY_USED_METERS,
		[LIST_DOCUMENTS] = SQL_VERIFY_DOCUMENTS,
		[LIST_DOCUMENTS_OF] = SQL_VERIFY_DOCUMENTS_OF,
		[LIST_SERIES] = SQL_VERIFY_SERIES,
		[LIST_ORPHANS] = SQL_VERIFY_ORPHANS,
		[LIST_BILLED] = SQL_VERIFY_BILLED,
		[LIST_BILLED_ALIEN] = SQL_VERIFY_BILLED_ALIEN,
		[LIST_STALE] = SQL_VERIFY_STALE,
	};
	struct scan s = {.reader = r};
	int code = meter__store_statement(&r->connection, statements[list], &s.statement);
	if (code == METER_OK && text.data)
		sqlite3_bind_text64(s.statement, 1, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	else if (code == METER_OK && (list == LIST_BILLED || list == LIST_STALE || list == LIST_USED_METERS))
		sqlite3_bind_int64(s.statement, 1, number);
	while (code == METER_OK && (code = step(&s)) == METER_OK) {
		const struct verify_row row = row_of(s.statement);
		code = visit(&row, user);
	}
	meter__verify_scan_end(&s);
	return code == METER_EEND ? METER_OK : code;
}

int meter__verify_customer_next(struct reader *r, struct buffer *key)
{
	struct scan s = {.reader = r};
	int code = meter__store_statement(&r->connection, SQL_VERIFY_CUSTOMERS, &s.statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(s.statement, 1, meter__buffer_cstr(key), key->size, SQLITE_TRANSIENT, SQLITE_UTF8);
	code = step(&s);
	if (code == METER_OK && sqlite3_column_type(s.statement, 0) == SQLITE_NULL)
		code = METER_EEND;
	if (code == METER_OK) {
		const struct slice next = meter__store_slice(s.statement, 0);
		/* A damaged index may give the same one for ever. */
		if (sqlite3_column_type(s.statement, 0) != SQLITE_TEXT ||
		    meter__slice_compare(next, (struct slice){meter__buffer_cstr(key), key->size}) <= 0)
			code = meter__fail(METER_ECORRUPT, "index document_subscription is not in order");
		meter__buffer_reset(key);
		meter__buffer_slice(key, next);
		if (key->failed)
			code = meter__fail(METER_ENOMEM, "no memory for a name");
	}
	meter__verify_scan_end(&s);
	return code;
}

/* The one integer that a statement gives; METER_EEND: none. */
static int one_number(struct reader *r, enum statement which, const int64_t *bound, size_t count, int64_t *out)
{
	struct scan s = {.reader = r};
	int code = bound_statement(r, which, bound, count, &s.statement);
	if (code == METER_OK)
		code = step(&s);
	if (code == METER_OK)
		code = sqlite3_column_type(s.statement, 0) == SQLITE_NULL ? METER_EEND : meter__store_int(s.statement, 0, out);
	meter__verify_scan_end(&s);
	return code;
}

int meter__verify_sampled_next(struct reader *r, int64_t after, int64_t *out)
{
	return one_number(r, SQL_VERIFY_SAMPLED_NEXT, &after, 1, out);
}

int meter__verify_billed_next(struct reader *r, int64_t subscription, int64_t us, int64_t *out)
{
	return one_number(r, SQL_VERIFY_BILLED_NEXT, (int64_t[]){subscription, us}, 2, out);
}

int meter__verify_link_last(struct reader *r, int64_t *out)
{
	return one_number(r, SQL_VERIFY_LINK_LAST, NULL, 0, out);
}

/* ---- the file as a whole ---- */

int meter__verify_integrity(struct reader *r, bool is_full, integrity_visitor visit, void *user)
{
	static const struct slice sound = SLICE("ok");
	struct scan s = {.reader = r};
	int code = bound_statement(r, is_full ? SQL_INTEGRITY_CHECK : SQL_QUICK_CHECK, NULL, 0, &s.statement);
	while (code == METER_OK && (code = step(&s)) == METER_OK) {
		struct slice text = meter__store_slice(s.statement, 0);
		if (!meter__slice_equal(text, sound))
			code = visit(text, user);
	}
	meter__verify_scan_end(&s);
	return code == METER_EEND ? METER_OK : code;
}

/* A reader's transaction sees what is there when it first reads. */
static int begin_readers(struct store *s, struct reader **out, size_t wanted, size_t *count)
{
	int code = METER_OK;
	while (code == METER_OK && *count < wanted) {
		struct totals totals;
		code = meter__store_reader(&out[*count], s);
		if (code == METER_OK)
			code = meter__store_totals(out[(*count)++], &totals);
	}
	return code;
}

int meter__verify_readers(struct store *s, struct reader **out, size_t wanted, size_t *count_out)
{
	*count_out = 0;
	/* Who cannot have the lock makes do with one. */
	if (wanted < 2 || meter__store_begin(s) != METER_OK)
		return begin_readers(s, out, 1, count_out);
	int code = begin_readers(s, out, wanted, count_out);
	if (meter__store_commit(s) != METER_OK && code == METER_OK)
		code = METER_EIO;
	return code;
}

const char *meter__verify_sqlite(bool *has_wal_reset_bug)
{
	int number = sqlite3_libversion_number();
	*has_wal_reset_bug = number >= 3007000 && number <= 3051002;
	return sqlite3_libversion();
}

static int pragma(struct reader *r, enum statement which, int64_t *out)
{
	struct scan s = {.reader = r};
	int code = bound_statement(r, which, NULL, 0, &s.statement);
	if (code == METER_OK)
		code = step(&s);
	if (code == METER_OK)
		*out = sqlite3_column_int64(s.statement, 0);
	meter__verify_scan_end(&s);
	return code;
}

int meter__verify_identity(struct reader *r, int64_t *schema_version, int64_t *application_id)
{
	int code = pragma(r, SQL_USER_VERSION, schema_version);
	return code == METER_OK ? pragma(r, SQL_APPLICATION_ID, application_id) : code;
}
