/*
 * import_openmeter.c - OpenMeter: a plan of one phase with its meters and features beside it, or meters alone. (pure)
 *
 * A rate card is a charge. Its feature leads to a meter: by the document's "features", else by a meter of the same slug. As
 * OpenMeter bills it, the flat price of a first tier is due at 0 units, and flat fees are prorated unless the plan switches that
 * off. A rate card without a price is free and becomes no charge.
 */
#include <string.h>

#include "event.h"
#include "import.h"
#include "instant.h"

struct card {
	const struct yaml_node *at;
	struct import_plan *plan;
	const struct yaml_node *features; /* of the document; NULL: none */
	bool is_prorated;
	char *key;
	char *name;
	char *meter; /* NULL: of a flat price */
	const struct yaml_node *price;
	const struct yaml_node *discounts; /* NULL: none */
};

/* ---- meters ---- */

/* "$.tokens" is the property tokens; properties of an event have no depth. */
static int read_path(const struct import *im, const struct yaml_node *node, char **out)
{
	char *path;

	int result = meter__import_text(im, node, EVENT_PROPERTY_NAME_MAX + 2, &path);
	if (result != METER_OK)
		return result;
	if (strncmp(path, "$.", 2) != 0 || path[2] == '\0' || strpbrk(path + 2, ".[]*$@?()'\" ") != NULL)
		return meter__field_fail(&im->r, node, METER_EUNSUPPORTED, "\"%.100s\": a path like $.name was expected", path);
	*out = path + 2;
	return METER_OK;
}

static int write_dimensions(struct import *im, const struct yaml_node *node)
{
	int result = meter__field_keys(&im->r, node, "dimension", SIZE_MAX);
	for (const struct yaml_node *key = node->first; key != NULL && result == METER_OK; key = key->next) {
		char *property;
		result = read_path(im, key->value, &property);
		if (result != METER_OK)
			return result;
		if (!meter__slice_equal(key->text, meter__slice_of(property)))
			return meter__field_fail(&im->r, key->value, METER_EUNSUPPORTED,
			                         "\"groupBy\" calls \"%s\" by another name; a dimension has that of its property",
			                         property);
		meter__buffer_text(&im->meter_text, key == node->first ? "    dimensions: [" : ", ");
		meter__buffer_json(&im->meter_text, meter__slice_of(property));
	}
	if (node->first != NULL)
		meter__buffer_text(&im->meter_text, "]\n");
	return result;
}

static int read_aggregation(const struct import *im, const struct yaml_node *node, const char **out)
{
	static const struct choice choices[] = {{"SUM", 0},
	                                        {"COUNT", 1},
	                                        {"MAX", 2},
	                                        {"MIN", 3},
	                                        {"LATEST", 4},
	                                        {"AVG", CHOICE_UNSUPPORTED},
	                                        {"UNIQUE_COUNT", CHOICE_UNSUPPORTED}};
	static const char *const names[] = {"sum", "count", "max", "min", "latest"};
	int value = 0;

	int result = meter__field_choice(&im->r, node, choices, COUNT_OF(choices), &value);
	*out = names[value];
	return result;
}

