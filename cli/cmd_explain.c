/* cmd_explain.c - meter explain: where the lines of an invoice come from, down to the events. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static void add_text(struct text *t, const char *text)
{
	text_add_visible(t, or_dash(text), strlen(or_dash(text)));
}

static const char *format_time(char out[32], int64_t time_us)
{
	return meter_time_format(out, 32, time_us) == METER_OK ? out : "-";
}

static size_t size_of(const char *text, size_t size)
{
	return text && size == METER_NUL_TERMINATED ? strlen(text) : size;
}

static void add_properties(struct text *t, const meter_event *event)
{
	text_add_string(t, "{");
	for (size_t i = 0; i < event->property_count; i++) {
		const meter_property *property = &event->properties[i];
		text_add_string(t, i ? "," : "");
		text_add_json(t, property->name, size_of(property->name, property->name_size));
		text_add_string(t, ":");
		text_add_json(t, property->value, size_of(property->value, property->value_size));
	}
	text_add_string(t, "}");
}

static void flush(struct text *t)
{
	out_write(t->data, t->size);
	t->size = 0;
}

/* ---- for people ---- */

static void add_head(struct text *t, const meter_explanation *e, size_t i)
{
	const meter_invoice *invoice = meter_explanation_invoice(e);
	const size_t line = meter_explanation_line(e, i);
	const char *number = meter_invoice_number(invoice);

	text_format(t, "line %zu of ", line + 1);
	add_text(t, number ? number : meter_invoice_subscription(invoice));
	if (!number)
		text_format(t, " (%s)", meter_invoice_status(invoice));
	text_add_string(t, ": ");
	add_text(t, meter_invoice_line_description(invoice, line));
	text_add_string(t, "\n");
	add_text(t, meter_invoice_line_amount(invoice, line));
	text_format(t, " %s, %s\n", or_dash(meter_invoice_currency(invoice)), meter_invoice_line_kind_name(invoice, line));
}

/* The text of the catalog with its line numbers. */
static void add_rule(struct text *t, const meter_explanation *e, size_t i)
{
	const char *rule = or_dash(meter_explanation_rule(e, i));
	int number = meter_explanation_rule_line(e, i);

	text_add_string(t, "\nrule: plan ");
	add_text(t, meter_explanation_plan(e, i));
	text_format(t, ", catalog version %lld, sha256 %.16s...\n", (long long)meter_explanation_catalog_version(e, i),
	            or_dash(meter_explanation_plan_hash(e, i)));
	while (*rule) {
		const size_t size = strcspn(rule, "\n");
		text_format(t, "%6d  ", number++);
		text_add_visible(t, rule, size);
		text_add_string(t, "\n");
		rule += size + (rule[size] == '\n');
	}
}

static void add_steps(struct text *t, const meter_explanation *e, size_t i)
{
	text_add_string(t, "\nsteps:\n");
	for (size_t k = 0; k < meter_explanation_step_count(e, i); k++) {
		text_format(t, "  %-12s  ", meter_explanation_step_name(e, i, k));
		add_text(t, meter_explanation_step_text(e, i, k));
		text_add_string(t, "\n");
	}
}

static void print_related(const meter_explanation *e, size_t i)
{
	static const struct column columns[] = {
		{"line", COLUMN_NUMBER}, {"kind", COLUMN_TEXT}, {"description", COLUMN_TEXT}, {"amount", COLUMN_DECIMAL}};
	const meter_invoice *invoice = meter_explanation_invoice(e);
	struct out o;

	out_begin(&o, FORMAT_TABLE, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t k = 0; k < meter_explanation_related_count(e, i); k++) {
		const size_t line = meter_explanation_related(e, i, k);
		out_integer(&o, (int64_t)line + 1);
		out_text(&o, meter_invoice_line_kind_name(invoice, line));
		out_text(&o, meter_invoice_line_description(invoice, line));
		out_text(&o, meter_invoice_line_amount(invoice, line));
	}
	out_text(&o, NULL);
	out_text(&o, NULL);
	out_text(&o, "together");
	out_text(&o, meter_explanation_related_amount(e, i));
	out_end(&o);
}

