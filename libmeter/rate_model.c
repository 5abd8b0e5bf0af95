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

/* A quantity that is divided and not rounded has no exact decimal in general: it keeps this many decimals. */
#define CONVERTED_SCALE 18

static int convert(struct decimal *quantity, const struct charge *charge)
{
	const bool divides = charge->conversion == CONVERSION_DIVIDE;
	int rc = METER_OK;
	if (charge->conversion == CONVERSION_MULTIPLY)
		rc = meter__decimal_multiply(quantity, *quantity, charge->convert_by);
	if (rc == METER_OK && meter__decimal_is_zero(charge->round_to) && divides)
		return meter__decimal_round_quotient(quantity, *quantity, DECIMAL_ONE, charge->convert_by, CONVERTED_SCALE,
		                                     ROUND_HALF_UP);
	if (rc != METER_OK || meter__decimal_is_zero(charge->round_to))
		return rc;
	/* Both in one step, so that it is rounded once. */
	struct decimal step = charge->round_to;
	struct decimal steps;
	if (divides)
		rc = meter__decimal_multiply(&step, step, charge->convert_by);
	if (rc == METER_OK)
		rc = meter__decimal_round_quotient(&steps, *quantity, DECIMAL_ONE, step, 0, charge->round_mode);
	return rc == METER_OK ? meter__decimal_multiply(quantity, steps, charge->round_to) : rc;
}

static int take_off(struct decimal *quantity, struct decimal units)
{
	if (meter__decimal_compare(*quantity, units) > 0)
		return meter__decimal_subtract(quantity, *quantity, units);
	*quantity = DECIMAL_ZERO;
	return METER_OK;
}

/* What is billed of a total: converted, less what is free, never below 0. A sum that corrections have brought below 0 is carried.
 */
static int billed_quantity(struct decimal *out, struct rater *r, const struct aggregate *total, size_t slot)
{
	const struct charge *charge = r->terms;
	int rc = meter__aggregate_value(out, charge->meter->aggregation, total);
	if (rc == METER_OK && charge->meter->aggregation == AGGREGATION_SUM)
		rc = meter__rate_carry(r, out, slot);
	if (rc == METER_OK && meter__decimal_is_negative(*out))
		*out = DECIMAL_ZERO;
	if (rc == METER_OK)
		rc = convert(out, charge);
	for (size_t i = 0; i < charge->discount_count && rc == METER_OK; i++)
		if (charge->discounts[i].kind == DISCOUNT_UNITS && meter__rate_in_force(&charge->discounts[i], r))
			rc = take_off(out, charge->discounts[i].value);
	if (rc == METER_OK)
		rc = take_off(out, charge->included);
	return rc == METER_OK ? take_off(out, charge->free_units) : rc;
}

static int rate_unit(struct rater *r, struct decimal quantity)
{
	struct buffer description = meter__rate_text_charge(r);
	meter__rate_text_free(&description, r);
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, r->terms->price, r->terms->per);
}

static int rate_dynamic(struct rater *r, struct decimal quantity)
{
	struct buffer description = meter__rate_text_charge(r);
	meter__rate_text_free(&description, r);
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, r->terms->multiplier, DECIMAL_ONE);
}

/* A tier without price has no usage line, but always a flat line, so that the reached step can be seen. */
static int rate_tier(struct rater *r, size_t index, struct decimal quantity)
{
	const struct charge *charge = r->terms;
	const struct tier *tier = &charge->tiers[index];
	const bool is_due = !meter__decimal_is_zero(quantity) || charge->flat_at_zero;
	const bool has_flat = is_due && (!tier->has_price || !meter__decimal_is_zero(tier->flat));
	if (tier->has_price || !has_flat) {
		struct buffer description = meter__rate_text_tier(r, index);
		const struct decimal price = tier->has_price ? tier->price : DECIMAL_ZERO;
		const struct decimal per =
			charge->model == MODEL_GRADUATED_PERCENTAGE ? meter__decimal_from_int(100) : charge->per;
		const int rc = meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, price, per);
		if (rc != METER_OK)
			return rc;
	}
	if (!has_flat)
		return METER_OK;
	struct buffer description = meter__rate_text_tier(r, index);
	meter__buffer_text(&description, ", flat");
	return meter__rate_line_add(r, METER_LINE_FLAT, &description, DECIMAL_ONE, tier->flat, DECIMAL_ONE);
}

static bool is_within(const struct tier *tier, struct decimal quantity)
{
	return !tier->has_up_to || meter__decimal_compare(quantity, tier->up_to) <= 0;
}