static int read_meter(struct import *im, const struct yaml_node *node)
{
	enum { SLUG, EVENT_TYPE, AGGREGATION, VALUE_PROPERTY, GROUP_BY, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[SLUG] = {"slug", FIELD_REQUIRED},
	                                                 [EVENT_TYPE] = {"eventType", FIELD_REQUIRED},
	                                                 [AGGREGATION] = {"aggregation", FIELD_REQUIRED},
	                                                 [VALUE_PROPERTY] = {"valueProperty", FIELD_OPTIONAL},
	                                                 [GROUP_BY] = {"groupBy", FIELD_OPTIONAL}};
	static const struct import_object object = {"meter", fields, FIELD_COUNT,
	                                            "id name description windowSize metadata createdAt updatedAt deletedAt",
	                                            "eventFrom"};
	const struct yaml_node *values[FIELD_COUNT];
	const char *aggregation;
	char *key;
	char *event_type;
	char *value = NULL;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__import_text(im, values[SLUG], FIELD_KEY_MAX, &key);
	if (result == METER_OK)
		result = meter__import_text(im, values[EVENT_TYPE], EVENT_TYPE_MAX, &event_type);
	if (result == METER_OK)
		result = read_aggregation(im, values[AGGREGATION], &aggregation);
	if (result != METER_OK)
		return result;
	if ((values[VALUE_PROPERTY] == NULL) != (strcmp(aggregation, "count") == 0))
		return meter__field_fail(&im->r, node, METER_ECATALOG,
		                         "\"valueProperty\" was expected for every aggregation but COUNT");
	if (values[VALUE_PROPERTY] != NULL)
		result = read_path(im, values[VALUE_PROPERTY], &value);
	if (result == METER_OK)
		result = meter__import_meter(im, node, key, event_type, aggregation, value);
	if (result == METER_OK && values[GROUP_BY] != NULL)
		result = write_dimensions(im, values[GROUP_BY]);
	return result;
}

static int read_meters(struct import *im, const struct yaml_node *list)
{
	int result = meter__field_list(&im->r, list, "meter", SIZE_MAX);

	for (const struct yaml_node *item = list->first; item != NULL && result == METER_OK; item = item->next)
		result = read_meter(im, item);
	return result;
}

/* ---- features ---- */

static int read_feature(const struct import *im, const struct yaml_node *node, char **meter_out)
{
	enum { KEY, METER_SLUG, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[KEY] = {"key", FIELD_REQUIRED}, [METER_SLUG] = {"meterSlug", FIELD_REQUIRED}};
	static const struct import_object object = {"feature", fields, FIELD_COUNT,
	                                            "id name description metadata createdAt updatedAt deletedAt",
	                                            "archivedAt meterGroupByFilters advancedMeterGroupByFilters unitCost"};
	const struct yaml_node *values[FIELD_COUNT];

	int result = meter__import_object(im, node, &object, values);
	return result == METER_OK ? meter__import_text(im, values[METER_SLUG], FIELD_KEY_MAX, meter_out) : result;
}

static int find_meter(const struct import *im, struct card *c, const struct yaml_node *feature)
{
	int result = meter__import_text(im, feature, FIELD_KEY_MAX, &c->meter);

	if (result == METER_OK && c->features != NULL)
		result = meter__field_list(&im->r, c->features, "feature", SIZE_MAX);
	if (result != METER_OK)
		return result;
	const struct yaml_node *item = c->features == NULL ? NULL : c->features->first;
	while (item != NULL && !meter__import_is(meter__import_value(item, "key"), feature->text.data))
		item = item->next;
	if (item != NULL)
		result = read_feature(im, item, &c->meter);
	if (result == METER_OK && !meter__import_has_meter(im, meter__slice_of(c->meter)))
		return meter__field_fail(&im->r, feature, METER_EUNSUPPORTED,
		                         "no meter \"%s\" for this feature; the document needs it in a list \"meters\"",
		                         c->meter);
	return result;
}

/* ---- discounts and commitments ---- */

static int read_discount(const struct import *im, const struct yaml_node *node, const char *name, struct decimal *out)
{
	const struct field fields[] = {{name, FIELD_REQUIRED}};
	const struct import_object object = {"discount", fields, COUNT_OF(fields), "correlationId", ""};
	const struct yaml_node *value;

	*out = DECIMAL_ZERO;
	if (node == NULL)
		return METER_OK;
	int result = meter__import_object(im, node, &object, &value);
	return result == METER_OK ? meter__field_decimal(&im->r, value, out) : result;
}

/*
 * OpenMeter takes a percentage off before it looks at the least and the greatest amount, a catalog after; so they do not go
 * together.
 */
