/*
 * intake.c - see intake.h. Filling a block or appending to the spool happens 10^5 to 10^6 times a second; what is here happens
 * once a block, a load or a call that waits.
 */
#include "intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "os.h"

#define RETRY_MS 1000
/* The first block of a batch is small, for it may be all of it. */
#define BLOCK_SIZE_FIRST (8u << 10)
#define BLOCK_SIZE (256u << 10)
/* How much makes a load worth preparing while another one is written, unless the room for what waits is small. */
#define TAKE_BYTES (24u << 20)
#define CLOSING_PAUSE_MAX_US 50000
#define DAMAGED_REASON "a record of the spool was damaged: torn by a loss of power, or overwritten"

int meter__intake_init(struct intake *in, size_t capacity)
{
	*in = (struct intake){.capacity = capacity};
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&in->work, &attributes);
	pthread_cond_init(&in->progress, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&in->mutex, NULL);
	return METER_OK;
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void meter__intake_free(struct intake *in)
{
	free_blocks(in->first);
	free_blocks(in->spare);
	pthread_cond_destroy(&in->work);
	pthread_cond_destroy(&in->progress);
	pthread_mutex_destroy(&in->mutex);
}

/* Wait for a condition until a point of monotonic time. The clock of the condition is the real one, also under test. */
static bool wait_until_locked(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_us)
{
	struct timespec t = {deadline_us / 1000000, deadline_us % 1000000 * 1000};
	return pthread_cond_timedwait(condition, mutex, &t) != ETIMEDOUT;
}

static int64_t deadline_after(int64_t ms)
{
	return meter__os.mono_us() + ms * 1000;
}

static int fail_as_writer_locked(const struct intake *in)
{
	return meter__fail(in->error, "%s", in->error_text);
}

/* ---- blocks ---- */

static struct block *new_block(struct intake *in, size_t capacity)
{
	struct block *block = NULL;
	if (capacity == BLOCK_SIZE) {
		pthread_mutex_lock(&in->mutex);
		block = in->spare;
		if (block) {
			in->spare = block->next;
			in->spare_bytes -= block->capacity;
		}
		pthread_mutex_unlock(&in->mutex);
	}
	if (!block)
		block = malloc(sizeof(*block) + capacity);
	if (block)
		*block = (struct block){.capacity = capacity};
	return block;
}

static int grow_outcomes(struct intake *in, struct meter_batch *batch)
{
	if (batch->count < batch->capacity)
		return METER_OK;
	size_t capacity = batch->capacity ? batch->capacity * 2 : 256;
	pthread_mutex_lock(&in->mutex);
	uint8_t *outcomes = realloc(batch->outcomes, capacity);
	if (outcomes) {
		memset(outcomes + batch->capacity, METER_PENDING, capacity - batch->capacity);
		batch->outcomes = outcomes;
		batch->capacity = capacity;
	}
	pthread_mutex_unlock(&in->mutex);
	return outcomes ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a batch of %zu events", capacity);
}

static int wait_for_blocks(struct intake *in, size_t size)
{
	int code = METER_OK;
	pthread_mutex_lock(&in->mutex);
	uint64_t failures = in->failures;
	while (code == METER_OK && in->first && in->waiting_bytes + size > in->capacity) {
		pthread_cond_broadcast(&in->work);
		if (in->error != METER_OK && (in->failures != failures || in->broken))
			code = fail_as_writer_locked(in);
		else
			pthread_cond_wait(&in->progress, &in->mutex);
	}
	pthread_mutex_unlock(&in->mutex);
	return code;
}

static void append_locked(struct intake *in, struct block *block)
{
	block->next = NULL;
	block->since_us = meter__os.now_us();
	if (in->first)
		in->last->next = block;
	else
		in->first = block;
	in->last = block;
	if (!in->untaken)
		in->untaken = block;
	in->waiting_bytes += block->capacity;
	in->untaken_bytes += block->size;
	in->handed_over += block->count;
}

void meter__intake_hand_over(struct intake *in, struct meter_batch *batch)
{
	struct block *block = batch->filling;
	if (!block || block->count == 0)
		return;
	pthread_mutex_lock(&in->mutex);
	append_locked(in, block);
	batch->target = in->handed_over;
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->mutex);
	batch->filling = NULL;
}

static size_t entry_size(size_t payload_size)
{
	return (sizeof(struct entry) + payload_size + 7) & ~(size_t)7;
}

