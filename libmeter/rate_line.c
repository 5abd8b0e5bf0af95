/*
 * rate_line.c - how a line gets its words and its amount. (pure)
 *
 * Every amount of an invoice comes about in meter__rate_line_add(): quantity x price / per, rounded once, with the exact amount
 * kept beside it. Lines and their texts belong to the rating from the first moment, so that meter__rating_free() is all a failure
 * needs.
 */
#include "rate_line.h"

#include <stdlib.h>

void meter__rate_text_decimal(struct buffer *b, struct decimal d)
{
	char text[DECIMAL_TEXT_SIZE];
	meter__buffer_append(b, text, meter__decimal_format(text, d));
}

void meter__rate_text_money(struct buffer *b, const struct plan *plan, struct decimal d)
{
	char text[DECIMAL_TEXT_SIZE];
	meter__buffer_append(b, text, meter__decimal_format_fixed(text, d, plan->exponent));
}

struct buffer meter__rate_text_charge(const struct charge *charge)
{
	struct buffer b = {0};
	meter__buffer_text(&b, charge->name != NULL ? charge->name : charge->key);
	if (charge->meter != NULL && charge->meter->unit != NULL)
		meter__buffer_format(&b, " (%s)", charge->meter->unit);
	return b;
}

struct buffer meter__rate_text_amount_of(const struct charge *charge)
{
	struct buffer b = {0};
	if (charge != NULL)
		meter__buffer_format(&b, "%s, ", charge->name != NULL ? charge->name : charge->key);
	return b;
}

/* Values come from events: what could be mistaken for something else, or steer a terminal, is quoted. */
static bool is_plain(const char *value)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '"' || *c == '=' || *c == ',' || *c == '(')
			return false;
	return *value != '\0';
}

void meter__rate_text_dimension(struct buffer *b, const char *name, const char *value)
{
	meter__buffer_format(b, " %s=", name);
	if (value == NULL)
		meter__buffer_text(b, "(none)");
	else if (is_plain(value))
		meter__buffer_text(b, value);
	else
		meter__buffer_json(b, meter__slice_of(value));
}

void meter__rate_text_included(struct buffer *b, const struct charge *charge)
{
	if (meter__decimal_is_zero(charge->included))
		return;
	meter__buffer_text(b, ", after ");
	meter__rate_text_decimal(b, charge->included);
	meter__buffer_text(b, " included");
}

struct buffer meter__rate_text_tier(const struct charge *charge, size_t index)
{
	const struct tier *tier = &charge->tiers[index];
	struct buffer b = meter__rate_text_charge(charge);
	meter__buffer_format(&b, ", tier %zu", index + 1);
	if (index > 0 || tier->has_up_to)
		meter__buffer_char(&b, ':');
	if (index > 0) {
		meter__buffer_text(&b, " above ");
		meter__rate_text_decimal(&b, charge->tiers[index - 1].up_to);
	}
	if (tier->has_up_to) {
		meter__buffer_text(&b, " up to ");
		meter__rate_text_decimal(&b, tier->up_to);
	}
	meter__rate_text_included(&b, charge);
	return b;
}

struct buffer meter__rate_text_rate(const struct charge *charge, const struct rate *rate)
{
	struct buffer b = meter__rate_text_charge(charge);
	meter__buffer_text(&b, ", rate");
	for (size_t i = 0; i < rate->match_count; i++)
		meter__rate_text_dimension(&b, charge->meter->dimensions[rate->matches[i].dimension], rate->matches[i].value);
	if (rate->match_count == 0)
		meter__buffer_text(&b, " for everything else");
	return b;
}

/* A new line without quantity and amount. Takes the description and frees it; NULL when there is no memory. */
static struct line *line_new(struct rater *r, int32_t kind, struct buffer *description)
{
	struct rating *out = r->out;
	char *text = description->failed ? NULL : meter__copy((struct slice){description->data, description->size});
	meter__buffer_free(description);
	if (text == NULL)
		return NULL;
	if (out->line_count == r->line_capacity) {
		const size_t capacity = r->line_capacity == 0 ? 8 : r->line_capacity * 2;
		struct line *lines = realloc(out->lines, capacity * sizeof *lines);
		if (lines == NULL) {
			free(text);
			return NULL;
		}
		out->lines = lines;
		r->line_capacity = capacity;
	}
	struct line *line = &out->lines[out->line_count++];
	*line = (struct line){.kind = kind, .charge = r->charge, .description = text};
	return line;
}

int meter__rate_line_add(struct rater *r, int32_t kind, struct buffer *description, struct decimal quantity, struct decimal price,
                         struct decimal per)
{
	struct line *line = line_new(r, kind, description);
	if (line == NULL)
		return METER_ENOMEM;
	line->quantity = quantity;
	line->has_amount = true;
	line->price = price;
	line->per = per;
	int rc = meter__decimal_round_quotient(&line->amount, quantity, price, per, r->plan->exponent, r->plan->rounding);
	if (rc != METER_OK)
		return rc;
	struct buffer exact = {0};
	rc = meter__decimal_exact_quotient(&exact, quantity, price, per);
	if (rc == METER_OK) {
		line->exact = exact.failed ? NULL : meter__copy((struct slice){exact.data, exact.size});
		rc = line->exact == NULL ? METER_ENOMEM : meter__decimal_add(&r->sum, r->sum, line->amount);
	}
	meter__buffer_free(&exact);
	return rc;
}

int meter__rate_line_suspend(struct rater *r, struct buffer *description, struct decimal quantity)
{
	struct line *line = line_new(r, METER_LINE_SUSPENDED, description);
	if (line == NULL)
		return METER_ENOMEM;
	line->quantity = quantity;
	r->out->suspended_count++;
	return METER_OK;
}
