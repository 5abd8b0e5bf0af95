/*
 * store_invoice.c - bills, documents, the ledger and the links between documents as rows; and what is billed now.
 *
 * A document is written whole in one transaction, and linked to the one before it by a hash over all of its rows as they stand in the
 * file. Nothing of it changes afterwards: triggers refuse that, and the links tell it if someone went around them.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "store_internal.h"

/* Decimals are kept as text: SQL would make binary floats of them. Where the copy cannot be made, a NULL is refused by the table. */
static void bind_decimal(sqlite3_stmt *statement, int column, struct decimal d)
{
	char text[DECIMAL_TEXT_SIZE];
	size_t size = meter__decimal_format(text, d);
	sqlite3_bind_text(statement, column, text, (int)size, SQLITE_TRANSIENT);
}

/* The text must live until the statement has run: a copy could fail, and leave a NULL that says something else. */
static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	if (text)
		sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, column);
}

static void bind_number(sqlite3_stmt *statement, int column, int64_t number)
{
	if (number)
		sqlite3_bind_int64(statement, column, number);
	else
		sqlite3_bind_null(statement, column);
}

static int read_decimal(sqlite3_stmt *row, int column, struct decimal *out)
{
	struct slice text = meter__store_slice(row, column);
	if (sqlite3_column_type(row, column) != SQLITE_TEXT || meter__decimal_parse(out, text.data, text.size) != METER_OK)
		return meter__fail(METER_ECORRUPT, "the file holds something else where an amount was expected");
	return METER_OK;
}

static int read_text(sqlite3_stmt *row, int column, struct arena *arena, const char **out)
{
	struct slice text = meter__store_slice(row, column);
	*out = NULL;
	if (!text.data)
		return METER_OK;
	if (!meter__utf8_valid(text.data, text.size))
		return meter__fail(METER_ECORRUPT, "a text of an invoice is not UTF-8");
	*out = meter__arena_copy(arena, text);
	return *out ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an invoice");
}

/* NULL is 0. */
static int read_number(sqlite3_stmt *row, int column, int64_t *out)
{
	*out = 0;
	return sqlite3_column_type(row, column) == SQLITE_NULL ? METER_OK : meter__store_int(row, column, out);
}

/* A statement that gives one row with one integer. METER_EEND without a row, or when it is NULL. */
static int step_integer(struct connection *c, sqlite3_stmt *statement, int64_t *out)
{
	int rc = sqlite3_step(statement);
	int code = METER_EEND;
	if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		code = meter__store_int(statement, 0, out);
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading invoices");
	sqlite3_reset(statement);
	return code;
}

/* Visit the rows of a statement, which is reset. */
static int visit_rows(struct connection *c, sqlite3_stmt *statement, int (*visit)(sqlite3_stmt *row, void *user), void *user)
{
	int code = METER_OK, rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = visit(statement, user);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading invoices");
	sqlite3_reset(statement);
	return code;
}

/* The same for those with one parameter. */
static int visit_of(struct connection *c, enum statement which, int64_t parameter, int (*visit)(sqlite3_stmt *row, void *user),
                    void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, parameter);
	return visit_rows(c, statement, visit, user);
}

static int integer_of(struct connection *c, enum statement which, int64_t parameter, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, parameter);
	return step_integer(c, statement, out);
}

/* ---- accounts ---- */