static int write_limits(const struct import *im, const struct card *c, const struct yaml_node *minimum,
                        const struct yaml_node *maximum, bool has_units)
{
	enum { PERCENTAGE, USAGE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[PERCENTAGE] = {"percentage", FIELD_OPTIONAL}, [USAGE] = {"usage", FIELD_OPTIONAL}};
	static const struct import_object object = {"rate card's discounts", fields, FIELD_COUNT, "", ""};
	const struct yaml_node *values[FIELD_COUNT] = {NULL};
	struct decimal percent, units, least, most;

	int result = c->discounts == NULL ? METER_OK : meter__import_object(im, c->discounts, &object, values);
	if (result == METER_OK)
		result = read_discount(im, values[PERCENTAGE], "percentage", &percent);
	if (result == METER_OK)
		result = read_discount(im, values[USAGE], "quantity", &units);
	if (result == METER_OK)
		result = meter__import_decimal(im, minimum, &least);
	if (result == METER_OK)
		result = meter__import_decimal(im, maximum, &most);
	if (result != METER_OK)
		return result;
	if (values[PERCENTAGE] != NULL && (minimum != NULL || maximum != NULL))
		return meter__import_refuse(im, values[PERCENTAGE],
		                            "a \"percentage\" off with \"minimumAmount\" or \"maximumAmount\"");
	if (values[USAGE] != NULL && !has_units)
		return meter__import_refuse(im, values[USAGE], "a \"usage\" discount of a price without units");
	if (values[USAGE] != NULL)
		meter__import_put(c->plan, "included", units, false);
	if (minimum != NULL)
		meter__import_put(c->plan, "minimum", least, true);
	if (maximum != NULL)
		meter__import_put(c->plan, "maximum", most, true);
	if (values[PERCENTAGE] != NULL) {
		meter__buffer_text(&c->plan->text, "        discounts:\n  ");
		meter__import_put(c->plan, "- percent", percent, false);
	}
	return METER_OK;
}

/* ---- prices ---- */

static int begin_charge(struct import *im, const struct card *c, const char *model)
{
	return meter__import_charge(im, c->plan, &(struct import_charge){c->key, c->name, c->meter, model});
}

static int write_flat(struct import *im, struct card *c)
{
	enum { TYPE, AMOUNT, PAYMENT_TERM, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[TYPE] = {"type", FIELD_REQUIRED},
	                                                 [AMOUNT] = {"amount", FIELD_REQUIRED},
	                                                 [PAYMENT_TERM] = {"paymentTerm", FIELD_OPTIONAL}};
	static const struct import_object object = {"flat price", fields, FIELD_COUNT, "", ""};
	static const struct choice terms[] = {{"in_advance", 0}, {"in_arrears", 1}};
	const struct yaml_node *values[FIELD_COUNT];
	struct decimal amount;
	int term = 0;

	int result = meter__import_object(im, c->price, &object, values);
	if (result == METER_OK)
		result = meter__field_decimal(&im->r, values[AMOUNT], &amount);
	if (result == METER_OK && values[PAYMENT_TERM] != NULL)
		result = meter__field_choice(&im->r, values[PAYMENT_TERM], terms, COUNT_OF(terms), &term);
	c->meter = NULL;
	if (result == METER_OK)
		result = begin_charge(im, c, "flat");
	if (result != METER_OK)
		return result;
	meter__import_put(c->plan, "amount", amount, true);
	meter__import_put_word(c->plan, "bill", terms[term].name);
	if (c->is_prorated)
		meter__import_put_word(c->plan, "proration", "time");
	return write_limits(im, c, NULL, NULL, false);
}

