/*
 * store_ingest.c - a batch of arrivals becomes rows: dedup, raw events, buckets, quarantine, totals, all in the caller's
 * transaction.
 *
 * 1. Measure every event by every live meter that covers it. One that a meter cannot read waits for step 3.
 * 2. Sort the others by key and insert them with one statement. SQL function event_seen() is called for each row whose key is
 * there already, and tells duplicate from conflict. What was inserted is accepted, and its measures go into the buckets.
 * 3. Events that could not be measured are looked up one by one: a retry of a stored event is a duplicate all the same.
 * 4. What was accepted is added up and goes into the buckets (store_bucket.c).
 * Two arrivals with one key in the same batch are decided in the order they arrived, those of step 3 after all others.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "os.h"
#include "store_internal.h"

/* One event counted by one meter. */
struct measure {
	uint32_t arrival;
	const struct live_meter *meter;
	int64_t dimensions;
	struct aggregate value;
};

/*
 * An event as its row will be: numbers for texts, properties as JSON. Insertion reads rows in key order, which is no order of
 * memory; so a row is small, in one place, and fetched ahead.
 */
struct event_row {
	int64_t timestamp_us;
	int64_t subscription;
	int64_t type;
	struct decimal value;
	struct slice id;
	struct slice source;
	int64_t sequence;
	size_t properties_at; /* into texts */
	uint32_t properties_size;
	bool is_unmeasurable; /* a meter covers it and cannot read it: it is not inserted with the others */
};

/* The order in which rows are inserted. */
struct sort_key {
	int64_t timestamp_us;
	int64_t subscription;
	uint32_t arrival;
};

struct ingest {
	struct store *store;
	struct arrival *arrivals; /* of the call that runs */
	struct event_row *rows;   /* one per arrival */
	struct sort_key *order;
	struct sort_key *spare; /* for sorting */
	size_t order_count;
	size_t capacity;     /* of rows, order and spare */
	struct buffer texts; /* properties of all rows */
	struct measure *measures;
	size_t measure_count;
	size_t measure_capacity;
	struct buckets minutes;
	struct buckets pairs; /* accepted events by (type, subscription), for unbilled */
	struct buffer scratch;
};

/* ---- events as rows ---- */

static const char event_columns[] = "timestamp, subscription, id, type, value, properties, source, sequence, ingest";

static void result_slice(sqlite3_context *context, struct slice s)
{
	if (s.data)
		sqlite3_result_text64(context, s.data, s.size, SQLITE_STATIC, SQLITE_UTF8);
}

static struct slice properties_of(const struct ingest *in, const struct event_row *row)
{
	return (struct slice){in->texts.data + row->properties_at, row->properties_size};
}

/* What the next rows need is far apart in memory: ask for it while this row goes in. */
static void fetch_ahead(const struct ingest *in, size_t row)
{
	if (row + 8 < in->order_count)
		__builtin_prefetch(&in->rows[in->order[row + 8].arrival]);
	if (row + 4 < in->order_count) {
		const struct event_row *next = &in->rows[in->order[row + 4].arrival];
		__builtin_prefetch(next->id.data);
		__builtin_prefetch(in->texts.data + next->properties_at);
	}
}

static void event_column(sqlite3_context *context, void *self, size_t row, int column)
{
	struct ingest *in = self;
	const struct event_row *r = &in->rows[in->order[row].arrival];
	switch (column) {
	case 0:
		fetch_ahead(in, row);
		sqlite3_result_int64(context, r->timestamp_us);
		return;
	case 1:
		sqlite3_result_int64(context, r->subscription);
		return;
	case 2:
		result_slice(context, r->id);
		return;
	case 3:
		sqlite3_result_int64(context, r->type);
		return;
	case 4:
		meter__store_result_decimal(context, r->value);
		return;
	case 5:
		result_slice(context, properties_of(in, r));
		return;
	case 6:
		result_slice(context, r->source);
		return;
	case 7:
		if (r->sequence != METER_NO_SEQUENCE)
			sqlite3_result_int64(context, r->sequence);
		return;
	default:
		sqlite3_result_int64(context, in->store->totals.ingest);
		return;
	}
}

