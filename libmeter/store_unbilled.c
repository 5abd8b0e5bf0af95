/*
 * store_unbilled.c - stored events that no invoice shows or will show, counted by (subscription, type): usage must not vanish in
 * silence.
 *
 * An event lies in time that is open, or that is billed. A bill shows what was there when it was made, if the catalog it was
 * rated by has a meter for it; what came later waits for an adjustment; and what that catalog had no meter for, it has missed.
 * Counted is, at any time:
 *
 *   of a pair that the catalog in force covers      what a bill has missed; the open rest will be billed
 *   of any other pair                               everything but what a bill shows
 *
 * So what is counted changes when events come or are taken back, when a catalog comes into force, when a document is voided, and
 * when an adjustment shows late events of a type that is metered no more.
 */
#include <stdlib.h>

#include "error.h"
#include "os.h"
#include "store_internal.h"

static bool is_billable(const struct meter_catalog *catalog, struct slice subscription, struct slice type)
{
	return catalog && meter__catalog_subscription(catalog, subscription) && meter__catalog_is_metered(catalog, type);
}

static int bind_pair(struct store *s, enum statement which, int64_t subscription, int64_t type, sqlite3_stmt **out)
{
	int code = meter__store_statement(&s->write, which, out);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(*out, 1, subscription);
	sqlite3_bind_int64(*out, 2, type);
	return METER_OK;
}

static int run_for_pair(struct store *s, enum statement which, int64_t subscription, int64_t type)
{
	sqlite3_stmt *statement;
	int code = bind_pair(s, which, subscription, type, &statement);
	return code == METER_OK ? meter__store_run(&s->write, statement, "counting unbilled events") : code;
}

int meter__store_unbilled_add(struct store *s, int64_t subscription, int64_t type, int64_t events)
{
	sqlite3_stmt *statement;
	int code = bind_pair(s, SQL_UNBILLED_ADD, subscription, type, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 3, events);
	return meter__store_run(&s->write, statement, "counting unbilled events");
}

struct pair {
	int64_t subscription;
	int64_t type;
};

struct pairs {
	struct pair *list; /* sorted */
	size_t count;
	size_t capacity;
};

static int compare_pairs(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;
	if (a->subscription != b->subscription)
		return (a->subscription > b->subscription) - (a->subscription < b->subscription);
	return (a->type > b->type) - (a->type < b->type);
}

static int add_pair(struct pairs *pairs, struct pair pair)
{
	if (pairs->count == pairs->capacity) {
		size_t capacity = pairs->capacity ? pairs->capacity * 2 : 64;
		struct pair *list = realloc(pairs->list, capacity * sizeof(*list));
		if (!list)
			return meter__fail(METER_ENOMEM, "no memory for unbilled events");
		pairs->list = list;
		pairs->capacity = capacity;
	}
	pairs->list[pairs->count++] = pair;
	return METER_OK;
}

/* Pairs that something is counted of, and that a catalog covers and the one before did not; only: of this subscription, 0: all.
 */
struct pair_search {
	const struct meter_catalog *before, *after;
	int64_t only;
	struct pairs *out;
};

static int note_pair(sqlite3_stmt *row, void *user)
{
	const struct pair_search *search = user;
	const struct slice subscription = meter__store_slice(row, 2), type = meter__store_slice(row, 3);
	struct pair pair;
	int code = meter__store_int(row, 0, &pair.subscription);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &pair.type);
	if (code != METER_OK || !is_billable(search->after, subscription, type) ||
	    is_billable(search->before, subscription, type))
		return code;
	return add_pair(search->out, pair);
}

static int find_pairs(struct store *s, struct pair_search *search)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_UNBILLED_LIST, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, search->only);
	return meter__store_visit_rows(&s->write, statement, note_pair, search);
}

/* ---- events that are covered no more ---- */

/* A subscription or a type of the catalog before. */
struct covered {
	int64_t number;
	bool is_dropped; /* the one after does not have it */
};

