/*
 * store_schema.c - every word of SQL in the library: the tables, and one statement per purpose with the key it relies on.
 *
 * Tables are keyed by time first, so that writing touches the newest pages however much is stored; README.md shows how to read
 * them with sqlite3.
 */
#include "store_internal.h"

const char *const meter__schema_sql =
	/* Texts that repeat, by number. */
	"CREATE TABLE name (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"

	/* What events of one kind share. type: name.number. names: a JSON array of the names of their properties, sorted; '' for
           an open shape, whose events keep the names themselves because there were too many different ones. */
	"CREATE TABLE shape (number INTEGER PRIMARY KEY, type INTEGER NOT NULL, names TEXT NOT NULL, UNIQUE (type, names)) "
	"STRICT;"

	/* Every accepted event, for ever. timestamp: microseconds since 1970. subscription: name.number. shape: shape.number.
           value: INTEGER, or TEXT when it has decimals. properties: a JSON array of values in the order of shape.names, or an
           object if that is ''. ingest: the transaction that stored it, see total. */
	"CREATE TABLE event ("
	" timestamp INTEGER NOT NULL, subscription INTEGER NOT NULL, id TEXT NOT NULL,"
	" shape INTEGER NOT NULL, value ANY NOT NULL, properties TEXT NOT NULL, source TEXT, sequence INTEGER, ingest INTEGER "
	"NOT "
	"NULL,"
	" PRIMARY KEY (timestamp, subscription, id)) STRICT, WITHOUT ROWID;"

	/* Events that were taken back, by their key: they stay, and count nowhere. ingest: the transaction that did. is_waiting: 1 while the
	   event has not come yet. because: the id of the event that took it back, or why. */
	"CREATE TABLE retraction ("
	" timestamp INTEGER NOT NULL, subscription INTEGER NOT NULL, id TEXT NOT NULL, ingest INTEGER NOT NULL,"
	" is_waiting INTEGER NOT NULL, because TEXT NOT NULL, PRIMARY KEY (timestamp, subscription, id)) STRICT, WITHOUT ROWID;"

	/* Types of events that a time_weighted meter of any catalog counts: a value of theirs holds on into later periods. type: name.number. */
	"CREATE TABLE gauge (type INTEGER PRIMARY KEY) STRICT;"

	/* What meters count. filled_before: it counts events with timestamp < this (while it is being filled); NULL: retired, to
           be deleted. */
	"CREATE TABLE meter (number INTEGER PRIMARY KEY, definition TEXT NOT NULL, filled_before INTEGER) STRICT;"
	"CREATE INDEX meter_definition ON meter (definition);"

	/* Buckets. minute, hour, day: number since 1970. month: 202601. dimensions: name.number of a JSON object. value: NULL
           without events, INTEGER, TEXT with decimals, or 'overflow'. at: timestamp of value, for latest. unmeasured: events the
           meter could not read. */
	"CREATE TABLE minute ("
	" minute INTEGER NOT NULL, meter INTEGER NOT NULL, subscription INTEGER NOT NULL, dimensions INTEGER NOT NULL,"
	" events INTEGER NOT NULL, unmeasured INTEGER NOT NULL, value ANY, at INTEGER,"
	" PRIMARY KEY (minute, meter, subscription, dimensions)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE hour ("
	" day INTEGER NOT NULL, meter INTEGER NOT NULL, subscription INTEGER NOT NULL, hour INTEGER NOT NULL, dimensions INTEGER "
	"NOT NULL,"
	" events INTEGER NOT NULL, unmeasured INTEGER NOT NULL, value ANY, at INTEGER,"
	" PRIMARY KEY (day, meter, subscription, hour, dimensions)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE day ("
	" month INTEGER NOT NULL, meter INTEGER NOT NULL, subscription INTEGER NOT NULL, day INTEGER NOT NULL, dimensions "
	"INTEGER NOT NULL,"
	" events INTEGER NOT NULL, unmeasured INTEGER NOT NULL, value ANY, at INTEGER,"
	" PRIMARY KEY (month, meter, subscription, day, dimensions)) STRICT, WITHOUT ROWID;"

	/* Usage of minutes before total.rolled_before that came late, in addition to what the three tables above hold: it waits
           here until there is enough of it to be worth the pages it touches there. */
	"CREATE TABLE late ("
	" meter INTEGER NOT NULL, subscription INTEGER NOT NULL, minute INTEGER NOT NULL, dimensions INTEGER NOT NULL,"
	" events INTEGER NOT NULL, unmeasured INTEGER NOT NULL, value ANY, at INTEGER,"
	" PRIMARY KEY (meter, subscription, minute, dimensions)) STRICT, WITHOUT ROWID;"

	/* What meters with aggregation time_weighted saw: value from this time on, in microseconds since 1970. */
	"CREATE TABLE sample ("
	" meter INTEGER NOT NULL, subscription INTEGER NOT NULL, dimensions INTEGER NOT NULL, timestamp INTEGER NOT NULL,"
	" events INTEGER NOT NULL, unmeasured INTEGER NOT NULL, value ANY, at INTEGER,"
	" PRIMARY KEY (meter, subscription, dimensions, timestamp)) STRICT, WITHOUT ROWID;"

	/* What was refused. A number is never given again. outcome: 3 conflict, 4 rejected. code: the kind of reason (reason.h).
           first, discarded: microseconds since 1970; discarded is NULL for what waits, else discard_reason says why. text: as it
           came, a BLOB when it is not UTF-8; last, because it may be long. */
	"CREATE TABLE quarantine ("
	" number INTEGER PRIMARY KEY AUTOINCREMENT, outcome INTEGER NOT NULL, code TEXT NOT NULL, first INTEGER NOT NULL,"
	" times INTEGER NOT NULL, discarded INTEGER, discard_reason TEXT, reason TEXT NOT NULL, text ANY NOT NULL,"
	" UNIQUE (outcome, reason, text)) STRICT;"
	"CREATE INDEX quarantine_waiting ON quarantine (outcome, code, times) WHERE discarded IS NULL;"

	/* Stored events that no invoice can show yet, because their type has no meter or their subscription no plan. */
	"CREATE TABLE unbilled (subscription INTEGER NOT NULL, type INTEGER NOT NULL, events INTEGER NOT NULL,"
	" PRIMARY KEY (subscription, type)) STRICT, WITHOUT ROWID;"

	/* Catalog versions; the one in force is total.catalog. applied: when it came into force, in microseconds since 1970; NULL: not
	   yet. hash: SHA-256 of the text. */
	"CREATE TABLE catalog (version INTEGER PRIMARY KEY, applied INTEGER, text TEXT NOT NULL, hash TEXT NOT NULL) STRICT;"
	"CREATE TABLE catalog_meter (version INTEGER NOT NULL, key TEXT NOT NULL, meter INTEGER NOT NULL,"
	" PRIMARY KEY (version, key)) STRICT, WITHOUT ROWID;"

	/* Spools: records below consumed are stored. retired: 1: it has no other; 2: it belongs to the file this one is a backup
           of. */
	"CREATE TABLE spool (id INTEGER PRIMARY KEY, consumed INTEGER NOT NULL, retired INTEGER NOT NULL) STRICT;"

	/* What people did to the file that its numbers do not show. at: microseconds since 1970. */
	"CREATE TABLE audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL) STRICT;"

	/* One row: outcomes counted since the file was made; ingest: transactions that stored events or documents; generation: changes of
           catalogs and meters; rolled_before: the minute before which tables hour and day hold everything;
           recovered: events from spools of processes that died; damaged: records and spools that could not be; late_rows: at most
           so many rows are in table late; negative: 1 once a meter has counted a value below zero; closed_before: no billed period
           ends later, in microseconds since 1970; retracted, retractions_waiting: rows of table retraction; database: a random number that no other file has. */
	"CREATE TABLE total ("
	" one INTEGER PRIMARY KEY CHECK (one = 1), accepted INTEGER NOT NULL, duplicate INTEGER NOT NULL, conflict INTEGER NOT "
	"NULL,"
	" rejected INTEGER NOT NULL, late INTEGER NOT NULL, ingest INTEGER NOT NULL, catalog INTEGER NOT NULL, generation "
	"INTEGER NOT NULL, rolled_before INTEGER NOT NULL, recovered INTEGER NOT NULL, damaged INTEGER NOT NULL,"
	" late_rows INTEGER NOT NULL, negative INTEGER NOT NULL, closed_before INTEGER NOT NULL, retracted INTEGER NOT NULL,"
	" retractions_waiting INTEGER NOT NULL, database INTEGER NOT NULL) STRICT;"
	"INSERT INTO total VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, random());";

