/*
 * import_stripe.c - Stripe: a Price, or a list of Prices and the billing Meters they name. (pure)
 *
 * Each price is a charge of the plan of its currency, "usd-month". What a Price does not say is written down as it is: a licensed
 * price is one unit's (the quantity belongs to the subscription item), and a meter that is only named adds up the values of
 * events of that type. A flat amount in the first tier is refused, because a Price does not say whether it is due at 0 units.
 */
#include <string.h>

#include "currency.h"
#include "event.h"
#include "import.h"

enum {
	ID,
	CURRENCY,
	BILLING_SCHEME,
	LOOKUP_KEY,
	NICKNAME,
	PRODUCT,
	RECURRING,
	TAX_BEHAVIOR,
	TIERS,
	TIERS_MODE,
	TRANSFORM_QUANTITY,
	UNIT_AMOUNT,
	UNIT_AMOUNT_DECIMAL,
	PRICE_FIELDS
};

static const struct field price_fields[PRICE_FIELDS] = {[ID] = {"id", FIELD_REQUIRED},
                                                        [CURRENCY] = {"currency", FIELD_REQUIRED},
                                                        [BILLING_SCHEME] = {"billing_scheme", FIELD_REQUIRED},
                                                        [LOOKUP_KEY] = {"lookup_key", FIELD_OPTIONAL},
                                                        [NICKNAME] = {"nickname", FIELD_OPTIONAL},
                                                        [PRODUCT] = {"product", FIELD_OPTIONAL},
                                                        [RECURRING] = {"recurring", FIELD_OPTIONAL},
                                                        [TAX_BEHAVIOR] = {"tax_behavior", FIELD_OPTIONAL},
                                                        [TIERS] = {"tiers", FIELD_OPTIONAL},
                                                        [TIERS_MODE] = {"tiers_mode", FIELD_OPTIONAL},
                                                        [TRANSFORM_QUANTITY] = {"transform_quantity", FIELD_OPTIONAL},
                                                        [UNIT_AMOUNT] = {"unit_amount", FIELD_OPTIONAL},
                                                        [UNIT_AMOUNT_DECIMAL] = {"unit_amount_decimal", FIELD_OPTIONAL}};

static const struct import_object price_object = {"price", price_fields, PRICE_FIELDS,
                                                  "object active created livemode metadata type",
                                                  "currency_options custom_unit_amount migrate_to deleted"};

struct price {
	const struct yaml_node *at;
	const struct yaml_node *values[PRICE_FIELDS];
	int32_t exponent; /* of the amounts */
	char currency[4];
	char *key;
	const char *meter; /* NULL: licensed */
	struct import_plan *plan;
};

/* ---- currency and amounts ---- */

static bool is_listed(const char *codes, const char *code)
{
	for (; *codes != '\0'; codes += 4) {
		if (memcmp(codes, code, 3) == 0)
			return true;
	}
	return false;
}

/*
 * How many decimals Stripe's amounts have: not always those of ISO 4217 (MGA has none). Where the two differ and Stripe's own
 * list does not settle it, the currency is refused.
 */
static int read_currency(const struct import *im, struct price *p)
{
	static const char none[] = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF ";
	static const char three[] = "BHD JOD KWD OMR TND ";
	const struct yaml_node *node = p->values[CURRENCY];
	char *text;

	int result = meter__import_text(im, node, FIELD_KEY_MAX, &text);
	if (result != METER_OK)
		return result;
	if (node->text.size != 3)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "\"%s\": a currency was expected, like usd", text);
	for (size_t i = 0; i < 3; i++)
		p->currency[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 'a' + 'A' : text[i]);
	p->exponent = is_listed(none, p->currency) ? 0 : is_listed(three, p->currency) ? 3 : 2;
	int32_t exponent = meter__currency_exponent((struct slice){p->currency, 3});
	if (exponent != p->exponent && exponent != -1 && strcmp(p->currency, "MGA") != 0)
		return meter__field_fail(&im->r, node, METER_EUNSUPPORTED,
		                         "\"%s\": how many decimals amounts of Stripe have in it is not certain", text);
	return METER_OK;
}

