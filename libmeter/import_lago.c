/*
 * import_lago.c - Lago: a plan with its billable metrics beside it. (pure)
 *
 * The plan's amount_cents is a flat charge "subscription", each of its charges one more. Ranges count whole units from 0: 0 to
 * 10, then 11 to 20, or 10 to 20; what both mean for a quantity of 10.5 is the tier above 10. A flat amount of the first range is
 * refused: versions of Lago before and after July 2026 differ in whether it is due at 0 units.
 */
#include <string.h>

#include "currency.h"
#include "event.h"
#include "import.h"

struct lago_plan {
	struct import_plan *plan;
	const struct yaml_node *metrics; /* the list of the document; NULL: none */
	int32_t exponent;                /* of amounts in cents */
};

struct lago_charge {
	const struct yaml_node *at;
	const struct lago_plan *of;
	struct import_charge charge;
	const struct yaml_node *properties;
};

/* ---- billable metrics ---- */

static int read_aggregation(const struct import *im, const struct yaml_node *node, const char **out)
{
	static const struct choice choices[] = {{"count_agg", 0},
	                                        {"sum_agg", 1},
	                                        {"max_agg", 2},
	                                        {"latest_agg", 3},
	                                        {"unique_count_agg", CHOICE_UNSUPPORTED},
	                                        {"weighted_sum_agg", CHOICE_UNSUPPORTED},
	                                        {"custom_agg", CHOICE_UNSUPPORTED}};
	static const char *const names[] = {"count", "sum", "max", "latest"};
	int value = 0;

	int result = meter__field_choice(&im->r, node, choices, COUNT_OF(choices), &value);
	*out = names[value];
	return result;
}

static int read_metric(struct import *im, const struct yaml_node *node)
{
	enum { CODE, AGGREGATION, FIELD_NAME, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[CODE] = {"code", FIELD_REQUIRED},
	                                                 [AGGREGATION] = {"aggregation_type", FIELD_REQUIRED},
	                                                 [FIELD_NAME] = {"field_name", FIELD_OPTIONAL}};
	static const struct import_object object = {
		"billable metric", fields, FIELD_COUNT,
		"lago_id name description created_at updated_at weighted_interval rounding_precision filters "
		"active_subscriptions_count draft_invoices_count plans_count",
		"recurring rounding_function expression"};
	const struct yaml_node *values[FIELD_COUNT];
	const char *aggregation;
	char *code;
	char *value;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__import_text(im, values[CODE], FIELD_KEY_MAX, &code);
	if (result == METER_OK)
		result = read_aggregation(im, values[AGGREGATION], &aggregation);
	if (result != METER_OK)
		return result;
	if (strcmp(aggregation, "count") == 0)
		return meter__import_meter(im, node, code, code, aggregation, NULL);
	if (values[FIELD_NAME] == NULL)
		return meter__field_fail(&im->r, node, METER_ECATALOG, "\"field_name\" is missing in a billable metric of Lago");
	result = meter__import_text(im, values[FIELD_NAME], EVENT_PROPERTY_NAME_MAX, &value);
	return result == METER_OK ? meter__import_meter(im, node, code, code, aggregation, value) : result;
}

static int read_metrics(struct import *im, const struct yaml_node *list)
{
	int result = list == NULL ? METER_OK : meter__field_list(&im->r, list, "billable metric", SIZE_MAX);

	if (result != METER_OK || list == NULL)
		return result;
	for (const struct yaml_node *item = list->first; item != NULL && result == METER_OK; item = item->next)
		result = read_metric(im, item);
	return result;
}

/* The metric adds up, so that single events are parts of it. */
static bool is_sum(const struct lago_charge *c)
{
	const struct yaml_node *item = c->of->metrics->first;

	while (!meter__import_is(meter__import_value(item, "code"), c->charge.meter))
		item = item->next;
	return meter__import_is(meter__import_value(item, "aggregation_type"), "sum_agg");
}

/* ---- charge models ---- */

static int begin_charge(struct import *im, struct lago_charge *c, const char *model)
{
	c->charge.model = model;
	return meter__import_charge(im, c->of->plan, &c->charge);
}

