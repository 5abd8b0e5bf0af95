/* test_event.c - the gate of events, their record on the way to the writer, and their properties as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "instant.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1769904000000000) /* 2026-02-01T00:00:00Z */

static meter_event usual_event(void)
{
	meter_event e = METER_EVENT_INIT;
	e.subscription = "acme";
	e.id = "req-17";
	e.type = "llm.call";
	e.timestamp_us = NOW;
	return e;
}

static char *repeat(char c, size_t size)
{
	char *text = malloc(size + 1);
	assert_non_null(text);
	memset(text, c, size);
	text[size] = '\0';
	return text;
}

static void assert_slice(struct slice s, const char *expected)
{
	if (!meter__slice_equal(s, meter__slice_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.size, s.data, expected);
}

static void assert_refused(const meter_event *in, const char *message)
{
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	if (meter__event_from_public(&e, properties, in, NOW) != METER_EINVAL)
		fail_msg("accepted, though: %s", message);
	assert_string_equal(meter_errmsg(), message);
}

static void assert_accepted(const meter_event *in)
{
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	if (meter__event_from_public(&e, properties, in, NOW) != METER_OK)
		fail_msg("%s", meter_errmsg());
}

static void test_defaults_of_an_event(void **state)
{
	(void)state;
	meter_event in = usual_event();
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_OK);
	assert_slice(e.subscription, "acme");
	assert_slice(e.id, "req-17");
	assert_slice(e.type, "llm.call");
	assert_true(e.timestamp_us == NOW);
	assert_true(e.value.coefficient == 1 && e.value.scale == 0);
	assert_null(e.source.data);
	assert_true(e.sequence == METER_NO_SEQUENCE);
	assert_int_equal(e.property_count, 0);
}

static void test_sizes_count_not_the_nul(void **state)
{
	(void)state;
	const meter_property property = {"model!", "large!", 5, 5};
	meter_event in = usual_event();
	in.subscription_size = 2;
	in.id_size = 3;
	in.type_size = 3;
	in.value = "12.50!";
	in.value_size = 5;
	in.source = "gw-1!";
	in.source_size = 4;
	in.properties = &property;
	in.property_count = 1;
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_OK);
	assert_slice(e.subscription, "ac");
	assert_slice(e.id, "req");
	assert_slice(e.type, "llm");
	assert_slice(e.source, "gw-1");
	assert_true(e.value.coefficient == 125 && e.value.scale == 1);
	assert_slice(meter__event_property(&e, (struct slice)SLICE("model")), "large");
}

/* What an older program did not know has its default; its memory behind struct_size is not read. */
static void test_struct_size_decides_which_fields_are_there(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		bool is_accepted;
	} rows[] = {
		{0, false},
		{offsetof(meter_event, value) - 1, false},
		{offsetof(meter_event, value), true},
		{offsetof(meter_event, source), true},
		{sizeof(meter_event), true},
		{sizeof(meter_event) + 1, false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_event in = usual_event();
		in.value = "7";
		in.source = "gw";
		in.struct_size = rows[i].size;
		size_t size = rows[i].size > sizeof(in) ? sizeof(in) : rows[i].size > 8 ? rows[i].size : 8;
		meter_event *exact = malloc(size);
		assert_non_null(exact);
		memcpy(exact, &in, size);
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		int status = meter__event_from_public(&e, properties, exact, NOW);
		assert_int_equal(status, rows[i].is_accepted ? METER_OK : METER_EINVAL);
		if (rows[i].is_accepted) {
			assert_true(e.value.coefficient == (rows[i].size > offsetof(meter_event, value) ? 7 : 1));
			assert_int_equal(e.source.data != NULL, rows[i].size > offsetof(meter_event, source));
		} else {
			assert_memory_equal(meter_errmsg(), "struct_size: ", 13);
		}
		free(exact);
	}
}

