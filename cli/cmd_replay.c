/*
 * cmd_replay.c - meter replay: events from files into the database.
 *
 * Two batches are filled in turn: while one is on its way to the disk the next is read, so parsing and writing overlap. The
 * outcomes of a batch are walked after it is durable; whatever was not counted is named as file:line: reason.
 *
 * A full disk is waited for, and Ctrl-C ends the reading, not what was read: the two batches are settled and counted as at the
 * end.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#define BATCH_EVENTS 100000
#define MESSAGES_MAX 1000  /* one line each; what follows is only counted */
#define PROGRESS_EVERY 256 /* events between two looks at the clock */

enum input_format { INPUT_AUTO, INPUT_JSONL, INPUT_CSV };

/* Where an event came from. */
struct place {
	const char *file;
	uint64_t line;
};

struct slot {
	meter_batch *batch;
	struct place *places;
	bool is_given_up; /* counted, although it could not be written */
};

struct replay {
	const struct verb *verb;
	const struct arguments *arguments;
	enum input_format from;
	int32_t time_format;
	struct map *map;
	struct input *inputs; /* one per file; open where it cannot be opened a second time */
	meter *m;
	struct slot slots[2];
	struct slot *slot; /* the one being filled */
	int64_t read;
	int64_t counts[METER_LATE + 1];
	int64_t message_count;
	bool is_waiting; /* for room on the disk, and has said so */
	bool is_cut;     /* by Ctrl-C */
	struct progress progress;
	int64_t bytes_before; /* in files that are done */
	int64_t bytes_total;  /* -1: not known */
};

/* ---- arguments ---- */

static int find_name(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

static int read_arguments(struct replay *r)
{
	static const char *const from_names[] = {"auto", "jsonl", "csv"};
	const char *from = opt_value(r->arguments, "from");

	if (from) {
		int found = find_name(from_names, 3, from);
		if (found < 0)
			return cli_usage_error(r->verb, "--from: \"%s\" is none of auto, jsonl, csv", from);
		r->from = (enum input_format)found;
	}
	int exit_code = opt_time_format(&r->time_format, r->arguments);
	return exit_code == EXIT_DONE ? map_read(&r->map, r->arguments) : exit_code;
}

static bool is_csv(const struct replay *r, const char *file)
{
	size_t size = strlen(file);

	if (r->from != INPUT_AUTO)
		return r->from == INPUT_CSV;
	return size >= 4 && !strcasecmp(file + size - 4, ".csv");
}

/* ---- outcomes ---- */

static void print_reason(struct replay *r, const struct place *place, const char *reason)
{
	struct text line = {0};

	if (r->message_count++ >= MESSAGES_MAX)
		return;
	progress_clear(&r->progress);
	text_add_visible(&line, place->file, strlen(place->file));
	text_format(&line, ":%llu: ", (unsigned long long)place->line);
	text_add_visible(&line, reason, strlen(reason));
	text_add_string(&line, "\n");
	fwrite(line.data, 1, line.size, stderr);
	text_free(&line);
}

/*
 * Whether a call is to be made again because the disk was full, after a while: the library tries once a second, too. Says so once
 * for as long as it lasts; when Ctrl-C comes, it is not made again.
 */
static bool is_tried_again(struct replay *r, int result)
{
	static const struct timespec pause = {1, 0};

	if (result == METER_OK && r->is_waiting) {
		r->is_waiting = false;
		cli_message("there is room again: going on");
	}
	if (result != METER_EFULL || r->is_cut)
		return false;
	if (!r->is_waiting) {
		progress_clear(&r->progress);
		cli_message("%s; trying again, Ctrl-C stops and nothing is doubled when you run it again", meter_errmsg());
	}
	r->is_waiting = true;
	if (!progress_is_interrupted())
		nanosleep(&pause, NULL);
	r->is_cut = progress_is_interrupted();
	return !r->is_cut;
}

/* What tell_interrupted() says at the end needs no message of its own. */
static int library_error(const struct replay *r, int result)
{
	return result == METER_EFULL && r->is_cut ? EXIT_FAILED : cli_library_error(result);
}

/* Waits for a batch and counts its outcomes. EXIT_DONE, or EXIT_FAILED after the message. */
static int settle(struct replay *r, struct slot *slot)
{
	size_t count = meter_batch_count(slot->batch);
	int result;

	if (slot->is_given_up)
		return EXIT_FAILED;
	if (!count)
		return EXIT_DONE;
	do
		result = meter_batch_wait(slot->batch);
	while (is_tried_again(r, result));
	int exit_code = result == METER_OK ? EXIT_DONE : library_error(r, result);
	slot->is_given_up = result != METER_OK;
	for (size_t i = 0; i < count; i++) {
		int32_t outcome = meter_batch_outcome(slot->batch, i);
		r->counts[outcome]++;
		if (outcome == METER_CONFLICT || outcome == METER_REJECTED)
			print_reason(r, &slot->places[i], meter_batch_reason(slot->batch, i));
	}
	if (exit_code == EXIT_DONE && (result = meter_batch_clear(slot->batch)) != METER_OK)
		exit_code = cli_library_error(result);
	return exit_code;
}

static struct slot *other_slot(struct replay *r)
{
	return r->slot == &r->slots[0] ? &r->slots[1] : &r->slots[0];
}

/* Notes where the event just added came from, and turns to the other batch when this one is full. */
static int added(struct replay *r, int result, const struct input *in, uint64_t line)
{
	if (result != METER_OK)
		return library_error(r, result);
	size_t count = meter_batch_count(r->slot->batch);
	r->slot->places[count - 1] = (struct place){in->name, line};
	r->is_cut = progress_is_interrupted();
	if (++r->read % PROGRESS_EVERY == 0)
		progress_update(&r->progress, r->read, r->bytes_before + (int64_t)in->consumed, r->bytes_total);
	if (r->is_cut)
		return EXIT_FAILED;
	if (count < BATCH_EVENTS)
		return EXIT_DONE;
	r->slot = other_slot(r);
	return settle(r, r->slot);
}

/* ---- files ---- */

static int read_failed(struct replay *r, const struct input *in)
{
	r->is_cut = in->error == EINTR;
	if (!r->is_cut)
		cli_message("%s: %s", in->name, strerror(in->error));
	return EXIT_FAILED;
}

static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return false;
	}
	return true;
}

