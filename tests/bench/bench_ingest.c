/*
 * bench_ingest.c - sustained ingest, from the first call until everything is durable, beside plain SQLite doing the same or less.
 *
 *   bench_ingest FOLDER EVENTS          every workload
 *   bench_ingest FOLDER EVENTS flat     W1 alone: how the rate holds as the file grows; 20 million or more
 *   bench_ingest FOLDER EVENTS csv      the events of W1 as CSV, for another database
 *
 * Each measurement is a process of its own and checks what it did: counters and sums are those of the events sent.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>

#include "workload.h"

#define LIVE_THREADS 4
#define NAIVE_EVENTS 60000
#define BATCH_EVENTS 100000
/* A rate is taken over this many, because the WAL is written back only now and then. */
#define FLAT_EVENTS 5000000

struct measured {
	int64_t ns;
	int64_t first_ns, last_ns; /* of FLAT_EVENTS after the first million, and of the last ones */
	int64_t bytes;
};

struct job {
	const struct workload *w;
	int64_t count;
	bool by_batch;
	bool is_again; /* the same events were sent before */
	char path[1000];
};

/* ---- the library ---- */

static meter *open_file(const char *path)
{
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.full_wait_ms = 60000;
	if (meter_open(&m, path, &options) != METER_OK)
		fail("meter_open", meter_errmsg());
	return m;
}

static void check_stored(meter *m, const struct job *job, int64_t amount, bool all)
{
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (meter_stats(m, &stats) != METER_OK)
		fail("stats", meter_errmsg());
	if (stats.accepted != job->count || stats.duplicate != (job->is_again ? job->count : 0) || stats.unbilled != 0)
		fail(job->w->name, "not what was sent");
	if (!all)
		return;
	meter_usage *usage;
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = "tokens0";
	if (meter_usage_query(&usage, m, &filter) != METER_OK || meter_usage_next(usage) != METER_OK)
		fail("usage", meter_errmsg());
	if (strtoll(meter_usage_value(usage), NULL, 10) != amount)
		fail(job->w->name, "the buckets are not the sum of what was sent");
	meter_usage_free(usage);
}

static int64_t send_records(meter *m, const struct job *job, struct measured *out)
{
	struct generated g;
	uint64_t state = 42;
	int64_t amount = 0;
	prepare_event(&g);
	for (int64_t i = 0; i < job->count; i++) {
		generate(&g, job->w, &state, i);
		amount += g.amount;
		if (meter_record(m, &g.event) != METER_OK)
			fail("meter_record", meter_errmsg());
		/* The spool is full from early in the first million on: from then on calls return as fast as the writer stores.
		 */
		if (i == 999999)
			out->first_ns = now_ns();
		if (i == 999999 + FLAT_EVENTS)
			out->first_ns = now_ns() - out->first_ns;
		if (i == job->count - FLAT_EVENTS - 1)
			out->last_ns = now_ns();
	}
	out->last_ns = now_ns() - out->last_ns;
	if (meter_flush(m, -1) != METER_OK)
		fail("meter_flush", meter_errmsg());
	return amount;
}

/* Two in turn, so that one is filled while the other one is written. */
static int64_t send_batches(meter *m, const struct job *job)
{
	struct generated g;
	uint64_t state = 42;
	int64_t amount = 0;
	meter_batch *batches[2];
	prepare_event(&g);
	if (meter_batch_new(&batches[0], m) != METER_OK || meter_batch_new(&batches[1], m) != METER_OK)
		fail("meter_batch_new", meter_errmsg());
	for (int64_t i = 0; i < job->count; i++) {
		meter_batch *b = batches[i / BATCH_EVENTS % 2];
		if (i % BATCH_EVENTS == 0 && (meter_batch_wait(b) != METER_OK || meter_batch_clear(b) != METER_OK))
			fail("meter_batch_wait", meter_errmsg());
		generate(&g, job->w, &state, i);
		amount += g.amount;
		if (meter_batch_add(b, &g.event) != METER_OK)
			fail("meter_batch_add", meter_errmsg());
	}
	for (int i = 0; i < 2; i++) {
		if (meter_batch_wait(batches[i]) != METER_OK)
			fail("meter_batch_wait", meter_errmsg());
		meter_batch_free(batches[i]);
	}
	return amount;
}

static void run_library(void *result, void *user)
{
	struct job *job = user;
	struct measured *out = result;
	meter *m = open_file(job->path);
	char *catalog = write_catalog(job->w);
	if (meter_catalog_apply(m, "catalog", catalog, strlen(catalog), NULL, NULL, NULL) != METER_OK)
		fail("catalog", meter_errmsg());
	*out = (struct measured){0};
	int64_t start = now_ns();
	int64_t amount = job->by_batch ? send_batches(m, job) : send_records(m, job, out);
	out->ns = now_ns() - start;
	check_stored(m, job, amount, job->w->types == 1);
	if (meter_close(m) != METER_OK)
		fail("meter_close", meter_errmsg());
	struct stat status;
	if (stat(job->path, &status) != 0)
		fail("stat", job->path);
	out->bytes = status.st_size;
	free(catalog);
}

