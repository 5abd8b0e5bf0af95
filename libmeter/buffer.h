/* buffer.h - bytes that grow, and slices of bytes that someone else owns. */
#ifndef METER_BUFFER_H
#define METER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
	const char *data; /* NULL: absent, which is not the same as empty */
	size_t size;
};

/* A text literal as a slice initialiser. */
#define SLICE(literal)                                                                                                           \
	{                                                                                                                        \
		"" literal, sizeof(literal) - 1                                                                                  \
	}

bool meter__slice_equal(struct slice a, struct slice b);
/* Bytewise order, shorter first where one starts the other: the order of memcmp. */
int meter__slice_compare(struct slice a, struct slice b);
struct slice meter__slice_of(const char *text); /* NULL gives the absent slice */

/* Whether it is well-formed UTF-8 (RFC 3629) without NUL. */
bool meter__utf8_valid(const char *data, size_t size);

/*
 * Zero-initialised is empty. An append that finds no memory sets failed and from then on nothing is appended: check once, at the
 * end.
 */
struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	bool failed;
};

void meter__buffer_append(struct buffer *b, const void *data, size_t size);
void meter__buffer_slice(struct buffer *b, struct slice s);
void meter__buffer_text(struct buffer *b, const char *text);
void meter__buffer_char(struct buffer *b, char c);
void meter__buffer_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; control characters, '"' and '\' escaped, everything else as it is. */
void meter__buffer_json(struct buffer *b, struct slice s);
/* Room for size more bytes at the end, not yet counted in b->size; NULL when there is no memory. */
char *meter__buffer_reserve(struct buffer *b, size_t size);
/* The content with a NUL after it (not counted), or "" when empty or failed. */
const char *meter__buffer_cstr(struct buffer *b);
void meter__buffer_reset(struct buffer *b); /* empty again, memory kept */
void meter__buffer_free(struct buffer *b);

/* A NUL-terminated copy on the heap; NULL when there is no memory. */
char *meter__copy(struct slice s);

#endif