static void test_texts_have_a_range_of_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t text;
		size_t size;
		size_t max;
	} fields[] = {
		{"subscription", offsetof(meter_event, subscription), offsetof(meter_event, subscription_size), 128},
		{"id", offsetof(meter_event, id), offsetof(meter_event, id_size), 256},
		{"type", offsetof(meter_event, type), offsetof(meter_event, type_size), 128},
		{"source", offsetof(meter_event, source), offsetof(meter_event, source_size), 256},
	};
	for (size_t i = 0; i < COUNT(fields); i++) {
		char message[128];
		char *text = repeat('x', fields[i].max + 1);
		for (int is_sized = 0; is_sized < 2; is_sized++) {
			meter_event in = usual_event();
			const char **field = (const char **)(void *)((char *)&in + fields[i].text);
			size_t *size = (size_t *)(void *)((char *)&in + fields[i].size);

			*field = text;
			*size = is_sized ? fields[i].max + 1 : METER_NUL_TERMINATED;
			snprintf(message, sizeof(message), "%s: longer than %zu bytes; 1..%zu bytes were expected",
			         fields[i].name, fields[i].max, fields[i].max);
			assert_refused(&in, message);
			*field = text + 1;
			*size = is_sized ? fields[i].max : METER_NUL_TERMINATED;
			assert_accepted(&in);
			*size = 1;
			assert_accepted(&in);
			*field = "";
			*size = is_sized ? 0 : METER_NUL_TERMINATED;
			snprintf(message, sizeof(message), "%s: missing or empty; 1..%zu bytes were expected", fields[i].name,
			         fields[i].max);
			assert_refused(&in, message);
			*field = NULL;
			if (strcmp(fields[i].name, "source") == 0)
				assert_accepted(&in);
			else
				assert_refused(&in, message);
		}
		free(text);
	}
}

static void test_texts_are_utf8_without_control_characters(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t size;
		const char *message; /* NULL: accepted */
	} rows[] = {
		{"\x1f", 1, "id: \"\\x1f\" has a control character"},
		{" ", 1, NULL},
		{"~", 1, NULL},
		{"\x7f", 1, "id: \"\\x7f\" has a control character"},
		{"a\nb", 3, "id: \"a\\x0ab\" has a control character"},
		{"1234567\x1f", 8, "id: \"1234567\\x1f\" has a control character"},
		{"1234567\x7f", 8, "id: \"1234567\\x7f\" has a control character"},
		{"12345678\t", 9, "id: \"12345678\\x09\" has a control character"},
		{"a\0b", 3, "id: \"a\" has a control character"},
		{"\xc3\xa9", 2, NULL},
		{"12345678\xc3\xa9", 10, NULL},
		{"\xc2\x80", 2, NULL}, /* U+0080 is no C0 control character */
		{"\xc3", 1, "id: \"\\xc3\" is not valid UTF-8"},
		{"1234567\xff", 8, "id: \"1234567\\xff\" is not valid UTF-8"},
		{"\xed\xa0\x80", 3, "id: \"\\xed\\xa0\\x80\" is not valid UTF-8"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_event in = usual_event();
		in.id = rows[i].text;
		in.id_size = rows[i].size;
		if (rows[i].message == NULL)
			assert_accepted(&in);
		else
			assert_refused(&in, rows[i].message);
	}
}

static void test_each_text_field_is_checked_for_control_characters(void **state)
{
	(void)state;
	const meter_property property = METER_PROPERTY("a\x01", "v");
	meter_event in = usual_event();
	in.subscription = "a\x01";
	assert_refused(&in, "subscription: \"a\\x01\" has a control character");
	in = usual_event();
	in.type = "a\x01";
	assert_refused(&in, "type: \"a\\x01\" has a control character");
	in = usual_event();
	in.source = "a\x01";
	assert_refused(&in, "source: \"a\\x01\" has a control character");
	in = usual_event();
	in.properties = &property;
	in.property_count = 1;
	assert_refused(&in, "properties: a name: \"a\\x01\" has a control character");
}