const char *const meter__invoice_sql =
	/*
	 * Invoices. Rows of bill, line, document, document_bill, entry and link are never changed or deleted: triggers
	 * refuse it to everybody.
	 *
	 * bill: one period of a subscription, rated. subscription: name.number. whole: the period of its calendar; active:
	 * the part that is billed; both in microseconds since 1970. catalog, ingest: what it was rated by, and the last
	 * transaction it saw. before, after: JSON objects, what the period before left and what this one leaves.
	 */
	"CREATE TABLE bill ("
	" number INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, whole_from INTEGER NOT NULL, whole_to INTEGER NOT NULL,"
	" active_from INTEGER NOT NULL, active_to INTEGER NOT NULL, catalog INTEGER NOT NULL, ingest INTEGER NOT NULL,"
	" plan TEXT NOT NULL, plan_hash TEXT NOT NULL, currency TEXT NOT NULL, exponent INTEGER NOT NULL, before TEXT NOT NULL,"
	" after TEXT NOT NULL, subtotal TEXT NOT NULL, tax TEXT NOT NULL, total TEXT NOT NULL, due TEXT NOT NULL) STRICT;"
	"CREATE INDEX bill_period ON bill (subscription, active_from);"
	"CREATE TABLE line ("
	" bill INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, charge TEXT, account TEXT NOT NULL,"
	" description TEXT NOT NULL,"
	" active_from INTEGER NOT NULL, active_to INTEGER NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL, per TEXT NOT NULL,"
	" amount TEXT NOT NULL, exact TEXT NOT NULL, PRIMARY KEY (bill, number)) STRICT, WITHOUT ROWID;"

	/* What was issued. kind: 1 invoice, 2 credit note, 3 adjustment, 4 void. name: its number for people; NULL for a void. at:
	   when, in microseconds since 1970. refers: the document that it voids or replaces. */
	"CREATE TABLE document ("
	" number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT UNIQUE, subscription TEXT NOT NULL, customer TEXT NOT NULL,"
	" at INTEGER NOT NULL, reason TEXT, refers INTEGER, currency TEXT NOT NULL, total TEXT NOT NULL, due TEXT NOT NULL) STRICT;"
	"CREATE INDEX document_subscription ON document (subscription, number);"
	"CREATE INDEX document_refers ON document (refers, kind) WHERE refers IS NOT NULL;"
	/* Of which bills a document is made. replaces: that of the same period which was billed before, NULL for the first. */
	"CREATE TABLE document_bill ("
	" document INTEGER NOT NULL, position INTEGER NOT NULL, bill INTEGER NOT NULL, replaces INTEGER,"
	" PRIMARY KEY (document, position)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX document_bill_bill ON document_bill (bill);"
	/* The ledger: amounts of a document on accounts, debit above 0, credit below; each document sums up to 0. */
	"CREATE TABLE entry ("
	" document INTEGER NOT NULL, number INTEGER NOT NULL, account TEXT NOT NULL, currency TEXT NOT NULL, amount TEXT NOT NULL,"
	" PRIMARY KEY (document, number)) STRICT, WITHOUT ROWID;"
	/* SHA-256 over the hash of the document before and all rows of this one. */
	"CREATE TABLE link (document INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;"

	/* What is billed now, as documents say: which bill holds for a period, and which document billed it last. */
	"CREATE TABLE billed ("
	" subscription INTEGER NOT NULL, active_from INTEGER NOT NULL, active_to INTEGER NOT NULL, bill INTEGER NOT NULL,"
	" document INTEGER NOT NULL, PRIMARY KEY (subscription, active_from)) STRICT, WITHOUT ROWID;"
	/* Bills and by how many events their usage has changed since; once that is settled: -1 less that number. */
	"CREATE TABLE stale (subscription INTEGER NOT NULL, bill INTEGER NOT NULL, events INTEGER NOT NULL,"
	" PRIMARY KEY (subscription, bill)) STRICT, WITHOUT ROWID;"
	/* The last number given in each series. */
	"CREATE TABLE series (prefix TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

#define NEVER(table, what) \
	"CREATE TRIGGER " table "_" what " BEFORE " what " ON " table " BEGIN SELECT raise(ABORT, 'table " table " is append-only'); END;"
#define APPEND_ONLY(table) NEVER(table, "update") NEVER(table, "delete")
const char *const meter__trigger_sql = APPEND_ONLY("bill") APPEND_ONLY("line") APPEND_ONLY("document")
	APPEND_ONLY("document_bill") APPEND_ONLY("entry") APPEND_ONLY("link") APPEND_ONLY("audit");

