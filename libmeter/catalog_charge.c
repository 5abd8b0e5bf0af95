/*
 * catalog_charge.c - charges: models, tiers, rates, what happens to quantities, and limits, which plans have, too.
 *
 * What is read here can be rated without asking again: every charge has what its model needs and nothing that its model would
 * ignore, tiers rise and end open, prices are not negative, and every reference leads somewhere. Whatever could be read in two
 * ways is refused.
 */
#include "catalog_charge.h"

#include <string.h>

#include "catalog_discount.h"

#define TIERS_MAX 1000
#define RATES_MAX 10000

static const char *const model_names[MODEL_COUNT] = {[MODEL_FLAT] = "flat",
                                                     [MODEL_UNIT] = "unit",
                                                     [MODEL_GRADUATED] = "graduated",
                                                     [MODEL_VOLUME] = "volume",
                                                     [MODEL_PACKAGE] = "package",
                                                     [MODEL_PERCENTAGE] = "percentage",
                                                     [MODEL_GRADUATED_PERCENTAGE] = "graduated_percentage",
                                                     [MODEL_DYNAMIC] = "dynamic"};

const char *meter__charge_model_name(enum charge_model model)
{
	return model_names[model];
}

/* ---- minimum and maximum ---- */

static int read_amount(const struct field_reader *r, const struct yaml_node *entry, struct amount *out)
{
	out->is_set = entry != NULL;
	return entry == NULL ? METER_OK : meter__field_decimal(r, entry->value, &out->value);
}

int meter__catalog_limits_read(const struct field_reader *r, const struct yaml_node *minimum, const struct yaml_node *maximum,
                               struct amount *minimum_out, struct amount *maximum_out)
{
	int result = read_amount(r, minimum, minimum_out);

	if (result == METER_OK)
		result = read_amount(r, maximum, maximum_out);
	if (result != METER_OK || minimum == NULL || maximum == NULL)
		return result;
	if (meter__decimal_compare(maximum_out->value, minimum_out->value) < 0)
		return meter__field_fail(r, maximum->value, METER_ECATALOG, "maximum %s is below minimum %s",
		                         maximum->value->text.data, minimum->value->text.data);
	return METER_OK;
}

/* ---- tiers ---- */

/* previous is NULL for the first tier. */
static int read_up_to(const struct field_reader *r, const struct yaml_node *node, const struct yaml_node *entry,
                      const struct tier *previous, bool is_last, struct tier *tier)
{
	tier->has_up_to = !is_last;
	if (is_last && entry != NULL)
		return meter__field_fail(r, entry, METER_ECATALOG, "\"up_to\" on the last tier, which has no end");
	if (is_last)
		return METER_OK;
	if (entry == NULL)
		return meter__field_fail(r, node, METER_ECATALOG, "\"up_to\" is missing; only the last tier has none");
	int result = meter__field_positive_decimal(r, entry->value, &tier->up_to);
	if (result == METER_OK && previous != NULL && meter__decimal_compare(tier->up_to, previous->up_to) <= 0) {
		char text[DECIMAL_TEXT_SIZE];
		meter__decimal_format(text, previous->up_to);
		return meter__field_fail(r, entry->value, METER_ECATALOG,
		                         "\"%s\": more than %s was expected, the up_to of the tier before",
		                         entry->value->text.data, text);
	}
	return result;
}

/* The tiers of graduated_percentage have a rate in percent where others have a price. */
static int read_tier(const struct field_reader *r, const struct yaml_node *node, enum charge_model model,
                     const struct tier *previous, struct tier *tier)
{
	enum { UP_TO, PRICE, FLAT, RATE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[UP_TO] = {"up_to", FIELD_OPTIONAL},
	                                                 [PRICE] = {"price", FIELD_OPTIONAL},
	                                                 [FLAT] = {"flat", FIELD_OPTIONAL},
	                                                 [RATE] = {"rate", FIELD_OPTIONAL}};
	const bool is_percentage = model == MODEL_GRADUATED_PERCENTAGE;
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = read_up_to(r, node, entries[UP_TO], previous, node->next == NULL, tier);
	if (result != METER_OK)
		return result;
	const struct yaml_node *price = entries[is_percentage ? RATE : PRICE];
	const struct yaml_node *other = entries[is_percentage ? PRICE : RATE];
	if (other != NULL)
		return meter__field_fail(r, other, METER_ECATALOG, "\"%s\" does not belong to tiers of model %s",
		                         other->text.data, model_names[model]);
	if (price == NULL && entries[FLAT] == NULL)
		return meter__field_fail(r, node, METER_ECATALOG, "\"%s\" or \"flat\" is missing",
		                         fields[is_percentage ? RATE : PRICE].name);
	tier->has_price = price != NULL;
	if (price != NULL)
		result = meter__field_decimal(r, price->value, &tier->price);
	if (result == METER_OK && entries[FLAT] != NULL)
		result = meter__field_decimal(r, entries[FLAT]->value, &tier->flat);
	return result;
}

