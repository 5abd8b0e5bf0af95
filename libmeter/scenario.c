/*
 * scenario.c - pricing scenarios: what a catalog must charge for given usage or events, as YAML that a build can run.
 *
 * Everything goes through the public calls, as a product would: a scenario with usage is a quote, one with events is a draft of a
 * scratch database. Expected values are compared as the texts that meter.h gives; what a scenario does not mention may be
 * anything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "field.h"
#include "meter.h"

#define SCENARIOS_MAX 10000
#define LINES_MAX 10000
#define EVENTS_MAX 100000
#define QUANTITIES_MAX 10000
#define FILE_SIZE_MAX ((size_t)64 << 20)

struct result {
	char *name;
	char *report; /* what differs; "" when nothing does */
};

struct meter_scenarios {
	struct result *results;
	size_t count;
	size_t failed;
};

/* What is being run. */
struct runner {
	struct field_reader reader;
	const char *path;
	const char *folder; /* for scratch databases */
	char *catalog_path;
	struct buffer catalog_text;
	meter_catalog *catalog;
	struct meter_scenarios *out;
};

/* ---- files ---- */

static int read_file(struct buffer *out, const char *path)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		return meter__fail(errno == ENOENT ? METER_ENOTFOUND : METER_EIO, "%s: %s", path, strerror(errno));
	char block[16384];
	size_t got;
	while ((got = fread(block, 1, sizeof(block), file)) > 0 && out->size <= FILE_SIZE_MAX)
		meter__buffer_append(out, block, got);
	int code = METER_OK;
	if (ferror(file))
		code = meter__fail(METER_EIO, "%s: %s", path, strerror(errno));
	else if (out->size > FILE_SIZE_MAX)
		code = meter__fail(METER_EINVAL, "%s is longer than %zu bytes", path, FILE_SIZE_MAX);
	else if (out->failed)
		code = meter__fail(METER_ENOMEM, "no memory for %s", path);
	fclose(file);
	return code;
}

/* A file that is named relative to the folder of the scenarios. */
static char *path_beside(const struct runner *r, const char *name)
{
	const char *slash = strrchr(r->path, '/');
	struct buffer path = {0};
	if (name[0] != '/' && slash)
		meter__buffer_append(&path, r->path, (size_t)(slash + 1 - r->path));
	meter__buffer_text(&path, name);
	char *copy = path.failed ? NULL : meter__arena_copy(r->reader.arena, (struct slice){path.data, path.size});
	meter__buffer_free(&path);
	return copy;
}

static int read_named_file(struct runner *r, const struct yaml_node *node, struct buffer *out, char **path_out)
{
	char *name;
	int code = meter__field_text(&r->reader, node, FIELD_TEXT_MAX, &name);
	if (code != METER_OK)
		return code;
	char *path = path_beside(r, name);
	if (!path)
		return meter__field_no_memory();
	if (path_out)
		*path_out = path;
	code = read_file(out, path);
	return code == METER_OK ? code : meter__field_fail(&r->reader, node, code, "%s", meter_errmsg());
}

/* ---- what a scenario says ---- */

enum scenario_field { NAME, PLAN, AT, USAGE, SUBSCRIPTION, PERIOD, EVENTS, EVENTS_FILE, EXPECT, SCENARIO_FIELDS };
static const struct field scenario_fields[SCENARIO_FIELDS] = {[NAME] = {"name", FIELD_REQUIRED},
                                                              [PLAN] = {"plan", FIELD_OPTIONAL},
                                                              [AT] = {"at", FIELD_OPTIONAL},
                                                              [USAGE] = {"usage", FIELD_OPTIONAL},
                                                              [SUBSCRIPTION] = {"subscription", FIELD_OPTIONAL},
                                                              [PERIOD] = {"period", FIELD_OPTIONAL},
                                                              [EVENTS] = {"events", FIELD_OPTIONAL},
                                                              [EVENTS_FILE] = {"events_file", FIELD_OPTIONAL},
                                                              [EXPECT] = {"expect", FIELD_REQUIRED}};

