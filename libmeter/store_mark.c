/*
 * store_mark.c - how far the database was, kept outside of it: a WAL that is lost or damaged, an older file put in its place, or
 * a disk that did not keep what it said take a database back to an earlier state in silence. SQLite cannot know; FILE-lock can.
 *
 * The mark is written after a commit has returned, while the lock is held, and never synced. So it may be older than the database
 * (the process died in between, or the power was cut), and then it notices less. It is never newer than what a commit has synced:
 * a database that holds less than its mark did lose something. That is why opening sets no mark: what it reads of a process that
 * died may not be on the disk yet.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "error.h"
#include "os.h"
#include "store_internal.h"

#define MAGIC UINT64_C(0x6b72616d7274656d) /* also tells the byte order */

struct mark {
	uint64_t magic;
	int64_t database;
	int64_t ingest;
	int64_t generation;
	uint64_t checksum; /* of everything before */
};
_Static_assert(sizeof(struct mark) == 40, "no byte that nobody writes");

static uint64_t checksum_of(const struct mark *mark)
{
	return XXH3_64bits(mark, offsetof(struct mark, checksum));
}

/* All zeros when there is none that is whole. */
static int read_mark(const struct store *s, struct mark *out)
{
	ssize_t size;
	do {
		size = pread(s->lock_fd, out, sizeof(*out), 0);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return meter__fail(METER_EIO, "%s-lock cannot be read: %s", s->path, strerror(errno));
	if (size != sizeof(*out) || out->magic != MAGIC || out->checksum != checksum_of(out))
		*out = (struct mark){0};
	return METER_OK;
}

static int write_mark(const struct store *s, const struct mark *mark)
{
	if (pwrite(s->lock_fd, mark, sizeof(*mark), 0) == sizeof(*mark))
		return METER_OK;
	return meter__fail(METER_EIO, "%s-lock cannot be written: %s", s->path, strerror(errno));
}

int meter__store_mark(struct store *s)
{
	struct mark mark = {
		.magic = MAGIC, .database = s->database, .ingest = s->totals.ingest, .generation = s->totals.generation};
	mark.checksum = checksum_of(&mark);
	s->seen_ingest = mark.ingest;
	s->seen_generation = mark.generation;
	return write_mark(s, &mark);
}

/* Nobody restored an empty file: who deleted the old one wants a new one. */
void meter__store_mark_begin(struct store *s)
{
	struct stat status;
	if (stat(s->path, &status) == 0 && status.st_size == 0)
		(void)write_mark(s, &(struct mark){0});
}

/* What the database holds against what it had. */
static int compare(const struct store *s, const struct totals *holds, int64_t ingest, int64_t generation)
{
	if (holds->ingest < ingest)
		return meter__fail(
			METER_EBACKWARDS,
			"%s went backwards: it holds transaction %lld, it had %lld (a backup restored, or its WAL lost)", s->path,
			(long long)holds->ingest, (long long)ingest);
	if (holds->generation < generation)
		return meter__fail(METER_EBACKWARDS,
		                   "%s went backwards: it holds change %lld of catalogs, it had %lld (a backup restored, or its "
		                   "WAL lost)",
		                   s->path, (long long)holds->generation, (long long)generation);
	return METER_OK;
}

int meter__store_mark_check(struct store *s, const struct totals *holds)
{
	struct mark mark;
	int code = read_mark(s, &mark);
	/* Before the schema is made there is no number to compare: then the WAL that held it is gone. */
	bool is_same = !holds || mark.database == s->database;
	static const struct totals nothing;
	return code == METER_OK && is_same ? compare(s, holds ? holds : &nothing, mark.ingest, mark.generation) : code;
}

int meter__store_check_seen(struct store *s)
{
	int moved = 0;
	if (sqlite3_file_control(s->write.db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
		return meter__fail(METER_EBACKWARDS, "%s was replaced or removed while it was open: nothing more is written",
		                   s->path);
	return compare(s, &s->totals, s->seen_ingest, s->seen_generation);
}
