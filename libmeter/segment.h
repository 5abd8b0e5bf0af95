/* segment.h - which plan version a subscription holds when: a billing period cut where that changes. (pure) */
#ifndef METER_SEGMENT_H
#define METER_SEGMENT_H

#include "rate.h"

/* A billing period of a subscription. */
struct billing_period {
	struct period whole;  /* as its calendar has it: what amounts per period are meant for */
	struct period active; /* what is billed of it: not before and after the subscription, and not what lies beyond a change to
	                         a plan whose periods are of another length. Active parts of one subscription tile its life. */
};

/* How much of it the subscription holds, without pauses, whether it is billed here or was before: a change of the calendar may
 * leave a part of a period open. METER_OK or METER_ENOTFOUND. */
int meter__billing_period_held(int64_t *out_us, const struct meter_catalog *catalog, const struct subscription *subscription,
                               const struct billing_period *period);
/* The one that us lies in. METER_OK, METER_ENOTFOUND (the subscription, or a version of its plan, is not there at us). */
int meter__billing_period_at(struct billing_period *out, const struct meter_catalog *catalog,
                             const struct subscription *subscription, int64_t us);
/* The first instant from us on at which the subscription has a plan in force; INT64_MAX: never. */
int64_t meter__billing_next_us(const struct meter_catalog *catalog, const struct subscription *subscription, int64_t us);
/* The one that a text names, such as 2026-01. METER_OK, METER_EINVAL (text), METER_ENOTFOUND (the subscription has no plan then).
 */
int meter__billing_period_parse(struct billing_period *out, const struct meter_catalog *catalog,
                                const struct subscription *subscription, struct slice text);
/* Whether a text names this period, which may be a part of one: of a date, that it begins in it. */
bool meter__billing_period_is_named(const struct billing_period *period, const struct meter_catalog *catalog,
                                    const struct subscription *subscription, struct slice text);
/* The shortest text that names it. */
#define BILLING_PERIOD_TEXT_SIZE 16
void meter__billing_period_format(char out[BILLING_PERIOD_TEXT_SIZE], const struct meter_catalog *catalog,
                                  const struct subscription *subscription, const struct billing_period *period);

/*
 * The segments of a subscription's period, in the order of their time; usage is left NULL. Free *out with free().
 *
 * A period is cut where the subscription changes its plan, where the plan gets a new version, and at the end of the trial. It
 * starts and ends with the subscription. METER_OK, METER_ENOTFOUND (no plan in the period, or no version of it in force at the
 * start of a segment), METER_EUNSUPPORTED (the currency changes inside the period), METER_ENOMEM.
 */
int meter__segments(struct rate_segment **out, size_t *count_out, const struct meter_catalog *catalog,
                    const struct subscription *subscription, struct period period);

#endif
