/* store_internal.h - what the store_*.c files share. Nobody else includes it, or sqlite3.h. */
#ifndef METER_STORE_INTERNAL_H
#define METER_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "fork.h"
#include "intern.h"
#include "store.h"

/* Statements are prepared at their first use and kept for the life of the connection. */
enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_READ_BEGIN,
	SQL_TOTALS,
	SQL_TOTALS_UPDATE,
	SQL_NAME_FIND,
	SQL_NAME_ADD,
	SQL_NAME_TEXT,
	SQL_SHAPE_FIND,
	SQL_SHAPE_ADD,
	SQL_SHAPE_READ,
	SQL_EVENT_ADD,
	SQL_EVENT_ADD_PLAIN,
	SQL_EVENT_FIND,
	SQL_BUCKET_ADD_MINUTE,
	SQL_BUCKET_ADD_HOUR,
	SQL_BUCKET_ADD_DAY,
	SQL_BUCKET_ADD_LATE,
	SQL_SAMPLE_ADD,
	SQL_MINUTES,
	SQL_LATE,
	SQL_LATE_DELETE,
	SQL_QUARANTINE_AGAIN,
	SQL_RETRACTION_ADD,
	SQL_RETRACTED,
	SQL_RETRACTION_READ,
	SQL_GAUGE_ADD,
	SQL_GAUGE_FIND,
	SQL_EVENT_TYPE,
	SQL_RETRACTION_WAITING,
	SQL_RETRACTION_ARRIVED,
	SQL_SOURCE_EVENTS,
	SQL_SOURCES,
	SQL_RECOUNT_MINUTE,
	SQL_RECOUNT_LATE,
	SQL_RECOUNT_HOUR,
	SQL_RECOUNT_DAY,
	SQL_RECOUNT_SAMPLES,
	SQL_QUARANTINE_ADD,
	SQL_QUARANTINE_WAITS,
	SQL_QUARANTINE_REMOVE,
	SQL_QUARANTINE_TWIN,
	SQL_QUARANTINE_MERGE,
	SQL_QUARANTINE_REASON,
	SQL_QUARANTINE_DISCARD,
	SQL_UNBILLED_ADD,
	SQL_UNBILLED_LIST,
	SQL_UNBILLED_PAIR,
	SQL_UNBILLED_DELETE,
	SQL_UNBILLED_REMOVE,
	SQL_UNBILLED_TIDY,
	SQL_UNBILLED_EVENTS,
	SQL_BILL_INGEST,
	SQL_UNBILLED_SUM,
	SQL_SPOOL_ADD,
	SQL_SPOOL_FIND,
	SQL_SPOOL_CONSUME,
	SQL_SPOOL_RETIRE,
	SQL_SPOOL_DELETE,
	SQL_SPOOL_LIST,
	SQL_DATABASE,
	SQL_AUDIT_ADD,
	SQL_CATALOG_TEXT,
	SQL_CATALOG_PENDING,
	SQL_CATALOG_ADD,
	SQL_CATALOG_DROP_PENDING,
	SQL_CATALOG_DROP_PENDING_METERS,
	SQL_CATALOG_ACTIVATE,
	SQL_METER_LIST,
	SQL_METER_FIND,
	SQL_METER_ADD,
	SQL_METER_USE,
	SQL_METER_FILLED,
	SQL_METER_RETIRE,
	SQL_METER_DELETE,
	SQL_METER_RETIRED,
	SQL_FILL_EVENTS,
	SQL_PURGE_MINUTE,
	SQL_PURGE_HOUR,
	SQL_PURGE_DAY,
	SQL_PURGE_LATE,
	SQL_PURGE_SAMPLE,
	SQL_NEXT_MINUTE,
	SQL_NEXT_HOUR,
	SQL_NEXT_DAY,
	SQL_SCAN_MINUTE,
	SQL_SCAN_MINUTES,
	SQL_SCAN_HOUR,
	SQL_SCAN_DAY,
	SQL_SCAN_MINUTE_ALL,
	SQL_SCAN_HOUR_ALL,
	SQL_SCAN_DAY_ALL,
	SQL_SCAN_LATE,
	SQL_SCAN_LATE_ALL,
	SQL_NEXT_SERIES,
	SQL_SAMPLE_BEFORE,
	SQL_SAMPLES,
	SQL_SCAN_EVENTS,
	SQL_PAGE_EVENTS,
	SQL_FIRST_EVENT,
	SQL_LAST_EVENT,
	SQL_BILL_ADD,
	SQL_BILL_READ,
	SQL_LINE_ADD,
	SQL_LINES,
	SQL_DOCUMENT_ADD,
	SQL_DOCUMENT_READ,
	SQL_DOCUMENT_NAMED,
	SQL_DOCUMENT_VOID,
	SQL_DOCUMENT_SUCCESSOR,
	SQL_DOCUMENT_NEXT,
	SQL_DOCUMENT_NEXT_OF,
	SQL_DOCUMENT_BILL_ADD,
	SQL_DOCUMENT_BILLS,
	SQL_BILL_DOCUMENT,
	SQL_PERIOD_DOCUMENT,
	SQL_PERIOD_BILLS,
	SQL_ENTRY_ADD,
	SQL_ENTRIES,
	SQL_LINK_ADD,
	SQL_LINK_READ,
	SQL_LINK_LAST,
	SQL_DOCUMENT_LAST_US,
	SQL_BILLED,
	SQL_BILLED_AT,
	SQL_BILLED_EXTENT,
	SQL_BILLED_SET,
	SQL_BILLED_DELETE,
	SQL_STALE_ADD,
	SQL_STALE_SETTLE,
	SQL_STALE_DELETE,
	SQL_STALE_ALL,
	SQL_STALE_ANY,
	SQL_SERIES_NEXT,
	SQL_PAGE_QUARANTINE,
	SQL_QUARANTINE_COUNT,
	SQL_QUARANTINE_LAST,
	SQL_QUARANTINE_REASONS,
	SQL_VERIFY_EVENTS,
	SQL_VERIFY_EVENTS_OF,
	SQL_VERIFY_MEASURED,
	SQL_VERIFY_MEASURED_OF,
	SQL_VERIFY_MINUTES,
	SQL_VERIFY_MINUTES_OF,
	SQL_VERIFY_LATE,
	SQL_VERIFY_LATE_OF,
	SQL_VERIFY_HOURS,
	SQL_VERIFY_HOURS_OF,
	SQL_VERIFY_DAYS,
	SQL_VERIFY_DAYS_OF,
	SQL_VERIFY_HOUR,
	SQL_VERIFY_DAY,
	SQL_VERIFY_SAMPLE,
	SQL_VERIFY_ALIEN_SAMPLES,
	SQL_VERIFY_COUNT_SAMPLES,
	SQL_VERIFY_SAMPLED_NEXT,
	SQL_VERIFY_COUNT_SAMPLES_OF,
	SQL_VERIFY_COUNT_DAYS,
	SQL_VERIFY_COUNT_DAYS_OF,
	SQL_VERIFY_HAS_MINUTE,
	SQL_VERIFY_HAS_HOUR,
	SQL_VERIFY_METERS,
	SQL_VERIFY_UNBILLED,
	SQL_VERIFY_BILLED_BY,
	SQL_VERIFY_COUNTERS,
	SQL_VERIFY_BOUNDS,
	SQL_VERIFY_RETRACTIONS,
	SQL_VERIFY_CATALOGS,
	SQL_VERIFY_USED_METERS,
	SQL_VERIFY_DOCUMENTS,
	SQL_VERIFY_DOCUMENTS_OF,
	SQL_VERIFY_CUSTOMERS,
	SQL_VERIFY_LINK_LAST,
	SQL_VERIFY_SERIES,
	SQL_VERIFY_ORPHANS,
	SQL_VERIFY_BILLED,
	SQL_VERIFY_BILLED_NEXT,
	SQL_VERIFY_BILLED_ALIEN,
	SQL_VERIFY_STALE,
	SQL_LEDGER,
	SQL_LEDGER_OF,
	SQL_QUICK_CHECK,
	SQL_INTEGRITY_CHECK,
	SQL_USER_VERSION,
	SQL_APPLICATION_ID,
	SQL_COUNT
};

