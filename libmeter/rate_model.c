/*
 * rate_model.c - the models: from the usage of a charge to its usage and flat lines. (pure)
 *
 * The catalog has checked the plan, and this file relies on it: no price, flat, minimum, included or percent is negative, percent
 * is at most 100, per is positive, up_to rises from above 0, only the last tier has none, and a charge with rates has nothing
 * included.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "rate_line.h"

/* What is billed of a total: never below 0, whatever corrections have taken back. */
static int billed_quantity(struct decimal *out, const struct aggregate *total, struct decimal included)
{
	if (total->is_overflow)
		return METER_EOVERFLOW;
	*out = DECIMAL_ZERO;
	if (total->events == 0 || meter__decimal_compare(total->value, included) <= 0)
		return METER_OK;
	return meter__decimal_subtract(out, total->value, included);
}

static int rate_unit(struct rater *r, struct decimal quantity)
{
	struct buffer description = meter__rate_text_charge(r->charge);
	meter__rate_text_included(&description, r->charge);
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, r->charge->price, r->charge->per);
}

/* A tier without price has no usage line, but always a flat line, so that the reached step can be seen. */
static int rate_tier(struct rater *r, size_t index, struct decimal quantity)
{
	const struct charge *charge = r->charge;
	const struct tier *tier = &charge->tiers[index];
	const bool is_due = !meter__decimal_is_zero(quantity) || charge->flat_at_zero;
	const bool has_flat = is_due && (!tier->has_price || !meter__decimal_is_zero(tier->flat));
	if (tier->has_price || !has_flat) {
		struct buffer description = meter__rate_text_tier(charge, index);
		const struct decimal price = tier->has_price ? tier->price : DECIMAL_ZERO;
		const int rc = meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, price, charge->per);
		if (rc != METER_OK)
			return rc;
	}
	if (!has_flat)
		return METER_OK;
	struct buffer description = meter__rate_text_tier(charge, index);
	meter__buffer_text(&description, ", flat");
	return meter__rate_line_add(r, METER_LINE_FLAT, &description, DECIMAL_ONE, tier->flat, DECIMAL_ONE);
}

static bool is_within(const struct tier *tier, struct decimal quantity)
{
	return !tier->has_up_to || meter__decimal_compare(quantity, tier->up_to) <= 0;
}

static int rate_graduated(struct rater *r, struct decimal quantity)
{
	const struct charge *charge = r->charge;
	struct decimal below = DECIMAL_ZERO;
	for (size_t i = 0;; i++) {
		assert(i < charge->tier_count);
		const bool is_last = is_within(&charge->tiers[i], quantity);
		const struct decimal top = is_last ? quantity : charge->tiers[i].up_to;
		struct decimal part;
		int rc = meter__decimal_subtract(&part, top, below);
		if (rc == METER_OK)
			rc = rate_tier(r, i, part);
		if (rc != METER_OK || is_last)
			return rc;
		below = top;
	}
}

static int rate_volume(struct rater *r, struct decimal quantity)
{
	size_t i = 0;
	while (!is_within(&r->charge->tiers[i], quantity))
		i++;
	return rate_tier(r, i, quantity);
}

static int rate_package(struct rater *r, struct decimal quantity)
{
	const struct charge *charge = r->charge;
	struct decimal packages;
	const int rc = meter__decimal_round_quotient(&packages, quantity, DECIMAL_ONE, charge->per, 0, ROUND_UP);
	if (rc != METER_OK)
		return rc;
	struct buffer description = meter__rate_text_charge(charge);
	meter__buffer_text(&description, ", ");
	meter__rate_text_decimal(&description, packages);
	meter__buffer_text(&description, meter__decimal_compare(packages, DECIMAL_ONE) == 0 ? " package of " : " packages of ");
	meter__rate_text_decimal(&description, charge->per);
	meter__buffer_text(&description, " for ");
	meter__rate_text_decimal(&description, quantity);
	meter__buffer_text(&description, meter__decimal_compare(quantity, DECIMAL_ONE) == 0 ? " unit" : " units");
	meter__rate_text_included(&description, charge);
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, packages, charge->price, DECIMAL_ONE);
}

static bool rate_matches(const struct rate *rate, const struct usage_group *group)
{
	for (size_t i = 0; i < rate->match_count; i++) {
		const char *value = group->values[rate->matches[i].dimension];
		if (value == NULL || strcmp(value, rate->matches[i].value) != 0)
			return false;
	}
	return true;
}

/* The first rate that matches, or rate_count. */
static size_t rate_find(const struct charge *charge, const struct usage_group *group)
{
	size_t i = 0;
	while (i < charge->rate_count && !rate_matches(&charge->rates[i], group))
		i++;
	return i;
}

static int suspend_unmatched(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->charge;
	for (size_t i = 0; i < usage->group_count; i++) {
		const struct usage_group *group = &usage->groups[i];
		if (group->total.events == 0 || rate_find(charge, group) < charge->rate_count)
			continue;
		if (group->total.is_overflow)
			return METER_EOVERFLOW;
		struct buffer description = meter__rate_text_charge(charge);
		meter__buffer_text(&description, ", no rate for");
		for (size_t d = 0; d < charge->meter->dimension_count; d++)
			meter__rate_text_dimension(&description, charge->meter->dimensions[d], group->values[d]);
		const int rc = meter__rate_line_suspend(r, &description, group->total.value);
		if (rc != METER_OK)
			return rc;
	}
	return METER_OK;
}

