/* intern.c - see intern.h. The writer looks up several texts per event, 10^5 to 10^6 events a second: a hit is one hash and one
 * compare. */
#define XXH_INLINE_ALL
#include "intern.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "error.h"

static bool is_text(const struct intern *in, const struct interned *entry, uint64_t hash, struct slice text)
{
	return entry->hash == hash && entry->size == text.size && memcmp(in->texts.data + entry->at, text.data, text.size) == 0;
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t find_slot(const struct intern *in, uint64_t hash, struct slice text)
{
	size_t mask = in->capacity * 2 - 1;
	size_t at = (size_t)hash & mask;
	while (in->slots[at] != 0 && !is_text(in, &in->entries[in->slots[at] - 1], hash, text))
		at = (at + 1) & mask;
	return at;
}

static int grow(struct intern *in)
{
	size_t capacity = in->capacity ? in->capacity * 2 : 256;
	struct interned *entries = realloc(in->entries, capacity * sizeof(*entries));
	if (entries)
		in->entries = entries;
	uint32_t *slots = calloc(capacity * 2, sizeof(*slots));
	if (!entries || !slots) {
		free(slots);
		return meter__fail(METER_ENOMEM, "no memory for %zu texts", capacity);
	}
	free(in->slots);
	in->slots = slots;
	in->capacity = capacity;
	size_t mask = capacity * 2 - 1;
	for (size_t i = 0; i < in->count; i++) {
		size_t at = (size_t)in->entries[i].hash & mask;
		while (slots[at] != 0)
			at = (at + 1) & mask;
		slots[at] = (uint32_t)(i + 1);
	}
	return METER_OK;
}

int meter__intern_index(struct intern *in, struct slice text, size_t *index_out)
{
	if (in->count == in->capacity) {
		int code = grow(in);
		if (code != METER_OK)
			return code;
	}
	uint64_t hash = XXH3_64bits_withSeed(text.data, text.size, in->seed);
	size_t slot = find_slot(in, hash, text);
	if (in->slots[slot] != 0) {
		*index_out = in->slots[slot] - 1;
		return METER_OK;
	}
	size_t at = in->texts.size;
	meter__buffer_slice(&in->texts, text);
	if (in->texts.failed) {
		in->texts.failed = false;
		return meter__fail(METER_ENOMEM, "no memory for a text");
	}
	*index_out = in->count;
	in->entries[in->count++] = (struct interned){hash, at, text.size};
	in->slots[slot] = (uint32_t)in->count;
	return METER_OK;
}

struct slice meter__intern_text(const struct intern *in, size_t index)
{
	return (struct slice){in->texts.data + in->entries[index].at, in->entries[index].size};
}

void meter__intern_reset(struct intern *in)
{
	in->count = 0;
	meter__buffer_reset(&in->texts);
	if (in->slots)
		memset(in->slots, 0, in->capacity * 2 * sizeof(*in->slots));
}

void meter__intern_free(struct intern *in)
{
	free(in->entries);
	free(in->slots);
	meter__buffer_free(&in->texts);
	*in = (struct intern){0};
}
