/*
 * store_retract.c - events are taken back: they stay in the file, their keys go into table retraction, and the buckets they were
 * in are counted again from the events that are left, minute by minute, then hour and day.
 *
 * Counting again is right for every aggregation, also those that cannot be subtracted (max, latest, distinct values). An event
 * may be taken back before it came: it counts nowhere from the beginning. Between begin and commit, with everything else of the
 * transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "os.h"
#include "store_internal.h"

/* What is counted again: one bucket of time of one subscription. */
struct place {
	int64_t start; /* minute, hour or day */
	int64_t subscription;
};

struct recount {
	struct store *store;
	struct place *places; /* sorted, each once */
	size_t count;
	struct buckets sums;
	struct buffer dimensions;
};

static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	if (a->start != b->start)
		return (a->start > b->start) - (a->start < b->start);
	return (a->subscription > b->subscription) - (a->subscription < b->subscription);
}

static void sort_places(struct recount *r)
{
	size_t kept = 0;
	qsort(r->places, r->count, sizeof(*r->places), compare_places);
	for (size_t i = 0; i < r->count; i++) {
		if (kept == 0 || compare_places(&r->places[kept - 1], &r->places[i]) != 0)
			r->places[kept++] = r->places[i];
	}
	r->count = kept;
}

/* ---- rows by key ---- */

static int bind_key(struct connection *c, enum statement which, const struct retraction *key, sqlite3_stmt **out)
{
	int code = meter__store_statement(c, which, out);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(*out, 1, key->timestamp_us);
	sqlite3_bind_int64(*out, 2, key->subscription);
	sqlite3_bind_text64(*out, 3, key->id.data, key->id.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	return METER_OK;
}

/* Whether the statement has a row for the key. */
static int has_row(struct store *s, enum statement which, const struct retraction *key, bool *out)
{
	sqlite3_stmt *statement;
	int code = bind_key(&s->write, which, key, &statement);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_step(statement);
	*out = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "taking events back");
	sqlite3_reset(statement);
	return code;
}

int meter__store_is_awaited(struct store *s, const struct retraction *event, bool *out)
{
	return has_row(s, SQL_RETRACTION_WAITING, event, out);
}