#define UNGROUPED "grouped_by pricing_group_keys"
#define DISPLAYED "presentation_group_keys"

static int write_standard(struct import *im, struct lago_charge *c)
{
	static const struct field fields[] = {{"amount", FIELD_REQUIRED}};
	static const struct import_object object = {"standard charge's properties", fields, COUNT_OF(fields), DISPLAYED,
	                                            UNGROUPED};
	const struct yaml_node *value;
	struct decimal amount;

	int result = meter__import_object(im, c->properties, &object, &value);
	if (result == METER_OK)
		result = meter__field_decimal(&im->r, value, &amount);
	if (result == METER_OK)
		result = begin_charge(im, c, "unit");
	if (result == METER_OK)
		meter__import_put(c->of->plan, "price", amount, true);
	return result;
}

static int write_package(struct import *im, struct lago_charge *c)
{
	enum { AMOUNT, FREE_UNITS, PACKAGE_SIZE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[AMOUNT] = {"amount", FIELD_REQUIRED},
	                                                 [FREE_UNITS] = {"free_units", FIELD_OPTIONAL},
	                                                 [PACKAGE_SIZE] = {"package_size", FIELD_REQUIRED}};
	static const struct import_object object = {"package charge's properties", fields, FIELD_COUNT, DISPLAYED, UNGROUPED};
	const struct yaml_node *values[FIELD_COUNT];
	struct decimal amount, free_units, size;

	int result = meter__import_object(im, c->properties, &object, values);
	if (result == METER_OK)
		result = meter__field_decimal(&im->r, values[AMOUNT], &amount);
	if (result == METER_OK)
		result = meter__import_decimal(im, values[FREE_UNITS], &free_units);
	if (result == METER_OK)
		result = meter__field_positive_decimal(&im->r, values[PACKAGE_SIZE], &size);
	if (result == METER_OK)
		result = begin_charge(im, c, "package");
	if (result != METER_OK)
		return result;
	meter__import_put(c->of->plan, "price", amount, true);
	meter__import_put(c->of->plan, "per", size, false);
	if (!meter__decimal_is_zero(free_units))
		meter__import_put(c->of->plan, "included", free_units, false);
	return METER_OK;
}

/* What the ranges of three models have in common; the price is a rate in percent in one of them. */
struct ranges {
	const struct yaml_node *list;
	const struct import_object *object; /* of a range: from_value, to_value, flat_amount, price */
	const char *price_name;
	bool is_adjacent; /* each begins where the one before ends, not one above */
};

enum { FROM_VALUE, TO_VALUE, FLAT_AMOUNT, PRICE, RANGE_FIELDS };

static int check_from(const struct import *im, const struct yaml_node *node, const struct import_tier *previous,
                      struct ranges *ranges, bool is_second)
{
	struct decimal from, one_above;

	int result = meter__field_decimal(&im->r, node, &from);
	if (result != METER_OK)
		return result;
	if (previous == NULL)
		return meter__decimal_is_zero(from) ? METER_OK
		                                    : meter__field_fail(&im->r, node, METER_ECATALOG,
		                                                        "\"from_value\" 0 was expected in the first range");
	result = meter__decimal_add(&one_above, previous->up_to, DECIMAL_ONE);
	bool is_adjacent = meter__decimal_compare(from, previous->up_to) == 0;
	if (is_second)
		ranges->is_adjacent = is_adjacent;
	if (result == METER_OK && is_adjacent == ranges->is_adjacent &&
	    (is_adjacent || meter__decimal_compare(from, one_above) == 0))
		return METER_OK;
	return meter__field_fail(&im->r, node, METER_ECATALOG,
	                         "\"from_value\" %s: ranges must follow each other without a gap, all in one way",
	                         node->text.data);
}

static int read_range(const struct import *im, const struct yaml_node *node, const struct import_tier *previous,
                      struct ranges *ranges, struct import_tier *tier)
{
	const struct yaml_node *values[RANGE_FIELDS];
	bool is_second = ranges->list->first->next == node;