struct coverage {
	struct covered *subscriptions, *types; /* by number; those that the file has a number for */
	size_t subscription_count, type_count;
	size_t dropped_subscriptions, dropped_types;
};

static int compare_covered(const void *left, const void *right)
{
	const int64_t a = ((const struct covered *)left)->number, b = ((const struct covered *)right)->number;
	return (a > b) - (a < b);
}

static const struct covered *find_covered(const struct covered *list, size_t count, int64_t number)
{
	const struct covered key = {.number = number};
	return count ? bsearch(&key, list, count, sizeof(*list), compare_covered) : NULL;
}

static int add_covered(struct store *s, struct covered *list, size_t *count, size_t *dropped, const char *text, bool is_dropped)
{
	int64_t number;
	int code = meter__store_name(meter__store_writing(s), &number, meter__slice_of(text));
	if (code != METER_OK || number == 0) /* no event has it */
		return code;
	list[(*count)++] = (struct covered){number, is_dropped};
	*dropped += is_dropped;
	return METER_OK;
}

static int read_coverage(struct coverage *out, struct store *s, const struct meter_catalog *before,
                         const struct meter_catalog *after)
{
	*out = (struct coverage){.subscriptions = calloc(before->subscription_count + 1, sizeof(*out->subscriptions)),
	                         .types = calloc(before->meter_count + 1, sizeof(*out->types))};
	int code = out->subscriptions && out->types ? METER_OK : meter__fail(METER_ENOMEM, "no memory for unbilled events");
	for (size_t i = 0; i < before->subscription_count && code == METER_OK; i++) {
		const char *key = before->subscriptions[i].key;
		const bool is_dropped = !after || !meter__catalog_subscription(after, meter__slice_of(key));
		code = add_covered(s, out->subscriptions, &out->subscription_count, &out->dropped_subscriptions, key, is_dropped);
	}
	for (size_t i = 0; i < before->meter_count && code == METER_OK; i++) {
		const char *type = before->meters[i].event_type;
		const bool is_dropped = !after || !meter__catalog_is_metered(after, meter__slice_of(type));
		code = add_covered(s, out->types, &out->type_count, &out->dropped_types, type, is_dropped);
	}
	if (out->subscription_count > 0)
		qsort(out->subscriptions, out->subscription_count, sizeof(*out->subscriptions), compare_covered);
	if (out->type_count > 0)
		qsort(out->types, out->type_count, sizeof(*out->types), compare_covered);
	return code;
}

static void free_coverage(struct coverage *c)
{
	free(c->subscriptions);
	free(c->types);
}

static bool is_lost(const struct coverage *c, int64_t subscription, int64_t type)
{
	const struct covered *s = find_covered(c->subscriptions, c->subscription_count, subscription);
	const struct covered *t = s ? find_covered(c->types, c->type_count, type) : NULL;
	return t && (s->is_dropped || t->is_dropped);
}

/* ---- what bills show ---- */

/* Of which catalog and type it was asked last: most events that are not covered are of one. */
struct metered {
	int64_t catalog, type;
	bool is_metered;
};

static int find_metered(struct store *s, struct metered *m, int64_t catalog_version, int64_t type)
{
	struct reader *r = meter__store_writing(s);
	struct meter_catalog *catalog;
	struct buffer text = {0};
	if (m->catalog == catalog_version && m->type == type)
		return METER_OK;
	int code = meter__store_catalog_version(r, catalog_version, &catalog);
	if (code != METER_OK)
		return code;
	code = meter__store_text(r, &text, type);
	*m = (struct metered){catalog_version, type,
	                      code == METER_OK && meter__catalog_is_metered(catalog, (struct slice){text.data, text.size})};
	meter__buffer_free(&text);
	meter__catalog_release(catalog);
	return code;
}

/* A stored event, as far as it matters here. */
struct stored {
	int64_t timestamp_us, subscription, type, ingest;
};

enum standing { IS_OPEN, IS_SHOWN, IS_WAITING, IS_MISSED };

