/*
 * store_document.c - documents, their entries in the ledger, and the links between them as rows.
 *
 * A document is written whole in one transaction, and linked to the one before it by a hash over all of its rows as they stand in
 * the file. Nothing of it changes afterwards: triggers refuse that, and the links tell it if someone went around them.
 */
#include <string.h>

#include "error.h"
#include "store_internal.h"

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
	int code = meter__store_visit_of(c, SQL_DOCUMENT_READ, document, digest_row, out);
	if (code == METER_OK)
		code = meter__store_visit_of(c, SQL_DOCUMENT_BILLS, document, digest_row, out);
	if (code == METER_OK)
		code = meter__store_visit_of(c, SQL_DOCUMENT_BILLS, document, note_bill, &bills);
	for (size_t at = 0; code == METER_OK && at < bills.size; at += sizeof(int64_t)) {
		int64_t number;
		memcpy(&number, bills.data + at, sizeof(number));
		code = meter__store_visit_of(c, SQL_BILL_READ, number, digest_row, out);
		if (code == METER_OK)
			code = meter__store_visit_of(c, SQL_LINES, number, digest_row, out);
	}
	if (code == METER_OK)
		code = meter__store_visit_of(c, SQL_ENTRIES, document, digest_row, out);
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
	meter__store_bind_text(statement, 2, hash);
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
	meter__store_bind_text(statement, 1, prefix);
	code = meter__store_step_integer(&s->write, statement, &last);
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
	meter__store_bind_text(statement, 2, document->name);
	meter__store_bind_text(statement, 3, document->subscription);
	meter__store_bind_text(statement, 4, document->customer);
	sqlite3_bind_int64(statement, 5, document->at_us);
	meter__store_bind_text(statement, 6, document->reason);
	meter__store_bind_number(statement, 7, document->refers);
	meter__store_bind_text(statement, 8, document->currency);
	meter__store_bind_decimal(statement, 9, document->total);
	meter__store_bind_decimal(statement, 10, document->due);
	return meter__store_step_integer(&s->write, statement, &document->number);
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
	meter__store_bind_number(statement, 4, in->replaces);
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
	meter__store_bind_text(statement, 3, entry->account);
	meter__store_bind_text(statement, 4, entry->currency);
	meter__store_bind_decimal(statement, 5, entry->amount);
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
	const char **const names[] = {&d->subscription, &d->customer, &d->currency};
	static const int name_columns[] = {3, 4, 8};
	int code = meter__store_int(row, 0, &d->number);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &kind);
	for (int i = 0; i < 3 && code == METER_OK; i++)
		code = meter__store_column_name(row, name_columns[i], reading->arena, names[i]);
	if (code == METER_OK)
		code = meter__store_column_text(row, 2, reading->arena, &d->name);
	if (code == METER_OK)
		code = meter__store_column_text(row, 6, reading->arena, &d->reason);
	if (code == METER_OK)
		code = meter__store_int(row, 5, &d->at_us);
	if (code == METER_OK)
		code = meter__store_column_number(row, 7, &d->refers);
	if (code == METER_OK)
		code = meter__store_column_amount(row, 9, &d->total);
	if (code == METER_OK)
		code = meter__store_column_amount(row, 10, &d->due);
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
	int code = meter__store_integer_of(c, which, parameter, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_document(struct reader *r, int64_t number, struct arena *arena, struct document *out)
{
	struct document_reading reading = {arena, out};
	char hash[HASH_TEXT_SIZE];
	*out = (struct document){0};
	int code = meter__store_visit_of(&r->connection, SQL_DOCUMENT_READ, number, read_document, &reading);
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
	code = meter__store_step_integer(&r->connection, statement, out);
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
	return meter__store_step_integer(&r->connection, statement, out);
}

int meter__store_document_last_us(struct reader *r, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_DOCUMENT_LAST_US, &statement);
	*out = INT64_MIN;
	if (code == METER_OK)
		code = meter__store_step_integer(&r->connection, statement, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_document_last(struct reader *r, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_LINK_LAST, &statement);
	*out = 0;
	if (code == METER_OK)
		code = meter__store_step_integer(&r->connection, statement, out);
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_bill_document(struct reader *r, int64_t bill, int64_t *out)
{
	int code = meter__store_integer_of(&r->connection, SQL_BILL_DOCUMENT, bill, out);
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
		code = meter__store_column_number(row, 3, &bill.replaces);
	return code == METER_OK ? v->visit(&bill, v->user) : code;
}

int meter__store_document_bills(struct reader *r, int64_t document, document_bill_visitor visit, void *user)
{
	struct bill_visit v = {visit, user};
	return meter__store_visit_of(&r->connection, SQL_DOCUMENT_BILLS, document, visit_document_bill, &v);
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
	int code = meter__store_column_name(row, 2, &arena, &entry.account);
	if (code == METER_OK)
		code = meter__store_column_name(row, 3, &arena, &entry.currency);
	if (code == METER_OK)
		code = meter__store_column_amount(row, 4, &entry.amount);
	if (code == METER_OK)
		code = v->visit(&entry, v->user);
	meter__arena_free(&arena);
	return code;
}

int meter__store_entries(struct reader *r, int64_t document, entry_visitor visit, void *user)
{
	struct entry_visit v = {visit, user};
	return meter__store_visit_of(&r->connection, SQL_ENTRIES, document, visit_entry, &v);
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
		code = meter__store_column_amount(row, 8, &out.amount);
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
	const int64_t numbers[] = {page->after_document, page->after_document ? page->after_entry : -1, page->from_us,
	                           page->to_us, page->limit};
	for (int i = 0; i < 5; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	if (page->subscription.data)
		sqlite3_bind_text64(statement, 6, page->subscription.data, page->subscription.size, SQLITE_TRANSIENT,
		                    SQLITE_UTF8);
	return meter__store_visit_rows(&r->connection, statement, visit_ledger, &v);
}
