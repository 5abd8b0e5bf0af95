/*
 * writer.c - two threads that take turns: while one writes a load, the other one takes and prepares the next.
 *
 * Each thread takes under take_mutex and keeps it until it has write_mutex, so loads are written in the order they were taken.
 *
 * A transaction that fails changes nothing and is tried again with the same events, once a second. When the failure left open
 * whether it was committed (a failed fsync), the keys of the events and the position of the spool, both in the same transaction,
 * make the second attempt harmless.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "os.h"

/* Bounds of one transaction. More would not be faster, only longer and larger in memory. */
#define LOAD_EVENTS 98304

static int write_haul(struct meter *m, struct haul *haul)
{
	int code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	TEST_POINT("writer.begun");
	if (haul->to > haul->from)
		code = meter__store_spool_consume(m->store, meter__spool_id(m->intake.spool), haul->from, haul->to,
		                                  haul->damaged);
	if (code == METER_OK)
		code = meter__store_ingest(m->store, &haul->load);
	if (code != METER_OK) {
		meter__store_rollback(m->store);
		return code;
	}
	TEST_POINT("writer.ingested");
	code = meter__store_commit(m->store);
	TEST_POINT("writer.committed");
	return code;
}

/* What is left is lost unless the spool has it: leave the reason for meter_close(). */
static void give_up(struct meter *m, int code)
{
	m->close_code = code;
	memcpy(m->close_text, m->intake.error_text, sizeof(m->close_text));
}

/* Until it is written. False: it cannot be, and the handle is closing or the file is damaged. */
static bool write_or_give_up(struct meter *m, struct haul *haul)
{
	while (m->close_code == METER_OK) {
		int code = write_haul(m, haul);
		if (code == METER_OK) {
			meter__intake_decide(&m->intake, haul);
			TEST_POINT("writer.decided");
			return true;
		}
		if (!meter__intake_failed(&m->intake, code))
			give_up(m, code);
	}
	return false;
}

/* Take, prepare, write; false when there is no more to do. */
static bool work(struct meter *m, struct haul *haul)
{
	pthread_mutex_lock(&m->take_mutex);
	if (!meter__intake_take(&m->intake, haul, m->commit_interval_us)) {
		pthread_mutex_unlock(&m->take_mutex);
		return false;
	}
	struct live *live = meter__store_live(m->store);
	/* Without memory it is not ready, and meter__store_ingest() tries again and tells. */
	if (meter__load_prepare(&haul->load, live) != METER_OK)
		meter__load_forget(&haul->load);
	meter__live_release(live);
	TEST_POINT("writer.prepared");
	pthread_mutex_lock(&m->write_mutex);
	pthread_mutex_unlock(&m->take_mutex);
	bool is_written = write_or_give_up(m, haul);
	pthread_mutex_unlock(&m->write_mutex);
	if (!is_written)
		meter__intake_abandon(&m->intake);
	return is_written;
}

static void *writer_main(void *user)
{
	struct writer *w = user;
	while (work(w->meter, &w->haul))
		;
	return NULL;
}

/* Writers leave all signals to the threads of the program. */
static int start(struct writer *w)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->is_started = error == 0;
	return w->is_started ? METER_OK : meter__fail(METER_ENOMEM, "the writer thread cannot be started: %s", strerror(error));
}

int meter__writers_start(struct meter *m)
{
	int code = METER_OK;
	for (int i = 0; code == METER_OK && i < WRITERS; i++) {
		m->writers[i].meter = m;
		code = meter__load_init(&m->writers[i].haul.load, LOAD_EVENTS, meter__os.random());
	}
	for (int i = 0; code == METER_OK && i < WRITERS; i++)
		code = start(&m->writers[i]);
	return code;
}

void meter__writers_stop(struct meter *m)
{
	pthread_mutex_lock(&m->intake.mutex);
	m->intake.is_closing = true;
	pthread_cond_broadcast(&m->intake.work);
	pthread_mutex_unlock(&m->intake.mutex);
	for (int i = 0; i < WRITERS; i++) {
		if (m->writers[i].is_started)
			pthread_join(m->writers[i].thread, NULL);
		meter__load_free(&m->writers[i].haul.load);
	}
}
