/*
 * fork.h - what fork() must not do to a handle, nor a child process with what it inherited.
 *
 * SQLite keeps its locks in memory that a child inherits, while the kernel gives the child none of them. So fork() waits until no
 * thread of ours is inside SQLite; handles of the parent are dead in the child, which closes their connections, then idle, when
 * it opens a file itself.
 */
#ifndef METER_FORK_H
#define METER_FORK_H

#include <stdbool.h>
#include <stdint.h>

/* What a handle remembers of its process; zero-initialised is unregistered. */
struct fork_guard {
	uint64_t process;
	struct fork_guard *next;
	struct fork_guard **link;                  /* what points to this one */
	void (*abandon)(struct fork_guard *guard); /* in the child, at once: async-signal-safe */
	void (*drop)(struct fork_guard *guard);    /* in the child, when it opens a file: close connections */
};

/* METER_OK, METER_ENOMEM, METER_EIO. Also drops what this process inherited. */
int meter__fork_register(struct fork_guard *guard);
void meter__fork_unregister(struct fork_guard *guard);

/* METER_OK, or METER_EFORKED: the handle belongs to the parent of this process. */
int meter__fork_check(const struct fork_guard *guard);

/* Around any use of SQLite; may be nested on one thread. fork() in another thread waits meanwhile. */
void meter__fork_enter(void);
void meter__fork_leave(void);

#endif
