/*
 * powercut.c - the power is cut: of every write that was not synced each sector is on the disk, or not, or torn. What was durable
 * must be there, once, and the file must be whole.
 *
 *   powercut STATES [SEED]          as many states of the disk as that
 *   powercut lying STATES [SEED]    the same on a disk that lies about syncing: must lose durable events, or this test sees
 * nothing
 *
 * A VFS around SQLite's own keeps, for the database and its WAL, what the disk has for certain (its image at the last sync) and
 * the writes since then. At some moments of a run it makes up what a disk may hold then: each unsynced write is applied, dropped,
 * or torn by sectors of 512 bytes, some filled with noise; the -shm is gone, and the spool is another unsynced mixture of its
 * pages. FILE-lock, with the mark of how far the database was, is there as it was last written, which is the hardest case: on an
 * honest disk no state may be taken for one that went backwards, and on one that lies some must be. The library then opens that
 * state in a folder of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <meter.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "through.h"

#define SECTOR 512
#define EVENTS_MAX 200000
#define STATES_MAX 64 /* of one run */

static uint64_t seed, state;
static bool is_lying;
static char folder[100];

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "powercut: seed %" PRIu64 ": %s: %s\n", seed, what, detail);
	_exit(1);
}

/* ---- the disk ---- */

struct write {
	int64_t at;
	int64_t size; /* -1: truncated to at */
	char *data;
};

struct image {
	char *data; /* for certain */
	int64_t size;
	struct write *writes; /* since the last sync, in order */
	size_t count, capacity;
	bool exists;
};

enum { DATABASE, WAL, FILES };
static const char *const suffixes[FILES] = {"", "-wal"};
static struct image images[FILES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
	int64_t in_commit, in_checkpoint, torn, states, durable, lost, backwards;
} seen;

static void resize(struct image *i, int64_t size)
{
	i->data = realloc(i->data, (size_t)size + 1);
	if (size > i->size)
		memset(i->data + i->size, 0, (size_t)(size - i->size));
	i->size = size;
}

static void apply(struct image *i, int64_t at, const char *data, int64_t size)
{
	if (at + size > i->size)
		resize(i, at + size);
	memcpy(i->data + at, data, (size_t)size);
}

static void apply_whole(struct image *i, const struct write *w)
{
	if (w->size < 0)
		resize(i, w->at);
	else
		apply(i, w->at, w->data, w->size);
}

static void remember(struct image *i, int64_t at, const void *data, int64_t size)
{
	if (i->count == i->capacity) {
		i->capacity = i->capacity ? i->capacity * 2 : 64;
		i->writes = realloc(i->writes, i->capacity * sizeof(*i->writes));
	}
	struct write *w = &i->writes[i->count++];
	*w = (struct write){at, size, NULL};
	if (size > 0) {
		w->data = malloc((size_t)size);
		memcpy(w->data, data, (size_t)size);
	}
	i->exists = true;
}

static void forget_writes(struct image *i)
{
	for (size_t n = 0; n < i->count; n++)
		free(i->writes[n].data);
	i->count = 0;
}

static void synced(struct image *i)
{
	for (size_t n = 0; n < i->count; n++)
		apply_whole(i, &i->writes[n]);
	forget_writes(i);
}

/* What may be on the disk of the unsynced writes. */
static void make_up(struct image *to, const struct image *from)
{
	resize(to, from->size);
	memcpy(to->data, from->data, (size_t)from->size);
	unsigned mood = (unsigned)draw(4); /* all, none, or a mixture */
	for (size_t n = 0; n < from->count; n++) {
		const struct write *w = &from->writes[n];
		if (mood == 0 || (mood > 1 && draw(2) == 0)) {
			apply_whole(to, w);
			continue;
		}
		if (mood == 1 || w->size < 0 || draw(2) == 0)
			continue;
		for (int64_t at = 0; at < w->size; at += SECTOR) {
			int64_t size = w->size - at < SECTOR ? w->size - at : SECTOR;
			char noise[SECTOR];
			unsigned what = (unsigned)draw(8);
			if (what == 0) {
				for (int64_t k = 0; k < size; k++)
					noise[k] = (char)draw(256);
				apply(to, w->at + at, noise, size);
			} else if (what < 5) {
				apply(to, w->at + at, w->data + at, size);
			}
		}
		seen.torn++;
	}
}

