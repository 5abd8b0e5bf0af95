/*
 * verify_invoice.c - see verify.h: what the documents of each subscription say, against its bills, the ledger, table billed, its
 * usage and the catalog.
 *
 * One subscription at a time is held: its documents, what they billed, and one invoice. First every document is proven by itself
 * (proof.h). Replaying them gives what is billed now; that must be what table billed says, and tile. Then the bills that hold are
 * rated again. What one change makes wrong in several places is told where it is seen first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "proof.h"
#include "verify.h"

struct issued {
	int64_t number;
	int64_t kind;
	int64_t refers;
	char *name; /* NULL: a void */
	int64_t at_us;
	bool is_voided;
};

/* A bill of a document, in the order they were issued. */
struct issued_bill {
	size_t document; /* index */
	int64_t bill, replaces;
	struct period active;
	bool is_broken; /* it has a finding already */
};

/* A period that is billed, and the bill that holds for it: by the time of the period. */
struct holding {
	struct period active;
	size_t bill; /* index */
};

struct customer {
	struct invoice_check *check;
	struct slice key;
	int64_t number; /* of its name; 0: it has none */
	struct issued *documents;
	size_t document_count;
	struct issued_bill *bills;
	size_t bill_count;
	struct holding *holdings;
	size_t holding_count;
	int64_t *stale; /* bills, sorted */
	size_t stale_count;
	struct account ledger; /* by "KEY CURRENCY": what is on "credit KEY" and "deferred KEY" */
	struct account purse;  /* the same, as the bills that hold have it */
	bool is_broken;
};

/* ---- findings ---- */

static int add_finding(const char *code, const char *text, const char *place, const char *expected, const char *found, void *user)
{
	struct customer *c = user;
	return meter__finding_add(c->check->findings, code, meter__slice_of(text), meter__slice_of(place),
	                          meter__slice_of(expected), meter__slice_of(found));
}

static int report(struct customer *c, const char *code, const char *text, struct buffer *place, const char *expected,
                  const char *found)
{
	const int result = place->failed ? meter__fail(METER_ENOMEM, "no memory for findings")
	                                 : add_finding(code, text, meter__buffer_cstr(place), expected, found, c);
	meter__buffer_free(place);
	return result;
}

static void write_period(struct buffer *out, const struct customer *c, struct period period)
{
	char times[2][INSTANT_TEXT_SIZE];
	meter__instant_format(times[0], period.from_us);
	meter__instant_format(times[1], period.to_us);
	meter__buffer_text(out, "subscription ");
	meter__buffer_slice(out, c->key);
	meter__buffer_format(out, ", %s to %s", times[0], times[1]);
}

static void write_bill(struct buffer *out, const struct customer *c, const struct issued_bill *bill)
{
	const struct issued *d = &c->documents[bill->document];
	meter__proof_place(out, d->number, d->name);
	meter__buffer_format(out, ", bill %lld, ", (long long)bill->bill);
	write_period(out, c, bill->active);
}

static int report_period(struct customer *c, const char *code, const char *text, struct period period, int64_t expected,
                         int64_t found)
{
	char texts[2][40];
	struct buffer place = {0};
	write_period(&place, c, period);
	snprintf(texts[0], sizeof(texts[0]), "bill %lld", (long long)expected);
	snprintf(texts[1], sizeof(texts[1]), "bill %lld", (long long)found);
	return report(c, code, text, &place, expected ? texts[0] : NULL, found ? texts[1] : NULL);
}

/* ---- documents ---- */

/* Room for one more. */
static void *grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list; /* capacities are powers of two */
	void *grown = realloc(list, (count ? count * 2 : 1) * size);
	if (!grown)
		(void)meter__fail(METER_ENOMEM, "no memory to verify invoices");
	return grown;
}

