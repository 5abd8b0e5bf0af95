/*
 * store.h - the seam to the database: everything the rest of the library asks of it, without a word of SQLite.
 *
 * One file, one write connection, readers as needed. Who writes holds the store: meter__store_begin() takes the mutex of this
 * process and the lock file of all processes, then opens a transaction. Checkpoints happen under the same lock, never elsewhere,
 * because two connections that write or checkpoint at the same time can lose rows (a bug of SQLite up to 3.51.2). Lock order:
 * mutex of the store -> lock file -> SQLite.
 *
 * Texts that repeat (subscriptions, types, dimensions) are numbers in the tables; table "name" has the texts. These numbers, and
 * those of meters, mean nothing outside this file and leave the library nowhere.
 */
#ifndef METER_STORE_H
#define METER_STORE_H

#include "bill.h"
#include "bucket.h"
#include "catalog.h"
#include "event.h"
#include "hash.h"
#include "ledger.h"
#include "load.h"

struct store;
struct reader;

/* Counters of the file, kept in its table "total". */
struct totals {
	int64_t accepted, duplicate, conflict, rejected, late;
	int64_t ingest;              /* number of the last transaction that stored events or documents */
	int64_t catalog;             /* version in force; 0: none */
	int64_t generation;          /* grows with every change to catalogs or meters */
	int64_t rolled_before;       /* a minute: hours and days hold everything before it */
	int64_t recovered;           /* events taken over from spools of processes that died */
	int64_t damaged;             /* records and spools that could not be */
	int64_t late_rows;           /* about how many rows table late has */
	int64_t negative;            /* 1 once a meter has counted a value below zero */
	int64_t closed_before;       /* a time: no billed period ends later */
	int64_t retracted;           /* keys of events that were taken back; */
	int64_t retractions_waiting; /* and of those that have not come yet */
};

/* ---- open, close, transactions (store.c) ---- */

struct fork_guard;

/* A WAL this long means that some reader does not end. */
#define STORE_WAL_ALARM_BYTES (INT64_C(256) << 20)

struct store_options {
	bool must_exist;
	const char *
		loss_reason; /* a database that went backwards is taken as it is, and this goes into table audit; NULL: refused */
	int64_t lock_wait_ms;
	int64_t wal_bytes_max; /* beyond it nothing is written while a reader keeps the WAL from being written back */
};

int meter__store_open(struct store **out, const struct fork_guard *guard, const char *path, const struct store_options *options);
void meter__store_close(struct store *s);             /* checkpoints when it gets the lock at once; NULL is fine */
const char *meter__store_path(const struct store *s); /* absolute */
int64_t meter__store_database(const struct store *s); /* a random number that this file has and no other */

/* In a child process, for what it inherited: at once, async-signal-safe; and later, with no thread of ours inside SQLite at the
 * time of the fork. */
void meter__store_abandon(struct store *s);
void meter__store_drop(struct store *s);

int meter__store_begin(struct store *s);
int meter__store_commit(struct store *s); /* durable when METER_OK; otherwise rolled back, or in doubt as after a failed fsync */
void meter__store_rollback(struct store *s);

/* A connection for reading with one snapshot until it is given back. */
int meter__store_reader(struct reader **out, struct store *s);
void meter__store_reader_done(struct reader *r);

/* Reads what the transaction has written so far; between begin and commit, and not given back. */
struct reader *meter__store_writing(struct store *s);

/* Copy what the reader sees into the empty file at path, and check the copy (store_backup.c). It is not synced. METER_ETIMEDOUT:
 * stopped by progress. */
int meter__store_backup(struct reader *r, const char *path, meter_progress progress, void *user);

int meter__store_sizes(struct store *s, int64_t *database_bytes, int64_t *wal_bytes);

/* ---- writing events (store_ingest.c), between begin and commit ---- */

/* The totals of the transaction, to be changed; who does not ingest writes them back. */
struct totals *meter__store_totals_writing(struct store *s);
int meter__store_totals_write(struct store *s);

/* What a load is to be measured by, retained; at any time, on any thread. */
struct live *meter__store_live(struct store *s);
/* Dedup, store, bucket, quarantine; a load that is not ready for the meters now in force is made ready again. Outcomes are final
 * once meter__store_commit() returned METER_OK; before another attempt the load must be prepared again. */
