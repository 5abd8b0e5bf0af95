/*
 * json.c - reads one JSON text from front to back, without a tree and without an allocation per value.
 *
 * Strings are scanned eight bytes at a time and returned as slices of the text itself; only a string with an escape is
 * rewritten, into scratch. No byte is rewritten twice, and a rewritten string is never longer than its source, so that
 * scratch, grown to the size of the text by meter__json_begin(), never moves. Everything handed out is valid UTF-8 without
 * NUL. After a failure the parser is not used again.
 */
#include "json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "error.h"

#define EACH(byte) (UINT64_MAX / 255 * (uint64_t)(byte))

static int fail_at(size_t at, const char *what)
{
	return meter__fail(METER_EINVAL, "column %zu: %s", at + 1, what);
}

static int fail_expected(const struct json *j, const char *what)
{
	static const char bom[3] = {'\xef', '\xbb', '\xbf'};
	size_t left = j->size - j->at;
	if (left == 0)
		return meter__fail(METER_EINVAL, "column %zu: the text ends where %s was expected", j->at + 1, what);
	if (left >= sizeof(bom) && memcmp(j->text + j->at, bom, sizeof(bom)) == 0)
		return fail_at(j->at, "a byte order mark (BOM) is not allowed");
	unsigned char c = (unsigned char)j->text[j->at];
	if (c > 0x20 && c < 0x7f)
		return meter__fail(METER_EINVAL, "column %zu: %s was expected, not '%c'", j->at + 1, what, c);
	return meter__fail(METER_EINVAL, "column %zu: %s was expected, not byte 0x%02x", j->at + 1, what, c);
}

/* The next byte that is no blank, -1 at the end. */
static int peek(struct json *j)
{
	for (; j->at < j->size; j->at++) {
		unsigned char c = (unsigned char)j->text[j->at];
		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return c;
	}
	return -1;
}

