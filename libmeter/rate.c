/*
 * rate.c - from a plan and the usage of a period to lines. (pure: no I/O, no clock)
 *
 * The model of a charge gives lines whose amounts are rounded (rate_line.c); everything that follows (minimum, maximum,
 * discounts) works on these rounded amounts and adds lines of its own, so that every total is a sum of lines.
 *
 * The catalog has checked the plan, and this file relies on it: no price, flat, minimum, included or percent is negative, percent
 * is at most 100, per is positive, up_to rises from above 0, only the last tier has none, and a charge with rates has nothing
 * included.
 *
 * Called once per invoice or quote, on any thread. All memory is in the rating, and released with it on every failure.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "rate_line.h"

/* Models: from the usage of a charge to its usage and flat lines. */

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

/* What comes after the model: of a charge or, with the same rules, of the whole plan. */

static int round_amount(struct decimal *out, const struct plan *plan, struct decimal amount)
{
	return meter__decimal_round_quotient(out, amount, DECIMAL_ONE, DECIMAL_ONE, plan->exponent, plan->rounding);
}

/* The line that brings the sum up to its minimum, or down to its maximum. */
static int limit_add(struct rater *r, int32_t kind, const struct amount *limit)
{
	if (!limit->is_set)
		return METER_OK;
	const bool is_minimum = kind == METER_LINE_MINIMUM;
	struct decimal bound;
	struct decimal difference;
	int rc = round_amount(&bound, r->plan, limit->value);
	if (rc == METER_OK)
		rc = is_minimum ? meter__decimal_subtract(&difference, bound, r->sum)
		                : meter__decimal_subtract(&difference, r->sum, bound);
	if (rc != METER_OK)
		return rc;
	if (meter__decimal_is_zero(difference) || meter__decimal_is_negative(difference))
		return METER_OK;
	struct buffer description = meter__rate_text_amount_of(r->charge);
	meter__buffer_text(&description, is_minimum ? "minimum " : "maximum ");
	meter__rate_text_money(&description, r->plan, bound);
	const struct decimal quantity = is_minimum ? DECIMAL_ONE : meter__decimal_negate(DECIMAL_ONE);
	return meter__rate_line_add(r, kind, &description, quantity, difference, DECIMAL_ONE);
}

static int limits_add(struct rater *r, const struct amount *minimum, const struct amount *maximum)
{
	const int rc = limit_add(r, METER_LINE_MINIMUM, minimum);
	return rc != METER_OK ? rc : limit_add(r, METER_LINE_MAXIMUM, maximum);
}

static bool is_in_force(const struct discount *discount, struct period period)
{
	return period.from_us >= discount->from_us && period.from_us < discount->until_us;
}

/* The discount on base, which is not negative; *taken_out is the amount it takes. Where there is nothing to take, there is no
 * line. */
static int discount_add(struct rater *r, const struct discount *discount, struct decimal base, struct decimal *taken_out)
{
	*taken_out = DECIMAL_ZERO;
	if (meter__decimal_is_zero(base))
		return METER_OK;
	struct decimal amount = DECIMAL_ZERO;
	if (!discount->is_percent) {
		const int rc = round_amount(&amount, r->plan, discount->amount);
		if (rc != METER_OK)
			return rc;
	}
	struct buffer description = meter__rate_text_amount_of(r->charge);
	meter__buffer_text(&description, "discount ");
	if (discount->is_percent) {
		meter__rate_text_decimal(&description, discount->percent);
		meter__buffer_text(&description, " %");
	} else {
		meter__rate_text_money(&description, r->plan, amount);
	}
	if (discount->reason != NULL)
		meter__buffer_format(&description, ": %s", discount->reason);

	int rc;
	if (discount->is_percent) {
		rc = meter__rate_line_add(r, METER_LINE_DISCOUNT, &description, meter__decimal_negate(base), discount->percent,
		                          meter__decimal_from_int(100));
	} else {
		const struct decimal taken = meter__decimal_compare(amount, base) < 0 ? amount : base;
		rc = meter__rate_line_add(r, METER_LINE_DISCOUNT, &description, meter__decimal_negate(DECIMAL_ONE), taken,
		                          DECIMAL_ONE);
	}
	if (rc == METER_OK)
		*taken_out = meter__decimal_negate(r->out->lines[r->out->line_count - 1].amount);
	return rc;
}

static bool applies_to(const struct discount *discount, const struct charge *charge)
{
	for (size_t i = 0; i < discount->applies_to_count; i++)
		if (strcmp(discount->applies_to[i], charge->key) == 0)
			return true;
	return discount->applies_to_count == 0;
}

