/*
 * store.c - connections, transactions and checkpoints: opening a file safely, and the one lock under which everything is written.
 *
 * Invariants:
 * - Nobody writes or checkpoints without the lock file (see store.h). wal_autocheckpoint is 0 and no connection checkpoints when
 * it closes; meter__store_commit() does it when the WAL has grown, still under the lock.
 * - The database file is never opened by this process except through SQLite: a close() would drop SQLite's locks.
 * - After a failed commit nothing the write connection cached is believed any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "os.h"
#include "store_internal.h"

#define FREE_BYTES_MIN (INT64_C(4) << 20)
#define PAGE_SIZE 8192
#define WRITE_CACHE_KIB (16 * 1024)
#define READ_CACHE_KIB (8 * 1024)
/* The WAL is written back when it is this long (64 MiB), and tried harder when readers let it grow to that alarming size. */
#define WAL_PAGES_MAX 8192
#define WAL_PAGES_ALARM (STORE_WAL_ALARM_BYTES / PAGE_SIZE)
/* What the file of the WAL keeps when it starts from its beginning again. */
#define WAL_FILE_BYTES (INT64_C(96) << 20)
#define IDLE_READERS_MAX 8

int meter__store_fail(sqlite3 *db, int rc, const char *doing)
{
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return meter__fail(METER_ENOMEM, "%s: out of memory", doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return meter__fail(METER_EBUSY, "%s: another program holds the database locked", doing);
	case SQLITE_FULL:
		return meter__fail(METER_EFULL, "%s: the disk is full", doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return meter__fail(METER_EREADONLY, "%s: the database cannot be written: %s", doing, text);
	case SQLITE_CORRUPT:
		return meter__fail(METER_ECORRUPT, "%s: the database is damaged: %s", doing, text);
	case SQLITE_NOTADB:
		return meter__fail(METER_EFOREIGN, "%s: the file is not a database", doing);
	default:
		if (db && sqlite3_system_errno(db) == ENOSPC)
			return meter__fail(METER_EFULL, "%s: the disk is full", doing);
		return meter__fail(METER_EIO, "%s: %s", doing, text);
	}
}

int meter__store_statement(struct connection *c, enum statement which, sqlite3_stmt **out)
{
	*out = NULL;
	sqlite3_stmt **statement = &c->statements[which];
	if (!*statement) {
		int rc = sqlite3_prepare_v3(c->db, meter__statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
		if (rc != SQLITE_OK)
			return meter__store_fail(c->db, rc, "preparing a statement");
	}
	*out = *statement;
	return METER_OK;
}

int meter__store_run(struct connection *c, sqlite3_stmt *statement, const char *doing)
{
	int rc = sqlite3_step(statement);
	int code = rc == SQLITE_DONE ? METER_OK : meter__store_fail(c->db, rc == SQLITE_ROW ? SQLITE_MISUSE : rc, doing);
	sqlite3_reset(statement);
	return code;
}

static int run(struct connection *c, enum statement which, const char *doing)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, which, &statement);
	return code == METER_OK ? meter__store_run(c, statement, doing) : code;
}

int meter__store_int(sqlite3_stmt *statement, int column, int64_t *out)
{
	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER)
		return meter__fail(METER_ECORRUPT, "the file holds something else where a number was expected");
	*out = sqlite3_column_int64(statement, column);
	return METER_OK;
}

struct slice meter__store_slice(sqlite3_stmt *statement, int column)
{
	const char *data = sqlite3_column_blob(statement, column);
	size_t size = (size_t)sqlite3_column_bytes(statement, column);
	if (!data && sqlite3_column_type(statement, column) != SQLITE_NULL)
		data = ""; /* SQLite gives NULL for an empty text */
	return (struct slice){data, size};
}

/* ---- connections ---- */

static int set_pragma(sqlite3 *db, const char *sql)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(db, rc, "configuring the database");
}

