/*
 * rate_line.h - what the files of rating share: a rating under way, and how a line gets its words and its amount. (pure)
 *
 * Only rate*.c include this.
 */
#ifndef METER_RATE_LINE_H
#define METER_RATE_LINE_H

#include "rate.h"

/* A rating under way. */
struct rater {
	struct rating *out;
	size_t line_capacity;
	const struct plan *plan;
	struct period period;
	struct period active;
	const struct charge *charge; /* whose lines are being made; NULL: the whole plan's */
	struct decimal sum;          /* of charge: its lines so far; of the plan: all lines so far */
	struct decimal *left;        /* per charge: its lines, less its share of the plan discounts so far */
};

/*
 * Add a line of r->charge with the amount quantity x price / per, rounded, and count it in r->sum. The description is taken and
 * freed. METER_OK, METER_EOVERFLOW or METER_ENOMEM, without a message.
 */
int meter__rate_line_add(struct rater *r, int32_t kind, struct buffer *description, struct decimal quantity, struct decimal price,
                         struct decimal per);
/* Add a line whose amount nobody knows yet. The description is taken and freed. METER_OK or METER_ENOMEM, without a message. */
int meter__rate_line_suspend(struct rater *r, struct buffer *description, struct decimal quantity);

/* Beginnings of descriptions, to be taken by one of the above. "calls (request)"; "calls, " or, for the whole plan (NULL), "". */
struct buffer meter__rate_text_charge(const struct charge *charge);
struct buffer meter__rate_text_amount_of(const struct charge *charge);
/* "calls (request), tier 1: up to 1000, after 100 included"; "tokens (token), rate model=large-1". */
struct buffer meter__rate_text_tier(const struct charge *charge, size_t index);
struct buffer meter__rate_text_rate(const struct charge *charge, const struct rate *rate);

/* Parts of descriptions. ", after 100 included" or nothing; " model=large-1", where a NULL value reads (none). */
void meter__rate_text_decimal(struct buffer *b, struct decimal d);
void meter__rate_text_money(struct buffer *b, const struct plan *plan, struct decimal d);
void meter__rate_text_included(struct buffer *b, const struct charge *charge);
void meter__rate_text_dimension(struct buffer *b, const char *name, const char *value);

/* The model of r->charge (rate_model.c): its usage, flat and suspended lines. METER_OK, METER_EOVERFLOW or METER_ENOMEM. */
int meter__rate_model(struct rater *r, const struct charge_usage *usage);

#endif
