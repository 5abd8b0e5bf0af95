/*
 * os.h - the one seam to the operating system: clocks, random bits, the lock file, free space. Tests replace the calls in
 * meter__os; nothing else in the library asks the system for the time.
 */
#ifndef METER_OS_H
#define METER_OS_H

#include <stdint.h>

struct os_calls {
	int64_t (*now_us)(void);  /* wall clock, microseconds since 1970 */
	int64_t (*mono_us)(void); /* never goes back; for waiting and ages */
	uint64_t (*random)(void); /* seeds of hash tables */
};

/* Replace before the first meter_open(), from one thread. */
extern struct os_calls meter__os;

/* Open or create FILE-lock, private to the owner. *fd_out is close-on-exec. METER_OK, METER_EREADONLY, METER_ENOTFOUND,
 * METER_EIO. */
int meter__os_lock_open(int *fd_out, const char *path);

/*
 * Take the lock exclusively within wait_ms: METER_OK, METER_EBUSY, METER_EIO. The lock belongs to this file descriptor (flock(2),
 * Linux and BSD), so it also excludes another handle of the same process, and the system releases it when the process dies.
 */
int meter__os_lock(int fd, int64_t wait_ms);
void meter__os_unlock(int fd);
/* Between the transactions of a long job: longer than anybody waits from one try for the lock to the next, and than a thread needs
 * to wake up. Without it whoever just had the lock has it again before others have noticed. */
void meter__os_give_way(void);

/* The folder of path, on the heap; NULL: no memory. */
char *meter__folder_of(const char *path);

/* Bytes free on the file system that holds path, for this user. METER_OK or METER_EIO. */
int meter__os_free_bytes(int64_t *out, const char *path);

/*
 * Where the crash tests stop or kill the process. Only in a build with METER_TEST_POINTS, whose test program supplies the
 * function; otherwise there is nothing here.
 */
#ifdef METER_TEST_POINTS
void meter__test_point(const char *name);
#define TEST_POINT(name) meter__test_point(name)
#else
#define TEST_POINT(name) ((void)0)
#endif

#endif
