/* test_listing.c - what is stored and what was refused, row by row: paging, filters, and texts of every kind coming back as they
 * were. */
#include "billing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"

static meter_events *query_events(meter *m, const meter_events_filter *filter)
{
	meter_events *events;
	assert_ok(meter_events_query(&events, m, filter));
	return events;
}

static meter_quarantine *query_quarantine(meter *m, int32_t outcome, int64_t number)
{
	meter_quarantine *quarantine;
	assert_ok(meter_quarantine_query(&quarantine, m, outcome, number));
	return quarantine;
}

static const char *number(int value)
{
	static char texts[4][16];
	static unsigned next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof(texts[0]), "%05d", value);
	return text;
}

/* ---- events ---- */

/* Pages end after 256 rows: the next one must go on inside a microsecond, and inside a subscription. */
static void test_pages_tile_when_many_events_share_a_time(void **state)
{
	(void)state;
	static const int counts[] = {0, 1, 255, 256, 257, 512, 700};
	for (size_t c = 0; c < COUNT(counts); c++) {
		meter_options options = METER_OPTIONS_INIT;
		meter *m;
		char name[32];
		snprintf(name, sizeof(name), "%d.db", counts[c]);
		assert_ok(meter_open(&m, scratch_path(name), &options));
		/* Recorded backwards, every third a microsecond later, in two subscriptions. */
		for (int i = counts[c]; i-- > 0;) {
			meter_event e = event_of(i % 2 ? "acme" : "beta", number(i), "call");
			e.timestamp_us += i % 3 == 0;
			assert_ok(meter_record(m, &e));
		}
		assert_ok(meter_flush(m, -1));
		bool seen[700] = {false};
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		meter_events *events = query_events(m, &filter);
		int64_t time_before = 0;
		char id_before[16] = "", subscription_before[16] = "";
		int rows = 0, code, changes = 0;
		while ((code = meter_events_next(events)) == METER_OK) {
			const meter_event *e = meter_events_event(events);
			int i = atoi(e->id);
			assert_false(seen[i]);
			seen[i] = true;
			rows++;
			assert_true(e->timestamp_us >= time_before);
			if (e->timestamp_us == time_before && strcmp(e->subscription, subscription_before) == 0)
				assert_true(strcmp(e->id, id_before) > 0);
			else
				changes++;
			time_before = e->timestamp_us;
			snprintf(id_before, sizeof(id_before), "%s", e->id);
			snprintf(subscription_before, sizeof(subscription_before), "%s", e->subscription);
		}
		assert_code(METER_EEND, code);
		assert_code(METER_EEND, meter_events_next(events));
		assert_int_equal(rows, counts[c]);
		assert_true(changes <= 4); /* two times, two subscriptions each: sorted, not mixed */
		meter_events_free(events);
		close_meter(m);
	}
}

static void test_each_page_sees_what_is_stored_then(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events = query_events(m, &filter);
	e.id = "2";
	assert_ok(meter_record_many(m, &e, 1, NULL));
	assert_ok(meter_events_next(events));
	assert_text("1", meter_events_event(events)->id);
	assert_ok(meter_events_next(events));
	assert_text("2", meter_events_event(events)->id);
	assert_code(METER_EEND, meter_events_next(events));
	meter_events_free(events);
	close_meter(m);
}

