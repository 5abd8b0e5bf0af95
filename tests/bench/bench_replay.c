/*
 * bench_replay.c - how fast events go from a JSON Lines file into the database, and in how much memory: `meter replay` against
 * naive.c with one event and with 10,000 events per transaction. README.md has the method.
 *
 * Each program runs as a process of its own into an empty file, timed from fork to exit: opening, the last commit and closing
 * count.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char catalog[] = "version: 1\n"
			      "meters:\n"
			      "  tokens: {event_type: llm.call, aggregation: sum, value: tokens, dimensions: [model, kind]}\n";

/* Machines are shared and noisy: the two that are close are run in turn, and their medians compared. */
#define ROUNDS 3

static char scratch[4000];

struct result {
	int64_t events_per_second;
	int64_t peak_kib;
};

static void remove_scratch(void)
{
	static const char *const names[] = {"events.jsonl", "catalog.yaml", "db", "db-wal", "db-shm", "db-lock", "db-journal"};
	char path[sizeof scratch + 32];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
		unlink(path);
	}
	rmdir(scratch);
}

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench_replay: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Run a program with stdout into a file (or away) and give back how long it took and what it needed. */
static int64_t run(char *const *argv, const char *out_path, struct rusage *usage_out)
{
	struct timespec start, end;
	int status;
	pid_t child;

	clock_gettime(CLOCK_MONOTONIC, &start);
	child = fork();
	if (child == 0) {
		int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (out >= 0 && dup2(out, STDOUT_FILENO) >= 0)
			execv(argv[0], argv);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, usage_out) != child)
		fail(argv[0]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "bench_replay: %s failed with status %d\n", argv[0], status);
		exit(1);
	}
	return (end.tv_sec - start.tv_sec) * INT64_C(1000000000) + end.tv_nsec - start.tv_nsec;
}

static struct result measure(const char *name, char *const *argv, int64_t events)
{
	struct rusage usage;

	sync(); /* what the one before left to write must not slow this one down */
	int64_t ns = run(argv, "/dev/null", &usage);
	struct result result = {events * INT64_C(1000000000) / ns, usage.ru_maxrss};

	printf("{\"bench\":\"replay\",\"program\":\"%s\",\"events\":%" PRId64 ",\"seconds\":%" PRId64 ".%03" PRId64
	       ",\"events_per_second\":%" PRId64 ",\"peak_kib\":%" PRId64 "}\n",
	       name, events, ns / 1000000000, ns / 1000000 % 1000, result.events_per_second, result.peak_kib);
	fflush(stdout);
	return result;
}

static void remove_database(const char *database)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	char path[sizeof scratch + 32];

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(path, sizeof path, "%s%s", database, suffixes[i]);
		unlink(path);
	}
}

static struct result measure_naive(const char *build, char *events_path, char *database, int64_t batch, int64_t events)
{
	char program[sizeof scratch], batch_text[24], limit_text[24];
	char *argv[] = {program, events_path, database, batch_text, limit_text, NULL};

	snprintf(program, sizeof program, "%s/tests/bench/naive", build);
	snprintf(batch_text, sizeof batch_text, "%" PRId64, batch);
	snprintf(limit_text, sizeof limit_text, "%" PRId64, events);
	remove_database(database);
	return measure(batch == 1 ? "naive" : "naive, 10000 per transaction", argv, events);
}

static void make_events(const char *build, const char *events_path, int64_t events)
{
	char generator[sizeof scratch], count_text[24];
	char *argv[] = {generator, count_text, NULL};
	struct rusage usage;

	snprintf(generator, sizeof generator, "%s/tests/bench/generate", build);
	snprintf(count_text, sizeof count_text, "%" PRId64, events);
	run(argv, events_path, &usage);
}

static struct result measure_meter(const char *build, char *events_path, char *catalog_path, char *database, int64_t events)
{
	char program[sizeof scratch];
	char *apply[] = {program, "-d", database, "apply", catalog_path, NULL};
	char *replay[] = {program, "-d", database, "replay", events_path, NULL};
	struct rusage usage;

	snprintf(program, sizeof program, "%s/meter", build);
	remove_database(database);
	run(apply, "/dev/null", &usage);
	return measure("meter replay", replay, events);
}

/* The one of the median speed. */
static struct result median(const struct result *r)
{
	int64_t a = r[0].events_per_second, b = r[1].events_per_second, c = r[2].events_per_second;

	return r[(a >= b) == (a <= c) ? 0 : (b >= a) == (b <= c) ? 1 : 2];
}

static void print_ratio(const char *name, int64_t a, int64_t b)
{
	printf("{\"bench\":\"replay\",\"ratio\":\"%s\",\"value\":%" PRId64 ".%02" PRId64 "}\n", name, a / b, a * 100 / b % 100);
}

int main(int argc, char **argv)
{
	char events_path[sizeof scratch + 32], catalog_path[sizeof scratch + 32], database[sizeof scratch + 32];
	int64_t events = argc == 3 ? atoll(argv[2]) : 0;
	struct result naive, small, batched[ROUNDS], meter[ROUNDS];
	FILE *file;

	if (events < 10) {
		fputs("usage: bench_replay BUILD-FOLDER EVENTS    (at least 10)\n", stderr);
		return 2;
	}
	snprintf(scratch, sizeof scratch, "%s/bench-XXXXXX", argv[1]);
	if (mkdtemp(scratch) == NULL)
		fail(scratch);
	atexit(remove_scratch);
	snprintf(events_path, sizeof events_path, "%s/events.jsonl", scratch);
	snprintf(catalog_path, sizeof catalog_path, "%s/catalog.yaml", scratch);
	snprintf(database, sizeof database, "%s/db", scratch);
	file = fopen(catalog_path, "w");
	if (file == NULL || fputs(catalog, file) < 0 || fclose(file) != 0)
		fail(catalog_path);

	make_events(argv[1], events_path, events / 10);
	small = measure_meter(argv[1], events_path, catalog_path, database, events / 10);
	make_events(argv[1], events_path, events);
	for (int i = 0; i < ROUNDS; i++) {
		meter[i] = measure_meter(argv[1], events_path, catalog_path, database, events);
		batched[i] = measure_naive(argv[1], events_path, database, 10000, events);
	}
	naive = measure_naive(argv[1], events_path, database, 1, events);
	print_ratio("meter / naive", median(meter).events_per_second, naive.events_per_second);
	print_ratio("meter / naive, 10000 per transaction", median(meter).events_per_second, median(batched).events_per_second);
	print_ratio("peak memory of ten times the events", meter[0].peak_kib, small.peak_kib);
	return 0;
}