/* ---- a key that is there already ---- */

/* What differs between a stored event and one that came with its key; NULL in text: nothing. */
static int describe_conflict(struct ingest *in, uint32_t index, sqlite3_value **stored, char **text_out)
{
	*text_out = NULL;
	const struct event_row *row = &in->rows[index];
	struct buffer text = {0};
	if (sqlite3_value_int64(stored[0]) != row->type)
		meter__buffer_text(&text, ", another type");
	struct decimal value;
	bool is_int = sqlite3_value_type(stored[1]) == SQLITE_INTEGER;
	const char *digits = (const char *)sqlite3_value_text(stored[1]);
	if (is_int)
		value = meter__decimal_from_int(sqlite3_value_int64(stored[1]));
	else if (!digits || meter__decimal_parse(&value, digits, strlen(digits)) != METER_OK)
		return meter__fail(METER_ECORRUPT, "a stored event has a value that is no decimal");
	if (meter__decimal_compare(value, row->value) != 0) {
		char came[DECIMAL_TEXT_SIZE];
		meter__decimal_format(came, row->value);
		meter__buffer_format(&text, ", value %s instead of %s", came, digits ? digits : "");
	}
	const char *properties = (const char *)sqlite3_value_text(stored[2]);
	struct slice stored_properties = {properties, (size_t)sqlite3_value_bytes(stored[2])};
	if (!meter__slice_equal(stored_properties, properties_of(in, row)))
		meter__buffer_text(&text, ", other properties");
	if (text.size > 0) {
		struct buffer reason = {0};
		meter__buffer_format(&reason, "the key is stored with other content%s", meter__buffer_cstr(&text));
		if (!reason.failed)
			*text_out = meter__copy((struct slice){reason.data, reason.size});
		meter__buffer_free(&reason);
	}
	bool no_memory = text.failed || (text.size > 0 && !*text_out);
	meter__buffer_free(&text);
	return no_memory ? meter__fail(METER_ENOMEM, "no memory to compare events") : METER_OK;
}

static int decide_seen(struct ingest *in, uint32_t index, sqlite3_value **stored)
{
	struct arrival *arrival = &in->arrivals[index];
	int code = describe_conflict(in, index, stored, &arrival->reason);
	if (code == METER_OK)
		arrival->outcome = arrival->reason ? METER_CONFLICT : METER_DUPLICATE;
	return code;
}

/* event_seen(type, value, properties of the stored event): 0, so that nothing is updated. */
static void event_seen(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	(void)argc;
	struct ingest *in = sqlite3_user_data(context);
	int code = decide_seen(in, in->order[in->store->event_rows.at].arrival, argv);
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
	in->minutes.seed = in->pairs.seed = meter__os.random();
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
	free(in->rows);
	free(in->order);
	free(in->spare);
	free(in->measures);
	meter__buffer_free(&in->texts);
	meter__buckets_free(&in->minutes);
	meter__buckets_free(&in->pairs);
	meter__buffer_free(&in->scratch);
	free(in);
	s->ingest = NULL;
}

/* ---- step 1: numbers and measures ---- */

static int make_room(struct ingest *in, size_t count)
{
	if (count <= in->capacity)
		return METER_OK;
	free(in->rows);
	free(in->order);
	free(in->spare);
	in->rows = malloc(count * sizeof(*in->rows));
	in->order = malloc(count * sizeof(*in->order));
	in->spare = malloc(count * sizeof(*in->spare));
	in->capacity = in->rows && in->order && in->spare ? count : 0;
	return in->capacity ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a batch of %zu", count);
}

