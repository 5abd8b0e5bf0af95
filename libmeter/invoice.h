/*
 * invoice.h - an invoice in memory: the bill of its period and adjustments of earlier ones, and what the library itself asks of
 * one, beyond meter.h.
 */
#ifndef METER_INVOICE_H
#define METER_INVOICE_H

#include "bill.h"
#include "store.h"

/* The texts of a line, made once when the invoice is. */
struct line_text {
	char quantity[DECIMAL_TEXT_SIZE];
	char price[DECIMAL_TEXT_SIZE];
	char per[DECIMAL_TEXT_SIZE];
	char amount[DECIMAL_TEXT_SIZE];
	char quantity_before[DECIMAL_TEXT_SIZE];
	char quantity_after[DECIMAL_TEXT_SIZE];
	char amount_before[DECIMAL_TEXT_SIZE];
	char amount_after[DECIMAL_TEXT_SIZE];
};

/* A period that was billed, and is right otherwise now. */
struct adjustment {
	const char *document; /* the number of the invoice that billed the period; in the arena of the adjusting one */
	struct bill before;
	struct bill after;
	size_t line_end; /* behind its last line in the invoice: set by meter__invoice_show() */
};

/* Zero-initialised is empty; meter_invoice_free() frees it in every state. */
struct meter_invoice {
	const char *status;
	struct document document; /* what the file says of it; number 0: it is not there */
	const char *subscription; /* NULL: a quote */
	const char *customer;
	int64_t voided_us;
	const char *void_reason;
	const char *replaces, *replaced_by; /* numbers of documents */
	struct bill own;                    /* has_own: an invoice of a period; else a document of adjustments only */
	bool has_own;
	struct adjustment *adjustments;
	size_t adjustment_count;
	int64_t *settled; /* of a draft: bills that are stale, and not any more once it is finalized */
	size_t settled_count;
	bool is_first_open; /* of a draft: no period before it is open */
	bool settles_apart; /* of a draft: adjustments are due, and get a document of their own before it */

	/* What is read of it: made by meter__invoice_show(). */
	struct invoice_line *lines; /* of its own bill, then those of adjustments */
	struct line_text *texts;
	size_t line_count;
	struct decimal total_value, due_value, tax_value, adjusted_value;
	struct arena arena; /* of all of these, and of texts from the file */
	char subtotal[DECIMAL_TEXT_SIZE];
	char tax[DECIMAL_TEXT_SIZE];
	char adjusted[DECIMAL_TEXT_SIZE];
	char total[DECIMAL_TEXT_SIZE];
	char due[DECIMAL_TEXT_SIZE];
	char worth[DECIMAL_TEXT_SIZE]; /* due in the currency that its unit is priced in */
};

/* Put lines, totals and texts together from the bills. METER_OK, METER_EOVERFLOW, METER_ENOMEM. */
int meter__invoice_show(struct meter_invoice *invoice);
void meter__invoice_free_usage(struct charge_usage *usage, size_t count);
const char *meter__line_kind_name(int32_t kind); /* "usage" */
/* The bill that tells currency, exponent and plan. */
const struct bill *meter__invoice_main(const struct meter_invoice *invoice);

/*
 * What differs between two bills of one period (adjust.c), as lines: for each charge and step the quantity and amount that are
 * missing or too much, with both states of it; where the amount of one is not known, a suspended line. Appended to *lines in the
 * arena. document: that is adjusted, or NULL. METER_OK, METER_EOVERFLOW, METER_ENOMEM.
 */
int meter__adjust_lines(struct invoice_line **lines, size_t *count, struct arena *arena, const char *document,
                        const struct invoice_line *before, size_t before_count, const struct invoice_line *after,
                        size_t after_count);
/* Whether two bills bill the same: lines, totals and what they leave. */
bool meter__adjust_is_same(const struct bill *before, const struct bill *after);

/* ---- drafts (draft.c) ---- */

/* What a draft is made of. */
struct draft_request {
	struct meter_catalog *catalog; /* NULL: the one in force. Another one has no account of what was billed */
	struct slice subscription;
	struct slice period;  /* absent: the first one that is not billed yet */
	bool is_settling;     /* not a period: only adjustments of those that are billed, */
	const char *currency; /* in this one; NULL: that of the first that has a line */
	int64_t now_us;       /* what counts as now; METER_NOW */
};

/* When usage is looked at. */
struct as_of {
	int64_t now_us;     /* values over time are not known beyond */
	int64_t ingest_max; /* only events stored up to this transaction, read one by one; 0: all there are */
};

/*
 * The invoice of a period as it would be now, with the adjustments that are due before it, read by r. METER_OK, METER_EINVAL
 * (period), METER_ENOTFOUND, METER_EUNSUPPORTED, METER_EOVERFLOW, METER_EIO, METER_ECORRUPT; METER_EEND: everything is billed.
 * When settling, a document without adjustments says that there are none.
 */
int meter__draft(meter_invoice **out, struct reader *r, const struct draft_request *request);
/* Rate one period under a catalog whose usage this file counts; s->before is what the period before left. */
int meter__draft_bill(struct bill *s, struct reader *r, struct meter_catalog *catalog, const struct subscription *subscription,
                      const struct billing_period *period, const struct as_of *as_of);
/* Rate a bill of the file again, as the catalog that it was billed by has it, into an empty one. METER_ECORRUPT: that catalog
 * does not have the subscription. */
int meter__draft_again(struct bill *out, struct reader *r, const struct bill *stored, struct slice subscription,
                       const struct account *before, const struct as_of *as_of);

/* Of a bill that was rated: whether a gauge goes on counting in it after now_us, because its period is not over. */
bool meter__bill_is_running(const struct bill *s, int64_t now_us);

/* The first period of a subscription that is not billed yet; METER_EEND: all are. */
int meter__draft_open_period(struct billing_period *out, struct reader *r, const struct meter_catalog *catalog,
                             const struct subscription *subscription);

/* meter_invoice_draft(), under another catalog if that is not NULL; METER_EUNSUPPORTED when it has a meter that this file does
 * not count. */
int meter__invoice_draft(meter_invoice **out, meter *m, struct meter_catalog *catalog, struct slice subscription,
                         struct slice period);

/* A stored invoice, whole (invoice_read.c). METER_ECORRUPT when it is not there. */
int meter__invoice_load(meter_invoice **out, struct reader *r, int64_t document);

/* Set which invoice an adjustment of the invoice is of. METER_ECORRUPT: there is none. */
int meter__invoice_find_adjusted(struct reader *r, struct meter_invoice *invoice, struct adjustment *a);
/* The invoice that has billed the period which a text names, in the catalog it was billed by; 0: none holds. METER_ESTATE: two.
 */
int meter__invoice_find_document(struct reader *r, struct slice subscription_key, struct slice period_text, int64_t *out);

#endif