static int bind_account(sqlite3_stmt *statement, int column, const struct account *account)
{
	struct buffer text = {0};
	meter__buffer_char(&text, '{');
	for (size_t i = 0; i < account->count; i++) {
		char value[DECIMAL_TEXT_SIZE];
		if (meter__decimal_is_zero(account->entries[i].value))
			continue;
		meter__decimal_format(value, account->entries[i].value);
		if (text.size > 1)
			meter__buffer_char(&text, ',');
		meter__buffer_json(&text, meter__slice_of(account->entries[i].key));
		meter__buffer_format(&text, ":\"%s\"", value);
	}
	meter__buffer_char(&text, '}');
	if (!text.failed)
		sqlite3_bind_text64(statement, column, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	const bool failed = text.failed;
	meter__buffer_free(&text);
	return failed ? meter__fail(METER_ENOMEM, "no memory for an account") : METER_OK;
}

#define ACCOUNT_ENTRIES_MAX 10000

/* At least as many as there are: keys may have commas, too. */
static size_t count_entries(struct slice text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.size && count < ACCOUNT_ENTRIES_MAX; i++)
		count += text.data[i] == ',';
	return count;
}

static int read_account(sqlite3_stmt *row, int column, struct account *out)
{
	struct slice text = meter__store_slice(row, column);
	if (meter__slice_equal(text, (struct slice)SLICE("{}")))
		return METER_OK;
	struct buffer scratch = {0}, key = {0};
	size_t count = 0;
	const size_t room = count_entries(text);
	struct property *entries = calloc(room, sizeof(*entries));
	int code = entries ? meter__properties_read(entries, room, &count, &scratch, text.data, text.size)
	                   : meter__fail(METER_ENOMEM, "no memory for an account");
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		struct decimal value;
		code = meter__decimal_parse(&value, entries[i].value.data, entries[i].value.size);
		meter__buffer_reset(&key);
		meter__buffer_slice(&key, entries[i].name);
		if (code == METER_OK)
			code = key.failed ? METER_ENOMEM : meter__account_set(out, meter__buffer_cstr(&key), value);
	}
	if (code == METER_EINVAL)
		code = meter__fail_in(METER_ECORRUPT, "an account of the file: ");
	free(entries);
	meter__buffer_free(&scratch);
	meter__buffer_free(&key);
	return code;
}

/* ---- bills ---- */

static int add_line(struct store *s, int64_t bill_number, size_t index, const struct invoice_line *line)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_LINE_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, bill_number);
	sqlite3_bind_int64(statement, 2, (int64_t)index);
	sqlite3_bind_int64(statement, 3, line->kind);
	bind_text(statement, 4, line->charge);
	bind_text(statement, 5, line->account);
	bind_text(statement, 6, line->description);
	sqlite3_bind_int64(statement, 7, line->active.from_us);
	sqlite3_bind_int64(statement, 8, line->active.to_us);
	bind_decimal(statement, 9, line->quantity);
	bind_decimal(statement, 10, line->price);
	bind_decimal(statement, 11, line->per);
	bind_decimal(statement, 12, line->amount);
	bind_text(statement, 13, line->exact);
	return meter__store_run(&s->write, statement, "storing lines");
}

