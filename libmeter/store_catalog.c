/*
 * store_catalog.c - catalog versions and the meters they use.
 *
 * A meter is known by its definition (what it counts), not by its key: two keys that count alike share buckets, and renaming one
 * costs nothing. Its life: added with filled_before = the beginning, filled from the stored events in short transactions, ready
 * when filled_before is the end of time, retired (NULL) when the version in force does not use it, its buckets deleted, gone.
 *
 * Exactly once without a pause: the fill counts the events below filled_before, the writer counts what arrives below it. Both
 * read it inside their own transaction, and transactions exclude each other; so each event is counted by exactly one of them.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "os.h"
#include "store_internal.h"

/* Events of one transaction of a fill: some 50 ms, after which recording has its turn. */
#define FILL_EVENTS 20000
/* ---- what the write connection knows ---- */

int meter__store_catalog_load(struct connection *c, int64_t version, struct meter_catalog **out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_CATALOG_TEXT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, version);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		const struct slice text = meter__store_slice(statement, 0), hash = meter__store_slice(statement, 1);
		char right[HASH_TEXT_SIZE];
		meter__hash(right, text);
		if (!meter__slice_equal(hash, meter__slice_of(right)))
			code = meter__fail(METER_ECORRUPT, "the text of catalog version %lld does not give its hash",
			                   (long long)version);
		if (code == METER_OK)
			code = meter__catalog_read(out, "the stored catalog", text.data, text.size);
		if (code == METER_ECATALOG || code == METER_EUNSUPPORTED)
			code = meter__fail_in(METER_ECORRUPT, "version %lld: ", (long long)version);
	} else if (rc == SQLITE_DONE) {
		code = meter__fail(METER_ECORRUPT, "catalog version %lld is missing", (long long)version);
	} else {
		code = meter__store_fail(c->db, rc, "reading the catalog");
	}
	sqlite3_reset(statement);
	return code;
}

static int pending_version(struct store *s, int64_t *out)
{
	*out = 0;
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_CATALOG_PENDING, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, s->totals.catalog);
	int rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW)
		code = meter__store_fail(s->write.db, rc, "reading catalogs");
	else if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
		code = meter__store_int(statement, 0, out);
	sqlite3_reset(statement);
	return code;
}

static int add_live(struct store *s, struct live *live, sqlite3_stmt *row)
{
	int64_t version, number, filled_before;
	int code = meter__store_int(row, 1, &version);
	if (code == METER_OK)
		code = meter__store_int(row, 2, &number);
	if (code == METER_OK)
		code = meter__store_int(row, 3, &filled_before);
	if (code != METER_OK)
		return code;
	if (live->count > 0 && live->meters[live->count - 1].number == number)
		return METER_OK; /* two keys, one definition */
	bool is_in_force = version == s->totals.catalog;
	const struct meter_catalog *catalog = is_in_force ? live->in_force : live->pending;
	const struct meter_definition *definition = catalog ? meter__catalog_meter(catalog, meter__store_slice(row, 0)) : NULL;
	if (!definition)
		return meter__fail(METER_ECORRUPT, "catalog version %lld does not have one of its meters", (long long)version);
	struct live_meter *meters = realloc(live->meters, (live->count + 1) * sizeof(*meters));
	if (!meters)
		return meter__fail(METER_ENOMEM, "no memory for meters");
	live->meters = meters;
	live->meters[live->count++] = (struct live_meter){number, filled_before, is_in_force, definition};
	return METER_OK;
}

static int load_meters(struct store *s, struct live *live, int64_t pending)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_METER_LIST, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, s->totals.catalog);
	sqlite3_bind_int64(statement, 2, pending);
	int rc = SQLITE_DONE;
	while (code == METER_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		code = add_live(s, live, statement);
	if (code == METER_OK && rc != SQLITE_DONE)
		code = meter__store_fail(s->write.db, rc, "reading meters");
	sqlite3_reset(statement);
	return code;
}

