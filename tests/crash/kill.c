/*
 * kill.c - processes that record are killed with SIGKILL, at random or at a test point; whoever opens the file next must find
 * every event that was acknowledged, none that was not attempted, each once, and buckets that add up to what is stored.
 *
 *   kill random ROUNDS [SEED]     1 to 3 processes of 1 to 4 threads each, killed 0 to 30 ms after they began
 *   kill points TIMES [SEED]      every test point TIMES times (a build with POINTS=1)
 *
 * One of the processes may be closing invoices, a day later each time, while others record what is then late: each period has one
 * invoice that holds, numbers have no gaps, and once everything is closed each event is billed once. Among what is closed are
 * a plan that changes in the middle of the events, and one that changes to periods of another length.
 *
 * What was attempted and acknowledged is noted in memory shared with the parent: before the call, and after it returned. SEED
 * repeats the choices, not the timing. A counter that stays zero (nothing recovered, nothing in doubt) fails the run: it would
 * prove nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <meter.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "books.h"
#include "closing.h"

#define IDS_MAX 2000000
#define POINTS_MAX 64
#define NEW_FILE 20 /* rounds on one file */
#define PROCESSES 3
#define THREADS 4
#define MINUTE_US INT64_C(60000000)
#define START_US INT64_C(1767225600000000)
#define DAY_US INT64_C(86400000000)
#define END_DAY 80 /* everything is over: subscriptions end after 40 days */

enum { ATTEMPTED = 1, ACKED = 2, DURABLE = 4, STORED = 8 };

struct point {
	char name[40];
	atomic_int hits;
};

static struct shared {
	_Atomic uint8_t ids[IDS_MAX];
	atomic_int next;
	atomic_int opened;
	atomic_int closings; /* runs that were done */
	atomic_int day;      /* of the last one: documents are issued in the order of their times */
	atomic_int failed;   /* calls that returned an error they should not have */
	struct point points[POINTS_MAX];
	atomic_int point_count;
	char target[40]; /* the point that kills; "" none */
	atomic_int countdown;
} * shared;

static char path[200];
static uint64_t seed;
static struct {
	int64_t kills, recovered, in_doubt, in_open, verified, documents;
} seen;

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "kill: seed %" PRIu64 ", target \"%s\": %s: %s\n", seed, shared->target, what, detail);
	exit(1);
}

static uint64_t draw(uint64_t below)
{
	static uint64_t state;
	if (state == 0)
		state = seed * 2654435761u + 88172645463325252u;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void pause_us(int64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};
	nanosleep(&t, NULL);
}

/* ---- test points ---- */

void meter__test_point(const char *name);

void meter__test_point(const char *name)
{
	if (shared->target[0] != '\0') {
		if (strcmp(name, shared->target) == 0 && atomic_fetch_sub(&shared->countdown, 1) == 1)
			kill(getpid(), SIGKILL);
		return;
	}
	int count = atomic_load(&shared->point_count);
	for (int i = 0; i < count; i++) {
		if (strcmp(shared->points[i].name, name) == 0) {
			atomic_fetch_add(&shared->points[i].hits, 1);
			return;
		}
	}
	/* Two threads may add one name twice: then it is only tried more often. */
	int at = atomic_fetch_add(&shared->point_count, 1);
	if (at < POINTS_MAX) {
		snprintf(shared->points[at].name, sizeof(shared->points[at].name), "%s", name);
		atomic_store(&shared->points[at].hits, 1);
	}
}

/* ---- events: everything about one follows from its number ---- */

static const char *const subscriptions[] = {"acme", "globex", "initech"};

struct filled {
	meter_event event;
	meter_property property;
	char id[16], amount[8];
};

static int64_t amount_of(int number)
{
	return number % 7 + 1;
}

static int64_t time_of(int number)
{
	return START_US + (int64_t)number % 5000 * 100000 + number % 3; /* eight minutes, in no order */
}

