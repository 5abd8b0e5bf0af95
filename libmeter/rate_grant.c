/*
 * rate_grant.c - what reaches over periods: quantities below zero, prepaid and postpaid commitments, credits. (pure)
 *
 * The account says what earlier periods left, and is moved on. Grants are those of the plan at the end of the period. What is
 * prepaid is bought in the first period of its term that is rated; what was promised is made up for in the period its term ends
 * in; both are part of the total. Credits, and what was prepaid, then pay for the total, by (priority, until, key); what they pay
 * is in due only.
 */
#include <stdlib.h>
#include <string.h>

#include "rate_line.h"

/* ---- quantities below zero ---- */

static int carried_line(struct rater *r, struct decimal quantity, const char *what)
{
	struct buffer description = meter__rate_text_charge(r);
	meter__buffer_text(&description, what);
	return meter__rate_line_add(r, METER_LINE_CARRIED, &description, quantity, DECIMAL_ZERO, DECIMAL_ONE);
}

/* Which quantity of the charge it is: the slot of a rate, or the values of a group. */
static void carry_key(struct buffer *key, const struct rater *r, size_t slot)
{
	meter__buffer_format(key, "carried %zu:%s %zu", strlen(r->charge->key), r->charge->key, slot);
	for (size_t i = 0; r->group != NULL && i < r->charge->group_by_count; i++)
		meter__rate_text_dimension(key, "", r->group->values[r->charge->group_by[i]]);
}

int meter__rate_carry(struct rater *r, struct decimal *quantity, size_t slot)
{
	struct buffer key = {0};
	carry_key(&key, r, slot);
	if (key.failed) {
		meter__buffer_free(&key);
		return METER_ENOMEM;
	}
	const struct decimal before = meter__account_get(r->account, meter__buffer_cstr(&key));
	int rc = METER_OK;
	if (!meter__decimal_is_zero(before)) {
		rc = carried_line(r, before, ", carried from the period before");
		if (rc == METER_OK)
			rc = meter__decimal_add(quantity, *quantity, before);
	}
	const bool is_below = rc == METER_OK && meter__decimal_is_negative(*quantity);
	if (is_below)
		rc = carried_line(r, *quantity, ", carried to the next period");
	if (rc == METER_OK)
		rc = meter__account_set(r->account, meter__buffer_cstr(&key), is_below ? *quantity : DECIMAL_ZERO);
	if (is_below)
		*quantity = DECIMAL_ZERO;
	meter__buffer_free(&key);
	return rc;
}

/* ---- what charges came to ---- */

int meter__rate_open_add(struct rater *r, const struct charge *charge, struct decimal amount)
{
	for (size_t i = 0; i < r->open_count; i++) {
		if (strcmp(r->open[i].charge, charge->key) == 0)
			return meter__decimal_add(&r->open[i].amount, r->open[i].amount, amount);
	}
	struct open_charge *open = realloc(r->open, (r->open_count + 1) * sizeof(*open));
	if (open == NULL)
		return METER_ENOMEM;
	r->open = open;
	r->open[r->open_count++] = (struct open_charge){charge->key, amount};
	return METER_OK;
}

static bool applies_to(const struct grant *grant, const char *charge)
{
	for (size_t i = 0; i < grant->applies_to.count; i++)
		if (strcmp(grant->applies_to.keys[i], charge) == 0)
			return true;
	return grant->applies_to.count == 0;
}

/* The sum of what is not paid yet of the charges a grant applies to. */
static int open_sum(struct decimal *out, const struct rater *r, const struct grant *grant)
{
	int rc = METER_OK;
	*out = DECIMAL_ZERO;
	for (size_t i = 0; i < r->open_count && rc == METER_OK; i++)
		if (applies_to(grant, r->open[i].charge))
			rc = meter__decimal_add(out, *out, r->open[i].amount);
	return rc;
}