static int configure(sqlite3 *db, int64_t wait_ms, int cache_kib, bool reads_only)
{
	static const struct {
		int option;
		int value;
	} settings[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
	};
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int rc = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
		if (rc != SQLITE_OK)
			return meter__store_fail(db, rc, "configuring the database");
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, (int)wait_ms);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	char sql[240];
	sqlite3_snprintf(
		(int)sizeof(sql), sql,
		"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON; PRAGMA cache_size = -%d;"
		"PRAGMA journal_size_limit = %lld; PRAGMA temp_store = MEMORY; PRAGMA query_only = %d",
		cache_kib, (long long)WAL_FILE_BYTES, reads_only);
	return set_pragma(db, sql);
}

static int pragma_int(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		*out = sqlite3_column_int64(statement, 0);
	int code = rc == SQLITE_ROW    ? METER_OK
	           : rc == SQLITE_DONE ? meter__fail(METER_ECORRUPT, "reading the database: a row that it always has is missing")
	                               : meter__store_fail(db, rc, "reading the database");
	sqlite3_finalize(statement);
	return code;
}

static void finalize_statements(struct connection *c)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(c->statements[i]);
		c->statements[i] = NULL;
	}
}

static void connection_close(struct connection *c)
{
	finalize_statements(c);
	sqlite3_close(c->db); /* fails only with open statements, and there are none */
	*c = (struct connection){0};
}

static int connection_open(struct connection *c, const char *path, int64_t wait_ms)
{
	/* "./" keeps SQLite from reading "file:..." as a URI. No mutex: each connection is used by one thread at a time. */
	char *name = sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
	if (!name)
		return meter__store_fail(NULL, SQLITE_NOMEM, "opening the database");
	int rc = sqlite3_open_v2(name, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_free(name);
	/* Before anything is read: a file that turns out not to be ours keeps its WAL as it is. */
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	int code = METER_OK;
	if (rc == SQLITE_CANTOPEN && access(path, R_OK) != 0)
		code = meter__fail(METER_EREADONLY, "%s: %s", path, strerror(errno));
	else if (rc != SQLITE_OK)
		code = meter__store_fail(c->db, rc, "opening the database");
	else
		sqlite3_busy_timeout(c->db, (int)wait_ms);
	return code;
}

/* ---- totals ---- */

#define TOTAL_FIELDS 16

static int read_totals(struct connection *c, struct totals *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_TOTALS, &statement);
	if (code != METER_OK)
		return code;
	int64_t *fields[] = {&out->accepted,      &out->duplicate,     &out->conflict,  &out->rejected,
	                     &out->late,          &out->ingest,        &out->catalog,   &out->generation,
	                     &out->rolled_before, &out->recovered,     &out->damaged,   &out->late_rows,
	                     &out->negative,      &out->closed_before, &out->retracted, &out->retractions_waiting};
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_DONE)
		code = meter__fail(METER_ECORRUPT, "the row of totals is missing");
	else if (rc != SQLITE_ROW)
		code = meter__store_fail(c->db, rc, "reading totals");
	for (int i = 0; code == METER_OK && i < TOTAL_FIELDS; i++)
		code = meter__store_int(statement, i, fields[i]);
	sqlite3_reset(statement);
	return code;
}

/* ---- opening a file ---- */

/* Triggers run whenever something is written: there must be none but ours. */
static int check_triggers(sqlite3 *db, const char *path)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE type = 'trigger'", -1, &statement, NULL);
	bool are_ours = true;
	size_t size = 0;
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(statement);
		const char *sql = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
		are_ours = are_ours && (rc != SQLITE_ROW || (sql && strstr(meter__trigger_sql, sql)));
		size += sql ? strlen(sql) + 1 : 0; /* and the semicolon */
	}
	int code = rc == SQLITE_DONE ? METER_OK : meter__store_fail(db, rc, "reading the database");
	sqlite3_finalize(statement);
	if (code == METER_OK && (!are_ours || size != strlen(meter__trigger_sql)))
		return meter__fail(METER_ECORRUPT, "%s has other triggers than libmeter makes", path);
	return code;
}

