/* cmd_events.c - meter events: stored events one by one, and where they were billed. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
	{"id", COLUMN_TEXT},       {"subscription", COLUMN_TEXT}, {"type", COLUMN_TEXT},   {"timestamp", COLUMN_TEXT},
	{"value", COLUMN_DECIMAL}, {"properties", COLUMN_TEXT},   {"source", COLUMN_TEXT}, {"sequence", COLUMN_NUMBER},
	{"invoice", COLUMN_TEXT},  {"lines", COLUMN_TEXT},        {"late", COLUMN_TEXT},   {"retracted", COLUMN_TEXT},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))
#define PLAIN_COUNT (COLUMN_COUNT - 4) /* without where it was billed */

struct request {
	meter_events_filter filter;
	meter_property *properties;
	enum format format;
	const struct verb *verb;
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

/* "calls 4,5;tokens 7"; "calls;tokens" where they are not billed yet. */
static void print_lines(struct out *o, const meter_events *events)
{
	struct text t = {0};
	const char *before = NULL;

	for (size_t i = 0; i < meter_events_line_count(events); i++) {
		const char *charge = meter_events_line_charge(events, i);
		const bool is_same = before && strcmp(before, charge) == 0;
		if (!is_same)
			text_format(&t, "%s%s", before ? ";" : "", charge);
		if (meter_events_line(events, i))
			text_format(&t, "%s%zu", is_same ? "," : " ", meter_events_line(events, i));
		before = charge;
	}
	out_text_sized(o, t.size ? t.data : NULL, t.size);
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

static void print_place(struct out *o, const meter_events *events)
{
	out_text(o, meter_events_invoice(events));
	print_lines(o, events);
	out_text(o, meter_events_is_late(events) ? "true" : "false");
	out_text(o, meter_events_retraction(events));
}

/* The object of an event, with where it was billed as further members. */
static void print_json(const meter_events *events, bool has_place)
{
	const char *json = meter_events_json(events);
	const char *invoice = meter_events_invoice(events);
	struct text t = {0};

	text_add(&t, json, strlen(json) - has_place);
	if (has_place) {
		text_add_string(&t, ",\"invoice\":");
		text_add_json(&t, invoice, invoice ? strlen(invoice) : 0);
		text_add_string(&t, ",\"lines\":[");
		for (size_t i = 0; i < meter_events_line_count(events); i++) {
			const char *charge = meter_events_line_charge(events, i);
			const size_t line = meter_events_line(events, i);
			text_add_string(&t, i ? ",{\"charge\":" : "{\"charge\":");
			text_add_json(&t, charge, strlen(charge));
			text_add_string(&t, ",\"line\":");
			if (line)
				text_format(&t, "%zu}", line);
			else
				text_add_string(&t, "null}");
		}
		const char *because = meter_events_retraction(events);
		text_format(&t, "],\"late\":%s,\"retracted\":", meter_events_is_late(events) ? "true" : "false");
		text_add_json(&t, because, because ? strlen(because) : 0);
		text_add_string(&t, "}");
	}
	out_write(t.data, t.size);
	text_free(&t);
}

/* Rows are printed as they are read: there may be more of them than memory. */
static int print(meter_events *events, const struct request *r)
{
	const bool is_json = r->format == FORMAT_JSON || r->format == FORMAT_JSONL;
	bool is_first = true;
	int result;
	struct out o;

	if (!is_json)
		out_begin(&o, r->format, columns, r->filter.with_invoice ? COLUMN_COUNT : PLAIN_COUNT);
	else if (r->format == FORMAT_JSON)
		out_write("[", 1);
	while ((result = meter_events_next(events)) == METER_OK && !out_is_broken()) {
		if (!is_json) {
			print_row(&o, meter_events_event(events));
			if (r->filter.with_invoice)
				print_place(&o, events);
			continue;
		}
		const char *before = r->format == FORMAT_JSONL ? "" : is_first ? "\n" : ",\n";
		out_write(before, strlen(before));
		print_json(events, r->filter.with_invoice);
		out_write("\n", r->format == FORMAT_JSONL);
		is_first = false;
	}
	if (!is_json)
		out_end(&o);
	else if (r->format == FORMAT_JSON)
		out_write(is_first ? "]\n" : "\n]\n", is_first ? 2 : 3);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int read_properties(struct request *r, const struct arguments *arguments)
{
	size_t index = 0;
	const char *text;

	while ((text = opt_next(arguments, "property", &index)) != NULL) {
		size_t size;
		const char *value = opt_split(text, &size);
		if (!value || size == 0)
			return cli_usage_error(arguments->verb, "--property: \"%s\" is not NAME=VALUE", text);
		r->properties = cli_allocate(r->properties, r->filter.property_count + 1, sizeof(*r->properties));
		r->properties[r->filter.property_count++] = (meter_property){text, value, size, strlen(value)};
	}
	r->filter.properties = r->properties;
	return EXIT_DONE;
}

/* All outcomes have their word; the library says which of them are stored. */
static int read_outcome(struct request *r, const struct arguments *arguments)
{
	const char *name = opt_value(arguments, "outcome");

	for (int32_t i = METER_ACCEPTED; name && i <= METER_LATE; i++) {
		if (strcmp(meter_outcome_name(i), name) == 0 && i != METER_DUPLICATE)
			r->filter.outcome = i;
	}
	if (name && r->filter.outcome == 0)
		return cli_usage_error(arguments->verb, "--outcome: \"%s\" is none of accepted, late", name);
	if (r->filter.outcome == METER_CONFLICT || r->filter.outcome == METER_REJECTED)
		return cli_usage_error(arguments->verb,
		                       "--outcome %s: such events are not stored; meter quarantine list --outcome %s", name,
		                       name);
	return EXIT_DONE;
}

static int read_request(struct request *r, const struct arguments *arguments)
{
	int exit_code;

	r->format = arguments->format;
	r->verb = arguments->verb;
	r->filter.subscription = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
	r->filter.type = opt_value(arguments, "type");
	r->filter.id = opt_value(arguments, "id");
	r->filter.source = opt_value(arguments, "source");
	r->filter.invoice = opt_value(arguments, "invoice");
	r->filter.with_invoice = opt_has(arguments, "with-invoice") || r->filter.invoice || r->filter.id;
	r->filter.with_retracted = r->filter.with_invoice;
	if (!r->filter.subscription && !r->filter.invoice && !r->filter.id)
		return cli_usage_error(arguments->verb, "a subscription, --invoice or --id is needed");
	if ((exit_code = opt_time(&r->filter.from_us, arguments, "from")) != EXIT_DONE)
		return exit_code;
	if ((exit_code = opt_time(&r->filter.to_us, arguments, "to")) != EXIT_DONE)
		return exit_code;
	if ((exit_code = read_outcome(r, arguments)) != EXIT_DONE)
		return exit_code;
	return read_properties(r, arguments);
}

static int list(meter *m, const struct request *r)
{
	meter_events *events;
	int result = meter_events_query(&events, m, &r->filter);
	int exit_code = result == METER_OK ? print(events, r) : cli_call_error(r->verb, result);

	meter_events_free(events);
	return exit_code;
}

static int run(const struct arguments *arguments)
{
	struct request r = {.filter = METER_EVENTS_FILTER_INIT};
	int exit_code = read_request(&r, arguments);

	if (exit_code == EXIT_DONE) {
		meter *m = cli_open(arguments, METER_OPEN_EXISTING);
		exit_code = m ? cli_close(m, list(m, &r)) : EXIT_FAILED;
	}
	free(r.properties);
	return exit_code;
}

static const struct option options[] = {
	{"from", "T", "from this time on: RFC 3339, or a date, which means its midnight UTC", false},
	{"to", "T", "up to this time, which is not included", false},
	{"type", "TYPE", "only events of this type", false},
	{"id", "ID", "only events with this id; without SUBSCRIPTION of the whole file", false},
	{"source", "SOURCE", "only events from this source", false},
	{"property", "NAME=VALUE", "only events with this property; with several, all must hold", true},
	{"outcome", "OUTCOME", "late: only those that came after the invoice of their period; accepted: all", false},
	{"invoice", "NUMBER", "only what this document saw: of its period, and of those it adjusts what came since", false},
	{"with-invoice", NULL, "show where each was billed, and those that were taken back; so do --id and --invoice", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_events = {
	.name = "events",
	.operands = "[SUBSCRIPTION]",
	.summary = "list the stored events of a subscription",
	.details =
		"SUBSCRIPTION may be left out with --invoice and --id. invoice is the number of the document that billed the "
		"event first\n"
		"(empty: none yet); lines are the charges that count it, each with its lines of that document; late says that it "
		"came\n"
		"after the invoice of its period; retracted says by which event, or with which backfill, it was taken back. Such "
		"events\n"
		"count nowhere and are listed only there. Events are kept by time: --from and --to make a listing fast. Without "
		"invoice\n"
		"and lines, what --format jsonl prints can be replayed. Events that were refused are in meter quarantine.\n"
		"\n"
		"  meter events acme --from 2026-01-31 --to 2026-02-01 --type llm.call\n"
		"  meter events acme --id req-17\n"
		"  meter events --invoice INV-000017 --property model=large-1\n",
	.options = options,
	.operand_min = 0,
	.operand_max = 1,
	.run = run,
};
