/*
 * verify_unbilled.c - see verify.h: events that no invoice shows or will show, against the table that counts them.
 *
 * Of what the catalog in force covers these are events of a period whose bill was rated by a catalog that had no meter for them;
 * of the rest all that no bill shows. Called for each event, nearly all of which are covered and of a type that all catalogs had
 * a meter for.
 */
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "verify.h"

/* Whether subscriptions are in the catalog is remembered of so many. */
#define CACHE_SIZE ((size_t)1 << 14)

struct known {
	int64_t subscription; /* 0: free */
	bool is_covered;
};

struct uncovered {
	struct known known[CACHE_SIZE];
	struct groups groups; /* by (subscription, type as dimensions) */
	struct buffer text;
	int64_t catalog, type; /* asked last, */
	bool is_metered;       /* and the answer */
	int64_t *versions;     /* of catalogs that bills were rated by */
	size_t version_count, version_capacity;
	bool has_versions;
	struct missable { /* types of events that were asked for, */
		int64_t type;
		bool is_missable; /* and whether one of those catalogs had no meter for it */
	} * types;
	size_t type_count, type_capacity;
};

struct uncovered *meter__uncovered_new(uint64_t seed)
{
	struct uncovered *u = calloc(1, sizeof(*u));
	if (u)
		u->groups.seed = seed;
	else
		(void)meter__fail(METER_ENOMEM, "no memory to verify");
	return u;
}

void meter__uncovered_free(struct uncovered *u)
{
	if (!u)
		return;
	meter__groups_free(&u->groups);
	meter__buffer_free(&u->text);
	free(u->versions);
	free(u->types);
	free(u);
}

/* A number that no text has is no subscription of a catalog. */
static int is_covered(struct worker *w, int64_t subscription, bool *out)
{
	struct uncovered *u = w->uncovered;
	struct known *known = &u->known[(size_t)subscription % CACHE_SIZE];
	int code = METER_OK;
	if (known->subscription != subscription) {
		meter__buffer_reset(&u->text);
		code = meter__store_text(w->reader, &u->text, subscription);
		const struct slice key = {meter__buffer_cstr(&u->text), u->text.size};
		known->subscription = subscription;
		known->is_covered =
			code == METER_OK && w->meters->in_force && meter__catalog_subscription(w->meters->in_force, key);
	}
	*out = known->is_covered;
	return code == METER_ECORRUPT ? METER_OK : code;
}

/* Whether a version of the catalog has a meter for a type. */
static int find_metered(struct worker *w, int64_t version, int64_t type)
{
	struct uncovered *u = w->uncovered;
	struct meter_catalog *catalog;
	if (u->catalog == version && u->type == type)
		return METER_OK;
	int code = meter__store_catalog_version(w->reader, version, &catalog);
	if (code != METER_OK)
		return code;
	meter__buffer_reset(&u->text);
	code = meter__store_text(w->reader, &u->text, type);
	u->is_metered = code == METER_OK && meter__catalog_is_metered(catalog, (struct slice){u->text.data, u->text.size});
	u->catalog = version;
	u->type = type;
	meter__catalog_release(catalog);
	return code;
}

static int note_version(const struct verify_row *row, void *user)
{
	struct uncovered *u = user;
	if (u->version_count == u->version_capacity) {
		const size_t capacity = u->version_capacity ? u->version_capacity * 2 : 16;
		int64_t *grown = realloc(u->versions, capacity * sizeof(*grown));
		if (!grown)
			return meter__fail(METER_ENOMEM, "no memory to verify");
		u->versions = grown;
		u->version_capacity = capacity;
	}
	u->versions[u->version_count++] = row->numbers[0];
	return METER_OK;
}

static int add_type(struct worker *w, int64_t type)
{
	struct uncovered *u = w->uncovered;
	bool is_missable = false;
	int code = METER_OK;
	if (!u->has_versions)
		code = meter__verify_visit(w->reader, LIST_BILLED_BY, 0, (struct slice){NULL, 0}, note_version, u);
	u->has_versions = true;
	for (size_t i = 0; i < u->version_count && code == METER_OK && !is_missable; i++) {
		code = find_metered(w, u->versions[i], type);
		is_missable = code == METER_OK && !u->is_metered;
	}
	if (code == METER_OK && u->type_count == u->type_capacity) {
		const size_t capacity = u->type_capacity ? u->type_capacity * 2 : 16;
		struct missable *grown = realloc(u->types, capacity * sizeof(*grown));
		if (!grown)
			return meter__fail(METER_ENOMEM, "no memory to verify");
		u->types = grown;
		u->type_capacity = capacity;
	}
	if (code == METER_OK)
		u->types[u->type_count++] = (struct missable){type, is_missable};
	return code;
}