static int rate_unmatched(struct rater *r, const struct charge_usage *usage, const struct aggregate *total)
{
	const struct charge *charge = r->charge;
	if (charge->unmatched == UNMATCHED_SUSPEND)
		return suspend_unmatched(r, usage);
	struct decimal quantity;
	const int rc = billed_quantity(&quantity, total, DECIMAL_ZERO);
	if (rc != METER_OK)
		return rc;
	const bool is_free = charge->unmatched == UNMATCHED_FREE;
	struct buffer description = meter__rate_text_charge(charge);
	meter__buffer_text(&description, is_free ? ", without a rate: free" : ", without a rate");
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, is_free ? DECIMAL_ZERO : charge->unmatched_price,
	                            charge->per);
}

/* totals: one per rate in their order, then that of the groups no rate matches. */
static int rate_totals(struct rater *r, const struct charge_usage *usage, const struct aggregate *totals)
{
	const struct charge *charge = r->charge;
	bool is_used = false;
	for (size_t i = 0; i < charge->rate_count; i++) {
		if (totals[i].events == 0)
			continue;
		is_used = true;
		struct decimal quantity;
		int rc = billed_quantity(&quantity, &totals[i], DECIMAL_ZERO);
		if (rc != METER_OK)
			return rc;
		struct buffer description = meter__rate_text_rate(charge, &charge->rates[i]);
		rc = meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, charge->rates[i].price, charge->per);
		if (rc != METER_OK)
			return rc;
	}
	if (totals[charge->rate_count].events != 0)
		return rate_unmatched(r, usage, &totals[charge->rate_count]);
	if (is_used)
		return METER_OK;
	struct buffer description = meter__rate_text_charge(charge);
	meter__buffer_text(&description, ", no usage");
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, DECIMAL_ZERO, charge->rates[0].price, charge->per);
}

static int rate_rates(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->charge;
	struct aggregate *totals = calloc(charge->rate_count + 1, sizeof *totals);
	if (totals == NULL)
		return METER_ENOMEM;
	for (size_t i = 0; i < usage->group_count; i++)
		meter__aggregate_merge(charge->meter->aggregation, &totals[rate_find(charge, &usage->groups[i])],
		                       &usage->groups[i].total);
	const int rc = rate_totals(r, usage, totals);
	free(totals);
	return rc;
}

static int rate_usage(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->charge;
	if (charge->rate_count > 0)
		return rate_rates(r, usage);
	struct aggregate total = {0};
	for (size_t i = 0; i < usage->group_count; i++)
		meter__aggregate_merge(charge->meter->aggregation, &total, &usage->groups[i].total);
	struct decimal quantity;
	const int rc = billed_quantity(&quantity, &total, charge->included);
	if (rc != METER_OK)
		return rc;
	switch (charge->model) {
	case MODEL_GRADUATED:
		return rate_graduated(r, quantity);
	case MODEL_VOLUME:
		return rate_volume(r, quantity);
	case MODEL_PACKAGE:
		return rate_package(r, quantity);
	case MODEL_UNIT:
	case MODEL_FLAT:
		break;
	}
	return rate_unit(r, quantity);
}

/* The part of the period that is charged, in the largest unit that is exact for both. */
static int rate_prorated(struct rater *r, int64_t active_us, int64_t period_us)
{
	static const struct {
		int64_t us;
		const char *name;
	} units[] = {{US_PER_DAY, "days"}, {US_PER_SECOND, "seconds"}, {1, "microseconds"}};
	size_t i = 0;
	while (active_us % units[i].us != 0 || period_us % units[i].us != 0)
		i++;
	const struct decimal active = meter__decimal_from_int(active_us / units[i].us);
	const struct decimal whole = meter__decimal_from_int(period_us / units[i].us);
	struct buffer description = meter__rate_text_amount_of(r->charge);
	meter__rate_text_decimal(&description, active);
	meter__buffer_text(&description, " of ");
	meter__rate_text_decimal(&description, whole);
	meter__buffer_format(&description, " %s", units[i].name);
	return meter__rate_line_add(r, METER_LINE_FLAT, &description, active, r->charge->amount, whole);
}

static int rate_flat(struct rater *r)
{
	const int64_t active_us = r->active.to_us - r->active.from_us;
	const int64_t period_us = r->period.to_us - r->period.from_us;
	if (active_us <= 0)
		return METER_OK;
	if (r->charge->is_prorated && active_us < period_us)
		return rate_prorated(r, active_us, period_us);
	struct buffer description = meter__rate_text_charge(r->charge);
	return meter__rate_line_add(r, METER_LINE_FLAT, &description, DECIMAL_ONE, r->charge->amount, DECIMAL_ONE);
}

static int suspend_unmeasured(struct rater *r, const struct charge_usage *usage)
{
	int64_t unmeasured = 0;
	for (size_t i = 0; i < usage->group_count; i++)
		if (__builtin_add_overflow(unmeasured, usage->groups[i].total.unmeasured, &unmeasured))
			return METER_EOVERFLOW;
	if (unmeasured == 0)
		return METER_OK;
	struct buffer description = meter__rate_text_amount_of(r->charge);
	meter__buffer_format(&description, "%lld %s could not be measured", (long long)unmeasured,
	                     unmeasured == 1 ? "event" : "events");
	return meter__rate_line_suspend(r, &description, meter__decimal_from_int(unmeasured));
}

int meter__rate_model(struct rater *r, const struct charge_usage *usage)
{
	const int rc = r->charge->model == MODEL_FLAT ? rate_flat(r) : rate_usage(r, usage);
	return rc == METER_OK ? suspend_unmeasured(r, usage) : rc;
}
