/*
 * store_quarantine.c - rows of what was refused: added once however often it comes, retried, discarded, listed.
 *
 * Invariants: a text refused for one reason is one entry; its text never changes, and its number is never given to another one.
 * An entry is removed only in the transaction that stores its event.
 */
#include "error.h"
#include "os.h"
#include "store_internal.h"

static void bind_text(sqlite3_stmt *statement, int at, struct slice text)
{
	if (meter__utf8_valid(text.data, text.size))
		sqlite3_bind_text64(statement, at, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(statement, at, text.data, text.size, SQLITE_STATIC);
}

/* ---- writing ---- */

/* Bound: outcome, reason, text. */
static int bind_refused(struct connection *c, enum statement which, sqlite3_stmt **out, int32_t outcome, const char *reason,
                        struct slice text)
{
	int code = meter__store_statement(c, which, out);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int(*out, 1, outcome);
	sqlite3_bind_text(*out, 2, reason, -1, SQLITE_STATIC);
	bind_text(*out, 3, text);
	return METER_OK;
}

int meter__store_quarantine_add(struct store *s, int32_t outcome, const char *code_word, const char *reason, struct slice text)
{
	struct connection *c = &s->write;
	sqlite3_stmt *statement;
	int code = bind_refused(c, SQL_QUARANTINE_AGAIN, &statement, outcome, reason, text);
	if (code != METER_OK)
		return code;
	code = meter__store_run(c, statement, "writing quarantine");
	sqlite3_clear_bindings(statement);
	if (code != METER_OK || sqlite3_changes(c->db) > 0)
		return code;
	code = bind_refused(c, SQL_QUARANTINE_ADD, &statement, outcome, reason, text);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text(statement, 4, code_word, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 5, meter__os.now_us());
	code = meter__store_run(c, statement, "writing quarantine");
	sqlite3_clear_bindings(statement);
	return code;
}

static int remove_entry(struct connection *c, int64_t number)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_QUARANTINE_REMOVE, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	return meter__store_run(c, statement, "writing quarantine");
}

/* The other entry with the text of this one that waits for the same reason; 0: none. */
static int find_twin(struct connection *c, int64_t number, int32_t outcome, const char *reason, int64_t *out)
{
	sqlite3_stmt *statement;
	*out = 0;
	int code = meter__store_statement(c, SQL_QUARANTINE_TWIN, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int(statement, 2, outcome);
	sqlite3_bind_text(statement, 3, reason, -1, SQLITE_STATIC);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	else if (rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading quarantine");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code;
}

/* The older of two entries becomes both. */
static int merge(struct connection *c, int64_t kept, int64_t merged)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_QUARANTINE_MERGE, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, kept);
	sqlite3_bind_int64(statement, 2, merged);
	code = meter__store_run(c, statement, "writing quarantine");
	return code == METER_OK ? remove_entry(c, merged) : code;
}

static int set_reason(struct connection *c, int64_t number, int32_t outcome, const char *reason, const char *code_word)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_QUARANTINE_REASON, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int(statement, 2, outcome);
	sqlite3_bind_text(statement, 3, reason, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, code_word, -1, SQLITE_STATIC);
	code = meter__store_run(c, statement, "writing quarantine");
	sqlite3_clear_bindings(statement);
	return code;
}

int meter__store_quarantine_settle(struct store *s, const struct arrival *arrival, const char *code_word)
{
	struct connection *c = &s->write;
	int64_t number = arrival->quarantined, twin = 0;
	if (arrival->outcome != METER_CONFLICT && arrival->outcome != METER_REJECTED)
		return remove_entry(c, number);
	if (arrival->keeps_reason)
		return METER_OK;
	const char *reason = arrival->record ? arrival->reason : arrival->refused_reason;
	int code = find_twin(c, number, arrival->outcome, reason, &twin);
	if (code == METER_OK && twin != 0) {
		code = merge(c, number < twin ? number : twin, number < twin ? twin : number);
		number = number < twin ? number : twin;
	}
	return code == METER_OK ? set_reason(c, number, arrival->outcome, reason, code_word) : code;
}

int meter__store_quarantine_waits(struct store *s, int64_t number, bool *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_QUARANTINE_WAITS, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	int rc = sqlite3_step(statement);
	*out = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "reading quarantine");
	sqlite3_reset(statement);
	return code;
}

int meter__store_quarantine_discard(struct store *s, int64_t number, struct slice reason, int64_t now_us)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_QUARANTINE_DISCARD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, now_us);
	sqlite3_bind_text64(statement, 3, reason.data, reason.size, SQLITE_STATIC, SQLITE_UTF8);
	code = meter__store_run(&s->write, statement, "writing quarantine");
	sqlite3_clear_bindings(statement);
	if (code == METER_OK && sqlite3_changes(s->write.db) == 0)
		code = meter__fail(METER_ENOTFOUND, "quarantine has no entry %lld that waits", (long long)number);
	return code;
}

/* ---- reading ---- */

static int read_row(sqlite3_stmt *statement, struct quarantine_row *row)
{
	*row = (struct quarantine_row){.outcome = sqlite3_column_int(statement, 1),
	                               .reason = meter__store_slice(statement, 2),
	                               .text = meter__store_slice(statement, 3),
	                               .code = meter__store_slice(statement, 6),
	                               .discarded_us = INT64_MIN};
	int code = meter__store_int(statement, 0, &row->number);
	if (code == METER_OK)
		code = meter__store_int(statement, 4, &row->first_us);
	if (code == METER_OK)
		code = meter__store_int(statement, 5, &row->times);
	if (code != METER_OK || sqlite3_column_type(statement, 7) == SQLITE_NULL)
		return code;
	row->discard_reason = meter__store_slice(statement, 8);
	return meter__store_int(statement, 7, &row->discarded_us);
}

int meter__store_page_quarantine(struct reader *r, const struct quarantine_filter *filter, int64_t from, size_t limit,
                                 quarantine_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_PAGE_QUARANTINE, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, from);
	sqlite3_bind_int(statement, 2, filter->outcome);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)limit);
	sqlite3_bind_text64(statement, 4, filter->code.data, filter->code.size, SQLITE_STATIC, SQLITE_UTF8);
	sqlite3_bind_int(statement, 5, (int)filter->state);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct quarantine_row row;
		code = read_row(statement, &row);
		if (code == METER_OK)
			code = visit(&row, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(r->connection.db, rc, "reading quarantine");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code;
}

static int read_number(struct reader *r, enum statement which, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, which, &statement);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_step(statement);
	code = rc == SQLITE_ROW ? meter__store_int(statement, 0, out)
	                        : meter__store_fail(r->connection.db, rc, "reading quarantine");
	sqlite3_reset(statement);
	return code;
}

int meter__store_quarantine_count(struct reader *r, int64_t *out)
{
	return read_number(r, SQL_QUARANTINE_COUNT, out);
}

int meter__store_quarantine_last(struct reader *r, int64_t *out)
{
	return read_number(r, SQL_QUARANTINE_LAST, out);
}

int meter__store_quarantine_reasons(struct reader *r, quarantine_sum_visitor visit, void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_QUARANTINE_REASONS, &statement);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		struct quarantine_sum sum = {.outcome = sqlite3_column_int(statement, 0),
		                             .code = meter__store_slice(statement, 1)};
		code = meter__store_int(statement, 2, &sum.entries);
		if (code == METER_OK)
			code = meter__store_int(statement, 3, &sum.times);
		if (code == METER_OK)
			code = visit(&sum, user);
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(r->connection.db, rc, "reading quarantine");
	if (statement)
		sqlite3_reset(statement);
	return code;
}
