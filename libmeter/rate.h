/*
 * rate.h - from a plan and the usage of a period to lines. (pure: no I/O, no clock)
 *
 * Order of evaluation: match, group -> convert, round -> units discounted, included -> model, one line per rate and tier step ->
 * rounding of the line -> charge minimum and maximum -> charge discounts -> plan discounts -> plan minimum and maximum -> tax ->
 * commitments -> credits. On every line amount = quantity x price / per, rounded once in the plan's mode to the exponent of its
 * currency (a part of a flat amount by largest remainder instead); the total is the sum of these amounts but those of credits,
 * due with them.
 */
#ifndef METER_RATE_H
#define METER_RATE_H

#include "account.h"
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
	const struct decimal *events; /* only if meter__charge_needs_events(): the value of each, in the order of their time */
	size_t event_count;
};

struct line {
	int32_t kind;                /* METER_LINE_... */
	const struct charge *charge; /* NULL: of the whole plan */
	const struct grant *grant;   /* of a commitment or credit line; else NULL */
	char *description;
	struct decimal quantity;
	bool has_amount; /* false: suspended; price, per, amount and exact are not set */
	struct decimal price;
	struct decimal per;
	struct decimal amount;
	char *exact;          /* the amount before rounding, see meter__decimal_exact_quotient() */
	struct period active; /* of its segment; of tax: the period */
};

struct rating {
	struct line *lines;
	size_t line_count;
	size_t suspended_count;
	struct decimal subtotal; /* before plan discounts, plan minimum and maximum */
	struct decimal tax;
	struct decimal total; /* with tax and commitments */
	struct decimal due;   /* less what credits have paid */
};

/* A part of the period under one version of one plan. */
struct rate_segment {
	const struct plan *plan;
	struct period active;             /* whose usage is rated */
	int64_t weight_us;                /* its length without pauses: what is due per period is due for this */
	bool is_trial;                    /* it costs nothing: its lines are taken back by one */
	const struct charge_usage *usage; /* one entry per charge of the plan */
};

/* The period that segments are of. */
struct rate_period {
	struct period whole; /* as the calendar has it */
	int64_t held_us;     /* of it, by the subscription, without pauses; less than the segments count as much as they do */
};

/*
 * Rate one period: its segments in the order of their time, in one currency, and the tax on all of it.
 *
 * Each segment is rated on its own. What a plan states per period (flat amounts, included and free units, tier bounds and tier
 * flats, minimum and maximum, discounts in amounts and units) is divided among the segments by their weights: under
 * proration: time each gets weight / length of the period, else weight / what is held of it: all, unless another part of the
 * period was billed apart. Parts are rounded by largest remainder to the decimals of the number (money: those of the currency),
 * so that they add up. Plans have no proration; what they state is divided as without.
 *
 * account is what the periods before have left, and becomes what this one leaves.
 *
 * METER_OK, METER_EOVERFLOW (the message names the charge or plan), METER_ENOMEM.
 */
int meter__rate(struct rating *out, const struct rate_segment *segments, size_t count, struct rate_period period,
                struct account *account);
void meter__rating_free(struct rating *rating);

/* "15 of 31 days": a part of a period, in the largest unit that is exact for both. Returns how long the unit is. */
int64_t meter__rate_text_part(struct buffer *out, int64_t part_us, int64_t whole_us);
/* What an account remembers of a grant: "used", "bought" or "spent". METER_OK or METER_ENOMEM, without a message. */
int meter__rate_balance(struct decimal *out, const struct account *account, const char *what, const struct grant *grant,
                        const char *currency);

#endif
