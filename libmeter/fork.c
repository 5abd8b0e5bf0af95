/*
 * fork.c - see fork.h. Linux calls used here: madvise(MADV_WIPEONFORK), so that a child is also noticed when it was made by a
 * system call that runs no handlers.
 */
#include "fork.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "error.h"
#include "os.h"

/* Random and not 0; reads 0 in a child until that registers a handle of its own. NULL: nothing was registered yet. */
static _Atomic uint64_t *process;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int setup_error;

/* Guards all below. fork() happens while it is held, with nobody inside SQLite. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int inside;                   /* threads between enter and leave */
static int forking;                  /* threads in fork() */
static struct fork_guard *guards;    /* of this process */
static struct fork_guard *inherited; /* of its parent */

static _Thread_local int depth;

void meter__fork_enter(void)
{
	if (depth++ > 0)
		return;
	pthread_mutex_lock(&mutex);
	while (forking > 0) /* else a fork could wait for ever because some thread is always inside */
		pthread_cond_wait(&changed, &mutex);
	inside++;
	pthread_mutex_unlock(&mutex);
}

void meter__fork_leave(void)
{
	if (--depth > 0)
		return;
	pthread_mutex_lock(&mutex);
	if (--inside == 0)
		pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void before_fork(void)
{
	pthread_mutex_lock(&mutex);
	forking++;
	while (inside > 0)
		pthread_cond_wait(&changed, &mutex);
}

static void after_fork_in_parent(void)
{
	forking--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void after_fork_in_child(void)
{
	forking = 0;
	pthread_cond_init(&changed, NULL); /* those who waited on it do not exist here */
	atomic_store(process, 0);
	for (struct fork_guard *guard = guards; guard; guard = guard->next)
		guard->abandon(guard);
	struct fork_guard **end = &guards;
	while (*end)
		end = &(*end)->next;
	*end = inherited;
	if (inherited)
		inherited->link = end;
	inherited = guards;
	if (inherited)
		inherited->link = &inherited;
	guards = NULL;
	pthread_mutex_unlock(&mutex);
}

static void set_up(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) != 0) {
		setup_error = errno;
		return;
	}
	process = page;
	setup_error = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void link_guard(struct fork_guard **list, struct fork_guard *guard)
{
	guard->next = *list;
	guard->link = list;
	if (guard->next)
		guard->next->link = &guard->next;
	*list = guard;
}

static void unlink_guard(struct fork_guard *guard)
{
	*guard->link = guard->next;
	if (guard->next)
		guard->next->link = guard->link;
	guard->link = NULL;
}

int meter__fork_register(struct fork_guard *guard)
{
	pthread_once(&once, set_up);
	if (setup_error != 0)
		return meter__fail(METER_EIO, "a handle cannot be guarded against fork: %s", strerror(setup_error));
	pthread_mutex_lock(&mutex);
	if (atomic_load(process) == 0 && guards) {
		/* What SQLite was doing at that moment is not known, so its memory cannot be put in order. */
		pthread_mutex_unlock(&mutex);
		return meter__fail(METER_EFORKED, "this process was made by a call that runs no fork handlers; call exec first");
	}
	while (inherited) {
		struct fork_guard *first = inherited;
		unlink_guard(first);
		first->drop(first);
	}
	if (atomic_load(process) == 0)
		atomic_store(process, meter__os.random() | 1);
	guard->process = atomic_load(process);
	link_guard(&guards, guard);
	pthread_mutex_unlock(&mutex);
	return METER_OK;
}

void meter__fork_unregister(struct fork_guard *guard)
{
	pthread_mutex_lock(&mutex);
	if (guard->link) /* its neighbours write it, too */
		unlink_guard(guard);
	pthread_mutex_unlock(&mutex);
}

int meter__fork_check(const struct fork_guard *guard)
{
	if (guard->process == atomic_load_explicit(process, memory_order_relaxed))
		return METER_OK;
	return meter__fail(METER_EFORKED, "the handle was opened before fork(): open the file again in this process");
}