/* An amount comes as an integer, as a decimal, or as both, which then are equal. */
static int read_amount(const struct import *im, const struct price *p, const struct yaml_node *integer,
                       const struct yaml_node *decimal, struct decimal *out)
{
	struct decimal other;

	int result = meter__import_minor(im, decimal != NULL ? decimal : integer, p->exponent, out);
	if (result != METER_OK || decimal == NULL || integer == NULL)
		return result;
	result = meter__import_minor(im, integer, p->exponent, &other);
	if (result == METER_OK && meter__decimal_compare(*out, other) != 0)
		return meter__field_fail(&im->r, decimal, METER_ECATALOG, "\"%s\" is not \"%s\", the same amount as an integer",
		                         decimal->text.data, integer->text.data);
	return result;
}

static int read_unit_amount(const struct import *im, const struct price *p, struct decimal *out)
{
	if (p->values[UNIT_AMOUNT] == NULL && p->values[UNIT_AMOUNT_DECIMAL] == NULL)
		return meter__field_fail(&im->r, p->at, METER_ECATALOG, "\"unit_amount\" is missing in a price of Stripe");
	return read_amount(im, p, p->values[UNIT_AMOUNT], p->values[UNIT_AMOUNT_DECIMAL], out);
}

/* ---- meters ---- */

static int read_payload_key(const struct import *im, const struct yaml_node *node, char **out)
{
	static const struct field fields[] = {{"event_payload_key", FIELD_REQUIRED}};
	static const struct import_object object = {"meter's value_settings", fields, COUNT_OF(fields), "", ""};
	const struct yaml_node *value;

	int result = meter__import_object(im, node, &object, &value);
	return result == METER_OK ? meter__import_text(im, value, EVENT_PROPERTY_NAME_MAX, out) : result;
}

static int read_formula(const struct import *im, const struct yaml_node *node, const char **out)
{
	static const struct field fields[] = {{"formula", FIELD_REQUIRED}};
	static const struct import_object object = {"meter's default_aggregation", fields, COUNT_OF(fields), "", ""};
	static const struct choice formulas[] = {{"sum", 0}, {"count", 1}, {"last", 2}};
	static const char *const aggregations[] = {"sum", "count", "latest"};
	const struct yaml_node *value;
	int formula = 0;

	int result = meter__import_object(im, node, &object, &value);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, value, formulas, COUNT_OF(formulas), &formula);
	*out = aggregations[formula];
	return result;
}

static int read_meter(struct import *im, const struct yaml_node *node)
{
	enum { METER_ID, EVENT_NAME, AGGREGATION, VALUE_SETTINGS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[METER_ID] = {"id", FIELD_REQUIRED},
	                                                 [EVENT_NAME] = {"event_name", FIELD_REQUIRED},
	                                                 [AGGREGATION] = {"default_aggregation", FIELD_REQUIRED},
	                                                 [VALUE_SETTINGS] = {"value_settings", FIELD_OPTIONAL}};
	static const struct import_object object = {
		"meter", fields, FIELD_COUNT,
		"object created livemode metadata updated status status_transitions display_name customer_mapping",
		"event_time_window dimension_payload_keys"};
	const struct yaml_node *values[FIELD_COUNT];
	const char *aggregation;
	char *key;
	char *event_type;
	char *value = NULL;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__import_text(im, values[METER_ID], FIELD_KEY_MAX, &key);
	if (result == METER_OK)
		result = meter__import_text(im, values[EVENT_NAME], EVENT_TYPE_MAX, &event_type);
	if (result == METER_OK)
		result = read_formula(im, values[AGGREGATION], &aggregation);
	if (result != METER_OK)
		return result;
	bool is_count = strcmp(aggregation, "count") == 0;
	if (!is_count && values[VALUE_SETTINGS] == NULL)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "\"value_settings\" is missing in a meter of Stripe");
	if (values[VALUE_SETTINGS] != NULL)
		result = read_payload_key(im, values[VALUE_SETTINGS], &value);
	return result == METER_OK ? meter__import_meter(im, node, key, event_type, aggregation, is_count ? NULL : value) : result;
}

