/* arena.h - memory that is allocated piece by piece and freed as a whole. (pure) */
#ifndef METER_ARENA_H
#define METER_ARENA_H

#include "buffer.h"

/* Zero-initialised is empty. */
struct arena {
	struct arena_block *blocks;
};

/* Room for count elements, zeroed and aligned for any type; NULL when there is no memory. count 0 gives a pointer all the same.
 */
void *meter__arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy. */
char *meter__arena_copy(struct arena *a, struct slice s);
void meter__arena_free(struct arena *a);

#endif
