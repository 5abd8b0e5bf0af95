/* cmd_stats.c - meter stats: the counters of a file. */
#include "cli.h"

static const struct column columns[] = {
	{"accepted", COLUMN_NUMBER},      {"duplicate", COLUMN_NUMBER},
	{"conflict", COLUMN_NUMBER},      {"rejected", COLUMN_NUMBER},
	{"late", COLUMN_NUMBER},          {"unbilled", COLUMN_NUMBER},
	{"commits", COLUMN_NUMBER},       {"catalog_version", COLUMN_NUMBER},
	{"quarantined", COLUMN_NUMBER},   {"first_event_us", COLUMN_NUMBER},
	{"last_event_us", COLUMN_NUMBER}, {"database_bytes", COLUMN_NUMBER},
	{"wal_bytes", COLUMN_NUMBER},     {"queued", COLUMN_NUMBER},
	{"refused", COLUMN_NUMBER},       {"oldest_queued_us", COLUMN_NUMBER},
	{"writer_error", COLUMN_NUMBER},  {"wal_alarm", COLUMN_NUMBER},
	{"recovered", COLUMN_NUMBER},     {"damaged", COLUMN_NUMBER},
	{"spooled_bytes", COLUMN_NUMBER}, {"retractions_waiting", COLUMN_NUMBER},
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void print_record(const meter_counters *s, enum format format)
{
	const int64_t values[COLUMN_COUNT] = {
		s->accepted,      s->duplicate,
		s->conflict,      s->rejected,
		s->late,          s->unbilled,
		s->commits,       s->catalog_version,
		s->quarantined,   s->first_event_us,
		s->last_event_us, s->database_bytes,
		s->wal_bytes,     s->queued,
		s->refused,       s->oldest_queued_us,
		s->writer_error,  s->wal_alarm,
		s->recovered,     s->damaged,
		s->spooled_bytes, s->retractions_waiting,
	};
	struct out o;

	out_begin_record(&o, format, columns, COLUMN_COUNT);
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (values[i] == INT64_MIN)
			out_text(&o, NULL);
		else
			out_integer(&o, values[i]);
	}
	out_end(&o);
}

static void add_family(struct text *t, const char *name, const char *type, const char *help)
{
	text_format(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_metric(struct text *t, const char *name, const char *type, const char *help, int64_t value)
{
	add_family(t, name, type, help);
	text_format(t, "%s %lld\n", name, (long long)value);
}

static void add_time(struct text *t, const char *name, const char *help, int64_t time_us)
{
	if (time_us == INT64_MIN)
		return;
	add_family(t, name, "gauge", help);
	text_format(t, "%s %lld.%06lld\n", name, (long long)(time_us / 1000000), (long long)(time_us % 1000000));
}

/* The counters of this handle are left out: they are those of a process that has just begun. */
static void print_prometheus(const meter_counters *s)
{
	struct text t = {0};

	add_family(&t, "meter_events_total", "counter", "Events by what became of them.");
	text_format(&t, "meter_events_total{outcome=\"accepted\"} %lld\n", (long long)s->accepted);
	text_format(&t, "meter_events_total{outcome=\"duplicate\"} %lld\n", (long long)s->duplicate);
	text_format(&t, "meter_events_total{outcome=\"conflict\"} %lld\n", (long long)s->conflict);
	text_format(&t, "meter_events_total{outcome=\"rejected\"} %lld\n", (long long)s->rejected);
	add_metric(&t, "meter_events_late_total", "counter", "Accepted events whose period was already finalized.", s->late);
	add_metric(&t, "meter_events_unbilled", "gauge",
	           "Stored events that no invoice shows: of a type without meter, or of no subscription of the catalog.",
	           s->unbilled);
	add_metric(&t, "meter_retractions_waiting", "gauge", "Events that were taken back or corrected, and never came.",
	           s->retractions_waiting);
	add_metric(&t, "meter_commits_total", "counter", "Transactions that stored events.", s->commits);
	add_metric(&t, "meter_catalog_version", "gauge", "Version of the catalog in force, 0 when there is none.",
	           s->catalog_version);
	add_metric(&t, "meter_quarantine_entries", "gauge", "Entries in quarantine.", s->quarantined);
	add_time(&t, "meter_first_event_timestamp_seconds", "Time of the first stored event.", s->first_event_us);
	add_time(&t, "meter_last_event_timestamp_seconds", "Time of the last stored event.", s->last_event_us);
	add_metric(&t, "meter_database_bytes", "gauge", "Size of the database file.", s->database_bytes);
	add_metric(&t, "meter_wal_bytes", "gauge", "Size of the write-ahead log.", s->wal_bytes);
	add_metric(&t, "meter_wal_alarm", "gauge", "1 when a reader has kept the write-ahead log from being written back.",
	           s->wal_alarm);
	add_metric(&t, "meter_spooled_bytes", "gauge", "Room taken in spools by events that are not durable yet.",
	           s->spooled_bytes);
	add_metric(&t, "meter_writer_error", "gauge", "0, or the result code that keeps a writer from writing.", s->writer_error);
	add_metric(&t, "meter_recovered_total", "counter", "Events taken over from processes that died.", s->recovered);
	add_metric(&t, "meter_damaged_total", "counter", "Damaged records of spools, and spools.", s->damaged);
	out_write(t.data, t.size);
	text_free(&t);
}

static int run(const struct arguments *arguments)
{
	meter_counters stats = {.struct_size = sizeof(stats)};
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);

	if (!m)
		return EXIT_FAILED;
	int result = meter_stats(m, &stats);
	if (result != METER_OK)
		return cli_close(m, cli_library_error(result));
	if (arguments->format == FORMAT_PROMETHEUS)
		print_prometheus(&stats);
	else
		print_record(&stats, arguments->format);
	return cli_close(m, EXIT_DONE);
}

const struct verb verb_stats = {
	.name = "stats",
	.operands = "",
	.summary = "show the counters of the database",
	.details = "--format prometheus prints the text format 0.0.4.\n"
		   "\n"
		   "  meter stats --format prometheus\n",
	.has_prometheus = true,
	.run = run,
};