static int read_tiers(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	int result = meter__field_filled_list(r, node, "tier", TIERS_MAX);

	if (result != METER_OK)
		return result;
	charge->tiers = meter__arena_array(r->arena, node->count, sizeof(*charge->tiers));
	if (charge->tiers == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL && result == METER_OK; item = item->next) {
		struct tier *tier = &charge->tiers[charge->tier_count];
		result = read_tier(r, item, charge->model, charge->tier_count == 0 ? NULL : tier - 1, tier);
		charge->tier_count++;
	}
	return result;
}

/* ---- rates ---- */

static int find_dimension(const struct field_reader *r, const struct meter_definition *definition, const struct yaml_node *key,
                          size_t *out)
{
	for (size_t i = 0; i < definition->dimension_count; i++) {
		if (meter__slice_equal(meter__slice_of(definition->dimensions[i]), key->text)) {
			*out = i;
			return METER_OK;
		}
	}
	return meter__field_fail(r, key, METER_ECATALOG, "meter \"%s\" has no dimension \"%.100s\"", definition->key,
	                         key->text.data);
}

static int read_match(const struct field_reader *r, const struct meter_definition *definition, const struct yaml_node *node,
                      struct rate *rate)
{
	int result = meter__field_keys(r, node, "dimension", METER_DIMENSIONS_MAX);

	if (result != METER_OK)
		return result;
	rate->matches = meter__arena_array(r->arena, node->count, sizeof(*rate->matches));
	if (rate->matches == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key != NULL && result == METER_OK; key = key->next) {
		struct match *match = &rate->matches[rate->match_count++];
		result = find_dimension(r, definition, key, &match->dimension);
		if (result == METER_OK)
			result = meter__field_value(r, key->value, &match->value);
	}
	return result;
}

static int read_rate(const struct field_reader *r, const struct meter_definition *definition, const struct yaml_node *node,
                     struct rate *rate)
{
	enum { MATCH, PRICE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[MATCH] = {"match", FIELD_REQUIRED}, [PRICE] = {"price", FIELD_REQUIRED}};
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = read_match(r, definition, entries[MATCH]->value, rate);
	if (result == METER_OK)
		result = meter__field_decimal(r, entries[PRICE]->value, &rate->price);
	return result;
}

static int read_rates(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	int result = meter__field_filled_list(r, node, "rate", RATES_MAX);

	if (result != METER_OK)
		return result;
	charge->rates = meter__arena_array(r->arena, node->count, sizeof(*charge->rates));
	if (charge->rates == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL && result == METER_OK; item = item->next)
		result = read_rate(r, charge->meter, item, &charge->rates[charge->rate_count++]);
	return result;
}

static int read_unmatched(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	static const struct choice words[] = {{"suspend", UNMATCHED_SUSPEND}, {"free", UNMATCHED_FREE}};
	static const struct field fields[] = {{"price", FIELD_REQUIRED}};
	const struct yaml_node *price;
	int word = UNMATCHED_SUSPEND;

	if (node->kind != YAML_MAPPING) {
		int result = meter__field_choice(r, node, words, COUNT_OF(words), &word);
		charge->unmatched = (enum unmatched)word;
		return result;
	}
	charge->unmatched = UNMATCHED_PRICE;
	int result = meter__field_mapping(r, node, fields, COUNT_OF(fields), &price);
	return result == METER_OK ? meter__field_decimal(r, price->value, &charge->unmatched_price) : result;
}

/* ---- charges ---- */