/* unit, package and dynamic: numbers with a name. */
static int write_numbers(struct import *im, const struct card *c, const struct import_object *object, const char *model,
                         const char *first, const char *second)
{
	enum { TYPE, MINIMUM, MAXIMUM, FIRST, SECOND, FIELD_COUNT };
	const struct yaml_node *values[FIELD_COUNT] = {NULL};
	struct decimal numbers[2] = {DECIMAL_ONE, DECIMAL_ONE};

	int result = meter__import_object(im, c->price, object, values);
	if (result == METER_OK && values[FIRST] != NULL)
		result = meter__field_decimal(&im->r, values[FIRST], &numbers[0]);
	if (result == METER_OK && second != NULL)
		result = meter__field_positive_decimal(&im->r, values[SECOND], &numbers[1]);
	if (result == METER_OK)
		result = begin_charge(im, c, model);
	if (result != METER_OK)
		return result;
	bool is_money = strcmp(first, "multiplier") != 0;
	meter__import_put(c->plan, first, numbers[0], is_money);
	if (second != NULL)
		meter__import_put(c->plan, second, numbers[1], false);
	return write_limits(im, c, values[MINIMUM], values[MAXIMUM], is_money);
}

#define COMMON_FIELDS                                                                                                            \
	{"type", FIELD_REQUIRED}, {"minimumAmount", FIELD_OPTIONAL},                                                             \
	{                                                                                                                        \
		"maximumAmount", FIELD_OPTIONAL                                                                                  \
	}

static int write_unit(struct import *im, const struct card *c)
{
	static const struct field fields[] = {COMMON_FIELDS, {"amount", FIELD_REQUIRED}};
	static const struct import_object object = {"unit price", fields, COUNT_OF(fields), "", ""};

	return write_numbers(im, c, &object, "unit", "price", NULL);
}

static int write_package(struct import *im, const struct card *c)
{
	static const struct field fields[] = {COMMON_FIELDS, {"amount", FIELD_REQUIRED}, {"quantityPerPackage", FIELD_REQUIRED}};
	static const struct import_object object = {"package price", fields, COUNT_OF(fields), "", ""};

	return write_numbers(im, c, &object, "package", "price", "per");
}

static int write_dynamic(struct import *im, const struct card *c)
{
	static const struct field fields[] = {COMMON_FIELDS, {"multiplier", FIELD_OPTIONAL}};
	static const struct import_object object = {"dynamic price", fields, COUNT_OF(fields), "", ""};

	return write_numbers(im, c, &object, "dynamic", "multiplier", NULL);
}

/* unitPrice or flatPrice of a tier. */
static int read_tier_price(const struct import *im, const struct yaml_node *node, const char *type, struct decimal *out)
{
	static const struct field fields[] = {{"type", FIELD_OPTIONAL}, {"amount", FIELD_REQUIRED}};
	static const struct import_object object = {"tier's price", fields, COUNT_OF(fields), "", ""};
	const struct yaml_node *values[COUNT_OF(fields)];

	*out = DECIMAL_ZERO;
	if (node == NULL)
		return METER_OK;
	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK && values[0] != NULL && !meter__import_is(values[0], type))
		return meter__field_fail(&im->r, values[0], METER_ECATALOG, "\"%s\" was expected", type);
	return result == METER_OK ? meter__field_decimal(&im->r, values[1], out) : result;
}

static int read_tier(const struct import *im, const struct yaml_node *node, struct import_tier *tier)
{
	enum { UP_TO, UNIT, FLAT, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[UP_TO] = {"upToAmount", FIELD_OPTIONAL},
	                                                 [UNIT] = {"unitPrice", FIELD_OPTIONAL},
	                                                 [FLAT] = {"flatPrice", FIELD_OPTIONAL}};
	static const struct import_object object = {"tier", fields, FIELD_COUNT, "", ""};
	const struct yaml_node *values[FIELD_COUNT];

	int result = meter__import_object(im, node, &object, values);
	if (result != METER_OK)
		return result;
	if (values[UNIT] == NULL && values[FLAT] == NULL)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "\"unitPrice\" or \"flatPrice\" is missing in a tier");
	tier->has_up_to = values[UP_TO] != NULL;
	tier->has_price = values[UNIT] != NULL;
	if (tier->has_up_to)
		result = meter__field_positive_decimal(&im->r, values[UP_TO], &tier->up_to);
	if (result == METER_OK)
		result = read_tier_price(im, values[UNIT], "unit", &tier->price);
	return result == METER_OK ? read_tier_price(im, values[FLAT], "flat", &tier->flat) : result;
}

