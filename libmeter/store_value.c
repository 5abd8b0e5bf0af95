/*
 * store_value.c - decimals and aggregates as SQLite values.
 *
 * A decimal is an INTEGER when it is one within int64, else TEXT ("1.5"): readable with sqlite3, compact in the usual case, and
 * never added by SQL, which would turn an overflow into a binary float without a word. What is read is checked again.
 */
#include "store_internal.h"

#include "error.h"

static const struct slice overflow_text = SLICE("overflow");

void meter__store_result_decimal(sqlite3_context *context, struct decimal d)
{
	if (d.scale == 0 && d.coefficient >= INT64_MIN && d.coefficient <= INT64_MAX) {
		sqlite3_result_int64(context, (sqlite3_int64)d.coefficient);
		return;
	}
	char text[DECIMAL_TEXT_SIZE];
	size_t size = meter__decimal_format(text, d);
	sqlite3_result_text(context, text, (int)size, SQLITE_TRANSIENT);
}

struct slice meter__store_value_slice(sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);
	return (struct slice){text, text ? (size_t)sqlite3_value_bytes(value) : 0};
}

int meter__store_value_decimal(sqlite3_value *value, struct decimal *out)
{
	int type = sqlite3_value_type(value);
	if (type == SQLITE_INTEGER) {
		*out = meter__decimal_from_int(sqlite3_value_int64(value));
		return METER_OK;
	}
	struct slice text = meter__store_value_slice(value);
	if (type != SQLITE_TEXT || !text.data || meter__decimal_parse(out, text.data, text.size) != METER_OK)
		return meter__fail(METER_ECORRUPT, "the file holds a value that is no decimal");
	return METER_OK;
}

int meter__store_column_decimal(sqlite3_stmt *statement, int column, struct decimal *out)
{
	return meter__store_value_decimal(sqlite3_column_value(statement, column), out);
}

/* Columns of an aggregate, in this order everywhere. */
enum { AGGREGATE_EVENTS, AGGREGATE_UNMEASURED, AGGREGATE_VALUE, AGGREGATE_AT };

void meter__store_result_aggregate(sqlite3_context *context, const struct aggregate *a, enum aggregation aggregation, int column)
{
	switch (column) {
	case AGGREGATE_EVENTS:
		sqlite3_result_int64(context, a->events);
		return;
	case AGGREGATE_UNMEASURED:
		sqlite3_result_int64(context, a->unmeasured);
		return;
	case AGGREGATE_VALUE:
		if (a->is_overflow)
			sqlite3_result_text(context, overflow_text.data, (int)overflow_text.size, SQLITE_STATIC);
		else if (a->events > 0)
			meter__store_result_decimal(context, a->value);
		return; /* otherwise NULL, the default */
	case AGGREGATE_AT:
		if (a->events > 0 && aggregation == AGGREGATION_LATEST)
			sqlite3_result_int64(context, a->at_us);
		return;
	default:
		return;
	}
}

int meter__store_values_aggregate(sqlite3_value **values, enum aggregation aggregation, struct aggregate *out)
{
	*out = (struct aggregate){0};
	if (sqlite3_value_type(values[AGGREGATE_EVENTS]) != SQLITE_INTEGER ||
	    sqlite3_value_type(values[AGGREGATE_UNMEASURED]) != SQLITE_INTEGER)
		return meter__fail(METER_ECORRUPT, "a bucket has no counts");
	out->events = sqlite3_value_int64(values[AGGREGATE_EVENTS]);
	out->unmeasured = sqlite3_value_int64(values[AGGREGATE_UNMEASURED]);
	if (out->events < 0 || out->unmeasured < 0)
		return meter__fail(METER_ECORRUPT, "a bucket has a negative count");
	if (out->events == 0)
		return METER_OK;
	if (aggregation == AGGREGATION_LATEST) {
		if (sqlite3_value_type(values[AGGREGATE_AT]) != SQLITE_INTEGER)
			return meter__fail(METER_ECORRUPT, "a bucket of a latest value has no time");
		out->at_us = sqlite3_value_int64(values[AGGREGATE_AT]);
	}
	if (sqlite3_value_type(values[AGGREGATE_VALUE]) == SQLITE_TEXT &&
	    meter__slice_equal(meter__store_value_slice(values[AGGREGATE_VALUE]), overflow_text)) {
		out->is_overflow = true;
		return METER_OK;
	}
	return meter__store_value_decimal(values[AGGREGATE_VALUE], &out->value);
}

int meter__store_columns_aggregate(sqlite3_stmt *statement, int first, enum aggregation aggregation, struct aggregate *out)
{
	sqlite3_value *values[4];
	for (int i = 0; i < 4; i++)
		values[i] = sqlite3_column_value(statement, first + i);
	return meter__store_values_aggregate(values, aggregation, out);
}