/* Whether the file is one of ours, before anything in it is trusted. A file of 0 bytes is a new one. */
static int check_identity(sqlite3 *db, const char *path, bool *is_new)
{
	int64_t application_id = 0, version = 0, tables = 0;
	int code = pragma_int(db, "PRAGMA application_id", &application_id);
	if (code == METER_OK)
		code = pragma_int(db, "PRAGMA user_version", &version);
	if (code == METER_OK)
		code = pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (code == METER_EFOREIGN)
		return meter__fail(METER_EFOREIGN, "%s is not a libmeter database", path);
	if (code != METER_OK)
		return code;
	*is_new = application_id == 0 && version == 0 && tables == 0;
	if (*is_new)
		return METER_OK;
	if (application_id != SCHEMA_APPLICATION_ID)
		return meter__fail(METER_EFOREIGN, "%s is a database, but not one of libmeter", path);
	if (version > SCHEMA_VERSION)
		return meter__fail(METER_ENEWER, "%s has schema version %lld, this library knows versions up to %d", path,
		                   (long long)version, SCHEMA_VERSION);
	if (version < SCHEMA_VERSION)
		return meter__fail(METER_EFOREIGN,
		                   "%s has schema version %lld of a libmeter before its first release; replay its events into "
		                   "a new file",
		                   path, (long long)version);
	return check_triggers(db, path);
}

/* holds NULL: no tables. A loss that is accepted is left in s->loss. */
static int check_backwards(struct store *s, const struct totals *holds)
{
	int code = meter__store_mark_check(s, holds);
	if (code != METER_EBACKWARDS || !s->loss_reason)
		return code;
	free(s->loss);
	s->loss = meter__copy(meter__slice_of(meter_errmsg()));
	return s->loss ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a message");
}

/* Under the lock file: the file may just have been made by someone else. */
static int create_schema(struct store *s, bool *is_new)
{
	int code = check_identity(s->write.db, s->path, is_new);
	if (code != METER_OK || !*is_new)
		return code;
	code = check_backwards(s, NULL);
	if (code != METER_OK)
		return code;
	char sql[200];
	sqlite3_snprintf((int)sizeof(sql), sql, "PRAGMA page_size = %d; PRAGMA journal_mode = WAL", PAGE_SIZE);
	code = set_pragma(s->write.db, sql);
	if (code != METER_OK)
		return code;
	char *schema = sqlite3_mprintf(
		"BEGIN IMMEDIATE; %s %s %s %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", meter__schema_sql,
		meter__invoice_sql, meter__trigger_sql, meter__view_sql, SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
	if (!schema)
		return meter__store_fail(NULL, SQLITE_NOMEM, "creating the database");
	int rc = sqlite3_exec(s->write.db, schema, NULL, NULL, NULL);
	sqlite3_free(schema);
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(s->write.db, rc, "creating the database");
}

/* What stands at path, without opening it. *exists_out: a file with content. *is_stub_out: too little for a
   database; SQLite would take it for an empty one and write over it. */
static int check_path(const char *path, bool must_exist, bool *exists_out, bool *is_stub_out)
{
	struct stat status;
	if (stat(path, &status) != 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return meter__fail(errno == EACCES ? METER_EREADONLY : METER_EIO, "%s: %s", path, strerror(errno));
		*exists_out = false;
		return must_exist ? meter__fail(METER_ENOTFOUND, "%s does not exist", path) : METER_OK;
	}
	if (!S_ISREG(status.st_mode))
		return meter__fail(METER_EINVAL, "%s is %s, not a file", path,
		                   S_ISDIR(status.st_mode) ? "a directory" : "a device");
	if (must_exist && status.st_size == 0)
		return meter__fail(METER_EFOREIGN, "%s is empty: not a libmeter database yet", path);
	*exists_out = status.st_size > 0;
	*is_stub_out = status.st_size > 0 && status.st_size < 512;
	if (access(path, W_OK) != 0)
		return meter__fail(METER_EREADONLY, "%s cannot be written: %s", path, strerror(errno));
	return METER_OK;
}

static int check_space(const char *path)
{
	char *folder = meter__folder_of(path);
	if (!folder)
		return meter__fail(METER_ENOMEM, "no memory for a path");
	struct stat status;
	int64_t free_bytes = 0;
	int code;
	if (stat(folder, &status) != 0)
		code = meter__fail(errno == EACCES ? METER_EREADONLY : METER_ENOTFOUND, "%s: %s", folder, strerror(errno));
	else
		code = meter__os_free_bytes(&free_bytes, folder);
	/* SQLite dies of SIGBUS when it cannot grow its shared memory file, so do not let it try. */
	if (code == METER_OK && free_bytes < FREE_BYTES_MIN)
		code = meter__fail(METER_EFULL, "%s has %lld bytes free, %lld are needed to open a database", folder,
		                   (long long)free_bytes, (long long)FREE_BYTES_MIN);
	free(folder);
	return code;
}

/* Made with its final permissions before SQLite sees it: -wal and -shm take theirs from it. */
static int create_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return METER_OK; /* an empty file, or another process was quicker */
	if (fd < 0) {
		bool denied = errno == EACCES || errno == EROFS || errno == EPERM;
		return meter__fail(denied ? METER_EREADONLY : METER_EIO, "%s cannot be created: %s", path, strerror(errno));
	}
	close(fd);
	return METER_OK;
}

