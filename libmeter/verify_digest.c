/*
 * verify_digest.c - see verify.h: whether minutes, hours and days agree, at a glance.
 *
 * Of each hour and each day the digest of what the level below adds up to is compared with that of its rows. A digest is the sum
 * of a hash of every row, with a seed that nobody knows before: so the order of rows does not matter, they are read as they lie
 * in the file, and nothing is looked up. Where digests differ, and wherever else something is not as it should be, that day is
 * compared row by row, which takes several times as long and says what is wrong.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "error.h"
#include "instant.h"
#include "os.h"
#include "verify.h"

struct digests {
	struct digest {
		int64_t start; /* hour or day, each later than the one before */
		uint64_t low, high;
	} * list;
	size_t count, capacity;
};

struct glance {
	uint64_t seed;
	struct digests hours, days; /* as the level below has them */
	int64_t *doubtful;          /* days, some of them more than once */
	size_t doubtful_count, doubtful_capacity;
};

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "no memory to verify");
}

struct glance *meter__glance_new(void)
{
	struct glance *g = calloc(1, sizeof(*g));
	if (g)
		g->seed = meter__os.random();
	return g;
}

void meter__glance_free(struct glance *g)
{
	if (!g)
		return;
	free(g->hours.list);
	free(g->days.list);
	free(g->doubtful);
	free(g);
}

int meter__glance_doubt(struct worker *w, int64_t day)
{
	struct glance *g = w->glance;
	if (g->doubtful_count > 0 && g->doubtful[g->doubtful_count - 1] == day)
		return METER_OK;
	if (g->doubtful_count == g->doubtful_capacity) {
		const size_t capacity = g->doubtful_capacity ? g->doubtful_capacity * 2 : 16;
		int64_t *grown = realloc(g->doubtful, capacity * sizeof(*grown));
		if (!grown)
			return no_memory();
		g->doubtful = grown;
		g->doubtful_capacity = capacity;
	}
	g->doubtful[g->doubtful_count++] = day;
	return METER_OK;
}

/* ---- digests ---- */

/* Of this start, which is that of the last one or later. NULL: no memory. */
static struct digest *digest_at(struct digests *d, int64_t start)
{
	if (d->count > 0 && d->list[d->count - 1].start == start)
		return &d->list[d->count - 1];
	if (d->count == d->capacity) {
		const size_t capacity = d->capacity ? d->capacity * 2 : 64;
		struct digest *grown = realloc(d->list, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		d->list = grown;
		d->capacity = capacity;
	}
	d->list[d->count] = (struct digest){.start = start};
	return &d->list[d->count++];
}

/* Equal tallies must give equal bytes: 1.50 is 1.5, and when a value was counts only for the latest. */
static void add_row(struct digest *d, uint64_t seed, const struct group *key, enum aggregation aggregation, const struct tally *t)
{
	int128 coefficient = t->events > 0 ? t->coefficient : 0;
	int32_t scale = coefficient == 0 ? 0 : t->scale;
	while (scale > 0 && coefficient % 10 == 0) {
		coefficient /= 10;
		scale--;
	}
	const uint64_t row[] = {key->meter,
	                        (uint64_t)key->subscription,
	                        (uint64_t)key->dimensions,
	                        (uint64_t)t->events,
	                        (uint64_t)t->unmeasured,
	                        (uint64_t)coefficient,
	                        (uint64_t)(coefficient >> 64),
	                        (uint64_t)scale,
	                        aggregation == AGGREGATION_LATEST && t->events > 0 ? (uint64_t)t->at_us : 0};
	const XXH128_hash_t hash = XXH3_128bits_withSeed(row, sizeof(row), seed);
	d->low += hash.low64;
	d->high += hash.high64;
}

static bool is_same(const struct digest *a, const struct digest *b)
{
	return a->low == b->low && a->high == b->high;
}

/* Nothing can be said by a digest of what is too large or cannot be read. */
static bool is_plain(const struct tally *t)
{
	return !t->is_overflow && !t->is_unreadable;
}

static int add_groups(struct worker *w, struct digests *to, int64_t start, const struct groups *groups)
{
	struct digest *d = groups->count > 0 ? digest_at(to, start) : NULL;
	if (groups->count > 0 && !d)
		return no_memory();
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *g = &groups->rows[i];
		if (!is_plain(&g->sum))
			d->low++; /* no rows give this */
		else if (!meter__tally_is_empty(&g->sum))
			add_row(d, w->glance->seed, g, meter__verify_aggregation(w, g), &g->sum);
	}
	return METER_OK;
}

