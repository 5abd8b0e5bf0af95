/*
 * meter.h - libmeter: usage metering and billing in one library and one SQLite file.
 *
 * This header is the contract. What is not promised here is not promised.
 *
 * The way of an event
 *
 *     meter_record()                       any thread: check, copy, accept; into the spool, a ring file beside the database
 *     meter_batch_add()                    any thread: check, copy; into memory, for who waits until it is durable
 *       -> two writer threads              in turn: sort, dedup, store, bucket; one transaction a load
 *       -> meter_usage_query()             what was used
 *       -> meter_invoice_draft()           what it costs
 *       -> meter_invoice_finalize()        what is billed, for ever
 *
 * What is promised, in the letters of ACID
 *
 *   accepted   meter_record() returned METER_OK. The event survives the death of the process by any means (kill -9, a crash of the
 *              program): whoever opens the file next stores it. Not yet durable: a loss of power before its commit can lose it.
 *   durable    The D. meter_flush(), meter_batch_wait(), meter_record_many() or meter_record_json() returned METER_OK, or
 *              commit_interval_ms have passed since meter_record() and stats show no writer_error. The events are committed with
 *              SQLite's synchronous=FULL and survive the loss of power, as far as the disk keeps what it says it has written.
 *   atomic     The A. Events, their buckets, the counters and the position of the spool change in one transaction. No crash
 *              leaves an event stored and not counted, or counted and not stored, or counted twice.
 *   isolated   The I. Readers see whole transactions, in any process, and wait for no writer. All writing of all processes happens under
 *              one lock file.
 *   once       An event is known by its key: (subscription, timestamp, id). The same key is counted once, however late
 *              the retry, from any number of threads and processes. There is no dedup window. Keys are compared byte
 *              by byte: "A" and "a", and different Unicode forms of one letter, are different keys.
 *   exact      Quantities and money are decimals from the first digit to the total. There is no binary floating point.
 *              Amounts are rounded once per invoice line, to the smallest unit of the plan's currency.
 *   real time  A query sees every event whose commit has returned. meter_flush() first makes it read-your-writes.
 *
 * Outcomes of an event, always counted apart
 *
 *   accepted   stored, and counted by every meter that covers its type
 *   duplicate  key and content (type, value, properties) are already stored: nothing changed. Normal for retries
 *   conflict   the key is stored with other content: kept in quarantine, never counted, overwrites nothing
 *   rejected   invalid, or a meter cannot read its value: kept in quarantine with the reason
 *   late       accepted, but its period is on a finalized invoice already: it becomes an adjustment (see meter_invoice_adjust)
 *              A value of a time_weighted meter is late as well when one of the periods that it may hold on into is
 *
 *   An event whose type no meter covers, or whose subscription no catalog names yet, is accepted. It is counted as
 *   unbilled (see meter_stats) and joins usage, and the invoices of periods that are open, as soon as a catalog covers it. What lies in
 *   a period that was billed before its type had a meter stays unbilled until that invoice is made anew (meter_invoice_regenerate).
 *   Unbilled is also what no invoice has seen of a subscription, or of a type, that a catalog drops. Not counted as such is usage before a
 *   subscription begins or after it ends: it is in no period, unless the catalog moves "from" or "until".
 *
 * Caveats
 *
 *   - After fork() the handles of the parent are dead in the child: every call returns METER_EFORKED, meter_close() included, and
 *     what they hold is left alone. The child opens the file itself. fork() waits until no thread of this library is inside
 *     SQLite (a transaction, a query). A process made by clone() or vfork() must call exec before it uses this library.
 *   - Keep the file on a local file system: SQLite's WAL and the lock file need shared memory and flock().
 *   - Do not run "PRAGMA wal_checkpoint" or write to the file with another program while a handle is open: SQLite
 *     releases up to 3.51.2 can lose committed rows when two connections checkpoint at once. Reading is harmless.
 *   - Do not open and close the database file itself within the process (say, to copy it): POSIX drops SQLite's locks.
 *
 * Conventions
 *
 *   Results    int: METER_OK (0) or a negative METER_E... code. Each function lists its codes in the order of checking;
 *              METER_ENOMEM can come from any of them. meter_errmsg() has the details.
 *   Memory     What comes back through **out is yours: free it with its own _free (NULL is fine). On failure *out is
 *              NULL. A pointer read from an object lives as long as that object, or until the next _next call on it.
 *              Everything passed in is copied: the library keeps no pointer of yours.
 *   Text       In: a pointer and a size in bytes; the size METER_NUL_TERMINATED takes everything up to the NUL. UTF-8
 *              without NUL. Out: UTF-8 with a NUL at the end.
 *   Numbers    Quantities and money are decimal text ("0.10", "-3", "1234567.891"): no exponent, no thousands sign.
 *   Time       int64_t microseconds since 1970-01-01T00:00:00Z. Ranges are half-open: from is in, to is out.
 *   Threads    A meter handle may be shared by all threads, at the same time. Every other object belongs to one thread at a time.
 *   Process    The library prints nothing, never exits, installs no signal handler and does not touch the locale.
 */
#ifndef METER_H
#define METER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef METER_API
#  define METER_API __attribute__((visibility("default")))
#endif

/* The one place that states the version; the build reads it from here. METER_SOVERSION changes when the ABI breaks. */
#define METER_VERSION_MAJOR 0
#define METER_VERSION_MINOR 1
#define METER_VERSION_PATCH 0
#define METER_VERSION       "0.1.0"
#define METER_SOVERSION     0

/** The version of the library that runs, as text ("0.1.0"). Threads: any. */
METER_API const char *meter_version(void);

/**
 * Whether the library that runs fits the header a program was compiled with.
 *
 * @param soversion  METER_SOVERSION as the caller saw it.
 * @return METER_OK, or METER_EINVAL when they differ.
 */
METER_API int meter_abi_check(int32_t soversion);

/** A size that means: the text ends at its NUL. */
#define METER_NUL_TERMINATED ((size_t)-1)

/* ---- errors ---- */

/* Result codes. The numbers are pinned and never used again for something else. */
#define METER_OK            0
#define METER_EINVAL       (-1)  /**< an argument is missing or out of range: meter_errmsg() names it */
#define METER_ENOMEM       (-2)  /**< out of memory: nothing was done, try again */
#define METER_EBUSY        (-3)  /**< another process held the write lock for longer than lock_wait_ms */
#define METER_EAGAIN       (-4)  /**< the spool is full: nothing was recorded, try again or meter_flush() */
#define METER_ETIMEDOUT    (-5)  /**< the time given ran out; the work goes on in the background */
#define METER_ENOTFOUND    (-6)  /**< no such file, meter, plan or subscription */
#define METER_EUNSUPPORTED (-7)  /**< understood, but not computed by this version; never answered with a guess */
#define METER_EEND         (-8)  /**< a _next call: there are no more rows */
#define METER_EFORKED      (-9)  /**< the handle was opened before fork(): this process must open the file again */
#define METER_EIO          (-40) /**< the operating system or SQLite failed to read or write */
#define METER_ECORRUPT     (-41) /**< the file is damaged, or holds what this library never writes */
#define METER_EFOREIGN     (-42) /**< the file is not a libmeter database */
#define METER_ENEWER       (-43) /**< the file was written by a newer libmeter */
#define METER_EREADONLY    (-44) /**< the file or its folder cannot be written */
#define METER_EFULL        (-45) /**< the disk is full; accepted events wait and are written when there is room again */
#define METER_EBACKWARDS   (-46) /**< the file went back to an earlier state: a backup restored, its WAL lost, or a disk that did not keep it */
#define METER_ECATALOG     (-60) /**< the catalog text is wrong: meter_errmsg() is "file:line:column: what was expected" */
#define METER_EOVERFLOW    (-80) /**< a quantity or an amount does not fit into 38 digits */
#define METER_ESTATE       (-81) /**< an invoice, or its period, is not in the state that this needs: meter_errmsg() says what comes first */

/** What a result code means, in a few words. Never NULL. Threads: any. */
METER_API const char *meter_strerror(int code);

/**
 * The details of the last failure on the calling thread, one line, "" when there was none. Never NULL.
 * Valid until the next libmeter call on this thread.
 */
METER_API const char *meter_errmsg(void);

/* ---- handle ---- */

typedef struct meter meter;

#define METER_OPEN_EXISTING      1u /**< fail instead of making a database: METER_ENOTFOUND where there is no file, METER_EFOREIGN where it is empty */
#define METER_OPEN_WITHOUT_SPOOL 2u /**< for who only reads, applies catalogs and uses batches: no spool is made, meter_record() refused */
#define METER_OPEN_ACCEPT_LOSS   4u /**< a file that went backwards is taken as it is; loss_reason goes into its table audit */

/** How to open. Zero means the default in every field. A field outside struct_size has its default too. */
typedef struct meter_options {
	size_t struct_size;         /**< set by METER_OPTIONS_INIT; new fields are only appended */
	uint32_t flags;             /**< METER_OPEN_...; default 0 */
	int32_t commit_interval_ms; /**< the longest an accepted event waits for its commit; 1..60000, default 100 */
	int32_t full_wait_ms;       /**< how long meter_record() waits when the queue is full; 0..60000, default 0: not at all */
	int32_t lock_wait_ms;       /**< how long to wait for another process that writes; 1..3600000, default 10000 */
	int32_t queue_mib;          /**< size of the spool, and room for what waits of batches, in MiB; 1..1024, default 64 */
	int32_t wal_max_mib;        /**< how long a reader may let FILE-wal grow before writing stops; 1..1048576, default 1024 */
	const char *loss_reason;    /**< why a loss is accepted, NUL-terminated, 1..1000 bytes; with METER_OPEN_ACCEPT_LOSS and never without */
} meter_options;
#define METER_OPTIONS_INIT { sizeof(meter_options), 0, 0, 0, 0, 0, 0, NULL }

/**
 * Open a metering file, creating it when there is none, and start its writer thread.
 *
 * The file is an SQLite database in WAL mode; beside it live FILE-wal, FILE-shm, FILE-lock, and for each handle that can
 * meter_record() its spool FILE-spool-ID: a ring of queue_mib, allocated whole here so that recording never waits for the disk, and
 * removed by meter_close(). All are readable and writable by their owner only. Spools that dead processes left are stored first;
 * those that do not fit this database are renamed to ...orphan and counted in meter_stats() as damaged.
 *
 * FILE-lock also keeps a mark of how far the file was after the last commit. A file that holds less than that went backwards (a backup
 * was put in its place, FILE-wal was lost or damaged, the disk did not keep what it said) and is refused with METER_EBACKWARDS: nothing
 * is written, nor is its WAL written back. METER_OPEN_ACCEPT_LOSS takes it as it is and says so, with loss_reason, in a row of its
 * table audit; when nothing was lost the flag does nothing. The mark is not synced: it may be older than the file, after a loss of power
 * above all, and then less is noticed; nothing is ever noticed that did not happen. Delete FILE-lock with the other files or not at all.
 *
 * @param path     NUL-terminated; "" and in-memory databases are refused.
 * @param options  NULL for the defaults.
 * @return METER_OK, or in this order: METER_EINVAL (path, options; also a directory), METER_ENOTFOUND (METER_OPEN_EXISTING and
 *         no file, or no such folder), METER_EREADONLY, METER_EFULL (less than 4 MiB free), METER_EFOREIGN, METER_ENEWER,
 *         METER_EBUSY, METER_ECORRUPT, METER_EBACKWARDS, METER_EIO; METER_EFULL also when there is no room for the spool.
 * Threads: any.  Blocks: on disk, and up to lock_wait_ms on another process.                                       Since 0.1.
 */
