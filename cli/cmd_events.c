/* cmd_events.c - meter events: the stored events of a subscription, one by one. */
#include "cli.h"

#include <string.h>

static const struct column columns[] = {
	{"id", COLUMN_TEXT},       {"subscription", COLUMN_TEXT}, {"type", COLUMN_TEXT},   {"timestamp", COLUMN_TEXT},
	{"value", COLUMN_DECIMAL}, {"properties", COLUMN_TEXT},   {"source", COLUMN_TEXT}, {"sequence", COLUMN_NUMBER},
};

static size_t size_of(const char *text, size_t size)
{
	return text && size == METER_NUL_TERMINATED ? strlen(text) : size;
}

static void print_properties(struct out *o, const meter_event *event)
{
	struct text t = {0};

	for (size_t i = 0; i < event->property_count; i++) {
		const meter_property *property = &event->properties[i];
		text_add_string(&t, i ? "," : "{");
		text_add_json(&t, property->name, size_of(property->name, property->name_size));
		text_add_string(&t, ":");
		text_add_json(&t, property->value, size_of(property->value, property->value_size));
	}
	text_add_string(&t, event->property_count ? "}" : "{}");
	out_text_sized(o, t.data, t.size);
	text_free(&t);
}

static void print_row(struct out *o, const meter_event *event)
{
	out_text_sized(o, event->id, size_of(event->id, event->id_size));
	out_text_sized(o, event->subscription, size_of(event->subscription, event->subscription_size));
	out_text_sized(o, event->type, size_of(event->type, event->type_size));
	out_time(o, event->timestamp_us);
	out_text_sized(o, event->value, size_of(event->value, event->value_size));
	print_properties(o, event);
	out_text_sized(o, event->source, size_of(event->source, event->source_size));
	if (event->sequence == METER_NO_SEQUENCE)
		out_text(o, NULL);
	else
		out_integer(o, event->sequence);
}

/* Rows are printed as they are read: there may be more of them than memory. */
static int print(meter_events *events, enum format format)
{
	bool is_json = format == FORMAT_JSON || format == FORMAT_JSONL;
	bool is_first = true;
	int result;
	struct out o;

	if (!is_json)
		out_begin(&o, format, columns, sizeof(columns) / sizeof(columns[0]));
	else if (format == FORMAT_JSON)
		out_write("[", 1);
	while ((result = meter_events_next(events)) == METER_OK && !out_is_broken()) {
		if (!is_json) {
			print_row(&o, meter_events_event(events));
			continue;
		}
		const char *json = meter_events_json(events);
		const char *before = format == FORMAT_JSONL ? "" : is_first ? "\n" : ",\n";
		out_write(before, strlen(before));
		out_write(json, strlen(json));
		out_write("\n", format == FORMAT_JSONL);
		is_first = false;
	}
	if (!is_json)
		out_end(&o);
	else if (format == FORMAT_JSON)
		out_write(is_first ? "]\n" : "\n]\n", is_first ? 2 : 3);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int run(const struct arguments *arguments)
{
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	int exit_code;

	filter.subscription = arguments->operands[0];
	filter.type = opt_value(arguments, "type");
	if ((exit_code = opt_time(&filter.from_us, arguments, "from")) != EXIT_DONE)
		return exit_code;
	if ((exit_code = opt_time(&filter.to_us, arguments, "to")) != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	int result = meter_events_query(&events, m, &filter);
	exit_code = result == METER_OK ? print(events, arguments->format) : cli_library_error(result);
	meter_events_free(events);
	return cli_close(m, exit_code);
}

static const struct option options[] = {
	{"from", "T", "from this time on: RFC 3339, or a date, which means its midnight UTC", false},
	{"to", "T", "up to this time, which is not included", false},
	{"type", "TYPE", "only events of this type", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_events = {
	.name = "events",
	.operands = "SUBSCRIPTION",
	.summary = "list the stored events of a subscription",
	.details = "With --format jsonl the lines can be replayed.\n"
		   "\n"
		   "  meter events acme --from 2026-01-31 --to 2026-02-01 --type llm.call\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
