/*
 * nth.c - every call that can fail, fails: for each scenario and kind of call the first one fails, then the second, until the
 * scenario passes without the fault being met; once with a fault that goes away, once with one that stays until it is cleared.
 *
 *   nth all                                  every N: half an hour
 *   nth short                                N = 1, 2, 3, 4, 6, 8, 11 ...: a minute or two
 *   nth all|short SCENARIO                   the same for one
 *   nth SCENARIO KIND N once|persistent      one run
 *
 * After every run, with the fault cleared: what was acknowledged is stored once, nothing else is, what was refused waits or is
 * stored, buckets and counters agree, the file passes integrity_check, and no descriptor is left open. Of invoices: each document
 * is whole or not there, numbers have no gaps, and once everything is closed each use is billed once.
 */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <meter.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "books.h"
#include "closing.h"
#include "faults.h"

#define EVENTS_MAX 4000
enum { ATTEMPTED = 1, ACKED = 2, DURABLE = 4, STORED = 8, REFUSED = 16 };

static char folder[100], path[120];
static uint8_t events[EVENTS_MAX];
static int next;
static bool is_short;
static struct {
	const char *scenario;
	enum fault_kind kind;
	int nth;
	bool is_persistent;
} run;

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "nth %s %s %d %s: %s: %s\n", run.scenario, fault_names[run.kind], run.nth,
	        run.is_persistent ? "persistent" : "once", what, detail);
	exit(1);
}

/* $FOLDER is the scratch folder. */
static void shell(const char *script)
{
	if (system(script) != 0)
		fail("shell", script);
}

/* ---- doing ---- */

static const char catalog[] = "version: 1\nmeters:\n  uses: {event_type: use, aggregation: count, dimensions: [kind]}\n";
static const char catalog_of_two[] = "version: 1\nmeters:\n  uses: {event_type: use, aggregation: count, dimensions: [kind]}\n"
				     "  amounts: {event_type: use, aggregation: sum}\n";

static const char catalog_that_refuses[] = "version: 1\nmeters:\n  weights: {event_type: use, aggregation: sum, value: weight}\n";

/* A dollar a use and day: three days each. */
static const char catalog_with_plans[] =
	"version: 1\nmeters:\n  uses: {event_type: use, aggregation: count, dimensions: [kind]}\nplans:\n"
	"  - {key: p, currency: USD, period: day, effective_from: 2020-01-01T00:00:00Z, charges: [{key: uses, meter: uses, "
	"model: unit, "
	"price: 1}]}\n"
	"subscriptions:\n"
	"  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-01-04T00:00:00Z}\n"
	"  beta: {customer: Beta, plan: p, from: 2026-01-01T00:00:00Z, until: 2026-01-04T00:00:00Z}\n";
#define DAY_US INT64_C(86400000000)
#define FIRST_DAY_US INT64_C(1767225600000000)

/* Any documented code is fine; what is not, is a defect. */
static int check(int code)
{
	static const int known[] = {METER_OK,        METER_ENOMEM, METER_EBUSY, METER_EAGAIN,    METER_EIO,   METER_ECORRUPT,
	                            METER_EREADONLY, METER_EFULL,  METER_EEND,  METER_ENOTFOUND, METER_ESTATE};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (code == known[i])
			return code;
	}
	fail("a code that is not documented for it", meter_strerror(code));
}

static int open_file(meter **m)
{
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	options.lock_wait_ms = 50;
	int code = check(meter_open(m, path, &options));
	if ((code == METER_OK) != (*m != NULL))
		fail("meter_open", "code and handle disagree");
	return code;
}

struct filled {
	meter_event event;
	meter_property property;
	char id[16];
};

static void fill(struct filled *f, int number)
{
	f->event = (meter_event)METER_EVENT_INIT;
	snprintf(f->id, sizeof(f->id), "%d", number);
	f->property = (meter_property)METER_PROPERTY("kind", number % 2 ? "odd" : "even");
	f->event.subscription = "acme";
	f->event.id = f->id;
	f->event.type = "use";
	f->event.timestamp_us = INT64_C(1767225600000000) + number * INT64_C(1000000);
	f->event.properties = &f->property;
	f->event.property_count = 1;
}