METER_API int meter_open(meter **out, const char *path, const meter_options *options);

/**
 * Write what is still waiting, stop the writers, remove the spool and free the handle. Always frees, also when it returns an error
 * (but for METER_EFORKED). NULL is fine.
 *
 * No other thread may be inside a call on this handle, and every batch made from it must have been freed.
 *
 * @return METER_OK, or METER_EFORKED, or what kept the last events from being written (METER_EFULL, METER_EBUSY, METER_EIO ...). Those
 *         of meter_record() stay in the spool, which the next meter_open() of the file stores; those of batches, which
 *         nobody was told were durable, are lost. meter_errmsg() says how many of each.
 * Blocks: until the last commit, at most lock_wait_ms on another process.
 */
METER_API int meter_close(meter *m);

/* ---- events ---- */

/* What became of an event. The numbers are pinned. */
#define METER_PENDING   0 /**< not decided yet: its commit has not returned */
#define METER_ACCEPTED  1
#define METER_DUPLICATE 2
#define METER_CONFLICT  3
#define METER_REJECTED  4
#define METER_LATE      5

/** "pending", "accepted", "duplicate", "conflict", "rejected" or "late"; "?" for any other number. */
METER_API const char *meter_outcome_name(int32_t outcome);

/** A named property of an event. Both are text: a number is its digits. */
typedef struct meter_property {
	const char *name;  /**< 1..128 bytes */
	const char *value; /**< 0..131072 bytes */
	size_t name_size;
	size_t value_size;
} meter_property;
#define METER_PROPERTY(name, value) { (name), (value), METER_NUL_TERMINATED, METER_NUL_TERMINATED }

#define METER_NO_SEQUENCE (-1)

/** One usage event. Start from METER_EVENT_INIT, then set what you have; every text may then be NUL-terminated. */
typedef struct meter_event {
	size_t struct_size;               /**< set by METER_EVENT_INIT */
	const char *subscription;         /**< who is billed; 1..128 bytes. Part of the key */
	size_t subscription_size;
	const char *id;                   /**< idempotency key chosen by the caller, the same in every retry; 1..256 bytes. Part of the key */
	size_t id_size;
	const char *type;                 /**< what happened; 1..128 bytes */
	size_t type_size;
	int64_t timestamp_us;             /**< when it happened; 0..253402300799999999 (year 9999), at most 5 minutes ahead of the clock.
	                                       Part of the key and never filled in: a retry with a new time would be a new event */
	const char *value;                /**< decimal text, at most 18 decimals, all digits together within int64; NULL: 1 */
	size_t value_size;
	const meter_property *properties; /**< each name once, in any order; all names and values together at most 131072 bytes */
	size_t property_count;            /**< 0..64 */
	const char *source;               /**< which producer sent it; 1..256 bytes, NULL: none. Not part of the content */
	size_t source_size;
	int64_t sequence;                 /**< the producer's own numbering, >= 0; METER_NO_SEQUENCE: none. Not part of the content */
} meter_event;
#define METER_EVENT_INIT                                                                                                        \
	{                                                                                                                       \
		sizeof(meter_event), NULL, METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED, 0, NULL, \
		METER_NUL_TERMINATED, NULL, 0, NULL, METER_NUL_TERMINATED, METER_NO_SEQUENCE                                    \
	}

/*
 * Taking events back
 *
 * Nothing that was accepted is deleted. An event with the properties "meter.id" and "meter.timestamp" (RFC 3339) takes back the event of
 * its subscription with this key, from which moment that one counts nowhere. The new event takes its place, with type, value,
 * properties and a timestamp of its own: a correction. With the type "meter.retract" nothing takes its place: a retraction. The
 * order of arrival does not matter: what is taken back before it comes counts nowhere from the beginning. It stays so for ever, also when
 * the event that took it back is taken back in turn; to count it again, send it under another id. Where the event is on a
 * finalized invoice, the difference becomes an adjustment (see meter_invoice_adjust).
 *
 * Other types and names of properties that begin with "meter." are refused.
 */

/**
 * Record one event and do not wait for the disk.
 *
 * METER_OK means accepted; durable follows at the latest commit_interval_ms later, or with meter_flush(). The outcome
 * (accepted, duplicate, conflict, rejected) is decided at the commit and counted in meter_stats(); who wants it per event uses a
 * batch. Sending an event again is harmless. While the writer cannot write (a full disk), events are accepted until the spool is full;
 * they are written when it can again.
 *
 * @return METER_OK, or in this order: METER_EFORKED, METER_EINVAL (a field is missing or out of range, errmsg names it; the handle was
 *         opened without spool), METER_ECORRUPT or METER_EBACKWARDS (the file turned out to be damaged, or was replaced
 *         while it was open or holds less than it did: nothing is written any more), METER_EAGAIN (the
 *         spool is full for longer than full_wait_ms; errmsg says what keeps the writer from writing). All are counted as refused
 *         and kept nowhere.
 * Threads: any, at the same time.  Blocks: never on disk; up to full_wait_ms when the spool is full. With room there is no lock, no
 *          allocation and no system call.
 * Memory:  keeps no pointer into event.                                                                            Since 0.1.
 */
METER_API int meter_record(meter *m, const meter_event *event);

/**
 * Record events and wait until they are durable: the synchronous batch.
 *
 * @param outcomes_out  room for count outcomes, one per event in their order, or NULL. An event with a wrong field is
 *                      METER_REJECTED and kept in quarantine; it does not touch the others.
 * @return METER_OK, or in this order: METER_EINVAL (events or count), and what kept the commit from happening: METER_EFULL,
 *         METER_EBUSY, METER_EREADONLY, METER_EIO. Outcomes not decided then are METER_PENDING, and their events keep waiting
 *         to be written: recording them again is harmless.
 * Threads: any; calls of several threads share one commit.  Blocks: until durable.                                 Since 0.1.
 */
METER_API int meter_record_many(meter *m, const meter_event *events, size_t count, int32_t *outcomes_out);

/**
 * Record events given as JSON Lines and wait until they are durable.
 *
 * One object a line, in the library's own form or as a CloudEvents 1.0 object:
 *   {"id":"req-17","subscription":"acme","type":"llm.call","timestamp":"2026-01-31T23:59:59.123Z","value":"1.5",
 *    "properties":{"model":"large-1","tokens":120},"source":"gw-1","sequence":42}
 *   {"specversion":"1.0","id":"req-17","source":"gw-1","type":"llm.call","subject":"acme","time":"2026-01-31T23:59:59.123Z",
 *    "data":{"model":"large-1","tokens":120}}
 * The id of a CloudEvent is the pair source + id, written as the size of source, ':', source, id: "4:gw-1req-17"; a decimal "value"
 * in its data is also the event's value. Numbers may be JSON numbers or text; their digits are read as they stand. Blank lines are skipped. Unknown and repeated names are errors.
 *
 * @param outcomes_out  room for capacity outcomes, one per line that is not blank, or NULL.
 * @param count_out     how many such lines there were, or NULL.
 * @return as meter_record_many(); METER_EINVAL also when outcomes_out is given and capacity is too small (nothing is recorded).
 *                                                                                                                  Since 0.1.
 */
METER_API int meter_record_json(meter *m, const char *text, size_t size, int32_t *outcomes_out, size_t capacity, size_t *count_out);

/**
 * Wait until everything accepted before this call is durable: what meter_record() took, and what batches have handed over.
 *
 * @param timeout_ms  0..3600000; -1 waits as long as it takes or until writing fails.
 * @return METER_OK, or METER_EINVAL, METER_EFORKED, METER_ETIMEDOUT, or what keeps the writer from writing: METER_EFULL, METER_EBUSY
 *         (another process, or a reader that keeps FILE-wal at wal_max_mib), METER_EREADONLY, METER_EIO. The events are kept and
 *         tried again once a second. After METER_ECORRUPT and METER_EBACKWARDS nothing is tried again.
 * Threads: any.                                                                                                    Since 0.1.
 */
METER_API int meter_flush(meter *m, int64_t timeout_ms);

/* ---- batch ---- */

/**
 * Events recorded together, whose outcomes are read afterwards. A batch is on its way to the disk while it is filled:
 * two batches filled in turn keep both the reading and the writing side busy.
 */
typedef struct meter_batch meter_batch;

/** How a time is written as text. The numbers are pinned. Never guessed from the text. */
#define METER_TIME_RFC3339 0 /**< 2026-01-31T23:59:59.123Z; any offset, at most 6 decimals that are not 0 */
#define METER_TIME_UTC     1 /**< the same; a time without an offset is UTC */
#define METER_TIME_S       2 /**< seconds since 1970, integer or decimal */
#define METER_TIME_MS      3 /**< milliseconds since 1970 */
#define METER_TIME_US      4 /**< microseconds since 1970 */
#define METER_TIME_NS      5 /**< nanoseconds since 1970; the last three digits must be 0 */

/** @return METER_OK, or METER_EINVAL. Memory: free with meter_batch_free() before meter_close(). */
METER_API int meter_batch_new(meter_batch **out, meter *m);

/** Wait for its events, then free the batch. NULL is fine. What could not be written stays with the writer until meter_close(). */
METER_API void meter_batch_free(meter_batch *b);

/**
 * Add one event. A wrong field makes it METER_REJECTED and keeps it in quarantine; the call still returns METER_OK.
 * @return METER_OK, or METER_EINVAL (b or event is NULL), or, when the queue is full and cannot be written, what keeps it from that.
 * Blocks: while the queue is full.
 */
METER_API int meter_batch_add(meter_batch *b, const meter_event *event);

/**
 * Add one event given as a JSON object in one of the forms of meter_record_json().
 * @param time_format  METER_TIME_...: how its timestamp is written.
 * @return as meter_batch_add().
 */
METER_API int meter_batch_add_json(meter_batch *b, const char *text, size_t size, int32_t time_format);

/**
 * Add a record that the caller could not make an event of (a broken row of some format): it is METER_REJECTED and kept in
 * quarantine as it is.
 * @param reason  why, one line. One that begins with the name of a field and a colon, as the library's do, has its meter_reason_code().
 * @return as meter_batch_add().
 */
METER_API int meter_batch_add_refused(meter_batch *b, const char *text, size_t size, const char *reason);

/**
 * Wait until every event of the batch is durable and has its outcome.
 * @return METER_OK, or what keeps the writer from writing (see meter_flush); outcomes not decided are METER_PENDING.
 */
METER_API int meter_batch_wait(meter_batch *b);

/** How many events were added since the batch was new or cleared. */
METER_API size_t meter_batch_count(const meter_batch *b);

/** The outcome of event number index, in the order they were added; METER_PENDING until meter_batch_wait() returned METER_OK. */
METER_API int32_t meter_batch_outcome(const meter_batch *b, size_t index);

/** Why event number index is a conflict or rejected; "" for the others. */
METER_API const char *meter_batch_reason(const meter_batch *b, size_t index);

/**
 * Give the events that are added from now on a name: their source becomes "backfill:NAME" instead of their own, and they can be listed and
 * taken back together. Events that are stored already stay as they are: a backfill takes back only what it brought. An event whose own source
 * is "backfill:NAME" belongs to it as well: so what was refused of it, exported and replayed stays together with it.
 *
 * @param name  1..128 bytes of UTF-8 without control characters.
 * @return METER_OK or METER_EINVAL.                                                                                Since 0.1.
 */