static int may_be_missed(struct worker *w, int64_t type, bool *out)
{
	struct uncovered *u = w->uncovered;
	size_t at = 0;
	while (at < u->type_count && u->types[at].type != type)
		at++;
	int code = at == u->type_count ? add_type(w, type) : METER_OK;
	*out = code == METER_OK && u->types[at].is_missable;
	return code;
}

/* Whether some bill that holds for its time shows the event, or was rated without a meter for it. */
static int find_bill(struct worker *w, const struct raw_event *e, int64_t type, bool *is_shown, bool *is_missed)
{
	struct billed billed;
	int64_t ingest = 0;
	*is_shown = *is_missed = false;
	if (e->timestamp_us >= w->closed_before)
		return METER_OK;
	int code = meter__store_billed_at(w->reader, e->subscription, e->timestamp_us, &billed);
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	code = meter__store_bill_ingest(w->reader, billed.bill, &ingest);
	if (code == METER_OK)
		code = find_metered(w, billed.catalog, type);
	*is_missed = code == METER_OK && !w->uncovered->is_metered;
	*is_shown = code == METER_OK && w->uncovered->is_metered && e->ingest <= ingest;
	return code;
}

int meter__uncovered_event(struct worker *w, const struct raw_event *e)
{
	int64_t type;
	bool is_metered, covered, missable = true, shown, missed;
	if (e->is_taken_back || !e->is_readable)
		return METER_OK;
	int code = meter__verify_type(w, e->shape, &type, &is_metered);
	if (code != METER_OK || type == 0) /* reserved, or of no shape */
		return code;
	code = is_covered(w, e->subscription, &covered);
	covered = covered && is_metered;
	if (code == METER_OK && covered)
		code = may_be_missed(w, type, &missable);
	if (code != METER_OK || !missable)
		return code;
	code = find_bill(w, e, type, &shown, &missed);
	if (code != METER_OK || (covered ? !missed : shown))
		return code;
	struct group *g = meter__groups_find(&w->uncovered->groups, 0, e->subscription, type, 0);
	if (!g)
		return METER_ENOMEM;
	g->sum.events++;
	return METER_OK;
}

int meter__uncovered_join(struct worker *first, const struct worker *second)
{
	for (size_t i = 0; i < second->uncovered->groups.count; i++) {
		const struct group *more = &second->uncovered->groups.rows[i];
		struct group *g = meter__groups_find(&first->uncovered->groups, 0, more->subscription, more->dimensions, 0);
		if (!g)
			return METER_ENOMEM;
		g->sum.events += more->sum.events;
	}
	return METER_OK;
}

/* ---- against the table ---- */

static int add_finding(struct worker *w, const char *text, int64_t subscription, int64_t type, int64_t expected, int64_t found)
{
	struct buffer *place = &w->place;
	char numbers[2][24];
	meter__buffer_reset(place);
	meter__buffer_text(place, "table unbilled, subscription ");
	int code = meter__store_text(w->reader, place, subscription);
	meter__buffer_text(place, ", type ");
	if (code == METER_OK || code == METER_ECORRUPT)
		code = meter__store_text(w->reader, place, type);
	if (code != METER_OK && code != METER_ECORRUPT)
		return code;
	snprintf(numbers[0], sizeof(numbers[0]), "%lld", (long long)expected);
	snprintf(numbers[1], sizeof(numbers[1]), "%lld", (long long)found);
	return meter__finding_add(&w->findings, "unbilled_differs", meter__slice_of(text),
	                          (struct slice){meter__buffer_cstr(place), place->size}, meter__slice_of(numbers[0]),
	                          meter__slice_of(numbers[1]));
}

static int compare_row(const struct verify_row *row, void *user)
{
	struct worker *w = user;
	const int64_t subscription = row->numbers[0], type = row->numbers[1], found = row->numbers[2];
	struct group *g = meter__groups_find(&w->uncovered->groups, 0, subscription, type, 0);
	if (!g)
		return METER_ENOMEM;
	const int64_t expected = g->sum.events;
	g->has_other = true;
	if (found < expected)
		return add_finding(w, "events that no invoice can show are not counted as unbilled", subscription, type, expected,
		                   found);
	if (found > expected || found <= 0)
		return add_finding(w, "more events are counted as unbilled than there are", subscription, type, expected, found);
	return METER_OK;
}

int meter__uncovered_finish(struct worker *first)
{
	const struct groups *groups = &first->uncovered->groups;
	int code = meter__verify_visit(first->reader, LIST_UNBILLED, 0, (struct slice){NULL, 0}, compare_row, first);
	for (size_t i = 0; i < groups->count && code == METER_OK; i++) {
		const struct group *g = &groups->rows[i];
		if (!g->has_other && g->sum.events > 0)
			code = add_finding(first, "events that no invoice can show are not counted as unbilled", g->subscription,
			                   g->dimensions, g->sum.events, 0);
	}
	return code;
}
