/*
 * ledger_read.c - the ledger as it is stored: entry by entry, and added up by account.
 *
 * Entries are only ever added, so they are read a page at a time, each page in a short transaction of its own. Balances are of
 * one moment: they are added up in one.
 */
#include <stdlib.h>
#include <string.h>

#include "currency.h"
#include "error.h"
#include "intern.h"
#include "internal.h"
#include "os.h"

#define PAGE_ROWS 256

struct entry_text {
	int64_t document, at_us;
	int64_t entry;
	enum document_kind kind; /* 0: a balance */
	const char *number, *subscription, *account, *currency;
	struct decimal amount;
};

struct meter_ledger {
	struct store *store;
	struct meter_catalog *catalog; /* in force, for its units; NULL: none is */
	char *subscription;            /* NULL: all */
	struct ledger_page page;
	struct arena arena; /* the texts of rows */
	struct entry_text *rows;
	size_t count, capacity;
	size_t at;    /* the next row; the one before it is shown */
	bool is_done; /* nothing comes after these rows */
	char amount[DECIMAL_TEXT_SIZE];
};

static int find_catalog(meter_ledger *ledger)
{
	struct reader *r;
	int code = meter__store_reader(&r, ledger->store);
	if (code != METER_OK)
		return code;
	code = meter__store_catalog(r, &ledger->catalog);
	meter__store_reader_done(r);
	return code;
}

static int begin(meter_ledger **out, meter *m, int64_t from_us, int64_t to_us, const char *subscription, size_t subscription_size)
{
	const struct slice key = meter__optional_argument(subscription, subscription_size);
	if (from_us > to_us)
		return meter__fail(METER_EINVAL, "from is after to");
	meter_ledger *ledger = calloc(1, sizeof(*ledger));
	if (ledger && key.data)
		ledger->subscription = meter__copy(key);
	if (!ledger || (key.data && !ledger->subscription)) {
		free(ledger);
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	}
	ledger->store = m->store;
	ledger->page = (struct ledger_page){.from_us = from_us, .to_us = to_us, .limit = PAGE_ROWS};
	ledger->page.subscription = meter__slice_of(ledger->subscription);
	int code = find_catalog(ledger);
	if (code != METER_OK) {
		meter_ledger_free(ledger);
		return code;
	}
	*out = ledger;
	return METER_OK;
}

static struct entry_text *add_row(meter_ledger *ledger)
{
	if (ledger->count == ledger->capacity) {
		const size_t capacity = ledger->capacity ? ledger->capacity * 2 : PAGE_ROWS;
		struct entry_text *rows = realloc(ledger->rows, capacity * sizeof(*rows));
		if (!rows)
			return NULL;
		ledger->rows = rows;
		ledger->capacity = capacity;
	}
	struct entry_text *row = &ledger->rows[ledger->count++];
	*row = (struct entry_text){.at_us = INT64_MIN};
	return row;
}

/* ---- entries ---- */

static int keep_entry(const struct ledger_row *in, void *user)
{
	meter_ledger *ledger = user;
	struct entry_text *row = add_row(ledger);
	if (!row)
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	row->document = in->document;
	row->entry = in->entry;
	row->kind = in->kind;
	row->at_us = in->at_us;
	row->amount = in->amount;
	row->number = in->name.data ? meter__arena_copy(&ledger->arena, in->name) : NULL;
	row->subscription = meter__arena_copy(&ledger->arena, in->subscription);
	row->account = meter__arena_copy(&ledger->arena, in->account);
	row->currency = meter__arena_copy(&ledger->arena, in->currency);
	if ((in->name.data && !row->number) || !row->subscription || !row->account || !row->currency)
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	return METER_OK;
}

static int read_page(meter_ledger *ledger)
{
	struct reader *r;
	ledger->count = ledger->at = 0;
	meter__arena_free(&ledger->arena);
	int code = meter__store_reader(&r, ledger->store);
	if (code != METER_OK)
		return code;
	code = meter__store_ledger(r, &ledger->page, keep_entry, ledger);
	meter__store_reader_done(r);
	if (code != METER_OK) {
		ledger->count = 0;
		return code;
	}
	ledger->is_done = ledger->count < PAGE_ROWS;
	if (ledger->count > 0) {
		ledger->page.after_document = ledger->rows[ledger->count - 1].document;
		ledger->page.after_entry = ledger->rows[ledger->count - 1].entry;
	}
	return METER_OK;
}

int meter_ledger_query(meter_ledger **out, meter *m, int64_t from_us, int64_t to_us, const char *subscription,
                       size_t subscription_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	return begin(out, m, from_us, to_us, subscription, subscription_size);
}

/* ---- balances ---- */

struct balances {
	meter_ledger *ledger; /* a row each */
	struct intern keys;   /* currency, NUL, account; their index is that of the row */
	struct buffer key;
};

