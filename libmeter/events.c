/*
 * events.c - stored events, one by one, and where they were billed. Rows are read a page at a time, each page in a short
 * transaction of its own, so that a listing of any length holds little memory and keeps no checkpoint waiting.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "internal.h"
#include "invoice.h"
#include "place.h"

#define PAGE_ROWS 256

/* A stretch of time whose events an invoice saw: that counted at ingest_max, and of an adjustment not at ingest_before, or the
 * other way round. */
struct window {
	struct period range;
	int64_t ingest_before, ingest_max;
};

/* What is known of an event besides itself. */
struct note {
	int64_t ingest;
	int64_t retracted;   /* the transaction that took it back; 0: none has */
	const char *because; /* NULL: it was not taken back */
	struct place place;
};

struct meter_events {
	struct store *store;
	struct event_page page;
	struct arena filters; /* the texts of the filter */
	struct property *properties_wanted;
	size_t property_count;
	bool only_late;
	bool with_invoice;
	bool with_retracted;
	struct placer placer;
	struct window *windows; /* NULL: only the page's */
	size_t window_count, window_at;
	struct buffer records; /* of this page: encoded events, one after the other */
	struct note notes[PAGE_ROWS];
	struct arena places;   /* the texts of notes */
	size_t kept;           /* how many are on this page */
	size_t next;           /* the one to step to; */
	size_t at;             /* where its record is */
	struct reader *reader; /* while a page is read */
	bool is_last_page;
	bool is_nobody; /* the subscription or type asked for was never seen */
	struct event event;
	struct property properties[EVENT_PROPERTIES_MAX];
	meter_property public_properties[EVENT_PROPERTIES_MAX];
	char value[DECIMAL_TEXT_SIZE];
	struct buffer texts; /* NUL-terminated ones of the current event */
	struct buffer json;
	meter_event public_event;
};

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "no memory for a listing");
}

/* A text of the filter, kept. */
static int keep_text(meter_events *events, struct slice *out, const char *text, size_t size)
{
	const struct slice in = meter__optional_argument(text, size);
	*out = (struct slice){in.data ? meter__arena_copy(&events->filters, in) : NULL, in.size};
	return in.data && !out->data ? no_memory() : METER_OK;
}

static int keep_properties(meter_events *events, const meter_events_filter *filter)
{
	events->properties_wanted = meter__arena_array(&events->filters, filter->property_count, sizeof(struct property));
	int code = events->properties_wanted ? METER_OK : no_memory();
	for (size_t i = 0; i < filter->property_count && code == METER_OK; i++) {
		const meter_property *p = &filter->properties[i];
		struct property *wanted = &events->properties_wanted[i];
		if (!p->name || !p->value)
			return meter__fail(METER_EINVAL, "a property to look for has a name and a value");
		code = keep_text(events, &wanted->name, p->name, p->name_size);
		if (code == METER_OK)
			code = keep_text(events, &wanted->value, p->value, p->value_size);
	}
	events->property_count = filter->property_count;
	return code;
}

/* ---- what an invoice saw ---- */

static void add_window(meter_events *events, const meter_events_filter *filter, const struct bill *bill,
                       const struct bill *before)
{
	const struct period asked = {filter->from_us, filter->to_us};
	struct window w = {.range = meter__period_intersect(bill->period.active, asked),
	                   .ingest_before = before ? before->ingest : 0,
	                   .ingest_max = bill->ingest};
	if (w.range.from_us >= w.range.to_us || w.ingest_max == 0)
		return;
	/* Periods do not overlap, so their order is that of the events. */
	size_t at = events->window_count++;
	for (; at > 0 && events->windows[at - 1].range.from_us > w.range.from_us; at--)
		events->windows[at] = events->windows[at - 1];
	events->windows[at] = w;
}

static void open_window(meter_events *events)
{
	const struct window *w = &events->windows[events->window_at];
	events->page.from_us = w->range.from_us;
	events->page.to_us = w->range.to_us;
	events->page.after_subscription = 0;
	meter__buffer_reset(&events->page.after_id);
}

static int find_windows(meter_events *events, struct reader *r, const meter_events_filter *filter, struct slice *subscription)
{
	meter_invoice *invoice;
	int64_t document;
	int code = meter__store_document_named(r, meter__slice_of(filter->invoice), &document);
	if (code == METER_OK)
		code = meter__invoice_load(&invoice, r, document);
	if (code != METER_OK)
		return code;
	const struct slice of = meter__slice_of(invoice->subscription);
	if (subscription->data && !meter__slice_equal(*subscription, of))
		code = meter__fail(METER_ENOTFOUND, "%s is an invoice of subscription %s", filter->invoice,
		                   invoice->subscription);
	if (code == METER_OK)
		code = keep_text(events, subscription, of.data, of.size);
	events->windows = meter__arena_array(&events->filters, invoice->adjustment_count + 1, sizeof(struct window));
	if (code == METER_OK && !events->windows)
		code = no_memory();
	if (code == METER_OK && invoice->has_own)
		add_window(events, filter, &invoice->own, NULL);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
		add_window(events, filter, &invoice->adjustments[i].after, &invoice->adjustments[i].before);
	meter_invoice_free(invoice);
	if (code == METER_OK && events->window_count > 0)
		open_window(events);
	events->is_last_page = events->window_count == 0;
	return code;
}

