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

/* Bounds of one transaction. More would not be faster, only longer and larger in memory. */
#define CHUNK_EVENTS 131072
#define CHUNK_PROPERTIES 600000

struct chunk {
	struct arrival *arrivals;
	const struct entry **entries;
	struct property *properties;
	size_t count;
	size_t property_count;
};

static bool chunk_allocate(struct chunk *c)
{
	c->arrivals = malloc(CHUNK_EVENTS * sizeof(*c->arrivals));
	c->entries = malloc(CHUNK_EVENTS * sizeof(*c->entries));
	c->properties = malloc((CHUNK_PROPERTIES + EVENT_PROPERTIES_MAX) * sizeof(*c->properties));
	return c->arrivals && c->entries && c->properties;
}

static void chunk_free(struct chunk *c)
{
	free(c->arrivals);
	free(c->entries);
	free(c->properties);
}

/* Forget the reasons that a failed attempt left. */
static void chunk_clear(struct chunk *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->arrivals[i].reason);
	c->count = 0;
	c->property_count = 0;
}

static bool add_entry(struct chunk *c, const struct entry *entry)
{
	const char *payload = (const char *)(entry + 1);
	struct arrival *arrival = &c->arrivals[c->count];
	*arrival = (struct arrival){.outcome = METER_PENDING};
	if (entry->is_refused) {
		arrival->refused_text = (struct slice){payload + strlen(payload) + 1, entry->text_size};
		arrival->reason = meter__copy(meter__slice_of(payload));
		if (!arrival->reason)
			return false;
	} else {
		meter__event_decode(&arrival->event, c->properties + c->property_count, payload);
		c->property_count += arrival->event.property_count;
	}
	c->entries[c->count++] = entry;
	return true;
}

/* The entries from offset on, as many as fit. *end_out is the offset behind them. METER_OK or METER_ENOMEM. */
static int fill_chunk(struct chunk *c, const struct intake_buffer *taken, size_t offset, size_t *end_out)
{
	chunk_clear(c);
	while (offset < taken->size && c->count < CHUNK_EVENTS && c->property_count < CHUNK_PROPERTIES) {
		const struct entry *entry = (const struct entry *)(const void *)(taken->data + offset);
		if (!add_entry(c, entry))
			return meter__fail(METER_ENOMEM, "no memory for a reason");
		offset += entry->size;
	}
	*end_out = offset;
	return METER_OK;
}

static int write_chunk(struct meter *m, struct chunk *c)
{
	int code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_ingest(m->store, c->arrivals, c->count);
	if (code != METER_OK) {
		meter__store_rollback(m->store);
		return code;
	}
	return meter__store_commit(m->store);
}

static void tell_outcomes(struct meter *m, struct chunk *c)
{
	pthread_mutex_lock(&m->intake.mutex);
	for (size_t i = 0; i < c->count; i++) {
		if (!c->entries[i]->batch)
			continue;
		meter__intake_decide_locked(&m->intake, c->entries[i], c->arrivals[i].outcome, c->arrivals[i].reason);
		c->arrivals[i].reason = NULL;
	}
	meter__intake_decided_locked(&m->intake, c->count);
	pthread_mutex_unlock(&m->intake.mutex);
}

/* What is left is lost: leave the reason for meter_close(). */
static void give_up(struct meter *m, int code)
{
	m->close_code = code;
	memcpy(m->close_text, m->intake.error_text, sizeof(m->close_text));
}

/* Write everything that was taken. False: it cannot be written and the handle is closing. */
static bool write_taken(struct meter *m, struct chunk *c)
{
	size_t offset = 0;
	while (offset < m->intake.taken.size) {
		size_t end = offset;
		int code = fill_chunk(c, &m->intake.taken, offset, &end);
		if (code == METER_OK)
			code = write_chunk(m, c);
		if (code == METER_OK) {
			tell_outcomes(m, c);
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
	struct chunk c = {0};
	while (!chunk_allocate(&c)) {
		chunk_free(&c);
		(void)meter__fail(METER_ENOMEM, "no memory for the writer");
		if (!meter__intake_failed(&m->intake, METER_ENOMEM)) {
			give_up(m, METER_ENOMEM);
			return NULL;
		}
	}
	while (meter__intake_take(&m->intake, m->commit_interval_us)) {
		if (!write_taken(m, &c))
			break;
	}
	chunk_clear(&c);
	chunk_free(&c);
	return NULL;
}
