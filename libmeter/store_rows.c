/*
 * store_rows.c - rows in memory as a table that SQL can read.
 *
 * "INSERT ... SELECT * FROM rows" over such a table is the fastest way into SQLite that was found: one statement runs the whole
 * batch inside the virtual machine, without a bind and a step per row (README.md has the measurements). SQL functions of the
 * statement see the row being read in source->at.
 */
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

struct rows_table {
	sqlite3_vtab base; /* first, as SQLite wants it */
	struct row_source *source;
};

struct rows_module {
	struct row_source *source;
	char declaration[512];
};

static int rows_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	(void)argc;
	(void)argv;
	(void)message;
	struct rows_module *module = aux;
	int rc = sqlite3_declare_vtab(db, module->declaration);
	if (rc != SQLITE_OK)
		return rc;
	struct rows_table *table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	memset(table, 0, sizeof(*table));
	table->source = module->source;
	*out = &table->base;
	return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* There is one way to read: from the first row to the last. */
static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = 1;
	return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	(void)table;
	sqlite3_vtab_cursor *cursor = sqlite3_malloc(sizeof(*cursor));
	if (!cursor)
		return SQLITE_NOMEM;
	memset(cursor, 0, sizeof(*cursor));
	*out = cursor;
	return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static struct row_source *source_of(sqlite3_vtab_cursor *cursor)
{
	return ((struct rows_table *)(void *)cursor->pVtab)->source;
}

static int rows_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc, sqlite3_value **argv)
{
	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	source_of(cursor)->at = 0;
	return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *cursor)
{
	source_of(cursor)->at++;
	return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *cursor)
{
	struct row_source *source = source_of(cursor);
	return source->at >= source->count;
}

static int rows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
	struct row_source *source = source_of(cursor);
	source->column(context, source->self, source->at, column);
	return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *out)
{
	*out = (sqlite3_int64)source_of(cursor)->at;
	return SQLITE_OK;
}

/* Without xCreate the module is its own table: it needs no CREATE VIRTUAL TABLE and leaves nothing in the file. */
static const sqlite3_module rows_methods = {
	.xConnect = rows_connect,
	.xBestIndex = rows_best_index,
	.xDisconnect = rows_disconnect,
	.xOpen = rows_open,
	.xClose = rows_close,
	.xFilter = rows_filter,
	.xNext = rows_next,
	.xEof = rows_eof,
	.xColumn = rows_column,
	.xRowid = rows_rowid,
};

int meter__store_rows_register(sqlite3 *db, const char *name, const char *columns, struct row_source *source)
{
	struct rows_module *module = malloc(sizeof(*module));
	if (!module)
		return meter__store_fail(db, SQLITE_NOMEM, "registering row sources");
	module->source = source;
	sqlite3_snprintf((int)sizeof(module->declaration), module->declaration, "CREATE TABLE %s (%s)", name, columns);
	int rc = sqlite3_create_module_v2(db, name, &rows_methods, module, free); /* frees module when it fails, too */
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(db, rc, "registering row sources");
}

void meter__store_fail_function(sqlite3_context *context, struct row_source *source, int code)
{
	source->failure = code;
	sqlite3_result_error(context, meter_errmsg(), -1);
}

int meter__store_insert_rows(struct connection *c, enum statement which, struct row_source *source, const char *doing)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	if (code != METER_OK)
		return code;
	source->failure = METER_OK;
	int rc = sqlite3_step(statement);
	if (rc != SQLITE_DONE)
		code = source->failure != METER_OK ? source->failure : meter__store_fail(c->db, rc, doing);
	sqlite3_reset(statement);
	return code;
}
