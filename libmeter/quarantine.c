/* quarantine.c - what was refused, entry by entry; read a page at a time, like events (events.c). */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "json.h"
#include "reason.h"

struct quarantine_entry {
	int64_t number;
	int32_t outcome;
	char *code;
	char *reason;
	char *text;
	size_t text_size;
	int64_t first_us;
	int64_t times;
	int64_t discarded_us;
	char *discard_reason; /* "": it waits */
};

/* Texts can be 1 MiB each, so a page is small. */
#define QUARANTINE_PAGE_ROWS 16

struct meter_quarantine {
	struct store *store;
	struct quarantine_filter filter;
	char *code;   /* of the filter; NULL: any */
	int64_t only; /* one entry; 0: all */
	int64_t from;
	bool is_last_page;
	struct quarantine_entry entries[QUARANTINE_PAGE_ROWS];
	size_t count;
	size_t next;
	struct buffer scratch; /* for reading JSON */
};

static void forget_page(meter_quarantine *quarantine)
{
	for (size_t i = 0; i < quarantine->count; i++) {
		free(quarantine->entries[i].code);
		free(quarantine->entries[i].reason);
		free(quarantine->entries[i].text);
		free(quarantine->entries[i].discard_reason);
	}
	quarantine->count = 0;
	quarantine->next = 0;
}

static int keep_entry(const struct quarantine_row *row, void *user)
{
	meter_quarantine *quarantine = user;
	struct quarantine_entry *entry = &quarantine->entries[quarantine->count++];
	*entry = (struct quarantine_entry){.number = row->number,
	                                   .outcome = row->outcome,
	                                   .code = meter__copy(row->code),
	                                   .reason = meter__copy(row->reason),
	                                   .text = meter__copy(row->text),
	                                   .text_size = row->text.size,
	                                   .first_us = row->first_us,
	                                   .times = row->times,
	                                   .discarded_us = row->discarded_us,
	                                   .discard_reason = meter__copy(row->discard_reason)};
	quarantine->from = row->number + 1;
	if (!entry->code || !entry->reason || !entry->text || !entry->discard_reason)
		return meter__fail(METER_ENOMEM, "no memory for quarantine");
	return METER_OK;
}

static int read_quarantine_page(meter_quarantine *quarantine)
{
	forget_page(quarantine);
	if (quarantine->is_last_page)
		return METER_EEND;
	struct reader *r;
	int code = meter__store_reader(&r, quarantine->store);
	if (code != METER_OK)
		return code;
	size_t limit = quarantine->only ? 1 : QUARANTINE_PAGE_ROWS;
	code = meter__store_page_quarantine(r, &quarantine->filter, quarantine->from, limit, keep_entry, quarantine);
	meter__store_reader_done(r);
	quarantine->is_last_page = quarantine->only || quarantine->count < limit;
	return code == METER_OK && quarantine->count == 0 ? METER_EEND : code;
}

static int new_quarantine(meter_quarantine **out, meter *m)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return meter__fail(METER_ENOMEM, "no memory for quarantine");
	(*out)->store = m->store;
	return METER_OK;
}

int meter_quarantine_query(meter_quarantine **out, meter *m, int32_t outcome, int64_t number)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	REQUIRE(outcome == 0 || outcome == METER_CONFLICT || outcome == METER_REJECTED);
	REQUIRE(number >= 0);
	meter_quarantine *quarantine;
	int code = new_quarantine(&quarantine, m);
	if (code != METER_OK)
		return code;
	quarantine->filter.outcome = outcome;
	/* Who asks for one entry knows of it, and may see what became of it. */
	quarantine->filter.state = number != 0 ? QUARANTINE_ALL : QUARANTINE_WAITING;
	quarantine->only = number;
	quarantine->from = number;
	if (number != 0) {
		code = read_quarantine_page(quarantine);
		if (code == METER_EEND || (code == METER_OK && quarantine->entries[0].number != number))
			code = meter__fail(METER_ENOTFOUND, "quarantine has no entry %lld", (long long)number);
	}
	if (code != METER_OK) {
		meter_quarantine_free(quarantine);
		return code;
	}
	*out = quarantine;
	return METER_OK;
}

