/*
 * cli.h - what the parts of the command share.
 *
 * The command is thin: it reads arguments and files, calls <meter.h> and prints. Whatever decides about usage or money belongs
 * into the library. Results go to stdout, everything else to stderr as "meter: <text>".
 */
#ifndef METER_CLI_H
#define METER_CLI_H

#include <meter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes; scripts rely on them. */
#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_FINDINGS 3 /* ran to the end, and the data has something to look at */

/* ---- main.c ---- */

struct arguments;

struct option {
	const char *name;     /* without dashes; NULL ends a list */
	const char *argument; /* what the help calls its value; NULL: a switch */
	const char *help;     /* NULL: named in the contract, but not supported by this version */
	bool repeats;
};

struct verb {
	const char *name;
	const char *operands; /* as the usage line shows them */
	const char *summary;
	const char *details;          /* what the help says below the options; NULL: nothing */
	const struct option *options; /* NULL: only the global ones */
	size_t operand_min;
	size_t operand_max;
	bool has_prometheus;  /* takes --format prometheus */
	bool has_no_database; /* opens none: its help does not name -d, which it takes all the same */
	bool has_no_format;   /* what it prints has one form: --format and --json are refused */
	int (*run)(const struct arguments *arguments);
};

extern const struct verb verb_apply, verb_check, verb_replay, verb_query, verb_invoice, verb_quote, verb_events, verb_quarantine,
	verb_shadow, verb_test, verb_plan, verb_explain, verb_stats, verb_verify, verb_backfill, verb_ledger, verb_backup,
	verb_accept_loss, verb_version, verb_help;

/* Every verb, in the order of the help; NULL ends it. */
extern const struct verb *const cli_verbs[];

/* NULL: no such verb. */
const struct verb *cli_verb_find(const char *name);

/* Prints "meter: <text>" on stderr, control characters made visible. */
__attribute__((format(printf, 1, 2))) void cli_message(const char *format, ...);

/* Prints a message and how to get help. Gives EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage_error(const struct verb *verb, const char *format, ...);

/* Prints what the library said about its last failure on this thread. Gives EXIT_FAILED. */
int cli_library_error(int code);

/* The same where what the library calls a wrong argument came from the command line: EXIT_USAGE then, and how to get help. */
int cli_call_error(const struct verb *verb, int code);

/* Opens the database of the arguments, after printing what went wrong. NULL: failed. */
meter *cli_open(const struct arguments *arguments, uint32_t flags);

/* Closes it; an error in that turns EXIT_DONE and EXIT_FINDINGS into EXIT_FAILED. */
int cli_close(meter *m, int exit_code);

/* Never NULL: the command ends with a message when memory does. */
void *cli_allocate(void *old, size_t count, size_t size);

/* ---- opt.c ---- */

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV, FORMAT_PROMETHEUS };

struct option_value {
	const struct option *option;
	const char *value; /* NULL for a switch */
};

struct arguments {
	const struct verb *verb;
	const char *database;
	enum format format;
	bool wants_help;
	const char **operands;
	size_t operand_count;
	struct option_value *values; /* in the order given */
	size_t value_count;
};

/* Reads argv. EXIT_DONE, or EXIT_USAGE after the message. Free with opt_free() in both cases. */
int opt_read(struct arguments *out, int argc, char **argv);
void opt_free(struct arguments *arguments);

/* The value of an option; NULL: not given. */
const char *opt_value(const struct arguments *arguments, const char *name);
/* Whether a switch was given. */
bool opt_has(const struct arguments *arguments, const char *name);

/* Steps through the values of an option that repeats: *index starts at 0. NULL: no more. */
const char *opt_next(const struct arguments *arguments, const char *name, size_t *index);

/* A time given as an option: RFC 3339, or a date, which means its midnight UTC. Leaves *out alone when the option is absent. */
int opt_time(int64_t *out, const struct arguments *arguments, const char *name);

/* The option "time": how times are written, METER_TIME_... Leaves *out alone when it is absent. EXIT_DONE, or EXIT_USAGE. */
int opt_time_format(int32_t *out, const struct arguments *arguments);

/* What follows the first separator of "name=value"; NULL: there is none. name_size_out is what lies before. */
const char *opt_split(const char *text, size_t *name_size_out);