enum charge_field {
	CHARGE_KEY,
	CHARGE_NAME,
	CHARGE_METER,
	CHARGE_MODEL,
	CHARGE_AMOUNT,
	CHARGE_BILL,
	CHARGE_PRORATION,
	CHARGE_PRICE,
	CHARGE_PER,
	CHARGE_INCLUDED,
	CHARGE_TIERS,
	CHARGE_FLAT_AT_ZERO,
	CHARGE_RATES,
	CHARGE_UNMATCHED,
	CHARGE_MINIMUM,
	CHARGE_MAXIMUM,
	CHARGE_DISCOUNTS,
	CHARGE_GROUP_BY,
	CHARGE_CONVERT,
	CHARGE_ROUND,
	CHARGE_TAX,
	CHARGE_RATE,
	CHARGE_PER_EVENT,
	CHARGE_FREE_EVENTS,
	CHARGE_FREE_UNITS,
	CHARGE_EVENT_MINIMUM,
	CHARGE_EVENT_MAXIMUM,
	CHARGE_MULTIPLIER,
	CHARGE_FIELD_COUNT
};

static const struct field charge_fields[CHARGE_FIELD_COUNT] = {
	[CHARGE_KEY] = {"key", FIELD_REQUIRED},
	[CHARGE_NAME] = {"name", FIELD_OPTIONAL},
	[CHARGE_METER] = {"meter", FIELD_OPTIONAL},
	[CHARGE_MODEL] = {"model", FIELD_REQUIRED},
	[CHARGE_AMOUNT] = {"amount", FIELD_OPTIONAL},
	[CHARGE_BILL] = {"bill", FIELD_OPTIONAL},
	[CHARGE_PRORATION] = {"proration", FIELD_OPTIONAL},
	[CHARGE_PRICE] = {"price", FIELD_OPTIONAL},
	[CHARGE_PER] = {"per", FIELD_OPTIONAL},
	[CHARGE_INCLUDED] = {"included", FIELD_OPTIONAL},
	[CHARGE_TIERS] = {"tiers", FIELD_OPTIONAL},
	[CHARGE_FLAT_AT_ZERO] = {"flat_at_zero", FIELD_OPTIONAL},
	[CHARGE_RATES] = {"rates", FIELD_OPTIONAL},
	[CHARGE_UNMATCHED] = {"unmatched", FIELD_OPTIONAL},
	[CHARGE_MINIMUM] = {"minimum", FIELD_OPTIONAL},
	[CHARGE_MAXIMUM] = {"maximum", FIELD_OPTIONAL},
	[CHARGE_DISCOUNTS] = {"discounts", FIELD_OPTIONAL},
	[CHARGE_GROUP_BY] = {"group_by", FIELD_OPTIONAL},
	[CHARGE_CONVERT] = {"convert", FIELD_OPTIONAL},
	[CHARGE_ROUND] = {"round", FIELD_OPTIONAL},
	[CHARGE_TAX] = {"tax", FIELD_OPTIONAL},
	[CHARGE_RATE] = {"rate", FIELD_OPTIONAL},
	[CHARGE_PER_EVENT] = {"per_event", FIELD_OPTIONAL},
	[CHARGE_FREE_EVENTS] = {"free_events", FIELD_OPTIONAL},
	[CHARGE_FREE_UNITS] = {"free_units", FIELD_OPTIONAL},
	[CHARGE_EVENT_MINIMUM] = {"event_minimum", FIELD_OPTIONAL},
	[CHARGE_EVENT_MAXIMUM] = {"event_maximum", FIELD_OPTIONAL},
	[CHARGE_MULTIPLIER] = {"multiplier", FIELD_OPTIONAL},
};

/* Which models use a field, of those that not all do; and which cannot do without it. */
#define BIT(model) (1u << (model))
#define TIERED (BIT(MODEL_GRADUATED) | BIT(MODEL_VOLUME))
#define PRICED (BIT(MODEL_UNIT) | TIERED | BIT(MODEL_PACKAGE))
#define METERED (PRICED | BIT(MODEL_PERCENTAGE) | BIT(MODEL_GRADUATED_PERCENTAGE) | BIT(MODEL_DYNAMIC))

