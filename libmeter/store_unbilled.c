/*
 * store_unbilled.c - stored events that no invoice can show, because their type has no meter or their subscription no plan:
 * counted by (subscription, type) when they are stored, struck off when a catalog comes into force that covers them or when they
 * are taken back.
 *
 * What is counted at any time: events of a pair that the catalog in force does not cover, and that no bill which holds shows. A
 * bill shows what was there when it was made, if the catalog it was rated by has a meter for it. So when a catalog drops a
 * subscription or the last meter of a type, what no bill shows of it is counted; when a document is voided, what that had shown;
 * and what an adjustment shows of it is struck off. Usage must not vanish in silence.
 */
#include <stdlib.h>

#include "error.h"
#include "os.h"
#include "store_internal.h"

static bool is_billable(const struct meter_catalog *catalog, struct slice subscription, struct slice type)
{
	return catalog && meter__catalog_subscription(catalog, subscription) && meter__catalog_is_metered(catalog, type);
}

static int run_for_pair(struct store *s, enum statement which, int64_t subscription, int64_t type)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, type);
	return meter__store_run(&s->write, statement, "counting unbilled events");
}

int meter__store_unbilled_add(struct store *s, int64_t subscription, int64_t type, int64_t events)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_UNBILLED_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, type);
	sqlite3_bind_int64(statement, 3, events);
	return meter__store_run(&s->write, statement, "counting unbilled events");
}

struct pair {
	int64_t subscription;
	int64_t type;
};

struct pairs {
	struct pair *list;
	size_t count;
	size_t capacity;
};

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

static int find_billable(struct store *s, const struct meter_catalog *catalog, struct pairs *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_UNBILLED_LIST, &statement);
	if (code != METER_OK)
		return code;
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		if (is_billable(catalog, meter__store_slice(statement, 2), meter__store_slice(statement, 3)))
			code = add_pair(out,
			                (struct pair){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)});
	}
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "reading unbilled events");
	sqlite3_reset(statement);
	return code;
}

int meter__store_unbilled_settle(struct store *s, const struct meter_catalog *catalog)
{
	struct pairs pairs = {0};
	int code = find_billable(s, catalog, &pairs);
	for (size_t i = 0; code == METER_OK && i < pairs.count; i++) {
		sqlite3_stmt *statement;
		code = meter__store_statement(&s->write, SQL_UNBILLED_DELETE, &statement);
		if (code != METER_OK)
			break;
		sqlite3_bind_int64(statement, 1, pairs.list[i].subscription);
		sqlite3_bind_int64(statement, 2, pairs.list[i].type);
		code = meter__store_run(&s->write, statement, "settling unbilled events");
	}
	free(pairs.list);
	return code;
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

/* Whether a bill that holds shows the event: it was there when that was made, and its catalog had a meter for it. */
static int is_shown(struct store *s, struct metered *m, const struct stored *e, bool *out)
{
	struct billed billed;
	int64_t seen = 0;
	*out = false;
	if (e->timestamp_us >= s->totals.closed_before)
		return METER_OK;
	int code = meter__store_billed_at(meter__store_writing(s), e->subscription, e->timestamp_us, &billed);
	if (code == METER_OK)
		code = meter__store_bill_ingest(meter__store_writing(s), billed.bill, &seen);
	if (code == METER_OK && e->ingest <= seen) {
		code = find_metered(s, m, billed.catalog, e->type);
		*out = m->is_metered;
	}
	return code == METER_EEND ? METER_OK : code;
}

/* ---- counting events that are covered no more ---- */

struct lost_scan {
	struct store *store;
	const struct coverage *coverage;
	const struct billed_seen *of; /* only what this bill shows and the one before did not; NULL: only what none shows */
	struct metered metered;
	struct buckets lost; /* by (type as meter, subscription) */
};

static int note_lost(sqlite3_stmt *row, void *user)
{
	struct lost_scan *scan = user;
	struct stored e;
	int64_t *const numbers[] = {&e.timestamp_us, &e.subscription, &e.type, &e.ingest};
	bool is_out = false;
	int code = METER_OK;
	for (int i = 0; i < 4 && code == METER_OK; i++)
		code = meter__store_int(row, i, numbers[i]);
	if (code != METER_OK || !is_lost(scan->coverage, e.subscription, e.type))
		return code;
	if (scan->of)
		is_out = e.ingest <= scan->of->ingest_after || e.ingest > scan->of->ingest_max;
	else
		code = is_shown(scan->store, &scan->metered, &e, &is_out);
	if (code != METER_OK || is_out)
		return code;
	const struct bucket key = {.meter = e.type, .subscription = e.subscription, .aggregation = AGGREGATION_COUNT};
	return meter__buckets_add(&scan->lost, LEVEL_MINUTE, &key, &(struct aggregate){.events = 1, .value = DECIMAL_ONE});
}

static int add_or_tidy(struct store *s, int64_t subscription, int64_t type, int64_t events)
{
	int code = meter__store_unbilled_add(s, subscription, type, events);
	return code == METER_OK && events < 0 ? run_for_pair(s, SQL_UNBILLED_TIDY, subscription, type) : code;
}

/* sign: 1 to count them, -1 to strike them off. subscription 0: of all. */
static int count_lost(struct store *s, const struct coverage *coverage, const struct billed_seen *of, struct period range,
                      int64_t subscription, int sign)
{
	struct lost_scan scan = {.store = s, .coverage = coverage, .of = of};
	sqlite3_stmt *statement;
	scan.lost.seed = meter__os.random();
	int code = meter__store_statement(&s->write, SQL_UNBILLED_EVENTS, &statement);
	if (code == METER_OK) {
		sqlite3_bind_int64(statement, 1, range.from_us);
		sqlite3_bind_int64(statement, 2, range.to_us);
		sqlite3_bind_int64(statement, 3, subscription);
		code = meter__store_visit_rows(&s->write, statement, note_lost, &scan);
	}
	for (size_t i = 0; i < scan.lost.count && code == METER_OK; i++) {
		const struct bucket *row = &scan.lost.rows[i];
		code = add_or_tidy(s, row->subscription, row->meter, sign * row->sum.events);
	}
	meter__buckets_free(&scan.lost);
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
		code = count_lost(s, &coverage, NULL, (struct period){0, INT64_MAX}, find_only(&coverage), 1);
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

/* What a bill shows of types and subscriptions that the catalog in force does not cover. */
static int count_shown(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                       const struct billed_seen *seen, int sign)
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
			code = count_lost(s, &coverage, seen, period, subscription, sign);
		free_coverage(&coverage);
	}
	meter__catalog_release(before);
	return code;
}

int meter__store_unbilled_reopen(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen)
{
	return count_shown(s, subscription, period, catalog_version, seen, 1);
}

int meter__store_unbilled_adjust(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen)
{
	return count_shown(s, subscription, period, catalog_version, seen, -1);
}

/* ---- taken back ---- */

int meter__store_unbilled_remove(struct store *s, int64_t subscription, int64_t type, int64_t timestamp_us, int64_t ingest)
{
	const struct stored e = {timestamp_us, subscription, type, ingest};
	struct metered metered = {0};
	bool shown;
	int code = is_shown(s, &metered, &e, &shown);
	if (code != METER_OK || shown)
		return code;
	code = run_for_pair(s, SQL_UNBILLED_REMOVE, subscription, type);
	return code == METER_OK ? run_for_pair(s, SQL_UNBILLED_TIDY, subscription, type) : code;
}