/* Of a price without a meter, from before there were any: how its usage records add up. */
static int read_aggregate_usage(const struct import *im, const struct yaml_node *node, const char **out)
{
	static const struct choice words[] = {
		{"sum", 0}, {"max", 1}, {"last_during_period", 2}, {"last_ever", CHOICE_UNSUPPORTED}};
	static const char *const aggregations[] = {"sum", "max", "latest"};
	int word = 0;

	int result = node == NULL ? METER_OK : meter__field_choice(&im->r, node, words, COUNT_OF(words), &word);
	*out = aggregations[word];
	return result;
}

static int find_meter(struct import *im, struct price *p, const struct yaml_node *node, const struct yaml_node *aggregate_usage)
{
	const char *aggregation;
	char *key = p->key;

	if (node != NULL && aggregate_usage != NULL)
		return meter__import_refuse(im, aggregate_usage, "\"aggregate_usage\" together with a \"meter\"");
	int result = node == NULL ? METER_OK : meter__import_text(im, node, FIELD_KEY_MAX, &key);
	if (result == METER_OK)
		result = read_aggregate_usage(im, aggregate_usage, &aggregation);
	p->meter = key;
	if (result != METER_OK || (node != NULL && meter__import_has_meter(im, node->text)))
		return result;
	meter__buffer_text(&im->meter_text, "  # the price does not say what is counted: the values of events of this type\n");
	return meter__import_meter(im, p->at, key, key, aggregation, NULL);
}

/* ---- recurring ---- */

static int check_interval(const struct import *im, const struct yaml_node *interval, const struct yaml_node *interval_count)
{
	static const struct choice intervals[] = {
		{"month", 0}, {"day", CHOICE_UNSUPPORTED}, {"week", CHOICE_UNSUPPORTED}, {"year", CHOICE_UNSUPPORTED}};
	struct decimal count = DECIMAL_ONE;
	int value;

	int result = meter__field_choice(&im->r, interval, intervals, COUNT_OF(intervals), &value);
	if (result == METER_OK && interval_count != NULL)
		result = meter__field_decimal(&im->r, interval_count, &count);
	if (result == METER_OK && meter__decimal_compare(count, DECIMAL_ONE) != 0)
		return meter__field_fail(&im->r, interval_count, METER_EUNSUPPORTED, "\"interval_count\" %s: 1 was expected",
		                         interval_count->text.data);
	return result;
}

static int read_recurring(struct import *im, struct price *p)
{
	enum { INTERVAL, INTERVAL_COUNT, USAGE_TYPE, METER, AGGREGATE_USAGE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[INTERVAL] = {"interval", FIELD_REQUIRED},
	                                                 [INTERVAL_COUNT] = {"interval_count", FIELD_OPTIONAL},
	                                                 [USAGE_TYPE] = {"usage_type", FIELD_REQUIRED},
	                                                 [METER] = {"meter", FIELD_OPTIONAL},
	                                                 [AGGREGATE_USAGE] = {"aggregate_usage", FIELD_OPTIONAL}};
	static const struct import_object object = {"price's recurring", fields, FIELD_COUNT, "", "trial_period_days"};
	static const struct choice types[] = {{"licensed", false}, {"metered", true}};
	const struct yaml_node *values[FIELD_COUNT];
	int is_metered = false;

	if (p->values[RECURRING] == NULL)
		return meter__field_fail(&im->r, p->at, METER_EUNSUPPORTED,
		                         "a price without \"recurring\" is billed once; a catalog bills each month");
	int result = meter__import_object(im, p->values[RECURRING], &object, values);
	if (result == METER_OK)
		result = check_interval(im, values[INTERVAL], values[INTERVAL_COUNT]);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, values[USAGE_TYPE], types, COUNT_OF(types), &is_metered);
	if (result != METER_OK)
		return result;
	if (is_metered)
		return find_meter(im, p, values[METER], values[AGGREGATE_USAGE]);
	if (values[METER] != NULL || values[AGGREGATE_USAGE] != NULL)
		return meter__import_refuse(im, p->values[RECURRING], "a meter with \"usage_type\" licensed");
	return METER_OK;
}

/* ---- models ---- */

