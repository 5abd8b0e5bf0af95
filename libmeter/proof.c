/* proof.c - see proof.h. One finding a document: what follows from the first one that is found is not told again. */
#include "proof.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

void meter__proof_place(struct buffer *out, int64_t document, const char *name)
{
	meter__buffer_format(out, "document %lld (%s)", (long long)document, name ? name : "void");
}

int meter__proof_report(struct proof *p, const char *code, const char *text, struct buffer *place, const char *expected,
                        const char *found)
{
	p->is_broken = true;
	const int result = place->failed ? meter__fail(METER_ENOMEM, "no memory for findings")
	                                 : p->report(code, text, meter__buffer_cstr(place), expected, found, p->user);
	meter__buffer_free(place);
	return result;
}

/* What cannot be read is a finding; anything else that fails is a failure. */
static int report_unreadable(struct proof *p, int64_t document, int code)
{
	struct buffer place = {0}, text = {0};
	if (code != METER_ECORRUPT)
		return code;
	meter__buffer_text(&text, meter_errmsg());
	meter__buffer_format(&place, "document %lld", (long long)document);
	code = text.failed ? METER_ENOMEM : meter__proof_report(p, "unreadable", meter__buffer_cstr(&text), &place, NULL, NULL);
	meter__buffer_free(&text);
	return code;
}

/* ---- lines and totals ---- */

static int report_line(struct proof *p, const struct document *d, const struct bill *s, size_t index, const char *expected,
                       const char *found)
{
	struct buffer place = {0};
	meter__proof_place(&place, d->number, d->name);
	meter__buffer_format(&place, ", bill %lld, line %zu: %s", (long long)s->number, index + 1, s->lines[index].description);
	return meter__proof_report(p, "line_exact", "quantity x price / per does not give the amount", &place, expected, found);
}

static int report_exact(struct proof *p, const struct document *d, const struct bill *s, size_t index, struct buffer *exact)
{
	char amount[DECIMAL_TEXT_SIZE];
	const struct invoice_line *line = &s->lines[index];
	struct buffer found = {0};
	meter__decimal_format_fixed(amount, line->amount, s->exponent);
	meter__buffer_format(&found, "%s, written as exactly %s", amount, line->exact ? line->exact : "nothing");
	const int code =
		found.failed ? METER_ENOMEM : report_line(p, d, s, index, meter__buffer_cstr(exact), meter__buffer_cstr(&found));
	meter__buffer_free(&found);
	return code;
}

/* Rounded to one of its two neighbours: which of them the plan says, and so does what is rated again. A part of a flat amount is
 * one of the two as well. */
static int prove_line(struct proof *p, const struct document *d, const struct bill *s, size_t index)
{
	const struct invoice_line *line = &s->lines[index];
	struct decimal down, up;
	struct buffer exact = {0};
	if (meter__decimal_compare(line->per, DECIMAL_ZERO) <= 0)
		return report_line(p, d, s, index, NULL, "per is not above 0");
	int code = meter__decimal_round_quotient(&down, line->quantity, line->price, line->per, s->exponent, ROUND_DOWN);
	if (code == METER_OK)
		code = meter__decimal_round_quotient(&up, line->quantity, line->price, line->per, s->exponent, ROUND_UP);
	if (code == METER_OK)
		code = meter__decimal_exact_quotient(&exact, line->quantity, line->price, line->per);
	if (code == METER_EOVERFLOW)
		code = report_line(p, d, s, index, NULL, "more than 38 digits");
	else if (code == METER_OK && exact.failed)
		code = meter__fail(METER_ENOMEM, "no memory for an amount");
	else if (code == METER_OK &&
	         (!line->exact || strcmp(meter__buffer_cstr(&exact), line->exact) != 0 ||
	          (meter__decimal_compare(line->amount, down) != 0 && meter__decimal_compare(line->amount, up) != 0)))
		code = report_exact(p, d, s, index, &exact);
	meter__buffer_free(&exact);
	return code;
}

struct sums {
	struct decimal subtotal, tax, total, due;
};

