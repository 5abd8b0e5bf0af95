/*
 * event_json.c - events to and from JSON.
 *
 * A line is read once, from front to back. Which of the two forms it has is known only when all names were seen ("specversion"
 * may come last), so the members are collected first and given their meaning at the end. The members of properties and data can
 * share one array: a line that has both is an error in either form.
 */
#include "event_json.h"

#include <string.h>

#include "error.h"
#include "instant.h"
#include "json.h"

enum field {
	FIELD_ID,
	FIELD_SUBSCRIPTION,
	FIELD_TYPE,
	FIELD_TIMESTAMP,
	FIELD_VALUE,
	FIELD_PROPERTIES,
	FIELD_SOURCE,
	FIELD_SEQUENCE,
	/* From here on only in a CloudEvent. */
	FIELD_SPECVERSION,
	FIELD_SUBJECT,
	FIELD_TIME,
	FIELD_DATA,
	FIELD_DATA_BASE64,
	FIELD_COUNT,
};

static const struct slice field_names[FIELD_COUNT] = {
	SLICE("id"),         SLICE("subscription"), SLICE("type"),        SLICE("timestamp"),   SLICE("value"),
	SLICE("properties"), SLICE("source"),       SLICE("sequence"),    SLICE("specversion"), SLICE("subject"),
	SLICE("time"),       SLICE("data"),         SLICE("data_base64"),
};

#define OTHER_NAMES_MAX 64

struct line {
	struct json json;
	struct json_value fields[FIELD_COUNT]; /* those that were seen */
	uint32_t seen;                         /* a bit per field */
	size_t other_count;
	struct slice others[OTHER_NAMES_MAX]; /* the names of extension attributes, or of mistakes */
	struct property *properties;          /* what properties or data had, whichever was read last */
	size_t property_count;
	struct json_value value_member; /* its member "value"; JSON_NULL when there is none */
};

static const char *field_name(enum field field)
{
	return field_names[field].data;
}

static bool has(const struct line *line, enum field field)
{
	return (line->seen >> field & 1) != 0;
}

/* How much of a name of any size goes into a message. */
static int shown_size(struct slice s)
{
	return s.size < EVENT_PROPERTY_NAME_MAX ? (int)s.size : EVENT_PROPERTY_NAME_MAX;
}

/* null stands for a field that is not there. */
static bool is_given(const struct line *line, enum field field)
{
	return has(line, field) && line->fields[field].kind != JSON_NULL;
}

static int read_whole_value(struct json *j, struct json_value *out)
{
	int status = meter__json_value(j, out);
	if (status == METER_OK && (out->kind == JSON_OBJECT || out->kind == JSON_ARRAY))
		status = meter__json_skip(j, out);
	return status;
}

/* The members of an object whose opening was read. Null values become absent slices. value_out: the member "value", if it comes.
 */
static int read_members(struct json *j, const char *field, struct property *properties, size_t room, size_t *count_out,
                        struct json_value *value_out)
{
	size_t count = 0;
	for (bool first = true;; first = false) {
		struct slice name;
		int status = meter__json_member(j, &name, first);
		if (status == METER_EEND) {
			*count_out = count;
			return METER_OK;
		}
		struct json_value value;
		if (status == METER_OK)
			status = read_whole_value(j, &value);
		if (status != METER_OK)
			return status;
		if (count == room)
			return meter__fail(METER_EINVAL, "%s: more than %zu members", field, room);
		if (value.kind == JSON_NULL)
			value.text = (struct slice){NULL, 0};
		properties[count++] = (struct property){name, value.text};
		if (value_out != NULL && meter__slice_equal(name, field_names[FIELD_VALUE]))
			*value_out = value;
	}
}

static bool has_name(const struct property *properties, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (meter__slice_equal(properties[i].name, name))
			return true;
	return false;
}

