/* cmd_quarantine.c - meter quarantine: what was refused and why, and what to do about it. Retrying is in retry.c. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct request {
	const struct arguments *arguments;
	meter_quarantine_filter filter;
	int64_t *numbers;
	size_t number_count;
	struct retry_rules rules;
};

/* ---- list, show ---- */

static const struct column columns[] = {
	{"number", COLUMN_NUMBER},  {"outcome", COLUMN_TEXT},        {"code", COLUMN_TEXT},
	{"reason", COLUMN_TEXT},    {"times", COLUMN_NUMBER},        {"first", COLUMN_TEXT},
	{"discarded", COLUMN_TEXT}, {"discard_reason", COLUMN_TEXT}, {"text", COLUMN_TEXT},
};
#define WAITING_COLUMN_COUNT 6   /* all but what a waiting entry has not, */
#define DISCARDED_COLUMN_COUNT 8 /* and the text, which may be long */
#define SHOW_COLUMN_COUNT 9

static void print_row(struct out *o, const meter_quarantine *quarantine)
{
	out_integer(o, meter_quarantine_number(quarantine));
	out_text(o, meter_outcome_name(meter_quarantine_outcome(quarantine)));
	out_text(o, meter_quarantine_code(quarantine));
	out_text(o, meter_quarantine_reason(quarantine));
	out_integer(o, meter_quarantine_times(quarantine));
	out_time(o, meter_quarantine_first_us(quarantine));
}

static void print_discard(struct out *o, const meter_quarantine *quarantine)
{
	int64_t discarded_us = meter_quarantine_discarded_us(quarantine);

	if (discarded_us == INT64_MIN) {
		out_text(o, NULL);
		out_text(o, NULL);
		return;
	}
	out_time(o, discarded_us);
	out_text(o, meter_quarantine_discard_reason(quarantine));
}

static int print_list(const struct request *r, meter_quarantine *quarantine)
{
	struct out o;
	int result;
	enum format format = r->arguments->format;
	/* In JSON what is missing is null; in a table it would be two empty columns. */
	bool has_discard = r->filter.discarded || format == FORMAT_JSON || format == FORMAT_JSONL;

	out_begin(&o, format, columns, has_discard ? DISCARDED_COLUMN_COUNT : WAITING_COLUMN_COUNT);
	while ((result = meter_quarantine_next(quarantine)) == METER_OK && !out_is_broken()) {
		print_row(&o, quarantine);
		if (has_discard)
			print_discard(&o, quarantine);
	}
	out_end(&o);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int list(const struct request *r, meter *m)
{
	meter_quarantine *quarantine;
	int result = meter_quarantine_list(&quarantine, m, &r->filter);

	if (result != METER_OK)
		return cli_library_error(result);
	int exit_code = print_list(r, quarantine);
	meter_quarantine_free(quarantine);
	return exit_code;
}

static int show(const struct request *r, meter *m)
{
	meter_quarantine *quarantine;
	struct out o;
	size_t size;
	int result = meter_quarantine_query(&quarantine, m, 0, r->numbers[0]);

	if (result == METER_OK)
		result = meter_quarantine_next(quarantine);
	if (result == METER_OK) {
		out_begin_record(&o, r->arguments->format, columns, SHOW_COLUMN_COUNT);
		print_row(&o, quarantine);
		print_discard(&o, quarantine);
		const char *text = meter_quarantine_text(quarantine, &size);
		out_text_sized(&o, text, size);
		out_end(&o);
	}
	int exit_code = result == METER_OK ? EXIT_DONE : cli_library_error(result);
	meter_quarantine_free(quarantine);
	return exit_code;
}

/* ---- reasons ---- */

static int reasons(const struct request *r, meter *m)
{
	static const struct column reason_columns[] = {
		{"outcome", COLUMN_TEXT}, {"code", COLUMN_TEXT}, {"entries", COLUMN_NUMBER}, {"times", COLUMN_NUMBER}};
	meter_reasons *found;
	struct out o;
	int result = meter_quarantine_reasons(&found, m);

	if (result != METER_OK)
		return cli_library_error(result);
	out_begin(&o, r->arguments->format, reason_columns, 4);
	for (size_t i = 0; i < meter_reasons_count(found); i++) {
		out_text(&o, meter_outcome_name(meter_reasons_outcome(found, i)));
		out_text(&o, meter_reasons_code(found, i));
		out_integer(&o, meter_reasons_entries(found, i));
		out_integer(&o, meter_reasons_times(found, i));
	}
	out_end(&o);
	meter_reasons_free(found);
	return EXIT_DONE;
}

/* ---- export ---- */

static int export_entries(const struct request *r, meter *m)
{
	meter_quarantine *quarantine;
	int64_t left = 0;
	int result = meter_quarantine_list(&quarantine, m, &r->filter);

	if (result != METER_OK)
		return cli_library_error(result);
	while ((result = meter_quarantine_next(quarantine)) == METER_OK && !out_is_broken()) {
		const char *line = meter_quarantine_json(quarantine);
		if (line) {
			out_write(line, strlen(line));
			out_write("\n", 1);
		}
		left += !line;
	}
	int exit_code = result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
	meter_quarantine_free(quarantine);
	if (!left)
		return exit_code;
	cli_message("%lld %s not exported: the text is no JSON object on one line", (long long)left,
	            left == 1 ? "entry was" : "entries were");
	return exit_code == EXIT_DONE ? EXIT_FINDINGS : exit_code;
}

/* ---- discard, retry ---- */

static int discard(const struct request *r, meter *m)
{
	static const struct column discard_columns[] = {{"discarded", COLUMN_NUMBER}};
	struct out o;
	int result =
		meter_quarantine_discard(m, r->numbers, r->number_count, opt_value(r->arguments, "reason"), METER_NUL_TERMINATED);

	if (result == METER_EINVAL)
		return cli_usage_error(r->arguments->verb, "--%s", meter_errmsg());
	if (result != METER_OK)
		return cli_library_error(result);
	out_begin_record(&o, r->arguments->format, discard_columns, 1);
	out_integer(&o, (int64_t)r->number_count);
	out_end(&o);
	return EXIT_DONE;
}

static int retry(const struct request *r, meter *m)
{
	meter_retry_options options = METER_RETRY_OPTIONS_INIT;

	options.numbers = r->number_count ? r->numbers : NULL;
	options.number_count = r->number_count;
	options.outcome = r->filter.outcome;
	options.code = r->filter.code;
	options.time_format = r->rules.time_format;
	options.rules = r->rules.all;
	options.rule_count = r->rules.count;
	return retry_run(r->arguments, m, &options);
}

/* ---- arguments ---- */

enum needs { NO_NUMBERS, ONE_NUMBER, SOME_NUMBERS, ANY_NUMBERS };

static const struct action {
	const char *name;
	enum needs needs;
	const char *options; /* those it takes, each after a blank */
	int (*run)(const struct request *r, meter *m);
} actions[] = {
	{"list", NO_NUMBERS, " outcome code discarded", list},
	{"show", ONE_NUMBER, "", show},
	{"reasons", NO_NUMBERS, "", reasons},
	{"retry", ANY_NUMBERS, " outcome code map time", retry},
	{"discard", SOME_NUMBERS, " reason", discard},
	{"export", NO_NUMBERS, " outcome code", export_entries},
};
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static const char *const action_options[] = {"outcome", "code", "discarded", "reason", "map", "time"};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < ACTION_COUNT; i++) {
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	}
	return NULL;
}

