/* test_event_json.c - events as JSON: both forms, what is refused and how it is named, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1769904000000000) /* 2026-02-01T00:00:00Z */

/* An event with what it points to. */
struct reading {
	struct event event;
	struct property properties[EVENT_PROPERTIES_MAX];
	struct buffer scratch;
	char *text;
};

/* The text is copied into memory of exactly its size, so that a sanitizer sees a read behind it. */
static int read_sized(struct reading *r, const char *text, size_t size, int32_t time_format)
{
	r->text = malloc(size > 0 ? size : 1);
	assert_non_null(r->text);
	memcpy(r->text, text, size);
	r->scratch = (struct buffer){0};
	return meter__event_json_read(&r->event, r->properties, &r->scratch, r->text, size, time_format, NOW);
}

static void release(struct reading *r)
{
	meter__buffer_free(&r->scratch);
	free(r->text);
}

static void read_event(struct reading *r, const char *text)
{
	if (read_sized(r, text, strlen(text), METER_TIME_RFC3339) != METER_OK)
		fail_msg("%s: %s", text, meter_errmsg());
}

static void assert_refused_sized(const char *text, size_t size, int32_t time_format, const char *message)
{
	struct reading r;
	if (read_sized(&r, text, size, time_format) != METER_EINVAL)
		fail_msg("accepted: %s", text);
	assert_string_equal(meter_errmsg(), message);
	release(&r);
}

static void assert_refused(const char *text, const char *message)
{
	assert_refused_sized(text, strlen(text), METER_TIME_RFC3339, message);
}

