/*
 * verify.c - meter_verify_run(): what is stored, added up again by another route and compared. See verify.h for its parts.
 *
 * Two workers take a half of the time each, cut at a midnight; both see the same state of the file. A check of its own is a
 * function of the list in check_file(), which runs on the first worker's reader after they have ended.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "internal.h"
#include "os.h"
#include "verify.h"

#define WORKERS 2

struct meter_verification {
	struct findings findings;
	meter_verify_counters counters;
	char head[HASH_TEXT_SIZE];
};

/* ---- findings ---- */

/* *ok becomes false when there is no memory. */
static char *copy_given(struct slice text, bool *ok)
{
	char *copy = text.data ? meter__copy(text) : NULL;
	*ok &= copy || !text.data;
	return copy;
}

static void free_finding(struct finding *f)
{
	free(f->text);
	free(f->place);
	free(f->expected);
	free(f->found);
}

int meter__finding_add(struct findings *f, const char *code, struct slice text, struct slice place, struct slice expected,
                       struct slice found)
{
	bool ok = true;
	f->total++;
	if (f->count == FINDINGS_MAX)
		return METER_OK;
	struct finding *finding = &f->list[f->count];
	*finding = (struct finding){.code = code,
	                            .text = copy_given(text, &ok),
	                            .place = copy_given(place, &ok),
	                            .expected = copy_given(expected, &ok),
	                            .found = copy_given(found, &ok)};
	if (ok) {
		f->count++;
		return METER_OK;
	}
	free_finding(finding);
	return meter__fail(METER_ENOMEM, "no memory for findings");
}

/* The findings of a worker, after those that are there. */
static void take_findings(struct findings *into, struct findings *from)
{
	for (size_t i = 0; i < from->count; i++) {
		if (into->count < FINDINGS_MAX)
			into->list[into->count++] = from->list[i];
		else
			free_finding(&from->list[i]);
	}
	into->total += from->total;
	from->count = 0;
	from->total = 0;
}

static int add_numbers(struct findings *f, const char *code, const char *text, const char *place, int64_t expected, int64_t found)
{
	char numbers[2][24];
	snprintf(numbers[0], sizeof(numbers[0]), "%lld", (long long)expected);
	snprintf(numbers[1], sizeof(numbers[1]), "%lld", (long long)found);
	return meter__finding_add(f, code, meter__slice_of(text), meter__slice_of(place), meter__slice_of(numbers[0]),
	                          meter__slice_of(numbers[1]));
}

/* ---- workers ---- */

static int64_t ceiling(int64_t n, int64_t unit)
{
	return meter__floor_div(n + unit - 1, unit);
}

static int prepare(struct worker *w, struct reader *r, const struct verify_meters *meters, const struct totals *totals,
                   bool is_first)
{
	static const int64_t units[LEVEL_COUNT] = {US_PER_MINUTE, US_PER_HOUR, US_PER_DAY};
	w->reader = r;
	w->meters = meters;
	w->rolled_before = totals->rolled_before;
	w->closed_before = totals->closed_before;
	for (int level = 0; level < LEVEL_COUNT; level++) {
		w->from[level] = ceiling(w->from_us, units[level]);
		w->to[level] = meter__floor_div(w->to_us, units[level]);
	}
	w->minute.seed = w->hour.seed = w->day.seed = meter__os.random();
	w->samples_matched = calloc(meters->count + 1, sizeof(*w->samples_matched));
	w->plans = meter__plans_new();
	w->origin = meter__origin_new(is_first);
	w->late = meter__late_new();
	return w->samples_matched && w->plans && w->origin && w->late ? METER_OK
	                                                              : meter__fail(METER_ENOMEM, "no memory to verify");
}

static void *worker_main(void *user)
{
	struct worker *w = user;
	w->code = meter__verify_levels(w);
	if (w->code != METER_OK)
		snprintf(w->message, sizeof(w->message), "%s", meter_errmsg());
	return NULL;
}

