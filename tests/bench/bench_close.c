/*
 * bench_close.c - how long it takes to finalize a month of many subscriptions over many events, and the longest that recording
 * waits meanwhile. README.md has the method.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "month.h"

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Five charges: flat, graduated, rates by model, package, percentage; tax. */
static void apply_catalog(meter *m, int64_t subscriptions)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	fputs("version: 1\n"
	      "meters:\n"
	      "  calls: {event_type: call, aggregation: count}\n"
	      "  tokens: {event_type: call, aggregation: sum, value: tokens, dimensions: [model]}\n"
	      "plans:\n"
	      "  - key: p\n"
	      "    currency: USD\n"
	      "    period: month\n"
	      "    effective_from: 2026-01-01T00:00:00Z\n"
	      "    charges:\n"
	      "      - {key: base, model: flat, amount: '49.00', tax: {category: vat, percent: 19}}\n"
	      "      - {key: calls, meter: calls, model: graduated, per: 1000, tiers: [{up_to: 100, price: '1'}, {price: "
	      "'0.5'}]}\n"
	      "      - {key: packs, meter: calls, model: package, per: 100, price: '2'}\n"
	      "      - key: tokens\n"
	      "        meter: tokens\n"
	      "        model: unit\n"
	      "        per: 1000000\n"
	      "        rates: [{match: {model: m0}, price: '3'}, {match: {model: m1}, price: '15'}]\n"
	      "      - {key: volume, meter: tokens, model: volume, tiers: [{up_to: 1000, price: '0.01'}, {price: '0.001'}]}\n"
	      "subscriptions:\n",
	      out);
	for (int64_t i = 0; i < subscriptions; i++)
		fprintf(out, "  s%" PRId64 ": {customer: Customer, plan: p, from: 2026-01-01T00:00:00Z}\n", i);
	fclose(out);
	must(meter_catalog_apply(m, "catalog", text, size, NULL, NULL, NULL));
	free(text);
}

static void record(meter *m, int64_t subscriptions, int64_t events)
{
	meter_batch *batches[2];
	char id[24], subscription[24], tokens[8], model[8];
	meter_property properties[] = {METER_PROPERTY("model", model), METER_PROPERTY("tokens", tokens)};
	meter_event event = METER_EVENT_INIT;

	must(meter_batch_new(&batches[0], m));
	must(meter_batch_new(&batches[1], m));
	event.subscription = subscription;
	event.id = id;
	event.type = "call";
	event.properties = properties;
	event.property_count = 2;
	for (int64_t i = 0; i < events; i++) {
		meter_batch *batch = batches[i / BATCH % 2];

		if (i % BATCH == 0) {
			must(meter_batch_wait(batch));
			must(meter_batch_clear(batch));
		}
		snprintf(id, sizeof id, "e%" PRId64, i);
		snprintf(subscription, sizeof subscription, "s%" PRId64, i * 7919 % subscriptions);
		snprintf(tokens, sizeof tokens, "%d", (int)(i * 104729 % 1000));
		snprintf(model, sizeof model, "m%d", (int)(i / subscriptions % 2));
		event.timestamp_us = MONTH_START + MONTH_US / events * i;
		must(meter_batch_add(batch, &event));
	}
	must(meter_batch_wait(batches[0]));
	must(meter_batch_wait(batches[1]));
	meter_batch_free(batches[0]);
	meter_batch_free(batches[1]);
}

/* Recording goes on while a month is closed: events of the next one, each waited for. */
struct recording {
	meter *m;
	atomic_bool is_over;
	int64_t events, longest_us;
};

static void *go_on(void *user)
{
	struct recording *r = user;
	meter_event event = METER_EVENT_INIT;
	char id[24];

	event.subscription = "s0";
	event.id = id;
	event.type = "call";
	while (!atomic_load(&r->is_over)) {
		int64_t start = now_us(), took;

		snprintf(id, sizeof id, "n%" PRId64, r->events);
		event.timestamp_us = MONTH_START + MONTH_US + INT64_C(7200000000) + r->events++ * 1000;
		must(meter_record_many(r->m, &event, 1, NULL));
		took = now_us() - start;
		r->longest_us = took > r->longest_us ? took : r->longest_us;
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int64_t subscriptions = argc == 4 ? atoll(argv[2]) : 0, events = argc == 4 ? atoll(argv[3]) : 0;
	meter_closing *closing;
	meter *m;

	if (subscriptions < 1 || events < subscriptions) {
		fputs("usage: bench_close BUILD-FOLDER SUBSCRIPTIONS EVENTS\n", stderr);
		return 2;
	}
	make_scratch(argv[1]);
	atexit(remove_scratch);
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	must(meter_open(&m, database, &options));
	apply_catalog(m, subscriptions);
	record(m, subscriptions, events);
	struct recording recording = {.m = m};
	pthread_t thread;
	if (pthread_create(&thread, NULL, go_on, &recording) != 0)
		return 1;
	int64_t start = now_us();
	meter_closing_options closing_options = METER_CLOSING_OPTIONS_INIT;
	closing_options.at_us = MONTH_START + MONTH_US;
	must(meter_closing_run(&closing, m, &closing_options));
	int64_t took = now_us() - start;
	atomic_store(&recording.is_over, true);
	pthread_join(thread, NULL);
	if ((int64_t)meter_closing_count(closing) != subscriptions || meter_closing_refused(closing) > 0) {
		fprintf(stderr, "bench_close: %zu rows, %zu refused\n", meter_closing_count(closing),
		        meter_closing_refused(closing));
		return 1;
	}
	meter_closing_free(closing);
	must(meter_close(m));
	printf("{\"bench\":\"close\",\"subscriptions\":%" PRId64 ",\"events\":%" PRId64 ",\"seconds\":%" PRId64 ".%03" PRId64
	       ",\"invoices_per_second\":%" PRId64 ",\"recorded_meanwhile\":%" PRId64 ",\"longest_wait_ms\":%" PRId64 "}\n",
	       subscriptions, events, took / 1000000, took / 1000 % 1000, subscriptions * 1000000 / (took ? took : 1),
	       recording.events, recording.longest_us / 1000);
	return 0;
}
