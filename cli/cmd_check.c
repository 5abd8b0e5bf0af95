/* cmd_check.c - meter check: is a catalog right, without a database. */
#include "cli.h"

#define CATALOG_SIZE_MAX ((size_t)16 << 20) /* what the library takes; no more is held in memory */

int cmd_catalog_read(meter_catalog **out, struct text *text_out, const char *name)
{
	*out = NULL;
	if (input_read_all(text_out, name, CATALOG_SIZE_MAX) != EXIT_DONE)
		return EXIT_FAILED;
	int result = meter_catalog_read(out, name, text_out->data ? text_out->data : "", text_out->size);
	return result == METER_OK ? EXIT_DONE : cli_library_error(result);
}

int cmd_catalog_warn(const meter_catalog *catalog, const char *name)
{
	meter_warnings *warnings;
	int result = meter_catalog_warnings(&warnings, catalog);

	if (result != METER_OK)
		return cli_library_error(result);
	size_t count = meter_warnings_count(warnings);
	for (size_t i = 0; i < count; i++)
		cli_message("%s: warning: %s", name, meter_warnings_text(warnings, i));
	meter_warnings_free(warnings);
	return count ? EXIT_FINDINGS : EXIT_DONE;
}

void cmd_catalog_describe(struct text *out, const meter_catalog *catalog)
{
	const size_t counts[] = {meter_catalog_meter_count(catalog), meter_catalog_plan_count(catalog),
	                         meter_catalog_subscription_count(catalog)};
	static const char *const names[] = {"meter", "plan", "subscription"};

	for (size_t i = 0; i < 3; i++)
		text_format(out, "%s%zu %s%s", i ? ", " : "", counts[i], names[i], counts[i] == 1 ? "" : "s");
}

static void print(const meter_catalog *catalog, enum format format)
{
	static const struct column columns[] = {
		{"meters", COLUMN_NUMBER},
		{"plans", COLUMN_NUMBER},
		{"subscriptions", COLUMN_NUMBER},
	};
	struct text line = {0};
	struct out o;

	if (format == FORMAT_TABLE) {
		text_add_string(&line, "ok: ");
		cmd_catalog_describe(&line, catalog);
		text_add_string(&line, "\n");
		out_write(line.data, line.size);
		text_free(&line);
		return;
	}
	out_begin_record(&o, format, columns, 3);
	out_integer(&o, (int64_t)meter_catalog_meter_count(catalog));
	out_integer(&o, (int64_t)meter_catalog_plan_count(catalog));
	out_integer(&o, (int64_t)meter_catalog_subscription_count(catalog));
	out_end(&o);
}

static int run(const struct arguments *arguments)
{
	meter_catalog *catalog;
	struct text text;
	int exit_code = cmd_catalog_read(&catalog, &text, arguments->operands[0]);

	if (exit_code == EXIT_DONE)
		print(catalog, arguments->format);
	if (exit_code == EXIT_DONE)
		exit_code = cmd_catalog_warn(catalog, arguments->operands[0]);
	meter_catalog_free(catalog);
	text_free(&text);
	return exit_code;
}

const struct verb verb_check = {
	.name = "check",
	.operands = "CATALOG.yaml",
	.summary = "check a catalog without a database",
	.details = "Prints ok, or the first error as file:line:column: what was expected. CATALOG.yaml may be \"-\" for stdin.\n"
		   "Warns, and ends with 3, where a catalog is right and probably not meant: a rate that is never used, a price "
		   "1,000\n"
		   "times or more away from its siblings or from the version before, a subscription before its plan's first "
		   "version.\n"
		   "meter help catalog describes the language.\n"
		   "\n"
		   "  meter check catalog.yaml\n",
	.operand_min = 1,
	.operand_max = 1,
	.has_no_database = true,
	.run = run,
};
