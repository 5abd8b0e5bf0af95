/*
 * prefork.c - a server that forks its workers before they record, as web servers do.
 *
 * The parent keeps the file open for its own events. After fork() its handle is dead in the workers (METER_EFORKED); each of them
 * opens the file itself, records, and closes. All write into one file at the same time, and each event is counted once.
 */
#include <inttypes.h>
#include <meter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define REQUESTS 1000

static _Noreturn void fail(const char *what, int code)
{
	fprintf(stderr, "%s: %s: %s\n", what, meter_strerror(code), meter_errmsg());
	exit(1);
}

static void record(meter *m, int worker, int request)
{
	char id[40];
	struct timespec now;
	meter_event event = METER_EVENT_INIT;
	snprintf(id, sizeof id, "%d-%d", worker, request);
	clock_gettime(CLOCK_REALTIME, &now);
	event.subscription = "acme";
	event.type = "request";
	event.id = id;
	event.timestamp_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	int code = meter_record(m, &event);
	if (code != METER_OK)
		fail("meter_record", code);
}

static int serve(const char *path, meter *of_parent, int worker)
{
	meter *m;
	if (meter_flush(of_parent, 0) != METER_EFORKED)
		return 1;
	int code = meter_open(&m, path, NULL);
	if (code != METER_OK)
		fail("meter_open", code);
	for (int i = 0; i < REQUESTS; i++)
		record(m, worker, i);
	return meter_close(m) == METER_OK ? 0 : 1; /* what waits is written first */
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "prefork.db";
	meter_counters stats = {.struct_size = sizeof stats};
	meter *m;
	int code = meter_open(&m, path, NULL), failed = 0;
	if (code != METER_OK)
		fail("meter_open", code);
	record(m, 0, 0);
	for (int i = 1; i <= WORKERS; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(serve(path, m, i));
		failed += child < 0;
	}
	for (int status; wait(&status) > 0;)
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if ((code = meter_flush(m, -1)) != METER_OK || (code = meter_stats(m, &stats)) != METER_OK)
		fail("reading", code);
	printf("%" PRId64 " events of %d workers and their parent\n", stats.accepted, WORKERS);
	if ((code = meter_close(m)) != METER_OK)
		fail("meter_close", code);
	return failed != 0 || stats.accepted != WORKERS * REQUESTS + 1;
}
