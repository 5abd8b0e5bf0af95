/*
 * naive.c - what `meter replay` is compared with: events into SQLite as one writes it in an afternoon.
 *
 * The same result: one INSERT OR IGNORE per event into a table keyed (subscription, timestamp, id), one upsert of its bucket by
 * (subscription, minute, model, kind), BATCH events per transaction. It is given every advantage: WAL, synchronous=NORMAL
 * (libmeter commits with FULL), prepared statements, properties kept as the text they came in, no roll-ups, and a field scanner
 * that trusts its input where libmeter checks it.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct field {
	const char *text;
	int size;
};

static sqlite3 *db;

static void must(int code, int expected)
{
	if (code == expected)
		return;
	fprintf(stderr, "naive: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *statement;

	must(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	return statement;
}

/* From behind start to the next end. */
static struct field scan(const char **at, const char *start, char end)
{
	const char *from = strstr(*at, start), *to = from == NULL ? NULL : strchr(from + strlen(start), end);

	if (to == NULL) {
		fprintf(stderr, "naive: no %s in %s\n", start, *at);
		exit(1);
	}
	from += strlen(start);
	*at = to;
	return (struct field){from, (int)(to - from)};
}

/* Microseconds of 2026-01-15T00:00:02.123456Z, from the day of the benchmark's first event on. */
static int64_t read_time(struct field f)
{
	const char *t = f.text;
	int64_t day = (t[8] - '0') * 10 + t[9] - '0' - 15, seconds = 0, fraction = 0;

	seconds = ((t[11] - '0') * 10 + t[12] - '0') * 3600 + ((t[14] - '0') * 10 + t[15] - '0') * 60 + (t[17] - '0') * 10 +
	          t[18] - '0';
	for (int i = 20; i < 26; i++)
		fraction = fraction * 10 + t[i] - '0';
	return (1768435200 + day * 86400 + seconds) * 1000000 + fraction;
}

static void store(sqlite3_stmt *insert, sqlite3_stmt *upsert, const char *line)
{
	const char *at = line;
	struct field id = scan(&at, "\"id\":\"", '"'), subscription = scan(&at, "\"subscription\":\"", '"');
	struct field type = scan(&at, "\"type\":\"", '"'), timestamp = scan(&at, "\"timestamp\":\"", '"');
	struct field properties = scan(&at, "\"properties\":", '}');
	int64_t at_us = read_time(timestamp);

	at = properties.text;
	struct field model = scan(&at, "\"model\":\"", '"'), kind = scan(&at, "\"kind\":\"", '"'),
		     tokens = scan(&at, "\"tokens\":", ',');
	sqlite3_bind_text(insert, 1, subscription.text, subscription.size, SQLITE_STATIC);
	sqlite3_bind_int64(insert, 2, at_us);
	sqlite3_bind_text(insert, 3, id.text, id.size, SQLITE_STATIC);
	sqlite3_bind_text(insert, 4, type.text, type.size, SQLITE_STATIC);
	sqlite3_bind_text(insert, 5, properties.text, properties.size + 1, SQLITE_STATIC);
	must(sqlite3_step(insert), SQLITE_DONE);
	must(sqlite3_reset(insert), SQLITE_OK);
	if (sqlite3_changes(db) == 0)
		return;
	sqlite3_bind_text(upsert, 1, subscription.text, subscription.size, SQLITE_STATIC);
	sqlite3_bind_int64(upsert, 2, at_us / 60000000);
	sqlite3_bind_text(upsert, 3, model.text, model.size, SQLITE_STATIC);
	sqlite3_bind_text(upsert, 4, kind.text, kind.size, SQLITE_STATIC);
	sqlite3_bind_int64(upsert, 5, atoll(tokens.text));
	must(sqlite3_step(upsert), SQLITE_DONE);
	must(sqlite3_reset(upsert), SQLITE_OK);
}

int main(int argc, char **argv)
{
	long long batch = argc == 5 ? atoll(argv[3]) : 0, limit = argc == 5 ? atoll(argv[4]) : 0, count = 0;
	sqlite3_stmt *insert, *upsert;
	char *line = NULL;
	size_t room = 0;
	FILE *in;

	if (batch <= 0 || limit <= 0 || (in = fopen(argv[1], "r")) == NULL) {
		fputs("usage: naive EVENTS.jsonl DATABASE BATCH LIMIT\n", stderr);
		return 2;
	}
	must(sqlite3_open(argv[2], &db), SQLITE_OK);
	must(sqlite3_exec(db,
	                  "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	                  "CREATE TABLE event (subscription TEXT, timestamp INTEGER, id TEXT, type TEXT, properties TEXT,"
	                  " PRIMARY KEY (subscription, timestamp, id));"
	                  "CREATE TABLE bucket (subscription TEXT, minute INTEGER, model TEXT, kind TEXT, count INTEGER, tokens "
	                  "INTEGER,"
	                  " PRIMARY KEY (subscription, minute, model, kind));",
	                  NULL, NULL, NULL),
	     SQLITE_OK);
	insert = prepare("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)");
	upsert = prepare("INSERT INTO bucket VALUES (?, ?, ?, ?, 1, ?)"
	                 " ON CONFLICT DO UPDATE SET count = count + 1, tokens = tokens + excluded.tokens");
	for (; count < limit && getline(&line, &room, in) >= 0; count++) {
		if (count % batch == 0)
			must(sqlite3_exec(db, count > 0 ? "COMMIT; BEGIN" : "BEGIN", NULL, NULL, NULL), SQLITE_OK);
		store(insert, upsert, line);
	}
	must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_finalize(insert);
	sqlite3_finalize(upsert);
	sqlite3_close(db);
	free(line);
	fclose(in);
	return 0;
}