static int begin_charge(struct import *im, struct price *p, const char *model)
{
	char *name;

	int result = meter__import_text(im, p->values[NICKNAME], FIELD_TEXT_MAX, &name);
	if (result != METER_OK)
		return result;
	if (p->meter == NULL)
		meter__buffer_text(&p->plan->text, "      # for one: the quantity of a subscription item is not in a price\n");
	return meter__import_charge(im, p->plan, &(struct import_charge){p->key, name, p->meter, model});
}

static int write_flat(struct import *im, struct price *p)
{
	struct decimal amount;

	if (p->values[TRANSFORM_QUANTITY] != NULL)
		return meter__import_refuse(im, p->values[TRANSFORM_QUANTITY],
		                            "\"transform_quantity\" with \"usage_type\" licensed");
	int result = read_unit_amount(im, p, &amount);
	if (result == METER_OK)
		result = begin_charge(im, p, "flat");
	if (result != METER_OK)
		return result;
	meter__import_put(p->plan, "amount", amount, true);
	meter__import_put_word(p->plan, "bill", "in_advance");
	return METER_OK;
}

/* Rounding up is a package; rounding down divides the quantity and leaves whole ones. */
static int write_transformed(struct import *im, struct price *p, struct decimal amount)
{
	enum { DIVIDE_BY, ROUND, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[DIVIDE_BY] = {"divide_by", FIELD_REQUIRED}, [ROUND] = {"round", FIELD_REQUIRED}};
	static const struct import_object object = {"price's transform_quantity", fields, FIELD_COUNT, "", ""};
	static const struct choice rounds[] = {{"up", true}, {"down", false}};
	const struct yaml_node *values[FIELD_COUNT];
	struct decimal divisor;
	int is_up = true;

	int result = meter__import_object(im, p->values[TRANSFORM_QUANTITY], &object, values);
	if (result == METER_OK)
		result = meter__field_positive_decimal(&im->r, values[DIVIDE_BY], &divisor);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, values[ROUND], rounds, COUNT_OF(rounds), &is_up);
	if (result == METER_OK)
		result = begin_charge(im, p, is_up ? "package" : "unit");
	if (result != METER_OK)
		return result;
	meter__import_put(p->plan, "price", amount, true);
	if (is_up) {
		meter__import_put(p->plan, "per", divisor, false);
		return METER_OK;
	}
	meter__buffer_text(&p->plan->text, "        convert:\n  ");
	meter__import_put(p->plan, "divide_by", divisor, false);
	meter__import_put_word(p->plan, "round", "{to: \"1\", mode: down}");
	return METER_OK;
}

static int write_unit(struct import *im, struct price *p)
{
	struct decimal amount;

	int result = read_unit_amount(im, p, &amount);
	if (result == METER_OK && p->values[TRANSFORM_QUANTITY] != NULL)
		return write_transformed(im, p, amount);
	if (result == METER_OK)
		result = begin_charge(im, p, "unit");
	if (result == METER_OK)
		meter__import_put(p->plan, "price", amount, true);
	return result;
}

static int read_tier(const struct import *im, const struct price *p, const struct yaml_node *node, bool is_first,
                     struct import_tier *tier)
{
	enum { UP_TO, UNIT, UNIT_DECIMAL, FLAT, FLAT_DECIMAL, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[UP_TO] = {"up_to", FIELD_OPTIONAL},
	                                                 [UNIT] = {"unit_amount", FIELD_OPTIONAL},
	                                                 [UNIT_DECIMAL] = {"unit_amount_decimal", FIELD_OPTIONAL},
	                                                 [FLAT] = {"flat_amount", FIELD_OPTIONAL},
	                                                 [FLAT_DECIMAL] = {"flat_amount_decimal", FIELD_OPTIONAL}};
	static const struct import_object object = {"tier", fields, FIELD_COUNT, "", ""};
	const struct yaml_node *values[FIELD_COUNT];