	int result = meter__import_object(im, node, ranges->object, values);
	if (result == METER_OK)
		result = check_from(im, values[FROM_VALUE], previous, ranges, is_second);
	if (result != METER_OK)
		return result;
	*tier = (struct import_tier){.has_up_to = values[TO_VALUE] != NULL, .has_price = true};
	if (tier->has_up_to)
		result = meter__field_positive_decimal(&im->r, values[TO_VALUE], &tier->up_to);
	if (result == METER_OK)
		result = meter__field_decimal(&im->r, values[PRICE], &tier->price);
	if (result == METER_OK)
		result = meter__import_decimal(im, values[FLAT_AMOUNT], &tier->flat);
	if (result == METER_OK && previous == NULL && !meter__decimal_is_zero(tier->flat))
		return meter__field_fail(
			&im->r, values[FLAT_AMOUNT], METER_EUNSUPPORTED,
			"\"flat_amount\" of the first range: versions of Lago differ in whether it is due at 0 units");
	return result == METER_OK ? meter__import_check_tier(im, node, tier, previous) : result;
}

static int write_ranges(struct import *im, struct lago_charge *c, struct ranges *ranges)
{
	struct import_tier tier = {0};
	struct import_tier previous;

	int result = meter__field_filled_list(&im->r, ranges->list, "range", SIZE_MAX);
	meter__buffer_text(&c->of->plan->text, "        tiers:\n");
	for (const struct yaml_node *item = ranges->list->first; item != NULL && result == METER_OK; item = item->next) {
		previous = tier;
		result = read_range(im, item, item == ranges->list->first ? NULL : &previous, ranges, &tier);
		meter__import_put_tier(c->of->plan, ranges->price_name, &tier);
	}
	return result;
}

static int write_tiered(struct import *im, struct lago_charge *c, const char *model, const char *list_name, bool is_percentage)
{
	static const struct field price_fields[RANGE_FIELDS] = {[FROM_VALUE] = {"from_value", FIELD_REQUIRED},
	                                                        [TO_VALUE] = {"to_value", FIELD_OPTIONAL},
	                                                        [FLAT_AMOUNT] = {"flat_amount", FIELD_OPTIONAL},
	                                                        [PRICE] = {"per_unit_amount", FIELD_REQUIRED}};
	static const struct field rate_fields[RANGE_FIELDS] = {[FROM_VALUE] = {"from_value", FIELD_REQUIRED},
	                                                       [TO_VALUE] = {"to_value", FIELD_OPTIONAL},
	                                                       [FLAT_AMOUNT] = {"flat_amount", FIELD_OPTIONAL},
	                                                       [PRICE] = {"rate", FIELD_REQUIRED}};
	static const struct import_object price_range = {"range", price_fields, RANGE_FIELDS, "", ""};
	static const struct import_object rate_range = {"range", rate_fields, RANGE_FIELDS, "", ""};
	const struct field fields[] = {{list_name, FIELD_REQUIRED}};
	const struct import_object object = {"charge's properties", fields, COUNT_OF(fields), DISPLAYED, UNGROUPED};
	struct ranges ranges = {NULL, is_percentage ? &rate_range : &price_range, is_percentage ? "rate" : "price", false};

	int result = meter__import_object(im, c->properties, &object, &ranges.list);
	if (result == METER_OK)
		result = begin_charge(im, c, model);
	return result == METER_OK ? write_ranges(im, c, &ranges) : result;
}

enum { RATE, FIXED_AMOUNT, FREE_EVENTS, FREE_TOTAL, EVENT_MINIMUM, EVENT_MAXIMUM, PERCENTAGE_FIELDS };

/*
 * Lago ends what is free at the first of the two limits, and frees the events within a free total from fixed and least amounts
 * too; a catalog does neither.
 */
static int check_free_total(const struct import *im, const struct yaml_node *const *values, const struct decimal *numbers)
{
	static const int others[] = {FIXED_AMOUNT, FREE_EVENTS, EVENT_MINIMUM, EVENT_MAXIMUM};

	if (meter__decimal_is_zero(numbers[FREE_TOTAL]))
		return METER_OK;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (values[others[i]] != NULL && (others[i] >= EVENT_MINIMUM || !meter__decimal_is_zero(numbers[others[i]])))
			return meter__import_refuse(
				im, values[FREE_TOTAL],
				"\"free_units_per_total_aggregation\" together with amounts or free units per event");
	}
	return METER_OK;
}

