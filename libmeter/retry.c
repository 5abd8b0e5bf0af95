/*
 * retry.c - work on quarantine: entries are read again and recorded, discarded, or counted by kind of reason.
 *
 * A retry goes through the entries a page at a time. A page is read and made into events without any lock; then, in one
 * transaction, those that still wait are stored like any load, and the store settles each entry by the outcome of its event. So
 * an event and its entry change together, and what another process retried or discarded meanwhile is left alone.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "internal.h"
#include "os.h"
#include "reason.h"
#include "remap.h"

#define PAGE_ROWS 512
#define PAGE_BYTES (4u << 20)
#define DISCARD_REASON_MAX 1000

/* An entry on its way. */
struct waiting {
	int64_t number;
	int32_t outcome;
	bool keeps_reason;
	bool is_left_alone; /* a conflict whose key would be the same */
	bool is_tried;
	char *text;
	size_t text_size;
	char *record; /* the event; NULL: it cannot be read, */
	char *reason; /* and why; of a conflict that is left alone its own reason */
};

struct retry {
	struct meter *m;
	meter_retry_options options;
	int64_t *numbers; /* sorted */
	size_t next_number;
	struct quarantine_filter filter;
	int64_t from;
	int64_t last; /* no entry after this one, for they come while we run */
	struct waiting page[PAGE_ROWS];
	size_t count;
	size_t bytes;
	struct load load;
	struct buffer scratch, mapped, original;
	meter_retry_result result;
};

/* ---- a page ---- */

static void forget_page(struct retry *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->page[i].text);
		free(r->page[i].record);
		free(r->page[i].reason);
	}
	r->count = 0;
	r->bytes = 0;
}

static int keep_row(const struct quarantine_row *row, void *user)
{
	struct retry *r = user;
	if (row->number > r->last || r->count == PAGE_ROWS || r->bytes > PAGE_BYTES)
		return METER_EEND;
	struct waiting *w = &r->page[r->count++];
	*w = (struct waiting){.number = row->number,
	                      .outcome = row->outcome,
	                      .text = meter__copy(row->text),
	                      .text_size = row->text.size,
	                      .reason = meter__copy(row->reason)};
	r->bytes += row->text.size;
	r->from = row->number + 1;
	return w->text && w->reason ? METER_OK : meter__fail(METER_ENOMEM, "no memory for quarantine");
}

/* The next of the numbers that were asked for; METER_EEND: the page is full, or that was the last one. */
static int read_number(struct retry *r, struct reader *reader)
{
	if (r->next_number == r->options.number_count || r->count == PAGE_ROWS || r->bytes > PAGE_BYTES)
		return METER_EEND;
	int64_t number = r->numbers[r->next_number++];
	size_t before = r->count;
	int code = meter__store_page_quarantine(reader, &r->filter, number, 1, keep_row, r);
	if (r->count > before && r->page[before].number != number) { /* the next one instead: this one is of another kind */
		free(r->page[before].text);
		free(r->page[before].reason);
		r->count = before;
	}
	return code == METER_EEND ? METER_OK : code;
}

static int read_page(struct retry *r)
{
	struct reader *reader;
	int code = meter__store_reader(&reader, r->m->store);
	if (code != METER_OK)
		return code;
	if (r->options.numbers) {
		while (code == METER_OK)
			code = read_number(r, reader);
	} else {
		code = meter__store_page_quarantine(reader, &r->filter, r->from, PAGE_ROWS, keep_row, r);
	}
	meter__store_reader_done(reader);
	return code == METER_EEND ? METER_OK : code;
}

/* ---- from a text to an event ---- */

static int read_event(const struct retry *r, struct event *e, struct property *properties, struct buffer *scratch,
                      struct slice text)
{
	int64_t now_us = meter__os.now_us();
	int32_t format = r->options.time_format;
	int code = meter__event_json_read(e, properties, scratch, text.data, text.size, format, now_us);
	if (code != METER_EINVAL || format == METER_TIME_RFC3339)
		return code;
	/* What the library wrote itself. The two forms have no text in common, so this guesses nothing. */
	code = meter__event_json_read(e, properties, scratch, text.data, text.size, METER_TIME_RFC3339, now_us);
	if (code != METER_EINVAL || strcmp(meter__reason_code(meter_errmsg()), "timestamp") != 0)
		return code;
	/* It is the time that is wrong, in either form: the message is that of the form asked for. */
	return meter__event_json_read(e, properties, scratch, text.data, text.size, format, now_us);
}

