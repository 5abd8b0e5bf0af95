/*
 * cmd_invoice.c - meter invoice: what a subscription's usage of a period costs, from the draft to the finalized invoice and what
 * comes after it; and printing invoices and quotes.
 */
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

/* What only a stored document has. */
static void add_document_head(struct text *t, const meter_invoice *invoice)
{
	char time[32];

	if (!meter_invoice_number(invoice))
		return;
	add_head_line(t, "finalized", format_time(time, meter_invoice_finalized_us(invoice)));
	add_head_line(t, "reason", meter_invoice_reason(invoice));
	add_head_line(t, "replaces", meter_invoice_replaces(invoice));
	if (meter_invoice_voided_us(invoice) != INT64_MIN)
		add_head_line(t, "voided", format_time(time, meter_invoice_voided_us(invoice)));
	add_head_line(t, "because", meter_invoice_void_reason(invoice));
	add_head_line(t, "replaced by", meter_invoice_replaced_by(invoice));
}

static bool has_adjustments(const meter_invoice *invoice)
{
	const size_t count = meter_invoice_line_count(invoice);

	return count > 0 && meter_invoice_line_adjusts(invoice, count - 1);
}

static void print_table(const meter_invoice *invoice)
{
	char time[32];
	struct text t = {0};
	struct out o;

	add_head_line(&t, "number", meter_invoice_number(invoice));
	if (strcmp(meter_invoice_kind(invoice), "invoice") != 0)
		add_head_line(&t, "kind", meter_invoice_kind(invoice));
	add_head_line(&t, "status", meter_invoice_status(invoice));
	add_head_line(&t, "subscription", meter_invoice_subscription(invoice));
	add_head_line(&t, "customer", meter_invoice_customer(invoice));
	add_head_line(&t, "plan", meter_invoice_plan(invoice));
	add_head_line(&t, "currency", meter_invoice_currency(invoice));
	add_head_line(&t, "from", format_time(time, meter_invoice_from_us(invoice)));
	add_head_line(&t, "to", format_time(time, meter_invoice_to_us(invoice)));
	add_document_head(&t, invoice);
	text_add_string(&t, "\n");
	out_write(t.data, t.size);
	t.size = 0;
	out_begin(&o, FORMAT_TABLE, line_columns, LINE_COLUMN_COUNT);
	print_lines(&o, invoice);
	print_total(&o, "subtotal", meter_invoice_subtotal(invoice));
	if (has_adjustments(invoice))
		print_total(&o, "adjustments", meter_invoice_adjustments(invoice));
	print_total(&o, "total", meter_invoice_total(invoice));
	print_total(&o, "due", meter_invoice_due(invoice));
	if (meter_invoice_worth(invoice))
		print_total(&o, meter_invoice_worth_currency(invoice), meter_invoice_worth(invoice));
	out_end(&o);
	text_free(&t);
}

static void add_member(struct text *t, const char *before, const char *name, const char *value)
{
	text_add_string(t, before);
	text_add_json(t, name, strlen(name));
	text_add_string(t, ":");
	text_add_json(t, value, value ? strlen(value) : 0);
}

static void add_number(struct text *t, const char *before, const char *name, int64_t value)
{
	add_member(t, before, name, NULL);
	t->size -= strlen("null");
	text_format(t, "%lld", (long long)value);
}

static void add_time(struct text *t, const char *before, const char *name, int64_t time_us)
{
	char time[32];

	add_member(t, before, name, time_us == INT64_MIN ? NULL : format_time(time, time_us));
}

static void add_stretch(struct text *t, const char *before, const char *name, int64_t from_us, int64_t to_us)
{
	text_add_string(t, before);
	text_add_json(t, name, strlen(name));
	add_time(t, ":{", "from", from_us);
	add_time(t, ",", "to", to_us);
	text_add_string(t, "}");
}