static int add_line(struct sums *sums, const struct invoice_line *line)
{
	int code = meter__decimal_add(&sums->due, sums->due, line->amount);
	if (code == METER_OK && line->kind != METER_LINE_CREDIT)
		code = meter__decimal_add(&sums->total, sums->total, line->amount);
	if (code == METER_OK && line->kind == METER_LINE_TAX)
		code = meter__decimal_add(&sums->tax, sums->tax, line->amount);
	if (code == METER_OK && line->charge)
		code = meter__decimal_add(&sums->subtotal, sums->subtotal, line->amount);
	return code;
}

static int compare_total(struct proof *p, const struct document *d, const struct bill *s, const char *name,
                         struct decimal expected, struct decimal found)
{
	char texts[2][DECIMAL_TEXT_SIZE];
	struct buffer place = {0};
	if (p->is_broken || meter__decimal_compare(expected, found) == 0)
		return METER_OK;
	meter__decimal_format(texts[0], expected);
	meter__decimal_format(texts[1], found);
	meter__proof_place(&place, d->number, d->name);
	if (s)
		meter__buffer_format(&place, ", bill %lld", (long long)s->number);
	meter__buffer_format(&place, ", %s", name);
	return meter__proof_report(p, "total_differs",
	                           s ? "a total of a bill is not the sum of its lines"
	                             : "a total of a document is not the sum of its bills",
	                           &place, texts[0], texts[1]);
}

static int prove_bill(struct proof *p, const struct document *d, const struct bill *s)
{
	struct sums sums = {DECIMAL_ZERO, DECIMAL_ZERO, DECIMAL_ZERO, DECIMAL_ZERO};
	int code = METER_OK;
	for (size_t i = 0; i < s->line_count && code == METER_OK && !p->is_broken; i++) {
		code = prove_line(p, d, s, i);
		if (code == METER_OK)
			code = add_line(&sums, &s->lines[i]);
	}
	if (code == METER_EOVERFLOW)
		return meter__fail(code, "amounts of a bill do not fit into 38 digits");
	if (code == METER_OK)
		code = compare_total(p, d, s, "subtotal", sums.subtotal, s->subtotal);
	if (code == METER_OK)
		code = compare_total(p, d, s, "tax", sums.tax, s->tax);
	if (code == METER_OK)
		code = compare_total(p, d, s, "total", sums.total, s->total);
	return code == METER_OK ? compare_total(p, d, s, "due", sums.due, s->due) : code;
}

/* ---- entries ---- */

struct entries {
	struct arena arena;
	struct ledger_entry *list;
	size_t count;
	bool is_reversed;
};

static int note_entry(const struct ledger_entry *entry, void *user)
{
	struct entries *e = user;
	struct ledger_entry *list = realloc(e->list, (e->count + 1) * sizeof(*list));
	if (!list)
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	e->list = list;
	struct ledger_entry *copy = &list[e->count++];
	copy->account = meter__arena_copy(&e->arena, meter__slice_of(entry->account));
	copy->currency = meter__arena_copy(&e->arena, meter__slice_of(entry->currency));
	copy->amount = e->is_reversed ? meter__decimal_negate(entry->amount) : entry->amount;
	return copy->account && copy->currency ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a ledger");
}

static void free_entries(struct entries *e)
{
	free(e->list);
	meter__arena_free(&e->arena);
}

static void write_entry(struct buffer *out, const struct ledger_entry *entry)
{
	char amount[DECIMAL_TEXT_SIZE];
	if (!entry) {
		meter__buffer_text(out, "nothing");
		return;
	}
	meter__decimal_format(amount, entry->amount);
	meter__buffer_format(out, "%s %s on %s", amount, entry->currency, entry->account);
}

static int report_entry(struct proof *p, const struct document *d, size_t index, const struct ledger_entry *expected,
                        const struct ledger_entry *found)
{
	struct buffer place = {0}, texts[2] = {{0}, {0}};
	meter__proof_place(&place, d->number, d->name);
	meter__buffer_format(&place, ", entry %zu", index + 1);
	write_entry(&texts[0], expected);
	write_entry(&texts[1], found);
	const int code =
		meter__proof_report(p, "entry_differs",
	                            d->kind == DOCUMENT_VOID ? "the entries of a void do not reverse those of its document"
	                                                     : "the entries of a document are not what its lines give",
	                            &place, meter__buffer_cstr(&texts[0]), meter__buffer_cstr(&texts[1]));
	meter__buffer_free(&texts[0]);
	meter__buffer_free(&texts[1]);
	return code;
}