static void free_worker(struct worker *w)
{
	for (size_t i = 0; i < w->findings.count; i++)
		free_finding(&w->findings.list[i]);
	meter__groups_free(&w->minute);
	meter__groups_free(&w->hour);
	meter__groups_free(&w->day);
	free(w->hours_of_day);
	free(w->samples_matched);
	free(w->corrections);
	meter__plans_free(w->plans);
	meter__origin_free(w->origin);
	meter__late_free(w->late);
	meter__buffer_free(&w->place);
	meter__buffer_free(&w->expected);
	meter__buffer_free(&w->found);
	meter__buffer_free(&w->text);
}

/* The second one gets a thread, as the writers do without signals; the first one is ours. */
static void run_workers(struct worker *workers, size_t count)
{
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool is_started = count > 1 && pthread_create(&thread, NULL, worker_main, &workers[1]) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker_main(&workers[0]);
	if (is_started)
		pthread_join(thread, NULL);
	else if (count > 1)
		worker_main(&workers[1]);
}

/* ---- the run ---- */

struct run {
	struct store *store;
	struct reader *readers[WORKERS];
	size_t reader_count;
	struct worker *workers; /* on the heap: findings are large */
	size_t count;
	struct verify_meters meters;
	struct totals totals;
	int64_t since_us, until_us;
	bool is_full, is_whole; /* is_whole: all of the time */
	const char *head;       /* NULL: any */
	struct meter_verification *out;
};

/* What damage stopped is a finding; anything else is a failure. */
static int settle(struct findings *f, int code, const char *message)
{
	struct slice none = {NULL, 0};
	if (code != METER_ECORRUPT)
		return code == METER_OK ? code : meter__fail(code, "%s", message);
	return meter__finding_add(f, "unreadable", meter__slice_of(message), meter__slice_of("database file"), none, none);
}

static int visit_integrity(struct slice text, void *user)
{
	struct slice none = {NULL, 0};
	return meter__finding_add(user, "integrity", text, meter__slice_of("database file"), none, none);
}

static int check_integrity(struct run *run)
{
	return meter__verify_integrity(run->readers[0], run->is_full, visit_integrity, &run->out->findings);
}

static int check_accepted(struct run *run)
{
	if (!run->is_whole || run->out->counters.events == run->totals.accepted)
		return METER_OK;
	return add_numbers(&run->out->findings, "accepted_differs", "the counter of accepted events is not how many there are",
	                   "total.accepted", run->out->counters.events, run->totals.accepted);
}

struct unbilled_check {
	struct run *run;
	int64_t sum;
};

static int visit_unbilled(struct slice subscription, struct slice type, int64_t events, void *user)
{
	struct unbilled_check *check = user;
	const struct meter_catalog *catalog = check->run->meters.in_force;
	struct buffer place = {0};
	const char *text = NULL;
	if (!subscription.data || !type.data)
		text = "unbilled events of a name that the file does not have";
	else if (events <= 0)
		text = "a number of unbilled events that cannot be";
	else if (catalog && meter__catalog_subscription(catalog, subscription) && meter__catalog_is_metered(catalog, type))
		text = "events are counted as unbilled that the catalog in force covers";
	check->sum += events;
	if (!text)
		return METER_OK;
	meter__buffer_text(&place, "table unbilled, subscription ");
	meter__buffer_slice(&place, subscription);
	meter__buffer_text(&place, ", type ");
	meter__buffer_slice(&place, type);
	int code = add_numbers(&check->run->out->findings, "unbilled_differs", text, meter__buffer_cstr(&place), 0, events);
	meter__buffer_free(&place);
	return code;
}

static int check_unbilled(struct run *run)
{
	struct unbilled_check check = {run, 0};
	int code = meter__verify_unbilled(run->readers[0], visit_unbilled, &check);
	if (code != METER_OK || !run->is_whole || check.sum <= run->out->counters.events)
		return code;
	return add_numbers(&run->out->findings, "unbilled_differs", "more events are unbilled than there are", "table unbilled",
	                   run->out->counters.events, check.sum);
}