static int find_standing(struct store *s, struct metered *m, const struct stored *e, enum standing *out)
{
	struct billed billed;
	int64_t seen = 0;
	*out = IS_OPEN;
	if (e->timestamp_us >= s->totals.closed_before)
		return METER_OK;
	int code = meter__store_billed_at(meter__store_writing(s), e->subscription, e->timestamp_us, &billed);
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	code = find_metered(s, m, billed.catalog, e->type);
	if (code == METER_OK && m->is_metered)
		code = meter__store_bill_ingest(meter__store_writing(s), billed.bill, &seen);
	*out = !m->is_metered ? IS_MISSED : e->ingest <= seen ? IS_SHOWN : IS_WAITING;
	return code;
}

static bool is_counted(enum standing standing, bool is_covered)
{
	return is_covered ? standing == IS_MISSED : standing != IS_SHOWN;
}

/* ---- counting ---- */

/* Events that are looked at: of pairs that are covered, or of those that are covered no more. */
struct scan {
	struct store *store;
	const struct pairs *covered;
	const struct coverage *lost;  /* NULL: those are not looked at */
	const struct billed_seen *of; /* of them what this bill shows and the one before did not; NULL: what is to be counted */
	struct metered metered;
	struct buckets found; /* by (type as meter, subscription) */
};

static int decide(struct scan *scan, const struct stored *e, bool is_covered, bool *out)
{
	enum standing standing;
	if (scan->of && !is_covered) {
		*out = e->ingest > scan->of->ingest_after && e->ingest <= scan->of->ingest_max;
		return METER_OK;
	}
	int code = find_standing(scan->store, &scan->metered, e, &standing);
	*out = code == METER_OK && is_counted(standing, is_covered);
	return code;
}

static int note_event(sqlite3_stmt *row, void *user)
{
	struct scan *scan = user;
	struct stored e;
	int64_t *const numbers[] = {&e.timestamp_us, &e.subscription, &e.type, &e.ingest};
	bool is_found = false;
	int code = METER_OK;
	for (int i = 0; i < 4 && code == METER_OK; i++)
		code = meter__store_int(row, i, numbers[i]);
	if (code != METER_OK)
		return code;
	const struct pair pair = {e.subscription, e.type};
	const bool is_covered =
		scan->covered && bsearch(&pair, scan->covered->list, scan->covered->count, sizeof(pair), compare_pairs);
	if (!is_covered && !(scan->lost && is_lost(scan->lost, e.subscription, e.type)))
		return METER_OK;
	code = decide(scan, &e, is_covered, &is_found);
	if (code != METER_OK || !is_found)
		return code;
	const struct bucket key = {.meter = e.type, .subscription = e.subscription, .aggregation = AGGREGATION_COUNT};
	return meter__buckets_add(&scan->found, LEVEL_MINUTE, &key, &(struct aggregate){.events = 1, .value = DECIMAL_ONE});
}

static int add_or_tidy(struct store *s, int64_t subscription, int64_t type, int64_t events)
{
	int code = meter__store_unbilled_add(s, subscription, type, events);
	return code == METER_OK && events < 0 ? run_for_pair(s, SQL_UNBILLED_TIDY, subscription, type) : code;
}

/* What becomes of the numbers that were found. */
enum effect { COUNT, STRIKE_OFF, COUNT_ANEW };

/* subscription 0: of all. */
static int count_events(struct scan *scan, struct period range, int64_t subscription, enum effect effect)
{
	struct store *s = scan->store;
	sqlite3_stmt *statement;
	scan->found.seed = meter__os.random();
	int code = meter__store_statement(&s->write, SQL_UNBILLED_EVENTS, &statement);
	if (code == METER_OK) {
		sqlite3_bind_int64(statement, 1, range.from_us);
		sqlite3_bind_int64(statement, 2, range.to_us);
		sqlite3_bind_int64(statement, 3, subscription);
		code = meter__store_visit_rows(&s->write, statement, note_event, scan);
	}
	for (size_t i = 0; i < scan->found.count && code == METER_OK; i++) {
		const struct bucket *row = &scan->found.rows[i];
		if (effect == COUNT_ANEW)
			code = run_for_pair(s, SQL_UNBILLED_DELETE, row->subscription, row->meter);
		if (code == METER_OK)
			code = add_or_tidy(s, row->subscription, row->meter,
			                   effect == STRIKE_OFF ? -row->sum.events : row->sum.events);
	}
	meter__buckets_free(&scan->found);
	return code;
}