static int add_audit(struct store *s)
{
	sqlite3_stmt *statement;
	struct buffer what = {0};
	int code = meter__store_statement(&s->write, SQL_AUDIT_ADD, &statement);
	meter__buffer_format(&what, "accepted: %s: %s", s->loss, s->loss_reason);
	if (code == METER_OK && what.failed)
		code = meter__fail(METER_ENOMEM, "no memory for a message");
	if (code == METER_OK) {
		sqlite3_bind_int64(statement, 1, meter__os.now_us());
		sqlite3_bind_text(statement, 2, what.data, (int)what.size, SQLITE_STATIC);
		code = meter__store_run(&s->write, statement, "writing the audit");
		sqlite3_clear_bindings(statement);
	}
	meter__buffer_free(&what);
	return code;
}

/* From here on the file as it is counts as whole. A process that dies before the mark is set leaves it to be accepted again. */
static int accept_loss(struct store *s)
{
	int code = run(&s->write, SQL_BEGIN, "accepting a loss");
	if (code == METER_OK)
		code = add_audit(s);
	if (code == METER_OK)
		code = run(&s->write, SQL_COMMIT, "accepting a loss");
	return code == METER_OK ? meter__store_mark(s) : code;
}

/* What the file holds, against what it had. */
static int check_state(struct store *s)
{
	int code = pragma_int(s->write.db, meter__statement_sql[SQL_DATABASE], &s->database);
	if (code == METER_OK)
		code = read_totals(&s->write, &s->totals);
	if (code == METER_OK && !s->loss)
		code = check_backwards(s, &s->totals);
	if (code == METER_OK && s->loss)
		code = accept_loss(s);
	s->seen_ingest = s->totals.ingest;
	s->seen_generation = s->totals.generation;
	return code;
}

/* Everything that needs the lock file: creating the schema, and WAL recovery by the first reader of it. A file that went
 * backwards is left as it is, its WAL too: meter__store_close() writes nothing back before there is s->ingest. */
static int open_locked(struct store *s, bool exists)
{
	int code = exists ? METER_OK : create_file(s->path);
	meter__store_mark_begin(s);
	if (code == METER_OK && !s->write.db)
		code = connection_open(&s->write, s->path, s->lock_wait_ms);
	bool is_new = false;
	if (code == METER_OK)
		code = create_schema(s, &is_new);
	if (code == METER_OK)
		code = configure(s->write.db, s->lock_wait_ms, WRITE_CACHE_KIB, false);
	if (code == METER_OK)
		code = check_state(s);
	if (code == METER_OK)
		code = meter__store_ingest_new(s);
	return code == METER_OK ? meter__store_buckets_new(s) : code;
}

/* Readers open the file when they are needed, and by then the program may have changed its folder. */
static int absolute_path(struct buffer *out, const char *path)
{
	char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
	if (path[0] != '/' && !folder)
		return meter__fail(METER_EIO, "the working folder has no path: %s", strerror(errno));
	if (folder)
		meter__buffer_format(out, "%s/", folder);
	free(folder);
	meter__buffer_text(out, path);
	return METER_OK;
}

