/*
 * load.c - see load.h. Works through a load in two passes: the keys are read and sorted, then rows are built in their order, so
 * that the store reads them one after the other.
 *
 * The order is (timestamp, subscription as it was first seen, id, arrival). Any order would be correct; this one is close to the
 * one of the store. Two arrivals with one key stay in the order they came.
 */
#include "load.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

/* ---- what events are measured by ---- */

struct live *meter__live_new(void)
{
	struct live *live = calloc(1, sizeof(*live));
	if (live)
		live->references = 1;
	return live;
}

struct live *meter__live_retain(struct live *live)
{
	__atomic_add_fetch(&live->references, 1, __ATOMIC_RELAXED);
	return live;
}

void meter__live_release(struct live *live)
{
	if (!live || __atomic_sub_fetch(&live->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	meter__catalog_release(live->in_force);
	meter__catalog_release(live->pending);
	free(live->meters);
	free(live);
}

/* ---- life ---- */

int meter__load_init(struct load *l, size_t capacity, uint64_t seed)
{
	*l = (struct load){.capacity = capacity};
	l->names.seed = l->shapes.seed = l->dimensions.seed = l->buckets.seed = seed;
	l->arrivals = malloc(capacity * sizeof(*l->arrivals));
	l->rows = malloc(capacity * sizeof(*l->rows));
	l->keys = malloc(capacity * sizeof(*l->keys));
	l->spare = malloc(capacity * sizeof(*l->spare));
	l->subscriptions = malloc(capacity * sizeof(*l->subscriptions));
	l->now = malloc(sizeof(*l->now));
	l->before = malloc(sizeof(*l->before));
	if (l->arrivals && l->rows && l->keys && l->spare && l->subscriptions && l->now && l->before)
		return METER_OK;
	meter__load_free(l);
	return meter__fail(METER_ENOMEM, "no memory for %zu events", capacity);
}

void meter__load_forget(struct load *l)
{
	meter__live_release(l->live);
	l->live = NULL;
}

void meter__load_clear(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->arrivals[i].reason);
	l->count = 0;
	l->row_count = l->unreadable_count = 0;
	meter__load_forget(l);
}

void meter__load_free(struct load *l)
{
	meter__load_clear(l);
	free(l->arrivals);
	free(l->rows);
	free(l->keys);
	free(l->spare);
	free(l->subscriptions);
	free(l->measures);
	free(l->known);
	free(l->dimension_names);
	free(l->now);
	free(l->before);
	meter__intern_free(&l->dimensions);
	meter__intern_free(&l->names);
	meter__intern_free(&l->shapes);
	meter__buffer_free(&l->texts);
	meter__buffer_free(&l->scratch);
	meter__buckets_free(&l->buckets);
	*l = (struct load){0};
}

/* ---- reading ---- */

static struct slice text_of(const struct load *l, size_t at, size_t size)
{
	return (struct slice){l->texts.data + at, size};
}

struct slice meter__load_id(const struct load *l, const struct load_row *row)
{
	return text_of(l, row->text_at, row->id_size);
}

struct slice meter__load_source(const struct load *l, const struct load_row *row)
{
	if (row->source_size == 0)
		return (struct slice){NULL, 0};
	return text_of(l, row->text_at + row->id_size, row->source_size);
}

struct slice meter__load_properties(const struct load *l, const struct load_row *row)
{
	return text_of(l, row->text_at + row->id_size + row->source_size, row->properties_size);
}

const struct load_row *meter__load_unreadable(const struct load *l, size_t index)
{
	return &l->rows[l->capacity - 1 - index];
}

uint32_t meter__load_shape_type(const struct load *l, size_t shape)
{
	uint32_t type;
	memcpy(&type, meter__intern_text(&l->shapes, shape).data, sizeof(type));
	return type;
}

struct slice meter__load_shape_names(const struct load *l, size_t shape)
{
	struct slice text = meter__intern_text(&l->shapes, shape);
	return (struct slice){text.data + sizeof(uint32_t), text.size - sizeof(uint32_t)};
}

/* ---- pass 1: keys in their order ---- */

static int name_index(struct load *l, struct slice text, uint32_t *out)
{
	size_t index;
	int code = meter__intern_index(&l->names, text, &index);
	*out = (uint32_t)index;
	return code;
}

static int collect_keys(struct load *l, size_t *count_out)
{
	size_t count = 0;
	l->last_us = INT64_MIN;
	for (uint32_t i = 0; i < l->count; i++) {
		const char *record = l->arrivals[i].record;
		if (!record)
			continue;
		int64_t timestamp_us = meter__event_record_timestamp(record);
		l->keys[count++] = (struct sort_item){(uint64_t)timestamp_us, i}; /* never negative */
		if (timestamp_us > l->last_us)
			l->last_us = timestamp_us;
		int code = name_index(l, meter__event_record_subscription(record), &l->subscriptions[i]);
		if (code != METER_OK)
			return code;
	}
	*count_out = count;
	return METER_OK;
}

/* Of arrivals with one timestamp. */
static int compare_keys(const void *left, const void *right, void *user)
{
	uint32_t a = ((const struct sort_item *)left)->index;
	uint32_t b = ((const struct sort_item *)right)->index;
	const struct load *l = user;
	if (l->subscriptions[a] != l->subscriptions[b])
		return l->subscriptions[a] < l->subscriptions[b] ? -1 : 1;
	int order = meter__slice_compare(meter__event_record_id(l->arrivals[a].record),
	                                 meter__event_record_id(l->arrivals[b].record));
	return order ? order : (a > b) - (a < b);
}

static void sort_keys(struct load *l, size_t count)
{
	meter__sort(&l->keys, &l->spare, count);
	for (size_t from = 0, to = 1; from < count; from = to++) {
		while (to < count && l->keys[to].key == l->keys[from].key)
			to++;
		if (to - from > 1)
			qsort_r(l->keys + from, to - from, sizeof(*l->keys), compare_keys, l);
	}
}

/* ---- pass 2: rows and their measures ---- */

static int add_measure(struct load *l, struct measure m)
{
	if (l->measure_count == l->measure_capacity) {
		size_t capacity = l->measure_capacity ? l->measure_capacity * 2 : 4096;
		struct measure *measures = realloc(l->measures, capacity * sizeof(*measures));
		if (!measures)
			return meter__fail(METER_ENOMEM, "no memory for %zu measures", capacity);
		l->measures = measures;
		l->measure_capacity = capacity;
	}
	l->measures[l->measure_count++] = m;
	return METER_OK;
}

/* What tells dimension sets apart: the meter, then size and bytes of each value. */
static void write_dimension_key(struct buffer *out, uint32_t at, const struct meter_definition *definition, const struct event *e)
{
	meter__buffer_reset(out);
	meter__buffer_append(out, &at, sizeof(at));
	for (size_t i = 0; i < meter__aggregate_stored_dimensions(definition); i++) {
		struct slice value = meter__aggregate_stored_dimension(definition, e, i);
		uint32_t size = value.data ? (uint32_t)value.size : UINT32_MAX;
		meter__buffer_append(out, &size, sizeof(size));
		meter__buffer_slice(out, value);
	}
}

static int name_dimensions(struct load *l, const struct meter_definition *definition, const struct event *e, uint32_t *out)
{
	meter__buffer_reset(&l->scratch);
	meter__aggregate_dimensions(&l->scratch, definition, e);
	if (l->scratch.failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	return name_index(l, (struct slice){l->scratch.data, l->scratch.size}, out);
}

/* The event's dimension set of a meter as an index into names; as JSON it is written once a load. */
static int find_dimensions(struct load *l, uint32_t at, const struct event *e, uint32_t *out)
{
	const struct meter_definition *definition = l->live->meters[at].definition;
	size_t known = l->dimensions.count, index;
	write_dimension_key(&l->scratch, at, definition, e);
	if (l->scratch.failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	int code = meter__intern_index(&l->dimensions, (struct slice){l->scratch.data, l->scratch.size}, &index);
	if (code != METER_OK)
		return code;
	if (index == known) {
		if (l->dimension_capacity < l->dimensions.capacity) {
			uint32_t *names = realloc(l->dimension_names, l->dimensions.capacity * sizeof(*names));
			if (!names)
				return meter__fail(METER_ENOMEM, "no memory for dimensions");
			l->dimension_names = names;
			l->dimension_capacity = l->dimensions.capacity;
		}
		code = name_dimensions(l, definition, e, &l->dimension_names[index]);
	}
	*out = l->dimension_names[index];
	return code;
}

static void add_sum(struct load *l, const struct measure *m, int64_t timestamp_us)
{
	struct bucket *bucket = &l->buckets.rows[m->bucket];
	if (m->is_unmeasured)
		meter__aggregate_merge(bucket->aggregation, &bucket->sum, &(struct aggregate){.unmeasured = 1});
	else
		meter__aggregate_add(bucket->aggregation, &bucket->sum, m->coefficient, m->scale, timestamp_us);
}

void meter__load_drop_sums(struct load *l)
{
	for (size_t i = 0; i < l->buckets.count; i++)
		l->buckets.rows[i].sum = (struct aggregate){0};
}

void meter__load_add_sums(struct load *l, const struct load_row *row)
{
	for (size_t i = row->measure_at; i < row->measure_at + row->measure_count; i++)
		add_sum(l, &l->measures[i], row->timestamp_us);
}

/* One event by one meter. METER_EINVAL: covered but not readable; the message says why. */
static int measure_by(struct load *l, uint32_t at, const struct event *e, uint32_t subscription)
{
	const struct live_meter *live = &l->live->meters[at];
	struct aggregate value;
	int code = meter__aggregate_measure(&value, live->definition, e);
	if (code == METER_EEND)
		return METER_OK;
	if (code == METER_EINVAL && !live->is_in_force) { /* a catalog being filled has no say in what is accepted */
		value = (struct aggregate){.unmeasured = 1};
		code = METER_OK;
	}
	if (code != METER_OK)
		return code;
	if (e->timestamp_us >= live->filled_before)
		return METER_OK; /* the fill will come by and count it */
	uint32_t dimensions = 0;
	l->has_negative |= value.value.coefficient < 0;
	code = find_dimensions(l, at, e, &dimensions);
	if (code != METER_OK)
		return code;
	struct bucket key = {.meter = at, .subscription = subscription, .dimensions = dimensions};
	meter__bucket_place(&key, live->definition, e->timestamp_us);
	size_t bucket;
	code = meter__buckets_find(&l->buckets, LEVEL_MINUTE, &key, &bucket);
	if (code != METER_OK)
		return code;
	return add_measure(l, (struct measure){.coefficient = (int64_t)value.value.coefficient,
	                                       .scale = (uint8_t)value.value.scale,
	                                       .bucket = (uint32_t)bucket,
	                                       .is_unmeasured = value.unmeasured > 0});
}

static int measure_event(struct load *l, struct load_row *row, const struct event *e)
{
	row->measure_at = (uint32_t)l->measure_count;
	int code = METER_OK;
	for (uint32_t i = 0; code == METER_OK && i < l->live->count; i++)
		code = measure_by(l, i, e, row->subscription);
	if (code != METER_OK)
		l->measure_count = row->measure_at; /* all or none */
	row->measure_count = (uint32_t)(l->measure_count - row->measure_at);
	meter__load_add_sums(l, row);
	return code;
}

static int write_texts(struct load *l, struct load_row *row, const struct event *e)
{
	row->text_at = l->texts.size;
	row->id_size = (uint16_t)e->id.size;
	row->source_size = (uint16_t)e->source.size;
	l->has_origin |= e->source.size > 0 || e->sequence != METER_NO_SEQUENCE;
	meter__buffer_slice(&l->texts, e->id);
	meter__buffer_slice(&l->texts, e->source);
	meter__property_values_write(&l->texts, e->properties, e->property_count);
	if (l->texts.failed)
		return meter__fail(METER_ENOMEM, "no memory for properties");
	row->properties_size = (uint32_t)(l->texts.size - row->text_at - e->id.size - e->source.size);
	return METER_OK;
}

static bool has_shape_of(const struct event *e, const struct event *other)
{
	bool is_same = e->property_count == other->property_count && meter__slice_equal(e->type, other->type);
	for (size_t i = 0; is_same && i < e->property_count; i++)
		is_same = meter__slice_equal(e->properties[i].name, other->properties[i].name);
	return is_same;
}

/* Type and shape of the event; mostly those of the one before it. */
static int find_shape(struct load *l, struct load_event *now)
{
	const struct event *e = &now->event;
	if (l->row_count > 0 && has_shape_of(e, &l->before->event)) {
		now->type = l->before->type;
		now->shape = l->before->shape;
		now->takes_back = l->before->takes_back;
		return METER_OK;
	}
	int64_t timestamp_us;
	struct slice id;
	now->takes_back = meter__event_reference(e, &timestamp_us, &id);
	int code = name_index(l, e->type, &now->type);
	if (code != METER_OK)
		return code;
	meter__buffer_reset(&l->scratch);
	meter__buffer_append(&l->scratch, &now->type, sizeof(now->type));
	meter__property_names_write(&l->scratch, e->properties, e->property_count);
	if (l->scratch.failed)
		return meter__fail(METER_ENOMEM, "no memory for a shape");
	size_t shape;
	code = meter__intern_index(&l->shapes, (struct slice){l->scratch.data, l->scratch.size}, &shape);
	now->shape = (uint32_t)shape;
	return code;
}

enum { KNOWN_SUBSCRIPTION = 1, KNOWN_BILLED = 2, KNOWN_TYPE = 4, KNOWN_METERED = 8 };

static int make_room_for_known(struct load *l)
{
	if (l->known_capacity >= l->names.capacity)
		return METER_OK;
	uint8_t *known = realloc(l->known, l->names.capacity);
	if (!known)
		return meter__fail(METER_ENOMEM, "no memory for %zu names", l->names.capacity);
	memset(known + l->known_capacity, 0, l->names.capacity - l->known_capacity);
	l->known = known;
	l->known_capacity = l->names.capacity;
	return METER_OK;
}

/* Whether an invoice can show it: the catalog in force has a meter of its type and names its subscription. Asked once a name. */
static int find_unbilled(struct load *l, struct load_row *row, const struct event *e, uint32_t type)
{
	const struct meter_catalog *catalog = l->live->in_force;
	int code = make_room_for_known(l);
	if (code != METER_OK)
		return code;
	uint8_t *subscription_known = &l->known[row->subscription];
	if (!(*subscription_known & KNOWN_SUBSCRIPTION)) {
		bool is_billed = catalog && meter__catalog_subscription(catalog, e->subscription);
		*subscription_known |= (uint8_t)(KNOWN_SUBSCRIPTION | (is_billed ? KNOWN_BILLED : 0));
	}
	uint8_t *type_known = &l->known[type];
	if (!(*type_known & KNOWN_TYPE)) {
		bool is_metered = catalog && meter__catalog_is_metered(catalog, e->type);
		*type_known |= (uint8_t)(KNOWN_TYPE | (is_metered ? KNOWN_METERED : 0));
	}
	row->is_covered = (*subscription_known & KNOWN_BILLED) && (*type_known & KNOWN_METERED);
	row->is_unbilled = !row->is_covered && !meter__event_is_reserved(e->type);
	return METER_OK;
}

/* METER_EINVAL: a meter covers it and cannot read it. */
static int build_row(struct load *l, struct load_row *row, uint32_t arrival)
{
	struct load_event *now = l->now;
	const struct event *e = &now->event;
	meter__event_decode(&now->event, now->properties, l->arrivals[arrival].record);
	int code = find_shape(l, now);
	*row = (struct load_row){.timestamp_us = e->timestamp_us,
	                         .coefficient = (int64_t)e->value.coefficient,
	                         .scale = (uint8_t)e->value.scale,
	                         .sequence = e->sequence,
	                         .subscription = l->subscriptions[arrival],
	                         .shape = now->shape,
	                         .arrival = arrival,
	                         .takes_back = now->takes_back};
	if (code == METER_OK)
		code = find_unbilled(l, row, e, now->type);
	if (code == METER_OK)
		code = write_texts(l, row, e);
	return code == METER_OK ? measure_event(l, row, e) : code;
}

/* Records are far apart in memory, and most of them fit into three lines of a cache. */
static void fetch_record(const char *record)
{
	__builtin_prefetch(record);
	__builtin_prefetch(record + 64);
	__builtin_prefetch(record + 128);
}

static int build_rows(struct load *l, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i + 8 < count)
			fetch_record(l->arrivals[l->keys[i + 8].index].record);
		struct arrival *arrival = &l->arrivals[l->keys[i].index];
		struct load_row *row = &l->rows[l->row_count];
		int code = build_row(l, row, l->keys[i].index);
		if (code == METER_OK) {
			struct load_event *now = l->now;
			l->now = l->before;
			l->before = now;
			arrival->outcome = METER_ACCEPTED; /* until the store finds its key */
			l->row_count++;
			continue;
		}
		if (code != METER_EINVAL)
			return code;
		arrival->outcome = METER_REJECTED; /* the same */
		arrival->reason = meter__copy(meter__slice_of(meter_errmsg()));
		if (!arrival->reason)
			return meter__fail(METER_ENOMEM, "no memory for a reason");
		/* rows has room for every arrival, so the two ends never meet before both are filled */
		l->rows[l->capacity - 1 - l->unreadable_count++] = *row;
	}
	return METER_OK;
}

static void reset(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct arrival *arrival = &l->arrivals[i];
		arrival->outcome = METER_REJECTED; /* of a refused text */
		free(arrival->reason);
		arrival->reason = NULL;
	}
	l->row_count = l->unreadable_count = l->measure_count = 0;
	l->has_origin = l->has_negative = false;
	meter__intern_reset(&l->names);
	meter__intern_reset(&l->shapes);
	meter__intern_reset(&l->dimensions);
	meter__buffer_reset(&l->texts);
	meter__buckets_reset(&l->buckets);
	if (l->known)
		memset(l->known, 0, l->known_capacity);
}

int meter__load_prepare(struct load *l, struct live *live)
{
	reset(l);
	meter__live_retain(live);
	meter__live_release(l->live);
	l->live = live;
	size_t count;
	int code = collect_keys(l, &count);
	if (code != METER_OK)
		return code;
	sort_keys(l, count);
	return build_rows(l, count);
}
