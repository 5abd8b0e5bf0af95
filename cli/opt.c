/*
 * opt.c - reading the command line by the verbs' tables, and the help printed from the same tables.
 *
 * Options may stand anywhere, as "--name value" or "--name=value"; "--" ends them. Every option must be known to its verb, no
 * value is guessed, and only options that say so may be given twice.
 */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Every verb takes them, so that an alias may always give -d; the help of a verb names those that mean something to it. */
static const struct option global_options[] = {
	{"d", "FILE", "the database; else $METER_DB, else ./meter.db", false},
	{"format", "FORMAT", "table, json, jsonl or csv; table when not given", false},
	{"json", NULL, "the same as --format json", false},
	{"help", NULL, "print this help; also -h", false},
	{NULL, NULL, NULL, false},
};
static const struct option version_option = {"version", NULL, "the same as meter version", false};

static const char *const format_names[] = {"table", "json", "jsonl", "csv", "prometheus"};

/* How messages and help write an option. */
static const char *dashes(const struct option *option)
{
	return option->name[1] ? "--" : "-";
}

static const struct option *find_option(const struct option *options, const char *name, size_t size)
{
	for (const struct option *option = options; option && option->name; option++) {
		if (strlen(option->name) == size && !memcmp(option->name, name, size))
			return option;
	}
	return NULL;
}

static bool is_given(const struct arguments *arguments, const struct option *option)
{
	for (size_t i = 0; i < arguments->value_count; i++) {
		if (arguments->values[i].option == option)
			return true;
	}
	return false;
}

/* What an argument that starts with a dash says. */
struct spelled {
	const char *name;
	size_t name_size;
	const char *value; /* the part after "=" or after -d; NULL: none */
};

static struct spelled spell(const char *argument)
{
	struct spelled s = {argument + 1, 1, argument[2] ? argument + 2 : NULL};

	if (argument[1] == '-') {
		s.name = argument + 2;
		s.name_size = strcspn(s.name, "=");
		s.value = s.name[s.name_size] ? s.name + s.name_size + 1 : NULL;
	}
	return s;
}

/* Reads the option at argv[*index] and moves *index past its value. */
static int read_option(struct arguments *out, char **argv, int argc, int *index)
{
	const char *argument = strcmp(argv[*index], "-h") ? argv[*index] : "--help";
	struct spelled s = spell(argument);
	const struct option *option = find_option(global_options, s.name, s.name_size);

	if (!option && out->verb)
		option = find_option(out->verb->options, s.name, s.name_size);
	/* "-format" is not "--format", and "--d" is not "-d". */
	if (!option || (argument[1] == '-') != (option->name[1] != '\0'))
		return cli_usage_error(out->verb, "unknown option %s", argv[*index]);
	if (!option->help)
		return cli_usage_error(out->verb, "--%s is not supported by this version", option->name);
	if (!option->argument && s.value)
		return cli_usage_error(out->verb, "--%s takes no value", option->name);
	if (option->argument && !s.value) {
		if (*index + 1 >= argc)
			return cli_usage_error(out->verb, "%s%s needs a value: %s", dashes(option), option->name,
			                       option->argument);
		s.value = argv[++*index];
	}
	/* Nothing takes an empty value; most often a variable of a script was empty. */
	if (option->argument && !*s.value)
		return cli_usage_error(out->verb, "%s%s: the value is empty: %s was expected", dashes(option), option->name,
		                       option->argument);
	if (!option->repeats && is_given(out, option))
		return cli_usage_error(out->verb, "%s%s is given twice", dashes(option), option->name);
	out->values[out->value_count++] = (struct option_value){option, s.value};
	return EXIT_DONE;
}

