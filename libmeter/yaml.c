/*
 * yaml.c - one YAML text as a tree of nodes. The only file that knows libyaml.
 *
 * libyaml 0.2.5 has no limits of its own: nesting is quadratic, aliases multiply, scalars and documents have no end. So its
 * events are read one by one and the first that passes a limit stops the reading; an alias is refused, never followed. The loop
 * keeps its own stack of YAML_DEPTH_MAX levels and does not recurse.
 *
 * Every error has a position, and the first one wins, except that a duplicate key is reported where its mapping ends.
 */
#include "yaml_tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "error.h"

struct level {
	struct yaml_node *node;
	struct yaml_node *last; /* item or key, NULL when there is none yet */
	bool is_after_key;      /* mapping: the next node is the value of last */
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	const char *name;
	const char *text;
	size_t size;
	size_t node_count;
	struct yaml_node *root;
	struct level levels[YAML_DEPTH_MAX];
	size_t depth;
};

struct position {
	int32_t line;
	int32_t column;
};

/* Texts are at most YAML_TEXT_MAX bytes, so lines and columns fit into int32. */
static struct position position_of_mark(yaml_mark_t mark)
{
	return (struct position){(int32_t)mark.line + 1, (int32_t)mark.column + 1};
}

static struct position position_of_offset(const struct reader *r, size_t offset)
{
	struct position p = {1, 1};

	for (size_t i = 0; i < offset && i < r->size; i++) {
		if (r->text[i] == '\n')
			p = (struct position){p.line + 1, 1};
		else if (((unsigned char)r->text[i] & 0xC0) != 0x80)
			p.column++;
	}
	return p;
}

__attribute__((format(printf, 3, 4))) static int fail_at(const struct reader *r, struct position p, const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return meter__fail(METER_ECATALOG, "%s:%d:%d: %s", r->name, p.line, p.column, message);
}

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "out of memory");
}

/* ---- the text ---- */

/* Checked before libyaml sees the text, because its own message has a byte offset only. */
static int check_utf8(const struct reader *r)
{
	size_t at = 0;

	if (meter__utf8_valid(r->text, r->size))
		return METER_OK;
	while (at < r->size) {
		size_t length = 1;
		while (length <= 4 && (length > r->size - at || !meter__utf8_valid(r->text + at, length)))
			length++;
		if (length > 4)
			break;
		at += length;
	}
	return fail_at(r, position_of_offset(r, at), "byte 0x%02X; the text must be UTF-8 without NUL",
	               (unsigned)(unsigned char)r->text[at]);
}

/* libyaml counts characters. */
static bool is_tab_at(const struct reader *r, size_t character)
{
	for (size_t i = 0; i < r->size; i++) {
		if (((unsigned char)r->text[i] & 0xC0) == 0x80)
			continue;
		if (character-- == 0)
			return r->text[i] == '\t';
	}
	return false;
}

static int fail_in_parser(const struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory();
	if (p->error == YAML_READER_ERROR)
		return fail_at(r, position_of_offset(r, p->problem_offset), "%s (U+%04X)", p->problem,
		               (unsigned)p->problem_value);
	struct position at = position_of_mark(p->problem_mark);
	bool is_indentation = strstr(p->problem, "cannot start any token") != NULL || strstr(p->problem, "tab character") != NULL;
	if (is_indentation && is_tab_at(r, p->problem_mark.index))
		return fail_at(r, at, "a tab; YAML is indented with blanks only");
	if (p->context == NULL || p->context_mark.line == p->problem_mark.line)
		return fail_at(r, at, "%s", p->problem);
	return fail_at(r, at, "%s %s that starts at line %d", p->problem, p->context, position_of_mark(p->context_mark).line);
}

/* ---- the tree ---- */

static void append(struct level *level, struct yaml_node *node)
{
	if (level->last == NULL)
		level->node->first = node;
	else
		level->last->next = node;
	level->last = node;
	level->node->count++;
}

/* Make a node and put it where the text is now. */
static int add_node(struct yaml_node **out, struct reader *r, enum yaml_kind kind, yaml_mark_t mark)
{
	struct position at = position_of_mark(mark);

	if (r->node_count == YAML_NODES_MAX)
		return fail_at(r, at, "more than %d values", YAML_NODES_MAX);
	struct level *level = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
	bool is_in_mapping = level != NULL && level->node->kind == YAML_MAPPING;
	if (is_in_mapping && !level->is_after_key && kind != YAML_TEXT)
		return fail_at(r, at, "a key must be text");
	struct yaml_node *node = meter__arena_array(r->arena, 1, sizeof(*node));
	if (node == NULL)
		return no_memory();
	r->node_count++;
	node->kind = kind;
	node->line = at.line;
	node->column = at.column;
	if (level == NULL)
		r->root = node;
	else if (is_in_mapping && level->is_after_key)
		level->last->value = node;
	else
		append(level, node);
	if (is_in_mapping)
		level->is_after_key = !level->is_after_key;
	*out = node;
	return METER_OK;
}

static int open_level(struct reader *r, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node;

	if (r->depth == YAML_DEPTH_MAX)
		return fail_at(r, position_of_mark(mark), "nested deeper than %d levels", YAML_DEPTH_MAX);
	int result = add_node(&node, r, kind, mark);
	if (result == METER_OK)
		r->levels[r->depth++] = (struct level){.node = node};
	return result;
}