/* Names and values of a mapping, in the arena. */
static int read_properties(const struct field_reader *r, const struct yaml_node *node, const meter_property **out,
                           size_t *count_out)
{
	int code = meter__field_keys(r, node, "property", 64);
	if (code != METER_OK)
		return code;
	meter_property *properties = meter__arena_array(r->arena, node->count, sizeof(*properties));
	if (!properties)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key && code == METER_OK; key = key->next) {
		char *name, *value = NULL;
		code = meter__field_text(r, key, FIELD_KEY_MAX, &name);
		if (code == METER_OK)
			code = meter__field_value(r, key->value, &value);
		properties[(*count_out)++] = (meter_property){name, value, METER_NUL_TERMINATED, METER_NUL_TERMINATED};
	}
	*out = properties;
	return code;
}

static int read_quantity(const struct field_reader *r, const struct yaml_node *node, meter_quantity *out)
{
	enum { METER, QUANTITY, DIMENSIONS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[METER] = {"meter", FIELD_REQUIRED},
	                                                 [QUANTITY] = {"quantity", FIELD_REQUIRED},
	                                                 [DIMENSIONS] = {"dimensions", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];
	char *meter_key, *quantity;
	int code = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (code == METER_OK)
		code = meter__field_text(r, entries[METER]->value, FIELD_KEY_MAX, &meter_key);
	if (code == METER_OK)
		code = meter__field_text(r, entries[QUANTITY]->value, FIELD_TEXT_MAX, &quantity);
	if (code != METER_OK)
		return code;
	*out = (meter_quantity){.meter = meter_key, .quantity = quantity};
	if (entries[DIMENSIONS])
		code = read_properties(r, entries[DIMENSIONS]->value, &out->dimensions, &out->dimension_count);
	return code;
}

static int read_event(const struct field_reader *r, const struct yaml_node *node, const char *subscription, size_t number,
                      meter_event *out)
{
	enum { ID, SUBSCRIPTION_KEY, TYPE, TIMESTAMP, VALUE, PROPERTIES, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[ID] = {"id", FIELD_OPTIONAL},       [SUBSCRIPTION_KEY] = {"subscription", FIELD_OPTIONAL},
		[TYPE] = {"type", FIELD_REQUIRED},   [TIMESTAMP] = {"timestamp", FIELD_REQUIRED},
		[VALUE] = {"value", FIELD_OPTIONAL}, [PROPERTIES] = {"properties", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];
	char *id = NULL, *key = NULL, *type = NULL, *value = NULL;
	*out = (meter_event)METER_EVENT_INIT;
	int code = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (code == METER_OK)
		code = meter__field_optional_text(r, entries[ID], &id);
	if (code == METER_OK)
		code = meter__field_optional_text(r, entries[SUBSCRIPTION_KEY], &key);
	if (code == METER_OK)
		code = meter__field_text(r, entries[TYPE]->value, FIELD_KEY_MAX, &type);
	if (code == METER_OK)
		code = meter__field_instant(r, entries[TIMESTAMP]->value, &out->timestamp_us);
	if (code == METER_OK && entries[VALUE])
		code = meter__field_text(r, entries[VALUE]->value, FIELD_TEXT_MAX, &value);
	if (code == METER_OK && entries[PROPERTIES])
		code = read_properties(r, entries[PROPERTIES]->value, &out->properties, &out->property_count);
	if (code != METER_OK)
		return code;
	if (!id) {
		char text[32];
		snprintf(text, sizeof(text), "event-%zu", number);
		id = meter__arena_copy(r->arena, meter__slice_of(text));
	}
	out->id = id;
	out->subscription = key ? key : subscription;
	out->type = type;
	out->value = value;
	return id ? METER_OK : meter__field_no_memory();
}

/* ---- running ---- */

static int quote(struct runner *r, const struct yaml_node *node, const struct yaml_node *const *entries, meter_invoice **out)
{
	char *plan;
	int64_t at_us = 0;
	if (!entries[AT] || !entries[USAGE])
		return meter__field_fail(&r->reader, node, METER_ECATALOG, "\"plan\" needs \"at\" and \"usage\"");
	const struct yaml_node *list = entries[USAGE]->value;
	int code = meter__field_text(&r->reader, entries[PLAN]->value, FIELD_KEY_MAX, &plan);
	if (code == METER_OK)
		code = meter__field_instant(&r->reader, entries[AT]->value, &at_us);
	if (code == METER_OK)
		code = meter__field_list(&r->reader, list, "quantity", QUANTITIES_MAX);
	meter_quantity *usage = code == METER_OK ? meter__arena_array(r->reader.arena, list->count + 1, sizeof(*usage)) : NULL;
	if (code == METER_OK && !usage)
		code = meter__field_no_memory();
	size_t count = 0;
	for (const struct yaml_node *item = list->first; item && code == METER_OK; item = item->next)
		code = read_quantity(&r->reader, item, &usage[count++]);
	return code == METER_OK ? meter_invoice_quote(out, r->catalog, plan, usage, count, at_us) : code;
}

static int record_events(struct runner *r, meter *m, const struct yaml_node *list, const char *subscription)
{
	int code = meter__field_list(&r->reader, list, "event", EVENTS_MAX);
	size_t number = 0;
	for (const struct yaml_node *item = list->first; item && code == METER_OK; item = item->next) {
		meter_event e;
		code = read_event(&r->reader, item, subscription, ++number, &e);
		if (code == METER_OK)
			code = meter_record_many(m, &e, 1, NULL);
	}
	return code;
}

static int record_file(struct runner *r, meter *m, const struct yaml_node *node)
{
	struct buffer text = {0};
	size_t lines;
	int code = read_named_file(r, node, &text, NULL);
	if (code == METER_OK)
		code = meter_record_json(m, meter__buffer_cstr(&text), text.size, NULL, 0, &lines);
	meter__buffer_free(&text);
	return code;
}

static int draft_in(struct runner *r, meter *m, const struct yaml_node *const *entries, meter_invoice **out)
{
	char *subscription = NULL, *period = NULL;
	int code = meter__field_text(&r->reader, entries[SUBSCRIPTION]->value, FIELD_KEY_MAX, &subscription);
	if (code == METER_OK)
		code = meter__field_text(&r->reader, entries[PERIOD]->value, FIELD_KEY_MAX, &period);
	if (code == METER_OK)
		code = meter_catalog_apply(m, r->catalog_path, meter__buffer_cstr(&r->catalog_text), r->catalog_text.size, NULL,
		                           NULL, NULL);
	if (code == METER_OK && entries[EVENTS])
		code = record_events(r, m, entries[EVENTS]->value, subscription);
	if (code == METER_OK && entries[EVENTS_FILE])
		code = record_file(r, m, entries[EVENTS_FILE]->value);
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (code == METER_OK)
		code = meter_stats(m, &stats);
	if (code == METER_OK && stats.rejected + stats.conflict > 0)
		return meter__fail(METER_EINVAL, "%lld of the events were rejected or in conflict",
		                   (long long)(stats.rejected + stats.conflict));
	return code == METER_OK ? meter_invoice_draft(out, m, subscription, METER_NUL_TERMINATED, period, METER_NUL_TERMINATED)
	                        : code;
}

static void remove_database(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		struct buffer file = {0};
		meter__buffer_format(&file, "%s%s", path, suffixes[i]);
		if (!file.failed)
			unlink(meter__buffer_cstr(&file));
		meter__buffer_free(&file);
	}
}

static int draft(struct runner *r, const struct yaml_node *node, const struct yaml_node *const *entries, meter_invoice **out)
{
	if (!entries[SUBSCRIPTION] || !entries[PERIOD])
		return meter__field_fail(
			&r->reader, node, METER_ECATALOG,
			"either \"plan\", \"at\" and \"usage\", or \"subscription\", \"period\" and \"events\" were "
			"expected");
	struct buffer path = {0};
	meter__buffer_format(&path, "%s/scenario.db", r->folder);
	if (path.failed)
		return meter__fail(METER_ENOMEM, "no memory for a path");
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.flags = METER_OPEN_WITHOUT_SPOOL;
	remove_database(meter__buffer_cstr(&path));
	int code = meter_open(&m, meter__buffer_cstr(&path), &options);
	if (code == METER_OK) {
		code = draft_in(r, m, entries, out);
		struct buffer message = {0};
		meter__buffer_text(&message, meter_errmsg());
		const int closed = meter_close(m);
		if (code != METER_OK)
			meter__fail(code, "%s", meter__buffer_cstr(&message));
		code = code == METER_OK ? closed : code;
		meter__buffer_free(&message);
	}
	remove_database(meter__buffer_cstr(&path));
	meter__buffer_free(&path);
	return code;
}

/* ---- comparing ---- */

static int compare(const struct field_reader *r, const struct yaml_node *entry, const char *what, const char *got,
                   struct buffer *report)
{
	char *expected;
	if (!entry)
		return METER_OK;
	int code = meter__field_value(r, entry->value, &expected);
	if (code == METER_OK && strcmp(expected, got ? got : "") != 0)
		meter__buffer_format(report, "  %s: expected %s, got %s\n", what, expected, got ? got : "none");
	return code;
}

enum { CHARGE, KIND, DESCRIPTION, QUANTITY_TEXT, PRICE, PER, AMOUNT, LINE_FIELDS };

static const char *line_text(const meter_invoice *invoice, size_t index, int field)
{
	const char *(*const readers[LINE_FIELDS])(const meter_invoice *,
	                                          size_t) = {[CHARGE] = meter_invoice_line_charge,
	                                                     [KIND] = meter_invoice_line_kind_name,
	                                                     [DESCRIPTION] = meter_invoice_line_description,
	                                                     [QUANTITY_TEXT] = meter_invoice_line_quantity,
	                                                     [PRICE] = meter_invoice_line_price,
	                                                     [PER] = meter_invoice_line_per,
	                                                     [AMOUNT] = meter_invoice_line_amount};
	return readers[field](invoice, index);
}

static int compare_line(const struct field_reader *r, const struct yaml_node *node, const meter_invoice *invoice, size_t index,
                        struct buffer *report)
{
	static const struct field fields[LINE_FIELDS] = {[CHARGE] = {"charge", FIELD_OPTIONAL},
	                                                 [KIND] = {"kind", FIELD_OPTIONAL},
	                                                 [DESCRIPTION] = {"description", FIELD_OPTIONAL},
	                                                 [QUANTITY_TEXT] = {"quantity", FIELD_OPTIONAL},
	                                                 [PRICE] = {"price", FIELD_OPTIONAL},
	                                                 [PER] = {"per", FIELD_OPTIONAL},
	                                                 [AMOUNT] = {"amount", FIELD_OPTIONAL}};
	const struct yaml_node *entries[LINE_FIELDS];
	int code = meter__field_mapping(r, node, fields, LINE_FIELDS, entries);
	for (int i = 0; i < LINE_FIELDS && code == METER_OK; i++) {
		char what[64];
		snprintf(what, sizeof(what), "line %zu, %s", index + 1, fields[i].name);
		code = compare(r, entries[i], what, line_text(invoice, index, i), report);
	}
	return code;
}

/* So that a difference can be read without running anything. */
static void show_lines(const meter_invoice *invoice, struct buffer *report)
{
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		meter__buffer_format(report, "  got line %zu:", i + 1);
		for (int field = 0; field < LINE_FIELDS; field++) {
			const char *text = line_text(invoice, i, field);
			meter__buffer_format(report, "%s%s", field == DESCRIPTION || field == QUANTITY_TEXT ? " | " : " ",
			                     text ? text : "-");
		}
		meter__buffer_char(report, '\n');
	}
}