/* For people with sqlite3. A minute may be in two rows, one of them late. */
const char *const meter__view_sql =
	"CREATE VIEW v_events AS SELECT"
	" strftime('%Y-%m-%dT%H:%M:%S', e.timestamp / 1000000, 'unixepoch') || printf('.%06dZ', e.timestamp % 1000000) AS "
	"timestamp,"
	" s.text AS subscription, e.id AS id, t.text AS type, e.value AS value,"
	" CASE h.names WHEN '' THEN e.properties ELSE (SELECT json_group_object(n.value, v.value)"
	" FROM json_each(h.names) n JOIN json_each(e.properties) v ON v.key = n.key) END AS properties,"
	" e.source AS source, e.sequence AS sequence, e.ingest AS ingest"
	" FROM event e JOIN name s ON s.number = e.subscription JOIN shape h ON h.number = e.shape JOIN name t ON t.number = "
	"h.type;"
	"CREATE VIEW v_usage AS SELECT"
	" strftime('%Y-%m-%dT%H:%M:%SZ', b.minute * 60, 'unixepoch') AS minute,"
	" m.key AS meter, s.text AS subscription, d.text AS dimensions, b.value AS value, b.events AS events, b.unmeasured AS "
	"unmeasured"
	" FROM (SELECT * FROM minute UNION ALL SELECT minute, meter, subscription, dimensions, events, unmeasured, value, at "
	"FROM "
	"late) b"
	" JOIN catalog_meter m ON m.meter = b.meter AND m.version = (SELECT catalog FROM total)"
	" JOIN name s ON s.number = b.subscription JOIN name d ON d.number = b.dimensions;";

/* The merging half of every bucket upsert; bucket_value() merges the stored row with the row being read (store_bucket.c). */
#define BUCKET_MERGE                                                                                                             \
	" ON CONFLICT DO UPDATE SET events = events + excluded.events, unmeasured = unmeasured + excluded.unmeasured,"           \
	" value = bucket_value(events, unmeasured, value, at),"                                                                  \
	" at = max(coalesce(at, excluded.at), coalesce(excluded.at, at))"

/* event_seen() compares the stored content with the row being read, notes duplicate or conflict, and is 0: nothing is updated. */
#define EVENT_ADD(origin)                                                                                                        \
	"INSERT INTO event SELECT timestamp, subscription, id, shape, value, properties, " origin                                \
	", ?1 FROM event_rows WHERE true"                                                                                        \
	" ON CONFLICT DO UPDATE SET ingest = ingest WHERE event_seen(shape, value, properties)"

#define BILLED_COLUMNS                                                                                                           \
	"SELECT b.active_from, b.active_to, b.bill, b.document, coalesce(s.events, -1), x.whole_from, x.whole_to, x.catalog"    \
	" FROM billed b LEFT JOIN stale s ON s.subscription = b.subscription AND s.bill = b.bill"                                \
	" LEFT JOIN bill x ON x.number = b.bill"
#define BUCKET_ROW "subscription, dimensions, events, unmeasured, value, at"
/* Rows as verify reads them, of everybody or of one. */
#define VERIFY_EVENTS(of)                                                                                                        \
	"SELECT timestamp, subscription, id, shape, value, properties, source, sequence, ingest, " RETRACTED                     \
	" FROM event e WHERE timestamp >= ?1 AND timestamp < ?2" of " ORDER BY timestamp, subscription, id"
#define VERIFY_MEASURED(of)                                                                                                      \
	"SELECT timestamp, subscription, shape, value, properties, " RETRACTED                                                   \
	" FROM event e WHERE timestamp >= ?1 AND timestamp < ?2" of " ORDER BY timestamp, subscription, id"
#define VERIFY_MINUTES(table, of)                                                                                                \
	"SELECT minute, meter, " BUCKET_ROW " FROM " table " WHERE minute >= ?1 AND minute < ?2" of                             \
	" ORDER BY minute, meter, subscription, dimensions"
#define VERIFY_HOURS(of)                                                                                                         \
	"SELECT hour, meter, " BUCKET_ROW ", day FROM hour WHERE day >= ?1 AND day < ?2" of                                           \
	" ORDER BY day, meter, subscription, hour, dimensions"
#define VERIFY_DAYS(of)                                                                                                          \
	"SELECT day, meter, " BUCKET_ROW ", month FROM day WHERE month >= ?1 AND month <= ?2" of                                      \
	" ORDER BY month, meter, subscription, day, dimensions"
#define VERIFY_COUNT_DAYS(of)                                                                                                    \
	"SELECT count(*) FROM day WHERE month >= ?1 AND month <= ?2 AND day >= ?3 AND day < ?4 AND meter = ?5" of
/* The transaction that took the event back, or NULL; looked for only in files that have any. */
#define RETRACTED                                                                                                                \
	"CASE WHEN (SELECT retracted FROM total) > 0 THEN (SELECT r.ingest FROM retraction r"                                    \
	" WHERE r.timestamp = e.timestamp AND r.subscription = e.subscription AND r.id = e.id) END"
#define EVENT_ROW                                                                                                                \
	"e.timestamp, e.subscription, e.id, e.shape, e.value, e.properties, e.source, e.sequence, s.text, t.text, h.names,"             \
	" e.ingest, " RETRACTED
/* CROSS JOIN: read in the order of event, whatever the planner thinks of the others. */
#define EVENT_FROM                                                                                                               \
	" FROM event e CROSS JOIN name s ON s.number = e.subscription CROSS JOIN shape h ON h.number = e.shape"                  \
	" CROSS JOIN name t ON t.number = h.type"

#define LEDGER_ROWS                                                                                                              \
	"SELECT d.number, e.number, coalesce(d.name, v.name), d.kind, d.at, d.subscription, e.account, e.currency, e.amount"     \
	" FROM document d CROSS JOIN entry e ON e.document = d.number LEFT JOIN document v ON v.number = d.refers"                 \
	" WHERE d.number >= ?1 AND (d.number > ?1 OR e.number > ?2) AND d.at >= ?3 AND d.at < ?4"

