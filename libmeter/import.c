/*
 * import.c - what the readers of all vendors share: sorting out objects, writing the catalog, and the public call. (pure)
 *
 * The catalog is written as text, meters and plans apart, and at the end read back by the catalog's own reader: what comes out is
 * a catalog or nothing.
 */
#include "import.h"

#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "currency.h"
#include "error.h"

#define ALWAYS "1970-01-01T00:00:00Z"

/* ---- reading ---- */

static bool is_word_of(const char *words, struct slice word)
{
	while (*words != '\0') {
		size_t size = strcspn(words, " ");
		if (meter__slice_equal((struct slice){words, size}, word))
			return true;
		words += size + (words[size] == ' ');
	}
	return false;
}

bool meter__import_is(const struct yaml_node *node, const char *text)
{
	return node != NULL && node->kind == YAML_TEXT && meter__slice_equal(node->text, meter__slice_of(text));
}

/* null, false, 0, or empty. */
static bool says_nothing(const struct yaml_node *node)
{
	struct decimal number;

	if (node->kind != YAML_TEXT)
		return node->count == 0;
	if (meter__field_is_null(node) || node->text.size == 0 || meter__import_is(node, "false"))
		return true;
	return meter__decimal_parse(&number, node->text.data, node->text.size) == METER_OK && meter__decimal_is_zero(number);
}

int meter__import_refuse(const struct import *im, const struct yaml_node *at, const char *what)
{
	return meter__field_fail(&im->r, at, METER_EUNSUPPORTED, "%s of %s does not carry over to a catalog", what, im->vendor);
}

static int check_other_key(const struct import *im, const struct yaml_node *key, const struct import_object *object)
{
	if (is_word_of(object->ignored, key->text))
		return METER_OK;
	if (!is_word_of(object->refused, key->text))
		return meter__field_fail(&im->r, key, METER_EUNSUPPORTED,
		                         "unknown key \"%.100s\" in a %s of %s: it could change what is billed", key->text.data,
		                         object->what, im->vendor);
	if (says_nothing(key->value))
		return METER_OK;
	return meter__field_fail(&im->r, key, METER_EUNSUPPORTED, "\"%s\" in a %s of %s does not carry over to a catalog",
	                         key->text.data, object->what, im->vendor);
}

int meter__import_object(const struct import *im, const struct yaml_node *node, const struct import_object *object,
                         const struct yaml_node **values)
{
	if (node->kind != YAML_MAPPING)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "a %s of %s was expected", object->what, im->vendor);
	memset(values, 0, object->count * sizeof(*values));
	for (const struct yaml_node *key = node->first; key != NULL; key = key->next) {
		size_t i = 0;
		while (i < object->count && !meter__slice_equal(key->text, meter__slice_of(object->fields[i].name)))
			i++;
		if (i < object->count) {
			bool is_absent = key->value->kind == YAML_TEXT && meter__field_is_null(key->value);
			values[i] = is_absent ? NULL : key->value;
			continue;
		}
		int result = check_other_key(im, key, object);
		if (result != METER_OK)
			return result;
	}
	for (size_t i = 0; i < object->count; i++) {
		if (object->fields[i].use == FIELD_REQUIRED && values[i] == NULL)
			return meter__field_fail(&im->r, node, METER_ECATALOG, "\"%s\" is missing in a %s of %s",
			                         object->fields[i].name, object->what, im->vendor);
	}
	return METER_OK;
}

const struct yaml_node *meter__import_value(const struct yaml_node *mapping, const char *key)
{
	if (mapping->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *entry = mapping->first; entry != NULL; entry = entry->next) {
		if (meter__slice_equal(entry->text, meter__slice_of(key)))
			return entry->value;
	}
	return NULL;
}

int meter__import_text(const struct import *im, const struct yaml_node *node, size_t size_max, char **out)
{
	*out = NULL;
	return node == NULL ? METER_OK : meter__field_text(&im->r, node, size_max, out);
}

int meter__import_decimal(const struct import *im, const struct yaml_node *node, struct decimal *out)
{
	*out = DECIMAL_ZERO;
	return node == NULL ? METER_OK : meter__field_decimal(&im->r, node, out);
}

int meter__import_minor(const struct import *im, const struct yaml_node *node, int32_t exponent, struct decimal *out)
{
	int result = meter__import_decimal(im, node, out);

	if (result != METER_OK || node == NULL)
		return result;
	result = meter__decimal_multiply(out, *out, (struct decimal){1, exponent});
	return result == METER_OK ? METER_OK : meter__fail_in(result, "%s:%d:%d: ", im->r.name, node->line, node->column);
}

int meter__import_check_tier(const struct import *im, const struct yaml_node *node, const struct import_tier *tier,
                             const struct import_tier *previous)
{
	bool is_last = node->next == NULL;

	if (is_last && tier->has_up_to)
		return meter__field_fail(&im->r, node, METER_EUNSUPPORTED, "the last tier ends: what is above it has no price");
	if (!is_last && !tier->has_up_to)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "a tier without end that is not the last one");
	struct decimal bottom = previous == NULL ? DECIMAL_ZERO : previous->up_to;
	if (tier->has_up_to && meter__decimal_compare(tier->up_to, bottom) <= 0)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "a tier that does not end above the one before");
	return METER_OK;
}