static int set_reason(struct waiting *w, const char *reason)
{
	free(w->reason);
	w->reason = meter__copy(meter__slice_of(reason));
	return w->reason ? METER_OK : meter__fail(METER_ENOMEM, "no memory for quarantine");
}

/* Whether a conflict has the key it had, and so is one still. */
static bool has_old_key(struct retry *r, const struct waiting *w, const struct event *e)
{
	struct event before;
	struct property properties[EVENT_PROPERTIES_MAX];
	if (meter__event_json_read(&before, properties, &r->original, w->text, w->text_size, METER_TIME_RFC3339,
	                           meter__os.now_us()) != METER_OK)
		return false;
	return before.timestamp_us == e->timestamp_us && meter__slice_equal(before.subscription, e->subscription) &&
	       meter__slice_equal(before.id, e->id);
}

static int make_event(struct retry *r, struct waiting *w)
{
	struct slice text = {w->text, w->text_size};
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	int code =
		meter__remap(&r->mapped, &w->keeps_reason, &r->scratch, text, r->options.rules, r->options.rule_count, w->number);
	if (code != METER_OK)
		return code;
	if (w->keeps_reason)
		text = (struct slice){r->mapped.data, r->mapped.size};
	code = read_event(r, &e, properties, &r->scratch, text);
	if (code == METER_EINVAL) {
		code = set_reason(w, meter_errmsg());
		/* No JSON: what was found when it came, maybe as a row of CSV, says more. */
		w->keeps_reason |= code == METER_OK && strcmp(meter__reason_code(w->reason), "json") == 0;
		return code;
	}
	if (code != METER_OK)
		return code;
	w->is_left_alone = w->outcome == METER_CONFLICT && has_old_key(r, w, &e);
	if (w->is_left_alone)
		return METER_OK;
	w->record = malloc(meter__event_encoded_size(&e));
	if (!w->record)
		return meter__fail(METER_ENOMEM, "no memory for an event");
	meter__event_encode(&e, w->record);
	return METER_OK;
}

/* ---- a transaction ---- */

static int add_arrivals(struct retry *r)
{
	struct load *l = &r->load;
	meter__load_clear(l);
	for (size_t i = 0; i < r->count; i++) {
		struct waiting *w = &r->page[i];
		int code = meter__store_quarantine_waits(r->m->store, w->number, &w->is_tried);
		if (code != METER_OK)
			return code;
		if (!w->is_tried || w->is_left_alone)
			continue;
		struct arrival *arrival = &l->arrivals[l->count++];
		*arrival = (struct arrival){
			.record = w->record, .index = (uint32_t)i, .quarantined = w->number, .keeps_reason = w->keeps_reason};
		if (!w->record) {
			arrival->refused_text = (struct slice){w->text, w->text_size};
			arrival->refused_reason = w->reason;
		}
	}
	return METER_OK;
}

static int write_page(struct retry *r)
{
	struct store *s = r->m->store;
	int code = meter__store_begin(s);
	if (code != METER_OK)
		return code;
	TEST_POINT("retry.begun");
	code = add_arrivals(r);
	if (code == METER_OK && r->load.count > 0)
		code = meter__store_ingest(s, &r->load);
	if (code != METER_OK) {
		meter__store_rollback(s);
		return code;
	}
	TEST_POINT("retry.ingested");
	code = meter__store_commit(s);
	TEST_POINT("retry.committed");
	return code;
}

/* ---- telling ---- */

static void count_outcome(meter_retry_result *result, int32_t outcome)
{
	result->tried++;
	if (outcome == METER_REJECTED)
		result->rejected++;
	else if (outcome == METER_CONFLICT)
		result->conflict++;
	else if (outcome == METER_DUPLICATE)
		result->duplicate++;
	else
		result->accepted++;
}

/* All are counted, also those after the one that report stopped at. */
static int tell(struct retry *r, meter_retry_report report, void *user)
{
	size_t at = 0;
	bool is_stopped = false;
	for (size_t i = 0; i < r->count; i++) {
		const struct waiting *w = &r->page[i];
		if (!w->is_tried)
			continue;
		int32_t outcome = METER_CONFLICT;
		const char *reason = w->reason;
		if (!w->is_left_alone) {
			const struct arrival *arrival = &r->load.arrivals[at++];
			outcome = arrival->outcome;
			if (arrival->record)
				reason = arrival->reason ? arrival->reason : "";
		}
		count_outcome(&r->result, outcome);
		if (report && !is_stopped)
			is_stopped = report(w->number, outcome, reason, user) != 0;
	}
	return is_stopped ? meter__fail(METER_ETIMEDOUT, "stopped after %lld entries", (long long)r->result.tried) : METER_OK;
}