static void test_filters(void **state)
{
	(void)state;
	const int64_t t = event_of("", "", "").timestamp_us;
	static const struct {
		const char *subscription, *id, *type;
		int later;
	} rows[] = {{"acme", "1", "call", 0}, {"acme", "2", "call", 1},  {"acme", "3", "mail", 1},
	            {"ACME", "4", "call", 2}, {"acme ", "5", "call", 3}, {"beta", "6", "mail", 4}};
	const struct {
		const char *subscription, *type;
		int64_t from_us, to_us;
		const char *ids;
	} cases[] = {
		{NULL, NULL, INT64_MIN, INT64_MAX, "123456"},
		{"acme", NULL, INT64_MIN, INT64_MAX, "123"},
		{"ACME", NULL, INT64_MIN, INT64_MAX, "4"},
		{"acm", NULL, INT64_MIN, INT64_MAX, ""},
		{NULL, "mail", INT64_MIN, INT64_MAX, "36"},
		{NULL, "Mail", INT64_MIN, INT64_MAX, ""},
		{"acme", "mail", INT64_MIN, INT64_MAX, "3"},
		{"beta", "call", INT64_MIN, INT64_MAX, ""},
		{NULL, NULL, t + 1, t + 3, "234"},
		{NULL, NULL, t, t + 1, "1"},
		{NULL, NULL, t, t, ""},
		{NULL, NULL, t + 4, INT64_MAX, "6"},
		{NULL, NULL, t + 5, INT64_MAX, ""},
		{NULL, NULL, INT64_MIN, t, ""},
		{"acme", "call", t + 1, t + 2, "2"},
		{"", NULL, INT64_MIN, INT64_MAX, ""},
		{"call", NULL, INT64_MIN, INT64_MAX, ""},
		{NULL, "acme", INT64_MIN, INT64_MAX, ""},
	};
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_event e = event_of(rows[i].subscription, rows[i].id, rows[i].type);
		e.timestamp_us += rows[i].later;
		assert_ok(meter_record(m, &e));
	}
	assert_ok(meter_flush(m, -1));
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		filter.subscription = cases[i].subscription;
		filter.type = cases[i].type;
		filter.from_us = cases[i].from_us;
		filter.to_us = cases[i].to_us;
		meter_events *events = query_events(m, &filter);
		char ids[16] = "";
		size_t count = 0;
		while (meter_events_next(events) == METER_OK)
			ids[count++] = meter_events_event(events)->id[0];
		if (strcmp(ids, cases[i].ids) != 0)
			fail_msg("case %d: \"%s\"", (int)i, ids);
		meter_events_free(events);
	}
	/* A size stops a text before its NUL. */
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	filter.subscription = "beta and more";
	filter.subscription_size = 4;
	filter.type = "mailbox";
	filter.type_size = 4;
	meter_events *events = query_events(m, &filter);
	assert_ok(meter_events_next(events));
	assert_text("6", meter_events_event(events)->id);
	meter_events_free(events);
	close_meter(m);
}

/* Filters that are looked at row by row, or by the database: pages end between their matches. */
static void test_more_filters(void **state)
{
	(void)state;
	meter *m = open_meter();
	for (int i = 0; i < 700; i++) {
		char value[16];
		snprintf(value, sizeof(value), "%d", i % 350);
		meter_property properties[] = {METER_PROPERTY("n", value), METER_PROPERTY("even", i % 2 ? "no" : "yes")};
		meter_event e = event_of("acme", number(i), "call");
		e.timestamp_us += i;
		e.source = i % 3 ? "gw-1" : NULL;
		e.properties = properties;
		e.property_count = 2;
		assert_ok(meter_record(m, &e));
	}
	assert_ok(meter_flush(m, -1));
	const meter_property both[] = {METER_PROPERTY("n", "349"), METER_PROPERTY("even", "no")};
	const meter_property none[] = {METER_PROPERTY("n", "349"), METER_PROPERTY("even", "yes")};
	const struct {
		const meter_property *properties;
		const char *id, *source;
		int count;
	} cases[] = {{both, NULL, NULL, 2},  {both, NULL, "gw-1", 1},   {none, NULL, NULL, 0},      {NULL, "00123", NULL, 1},
	             {NULL, "123", NULL, 0}, {NULL, NULL, "gw-1", 466}, {NULL, "00123", "gw-1", 0}, {both, "00349", NULL, 1}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		filter.properties = cases[i].properties;
		filter.property_count = cases[i].properties ? 2 : 0;
		filter.id = cases[i].id;
		filter.source = cases[i].source;
		meter_events *events = query_events(m, &filter);
		int count = 0;
		while (meter_events_next(events) == METER_OK) {
			count++;
			assert_true(meter_events_ingest(events) > 0);
			assert_null(meter_events_invoice(events));
		}
		if (count != cases[i].count)
			fail_msg("case %d: %d", (int)i, count);
		meter_events_free(events);
	}
	static const int32_t wrong[] = {METER_CONFLICT, METER_REJECTED, METER_DUPLICATE, -1, 6};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		meter_events *events;
		filter.outcome = wrong[i];
		assert_code(METER_EINVAL, meter_events_query(&events, m, &filter));
	}
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	filter.invoice = "INV-000001";
	assert_code(METER_ENOTFOUND, meter_events_query(&events, m, &filter));
	filter.invoice = NULL;
	filter.property_count = 1;
	assert_code(METER_EINVAL, meter_events_query(&events, m, &filter));
	assert_int_equal(0, meter_events_line_count(NULL));
	assert_null(meter_events_line_charge(NULL, 0));
	assert_int_equal(0, meter_events_line(NULL, 0));
	assert_int_equal(0, meter_events_retracted(NULL));
	assert_null(meter_events_retraction(NULL));
	close_meter(m);
}