static int compare_lines(const struct field_reader *r, const struct yaml_node *list, const meter_invoice *invoice,
                         struct buffer *report)
{
	const size_t count = meter_invoice_line_count(invoice);
	int code = meter__field_list(r, list, "line", LINES_MAX);
	if (code == METER_OK && list->count != count)
		meter__buffer_format(report, "  lines: expected %zu, got %zu\n", list->count, count);
	size_t index = 0;
	for (const struct yaml_node *item = list->first; item && code == METER_OK && index < count; item = item->next, index++)
		code = compare_line(r, item, invoice, index, report);
	return code;
}

enum { SUBTOTAL, TAX, TOTAL, DUE, SUSPENDED, LINES, ERROR, EXPECT_FIELDS };
static const struct field expect_fields[EXPECT_FIELDS] = {
	[SUBTOTAL] = {"subtotal", FIELD_OPTIONAL},   [TAX] = {"tax", FIELD_OPTIONAL},
	[TOTAL] = {"total", FIELD_OPTIONAL},         [DUE] = {"due", FIELD_OPTIONAL},
	[SUSPENDED] = {"suspended", FIELD_OPTIONAL}, [LINES] = {"lines", FIELD_OPTIONAL},
	[ERROR] = {"error", FIELD_OPTIONAL}};

