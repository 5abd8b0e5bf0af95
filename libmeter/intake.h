/*
 * intake.h - the queue between callers and the writer thread, and the batches whose callers wait for outcomes.
 *
 * Two buffers of fixed size: callers append encoded events to one while the writer works on the other. Everything here, the
 * outcomes of batches included, is guarded by the one mutex; it is held for a copy, never across I/O. What was taken stays until
 * it is decided: when writing fails, the same entries are tried again.
 */
#ifndef METER_INTAKE_H
#define METER_INTAKE_H

#include <pthread.h>

#include "event.h"
#include "load.h"

/* Longest text of a refused record that is kept. */
#define REFUSED_TEXT_MAX (1u << 20)

struct batch_reason {
	size_t index;
	char *reason;
};

struct meter_batch {
	struct meter *meter;
	uint8_t *outcomes; /* METER_PENDING ... by index */
	size_t count;
	size_t capacity;
	size_t pending;
	struct batch_reason *reasons; /* rising index */
	size_t reason_count;
	size_t reason_capacity;
	struct buffer scratch; /* for reading JSON; its caller's thread only */
};

/* What stands before each entry in a buffer. */
struct entry {
	uint32_t size; /* of header and payload, a multiple of 8 */
	uint32_t text_size;
	bool is_refused;           /* payload: reason with its NUL, then text_size bytes; otherwise an encoded event */
	struct meter_batch *batch; /* NULL: nobody waits for the outcome */
	size_t index;              /* in the batch */
};

struct intake_buffer {
	char *data;
	size_t size;
	size_t count;
	int64_t first_us; /* monotonic time of the first entry */
};

struct intake {
	pthread_mutex_t mutex;
	pthread_cond_t work;     /* for the writer: entries, urgency, closing */
	pthread_cond_t progress; /* for callers: decided, failed */
	struct intake_buffer open;
	struct intake_buffer taken;
	size_t capacity;   /* of each buffer */
	uint64_t appended; /* entries ever */
	uint64_t decided;
	uint64_t urgent;   /* somebody waits until this many are decided */
	uint64_t refused;  /* meter_record() calls that failed */
	uint64_t failures; /* attempts to write that failed */
	int error;         /* of the last attempt; METER_OK after one that worked */
	char error_text[256];
	bool is_closing;
};

int meter__intake_init(struct intake *in, size_t capacity);
void meter__intake_free(struct intake *in);

/*
 * Append an event, or a refused text with its reason. Waits up to wait_ms (-1: until the writer fails) for room. METER_OK,
 * METER_EAGAIN, METER_ENOMEM (the batch cannot grow), or with wait_ms -1 what the writer failed with.
 */
int meter__intake_add_event(struct intake *in, const struct event *e, struct meter_batch *batch, int64_t wait_ms);
int meter__intake_add_refused(struct intake *in, struct slice text, const char *reason, struct meter_batch *batch,
                              int64_t wait_ms);

/* Wait until the first target entries are decided; see meter_flush(). */
int meter__intake_wait(struct intake *in, uint64_t target, int64_t timeout_ms);

/* ---- for the writer ---- */

/* Wait until there is something to write and it is time to; then in->taken is it. False: closing, and nothing is left. */
bool meter__intake_take(struct intake *in, int64_t interval_us);
/* What became of an arrival, from a transaction that was committed. Takes its reason over. Under the mutex. */
void meter__intake_decide_locked(struct intake *in, const struct arrival *arrival);
/* count more entries are decided: tell the callers. */
void meter__intake_decided_locked(struct intake *in, size_t count);
/* An attempt failed: tell the callers, then wait a second, or less when somebody asks. False: closing, give up. */
bool meter__intake_failed(struct intake *in, int code);

#endif
