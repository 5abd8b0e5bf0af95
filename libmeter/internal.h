/* internal.h - the handle: what meter.c wires together. */
#ifndef METER_INTERNAL_H
#define METER_INTERNAL_H

#include "intake.h"
#include "store.h"

struct meter {
	struct store *store;
	struct intake intake;
	pthread_t writer;
	int close_code; /* what kept the writer from writing the last entries */
	char close_text[256];
	int64_t commit_interval_us;
	int64_t full_wait_ms;
};

/* The writer thread (writer.c); user is the handle. */
void *meter__writer_main(void *user);

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

#endif
