/* segment.h - which plan version a subscription holds when: a billing period cut where that changes. (pure) */
#ifndef METER_SEGMENT_H
#define METER_SEGMENT_H

#include "rate.h"

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