static int read_format(struct arguments *out)
{
	const char *name = opt_value(out, "format");
	size_t count = sizeof(format_names) / sizeof(format_names[0]);

	if (out->verb->has_no_format && (name || opt_has(out, "json")))
		return cli_usage_error(out->verb, "--%s is not for %s", name ? "format" : "json", out->verb->name);
	if (opt_value(out, "json")) {
		if (name)
			return cli_usage_error(out->verb, "--json and --format cannot be given together");
		out->format = FORMAT_JSON;
		return EXIT_DONE;
	}
	if (!name)
		return EXIT_DONE;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(format_names[i], name) && (i != FORMAT_PROMETHEUS || out->verb->has_prometheus)) {
			out->format = (enum format)i;
			return EXIT_DONE;
		}
	}
	return cli_usage_error(out->verb, "--format: \"%s\" is none of table, json, jsonl, csv%s", name,
	                       out->verb->has_prometheus ? ", prometheus" : "");
}

static int check_operands(const struct arguments *arguments)
{
	const struct verb *verb = arguments->verb;

	if (arguments->operand_count < verb->operand_min)
		return cli_usage_error(verb, "%s needs %s", verb->name, verb->operands);
	for (size_t i = 0; i < arguments->operand_count; i++) {
		if (!*arguments->operands[i])
			return cli_usage_error(verb, "an argument is empty: %s needs %s", verb->name, verb->operands);
	}
	if (arguments->operand_count > verb->operand_max)
		return cli_usage_error(verb, "\"%s\" is one argument too many", arguments->operands[verb->operand_max]);
	return EXIT_DONE;
}

static const char *find_database(const struct arguments *arguments)
{
	const char *name = opt_value(arguments, "d");

	if (name)
		return name;
	name = secure_getenv("METER_DB");
	return name && *name ? name : "meter.db";
}

int opt_read(struct arguments *out, int argc, char **argv)
{
	bool options_ended = false;
	size_t room = argc > 0 ? (size_t)argc : 1;

	*out = (struct arguments){.format = FORMAT_TABLE};
	out->operands = cli_allocate(NULL, room, sizeof(*out->operands));
	out->values = cli_allocate(NULL, room, sizeof(*out->values));
	for (int i = 1; i < argc; i++) {
		const char *argument = argv[i];
		if (!options_ended && !strcmp(argument, "--")) {
			options_ended = true;
		} else if (!options_ended && !out->verb && !strcmp(argument, "--version")) {
			out->verb = cli_verb_find("version");
		} else if (!options_ended && argument[0] == '-' && argument[1]) {
			int result = read_option(out, argv, argc, &i);
			if (result != EXIT_DONE)
				return result;
		} else if (out->verb) {
			out->operands[out->operand_count++] = argument;
		} else {
			out->verb = cli_verb_find(argument);
			if (!out->verb)
				return cli_usage_error(NULL, "unknown verb \"%s\"", argument);
		}
	}
	out->wants_help = opt_value(out, "help") != NULL;
	if (out->wants_help)
		return EXIT_DONE;
	if (!out->verb) {
		opt_print_usage(stderr);
		return EXIT_USAGE;
	}
	out->database = find_database(out);
	int result = read_format(out);
	return result == EXIT_DONE ? check_operands(out) : result;
}

void opt_free(struct arguments *arguments)
{
	free(arguments->operands);
	free(arguments->values);
}

const char *opt_next(const struct arguments *arguments, const char *name, size_t *index)
{
	while (*index < arguments->value_count) {
		const struct option_value *value = &arguments->values[(*index)++];
		if (!strcmp(value->option->name, name))
			return value->value ? value->value : "";
	}
	return NULL;
}

bool opt_has(const struct arguments *arguments, const char *name)
{
	for (size_t i = 0; i < arguments->value_count; i++) {
		if (!strcmp(arguments->values[i].option->name, name))
			return true;
	}
	return false;
}

const char *opt_value(const struct arguments *arguments, const char *name)
{
	size_t index = 0;

	return opt_next(arguments, name, &index);
}

