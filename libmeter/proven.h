/*
 * proven.h - usage that is about to be billed is added up from its events first, by the route of meter verify, and compared with
 * the buckets it is rated from.
 *
 * That takes a second for one to two million events, so it happens outside of the writing transaction, and once for a stretch of
 * time, of one subscription or of all. Events that come in between are counted in the transaction that stores them.
 */
#ifndef METER_PROVEN_H
#define METER_PROVEN_H

#include <stdbool.h>

#include "period.h"

struct findings;
struct store;

/* Zero-initialised is empty. */
struct proven {
	bool is_of_one;       /* only one subscription is asked for: nobody else's events are looked at */
	int64_t subscription; /* that one, by its number, once a check has named it */
	struct period *days;  /* compared; they do not overlap */
	size_t day_count;
	struct period *whole; /* of them those that were compared level by level, so that a range may cut them */
	size_t whole_count;
	struct findings *findings; /* NULL: there are none */

	struct period *wanted; /* stretches that checks have asked for, and that were not compared */
	size_t wanted_count;
	bool is_blamed; /* a check refused usage because of a finding about its subscription */
};

/*
 * Whether the usage of a subscription, by its number, holds. METER_OK, also when it was not compared yet: then it is wanted, and
 * meter__proven_compare() must be called outside of the transaction. METER_ECORRUPT: it is not what its events add up to.
 */
int meter__proven_check(struct proven *p, int64_t subscription, struct period range);
/* Compare what is wanted. METER_OK also with findings, else what failed. */
int meter__proven_compare(struct proven *p, struct store *store);
void meter__proven_free(struct proven *p);

#endif
