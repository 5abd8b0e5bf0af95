/*
 * backfill.c - events that came in bulk under a name, which can be listed and taken back whole.
 *
 * The name is the source of the events, "backfill:NAME"; it is not part of their content, so a retry without it is a duplicate
 * all the same. Taking back goes in transactions of some thousand events, between which recording goes on; it can be stopped and
 * started again.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "os.h"

int meter__backfill_check(const char *name)
{
	const struct slice text = meter__slice_of(name);
	bool has_control = false;
	for (size_t i = 0; i < text.size; i++)
		has_control |= (unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f;
	if (text.size == 0 || text.size > BACKFILL_NAME_MAX || has_control || !meter__utf8_valid(text.data, text.size))
		return meter__fail(METER_EINVAL, "the name of a backfill is 1 to %d bytes of UTF-8 without control characters",
		                   BACKFILL_NAME_MAX);
	return METER_OK;
}

struct backfill {
	char *name;
	int64_t events, first_us, last_us, retracted;
};

struct meter_backfills {
	struct backfill *rows;
	size_t count, capacity;
};

static int add_row(const struct source_row *row, void *user)
{
	struct meter_backfills *list = user;
	const size_t prefix = strlen(BACKFILL_PREFIX);
	if (list->count == list->capacity) {
		const size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct backfill *rows = realloc(list->rows, capacity * sizeof(*rows));
		if (!rows)
			return meter__fail(METER_ENOMEM, "no memory for a list");
		list->rows = rows;
		list->capacity = capacity;
	}
	char *name = meter__copy((struct slice){row->source.data + prefix, row->source.size - prefix});
	if (!name)
		return meter__fail(METER_ENOMEM, "no memory for a list");
	list->rows[list->count++] = (struct backfill){name, row->events, row->first_us, row->last_us, row->retracted};
	return METER_OK;
}

int meter_backfills_query(meter_backfills **out, meter *m)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	meter_backfills *list = calloc(1, sizeof(*list));
	code = list ? meter__store_sources(r, BACKFILL_PREFIX, add_row, list) : meter__fail(METER_ENOMEM, "no memory for a list");
	meter__store_reader_done(r);
	if (code != METER_OK) {
		meter_backfills_free(list);
		return code;
	}
	*out = list;
	return METER_OK;
}

int meter_backfill_retract(meter *m, const char *name, const char *reason, meter_progress progress, void *user,
                           int64_t *events_out)
{
	REQUIRE(m && name && reason);
	REQUIRE_OWN(m);
	struct buffer source = {0}, because = {0};
	struct source_cursor cursor = {.timestamp_us = INT64_MIN};
	int64_t events = 0;
	int code = meter__backfill_check(name);
	meter__buffer_format(&source, BACKFILL_PREFIX "%s", name);
	meter__buffer_format(&because, BACKFILL_PREFIX "%s: %s", name, reason);
	if (code == METER_OK && (source.failed || because.failed))
		code = meter__fail(METER_ENOMEM, "no memory for a name");
	while (code == METER_OK && !cursor.is_done) {
		size_t count = 0;
		code = meter__store_begin(m->store);
		if (code != METER_OK)
			break;
		/* A number of its own: bills of before did not know it. */
		meter__store_totals_writing(m->store)->ingest++;
		code = meter__store_retract_source(m->store, (struct slice){source.data, source.size},
		                                   (struct slice){because.data, because.size}, &cursor, &count);
		if (code == METER_OK)
			code = meter__store_totals_write(m->store);
		if (code == METER_OK)
			code = meter__store_commit(m->store);
		else
			meter__store_rollback(m->store);
		events += code == METER_OK ? (int64_t)count : 0;
		if (code == METER_OK && progress && progress(events, 0, user) != 0)
			code = meter__fail(METER_ETIMEDOUT, "stopped; what was taken back stays so");
		meter__os_give_way();
	}
	if (code == METER_OK && events == 0)
		code = meter__fail(METER_ENOTFOUND, "backfill %s has no events, or they are taken back already", name);
	meter__buffer_free(&source);
	meter__buffer_free(&because);
	meter__buffer_free(&cursor.id);
	if (events_out)
		*events_out = events;
	return code;
}

static const struct backfill *row_at(const meter_backfills *list, size_t index)
{
	return list && index < list->count ? &list->rows[index] : NULL;
}

size_t meter_backfills_count(const meter_backfills *list)
{
	return list ? list->count : 0;
}

const char *meter_backfills_name(const meter_backfills *list, size_t index)
{
	return row_at(list, index) ? list->rows[index].name : NULL;
}

int64_t meter_backfills_events(const meter_backfills *list, size_t index)
{
	return row_at(list, index) ? list->rows[index].events : 0;
}

int64_t meter_backfills_retracted(const meter_backfills *list, size_t index)
{
	return row_at(list, index) ? list->rows[index].retracted : 0;
}

int64_t meter_backfills_first_us(const meter_backfills *list, size_t index)
{
	return row_at(list, index) ? list->rows[index].first_us : 0;
}

int64_t meter_backfills_last_us(const meter_backfills *list, size_t index)
{
	return row_at(list, index) ? list->rows[index].last_us : 0;
}

void meter_backfills_free(meter_backfills *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].name);
	free(list->rows);
	free(list);
}