static void assert_slice(struct slice s, const char *expected)
{
	if (!meter__slice_equal(s, meter__slice_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.size, s.data, expected);
}

/* The event in the library's own form: every field in one text. */
static void assert_event(const char *text, const char *expected)
{
	struct reading r;
	struct buffer out = {0};
	read_event(&r, text);
	meter__event_json_write(&out, &r.event);
	assert_string_equal(meter__buffer_cstr(&out), expected);
	meter__buffer_free(&out);
	release(&r);
}

/* An event with the members given after its required ones. */
#define KEY "\"id\":\"1\",\"subscription\":\"acme\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\""
#define OWN(members) "{" KEY members "}"
#define CE_KEY                                                                                                                   \
	"\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"type\":\"t\",\"subject\":\"acme\",\"time\":\"2026-01-31T23:"   \
	"59:59Z\""
#define CE(members) "{" CE_KEY members "}"

static void test_own_form(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		/* The example of the header. */
		{"{\"id\":\"req-17\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"timestamp\":\"2026-01-31T23:59:59.123Z\","
	         "\"value\":"
	         "\"1.5\",\"properties\":{\"model\":\"large-1\",\"tokens\":120},\"source\":\"gw-1\",\"sequence\":42}",
	         "{\"id\":\"req-17\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"timestamp\":\"2026-01-31T23:59:59.123Z\","
	         "\"value\":"
	         "\"1.5\",\"properties\":{\"model\":\"large-1\",\"tokens\":\"120\"},\"source\":\"gw-1\",\"sequence\":42}"},
		{OWN(""), OWN(",\"value\":\"1\"")},
		/* Any order, blanks, escapes in names and values. */
		{" { \"type\" : \"t\" , \"t\\u0069mestamp\" : \"2026-02-01T00:59:59+01:00\" ,\n\"subscription\" : "
	         "\"acm\\u0065\", \"id\" : "
	         "\"1\" } ",
	         OWN(",\"value\":\"1\"")},
		{OWN(",\"value\":2.50"), OWN(",\"value\":\"2.5\"")},
		{OWN(",\"value\":\"-0.000000000000000001\""), OWN(",\"value\":\"-0.000000000000000001\"")},
		{OWN(",\"value\":9007199254740993"), OWN(",\"value\":\"9007199254740993\"")},
		{OWN(",\"value\":9223372036854775807"), OWN(",\"value\":\"9223372036854775807\"")},
		{OWN(",\"value\":0"), OWN(",\"value\":\"0\"")},
		{OWN(",\"sequence\":0"), OWN(",\"value\":\"1\",\"sequence\":0")},
		{OWN(",\"sequence\":\"9223372036854775807\""), OWN(",\"value\":\"1\",\"sequence\":9223372036854775807")},
		{OWN(",\"source\":null,\"sequence\":null,\"properties\":null"), OWN(",\"value\":\"1\"")},
		{OWN(",\"properties\":{}"), OWN(",\"value\":\"1\"")},
		/* Properties keep their text. */
		{OWN(",\"properties\":{\"b\":1e3,\"a\":1.50,\"c\":-0,\"d\":123456789012345678901234567890123456789012}"),
	         OWN(",\"value\":\"1\",\"properties\":{\"a\":\"1.50\",\"b\":\"1e3\",\"c\":\"-0\",\"d\":"
	             "\"123456789012345678901234567890123456789012\"}")},
		{OWN(",\"properties\":{\"t\":true,\"f\":false,\"n\":null,\"e\":\"\",\"u\":\"\\u00e9\\n\"}"),
	         OWN(",\"value\":\"1\",\"properties\":{\"e\":\"\",\"f\":\"false\",\"t\":\"true\",\"u\":\"\xc3\xa9\\n\"}")},
		{OWN(",\"properties\":{\"o\":{\"x\" : [1, \"\\u0041\"]},\"l\":[ ]}"),
	         OWN(",\"value\":\"1\",\"properties\":{\"l\":\"[ ]\",\"o\":\"{\\\"x\\\" : [1, \\\"\\\\u0041\\\"]}\"}")},
		{OWN(",\"properties\":{\"value\":\"7\",\"id\":\"x\",\"specversion\":\"9\"}"),
	         OWN(",\"value\":\"1\",\"properties\":{\"id\":\"x\",\"specversion\":\"9\",\"value\":\"7\"}")},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_event(rows[i].text, rows[i].expected);
}

static void test_own_form_fields_that_are_wrong_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{"{\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "id: missing or empty; 1..256 bytes were expected"},
		{"{\"id\":\"\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "id: missing or empty; 1..256 bytes were expected"},
		{"{\"id\":null,\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "id: missing or empty; 1..256 bytes were expected"},
		{"{\"id\":17,\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "id: text was expected"},
		{"{\"id\":\"1\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "subscription: missing or empty; 1..128 bytes were expected"},
		{"{\"id\":\"1\",\"subscription\":\"\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "subscription: missing or empty; 1..128 bytes were expected"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "type: missing or empty; 1..128 bytes were expected"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "type: missing or empty; 1..128 bytes were expected"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":[],\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "type: text was expected"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\"}", "timestamp: missing"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":null}", "timestamp: missing"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":1769904000}",
	         "timestamp: text like \"2026-01-31T23:59:59Z\" was expected"},
		{"{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2027-01-01T00:00:00Z\"}",
	         "timestamp: 2027-01-01T00:00:00Z is more than 5 minutes ahead of the clock"},
		{"{\"id\":\"a\\nb\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}",
	         "id: \"a\\x0ab\" has a control character"},
		{OWN(",\"value\":null"), "value: a decimal like 120 or \"0.5\" was expected"},
		{OWN(",\"value\":true"), "value: a decimal like 120 or \"0.5\" was expected"},
		{OWN(",\"value\":{}"), "value: a decimal like 120 or \"0.5\" was expected"},
		{OWN(",\"value\":9223372036854775808"),
	         "value: 9223372036854775808 is too long; its digits without the point were expected "
	         "within -9223372036854775808..9223372036854775807"},
		{OWN(",\"source\":\"\""), "source: missing or empty; 1..256 bytes were expected"},
		{OWN(",\"source\":1"), "source: text was expected"},
		{OWN(",\"sequence\":-1"), "sequence: -1 is no integer within 0..9223372036854775807"},
		{OWN(",\"sequence\":1.5"), "sequence: 1.5 is no integer within 0..9223372036854775807"},
		{OWN(",\"sequence\":9223372036854775808"),
	         "sequence: 9223372036854775808 is no integer within 0..9223372036854775807"},
		{OWN(",\"sequence\":true"), "sequence: a decimal like 120 or \"0.5\" was expected"},
		{OWN(",\"properties\":[]"), "properties: an object was expected"},
		{OWN(",\"properties\":\"x\""), "properties: an object was expected"},
		{OWN(",\"properties\":{\"\":1}"), "properties: a name: missing or empty; 1..128 bytes were expected"},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].text, rows[i].message);
}

/* Their wording belongs to decimal.c and instant.c; here the field and the text must be in it. */
static void test_own_form_times_and_values_that_cannot_be_read(void **state)
{
	(void)state;
	static const char *const times[] = {
		"2026-01-31T23:59:59",          "2026-01-31T23:59:60Z", "10000-01-01T00:00:00Z",
		"-001-01-01T00:00:00Z",         "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z",
		"2026-01-31T23:59:59.1234567Z", "2026-01-31",           "1769904000",
	};
	static const char *const values[] = {"1e3", "1E+3", "1234567890123456789012345678901234567890"};
	static const char *const value_texts[] = {"NaN", "1e3", "+1", "0x10", "1,000"};
	char text[512];
	struct reading r;
	for (size_t i = 0; i < COUNT(times); i++) {
		snprintf(text, sizeof(text), "{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":\"%s\"}",
		         times[i]);
		assert_int_equal(read_sized(&r, text, strlen(text), METER_TIME_RFC3339), METER_EINVAL);
		assert_memory_equal(meter_errmsg(), "timestamp: ", 11);
		assert_non_null(strstr(meter_errmsg(), times[i]));
		release(&r);
	}
	for (size_t i = 0; i < COUNT(values) + COUNT(value_texts); i++) {
		bool is_text = i >= COUNT(values);
		const char *value = is_text ? value_texts[i - COUNT(values)] : values[i];
		snprintf(text, sizeof(text), is_text ? OWN(",\"value\":\"%s\"") : OWN(",\"value\":%s"), value);
		assert_int_equal(read_sized(&r, text, strlen(text), METER_TIME_RFC3339), METER_EINVAL);
		assert_memory_equal(meter_errmsg(), "value: ", 7);
		assert_non_null(strstr(meter_errmsg(), value));
		release(&r);
	}
}

static void test_time_format_decides_how_a_timestamp_is_read(void **state)
{
	(void)state;
	static const struct {
		int32_t format;
		const char *timestamp;
		int64_t expected; /* -1: refused */
	} rows[] = {
		{METER_TIME_RFC3339, "\"2026-01-31T23:59:59.5Z\"", NOW - 500000},
		{METER_TIME_RFC3339, "\"2026-01-31T23:59:59\"", -1},
		{METER_TIME_UTC, "\"2026-01-31T23:59:59\"", NOW - 1000000},
		{METER_TIME_UTC, "1769903999", -1},
		{METER_TIME_S, "1769903999", NOW - 1000000},
		{METER_TIME_S, "\"1769903999.5\"", NOW - 500000},
		{METER_TIME_S, "1.769903999e9", -1},
		{METER_TIME_S, "\"2026-01-31T23:59:59Z\"", -1},
		{METER_TIME_S, "true", -1},
		{METER_TIME_S, "-1", -1},
		{METER_TIME_MS, "1769903999001", NOW - 999000},
		{METER_TIME_US, "1769903999000001", NOW - 999999},
		{METER_TIME_NS, "1769903999000001000", NOW - 999999},
		{METER_TIME_NS, "1769903999000001001", -1},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[256];
		struct reading r;
		snprintf(text, sizeof(text), "{\"id\":\"1\",\"subscription\":\"a\",\"type\":\"t\",\"timestamp\":%s}",
		         rows[i].timestamp);
		int status = read_sized(&r, text, strlen(text), rows[i].format);
		assert_int_equal(status, rows[i].expected < 0 ? METER_EINVAL : METER_OK);
		if (status == METER_OK)
			assert_true(r.event.timestamp_us == rows[i].expected);
		else
			assert_memory_equal(meter_errmsg(), "timestamp: ", 11);
		release(&r);
	}
}

static void test_texts_that_are_no_event(void **state)
{
	(void)state;
	static const char nul[] = "{\"id\":\"a\0b\"}";
	assert_refused("", "column 1: the text ends where a value was expected");
	assert_refused("   ", "column 4: the text ends where a value was expected");
	assert_refused("\xef\xbb\xbf" OWN(""), "column 1: a byte order mark (BOM) is not allowed");
	assert_refused("[]", "column 1: an object was expected");
	assert_refused("\"x\"", "column 1: an object was expected");
	assert_refused("{}", "timestamp: missing");
	assert_refused("{" KEY, "column 78: the text ends where a comma or } was expected");
	assert_refused(OWN("") "x", "column 79: the end of the text was expected, not 'x'");
	assert_refused(OWN("") OWN(""), "column 79: the end of the text was expected, not '{'");
	assert_refused(OWN(",\"value\":NaN"), "column 87: a value was expected, not 'N'");
	assert_refused(OWN(",\"value\":01"), "column 87: a number must not start with zeros");
	assert_refused(OWN(",\"source\":\"\\u0000\""), "column 89: \\u0000 (NUL) is not allowed");
	assert_refused(OWN(",\"source\":\"\\ud800\""), "column 89: \\ud800 is one half of a surrogate pair");
	assert_refused(OWN(",\"source\":\"\xff\""), "column 88: the string is not valid UTF-8");
	assert_refused_sized(nul, sizeof(nul) - 1, METER_TIME_RFC3339, "column 9: control character 0x00 in a string");
	assert_refused(OWN(",\"properties\":{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}"), "column 111: nested deeper than 16");
}

static void test_every_beginning_of_an_event_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {OWN(",\"value\":1.5,\"properties\":{\"a\":\"\\u00e9\",\"b\":[1]}"),
	                                    CE(",\"data\":{\"a\":1}")};
	for (size_t i = 0; i < COUNT(texts); i++) {
		for (size_t size = 0; size < strlen(texts[i]); size++) {
			struct reading r;
			assert_int_equal(read_sized(&r, texts[i], size, METER_TIME_RFC3339), METER_EINVAL);
			release(&r);
		}
	}
}

static void test_names_must_be_known_and_come_once(void **state)
{
	(void)state;
	static const char unknown[] =
		"unknown name; id, subscription, type, timestamp, value, properties, source and sequence were "
		"expected, or a CloudEvent with specversion";
	static const char *const foreign[] = {"subject", "time", "data", "data_base64", "user", "Id", ""};
	for (size_t i = 0; i < COUNT(foreign); i++) {
		char text[256];
		char message[256];
		snprintf(text, sizeof(text), OWN(",\"%s\":{\"a\":1}"), foreign[i]);
		snprintf(message, sizeof(message), "%s: %s", foreign[i], unknown);
		assert_refused(text, message);
	}
	assert_refused(OWN(",\"id\":\"1\""), "id: repeated");
	assert_refused(OWN(",\"\\u0069d\":\"1\""), "id: repeated");
	assert_refused(OWN(",\"value\":1,\"value\":1"), "value: repeated");
	assert_refused(OWN(",\"source\":null,\"source\":\"a\""), "source: repeated");
	assert_refused(OWN(",\"x\":1,\"x\":1"), "x: repeated");
	assert_refused(OWN(",\"properties\":{},\"properties\":{}"), "properties: repeated");
	assert_refused(OWN(",\"properties\":{\"a\":1,\"b\":1,\"a\":1}"), "properties: \"a\" is repeated");
	assert_refused(OWN(",\"properties\":{\"a\":null,\"a\":1}"), "properties: \"a\" is repeated");
	assert_refused(OWN(",\"properties\":{\"a\":1,\"\\u0061\":null}"), "properties: \"a\" is repeated");
	assert_refused(OWN(",\"properties\":{\"a\":null,\"b\":1,\"a\":null}"), "properties: \"a\" is repeated");
	assert_refused(CE(",\"id\":\"1\""), "id: repeated");
	assert_refused(CE(",\"ext\":1,\"ext\":2"), "ext: repeated");
	assert_refused(CE(",\"data\":{\"a\":1,\"a\":1}"), "properties: \"a\" is repeated");
	assert_refused(CE(",\"data\":{},\"data\":{}"), "data: repeated");
}

/* Many members, each "pN":VALUE, in an event; the caller frees it. */
static char *with_members(const char *begin, size_t count, const char *value, const char *end)
{
	struct buffer out = {0};
	meter__buffer_text(&out, begin);
	for (size_t i = 0; i < count; i++)
		meter__buffer_format(&out, "%s\"p%zu\":%s", i > 0 ? "," : "", i, value);
	meter__buffer_text(&out, end);
	char *text = meter__copy((struct slice){out.data, out.size});
	assert_non_null(text);
	meter__buffer_free(&out);
	return text;
}

static void test_counts_are_limited(void **state)
{
	(void)state;
	static const struct {
		const char *begin;
		size_t count;
		const char *value;
		const char *end;
		const char *message; /* NULL: accepted */
	} rows[] = {
		{"{" KEY ",\"properties\":{", 64, "\"v\"", "}}", NULL},
		{"{" KEY ",\"properties\":{", 64, "null", "}}", NULL},
		{"{" KEY ",\"properties\":{", 65, "\"v\"", "}}", "properties: more than 64 members"},
		{"{" KEY ",\"properties\":{", 65, "null", "}}", "properties: more than 64 members"},
		{"{" KEY ",\"properties\":{", 10000, "1", "}}", "properties: more than 64 members"},
		{"{" CE_KEY ",\"data\":{", 64, "1", "}}", NULL},
		{"{" CE_KEY ",\"data\":{", 65, "1", "}}", "data: more than 64 members"},
		{"{" CE_KEY ",", 64, "1", "}", NULL},
		{"{" CE_KEY ",", 65, "1", "}", "p64: the event has more than 64 unknown names"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *text = with_members(rows[i].begin, rows[i].count, rows[i].value, rows[i].end);
		if (rows[i].message != NULL) {
			assert_refused(text, rows[i].message);
		} else {
			struct reading r;
			read_event(&r, text);
			release(&r);
		}
		free(text);
	}
}

static void test_long_texts_are_refused(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	char *text = malloc(SIZE + 1);
	assert_non_null(text);
	memset(text, 'x', SIZE);
	memcpy(text, "{\"id\":\"", 7);
	strcpy(text + SIZE - 88, "\",\"subscription\":\"acme\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"}");
	assert_refused(text, "id: longer than 256 bytes; 1..256 bytes were expected");
	memcpy(text + 7, "\\n", 2);
	assert_refused(text, "id: longer than 256 bytes; 1..256 bytes were expected");
	memset(text, '[', 1000);
	text[1000] = '\0';
	assert_refused(text, "column 1: an object was expected");
	free(text);
}

static void test_cloudevents(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		/* The example of the header. */
		{"{\"specversion\":\"1.0\",\"id\":\"req-17\",\"source\":\"gw-1\",\"type\":\"llm.call\",\"subject\":\"acme\","
	         "\"time\":"
	         "\"2026-01-31T23:59:59.123Z\",\"data\":{\"model\":\"large-1\",\"tokens\":120}}",
	         "{\"id\":\"4:gw-1req-17\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"timestamp\":\"2026-01-31T23:59:59."
	         "123Z\","
	         "\"value\":\"1\",\"properties\":{\"model\":\"large-1\",\"tokens\":\"120\"},\"source\":\"gw-1\"}"},
#define AS_OWN(members)                                                                                                          \
	"{\"id\":\"2:gw1\",\"subscription\":\"acme\",\"type\":\"t\",\"timestamp\":\"2026-01-31T23:59:59Z\"," members             \
	",\"source\":\"gw\"}"
		{CE(""), AS_OWN("\"value\":\"1\"")},
		{CE(",\"data\":null"), AS_OWN("\"value\":\"1\"")},
		{CE(",\"data\":{}"), AS_OWN("\"value\":\"1\"")},
		/* specversion at the end, escapes in source and id. */
		{"{\"data\":{\"a\":\"b\"},\"time\":\"2026-01-31T23:59:59Z\",\"subject\":\"acme\",\"type\":\"t\",\"source\":"
	         "\"\\u0067w\",\"id\":"
	         "\"\\u0031\",\"specversion\":\"1.0\"}",
	         AS_OWN("\"value\":\"1\",\"properties\":{\"a\":\"b\"}")},
		/* Extension attributes are ignored, also those that have names of the own form. */
		{CE(",\"datacontenttype\":\"application/"
	            "json\",\"dataschema\":\"u\",\"traceparent\":\"x\",\"sequence\":\"a\",\"value\":5,"
	            "\"subscription\":\"other\",\"timestamp\":1,\"properties\":\"x\",\"nested\":{\"a\":[1]},\"data_base64\":"
	            "null"),
	         AS_OWN("\"value\":\"1\"")},
		/* The event's own value is data's member of that name, if it is a decimal. */
		{CE(",\"data\":{\"value\":2.50}"), AS_OWN("\"value\":\"2.5\",\"properties\":{\"value\":\"2.50\"}")},
		{CE(",\"data\":{\"value\":\"-7\"}"), AS_OWN("\"value\":\"-7\",\"properties\":{\"value\":\"-7\"}")},
		{CE(",\"data\":{\"value\":\"\\u0037\"}"), AS_OWN("\"value\":\"7\",\"properties\":{\"value\":\"7\"}")},
		{CE(",\"data\":{\"value\":\"high\"}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"high\"}")},
		{CE(",\"data\":{\"value\":\"7 days\"}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"7 days\"}")},
		{CE(",\"data\":{\"value\":\"1e3\"}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"1e3\"}")},
		{CE(",\"data\":{\"value\":\"\"}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"\"}")},
		{CE(",\"data\":{\"value\":true}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"true\"}")},
		{CE(",\"data\":{\"value\":null}"), AS_OWN("\"value\":\"1\"")},
		{CE(",\"data\":{\"value\":[7]}"), AS_OWN("\"value\":\"1\",\"properties\":{\"value\":\"[7]\"}")},
		{CE(",\"data\":{\"a\":{\"value\":7}}"), AS_OWN("\"value\":\"1\",\"properties\":{\"a\":\"{\\\"value\\\":7}\"}")},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_event(rows[i].text, rows[i].expected);
}

static void test_cloudevents_that_are_wrong(void **state)
{
	(void)state;
	static const char rest[] = ",\"type\":\"t\",\"time\":\"2026-01-31T23:59:59Z\"}";
	static const struct {
		const char *begin;
		const char *message;
	} parts[] = {
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\"",
	         "subject: missing or empty; it names the subscription"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"subject\":\"\"",
	         "subject: missing or empty; it names the subscription"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"subject\":null",
	         "subject: missing or empty; it names the subscription"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"subject\":1", "subject: text was expected"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"subject\":\"a\"",
	         "source: missing or empty; 1..256 bytes were expected"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"subject\":\"a\",\"source\":\"\"",
	         "source: missing or empty; 1..256 bytes were expected"},
		{"{\"specversion\":\"1.0\",\"source\":\"gw\",\"subject\":\"a\"",
	         "id: missing or empty; 1..256 bytes were expected"},
		{"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"gw\",\"subject\":\"a\"",
	         "id: missing or empty; 1..256 bytes were expected"},
		{"{\"specversion\":\"1.0\",\"id\":1,\"source\":\"gw\",\"subject\":\"a\"", "id: text was expected"},
		{"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"gw\",\"subject\":\"a\"",
	         "specversion: \"0.3\": \"1.0\" was expected"},
		{"{\"specversion\":1.0,\"id\":\"1\",\"source\":\"gw\",\"subject\":\"a\"", "specversion: text was expected"},
		{"{\"specversion\":null,\"id\":\"1\",\"source\":\"gw\",\"subject\":\"a\"",
	         "specversion: \"\": \"1.0\" was expected"},
	};
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"subject\":\"a\",\"type\":\"t\"}", "time: missing"},
		{"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"gw\",\"subject\":\"a\",\"time\":\"2026-01-31T23:59:59Z\"}",
	         "type: missing or empty; 1..128 bytes were expected"},
		{CE(",\"data\":\"{}\""), "data: an object was expected"},
		{CE(",\"data\":[]"), "data: an object was expected"},
		{CE(",\"data\":1"), "data: an object was expected"},
		{CE(",\"data_base64\":\"e30=\""), "data_base64: data with an object was expected"},
		{CE(",\"properties\":{\"a\":1}"), "properties: a CloudEvent has its properties in data"},
		{CE(",\"properties\":{\"a\":1},\"data\":{\"b\":1}"), "properties: a CloudEvent has its properties in data"},
		{CE(",\"data\":{\"value\":9223372036854775808}"),
	         "value: 9223372036854775808 is too long; its digits without the point were expected within "
	         "-9223372036854775808..9223372036854775807"},
	};
	static const char *const unreadable[] = {"1e3", "1234567890123456789012345678901234567890",
	                                         "\"1234567890123456789012345678901234567890\""};
	char text[512];
	for (size_t i = 0; i < COUNT(parts); i++) {
		snprintf(text, sizeof(text), "%s%s", parts[i].begin, rest);
		assert_refused(text, parts[i].message);
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_refused(rows[i].text, rows[i].message);
	for (size_t i = 0; i < COUNT(unreadable); i++) {
		struct reading r;
		snprintf(text, sizeof(text), CE(",\"data\":{\"value\":%s}"), unreadable[i]);
		assert_int_equal(read_sized(&r, text, strlen(text), METER_TIME_RFC3339), METER_EINVAL);
		assert_memory_equal(meter_errmsg(), "data: value: ", 13);
		release(&r);
	}
}

/* The pair source + id is kept apart by length. */
static void test_cloudevent_ids_of_different_pairs_differ(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		const char *id;
		const char *expected;
	} rows[] = {
		{"a-b", "c", "3:a-bc"},
		{"a", "b-c", "1:ab-c"},
		{"ab", "c", "2:abc"},
		{"a", "bc", "1:abc"},
		{"1", "1:1", "1:11:1"},
		{"1:1", "1", "3:1:11"},
		{"0123456789", "x", "10:0123456789x"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[256];
		struct reading r;
		snprintf(text, sizeof(text),
		         "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"%s\",\"type\":\"t\",\"subject\":\"a\",\"time\":"
		         "\"2026-01-31T23:59:59Z\"}",
		         rows[i].id, rows[i].source);
		read_event(&r, text);
		assert_slice(r.event.id, rows[i].expected);
		assert_slice(r.event.source, rows[i].source);
		release(&r);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(rows[i].expected, rows[other].expected);
	}
}

static void test_cloudevent_source_and_id_have_256_bytes_together(void **state)
{
	(void)state;
	static const struct {
		int source_size;
		int id_size;
		bool is_accepted;
	} rows[] = {{1, 253, true},   {1, 254, false},  {9, 245, true},    {10, 243, true}, {10, 244, false}, {99, 154, true},
	            {99, 155, false}, {100, 152, true}, {100, 153, false}, {300, 1, false}, {1, 300, false}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1024];
		struct reading r;
		snprintf(text, sizeof(text),
		         "{\"specversion\":\"1.0\",\"id\":\"%0*d\",\"source\":\"%0*d\",\"type\":\"t\",\"subject\":\"a\",\"time\":"
		         "\"2026-01-31T23:59:59Z\"}",
		         rows[i].id_size, 0, rows[i].source_size, 0);
		int status = read_sized(&r, text, strlen(text), METER_TIME_RFC3339);
		assert_int_equal(status, rows[i].is_accepted ? METER_OK : METER_EINVAL);
		if (status != METER_OK)
			assert_string_equal(meter_errmsg(),
			                    "id: source and id of a CloudEvent are longer than 256 bytes together");
		release(&r);
	}
}