static int write_tiers(struct import *im, const struct card *c, const struct yaml_node *list)
{
	struct import_tier tier = {0};
	struct import_tier previous;
	bool is_due_at_zero = false;

	int result = meter__field_filled_list(&im->r, list, "tier", SIZE_MAX);
	meter__buffer_text(&c->plan->text, "        tiers:\n");
	for (const struct yaml_node *item = list->first; item != NULL && result == METER_OK; item = item->next) {
		bool is_first = item == list->first;
		previous = tier;
		result = read_tier(im, item, &tier);
		if (result == METER_OK)
			result = meter__import_check_tier(im, item, &tier, is_first ? NULL : &previous);
		if (is_first)
			is_due_at_zero = !meter__decimal_is_zero(tier.flat);
		meter__import_put_tier(c->plan, "price", &tier);
	}
	if (is_due_at_zero)
		meter__import_put_word(c->plan, "flat_at_zero", "true");
	return result;
}

static int write_tiered(struct import *im, const struct card *c)
{
	enum { TYPE, MINIMUM, MAXIMUM, MODE, TIERS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {COMMON_FIELDS, {"mode", FIELD_REQUIRED}, {"tiers", FIELD_REQUIRED}};
	static const struct import_object object = {"tiered price", fields, FIELD_COUNT, "", ""};
	static const struct choice modes[] = {{"graduated", 0}, {"volume", 1}};
	const struct yaml_node *values[FIELD_COUNT];
	int mode = 0;

	int result = meter__import_object(im, c->price, &object, values);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, values[MODE], modes, COUNT_OF(modes), &mode);
	if (result == METER_OK)
		result = begin_charge(im, c, modes[mode].name);
	if (result == METER_OK)
		result = write_tiers(im, c, values[TIERS]);
	return result == METER_OK ? write_limits(im, c, values[MINIMUM], values[MAXIMUM], true) : result;
}

static int write_price(struct import *im, struct card *c, const struct yaml_node *feature, bool is_flat_fee)
{
	enum { FLAT, UNIT, TIERED, DYNAMIC, PACKAGE };
	static const struct choice types[] = {
		{"flat", FLAT}, {"unit", UNIT}, {"tiered", TIERED}, {"dynamic", DYNAMIC}, {"package", PACKAGE}};
	const struct yaml_node *type = meter__import_value(c->price, "type");
	int value = FLAT;

	if (type == NULL)
		return meter__field_fail(&im->r, c->price, METER_ECATALOG, "\"type\" is missing in a price of OpenMeter");
	int result = meter__field_choice(&im->r, type, types, COUNT_OF(types), &value);
	if (result != METER_OK || value == FLAT)
		return result == METER_OK ? write_flat(im, c) : result;
	if (is_flat_fee)
		return meter__field_fail(&im->r, type, METER_ECATALOG, "\"%s\" in a rate card of type flat_fee",
		                         types[value].name);
	if (feature == NULL)
		return meter__field_fail(&im->r, c->at, METER_ECATALOG, "\"featureKey\" is missing: it leads to the meter");
	result = find_meter(im, c, feature);
	if (result != METER_OK)
		return result;
	return value == UNIT      ? write_unit(im, c)
	       : value == TIERED  ? write_tiered(im, c)
	       : value == DYNAMIC ? write_dynamic(im, c)
	                          : write_package(im, c);
}

/* ---- plans ---- */

static int check_month(const struct import *im, const struct yaml_node *node)
{
	if (meter__import_is(node, "P1M"))
		return METER_OK;
	return meter__field_fail(&im->r, node, METER_EUNSUPPORTED,
	                         "\"billingCadence\" P1M was expected: a catalog bills each month");
}