static int add_measure(struct ingest *in, struct measure m)
{
	if (in->measure_count == in->measure_capacity) {
		size_t capacity = in->measure_capacity ? in->measure_capacity * 2 : 4096;
		struct measure *measures = realloc(in->measures, capacity * sizeof(*measures));
		if (!measures)
			return meter__fail(METER_ENOMEM, "no memory for %zu measures", capacity);
		in->measures = measures;
		in->measure_capacity = capacity;
	}
	in->measures[in->measure_count++] = m;
	return METER_OK;
}

/* METER_EINVAL: a meter covers it and cannot read it; the message says why. */
static int measure_event(struct ingest *in, uint32_t index)
{
	struct store *s = in->store;
	const struct event *e = &in->arrivals[index].event;
	for (size_t i = 0; i < s->live_count; i++) {
		const struct live_meter *live = &s->live[i];
		struct measure m = {.arrival = index, .meter = live};
		int code = meter__aggregate_measure(&m.value, live->definition, e);
		if (code == METER_EEND)
			continue;
		if (code == METER_EINVAL && !live->is_in_force) { /* a catalog being filled has no say in what is accepted */
			m.value = (struct aggregate){.unmeasured = 1};
			code = METER_OK;
		}
		if (code != METER_OK)
			return code;
		if (e->timestamp_us >= live->filled_before)
			continue; /* the fill will come by and count it */
		meter__buffer_reset(&in->scratch);
		meter__aggregate_dimensions(&in->scratch, live->definition, e);
		if (in->scratch.failed)
			return meter__fail(METER_ENOMEM, "no memory for dimensions");
		code = meter__store_name_number(s, (struct slice){in->scratch.data, in->scratch.size}, &m.dimensions);
		if (code == METER_OK)
			code = add_measure(in, m);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

/* The event's row, and its measures. A reason means that a meter cannot read it. */
static int prepare_event(struct ingest *in, uint32_t index)
{
	struct store *s = in->store;
	struct arrival *arrival = &in->arrivals[index];
	const struct event *e = &arrival->event;
	struct event_row *row = &in->rows[index];
	*row = (struct event_row){.timestamp_us = e->timestamp_us,
	                          .value = e->value,
	                          .id = e->id,
	                          .source = e->source,
	                          .sequence = e->sequence,
	                          .properties_at = in->texts.size};
	meter__properties_write(&in->texts, e->properties, e->property_count);
	row->properties_size = (uint32_t)(in->texts.size - row->properties_at);
	if (in->texts.failed)
		return meter__fail(METER_ENOMEM, "no memory for properties");
	int code = meter__store_name_number(s, e->subscription, &row->subscription);
	if (code == METER_OK)
		code = meter__store_name_number(s, e->type, &row->type);
	size_t measures_before = in->measure_count;
	if (code == METER_OK)
		code = measure_event(in, index);
	if (code != METER_EINVAL)
		return code;
	in->measure_count = measures_before;
	row->is_unmeasurable = true;
	arrival->reason = meter__copy(meter__slice_of(meter_errmsg()));
	return arrival->reason ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a reason");
}

static int prepare(struct ingest *in, size_t count)
{
	in->order_count = 0;
	in->measure_count = 0;
	meter__buffer_reset(&in->texts);
	for (uint32_t i = 0; i < count; i++) {
		struct arrival *arrival = &in->arrivals[i];
		if (arrival->refused_text.data) {
			arrival->outcome = METER_REJECTED;
			continue;
		}
		int code = prepare_event(in, i);
		if (code != METER_OK)
			return code;
		if (in->rows[i].is_unmeasurable)
			continue;
		arrival->outcome = METER_ACCEPTED; /* until event_seen() says otherwise */
		in->order[in->order_count++] = (struct sort_key){in->rows[i].timestamp_us, in->rows[i].subscription, i};
	}
	return METER_OK;
}

/* ---- step 2: insert in key order ---- */

static int compare_order(const void *left, const void *right, void *user)
{
	const struct sort_key *a = left;
	const struct sort_key *b = right;
	if (a->subscription != b->subscription)
		return a->subscription < b->subscription ? -1 : 1;
	const struct event_row *rows = user;
	int order = meter__slice_compare(rows[a->arrival].id, rows[b->arrival].id);
	return order ? order : (a->arrival > b->arrival) - (a->arrival < b->arrival);
}

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* One pass of a radix sort: by a digit of the time since first_us, equal ones in the order they had. */
static void sort_by_digit(struct sort_key *to, const struct sort_key *from, size_t count, int64_t first_us, int shift)
{
	size_t starts[DIGITS + 1] = {0};
	for (size_t i = 0; i < count; i++)
		starts[(((uint64_t)(from[i].timestamp_us - first_us) >> shift) & (DIGITS - 1)) + 1]++;
	for (size_t i = 0; i < DIGITS; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < count; i++)
		to[starts[((uint64_t)(from[i].timestamp_us - first_us) >> shift) & (DIGITS - 1)]++] = from[i];
}

/*
 * Order by (timestamp, subscription, id, arrival). The events of a batch lie within seconds or days of each other, so their times
 * differ in few digits and a few passes sort them; only what shares a microsecond is compared.
 */
static void sort_rows(struct ingest *in)
{
	int64_t first_us = INT64_MAX, last_us = INT64_MIN;
	for (size_t i = 0; i < in->order_count; i++) {
		first_us = in->order[i].timestamp_us < first_us ? in->order[i].timestamp_us : first_us;
		last_us = in->order[i].timestamp_us > last_us ? in->order[i].timestamp_us : last_us;
	}
	for (int shift = 0; shift < 64 && ((uint64_t)(last_us - first_us) >> shift) > 0; shift += DIGIT_BITS) {
		struct sort_key *sorted = in->spare;
		sort_by_digit(sorted, in->order, in->order_count, first_us, shift);
		in->spare = in->order;
		in->order = sorted;
	}
	for (size_t from = 0, to = 1; from < in->order_count; from = to++) {
		while (to < in->order_count && in->order[to].timestamp_us == in->order[from].timestamp_us)
			to++;
		if (to - from > 1)
			qsort_r(in->order + from, to - from, sizeof(*in->order), compare_order, in->rows);
	}
}

static int insert_events(struct ingest *in)
{
	if (in->order_count == 0)
		return METER_OK;
	sort_rows(in);
	in->store->event_rows.count = in->order_count;
	return meter__store_insert_rows(&in->store->write, SQL_EVENT_ADD, &in->store->event_rows, "storing events");
}

/* ---- step 3: events that could not be measured ---- */

static int decide_unmeasurable(struct ingest *in, uint32_t index)
{
	struct arrival *arrival = &in->arrivals[index];
	struct connection *c = &in->store->write;
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_EVENT_FIND, &statement);
	if (code != METER_OK)
		return code;
	const struct event_row *row = &in->rows[index];
	sqlite3_bind_int64(statement, 1, row->timestamp_us);
	sqlite3_bind_int64(statement, 2, row->subscription);
	sqlite3_bind_text64(statement, 3, row->id.data, row->id.size, SQLITE_STATIC, SQLITE_UTF8);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		sqlite3_value *stored[3];
		for (int i = 0; i < 3; i++)
			stored[i] = sqlite3_column_value(statement, i);
		free(arrival->reason);
		code = decide_seen(in, index, stored);
	} else if (rc == SQLITE_DONE) {
		arrival->outcome = METER_REJECTED;
	} else {
		code = meter__store_fail(c->db, rc, "looking up an event");
	}
	sqlite3_reset(statement);
	return code;
}

