/*
 * load.h - what one transaction stores, made ready so that the store only has to write it. (pure)
 *
 * Made ready means: events sorted by key and laid out as rows in the order they go in; texts that repeat (subscriptions, types,
 * shapes, dimensions) collected once and known by index; every measure assigned to its bucket. None of it needs the database, so
 * one load is made ready while another one is written.
 *
 * A shape is the type of an event and the names of its properties: what events of one kind share, and need not each keep.
 */
#ifndef METER_LOAD_H
#define METER_LOAD_H

#include "bucket.h"
#include "catalog.h"
#include "event.h"
#include "intern.h"
#include "sort.h"

/* A meter that is kept up to date: of the catalog in force, or of one being filled. */
struct live_meter {
	int64_t number;
	int64_t filled_before; /* it counts events with timestamp < this; INT64_MAX: all */
	bool is_in_force;
	const struct meter_definition *definition;
};

/* What events are measured by. Immutable and counted: the writer may learn of a newer one while a load still uses this. */
struct live {
	int32_t references;
	struct meter_catalog *in_force; /* NULL: none */
	struct meter_catalog *pending;  /* NULL: none; its meters may be in meters */
	struct live_meter *meters;
	size_t count;
};

struct live *meter__live_new(void); /* with one reference and nothing in it; NULL: no memory */
struct live *meter__live_retain(struct live *live);
void meter__live_release(struct live *live); /* NULL is fine */

/* One thing that arrived, where it waits in memory until its outcome is durable. */
struct arrival {
	const char *record;         /* an encoded event (event.h), or NULL: */
	struct slice refused_text;  /* a text that could not become one */
	const char *refused_reason; /* and why */
	char *reason;               /* out, on the heap: why an event is a conflict or rejected */
	struct block *block;        /* of whose batch it is number index (intake.h); NULL: nobody asks for the outcome */
	uint32_t index;
	int32_t outcome;     /* out: METER_ACCEPTED ... */
	int64_t quarantined; /* the number of the entry in quarantine that this is another attempt at; 0: it has just come */
	bool keeps_reason;   /* that entry says its old reason if this attempt fails */
};

/* One event counted by one meter. What it counts fits what an event's value may be, so it is small. */
struct measure {
	int64_t coefficient;
	uint32_t bucket; /* index into buckets */
	uint8_t scale;
	bool is_unmeasured;
};

/* An event as it goes in. Its id, source and properties lie one after the other in texts. */
struct load_row {
	int64_t timestamp_us;
	int64_t coefficient; /* of its value */
	int64_t sequence;
	size_t text_at;
	uint32_t properties_size;
	uint16_t id_size;
	uint16_t source_size;  /* 0: absent */
	uint32_t subscription; /* index into names */
	uint32_t shape;        /* index into shapes */
	uint32_t arrival;
	uint32_t measure_at;
	uint32_t measure_count;
	uint8_t scale;
	bool is_covered;  /* a meter covers its type, and the catalog names its subscription */
	bool is_unbilled; /* it is not, though it is usage */
	bool takes_back;  /* another event */
};

struct load_event {
	struct event event;
	struct property properties[EVENT_PROPERTIES_MAX];
	uint32_t type; /* index into names */
	uint32_t shape;
	bool takes_back;
};

/* Zero-initialised is empty, except seeds. */
struct load {
	struct arrival *arrivals;
	size_t count;
	size_t capacity;
	struct live *live; /* by which it was measured; NULL: not made ready */

	struct load_row *rows; /* row_count of them sorted by key, to be inserted; */
	size_t row_count; /* those that a meter covers and cannot read stand at the end of the array instead, last one first */
	size_t unreadable_count;
	bool has_origin;      /* some row has a source or a sequence */
	bool has_negative;    /* some meter counts a value below zero */
	int64_t last_us;      /* greatest timestamp; INT64_MIN without events */
	struct intern names;  /* subscriptions, types, dimension sets */
	struct intern shapes; /* the index of the type as four bytes, then the names of properties as JSON */
	struct buffer texts;
	struct measure *measures;
	size_t measure_count;
	size_t measure_capacity;
	struct buckets
		buckets; /* minutes, as if every row were new; meter is an index into live->meters, the other keys into names */

	/* Only for preparing. */
	struct sort_item *keys, *spare; /* by timestamp */
	uint32_t *subscriptions;        /* by arrival, index into names */
	uint8_t *known;                 /* by index into names: what was found out about them */
	size_t known_capacity;
	struct intern dimensions;  /* the index of the meter, then sizes and values */
	uint32_t *dimension_names; /* by index into dimensions: the set as an index into names */
	size_t dimension_capacity;
	struct load_event *now, *before; /* the event whose row is built, and the one before it */
	struct buffer scratch;
};

/* Room for capacity arrivals. METER_OK or METER_ENOMEM. */
int meter__load_init(struct load *l, size_t capacity, uint64_t seed);
void meter__load_free(struct load *l);

/* Measure by live and make ready; again, when the meters changed meanwhile. Rejects what live cannot read, with the reason. */
int meter__load_prepare(struct load *l, struct live *live);
/* Not ready any more: it must be prepared before it is written. */
void meter__load_forget(struct load *l);
/* Ready for other arrivals: frees reasons, lets go of live. */
void meter__load_clear(struct load *l);

/* Add the measures of a row to the buckets, which are then of some rows only; after meter__load_drop_sums(). */
void meter__load_drop_sums(struct load *l);
void meter__load_add_sums(struct load *l, const struct load_row *row);

struct slice meter__load_id(const struct load *l, const struct load_row *row);
struct slice meter__load_source(const struct load *l, const struct load_row *row);
struct slice meter__load_properties(const struct load *l, const struct load_row *row);
const struct load_row *meter__load_unreadable(const struct load *l, size_t index);
/* Type (an index into names) and names of a shape. */
uint32_t meter__load_shape_type(const struct load *l, size_t shape);
struct slice meter__load_shape_names(const struct load *l, size_t shape);

#endif