static int open_paths(struct store *s, const char *path)
{
	struct buffer name = {0};
	int code = absolute_path(&name, path);
	if (code != METER_OK)
		return code;
	s->path = name.failed ? NULL : meter__copy((struct slice){name.data, name.size});
	meter__buffer_text(&name, "-wal");
	s->path_wal = name.failed ? NULL : meter__copy((struct slice){name.data, name.size});
	meter__buffer_reset(&name);
	meter__buffer_format(&name, "%s-lock", path);
	code = !s->path || !s->path_wal || name.failed ? meter__fail(METER_ENOMEM, "no memory for a path")
	                                               : meter__os_lock_open(&s->lock_fd, meter__buffer_cstr(&name));
	meter__buffer_free(&name);
	return code;
}

/* Look before a lock file is left beside a file that is not ours. */
static int look_at_file(struct store *s, const char *path)
{
	bool is_new;
	meter__fork_enter();
	int code = connection_open(&s->write, path, s->lock_wait_ms);
	if (code == METER_OK)
		code = check_identity(s->write.db, path, &is_new);
	meter__fork_leave();
	return code;
}

int meter__store_open(struct store **out, const struct fork_guard *guard, const char *path, const struct store_options *options)
{
	*out = NULL;
	bool exists = false;
	bool is_stub = false;
	int code = check_path(path, options->must_exist, &exists, &is_stub);
	if (code == METER_OK)
		code = check_space(path);
	if (code == METER_OK && is_stub)
		code = meter__fail(METER_EFOREIGN, "%s is not a libmeter database", path);
	if (code != METER_OK)
		return code;
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return meter__fail(METER_ENOMEM, "no memory for a store");
	s->lock_fd = -1;
	s->lock_wait_ms = options->lock_wait_ms;
	s->wal_bytes_max = options->wal_bytes_max;
	s->loss_reason = options->loss_reason;
	s->guard = guard;
	s->known_generation = -1;
	s->names.texts.seed = s->shapes.texts.seed = meter__os.random();
	s->live = meter__live_new();
	s->writing = calloc(1, sizeof(*s->writing));
	if (!s->live || !s->writing) {
		meter__live_release(s->live);
		free(s->writing);
		free(s);
		return meter__fail(METER_ENOMEM, "no memory for a store");
	}
	pthread_mutex_init(&s->write_mutex, NULL);
	pthread_mutex_init(&s->reader_mutex, NULL);
	if (exists)
		code = look_at_file(s, path);
	if (code == METER_OK)
		code = open_paths(s, path);
	if (code == METER_OK)
		code = meter__os_lock(s->lock_fd, s->lock_wait_ms);
	if (code == METER_OK) {
		meter__fork_enter();
		code = open_locked(s, exists);
		meter__fork_leave();
		meter__os_unlock(s->lock_fd);
	}
	s->loss_reason = NULL; /* the caller's */
	if (code != METER_OK) {
		meter__store_close(s);
		return code;
	}
	*out = s;
	return METER_OK;
}

/* ---- checkpoints ---- */

/*
 * It waits for no reader, for the writer would wait with it. A checkpoint that cannot finish (a reader still needs the WAL, the
 * disk is full) has done no harm: the next commit tries again.
 */
static bool checkpoint(struct store *s, int mode)
{
	sqlite3_busy_timeout(s->write.db, 0);
	TEST_POINT("checkpoint.begin");
	int rc = sqlite3_wal_checkpoint_v2(s->write.db, NULL, mode, NULL, NULL);
	TEST_POINT("checkpoint.end");
	sqlite3_busy_timeout(s->write.db, (int)s->lock_wait_ms);
	return rc == SQLITE_OK;
}

static int note_wal_pages(void *user, sqlite3 *db, const char *schema, int pages)
{
	(void)db;
	(void)schema;
	struct store *s = user;
	s->wal_pages = pages;
	s->is_synced = true;
	return SQLITE_OK;
}

static void close_readers(struct store *s)
{
	while (s->idle) {
		struct reader *reader = s->idle;
		s->idle = reader->next;
		connection_close(&reader->connection);
		free(reader);
	}
}

void meter__store_abandon(struct store *s)
{
	close(s->lock_fd); /* unlocking it would take the lock from the parent */
	s->lock_fd = -1;
}

