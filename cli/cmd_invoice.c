/* cmd_invoice.c - meter invoice: what a subscription's usage of a period costs; and printing invoices and quotes. */
#include "cli.h"

#include <string.h>

static const struct column line_columns[] = {
	{"charge", COLUMN_TEXT},   {"kind", COLUMN_TEXT},   {"description", COLUMN_TEXT}, {"quantity", COLUMN_DECIMAL},
	{"price", COLUMN_DECIMAL}, {"per", COLUMN_DECIMAL}, {"exact", COLUMN_DECIMAL},    {"amount", COLUMN_DECIMAL},
};
#define LINE_COLUMN_COUNT (sizeof(line_columns) / sizeof(line_columns[0]))

/* The values of a line in the order of line_columns. */
static void read_line(const meter_invoice *invoice, size_t index, const char *values[LINE_COLUMN_COUNT])
{
	values[0] = meter_invoice_line_charge(invoice, index);
	values[1] = meter_invoice_line_kind_name(invoice, index);
	values[2] = meter_invoice_line_description(invoice, index);
	values[3] = meter_invoice_line_quantity(invoice, index);
	values[4] = meter_invoice_line_price(invoice, index);
	values[5] = meter_invoice_line_per(invoice, index);
	/* A fraction such as 100/3 is no number: a spreadsheet would read a date. */
	values[6] = meter_invoice_line_exact(invoice, index);
	values[7] = meter_invoice_line_amount(invoice, index);
}

static void print_lines(struct out *o, const meter_invoice *invoice)
{
	const char *values[LINE_COLUMN_COUNT];

	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		read_line(invoice, i, values);
		for (size_t k = 0; k < LINE_COLUMN_COUNT; k++)
			out_text(o, values[k]);
	}
}

static void print_total(struct out *o, const char *name, const char *amount)
{
	for (size_t k = 0; k < LINE_COLUMN_COUNT; k++)
		out_text(o, k == 2 ? name : k == LINE_COLUMN_COUNT - 1 ? amount : NULL);
}

static void add_head_line(struct text *t, const char *name, const char *value)
{
	if (!value)
		return;
	text_format(t, "%-13s ", name);
	text_add_visible(t, value, strlen(value));
	text_add_string(t, "\n");
}

static const char *format_time(char out[32], int64_t time_us)
{
	return meter_time_format(out, 32, time_us) == METER_OK ? out : NULL;
}

static void print_table(const meter_invoice *invoice)
{
	char time[32];
	struct text t = {0};
	struct out o;

	add_head_line(&t, "number", meter_invoice_number(invoice));
	add_head_line(&t, "status", meter_invoice_status(invoice));
	add_head_line(&t, "subscription", meter_invoice_subscription(invoice));
	add_head_line(&t, "customer", meter_invoice_customer(invoice));
	add_head_line(&t, "plan", meter_invoice_plan(invoice));
	add_head_line(&t, "currency", meter_invoice_currency(invoice));
	add_head_line(&t, "from", format_time(time, meter_invoice_from_us(invoice)));
	add_head_line(&t, "to", format_time(time, meter_invoice_to_us(invoice)));
	text_add_string(&t, "\n");
	out_write(t.data, t.size);
	t.size = 0;
	out_begin(&o, FORMAT_TABLE, line_columns, LINE_COLUMN_COUNT);
	o.null_name = "";
	print_lines(&o, invoice);
	print_total(&o, "subtotal", meter_invoice_subtotal(invoice));
	print_total(&o, "total", meter_invoice_total(invoice));
	print_total(&o, "due", meter_invoice_due(invoice));
	if (meter_invoice_worth(invoice))
		print_total(&o, meter_invoice_worth_currency(invoice), meter_invoice_worth(invoice));
	out_end(&o);
	if (meter_invoice_suspended_count(invoice))
		text_format(
			&t,
			"\nsuspended lines: %zu, usage that has no amount: the invoice is not complete and cannot be finalized\n",
			meter_invoice_suspended_count(invoice));
	out_write(t.data, t.size);
	text_free(&t);
}

static void add_member(struct text *t, const char *before, const char *name, const char *value)
{
	text_add_string(t, before);
	text_add_json(t, name, strlen(name));
	text_add_string(t, ":");
	text_add_json(t, value, value ? strlen(value) : 0);
}

