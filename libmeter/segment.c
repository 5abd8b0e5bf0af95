/* segment.c - see segment.h. (pure) */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"

struct cutting {
	const struct meter_catalog *catalog;
	const struct subscription *subscription;
	struct period active;
	struct rate_segment *segments;
	size_t count, capacity;
};

static const char *plan_at(const struct subscription *s, int64_t us)
{
	const char *key = NULL;
	for (size_t i = 0; i < s->plan_count && s->plans[i].from_us <= us; i++)
		key = s->plans[i].plan;
	return key;
}

static void earlier(int64_t *end, int64_t from_us, int64_t us)
{
	if (us > from_us && us < *end)
		*end = us;
}

/* Where the first change after from_us is. */
static int64_t next_cut(const struct cutting *c, const char *plan, int64_t from_us)
{
	const struct subscription *s = c->subscription;
	int64_t end = c->active.to_us;
	for (size_t i = 0; i < s->plan_count; i++)
		earlier(&end, from_us, s->plans[i].from_us);
	for (size_t i = 0; i < c->catalog->plan_count; i++) {
		if (strcmp(c->catalog->plans[i].key, plan) == 0)
			earlier(&end, from_us, c->catalog->plans[i].effective_from_us);
	}
	earlier(&end, from_us, s->trial_until_us);
	return end;
}

static int64_t weight_of(const struct subscription *s, struct period active)
{
	int64_t weight = active.to_us - active.from_us;
	for (size_t i = 0; i < s->pause_count; i++) {
		struct period pause = meter__period_intersect(active, s->pauses[i]);
		weight -= pause.to_us - pause.from_us;
	}
	return weight;
}

static int add_segment(struct cutting *c, const struct plan *plan, struct period active)
{
	const struct subscription *s = c->subscription;
	if (c->count > 0 && strcmp(c->segments[0].plan->currency, plan->currency) != 0) {
		char at[INSTANT_TEXT_SIZE];
		meter__instant_format(at, active.from_us);
		return meter__fail(METER_EUNSUPPORTED, "the currency changes from %s to %s at %s, inside a period",
		                   c->segments[0].plan->currency, plan->currency, at);
	}
	const bool is_trial = active.from_us < s->trial_until_us;
	struct rate_segment *last = c->count > 0 ? &c->segments[c->count - 1] : NULL;
	/* A change to the plan that is held already changes nothing. */
	if (last && last->plan == plan && last->is_trial == is_trial) {
		last->active.to_us = active.to_us;
		last->weight_us += weight_of(s, active);
		return METER_OK;
	}
	if (c->count == c->capacity) {
		size_t capacity = c->capacity ? c->capacity * 2 : 4;
		struct rate_segment *segments = realloc(c->segments, capacity * sizeof(*segments));
		if (!segments)
			return meter__fail(METER_ENOMEM, "no memory for an invoice");
		c->segments = segments;
		c->capacity = capacity;
	}
	c->segments[c->count++] =
		(struct rate_segment){.plan = plan, .active = active, .weight_us = weight_of(s, active), .is_trial = is_trial};
	return METER_OK;
}

static int cut(struct cutting *c)
{
	int code = METER_OK;
	for (int64_t from_us = c->active.from_us; code == METER_OK && from_us < c->active.to_us;) {
		const char *key = plan_at(c->subscription, from_us);
		const struct plan *plan = meter__catalog_plan(c->catalog, meter__slice_of(key), from_us);
		if (!plan) {
			char at[INSTANT_TEXT_SIZE];
			meter__instant_format(at, from_us);
			return meter__fail(METER_ENOTFOUND, "plan %s has no version in force at %s", key, at);
		}
		int64_t to_us = next_cut(c, key, from_us);
		code = add_segment(c, plan, (struct period){from_us, to_us});
		from_us = to_us;
	}
	return code;
}

/* ---- billing periods ---- */

/* The longest stretch around us in which plans have periods of one length. */
static int run_at(struct period *run, enum cycle_unit *unit, const struct meter_catalog *catalog,
                  const struct subscription *subscription, int64_t us)
{
	const struct cutting c = {
		.catalog = catalog, .subscription = subscription, .active = {subscription->from_us, subscription->until_us}};
	bool has_run = false;
	for (int64_t at_us = c.active.from_us; at_us < c.active.to_us;) {
		const char *key = plan_at(subscription, at_us);
		const struct plan *plan = meter__catalog_plan(catalog, meter__slice_of(key), at_us);
		if (has_run && (!plan || plan->period != *unit)) {
			if (us < at_us)
				return METER_OK;
			has_run = false;
		}
		if (plan && !has_run) {
			run->from_us = at_us;
			*unit = plan->period;
			has_run = true;
		}
		at_us = next_cut(&c, key, at_us);
		run->to_us = at_us;
	}
	if (has_run && us >= run->from_us && us < run->to_us)
		return METER_OK;
	char at[INSTANT_TEXT_SIZE];
	meter__instant_format(at, us);
	return meter__fail(METER_ENOTFOUND, "subscription %s has no plan in force at %s", subscription->key, at);
}

static struct cycle cycle_of(const struct subscription *subscription, enum cycle_unit unit)
{
	return (struct cycle){.unit = unit,
	                      .zone = subscription->zone,
	                      .is_anniversary = subscription->is_anniversary,
	                      .anchor_us = subscription->from_us};
}

