/*
 * bench_json.c - what reading one event line costs: libmeter's parser against json-c.
 *
 * Method: the same line of 228 bytes is read over and over on one thread; each row is the best of ROUNDS rounds of LINES lines,
 * so that other load on the machine matters little. json-c runs as strict as it can be and its result is freed, but no event is
 * made of it. Prints one JSON line a row; "ratio" is how many times faster than json-c.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_json.h"
#include "json.h"

#define LINES 100000
#define ROUNDS 7
#define NOW INT64_C(1769904000000000) /* 2026-02-01T00:00:00Z */

static const char line[] =
	"{\"id\":\"req-0000000000000017\",\"subscription\":\"acme-00001234\",\"type\":\"llm.call\",\"timestamp\":"
	"\"2026-01-31T23:59:59.123456Z\",\"value\":\"1.5\",\"properties\":{\"model\":\"large-1\",\"region\":"
	"\"eu-w-1\",\"tokens\":120},\"source\":\"gw-1\",\"sequence\":42}";
_Static_assert(sizeof(line) - 1 == 228, "the line of the method");

static struct buffer scratch;

static void fail(const char *what)
{
	fprintf(stderr, "bench_json: %s: %s\n", what, meter_errmsg());
	exit(1);
}

static void parse_json_c(void)
{
	struct json_tokener *tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	for (int i = 0; i < LINES; i++) {
		struct json_object *o = json_tokener_parse_ex(tokener, line, (int)sizeof(line) - 1);
		if (o == NULL)
			fail("json-c");
		json_object_put(o);
		json_tokener_reset(tokener);
	}
	json_tokener_free(tokener);
}

static void parse_json(void)
{
	for (int i = 0; i < LINES; i++) {
		struct json j;
		struct json_value v;
		if (meter__json_begin(&j, &scratch, line, sizeof(line) - 1) != METER_OK ||
		    meter__json_value(&j, &v) != METER_OK || meter__json_skip(&j, &v) != METER_OK ||
		    meter__json_end(&j) != METER_OK)
			fail("json");
	}
}

static void read_events(void)
{
	for (int i = 0; i < LINES; i++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		if (meter__event_json_read(&e, properties, &scratch, line, sizeof(line) - 1, METER_TIME_RFC3339, NOW) != METER_OK)
			fail("event");
	}
}

static void read_and_encode_events(void)
{
	for (int i = 0; i < LINES; i++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		char record[EVENT_ENCODED_MAX];
		if (meter__event_json_read(&e, properties, &scratch, line, sizeof(line) - 1, METER_TIME_RFC3339, NOW) != METER_OK)
			fail("event");
		meter__event_encode(&e, record);
		meter__event_decode(&e, properties, record);
	}
}

/* The way of meter_record(): nothing to parse but the value. */
static void record_events(void)
{
	static const meter_property list[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("region", "eu-w-1"),
	                                      METER_PROPERTY("tokens", "120")};
	meter_event in = METER_EVENT_INIT;
	in.subscription = "acme-00001234";
	in.id = "req-0000000000000017";
	in.type = "llm.call";
	in.timestamp_us = NOW;
	in.value = "1.5";
	in.properties = list;
	in.property_count = sizeof(list) / sizeof(list[0]);
	for (int i = 0; i < LINES; i++) {
		struct event e;
		struct property properties[EVENT_PROPERTIES_MAX];
		char record[EVENT_ENCODED_MAX];
		if (meter__event_from_public(&e, properties, &in, NOW) != METER_OK)
			fail("event");
		meter__event_encode(&e, record);
	}
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t best_ns_per_line(void (*run)(void))
{
	int64_t best = INT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t begin = now_ns();
		run();
		int64_t took = now_ns() - begin;
		best = took < best ? took : best;
	}
	return best / LINES;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} rows[] = {
		{"json-c parse", parse_json_c},
		{"json parse", parse_json},
		{"event from JSON", read_events},
		{"event from JSON, encoded, decoded", read_and_encode_events},
		{"event from struct, encoded", record_events},
	};
	int64_t base = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ns = best_ns_per_line(rows[i].run);
		if (i == 0)
			base = ns;
		int64_t tenths = base * 10 / (ns > 0 ? ns : 1);
		printf("{\"bench\":\"%s\",\"bytes\":%zu,\"ns_per_line\":%" PRId64 ",\"lines_per_second\":%" PRId64
		       ",\"ratio\":\"%" PRId64 ".%" PRId64 "\"}\n",
		       rows[i].name, sizeof(line) - 1, ns, INT64_C(1000000000) / (ns > 0 ? ns : 1), tenths / 10, tenths % 10);
	}
	meter__buffer_free(&scratch);
	return 0;
}
