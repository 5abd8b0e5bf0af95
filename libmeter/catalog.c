/*
 * catalog.c - a catalog: its meters and subscriptions, looking things up, and its life.
 *
 * A catalog is either whole or not there: everything hangs in one arena that the first error frees. Meters are read before plans
 * and plans before subscriptions, wherever they stand in the text, because each refers to the ones before.
 *
 * Read once a process and version; looked up from every thread, without a lock, because nothing changes after
 * meter__catalog_read().
 */
#include "catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_plan.h"
#include "currency.h"
#include "error.h"
#include "event.h"
#include "field.h"
#include "zone.h"

#define METERS_MAX 10000
#define SUBSCRIPTIONS_MAX 100000
#define FILTER_VALUES_MAX 1000
#define SUBSCRIPTION_PLANS_MAX 1000
#define SUBSCRIPTION_PAUSES_MAX 1000
#define UNITS_MAX 1000
#define UNIT_EXPONENT_MAX 12

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- meters ---- */

const char *meter__aggregation_name(enum aggregation aggregation)
{
	static const char *const names[] = {[AGGREGATION_COUNT] = "count",
	                                    [AGGREGATION_SUM] = "sum",
	                                    [AGGREGATION_MIN] = "min",
	                                    [AGGREGATION_MAX] = "max",
	                                    [AGGREGATION_LATEST] = "latest",
	                                    [AGGREGATION_AVG] = "avg",
	                                    [AGGREGATION_UNIQUE_COUNT] = "unique_count",
	                                    [AGGREGATION_TIME_WEIGHTED] = "time_weighted"};

	return names[aggregation];
}

static int read_aggregation(const struct field_reader *r, const struct yaml_node *node, enum aggregation *out)
{
	static const struct choice aggregations[] = {{"count", AGGREGATION_COUNT},
	                                             {"sum", AGGREGATION_SUM},
	                                             {"min", AGGREGATION_MIN},
	                                             {"max", AGGREGATION_MAX},
	                                             {"latest", AGGREGATION_LATEST},
	                                             {"avg", AGGREGATION_AVG},
	                                             {"unique_count", AGGREGATION_UNIQUE_COUNT},
	                                             {"time_weighted", AGGREGATION_TIME_WEIGHTED}};
	int value = AGGREGATION_COUNT;

	int result = meter__field_choice(r, node, aggregations, COUNT_OF(aggregations), &value);
	*out = (enum aggregation)value;
	return result;
}

static int read_dimensions(const struct field_reader *r, const struct yaml_node *node, struct meter_definition *definition)
{
	int result = meter__field_list(r, node, "dimension", METER_DIMENSIONS_MAX);

	if (result != METER_OK)
		return result;
	definition->dimensions = meter__arena_array(r->arena, node->count, sizeof(*definition->dimensions));
	if (definition->dimensions == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		char *name;
		result = meter__field_text(r, item, EVENT_PROPERTY_NAME_MAX, &name);
		if (result != METER_OK)
			return result;
		if (strcmp(name, "subscription") == 0)
			return meter__field_fail(r, item, METER_ECATALOG,
			                         "\"subscription\" cannot be a dimension: usage can always be grouped by it");
		for (size_t i = 0; i < definition->dimension_count; i++) {
			if (strcmp(name, definition->dimensions[i]) == 0)
				return meter__field_fail(r, item, METER_ECATALOG, "dimension \"%s\" is listed twice", name);
		}
		definition->dimensions[definition->dimension_count++] = name;
	}
	return METER_OK;
}

static int read_filter_values(const struct field_reader *r, const struct yaml_node *node, struct meter_filter *filter)
{
	int result = meter__field_filled_list(r, node, "allowed value", FILTER_VALUES_MAX);

	if (result != METER_OK)
		return result;
	filter->values = meter__arena_array(r->arena, node->count, sizeof(*filter->values));
	if (filter->values == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		result = meter__field_value(r, item, &filter->values[filter->value_count++]);
		if (result != METER_OK)
			return result;
	}
	qsort(filter->values, filter->value_count, sizeof(*filter->values), compare_texts);
	for (size_t i = 1; i < filter->value_count; i++) {
		if (strcmp(filter->values[i - 1], filter->values[i]) == 0)
			return meter__field_fail(r, node, METER_ECATALOG, "value \"%.100s\" is listed twice", filter->values[i]);
	}
	return METER_OK;
}