static int record(meter *m, int count)
{
	int code = METER_OK;
	for (int i = 0; code == METER_OK && i < count; i++) {
		struct filled f;
		fill(&f, next);
		events[next] |= ATTEMPTED;
		code = check(meter_record(m, &f.event));
		if (code == METER_OK)
			events[next] |= ACKED;
		next++;
	}
	return code;
}

static int record_many(meter *m, int count)
{
	static struct filled filled[1000];
	static meter_event many[1002];
	int first = next;
	for (int i = 0; i < count; i++) {
		fill(&filled[i], next);
		many[i] = filled[i].event;
		events[next++] |= ATTEMPTED;
	}
	many[count] = many[0]; /* a duplicate */
	many[count + 1] = many[0];
	many[count + 1].id = ""; /* rejected */
	int code = check(meter_record_many(m, many, (size_t)count + 2, NULL));
	for (int i = first; code == METER_OK && i < next; i++)
		events[i] |= ACKED | DURABLE;
	return code;
}

static int read_everything(meter *m)
{
	meter_usage *usage;
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	meter_events *list;
	meter_events_filter events_filter = METER_EVENTS_FILTER_INIT;
	meter_quarantine *quarantine;
	meter_counters stats = {.struct_size = sizeof(stats)};
	filter.meter = "uses";
	int code = check(meter_usage_query(&usage, m, &filter));
	if (code == METER_OK)
		meter_usage_free(usage);
	if (check(meter_events_query(&list, m, &events_filter)) == METER_OK) {
		while ((code = check(meter_events_next(list))) == METER_OK)
			;
		meter_events_free(list);
	}
	if (check(meter_quarantine_query(&quarantine, m, 0, 0)) == METER_OK) {
		while ((code = check(meter_quarantine_next(quarantine))) == METER_OK)
			;
		meter_quarantine_free(quarantine);
	}
	return check(meter_stats(m, &stats));
}

static int apply(meter *m, const char *text)
{
	return check(meter_catalog_apply(m, "catalog", text, strlen(text), NULL, NULL, NULL));
}

/* ---- scenarios: what is done with the fault armed; *m stays open for what follows ---- */

static void do_open(meter **m)
{
	(void)open_file(m);
}

static void do_record(meter **m)
{
	int from = next;
	if (open_file(m) == METER_OK && record(*m, 20) == METER_OK && check(meter_flush(*m, -1)) == METER_OK) {
		for (int i = from; i < next; i++)
			events[i] |= DURABLE;
	}
}

static void do_many(meter **m)
{
	if (open_file(m) == METER_OK && record_many(*m, 100) == METER_OK)
		(void)record_many(*m, 100);
}

static void do_apply(meter **m)
{
	if (open_file(m) == METER_OK && apply(*m, catalog_of_two) == METER_OK)
		(void)record_many(*m, 10);
}

static void do_read(meter **m)
{
	if (open_file(m) == METER_OK && read_everything(*m) == METER_OK)
		(void)read_everything(*m);
}

static int count_files(const char *part)
{
	DIR *directory = opendir(folder);
	int count = 0;
	for (const struct dirent *entry; directory && (entry = readdir(directory)) != NULL;)
		count += strstr(entry->d_name, part) != NULL;
	closedir(directory);
	return count;
}

/* A copy is there whole or not at all, and nothing else is left. */
static void do_backup(meter **m)
{
	char copy[140];
	int64_t copied;
	snprintf(copy, sizeof(copy), "%s/copy.db", folder);
	if (open_file(m) != METER_OK)
		return;
	int code = check(meter_backup(*m, copy, NULL, NULL, &copied));
	if (count_files("meter-backup") != 0 || count_files("copy.db") != (code == METER_OK))
		fail("a failed backup left a file, or one that returned none", copy);
	if (code == METER_OK && copied != next)
		fail("a backup", "it does not hold what was durable");
	(void)unlink(copy);
}

static void do_close(meter **m)
{
	if (open_file(m) != METER_OK)
		return;
	(void)record(*m, 50);
	(void)check(meter_close(*m));
	*m = NULL;
}