static int write_percentage(struct import *im, struct lago_charge *c)
{
	static const struct field fields[PERCENTAGE_FIELDS] = {
		[RATE] = {"rate", FIELD_REQUIRED},
		[FIXED_AMOUNT] = {"fixed_amount", FIELD_OPTIONAL},
		[FREE_EVENTS] = {"free_units_per_events", FIELD_OPTIONAL},
		[FREE_TOTAL] = {"free_units_per_total_aggregation", FIELD_OPTIONAL},
		[EVENT_MINIMUM] = {"per_transaction_min_amount", FIELD_OPTIONAL},
		[EVENT_MAXIMUM] = {"per_transaction_max_amount", FIELD_OPTIONAL}};
	static const char *const names[PERCENTAGE_FIELDS] = {[RATE] = "rate",
	                                                     [FIXED_AMOUNT] = "per_event",
	                                                     [FREE_EVENTS] = "free_events",
	                                                     [FREE_TOTAL] = "free_units",
	                                                     [EVENT_MINIMUM] = "event_minimum",
	                                                     [EVENT_MAXIMUM] = "event_maximum"};
	static const struct import_object object = {"percentage charge's properties", fields, PERCENTAGE_FIELDS, DISPLAYED,
	                                            UNGROUPED};
	const struct yaml_node *values[PERCENTAGE_FIELDS];
	struct decimal numbers[PERCENTAGE_FIELDS];

	if (!is_sum(c))
		return meter__import_refuse(im, c->at, "a percentage of a metric that is not a sum_agg");
	int result = meter__import_object(im, c->properties, &object, values);
	for (size_t i = 0; i < PERCENTAGE_FIELDS && result == METER_OK; i++)
		result = meter__import_decimal(im, values[i], &numbers[i]);
	if (result == METER_OK)
		result = check_free_total(im, values, numbers);
	if (result == METER_OK)
		result = begin_charge(im, c, "percentage");
	for (size_t i = 0; i < PERCENTAGE_FIELDS && result == METER_OK; i++) {
		bool is_amount = i == FIXED_AMOUNT || i >= EVENT_MINIMUM;
		if (values[i] != NULL && (i == RATE || i >= EVENT_MINIMUM || !meter__decimal_is_zero(numbers[i])))
			meter__import_put(c->of->plan, names[i], numbers[i], is_amount);
	}
	return result;
}

static int write_model(struct import *im, struct lago_charge *c, const struct yaml_node *node)
{
	enum { STANDARD, GRADUATED, PACKAGE, VOLUME, PERCENTAGE, GRADUATED_PERCENTAGE };
	static const struct choice models[] = {{"standard", STANDARD},     {"graduated", GRADUATED},
	                                       {"package", PACKAGE},       {"volume", VOLUME},
	                                       {"percentage", PERCENTAGE}, {"graduated_percentage", GRADUATED_PERCENTAGE}};
	int model = STANDARD;

	if (meter__import_is(node, "dynamic"))
		return meter__import_refuse(im, node,
		                            "\"charge_model\" dynamic, whose amounts come beside the metric in each event,");
	int result = meter__field_choice(&im->r, node, models, COUNT_OF(models), &model);
	if (result != METER_OK)
		return result;
	switch (model) {
	case GRADUATED:
		return write_tiered(im, c, "graduated", "graduated_ranges", false);
	case VOLUME:
		return write_tiered(im, c, "volume", "volume_ranges", false);
	case GRADUATED_PERCENTAGE:
		return write_tiered(im, c, "graduated_percentage", "graduated_percentage_ranges", true);
	case PACKAGE:
		return write_package(im, c);
	case PERCENTAGE:
		return write_percentage(im, c);
	default:
		return write_standard(im, c);
	}
}

/* ---- charges ---- */

static int check_invoiceable(const struct import *im, const struct yaml_node *node)
{
	bool is_invoiceable = true;

	int result = node == NULL ? METER_OK : meter__field_flag(&im->r, node, &is_invoiceable);
	if (result == METER_OK && !is_invoiceable)
		return meter__import_refuse(im, node, "\"invoiceable\" false");
	return result;
}

