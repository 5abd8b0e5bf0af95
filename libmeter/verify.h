/*
 * verify.h - what the parts of verify share. It adds up stored events by a route of its own: nothing here calls aggregate.c,
 * bucket.c or usage.c. Shared with them are only decimals as text (decimal.h), the definitions of meters and the SQLite file.
 *
 * verify.c        the run, checks of the whole file, the report
 * verify_finding.c the list of what was found
 * verify_work.c   a stretch of time, compared by two workers
 * verify_event.c  what a stored event counts for, from the bytes of its row
 * verify_group.c  exact sums by key
 * verify_minute.c events against minutes, and their sums by the hour
 * verify_digest.c minutes against hours, hours against days, at a glance
 * verify_level.c  the same row by row, where a glance was not enough; samples
 * verify_day.c    events against days at once, for what is about to be billed (proven.c)
 * verify_origin.c gaps in the numbering of sources, ids that came again
 * verify_unbilled.c events that no invoice can show
 * verify_file.c   catalogs, meters and counters
 * verify_late.c   events that came after the bill of their period
 * verify_chain.c  numbers and links of documents
 * verify_invoice.c what documents say, subscription by subscription
 *
 * The last two are about invoices. Those are rated again by the code that rated them, from buckets which the others have proven.
 */
#ifndef METER_VERIFY_H
#define METER_VERIFY_H

#include "intern.h"
#include "store_verify.h"

/* ---- findings (verify_finding.c) ---- */

#define FINDINGS_MAX 1000

struct finding {
	const char *code;                      /* a literal */
	char *text, *place, *expected, *found; /* the last three: NULL where there is none */
	int64_t subscription;                  /* whose usage is wrong, and when; 0: nobody's */
	struct period period;
};

/* Zero-initialised is empty. Beyond FINDINGS_MAX they are only counted. */
struct findings {
	struct finding list[FINDINGS_MAX];
	size_t count;
	int64_t total;
};

/* Texts that are given are copied; absent ones stay so. METER_OK or METER_ENOMEM. */
int meter__finding_add(struct findings *f, const char *code, struct slice text, struct slice place, struct slice expected,
                       struct slice found);
/* Whose usage the finding that was added last is about. */
void meter__finding_about(struct findings *f, int64_t subscription, struct period period);
/* The findings of another list, after those that are there; that one is empty then. */
void meter__findings_take(struct findings *into, struct findings *from);
void meter__findings_free(struct findings *f);

/* ---- sums (verify_group.c) ---- */

/* What a bucket should hold, or holds. Values are coefficient / 10^scale, not made normal. */
struct tally {
	int64_t events, unmeasured;
	int64_t at_us; /* latest */
	int128 coefficient;
	int128 negative; /* of sums: what was below zero, to know how far a sum may have gone on its way */
	int32_t scale;
	bool is_overflow;   /* more than 128 bits: nothing can be said about the value */
	bool is_unreadable; /* of a row that holds what is never written */
};

void meter__tally_event(struct tally *t, enum aggregation aggregation, int64_t coefficient, int32_t scale, int64_t at_us);
/* A row into the sum of rows. */
void meter__tally_merge(struct tally *t, enum aggregation aggregation, const struct tally *more);
struct tally meter__tally_of(const struct raw_bucket *row);
bool meter__tally_is_empty(const struct tally *t);
bool meter__tally_equal(enum aggregation aggregation, const struct tally *expected, const struct tally *found);
/* "3 events, 1 unmeasured, value 12.5", or "nothing". */
void meter__tally_write(struct buffer *out, enum aggregation aggregation, const struct tally *t);

/* start: 0, or the time of a sample. meter: an index into the list of meters. dimensions below zero: no text of the file. */
struct group {
	int64_t subscription, dimensions, start;
	uint32_t meter;
	uint32_t slot;
	bool has_late, has_other;
	struct tally sum;   /* minutes: of events. Else: of the rows below */
	struct tally other; /* minutes: the row. Else, if has_other: the sum, had those rows held what was expected of them */
	struct tally late;
};

/* Zero-initialised is empty, except seed. */
struct groups {
	struct group *rows;
	size_t count, capacity;
	uint32_t *slots; /* 1 + index; 0: free. Twice the capacity */
	struct group **order;
	uint64_t seed;
};

/* The group of a key, made if it is new. NULL: no memory. Moves the others. */
struct group *meter__groups_find(struct groups *g, uint32_t index, int64_t subscription, int64_t dimensions, int64_t start);
/* order: by meter, subscription, start, dimensions. METER_OK or METER_ENOMEM. */
int meter__groups_sort(struct groups *g);
void meter__groups_reset(struct groups *g);
void meter__groups_free(struct groups *g);

/* ---- a worker: a stretch of whole days, but for the ends of what was asked ---- */

struct origin;
struct plans;
struct late_events;
struct uncovered;

#define CORRECTIONS_MAX 1000