static void do_retry(meter **m)
{
	meter_retry_result result = {.struct_size = sizeof(result)};
	if (open_file(m) != METER_OK)
		return;
	int code = check(meter_quarantine_retry(*m, NULL, &result, NULL, NULL));
	for (int i = 0; code == METER_OK && i < next; i++)
		events[i] |= events[i] & REFUSED ? DURABLE : 0;
	if (code == METER_OK && result.accepted == 0)
		fail("a retry that retried nothing", "");
}

/* ---- invoices ---- */

/* Documents whose call returned METER_OK. */
static struct issued {
	char number[24], total[24];
	bool is_voided;
} issued[64];
static size_t issued_count;

static struct issued *find_issued(const char *number)
{
	for (size_t i = 0; i < issued_count; i++) {
		if (strcmp(issued[i].number, number) == 0)
			return &issued[i];
	}
	if (issued_count == sizeof(issued) / sizeof(issued[0]))
		fail("documents", "more than expected");
	struct issued *new = &issued[issued_count++];
	*new = (struct issued){{0}, {0}, false};
	snprintf(new->number, sizeof(new->number), "%s", number);
	return new;
}

static void note_issued(const char *number, const char *total)
{
	snprintf(find_issued(number)->total, sizeof(issued[0].total), "%s", total);
}

/* Note a document that a call gave; whether it did. */
static bool issue(int code, meter_invoice *invoice)
{
	if ((check(code) == METER_OK) != (invoice != NULL))
		fail("an invoice", "code and document disagree");
	if (invoice)
		note_issued(meter_invoice_number(invoice), meter_invoice_total(invoice));
	meter_invoice_free(invoice);
	return code == METER_OK;
}

static bool close_due(meter *m, int64_t at_us)
{
	meter_closing *closing;
	int code = check(close_at(&closing, m, at_us));
	if (code != METER_OK)
		return false;
	if (meter_closing_refused(closing) > 0)
		fail("closing", meter_closing_message(closing, 0));
	for (size_t i = 0; i < meter_closing_count(closing); i++)
		note_issued(meter_closing_number(closing, i), meter_closing_total(closing, i));
	meter_closing_free(closing);
	return true;
}

/* The first day is billed, and late events wait. Then: a day of all, a day of one, an adjustment, a void, another invoice in
 * place of one. */
static void do_finalize(meter **m)
{
	meter_invoice *invoice;
	if (open_file(m) != METER_OK || !close_due(*m, FIRST_DAY_US + 2 * DAY_US))
		return;
	int code = meter_invoice_finalize(&invoice, *m, "beta", METER_NUL_TERMINATED, NULL, 0, NULL, FIRST_DAY_US + 3 * DAY_US);
	if (!issue(code, invoice) || record_many(*m, 5) != METER_OK)
		return;
	code = meter_invoice_adjust(&invoice, *m, "acme", METER_NUL_TERMINATED, FIRST_DAY_US + 3 * DAY_US);
	if (!issue(code, invoice))
		return;
	code = check(meter_invoice_void(&invoice, *m, "INV-000005", "a fault", FIRST_DAY_US + 3 * DAY_US));
	if (code == METER_OK)
		find_issued("INV-000005")->is_voided = true;
	meter_invoice_free(invoice);
	if (code != METER_OK)
		return;
	code = meter_invoice_regenerate(&invoice, *m, "INV-000004", "a fault", FIRST_DAY_US + 3 * DAY_US);
	if (issue(code, invoice))
		find_issued("INV-000004")->is_voided = true;
}

static const struct scenario {
	const char *name;
	void (*run)(meter **m);
	bool is_new;      /* no file yet */
	bool has_ring;    /* of a process that died */
	bool has_refused; /* events that could be recorded by now */
	bool is_billed;   /* the first of three days is; late events wait */
} scenarios[] = {
	{"open-new", do_open, true, false, false, false},     {"open", do_open, false, false, false, false},
	{"recover", do_open, false, true, false, false},      {"record", do_record, false, false, false, false},
	{"many", do_many, false, false, false, false},        {"apply", do_apply, false, true, false, false},
	{"read", do_read, false, false, false, false},        {"close", do_close, false, false, false, false},
	{"backup", do_backup, false, false, false, false},    {"retry", do_retry, false, false, true, false},
	{"finalize", do_finalize, false, false, false, true},
};
#define SCENARIO_COUNT (sizeof(scenarios) / sizeof(scenarios[0]))

