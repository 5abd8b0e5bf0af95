/*
 * rate.c - from a plan and the usage of a period to lines. (pure: no I/O, no clock)
 *
 * The model of a charge gives lines whose amounts are rounded (rate_model.c); everything that follows (minimum, maximum,
 * discounts) works on these rounded amounts and adds lines of its own, so that every total is a sum of lines.
 *
 * Called once per invoice or quote, on any thread. All memory is in the rating, and released with it on every failure.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "rate_line.h"

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
	int rc = meter__rate_model(r, usage);
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
