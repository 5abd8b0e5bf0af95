/*
 * store_ingest.c - a load becomes rows: dedup, raw events, buckets, quarantine, totals, all in the caller's transaction.
 *
 * 1. Texts and shapes get their numbers in the file.
 * 2. Rows are inserted in key order with one statement. SQL function event_seen() is called for each row whose key is there
 * already, and tells duplicate from conflict. What was inserted is accepted.
 * 3. Events that a meter cannot read are looked up one by one: a retry of a stored event is a duplicate all the same.
 * 4. What was accepted is added up and goes into the buckets (store_bucket.c).
 * Two arrivals with one key in the same load are decided in the order they arrived, those of step 3 after all others.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "os.h"
#include "reason.h"
#include "store_internal.h"

struct ingest {
	struct store *store;
	struct load *load; /* of the call that runs */
	int64_t *names;    /* numbers in the file, by index into load->names */
	int64_t *shapes;   /* the same for load->shapes; negative: an open shape, whose events keep names beside values */
	size_t seen;       /* rows whose key was there */
	size_t names_capacity;
	size_t shapes_capacity;
	struct buckets pairs;  /* unbilled events by (type, subscription) */
	struct buffer scratch; /* for properties of open shapes and for quarantine */
};

/* ---- events as rows ---- */

static const char event_columns[] = "timestamp, subscription, id, shape, value, properties, source, sequence";

static void result_slice(sqlite3_context *context, struct slice s)
{
	if (s.data)
		sqlite3_result_text64(context, s.data, s.size, SQLITE_STATIC, SQLITE_UTF8);
}

static struct decimal value_of(const struct load_row *row)
{
	return (struct decimal){row->coefficient, row->scale};
}

/* The properties as an object, as events of an open shape keep them; in scratch. */
static struct slice open_properties(struct ingest *in, const struct load_row *row)
{
	struct property properties[EVENT_PROPERTIES_MAX];
	struct event e;
	meter__event_decode(&e, properties, in->load->arrivals[row->arrival].record);
	meter__buffer_reset(&in->scratch);
	meter__properties_write(&in->scratch, e.properties, e.property_count);
	return in->scratch.failed ? (struct slice){NULL, 0} : (struct slice){in->scratch.data, in->scratch.size};
}