static int rate_graduated(struct rater *r, struct decimal quantity)
{
	const struct charge *charge = r->terms;
	struct decimal below = DECIMAL_ZERO;
	for (size_t i = 0;; i++) {
		assert(i < charge->tier_count);
		const bool is_last = is_within(&charge->tiers[i], quantity);
		const struct decimal top = is_last ? quantity : charge->tiers[i].up_to;
		struct decimal part;
		int rc = meter__decimal_subtract(&part, top, below);
		/* The part of a short segment may round two bounds to one. */
		if (rc == METER_OK && (i == 0 || !meter__decimal_is_zero(part)))
			rc = rate_tier(r, i, part);
		if (rc != METER_OK || is_last)
			return rc;
		below = top;
	}
}

static int rate_volume(struct rater *r, struct decimal quantity)
{
	size_t i = 0;
	while (!is_within(&r->terms->tiers[i], quantity))
		i++;
	return rate_tier(r, i, quantity);
}

static int rate_package(struct rater *r, struct decimal quantity)
{
	const struct charge *charge = r->terms;
	struct decimal packages;
	const int rc = meter__decimal_round_quotient(&packages, quantity, DECIMAL_ONE, charge->per, 0, ROUND_UP);
	if (rc != METER_OK)
		return rc;
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, ", ");
	meter__rate_text_decimal(&description, packages);
	meter__buffer_text(&description, meter__decimal_compare(packages, DECIMAL_ONE) == 0 ? " package of " : " packages of ");
	meter__rate_text_decimal(&description, charge->per);
	meter__buffer_text(&description, " for ");
	meter__rate_text_decimal(&description, quantity);
	meter__buffer_text(&description, meter__decimal_compare(quantity, DECIMAL_ONE) == 0 ? " unit" : " units");
	meter__rate_text_free(&description, r);
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
	const struct charge *charge = r->terms;
	for (size_t i = 0; i < usage->group_count; i++) {
		const struct usage_group *group = &usage->groups[i];
		if (group->total.events == 0 || rate_find(charge, group) < charge->rate_count)
			continue;
		struct decimal quantity;
		int rc = meter__aggregate_value(&quantity, charge->meter->aggregation, &group->total);
		if (rc != METER_OK)
			return rc;
		struct buffer description = meter__rate_text_charge(r);
		meter__buffer_text(&description, ", no rate for");
		for (size_t d = 0; d < charge->meter->dimension_count; d++)
			meter__rate_text_dimension(&description, charge->meter->dimensions[d], group->values[d]);
		rc = meter__rate_line_suspend(r, &description, quantity);
		if (rc != METER_OK)
			return rc;
	}
	return METER_OK;
}

static int rate_unmatched(struct rater *r, const struct charge_usage *usage, const struct aggregate *total)
{
	const struct charge *charge = r->terms;
	if (charge->unmatched == UNMATCHED_SUSPEND)
		return suspend_unmatched(r, usage);
	struct decimal quantity;
	const int rc = billed_quantity(&quantity, r, total, charge->rate_count + 1);
	if (rc != METER_OK)
		return rc;
	const bool is_free = charge->unmatched == UNMATCHED_FREE;
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, is_free ? ", without a rate: free" : ", without a rate");
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, is_free ? DECIMAL_ZERO : charge->unmatched_price,
	                            charge->per);
}

/* totals: one per rate in their order, then that of the groups no rate matches. */
static int rate_totals(struct rater *r, const struct charge_usage *usage, const struct aggregate *totals)
{
	const struct charge *charge = r->terms;
	bool is_used = false;
	for (size_t i = 0; i < charge->rate_count; i++) {
		if (totals[i].events == 0)
			continue;
		is_used = true;
		struct decimal quantity;
		int rc = billed_quantity(&quantity, r, &totals[i], i + 1);
		if (rc != METER_OK)
			return rc;
		struct buffer description = meter__rate_text_rate(r, &charge->rates[i]);
		rc = meter__rate_line_add(r, METER_LINE_USAGE, &description, quantity, charge->rates[i].price, charge->per);
		if (rc != METER_OK)
			return rc;
	}
	if (totals[charge->rate_count].events != 0)
		return rate_unmatched(r, usage, &totals[charge->rate_count]);
	if (is_used)
		return METER_OK;
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, ", no usage");
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, DECIMAL_ZERO, charge->rates[0].price, charge->per);
}

