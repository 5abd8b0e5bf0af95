/*
 * bench_record.c - what one meter_record() costs its caller while the writer runs: a histogram at 1, 2 and 4 threads, beside a
 * queue in memory that copies as many bytes under a mutex.
 *
 *   bench_record FOLDER EVENTS     per thread
 *
 * The threads record at a pace that the writer can keep (300,000 a second together), so the spool never fills. The time of a call
 * includes that of the clock, which is printed.
 */
#include <pthread.h>

#include "workload.h"

#define BUCKETS 4096 /* of 25 ns */
#define BUCKET_NS 25
#define PACE 300000
#define SLOTS 65536

static struct queue {
	pthread_mutex_t mutex;
	uint64_t head;
	char slots[SLOTS][256];
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct recorder {
	meter *m; /* NULL: into the queue */
	int64_t count;
	int64_t pause_ns;
	uint64_t seed;
	int64_t histogram[BUCKETS];
	int64_t max_ns;
	pthread_t thread;
};

static void copy_into_queue(const struct generated *g)
{
	pthread_mutex_lock(&queue.mutex);
	char *to = queue.slots[queue.head++ % SLOTS];
	memcpy(to, &g->event.timestamp_us, 8);
	memcpy(to + 8, g->subscription, 9);
	memcpy(to + 24, g->id, 32);
	for (int i = 0; i < 3; i++)
		memcpy(to + 64 + i * 40, g->properties[i].value, g->properties[i].value_size);
	pthread_mutex_unlock(&queue.mutex);
}

static void *record(void *user)
{
	struct recorder *r = user;
	struct generated g;
	uint64_t state = r->seed * 7919 + 1;
	int64_t next = now_ns();
	prepare_event(&g);
	for (int64_t i = 0; i < r->count; i++) {
		generate(&g, &workloads[0], &state, i + (int64_t)r->seed * r->count);
		int64_t start = now_ns();
		if (!r->m)
			copy_into_queue(&g);
		else if (meter_record(r->m, &g.event) != METER_OK)
			fail("meter_record", meter_errmsg());
		int64_t took = now_ns() - start;
		r->histogram[took / BUCKET_NS < BUCKETS ? took / BUCKET_NS : BUCKETS - 1]++;
		r->max_ns = took > r->max_ns ? took : r->max_ns;
		for (next += r->pause_ns; now_ns() < next;)
			;
	}
	return NULL;
}

struct job {
	const char *path; /* NULL: the queue */
	int threads;
	int64_t count;
};

struct percentiles {
	int64_t p50, p99, p999, max;
};

static int64_t percentile(const int64_t *histogram, int64_t total, double part)
{
	int64_t seen = 0;
	for (int i = 0; i < BUCKETS; i++) {
		seen += histogram[i];
		if ((double)seen >= (double)total * part)
			return (i + 1) * BUCKET_NS;
	}
	return BUCKETS * BUCKET_NS;
}

static void run(void *result, void *user)
{
	struct job *job = user;
	static struct recorder recorders[8];
	static int64_t histogram[BUCKETS];
	struct percentiles *out = result;
	meter *m = NULL;
	*out = (struct percentiles){0};
	if (job->path && meter_open(&m, job->path, NULL) != METER_OK)
		fail("meter_open", meter_errmsg());
	char *catalog = write_catalog(&workloads[0]);
	if (m && meter_catalog_apply(m, "catalog", catalog, strlen(catalog), NULL, NULL, NULL) != METER_OK)
		fail("catalog", meter_errmsg());
	for (int i = 0; i < job->threads; i++) {
		recorders[i] = (struct recorder){
			.m = m, .count = job->count, .pause_ns = INT64_C(1000000000) * job->threads / PACE, .seed = (uint64_t)i};
		pthread_create(&recorders[i].thread, NULL, record, &recorders[i]);
	}
	for (int i = 0; i < job->threads; i++) {
		pthread_join(recorders[i].thread, NULL);
		for (int k = 0; k < BUCKETS; k++)
			histogram[k] += recorders[i].histogram[k];
		out->max = recorders[i].max_ns > out->max ? recorders[i].max_ns : out->max;
	}
	out->p50 = percentile(histogram, job->count * job->threads, 0.5);
	out->p99 = percentile(histogram, job->count * job->threads, 0.99);
	out->p999 = percentile(histogram, job->count * job->threads, 0.999);
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (m &&
	    (meter_flush(m, -1) != METER_OK || meter_stats(m, &stats) != METER_OK || stats.accepted != job->count * job->threads))
		fail("not what was recorded", meter_errmsg());
	meter_close(m);
	free(catalog);
}

int main(int argc, char **argv)
{
	char path[1000];
	if (argc < 3) {
		fprintf(stderr, "usage: bench_record FOLDER EVENTS\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/record.db", argv[1]);
	int64_t start = now_ns();
	for (int i = 0; i < 1000000; i++)
		(void)now_ns();
	printf("{\"bench\":\"clock\",\"ns\":%" PRId64 "}\n", (now_ns() - start) / 1000000);
	for (int threads = 1; threads <= 4; threads *= 2) {
		for (int is_queue = 0; is_queue < 2; is_queue++) {
			struct job job = {is_queue ? NULL : path, threads, atoll(argv[2]) / threads};
			struct percentiles p;
			remove_files(path);
			in_child(run, &job, &p, sizeof(p));
			printf("{\"bench\":\"%s\",\"threads\":%d,\"p50_ns\":%" PRId64 ",\"p99_ns\":%" PRId64
			       ",\"p99.9_ns\":%" PRId64 ",\"max_ns\":%" PRId64 "}\n",
			       is_queue ? "memcpy into a queue" : "meter_record", threads, p.p50, p.p99, p.p999, p.max);
		}
	}
	remove_files(path);
	return 0;
}