/* ---- the VFS ---- */

struct file {
	struct through_file through;
	struct image *image; /* NULL: not one that is watched */
};

static sqlite3_vfs *real_vfs;
static bool is_watching;
static int64_t cut_in; /* calls until the next state is made up; below 0: none */
static void cut(void);

static struct file *file_of(sqlite3_file *f)
{
	return (struct file *)(void *)f;
}

/* Under the mutex. */
static void tick(struct image *i)
{
	if (cut_in < 0 || cut_in-- > 0)
		return;
	if (i == &images[WAL])
		seen.in_commit++;
	else
		seen.in_checkpoint++;
	cut();
}

static int do_write(sqlite3_file *f, const void *from, int size, sqlite3_int64 at)
{
	struct image *i = file_of(f)->image;
	if (i) {
		pthread_mutex_lock(&mutex);
		remember(i, at, from, size);
		tick(i);
		pthread_mutex_unlock(&mutex);
	}
	return real_of(f)->pMethods->xWrite(real_of(f), from, size, at);
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct image *i = file_of(f)->image;
	if (i) {
		pthread_mutex_lock(&mutex);
		remember(i, size, NULL, -1);
		tick(i);
		pthread_mutex_unlock(&mutex);
	}
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
	struct image *i = file_of(f)->image;
	(void)flags;
	if (i) {
		pthread_mutex_lock(&mutex);
		tick(i);
		if (!is_lying)
			synced(i);
		pthread_mutex_unlock(&mutex);
	}
	return SQLITE_OK; /* the disk is in memory: nothing is gained by waiting for the real one */
}

static sqlite3_io_methods methods; /* of the files of this VFS */

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	(void)vfs;
	struct file *file = file_of(f);
	file->through.base.pMethods = NULL;
	file->through.real = (sqlite3_file *)(void *)(file + 1);
	file->image = NULL;
	if (is_watching && name && flags & SQLITE_OPEN_MAIN_DB)
		file->image = &images[DATABASE];
	if (is_watching && name && flags & SQLITE_OPEN_WAL)
		file->image = &images[WAL];
	int rc = real_vfs->xOpen(real_vfs, name, file->through.real, flags, out_flags);
	if (rc == SQLITE_OK)
		file->through.base.pMethods = &methods;
	return rc;
}

static void register_vfs(void)
{
	static sqlite3_vfs vfs;
	methods = through_methods;
	methods.xWrite = do_write;
	methods.xTruncate = do_truncate;
	methods.xSync = do_sync;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "powercut";
	vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(struct file);
	vfs.xOpen = do_open;
	sqlite3_vfs_register(&vfs, 1);
}

/* ---- states ---- */

struct known {
	int attempted; /* events below it were */
	uint8_t durable[EVENTS_MAX];
};
static struct known now;
static int state_count;

static void write_file(const char *path, const char *data, int64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, (size_t)size) != size)
		fail("writing a state", strerror(errno));
	close(fd);
}

/* The pages of a ring reach the disk when the system likes: each may be as it is now, or as it was made. */
static void copy_spools(const char *to)
{
	char command[800];
	snprintf(command, sizeof(command),
	         "cp --sparse=never %s/live/meter.db-lock %s/live/meter.db-spool-* %s/ 2>/dev/null; true", folder, folder, to);
	if (system(command) != 0)
		fail("copying a spool", "");
	snprintf(command, sizeof(command), "ls %s/meter.db-spool-* 2>/dev/null", to);
	FILE *list = popen(command, "r");
	char path[300];
	while (list && fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = '\0';
		struct stat status;
		int fd = open(path, O_RDWR);
		static const char zeros[4096];
		if (fd < 0 || fstat(fd, &status) != 0)
			fail("a spool", strerror(errno));
		for (off_t at = 4096; at < status.st_size; at += SECTOR) {
			if (draw(3) == 0 && pwrite(fd, zeros, SECTOR, at) != SECTOR)
				fail("a spool", strerror(errno));
		}
		close(fd);
	}
	if (list)
		pclose(list);
}