static const struct {
	enum charge_field field;
	unsigned used_by;
	unsigned needed_by;
} model_fields[] = {
	{CHARGE_METER, METERED, METERED},
	{CHARGE_AMOUNT, BIT(MODEL_FLAT), BIT(MODEL_FLAT)},
	{CHARGE_PRICE, BIT(MODEL_UNIT) | BIT(MODEL_PACKAGE), BIT(MODEL_PACKAGE)},
	{CHARGE_PER, PRICED, 0},
	{CHARGE_INCLUDED, PRICED, 0},
	{CHARGE_TIERS, TIERED | BIT(MODEL_GRADUATED_PERCENTAGE), TIERED | BIT(MODEL_GRADUATED_PERCENTAGE)},
	{CHARGE_FLAT_AT_ZERO, TIERED | BIT(MODEL_GRADUATED_PERCENTAGE), 0},
	{CHARGE_RATES, BIT(MODEL_UNIT), 0},
	{CHARGE_UNMATCHED, BIT(MODEL_UNIT), 0},
	{CHARGE_GROUP_BY, METERED, 0},
	{CHARGE_CONVERT, METERED, 0},
	{CHARGE_ROUND, METERED, 0},
	{CHARGE_RATE, BIT(MODEL_PERCENTAGE), BIT(MODEL_PERCENTAGE)},
	{CHARGE_PER_EVENT, BIT(MODEL_PERCENTAGE), 0},
	{CHARGE_FREE_EVENTS, BIT(MODEL_PERCENTAGE), 0},
	{CHARGE_FREE_UNITS, BIT(MODEL_PERCENTAGE), 0},
	{CHARGE_EVENT_MINIMUM, BIT(MODEL_PERCENTAGE), 0},
	{CHARGE_EVENT_MAXIMUM, BIT(MODEL_PERCENTAGE), 0},
	{CHARGE_MULTIPLIER, BIT(MODEL_DYNAMIC), 0},
};

static int read_model(const struct field_reader *r, const struct yaml_node *node, enum charge_model *out)
{
	struct choice models[MODEL_COUNT];
	for (int i = 0; i < MODEL_COUNT; i++)
		models[i] = (struct choice){model_names[i], i};
	int value = MODEL_FLAT;

	int result = meter__field_choice(r, node, models, COUNT_OF(models), &value);
	*out = (enum charge_model)value;
	return result;
}

/* That the fields given are those of the model, and make one meaning. */
static int check_model(const struct field_reader *r, const struct yaml_node *node, const struct yaml_node *const *entries,
                       enum charge_model model)
{
	for (size_t i = 0; i < COUNT_OF(model_fields); i++) {
		const struct yaml_node *entry = entries[model_fields[i].field];
		if (entry != NULL && (model_fields[i].used_by & BIT(model)) == 0)
			return meter__field_fail(r, entry, METER_ECATALOG, "\"%s\" does not belong to model %s", entry->text.data,
			                         model_names[model]);
	}
	for (size_t i = 0; i < COUNT_OF(model_fields); i++) {
		if (entries[model_fields[i].field] == NULL && (model_fields[i].needed_by & BIT(model)) != 0)
			return meter__field_fail(r, node, METER_ECATALOG, "\"%s\" is missing",
			                         charge_fields[model_fields[i].field].name);
	}
	if (model != MODEL_UNIT)
		return METER_OK;
	const struct yaml_node *rates = entries[CHARGE_RATES];
	if (rates == NULL && entries[CHARGE_UNMATCHED] != NULL)
		return meter__field_fail(r, entries[CHARGE_UNMATCHED], METER_ECATALOG, "\"unmatched\" without \"rates\"");
	if (rates == NULL && entries[CHARGE_PRICE] == NULL)
		return meter__field_fail(r, node, METER_ECATALOG, "\"price\" or \"rates\" is missing");
	if (rates != NULL && entries[CHARGE_PRICE] != NULL)
		return meter__field_fail(r, rates, METER_ECATALOG, "\"price\" and \"rates\" are given; one of them was expected");
	if (rates != NULL && entries[CHARGE_INCLUDED] != NULL)
		return meter__field_fail(r, entries[CHARGE_INCLUDED], METER_ECATALOG,
		                         "\"included\" together with \"rates\" does not say whose units are free");
	if (rates != NULL && entries[CHARGE_GROUP_BY] != NULL)
		return meter__field_fail(r, entries[CHARGE_GROUP_BY], METER_ECATALOG,
		                         "\"group_by\" together with \"rates\": each rate is a group already");
	return METER_OK;
}

