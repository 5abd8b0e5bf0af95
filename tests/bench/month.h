/* month.h - what benches over a month of stored events share: a scratch database, and one subscription's events spread evenly. */
#ifndef BENCH_MONTH_H
#define BENCH_MONTH_H

#include <errno.h>
#include <inttypes.h>
#include <meter.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define METERS 10 /* and types of events: t0, t1 ... */
#define BATCH 20000
#define MONTH_START INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define MONTH_US (INT64_C(31) * 86400 * 1000000)

static char scratch[4000];
static char database[sizeof scratch + 16];

static inline void remove_scratch(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	char path[sizeof database + 8];

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(path, sizeof path, "%s%s", database, suffixes[i]);
		unlink(path);
	}
	rmdir(scratch);
}

/* Below the build folder; database is a path in it. */
static inline void make_scratch(const char *build)
{
	snprintf(scratch, sizeof scratch, "%s/bench-XXXXXX", build);
	if (mkdtemp(scratch) == NULL) {
		perror(scratch);
		exit(1);
	}
	snprintf(database, sizeof database, "%s/db", scratch);
}

static inline void must(int code)
{
	if (code == METER_OK)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, meter_strerror(code), meter_errmsg());
	exit(1);
}

/* Two batches in turn: one is filled while the other is written. */
static inline void record_month(meter *m, int64_t events)
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

#endif