static int replay_jsonl(struct replay *r, struct input *in)
{
	const char *text;
	size_t size;
	enum input_result found;
	int result;
	int exit_code = EXIT_DONE;

	while (exit_code == EXIT_DONE && (found = input_line(in, &text, &size)) != INPUT_END) {
		if (found == INPUT_FAILED)
			return read_failed(r, in);
		if (found == INPUT_RECORD && is_blank(text, size))
			continue;
		do
			result = found == INPUT_RECORD ? meter_batch_add_json(r->slot->batch, text, size, r->time_format)
			                               : meter_batch_add_refused(r->slot->batch, text, size,
			                                                         "the line is longer than 1048576 bytes");
		while (is_tried_again(r, result));
		exit_code = added(r, result, in, in->line);
	}
	return exit_code;
}

static int replay_csv(struct replay *r, struct input *in, struct csv *csv)
{
	enum csv_result found;
	int result;
	int exit_code = EXIT_DONE;

	while (exit_code == EXIT_DONE && (found = csv_read(csv)) != CSV_END) {
		if (found == CSV_FAILED)
			return read_failed(r, in);
		do
			result = found == CSV_RECORD
			                 ? map_add(r->map, r->slot->batch, csv, r->time_format)
			                 : meter_batch_add_refused(r->slot->batch, csv->record, csv->record_size, csv->reason);
		while (is_tried_again(r, result));
		exit_code = added(r, result, in, csv->line);
	}
	return exit_code;
}

/* An empty file has no header and needs none. */
static int read_header(struct replay *r, struct input *in, struct csv *csv)
{
	*csv = (struct csv){.in = in};
	switch (csv_read(csv)) {
	case CSV_END:
		return EXIT_DONE;
	case CSV_FAILED:
		return read_failed(r, in);
	case CSV_REFUSED:
		cli_message("%s:%llu: %s", in->name, (unsigned long long)csv->line, csv->reason);
		return EXIT_FAILED;
	case CSV_RECORD:
		break;
	}
	return map_bind(r->map, r->verb, in->name, csv);
}

/*
 * Opens a file and reads its header, so that a wrong one is known before anything is recorded. What can be opened again is
 * closed again: there may be more files than descriptors.
 */
