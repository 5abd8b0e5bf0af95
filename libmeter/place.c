/* place.c - where an event was billed: on which document first, and on which lines of it. */
#include "place.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "invoice.h"
#include "rate_scope.h"

struct finding {
	const struct stored_event *event;
	struct reader *reader;
	struct placer *placer; /* NULL: only whether it is late */
	struct arena *arena;
	struct place *place;
	struct period active; /* of the period it lies in, if that is billed */
	int64_t document;     /* that billed it first; 0: none has */
	int64_t catalog;      /* that it was billed by */
	bool has_first;
};

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "no memory for a listing");
}

/* ---- the document ---- */

static int look_at_bill(const struct period_bill *bill, void *user)
{
	struct finding *f = user;
	const int64_t ingest = f->event->ingest;
	if (!f->has_first)
		f->place->is_late = ingest > bill->ingest;
	f->has_first = true;
	if (f->document != 0 || !meter__counted_at(f->event, bill->ingest))
		return METER_OK;
	f->document = bill->document;
	f->catalog = bill->catalog;
	if (!f->arena)
		return METER_OK;
	f->place->document = meter__arena_copy(f->arena, bill->name);
	return f->place->document ? METER_OK : no_memory();
}

static int look_at_bills(struct finding *f)
{
	const int64_t at_us = f->event->event.timestamp_us;
	struct totals totals;
	struct billed billed;
	int code = meter__store_totals(f->reader, &totals);
	if (code != METER_OK || at_us >= totals.closed_before)
		return code;
	code = meter__store_billed_at(f->reader, f->event->subscription, at_us, &billed);
	if (code == METER_OK) {
		f->active = billed.active;
		code = meter__store_period_bills(f->reader, f->event->subscription, billed.active.from_us, look_at_bill, f);
	}
	return code == METER_EEND ? METER_OK : code;
}

/* ---- its lines ---- */

static int load_document(struct finding *f)
{
	struct placer *p = f->placer;
	if (f->document == 0 || p->document == f->document)
		return METER_OK;
	meter_invoice_free(p->invoice);
	p->invoice = NULL;
	p->document = 0;
	int code = meter__invoice_load(&p->invoice, f->reader, f->document);
	if (code == METER_OK)
		p->document = f->document;
	return code;
}

/* The lines of the bill of its period: of the invoice's own, or of an adjustment. */
static void find_range(const struct finding *f, size_t *from, size_t *to)
{
	const struct meter_invoice *invoice = f->placer->invoice;
	*from = *to = 0;
	if (f->document == 0)
		return;
	*to = invoice->has_own ? invoice->own.line_count : 0;
	if (invoice->has_own && invoice->own.period.active.from_us == f->active.from_us)
		return;
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		*from = *to;
		*to = invoice->adjustments[i].line_end;
		if (invoice->adjustments[i].after.period.active.from_us == f->active.from_us)
			return;
	}
	*from = *to;
}

static bool is_of_usage(const struct invoice_line *line)
{
	const int32_t kind = line->kind == METER_LINE_ADJUSTMENT ? line->adjusted_kind : line->kind;
	return kind == METER_LINE_USAGE || kind == METER_LINE_FLAT || kind == METER_LINE_SUSPENDED || kind == METER_LINE_CARRIED;
}

/* What of the charge's usage a line is for is told from its words; the only values that matter are those of the event. */
static int is_for_event(bool *out, const struct invoice_line *line, const struct charge *charge, const struct event *event)
{
	const struct meter_definition *counted = charge->meter;
	struct slice values[METER_DIMENSIONS_MAX];
	const char *texts[METER_DIMENSIONS_MAX];
	const char *const *const group = texts;
	struct usage_scope scope;
	struct arena arena = {0};
	int code = METER_OK;
	*out = false;
	if (event->timestamp_us < line->active.from_us || event->timestamp_us >= line->active.to_us)
		return METER_OK;
	for (size_t i = 0; i < counted->dimension_count && code == METER_OK; i++) {
		values[i] = meter__event_property(event, meter__slice_of(counted->dimensions[i]));
		texts[i] = values[i].data ? meter__arena_copy(&arena, values[i]) : NULL;
		code = values[i].data && !texts[i] ? no_memory() : METER_OK;
	}
	if (code == METER_OK)
		code = meter__scope_find(&scope, charge, line->step, &group, 1);
	if (code == METER_OK)
		*out = meter__scope_has(&scope, values);
	meter__arena_free(&arena);
	return code;
}

