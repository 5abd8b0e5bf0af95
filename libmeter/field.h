/*
 * field.h - typed values out of the nodes of a YAML text, with errors that have a position. (pure)
 *
 * Everything read lives in the reader's arena. Each function gives METER_OK, METER_ENOMEM, METER_ECATALOG, or METER_EUNSUPPORTED
 * for what the language has and this version does not rate; the message is "name:line:column: what was expected".
 */
#ifndef METER_FIELD_H
#define METER_FIELD_H

#include "decimal.h"
#include "yaml_tree.h"

#define FIELD_KEY_MAX 128  /* bytes of a key, a property's name, a type */
#define FIELD_TEXT_MAX 256 /* bytes of a name, a reason, a unit */

struct field_reader {
	const char *name; /* of the text, for messages */
	struct arena *arena;
};

int meter__field_fail(const struct field_reader *r, const struct yaml_node *at, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int meter__field_unsupported(const struct field_reader *r, const struct yaml_node *at, const char *name);
int meter__field_no_memory(void);

enum field_use {
	FIELD_OPTIONAL,
	FIELD_REQUIRED,
	FIELD_EMPTY,       /* a list that must be empty in this version */
	FIELD_UNSUPPORTED, /* a name of the language that this version does not rate */
};

struct field {
	const char *name;
	enum field_use use;
};

/* Sort a mapping's keys out: entries[i] is the key node of fields[i] (its value is ->value), or NULL. Unknown keys are refused.
 */
int meter__field_mapping(const struct field_reader *r, const struct yaml_node *node, const struct field *fields, size_t count,
                         const struct yaml_node **entries);
/* That it is a list (or mapping) of at most max entries; what names one entry. */
int meter__field_list(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max);
int meter__field_keys(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max);
/* meter__field_list(), and not empty. */
int meter__field_filled_list(const struct field_reader *r, const struct yaml_node *node, const char *what, size_t max);

/* Unquoted and null, or nothing at all. */
bool meter__field_is_null(const struct yaml_node *node);
/* Text of 1..size_max bytes without control characters. An unquoted null is not text. */
int meter__field_text(const struct field_reader *r, const struct yaml_node *node, size_t size_max, char **out);
/* The same, if the entry is there; else *out is NULL. */
int meter__field_optional_text(const struct field_reader *r, const struct yaml_node *entry, char **out);
/* What the value of a property can be: any text, also "". */
int meter__field_value(const struct field_reader *r, const struct yaml_node *node, char **out);
int meter__field_decimal(const struct field_reader *r, const struct yaml_node *node, struct decimal *out);          /* >= 0 */
int meter__field_positive_decimal(const struct field_reader *r, const struct yaml_node *node, struct decimal *out); /* > 0 */
int meter__field_flag(const struct field_reader *r, const struct yaml_node *node, bool *out);          /* true or false */
int meter__field_instant(const struct field_reader *r, const struct yaml_node *node, int64_t *us_out); /* RFC 3339 */
/* 12h, 30m, 90s, 2d, or ISO 8601 in days, hours, minutes and seconds: PT12H, P1DT30M. At most 366 days. */
int meter__field_duration(const struct field_reader *r, const struct yaml_node *node, int64_t *us_out);

#define CHOICE_UNSUPPORTED (-1)

struct choice {
	const char *name;
	int value; /* CHOICE_UNSUPPORTED: a word of the language that this version does not rate */
};

int meter__field_choice(const struct field_reader *r, const struct yaml_node *node, const struct choice *choices, size_t count,
                        int *out);

/* The last line that belongs to a node. */
int32_t meter__field_last_line(const struct yaml_node *node);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