static int check_invoices(struct run *run)
{
	struct invoice_check check = {.reader = run->readers[0],
	                              .findings = &run->out->findings,
	                              .since_us = run->is_whole ? INT64_MIN : run->since_us,
	                              .until_us = run->is_whole ? INT64_MAX : run->until_us,
	                              .is_full = run->is_full,
	                              .head = run->head};
	for (size_t i = 0; i < run->count; i++) {
		if (run->workers[i].late)
			meter__late_sort(run->workers[i].late);
		check.late[i] = run->workers[i].late;
	}
	int code = meter__verify_chain(&check);
	if (code == METER_OK)
		code = meter__verify_invoices(&check);
	run->out->counters.documents = check.documents;
	run->out->counters.bills = check.bills;
	memcpy(run->out->head, check.last_hash, sizeof(check.last_hash));
	return code;
}

/* Everything that is not bound to a stretch of time. What damage stops does not keep the next from being checked. */
static int check_file(struct run *run)
{
	static int (*const checks[])(struct run * run) = {check_accepted, check_unbilled, check_invoices, check_integrity};
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < sizeof(checks) / sizeof(checks[0]); i++) {
		code = checks[i](run);
		if (code == METER_ECORRUPT)
			code = settle(&run->out->findings, code, meter_errmsg());
	}
	return code;
}

/* A midnight in the middle of what is stored; one worker when there is none. */
static void divide(struct run *run)
{
	int64_t first, last, from = run->since_us, to = run->until_us;
	run->count = 1;
	if (run->reader_count > 1 && meter__store_bounds(run->readers[0], &first, &last) == METER_OK) {
		from = from > first ? from : first;
		to = to < last ? to : last;
		int64_t middle = meter__floor_div(from + (to - from) / 2 + US_PER_DAY / 2, US_PER_DAY) * US_PER_DAY;
		if (middle > from && middle < to) {
			run->count = 2;
			run->workers[0].to_us = run->workers[1].from_us = middle;
		}
	}
	run->workers[0].from_us = run->since_us;
	run->workers[run->count - 1].to_us = run->until_us;
}

static void gather(struct run *run)
{
	meter_verify_counters *counters = &run->out->counters;
	for (size_t i = 0; i < run->count; i++) {
		const struct worker *w = &run->workers[i];
		counters->events += w->events;
		counters->minutes += w->minutes;
		counters->hours += w->hours;
		counters->days += w->days;
		counters->samples += w->samples;
	}
}

static int run_levels(struct run *run)
{
	int code = METER_OK;
	divide(run);
	for (size_t i = 0; code == METER_OK && i < run->count; i++)
		code = prepare(&run->workers[i], run->readers[i], &run->meters, &run->totals, i == 0);
	if (code != METER_OK)
		return code;
	run_workers(run->workers, run->count);
	gather(run);
	struct worker *first = &run->workers[0];
	for (size_t i = 0; code == METER_OK && i < run->count; i++)
		code = settle(&run->workers[i].findings, run->workers[i].code, run->workers[i].message);
	for (size_t i = 0; code == METER_OK && i < run->count; i++)
		take_findings(&run->out->findings, &run->workers[i].findings);
	if (code == METER_OK && run->count > 1)
		code = meter__origin_join(first, &run->workers[1]);
	if (code == METER_OK)
		code = meter__origin_finish(first);
	take_findings(&run->out->findings, &first->findings);
	return code;
}

static int run_checks(struct run *run)
{
	int64_t started = meter__os.mono_us();
	meter_verify_counters *counters = &run->out->counters;
	int code = meter__store_totals(run->readers[0], &run->totals);
	if (code == METER_OK)
		code = meter__verify_identity(run->readers[0], &counters->schema_version, &counters->application_id);
	if (code == METER_OK)
		code = meter__verify_meters(run->readers[0], &run->meters);
	if (code == METER_OK)
		code = run_levels(run);
	counters->elapsed_us = meter__os.mono_us() - started;
	if (code == METER_ECORRUPT)
		code = settle(&run->out->findings, code, meter_errmsg());
	if (code == METER_OK)
		code = check_file(run);
	counters->total_us = meter__os.mono_us() - started;
	return code == METER_ECORRUPT ? settle(&run->out->findings, code, meter_errmsg()) : code;
}

static bool is_hash(const char *text)
{
	return strspn(text, "0123456789abcdef") == HASH_TEXT_SIZE - 1 && text[HASH_TEXT_SIZE - 1] == '\0';
}

