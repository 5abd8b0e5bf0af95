/*
 * test_retract.c - events that are taken back: by others that refer to them, and whole backfills.
 *
 * The law: a file from which events were taken back counts what a file counts that never had them. Names of failures of other
 * systems are those of the list of traps: "Correction and retraction" has no peer.
 */
#include "closing.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_METER                                                                                                              \
	"version: 1\nmeters:\n"                                                                                                  \
	"  calls: {event_type: call, aggregation: count, dimensions: [model]}\n"                                                 \
	"  tokens: {event_type: call, aggregation: sum, value: tokens, dimensions: [model]}\n"                                   \
	"  smallest: {event_type: call, aggregation: min, value: tokens}\n"                                                      \
	"  largest: {event_type: call, aggregation: max, value: tokens}\n"                                                       \
	"  last: {event_type: call, aggregation: latest, value: tokens}\n"                                                       \
	"  mean: {event_type: call, aggregation: avg, value: tokens}\n"                                                          \
	"  users: {event_type: call, aggregation: unique_count, value: user}\n"                                                  \
	"  seats: {event_type: call, aggregation: time_weighted, value: tokens}\n"
static const char *const meters[] = {"calls", "tokens", "smallest", "largest", "last", "mean", "users", "seats"};

static int32_t record_json(meter *m, const char *line)
{
	int32_t outcome = METER_PENDING;
	assert_ok(meter_record_json(m, line, METER_NUL_TERMINATED, &outcome, 1, NULL));
	return outcome;
}

static const char *call_line(char out[512], const char *id, const char *time, int tokens, const char *more)
{
	snprintf(out, 512,
	         "{\"id\":\"%s\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"%s\","
	         "\"properties\":{\"model\":\"m%d\",\"tokens\":%d,\"user\":\"u%d\"%s}}",
	         id, time, tokens % 2, tokens, tokens % 3, more);
	return out;
}

static const char *retract_line(char out[512], const char *id, const char *of, const char *time)
{
	snprintf(out, 512,
	         "{\"id\":\"%s\",\"subscription\":\"acme\",\"type\":\"meter.retract\",\"timestamp\":\"2026-03-01T00:00:00Z\","
	         "\"properties\":{\"meter.id\":\"%s\",\"meter.timestamp\":\"%s\"}}",
	         id, of, time);
	return out;
}

/* ---- one at a time ---- */

static void test_a_retraction_takes_an_event_back(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	assert_int_equal(METER_ACCEPTED, record_json(m, call_line(line, "a", "2026-01-01T00:00:00Z", 5, "")));
	assert_int_equal(METER_ACCEPTED, record_json(m, call_line(line, "b", "2026-01-01T00:00:30Z", 7, "")));
	assert_text("12", usage_total(m, "tokens"));
	/* Any offset names the same instant. */
	assert_int_equal(METER_ACCEPTED, record_json(m, retract_line(line, "r", "b", "2026-01-01T01:00:30+01:00")));
	assert_text("5", usage_total(m, "tokens"));
	assert_text("1", usage_total(m, "calls"));
	assert_text("5", usage_total(m, "largest"));
	assert_text("1", usage_total(m, "users"));
	/* Again is a duplicate, and changes nothing; neither does another one for the same event. */
	assert_int_equal(METER_DUPLICATE, record_json(m, retract_line(line, "r", "b", "2026-01-01T01:00:30+01:00")));
	assert_int_equal(METER_ACCEPTED, record_json(m, retract_line(line, "r2", "b", "2026-01-01T00:00:30Z")));
	/* The event itself is still a duplicate: it stays taken back. */
	assert_int_equal(METER_DUPLICATE, record_json(m, call_line(line, "b", "2026-01-01T00:00:30Z", 7, "")));
	assert_text("5", usage_total(m, "tokens"));
	assert_i64(1, read_stats(m).unbilled); /* the call that is left: no catalog names acme. Retractions are no usage */
	close_meter(m);
}

static void test_a_correction_takes_its_place(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	record_json(m, call_line(line, "a", "2026-01-01T00:00:00Z", 500, ""));
	record_json(m, call_line(line, "a-mended", "2026-01-01T00:00:00Z", 5,
	                         ",\"meter.id\":\"a\",\"meter.timestamp\":\"2026-01-01T00:00:00Z\""));
	assert_text("5", usage_total(m, "tokens"));
	assert_text("1", usage_total(m, "calls"));
	close_meter(m);
}