#define KEYED(key)                                                                                                               \
	"version: 1\nmeters:\n  calls: {event_type: call, aggregation: count}\nplans:\n"                                         \
	"  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: " key                  \
	", meter: calls, model: unit, price: 1}]}\n"                                                                             \
	"subscriptions: {acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}}\n"

/* Charges are those of the catalog that billed the event, whatever is in force by now; and the ones in force where none has. */
static void test_charges_are_those_it_was_billed_by(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_invoice *invoice;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	apply_catalog(m, KEYED("before"));
	meter_event e = event_of("acme", "billed", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
	                                 us("2026-02-01T00:00:00Z")));
	meter_invoice_free(invoice);
	apply_catalog(m, KEYED("after"));
	e.id = "open";
	e.timestamp_us = us("2026-02-01T00:00:00Z");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	filter.with_invoice = 1;
	meter_events *events = query_events(m, &filter);
	assert_ok(meter_events_next(events));
	assert_int_equal(1, meter_events_line_count(events));
	assert_text("before", meter_events_line_charge(events, 0));
	assert_ok(meter_events_next(events));
	assert_int_equal(1, meter_events_line_count(events));
	assert_text("after", meter_events_line_charge(events, 0));
	meter_events_free(events);
	close_meter(m);
}

/* Taken back before it came, before the bill, after it: only the last was ever billed. */
static void test_what_was_taken_back_before_it_was_billed(void **state)
{
	(void)state;
	static const char *const ids[] = {"after", "before", "came-last"};
	meter *m = open_meter();
	meter_invoice *invoice;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	apply_catalog(m, KEYED("calls"));
	retract(m, "acme", "came-last", "2026-01-20T00:00:00Z");
	for (size_t i = 0; i < COUNT(ids); i++)
		use_as(m, "acme", ids[i], "2026-01-20T00:00:00Z", NULL);
	retract(m, "acme", "before", "2026-01-20T00:00:00Z");
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
	                                 us("2026-02-01T00:00:00Z")));
	assert_text("1.00", meter_invoice_total(invoice));
	meter_invoice_free(invoice);
	retract(m, "acme", "after", "2026-01-20T00:00:00Z");
	filter.type = "call";
	filter.type_size = METER_NUL_TERMINATED;
	filter.with_invoice = filter.with_retracted = 1;
	meter_events *events = query_events(m, &filter);
	for (size_t i = 0; i < COUNT(ids); i++) {
		assert_ok(meter_events_next(events));
		assert_text(ids[i], meter_events_event(events)->id);
		assert_true(meter_events_retracted(events) > 0);
		assert_text(i == 0 ? "INV-000001" : NULL, meter_events_invoice(events));
		assert_int_equal(i == 0, meter_events_line_count(events));
	}
	assert_code(METER_EEND, meter_events_next(events));
	meter_events_free(events);
	close_meter(m);
}

