/*
 * verify_work.c - see verify.h: a stretch of time, compared by two workers that take a half of it each, cut at a midnight. Both,
 * and all stretches of one work, see the same state of the file.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "os.h"
#include "verify.h"

static int64_t ceiling(int64_t n, int64_t unit)
{
	return meter__floor_div(n + unit - 1, unit);
}

/* ---- workers ---- */

static int prepare(struct worker *w, const struct work *work, struct reader *r)
{
	w->reader = r;
	w->meters = &work->meters;
	w->only = work->only;
	w->rolled_before = work->totals.rolled_before;
	w->closed_before = work->totals.closed_before;
	w->minute.seed = w->hour.seed = w->day.seed = meter__os.random();
	w->samples_matched = calloc(work->meters.count + 1, sizeof(*w->samples_matched));
	w->plans = meter__plans_new();
	return w->samples_matched && w->plans ? METER_OK : meter__fail(METER_ENOMEM, "no memory to verify");
}

static int prepare_tracing(struct worker *w, bool is_first)
{
	w->origin = meter__origin_new(is_first);
	w->late = meter__late_new();
	w->uncovered = meter__uncovered_new(meter__os.random());
	return w->origin && w->late && w->uncovered ? METER_OK : meter__fail(METER_ENOMEM, "no memory to verify");
}

void meter__verify_set_times(struct worker *w, int64_t from_us, int64_t to_us)
{
	static const int64_t units[LEVEL_COUNT] = {US_PER_MINUTE, US_PER_HOUR, US_PER_DAY};
	w->from_us = from_us;
	w->to_us = to_us;
	for (int level = 0; level < LEVEL_COUNT; level++) {
		w->from[level] = ceiling(from_us, units[level]);
		w->to[level] = meter__floor_div(to_us, units[level]);
	}
}

static void set_stretch(struct worker *w, int64_t from_us, int64_t to_us)
{
	memset(w->samples_matched, 0, w->meters->count * sizeof(*w->samples_matched));
	w->has_more_days = false;
	meter__verify_set_times(w, from_us, to_us);
}

static void *worker_main(void *user)
{
	struct worker *w = user;
	w->code = w->by_days ? meter__verify_event_days(w) : meter__verify_levels(w);
	if (w->code != METER_OK)
		snprintf(w->message, sizeof(w->message), "%s", meter_errmsg());
	return NULL;
}

static void free_worker(struct worker *w)
{
	meter__findings_free(&w->findings);
	meter__groups_free(&w->minute);
	meter__groups_free(&w->hour);
	meter__groups_free(&w->day);
	free(w->hours_of_day);
	free(w->samples_matched);
	free(w->corrections);
	meter__plans_free(w->plans);
	meter__origin_free(w->origin);
	meter__late_free(w->late);
	meter__uncovered_free(w->uncovered);
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

/* ---- a stretch ---- */

/* A midnight in the middle of what is stored; one worker when there is none. */
static size_t divide(const struct work *work, int64_t from_us, int64_t to_us)
{
	int64_t first, last, from = from_us, to = to_us;
	set_stretch(&work->workers[0], from_us, to_us);
	if (work->reader_count < 2 || meter__store_bounds(work->readers[0], &first, &last) != METER_OK)
		return 1;
	from = from > first ? from : first;
	to = to < last ? to : last;
	int64_t middle = meter__floor_div(from + (to - from) / 2 + US_PER_DAY / 2, US_PER_DAY) * US_PER_DAY;
	if (middle <= from || middle >= to)
		return 1;
	set_stretch(&work->workers[0], from_us, middle);
	set_stretch(&work->workers[1], middle, to_us);
	return 2;
}

int meter__verify_settle(struct findings *f, int code, const char *message)
{
	struct slice none = {NULL, 0};
	if (code != METER_ECORRUPT)
		return code == METER_OK ? code : meter__fail(code, "%s", message);
	return meter__finding_add(f, "unreadable", meter__slice_of(message), meter__slice_of("database file"), none, none);
}

int meter__work_stretch(struct work *work, int64_t from_us, int64_t to_us, bool by_days)
{
	const size_t count = divide(work, from_us, to_us);
	struct worker *first = &work->workers[0];
	bool has_more_days = false;
	int code = METER_OK;
	for (size_t i = 0; i < count; i++) {
		work->workers[i].by_days = by_days;
		work->workers[i].since_us = work->since_us < from_us ? work->since_us : from_us;
	}
	run_workers(work->workers, count);
	for (size_t i = 0; i < count; i++)
		work->is_damaged |= work->workers[i].code == METER_ECORRUPT;
	for (size_t i = 0; code == METER_OK && i < count; i++)
		code = meter__verify_settle(&work->workers[i].findings, work->workers[i].code, work->workers[i].message);
	if (code == METER_OK && count > 1 && first->origin) {
		code = meter__origin_join(first, &work->workers[1]);
		meter__origin_reset(work->workers[1].origin);
	}
	for (size_t i = 0; i < count; i++) {
		meter__findings_take(work->findings, &work->workers[i].findings);
		has_more_days |= work->workers[i].has_more_days;
	}
	/* Which ones these are is told level by level. */
	return code == METER_OK && has_more_days ? meter__work_stretch(work, from_us, to_us, false) : code;
}

int meter__work_finish(struct work *work, bool is_whole)
{
	struct worker *first = &work->workers[0];
	int code = meter__origin_finish(first);
	if (code == METER_OK && work->reader_count > 1)
		code = meter__uncovered_join(first, &work->workers[1]);
	if (code == METER_OK && is_whole && !work->is_damaged)
		code = meter__uncovered_finish(first);
	meter__findings_take(work->findings, &first->findings);
	return code;
}

/* ---- the work ---- */

int meter__work_begin(struct work *work, struct store *store, struct findings *findings)
{
	work->findings = findings;
	work->since_us = INT64_MAX;
	work->workers = calloc(WORKERS, sizeof(*work->workers));
	if (!work->workers)
		return meter__fail(METER_ENOMEM, "no memory to verify");
	return meter__verify_readers(store, work->readers, WORKERS, &work->reader_count);
}

int meter__work_read(struct work *work, bool is_tracing)
{
	int code = meter__store_totals(work->readers[0], &work->totals);
	if (code == METER_OK)
		code = meter__verify_meters(work->readers[0], &work->meters);
	for (size_t i = 0; code == METER_OK && i < work->reader_count; i++)
		code = prepare(&work->workers[i], work, work->readers[i]);
	for (size_t i = 0; is_tracing && code == METER_OK && i < work->reader_count; i++)
		code = prepare_tracing(&work->workers[i], i == 0);
	return code;
}

void meter__work_end(struct work *work)
{
	for (size_t i = 0; work->workers && i < WORKERS; i++)
		free_worker(&work->workers[i]);
	free(work->workers);
	meter__verify_meters_free(&work->meters);
	while (work->reader_count > 0)
		meter__store_reader_done(work->readers[--work->reader_count]);
}
