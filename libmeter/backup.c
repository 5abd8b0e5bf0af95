/*
 * backup.c - meter_backup(): a copy appears under its name whole and durable, or not at all.
 *
 * It is written under another name in the same folder, synced, renamed, and the folder is synced. Whatever fails before the end
 * removes it; a process that dies leaves the other name behind, which nobody takes for a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "internal.h"
#include "os.h"

/* What SQLite may leave beside a database. A file of that name would be taken for a part of the copy. */
static const char *const sidecars[] = {"-wal", "-journal", "-shm"};
#define SIDECAR_COUNT (sizeof(sidecars) / sizeof(sidecars[0]))

struct backup {
	const char *path;
	char *folder;
	struct buffer temporary;
	int fd; /* of temporary; its sync is the one that counts */
};

static int fail(const char *what, const char *path)
{
	switch (errno) {
	case EROFS:
	case EACCES:
	case EPERM:
		return meter__fail(METER_EREADONLY, "%s cannot be %s: %s", path, what, strerror(errno));
	case ENOENT:
	case ENOTDIR:
		return meter__fail(METER_ENOTFOUND, "%s: the folder does not exist", path);
	case EEXIST:
		return meter__fail(METER_EINVAL, "%s exists already", path);
	case ENAMETOOLONG:
		return meter__fail(METER_EINVAL, "%s: the name is too long", path);
	case ENOSPC:
	case EDQUOT:
		return meter__fail(METER_EFULL, "%s cannot be %s: the disk is full", path, what);
	default:
		return meter__fail(METER_EIO, "%s cannot be %s: %s", path, what, strerror(errno));
	}
}

static int check_free(const char *path)
{
	struct stat status;
	if (lstat(path, &status) == 0) {
		errno = EEXIST;
		return fail("written", path);
	}
	return errno == ENOENT ? METER_OK : fail("written", path);
}

static int check_names(const char *path)
{
	int code = check_free(path);
	struct buffer name = {0};
	for (size_t i = 0; code == METER_OK && i < SIDECAR_COUNT; i++) {
		meter__buffer_reset(&name);
		meter__buffer_format(&name, "%s%s", path, sidecars[i]);
		code = name.failed ? meter__fail(METER_ENOMEM, "no memory for a path") : check_free(meter__buffer_cstr(&name));
	}
	meter__buffer_free(&name);
	return code;
}

static int create(struct backup *b)
{
	b->folder = meter__folder_of(b->path);
	if (b->folder)
		meter__buffer_format(&b->temporary, "%s/meter-backup-%016llx.tmp", b->folder,
		                     (unsigned long long)meter__os.random());
	if (!b->folder || b->temporary.failed)
		return meter__fail(METER_ENOMEM, "no memory for a path");
	b->fd = open(meter__buffer_cstr(&b->temporary), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return b->fd >= 0 ? METER_OK : fail("created", b->path);
}

static int copy(struct backup *b, struct meter *m, meter_progress progress, void *user, int64_t *events_out)
{
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	struct totals totals = {0};
	code = meter__store_backup(r, meter__buffer_cstr(&b->temporary), progress, user);
	if (code == METER_OK)
		code = meter__store_totals(r, &totals); /* of the snapshot that was copied */
	meter__store_reader_done(r);
	*events_out = totals.accepted;
	return code;
}

static int sync_folder(const struct backup *b)
{
	int fd = open(b->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail("opened", b->folder);
	int code = fsync(fd) == 0 ? METER_OK : fail("synced", b->folder);
	close(fd);
	return code;
}

/* Unlike rename() it does not replace a file that was made meanwhile; not every file system knows it. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return METER_OK;
	if (errno != EINVAL && errno != ENOSYS)
		return fail("created", to);
	int code = check_free(to);
	return code != METER_OK || rename(from, to) == 0 ? code : fail("created", to);
}

static int publish(struct backup *b)
{
	const char *temporary = meter__buffer_cstr(&b->temporary);
	if (fsync(b->fd) != 0)
		return fail("synced", temporary);
	int code = rename_new(temporary, b->path);
	if (code != METER_OK)
		return code;
	code = sync_folder(b);
	if (code != METER_OK)
		(void)unlink(b->path);
	return code;
}

static void clear_up(struct backup *b, bool is_made)
{
	struct buffer name = {0};
	for (size_t i = 0; b->fd >= 0 && i < SIDECAR_COUNT; i++) {
		meter__buffer_reset(&name);
		meter__buffer_format(&name, "%s%s", meter__buffer_cstr(&b->temporary), sidecars[i]);
		if (!name.failed)
			(void)unlink(meter__buffer_cstr(&name));
	}
	if (b->fd >= 0) {
		if (!is_made)
			(void)unlink(meter__buffer_cstr(&b->temporary));
		close(b->fd);
	}
	meter__buffer_free(&name);
	meter__buffer_free(&b->temporary);
	free(b->folder);
}

int meter_backup(meter *m, const char *path, meter_progress progress, void *user, int64_t *events_out)
{
	REQUIRE(m);
	if (events_out)
		*events_out = 0;
	struct slice name;
	int code = meter__argument(&name, "path", path, METER_NUL_TERMINATED);
	if (code != METER_OK)
		return code;
	REQUIRE_OWN(m);
	struct backup b = {.path = path, .fd = -1};
	int64_t events = 0;
	code = check_names(path);
	if (code == METER_OK)
		code = create(&b);
	if (code == METER_OK)
		code = copy(&b, m, progress, user, &events);
	if (code == METER_OK)
		code = publish(&b);
	clear_up(&b, code == METER_OK);
	if (code == METER_OK && events_out)
		*events_out = events;
	return code;
}