static int read_card(struct import *im, struct card *c, const struct yaml_node *node)
{
	enum { TYPE, KEY, NAME, FEATURE_KEY, CADENCE, PRICE, DISCOUNTS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[TYPE] = {"type", FIELD_REQUIRED},
	                                                 [KEY] = {"key", FIELD_REQUIRED},
	                                                 [NAME] = {"name", FIELD_OPTIONAL},
	                                                 [FEATURE_KEY] = {"featureKey", FIELD_OPTIONAL},
	                                                 [CADENCE] = {"billingCadence", FIELD_OPTIONAL},
	                                                 [PRICE] = {"price", FIELD_OPTIONAL},
	                                                 [DISCOUNTS] = {"discounts", FIELD_OPTIONAL}};
	static const struct import_object object = {"rate card", fields, FIELD_COUNT, "description metadata",
	                                            "entitlementTemplate taxConfig"};
	static const struct choice types[] = {{"usage_based", false}, {"flat_fee", true}};
	const struct yaml_node *values[FIELD_COUNT];
	int is_flat_fee = false;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, values[TYPE], types, COUNT_OF(types), &is_flat_fee);
	if (result == METER_OK)
		result = meter__import_text(im, values[KEY], FIELD_KEY_MAX, &c->key);
	if (result == METER_OK)
		result = meter__import_text(im, values[NAME], FIELD_TEXT_MAX, &c->name);
	if (result != METER_OK || values[PRICE] == NULL)
		return result;
	if (values[CADENCE] == NULL)
		return meter__field_fail(&im->r, node, METER_EUNSUPPORTED,
		                         "a rate card without \"billingCadence\" is billed once; a catalog bills each month");
	c->at = node;
	c->meter = NULL;
	c->price = values[PRICE];
	c->discounts = values[DISCOUNTS];
	result = check_month(im, values[CADENCE]);
	return result == METER_OK ? write_price(im, c, values[FEATURE_KEY], is_flat_fee) : result;
}

static int read_phases(struct import *im, struct card *c, const struct yaml_node *list)
{
	static const struct field fields[] = {{"rateCards", FIELD_REQUIRED}};
	static const struct import_object object = {"phase", fields, COUNT_OF(fields), "key name description metadata",
	                                            "duration discounts"};
	const struct yaml_node *cards;

	int result = meter__field_filled_list(&im->r, list, "phase", SIZE_MAX);
	if (result != METER_OK)
		return result;
	if (list->count > 1)
		return meter__import_refuse(im, list->first->next, "a second phase");
	result = meter__import_object(im, list->first, &object, &cards);
	if (result == METER_OK)
		result = meter__field_list(&im->r, cards, "rate card", SIZE_MAX);
	if (result != METER_OK)
		return result;
	for (const struct yaml_node *item = cards->first; item != NULL && result == METER_OK; item = item->next)
		result = read_card(im, c, item);
	return result;
}

static int read_proration(const struct import *im, const struct yaml_node *node, bool *out)
{
	static const struct field fields[] = {{"enabled", FIELD_REQUIRED}, {"mode", FIELD_OPTIONAL}};
	static const struct import_object object = {"plan's proRatingConfig", fields, COUNT_OF(fields), "", ""};
	static const struct choice modes[] = {{"prorate_prices", 0}};
	const struct yaml_node *values[COUNT_OF(fields)];
	int mode;

	*out = true;
	if (node == NULL)
		return METER_OK;
	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__field_flag(&im->r, values[0], out);
	if (result == METER_OK && values[1] != NULL)
		result = meter__field_choice(&im->r, values[1], modes, COUNT_OF(modes), &mode);
	return result;
}

static int read_effective_from(const struct import *im, const struct yaml_node *node, struct import_plan *plan)
{
	char text[INSTANT_TEXT_SIZE];
	int64_t us;

	if (node == NULL)
		return METER_OK;
	int result = meter__field_instant(&im->r, node, &us);
	if (result != METER_OK)
		return result;
	meter__instant_format(text, us);
	plan->effective_from = meter__arena_copy(im->r.arena, meter__slice_of(text));
	return plan->effective_from == NULL ? meter__field_no_memory() : METER_OK;
}