static void test_an_event_may_be_taken_back_before_it_comes(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	record_json(m, retract_line(line, "r", "a", "2026-01-01T00:00:00Z"));
	assert_i64(1, read_stats(m).retractions_waiting);
	assert_int_equal(METER_ACCEPTED, record_json(m, call_line(line, "a", "2026-01-01T00:00:00Z", 5, "")));
	assert_text("0", usage_total(m, "calls"));
	assert_int_equal(METER_ACCEPTED, record_json(m, call_line(line, "b", "2026-01-01T00:00:00Z", 5, "")));
	assert_text("1", usage_total(m, "calls"));
	assert_i64(0, read_stats(m).retractions_waiting);
	/* A meter that comes later does not count it either. */
	apply_catalog(m, "version: 1\nmeters: {other: {event_type: call, aggregation: count, dimensions: [user]}}\n");
	assert_text("1", usage_total(m, "other"));
	close_meter(m);
}

static void test_a_reference_of_another_subscription_means_nothing_here(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	record_json(m, call_line(line, "a", "2026-01-01T00:00:00Z", 5, ""));
	record_json(m,
	            "{\"id\":\"r\",\"subscription\":\"evil\",\"type\":\"meter.retract\",\"timestamp\":\"2026-01-01T00:00:00Z\","
	            "\"properties\":{\"meter.id\":\"a\",\"meter.timestamp\":\"2026-01-01T00:00:00Z\"}}");
	assert_text("1", usage_total(m, "calls"));
	close_meter(m);
}

static void test_what_is_reserved_is_refused(void **state)
{
	static const struct {
		const char *type, *properties, *reason;
	} cases[] = {
		{"meter.other", "{}", "type: \"meter.other\": types that begin with meter. are reserved"},
		{"meter.retract", "{}", "properties: meter.id and meter.timestamp belong together"},
		{"call", "{\"meter.id\":\"x\"}", "properties: meter.id and meter.timestamp belong together"},
		{"call", "{\"meter.timestamp\":\"2026-01-01T00:00:00Z\"}",
	         "properties: meter.id and meter.timestamp belong together"},
		{"call", "{\"meter.x\":\"1\"}", "properties: \"meter.x\": names that begin with meter. are reserved"},
		{"call", "{\"meter.id\":\"self\",\"meter.timestamp\":\"2026-01-01T00:00:00Z\"}",
	         "properties: the event takes itself back"},
		{"call", "{\"meter.id\":\"x\",\"meter.timestamp\":\"yesterday\"}", "properties: meter.timestamp: "},
		{"call", "{\"meter.id\":\"\",\"meter.timestamp\":\"2026-01-01T00:00:00Z\"}", "properties: meter.id: "},
	};
	(void)state;
	meter *m = open_meter();
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[512];
		meter_batch *b;
		snprintf(line, sizeof(line),
		         "{\"id\":\"self\",\"subscription\":\"acme\",\"type\":\"%s\",\"timestamp\":\"2026-01-01T00:00:00Z\","
		         "\"properties\":%s}",
		         cases[i].type, cases[i].properties);
		assert_ok(meter_batch_new(&b, m));
		assert_ok(meter_batch_add_json(b, line, METER_NUL_TERMINATED, METER_TIME_RFC3339));
		assert_ok(meter_batch_wait(b));
		assert_int_equal(METER_REJECTED, meter_batch_outcome(b, 0));
		assert_part(cases[i].reason, meter_batch_reason(b, 0));
		meter_batch_free(b);
	}
	close_meter(m);
}

/* ---- the law, over random histories ---- */

#define EVENTS 400

struct history {
	char lines[2 * EVENTS][512]; /* events, then what takes some of them back */
	bool is_taken[EVENTS];
	int order[2 * EVENTS];
	int count;
};