/* ---- the file each run starts from ---- */

/* 600 events, two pages, that only the catalog of now can read. */
static void refuse_some(meter *m)
{
	int first = next;
	if (apply(m, catalog_that_refuses) != METER_OK || record_many(m, 600) != METER_OK)
		fail("making a file", meter_errmsg());
	for (int i = first; i < next; i++)
		events[i] = ATTEMPTED | REFUSED;
}

static void bill_the_first_day(meter *m)
{
	if (!close_due(m, FIRST_DAY_US + DAY_US) || record_many(m, 20) != METER_OK)
		fail("making a file", meter_errmsg());
}

static void make_template(bool has_ring, bool has_refused, bool is_billed)
{
	meter *m;
	shell("rm -rf $FOLDER/template && mkdir $FOLDER/template");
	if (open_file(&m) != METER_OK)
		fail("making a file", meter_errmsg());
	if (has_refused)
		refuse_some(m);
	if (apply(m, is_billed ? catalog_with_plans : catalog) != METER_OK || record_many(m, 200) != METER_OK)
		fail("making a file", meter_errmsg());
	if (is_billed)
		bill_the_first_day(m);
	if (has_ring) {
		/* The child opens it itself and dies with its events in the ring. */
		meter_close(m);
		pid_t child = fork();
		if (child == 0) {
			meter_options options = METER_OPTIONS_INIT;
			options.queue_mib = 1;
			options.commit_interval_ms = 60000;
			bool is_left = meter_open(&m, path, &options) == METER_OK && record(m, 100) == METER_OK;
			_exit(is_left ? 0 : 1);
		}
		int status;
		waitpid(child, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail("leaving a ring", "");
		for (int i = 0; i < 100; i++)
			events[next++] = ATTEMPTED | ACKED;
	} else if (meter_close(m) != METER_OK) {
		fail("making a file", meter_errmsg());
	}
	shell("cp $FOLDER/meter.db* $FOLDER/template/");
}

/* ---- the oracle ---- */

static int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;
	while (directory && readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* What waits is not stored, and what was refused and is not stored waits. events still says what is stored. */
static void verify_waiting(meter *m)
{
	meter_quarantine *list;
	bool is_waiting[EVENTS_MAX] = {false};
	if (meter_quarantine_query(&list, m, 0, 0) != METER_OK)
		fail("listing quarantine", meter_errmsg());
	int code;
	while ((code = meter_quarantine_next(list)) == METER_OK) {
		const char *id = strstr(meter_quarantine_text(list, NULL), "\"id\":\"");
		if (!id || id[6] == '"')
			continue;
		int number = atoi(id + 6);
		if (!(events[number] & REFUSED) || is_waiting[number] || (events[number] & STORED))
			fail("waits twice, or is stored as well", id);
		is_waiting[number] = true;
	}
	meter_quarantine_free(list);
	if (code != METER_EEND)
		fail("reading quarantine", meter_errmsg());
	for (int i = 0; i < next; i++) {
		if ((events[i] & REFUSED) && !(events[i] & STORED) && !is_waiting[i])
			fail("refused, and lost", "");
	}
}

static void verify_stored(meter *m)
{
	meter_events *list;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_counters stats = {.struct_size = sizeof(stats)};
	int64_t count = 0;
	if (meter_events_query(&list, m, &filter) != METER_OK)
		fail("listing", meter_errmsg());
	int code;
	while ((code = meter_events_next(list)) == METER_OK) {
		int number = atoi(meter_events_event(list)->id);
		if (!(events[number] & ATTEMPTED) || (events[number] & STORED))
			fail("stored twice, or never attempted", meter_events_event(list)->id);
		events[number] |= STORED;
		count++;
	}
	meter_events_free(list);
	if (code != METER_EEND || meter_stats(m, &stats) != METER_OK)
		fail("reading", meter_errmsg());
	verify_waiting(m);
	for (int i = 0; i < next; i++) {
		if ((events[i] & (ACKED | DURABLE)) && !(events[i] & STORED))
			fail(events[i] & DURABLE ? "durable, but lost" : "accepted, but lost", "");
		events[i] &= (uint8_t)~STORED;
	}
	if (stats.accepted != count || stats.damaged != 0)
		fail("the counters do not add up", "");
	meter_usage *usage;
	meter_usage_filter usage_filter = METER_USAGE_FILTER_INIT;
	usage_filter.meter = "uses";
	if (meter_usage_query(&usage, m, &usage_filter) == METER_ENOTFOUND)
		return; /* no catalog yet */
	if (meter_usage_next(usage) != METER_OK || strtoll(meter_usage_value(usage), NULL, 10) != count)
		fail("buckets are not the sum of the events", meter_usage_value(usage));
	meter_usage_free(usage);
}

static void verify_file(void)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW || strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		fail("integrity_check", sqlite3_errmsg(db));
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

/* ---- the oracle of invoices ---- */

static void verify_issued(meter *m)
{
	for (size_t i = 0; i < issued_count; i++) {
		meter_invoice *invoice;
		if (meter_invoice_find(&invoice, m, issued[i].number) != METER_OK)
			fail("issued, but lost", issued[i].number);
		const bool is_voided = strcmp(meter_invoice_status(invoice), "voided") == 0;
		if (strcmp(meter_invoice_total(invoice), issued[i].total) != 0 || (issued[i].is_voided && !is_voided))
			fail("issued, but not what was said", issued[i].number);
		meter_invoice_free(invoice);
	}
}

/* Cents of what is billed and holds. */
static int64_t sum_documents(meter *m)
{
	meter_invoices *list;
	int64_t sum = 0;
	int code;
	if (meter_invoices_query(&list, m, NULL, 0) != METER_OK)
		fail("listing invoices", meter_errmsg());
	while ((code = meter_invoices_next(list)) == METER_OK) {
		const meter_invoice *invoice = meter_invoices_invoice(list);
		const char *total = meter_invoice_total(invoice);
		int64_t cents = strtoll(total, NULL, 10) * 100;
		if (strcmp(total + strlen(total) - 3, ".00") != 0)
			fail("a dollar a use", total);
		sum += strcmp(meter_invoice_status(invoice), "voided") == 0 ? 0 : cents;
	}
	meter_invoices_free(list);
	if (code != METER_EEND)
		fail("reading invoices", meter_errmsg());
	return sum;
}

static void verify_findings(meter *m)
{
	meter_verification *v;
	if (meter_verify_run(&v, m, NULL) != METER_OK || meter_verify_total(v) != 0)
		fail("verify", meter_verify_count(v) ? meter_verify_text(v, 0) : meter_errmsg());
	meter_verify_free(v);
}

static void verify_documents(void)
{
	const char *wrong = books_wrong(path);
	if (wrong)
		fail("the books", wrong);
}

/* What was not done is done now; then every use is billed once. */
static void verify_billing(meter *m, int64_t events_stored)
{
	verify_issued(m);
	verify_findings(m);
	if (!close_due(m, FIRST_DAY_US + 10 * DAY_US) || !close_due(m, FIRST_DAY_US + 10 * DAY_US))
		fail("closing after the fault is over", meter_errmsg());
	if (sum_documents(m) != events_stored * 100)
		fail("what is billed is not what was used", "");
	verify_issued(m);
}

static int64_t count_accepted(meter *m)
{
	meter_counters stats = {.struct_size = sizeof(stats)};
	if (meter_stats(m, &stats) != METER_OK)
		fail("stats", meter_errmsg());
	return stats.accepted;
}

/* One run. Whether the fault was met. */
static bool run_once(const struct scenario *s)
{
	int known = next;
	const size_t known_issued = issued_count;
	uint8_t before[EVENTS_MAX];
	memcpy(before, events, sizeof(before));
	shell("rm -f $FOLDER/meter.db*");
	if (!s->is_new)
		shell("cp $FOLDER/template/meter.db* $FOLDER/");
	int descriptors = count_descriptors();
	meter *m = NULL;
	fault_arm(run.kind, run.nth, run.is_persistent);
	s->run(&m);
	bool has_fired = fault_clear();
	if (!has_fired && s->is_billed && issued_count != 7)
		fail("a scenario that does not do what it should", meter_errmsg());
	/* Half of the runs go on with the handle they have, half close it first. */
	if (m && run.nth % 2 == 0) {
		int code = meter_flush(m, -1);
		if (code != METER_OK && code != METER_ECORRUPT)
			fail("flush after the fault is over", meter_errmsg());
		if (code == METER_OK)
			verify_stored(m);
	}
	if (m && check(meter_close(m)) != METER_OK && run.kind != FAULT_VFS_READ)
		fail("close after the fault is over", meter_errmsg());
	if (open_file(&m) != METER_OK)
		fail("opening after the fault is over", meter_errmsg());
	verify_stored(m);
	if (s->is_billed)
		verify_documents();
	if (s->is_billed)
		verify_billing(m, count_accepted(m));
	if (meter_close(m) != METER_OK)
		fail("closing", meter_errmsg());
	verify_file();
	if (s->is_billed)
		verify_documents();
	issued_count = known_issued;
	if (count_descriptors() != descriptors)
		fail("a descriptor is left open", "");
	memcpy(events, before, sizeof(before));
	next = known;
	return has_fired;
}

static int run_all(const struct scenario *s, enum fault_kind kind, bool is_persistent)
{
	run.scenario = s->name;
	run.kind = kind;
	run.is_persistent = is_persistent;
	int runs = 0;
	for (run.nth = 1; run_once(s); run.nth += 1 + run.nth / (is_short ? 4 : INT_MAX))
		runs++;
	return runs;
}

static void prepare(const struct scenario *s)
{
	run.scenario = s->name;
	next = 0;
	issued_count = 0;
	memset(events, 0, sizeof(events));
	shell("rm -f $FOLDER/meter.db*");
	if (!s->is_new)
		make_template(s->has_ring, s->has_refused, s->is_billed);
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 5 || argc == 4) {
		fprintf(stderr, "usage: nth all|short [SCENARIO] | nth SCENARIO KIND N once|persistent\n");
		return 2;
	}
	is_short = strcmp(argv[1], "short") == 0;
	fault_malloc_register();
	fault_vfs_register();
	snprintf(folder, sizeof(folder), "/tmp/meter-nth-XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/meter.db", folder);
	setenv("FOLDER", folder, 1);
	int64_t runs = 0, met[FAULT_COUNT] = {0};
	for (size_t i = 0; i < SCENARIO_COUNT; i++) {
		if (argc == 3 && strcmp(argv[2], scenarios[i].name) != 0)
			continue;
		prepare(&scenarios[i]);
		for (int kind = 0; kind < FAULT_COUNT; kind++) {
			if (argc == 5 && (strcmp(argv[1], scenarios[i].name) != 0 || strcmp(argv[2], fault_names[kind]) != 0))
				continue;
			if (argc == 5) {
				run.kind = (enum fault_kind)kind;
				run.nth = atoi(argv[3]);
				run.is_persistent = strcmp(argv[4], "persistent") == 0;
				printf("met: %d\n", run_once(&scenarios[i]));
				continue;
			}
			int once = run_all(&scenarios[i], (enum fault_kind)kind, false);
			int persistent = run_all(&scenarios[i], (enum fault_kind)kind, true);
			runs += once + persistent;
			met[kind] += once + persistent;
		}
	}
	for (int kind = 0; argc == 2 && kind < FAULT_COUNT; kind++) {
		if (met[kind] == 0)
			fail("a kind of call was never met", fault_names[kind]);
	}
	printf("{\"test\":\"nth\",\"scenarios\":%zu,\"kinds\":%d,\"faults\":%" PRId64 ",\"lost\":0,\"doubled\":0}\n",
	       SCENARIO_COUNT, FAULT_COUNT, runs);
	shell("rm -rf $FOLDER");
	return 0;
}
