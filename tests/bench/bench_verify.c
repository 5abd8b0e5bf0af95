/*
 * bench_verify.c - how many stored events a second `meter verify` adds up again and compares with minutes, hours and days. The
 * events are those of bench_invoice: ten meters over a month. README.md has the method.
 */
#include <sys/resource.h>

#include "month.h"

#define RUNS 3

static void apply_catalog(meter *m)
{
	static char text[8000];
	int size = snprintf(text, sizeof text, "version: 1\nmeters:\n");

	for (int i = 0; i < METERS; i++)
		size += snprintf(text + size, sizeof text - (size_t)size,
		                 "  m%d: {event_type: t%d, aggregation: sum, value: units}\n", i, i);
	must(meter_catalog_apply(m, "catalog", text, METER_NUL_TERMINATED, NULL, NULL, NULL));
}

static void verify(meter *m, int64_t events)
{
	meter_verify_counters c = {.struct_size = sizeof c};
	meter_verification *v;
	struct rusage usage;

	must(meter_verify_run(&v, m, NULL));
	must(meter_verify_counts(v, &c));
	if (meter_verify_total(v) > 0 || c.events != events) {
		fprintf(stderr, "bench_verify: %" PRId64 " events, %" PRId64 " findings\n", c.events, meter_verify_total(v));
		exit(1);
	}
	meter_verify_free(v);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bench\":\"verify\",\"events\":%" PRId64 ",\"minutes\":%" PRId64 ",\"hours\":%" PRId64 ",\"days\":%" PRId64
	       ",\"events_per_second\":%" PRId64 ",\"with_quick_check_per_second\":%" PRId64 ",\"peak_mib\":%ld}\n",
	       c.events, c.minutes, c.hours, c.days, c.events * 1000000 / (c.elapsed_us ? c.elapsed_us : 1),
	       c.events * 1000000 / (c.total_us ? c.total_us : 1), usage.ru_maxrss / 1024);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int64_t events = argc == 3 ? atoll(argv[2]) : 0;
	meter *m;

	if (events < 1) {
		fputs("usage: bench_verify BUILD-FOLDER EVENTS\n", stderr);
		return 2;
	}
	atexit(remove_scratch);
	make_scratch(argv[1]);
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	must(meter_open(&m, database, &options));
	apply_catalog(m);
	record_month(m, events);
	/* Opened anew, so that the memory of writing is not there. */
	must(meter_close(m));
	must(meter_open(&m, database, &options));
	for (int i = 0; i < RUNS; i++)
		verify(m, events);
	must(meter_close(m));
	return 0;
}