/* ---- live: four threads, and a probe that asks how long durable takes ---- */

struct live {
	meter *m;
	int64_t count;
	int64_t pause_ns; /* between events of one thread; 0: none */
	uint64_t seed;
	int64_t refused;
	pthread_t thread;
};

static void *record_live(void *user)
{
	struct live *l = user;
	struct generated g;
	uint64_t state = l->seed * 7919 + 1;
	int64_t next = now_ns();
	prepare_event(&g);
	for (int64_t i = 0; i < l->count;) {
		generate(&g, &workloads[3], &state, i + (int64_t)l->seed * l->count);
		int code = meter_record(l->m, &g.event);
		if (code == METER_OK) {
			i++;
		} else if (code == METER_EAGAIN) {
			l->refused++;
		} else {
			fail("meter_record", meter_errmsg());
		}
		next += l->pause_ns;
		while (l->pause_ns > 0 && now_ns() < next) {
			struct timespec t = {0, 100000};
			nanosleep(&t, NULL);
		}
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct live_measured {
	int64_t ns;
	int64_t refused;
	int64_t p50_us,
		p99_us; /* from record to durable: a probe is recorded, then its commit is waited for without asking for it */
};

struct live_job {
	char path[1000];
	int64_t count;
	int64_t pause_ns;
};

/* An event is durable when the spool is consumed up to it: stats tell how much waits, oldest first. */
static int64_t probe(meter *m, int number)
{
	struct generated g;
	uint64_t state = 99 + (uint64_t)number;
	prepare_event(&g);
	generate(&g, &workloads[3], &state, INT64_C(1000000000) + number);
	int64_t start = now_ns();
	if (meter_record(m, &g.event) != METER_OK)
		fail("a probe", meter_errmsg());
	for (;;) {
		meter_counters stats = {.struct_size = sizeof(stats)};
		struct timespec t = {0, 5000000};
		nanosleep(&t, NULL);
		if (meter_stats(m, &stats) != METER_OK)
			fail("stats", meter_errmsg());
		int64_t age_us = (now_ns() - start) / 1000;
		if (stats.queued == 0 || stats.oldest_queued_us < age_us)
			return age_us;
	}
}

static void run_live(void *result, void *user)
{
	struct live_job *job = user;
	struct live_measured *out = result;
	struct live lives[LIVE_THREADS];
	static int64_t waits[1000];
	int probes = 0;
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.full_wait_ms = 1000;
	if (meter_open(&m, job->path, &options) != METER_OK)
		fail("meter_open", meter_errmsg());
	char *catalog = write_catalog(&workloads[3]);
	if (meter_catalog_apply(m, "catalog", catalog, strlen(catalog), NULL, NULL, NULL) != METER_OK)
		fail("catalog", meter_errmsg());
	*out = (struct live_measured){0};
	int64_t start = now_ns();
	for (int i = 0; i < LIVE_THREADS; i++) {
		lives[i] =
			(struct live){.m = m, .count = job->count / LIVE_THREADS, .pause_ns = job->pause_ns, .seed = (uint64_t)i};
		pthread_create(&lives[i].thread, NULL, record_live, &lives[i]);
	}
	while (job->pause_ns > 0 && probes < 1000 && now_ns() - start < job->count / LIVE_THREADS * job->pause_ns) {
		waits[probes] = probe(m, probes);
		probes++;
	}
	for (int i = 0; i < LIVE_THREADS; i++) {
		pthread_join(lives[i].thread, NULL);
		out->refused += lives[i].refused;
	}
	if (meter_flush(m, -1) != METER_OK)
		fail("meter_flush", meter_errmsg());
	out->ns = now_ns() - start;
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (meter_stats(m, &stats) != METER_OK || stats.accepted != job->count / LIVE_THREADS * LIVE_THREADS + probes)
		fail("W5", "not what was sent");
	qsort(waits, (size_t)probes, sizeof(waits[0]), compare);
	if (probes > 0) {
		out->p50_us = waits[probes / 2];
		out->p99_us = waits[probes * 99 / 100];
	}
	meter_close(m);
	free(catalog);
}

/* ---- plain SQLite ---- */

enum plain { NAIVE, NAIVE_BATCHED, APPEND };

struct plain_job {
	enum plain kind;
	int64_t count;
	char path[1000];
};

static void must(sqlite3 *db, bool is_done)
{
	if (!is_done)
		fail("SQLite", sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare_sql(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	must(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
	return statement;
}

static void bind_event(sqlite3_stmt *s, const struct generated *g)
{
	char properties[120];
	int size = snprintf(properties, sizeof(properties), "{\"model\":\"%s\",\"region\":\"%s\",\"tokens\":\"%.4s\"}",
	                    g->properties[0].value, g->properties[1].value, g->tokens);
	sqlite3_bind_text(s, 1, g->subscription, 9, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, g->event.timestamp_us);
	sqlite3_bind_text(s, 3, g->id, 32, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, properties, size, SQLITE_TRANSIENT);
}

static void add_bucket(sqlite3 *db, sqlite3_stmt *s, const struct generated *g, const char *key, const char *dimension,
                       int64_t value)
{
	sqlite3_bind_text(s, 1, g->subscription, 9, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, g->event.timestamp_us / 60000000);
	sqlite3_bind_text(s, 4, dimension, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, value);
	must(db, sqlite3_step(s) == SQLITE_DONE);
	sqlite3_reset(s);
}

static void run_plain(void *result, void *user)
{
	struct plain_job *job = user;
	int64_t per_transaction = job->kind == NAIVE ? 1 : job->kind == NAIVE_BATCHED ? 10000 : 100000;
	sqlite3 *db = NULL;
	bool is_open = sqlite3_open(job->path, &db) == SQLITE_OK;
	must(db, is_open);
	must(db, sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;", NULL,
	                      NULL, NULL) == SQLITE_OK);
	must(db, sqlite3_exec(db,
	                      job->kind == APPEND
	                              ? "CREATE TABLE event (subscription, timestamp, id, properties)"
	                              : "CREATE TABLE event (subscription TEXT, timestamp INTEGER, id TEXT, properties TEXT,"
	                                " PRIMARY KEY (subscription, timestamp, id)) WITHOUT ROWID;"
	                                "CREATE TABLE bucket (subscription TEXT, meter TEXT, minute INTEGER, dimension TEXT, "
	                                "value INTEGER,"
	                                " PRIMARY KEY (subscription, meter, minute, dimension)) WITHOUT ROWID",
	                      NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_stmt *insert = prepare_sql(db, "INSERT OR IGNORE INTO event VALUES (?1, ?2, ?3, ?4)");
	sqlite3_stmt *bucket = job->kind == APPEND ? NULL
	                                           : prepare_sql(db, "INSERT INTO bucket VALUES (?1, ?2, ?3, ?4, ?5)"
	                                                             " ON CONFLICT DO UPDATE SET value = value + excluded.value");
	sqlite3_stmt *begin = prepare_sql(db, "BEGIN"), *commit = prepare_sql(db, "COMMIT");
	struct generated g;
	uint64_t state = 42;
	prepare_event(&g);
	int64_t start = now_ns();
	for (int64_t i = 0; i < job->count; i++) {
		if (i % per_transaction == 0) {
			must(db, sqlite3_step(begin) == SQLITE_DONE);
			sqlite3_reset(begin);
		}
		generate(&g, &workloads[0], &state, i);
		bind_event(insert, &g);
		must(db, sqlite3_step(insert) == SQLITE_DONE);
		sqlite3_reset(insert);
		if (bucket && sqlite3_changes(db) == 1) {
			add_bucket(db, bucket, &g, "calls", g.properties[0].value, 1);
			add_bucket(db, bucket, &g, "tokens", g.properties[1].value, g.amount);
		}
		if (i % per_transaction == per_transaction - 1 || i == job->count - 1) {
			must(db, sqlite3_step(commit) == SQLITE_DONE);
			sqlite3_reset(commit);
		}
	}
	*(int64_t *)result = now_ns() - start;
	sqlite3_finalize(insert);
	sqlite3_finalize(bucket);
	sqlite3_finalize(begin);
	sqlite3_finalize(commit);
	sqlite3_close(db);
}

static double rate_of(int64_t count, int64_t ns)
{
	return (double)count * 1e9 / (double)ns;
}

static double measure_plain(const char *folder, enum plain kind, int64_t count, const char *name)
{
	struct plain_job job = {.kind = kind, .count = count};
	int64_t ns;
	snprintf(job.path, sizeof(job.path), "%s/plain.db", folder);
	remove_files(job.path);
	in_child(run_plain, &job, &ns, sizeof(ns));
	remove_files(job.path);
	printf("{\"bench\":\"%s\",\"events\":%" PRId64 ",\"events_per_second\":%.0f}\n", name, count, rate_of(count, ns));
	return rate_of(count, ns);
}

/* ---- all of it ---- */

/* On a virtual machine the first touch of a page of memory waits for the host, which is noise of a tenth in a figure. A file as
 * large as the database, written and removed, leaves touched pages to the page cache of what comes next, whoever it is. */
static void warm_up(const char *folder, int64_t bytes)
{
	static const char block[1 << 20];
	char path[1000];
	snprintf(path, sizeof(path), "%s/warm-up", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("warm-up", path);
	for (int64_t at = 0; at < bytes; at += (int64_t)sizeof(block)) {
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			fail("warm-up", path);
	}
	close(fd);
	unlink(path);
}

static double measure(struct job *job, const char *name)
{
	struct measured out;
	int64_t kib = in_child(run_library, job, &out, sizeof(out));
	printf("{\"bench\":\"%s\",\"through\":\"%s\",\"events\":%" PRId64
	       ",\"events_per_second\":%.0f,\"bytes_per_event\":%.1f,\"peak_mib\":%" PRId64,
	       name, job->by_batch ? "batch" : "record", job->count, rate_of(job->count, out.ns),
	       (double)out.bytes / (double)job->count, kib / 1024);
	if (!job->by_batch && job->count >= 4 * FLAT_EVENTS)
		printf(",\"last_5_million_to_first\":%.2f", (double)out.first_ns / (double)out.last_ns);
	printf("}\n");
	return rate_of(job->count, out.ns);
}

static void measure_live(const char *folder, int64_t count, double full_rate)
{
	struct live_job job = {.count = count, .pause_ns = full_rate > 0 ? (int64_t)(LIVE_THREADS * 2e9 / full_rate) : 0};
	struct live_measured out;
	snprintf(job.path, sizeof(job.path), "%s/live.db", folder);
	remove_files(job.path);
	in_child(run_live, &job, &out, sizeof(out));
	remove_files(job.path);
	double rate = rate_of(count, out.ns);
	if (full_rate > 0) {
		printf("{\"bench\":\"W5 at half "
		       "load\",\"events_per_second\":%.0f,\"durable_p50_ms\":%.1f,\"durable_p99_ms\":%.1f}\n",
		       rate, (double)out.p50_us / 1000, (double)out.p99_us / 1000);
		return;
	}
	printf("{\"bench\":\"W5\",\"threads\":%d,\"events\":%" PRId64 ",\"events_per_second\":%.0f,\"refused\":%" PRId64 "}\n",
	       LIVE_THREADS, count, rate, out.refused);
	measure_live(folder, count, rate);
}

static void print_csv(int64_t count)
{
	struct generated g;
	uint64_t state = 42;
	prepare_event(&g);
	for (int64_t i = 0; i < count; i++) {
		generate(&g, &workloads[0], &state, i);
		printf("%.9s,%" PRId64 ",%.32s,%s,%s,%.4s\n", g.subscription, g.event.timestamp_us, g.id, g.properties[0].value,
		       g.properties[1].value, g.tokens);
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: bench_ingest FOLDER EVENTS [flat|csv]\n");
		return 2;
	}
	int64_t count = atoll(argv[2]);
	if (argc > 3 && strcmp(argv[3], "csv") == 0) {
		print_csv(count);
		return 0;
	}
	struct job job = {.w = &workloads[0], .count = count};
	snprintf(job.path, sizeof(job.path), "%s/ingest.db", argv[1]);
	remove_files(job.path);
	warm_up(argv[1], count < 10000000 ? count * 120 : INT64_C(1200000000));
	double w1 = measure(&job, "W1");
	if (argc > 3) {
		remove_files(job.path);
		return 0;
	}
	job.is_again = true;
	(void)measure(&job, "W3: W1 again, all duplicates");
	job.is_again = false;
	remove_files(job.path);
	job.by_batch = true;
	(void)measure(&job, "W1");
	remove_files(job.path);
	job.by_batch = false;
	job.w = &workloads[1];
	(void)measure(&job, "W2");
	remove_files(job.path);
	job.w = &workloads[2];
	double w4 = measure(&job, "W4");
	remove_files(job.path);
	measure_live(argv[1], count, 0);
	double naive = measure_plain(argv[1], NAIVE, count < NAIVE_EVENTS ? count : NAIVE_EVENTS, "naive SQLite");
	double batched =
		measure_plain(argv[1], NAIVE_BATCHED, count < 1000000 ? count : 1000000, "naive SQLite, 10,000 a transaction");
	double append =
		measure_plain(argv[1], APPEND, count < 2000000 ? count : 2000000, "SQLite, append only, no dedup, no buckets");
	printf("{\"bench\":\"W1 to naive\",\"ratio\":%.1f}\n{\"bench\":\"W1 to naive batched\",\"ratio\":%.1f}\n"
	       "{\"bench\":\"W1 to append only\",\"ratio\":%.2f}\n{\"bench\":\"W4 to W1\",\"ratio\":%.2f}\n",
	       w1 / naive, w1 / batched, w1 / append, w4 / w1);
	return 0;
}