static int compare_invoice(const struct field_reader *r, const struct yaml_node *const *entries, const meter_invoice *invoice,
                           struct buffer *report)
{
	char suspended[24];
	snprintf(suspended, sizeof(suspended), "%zu", meter_invoice_suspended_count(invoice));
	const char *const got[] = {[SUBTOTAL] = meter_invoice_subtotal(invoice),
	                           [TAX] = meter_invoice_tax(invoice),
	                           [TOTAL] = meter_invoice_total(invoice),
	                           [DUE] = meter_invoice_due(invoice),
	                           [SUSPENDED] = suspended};
	int code = METER_OK;
	for (size_t i = 0; i < COUNT_OF(got) && code == METER_OK; i++)
		code = compare(r, entries[i], expect_fields[i].name, got[i], report);
	if (code == METER_OK && entries[LINES])
		code = compare_lines(r, entries[LINES]->value, invoice, report);
	if (code == METER_OK && report->size > 0)
		show_lines(invoice, report);
	return code;
}

/* The rating failed: was it meant to, and for this reason? */
static int compare_error(const struct field_reader *r, const struct yaml_node *entry, struct buffer *report)
{
	struct buffer message = {0};
	char *part = NULL;
	meter__buffer_text(&message, meter_errmsg());
	int code = entry ? meter__field_value(r, entry->value, &part) : METER_OK;
	if (code == METER_OK && (!part || !strstr(meter__buffer_cstr(&message), part)))
		meter__buffer_format(report, "  %s\n", meter__buffer_cstr(&message));
	meter__buffer_free(&message);
	return code;
}