static int read_charge(struct import *im, const struct lago_plan *of, const struct yaml_node *node)
{
	enum { METRIC, MODEL, PROPERTIES, MINIMUM, INVOICEABLE, DISPLAY_NAME, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[METRIC] = {"billable_metric_code", FIELD_REQUIRED}, [MODEL] = {"charge_model", FIELD_REQUIRED},
		[PROPERTIES] = {"properties", FIELD_REQUIRED},       [MINIMUM] = {"min_amount_cents", FIELD_OPTIONAL},
		[INVOICEABLE] = {"invoiceable", FIELD_OPTIONAL},     [DISPLAY_NAME] = {"invoice_display_name", FIELD_OPTIONAL}};
	static const struct import_object object = {
		"charge", fields, FIELD_COUNT, "lago_id lago_billable_metric_id lago_parent_id code created_at",
		"pay_in_advance prorated regroup_paid_fees filters group_properties taxes tax_codes applied_pricing_unit "
		"accepts_target_wallet"};
	const struct yaml_node *values[FIELD_COUNT];
	struct lago_charge c = {.at = node, .of = of};
	struct decimal minimum;
	char *metric;
	char *name;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK)
		result = meter__import_text(im, values[METRIC], FIELD_KEY_MAX, &metric);
	if (result == METER_OK && !meter__import_has_meter(im, values[METRIC]->text))
		return meter__field_fail(&im->r, values[METRIC], METER_EUNSUPPORTED,
		                         "no billable metric \"%s\"; the document needs it in a list \"billable_metrics\"",
		                         metric);
	if (result == METER_OK && meter__import_is(values[DISPLAY_NAME], ""))
		values[DISPLAY_NAME] = NULL;
	if (result == METER_OK)
		result = meter__import_text(im, values[DISPLAY_NAME], FIELD_TEXT_MAX, &name);
	if (result == METER_OK)
		result = check_invoiceable(im, values[INVOICEABLE]);
	if (result == METER_OK)
		result = meter__import_minor(im, values[MINIMUM], of->exponent, &minimum);
	if (result != METER_OK)
		return result;
	c.charge = (struct import_charge){.key = metric, .name = name, .meter = metric};
	c.properties = values[PROPERTIES];
	result = write_model(im, &c, values[MODEL]);
	if (result == METER_OK && !meter__decimal_is_zero(minimum))
		meter__import_put(of->plan, "minimum", minimum, true);
	return result;
}

/* ---- plan ---- */

/* Lago keeps amounts in the units of the currency's money library, which for these are fifths. */
static int read_exponent(const struct import *im, const struct yaml_node *node, int32_t *out)
{
	if (meter__import_is(node, "MGA") || meter__import_is(node, "MRU"))
		return meter__import_refuse(im, node, "an amount in fifths of a currency");
	*out = node->kind == YAML_TEXT ? meter__currency_exponent(node->text) : -1;
	return METER_OK;
}

static int check_interval(const struct import *im, const struct yaml_node *node)
{
	static const struct choice intervals[] = {{"monthly", 0},
	                                          {"weekly", CHOICE_UNSUPPORTED},
	                                          {"quarterly", CHOICE_UNSUPPORTED},
	                                          {"semiannual", CHOICE_UNSUPPORTED},
	                                          {"yearly", CHOICE_UNSUPPORTED}};
	int value;

	return meter__field_choice(&im->r, node, intervals, COUNT_OF(intervals), &value);
}

/* Of a month that the subscription does not last whole, Lago bills the days. */
static int write_subscription(struct import *im, const struct lago_plan *of, const struct yaml_node *amount,
                              const struct yaml_node *pay_in_advance)
{
	struct decimal value;
	bool is_in_advance = false;

	int result = meter__import_minor(im, amount, of->exponent, &value);
	if (result == METER_OK && pay_in_advance != NULL)
		result = meter__field_flag(&im->r, pay_in_advance, &is_in_advance);
	if (result != METER_OK || meter__decimal_is_zero(value))
		return result;
	result = meter__import_charge(im, of->plan, &(struct import_charge){"subscription", NULL, NULL, "flat"});
	if (result != METER_OK)
		return result;
	meter__import_put(of->plan, "amount", value, true);
	meter__import_put_word(of->plan, "bill", is_in_advance ? "in_advance" : "in_arrears");
	meter__import_put_word(of->plan, "proration", "time");
	return METER_OK;
}

