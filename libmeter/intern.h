/*
 * intern.h - a table of distinct texts in memory: each has an index from 0 on, in the order they came. (pure)
 *
 * Texts come from outside, so the hash has a random seed; equality is always decided on the whole text.
 */
#ifndef METER_INTERN_H
#define METER_INTERN_H

#include <stdint.h>

#include "buffer.h"

struct interned {
	uint64_t hash;
	size_t at; /* into texts */
	size_t size;
};

/* Zero-initialised is empty, except seed. */
struct intern {
	struct interned *entries;
	size_t count;
	size_t capacity;
	uint32_t *slots; /* 1 + index; 0: free. Twice the capacity, a power of two */
	struct buffer texts;
	uint64_t seed;
};

/* The index of the text, added if it is new: then it is the count there was before. METER_OK or METER_ENOMEM. */
int meter__intern_index(struct intern *in, struct slice text, size_t *index_out);
/* Lives until the next text is added. */
struct slice meter__intern_text(const struct intern *in, size_t index);
void meter__intern_reset(struct intern *in); /* empty again, memory kept */
void meter__intern_free(struct intern *in);

#endif