/* The index of the first '"', '\' or control character from at on, or the size of the text. high collects all bits passed. */
static size_t scan_plain(const struct json *j, size_t at, uint64_t *high)
{
	while (j->size - at >= 8) {
		uint64_t word;
		memcpy(&word, j->text + at, 8);
		uint64_t quote = word ^ EACH('"');
		uint64_t backslash = word ^ EACH('\\');
		uint64_t hit =
			((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) | ((word - EACH(0x20)) & ~word);
		if ((hit & EACH(0x80)) != 0)
			break;
		*high |= word;
		at += 8;
	}
	for (; at < j->size; at++) {
		unsigned char c = (unsigned char)j->text[at];
		if (c == '"' || c == '\\' || c < 0x20)
			break;
		*high |= c;
	}
	return at;
}

static bool read_hex4(const struct json *j, size_t at, uint32_t *out)
{
	if (j->size - at < 4)
		return false;
	uint32_t unit = 0;
	for (size_t i = at; i < at + 4; i++) {
		uint32_t c = (unsigned char)j->text[i];
		uint32_t letter = c | 0x20;
		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			unit = unit * 16 + (letter - 'a' + 10);
		else
			return false;
	}
	*out = unit;
	return true;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* at: the backslash of "\u"; moved behind the escape, which may be a surrogate pair. */
static int resolve_unicode(const struct json *j, size_t *at, char **to)
{
	uint32_t code;
	if (!read_hex4(j, *at + 2, &code))
		return fail_at(*at, "four hexadecimal digits were expected after \\u");
	if (code == 0)
		return fail_at(*at, "\\u0000 (NUL) is not allowed");
	size_t next = *at + 6;
	if (code >= 0xd800 && code <= 0xdfff) {
		uint32_t low;
		bool is_pair = code < 0xdc00 && j->size - next >= 2 && memcmp(j->text + next, "\\u", 2) == 0 &&
		               read_hex4(j, next + 2, &low) && low >= 0xdc00 && low <= 0xdfff;
		if (!is_pair) {
			return meter__fail(METER_EINVAL, "column %zu: \\u%04x is one half of a surrogate pair", *at + 1,
			                   (unsigned)code);
		}
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		next += 6;
	}
	*to = put_utf8(*to, code);
	*at = next;
	return METER_OK;
}

static int resolve_escape(const struct json *j, size_t *at, char **to)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	if (j->size - *at < 2)
		return fail_at(j->size, "the text ends within a string");
	char name = j->text[*at + 1];
	if (name == 'u')
		return resolve_unicode(j, at, to);
	const char *found = memchr(names, name, sizeof(names) - 1);
	if (found == NULL)
		return fail_at(*at, "an escape was expected: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u");
	*(*to)++ = meanings[found - names];
	*at += 2;
	return METER_OK;
}

/* A string that the fast path could not pass: with escapes, or broken. j->at is behind its opening quote. */
static int resolve_string(struct json *j, uint64_t *high, struct slice *out)
{
	char *begin = j->scratch->data + j->scratch->size;
	char *to = begin;
	size_t at = j->at;
	for (;;) {
		size_t end = scan_plain(j, at, high);
		memcpy(to, j->text + at, end - at);
		to += end - at;
		at = end;
		if (at == j->size)
			return fail_at(at, "the text ends within a string");
		if (j->text[at] == '"')
			break;
		if (j->text[at] != '\\') {
			return meter__fail(METER_EINVAL, "column %zu: control character 0x%02x in a string", at + 1,
			                   (unsigned)j->text[at]);
		}
		int status = resolve_escape(j, &at, &to);
		if (status != METER_OK)
			return status;
	}
	*out = (struct slice){begin, (size_t)(to - begin)};
	j->scratch->size += out->size;
	assert(j->scratch->size <= j->scratch->capacity);
	j->at = at + 1;
	return METER_OK;
}

/* j->at is at the opening quote. */
static int read_string(struct json *j, struct slice *out)
{
	size_t start = ++j->at;
	uint64_t high = 0;
	size_t end = scan_plain(j, start, &high);
	if (end < j->size && j->text[end] == '"') {
		*out = (struct slice){j->text + start, end - start};
		j->at = end + 1;
	} else {
		int status = resolve_string(j, &high, out);
		if (status != METER_OK)
			return status;
	}
	if ((high & EACH(0x80)) != 0 && !meter__utf8_valid(j->text + start, j->at - 1 - start))
		return fail_at(start - 1, "the string is not valid UTF-8");
	return METER_OK;
}

static size_t skip_digits(const struct json *j, size_t at)
{
	while (at < j->size && j->text[at] >= '0' && j->text[at] <= '9')
		at++;
	return at;
}

static int read_number(struct json *j, struct slice *out)
{
	size_t start = j->at;
	size_t digits = j->text[start] == '-' ? start + 1 : start;
	size_t at = skip_digits(j, digits);
	if (at > digits + 1 && j->text[digits] == '0')
		return fail_at(start, "a number must not start with zeros");
	bool is_complete = at > digits;
	if (is_complete && at < j->size && j->text[at] == '.') {
		digits = at + 1;
		at = skip_digits(j, digits);
		is_complete = at > digits;
	}
	if (is_complete && at < j->size && (j->text[at] == 'e' || j->text[at] == 'E')) {
		digits = at + 1;
		if (digits < j->size && (j->text[digits] == '+' || j->text[digits] == '-'))
			digits++;
		at = skip_digits(j, digits);
		is_complete = at > digits;
	}
	j->at = at;
	if (!is_complete)
		return fail_expected(j, "a digit");
	*out = (struct slice){j->text + start, at - start};
	return METER_OK;
}

static int read_word(struct json *j, struct json_value *out, enum json_kind kind, const char *word)
{
	size_t size = strlen(word);
	if (j->size - j->at < size || memcmp(j->text + j->at, word, size) != 0)
		return fail_expected(j, "a value");
	*out = (struct json_value){kind, {j->text + j->at, size}};
	j->at += size;
	return METER_OK;
}

static int open_container(struct json *j, struct json_value *out, enum json_kind kind)
{
	if (j->depth == JSON_DEPTH_MAX)
		return meter__fail(METER_EINVAL, "column %zu: nested deeper than %d", j->at + 1, JSON_DEPTH_MAX);
	j->depth++;
	*out = (struct json_value){kind, {j->text + j->at, 1}};
	j->at++;
	return METER_OK;
}

static int close_container(struct json *j)
{
	j->depth--;
	j->at++;
	return METER_EEND;
}

int meter__json_begin(struct json *j, struct buffer *scratch, const char *text, size_t size)
{
	*j = (struct json){text, size, 0, 0, scratch};
	meter__buffer_reset(scratch);
	if (meter__buffer_reserve(scratch, size) == NULL)
		return meter__fail(METER_ENOMEM, "out of memory for a JSON text of %zu bytes", size);
	return METER_OK;
}

int meter__json_value(struct json *j, struct json_value *out)
{
	int c = peek(j);
	switch (c) {
	case '"':
		out->kind = JSON_STRING;
		return read_string(j, &out->text);
	case '{':
		return open_container(j, out, JSON_OBJECT);
	case '[':
		return open_container(j, out, JSON_ARRAY);
	case 't':
		return read_word(j, out, JSON_TRUE, "true");
	case 'f':
		return read_word(j, out, JSON_FALSE, "false");
	case 'n':
		return read_word(j, out, JSON_NULL, "null");
	default:
		if (c == '-' || (c >= '0' && c <= '9')) {
			out->kind = JSON_NUMBER;
			return read_number(j, &out->text);
		}
		return fail_expected(j, "a value");
	}
}

int meter__json_member(struct json *j, struct slice *name_out, bool first)
{
	int c = peek(j);
	if (c == '}')
		return close_container(j);
	if (!first) {
		if (c != ',')
			return fail_expected(j, "a comma or }");
		j->at++;
		c = peek(j);
	}
	if (c != '"')
		return fail_expected(j, first ? "a name or }" : "a name");
	int status = read_string(j, name_out);
	if (status != METER_OK)
		return status;
	if (peek(j) != ':')
		return fail_expected(j, "a colon");
	j->at++;
	return METER_OK;
}

int meter__json_element(struct json *j, bool first)
{
	int c = peek(j);
	if (c == ']') {
		/* "[1,]" comes here only before its comma; behind it meter__json_value() finds no value. */
		return close_container(j);
	}
	if (!first) {
		if (c != ',')
			return fail_expected(j, "a comma or ]");
		j->at++;
	}
	return METER_OK;
}

int meter__json_skip(struct json *j, struct json_value *v)
{
	assert(v->kind == JSON_OBJECT || v->kind == JSON_ARRAY);
	for (bool first = true;; first = false) {
		struct slice name;
		int status = v->kind == JSON_OBJECT ? meter__json_member(j, &name, first) : meter__json_element(j, first);
		if (status == METER_EEND)
			break;
		struct json_value child;
		if (status == METER_OK)
			status = meter__json_value(j, &child);
		if (status == METER_OK && (child.kind == JSON_OBJECT || child.kind == JSON_ARRAY))
			status = meter__json_skip(j, &child);
		if (status != METER_OK)
			return status;
	}
	v->text.size = (size_t)(j->text + j->at - v->text.data);
	return METER_OK;
}

int meter__json_end(struct json *j)
{
	return peek(j) == -1 ? METER_OK : fail_expected(j, "the end of the text");
}
