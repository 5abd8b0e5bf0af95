/*
 * field.c - typed values out of the nodes of a YAML text, with errors that have a position.
 *
 * Knows how a decimal, a time or a choice is written, not what they mean. Of several errors in one mapping the first in the text
 * is reported; a missing key comes last, because a misspelled one is the better explanation.
 */
#include "field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "instant.h"

#define DURATION_MAX_DAYS 366

int meter__field_fail(const struct field_reader *r, const struct yaml_node *at, int code, const char *format, ...)
{
	char message[800];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return meter__fail(code, "%s:%d:%d: %s", r->name, at->line, at->column, message);
}

int meter__field_unsupported(const struct field_reader *r, const struct yaml_node *at, const char *name)
{
	return meter__field_fail(r, at, METER_EUNSUPPORTED, "\"%s\" is not rated by this version of libmeter", name);
}

int meter__field_no_memory(void)
{
	return meter__fail(METER_ENOMEM, "out of memory");
}

static int fail_in_callee(const struct field_reader *r, const struct yaml_node *at)
{
	return meter__fail_in(METER_ECATALOG, "%s:%d:%d: ", r->name, at->line, at->column);
}

/* ---- mappings and lists ---- */

static int check_kind(const struct field_reader *r, const struct yaml_node *node, enum yaml_kind expected)
{
	static const char *const names[] = {[YAML_TEXT] = "text", [YAML_LIST] = "a list", [YAML_MAPPING] = "a mapping"};

	if (node->kind == expected)
		return METER_OK;
	return meter__field_fail(r, node, METER_ECATALOG, "%s was expected, not %s", names[expected], names[node->kind]);
}

static int check_count(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max)
{
	if (node->count <= max)
		return METER_OK;
	return meter__field_fail(r, node, METER_ECATALOG, "%zu %ss; at most %zu are allowed", node->count, what, max);
}

int meter__field_list(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max)
{
	int result = check_kind(r, node, YAML_LIST);

	return result == METER_OK ? check_count(r, node, what, max) : result;
}

int meter__field_filled_list(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max)
{
	int result = meter__field_list(r, node, what, max);

	if (result == METER_OK && node->count == 0)
		return meter__field_fail(r, node, METER_ECATALOG, "an empty list; at least one %s was expected", what);
	return result;
}

int meter__field_keys(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max)
{
	int result = check_kind(r, node, YAML_MAPPING);

	return result == METER_OK ? check_count(r, node, what, max) : result;
}

static int fail_unknown_key(const struct field_reader *r, const struct yaml_node *key, const struct field *fields, size_t count)
{
	struct buffer allowed = {0};

	for (size_t i = 0; i < count; i++) {
		if (fields[i].use == FIELD_UNSUPPORTED)
			continue;
		if (allowed.size > 0)
			meter__buffer_text(&allowed, ", ");
		meter__buffer_text(&allowed, fields[i].name);
	}
	int result = meter__field_fail(r, key, METER_ECATALOG, "unknown key \"%.100s\"; allowed are %s", key->text.data,
	                               meter__buffer_cstr(&allowed));
	meter__buffer_free(&allowed);
	return result;
}

static int check_use(const struct field_reader *r, const struct yaml_node *key, const struct field *field)
{
	if (field->use == FIELD_UNSUPPORTED)
		return meter__field_unsupported(r, key, field->name);
	if (field->use != FIELD_EMPTY)
		return METER_OK;
	int result = check_kind(r, key->value, YAML_LIST);
	if (result == METER_OK && key->value->count > 0)
		return meter__field_unsupported(r, key, field->name);
	return result;
}

int meter__field_mapping(const struct field_reader *r, const struct yaml_node *node, const struct field *fields, size_t count,
                         const struct yaml_node **entries)
{
	int result = check_kind(r, node, YAML_MAPPING);

	if (result != METER_OK)
		return result;
	memset(entries, 0, count * sizeof(*entries));
	for (const struct yaml_node *key = node->first; key != NULL; key = key->next) {
		size_t i = 0;
		while (i < count && !meter__slice_equal(key->text, meter__slice_of(fields[i].name)))
			i++;
		if (i == count)
			return fail_unknown_key(r, key, fields, count);
		result = check_use(r, key, &fields[i]);
		if (result != METER_OK)
			return result;
		entries[i] = key;
	}
	for (size_t i = 0; i < count; i++) {
		if (fields[i].use == FIELD_REQUIRED && entries[i] == NULL)
			return meter__field_fail(r, node, METER_ECATALOG, "\"%s\" is missing", fields[i].name);
	}
	return METER_OK;
}