int meter__store_bill_add(struct store *s, struct bill *in, struct slice subscription)
{
	sqlite3_stmt *statement;
	int64_t subscription_number;
	int code = meter__store_name_number(s, subscription, &subscription_number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_BILL_ADD, &statement);
	if (code != METER_OK)
		return code;
	const int64_t numbers[] = {subscription_number,       in->period.whole.from_us, in->period.whole.to_us,
	                           in->period.active.from_us, in->period.active.to_us,  in->catalog_version,
	                           in->ingest};
	for (int i = 0; i < 7; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	bind_text(statement, 8, in->plan_key);
	bind_text(statement, 9, in->plan_hash);
	bind_text(statement, 10, in->currency);
	sqlite3_bind_int64(statement, 11, in->exponent);
	code = bind_account(statement, 12, &in->before);
	if (code == METER_OK)
		code = bind_account(statement, 13, &in->after);
	bind_decimal(statement, 14, in->subtotal);
	bind_decimal(statement, 15, in->tax);
	bind_decimal(statement, 16, in->total);
	bind_decimal(statement, 17, in->due);
	if (code == METER_OK)
		code = step_integer(&s->write, statement, &in->number);
	for (size_t i = 0; i < in->line_count && code == METER_OK; i++)
		code = add_line(s, in->number, i, &in->lines[i]);
	return code;
}

struct line_reading {
	struct bill *out;
	size_t capacity;
};

static int read_line(sqlite3_stmt *row, void *user)
{
	struct line_reading *reading = user;
	struct bill *s = reading->out;
	if (s->line_count == reading->capacity) {
		const size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
		struct invoice_line *lines = meter__arena_array(&s->arena, capacity, sizeof(*lines));
		if (!lines)
			return meter__fail(METER_ENOMEM, "no memory for an invoice");
		if (s->line_count > 0)
			memcpy(lines, s->lines, s->line_count * sizeof(*lines));
		s->lines = lines;
		reading->capacity = capacity;
	}
	struct invoice_line *line = &s->lines[s->line_count];
	*line = (struct invoice_line){.has_amount = true};
	int64_t kind;
	int code = meter__store_int(row, 2, &kind);
	if (code == METER_OK && (kind < METER_LINE_USAGE || kind > METER_LINE_CARRIED))
		code = meter__fail(METER_ECORRUPT, "a line of bill %lld is of no kind", (long long)s->number);
	line->kind = (int32_t)kind;
	const struct {
		int column;
		const char **out;
	} texts[] = {{3, &line->charge}, {4, &line->account}, {5, &line->description}, {12, &line->exact}};
	const struct {
		int column;
		struct decimal *out;
	} decimals[] = {{8, &line->quantity}, {9, &line->price}, {10, &line->per}, {11, &line->amount}};
	for (size_t i = 0; i < 4 && code == METER_OK; i++)
		code = read_text(row, texts[i].column, &s->arena, texts[i].out);
	for (size_t i = 0; i < 4 && code == METER_OK; i++)
		code = read_decimal(row, decimals[i].column, decimals[i].out);
	if (code == METER_OK)
		code = meter__store_int(row, 6, &line->active.from_us);
	if (code == METER_OK)
		code = meter__store_int(row, 7, &line->active.to_us);
	s->line_count += code == METER_OK;
	return code;
}

static int read_bill(sqlite3_stmt *row, void *user)
{
	struct bill *s = user;
	int64_t exponent;
	const struct {
		int column;
		int64_t *out;
	} numbers[] = {{0, &s->number},
	               {2, &s->period.whole.from_us},
	               {3, &s->period.whole.to_us},
	               {4, &s->period.active.from_us},
	               {5, &s->period.active.to_us},
	               {6, &s->catalog_version},
	               {7, &s->ingest},
	               {11, &exponent}};
	const char **const texts[] = {&s->plan_key, &s->plan_hash, &s->currency};
	struct decimal *const decimals[] = {&s->subtotal, &s->tax, &s->total, &s->due};
	int code = METER_OK;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && code == METER_OK; i++)
		code = meter__store_int(row, numbers[i].column, numbers[i].out);
	for (int i = 0; i < 3 && code == METER_OK; i++)
		code = read_text(row, 8 + i, &s->arena, texts[i]);
	if (code == METER_OK)
		code = read_account(row, 12, &s->before);
	if (code == METER_OK)
		code = read_account(row, 13, &s->after);
	for (int i = 0; i < 4 && code == METER_OK; i++)
		code = read_decimal(row, 14 + i, decimals[i]);
	if (code == METER_OK && (exponent < 0 || exponent > DECIMAL_SCALE_MAX || s->period.active.from_us >= s->period.active.to_us))
		code = meter__fail(METER_ECORRUPT, "bill %lld has no such currency or period", (long long)s->number);
	if (code == METER_OK)
		s->exponent = (int32_t)exponent;
	return code;
}