static bool is_before(const struct yaml_node *a, const struct yaml_node *b)
{
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = meter__slice_compare(x->text, y->text);

	return order != 0 ? order : is_before(x, y) ? -1 : is_before(y, x);
}

/* A mapping may have tens of thousands of keys: sorted, equal ones are neighbours. */
static int check_keys(const struct reader *r, const struct yaml_node *mapping)
{
	const struct yaml_node *first = NULL;
	const struct yaml_node *again = NULL;
	size_t count = 0;

	if (mapping->count < 2)
		return METER_OK;
	const struct yaml_node **keys = calloc(mapping->count, sizeof(*keys));
	if (keys == NULL)
		return no_memory();
	for (const struct yaml_node *key = mapping->first; key != NULL; key = key->next)
		keys[count++] = key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++) {
		if (meter__slice_equal(keys[i - 1]->text, keys[i]->text) && (again == NULL || is_before(keys[i], again))) {
			first = keys[i - 1];
			again = keys[i];
		}
	}
	free(keys);
	if (again == NULL)
		return METER_OK;
	return fail_at(r, (struct position){again->line, again->column}, "duplicate key \"%s\", first given at line %d",
	               again->text.data, first->line);
}

static int close_level(struct reader *r)
{
	assert(r->depth > 0);
	const struct yaml_node *node = r->levels[--r->depth].node;
	return node->kind == YAML_MAPPING ? check_keys(r, node) : METER_OK;
}

/* ---- the events ---- */

static int check_plain_yaml(const struct reader *r, yaml_mark_t mark, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return fail_at(r, position_of_mark(mark), "anchor \"&%s\"; anchors are not allowed", (const char *)anchor);
	if (tag != NULL)
		return fail_at(r, position_of_mark(mark), "tag \"%s\"; tags are not allowed", (const char *)tag);
	return METER_OK;
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
	struct slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	struct yaml_node *node;

	int result = check_plain_yaml(r, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
	if (result != METER_OK)
		return result;
	struct position at = position_of_mark(event->start_mark);
	if (text.size > YAML_SCALAR_MAX)
		return fail_at(r, at, "text of %zu bytes; at most %d are allowed", text.size, YAML_SCALAR_MAX);
	if (memchr(text.data, 0, text.size) != NULL)
		return fail_at(r, at, "text with a NUL");
	result = add_node(&node, r, YAML_TEXT, event->start_mark);
	if (result != METER_OK)
		return result;
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = (struct slice){meter__arena_copy(r->arena, text), text.size};
	return node->text.data == NULL ? no_memory() : METER_OK;
}

static int on_list(struct reader *r, const yaml_event_t *event)
{
	int result = check_plain_yaml(r, event->start_mark, event->data.sequence_start.anchor, event->data.sequence_start.tag);

	return result == METER_OK ? open_level(r, YAML_LIST, event->start_mark) : result;
}

static int on_mapping(struct reader *r, const yaml_event_t *event)
{
	int result = check_plain_yaml(r, event->start_mark, event->data.mapping_start.anchor, event->data.mapping_start.tag);

	return result == METER_OK ? open_level(r, YAML_MAPPING, event->start_mark) : result;
}

static int on_event(struct reader *r, const yaml_event_t *event)
{
	struct position at = position_of_mark(event->start_mark);

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return r->root == NULL ? METER_OK : fail_at(r, at, "a second document; one is allowed");
	case YAML_ALIAS_EVENT:
		return fail_at(r, at, "alias \"*%s\"; aliases are not allowed", (const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_list(r, event);
	case YAML_MAPPING_START_EVENT:
		return on_mapping(r, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return METER_OK;
}

static int read_events(struct reader *r)
{
	yaml_event_t event;
	bool is_end = false;
	int result = METER_OK;

	while (result == METER_OK && !is_end) {
		if (!yaml_parser_parse(&r->parser, &event))
			return fail_in_parser(r);
		is_end = event.type == YAML_STREAM_END_EVENT;
		result = on_event(r, &event);
		yaml_event_delete(&event);
	}
	return result;
}

int meter__yaml_read(const struct yaml_node **out, struct arena *arena, const char *name, const char *text, size_t size)
{
	struct reader r = {.arena = arena, .name = name, .text = text, .size = size};
	static const char byte_order_mark[] = "\xEF\xBB\xBF";

	*out = NULL;
	if (size > YAML_TEXT_MAX)
		return meter__fail(METER_EINVAL, "%s:1:1: the text has %zu bytes; at most %zu are allowed", name, size,
		                   YAML_TEXT_MAX);
	int result = check_utf8(&r);
	if (result != METER_OK)
		return result;
	if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		r.text += 3;
		r.size -= 3;
	}
	if (!yaml_parser_initialize(&r.parser))
		return no_memory();
	/* Set, not detected: what looks like UTF-16 has been refused as UTF-8 above. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.size);
	result = read_events(&r);
	yaml_parser_delete(&r.parser);
	if (result != METER_OK)
		return result;
	if (r.root == NULL || (r.root->is_plain && r.root->text.size == 0))
		return fail_at(&r, (struct position){1, 1}, "the text is empty");
	*out = r.root;
	return METER_OK;
}
