/*
 * event.c - the one gate that an event passes, and the record in which it then waits for the writer.
 *
 * Up to a million events a second come through here on the threads of the host, so nothing allocates and texts are checked eight
 * bytes at a time. What passed the gate fits the fixed-width lengths of the record: the static assertions below say so.
 */
#include "event.h"

#include <string.h>

#include "error.h"
#include "instant.h"

#define EACH(byte) (UINT64_MAX / 255 * (uint64_t)(byte))

/* No padding, so that a record has no bytes that nobody wrote. */
struct record_header {
	int64_t timestamp_us;
	int64_t sequence;
	int64_t coefficient;
	int32_t scale;
	uint32_t property_count;
	uint16_t subscription_size;
	uint16_t id_size;
	uint16_t type_size;
	uint16_t source_size; /* 0: absent */
};

struct record_property {
	uint32_t name_size;
	uint32_t value_size;
};

_Static_assert(sizeof(struct record_header) == 40, "the header has no padding");
_Static_assert(sizeof(struct record_header) + EVENT_PROPERTIES_MAX * sizeof(struct record_property) + EVENT_SUBSCRIPTION_MAX +
                               EVENT_ID_MAX + EVENT_TYPE_MAX + EVENT_SOURCE_MAX + EVENT_PROPERTIES_SIZE_MAX <=
                       EVENT_ENCODED_MAX,
               "the largest event fits");
_Static_assert(EVENT_PROPERTIES_SIZE_MAX <= UINT32_MAX && EVENT_ID_MAX <= UINT16_MAX && EVENT_SOURCE_MAX <= UINT16_MAX,
               "sizes fit into their fields");

/* Whether some byte is a control character or NUL. high collects all bits of the text. */
static bool has_control(struct slice s, uint64_t *high)
{
	size_t at = 0;
	for (; s.size - at >= 8; at += 8) {
		uint64_t word;
		memcpy(&word, s.data + at, 8);
		uint64_t delete = word ^ EACH(0x7f);
		if ((((word - EACH(0x20)) & ~word) | ((delete - EACH(1)) & ~delete)) & EACH(0x80))
			return true;
		*high |= word;
	}
	for (; at < s.size; at++) {
		unsigned char c = (unsigned char)s.data[at];
		if (c < 0x20 || c == 0x7f)
			return true;
		*high |= c;
	}
	return false;
}

static int check_text(const char *field, struct slice s, size_t size_max)
{
	if (s.data == NULL || s.size == 0)
		return meter__fail(METER_EINVAL, "%s: missing or empty; 1..%zu bytes were expected", field, size_max);
	if (s.size > size_max) {
		return meter__fail(METER_EINVAL, "%s: longer than %zu bytes; 1..%zu bytes were expected", field, size_max,
		                   size_max);
	}
	uint64_t high = 0;
	if (has_control(s, &high))
		return meter__fail(METER_EINVAL, "%s: \"%.*s\" has a control character", field, (int)s.size, s.data);
	if ((high & EACH(0x80)) != 0 && !meter__utf8_valid(s.data, s.size))
		return meter__fail(METER_EINVAL, "%s: \"%.*s\" is not valid UTF-8", field, (int)s.size, s.data);
	return METER_OK;
}

static int check_timestamp(int64_t timestamp_us, int64_t now_us)
{
	if (timestamp_us < 0 || timestamp_us > INSTANT_MAX) {
		return meter__fail(METER_EINVAL, "timestamp: %lld is outside 0..%lld microseconds since 1970",
		                   (long long)timestamp_us, (long long)INSTANT_MAX);
	}
	if (timestamp_us > EVENT_FUTURE_MAX_US && timestamp_us - EVENT_FUTURE_MAX_US > now_us) {
		char text[INSTANT_TEXT_SIZE];
		meter__instant_format(text, timestamp_us);
		return meter__fail(METER_EINVAL, "timestamp: %s is more than 5 minutes ahead of the clock", text);
	}
	return METER_OK;
}

static int check_key(const struct event *e, int64_t now_us)
{
	int status = check_text("subscription", e->subscription, EVENT_SUBSCRIPTION_MAX);
	if (status == METER_OK)
		status = check_text("id", e->id, EVENT_ID_MAX);
	if (status == METER_OK)
		status = check_text("type", e->type, EVENT_TYPE_MAX);
	return status == METER_OK ? check_timestamp(e->timestamp_us, now_us) : status;
}

static int check_value(struct decimal value)
{
	if (meter__decimal_is_event_value(value))
		return METER_OK;
	char text[DECIMAL_TEXT_SIZE];
	meter__decimal_format(text, value);
	if (value.scale > 18)
		return meter__fail(METER_EINVAL, "value: %s has %d decimals; at most 18 were expected", text, (int)value.scale);
	return meter__fail(METER_EINVAL,
	                   "value: %s is too long; its digits without the point were expected within -9223372036854775808.."
	                   "9223372036854775807",
	                   text);
}