static void test_arguments(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events = (meter_events *)&events;
	assert_code(METER_EINVAL, meter_events_query(&events, NULL, &filter));
	assert_null(events);
	assert_code(METER_EINVAL, meter_events_query(&events, m, NULL));
	assert_code(METER_EINVAL, meter_events_query(NULL, m, &filter));
	filter.from_us = 1;
	filter.to_us = 0;
	assert_code(METER_EINVAL, meter_events_query(&events, m, &filter));
	filter = (meter_events_filter)METER_EVENTS_FILTER_INIT;
	filter.struct_size--;
	assert_code(METER_EINVAL, meter_events_query(&events, m, &filter));
	assert_code(METER_EINVAL, meter_events_next(NULL));
	assert_null(meter_events_event(NULL));
	assert_text("", meter_events_json(NULL));
	meter_events_free(NULL);

	meter_quarantine *quarantine = (meter_quarantine *)&quarantine;
	assert_code(METER_EINVAL, meter_quarantine_query(&quarantine, NULL, 0, 0));
	assert_null(quarantine);
	assert_code(METER_EINVAL, meter_quarantine_query(NULL, m, 0, 0));
	static const int32_t outcomes[] = {METER_ACCEPTED, METER_DUPLICATE, METER_LATE, -1, 6};
	for (size_t i = 0; i < COUNT(outcomes); i++)
		assert_code(METER_EINVAL, meter_quarantine_query(&quarantine, m, outcomes[i], 0));
	assert_code(METER_EINVAL, meter_quarantine_query(&quarantine, m, 0, -1));
	assert_code(METER_EINVAL, meter_quarantine_next(NULL));
	assert_text("", meter_quarantine_text(NULL, NULL));
	meter_quarantine_free(NULL);
	close_meter(m);
}

/* ---- texts ---- */

static const meter_property difficult[] = {
	METER_PROPERTY("a quote", "\"double\" 'single' `back`"),
	METER_PROPERTY("backslash", "C:\\new\\table\\u0041"),
	METER_PROPERTY("control", "\x01\x02\b\f\n\r\t\x1b[31m\x1f\x7f"),
	METER_PROPERTY("empty", ""),
	METER_PROPERTY("json", "{\"a\":[1,2,{\"b\":null}]}"),
	METER_PROPERTY("name with \"quotes\" and \\", "x"),
	METER_PROPERTY("number", "9007199254740993.10"),
	METER_PROPERTY("script", "</script><b>&amp;"),
	METER_PROPERTY("sql", "'); DROP TABLE event; --"),
	METER_PROPERTY("unicode", "\xc3\xa9 e\xcc\x81 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbb\xbf \xe2\x80\xae"),
	METER_PROPERTY("\xe2\x82\xac", "=1+1"),
};

static meter_event difficult_event(void)
{
	meter_event e = event_of("acme \"inc\" \\ \xf0\x9f\x98\x80", "id'\"\\%_", "llm.call/v1:\"x\"");
	e.timestamp_us += 123456;
	e.value = "-0.000000000000000001";
	e.properties = difficult;
	e.property_count = COUNT(difficult);
	e.source = "gw\\1\"";
	e.sequence = INT64_MAX;
	return e;
}

static void test_texts_come_back_byte_by_byte(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = difficult_event();
	int32_t outcome;
	assert_ok(meter_record_many(m, &e, 1, &outcome));
	assert_int_equal(outcome, METER_ACCEPTED);
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	filter.subscription = e.subscription;
	filter.type = e.type;
	meter_events *events = query_events(m, &filter);
	assert_ok(meter_events_next(events));
	const meter_event *back = meter_events_event(events);
	assert_int_equal(back->struct_size, sizeof(*back));
	assert_text(e.subscription, back->subscription);
	assert_text(e.id, back->id);
	assert_text(e.type, back->type);
	assert_i64(e.timestamp_us, back->timestamp_us);
	assert_text(e.value, back->value);
	assert_text(e.source, back->source);
	assert_i64(e.sequence, back->sequence);
	assert_int_equal(back->property_count, COUNT(difficult));
	for (size_t i = 0; i < COUNT(difficult); i++) {
		assert_text(difficult[i].name, back->properties[i].name);
		assert_text(difficult[i].value, back->properties[i].value);
		assert_int_equal(back->properties[i].value_size, strlen(difficult[i].value));
	}
	/* What comes out goes in again as it is: the same event. */
	assert_ok(meter_record_many(m, back, 1, &outcome));
	assert_int_equal(outcome, METER_DUPLICATE);
	assert_null(strchr(meter_events_json(events), '\n'));
	meter_events_free(events);
	close_meter(m);
}