struct connection {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
};

/* Texts that were used lately and their numbers; the table "name" decides. */
struct name_cache {
	struct intern texts;
	int64_t *numbers; /* by index of the text; 0: not looked up yet */
	size_t capacity;  /* of numbers */
};

/* Rows in memory that SQL reads as a table: see store_rows.c. */
struct row_source {
	size_t count;
	size_t at; /* the row being read */
	void (*column)(sqlite3_context *context, void *self, size_t row, int column);
	void *self;
	int failure; /* of an SQL function that was called for a row: SQLite passes on only that there was one */
};

struct bucket_writer {
	struct row_source rows;
	const struct bucket *writing; /* what rows reads, in this order */
	const struct sort_item *order;
	struct buckets sums; /* of a roll-up */
};

struct reader {
	struct connection connection;
	struct store *store;
	struct totals totals; /* of its snapshot, once they were read; else all 0 */
	bool has_totals;
	struct reader *next;
};

#define OLD_CATALOGS 8

struct store {
	char *path;
	char *path_wal;
	int lock_fd;
	int64_t lock_wait_ms;
	int64_t wal_bytes_max;
	int64_t database;
	const struct fork_guard *guard;
	const char *loss_reason; /* while opening: see struct store_options */
	char *loss;              /* what was accepted */
	pthread_mutex_t write_mutex;
	struct connection write;
	struct reader *writing; /* reads what the open transaction has written: statements of its own on the write connection */
	int wal_pages;          /* after the last commit */
	bool is_synced;         /* the transaction wrote something, so that its commit has synced the WAL */
	int64_t rolled_up_us;   /* monotonic time of the last roll-up */

