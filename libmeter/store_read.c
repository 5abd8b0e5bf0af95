/*
 * store_read.c - what readers ask: texts and numbers, buckets, events. Called on the caller's thread with a reader of
 * its own.
 *
 * Buckets are read lead by lead: the next lead that exists is found by one seek, its rows by another. So a gap of years costs one
 * seek, and a month of one subscription is one lead of days.
 */
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "store_internal.h"

static int read_integer(struct reader *r, enum statement which, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, which, &statement);
	return code == METER_OK ? meter__store_step_integer(&r->connection, statement, out) : code;
}

int meter__store_catalog(struct reader *r, struct meter_catalog **out)
{
	*out = NULL;
	struct totals totals;
	int code = meter__store_totals(r, &totals);
	if (code != METER_OK || totals.catalog == 0)
		return code;
	struct store *s = r->store;
	pthread_mutex_lock(&s->reader_mutex);
	if (s->read_catalog && s->read_catalog_version == totals.catalog)
		*out = meter__catalog_retain(s->read_catalog);
	pthread_mutex_unlock(&s->reader_mutex);
	if (*out)
		return METER_OK;
	code = meter__store_catalog_load(&r->connection, totals.catalog, out);
	if (code != METER_OK)
		return code;
	pthread_mutex_lock(&s->reader_mutex);
	meter__catalog_release(s->read_catalog);
	s->read_catalog = meter__catalog_retain(*out);
	s->read_catalog_version = totals.catalog;
	pthread_mutex_unlock(&s->reader_mutex);
	return METER_OK;
}

int meter__store_catalog_version(struct reader *r, int64_t version, struct meter_catalog **out)
{
	struct store *s = r->store;
	struct totals totals;
	int code = meter__store_totals(r, &totals);
	*out = NULL;
	if (code != METER_OK)
		return code;
	if (version == totals.catalog)
		return meter__store_catalog(r, out);
	struct old_catalog *old = &s->old_catalogs[(uint64_t)version % OLD_CATALOGS];
	pthread_mutex_lock(&s->reader_mutex);
	if (old->catalog && old->version == version)
		*out = meter__catalog_retain(old->catalog);
	pthread_mutex_unlock(&s->reader_mutex);
	if (*out)
		return METER_OK;
	code = meter__store_catalog_load(&r->connection, version, out);
	if (code != METER_OK)
		return code;
	pthread_mutex_lock(&s->reader_mutex);
	meter__catalog_release(old->catalog);
	*old = (struct old_catalog){meter__catalog_retain(*out), version};
	pthread_mutex_unlock(&s->reader_mutex);
	return METER_OK;
}

