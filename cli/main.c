/*
 * main.c - the verb table, dispatch, and what every verb needs: messages, opening and closing the database.
 *
 * The exit code is decided here last: whatever a verb found, results that did not reach stdout make it EXIT_FAILED.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct verb *const cli_verbs[] = {
	&verb_apply,  &verb_check,  &verb_replay, &verb_query,       &verb_invoice, &verb_explain,    &verb_quote,
	&verb_shadow, &verb_test,   &verb_plan,   &verb_backfill,    &verb_events,  &verb_quarantine, &verb_stats,
	&verb_ledger, &verb_verify, &verb_backup, &verb_accept_loss, &verb_version, &verb_help,       NULL,
};

const struct verb *cli_verb_find(const char *name)
{
	for (size_t i = 0; cli_verbs[i]; i++) {
		if (!strcmp(cli_verbs[i]->name, name))
			return cli_verbs[i];
	}
	return NULL;
}

__attribute__((format(printf, 1, 0))) static void message(const char *format, va_list list)
{
	char *text;
	struct text visible = {0};

	if (vasprintf(&text, format, list) < 0)
		return;
	text_add_string(&visible, "meter: ");
	text_add_visible(&visible, text, strlen(text));
	text_add_string(&visible, "\n");
	fwrite(visible.data, 1, visible.size, stderr);
	text_free(&visible);
	free(text);
}

void cli_message(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	message(format, list);
	va_end(list);
}

int cli_usage_error(const struct verb *verb, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	message(format, list);
	va_end(list);
	if (verb)
		fprintf(stderr, "try: meter %s --help\n", verb->name);
	else
		fputs("try: meter --help\n", stderr);
	return EXIT_USAGE;
}

int cli_library_error(int code)
{
	const char *text = meter_errmsg();

	cli_message("%s", *text ? text : meter_strerror(code));
	if (code == METER_EBACKWARDS)
		fputs("try: meter accept-loss --help\n", stderr);
	return EXIT_FAILED;
}

int cli_call_error(const struct verb *verb, int code)
{
	return code == METER_EINVAL ? cli_usage_error(verb, "%s", meter_errmsg()) : cli_library_error(code);
}

meter *cli_open(const struct arguments *arguments, uint32_t flags)
{
	meter *m;
	meter_options options = METER_OPTIONS_INIT;

	options.flags = flags | METER_OPEN_WITHOUT_SPOOL; /* events are replayed in batches */
	int result = meter_open(&m, arguments->database, &options);
	if (result != METER_OK)
		cli_library_error(result);
	return m;
}

int cli_close(meter *m, int exit_code)
{
	int result = meter_close(m);

	if (result == METER_OK)
		return exit_code;
	cli_library_error(result);
	return exit_code == EXIT_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

void *cli_allocate(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count ? count : 1, size);

	if (!memory) {
		fputs("meter: out of memory\n", stderr);
		_exit(EXIT_FAILED);
	}
	return memory;
}

/*
 * A closed standard descriptor would be handed out again for the next file opened, and a message meant for stderr would end
 * up in a database. It is filled with one that fails as a closed one does: wrong direction.
 */
static void fill_standard_descriptors(void)
{
	static const int directions[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", directions[fd]) != fd)
			_exit(EXIT_FAILED);
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments;

	fill_standard_descriptors();
	/* A reader that goes away must not stop a replay half way; writing to it fails instead, see out_close(). */
	signal(SIGPIPE, SIG_IGN);
	/* How wide a character is: what is printed is UTF-8, whatever the locale of the user says. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (meter_abi_check(METER_SOVERSION) != METER_OK) {
		cli_message("the library is version %s, which does not fit this command of version %s", meter_version(),
		            METER_VERSION);
		return EXIT_FAILED;
	}
	int exit_code = opt_read(&arguments, argc, argv);
	if (exit_code == EXIT_DONE) {
		if (!arguments.wants_help)
			exit_code = arguments.verb->run(&arguments);
		else if (arguments.verb)
			opt_print_help(stdout, arguments.verb);
		else
			opt_print_usage(stdout);
	}
	opt_free(&arguments);
	return out_close(exit_code);
}