int meter__store_ingest(struct store *s, struct load *load);

/* ---- events taken back (store_retract.c) ---- */

/* How far the events of a source are taken back; start with timestamp_us = INT64_MIN, the rest 0. */
struct source_cursor {
	int64_t timestamp_us;
	int64_t subscription;
	struct buffer id;
	bool is_done;
};
/* Between begin and commit: take back the next few thousand events of a source. *count_out: how many. */
int meter__store_retract_source(struct store *s, struct slice source, struct slice because, struct source_cursor *cursor,
                                size_t *count_out);

/* Events of one source. */
struct source_row {
	struct slice source;
	int64_t events, first_us, last_us;
	int64_t retracted; /* so many of them */
};
typedef int (*source_visitor)(const struct source_row *row, void *user);
/* All sources with this prefix, which is not empty; reads all events. */
int meter__store_sources(struct reader *r, const char *prefix, source_visitor visit, void *user);

/* ---- positions of spools (store_spool.c), between begin and commit ---- */

/* As the file says it. A copied row came with a backup: the ring is beside the database that was copied, unless the copy was put
 * in its place. */
enum spool_state { SPOOL_IN_USE = 0, SPOOL_RETIRED = 1, SPOOL_COPIED = 2 };

int meter__store_spool_add(struct store *s, int64_t id);
/* METER_EEND: there is no such row. */
int meter__store_spool_find(struct store *s, int64_t id, uint64_t *consumed_out, enum spool_state *state_out);
/* Records from..to are stored in this transaction; METER_ECORRUPT if that cannot follow what was stored before. */
int meter__store_spool_consume(struct store *s, int64_t id, uint64_t from, uint64_t to, uint64_t damaged);
int meter__store_spool_retire(struct store *s, int64_t id); /* its ring has nothing that is not stored */
int meter__store_spool_forget(struct store *s, int64_t id);
/* Also outside of a transaction, before there are other threads. */
int meter__store_spool_list(struct store *s, int (*visit)(int64_t id, void *user), void *user);

/* ---- catalogs and meters (store_catalog.c) ---- */

/* Store the text as a version with its meters, not yet in force; finds the version again when this text was left unfinished
 * before. */
int meter__store_catalog_prepare(struct store *s, struct meter_catalog *catalog, int64_t *version_out);
/* One transaction of filling: *done_out says whether every meter of the version counts all stored events. */
int meter__store_catalog_fill(struct store *s, int64_t version, bool *done_out, int64_t *events_out);
int meter__store_catalog_activate(struct store *s, int64_t version);
/* Delete the next part of the buckets of meters that no catalog uses any more. */
int meter__store_catalog_purge(struct store *s, bool *done_out);

/* ---- invoices (store_bill.c, store_document.c) ---- */

enum document_kind { DOCUMENT_INVOICE = 1, DOCUMENT_CREDIT_NOTE = 2, DOCUMENT_ADJUSTMENT = 3, DOCUMENT_VOID = 4 };

/* What was issued; texts live in the arena it was read into. */
struct document {
	int64_t number; /* 0: none */
	enum document_kind kind;
	const char *name; /* its number for people: "INV-000017"; NULL: a void */
	const char *subscription;
	const char *customer;
	int64_t at_us;
	const char *reason; /* NULL: none */
	int64_t refers;     /* the document that it voids or replaces; 0: none */
	const char *currency;
	struct decimal total, due;
	const char *hash;
	int64_t voided_by;   /* a document; 0: it holds */
	int64_t replaced_by; /* a document; 0: none */
};

/* A bill of a document. replaces: what was billed for the period before; 0: nothing. */
struct document_bill {
	int64_t bill;
	int64_t replaces;
};

/* A period that is billed. */
struct billed {
	struct period active;
	struct period whole; /* read: that the active part is of */
	int64_t catalog;     /* read: the version it was rated by */
	int64_t bill;
	int64_t document;     /* that billed it last */
	int64_t stale_events; /* that have come since, or were taken back; 0: what came before it is right otherwise; -1: not
	                         stale; below: not stale, though -1 less that many events have come since, because they change
	                         nothing */
};

