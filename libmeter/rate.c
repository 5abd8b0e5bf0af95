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

/* The discount on base, which is not negative; *taken_out is the amount it takes. Where there is nothing to take, there is no
 * line. */
static int discount_add(struct rater *r, const struct discount *discount, struct decimal base, struct decimal *taken_out)
{
	const bool is_percent = discount->kind == DISCOUNT_PERCENT;
	*taken_out = DECIMAL_ZERO;
	if (meter__decimal_is_zero(base))
		return METER_OK;
	struct decimal amount = DECIMAL_ZERO;
	if (!is_percent) {
		const int rc = round_amount(&amount, r->plan, discount->value);
		if (rc != METER_OK)
			return rc;
	}
	struct buffer description = meter__rate_text_amount_of(r->charge);
	meter__buffer_text(&description, "discount ");
	if (is_percent) {
		meter__rate_text_decimal(&description, discount->value);
		meter__buffer_text(&description, " %");
	} else {
		meter__rate_text_money(&description, r->plan, amount);
	}
	if (discount->reason != NULL)
		meter__buffer_format(&description, ": %s", discount->reason);

	int rc;
	if (is_percent) {
		rc = meter__rate_line_add(r, METER_LINE_DISCOUNT, &description, meter__decimal_negate(base), discount->value,
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
	for (size_t i = 0; i < discount->applies_to.count; i++)
		if (strcmp(discount->applies_to.keys[i], charge->key) == 0)
			return true;
	return discount->applies_to.count == 0;
}

/* Cents of an amount in dollars. */
static int minor_units(int128 *out, struct decimal amount, int32_t exponent)
{
	struct decimal units = DECIMAL_ONE;
	for (int32_t i = 0; i < exponent; i++)
		units.coefficient *= 10;
	const int rc = meter__decimal_multiply(&units, units, amount);
	*out = units.coefficient;
	return rc;
}

/*
 * Divide an amount of the plan among the charges, each in proportion to what is left of it: a later discount on some of them then
 * finds what the earlier ones left, and tax is due on what each really costs. No charge falls below 0. discount: only those it
 * applies to; NULL: all. When nothing is left of them, the first charge bears it all.
 */
static int share(struct rater *r, const struct discount *discount, struct decimal amount)
{
	const bool is_negative = meter__decimal_is_negative(amount);
	const struct decimal size = is_negative ? meter__decimal_negate(amount) : amount;
	const size_t count = r->plan->charge_count;
	int128 *weights = calloc(count + 1, sizeof(*weights));
	struct partition p = {weights, count, 0};
	int rc = weights == NULL ? METER_ENOMEM : METER_OK;
	for (size_t i = 0; i < count && rc == METER_OK; i++) {
		if (discount != NULL && !applies_to(discount, &r->plan->charges[i]))
			continue;
		rc = minor_units(&weights[i], r->left[i], r->plan->exponent);
		if (rc == METER_OK && __builtin_add_overflow(p.total, weights[i], &p.total))
			rc = METER_EOVERFLOW;
	}
	if (rc == METER_OK && p.total == 0 && count > 0)
		rc = meter__decimal_add(&r->left[0], r->left[0], amount);
	for (size_t i = 0; i < count && rc == METER_OK && p.total > 0; i++) {
		struct decimal part;
		rc = meter__part(&part, &p, size, i, r->plan->exponent);
		if (rc == METER_OK)
			rc = is_negative ? meter__decimal_subtract(&r->left[i], r->left[i], part)
			                 : meter__decimal_add(&r->left[i], r->left[i], part);
	}
	free(weights);
	return rc;
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
	return share(r, discount, meter__decimal_negate(taken));
}

/* ---- what is per period, in the part of it that is rated ---- */

struct partition meter__rate_partition(const struct rater *r, bool is_prorated)
{
	return (struct partition){r->weights, r->segment_count, is_prorated ? r->period.to_us - r->period.from_us : r->weight};
}

static int part_of(const struct rater *r, const struct partition *p, struct decimal *value, int32_t scale)
{
	return meter__decimal_is_zero(*value) ? METER_OK : meter__part(value, p, *value, r->at, scale);
}

static int part_of_amount(const struct rater *r, const struct partition *p, struct amount *amount)
{
	return amount->is_set ? part_of(r, p, &amount->value, r->plan->exponent) : METER_OK;
}

/* The bound of a tier is that of the one before and its own width: so that bounds stay in order, widths are divided. */
static int part_of_bound(const struct rater *r, const struct partition *p, struct decimal *bound, struct decimal below,
                         struct decimal below_part)
{
	const int32_t scale = bound->scale > below.scale ? bound->scale : below.scale;
	struct decimal width;
	int rc = meter__decimal_subtract(&width, *bound, below);
	if (rc == METER_OK)
		rc = part_of(r, p, &width, scale);
	return rc == METER_OK ? meter__decimal_add(bound, below_part, width) : rc;
}

/* Bounds of a pause stay whole: nothing would fit into none. The last tier has no bound. */
static int part_of_tiers(struct rater *r, const struct partition *p, struct charge *terms)
{
	struct tier *tiers = realloc(r->tiers, terms->tier_count * sizeof(*tiers));
	if (tiers == NULL)
		return METER_ENOMEM;
	r->tiers = tiers;
	memcpy(tiers, terms->tiers, terms->tier_count * sizeof(*tiers));
	terms->tiers = tiers;
	struct decimal below = DECIMAL_ZERO, below_part = DECIMAL_ZERO;
	int rc = METER_OK;
	for (size_t i = 0; rc == METER_OK && i < terms->tier_count; i++) {
		if (p->weights[r->at] > 0 && i + 1 < terms->tier_count) {
			const struct decimal bound = tiers[i].up_to;
			rc = part_of_bound(r, p, &tiers[i].up_to, below, below_part);
			below = bound;
			below_part = tiers[i].up_to;
		}
		if (rc == METER_OK)
			rc = part_of(r, p, &tiers[i].flat, r->plan->exponent);
	}
	return rc;
}

static int part_of_free_events(const struct rater *r, const struct partition *p, struct charge *terms)
{
	struct decimal free_events = meter__decimal_from_int(terms->free_events);
	const int rc = part_of(r, p, &free_events, 0);
	terms->free_events = (int64_t)free_events.coefficient;
	return rc;
}

/* What the charge states per period becomes what it states for the segment. */
static int part_of_charge(struct rater *r, struct charge *terms)
{
	const struct partition p = meter__rate_partition(r, terms->is_prorated);
	if (p.weights[r->at] == p.total && p.total > 0)
		return METER_OK;
	int rc = part_of(r, &p, &terms->included, terms->included.scale);
	if (rc == METER_OK)
		rc = part_of(r, &p, &terms->free_units, terms->free_units.scale);
	if (rc == METER_OK)
		rc = part_of_free_events(r, &p, terms);
	if (rc == METER_OK)
		rc = part_of_amount(r, &p, &terms->minimum);
	if (rc == METER_OK)
		rc = part_of_amount(r, &p, &terms->maximum);
	return rc == METER_OK && terms->tier_count > 0 ? part_of_tiers(r, &p, terms) : rc;
}

static int part_of_discount(const struct rater *r, bool is_prorated, struct discount *discount)
{
	const struct partition p = meter__rate_partition(r, is_prorated);
	if (discount->kind == DISCOUNT_PERCENT)
		return METER_OK;
	return part_of(r, &p, &discount->value, discount->kind == DISCOUNT_AMOUNT ? r->plan->exponent : discount->value.scale);
}

/* The discounts of a charge or plan, with their part; to be freed. */
static int part_of_discounts(const struct rater *r, bool is_prorated, const struct discount *discounts, size_t count,
                             struct discount **out)
{
	*out = malloc((count + 1) * sizeof(**out));
	if (*out == NULL)
		return METER_ENOMEM;
	int rc = METER_OK;
	for (size_t i = 0; rc == METER_OK && i < count; i++) {
		(*out)[i] = discounts[i];
		rc = part_of_discount(r, is_prorated, &(*out)[i]);
	}
	return rc;
}

/* ---- charges, plan, tax ---- */

static int rate_terms(struct rater *r, const struct charge_usage *usage)
{
	const struct charge *terms = r->terms;
	int rc = meter__rate_model(r, usage);
	if (rc == METER_OK)
		rc = limits_add(r, &terms->minimum, &terms->maximum);
	for (size_t i = 0; i < terms->discount_count && rc == METER_OK; i++) {
		struct decimal taken;
		if (terms->discounts[i].kind != DISCOUNT_UNITS && meter__rate_in_force(&terms->discounts[i], r))
			rc = discount_add(r, &terms->discounts[i], r->sum, &taken);
	}
	return rc;
}

static int rate_charge(struct rater *r, size_t index, const struct charge_usage *usage)
{
	struct charge terms = r->plan->charges[index];
	r->charge = &r->plan->charges[index];
	r->sum = DECIMAL_ZERO;
	int rc = part_of_charge(r, &terms);
	if (rc == METER_OK)
		rc = part_of_discounts(r, terms.is_prorated, r->charge->discounts, r->charge->discount_count, &terms.discounts);
	else
		terms.discounts = NULL;
	r->terms = &terms;
	if (rc == METER_OK)
		rc = rate_terms(r, usage);
	r->terms = NULL;
	free(terms.discounts);
	r->left[index] = r->sum;
	return rc == METER_OK ? meter__decimal_add(&r->out->subtotal, r->out->subtotal, r->sum) : rc;
}

/* Minimum or maximum of the plan: what it adds or takes belongs to the charges, too. */
static int plan_limit(struct rater *r, int32_t kind, struct amount limit)
{
	const struct partition p = meter__rate_partition(r, false);
	const struct decimal before = r->sum;
	struct decimal difference;
	int rc = part_of_amount(r, &p, &limit);
	if (rc == METER_OK)
		rc = limit_add(r, kind, &limit);
	if (rc == METER_OK)
		rc = meter__decimal_subtract(&difference, r->sum, before);
	return rc == METER_OK && !meter__decimal_is_zero(difference) ? share(r, NULL, difference) : rc;
}

static int plan_discounts(struct rater *r)
{
	struct discount *discounts;
	int rc = part_of_discounts(r, false, r->plan->discounts, r->plan->discount_count, &discounts);
	for (size_t i = 0; i < r->plan->discount_count && rc == METER_OK; i++)
		if (meter__rate_in_force(&discounts[i], r))
			rc = plan_discount(r, &discounts[i]);
	free(discounts);
	return rc;
}

/* A trial shows what it would have cost. */
static int rate_trial(struct rater *r)
{
	if (meter__decimal_is_zero(r->sum))
		return METER_OK;
	for (size_t i = 0; i < r->plan->charge_count; i++)
		r->left[i] = DECIMAL_ZERO;
	struct buffer description = {0};
	meter__buffer_text(&description, "trial");
	return meter__rate_line_add(r, METER_LINE_DISCOUNT, &description, meter__decimal_negate(DECIMAL_ONE), r->sum,
	                            DECIMAL_ONE);
}

struct tax_base {
	const char *category;
	struct decimal percent;
	struct decimal base;
};

static int add_tax_base(struct rater *r, const struct charge *charge, struct decimal base)
{
	size_t i = 0;
	if (charge->tax_category == NULL)
		return METER_OK;
	while (i < r->tax_count && (strcmp(r->taxes[i].category, charge->tax_category) != 0 ||
	                            meter__decimal_compare(r->taxes[i].percent, charge->tax_percent) != 0))
		i++;
	if (i == r->tax_count) {
		struct tax_base *taxes = realloc(r->taxes, (r->tax_count + 1) * sizeof(*taxes));
		if (taxes == NULL)
			return METER_ENOMEM;
		r->taxes = taxes;
		r->taxes[r->tax_count++] = (struct tax_base){charge->tax_category, charge->tax_percent, DECIMAL_ZERO};
	}
	return meter__decimal_add(&r->taxes[i].base, r->taxes[i].base, base);
}

/* What follows the charges of a segment. */
static int rate_plan(struct rater *r, struct decimal sum)
{
	const struct plan *plan = r->plan;
	r->charge = NULL;
	r->sum = sum;
	int rc = METER_OK;
	if (r->segments[r->at].is_trial) {
		rc = rate_trial(r);
	} else {
		rc = plan_discounts(r);
		if (rc == METER_OK)
			rc = plan_limit(r, METER_LINE_MINIMUM, plan->minimum);
		if (rc == METER_OK)
			rc = plan_limit(r, METER_LINE_MAXIMUM, plan->maximum);
	}
	for (size_t i = 0; i < plan->charge_count && rc == METER_OK; i++) {
		rc = add_tax_base(r, &plan->charges[i], r->left[i]);
		if (rc == METER_OK)
			rc = meter__rate_open_add(r, &plan->charges[i], r->left[i]);
	}
	return rc == METER_OK ? meter__decimal_add(&r->out->total, r->out->total, r->sum) : rc;
}

static int rate_segment(struct rater *r)
{
	const struct rate_segment *segment = &r->segments[r->at];
	const struct decimal before = r->out->subtotal;
	struct decimal sum;
	r->plan = segment->plan;
	free(r->left);
	r->left = calloc(r->plan->charge_count + 1, sizeof *r->left); /* + 1: so that NULL always means no memory */
	int rc = r->left == NULL ? METER_ENOMEM : METER_OK;
	for (size_t i = 0; i < r->plan->charge_count && rc == METER_OK; i++)
		rc = rate_charge(r, i, &segment->usage[i]);
	if (rc == METER_OK)
		rc = meter__decimal_subtract(&sum, r->out->subtotal, before);
	return rc == METER_OK ? rate_plan(r, sum) : rc;
}

/* Rounded once for each category. */
static int rate_tax(struct rater *r)
{
	r->sum = DECIMAL_ZERO;
	r->charge = NULL;
	for (size_t i = 0; i < r->tax_count; i++) {
		const struct tax_base *tax = &r->taxes[i];
		struct buffer description = {0};
		meter__buffer_format(&description, "%s ", tax->category);
		meter__rate_text_decimal(&description, tax->percent);
		meter__buffer_text(&description, " %");
		const int rc = meter__rate_line_add(r, METER_LINE_TAX, &description, tax->base, tax->percent,
		                                    meter__decimal_from_int(100));
		if (rc != METER_OK)
			return rc;
	}
	r->out->tax = r->sum;
	return meter__decimal_add(&r->out->total, r->out->total, r->sum);
}

static int rate_all(struct rater *r)
{
	r->weights = malloc(r->segment_count * sizeof(*r->weights));
	if (r->weights == NULL)
		return METER_ENOMEM;
	int64_t sum = 0;
	for (size_t i = 0; i < r->segment_count; i++) {
		r->weights[i] = r->segments[i].weight_us;
		sum += r->segments[i].weight_us;
	}
	if (r->weight < sum)
		r->weight = sum;
	int rc = METER_OK;
	for (r->at = 0; r->at < r->segment_count && rc == METER_OK; r->at += rc == METER_OK)
		rc = rate_segment(r);
	if (rc == METER_OK)
		rc = rate_tax(r);
	return rc == METER_OK ? meter__rate_grants(r) : rc;
}

int meter__rate(struct rating *out, const struct rate_segment *segments, size_t count, struct rate_period period,
                struct account *account)
{
	struct rater r = {.out = out,
	                  .segments = segments,
	                  .segment_count = count,
	                  .period = period.whole,
	                  .weight = period.held_us,
	                  .account = account};
	r.held = (struct period){segments[0].active.from_us, segments[count - 1].active.to_us};
	*out = (struct rating){0};
	const int rc = rate_all(&r);
	free(r.weights);
	free(r.left);
	free(r.tiers);
	free(r.taxes);
	free(r.open);
	if (rc == METER_OK)
		return METER_OK;
	meter__rating_free(out);
	if (rc == METER_ENOMEM)
		return meter__fail(rc, "out of memory");
	return meter__fail(rc, "%s %s: a quantity or an amount does not fit into 38 digits", r.charge != NULL ? "charge" : "plan",
	                   r.charge != NULL ? r.charge->key : r.plan->key);
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
