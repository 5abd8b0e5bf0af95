/*
 * verify_late.c - see verify.h: events of billed periods that came after the bill, which must be stale then. Called for each
 * event.
 *
 * Events come in the order of their time, so a subscription stays in one billed period for long: the last one of each of
 * CACHE_SIZE subscriptions is remembered, others are looked up again. That is 4 MiB a worker, however many periods are billed.
 * Bills that something came too late for are noted, at most LATE_MAX; beyond, all are taken for such.
 */
#include <stdlib.h>

#include "error.h"
#include "verify.h"

#define CACHE_SIZE ((size_t)1 << 16)
#define LATE_MAX ((size_t)1 << 20)

/* A stretch of time in which one bill holds, or none. */
struct stretch {
	int64_t subscription; /* 0: free */
	int64_t from_us, to_us;
	int64_t bill;
	int64_t ingest; /* INT64_MAX: nothing comes too late for it, because it is stale, or nothing is billed */
	bool is_noted;
};

struct late_events {
	struct stretch stretches[CACHE_SIZE];
	int64_t *bills;
	size_t count, capacity;
	bool is_full;
};

struct late_events *meter__late_new(void)
{
	struct late_events *late = calloc(1, sizeof(*late));
	if (!late)
		(void)meter__fail(METER_ENOMEM, "no memory to verify");
	return late;
}

void meter__late_free(struct late_events *late)
{
	if (late)
		free(late->bills);
	free(late);
}

/* Time goes on: what lies before us is not asked for again. */
static int look_up(struct worker *w, struct stretch *s, int64_t subscription, int64_t us)
{
	struct billed billed;
	*s = (struct stretch){.subscription = subscription, .from_us = us, .to_us = INT64_MAX, .ingest = INT64_MAX};
	int code = meter__store_billed_at(w->reader, subscription, us, &billed);
	if (code == METER_OK) {
		s->to_us = billed.active.to_us;
		s->bill = billed.bill;
		if (billed.stale_events < 0)
			code = meter__store_bill_ingest(w->reader, billed.bill, &s->ingest);
		return code == METER_EEND ? METER_OK : code;
	}
	if (code == METER_EEND)
		code = meter__verify_billed_next(w->reader, subscription, us, &s->to_us);
	return code == METER_EEND ? METER_OK : code;
}

static int note(struct late_events *late, struct stretch *s)
{
	s->is_noted = true;
	if (late->count == LATE_MAX) {
		late->is_full = true;
		return METER_OK;
	}
	if (late->count == late->capacity) {
		const size_t capacity = late->capacity ? late->capacity * 2 : 64;
		int64_t *bills = realloc(late->bills, capacity * sizeof(*bills));
		if (!bills)
			return meter__fail(METER_ENOMEM, "no memory for late events");
		late->bills = bills;
		late->capacity = capacity;
	}
	late->bills[late->count++] = s->bill;
	return METER_OK;
}

int meter__late_event(struct worker *w, const struct raw_event *e)
{
	if (e->timestamp_us >= w->closed_before || !e->is_readable)
		return METER_OK;
	struct stretch *s = &w->late->stretches[(size_t)e->subscription % CACHE_SIZE];
	if (s->subscription != e->subscription || e->timestamp_us >= s->to_us || e->timestamp_us < s->from_us) {
		const int code = look_up(w, s, e->subscription, e->timestamp_us);
		if (code != METER_OK)
			return code;
	}
	return e->ingest > s->ingest && !s->is_noted ? note(w->late, s) : METER_OK;
}

static int compare_bills(const void *left, const void *right)
{
	const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return a < b ? -1 : a > b;
}

void meter__late_sort(struct late_events *late)
{
	if (late->count > 0)
		qsort(late->bills, late->count, sizeof(*late->bills), compare_bills);
}

bool meter__late_has(const struct late_events *late, int64_t bill)
{
	return late->is_full ||
	       (late->count > 0 && bsearch(&bill, late->bills, late->count, sizeof(*late->bills), compare_bills) != NULL);
}
