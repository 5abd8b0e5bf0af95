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

static int failed(const struct verb *verb, int result)
{
	if (result == METER_EINVAL) /* what a period or a tolerance must be: it begins with its name */
		return cli_usage_error(verb, "--%s", meter_errmsg());
	return cli_library_error(result);
}

/* One period after the other, since each may be large. What is wrong with the first is known before anything is printed. */
static int run_periods(const struct arguments *arguments, meter *m, const meter_catalog *catalog)
{
	struct out o;
	int exit_code = EXIT_DONE;
	bool has_begun = false;
	size_t exceeded = 0;
	size_t next = 0;
	const char *period;

	while (exit_code == EXIT_DONE && (period = opt_next(arguments, "period", &next)) != NULL) {
		meter_shadow *s;
		int result = meter_shadow_run(&s, m, catalog, period, opt_value(arguments, "tolerance"));
		if (result != METER_OK) {
			exit_code = failed(arguments->verb, result);
		} else if (!meter_shadow_count(s)) {
			cli_message("no subscription has a period %s that has begun", period);
			exit_code = EXIT_FAILED;
		} else {
			if (!has_begun)
				out_begin(&o, arguments->format, columns, sizeof(columns) / sizeof(columns[0]));
			has_begun = true;
			print_rows(&o, s, period, opt_has(arguments, "all"));
		}
		exceeded += meter_shadow_exceeded(s);
		meter_shadow_free(s);
	}
	if (has_begun)
		out_end(&o);
	return exit_code == EXIT_DONE && exceeded ? EXIT_FINDINGS : exit_code;
}

static int run(const struct arguments *arguments)
{
	meter_catalog *catalog;
	struct text text;

	if (!opt_value(arguments, "period"))
		return cli_usage_error(arguments->verb, "shadow needs --period, such as --period 2026-01");
	int exit_code = cmd_catalog_read(&catalog, &text, arguments->operands[0]);
	text_free(&text);
	if (exit_code != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	exit_code = m ? cli_close(m, run_periods(arguments, m, catalog)) : EXIT_FAILED;
	meter_catalog_free(catalog);
	return exit_code;
}

static const struct option options[] = {
	{"period", "PERIOD", "2026-01, 2026-01-15, 2026-W03, 2026-Q1 or 2026, as for meter invoice; may be repeated", true},
	{"tolerance", "AMOUNT", "how far the total of a subscription may differ (default 0)", false},
	{"all", NULL, "show charges that do not differ, too", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_shadow = {
	.name = "shadow",
	.operands = "CATALOG.yaml",
	.summary = "rate history under another catalog and show what would differ",
	.details =
		"Rates the stored usage of each subscription under the catalog in force and under CATALOG.yaml, and shows the "
		"charges\n"
		"and totals that differ. Lines of a whole plan and tax have no charge. Nothing is stored. A period is one of the "
		"plan, in\n"
		"the time zone of its subscription; subscriptions without such a period are left out, and that none has it is "
		"an error.\n"
		"Exit 3 when the total of a subscription differs by more than the tolerance.\n"
		"\n"
		"  meter shadow next-year.yaml --period 2026-01 --period 2026-02 --tolerance 5.00\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
