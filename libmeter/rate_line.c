/*
 * rate_line.c - how a line gets its words and its amount. (pure)
 *
 * Every amount of an invoice comes about in line_add(): quantity x price / per, rounded once, with the exact amount kept beside
 * it; only a part of a flat amount comes rounded (rate_part.c). Lines and their texts belong to the rating from the first moment,
 * so that meter__rating_free() is all a failure needs.
 */
#include "rate_line.h"

#include <stdlib.h>
#include <string.h>

#include "instant.h"

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

struct buffer meter__rate_text_charge(const struct rater *r)
{
	const struct charge *charge = r->charge;
	struct buffer b = {0};
	meter__buffer_text(&b, charge->name != NULL ? charge->name : charge->key);
	if (charge->meter != NULL && charge->meter->unit != NULL)
		meter__buffer_format(&b, " (%s)", charge->meter->unit);
	for (size_t i = 0; r->group != NULL && i < charge->group_by_count; i++) {
		const size_t d = charge->group_by[i];
		meter__buffer_char(&b, ',');
		meter__rate_text_dimension(&b, charge->meter->dimensions[d], r->group->values[d]);
	}
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

/* At the start of the segment. */
bool meter__rate_in_force(const struct discount *discount, const struct rater *r)
{
	const int64_t at_us = r->segments[r->at].active.from_us;
	return at_us >= discount->from_us && at_us < discount->until_us;
}

static void text_number(struct buffer *b, const char *before, struct decimal d, const char *after)
{
	meter__buffer_text(b, before);
	meter__rate_text_decimal(b, d);
	meter__buffer_text(b, after);
}

static void text_unit_discounts(struct buffer *b, const struct rater *r)
{
	for (size_t i = 0; i < r->terms->discount_count; i++) {
		const struct discount *discount = &r->terms->discounts[i];
		if (discount->kind != DISCOUNT_UNITS || !meter__rate_in_force(discount, r))
			continue;
		text_number(b, ", after ", discount->value, " free");
		if (discount->reason != NULL)
			meter__buffer_format(b, " (%s)", discount->reason);
	}
}

void meter__rate_text_free(struct buffer *b, const struct rater *r)
{
	static const char *const modes[] = {
		[ROUND_UP] = ", rounded up to ", [ROUND_DOWN] = ", rounded down to ", [ROUND_HALF_UP] = ", rounded to "};
	const struct charge *charge = r->terms;
	if (charge->conversion != CONVERSION_NONE)
		text_number(b, charge->conversion == CONVERSION_DIVIDE ? ", divided by " : ", times ", charge->convert_by, "");
	if (!meter__decimal_is_zero(charge->round_to))
		text_number(b, modes[charge->round_mode], charge->round_to, "");
	text_unit_discounts(b, r);
	if (!meter__decimal_is_zero(charge->included))
		text_number(b, ", after ", charge->included, " included");
	if (!meter__decimal_is_zero(charge->free_units))
		text_number(b, ", after ", charge->free_units, " free");
	if (charge->free_events > 0)
		meter__buffer_format(b, ", after %lld free %s", (long long)charge->free_events,
		                     charge->free_events == 1 ? "event" : "events");
}

struct buffer meter__rate_text_tier(const struct rater *r, size_t index)
{
	const struct charge *charge = r->terms;
	const struct tier *tier = &charge->tiers[index];
	struct buffer b = meter__rate_text_charge(r);
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
	meter__rate_text_free(&b, r);
	return b;
}

struct buffer meter__rate_text_rate(const struct rater *r, const struct rate *rate)
{
	const struct charge *charge = r->charge;
	struct buffer b = meter__rate_text_charge(r);
	meter__buffer_text(&b, ", rate");
	for (size_t i = 0; i < rate->match_count; i++)
		meter__rate_text_dimension(&b, charge->meter->dimensions[rate->matches[i].dimension], rate->matches[i].value);
	if (rate->match_count == 0)
		meter__buffer_text(&b, " for everything else");
	return b;
}

static void text_instant(struct buffer *b, int64_t us)
{
	char text[INSTANT_TEXT_SIZE];
	meter__instant_format(text, us);
	if (us % US_PER_DAY == 0)
		text[strcspn(text, "T")] = '\0';
	meter__buffer_text(b, text);
}

/* Which part of the period, when there are several. */
static void text_segment(struct buffer *b, struct period active)
{
	meter__buffer_text(b, ", ");
	text_instant(b, active.from_us);
	meter__buffer_text(b, " to ");
	text_instant(b, active.to_us);
}

/* A new line without quantity and amount. Takes the description and frees it; NULL when there is no memory. */
static struct line *line_new(struct rater *r, int32_t kind, struct buffer *description)
{
	struct rating *out = r->out;
	const struct period active = r->at < r->segment_count ? r->segments[r->at].active : r->period;
	if (r->segment_count > 1 && r->at < r->segment_count)
		text_segment(description, active);
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
	*line = (struct line){.kind = kind, .charge = r->charge, .description = text, .active = active};
	return line;
}

static int line_add(struct rater *r, int32_t kind, struct buffer *description, struct decimal quantity, struct decimal price,
                    struct decimal per, const struct decimal *amount)
{
	struct line *line = line_new(r, kind, description);
	if (line == NULL)
		return METER_ENOMEM;
	line->quantity = quantity;
	line->has_amount = true;
	line->price = price;
	line->per = per;
	int rc = METER_OK;
	if (amount != NULL)
		line->amount = *amount;
	else
		rc = meter__decimal_round_quotient(&line->amount, quantity, price, per, r->plan->exponent, r->plan->rounding);
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

int meter__rate_line_add(struct rater *r, int32_t kind, struct buffer *description, struct decimal quantity, struct decimal price,
                         struct decimal per)
{
	return line_add(r, kind, description, quantity, price, per, NULL);
}

int meter__rate_line_add_part(struct rater *r, struct buffer *description, struct decimal quantity, struct decimal price,
                              struct decimal per, struct decimal amount)
{
	return line_add(r, METER_LINE_FLAT, description, quantity, price, per, &amount);
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