/* Take out the members that are null. meter__event_check() finds the names repeated among the others, but never sees these. */
static int drop_nulls(struct line *line, const char *field)
{
	struct property *properties = line->properties;
	size_t kept = 0;
	for (size_t i = 0; i < line->property_count; i++) {
		struct slice name = properties[i].name;
		if (properties[i].value.data != NULL)
			properties[kept++] = properties[i];
		else if (has_name(properties, kept, name) || has_name(properties + i + 1, line->property_count - i - 1, name))
			return meter__fail(METER_EINVAL, "%s: \"%.*s\" is repeated", field, shown_size(name), name.data);
	}
	line->property_count = kept;
	return METER_OK;
}

static int read_properties(struct line *line, enum field field)
{
	line->value_member.kind = JSON_NULL;
	int status = read_members(&line->json, field_name(field), line->properties, EVENT_PROPERTIES_MAX, &line->property_count,
	                          &line->value_member);
	return status == METER_OK ? drop_nulls(line, field_name(field)) : status;
}

static int read_field(struct line *line, enum field field)
{
	if (has(line, field))
		return meter__fail(METER_EINVAL, "%s: repeated", field_name(field));
	line->seen |= UINT32_C(1) << field;
	struct json_value *value = &line->fields[field];
	int status = meter__json_value(&line->json, value);
	if (status != METER_OK || (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY))
		return status;
	if (value->kind == JSON_OBJECT && (field == FIELD_PROPERTIES || field == FIELD_DATA))
		return read_properties(line, field);
	return meter__json_skip(&line->json, value);
}

static int read_other(struct line *line, struct slice name)
{
	for (size_t i = 0; i < line->other_count; i++)
		if (meter__slice_equal(line->others[i], name))
			return meter__fail(METER_EINVAL, "%.*s: repeated", shown_size(name), name.data);
	if (line->other_count == OTHER_NAMES_MAX) {
		return meter__fail(METER_EINVAL, "%.*s: the event has more than %d unknown names", shown_size(name), name.data,
		                   OTHER_NAMES_MAX);
	}
	line->others[line->other_count++] = name;
	struct json_value ignored;
	return read_whole_value(&line->json, &ignored);
}

static int read_line(struct line *line)
{
	struct json_value root;
	int status = meter__json_value(&line->json, &root);
	if (status == METER_OK && root.kind != JSON_OBJECT)
		return meter__fail(METER_EINVAL, "column 1: an object was expected");
	for (bool first = true; status == METER_OK; first = false) {
		struct slice name;
		status = meter__json_member(&line->json, &name, first);
		if (status == METER_EEND)
			return meter__json_end(&line->json);
		if (status != METER_OK)
			return status;
		enum field field = FIELD_ID;
		while (field < FIELD_COUNT &&
		       (field_names[field].size != name.size || memcmp(field_names[field].data, name.data, name.size) != 0))
			field++;
		status = field < FIELD_COUNT ? read_field(line, field) : read_other(line, name);
	}
	return status;
}

static int get_text(struct slice *out, const struct line *line, enum field field)
{
	*out = (struct slice){NULL, 0};
	if (!is_given(line, field))
		return METER_OK;
	if (line->fields[field].kind != JSON_STRING)
		return meter__fail(METER_EINVAL, "%s: text was expected", field_name(field));
	*out = line->fields[field].text;
	return METER_OK;
}

static bool is_text_or_number(struct json_value v)
{
	return v.kind == JSON_STRING || v.kind == JSON_NUMBER;
}

static int get_time(int64_t *out, const struct line *line, enum field field, int32_t time_format)
{
	struct json_value value = line->fields[field];
	bool is_rfc3339 = time_format == METER_TIME_RFC3339 || time_format == METER_TIME_UTC;
	if (!is_given(line, field))
		return meter__fail(METER_EINVAL, "%s: missing", field_name(field));
	if (is_rfc3339 ? value.kind != JSON_STRING : !is_text_or_number(value)) {
		return meter__fail(METER_EINVAL, "%s: %s was expected", field_name(field),
		                   is_rfc3339 ? "text like \"2026-01-31T23:59:59Z\"" : "a number or its text");
	}
	if (meter__instant_parse(out, value.text.data, value.text.size, time_format) != METER_OK)
		return meter__fail_in(METER_EINVAL, "%s: ", field_name(field));
	return METER_OK;
}