/* Called in the middle of a write: makes up a state of the disk, with what was known at that moment. */
static void cut(void)
{
	char path[300];
	if (state_count == STATES_MAX)
		return;
	snprintf(path, sizeof(path), "%s/state-%d", folder, state_count);
	if (mkdir(path, 0700) != 0)
		fail("a folder", strerror(errno));
	copy_spools(path);
	for (int i = 0; i < FILES; i++) {
		struct image made = {0};
		if (!images[i].exists)
			continue;
		make_up(&made, &images[i]);
		snprintf(path, sizeof(path), "%s/state-%d/meter.db%s", folder, state_count, suffixes[i]);
		write_file(path, made.data, made.size);
		free(made.data);
	}
	snprintf(path, sizeof(path), "%s/state-%d/known", folder, state_count);
	write_file(path, (const char *)&now, (int64_t)sizeof(now));
	state_count++;
	cut_in = (int64_t)draw(state_count < STATES_MAX / 2 ? 120 : 20);
}

/* ---- what is going on when the power is cut ---- */

static const char catalog[] = "version: 1\nmeters:\n  uses: {event_type: use, aggregation: count}\n";

static void fill(meter_event *e, char id[16], int number)
{
	*e = (meter_event)METER_EVENT_INIT;
	snprintf(id, 16, "%d", number);
	e->subscription = "acme";
	e->id = id;
	e->type = "use";
	e->timestamp_us = INT64_C(1767225600000000) + (number * INT64_C(7919) % 100000) * 1000000;
}