METER_API int meter_batch_set_backfill(meter_batch *b, const char *name);

/** Make the batch empty again, after meter_batch_wait(). @return METER_OK, or METER_EINVAL while outcomes are pending. */
METER_API int meter_batch_clear(meter_batch *b);

/* ---- catalog ---- */

/** Meters, plans and subscriptions, read from one YAML text. Immutable. README.md and `meter help catalog` describe the language. */
typedef struct meter_catalog meter_catalog;

/**
 * Read and check a catalog without a database.
 *
 * The text is refused as a whole at its first error. YAML anchors, aliases, tags, several documents, unknown and repeated
 * keys are errors. Numbers are read digit by digit.
 *
 * @param name  what messages call the text, usually its file name.
 * @param size  at most 16 MiB.
 * @return METER_OK, or METER_EINVAL, METER_ECATALOG (errmsg: "name:line:column: ..."), METER_EUNSUPPORTED (the same form: a
 *         part of the language that this version cannot rate yet).
 * Threads: any.  Memory: free with meter_catalog_free().                                                           Since 0.1.
 */
METER_API int meter_catalog_read(meter_catalog **out, const char *name, const char *text, size_t size);
METER_API void meter_catalog_free(meter_catalog *catalog);
METER_API size_t meter_catalog_meter_count(const meter_catalog *catalog);
METER_API size_t meter_catalog_plan_count(const meter_catalog *catalog);
METER_API size_t meter_catalog_subscription_count(const meter_catalog *catalog);

/** What a catalog says that is allowed and probably not meant. */
typedef struct meter_warnings meter_warnings;

/**
 * Look for rates that are never used, prices 1,000 times or more away from every sibling (the other rates or tiers of the charge) or from
 * the version before, and subscriptions that hold a plan before its first version.
 *
 * @return METER_OK, or METER_EINVAL.   Threads: any.   Memory: free with meter_warnings_free().                    Since 0.1.
 */
METER_API int meter_catalog_warnings(meter_warnings **out, const meter_catalog *catalog);
METER_API size_t meter_warnings_count(const meter_warnings *warnings);
/** One line; NULL: index out of range. */
METER_API const char *meter_warnings_text(const meter_warnings *warnings, size_t index);
METER_API void meter_warnings_free(meter_warnings *warnings);

/** Told how far an apply is (events counted so far and in all) or a backup (pages). Returning anything but 0 stops it with METER_ETIMEDOUT,
 * but for meter_verify_run(). */
typedef int (*meter_progress)(int64_t done, int64_t total, void *user);

/**
 * Check a catalog, store it as a new immutable version and put it in force.
 *
 * Meters that are new or changed are first filled from the events already stored, in short transactions between which
 * recording goes on; then the version comes into force at once. A call that was stopped goes on where it was when the same
 * text is applied again. Applying the text in force changes nothing.
 *
 * @param progress     called on this thread between transactions, or NULL.
 * @param version_out  the number of the version in force, or NULL.
 * @return METER_OK, or as meter_catalog_read(), then METER_ETIMEDOUT (stopped by progress), METER_EBUSY, METER_EFULL,
 *         METER_EREADONLY, METER_EIO.
 * Threads: any.  Blocks: until the version is in force.                                                            Since 0.1.
 */
METER_API int meter_catalog_apply(meter *m, const char *name, const char *text, size_t size, meter_progress progress, void *user,
                                  int64_t *version_out);

/**
 * Make a catalog of the price or plan document of another product.
 *
 * What carries over with exactly the same meaning is written in the catalog language; at the first thing that does not, the whole
 * document is refused by name. Fields that only describe (ids, times, metadata) are left out; a field that is not known is refused, since it
 * could change what is billed. Plans without a time of their own are in force from 1970 on. The catalog has no subscriptions, and
 * meter_catalog_read() takes it.
 *
 * @param out   the text of the catalog, NUL-terminated.
 * @param from  "stripe": a Price, or a list of Prices and Meters, amounts in the smallest unit Stripe has of a currency;
 *              "openmeter": a plan with one phase, its meters beside it, or meters alone; "lago": a plan, its billable_metrics beside it.
 * @param name  what messages call the document, usually its file name.
 * @param text  JSON or YAML, one document.
 * @param size  at most 16 MiB.
 * @return METER_OK, or METER_EINVAL (arguments, size), METER_ECATALOG (errmsg: "name:line:column: ..."; it is not the document that
 *         was expected), METER_EUNSUPPORTED (the same form: its meaning does not carry over), METER_EOVERFLOW.
 * Threads: any.  Blocks: never.  Memory: free with meter_text_free().                                              Since 0.1.
 */
METER_API int meter_plan_import(char **out, const char *from, const char *name, const char *text, size_t size);

/** Free a text that a call gave by char **out. NULL is fine. */
METER_API void meter_text_free(char *text);

/* ---- usage ---- */

/** What rows of usage cover. The numbers are pinned. */
#define METER_BY_TOTAL  0
#define METER_BY_MINUTE 1
#define METER_BY_HOUR   2
#define METER_BY_DAY    3
#define METER_BY_MONTH  4

/** Which usage to read. Start from METER_USAGE_FILTER_INIT. */
typedef struct meter_usage_filter {
	size_t struct_size;
	const char *meter;               /**< key of the meter */
	size_t meter_size;
	const char *subscription;        /**< only this one; NULL: all */
	size_t subscription_size;
	int64_t from_us;                 /**< inclusive; INT64_MIN: from the first event */
	int64_t to_us;                   /**< exclusive; INT64_MAX: up to the last event */
	int32_t by;                      /**< METER_BY_..., cut at UTC */
	const meter_property *group_by;  /**< names only: dimensions of the meter, or "subscription" */
	size_t group_by_count;
	const meter_property *where;     /**< dimension = value; all must hold. A NULL value asks for events without the property */
	size_t where_count;
} meter_usage_filter;
#define METER_USAGE_FILTER_INIT                                                                                                       \
	{                                                                                                                             \
		sizeof(meter_usage_filter), NULL, METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED, INT64_MIN, INT64_MAX, METER_BY_TOTAL, \
		NULL, 0, NULL, 0                                                                                                      \
	}

typedef struct meter_usage meter_usage;

/**
 * Read usage: one row per stretch of time and group that has events; METER_BY_TOTAL without group_by always has one row.
 *
 * Exact for any from and to: whole minutes are read from the buckets, a part of a minute from its events.
 * Rows are sorted by time, then subscription, then dimensions in the order of group_by.
 *
 * @return METER_OK, or METER_EINVAL, METER_ENOTFOUND (meter, or no catalog yet), METER_EOVERFLOW, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: on reading; never on writers.  Memory: the result is held whole.                          Since 0.1.
 */
METER_API int meter_usage_query(meter_usage **out, meter *m, const meter_usage_filter *filter);

/** Step to the first, then to each next row. @return METER_OK, or METER_EEND. */
METER_API int meter_usage_next(meter_usage *usage);
METER_API int64_t meter_usage_from_us(const meter_usage *usage);
METER_API int64_t meter_usage_to_us(const meter_usage *usage);
/** The subscription of the row; NULL when it covers all of them. */
METER_API const char *meter_usage_subscription(const meter_usage *usage);
/** The grouped dimensions, in the order of group_by (without "subscription"); a value is NULL where events had no such property. */
METER_API size_t meter_usage_dimension_count(const meter_usage *usage);
METER_API const char *meter_usage_dimension_name(const meter_usage *usage, size_t index);
METER_API const char *meter_usage_dimension_value(const meter_usage *usage, size_t index);
/** The aggregated value as decimal text; NULL when there is none (min, max or latest of no event). */
METER_API const char *meter_usage_value(const meter_usage *usage);
METER_API int64_t meter_usage_events(const meter_usage *usage);
/** Events in this row that were stored before the meter existed and whose value it cannot read. They are in no value. */
METER_API int64_t meter_usage_unmeasured(const meter_usage *usage);
METER_API void meter_usage_free(meter_usage *usage);

/* ---- invoices ---- */

typedef struct meter_invoice meter_invoice;

/** What a line of an invoice is. The numbers are pinned. */
#define METER_LINE_USAGE     1 /**< a quantity of a meter at one rate or in one tier */
#define METER_LINE_FLAT      2 /**< a fixed amount: of a flat charge, or of a tier that was reached */
#define METER_LINE_MINIMUM   3 /**< what is missing to the minimum of a charge or plan */
#define METER_LINE_MAXIMUM   4 /**< what is above the maximum of a charge or plan: negative */
#define METER_LINE_DISCOUNT  5 /**< negative */
#define METER_LINE_SUSPENDED 6 /**< usage without a rate, or that could not be measured: no amount, and the invoice cannot be finalized */
#define METER_LINE_TAX       7 /**< on all charges of a tax category */
#define METER_LINE_COMMITMENT 8 /**< bought ahead, or what is missing to what was promised */
#define METER_LINE_CREDIT    9 /**< what a credit, or what was bought ahead, pays: negative; in due, not in total */
#define METER_LINE_CARRIED   10 /**< a quantity below zero, from the period before or to the next one; amount 0 */
#define METER_LINE_ADJUSTMENT 11 /**< what was billed too little (or, below 0, too much) for an earlier period, with both states of it */

/**
 * Rate a subscription's usage of one period: the invoice as it would be now. Stores nothing.
 *
 * A period in which the plan, its version or the trial changes is rated in parts, each at its own prices and with its own usage; what a
 * plan states per period is divided among them. Credits, commitments and quantities below zero go on from the periods before, which are
 * rated for that as they would be now. A time_weighted value counts up to now at most.
 *
 * Where events of a billed period came late, or were taken back, the draft of the first period that is not billed yet has adjustments
 * for it, as far as its plan puts them on the next invoice. The draft of a billed period is how it would be billed now.
 *
 * @param period  a period of the subscription's plan: "2026-01-15" the one that this day begins in; "2026-W03", "2026-01", "2026-Q1",
 *                "2026" the one that begins in that week, month, quarter or year. Days begin at midnight in the subscription's time
 *                zone; NULL: the first period that is not finalized. The period is cut to the subscription's own from and until, and where
 *                its plan changes to periods of another length.
 * @return METER_OK, or METER_EINVAL (arguments, period), METER_ENOTFOUND (no catalog, no such subscription, or no plan at that
 *         time), METER_ESTATE (period NULL: everything is finalized), METER_EUNSUPPORTED (the currency changes inside the period),
 *         METER_EOVERFLOW, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: on reading; never on writers.                                                             Since 0.1.
 */
METER_API int meter_invoice_draft(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                                  size_t period_size);

/** A quantity for a quote. */
typedef struct meter_quantity {
	const char *meter;                /**< key of the meter, NUL-terminated. Where single events decide, each quantity is one event */
	const char *quantity;             /**< decimal text, NUL-terminated */
	const meter_property *dimensions; /**< those not named are missing, as if events had no such property */
	size_t dimension_count;
} meter_quantity;

/**
 * Rate given usage under a plan, without a database: the same code and the same lines as an invoice.
 *
 * @param plan     key of the plan, NUL-terminated.
 * @param at_us    the plan's period of this time (by the calendar of UTC) is rated whole, with the plan version in force at this time.
 * @return METER_OK, or METER_EINVAL (also: the plan does not use that meter, or the meter has no such dimension),
 *         METER_ENOTFOUND (no such plan or meter, or no version at that time), METER_EUNSUPPORTED, METER_EOVERFLOW.
 * Threads: any.  Blocks: never.                                                                                    Since 0.1.
 */
