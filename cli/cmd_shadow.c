/* cmd_shadow.c - meter shadow: what subscriptions would have paid under another catalog. */
#include "cli.h"

#include <string.h>

static const struct column columns[] = {
	{"period", COLUMN_TEXT}, {"subscription", COLUMN_TEXT}, {"charge", COLUMN_TEXT},        {"currency", COLUMN_TEXT},
	{"old", COLUMN_DECIMAL}, {"new", COLUMN_DECIMAL},       {"difference", COLUMN_DECIMAL},
};

static bool is_zero(const char *amount)
{
	return amount[strspn(amount, "-0.")] == '\0';
}

/* Rows that differ, or all of them. */
static void print_rows(struct out *o, const meter_shadow *s, const char *period, bool all)
{
	for (size_t i = 0; i < meter_shadow_count(s); i++) {
		if (!all && is_zero(meter_shadow_difference(s, i)))
			continue;
		out_text(o, period);
		out_text(o, meter_shadow_subscription(s, i));
		out_text(o, meter_shadow_is_total(s, i) ? "total" : meter_shadow_charge(s, i));
		out_text(o, meter_shadow_currency(s, i));
		out_text(o, meter_shadow_old(s, i));
		out_text(o, meter_shadow_new(s, i));
		out_text(o, meter_shadow_difference(s, i));
	}
}

static int run_periods(const struct arguments *arguments, meter *m, const meter_catalog *catalog, size_t *exceeded)
{
	struct out o;
	int result = METER_OK;
	bool all = opt_value(arguments, "all") != NULL;
	size_t next = 0;
	const char *period;

	out_begin(&o, arguments->format, columns, sizeof(columns) / sizeof(columns[0]));
	while (result == METER_OK && (period = opt_next(arguments, "period", &next)) != NULL) {
		meter_shadow *s;
		result = meter_shadow_run(&s, m, catalog, period, opt_value(arguments, "tolerance"));
		if (result != METER_OK)
			break;
		print_rows(&o, s, period, all);
		*exceeded += meter_shadow_exceeded(s);
		meter_shadow_free(s);
	}
	out_end(&o);
	return result;
}

static int run(const struct arguments *arguments)
{
	meter_catalog *catalog;
	struct text text;
	size_t exceeded = 0;

	if (!opt_value(arguments, "period"))
		return cli_usage_error(arguments->verb, "shadow needs --period, such as --period 2026-01");
	int exit_code = cmd_catalog_read(&catalog, &text, arguments->operands[0]);
	text_free(&text);
	if (exit_code != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m) {
		meter_catalog_free(catalog);
		return EXIT_FAILED;
	}
	int result = run_periods(arguments, m, catalog, &exceeded);
	if (result != METER_OK)
		exit_code = cli_library_error(result);
	else if (exceeded)
		exit_code = EXIT_FINDINGS;
	meter_catalog_free(catalog);
	return cli_close(m, exit_code);
}

static const struct option options[] = {
	{"period", "PERIOD", "a month in UTC, such as 2026-01; may be given several times", true},
	{"tolerance", "AMOUNT", "how far the total of a subscription may differ (default 0)", false},
	{"all", NULL, "show charges that do not differ, too", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_shadow = {
	.name = "shadow",
	.operands = "CATALOG.yaml",
	.summary = "rate history under another catalog and show what would differ",
	.details = "Rates the stored usage of each subscription under the catalog in force and under CATALOG.yaml, and shows the "
		   "charges\n"
		   "and totals that differ. Lines of a whole plan and tax have no charge. Nothing is stored.\n"
		   "Exit 3 when the total of a subscription differs by more than the tolerance.\n"
		   "\n"
		   "  meter shadow next-year.yaml --period 2026-01 --period 2026-02 --tolerance 5.00\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