int meter__intake_reserve(struct intake *in, struct meter_batch *batch, size_t payload_size, char **payload_out)
{
	size_t size = entry_size(payload_size);
	int code = grow_outcomes(in, batch);
	if (code != METER_OK)
		return code;
	if (!batch->filling || batch->filling->size + size > batch->filling->capacity) {
		size_t capacity = batch->count == 0 ? BLOCK_SIZE_FIRST : BLOCK_SIZE;
		if (size > capacity)
			capacity = size;
		meter__intake_hand_over(in, batch);
		code = wait_for_blocks(in, capacity);
		if (code != METER_OK)
			return code;
		free(batch->filling); /* empty and too small, or none */
		batch->filling = new_block(in, capacity);
		if (!batch->filling)
			return meter__fail(METER_ENOMEM, "no memory for a batch");
		batch->filling->batch = batch;
	}
	*payload_out = batch->filling->data + batch->filling->size + sizeof(struct entry);
	return METER_OK;
}

void meter__intake_add(struct meter_batch *batch, size_t payload_size, bool is_refused, size_t text_size)
{
	struct block *block = batch->filling;
	struct entry entry = {.size = (uint32_t)entry_size(payload_size),
	                      .text_size = (uint32_t)text_size,
	                      .index = (uint32_t)batch->count++,
	                      .is_refused = is_refused};
	memcpy(block->data + block->size, &entry, sizeof(entry));
	block->size += entry.size;
	block->count++;
}

void meter__intake_detach(struct intake *in, const struct meter_batch *batch)
{
	pthread_mutex_lock(&in->mutex);
	for (struct block *block = in->first; block; block = block->next) {
		if (block->batch == batch)
			block->batch = NULL;
	}
	pthread_mutex_unlock(&in->mutex);
}

/* ---- waiting ---- */

static uint64_t consumed(const struct intake *in)
{
	return in->spool ? meter__spool_consumed(in->spool) : 0;
}

int meter__intake_wait(struct intake *in, uint64_t entries, uint64_t position, int64_t timeout_ms)
{
	int code = METER_OK;
	int64_t deadline = timeout_ms >= 0 ? deadline_after(timeout_ms) : 0;
	pthread_mutex_lock(&in->mutex);
	uint64_t failures = in->failures;
	if (in->urgent_entries < entries)
		in->urgent_entries = entries;
	if (in->urgent_position < position)
		in->urgent_position = position;
	pthread_cond_broadcast(&in->work);
	while (code == METER_OK && (in->decided < entries || consumed(in) < position)) {
		if (in->failures != failures || in->broken)
			code = fail_as_writer_locked(in);
		else if (timeout_ms < 0)
			pthread_cond_wait(&in->progress, &in->mutex);
		else if (!wait_until_locked(&in->progress, &in->mutex, deadline) &&
		         (in->decided < entries || consumed(in) < position))
			code = meter__fail(METER_ETIMEDOUT, "not everything was durable within %lld ms", (long long)timeout_ms);
	}
	pthread_mutex_unlock(&in->mutex);
	return code;
}

int meter__intake_wait_for_room(struct intake *in, int64_t wait_ms)
{
	bool is_in_time = wait_ms > 0;
	pthread_mutex_lock(&in->mutex);
	pthread_cond_broadcast(&in->work);
	if (is_in_time)
		is_in_time = wait_until_locked(&in->progress, &in->mutex, deadline_after(wait_ms));
	int code = METER_OK;
	if (!is_in_time && in->error != METER_OK)
		code = meter__fail(METER_EAGAIN, "the spool is full, and cannot be written: %s", in->error_text);
	else if (!is_in_time)
		code = meter__fail(METER_EAGAIN, "the spool is full: events come faster than they are written");
	pthread_mutex_unlock(&in->mutex);
	return code;
}

int meter__intake_broken(struct intake *in)
{
	pthread_mutex_lock(&in->mutex);
	int code = fail_as_writer_locked(in);
	pthread_mutex_unlock(&in->mutex);
	return code;
}

void meter__intake_wake(struct intake *in)
{
	pthread_mutex_lock(&in->mutex);
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->mutex);
}

/* ---- taking ---- */

/* Bytes of records that are claimed and in no load. */
static size_t spooled_bytes(const struct intake *in)
{
	return in->spool ? (size_t)(meter__spool_head(in->spool) - in->taken) * SPOOL_UNIT : 0;
}

static bool is_urgent_locked(const struct intake *in)
{
	return in->is_closing || in->urgent_entries > in->decided || in->urgent_position > consumed(in);
}