/* An adjustment: what was billed, and what is right. NULL: the line is none. */
static void add_state(struct text *t, const char *name, const char *quantity, const char *amount)
{
	if (!quantity) {
		add_member(t, ",", name, NULL);
		return;
	}
	text_add_string(t, ",");
	text_add_json(t, name, strlen(name));
	add_member(t, ":{", "quantity", quantity);
	add_member(t, ",", "amount", amount);
	text_add_string(t, "}");
}

static void add_line(struct text *t, const meter_invoice *invoice, size_t i)
{
	const char *values[LINE_COLUMN_COUNT];

	read_line(invoice, i, values);
	for (size_t k = 0; k < LINE_COLUMN_COUNT; k++)
		add_member(t, k ? "," : "{", line_columns[k].name, values[k]);
	add_time(t, ",", "from", meter_invoice_line_from_us(invoice, i));
	add_time(t, ",", "to", meter_invoice_line_to_us(invoice, i));
	add_member(t, ",", "adjusts", meter_invoice_line_adjusts(invoice, i));
	add_state(t, "before", meter_invoice_line_quantity_before(invoice, i), meter_invoice_line_amount_before(invoice, i));
	add_state(t, "after", meter_invoice_line_quantity_after(invoice, i), meter_invoice_line_amount_after(invoice, i));
	text_add_string(t, "}");
}

static void add_worth(struct text *t, const meter_invoice *invoice)
{
	if (!meter_invoice_worth(invoice)) {
		add_member(t, ",", "worth", NULL);
		return;
	}
	add_member(t, ",\"worth\":{", "currency", meter_invoice_worth_currency(invoice));
	add_member(t, ",", "amount", meter_invoice_worth(invoice));
	text_add_string(t, "}");
}

/* Whatever an invoice is, it has the same members: what it lacks is null. */
static void add_json(struct text *out, const meter_invoice *invoice)
{
	add_member(out, "{", "number", meter_invoice_number(invoice));
	add_member(out, ",", "kind", meter_invoice_kind(invoice));
	add_member(out, ",", "status", meter_invoice_status(invoice));
	add_member(out, ",", "subscription", meter_invoice_subscription(invoice));
	add_member(out, ",", "customer", meter_invoice_customer(invoice));
	add_member(out, ",", "plan", meter_invoice_plan(invoice));
	add_member(out, ",", "currency", meter_invoice_currency(invoice));
	add_stretch(out, ",\n", "period", meter_invoice_from_us(invoice), meter_invoice_to_us(invoice));
	add_stretch(out, ",", "billed", meter_invoice_billed_from_us(invoice), meter_invoice_billed_to_us(invoice));
	add_time(out, ",\n", "finalized", meter_invoice_finalized_us(invoice));
	add_member(out, ",", "reason", meter_invoice_reason(invoice));
	add_time(out, ",", "voided", meter_invoice_voided_us(invoice));
	add_member(out, ",", "void_reason", meter_invoice_void_reason(invoice));
	add_member(out, ",", "replaces", meter_invoice_replaces(invoice));
	add_member(out, ",", "replaced_by", meter_invoice_replaced_by(invoice));
	text_add_string(out, ",\n\"lines\":[");
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		text_add_string(out, i ? ",\n" : "\n");
		add_line(out, invoice, i);
	}
	text_add_string(out, "],\n");
	add_number(out, "", "suspended", (int64_t)meter_invoice_suspended_count(invoice));
	add_member(out, ",", "subtotal", meter_invoice_subtotal(invoice));
	add_member(out, ",", "adjustments", meter_invoice_adjustments(invoice));
	add_member(out, ",", "tax", meter_invoice_tax(invoice));
	add_member(out, ",", "total", meter_invoice_total(invoice));
	add_member(out, ",", "due", meter_invoice_due(invoice));
	add_worth(out, invoice);
	add_number(out, ",\n", "catalog_version", meter_invoice_catalog_version(invoice));
	add_member(out, ",", "plan_hash", meter_invoice_plan_hash(invoice));
	add_number(out, ",", "ingest", meter_invoice_ingest(invoice));
	add_member(out, ",", "hash", meter_invoice_hash(invoice));
	text_add_string(out, "}");
}