static void test_written_event_reads_back_the_same(void **state)
{
	(void)state;
	static const char *const texts[] = {
		OWN(""),
		OWN(",\"value\":-0.000000000000000001,\"source\":\"\\\"\\\\ \\u00e9\",\"sequence\":9223372036854775807"),
		OWN(",\"properties\":{\"\\\"\":\"\\u0001\\u001f\\u007f\\n\",\"\\u20ac\":\"\\ud83d\\ude00\",\"o\":{\"a\":[null]}"
	            "}"),
		CE(",\"data\":{\"value\":\"2.5\",\"kind\":\"x\"}"),
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct reading r;
		struct buffer out = {0};
		read_event(&r, texts[i]);
		meter__event_json_write(&out, &r.event);
		assert_event(meter__buffer_cstr(&out), meter__buffer_cstr(&out));
		struct reading again;
		read_event(&again, meter__buffer_cstr(&out));
		assert_true(meter__slice_equal(again.event.id, r.event.id));
		assert_int_equal(again.event.property_count, r.event.property_count);
		for (size_t p = 0; p < r.event.property_count; p++)
			assert_true(meter__slice_equal(again.event.properties[p].value, r.event.properties[p].value));
		release(&again);
		release(&r);
		meter__buffer_free(&out);
	}
}