	int result = meter__import_object(im, node, &object, values);
	if (result != METER_OK)
		return result;
	tier->has_up_to = values[UP_TO] != NULL && !meter__import_is(values[UP_TO], "inf");
	tier->has_price = values[UNIT] != NULL || values[UNIT_DECIMAL] != NULL;
	if (!tier->has_price && values[FLAT] == NULL && values[FLAT_DECIMAL] == NULL)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "\"unit_amount\" or \"flat_amount\" is missing in a tier");
	if (tier->has_up_to)
		result = meter__field_positive_decimal(&im->r, values[UP_TO], &tier->up_to);
	if (result == METER_OK)
		result = read_amount(im, p, values[UNIT], values[UNIT_DECIMAL], &tier->price);
	if (result == METER_OK)
		result = read_amount(im, p, values[FLAT], values[FLAT_DECIMAL], &tier->flat);
	if (result == METER_OK && is_first && !meter__decimal_is_zero(tier->flat))
		return meter__field_fail(
			&im->r, values[FLAT] != NULL ? values[FLAT] : values[FLAT_DECIMAL], METER_EUNSUPPORTED,
			"\"flat_amount\" of the first tier: the price does not say whether it is due at 0 units");
	return result;
}

static int write_tiers(struct import *im, struct price *p)
{
	static const struct choice modes[] = {{"graduated", 0}, {"volume", 1}};
	struct import_tier tier = {0};
	struct import_tier previous;
	int mode = 0;

	if (p->meter == NULL)
		return meter__import_refuse(im, p->values[BILLING_SCHEME],
		                            "\"billing_scheme\" tiered with \"usage_type\" licensed");
	if (p->values[TRANSFORM_QUANTITY] != NULL)
		return meter__import_refuse(im, p->values[TRANSFORM_QUANTITY], "\"transform_quantity\" with tiers");
	if (p->values[TIERS_MODE] == NULL || p->values[TIERS] == NULL)
		return meter__field_fail(&im->r, p->at, METER_ECATALOG, "\"%s\" is missing in a tiered price of Stripe%s",
		                         p->values[TIERS_MODE] == NULL ? "tiers_mode" : "tiers",
		                         p->values[TIERS_MODE] == NULL ? "" : ", which lists it only when asked to expand it");
	int result = meter__field_choice(&im->r, p->values[TIERS_MODE], modes, COUNT_OF(modes), &mode);
	if (result == METER_OK)
		result = meter__field_filled_list(&im->r, p->values[TIERS], "tier", SIZE_MAX);
	if (result == METER_OK)
		result = begin_charge(im, p, modes[mode].name);
	meter__buffer_text(&p->plan->text, "        tiers:\n");
	for (const struct yaml_node *item = p->values[TIERS]->first; item != NULL && result == METER_OK; item = item->next) {
		bool is_first = item == p->values[TIERS]->first;
		previous = tier;
		result = read_tier(im, p, item, is_first, &tier);
		if (result == METER_OK)
			result = meter__import_check_tier(im, item, &tier, is_first ? NULL : &previous);
		meter__import_put_tier(p->plan, "price", &tier);
	}
	return result;
}

/* ---- prices ---- */

/* Only fields that the scheme gives a meaning. */
static int check_scheme(const struct import *im, const struct price *p, bool is_tiered)
{
	const struct yaml_node *other = is_tiered                       ? p->values[UNIT_AMOUNT_DECIMAL]
	                                : p->values[TIERS_MODE] != NULL ? p->values[TIERS_MODE]
	                                                                : p->values[TIERS];

	if (is_tiered && other == NULL)
		other = p->values[UNIT_AMOUNT];
	if (other == NULL)
		return METER_OK;
	return meter__field_fail(&im->r, other, METER_ECATALOG, "%s with \"billing_scheme\" %s",
	                         is_tiered ? "\"unit_amount\"" : "tiers", is_tiered ? "tiered" : "per_unit");
}

static int check_tax(const struct import *im, const struct yaml_node *node)
{
	static const struct choice behaviors[] = {{"exclusive", 0}, {"unspecified", 0}, {"inclusive", 1}};
	int is_inclusive = 0;

	int result = node == NULL ? METER_OK : meter__field_choice(&im->r, node, behaviors, COUNT_OF(behaviors), &is_inclusive);
	if (result == METER_OK && is_inclusive)
		return meter__import_refuse(im, node, "\"tax_behavior\" inclusive");
	return result;
}