/* Times outside of those that events can have do not matter. */
static int read_options(struct run *run, const meter_verify_options *in)
{
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	if (in && (in->struct_size < sizeof(size_t) || in->struct_size > 4096))
		return meter__fail(METER_EINVAL, "options: struct_size is %zu; start from METER_VERIFY_OPTIONS_INIT",
		                   in->struct_size);
	if (in)
		memcpy(&options, in, in->struct_size < sizeof(options) ? in->struct_size : sizeof(options));
	if (options.flags & ~METER_VERIFY_FULL)
		return meter__fail(METER_EINVAL, "options: unknown flags");
	if (options.since_us > options.until_us)
		return meter__fail(METER_EINVAL, "options: since is after until");
	if (options.head && !is_hash(options.head))
		return meter__fail(METER_EINVAL, "options: head is not 64 hexadecimal digits");
	run->head = options.head;
	run->is_full = options.flags & METER_VERIFY_FULL;
	run->since_us = options.since_us < 0 ? 0 : options.since_us;
	run->until_us = options.until_us > INSTANT_MAX ? INSTANT_MAX + 1 : options.until_us;
	run->is_whole = run->since_us == 0 && run->until_us > INSTANT_MAX;
	if (run->since_us > run->until_us)
		run->since_us = run->until_us;
	return METER_OK;
}

static void free_run(struct run *run)
{
	for (size_t i = 0; run->workers && i < WORKERS; i++)
		free_worker(&run->workers[i]);
	free(run->workers);
	meter__verify_meters_free(&run->meters);
	while (run->reader_count > 0)
		meter__store_reader_done(run->readers[--run->reader_count]);
}

int meter_verify_run(meter_verification **out, meter *m, const meter_verify_options *options)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct run run = {.store = m->store};
	int code = read_options(&run, options);
	if (code != METER_OK)
		return code;
	run.out = calloc(1, sizeof(*run.out));
	run.workers = calloc(WORKERS, sizeof(*run.workers));
	if (!run.out || !run.workers)
		code = meter__fail(METER_ENOMEM, "no memory to verify");
	if (code == METER_OK)
		code = meter__verify_readers(m->store, run.readers, WORKERS, &run.reader_count);
	if (code == METER_OK)
		code = run_checks(&run);
	free_run(&run);
	if (code != METER_OK) {
		meter_verify_free(run.out);
		return code;
	}
	*out = run.out;
	return METER_OK;
}

/* ---- accessors ---- */

size_t meter_verify_count(const meter_verification *v)
{
	return v ? v->findings.count : 0;
}

int64_t meter_verify_total(const meter_verification *v)
{
	return v ? v->findings.total : 0;
}

static const struct finding *finding_at(const meter_verification *v, size_t index)
{
	return v && index < v->findings.count ? &v->findings.list[index] : NULL;
}

const char *meter_verify_code(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->code : NULL;
}

const char *meter_verify_text(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->text : NULL;
}

const char *meter_verify_place(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->place : NULL;
}

const char *meter_verify_expected(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->expected : NULL;
}

const char *meter_verify_found(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->found : NULL;
}

const char *meter_verify_head(const meter_verification *v)
{
	return v && v->head[0] ? v->head : NULL;
}

int meter_verify_counts(const meter_verification *v, meter_verify_counters *out)
{
	REQUIRE(v && out);
	if (out->struct_size < sizeof(size_t) || out->struct_size > 4096)
		return meter__fail(METER_EINVAL, "counters: struct_size is %zu; sizeof(meter_verify_counters) was expected",
		                   out->struct_size);
	size_t size = out->struct_size < sizeof(*out) ? out->struct_size : sizeof(*out);
	meter_verify_counters counters = v->counters;
	counters.struct_size = out->struct_size;
	memcpy(out, &counters, size);
	return METER_OK;
}

const char *meter_verify_sqlite(int32_t *has_wal_reset_bug)
{
	bool has;
	const char *version = meter__verify_sqlite(&has);
	if (has_wal_reset_bug)
		*has_wal_reset_bug = has;
	return version;
}

void meter_verify_free(meter_verification *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->findings.count; i++)
		free_finding(&v->findings.list[i]);
	free(v);
}