static bool is_much(const struct intake *in)
{
	size_t much = in->capacity / 4 < TAKE_BYTES ? in->capacity / 4 : TAKE_BYTES;
	return in->untaken_bytes + spooled_bytes(in) >= much;
}

/* While a transaction is under way, little is left to gather: it makes a larger next one. */
static bool is_time_locked(const struct intake *in, bool is_due)
{
	if (is_much(in))
		return true;
	if (in->hauls > 0)
		return false;
	return in->untaken || (spooled_bytes(in) > 0 && (is_due || is_urgent_locked(in)));
}

/* Half the interval, so that the commit has the other half. Records of the spool do not wake the writer: it looks now and then.
 */
static bool wait_for_work_locked(struct intake *in, int64_t interval_us)
{
	bool is_due = false;
	while (!is_time_locked(in, is_due)) {
		if (in->is_closing && !in->untaken && spooled_bytes(in) == 0)
			return false;
		atomic_store(&in->is_asleep, true);
		if (!in->spool)
			pthread_cond_wait(&in->work, &in->mutex);
		else
			is_due = !wait_until_locked(&in->work, &in->mutex, meter__os.mono_us() + interval_us / 2);
		atomic_store(&in->is_asleep, false);
	}
	return true;
}

/* The blocks of the next load: those up to haul->last, which others may append to while they are read. */
static void take_blocks_locked(struct intake *in, struct haul *haul, size_t room)
{
	haul->first = haul->last = NULL;
	haul->entries = 0;
	while (in->untaken && haul->entries + in->untaken->count <= room) {
		if (!haul->first)
			haul->first = in->untaken;
		haul->last = in->untaken;
		haul->entries += in->untaken->count;
		in->untaken_bytes -= in->untaken->size;
		in->untaken = in->untaken->next;
	}
}

static void read_block(struct load *l, struct block *block)
{
	for (size_t at = 0; at < block->size;) {
		const struct entry *entry = (const struct entry *)(const void *)(block->data + at);
		const char *payload = (const char *)(entry + 1);
		struct arrival *arrival = &l->arrivals[l->count++];
		*arrival = (struct arrival){.block = block, .index = entry->index};
		if (entry->is_refused) {
			arrival->refused_reason = payload;
			arrival->refused_text = (struct slice){payload + strlen(payload) + 1, entry->text_size};
		} else {
			arrival->record = payload;
		}
		at += entry->size;
	}
}

static void read_blocks(struct haul *haul)
{
	for (struct block *block = haul->first; block; block = block->next) {
		read_block(&haul->load, block);
		if (block == haul->last)
			return;
	}
}

void meter__haul_read_spool(struct haul *haul, struct spool *spool, size_t room)
{
	struct load *l = &haul->load;
	struct spool_record record;
	while (l->count < room && meter__spool_read(spool, &haul->to, &record)) {
		struct arrival *arrival = &l->arrivals[l->count++];
		*arrival = (struct arrival){.record = record.record};
		if (!record.record) {
			arrival->refused_reason = DAMAGED_REASON;
			arrival->refused_text = record.damaged;
			haul->damaged++;
		}
	}
}

/* One attempt. *is_done_out: closing, and nothing is left. Nothing taken otherwise: a thread is copying its record. */
static void take(struct intake *in, struct haul *haul, int64_t interval_us, bool *is_done_out)
{
	struct load *l = &haul->load;
	pthread_mutex_lock(&in->mutex);
	*is_done_out = !wait_for_work_locked(in, interval_us);
	/* Half of a load is for the spool if it has that much, so that neither side can keep the other one waiting. */
	take_blocks_locked(in, haul, in->spool ? l->capacity / 2 : l->capacity);
	haul->from = haul->to = in->taken;
	in->hauls++;
	pthread_mutex_unlock(&in->mutex);
	read_blocks(haul);
	if (in->spool)
		meter__haul_read_spool(haul, in->spool, l->capacity);
	pthread_mutex_lock(&in->mutex);
	in->taken = haul->to;
	if (l->count == 0)
		in->hauls--;
	pthread_mutex_unlock(&in->mutex);
}