/* Faults of the file end the run; faults of the rating are the scenario's result. */
static bool is_fault_of_file(int code)
{
	return code == METER_ECATALOG || code == METER_ENOMEM || code == METER_EIO || code == METER_EFULL;
}

static int run_scenario(struct runner *r, const struct yaml_node *node, struct result *result)
{
	const struct yaml_node *entries[SCENARIO_FIELDS], *expected[EXPECT_FIELDS];
	char *name;
	int code = meter__field_mapping(&r->reader, node, scenario_fields, SCENARIO_FIELDS, entries);
	if (code == METER_OK)
		code = meter__field_text(&r->reader, entries[NAME]->value, FIELD_TEXT_MAX, &name);
	if (code == METER_OK)
		code = meter__field_mapping(&r->reader, entries[EXPECT]->value, expect_fields, EXPECT_FIELDS, expected);
	if (code != METER_OK)
		return code;
	meter_invoice *invoice = NULL;
	struct buffer report = {0};
	code = entries[PLAN] ? quote(r, node, entries, &invoice) : draft(r, node, entries, &invoice);
	if (code != METER_OK && !is_fault_of_file(code))
		code = compare_error(&r->reader, expected[ERROR], &report);
	else if (code == METER_OK && expected[ERROR])
		meter__buffer_text(&report, "  an error was expected, and there was none\n");
	else if (code == METER_OK)
		code = compare_invoice(&r->reader, expected, invoice, &report);
	meter_invoice_free(invoice);
	if (code == METER_OK) {
		result->name = meter__copy(meter__slice_of(name));
		result->report = report.failed ? NULL : meter__copy(meter__slice_of(meter__buffer_cstr(&report)));
		if (!result->name || !result->report)
			code = meter__field_no_memory();
	}
	meter__buffer_free(&report);
	return code;
}