static int check_file(struct replay *r, struct input *in, const char *name)
{
	struct csv csv = {0};
	int exit_code = input_open(in, name);

	if (exit_code != EXIT_DONE)
		return exit_code;
	if (!in->at_end && !input_fill(in) && in->error) {
		exit_code = read_failed(r, in);
	} else if (is_csv(r, name)) {
		exit_code = read_header(r, in, &csv);
		csv_free(&csv);
		input_rewind(in);
	}
	if (r->bytes_total >= 0)
		r->bytes_total = in->size < 0 ? -1 : r->bytes_total + in->size;
	if (in->size >= 0 && in->fd > 0)
		input_close(in);
	return exit_code;
}

/* Closing the database file in this process would drop SQLite's locks, so it must never be one of the inputs. */
static int check_database(const struct replay *r, const char *name)
{
	struct stat file, database;

	if (stat(name, &file) || stat(r->arguments->database, &database))
		return EXIT_DONE;
	if (file.st_dev != database.st_dev || file.st_ino != database.st_ino)
		return EXIT_DONE;
	return cli_usage_error(r->verb, "%s is the database itself", name);
}

static int replay_file(struct replay *r, struct input *in)
{
	struct csv csv = {0};
	int exit_code = in->fd < 0 ? input_open(in, in->name) : EXIT_DONE;

	if (exit_code == EXIT_DONE && is_csv(r, in->name)) {
		exit_code = read_header(r, in, &csv);
		if (exit_code == EXIT_DONE)
			exit_code = replay_csv(r, in, &csv);
		csv_free(&csv);
	} else if (exit_code == EXIT_DONE) {
		exit_code = replay_jsonl(r, in);
	}
	r->bytes_before += (int64_t)in->consumed;
	input_close(in);
	return exit_code;
}

/* ---- the run ---- */

static void print_summary(const struct replay *r)
{
	static const struct column columns[] = {
		{"read", COLUMN_NUMBER},     {"accepted", COLUMN_NUMBER},          {"duplicate", COLUMN_NUMBER},
		{"conflict", COLUMN_NUMBER}, {"rejected", COLUMN_NUMBER},          {"late", COLUMN_NUMBER},
		{"seconds", COLUMN_NUMBER},  {"events_per_second", COLUMN_NUMBER},
	};
	char seconds[32];
	struct out o;
	int64_t elapsed_ms = progress_now_ms() - r->progress.started_ms;
	int64_t divisor_ms = elapsed_ms ? elapsed_ms : 1;

	snprintf(seconds, sizeof(seconds), "%lld.%03lld", (long long)(elapsed_ms / 1000), (long long)(elapsed_ms % 1000));
	out_begin_record(&o, r->arguments->format, columns, 8);
	out_integer(&o, r->read);
	out_integer(&o, r->counts[METER_ACCEPTED]);
	out_integer(&o, r->counts[METER_DUPLICATE]);
	out_integer(&o, r->counts[METER_CONFLICT]);
	out_integer(&o, r->counts[METER_REJECTED]);
	out_integer(&o, r->counts[METER_LATE]);
	out_text(&o, seconds);
	out_integer(&o, r->read / divisor_ms * 1000 + r->read % divisor_ms * 1000 / divisor_ms);
	out_end(&o);
}

static int make_slots(struct replay *r)
{
	for (size_t i = 0; i < 2; i++) {
		int result = meter_batch_new(&r->slots[i].batch, r->m);
		if (result != METER_OK)
			return cli_library_error(result);
		const char *backfill = opt_value(r->arguments, "backfill");
		result = backfill ? meter_batch_set_backfill(r->slots[i].batch, backfill) : METER_OK;
		if (result != METER_OK)
			return cli_call_error(r->verb, result);
		r->slots[i].places = cli_allocate(NULL, BATCH_EVENTS, sizeof(struct place));
	}
	r->slot = &r->slots[0];
	return EXIT_DONE;
}

static void free_slots(struct replay *r)
{
	for (size_t i = 0; i < 2; i++) {
		meter_batch_free(r->slots[i].batch);
		free(r->slots[i].places);
	}
}

static void tell_interrupted(const struct replay *r)
{
	if (r->counts[METER_PENDING])
		cli_message("interrupted: %lld of the events that were read are not stored; run it again, nothing is doubled",
		            (long long)r->counts[METER_PENDING]);
	else
		cli_message("interrupted: what was read is stored; run it again for the rest, nothing is doubled");
}