static void test_timestamp_range(void **state)
{
	(void)state;
	static const struct {
		int64_t timestamp_us;
		int64_t now_us;
		const char *message;
	} rows[] = {
		{0, NOW, NULL},
		{-1, NOW, "timestamp: -1 is outside 0..253402300799999999 microseconds since 1970"},
		{INT64_MIN, NOW, "timestamp: -9223372036854775808 is outside 0..253402300799999999 microseconds since 1970"},
		{INSTANT_MAX, INSTANT_MAX, NULL},
		{INSTANT_MAX + 1, INSTANT_MAX,
	         "timestamp: 253402300800000000 is outside 0..253402300799999999 microseconds since 1970"},
		{INT64_MAX, INT64_MAX, "timestamp: 9223372036854775807 is outside 0..253402300799999999 microseconds since 1970"},
		{NOW + 300000000, NOW, NULL},
		{NOW + 300000001, NOW, "timestamp: 2026-02-01T00:05:00.000001Z is more than 5 minutes ahead of the clock"},
		{INT64_C(1798761600000000), NOW, "timestamp: 2027-01-01T00:00:00Z is more than 5 minutes ahead of the clock"},
		{300000000, 0, NULL},
		{300000001, 0, "timestamp: 1970-01-01T00:05:00.000001Z is more than 5 minutes ahead of the clock"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_event in = usual_event();
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		in.timestamp_us = rows[i].timestamp_us;
		int status = meter__event_from_public(&e, properties, &in, rows[i].now_us);
		assert_int_equal(status, rows[i].message == NULL ? METER_OK : METER_EINVAL);
		if (rows[i].message != NULL)
			assert_string_equal(meter_errmsg(), rows[i].message);
	}
}

static void test_value_range(void **state)
{
	(void)state;
	static const char *const accepted[] = {
		"0",
		"-0.5",
		"007",
		"9223372036854775807",
		"-9223372036854775808",
		"0.000000000000000001",
		"9.223372036854775807",
		"0.1000000000000000000000", /* normal form: 0.1 */
	};
	static const struct {
		const char *text;
		const char *message;
	} refused[] = {
		{"9223372036854775808",
	         "value: 9223372036854775808 is too long; its digits without the point were expected within "
	         "-9223372036854775808..9223372036854775807"},
		{"-9223372036854775809",
	         "value: -9223372036854775809 is too long; its digits without the point were expected within "
	         "-9223372036854775808..9223372036854775807"},
		{"92233720368547758.08",
	         "value: 92233720368547758.08 is too long; its digits without the point were expected within "
	         "-9223372036854775808..9223372036854775807"},
		{"10.000000000000000001",
	         "value: 10.000000000000000001 is too long; its digits without the point were expected within "
	         "-9223372036854775808..9223372036854775807"},
		{"0.0000000000000000001", "value: 0.0000000000000000001 has 19 decimals; at most 18 were expected"},
	};
	/* Their wording belongs to decimal.c. */
	static const char *const unreadable[] = {"",   "1e3", "NaN",  "+1",  " 1",  "1,5",
	                                         ".5", "1.",  "0x1F", "inf", "--1", "1234567890123456789012345678901234567890"};
	meter_event in = usual_event();
	for (size_t i = 0; i < COUNT(accepted); i++) {
		in.value = accepted[i];
		assert_accepted(&in);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		in.value = refused[i].text;
		assert_refused(&in, refused[i].message);
	}
	for (size_t i = 0; i < COUNT(unreadable); i++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		in.value = unreadable[i];
		assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_EINVAL);
		assert_memory_equal(meter_errmsg(), "value: ", 7);
		assert_non_null(strstr(meter_errmsg(), unreadable[i]));
	}
}

static void test_sequence_range(void **state)
{
	(void)state;
	meter_event in = usual_event();
	in.sequence = 0;
	assert_accepted(&in);
	in.sequence = INT64_MAX;
	assert_accepted(&in);
	in.sequence = -2;
	assert_refused(&in, "sequence: -2 is outside 0..9223372036854775807");
}

static void test_property_count_is_limited(void **state)
{
	(void)state;
	char names[65][8];
	meter_property list[65];
	for (size_t i = 0; i < 65; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu", i);
		list[i] = (meter_property)METER_PROPERTY(names[i], "v");
	}
	meter_event in = usual_event();
	in.properties = list;
	in.property_count = 64;
	assert_accepted(&in);
	in.property_count = 65;
	assert_refused(&in, "properties: there are 65; at most 64 were expected");
	in.property_count = SIZE_MAX;
	assert_refused(&in, "properties: there are 18446744073709551615; at most 64 were expected");
	in.properties = NULL;
	in.property_count = 1;
	assert_refused(&in, "properties: NULL with a count of 1");
}