static void fill(struct filled *f, int number)
{
	f->event = (meter_event)METER_EVENT_INIT;
	snprintf(f->id, sizeof(f->id), "%d", number);
	snprintf(f->amount, sizeof(f->amount), "%d", (int)amount_of(number));
	f->property = (meter_property)METER_PROPERTY("amount", f->amount);
	f->event.subscription = subscriptions[number % 3];
	f->event.id = f->id;
	f->event.type = "use";
	f->event.timestamp_us = time_of(number);
	f->event.properties = &f->property;
	f->event.property_count = 1;
}

static void note(int number, int what)
{
	atomic_fetch_or(&shared->ids[number], (uint8_t)what);
}

/* ---- processes that record ---- */

/* A dollar a use, whatever the plan. */
#define PLAN(key, period, more)                                                                                                  \
	"  - {key: " key ", currency: USD, period: " period ", effective_from: 2026-01-01T00:00:00Z" more                        \
	", charges: [{key: uses, meter: uses, model: unit, price: 1}]}\n"

static const char catalog[] =
	"version: 1\n"
	"meters:\n"
	"  uses: {event_type: use, aggregation: count}\n"
	"  amounts: {event_type: use, aggregation: sum, value: amount, dimensions: [amount]}\n"
	"plans:\n" PLAN("p", "day", ", late_usage: credit_note") PLAN("q", "day", "") PLAN(
		"w", "week", "") "subscriptions:\n"
				 "  acme: {customer: A, plan: [{plan: p, from: 2026-01-01T00:00:00Z}, {plan: q, from: "
				 "2026-01-01T00:04:00Z}], from: "
				 "2026-01-01T00:00:00Z, until: 2026-02-10T00:00:00Z}\n"
				 "  globex: {customer: G, plan: [{plan: p, from: 2026-01-01T00:00:00Z}, {plan: w, from: "
				 "2026-01-04T12:00:00Z}], from: "
				 "2026-01-01T00:00:00Z, until: 2026-02-10T00:00:00Z}\n"
				 "  initech: {customer: I, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-02-10T00:00:00Z}\n";

static meter *open_file(uint32_t flags)
{
	meter_options options = METER_OPTIONS_INIT;
	options.flags = flags;
	options.queue_mib = 1;
	options.full_wait_ms = 2000;
	meter *m;
	return meter_open(&m, path, &options) == METER_OK ? m : NULL;
}

static void record_one(meter *m, int number, bool is_known)
{
	struct filled f;
	fill(&f, number);
	note(number, ATTEMPTED);
	if (meter_record(m, &f.event) == METER_OK)
		note(number, ACKED);
	else if (!is_known)
		atomic_fetch_add(&shared->failed, 1);
}

static void record_three(meter *m, int number)
{
	struct filled f[3];
	meter_event events[3];
	for (int i = 0; i < 3; i++) {
		fill(&f[i], number + i);
		events[i] = f[i].event;
		note(number + i, ATTEMPTED);
	}
	if (meter_record_many(m, events, 3, NULL) != METER_OK)
		atomic_fetch_add(&shared->failed, 1);
	else
		for (int i = 0; i < 3; i++)
			note(number + i, ACKED | DURABLE);
}

struct worker {
	meter *m;
	unsigned state;
	int steps; /* -1: until it is killed */
	pthread_t thread;
};

static void *work(void *user)
{
	struct worker *w = user;
	int mine[64], count = 0; /* acknowledged since the last flush */
	for (int step = 0; step != w->steps; step++) {
		unsigned choice = (unsigned)rand_r(&w->state) % 100;
		int number = atomic_fetch_add(&shared->next, 3);
		if (number + 3 > IDS_MAX)
			return NULL;
		if (choice < 80) {
			record_one(w->m, number, false);
			mine[count++] = number;
		} else if (choice < 90) {
			record_three(w->m, number);
		} else if (number > 300) {
			record_one(w->m, (int)((unsigned)rand_r(&w->state) % (unsigned)number) / 3 * 3,
			           true); /* sent before, maybe */
		}
		if (count == 64 || choice == 99) {
			if (meter_flush(w->m, -1) != METER_OK)
				atomic_fetch_add(&shared->failed, 1);
			else
				for (int i = 0; i < count; i++)
					note(mine[i], DURABLE);
			count = 0;
		}
		if (choice % 10 == 0)
			pause_us((int64_t)choice * 3);
	}
	return NULL;
}

