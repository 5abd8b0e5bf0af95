/*
 * rate_part.c - what of a number falls to each part: of one per period to each part of the period, of one of the plan to each
 * charge. (pure)
 *
 * Largest remainder: each part is rounded down, and the units that are then missing go to the parts that lost most, the earlier
 * one first. So the parts add up to the whole, however it is cut.
 */
#include "rate_line.h"

static int remainder_of(struct decimal *out, struct decimal value, int128 weight, struct decimal floor, int128 total)
{
	struct decimal given;
	int rc = meter__decimal_multiply(out, value, (struct decimal){weight, 0});
	if (rc == METER_OK)
		rc = meter__decimal_multiply(&given, floor, (struct decimal){total, 0});
	return rc == METER_OK ? meter__decimal_subtract(out, *out, given) : rc;
}

static int round_down(struct decimal *out, struct decimal value, int128 weight, int128 total, int32_t scale)
{
	return meter__decimal_round_quotient(out, value, (struct decimal){weight, 0}, (struct decimal){total, 0}, scale,
	                                     ROUND_DOWN);
}

/* How many parts lost more than this one when all were rounded down; *missing_out: what all of them lost together. */
static int rank_of(size_t *rank_out, struct decimal *missing_out, const struct partition *p, struct decimal value, size_t index,
                   int32_t scale)
{
	struct decimal floor, mine, other, sum = DECIMAL_ZERO, whole;
	int128 weight = 0;
	*rank_out = 0;
	int rc = round_down(&floor, value, p->weights[index], p->total, scale);
	if (rc == METER_OK)
		rc = remainder_of(&mine, value, p->weights[index], floor, p->total);
	for (size_t i = 0; i < p->count && rc == METER_OK; i++) {
		weight += p->weights[i];
		rc = round_down(&floor, value, p->weights[i], p->total, scale);
		if (rc == METER_OK)
			rc = meter__decimal_add(&sum, sum, floor);
		if (rc == METER_OK)
			rc = remainder_of(&other, value, p->weights[i], floor, p->total);
		if (rc != METER_OK)
			return rc;
		const int order = meter__decimal_compare(other, mine);
		*rank_out += order > 0 || (order == 0 && i < index);
	}
	if (rc == METER_OK)
		rc = meter__decimal_round_quotient(&whole, value, (struct decimal){weight, 0}, (struct decimal){p->total, 0},
		                                   scale, ROUND_HALF_UP);
	return rc == METER_OK ? meter__decimal_subtract(missing_out, whole, sum) : rc;
}

int meter__part(struct decimal *out, const struct partition *p, struct decimal value, size_t index, int32_t scale)
{
	struct decimal missing;
	size_t rank;
	if (p->total == 0 || p->weights[index] == p->total) {
		*out = p->total == 0 ? DECIMAL_ZERO : value;
		return METER_OK;
	}
	int rc = round_down(out, value, p->weights[index], p->total, scale);
	if (rc == METER_OK)
		rc = rank_of(&rank, &missing, p, value, index, scale);
	if (rc != METER_OK)
		return rc;
	/* missing is less than one unit a part. */
	const struct decimal unit = {1, scale};
	struct decimal before;
	rc = meter__decimal_multiply(&before, unit, meter__decimal_from_int((int64_t)rank));
	if (rc != METER_OK || meter__decimal_compare(before, missing) >= 0)
		return rc;
	return meter__decimal_add(out, *out, unit);
}
