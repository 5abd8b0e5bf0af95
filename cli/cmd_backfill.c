/* cmd_backfill.c - meter backfill: events that came in bulk under a name, listed and taken back. */
#include "cli.h"

#include <string.h>

static const struct column columns[] = {
	{"name", COLUMN_TEXT},  {"events", COLUMN_NUMBER}, {"retracted", COLUMN_NUMBER},
	{"first", COLUMN_TEXT}, {"last", COLUMN_TEXT},
};

static int list(const struct arguments *arguments, meter *m)
{
	meter_backfills *backfills;
	struct out o;
	int result = meter_backfills_query(&backfills, m);

	if (result != METER_OK)
		return cli_library_error(result);
	out_begin(&o, arguments->format, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < meter_backfills_count(backfills); i++) {
		out_text(&o, meter_backfills_name(backfills, i));
		out_integer(&o, meter_backfills_events(backfills, i));
		out_integer(&o, meter_backfills_retracted(backfills, i));
		out_time(&o, meter_backfills_first_us(backfills, i));
		out_time(&o, meter_backfills_last_us(backfills, i));
	}
	out_end(&o);
	meter_backfills_free(backfills);
	return EXIT_DONE;
}

static int retract(const struct arguments *arguments, meter *m)
{
	static const struct column counted[] = {{"retracted", COLUMN_NUMBER}};
	struct progress progress;
	struct out o;
	int64_t events;

	progress_begin(&progress, "events");
	int result = meter_backfill_retract(m, arguments->operands[1], opt_value(arguments, "reason"), progress_show, &progress,
	                                    &events);
	progress_clear(&progress);
	if (result != METER_OK)
		return cli_call_error(arguments->verb, result);
	out_begin_record(&o, arguments->format, counted, 1);
	out_integer(&o, events);
	out_end(&o);
	return EXIT_DONE;
}

static int run(const struct arguments *arguments)
{
	const bool is_list = !strcmp(arguments->operands[0], "list");

	if (!is_list && strcmp(arguments->operands[0], "retract") != 0)
		return cli_usage_error(arguments->verb, "\"%s\" is neither list nor retract", arguments->operands[0]);
	if (arguments->operand_count != (is_list ? 1u : 2u))
		return cli_usage_error(arguments->verb,
		                       is_list ? "list takes no name" : "retract needs the name of one backfill");
	if (is_list && opt_value(arguments, "reason"))
		return cli_usage_error(arguments->verb, "--reason is not for list");
	if (!is_list && !opt_value(arguments, "reason"))
		return cli_usage_error(arguments->verb, "retract needs --reason");
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	return cli_close(m, is_list ? list(arguments, m) : retract(arguments, m));
}

static const struct option options[] = {
	{"reason", "TEXT", "why it is taken back; kept with each event", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_backfill = {
	.name = "backfill",
	.operands = "list | retract NAME",
	.summary = "list what was replayed under a name, or take it back whole",
	.details = "Events that are taken back stay in the file and count nowhere; where they are on a finalized invoice, the "
		   "difference\n"
		   "becomes an adjustment. Events that were there before the backfill are not touched. Their keys stay taken: "
                   "what is\n"
		   "replayed in their place needs ids of its own.\n"
		   "\n"
		   "  meter replay --backfill march-gateway-2 old.jsonl\n"
		   "  meter backfill retract march-gateway-2 --reason \"wrong file\"\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 2,
	.run = run,
};