static _Noreturn void run_process(int threads, int steps, unsigned state)
{
	meter *m = open_file(0);
	if (!m)
		_exit(1);
	atomic_fetch_add(&shared->opened, 1);
	struct worker workers[THREADS];
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker){m, state + (unsigned)i, steps, 0};
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	_exit(meter_close(m) == METER_OK ? 0 : 2);
}

static pid_t start(int threads, int steps)
{
	unsigned state = (unsigned)draw(1u << 31);
	pid_t child = fork();
	if (child == 0)
		run_process(threads, steps, state);
	return child;
}

/* ---- processes that close ---- */

static void note_failure(int code)
{
	/* Another process may have closed, adjusted or voided it meanwhile. */
	if (code != METER_OK && code != METER_ESTATE && code != METER_EEND)
		atomic_fetch_add(&shared->failed, 1);
}

/* Void or make anew what was issued last. */
static void change_last(meter *m, const char *number, bool is_void, int64_t at_us)
{
	meter_invoice *invoice;
	note_failure(is_void ? meter_invoice_void(&invoice, m, number, "a crash test", at_us)
	                     : meter_invoice_regenerate(&invoice, m, number, "a crash test", at_us));
	meter_invoice_free(invoice);
}

static void close_day(meter *m, unsigned *state)
{
	meter_closing *closing;
	const int day = atomic_fetch_add(&shared->day, 1) + 1;
	const int64_t at_us = START_US + (day < END_DAY ? day : END_DAY) * DAY_US;
	int code = close_at(&closing, m, at_us);
	note_failure(code);
	if (code != METER_OK)
		return;
	if (meter_closing_refused(closing) > 0)
		atomic_fetch_add(&shared->failed, 1);
	const size_t count = meter_closing_count(closing);
	if (count > 0 && rand_r(state) % 2)
		change_last(m, meter_closing_number(closing, count - 1), rand_r(state) % 2, at_us);
	meter_closing_free(closing);
	atomic_fetch_add(&shared->closings, 1);
}

/* days: so many, -1: until it is killed. */
static _Noreturn void run_closing(int days, unsigned state)
{
	meter *m = open_file(METER_OPEN_WITHOUT_SPOOL);
	if (!m)
		_exit(1);
	atomic_fetch_add(&shared->opened, 1);
	for (int day = 0; day != days; day++) {
		close_day(m, &state);
		pause_us(rand_r(&state) % 4000); /* others wait for the lock by asking again */
	}
	_exit(meter_close(m) == METER_OK ? 0 : 2);
}

static pid_t start_closing(int days)
{
	unsigned state = (unsigned)draw(1u << 31);
	pid_t child = fork();
	if (child == 0)
		run_closing(days, state);
	return child;
}

/* ---- the oracle ---- */

static int64_t minute_counts[16], minute_amounts[16], total_amount;

static int64_t collect_stored(meter *m)
{
	meter_events *events;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	int64_t count = 0;
	memset(minute_counts, 0, sizeof(minute_counts));
	memset(minute_amounts, 0, sizeof(minute_amounts));
	total_amount = 0;
	if (meter_events_query(&events, m, &filter) != METER_OK)
		fail("listing events", meter_errmsg());
	int code;
	while ((code = meter_events_next(events)) == METER_OK) {
		const meter_event *e = meter_events_event(events);
		int number = atoi(e->id);
		if (!(atomic_load(&shared->ids[number]) & ATTEMPTED) || e->timestamp_us != time_of(number))
			fail("stored, but never attempted", e->id);
		if (atomic_load(&shared->ids[number]) & STORED)
			fail("stored twice", e->id);
		note(number, STORED);
		int64_t minute = (e->timestamp_us - START_US) / MINUTE_US;
		minute_counts[minute]++;
		minute_amounts[minute] += amount_of(number);
		total_amount += amount_of(number);
		count++;
	}
	if (code != METER_EEND)
		fail("listing events", meter_errmsg());
	meter_events_free(events);
	return count;
}