static int get_decimal(struct decimal *out, struct json_value value, const char *field)
{
	if (!is_text_or_number(value))
		return meter__fail(METER_EINVAL, "%s: a decimal like 120 or \"0.5\" was expected", field);
	if (meter__decimal_parse(out, value.text.data, value.text.size) != METER_OK)
		return meter__fail_in(METER_EINVAL, "%s: ", field);
	return METER_OK;
}

static int get_sequence(int64_t *out, const struct line *line)
{
	*out = METER_NO_SEQUENCE;
	if (!is_given(line, FIELD_SEQUENCE))
		return METER_OK;
	struct decimal n;
	int status = get_decimal(&n, line->fields[FIELD_SEQUENCE], "sequence");
	if (status != METER_OK)
		return status;
	if (n.scale > 0 || n.coefficient < 0 || n.coefficient > INT64_MAX) {
		char text[DECIMAL_TEXT_SIZE];
		meter__decimal_format(text, n);
		return meter__fail(METER_EINVAL, "sequence: %s is no integer within 0..9223372036854775807", text);
	}
	*out = (int64_t)n.coefficient;
	return METER_OK;
}

static int from_own_form(struct event *out, const struct line *line, int32_t time_format)
{
	static const char expected[] =
		"unknown name; id, subscription, type, timestamp, value, properties, source and sequence were "
		"expected, or a CloudEvent with specversion";
	if (line->other_count > 0)
		return meter__fail(METER_EINVAL, "%.*s: %s", shown_size(line->others[0]), line->others[0].data, expected);
	for (enum field field = FIELD_SPECVERSION; field < FIELD_COUNT; field++)
		if (has(line, field))
			return meter__fail(METER_EINVAL, "%s: %s", field_name(field), expected);
	if (is_given(line, FIELD_PROPERTIES) && line->fields[FIELD_PROPERTIES].kind != JSON_OBJECT)
		return meter__fail(METER_EINVAL, "properties: an object was expected");
	int status = get_text(&out->subscription, line, FIELD_SUBSCRIPTION);
	if (status == METER_OK)
		status = get_text(&out->id, line, FIELD_ID);
	if (status == METER_OK)
		status = get_time(&out->timestamp_us, line, FIELD_TIMESTAMP, time_format);
	/* null is refused here: it is more likely an amount that got lost than a 1. */
	if (status == METER_OK && has(line, FIELD_VALUE))
		status = get_decimal(&out->value, line->fields[FIELD_VALUE], "value");
	return status == METER_OK ? get_sequence(&out->sequence, line) : status;
}

/* The id of a CloudEvent is unique only together with its source. With the size in front, ("a-b", "c") and ("a", "b-c") differ.
 */
static int compose_id(struct slice *out, struct slice source, struct slice id, struct buffer *scratch)
{
	if (source.size == 0)
		return meter__fail(METER_EINVAL, "source: missing or empty; 1..%d bytes were expected", EVENT_SOURCE_MAX);
	if (id.size == 0)
		return meter__fail(METER_EINVAL, "id: missing or empty; 1..%d bytes were expected", EVENT_ID_MAX);
	char *begin = scratch->data + scratch->size;
	size_t prefix_size = 0;
	for (size_t digit = 1; digit <= source.size; digit *= 10)
		prefix_size++;
	size_t size = prefix_size + 1;
	if (source.size > EVENT_ID_MAX || id.size > EVENT_ID_MAX || (size += source.size + id.size) > EVENT_ID_MAX) {
		return meter__fail(METER_EINVAL, "id: source and id of a CloudEvent are longer than %d bytes together",
		                   EVENT_ID_MAX);
	}
	meter__buffer_format(scratch, "%zu:", source.size);
	meter__buffer_slice(scratch, source);
	meter__buffer_slice(scratch, id);
	*out = (struct slice){begin, size};
	return METER_OK;
}