/* ---- a catalog comes into force ---- */

static int is_ever_billed(struct store *s, int64_t subscription, bool *out)
{
	struct billed_extent extent;
	int code = meter__store_billed_extent(meter__store_writing(s), subscription, &extent);
	*out = extent.whole.from_us < extent.whole.to_us;
	return code;
}

/* What bills have missed of pairs that are covered from now on. */
static int count_missed(struct store *s, const struct pairs *pairs)
{
	struct scan scan = {.store = s, .covered = pairs};
	bool is_any = false;
	int code = METER_OK;
	for (size_t i = 0; i < pairs->count && code == METER_OK && !is_any; i++)
		code = is_ever_billed(s, pairs->list[i].subscription, &is_any);
	if (code != METER_OK || !is_any)
		return code;
	const int64_t only =
		pairs->list[0].subscription == pairs->list[pairs->count - 1].subscription ? pairs->list[0].subscription : 0;
	return count_events(&scan, (struct period){0, s->totals.closed_before}, only, COUNT);
}

int meter__store_unbilled_settle(struct store *s, const struct meter_catalog *before, const struct meter_catalog *after)
{
	struct pairs pairs = {0};
	struct pair_search search = {.before = before, .after = after, .out = &pairs};
	int code = find_pairs(s, &search);
	for (size_t i = 0; code == METER_OK && i < pairs.count; i++)
		code = run_for_pair(s, SQL_UNBILLED_DELETE, pairs.list[i].subscription, pairs.list[i].type);
	if (code == METER_OK)
		code = count_missed(s, &pairs);
	free(pairs.list);
	return code;
}

/* The one subscription that is dropped, if no type is; 0: everybody's events must be looked at. */
static int64_t find_only(const struct coverage *c)
{
	for (size_t i = 0; c->dropped_types == 0 && c->dropped_subscriptions == 1 && i < c->subscription_count; i++) {
		if (c->subscriptions[i].is_dropped)
			return c->subscriptions[i].number;
	}
	return 0;
}

int meter__store_unbilled_lose(struct store *s, const struct meter_catalog *before, const struct meter_catalog *after)
{
	struct coverage coverage;
	if (!before)
		return METER_OK;
	int code = read_coverage(&coverage, s, before, after);
	if (code == METER_OK && coverage.dropped_types + coverage.dropped_subscriptions > 0)
		code = count_events(&(struct scan){.store = s, .lost = &coverage}, (struct period){0, INT64_MAX},
		                    find_only(&coverage), COUNT_ANEW);
	free_coverage(&coverage);
	return code;
}

/* Whether the catalog before covers anything of the subscription that the one after does not: mostly not. */
static int drops_any(struct store *s, const struct meter_catalog *before, const struct meter_catalog *after, int64_t subscription,
                     bool *out)
{
	struct buffer text = {0};
	int code = meter__store_text(meter__store_writing(s), &text, subscription);
	*out = !after || !meter__catalog_subscription(after, (struct slice){text.data, text.size});
	for (size_t i = 0; i < before->meter_count && !*out; i++)
		*out = !meter__catalog_is_metered(after, meter__slice_of(before->meters[i].event_type));
	meter__buffer_free(&text);
	return code;
}

/* ---- a bill holds no more, or holds now ---- */