void meter__store_drop(struct store *s)
{
	close_readers(s);
	finalize_statements(&s->writing->connection);
	connection_close(&s->write);
}

const char *meter__store_path(const struct store *s)
{
	return s->path;
}

int64_t meter__store_database(const struct store *s)
{
	return s->database;
}

void meter__store_close(struct store *s)
{
	if (!s)
		return;
	meter__fork_enter();
	close_readers(s);
	if (s->write.db && s->ingest && !s->is_backwards && meter__os_lock(s->lock_fd, 0) == METER_OK) {
		(void)checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
		meter__os_unlock(s->lock_fd);
	}
	if (s->writing)
		finalize_statements(&s->writing->connection);
	connection_close(&s->write);
	meter__fork_leave();
	free(s->writing);
	meter__store_ingest_free(s);
	meter__store_buckets_free(s);
	meter__live_release(s->live);
	meter__store_name_free(&s->names);
	meter__store_name_free(&s->shapes);
	meter__buffer_free(&s->shape_key);
	meter__catalog_release(s->read_catalog);
	for (size_t i = 0; i < OLD_CATALOGS; i++)
		meter__catalog_release(s->old_catalogs[i].catalog);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->write_mutex);
	pthread_mutex_destroy(&s->reader_mutex);
	free(s->loss);
	free(s->path_wal);
	free(s->path);
	free(s);
}

/* ---- transactions ---- */

struct totals *meter__store_totals_writing(struct store *s)
{
	return &s->totals;
}

int meter__store_totals_write(struct store *s)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_TOTALS_UPDATE, &statement);
	if (code != METER_OK)
		return code;
	const struct totals *t = &s->totals;
	int64_t fields[] = {t->accepted, t->duplicate,     t->conflict,      t->rejected,           t->late,    t->ingest,
	                    t->catalog,  t->generation,    t->rolled_before, t->recovered,          t->damaged, t->late_rows,
	                    t->negative, t->closed_before, t->retracted,     t->retractions_waiting};
	for (int i = 0; i < TOTAL_FIELDS; i++)
		sqlite3_bind_int64(statement, i + 1, fields[i]);
	return meter__store_run(&s->write, statement, "writing totals");
}

void meter__store_rollback(struct store *s)
{
	/* After some failures SQLite has rolled back by itself, and then this has nothing to do. */
	if (!sqlite3_get_autocommit(s->write.db))
		(void)run(&s->write, SQL_ROLLBACK, "rolling back");
	meter__store_name_forget(&s->names);
	meter__store_name_forget(&s->shapes);
	s->known_generation = -1;
	s->purge_generation = -1;
	meter__fork_leave();
	meter__os_unlock(s->lock_fd);
	pthread_mutex_unlock(&s->write_mutex);
}

/* A reader that stays keeps the WAL from starting again: it is not let grow for ever. */
static int check_wal(struct store *s)
{
	if ((int64_t)s->wal_pages * PAGE_SIZE <= s->wal_bytes_max)
		return METER_OK;
	if (!checkpoint(s, SQLITE_CHECKPOINT_RESTART))
		return meter__fail(METER_EBUSY, "a reader keeps the WAL from being written back; it has reached %lld MiB",
		                   (long long)((int64_t)s->wal_pages * PAGE_SIZE >> 20));
	s->wal_pages = 0;
	return METER_OK;
}

int meter__store_begin(struct store *s)
{
	int code = meter__fork_check(s->guard);
	if (code != METER_OK)
		return code;
	pthread_mutex_lock(&s->write_mutex);
	code = meter__os_lock(s->lock_fd, s->lock_wait_ms);
	if (code != METER_OK) {
		pthread_mutex_unlock(&s->write_mutex);
		return code;
	}
	/* Not before: fork() should not have to wait for another process. */
	meter__fork_enter();
	sqlite3_wal_hook(s->write.db, note_wal_pages, s);
	s->is_synced = false;
	code = check_wal(s);
	/* A rollback that found no memory has left its transaction open. */
	if (code == METER_OK && !sqlite3_get_autocommit(s->write.db))
		code = run(&s->write, SQL_ROLLBACK, "rolling back");
	if (code == METER_OK)
		code = run(&s->write, SQL_BEGIN, "starting to write");
	if (code == METER_OK)
		code = read_totals(&s->write, &s->totals);
	if (code == METER_OK)
		code = meter__store_check_seen(s);
	s->is_backwards = code == METER_EBACKWARDS;
	if (code == METER_OK)
		code = meter__store_refresh(s);
	if (code != METER_OK)
		meter__store_rollback(s);
	return code;
}

