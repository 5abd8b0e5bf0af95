/* retry.c - meter quarantine retry: --map becomes rules of the library, and what is refused again is named on stderr. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 1000 /* one line each; what follows is only counted */

/* Cuts "FIELD=SOURCE" in two. */
static int read_entry(struct retry_rules *rules, const struct verb *verb, char *entry)
{
	char *separator = strchr(entry, '=');

	if (!separator)
		return cli_usage_error(verb, "--map: \"%s\" is not FIELD=NAME, FIELD=:CONSTANT or FIELD=#number", entry);
	*separator = '\0';
	rules->all = cli_allocate(rules->all, rules->count + 1, sizeof(*rules->all));
	rules->all[rules->count++] = (meter_retry_rule){.field = entry, .source = separator + 1};
	return EXIT_DONE;
}

static int read_list(struct retry_rules *rules, const struct verb *verb, const char *list)
{
	size_t size = strlen(list) + 1;
	char *text = cli_allocate(NULL, size, 1);
	int exit_code = EXIT_DONE;

	memcpy(text, list, size);
	rules->texts = cli_allocate(rules->texts, rules->text_count + 1, sizeof(*rules->texts));
	rules->texts[rules->text_count++] = text;
	while (exit_code == EXIT_DONE && text) {
		char *next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		exit_code = read_entry(rules, verb, text);
		text = next;
	}
	return exit_code;
}

int retry_read(struct retry_rules *rules, const struct arguments *arguments)
{
	size_t index = 0;
	const char *list;
	int exit_code = opt_time_format(&rules->time_format, arguments);

	while (exit_code == EXIT_DONE && (list = opt_next(arguments, "map", &index)))
		exit_code = read_list(rules, arguments->verb, list);
	return exit_code;
}

void retry_free(struct retry_rules *rules)
{
	for (size_t i = 0; i < rules->text_count; i++)
		free(rules->texts[i]);
	free(rules->texts);
	free(rules->all);
}

/* What came of single entries. */
struct outcomes {
	int64_t message_count; /* entries that were refused again */
	int64_t late_count;
};

static int report(int64_t number, int32_t outcome, const char *reason, void *user)
{
	struct outcomes *outcomes = user;
	struct text line = {0};

	outcomes->late_count += outcome == METER_LATE;
	if (outcome != METER_CONFLICT && outcome != METER_REJECTED)
		return 0;
	if (outcomes->message_count++ >= MESSAGES_MAX)
		return 0;
	text_format(&line, "entry %lld: ", (long long)number);
	text_add_visible(&line, reason, strlen(reason));
	text_add_string(&line, "\n");
	fwrite(line.data, 1, line.size, stderr);
	text_free(&line);
	return 0;
}

static void print_result(const struct arguments *arguments, const meter_retry_result *result)
{
	static const struct column columns[] = {{"tried", COLUMN_NUMBER},
	                                        {"accepted", COLUMN_NUMBER},
	                                        {"duplicate", COLUMN_NUMBER},
	                                        {"conflict", COLUMN_NUMBER},
	                                        {"rejected", COLUMN_NUMBER}};
	struct out o;

	out_begin_record(&o, arguments->format, columns, 5);
	out_integer(&o, result->tried);
	out_integer(&o, result->accepted);
	out_integer(&o, result->duplicate);
	out_integer(&o, result->conflict);
	out_integer(&o, result->rejected);
	out_end(&o);
}

int retry_run(const struct arguments *arguments, meter *m, const meter_retry_options *options)
{
	meter_retry_result result = {.struct_size = sizeof(result)};
	struct outcomes outcomes = {0};
	int code = meter_quarantine_retry(m, options, &result, report, &outcomes);

	if (code == METER_EINVAL)
		return cli_usage_error(arguments->verb, "--map: %s", meter_errmsg()); /* all else was checked here */
	int exit_code = code == METER_OK ? EXIT_DONE : cli_library_error(code);
	if (outcomes.message_count > MESSAGES_MAX)
		fprintf(stderr, "... and %lld more\n", (long long)(outcomes.message_count - MESSAGES_MAX));
	if (code == METER_ENOTFOUND)
		return exit_code;
	print_result(arguments, &result);
	if (outcomes.late_count)
		cli_message("%lld of those accepted %s late: the period is billed, and what differs becomes an adjustment",
		            (long long)outcomes.late_count, outcomes.late_count == 1 ? "is" : "are");
	return exit_code == EXIT_DONE && (result.conflict || result.rejected) ? EXIT_FINDINGS : exit_code;
}