/* ---- hours ---- */

int meter__glance_hour(struct worker *w, int64_t hour)
{
	const int code = add_groups(w, &w->glance->hours, hour, &w->hour);
	meter__groups_reset(&w->hour);
	return code;
}

int meter__glance_day(struct worker *w, int64_t day)
{
	const int code = add_groups(w, &w->glance->days, day, &w->day);
	meter__groups_reset(&w->day);
	return code;
}

/* Hours as they are stored, of one day after the other. */
struct hour_pass {
	struct cursor hours;
	int64_t day;
	struct digest of_day[24];
	size_t next; /* of the digests of minutes */
};

static int compare_hours(struct worker *w, struct hour_pass *p)
{
	const struct digests *expected = &w->glance->hours;
	const struct digest nothing = {0, 0, 0};
	int code = METER_OK;
	/* Days before it, which have no rows of hours. */
	for (; p->next < expected->count && expected->list[p->next].start < p->day * 24 && code == METER_OK; p->next++) {
		if (!is_same(&expected->list[p->next], &nothing))
			code = meter__glance_doubt(w, meter__floor_div(expected->list[p->next].start, 24));
	}
	for (int i = 0; i < 24 && code == METER_OK; i++) {
		const bool is_expected = p->next < expected->count && expected->list[p->next].start == p->day * 24 + i;
		if (!is_same(&p->of_day[i], is_expected ? &expected->list[p->next] : &nothing))
			code = meter__glance_doubt(w, p->day);
		p->next += is_expected;
	}
	memset(p->of_day, 0, sizeof(p->of_day));
	return code;
}

static bool is_whole_day(const struct worker *w, int64_t day)
{
	return day >= w->from[LEVEL_DAY] && day < w->to[LEVEL_DAY];
}

static int take_hour(struct worker *w, struct hour_pass *p)
{
	const struct cursor *c = &p->hours;
	const struct group key = {.meter = c->meter, .subscription = c->row.subscription, .dimensions = c->row.dimensions};
	const enum aggregation aggregation = meter__verify_aggregation(w, &key);
	const struct tally row = meter__tally_of(&c->row);
	w->hours++;
	if (!is_plain(&row) || meter__tally_is_empty(&row))
		return meter__glance_doubt(w, p->day);
	add_row(&p->of_day[c->row.start - p->day * 24], w->glance->seed, &key, aggregation, &row);
	if (!is_whole_day(w, p->day))
		return METER_OK;
	struct group *g = meter__groups_find(&w->day, key.meter, key.subscription, key.dimensions, 0);
	if (!g)
		return METER_ENOMEM;
	meter__tally_merge(&g->sum, aggregation, &row);
	return METER_OK;
}

static int pass_hours(struct worker *w, struct hour_pass *p)
{
	struct cursor *c = &p->hours;
	int code;
	while ((code = meter__verify_next_row(w, c, "hour")) == METER_OK && c->has_row) {
		const int64_t day = meter__floor_div(c->row.start, 24);
		const struct group *now = w->day.count ? w->day.rows : NULL;
		if (now && (day != p->day || now->meter != c->meter || now->subscription != c->row.subscription))
			code = meter__glance_day(w, p->day);
		if (code == METER_OK && day != p->day)
			code = compare_hours(w, p);
		p->day = day;
		if (code == METER_OK)
			code = take_hour(w, p);
		if (code != METER_OK)
			return code;
	}
	if (code == METER_OK)
		code = meter__glance_day(w, p->day);
	if (code == METER_OK)
		code = compare_hours(w, p);
	p->day = INT64_MAX / 24;
	return code == METER_OK ? compare_hours(w, p) : code;
}

static int glance_at_hours(struct worker *w)
{
	const int64_t first_day = meter__floor_div(w->from[LEVEL_HOUR], 24);
	struct hour_pass p = {.day = first_day};
	int code = meter__verify_scan_hours(w, &p.hours, first_day, meter__floor_div(w->to[LEVEL_HOUR] - 1, 24) + 1);
	if (code == METER_OK)
		code = pass_hours(w, &p);
	meter__verify_scan_end(&p.hours.scan);
	return code;
}