/* Whether a text has the form of a date; its numbers may be wrong. */
static bool is_date(const char *text)
{
	static const char form[] = "2026-01-31";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-' ? text[i] != '-' : !isdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static int wrong_date(const struct arguments *arguments, const char *name, const char *text)
{
	/* The message begins with the text that was read, which has a time that nobody gave. */
	const char *message = meter_errmsg();
	const char *reason = strstr(message, "\": ");

	return cli_usage_error(arguments->verb, "--%s: \"%s\": %s", name, text, reason ? reason + strlen("\": ") : message);
}

int opt_time(int64_t *out, const struct arguments *arguments, const char *name)
{
	const char *text = opt_value(arguments, name);
	char midnight[32];

	if (!text)
		return EXIT_DONE;
	if (is_date(text)) {
		snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", text);
		if (meter_time_parse(out, midnight, METER_NUL_TERMINATED, METER_TIME_RFC3339) == METER_OK)
			return EXIT_DONE;
		return wrong_date(arguments, name, text);
	}
	if (meter_time_parse(out, text, METER_NUL_TERMINATED, METER_TIME_RFC3339) == METER_OK)
		return EXIT_DONE;
	return cli_usage_error(arguments->verb, "--%s: %s; a date like 2026-01-31 is allowed, too", name, meter_errmsg());
}

int opt_time_format(int32_t *out, const struct arguments *arguments)
{
	/* In the order of METER_TIME_RFC3339 to METER_TIME_NS. */
	static const char *const names[] = {"rfc3339", "utc", "s", "ms", "us", "ns"};
	const char *name = opt_value(arguments, "time");

	if (!name)
		return EXIT_DONE;
	for (int32_t i = 0; i < 6; i++) {
		if (!strcmp(names[i], name)) {
			*out = i;
			return EXIT_DONE;
		}
	}
	return cli_usage_error(arguments->verb, "--time: \"%s\" is none of rfc3339, utc, s, ms, us, ns", name);
}

const char *opt_split(const char *text, size_t *name_size_out)
{
	const char *separator = strchr(text, '=');

	if (!separator)
		return NULL;
	*name_size_out = (size_t)(separator - text);
	return separator + 1;
}

static void print_option(FILE *file, const struct option *option)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s%s", dashes(option), option->name, option->argument ? " " : "",
	         option->argument ? option->argument : "");
	fprintf(file, "  %-24s %s\n", left, option->help);
}

/* Whether a global option means something to a verb; NULL: the command as a whole. */
static bool is_meant(const struct option *option, const struct verb *verb)
{
	if (!verb)
		return true;
	if (!strcmp(option->name, "d"))
		return !verb->has_no_database;
	return !strcmp(option->name, "help") || !verb->has_no_format;
}

static void print_global_options(FILE *file, const struct verb *verb)
{
	for (const struct option *option = global_options; option->name; option++) {
		if (is_meant(option, verb))
			print_option(file, option);
	}
}

void opt_print_usage(FILE *file)
{
	fputs("usage: meter [-d FILE] VERB ...\n"
	      "\n"
	      "Usage metering and billing in one SQLite file.\n"
	      "\n",
	      file);
	for (size_t i = 0; cli_verbs[i]; i++)
		fprintf(file, "  %-12s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
	fputs("\n", file);
	print_global_options(file, NULL);
	print_option(file, &version_option);
	fputs("\n"
	      "meter VERB --help says more about a verb, meter help catalog and meter help formats about the files.\n"
	      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 ran to the end but found something to look at.\n",
	      file);
}

void opt_print_help(FILE *file, const struct verb *verb)
{
	fprintf(file, "usage: meter %s%s%s%s%s\n\n%c%s.\n\n", verb->has_no_database ? "" : "[-d FILE] ", verb->name,
	        *verb->operands ? " " : "", verb->operands, verb->options ? " [options]" : "",
	        toupper((unsigned char)verb->summary[0]), verb->summary + 1);
	for (const struct option *option = verb->options; option && option->name; option++) {
		if (option->help)
			print_option(file, option);
	}
	print_global_options(file, verb);
	if (verb->details)
		fprintf(file, "\n%s", verb->details);
}