static int find_subscription(meter_events *events, const meter_events_filter *filter)
{
	struct slice subscription = meter__optional_argument(filter->subscription, filter->subscription_size);
	struct reader *r;
	if (!subscription.data && !filter->invoice)
		return METER_OK;
	int code = meter__store_reader(&r, events->store);
	if (code != METER_OK)
		return code;
	if (filter->invoice)
		code = find_windows(events, r, filter, &subscription);
	if (code == METER_OK)
		code = meter__store_name(r, &events->page.subscription, subscription);
	meter__store_reader_done(r);
	events->is_nobody = events->page.subscription == 0;
	return code;
}

static int prepare_events(meter_events *events, const meter_events_filter *filter)
{
	events->page.from_us = filter->from_us;
	events->page.to_us = filter->to_us;
	events->only_late = filter->outcome == METER_LATE;
	events->with_invoice = filter->with_invoice;
	events->with_retracted = filter->with_retracted;
	int code = keep_text(events, &events->page.type, filter->type, filter->type_size);
	if (code == METER_OK)
		code = keep_text(events, &events->page.id, filter->id, filter->id_size);
	if (code == METER_OK)
		code = keep_text(events, &events->page.source, filter->source, filter->source_size);
	if (code == METER_OK)
		code = keep_properties(events, filter);
	return code == METER_OK ? find_subscription(events, filter) : code;
}

static int check_filter(const meter_events_filter *filter)
{
	if (filter->from_us > filter->to_us)
		return meter__fail(METER_EINVAL, "from is after to");
	if (filter->property_count > EVENT_PROPERTIES_MAX || (filter->property_count > 0 && !filter->properties))
		return meter__fail(METER_EINVAL, "0 to %d properties can be looked for", EVENT_PROPERTIES_MAX);
	if (filter->outcome == METER_CONFLICT || filter->outcome == METER_REJECTED)
		return meter__fail(METER_EINVAL, "events with outcome %s are not stored: they are in quarantine",
		                   meter_outcome_name(filter->outcome));
	if (filter->outcome != 0 && filter->outcome != METER_ACCEPTED && filter->outcome != METER_LATE)
		return meter__fail(METER_EINVAL, "outcome is %s; accepted or late was expected",
		                   meter_outcome_name(filter->outcome));
	return METER_OK;
}

int meter_events_query(meter_events **out, meter *m, const meter_events_filter *filter)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && filter);
	REQUIRE(filter->struct_size >= sizeof(*filter));
	int code = check_filter(filter);
	if (code != METER_OK)
		return code;
	meter_events *events = calloc(1, sizeof(*events));
	if (!events)
		return no_memory();
	events->store = m->store;
	code = prepare_events(events, filter);
	if (code != METER_OK) {
		meter_events_free(events);
		return code;
	}
	*out = events;
	return METER_OK;
}

static bool has_properties(const meter_events *events, const struct event *e)
{
	for (size_t i = 0; i < events->property_count; i++) {
		const struct property *wanted = &events->properties_wanted[i];
		const struct slice value = meter__event_property(e, wanted->name);
		if (!value.data || !meter__slice_equal(value, wanted->value))
			return false;
	}
	return true;
}

/* Whether it is asked for: of an invoice what it saw, or what has changed for it since the one before; else what counts. */
static bool is_wanted(const meter_events *events, const struct stored_event *stored)
{
	if (!events->windows)
		return events->with_retracted || stored->retracted == INT64_MAX;
	const struct window *w = &events->windows[events->window_at];
	return meter__counted_at(stored, w->ingest_max) != meter__counted_at(stored, w->ingest_before);
}

static int keep_event(const struct stored_event *stored, void *user)
{
	meter_events *events = user;
	bool is_late = true;
	int code = METER_OK;
	if (!is_wanted(events, stored) || !has_properties(events, &stored->event))
		return METER_OK;
	if (events->only_late)
		code = meter__place_is_late(&is_late, events->reader, stored);
	if (code != METER_OK || !is_late)
		return code;
	struct note *note = &events->notes[events->kept];
	*note = (struct note){.ingest = stored->ingest};
	note->retracted = stored->retracted == INT64_MAX ? 0 : stored->retracted;
	code = meter__store_retraction(events->reader, stored, &events->places, &note->because);
	if (code == METER_OK && events->with_invoice)
		code = meter__place(&note->place, &events->placer, &events->places, events->reader, stored);
	if (code != METER_OK)
		return code;
	/* Decoding makes slices with the alignment the encoder expects: records start at multiples of 8. */
	size_t size = (meter__event_encoded_size(&stored->event) + 7) & ~(size_t)7;
	char *record = meter__buffer_reserve(&events->records, size);
	if (!record)
		return meter__fail(METER_ENOMEM, "no memory for a page of events");
	meter__event_encode(&stored->event, record);
	events->records.size += size;
	events->kept++;
	return METER_OK;
}