static int note_document(const struct verify_row *row, void *user)
{
	struct customer *c = user;
	struct issued *grown = grow(c->documents, c->document_count, sizeof(*grown));
	if (!grown)
		return METER_ENOMEM;
	c->documents = grown;
	struct issued *d = &grown[c->document_count];
	*d = (struct issued){.number = row->numbers[0], .kind = row->numbers[1], .refers = row->numbers[3]};
	if (row->texts[2].data && !(d->name = meter__copy(row->texts[2])))
		return meter__fail(METER_ENOMEM, "no memory to verify invoices");
	c->document_count++;
	return METER_OK;
}

static int add_to(struct account *account, const char *key, struct decimal amount)
{
	struct decimal sum;
	int code = meter__decimal_add(&sum, meter__account_get(account, key), amount);
	if (code == METER_OK)
		code = meter__account_set(account, key, sum);
	return code == METER_OK ? code : meter__fail(code, "a balance cannot be added up");
}

/* The KEY of an account that keeps money for later; NULL: it is another one. */
static const char *purse_key(const char *account)
{
	static const char credit[] = "credit ", deferred[] = "deferred ";
	if (strncmp(account, credit, sizeof(credit) - 1) == 0)
		return account + sizeof(credit) - 1;
	return strncmp(account, deferred, sizeof(deferred) - 1) == 0 ? account + sizeof(deferred) - 1 : NULL;
}

/* Of money on an account, if that keeps some for later. */
static int add_kept(struct account *out, const char *account, const char *currency, struct decimal amount)
{
	const char *key = purse_key(account);
	struct buffer text = {0};
	if (!key)
		return METER_OK;
	meter__buffer_format(&text, "%s %s", key, currency);
	int code = text.failed ? meter__fail(METER_ENOMEM, "no memory for a balance")
	                       : add_to(out, meter__buffer_cstr(&text), amount);
	meter__buffer_free(&text);
	return code;
}

static int add_entry(const struct ledger_entry *entry, void *user)
{
	struct customer *c = user;
	return add_kept(&c->ledger, entry->account, entry->currency, entry->amount);
}

static int add_bill(struct customer *c, size_t document, const struct bill *s, int64_t replaces, bool is_broken)
{
	struct issued_bill *grown = grow(c->bills, c->bill_count, sizeof(*grown));
	if (!grown)
		return METER_ENOMEM;
	c->bills = grown;
	grown[c->bill_count++] = (struct issued_bill){document, s->number, replaces, s->period.active, is_broken};
	return METER_OK;
}

static int prove_document(struct customer *c, size_t index)
{
	struct issued *d = &c->documents[index];
	struct proof proof = {.reader = c->check->reader, .report = add_finding, .user = c};
	meter_invoice *invoice;
	int code = meter__proof_document(&proof, d->number, &invoice);
	c->is_broken |= proof.is_broken;
	if (code == METER_OK)
		code = meter__store_entries(c->check->reader, d->number, add_entry, c);
	if (code == METER_ECORRUPT && proof.is_broken)
		code = METER_OK; /* told already */
	if (code == METER_OK && invoice) {
		d->at_us = invoice->document.at_us;
		if (invoice->has_own)
			code = add_bill(c, index, &invoice->own, 0, proof.is_broken);
		for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
			code = add_bill(c, index, &invoice->adjustments[i].after, invoice->adjustments[i].before.number,
			                proof.is_broken);
	}
	meter_invoice_free(invoice);
	return code;
}

/* ---- what is billed, as documents say ---- */