int meter__store_name(struct reader *r, int64_t *out, struct slice text)
{
	*out = 0;
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_NAME_FIND, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(statement, 1, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	code = meter__store_step_integer(&r->connection, statement, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_text(struct reader *r, struct buffer *out, int64_t number)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_NAME_TEXT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		meter__buffer_slice(out, meter__store_slice(statement, 0));
	else
		code = rc == SQLITE_DONE ? meter__fail(METER_ECORRUPT, "name %lld is missing", (long long)number)
		                         : meter__store_fail(r->connection.db, rc, "reading a name");
	sqlite3_reset(statement);
	return code == METER_OK && out->failed ? meter__fail(METER_ENOMEM, "no memory for a name") : code;
}

int meter__store_meter(struct reader *r, int64_t *out, const struct meter_definition *definition)
{
	sqlite3_stmt *statement;
	*out = 0;
	int code = meter__store_statement(&r->connection, SQL_METER_FIND, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text(statement, 1, definition->canonical, -1, SQLITE_STATIC);
	code = meter__store_step_integer(&r->connection, statement, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_bounds(struct reader *r, int64_t *first_us, int64_t *last_us)
{
	int code = read_integer(r, SQL_FIRST_EVENT, first_us);
	return code == METER_OK ? read_integer(r, SQL_LAST_EVENT, last_us) : code;
}

/* ---- buckets ---- */

static const struct {
	enum statement next, scan, scan_all;
} level_statements[LEVEL_COUNT] = {
	[LEVEL_MINUTE] = {SQL_NEXT_MINUTE, SQL_SCAN_MINUTE, SQL_SCAN_MINUTE_ALL},
	[LEVEL_HOUR] = {SQL_NEXT_HOUR, SQL_SCAN_HOUR, SQL_SCAN_HOUR_ALL},
	[LEVEL_DAY] = {SQL_NEXT_DAY, SQL_SCAN_DAY, SQL_SCAN_DAY_ALL},
};

static int next_lead(struct reader *r, enum level level, int64_t from, int64_t last, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, level_statements[level].next, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, from);
	sqlite3_bind_int64(statement, 2, last);
	return meter__store_step_integer(&r->connection, statement, out);
}

/* start, subscription, dimensions, then the aggregate. */
static int read_bucket(sqlite3_stmt *row, struct bucket *out)
{
	int code = meter__store_int(row, 0, &out->start);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &out->subscription);
	if (code == METER_OK)
		code = meter__store_int(row, 2, &out->dimensions);
	if (code == METER_OK)
		code = meter__store_columns_aggregate(row, 3, out->aggregation, &out->sum);
	return code;
}

/* Rows of one meter. */
static int visit_buckets(struct reader *r, sqlite3_stmt *statement, struct bucket *row, bucket_visitor visit, void *user)
{
	int code = METER_OK, rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		code = read_bucket(statement, row);
		if (code == METER_OK)
			code = visit(row, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(r->connection.db, rc, "reading buckets");
	sqlite3_reset(statement);
	return code;
}

static void bind_scan(sqlite3_stmt *statement, int64_t meter_number, int64_t subscription, int64_t from, int64_t to)
{
	sqlite3_bind_int64(statement, 2, meter_number);
	if (subscription)
		sqlite3_bind_int64(statement, 3, subscription);
	sqlite3_bind_int64(statement, 4, from);
	sqlite3_bind_int64(statement, 5, to);
}

/* So few minutes are looked up one by one in one statement, whether they exist or not. */
#define MINUTES_AT_ONCE 120

static int scan_minutes(struct reader *r, const struct meter_definition *definition, int64_t meter_number, int64_t subscription,
                        int64_t from, int64_t to, bucket_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	struct bucket row = {.meter = meter_number, .aggregation = definition->aggregation};
	int code = meter__store_statement(&r->connection, SQL_SCAN_MINUTES, &statement);
	if (code != METER_OK)
		return code;
	bind_scan(statement, meter_number, subscription, from, to);
	return visit_buckets(r, statement, &row, visit, user);
}

int meter__store_scan_buckets(struct reader *r, enum level level, const struct meter_definition *definition, int64_t meter_number,
                              int64_t subscription, int64_t from, int64_t to, bucket_visitor visit, void *user)
{
	if (from >= to)
		return METER_OK;
	if (level == LEVEL_MINUTE && subscription && to - from <= MINUTES_AT_ONCE)
		return scan_minutes(r, definition, meter_number, subscription, from, to, visit, user);
	sqlite3_stmt *statement;
	int code = meter__store_statement(
		&r->connection, subscription ? level_statements[level].scan : level_statements[level].scan_all, &statement);
	if (code != METER_OK)
		return code;
	int64_t last = meter__level_lead(level, to - 1);
	int64_t lead = meter__level_lead(level, from);
	for (; code == METER_OK && lead <= last && (code = next_lead(r, level, lead, last, &lead)) == METER_OK; lead++) {
		struct bucket row = {.lead = lead, .meter = meter_number, .aggregation = definition->aggregation};
		bind_scan(statement, meter_number, subscription, from, to);
		sqlite3_bind_int64(statement, 1, lead);
		code = visit_buckets(r, statement, &row, visit, user);
	}
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_scan_late(struct reader *r, const struct meter_definition *definition, int64_t meter_number,
                           int64_t subscription, int64_t from, int64_t to, bucket_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, subscription ? SQL_SCAN_LATE : SQL_SCAN_LATE_ALL, &statement);
	if (code != METER_OK || from >= to)
		return code;
	struct bucket row = {.meter = meter_number, .aggregation = definition->aggregation};
	bind_scan(statement, meter_number, subscription, from, to);
	return visit_buckets(r, statement, &row, visit, user);
}

int meter__store_next_series(struct reader *r, int64_t meter_number, int64_t only, int64_t *subscription, int64_t *dimensions)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_NEXT_SERIES, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, meter_number);
	sqlite3_bind_int64(statement, 2, *subscription);
	sqlite3_bind_int64(statement, 3, *dimensions);
	sqlite3_bind_int64(statement, 4, only);
	int rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW) {
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(r->connection.db, rc, "reading samples");
	} else {
		code = meter__store_int(statement, 0, subscription);
		if (code == METER_OK)
			code = meter__store_int(statement, 1, dimensions);
	}
	sqlite3_reset(statement);
	return code;
}

int meter__store_scan_samples(struct reader *r, int64_t meter_number, int64_t subscription, int64_t dimensions, int64_t from_us,
                              int64_t to_us, bucket_visitor visit, void *user)
{
	static const enum statement parts[] = {SQL_SAMPLE_BEFORE, SQL_SAMPLES};
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < sizeof(parts) / sizeof(parts[0]); i++) {
		sqlite3_stmt *statement;
		code = meter__store_statement(&r->connection, parts[i], &statement);
		if (code != METER_OK)
			return code;
		sqlite3_bind_int64(statement, 1, meter_number);
		sqlite3_bind_int64(statement, 2, subscription);
		sqlite3_bind_int64(statement, 3, dimensions);
		sqlite3_bind_int64(statement, 4, from_us);
		if (parts[i] == SQL_SAMPLES)
			sqlite3_bind_int64(statement, 5, to_us);
		struct bucket row = {.meter = meter_number, .aggregation = AGGREGATION_MAX, .is_sample = true};
		code = visit_buckets(r, statement, &row, visit, user);
	}
	return code;
}

