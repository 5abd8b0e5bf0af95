/*
 * bench_verify.c - how many stored events a second `meter verify` adds up again and compares with minutes, hours and days. The
 * events are those of bench_invoice: ten meters over a month. README.md has the method.
 */
#include <inttypes.h>
#include <meter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define METERS 10
#define RUNS 3
#define BATCH 20000
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
	fprintf(stderr, "bench_verify: %s: %s\n", meter_strerror(code), meter_errmsg());
	exit(1);
}

static void apply_catalog(meter *m)
{
	static char text[8000];
	int size = snprintf(text, sizeof text, "version: 1\nmeters:\n");

	for (int i = 0; i < METERS; i++)
		size += snprintf(text + size, sizeof text - (size_t)size,
		                 "  m%d: {event_type: t%d, aggregation: sum, value: units}\n", i, i);
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
	snprintf(scratch, sizeof scratch, "%s/bench-XXXXXX", argv[1]);
	if (mkdtemp(scratch) == NULL) {
		perror(scratch);
		return 1;
	}
	snprintf(database, sizeof database, "%s/db", scratch);
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	must(meter_open(&m, database, &options));
	apply_catalog(m);
	record(m, events);
	/* Opened anew, so that the memory of writing is not there. */
	must(meter_close(m));
	must(meter_open(&m, database, &options));
	for (int i = 0; i < RUNS; i++)
		verify(m, events);
	must(meter_close(m));
	return 0;
}