static int compare_filters(const void *a, const void *b)
{
	return strcmp(((const struct meter_filter *)a)->property, ((const struct meter_filter *)b)->property);
}

static int read_filter(const struct field_reader *r, const struct yaml_node *node, struct meter_definition *definition)
{
	int result = meter__field_keys(r, node, "filter", EVENT_PROPERTIES_MAX);

	if (result != METER_OK)
		return result;
	definition->filters = meter__arena_array(r->arena, node->count, sizeof(*definition->filters));
	if (definition->filters == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key != NULL; key = key->next) {
		struct meter_filter *filter = &definition->filters[definition->filter_count++];
		result = meter__field_text(r, key, EVENT_PROPERTY_NAME_MAX, &filter->property);
		if (result == METER_OK)
			result = read_filter_values(r, key->value, filter);
		if (result != METER_OK)
			return result;
	}
	qsort(definition->filters, definition->filter_count, sizeof(*definition->filters), compare_filters);
	return METER_OK;
}

static void write_texts(struct buffer *out, char *const *texts, size_t count)
{
	meter__buffer_char(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			meter__buffer_char(out, ',');
		meter__buffer_json(out, meter__slice_of(texts[i]));
	}
	meter__buffer_char(out, ']');
}

/* Stored and compared with what earlier versions wrote: a change here makes every meter count anew. */
static int make_canonical(const struct field_reader *r, struct meter_definition *definition)
{
	struct buffer text = {0};

	meter__buffer_text(&text, "{\"event_type\":");
	meter__buffer_json(&text, meter__slice_of(definition->event_type));
	meter__buffer_format(&text, ",\"aggregation\":\"%s\",\"value\":", meter__aggregation_name(definition->aggregation));
	if (definition->value != NULL)
		meter__buffer_json(&text, meter__slice_of(definition->value));
	else
		meter__buffer_text(&text, "null");
	meter__buffer_text(&text, ",\"dimensions\":");
	write_texts(&text, definition->dimensions, definition->dimension_count);
	meter__buffer_text(&text, ",\"filter\":{");
	for (size_t i = 0; i < definition->filter_count; i++) {
		if (i > 0)
			meter__buffer_char(&text, ',');
		meter__buffer_json(&text, meter__slice_of(definition->filters[i].property));
		meter__buffer_char(&text, ':');
		write_texts(&text, definition->filters[i].values, definition->filters[i].value_count);
	}
	meter__buffer_text(&text, "}}");
	if (!text.failed)
		definition->canonical = meter__arena_copy(r->arena, (struct slice){text.data, text.size});
	meter__buffer_free(&text);
	return definition->canonical == NULL ? meter__field_no_memory() : METER_OK;
}

