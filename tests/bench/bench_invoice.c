/*
 * bench_invoice.c - how long the draft invoice of one subscription with 10 meters takes over a month, with 1,000 events and with
 * many under it. It should not matter how many: rating reads buckets, not events. README.md has the method.
 */
#include <string.h>
#include <time.h>

#include "month.h"

#define DRAFTS 200
#define SMALL 1000

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

	make_scratch(build);
	must(meter_open(&m, database, NULL));
	apply_catalog(m);
	record_month(m, events);
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