METER_API int meter_invoice_quote(meter_invoice **out, const meter_catalog *catalog, const char *plan, const meter_quantity *usage,
                                  size_t usage_count, int64_t at_us);

/** A time that means: now. */
#define METER_NOW INT64_MIN

/**
 * Finalize the invoice of a period: store it with a number, for ever.
 *
 * It is rated in the transaction that stores it, so every event is either on it or late: also what meter_record() took and no transaction has
 * stored yet, by this handle or another one. meter_flush() first where that matters. Stored with it: the version of the catalog
 * and the SHA-256 of the plan's text, the number of the last transaction it saw, what the period leaves to the next one, its entries in
 * the ledger, and a SHA-256 that links it to the document before. Finalizing a period that has an invoice gives that invoice: a call that
 * was interrupted is simply made again, and of two at once one makes it. Numbers of a plan's invoice_prefix have no gaps, across crashes as well.
 *
 * Adjustments of earlier periods are put on it. Where the plan says late_usage: credit_note, or the invoice would fall below 0, they
 * are issued before it as a document of their own.
 *
 * Before that, outside of the transaction, its usage is added up from the events by the route of meter_verify_run() and compared with the
 * buckets that are billed. Where they differ nothing is issued (METER_ECORRUPT). That reads the keys of all events of the period, some
 * fifteen million a second: for many subscriptions meter_closing_run() does it once. Of a time_weighted meter it begins where the value came
 * that holds into the period.
 *
 * @param period  as for meter_invoice_draft(); NULL: the first one that is not finalized yet. Periods are finalized in their order.
 * @param reason  why it is finalized before the period and its grace are over, 1..1024 bytes; NULL: only when they are.
 * @param at_us   what counts as now, and is stored as the time of the document: not more than five minutes ahead of the clock, and not before
 *                the last document of the file, since documents are issued in the order of their times; METER_NOW: the clock's, or that of the
 *                last document where the clock is behind.
 * @return METER_OK, or in this order: METER_EFORKED, METER_EINVAL, METER_EBUSY, METER_ENOTFOUND, METER_ESTATE (an earlier period is not
 *         finalized yet; not over yet and no reason; a suspended line; a total below 0; at_us is before the last document; nothing is left to
 *         finalize; parts of the period are billed apart), METER_EUNSUPPORTED,
 *         METER_EOVERFLOW, METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT. Nothing is stored then.
 * Threads: any; starts one more.  Blocks: until it is durable; up to lock_wait_ms on another process; others only for the transaction.
 *                                                                                                                  Since 0.1.
 */
METER_API int meter_invoice_finalize(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size,
                                     const char *period, size_t period_size, const char *reason, int64_t at_us);

/**
 * Issue what is to be adjusted of billed periods as a document of its own, now: an adjustment, or a credit note when it is below 0.
 *
 * A period is rated anew from its events, as the catalog it was billed by has it, and so are those after it if what it leaves to them
 * changed. The document has a line for each step that differs: how much was billed and how much is right.
 *
 * @return METER_OK, METER_EEND (there is nothing to adjust), or as meter_invoice_finalize().
 * Threads: any.  Blocks: until it is durable.                                                                      Since 0.1.
 */
METER_API int meter_invoice_adjust(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, int64_t at_us);

/**
 * Void a finalized invoice, adjustment or credit note. Nothing of it is changed or deleted: a void that refers to it is stored, with
 * entries that reverse its own. Its period is open again, and what it adjusted is to be adjusted again.
 *
 * @param out     the voided document.
 * @param number  of the document.
 * @param reason  1..1024 bytes.
 * @return METER_OK, or METER_EFORKED, METER_EINVAL, METER_EBUSY, METER_ENOTFOUND (number), METER_ESTATE (voided already; a later document
 *         adjusts its period; at_us is before the last document), METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: until it is durable.                                                                      Since 0.1.
 */
METER_API int meter_invoice_void(meter_invoice **out, meter *m, const char *number, const char *reason, int64_t at_us);

/**
 * Void a document and finalize what it billed anew, from the events and the catalog in force now, in one transaction: either both are
 * done or nothing. The new document refers to the old one. METER_ESTATE, too, where one document cannot take its place, because the
 * catalog has periods of another length or time zone by now: what was billed would be left open in part, or time that is not over be
 * billed. Void it then, and finalize the periods there are.
 *
 * @return as meter_invoice_void() and meter_invoice_finalize(); METER_EEND when an adjustment was voided and nothing is to be adjusted
 *         any more.
 * Threads: any.  Blocks: until it is durable.                                                                      Since 0.1.
 */
METER_API int meter_invoice_regenerate(meter_invoice **out, meter *m, const char *number, const char *reason, int64_t at_us);

/**
 * What meter_invoice_regenerate() would issue now, as a draft. Nothing is stored.
 * @return as meter_invoice_regenerate().   Threads: any.   Blocks: as if it were stored.
 */
METER_API int meter_invoice_redraft(meter_invoice **out, meter *m, const char *number);

/** The stored document with this number. @return METER_OK, or METER_EINVAL, METER_ENOTFOUND, METER_EIO, METER_ECORRUPT. Threads: any. */
METER_API int meter_invoice_find(meter_invoice **out, meter *m, const char *number);
/** The invoice of a period: the one that is finalized and not voided, else a draft. @return as meter_invoice_draft(); METER_ESTATE also where
 *  parts of the period were billed apart. Threads: any. */
METER_API int meter_invoice_get(meter_invoice **out, meter *m, const char *subscription, size_t subscription_size, const char *period,
                                size_t period_size);

/**
 * What differs between two invoices, line by line: an object with a line of METER_LINE_ADJUSTMENT for each step that is not the same in
 * both, and the differences as its totals. Nothing is stored.
 *
 * @return METER_OK, or METER_EINVAL (arguments, two currencies), METER_EOVERFLOW.   Threads: any.
 */
METER_API int meter_invoice_compare(meter_invoice **out, const meter_invoice *before, const meter_invoice *after);

/** Stored documents, voided ones too, in the order they were issued. */
typedef struct meter_invoices meter_invoices;
/** @param subscription  NULL: of all. @return METER_OK or METER_EINVAL.   Threads: any.   Memory: one document at a time. */
METER_API int meter_invoices_query(meter_invoices **out, meter *m, const char *subscription, size_t subscription_size);
/** Step to the first, then to each next one. @return METER_OK, METER_EEND, METER_EIO or METER_ECORRUPT. */
METER_API int meter_invoices_next(meter_invoices *invoices);
/** Lives until the next call on invoices. */
METER_API const meter_invoice *meter_invoices_invoice(const meter_invoices *invoices);
METER_API void meter_invoices_free(meter_invoices *invoices);

/** What to close. Start from METER_CLOSING_OPTIONS_INIT. */
typedef struct meter_closing_options {
	size_t struct_size;
	const char *period;      /**< as for meter_invoice_draft(), NUL-terminated: that of every subscription which has it; NULL: all that is due */
	const char *reason;      /**< with a period: why it is finalized before it and its grace are over, 1..1024 bytes; NULL: only when they are */
	int64_t at_us;           /**< as for meter_invoice_finalize(); METER_NOW */
	meter_progress progress; /**< called on this thread between transactions with the number of subscriptions looked at; NULL */
	void *user;
} meter_closing_options;
#define METER_CLOSING_OPTIONS_INIT { sizeof(meter_closing_options), NULL, NULL, METER_NOW, NULL, NULL }

/** What closing has done: a row per document, and per subscription that was refused. */
typedef struct meter_closing meter_closing;

/**
 * Finalize every period of every subscription that is over with its grace, and issue the adjustments that no invoice will take along; or
 * finalize one period of all subscriptions.
 *
 * In transactions of some 25 ms, between which recording goes on. What is done stays done: a run that was stopped or killed is
 * started again, and two runs at once share the work. A subscription that is refused does not stop the others: a suspended
 * line, a plan that is missing, a subscription that is in the catalog no more though adjustments of its bills wait, usage that is not what its
 * events add up to (see meter_invoice_finalize(): all events of the time that is
 * billed are read once, one to two million a second). Of a period, a subscription without one (no plan then; a quarter has no "2026-02") is
 * left out, one whose name says several is refused, and an invoice that is there already has its row like a new one.
 *
 * @param out      also when it fails after it began: the rows of what is done. NULL when arguments are wrong.
 * @param options  NULL: all that is due, now.
 * @return METER_OK, also when subscriptions were refused; METER_ETIMEDOUT (stopped by progress), or METER_EFORKED, METER_EINVAL (period,
 *         reason, at_us), METER_EBUSY, METER_ESTATE (at_us is before the last document), METER_ENOTFOUND (no catalog yet), METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: until all is durable.  Memory: the rows are held whole; free with meter_closing_free().   Since 0.1.
 */
METER_API int meter_closing_run(meter_closing **out, meter *m, const meter_closing_options *options);
METER_API size_t meter_closing_count(const meter_closing *closing);
METER_API size_t meter_closing_refused(const meter_closing *closing);
/** Rows, index 0 .. count-1; out of range: NULL or 0. number, total and due are NULL for one that was refused, message for the others. */
METER_API const char *meter_closing_subscription(const meter_closing *closing, size_t index);
METER_API const char *meter_closing_number(const meter_closing *closing, size_t index);
/** "invoice", "adjustment" or "credit_note". */
METER_API const char *meter_closing_kind(const meter_closing *closing, size_t index);
METER_API const char *meter_closing_message(const meter_closing *closing, size_t index);
METER_API const char *meter_closing_currency(const meter_closing *closing, size_t index);
METER_API const char *meter_closing_total(const meter_closing *closing, size_t index);
METER_API const char *meter_closing_due(const meter_closing *closing, size_t index);
METER_API int64_t meter_closing_from_us(const meter_closing *closing, size_t index);
METER_API int64_t meter_closing_to_us(const meter_closing *closing, size_t index);
METER_API void meter_closing_free(meter_closing *closing);

