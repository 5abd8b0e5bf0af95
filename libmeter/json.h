/*
 * json.h - a strict pull parser for one JSON text in memory. (pure)
 *
 * Why not json-c: measured and written down in README.md ("JSON"). Strict RFC 8259: no comments, no trailing commas, no NaN,
 * UTF-8 only, lone surrogates and NUL (also as \u0000) refused, depth at most JSON_DEPTH_MAX. Numbers stay text. Names repeated
 * in one object are for the caller to refuse (it knows which names it has seen).
 */
#ifndef METER_JSON_H
#define METER_JSON_H

#include <stdbool.h>

#include "buffer.h"

#define JSON_DEPTH_MAX 16

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY };

struct json {
	const char *text;
	size_t size;
	size_t at; /* next byte */
	int depth;
	struct buffer *scratch; /* strings with escapes are resolved into it; its memory must not move: see json_begin */
};

struct json_value {
	enum json_kind kind;
	struct slice text; /* string: its content, escapes resolved; number, true, false: as written; object, array: the whole
	                      text when skipped */
};

/* scratch is reset and grown to size once, so that slices into it stay put. METER_OK or METER_ENOMEM. */
int meter__json_begin(struct json *j, struct buffer *scratch, const char *text, size_t size);

/*
 * Read the next value. For an object or array only its opening is consumed: go on with _member or _element until they give
 * METER_EEND, or pass it with meter__json_skip(). METER_OK or METER_EINVAL ("column N: ...").
 */
int meter__json_value(struct json *j, struct json_value *out);
/* In an object: the name of the next member, its value comes next. METER_OK, METER_EEND after the closing brace, METER_EINVAL. */
int meter__json_member(struct json *j, struct slice *name_out, bool first);
/* In an array: whether another element comes. METER_OK, METER_EEND, METER_EINVAL. */
int meter__json_element(struct json *j, bool first);
/* After meter__json_value() gave an object or array: pass the rest of it and set v->text to its whole text. */
int meter__json_skip(struct json *j, struct json_value *v);
/* Nothing but blanks may follow. METER_OK or METER_EINVAL. */
int meter__json_end(struct json *j);

#endif
