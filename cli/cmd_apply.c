/* cmd_apply.c - meter apply: put a catalog in force. */
#include "cli.h"

static void print(const meter_catalog *catalog, int64_t version, enum format format)
{
	static const struct column columns[] = {
		{"version", COLUMN_NUMBER},
		{"meters", COLUMN_NUMBER},
		{"plans", COLUMN_NUMBER},
		{"subscriptions", COLUMN_NUMBER},
	};
	struct text line = {0};
	struct out o;

	if (format == FORMAT_TABLE) {
		text_format(&line, "catalog version %lld in force: ", (long long)version);
		cmd_catalog_describe(&line, catalog);
		text_add_string(&line, "\n");
		out_write(line.data, line.size);
		text_free(&line);
		return;
	}
	out_begin_record(&o, format, columns, 4);
	out_integer(&o, version);
	out_integer(&o, (int64_t)meter_catalog_meter_count(catalog));
	out_integer(&o, (int64_t)meter_catalog_plan_count(catalog));
	out_integer(&o, (int64_t)meter_catalog_subscription_count(catalog));
	out_end(&o);
}

static int apply(const struct arguments *arguments, const meter_catalog *catalog, const struct text *text)
{
	struct progress progress;
	int64_t version;
	meter *m = cli_open(arguments, 0);

	if (!m)
		return EXIT_FAILED;
	progress_begin(&progress, "events");
	int result = meter_catalog_apply(m, arguments->operands[0], text->data, text->size, progress_show, &progress, &version);
	progress_clear(&progress);
	if (result != METER_OK)
		return cli_close(m, cli_library_error(result));
	print(catalog, version, arguments->format);
	/* They keep no catalog from being applied: the exit code is that of applying it. */
	int exit_code = cmd_catalog_warn(catalog, arguments->operands[0]);
	return cli_close(m, exit_code == EXIT_FINDINGS ? EXIT_DONE : exit_code);
}

static int run(const struct arguments *arguments)
{
	meter_catalog *catalog;
	struct text text;
	/* A catalog that is wrong must not leave an empty database behind. */
	int exit_code = cmd_catalog_read(&catalog, &text, arguments->operands[0]);

	if (exit_code == EXIT_DONE)
		exit_code = apply(arguments, catalog, &text);
	meter_catalog_free(catalog);
	text_free(&text);
	return exit_code;
}

const struct verb verb_apply = {
	.name = "apply",
	.operands = "CATALOG.yaml",
	.summary = "check a catalog and put it in force",
	.details = "The catalog is stored whole as a new version, or refused whole at its first error. Meters that are new count "
		   "the\n"
		   "events already stored. Applying the catalog in force changes nothing. CATALOG.yaml may be \"-\" for stdin.\n"
		   "What meter check warns of is told here, too, and keeps no catalog from coming into force.\n"
		   "\n"
		   "  meter apply catalog.yaml\n",
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