static void test_property_sizes_are_limited(void **state)
{
	(void)state;
	char *text = repeat('x', 131080);
	const struct {
		meter_property list[2];
		size_t count;
		const char *message;
	} rows[] = {
		{{{text, "", 128, 0}}, 1, NULL},
		{{{text, "", 129, 0}}, 1, "properties: a name: longer than 128 bytes; 1..128 bytes were expected"},
		{{{text, "", METER_NUL_TERMINATED, 0}},
	         1,
	         "properties: a name: longer than 128 bytes; 1..128 bytes were expected"},
		{{{"", "v", 0, 1}}, 1, "properties: a name: missing or empty; 1..128 bytes were expected"},
		{{{NULL, "v", 0, 1}}, 1, "properties: a name: missing or empty; 1..128 bytes were expected"},
		{{{"a", NULL, 1, 0}}, 1, "properties: \"a\" has no value"},
		{{{"a", text, 1, 131071}}, 1, NULL},
		{{{"a", text, 1, 131072}}, 1, "properties: names and values up to \"a\" have more than 131072 bytes together"},
		{{{"a", text, 1, METER_NUL_TERMINATED}},
	         1,
	         "properties: names and values up to \"a\" have more than 131072 bytes together"},
		{{{"a", text, 1, SIZE_MAX - 1}},
	         1,
	         "properties: names and values up to \"a\" have more than 131072 bytes together"},
		{{{"a", text, 1, 2000}, {"b", text, 1, 129070}}, 2, NULL},
		{{{"a", text, 1, 2000}, {"b", text, 1, 129071}},
	         2,
	         "properties: names and values up to \"b\" have more than 131072 bytes together"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_event in = usual_event();
		in.properties = rows[i].list;
		in.property_count = rows[i].count;
		if (rows[i].message == NULL)
			assert_accepted(&in);
		else
			assert_refused(&in, rows[i].message);
	}
	free(text);
}

static void test_property_values_may_have_any_character_but_nul(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		size_t size;
		bool is_accepted;
	} rows[] = {
		{"", 0, true},        {"\x01\t\n\r\x1f\x7f", 6, true}, {"\xc3\xa9", 2, true},
		{"a\0", 2, false},    {"12345678\0", 9, false},        {"\xc3", 1, false},
		{"\n\xff", 2, false},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const meter_property property = {"p", rows[i].value, 1, rows[i].size};
		meter_event in = usual_event();
		in.properties = &property;
		in.property_count = 1;
		if (rows[i].is_accepted)
			assert_accepted(&in);
		else
			assert_refused(&in, "properties: the value of \"p\" is not valid UTF-8 without NUL");
	}
}

static void test_properties_are_sorted_by_bytes(void **state)
{
	(void)state;
	static const meter_property list[] = {
		METER_PROPERTY("b", "1"), METER_PROPERTY("a", "2"),  METER_PROPERTY("\xc3\xa9", "3"),
		METER_PROPERTY("B", "4"), METER_PROPERTY("ab", "5"), METER_PROPERTY("a b", "6"),
	};
	static const char *const expected[] = {"B", "a", "a b", "ab", "b", "\xc3\xa9"};
	meter_event in = usual_event();
	in.properties = list;
	in.property_count = COUNT(list);
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_OK);
	assert_int_equal(e.property_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_slice(e.properties[i].name, expected[i]);
	assert_slice(meter__event_property(&e, (struct slice)SLICE("ab")), "5");
	assert_null(meter__event_property(&e, (struct slice)SLICE("A")).data);
}

static void test_a_property_must_not_be_repeated(void **state)
{
	(void)state;
	static const meter_property list[] = {METER_PROPERTY("b", "1"), METER_PROPERTY("a", "1"), METER_PROPERTY("b", "1")};
	meter_event in = usual_event();
	in.properties = list;
	in.property_count = 3;
	assert_refused(&in, "properties: \"b\" is repeated");
}

/* Each step repairs the field that the message before it named. */
static void test_fields_are_checked_in_the_documented_order(void **state)
{
	(void)state;
	static const char *const fields[] = {
		"subscription: ", "id: ", "type: ", "timestamp: ", "value: ", "source: ", "sequence: ", "properties: "};
	meter_event in = METER_EVENT_INIT;
	in.timestamp_us = -1;
	in.value = "x";
	in.source = "";
	in.sequence = -7;
	in.property_count = 1;
	for (size_t step = 0; step < COUNT(fields); step++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_EINVAL);
		assert_memory_equal(meter_errmsg(), fields[step], strlen(fields[step]));
		switch (step) {
		case 0:
			in.subscription = "acme";
			break;
		case 1:
			in.id = "1";
			break;
		case 2:
			in.type = "t";
			break;
		case 3:
			in.timestamp_us = 1;
			break;
		case 4:
			in.value = "1";
			break;
		case 5:
			in.source = NULL;
			break;
		case 6:
			in.sequence = 7;
			break;
		default:
			in.property_count = 0;
		}
	}
	assert_accepted(&in);
}

static void assert_same_event(const struct event *a, const struct event *b)
{
	assert_true(meter__slice_equal(a->subscription, b->subscription));
	assert_true(meter__slice_equal(a->id, b->id));
	assert_true(meter__slice_equal(a->type, b->type));
	assert_true((a->source.data == NULL) == (b->source.data == NULL));
	assert_true(a->source.data == NULL || meter__slice_equal(a->source, b->source));
	assert_true(a->timestamp_us == b->timestamp_us);
	assert_true(a->sequence == b->sequence);
	assert_int_equal(meter__decimal_compare(a->value, b->value), 0);
	assert_int_equal(a->property_count, b->property_count);
	for (size_t i = 0; i < a->property_count; i++) {
		assert_true(meter__slice_equal(a->properties[i].name, b->properties[i].name));
		assert_true(meter__slice_equal(a->properties[i].value, b->properties[i].value));
	}
}