static int read_charge_meter(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *entry,
                             struct charge *charge)
{
	char *key;

	if (entry == NULL)
		return METER_OK;
	int result = meter__field_text(r, entry->value, FIELD_KEY_MAX, &key);
	if (result != METER_OK)
		return result;
	charge->meter = meter__catalog_meter(catalog, entry->value->text);
	if (charge->meter == NULL)
		return meter__field_fail(r, entry->value, METER_ECATALOG, "unknown meter \"%s\"", key);
	return METER_OK;
}

/* bill says when a flat amount is due, which changes no amount: it is checked and not kept. */
static int read_timing(const struct field_reader *r, const struct yaml_node *bill, const struct yaml_node *proration,
                       struct charge *charge)
{
	static const struct choice bills[] = {{"in_advance", 0}, {"in_arrears", 1}};
	static const struct choice prorations[] = {{"none", false}, {"time", true}};
	int value = false;

	int result = bill == NULL ? METER_OK : meter__field_choice(r, bill->value, bills, COUNT_OF(bills), &value);
	if (result != METER_OK || proration == NULL)
		return result;
	result = meter__field_choice(r, proration->value, prorations, COUNT_OF(prorations), &value);
	charge->is_prorated = value != false;
	return result;
}

static int read_group_by(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	int result = meter__field_filled_list(r, node, "dimension", METER_DIMENSIONS_MAX);

	if (result != METER_OK)
		return result;
	charge->group_by = meter__arena_array(r->arena, node->count, sizeof(*charge->group_by));
	if (charge->group_by == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		size_t dimension;
		if (item->kind != YAML_TEXT)
			return meter__field_fail(r, item, METER_ECATALOG, "the name of a dimension was expected");
		result = find_dimension(r, charge->meter, item, &dimension);
		if (result != METER_OK)
			return result;
		for (size_t i = 0; i < charge->group_by_count; i++) {
			if (charge->group_by[i] == dimension)
				return meter__field_fail(r, item, METER_ECATALOG, "dimension \"%s\" is listed twice",
				                         item->text.data);
		}
		charge->group_by[charge->group_by_count++] = dimension;
	}
	return METER_OK;
}

static int read_convert(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	static const struct field fields[] = {{"divide_by", FIELD_OPTIONAL}, {"multiply_by", FIELD_OPTIONAL}};
	const struct yaml_node *entries[COUNT_OF(fields)];

	int result = meter__field_mapping(r, node, fields, COUNT_OF(fields), entries);
	if (result != METER_OK)
		return result;
	if ((entries[0] == NULL) == (entries[1] == NULL))
		return meter__field_fail(r, node, METER_ECATALOG, "either \"divide_by\" or \"multiply_by\" was expected");
	charge->conversion = entries[0] != NULL ? CONVERSION_DIVIDE : CONVERSION_MULTIPLY;
	return meter__field_positive_decimal(r, (entries[0] != NULL ? entries[0] : entries[1])->value, &charge->convert_by);
}

static int read_round(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	enum { TO, MODE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[TO] = {"to", FIELD_REQUIRED}, [MODE] = {"mode", FIELD_REQUIRED}};
	static const struct choice modes[] = {{"up", ROUND_UP}, {"down", ROUND_DOWN}, {"half_up", ROUND_HALF_UP}};
	const struct yaml_node *entries[FIELD_COUNT];
	int value = ROUND_UP;

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_positive_decimal(r, entries[TO]->value, &charge->round_to);
	if (result == METER_OK)
		result = meter__field_choice(r, entries[MODE]->value, modes, COUNT_OF(modes), &value);
	charge->round_mode = (enum rounding)value;
	return result;
}

static int read_tax(const struct field_reader *r, const struct yaml_node *node, struct charge *charge)
{
	enum { CATEGORY, TAX_PERCENT, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[CATEGORY] = {"category", FIELD_REQUIRED}, [TAX_PERCENT] = {"percent", FIELD_REQUIRED}};
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_text(r, entries[CATEGORY]->value, FIELD_KEY_MAX, &charge->tax_category);
	return result == METER_OK ? meter__field_decimal(r, entries[TAX_PERCENT]->value, &charge->tax_percent) : result;
}