	/* Under write_mutex: what the write connection knows. Read anew when totals.generation says that it changed. */
	struct totals totals;
	int64_t known_generation;
	int64_t seen_ingest; /* what the file held after the last transaction */
	int64_t seen_generation;
	bool is_backwards; /* it held less later: it is left as it is */
	struct live *live; /* replaced as a whole, under reader_mutex as well */
	int64_t in_force_version;
	int64_t pending_version;
	int purge_level; /* where meter__store_catalog_purge() is */
	int64_t purge_cursor;
	int64_t purge_generation; /* for which that holds; another, or -1: from the start again */
	struct name_cache names;
	struct name_cache shapes; /* the number of the type as eight bytes, then names; an open shape's number is negative */
	struct buffer shape_key;
	struct row_source event_rows;
	struct bucket_writer buckets;
	struct ingest *ingest;

	pthread_mutex_t reader_mutex; /* idle readers, the catalog they share, and the pointer live */
	struct reader *idle;
	struct meter_catalog *read_catalog;
	int64_t read_catalog_version;
	struct old_catalog { /* those before it that were asked for last, by version: adjusting goes from bill to bill */
		struct meter_catalog *catalog;
		int64_t version;
	} old_catalogs[OLD_CATALOGS];
};

/* What SQLite's result code means for the caller: sets the message, returns a METER_E... code. doing: "storing events". */
int meter__store_fail(sqlite3 *db, int rc, const char *doing);
/* The statement, prepared and reset. METER_OK or the failure. */
int meter__store_statement(struct connection *c, enum statement which, sqlite3_stmt **out);
/* Run a statement that gives no rows. */
int meter__store_run(struct connection *c, sqlite3_stmt *statement, const char *doing);
/* An integer column, refused when the file holds something else there. */
int meter__store_int(sqlite3_stmt *statement, int column, int64_t *out);
struct slice meter__store_slice(sqlite3_stmt *statement, int column);

/* The mark (store_mark.c), all of it under the lock file. Before the schema is looked for: a file that is empty starts anew. */
void meter__store_mark_begin(struct store *s);
/* METER_OK, METER_EIO, or METER_EBACKWARDS when the file had more than it holds. NULL: it holds no tables. */
int meter__store_mark_check(struct store *s, const struct totals *holds);
/* What s->totals says is committed. METER_OK or METER_EIO; without it less will be noticed, but nothing false. */
int meter__store_mark(struct store *s);
/* In a transaction: METER_EBACKWARDS when the file holds less than this handle saw in it, or is another one. */
int meter__store_check_seen(struct store *s);