int meter_quarantine_list(meter_quarantine **out, meter *m, const meter_quarantine_filter *filter)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && filter);
	REQUIRE(filter->struct_size >= sizeof(*filter));
	REQUIRE(filter->outcome == 0 || filter->outcome == METER_CONFLICT || filter->outcome == METER_REJECTED);
	REQUIRE(filter->discarded == 0 || filter->discarded == 1);
	if (filter->code && !meter__reason_is_code(filter->code))
		return meter__fail_value(METER_EINVAL, filter->code, strlen(filter->code), "a code of a reason was expected");
	meter_quarantine *quarantine;
	int code = new_quarantine(&quarantine, m);
	if (code != METER_OK)
		return code;
	quarantine->filter.outcome = filter->outcome;
	quarantine->filter.state = filter->discarded ? QUARANTINE_DISCARDED : QUARANTINE_WAITING;
	if (filter->code) {
		quarantine->code = meter__copy(meter__slice_of(filter->code));
		quarantine->filter.code = meter__slice_of(quarantine->code);
		if (!quarantine->code) {
			meter_quarantine_free(quarantine);
			return meter__fail(METER_ENOMEM, "no memory for quarantine");
		}
	}
	*out = quarantine;
	return METER_OK;
}

int meter_quarantine_next(meter_quarantine *quarantine)
{
	REQUIRE(quarantine);
	if (quarantine->next == quarantine->count) {
		int code = read_quarantine_page(quarantine);
		if (code != METER_OK)
			return code;
	}
	quarantine->next++;
	return METER_OK;
}

/* The entry that the last _next call stepped to; NULL before the first. */
static const struct quarantine_entry *current(const meter_quarantine *quarantine)
{
	return quarantine && quarantine->next > 0 ? &quarantine->entries[quarantine->next - 1] : NULL;
}

int64_t meter_quarantine_number(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->number : 0;
}

int32_t meter_quarantine_outcome(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->outcome : METER_PENDING;
}

const char *meter_quarantine_reason(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->reason : "";
}

const char *meter_quarantine_text(const meter_quarantine *quarantine, size_t *size_out)
{
	const struct quarantine_entry *entry = current(quarantine);
	if (size_out)
		*size_out = entry ? entry->text_size : 0;
	return entry ? entry->text : "";
}

/* Whether it is one JSON object and nothing else, on one line. */
static bool is_object_line(struct buffer *scratch, struct slice text)
{
	struct json j;
	struct json_value root;
	if (memchr(text.data, '\n', text.size) || meter__json_begin(&j, scratch, text.data, text.size) != METER_OK)
		return false;
	return meter__json_value(&j, &root) == METER_OK && root.kind == JSON_OBJECT && meter__json_skip(&j, &root) == METER_OK &&
	       meter__json_end(&j) == METER_OK;
}

const char *meter_quarantine_json(meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	if (!entry || !is_object_line(&quarantine->scratch, (struct slice){entry->text, entry->text_size}))
		return NULL;
	return entry->text;
}

const char *meter_quarantine_code(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->code : "";
}

int64_t meter_quarantine_discarded_us(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->discarded_us : INT64_MIN;
}

const char *meter_quarantine_discard_reason(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->discard_reason : "";
}

int64_t meter_quarantine_first_us(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->first_us : 0;
}

int64_t meter_quarantine_times(const meter_quarantine *quarantine)
{
	const struct quarantine_entry *entry = current(quarantine);
	return entry ? entry->times : 0;
}

void meter_quarantine_free(meter_quarantine *quarantine)
{
	if (!quarantine)
		return;
	forget_page(quarantine);
	meter__buffer_free(&quarantine->scratch);
	free(quarantine->code);
	free(quarantine);
}