static bool is_same_entry(const struct ledger_entry *a, const struct ledger_entry *b)
{
	return strcmp(a->account, b->account) == 0 && strcmp(a->currency, b->currency) == 0 &&
	       meter__decimal_compare(a->amount, b->amount) == 0;
}

static int compare_entries(struct proof *p, const struct document *d, const struct ledger_entry *expected, size_t count)
{
	struct entries found = {.list = NULL};
	int code = meter__store_entries(p->reader, d->number, note_entry, &found);
	if (code != METER_OK)
		code = report_unreadable(p, d->number, code);
	for (size_t i = 0; (i < count || i < found.count) && code == METER_OK && !p->is_broken; i++) {
		if (i >= count || i >= found.count || !is_same_entry(&expected[i], &found.list[i]))
			code = report_entry(p, d, i, i < count ? &expected[i] : NULL, i < found.count ? &found.list[i] : NULL);
	}
	free_entries(&found);
	return code;
}

/* Where lines and totals hold, entries that are what the lines give sum up to 0. */
static int prove_entries(struct proof *p, meter_invoice *invoice)
{
	const struct document *d = &invoice->document;
	struct ledger ledger;
	int code = meter__ledger_post(&ledger, &invoice->arena, invoice->lines, invoice->line_count, invoice->subscription,
	                              meter__invoice_main(invoice)->currency, invoice->due_value);
	if (code != METER_OK)
		return report_unreadable(p, d->number, code);
	return compare_entries(p, d, ledger.entries, ledger.count);
}

/* ---- documents ---- */

static int prove_void(struct proof *p, const struct document *d, struct arena *arena)
{
	struct document voided;
	struct entries reversed = {.is_reversed = true};
	int code = meter__store_document(p->reader, d->refers, arena, &voided);
	if (code == METER_OK)
		code = meter__store_entries(p->reader, d->refers, note_entry, &reversed);
	if (code != METER_OK) {
		free_entries(&reversed);
		return report_unreadable(p, d->number, code);
	}
	code = compare_total(p, d, NULL, "total", meter__decimal_negate(voided.total), d->total);
	if (code == METER_OK)
		code = compare_total(p, d, NULL, "due", meter__decimal_negate(voided.due), d->due);
	if (code == METER_OK && !p->is_broken)
		code = compare_entries(p, d, reversed.list, reversed.count);
	free_entries(&reversed);
	return code;
}

static int prove_invoice(struct proof *p, meter_invoice *invoice)
{
	const struct document *d = &invoice->document;
	int code = METER_OK;
	if (invoice->has_own)
		code = prove_bill(p, d, &invoice->own);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK && !p->is_broken; i++)
		code = prove_bill(p, d, &invoice->adjustments[i].after);
	if (code == METER_OK)
		code = compare_total(p, d, NULL, "total", invoice->total_value, d->total);
	if (code == METER_OK)
		code = compare_total(p, d, NULL, "due", invoice->due_value, d->due);
	return code == METER_OK && !p->is_broken ? prove_entries(p, invoice) : code;
}

int meter__proof_document(struct proof *p, int64_t number, meter_invoice **out)
{
	struct arena arena = {0};
	struct document document;
	*out = NULL;
	int code = meter__store_document(p->reader, number, &arena, &document);
	if (code != METER_OK) {
		code = report_unreadable(p, number, code);
	} else if (document.kind == DOCUMENT_VOID) {
		code = prove_void(p, &document, &arena);
	} else {
		code = meter__invoice_load(out, p->reader, number);
		code = code == METER_OK ? prove_invoice(p, *out) : report_unreadable(p, number, code);
	}
	meter__arena_free(&arena);
	return code;
}