static int rate_rates(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->terms;
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

/* ---- percentage ---- */

static int percentage_lines(struct rater *r, struct decimal base, struct decimal events)
{
	const struct charge *charge = r->terms;
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, ", ");
	meter__rate_text_decimal(&description, charge->rate);
	meter__buffer_text(&description, " %");
	meter__rate_text_free(&description, r);
	const int rc = meter__rate_line_add(r, METER_LINE_USAGE, &description, base, charge->rate, meter__decimal_from_int(100));
	if (rc != METER_OK || meter__decimal_is_zero(charge->per_event))
		return rc;
	description = meter__rate_text_charge(r);
	meter__buffer_text(&description, ", per event");
	return meter__rate_line_add(r, METER_LINE_USAGE, &description, events, charge->per_event, DECIMAL_ONE);
}

/* What single events decide: sums over them, in the order of their time. */
struct event_sums {
	struct decimal free_units; /* left */
	struct decimal base;
	struct decimal raised; /* to event_minimum */
	struct decimal cut;    /* to event_maximum */
};

static int add_event(struct event_sums *sums, const struct charge *charge, struct decimal value)
{
	static const struct decimal percent = {1, 2};
	struct decimal fee, difference;
	int rc = METER_OK;
	if (!meter__decimal_is_negative(value)) {
		const struct decimal before = value;
		rc = take_off(&value, sums->free_units);
		if (rc == METER_OK)
			rc = meter__decimal_subtract(&difference, before, value);
		if (rc == METER_OK)
			rc = meter__decimal_subtract(&sums->free_units, sums->free_units, difference);
	}
	if (rc == METER_OK)
		rc = meter__decimal_add(&sums->base, sums->base, value);
	if (rc != METER_OK || meter__decimal_is_negative(value))
		return rc; /* a refund lowers the sum, and has no least or greatest fee */
	rc = meter__decimal_multiply(&fee, value, charge->rate);
	if (rc == METER_OK)
		rc = meter__decimal_multiply(&fee, fee, percent);
	if (rc == METER_OK)
		rc = meter__decimal_add(&fee, fee, charge->per_event);
	if (rc == METER_OK && charge->event_minimum.is_set && meter__decimal_compare(fee, charge->event_minimum.value) < 0) {
		rc = meter__decimal_subtract(&difference, charge->event_minimum.value, fee);
		return rc == METER_OK ? meter__decimal_add(&sums->raised, sums->raised, difference) : rc;
	}
	if (rc == METER_OK && charge->event_maximum.is_set && meter__decimal_compare(fee, charge->event_maximum.value) > 0) {
		rc = meter__decimal_subtract(&difference, fee, charge->event_maximum.value);
		return rc == METER_OK ? meter__decimal_add(&sums->cut, sums->cut, difference) : rc;
	}
	return rc;
}

static int event_limit_line(struct rater *r, int32_t kind, struct decimal sum, struct decimal limit)
{
	if (meter__decimal_is_zero(sum))
		return METER_OK;
	const bool is_minimum = kind == METER_LINE_MINIMUM;
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, is_minimum ? ", minimum of " : ", maximum of ");
	meter__rate_text_decimal(&description, limit);
	meter__buffer_text(&description, " an event");
	return meter__rate_line_add(r, kind, &description, is_minimum ? DECIMAL_ONE : meter__decimal_negate(DECIMAL_ONE), sum,
	                            DECIMAL_ONE);
}

/* The first free_events cost nothing. */
static int rate_events(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->terms;
	struct event_sums sums = {.free_units = charge->free_units};
	size_t first = (uint64_t)charge->free_events < usage->event_count ? (size_t)charge->free_events : usage->event_count;
	int rc = METER_OK;
	for (size_t i = first; i < usage->event_count && rc == METER_OK; i++)
		rc = add_event(&sums, charge, usage->events[i]);
	if (rc == METER_OK)
		rc = meter__rate_carry(r, &sums.base, 0);
	if (rc == METER_OK)
		rc = percentage_lines(r, sums.base, meter__decimal_from_int((int64_t)(usage->event_count - first)));
	if (rc == METER_OK)
		rc = event_limit_line(r, METER_LINE_MINIMUM, sums.raised, charge->event_minimum.value);
	/* Refunds may have left less than the maximum cut off other events. */
	if (meter__decimal_compare(sums.cut, r->sum) > 0)
		sums.cut = r->sum;
	return rc == METER_OK ? event_limit_line(r, METER_LINE_MAXIMUM, sums.cut, charge->event_maximum.value) : rc;
}

/* ---- one quantity, or one per group ---- */

static int rate_total(struct rater *r, const struct aggregate *total)
{
	struct decimal quantity;
	const int rc = billed_quantity(&quantity, r, total, 0);
	if (rc != METER_OK)
		return rc;
	switch (r->terms->model) {
	case MODEL_GRADUATED:
	case MODEL_GRADUATED_PERCENTAGE:
		return rate_graduated(r, quantity);
	case MODEL_VOLUME:
		return rate_volume(r, quantity);
	case MODEL_PACKAGE:
		return rate_package(r, quantity);
	case MODEL_PERCENTAGE:
		return percentage_lines(r, quantity, meter__decimal_from_int(total->events));
	case MODEL_DYNAMIC:
		return rate_dynamic(r, quantity);
	case MODEL_UNIT:
	case MODEL_FLAT:
	case MODEL_COUNT:
		break;
	}
	return rate_unit(r, quantity);
}

