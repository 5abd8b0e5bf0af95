/*
 * intake.h - where events wait for the writer: the spool for meter_record(), blocks of memory for batches.
 *
 * A thread fills a block of its batch by itself and hands it over when it is full or somebody waits. Blocks are decided in the
 * order they came; so are records of the spool. What a load took stays here until its transaction is committed: when writing
 * fails, the same events are tried again.
 *
 * The mutex guards everything in struct intake but the records of the spool, and the outcomes of batches. It is never held across
 * I/O, nor taken by meter_record() while there is room and the writer is awake.
 */
#ifndef METER_INTAKE_H
#define METER_INTAKE_H

#include <pthread.h>
#include <stdatomic.h>

#include "load.h"
#include "spool.h"

/* Longest text of a refused record that is kept. */
#define REFUSED_TEXT_MAX (1u << 20)

struct batch_reason {
	size_t index;
	char *reason;
};

struct meter_batch {
	struct meter *meter;
	struct block *filling; /* its thread's; NULL: none */
	size_t count;          /* events added; its thread's */
	uint64_t target;       /* entries of the intake that must be decided for all that was handed over; its thread's */

	/* Under the mutex of the intake. */
	uint8_t *outcomes; /* METER_PENDING ... by index */
	size_t capacity;
	size_t decided;
	struct batch_reason *reasons; /* rising index */
	size_t reason_count;
	size_t reason_capacity;

	struct buffer scratch; /* for reading JSON */
	struct buffer source;  /* that its events get instead of their own; empty: they keep it */
};

/* What stands before each event or text in a block. */
struct entry {
	uint32_t size; /* of header and payload, a multiple of 8 */
	uint32_t text_size;
	uint32_t index;      /* in the batch */
	uint32_t is_refused; /* payload: reason with its NUL, then text_size bytes; otherwise an encoded event */
};

struct block {
	struct block *next;
	struct meter_batch *batch; /* NULL: it was freed, nobody asks any more */
	size_t size;
	size_t capacity;
	size_t count;
	int64_t since_us; /* handed over; wall clock */
	_Alignas(8) char data[];
};

struct intake {
	pthread_mutex_t mutex;
	pthread_cond_t work;     /* for the writer: something to do, urgency, closing */
	pthread_cond_t progress; /* for callers: decided, failed */
	size_t capacity;         /* bytes of blocks that may wait; records of the spool have the room of the spool */

	struct block *first; /* blocks handed over and not decided, oldest first */
	struct block *last;
	struct block *untaken; /* the first that is in no load yet */
	size_t waiting_bytes;  /* of all of them */
	size_t untaken_bytes;
	struct block *spare;  /* empty ones, */
	size_t spare_bytes;   /* which together with those that wait stay within capacity */
	uint64_t handed_over; /* entries ever */
	uint64_t decided;

	struct spool *spool;          /* NULL until the first meter_record() */
	uint64_t taken;               /* position up to which records are in a load */
	uint64_t urgent_entries;      /* somebody waits until this many are decided, */
	uint64_t urgent_position;     /* and the spool consumed up to here */
	atomic_bool is_asleep;        /* the writer may be: a hint for meter_record(), which otherwise does not ask */
	atomic_uint_fast64_t refused; /* meter_record() calls that failed */

	int hauls;         /* taken and not decided */
	uint64_t failures; /* attempts to write that failed */
	int error;         /* of the last attempt; METER_OK after one that worked */
	atomic_int broken; /* not METER_OK: nothing will ever be written again */
	char error_text[256];
	bool is_closing;
};

/* What one transaction takes from here. */
struct haul {
	struct load load;
	struct block *first, *last; /* NULL: none */
	uint64_t entries;           /* in them */
	uint64_t from, to;          /* positions in the spool; equal: none */
	uint64_t damaged;           /* records among them */
};

int meter__intake_init(struct intake *in, size_t capacity);
void meter__intake_free(struct intake *in);

/* ---- for callers ---- */

/* Make room for an entry in the block that the batch fills. A full one is handed over; before another one is begun this waits for
 * room, until the writer fails. METER_OK, METER_ENOMEM, or what the writer failed with. */
int meter__intake_reserve(struct intake *in, struct meter_batch *batch, size_t payload_size, char **payload_out);
/* The entry just reserved is filled. Gives it the next index of the batch. */
void meter__intake_add(struct meter_batch *batch, size_t payload_size, bool is_refused, size_t text_size);
/* Hand over what the batch has filled; never waits. */
void meter__intake_hand_over(struct intake *in, struct meter_batch *batch);
/* Take the batch off its entries: they are written all the same. */
void meter__intake_detach(struct intake *in, const struct meter_batch *batch);

/* The spool is full. Wait up to wait_ms for room: METER_OK (try again), METER_EAGAIN. */
int meter__intake_wait_for_room(struct intake *in, int64_t wait_ms);
/* Fails as the writer did when it stopped for good. */
int meter__intake_broken(struct intake *in);
/* meter_record() saw much of the spool filled while the writer was asleep. */
void meter__intake_wake(struct intake *in);

/* Wait until the first entries handed over are decided and the spool is consumed up to position; see meter_flush(). */
int meter__intake_wait(struct intake *in, uint64_t entries, uint64_t position, int64_t timeout_ms);

/* ---- for the writer; one thread at a time takes ---- */

/* Records of the spool from haul->to on, until there are room arrivals in the load. */
void meter__haul_read_spool(struct haul *haul, struct spool *spool, size_t room);

/* Wait until there is something to write and it is time to, then take it. False: closing, and nothing is left. */
bool meter__intake_take(struct intake *in, struct haul *haul, int64_t interval_us);
/* A haul is committed: note the outcomes, free its room, tell the callers. */
void meter__intake_decide(struct intake *in, struct haul *haul);
/* A haul is not and will not be written, because the handle closes. */
void meter__intake_abandon(struct intake *in);
/* An attempt failed: tell the callers, then wait a second, or less when somebody asks. False: give up. */
bool meter__intake_failed(struct intake *in, int code);

#endif
