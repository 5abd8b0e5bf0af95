/* cmd_quarantine.c - meter quarantine: what was refused, and why. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
	{"number", COLUMN_NUMBER}, {"outcome", COLUMN_TEXT}, {"reason", COLUMN_TEXT},
	{"times", COLUMN_NUMBER},  {"first", COLUMN_TEXT},   {"text", COLUMN_TEXT},
};
#define LIST_COLUMN_COUNT 5 /* all but the text, which may be long */
#define SHOW_COLUMN_COUNT 6

static void print_row(struct out *o, const meter_quarantine *quarantine)
{
	out_integer(o, meter_quarantine_number(quarantine));
	out_text(o, meter_outcome_name(meter_quarantine_outcome(quarantine)));
	out_text(o, meter_quarantine_reason(quarantine));
	out_integer(o, meter_quarantine_times(quarantine));
	out_time(o, meter_quarantine_first_us(quarantine));
}

static int print_list(meter_quarantine *quarantine, enum format format)
{
	struct out o;
	int result;

	out_begin(&o, format, columns, LIST_COLUMN_COUNT);
	while ((result = meter_quarantine_next(quarantine)) == METER_OK && !out_is_broken())
		print_row(&o, quarantine);
	out_end(&o);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int print_entry(meter_quarantine *quarantine, enum format format)
{
	struct out o;
	size_t size;
	int result = meter_quarantine_next(quarantine);

	if (result != METER_OK)
		return cli_library_error(result);
	out_begin_record(&o, format, columns, SHOW_COLUMN_COUNT);
	print_row(&o, quarantine);
	const char *text = meter_quarantine_text(quarantine, &size);
	out_text_sized(&o, text, size);
	out_end(&o);
	return EXIT_DONE;
}

static int read_outcome(int32_t *out, const struct arguments *arguments)
{
	const char *name = opt_value(arguments, "outcome");

	*out = 0;
	if (!name)
		return EXIT_DONE;
	if (!strcmp(name, meter_outcome_name(METER_CONFLICT)))
		*out = METER_CONFLICT;
	else if (!strcmp(name, meter_outcome_name(METER_REJECTED)))
		*out = METER_REJECTED;
	else
		return cli_usage_error(arguments->verb, "--outcome: \"%s\" is neither conflict nor rejected", name);
	return EXIT_DONE;
}

static int read_number(int64_t *out, const struct arguments *arguments, const char *text)
{
	errno = 0;
	*out = strtoll(text, NULL, 10);
	if (errno || !*text || text[strspn(text, "0123456789")] || *out < 1)
		return cli_usage_error(arguments->verb, "\"%s\" is not the number of an entry: 1 or more", text);
	return EXIT_DONE;
}

static int print(const struct arguments *arguments, int32_t outcome, int64_t number)
{
	meter_quarantine *quarantine;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);

	if (!m)
		return EXIT_FAILED;
	int result = meter_quarantine_query(&quarantine, m, outcome, number);
	if (result != METER_OK)
		return cli_close(m, cli_library_error(result));
	int exit_code = number ? print_entry(quarantine, arguments->format) : print_list(quarantine, arguments->format);
	meter_quarantine_free(quarantine);
	return cli_close(m, exit_code);
}

static int run(const struct arguments *arguments)
{
	const char *action = arguments->operands[0];
	int32_t outcome;
	int64_t number;
	int exit_code = read_outcome(&outcome, arguments);

	if (exit_code != EXIT_DONE)
		return exit_code;
	if (!strcmp(action, "list")) {
		if (arguments->operand_count > 1)
			return cli_usage_error(arguments->verb, "\"%s\" is one argument too many", arguments->operands[1]);
		return print(arguments, outcome, 0);
	}
	if (strcmp(action, "show"))
		return cli_usage_error(arguments->verb, "\"%s\" is neither list nor show", action);
	if (arguments->operand_count < 2)
		return cli_usage_error(arguments->verb, "meter quarantine show needs the number of an entry");
	if (outcome)
		return cli_usage_error(arguments->verb, "--outcome is for list");
	exit_code = read_number(&number, arguments, arguments->operands[1]);
	return exit_code == EXIT_DONE ? print(arguments, 0, number) : exit_code;
}

static const struct option options[] = {
	{"outcome", "OUTCOME", "list: only conflict or only rejected", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_quarantine = {
	.name = "quarantine",
	.operands = "list | show N",
	.summary = "show what was refused, and why",
	.details = "list shows every entry, oldest first; show N one of them with the text that was refused.\n"
		   "\n"
		   "  meter quarantine list --outcome conflict\n"
		   "  meter quarantine show 3\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 2,
	.run = run,
};
