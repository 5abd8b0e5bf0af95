/*
 * yaml_tree.h - one YAML text as a tree of nodes that know their line and column. (pure)
 *
 * A small, strict YAML: text, lists and mappings with text keys, each key once. Anchors, aliases, tags and several documents are
 * refused. Nothing is interpreted: every scalar is the text that was written, so 0.10 is four characters and no number.
 * Not named yaml.h, because that is the name of the header of libyaml.
 */
#ifndef METER_YAML_TREE_H
#define METER_YAML_TREE_H

#include <stdint.h>

#include "arena.h"

#define YAML_TEXT_MAX ((size_t)16 << 20)
#define YAML_DEPTH_MAX 16
#define YAML_NODES_MAX 2000000
#define YAML_SCALAR_MAX 4096

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	bool is_plain; /* text without quotes, also not as a block: only then "null" can mean nothing */
	int32_t line;  /* 1-based, like column; a column is a character, not a byte */
	int32_t column;
	struct slice text;             /* NUL-terminated; absent unless kind is YAML_TEXT */
	size_t count;                  /* list: items; mapping: keys */
	const struct yaml_node *first; /* list: its first item; mapping: its first key; NULL when empty */
	const struct yaml_node *next;  /* the next item of the same list, or the next key of the same mapping */
	const struct yaml_node *value; /* key of a mapping: its value; else NULL */
};

/*
 * Read one text; *out is its root and lives in arena. METER_OK; METER_ECATALOG with "name:line:column: what was expected";
 * METER_EINVAL in the same form when size is over YAML_TEXT_MAX; METER_ENOMEM.
 */
int meter__yaml_read(const struct yaml_node **out, struct arena *arena, const char *name, const char *text, size_t size);

#endif