static void print_json(const meter_invoice *invoice)
{
	struct text t = {0};

	add_json(&t, invoice);
	text_add_string(&t, "\n");
	out_write(t.data, t.size);
	text_free(&t);
}

/* Why the exit code is EXIT_FINDINGS. */
static void tell_suspended(const meter_invoice *invoice)
{
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		if (meter_invoice_line_kind(invoice, i) == METER_LINE_SUSPENDED)
			cli_message("charge %s is suspended: %s: a quantity of %s has no amount, and such an invoice cannot be "
			            "finalized",
			            meter_invoice_line_charge(invoice, i), meter_invoice_line_description(invoice, i),
			            meter_invoice_line_quantity(invoice, i));
	}
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
	tell_suspended(invoice);
	return meter_invoice_suspended_count(invoice) ? EXIT_FINDINGS : EXIT_DONE;
}

/* ---- what is asked ---- */

/* One thing to do; each takes the options in its column of usage(). */
enum action { SHOW, PREVIEW, FINALIZE, VOID, REGENERATE, ADJUST, DIFF, DUE, LIST, ACTION_COUNT };

static const char *const action_names[ACTION_COUNT] = {
	[PREVIEW] = "preview", [FINALIZE] = "finalize", [VOID] = "void", [REGENERATE] = "regenerate",
	[ADJUST] = "adjust",   [DIFF] = "diff",         [DUE] = "due",   [LIST] = "list",
};

struct request {
	const struct verb *verb;
	enum action action;
	const char *operand; /* a subscription, or the number of a document */
	const char *period;
	const char *reason;
	int64_t at_us;
	bool is_all;
};

static int read_action(struct request *out, const struct arguments *arguments)
{
	for (int i = PREVIEW; i < ACTION_COUNT; i++) {
		if (!opt_has(arguments, action_names[i]))
			continue;
		if (out->action != SHOW)
			return cli_usage_error(arguments->verb, "--%s and --%s do not go together", action_names[out->action],
			                       action_names[i]);
		out->action = (enum action)i;
	}
	return EXIT_DONE;
}

/* Which options go with which action. */
static bool goes_with(enum action action, const char *option)
{
	static const struct {
		const char *option;
		bool actions[ACTION_COUNT];
	} table[] = {
		{"period",
	         {[SHOW] = true, [PREVIEW] = true, [FINALIZE] = true, [VOID] = true, [REGENERATE] = true, [DIFF] = true}},
		{"all", {[SHOW] = true, [PREVIEW] = true, [FINALIZE] = true}},
		{"reason", {[FINALIZE] = true, [VOID] = true, [REGENERATE] = true}},
		{"at", {[FINALIZE] = true, [VOID] = true, [REGENERATE] = true, [ADJUST] = true, [DUE] = true}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(table[i].option, option) == 0)
			return table[i].actions[action];
	}
	return true;
}

static int check_options(const struct request *r, const struct arguments *arguments)
{
	static const char *const names[] = {"all", "period", "reason", "at"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!opt_has(arguments, names[i]) || goes_with(r->action, names[i]))
			continue;
		if (r->action == SHOW)
			return cli_usage_error(arguments->verb, "--%s is of use only where something is stored", names[i]);
		return cli_usage_error(arguments->verb, "--%s does not go with --%s", names[i], action_names[r->action]);
	}
	return EXIT_DONE;
}

static int check_request(const struct request *r, const struct arguments *arguments)
{
	const bool needs_operand = !r->is_all && r->action != DUE && r->action != LIST;
	const bool needs_reason = r->action == VOID || r->action == REGENERATE;
	const int exit_code = check_options(r, arguments);

	if (exit_code != EXIT_DONE)
		return exit_code;
	if (needs_operand && !r->operand)
		return cli_usage_error(arguments->verb, "a subscription or the number of an invoice is needed");
	if (r->operand && (r->is_all || r->action == DUE))
		return cli_usage_error(arguments->verb, "--%s is for all subscriptions", r->is_all ? "all" : "due");
	if (r->is_all && !r->period)
		return cli_usage_error(arguments->verb, "--all needs --period");
	if (needs_reason && !r->reason)
		return cli_usage_error(arguments->verb, "--%s needs --reason", action_names[r->action]);
	return EXIT_DONE;
}