/* Whether the line is for a part of the period only. */
static bool is_part(const meter_invoice *invoice, size_t index)
{
	return meter_invoice_line_from_us(invoice, index) != meter_invoice_from_us(invoice) ||
	       meter_invoice_line_to_us(invoice, index) != meter_invoice_to_us(invoice);
}

static void print_json(const meter_invoice *invoice)
{
	const char *values[LINE_COLUMN_COUNT];
	char time[32];
	struct text t = {0};

	add_member(&t, "{", "number", meter_invoice_number(invoice));
	add_member(&t, ",", "status", meter_invoice_status(invoice));
	add_member(&t, ",", "subscription", meter_invoice_subscription(invoice));
	add_member(&t, ",", "customer", meter_invoice_customer(invoice));
	add_member(&t, ",", "plan", meter_invoice_plan(invoice));
	add_member(&t, ",", "currency", meter_invoice_currency(invoice));
	add_member(&t, ",\"period\":{", "from", format_time(time, meter_invoice_from_us(invoice)));
	add_member(&t, ",", "to", format_time(time, meter_invoice_to_us(invoice)));
	text_add_string(&t, "},\"lines\":[");
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		read_line(invoice, i, values);
		text_add_string(&t, i ? ",\n" : "\n");
		for (size_t k = 0; k < LINE_COLUMN_COUNT; k++)
			add_member(&t, k ? "," : "{", line_columns[k].name, values[k]);
		if (is_part(invoice, i)) {
			add_member(&t, ",", "from", format_time(time, meter_invoice_line_from_us(invoice, i)));
			add_member(&t, ",", "to", format_time(time, meter_invoice_line_to_us(invoice, i)));
		}
		text_add_string(&t, "}");
	}
	text_format(&t, "],\n\"suspended\":%zu", meter_invoice_suspended_count(invoice));
	add_member(&t, ",", "subtotal", meter_invoice_subtotal(invoice));
	add_member(&t, ",", "tax", meter_invoice_tax(invoice));
	add_member(&t, ",", "total", meter_invoice_total(invoice));
	add_member(&t, ",", "due", meter_invoice_due(invoice));
	if (meter_invoice_worth(invoice)) {
		add_member(&t, ",\"worth\":{", "currency", meter_invoice_worth_currency(invoice));
		add_member(&t, ",", "amount", meter_invoice_worth(invoice));
		text_add_string(&t, "}");
	}
	text_add_string(&t, "}\n");
	out_write(t.data, t.size);
	text_free(&t);
}

int cmd_invoice_print(const meter_invoice *invoice, enum format format)
{
	struct out o;

	if (format == FORMAT_TABLE) {
		print_table(invoice);
	} else if (format == FORMAT_JSON) {
		print_json(invoice);
	} else {
		out_begin(&o, format, line_columns, LINE_COLUMN_COUNT);
		print_lines(&o, invoice);
		out_end(&o);
	}
	return meter_invoice_suspended_count(invoice) ? EXIT_FINDINGS : EXIT_DONE;
}

static int run(const struct arguments *arguments)
{
	meter_invoice *invoice;
	const char *period = opt_value(arguments, "period");

	if (!period)
		return cli_usage_error(arguments->verb, "meter invoice needs --period, such as --period 2026-01");
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	int result = meter_invoice_draft(&invoice, m, arguments->operands[0], METER_NUL_TERMINATED, period, METER_NUL_TERMINATED);
	if (result != METER_OK)
		return cli_close(m, cli_library_error(result));
	int exit_code = cmd_invoice_print(invoice, arguments->format);
	meter_invoice_free(invoice);
	return cli_close(m, exit_code);
}

static const struct option options[] = {
	{"period", "PERIOD", "a month in UTC, such as 2026-01", false},
	{"finalize", NULL, NULL, false},
	{"void", NULL, NULL, false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_invoice = {
	.name = "invoice",
	.operands = "SUBSCRIPTION",
	.summary = "rate a subscription's usage of a period, as a draft invoice",
	.details = "On every line amount = quantity x price / per, rounded once; exact is the amount before rounding. Nothing is "
		   "stored.\n"
		   "CSV and JSON Lines have one row per line, JSON the whole invoice.\n"
		   "Exit 3 when a line is suspended: usage that the plan has no price for.\n"
		   "\n"
		   "  meter invoice acme --period 2026-01\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