void opt_print_usage(FILE *file);
void opt_print_help(FILE *file, const struct verb *verb);

/* ---- out.c ---- */

/* Text that grows. */
struct text {
	char *data;
	size_t size;
	size_t capacity;
};

void text_add(struct text *t, const char *data, size_t size);
void text_add_string(struct text *t, const char *string);
__attribute__((format(printf, 2, 3))) void text_format(struct text *t, const char *format, ...);
/* The same with bytes a terminal would act upon, line ends among them, or that are not UTF-8, written as \xNN. */
void text_add_visible(struct text *t, const char *data, size_t size);
/* As a JSON string with its quotes, or null for NULL. Bytes that are not UTF-8 become U+FFFD. */
void text_add_json(struct text *t, const char *data, size_t size);
bool text_is_utf8(const char *data, size_t size);
void text_free(struct text *t);

enum column_kind {
	COLUMN_TEXT,    /* a string in JSON, guarded against formulas in CSV */
	COLUMN_DECIMAL, /* a string in JSON, as it is in CSV */
	COLUMN_NUMBER,  /* a number in JSON, as it is in CSV */
};

struct column {
	const char *name;
	enum column_kind kind;
};

/*
 * Rows on their way to stdout. Call out_begin(), then one out_... per column and row, then out_end().
 * A column of a table is as wide as its widest cell. Memory is bounded all the same: of very many rows only the first are
 * measured, and the others printed as they come.
 */
struct out {
	enum format format;
	const struct column *columns;
	size_t column_count;
	bool is_record; /* exactly one row: an object in JSON, a line per column in a table */
	size_t column;
	uint64_t row_count;
	struct text text; /* the row, or the cells of the table that wait for their widths */
	size_t *cells;    /* start of each waiting cell in text */
	size_t cell_count;
	size_t *widths;
	bool has_widths;
};

void out_begin(struct out *o, enum format format, const struct column *columns, size_t column_count);
void out_begin_record(struct out *o, enum format format, const struct column *columns, size_t column_count);
/* value NULL: missing. */
void out_text(struct out *o, const char *value);
void out_text_sized(struct out *o, const char *value, size_t size);
void out_integer(struct out *o, int64_t value);
/* A time outside the years 1970 to 9999 is missing. */
void out_time(struct out *o, int64_t time_us);
void out_end(struct out *o);

/* Everything that goes to stdout goes through here. */
void out_write(const char *data, size_t size);
/* Writing failed: nothing that follows would be seen. */
bool out_is_broken(void);
/* Flushes and closes stdout. Turns EXIT_DONE and EXIT_FINDINGS into EXIT_FAILED when something could not be written. */
int out_close(int exit_code);

/* ---- input.c, csv.c ---- */

#define INPUT_RECORD_MAX ((size_t)1 << 20) /* longest line or CSV record, in bytes */

/* A file read record by record in bounded memory. */
struct input {
	const char *name; /* "-": stdin */
	int fd;           /* -1: not open */
	char *buffer;
	size_t start; /* of what is not consumed yet */
	size_t end;
	bool at_end;
	int error;         /* errno of the read that failed, EINTR after Ctrl-C; 0: none */
	uint64_t line;     /* number of the last line consumed, from 1 */
	uint64_t consumed; /* bytes */
	int64_t size;      /* of a regular file; -1: not known */
};

enum input_result { INPUT_RECORD, INPUT_TOO_LONG, INPUT_END, INPUT_FAILED };

/* EXIT_DONE, or EXIT_FAILED after the message. */
int input_open(struct input *in, const char *name);
void input_close(struct input *in);
/* Reads more. false: nothing more came, or no room; then at_end or error say which. */
bool input_fill(struct input *in);
/* Back to the start, as long as no more than one record was read. */
void input_rewind(struct input *in);
/* The next line without its line end. Of one that is too long the first INPUT_RECORD_MAX bytes. Valid until the next call. */
enum input_result input_line(struct input *in, const char **text_out, size_t *size_out);
/* Marks size bytes and their lines as consumed. */
void input_consume(struct input *in, size_t size);
/* The whole file, at most size_max bytes. EXIT_DONE, or EXIT_FAILED after the message. */
int input_read_all(struct text *out, const char *name, size_t size_max);