static int read_request(struct request *out, const struct arguments *arguments)
{
	int exit_code = read_action(out, arguments);

	out->verb = arguments->verb;
	out->operand = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
	out->period = opt_value(arguments, "period");
	out->reason = opt_value(arguments, "reason");
	out->is_all = opt_has(arguments, "all");
	out->at_us = METER_NOW;
	if (exit_code == EXIT_DONE)
		exit_code = opt_time(&out->at_us, arguments, "at");
	return exit_code == EXIT_DONE ? check_request(out, arguments) : exit_code;
}

/* ---- doing it ---- */

static int finish(const struct request *r, int result, meter_invoice *invoice, enum format format)
{
	if (result != METER_OK)
		return cli_call_error(r->verb, result);
	int exit_code = cmd_invoice_print(invoice, format);
	meter_invoice_free(invoice);
	return exit_code;
}

/* The document that is meant: by its number, or by subscription and period. */
static int find_document(meter_invoice **out, meter *m, const struct request *r)
{
	if (!r->period)
		return meter_invoice_find(out, m, r->operand);
	return meter_invoice_get(out, m, r->operand, METER_NUL_TERMINATED, r->period, METER_NUL_TERMINATED);
}

static int preview(meter *m, const struct request *r, enum format format)
{
	meter_invoice *invoice;
	int result = meter_invoice_draft(&invoice, m, r->operand, METER_NUL_TERMINATED, r->period, METER_NUL_TERMINATED);

	return finish(r, result, invoice, format);
}

/* Without a period it may be a subscription, whose next invoice is meant. */
static int show(meter *m, const struct request *r, enum format format)
{
	meter_invoice *invoice;
	int result = find_document(&invoice, m, r);

	if (result != METER_ENOTFOUND || r->period)
		return finish(r, result, invoice, format);
	if (!subscription_is_undeclared(m, r->operand))
		return preview(m, r, format);
	cli_message("%s is neither a subscription nor the number of an invoice", r->operand);
	return EXIT_FAILED;
}

static int finalize(meter *m, const struct request *r, enum format format)
{
	meter_invoice *invoice;
	int result = meter_invoice_finalize(&invoice, m, r->operand, METER_NUL_TERMINATED, r->period, METER_NUL_TERMINATED,
	                                    r->reason, r->at_us);
	return finish(r, result, invoice, format);
}

static int adjust(meter *m, const struct request *r, enum format format)
{
	meter_invoice *invoice;
	int result = meter_invoice_adjust(&invoice, m, r->operand, METER_NUL_TERMINATED, r->at_us);

	return finish(r, result, invoice, format);
}

/* The number of the document that is meant. A draft has none. */
static int number_of(meter_invoice **out, meter *m, const struct request *r)
{
	int result = find_document(out, m, r);

	if (result == METER_ENOTFOUND && !r->period && !subscription_is_undeclared(m, r->operand)) {
		cli_message("%s is a subscription: which of its invoices is meant says --period, or its number", r->operand);
		return EXIT_FAILED;
	}
	if (result != METER_OK)
		return cli_call_error(r->verb, result);
	if (meter_invoice_number(*out))
		return EXIT_DONE;
	cli_message("%s has no finalized invoice for %s", r->operand, r->period);
	meter_invoice_free(*out);
	return EXIT_FAILED;
}

static int void_it(meter *m, const struct request *r, enum format format)
{
	meter_invoice *invoice, *voided;
	int exit_code = number_of(&invoice, m, r);

	if (exit_code != EXIT_DONE)
		return exit_code;
	int result = meter_invoice_void(&voided, m, meter_invoice_number(invoice), r->reason, r->at_us);
	meter_invoice_free(invoice);
	return finish(r, result, voided, format);
}