/* The next rows, of which all, some or none are kept. */
static int read_rows(meter_events *events)
{
	size_t count = 0;
	int code = meter__store_reader(&events->reader, events->store);
	if (code != METER_OK)
		return code;
	code = meter__store_page_events(events->reader, &events->page, PAGE_ROWS, &count, keep_event, events);
	meter__store_reader_done(events->reader);
	if (code != METER_OK)
		events->kept = 0;
	if (code != METER_OK || count == PAGE_ROWS)
		return code;
	if (++events->window_at < events->window_count)
		open_window(events);
	else
		events->is_last_page = true;
	return code;
}

static int read_events_page(meter_events *events)
{
	int code = METER_OK;
	meter__buffer_reset(&events->records);
	meter__arena_free(&events->places);
	events->kept = events->next = events->at = 0;
	while (code == METER_OK && events->kept == 0) {
		if (events->is_nobody || events->is_last_page)
			return METER_EEND;
		code = read_rows(events);
	}
	return code;
}

/* A NUL-terminated copy in texts, whose memory does not move: it has room for the largest event. */
static const char *terminated(meter_events *events, struct slice s)
{
	if (!s.data)
		return NULL;
	const char *at = events->texts.data + events->texts.size;
	meter__buffer_slice(&events->texts, s);
	meter__buffer_char(&events->texts, '\0');
	return at;
}

static int publish_event(meter_events *events)
{
	meter__buffer_reset(&events->texts);
	meter__buffer_reset(&events->json);
	if (!meter__buffer_reserve(&events->texts, 2 * EVENT_ENCODED_MAX))
		return meter__fail(METER_ENOMEM, "no memory for an event");
	const struct event *e = &events->event;
	meter_event *p = &events->public_event;
	*p = (meter_event)METER_EVENT_INIT;
	p->subscription = terminated(events, e->subscription);
	p->subscription_size = e->subscription.size;
	p->id = terminated(events, e->id);
	p->id_size = e->id.size;
	p->type = terminated(events, e->type);
	p->type_size = e->type.size;
	p->timestamp_us = e->timestamp_us;
	p->value_size = meter__decimal_format(events->value, e->value);
	p->value = events->value;
	p->source = terminated(events, e->source);
	p->source_size = e->source.size;
	p->sequence = e->sequence;
	p->properties = events->public_properties;
	p->property_count = e->property_count;
	for (size_t i = 0; i < e->property_count; i++) {
		const struct property *property = &e->properties[i];
		events->public_properties[i] =
			(meter_property){terminated(events, property->name), terminated(events, property->value),
		                         property->name.size, property->value.size};
	}
	meter__event_json_write(&events->json, e);
	meter__buffer_char(&events->json, '\0'); /* for meter_events_json(), which cannot add it */
	return events->json.failed ? meter__fail(METER_ENOMEM, "no memory for an event") : METER_OK;
}

int meter_events_next(meter_events *events)
{
	REQUIRE(events);
	if (events->next == events->kept) {
		int code = read_events_page(events);
		if (code != METER_OK)
			return code;
	}
	meter__event_decode(&events->event, events->properties, events->records.data + events->at);
	events->at += (meter__event_encoded_size(&events->event) + 7) & ~(size_t)7;
	events->next++;
	return publish_event(events);
}

const meter_event *meter_events_event(const meter_events *events)
{
	return events ? &events->public_event : NULL;
}

const char *meter_events_json(const meter_events *events)
{
	return events && events->json.size > 0 ? events->json.data : "";
}

/* Of the event that the last _next call stepped to; NULL before the first. */
static const struct note *current_note(const meter_events *events)
{
	return events && events->next > 0 ? &events->notes[events->next - 1] : NULL;
}

int64_t meter_events_ingest(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note ? note->ingest : 0;
}

const char *meter_events_invoice(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note ? note->place.document : NULL;
}

int meter_events_is_late(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note && note->place.is_late;
}

int64_t meter_events_retracted(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note ? note->retracted : 0;
}

const char *meter_events_retraction(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note ? note->because : NULL;
}

size_t meter_events_line_count(const meter_events *events)
{
	const struct note *note = current_note(events);
	return note ? note->place.line_count : 0;
}

static const struct place_line *line_at(const meter_events *events, size_t index)
{
	const struct note *note = current_note(events);
	return note && index < note->place.line_count ? &note->place.lines[index] : NULL;
}

const char *meter_events_line_charge(const meter_events *events, size_t index)
{
	const struct place_line *line = line_at(events, index);
	return line ? line->charge : NULL;
}

size_t meter_events_line(const meter_events *events, size_t index)
{
	const struct place_line *line = line_at(events, index);
	return line ? line->line : 0;
}

void meter_events_free(meter_events *events)
{
	if (!events)
		return;
	meter__buffer_free(&events->page.after_id);
	meter__buffer_free(&events->records);
	meter__buffer_free(&events->texts);
	meter__buffer_free(&events->json);
	meter__arena_free(&events->filters);
	meter__arena_free(&events->places);
	meter__placer_free(&events->placer);
	free(events);
}
