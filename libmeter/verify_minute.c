/*
 * verify_minute.c - see verify.h: events against minutes, and the sums of minutes by the hour.
 *
 * Events and minutes are streamed side by side in the order of their time; what is held is the groups of one minute and of one
 * hour.
 */
#include "error.h"
#include "instant.h"
#include "verify.h"

struct pass {
	struct scan events;
	struct raw_event event;
	bool has_event;
	struct cursor minutes, late;
	int64_t hour; /* whose sums are in w->hour */
};

static int next_event(struct pass *p)
{
	int code = meter__verify_next_event(&p->events, &p->event);
	p->has_event = code == METER_OK;
	return code == METER_EEND ? METER_OK : code;
}

static int measure_events(struct worker *w, struct pass *p, int64_t end_us)
{
	int code = METER_OK;
	while (code == METER_OK && p->has_event && p->event.timestamp_us < end_us) {
		w->events++;
		if (p->event.ingest > w->ingest_max)
			w->ingest_max = p->event.ingest;
		code = meter__verify_measure(w, &p->event);
		if (code == METER_OK && w->origin)
			code = meter__origin_event(w, &p->event);
		if (code == METER_OK && w->late)
			code = meter__late_event(w, &p->event);
		if (code == METER_OK && w->uncovered)
			code = meter__uncovered_event(w, &p->event);
		if (code == METER_OK)
			code = next_event(p);
	}
	return code;
}

static int take_rows(struct worker *w, struct cursor *c, int64_t minute, bool is_late)
{
	int code = METER_OK;
	while (code == METER_OK && c->has_row && c->row.start == minute) {
		struct group *g = meter__groups_find(&w->minute, c->meter, c->row.subscription, c->row.dimensions, 0);
		if (!g)
			return METER_ENOMEM;
		struct tally row = meter__tally_of(&c->row);
		if (is_late)
			g->late = row;
		else
			g->other = row;
		*(is_late ? &g->has_late : &g->has_other) = true;
		w->minutes++;
		code = meter__verify_next_row(w, c, is_late ? "late" : "minute");
	}
	return code;
}

/* expected: what the row should have held, if it is wrong; NULL: it is right. */
static int add_to_hour(struct worker *w, const struct group *minute, const struct tally *expected)
{
	enum aggregation aggregation = meter__verify_aggregation(w, minute);
	struct group *hour = meter__groups_find(&w->hour, minute->meter, minute->subscription, minute->dimensions, 0);
	if (!hour)
		return METER_ENOMEM;
	if (expected && !hour->has_other) {
		hour->other = hour->sum;
		hour->has_other = true;
	}
	if (minute->has_other)
		meter__tally_merge(&hour->sum, aggregation, &minute->other);
	if (hour->has_other)
		meter__tally_merge(&hour->other, aggregation, expected ? expected : &minute->other);
	return METER_OK;
}

static int check_minute_group(struct worker *w, struct group *g, int64_t minute, bool is_rolled)
{
	enum aggregation aggregation = meter__verify_aggregation(w, g);
	if (aggregation == AGGREGATION_TIME_WEIGHTED && !g->has_other && !g->has_late)
		return meter__verify_sample(w, g);
	struct tally found = g->other;
	if (g->has_late)
		meter__tally_merge(&found, aggregation, &g->late);
	bool is_right = meter__tally_equal(aggregation, &g->sum, &found);
	/* How much of it a late row should have held cannot be told. */
	const struct tally *expected = is_right || g->has_late ? NULL : &g->sum;
	int code = is_rolled && (g->has_other || expected) ? add_to_hour(w, g, expected) : METER_OK;
	if (code != METER_OK || is_right)
		return code;
	if (w->glance)
		return meter__glance_doubt(w, meter__floor_div(minute, 24 * 60));
	const char *name = g->has_late ? "late_differs" : "minute_differs";
	const char *text = g->has_late ? "a minute and what came late for it do not hold what its events add up to"
	                               : "a minute does not hold what its events add up to";
	return meter__verify_bucket_finding(w, name, text, LEVEL_MINUTE, minute, g, &g->sum, &found);
}

static int check_minute(struct worker *w, int64_t minute)
{
	int64_t hour = meter__floor_div(minute, 60);
	bool is_rolled = minute < w->rolled_before && hour >= w->from[LEVEL_HOUR] && hour < w->to[LEVEL_HOUR];
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < w->minute.count; i++)
		code = check_minute_group(w, &w->minute.rows[i], minute, is_rolled);
	meter__groups_reset(&w->minute);
	meter__plans_trim(w->plans);
	return code;
}

/* The first minute of which there is anything; METER_EEND: none. */
static int next_minute(const struct pass *p, int64_t *out)
{
	bool has = false;
	const int64_t starts[] = {p->has_event ? meter__floor_div(p->event.timestamp_us, US_PER_MINUTE) : 0, p->minutes.row.start,
	                          p->late.row.start};
	const bool given[] = {p->has_event, p->minutes.has_row, p->late.has_row};
	for (int i = 0; i < 3; i++) {
		if (given[i] && (!has || starts[i] < *out)) {
			*out = starts[i];
			has = true;
		}
	}
	return has ? METER_OK : METER_EEND;
}

static int hour_done(struct worker *w, int64_t hour)
{
	return w->glance ? meter__glance_hour(w, hour) : meter__verify_flush_hour(w, hour);
}

static int pass_minutes(struct worker *w, struct pass *p)
{
	int64_t minute = 0;
	int code = next_event(p);
	if (code == METER_OK)
		code = meter__verify_next_row(w, &p->minutes, "minute");
	if (code == METER_OK)
		code = meter__verify_next_row(w, &p->late, "late");
	while (code == METER_OK && next_minute(p, &minute) == METER_OK) {
		int64_t hour = meter__floor_div(minute, 60);
		if (hour != p->hour)
			code = hour_done(w, p->hour);
		p->hour = hour;
		if (code == METER_OK)
			code = measure_events(w, p, (minute + 1) * US_PER_MINUTE);
		if (code == METER_OK)
			code = take_rows(w, &p->minutes, minute, false);
		if (code == METER_OK)
			code = take_rows(w, &p->late, minute, true);
		if (code == METER_OK)
			code = check_minute(w, minute);
	}
	return code == METER_OK ? hour_done(w, p->hour) : code;
}

int meter__verify_minutes(struct worker *w)
{
	struct pass p = {.has_event = false};
	const int64_t minutes[] = {w->from[LEVEL_MINUTE], w->to[LEVEL_MINUTE]};
	const int64_t times[] = {w->from[LEVEL_MINUTE] * US_PER_MINUTE, w->to[LEVEL_MINUTE] * US_PER_MINUTE};
	p.minutes.alien = p.late.alien = INT64_MIN;
	int code = meter__verify_scan_all(w, &p.events, ROWS_EVENTS, times, 2);
	if (code == METER_OK)
		code = meter__verify_scan_all(w, &p.minutes.scan, ROWS_MINUTES, minutes, 2);
	if (code == METER_OK)
		code = meter__verify_scan_all(w, &p.late.scan, ROWS_LATE, minutes, 2);
	if (code == METER_OK)
		code = pass_minutes(w, &p);
	meter__verify_scan_end(&p.events);
	meter__verify_scan_end(&p.minutes.scan);
	meter__verify_scan_end(&p.late.scan);
	return code;
}