static void check_acknowledged(void)
{
	int end = atomic_load(&shared->next);
	char id[16];
	for (int i = 0; i < end && i < IDS_MAX; i++) {
		uint8_t bits = atomic_load(&shared->ids[i]);
		snprintf(id, sizeof(id), "%d", i);
		if ((bits & DURABLE) && !(bits & STORED))
			fail("durable, but lost", id);
		if ((bits & ACKED) && !(bits & STORED))
			fail("accepted, but lost", id);
		if ((bits & STORED) && !(bits & ACKED))
			seen.in_doubt++;
		atomic_fetch_and(&shared->ids[i], (uint8_t)~STORED);
	}
}

static void check_usage(meter *m, const char *key, const int64_t *by_minute, int64_t total)
{
	meter_usage *usage;
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = key;
	int64_t sum = 0;
	filter.by = METER_BY_MINUTE;
	if (meter_usage_query(&usage, m, &filter) != METER_OK)
		fail(key, meter_errmsg());
	while (meter_usage_next(usage) == METER_OK) {
		int64_t value = strtoll(meter_usage_value(usage), NULL, 10);
		int64_t minute = (meter_usage_from_us(usage) / MINUTE_US * MINUTE_US - START_US) / MINUTE_US;
		if (by_minute[minute] != value)
			fail("a minute is not the sum of its events", meter_usage_value(usage));
		sum += value;
	}
	meter_usage_free(usage);
	if (sum != total)
		fail("minutes are missing", key);
	filter.by = METER_BY_TOTAL;
	if (meter_usage_query(&usage, m, &filter) != METER_OK || meter_usage_next(usage) != METER_OK)
		fail(key, meter_errmsg());
	if (strtoll(meter_usage_value(usage), NULL, 10) != total)
		fail("the total is not the sum of the events", meter_usage_value(usage));
	meter_usage_free(usage);
}

static void check_integrity(void)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		fail("integrity_check", sqlite3_errmsg(db));
	const char *text = (const char *)sqlite3_column_text(statement, 0);
	if (strcmp(text, "ok") != 0)
		fail("integrity_check", text);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

/* What is not closed yet is closed now; then every event is on one invoice that holds, or on its adjustments. */
static void check_invoices(meter *m, int64_t events)
{
	meter_closing *closing;
	meter_invoices *list;
	meter_verification *v;
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	int64_t total = 0;
	int code;
	options.flags = METER_VERIFY_FULL;
	if (meter_verify_run(&v, m, &options) != METER_OK || meter_verify_total(v) != 0)
		fail("verify", meter_verify_count(v) ? meter_verify_text(v, 0) : meter_errmsg());
	meter_verify_free(v);
	if (close_at(&closing, m, START_US + END_DAY * DAY_US) != METER_OK)
		fail("closing", meter_errmsg());
	atomic_store(&shared->day, END_DAY);
	meter_closing_free(closing);
	if (meter_invoices_query(&list, m, NULL, 0) != METER_OK)
		fail("listing invoices", meter_errmsg());
	while ((code = meter_invoices_next(list)) == METER_OK) {
		const meter_invoice *invoice = meter_invoices_invoice(list);
		if (strcmp(meter_invoice_status(invoice), "voided") != 0)
			total += strtoll(meter_invoice_total(invoice), NULL, 10);
		seen.documents++;
	}
	meter_invoices_free(list);
	if (code != METER_EEND)
		fail("listing invoices", meter_errmsg());
	char counts[80];
	snprintf(counts, sizeof(counts), "%" PRId64 " billed, %" PRId64 " used", total, events);
	if (total != events)
		fail("what is billed is not what was used", counts);
}

