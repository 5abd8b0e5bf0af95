/*
 * cmd_accept_loss.c - meter accept-loss: go on with a database that went backwards.
 *
 * It is opened without the flag first: only what is refused as METER_EBACKWARDS has a loss to accept, and its message is what
 * people need to read.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const struct option options[] = {
	{"reason", "TEXT", "why; kept in the database, in table audit", false},
	{NULL, NULL, NULL, false},
};

static int open_with(meter **out, const struct arguments *arguments, const char *reason)
{
	meter_options open_options = METER_OPTIONS_INIT;

	open_options.flags = METER_OPEN_EXISTING | METER_OPEN_WITHOUT_SPOOL;
	if (reason) {
		open_options.flags |= METER_OPEN_ACCEPT_LOSS;
		open_options.loss_reason = reason;
	}
	return meter_open(out, arguments->database, &open_options);
}

static void print(const char *loss, const char *reason, enum format format)
{
	static const struct column columns[] = {{"accepted", COLUMN_TEXT}, {"reason", COLUMN_TEXT}};
	struct out o;

	out_begin_record(&o, format, columns, 2);
	out_text(&o, loss);
	out_text(&o, reason);
	out_end(&o);
}

static int accept(const struct arguments *arguments, const char *loss, const char *reason)
{
	meter *m;
	int result = open_with(&m, arguments, reason);

	if (result != METER_OK)
		return cli_call_error(arguments->verb, result);
	print(loss, reason, arguments->format);
	return cli_close(m, EXIT_DONE);
}

static int run(const struct arguments *arguments)
{
	const char *reason = opt_value(arguments, "reason");
	meter *m;

	if (!reason)
		return cli_usage_error(arguments->verb, "accept-loss needs --reason TEXT");
	int result = open_with(&m, arguments, NULL);
	if (result == METER_OK) {
		cli_message("%s did not go backwards: there is nothing to accept", arguments->database);
		return cli_close(m, EXIT_FAILED);
	}
	if (result != METER_EBACKWARDS)
		return cli_library_error(result);
	char *loss = strdup(meter_errmsg()); /* the next call may change it */
	int exit_code = accept(arguments, loss, reason);
	free(loss);
	return exit_code;
}

const struct verb verb_accept_loss = {
	.name = "accept-loss",
	.operands = "",
	.summary = "go on with a database that went backwards",
	.details = "A database that holds less than it did (a backup was put in its place, its WAL was lost or damaged) is "
		   "refused by every\n"
		   "verb. If nothing better can be had, this takes it as it is. What was lost and why is kept: SELECT * FROM "
		   "audit.\n"
		   "Events recorded since then are lost; sending them again is harmless.\n"
		   "\n"
		   "  meter accept-loss --reason 'disk broken, backup of monday'\n",
	.options = options,
	.run = run,
};