/* *is_new_out: it was not taken back before. */
static int add_row(struct store *s, const struct retraction *key, bool is_waiting, bool *is_new_out)
{
	sqlite3_stmt *statement;
	int code = bind_key(&s->write, SQL_RETRACTION_ADD, key, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 4, s->totals.ingest);
	sqlite3_bind_int(statement, 5, is_waiting);
	sqlite3_bind_text64(statement, 6, key->because.data, key->because.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	code = meter__store_run(&s->write, statement, "taking events back");
	*is_new_out = sqlite3_changes(s->write.db) > 0;
	return code;
}

/* ---- minutes, from the events that are left ---- */

static int delete_place(struct store *s, enum statement which, int64_t number, int64_t subscription, int64_t lead, int64_t start)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	const int64_t values[] = {number, subscription, lead, start};
	const int count = sqlite3_bind_parameter_count(statement);
	for (int i = 0; i < count && i < 4; i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	return meter__store_run(&s->write, statement, "counting again");
}

static int delete_minute(struct store *s, const struct live_meter *live, const struct place *place)
{
	if (live->definition->aggregation == AGGREGATION_TIME_WEIGHTED)
		return delete_place(s, SQL_RECOUNT_SAMPLES, live->number, place->subscription, place->start * US_PER_MINUTE,
		                    (place->start + 1) * US_PER_MINUTE);
	int code = delete_place(s, SQL_RECOUNT_MINUTE, live->number, place->subscription, 0, place->start);
	return code == METER_OK ? delete_place(s, SQL_RECOUNT_LATE, live->number, place->subscription, 0, place->start) : code;
}

static int count_event(const struct stored_event *stored, void *user)
{
	struct recount *r = user;
	const struct place place = {meter__floor_div(stored->event.timestamp_us, US_PER_MINUTE), stored->subscription};
	int code = METER_OK;
	if (stored->retracted != INT64_MAX || !bsearch(&place, r->places, r->count, sizeof(place), compare_places))
		return METER_OK;
	for (size_t i = 0; i < r->store->live->count && code == METER_OK; i++) {
		const struct live_meter *live = &r->store->live->meters[i];
		if (stored->event.timestamp_us < live->filled_before) /* else the fill will come by and count it */
			code = meter__store_count_event(r->store, &r->sums, &r->dimensions, live, stored);
	}
	return code;
}

static int recount_minutes(struct recount *r)
{
	struct store *s = r->store;
	int code = METER_OK;
	meter__buckets_reset(&r->sums);
	for (size_t i = 0; i < r->count && code == METER_OK; i++) {
		const struct place *place = &r->places[i];
		for (size_t k = 0; k < s->live->count && code == METER_OK; k++)
			code = delete_minute(s, &s->live->meters[k], place);
		/* The events of a minute are read once for all of its subscriptions. */
		if (code != METER_OK || (i > 0 && r->places[i - 1].start == place->start))
			continue;
		const bool is_only = i + 1 == r->count || r->places[i + 1].start != place->start;
		const struct event_range range = {.from_us = place->start * US_PER_MINUTE,
		                                  .to_us = (place->start + 1) * US_PER_MINUTE,
		                                  .subscription = is_only ? place->subscription : 0};
		code = meter__store_visit_events(&s->write, SQL_SCAN_EVENTS, &range, count_event, r);
	}
	return code == METER_OK ? meter__store_write_minutes(s, &r->sums) : code;
}

/* ---- hours and days, from the level below ---- */

struct level_sum {
	struct recount *recount;
	enum level level;
	int64_t start;
};

static int add_below(const struct bucket *row, void *user)
{
	const struct level_sum *sum = user;
	struct bucket key = *row;
	key.start = sum->start;
	return meter__buckets_add(&sum->recount->sums, sum->level, &key, &row->sum);
}

/* Of one place of the level, by one meter. Hours and days hold minutes before rolled_before. */
static int sum_place(struct recount *r, struct reader *reader, enum level level, const struct live_meter *live,
                     const struct place *place)
{
	const enum level below = level == LEVEL_HOUR ? LEVEL_MINUTE : LEVEL_HOUR;
	const int64_t ratio = meter__level_us[level] / meter__level_us[below];
	struct level_sum sum = {r, level, place->start};
	int64_t end = (place->start + 1) * ratio;
	if (live->definition->aggregation == AGGREGATION_TIME_WEIGHTED)
		return METER_OK;
	if (below == LEVEL_MINUTE && end > r->store->totals.rolled_before)
		end = r->store->totals.rolled_before;
	int code = delete_place(r->store, level == LEVEL_HOUR ? SQL_RECOUNT_HOUR : SQL_RECOUNT_DAY, live->number,
	                        place->subscription, meter__level_lead(level, place->start), place->start);
	if (code == METER_OK)
		code = meter__store_scan_buckets(reader, below, live->definition, live->number, place->subscription,
		                                 place->start * ratio, end, add_below, &sum);
	return code;
}

static int recount_level(struct recount *r, enum level level)
{
	struct store *s = r->store;
	struct reader *reader = meter__store_writing(s);
	const int64_t minutes = meter__level_us[level] / US_PER_MINUTE;
	int code = METER_OK;
	meter__buckets_reset(&r->sums);
	for (size_t i = 0; i < r->count; i++)
		r->places[i].start = meter__floor_div(r->places[i].start, level == LEVEL_HOUR ? 60 : 24);
	sort_places(r);
	for (size_t i = 0; i < r->count && code == METER_OK; i++) {
		if (r->places[i].start * minutes >= s->totals.rolled_before)
			continue;
		for (size_t k = 0; k < s->live->count && code == METER_OK; k++)
			code = sum_place(r, reader, level, &s->live->meters[k], &r->places[i]);
	}
	return code == METER_OK ? meter__store_write_level(s, &r->sums, level) : code;
}

static int recount(struct recount *r)
{
	sort_places(r);
	int code = recount_minutes(r);
	if (code == METER_OK)
		code = recount_level(r, LEVEL_HOUR);
	return code == METER_OK ? recount_level(r, LEVEL_DAY) : code;
}

/* ---- taking back ---- */

struct bill_list {
	int64_t *bills;
	size_t count;
};

/* METER_EEND: the event is not stored. */
static int find_stored(struct store *s, const struct retraction *event, int64_t *type_out, int64_t *ingest_out)
{
	sqlite3_stmt *statement;
	int code = bind_key(&s->write, SQL_EVENT_TYPE, event, &statement);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, type_out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "taking events back");
	if (code == METER_OK)
		code = meter__store_int(statement, 1, ingest_out);
	sqlite3_reset(statement);
	return code;
}