static void print_days(const meter_explanation *e, size_t i)
{
	static const struct column columns[] = {{"day", COLUMN_TEXT}, {"quantity", COLUMN_DECIMAL}, {"events", COLUMN_NUMBER}};
	char time[32];
	struct out o;

	out_begin(&o, FORMAT_TABLE, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t k = 0; k < meter_explanation_day_count(e, i); k++) {
		const char *text = format_time(time, meter_explanation_day_from_us(e, i, k));
		out_text_sized(&o, text, strcspn(text, "T"));
		out_text(&o, meter_explanation_day_value(e, i, k));
		out_integer(&o, meter_explanation_day_events(e, i, k));
	}
	out_end(&o);
}

static void print_events(const meter_explanation *e, size_t i)
{
	static const struct column columns[] = {
		{"id", COLUMN_TEXT},         {"timestamp", COLUMN_TEXT}, {"quantity", COLUMN_DECIMAL}, {"value", COLUMN_DECIMAL},
		{"properties", COLUMN_TEXT}, {"source", COLUMN_TEXT},    {"sequence", COLUMN_NUMBER},  {"ingest", COLUMN_NUMBER}};
	struct text t = {0};
	struct out o;

	out_begin(&o, FORMAT_TABLE, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t k = 0; k < meter_explanation_event_count(e, i); k++) {
		const meter_event *event = meter_explanation_event(e, i, k);
		out_text_sized(&o, event->id, event->id_size);
		out_time(&o, event->timestamp_us);
		out_text(&o, meter_explanation_event_value(e, i, k));
		out_text(&o, event->value);
		t.size = 0;
		add_properties(&t, event);
		out_text_sized(&o, t.data, t.size);
		out_text(&o, event->source);
		if (event->sequence == METER_NO_SEQUENCE)
			out_text(&o, NULL);
		else
			out_integer(&o, event->sequence);
		out_integer(&o, meter_explanation_event_ingest(e, i, k));
	}
	out_end(&o);
	text_free(&t);
}

static void add_order(struct text *t, const meter_explanation *e, size_t i)
{
	const char *order = meter_explanation_event_order(e, i);
	const bool is_adjustment = meter_explanation_usage_before(e, i) != NULL;
	const size_t count = meter_explanation_event_count(e, i);

	/* "the first 10", "the 3 largest" */
	if (strcmp(order, "time") == 0)
		text_format(t, "\nevents: the first %zu", count);
	else
		text_format(t, "\nevents: the %zu %s", count, order);
	if (is_adjustment)
		text_add_string(t, " of those that came after it was billed before");
	text_format(t, "; %lld in all", (long long)meter_explanation_usage_events(e, i));
	if (!is_adjustment && !meter_explanation_event_exact(e, i))
		text_add_string(t, ", looked for in the hours with the most usage");
	text_add_string(t, "\n");
}

/* The command that lists all events of the type: what the line is for cannot always be told by properties. */
static void add_command(struct text *t, const meter_explanation *e, size_t i)
{
	const meter_invoice *invoice = meter_explanation_invoice(e);
	const size_t line = meter_explanation_line(e, i);
	char time[32];

	text_add_string(t, "all of the type: meter events ");
	add_text(t, meter_invoice_subscription(invoice));
	text_add_string(t, " --type ");
	add_text(t, meter_explanation_event_type(e, i));
	text_format(t, " --from %s", format_time(time, meter_invoice_line_from_us(invoice, line)));
	text_format(t, " --to %s", format_time(time, meter_invoice_line_to_us(invoice, line)));
	if (meter_invoice_number(invoice)) {
		text_add_string(t, " --invoice ");
		add_text(t, meter_invoice_number(invoice));
	}
	text_add_string(t, "\n");
}

