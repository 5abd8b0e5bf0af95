/*
 * bench_sync.c - the synchronous batch: one event and five hundred, durable when the call returns, in one and in four threads;
 * beside a plain append of 4 KiB with fdatasync to a file of the same file system, in turn with it.
 *
 *   bench_sync FOLDER ROUNDS
 */
#include <fcntl.h>
#include <pthread.h>

#include "workload.h"

#define LARGE 500
#define THREADS 4

static const struct workload *const live = &workloads[3]; /* events as they happen */
static meter *m;
static int64_t number;

/* of_one: all of one subscription, as the events of one request are. */
static int64_t record(int count, bool of_one)
{
	static struct generated generated[LARGE];
	static meter_event events[LARGE];
	static uint64_t state = 42;
	for (int i = 0; i < count; i++) {
		prepare_event(&generated[i]);
		generate(&generated[i], live, &state, number++);
		if (of_one)
			memcpy(generated[i].subscription, "sub-00000", 9);
		events[i] = generated[i].event;
	}
	int64_t start = now_ns();
	if (meter_record_many(m, events, (size_t)count, NULL) != METER_OK)
		fail("meter_record_many", meter_errmsg());
	return now_ns() - start;
}

static void *record_ones(void *user)
{
	const int64_t *first = user;
	uint64_t state = (uint64_t)*first;
	struct generated g;
	prepare_event(&g);
	for (int i = 0; i < 500; i++) {
		generate(&g, live, &state, *first + i);
		if (meter_record_many(m, &g.event, 1, NULL) != METER_OK)
			fail("meter_record_many", meter_errmsg());
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t median(int64_t *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

int main(int argc, char **argv)
{
	char path[1000], plain[1000];
	static char page[4096];
	if (argc < 3) {
		fprintf(stderr, "usage: bench_sync FOLDER ROUNDS\n");
		return 2;
	}
	int rounds = atoi(argv[2]);
	int64_t *sync = calloc((size_t)rounds, 8), *one = calloc((size_t)rounds, 8), *many = calloc((size_t)rounds, 8),
		*request = calloc((size_t)rounds, 8);
	snprintf(path, sizeof(path), "%s/sync.db", argv[1]);
	snprintf(plain, sizeof(plain), "%s/plain", argv[1]);
	remove_files(path);
	char *catalog = write_catalog(&workloads[0]);
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	if (meter_open(&m, path, &options) != METER_OK ||
	    meter_catalog_apply(m, "catalog", catalog, strlen(catalog), NULL, NULL, NULL) != METER_OK)
		fail("opening", meter_errmsg());
	int fd = open(plain, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int i = 0; i < rounds; i++) {
		int64_t start = now_ns();
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fdatasync(fd) != 0)
			fail("fdatasync", plain);
		sync[i] = now_ns() - start;
		one[i] = record(1, false);
		request[i] = record(LARGE, true);
		many[i] = record(LARGE, false);
	}
	int64_t sync_ns = median(sync, rounds), one_ns = median(one, rounds), many_ns = median(many, rounds),
		request_ns = median(request, rounds);
	printf("{\"bench\":\"fdatasync of 4 KiB\",\"median_us\":%" PRId64 "}\n", sync_ns / 1000);
	printf("{\"bench\":\"synchronous batch\",\"events\":1,\"median_us\":%" PRId64 ",\"to_fdatasync\":%.2f}\n", one_ns / 1000,
	       (double)one_ns / (double)sync_ns);
	printf("{\"bench\":\"synchronous batch\",\"events\":%d,\"subscriptions\":1,\"median_us\":%" PRId64
	       ",\"rate_to_1\":%.0f}\n",
	       LARGE, request_ns / 1000, (double)LARGE * (double)one_ns / (double)request_ns);
	printf("{\"bench\":\"synchronous batch\",\"events\":%d,\"subscriptions\":1000,\"median_us\":%" PRId64
	       ",\"rate_to_1\":%.0f}\n",
	       LARGE, many_ns / 1000, (double)LARGE * (double)one_ns / (double)many_ns);
	pthread_t threads[THREADS];
	int64_t firsts[THREADS], start = now_ns();
	for (int i = 0; i < THREADS; i++) {
		firsts[i] = number + i * 500 + 1;
		pthread_create(&threads[i], NULL, record_ones, &firsts[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (meter_stats(m, &stats) != METER_OK || stats.accepted != number + THREADS * 500)
		fail("not what was recorded", meter_errmsg());
	printf("{\"bench\":\"synchronous batch of 1\",\"threads\":%d,\"events_per_second\":%.0f,\"to_one_thread\":%.2f}\n",
	       THREADS, THREADS * 500 * 1e9 / (double)(now_ns() - start),
	       THREADS * 500 * (double)one_ns / (double)(now_ns() - start));
	meter_close(m);
	close(fd);
	unlink(plain);
	remove_files(path);
	free(catalog);
	return 0;
}
