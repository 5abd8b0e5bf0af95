/*
 * explain_step.c - the order of evaluation, told for one line as far as it applies to it. (pure)
 *
 * The order is that of rate.h. A step that the plan does not state is left out; one that it states and that did nothing is named
 * all the same, because people ask for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "explain.h"

struct telling {
	struct meter_explanation *explanation;
	struct explained_line *line;
	int code;
};

__attribute__((format(printf, 3, 4))) static void tell(struct telling *t, const char *name, const char *format, ...)
{
	char text[1024];
	va_list list;
	va_start(list, format);
	const int size = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (t->code != METER_OK || t->line->step_count == EXPLAIN_STEPS_MAX)
		return;
	/* A text that is cut must stay UTF-8. */
	size_t length = size < (int)sizeof(text) ? (size_t)size : sizeof(text) - 1;
	while (length > 0 && !meter__utf8_valid(text, length))
		length--;
	const char *copy = meter__arena_copy(&t->explanation->arena, (struct slice){text, length});
	if (!copy)
		t->code = meter__fail(METER_ENOMEM, "no memory for an explanation");
	t->line->steps[t->line->step_count++] = (struct explain_step){name, copy};
}

/* Decimals as text, four at a time. */
static const char *text_of(struct decimal d)
{
	static _Thread_local char texts[4][DECIMAL_TEXT_SIZE];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 4];
	meter__decimal_format(text, d);
	return text;
}

static const char *money_of(const struct telling *t, struct decimal d)
{
	static _Thread_local char texts[4][DECIMAL_TEXT_SIZE];
	static _Thread_local unsigned next;
	char *text = texts[next++ % 4];
	meter__decimal_format_fixed(text, d, t->line->plan->exponent);
	return text;
}

/* What part of the period the line is for, "15 of 31 days"; "": all that is held, or, if prorated, that there is. */
static const char *share_of(const struct telling *t, bool is_prorated)
{
	static _Thread_local char text[64];
	const struct explained_bill *bill = t->line->bill;
	const struct period whole = bill->bill->period.whole;
	const int64_t part_us = t->line->segment->weight_us;
	const int64_t whole_us = is_prorated ? whole.to_us - whole.from_us : bill->held_us;
	struct buffer part = {0};
	text[0] = '\0';
	if (part_us == whole_us)
		return text;
	meter__rate_text_part(&part, part_us, whole_us);
	snprintf(text, sizeof(text), "%s", meter__buffer_cstr(&part));
	meter__buffer_free(&part);
	return text;
}

/* What is stated per period counts for the time of the part that the line is for. */
static const char *per_period(const struct telling *t, bool is_prorated)
{
	static _Thread_local char text[128];
	const char *share = share_of(t, is_prorated);
	snprintf(text, sizeof(text), "%s%s", share[0] ? " a period, of which this part has its share: " : "", share);
	return text;
}

/* Usage in a pause is billed; what is stated per period is not. */
static void tell_pause(struct telling *t)
{
	const struct rate_segment *segment = t->line->segment;
	const int64_t length_us = segment->active.to_us - segment->active.from_us;
	struct buffer part = {0};
	if (segment->weight_us == length_us)
		return;
	meter__rate_text_part(&part, length_us - segment->weight_us, length_us);
	tell(t, "pause", "%s are paused: what is stated per period does not count then, usage does", meter__buffer_cstr(&part));
	meter__buffer_free(&part);
}

/* ---- from events to a quantity ---- */

static void tell_aggregate(struct telling *t)
{
	const struct explained_line *line = t->line;
	const struct meter_definition *definition = line->charge->meter;
	const char *of = definition->value                              ? definition->value
	                 : definition->aggregation == AGGREGATION_COUNT ? "events"
	                                                                : "value";
	if (line->usage.is_overflow)
		tell(t, "aggregate", "%s of %s, type %s: more than 38 digits", meter__aggregation_name(definition->aggregation),
		     of, definition->event_type);
	else
		tell(t, "aggregate", "%s of %s, type %s: %s (events: %lld)", meter__aggregation_name(definition->aggregation), of,
		     definition->event_type, text_of(line->usage.value), (long long)line->usage.events);
}

