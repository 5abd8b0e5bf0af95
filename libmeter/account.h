/*
 * account.h - what one period leaves to the next: how much of a grant was used, and quantities below zero. (pure)
 *
 * A small map from texts to decimals. Absent is 0.
 */
#ifndef METER_ACCOUNT_H
#define METER_ACCOUNT_H

#include "decimal.h"

struct account_entry {
	char *key;
	struct decimal value;
};

#define ACCOUNT_SIZE_MAX 10000 /* of one that is stored */

/* Zero-initialised is empty. */
struct account {
	struct account_entry *entries; /* sorted by key */
	size_t count;
	size_t capacity;
};

struct decimal meter__account_get(const struct account *a, const char *key);
int meter__account_set(struct account *a, const char *key,
                       struct decimal value); /* METER_OK, or METER_ENOMEM without a message */
size_t meter__account_size(const struct account *a); /* entries that are not 0 */
bool meter__account_is_same(const struct account *a, const struct account *b);
/* Into an empty one. METER_OK or METER_ENOMEM. */
int meter__account_copy(struct account *out, const struct account *in);
void meter__account_free(struct account *a);

#endif