enum { CODE, NAME, INTERVAL, AMOUNT_CENTS, CURRENCY, PAY_IN_ADVANCE, CHARGES, METRICS, PLAN_FIELDS };

static int read_charges(struct import *im, const struct lago_plan *of, const struct yaml_node *list)
{
	int result = list == NULL ? METER_OK : meter__field_list(&im->r, list, "charge", SIZE_MAX);

	if (result != METER_OK || list == NULL)
		return result;
	for (const struct yaml_node *item = list->first; item != NULL && result == METER_OK; item = item->next)
		result = read_charge(im, of, item);
	return result;
}

static int read_plan(struct import *im, const struct yaml_node *node, const struct yaml_node *metrics)
{
	static const struct field fields[PLAN_FIELDS] = {[CODE] = {"code", FIELD_REQUIRED},
	                                                 [NAME] = {"name", FIELD_OPTIONAL},
	                                                 [INTERVAL] = {"interval", FIELD_REQUIRED},
	                                                 [AMOUNT_CENTS] = {"amount_cents", FIELD_REQUIRED},
	                                                 [CURRENCY] = {"amount_currency", FIELD_REQUIRED},
	                                                 [PAY_IN_ADVANCE] = {"pay_in_advance", FIELD_OPTIONAL},
	                                                 [CHARGES] = {"charges", FIELD_OPTIONAL},
	                                                 [METRICS] = {"billable_metrics", FIELD_OPTIONAL}};
	static const struct import_object object = {
		"plan", fields, PLAN_FIELDS,
		"lago_id parent_id created_at updated_at description invoice_display_name metadata customers_count "
		"active_subscriptions_count draft_invoices_count has_active_subscriptions has_charges has_customers "
		"has_draft_invoices "
		"has_subscriptions pending_deletion",
		"trial_period bill_charges_monthly bill_fixed_charges_monthly fixed_charges minimum_commitment usage_thresholds "
		"applicable_usage_thresholds taxes tax_codes entitlements"};
	const struct yaml_node *values[PLAN_FIELDS];
	struct lago_plan plan = {.metrics = metrics};
	char *code;
	char *name;
	char *currency;

	int result = meter__import_object(im, node, &object, values);
	if (result == METER_OK && plan.metrics == NULL)
		plan.metrics = values[METRICS];
	if (result == METER_OK)
		result = read_metrics(im, plan.metrics);
	if (result == METER_OK)
		result = meter__import_text(im, values[CODE], FIELD_KEY_MAX, &code);
	if (result == METER_OK)
		result = meter__import_text(im, values[NAME], FIELD_TEXT_MAX, &name);
	if (result == METER_OK)
		result = check_interval(im, values[INTERVAL]);
	if (result == METER_OK)
		result = meter__import_text(im, values[CURRENCY], FIELD_KEY_MAX, &currency);
	if (result == METER_OK)
		result = read_exponent(im, values[CURRENCY], &plan.exponent);
	if (result == METER_OK)
		result = meter__import_plan(im, values[CURRENCY], code, name, currency, &plan.plan);
	if (result == METER_OK)
		result = write_subscription(im, &plan, values[AMOUNT_CENTS], values[PAY_IN_ADVANCE]);
	return result == METER_OK ? read_charges(im, &plan, values[CHARGES]) : result;
}

/* The plan itself, or as the API answers and takes it: under "plan". */
int meter__import_lago(struct import *im, const struct yaml_node *root)
{
	static const struct field fields[] = {{"plan", FIELD_REQUIRED}, {"billable_metrics", FIELD_OPTIONAL}};
	static const struct import_object object = {"document", fields, COUNT_OF(fields), "", ""};
	const struct yaml_node *values[COUNT_OF(fields)];

	if (meter__import_value(root, "plan") == NULL)
		return read_plan(im, root, NULL);
	int result = meter__import_object(im, root, &object, values);
	return result == METER_OK ? read_plan(im, values[0], values[1]) : result;
}