/* A number must be readable as a decimal; a text may be one, and otherwise is just a property. */
static int get_value_member(struct decimal *out, struct json_value member)
{
	if (!is_text_or_number(member))
		return METER_OK;
	/* Most texts are words: they need no message that nobody reads. */
	if (member.text.size == 0 || memchr("-0123456789", member.text.data[0], 11) == NULL)
		return METER_OK;
	struct decimal value;
	int status = meter__decimal_parse(&value, member.text.data, member.text.size);
	if (status == METER_OK) {
		*out = value;
		return METER_OK;
	}
	if (status == METER_EINVAL && member.kind == JSON_STRING)
		return METER_OK;
	return meter__fail_in(METER_EINVAL, "data: value: ");
}

static int from_cloudevent(struct event *out, const struct line *line, int32_t time_format, struct buffer *scratch)
{
	struct slice version;
	struct slice id;
	int status = get_text(&version, line, FIELD_SPECVERSION);
	if (status != METER_OK)
		return status;
	if (!meter__slice_equal(version, (struct slice)SLICE("1.0"))) {
		meter__fail_value(METER_EINVAL, version.data, version.size, "\"1.0\" was expected");
		return meter__fail_in(METER_EINVAL, "specversion: ");
	}
	if (is_given(line, FIELD_DATA_BASE64))
		return meter__fail(METER_EINVAL, "data_base64: data with an object was expected");
	if (is_given(line, FIELD_DATA) && line->fields[FIELD_DATA].kind != JSON_OBJECT)
		return meter__fail(METER_EINVAL, "data: an object was expected");
	if (is_given(line, FIELD_PROPERTIES) && line->fields[FIELD_PROPERTIES].kind == JSON_OBJECT)
		return meter__fail(METER_EINVAL, "properties: a CloudEvent has its properties in data");
	status = get_text(&out->subscription, line, FIELD_SUBJECT);
	if (status == METER_OK && out->subscription.size == 0)
		return meter__fail(METER_EINVAL, "subject: missing or empty; it names the subscription");
	if (status == METER_OK)
		status = get_text(&id, line, FIELD_ID);
	if (status == METER_OK)
		status = compose_id(&out->id, out->source, id, scratch);
	if (status == METER_OK)
		status = get_time(&out->timestamp_us, line, FIELD_TIME, time_format);
	return status == METER_OK ? get_value_member(&out->value, line->value_member) : status;
}

int meter__event_json_read(struct event *out, struct property *properties, struct buffer *scratch, const char *text, size_t size,
                           int32_t time_format, int64_t now_us)
{
	struct line line;
	line.seen = 0;
	line.other_count = 0;
	line.properties = properties;
	line.property_count = 0;
	line.value_member.kind = JSON_NULL;
	int status = meter__json_begin(&line.json, scratch, text, size);
	if (status != METER_OK)
		return status;
	/* Room for the id of a CloudEvent behind all strings. */
	if (meter__buffer_reserve(scratch, size + EVENT_ID_MAX) == NULL)
		return meter__fail(METER_ENOMEM, "out of memory for an event of %zu bytes", size);
	status = read_line(&line);
	if (status == METER_OK)
		status = get_text(&out->type, &line, FIELD_TYPE);
	if (status == METER_OK)
		status = get_text(&out->source, &line, FIELD_SOURCE);
	if (status != METER_OK)
		return status;
	out->value = DECIMAL_ONE;
	out->sequence = METER_NO_SEQUENCE;
	status = has(&line, FIELD_SPECVERSION) ? from_cloudevent(out, &line, time_format, scratch)
	                                       : from_own_form(out, &line, time_format);
	if (status != METER_OK)
		return status;
	out->properties = properties;
	out->property_count = line.property_count;
	return meter__event_check(out, now_us);
}