/* Between begin and commit. The number of the row is set in the bill. */
int meter__store_bill_add(struct store *s, struct bill *bill, struct slice subscription);
/* Add a document of these bills with its entries in the ledger, and link it to the one before. prefix: of the series that its
 * name comes from; NULL: it has none. Sets number and, in the arena, name. */
int meter__store_document_add(struct store *s, struct document *document, struct arena *arena, const char *prefix,
                              const struct document_bill *bills, size_t count, const struct ledger_entry *entries,
                              size_t entry_count);
int meter__store_billed_set(struct store *s, struct slice subscription, const struct billed *billed);
int meter__store_billed_delete(struct store *s, struct slice subscription, int64_t active_from_us);
int meter__store_stale_add(struct store *s, int64_t subscription, int64_t bill, int64_t events);
/* What it says is as it should be: what came since is adjusted, or changes nothing. */
int meter__store_stale_settle(struct store *s, struct slice subscription, int64_t bill);
int meter__store_stale_delete(struct store *s, struct slice subscription, int64_t bill);

/* The bill that has billed what happened then; 0: none has. */
int meter__store_late(struct store *s, int64_t subscription, int64_t us, struct billed *out);

/* What is billed of a subscription, from active.from_us on, in the order of time. */
typedef int (*billed_visitor)(const struct billed *billed, void *user);
int meter__store_billed(struct reader *r, int64_t subscription, int64_t from_us, billed_visitor visit, void *user);
/* From where to where a subscription is billed (from_us == to_us: not at all), whether without a hole, and where the period begins
 * before the first stale one, or the last one. */
struct billed_extent {
	struct period whole;
	bool has_hole;
	int64_t wanted_us;
};
int meter__store_billed_extent(struct reader *r, int64_t subscription, struct billed_extent *out);
/* The billed period that holds us; METER_EEND: none does. */
int meter__store_billed_at(struct reader *r, int64_t subscription, int64_t us, struct billed *out);

/* The invoice of the period that begins then, if it was not voided, when the next document was before; INT64_MAX: now. METER_EEND. */
int meter__store_period_document(struct reader *r, int64_t subscription, int64_t active_from_us, int64_t before, int64_t *out);
/* The bills of the period that begins then, on documents that are not voided, in the order they were made. */
struct period_bill {
	int64_t ingest;
	int64_t catalog;
	int64_t replaces;      /* 0: the first one */
	int64_t document;
	struct slice name; /* of the document */
};
typedef int (*period_bill_visitor)(const struct period_bill *bill, void *user);
int meter__store_period_bills(struct reader *r, int64_t subscription, int64_t active_from_us, period_bill_visitor visit,
                              void *user);
/* Whether something that was billed is not right any more. */
int meter__store_is_stale(struct reader *r, struct slice subscription, bool *out);
/* All that have one, by their key. */
typedef int (*subscription_visitor)(struct slice subscription, void *user);
int meter__store_stale_subscriptions(struct reader *r, subscription_visitor visit, void *user);

/* METER_ECORRUPT when it is not there. */
int meter__store_bill_read(struct reader *r, int64_t number, struct bill *out);
int meter__store_document(struct reader *r, int64_t number, struct arena *arena, struct document *out);
/* METER_ENOTFOUND. */
int meter__store_document_named(struct reader *r, struct slice name, int64_t *out);
/* The time of the last document; INT64_MIN: there is none. */
int meter__store_document_last_us(struct reader *r, int64_t *out);
int meter__store_document_last(struct reader *r, int64_t *out); /* 0: there is none */
/* The next document with a name after one, of a subscription or all; METER_EEND. */
int meter__store_document_next(struct reader *r, int64_t after, struct slice subscription, int64_t *out);
typedef int (*document_bill_visitor)(const struct document_bill *bill, void *user);
int meter__store_document_bills(struct reader *r, int64_t document, document_bill_visitor visit, void *user);
/* The last document that a bill is on. */
int meter__store_bill_document(struct reader *r, int64_t bill, int64_t *out);
/* What transaction a bill saw last; METER_EEND: there is no such bill. */
int meter__store_bill_ingest(struct reader *r, int64_t bill, int64_t *out);
typedef int (*entry_visitor)(const struct ledger_entry *entry, void *user);
int meter__store_entries(struct reader *r, int64_t document, entry_visitor visit, void *user);

