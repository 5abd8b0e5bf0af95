/* intake.c - see intake.h. Appending happens 10^5 to 10^6 times a second; waiting once per flush or batch. */
#include "intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "error.h"
#include "os.h"

#define RETRY_MS 1000
/* Room for the largest entry on top of the capacity asked for, so that a full queue can always become empty. */
#define ENTRY_SIZE_MAX (REFUSED_TEXT_MAX + (64u << 10))

/* Large pages, where the system has them for the asking (Linux): touching a buffer for the first time then costs a few page
 * faults, not thousands. */
static char *allocate_buffer(size_t size)
{
	const size_t large_page = (size_t)2 << 20;
	void *data;
	if (posix_memalign(&data, large_page, (size + large_page - 1) & ~(large_page - 1)) != 0)
		return NULL;
	(void)madvise(data, size, MADV_HUGEPAGE); /* refused: small pages serve as well */
	return data;
}

int meter__intake_init(struct intake *in, size_t capacity)
{
	*in = (struct intake){.capacity = capacity + ENTRY_SIZE_MAX};
	in->open.data = allocate_buffer(in->capacity);
	in->taken.data = allocate_buffer(in->capacity);
	if (!in->open.data || !in->taken.data) {
		free(in->open.data);
		free(in->taken.data);
		return meter__fail(METER_ENOMEM, "no memory for a queue of %zu bytes", capacity);
	}
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&in->work, &attributes);
	pthread_cond_init(&in->progress, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&in->mutex, NULL);
	return METER_OK;
}