/* An hour that does not hold what its minutes add up to: days are compared with either. */
struct correction {
	int64_t day, subscription, hour, dimensions;
	uint32_t meter;
	bool is_used;
	struct tally expected;
};

struct day_count {
	int64_t day, rows;
};

struct worker {
	struct reader *reader;
	const struct verify_meters *meters;
	int64_t only;          /* the number of a subscription: nobody else is looked at; 0: everybody is */
	bool by_days;          /* events against days at once */
	struct glance *glance; /* NULL: row by row */
	int64_t rolled_before;
	int64_t since_us;          /* where the first of the stretches begins that are looked at in a row */
	int64_t from_us, to_us;    /* events */
	int64_t from[LEVEL_COUNT]; /* whole minutes, hours, days of it */
	int64_t to[LEVEL_COUNT];
	struct plans *plans;
	struct origin *origin;       /* NULL: nobody asks where events come from */
	struct late_events *late;    /* NULL: nor which came after their bill, */
	struct uncovered *uncovered; /* or which no invoice can show */
	int64_t closed_before;       /* no billed period ends later */
	struct findings findings;
	int64_t events, minutes, hours, days, samples; /* rows compared */
	int64_t ingest_max;                            /* of the events */
	bool has_negative;                             /* some meter has counted a value below zero */

	/* verify_level.c */
	struct groups minute, hour, day;
	struct day_count *hours_of_day; /* rows of hours that were matched */
	size_t day_count, day_capacity;
	int64_t days_matched;
	bool has_more_days;       /* by days: there are rows of days that no event asked for */
	int64_t *samples_matched; /* by meter */
	struct correction *corrections;
	size_t correction_count;
	struct buffer place, expected, found, text;

	int code; /* what stopped it */
	char message[512];
};

/* Index of a meter of the file, or -1. */
int64_t meter__verify_meter_index(const struct verify_meters *meters, int64_t number);

/* A finding about a bucket. Tallies may be NULL. level: what start counts; LEVEL_COUNT: microseconds. */
int meter__verify_bucket_finding(struct worker *w, const char *code, const char *text, enum level level, int64_t start,
                                 const struct group *key, const struct tally *expected, const struct tally *found);

/* All checks of the stretch; METER_OK also with findings. */
int meter__verify_levels(struct worker *w);
/* The same by days: from a midnight to another one, or to where days are rolled up. */
int meter__verify_event_days(struct worker *w);

/* Set what the stretch is: what lies in [from_us, to_us). */
void meter__verify_set_times(struct worker *w, int64_t from_us, int64_t to_us);
enum aggregation meter__verify_aggregation(const struct worker *w, const struct group *g);

/* Events against minutes (verify_minute.c): at each end of an hour one of the two below. */
int meter__verify_minutes(struct worker *w);
int meter__glance_hour(struct worker *w, int64_t hour);       /* note what its minutes add up to */
int meter__verify_flush_hour(struct worker *w, int64_t hour); /* compare it with the rows of the hour */

/*
 * At a glance (verify_digest.c): nothing is reported but rows that cannot be read or are out of place, and what is not as it
 * should be makes its day doubtful. Doubtful days are then looked at row by row, where such rows are passed over.
 */
struct glance *meter__glance_new(void);
void meter__glance_free(struct glance *g);
int meter__glance_doubt(struct worker *w, int64_t day);
/* Note what a day adds up to: w->day, which then is empty. Days in their order. */
int meter__glance_day(struct worker *w, int64_t day);
/* What was noted of days against their rows. */
int meter__glance_at_days(struct worker *w);
/* Look at the doubtful days, each as a stretch of its own. Ends the glance. */
int meter__glance_closely(struct worker *w, int (*look)(struct worker *w));
/* All levels of the stretch, row by row. */
int meter__verify_closely(struct worker *w);

/* What the two share. */
struct cursor { /* a scan and the row it stands on, passing over those of meters that are about to be deleted */
	struct scan scan;
	struct raw_bucket row;
	uint32_t meter; /* its index */
	bool has_row;
	int64_t alien;    /* the last number that is no meter of the file, which was reported */
	enum level level; /* LEVEL_HOUR and LEVEL_DAY: rows that are kept under another day or month are passed over */
};
int meter__verify_scan_all(struct worker *w, struct scan *out, enum rows rows, const int64_t *bound, size_t count);
int meter__verify_next_row(struct worker *w, struct cursor *c, const char *table);
int meter__verify_scan_hours(struct worker *w, struct cursor *c, int64_t first_day, int64_t end_day);
int meter__verify_scan_days(struct worker *w, struct cursor *c);
/* Groups against the rows of an hour or a day; then they are empty. */
int meter__verify_compare(struct worker *w, enum level level, int64_t start, struct groups *groups, int64_t *rows_out);
/* How many rows the days [from, to) have. */
int meter__verify_rows_of_days(struct worker *w, int64_t from, int64_t to, int64_t *out);
int meter__verify_sample(struct worker *w, const struct group *g);
int meter__verify_samples(struct worker *w); /* those that nothing asked for */