/* Entries with what their document says. Slices live until the visitor returns. */
struct ledger_row {
	int64_t document, entry;
	enum document_kind kind;
	int64_t at_us;
	struct slice name; /* of the document; of a void: of what it voids */
	struct slice subscription, account, currency;
	struct decimal amount;
};

/* Entries of documents with from <= at < to, in the order of their documents, after one (zero-initialised: from the first on), at
 * most limit (below 0: all). */
struct ledger_page {
	int64_t from_us, to_us;
	struct slice subscription; /* absent: all */
	int64_t after_document, after_entry;
	int64_t limit;
};
typedef int (*ledger_visitor)(const struct ledger_row *row, void *user);
int meter__store_ledger(struct reader *r, const struct ledger_page *page, ledger_visitor visit, void *user);

/* The hash that a document should have after the one before it, from what is stored. *hash_out: as it stands in the file, "" if
 * it does not. */
int meter__store_link_check(struct reader *r, int64_t document, char computed_out[HASH_TEXT_SIZE],
                            char stored_out[HASH_TEXT_SIZE]);
/* The hash that a document should have after one with that hash; "" before the first. */
int meter__store_link_after(struct reader *r, int64_t document, const char *before, char out[HASH_TEXT_SIZE]);

/* A catalog version, retained. */
int meter__store_catalog_version(struct reader *r, int64_t version, struct meter_catalog **out);

/* ---- reading (store_read.c) ---- */

int meter__store_totals(struct reader *r, struct totals *out);
/* The catalog in force, retained; *out is NULL when there is none. */
int meter__store_catalog(struct reader *r, struct meter_catalog **out);
/* The number of a text; 0 when no event ever had it. */
int meter__store_name(struct reader *r, int64_t *out, struct slice text);
int meter__store_text(struct reader *r, struct buffer *out, int64_t number);
/* The number the buckets of this meter are kept under; 0 when it is not counted. */
int meter__store_meter(struct reader *r, int64_t *out, const struct meter_definition *meter);
/* Timestamps of the first and the last event; METER_EEND when there is none. */
int meter__store_bounds(struct reader *r, int64_t *first_us, int64_t *last_us);

/* Called for each row; anything but METER_OK stops the scan and is returned. */
typedef int (*bucket_visitor)(const struct bucket *row, void *user);
/* Buckets of a level with from <= start < to; subscription 0: all. */
int meter__store_scan_buckets(struct reader *r, enum level level, const struct meter_definition *meter, int64_t meter_number,
                              int64_t subscription, int64_t from, int64_t to, bucket_visitor visit, void *user);

/* Minutes of the meter that came late and are in no level yet, with from <= start < to; subscription 0: all. */
int meter__store_scan_late(struct reader *r, const struct meter_definition *meter, int64_t meter_number, int64_t subscription,
                           int64_t from, int64_t to, bucket_visitor visit, void *user);

/* The next series of samples of a meter: after (*subscription, *dimensions), which start at (0, 0), or (only, 0) to read those of
 * one subscription. METER_EEND: there is none. */
int meter__store_next_series(struct reader *r, int64_t meter_number, int64_t only, int64_t *subscription, int64_t *dimensions);
/* Its samples: the last one at or before from_us that has a value, then those within (from_us, to_us). start is their time. */
int meter__store_scan_samples(struct reader *r, int64_t meter_number, int64_t subscription, int64_t dimensions, int64_t from_us,
                              int64_t to_us, bucket_visitor visit, void *user);