/* Two invoices and what differs between them. */
static void print_difference(const meter_invoice *before, const meter_invoice *after, const meter_invoice *difference,
                             enum format format)
{
	static const char nothing[] = "no difference\n";
	struct text t = {0};

	if (format == FORMAT_JSON) {
		text_add_string(&t, "{\"before\":");
		add_json(&t, before);
		text_add_string(&t, ",\n\"after\":");
		add_json(&t, after);
		text_add_string(&t, ",\n\"difference\":");
		add_json(&t, difference);
		text_add_string(&t, "}\n");
		out_write(t.data, t.size);
		text_free(&t);
	} else if (format == FORMAT_TABLE && meter_invoice_line_count(difference) == 0) {
		out_write(nothing, strlen(nothing));
	} else {
		cmd_invoice_print(difference, format);
	}
}

/* Amounts in two currencies have no difference: then the new one is printed. */
static int print_successor(const meter_invoice *before, const meter_invoice *after, enum format format)
{
	meter_invoice *difference;

	cli_message("%s is voided, %s takes its place", meter_invoice_number(before), meter_invoice_number(after));
	if (strcmp(meter_invoice_currency(before), meter_invoice_currency(after)) != 0) {
		cmd_invoice_print(after, format);
		return EXIT_DONE;
	}
	int result = meter_invoice_compare(&difference, before, after);
	if (result != METER_OK)
		return cli_library_error(result);
	print_difference(before, after, difference, format);
	meter_invoice_free(difference);
	return EXIT_DONE;
}

static int regenerate(meter *m, const struct request *r, enum format format)
{
	meter_invoice *before, *after, *voided;
	int exit_code = number_of(&before, m, r);

	if (exit_code != EXIT_DONE)
		return exit_code;
	int result = meter_invoice_regenerate(&after, m, meter_invoice_number(before), r->reason, r->at_us);
	if (result == METER_EEND) {
		cli_message("%s is voided; %s", meter_invoice_number(before), meter_errmsg());
		meter_invoice_free(before);
		return EXIT_DONE;
	}
	if (result == METER_OK)
		result = meter_invoice_find(&voided, m, meter_invoice_number(before));
	meter_invoice_free(before);
	if (result != METER_OK)
		return cli_call_error(r->verb, result);
	exit_code = print_successor(voided, after, format);
	meter_invoice_free(after);
	meter_invoice_free(voided);
	return exit_code;
}

/* Exit 3 when something differs. */
static int diff(meter *m, const struct request *r, enum format format)
{
	meter_invoice *before, *after = NULL, *difference = NULL;
	int exit_code = number_of(&before, m, r);

	if (exit_code != EXIT_DONE)
		return exit_code;
	int result = meter_invoice_redraft(&after, m, meter_invoice_number(before));
	if (result == METER_OK)
		result = meter_invoice_compare(&difference, before, after);
	if (result == METER_OK) {
		print_difference(before, after, difference, format);
		exit_code = meter_invoice_line_count(difference) ? EXIT_FINDINGS : EXIT_DONE;
	} else {
		exit_code = cli_library_error(result);
	}
	meter_invoice_free(difference);
	meter_invoice_free(after);
	meter_invoice_free(before);
	return exit_code;
}

/* ---- many invoices ---- */

static const struct column list_columns[] = {
	{"number", COLUMN_TEXT},       {"kind", COLUMN_TEXT},     {"status", COLUMN_TEXT},
	{"subscription", COLUMN_TEXT}, {"from", COLUMN_TEXT},     {"to", COLUMN_TEXT},
	{"currency", COLUMN_TEXT},     {"total", COLUMN_DECIMAL}, {"due", COLUMN_DECIMAL},
};
#define LIST_COLUMN_COUNT (sizeof(list_columns) / sizeof(list_columns[0]))