int meter__billing_period_at(struct billing_period *out, const struct meter_catalog *catalog,
                             const struct subscription *subscription, int64_t us)
{
	struct period run;
	enum cycle_unit unit;
	int code = run_at(&run, &unit, catalog, subscription, us);
	if (code != METER_OK)
		return code;
	const struct cycle cycle = cycle_of(subscription, unit);
	out->whole = meter__cycle_of(&cycle, us);
	out->active = meter__period_intersect(out->whole, run);
	return METER_OK;
}

int64_t meter__billing_next_us(const struct meter_catalog *catalog, const struct subscription *subscription, int64_t us)
{
	const struct cutting c = {
		.catalog = catalog, .subscription = subscription, .active = {subscription->from_us, subscription->until_us}};
	int64_t at_us = us > c.active.from_us ? us : c.active.from_us;
	while (at_us < c.active.to_us) {
		const char *key = plan_at(subscription, at_us);
		if (meter__catalog_plan(catalog, meter__slice_of(key), at_us))
			return at_us;
		at_us = next_cut(&c, key, at_us);
	}
	return INT64_MAX;
}

int meter__billing_period_held(int64_t *out_us, const struct meter_catalog *catalog, const struct subscription *subscription,
                               const struct billing_period *period)
{
	struct billing_period all;
	int code = meter__billing_period_at(&all, catalog, subscription, period->active.from_us);
	if (code == METER_OK)
		*out_us = weight_of(subscription, all.active);
	return code;
}

/* Whether text is a date in the life of the subscription, and where it begins. */
static bool find_date(int64_t *out, const struct subscription *subscription, struct slice text)
{
	const struct cycle days = {.unit = CYCLE_DAY, .zone = subscription->zone};
	struct period day;
	if (text.size != strlen("2026-01-15") || meter__cycle_parse(&day, &days, text.data, text.size) != METER_OK)
		return false;
	*out = day.from_us;
	return day.from_us >= subscription->from_us && day.from_us < subscription->until_us;
}

int meter__billing_period_parse(struct billing_period *out, const struct meter_catalog *catalog,
                                const struct subscription *subscription, struct slice text)
{
	struct period run = {subscription->from_us, subscription->from_us};
	int64_t date_us;
	int result = METER_OK;
	/* A day is in one period, whatever lengths periods have before and after. */
	if (find_date(&date_us, subscription, text))
		return meter__billing_period_at(out, catalog, subscription, date_us);
	/* The text means the periods that the plan has then, so each run of plans is asked. */
	for (;;) {
		const int64_t at_us = meter__billing_next_us(catalog, subscription, run.to_us);
		enum cycle_unit unit;
		if (at_us == INT64_MAX)
			break;
		int code = run_at(&run, &unit, catalog, subscription, at_us);
		if (code != METER_OK)
			return code;
		const struct cycle cycle = cycle_of(subscription, unit);
		code = meter__cycle_parse(&out->whole, &cycle, text.data, text.size);
		out->active = meter__period_intersect(out->whole, run);
		if (code == METER_OK && out->active.from_us < out->active.to_us)
			return METER_OK;
		if (code != METER_OK)
			result = code;
	}
	/* Of plans whose periods have no such name, the last one says why. */
	if (result != METER_OK)
		return result;
	return meter__fail(METER_ENOTFOUND, "subscription %s has no plan in %.*s", subscription->key, (int)text.size, text.data);
}

bool meter__billing_period_is_named(const struct billing_period *period, const struct meter_catalog *catalog,
                                    const struct subscription *subscription, struct slice text)
{
	struct billing_period named;
	int64_t date_us;
	if (find_date(&date_us, subscription, text))
		return date_us >= period->active.from_us && date_us < period->active.to_us;
	return meter__billing_period_parse(&named, catalog, subscription, text) == METER_OK &&
	       named.whole.from_us == period->whole.from_us;
}

void meter__billing_period_format(char out[BILLING_PERIOD_TEXT_SIZE], const struct meter_catalog *catalog,
                                  const struct subscription *subscription, const struct billing_period *period)
{
	struct period run;
	enum cycle_unit unit;
	out[0] = '\0';
	if (run_at(&run, &unit, catalog, subscription, period->active.from_us) != METER_OK)
		return;
	const struct cycle cycle = cycle_of(subscription, unit);
	meter__cycle_format(out, &cycle, period->whole);
}

/* ---- segments ---- */

int meter__segments(struct rate_segment **out, size_t *count_out, const struct meter_catalog *catalog,
                    const struct subscription *subscription, struct period period)
{
	struct cutting c = {.catalog = catalog, .subscription = subscription};
	c.active = meter__period_intersect(period, (struct period){subscription->from_us, subscription->until_us});
	*out = NULL;
	*count_out = 0;
	if (c.active.from_us >= c.active.to_us) {
		char at[INSTANT_TEXT_SIZE];
		meter__instant_format(at, period.from_us);
		return meter__fail(METER_ENOTFOUND, "subscription %s has no plan in the period from %s on", subscription->key,
		                   at);
	}
	int code = cut(&c);
	if (code != METER_OK) {
		free(c.segments);
		return code;
	}
	*out = c.segments;
	*count_out = c.count;
	return METER_OK;
}