int meter__store_bill_read(struct reader *r, int64_t number, struct bill *out)
{
	struct line_reading reading = {out, 0};
	*out = (struct bill){0};
	int code = visit_of(&r->connection, SQL_BILL_READ, number, read_bill, out);
	if (code == METER_OK && out->number == 0)
		code = meter__fail(METER_ECORRUPT, "bill %lld is missing", (long long)number);
	if (code == METER_OK)
		code = visit_of(&r->connection, SQL_LINES, number, read_line, &reading);
	if (code != METER_OK)
		meter__bill_free(out);
	return code;
}

/* ---- the links between documents ---- */

/* Every column of a row with its size, so that no two rows give the same bytes. */
static int digest_row(sqlite3_stmt *row, void *user)
{
	struct buffer *out = user;
	const int count = sqlite3_column_count(row);
	for (int i = 0; i < count; i++) {
		if (sqlite3_column_type(row, i) == SQLITE_NULL) {
			meter__buffer_text(out, "-,");
			continue;
		}
		struct slice text = {(const char *)sqlite3_column_text(row, i), 0};
		text.size = (size_t)sqlite3_column_bytes(row, i);
		meter__buffer_format(out, "%zu:", text.size);
		meter__buffer_append(out, text.data, text.size);
		meter__buffer_char(out, ',');
	}
	meter__buffer_char(out, '\n');
	return out->failed ? meter__fail(METER_ENOMEM, "no memory for a hash") : METER_OK;
}

static int note_bill(sqlite3_stmt *row, void *user)
{
	int64_t number;
	int code = meter__store_int(row, 2, &number);
	meter__buffer_append(user, &number, sizeof(number));
	return code;
}

/* All rows that belong to a document, but for its link. */
static int digest_document(struct connection *c, int64_t document, struct buffer *out)
{
	struct buffer bills = {0}; /* their numbers */
	int code = visit_of(c, SQL_DOCUMENT_READ, document, digest_row, out);
	if (code == METER_OK)
		code = visit_of(c, SQL_DOCUMENT_BILLS, document, digest_row, out);
	if (code == METER_OK)
		code = visit_of(c, SQL_DOCUMENT_BILLS, document, note_bill, &bills);
	for (size_t at = 0; code == METER_OK && at < bills.size; at += sizeof(int64_t)) {
		int64_t number;
		memcpy(&number, bills.data + at, sizeof(number));
		code = visit_of(c, SQL_BILL_READ, number, digest_row, out);
		if (code == METER_OK)
			code = visit_of(c, SQL_LINES, number, digest_row, out);
	}
	if (code == METER_OK)
		code = visit_of(c, SQL_ENTRIES, document, digest_row, out);
	meter__buffer_free(&bills);
	return code;
}

static int read_hash(struct connection *c, int64_t document, char out[HASH_TEXT_SIZE])
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_LINK_READ, &statement);
	out[0] = '\0';
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, document);
	int rc = sqlite3_step(statement);
	struct slice hash = rc == SQLITE_ROW ? meter__store_slice(statement, 0) : (struct slice){NULL, 0};
	if (hash.size == HASH_TEXT_SIZE - 1) {
		memcpy(out, hash.data, hash.size);
		out[hash.size] = '\0';
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading links");
	sqlite3_reset(statement);
	return code;
}

/* before: the hash of the document before. */
static int hash_after(struct connection *c, int64_t document, const char *before, char out[HASH_TEXT_SIZE])
{
	struct buffer bytes = {0};
	meter__buffer_text(&bytes, before);
	int code = digest_document(c, document, &bytes);
	if (code == METER_OK && bytes.failed)
		code = meter__fail(METER_ENOMEM, "no memory for a hash");
	if (code == METER_OK)
		meter__hash(out, (struct slice){bytes.data, bytes.size});
	meter__buffer_free(&bytes);
	return code;
}

static int link_hash(struct connection *c, int64_t document, char out[HASH_TEXT_SIZE])
{
	char before[HASH_TEXT_SIZE];
	int code = read_hash(c, document - 1, before);
	return code == METER_OK ? hash_after(c, document, before, out) : code;
}

