/*
 * verify.c - meter_verify_run(): what is stored, added up again by another route and compared. See verify.h for its parts.
 *
 * A check of its own is a function of the list in check_all(), which runs on the first worker's reader after they have ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "internal.h"
#include "os.h"
#include "verify.h"

/* After each slice of the time it can be stopped. */
#define SLICES_MIN 8
#define SLICES_MAX 1000
#define SLICE_EVENTS 4000000

struct meter_verification {
	struct findings findings;
	meter_verify_counters counters;
	char head[HASH_TEXT_SIZE];
	int64_t reached_us; /* where it was stopped; INT64_MAX: it was not */
};

/* ---- checks of the whole file ---- */

struct run {
	struct work work;
	int64_t since_us, until_us;
	bool is_full, is_whole; /* is_whole: all of the time */
	bool is_compared;       /* no damage kept events from being looked at */
	const char *head;       /* NULL: any */
	meter_progress progress;
	void *user;
	struct meter_verification *out;
};

static int visit_integrity(struct slice text, void *user)
{
	struct slice none = {NULL, 0};
	return meter__finding_add(user, "integrity", text, meter__slice_of("database file"), none, none);
}

static int check_integrity(struct run *run)
{
	return meter__verify_integrity(run->work.readers[0], run->is_full, visit_integrity, &run->out->findings);
}

static int check_file(struct run *run)
{
	const struct worker *workers = run->work.workers;
	struct file_check check = {.reader = run->work.readers[0],
	                           .findings = &run->out->findings,
	                           .totals = &run->work.totals,
	                           .meters = &run->work.meters,
	                           .is_whole = run->is_whole && run->is_compared,
	                           .events = run->out->counters.events,
	                           .has_negative = workers[0].has_negative || workers[1].has_negative};
	check.ingest_max = workers[0].ingest_max > workers[1].ingest_max ? workers[0].ingest_max : workers[1].ingest_max;
	return meter__verify_file(&check);
}

static int check_invoices(struct run *run)
{
	struct invoice_check check = {.reader = run->work.readers[0],
	                              .findings = &run->out->findings,
	                              .since_us = run->is_whole ? INT64_MIN : run->since_us,
	                              .until_us = run->is_whole ? INT64_MAX : run->until_us,
	                              .is_full = run->is_full,
	                              .head = run->head};
	for (size_t i = 0; i < WORKERS; i++) {
		check.late[i] = run->work.workers[i].late;
		if (check.late[i])
			meter__late_sort(run->work.workers[i].late);
	}
	int code = meter__verify_chain(&check);
	if (code == METER_OK)
		code = meter__verify_invoices(&check);
	run->out->counters.documents = check.documents;
	run->out->counters.bills = check.bills;
	run->out->counters.waiting = check.waiting;
	memcpy(run->out->head, check.last_hash, sizeof(check.last_hash));
	return code;
}

/* Everything that is not bound to a stretch of time. What damage stops does not keep the next from being checked. */
static int check_all(struct run *run)
{
	static int (*const checks[])(struct run * run) = {check_file, check_invoices, check_integrity};
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < sizeof(checks) / sizeof(checks[0]); i++) {
		code = checks[i](run);
		if (code == METER_ECORRUPT)
			code = meter__verify_settle(&run->out->findings, code, meter_errmsg());
	}
	return code;
}

/* ---- the run ---- */

/* How long a slice is: of an even file an eighth, or what takes some two seconds. */
static int64_t slice_us(const struct run *run, int64_t first, int64_t last)
{
	int64_t count = run->work.totals.accepted / SLICE_EVENTS;
	count = count < SLICES_MIN ? SLICES_MIN : count > SLICES_MAX ? SLICES_MAX : count;
	return ((last - first) / US_PER_DAY / count + 1) * US_PER_DAY;
}

static int64_t count_events(const struct run *run)
{
	return run->work.workers[0].events + run->work.workers[1].events;
}

/* Slices are cut at midnights, so that what is compared is the same as without them. */
static int run_slices(struct run *run)
{
	int64_t first, last, from_us = run->since_us;
	int code = meter__store_bounds(run->work.readers[0], &first, &last);
	if (code == METER_EEND) { /* there may be buckets all the same */
		first = last = from_us;
		code = METER_OK;
	}
	const int64_t length_us = slice_us(run, first, last);
	run->work.since_us = from_us;
	int64_t cut_us = meter__floor_div(first > from_us ? first : from_us, US_PER_DAY) * US_PER_DAY;
	while (code == METER_OK && from_us < run->until_us) {
		cut_us += length_us;
		const int64_t to_us = cut_us <= last && cut_us < run->until_us ? cut_us : run->until_us;
		code = meter__work_stretch(&run->work, from_us, to_us, false);
		from_us = to_us;
		if (code == METER_OK && from_us < run->until_us && run->progress &&
		    run->progress(count_events(run), run->work.totals.accepted, run->user) != 0) {
			run->out->reached_us = from_us;
			return METER_OK;
		}
	}
	return code == METER_OK ? meter__work_finish(&run->work, run->is_whole) : code;
}

static void gather(struct run *run)
{
	meter_verify_counters *counters = &run->out->counters;
	for (size_t i = 0; i < WORKERS; i++) {
		const struct worker *w = &run->work.workers[i];
		counters->events += w->events;
		counters->minutes += w->minutes;
		counters->hours += w->hours;
		counters->days += w->days;
		counters->samples += w->samples;
	}
}