bool meter__intake_take(struct intake *in, struct haul *haul, int64_t interval_us)
{
	bool is_done = false;
	int64_t pause_us = 50;
	meter__load_clear(&haul->load);
	haul->damaged = 0;
	for (;;) {
		take(in, haul, interval_us, &is_done);
		if (haul->load.count > 0)
			return true;
		/* A thread that was killed while it copied will never publish its record, nor was it promised anything. */
		if (is_done || (in->is_closing && pause_us > CLOSING_PAUSE_MAX_US))
			return false;
		struct timespec pause = {0, pause_us * 1000};
		nanosleep(&pause, NULL);
		pause_us = pause_us < 100000 ? pause_us * 2 : pause_us;
	}
}

/* ---- deciding ---- */

static void keep_reason(struct meter_batch *batch, struct arrival *arrival)
{
	if (batch->reason_count == batch->reason_capacity) {
		size_t capacity = batch->reason_capacity ? batch->reason_capacity * 2 : 16;
		struct batch_reason *reasons = realloc(batch->reasons, capacity * sizeof(*reasons));
		if (!reasons)
			return; /* the outcome stands, and the reason is in quarantine */
		batch->reasons = reasons;
		batch->reason_capacity = capacity;
	}
	char *reason = arrival->reason ? arrival->reason : meter__copy(meter__slice_of(arrival->refused_reason));
	if (!reason)
		return;
	arrival->reason = NULL;
	batch->reasons[batch->reason_count++] = (struct batch_reason){arrival->index, reason};
}

static void decide_locked(struct arrival *arrival)
{
	struct meter_batch *batch = arrival->block ? arrival->block->batch : NULL;
	if (!batch)
		return;
	batch->outcomes[arrival->index] = (uint8_t)arrival->outcome;
	batch->decided++;
	if (arrival->reason || arrival->refused_reason)
		keep_reason(batch, arrival);
}

/* Blocks are decided in their order, so those of the haul are the first ones. */
static void drop_blocks_locked(struct intake *in, const struct block *last)
{
	bool is_last = false;
	while (!is_last) {
		struct block *block = in->first;
		is_last = block == last;
		in->first = block->next;
		in->waiting_bytes -= block->capacity;
		if (block->capacity == BLOCK_SIZE && in->waiting_bytes + in->spare_bytes + BLOCK_SIZE <= in->capacity) {
			block->next = in->spare;
			in->spare = block;
			in->spare_bytes += BLOCK_SIZE;
		} else {
			free(block);
		}
	}
}

void meter__intake_decide(struct intake *in, struct haul *haul)
{
	pthread_mutex_lock(&in->mutex);
	for (size_t i = 0; haul->last && i < haul->load.count; i++)
		decide_locked(&haul->load.arrivals[i]);
	if (haul->last)
		drop_blocks_locked(in, haul->last);
	in->decided += haul->entries;
	if (haul->to > haul->from)
		meter__spool_release(in->spool, haul->to);
	in->hauls--;
	in->error = METER_OK;
	if (in->spool)
		meter__spool_tell(in->spool, METER_OK);
	pthread_cond_broadcast(&in->progress);
	pthread_cond_broadcast(&in->work); /* another haul may be taken before there is much */
	pthread_mutex_unlock(&in->mutex);
}

void meter__intake_abandon(struct intake *in)
{
	pthread_mutex_lock(&in->mutex);
	in->hauls--;
	/* The other writer may be asleep with something untaken, because this haul was under way: nobody else would wake it. */
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->mutex);
}

/* What no later attempt can mend. */
static bool is_for_good(int code)
{
	return code == METER_ECORRUPT || code == METER_EFOREIGN || code == METER_ENEWER || code == METER_EBACKWARDS;
}

bool meter__intake_failed(struct intake *in, int code)
{
	pthread_mutex_lock(&in->mutex);
	/* An attempt that failed before the handle was closing is not the last one: what kept it from writing may be over. */
	bool is_last = in->is_closing || is_for_good(code);
	in->error = code;
	in->failures++;
	if (in->spool)
		meter__spool_tell(in->spool, code);
	snprintf(in->error_text, sizeof(in->error_text), "%s", meter_errmsg());
	if (is_for_good(code))
		atomic_store(&in->broken, code);
	/* Who waited has been told. Whoever asks from now on is worth another attempt at once. */
	in->urgent_entries = in->decided;
	in->urgent_position = consumed(in);
	pthread_cond_broadcast(&in->progress);
	int64_t deadline = deadline_after(RETRY_MS);
	while (!is_last && !is_urgent_locked(in) && wait_until_locked(&in->work, &in->mutex, deadline))
		;
	pthread_mutex_unlock(&in->mutex);
	return !is_last;
}