struct csv_field {
	const char *data;
	size_t size;
};

/* Reading RFC 4180, with LF as well as CRLF. */
struct csv {
	struct input *in;
	const char *record; /* as it came, without its line end */
	size_t record_size;
	uint64_t line; /* of the record's first line */
	struct csv_field *fields;
	size_t field_count;
	size_t field_capacity;
	struct text unquoted;
	char reason[64]; /* why a record was refused */
};

enum csv_result { CSV_RECORD, CSV_REFUSED, CSV_END, CSV_FAILED };

/* The next record that is not empty. A refused one is one line: reading goes on after it. */
enum csv_result csv_read(struct csv *c);
void csv_free(struct csv *c);

/* ---- map.c ---- */

struct map;

/* Reads the --map options. EXIT_DONE, or EXIT_USAGE after the message. */
int map_read(struct map **out, const struct arguments *arguments);
void map_free(struct map *map);

/* Finds the columns of a header. EXIT_DONE, or after the message EXIT_USAGE (a column of --map is not there) or EXIT_FAILED. */
int map_bind(struct map *map, const struct verb *verb, const char *file, const struct csv *header);

/* Adds a record as an event, or as refused with the reason. As meter_batch_add(). */
int map_add(struct map *map, meter_batch *batch, const struct csv *record, int32_t time_format);

/* ---- retry.c ---- */

/* What --map and --time say. Zero-initialised is nothing. */
struct retry_rules {
	int32_t time_format;
	meter_retry_rule *all;
	size_t count;
	char **texts; /* of each --map, cut into pieces */
	size_t text_count;
};

/* EXIT_DONE, or EXIT_USAGE after the message. Free with retry_free() in both cases. */
int retry_read(struct retry_rules *rules, const struct arguments *arguments);
void retry_free(struct retry_rules *rules);

/* Retries and prints what came of it. Gives the exit code. */
int retry_run(const struct arguments *arguments, meter *m, const meter_retry_options *options);

/* ---- progress.c ---- */

/* One line on stderr that is redrawn, only on a terminal and at most ten times a second. */
struct progress {
	const char *unit;
	bool is_shown; /* stderr is a terminal */
	bool is_drawn; /* the line stands there now */
	int64_t started_ms;
	int64_t drawn_ms;
	int width; /* of the line drawn last */
};

void progress_begin(struct progress *p, const char *unit);
/* count: of the unit so far. done of total: how far the work is; total <= 0: not known. */
void progress_update(struct progress *p, int64_t count, int64_t done, int64_t total);
/* Takes the line away, before a message and at the end. */
void progress_clear(struct progress *p);
/* From now on Ctrl-C ends what progress_show() is told of, at its next step; a second one kills. */
void progress_catch_interrupt(void);
/* Whether it came. */
bool progress_is_interrupted(void);
/* A meter_progress whose user is a struct progress. */
int progress_show(int64_t done, int64_t total, void *user);
/* A clock that never goes back. */
int64_t progress_now_ms(void);

/* ---- subscription.c ---- */

/* Whether there is such a subscription. EXIT_DONE, or EXIT_FAILED after the message. */
int subscription_check(meter *m, const char *subscription);
/* Whether there is a catalog, and it has no such subscription. */
bool subscription_is_undeclared(meter *m, const char *subscription);

/* ---- cmd_*.c ---- */

/* cmd_check.c: reads a catalog file and checks it; text_out is what it holds. EXIT_DONE, or EXIT_FAILED after the message. */
int cmd_catalog_read(meter_catalog **out, struct text *text_out, const char *name);
/* Warns on stderr of what is probably not meant. EXIT_DONE, EXIT_FINDINGS when there was something, or EXIT_FAILED. */
int cmd_catalog_warn(const meter_catalog *catalog, const char *name);
/* "1 meter, 2 plans, 0 subscriptions" */
void cmd_catalog_describe(struct text *out, const meter_catalog *catalog);

/* cmd_invoice.c: prints an invoice or quote. EXIT_DONE, or EXIT_FINDINGS when lines are suspended. */
int cmd_invoice_print(const meter_invoice *invoice, enum format format);

#endif
