/*
 * fuzz_json.c - any bytes through the JSON parser, compared with json-c 0.16 (STRICT, VALIDATE_UTF8): the same texts are
 * accepted, with the same strings, numbers and structure.
 *
 * Intended differences; in all of them libmeter refuses and json-c accepts:
 *   - NaN, Infinity, -Infinity
 *   - numbers like 1. and -01
 *   - names in single quotes
 *   - control characters in strings, NUL also as \u0000 (json-c cuts a name there)
 *   - one half of a surrogate pair (json-c makes U+FFFD of it)
 *   - UTF-8 that only looks right: too long, surrogates, above U+10FFFF (json-c checks the lead bits)
 *   - nesting deeper than JSON_DEPTH_MAX
 * And where both accept:
 *   - json-c moves integers outside int64 and uint64 to the limit: integers of more than 18 digits are not compared
 *   - json-c keeps the last of repeated names and says nothing: texts with such names are not compared
 */
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "meter.h"

#define NAMES_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void found(const char *what, struct slice s)
{
	fprintf(stderr, "fuzz_json: %s: \"%.*s\"; last message: %s\n", what, (int)s.size, s.data, meter_errmsg());
	abort();
}

static void require(bool holds, const char *what, struct slice s)
{
	if (!holds)
		found(what, s);
}

static int next_child(struct json *j, struct json_value parent, struct slice *name, bool first)
{
	return parent.kind == JSON_OBJECT ? meter__json_member(j, name, first) : meter__json_element(j, first);
}

static bool is_container(struct json_value v)
{
	return v.kind == JSON_OBJECT || v.kind == JSON_ARRAY;
}

/* Reads one value and everything in it. METER_OK or METER_EINVAL. */
static int scan(struct json *j, bool *has_repeated_names)
{
	struct json_value v;
	int status = meter__json_value(j, &v);
	if (status != METER_OK || !is_container(v))
		return status;
	struct slice names[NAMES_MAX];
	size_t count = 0;
	for (bool first = true;; first = false) {
		struct slice name;
		status = next_child(j, v, &name, first);
		if (status == METER_EEND)
			return METER_OK;
		if (status != METER_OK)
			return status;
		if (v.kind == JSON_OBJECT) {
			for (size_t i = 0; i < count; i++)
				*has_repeated_names = *has_repeated_names || meter__slice_equal(names[i], name);
			/* Too many to remember: not compared. */
			*has_repeated_names = *has_repeated_names || count == NAMES_MAX;
			if (count < NAMES_MAX)
				names[count++] = name;
		}
		status = scan(j, has_repeated_names);
		if (status != METER_OK)
			return status;
	}
}

static int scan_text(struct buffer *scratch, struct slice text, bool *has_repeated_names)
{
	struct json j;
	*has_repeated_names = false;
	require(meter__json_begin(&j, scratch, text.data, text.size) == METER_OK, "no memory", text);
	int status = scan(&j, has_repeated_names);
	return status == METER_OK ? meter__json_end(&j) : status;
}

static void compare_number(struct slice text, struct json_object *o)
{
	if (json_object_is_type(o, json_type_double)) {
		require(strlen(json_object_get_string(o)) == text.size &&
		                memcmp(json_object_get_string(o), text.data, text.size) == 0,
		        "another number", text);
		return;
	}
	require(json_object_is_type(o, json_type_int), "no number", text);
	if (text.size > 18)
		return;
	char digits[32] = "";
	memcpy(digits, text.data, text.size);
	require(strtoll(digits, NULL, 10) == json_object_get_int64(o), "another integer", text);
}

static void compare(struct json *j, struct json_object *o);

static void compare_children(struct json *j, struct json_value v, struct json_object *o)
{
	size_t count = 0;
	for (bool first = true;; first = false) {
		struct slice name = {NULL, 0};
		int status = next_child(j, v, &name, first);
		if (status == METER_EEND)
			break;
		require(status == METER_OK, "refused when read again", v.text);
		struct json_object *child = NULL;
		if (v.kind == JSON_OBJECT) {
			char *key = meter__copy(name);
			require(key != NULL && json_object_object_get_ex(o, key, &child), "unknown name", name);
			free(key);
		} else {
			require(count < json_object_array_length(o), "too many elements", v.text);
			child = json_object_array_get_idx(o, count);
		}
		compare(j, child);
		count++;
	}
	size_t expected = v.kind == JSON_OBJECT ? (size_t)json_object_object_length(o) : json_object_array_length(o);
	require(count == expected, "too few members or elements", v.text);
}

static void compare(struct json *j, struct json_object *o)
{
	struct json_value v;
	require(meter__json_value(j, &v) == METER_OK, "refused when read again", (struct slice){j->text, j->size});
	switch (v.kind) {
	case JSON_STRING:
		require(json_object_is_type(o, json_type_string) && (size_t)json_object_get_string_len(o) == v.text.size &&
		                memcmp(json_object_get_string(o), v.text.data, v.text.size) == 0,
		        "another string", v.text);
		break;
	case JSON_NUMBER:
		compare_number(v.text, o);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		require(json_object_is_type(o, json_type_boolean) && (json_object_get_boolean(o) != 0) == (v.kind == JSON_TRUE),
		        "another boolean", v.text);
		break;
	case JSON_NULL:
		require(o == NULL, "no null", v.text);
		break;
	case JSON_OBJECT:
		require(json_object_is_type(o, json_type_object), "no object", v.text);
		compare_children(j, v, o);
		break;
	case JSON_ARRAY:
		require(json_object_is_type(o, json_type_array), "no array", v.text);
		compare_children(j, v, o);
		break;
	}
}

/* json-c takes the NUL behind the text as its end; text has none. */
static bool json_c_accepts(const char *text, size_t size, struct json_object **out)
{
	struct json_tokener *tokener = json_tokener_new_ex(64);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	*out = json_tokener_parse_ex(tokener, text, (int)size + 1);
	bool is_accepted = json_tokener_get_error(tokener) == json_tokener_success;
	json_tokener_free(tokener);
	return is_accepted;
}

static bool is_intended_refusal(const char *message)
{
	static const char *const reasons[] = {
		"a name was expected, not '''",
		"a name or } was expected, not '''",
		"a value was expected, not 'N'",
		"a value was expected, not 'I'",
		"a digit was expected",
		"must not start with zeros",
		"control character",
		"\\u0000 (NUL)",
		"surrogate pair",
		"not valid UTF-8",
		"nested deeper than",
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(message, reasons[i]) != NULL)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > INT_MAX / 2)
		return 0;
	struct buffer scratch = {0};
	struct slice text = {(const char *)data, size};
	bool has_repeated_names;
	int status = scan_text(&scratch, text, &has_repeated_names);
	require(status == METER_OK || status == METER_EINVAL, "undocumented result", text);
	if (memchr(data, 0, size) != NULL) {
		require(status == METER_EINVAL, "NUL accepted", text);
	} else {
		char *copy = meter__copy(text);
		struct json_object *o = NULL;
		require(copy != NULL, "no memory", text);
		bool is_accepted = json_c_accepts(copy, size, &o);
		if (status == METER_OK)
			require(is_accepted, "accepted, but not by json-c", text);
		else
			require(!is_accepted || is_intended_refusal(meter_errmsg()), "refused, but not by json-c", text);
		if (status == METER_OK && !has_repeated_names) {
			struct json j;
			require(meter__json_begin(&j, &scratch, text.data, text.size) == METER_OK, "no memory", text);
			compare(&j, o);
		}
		json_object_put(o);
		free(copy);
	}
	meter__buffer_free(&scratch);
	return 0;
}