static void test_properties_are_read_as_they_were_written(void **state)
{
	(void)state;
	static const struct property list[] = {
		{SLICE("empty"), SLICE("")},
		{SLICE("none"), {NULL, 0}},
		{SLICE("q\"\\"), SLICE("\n\xc3\xa9")},
	};
	struct buffer text = {0};
	struct buffer scratch = {0};
	struct property back[3];
	size_t count = 99;
	meter__properties_write(&text, list, COUNT(list));
	assert_int_equal(meter__properties_read(back, 3, &count, &scratch, text.data, text.size), METER_OK);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < COUNT(list); i++) {
		assert_slice(back[i].name, list[i].name.data);
		assert_true((back[i].value.data == NULL) == (list[i].value.data == NULL));
		assert_int_equal(meter__slice_compare(back[i].value, list[i].value), 0);
	}
	assert_int_equal(meter__properties_read(back, 2, &count, &scratch, text.data, text.size), METER_EINVAL);
	assert_int_equal(meter__properties_read(back, 0, &count, &scratch, "{}", 2), METER_OK);
	assert_int_equal(count, 0);
	assert_int_equal(meter__properties_read(back, 3, &count, &scratch, "[]", 2), METER_EINVAL);
	assert_int_equal(meter__properties_read(back, 3, &count, &scratch, "{}x", 3), METER_EINVAL);
	assert_int_equal(meter__properties_read(back, 3, &count, &scratch, text.data, text.size - 1), METER_EINVAL);
	meter__buffer_free(&text);
	meter__buffer_free(&scratch);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_form),
		cmocka_unit_test(test_own_form_fields_that_are_wrong_are_named),
		cmocka_unit_test(test_own_form_times_and_values_that_cannot_be_read),
		cmocka_unit_test(test_time_format_decides_how_a_timestamp_is_read),
		cmocka_unit_test(test_texts_that_are_no_event),
		cmocka_unit_test(test_every_beginning_of_an_event_is_refused),
		cmocka_unit_test(test_names_must_be_known_and_come_once),
		cmocka_unit_test(test_counts_are_limited),
		cmocka_unit_test(test_long_texts_are_refused),
		cmocka_unit_test(test_cloudevents),
		cmocka_unit_test(test_cloudevents_that_are_wrong),
		cmocka_unit_test(test_cloudevent_ids_of_different_pairs_differ),
		cmocka_unit_test(test_cloudevent_source_and_id_have_256_bytes_together),
		cmocka_unit_test(test_written_event_reads_back_the_same),
		cmocka_unit_test(test_properties_are_read_as_they_were_written),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
