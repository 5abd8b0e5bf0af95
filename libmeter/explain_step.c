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

/* What is stated per period is divided where the period has parts. */
static const char *per_period(const struct telling *t)
{
	return t->line->bill->segment_count > 1 ? " a period, of which this part of it has its share" : "";
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
			     d->reason ? d->reason : "", per_period(t));
	}
	if (!meter__decimal_is_zero(charge->included))
		tell(t, "included", "%s are taken off%s", text_of(charge->included), per_period(t));
	if (!meter__decimal_is_zero(charge->free_units))
		tell(t, "free_units", "%s are taken off%s", text_of(charge->free_units), per_period(t));
	if (charge->free_events > 0)
		tell(t, "free_events", "the first %lld cost nothing%s", (long long)charge->free_events, per_period(t));
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

static void tell_model(struct telling *t)
{
	char what[64];
	snprintf(what, sizeof(what), "%s: ", meter__charge_model_name(t->line->charge->model));
	tell_product(t, "model", what);
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

/* The sum of the bill's lines of a kind; charge NULL: those of the whole plan. */
static bool sum_of(struct telling *t, int32_t kind, const char *charge, struct decimal *out)
{
	const struct bill *bill = t->line->bill->bill;
	bool has = false;
	*out = DECIMAL_ZERO;
	for (size_t i = 0; i < bill->line_count && t->code == METER_OK; i++) {
		const struct invoice_line *line = &bill->lines[i];
		const bool is_same = charge ? line->charge && strcmp(line->charge, charge) == 0 : !line->charge;
		if (line->kind != kind || !is_same || !line->has_amount)
			continue;
		has = true;
		t->code = meter__decimal_add(out, *out, line->amount);
		if (t->code != METER_OK)
			meter__fail(t->code, "an amount does not fit into 38 digits");
	}
	return has;
}

static void tell_limit(struct telling *t, const char *name, int32_t kind, const char *charge, const struct amount *limit)
{
	struct decimal sum;
	if (!limit->is_set)
		return;
	if (sum_of(t, kind, charge, &sum))
		tell(t, name, "%s%s: %s", money_of(t, limit->value), per_period(t), money_of(t, sum));
	else
		tell(t, name, "%s%s: changes nothing", money_of(t, limit->value), per_period(t));
}

static void tell_charge_rest(struct telling *t)
{
	const struct charge *charge = t->line->charge;
	struct decimal sum;
	size_t discounts = 0;
	tell_limit(t, "minimum", METER_LINE_MINIMUM, charge->key, &charge->minimum);
	tell_limit(t, "maximum", METER_LINE_MAXIMUM, charge->key, &charge->maximum);
	for (size_t i = 0; i < charge->discount_count; i++)
		discounts += charge->discounts[i].kind != DISCOUNT_UNITS;
	if (discounts > 0 && sum_of(t, METER_LINE_DISCOUNT, charge->key, &sum))
		tell(t, "discount", "of the charge: %s", money_of(t, sum));
	else if (discounts > 0)
		tell(t, "discount", "of the charge: none is in force, or there is nothing to take");
}

static void tell_plan_rest(struct telling *t)
{
	const struct plan *plan = t->line->plan;
	struct decimal sum;
	if (plan->discount_count > 0 && sum_of(t, METER_LINE_DISCOUNT, NULL, &sum))
		tell(t, "discount", "of the plan: %s", money_of(t, sum));
	tell_limit(t, "minimum", METER_LINE_MINIMUM, NULL, &plan->minimum);
	tell_limit(t, "maximum", METER_LINE_MAXIMUM, NULL, &plan->maximum);
	if (sum_of(t, METER_LINE_TAX, NULL, &sum))
		tell(t, "tax", "on what charges come to after that: %s", money_of(t, sum));
	if (sum_of(t, METER_LINE_COMMITMENT, NULL, &sum))
		tell(t, "commitment", "%s", money_of(t, sum));
	if (sum_of(t, METER_LINE_CREDIT, NULL, &sum))
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
	if (line->has_usage && line->kind != METER_LINE_CARRIED)
		tell_quantity(&t);
	if (line->kind == METER_LINE_CARRIED)
		tell_carried(&t);
	else if (line->charge && is_model)
		tell_model(&t);
	else
		tell_product(&t, meter__line_kind_name(line->kind), "this line: ");
	tell_states(&t);
	if (line->charge)
		tell_charge_rest(&t);
	tell_plan_rest(&t);
	return t.code;
}
