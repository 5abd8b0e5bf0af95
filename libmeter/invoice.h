/* invoice.h - an invoice in memory, and what the library itself asks of one, beyond meter.h. */
#ifndef METER_INVOICE_H
#define METER_INVOICE_H

#include "segment.h"

/* The texts of a line, made once when the invoice is. */
struct line_text {
	char quantity[DECIMAL_TEXT_SIZE];
	char price[DECIMAL_TEXT_SIZE];
	char per[DECIMAL_TEXT_SIZE];
	char amount[DECIMAL_TEXT_SIZE];
};

/* Zero-initialised is empty; meter_invoice_free() frees it in every state. */
struct meter_invoice {
	struct meter_catalog *catalog; /* keeps plan and charges alive */
	const char *status;
	const struct plan *plan;                 /* of the last segment */
	const struct subscription *subscription; /* NULL: a quote */
	struct period period;
	struct rate_segment *segments;
	size_t segment_count;
	struct account account; /* before rating what earlier periods left, after it what this one leaves */
	struct rating rating;
	struct line_text *texts;
	char subtotal[DECIMAL_TEXT_SIZE];
	char tax[DECIMAL_TEXT_SIZE];
	char total[DECIMAL_TEXT_SIZE];
	char due[DECIMAL_TEXT_SIZE];
	char worth[DECIMAL_TEXT_SIZE]; /* due in the currency that its unit is priced in */
};

/* Rate the segments, whose usage is there, and make the texts. METER_OK, METER_EOVERFLOW, METER_ENOMEM. */
int meter__invoice_rate(struct meter_invoice *invoice);
void meter__invoice_free_usage(struct charge_usage *usage, size_t count);

/* meter_invoice_draft(), under another catalog if that is not NULL; METER_EUNSUPPORTED when it has a meter that this file does
 * not count (draft.c). */
int meter__invoice_draft(meter_invoice **out, meter *m, struct meter_catalog *catalog, struct slice subscription,
                         struct slice period);

#endif
