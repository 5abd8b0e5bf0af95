/*
 * buffer.c - bytes that grow, slices, and the check for UTF-8.
 *
 * Invariant: a buffer that owns memory always has capacity > size, so that a NUL fits behind the content without another
 * allocation. Any failure leaves the content valid and sets failed for good.
 */
#include "buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

bool meter__slice_equal(struct slice a, struct slice b)
{
	if (a.data == NULL || b.data == NULL)
		return a.data == b.data;
	return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* An absent slice comes before all others, so that the order agrees with meter__slice_equal(). */
int meter__slice_compare(struct slice a, struct slice b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order;

	if (a.data == NULL || b.data == NULL)
		return (a.data != NULL) - (b.data != NULL);
	order = memcmp(a.data, b.data, common);
	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

struct slice meter__slice_of(const char *text)
{
	struct slice s = {text, text != NULL ? strlen(text) : 0};

	return s;
}

/* The size of the character at p, which is not ASCII; 0 when it is malformed: too long, a surrogate, or above U+10FFFF. */
static size_t multibyte_size(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t size;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		size = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		size = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		size = 4;
	else
		return 0;
	if (size > left)
		return 0;

	/* Only the second byte has a range that depends on the first one. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return size;
}

bool meter__utf8_valid(const char *data, size_t size)
{
	const unsigned char *p = (const unsigned char *)data;

	while (size > 0) {
		size_t taken = 1;
		uint64_t word;

		/* Nearly everything is ASCII: eight bytes at once when none has its top bit set and none is zero. */
		if (size >= sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			if (((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0) {
				p += sizeof(word);
				size -= sizeof(word);
				continue;
			}
		}
		if (*p >= 0x80)
			taken = multibyte_size(p, size);
		else if (*p == 0)
			return false;
		if (taken == 0)
			return false;
		p += taken;
		size -= taken;
	}
	return true;
}

char *meter__buffer_reserve(struct buffer *b, size_t size)
{
	size_t capacity = b->capacity > CAPACITY_MIN ? b->capacity : CAPACITY_MIN;
	size_t needed;
	char *data;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->size, size, &needed) || needed >= SIZE_MAX / 2) {
		b->failed = true;
		return NULL;
	}
	if (needed >= b->capacity) {
		while (capacity <= needed)
			capacity *= 2;
		data = realloc(b->data, capacity);
		if (data == NULL) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->capacity = capacity;
	}
	return b->data + b->size;
}

void meter__buffer_append(struct buffer *b, const void *data, size_t size)
{
	char *end = meter__buffer_reserve(b, size);

	if (end == NULL || size == 0)
		return;
	memcpy(end, data, size);
	b->size += size;
}

void meter__buffer_slice(struct buffer *b, struct slice s)
{
	meter__buffer_append(b, s.data, s.size);
}

void meter__buffer_text(struct buffer *b, const char *text)
{
	meter__buffer_append(b, text, strlen(text));
}

void meter__buffer_char(struct buffer *b, char c)
{
	meter__buffer_append(b, &c, 1);
}

void meter__buffer_format(struct buffer *b, const char *format, ...)
{
	va_list args;
	va_list again;
	char *end = meter__buffer_reserve(b, 0);
	int length;

	if (end == NULL)
		return;
	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(end, b->capacity - b->size, format, args);
	va_end(args);
	if (length >= 0 && (size_t)length >= b->capacity - b->size) {
		end = meter__buffer_reserve(b, (size_t)length);
		if (end != NULL)
			length = vsnprintf(end, b->capacity - b->size, format, again);
	}
	va_end(again);
	if (length < 0)
		b->failed = true;
	if (!b->failed)
		b->size += (size_t)length;
}

/* Whether a byte of the word needs an escape in JSON: below 0x20, '"' or '\\'. Bytes from 0x80 on do not. */
static bool needs_escape(uint64_t word)
{
	const uint64_t ones = UINT64_MAX / 255;
	const uint64_t high = ones * 0x80;
	uint64_t quote = word ^ (ones * '"');
	uint64_t backslash = word ^ (ones * '\\');

	return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & high;
}

static char *put_escaped(char *to, unsigned char c)
{
	static const char short_forms[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
	static const char digits[] = "0123456789abcdef";

	*to++ = '\\';
	if (short_forms[c] != 0) {
		*to++ = short_forms[c];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = digits[c >> 4];
	to[4] = digits[c & 15];
	return to + 5;
}

/* Called several times per event, so room for the worst case is reserved once, and eight bytes at a time are copied where none is
 * special. */
void meter__buffer_json(struct buffer *b, struct slice s)
{
	char *start = s.size < SIZE_MAX / 8 ? meter__buffer_reserve(b, s.size * 6 + 2) : NULL;
	char *to = start;
	size_t i = 0;

	if (start == NULL) {
		b->failed = true;
		return;
	}
	*to++ = '"';
	while (i < s.size) {
		uint64_t word;

		if (s.size - i >= sizeof(word)) {
			memcpy(&word, s.data + i, sizeof(word));
			if (!needs_escape(word)) {
				memcpy(to, &word, sizeof(word));
				to += sizeof(word);
				i += sizeof(word);
				continue;
			}
		}
		unsigned char c = (unsigned char)s.data[i++];
		if (c >= 0x20 && c != '"' && c != '\\')
			*to++ = (char)c;
		else
			to = put_escaped(to, c);
	}
	*to++ = '"';
	b->size += (size_t)(to - start);
}

const char *meter__buffer_cstr(struct buffer *b)
{
	if (b->failed || b->size == 0)
		return "";
	assert(b->size < b->capacity);
	b->data[b->size] = '\0';
	return b->data;
}

void meter__buffer_reset(struct buffer *b)
{
	b->size = 0;
	b->failed = false;
}

void meter__buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

char *meter__copy(struct slice s)
{
	char *copy = malloc(s.size + 1);

	if (copy == NULL)
		return NULL;
	if (s.size > 0)
		memcpy(copy, s.data, s.size);
	copy[s.size] = '\0';
	return copy;
}