static void test_what_was_not_given_is_not_listed(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "1", "call");
	assert_ok(meter_record_many(m, &e, 1, NULL));
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events = query_events(m, &filter);
	assert_text("", meter_events_json(events));
	assert_ok(meter_events_next(events));
	const meter_event *back = meter_events_event(events);
	assert_null(back->source);
	assert_i64(METER_NO_SEQUENCE, back->sequence);
	assert_text("1", back->value);
	assert_int_equal(back->property_count, 0);
	assert_text("{\"id\":\"1\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":"
	            "\"1\"}",
	            meter_events_json(events));
	meter_events_free(events);
	close_meter(m);
}

/* Listed as JSON Lines and recorded again, in the same file and in a new one: nothing is lost, changed or doubled on the way. */
static void test_a_listing_recorded_again_is_duplicates_only(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = difficult_event();
	assert_ok(meter_record(m, &e));
	for (int i = 0; i < 300; i++) {
		e = event_of("acme", number(i), i % 2 ? "call" : "mail");
		e.timestamp_us += i / 10;
		e.properties = difficult + i % (int)COUNT(difficult);
		e.property_count = 1;
		e.value = number(i);
		e.sequence = i;
		assert_ok(meter_record(m, &e));
	}
	assert_ok(meter_flush(m, -1));

	char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	assert_non_null(out);
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events = query_events(m, &filter);
	while (meter_events_next(events) == METER_OK)
		fprintf(out, "%s\n", meter_events_json(events));
	fclose(out);
	meter_events_free(events);

	meter *copy;
	assert_ok(meter_open(&copy, scratch_path("copy.db"), NULL));
	meter *targets[] = {m, copy, copy};
	static const int32_t expected[] = {METER_DUPLICATE, METER_ACCEPTED, METER_DUPLICATE};
	for (size_t round = 0; round < COUNT(targets); round++) {
		int32_t outcomes[301];
		size_t count;
		assert_ok(meter_record_json(targets[round], lines, size, outcomes, COUNT(outcomes), &count));
		assert_int_equal(count, COUNT(outcomes));
		for (size_t i = 0; i < count; i++)
			assert_int_equal(outcomes[i], expected[round]);
	}
	free(lines);
	close_meter(copy);
	close_meter(m);
}

/* ---- quarantine ---- */

/* A page has 16 entries. */
static void test_quarantine_pages_oldest_first(void **state)
{
	(void)state;
	static const int counts[] = {0, 1, 15, 16, 17, 32, 50};
	for (size_t c = 0; c < COUNT(counts); c++) {
		meter *m;
		char name[32];
		snprintf(name, sizeof(name), "%d.db", counts[c]);
		assert_ok(meter_open(&m, scratch_path(name), NULL));
		meter_batch *b;
		assert_ok(meter_batch_new(&b, m));
		for (int i = 0; i < counts[c]; i++)
			assert_ok(meter_batch_add_refused(b, number(i), METER_NUL_TERMINATED, "broken"));
		meter_batch_free(b);
		meter_quarantine *quarantine = query_quarantine(m, 0, 0);
		assert_i64(0, meter_quarantine_number(quarantine));
		int64_t before = 0;
		int rows = 0;
		while (meter_quarantine_next(quarantine) == METER_OK) {
			assert_text(number(rows), meter_quarantine_text(quarantine, NULL));
			assert_true(meter_quarantine_number(quarantine) > before);
			before = meter_quarantine_number(quarantine);
			rows++;
		}
		assert_int_equal(rows, counts[c]);
		assert_code(METER_EEND, meter_quarantine_next(quarantine));
		meter_quarantine_free(quarantine);
		close_meter(m);
	}
}

static int64_t fake_now_us;

static int64_t fake_clock(void)
{
	return fake_now_us;
}