/* Encodes into memory of exactly the promised size, so that a sanitizer sees a byte too many. */
static size_t assert_survives_encoding(const struct event *e)
{
	size_t size = meter__event_encoded_size(e);
	char *record = malloc(size);
	assert_non_null(record);
	meter__event_encode(e, record);
	struct event back;
	struct property properties[EVENT_PROPERTIES_MAX];
	meter__event_decode(&back, properties, record);
	assert_same_event(e, &back);
	free(record);
	return size;
}

static void test_encoding_keeps_the_event(void **state)
{
	(void)state;
	static const meter_property list[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("empty", ""),
	                                      METER_PROPERTY("n", "120")};
	static const char *const values[] = {"0", "-1.5", "9223372036854775807", "-9223372036854775808", "0.000000000000000001"};
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	for (size_t i = 0; i < COUNT(values); i++) {
		meter_event in = usual_event();
		in.value = values[i];
		in.source = i % 2 == 0 ? "gw-1" : NULL;
		in.sequence = i % 2 == 0 ? METER_NO_SEQUENCE : 42;
		in.properties = list;
		in.property_count = i % 2 == 0 ? COUNT(list) : 0;
		assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_OK);
		size_t size = assert_survives_encoding(&e);
		assert_true(size <= 128);
	}
}

static void test_the_largest_event_fits_its_record(void **state)
{
	(void)state;
	char *text = repeat('x', 2016);
	char names[64][65];
	meter_property list[64];
	for (size_t i = 0; i < 64; i++) {
		snprintf(names[i], sizeof(names[i]), "%02zu%062d", i, 0);
		list[i] = (meter_property){names[i], text, 32, 2016};
	}
	meter_event in = usual_event();
	in.subscription = text + 2016 - 128;
	in.id = text + 2016 - 256;
	in.type = text + 2016 - 128;
	in.source = text + 2016 - 256;
	in.sequence = INT64_MAX;
	in.value = "-9.223372036854775808";
	in.properties = list;
	in.property_count = 64;
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	assert_int_equal(meter__event_from_public(&e, properties, &in, NOW), METER_OK);
	size_t size = assert_survives_encoding(&e);
	assert_true(size > 131072 + 768 && size <= EVENT_ENCODED_MAX);
	free(text);
}

static void test_properties_as_json(void **state)
{
	(void)state;
	static const struct property list[] = {
		{SLICE("empty"), SLICE("")},
		{SLICE("model"), SLICE("large-1")},
		{SLICE("none"), {NULL, 0}},
		{SLICE("q\"\\"), SLICE("\n\xc3\xa9")},
	};
	struct buffer out = {0};
	meter__properties_write(&out, list, 0);
	assert_string_equal(meter__buffer_cstr(&out), "{}");
	meter__buffer_reset(&out);
	meter__properties_write(&out, list, COUNT(list));
	assert_string_equal(meter__buffer_cstr(&out),
	                    "{\"empty\":\"\",\"model\":\"large-1\",\"none\":null,\"q\\\"\\\\\":\"\\n\xc3\xa9\"}");
	meter__buffer_free(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_of_an_event),
		cmocka_unit_test(test_sizes_count_not_the_nul),
		cmocka_unit_test(test_struct_size_decides_which_fields_are_there),
		cmocka_unit_test(test_texts_have_a_range_of_sizes),
		cmocka_unit_test(test_texts_are_utf8_without_control_characters),
		cmocka_unit_test(test_each_text_field_is_checked_for_control_characters),
		cmocka_unit_test(test_timestamp_range),
		cmocka_unit_test(test_value_range),
		cmocka_unit_test(test_sequence_range),
		cmocka_unit_test(test_property_count_is_limited),
		cmocka_unit_test(test_property_sizes_are_limited),
		cmocka_unit_test(test_property_values_may_have_any_character_but_nul),
		cmocka_unit_test(test_properties_are_sorted_by_bytes),
		cmocka_unit_test(test_a_property_must_not_be_repeated),
		cmocka_unit_test(test_fields_are_checked_in_the_documented_order),
		cmocka_unit_test(test_encoding_keeps_the_event),
		cmocka_unit_test(test_the_largest_event_fits_its_record),
		cmocka_unit_test(test_properties_as_json),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
