/*
 * verify_event.c - see verify.h: what a stored event counts for, read from the bytes of its row. Called 10^6 times a second.
 *
 * What events of a shape have in common is worked out once: which meters cover it, and which elements of the stored array of
 * values hold the value, the filters and the dimensions. An event then costs a walk over the array up to the last of these.
 * Elements stay as they are written, and so do dimensions: a set is the text the store keeps it under, put together from them.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "instant.h"
#include "verify.h"

#define SLOT_ABSENT (-1) /* events of the shape have no such property */
#define SLOT_EVENT (-2)  /* not a property: the value of the event itself, or 1 */

/* An allowed value as elements write it: with quotes, or as a bare integer. */
struct allowed {
	struct slice quoted;
	struct slice bare;
};

struct plan_filter {
	int slot;
	struct allowed *values;
	size_t count;
};

struct plan_dimension {
	int slot;
	struct slice before; /* {"model": or ,"model": */
};

struct measure_plan {
	uint32_t meter;
	enum aggregation aggregation;
	int64_t filled_before;
	int value; /* slot */
	bool is_sample;
	struct plan_filter *filters;
	size_t filter_count;
	struct plan_dimension *dimensions;
	size_t dimension_count;
	int64_t none; /* the number of the empty set, if there are no dimensions; 0: not looked up yet */
};

struct shape_plan {
	int64_t shape;
	int64_t type;                             /* its number; 0: reserved */
	bool is_metered;                          /* in the catalog in force */
	bool is_open;                             /* events keep an object: names beside values */
	size_t needed;                            /* elements to look at */
	struct slice names[EVENT_PROPERTIES_MAX]; /* of the elements; of an open shape: those that meters ask for */
	size_t name_count;
	struct arena arena; /* all of its texts and lists */
	struct measure_plan *measures;
	size_t count;
};

struct plans {
	struct shape_plan **list; /* by shape */
	size_t capacity;
	struct shape_plan *last;
	struct slice elements[EVENT_PROPERTIES_MAX]; /* of the event at hand; absent: it has none */
	struct intern sets;                          /* texts of dimensions, */
	int64_t *numbers;                            /* and their number in the file; below zero: it has none */
	size_t number_capacity;
	struct buffer set, names, type, scratch, open_values;
};

/* Shapes beyond are no shapes of this library: it makes 10,000, and one more for each type. */
#define SHAPE_MAX ((int64_t)1 << 24)
#define SETS_MAX 250000

struct plans *meter__plans_new(void)
{
	struct plans *plans = calloc(1, sizeof(*plans));
	if (!plans)
		(void)meter__fail(METER_ENOMEM, "no memory to verify");
	return plans;
}

static void free_plan(struct shape_plan *plan)
{
	if (plan)
		meter__arena_free(&plan->arena);
	free(plan);
}

void meter__plans_free(struct plans *plans)
{
	if (!plans)
		return;
	for (size_t i = 0; i < plans->capacity; i++)
		free_plan(plans->list[i]);
	free(plans->list);
	free(plans->numbers);
	meter__intern_free(&plans->sets);
	meter__buffer_free(&plans->set);
	meter__buffer_free(&plans->names);
	meter__buffer_free(&plans->type);
	meter__buffer_free(&plans->scratch);
	meter__buffer_free(&plans->open_values);
	free(plans);
}

/* ---- plans ---- */

/* The slot of a property; in an open shape it gets one. */
static int slot_of(struct shape_plan *plan, const char *name)
{
	struct slice wanted = meter__slice_of(name);
	for (size_t i = 0; i < plan->name_count; i++) {
		if (meter__slice_equal(plan->names[i], wanted)) {
			plan->needed = plan->needed > i + 1 ? plan->needed : i + 1;
			return (int)i;
		}
	}
	if (!plan->is_open || plan->name_count == EVENT_PROPERTIES_MAX)
		return SLOT_ABSENT;
	plan->names[plan->name_count] = wanted;
	plan->needed = ++plan->name_count;
	return (int)plan->needed - 1;
}

/* What buffer holds, in the arena; then it is empty again. */
static bool keep(struct shape_plan *plan, struct buffer *buffer, struct slice *out)
{
	out->size = buffer->size;
	out->data = buffer->failed ? NULL : meter__arena_copy(&plan->arena, (struct slice){buffer->data, buffer->size});
	meter__buffer_reset(buffer);
	return out->data != NULL;
}