/* ---- text ---- */

bool meter__field_is_null(const struct yaml_node *node)
{
	static const char *const names[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; node->is_plain && i < COUNT_OF(names); i++) {
		if (meter__slice_equal(node->text, meter__slice_of(names[i])))
			return true;
	}
	return false;
}

static bool has_control_character(struct slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		if ((unsigned char)s.data[i] < 0x20 || s.data[i] == 0x7F)
			return true;
	}
	return false;
}

static int copy_text(const struct field_reader *r, const struct yaml_node *node, size_t size_min, size_t size_max, char **out)
{
	int result = check_kind(r, node, YAML_TEXT);

	if (result != METER_OK)
		return result;
	if (meter__field_is_null(node))
		return meter__field_fail(r, node, METER_ECATALOG,
		                         "text was expected, not nothing; if null is meant as text, it needs quotes");
	if (node->text.size < size_min || node->text.size > size_max)
		return meter__field_fail(r, node, METER_ECATALOG, "text of %zu bytes; %zu to %zu are allowed", node->text.size,
		                         size_min, size_max);
	*out = meter__arena_copy(r->arena, node->text);
	return *out == NULL ? meter__field_no_memory() : METER_OK;
}

int meter__field_text(const struct field_reader *r, const struct yaml_node *node, size_t size_max, char **out)
{
	int result = copy_text(r, node, 1, size_max, out);

	if (result == METER_OK && has_control_character(node->text))
		return meter__field_fail(r, node, METER_ECATALOG, "text with control characters");
	return result;
}

int meter__field_optional_text(const struct field_reader *r, const struct yaml_node *entry, char **out)
{
	*out = NULL;
	return entry == NULL ? METER_OK : meter__field_text(r, entry->value, FIELD_TEXT_MAX, out);
}

int meter__field_value(const struct field_reader *r, const struct yaml_node *node, char **out)
{
	return copy_text(r, node, 0, YAML_SCALAR_MAX, out);
}

int meter__field_flag(const struct field_reader *r, const struct yaml_node *node, bool *out)
{
	static const struct choice flags[] = {{"true", true}, {"false", false}};
	int value = false;

	int result = meter__field_choice(r, node, flags, COUNT_OF(flags), &value);
	*out = value != 0;
	return result;
}

/* "count, sum or max" */
static void write_supported(struct buffer *out, const struct choice *choices, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		left += choices[i].value != CHOICE_UNSUPPORTED;
	for (size_t i = 0; i < count; i++) {
		if (choices[i].value == CHOICE_UNSUPPORTED)
			continue;
		meter__buffer_text(out, choices[i].name);
		left--;
		if (left > 0)
			meter__buffer_text(out, left == 1 ? " or " : ", ");
	}
}

static int fail_choice(const struct field_reader *r, const struct yaml_node *node, const struct choice *choices, size_t count)
{
	struct buffer expected = {0};

	write_supported(&expected, choices, count);
	int result = meter__field_fail(r, node, METER_ECATALOG, "\"%.100s\": %s was expected", node->text.data,
	                               meter__buffer_cstr(&expected));
	meter__buffer_free(&expected);
	return result;
}

int meter__field_choice(const struct field_reader *r, const struct yaml_node *node, const struct choice *choices, size_t count,
                        int *out)
{
	int result = check_kind(r, node, YAML_TEXT);

	if (result != METER_OK)
		return result;
	for (size_t i = 0; i < count; i++) {
		if (!meter__slice_equal(node->text, meter__slice_of(choices[i].name)))
			continue;
		if (choices[i].value == CHOICE_UNSUPPORTED)
			return meter__field_unsupported(r, node, choices[i].name);
		*out = choices[i].value;
		return METER_OK;
	}
	return fail_choice(r, node, choices, count);
}

/* ---- numbers ---- */