static int find_gauge(struct connection *c, int64_t type, bool *out)
{
	int64_t found = 0;
	const int code = meter__store_integer_of(c, SQL_GAUGE_FIND, type, &found);
	*out = code == METER_OK;
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_is_gauge(struct store *s, int64_t type, bool *out)
{
	return find_gauge(&s->write, type, out);
}

int meter__store_has_gauge(struct reader *r, int64_t type, bool *out)
{
	return find_gauge(&r->connection, type, out);
}

static int add_bill(const struct billed *billed, void *user)
{
	struct bill_list *list = user;
	int64_t *grown = realloc(list->bills, (list->count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for bills");
	list->bills = grown;
	grown[list->count++] = billed->bill;
	return METER_OK;
}

/* A bill that has counted the event is not right any more, and of a gauge those after it. */
static int mark_stale(struct store *s, const struct retraction *event, int64_t type)
{
	struct bill_list list = {NULL, 0};
	struct billed billed;
	bool is_gauge = false;
	if (event->timestamp_us >= s->totals.closed_before)
		return METER_OK;
	int code = meter__store_late(s, event->subscription, event->timestamp_us, &billed);
	if (code == METER_OK && billed.bill)
		code = meter__store_stale_add(s, event->subscription, billed.bill, 1);
	if (code == METER_OK)
		code = meter__store_is_gauge(s, type, &is_gauge);
	if (code == METER_OK && is_gauge)
		code = meter__store_billed(meter__store_writing(s), event->subscription, event->timestamp_us + 1, add_bill,
		                           &list);
	for (size_t i = 0; i < list.count && code == METER_OK; i++)
		code = meter__store_stale_add(s, event->subscription, list.bills[i], 1);
	free(list.bills);
	return code;
}

static int begin(struct recount *r, struct store *s, size_t count)
{
	*r = (struct recount){.store = s, .places = calloc(count + 1, sizeof(*r->places))};
	r->sums.seed = meter__os.random();
	return r->places ? METER_OK : meter__fail(METER_ENOMEM, "no memory to count again");
}

static int end(struct recount *r, int code)
{
	/* Reading events looks into the file whether any were taken back. */
	if (code == METER_OK && r->count > 0)
		code = meter__store_totals_write(r->store);
	if (code == METER_OK && r->count > 0)
		code = recount(r);
	free(r->places);
	meter__buckets_free(&r->sums);
	meter__buffer_free(&r->dimensions);
	return code;
}

static void add_place(struct recount *r, const struct retraction *event)
{
	r->places[r->count++] = (struct place){meter__floor_div(event->timestamp_us, US_PER_MINUTE), event->subscription};
}

int meter__store_retract(struct store *s, const struct retraction *retractions, size_t count, size_t *count_out)
{
	struct recount r;
	int code = begin(&r, s, count);
	*count_out = 0;
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		bool is_new = false;
		int64_t type, ingest;
		code = find_stored(s, &retractions[i], &type, &ingest);
		const bool is_stored = code == METER_OK;
		if (code == METER_OK || code == METER_EEND)
			code = add_row(s, &retractions[i], !is_stored, &is_new);
		if (code != METER_OK || !is_new)
			continue;
		s->totals.retracted++;
		s->totals.retractions_waiting += !is_stored;
		if (!is_stored)
			continue;
		code = mark_stale(s, &retractions[i], type);
		if (code == METER_OK)
			code = meter__store_unbilled_remove(s, retractions[i].subscription, type, retractions[i].timestamp_us,
			                                    ingest);
		add_place(&r, &retractions[i]);
		++*count_out;
	}
	return end(&r, code);
}

int meter__store_retract_arrived(struct store *s, const struct retraction *arrived, size_t count)
{
	struct recount r;
	int code = begin(&r, s, count);
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		sqlite3_stmt *statement;
		int64_t type, ingest;
		code = bind_key(&s->write, SQL_RETRACTION_ARRIVED, &arrived[i], &statement);
		if (code == METER_OK)
			code = meter__store_run(&s->write, statement, "taking events back");
		if (code == METER_OK)
			code = find_stored(s, &arrived[i], &type, &ingest);
		if (code == METER_OK)
			code = meter__store_unbilled_remove(s, arrived[i].subscription, type, arrived[i].timestamp_us, ingest);
		s->totals.retractions_waiting--;
		add_place(&r, &arrived[i]);
	}
	return end(&r, code);
}

/* ---- all events of a source ---- */

#define RETRACT_EVENTS 5000

struct source_events {
	struct retraction events[RETRACT_EVENTS];
	struct buffer ids; /* of all, one after the other */
	size_t count;
};

static int read_source_event(struct source_events *list, sqlite3_stmt *row)
{
	struct retraction *event = &list->events[list->count];
	int code = meter__store_int(row, 0, &event->timestamp_us);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &event->subscription);
	struct slice id = meter__store_slice(row, 2);
	event->id = (struct slice){NULL, id.size};
	meter__buffer_slice(&list->ids, id);
	list->count++;
	return code == METER_OK && list->ids.failed ? meter__fail(METER_ENOMEM, "no memory for events") : code;
}