static int check_origin(const struct event *e)
{
	if (e->source.data != NULL) {
		int status = check_text("source", e->source, EVENT_SOURCE_MAX);
		if (status != METER_OK)
			return status;
	}
	if (e->sequence < 0 && e->sequence != METER_NO_SEQUENCE)
		return meter__fail(METER_EINVAL, "sequence: %lld is outside 0..9223372036854775807", (long long)e->sequence);
	return METER_OK;
}

static int check_property_count(size_t count)
{
	if (count > EVENT_PROPERTIES_MAX) {
		return meter__fail(METER_EINVAL, "properties: there are %zu; at most %d were expected", count,
		                   EVENT_PROPERTIES_MAX);
	}
	return METER_OK;
}

/* Few, and mostly in order already. */
static void sort_properties(struct property *properties, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct property moving = properties[i];
		size_t at = i;
		for (; at > 0 && meter__slice_compare(properties[at - 1].name, moving.name) > 0; at--)
			properties[at] = properties[at - 1];
		properties[at] = moving;
	}
}

static int check_properties(struct property *properties, size_t count)
{
	int status = check_property_count(count);
	size_t size = 0;
	for (size_t i = 0; status == METER_OK && i < count; i++) {
		struct slice name = properties[i].name;
		struct slice value = properties[i].value;
		status = check_text("properties: a name", name, EVENT_PROPERTY_NAME_MAX);
		if (status != METER_OK)
			return status;
		if (value.data == NULL)
			return meter__fail(METER_EINVAL, "properties: \"%.*s\" has no value", (int)name.size, name.data);
		/* Each size by itself first: the sum cannot wrap then. */
		if (value.size > EVENT_PROPERTIES_SIZE_MAX || (size += name.size + value.size) > EVENT_PROPERTIES_SIZE_MAX) {
			return meter__fail(METER_EINVAL,
			                   "properties: names and values up to \"%.*s\" have more than %d bytes together",
			                   (int)name.size, name.data, EVENT_PROPERTIES_SIZE_MAX);
		}
		uint64_t high = 0;
		if ((has_control(value, &high) || (high & EACH(0x80)) != 0) && !meter__utf8_valid(value.data, value.size)) {
			return meter__fail(METER_EINVAL, "properties: the value of \"%.*s\" is not valid UTF-8 without NUL",
			                   (int)name.size, name.data);
		}
	}
	if (status != METER_OK)
		return status;
	sort_properties(properties, count);
	for (size_t i = 1; i < count; i++) {
		struct slice name = properties[i].name;
		if (meter__slice_equal(properties[i - 1].name, name))
			return meter__fail(METER_EINVAL, "properties: \"%.*s\" is repeated", (int)name.size, name.data);
	}
	return METER_OK;
}

/* ---- events that take another one back ---- */

static const struct slice reserved_prefix = SLICE("meter."), reference_id = SLICE("meter.id"),
			  reference_timestamp = SLICE("meter.timestamp"), type_retract = SLICE(EVENT_TYPE_RETRACT);

bool meter__event_is_reserved(struct slice name)
{
	return name.size >= reserved_prefix.size && memcmp(name.data, reserved_prefix.data, reserved_prefix.size) == 0;
}

bool meter__event_reference(const struct event *e, int64_t *timestamp_us_out, struct slice *id_out)
{
	const struct slice timestamp = meter__event_property(e, reference_timestamp);
	*id_out = meter__event_property(e, reference_id);
	return id_out->data && timestamp.data &&
	       meter__instant_parse(timestamp_us_out, timestamp.data, timestamp.size, METER_TIME_RFC3339) == METER_OK;
}

static int check_reference(const struct event *e)
{
	const struct slice id = meter__event_property(e, reference_id);
	const struct slice timestamp = meter__event_property(e, reference_timestamp);
	int64_t timestamp_us;
	if (!id.data || !timestamp.data)
		return meter__fail(METER_EINVAL, "properties: meter.id and meter.timestamp belong together");
	int status = check_text("properties: meter.id", id, EVENT_ID_MAX);
	if (status == METER_OK)
		status = meter__instant_parse(&timestamp_us, timestamp.data, timestamp.size, METER_TIME_RFC3339);
	if (status != METER_OK)
		return meter__fail_in(METER_EINVAL, "properties: meter.timestamp: ");
	if (timestamp_us == e->timestamp_us && meter__slice_equal(id, e->id))
		return meter__fail(METER_EINVAL, "properties: the event takes itself back");
	return METER_OK;
}