/* ---- stretches (verify_work.c) ---- */

#define WORKERS 2

/* Zero-initialised is empty; end it in every state. */
struct work {
	struct reader *readers[WORKERS]; /* of one state of the file */
	size_t reader_count;
	struct worker *workers; /* on the heap: findings are large */
	struct verify_meters meters;
	struct totals totals;
	struct findings *findings;
	int64_t only;     /* as of a worker */
	int64_t since_us; /* where the first stretch begins, if they are looked at in a row; INT64_MAX: each stands for itself */
	bool is_damaged;  /* some stretch was not compared to its end */
};

int meter__work_begin(struct work *work, struct store *store, struct findings *findings);
/* Totals and meters, before the first stretch. is_tracing: origins and late events are looked at, too. */
int meter__work_read(struct work *work, bool is_tracing);
/*
 * Compare what lies in a stretch of time, with is_tracing later than those before; by_days: only whole days that are rolled up.
 * METER_OK also with findings, and with damage, which is one.
 */
int meter__work_stretch(struct work *work, int64_t from_us, int64_t to_us, bool by_days);
int meter__work_finish(struct work *work, bool is_whole); /* what can be told after the last one; is_whole: of all the time */
void meter__work_end(struct work *work);

/* What damage stopped is a finding; anything else is a failure. */
int meter__verify_settle(struct findings *f, int code, const char *message);

/* ---- events (verify_event.c) ---- */

struct plans *meter__plans_new(void);
void meter__plans_free(struct plans *plans);
/* Add the event to w->minute. A row that cannot be read is a finding. */
int meter__verify_measure(struct worker *w, const struct raw_event *e);
/* The type of a shape, by its number, and whether a meter of the catalog in force counts it; 0: reserved, or there is no such
 * shape. */
int meter__verify_type(struct worker *w, int64_t shape, int64_t *type_out, bool *is_metered_out);
/* Between minutes: keeps what is remembered bounded. */
void meter__plans_trim(struct plans *plans);
/* The text of a number that meter__verify_measure() gave, also of one below zero. */
int meter__plans_dimensions(struct worker *w, struct buffer *out, int64_t number);

/* ---- origin (verify_origin.c) ---- */

/* is_first: nothing lies before it. */
struct origin *meter__origin_new(bool is_first);
void meter__origin_reset(struct origin *o); /* as if it were new */
void meter__origin_free(struct origin *o);
int meter__origin_event(struct worker *w, const struct raw_event *e);
/* What the later worker saw joins what the earlier one did, which then may go on behind it; at the end gaps become findings. */
int meter__origin_join(struct worker *first, struct worker *second);
int meter__origin_finish(struct worker *first);

/* ---- late events (verify_late.c) ---- */

struct late_events *meter__late_new(void);
void meter__late_free(struct late_events *late);
/* Note its bill if it came after that and the bill is not stale. */
int meter__late_event(struct worker *w, const struct raw_event *e);
/* When all events are seen; then whether one came too late for a bill. */
void meter__late_sort(struct late_events *late);
bool meter__late_has(const struct late_events *late, int64_t bill);

/* ---- unbilled events (verify_unbilled.c) ---- */

struct uncovered *meter__uncovered_new(uint64_t seed);
void meter__uncovered_free(struct uncovered *u);
int meter__uncovered_event(struct worker *w, const struct raw_event *e);
int meter__uncovered_join(struct worker *first, const struct worker *second);
/* When all events are seen: compare with the table. */
int meter__uncovered_finish(struct worker *first);

/* ---- the file as a whole (verify_file.c) ---- */

struct file_check {
	struct reader *reader;
	struct findings *findings;
	const struct totals *totals;
	const struct verify_meters *meters;
	bool is_whole; /* all events were looked at; of them: */
	int64_t events, ingest_max;
	bool has_negative; /* some meter has counted a value below zero */
};

/* Texts of catalogs against their hashes, before anything is read by them. */
int meter__verify_catalogs(struct reader *r, struct findings *findings);
/* The rest, after all events. */
int meter__verify_file(struct file_check *c);

/* ---- invoices ---- */

/* One check of all invoices. */
struct invoice_check {
	struct reader *reader;
	struct findings *findings;
	const struct late_events *late[2]; /* of the workers; NULL: there is no second one */
	int64_t since_us, until_us;        /* only bills of periods within are rated again */
	bool is_full;                      /* also those that hold no more, as of the transaction that they saw */
	const char *head;                  /* a hash that some document must have; NULL: any */

	int64_t documents, bills;       /* how many there were, and were rated again */
	int64_t waiting;                /* bills that hold and are stale */
	char last_hash[HASH_TEXT_SIZE]; /* "": there is no document */
};

/* Numbers, names and links of all documents (verify_chain.c). METER_OK also with findings. */
int meter__verify_chain(struct invoice_check *c);
/* Everything else, one subscription at a time (verify_invoice.c). */
int meter__verify_invoices(struct invoice_check *c);

#endif