/* Over two days, so that minutes, hours and days are all touched; the order is random, so that much comes late. */
static void make_history(struct history *h, unsigned seed)
{
	srand(seed);
	h->count = EVENTS;
	for (int i = 0; i < EVENTS; i++) {
		char id[32], time[40];
		int minute = rand() % (2 * 24 * 60);
		snprintf(id, sizeof(id), "e%d", i);
		snprintf(time, sizeof(time), "2026-01-%02dT%02d:%02d:%02dZ", 1 + minute / 1440, minute / 60 % 24, minute % 60,
		         i % 60);
		call_line(h->lines[i], id, time, rand() % 50, "");
		h->is_taken[i] = rand() % 4 == 0;
		if (!h->is_taken[i])
			continue;
		char retract[32];
		snprintf(retract, sizeof(retract), "r%d", i);
		retract_line(h->lines[h->count++], retract, id, time);
	}
	for (int i = 0; i < h->count; i++)
		h->order[i] = i;
	for (int i = h->count - 1; i > 0; i--) {
		int k = rand() % (i + 1), swapped = h->order[i];
		h->order[i] = h->order[k];
		h->order[k] = swapped;
	}
}

/* In batches of a few events, so that roll-ups happen on the way. */
static void record_history(meter *m, const struct history *h, bool without_taken)
{
	meter_batch *b;
	assert_ok(meter_batch_new(&b, m));
	for (int i = 0; i < h->count; i++) {
		int at = h->order[i];
		if (without_taken && (at >= EVENTS || h->is_taken[at]))
			continue;
		assert_ok(meter_batch_add_json(b, h->lines[at], METER_NUL_TERMINATED, METER_TIME_RFC3339));
		if (i % 37 == 0)
			assert_ok(meter_batch_wait(b));
	}
	assert_ok(meter_batch_wait(b));
	meter_batch_free(b);
}

/* Every row of every meter, by every length of time, as one text. */
static char *usage_text(meter *m)
{
	static const int32_t by[] = {METER_BY_TOTAL, METER_BY_MINUTE, METER_BY_HOUR, METER_BY_DAY};
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < COUNT(meters); i++) {
		for (size_t k = 0; k < COUNT(by); k++) {
			meter_usage_filter filter = METER_USAGE_FILTER_INIT;
			meter_usage *usage;
			filter.meter = meters[i];
			filter.by = by[k];
			filter.from_us = us("2026-01-01T00:00:00Z");
			filter.to_us = us("2026-01-03T00:00:00Z");
			assert_ok(meter_usage_query(&usage, m, &filter));
			while (meter_usage_next(usage) == METER_OK) {
				const char *value = meter_usage_value(usage);
				/* A stretch whose events were all taken back has none. */
				if (meter_usage_events(usage) > 0)
					fprintf(out, "%s %d %lld %s %lld\n", meters[i], by[k],
					        (long long)meter_usage_from_us(usage), value ? value : "none",
					        (long long)meter_usage_events(usage));
			}
			meter_usage_free(usage);
		}
	}
	fclose(out);
	return text;
}

/* Former bills as well: they are what they were, whatever was taken back since. */
static void assert_verified(meter *m)
{
	meter_verification *v;
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	options.flags = METER_VERIFY_FULL;
	assert_ok(meter_verify_run(&v, m, &options));
	for (size_t i = 0; i < meter_verify_count(v); i++)
		print_error("%s: %s: %s\n", meter_verify_code(v, i), meter_verify_place(v, i), meter_verify_text(v, i));
	assert_i64(0, meter_verify_total(v));
	meter_verify_free(v);
}

static void test_taken_back_is_as_if_it_had_never_come(void **state)
{
	(void)state;
	struct history *h = malloc(sizeof(*h));
	assert_non_null(h);
	for (unsigned seed = 1; seed <= 6; seed++) {
		make_history(h, seed);
		meter *with, *without;
		meter_options options = METER_OPTIONS_INIT;
		options.flags = METER_OPEN_WITHOUT_SPOOL;
		char name[32];
		snprintf(name, sizeof(name), "with-%u.db", seed);
		assert_ok(meter_open(&with, scratch_path(name), &options));
		snprintf(name, sizeof(name), "without-%u.db", seed);
		assert_ok(meter_open(&without, scratch_path(name), &options));
		/* Catalog first or last: counted on arrival, or filled. */
		if (seed % 2) {
			apply_catalog(with, EVERY_METER);
			apply_catalog(without, EVERY_METER);
		}
		record_history(with, h, false);
		record_history(without, h, true);
		if (seed % 2 == 0) {
			apply_catalog(with, EVERY_METER);
			apply_catalog(without, EVERY_METER);
		}
		char *seen = usage_text(with), *expected = usage_text(without);
		if (strcmp(seen, expected) != 0)
			print_error("seed %u\n", seed);
		assert_string_equal(expected, seen);
		free(seen);
		free(expected);
		assert_verified(with);
		close_meter(with);
		close_meter(without);
	}
	free(h);
}