static int retry_page(struct retry *r, meter_retry_report report, void *user)
{
	int code = read_page(r);
	for (size_t i = 0; code == METER_OK && i < r->count; i++)
		code = make_event(r, &r->page[i]);
	if (code != METER_OK || r->count == 0)
		return code == METER_OK ? METER_EEND : code;
	code = write_page(r);
	return code == METER_OK ? tell(r, report, user) : code;
}

/* ---- the call ---- */

static int compare_numbers(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

static int note_row(const struct quarantine_row *row, void *user)
{
	*(int64_t *)user = row->number;
	return METER_OK;
}

/* Each must wait, before anything is tried. */
static int check_numbers(struct retry *r, struct reader *reader)
{
	static const struct quarantine_filter all = {0};
	for (size_t i = 0; i < r->options.number_count; i++) {
		int64_t found = 0;
		int code = meter__store_page_quarantine(reader, &all, r->numbers[i], 1, note_row, &found);
		if (code != METER_OK)
			return code;
		if (found != r->numbers[i])
			return meter__fail(METER_ENOTFOUND, "quarantine has no entry %lld that waits", (long long)r->numbers[i]);
	}
	return METER_OK;
}

static int copy_numbers(struct retry *r)
{
	size_t count = r->options.number_count, kept = 0;
	r->numbers = malloc((count + 1) * sizeof(*r->numbers));
	if (!r->numbers)
		return meter__fail(METER_ENOMEM, "no memory for %zu numbers", count);
	if (count > 0)
		memcpy(r->numbers, r->options.numbers, count * sizeof(*r->numbers));
	qsort(r->numbers, count, sizeof(*r->numbers), compare_numbers);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || r->numbers[kept - 1] != r->numbers[i])
			r->numbers[kept++] = r->numbers[i];
	}
	r->options.number_count = kept;
	return METER_OK;
}

static int begin_retry(struct retry *r)
{
	int code = copy_numbers(r);
	if (code == METER_OK)
		code = meter__load_init(&r->load, PAGE_ROWS, meter__os.random());
	if (code != METER_OK)
		return code;
	struct reader *reader;
	code = meter__store_reader(&reader, r->m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_quarantine_last(reader, &r->last);
	if (code == METER_OK)
		code = check_numbers(r, reader);
	meter__store_reader_done(reader);
	return code;
}

static void end_retry(struct retry *r)
{
	forget_page(r);
	if (r->load.arrivals)
		meter__load_free(&r->load);
	meter__buffer_free(&r->scratch);
	meter__buffer_free(&r->mapped);
	meter__buffer_free(&r->original);
	free(r->numbers);
	free(r);
}

static int check_options(const meter_retry_options *o)
{
	REQUIRE(o->struct_size >= sizeof(*o));
	REQUIRE(o->numbers || o->number_count == 0);
	REQUIRE(o->outcome == 0 || o->outcome == METER_CONFLICT || o->outcome == METER_REJECTED);
	REQUIRE(o->time_format >= METER_TIME_RFC3339 && o->time_format <= METER_TIME_NS);
	REQUIRE(o->rules || o->rule_count == 0);
	if (o->code && !meter__reason_is_code(o->code))
		return meter__fail_value(METER_EINVAL, o->code, strlen(o->code), "a code of a reason was expected");
	return meter__remap_check(o->rules, o->rule_count);
}

int meter_quarantine_retry(meter *m, const meter_retry_options *options, meter_retry_result *result, meter_retry_report report,
                           void *user)
{
	static const meter_retry_options defaults = METER_RETRY_OPTIONS_INIT;
	REQUIRE(m);
	REQUIRE(!result || result->struct_size >= sizeof(*result));
	if (result)
		*result = (meter_retry_result){.struct_size = result->struct_size};
	options = options ? options : &defaults;
	int code = check_options(options);
	if (code != METER_OK)
		return code;
	REQUIRE_OWN(m);
	struct retry *r = calloc(1, sizeof(*r));
	if (!r)
		return meter__fail(METER_ENOMEM, "no memory for a retry");
	r->m = m;
	r->options = *options;
	r->filter = (struct quarantine_filter){.outcome = options->outcome, .code = meter__slice_of(options->code)};
	code = begin_retry(r);
	while (code == METER_OK) {
		forget_page(r);
		code = retry_page(r, report, user);
	}
	if (result) {
		r->result.struct_size = result->struct_size;
		*result = r->result;
	}
	end_retry(r);
	return code == METER_EEND ? METER_OK : code;
}

/* ---- discarding ---- */

static int check_discard_reason(struct slice reason)
{
	if (reason.size == 0 || reason.size > DISCARD_REASON_MAX)
		return meter__fail(METER_EINVAL, "reason: %zu bytes; 1..%d were expected", reason.size, DISCARD_REASON_MAX);
	for (size_t i = 0; i < reason.size; i++) {
		unsigned char c = (unsigned char)reason.data[i];
		if (c < 0x20 || c == 0x7f)
			return meter__fail(METER_EINVAL, "reason: has a control character");
	}
	if (!meter__utf8_valid(reason.data, reason.size))
		return meter__fail(METER_EINVAL, "reason: is not valid UTF-8");
	return METER_OK;
}

static bool is_first_of(const int64_t *numbers, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (numbers[i] == numbers[index])
			return false;
	}
	return true;
}