/* By the dimensions of group_by, missing values first. */
static int compare_groups(const void *left, const void *right, void *user)
{
	const struct charge *charge = user;
	const struct usage_group *a = *(const struct usage_group *const *)left;
	const struct usage_group *b = *(const struct usage_group *const *)right;
	for (size_t i = 0; i < charge->group_by_count; i++) {
		const size_t d = charge->group_by[i];
		const int order = meter__slice_compare(meter__slice_of(a->values[d]), meter__slice_of(b->values[d]));
		if (order != 0)
			return order;
	}
	return 0;
}

static int rate_sorted_groups(struct rater *r, const struct usage_group **sorted, size_t count)
{
	struct charge *charge = (struct charge *)(uintptr_t)r->terms; /* compare_groups() only reads it */
	for (size_t from = 0, to; from < count; from = to) {
		struct aggregate total = {0};
		for (to = from; to < count && compare_groups(&sorted[from], &sorted[to], charge) == 0; to++)
			meter__aggregate_merge(charge->meter->aggregation, &total, &sorted[to]->total);
		r->group = sorted[from];
		const int rc = rate_total(r, &total);
		r->group = NULL;
		if (rc != METER_OK)
			return rc;
	}
	return METER_OK;
}

static int rate_groups(struct rater *r, const struct charge_usage *usage)
{
	const struct usage_group **sorted = malloc((usage->group_count + 1) * sizeof(*sorted));
	if (sorted == NULL)
		return METER_ENOMEM;
	for (size_t i = 0; i < usage->group_count; i++)
		sorted[i] = &usage->groups[i];
	qsort_r(sorted, usage->group_count, sizeof(*sorted), compare_groups, (void *)(uintptr_t)r->terms);
	const int rc = rate_sorted_groups(r, sorted, usage->group_count);
	free(sorted);
	return rc;
}

static int rate_usage(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *charge = r->terms;
	if (charge->rate_count > 0)
		return rate_rates(r, usage);
	if (meter__charge_needs_events(charge))
		return rate_events(r, usage);
	if (charge->group_by_count > 0 && usage->group_count > 0)
		return rate_groups(r, usage);
	struct aggregate total = {0};
	for (size_t i = 0; i < usage->group_count; i++)
		meter__aggregate_merge(charge->meter->aggregation, &total, &usage->groups[i].total);
	return rate_total(r, &total);
}

/* ---- flat ---- */

int64_t meter__rate_text_part(struct buffer *out, int64_t part_us, int64_t whole_us)
{
	static const struct {
		int64_t us;
		const char *name;
	} units[] = {{US_PER_DAY, "days"}, {US_PER_HOUR, "hours"}, {US_PER_SECOND, "seconds"}, {1, "microseconds"}};
	size_t i = 0;
	while (part_us % units[i].us != 0 || whole_us % units[i].us != 0)
		i++;
	meter__buffer_format(out, "%lld of %lld %s", (long long)(part_us / units[i].us), (long long)(whole_us / units[i].us),
	                     units[i].name);
	return units[i].us;
}

/* The part of the period that is charged. */
static int rate_cut(struct rater *r, int64_t weight_us, int64_t whole_us, struct decimal amount)
{
	struct buffer description = meter__rate_text_amount_of(r->charge);
	const int64_t unit_us = meter__rate_text_part(&description, weight_us, whole_us);
	return meter__rate_line_add_part(r, &description, meter__decimal_from_int(weight_us / unit_us), r->charge->amount,
	                                 meter__decimal_from_int(whole_us / unit_us), amount);
}

static int rate_flat(struct rater *r)
{
	const struct partition p = meter__rate_partition(r, r->charge->is_prorated);
	if (p.weights[r->at] == 0)
		return METER_OK;
	if (p.weights[r->at] == p.total) {
		struct buffer description = meter__rate_text_charge(r);
		return meter__rate_line_add(r, METER_LINE_FLAT, &description, DECIMAL_ONE, r->charge->amount, DECIMAL_ONE);
	}
	struct decimal amount;
	const int rc = meter__part(&amount, &p, r->charge->amount, r->at, r->plan->exponent);
	return rc == METER_OK ? rate_cut(r, (int64_t)p.weights[r->at], (int64_t)p.total, amount) : rc;
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
