/*
 * map.c - from CSV records to events: which column, constant or line number each field of an event comes from.
 *
 * Without --map a column carries the field of its name, and every column that is no field is a property of its own name. An
 * empty cell means: not given. What the fields may hold is the library's business.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum field { SUBSCRIPTION, ID, TYPE, TIMESTAMP, VALUE, SOURCE, SEQUENCE, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {"subscription", "id", "type", "timestamp", "value", "source", "sequence"};

#define REQUIRED_COUNT (TIMESTAMP + 1)

#define COLUMNS_MAX 1024

#define PROPERTY_PREFIX "properties."

enum origin { FROM_NOTHING, FROM_COLUMN, FROM_CONSTANT, FROM_LINE };

struct rule {
	enum origin origin;
	struct csv_field text; /* the constant, or the name of the column */
	size_t column;         /* once bound */
};

struct named_rule {
	struct csv_field name;
	struct rule rule;
};

struct map {
	struct rule given[FIELD_COUNT];
	struct named_rule *given_properties;
	size_t given_property_count;
	/* The same, bound to the header of the file being read. */
	struct rule fields[FIELD_COUNT];
	struct named_rule *properties;
	size_t property_count;
	struct text names; /* of its columns */
	size_t column_count;
	meter_property *event_properties;
};

static bool is_equal(struct csv_field field, const char *text)
{
	return field.size == strlen(text) && !memcmp(field.data, text, field.size);
}

static bool are_equal(struct csv_field a, struct csv_field b)
{
	return a.size == b.size && !memcmp(a.data, b.data, a.size);
}

/* ---- --map ---- */

static struct rule *add_given_property(struct map *map, struct csv_field name)
{
	for (size_t i = 0; i < map->given_property_count; i++) {
		if (are_equal(map->given_properties[i].name, name))
			return &map->given_properties[i].rule;
	}
	size_t count = map->given_property_count + 1;
	map->given_properties = cli_allocate(map->given_properties, count, sizeof(*map->given_properties));
	map->given_properties[map->given_property_count] = (struct named_rule){.name = name};
	return &map->given_properties[map->given_property_count++].rule;
}

static bool is_property(struct csv_field name)
{
	size_t prefix = strlen(PROPERTY_PREFIX);

	return name.size > prefix && !memcmp(name.data, PROPERTY_PREFIX, prefix);
}

/* The rule of "FIELD" or "properties.NAME"; NULL: neither. */
static struct rule *find_given(struct map *map, struct csv_field name)
{
	size_t prefix = strlen(PROPERTY_PREFIX);

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (is_equal(name, field_names[i]))
			return &map->given[i];
	}
	if (!is_property(name))
		return NULL;
	return add_given_property(map, (struct csv_field){name.data + prefix, name.size - prefix});
}

static int read_entry(struct map *map, const struct verb *verb, struct csv_field entry)
{
	const char *separator = memchr(entry.data, '=', entry.size);

	if (!separator)
		return cli_usage_error(verb, "--map: \"%.*s\" is not FIELD=COLUMN, FIELD=:CONSTANT or FIELD=#line",
		                       (int)entry.size, entry.data);
	struct csv_field name = {entry.data, (size_t)(separator - entry.data)};
	struct csv_field text = {separator + 1, entry.size - name.size - 1};
	struct rule *rule = find_given(map, name);
	if (!rule)
		return cli_usage_error(verb,
		                       "--map: \"%.*s\" is none of subscription, id, type, timestamp, value, source, sequence, "
		                       "properties.NAME",
		                       (int)name.size, name.data);
	if (rule->origin != FROM_NOTHING)
		return cli_usage_error(verb, "--map: %.*s is given twice", (int)name.size, name.data);
	if (!text.size)
		return cli_usage_error(verb, "--map: %.*s: the name of a column is missing", (int)name.size, name.data);
	if (text.data[0] == ':')
		*rule = (struct rule){.origin = FROM_CONSTANT, .text = {text.data + 1, text.size - 1}};
	else if (is_equal(text, "#line") && !is_property(name))
		*rule = (struct rule){.origin = FROM_LINE};
	else
		*rule = (struct rule){.origin = FROM_COLUMN, .text = text};
	return EXIT_DONE;
}