static int pay_open(struct rater *r, const struct grant *grant, struct decimal paid)
{
	int rc = METER_OK;
	for (size_t i = 0; i < r->open_count && rc == METER_OK; i++) {
		struct open_charge *open = &r->open[i];
		if (!applies_to(grant, open->charge))
			continue;
		const struct decimal part = meter__decimal_compare(open->amount, paid) < 0 ? open->amount : paid;
		rc = meter__decimal_subtract(&open->amount, open->amount, part);
		if (rc == METER_OK)
			rc = meter__decimal_subtract(&paid, paid, part);
	}
	return rc;
}

/* ---- commitments ---- */

/* What the account remembers of a grant, in its currency: how much was "used", whether it was "bought"; and how much was "spent"
 * towards a promise, which is another thing, and may have the key that another plan has for something paid ahead. */
int meter__rate_balance(struct decimal *out, const struct account *account, const char *what, const struct grant *grant,
                        const char *currency)
{
	struct buffer key = {0};
	meter__buffer_format(&key, "%s %s %s", what, grant->key, currency);
	*out = key.failed ? DECIMAL_ZERO : meter__account_get(account, meter__buffer_cstr(&key));
	const bool failed = key.failed;
	meter__buffer_free(&key);
	return failed ? METER_ENOMEM : METER_OK;
}

static int get(struct decimal *out, const struct rater *r, const char *what, const struct grant *grant)
{
	return meter__rate_balance(out, r->account, what, grant, r->plan->currency);
}

static int set(struct rater *r, const char *what, const struct grant *grant, struct decimal value)
{
	struct buffer key = {0};
	meter__buffer_format(&key, "%s %s %s", what, grant->key, r->plan->currency);
	const int rc = key.failed ? METER_ENOMEM : meter__account_set(r->account, meter__buffer_cstr(&key), value);
	meter__buffer_free(&key);
	return rc;
}

static bool has_instant(struct period period, int64_t us)
{
	return us >= period.from_us && us < period.to_us;
}

static bool is_in_term(const struct grant *grant, struct period period)
{
	return period.to_us > grant->from_us && (period.from_us < grant->until_us || grant->rolls_over);
}

static int grant_line(struct rater *r, int32_t kind, const struct grant *grant, struct buffer *description,
                      struct decimal quantity, struct decimal price)
{
	const int rc = meter__rate_line_add(r, kind, description, quantity, price, DECIMAL_ONE);
	if (rc == METER_OK)
		r->out->lines[r->out->line_count - 1].grant = grant;
	return rc;
}

static int commitment_line(struct rater *r, const struct grant *grant, const char *what, struct decimal amount)
{
	struct buffer description = {0};
	meter__buffer_format(&description, "commitment %s, %s", grant->key, what);
	return grant_line(r, METER_LINE_COMMITMENT, grant, &description, DECIMAL_ONE, amount);
}

static int rate_prepaid(struct rater *r, const struct grant *grant, struct decimal amount)
{
	struct decimal bought;
	int rc = get(&bought, r, "bought", grant);
	if (rc != METER_OK || !meter__decimal_is_zero(bought) || r->held.to_us <= grant->from_us ||
	    r->held.from_us >= grant->until_us)
		return rc;
	rc = set(r, "bought", grant, DECIMAL_ONE);
	if (rc == METER_OK)
		rc = meter__decimal_add(&r->ahead, r->ahead, amount);
	return rc == METER_OK ? commitment_line(r, grant, "paid ahead", amount) : rc;
}

/* What was spent counts towards the promise; at its end the rest is due. */
static int rate_postpaid(struct rater *r, const struct grant *grant, struct decimal amount)
{
	struct decimal used, spent, missing;
	if (!is_in_term(grant, r->held))
		return METER_OK;
	int rc = get(&used, r, "spent", grant);
	if (rc == METER_OK)
		rc = open_sum(&spent, r, grant);
	if (rc == METER_OK)
		rc = meter__decimal_add(&used, used, spent);
	if (rc == METER_OK)
		rc = set(r, "spent", grant, used);
	if (rc != METER_OK || !has_instant(r->held, grant->until_us - 1) || meter__decimal_compare(used, amount) >= 0)
		return rc;
	rc = meter__decimal_subtract(&missing, amount, used);
	return rc == METER_OK ? commitment_line(r, grant, "what is missing to it", missing) : rc;
}

