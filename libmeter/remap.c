/*
 * remap.c - see remap.h. The members of the object, and those of its properties, are read into two lists; then the object is
 * written anew: members that no rule replaces or moves as they were, then what the rules give.
 */
#include "remap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"

#define MEMBERS_MAX 160 /* more than any event that the reader takes has */
#define PROPERTY_PREFIX "properties."
#define PREFIX_SIZE (sizeof(PROPERTY_PREFIX) - 1)

struct member {
	struct slice name;
	struct json_value value;
};

struct members {
	struct member all[MEMBERS_MAX];
	size_t count;
};

struct remap {
	struct members top;
	struct members inner; /* of properties or data */
	struct slice container;
	bool has_container;
	bool is_cloudevent;
	const meter_retry_rule *rules;
	size_t count;
	char number[24];
};

static const char *const fields[] = {"subscription", "id", "type", "timestamp", "value", "source", "sequence"};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* Names that mean something where they stand: a rule that reads one leaves it there. */
static const char *const own_names[] = {"subscription", "id",          "type",    "timestamp", "value", "source",     "sequence",
                                        "properties",   "specversion", "subject", "time",      "data",  "data_base64"};

static bool is_one_of(const char *const *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++) {
		if (meter__slice_equal(meter__slice_of(names[i]), name))
			return true;
	}
	return false;
}

/* NAME of "properties.NAME"; absent: it is none. */
static struct slice property_name(const char *text)
{
	if (strncmp(text, PROPERTY_PREFIX, PREFIX_SIZE) != 0)
		return (struct slice){NULL, 0};
	return meter__slice_of(text + PREFIX_SIZE);
}

static int check_rule(const meter_retry_rule *rule)
{
	if (!rule->field || !rule->source)
		return meter__fail(METER_EINVAL, "a rule without field or source");
	struct slice name = property_name(rule->field);
	if (name.data ? name.size == 0 : !is_one_of(fields, FIELD_COUNT, meter__slice_of(rule->field)))
		return meter__fail_value(
			METER_EINVAL, rule->field, strlen(rule->field),
			"subscription, id, type, timestamp, value, source, sequence or properties.NAME was expected");
	if (!*rule->source || strcmp(rule->source, PROPERTY_PREFIX) == 0)
		return meter__fail(METER_EINVAL, "%s: the name of a member is missing", rule->field);
	if (rule->source[0] == '#' && strcmp(rule->source, "#number") != 0)
		return meter__fail_value(METER_EINVAL, rule->source, strlen(rule->source), "#number was expected");
	return METER_OK;
}

int meter__remap_check(const meter_retry_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int code = check_rule(&rules[i]);
		if (code != METER_OK)
			return code;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(rules[k].field, rules[i].field) == 0)
				return meter__fail(METER_EINVAL, "%s is given twice", rules[i].field);
		}
	}
	return METER_OK;
}

/* ---- reading ---- */

static int read_members(struct remap *r, struct json *j, struct members *out);

static int read_member(struct remap *r, struct json *j, struct members *out)
{
	struct member *member = &out->all[out->count];
	int code = meter__json_value(j, &member->value);
	if (code != METER_OK || (member->value.kind != JSON_OBJECT && member->value.kind != JSON_ARRAY)) {
		out->count += code == METER_OK;
		return code;
	}
	bool is_container = out == &r->top && member->value.kind == JSON_OBJECT &&
	                    (meter__slice_equal(member->name, (struct slice)SLICE("properties")) ||
	                     meter__slice_equal(member->name, (struct slice)SLICE("data")));
	if (!is_container) {
		out->count++;
		return meter__json_skip(j, &member->value);
	}
	if (r->has_container) /* both, or one of them twice: no event, whatever the rules say */
		return METER_EINVAL;
	r->has_container = true;
	r->container = member->name;
	return read_members(r, j, &r->inner);
}

/* METER_OK, or METER_EINVAL: no object that an event could be in. */
static int read_members(struct remap *r, struct json *j, struct members *out)
{
	for (bool first = true;; first = false) {
		struct slice name;
		int code = meter__json_member(j, &name, first);
		if (code == METER_EEND)
			return METER_OK;
		if (code != METER_OK || out->count == MEMBERS_MAX)
			return METER_EINVAL;
		out->all[out->count].name = name;
		code = read_member(r, j, out);
		if (code != METER_OK)
			return code;
	}
}

static const struct member *find(const struct members *members, struct slice name)
{
	for (size_t i = 0; i < members->count; i++) {
		if (meter__slice_equal(members->all[i].name, name))
			return &members->all[i];
	}
	return NULL;
}

/* ---- rules ---- */

/* What the rule gives; false: this object has no such member. */
static bool value_of(const struct remap *r, const meter_retry_rule *rule, struct json_value *out)
{
	*out = (struct json_value){.kind = JSON_STRING};
	if (rule->source[0] == ':') {
		out->text = meter__slice_of(rule->source + 1);
		return true;
	}
	if (rule->source[0] == '#') {
		out->text = meter__slice_of(r->number);
		return true;
	}
	struct slice property = property_name(rule->source);
	const struct member *member = property.data ? find(&r->inner, property) : find(&r->top, meter__slice_of(rule->source));
	if (!member || member->value.kind == JSON_NULL)
		return false;
	*out = member->value;
	return true;
}

