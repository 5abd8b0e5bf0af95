/* cmd_quote.c - meter quote: the invoice for given usage, without a database. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct quote {
	const struct verb *verb;
	const struct arguments *arguments;
	meter_quantity *usage;
	size_t usage_count;
	/* Per usage: the text it was cut out of, and its dimensions. */
	char **texts;
	meter_property **dimensions;
};

static int usage_error(const struct quote *q, const char *text)
{
	return cli_usage_error(q->verb, "--usage: \"%s\" is not METER=QUANTITY or METER{dimension=value,...}=QUANTITY", text);
}

/* Cuts "name=value,name=value" up. false: something is missing. */
static bool read_dimensions(char *text, meter_property *dimensions, size_t *count_out)
{
	size_t count = 0;

	while (*text) {
		char *value = strchr(text, '=');
		char *end = text + strcspn(text, ",");
		bool is_last = !*end;
		if (!value || value == text || value > end)
			return false;
		*value++ = '\0';
		*end = '\0';
		dimensions[count++] = (meter_property){text, value, METER_NUL_TERMINATED, METER_NUL_TERMINATED};
		if (is_last)
			break;
		text = end + 1;
		if (!*text)
			return false;
	}
	*count_out = count;
	return true;
}

static int read_usage(struct quote *q, const char *given)
{
	size_t size = strlen(given) + 1;
	char *text = cli_allocate(NULL, size, 1);
	meter_property *dimensions = cli_allocate(NULL, size, sizeof(*dimensions));
	size_t dimension_count = 0;

	memcpy(text, given, size);
	q->texts[q->usage_count] = text;
	q->dimensions[q->usage_count] = dimensions;
	char *name_end = text + strcspn(text, "{=");
	char *quantity = name_end;
	if (*name_end == '{') {
		quantity = strstr(name_end, "}=");
		if (!quantity) {
			q->usage_count++;
			return usage_error(q, given);
		}
		*quantity++ = '\0';
	}
	bool is_complete = *quantity == '=' && quantity[1] && name_end > text;
	if (is_complete && *name_end == '{')
		is_complete = read_dimensions(name_end + 1, dimensions, &dimension_count);
	q->usage[q->usage_count++] = (meter_quantity){text, quantity + 1, dimensions, dimension_count};
	*name_end = '\0';
	return is_complete ? EXIT_DONE : usage_error(q, given);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int read_arguments(struct quote *q, int64_t *at_us_out)
{
	size_t index = 0;
	int exit_code = EXIT_DONE;
	const char *text;

	if (!opt_value(q->arguments, "plan"))
		return cli_usage_error(q->verb, "quote needs --plan");
	while (exit_code == EXIT_DONE && (text = opt_next(q->arguments, "usage", &index)))
		exit_code = read_usage(q, text);
	if (exit_code != EXIT_DONE)
		return exit_code;
	*at_us_out = now_us();
	return opt_time(at_us_out, q->arguments, "at");
}

static int quote(struct quote *q)
{
	meter_catalog *catalog;
	meter_invoice *invoice;
	struct text text;
	int64_t at_us;
	int exit_code = read_arguments(q, &at_us);

	if (exit_code != EXIT_DONE)
		return exit_code;
	exit_code = cmd_catalog_read(&catalog, &text, q->arguments->operands[0]);
	if (exit_code == EXIT_DONE) {
		int result =
			meter_invoice_quote(&invoice, catalog, opt_value(q->arguments, "plan"), q->usage, q->usage_count, at_us);
		exit_code =
			result == METER_OK ? cmd_invoice_print(invoice, q->arguments->format) : cli_call_error(q->verb, result);
		meter_invoice_free(invoice);
	}
	meter_catalog_free(catalog);
	text_free(&text);
	return exit_code;
}

static int run(const struct arguments *arguments)
{
	struct quote q = {.verb = arguments->verb, .arguments = arguments};

	q.usage = cli_allocate(NULL, arguments->value_count, sizeof(*q.usage));
	q.texts = cli_allocate(NULL, arguments->value_count, sizeof(*q.texts));
	q.dimensions = cli_allocate(NULL, arguments->value_count, sizeof(*q.dimensions));
	int exit_code = quote(&q);
	for (size_t i = 0; i < q.usage_count; i++) {
		free(q.texts[i]);
		free(q.dimensions[i]);
	}
	free(q.usage);
	free(q.texts);
	free(q.dimensions);
	return exit_code;
}

static const struct option options[] = {
	{"plan", "KEY", "the plan to rate under", false},
	{"usage", "METER=QUANTITY", "how much was used, also 'METER{dimension=value,...}=QUANTITY'; may be repeated", true},
	{"at", "T", "rate the plan's period (UTC) of this time: RFC 3339 or a date; default now", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_quote = {
	.name = "quote",
	.operands = "CATALOG.yaml",
	.summary = "rate given usage under a plan, without a database",
	.details = "Prints what meter invoice prints. CATALOG.yaml may be \"-\" for stdin.\n"
		   "Exit 3 when a line is suspended: usage without a rate, which has no amount; it is named on stderr.\n"
		   "\n"
		   "  meter quote catalog.yaml --plan api-pro --usage calls=1234567 --usage "
		   "'tokens{model=large-1,kind=input}=8000000'\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.has_no_database = true,
	.run = run,
};