static bool plan_filters(struct shape_plan *plan, struct measure_plan *m, const struct meter_definition *definition,
                         struct buffer *scratch)
{
	m->filter_count = definition->filter_count;
	m->filters = meter__arena_array(&plan->arena, m->filter_count, sizeof(*m->filters));
	for (size_t i = 0; m->filters && i < m->filter_count; i++) {
		const struct meter_filter *filter = &definition->filters[i];
		struct plan_filter *out = &m->filters[i];
		*out = (struct plan_filter){.slot = slot_of(plan, filter->property), .count = filter->value_count};
		out->values = meter__arena_array(&plan->arena, out->count, sizeof(*out->values));
		for (size_t k = 0; out->values && k < out->count; k++) {
			out->values[k].bare = meter__slice_of(filter->values[k]);
			meter__buffer_json(scratch, out->values[k].bare);
			if (!keep(plan, scratch, &out->values[k].quoted))
				return false;
		}
		if (!out->values)
			return false;
	}
	return m->filters != NULL;
}

static bool plan_dimension(struct shape_plan *plan, struct measure_plan *m, const char *name, int slot, struct buffer *scratch)
{
	struct plan_dimension *out = &m->dimensions[m->dimension_count];
	meter__buffer_char(scratch, m->dimension_count == 0 ? '{' : ',');
	meter__buffer_json(scratch, meter__slice_of(name));
	meter__buffer_char(scratch, ':');
	out->slot = slot;
	m->dimension_count++;
	return keep(plan, scratch, &out->before);
}

/* Distinct values are kept as a dimension without a name, after the others. */
static bool plan_dimensions(struct shape_plan *plan, struct measure_plan *m, const struct meter_definition *definition,
                            struct buffer *scratch)
{
	m->dimensions = meter__arena_array(&plan->arena, definition->dimension_count + 1, sizeof(*m->dimensions));
	if (!m->dimensions)
		return false;
	for (size_t i = 0; i < definition->dimension_count; i++) {
		const char *name = definition->dimensions[i];
		if (!plan_dimension(plan, m, name, slot_of(plan, name), scratch))
			return false;
	}
	return m->aggregation != AGGREGATION_UNIQUE_COUNT || plan_dimension(plan, m, "", m->value, scratch);
}

static bool plan_measure(struct shape_plan *plan, struct measure_plan *m, const struct verify_meter *of, struct buffer *scratch)
{
	const struct meter_definition *definition = of->definition;
	m->aggregation = definition->aggregation;
	m->filled_before = of->filled_before;
	m->is_sample = m->aggregation == AGGREGATION_TIME_WEIGHTED;
	m->value = m->aggregation == AGGREGATION_COUNT || !definition->value ? SLOT_EVENT : slot_of(plan, definition->value);
	return plan_filters(plan, m, definition, scratch) && plan_dimensions(plan, m, definition, scratch);
}

static bool plan_measures(struct shape_plan *plan, const struct verify_meters *meters, struct slice type, struct buffer *scratch)
{
	plan->measures = meter__arena_array(&plan->arena, meters->count, sizeof(*plan->measures));
	if (!plan->measures)
		return false;
	for (size_t i = 0; i < meters->count; i++) {
		const struct meter_definition *definition = meters->list[i].definition;
		if (!definition || !meter__slice_equal(meter__slice_of(definition->event_type), type))
			continue;
		struct measure_plan *m = &plan->measures[plan->count++];
		m->meter = (uint32_t)i;
		if (!plan_measure(plan, m, &meters->list[i], scratch))
			return false;
	}
	return true;
}

static int read_names(struct plans *plans, struct shape_plan *plan)
{
	struct property properties[EVENT_PROPERTIES_MAX];
	plan->is_open = plans->names.size == 0;
	if (plan->is_open)
		return METER_OK;
	int code = meter__property_names_read(properties, EVENT_PROPERTIES_MAX, &plan->name_count, &plans->scratch,
	                                      (struct slice){plans->names.data, plans->names.size});
	for (size_t i = 0; code == METER_OK && i < plan->name_count; i++) {
		plan->names[i].size = properties[i].name.size;
		plan->names[i].data = meter__arena_copy(&plan->arena, properties[i].name);
		if (!plan->names[i].data)
			code = METER_ENOMEM;
	}
	return code == METER_EINVAL ? meter__fail_in(METER_ECORRUPT, "names of a shape: ") : code;
}