struct stored_event {
	struct event event;
	int64_t subscription; /* its number */
	int64_t ingest;       /* the transaction that stored it */
	int64_t retracted;    /* the one that took it back; INT64_MAX: none has */
};
/* Whether the event counted when the last transaction was this one. */
static inline bool meter__counted_at(const struct stored_event *event, int64_t ingest)
{
	return event->ingest <= ingest && event->retracted > ingest;
}
typedef int (*event_visitor)(const struct stored_event *event, void *user);
/* Why an event was taken back: the id of the event that did, or the backfill and the reason. *out is NULL when it was not. */
int meter__store_retraction(struct reader *r, const struct stored_event *event, struct arena *arena, const char **out);
/* Events from <= timestamp < to in the order of their key; subscription 0: all, type NULL data: all. */
int meter__store_scan_events(struct reader *r, int64_t subscription, struct slice type, int64_t from_us, int64_t to_us,
                             event_visitor visit, void *user);

/* Whether a type of events is known as that of a gauge. */
int meter__store_has_gauge(struct reader *r, int64_t type, bool *out);
/* Times of events in [from_us, to_us) that were taken back after a transaction, in their order; subscription 0: of all. */
typedef int (*time_visitor)(int64_t timestamp_us, void *user);
int meter__store_retracted(struct reader *r, int64_t subscription, int64_t from_us, int64_t to_us, int64_t ingest_after,
                           time_visitor visit, void *user);

/* Where a listing of events is; zero-initialised but from_us, to_us and the filters. */
struct event_page {
	int64_t subscription; /* 0: all */
	struct slice type;    /* absent: all */
	int64_t from_us;
	int64_t to_us;
	struct slice id;      /* absent: all; */
	struct slice source;  /* the same */
	int64_t after_subscription;
	struct buffer after_id; /* the key after which the next page starts: (from_us, after_subscription, after_id) */
};
/* The next rows in key order, at most limit; moves page on. *count_out says how many. */
int meter__store_page_events(struct reader *r, struct event_page *page, size_t limit, size_t *count_out, event_visitor visit,
                             void *user);

int meter__store_unbilled(struct reader *r, int64_t *out);
/*
 * A bill of a subscription, by its number, holds no more, or holds now instead of another one of the same catalog: count, or strike off,
 * what it shows of its period that the catalog in force does not cover. Within a transaction.
 */
struct billed_seen {
	int64_t ingest_after, ingest_max; /* transactions: after that of the other bill, 0: there is none; up to its own */
};
int meter__store_unbilled_reopen(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen);
int meter__store_unbilled_adjust(struct store *s, int64_t subscription, struct period period, int64_t catalog_version,
                                 const struct billed_seen *seen);

/* ---- quarantine (store_quarantine.c) ---- */

struct quarantine_row {
	int64_t number;
	int32_t outcome;
	struct slice code;
	struct slice reason;
	struct slice text;
	int64_t first_us;
	int64_t times;
	int64_t discarded_us;        /* INT64_MIN: it waits */
	struct slice discard_reason; /* absent: it waits */
};
typedef int (*quarantine_visitor)(const struct quarantine_row *row, void *user);

/* The numbers are those of the statement. */
enum quarantine_state { QUARANTINE_WAITING, QUARANTINE_DISCARDED, QUARANTINE_ALL };

/* Which entries; zero-initialised: all that wait. */
struct quarantine_filter {
	int32_t outcome;   /* 0: both */
	struct slice code; /* absent: any */
	enum quarantine_state state;
};
/* Entries with number >= from, at most limit. */
int meter__store_page_quarantine(struct reader *r, const struct quarantine_filter *filter, int64_t from, size_t limit,
                                 quarantine_visitor visit, void *user);
/* How many wait; the last number ever given, 0: none. */
int meter__store_quarantine_count(struct reader *r, int64_t *out);
int meter__store_quarantine_last(struct reader *r, int64_t *out);

/* What waits, by outcome and code. */
struct quarantine_sum {
	int32_t outcome;
	struct slice code;
	int64_t entries;
	int64_t times;
};
typedef int (*quarantine_sum_visitor)(const struct quarantine_sum *sum, void *user);
int meter__store_quarantine_reasons(struct reader *r, quarantine_sum_visitor visit, void *user);

/* Between begin and commit: whether an entry waits; take it off the list. METER_ENOTFOUND: it does not wait. */
int meter__store_quarantine_waits(struct store *s, int64_t number, bool *out);
int meter__store_quarantine_discard(struct store *s, int64_t number, struct slice reason, int64_t now_us);

#endif
