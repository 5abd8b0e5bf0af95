/*
 * locks.c - why there is one lock file for all writing. Two faults of SQLite below 3.51.3 and of POSIX locks are shown on plain
 * SQLite, where they must bite, and through the library, where they must not:
 *
 *   reset   a connection that writes while another one begins a checkpoint: committed rows are never written back
 *   close   a process that closes a file of the database anywhere loses all its locks on it: two write at once
 *
 * Then a process is stopped again and again while another one writes: some of the stops find it with the lock in its hands.
 *
 * If a recipe does not bite on plain SQLite any more, this test says so and fails: then the recipe must be looked at again.
 */
#include <errno.h>
#include <fcntl.h>
#include <meter.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESET_MENDED 3051003 /* the release of SQLite that mended it */

static char folder[100], path[120], shm[130];

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "locks: %s: %s\n", what, detail);
	exit(1);
}

static void start_again(void)
{
	char command[300];
	snprintf(command, sizeof(command), "rm -f %s/*", folder);
	if (system(command) != 0)
		fail("removing", strerror(errno));
}

/* ---- a VFS that calls back when a checkpoint has read its header ---- */

static sqlite3_vfs *real_vfs;
static sqlite3_io_methods methods;
static const sqlite3_io_methods *real_methods;
static void (*hook)(void);
static int hooked;

static int do_unfetch(sqlite3_file *f, sqlite3_int64 at, void *page)
{
	if (hook && at == 0 && page == NULL) {
		void (*once)(void) = hook;
		hook = NULL;
		hooked++;
		once();
	}
	return real_methods->xUnfetch(f, at, page);
}

/* The file stays the system's own; only its table of methods is another one. */
static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	(void)vfs;
	int rc = real_vfs->xOpen(real_vfs, name, f, flags, out_flags);
	if (rc == SQLITE_OK && flags & SQLITE_OPEN_MAIN_DB && f->pMethods && f->pMethods->iVersion >= 3) {
		real_methods = f->pMethods;
		methods = *real_methods;
		methods.xUnfetch = do_unfetch;
		f->pMethods = &methods;
	}
	return rc;
}

static void register_vfs(void)
{
	static sqlite3_vfs vfs;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "locks";
	vfs.xOpen = do_open;
	sqlite3_vfs_register(&vfs, 1);
}

/* ---- reset, on plain SQLite ---- */

static sqlite3 *first, *second;

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(db));
}

static sqlite3 *open_plain(void)
{
	sqlite3 *db;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail("opening", path);
	run(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL");
	return db;
}

static void write_a_little(void)
{
	run(second, "UPDATE t SET text = 'little' WHERE id = 1");
}

static bool is_whole(void)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK)
		return false;
	bool is_ok = sqlite3_step(statement) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
	sqlite3_finalize(statement);
	/* Rows that are neither old nor new are lost writes, too. */
	bool is_new = sqlite3_prepare_v2(db, "SELECT count(*) FROM t WHERE text NOT LIKE 'second%'", -1, &statement, NULL) ==
	                      SQLITE_OK &&
	              sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 0;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return is_ok && is_new;
}

static bool reset_bites(void)
{
	start_again();
	first = open_plain();
	second = open_plain();
	run(second, "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX i ON t (text);"
	            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000)"
	            "INSERT INTO t SELECT x, 'first ' || hex(randomblob(20)) FROM n");
	run(first, "SELECT count(*) FROM t"); /* knows this state of the WAL, and not the next */
	run(second, "UPDATE t SET text = 'next ' || hex(randomblob(20))");
	run(second, "PRAGMA wal_checkpoint(PASSIVE)");
	hook = write_a_little; /* starts the WAL again while the first one believes in the old one */
	run(first, "PRAGMA wal_checkpoint(PASSIVE)");
	hook = NULL;
	run(second, "UPDATE t SET text = 'second ' || hex(randomblob(20))");
	run(first, "PRAGMA wal_checkpoint(PASSIVE)");
	run(second, "UPDATE t SET text = 'second ' || text WHERE id = 7");
	sqlite3_close(first);
	sqlite3_close(second);
	return !is_whole();
}

/* ---- reset, through the library ---- */

static meter *outer, *inner;
static int inner_code;

#define SHORT_MS 50 /* for whoever is to find it locked; opening itself may take longer than that on a busy machine */
#define LONG_MS 10000

static meter *open_file(uint32_t flags, int32_t lock_wait_ms)
{
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	int code = METER_EBUSY;
	options.queue_mib = 1;
	options.lock_wait_ms = lock_wait_ms;
	options.flags = flags;
	for (int i = 0; i < LONG_MS / SHORT_MS && code == METER_EBUSY; i++)
		code = meter_open(&m, path, &options);
	if (code != METER_OK)
		fail("opening", meter_errmsg());
	return m;
}

static void record(meter *m, const char *prefix, int from, int count, int expected)
{
	for (int i = from; i < from + count; i++) {
		char id[40];
		snprintf(id, sizeof(id), "%s-%d", prefix, i);
		meter_event e = METER_EVENT_INIT;
		e.subscription = "acme";
		e.id = id;
		e.type = "use";
		e.timestamp_us = INT64_C(1767225600000000) + i;
		int code = meter_record_many(m, &e, 1, NULL);
		if (expected != 1 && code != expected)
			fail("recording", meter_errmsg());
		inner_code = code;
	}
}

static void record_inside(void)
{
	record(inner, "inside", 0, 1, 1);
}