static void check_the_books(void)
{
	const char *wrong = books_wrong(path);
	if (wrong)
		fail("the books", wrong);
}

/* In a process of its own: the parent never has the file open, so its children inherit nothing. */
static void verify_in_child(void)
{
	meter *m = open_file(0);
	if (!m)
		fail("opening after a kill", meter_errmsg());
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (meter_stats(m, &stats) != METER_OK)
		fail("stats", meter_errmsg());
	int64_t count = collect_stored(m);
	check_acknowledged();
	char counters[120];
	snprintf(counters, sizeof(counters),
	         "%" PRId64 " stored; accepted %" PRId64 ", conflict %" PRId64 ", rejected %" PRId64 ", damaged %" PRId64, count,
	         stats.accepted, stats.conflict, stats.rejected, stats.damaged);
	if (stats.accepted != count || stats.conflict || stats.rejected || stats.damaged)
		fail("the counters do not add up", counters);
	check_usage(m, "uses", minute_counts, count);
	check_usage(m, "amounts", minute_amounts, total_amount);
	check_invoices(m, count);
	if (meter_close(m) != METER_OK)
		fail("closing", meter_errmsg());
	check_integrity();
	check_the_books();
	int64_t found[3] = {stats.recovered, seen.in_doubt, seen.documents};
	memcpy(&shared->points[POINTS_MAX - 1], found, sizeof(found)); /* the last point has no name */
}

static void verify(void)
{
	if (atomic_load(&shared->failed) > 0)
		fail("calls failed", "while the file could be written");
	pid_t child = fork();
	int status;
	if (child == 0) {
		seen.in_doubt = 0;
		seen.documents = 0;
		verify_in_child();
		exit(0);
	}
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		exit(1);
	int64_t found[3];
	memcpy(found, &shared->points[POINTS_MAX - 1], sizeof(found));
	seen.recovered += found[0];
	seen.in_doubt += found[1];
	seen.documents += found[2];
	seen.verified++;
}

/* ---- campaigns ---- */

static void new_file(void)
{
	char command[600];
	snprintf(command, sizeof(command), "rm -f %s %s-*", path, path);
	if (system(command) != 0)
		fail("removing files", strerror(errno));
	memset(shared->ids, 0, sizeof(shared->ids));
	atomic_store(&shared->next, 0);
	atomic_store(&shared->day, 0);
	pid_t child = fork();
	if (child == 0) {
		meter *m = open_file(METER_OPEN_WITHOUT_SPOOL);
		bool is_made = m && meter_catalog_apply(m, "catalog", catalog, sizeof(catalog) - 1, NULL, NULL, NULL) == METER_OK;
		_exit(is_made && meter_close(m) == METER_OK ? 0 : 1);
	}
	int status;
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("making a file", "");
}

