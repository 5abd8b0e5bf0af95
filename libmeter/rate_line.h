/*
 * rate_line.h - what the files of rating share: a rating under way, and how a line gets its words and its amount. (pure)
 *
 * Only rate*.c include this.
 */
#ifndef METER_RATE_LINE_H
#define METER_RATE_LINE_H

#include "rate.h"

/* How something is divided: part i has weights[i] of total. */
struct partition {
	const int128 *weights;
	size_t count;
	int128 total;
};

/* The part of value that falls to one part (rate_part.c); value itself where nothing is divided. value >= 0.
 * METER_OK or METER_EOVERFLOW. */
int meter__part(struct decimal *out, const struct partition *p, struct decimal value, size_t index, int32_t scale);

/* A rating under way. */
struct rater {
	struct rating *out;
	size_t line_capacity;
	struct period period;
	struct period held; /* from the first segment to the last: what grants count by */
	const struct rate_segment *segments;
	size_t segment_count;
	int128 *weights;                 /* of the segments */
	int64_t weight;                  /* of what is held of the period: their sum, or more */
	size_t at;                       /* the segment being rated; */
	const struct plan *plan;         /* its plan */
	const struct charge *charge;     /* whose lines are being made; NULL: the whole plan's */
	const struct charge *terms;      /* the same with its part of what is per period */
	const struct usage_group *group; /* which of its groups, if it has group_by; else NULL */
	struct tier *tiers;              /* memory of terms */
	struct decimal sum;              /* of charge: its lines so far; of the plan: all lines of the segment so far */
	struct decimal *left;            /* per charge: its lines, with its share of what the plan took or added so far */
	struct tax_base *taxes;          /* by category and percent, in the order of their first charge */
	size_t tax_count;
	struct account *account;
	struct open_charge *open; /* what charges of all segments came to, and no credit has paid */
	size_t open_count;
	struct decimal ahead; /* what was bought ahead in this period */
};

struct open_charge {
	const char *charge;
	struct decimal amount;
};

/* What a charge divides by. */
struct partition meter__rate_partition(const struct rater *r, bool is_prorated);

/*
 * Add a line of r->charge with the amount quantity x price / per, rounded, and count it in r->sum. The description is taken and
 * freed. METER_OK, METER_EOVERFLOW or METER_ENOMEM, without a message.
 */
int meter__rate_line_add(struct rater *r, int32_t kind, struct buffer *description, struct decimal quantity, struct decimal price,
                         struct decimal per);
/* The same with an amount that is a part of price, and so not simply rounded. */
int meter__rate_line_add_part(struct rater *r, struct buffer *description, struct decimal quantity, struct decimal price,
                              struct decimal per, struct decimal amount);
/* Add a line whose amount nobody knows yet. The description is taken and freed. METER_OK or METER_ENOMEM, without a message. */
int meter__rate_line_suspend(struct rater *r, struct buffer *description, struct decimal quantity);

/* Beginnings of descriptions, to be taken by one of the above. "calls (request), model=large-1"; "calls, " or, for the whole
 * plan, "". */
struct buffer meter__rate_text_charge(const struct rater *r);
struct buffer meter__rate_text_amount_of(const struct charge *charge);
/* "calls (request), tier 1: up to 1000, after 100 included"; "tokens (token), rate model=large-1". */
struct buffer meter__rate_text_tier(const struct rater *r, size_t index);
struct buffer meter__rate_text_rate(const struct rater *r, const struct rate *rate);

/* Parts of descriptions. What was done to the quantity: ", divided by 1024, rounded up to 1, after 100 included", or nothing;
 * " model=large-1", where a NULL value reads (none). */
void meter__rate_text_decimal(struct buffer *b, struct decimal d);
void meter__rate_text_money(struct buffer *b, const struct plan *plan, struct decimal d);
void meter__rate_text_free(struct buffer *b, const struct rater *r);
void meter__rate_text_dimension(struct buffer *b, const char *name, const char *value);

/* Whether a discount holds in the period that is rated. */
bool meter__rate_in_force(const struct discount *discount, const struct rater *r);

/*
 * Quantities and money that reach over periods (rate_grant.c). METER_OK, METER_EOVERFLOW or METER_ENOMEM.
 *
 * Carry: add what the period before left of this quantity; if it is below zero, leave it to the next one and bill 0. slot tells
 * the quantities of a charge with rates apart.
 */
int meter__rate_carry(struct rater *r, struct decimal *quantity, size_t slot);
int meter__rate_open_add(struct rater *r, const struct charge *charge, struct decimal amount);
int meter__rate_grants(struct rater *r);

/* The model of r->charge (rate_model.c): its usage, flat and suspended lines. METER_OK, METER_EOVERFLOW or METER_ENOMEM. */
int meter__rate_model(struct rater *r, const struct charge_usage *usage);

#endif