static int add_line(struct placer *p, const char *charge, size_t line)
{
	if (p->line_count == p->line_capacity) {
		const size_t capacity = p->line_capacity ? p->line_capacity * 2 : 16;
		struct place_line *lines = realloc(p->lines, capacity * sizeof(*lines));
		if (!lines)
			return no_memory();
		p->lines = lines;
		p->line_capacity = capacity;
	}
	p->lines[p->line_count++] = (struct place_line){charge, line};
	return METER_OK;
}

static int add_charge(struct finding *f, const struct charge *charge, size_t from, size_t to)
{
	struct placer *p = f->placer;
	const size_t before = p->line_count;
	const char *key = meter__arena_copy(f->arena, meter__slice_of(charge->key));
	int code = key ? METER_OK : no_memory();
	for (size_t i = from; i < to && code == METER_OK; i++) {
		const struct invoice_line *line = &p->invoice->lines[i];
		bool is_for = false;
		if (line->charge && strcmp(line->charge, key) == 0 && is_of_usage(line))
			code = is_for_event(&is_for, line, charge, &f->event->event);
		if (code == METER_OK && is_for)
			code = add_line(p, key, i + 1);
	}
	return code == METER_OK && p->line_count == before ? add_line(p, key, 0) : code;
}

static int add_charges(struct finding *f, const struct plan *plan)
{
	struct place *out = f->place;
	size_t from, to;
	int code = METER_OK;
	find_range(f, &from, &to);
	f->placer->line_count = 0;
	for (size_t i = 0; i < plan->charge_count && code == METER_OK; i++) {
		struct aggregate one;
		const struct charge *charge = &plan->charges[i];
		if (charge->meter && meter__aggregate_measure(&one, charge->meter, &f->event->event) != METER_EEND)
			code = add_charge(f, charge, from, to);
	}
	if (code != METER_OK)
		return code;
	out->line_count = f->placer->line_count;
	out->lines = meter__arena_array(f->arena, out->line_count, sizeof(*out->lines));
	if (!out->lines)
		return no_memory();
	if (out->line_count > 0)
		memcpy(out->lines, f->placer->lines, out->line_count * sizeof(*out->lines));
	return METER_OK;
}

static int find_lines(struct finding *f)
{
	const struct event *event = &f->event->event;
	struct meter_catalog *catalog;
	struct rate_segment *segments = NULL;
	size_t count;
	int code = load_document(f);
	if (code == METER_OK)
		code = f->document ? meter__store_catalog_version(f->reader, f->catalog, &catalog)
		                   : meter__store_catalog(f->reader, &catalog);
	if (code != METER_OK || !catalog)
		return code;
	const struct subscription *s = meter__catalog_subscription(catalog, event->subscription);
	const struct period moment = {event->timestamp_us, event->timestamp_us + 1};
	/* Outside of its life, or without a plan, no charge counts it. */
	code = s ? meter__segments(&segments, &count, catalog, s, moment) : METER_ENOTFOUND;
	if (code == METER_OK)
		code = add_charges(f, segments[0].plan);
	free(segments);
	meter__catalog_release(catalog);
	return code == METER_ENOTFOUND ? METER_OK : code;
}

int meter__place(struct place *out, struct placer *p, struct arena *arena, struct reader *r, const struct stored_event *event)
{
	*out = (struct place){0};
	struct finding f = {.event = event, .reader = r, .placer = p, .arena = arena, .place = out};
	int code = look_at_bills(&f);
	const bool is_nowhere = f.document == 0 && event->retracted != INT64_MAX;
	return code == METER_OK && !is_nowhere ? find_lines(&f) : code;
}

void meter__placer_free(struct placer *p)
{
	meter_invoice_free(p->invoice);
	free(p->lines);
	*p = (struct placer){0};
}

int meter__place_is_late(bool *out, struct reader *r, const struct stored_event *event)
{
	struct place place = {0};
	struct finding f = {.event = event, .reader = r, .place = &place};
	int code = look_at_bills(&f);
	*out = place.is_late;
	return code;
}