void meter__intake_free(struct intake *in)
{
	free(in->open.data);
	free(in->taken.data);
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

/* ---- appending ---- */

static int grow_batch_locked(struct meter_batch *batch)
{
	if (batch->count < batch->capacity)
		return METER_OK;
	size_t capacity = batch->capacity ? batch->capacity * 2 : 256;
	uint8_t *outcomes = realloc(batch->outcomes, capacity);
	if (!outcomes)
		return meter__fail(METER_ENOMEM, "no memory for a batch of %zu events", capacity);
	batch->outcomes = outcomes;
	batch->capacity = capacity;
	return METER_OK;
}

static int wait_for_room_locked(struct intake *in, size_t size, int64_t wait_ms)
{
	uint64_t failures = in->failures;
	int64_t deadline = wait_ms > 0 ? deadline_after(wait_ms) : 0;
	while (in->open.size + size > in->capacity) {
		pthread_cond_signal(&in->work);
		if (wait_ms < 0) {
			if (in->failures != failures && in->error != METER_OK)
				return fail_as_writer_locked(in);
			pthread_cond_wait(&in->progress, &in->mutex);
		} else if (wait_ms == 0 || !wait_until_locked(&in->progress, &in->mutex, deadline)) {
			return meter__fail(METER_EAGAIN, "the queue is full: %zu events wait to be written", in->open.count);
		}
	}
	return METER_OK;
}

/* Make room for an entry and fill in its header; *payload is where the rest goes. */
static int append_locked(struct intake *in, struct entry header, size_t payload_size, int64_t wait_ms, char **payload)
{
	size_t size = (sizeof(header) + payload_size + 7) & ~(size_t)7;
	int code = wait_for_room_locked(in, size, wait_ms);
	if (code == METER_OK && header.batch)
		code = grow_batch_locked(header.batch);
	if (code != METER_OK)
		return code;
	header.size = (uint32_t)size;
	if (header.batch) {
		header.index = header.batch->count++;
		header.batch->outcomes[header.index] = METER_PENDING;
		header.batch->pending++;
	}
	char *at = in->open.data + in->open.size;
	memcpy(at, &header, sizeof(header));
	*payload = at + sizeof(header);
	in->open.size += size;
	in->appended++;
	/* The writer sleeps without a limit only on an empty buffer; full, it should not wait for its interval. */
	if (in->open.count++ == 0) {
		in->open.first_us = meter__os.mono_us();
		pthread_cond_signal(&in->work);
	} else if (in->open.size > in->capacity / 2 && in->open.size - size <= in->capacity / 2) {
		pthread_cond_signal(&in->work);
	}
	return METER_OK;
}

int meter__intake_add_event(struct intake *in, const struct event *e, struct meter_batch *batch, int64_t wait_ms)
{
	size_t size = meter__event_encoded_size(e);
	char *payload;
	pthread_mutex_lock(&in->mutex);
	int code = append_locked(in, (struct entry){.batch = batch}, size, wait_ms, &payload);
	if (code == METER_OK)
		meter__event_encode(e, payload);
	else if (!batch)
		in->refused++;
	pthread_mutex_unlock(&in->mutex);
	return code;
}

int meter__intake_add_refused(struct intake *in, struct slice text, const char *reason, struct meter_batch *batch,
                              int64_t wait_ms)
{
	size_t reason_size = strnlen(reason, 1000);
	if (text.size > REFUSED_TEXT_MAX)
		text.size = REFUSED_TEXT_MAX;
	struct entry header = {.is_refused = true, .text_size = (uint32_t)text.size, .batch = batch};
	char *payload;
	pthread_mutex_lock(&in->mutex);
	int code = append_locked(in, header, reason_size + 1 + text.size, wait_ms, &payload);
	if (code == METER_OK) {
		memcpy(payload, reason, reason_size);
		payload[reason_size] = '\0';
		if (text.size)
			memcpy(payload + reason_size + 1, text.data, text.size);
	}
	pthread_mutex_unlock(&in->mutex);
	return code;
}

/* ---- waiting ---- */

int meter__intake_wait(struct intake *in, uint64_t target, int64_t timeout_ms)
{
	int code = METER_OK;
	int64_t deadline = timeout_ms >= 0 ? deadline_after(timeout_ms) : 0;
	pthread_mutex_lock(&in->mutex);
	uint64_t failures = in->failures;
	if (in->urgent < target) {
		in->urgent = target;
		pthread_cond_signal(&in->work);
	}
	while (code == METER_OK && in->decided < target) {
		if (in->failures != failures)
			code = fail_as_writer_locked(in);
		else if (timeout_ms < 0)
			pthread_cond_wait(&in->progress, &in->mutex);
		else if (!wait_until_locked(&in->progress, &in->mutex, deadline) && in->decided < target)
			code = meter__fail(METER_ETIMEDOUT, "not everything was durable within %lld ms", (long long)timeout_ms);
	}
	pthread_mutex_unlock(&in->mutex);
	return code;
}

/* ---- the writer's side ---- */

bool meter__intake_take(struct intake *in, int64_t interval_us)
{
	pthread_mutex_lock(&in->mutex);
	while (in->open.count == 0 && !in->is_closing)
		pthread_cond_wait(&in->work, &in->mutex);
	/* Collect until somebody waits for it, the buffer is half full, or its first event is as old as it may get. */
	while (in->open.count > 0 && !in->is_closing && in->urgent <= in->decided && in->open.size <= in->capacity / 2) {
		if (!wait_until_locked(&in->work, &in->mutex, in->open.first_us + interval_us))
			break;
	}
	struct intake_buffer empty = {.data = in->taken.data};
	in->taken = in->open;
	in->open = empty;
	bool is_something = in->taken.count > 0;
	pthread_cond_broadcast(&in->progress); /* there is room again */
	pthread_mutex_unlock(&in->mutex);
	return is_something;
}

void meter__intake_decide_locked(struct intake *in, const struct arrival *arrival)
{
	(void)in;
	struct meter_batch *batch = arrival->batch;
	char *reason = arrival->reason;
	batch->outcomes[arrival->index] = (uint8_t)arrival->outcome;
	batch->pending--;
	if (!reason)
		return;
	if (batch->reason_count == batch->reason_capacity) {
		size_t capacity = batch->reason_capacity ? batch->reason_capacity * 2 : 16;
		struct batch_reason *reasons = realloc(batch->reasons, capacity * sizeof(*reasons));
		if (!reasons) {
			free(reason); /* the outcome stands, and the reason is in quarantine */
			return;
		}
		batch->reasons = reasons;
		batch->reason_capacity = capacity;
	}
	batch->reasons[batch->reason_count++] = (struct batch_reason){arrival->index, reason};
}

void meter__intake_decided_locked(struct intake *in, size_t count)
{
	in->decided += count;
	in->error = METER_OK;
	pthread_cond_broadcast(&in->progress);
}

bool meter__intake_failed(struct intake *in, int code)
{
	pthread_mutex_lock(&in->mutex);
	/* An attempt that failed before the handle was closing is not the last one: what kept it from writing may be over. */
	bool is_last = in->is_closing;
	in->error = code;
	in->failures++;
	snprintf(in->error_text, sizeof(in->error_text), "%s", meter_errmsg());
	/* Who waited has been told. Whoever asks from now on is worth another attempt at once. */
	in->urgent = in->decided;
	pthread_cond_broadcast(&in->progress);
	int64_t deadline = deadline_after(RETRY_MS);
	while (!in->is_closing && in->urgent <= in->decided && wait_until_locked(&in->work, &in->mutex, deadline))
		;
	pthread_mutex_unlock(&in->mutex);
	return !is_last;
}