/* The fields of percentage. */
static int read_percentage(const struct field_reader *r, const struct yaml_node *const *entries, struct charge *charge)
{
	const struct {
		enum charge_field field;
		struct decimal *to;
	} decimals[] = {
		{CHARGE_RATE, &charge->rate}, {CHARGE_PER_EVENT, &charge->per_event}, {CHARGE_FREE_UNITS, &charge->free_units}};
	int result = METER_OK;
	for (size_t i = 0; result == METER_OK && i < COUNT_OF(decimals); i++) {
		if (entries[decimals[i].field] != NULL)
			result = meter__field_decimal(r, entries[decimals[i].field]->value, decimals[i].to);
	}
	struct decimal free_events = DECIMAL_ZERO;
	const struct yaml_node *entry = entries[CHARGE_FREE_EVENTS];
	if (result == METER_OK && entry != NULL)
		result = meter__field_decimal(r, entry->value, &free_events);
	if (result != METER_OK)
		return result;
	if (free_events.scale != 0 || free_events.coefficient > INT64_MAX)
		return meter__field_fail(r, entry->value, METER_ECATALOG, "\"%s\": a number of events was expected",
		                         entry->value->text.data);
	charge->free_events = (int64_t)free_events.coefficient;
	return meter__catalog_limits_read(r, entries[CHARGE_EVENT_MINIMUM], entries[CHARGE_EVENT_MAXIMUM], &charge->event_minimum,
	                                  &charge->event_maximum);
}

/* Distinct values of two groups may be the same ones: rates would count those twice. */
static int check_unique(const struct field_reader *r, const struct yaml_node *rates, const struct charge *charge)
{
	if (rates != NULL && charge->meter->aggregation == AGGREGATION_UNIQUE_COUNT)
		return meter__field_fail(r, rates, METER_ECATALOG,
		                         "\"rates\" of a meter that counts distinct values; \"group_by\" prices each group");
	return METER_OK;
}

/* What only single events can tell needs a meter that adds them up. */
static int check_events(const struct field_reader *r, const struct yaml_node *node, const struct charge *charge)
{
	if (meter__charge_needs_events(charge) && charge->meter->aggregation != AGGREGATION_SUM)
		return meter__field_fail(
			r, node, METER_ECATALOG,
			"\"free_events\", \"event_minimum\" and \"event_maximum\" need a meter with aggregation sum");
	if (meter__charge_needs_events(charge) &&
	    (charge->conversion != CONVERSION_NONE || charge->group_by_count > 0 || !meter__decimal_is_zero(charge->round_to)))
		return meter__field_fail(r, node, METER_ECATALOG,
		                         "\"free_events\", \"event_minimum\" and \"event_maximum\" do not go together with "
		                         "\"convert\", \"round\" and \"group_by\"");
	return METER_OK;
}

bool meter__charge_needs_events(const struct charge *charge)
{
	return charge->free_events > 0 || charge->event_minimum.is_set || charge->event_maximum.is_set;
}

static int read_quantity_rules(const struct field_reader *r, const struct yaml_node *const *entries, struct charge *charge)
{
	int result = METER_OK;
	if (entries[CHARGE_GROUP_BY] != NULL)
		result = read_group_by(r, entries[CHARGE_GROUP_BY]->value, charge);
	if (result == METER_OK && entries[CHARGE_CONVERT] != NULL)
		result = read_convert(r, entries[CHARGE_CONVERT]->value, charge);
	if (result == METER_OK && entries[CHARGE_ROUND] != NULL)
		result = read_round(r, entries[CHARGE_ROUND]->value, charge);
	return result;
}