const char *const meter__statement_sql[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_READ_BEGIN] = "BEGIN",

	[SQL_TOTALS] = "SELECT accepted, duplicate, conflict, rejected, late, ingest, catalog, generation,"
		       " rolled_before, recovered, damaged, late_rows, negative, closed_before, retracted, retractions_waiting FROM total",
	[SQL_TOTALS_UPDATE] = "UPDATE total SET accepted = ?1, duplicate = ?2, conflict = ?3, rejected = ?4, late = ?5,"
			      " ingest = ?6, catalog = ?7, generation = ?8, rolled_before = ?9, recovered = ?10, damaged = ?11,"
			      " late_rows = ?12, negative = ?13, closed_before = ?14, retracted = ?15, retractions_waiting = ?16",

	[SQL_NAME_FIND] = "SELECT number FROM name WHERE text = ?1",
	[SQL_NAME_ADD] = "INSERT INTO name (text) VALUES (?1) RETURNING number",
	[SQL_NAME_TEXT] = "SELECT text FROM name WHERE number = ?1",

	[SQL_SHAPE_FIND] = "SELECT number FROM shape WHERE type = ?1 AND names = ?2",
	[SQL_SHAPE_ADD] = "INSERT INTO shape (type, names) SELECT ?1, ?2"
			  " WHERE ?2 = '' OR (SELECT coalesce(max(number), 0) FROM shape) < ?3 RETURNING number",
	[SQL_SHAPE_READ] = "SELECT type, names FROM shape WHERE number = ?1",

	[SQL_EVENT_ADD] = EVENT_ADD("source, sequence"),
	[SQL_EVENT_ADD_PLAIN] = EVENT_ADD("NULL, NULL"),
	[SQL_EVENT_FIND] = "SELECT shape, value, properties FROM event WHERE timestamp = ?1 AND subscription = ?2 AND id = ?3",

	[SQL_BUCKET_ADD_MINUTE] = "INSERT INTO minute (minute, meter, " BUCKET_ROW ")"
				  " SELECT start, meter, " BUCKET_ROW " FROM bucket_rows WHERE true" BUCKET_MERGE,
	[SQL_BUCKET_ADD_HOUR] = "INSERT INTO hour (day, meter, hour, " BUCKET_ROW ")"
				" SELECT lead, meter, start, " BUCKET_ROW " FROM bucket_rows WHERE true" BUCKET_MERGE,
	[SQL_BUCKET_ADD_DAY] = "INSERT INTO day (month, meter, day, " BUCKET_ROW ")"
			       " SELECT lead, meter, start, " BUCKET_ROW " FROM bucket_rows WHERE true" BUCKET_MERGE,

	[SQL_BUCKET_ADD_LATE] = "INSERT INTO late (minute, meter, " BUCKET_ROW ")"
				" SELECT start, meter, " BUCKET_ROW " FROM bucket_rows WHERE true" BUCKET_MERGE,

	[SQL_SAMPLE_ADD] = "INSERT INTO sample (timestamp, meter, " BUCKET_ROW ")"
			   " SELECT start, meter, " BUCKET_ROW " FROM bucket_rows WHERE true" BUCKET_MERGE,

	[SQL_MINUTES] = "SELECT minute, meter, " BUCKET_ROW " FROM minute WHERE minute = ?1 AND meter = ?2",
	[SQL_LATE] = "SELECT minute, meter, " BUCKET_ROW " FROM late",
	[SQL_LATE_DELETE] = "DELETE FROM late",

	/* Not one upsert: that would use up a number each time. */
	[SQL_QUARANTINE_AGAIN] = "UPDATE quarantine SET times = times + 1 WHERE outcome = ?1 AND reason = ?2 AND text = ?3",
	[SQL_RETRACTION_ADD] = "INSERT INTO retraction VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
	[SQL_RETRACTION_READ] = "SELECT because FROM retraction WHERE timestamp = ?1 AND subscription = ?2 AND id = ?3",
	[SQL_RETRACTED] = "SELECT timestamp FROM retraction WHERE timestamp >= ?1 AND timestamp < ?2 AND ingest > ?3"
			  " AND is_waiting = 0 AND (?4 = 0 OR subscription = ?4) ORDER BY timestamp",
	[SQL_GAUGE_ADD] = "INSERT INTO gauge VALUES (?1) ON CONFLICT DO NOTHING",
	[SQL_GAUGE_FIND] = "SELECT 1 FROM gauge WHERE type = ?1",
	[SQL_EVENT_TYPE] = "SELECT h.type, e.ingest FROM event e JOIN shape h ON h.number = e.shape"
			   " WHERE e.timestamp = ?1 AND e.subscription = ?2 AND e.id = ?3",
	[SQL_RETRACTION_WAITING] =
		"SELECT 1 FROM retraction WHERE timestamp = ?1 AND subscription = ?2 AND id = ?3 AND is_waiting = 1",
	[SQL_RETRACTION_ARRIVED] =
		"UPDATE retraction SET is_waiting = 0 WHERE timestamp = ?1 AND subscription = ?2 AND id = ?3",
	[SQL_SOURCE_EVENTS] = "SELECT timestamp, subscription, id FROM event e"
			      " WHERE (timestamp, subscription, id) > (?1, ?2, ?3) AND source = ?4 AND NOT EXISTS (SELECT 1 FROM"
			      " retraction r WHERE r.timestamp = e.timestamp AND r.subscription = e.subscription AND r.id = e.id)"
			      " ORDER BY timestamp, subscription, id LIMIT ?5",
	[SQL_SOURCES] = "SELECT e.source, count(*), min(e.timestamp), max(e.timestamp), count(r.id) FROM event e LEFT JOIN"
			" retraction r ON r.timestamp = e.timestamp AND r.subscription = e.subscription AND r.id = e.id"
			" WHERE e.source >= ?1 AND e.source < ?2 GROUP BY e.source ORDER BY e.source",
	[SQL_RECOUNT_MINUTE] = "DELETE FROM minute WHERE minute = ?4 AND meter = ?1 AND subscription = ?2",
	[SQL_RECOUNT_LATE] = "DELETE FROM late WHERE meter = ?1 AND subscription = ?2 AND minute = ?4",
	[SQL_RECOUNT_HOUR] = "DELETE FROM hour WHERE day = ?3 AND meter = ?1 AND subscription = ?2 AND hour = ?4",
	[SQL_RECOUNT_DAY] = "DELETE FROM day WHERE month = ?3 AND meter = ?1 AND subscription = ?2 AND day = ?4",
	[SQL_RECOUNT_SAMPLES] =
		"DELETE FROM sample WHERE meter = ?1 AND subscription = ?2 AND timestamp >= ?3 AND timestamp < ?4",

	[SQL_QUARANTINE_ADD] =
		"INSERT INTO quarantine (outcome, reason, text, code, first, times) VALUES (?1, ?2, ?3, ?4, ?5, 1)",
	[SQL_QUARANTINE_WAITS] = "SELECT 1 FROM quarantine WHERE number = ?1 AND discarded IS NULL",
	[SQL_QUARANTINE_REMOVE] = "DELETE FROM quarantine WHERE number = ?1 AND discarded IS NULL",
	[SQL_QUARANTINE_TWIN] =
		"SELECT t.number FROM quarantine q JOIN quarantine t ON t.outcome = ?2 AND t.reason = ?3 AND t.text = q.text"
		" WHERE q.number = ?1 AND t.number <> ?1 AND t.discarded IS NULL",
	[SQL_QUARANTINE_MERGE] =
		"UPDATE quarantine SET times = quarantine.times + t.times, first = min(quarantine.first, t.first)"
		" FROM (SELECT times, first FROM quarantine WHERE number = ?2) t WHERE number = ?1",
	/* OR IGNORE: an entry with this text and reason was discarded. That stays as it is, and so does this one. */
	[SQL_QUARANTINE_REASON] =
		"UPDATE OR IGNORE quarantine SET outcome = ?2, reason = ?3, code = ?4 WHERE number = ?1 AND discarded IS NULL",
	[SQL_QUARANTINE_DISCARD] =
		"UPDATE quarantine SET discarded = ?2, discard_reason = ?3 WHERE number = ?1 AND discarded IS NULL",
	[SQL_UNBILLED_ADD] =
		"INSERT INTO unbilled VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET events = events + excluded.events",
	[SQL_UNBILLED_LIST] = "SELECT u.subscription, u.type, s.text, t.text FROM unbilled u"
			      " JOIN name s ON s.number = u.subscription JOIN name t ON t.number = u.type"
			      " WHERE ?1 = 0 OR u.subscription = ?1 ORDER BY u.subscription, u.type",
	[SQL_UNBILLED_PAIR] = "SELECT events FROM unbilled WHERE subscription = ?1 AND type = ?2",
	[SQL_UNBILLED_DELETE] = "DELETE FROM unbilled WHERE subscription = ?1 AND type = ?2",
	[SQL_UNBILLED_REMOVE] = "UPDATE unbilled SET events = events - 1 WHERE subscription = ?1 AND type = ?2",
	[SQL_UNBILLED_TIDY] = "DELETE FROM unbilled WHERE subscription = ?1 AND type = ?2 AND events <= 0",
	[SQL_UNBILLED_EVENTS] = "SELECT e.timestamp, e.subscription, h.type, e.ingest FROM event e CROSS JOIN shape h ON h.number = e.shape"
				" WHERE e.timestamp >= ?1 AND e.timestamp < ?2 AND (?3 = 0 OR e.subscription = ?3) AND (" RETRACTED
				") IS NULL",
	[SQL_BILL_INGEST] = "SELECT ingest FROM bill WHERE number = ?1",
	[SQL_UNBILLED_SUM] = "SELECT coalesce(sum(events), 0) FROM unbilled",

	[SQL_SPOOL_ADD] = "INSERT INTO spool VALUES (?1, ?2, 0)",
	[SQL_SPOOL_FIND] = "SELECT consumed, retired FROM spool WHERE id = ?1",
	[SQL_SPOOL_CONSUME] = "UPDATE spool SET consumed = ?2 WHERE id = ?1",
	[SQL_SPOOL_RETIRE] = "UPDATE spool SET retired = 1 WHERE id = ?1",
	[SQL_SPOOL_DELETE] = "DELETE FROM spool WHERE id = ?1",
	[SQL_SPOOL_LIST] = "SELECT id FROM spool",
	[SQL_DATABASE] = "SELECT database FROM total",
	[SQL_AUDIT_ADD] = "INSERT INTO audit (at, what) VALUES (?1, ?2)",

	[SQL_CATALOG_TEXT] = "SELECT text, hash FROM catalog WHERE version = ?1",
	[SQL_CATALOG_PENDING] = "SELECT max(version) FROM catalog WHERE version > ?1",
	[SQL_CATALOG_ADD] = "INSERT INTO catalog VALUES (?1, NULL, ?2, ?3)",
	[SQL_CATALOG_DROP_PENDING] = "DELETE FROM catalog WHERE version > ?1",
	[SQL_CATALOG_DROP_PENDING_METERS] = "DELETE FROM catalog_meter WHERE version > ?1",
	[SQL_CATALOG_ACTIVATE] = "UPDATE catalog SET applied = ?2 WHERE version = ?1",

	[SQL_METER_LIST] =
		"SELECT c.key, c.version, m.number, m.filled_before FROM catalog_meter c JOIN meter m ON m.number = c.meter"
		" WHERE c.version = ?1 OR c.version = ?2 ORDER BY m.number, c.version",
	[SQL_METER_FIND] = "SELECT number FROM meter WHERE definition = ?1 AND filled_before IS NOT NULL",
	[SQL_METER_ADD] = "INSERT INTO meter (definition, filled_before) VALUES (?1, ?2) RETURNING number",
	[SQL_METER_USE] = "INSERT INTO catalog_meter VALUES (?1, ?2, ?3)",
	[SQL_METER_FILLED] = "UPDATE meter SET filled_before = ?2 WHERE number = ?1",
	[SQL_METER_RETIRE] = "UPDATE meter SET filled_before = NULL WHERE number NOT IN"
			     " (SELECT meter FROM catalog_meter WHERE version >= ?1)",
	[SQL_METER_RETIRED] = "SELECT count(*) FROM meter WHERE filled_before IS NULL",
	[SQL_METER_DELETE] = "DELETE FROM meter WHERE filled_before IS NULL",
	[SQL_FILL_EVENTS] = "SELECT " EVENT_ROW EVENT_FROM " WHERE e.timestamp >= ?1 ORDER BY e.timestamp, e.subscription, e.id",

	[SQL_PURGE_MINUTE] = "DELETE FROM minute WHERE minute >= ?1 AND minute < ?2"
			     " AND meter IN (SELECT number FROM meter WHERE filled_before IS NULL)",
	[SQL_PURGE_HOUR] = "DELETE FROM hour WHERE day >= ?1 AND day < ?2"
			   " AND meter IN (SELECT number FROM meter WHERE filled_before IS NULL)",
	[SQL_PURGE_DAY] = "DELETE FROM day WHERE month >= ?1 AND month < ?2"
			  " AND meter IN (SELECT number FROM meter WHERE filled_before IS NULL)",
	[SQL_PURGE_SAMPLE] = "DELETE FROM sample WHERE meter IN (SELECT number FROM meter WHERE filled_before IS NULL)",
	[SQL_PURGE_LATE] = "DELETE FROM late WHERE meter IN (SELECT number FROM meter WHERE filled_before IS NULL)",

	[SQL_NEXT_MINUTE] = "SELECT minute FROM minute WHERE minute >= ?1 AND minute <= ?2 ORDER BY minute LIMIT 1",
	[SQL_NEXT_HOUR] = "SELECT day FROM hour WHERE day >= ?1 AND day <= ?2 ORDER BY day LIMIT 1",
	[SQL_NEXT_DAY] = "SELECT month FROM day WHERE month >= ?1 AND month <= ?2 ORDER BY month LIMIT 1",
	[SQL_SCAN_MINUTE] = "SELECT minute, " BUCKET_ROW " FROM minute WHERE minute = ?1 AND meter = ?2 AND subscription = ?3"
			    " AND minute >= ?4 AND minute < ?5",
	[SQL_SCAN_MINUTES] = "WITH RECURSIVE at (minute) AS (SELECT ?4 UNION ALL SELECT minute + 1 FROM at WHERE minute + 1 < ?5)"
			     " SELECT b.minute, " BUCKET_ROW " FROM at CROSS JOIN minute b"
			     " ON b.minute = at.minute AND b.meter = ?2 AND b.subscription = ?3",
	[SQL_SCAN_HOUR] = "SELECT hour, " BUCKET_ROW " FROM hour WHERE day = ?1 AND meter = ?2 AND subscription = ?3"
			  " AND hour >= ?4 AND hour < ?5",
	[SQL_SCAN_DAY] = "SELECT day, " BUCKET_ROW " FROM day WHERE month = ?1 AND meter = ?2 AND subscription = ?3"
			 " AND day >= ?4 AND day < ?5",
	[SQL_SCAN_MINUTE_ALL] =
		"SELECT minute, " BUCKET_ROW " FROM minute WHERE minute = ?1 AND meter = ?2 AND minute >= ?4 AND minute < ?5",
	[SQL_SCAN_HOUR_ALL] = "SELECT hour, " BUCKET_ROW " FROM hour WHERE day = ?1 AND meter = ?2 AND hour >= ?4 AND hour < ?5",
	[SQL_SCAN_DAY_ALL] = "SELECT day, " BUCKET_ROW " FROM day WHERE month = ?1 AND meter = ?2 AND day >= ?4 AND day < ?5",
	[SQL_NEXT_SERIES] =
		"SELECT subscription, dimensions FROM sample WHERE meter = ?1 AND (subscription, dimensions) > (?2, ?3)"
		" AND (?4 = 0 OR subscription = ?4) ORDER BY subscription, dimensions LIMIT 1",
	[SQL_SAMPLE_BEFORE] =
		"SELECT timestamp, " BUCKET_ROW " FROM sample WHERE meter = ?1 AND subscription = ?2 AND dimensions = ?3"
		" AND timestamp <= ?4 AND events > 0 ORDER BY timestamp DESC LIMIT 1",
	[SQL_SAMPLES] = "SELECT timestamp, " BUCKET_ROW " FROM sample WHERE meter = ?1 AND subscription = ?2 AND dimensions = ?3"
			" AND timestamp > ?4 AND timestamp < ?5 ORDER BY timestamp",
	[SQL_SCAN_LATE] = "SELECT minute, " BUCKET_ROW " FROM late WHERE meter = ?2 AND subscription = ?3"
			  " AND minute >= ?4 AND minute < ?5",
	[SQL_SCAN_LATE_ALL] = "SELECT minute, " BUCKET_ROW " FROM late WHERE meter = ?2 AND minute >= ?4 AND minute < ?5",

	[SQL_SCAN_EVENTS] =
		"SELECT " EVENT_ROW EVENT_FROM " WHERE e.timestamp >= ?1 AND e.timestamp < ?2 AND (?3 = 0 OR e.subscription = ?3)"
		" AND (?4 IS NULL OR t.text = ?4) ORDER BY e.timestamp, e.subscription, e.id",
	[SQL_PAGE_EVENTS] =
		"SELECT " EVENT_ROW EVENT_FROM " WHERE (e.timestamp, e.subscription, e.id) > (?1, ?5, ?6) AND e.timestamp < ?2"
		" AND (?3 = 0 OR e.subscription = ?3) AND (?8 IS NULL OR e.id = ?8) AND (?9 IS NULL OR e.source = ?9)"
		" AND (?4 IS NULL OR t.text = ?4)"
		" ORDER BY e.timestamp, e.subscription, e.id LIMIT ?7",
	[SQL_FIRST_EVENT] = "SELECT timestamp FROM event ORDER BY timestamp LIMIT 1",
	[SQL_LAST_EVENT] = "SELECT timestamp FROM event ORDER BY timestamp DESC LIMIT 1",

	[SQL_BILL_ADD] = "INSERT INTO bill VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
			      " ?16, ?17) RETURNING number",
	[SQL_BILL_READ] = "SELECT * FROM bill WHERE number = ?1",
	[SQL_LINE_ADD] = "INSERT INTO line VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[SQL_LINES] = "SELECT * FROM line WHERE bill = ?1 ORDER BY number",
	[SQL_DOCUMENT_ADD] = "INSERT INTO document VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING number",
	[SQL_DOCUMENT_READ] = "SELECT * FROM document WHERE number = ?1",
	[SQL_DOCUMENT_NAMED] = "SELECT number FROM document WHERE name = ?1",
	[SQL_DOCUMENT_VOID] = "SELECT number FROM document WHERE refers = ?1 AND kind = 4",
	[SQL_DOCUMENT_SUCCESSOR] = "SELECT number FROM document WHERE refers = ?1 AND kind <> 4 ORDER BY kind, number",
	[SQL_DOCUMENT_NEXT] = "SELECT min(number) FROM document WHERE number > ?1 AND name IS NOT NULL",
	[SQL_DOCUMENT_NEXT_OF] = "SELECT min(number) FROM document WHERE number > ?1 AND name IS NOT NULL AND subscription = ?2",
	[SQL_DOCUMENT_BILL_ADD] = "INSERT INTO document_bill VALUES (?1, ?2, ?3, ?4)",
	[SQL_DOCUMENT_BILLS] = "SELECT * FROM document_bill WHERE document = ?1 ORDER BY position",
	[SQL_BILL_DOCUMENT] = "SELECT max(document) FROM document_bill WHERE bill = ?1",
	[SQL_PERIOD_DOCUMENT] = "SELECT max(d.document) FROM bill s JOIN document_bill d ON d.bill = s.number"
				" WHERE s.subscription = ?1 AND s.active_from = ?2 AND d.replaces IS NULL"
				" AND d.document < ?3 AND NOT EXISTS"
				" (SELECT 1 FROM document v WHERE v.refers = d.document AND v.kind = 4 AND v.number < ?3)",
	[SQL_PERIOD_BILLS] = "SELECT s.ingest, s.catalog, d.replaces, x.name, x.number FROM bill s JOIN document_bill d ON d.bill = s.number"
			     " JOIN document x ON x.number = d.document WHERE s.subscription = ?1 AND s.active_from = ?2"
			     " AND NOT EXISTS (SELECT 1 FROM document v WHERE v.refers = d.document AND v.kind = 4)"
			     " ORDER BY s.number",
	[SQL_ENTRY_ADD] = "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_ENTRIES] = "SELECT * FROM entry WHERE document = ?1 ORDER BY number",
	[SQL_LINK_ADD] = "INSERT INTO link VALUES (?1, ?2)",
	[SQL_LINK_READ] = "SELECT hash FROM link WHERE document = ?1",
	[SQL_DOCUMENT_LAST_US] = "SELECT at FROM document ORDER BY number DESC LIMIT 1",
	[SQL_LINK_LAST] = "SELECT max(document) FROM link",
	[SQL_BILLED] = BILLED_COLUMNS " WHERE b.subscription = ?1 AND b.active_from >= ?2 ORDER BY b.active_from",
	[SQL_BILLED_AT] = BILLED_COLUMNS " WHERE b.subscription = ?1 AND b.active_from <= ?2 ORDER BY b.active_from DESC LIMIT 1",
	/* The last number: the period before the first stale one, or the last one. */
	[SQL_BILLED_EXTENT] =
		"SELECT coalesce(min(active_from), 0), coalesce(max(active_to), 0), coalesce(sum(active_to - active_from), 0),"
		" coalesce((SELECT max(active_from) FROM billed WHERE subscription = ?1 AND active_from < coalesce("
		"(SELECT min(x.active_from) FROM stale s JOIN bill x ON x.number = s.bill WHERE s.subscription = ?1 AND s.events >= 0),"
		" 9223372036854775807)), min(active_from), 0) FROM billed WHERE subscription = ?1",
	[SQL_BILLED_SET] = "INSERT INTO billed VALUES (?1, ?2, ?3, ?4, ?5)"
			   " ON CONFLICT DO UPDATE SET active_to = ?3, bill = ?4, document = ?5",
	[SQL_BILLED_DELETE] = "DELETE FROM billed WHERE subscription = ?1 AND active_from = ?2",
	[SQL_STALE_ADD] = "INSERT INTO stale VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET"
			  " events = CASE WHEN events < 0 THEN -1 - events ELSE events END + excluded.events",
	[SQL_STALE_SETTLE] = "UPDATE stale SET events = -1 - events WHERE subscription = ?1 AND bill = ?2 AND events >= 0",
	[SQL_STALE_DELETE] = "DELETE FROM stale WHERE subscription = ?1 AND bill = ?2",
	[SQL_STALE_ALL] = "SELECT n.text FROM name n WHERE n.number IN (SELECT subscription FROM stale WHERE events >= 0) ORDER BY 1",
	[SQL_STALE_ANY] = "SELECT count(*) FROM (SELECT 1 FROM stale WHERE subscription = ?1 AND events >= 0 LIMIT 1)",
	[SQL_SERIES_NEXT] = "INSERT INTO series VALUES (?1, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",

	/* ?5: 0 what waits, 1 what was discarded, 2 both. */
	[SQL_PAGE_QUARANTINE] =
		"SELECT number, outcome, reason, text, first, times, code, discarded, discard_reason FROM quarantine"
		" WHERE number >= ?1 AND (?2 = 0 OR outcome = ?2) AND (?4 IS NULL OR code = ?4)"
		" AND (?5 = 2 OR (discarded IS NOT NULL) = ?5) ORDER BY number LIMIT ?3",
	[SQL_QUARANTINE_COUNT] = "SELECT count(*) FROM quarantine WHERE discarded IS NULL",
	[SQL_QUARANTINE_LAST] = "SELECT coalesce(max(number), 0) FROM quarantine",
	[SQL_QUARANTINE_REASONS] = "SELECT outcome, code, count(*), sum(times) FROM quarantine WHERE discarded IS NULL"
				   " GROUP BY outcome, code ORDER BY outcome, code",

	/* Verify: rows as they are, in the order of their keys. */
	[SQL_VERIFY_EVENTS] = VERIFY_EVENTS(""),
	[SQL_VERIFY_EVENTS_OF] = VERIFY_EVENTS(" AND subscription = ?3"),
	[SQL_VERIFY_MEASURED] = VERIFY_MEASURED(""),
	[SQL_VERIFY_MEASURED_OF] = VERIFY_MEASURED(" AND subscription = ?3"),
	[SQL_VERIFY_MINUTES] = VERIFY_MINUTES("minute", ""),
	[SQL_VERIFY_MINUTES_OF] = VERIFY_MINUTES("minute", " AND subscription = ?3"),
	[SQL_VERIFY_LATE] = VERIFY_MINUTES("late", ""),
	[SQL_VERIFY_LATE_OF] = VERIFY_MINUTES("late", " AND subscription = ?3"),
	[SQL_VERIFY_HOURS] = VERIFY_HOURS(""),
	[SQL_VERIFY_HOURS_OF] = VERIFY_HOURS(" AND subscription = ?3"),
	[SQL_VERIFY_DAYS] = VERIFY_DAYS(""),
	[SQL_VERIFY_DAYS_OF] = VERIFY_DAYS(" AND subscription = ?3"),
	[SQL_VERIFY_HOUR] = "SELECT hour, meter, " BUCKET_ROW " FROM hour WHERE day = ?1 AND meter = ?2 AND subscription = ?3"
			    " AND hour = ?4 ORDER BY dimensions",
	[SQL_VERIFY_DAY] = "SELECT day, meter, " BUCKET_ROW " FROM day WHERE month = ?1 AND meter = ?2 AND subscription = ?3"
			   " AND day = ?4 ORDER BY dimensions",
	[SQL_VERIFY_SAMPLE] = "SELECT timestamp, meter, " BUCKET_ROW " FROM sample WHERE meter = ?1 AND subscription = ?2"
			      " AND dimensions = ?3 AND timestamp = ?4",
	[SQL_VERIFY_ALIEN_SAMPLES] =
		"SELECT timestamp, meter, " BUCKET_ROW " FROM sample s WHERE meter = ?1 AND timestamp >= ?2 AND timestamp < ?3"
		" AND NOT EXISTS (SELECT 1 FROM event e WHERE e.timestamp = s.timestamp AND e.subscription = s.subscription)",
	[SQL_VERIFY_COUNT_SAMPLES] = "SELECT count(*) FROM sample WHERE meter = ?1 AND timestamp >= ?2 AND timestamp < ?3",
	[SQL_VERIFY_SAMPLED_NEXT] = "SELECT min(meter) FROM sample WHERE meter > ?1",
	[SQL_VERIFY_COUNT_SAMPLES_OF] = "SELECT count(*) FROM sample WHERE meter = ?1 AND timestamp >= ?2 AND timestamp < ?3"
					" AND subscription = ?4",
	[SQL_VERIFY_COUNT_DAYS] = VERIFY_COUNT_DAYS(""),
	[SQL_VERIFY_COUNT_DAYS_OF] = VERIFY_COUNT_DAYS(" AND subscription = ?6"),
	[SQL_VERIFY_HAS_MINUTE] =
		"SELECT 1 FROM minute WHERE minute = ?1 AND meter = ?2 AND subscription = ?3 AND dimensions = ?4",
	[SQL_VERIFY_HAS_HOUR] =
		"SELECT 1 FROM hour WHERE day = ?1 AND meter = ?2 AND subscription = ?3 AND dimensions = ?4 LIMIT 1",
	[SQL_VERIFY_METERS] = "SELECT number FROM meter ORDER BY number",
	[SQL_VERIFY_UNBILLED] = "SELECT subscription, type, events FROM unbilled ORDER BY subscription, type",
	[SQL_VERIFY_BILLED_BY] = "SELECT DISTINCT b.catalog FROM billed d JOIN bill b ON b.number = d.bill",
	/* Rows that may not be: where, what was expected, what is there. */
	[SQL_VERIFY_COUNTERS] =
		"SELECT place, expected, found FROM ("
		" SELECT 'total.retracted' AS place, (SELECT count(*) FROM retraction) AS expected, retracted AS found FROM total"
		" UNION ALL SELECT 'total.retractions_waiting', (SELECT count(*) FROM retraction WHERE is_waiting = 1),"
		" retractions_waiting FROM total) WHERE expected <> found",
	[SQL_VERIFY_BOUNDS] =
		"SELECT place, expected, found FROM ("
		" SELECT 'total.late_rows' AS place, (SELECT count(*) FROM late) AS expected, late_rows AS found FROM total"
		" UNION ALL SELECT 'total.closed_before', (SELECT max(active_to) FROM billed), closed_before FROM total"
		" UNION ALL SELECT 'total.ingest', (SELECT max(ingest) FROM bill), ingest FROM total"
		" UNION ALL SELECT 'total.ingest', (SELECT max(ingest) FROM retraction), ingest FROM total"
		" UNION ALL SELECT 'total.catalog', (SELECT max(catalog) FROM bill), catalog FROM total"
		" UNION ALL SELECT 'total.catalog', (SELECT max(version) FROM catalog WHERE applied IS NOT NULL), catalog FROM total)"
		" WHERE expected > found",
	[SQL_VERIFY_RETRACTIONS] =
		"SELECT 'table retraction, subscription ' || coalesce(n.text, r.subscription) || ', id ' || r.id,"
		" CASE WHEN e.id IS NULL THEN 'waiting' ELSE 'not waiting' END, CASE r.is_waiting WHEN 0 THEN 'not waiting' ELSE 'waiting' END"
		" FROM retraction r LEFT JOIN event e ON e.timestamp = r.timestamp AND e.subscription = r.subscription AND e.id = r.id"
		" LEFT JOIN name n ON n.number = r.subscription WHERE r.is_waiting <> (e.id IS NULL) LIMIT 1001",
	[SQL_VERIFY_CATALOGS] = "SELECT version, text, hash FROM catalog ORDER BY version",
	[SQL_VERIFY_USED_METERS] = "SELECT c.key, m.definition, m.filled_before IS NULL, (SELECT count(*) FROM meter o"
				   " WHERE o.definition = m.definition AND o.filled_before IS NOT NULL)"
				   " FROM catalog_meter c LEFT JOIN meter m ON m.number = c.meter WHERE c.version = ?1 ORDER BY c.key",
	[SQL_VERIFY_DOCUMENTS] = "SELECT number, name, at FROM document ORDER BY number",
	[SQL_VERIFY_DOCUMENTS_OF] = "SELECT number, kind, name, refers FROM document WHERE subscription = ?1 ORDER BY number",
	[SQL_VERIFY_CUSTOMERS] = "SELECT min(subscription) FROM document WHERE subscription > ?1",
	[SQL_VERIFY_LINK_LAST] = "SELECT max(coalesce((SELECT max(number) FROM document), 0),"
				 " coalesce((SELECT max(document) FROM link), 0))",
	[SQL_VERIFY_SERIES] = "SELECT prefix, last FROM series ORDER BY prefix",
	[SQL_VERIFY_ORPHANS] =
		"SELECT 'entry', document FROM entry WHERE document NOT IN (SELECT number FROM document)"
		" UNION SELECT 'document_bill', document FROM document_bill WHERE document NOT IN (SELECT number FROM document)"
		" UNION SELECT 'line', bill FROM line WHERE bill NOT IN (SELECT number FROM bill)"
		" UNION SELECT 'bill', number FROM bill WHERE number NOT IN (SELECT bill FROM document_bill)",
	[SQL_VERIFY_BILLED] = "SELECT active_from, active_to, bill, document FROM billed WHERE subscription = ?1"
			      " ORDER BY active_from",
	[SQL_VERIFY_BILLED_NEXT] = "SELECT min(active_from) FROM billed WHERE subscription = ?1 AND active_from > ?2",
	[SQL_VERIFY_BILLED_ALIEN] =
		"SELECT subscription, count(*) FROM billed b WHERE NOT EXISTS (SELECT 1 FROM name n JOIN document d"
		" ON d.subscription = n.text WHERE n.number = b.subscription) GROUP BY subscription",
	[SQL_VERIFY_STALE] = "SELECT bill FROM stale WHERE subscription = ?1 AND events >= 0 ORDER BY bill",

	/* A void is known by the name of what it voids. */
	[SQL_LEDGER] = LEDGER_ROWS " ORDER BY d.number, e.number LIMIT ?5",
	[SQL_LEDGER_OF] = LEDGER_ROWS " AND d.subscription = ?6 ORDER BY d.number, e.number LIMIT ?5",
	[SQL_QUICK_CHECK] = "PRAGMA quick_check(100)",
	[SQL_INTEGRITY_CHECK] = "PRAGMA integrity_check(100)",
	[SQL_USER_VERSION] = "PRAGMA user_version",
	[SQL_APPLICATION_ID] = "PRAGMA application_id",
};
