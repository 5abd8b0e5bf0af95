/*
 * bench_invoice.c - how long the draft invoice of one subscription with 10 meters takes over a month, with 1,000 events and with
 * many under it. It should not matter how many: rating reads buckets, not events. README.md has the method.
 */
#include <inttypes.h>
#include <meter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define METERS 10
#define DRAFTS 200
#define BATCH 20000
#define SMALL 1000
#define MONTH_START INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define MONTH_US (INT64_C(31) * 86400 * 1000000)

static char scratch[4000];
static char database[sizeof scratch + 16];

static void remove_scratch(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	char path[sizeof database + 8];

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(path, sizeof path, "%s%s", database, suffixes[i]);
		unlink(path);
	}
	rmdir(scratch);
}

static void must(int code)
{
	if (code == METER_OK)
		return;
	fprintf(stderr, "bench_invoice: %s: %s\n", meter_strerror(code), meter_errmsg());
	exit(1);
}

static void apply_catalog(meter *m)
{
	static char text[8000];
	int size = snprintf(text, sizeof text, "version: 1\nmeters:\n");

	for (int i = 0; i < METERS; i++)
		size += snprintf(text + size, sizeof text - (size_t)size,
		                 "  m%d: {event_type: t%d, aggregation: sum, value: units}\n", i, i);
	size += snprintf(text + size, sizeof text - (size_t)size,
	                 "plans:\n  - key: p\n    currency: USD\n    period: month\n    effective_from: 2026-01-01T00:00:00Z\n   "
	                 " charges:\n");
	for (int i = 0; i < METERS; i++)
		size += snprintf(text + size, sizeof text - (size_t)size,
		                 "      - {key: c%d, meter: m%d, model: unit, per: 1000, price: '0.37'}\n", i, i);
	snprintf(text + size, sizeof text - (size_t)size,
	         "subscriptions:\n  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n");
	must(meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL));
}

/* Two batches in turn: one is filled while the other is written. */
static void record(meter *m, int64_t events)
{
	meter_batch *batches[2];
	char id[24], type[8], units[8];
	meter_property property = METER_PROPERTY("units", units);
	meter_event event = METER_EVENT_INIT;

	must(meter_batch_new(&batches[0], m));
	must(meter_batch_new(&batches[1], m));
	event.subscription = "acme";
	event.id = id;
	event.type = type;
	event.properties = &property;
	event.property_count = 1;
	for (int64_t i = 0; i < events; i++) {
		meter_batch *batch = batches[i / BATCH % 2];

		if (i % BATCH == 0) {
			must(meter_batch_wait(batch));
			must(meter_batch_clear(batch));
		}
		snprintf(id, sizeof id, "e%" PRId64, i);
		snprintf(type, sizeof type, "t%d", (int)(i % METERS));
		snprintf(units, sizeof units, "%d", (int)(i * 7919 % 1000));
		event.timestamp_us = MONTH_START + MONTH_US / events * i;
		must(meter_batch_add(batch, &event));
	}
	must(meter_batch_wait(batches[0]));
	must(meter_batch_wait(batches[1]));
	meter_batch_free(batches[0]);
	meter_batch_free(batches[1]);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* Microseconds of the median draft. */
static int64_t measure(const char *build, int64_t events)
{
	meter_counters stats = {.struct_size = sizeof stats};
	int64_t ns[DRAFTS];
	meter *m;

	snprintf(scratch, sizeof scratch, "%s/bench-XXXXXX", build);
	if (mkdtemp(scratch) == NULL) {
		perror(scratch);
		exit(1);
	}
	snprintf(database, sizeof database, "%s/db", scratch);
	must(meter_open(&m, database, NULL));
	apply_catalog(m);
	record(m, events);
	must(meter_stats(m, &stats));
	if (stats.accepted != events) {
		fprintf(stderr, "bench_invoice: %" PRId64 " events stored, %" PRId64 " were expected\n", stats.accepted, events);
		exit(1);
	}
	for (int i = 0; i < DRAFTS; i++) {
		struct timespec start, end;
		meter_invoice *invoice;

		clock_gettime(CLOCK_MONOTONIC, &start);
		must(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
		clock_gettime(CLOCK_MONOTONIC, &end);
		meter_invoice_free(invoice);
		ns[i] = (end.tv_sec - start.tv_sec) * INT64_C(1000000000) + end.tv_nsec - start.tv_nsec;
	}
	must(meter_close(m));
	remove_scratch();
	qsort(ns, DRAFTS, sizeof *ns, by_size);
	printf("{\"bench\":\"invoice\",\"meters\":%d,\"events\":%" PRId64 ",\"drafts\":%d,\"median_us\":%" PRId64
	       ",\"p99_us\":%" PRId64 "}\n",
	       METERS, events, DRAFTS, ns[DRAFTS / 2] / 1000, ns[DRAFTS * 99 / 100] / 1000);
	fflush(stdout);
	return ns[DRAFTS / 2] / 1000;
}

int main(int argc, char **argv)
{
	int64_t events = argc == 3 ? atoll(argv[2]) : 0, small, large;

	if (events < 1) {
		fputs("usage: bench_invoice BUILD-FOLDER EVENTS\n", stderr);
		return 2;
	}
	atexit(remove_scratch);
	small = measure(argv[1], SMALL);
	large = measure(argv[1], events);
	if (small == 0)
		small = 1;
	printf("{\"bench\":\"invoice\",\"ratio\":\"%" PRId64 " / %d events\",\"value\":%" PRId64 ".%02" PRId64 "}\n", events,
	       SMALL, large / small, large * 100 / small % 100);
	return 0;
}