/* What begins with "meter." means something to the library, or is refused: so that it can come to mean something. */
static int check_reserved(const struct event *e)
{
	const bool is_retract = meter__slice_equal(e->type, type_retract);
	bool has_reference = is_retract;
	if (meter__event_is_reserved(e->type) && !is_retract) {
		int status =
			meter__fail_value(METER_EINVAL, e->type.data, e->type.size, "types that begin with meter. are reserved");
		return meter__fail_in(status, "type: ");
	}
	for (size_t i = 0; i < e->property_count; i++) {
		const struct slice name = e->properties[i].name;
		if (!meter__event_is_reserved(name))
			continue;
		if (!meter__slice_equal(name, reference_id) && !meter__slice_equal(name, reference_timestamp))
			return meter__fail(METER_EINVAL, "properties: \"%.*s\": names that begin with meter. are reserved",
			                   (int)name.size, name.data);
		has_reference = true;
	}
	return has_reference ? check_reference(e) : METER_OK;
}

int meter__event_check(struct event *e, int64_t now_us)
{
	int status = check_key(e, now_us);
	if (status == METER_OK)
		status = check_value(e->value);
	if (status == METER_OK)
		status = check_origin(e);
	if (status == METER_OK)
		status = check_properties(e->properties, e->property_count);
	return status == METER_OK ? check_reserved(e) : status;
}

/* A text without a stated size is read to one byte behind size_max at most: enough to see that it is too long. */
static struct slice public_text(const char *data, size_t size, size_t size_max)
{
	if (data == NULL)
		return (struct slice){NULL, 0};
	return (struct slice){data, size == METER_NUL_TERMINATED ? strnlen(data, size_max + 1) : size};
}

static int value_from_public(struct decimal *out, const meter_event *in)
{
	*out = DECIMAL_ONE;
	if (in->value == NULL)
		return METER_OK;
	size_t size = in->value_size == METER_NUL_TERMINATED ? strlen(in->value) : in->value_size;
	if (meter__decimal_parse(out, in->value, size) != METER_OK)
		return meter__fail_in(METER_EINVAL, "value: ");
	return check_value(*out);
}

static int properties_from_public(struct event *out, struct property *properties, const meter_event *in)
{
	int status = check_property_count(in->property_count);
	if (status != METER_OK)
		return status;
	if (in->properties == NULL && in->property_count > 0)
		return meter__fail(METER_EINVAL, "properties: NULL with a count of %zu", in->property_count);
	for (size_t i = 0; i < in->property_count; i++) {
		const meter_property *p = &in->properties[i];
		properties[i].name = public_text(p->name, p->name_size, EVENT_PROPERTY_NAME_MAX);
		properties[i].value = public_text(p->value, p->value_size, EVENT_PROPERTIES_SIZE_MAX);
	}
	out->properties = properties;
	out->property_count = in->property_count;
	return check_properties(properties, in->property_count);
}

int meter__event_from_public(struct event *out, struct property *properties, const meter_event *in, int64_t now_us)
{
	meter_event full = METER_EVENT_INIT;
	if (in->struct_size != sizeof(full)) {
		if (in->struct_size < offsetof(meter_event, value) || in->struct_size > sizeof(full)) {
			return meter__fail(METER_EINVAL, "struct_size: %zu is outside %zu..%zu; METER_EVENT_INIT sets it",
			                   in->struct_size, offsetof(meter_event, value), sizeof(full));
		}
		memcpy(&full, in, in->struct_size);
		in = &full;
	}
	out->subscription = public_text(in->subscription, in->subscription_size, EVENT_SUBSCRIPTION_MAX);
	out->id = public_text(in->id, in->id_size, EVENT_ID_MAX);
	out->type = public_text(in->type, in->type_size, EVENT_TYPE_MAX);
	out->timestamp_us = in->timestamp_us;
	out->source = public_text(in->source, in->source_size, EVENT_SOURCE_MAX);
	out->sequence = in->sequence;
	int status = check_key(out, now_us);
	if (status == METER_OK)
		status = value_from_public(&out->value, in);
	if (status == METER_OK)
		status = check_origin(out);
	return status == METER_OK ? properties_from_public(out, properties, in) : status;
}

struct slice meter__event_property(const struct event *e, struct slice name)
{
	for (size_t i = 0; i < e->property_count; i++)
		if (meter__slice_equal(e->properties[i].name, name))
			return e->properties[i].value;
	return (struct slice){NULL, 0};
}

size_t meter__event_encoded_size(const struct event *e)
{
	size_t size = sizeof(struct record_header) + e->property_count * sizeof(struct record_property) + e->subscription.size +
	              e->id.size + e->type.size + e->source.size;
	for (size_t i = 0; i < e->property_count; i++)
		size += e->properties[i].name.size + e->properties[i].value.size;
	return size;
}

