/*
 * store_unbilled.c - stored events that no invoice can show yet, because their type has no meter or their subscription no plan:
 * counted by (subscription, type) when they are stored, struck off when a catalog comes into force that covers them.
 */
#include <stdlib.h>

#include "error.h"
#include "store_internal.h"

static bool is_billable(const struct meter_catalog *catalog, struct slice subscription, struct slice type)
{
	return catalog && meter__catalog_subscription(catalog, subscription) && meter__catalog_is_metered(catalog, type);
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