static int make_plan(struct worker *w, int64_t shape, struct shape_plan *plan)
{
	struct plans *plans = w->plans;
	meter__buffer_reset(&plans->names);
	meter__buffer_reset(&plans->type);
	int code = meter__verify_shape(w->reader, shape, &plans->type, &plans->names);
	if (code == METER_OK)
		code = read_names(plans, plan);
	meter__buffer_reset(&plans->scratch);
	struct slice type = {meter__buffer_cstr(&plans->type), plans->type.size};
	if (code == METER_OK && !meter__event_is_reserved(type))
		code = meter__store_name(w->reader, &plan->type, type);
	plan->is_metered = w->meters->in_force && meter__catalog_is_metered(w->meters->in_force, type);
	if (code == METER_OK && !plan_measures(plan, w->meters, type, &plans->scratch))
		code = METER_ENOMEM;
	return code == METER_ENOMEM ? meter__fail(METER_ENOMEM, "no memory for a shape") : code;
}

static int make_room_for_shape(struct plans *plans, int64_t shape)
{
	if (shape < (int64_t)plans->capacity)
		return METER_OK;
	size_t capacity = plans->capacity ? plans->capacity : 64;
	while ((int64_t)capacity <= shape)
		capacity *= 2;
	struct shape_plan **list = realloc(plans->list, capacity * sizeof(struct shape_plan *));
	if (!list)
		return meter__fail(METER_ENOMEM, "no memory for a shape");
	memset(list + plans->capacity, 0, (capacity - plans->capacity) * sizeof(struct shape_plan *));
	plans->list = list;
	plans->capacity = capacity;
	return METER_OK;
}

/* METER_ECORRUPT: the file has no such shape. */
static int find_plan(struct worker *w, int64_t shape, struct shape_plan **out)
{
	struct plans *plans = w->plans;
	*out = plans->last;
	if (plans->last && plans->last->shape == shape)
		return METER_OK;
	if (shape < 0 || shape > SHAPE_MAX)
		return meter__fail(METER_ECORRUPT, "shape %lld is missing", (long long)shape);
	int code = make_room_for_shape(plans, shape);
	if (code == METER_OK && !plans->list[shape]) {
		struct shape_plan *plan = calloc(1, sizeof(*plan));
		if (!plan)
			return meter__fail(METER_ENOMEM, "no memory for a shape");
		plan->shape = shape;
		code = make_plan(w, shape, plan);
		if (code != METER_OK)
			free_plan(plan);
		else
			plans->list[shape] = plan;
	}
	if (code == METER_OK)
		*out = plans->last = plans->list[shape];
	return code;
}

/* ---- elements ---- */

