/*
 * spool.h - the ring file in which accepted events survive the death of the process until they are stored.
 *
 * One file per handle, beside the database, allocated whole and mapped. Any thread appends: it claims room with one
 * compare-and-swap, copies, and publishes with one store. One thread at a time reads in the order of positions. What is read
 * stays in the ring until it is released, which happens after the transaction that stored it was committed; that transaction also
 * records the position, so the database alone decides what was consumed.
 *
 * Positions count units of 64 bytes and never repeat. A record takes as many units as it needs and starts with a word that
 * nobody writes but its publisher: it holds the position, so a record of an earlier lap is not taken for a new one.
 */
#ifndef METER_SPOOL_H
#define METER_SPOOL_H

#include "event.h"

#define SPOOL_UNIT 64u

struct spool;

struct spool_record {
	const char *record;   /* an encoded event; NULL: damaged, */
	struct slice damaged; /* and this is what was found */
	int64_t accepted_us;  /* wall clock */
};

/*
 * Make prefix-spool-ID with room for size bytes of records, locked as long as it is open, durable with its name. database
 * identifies the file it belongs to. METER_OK, METER_EFULL, METER_EREADONLY, METER_EIO, METER_ENOMEM; then nothing is left.
 */
int meter__spool_create(struct spool **out, const char *prefix, size_t size, int64_t database);
/* Let go of it; remove deletes the file first. NULL is fine. */
void meter__spool_close(struct spool *s, bool remove);
/* In a child process: close what it inherited without touching the file. Async-signal-safe. */
void meter__spool_abandon(struct spool *s);

int64_t meter__spool_id(const struct spool *s);
int64_t meter__spool_database(const struct spool *s);

/* Any thread. METER_OK: accepted. METER_EAGAIN: no room, without a message. Takes no lock, allocates nothing, makes no system
 * call. */
int meter__spool_append(struct spool *s, const struct event *e, int64_t now_us);
/* Any thread: positions. Everything below head was claimed by some thread; what is below consumed is released. */
uint64_t meter__spool_head(const struct spool *s);
uint64_t meter__spool_consumed(const struct spool *s);
uint64_t meter__spool_units(const struct spool *s);
/* How many records wait up to the first that is being copied, and since when the oldest does (wall clock; INT64_MAX: none). Any
 * thread, but not while another one releases. */
void meter__spool_waiting(const struct spool *s, uint64_t *count_out, int64_t *oldest_us_out);

/* For others to see: what keeps the writer from writing, METER_OK when nothing does. */
void meter__spool_tell(struct spool *s, int error);
/* What the owner of a ring file says: bytes that wait, and the error told last. False: it is no ring file, or gone. */
bool meter__spool_look(const char *path, int64_t *bytes_out, int *error_out);

/* The reading side. False: nothing (more) is published at *position. Otherwise *position is behind the record. */
bool meter__spool_read(struct spool *s, uint64_t *position, struct spool_record *out);
/* Everything below position is stored: its room is free. */
void meter__spool_release(struct spool *s, uint64_t position);

/*
 * Take over a ring file that its owner left. METER_OK: *out reads it (holes are passed, what was torn is damaged). METER_EBUSY:
 * its owner lives. METER_ENOTFOUND: it was removed meanwhile. METER_ECORRUPT: it is no ring file, or not whole. METER_EIO,
 * METER_ENOMEM. On METER_ECORRUPT *out can be closed, and nothing else. The file is read into memory, for a mapping of a file
 * that somebody shortens is a fatal signal.
 */
int meter__spool_load(struct spool **out, const char *path);
/* Start reading a loaded ring here: up to one lap behind. */
void meter__spool_seek(struct spool *s, uint64_t consumed);

#endif