/* ---- backfills ---- */

static void test_a_backfill_is_taken_back_whole(void **state)
{
	char line[512];
	meter_batch *b;
	meter_backfills *list;
	int64_t events;
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	record_json(m, call_line(line, "before", "2026-01-01T00:00:00Z", 1, ""));
	assert_ok(meter_batch_new(&b, m));
	assert_code(METER_EINVAL, meter_batch_set_backfill(b, ""));
	assert_code(METER_EINVAL, meter_batch_set_backfill(b, "two\nlines"));
	assert_ok(meter_batch_set_backfill(b, "gateway 2"));
	/* One of them was there before: it is no part of the backfill. */
	assert_ok(meter_batch_add_json(b, call_line(line, "before", "2026-01-01T00:00:00Z", 1, ""), METER_NUL_TERMINATED,
	                               METER_TIME_RFC3339));
	for (int i = 0; i < 12000; i++) {
		char id[32], time[40];
		snprintf(id, sizeof(id), "f%d", i);
		snprintf(time, sizeof(time), "2026-01-01T%02d:%02d:%02dZ", i / 3600 % 24, i / 60 % 60, i % 60);
		assert_ok(meter_batch_add_json(b, call_line(line, id, time, 2, ""), METER_NUL_TERMINATED, METER_TIME_RFC3339));
	}
	assert_ok(meter_batch_wait(b));
	meter_batch_free(b);
	assert_text("12001", usage_total(m, "calls"));
	assert_ok(meter_backfills_query(&list, m));
	assert_i64(1, (int64_t)meter_backfills_count(list));
	assert_text("gateway 2", meter_backfills_name(list, 0));
	assert_i64(12000, meter_backfills_events(list, 0));
	assert_i64(0, meter_backfills_retracted(list, 0));
	meter_backfills_free(list);
	assert_ok(meter_backfill_retract(m, "gateway 2", "wrong file", NULL, NULL, &events));
	assert_i64(12000, events);
	assert_text("1", usage_total(m, "calls"));
	assert_text("1", usage_total(m, "tokens"));
	assert_code(METER_ENOTFOUND, meter_backfill_retract(m, "gateway 2", "wrong file", NULL, NULL, &events));
	assert_code(METER_ENOTFOUND, meter_backfill_retract(m, "other", "wrong file", NULL, NULL, NULL));
	assert_verified(m);
	close_meter(m);
}

static int stop_at_once(int64_t done, int64_t total, void *user)
{
	(void)total;
	*(int64_t *)user = done;
	return 1;
}

static void test_a_stopped_retraction_goes_on(void **state)
{
	char line[512];
	meter_batch *b;
	int64_t done = 0, events = 0;
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, EVERY_METER);
	assert_ok(meter_batch_new(&b, m));
	assert_ok(meter_batch_set_backfill(b, "x"));
	for (int i = 0; i < 6000; i++) {
		char id[32];
		snprintf(id, sizeof(id), "f%d", i);
		assert_ok(meter_batch_add_json(b, call_line(line, id, "2026-01-01T00:00:00Z", 2, ""), METER_NUL_TERMINATED,
		                               METER_TIME_RFC3339));
	}
	assert_ok(meter_batch_wait(b));
	meter_batch_free(b);
	assert_code(METER_ETIMEDOUT, meter_backfill_retract(m, "x", "test", stop_at_once, &done, &events));
	assert_i64(5000, done);
	assert_text("1000", usage_total(m, "calls"));
	assert_ok(meter_backfill_retract(m, "x", "test", NULL, NULL, &events));
	assert_i64(1000, events);
	assert_text("0", usage_total(m, "calls"));
	close_meter(m);
}

/* ---- on invoices ---- */

/* The usage of line 1, as it was billed before, and the ids of its events. */
static void assert_explained(meter *m, const char *number, const char *usage, const char *before, const char *ids)
{
	char text[64] = "";
	meter_explanation *e;
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	options.number = number;
	options.line = 1;
	assert_ok(meter_explain(&e, m, &options));
	assert_text(usage, meter_explanation_usage(e, 0));
	assert_text(before, meter_explanation_usage_before(e, 0));
	for (size_t i = 0; i < meter_explanation_event_count(e, 0); i++)
		strncat(text, meter_explanation_event(e, 0, i)->id, sizeof(text) - strlen(text) - 1);
	assert_text(ids, text);
	meter_explanation_free(e);
}

