/*
 * proof.h - whether a stored document holds together by itself: its lines, the totals of its bills and its own, its entries in
 * the ledger and its link. What it was rated from is not looked at; verify does that.
 */
#ifndef METER_PROOF_H
#define METER_PROOF_H

#include "invoice.h"

/* What does not hold. expected and found are NULL where there are no two values. What it returns, if not METER_OK, ends the
 * proof. */
typedef int (*proof_report)(const char *code, const char *text, const char *place, const char *expected, const char *found,
                            void *user);

struct proof {
	struct reader *reader;
	proof_report report;
	void *user;
	bool is_broken; /* something was reported */
};

/* "document 7 (INV-000005)"; a void has no name. */
void meter__proof_place(struct buffer *out, int64_t document, const char *name);
/* The codes are line_exact, total_differs, entry_differs and unreadable. *out: the document as it was read; NULL for a void, and
 * where it cannot be read. */
int meter__proof_document(struct proof *p, int64_t document, meter_invoice **out);
/* Report with a place that is freed. */
int meter__proof_report(struct proof *p, const char *code, const char *text, struct buffer *place, const char *expected,
                        const char *found);

#endif
