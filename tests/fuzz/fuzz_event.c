/*
 * fuzz_event.c - any bytes as an event. Whatever is accepted has every promised property, fits its record, and is the same event
 * after encoding and decoding, and after writing and reading its JSON and its properties.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_json.h"

#define NOW INT64_C(1769904000000000) /* 2026-02-01T00:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "fuzz_event: %s; last message: %s\n", what, meter_errmsg());
		abort();
	}
}

static bool is_same_text(struct slice a, struct slice b)
{
	return (a.data == NULL) == (b.data == NULL) && a.size == b.size &&
	       (a.data == NULL || memcmp(a.data, b.data, a.size) == 0);
}

static bool is_same_properties(const struct property *a, const struct property *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_same_text(a[i].name, b[i].name) || !is_same_text(a[i].value, b[i].value))
			return false;
	return true;
}

static bool is_same_event(const struct event *a, const struct event *b)
{
	return is_same_text(a->subscription, b->subscription) && is_same_text(a->id, b->id) && is_same_text(a->type, b->type) &&
	       is_same_text(a->source, b->source) && a->timestamp_us == b->timestamp_us && a->sequence == b->sequence &&
	       a->value.coefficient == b->value.coefficient && a->value.scale == b->value.scale &&
	       a->property_count == b->property_count && is_same_properties(a->properties, b->properties, a->property_count);
}

static void require_promised(const struct event *e)
{
	require(e->subscription.size >= 1 && e->subscription.size <= EVENT_SUBSCRIPTION_MAX, "size of subscription");
	require(e->id.size >= 1 && e->id.size <= EVENT_ID_MAX, "size of id");
	require(e->type.size >= 1 && e->type.size <= EVENT_TYPE_MAX, "size of type");
	require(e->source.data == NULL || (e->source.size >= 1 && e->source.size <= EVENT_SOURCE_MAX), "size of source");
	require(e->timestamp_us >= 0 && e->timestamp_us <= NOW + EVENT_FUTURE_MAX_US, "range of timestamp");
	require(e->sequence >= METER_NO_SEQUENCE, "range of sequence");
	require(meter__decimal_is_event_value(e->value), "range of value");
	require(e->property_count <= EVENT_PROPERTIES_MAX, "number of properties");
	size_t size = 0;
	for (size_t i = 0; i < e->property_count; i++) {
		const struct property *p = &e->properties[i];
		size += p->name.size + p->value.size;
		require(p->name.size >= 1 && p->name.size <= EVENT_PROPERTY_NAME_MAX, "size of a property's name");
		require(i == 0 || meter__slice_compare(p[-1].name, p->name) < 0, "order of properties");
		require(p->value.data != NULL && meter__utf8_valid(p->value.data, p->value.size), "text of a property");
	}
	require(size <= EVENT_PROPERTIES_SIZE_MAX, "size of properties");
}

static void require_survives_encoding(const struct event *e)
{
	struct event back;
	struct property properties[EVENT_PROPERTIES_MAX];
	size_t size = meter__event_encoded_size(e);
	require(size <= EVENT_ENCODED_MAX, "size of the record");
	char *record = malloc(size);
	require(record != NULL, "no memory");
	meter__event_encode(e, record);
	meter__event_decode(&back, properties, record);
	require(is_same_event(e, &back), "another event after decoding");
	free(record);
}

static void require_survives_json(const struct event *e)
{
	struct event back;
	struct property properties[EVENT_PROPERTIES_MAX];
	struct buffer text = {0};
	struct buffer scratch = {0};
	size_t count;
	meter__event_json_write(&text, e);
	int status = meter__event_json_read(&back, properties, &scratch, text.data, text.size, METER_TIME_RFC3339, NOW);
	require(status == METER_OK && is_same_event(e, &back), "another event after writing");
	meter__buffer_reset(&text);
	meter__properties_write(&text, e->properties, e->property_count);
	status = meter__properties_read(properties, EVENT_PROPERTIES_MAX, &count, &scratch, text.data, text.size);
	require(status == METER_OK && count == e->property_count && is_same_properties(e->properties, properties, count),
	        "other properties after writing");
	meter__buffer_free(&text);
	meter__buffer_free(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int32_t formats[] = {METER_TIME_RFC3339, METER_TIME_S, METER_TIME_NS};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		struct buffer scratch = {0};
		int status = meter__event_json_read(&e, properties, &scratch, (const char *)data, size, formats[i], NOW);
		require(status == METER_OK || status == METER_EINVAL, "undocumented result");
		if (status == METER_OK) {
			require_promised(&e);
			require_survives_encoding(&e);
			require_survives_json(&e);
		} else {
			require(meter_errmsg()[0] != '\0', "no message");
		}
		meter__buffer_free(&scratch);
	}
	return 0;
}
