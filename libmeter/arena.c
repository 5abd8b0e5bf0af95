/*
 * arena.c - memory that is allocated piece by piece and freed as a whole.
 *
 * What is read from a text (a YAML tree, a catalog) is many small objects that die together. One owner for all of them means that
 * no error path has anything to free but the arena. Blocks double in size, so n bytes cost O(log n) calls of malloc.
 */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16 /* what __int128 needs; malloc gives as much */
#define BLOCK_SIZE_MIN ((size_t)4096)
#define BLOCK_SIZE_MAX ((size_t)1 << 20)

struct arena_block {
	struct arena_block *previous;
	size_t size;
	size_t used;
	_Alignas(ALIGNMENT) char data[];
};

static struct arena_block *add_block(struct arena *a, size_t needed)
{
	size_t size = a->blocks == NULL ? BLOCK_SIZE_MIN : a->blocks->size * 2;

	if (size > BLOCK_SIZE_MAX)
		size = BLOCK_SIZE_MAX;
	if (size < needed)
		size = needed;
	struct arena_block *block = calloc(1, sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->previous = a->blocks;
	block->size = size;
	a->blocks = block;
	return block;
}

void *meter__arena_array(struct arena *a, size_t count, size_t size)
{
	size_t needed;

	if (__builtin_mul_overflow(count, size, &needed) || needed > SIZE_MAX / 4)
		return NULL;
	needed = (needed + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	struct arena_block *block = a->blocks;
	if (block == NULL || block->size - block->used < needed)
		block = add_block(a, needed);
	if (block == NULL)
		return NULL;
	void *memory = block->data + block->used;
	block->used += needed;
	return memory;
}

char *meter__arena_copy(struct arena *a, struct slice s)
{
	char *copy = meter__arena_array(a, s.size + 1, 1);

	if (copy != NULL && s.size > 0)
		memcpy(copy, s.data, s.size);
	return copy;
}

void meter__arena_free(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *previous = a->blocks->previous;
		free(a->blocks);
		a->blocks = previous;
	}
}
