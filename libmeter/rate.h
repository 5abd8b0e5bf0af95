/*
 * rate.h - from a plan and the usage of a period to lines. (pure: no I/O, no clock)
 *
 * Order of evaluation: match -> included -> model, one line per rate and tier step -> rounding of the line -> charge minimum and
 * maximum -> charge discounts -> plan discounts -> plan minimum and maximum. On every line amount = quantity x price / per,
 * rounded once in the plan's mode to the exponent of its currency; the total is the sum of these amounts.
 */
#ifndef METER_RATE_H
#define METER_RATE_H

#include "aggregate.h"

/* The usage of one combination of dimension values. */
struct usage_group {
	const char *const *values; /* one per dimension of the meter; NULL entry: events had no such property */
	struct aggregate total;
};

/* The usage of one charge; for a flat charge it is empty. */
struct charge_usage {
	const struct usage_group *groups;
	size_t group_count;
};

struct line {
	int32_t kind;                /* METER_LINE_... */
	const struct charge *charge; /* NULL: of the whole plan */
	char *description;
	struct decimal quantity;
	bool has_amount; /* false: suspended; price, per, amount and exact are not set */
	struct decimal price;
	struct decimal per;
	struct decimal amount;
	char *exact; /* the amount before rounding, see meter__decimal_exact_quotient() */
};

struct rating {
	struct line *lines;
	size_t line_count;
	size_t suspended_count;
	struct decimal subtotal; /* before plan discounts, plan minimum and maximum */
	struct decimal total;
};

/*
 * Rate one period. usage has one entry per charge of the plan. period is the whole billing period, active the part of it in which
 * the subscription holds this plan: a flat with proration: time is charged for active, every other flat whole; none when active
 * is empty. METER_OK, METER_EOVERFLOW (the message names the charge or plan), METER_ENOMEM.
 */
int meter__rate(struct rating *out, const struct plan *plan, const struct charge_usage *usage, struct period period,
                struct period active);
void meter__rating_free(struct rating *rating);

#endif
