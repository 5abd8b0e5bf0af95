/* sort.h - sorting many small integers at once. (pure) */
#ifndef METER_SORT_H
#define METER_SORT_H

#include <stddef.h>
#include <stdint.h>

/* What is sorted, by key, and which one it was. */
struct sort_item {
	uint64_t key;
	uint32_t index;
};

/*
 * Sort by key, equal ones in the order they had. Works digit by digit, and only through the digits in which keys differ: keys
 * that are close to each other, as times and numbers of one load are, cost a few passes. items and spare have room for count
 * each, and are swapped as often as it takes: the result is in *items.
 */
void meter__sort(struct sort_item **items, struct sort_item **spare, size_t count);

#endif