int meter_quarantine_discard(meter *m, const int64_t *numbers, size_t count, const char *reason, size_t reason_size)
{
	REQUIRE(m && reason);
	REQUIRE(numbers || count == 0);
	struct slice why = meter__optional_argument(reason, reason_size);
	int code = check_discard_reason(why);
	if (code != METER_OK)
		return code;
	REQUIRE_OWN(m);
	code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	int64_t now_us = meter__os.now_us();
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		if (is_first_of(numbers, i))
			code = meter__store_quarantine_discard(m->store, numbers[i], why, now_us);
	}
	if (code == METER_OK)
		return meter__store_commit(m->store);
	meter__store_rollback(m->store);
	return code;
}

/* ---- kinds of reasons ---- */

struct reason_row {
	int32_t outcome;
	char *code;
	int64_t entries;
	int64_t times;
};

struct meter_reasons {
	struct reason_row *rows;
	size_t count;
};

static int keep_sum(const struct quarantine_sum *sum, void *user)
{
	meter_reasons *reasons = user;
	struct reason_row *rows = realloc(reasons->rows, (reasons->count + 1) * sizeof(*rows));
	if (!rows)
		return meter__fail(METER_ENOMEM, "no memory for reasons");
	reasons->rows = rows;
	rows[reasons->count] = (struct reason_row){
		.outcome = sum->outcome, .code = meter__copy(sum->code), .entries = sum->entries, .times = sum->times};
	return rows[reasons->count++].code ? METER_OK : meter__fail(METER_ENOMEM, "no memory for reasons");
}

int meter_quarantine_reasons(meter_reasons **out, meter *m)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	meter_reasons *reasons = calloc(1, sizeof(*reasons));
	code = reasons ? meter__store_quarantine_reasons(r, keep_sum, reasons)
	               : meter__fail(METER_ENOMEM, "no memory for reasons");
	meter__store_reader_done(r);
	if (code != METER_OK) {
		meter_reasons_free(reasons);
		return code;
	}
	*out = reasons;
	return METER_OK;
}

size_t meter_reasons_count(const meter_reasons *reasons)
{
	return reasons ? reasons->count : 0;
}

static const struct reason_row *row_at(const meter_reasons *reasons, size_t index)
{
	return reasons && index < reasons->count ? &reasons->rows[index] : NULL;
}

int32_t meter_reasons_outcome(const meter_reasons *reasons, size_t index)
{
	const struct reason_row *row = row_at(reasons, index);
	return row ? row->outcome : 0;
}

const char *meter_reasons_code(const meter_reasons *reasons, size_t index)
{
	const struct reason_row *row = row_at(reasons, index);
	return row ? row->code : NULL;
}

int64_t meter_reasons_entries(const meter_reasons *reasons, size_t index)
{
	const struct reason_row *row = row_at(reasons, index);
	return row ? row->entries : 0;
}

int64_t meter_reasons_times(const meter_reasons *reasons, size_t index)
{
	const struct reason_row *row = row_at(reasons, index);
	return row ? row->times : 0;
}

void meter_reasons_free(meter_reasons *reasons)
{
	if (!reasons)
		return;
	for (size_t i = 0; i < reasons->count; i++)
		free(reasons->rows[i].code);
	free(reasons->rows);
	free(reasons);
}
