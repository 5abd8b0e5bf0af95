/*
 * store_spool.c - how far each spool is consumed. A row is made before the first record is accepted, moves on in the transaction
 * that stores the records, and is retired by the last one: the file of a retired spool can be deleted, whatever is in it.
 */
#include "error.h"
#include "store_internal.h"

static int run_with(struct store *s, enum statement which, int64_t id, int64_t value)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, id);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, value);
	return meter__store_run(&s->write, statement, "writing the position of a spool");
}

int meter__store_spool_add(struct store *s, int64_t id)
{
	return run_with(s, SQL_SPOOL_ADD, id, 0);
}

int meter__store_spool_retire(struct store *s, int64_t id)
{
	return run_with(s, SQL_SPOOL_RETIRE, id, 0);
}

int meter__store_spool_forget(struct store *s, int64_t id)
{
	return run_with(s, SQL_SPOOL_DELETE, id, 0);
}

int meter__store_spool_find(struct store *s, int64_t id, uint64_t *consumed_out, enum spool_state *state_out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_SPOOL_FIND, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, id);
	int64_t consumed = 0, state = 0;
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		code = meter__store_int(statement, 0, &consumed);
		if (code == METER_OK)
			code = meter__store_int(statement, 1, &state);
	} else {
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "reading the position of a spool");
	}
	sqlite3_reset(statement);
	*consumed_out = (uint64_t)consumed;
	*state_out = state == SPOOL_RETIRED || state == SPOOL_COPIED ? (enum spool_state)state : SPOOL_IN_USE;
	return code;
}

int meter__store_spool_consume(struct store *s, int64_t id, uint64_t from, uint64_t to, uint64_t damaged)
{
	uint64_t consumed;
	enum spool_state state;
	int code = meter__store_spool_find(s, id, &consumed, &state);
	if (code != METER_OK && code != METER_EEND)
		return code;
	/* Nobody else moves it on. After a commit in doubt it may be anywhere up to to; elsewhere this is another database. */
	if (code == METER_EEND || state == SPOOL_RETIRED || consumed < from || consumed > to)
		return meter__fail(METER_ECORRUPT, "the database went back to an earlier state while events were recorded");
	s->totals.damaged += (int64_t)damaged;
	return run_with(s, SQL_SPOOL_CONSUME, id, (int64_t)to);
}

int meter__store_spool_list(struct store *s, int (*visit)(int64_t id, void *user), void *user)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_SPOOL_LIST, &statement);
	if (code != METER_OK)
		return code;
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = visit(sqlite3_column_int64(statement, 0), user);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "reading the positions of spools");
	sqlite3_reset(statement);
	return code;
}