static int read_meter(const struct field_reader *r, struct meter_definition *definition, const struct yaml_node *key)
{
	enum { EVENT_TYPE, AGGREGATION, VALUE, DIMENSIONS, FILTER, UNIT, UNIT_CODE, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[EVENT_TYPE] = {"event_type", FIELD_REQUIRED}, [AGGREGATION] = {"aggregation", FIELD_REQUIRED},
		[VALUE] = {"value", FIELD_OPTIONAL},           [DIMENSIONS] = {"dimensions", FIELD_OPTIONAL},
		[FILTER] = {"filter", FIELD_OPTIONAL},         [UNIT] = {"unit", FIELD_OPTIONAL},
		[UNIT_CODE] = {"unit_code", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];
	char *unit_code;

	int result = meter__field_text(r, key, FIELD_KEY_MAX, &definition->key);
	if (result == METER_OK)
		result = meter__field_mapping(r, key->value, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_text(r, entries[EVENT_TYPE]->value, EVENT_TYPE_MAX, &definition->event_type);
	if (result == METER_OK && meter__event_is_reserved(meter__slice_of(definition->event_type)))
		return meter__field_fail(r, entries[EVENT_TYPE]->value, METER_ECATALOG,
		                         "types that begin with \"meter.\" are reserved");
	if (result == METER_OK)
		result = read_aggregation(r, entries[AGGREGATION]->value, &definition->aggregation);
	if (result == METER_OK && entries[VALUE] != NULL)
		result = meter__field_text(r, entries[VALUE]->value, EVENT_PROPERTY_NAME_MAX, &definition->value);
	if (result == METER_OK && entries[VALUE] != NULL && definition->aggregation == AGGREGATION_COUNT)
		return meter__field_fail(r, entries[VALUE], METER_ECATALOG,
		                         "\"value\" with aggregation count, which counts events");
	if (result == METER_OK && entries[VALUE] == NULL && definition->aggregation == AGGREGATION_UNIQUE_COUNT)
		return meter__field_fail(r, key, METER_ECATALOG,
		                         "\"value\" is missing: the property whose distinct values are counted");
	if (result == METER_OK && entries[DIMENSIONS] != NULL)
		result = read_dimensions(r, entries[DIMENSIONS]->value, definition);
	if (result == METER_OK && entries[FILTER] != NULL)
		result = read_filter(r, entries[FILTER]->value, definition);
	if (result == METER_OK)
		result = meter__field_optional_text(r, entries[UNIT], &definition->unit);
	if (result == METER_OK)
		result = meter__field_optional_text(r, entries[UNIT_CODE], &unit_code);
	return result == METER_OK ? make_canonical(r, definition) : result;
}

static int compare_meters(const void *a, const void *b)
{
	return strcmp((*(const struct meter_definition *const *)a)->key, (*(const struct meter_definition *const *)b)->key);
}

static int read_meters(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node)
{
	int result = meter__field_keys(r, node, "meter", METERS_MAX);

	if (result != METER_OK)
		return result;
	catalog->meters = meter__arena_array(r->arena, node->count, sizeof(*catalog->meters));
	catalog->meters_by_key = meter__arena_array(r->arena, node->count, sizeof(*catalog->meters_by_key));
	if (catalog->meters == NULL || catalog->meters_by_key == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key != NULL; key = key->next) {
		struct meter_definition *definition = &catalog->meters[catalog->meter_count];
		result = read_meter(r, definition, key);
		if (result != METER_OK)
			return result;
		catalog->meters_by_key[catalog->meter_count++] = definition;
	}
	qsort(catalog->meters_by_key, catalog->meter_count, sizeof(*catalog->meters_by_key), compare_meters);
	return METER_OK;
}

/* ---- subscriptions ---- */

static int read_plan_key(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                         char **out)
{
	int result = meter__field_text(r, node, FIELD_KEY_MAX, out);

	if (result == METER_OK && !meter__catalog_has_plan(catalog, node->text))
		return meter__field_fail(r, node, METER_ECATALOG, "unknown plan \"%s\"", node->text.data);
	return result;
}

static int read_plan_change(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                            struct subscription *subscription)
{
	enum { PLAN, FROM, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[PLAN] = {"plan", FIELD_REQUIRED}, [FROM] = {"from", FIELD_REQUIRED}};
	const struct yaml_node *entries[FIELD_COUNT];
	struct subscription_plan *change = &subscription->plans[subscription->plan_count];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = read_plan_key(r, catalog, entries[PLAN]->value, &change->plan);
	if (result == METER_OK)
		result = meter__field_instant(r, entries[FROM]->value, &change->from_us);
	if (result != METER_OK)
		return result;
	if (subscription->plan_count > 0 && change->from_us <= change[-1].from_us)
		return meter__field_fail(r, entries[FROM]->value, METER_ECATALOG,
		                         "\"from\" must be later than that of the plan before");
	subscription->plan_count++;
	return METER_OK;
}

/* plan: one key, which then needs the subscription's own from; or a list of {plan, from}, whose first from is the subscription's.
 */
static int read_subscription_plans(const struct field_reader *r, const struct meter_catalog *catalog,
                                   const struct yaml_node *plan, const struct yaml_node *from, struct subscription *subscription)
{
	int result = METER_OK;

	if (from != NULL)
		result = meter__field_instant(r, from->value, &subscription->from_us);
	if (result == METER_OK && plan->value->kind == YAML_LIST)
		result = meter__field_filled_list(r, plan->value, "plan", SUBSCRIPTION_PLANS_MAX);
	if (result != METER_OK)
		return result;
	size_t count = plan->value->kind == YAML_LIST ? plan->value->count : 1;
	subscription->plans = meter__arena_array(r->arena, count, sizeof(*subscription->plans));
	if (subscription->plans == NULL)
		return meter__field_no_memory();
	if (plan->value->kind != YAML_LIST) {
		if (from == NULL)
			return meter__field_fail(r, plan, METER_ECATALOG, "\"from\" is missing");
		subscription->plan_count = 1;
		subscription->plans[0].from_us = subscription->from_us;
		return read_plan_key(r, catalog, plan->value, &subscription->plans[0].plan);
	}
	for (const struct yaml_node *item = plan->value->first; item != NULL; item = item->next) {
		result = read_plan_change(r, catalog, item, subscription);
		if (result != METER_OK)
			return result;
	}
	if (from != NULL && subscription->from_us != subscription->plans[0].from_us)
		return meter__field_fail(r, from->value, METER_ECATALOG, "\"from\" differs from that of the first plan");
	subscription->from_us = subscription->plans[0].from_us;
	return METER_OK;
}

static int read_until(const struct field_reader *r, const struct yaml_node *entry, struct subscription *subscription)
{
	subscription->until_us = INT64_MAX;
	if (entry == NULL)
		return METER_OK;
	int result = meter__field_instant(r, entry->value, &subscription->until_us);
	if (result == METER_OK && subscription->until_us <= subscription->plans[subscription->plan_count - 1].from_us)
		return meter__field_fail(r, entry->value, METER_ECATALOG, "\"until\" must be later than \"from\"");
	return result;
}

/* An open pause has no until. */
static int read_pause(const struct field_reader *r, const struct yaml_node *node, const struct period *before,
                      struct period *pause)
{
	enum { FROM, UNTIL, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[FROM] = {"from", FIELD_REQUIRED}, [UNTIL] = {"until", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_instant(r, entries[FROM]->value, &pause->from_us);
	pause->to_us = INT64_MAX;
	if (result == METER_OK && entries[UNTIL] != NULL)
		result = meter__field_instant(r, entries[UNTIL]->value, &pause->to_us);
	if (result != METER_OK)
		return result;
	if (pause->to_us <= pause->from_us)
		return meter__field_fail(r, entries[UNTIL]->value, METER_ECATALOG, "\"until\" must be later than \"from\"");
	if (before != NULL && pause->from_us < before->to_us)
		return meter__field_fail(r, entries[FROM]->value, METER_ECATALOG,
		                         "\"from\" is before the end of the pause before");
	return METER_OK;
}

static int read_pauses(const struct field_reader *r, const struct yaml_node *node, struct subscription *subscription)
{
	int result = meter__field_list(r, node, "pause", SUBSCRIPTION_PAUSES_MAX);

	if (result != METER_OK)
		return result;
	subscription->pauses = meter__arena_array(r->arena, node->count, sizeof(*subscription->pauses));
	if (subscription->pauses == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL && result == METER_OK; item = item->next) {
		struct period *pause = &subscription->pauses[subscription->pause_count];
		result = read_pause(r, item, subscription->pause_count++ > 0 ? pause - 1 : NULL, pause);
	}
	return result;
}

static int add_zone(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node, char *name)
{
	struct catalog_zone *zones = realloc(catalog->zones, (catalog->zone_count + 1) * sizeof(*zones));
	if (zones == NULL)
		return meter__field_no_memory();
	catalog->zones = zones;
	struct catalog_zone *added = &zones[catalog->zone_count];
	added->name = name;
	int result = meter__zone_load(&added->zone, name);
	if (result == METER_EINVAL)
		return meter__field_fail(r, node, METER_ECATALOG, "\"%s\": a time zone was expected, like Europe/Berlin", name);
	catalog->zone_count += result == METER_OK;
	return result;
}

static int read_zone(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node,
                     struct subscription *subscription)
{
	char *name;
	int result = meter__field_text(r, node, FIELD_TEXT_MAX, &name);
	if (result != METER_OK || strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
		return result;
	size_t at = 0;
	while (at < catalog->zone_count && strcmp(catalog->zones[at].name, name) != 0)
		at++;
	if (at == catalog->zone_count)
		result = add_zone(r, catalog, node, name);
	if (result == METER_OK)
		subscription->zone = catalog->zones[at].zone;
	return result;
}

static int read_calendar(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *timezone,
                         const struct yaml_node *anchor, struct subscription *subscription)
{
	static const struct choice anchors[] = {{"calendar", 0}, {"anniversary", 1}};
	int value = 0;

	int result = timezone == NULL ? METER_OK : read_zone(r, catalog, timezone->value, subscription);
	if (result == METER_OK && anchor != NULL)
		result = meter__field_choice(r, anchor->value, anchors, COUNT_OF(anchors), &value);
	subscription->is_anniversary = value != 0;
	return result;
}

static int read_subscription(const struct field_reader *r, struct meter_catalog *catalog, struct subscription *subscription,
                             const struct yaml_node *key)
{
	enum { CUSTOMER, PLAN, FROM, UNTIL, TRIAL_UNTIL, PAUSES, TIMEZONE, ANCHOR, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {
		[CUSTOMER] = {"customer", FIELD_REQUIRED}, [PLAN] = {"plan", FIELD_REQUIRED},
		[FROM] = {"from", FIELD_OPTIONAL},         [UNTIL] = {"until", FIELD_OPTIONAL},
		[PAUSES] = {"pauses", FIELD_OPTIONAL},     [TRIAL_UNTIL] = {"trial_until", FIELD_OPTIONAL},
		[TIMEZONE] = {"timezone", FIELD_OPTIONAL}, [ANCHOR] = {"anchor", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];

	subscription->source_line = key->line;
	int result = meter__field_text(r, key, EVENT_SUBSCRIPTION_MAX, &subscription->key);
	if (result == METER_OK)
		result = meter__field_mapping(r, key->value, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_text(r, entries[CUSTOMER]->value, FIELD_TEXT_MAX, &subscription->customer);
	if (result == METER_OK)
		result = read_subscription_plans(r, catalog, entries[PLAN], entries[FROM], subscription);
	if (result == METER_OK)
		result = read_until(r, entries[UNTIL], subscription);
	subscription->trial_until_us = INT64_MIN;
	if (result == METER_OK && entries[TRIAL_UNTIL] != NULL)
		result = meter__field_instant(r, entries[TRIAL_UNTIL]->value, &subscription->trial_until_us);
	if (result == METER_OK && entries[PAUSES] != NULL)
		result = read_pauses(r, entries[PAUSES]->value, subscription);
	return result == METER_OK ? read_calendar(r, catalog, entries[TIMEZONE], entries[ANCHOR], subscription) : result;
}

static int compare_subscriptions(const void *a, const void *b)
{
	return strcmp(((const struct subscription *)a)->key, ((const struct subscription *)b)->key);
}

static int read_subscriptions(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node)
{
	int result = meter__field_keys(r, node, "subscription", SUBSCRIPTIONS_MAX);

	if (result != METER_OK)
		return result;
	catalog->subscriptions = meter__arena_array(r->arena, node->count, sizeof(*catalog->subscriptions));
	if (catalog->subscriptions == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key != NULL; key = key->next) {
		result = read_subscription(r, catalog, &catalog->subscriptions[catalog->subscription_count++], key);
		if (result != METER_OK)
			return result;
	}
	qsort(catalog->subscriptions, catalog->subscription_count, sizeof(*catalog->subscriptions), compare_subscriptions);
	return METER_OK;
}

/* ---- units of money ---- */

static int read_worth(const struct field_reader *r, const struct yaml_node *price, const struct yaml_node *currency,
                      struct money_unit *unit)
{
	int result = meter__field_decimal(r, price, &unit->price);
	if (result == METER_OK)
		result = meter__field_text(r, currency, FIELD_KEY_MAX, &unit->currency);
	if (result != METER_OK)
		return result;
	unit->currency_exponent = meter__currency_exponent(currency->text);
	if (unit->currency_exponent < 0)
		return meter__field_fail(r, currency, METER_ECATALOG, "\"%s\": a currency of ISO 4217 was expected, like USD",
		                         unit->currency);
	return METER_OK;
}

static int read_unit(const struct field_reader *r, const struct yaml_node *key, struct money_unit *unit)
{
	enum { EXPONENT, PRICE, CURRENCY, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[EXPONENT] = {"exponent", FIELD_REQUIRED},
	                                                 [PRICE] = {"price", FIELD_OPTIONAL},
	                                                 [CURRENCY] = {"currency", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];
	struct decimal exponent;

	int result = meter__field_text(r, key, FIELD_KEY_MAX, &unit->key);
	if (result == METER_OK && meter__currency_exponent(key->text) >= 0)
		return meter__field_fail(r, key, METER_ECATALOG, "\"%s\" is a currency of ISO 4217", unit->key);
	if (result == METER_OK)
		result = meter__field_mapping(r, key->value, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_decimal(r, entries[EXPONENT]->value, &exponent);
	if (result != METER_OK)
		return result;
	if (exponent.scale != 0 || exponent.coefficient > UNIT_EXPONENT_MAX)
		return meter__field_fail(r, entries[EXPONENT]->value, METER_ECATALOG, "\"%s\": 0 to %d was expected",
		                         entries[EXPONENT]->value->text.data, UNIT_EXPONENT_MAX);
	unit->exponent = (int32_t)exponent.coefficient;
	if ((entries[PRICE] == NULL) != (entries[CURRENCY] == NULL))
		return meter__field_fail(r, key, METER_ECATALOG, "\"price\" and \"currency\" belong together");
	return entries[PRICE] == NULL ? METER_OK : read_worth(r, entries[PRICE]->value, entries[CURRENCY]->value, unit);
}

static int read_units(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node)
{
	int result = meter__field_keys(r, node, "unit", UNITS_MAX);

	if (result != METER_OK)
		return result;
	catalog->units = meter__arena_array(r->arena, node->count, sizeof(*catalog->units));
	if (catalog->units == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *key = node->first; key != NULL && result == METER_OK; key = key->next)
		result = read_unit(r, key, &catalog->units[catalog->unit_count++]);
	return result;
}

/* ---- the whole ---- */

static int check_version(const struct field_reader *r, const struct yaml_node *node)
{
	struct decimal version;

	int result = meter__field_positive_decimal(r, node, &version);
	if (result == METER_OK && meter__decimal_compare(version, DECIMAL_ONE) != 0)
		return meter__field_fail(r, node, METER_ECATALOG, "\"%s\": version 1 was expected", node->text.data);
	return result;
}

static int read_catalog(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *root)
{
	enum { VERSION, METERS, PLANS, SUBSCRIPTIONS, UNITS, FIELD_COUNT };
	static const struct field fields[FIELD_COUNT] = {[VERSION] = {"version", FIELD_REQUIRED},
	                                                 [METERS] = {"meters", FIELD_OPTIONAL},
	                                                 [PLANS] = {"plans", FIELD_OPTIONAL},
	                                                 [SUBSCRIPTIONS] = {"subscriptions", FIELD_OPTIONAL},
	                                                 [UNITS] = {"units", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, root, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = check_version(r, entries[VERSION]->value);
	if (result == METER_OK && entries[METERS] != NULL)
		result = read_meters(r, catalog, entries[METERS]->value);
	if (result == METER_OK && entries[UNITS] != NULL)
		result = read_units(r, catalog, entries[UNITS]->value);
	if (result == METER_OK && entries[PLANS] != NULL)
		result = meter__catalog_plans_read(r, catalog, entries[PLANS]->value);
	if (result == METER_OK && entries[SUBSCRIPTIONS] != NULL)
		result = read_subscriptions(r, catalog, entries[SUBSCRIPTIONS]->value);
	return result;
}

int meter__catalog_read(struct meter_catalog **out, const char *name, const char *text, size_t size)
{
	struct arena tree = {0};
	const struct yaml_node *root;

	*out = NULL;
	struct meter_catalog *catalog = calloc(1, sizeof(*catalog));
	if (catalog == NULL)
		return meter__field_no_memory();
	catalog->references = 1;
	struct field_reader r = {name, &catalog->arena};
	int result = meter__yaml_read(&root, &tree, name, text, size);
	if (result == METER_OK)
		result = read_catalog(&r, catalog, root);
	if (result == METER_OK) {
		catalog->text = meter__arena_copy(&catalog->arena, (struct slice){text, size});
		catalog->text_size = size;
		result = catalog->text == NULL ? meter__field_no_memory() : METER_OK;
	}
	meter__arena_free(&tree);
	if (result != METER_OK)
		meter__catalog_release(catalog);
	else
		*out = catalog;
	return result;
}

struct meter_catalog *meter__catalog_retain(struct meter_catalog *catalog)
{
	__atomic_add_fetch(&catalog->references, 1, __ATOMIC_RELAXED);
	return catalog;
}

void meter__catalog_release(struct meter_catalog *catalog)
{
	if (catalog == NULL)
		return;
	int32_t left = __atomic_sub_fetch(&catalog->references, 1, __ATOMIC_ACQ_REL);
	assert(left >= 0);
	if (left > 0)
		return;
	for (size_t i = 0; i < catalog->zone_count; i++)
		meter__zone_free(catalog->zones[i].zone);
	free(catalog->zones);
	meter__arena_free(&catalog->arena);
	free(catalog);
}

/* ---- looking up ---- */

bool meter__catalog_is_metered(const struct meter_catalog *catalog, struct slice type)
{
	for (size_t i = 0; i < catalog->meter_count; i++) {
		if (meter__slice_equal(meter__slice_of(catalog->meters[i].event_type), type))
			return true;
	}
	return false;
}

const struct meter_definition *meter__catalog_meter(const struct meter_catalog *catalog, struct slice key)
{
	size_t low = 0;
	size_t high = catalog->meter_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = meter__slice_compare(meter__slice_of(catalog->meters_by_key[middle]->key), key);
		if (order == 0)
			return catalog->meters_by_key[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct money_unit *meter__catalog_unit(const struct meter_catalog *catalog, const char *key)
{
	for (size_t i = 0; i < catalog->unit_count; i++) {
		if (strcmp(catalog->units[i].key, key) == 0)
			return &catalog->units[i];
	}
	return NULL;
}

const struct subscription *meter__catalog_subscription(const struct meter_catalog *catalog, struct slice key)
{
	size_t low = 0;
	size_t high = catalog->subscription_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = meter__slice_compare(meter__slice_of(catalog->subscriptions[middle].key), key);
		if (order == 0)
			return &catalog->subscriptions[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct plan *meter__catalog_plan(const struct meter_catalog *catalog, struct slice key, int64_t us)
{
	size_t low = 0;
	size_t high = catalog->plan_count;

	/* The first one behind (key, us); the one before it is in force. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct plan *plan = catalog->plans_by_key[middle];
		int order = meter__slice_compare(meter__slice_of(plan->key), key);
		if (order < 0 || (order == 0 && plan->effective_from_us <= us))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !meter__slice_equal(meter__slice_of(catalog->plans_by_key[low - 1]->key), key))
		return NULL;
	return catalog->plans_by_key[low - 1];
}

bool meter__catalog_has_plan(const struct meter_catalog *catalog, struct slice key)
{
	return meter__catalog_plan(catalog, key, INT64_MAX) != NULL;
}

/* ---- public calls ---- */

int meter_catalog_read(meter_catalog **out, const char *name, const char *text, size_t size)
{
	if (out == NULL)
		return meter__fail(METER_EINVAL, "out is NULL");
	*out = NULL;
	if (name == NULL)
		return meter__fail(METER_EINVAL, "name is NULL");
	if (text == NULL)
		return meter__fail(METER_EINVAL, "text is NULL");
	return meter__catalog_read(out, name, text, size == METER_NUL_TERMINATED ? strlen(text) : size);
}

void meter_catalog_free(meter_catalog *catalog)
{
	meter__catalog_release(catalog);
}

size_t meter_catalog_meter_count(const meter_catalog *catalog)
{
	return catalog->meter_count;
}

size_t meter_catalog_plan_count(const meter_catalog *catalog)
{
	return catalog->plan_count;
}

size_t meter_catalog_subscription_count(const meter_catalog *catalog)
{
	return catalog->subscription_count;
}

struct slice meter__catalog_lines(const struct meter_catalog *catalog, int32_t first, int32_t last)
{
	const char *const end = catalog->text + catalog->text_size;
	const char *at = catalog->text, *from = end;
	for (int32_t line = 1; at < end && line <= last; line++) {
		if (line == first)
			from = at;
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	return (struct slice){from, from < at ? (size_t)(at - from) : 0};
}
