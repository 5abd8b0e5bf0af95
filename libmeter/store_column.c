/* store_column.c - values in and out of the columns of invoices; statements that give one number, or many rows. */
#include "error.h"
#include "store_internal.h"

/* Decimals are kept as text: SQL would make binary floats of them. Where the copy cannot be made, a NULL is refused by the table.
 */
void meter__store_bind_decimal(sqlite3_stmt *statement, int column, struct decimal d)
{
	char text[DECIMAL_TEXT_SIZE];
	size_t size = meter__decimal_format(text, d);
	sqlite3_bind_text(statement, column, text, (int)size, SQLITE_TRANSIENT);
}

/* The text must live until the statement has run: a copy could fail, and leave a NULL that says something else. */
void meter__store_bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	if (text)
		sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, column);
}

void meter__store_bind_number(sqlite3_stmt *statement, int column, int64_t number)
{
	if (number)
		sqlite3_bind_int64(statement, column, number);
	else
		sqlite3_bind_null(statement, column);
}

int meter__store_column_amount(sqlite3_stmt *row, int column, struct decimal *out)
{
	struct slice text = meter__store_slice(row, column);
	if (sqlite3_column_type(row, column) != SQLITE_TEXT || meter__decimal_parse(out, text.data, text.size) != METER_OK)
		return meter__fail(METER_ECORRUPT, "the file holds something else where an amount was expected");
	return METER_OK;
}

int meter__store_column_text(sqlite3_stmt *row, int column, struct arena *arena, const char **out)
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

int meter__store_column_name(sqlite3_stmt *row, int column, struct arena *arena, const char **out)
{
	if (sqlite3_column_type(row, column) != SQLITE_TEXT)
		return meter__fail(METER_ECORRUPT, "the file holds something else where a text was expected");
	return meter__store_column_text(row, column, arena, out);
}

/* NULL is 0. */
int meter__store_column_number(sqlite3_stmt *row, int column, int64_t *out)
{
	*out = 0;
	return sqlite3_column_type(row, column) == SQLITE_NULL ? METER_OK : meter__store_int(row, column, out);
}

/* A statement that gives one row with one integer. METER_EEND without a row, or when it is NULL. */
int meter__store_step_integer(struct connection *c, sqlite3_stmt *statement, int64_t *out)
{
	int rc = sqlite3_step(statement);
	int code = METER_EEND;
	if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		code = meter__store_int(statement, 0, out);
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = meter__store_fail(c->db, rc, "reading");
	sqlite3_reset(statement);
	return code;
}

/* Visit the rows of a statement, which is reset. */
int meter__store_visit_rows(struct connection *c, sqlite3_stmt *statement, int (*visit)(sqlite3_stmt *row, void *user),
                            void *user)
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
int meter__store_visit_of(struct connection *c, enum statement which, int64_t parameter,
                          int (*visit)(sqlite3_stmt *row, void *user), void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, parameter);
	return meter__store_visit_rows(c, statement, visit, user);
}

int meter__store_integer_of(struct connection *c, enum statement which, int64_t parameter, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, parameter);
	return meter__store_step_integer(c, statement, out);
}