/* ---- writing ---- */

/* Whether a text means itself in YAML without quotes, to everyone who reads it. */
static bool is_plain(const char *text)
{
	static const char words[] =
		"null Null NULL true True TRUE false False FALSE yes Yes YES no No NO on On ON off Off OFF y Y n N";

	if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z')))
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		bool is_letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
		if (!is_letter && *p != '_' && *p != '-' && *p != '.')
			return false;
	}
	return !is_word_of(words, meter__slice_of(text));
}

static void put_text(struct buffer *out, const char *text)
{
	if (is_plain(text))
		meter__buffer_text(out, text);
	else
		meter__buffer_json(out, meter__slice_of(text));
}

static void put_entry(struct buffer *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	meter__buffer_text(out, name);
	put_text(out, text);
	meter__buffer_char(out, '\n');
}

static bool has_key(const struct import_key *keys, struct slice key)
{
	while (keys != NULL && !meter__slice_equal(meter__slice_of(keys->text), key))
		keys = keys->next;
	return keys != NULL;
}

static int add_key(const struct import *im, struct import_key **keys, const char *text)
{
	struct import_key *key = meter__arena_array(im->r.arena, 1, sizeof(*key));

	if (key == NULL)
		return meter__field_no_memory();
	*key = (struct import_key){text, *keys};
	*keys = key;
	return METER_OK;
}

int meter__import_plan(struct import *im, const struct yaml_node *at, const char *key, const char *name, const char *currency,
                       struct import_plan **out)
{
	struct import_plan **end = &im->plans;
	int32_t exponent = meter__currency_exponent(meter__slice_of(currency));

	if (exponent < 0)
		return meter__field_fail(&im->r, at, METER_ECATALOG, "\"%.100s\": a currency of ISO 4217 was expected", currency);
	for (; *end != NULL; end = &(*end)->next) {
		*out = *end;
		if (strcmp((*end)->key, key) == 0)
			return METER_OK;
	}
	*end = *out = meter__arena_array(im->r.arena, 1, sizeof(**out));
	if (*out == NULL)
		return meter__field_no_memory();
	**out = (struct import_plan){
		.key = key, .name = name, .currency = currency, .effective_from = ALWAYS, .exponent = exponent};
	return METER_OK;
}

bool meter__import_has_meter(const struct import *im, struct slice key)
{
	return has_key(im->meters, key);
}

int meter__import_meter(struct import *im, const struct yaml_node *at, const char *key, const char *event_type,
                        const char *aggregation, const char *value)
{
	struct buffer *out = &im->meter_text;

	if (has_key(im->meters, meter__slice_of(key)))
		return meter__field_fail(&im->r, at, METER_ECATALOG, "a second meter \"%s\"", key);
	int result = add_key(im, &im->meters, key);
	meter__buffer_text(out, "  ");
	put_text(out, key);
	meter__buffer_text(out, ":\n");
	put_entry(out, "    event_type: ", event_type);
	put_entry(out, "    aggregation: ", aggregation);
	put_entry(out, "    value: ", value);
	return result;
}

/* key, key-2, key-3 ... */
static int unique_key(const struct import *im, const struct import_plan *plan, const char *key, const char **out)
{
	struct buffer text = {0};

	*out = key;
	for (int number = 2; *out != NULL && has_key(plan->charges, meter__slice_of(*out)); number++) {
		meter__buffer_reset(&text);
		meter__buffer_format(&text, "%s-%d", key, number);
		*out = text.failed ? NULL : meter__arena_copy(im->r.arena, (struct slice){text.data, text.size});
	}
	meter__buffer_free(&text);
	return *out == NULL ? meter__field_no_memory() : METER_OK;
}

int meter__import_charge(struct import *im, struct import_plan *plan, const struct import_charge *charge)
{
	const char *key;
	int result = unique_key(im, plan, charge->key, &key);

	if (result == METER_OK)
		result = add_key(im, &plan->charges, key);
	if (result != METER_OK)
		return result;
	put_entry(&plan->text, "      - key: ", key);
	put_entry(&plan->text, "        name: ", charge->name);
	put_entry(&plan->text, "        meter: ", charge->meter);
	put_entry(&plan->text, "        model: ", charge->model);
	return METER_OK;
}

void meter__import_put_word(struct import_plan *plan, const char *name, const char *word)
{
	meter__buffer_format(&plan->text, "        %s: %s\n", name, word);
}

static void put_decimal(struct buffer *out, struct decimal value, int32_t scale)
{
	char text[DECIMAL_TEXT_SIZE];

	meter__decimal_format_fixed(text, value, scale);
	meter__buffer_format(out, "\"%s\"", text);
}