static int replay_files(struct replay *r)
{
	int exit_code = EXIT_DONE;

	progress_catch_interrupt();
	progress_begin(&r->progress, "events");
	for (size_t i = 0; i < r->arguments->operand_count && exit_code == EXIT_DONE; i++)
		exit_code = replay_file(r, &r->inputs[i]);
	/* A file that broke off does not take back what was read before. The other batch was filled first. */
	if (settle(r, other_slot(r)) != EXIT_DONE)
		exit_code = EXIT_FAILED;
	if (settle(r, r->slot) != EXIT_DONE)
		exit_code = EXIT_FAILED;
	progress_clear(&r->progress);
	if (r->message_count > MESSAGES_MAX)
		fprintf(stderr, "... and %lld more\n", (long long)(r->message_count - MESSAGES_MAX));
	print_summary(r);
	if (r->is_cut)
		tell_interrupted(r);
	if (exit_code == EXIT_DONE && (r->counts[METER_CONFLICT] || r->counts[METER_REJECTED]))
		exit_code = EXIT_FINDINGS;
	return exit_code;
}

static int replay(struct replay *r)
{
	bool has_csv = false;
	int stdin_count = 0;
	int exit_code = read_arguments(r);

	for (size_t i = 0; i < r->arguments->operand_count && exit_code == EXIT_DONE; i++) {
		const char *name = r->arguments->operands[i];
		has_csv = has_csv || is_csv(r, name);
		stdin_count += !strcmp(name, "-");
		exit_code = check_database(r, name);
	}
	if (exit_code == EXIT_DONE && stdin_count > 1)
		exit_code = cli_usage_error(r->verb, "\"-\" is given twice");
	if (exit_code == EXIT_DONE && !has_csv && opt_value(r->arguments, "map"))
		exit_code = cli_usage_error(r->verb, "--map is for CSV, and no file is; --from csv says that they are");
	for (size_t i = 0; i < r->arguments->operand_count && exit_code == EXIT_DONE; i++)
		exit_code = check_file(r, &r->inputs[i], r->arguments->operands[i]);
	if (exit_code != EXIT_DONE)
		return exit_code;
	r->m = cli_open(r->arguments, 0);
	if (!r->m)
		return EXIT_FAILED;
	exit_code = make_slots(r);
	if (exit_code == EXIT_DONE)
		exit_code = replay_files(r);
	free_slots(r);
	if (!r->is_cut)
		return cli_close(r->m, exit_code);
	int result = meter_close(r->m);
	/* What it says of a full disk was said. */
	return result == METER_OK || result == METER_EFULL ? exit_code : cli_library_error(result);
}

static int run(const struct arguments *arguments)
{
	struct replay r = {.verb = arguments->verb, .arguments = arguments};

	r.inputs = cli_allocate(NULL, arguments->operand_count, sizeof(*r.inputs));
	for (size_t i = 0; i < arguments->operand_count; i++)
		r.inputs[i] = (struct input){.fd = -1};
	int exit_code = replay(&r);
	for (size_t i = 0; i < arguments->operand_count; i++)
		input_close(&r.inputs[i]);
	free(r.inputs);
	map_free(r.map);
	return exit_code;
}

static const struct option options[] = {
	{"from", "FORMAT", "auto, jsonl or csv; auto: csv where the name ends in .csv, else jsonl", false},
	{"map", "FIELD=SOURCE,...", "CSV: where a field comes from, see meter help formats", true},
	{"time", "FORM", "rfc3339, utc (no offset means UTC), s, ms, us or ns since 1970; default rfc3339", false},
	{"backfill", "NAME",
         "the new events get a name instead of their source, by which they can be taken back: see meter backfill", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_replay = {
	.name = "replay",
	.operands = "FILE...",
	.summary = "record the events of files, each counted once however often it is replayed",
	.details =
		"FILE may be \"-\" for stdin. What is not counted is named on stderr as file:line: reason and kept in "
		"quarantine.\n"
		"Ends with how many events were read, accepted, duplicate, conflict, rejected and late.\n"
		"Exit 3 when there were conflicts or rejected events; duplicates are normal.\n"
		"A full disk is waited for. Ctrl-C ends the reading: what was read is stored and counted, and the exit code is "
		"1. Run\n"
		"it again at any time: what is stored already is a duplicate.\n"
		"\n"
		"  meter replay january.jsonl\n"
		"  zcat log.gz | meter replay --from csv --time utc --map id=request_id,type=:llm.call -\n",
	.options = options,
	.operand_min = 1,
	.operand_max = SIZE_MAX,
	.run = run,
};