static void result_properties(sqlite3_context *context, struct ingest *in, const struct load_row *row)
{
	if (in->shapes[row->shape] > 0) {
		result_slice(context, meter__load_properties(in->load, row));
		return;
	}
	struct slice properties = open_properties(in, row);
	if (properties.data)
		sqlite3_result_text64(context, properties.data, properties.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	else
		sqlite3_result_error_nomem(context);
}

/* Rows were written by another core, most likely: ask for them while this row goes in. */
static void fetch_ahead(const struct load *l, size_t at)
{
	if (at + 8 >= l->row_count)
		return;
	__builtin_prefetch(&l->rows[at + 8]);
	__builtin_prefetch(&l->rows[at + 8].source_size);
	const char *text = l->texts.data + l->rows[at + 4].text_at;
	__builtin_prefetch(text);
	__builtin_prefetch(text + 64);
}

static void event_column(sqlite3_context *context, void *self, size_t at, int column)
{
	struct ingest *in = self;
	const struct load_row *row = &in->load->rows[at];
	switch (column) {
	case 0:
		fetch_ahead(in->load, at);
		sqlite3_result_int64(context, row->timestamp_us);
		return;
	case 1:
		sqlite3_result_int64(context, in->names[row->subscription]);
		return;
	case 2:
		result_slice(context, meter__load_id(in->load, row));
		return;
	case 3:
		sqlite3_result_int64(context, llabs(in->shapes[row->shape]));
		return;
	case 4:
		if (row->scale == 0)
			sqlite3_result_int64(context, row->coefficient);
		else
			meter__store_result_decimal(context, value_of(row));
		return;
	case 5:
		result_properties(context, in, row);
		return;
	case 6:
		result_slice(context, meter__load_source(in->load, row));
		return;
	default:
		if (row->sequence != METER_NO_SEQUENCE)
			sqlite3_result_int64(context, row->sequence);
		return;
	}
}

/* ---- a key that is there already ---- */

static int same_value(const struct load_row *row, sqlite3_value *stored, bool *out)
{
	if (sqlite3_value_type(stored) == SQLITE_INTEGER && row->scale == 0) {
		*out = sqlite3_value_int64(stored) == row->coefficient;
		return METER_OK;
	}
	struct decimal value;
	int code = meter__store_value_decimal(stored, &value);
	*out = code == METER_OK && meter__decimal_compare(value, value_of(row)) == 0;
	return code;
}

/* The stored properties against those of the row, when they may be written in different ways. */
static int same_properties(struct ingest *in, const struct load_row *row, struct slice names, struct slice stored, bool *out)
{
	struct property properties[EVENT_PROPERTIES_MAX], before[EVENT_PROPERTIES_MAX];
	struct event e;
	size_t count = 0;
	struct buffer name_scratch = {0}, value_scratch = {0};
	meter__event_decode(&e, properties, in->load->arrivals[row->arrival].record);
	int code = meter__store_properties(before, &count, &name_scratch, &value_scratch, names, stored);
	*out = code == METER_OK && count == e.property_count;
	for (size_t i = 0; *out && i < count; i++)
		*out = meter__slice_equal(before[i].name, properties[i].name) &&
		       meter__slice_equal(before[i].value, properties[i].value);
	meter__buffer_free(&name_scratch);
	meter__buffer_free(&value_scratch);
	return code;
}

static int describe_value(struct buffer *out, const struct load_row *row, sqlite3_value *stored)
{
	struct decimal value;
	int code = meter__store_value_decimal(stored, &value);
	char came[DECIMAL_TEXT_SIZE], was[DECIMAL_TEXT_SIZE];
	meter__decimal_format(came, value_of(row));
	meter__decimal_format(was, value);
	meter__buffer_format(out, ", value %s instead of %s", came, was);
	return code;
}

/* What differs between a stored event and one that came with its key, as the reason of a conflict; NULL in *out: nothing. */
static int describe_conflict(struct ingest *in, const struct load_row *row, sqlite3_value **stored, char **out)
{
	bool is_value_same, are_properties_same = false;
	struct buffer names = {0}, text = {0};
	int64_t type = 0;
	int code = meter__store_shape_read(&in->store->write, sqlite3_value_int64(stored[0]), &type, &names);
	if (code == METER_OK)
		code = same_value(row, stored[1], &is_value_same);
	if (code == METER_OK)
		code = same_properties(in, row, (struct slice){meter__buffer_cstr(&names), names.size},
		                       meter__store_value_slice(stored[2]), &are_properties_same);
	if (code == METER_OK) {
		if (type != in->names[meter__load_shape_type(in->load, row->shape)])
			meter__buffer_text(&text, ", another type");
		if (!is_value_same)
			code = describe_value(&text, row, stored[1]);
		if (!are_properties_same)
			meter__buffer_text(&text, ", other properties");
	}
	if (code == METER_OK && text.size > 0) {
		struct buffer reason = {0};
		meter__buffer_format(&reason, "the key is stored with other content%s", meter__buffer_cstr(&text));
		*out = reason.failed ? NULL : meter__copy((struct slice){reason.data, reason.size});
		meter__buffer_free(&reason);
		if (!*out)
			code = METER_ENOMEM;
	}
	if (text.failed || names.failed || code == METER_ENOMEM)
		code = meter__fail(METER_ENOMEM, "no memory to compare events");
	meter__buffer_free(&text);
	meter__buffer_free(&names);
	return code;
}

static int decide_seen(struct ingest *in, const struct load_row *row, sqlite3_value **stored)
{
	struct arrival *arrival = &in->load->arrivals[row->arrival];
	bool is_same = false;
	arrival->outcome = METER_DUPLICATE;
	/* Nearly always a retry with the same bytes. */
	if (in->shapes[row->shape] == sqlite3_value_int64(stored[0]) &&
	    meter__slice_equal(meter__store_value_slice(stored[2]), meter__load_properties(in->load, row))) {
		int code = same_value(row, stored[1], &is_same);
		if (code != METER_OK || is_same)
			return code;
	}
	int code = describe_conflict(in, row, stored, &arrival->reason);
	if (arrival->reason)
		arrival->outcome = METER_CONFLICT;
	return code;
}

/* event_seen(shape, value, properties of the stored event): 0, so that nothing is updated. */
static void event_seen(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	(void)argc;
	struct ingest *in = sqlite3_user_data(context);
	const struct load *l = in->load;
	size_t at = in->store->event_rows.at;
	/* Where one event came again, the next ones did, too. */
	if (at + 4 < l->row_count)
		__builtin_prefetch(&l->arrivals[l->rows[at + 4].arrival], 1);
	int code = decide_seen(in, &l->rows[at], argv);
	in->seen++;
	if (code != METER_OK)
		meter__store_fail_function(context, &in->store->event_rows, code);
	else
		sqlite3_result_int(context, 0);
}

/* ---- life ---- */

int meter__store_ingest_new(struct store *s)
{
	struct ingest *in = calloc(1, sizeof(*in));
	if (!in)
		return meter__fail(METER_ENOMEM, "no memory for the writer");
	in->store = s;
	in->pairs.seed = meter__os.random();
	s->ingest = in;
	s->event_rows = (struct row_source){.column = event_column, .self = in};
	int code = meter__store_rows_register(s->write.db, "event_rows", event_columns, &s->event_rows);
	if (code != METER_OK)
		return code;
	int rc = sqlite3_create_function(s->write.db, "event_seen", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY, in, event_seen, NULL,
	                                 NULL);
	return rc == SQLITE_OK ? METER_OK : meter__store_fail(s->write.db, rc, "registering functions");
}

void meter__store_ingest_free(struct store *s)
{
	struct ingest *in = s->ingest;
	if (!in)
		return;
	free(in->names);
	free(in->shapes);
	meter__buckets_free(&in->pairs);
	meter__buffer_free(&in->scratch);
	free(in);
	s->ingest = NULL;
}

/* ---- step 1: numbers ---- */

static int make_room(int64_t **numbers, size_t *capacity, size_t count)
{
	if (count <= *capacity)
		return METER_OK;
	int64_t *grown = realloc(*numbers, count * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for %zu names", count);
	*numbers = grown;
	*capacity = count;
	return METER_OK;
}

static int number_texts(struct ingest *in)
{
	const struct load *l = in->load;
	int code = make_room(&in->names, &in->names_capacity, l->names.capacity);
	if (code == METER_OK)
		code = make_room(&in->shapes, &in->shapes_capacity, l->shapes.capacity);
	for (size_t i = 0; code == METER_OK && i < l->names.count; i++)
		code = meter__store_name_number(in->store, meter__intern_text(&l->names, i), &in->names[i]);
	for (size_t i = 0; code == METER_OK && i < l->shapes.count; i++)
		code = meter__store_shape_number(in->store, in->names[meter__load_shape_type(l, i)],
		                                 meter__load_shape_names(l, i), &in->shapes[i]);
	return code;
}

/* ---- step 2: insert in key order ---- */

static int insert_events(struct ingest *in)
{
	if (in->load->row_count == 0)
		return METER_OK;
	struct store *s = in->store;
	/* Most events have neither source nor sequence, and reading what is not there costs time, too. */
	enum statement which = in->load->has_origin ? SQL_EVENT_ADD : SQL_EVENT_ADD_PLAIN;
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, s->totals.ingest);
	s->event_rows.count = in->load->row_count;
	return meter__store_insert_rows(&s->write, which, &s->event_rows, "storing events");
}

/* ---- step 3: events that could not be measured ---- */

static int decide_unreadable(struct ingest *in, const struct load_row *row)
{
	struct arrival *arrival = &in->load->arrivals[row->arrival];
	struct connection *c = &in->store->write;
	struct slice id = meter__load_id(in->load, row);
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_EVENT_FIND, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, row->timestamp_us);
	sqlite3_bind_int64(statement, 2, in->names[row->subscription]);
	sqlite3_bind_text64(statement, 3, id.data, id.size, SQLITE_STATIC, SQLITE_UTF8);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		sqlite3_value *stored[3];
		for (int i = 0; i < 3; i++)
			stored[i] = sqlite3_column_value(statement, i);
		free(arrival->reason);
		arrival->reason = NULL;
		code = decide_seen(in, row, stored);
	} else if (rc != SQLITE_DONE) {
		code = meter__store_fail(c->db, rc, "looking up an event");
	}
	sqlite3_reset(statement);
	return code;
}

