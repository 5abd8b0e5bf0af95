/* faults.h - one fault at a time: the N-th call of a kind fails, once or from then on. Shared by fault_vfs.c, wrap.c and nth.c.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>

enum fault_kind {
	/* SQLite's calls to the system, by the VFS */
	FAULT_VFS_OPEN,
	FAULT_VFS_READ,
	FAULT_VFS_WRITE,
	FAULT_VFS_FULL, /* a write that finds the disk full */
	FAULT_VFS_SYNC,
	FAULT_VFS_TRUNCATE,
	FAULT_VFS_SIZE,
	FAULT_VFS_SHM,
	/* memory: SQLite's and ours */
	FAULT_SQLITE_MALLOC,
	FAULT_MALLOC,
	/* the library's own calls */
	FAULT_OPEN,
	FAULT_ALLOCATE,
	FAULT_MMAP,
	FAULT_SYNC,
	FAULT_PWRITE,
	FAULT_PREAD,
	FAULT_FLOCK,
	FAULT_COUNT
};

extern const char *const fault_names[FAULT_COUNT];

/* The nth call (from 1 on) of this kind fails; persistent: all from then on. */
void fault_arm(enum fault_kind kind, int nth, bool is_persistent);
/* Nothing fails any more. Whether anything did. */
bool fault_clear(void);
/* Asked by every call of the kind: whether it is to fail. */
bool fault_hits(enum fault_kind kind);

/* Before SQLite is used. */
void fault_vfs_register(void);
void fault_malloc_register(void);

#endif