static void test_quarantine_counts_what_comes_again(void **state)
{
	(void)state;
	struct os_calls before = meter__os;
	meter__os.now_us = fake_clock;
	fake_now_us = us("2026-06-01T12:00:00Z");
	meter *m = open_meter();
	meter_event first = event_of("acme", "1", "call");
	meter_event other = first;
	other.value = "2";
	meter_event wrong = first;
	wrong.id = "";
	assert_ok(meter_record_many(m, &first, 1, NULL));
	for (int i = 0; i < 3; i++) {
		assert_ok(meter_record_many(m, &other, 1, NULL));
		fake_now_us += 60000000;
	}
	assert_ok(meter_record_many(m, &wrong, 1, NULL));
	static const struct {
		int32_t outcome;
		int64_t times;
		const char *first;
		const char *reason;
		const char *text;
	} entries[] = {
		{METER_CONFLICT, 3, "2026-06-01T12:00:00Z", "the key is stored with other content, value 2 instead of 1",
	         "{\"id\":\"1\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":"
	         "\"2\"}"},
		{METER_REJECTED, 1, "2026-06-01T12:03:00Z", "id: missing or empty; 1..256 bytes were expected",
	         "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"id\":\"\",\"subscription\":\"acme\",\"type\":\"call\",\"properties\":"
	         "{}}"},
	};
	meter_quarantine *quarantine = query_quarantine(m, 0, 0);
	int64_t numbers[2];
	for (size_t i = 0; i < COUNT(entries); i++) {
		assert_ok(meter_quarantine_next(quarantine));
		assert_int_equal(meter_quarantine_outcome(quarantine), entries[i].outcome);
		assert_i64(entries[i].times, meter_quarantine_times(quarantine));
		assert_i64(us(entries[i].first), meter_quarantine_first_us(quarantine));
		assert_text(entries[i].reason, meter_quarantine_reason(quarantine));
		size_t size;
		assert_text(entries[i].text, meter_quarantine_text(quarantine, &size));
		assert_int_equal(size, strlen(entries[i].text));
		numbers[i] = meter_quarantine_number(quarantine);
	}
	assert_code(METER_EEND, meter_quarantine_next(quarantine));
	meter_quarantine_free(quarantine);

	/* One kind, or one entry. */
	for (size_t i = 0; i < COUNT(entries); i++) {
		quarantine = query_quarantine(m, entries[i].outcome, 0);
		assert_ok(meter_quarantine_next(quarantine));
		assert_i64(numbers[i], meter_quarantine_number(quarantine));
		assert_code(METER_EEND, meter_quarantine_next(quarantine));
		meter_quarantine_free(quarantine);
		quarantine = query_quarantine(m, 0, numbers[i]);
		assert_ok(meter_quarantine_next(quarantine));
		assert_text(entries[i].reason, meter_quarantine_reason(quarantine));
		assert_code(METER_EEND, meter_quarantine_next(quarantine));
		meter_quarantine_free(quarantine);
	}
	assert_code(METER_ENOTFOUND, meter_quarantine_query(&quarantine, m, METER_REJECTED, numbers[0]));
	assert_code(METER_ENOTFOUND, meter_quarantine_query(&quarantine, m, 0, numbers[1] + 1));
	assert_null(quarantine);
	assert_text("quarantine has no entry 3", meter_errmsg());
	assert_code(METER_ENOTFOUND, meter_quarantine_query(&quarantine, m, 0, INT64_MAX));
	close_meter(m);
	meter__os = before;
}

static void test_bytes_that_are_no_text_are_kept(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{"\xff\xfe\x00\x01", 4}, {"\0", 1}, {"a\0b", 3},  {"\xc3", 1},     {"\xed\xa0\x80", 3},
		{"\xc0\x80", 2},         {"", 0},   {"plain", 5}, {"line\r\n", 6},
	};
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_ok(meter_batch_add_refused(b, cases[i].bytes, cases[i].size, "not a text"));
	assert_ok(meter_batch_wait(b));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(meter_batch_outcome(b, i), METER_REJECTED);
	meter_batch_free(b);
	meter_quarantine *quarantine = query_quarantine(m, METER_REJECTED, 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_ok(meter_quarantine_next(quarantine));
		size_t size;
		const char *text = meter_quarantine_text(quarantine, &size);
		assert_int_equal(size, cases[i].size);
		assert_memory_equal(text, cases[i].bytes, size);
		assert_int_equal(text[size], '\0');
	}
	assert_code(METER_EEND, meter_quarantine_next(quarantine));
	meter_quarantine_free(quarantine);
	close_meter(m);
}

