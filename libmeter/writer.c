/*
 * writer.c - the writer thread: takes what waits, writes it in transactions of bounded size, says what became of it.
 *
 * A transaction that fails changes nothing and is tried again with the same entries, once a second: the key of an event makes a
 * second attempt harmless even when the first one turns out to have been committed after all (a failed fsync leaves that open).
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "os.h"

/* Bounds of one transaction. More would not be faster, only longer and larger in memory. */
#define LOAD_EVENTS 131072

static int add_entry(struct load *l, const struct entry *entry)
{
	const char *payload = (const char *)(entry + 1);
	struct arrival *arrival = &l->arrivals[l->count];
	*arrival = (struct arrival){.batch = entry->batch, .index = (uint32_t)entry->index};
	if (entry->is_refused) {
		arrival->refused_text = (struct slice){payload + strlen(payload) + 1, entry->text_size};
		arrival->reason = meter__copy(meter__slice_of(payload));
		if (!arrival->reason)
			return meter__fail(METER_ENOMEM, "no memory for a reason");
	} else {
		arrival->record = payload;
	}
	l->count++;
	return METER_OK;
}

/* The entries from offset on, as many as fit. *end_out is the offset behind them. METER_OK or METER_ENOMEM. */
static int fill_load(struct load *l, const struct intake_buffer *taken, size_t offset, size_t *end_out)
{
	meter__load_clear(l);
	while (offset < taken->size && l->count < LOAD_EVENTS) {
		const struct entry *entry = (const struct entry *)(const void *)(taken->data + offset);
		int code = add_entry(l, entry);
		if (code != METER_OK)
			return code;
		offset += entry->size;
	}
	*end_out = offset;
	return METER_OK;
}

static int write_load(struct meter *m, struct load *l)
{
	struct live *live = meter__store_live(m->store);
	int code = meter__load_prepare(l, live);
	meter__live_release(live);
	if (code == METER_OK)
		code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_ingest(m->store, l);
	if (code != METER_OK) {
		meter__store_rollback(m->store);
		return code;
	}
	return meter__store_commit(m->store);
}

static void tell_outcomes(struct meter *m, struct load *l)
{
	pthread_mutex_lock(&m->intake.mutex);
	for (size_t i = 0; i < l->count; i++) {
		struct arrival *arrival = &l->arrivals[i];
		if (!arrival->batch)
			continue;
		meter__intake_decide_locked(&m->intake, arrival);
		arrival->reason = NULL;
	}
	meter__intake_decided_locked(&m->intake, l->count);
	pthread_mutex_unlock(&m->intake.mutex);
}

/* What is left is lost: leave the reason for meter_close(). */
static void give_up(struct meter *m, int code)
{
	m->close_code = code;
	memcpy(m->close_text, m->intake.error_text, sizeof(m->close_text));
}

/* Write everything that was taken. False: it cannot be written and the handle is closing. */
static bool write_taken(struct meter *m, struct load *l)
{
	size_t offset = 0;
	while (offset < m->intake.taken.size) {
		size_t end = offset;
		int code = fill_load(l, &m->intake.taken, offset, &end);
		if (code == METER_OK)
			code = write_load(m, l);
		if (code == METER_OK) {
			tell_outcomes(m, l);
			offset = end;
		} else if (!meter__intake_failed(&m->intake, code)) {
			give_up(m, code);
			return false;
		}
	}
	return true;
}

void *meter__writer_main(void *user)
{
	struct meter *m = user;
	struct load l = {0};
	while (meter__load_init(&l, LOAD_EVENTS, meter__os.random()) != METER_OK) {
		if (!meter__intake_failed(&m->intake, METER_ENOMEM)) {
			give_up(m, METER_ENOMEM);
			return NULL;
		}
	}
	while (meter__intake_take(&m->intake, m->commit_interval_us)) {
		if (!write_taken(m, &l))
			break;
	}
	meter__load_free(&l);
	return NULL;
}