/* Schema (store_schema.c). */
extern const char *const meter__schema_sql, *const meter__invoice_sql, *const meter__trigger_sql, *const meter__view_sql;
#define SCHEMA_APPLICATION_ID 0x6d657472 /* "metr" */
#define SCHEMA_VERSION 5
extern const char *const meter__statement_sql[SQL_COUNT];

/* Row sources (store_rows.c): make source readable as table name with the columns given. */
int meter__store_rows_register(sqlite3 *db, const char *name, const char *columns, struct row_source *source);
/* Run an INSERT ... SELECT from the source. */
int meter__store_insert_rows(struct connection *c, enum statement which, struct row_source *source, const char *doing);
/* In an SQL function called for a row: make the statement fail with code and this thread's message. */
void meter__store_fail_function(sqlite3_context *context, struct row_source *source, int code);

/* Names and shapes (store_name.c); numbers on the write connection. A shape that has a number below zero is open: names are kept
 * beside the values of each event. */
/* Whether a value of events of this type holds on until the next one, into later periods. */
int meter__store_is_gauge(struct store *s, int64_t type, bool *out);
int meter__store_name_number(struct store *s, struct slice text, int64_t *out);
int meter__store_shape_number(struct store *s, int64_t type, struct slice names, int64_t *out);
int meter__store_shape_read(struct connection *c, int64_t shape, int64_t *type_out, struct buffer *names);
/* Properties from the names of a shape and what an event of it keeps; room for EVENT_PROPERTIES_MAX. */
int meter__store_properties(struct property *properties, size_t *count_out, struct buffer *name_scratch,
                            struct buffer *value_scratch, struct slice names, struct slice values);
void meter__store_name_forget(struct name_cache *names);
void meter__store_name_free(struct name_cache *names);

/* Values (store_value.c): a decimal is an INTEGER when it fits, else TEXT; 'overflow' when it passed 38 digits. */
void meter__store_result_decimal(sqlite3_context *context, struct decimal d);
int meter__store_column_decimal(sqlite3_stmt *statement, int column, struct decimal *out);
int meter__store_value_decimal(sqlite3_value *value, struct decimal *out);
struct slice meter__store_value_slice(sqlite3_value *value);
void meter__store_result_aggregate(sqlite3_context *context, const struct aggregate *a, enum aggregation aggregation, int column);
int meter__store_values_aggregate(sqlite3_value **values, enum aggregation aggregation, struct aggregate *out);
int meter__store_columns_aggregate(sqlite3_stmt *statement, int first, enum aggregation aggregation, struct aggregate *out);

/* Columns of invoices (store_column.c). Decimals are text; NULL is no text, or the number 0. What is bound must live until the
 * statement has run. */
void meter__store_bind_decimal(sqlite3_stmt *statement, int column, struct decimal d);
void meter__store_bind_text(sqlite3_stmt *statement, int column, const char *text);
void meter__store_bind_number(sqlite3_stmt *statement, int column, int64_t number);
int meter__store_column_amount(sqlite3_stmt *row, int column, struct decimal *out);
int meter__store_column_name(sqlite3_stmt *row, int column, struct arena *arena, const char **out); /* never NULL */
int meter__store_column_text(sqlite3_stmt *row, int column, struct arena *arena, const char **out);
int meter__store_column_number(sqlite3_stmt *row, int column, int64_t *out);
/* A statement that gives one row with one integer; METER_EEND without a row, or when it is NULL. Then one with one parameter. */
int meter__store_step_integer(struct connection *c, sqlite3_stmt *statement, int64_t *out);
int meter__store_integer_of(struct connection *c, enum statement which, int64_t parameter, int64_t *out);
/* Visit the rows of a statement, which is reset. Then of one with one parameter. */
int meter__store_visit_rows(struct connection *c, sqlite3_stmt *statement, int (*visit)(sqlite3_stmt *row, void *user),
                            void *user);
int meter__store_visit_of(struct connection *c, enum statement which, int64_t parameter,
                          int (*visit)(sqlite3_stmt *row, void *user), void *user);