static size_t find_holding(const struct customer *c, int64_t from_us)
{
	size_t low = 0, high = c->holding_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (c->holdings[middle].active.from_us < from_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int hold(struct customer *c, size_t bill)
{
	const struct period active = c->bills[bill].active;
	const size_t at = find_holding(c, active.from_us);
	if (at == c->holding_count || c->holdings[at].active.from_us != active.from_us) {
		struct holding *grown = grow(c->holdings, c->holding_count, sizeof(*grown));
		if (!grown)
			return METER_ENOMEM;
		c->holdings = grown;
		memmove(&grown[at + 1], &grown[at], (c->holding_count - at) * sizeof(*grown));
		c->holding_count++;
	}
	c->holdings[at] = (struct holding){active, bill};
	return METER_OK;
}

/* What a bill replaced holds again. */
static int let_go(struct customer *c, size_t bill)
{
	const size_t at = find_holding(c, c->bills[bill].active.from_us);
	if (at == c->holding_count || c->holdings[at].bill != bill)
		return METER_OK;
	for (size_t i = bill; c->bills[bill].replaces && i > 0; i--) {
		if (c->bills[i - 1].bill != c->bills[bill].replaces)
			continue;
		c->holdings[at] = (struct holding){c->bills[i - 1].active, i - 1};
		return METER_OK;
	}
	memmove(&c->holdings[at], &c->holdings[at + 1], (--c->holding_count - at) * sizeof(*c->holdings));
	return METER_OK;
}

/* A period is billed once, and what is adjusted is what holds. */
static int check_replaced(struct customer *c, const struct issued_bill *bill)
{
	const size_t at = find_holding(c, bill->active.from_us);
	const bool is_held = at < c->holding_count && c->holdings[at].active.from_us == bill->active.from_us;
	const int64_t held = is_held ? c->bills[c->holdings[at].bill].bill : 0;
	if (held == bill->replaces)
		return METER_OK;
	return report_period(c, "period_overlap",
	                     bill->replaces ? "a document adjusts what does not hold" : "a document bills what is billed already",
	                     bill->active, bill->replaces, held);
}

static int replay_void(struct customer *c, int64_t refers)
{
	int code = METER_OK;
	for (size_t i = c->bill_count; i > 0 && code == METER_OK; i--) {
		if (c->documents[c->bills[i - 1].document].number == refers)
			code = let_go(c, i - 1);
	}
	for (size_t i = 0; i < c->document_count; i++)
		c->documents[i].is_voided |= c->documents[i].number == refers;
	return code;
}

static int replay(struct customer *c)
{
	int code = METER_OK;
	size_t bill = 0;
	for (size_t i = 0; i < c->document_count && code == METER_OK; i++) {
		for (; bill < c->bill_count && c->bills[bill].document == i && code == METER_OK; bill++) {
			code = check_replaced(c, &c->bills[bill]);
			if (code == METER_OK)
				code = hold(c, bill);
		}
		if (code == METER_OK && c->documents[i].kind == DOCUMENT_VOID)
			code = replay_void(c, c->documents[i].refers);
	}
	return code;
}

/* ---- table billed ---- */

struct billed_check {
	struct customer *customer;
	size_t at;
};

static int compare_billed(const struct verify_row *row, void *user)
{
	struct billed_check *check = user;
	struct customer *c = check->customer;
	const struct period found = {row->numbers[0], row->numbers[1]};
	int code = METER_OK;
	for (; check->at < c->holding_count && c->holdings[check->at].active.from_us < found.from_us && code == METER_OK;
	     check->at++)
		code = report_period(c, "billed_differs", "what documents have billed is not in table billed",
		                     c->holdings[check->at].active, c->bills[c->holdings[check->at].bill].bill, 0);
	if (code != METER_OK)
		return code;
	if (check->at == c->holding_count || c->holdings[check->at].active.from_us != found.from_us)
		return report_period(c, "billed_differs", "table billed has what no document says", found, 0, row->numbers[2]);
	const struct holding *holding = &c->holdings[check->at++];
	const struct issued_bill *bill = &c->bills[holding->bill];
	if (holding->active.to_us != found.to_us || bill->bill != row->numbers[2] ||
	    c->documents[bill->document].number != row->numbers[3])
		return report_period(c, "billed_differs", "table billed is not what documents say", found, bill->bill,
		                     row->numbers[2]);
	return METER_OK;
}

static int check_billed(struct customer *c)
{
	struct billed_check check = {.customer = c};
	int code = meter__verify_visit(c->check->reader, LIST_BILLED, c->number, (struct slice){NULL, 0}, compare_billed, &check);
	while (code == METER_OK && check.at < c->holding_count) {
		const struct holding *holding = &c->holdings[check.at++];
		code = report_period(c, "billed_differs", "what documents have billed is not in table billed", holding->active,
		                     c->bills[holding->bill].bill, 0);
	}
	return code;
}

/* ---- periods tile ---- */

/* Where the stretch from us on ends that a voided invoice had billed; us: none had. */
static int64_t voided_until(const struct customer *c, int64_t us)
{
	int64_t until = us;
	for (size_t i = 0; i < c->bill_count; i++) {
		const struct issued_bill *bill = &c->bills[i];
		if (c->documents[bill->document].is_voided && bill->active.from_us <= us && bill->active.to_us > until)
			until = bill->active.to_us;
	}
	return until;
}

/* Whether the subscription began where a bill does, as that bill's catalog has it. */
static int is_beginning(struct customer *c, const struct issued_bill *bill, bool *out)
{
	struct meter_catalog *catalog;
	struct bill stored;
	*out = false;
	int code = meter__store_bill_read(c->check->reader, bill->bill, &stored);
	if (code != METER_OK)
		return code;
	code = meter__store_catalog_version(c->check->reader, stored.catalog_version, &catalog);
	meter__bill_free(&stored);
	if (code != METER_OK)
		return code;
	const struct subscription *subscription = meter__catalog_subscription(catalog, c->key);
	*out = subscription && subscription->from_us >= bill->active.from_us;
	meter__catalog_release(catalog);
	return METER_OK;
}

/* The first bill within the gap, voided by now, where the subscription began; the end of the gap when there is none. */
static int find_beginning(struct customer *c, struct period gap, int64_t *out)
{
	int code = METER_OK;
	*out = gap.to_us;
	for (size_t i = 0; i < c->bill_count && code == METER_OK; i++) {
		const struct issued_bill *bill = &c->bills[i];
		bool is_one = false;
		if (c->documents[bill->document].is_voided && bill->active.from_us > gap.from_us && bill->active.from_us < *out)
			code = is_beginning(c, bill, &is_one);
		*out = is_one ? bill->active.from_us : *out;
	}
	return code;
}

static int check_gap(struct customer *c, int64_t from_us, const struct holding *next)
{
	const int64_t end_us = next->active.from_us;
	int64_t at_us = from_us, next_us = from_us;
	bool is_ok;
	while (next_us < end_us) {
		at_us = next_us;
		next_us = voided_until(c, at_us);
		if (next_us >= end_us)
			return METER_OK;
		int code = next_us == at_us ? find_beginning(c, (struct period){at_us, end_us}, &next_us) : METER_OK;
		if (code != METER_OK)
			return code;
	}
	int code = is_beginning(c, &c->bills[next->bill], &is_ok);
	if (code != METER_OK || is_ok)
		return code;
	return report_period(c, "period_gap", "nothing was ever billed for this time, between periods that are billed",
	                     (struct period){at_us, next->active.from_us}, 0, 0);
}

static int check_tiling(struct customer *c)
{
	int code = METER_OK;
	for (size_t i = 1; i < c->holding_count && code == METER_OK; i++) {
		const struct holding *before = &c->holdings[i - 1], *next = &c->holdings[i];
		if (next->active.from_us < before->active.to_us)
			code = report_period(c, "period_overlap", "two bills hold for this time",
			                     (struct period){next->active.from_us, before->active.to_us},
			                     c->bills[before->bill].bill, c->bills[next->bill].bill);
		else if (next->active.from_us > before->active.to_us)
			code = check_gap(c, before->active.to_us, next);
	}
	return code;
}

/* ---- rated again ---- */

static bool is_equal(struct decimal a, struct decimal b)
{
	return meter__decimal_compare(a, b) == 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Descriptions are words, which another version may put otherwise; the link proves those of the file. */
static bool is_same_line(const struct invoice_line *a, const struct invoice_line *b)
{
	return a->kind == b->kind && same_text(a->charge, b->charge) && same_text(a->account, b->account) &&
	       a->active.from_us == b->active.from_us && a->active.to_us == b->active.to_us && a->has_amount == b->has_amount &&
	       is_equal(a->quantity, b->quantity) && is_equal(a->price, b->price) && is_equal(a->per, b->per) &&
	       is_equal(a->amount, b->amount);
}

static void write_line(struct buffer *out, const struct bill *s, size_t index)
{
	char texts[4][DECIMAL_TEXT_SIZE];
	if (index >= s->line_count) {
		meter__buffer_text(out, "no line");
		return;
	}
	const struct invoice_line *line = &s->lines[index];
	meter__decimal_format(texts[0], line->quantity);
	if (!line->has_amount) {
		meter__buffer_format(out, "%s, which has no amount", texts[0]);
		return;
	}
	meter__decimal_format(texts[1], line->price);
	meter__decimal_format(texts[2], line->per);
	meter__decimal_format_fixed(texts[3], line->amount, s->exponent);
	meter__buffer_format(out, "%s x %s / %s = %s", texts[0], texts[1], texts[2], texts[3]);
}

/* What is told of a bill that differs: from where on, and both sides of it. Empty texts: it does not. */
struct difference {
	struct buffer where, expected, found;
};

static void differ_in_total(struct difference *d, const char *name, struct decimal expected, struct decimal found)
{
	char text[DECIMAL_TEXT_SIZE];
	if (d->where.size > 0 || is_equal(expected, found))
		return;
	meter__buffer_text(&d->where, name);
	meter__decimal_format(text, expected);
	meter__buffer_text(&d->expected, text);
	meter__decimal_format(text, found);
	meter__buffer_text(&d->found, text);
}

static void differ_in_account(struct difference *d, const struct account *expected, const struct account *found)
{
	for (size_t i = 0; i < expected->count; i++)
		differ_in_total(d, expected->entries[i].key, expected->entries[i].value,
		                meter__account_get(found, expected->entries[i].key));
	for (size_t i = 0; i < found->count; i++)
		differ_in_total(d, found->entries[i].key, meter__account_get(expected, found->entries[i].key),
		                found->entries[i].value);
}

static void compare_bills(struct difference *d, const struct bill *expected, const struct bill *found)
{
	for (size_t i = 0; i < expected->line_count || i < found->line_count; i++) {
		if (i < expected->line_count && i < found->line_count && is_same_line(&expected->lines[i], &found->lines[i]))
			continue;
		const struct bill *some = i < found->line_count ? found : expected;
		meter__buffer_format(&d->where, "line %zu: %s", i + 1, some->lines[i].description);
		write_line(&d->expected, expected, i);
		write_line(&d->found, found, i);
		return;
	}
	differ_in_total(d, "subtotal", expected->subtotal, found->subtotal);
	differ_in_total(d, "tax", expected->tax, found->tax);
	differ_in_total(d, "total", expected->total, found->total);
	differ_in_total(d, "due", expected->due, found->due);
	differ_in_account(d, &expected->after, &found->after);
}

static void free_difference(struct difference *d)
{
	meter__buffer_free(&d->where);
	meter__buffer_free(&d->expected);
	meter__buffer_free(&d->found);
}

static int report_difference(struct customer *c, const struct issued_bill *bill, const char *code, const char *text,
                             struct difference *d)
{
	struct buffer place = {0};
	if (d->where.failed || d->expected.failed || d->found.failed)
		return meter__fail(METER_ENOMEM, "no memory for findings");
	write_bill(&place, c, bill);
	meter__buffer_format(&place, ", %s", meter__buffer_cstr(&d->where));
	return report(c, code, text, &place, meter__buffer_cstr(&d->expected), meter__buffer_cstr(&d->found));
}

/* What rating says may not be possible any more is a finding. */
static int report_refusal(struct customer *c, const struct issued_bill *bill, int code)
{
	struct buffer place = {0}, text = {0};
	if (code != METER_EUNSUPPORTED && code != METER_ENOTFOUND && code != METER_EOVERFLOW && code != METER_ECORRUPT &&
	    code != METER_ECATALOG)
		return code;
	meter__buffer_text(&text, meter_errmsg());
	write_bill(&place, c, bill);
	code = text.failed ? METER_ENOMEM : report(c, "line_differs", meter__buffer_cstr(&text), &place, NULL, NULL);
	meter__buffer_free(&text);
	return code;
}

static int compare_plan(struct customer *c, const struct issued_bill *bill, const struct bill *stored, struct bill *again,
                        bool *is_same)
{
	struct buffer place = {0};
	int code = meter__bill_hash_plan(again);
	*is_same = code != METER_OK || same_text(again->plan_hash, stored->plan_hash);
	if (*is_same)
		return code;
	write_bill(&place, c, bill);
	meter__buffer_format(&place, ", catalog version %lld, plan %s", (long long)stored->catalog_version, stored->plan_key);
	return report(c, "plan_differs", "the plan in the catalog is not the one that was billed by", &place, stored->plan_hash,
	              again->plan_hash);
}

static bool is_late(const struct customer *c, int64_t bill)
{
	for (size_t i = 0; i < 2; i++) {
		if (c->check->late[i] && meter__late_has(c->check->late[i], bill))
			return true;
	}
	return false;
}

/* as_of: usage as it is now, or as the bill saw it. */
static int rate_again(struct customer *c, const struct issued_bill *bill, const struct bill *stored, const struct account *before,
                      const struct as_of *as_of)
{
	struct bill again = {0};
	struct difference difference = {{0}, {0}, {0}};
	bool is_same_plan = true;
	const bool is_other_before = before != &stored->before;
	int code = meter__draft_again(&again, c->check->reader, stored, c->key, before, as_of);
	if (code != METER_OK) {
		meter__bill_free(&again);
		return report_refusal(c, bill, code);
	}
	c->check->bills += !is_other_before;
	code = compare_plan(c, bill, stored, &again, &is_same_plan);
	if (code == METER_OK && is_same_plan)
		compare_bills(&difference, &again, stored);
	if (difference.where.size > 0 && is_other_before)
		code = report_difference(
			c, bill, "stale_missing",
			"the period before leaves something else than this was rated with, and it is not marked stale",
			&difference);
	else if (difference.where.size > 0 && as_of->ingest_max == 0 && is_late(c, bill->bill))
		code = report_difference(c, bill, "stale_missing", "usage came after the bill, and it is not marked stale",
		                         &difference);
	else if (difference.where.size > 0)
		code = report_difference(c, bill, "line_differs", "rated again, a bill is another one", &difference);
	free_difference(&difference);
	meter__bill_free(&again);
	return code;
}

/* ---- bills that hold ---- */

static int note_stale(const struct verify_row *row, void *user)
{
	struct customer *c = user;
	int64_t *grown = grow(c->stale, c->stale_count, sizeof(*grown));
	if (!grown)
		return METER_ENOMEM;
	c->stale = grown;
	grown[c->stale_count++] = row->numbers[0];
	return METER_OK;
}

static bool is_stale(const struct customer *c, int64_t bill)
{
	size_t low = 0, high = c->stale_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (c->stale[middle] < bill)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->stale_count && c->stale[low] == bill;
}

/* What a bill takes from credits and commitments, and what it brings. */
static int add_to_purse(struct customer *c, const struct bill *s)
{
	static const char used[] = "used ";
	int code = METER_OK;
	for (size_t i = 0; i < s->after.count && code == METER_OK; i++) {
		const char *key = s->after.entries[i].key;
		struct decimal change;
		if (strncmp(key, used, sizeof(used) - 1) != 0)
			continue;
		code = meter__decimal_subtract(&change, s->after.entries[i].value, meter__account_get(&s->before, key));
		if (code == METER_OK)
			code = add_to(&c->purse, key + sizeof(used) - 1, change);
	}
	for (size_t i = 0; i < s->line_count && code == METER_OK; i++) {
		const struct invoice_line *line = &s->lines[i];
		if (line->kind == METER_LINE_COMMITMENT)
			code = add_kept(&c->purse, line->account, s->currency, meter__decimal_negate(line->amount));
	}
	return code;
}

static int check_purse(struct customer *c)
{
	int code = METER_OK;
	for (size_t i = 0; i < c->ledger.count && code == METER_OK && !c->is_broken; i++) {
		char texts[2][DECIMAL_TEXT_SIZE];
		struct buffer place = {0};
		const char *key = c->ledger.entries[i].key;
		const struct decimal expected = meter__account_get(&c->purse, key);
		if (is_equal(expected, c->ledger.entries[i].value))
			continue;
		meter__decimal_format(texts[0], expected);
		meter__decimal_format(texts[1], c->ledger.entries[i].value);
		meter__buffer_text(&place, "subscription ");
		meter__buffer_slice(&place, c->key);
		meter__buffer_format(&place, ", credit or commitment %s", key);
		code = report(c, "entry_differs", "what the ledger has of it is not what the bills that hold leave of it", &place,
		              texts[0], texts[1]);
	}
	return code;
}

static bool is_within(const struct customer *c, struct period active)
{
	return active.from_us >= c->check->since_us && active.to_us <= c->check->until_us;
}

/* A bill that holds and is not stale is what its usage gives now; another one is what it gave then, which costs a look at events.
 */
static int check_bill(struct customer *c, const struct issued_bill *bill, const struct bill *stored, bool holds)
{
	struct as_of as_of = {.now_us = c->documents[bill->document].at_us};
	if (!is_within(c, bill->active) || bill->is_broken)
		return METER_OK;
	const bool is_waiting = holds && is_stale(c, bill->bill);
	c->check->waiting += is_waiting;
	if (!holds || is_waiting) {
		if (!c->check->is_full)
			return METER_OK;
		as_of.ingest_max = stored->ingest > 0 ? stored->ingest : 1;
	}
	return rate_again(c, bill, stored, &stored->before, &as_of);
}

/* The same with what the period before leaves now, where the bill was rated with something else. */
static int check_flow(struct customer *c, size_t index, const struct bill *stored, const struct account *left)
{
	const struct issued_bill *bill = &c->bills[c->holdings[index].bill];
	const struct as_of as_of = {.now_us = c->documents[bill->document].at_us};
	if (index == 0 || c->holdings[index - 1].active.to_us != bill->active.from_us ||
	    meter__account_is_same(left, &stored->before))
		return METER_OK;
	const struct issued_bill *before = &c->bills[c->holdings[index - 1].bill];
	if (is_stale(c, bill->bill) || is_stale(c, before->bill) || bill->is_broken || before->is_broken ||
	    !is_within(c, bill->active))
		return METER_OK;
	return rate_again(c, bill, stored, left, &as_of);
}

static int check_holdings(struct customer *c)
{
	struct account left = {0};
	int code = METER_OK;
	for (size_t i = 0; i < c->holding_count && code == METER_OK; i++) {
		const struct issued_bill *bill = &c->bills[c->holdings[i].bill];
		struct bill stored;
		code = meter__store_bill_read(c->check->reader, bill->bill, &stored);
		if (code != METER_OK)
			break;
		const int64_t findings = c->check->findings->total;
		code = add_to_purse(c, &stored);
		if (code == METER_OK)
			code = check_bill(c, bill, &stored, true);
		if (code == METER_OK && c->check->findings->total == findings)
			code = check_flow(c, i, &stored, &left);
		meter__account_free(&left);
		left = stored.after;
		stored.after = (struct account){0};
		meter__bill_free(&stored);
	}
	meter__account_free(&left);
	return code;
}

static bool holds(const struct customer *c, size_t bill)
{
	const size_t at = find_holding(c, c->bills[bill].active.from_us);
	return at < c->holding_count && c->holdings[at].bill == bill;
}

/* Those that were replaced or voided. */
static int check_former(struct customer *c)
{
	int code = METER_OK;
	for (size_t i = 0; i < c->bill_count && code == METER_OK && c->check->is_full; i++) {
		struct bill stored;
		if (holds(c, i))
			continue;
		code = meter__store_bill_read(c->check->reader, c->bills[i].bill, &stored);
		if (code != METER_OK)
			break;
		code = check_bill(c, &c->bills[i], &stored, false);
		meter__bill_free(&stored);
	}
	return code;
}

/* ---- one subscription ---- */

static void free_customer(struct customer *c)
{
	for (size_t i = 0; i < c->document_count; i++)
		free(c->documents[i].name);
	free(c->documents);
	free(c->bills);
	free(c->holdings);
	free(c->stale);
	meter__account_free(&c->ledger);
	meter__account_free(&c->purse);
}

static int check_customer(struct customer *c)
{
	static int (*const checks[])(struct customer * c) = {replay,         check_billed, check_tiling,
	                                                     check_holdings, check_former, check_purse};
	struct reader *r = c->check->reader;
	int code = meter__store_name(r, &c->number, c->key);
	if (code == METER_OK)
		code = meter__verify_visit(r, LIST_DOCUMENTS_OF, 0, c->key, note_document, c);
	for (size_t i = 0; i < c->document_count && code == METER_OK; i++)
		code = prove_document(c, i);
	if (code == METER_OK)
		code = meter__verify_visit(r, LIST_STALE, c->number, (struct slice){NULL, 0}, note_stale, c);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && code == METER_OK; i++)
		code = checks[i](c);
	return code;
}

/* Damage that stops one subscription does not keep the next one from being checked. */
static int settle(struct customer *c, int code)
{
	struct buffer place = {0}, text = {0};
	if (code != METER_ECORRUPT || c->is_broken)
		return code == METER_ECORRUPT ? METER_OK : code;
	meter__buffer_text(&text, meter_errmsg());
	meter__buffer_text(&place, "subscription ");
	meter__buffer_slice(&place, c->key);
	code = text.failed ? METER_ENOMEM : report(c, "unreadable", meter__buffer_cstr(&text), &place, NULL, NULL);
	meter__buffer_free(&text);
	return code;
}

static int note_alien(const struct verify_row *row, void *user)
{
	struct invoice_check *check = user;
	struct buffer place = {0};
	meter__buffer_text(&place, "table billed, subscription ");
	int code = meter__store_text(check->reader, &place, row->numbers[0]);
	if (code == METER_ECORRUPT)
		meter__buffer_format(&place, "number %lld", (long long)row->numbers[0]);
	else if (code != METER_OK)
		return code;
	const struct slice none = {NULL, 0};
	code = place.failed ? meter__fail(METER_ENOMEM, "no memory for findings")
	                    : meter__finding_add(check->findings, "billed_differs",
	                                         meter__slice_of("periods are billed that no document has billed"),
	                                         (struct slice){place.data, place.size}, none, none);
	meter__buffer_free(&place);
	return code;
}

/* Those that the index does not lead to would go unproven. */
static int check_visited(struct invoice_check *check, int64_t visited)
{
	char texts[2][24];
	if (visited == check->documents)
		return METER_OK;
	snprintf(texts[0], sizeof(texts[0]), "%lld", (long long)check->documents);
	snprintf(texts[1], sizeof(texts[1]), "%lld", (long long)visited);
	return meter__finding_add(check->findings, "integrity", meter__slice_of("documents are not found by their subscription"),
	                          meter__slice_of("index document_subscription"), meter__slice_of(texts[0]),
	                          meter__slice_of(texts[1]));
}

int meter__verify_invoices(struct invoice_check *check)
{
	struct buffer key = {0};
	int64_t visited = 0;
	int code;
	while ((code = meter__verify_customer_next(check->reader, &key)) == METER_OK) {
		struct customer c = {.check = check, .key = {meter__buffer_cstr(&key), key.size}};
		code = settle(&c, check_customer(&c));
		visited += (int64_t)c.document_count;
		free_customer(&c);
		if (code != METER_OK)
			break;
	}
	meter__buffer_free(&key);
	if (code == METER_EEND)
		code = check_visited(check, visited);
	if (code != METER_OK)
		return code;
	return meter__verify_visit(check->reader, LIST_BILLED_ALIEN, 0, (struct slice){NULL, 0}, note_alien, check);
}
