/*
 * bill.h - one billing period of a subscription, rated: lines and totals, where they come from, what the period before left and
 * what this one leaves.
 *
 * Made by rating (draft_bill.c, quote.c) or read from the file (store_bill.c). Invoices are made of bills: of their own period,
 * and of earlier ones that were rated anew.
 */
#ifndef METER_BILL_H
#define METER_BILL_H

#include "segment.h"

struct invoice_line {
	int32_t kind;            /* METER_LINE_... */
	const char *charge;      /* NULL: of the whole plan */
	const char *account;     /* of the ledger, that it is booked on: see ledger.h */
	const char *step;        /* its description when it was rated */
	const char *description; /* of an adjustment, with what has changed */
	struct decimal quantity;
	bool has_amount; /* false: suspended; price, per, amount and exact are not set */
	struct decimal price;
	struct decimal per;
	struct decimal amount;
	const char *exact;
	struct period active;
	/* Of an adjustment: the kind of line it adjusts, what was billed and what is right. */
	int32_t adjusted_kind;
	struct decimal quantity_before, quantity_after;
	struct decimal amount_before, amount_after;
};

/* Zero-initialised is empty. */
struct bill {
	int64_t number; /* in the file; 0: it is not there */
	struct billing_period period;
	int64_t held_us;         /* to be rated: see struct rate_period */
	int64_t catalog_version; /* 0: of no file */
	int64_t ingest;          /* the last transaction whose events it saw */
	const char *plan_key;    /* at the end of the period */
	const char *plan_hash;   /* NULL until it is needed */
	const char *currency;
	int32_t exponent;
	struct invoice_line *lines; /* in the arena; texts there, in the rating or in the catalog */
	size_t line_count;
	size_t suspended_count;
	struct decimal subtotal, tax, total, due;
	struct account before, after; /* what the period before left, and what this one leaves */

	struct arena arena;

	/* Only of one that was rated, not read. */
	struct meter_catalog *catalog; /* keeps plans alive */
	const struct plan *plan;       /* of the last segment */
	struct rate_segment *segments;
	size_t segment_count;
	struct rating rating;
};

/* Rate the segments, whose usage is there. before becomes after; both are kept. METER_OK, METER_EOVERFLOW, METER_ENOMEM. */
int meter__bill_rate(struct bill *s);
void meter__bill_free(struct bill *s);

/* SHA-256 of the plan's text in the catalog, as hexadecimal digits. METER_OK or METER_ENOMEM. */
int meter__bill_hash_plan(struct bill *s);

#endif