static void test_a_retraction_after_finalizing_becomes_an_adjustment(void **state)
{
	char line[512];
	meter_invoice *invoice;
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, "version: 1\nmeters: {calls: {event_type: call, aggregation: count}}\n"
	                 "plans: [{key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	                 "  charges: [{key: calls, meter: calls, model: unit, price: \"10\"}]}]\n"
	                 "subscriptions: {acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}}\n");
	record_json(m, call_line(line, "a", "2026-01-10T00:00:00Z", 1, ""));
	record_json(m, call_line(line, "b", "2026-01-11T00:00:00Z", 1, ""));
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
	                                 METER_NOW));
	assert_text("20.00", meter_invoice_total(invoice));
	meter_invoice_free(invoice);
	record_json(m, retract_line(line, "r", "b", "2026-01-11T00:00:00Z"));
	assert_verified(m);
	assert_explained(m, "INV-000001", "2", NULL, "ab");
	assert_ok(meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	assert_text("credit_note", meter_invoice_kind(invoice));
	assert_text("CN-000001", meter_invoice_number(invoice));
	assert_text("-10.00", meter_invoice_total(invoice));
	assert_text("2", meter_invoice_line_quantity_before(invoice, 0));
	assert_text("1", meter_invoice_line_quantity_after(invoice, 0));
	meter_invoice_free(invoice);
	assert_code(METER_EEND, meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	assert_verified(m);
	assert_explained(m, "INV-000001", "2", NULL, "ab");
	assert_explained(m, "CN-000001", "1", "2", "b");
	close_meter(m);
}

/* A group that has lost its only event is explained by it all the same. */
static void test_a_group_that_is_gone_is_explained(void **state)
{
	char line[512];
	meter_invoice *invoice;
	(void)state;
	meter *m = open_meter();
	apply_catalog(m,
	              "version: 1\nmeters: {tokens: {event_type: call, aggregation: sum, value: tokens, dimensions: [model]}}\n"
	              "plans: [{key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,\n"
	              "  charges: [{key: tokens, meter: tokens, model: unit, price: \"10\", group_by: [model]}]}]\n"
	              "subscriptions: {acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}}\n");
	record_json(m, call_line(line, "a", "2026-01-10T00:00:00Z", 2, ""));
	record_json(m, call_line(line, "b", "2026-01-11T00:00:00Z", 3, ""));
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED, NULL,
	                                 METER_NOW));
	meter_invoice_free(invoice);
	record_json(m, retract_line(line, "r", "b", "2026-01-11T00:00:00Z"));
	assert_ok(meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	assert_text("-30.00", meter_invoice_total(invoice));
	meter_invoice_free(invoice);
	assert_explained(m, "CN-000001", "0", "3", "b");
	assert_verified(m);
	close_meter(m);
}

/* ---- gauges: a value holds on into later periods ---- */

#define GAUGE                                                                                                                    \
	"version: 1\nmeters: {seats: {event_type: seats, aggregation: time_weighted}}\n"                                         \
	"plans: [{key: p, currency: USD, period: month, effective_from: 2025-01-01T00:00:00Z,\n"                                 \
	"  charges: [{key: seats, meter: seats, model: unit, per: 3600, price: \"0.01\"}]}]\n"                                   \
	"subscriptions: {acme: {customer: Acme, plan: p, from: 2025-01-01T00:00:00Z}}\n"
#define WITHOUT_GAUGE                                                                                                            \
	"version: 1\nmeters: {calls: {event_type: call, aggregation: count}}\n"                                                  \
	"plans: [{key: p, currency: USD, period: month, effective_from: 2025-01-01T00:00:00Z,\n"                                 \
	"  charges: [{key: calls, meter: calls, model: unit, price: \"1.00\"}]}]\n"                                              \
	"subscriptions: {acme: {customer: Acme, plan: p, from: 2025-01-01T00:00:00Z}}\n"

static int32_t set_seats(meter *m, const char *id, const char *time, const char *value)
{
	char line[512];
	snprintf(line, sizeof(line),
	         "{\"id\":\"%s\",\"subscription\":\"acme\",\"type\":\"seats\",\"timestamp\":\"%s\",\"value\":\"%s\"}", id, time,
	         value);
	return record_json(m, line);
}