/* ---- events ---- */

/* What a row of EVENT_ROW (store_schema.c) points into: the statement, and what is here. Rows of one shape mostly follow each
 * other, so its names are read once. */
struct event_memory {
	struct property properties[EVENT_PROPERTIES_MAX];
	size_t property_count;
	int64_t shape; /* whose names are in properties; 0: none */
	struct buffer names;
	struct buffer name_scratch;
	struct buffer value_scratch;
};

static int read_properties(sqlite3_stmt *row, struct event_memory *memory, struct event *out)
{
	int64_t shape;
	struct slice values = meter__store_slice(row, 5);
	int code = meter__store_int(row, 3, &shape);
	if (code != METER_OK)
		return code;
	if (shape == memory->shape) {
		code = meter__property_values_read(memory->properties, memory->property_count, &memory->value_scratch, values);
		if (code == METER_EINVAL)
			code = meter__fail_in(METER_ECORRUPT, "properties of a stored event: ");
	} else {
		meter__buffer_reset(&memory->names);
		meter__buffer_slice(&memory->names, meter__store_slice(row, 10));
		if (memory->names.failed)
			return meter__fail(METER_ENOMEM, "no memory for an event");
		struct slice names = {memory->names.data, memory->names.size};
		code = meter__store_properties(memory->properties, &memory->property_count, &memory->name_scratch,
		                               &memory->value_scratch, names, values);
		memory->shape = code == METER_OK && names.size > 0 ? shape : 0;
	}
	out->properties = memory->properties;
	out->property_count = memory->property_count;
	return code;
}

static int read_event(sqlite3_stmt *row, struct event_memory *memory, struct stored_event *out)
{
	struct event *e = &out->event;
	int code = meter__store_int(row, 0, &e->timestamp_us);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &out->subscription);
	if (code == METER_OK)
		code = meter__store_column_decimal(row, 4, &e->value);
	if (code == METER_OK)
		code = meter__store_int(row, 11, &out->ingest);
	out->retracted = INT64_MAX;
	if (code == METER_OK && sqlite3_column_type(row, 12) != SQLITE_NULL)
		code = meter__store_int(row, 12, &out->retracted);
	if (code != METER_OK)
		return code;
	e->id = meter__store_slice(row, 2);
	e->source = meter__store_slice(row, 6);
	e->sequence = sqlite3_column_type(row, 7) == SQLITE_NULL ? METER_NO_SEQUENCE : sqlite3_column_int64(row, 7);
	e->subscription = meter__store_slice(row, 8);
	e->type = meter__store_slice(row, 9);
	/* The reader of JSON looks at the properties. */
	const struct slice texts[] = {e->id, e->source, e->subscription, e->type};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!meter__utf8_valid(texts[i].data, texts[i].size))
			return meter__fail(METER_ECORRUPT, "a text of a stored event is not UTF-8");
	}
	return read_properties(row, memory, e);
}

