/* proven.c - see proven.h. */
#include "proven.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "verify.h"

/* Periods that are shorter are compared together: a file of days is read once, and not once for each. */
#define TOGETHER_US (31 * US_PER_DAY)

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "no memory to compare usage");
}

/* ---- which days ---- */

static int64_t midnight_before(int64_t us)
{
	return meter__floor_div(us, US_PER_DAY) * US_PER_DAY;
}

static struct period days_of(struct period range)
{
	return (struct period){midnight_before(range.from_us), midnight_before(range.to_us - 1) + US_PER_DAY};
}

/* The first part of the range that is in none of the stretches; it is empty when there is none. */
static struct period first_gap(const struct period *list, size_t count, struct period range)
{
	bool is_moved = true;
	while (is_moved) {
		is_moved = false;
		for (size_t i = 0; i < count; i++) {
			if (list[i].from_us <= range.from_us && list[i].to_us > range.from_us) {
				range.from_us = list[i].to_us;
				is_moved = true;
			}
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (list[i].from_us > range.from_us && list[i].from_us < range.to_us)
			range.to_us = list[i].from_us;
	}
	if (range.from_us > range.to_us)
		range.to_us = range.from_us;
	return range;
}

static bool has(const struct period *list, size_t count, struct period days)
{
	const struct period gap = first_gap(list, count, days);
	return gap.from_us == gap.to_us;
}

/* A stretch that ends where another one begins is one with it. */
static int add(struct period **list, size_t *count, struct period more)
{
	for (size_t i = 0; i < *count; i++) {
		struct period *s = &(*list)[i];
		if (s->to_us != more.from_us && s->from_us != more.to_us)
			continue;
		more.from_us = s->from_us < more.from_us ? s->from_us : more.from_us;
		more.to_us = s->to_us > more.to_us ? s->to_us : more.to_us;
		*s = (*list)[--*count];
		i = (size_t)-1; /* from the beginning */
	}
	struct period *grown = realloc(*list, (*count + 1) * sizeof(*grown));
	if (!grown)
		return no_memory();
	*list = grown;
	grown[(*count)++] = more;
	return METER_OK;
}

/* The days at the ends of a range that are cut by it: of these hours and minutes are read, too. */
static size_t cut_days(struct period out[2], struct period range)
{
	const struct period days = days_of(range);
	size_t count = 0;
	if (days.from_us != range.from_us)
		out[count++] = (struct period){days.from_us, days.from_us + US_PER_DAY};
	if (days.to_us != range.to_us && (count == 0 || out[0].from_us != days.to_us - US_PER_DAY))
		out[count++] = (struct period){days.to_us - US_PER_DAY, days.to_us};
	return count;
}

static bool is_compared(const struct proven *p, struct period range)
{
	struct period cut[2];
	const size_t count = cut_days(cut, range);
	for (size_t i = 0; i < count; i++) {
		if (!has(p->whole, p->whole_count, cut[i]))
			return false;
	}
	return has(p->days, p->day_count, days_of(range));
}

/* ---- what was found ---- */

static bool is_about(const struct finding *f, int64_t subscription, struct period range)
{
	const struct period common = meter__period_intersect(f->period, range);
	return f->subscription == subscription && common.from_us < common.to_us;
}

static int refuse(const struct finding *f)
{
	return meter__fail(METER_ECORRUPT, "nothing was issued: %s: %s: %s: expected %s, found %s", f->code, f->text, f->place,
	                   f->expected ? f->expected : "nothing", f->found ? f->found : "nothing");
}

int meter__proven_check(struct proven *p, int64_t subscription, struct period range)
{
	if (!is_compared(p, range)) {
		struct period *grown = realloc(p->wanted, (p->wanted_count + 1) * sizeof(*grown));
		if (!grown)
			return no_memory();
		p->wanted = grown;
		grown[p->wanted_count++] = range;
		p->subscription = subscription;
		return METER_OK;
	}
	if (!p->findings)
		return METER_OK;
	for (size_t i = 0; i < p->findings->count; i++) {
		if (is_about(&p->findings->list[i], subscription, range)) {
			p->is_blamed = true;
			return refuse(&p->findings->list[i]);
		}
	}
	if (p->findings->total > (int64_t)p->findings->count)
		return meter__fail(METER_ECORRUPT, "nothing was issued: %lld buckets are not what their events add up to",
		                   (long long)p->findings->total);
	return METER_OK;
}

/* Damage is what stopped the comparison: nothing can be said about anybody. */
static int check_damage(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].code, "unreadable") == 0)
			return refuse(&f->list[i]);
	}
	return METER_OK;
}

/* ---- comparing ---- */

/* Level by level. */
static int compare_whole(struct proven *p, struct work *work, struct period days)
{
	int code = meter__work_stretch(work, days.from_us, days.to_us, false);
	if (code == METER_OK)
		code = add(&p->whole, &p->whole_count, days);
	return code == METER_OK && !has(p->days, p->day_count, days) ? add(&p->days, &p->day_count, days) : code;
}

/* Days at once, as far as they are rolled up; minutes from there on. */
static int compare_days(struct proven *p, struct work *work, struct period days)
{
	const int64_t rolled_us = work->totals.rolled_before * US_PER_MINUTE;
	const int64_t middle_us = rolled_us < days.from_us ? days.from_us : rolled_us > days.to_us ? days.to_us : rolled_us;
	int code = METER_OK;
	if (days.from_us < middle_us)
		code = meter__work_stretch(work, days.from_us, middle_us, true);
	if (code == METER_OK && middle_us < days.to_us)
		code = meter__work_stretch(work, middle_us, days.to_us, false);
	return code == METER_OK ? add(&p->days, &p->day_count, days) : code;
}

static int compare(struct proven *p, struct work *work, struct period wanted)
{
	struct period cut[2], all = days_of(wanted);
	const size_t count = cut_days(cut, wanted);
	int code = METER_OK;
	if (all.to_us < all.from_us + TOGETHER_US)
		all.to_us = all.from_us + TOGETHER_US;
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		if (!has(p->whole, p->whole_count, cut[i]))
			code = compare_whole(p, work, cut[i]);
	}
	while (code == METER_OK) {
		const struct period gap = first_gap(p->days, p->day_count, all);
		if (gap.from_us == gap.to_us)
			break;
		code = compare_days(p, work, gap);
	}
	return code;
}

int meter__proven_compare(struct proven *p, struct store *store)
{
	struct work work = {.only = p->is_of_one ? p->subscription : 0};
	struct findings *findings = calloc(1, sizeof(*findings));
	if (!findings)
		return no_memory();
	int code = meter__work_begin(&work, store, findings);
	if (code == METER_OK)
		code = meter__work_read(&work, false);
	for (size_t i = 0; i < p->wanted_count && code == METER_OK; i++)
		code = compare(p, &work, p->wanted[i]);
	p->wanted_count = 0;
	meter__work_end(&work);
	if (code == METER_OK)
		code = check_damage(findings);
	if (findings->total > 0 && !p->findings) {
		p->findings = findings;
		return code;
	}
	if (findings->total > 0)
		meter__findings_take(p->findings, findings);
	free(findings);
	return code;
}

void meter__proven_free(struct proven *p)
{
	if (p->findings)
		meter__findings_free(p->findings);
	free(p->findings);
	free(p->days);
	free(p->whole);
	free(p->wanted);
	*p = (struct proven){.is_of_one = false};
}