int map_read(struct map **out, const struct arguments *arguments)
{
	size_t index = 0;
	int result = EXIT_DONE;
	const char *list;

	*out = cli_allocate(NULL, 1, sizeof(**out));
	**out = (struct map){0};
	while (result == EXIT_DONE && (list = opt_next(arguments, "map", &index))) {
		for (;;) {
			size_t size = strcspn(list, ",");
			result = read_entry(*out, arguments->verb, (struct csv_field){list, size});
			if (result != EXIT_DONE || !list[size])
				break;
			list += size + 1;
		}
	}
	return result;
}

static void unbind(struct map *map)
{
	free(map->properties);
	free(map->event_properties);
	map->properties = NULL;
	map->event_properties = NULL;
	map->property_count = 0;
	map->names.size = 0;
}

void map_free(struct map *map)
{
	if (!map)
		return;
	unbind(map);
	text_free(&map->names);
	free(map->given_properties);
	free(map);
}

/* ---- header ---- */

static bool find_column(const struct csv *header, struct csv_field name, size_t *column_out)
{
	for (size_t i = 0; i < header->field_count; i++) {
		if (are_equal(header->fields[i], name)) {
			*column_out = i;
			return true;
		}
	}
	return false;
}

static void add_column_list(struct text *list, const struct csv *header)
{
	for (size_t i = 0; i < header->field_count; i++) {
		text_add_string(list, i ? ", " : "");
		text_add(list, header->fields[i].data, header->fields[i].size);
	}
	text_add(list, "", 1);
}

static int unknown_column(const struct verb *verb, const char *file, const struct csv *header, struct csv_field name)
{
	struct text list = {0};

	add_column_list(&list, header);
	int result = cli_usage_error(verb, "--map: %s has no column \"%.*s\"; its columns: %s", file, (int)name.size, name.data,
	                             list.data);
	text_free(&list);
	return result;
}

static int missing_field(const char *file, const struct csv *header, const char *name)
{
	struct text list = {0};

	add_column_list(&list, header);
	cli_message("%s:%llu: no column \"%s\": say with --map where it comes from; the columns: %s", file,
	            (unsigned long long)header->line, name, list.data);
	text_free(&list);
	return EXIT_FAILED;
}

static int check_header(const char *file, const struct csv *header)
{
	if (header->field_count > COLUMNS_MAX) {
		cli_message("%s:%llu: %zu columns, at most %d are read", file, (unsigned long long)header->line,
		            header->field_count, COLUMNS_MAX);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < header->field_count; i++) {
		struct csv_field name = header->fields[i];
		size_t first;
		if (!name.size) {
			cli_message("%s:%llu: column %zu has no name", file, (unsigned long long)header->line, i + 1);
			return EXIT_FAILED;
		}
		if (find_column(header, name, &first) && first != i) {
			cli_message("%s:%llu: two columns are called \"%.*s\"", file, (unsigned long long)header->line,
			            (int)name.size, name.data);
			return EXIT_FAILED;
		}
	}
	return EXIT_DONE;
}

static int bind_fields(struct map *map, const struct verb *verb, const char *file, const struct csv *header)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		struct rule *rule = &map->fields[i];
		*rule = map->given[i];
		if (rule->origin == FROM_COLUMN && !find_column(header, rule->text, &rule->column))
			return unknown_column(verb, file, header, rule->text);
		struct csv_field own_name = {field_names[i], strlen(field_names[i])};
		if (rule->origin == FROM_NOTHING && find_column(header, own_name, &rule->column))
			rule->origin = FROM_COLUMN;
		if (rule->origin == FROM_NOTHING && i < REQUIRED_COUNT)
			return missing_field(file, header, field_names[i]);
	}
	return EXIT_DONE;
}

