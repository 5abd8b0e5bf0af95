/* place.c - where an event was billed: on which document first, and by which charges. */
#include "place.h"

#include <stdlib.h>

#include "error.h"
#include "segment.h"

struct finding {
	int64_t ingest; /* of the event */
	struct arena *arena;
	struct place *place;
	int64_t catalog; /* that it was billed by; 0: it is not */
	bool has_first;
};

static int look_at_bill(const struct period_bill *bill, void *user)
{
	struct finding *f = user;
	if (!f->has_first)
		f->place->is_late = f->ingest > bill->ingest;
	f->has_first = true;
	if (f->catalog != 0 || f->ingest > bill->ingest)
		return METER_OK;
	f->catalog = bill->catalog;
	if (!f->arena)
		return METER_OK;
	f->place->document = meter__arena_copy(f->arena, bill->document);
	return f->place->document ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a listing");
}

static int look_at_bills(struct finding *f, struct reader *r, const struct stored_event *event)
{
	struct totals totals;
	struct billed billed;
	int code = meter__store_totals(r, &totals);
	if (code != METER_OK || event->event.timestamp_us >= totals.closed_before)
		return code;
	code = meter__store_billed_at(r, event->subscription, event->event.timestamp_us, &billed);
	if (code == METER_OK)
		code = meter__store_period_bills(r, event->subscription, billed.active.from_us, look_at_bill, f);
	return code == METER_EEND ? METER_OK : code;
}

static int add_charges(struct finding *f, const struct plan *plan, const struct event *event)
{
	struct place *out = f->place;
	out->charges = meter__arena_array(f->arena, plan->charge_count, sizeof(*out->charges));
	if (!out->charges)
		return meter__fail(METER_ENOMEM, "no memory for a listing");
	for (size_t i = 0; i < plan->charge_count; i++) {
		struct aggregate one;
		const struct charge *charge = &plan->charges[i];
		if (!charge->meter || meter__aggregate_measure(&one, charge->meter, event) == METER_EEND)
			continue;
		out->charges[out->charge_count] = meter__arena_copy(f->arena, meter__slice_of(charge->key));
		if (!out->charges[out->charge_count++])
			return meter__fail(METER_ENOMEM, "no memory for a listing");
	}
	return METER_OK;
}

static int find_charges(struct finding *f, struct reader *r, const struct event *event)
{
	struct meter_catalog *catalog;
	struct rate_segment *segments = NULL;
	size_t count;
	int code = f->catalog ? meter__store_catalog_version(r, f->catalog, &catalog) : meter__store_catalog(r, &catalog);
	if (code != METER_OK || !catalog)
		return code;
	const struct subscription *s = meter__catalog_subscription(catalog, event->subscription);
	const struct period moment = {event->timestamp_us, event->timestamp_us + 1};
	/* Outside of its life, or without a plan, no charge counts it. */
	code = s ? meter__segments(&segments, &count, catalog, s, moment) : METER_ENOTFOUND;
	if (code == METER_OK)
		code = add_charges(f, segments[0].plan, event);
	free(segments);
	meter__catalog_release(catalog);
	return code == METER_ENOTFOUND ? METER_OK : code;
}

int meter__place(struct place *out, struct arena *arena, struct reader *r, const struct stored_event *event)
{
	*out = (struct place){0};
	struct finding f = {.ingest = event->ingest, .arena = arena, .place = out};
	int code = look_at_bills(&f, r, event);
	return code == METER_OK ? find_charges(&f, r, &event->event) : code;
}

int meter__place_is_late(bool *out, struct reader *r, const struct stored_event *event)
{
	struct place place = {0};
	struct finding f = {.ingest = event->ingest, .place = &place};
	int code = look_at_bills(&f, r, event);
	*out = place.is_late;
	return code;
}