/* ---- step 4: buckets ---- */

/* The load has summed up all of its rows. Some were there already: then only those that are new count. */
static void sum_accepted(struct ingest *in)
{
	struct load *l = in->load;
	meter__load_drop_sums(l);
	for (size_t i = 0; i < l->row_count; i++) {
		if (l->arrivals[l->rows[i].arrival].outcome == METER_ACCEPTED)
			meter__load_add_sums(l, &l->rows[i]);
	}
}

static int write_buckets(struct ingest *in)
{
	struct load *l = in->load;
	if (in->seen > 0)
		sum_accepted(in);
	for (size_t i = 0; i < l->buckets.count; i++) {
		struct bucket *bucket = &l->buckets.rows[i];
		bucket->meter = l->live->meters[bucket->meter].number;
		bucket->subscription = in->names[bucket->subscription];
		bucket->dimensions = in->names[bucket->dimensions];
	}
	return meter__store_write_arrived(in->store, &l->buckets);
}

/* ---- what is left: unbilled, quarantine, totals ---- */

static int write_unbilled(struct ingest *in)
{
	const struct load *l = in->load;
	struct aggregate one = {.events = 1, .value = DECIMAL_ONE};
	meter__buckets_reset(&in->pairs);
	for (size_t i = 0; i < l->row_count; i++) {
		const struct load_row *row = &l->rows[i];
		if (!row->is_unbilled || l->arrivals[row->arrival].outcome != METER_ACCEPTED)
			continue;
		struct bucket key = {.meter = in->names[meter__load_shape_type(l, row->shape)],
		                     .subscription = in->names[row->subscription],
		                     .aggregation = AGGREGATION_COUNT};
		int code = meter__buckets_add(&in->pairs, LEVEL_MINUTE, &key, &one);
		if (code != METER_OK)
			return code;
	}
	for (size_t i = 0; i < in->pairs.count; i++) {
		const struct bucket *pair = &in->pairs.rows[i];
		int code = meter__store_unbilled_add(in->store, pair->subscription, pair->meter, pair->sum.events);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

struct late {
	struct ingest *ingest;
	int64_t subscription;
	bool is_late;
};

/* Another event for a bill that is stale. */
static int add_late(struct late *late, int64_t bill)
{
	const struct bucket key = {.subscription = late->subscription, .meter = bill, .aggregation = AGGREGATION_COUNT};
	late->is_late = true;
	return meter__buckets_add(&late->ingest->pairs, LEVEL_MINUTE, &key,
	                          &(struct aggregate){.events = 1, .value = DECIMAL_ONE});
}

static int add_later(const struct billed *billed, void *user)
{
	return add_late(user, billed->bill);
}

/* A value that holds until the next one reaches into periods after its own. */
static int find_later(struct late *late, const struct load_row *row)
{
	struct store *s = late->ingest->store;
	bool is_gauge = false;
	int code =
		meter__store_is_gauge(s, late->ingest->names[meter__load_shape_type(late->ingest->load, row->shape)], &is_gauge);
	if (code == METER_OK && is_gauge)
		code = meter__store_billed(meter__store_writing(s), late->subscription, row->timestamp_us + 1, add_later, late);
	return code;
}

/* Events whose period is on an invoice already are late, and what that invoice says is stale. */
static int find_late(struct ingest *in)
{
	const struct load *l = in->load;
	int code = METER_OK;
	meter__buckets_reset(&in->pairs);
	/* Rows are in the order of their time. */
	for (size_t i = 0; code == METER_OK && i < l->row_count; i++) {
		const struct load_row *row = &l->rows[i];
		struct late late = {.ingest = in, .subscription = in->names[row->subscription]};
		struct billed billed;
		if (row->timestamp_us >= in->store->totals.closed_before)
			break;
		if (l->arrivals[row->arrival].outcome != METER_ACCEPTED)
			continue;
		code = meter__store_late(in->store, late.subscription, row->timestamp_us, &billed);
		if (code == METER_OK && billed.bill)
			code = add_late(&late, billed.bill);
		if (code == METER_OK && billed.bill && row->is_covered)
			code = meter__store_unbilled_late(in->store, late.subscription,
			                                  in->names[meter__load_shape_type(l, row->shape)], billed.catalog);
		if (code == METER_OK)
			code = find_later(&late, row);
		if (late.is_late)
			l->arrivals[row->arrival].outcome = METER_LATE;
	}
	for (size_t i = 0; code == METER_OK && i < in->pairs.count; i++) {
		const struct bucket *pair = &in->pairs.rows[i];
		code = meter__store_stale_add(in->store, pair->subscription, pair->meter, pair->sum.events);
	}
	return code;
}

/* ---- events that take others back ---- */

static bool is_stored(const struct arrival *arrival)
{
	return arrival->outcome == METER_ACCEPTED || arrival->outcome == METER_LATE;
}

/* What the new events take back. */
static int take_back(struct ingest *in)
{
	const struct load *l = in->load;
	int code = METER_OK;
	size_t count;
	for (size_t i = 0; i < l->row_count && code == METER_OK; i++) {
		const struct load_row *row = &l->rows[i];
		struct property properties[EVENT_PROPERTIES_MAX];
		struct retraction taken = {.subscription = in->names[row->subscription], .because = meter__load_id(l, row)};
		struct event e;
		if (!row->takes_back || !is_stored(&l->arrivals[row->arrival]))
			continue;
		meter__event_decode(&e, properties, l->arrivals[row->arrival].record);
		if (meter__event_reference(&e, &taken.timestamp_us, &taken.id))
			code = meter__store_retract(in->store, &taken, 1, &count);
	}
	return code;
}

/* New events that were taken back before they came. Before take_back(): what that takes back is stored already. */
static int drop_awaited(struct ingest *in)
{
	const struct load *l = in->load;
	int code = METER_OK;
	for (size_t i = 0; i < l->row_count && code == METER_OK && in->store->totals.retractions_waiting > 0; i++) {
		const struct load_row *row = &l->rows[i];
		const struct retraction event = {.timestamp_us = row->timestamp_us,
		                                 .subscription = in->names[row->subscription],
		                                 .id = meter__load_id(l, row)};
		bool is_awaited = false;
		if (is_stored(&l->arrivals[row->arrival]))
			code = meter__store_is_awaited(in->store, &event, &is_awaited);
		if (code == METER_OK && is_awaited)
			code = meter__store_retract_arrived(in->store, &event, 1);
	}
	return code;
}

/* The kind of reason why an arrival was refused. */
static const char *reason_code(const struct arrival *arrival)
{
	if (arrival->outcome == METER_CONFLICT)
		return "conflict";
	if (arrival->record)
		return "meter"; /* what passed the gate fails only where a meter reads it */
	if (!arrival->block && !arrival->quarantined)
		return "damaged"; /* from a spool, where every record is an event */
	return meter__reason_code(arrival->refused_reason);
}

static int write_quarantine(struct ingest *in, const struct arrival *arrival)
{
	const char *code = reason_code(arrival);
	if (!arrival->record)
		return meter__store_quarantine_add(in->store, arrival->outcome, code, arrival->refused_reason,
		                                   arrival->refused_text);
	struct property properties[EVENT_PROPERTIES_MAX];
	struct event e;
	meter__event_decode(&e, properties, arrival->record);
	meter__buffer_reset(&in->scratch);
	meter__event_json_write(&in->scratch, &e);
	if (in->scratch.failed)
		return meter__fail(METER_ENOMEM, "no memory for quarantine");
	return meter__store_quarantine_add(in->store, arrival->outcome, code, arrival->reason,
	                                   (struct slice){in->scratch.data, in->scratch.size});
}

/* Another attempt at an entry was counted when it came; of its outcome only that it is stored now is new. */
static int finish_retried(struct ingest *in, const struct arrival *arrival)
{
	in->store->totals.accepted += arrival->outcome == METER_ACCEPTED || arrival->outcome == METER_LATE;
	in->store->totals.late += arrival->outcome == METER_LATE;
	return meter__store_quarantine_settle(in->store, arrival, reason_code(arrival));
}

static int finish(struct ingest *in)
{
	struct totals *t = &in->store->totals;
	t->negative |= in->load->has_negative;
	for (size_t i = 0; i < in->load->count; i++) {
		const struct arrival *arrival = &in->load->arrivals[i];
		int code = METER_OK;
		if (arrival->quarantined) {
			code = finish_retried(in, arrival);
			if (code != METER_OK)
				return code;
			continue;
		}
		switch (arrival->outcome) {
		case METER_ACCEPTED:
			t->accepted++;
			break;
		case METER_LATE:
			t->accepted++;
			t->late++;
			break;
		case METER_DUPLICATE:
			t->duplicate++;
			break;
		case METER_CONFLICT:
			t->conflict++;
			code = write_quarantine(in, arrival);
			break;
		default:
			t->rejected++;
			code = write_quarantine(in, arrival);
			break;
		}
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

int meter__store_ingest(struct store *s, struct load *load)
{
	struct ingest *in = s->ingest;
	in->load = load;
	in->seen = 0;
	s->totals.ingest++;
	int code = load->live == s->live ? METER_OK : meter__load_prepare(load, s->live);
	if (code == METER_OK)
		code = number_texts(in);
	if (code == METER_OK && load->last_us != INT64_MIN)
		code = meter__store_roll_up(s, load->last_us);
	if (code == METER_OK)
		code = insert_events(in);
	for (size_t i = 0; code == METER_OK && i < load->unreadable_count; i++)
		code = decide_unreadable(in, meter__load_unreadable(load, i));
	if (code == METER_OK)
		code = write_buckets(in);
	if (code == METER_OK)
		code = write_unbilled(in);
	if (code == METER_OK)
		code = find_late(in);
	if (code == METER_OK)
		code = drop_awaited(in);
	if (code == METER_OK)
		code = take_back(in);
	if (code == METER_OK)
		code = finish(in);
	if (code == METER_OK)
		code = meter__store_totals_write(s);
	/* The sums now hold what the transaction may yet lose, and keys are numbers: another attempt starts from the arrivals. */
	meter__load_forget(load);
	return code;
}