/*
 * Take a plan discount from what is left of the charges it applies to, each its share: a later discount on some of them then
 * finds what the earlier ones left. Shares are differences of rounded-down running sums, so they add up to taken and no charge
 * falls below 0.
 */
static int discount_share(struct rater *r, const struct discount *discount, struct decimal base, struct decimal taken)
{
	struct decimal sum = DECIMAL_ZERO;
	struct decimal shared = DECIMAL_ZERO;
	for (size_t i = 0; i < r->plan->charge_count; i++) {
		if (!applies_to(discount, &r->plan->charges[i]))
			continue;
		struct decimal upto;
		struct decimal share;
		int rc = meter__decimal_add(&sum, sum, r->left[i]);
		if (rc == METER_OK)
			rc = meter__decimal_round_quotient(&upto, taken, sum, base, r->plan->exponent, ROUND_DOWN);
		if (rc == METER_OK)
			rc = meter__decimal_subtract(&share, upto, shared);
		if (rc == METER_OK)
			rc = meter__decimal_subtract(&r->left[i], r->left[i], share);
		if (rc != METER_OK)
			return rc;
		shared = upto;
	}
	return METER_OK;
}

static int plan_discount(struct rater *r, const struct discount *discount)
{
	struct decimal base = DECIMAL_ZERO;
	for (size_t i = 0; i < r->plan->charge_count; i++) {
		if (!applies_to(discount, &r->plan->charges[i]))
			continue;
		const int rc = meter__decimal_add(&base, base, r->left[i]);
		if (rc != METER_OK)
			return rc;
	}
	struct decimal taken;
	const int rc = discount_add(r, discount, base, &taken);
	if (rc != METER_OK || meter__decimal_is_zero(taken))
		return rc;
	return discount_share(r, discount, base, taken);
}

static int rate_charge(struct rater *r, size_t index, const struct charge_usage *usage)
{
	const struct charge *charge = &r->plan->charges[index];
	r->charge = charge;
	r->sum = DECIMAL_ZERO;
	int rc = charge->model == MODEL_FLAT ? rate_flat(r) : rate_usage(r, usage);
	if (rc == METER_OK)
		rc = suspend_unmeasured(r, usage);
	if (rc == METER_OK)
		rc = limits_add(r, &charge->minimum, &charge->maximum);
	for (size_t i = 0; i < charge->discount_count && rc == METER_OK; i++) {
		struct decimal taken;
		if (is_in_force(&charge->discounts[i], r->period))
			rc = discount_add(r, &charge->discounts[i], r->sum, &taken);
	}
	r->left[index] = r->sum;
	return rc == METER_OK ? meter__decimal_add(&r->out->subtotal, r->out->subtotal, r->sum) : rc;
}

static int rate_plan(struct rater *r)
{
	const struct plan *plan = r->plan;
	r->charge = NULL;
	r->sum = r->out->subtotal;
	int rc = METER_OK;
	for (size_t i = 0; i < plan->discount_count && rc == METER_OK; i++)
		if (is_in_force(&plan->discounts[i], r->period))
			rc = plan_discount(r, &plan->discounts[i]);
	if (rc == METER_OK)
		rc = limits_add(r, &plan->minimum, &plan->maximum);
	r->out->total = r->sum;
	return rc;
}

int meter__rate(struct rating *out, const struct plan *plan, const struct charge_usage *usage, struct period period,
                struct period active)
{
	struct rater r = {.out = out, .plan = plan, .period = period, .active = active};
	*out = (struct rating){0};
	int rc = METER_ENOMEM;
	r.left = calloc(plan->charge_count + 1, sizeof *r.left); /* + 1: so that NULL always means no memory */
	if (r.left != NULL) {
		rc = METER_OK;
		for (size_t i = 0; i < plan->charge_count && rc == METER_OK; i++)
			rc = rate_charge(&r, i, &usage[i]);
		if (rc == METER_OK)
			rc = rate_plan(&r);
		free(r.left);
	}
	if (rc == METER_OK)
		return METER_OK;
	meter__rating_free(out);
	if (rc == METER_ENOMEM)
		return meter__fail(rc, "out of memory");
	return meter__fail(rc, "%s %s: a quantity or an amount does not fit into 38 digits", r.charge != NULL ? "charge" : "plan",
	                   r.charge != NULL ? r.charge->key : plan->key);
}

void meter__rating_free(struct rating *rating)
{
	for (size_t i = 0; i < rating->line_count; i++) {
		free(rating->lines[i].description);
		free(rating->lines[i].exact);
	}
	free(rating->lines);
	*rating = (struct rating){0};
}