static int rate_commitments(struct rater *r)
{
	int rc = METER_OK;
	r->sum = DECIMAL_ZERO;
	for (size_t i = 0; i < r->plan->grant_count && rc == METER_OK; i++) {
		const struct grant *grant = &r->plan->grants[i];
		struct decimal amount;
		rc = meter__decimal_round_quotient(&amount, grant->amount, DECIMAL_ONE, DECIMAL_ONE, r->plan->exponent,
		                                   r->plan->rounding);
		if (rc == METER_OK && grant->kind == GRANT_PREPAID)
			rc = rate_prepaid(r, grant, amount);
		else if (rc == METER_OK && grant->kind == GRANT_POSTPAID)
			rc = rate_postpaid(r, grant, amount);
	}
	return rc == METER_OK ? meter__decimal_add(&r->out->total, r->out->total, r->sum) : rc;
}

/* ---- credits, and what was paid ahead ---- */

static int credit_line(struct rater *r, const struct grant *grant, struct decimal taken, struct decimal left)
{
	static const char *const names[] = {[GRANT_PAYMENT] = "credit ", [GRANT_GIFT] = "gift ", [GRANT_PREPAID] = "commitment "};
	struct buffer description = {0};
	meter__buffer_format(&description, "%s%s, ", names[grant->kind], grant->key);
	meter__rate_text_money(&description, r->plan, left);
	meter__buffer_text(&description, " left");
	return grant_line(r, METER_LINE_CREDIT, grant, &description, meter__decimal_negate(DECIMAL_ONE), taken);
}

/* It pays no more than it has, than is due, and than the charges it applies to cost; what was paid ahead does not pay for paying
 * ahead. */
static int pay(struct rater *r, const struct grant *grant)
{
	struct decimal used, left, open, taken, payable = r->out->due, bought = DECIMAL_ONE;
	int rc = meter__decimal_round_quotient(&left, grant->amount, DECIMAL_ONE, DECIMAL_ONE, r->plan->exponent,
	                                       r->plan->rounding);
	if (rc == METER_OK && grant->kind == GRANT_PREPAID)
		rc = get(&bought, r, "bought", grant);
	if (rc != METER_OK || meter__decimal_is_zero(bought))
		return rc; /* its term ended before the subscription began */
	rc = get(&used, r, "used", grant);
	if (rc == METER_OK)
		rc = meter__decimal_subtract(&left, left, used);
	if (rc == METER_OK)
		rc = open_sum(&open, r, grant);
	if (rc == METER_OK && grant->kind == GRANT_PREPAID)
		rc = meter__decimal_subtract(&payable, payable, r->ahead);
	if (rc != METER_OK)
		return rc;
	taken = meter__decimal_compare(left, payable) < 0 ? left : payable;
	if (grant->applies_to.count > 0 && meter__decimal_compare(open, taken) < 0)
		taken = open;
	if (meter__decimal_is_zero(taken) || meter__decimal_is_negative(taken))
		return METER_OK;
	rc = meter__decimal_subtract(&left, left, taken);
	if (rc == METER_OK)
		rc = meter__decimal_subtract(&r->out->due, r->out->due, taken);
	if (rc == METER_OK)
		rc = meter__decimal_add(&used, used, taken);
	if (rc == METER_OK)
		rc = set(r, "used", grant, used);
	if (rc == METER_OK)
		rc = pay_open(r, grant, taken);
	return rc == METER_OK ? credit_line(r, grant, taken, left) : rc;
}

int meter__rate_grants(struct rater *r)
{
	r->charge = NULL;
	int rc = rate_commitments(r);
	r->out->due = r->out->total;
	for (size_t i = 0; i < r->plan->grant_count && rc == METER_OK; i++) {
		const struct grant *grant = &r->plan->grants[i];
		if (grant->kind != GRANT_POSTPAID && is_in_term(grant, r->held))
			rc = pay(r, grant);
	}
	return rc;
}