static int read_source_events(struct store *s, struct slice source, struct source_cursor *cursor, struct source_events *list)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_SOURCE_EVENTS, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, cursor->timestamp_us);
	sqlite3_bind_int64(statement, 2, cursor->subscription);
	sqlite3_bind_text64(statement, 3, cursor->id.data ? cursor->id.data : "", cursor->id.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	sqlite3_bind_text64(statement, 4, source.data, source.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	sqlite3_bind_int(statement, 5, RETRACT_EVENTS);
	int rc = SQLITE_DONE;
	while (code == METER_OK && list->count < RETRACT_EVENTS && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = read_source_event(list, statement);
	if (code == METER_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		code = meter__store_fail(s->write.db, rc, "reading events");
	sqlite3_reset(statement);
	return code;
}

static int move_cursor(struct source_cursor *cursor, const struct retraction *last)
{
	cursor->timestamp_us = last->timestamp_us;
	cursor->subscription = last->subscription;
	meter__buffer_reset(&cursor->id);
	meter__buffer_slice(&cursor->id, last->id);
	return cursor->id.failed ? meter__fail(METER_ENOMEM, "no memory for events") : METER_OK;
}

int meter__store_retract_source(struct store *s, struct slice source, struct slice because, struct source_cursor *cursor,
                                size_t *count_out)
{
	struct source_events *list = calloc(1, sizeof(*list));
	*count_out = 0;
	if (!list)
		return meter__fail(METER_ENOMEM, "no memory for events");
	int code = read_source_events(s, source, cursor, list);
	for (size_t i = 0, at = 0; i < list->count; at += list->events[i++].id.size) {
		list->events[i].id.data = list->ids.data + at;
		list->events[i].because = because;
	}
	cursor->is_done = list->count == 0;
	if (code == METER_OK && list->count > 0)
		code = meter__store_retract(s, list->events, list->count, count_out);
	if (code == METER_OK && list->count > 0)
		code = move_cursor(cursor, &list->events[list->count - 1]);
	meter__buffer_free(&list->ids);
	free(list);
	return code;
}

int meter__store_sources(struct reader *r, const char *prefix, source_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	struct buffer end = {0};
	int code = meter__store_statement(&r->connection, SQL_SOURCES, &statement);
	if (code != METER_OK)
		return code;
	/* Everything that begins with the prefix lies before the prefix with its last byte raised. */
	meter__buffer_text(&end, prefix);
	if (end.failed)
		return meter__fail(METER_ENOMEM, "no memory for sources");
	end.data[end.size - 1]++;
	sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text64(statement, 2, end.data, end.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	meter__buffer_free(&end);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct source_row row = {.source = meter__store_slice(statement, 0)};
		int64_t *const fields[] = {&row.events, &row.first_us, &row.last_us, &row.retracted};
		for (int i = 0; i < 4 && code == METER_OK; i++)
			code = meter__store_int(statement, i + 1, fields[i]);
		if (code == METER_OK)
			code = visit(&row, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(r->connection.db, rc, "reading sources");
	sqlite3_reset(statement);
	return code;
}
