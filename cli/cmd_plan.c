/* cmd_plan.c - meter plan import: the prices of another product as a catalog. */
#include "cli.h"

#include <string.h>

#define DOCUMENT_SIZE_MAX ((size_t)4 << 20) /* what the library takes; no more is held in memory */

static int import(const char *from, const char *name)
{
	struct text document;
	char *catalog;

	if (input_read_all(&document, name, DOCUMENT_SIZE_MAX) != EXIT_DONE)
		return EXIT_FAILED;
	int result = meter_plan_import(&catalog, from, name, document.data ? document.data : "", document.size);
	int exit_code = result == METER_OK ? EXIT_DONE : cli_library_error(result);
	if (catalog)
		out_write(catalog, strlen(catalog));
	meter_text_free(catalog);
	text_free(&document);
	return exit_code;
}

static int run(const struct arguments *arguments)
{
	static const char *const vendors[] = {"stripe", "openmeter", "lago"};
	const char *from = opt_value(arguments, "from");

	if (strcmp(arguments->operands[0], "import"))
		return cli_usage_error(arguments->verb, "\"%s\" is not import", arguments->operands[0]);
	if (!from)
		return cli_usage_error(arguments->verb, "plan import needs --from");
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++) {
		if (!strcmp(vendors[i], from))
			return import(from, arguments->operands[1]);
	}
	return cli_usage_error(arguments->verb, "--from: \"%s\" is none of stripe, openmeter, lago", from);
}

static const struct option options[] = {
	{"from", "VENDOR", "whose document it is: stripe, openmeter or lago", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_plan = {
	.name = "plan",
	.operands = "import FILE",
	.summary = "make a catalog of the prices of another product",
	.details =
		"Prints a catalog, which meter check takes, from JSON or YAML; FILE may be \"-\" for stdin. What does not carry "
		"over\n"
		"with exactly its meaning is refused as file:line:column: what it is. Fields that only describe are left out.\n"
		"\n"
		"  stripe     a Price, or a list of Prices and billing Meters; one plan a currency\n"
		"  openmeter  a plan with its \"meters\" (and \"features\") beside it, or meters alone\n"
		"  lago       a plan with its \"billable_metrics\" beside it\n"
		"\n"
		"  meter plan import --from stripe prices.json >catalog.yaml\n",
	.options = options,
	.operand_min = 2,
	.operand_max = 2,
	.has_no_database = true,
	.has_no_format = true,
	.run = run,
};