static int find_plan(struct import *im, struct price *p)
{
	char key[] = "xxx-month";

	memcpy(key, p->values[CURRENCY]->text.data, 3);
	for (size_t i = 0; i < 3; i++)
		key[i] = (char)(key[i] >= 'A' && key[i] <= 'Z' ? key[i] - 'A' + 'a' : key[i]);
	const char *plan = meter__arena_copy(im->r.arena, meter__slice_of(key));
	const char *currency = meter__arena_copy(im->r.arena, meter__slice_of(p->currency));
	if (plan == NULL || currency == NULL)
		return meter__field_no_memory();
	return meter__import_plan(im, p->values[CURRENCY], plan, NULL, currency, &p->plan);
}

static int read_price(struct import *im, const struct yaml_node *node)
{
	static const struct choice schemes[] = {{"per_unit", false}, {"tiered", true}};
	struct price p = {.at = node};
	int is_tiered = false;

	int result = meter__import_object(im, node, &price_object, p.values);
	if (result != METER_OK)
		return result;
	if (p.values[PRODUCT] != NULL && p.values[PRODUCT]->kind != YAML_TEXT)
		return meter__import_refuse(im, p.values[PRODUCT], "an expanded \"product\"");
	result = read_currency(im, &p);
	if (result == METER_OK)
		result = meter__import_text(im, p.values[p.values[LOOKUP_KEY] != NULL ? LOOKUP_KEY : ID], FIELD_KEY_MAX, &p.key);
	if (result == METER_OK)
		result = meter__field_choice(&im->r, p.values[BILLING_SCHEME], schemes, COUNT_OF(schemes), &is_tiered);
	if (result == METER_OK)
		result = check_scheme(im, &p, is_tiered);
	if (result == METER_OK)
		result = check_tax(im, p.values[TAX_BEHAVIOR]);
	if (result == METER_OK)
		result = find_plan(im, &p);
	if (result == METER_OK)
		result = read_recurring(im, &p);
	if (result != METER_OK)
		return result;
	return is_tiered ? write_tiers(im, &p) : p.meter == NULL ? write_flat(im, &p) : write_unit(im, &p);
}

static bool is_meter(const struct yaml_node *node)
{
	return meter__import_is(meter__import_value(node, "object"), "billing.meter");
}

static int read_item(struct import *im, const struct yaml_node *node)
{
	const struct yaml_node *object = meter__import_value(node, "object");

	if (is_meter(node))
		return METER_OK;
	if (!meter__import_is(object, "price"))
		return meter__field_fail(&im->r, object != NULL ? object : node, METER_ECATALOG,
		                         "\"object\": \"price\" was expected");
	return read_price(im, node);
}

/* Meters first, wherever they stand. */
static int read_list(struct import *im, const struct yaml_node *root)
{
	enum { DATA, HAS_MORE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[DATA] = {"data", FIELD_REQUIRED}, [HAS_MORE] = {"has_more", FIELD_OPTIONAL}};
	static const struct import_object object = {"list", fields, FIELD_COUNT, "object url", ""};
	const struct yaml_node *values[FIELD_COUNT];

	int result = meter__import_object(im, root, &object, values);
	if (result != METER_OK)
		return result;
	if (values[HAS_MORE] != NULL && !meter__import_is(values[HAS_MORE], "false"))
		return meter__field_fail(&im->r, values[HAS_MORE], METER_EUNSUPPORTED,
		                         "\"has_more\": the list goes on elsewhere; all of it was expected");
	const struct yaml_node *data = values[DATA];
	result = meter__field_filled_list(&im->r, data, "price", SIZE_MAX);
	if (result != METER_OK)
		return result;
	for (const struct yaml_node *item = data->first; item != NULL && result == METER_OK; item = item->next)
		result = is_meter(item) ? read_meter(im, item) : METER_OK;
	for (const struct yaml_node *item = data->first; item != NULL && result == METER_OK; item = item->next)
		result = read_item(im, item);
	return result;
}

int meter__import_stripe(struct import *im, const struct yaml_node *root)
{
	if (meter__import_is(meter__import_value(root, "object"), "list"))
		return read_list(im, root);
	return read_item(im, root);
}
