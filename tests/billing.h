/* billing.h - what the tests of invoices share: usage in one line, documents as one line of text, and books that must always be
 * right. */
#ifndef BILLING_H
#define BILLING_H

#include "support.h"

/* ---- usage: events of type "call"; value NULL: 1; the id is new each time, or given ---- */

int32_t use(meter *m, const char *subscription, const char *when, const char *value);
int32_t use_as(meter *m, const char *subscription, const char *id, const char *when, const char *value);
/* With one property. */
int32_t use_with(meter *m, const char *subscription, const char *when, const char *value, const char *name, const char *text);

/* Take back the event with this id and time. */
int32_t retract(meter *m, const char *subscription, const char *id, const char *when);

/* ---- finalizing, at a time ---- */

/* period NULL: the first open one. */
meter_invoice *finalize(meter *m, const char *subscription, const char *period, const char *at);
meter_invoice *finalize_early(meter *m, const char *subscription, const char *period, const char *at, const char *reason);
void refuse_finalize(meter *m, const char *subscription, const char *period, const char *at, int code, const char *part);
/* Finalize what is due: "acme INV-000001 0.50; beta refused: why". */
const char *close_due(meter *m, const char *at);
/* What closing has done, in the same words; it is freed. */
const char *rows_of(meter_closing *closing);
/* Adjust now, void, regenerate; what came of it as show() has it. */
const char *adjust(meter *m, const char *subscription, const char *at);
const char *void_document(meter *m, const char *number, const char *at);
const char *regenerate(meter *m, const char *number, const char *at);

/* ---- as text, in static buffers used in turn ---- */

/* "INV-000001 invoice 2026-01-01..2026-02-01 0.50", with ", due 0.40", ", voided", ", draft" where it says more. */
const char *show(const meter_invoice *invoice);
/* The same, and the invoice is freed. */
const char *show_free(meter_invoice *invoice);
/* "usage calls 5 x 0.10 = 0.50; ..." without credits left; "adjustment calls 5 -> 6: 0.10" */
const char *lines_of(const meter_invoice *invoice);
const char *draft_of(meter *m, const char *subscription, const char *period);
const char *draft_lines_of(meter *m, const char *subscription, const char *period);
const char *found(meter *m, const char *number);
const char *found_lines(meter *m, const char *number);
/* All documents of a subscription, NULL: of all: show() of each, "; " between them. */
const char *documents_of(meter *m, const char *subscription);

/* Verify, close, and see whether the books are right: see books.h. */
void check_books(meter *m);

#endif