static void list_row(struct out *o, const meter_invoice *invoice)
{
	out_text(o, meter_invoice_number(invoice));
	out_text(o, meter_invoice_kind(invoice));
	out_text(o, meter_invoice_status(invoice));
	out_text(o, meter_invoice_subscription(invoice));
	out_time(o, meter_invoice_billed_from_us(invoice));
	out_time(o, meter_invoice_billed_to_us(invoice));
	out_text(o, meter_invoice_currency(invoice));
	out_text(o, meter_invoice_total(invoice));
	out_text(o, meter_invoice_due(invoice));
}

static int list(meter *m, const struct request *r, enum format format)
{
	meter_invoices *invoices;
	struct out o;
	int result = meter_invoices_query(&invoices, m, r->operand, METER_NUL_TERMINATED);

	if (result != METER_OK)
		return cli_library_error(result);
	out_begin(&o, format, list_columns, LIST_COLUMN_COUNT);
	while ((result = meter_invoices_next(invoices)) == METER_OK && !out_is_broken())
		list_row(&o, meter_invoices_invoice(invoices));
	out_end(&o);
	meter_invoices_free(invoices);
	if (result == METER_EEND && r->operand && o.row_count == 0)
		return subscription_check(m, r->operand);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int show_one(meter_invoice **out, meter *m, const struct request *r, const char *subscription)
{
	const size_t size = METER_NUL_TERMINATED;

	if (r->action == PREVIEW)
		return meter_invoice_draft(out, m, subscription, size, r->period, size);
	return meter_invoice_get(out, m, subscription, size, r->period, size);
}

/* One period of every subscription. What has no such period is left out; what cannot be shown is told. */
static int show_all(meter *m, const struct request *r, enum format format)
{
	meter_subscriptions *subscriptions;
	struct out o;
	int exit_code = EXIT_DONE;
	int result = meter_subscriptions_query(&subscriptions, m);

	if (result != METER_OK)
		return cli_library_error(result);
	out_begin(&o, format, list_columns, LIST_COLUMN_COUNT);
	while (meter_subscriptions_next(subscriptions) == METER_OK && !out_is_broken()) {
		const char *key = meter_subscriptions_key(subscriptions);
		meter_invoice *invoice;

		result = show_one(&invoice, m, r, key);
		if (result == METER_OK) {
			exit_code = meter_invoice_suspended_count(invoice) ? EXIT_FINDINGS : exit_code;
			list_row(&o, invoice);
			meter_invoice_free(invoice);
		} else if (result != METER_ENOTFOUND) {
			cli_message("%s: %s", key, meter_errmsg());
			exit_code = EXIT_FINDINGS;
		}
	}
	out_end(&o);
	meter_subscriptions_free(subscriptions);
	return exit_code;
}

static void print_closing(const meter_closing *closing, enum format format)
{
	static const struct column columns[] = {
		{"number", COLUMN_TEXT}, {"kind", COLUMN_TEXT},     {"subscription", COLUMN_TEXT}, {"from", COLUMN_TEXT},
		{"to", COLUMN_TEXT},     {"currency", COLUMN_TEXT}, {"total", COLUMN_DECIMAL},     {"due", COLUMN_DECIMAL},
	};
	struct out o;

	out_begin(&o, format, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < meter_closing_count(closing); i++) {
		if (!meter_closing_number(closing, i))
			continue;
		out_text(&o, meter_closing_number(closing, i));
		out_text(&o, meter_closing_kind(closing, i));
		out_text(&o, meter_closing_subscription(closing, i));
		out_time(&o, meter_closing_from_us(closing, i));
		out_time(&o, meter_closing_to_us(closing, i));
		out_text(&o, meter_closing_currency(closing, i));
		out_text(&o, meter_closing_total(closing, i));
		out_text(&o, meter_closing_due(closing, i));
	}
	out_end(&o);
	for (size_t i = 0; i < meter_closing_count(closing); i++) {
		if (!meter_closing_number(closing, i))
			cli_message("%s: %s", meter_closing_subscription(closing, i), meter_closing_message(closing, i));
	}
}

/* What is due, or a period of all subscriptions. What was issued before a failure, or Ctrl-C, is told, too. */
static int close_all(meter *m, const struct request *r, enum format format)
{
	meter_closing_options options = METER_CLOSING_OPTIONS_INIT;
	meter_closing *closing;
	struct progress progress;

	progress_begin(&progress, "subscriptions");
	progress_catch_interrupt();
	options.period = r->period;
	options.reason = r->reason;
	options.at_us = r->at_us;
	options.progress = progress_show;
	options.user = &progress;
	int result = meter_closing_run(&closing, m, &options);
	progress_clear(&progress);
	int exit_code = result == METER_OK ? EXIT_DONE : cli_call_error(r->verb, result);
	if (result == METER_OK || meter_closing_count(closing) > 0)
		print_closing(closing, format);
	if (exit_code == EXIT_DONE && meter_closing_refused(closing))
		exit_code = EXIT_FINDINGS;
	meter_closing_free(closing);
	return exit_code;
}

static int run(const struct arguments *arguments)
{
	typedef int (*doer)(meter * m, const struct request *r, enum format format);
	static const doer actions[ACTION_COUNT] = {
		[SHOW] = show,     [PREVIEW] = preview, [FINALIZE] = finalize, [VOID] = void_it, [REGENERATE] = regenerate,
		[ADJUST] = adjust, [DIFF] = diff,       [DUE] = close_all,     [LIST] = list,
	};
	struct request request = {.action = SHOW};
	int exit_code = read_request(&request, arguments);

	if (exit_code != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	doer act = actions[request.action];
	if (request.is_all)
		act = request.action == FINALIZE ? close_all : show_all;
	return cli_close(m, act(m, &request, arguments->format));
}

static const struct option options[] = {
	{"period", "PERIOD", "2026-01, 2026-01-15, 2026-W03, 2026-Q1, 2026; default: the first one that is not finalized", false},
	{"preview", NULL, "as it would be now, also when it is finalized", false},
	{"finalize", NULL, "store it with a number, for ever", false},
	{"due", NULL, "finalize everything that is over with its grace, of all subscriptions", false},
	{"all", NULL, "that period of all subscriptions which have it; with --finalize or --preview, too", false},
	{"void", NULL, "take it back: its period is open again, and --due bills it anew", false},
	{"regenerate", NULL, "void it and finalize it anew; prints what differs", false},
	{"diff", NULL, "what would differ if it were rated now", false},
	{"adjust", NULL, "issue what is to be adjusted of earlier periods now", false},
	{"list", NULL, "the documents that were issued, of one subscription or all, voided ones too", false},
	{"reason", "TEXT", "why it is voided, regenerated, or finalized before its period and grace are over", false},
	{"at", "T", "what counts as now for what is issued: not ahead of the clock, nor before the last document", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_invoice = {
	.name = "invoice",
	.operands = "[SUBSCRIPTION|NUMBER]",
	.summary = "rate a subscription's usage of a period; finalize, void and adjust invoices",
	.details = "On every line amount = quantity x price / per, rounded once; exact is the amount before rounding. Without "
		   "any of the\n"
		   "options that store something, a period that is not finalized is shown as a draft, and nothing is stored.\n"
		   "CSV and JSON Lines have one row per line, JSON the whole invoice.\n"
		   "Exit 3 when a line is suspended (usage that the plan has no price for), when --due or --all had to leave one "
		   "out, and\n"
		   "when --diff found something.\n"
		   "\n"
		   "  meter invoice acme --period 2026-01\n"
		   "  meter invoice acme --period 2026-01 --finalize\n"
		   "  meter invoice --due\n"
		   "  meter invoice INV-000017 --regenerate --reason \"price was wrong\"\n",
	.options = options,
	.operand_min = 0,
	.operand_max = 1,
	.run = run,
};