static void kill_at_random(void)
{
	pid_t children[PROCESSES];
	int count = (int)draw(PROCESSES) + 1;
	atomic_store(&shared->opened, 0);
	for (int i = 0; i < count; i++)
		children[i] = i > 0 && draw(2) ? start_closing(-1) : start((int)draw(THREADS) + 1, -1);
	/* Every fourth time at once, so that opening and recovering are hit as well. */
	if (draw(4) > 0) {
		while (atomic_load(&shared->opened) < count)
			pause_us(100);
	}
	pause_us((int64_t)draw(30000));
	seen.in_open += atomic_load(&shared->opened) < count;
	for (int i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(children[i], NULL, 0);
	seen.kills += count;
}

static void run_random(int64_t rounds)
{
	for (int64_t round = 0; seen.kills < rounds; round++) {
		if (round % NEW_FILE == 0)
			new_file();
		kill_at_random();
		if (draw(3) == 0 || round % NEW_FILE == NEW_FILE - 1)
			verify();
	}
	verify();
	if (seen.recovered == 0 || seen.in_doubt == 0 || atomic_load(&shared->closings) == 0 ||
	    (rounds >= 100 && seen.in_open == 0))
		fail("some kind of kill never happened", "the run proves nothing");
}

/* Something of everything, on a file that has a ring of a dead process beside it. */
static void run_scenario(void)
{
	shared->target[0] = '\0'; /* the one that leaves its ring dies by itself */
	pid_t left = start(2, -1);
	atomic_store(&shared->opened, 0);
	while (atomic_load(&shared->opened) < 1)
		pause_us(100);
	pause_us(3000);
	kill(left, SIGKILL);
	waitpid(left, NULL, 0);
}

/* An invoice of the first day for everybody, and usage of it that comes after that. */
static void prepare_closing(void)
{
	waitpid(start_closing(1), NULL, 0);
	waitpid(start(1, 100), NULL, 0);
}

/* Something happens at a point; when closing, nine days one by one, while another process records. Whether it was killed there.
 */
static bool run_at_point(bool is_closing)
{
	int status;
	pid_t child = is_closing ? start_closing(9) : start((int)draw(2) + 1, 300);
	if (is_closing)
		waitpid(start(1, 100), NULL, 0);
	waitpid(child, &status, 0);
	return WIFSIGNALED(status);
}

/* Closing goes on a file of its own each time: verifying closes everything, and then there would be nothing left but adjustments.
 */
static void prepare(bool is_closing, bool is_new)
{
	if (is_closing || is_new)
		new_file();
	run_scenario();
	if (is_closing)
		prepare_closing();
}

/* How often one run comes by a point; it is killed at the latest at the eighth time. */
static uint64_t rehearse(struct point *point, bool is_closing)
{
	prepare(is_closing, true);
	atomic_store(&point->hits, 0);
	run_at_point(is_closing);
	const int hits = atomic_load(&point->hits);
	return (uint64_t)(hits < 1 ? 1 : hits < 8 ? hits : 8);
}

static int64_t run_point(struct point *point, int64_t times)
{
	const bool is_closing = strncmp(point->name, "finalize.", 9) == 0;
	const uint64_t hits = rehearse(point, is_closing);
	int64_t kills = 0;
	for (int64_t time = 0; time < times; time++) {
		prepare(is_closing, time % NEW_FILE == 0);
		atomic_store(&shared->countdown, (int)draw(hits) + 1);
		snprintf(shared->target, sizeof(shared->target), "%s", point->name);
		kills += run_at_point(is_closing);
		shared->target[0] = '\0';
		verify();
	}
	return kills;
}

static void run_points(int64_t times)
{
	new_file();
	run_scenario();
	waitpid(start(2, 300), NULL, 0);
	waitpid(start_closing(9), NULL, 0);
	int count = atomic_load(&shared->point_count);
	if (count == 0)
		fail("no test points", "build with POINTS=1");
	for (int i = 0; i < count; i++) {
		const int64_t kills = run_point(&shared->points[i], times);
		printf("{\"point\":\"%s\",\"times\":%" PRId64 ",\"kills\":%" PRId64 "}\n", shared->points[i].name, times, kills);
		if (kills == 0)
			fail("nobody was killed at a point, so the run proves nothing about it", shared->points[i].name);
		seen.kills += kills;
	}
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: kill random|points COUNT [SEED]\n");
		return 2;
	}
	seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0); /* a child must not print it again */
	char folder[] = "/tmp/meter-kill-XXXXXX";
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/meter.db", folder);
	if (strcmp(argv[1], "points") == 0)
		run_points(strtoll(argv[2], NULL, 10));
	else
		run_random(strtoll(argv[2], NULL, 10));
	printf("{\"test\":\"kill %s\",\"seed\":%" PRIu64 ",\"kills\":%" PRId64 ",\"verified\":%" PRId64 ",\"recovered\":%" PRId64
	       ",\"in_doubt\":%" PRId64 ",\"documents\":%" PRId64 ",\"kills_while_opening\":%" PRId64
	       ",\"lost\":0,\"doubled\":0}\n",
	       argv[1], seed, seen.kills, seen.verified, seen.recovered, seen.in_doubt, seen.documents, seen.in_open);
	char command[300];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? 0 : 1;
}
