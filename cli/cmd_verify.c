/* cmd_verify.c - meter verify: what is stored, added up again by another route. */
#include "cli.h"

#include <string.h>

static const struct column columns[] = {
	{"code", COLUMN_TEXT}, {"text", COLUMN_TEXT}, {"place", COLUMN_TEXT}, {"expected", COLUMN_TEXT}, {"found", COLUMN_TEXT},
};

/* A finding's texts, in the order of the columns. */
static const char *field(const meter_verification *v, size_t index, size_t column)
{
	const char *fields[] = {meter_verify_code(v, index), meter_verify_text(v, index), meter_verify_place(v, index),
	                        meter_verify_expected(v, index), meter_verify_found(v, index)};

	return fields[column];
}

/* How far it came; NULL: to the end. */
static const char *reached(char out[32], const meter_verification *v)
{
	if (meter_verify_reached_us(v) == INT64_MAX || meter_time_format(out, 32, meter_verify_reached_us(v)) != METER_OK)
		return NULL;
	return out;
}

static int64_t events_per_second(const meter_verify_counters *c)
{
	return c->elapsed_us > 0 ? c->events * 1000000 / c->elapsed_us : 0;
}

static void add_seconds(struct text *t, int64_t us)
{
	text_format(t, "%lld.%03lld", (long long)(us / 1000000), (long long)(us / 1000 % 1000));
}

static void add_json_finding(struct text *t, const meter_verification *v, size_t index)
{
	text_add_string(t, index ? ",{" : "{");
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		const char *value = field(v, index, i);
		text_format(t, "%s\"%s\":", i ? "," : "", columns[i].name);
		text_add_json(t, value, value ? strlen(value) : 0);
	}
	text_add_string(t, "}");
}

static void print_json(const meter_verification *v, const meter_verify_counters *c)
{
	struct text t = {0};
	int32_t has_bug;
	char time[32];
	const char *stopped = reached(time, v);
	const char *sqlite = meter_verify_sqlite(&has_bug);

	text_format(&t, "{\"events\":%lld,\"minutes\":%lld,\"hours\":%lld,\"days\":%lld,\"samples\":%lld,\"seconds\":",
	            (long long)c->events, (long long)c->minutes, (long long)c->hours, (long long)c->days, (long long)c->samples);
	add_seconds(&t, c->elapsed_us);
	text_format(&t, ",\"events_per_second\":%lld,\"total_seconds\":", (long long)events_per_second(c));
	add_seconds(&t, c->total_us);
	text_format(&t, ",\"documents\":%lld,\"bills\":%lld,\"waiting\":%lld,\"head\":", (long long)c->documents,
	            (long long)c->bills, (long long)c->waiting);
	text_add_json(&t, meter_verify_head(v), meter_verify_head(v) ? strlen(meter_verify_head(v)) : 0);
	text_format(&t, ",\"schema_version\":%lld,\"application_id\":%lld,\"sqlite\":\"%s\",\"sqlite_wal_reset_bug\":%s",
	            (long long)c->schema_version, (long long)c->application_id, sqlite, has_bug ? "true" : "false");
	text_format(&t, ",\"finding_count\":%lld,\"findings\":[", (long long)meter_verify_total(v));
	for (size_t i = 0; i < meter_verify_count(v); i++)
		add_json_finding(&t, v, i);
	text_add_string(&t, "],\"reached\":");
	text_add_json(&t, stopped, stopped ? strlen(stopped) : 0);
	text_format(&t, ",\"ok\":%s}\n", meter_verify_total(v) || stopped ? "false" : "true");
	out_write(t.data, t.size);
	text_free(&t);
}

static void print_rows(const meter_verification *v, enum format format)
{
	struct out o;

	out_begin(&o, format, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < meter_verify_count(v); i++) {
		for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++)
			out_text(&o, field(v, i, k));
	}
	out_end(&o);
}

static void add_line(struct text *t, const char *name, const char *value)
{
	if (!value)
		return;
	text_format(t, "  %-9s ", name);
	text_add_visible(t, value, strlen(value));
	text_add_string(t, "\n");
}

static void add_documents(struct text *t, const meter_verification *v, const meter_verify_counters *c, bool is_full)
{
	text_format(t, "%lld document%s, %lld bill%s rated again", (long long)c->documents, c->documents == 1 ? "" : "s",
	            (long long)c->bills, c->bills == 1 ? "" : "s");
	if (c->waiting)
		text_format(t, " (%lld wait%s for an adjustment%s)", (long long)c->waiting, c->waiting == 1 ? "s" : "",
		            is_full           ? ""
		            : c->waiting == 1 ? ": --full rates it, too"
		                              : ": --full rates them, too");
	text_format(t, ", head %s\n", meter_verify_head(v) ? meter_verify_head(v) : "missing");
}