static void print_usage(struct text *t, const meter_explanation *e, size_t i)
{
	const char *usage = meter_explanation_usage(e, i);

	if (!meter_explanation_usage_from(e, i))
		return;
	text_add_string(t, "\nusage of meter ");
	add_text(t, meter_explanation_meter(e, i));
	text_format(t, ": %s", or_dash(usage));
	if (meter_explanation_usage_before(e, i))
		text_format(t, ", billed before: %s", meter_explanation_usage_before(e, i));
	text_add_string(t, "\n");
	flush(t);
	if (meter_explanation_day_count(e, i) > 0)
		print_days(e, i);
	if (meter_explanation_event_count(e, i) > 0) {
		add_order(t, e, i);
		flush(t);
		print_events(e, i);
	}
	if (meter_explanation_usage_events(e, i) > 0)
		add_command(t, e, i);
	flush(t);
}

static void print_table(const meter_explanation *e)
{
	struct text t = {0};

	for (size_t i = 0; i < meter_explanation_count(e) && !out_is_broken(); i++) {
		text_add_string(&t, i ? "\n----\n" : "");
		add_head(&t, e, i);
		add_rule(&t, e, i);
		add_steps(&t, e, i);
		text_add_string(&t, meter_explanation_related_count(e, i) > 1 ? "\n" : "");
		flush(&t);
		if (meter_explanation_related_count(e, i) > 1)
			print_related(e, i);
		print_usage(&t, e, i);
	}
	text_free(&t);
}

/* ---- JSON ---- */

static void add_member(struct text *t, const char *before, const char *name, const char *value)
{
	text_add_string(t, before);
	text_add_json(t, name, strlen(name));
	text_add_string(t, ":");
	text_add_json(t, value, value ? strlen(value) : 0);
}

static void add_integer(struct text *t, const char *before, const char *name, int64_t value)
{
	text_add_string(t, before);
	text_add_json(t, name, strlen(name));
	text_format(t, ":%lld", (long long)value);
}

static void add_line_members(struct text *t, const meter_invoice *invoice, size_t line)
{
	char time[32];

	add_integer(t, "{", "line", (int64_t)line + 1);
	add_member(t, ",", "charge", meter_invoice_line_charge(invoice, line));
	add_member(t, ",", "kind", meter_invoice_line_kind_name(invoice, line));
	add_member(t, ",", "description", meter_invoice_line_description(invoice, line));
	add_member(t, ",", "from", format_time(time, meter_invoice_line_from_us(invoice, line)));
	add_member(t, ",", "to", format_time(time, meter_invoice_line_to_us(invoice, line)));
	add_member(t, ",", "quantity", meter_invoice_line_quantity(invoice, line));
	add_member(t, ",", "price", meter_invoice_line_price(invoice, line));
	add_member(t, ",", "per", meter_invoice_line_per(invoice, line));
	add_member(t, ",", "exact", meter_invoice_line_exact(invoice, line));
	add_member(t, ",", "amount", meter_invoice_line_amount(invoice, line));
	if (!meter_invoice_line_quantity_before(invoice, line))
		return;
	add_member(t, ",\"before\":{", "quantity", meter_invoice_line_quantity_before(invoice, line));
	add_member(t, ",", "amount", meter_invoice_line_amount_before(invoice, line));
	add_member(t, "},\"after\":{", "quantity", meter_invoice_line_quantity_after(invoice, line));
	add_member(t, ",", "amount", meter_invoice_line_amount_after(invoice, line));
	text_add_string(t, "}");
}

