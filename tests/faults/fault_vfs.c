/*
 * fault_vfs.c - a VFS around SQLite's own, made the default: calls of the kind under test fail as the system would make them
 * fail, all others go through. Also the counting itself, and SQLite's allocator.
 */
#include "faults.h"
#include "through.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char *const fault_names[FAULT_COUNT] = {"vfs-open", "vfs-read", "vfs-write",     "vfs-full", "vfs-sync", "vfs-truncate",
                                              "vfs-size", "vfs-shm",  "sqlite-malloc", "malloc",   "open",     "allocate",
                                              "mmap",     "sync",     "pwrite",        "pread",    "flock"};

/* ---- counting ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
	enum fault_kind kind;
	int nth;
	int calls;
	bool is_persistent;
	bool is_armed;
	bool has_fired;
} fault;

void fault_arm(enum fault_kind kind, int nth, bool is_persistent)
{
	pthread_mutex_lock(&mutex);
	fault.kind = kind;
	fault.nth = nth;
	fault.calls = 0;
	fault.is_persistent = is_persistent;
	fault.is_armed = true;
	fault.has_fired = false;
	pthread_mutex_unlock(&mutex);
}

bool fault_clear(void)
{
	pthread_mutex_lock(&mutex);
	fault.is_armed = false;
	bool has_fired = fault.has_fired;
	pthread_mutex_unlock(&mutex);
	return has_fired;
}

bool fault_hits(enum fault_kind kind)
{
	pthread_mutex_lock(&mutex);
	bool hits = false;
	if (fault.is_armed && fault.kind == kind) {
		fault.calls++;
		hits = fault.calls == fault.nth || (fault.is_persistent && fault.calls > fault.nth);
		fault.has_fired |= hits;
	}
	pthread_mutex_unlock(&mutex);
	return hits;
}

/* ---- files ---- */

static sqlite3_vfs *real_vfs;

static int do_read(sqlite3_file *f, void *to, int size, sqlite3_int64 at)
{
	return fault_hits(FAULT_VFS_READ) ? SQLITE_IOERR_READ : real_of(f)->pMethods->xRead(real_of(f), to, size, at);
}

static int do_write(sqlite3_file *f, const void *from, int size, sqlite3_int64 at)
{
	if (fault_hits(FAULT_VFS_WRITE)) {
		/* Half of it is on the disk all the same. */
		(void)real_of(f)->pMethods->xWrite(real_of(f), from, size / 2, at);
		return SQLITE_IOERR_WRITE;
	}
	return fault_hits(FAULT_VFS_FULL) ? SQLITE_FULL : real_of(f)->pMethods->xWrite(real_of(f), from, size, at);
}

static int do_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fault_hits(FAULT_VFS_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int do_sync(sqlite3_file *f, int flags)
{
	return fault_hits(FAULT_VFS_SYNC) ? SQLITE_IOERR_FSYNC : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *out)
{
	return fault_hits(FAULT_VFS_SIZE) ? SQLITE_IOERR_FSTAT : real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static int do_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return fault_hits(FAULT_VFS_SHM) ? SQLITE_IOERR_SHMMAP
	                                 : real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static sqlite3_io_methods methods; /* of the files of this VFS */

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	(void)vfs;
	struct through_file *file = (struct through_file *)(void *)f;
	file->base.pMethods = NULL;
	if (fault_hits(FAULT_VFS_OPEN))
		return SQLITE_CANTOPEN;
	file->real = (sqlite3_file *)(void *)(file + 1);
	int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
	if (rc == SQLITE_OK)
		file->base.pMethods = &methods;
	return rc;
}

void fault_vfs_register(void)
{
	static sqlite3_vfs vfs;
	methods = through_methods;
	methods.xRead = do_read;
	methods.xWrite = do_write;
	methods.xTruncate = do_truncate;
	methods.xSync = do_sync;
	methods.xFileSize = do_size;
	methods.xShmMap = do_shm_map;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs; /* everything but opening is the system's */
	vfs.zName = "fault";
	vfs.szOsFile = real_vfs->szOsFile + (int)sizeof(struct through_file);
	vfs.xOpen = do_open;
	sqlite3_vfs_register(&vfs, 1);
}

/* ---- SQLite's memory ---- */

static sqlite3_mem_methods memory;

static void *do_malloc(int size)
{
	return fault_hits(FAULT_SQLITE_MALLOC) ? NULL : memory.xMalloc(size);
}

static void *do_realloc(void *old, int size)
{
	return fault_hits(FAULT_SQLITE_MALLOC) ? NULL : memory.xRealloc(old, size);
}

void fault_malloc_register(void)
{
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
	sqlite3_mem_methods failing = memory;
	failing.xMalloc = do_malloc;
	failing.xRealloc = do_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &failing);
}
