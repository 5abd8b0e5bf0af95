/*
 * bench_explain.c - how long explaining one line of a finalized invoice takes, down to its ten heaviest events, in a file of many
 * events of many subscriptions spread over a month; and how long events are looked for by id. README.md has the method.
 */
#include "closing.h"
#include "workload.h"

#define MONTH_US (INT64_C(31) * 86400 * 1000000)
#define BATCH 20000
#define RUNS 1000

static char database[1024];

static void must(int code)
{
	if (code != METER_OK)
		fail(meter_strerror(code), meter_errmsg());
}

static void apply_catalog(meter *m, int subscriptions)
{
	char *text = malloc(4096 + (size_t)subscriptions * 80), *to = text;
	to += sprintf(to, "version: 1\nmeters:\n"
	                  "  calls: {event_type: llm.call, aggregation: count}\n"
	                  "  tokens: {event_type: llm.call, aggregation: sum, value: tokens, dimensions: [model]}\n"
	                  "plans:\n  - key: p\n    currency: USD\n    period: month\n    effective_from: 2026-01-01T00:00:00Z\n"
	                  "    charges:\n      - {key: calls, meter: calls, model: unit, price: '0.01'}\n"
	                  "      - key: tokens\n        meter: tokens\n        model: unit\n        per: 1000\n"
	                  "        rates: [{match: {model: large-1}, price: '3'}, {match: {}, price: '1'}]\nsubscriptions:\n");
	for (int i = 0; i < subscriptions; i++)
		to += sprintf(to, "  sub-%05d: {customer: C, plan: p, from: 2026-01-01T00:00:00Z}\n", i);
	must(meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL));
	free(text);
}

/* Two batches in turn: one is filled while the other is written. */
static void record(meter *m, int64_t events, int subscriptions)
{
	const struct workload w = {"month", subscriptions, 1, MONTH_US / events, 0, ""};
	meter_batch *batches[2];
	struct generated g;
	uint64_t state = 42;

	must(meter_batch_new(&batches[0], m));
	must(meter_batch_new(&batches[1], m));
	prepare_event(&g);
	for (int64_t i = 0; i < events; i++) {
		meter_batch *batch = batches[i / BATCH % 2];
		if (i % BATCH == 0) {
			must(meter_batch_wait(batch));
			must(meter_batch_clear(batch));
		}
		generate(&g, &w, &state, i);
		must(meter_batch_add(batch, &g.event));
	}
	meter_batch_free(batches[0]);
	meter_batch_free(batches[1]);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

/* Another subscription each time. */
static void measure(meter *m, int subscriptions, int line, const char *what)
{
	static int64_t ns[RUNS];
	int64_t exact = 0, events = 0;
	for (int i = 0; i < RUNS; i++) {
		char subscription[16];
		meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
		meter_explanation *e;
		snprintf(subscription, sizeof subscription, "sub-%05d", (int)(i * INT64_C(7919) % subscriptions));
		options.subscription = subscription;
		options.period = "2026-01";
		options.line = line;
		const int64_t start = now_ns();
		must(meter_explain(&e, m, &options));
		ns[i] = now_ns() - start;
		exact += meter_explanation_event_exact(e, 0);
		events += meter_explanation_usage_events(e, 0);
		meter_explanation_free(e);
	}
	qsort(ns, RUNS, sizeof *ns, by_size);
	printf("{\"bench\":\"explain\",\"what\":\"%s\",\"runs\":%d,\"events_a_line\":%" PRId64 ",\"exact\":%" PRId64
	       ",\"median_us\":%" PRId64 ",\"p99_us\":%" PRId64 "}\n",
	       what, RUNS, events / RUNS, exact, ns[RUNS / 2] / 1000, ns[RUNS * 99 / 100] / 1000);
}

static void look_for_id(meter *m, const char *id, const char *subscription, const char *what)
{
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	filter.id = id;
	filter.subscription = subscription;
	const int64_t start = now_ns();
	must(meter_events_query(&events, m, &filter));
	int found = 0;
	while (meter_events_next(events) == METER_OK)
		found++;
	printf("{\"bench\":\"events\",\"what\":\"%s\",\"found\":%d,\"ms\":%" PRId64 "}\n", what, found,
	       (now_ns() - start) / 1000000);
	meter_events_free(events);
}

/* An old bill, after a late event: its usage is read from events. */
static void measure_late(meter *m)
{
	meter_event e = METER_EVENT_INIT;
	meter_property properties[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("tokens", "5")};
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	meter_explanation *x;
	e.subscription = "sub-00007";
	e.id = "late";
	e.type = "llm.call";
	e.timestamp_us = START_US + 1;
	e.properties = properties;
	e.property_count = 2;
	must(meter_record_many(m, &e, 1, NULL));
	options.subscription = "sub-00007";
	options.period = "2026-01";
	options.line = 2;
	const int64_t start = now_ns();
	must(meter_explain(&x, m, &options));
	printf("{\"bench\":\"explain\",\"what\":\"a bill that late events have overtaken\",\"read_from\":\"%s\",\"ms\":%" PRId64
	       "}\n",
	       meter_explanation_usage_from(x, 0), (now_ns() - start) / 1000000);
	meter_explanation_free(x);
}

int main(int argc, char **argv)
{
	const int64_t events = argc == 4 ? atoll(argv[2]) : 0;
	const int subscriptions = argc == 4 ? atoi(argv[3]) : 0;
	meter_closing *closing;
	meter *m;

	if (events < 1 || subscriptions < 8) {
		fputs("usage: bench_explain BUILD-FOLDER EVENTS SUBSCRIPTIONS\n", stderr);
		return 2;
	}
	snprintf(database, sizeof database, "%s/bench-explain.db", argv[1]);
	remove_files(database);
	must(meter_open(&m, database, NULL));
	apply_catalog(m, subscriptions);
	record(m, events, subscriptions);
	must(close_at(&closing, m, START_US + 2 * MONTH_US));
	printf("{\"bench\":\"explain\",\"events\":%" PRId64 ",\"subscriptions\":%d,\"invoices\":%zu}\n", events, subscriptions,
	       meter_closing_count(closing) - meter_closing_refused(closing));
	meter_closing_free(closing);
	measure(m, subscriptions, 1, "count, the first events");
	measure(m, subscriptions, 2, "sum at one rate, the largest events");
	measure(m, subscriptions, 3, "sum at the other rate, the largest events");
	measure_late(m);
	look_for_id(m, "late", NULL, "an id in the whole file");
	look_for_id(m, "late", "sub-00007", "an id of a subscription");
	must(meter_close(m));
	remove_files(database);
	return 0;
}
