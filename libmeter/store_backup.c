/*
 * store_backup.c - copies the snapshot of a reader, page by page, into a file that nobody else knows yet.
 *
 * The reader's transaction is held from the first page to the last, so writers go on and the copy is of one moment. The copy is
 * made without journal and without syncing: it is thrown away unless all of it succeeds, and the caller syncs it then. Its
 * connection has locking_mode EXCLUSIVE, so that its WAL needs no -shm, and closing it leaves the one file.
 */
#include "error.h"
#include "store_internal.h"

#define STEP_PAGES 1024 /* between two calls of progress: 8 MiB */

/* In a copy the rings of the original are SPOOL_COPIED: those beside the copy, if any, are others. */
static const char prepare_sql[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
				  "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON";
static const char finish_sql[] = "UPDATE spool SET retired = 2 WHERE retired = 0; PRAGMA wal_checkpoint = TRUNCATE";

static int fail(sqlite3 *db, int rc)
{
	return meter__store_fail(db, rc, "writing the copy");
}

static int copy_pages(sqlite3 *to, sqlite3 *from, meter_progress progress, void *user)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (!backup)
		return fail(to, sqlite3_errcode(to));
	int code = METER_OK;
	int rc = SQLITE_OK;
	while (code == METER_OK && rc == SQLITE_OK) {
		rc = sqlite3_backup_step(backup, STEP_PAGES);
		int64_t total = sqlite3_backup_pagecount(backup);
		int64_t done = total - sqlite3_backup_remaining(backup);
		if ((rc == SQLITE_OK || rc == SQLITE_DONE) && progress && progress(done, total, user) != 0)
			code = meter__fail(METER_ETIMEDOUT, "stopped after %lld of %lld pages", (long long)done,
			                   (long long)total);
	}
	int finished = sqlite3_backup_finish(backup);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(NULL, finished != SQLITE_OK ? finished : rc, "copying the database");
	return code;
}

static int check_copy(sqlite3 *db)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	int code = METER_OK;
	if (rc != SQLITE_ROW)
		code = meter__store_fail(db, rc, "checking the copy");
	else if (!meter__slice_equal(meter__store_slice(statement, 0), meter__slice_of("ok")))
		code = meter__fail(METER_ECORRUPT, "the database is damaged: %s",
		                   (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return code;
}

static int run_sql(sqlite3 *db, const char *sql)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? METER_OK : fail(db, rc);
}

int meter__store_backup(struct reader *r, const char *path, meter_progress progress, void *user)
{
	/* The transaction began with nothing read: from here on it has its snapshot. */
	struct totals totals;
	int code = meter__store_totals(r, &totals);
	if (code != METER_OK)
		return code;
	sqlite3 *db = NULL;
	char *name = sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
	int rc = name ? sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) : SQLITE_NOMEM;
	sqlite3_free(name);
	if (rc == SQLITE_OK)
		sqlite3_extended_result_codes(db, 1);
	code = rc == SQLITE_OK ? run_sql(db, prepare_sql) : fail(db, rc);
	if (code == METER_OK)
		code = copy_pages(db, r->connection.db, progress, user);
	if (code == METER_OK)
		code = run_sql(db, finish_sql);
	if (code == METER_OK)
		code = check_copy(db);
	rc = sqlite3_close(db); /* fails only with open statements, and there are none */
	return code == METER_OK && rc != SQLITE_OK ? fail(NULL, rc) : code;
}
