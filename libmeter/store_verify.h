/*
 * store_verify.h - the seam of verify to the file: rows as they stand there, without the code that wrote them.
 *
 * A row that holds what the library never writes is handed on as unreadable, not refused: it is a finding. Values are numbers of
 * the file, see store.h.
 */
#ifndef METER_STORE_VERIFY_H
#define METER_STORE_VERIFY_H

#include "store.h"

/* A stored event. Slices live until the scan moves on. */
struct raw_event {
	int64_t timestamp_us;
	int64_t subscription;
	int64_t shape;
	int64_t sequence; /* METER_NO_SEQUENCE: none */
	int64_t ingest;
	struct slice id;
	struct slice properties;
	struct slice source; /* absent: none */
	struct decimal value;
	bool is_readable;
	bool is_taken_back;
};

/* A row of minute, late, hour, day or sample. start: minute, hour, day, or microseconds of a sample. */
struct raw_bucket {
	int64_t start, meter, subscription, dimensions; /* dimensions: 0 where they cannot be read */
	int64_t lead;                                   /* of hours and days: the day, the month that it is kept under */
	int64_t events, unmeasured;
	struct decimal value;
	int64_t at_us;
	bool has_value, is_overflow, is_readable;
};

/* Rows in the order of their key; in parentheses what is bound. Those with _OF: of one subscription, which is bound last. */
enum rows {
	ROWS_EVENTS, /* (from_us, to_us) */
	ROWS_EVENTS_OF,
	ROWS_MEASURED, /* the same, without id, source, sequence and ingest, which are absent or 0 */
	ROWS_MEASURED_OF,
	ROWS_MINUTES, /* (from, to) */
	ROWS_MINUTES_OF,
	ROWS_LATE, /* (from, to), by minute */
	ROWS_LATE_OF,
	ROWS_HOURS, /* (first day, end day): as they are kept */
	ROWS_HOURS_OF,
	ROWS_DAYS, /* (first month, last month): as they are kept */
	ROWS_DAYS_OF,
	ROWS_HOUR,          /* (day, meter, subscription, hour) */
	ROWS_DAY,           /* (month, meter, subscription, day) */
	ROWS_SAMPLE,        /* (meter, subscription, dimensions, time) */
	ROWS_ALIEN_SAMPLES, /* (meter, from_us, to_us): those at whose time their subscription has no event */
};

/* A statement being stepped; one of each kind at a time on a reader. Zero-initialised is closed. */
struct scan {
	struct reader *reader;
	struct sqlite3_stmt *statement;
};

int meter__verify_scan(struct scan *out, struct reader *r, enum rows rows, const int64_t *bound, size_t count);
/* METER_OK, METER_EEND, or the failure. */
int meter__verify_next_event(struct scan *s, struct raw_event *out);
int meter__verify_next_measured(struct scan *s, struct raw_event *out);
int meter__verify_next_bucket(struct scan *s, struct raw_bucket *out);
void meter__verify_scan_end(struct scan *s);

/* Whether there is such a row. */
int meter__verify_has_event(struct reader *r, int64_t timestamp_us, int64_t subscription, struct slice id, bool *out);
int meter__verify_has_minute(struct reader *r, const struct raw_bucket *key, int64_t minute, bool *out);
int meter__verify_has_hour(struct reader *r, const struct raw_bucket *key, int64_t day, bool *out);
/* Of one subscription, or with 0 of all. */
int meter__verify_count_samples(struct reader *r, int64_t meter_number, int64_t subscription, int64_t from_us, int64_t to_us,
                                int64_t *out);

/* Rows of a meter, of one subscription or with 0 of all; bound: (first month, last month, from, to) */
int meter__verify_count_days(struct reader *r, const int64_t bound[4], int64_t meter_number, int64_t subscription, int64_t *out);

/* Type and names of a shape. METER_ECORRUPT: there is none. */
int meter__verify_shape(struct reader *r, int64_t shape, struct buffer *type, struct buffer *names);

/* Every meter of the file, by number. */
struct verify_meter {
	int64_t number;
	int64_t filled_before;                     /* it counts events before this */
	const struct meter_definition *definition; /* NULL: no catalog uses it, its buckets are about to be deleted */
};

struct verify_meters {
	struct verify_meter *list;
	size_t count;
	struct meter_catalog *in_force, *pending; /* what the definitions belong to; NULL: there is none */
	int64_t in_force_version, pending_version;
};

int meter__verify_meters(struct reader *r, struct verify_meters *out);
void meter__verify_meters_free(struct verify_meters *meters);

/* Lists; in parentheses what is bound, then the columns. */
enum verify_list {
	LIST_COUNTERS,     /* place, expected, found: counters that are not what they count, */
	LIST_BOUNDS,       /* and those that are less */
	LIST_RETRACTIONS,  /* place, expected, found: whether the event that is taken back has come */
	LIST_CATALOGS,     /* version, text, hash */
	LIST_UNBILLED,     /* subscription, type, events */
	LIST_BILLED_BY,    /* catalog: versions that bills which hold were rated by */
	LIST_USED_METERS,  /* (version) key, definition, 1: it is retired, how many count that have this definition */
	LIST_DOCUMENTS,    /* number, name, at */
	LIST_DOCUMENTS_OF, /* (text) number, kind, name, refers */
	LIST_SERIES,       /* prefix, last */
	LIST_ORPHANS,      /* table, number: rows of a document or bill that is not there */
	LIST_BILLED,       /* (number) active_from, active_to, bill, document */
	LIST_BILLED_ALIEN, /* number of a name, periods: billed, and no document says so */
	LIST_STALE,        /* (number) bill */
};
#define LIST_COLUMNS_MAX 4

/* By column; what is no integer is 0, what is NULL absent as a text. */
struct verify_row {
	int64_t numbers[LIST_COLUMNS_MAX];
	struct slice texts[LIST_COLUMNS_MAX];
};
typedef int (*verify_visitor)(const struct verify_row *row, void *user);
int meter__verify_visit(struct reader *r, enum verify_list list, int64_t number, struct slice text, verify_visitor visit,
                        void *user);

/* The subscription with documents that comes after one, by its key; METER_EEND. */
int meter__verify_customer_next(struct reader *r, struct buffer *key);
/* The next meter after one, by its number, that has samples; METER_EEND. */
int meter__verify_sampled_next(struct reader *r, int64_t after, int64_t *out);
/* When the next billed period after us begins; METER_EEND. */
int meter__verify_billed_next(struct reader *r, int64_t subscription, int64_t us, int64_t *out);
/* The highest number that a document or a link has; 0: there is none. */
int meter__verify_link_last(struct reader *r, int64_t *out);

/* What SQLite says about the file's structure; nothing when it is sound. */
typedef int (*integrity_visitor)(struct slice text, void *user);
int meter__verify_integrity(struct reader *r, bool is_full, integrity_visitor visit, void *user);

/* Readers of one and the same state: nobody writes while they begin. *count_out: how many there are, at least one. */
int meter__verify_readers(struct store *s, struct reader **out, size_t wanted, size_t *count_out);

/* The SQLite that runs, and whether it has the bug of 3.7.0 to 3.51.2 that two checkpoints at once can lose rows (see store.h).
 */
const char *meter__verify_sqlite(bool *has_wal_reset_bug);
int meter__verify_identity(struct reader *r, int64_t *schema_version, int64_t *application_id);

#endif