static void print_report(const meter_verification *v, const meter_verify_counters *c, bool is_full)
{
	struct text t = {0};
	int32_t has_bug;
	const char *sqlite = meter_verify_sqlite(&has_bug);
	int64_t left = meter_verify_total(v) - (int64_t)meter_verify_count(v);
	char time[32];

	for (size_t i = 0; i < meter_verify_count(v); i++) {
		text_format(&t, "%s: ", meter_verify_code(v, i));
		text_add_visible(&t, meter_verify_text(v, i), strlen(meter_verify_text(v, i)));
		text_add_string(&t, "\n");
		add_line(&t, "where", meter_verify_place(v, i));
		add_line(&t, "expected", meter_verify_expected(v, i));
		add_line(&t, "found", meter_verify_found(v, i));
	}
	if (left > 0)
		text_format(&t, "and %lld more\n", (long long)left);
	text_format(&t, "%lld events, %lld minutes, %lld hours, %lld days, %lld samples in ", (long long)c->events,
	            (long long)c->minutes, (long long)c->hours, (long long)c->days, (long long)c->samples);
	add_seconds(&t, c->elapsed_us);
	text_format(&t, " s (%lld events/s)\n", (long long)events_per_second(c));
	if (c->documents)
		add_documents(&t, v, c, is_full);
	text_format(&t, "schema version %lld, SQLite %s%s\n", (long long)c->schema_version, sqlite,
	            has_bug ? ", which has the WAL-reset bug: only libmeter may write to the file" : "");
	if (meter_verify_total(v))
		text_format(&t, "%lld finding%s\n", (long long)meter_verify_total(v), meter_verify_total(v) == 1 ? "" : "s");
	else if (!reached(time, v))
		text_add_string(&t, "ok\n");
	out_write(t.data, t.size);
	text_free(&t);
}

static int print(const meter_verification *v, enum format format, bool is_full)
{
	meter_verify_counters counters = {.struct_size = sizeof(counters)};
	int result = meter_verify_counts(v, &counters);

	if (result != METER_OK)
		return cli_library_error(result);
	if (format == FORMAT_TABLE)
		print_report(v, &counters, is_full);
	else if (format == FORMAT_JSON)
		print_json(v, &counters);
	else
		print_rows(v, format);
	char time[32];
	if (reached(time, v)) {
		cli_message("stopped: usage was compared up to %s; to go on: --since %s", time, time);
		return EXIT_FAILED;
	}
	return meter_verify_total(v) ? EXIT_FINDINGS : EXIT_DONE;
}

static int run(const struct arguments *arguments)
{
	meter_verify_options verify_options = METER_VERIFY_OPTIONS_INIT;
	meter_verification *v;
	int exit_code = opt_time(&verify_options.since_us, arguments, "since");

	if (exit_code == EXIT_DONE)
		exit_code = opt_time(&verify_options.until_us, arguments, "until");
	if (exit_code != EXIT_DONE)
		return exit_code;
	if (verify_options.since_us > verify_options.until_us)
		return cli_usage_error(arguments->verb, "--since is after --until");
	verify_options.head = opt_value(arguments, "head");
	if (verify_options.head && (strlen(verify_options.head) != 64 || strspn(verify_options.head, "0123456789abcdef") != 64))
		return cli_usage_error(arguments->verb, "--head takes 64 hexadecimal digits");
	if (opt_has(arguments, "full"))
		verify_options.flags |= METER_VERIFY_FULL;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	struct progress progress;
	progress_begin(&progress, "events");
	progress_catch_interrupt();
	verify_options.progress = progress_show;
	verify_options.user = &progress;
	int result = meter_verify_run(&v, m, &verify_options);
	progress_clear(&progress);
	if (result != METER_OK)
		return cli_close(m, cli_call_error(arguments->verb, result));
	exit_code = print(v, arguments->format, opt_has(arguments, "full"));
	meter_verify_free(v);
	return cli_close(m, exit_code);
}

static const struct option options[] = {
	{"since", "TIME", "only minutes, hours and days that begin at or after", false},
	{"until", "TIME", "and that end at or before", false},
	{"head", "HASH", "a head or the hash of an invoice that was kept elsewhere: it must be there", false},
	{"full", NULL, "rate bills that hold no more again, too, and let SQLite compare its indexes with its tables", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_verify = {
	.name = "verify",
	.operands = "",
	.summary = "add up what is stored by another route and compare",
	.details =
		"Compares events with minutes, minutes with hours, hours with days and events with samples, in exact decimals, "
		"without\n"
		"the code that wrote them. Looks for gaps in what sources number, for ids that a subscription has at two times, "
		"and for\n"
		"damage of the SQLite file. Proves invoices: the chain of documents, their numbers, totals and entries in the "
		"ledger,\n"
		"that periods tile, and that every bill, rated again, is what it was. Changes nothing; recording goes on "
		"meanwhile.\n"
		"--since and --until make slices of a large file; after Ctrl-C it says where to go on. Keep the head elsewhere: "
		"--head\n"
		"then shows whether documents were cut off.\n"
		"json is one report; jsonl and csv list the findings, at most 1,000. Exit 3 when there is a finding.\n"
		"\n"
		"  meter verify --since 2026-01-01 --until 2026-02-01 --json\n",
	.options = options,
	.run = run,
};