int meter__store_link_after(struct reader *r, int64_t document, const char *before, char out[HASH_TEXT_SIZE])
{
	return hash_after(&r->connection, document, before, out);
}

int meter__store_link_check(struct reader *r, int64_t document, char computed_out[HASH_TEXT_SIZE],
                            char stored_out[HASH_TEXT_SIZE])
{
	int code = link_hash(&r->connection, document, computed_out);
	return code == METER_OK ? read_hash(&r->connection, document, stored_out) : code;
}

static int add_link(struct store *s, int64_t document)
{
	char hash[HASH_TEXT_SIZE];
	sqlite3_stmt *statement;
	int code = link_hash(&s->write, document, hash);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_LINK_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, document);
	bind_text(statement, 2, hash);
	return meter__store_run(&s->write, statement, "linking documents");
}

/* ---- documents ---- */

static int next_name(struct store *s, struct document *document, struct arena *arena, const char *prefix)
{
	sqlite3_stmt *statement;
	int64_t last;
	struct buffer name = {0};
	int code = meter__store_statement(&s->write, SQL_SERIES_NEXT, &statement);
	if (code != METER_OK)
		return code;
	bind_text(statement, 1, prefix);
	code = step_integer(&s->write, statement, &last);
	if (code != METER_OK)
		return code;
	meter__buffer_format(&name, "%s%06lld", prefix, (long long)last);
	document->name = name.failed ? NULL : meter__arena_copy(arena, (struct slice){name.data, name.size});
	meter__buffer_free(&name);
	return document->name ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a number");
}

static int add_document_row(struct store *s, struct document *document)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_DOCUMENT_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, document->kind);
	bind_text(statement, 2, document->name);
	bind_text(statement, 3, document->subscription);
	bind_text(statement, 4, document->customer);
	sqlite3_bind_int64(statement, 5, document->at_us);
	bind_text(statement, 6, document->reason);
	bind_number(statement, 7, document->refers);
	bind_text(statement, 8, document->currency);
	bind_decimal(statement, 9, document->total);
	bind_decimal(statement, 10, document->due);
	return step_integer(&s->write, statement, &document->number);
}

static int add_document_bill(struct store *s, int64_t document, size_t position, const struct document_bill *in)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_DOCUMENT_BILL_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, document);
	sqlite3_bind_int64(statement, 2, (int64_t)position);
	sqlite3_bind_int64(statement, 3, in->bill);
	bind_number(statement, 4, in->replaces);
	return meter__store_run(&s->write, statement, "storing a document");
}

static int add_entry(struct store *s, int64_t document, size_t index, const struct ledger_entry *entry)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_ENTRY_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, document);
	sqlite3_bind_int64(statement, 2, (int64_t)index);
	bind_text(statement, 3, entry->account);
	bind_text(statement, 4, entry->currency);
	bind_decimal(statement, 5, entry->amount);
	return meter__store_run(&s->write, statement, "storing entries");
}

int meter__store_document_add(struct store *s, struct document *document, struct arena *arena, const char *prefix,
                              const struct document_bill *bills, size_t count, const struct ledger_entry *entries,
                              size_t entry_count)
{
	int code = prefix ? next_name(s, document, arena, prefix) : METER_OK;
	if (code == METER_OK)
		code = add_document_row(s, document);
	for (size_t i = 0; i < count && code == METER_OK; i++)
		code = add_document_bill(s, document->number, i, &bills[i]);
	for (size_t i = 0; i < entry_count && code == METER_OK; i++)
		code = add_entry(s, document->number, i, &entries[i]);
	return code == METER_OK ? add_link(s, document->number) : code;
}

struct document_reading {
	struct arena *arena;
	struct document *out;
};