/* Some thousand events, so that the WAL is written back now and then, with durable points in between. */
static void run(void)
{
	char path[200];
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	options.full_wait_ms = 5000;
	snprintf(path, sizeof(path), "%s/live", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/live/meter.db", folder);
	if (meter_open(&m, path, &options) != METER_OK ||
	    meter_catalog_apply(m, "catalog", catalog, sizeof(catalog) - 1, NULL, NULL, NULL) != METER_OK)
		fail("opening", meter_errmsg());
	int first = 0;
	while (state_count < STATES_MAX / 2 && now.attempted + 3000 < EVENTS_MAX) {
		int size = (int)draw(5) == 0 ? 2500 : (int)draw(40) + 1;
		for (int i = 0; i < size; i++) {
			meter_event e;
			char id[16];
			fill(&e, id, now.attempted);
			pthread_mutex_lock(&mutex);
			now.attempted++;
			pthread_mutex_unlock(&mutex);
			if (meter_record(m, &e) != METER_OK)
				fail("recording", meter_errmsg());
		}
		if (meter_flush(m, -1) != METER_OK)
			fail("flushing", meter_errmsg());
		pthread_mutex_lock(&mutex);
		for (; first < now.attempted; first++)
			now.durable[first] = 1;
		if (cut_in < 0)
			cut_in = (int64_t)draw(120);
		pthread_mutex_unlock(&mutex);
	}
	/* Closing writes the whole WAL back: the other half of the states. */
	pthread_mutex_lock(&mutex);
	cut_in = (int64_t)draw(20);
	pthread_mutex_unlock(&mutex);
	if (meter_close(m) != METER_OK)
		fail("closing", meter_errmsg());
	cut_in = -1;
}

/* ---- the oracle ---- */

static void check_integrity(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW || strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		fail("integrity_check", path);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void verify(int number)
{
	static struct known then;
	static uint8_t stored[EVENTS_MAX];
	char path[300];
	snprintf(path, sizeof(path), "%s/state-%d/known", folder, number);
	FILE *f = fopen(path, "rb");
	if (!f || fread(&then, sizeof(then), 1, f) != 1)
		fail("reading a state", path);
	fclose(f);
	snprintf(path, sizeof(path), "%s/state-%d/meter.db", folder, number);
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	meter *m;
	int code = meter_open(&m, path, &options);
	if (code != METER_OK) {
		if (!is_lying)
			fail("opening a state", meter_errmsg());
		seen.lost++; /* a disk that lies may leave anything */
		seen.backwards += code == METER_EBACKWARDS;
		return;
	}
	memset(stored, 0, sizeof(stored));
	int64_t count = 0;
	meter_events *events;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	code = meter_events_query(&events, m, &filter);
	while (code == METER_OK && (code = meter_events_next(events)) == METER_OK) {
		int id = atoi(meter_events_event(events)->id);
		if (id >= then.attempted || stored[id]++)
			fail("stored twice, or never attempted", path);
		count++;
	}
	meter_events_free(events);
	if (code != METER_EEND && !is_lying)
		fail("listing", meter_errmsg());
	for (int i = 0; i < then.attempted; i++) {
		seen.durable += then.durable[i];
		if (then.durable[i] && !stored[i]) {
			if (!is_lying)
				fail("durable, but lost", path);
			seen.lost++;
		}
	}
	meter_usage *usage;
	meter_usage_filter usage_filter = METER_USAGE_FILTER_INIT;
	usage_filter.meter = "uses";
	if (meter_usage_query(&usage, m, &usage_filter) == METER_OK) {
		if (meter_usage_next(usage) != METER_OK || (strtoll(meter_usage_value(usage), NULL, 10) != count && !is_lying))
			fail("buckets are not the sum of the events", path);
		meter_usage_free(usage);
	} else if (then.durable[0] && !is_lying) {
		fail("the catalog is lost", meter_errmsg());
	}
	int closed = meter_close(m);
	if (closed != METER_OK && !is_lying)
		fail("closing", meter_errmsg());
	if (!is_lying)
		check_integrity(path);
	seen.states++;
}

static void start_again(void)
{
	char command[200];
	for (int i = 0; i < FILES; i++) {
		forget_writes(&images[i]);
		free(images[i].writes);
		free(images[i].data);
		images[i] = (struct image){0};
	}
	memset(&now, 0, sizeof(now));
	state_count = 0;
	cut_in = -1;
	snprintf(command, sizeof(command), "rm -rf %s/*", folder);
	if (system(command) != 0)
		fail("removing", folder);
}

int main(int argc, char **argv)
{
	is_lying = argc > 2 && strcmp(argv[1], "lying") == 0;
	if (argc < 2 + is_lying) {
		fprintf(stderr, "usage: powercut [lying] STATES [SEED]\n");
		return 2;
	}
	int64_t wanted = strtoll(argv[1 + is_lying], NULL, 10);
	seed = argc > 2 + is_lying ? strtoull(argv[2 + is_lying], NULL, 10) : (uint64_t)time(NULL);
	state = seed * 2654435761u + 88172645463325252u;
	register_vfs();
	snprintf(folder, sizeof(folder), "/tmp/meter-power-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	while (seen.states + (is_lying ? seen.lost : 0) < wanted) {
		start_again();
		is_watching = true;
		run();
		is_watching = false;
		for (int i = 0; i < state_count; i++)
			verify(i);
	}
	if (is_lying ? seen.lost == 0 || seen.backwards == 0
	             : seen.in_commit == 0 || seen.in_checkpoint == 0 || seen.torn == 0 || seen.durable == 0)
		fail("some kind of cut never happened", "the run proves nothing");
	start_again();
	rmdir(folder);
	printf("{\"test\":\"powercut%s\",\"seed\":%" PRIu64 ",\"states\":%" PRId64 ",\"in_wal\":%" PRId64
	       ",\"in_database\":%" PRId64 ",\"torn_writes\":%" PRId64 ",\"durable_events\":%" PRId64 ",\"lost\":%" PRId64
	       ",\"backwards\":%" PRId64 "}\n",
	       is_lying ? " lying" : "", seed, seen.states, seen.in_commit, seen.in_checkpoint, seen.torn, seen.durable,
	       seen.lost, seen.backwards);
	return 0;
}