static void tell_filters(struct telling *t)
{
	const struct meter_definition *definition = t->line->charge->meter;
	for (size_t i = 0; i < definition->filter_count; i++) {
		const struct meter_filter *filter = &definition->filters[i];
		if (filter->value_count == 1)
			tell(t, "filter", "%s is %s", filter->property, filter->values[0]);
		else
			tell(t, "filter", "%s is one of %zu values", filter->property, filter->value_count);
	}
	if (t->line->scope && t->line->scope[0])
		tell(t, t->line->charge->group_by_count > 0 ? "group" : "match", "%s", t->line->scope);
}

static void tell_quantity(struct telling *t)
{
	static const char *const modes[] = {
		[ROUND_UP] = "up", [ROUND_DOWN] = "down", [ROUND_HALF_UP] = "half_up", [ROUND_HALF_EVEN] = "half_even"};
	const struct charge *charge = t->line->charge;
	if (charge->conversion != CONVERSION_NONE)
		tell(t, "convert", "%s %s", charge->conversion == CONVERSION_DIVIDE ? "divided by" : "times",
		     text_of(charge->convert_by));
	if (!meter__decimal_is_zero(charge->round_to))
		tell(t, "round", "%s to multiples of %s", modes[charge->round_mode], text_of(charge->round_to));
	for (size_t i = 0; i < charge->discount_count; i++) {
		const struct discount *d = &charge->discounts[i];
		const int64_t at_us = t->line->segment->active.from_us;
		if (d->kind == DISCOUNT_UNITS && at_us >= d->from_us && at_us < d->until_us)
			tell(t, "discount", "%s units are free%s%s%s", text_of(d->value), d->reason ? ": " : "",
			     d->reason ? d->reason : "", per_period(t, charge->is_prorated));
	}
	if (!meter__decimal_is_zero(charge->included))
		tell(t, "included", "%s are taken off%s", text_of(charge->included), per_period(t, charge->is_prorated));
	if (!meter__decimal_is_zero(charge->free_units))
		tell(t, "free_units", "%s are taken off%s", text_of(charge->free_units), per_period(t, charge->is_prorated));
	if (charge->free_events > 0)
		tell(t, "free_events", "the first %lld cost nothing%s", (long long)charge->free_events,
		     per_period(t, charge->is_prorated));
}

/* ---- from a quantity to the amount of the line ---- */

static void tell_product(struct telling *t, const char *name, const char *what)
{
	const struct invoice_line *line = t->line->line;
	if (!line->has_amount) {
		tell(t, name, "%squantity %s has no price: suspended, and the invoice cannot be finalized", what,
		     text_of(line->quantity));
		return;
	}
	if (t->line->kind != line->kind) {
		tell(t, name, "%sprice %s per %s", what, text_of(line->price), text_of(line->per));
		return;
	}
	tell(t, name, "%s%s x %s / %s = %s", what, text_of(line->quantity), text_of(line->price), text_of(line->per),
	     line->exact);
	const char *mode = t->line->plan->rounding == ROUND_HALF_EVEN ? "half_even" : "half_up";
	tell(t, "rounding", "%s to %d decimals: %s", mode, (int)t->line->plan->exponent, money_of(t, line->amount));
}

/* "calls, tier 2: above 1000, after 5 included" */
static void tell_tier(struct telling *t)
{
	const struct charge *charge = t->line->charge;
	const char *tier = strstr(t->line->line->step, ", tier "), *share = share_of(t, charge->is_prorated);
	if (!tier || charge->tier_count == 0)
		return;
	if (charge->model == MODEL_VOLUME)
		tell(t, "tier", "the whole quantity is priced by the one it is in: %s", tier + 2);
	if (share[0])
		tell(t, "tier", "bounds and flat amounts are stated for a period, of which this part has its share: %s", share);
}