static int read_document(sqlite3_stmt *row, void *user)
{
	struct document_reading *reading = user;
	struct document *d = reading->out;
	int64_t kind;
	const char **const texts[] = {&d->name, &d->subscription, &d->customer, &d->reason, &d->currency};
	static const int text_columns[] = {2, 3, 4, 6, 8};
	int code = meter__store_int(row, 0, &d->number);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &kind);
	for (int i = 0; i < 5 && code == METER_OK; i++)
		code = read_text(row, text_columns[i], reading->arena, texts[i]);
	if (code == METER_OK)
		code = meter__store_int(row, 5, &d->at_us);
	if (code == METER_OK)
		code = read_number(row, 7, &d->refers);
	if (code == METER_OK)
		code = read_decimal(row, 9, &d->total);
	if (code == METER_OK)
		code = read_decimal(row, 10, &d->due);
	if (code == METER_OK && (kind < DOCUMENT_INVOICE || kind > DOCUMENT_VOID))
		code = meter__fail(METER_ECORRUPT, "document %lld is of no kind", (long long)d->number);
	if (code == METER_OK)
		d->kind = (enum document_kind)kind;
	return code;
}

/* The number that a statement gives for the parameter; 0 without one. */
static int optional_integer(struct connection *c, enum statement which, int64_t parameter, int64_t *out)
{
	*out = 0;
	int code = integer_of(c, which, parameter, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_document(struct reader *r, int64_t number, struct arena *arena, struct document *out)
{
	struct document_reading reading = {arena, out};
	char hash[HASH_TEXT_SIZE];
	*out = (struct document){0};
	int code = visit_of(&r->connection, SQL_DOCUMENT_READ, number, read_document, &reading);
	if (code == METER_OK && out->number == 0)
		return meter__fail(METER_ECORRUPT, "document %lld is missing", (long long)number);
	if (code == METER_OK)
		code = optional_integer(&r->connection, SQL_DOCUMENT_VOID, number, &out->voided_by);
	if (code == METER_OK)
		code = optional_integer(&r->connection, SQL_DOCUMENT_SUCCESSOR, number, &out->replaced_by);
	if (code == METER_OK)
		code = read_hash(&r->connection, number, hash);
	if (code != METER_OK)
		return code;
	out->hash = meter__arena_copy(arena, meter__slice_of(hash));
	return out->hash ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an invoice");
}

int meter__store_document_named(struct reader *r, struct slice name, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_DOCUMENT_NAMED, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(statement, 1, name.data, name.size, SQLITE_STATIC, SQLITE_UTF8);
	code = step_integer(&r->connection, statement, out);
	if (code == METER_EEND)
		return meter__fail_value(METER_ENOTFOUND, name.data, name.size, "there is no invoice with this number");
	return code;
}

int meter__store_document_next(struct reader *r, int64_t after, struct slice subscription, int64_t *out)
{
	sqlite3_stmt *statement;
	int code =
		meter__store_statement(&r->connection, subscription.data ? SQL_DOCUMENT_NEXT_OF : SQL_DOCUMENT_NEXT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, after);
	if (subscription.data)
		sqlite3_bind_text64(statement, 2, subscription.data, subscription.size, SQLITE_STATIC, SQLITE_UTF8);
	return step_integer(&r->connection, statement, out);
}

int meter__store_document_last(struct reader *r, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_LINK_LAST, &statement);
	*out = 0;
	if (code == METER_OK)
		code = step_integer(&r->connection, statement, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_bill_document(struct reader *r, int64_t bill, int64_t *out)
{
	int code = integer_of(&r->connection, SQL_BILL_DOCUMENT, bill, out);
	return code == METER_EEND ? meter__fail(METER_ECORRUPT, "bill %lld is on no document", (long long)bill) : code;
}

struct bill_visit {
	document_bill_visitor visit;
	void *user;
};

static int visit_document_bill(sqlite3_stmt *row, void *user)
{
	const struct bill_visit *v = user;
	struct document_bill bill;
	int code = meter__store_int(row, 2, &bill.bill);
	if (code == METER_OK)
		code = read_number(row, 3, &bill.replaces);
	return code == METER_OK ? v->visit(&bill, v->user) : code;
}

int meter__store_document_bills(struct reader *r, int64_t document, document_bill_visitor visit, void *user)
{
	struct bill_visit v = {visit, user};
	return visit_of(&r->connection, SQL_DOCUMENT_BILLS, document, visit_document_bill, &v);
}

struct entry_visit {
	entry_visitor visit;
	void *user;
};

static int visit_entry(sqlite3_stmt *row, void *user)
{
	const struct entry_visit *v = user;
	struct arena arena = {0};
	struct ledger_entry entry;
	int code = read_text(row, 2, &arena, &entry.account);
	if (code == METER_OK)
		code = read_text(row, 3, &arena, &entry.currency);
	if (code == METER_OK)
		code = read_decimal(row, 4, &entry.amount);
	if (code == METER_OK)
		code = v->visit(&entry, v->user);
	meter__arena_free(&arena);
	return code;
}

int meter__store_entries(struct reader *r, int64_t document, entry_visitor visit, void *user)
{
	struct entry_visit v = {visit, user};
	return visit_of(&r->connection, SQL_ENTRIES, document, visit_entry, &v);
}

struct ledger_visit {
	ledger_visitor visit;
	void *user;
};

static int visit_ledger(sqlite3_stmt *row, void *user)
{
	const struct ledger_visit *v = user;
	struct ledger_row out = {.name = meter__store_slice(row, 2),
	                         .subscription = meter__store_slice(row, 5),
	                         .account = meter__store_slice(row, 6),
	                         .currency = meter__store_slice(row, 7)};
	int64_t kind;
	int code = meter__store_int(row, 0, &out.document);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &out.entry);
	if (code == METER_OK)
		code = meter__store_int(row, 3, &kind);
	if (code == METER_OK)
		code = meter__store_int(row, 4, &out.at_us);
	if (code == METER_OK)
		code = read_decimal(row, 8, &out.amount);
	if (code == METER_OK && (kind < DOCUMENT_INVOICE || kind > DOCUMENT_VOID))
		code = meter__fail(METER_ECORRUPT, "document %lld is of no kind", (long long)out.document);
	if (code != METER_OK)
		return code;
	out.kind = (enum document_kind)kind;
	return v->visit(&out, v->user);
}

int meter__store_ledger(struct reader *r, const struct ledger_page *page, ledger_visitor visit, void *user)
{
	struct ledger_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, page->subscription.data ? SQL_LEDGER_OF : SQL_LEDGER, &statement);
	if (code != METER_OK)
		return code;
	const int64_t numbers[] = {page->after_document, page->after_document ? page->after_entry : -1, page->from_us, page->to_us,
	                           page->limit};
	for (int i = 0; i < 5; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	if (page->subscription.data)
		sqlite3_bind_text64(statement, 6, page->subscription.data, page->subscription.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	return visit_rows(&r->connection, statement, visit_ledger, &v);
}

/* ---- what is billed ---- */

int meter__store_billed_set(struct store *s, struct slice subscription, const struct billed *billed)
{
	sqlite3_stmt *statement;
	int64_t number;
	int code = meter__store_name_number(s, subscription, &number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_BILLED_SET, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, billed->active.from_us);
	sqlite3_bind_int64(statement, 3, billed->active.to_us);
	sqlite3_bind_int64(statement, 4, billed->bill);
	sqlite3_bind_int64(statement, 5, billed->document);
	if (s->totals.closed_before < billed->active.to_us)
		s->totals.closed_before = billed->active.to_us;
	return meter__store_run(&s->write, statement, "storing what is billed");
}

/* Run a statement for a subscription and another number. */
static int run_for(struct store *s, enum statement which, struct slice subscription, int64_t parameter)
{
	sqlite3_stmt *statement;
	int64_t number;
	int code = meter__store_name_number(s, subscription, &number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, parameter);
	return meter__store_run(&s->write, statement, "storing what is billed");
}

int meter__store_billed_delete(struct store *s, struct slice subscription, int64_t active_from_us)
{
	return run_for(s, SQL_BILLED_DELETE, subscription, active_from_us);
}

int meter__store_stale_settle(struct store *s, struct slice subscription, int64_t bill)
{
	return run_for(s, SQL_STALE_SETTLE, subscription, bill);
}

int meter__store_stale_delete(struct store *s, struct slice subscription, int64_t statement)
{
	return run_for(s, SQL_STALE_DELETE, subscription, statement);
}

int meter__store_stale_add(struct store *s, int64_t subscription, int64_t bill_number, int64_t events)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_STALE_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, bill_number);
	sqlite3_bind_int64(statement, 3, events);
	return meter__store_run(&s->write, statement, "noting late usage");
}

static int read_billed(sqlite3_stmt *row, struct billed *out)
{
	int code = meter__store_int(row, 0, &out->active.from_us);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &out->active.to_us);
	if (code == METER_OK)
		code = meter__store_int(row, 2, &out->bill);
	if (code == METER_OK)
		code = meter__store_int(row, 3, &out->document);
	return code == METER_OK ? meter__store_int(row, 4, &out->stale_events) : code;
}