/* Texts that live until the rows are read. */
static void bind_optional(sqlite3_stmt *statement, int parameter, struct slice text)
{
	if (text.data)
		sqlite3_bind_text64(statement, parameter, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_null(statement, parameter);
}

/* Binding a copy can fail, and would leave a NULL: only what changes while rows are read is copied. */
static int bind_range(sqlite3_stmt *statement, const struct event_range *range)
{
	int rc = SQLITE_OK, count = sqlite3_bind_parameter_count(statement);
	sqlite3_bind_int64(statement, 1, range->from_us);
	if (count >= 4) {
		sqlite3_bind_int64(statement, 2, range->to_us);
		sqlite3_bind_int64(statement, 3, range->subscription);
		bind_optional(statement, 4, range->type);
	}
	if (count >= 7) {
		sqlite3_bind_int64(statement, 5, range->after_subscription);
		sqlite3_bind_int64(statement, 7, range->limit);
		rc = sqlite3_bind_text64(statement, 6, range->after_id.data ? range->after_id.data : "", range->after_id.size,
		                         SQLITE_TRANSIENT, SQLITE_UTF8);
		bind_optional(statement, 8, range->id);
		bind_optional(statement, 9, range->source);
	}
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(sqlite3_db_handle(statement), rc, "reading events");
}

int meter__store_visit_events(struct connection *c, enum statement which, const struct event_range *range, event_visitor visit,
                              void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	code = bind_range(statement, range);
	struct event_memory memory;
	memory.shape = 0;
	memory.names = memory.name_scratch = memory.value_scratch = (struct buffer){0};
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct stored_event event;
		code = read_event(statement, &memory, &event);
		if (code == METER_OK)
			code = visit(&event, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading events");
	sqlite3_reset(statement);
	meter__buffer_free(&memory.names);
	meter__buffer_free(&memory.name_scratch);
	meter__buffer_free(&memory.value_scratch);
	return code;
}

int meter__store_scan_events(struct reader *r, int64_t subscription, struct slice type, int64_t from_us, int64_t to_us,
                             event_visitor visit, void *user)
{
	struct event_range range = {.from_us = from_us, .to_us = to_us, .subscription = subscription, .type = type};
	return meter__store_visit_events(&r->connection, SQL_SCAN_EVENTS, &range, visit, user);
}

int meter__store_retracted(struct reader *r, int64_t subscription, int64_t from_us, int64_t to_us, int64_t ingest_after,
                           time_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_RETRACTED, &statement);
	if (code != METER_OK)
		return code;
	const int64_t values[] = {from_us, to_us, ingest_after, subscription};
	for (int i = 0; i < 4; i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		int64_t timestamp_us;
		code = meter__store_int(statement, 0, &timestamp_us);
		if (code == METER_OK)
			code = visit(timestamp_us, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(r->connection.db, rc, "reading events that were taken back");
	sqlite3_reset(statement);
	return code;
}

struct page_visit {
	struct event_page *page;
	size_t count;
	event_visitor visit;
	void *user;
};

static int page_event(const struct stored_event *event, void *user)
{
	struct page_visit *v = user;
	v->count++;
	v->page->from_us = event->event.timestamp_us;
	v->page->after_subscription = event->subscription;
	meter__buffer_reset(&v->page->after_id);
	meter__buffer_slice(&v->page->after_id, event->event.id);
	return v->page->after_id.failed ? meter__fail(METER_ENOMEM, "no memory for a page of events") : v->visit(event, v->user);
}

struct because {
	struct arena *arena;
	const char **out;
};

static int copy_because(sqlite3_stmt *row, void *user)
{
	struct because *b = user;
	return meter__store_column_name(row, 0, b->arena, b->out);
}

int meter__store_retraction(struct reader *r, const struct stored_event *event, struct arena *arena, const char **out)
{
	struct because b = {arena, out};
	sqlite3_stmt *statement;
	*out = NULL;
	if (event->retracted == INT64_MAX)
		return METER_OK;
	int code = meter__store_statement(&r->connection, SQL_RETRACTION_READ, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, event->event.timestamp_us);
	sqlite3_bind_int64(statement, 2, event->subscription);
	sqlite3_bind_text64(statement, 3, event->event.id.data, event->event.id.size, SQLITE_STATIC, SQLITE_UTF8);
	return meter__store_visit_rows(&r->connection, statement, copy_because, &b);
}

int meter__store_page_events(struct reader *r, struct event_page *page, size_t limit, size_t *count_out, event_visitor visit,
                             void *user)
{
	/* The place lives in the page that page_event() moves on, but the statement bound copies of it. */
	struct event_range range = {.from_us = page->from_us,
	                            .to_us = page->to_us,
	                            .subscription = page->subscription,
	                            .type = page->type,
	                            .after_subscription = page->after_subscription,
	                            .after_id = {page->after_id.data, page->after_id.size},
	                            .limit = (int64_t)limit,
	                            .id = page->id,
	                            .source = page->source};
	struct page_visit v = {page, 0, visit, user};
	int code = meter__store_visit_events(&r->connection, SQL_PAGE_EVENTS, &range, page_event, &v);
	*count_out = v.count;
	return code;
}

/* ---- unbilled ---- */

int meter__store_unbilled(struct reader *r, int64_t *out)
{
	return read_integer(r, SQL_UNBILLED_SUM, out);
}
