/* os.c - see os.h. Linux calls used here: flock(2), getrandom(2). */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "error.h"

static int64_t clock_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wall_clock_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

static int64_t monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static uint64_t random_bits(void)
{
	uint64_t bits;
	if (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		bits = (uint64_t)monotonic_us(); /* only during early boot: a weaker seed, not a wrong result */
	return bits;
}

#define GIVE_WAY_US 1000

struct os_calls meter__os = {wall_clock_us, monotonic_us, random_bits};

int meter__os_lock_open(int *fd_out, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		*fd_out = fd;
		return METER_OK;
	}
	switch (errno) {
	case EROFS:
	case EACCES:
	case EPERM:
		return meter__fail(METER_EREADONLY, "%s cannot be written: %s", path, strerror(errno));
	case ENOENT:
	case ENOTDIR:
		return meter__fail(METER_ENOTFOUND, "%s: the folder does not exist", path);
	case ENOSPC:
		return meter__fail(METER_EFULL, "%s: the disk is full", path);
	default:
		return meter__fail(METER_EIO, "%s cannot be opened: %s", path, strerror(errno));
	}
}

int meter__os_lock(int fd, int64_t wait_ms)
{
	int64_t give_up_us = meter__os.mono_us() + wait_ms * 1000;
	/* flock has no time-out of its own. The pause grows so that a short wait is short and a long one is cheap; but it stays
	 * below what long jobs give way for. */
	for (int64_t pause_us = 50;; pause_us = pause_us < GIVE_WAY_US / 2 ? pause_us * 2 : pause_us) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return METER_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return meter__fail(METER_EIO, "the lock file cannot be locked: %s", strerror(errno));
		if (meter__os.mono_us() >= give_up_us)
			return meter__fail(METER_EBUSY, "another process has been writing for longer than %lld ms",
			                   (long long)wait_ms);
		struct timespec pause = {0, pause_us * 1000};
		nanosleep(&pause, NULL);
	}
}

void meter__os_give_way(void)
{
	nanosleep(&(struct timespec){0, GIVE_WAY_US * 1000}, NULL);
}

void meter__os_unlock(int fd)
{
	(void)flock(fd, LOCK_UN); /* fails only for a descriptor that is not open */
}

char *meter__folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return meter__copy((struct slice)SLICE("."));
	return meter__copy((struct slice){path, slash == path ? 1 : (size_t)(slash - path)});
}

int meter__os_free_bytes(int64_t *out, const char *path)
{
	struct statvfs fs;
	if (statvfs(path, &fs) != 0)
		return meter__fail(METER_EIO, "%s: the file system does not tell its free space: %s", path, strerror(errno));
	*out = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	return METER_OK;
}