static int read_prices(const struct field_reader *r, const struct yaml_node *const *entries, struct charge *charge)
{
	int result = METER_OK;

	charge->per = DECIMAL_ONE;
	charge->multiplier = DECIMAL_ONE;
	if (entries[CHARGE_AMOUNT] != NULL)
		result = meter__field_decimal(r, entries[CHARGE_AMOUNT]->value, &charge->amount);
	if (result == METER_OK && entries[CHARGE_PRICE] != NULL)
		result = meter__field_decimal(r, entries[CHARGE_PRICE]->value, &charge->price);
	if (result == METER_OK && entries[CHARGE_PER] != NULL)
		result = meter__field_positive_decimal(r, entries[CHARGE_PER]->value, &charge->per);
	if (result == METER_OK && entries[CHARGE_INCLUDED] != NULL)
		result = meter__field_decimal(r, entries[CHARGE_INCLUDED]->value, &charge->included);
	if (result == METER_OK && entries[CHARGE_TIERS] != NULL)
		result = read_tiers(r, entries[CHARGE_TIERS]->value, charge);
	if (result == METER_OK && entries[CHARGE_FLAT_AT_ZERO] != NULL)
		result = meter__field_flag(r, entries[CHARGE_FLAT_AT_ZERO]->value, &charge->flat_at_zero);
	if (result == METER_OK && entries[CHARGE_RATES] != NULL)
		result = read_rates(r, entries[CHARGE_RATES]->value, charge);
	if (result == METER_OK && entries[CHARGE_UNMATCHED] != NULL)
		result = read_unmatched(r, entries[CHARGE_UNMATCHED]->value, charge);
	if (result == METER_OK && entries[CHARGE_MULTIPLIER] != NULL)
		result = meter__field_decimal(r, entries[CHARGE_MULTIPLIER]->value, &charge->multiplier);
	return result == METER_OK ? read_percentage(r, entries, charge) : result;
}

/* Whose units a discount in units takes must be clear. */
static int check_unit_discounts(const struct field_reader *r, const struct yaml_node *entry, const struct charge *charge)
{
	const bool has_units = (PRICED & BIT(charge->model)) != 0 && charge->rate_count == 0;
	for (size_t i = 0; i < charge->discount_count; i++) {
		if (charge->discounts[i].kind == DISCOUNT_UNITS && !has_units)
			return meter__field_fail(r, entry, METER_ECATALOG, "a discount in \"units\" of %s",
			                         charge->rate_count > 0
			                                 ? "a charge with \"rates\" does not say whose units are free"
			                                 : "a charge that has no units");
	}
	return METER_OK;
}

int meter__catalog_charge_read(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                               struct charge *charge)
{
	const struct yaml_node *entries[CHARGE_FIELD_COUNT];

	int result = meter__field_mapping(r, node, charge_fields, CHARGE_FIELD_COUNT, entries);
	charge->source_line = node->line;
	charge->source_end = meter__field_last_line(node);
	if (result == METER_OK)
		result = meter__field_text(r, entries[CHARGE_KEY]->value, FIELD_KEY_MAX, &charge->key);
	if (result == METER_OK)
		result = meter__field_optional_text(r, entries[CHARGE_NAME], &charge->name);
	if (result == METER_OK)
		result = read_model(r, entries[CHARGE_MODEL]->value, &charge->model);
	if (result == METER_OK)
		result = check_model(r, node, entries, charge->model);
	if (result == METER_OK)
		result = read_charge_meter(r, catalog, entries[CHARGE_METER], charge);
	if (result == METER_OK)
		result = read_timing(r, entries[CHARGE_BILL], entries[CHARGE_PRORATION], charge);
	if (result == METER_OK)
		result = read_prices(r, entries, charge);
	if (result == METER_OK)
		result = read_quantity_rules(r, entries, charge);
	if (result == METER_OK && entries[CHARGE_TAX] != NULL)
		result = read_tax(r, entries[CHARGE_TAX]->value, charge);
	if (result == METER_OK)
		result = check_events(r, node, charge);
	if (result == METER_OK)
		result = check_unique(r, entries[CHARGE_RATES], charge);
	if (result == METER_OK)
		result = meter__catalog_limits_read(r, entries[CHARGE_MINIMUM], entries[CHARGE_MAXIMUM], &charge->minimum,
		                                    &charge->maximum);
	if (result == METER_OK)
		result = meter__catalog_discounts_read(r, NULL, entries[CHARGE_DISCOUNTS], &charge->discounts,
		                                       &charge->discount_count);
	return result == METER_OK ? check_unit_discounts(r, entries[CHARGE_DISCOUNTS], charge) : result;
}