static char *put(char *to, struct slice s)
{
	if (s.size > 0)
		memcpy(to, s.data, s.size);
	return to + s.size;
}

void meter__event_encode(const struct event *e, char *out)
{
	struct record_header header = {
		.timestamp_us = e->timestamp_us,
		.sequence = e->sequence,
		.coefficient = (int64_t)e->value.coefficient,
		.scale = e->value.scale,
		.property_count = (uint32_t)e->property_count,
		.subscription_size = (uint16_t)e->subscription.size,
		.id_size = (uint16_t)e->id.size,
		.type_size = (uint16_t)e->type.size,
		.source_size = (uint16_t)e->source.size,
	};
	memcpy(out, &header, sizeof(header));
	char *sizes = out + sizeof(header);
	char *to = sizes + e->property_count * sizeof(struct record_property);
	to = put(to, e->subscription);
	to = put(to, e->id);
	to = put(to, e->type);
	to = put(to, e->source);
	for (size_t i = 0; i < e->property_count; i++) {
		const struct property *p = &e->properties[i];
		struct record_property size = {(uint32_t)p->name.size, (uint32_t)p->value.size};
		memcpy(sizes, &size, sizeof(size));
		sizes += sizeof(size);
		to = put(to, p->name);
		to = put(to, p->value);
	}
}

static struct slice take(const char **from, size_t size)
{
	struct slice s = {*from, size};
	*from += size;
	return s;
}

void meter__event_decode(struct event *out, struct property *properties, const char *record)
{
	struct record_header header;
	memcpy(&header, record, sizeof(header));
	const char *sizes = record + sizeof(header);
	const char *from = sizes + header.property_count * sizeof(struct record_property);
	out->timestamp_us = header.timestamp_us;
	out->sequence = header.sequence;
	out->value = (struct decimal){header.coefficient, header.scale};
	out->subscription = take(&from, header.subscription_size);
	out->id = take(&from, header.id_size);
	out->type = take(&from, header.type_size);
	out->source = take(&from, header.source_size);
	if (header.source_size == 0)
		out->source.data = NULL;
	for (size_t i = 0; i < header.property_count; i++) {
		struct record_property size;
		memcpy(&size, sizes, sizeof(size));
		sizes += sizeof(size);
		properties[i].name = take(&from, size.name_size);
		properties[i].value = take(&from, size.value_size);
	}
	out->properties = properties;
	out->property_count = header.property_count;
}

int64_t meter__event_record_timestamp(const char *record)
{
	int64_t timestamp_us;
	memcpy(&timestamp_us, record + offsetof(struct record_header, timestamp_us), sizeof(timestamp_us));
	return timestamp_us;
}

struct slice meter__event_record_subscription(const char *record)
{
	struct record_header header;
	memcpy(&header, record, sizeof(header));
	return (struct slice){record + sizeof(header) + header.property_count * sizeof(struct record_property),
	                      header.subscription_size};
}

struct slice meter__event_record_id(const char *record)
{
	struct record_header header;
	memcpy(&header, record, sizeof(header));
	struct slice subscription = meter__event_record_subscription(record);
	return (struct slice){subscription.data + subscription.size, header.id_size};
}

/* ---- properties as JSON ---- */

void meter__properties_write(struct buffer *out, const struct property *properties, size_t count)
{
	meter__buffer_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			meter__buffer_char(out, ',');
		meter__buffer_json(out, properties[i].name);
		meter__buffer_char(out, ':');
		if (properties[i].value.data == NULL)
			meter__buffer_text(out, "null");
		else
			meter__buffer_json(out, properties[i].value);
	}
	meter__buffer_char(out, '}');
}

void meter__property_names_write(struct buffer *out, const struct property *properties, size_t count)
{
	meter__buffer_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			meter__buffer_char(out, ',');
		meter__buffer_json(out, properties[i].name);
	}
	meter__buffer_char(out, ']');
}

#define INTEGER_DIGITS_MAX 18 /* within int64, so that SQL reads it as the same integer */

static bool is_plain_integer(struct slice s)
{
	size_t at = s.size > 0 && s.data[0] == '-';
	size_t digits = s.size - at;
	if (digits == 0 || digits > INTEGER_DIGITS_MAX || (s.data[at] == '0' && s.size > 1))
		return false;
	for (; at < s.size; at++) {
		if (s.data[at] < '0' || s.data[at] > '9')
			return false;
	}
	return true;
}

void meter__property_values_write(struct buffer *out, const struct property *properties, size_t count)
{
	meter__buffer_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			meter__buffer_char(out, ',');
		if (is_plain_integer(properties[i].value))
			meter__buffer_slice(out, properties[i].value);
		else
			meter__buffer_json(out, properties[i].value);
	}
	meter__buffer_char(out, ']');
}