/* Past the element that begins at p; NULL: it does not end. */
static const char *end_of_element(const char *p, const char *end)
{
	if (*p != '"') {
		while (p < end && *p != ',' && *p != ']')
			p++;
		return p;
	}
	for (const char *from = p + 1; from < end; from = p + 1) {
		p = memchr(from, '"', (size_t)(end - from));
		if (!p)
			return NULL;
		size_t backslashes = 0;
		while (p[-1 - (ptrdiff_t)backslashes] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return p + 1;
	}
	return NULL;
}

/* The first elements of an array, as they are written. */
static bool find_elements(struct slice *elements, size_t needed, struct slice array)
{
	const char *p = array.data, *end = array.data + array.size;
	if (array.size < 2 || *p != '[' || end[-1] != ']')
		return false;
	for (size_t i = 0; i < needed; i++) {
		const char *start = p + 1; /* past [ or , */
		p = start < end ? end_of_element(start, end) : NULL;
		if (!p || p == start || p >= end || *p != (i + 1 < needed ? ',' : *p))
			return false;
		elements[i] = (struct slice){start, (size_t)(p - start)};
	}
	return true;
}

/* The same for an object of an open shape: the values of the names that meters ask for, written as an array would have them. */
static int find_open_elements(struct plans *plans, const struct shape_plan *plan, struct slice object, bool *ok)
{
	struct property properties[EVENT_PROPERTIES_MAX];
	size_t count = 0, at[EVENT_PROPERTIES_MAX + 1];
	int code = meter__properties_read(properties, EVENT_PROPERTIES_MAX, &count, &plans->scratch, object.data, object.size);
	*ok = code == METER_OK;
	if (code != METER_OK)
		return code == METER_EINVAL ? METER_OK : code;
	meter__buffer_reset(&plans->open_values);
	for (size_t i = 0; i < plan->name_count; i++) {
		at[i] = plans->open_values.size;
		for (size_t k = 0; k < count; k++) {
			if (meter__slice_equal(properties[k].name, plan->names[i]))
				meter__buffer_json(&plans->open_values, properties[k].value);
		}
	}
	at[plan->name_count] = plans->open_values.size;
	if (plans->open_values.failed)
		return meter__fail(METER_ENOMEM, "no memory for an event");
	for (size_t i = 0; i < plan->name_count; i++)
		plans->elements[i] = at[i] == at[i + 1] ? (struct slice){NULL, 0}
		                                        : (struct slice){plans->open_values.data + at[i], at[i + 1] - at[i]};
	return METER_OK;
}

static struct slice element_at(const struct plans *plans, int slot)
{
	return slot < 0 ? (struct slice){NULL, 0} : plans->elements[slot];
}

/* ---- one meter ---- */

static bool is_allowed(const struct plan_filter *filter, struct slice element)
{
	for (size_t i = 0; element.data && i < filter->count; i++) {
		if (meter__slice_equal(element, *element.data == '"' ? filter->values[i].quoted : filter->values[i].bare))
			return true;
	}
	return false;
}

static bool is_covered(const struct plans *plans, const struct measure_plan *m, const struct raw_event *e)
{
	if (e->timestamp_us >= m->filled_before)
		return false;
	for (size_t i = 0; i < m->filter_count; i++) {
		if (!is_allowed(&m->filters[i], element_at(plans, m->filters[i].slot)))
			return false;
	}
	return true;
}

static void write_set(struct buffer *out, const struct plans *plans, const struct measure_plan *m)
{
	meter__buffer_reset(out);
	for (size_t i = 0; i < m->dimension_count; i++) {
		struct slice element = element_at(plans, m->dimensions[i].slot);
		meter__buffer_slice(out, m->dimensions[i].before);
		if (!element.data) {
			meter__buffer_append(out, "null", 4);
		} else if (*element.data == '"') {
			meter__buffer_slice(out, element);
		} else {
			meter__buffer_char(out, '"');
			meter__buffer_slice(out, element);
			meter__buffer_char(out, '"');
		}
	}
	if (m->dimension_count == 0)
		meter__buffer_char(out, '{');
	meter__buffer_char(out, '}');
}

/* The number of a text in table name; a text it does not have gets one below zero, so that it matches no row. */
static int number_set(struct worker *w, struct slice text, int64_t *out)
{
	struct plans *plans = w->plans;
	size_t index, known = plans->sets.count;
	int code = meter__intern_index(&plans->sets, text, &index);
	if (code != METER_OK)
		return code;
	if (plans->number_capacity < plans->sets.capacity) {
		int64_t *numbers = realloc(plans->numbers, plans->sets.capacity * sizeof(*numbers));
		if (!numbers)
			return meter__fail(METER_ENOMEM, "no memory for dimensions");
		plans->numbers = numbers;
		plans->number_capacity = plans->sets.capacity;
	}
	if (index == known) {
		code = meter__store_name(w->reader, &plans->numbers[index], text);
		if (plans->numbers[index] == 0)
			plans->numbers[index] = -(int64_t)index - 1;
	}
	*out = plans->numbers[index];
	return code;
}

static int find_set(struct worker *w, struct measure_plan *m, int64_t *out)
{
	struct plans *plans = w->plans;
	if (m->none > 0) {
		*out = m->none;
		return METER_OK;
	}
	write_set(&plans->set, plans, m);
	if (plans->set.failed)
		return meter__fail(METER_ENOMEM, "no memory for dimensions");
	int code = number_set(w, (struct slice){plans->set.data, plans->set.size}, out);
	if (code == METER_OK && m->dimension_count == 0)
		m->none = *out;
	return code;
}

/* An element as a decimal that an event may have. */
static bool read_element(struct slice element, int64_t *coefficient, int32_t *scale)
{
	struct decimal value;
	if (!element.data)
		return false;
	if (*element.data == '"')
		element = (struct slice){element.data + 1, element.size - 2};
	*scale = 0;
	*coefficient = 0;
	size_t at = element.size > 0 && *element.data == '-', digits = at;
	while (digits < element.size && digits < 18 && element.data[digits] >= '0' && element.data[digits] <= '9')
		*coefficient = *coefficient * 10 + (element.data[digits++] - '0');
	if (digits == element.size && digits > at) {
		*coefficient = at ? -*coefficient : *coefficient;
		return true;
	}
	if (meter__decimal_parse(&value, element.data, element.size) != METER_OK || !meter__decimal_is_event_value(value))
		return false;
	*coefficient = (int64_t)value.coefficient;
	*scale = value.scale;
	return true;
}

/* false: the meter covers the event and cannot read it. */
static bool read_value(const struct plans *plans, const struct measure_plan *m, const struct raw_event *e, int64_t *coefficient,
                       int32_t *scale)
{
	*coefficient = 1;
	*scale = 0;
	if (m->aggregation == AGGREGATION_COUNT)
		return true;
	if (m->aggregation == AGGREGATION_UNIQUE_COUNT && m->value != SLOT_EVENT)
		return element_at(plans, m->value).data != NULL;
	if (m->value != SLOT_EVENT)
		return read_element(element_at(plans, m->value), coefficient, scale);
	*coefficient = (int64_t)e->value.coefficient;
	*scale = e->value.scale;
	return true;
}

static int measure(struct worker *w, struct measure_plan *m, const struct raw_event *e)
{
	int64_t set = 0, coefficient;
	int32_t scale;
	if (!is_covered(w->plans, m, e))
		return METER_OK;
	int code = find_set(w, m, &set);
	if (code != METER_OK)
		return code;
	int64_t start = m->is_sample ? e->timestamp_us : 0;
	struct group *group = meter__groups_find(&w->minute, m->meter, e->subscription, set, start);
	if (!group)
		return METER_ENOMEM;
	if (read_value(w->plans, m, e, &coefficient, &scale)) {
		w->has_negative |= coefficient < 0;
		meter__tally_event(&group->sum, m->aggregation, coefficient, scale, e->timestamp_us);
	} else {
		group->sum.unmeasured++;
	}
	return METER_OK;
}

/* ---- one event ---- */

static int add_unreadable(struct worker *w, const struct raw_event *e, const char *why)
{
	char time[INSTANT_TEXT_SIZE];
	if (!w->glance)
		return METER_OK;
	meter__instant_format(time, e->timestamp_us);
	meter__buffer_reset(&w->place);
	meter__buffer_format(&w->place, "table event: %s, subscription ", time);
	int code = meter__store_text(w->reader, &w->place, e->subscription);
	if (code != METER_OK && code != METER_ENOMEM)
		meter__buffer_format(&w->place, "number %lld", (long long)e->subscription);
	if (e->id.data) {
		meter__buffer_text(&w->place, ", id ");
		meter__buffer_slice(&w->place, e->id);
	}
	struct slice place = {meter__buffer_cstr(&w->place), w->place.size}, none = {NULL, 0};
	code = meter__finding_add(&w->findings, "event_unreadable", meter__slice_of(why), place, none, none);
	if (code == METER_OK)
		meter__finding_about(&w->findings, e->subscription, (struct period){e->timestamp_us, e->timestamp_us + 1});
	return code;
}

int meter__verify_measure(struct worker *w, const struct raw_event *e)
{
	struct shape_plan *plan = NULL;
	if (e->is_taken_back) /* it counts nowhere */
		return METER_OK;
	if (!e->is_readable || !meter__decimal_is_event_value(e->value))
		return add_unreadable(w, e, "a stored event cannot be read");
	int code = find_plan(w, e->shape, &plan);
	if (code == METER_ECORRUPT)
		return add_unreadable(w, e, "the shape of a stored event cannot be read");
	bool ok = true;
	if (code == METER_OK && plan->count > 0) {
		if (plan->is_open)
			code = find_open_elements(w->plans, plan, e->properties, &ok);
		else
			ok = find_elements(w->plans->elements, plan->needed, e->properties);
	}
	if (code == METER_OK && !ok)
		return add_unreadable(w, e, "the properties of a stored event cannot be read");
	for (size_t i = 0; code == METER_OK && i < plan->count; i++)
		code = measure(w, &plan->measures[i], e);
	return code;
}

int meter__verify_type(struct worker *w, int64_t shape, int64_t *type_out, bool *is_metered_out)
{
	struct shape_plan *plan = NULL;
	const int code = find_plan(w, shape, &plan);
	*type_out = plan && code == METER_OK ? plan->type : 0;
	*is_metered_out = plan && code == METER_OK && plan->is_metered;
	return code == METER_ECORRUPT ? METER_OK : code;
}

void meter__plans_trim(struct plans *plans)
{
	if (plans->sets.count > SETS_MAX)
		meter__intern_reset(&plans->sets);
}

int meter__plans_dimensions(struct worker *w, struct buffer *out, int64_t number)
{
	if (number >= 0)
		return meter__store_text(w->reader, out, number);
	if ((size_t)(-number - 1) < w->plans->sets.count)
		meter__buffer_slice(out, meter__intern_text(&w->plans->sets, (size_t)(-number - 1)));
	return METER_OK;
}
