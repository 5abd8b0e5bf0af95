/* internal.h - the handle: what meter.c wires together. */
#ifndef METER_INTERNAL_H
#define METER_INTERNAL_H

#include "fork.h"
#include "intake.h"
#include "store.h"

#define WRITERS 2

/* A writer thread (writer.c) and what it has in hand. */
struct writer {
	struct meter *meter;
	struct haul haul;
	pthread_t thread;
	bool is_started;
};

struct meter {
	struct fork_guard fork;
	struct store *store;
	struct intake intake;
	size_t spool_size;
	int64_t commit_interval_us;
	int64_t full_wait_ms;

	struct writer writers[WRITERS];
	pthread_mutex_t take_mutex;  /* held while taking and preparing; then */
	pthread_mutex_t write_mutex; /* held while writing; guards close_code and close_text */
	int close_code;              /* what kept the writers from writing the last events */
	char close_text[256];
};

/* writer.c. Stopping writes what is left, and may be called after starting failed. */
int meter__writers_start(struct meter *m);
void meter__writers_stop(struct meter *m);

/* recover.c: take over what processes that died left in their spools. */
int meter__recover(struct store *s);
/* What waits in the spools of all processes, and what keeps one of them from writing. */
int meter__recover_look(const struct store *s, int64_t *bytes_out, int *error_out);

/* backfill.c */
#define BACKFILL_PREFIX "backfill:" /* of the source of events that came under a name */
#define BACKFILL_NAME_MAX 128
int meter__backfill_check(const char *name); /* METER_OK or METER_EINVAL */

/* A text argument: its size resolved. METER_OK, or METER_EINVAL naming what is missing. */
int meter__argument(struct slice *out, const char *what, const char *data, size_t size);
/* The same for one that may be NULL. */
struct slice meter__optional_argument(const char *data, size_t size);

/* One that must be given, named in the message: "out". Returns from the caller with METER_EINVAL. */
#define REQUIRE(condition)                                                                                                       \
	do {                                                                                                                     \
		if (!(condition))                                                                                                \
			return meter__fail(METER_EINVAL, "%s: %s does not hold", __func__, #condition);                          \
	} while (0)

/* The handle must be of this process. Returns from the caller with METER_EFORKED. */
#define REQUIRE_OWN(m)                                                                                                           \
	do {                                                                                                                     \
		int forked_code = meter__fork_check(&(m)->fork);                                                                 \
		if (forked_code != METER_OK)                                                                                     \
			return forked_code;                                                                                      \
	} while (0)

#endif