/* Whether a column is a field of the event, by its own name or by --map. */
static bool is_field_column(const struct map *map, struct csv_field name, size_t column)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (is_equal(name, field_names[i]) || (map->fields[i].origin == FROM_COLUMN && map->fields[i].column == column))
			return true;
	}
	return false;
}

static int bind_given_properties(struct map *map, const struct verb *verb, const char *file, const struct csv *header)
{
	for (size_t i = 0; i < map->given_property_count; i++) {
		struct named_rule *property = &map->properties[map->property_count++];
		*property = map->given_properties[i];
		if (property->rule.origin == FROM_COLUMN && !find_column(header, property->rule.text, &property->rule.column))
			return unknown_column(verb, file, header, property->rule.text);
	}
	return EXIT_DONE;
}

/* The header's record is gone when its rows are read: names are kept in map->names, which does not move while it is filled. */
static void bind_other_columns(struct map *map, const struct csv *header)
{
	size_t size = 0;

	for (size_t i = 0; i < header->field_count; i++)
		size += header->fields[i].size;
	map->names.data = cli_allocate(map->names.data, size, 1);
	map->names.capacity = size;
	for (size_t i = 0; i < header->field_count; i++) {
		struct csv_field name = header->fields[i];
		if (is_field_column(map, name, i))
			continue;
		struct named_rule *property = &map->properties[map->property_count++];
		property->name = (struct csv_field){map->names.data + map->names.size, name.size};
		property->rule = (struct rule){.origin = FROM_COLUMN, .column = i};
		text_add(&map->names, name.data, name.size);
	}
}

int map_bind(struct map *map, const struct verb *verb, const char *file, const struct csv *header)
{
	size_t room = header->field_count + map->given_property_count;

	unbind(map);
	map->properties = cli_allocate(NULL, room, sizeof(*map->properties));
	map->event_properties = cli_allocate(NULL, room, sizeof(*map->event_properties));
	map->column_count = header->field_count;
	int result = check_header(file, header);
	if (result == EXIT_DONE)
		result = bind_fields(map, verb, file, header);
	if (result == EXIT_DONE && map->given_property_count)
		result = bind_given_properties(map, verb, file, header);
	else if (result == EXIT_DONE)
		bind_other_columns(map, header);
	return result;
}

/* ---- records ---- */

/* What a rule gives for a record; data is NULL for nothing or an empty cell. line has room for the digits of a number. */
static struct csv_field apply_rule(const struct rule *rule, const struct csv *record, char line[24])
{
	struct csv_field field = {NULL, 0};

	if (rule->origin == FROM_CONSTANT)
		field = rule->text;
	else if (rule->origin == FROM_COLUMN)
		field = record->fields[rule->column];
	else if (rule->origin == FROM_LINE)
		field = (struct csv_field){line, (size_t)snprintf(line, 24, "%llu", (unsigned long long)record->line)};
	if (!field.size)
		field.data = NULL;
	return field;
}

static bool read_sequence(int64_t *out, struct csv_field text)
{
	char digits[24];

	if (!text.data)
		return true;
	if (text.size >= sizeof(digits))
		return false;
	memcpy(digits, text.data, text.size);
	digits[text.size] = '\0';
	if (strspn(digits, "0123456789") < text.size)
		return false;
	errno = 0;
	*out = strtoll(digits, NULL, 10);
	return !errno;
}

static int refuse(meter_batch *batch, const struct csv *record, const char *reason)
{
	return meter_batch_add_refused(batch, record->record, record->record_size, reason);
}

/* What the properties give, into event_properties. How many there are. */
static size_t read_properties(struct map *map, const struct csv *record)
{
	size_t count = 0;
	char line[24];

	for (size_t i = 0; i < map->property_count; i++) {
		const struct named_rule *property = &map->properties[i];
		struct csv_field value = apply_rule(&property->rule, record, line);
		if (value.data)
			map->event_properties[count++] =
				(meter_property){property->name.data, value.data, property->name.size, value.size};
	}
	return count;
}

