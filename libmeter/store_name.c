/*
 * store_name.c - texts that repeat become numbers, and so do shapes. Tables "name" and "shape" decide; the caches of the write
 * connection only save look-ups.
 *
 * Numbers never change, so a cache cannot be stale; after a rollback, which may have taken numbers back, it is emptied.
 */
#include <stdlib.h>

#include "error.h"
#include "event_json.h"
#include "store_internal.h"

/* Beyond this the cache starts anew: about 100 bytes each. */
#define NAMES_MAX 250000

void meter__store_name_forget(struct name_cache *names)
{
	meter__intern_reset(&names->texts);
}

void meter__store_name_free(struct name_cache *names)
{
	meter__intern_free(&names->texts);
	free(names->numbers);
}

/* The index of the text in the cache, whose number is 0 as long as nobody looked it up. */
static int cached(struct name_cache *names, struct slice text, size_t *index_out)
{
	if (names->texts.count >= NAMES_MAX)
		meter__store_name_forget(names);
	size_t known = names->texts.count;
	int code = meter__intern_index(&names->texts, text, index_out);
	if (code != METER_OK)
		return code;
	if (names->capacity < names->texts.capacity) {
		int64_t *numbers = realloc(names->numbers, names->texts.capacity * sizeof(*numbers));
		if (!numbers) {
			meter__store_name_forget(names); /* the new text has no room for its number */
			return meter__fail(METER_ENOMEM, "no memory for a name");
		}
		names->numbers = numbers;
		names->capacity = names->texts.capacity;
	}
	if (*index_out == known)
		names->numbers[*index_out] = 0;
	return METER_OK;
}

/* The number that a statement gives; METER_EEND without a row. */
static int step_number(struct store *s, sqlite3_stmt *statement, int64_t *out)
{
	int rc = sqlite3_step(statement);
	int code;
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "naming");
	sqlite3_reset(statement);
	return code;
}

static int look_up(struct store *s, enum statement which, struct slice text, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(statement, 1, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	return step_number(s, statement, out);
}

int meter__store_name_number(struct store *s, struct slice text, int64_t *out)
{
	size_t index;
	int code = cached(&s->names, text, &index);
	if (code != METER_OK)
		return code;
	if (s->names.numbers[index] == 0) {
		code = look_up(s, SQL_NAME_FIND, text, &s->names.numbers[index]);
		if (code == METER_EEND)
			code = look_up(s, SQL_NAME_ADD, text, &s->names.numbers[index]);
	}
	*out = s->names.numbers[index];
	return code;
}

/* ---- shapes ---- */

/* Types whose events name their properties in ever new ways share an open shape beyond this many. */
#define SHAPES_MAX 10000

static int look_up_shape(struct store *s, enum statement which, int64_t type, struct slice names, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, type);
	sqlite3_bind_text64(statement, 2, names.data, names.size, SQLITE_STATIC, SQLITE_UTF8);
	if (sqlite3_bind_parameter_count(statement) >= 3)
		sqlite3_bind_int64(statement, 3, SHAPES_MAX);
	return step_number(s, statement, out);
}

static int number_shape(struct store *s, int64_t type, struct slice names, int64_t *out)
{
	static const struct slice open_names = SLICE("");
	int code = look_up_shape(s, SQL_SHAPE_FIND, type, names, out);
	if (code == METER_EEND)
		code = look_up_shape(s, SQL_SHAPE_ADD, type, names, out);
	if (code != METER_EEND)
		return code;
	code = look_up_shape(s, SQL_SHAPE_FIND, type, open_names, out);
	if (code == METER_EEND)
		code = look_up_shape(s, SQL_SHAPE_ADD, type, open_names, out);
	*out = -*out;
	return code;
}

int meter__store_shape_number(struct store *s, int64_t type, struct slice names, int64_t *out)
{
	size_t index;
	meter__buffer_reset(&s->shape_key);
	meter__buffer_append(&s->shape_key, &type, sizeof(type));
	meter__buffer_slice(&s->shape_key, names);
	if (s->shape_key.failed)
		return meter__fail(METER_ENOMEM, "no memory for a shape");
	int code = cached(&s->shapes, (struct slice){s->shape_key.data, s->shape_key.size}, &index);
	if (code == METER_OK && s->shapes.numbers[index] == 0)
		code = number_shape(s, type, names, &s->shapes.numbers[index]);
	if (code == METER_OK)
		*out = s->shapes.numbers[index];
	return code;
}

int meter__store_shape_read(struct connection *c, int64_t shape, int64_t *type_out, struct buffer *names)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_SHAPE_READ, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, shape);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		code = meter__store_int(statement, 0, type_out);
		meter__buffer_slice(names, meter__store_slice(statement, 1));
	} else {
		code = rc == SQLITE_DONE ? meter__fail(METER_ECORRUPT, "shape %lld is missing", (long long)shape)
		                         : meter__store_fail(c->db, rc, "reading a shape");
	}
	sqlite3_reset(statement);
	return code == METER_OK && names->failed ? meter__fail(METER_ENOMEM, "no memory for a shape") : code;
}

int meter__store_properties(struct property *properties, size_t *count_out, struct buffer *name_scratch,
                            struct buffer *value_scratch, struct slice names, struct slice values)
{
	int code;
	if (names.size == 0) {
		code = meter__properties_read(properties, EVENT_PROPERTIES_MAX, count_out, value_scratch, values.data,
		                              values.size);
	} else {
		code = meter__property_names_read(properties, EVENT_PROPERTIES_MAX, count_out, name_scratch, names);
		if (code == METER_OK)
			code = meter__property_values_read(properties, *count_out, value_scratch, values);
	}
	return code == METER_EINVAL ? meter__fail_in(METER_ECORRUPT, "properties of a stored event: ") : code;
}