static int read_decimal(const struct field_reader *r, const struct yaml_node *node, struct decimal *out)
{
	int result = check_kind(r, node, YAML_TEXT);

	if (result != METER_OK)
		return result;
	return meter__decimal_parse(out, node->text.data, node->text.size) == METER_OK ? METER_OK : fail_in_callee(r, node);
}

int meter__field_decimal(const struct field_reader *r, const struct yaml_node *node, struct decimal *out)
{
	int result = read_decimal(r, node, out);

	if (result == METER_OK && meter__decimal_is_negative(*out))
		return meter__field_fail(r, node, METER_ECATALOG, "\"%s\": at least 0 was expected", node->text.data);
	return result;
}

int meter__field_positive_decimal(const struct field_reader *r, const struct yaml_node *node, struct decimal *out)
{
	int result = read_decimal(r, node, out);

	if (result == METER_OK && meter__decimal_compare(*out, DECIMAL_ZERO) <= 0)
		return meter__field_fail(r, node, METER_ECATALOG, "\"%s\": more than 0 was expected", node->text.data);
	return result;
}

/* ---- time ---- */

int meter__field_instant(const struct field_reader *r, const struct yaml_node *node, int64_t *us_out)
{
	int result = check_kind(r, node, YAML_TEXT);

	if (result != METER_OK)
		return result;
	return meter__instant_parse(us_out, node->text.data, node->text.size, METER_TIME_RFC3339) == METER_OK
	               ? METER_OK
	               : fail_in_callee(r, node);
}

/* Up to eight digits: even one number of each unit adds up to less than INT64_MAX. */
static bool parse_count(const char **at, int64_t *out)
{
	const char *p = *at;

	for (*out = 0; *p >= '0' && *p <= '9' && p - *at < 9; p++)
		*out = *out * 10 + (*p - '0');
	bool is_number = p > *at && p - *at < 9;
	*at = p;
	return is_number;
}

struct duration_unit {
	char letter;
	bool is_time; /* ISO 8601: stands after the T */
	int64_t us;
};

static const struct duration_unit duration_units[] = {
	{'d', false, US_PER_DAY}, {'h', true, US_PER_HOUR}, {'m', true, US_PER_MINUTE}, {'s', true, US_PER_SECOND}};

static bool parse_short_duration(const char *text, int64_t *us_out)
{
	int64_t number;

	if (!parse_count(&text, &number))
		return false;
	for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
		if (text[0] == duration_units[i].letter && text[1] == '\0') {
			*us_out = number * duration_units[i].us;
			return true;
		}
	}
	return false;
}

/* Each unit at most once, in falling order; a T only with something behind it. */
static bool parse_iso_duration(const char *text, int64_t *us_out)
{
	bool is_time = false;
	size_t unit = 0;
	int64_t number;

	if (*text++ != 'P' || *text == '\0')
		return false;
	for (*us_out = 0; *text != '\0'; text++) {
		if (*text == 'T') {
			if (is_time)
				return false;
			is_time = true;
			text++;
		}
		if (!parse_count(&text, &number))
			return false;
		while (unit < COUNT_OF(duration_units) &&
		       (*text != duration_units[unit].letter - 'a' + 'A' || is_time != duration_units[unit].is_time))
			unit++;
		if (unit == COUNT_OF(duration_units))
			return false;
		*us_out += number * duration_units[unit++].us;
	}
	return true;
}

int meter__field_duration(const struct field_reader *r, const struct yaml_node *node, int64_t *us_out)
{
	int result = check_kind(r, node, YAML_TEXT);

	if (result != METER_OK)
		return result;
	if (!parse_short_duration(node->text.data, us_out) && !parse_iso_duration(node->text.data, us_out))
		return meter__field_fail(r, node, METER_ECATALOG,
		                         "\"%.100s\": a duration was expected, like 12h, 30m, 90s, 2d or PT12H", node->text.data);
	if (*us_out > DURATION_MAX_DAYS * US_PER_DAY)
		return meter__field_fail(r, node, METER_ECATALOG, "\"%.100s\": at most %d days are allowed", node->text.data,
		                         DURATION_MAX_DAYS);
	return METER_OK;
}

int32_t meter__field_last_line(const struct yaml_node *node)
{
	int32_t last = node->value != NULL ? meter__field_last_line(node->value) : node->line;

	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		const int32_t below = meter__field_last_line(child);
		last = below > last ? below : last;
	}
	return last;
}
