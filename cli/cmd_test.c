/* cmd_test.c - meter test: run pricing scenarios and show what differs. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of all files. */
struct tally {
	size_t passed, failed;
};

static void print_text(const meter_scenarios *scenarios, const char *file)
{
	struct text t = {0};

	for (size_t i = 0; i < meter_scenarios_count(scenarios); i++) {
		const char *report = meter_scenarios_report(scenarios, i);
		text_add_string(&t, report[0] ? "FAILED " : "ok     ");
		text_add_visible(&t, file, strlen(file));
		text_add_string(&t, ": ");
		text_add_visible(&t, meter_scenarios_name(scenarios, i), strlen(meter_scenarios_name(scenarios, i)));
		text_add_string(&t, "\n");
		text_add_string(&t, report);
	}
	out_write(t.data, t.size);
	text_free(&t);
}

static void print_rows(struct out *o, const meter_scenarios *scenarios, const char *file)
{
	for (size_t i = 0; i < meter_scenarios_count(scenarios); i++) {
		out_text(o, file);
		out_text(o, meter_scenarios_name(scenarios, i));
		out_text(o, meter_scenarios_report(scenarios, i)[0] ? "failed" : "passed");
		out_text(o, meter_scenarios_report(scenarios, i));
	}
}

static int run_files(const struct arguments *arguments, const char *folder, struct out *o, struct tally *tally)
{
	for (size_t i = 0; i < arguments->operand_count; i++) {
		meter_scenarios *scenarios;
		const char *file = arguments->operands[i];
		int result = meter_scenarios_run(&scenarios, file, folder);
		if (result != METER_OK)
			return cli_library_error(result);
		if (o)
			print_rows(o, scenarios, file);
		else
			print_text(scenarios, file);
		tally->failed += meter_scenarios_failed(scenarios);
		tally->passed += meter_scenarios_count(scenarios) - meter_scenarios_failed(scenarios);
		meter_scenarios_free(scenarios);
	}
	return tally->failed ? EXIT_FINDINGS : EXIT_DONE;
}

static int run(const struct arguments *arguments)
{
	static const struct column columns[] = {
		{"file", COLUMN_TEXT}, {"scenario", COLUMN_TEXT}, {"result", COLUMN_TEXT}, {"report", COLUMN_TEXT}};
	char folder[1000];
	const char *base = getenv("TMPDIR");
	struct tally tally = {0};
	struct out o;

	snprintf(folder, sizeof(folder), "%s/meter-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(folder)) {
		cli_message("%s: %s", folder, strerror(errno));
		return EXIT_FAILED;
	}
	bool is_text = arguments->format == FORMAT_TABLE;
	if (!is_text)
		out_begin(&o, arguments->format, columns, sizeof(columns) / sizeof(columns[0]));
	int exit_code = run_files(arguments, folder, is_text ? NULL : &o, &tally);
	if (!is_text)
		out_end(&o);
	rmdir(folder);
	if (exit_code != EXIT_FAILED)
		cli_message("%zu passed, %zu failed", tally.passed, tally.failed);
	return exit_code;
}

const struct verb verb_test = {
	.name = "test",
	.operands = "FILE...",
	.summary = "run pricing scenarios: what a catalog must charge",
	.details = "A FILE is YAML. It names a catalog beside it and lists scenarios, each with usage or with events:\n"
		   "\n"
		   "  catalog: api.yaml\n"
		   "  scenarios:\n"
		   "    - name: the second tier\n"
		   "      plan: api\n"
		   "      at: 2026-01-15T00:00:00Z\n"
		   "      usage: [{meter: calls, quantity: 1500, dimensions: {region: eu}}]\n"
		   "      expect:\n"
		   "        total: \"12.50\"\n"
		   "        lines: [{charge: calls, quantity: \"1000\", amount: \"10.00\"}, {charge: calls, amount: \"2.50\"}]\n"
		   "    - name: an upgrade in mid-month\n"
		   "      subscription: acme\n"
		   "      period: 2026-01\n"
		   "      events: [{type: call, timestamp: 2026-01-15T00:00:00Z, properties: {region: eu}}]\n"
		   "      expect: {total: \"7.00\"}\n"
		   "\n"
		   "events_file names a file of events, one JSON object a line. expect may have subtotal, tax, total, due, "
		   "suspended,\n"
		   "lines (as many as there are; of each charge, kind, description, quantity, price, per, amount), or error: a "
		   "part of\n"
		   "the message. Values are compared as meter quote --json prints them; what is not mentioned may be anything.\n"
		   "Exit 3 when a scenario failed.\n",
	.operand_min = 1,
	.operand_max = 1000,
	.has_no_database = true,
	.run = run,
};