void meter__import_put(struct import_plan *plan, const char *name, struct decimal value, bool is_money)
{
	meter__buffer_format(&plan->text, "        %s: ", name);
	put_decimal(&plan->text, value, is_money ? plan->exponent : 0);
	meter__buffer_char(&plan->text, '\n');
}

void meter__import_put_tier(struct import_plan *plan, const char *price_name, const struct import_tier *tier)
{
	const char *separator = "";

	meter__buffer_text(&plan->text, "          - {");
	if (tier->has_up_to) {
		meter__buffer_text(&plan->text, "up_to: ");
		put_decimal(&plan->text, tier->up_to, 0);
		separator = ", ";
	}
	if (tier->has_price) {
		meter__buffer_format(&plan->text, "%s%s: ", separator, price_name);
		put_decimal(&plan->text, tier->price, plan->exponent);
		separator = ", ";
	}
	if (!tier->has_price || !meter__decimal_is_zero(tier->flat)) {
		meter__buffer_format(&plan->text, "%sflat: ", separator);
		put_decimal(&plan->text, tier->flat, plan->exponent);
	}
	meter__buffer_text(&plan->text, "}\n");
}

/* ---- the whole ---- */

static void put_plan(struct buffer *out, const struct import_plan *plan)
{
	put_entry(out, "  - key: ", plan->key);
	put_entry(out, "    name: ", plan->name);
	put_entry(out, "    currency: ", plan->currency);
	meter__buffer_format(out, "    period: month\n    effective_from: %s\n    charges:%s\n", plan->effective_from,
	                     plan->text.size == 0 ? " []" : "");
	meter__buffer_slice(out, (struct slice){plan->text.data, plan->text.size});
	out->failed |= plan->text.failed;
}

static void put_catalog(struct buffer *out, const struct import *im)
{
	meter__buffer_text(out, "version: 1\n");
	if (im->meters != NULL)
		meter__buffer_text(out, "meters:\n");
	meter__buffer_slice(out, (struct slice){im->meter_text.data, im->meter_text.size});
	out->failed |= im->meter_text.failed;
	if (im->plans != NULL)
		meter__buffer_text(out, "plans:\n");
	for (const struct import_plan *plan = im->plans; plan != NULL; plan = plan->next)
		put_plan(out, plan);
}

/* Whatever a reader let pass that the language does not: bounds of keys and counts. */
static int check_catalog(const char *name, struct buffer *text)
{
	struct meter_catalog *catalog;
	int result = meter__catalog_read(&catalog, "catalog", meter__buffer_cstr(text), text->size);

	meter__catalog_release(catalog);
	return result == METER_OK || result == METER_ENOMEM
	               ? result
	               : meter__fail_in(result, "%s:1:1: the catalog made of it is refused: ", name);
}

static int write_catalog(char **out, const struct import *im)
{
	struct buffer text = {0};

	put_catalog(&text, im);
	int result = text.failed ? meter__field_no_memory() : check_catalog(im->r.name, &text);
	if (result == METER_OK) {
		*out = meter__copy((struct slice){text.data, text.size});
		result = *out == NULL ? meter__field_no_memory() : METER_OK;
	}
	meter__buffer_free(&text);
	return result;
}

typedef int (*import_reader)(struct import *im, const struct yaml_node *root);

static import_reader find_reader(const char *from, const char **vendor_out)
{
	static const struct {
		const char *from;
		const char *vendor;
		import_reader read;
	} readers[] = {{"stripe", "Stripe", meter__import_stripe},
	               {"openmeter", "OpenMeter", meter__import_openmeter},
	               {"lago", "Lago", meter__import_lago}};

	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		if (strcmp(readers[i].from, from) == 0) {
			*vendor_out = readers[i].vendor;
			return readers[i].read;
		}
	}
	return NULL;
}

int meter_plan_import(char **out, const char *from, const char *name, const char *text, size_t size)
{
	struct arena arena = {0};
	struct import im = {.r = {name, &arena}};
	const struct yaml_node *root;

	if (out == NULL)
		return meter__fail(METER_EINVAL, "out is NULL");
	*out = NULL;
	if (from == NULL || name == NULL || text == NULL)
		return meter__fail(METER_EINVAL, "%s is NULL", from == NULL ? "from" : name == NULL ? "name" : "text");
	import_reader read = find_reader(from, &im.vendor);
	if (read == NULL)
		return meter__fail_value(METER_EINVAL, from, strlen(from), "stripe, openmeter or lago was expected");
	int result = meter__yaml_read(&root, &arena, name, text, size == METER_NUL_TERMINATED ? strlen(text) : size);
	if (result == METER_OK)
		result = read(&im, root);
	if (result == METER_OK)
		result = write_catalog(out, &im);
	for (struct import_plan *plan = im.plans; plan != NULL; plan = plan->next)
		meter__buffer_free(&plan->text);
	meter__buffer_free(&im.meter_text);
	meter__arena_free(&arena);
	return result;
}

void meter_text_free(char *text)
{
	free(text);
}