enum {
	PLAN_KEY,
	PLAN_NAME,
	CURRENCY,
	PLAN_CADENCE,
	PRORATION,
	EFFECTIVE_FROM,
	SETTLEMENT,
	PHASES,
	METERS,
	FEATURES,
	PLAN_FIELDS
};

static int read_plan(struct import *im, const struct yaml_node *const *values, const struct yaml_node *features)
{
	static const struct choice settlements[] = {{"credit_then_invoice", 0}, {"credit_only", CHOICE_UNSUPPORTED}};
	struct card c = {.features = features};
	char *key;
	char *name;
	char *currency;
	int settlement;

	int result = meter__import_text(im, values[PLAN_KEY], FIELD_KEY_MAX, &key);
	if (result == METER_OK)
		result = meter__import_text(im, values[PLAN_NAME], FIELD_TEXT_MAX, &name);
	if (result == METER_OK)
		result = meter__import_text(im, values[CURRENCY], FIELD_KEY_MAX, &currency);
	if (result == METER_OK && values[PLAN_CADENCE] != NULL)
		result = check_month(im, values[PLAN_CADENCE]);
	if (result == METER_OK && values[SETTLEMENT] != NULL)
		result = meter__field_choice(&im->r, values[SETTLEMENT], settlements, COUNT_OF(settlements), &settlement);
	if (result == METER_OK)
		result = read_proration(im, values[PRORATION], &c.is_prorated);
	if (result == METER_OK)
		result = meter__import_plan(im, values[CURRENCY], key, name, currency, &c.plan);
	if (result == METER_OK)
		result = read_effective_from(im, values[EFFECTIVE_FROM], c.plan);
	return result == METER_OK ? read_phases(im, &c, values[PHASES]) : result;
}

static int read_plan_document(struct import *im, const struct yaml_node *root)
{
	static const struct field fields[PLAN_FIELDS] = {[PLAN_KEY] = {"key", FIELD_REQUIRED},
	                                                 [PLAN_NAME] = {"name", FIELD_OPTIONAL},
	                                                 [CURRENCY] = {"currency", FIELD_REQUIRED},
	                                                 [PLAN_CADENCE] = {"billingCadence", FIELD_OPTIONAL},
	                                                 [PRORATION] = {"proRatingConfig", FIELD_OPTIONAL},
	                                                 [EFFECTIVE_FROM] = {"effectiveFrom", FIELD_OPTIONAL},
	                                                 [SETTLEMENT] = {"settlementMode", FIELD_OPTIONAL},
	                                                 [PHASES] = {"phases", FIELD_REQUIRED},
	                                                 [METERS] = {"meters", FIELD_OPTIONAL},
	                                                 [FEATURES] = {"features", FIELD_OPTIONAL}};
	static const struct import_object object = {
		"plan", fields, PLAN_FIELDS, "id description metadata version status createdAt updatedAt deletedAt alignment",
		"effectiveTo addons validationErrors discounts"};
	const struct yaml_node *values[PLAN_FIELDS];

	int result = meter__import_object(im, root, &object, values);
	if (result == METER_OK && values[METERS] != NULL)
		result = read_meters(im, values[METERS]);
	return result == METER_OK ? read_plan(im, values, values[FEATURES]) : result;
}

int meter__import_openmeter(struct import *im, const struct yaml_node *root)
{
	static const struct field fields[] = {{"meters", FIELD_REQUIRED}};
	static const struct import_object object = {"document with meters alone", fields, COUNT_OF(fields), "", ""};
	const struct yaml_node *meters;

	if (meter__import_value(root, "meters") == NULL || meter__import_value(root, "phases") != NULL ||
	    meter__import_value(root, "key") != NULL)
		return read_plan_document(im, root);
	int result = meter__import_object(im, root, &object, &meters);
	return result == METER_OK ? read_meters(im, meters) : result;
}