static void assert_closed(meter *m, const char *at, const char *totals)
{
	char text[200] = "";
	meter_closing *closing;
	assert_ok(close_at(&closing, m, us(at)));
	for (size_t i = 0; i < meter_closing_count(closing); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
		         meter_closing_number(closing, i) ? meter_closing_total(closing, i) : meter_closing_message(closing, i));
	meter_closing_free(closing);
	assert_text(totals, text);
}

/* What was billed too little (or too much) of each month, as one document. */
static void assert_adjusted(meter *m, const char *total, const char *lines)
{
	char text[200] = "";
	meter_invoice *invoice;
	assert_ok(meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
		         meter_invoice_line_amount(invoice, i));
	assert_text(total, meter_invoice_total(invoice));
	assert_text(lines, text);
	meter_invoice_free(invoice);
	assert_code(METER_EEND, meter_invoice_adjust(&invoice, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	assert_verified(m);
}

/* 5 from the 10th, 10 from the 20th on: 10 was wrong. */
static void test_a_value_taken_back_held_in_later_periods(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GAUGE);
	set_seats(m, "right", "2025-01-10T00:00:00Z", "5");
	set_seats(m, "wrong", "2025-01-20T00:00:00Z", "10");
	assert_closed(m, "2025-04-01T00:00:00Z", "40.80 67.20 74.40");
	record_json(m, retract_line(line, "r", "wrong", "2025-01-20T00:00:00Z"));
	assert_adjusted(m, "-85.20", "-14.40 -33.60 -37.20");
	close_meter(m);
}

static void test_a_value_from_before_the_subscription_is_taken_back(void **state)
{
	char line[512];
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GAUGE);
	set_seats(m, "wrong", "2024-12-10T00:00:00Z", "5");
	assert_closed(m, "2025-03-01T00:00:00Z", "37.20 33.60");
	record_json(m, retract_line(line, "r", "wrong", "2024-12-10T00:00:00Z"));
	assert_adjusted(m, "-70.80", "-37.20 -33.60");
	close_meter(m);
}

/* Nobody counts it when it comes; the bills that did are by a catalog that knew it. */
static void test_a_late_value_while_nothing_counts_it(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GAUGE);
	set_seats(m, "a", "2025-01-10T00:00:00Z", "5");
	assert_closed(m, "2025-03-01T00:00:00Z", "26.40 33.60");
	apply_catalog(m, WITHOUT_GAUGE);
	assert_int_equal(METER_LATE, set_seats(m, "b", "2025-01-20T00:00:00Z", "10"));
	/* From events, as there are no samples. */
	assert_adjusted(m, "48.00", "14.40 33.60");
	apply_catalog(m, GAUGE);
	assert_verified(m);
	close_meter(m);
}

/* A late event of any type makes a bill stale; what its gauge counted then is rated from events. */
static void test_a_gauge_that_is_counted_otherwise_now(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, GAUGE);
	set_seats(m, "a", "2024-12-10T00:00:00Z", "5");
	set_seats(m, "b", "2025-01-20T12:00:00Z", "7.5");
	assert_closed(m, "2025-02-01T00:00:00Z", "44.10");
	apply_catalog(m, WITHOUT_GAUGE);
	char line[512];
	assert_int_equal(METER_LATE, record_json(m, call_line(line, "c", "2025-01-15T00:00:00Z", 1, "")));
	assert_closed(m, "2025-03-01T00:00:00Z", "0.00");
	assert_verified(m);
	assert_explained(m, "INV-000001", "15876000", NULL, "b");
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_a_retraction_takes_an_event_back),
		in_scratch(test_a_correction_takes_its_place),
		in_scratch(test_an_event_may_be_taken_back_before_it_comes),
		in_scratch(test_a_reference_of_another_subscription_means_nothing_here),
		in_scratch(test_what_is_reserved_is_refused),
		in_scratch(test_taken_back_is_as_if_it_had_never_come),
		in_scratch(test_a_backfill_is_taken_back_whole),
		in_scratch(test_a_stopped_retraction_goes_on),
		in_scratch(test_a_retraction_after_finalizing_becomes_an_adjustment),
		in_scratch(test_a_group_that_is_gone_is_explained),
		in_scratch(test_a_value_taken_back_held_in_later_periods),
		in_scratch(test_a_value_from_before_the_subscription_is_taken_back),
		in_scratch(test_a_late_value_while_nothing_counts_it),
		in_scratch(test_a_gauge_that_is_counted_otherwise_now),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