static int64_t count_stored(void)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		fail("counting", sqlite3_errmsg(db));
	int64_t count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW || strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		fail("integrity_check", "not ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

/* The outer handle checkpoints when it closes; the inner one wants to write at that very moment, and must wait. */
static void reset_through_the_library(void)
{
	start_again();
	for (int round = 0; round < 20; round++) {
		outer = open_file(METER_OPEN_WITHOUT_SPOOL, LONG_MS); /* so that closing writes nothing before it checkpoints */
		inner = open_file(0, SHORT_MS);
		record(outer, "outer", round * 10, 5, METER_OK);
		record(inner, "between", round * 10, 5, METER_OK);
		int before = hooked;
		inner_code = METER_OK;
		hook = record_inside;
		if (meter_close(outer) != METER_OK)
			fail("closing", meter_errmsg());
		hook = NULL;
		if (hooked == before)
			fail("the checkpoint was not seen", "the recipe proves nothing");
		if (inner_code != METER_EBUSY)
			fail("somebody wrote during a checkpoint", meter_strerror(inner_code));
		if (meter_close(inner) != METER_OK)
			fail("closing", meter_errmsg());
	}
	/* The event inside waited, and was written when the lock was free. */
	if (count_stored() != 20 * 10 + 1)
		fail("rows are missing", "");
}

/* ---- close, on plain SQLite ---- */

static void drop_locks(void)
{
	int fd = open(shm, O_RDWR);
	if (fd >= 0)
		close(fd);
}

static bool close_bites(void)
{
	start_again();
	sqlite3 *db = open_plain();
	run(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
	run(db, "BEGIN IMMEDIATE; INSERT INTO t VALUES (100)");
	drop_locks(); /* some other part of the program */
	pid_t child = fork();
	if (child == 0) {
		execl("/proc/self/exe", "locks", "insert", path, (char *)NULL);
		_exit(9);
	}
	int status;
	waitpid(child, &status, 0);
	run(db, "COMMIT");
	sqlite3_close(db);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return false; /* it was kept out, as it should be */
	sqlite3_stmt *statement;
	sqlite3_open(path, &db);
	sqlite3_prepare_v2(db, "SELECT count(*) FROM t WHERE id = 300", -1, &statement, NULL);
	bool is_lost = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 0;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return is_lost;
}

static int insert(const char *name)
{
	sqlite3 *db;
	bool is_done = sqlite3_open(name, &db) == SQLITE_OK &&
	               sqlite3_exec(db, "INSERT INTO t VALUES (300)", NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return is_done ? 0 : 1;
}

/* ---- close, through the library ---- */

static atomic_bool is_ending;

static void *drop_locks_all_the_time(void *unused)
{
	(void)unused;
	while (!atomic_load(&is_ending))
		drop_locks();
	return NULL;
}

static void close_through_the_library(void)
{
	enum { PROCESSES = 3, EACH = 200 };
	start_again();
	pid_t children[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			pthread_t thread;
			char prefix[20];
			meter *m;
			meter_options options = METER_OPTIONS_INIT;
			options.queue_mib = 1;
			snprintf(prefix, sizeof(prefix), "p%d", i);
			if (meter_open(&m, path, &options) != METER_OK)
				_exit(1);
			pthread_create(&thread, NULL, drop_locks_all_the_time, NULL);
			record(m, prefix, 0, EACH, METER_OK);
			atomic_store(&is_ending, true);
			pthread_join(thread, NULL);
			_exit(meter_close(m) == METER_OK ? 0 : 2);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		waitpid(children[i], &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail("a process", "did not end well");
	}
	if (count_stored() != PROCESSES * EACH)
		fail("rows are missing", "");
}

/* ---- a process that is stopped while it holds the lock ---- */

/* Whoever is stopped somewhere in a transaction keeps the lock: others wait, say so, and go on when it does. */
static void stop_a_writer(void)
{
	enum { ROUNDS = 60 };
	int busy = 0;
	start_again();
	meter_close(open_file(METER_OPEN_WITHOUT_SPOOL, LONG_MS));
	int *theirs = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever makes this test fail leaves nobody behind */
		meter *m = open_file(0, LONG_MS);
		for (;; ++*theirs)
			record(m, "stopped", *theirs, 1, METER_OK);
	}
	meter *m = open_file(0, SHORT_MS);
	for (int round = 0; round < ROUNDS; round++) {
		struct timespec t = {0, 1000000 + round * 37000};
		nanosleep(&t, NULL);
		kill(child, SIGSTOP);
		record(m, "other", round, 1, 1);
		if (inner_code != METER_OK && inner_code != METER_EBUSY)
			fail("recording beside a stopped process", meter_strerror(inner_code));
		busy += inner_code == METER_EBUSY;
		kill(child, SIGCONT);
	}
	if (busy == 0)
		fail("no process was stopped while it held the lock", "the run proves nothing");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	int code = meter_close(m);
	if (code != METER_OK)
		fail("closing", meter_errmsg());
	/* What the other process could not write at once waited and was written in the end; one event of the killed one is in
	 * doubt. */
	int64_t stored = count_stored();
	if (stored < ROUNDS + *theirs || stored > ROUNDS + *theirs + 1)
		fail("rows are missing", "");
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "insert") == 0)
		return insert(argv[2]);
	register_vfs();
	snprintf(folder, sizeof(folder), "/tmp/meter-locks-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/meter.db", folder);
	snprintf(shm, sizeof(shm), "%s-shm", path);
	bool reset = reset_bites();
	if (!reset && sqlite3_libversion_number() < RESET_MENDED)
		fail("reset", "does not bite on this SQLite; look at the recipe again");
	if (!close_bites())
		fail("close", "does not bite on this system; look at the recipe again");
	reset_through_the_library();
	close_through_the_library();
	stop_a_writer();
	start_again();
	rmdir(folder);
	printf("{\"test\":\"locks\",\"sqlite\":\"%s\",\"reset_bites_without\":%d,\"close_bites_without\":1,\"lost\":0}\n",
	       sqlite3_libversion(), reset);
	return 0;
}