/* An event with bytes that are no text is refused; all of it is there to look at. */
static void test_an_event_with_broken_bytes_is_kept(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_event e = event_of("acme", "\xff\xfe", "call");
	int32_t outcome;
	assert_ok(meter_record_many(m, &e, 1, &outcome));
	assert_int_equal(outcome, METER_REJECTED);
	meter_quarantine *quarantine = query_quarantine(m, 0, 0);
	assert_ok(meter_quarantine_next(quarantine));
	assert_text("id: \"\\xff\\xfe\" is not valid UTF-8", meter_quarantine_reason(quarantine));
	assert_part("\"id\":\"\xff\xfe\"", meter_quarantine_text(quarantine, NULL));
	meter_quarantine_free(quarantine);
	close_meter(m);
}

/* Rot in the file: an event is UTF-8 or an error, never half a character in somebody's JSON. */
static void test_a_stored_text_that_is_no_text_is_refused(void **state)
{
	(void)state;
	static const char *const damages[] = {"UPDATE event SET id = cast(x'b161' AS TEXT)",
	                                      "UPDATE event SET source = cast(x'b161' AS TEXT)",
	                                      "UPDATE name SET text = cast(x'b161' AS TEXT) WHERE text = 'call'",
	                                      "UPDATE name SET text = cast(x'b161' AS TEXT) WHERE text = 'acme'"};
	for (size_t i = 0; i < COUNT(damages); i++) {
		char name[32];
		snprintf(name, sizeof(name), "%zu.db", i);
		meter *m;
		assert_ok(meter_open(&m, scratch_path(name), NULL));
		meter_event e = event_of("acme", "1", "call");
		assert_ok(meter_record_many(m, &e, 1, NULL));
		close_meter(m);
		sql_run(scratch_path(name), damages[i]);
		assert_ok(meter_open(&m, scratch_path(name), NULL));
		meter_events_filter filter = METER_EVENTS_FILTER_INIT;
		meter_events *events = query_events(m, &filter);
		assert_code(METER_ECORRUPT, meter_events_next(events));
		assert_part("not UTF-8", meter_errmsg());
		meter_events_free(events);
		close_meter(m);
	}
}

static void test_long_texts_are_cut_at_1_mib(void **state)
{
	(void)state;
	static const size_t sizes[] = {(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20};
	char *text = malloc(3 << 20);
	assert_non_null(text);
	for (size_t i = 0; i < 3 << 20; i++)
		text[i] = (char)('a' + i % 26);
	meter *m = open_meter();
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	char reason[3][2] = {"0", "1", "2"};
	for (size_t i = 0; i < 3; i++)
		assert_ok(meter_batch_add_refused(b, text, sizes[i], reason[i]));
	assert_ok(meter_batch_add_json(b, text, sizes[3], METER_TIME_RFC3339));
	assert_ok(meter_batch_wait(b));
	assert_int_equal(meter_batch_outcome(b, 3), METER_REJECTED);
	meter_batch_free(b);
	meter_quarantine *quarantine = query_quarantine(m, 0, 0);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_ok(meter_quarantine_next(quarantine));
		size_t size;
		const char *kept = meter_quarantine_text(quarantine, &size);
		assert_int_equal(size, i == 0 ? (1 << 20) - 1 : 1 << 20);
		assert_memory_equal(kept, text, size);
	}
	meter_quarantine_free(quarantine);
	close_meter(m);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_pages_tile_when_many_events_share_a_time),
		in_scratch(test_each_page_sees_what_is_stored_then),
		in_scratch(test_filters),
		in_scratch(test_more_filters),
		in_scratch(test_charges_are_those_it_was_billed_by),
		in_scratch(test_what_was_taken_back_before_it_was_billed),
		in_scratch(test_arguments),
		in_scratch(test_texts_come_back_byte_by_byte),
		in_scratch(test_what_was_not_given_is_not_listed),
		in_scratch(test_a_listing_recorded_again_is_duplicates_only),
		in_scratch(test_quarantine_pages_oldest_first),
		in_scratch(test_quarantine_counts_what_comes_again),
		in_scratch(test_bytes_that_are_no_text_are_kept),
		in_scratch(test_an_event_with_broken_bytes_is_kept),
		in_scratch(test_a_stored_text_that_is_no_text_is_refused),
		in_scratch(test_long_texts_are_cut_at_1_mib),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