static int run_list(struct runner *r, const struct yaml_node *list)
{
	int code = meter__field_filled_list(&r->reader, list, "scenario", SCENARIOS_MAX);
	if (code != METER_OK)
		return code;
	r->out->results = calloc(list->count, sizeof(*r->out->results));
	if (!r->out->results)
		return meter__field_no_memory();
	for (const struct yaml_node *item = list->first; item && code == METER_OK; item = item->next) {
		struct result *result = &r->out->results[r->out->count++];
		code = run_scenario(r, item, result);
		r->out->failed += code == METER_OK && result->report[0] != '\0';
	}
	return code;
}

static int run_root(struct runner *r, const struct yaml_node *root)
{
	enum { CATALOG, SCENARIOS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[CATALOG] = {"catalog", FIELD_REQUIRED}, [SCENARIOS] = {"scenarios", FIELD_REQUIRED}};
	const struct yaml_node *entries[FIELD_COUNT];
	int code = meter__field_mapping(&r->reader, root, fields, FIELD_COUNT, entries);
	if (code == METER_OK)
		code = read_named_file(r, entries[CATALOG]->value, &r->catalog_text, &r->catalog_path);
	if (code == METER_OK)
		code = meter_catalog_read(&r->catalog, r->catalog_path, meter__buffer_cstr(&r->catalog_text),
		                          r->catalog_text.size);
	return code == METER_OK ? run_list(r, entries[SCENARIOS]->value) : code;
}

int meter_scenarios_run(meter_scenarios **out, const char *path, const char *folder)
{
	if (out)
		*out = NULL;
	if (!out || !path || !folder)
		return meter__fail(METER_EINVAL, "an argument is missing");
	struct arena arena = {0};
	struct buffer text = {0};
	struct runner r = {.reader = {path, &arena}, .path = path, .folder = folder, .out = calloc(1, sizeof(*r.out))};
	const struct yaml_node *root;
	int code = r.out ? read_file(&text, path) : meter__field_no_memory();
	if (code == METER_OK)
		code = meter__yaml_read(&root, &arena, path, meter__buffer_cstr(&text), text.size);
	if (code == METER_OK)
		code = run_root(&r, root);
	meter_catalog_free(r.catalog);
	meter__buffer_free(&r.catalog_text);
	meter__buffer_free(&text);
	meter__arena_free(&arena);
	if (code != METER_OK) {
		meter_scenarios_free(r.out);
		return code;
	}
	*out = r.out;
	return METER_OK;
}

/* ---- accessors ---- */

size_t meter_scenarios_count(const meter_scenarios *scenarios)
{
	return scenarios ? scenarios->count : 0;
}

size_t meter_scenarios_failed(const meter_scenarios *scenarios)
{
	return scenarios ? scenarios->failed : 0;
}

const char *meter_scenarios_name(const meter_scenarios *scenarios, size_t index)
{
	return scenarios && index < scenarios->count ? scenarios->results[index].name : NULL;
}

const char *meter_scenarios_report(const meter_scenarios *scenarios, size_t index)
{
	return scenarios && index < scenarios->count ? scenarios->results[index].report : NULL;
}

void meter_scenarios_free(meter_scenarios *scenarios)
{
	if (!scenarios)
		return;
	for (size_t i = 0; i < scenarios->count; i++) {
		free(scenarios->results[i].name);
		free(scenarios->results[i].report);
	}
	free(scenarios->results);
	free(scenarios);
}