void meter__event_json_write(struct buffer *out, const struct event *e)
{
	char time[INSTANT_TEXT_SIZE];
	char value[DECIMAL_TEXT_SIZE];
	meter__instant_format(time, e->timestamp_us);
	meter__decimal_format(value, e->value);
	meter__buffer_text(out, "{\"id\":");
	meter__buffer_json(out, e->id);
	meter__buffer_text(out, ",\"subscription\":");
	meter__buffer_json(out, e->subscription);
	meter__buffer_text(out, ",\"type\":");
	meter__buffer_json(out, e->type);
	meter__buffer_format(out, ",\"timestamp\":\"%s\",\"value\":\"%s\"", time, value);
	if (e->property_count > 0) {
		meter__buffer_text(out, ",\"properties\":");
		meter__properties_write(out, e->properties, e->property_count);
	}
	if (e->source.data != NULL) {
		meter__buffer_text(out, ",\"source\":");
		meter__buffer_json(out, e->source);
	}
	if (e->sequence != METER_NO_SEQUENCE)
		meter__buffer_format(out, ",\"sequence\":%lld", (long long)e->sequence);
	meter__buffer_char(out, '}');
}

int meter__properties_read(struct property *properties, size_t room, size_t *count_out, struct buffer *scratch, const char *text,
                           size_t size)
{
	struct json j;
	struct json_value root;
	int status = meter__json_begin(&j, scratch, text, size);
	if (status == METER_OK)
		status = meter__json_value(&j, &root);
	if (status == METER_OK && root.kind != JSON_OBJECT)
		return meter__fail(METER_EINVAL, "column 1: an object was expected");
	if (status == METER_OK)
		status = read_members(&j, "properties", properties, room, count_out, NULL);
	return status == METER_OK ? meter__json_end(&j) : status;
}

/* The elements of an array of texts and numbers, in order. */
static int read_array(struct slice *out[], size_t room, size_t *count_out, struct buffer *scratch, struct slice text)
{
	struct json j;
	struct json_value value;
	int status = meter__json_begin(&j, scratch, text.data, text.size);
	if (status == METER_OK)
		status = meter__json_value(&j, &value);
	if (status == METER_OK && value.kind != JSON_ARRAY)
		return meter__fail(METER_EINVAL, "column 1: an array was expected");
	size_t count = 0;
	while (status == METER_OK && (status = meter__json_element(&j, count == 0)) == METER_OK) {
		if (count == room)
			return meter__fail(METER_EINVAL, "more than %zu elements", room);
		status = meter__json_value(&j, &value);
		if (status == METER_OK && value.kind != JSON_STRING && value.kind != JSON_NUMBER)
			return meter__fail(METER_EINVAL, "element %zu is neither text nor number", count);
		*out[count++] = value.text;
	}
	*count_out = count;
	return status == METER_EEND ? meter__json_end(&j) : status;
}

int meter__property_names_read(struct property *properties, size_t room, size_t *count_out, struct buffer *scratch,
                               struct slice text)
{
	struct slice *names[EVENT_PROPERTIES_MAX];
	if (room > EVENT_PROPERTIES_MAX)
		room = EVENT_PROPERTIES_MAX;
	for (size_t i = 0; i < room; i++)
		names[i] = &properties[i].name;
	return read_array(names, room, count_out, scratch, text);
}

int meter__property_values_read(struct property *properties, size_t count, struct buffer *scratch, struct slice text)
{
	struct slice *values[EVENT_PROPERTIES_MAX];
	size_t found = 0;
	if (count > EVENT_PROPERTIES_MAX)
		return meter__fail(METER_EINVAL, "%zu elements are too many", count);
	for (size_t i = 0; i < count; i++)
		values[i] = &properties[i].value;
	int status = read_array(values, count, &found, scratch, text);
	if (status == METER_OK && found != count)
		return meter__fail(METER_EINVAL, "%zu elements, %zu were expected", found, count);
	return status;
}