static void tell_model(struct telling *t)
{
	char what[64];
	tell_tier(t);
	snprintf(what, sizeof(what), "%s: ", meter__charge_model_name(t->line->charge->model));
	tell_product(t, "model", what);
}

/* What the charges come to, with their share of what the plan takes or adds, is the quantity. */
static void tell_tax_base(struct telling *t)
{
	const struct explained_line *line = t->line;
	struct decimal share;
	if (line->kind != METER_LINE_TAX || line->line->kind != METER_LINE_TAX)
		return;
	t->code = meter__decimal_subtract(&share, line->line->quantity, line->related_sum);
	if (t->code != METER_OK)
		meter__fail(t->code, "an amount does not fit into 38 digits");
	else if (meter__decimal_is_zero(share))
		tell(t, "base", "the lines of the charges that it is on: %s", money_of(t, line->related_sum));
	else
		tell(t, "base", "the lines of the charges that it is on: %s, and their share of what the plan takes or adds: %s",
		     money_of(t, line->related_sum), money_of(t, share));
}

static struct decimal balance_of(struct telling *t, const struct account *account, const char *what)
{
	struct decimal value;
	if (meter__rate_balance(&value, account, what, t->line->grant, t->line->plan->currency) != METER_OK)
		t->code = meter__fail(METER_ENOMEM, "no memory for an explanation");
	return value;
}

static struct decimal rest_of(struct telling *t, struct decimal of, struct decimal used)
{
	struct decimal rest = DECIMAL_ZERO;
	if (meter__decimal_subtract(&rest, of, used) != METER_OK)
		t->code = meter__fail(METER_EOVERFLOW, "an amount does not fit into 38 digits");
	return rest;
}

/* What a credit or commitment had before this bill, and what it has after it. */
static void tell_balance(struct telling *t)
{
	const struct explained_line *line = t->line;
	const struct bill *bill = line->bill->bill;
	const struct grant *grant = line->grant;
	if (!grant)
		return;
	if (line->kind == METER_LINE_CREDIT)
		tell(t, "balance", "of %s there were %s left, and are %s", money_of(t, grant->amount),
		     money_of(t, rest_of(t, grant->amount, balance_of(t, &bill->before, "used"))),
		     money_of(t, rest_of(t, grant->amount, balance_of(t, &bill->after, "used"))));
	else if (grant->kind == GRANT_POSTPAID)
		tell(t, "balance", "%s were promised, %s are spent by the end of the term", money_of(t, grant->amount),
		     money_of(t, balance_of(t, &bill->after, "spent")));
	else
		tell(t, "balance", "%s are paid ahead, and charges take from them", money_of(t, grant->amount));
}

static void tell_states(struct telling *t)
{
	const struct invoice_line *line = t->line->line;
	if (line->kind != METER_LINE_ADJUSTMENT)
		return;
	tell(t, "before", "%s, billed with %s (catalog %lld, transaction %lld)", text_of(line->quantity_before),
	     money_of(t, line->amount_before), (long long)t->line->bill->before->catalog_version,
	     (long long)t->line->bill->before->ingest);
	tell(t, "after", "%s, right with %s (transaction %lld)", text_of(line->quantity_after), money_of(t, line->amount_after),
	     (long long)t->line->bill->bill->ingest);
	tell(t, "adjustment", "%s - %s = %s", money_of(t, line->amount_after), money_of(t, line->amount_before),
	     money_of(t, line->amount));
}

/* ---- what follows the line ---- */

/* The sum of the bill's lines of a kind, within the part that the line is for or in all of it; charge NULL: those of the whole
 * plan. Taxes and credits are for the whole period, also of a subscription that began in it. */