METER_API void meter_invoice_free(meter_invoice *invoice);
/** NULL for a draft or a quote: numbers are given when an invoice is finalized. */
METER_API const char *meter_invoice_number(const meter_invoice *invoice);
/** "invoice"; "adjustment" or "credit_note" for a document of adjustments alone. */
METER_API const char *meter_invoice_kind(const meter_invoice *invoice);
/** "draft", "finalized", "voided", "quote", or "difference" for a comparison. */
METER_API const char *meter_invoice_status(const meter_invoice *invoice);
/** When it was finalized and when voided; INT64_MIN: it was not. */
METER_API int64_t meter_invoice_finalized_us(const meter_invoice *invoice);
METER_API int64_t meter_invoice_voided_us(const meter_invoice *invoice);
/** Why it was finalized before its time or again, and why voided; NULL: no reason was given. */
METER_API const char *meter_invoice_reason(const meter_invoice *invoice);
METER_API const char *meter_invoice_void_reason(const meter_invoice *invoice);
/** The number of the document that was voided for it, and of the one made in its place; NULL: none. */
METER_API const char *meter_invoice_replaces(const meter_invoice *invoice);
METER_API const char *meter_invoice_replaced_by(const meter_invoice *invoice);
/** What it was rated by: the version of the catalog, the SHA-256 of the plan's text there (NULL for a draft), and the last transaction seen. */
METER_API int64_t meter_invoice_catalog_version(const meter_invoice *invoice);
METER_API const char *meter_invoice_plan_hash(const meter_invoice *invoice);
METER_API int64_t meter_invoice_ingest(const meter_invoice *invoice);
/** SHA-256 over the document and the hash of the one before it; NULL for a draft. Kept elsewhere, it proves all documents up to this one. */
METER_API const char *meter_invoice_hash(const meter_invoice *invoice);
/** NULL for a quote. */
METER_API const char *meter_invoice_subscription(const meter_invoice *invoice);
/** NULL for a quote. */
METER_API const char *meter_invoice_customer(const meter_invoice *invoice);
METER_API const char *meter_invoice_plan(const meter_invoice *invoice);
METER_API const char *meter_invoice_currency(const meter_invoice *invoice);
METER_API int64_t meter_invoice_from_us(const meter_invoice *invoice);
METER_API int64_t meter_invoice_to_us(const meter_invoice *invoice);
/** The part of the period that is billed: not what lies before or after the subscription. These parts tile its life. */
METER_API int64_t meter_invoice_billed_from_us(const meter_invoice *invoice);
METER_API int64_t meter_invoice_billed_to_us(const meter_invoice *invoice);
/** Sum of the charges with their own discounts; then with plan discounts, minimum, maximum, tax and commitments; then what is to be paid after credits. Decimal text in the currency. */
METER_API const char *meter_invoice_subtotal(const meter_invoice *invoice);
METER_API const char *meter_invoice_total(const meter_invoice *invoice);
/** What the lines of adjustments change of the total; "0.00" without any. */
METER_API const char *meter_invoice_adjustments(const meter_invoice *invoice);
/** The tax in it; "0.00" when there is none. */
METER_API const char *meter_invoice_tax(const meter_invoice *invoice);
METER_API const char *meter_invoice_due(const meter_invoice *invoice);
/** What due is worth where the plan's money unit has a price: due x price, rounded once, and the currency. NULL: it has none. */
METER_API const char *meter_invoice_worth(const meter_invoice *invoice);
METER_API const char *meter_invoice_worth_currency(const meter_invoice *invoice);
/** How many lines are METER_LINE_SUSPENDED, adjustments of earlier periods among them: an invoice with any is not complete. */
METER_API size_t meter_invoice_suspended_count(const meter_invoice *invoice);