struct billed_visit {
	billed_visitor visit;
	void *user;
};

static int visit_billed(sqlite3_stmt *row, void *user)
{
	const struct billed_visit *v = user;
	struct billed billed;
	int code = read_billed(row, &billed);
	return code == METER_OK ? v->visit(&billed, v->user) : code;
}

int meter__store_billed(struct reader *r, int64_t subscription, int64_t from_us, billed_visitor visit, void *user)
{
	struct billed_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_BILLED, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, from_us);
	return visit_rows(&r->connection, statement, visit_billed, &v);
}

static int find_billed(struct connection *c, int64_t subscription, int64_t us, struct billed *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_BILLED_AT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, us);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = read_billed(statement, out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(c->db, rc, "reading what is billed");
	sqlite3_reset(statement);
	return code == METER_OK && us >= out->active.to_us ? METER_EEND : code;
}

int meter__store_billed_at(struct reader *r, int64_t subscription, int64_t us, struct billed *out)
{
	return find_billed(&r->connection, subscription, us, out);
}

int meter__store_late(struct store *s, int64_t subscription, int64_t us, int64_t *bill_out)
{
	struct billed billed;
	int code = find_billed(&s->write, subscription, us, &billed);
	*bill_out = code == METER_OK ? billed.bill : 0;
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_period_document(struct reader *r, int64_t subscription, int64_t active_from_us, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_PERIOD_DOCUMENT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, active_from_us);
	return step_integer(&r->connection, statement, out);
}

struct period_visit {
	period_bill_visitor visit;
	void *user;
};

static int visit_period_bill(sqlite3_stmt *row, void *user)
{
	const struct period_visit *v = user;
	struct period_bill bill = {.document = meter__store_slice(row, 3)};
	int code = meter__store_int(row, 0, &bill.ingest);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &bill.catalog);
	if (code == METER_OK)
		code = read_number(row, 2, &bill.replaces);
	if (code == METER_OK && !bill.document.data)
		code = meter__fail(METER_ECORRUPT, "a document with bills has no number");
	return code == METER_OK ? v->visit(&bill, v->user) : code;
}

int meter__store_period_bills(struct reader *r, int64_t subscription, int64_t active_from_us, period_bill_visitor visit, void *user)
{
	struct period_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_PERIOD_BILLS, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, active_from_us);
	return visit_rows(&r->connection, statement, visit_period_bill, &v);
}

int meter__store_is_stale(struct reader *r, struct slice subscription, bool *out)
{
	int64_t number, count = 0;
	int code = meter__store_name(r, &number, subscription);
	if (code == METER_OK && number)
		code = integer_of(&r->connection, SQL_STALE_ANY, number, &count);
	*out = count > 0;
	return code;
}