static int add_balance(const struct ledger_row *in, void *user)
{
	struct balances *b = user;
	meter_ledger *ledger = b->ledger;
	size_t index;
	meter__buffer_reset(&b->key);
	meter__buffer_slice(&b->key, in->currency);
	meter__buffer_char(&b->key, '\0');
	meter__buffer_slice(&b->key, in->account);
	if (b->key.failed)
		return meter__fail(METER_ENOMEM, "no memory for balances");
	int code = meter__intern_index(&b->keys, (struct slice){b->key.data, b->key.size}, &index);
	if (code != METER_OK)
		return code;
	if (index == ledger->count) {
		struct entry_text *row = add_row(ledger);
		if (!row)
			return meter__fail(METER_ENOMEM, "no memory for balances");
		row->currency = meter__arena_copy(&ledger->arena, in->currency);
		row->account = meter__arena_copy(&ledger->arena, in->account);
		if (!row->currency || !row->account)
			return meter__fail(METER_ENOMEM, "no memory for balances");
	}
	code = meter__decimal_add(&ledger->rows[index].amount, ledger->rows[index].amount, in->amount);
	return code == METER_OK ? code : meter__fail(code, "a balance does not fit into 38 digits");
}

/* A sum comes after what it adds up. */
static int compare_rows(const void *left, const void *right)
{
	const struct entry_text *a = left, *b = right;
	const int order = strcmp(a->currency, b->currency);
	if (order != 0 || !a->account || !b->account)
		return order != 0 ? order : !a->account - !b->account;
	return strcmp(a->account, b->account);
}

static int add_sums(meter_ledger *ledger)
{
	const size_t count = ledger->count;
	struct entry_text *sum = NULL;
	int code = METER_OK;
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		const struct entry_text row = ledger->rows[i];
		if (!sum || strcmp(sum->currency, row.currency) != 0) {
			sum = add_row(ledger);
			if (!sum)
				return meter__fail(METER_ENOMEM, "no memory for balances");
			sum->currency = row.currency;
		}
		code = meter__decimal_add(&sum->amount, sum->amount, row.amount);
	}
	if (code != METER_OK)
		return meter__fail(code, "a balance does not fit into 38 digits");
	return METER_OK;
}

static void sort_rows(meter_ledger *ledger)
{
	if (ledger->count > 0)
		qsort(ledger->rows, ledger->count, sizeof(*ledger->rows), compare_rows);
}

static int read_balances(meter_ledger *ledger)
{
	struct balances b = {.ledger = ledger};
	struct reader *r;
	b.keys.seed = meter__os.random();
	ledger->page.limit = -1;
	ledger->is_done = true;
	int code = meter__store_reader(&r, ledger->store);
	if (code != METER_OK)
		return code;
	code = meter__store_ledger(r, &ledger->page, add_balance, &b);
	meter__store_reader_done(r);
	meter__intern_free(&b.keys);
	meter__buffer_free(&b.key);
	if (code != METER_OK)
		return code;
	sort_rows(ledger);
	code = add_sums(ledger);
	sort_rows(ledger);
	return code;
}

int meter_ledger_balances(meter_ledger **out, meter *m, int64_t from_us, int64_t to_us, const char *subscription,
                          size_t subscription_size)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	meter_ledger *ledger;
	int code = begin(&ledger, m, from_us, to_us, subscription, subscription_size);
	if (code != METER_OK)
		return code;
	code = read_balances(ledger);
	if (code != METER_OK) {
		meter_ledger_free(ledger);
		return code;
	}
	*out = ledger;
	return METER_OK;
}

/* ---- rows ---- */

static const struct entry_text *row_of(const meter_ledger *ledger)
{
	return ledger && ledger->at > 0 && ledger->at <= ledger->count ? &ledger->rows[ledger->at - 1] : NULL;
}

int meter_ledger_next(meter_ledger *ledger)
{
	REQUIRE(ledger);
	if (ledger->at >= ledger->count && !ledger->is_done) {
		int code = read_page(ledger);
		if (code != METER_OK)
			return code;
	}
	if (ledger->at >= ledger->count) {
		ledger->at = ledger->count + 1;
		return METER_EEND;
	}
	const struct entry_text *row = &ledger->rows[ledger->at++];
	/* A unit that the catalog knows no more has the decimals that it needs. */
	const struct money_unit *unit = ledger->catalog ? meter__catalog_unit(ledger->catalog, row->currency) : NULL;
	const int32_t exponent = unit ? unit->exponent : meter__currency_exponent(meter__slice_of(row->currency));
	meter__decimal_format_fixed(ledger->amount, row->amount, exponent > 0 ? exponent : 0);
	return METER_OK;
}

int64_t meter_ledger_document(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->document : 0;
}

const char *meter_ledger_number(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->number : NULL;
}

const char *meter_ledger_kind(const meter_ledger *ledger)
{
	static const char *const names[] = {[DOCUMENT_INVOICE] = "invoice",
	                                    [DOCUMENT_CREDIT_NOTE] = "credit_note",
	                                    [DOCUMENT_ADJUSTMENT] = "adjustment",
	                                    [DOCUMENT_VOID] = "void"};
	const struct entry_text *row = row_of(ledger);
	return row ? names[row->kind] : NULL;
}

int64_t meter_ledger_at_us(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->at_us : INT64_MIN;
}

const char *meter_ledger_subscription(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->subscription : NULL;
}

const char *meter_ledger_account(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->account : NULL;
}

const char *meter_ledger_currency(const meter_ledger *ledger)
{
	const struct entry_text *row = row_of(ledger);
	return row ? row->currency : NULL;
}

const char *meter_ledger_amount(const meter_ledger *ledger)
{
	return row_of(ledger) ? ledger->amount : NULL;
}

void meter_ledger_free(meter_ledger *ledger)
{
	if (!ledger)
		return;
	meter__arena_free(&ledger->arena);
	free(ledger->rows);
	free(ledger->subscription);
	meter__catalog_release(ledger->catalog);
	free(ledger);
}