static int load_live(struct store *s, struct live *live, int64_t pending)
{
	int code = METER_OK;
	if (s->live->in_force && s->in_force_version == s->totals.catalog)
		live->in_force = meter__catalog_retain(s->live->in_force);
	else if (s->totals.catalog > 0)
		code = meter__store_catalog_load(&s->write, s->totals.catalog, &live->in_force);
	/* Always anew: another process may have put another text under this number. */
	if (code == METER_OK && pending > 0)
		code = meter__store_catalog_load(&s->write, pending, &live->pending);
	return code == METER_OK ? load_meters(s, live, pending) : code;
}

int meter__store_refresh(struct store *s)
{
	if (s->known_generation == s->totals.generation)
		return METER_OK;
	int64_t pending;
	int code = pending_version(s, &pending);
	if (code != METER_OK)
		return code;
	struct live *live = meter__live_new();
	if (!live)
		return meter__fail(METER_ENOMEM, "no memory for meters");
	code = load_live(s, live, pending);
	if (code != METER_OK) {
		meter__live_release(live);
		return code;
	}
	pthread_mutex_lock(&s->reader_mutex);
	struct live *before = s->live;
	s->live = live;
	pthread_mutex_unlock(&s->reader_mutex);
	meter__live_release(before);
	s->in_force_version = s->totals.catalog;
	s->pending_version = pending;
	s->known_generation = s->totals.generation;
	return METER_OK;
}

struct live *meter__store_live(struct store *s)
{
	pthread_mutex_lock(&s->reader_mutex);
	struct live *live = meter__live_retain(s->live);
	pthread_mutex_unlock(&s->reader_mutex);
	return live;
}

/* Catalogs or meters changed in this transaction: say so to everybody, and know it here. */
static int changed(struct store *s)
{
	s->totals.generation++;
	int code = meter__store_totals_write(s);
	return code == METER_OK ? meter__store_refresh(s) : code;
}

/* ---- apply: prepare, fill, activate, purge ---- */

/* Run a statement with integers bound from 1 on. */
static int run_with(struct store *s, enum statement which, int64_t first, int64_t second)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	const int64_t values[] = {first, second};
	for (int i = 0; i < sqlite3_bind_parameter_count(statement) && i < 2; i++)
		sqlite3_bind_int64(statement, i + 1, values[i]);
	return meter__store_run(&s->write, statement, "writing the catalog");
}

/* One integer from a statement with a text and an integer bound; METER_EEND without a row. */
static int integer_from(struct store *s, enum statement which, const char *text, int64_t number, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	if (text)
		sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, number);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "writing the catalog");
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code;
}

static int use_meter(struct store *s, int64_t version, const struct meter_definition *definition)
{
	int64_t number;
	int code = integer_from(s, SQL_METER_FIND, definition->canonical, 0, &number);
	if (code == METER_EEND) {
		/* Without events there is nothing to fill. */
		int64_t filled_before = s->totals.accepted == 0 ? INT64_MAX : INT64_MIN;
		code = integer_from(s, SQL_METER_ADD, definition->canonical, filled_before, &number);
	}
	sqlite3_stmt *statement = NULL;
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_METER_USE, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, version);
	sqlite3_bind_text(statement, 2, definition->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, number);
	return meter__store_run(&s->write, statement, "writing the catalog");
}

/* Once and for all, also when no catalog has the meter any more. */
static int add_gauge(struct store *s, const struct meter_definition *definition)
{
	int64_t type;
	if (definition->aggregation != AGGREGATION_TIME_WEIGHTED)
		return METER_OK;
	int code = meter__store_name_number(s, meter__slice_of(definition->event_type), &type);
	return code == METER_OK ? run_with(s, SQL_GAUGE_ADD, type, 0) : code;
}

static int add_version(struct store *s, const struct meter_catalog *catalog, int64_t version)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_CATALOG_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, version);
	char hash[HASH_TEXT_SIZE];
	meter__hash(hash, (struct slice){catalog->text, catalog->text_size});
	sqlite3_bind_text64(statement, 2, catalog->text, catalog->text_size, SQLITE_STATIC, SQLITE_UTF8);
	sqlite3_bind_text(statement, 3, hash, -1, SQLITE_TRANSIENT);
	return meter__store_run(&s->write, statement, "writing the catalog");
}