/* What a bill shows of types and subscriptions that the catalog in force does not cover. */
static int count_shown(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                       const struct billed_seen *seen, enum effect effect)
{
	struct meter_catalog *before;
	struct coverage coverage;
	if (catalog_version == s->totals.catalog)
		return METER_OK;
	int code = meter__store_catalog_version(meter__store_writing(s), catalog_version, &before);
	if (code != METER_OK)
		return code;
	bool drops;
	code = drops_any(s, before, s->live->in_force, subscription, &drops);
	if (code == METER_OK && drops) {
		code = read_coverage(&coverage, s, before, s->live->in_force);
		if (code == METER_OK)
			code = count_events(&(struct scan){.store = s, .lost = &coverage, .of = seen}, period, subscription,
			                    effect);
		free_coverage(&coverage);
	}
	meter__catalog_release(before);
	return code;
}

/* What a bill has missed is open again with its period, and will be billed. */
static int strike_missed(struct store *s, int64_t subscription, struct period period)
{
	struct pairs pairs = {0};
	struct pair_search search = {.after = s->live->in_force, .only = subscription, .out = &pairs};
	int code = find_pairs(s, &search);
	if (code == METER_OK && pairs.count > 0)
		code = count_events(&(struct scan){.store = s, .covered = &pairs}, period, subscription, STRIKE_OFF);
	free(pairs.list);
	return code;
}

int meter__store_unbilled_reopen(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen)
{
	int code = count_shown(s, subscription, period, catalog_version, seen, COUNT);
	return code == METER_OK && seen->ingest_after == 0 ? strike_missed(s, subscription, period) : code;
}

int meter__store_unbilled_adjust(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen)
{
	return count_shown(s, subscription, period, catalog_version, seen, STRIKE_OFF);
}

/* ---- events come late, and are taken back ---- */

int meter__store_unbilled_late(struct store *s, int64_t subscription, int64_t type, int64_t catalog_version)
{
	struct metered metered = {0};
	if (catalog_version == s->totals.catalog)
		return METER_OK;
	int code = find_metered(s, &metered, catalog_version, type);
	return code == METER_OK && !metered.is_metered ? meter__store_unbilled_add(s, subscription, type, 1) : code;
}

/* Whether the catalog in force covers the pair; *out_any: something is counted of it. */
static int look_up(struct store *s, const struct pair *pair, bool *is_covered, bool *out_any)
{
	struct reader *r = meter__store_writing(s);
	struct buffer subscription = {0}, type = {0};
	sqlite3_stmt *statement;
	int64_t events = 0;
	int code = bind_pair(s, SQL_UNBILLED_PAIR, pair->subscription, pair->type, &statement);
	if (code != METER_OK)
		return code;
	code = meter__store_step_integer(&s->write, statement, &events);
	*out_any = code == METER_OK;
	if (code != METER_OK)
		return code == METER_EEND ? METER_OK : code;
	code = meter__store_text(r, &subscription, pair->subscription);
	if (code == METER_OK)
		code = meter__store_text(r, &type, pair->type);
	*is_covered = code == METER_OK && is_billable(s->live->in_force, (struct slice){subscription.data, subscription.size},
	                                              (struct slice){type.data, type.size});
	meter__buffer_free(&subscription);
	meter__buffer_free(&type);
	return code;
}

int meter__store_unbilled_remove(struct store *s, int64_t subscription, int64_t type, int64_t timestamp_us, int64_t ingest)
{
	const struct stored e = {timestamp_us, subscription, type, ingest};
	const struct pair pair = {subscription, type};
	struct metered metered = {0};
	enum standing standing;
	bool is_covered = false, is_any;
	int code = look_up(s, &pair, &is_covered, &is_any);
	if (code != METER_OK || !is_any)
		return code;
	code = find_standing(s, &metered, &e, &standing);
	if (code != METER_OK || !is_counted(standing, is_covered))
		return code;
	code = run_for_pair(s, SQL_UNBILLED_REMOVE, subscription, type);
	return code == METER_OK ? run_for_pair(s, SQL_UNBILLED_TIDY, subscription, type) : code;
}
