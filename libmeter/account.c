/* account.c - see account.h. (pure) */
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static struct account_entry *find(const struct account *a, const char *key)
{
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->entries[i].key, key) == 0)
			return &a->entries[i];
	}
	return NULL;
}

struct decimal meter__account_get(const struct account *a, const char *key)
{
	const struct account_entry *entry = find(a, key);
	return entry ? entry->value : DECIMAL_ZERO;
}

int meter__account_set(struct account *a, const char *key, struct decimal value)
{
	struct account_entry *entry = find(a, key);
	if (entry) {
		entry->value = value;
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
	a->entries[a->count++] = (struct account_entry){copy, value};
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