/* Ingest (store_ingest.c): its function, row source and memory. */
int meter__store_ingest_new(struct store *s);
void meter__store_ingest_free(struct store *s);

/* Buckets (store_bucket.c). minutes is sorted on the way. */
int meter__store_buckets_new(struct store *s);
void meter__store_buckets_free(struct store *s);
/* Into all levels at once. */
int meter__store_write_buckets(struct store *s, struct buckets *minutes);
/* The same for what the writer has accepted: late usage may wait to be settled. minutes loses what is empty. */
int meter__store_write_arrived(struct store *s, struct buckets *minutes);
/* Add what one meter counts of a stored event; nothing if it does not cover it. */
int meter__store_count_event(struct store *s, struct buckets *minutes, struct buffer *scratch, const struct live_meter *live,
                             const struct stored_event *stored);
/* Only minutes and samples; only hours or days. */
int meter__store_write_minutes(struct store *s, struct buckets *minutes);
int meter__store_write_level(struct store *s, struct buckets *rows, enum level level);
/* Events up to newest_us are about to be stored: bring hours and days up to a little before that, and settle late usage if there
 * is much of it. */
int meter__store_roll_up(struct store *s, int64_t newest_us);

/* Events taken back (store_retract.c), between begin and commit. */
struct retraction {
	int64_t timestamp_us;
	int64_t subscription;
	struct slice id;
	struct slice because;
};
/* Take back those that are not yet; buckets follow, and bills that had them are stale. *count_out: how many were there. */
int meter__store_retract(struct store *s, const struct retraction *retractions, size_t count, size_t *count_out);
/* Take out of the buckets what was taken back before it came. */
int meter__store_retract_arrived(struct store *s, const struct retraction *arrived, size_t count);
/* Whether this event is to be taken back as soon as it comes. */
int meter__store_is_awaited(struct store *s, const struct retraction *event, bool *out);

/* Unbilled events (store_unbilled.c): count some that were just stored. */
int meter__store_unbilled_add(struct store *s, int64_t subscription, int64_t type, int64_t events);
/* One that the catalog in force covers came for a period whose bill is of this version. */
int meter__store_unbilled_late(struct store *s, int64_t subscription, int64_t type, int64_t catalog_version);
/* Strike off what the catalog after covers and the one before, which may be NULL, did not; but not what bills have missed. */
int meter__store_unbilled_settle(struct store *s, const struct meter_catalog *before, const struct meter_catalog *after);
/* Count what no bill has seen of subscriptions and types that the catalog before covered, which may be NULL, and the one after does not. */
int meter__store_unbilled_lose(struct store *s, const struct meter_catalog *before, const struct meter_catalog *after);
/* One that was counted, if it is, was taken back. */
int meter__store_unbilled_remove(struct store *s, int64_t subscription, int64_t type, int64_t timestamp_us, int64_t ingest);

/* Quarantine (store_quarantine.c). One more refused text, or the same once more. */
int meter__store_quarantine_add(struct store *s, int32_t outcome, const char *code, const char *reason, struct slice text);
/* An entry that was retried, after its outcome is known: it leaves, or stays as the one entry it was. */
int meter__store_quarantine_settle(struct store *s, const struct arrival *arrival, const char *code);

/* Stored events (store_read.c): the range and filters that SQL_SCAN_EVENTS, SQL_PAGE_EVENTS and SQL_FILL_EVENTS bind. */
struct event_range {
	int64_t from_us;
	int64_t to_us;
	int64_t subscription; /* 0: all */
	struct slice type;    /* absent: all */
	int64_t after_subscription;
	struct slice after_id;
	int64_t limit;
	struct slice id;     /* absent: all; */
	struct slice source; /* the same */
};
int meter__store_visit_events(struct connection *c, enum statement which, const struct event_range *range, event_visitor visit,
                              void *user);

/* Read live meters and catalogs anew if another generation is in the file; between begin and commit. */
int meter__store_refresh(struct store *s);
int meter__store_catalog_load(struct connection *c, int64_t version, struct meter_catalog **out);

#endif