static int run_checks(struct run *run)
{
	int64_t started = meter__os.mono_us();
	meter_verify_counters *counters = &run->out->counters;
	int code = meter__verify_catalogs(run->work.readers[0], &run->out->findings);
	if (code == METER_OK)
		code = meter__work_read(&run->work, true);
	if (code == METER_OK)
		code = meter__verify_identity(run->work.readers[0], &counters->schema_version, &counters->application_id);
	if (code == METER_OK)
		code = run_slices(run);
	run->is_compared = code == METER_OK && !run->work.is_damaged;
	gather(run);
	counters->elapsed_us = meter__os.mono_us() - started;
	if (code == METER_ECORRUPT)
		code = meter__verify_settle(&run->out->findings, code, meter_errmsg());
	if (code == METER_OK && run->out->reached_us == INT64_MAX)
		code = check_all(run);
	counters->total_us = meter__os.mono_us() - started;
	return code == METER_ECORRUPT ? meter__verify_settle(&run->out->findings, code, meter_errmsg()) : code;
}

static bool is_hash(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF") == HASH_TEXT_SIZE - 1 && text[HASH_TEXT_SIZE - 1] == '\0';
}

/* Times outside of those that events can have do not matter. */
static int read_options(struct run *run, const meter_verify_options *in)
{
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	if (in && (in->struct_size < sizeof(size_t) || in->struct_size > 4096))
		return meter__fail(METER_EINVAL, "options: struct_size is %zu; start from METER_VERIFY_OPTIONS_INIT",
		                   in->struct_size);
	if (in)
		memcpy(&options, in, in->struct_size < sizeof(options) ? in->struct_size : sizeof(options));
	if (options.flags & ~METER_VERIFY_FULL)
		return meter__fail(METER_EINVAL, "options: unknown flags");
	if (options.since_us > options.until_us)
		return meter__fail(METER_EINVAL, "options: since is after until");
	if (options.head && !is_hash(options.head))
		return meter__fail(METER_EINVAL, "options: head is not 64 hexadecimal digits");
	run->head = options.head;
	run->progress = options.progress;
	run->user = options.user;
	run->is_full = options.flags & METER_VERIFY_FULL;
	/* No event is older than 1970, but a row that is damaged may say so. */
	run->since_us = options.since_us <= 0 ? -INSTANT_MAX : options.since_us;
	run->until_us = options.until_us > INSTANT_MAX ? INSTANT_MAX + 1 : options.until_us;
	run->is_whole = run->since_us < 0 && run->until_us > INSTANT_MAX;
	if (run->since_us > run->until_us)
		run->since_us = run->until_us;
	return METER_OK;
}

int meter_verify_run(meter_verification **out, meter *m, const meter_verify_options *options)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct run run = {.out = NULL};
	int code = read_options(&run, options);
	if (code != METER_OK)
		return code;
	run.out = calloc(1, sizeof(*run.out));
	code = run.out ? meter__work_begin(&run.work, m->store, &run.out->findings)
	               : meter__fail(METER_ENOMEM, "no memory to verify");
	if (code == METER_OK) {
		run.out->reached_us = INT64_MAX;
		code = run_checks(&run);
	}
	meter__work_end(&run.work);
	if (code != METER_OK) {
		meter_verify_free(run.out);
		return code;
	}
	*out = run.out;
	return METER_OK;
}

/* ---- accessors ---- */

size_t meter_verify_count(const meter_verification *v)
{
	return v ? v->findings.count : 0;
}

int64_t meter_verify_total(const meter_verification *v)
{
	return v ? v->findings.total : 0;
}

static const struct finding *finding_at(const meter_verification *v, size_t index)
{
	return v && index < v->findings.count ? &v->findings.list[index] : NULL;
}

const char *meter_verify_code(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->code : NULL;
}

const char *meter_verify_text(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->text : NULL;
}

const char *meter_verify_place(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->place : NULL;
}

const char *meter_verify_expected(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->expected : NULL;
}

const char *meter_verify_found(const meter_verification *v, size_t index)
{
	const struct finding *f = finding_at(v, index);
	return f ? f->found : NULL;
}

const char *meter_verify_head(const meter_verification *v)
{
	return v && v->head[0] ? v->head : NULL;
}

int64_t meter_verify_reached_us(const meter_verification *v)
{
	return v ? v->reached_us : INT64_MIN;
}

int meter_verify_counts(const meter_verification *v, meter_verify_counters *out)
{
	REQUIRE(v && out);
	if (out->struct_size < sizeof(size_t) || out->struct_size > 4096)
		return meter__fail(METER_EINVAL, "counters: struct_size is %zu; sizeof(meter_verify_counters) was expected",
		                   out->struct_size);
	size_t size = out->struct_size < sizeof(*out) ? out->struct_size : sizeof(*out);
	meter_verify_counters counters = v->counters;
	counters.struct_size = out->struct_size;
	memcpy(out, &counters, size);
	return METER_OK;
}

const char *meter_verify_sqlite(int32_t *has_wal_reset_bug)
{
	bool has;
	const char *version = meter__verify_sqlite(&has);
	if (has_wal_reset_bug)
		*has_wal_reset_bug = has;
	return version;
}

void meter_verify_free(meter_verification *v)
{
	if (!v)
		return;
	meter__findings_free(&v->findings);
	free(v);
}
