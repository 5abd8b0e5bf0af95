/* account.c - see account.h. (pure) */
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Where the entry is, or would be. */
static size_t find_place(const struct account *a, const char *key, bool *is_there)
{
	size_t low = 0, high = a->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(a->entries[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*is_there = low < a->count && strcmp(a->entries[low].key, key) == 0;
	return low;
}

struct decimal meter__account_get(const struct account *a, const char *key)
{
	bool is_there;
	const size_t at = find_place(a, key, &is_there);
	return is_there ? a->entries[at].value : DECIMAL_ZERO;
}

int meter__account_set(struct account *a, const char *key, struct decimal value)
{
	bool is_there;
	const size_t at = find_place(a, key, &is_there);
	if (is_there) {
		a->entries[at].value = value;
		return METER_OK;
	}
	if (meter__decimal_is_zero(value))
		return METER_OK;
	if (a->count == a->capacity) {
		size_t capacity = a->capacity ? a->capacity * 2 : 8;
		struct account_entry *entries = realloc(a->entries, capacity * sizeof(*entries));
		if (!entries)
			return METER_ENOMEM;
		a->entries = entries;
		a->capacity = capacity;
	}
	char *copy = meter__copy(meter__slice_of(key));
	if (!copy)
		return METER_ENOMEM;
	memmove(&a->entries[at + 1], &a->entries[at], (a->count - at) * sizeof(*a->entries));
	a->entries[at] = (struct account_entry){copy, value};
	a->count++;
	return METER_OK;
}

size_t meter__account_size(const struct account *a)
{
	size_t size = 0;
	for (size_t i = 0; i < a->count; i++)
		size += !meter__decimal_is_zero(a->entries[i].value);
	return size;
}

/* Whether every entry of a is in b. */
static bool is_in(const struct account *a, const struct account *b)
{
	for (size_t i = 0; i < a->count; i++) {
		if (meter__decimal_compare(a->entries[i].value, meter__account_get(b, a->entries[i].key)) != 0)
			return false;
	}
	return true;
}

bool meter__account_is_same(const struct account *a, const struct account *b)
{
	return is_in(a, b) && is_in(b, a);
}

int meter__account_copy(struct account *out, const struct account *in)
{
	int code = METER_OK;
	for (size_t i = 0; i < in->count && code == METER_OK; i++)
		code = meter__account_set(out, in->entries[i].key, in->entries[i].value);
	return code == METER_OK ? code : meter__fail(METER_ENOMEM, "no memory for an account");
}

void meter__account_free(struct account *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->entries[i].key);
	free(a->entries);
	*a = (struct account){0};
}