static bool same_text(const struct meter_catalog *a, const struct meter_catalog *b)
{
	return a && a->text_size == b->text_size && memcmp(a->text, b->text, a->text_size) == 0;
}

int meter__store_catalog_prepare(struct store *s, struct meter_catalog *catalog, int64_t *version_out)
{
	if (same_text(s->live->in_force, catalog)) {
		*version_out = s->in_force_version;
		return METER_OK;
	}
	if (same_text(s->live->pending, catalog)) {
		*version_out = s->pending_version;
		return METER_OK;
	}
	/* A version that never came into force gives way, and its meters to the new version's where they count alike. */
	int64_t version = s->totals.catalog + 1;
	int code = run_with(s, SQL_CATALOG_DROP_PENDING, s->totals.catalog, 0);
	if (code == METER_OK)
		code = run_with(s, SQL_CATALOG_DROP_PENDING_METERS, s->totals.catalog, 0);
	if (code == METER_OK)
		code = add_version(s, catalog, version);
	for (size_t i = 0; code == METER_OK && i < catalog->meter_count; i++)
		code = use_meter(s, version, &catalog->meters[i]);
	for (size_t i = 0; code == METER_OK && i < catalog->meter_count; i++)
		code = add_gauge(s, &catalog->meters[i]);
	/* A meter that neither version uses would not be kept up to date from here on. */
	if (code == METER_OK)
		code = run_with(s, SQL_METER_RETIRE, s->totals.catalog, 0);
	if (code == METER_OK)
		code = changed(s);
	*version_out = version;
	return code;
}

/* The least filled of the meters; NULL when all are ready. */
static struct live_meter *least_filled(struct store *s)
{
	struct live_meter *least = NULL;
	for (size_t i = 0; i < s->live->count; i++) {
		if (s->live->meters[i].filled_before != INT64_MAX &&
		    (!least || s->live->meters[i].filled_before < least->filled_before))
			least = &s->live->meters[i];
	}
	return least;
}

struct fill {
	struct store *store;
	int64_t from_us;
	int64_t next_us; /* everything before it is counted */
	int64_t events;
	struct buckets minutes;
	struct buffer dimensions;
};