/* Where the field of a rule stands in this object: the name of a member of top or inner. */
static struct slice target_of(const struct remap *r, const meter_retry_rule *rule, bool *is_inner)
{
	struct slice property = property_name(rule->field);
	*is_inner = property.data != NULL;
	if (property.data)
		return property;
	if (r->is_cloudevent && strcmp(rule->field, "subscription") == 0)
		return (struct slice)SLICE("subject");
	if (r->is_cloudevent && strcmp(rule->field, "timestamp") == 0)
		return (struct slice)SLICE("time");
	*is_inner = r->is_cloudevent && strcmp(rule->field, "value") == 0;
	return meter__slice_of(rule->field);
}

/* Whether a member stands elsewhere in the result, or something else stands there. */
static bool is_moved(const struct remap *r, struct slice name, bool is_inner)
{
	for (size_t i = 0; i < r->count; i++) {
		const meter_retry_rule *rule = &r->rules[i];
		struct json_value value;
		bool is_target_inner;
		if (!value_of(r, rule, &value))
			continue;
		struct slice target = target_of(r, rule, &is_target_inner);
		if (is_target_inner == is_inner && meter__slice_equal(target, name))
			return true;
		struct slice property = property_name(rule->source);
		if (is_inner ? property.data && meter__slice_equal(property, name)
		             : meter__slice_equal(meter__slice_of(rule->source), name) &&
		                       !is_one_of(own_names, sizeof(own_names) / sizeof(own_names[0]), name))
			return true;
	}
	return false;
}

/* ---- writing ---- */

static void write_member(struct buffer *out, bool *is_first, struct slice name, struct json_value value)
{
	if (!*is_first)
		meter__buffer_char(out, ',');
	*is_first = false;
	meter__buffer_json(out, name);
	meter__buffer_char(out, ':');
	if (value.kind == JSON_STRING)
		meter__buffer_json(out, value.text);
	else if (value.kind == JSON_NULL)
		meter__buffer_text(out, "null");
	else
		meter__buffer_slice(out, value.text);
}

static void write_members(struct buffer *out, const struct remap *r, bool is_inner, bool *is_first)
{
	const struct members *members = is_inner ? &r->inner : &r->top;
	for (size_t i = 0; i < members->count; i++) {
		if (!is_moved(r, members->all[i].name, is_inner))
			write_member(out, is_first, members->all[i].name, members->all[i].value);
	}
	for (size_t i = 0; i < r->count; i++) {
		struct json_value value;
		bool is_target_inner;
		struct slice target = target_of(r, &r->rules[i], &is_target_inner);
		if (is_target_inner == is_inner && value_of(r, &r->rules[i], &value))
			write_member(out, is_first, target, value);
	}
}

static bool has_inner(const struct remap *r)
{
	bool found = r->has_container;
	for (size_t i = 0; i < r->count && !found; i++) {
		struct json_value value;
		(void)target_of(r, &r->rules[i], &found);
		found = found && value_of(r, &r->rules[i], &value);
	}
	return found;
}

static void write_object(struct buffer *out, const struct remap *r)
{
	bool is_first = true;
	meter__buffer_char(out, '{');
	write_members(out, r, false, &is_first);
	if (has_inner(r)) {
		struct slice name = r->is_cloudevent ? (struct slice)SLICE("data") : (struct slice)SLICE("properties");
		if (!is_first)
			meter__buffer_char(out, ',');
		meter__buffer_json(out, r->has_container ? r->container : name);
		meter__buffer_text(out, ":{");
		is_first = true;
		write_members(out, r, true, &is_first);
		meter__buffer_char(out, '}');
	}
	meter__buffer_char(out, '}');
}

static bool applies(const struct remap *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct json_value value;
		if (value_of(r, &r->rules[i], &value))
			return true;
	}
	return false;
}

int meter__remap(struct buffer *out, bool *is_mapped_out, struct buffer *scratch, struct slice text,
                 const meter_retry_rule *rules, size_t count, int64_t number)
{
	struct remap r;
	struct json j;
	struct json_value root;
	*is_mapped_out = false;
	r.top.count = r.inner.count = 0;
	r.has_container = false;
	r.rules = rules;
	r.count = count;
	snprintf(r.number, sizeof(r.number), "%" PRId64, number);
	int code = count > 0 ? meter__json_begin(&j, scratch, text.data, text.size) : METER_EINVAL;
	if (code == METER_OK)
		code = meter__json_value(&j, &root);
	if (code == METER_OK && root.kind != JSON_OBJECT)
		code = METER_EINVAL;
	if (code == METER_OK)
		code = read_members(&r, &j, &r.top);
	if (code == METER_OK)
		code = meter__json_end(&j);
	if (code != METER_OK)
		return code == METER_ENOMEM ? code : METER_OK;
	r.is_cloudevent = find(&r.top, (struct slice)SLICE("specversion")) != NULL;
	if (!applies(&r))
		return METER_OK;
	*is_mapped_out = true;
	meter__buffer_reset(out);
	write_object(out, &r);
	return out->failed ? meter__fail(METER_ENOMEM, "no memory to map an event") : METER_OK;
}
