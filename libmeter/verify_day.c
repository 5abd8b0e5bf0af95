/*
 * verify_day.c - see verify.h: events of whole days against the rows of these days, without minutes and hours between. That is
 * what a bill of whole days is rated from, and takes a fraction of the time where events are spread over many buckets.
 *
 * Held are the sums of one day. Days are compared at a glance (verify_digest.c), and those that are doubtful row by row.
 */
#include "error.h"
#include "instant.h"
#include "verify.h"

#define MINUTES_PER_DAY (US_PER_DAY / US_PER_MINUTE)

struct day_pass {
	struct scan events;
	struct raw_event event;
	bool has_event;
	struct cursor late;
};

static int next_event(struct day_pass *p)
{
	const int code = meter__verify_next_measured(&p->events, &p->event);
	p->has_event = code == METER_OK;
	return code == METER_EEND ? METER_OK : code;
}

static int add_events(struct worker *w, struct day_pass *p, int64_t end_us)
{
	int code = METER_OK;
	while (code == METER_OK && p->has_event && p->event.timestamp_us < end_us) {
		w->events++;
		code = meter__verify_measure(w, &p->event);
		if (code == METER_OK)
			code = next_event(p);
	}
	return code;
}

static int add_late(struct worker *w, struct day_pass *p, int64_t end_minute)
{
	int code = METER_OK;
	while (code == METER_OK && p->late.has_row && p->late.row.start < end_minute) {
		struct group *g =
			meter__groups_find(&w->minute, p->late.meter, p->late.row.subscription, p->late.row.dimensions, 0);
		if (!g)
			return METER_ENOMEM;
		const struct tally row = meter__tally_of(&p->late.row);
		meter__tally_merge(&g->late, w->meters->list[g->meter].definition->aggregation, &row);
		g->has_late = true;
		code = meter__verify_next_row(w, &p->late, "late");
	}
	return code;
}

/* Samples have no days: they are compared one by one, and what is left are sums. */
static int take_samples(struct worker *w)
{
	struct groups *g = &w->day;
	int code = METER_OK;
	for (size_t i = 0; i < w->minute.count && code == METER_OK; i++) {
		const struct group *from = &w->minute.rows[i];
		if (w->meters->list[from->meter].definition->aggregation == AGGREGATION_TIME_WEIGHTED && !from->has_late) {
			code = meter__verify_sample(w, from);
			continue;
		}
		struct group *to = meter__groups_find(g, from->meter, from->subscription, from->dimensions, 0);
		if (!to)
			return METER_ENOMEM;
		to->sum = from->sum;
		to->late = from->late;
		to->has_late = from->has_late;
	}
	meter__groups_reset(&w->minute);
	return code;
}

/* The last day may be one that is not over yet, whose row holds what is rolled up of it. */
static int64_t end_of(const struct worker *w)
{
	return meter__floor_div(w->to_us + US_PER_DAY - 1, US_PER_DAY);
}

/* One day after the other: noted at a glance, else compared with its rows. */
static int take_days(struct worker *w, struct day_pass *p, int64_t first, int64_t end)
{
	int code = next_event(p);
	if (code == METER_OK)
		code = meter__verify_next_row(w, &p->late, "late");
	for (int64_t day = first; day < end && code == METER_OK; day++) {
		code = add_events(w, p, (day + 1) * US_PER_DAY);
		/* What came late is not in the rows of days, and a digest cannot be put together from two. */
		if (code == METER_OK && w->glance && p->late.has_row && p->late.row.start < (day + 1) * MINUTES_PER_DAY)
			code = meter__glance_doubt(w, day);
		if (code == METER_OK)
			code = add_late(w, p, (day + 1) * MINUTES_PER_DAY);
		if (code == METER_OK)
			code = take_samples(w);
		if (code == METER_OK)
			code = w->glance ? meter__glance_day(w, day)
			                 : meter__verify_compare(w, LEVEL_DAY, day, &w->day, &w->days_matched);
		meter__plans_trim(w->plans);
	}
	return code;
}

static int pass_days(struct worker *w)
{
	struct day_pass p = {.has_event = false, .late = {.alien = INT64_MIN}};
	const int64_t times[] = {w->from_us, w->to_us}, minutes[] = {w->from[LEVEL_MINUTE], w->to[LEVEL_MINUTE]};
	int code = meter__verify_scan_all(w, &p.events, ROWS_MEASURED, times, 2);
	if (code == METER_OK)
		code = meter__verify_scan_all(w, &p.late.scan, ROWS_LATE, minutes, 2);
	if (code == METER_OK)
		code = take_days(w, &p, w->from[LEVEL_DAY], end_of(w));
	meter__verify_scan_end(&p.events);
	meter__verify_scan_end(&p.late.scan);
	return code;
}

/* Row by row: a row of a day that no event asked for is noticed, and named when the levels are compared. */
static int pass_closely(struct worker *w)
{
	int64_t rows = 0;
	int code = pass_days(w);
	if (code == METER_OK)
		code = meter__verify_rows_of_days(w, w->from[LEVEL_DAY], end_of(w), &rows);
	w->has_more_days |= rows != w->days_matched;
	return code;
}

int meter__verify_event_days(struct worker *w)
{
	struct glance *glance = meter__glance_new();
	if (!glance)
		return meter__fail(METER_ENOMEM, "no memory to verify");
	w->glance = glance;
	w->to[LEVEL_DAY] = end_of(w); /* for the rows that are read */
	int code = pass_days(w);
	if (code == METER_OK)
		code = meter__glance_at_days(w);
	if (code == METER_OK)
		code = meter__glance_closely(w, pass_closely);
	w->glance = NULL;
	meter__glance_free(glance);
	return code == METER_OK ? meter__verify_samples(w) : code;
}