static void add_rule_members(struct text *t, const meter_explanation *e, size_t i)
{
	add_member(t, ",\n\"rule\":{", "plan", meter_explanation_plan(e, i));
	add_integer(t, ",", "catalog_version", meter_explanation_catalog_version(e, i));
	add_member(t, ",", "plan_hash", meter_explanation_plan_hash(e, i));
	add_integer(t, ",", "from_line", meter_explanation_rule_line(e, i));
	add_integer(t, ",", "to_line", meter_explanation_rule_end(e, i));
	add_member(t, ",", "model", meter_explanation_model(e, i));
	add_member(t, ",", "meter", meter_explanation_meter(e, i));
	add_member(t, ",", "aggregation", meter_explanation_aggregation(e, i));
	add_member(t, ",", "rounding", meter_explanation_rounding(e, i));
	add_integer(t, ",", "decimals", meter_explanation_decimals(e, i));
	add_member(t, ",", "text", meter_explanation_rule(e, i));
	text_add_string(t, "},\n\"steps\":[");
	for (size_t k = 0; k < meter_explanation_step_count(e, i); k++) {
		add_member(t, k ? ",{" : "{", "step", meter_explanation_step_name(e, i, k));
		add_member(t, ",", "text", meter_explanation_step_text(e, i, k));
		text_add_string(t, "}");
	}
	text_add_string(t, "],\n\"related\":{\"lines\":[");
	for (size_t k = 0; k < meter_explanation_related_count(e, i); k++)
		text_format(t, "%s%zu", k ? "," : "", meter_explanation_related(e, i, k) + 1);
	add_member(t, "],", "amount", meter_explanation_related_amount(e, i));
	text_add_string(t, "}");
}

static void add_event(struct text *t, const meter_explanation *e, size_t i, size_t k)
{
	const meter_event *event = meter_explanation_event(e, i, k);
	char time[32];

	add_member(t, k ? ",\n{" : "\n{", "id", event->id);
	add_member(t, ",", "timestamp", format_time(time, event->timestamp_us));
	add_member(t, ",", "quantity", meter_explanation_event_value(e, i, k));
	add_member(t, ",", "value", event->value);
	text_add_string(t, ",\"properties\":");
	add_properties(t, event);
	add_member(t, ",", "source", event->source);
	if (event->sequence == METER_NO_SEQUENCE)
		add_member(t, ",", "sequence", NULL);
	else
		add_integer(t, ",", "sequence", event->sequence);
	add_integer(t, ",", "ingest", meter_explanation_event_ingest(e, i, k));
	text_add_string(t, "}");
}

static void add_usage_members(struct text *t, const meter_explanation *e, size_t i)
{
	char time[32];

	if (!meter_explanation_usage_from(e, i)) {
		text_add_string(t, ",\n\"usage\":null");
		return;
	}
	add_member(t, ",\n\"usage\":{", "quantity", meter_explanation_usage(e, i));
	add_member(t, ",", "quantity_before", meter_explanation_usage_before(e, i));
	add_member(t, ",", "scope", meter_explanation_scope(e, i));
	add_integer(t, ",", "events", meter_explanation_usage_events(e, i));
	add_member(t, ",", "read_from", meter_explanation_usage_from(e, i));
	text_add_string(t, ",\"days\":[");
	for (size_t k = 0; k < meter_explanation_day_count(e, i); k++) {
		add_member(t, k ? ",{" : "{", "from", format_time(time, meter_explanation_day_from_us(e, i, k)));
		add_member(t, ",", "quantity", meter_explanation_day_value(e, i, k));
		add_integer(t, ",", "events", meter_explanation_day_events(e, i, k));
		text_add_string(t, "}");
	}
	add_member(t, "],", "order", meter_explanation_event_order(e, i));
	text_format(t, ",\"exact\":%s,\"top\":[", meter_explanation_event_exact(e, i) ? "true" : "false");
	for (size_t k = 0; k < meter_explanation_event_count(e, i); k++)
		add_event(t, e, i, k);
	text_add_string(t, "]}");
}

/* JSON Lines keep an object on one line. */
static void write_object(struct text *t, enum format format)
{
	for (size_t i = 0; format == FORMAT_JSONL && i < t->size; i++)
		t->data[i] = t->data[i] == '\n' ? ' ' : t->data[i];
	flush(t);
}