static bool takes(const struct action *action, const char *option)
{
	char word[32];

	snprintf(word, sizeof(word), " %s", option);
	return strstr(action->options, word) != NULL;
}

static int check_options(const struct action *action, const struct arguments *arguments)
{
	for (size_t i = 0; i < sizeof(action_options) / sizeof(action_options[0]); i++) {
		if (opt_value(arguments, action_options[i]) && !takes(action, action_options[i]))
			return cli_usage_error(arguments->verb, "--%s is not for %s", action_options[i], action->name);
	}
	if (action->run == export_entries && (opt_has(arguments, "format") || opt_has(arguments, "json")))
		return cli_usage_error(arguments->verb, "--%s is not for export, which prints JSON Lines",
		                       opt_has(arguments, "json") ? "json" : "format");
	if (action->run == discard && !opt_value(arguments, "reason"))
		return cli_usage_error(arguments->verb, "quarantine discard needs --reason TEXT");
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

static int read_code(const char **out, const struct arguments *arguments)
{
	struct text list = {0};
	const char *code;

	*out = opt_value(arguments, "code");
	if (!*out)
		return EXIT_DONE;
	for (size_t i = 0; (code = meter_reason_code(i)); i++) {
		if (!strcmp(code, *out)) {
			text_free(&list);
			return EXIT_DONE;
		}
		text_format(&list, "%s%s", i ? ", " : "", code);
	}
	int exit_code = cli_usage_error(arguments->verb, "--code: \"%s\" is none of %.*s", *out, (int)list.size, list.data);
	text_free(&list);
	return exit_code;
}

static int read_number(int64_t *out, const struct arguments *arguments, const char *text)
{
	errno = 0;
	*out = strtoll(text, NULL, 10);
	if (errno || !*text || text[strspn(text, "0123456789")] || *out < 1)
		return cli_usage_error(arguments->verb, "\"%s\" is not the number of an entry: 1 or more", text);
	return EXIT_DONE;
}

/* Whether the number just read, behind the others, is none of them. */
static bool is_new(const struct request *r)
{
	for (size_t i = 0; i < r->number_count; i++) {
		if (r->numbers[i] == r->numbers[r->number_count])
			return false;
	}
	return true;
}

static int read_numbers(struct request *r, const struct action *action)
{
	const struct arguments *arguments = r->arguments;
	int exit_code = EXIT_DONE;

	r->number_count = arguments->operand_count - 1;
	size_t most = action->needs == NO_NUMBERS ? 0 : action->needs == ONE_NUMBER ? 1 : SIZE_MAX;
	if (r->number_count > most)
		return cli_usage_error(arguments->verb, "\"%s\" is one argument too many", arguments->operands[1 + most]);
	if (r->number_count == 0 && (action->needs == ONE_NUMBER || action->needs == SOME_NUMBERS))
		return cli_usage_error(arguments->verb, "quarantine %s needs the number of an entry", action->name);
	r->numbers = cli_allocate(NULL, r->number_count + 1, sizeof(*r->numbers));
	size_t given = r->number_count;
	r->number_count = 0;
	for (size_t i = 0; i < given && exit_code == EXIT_DONE; i++) {
		exit_code = read_number(&r->numbers[r->number_count], arguments, arguments->operands[1 + i]);
		if (exit_code == EXIT_DONE && is_new(r))
			r->number_count++;
	}
	return exit_code;
}

static int run_action(struct request *r, const struct action *action)
{
	meter *m = cli_open(r->arguments, METER_OPEN_EXISTING | METER_OPEN_WITHOUT_SPOOL);

	return m ? cli_close(m, action->run(r, m)) : EXIT_FAILED;
}

static int run(const struct arguments *arguments)
{
	struct request r = {.arguments = arguments, .filter = METER_QUARANTINE_FILTER_INIT};
	const struct action *action = find_action(arguments->operands[0]);

	if (!action)
		return cli_usage_error(arguments->verb, "\"%s\" is none of list, show, reasons, retry, discard, export",
		                       arguments->operands[0]);
	int exit_code = read_outcome(&r.filter.outcome, arguments);
	if (exit_code == EXIT_DONE)
		exit_code = read_code(&r.filter.code, arguments);
	if (exit_code == EXIT_DONE)
		exit_code = check_options(action, arguments);
	if (exit_code == EXIT_DONE)
		exit_code = read_numbers(&r, action);
	if (exit_code == EXIT_DONE)
		exit_code = retry_read(&r.rules, arguments);
	r.filter.discarded = opt_value(arguments, "discarded") != NULL;
	if (exit_code == EXIT_DONE)
		exit_code = run_action(&r, action);
	retry_free(&r.rules);
	free(r.numbers);
	return exit_code;
}

static const struct option options[] = {
	{"outcome", "OUTCOME", "list, retry, export: only conflict or only rejected", false},
	{"code", "CODE", "list, retry, export: only reasons of this kind, see below", false},
	{"discarded", NULL, "list: what was discarded instead of what waits", false},
	{"map", "FIELD=SOURCE,...", "retry: where a field comes from, see below", true},
	{"time", "FORM", "retry: how the texts write times, as for replay; default rfc3339", false},
	{"reason", "TEXT", "discard: why; it is kept with the entries", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_quarantine = {
	.name = "quarantine",
	.operands = "list | show N | reasons | retry [N...] | discard N... --reason TEXT | export",
	.summary = "what was refused and why: show it, retry it, discard it",
	.details = "list     what waits, oldest first\n"
		   "show     one entry with the text that was refused\n"
		   "reasons  how many entries wait for which kind of reason, and how often they came\n"
		   "retry    read entries again and record them: after meter apply, or with --map. Those that are accepted or "
		   "duplicate\n"
		   "         leave; the others stay, once, and are named on stderr. Without N: all that wait\n"
		   "discard  take entries off the list for good; they are kept with the reason: list --discarded\n"
		   "export   the texts as JSON Lines for meter replay. Only a text that is a JSON object on one line is "
		   "exported, as it\n"
		   "         came; how many are not is said on stderr. Entries wait until they are retried or discarded\n"
		   "\n"
		   "Codes: json, subscription, id, type, timestamp, value, source, sequence, property, meter (a meter cannot "
		   "read the\n"
		   "event), conflict, damaged, other.\n"
		   "\n"
		   "  --map FIELD=NAME             the field comes from this member of the text's object; where it has none, it "
		   "stays\n"
		   "  --map FIELD=properties.NAME  from this property\n"
		   "  --map FIELD=:CONSTANT        the same for every entry\n"
		   "  --map FIELD=#number          the number of the entry\n"
		   "\n"
		   "FIELD is subscription, id, type, timestamp, value, source, sequence or properties.NAME. A conflict stays one "
		   "unless it\n"
		   "gets another key (subscription, timestamp, id).\n"
		   "Exit 3 when entries were refused again, or not exported.\n"
		   "\n"
		   "  meter quarantine retry --code meter --map properties.tokens=properties.token_count\n"
		   "  meter quarantine retry 7 --map id=:req-17-corrected\n"
		   "  meter quarantine discard 3 4 --reason 'test traffic'\n"
		   "  meter quarantine export --code timestamp | sed 's|2026/01/|2026-01-|' | meter replay -\n",
	.options = options,
	.operand_min = 1,
	.operand_max = SIZE_MAX,
	.run = run,
};