/* ---- days ---- */

static size_t find_day(const struct digests *d, int64_t day)
{
	size_t low = 0, high = d->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (d->list[middle].start < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int pass_days(struct worker *w, struct cursor *c, struct digest *found)
{
	const struct digests *expected = &w->glance->days;
	int code;
	while ((code = meter__verify_next_row(w, c, "day")) == METER_OK && c->has_row) {
		const struct group key = {
			.meter = c->meter, .subscription = c->row.subscription, .dimensions = c->row.dimensions};
		const struct tally row = meter__tally_of(&c->row);
		const size_t at = find_day(expected, c->row.start);
		w->days++;
		if (at == expected->count || expected->list[at].start != c->row.start || !is_plain(&row) ||
		    meter__tally_is_empty(&row))
			code = meter__glance_doubt(w, c->row.start);
		else
			add_row(&found[at], w->glance->seed, &key, meter__verify_aggregation(w, &key), &row);
		if (code != METER_OK)
			return code;
	}
	for (size_t i = 0; i < expected->count && code == METER_OK; i++) {
		if (!is_same(&expected->list[i], &found[i]))
			code = meter__glance_doubt(w, expected->list[i].start);
	}
	return code;
}

int meter__glance_at_days(struct worker *w)
{
	struct digest *found = calloc(w->glance->days.count + 1, sizeof(*found));
	struct cursor c;
	if (!found)
		return no_memory();
	int code = meter__verify_scan_days(w, &c);
	if (code == METER_OK)
		code = pass_days(w, &c, found);
	meter__verify_scan_end(&c.scan);
	free(found);
	return code;
}

/* ---- a closer look ---- */

static int compare_days(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

/* What lies of the day in the stretch, again and row by row; what was counted stays so. */
static int look_closely(struct worker *w, int64_t day, int (*look)(struct worker *w))
{
	const struct worker before = *w;
	const int64_t from_us = day * US_PER_DAY, to_us = from_us + US_PER_DAY;
	meter__verify_set_times(w, from_us > w->from_us ? from_us : w->from_us, to_us < w->to_us ? to_us : w->to_us);
	w->glance = NULL;
	w->origin = NULL;
	w->late = NULL;
	w->uncovered = NULL;
	w->day_count = w->correction_count = 0;
	w->days_matched = 0;
	int code = look(w);
	meter__verify_set_times(w, before.from_us, before.to_us);
	w->origin = before.origin;
	w->late = before.late;
	w->uncovered = before.uncovered;
	w->events = before.events;
	w->minutes = before.minutes;
	w->hours = before.hours;
	w->days = before.days;
	w->samples = before.samples;
	return code;
}

int meter__glance_closely(struct worker *w, int (*look)(struct worker *w))
{
	struct glance *g = w->glance;
	int64_t *matched = malloc((w->meters->count + 1) * sizeof(*matched));
	int code = matched ? METER_OK : no_memory();
	if (code == METER_OK)
		memcpy(matched, w->samples_matched, w->meters->count * sizeof(*matched));
	if (g->doubtful_count > 0)
		qsort(g->doubtful, g->doubtful_count, sizeof(*g->doubtful), compare_days);
	for (size_t i = 0; i < g->doubtful_count && code == METER_OK; i++) {
		if (i == 0 || g->doubtful[i] != g->doubtful[i - 1])
			code = look_closely(w, g->doubtful[i], look);
	}
	if (code == METER_OK)
		memcpy(w->samples_matched, matched, w->meters->count * sizeof(*matched));
	free(matched);
	w->glance = NULL;
	return code;
}

int meter__verify_levels(struct worker *w)
{
	struct glance *glance = meter__glance_new();
	if (!glance)
		return no_memory();
	w->glance = glance;
	int code = meter__verify_minutes(w);
	if (code == METER_OK)
		code = glance_at_hours(w);
	if (code == METER_OK)
		code = meter__glance_at_days(w);
	if (code == METER_OK)
		code = meter__glance_closely(w, meter__verify_closely);
	w->glance = NULL;
	meter__glance_free(glance);
	return code == METER_OK ? meter__verify_samples(w) : code;
}