int meter__store_commit(struct store *s)
{
	int code = run(&s->write, SQL_COMMIT, "committing");
	if (code != METER_OK) {
		meter__store_rollback(s);
		return code;
	}
	TEST_POINT("commit.unmarked");
	if (s->is_synced)
		(void)meter__store_mark(s); /* without it less will be noticed, but nothing false */
	if (s->wal_pages > WAL_PAGES_ALARM)
		(void)checkpoint(s, SQLITE_CHECKPOINT_RESTART);
	else if (s->wal_pages > WAL_PAGES_MAX)
		(void)checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
	meter__fork_leave();
	meter__os_unlock(s->lock_fd);
	pthread_mutex_unlock(&s->write_mutex);
	return METER_OK;
}

/* ---- readers ---- */

struct reader *meter__store_writing(struct store *s)
{
	s->writing->store = s;
	s->writing->connection.db = s->write.db;
	s->writing->has_totals = false;
	return s->writing;
}

int meter__store_reader(struct reader **out, struct store *s)
{
	*out = NULL;
	int code = meter__fork_check(s->guard);
	if (code != METER_OK)
		return code;
	meter__fork_enter();
	pthread_mutex_lock(&s->reader_mutex);
	struct reader *r = s->idle;
	if (r)
		s->idle = r->next;
	pthread_mutex_unlock(&s->reader_mutex);
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r) {
			meter__fork_leave();
			return meter__fail(METER_ENOMEM, "no memory for a reader");
		}
		r->store = s;
		code = connection_open(&r->connection, s->path, s->lock_wait_ms);
		if (code == METER_OK)
			code = configure(r->connection.db, s->lock_wait_ms, READ_CACHE_KIB, true);
	}
	if (code == METER_OK)
		code = run(&r->connection, SQL_READ_BEGIN, "starting to read");
	if (code != METER_OK) {
		connection_close(&r->connection);
		free(r);
		meter__fork_leave();
		return code;
	}
	r->has_totals = false; /* of an earlier snapshot */
	*out = r;
	return METER_OK;
}

void meter__store_reader_done(struct reader *r)
{
	if (!r)
		return;
	struct store *s = r->store;
	bool is_usable = run(&r->connection, SQL_COMMIT, "ending to read") == METER_OK;
	pthread_mutex_lock(&s->reader_mutex);
	size_t idle = 0;
	for (struct reader *other = s->idle; other; other = other->next)
		idle++;
	if (is_usable && idle < IDLE_READERS_MAX) {
		r->next = s->idle;
		s->idle = r;
		r = NULL;
	}
	pthread_mutex_unlock(&s->reader_mutex);
	if (r) {
		connection_close(&r->connection);
		free(r);
	}
	meter__fork_leave();
}

int meter__store_totals(struct reader *r, struct totals *out)
{
	/* Within a transaction what it has in hand counts, not what stood in the file before. */
	if (r == r->store->writing) {
		*out = r->store->totals;
		return METER_OK;
	}
	int code = r->has_totals ? METER_OK : read_totals(&r->connection, &r->totals);
	r->has_totals = code == METER_OK;
	*out = r->totals;
	return code;
}

int meter__store_sizes(struct store *s, int64_t *database_bytes, int64_t *wal_bytes)
{
	struct stat status;
	if (stat(s->path, &status) != 0)
		return meter__fail(METER_EIO, "%s: %s", s->path, strerror(errno));
	*database_bytes = status.st_size;
	*wal_bytes =
		stat(s->path_wal, &status) == 0 ? status.st_size : 0; /* no WAL: nothing was written since it was written back */
	return METER_OK;
}