/* Count one stored event by every meter that is filled up to the same point. */
static int fill_event(const struct stored_event *stored, void *user)
{
	struct fill *fill = user;
	struct store *s = fill->store;
	const struct event *e = &stored->event;
	if (fill->events >= FILL_EVENTS && e->timestamp_us != fill->next_us - 1)
		return METER_EEND;
	fill->next_us = e->timestamp_us + 1;
	fill->events++;
	if (stored->retracted != INT64_MAX)
		return METER_OK;
	for (size_t i = 0; i < s->live->count; i++) {
		const struct live_meter *live = &s->live->meters[i];
		if (live->filled_before != fill->from_us)
			continue;
		int code = meter__store_count_event(s, &fill->minutes, &fill->dimensions, live, stored);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

static int fill_step(struct store *s, struct fill *fill)
{
	int code = meter__store_visit_events(&s->write, SQL_FILL_EVENTS, &(struct event_range){.from_us = fill->from_us},
	                                     fill_event, fill);
	int64_t filled_before = code == METER_EEND ? fill->next_us : INT64_MAX;
	if (code == METER_OK || code == METER_EEND)
		code = meter__store_write_buckets(s, &fill->minutes);
	for (size_t i = 0; code == METER_OK && i < s->live->count; i++) {
		if (s->live->meters[i].filled_before == fill->from_us)
			code = run_with(s, SQL_METER_FILLED, s->live->meters[i].number, filled_before);
	}
	return code == METER_OK ? changed(s) : code;
}

int meter__store_catalog_fill(struct store *s, int64_t version, bool *done_out, int64_t *events_out)
{
	*events_out = 0;
	*done_out = false;
	if (version != s->in_force_version && version != s->pending_version)
		return meter__fail(METER_EBUSY, "another catalog was applied meanwhile");
	struct live_meter *least = least_filled(s);
	if (!least) {
		*done_out = true;
		return METER_OK;
	}
	struct fill fill = {.store = s, .from_us = least->filled_before, .next_us = least->filled_before};
	fill.minutes.seed = meter__os.random();
	int code = fill_step(s, &fill);
	*events_out = fill.events;
	meter__buckets_free(&fill.minutes);
	meter__buffer_free(&fill.dimensions);
	return code;
}

int meter__store_catalog_activate(struct store *s, int64_t version)
{
	if (version == s->in_force_version)
		return METER_OK;
	if (version != s->pending_version)
		return meter__fail(METER_EBUSY, "another catalog was applied meanwhile");
	int code = meter__store_unbilled_settle(s, s->live->in_force, s->live->pending);
	if (code == METER_OK)
		code = meter__store_unbilled_lose(s, s->live->in_force, s->live->pending);
	if (code == METER_OK)
		code = run_with(s, SQL_CATALOG_ACTIVATE, version, meter__os.now_us());
	if (code == METER_OK)
		code = run_with(s, SQL_METER_RETIRE, version, 0);
	s->totals.catalog = version;
	return code == METER_OK ? changed(s) : code;
}

/* Delete retired buckets of the next leads from *cursor on; METER_EEND when the level is through. */
static int purge_level(struct store *s, enum statement next, enum statement purge, int64_t leads, int64_t *cursor)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, next, &statement);
	if (code != METER_OK)
		return code;
	int64_t lead = 0;
	sqlite3_bind_int64(statement, 1, *cursor);
	sqlite3_bind_int64(statement, 2, INT64_MAX);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, &lead);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "purging buckets");
	sqlite3_reset(statement);
	if (code != METER_OK)
		return code;
	*cursor = lead + leads;
	return run_with(s, purge, lead, *cursor);
}

int meter__store_catalog_purge(struct store *s, bool *done_out)
{
	static const struct {
		enum statement next, purge;
		int64_t leads; /* of one transaction: a day, a month, a month */
	} levels[LEVEL_COUNT] = {
		{SQL_NEXT_MINUTE, SQL_PURGE_MINUTE, 1440}, {SQL_NEXT_HOUR, SQL_PURGE_HOUR, 30}, {SQL_NEXT_DAY, SQL_PURGE_DAY, 1}};
	*done_out = false;
	/* A catalog of another handle may have retired meters whose buckets lie behind the cursor. */
	if (s->purge_generation != s->totals.generation) {
		s->purge_generation = s->totals.generation;
		s->purge_level = 0;
		s->purge_cursor = 0;
	}
	int64_t retired = 0;
	int code = s->purge_level == 0 && s->purge_cursor == 0 ? integer_from(s, SQL_METER_RETIRED, NULL, 0, &retired) : METER_OK;
	if (code == METER_OK && s->purge_level == 0 && s->purge_cursor == 0 && retired == 0) {
		*done_out = true;
		return METER_OK;
	}
	if (code == METER_OK && s->purge_level == 0 && s->purge_cursor == 0)
		code = run_with(s, SQL_PURGE_LATE, 0, 0);
	if (code == METER_OK && s->purge_level == 0 && s->purge_cursor == 0)
		code = run_with(s, SQL_PURGE_SAMPLE, 0, 0);
	if (code == METER_OK && s->purge_level < LEVEL_COUNT)
		code = purge_level(s, levels[s->purge_level].next, levels[s->purge_level].purge, levels[s->purge_level].leads,
		                   &s->purge_cursor);
	if (code == METER_EEND) {
		s->purge_level++;
		s->purge_cursor = 0;
		code = METER_OK;
	}
	if (code == METER_OK && s->purge_level == LEVEL_COUNT) {
		s->purge_level = 0;
		code = run_with(s, SQL_METER_DELETE, 0, 0);
		*done_out = true;
	}
	return code;
}