/** Lines, index 0 .. count-1, in the order of the plan's charges. An index out of range gives NULL or 0. */
METER_API size_t meter_invoice_line_count(const meter_invoice *invoice);
METER_API int32_t meter_invoice_line_kind(const meter_invoice *invoice, size_t index);
/** "usage", "flat", "minimum", "maximum", "discount", "tax", "commitment", "credit", "carried", "adjustment" or "suspended". */
METER_API const char *meter_invoice_line_kind_name(const meter_invoice *invoice, size_t index);
/** Key of the charge; NULL for a line of the whole plan. */
METER_API const char *meter_invoice_line_charge(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_description(const meter_invoice *invoice, size_t index);
/** What stretch of time it is for: the part of the period under one plan version, or all of it. */
METER_API int64_t meter_invoice_line_from_us(const meter_invoice *invoice, size_t index);
METER_API int64_t meter_invoice_line_to_us(const meter_invoice *invoice, size_t index);
/** amount = quantity x price / per, rounded once. Price and amount are NULL on a suspended line. */
METER_API const char *meter_invoice_line_quantity(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_price(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_per(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_amount(const meter_invoice *invoice, size_t index);
/** The amount before rounding: decimal text, or a fraction "100/3" where no decimal is exact. NULL on suspended and adjustment lines. */
METER_API const char *meter_invoice_line_exact(const meter_invoice *invoice, size_t index);
/** Of a line that adjusts an earlier period: the number of the invoice that billed it. NULL on other lines, and in a comparison. */
METER_API const char *meter_invoice_line_adjusts(const meter_invoice *invoice, size_t index);
/** Of an adjustment: what was billed, and what is right. NULL on other lines. Its amount is the difference, and so is its quantity or, where
 * only that changed, its price; where both changed, quantity is 1. It may be a unit of the currency off quantity x price / per, since both
 * amounts were rounded. */
METER_API const char *meter_invoice_line_quantity_before(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_quantity_after(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_amount_before(const meter_invoice *invoice, size_t index);
METER_API const char *meter_invoice_line_amount_after(const meter_invoice *invoice, size_t index);

/* ---- explain ---- */

/** Which invoice to explain, and how much of it. Start from METER_EXPLAIN_OPTIONS_INIT. */
typedef struct meter_explain_options {
	size_t struct_size;
	const char *number;       /**< of a document, NUL-terminated; NULL: subscription and period say which */
	const char *subscription; /**< NUL-terminated; its invoice or, where none is finalized, its draft */
	const char *period;       /**< as for meter_invoice_draft(), NUL-terminated; NULL: the first period that is not finalized */
	int32_t line;             /**< only this line, 1 for the first; 0: all */
	int32_t events;           /**< at most so many events a line; 0: 10; -1: none; up to 1000 */
} meter_explain_options;
#define METER_EXPLAIN_OPTIONS_INIT { sizeof(meter_explain_options), NULL, NULL, NULL, 0, 0 }

/** Where lines of an invoice come from: rule, steps, usage, events. */
typedef struct meter_explanation meter_explanation;

/**
 * Explain lines of an invoice: the rule in the catalog it was rated by, the steps that led to the amount, the other lines of the same
 * charge, and the usage behind it: day by day, and the events that weigh most.
 *
 * A stored document is explained by what it saw: events that came after it (late ones) are in none of its usage, and an adjustment
 * lists the events that came between what was billed before and the adjustment. The events listed are those with the largest values of sum,
 * avg and max meters (smallest of min), the last ones of latest, and the first ones of the others. They are found through hours and
 * minutes: what it costs does not grow with the length of the history, but with how many events of all subscriptions share the
 * minutes that are opened. Usage that late events changed later is read from the events of the minutes that have some.
 *
 * @param options  number, or subscription; not both.
 * @return METER_OK, or in this order: METER_EINVAL (out, m, options; line and events out of range), METER_EFORKED, METER_ENOTFOUND (number,
 *         or as meter_invoice_draft()), as meter_invoice_draft(), METER_EINVAL (the invoice has no such line), METER_EOVERFLOW, METER_EIO,
 *         METER_ECORRUPT.
 * Threads: any.  Blocks: on reading; never on writers.  Memory: the result is held whole; free with meter_explanation_free().  Since 0.1.
 */
METER_API int meter_explain(meter_explanation **out, meter *m, const meter_explain_options *options);
METER_API void meter_explanation_free(meter_explanation *e);
/** The invoice that is explained; lives as long as e. */
METER_API const meter_invoice *meter_explanation_invoice(const meter_explanation *e);
/** How many lines are explained, index 0 .. count-1 below. An index out of range gives NULL, 0 or INT64_MIN. */
METER_API size_t meter_explanation_count(const meter_explanation *e);
/** The line's index in the invoice, from 0 on. */
METER_API size_t meter_explanation_line(const meter_explanation *e, size_t index);

/** The rule: plan, the version of the catalog, and the SHA-256 of the plan's text there. */
METER_API const char *meter_explanation_plan(const meter_explanation *e, size_t index);
METER_API int64_t meter_explanation_catalog_version(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_plan_hash(const meter_explanation *e, size_t index);
/** Where it stands in the text of the catalog: charge, discount, credit, or the plan; first and last line, from 1 on; and that text. */
METER_API int32_t meter_explanation_rule_line(const meter_explanation *e, size_t index);
METER_API int32_t meter_explanation_rule_end(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_rule(const meter_explanation *e, size_t index);
/** Model of the charge, key of its meter and how that adds up, the type of its events; NULL: there is none. */
METER_API const char *meter_explanation_model(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_meter(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_aggregation(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_event_type(const meter_explanation *e, size_t index);
/** Rounding of the plan: "half_up" or "half_even", and to how many decimals. */
METER_API const char *meter_explanation_rounding(const meter_explanation *e, size_t index);
METER_API int32_t meter_explanation_decimals(const meter_explanation *e, size_t index);

/** The order of evaluation as far as it applies to the line: name and what it did. Names are words of the catalog or of lines. */
METER_API size_t meter_explanation_step_count(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_step_name(const meter_explanation *e, size_t index, size_t step);
METER_API const char *meter_explanation_step_text(const meter_explanation *e, size_t index, size_t step);

/** The lines of the same charge, the line itself among them, as indices of the invoice; and what they add up to. Of a tax: the lines it is on. */
METER_API size_t meter_explanation_related_count(const meter_explanation *e, size_t index);
METER_API size_t meter_explanation_related(const meter_explanation *e, size_t index, size_t at);
METER_API const char *meter_explanation_related_amount(const meter_explanation *e, size_t index);

/** The usage: decimal text; NULL where a line has none (flat, discount, tax ...). Of an adjustment: as it is right,
 * and as it was known when it was billed before. */
METER_API const char *meter_explanation_usage(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_usage_before(const meter_explanation *e, size_t index);
/** Which part of the charge's usage it is: "rate 1 of 2, model=large-1"; "": all of it. */
METER_API const char *meter_explanation_scope(const meter_explanation *e, size_t index);
/** How many events it is made of, and where it was read: "buckets" or "events". */
METER_API int64_t meter_explanation_usage_events(const meter_explanation *e, size_t index);
METER_API const char *meter_explanation_usage_from(const meter_explanation *e, size_t index);
/** Days (of UTC) with usage, in their order. The value is NULL when it passed 38 digits. */
METER_API size_t meter_explanation_day_count(const meter_explanation *e, size_t index);
METER_API int64_t meter_explanation_day_from_us(const meter_explanation *e, size_t index, size_t day);
METER_API const char *meter_explanation_day_value(const meter_explanation *e, size_t index, size_t day);
METER_API int64_t meter_explanation_day_events(const meter_explanation *e, size_t index, size_t day);

/** The events that weigh most. Of an adjustment only those that came since it was billed before. */
METER_API size_t meter_explanation_event_count(const meter_explanation *e, size_t index);
METER_API const meter_event *meter_explanation_event(const meter_explanation *e, size_t index, size_t event);
/** What the meter counts of it; NULL: it cannot read it. And the transaction that stored it. */
METER_API const char *meter_explanation_event_value(const meter_explanation *e, size_t index, size_t event);
METER_API int64_t meter_explanation_event_ingest(const meter_explanation *e, size_t index, size_t event);
/** "time" (first ones), "last", "largest" or "smallest". NULL: no events. */
METER_API const char *meter_explanation_event_order(const meter_explanation *e, size_t index);
/** 1: no event of the line that is not listed comes before those that are; 0: they are the first among the hours with the most usage (values
 * below 0 in the file, or more hours could hold one than twice the events asked for; time_weighted). */
METER_API int meter_explanation_event_exact(const meter_explanation *e, size_t index);

/* ---- the ledger ---- */

/**
 * What documents mean in double entry: amounts on accounts, debit above 0, credit below. Those of a document sum up to 0, and so do all.
 * Accounts are "receivable SUBSCRIPTION", "revenue CHARGE" ("revenue" of what is billed for a plan as a whole), "tax",
 * "deferred COMMITMENT" and "credit CREDIT". A void has the entries of what it voids with the signs turned.
 */
typedef struct meter_ledger meter_ledger;

/**
 * The entries of documents of a stretch of time, in the order in which they were issued.
 *
 * @param from_us       by the time of the document, inclusive; INT64_MIN: from the first on.
 * @param to_us         exclusive; INT64_MAX: up to the last.
 * @param subscription  NULL: of all.
 * @return METER_OK, or METER_EINVAL.   Threads: any.   Memory: a page of entries; free with meter_ledger_free().   Since 0.1.
 */
METER_API int meter_ledger_query(meter_ledger **out, meter *m, int64_t from_us, int64_t to_us, const char *subscription,
                                 size_t subscription_size);
/**
 * The same entries added up: a row for each currency and account, in this order, and after those of a currency one without account that
 * is their sum: 0, always.
 *
 * @return METER_OK, or METER_EINVAL, METER_EFORKED, METER_EOVERFLOW, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: on reading; never on writers.  Memory: the balances are held whole.                       Since 0.1.
 */
METER_API int meter_ledger_balances(meter_ledger **out, meter *m, int64_t from_us, int64_t to_us, const char *subscription,
                                    size_t subscription_size);
/** Step to the first, then to each next row. @return METER_OK, METER_EEND, METER_EIO or METER_ECORRUPT. */
METER_API int meter_ledger_next(meter_ledger *ledger);
/** Of the entry's document: its place in the order of all, its number (of a void: that of what it voids), "invoice", "adjustment",
 * "credit_note" or "void", its time, its subscription. 0, NULL and INT64_MIN for a balance. They live until the next _next call. */
METER_API int64_t meter_ledger_document(const meter_ledger *ledger);
METER_API const char *meter_ledger_number(const meter_ledger *ledger);
METER_API const char *meter_ledger_kind(const meter_ledger *ledger);
METER_API int64_t meter_ledger_at_us(const meter_ledger *ledger);
METER_API const char *meter_ledger_subscription(const meter_ledger *ledger);
/** NULL for the sum of a currency. */
METER_API const char *meter_ledger_account(const meter_ledger *ledger);
METER_API const char *meter_ledger_currency(const meter_ledger *ledger);
/** Decimal text in the currency. */
METER_API const char *meter_ledger_amount(const meter_ledger *ledger);
METER_API void meter_ledger_free(meter_ledger *ledger);

/** The subscriptions of the catalog in force, by their keys. */
typedef struct meter_subscriptions meter_subscriptions;
/** @return METER_OK, METER_EINVAL, METER_ENOTFOUND (no catalog yet), METER_EIO, METER_ECORRUPT.   Threads: any. */
METER_API int meter_subscriptions_query(meter_subscriptions **out, meter *m);
/** Step to the first, then to each next one. @return METER_OK or METER_EEND. */
METER_API int meter_subscriptions_next(meter_subscriptions *subscriptions);
METER_API const char *meter_subscriptions_key(const meter_subscriptions *subscriptions);
METER_API const char *meter_subscriptions_customer(const meter_subscriptions *subscriptions);
METER_API void meter_subscriptions_free(meter_subscriptions *subscriptions);

/* ---- shadow: history under another catalog ---- */

/** What subscriptions would have paid: a row for each charge, then one for the total, of each subscription that the catalog in force has. */
typedef struct meter_shadow meter_shadow;

/**
 * Rate the stored usage of a period under the catalog in force and under another one. Stores nothing. Subscriptions without such a period,
 * and those whose period has not begun, are left out.
 *
 * @param catalog    the other one; each of its meters must count like some meter of the catalog in force, under whatever key.
 * @param period     as for meter_invoice_draft(), NUL-terminated.
 * @param tolerance  decimal text; how far the total of a subscription may differ. NULL: not at all.
 * @return METER_OK, or METER_EINVAL (the message says which: "period: ..." or "tolerance: ..."), METER_ENOTFOUND (no catalog yet),
 *         METER_EUNSUPPORTED (a meter that is not counted; amounts in two currencies), METER_EOVERFLOW, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: on reading; never on writers.  Memory: the result is held whole.                          Since 0.1.
 */
METER_API int meter_shadow_run(meter_shadow **out, meter *m, const meter_catalog *catalog, const char *period, const char *tolerance);
METER_API size_t meter_shadow_count(const meter_shadow *s);
/** How many totals differ by more than the tolerance. */
METER_API size_t meter_shadow_exceeded(const meter_shadow *s);
/** Rows, index 0 .. count-1; out of range: NULL or 0. */
METER_API const char *meter_shadow_subscription(const meter_shadow *s, size_t index);
/** Key of the charge; NULL for what belongs to the whole plan (with the tax), and for the total. */
METER_API const char *meter_shadow_charge(const meter_shadow *s, size_t index);
/** 1 for the row of a total, else 0. */
METER_API int meter_shadow_is_total(const meter_shadow *s, size_t index);
METER_API const char *meter_shadow_currency(const meter_shadow *s, size_t index);
/** The amount under the catalog in force and under the other one; NULL where the charge or the plan is not there. */
METER_API const char *meter_shadow_old(const meter_shadow *s, size_t index);
METER_API const char *meter_shadow_new(const meter_shadow *s, size_t index);
/** New less old, what is not there counting as 0. */
METER_API const char *meter_shadow_difference(const meter_shadow *s, size_t index);
METER_API void meter_shadow_free(meter_shadow *s);

/* ---- pricing scenarios ---- */

/** What came of the scenarios of a file. */
typedef struct meter_scenarios meter_scenarios;

/**
 * Run the pricing scenarios of a YAML file: what its catalog must charge for given usage (a quote) or events (a draft of a scratch
 * database). `meter help test` describes the file.
 *
 * @param path    the file; the catalog and files of events it names are looked for beside it.
 * @param folder  an existing folder for scratch databases, which are removed again.
 * @return METER_OK, also when scenarios failed; or METER_EINVAL, METER_ENOTFOUND (path), METER_ECATALOG (errmsg: "path:line:column: ..."),
 *         METER_EUNSUPPORTED (as meter_catalog_read()), METER_EIO, METER_EFULL.
 * Threads: any, each with a folder of its own.  Blocks: until all were run.  Memory: free with meter_scenarios_free().   Since 0.1.
 */
METER_API int meter_scenarios_run(meter_scenarios **out, const char *path, const char *folder);
/** How many there are, in the order of the file, and how many of them failed. */
METER_API size_t meter_scenarios_count(const meter_scenarios *scenarios);
METER_API size_t meter_scenarios_failed(const meter_scenarios *scenarios);
METER_API const char *meter_scenarios_name(const meter_scenarios *scenarios, size_t index);
/** What differs from what was expected, in lines; "" when the scenario passed. NULL: index out of range. */
METER_API const char *meter_scenarios_report(const meter_scenarios *scenarios, size_t index);
METER_API void meter_scenarios_free(meter_scenarios *scenarios);

/* ---- events ---- */

/** Which stored events to list. Start from METER_EVENTS_FILTER_INIT. */
typedef struct meter_events_filter {
	size_t struct_size;
	const char *subscription; /**< only this one; NULL: all */
	size_t subscription_size;
	const char *type;         /**< only this type; NULL: all */
	size_t type_size;
	int64_t from_us;          /**< inclusive */
	int64_t to_us;            /**< exclusive */
	const char *id;           /**< only this id; NULL: all */
	size_t id_size;
	const char *source;       /**< only from this source; NULL: all */
	size_t source_size;
	const meter_property *properties; /**< only with all of these properties */
	size_t property_count;            /**< 0..64 */
	const char *invoice;      /**< number of a document, NUL-terminated: only what it saw. Events of its period that counted when it was made; of a
	                               period that it adjusts those that came, or were taken back, since it was billed before. NULL: all */
	int32_t outcome;          /**< 0 or METER_ACCEPTED: all; METER_LATE: only late ones, see meter_events_is_late() */
	int32_t with_invoice;     /**< 1: find out for each event where it was billed, for the calls below; 0: not */
	int32_t with_retracted;   /**< 1: also events that were taken back and count nowhere; 0: without invoice only those that count */
} meter_events_filter;
#define METER_EVENTS_FILTER_INIT                                                                                                     \
	{                                                                                                                            \
		sizeof(meter_events_filter), NULL, METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED, INT64_MIN, INT64_MAX, NULL,     \
		METER_NUL_TERMINATED, NULL, METER_NUL_TERMINATED, NULL, 0, NULL, 0, 0, 0                                             \
	}

typedef struct meter_events meter_events;

/**
 * List stored events in the order of their time; events of one time come in an order of the store's own, always the same.
 *
 * Events are kept by time. A listing reads those of all subscriptions in its range of time: give one where there are many. Without it, an
 * id is looked for in all of the file.
 *
 * @return METER_OK, or METER_EINVAL (arguments; also an outcome of events that are not stored: those are in quarantine), METER_ENOTFOUND
 *         (invoice; or it is of another subscription), METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: on reading.  Memory: bounded; rows are read as they are asked for, each _next sees what is stored then.
 */
METER_API int meter_events_query(meter_events **out, meter *m, const meter_events_filter *filter);
/** Step to the first, then to each next event. @return METER_OK, METER_EEND, METER_EIO or METER_ECORRUPT. */
METER_API int meter_events_next(meter_events *events);
/** The event; its texts live until the next call on events. */
METER_API const meter_event *meter_events_event(const meter_events *events);
/** The event as one line of JSON in the library's own form, without a line end. */
METER_API const char *meter_events_json(const meter_events *events);
/** The transaction that stored it.                                                                                  Since 0.1. */
METER_API int64_t meter_events_ingest(const meter_events *events);
/** The transaction that took it back, 0: none has; and why: the id of the event that did, or "backfill NAME: REASON", NULL.  Since 0.1. */
METER_API int64_t meter_events_retracted(const meter_events *events);
METER_API const char *meter_events_retraction(const meter_events *events);
/**
 * Only with with_invoice. Number of the document that billed it first and is not voided; NULL: none has, also where it was taken back
 * before. Whether it is late: stored after the invoice of its period, which is not voided, and so on an adjustment or waiting for one.
 *                                                                                                                               Since 0.1.
 */
METER_API const char *meter_events_invoice(const meter_events *events);
METER_API int meter_events_is_late(const meter_events *events);
/**
 * Only with with_invoice. The lines it is on, index 0 .. count-1: the key of the charge, and the line of that document, from 1 on. A charge
 * whose meter counts the event has each line for usage like this one (of tiers all, since the tier of one event is not told apart), or 0
 * when there is none: it is not billed yet, or came late and changed nothing. None if it was taken back before it was billed. In the plan that its subscription had then; of the catalog it
 * was billed by or, until then, of the one in force.                                                                            Since 0.1.
 */
METER_API size_t meter_events_line_count(const meter_events *events);
METER_API const char *meter_events_line_charge(const meter_events *events, size_t index);
METER_API size_t meter_events_line(const meter_events *events, size_t index);
METER_API void meter_events_free(meter_events *events);

/* ---- quarantine ---- */

/*
 * What was refused waits here until somebody decides. An entry is a text that was refused for one reason, however often it came;
 * its number and its text never change. It leaves when it can be recorded after all (meter_quarantine_retry), or is taken off
 * the list and kept with a reason (meter_quarantine_discard).
 */
typedef struct meter_quarantine meter_quarantine;

/** Which entries to list. Start from METER_QUARANTINE_FILTER_INIT. */
typedef struct meter_quarantine_filter {
	size_t struct_size;
	int32_t outcome;   /**< METER_CONFLICT, METER_REJECTED, or 0 for both */
	int32_t discarded; /**< 0: what waits; 1: what was discarded */
	const char *code;  /**< only reasons of this kind, see meter_reason_code(), NUL-terminated; NULL: any */
} meter_quarantine_filter;
#define METER_QUARANTINE_FILTER_INIT { sizeof(meter_quarantine_filter), 0, 0, NULL }

/**
 * The kinds of reasons, by index; NULL behind the last one. Words are only ever added:
 *
 *   json                                     no JSON object in one of the forms of meter_record_json()
 *   subscription id type timestamp value source sequence property     that part of the event is missing or wrong
 *   meter                                    a meter covers the event and cannot read it
 *   conflict                                 the key is stored with other content
 *   damaged                                  a record of a spool was damaged
 *   other                                    a reason of meter_batch_add_refused() that names none of these ("timestamp: ...")
 *
 * Threads: any.                                                                                                    Since 0.1.
 */
METER_API const char *meter_reason_code(size_t index);

/**
 * List what was refused, oldest first.
 * @param outcome  METER_CONFLICT, METER_REJECTED, or 0 for both.
 * @param number   only this entry, also if it was discarded; 0: all that wait.
 * @return METER_OK, or METER_EINVAL, METER_ENOTFOUND (number), METER_EIO.   Threads: any.  Memory: bounded.
 */
METER_API int meter_quarantine_query(meter_quarantine **out, meter *m, int32_t outcome, int64_t number);
/**
 * The same with a filter.
 * @return METER_OK, or METER_EINVAL (also: code is none of meter_reason_code()).   Threads: any.  Memory: bounded.   Since 0.1.
 */
METER_API int meter_quarantine_list(meter_quarantine **out, meter *m, const meter_quarantine_filter *filter);
/** Step to the first, then to each next entry. @return METER_OK, METER_EEND, METER_EIO or METER_ECORRUPT. */
METER_API int meter_quarantine_next(meter_quarantine *quarantine);
METER_API int64_t meter_quarantine_number(const meter_quarantine *quarantine);
METER_API int32_t meter_quarantine_outcome(const meter_quarantine *quarantine);
/** One of meter_reason_code(). */
METER_API const char *meter_quarantine_code(const meter_quarantine *quarantine);
METER_API const char *meter_quarantine_reason(const meter_quarantine *quarantine);
/** What was refused: the text as it came, or the event as JSON. Texts over 1 MiB are kept up to there. Bytes that are not UTF-8 come as they were. */
METER_API const char *meter_quarantine_text(const meter_quarantine *quarantine, size_t *size_out);
/** The text, if it is a JSON object on one line and so can be given to meter_record_json() again; else NULL. */
METER_API const char *meter_quarantine_json(meter_quarantine *quarantine);
/** When it first came, and how often. */
METER_API int64_t meter_quarantine_first_us(const meter_quarantine *quarantine);
METER_API int64_t meter_quarantine_times(const meter_quarantine *quarantine);
/** When it was discarded, and why: INT64_MIN and "" for what waits. */
METER_API int64_t meter_quarantine_discarded_us(const meter_quarantine *quarantine);
METER_API const char *meter_quarantine_discard_reason(const meter_quarantine *quarantine);
METER_API void meter_quarantine_free(meter_quarantine *quarantine);

/** How much waits for which kind of reason: a row per outcome and code, in their order. */
typedef struct meter_reasons meter_reasons;

/** @return METER_OK, or METER_EINVAL, METER_EIO, METER_ECORRUPT.   Threads: any.  Memory: free with meter_reasons_free().   Since 0.1. */
METER_API int meter_quarantine_reasons(meter_reasons **out, meter *m);
METER_API size_t meter_reasons_count(const meter_reasons *reasons);
/** Rows, index 0 .. count-1; out of range: 0 or NULL. */
METER_API int32_t meter_reasons_outcome(const meter_reasons *reasons, size_t index);
METER_API const char *meter_reasons_code(const meter_reasons *reasons, size_t index);
/** Entries that wait, and how often they came together. */
METER_API int64_t meter_reasons_entries(const meter_reasons *reasons, size_t index);
METER_API int64_t meter_reasons_times(const meter_reasons *reasons, size_t index);
METER_API void meter_reasons_free(meter_reasons *reasons);

/**
 * Where a field of a retried event comes from, when not from where it stood. An entry whose text has no such member, or is no JSON
 * object, is retried as it is. A member that is read for a field does not stay where it was, unless it is a field itself.
 */
typedef struct meter_retry_rule {
	const char *field;  /**< subscription, id, type, timestamp, value, source, sequence or properties.NAME, NUL-terminated; of a
	                         CloudEvent its subject, time and data */
	const char *source; /**< NAME: a member of the text's object; properties.NAME: one of its properties (of a CloudEvent: of data);
	                         :TEXT: this text; #number: the number of the entry. NUL-terminated */
} meter_retry_rule;

/** What to retry, and how. Start from METER_RETRY_OPTIONS_INIT. */
typedef struct meter_retry_options {
	size_t struct_size;
	const int64_t *numbers;        /**< only these entries; NULL: all that wait */
	size_t number_count;
	int32_t outcome;               /**< METER_CONFLICT, METER_REJECTED, or 0 for both */
	int32_t time_format;           /**< METER_TIME_...: how the texts write times; METER_TIME_RFC3339 is understood besides, because
	                                    events that had been read are kept with it */
	const char *code;              /**< only reasons of this kind, NUL-terminated; NULL: any */
	const meter_retry_rule *rules; /**< each field once; NULL: none */
	size_t rule_count;
} meter_retry_options;
#define METER_RETRY_OPTIONS_INIT { sizeof(meter_retry_options), NULL, 0, 0, METER_TIME_RFC3339, NULL, NULL, 0 }

/** What came of a retry. Accepted, duplicate, conflict and rejected together are tried. */
typedef struct meter_retry_result {
	size_t struct_size; /**< in: sizeof(meter_retry_result) */
	int64_t tried;
	int64_t accepted;   /**< stored now; the entries have left */
	int64_t duplicate;  /**< were stored already; the entries have left */
	int64_t conflict;   /**< stay */
	int64_t rejected;   /**< stay */
} meter_retry_result;

/** Told what became of an entry, in the order of numbers. reason: "" when it left. Returning anything but 0 stops with METER_ETIMEDOUT. */
typedef int (*meter_retry_report)(int64_t number, int32_t outcome, const char *reason, void *user);

/**
 * Read entries again and record them: after the catalog changed, with times that are no longer in the future, or with rules.
 *
 * An event is stored, deduplicated and counted as if it came now, and its entry leaves, in one transaction: no crash leaves it in
 * both places or in none, and a retry that is cut off is simply run again. An entry that is refused again stays as the one it was,
 * with its number, times and text. Its outcome and reason are brought up to date, but not where rules were applied (the text is what
 * came, and so is what was wrong with it), nor where the text is no event in JSON at all. Where that makes two entries the same, the
 * older one keeps both. In meter_stats() only accepted is counted; the others were when they came.
 *
 * A conflict stays one unless rules give it another key (subscription, timestamp, id). Entries that come meanwhile are not tried.
 *
 * @param options  NULL: all that wait, as they are.
 * @param result   counters of all transactions that are durable, also when the call fails; or NULL.
 * @param report   called on this thread for each entry after its transaction is durable; or NULL.
 * @return METER_OK, also when entries were refused again; or in this order: METER_EINVAL (arguments, rules), METER_EFORKED,
 *         METER_ENOTFOUND (a number does not wait: nothing was tried), METER_ETIMEDOUT (stopped by report), METER_EBUSY,
 *         METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT.
 * Threads: any; recording goes on between transactions.  Blocks: until durable, and up to lock_wait_ms on another process.
 * Memory:  some 16 MiB, however much waits.                                                                        Since 0.1.
 */
METER_API int meter_quarantine_retry(meter *m, const meter_retry_options *options, meter_retry_result *result,
                                     meter_retry_report report, void *user);

/**
 * Take entries off the list for good. They are kept for audit with the time and the reason, and no retry sees them. The same text
 * refused for the same reason again is one of its times, and stays discarded.
 *
 * @param numbers  what to discard: all of them or, when one does not wait, none. The same number twice is harmless.
 * @param reason   why; UTF-8 without control characters, 1..1000 bytes.
 * @return METER_OK (durable), or in this order: METER_EINVAL, METER_EFORKED, METER_EBUSY, METER_ENOTFOUND (a number does not wait),
 *         METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: until durable, and up to lock_wait_ms on another process.                                 Since 0.1.
 */
METER_API int meter_quarantine_discard(meter *m, const int64_t *numbers, size_t count, const char *reason, size_t reason_size);

/* ---- backfills ---- */

/** Events that came in bulk under a name: see meter_batch_set_backfill(). */
typedef struct meter_backfills meter_backfills;

/** List them by name. @return METER_OK, METER_EINVAL, METER_EIO, METER_ECORRUPT.  Threads: any.  Blocks: while all events are read. */
METER_API int meter_backfills_query(meter_backfills **out, meter *m);
METER_API size_t meter_backfills_count(const meter_backfills *backfills);
/** Rows, index 0 .. count-1; out of range: NULL or 0. */
METER_API const char *meter_backfills_name(const meter_backfills *backfills, size_t index);
METER_API int64_t meter_backfills_events(const meter_backfills *backfills, size_t index);
/** How many of them were taken back. */
METER_API int64_t meter_backfills_retracted(const meter_backfills *backfills, size_t index);
METER_API int64_t meter_backfills_first_us(const meter_backfills *backfills, size_t index);
METER_API int64_t meter_backfills_last_us(const meter_backfills *backfills, size_t index);
METER_API void meter_backfills_free(meter_backfills *backfills);

/**
 * Take back every event of a backfill, as if each had been retracted by an event.
 *
 * In transactions of up to 5,000 events, between which recording goes on. What is taken back stays so: a call that was stopped is
 * simply made again.
 *
 * @param reason      kept with each of them.
 * @param progress    called on this thread between transactions with the number of events, total 0; or NULL.
 * @param events_out  how many were taken back by this call, or NULL.
 * @return METER_OK, or METER_EINVAL, METER_EFORKED, METER_ENOTFOUND (no such events, or all are taken back), METER_ETIMEDOUT (stopped by progress),
 *         METER_EBUSY, METER_EFULL, METER_EREADONLY, METER_EIO, METER_ECORRUPT.
 * Threads: any.  Blocks: until all is durable; all events are read once.                                          Since 0.1.
 */
METER_API int meter_backfill_retract(meter *m, const char *name, const char *reason, meter_progress progress, void *user,
                                     int64_t *events_out);

/* ---- stats ---- */

/** Counters of the file (all processes, since it was made) and of this handle: health is writer_error, wal_alarm, damaged. */
typedef struct meter_counters {
	size_t struct_size;         /**< in: sizeof(meter_counters) */
	int64_t accepted;           /**< file: events stored, late ones included */
	int64_t duplicate;          /**< file */
	int64_t conflict;           /**< file */
	int64_t rejected;           /**< file */
	int64_t late;               /**< file */
	int64_t unbilled;           /**< file: stored events that no invoice shows or will show, because its catalog has no meter for their type or not their subscription */
	int64_t commits;            /**< file: transactions that stored events or documents */
	int64_t catalog_version;    /**< file: 0 = none yet */
	int64_t quarantined;        /**< file: entries in quarantine that wait */
	int64_t first_event_us;     /**< file: INT64_MIN when there is no event */
	int64_t last_event_us;      /**< file: INT64_MIN when there is no event */
	int64_t database_bytes;     /**< file: size on disk, without the WAL */
	int64_t wal_bytes;          /**< file */
	int64_t queued;             /**< handle: accepted or handed over by a batch, not yet durable: what a loss of power would lose now */
	int64_t refused;            /**< handle: meter_record() calls that returned METER_EINVAL or METER_EAGAIN */
	int64_t oldest_queued_us;   /**< handle: age of the oldest queued event */
	int32_t writer_error;       /**< METER_OK, or what keeps the writer of this handle, or one of another process, from writing */
	int32_t wal_alarm;          /**< file: 1 when some reader has kept the WAL from being written back for more than 256 MiB */
	int64_t recovered;          /**< file: events taken over from spools of processes that died */
	int64_t damaged;            /**< file: records of spools, and spools, that were damaged or do not fit the database */
	int64_t spooled_bytes;      /**< file: room taken in the spools of all processes by events that are not durable yet */
	int64_t retractions_waiting; /**< file: events taken back or corrected that never came: what names them may be mistyped */
} meter_counters;

/** @return METER_OK, or METER_EINVAL, METER_EIO.   Threads: any. */
METER_API int meter_stats(meter *m, meter_counters *out);

/* ---- backup ---- */

/**
 * Copy the database, as it is at one moment, while it is used. What was committed when the call began is in the copy; meter_flush() first
 * makes that everything accepted so far.
 *
 * The copy is a database of its own: open it where it is, or put it in the place of the original: delete FILE-wal and FILE-shm, keep
 * FILE-lock and what is left of FILE-spool-ID, and open it with METER_OPEN_ACCEPT_LOSS if it is older. It appears under path whole,
 * checked (SQLite's quick_check) and durable, or not at all: it is written as meter-backup-NUMBER.tmp in the same folder, which every
 * failure removes; one that a process left when it died can be deleted.
 *
 * @param path        NUL-terminated; nothing may be there, nor at path-wal, path-journal and path-shm. Readable by its owner only.
 * @param progress    called on this thread every 8 MiB with pages, or NULL.
 * @param events_out  how many events the copy holds, or NULL.
 * @return METER_OK, or in this order: METER_EINVAL (m, path), METER_EFORKED, METER_EINVAL (something is there already),
 *         METER_ENOTFOUND (no such folder), METER_EREADONLY (the folder), METER_EIO, METER_ECORRUPT (the database is damaged), METER_ETIMEDOUT (stopped by progress),
 *         METER_EFULL.
 * Threads: any.  Blocks: on disk, no writer, but FILE-wal is kept from being written back meanwhile (see wal_max_mib), and fork() waits.
 * Memory: some MiB.                                                                                                Since 0.1.
 */
METER_API int meter_backup(meter *m, const char *path, meter_progress progress, void *user, int64_t *events_out);

/* ---- verify ---- */

/** What came of checking a file: findings, and how much was compared. */
typedef struct meter_verification meter_verification;

/** SQLite's integrity_check, which also compares indexes with tables, instead of quick_check; bills that hold no more are rated again. */
#define METER_VERIFY_FULL 1u

/** What to check. Zero means everything but METER_VERIFY_FULL; start from METER_VERIFY_OPTIONS_INIT. */
typedef struct meter_verify_options {
	size_t struct_size;
	uint32_t flags;   /**< METER_VERIFY_...; default 0 */
	int64_t since_us; /**< only minutes, hours and days that begin at or after; INT64_MIN: all */
	int64_t until_us; /**< and that end at or before; INT64_MAX: all. Bills are rated again if all of their period lies within */
	const char *head; /**< a meter_verify_head() or meter_invoice_hash() that was kept elsewhere, NUL-terminated; NULL: none */
	meter_progress progress; /**< called on this thread every few seconds with the events compared so far and in all; returning anything
	                              but 0 stops the run, see meter_verify_reached_us(). NULL: none */
	void *user;              /**< passed to progress */
} meter_verify_options;
#define METER_VERIFY_OPTIONS_INIT { sizeof(meter_verify_options), 0, INT64_MIN, INT64_MAX, NULL, NULL, NULL }

/**
 * Add up again what is stored, by another route than the code that wrote it, and compare: events with minutes (and what came late),
 * minutes with hours, hours with days, events with samples of time_weighted meters; exact decimals, one snapshot. Also counters, the
 * numbering of sources, ids, and the structure of the SQLite file. Changes nothing. Damage that stops a check is a finding, too.
 *
 * Invoices are proven on top of that: their chain of hashes, numbers, totals and entries; that periods tile, so that an event is on
 * exactly one bill that holds, or in a period that is open; and that each bill that holds, rated again from usage as it is now, its
 * catalog and what the period before had left, is the same line by line. Bills that are stale are not: they wait for an adjustment. With
 * METER_VERIFY_FULL those, and what was replaced or voided, are rated from the events up to the transaction that they saw.
 * meter_invoice_finalize() and its like do their part of it before they commit a document: its usage from the events, its totals, entries
 * and link.
 *
 * Codes of findings are stable:
 *
 *   minute_differs, late_differs   a minute (with table late, where that has a row for it) is not the sum of its events
 *   sample_differs                 a sample of a time_weighted meter is not what the events of its time say
 *   hour_differs, day_differs      an hour is not the sum of its minutes, a day not that of its hours
 *   meter_missing                  buckets of a meter that the file does not have
 *   event_unreadable               a stored event that cannot be read; it is counted nowhere
 *   accepted_differs               the counter of accepted events is not how many there are (only without since and until)
 *   counter_differs                another counter, by which it is decided what is read, is not what it counts, or too low
 *   unbilled_differs               events that no invoice can show are not counted as unbilled, or more are than there are (only without
 *                                  since and until)
 *   retraction_differs             an event that is taken back is, or is not, waited for
 *   catalog_differs                the text of a catalog does not give its SHA-256
 *   meter_differs                  a meter of the catalog is not counted, or something else is in its place
 *   sequence_gap                   a source has numbered events that are not here, between the lowest and the highest seen of it;
 *                                  of at most 65,536 sources. Events that are still on their way look missing, those that came by another
 *                                  source first, and with since and until those beyond the edge. What is in quarantine is not missing
 *   id_reuse                       a subscription has one id at two times, within the last 1,048,576 events: probably a retry with a
 *                                  new timestamp, which is counted twice. Found by hash, confirmed byte by byte
 *   link_missing                   a document that was issued is not there or has no link, or rows belong to none
 *   link_differs                   the rows of a document do not give its hash
 *   head_differs                   no document has the hash that was given as head: documents were cut off, or all written anew
 *   number_gap                     the numbers of a series are not 1 to the last one given, each once
 *   time_order                     a document is of an earlier time than one before it
 *   line_exact                     quantity x price / per of a line does not round to its amount
 *   total_differs                  a total of a bill is not the sum of its lines, or one of a document not that of its bills
 *   entry_differs                  entries are not what the lines give, a void does not reverse its document, or the ledger has not what
 *                                  bills leave of a credit or commitment
 *   billed_differs                 what is billed is not what documents say
 *   period_overlap, period_gap     periods that are billed do not tile; one whose invoice was voided may be open
 *   plan_differs                   the plan in the catalog is not the one that was billed by
 *   line_differs                   a bill, rated again, is another one; the place names the first line or total
 *   stale_missing                  the same, because events, or what the period before leaves, changed without marking it stale
 *   integrity                      what SQLite says about the file's structure (always of the whole file, at most 100), or an index
 *                                  that does not lead to all documents
 *   unreadable                     damage that kept the rest from being checked
 *
 * @param options  NULL for the defaults.
 * @return METER_OK, also with findings; or METER_EINVAL (options), METER_EFORKED, METER_EIO.
 * Threads: any; starts one more.  Blocks: on reading; never on writers, and writers only for a moment at its start. While it runs, fork()
 * waits and the WAL cannot start again from its beginning (see wal_max_mib): since and until make slices of a large file.
 * Memory: bounded, some 130 MiB, the buckets of one minute and one hour, and the documents of one subscription.    Since 0.1.
 */
METER_API int meter_verify_run(meter_verification **out, meter *m, const meter_verify_options *options);
/** How many findings are kept, at most 1,000, and how many there were. */
METER_API size_t meter_verify_count(const meter_verification *v);
METER_API int64_t meter_verify_total(const meter_verification *v);
/** Findings, index 0 .. count-1; out of range: NULL. The code is one of the words above. */
METER_API const char *meter_verify_code(const meter_verification *v, size_t index);
/** What is wrong, in a sentence. */
METER_API const char *meter_verify_text(const meter_verification *v, size_t index);
/** Where: table, time (RFC 3339), meter, subscription, dimensions. */
METER_API const char *meter_verify_place(const meter_verification *v, size_t index);
/** What should be there, added up from below, and what is; NULL where there are no two numbers. */
METER_API const char *meter_verify_expected(const meter_verification *v, size_t index);
METER_API const char *meter_verify_found(const meter_verification *v, size_t index);

/** How much was compared. */
typedef struct meter_verify_counters {
	size_t struct_size;     /**< in: sizeof(meter_verify_counters) */
	int64_t events;         /**< rows of table event */
	int64_t minutes;        /**< rows of tables minute and late */
	int64_t hours;
	int64_t days;
	int64_t samples;
	int64_t elapsed_us;     /**< for these */
	int64_t total_us;       /**< with the checks of the whole file */
	int64_t schema_version; /**< of the file */
	int64_t application_id; /**< of the file: 0x6d657472 */
	int64_t documents;      /**< invoices, credit notes, adjustments and voids */
	int64_t bills;          /**< bills that were rated again */
	int64_t waiting;        /**< bills that hold and are stale: they wait for an adjustment, and are rated again with METER_VERIFY_FULL only */
} meter_verify_counters;

/** @return METER_OK or METER_EINVAL. */
METER_API int meter_verify_counts(const meter_verification *v, meter_verify_counters *out);
/**
 * The version of the SQLite that runs. *has_wal_reset_bug (may be NULL): 1 when it is one of 3.7.0 to 3.51.2, which can lose rows when two
 * connections checkpoint at once; this library never lets them.
 */
METER_API const char *meter_verify_sqlite(int32_t *has_wal_reset_bug);
/** The hash of the last document; NULL: there is none. Kept elsewhere and given as head later, it proves all documents up to this one. */
METER_API const char *meter_verify_head(const meter_verification *v);
/**
 * INT64_MAX: everything was checked. Else progress stopped the run: usage was compared up to this time, and neither invoices nor the file
 * as a whole were looked at. Going on from here (since_us) makes up for the rest, but for gaps of sources and ids that lie on both sides.
 */
METER_API int64_t meter_verify_reached_us(const meter_verification *v);
METER_API void meter_verify_free(meter_verification *v);

/* ---- time ---- */

/**
 * Read a time.
 * @param format  METER_TIME_...
 * @return METER_OK, or METER_EINVAL: no time, no zone, a leap second, outside 1970..9999, or finer than a microsecond.
 */
METER_API int meter_time_parse(int64_t *out, const char *text, size_t size, int32_t format);

/** Write a time as RFC 3339 in UTC ("2026-01-31T23:59:59.123Z", decimals only if there are any). @param out room for 32 bytes. */
METER_API int meter_time_format(char *out, size_t size, int64_t time_us);

#ifdef __cplusplus
}
#endif

#endif