static bool sum_of(struct telling *t, int32_t kind, const char *charge, bool is_of_part, struct decimal *out)
{
	const struct bill *bill = t->line->bill->bill;
	const struct period active = t->line->line->active;
	bool has = false;
	*out = DECIMAL_ZERO;
	for (size_t i = 0; i < bill->line_count && t->code == METER_OK; i++) {
		const struct invoice_line *line = &bill->lines[i];
		const bool is_same = charge ? line->charge && strcmp(line->charge, charge) == 0 : !line->charge;
		const bool is_in = !is_of_part || (line->active.from_us >= active.from_us && line->active.to_us <= active.to_us);
		if (line->kind != kind || !is_same || !is_in || !line->has_amount)
			continue;
		has = true;
		t->code = meter__decimal_add(out, *out, line->amount);
		if (t->code != METER_OK)
			meter__fail(t->code, "an amount does not fit into 38 digits");
	}
	return has;
}

static void tell_limit(struct telling *t, int32_t kind, const struct charge *charge, const struct amount *limit)
{
	const char *name = meter__line_kind_name(kind), *part = per_period(t, charge && charge->is_prorated);
	struct decimal sum;
	if (!limit->is_set)
		return;
	if (sum_of(t, kind, charge ? charge->key : NULL, true, &sum))
		tell(t, name, "%s%s: %s", money_of(t, limit->value), part, money_of(t, sum));
	else
		tell(t, name, "%s%s: changes nothing", money_of(t, limit->value), part);
}

static void tell_charge_rest(struct telling *t)
{
	const struct charge *charge = t->line->charge;
	struct decimal sum;
	size_t discounts = 0;
	tell_limit(t, METER_LINE_MINIMUM, charge, &charge->minimum);
	tell_limit(t, METER_LINE_MAXIMUM, charge, &charge->maximum);
	for (size_t i = 0; i < charge->discount_count; i++)
		discounts += charge->discounts[i].kind != DISCOUNT_UNITS;
	if (discounts > 0 && sum_of(t, METER_LINE_DISCOUNT, charge->key, true, &sum))
		tell(t, "discount", "of the charge: %s", money_of(t, sum));
	else if (discounts > 0)
		tell(t, "discount", "of the charge: none is in force, or there is nothing to take");
}

static void tell_plan_rest(struct telling *t)
{
	const struct plan *plan = t->line->plan;
	struct decimal sum;
	if (plan->discount_count > 0 && sum_of(t, METER_LINE_DISCOUNT, NULL, true, &sum))
		tell(t, "discount", "of the plan: %s", money_of(t, sum));
	tell_limit(t, METER_LINE_MINIMUM, NULL, &plan->minimum);
	tell_limit(t, METER_LINE_MAXIMUM, NULL, &plan->maximum);
	if (sum_of(t, METER_LINE_TAX, NULL, false, &sum))
		tell(t, "tax", "on what charges come to after that: %s", money_of(t, sum));
	if (sum_of(t, METER_LINE_COMMITMENT, NULL, false, &sum))
		tell(t, "commitment", "%s", money_of(t, sum));
	if (sum_of(t, METER_LINE_CREDIT, NULL, false, &sum))
		tell(t, "credit", "in due, not in total: %s", money_of(t, sum));
}

static void tell_carried(struct telling *t)
{
	tell(t, "carried", "%s: a quantity below 0 is billed as 0 and goes on to the next period",
	     text_of(t->line->line->quantity));
}

int meter__explain_steps(struct meter_explanation *e, struct explained_line *line)
{
	struct telling t = {e, line, METER_OK};
	const bool is_model =
		line->kind == METER_LINE_USAGE || line->kind == METER_LINE_FLAT || line->kind == METER_LINE_SUSPENDED;
	if (line->has_usage) {
		tell_aggregate(&t);
		tell_filters(&t);
	}
	if (line->charge)
		tell_pause(&t);
	if (line->has_usage && line->kind != METER_LINE_CARRIED)
		tell_quantity(&t);
	tell_tax_base(&t);
	if (line->kind == METER_LINE_CARRIED)
		tell_carried(&t);
	else if (line->charge && is_model)
		tell_model(&t);
	else
		tell_product(&t, meter__line_kind_name(line->kind), "this line: ");
	tell_balance(&t);
	tell_states(&t);
	if (line->charge)
		tell_charge_rest(&t);
	tell_plan_rest(&t);
	return t.code;
}
