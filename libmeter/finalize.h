/* finalize.h - what closing one subscription (finalize.c) offers to closing all of them (closing.c) and to taking documents back
 * (void.c): drafts become documents. */
#ifndef METER_FINALIZE_H
#define METER_FINALIZE_H

#include "invoice.h"
#include "proven.h"

/* A call that issues documents, in one transaction or several. */
struct closing {
	struct store *store;
	struct reader *reader; /* sees what the transaction has written */
	int64_t at_us;         /* what counts as now, and the time of its documents */
	bool is_now;           /* at_us is that of the clock, but not before the last document */
	int64_t last_us;       /* the time of the last document, when the transaction began; INT64_MIN: there was none */
	const char *reason;    /* for finalizing before its time, or again; NULL: none */
	int64_t refers;        /* the document that is replaced; 0: none */
	bool is_draft;         /* nothing is issued, and nothing need be proven */
	struct proven *proven; /* usage that was compared with its events */
};

struct closing meter__finalize_call(meter *m, const char *reason, int64_t at_us, struct proven *proven);
/* What callers gave: METER_OK, or METER_EINVAL (no such reason, a time ahead of the clock). reason NULL: none was given. */
int meter__finalize_check_call(const char *reason, int64_t at_us);
int meter__finalize_begin(struct closing *c);
/* Documents are issued in the order of their times: METER_OK or METER_ESTATE. */
int meter__finalize_check_order(const struct closing *c);
int meter__finalize_end(const struct closing *c, int code); /* commits when code is METER_OK, else rolls back and returns it */
/*
 * Whether the transaction is to be made again: usage that it needs was not compared with its events yet (METER_EAGAIN), and now
 * is. *code is what came of that. Between transactions.
 */
bool meter__finalize_again(const struct closing *c, int *code);

/* What meter verify would say about a document, before it is there for ever: read back as it was stored. */
int meter__finalize_prove(const struct closing *c, int64_t document);
/* The stored document, read back by a reader that sees what is committed. */
int meter__finalize_load(meter_invoice **out, meter *m, int64_t document);

/* Finalize the period that the request names, after the adjustments that do not fit on its invoice (*settled_out, or NULL).
 * Nothing is written of what is refused: METER_ESTATE, METER_ECORRUPT (usage is not what its events add up to, proven.is_blamed),
 * and as meter__draft(). METER_EAGAIN: see meter__finalize_again(). */
int meter__finalize_period(const struct closing *c, meter_invoice **out, meter_invoice **settled_out,
                           const struct draft_request *request);
/* The first period of a subscription of the catalog that is open now; METER_EEND: there is none. */
int meter__finalize_next(const struct closing *c, const char *subscription, struct billing_period *out);
/* Issue the adjustments that are due as a document of their own, in this currency or, NULL, in that of the first; *out is NULL
 * when there are none. */
int meter__finalize_adjustments(const struct closing *c, meter_invoice **out, struct slice subscription, const char *currency);

#endif