static void print_json(const meter_explanation *e, enum format format)
{
	const meter_invoice *invoice = meter_explanation_invoice(e);
	struct text t = {0};

	if (format == FORMAT_JSON) {
		add_member(&t, "{", "number", meter_invoice_number(invoice));
		add_member(&t, ",", "status", meter_invoice_status(invoice));
		add_member(&t, ",", "subscription", meter_invoice_subscription(invoice));
		add_member(&t, ",", "currency", meter_invoice_currency(invoice));
		text_add_string(&t, ",\"lines\":[\n");
	}
	for (size_t i = 0; i < meter_explanation_count(e); i++) {
		text_add_string(&t, i && format == FORMAT_JSON ? ",\n" : "");
		add_line_members(&t, invoice, meter_explanation_line(e, i));
		add_rule_members(&t, e, i);
		add_usage_members(&t, e, i);
		text_add_string(&t, "}");
		write_object(&t, format);
		if (format == FORMAT_JSONL)
			out_write("\n", 1);
	}
	text_add_string(&t, format == FORMAT_JSON ? "\n]}\n" : "");
	flush(&t);
	text_free(&t);
}

/* ---- the verb ---- */

/* A whole number from least on. */
static int read_number(const struct arguments *arguments, const char *what, const char *text, int32_t least, int32_t *out)
{
	char *end;
	const long number = strtol(text, &end, 10);

	if (!*text || *end || text[0] < '0' || text[0] > '9' || number < least || number > 1000000)
		return cli_usage_error(arguments->verb, "%s: \"%s\" is no number from %d on", what, text, (int)least);
	*out = (int32_t)number;
	return EXIT_DONE;
}

static int read_options(meter_explain_options *out, const struct arguments *arguments)
{
	const char *events = opt_value(arguments, "events");
	int exit_code = EXIT_DONE;

	if (arguments->format == FORMAT_CSV)
		return cli_usage_error(arguments->verb,
		                       "--format csv: an explanation is not made of rows; meter events lists events");
	if (arguments->operand_count > 1)
		exit_code = read_number(arguments, "LINE", arguments->operands[1], 1, &out->line);
	if (exit_code == EXIT_DONE && events)
		exit_code = read_number(arguments, "--events", events, 0, &out->events);
	if (events && out->events == 0)
		out->events = -1;
	return exit_code;
}

static int explain(meter_explanation **out, meter *m, meter_explain_options *options, const struct arguments *arguments)
{
	options->period = opt_value(arguments, "period");
	if (options->period)
		options->subscription = arguments->operands[0];
	else
		options->number = arguments->operands[0];
	int result = meter_explain(out, m, options);
	if (result != METER_ENOTFOUND || options->period)
		return result;
	/* Without a period it may be a subscription, whose next invoice is meant. */
	options->number = NULL;
	options->subscription = arguments->operands[0];
	return meter_explain(out, m, options);
}

static int run(const struct arguments *arguments)
{
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	meter_explanation *e;
	int exit_code = read_options(&options, arguments);

	if (exit_code != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	int result = explain(&e, m, &options, arguments);
	if (result == METER_ENOTFOUND && !options.period && subscription_is_undeclared(m, arguments->operands[0])) {
		cli_message("%s is neither a subscription nor the number of an invoice", arguments->operands[0]);
		exit_code = EXIT_FAILED;
	} else if (result != METER_OK)
		exit_code = cli_call_error(arguments->verb, result);
	else if (arguments->format == FORMAT_TABLE)
		print_table(e);
	else
		print_json(e, arguments->format);
	meter_explanation_free(e);
	return cli_close(m, exit_code);
}

static const struct option options_of_explain[] = {
	{"period", "PERIOD", "the invoice or draft of SUBSCRIPTION for this period", false},
	{"events", "N", "at most so many events a line, up to 1000; default 10", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_explain = {
	.name = "explain",
	.operands = "INVOICE|SUBSCRIPTION [LINE]",
	.summary = "show where the lines of an invoice come from, down to the events",
	.details =
		"For each line, or for LINE (1 is the first): the rule in the catalog it was rated by, the steps to the amount, "
		"the\n"
		"other lines of the same charge, the usage day by day, and the events that weigh most. A finalized invoice is\n"
		"explained by what it saw: late events are in its adjustment, not in it.\n"
		"\n"
		"  meter explain INV-000017 3\n"
		"  meter explain acme 3 --period 2026-01 --events 3\n",
	.options = options_of_explain,
	.operand_min = 1,
	.operand_max = 2,
	.run = run,
};