/* ---- step 4: buckets ---- */

static int collect_buckets(struct ingest *in)
{
	meter__buckets_reset(&in->minutes);
	for (size_t i = 0; i < in->measure_count; i++) {
		const struct measure *m = &in->measures[i];
		const struct event_row *row = &in->rows[m->arrival];
		if (in->arrivals[m->arrival].outcome != METER_ACCEPTED)
			continue;
		struct bucket key = {.meter = m->meter->number,
		                     .subscription = row->subscription,
		                     .start = meter__level_start(LEVEL_MINUTE, row->timestamp_us),
		                     .dimensions = m->dimensions,
		                     .aggregation = m->meter->definition->aggregation};
		int code = meter__buckets_add(&in->minutes, LEVEL_MINUTE, &key, &m->value);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

/* ---- what is left: unbilled, quarantine, totals ---- */

/* Accepted events by (type, subscription). A row's lead, which pairs have no use for, is an arrival that has the texts. */
static int write_unbilled(struct ingest *in, size_t count)
{
	meter__buckets_reset(&in->pairs);
	struct aggregate one = {.events = 1, .value = DECIMAL_ONE};
	for (uint32_t i = 0; i < count; i++) {
		if (in->arrivals[i].outcome != METER_ACCEPTED)
			continue;
		struct bucket key = {
			.meter = in->rows[i].type, .subscription = in->rows[i].subscription, .aggregation = AGGREGATION_COUNT};
		size_t before = in->pairs.count;
		int code = meter__buckets_add(&in->pairs, LEVEL_MINUTE, &key, &one);
		if (code != METER_OK)
			return code;
		if (in->pairs.count > before)
			in->pairs.rows[before].lead = i;
	}
	for (size_t i = 0; i < in->pairs.count; i++) {
		const struct bucket *pair = &in->pairs.rows[i];
		int code = meter__store_unbilled_add(in->store, &in->arrivals[pair->lead].event, pair->subscription, pair->meter,
		                                     pair->sum.events);
		if (code != METER_OK)
			return code;
	}
	return METER_OK;
}

static int write_quarantine(struct ingest *in, const struct arrival *arrival)
{
	struct connection *c = &in->store->write;
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_QUARANTINE_ADD, &statement);
	if (code != METER_OK)
		return code;
	struct slice text = arrival->refused_text;
	if (!text.data) {
		meter__buffer_reset(&in->scratch);
		meter__event_json_write(&in->scratch, &arrival->event);
		if (in->scratch.failed)
			return meter__fail(METER_ENOMEM, "no memory for quarantine");
		text = (struct slice){in->scratch.data, in->scratch.size};
	}
	sqlite3_bind_int(statement, 1, arrival->outcome);
	sqlite3_bind_text(statement, 2, arrival->reason, -1, SQLITE_STATIC);
	if (meter__utf8_valid(text.data, text.size))
		sqlite3_bind_text64(statement, 3, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(statement, 3, text.data, text.size, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 4, meter__os.now_us());
	code = meter__store_run(c, statement, "writing quarantine");
	sqlite3_clear_bindings(statement);
	return code;
}

static int finish(struct ingest *in, size_t count)
{
	struct totals *t = &in->store->totals;
	for (uint32_t i = 0; i < count; i++) {
		const struct arrival *arrival = &in->arrivals[i];
		int code = METER_OK;
		switch (arrival->outcome) {
		case METER_ACCEPTED:
			t->accepted++;
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
	return meter__store_totals_write(in->store);
}

int meter__store_ingest(struct store *s, struct arrival *arrivals, size_t count)
{
	struct ingest *in = s->ingest;
	int code = make_room(in, count);
	if (code != METER_OK)
		return code;
	in->arrivals = arrivals;
	s->totals.ingest++;
	code = prepare(in, count);
	if (code == METER_OK)
		code = insert_events(in);
	for (uint32_t i = 0; code == METER_OK && i < count; i++) {
		if (!arrivals[i].refused_text.data && in->rows[i].is_unmeasurable)
			code = decide_unmeasurable(in, i);
	}
	if (code == METER_OK)
		code = collect_buckets(in);
	if (code == METER_OK)
		code = meter__store_write_buckets(s, &in->minutes);
	if (code == METER_OK)
		code = write_unbilled(in, count);
	if (code == METER_OK)
		code = finish(in, count);
	return code;
}