/* Commas, too: is_first says whether one is needed. */
static void add_member(struct text *t, bool *is_first, const char *name, size_t name_size, const char *value, size_t value_size)
{
	text_add_string(t, *is_first ? "" : ",");
	*is_first = false;
	text_add_json(t, name, name_size);
	text_add_string(t, ":");
	text_add_json(t, value, value_size);
}

/*
 * A row whose fields are known and wrong is kept as the event it would have been, so that meter quarantine retry can read it:
 * there the header is not known any more. A row that JSON cannot hold is kept as it came.
 */
static int refuse_event(const struct map *map, meter_batch *batch, const struct csv *record, const struct csv_field *fields,
                        size_t property_count, const char *reason)
{
	struct text t = {0};
	bool is_first = true;

	if (!text_is_utf8(record->record, record->record_size))
		return refuse(batch, record, reason);
	text_add_string(&t, "{");
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (fields[i].data)
			add_member(&t, &is_first, field_names[i], strlen(field_names[i]), fields[i].data, fields[i].size);
	}
	text_add_string(&t, is_first ? "\"properties\":{" : ",\"properties\":{");
	is_first = true;
	for (size_t i = 0; i < property_count; i++) {
		const meter_property *p = &map->event_properties[i];
		add_member(&t, &is_first, p->name, p->name_size, p->value, p->value_size);
	}
	text_add_string(&t, "}}");
	int result = meter_batch_add_refused(batch, t.data, t.size, reason);
	text_free(&t);
	return result;
}

/* The time and the sequence, which are no texts in an event. Otherwise why not, in reason. */
static bool read_numbers(meter_event *event, const struct csv_field *fields, int32_t time_format, char reason[256])
{
	for (size_t i = 0; i < REQUIRED_COUNT; i++) {
		if (!fields[i].data) {
			snprintf(reason, 256, "%s: missing", field_names[i]);
			return false;
		}
	}
	if (meter_time_parse(&event->timestamp_us, fields[TIMESTAMP].data, fields[TIMESTAMP].size, time_format) != METER_OK) {
		snprintf(reason, 256, "timestamp: %s", meter_errmsg());
		return false;
	}
	if (!read_sequence(&event->sequence, fields[SEQUENCE])) {
		snprintf(reason, 256, "sequence: \"%.*s\": an integer from 0 to 9223372036854775807 was expected",
		         fields[SEQUENCE].size < 64 ? (int)fields[SEQUENCE].size : 64, fields[SEQUENCE].data);
		return false;
	}
	return true;
}

int map_add(struct map *map, meter_batch *batch, const struct csv *record, int32_t time_format)
{
	char lines[FIELD_COUNT][24];
	struct csv_field fields[FIELD_COUNT];
	char reason[256];
	meter_event event = METER_EVENT_INIT;

	if (record->field_count != map->column_count) {
		snprintf(reason, sizeof(reason), "%zu fields, %zu were expected", record->field_count, map->column_count);
		return refuse(batch, record, reason);
	}
	for (size_t i = 0; i < FIELD_COUNT; i++)
		fields[i] = apply_rule(&map->fields[i], record, lines[i]);
	event.property_count = read_properties(map, record);
	if (!read_numbers(&event, fields, time_format, reason))
		return refuse_event(map, batch, record, fields, event.property_count, reason);
	event.subscription = fields[SUBSCRIPTION].data;
	event.subscription_size = fields[SUBSCRIPTION].size;
	event.id = fields[ID].data;
	event.id_size = fields[ID].size;
	event.type = fields[TYPE].data;
	event.type_size = fields[TYPE].size;
	event.value = fields[VALUE].data;
	event.value_size = fields[VALUE].size;
	event.source = fields[SOURCE].data;
	event.source_size = fields[SOURCE].size;
	event.properties = map->event_properties;
	return meter_batch_add(batch, &event);
}
