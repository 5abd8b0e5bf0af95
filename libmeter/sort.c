/* sort.c - see sort.h: a radix sort from the lowest digit on. */
#include "sort.h"

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* One pass: by a digit of the key above the least one. */
static void sort_by_digit(struct sort_item *to, const struct sort_item *from, size_t count, uint64_t least, int shift)
{
	size_t starts[DIGITS + 1] = {0};
	for (size_t i = 0; i < count; i++)
		starts[(((from[i].key - least) >> shift) & (DIGITS - 1)) + 1]++;
	for (size_t i = 0; i < DIGITS; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < count; i++)
		to[starts[((from[i].key - least) >> shift) & (DIGITS - 1)]++] = from[i];
}

void meter__sort(struct sort_item **items, struct sort_item **spare, size_t count)
{
	uint64_t least = UINT64_MAX, greatest = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t key = (*items)[i].key;
		least = key < least ? key : least;
		greatest = key > greatest ? key : greatest;
	}
	for (int shift = 0; count > 1 && shift < 64 && (greatest - least) >> shift > 0; shift += DIGIT_BITS) {
		sort_by_digit(*spare, *items, count, least, shift);
		struct sort_item *sorted = *spare;
		*spare = *items;
		*items = sorted;
	}
}
