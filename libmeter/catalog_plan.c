/*
 * catalog_plan.c - plans and their versions.
 *
 * A plan's key names all its versions; effective_from decides which is in force. Charges have unique keys within a version.
 */
#include "catalog_plan.h"

#include <stdlib.h>
#include <string.h>

#include "catalog_charge.h"
#include "catalog_discount.h"
#include "catalog_grant.h"
#include "currency.h"

#define PLANS_MAX 10000
#define PREFIX_MAX 32 /* bytes */

/* For errors found after a list was read. */
static const struct yaml_node *item_at(const struct yaml_node *list, size_t index)
{
	const struct yaml_node *item = list->first;

	while (index-- > 0)
		item = item->next;
	return item;
}

static int compare_charges(const void *a, const void *b)
{
	return strcmp((*(const struct charge *const *)a)->key, (*(const struct charge *const *)b)->key);
}

/* Each key once. */
static int check_charge_keys(const struct field_reader *r, const struct plan *plan, const struct yaml_node *node)
{
	const struct charge **sorted = meter__arena_array(r->arena, plan->charge_count, sizeof(*sorted));

	if (sorted == NULL)
		return meter__field_no_memory();
	for (size_t i = 0; i < plan->charge_count; i++)
		sorted[i] = &plan->charges[i];
	qsort(sorted, plan->charge_count, sizeof(*sorted), compare_charges);
	for (size_t i = 1; i < plan->charge_count; i++) {
		const struct charge *later = sorted[i] > sorted[i - 1] ? sorted[i] : sorted[i - 1];
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return meter__field_fail(r, item_at(node, (size_t)(later - plan->charges)), METER_ECATALOG,
			                         "duplicate charge \"%s\"", later->key);
	}
	return METER_OK;
}

static int read_charges(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                        struct plan *plan)
{
	int result = meter__field_list(r, node, "charge", CATALOG_CHARGES_MAX);

	if (result != METER_OK)
		return result;
	plan->charges = meter__arena_array(r->arena, node->count, sizeof(*plan->charges));
	if (plan->charges == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL && result == METER_OK; item = item->next)
		result = meter__catalog_charge_read(r, catalog, item, &plan->charges[plan->charge_count++]);
	return result == METER_OK ? check_charge_keys(r, plan, node) : result;
}

static int read_currency(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                         struct plan *plan)
{
	int result = meter__field_text(r, node, FIELD_KEY_MAX, &plan->currency);
	if (result != METER_OK)
		return result;
	plan->unit = meter__catalog_unit(catalog, plan->currency);
	plan->exponent = plan->unit ? plan->unit->exponent : meter__currency_exponent(node->text);
	if (plan->exponent < 0)
		return meter__field_fail(r, node, METER_ECATALOG,
		                         "\"%s\": a currency of ISO 4217 was expected, like USD, or one of \"units\"",
		                         plan->currency);
	return METER_OK;
}

static int read_period(const struct field_reader *r, const struct yaml_node *node, enum cycle_unit *out)
{
	static const struct choice periods[] = {{"day", CYCLE_DAY},
	                                        {"week", CYCLE_WEEK},
	                                        {"month", CYCLE_MONTH},
	                                        {"quarter", CYCLE_QUARTER},
	                                        {"year", CYCLE_YEAR}};
	int value = CYCLE_MONTH;

	int result = meter__field_choice(r, node, periods, COUNT_OF(periods), &value);
	*out = (enum cycle_unit)value;
	return result;
}

static int read_late_usage(const struct field_reader *r, const struct yaml_node *entry, bool *credits_late)
{
	static const struct choice ways[] = {{"next_invoice", 0}, {"credit_note", 1}};
	int value = 0;

	int result = entry == NULL ? METER_OK : meter__field_choice(r, entry->value, ways, COUNT_OF(ways), &value);
	*credits_late = value != 0;
	return result;
}

/* What numbers of invoices start with. "A1" and "A" would share the number A1000001. */
static int read_prefix(const struct field_reader *r, const struct yaml_node *entry, const char *otherwise, char **out)
{
	if (entry == NULL) {
		*out = meter__arena_copy(r->arena, meter__slice_of(otherwise));
		return *out == NULL ? meter__field_no_memory() : METER_OK;
	}
	int result = meter__field_text(r, entry->value, PREFIX_MAX, out);
	const char last = result == METER_OK ? (*out)[strlen(*out) - 1] : '-';
	if (last >= '0' && last <= '9')
		result = meter__field_fail(r, entry->value, METER_ECATALOG,
		                           "a prefix cannot end in a digit, because digits follow: \"%s-\"", *out);
	return result;
}

static int read_numbering(const struct field_reader *r, const struct yaml_node *invoice, const struct yaml_node *credit_note,
                          struct plan *plan)
{
	int result = read_prefix(r, invoice, "INV-", &plan->invoice_prefix);
	if (result == METER_OK)
		result = read_prefix(r, credit_note, "CN-", &plan->credit_note_prefix);
	if (result == METER_OK && strcmp(plan->invoice_prefix, plan->credit_note_prefix) == 0)
		return meter__field_fail(r, credit_note != NULL ? credit_note->value : invoice->value, METER_ECATALOG,
		                         "invoices and credit notes need prefixes that differ");
	return result;
}

static int read_rounding(const struct field_reader *r, const struct yaml_node *entry, enum rounding *out)
{
	static const struct choice modes[] = {{"half_up", ROUND_HALF_UP}, {"half_even", ROUND_HALF_EVEN}};
	int value = ROUND_HALF_UP;

	int result = entry == NULL ? METER_OK : meter__field_choice(r, entry->value, modes, COUNT_OF(modes), &value);
	*out = (enum rounding)value;
	return result;
}

static int read_plan(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node,
                     struct plan *plan)
{
	enum {
		KEY,
		NAME,
		CURRENCY,
		PERIOD,
		EFFECTIVE_FROM,
		GRACE,
		ROUNDING,
		MINIMUM,
		MAXIMUM,
		CHARGES,
		DISCOUNTS,
		COMMITMENTS,
		CREDITS,
		LATE_USAGE,
		INVOICE_PREFIX,
		CREDIT_NOTE_PREFIX,
		FIELD_COUNT
	};
	static const struct field fields[FIELD_COUNT] = {[KEY] = {"key", FIELD_REQUIRED},
	                                                 [NAME] = {"name", FIELD_OPTIONAL},
	                                                 [CURRENCY] = {"currency", FIELD_REQUIRED},
	                                                 [PERIOD] = {"period", FIELD_REQUIRED},
	                                                 [EFFECTIVE_FROM] = {"effective_from", FIELD_REQUIRED},
	                                                 [GRACE] = {"grace", FIELD_OPTIONAL},
	                                                 [ROUNDING] = {"rounding", FIELD_OPTIONAL},
	                                                 [MINIMUM] = {"minimum", FIELD_OPTIONAL},
	                                                 [MAXIMUM] = {"maximum", FIELD_OPTIONAL},
	                                                 [CHARGES] = {"charges", FIELD_REQUIRED},
	                                                 [DISCOUNTS] = {"discounts", FIELD_OPTIONAL},
	                                                 [COMMITMENTS] = {"commitments", FIELD_OPTIONAL},
	                                                 [CREDITS] = {"credits", FIELD_OPTIONAL},
	                                                 [LATE_USAGE] = {"late_usage", FIELD_OPTIONAL},
	                                                 [INVOICE_PREFIX] = {"invoice_prefix", FIELD_OPTIONAL},
	                                                 [CREDIT_NOTE_PREFIX] = {"credit_note_prefix", FIELD_OPTIONAL}};
	const struct yaml_node *entries[FIELD_COUNT];

	int result = meter__field_mapping(r, node, fields, FIELD_COUNT, entries);
	if (result == METER_OK)
		result = meter__field_text(r, entries[KEY]->value, FIELD_KEY_MAX, &plan->key);
	if (result == METER_OK)
		result = meter__field_optional_text(r, entries[NAME], &plan->name);
	if (result == METER_OK)
		result = read_currency(r, catalog, entries[CURRENCY]->value, plan);
	if (result == METER_OK)
		result = read_period(r, entries[PERIOD]->value, &plan->period);
	if (result == METER_OK)
		result = meter__field_instant(r, entries[EFFECTIVE_FROM]->value, &plan->effective_from_us);
	if (result == METER_OK && entries[GRACE] != NULL)
		result = meter__field_duration(r, entries[GRACE]->value, &plan->grace_us);
	if (result == METER_OK)
		result = read_rounding(r, entries[ROUNDING], &plan->rounding);
	if (result == METER_OK)
		result = meter__catalog_limits_read(r, entries[MINIMUM], entries[MAXIMUM], &plan->minimum, &plan->maximum);
	if (result == METER_OK)
		result = read_charges(r, catalog, entries[CHARGES]->value, plan);
	if (result == METER_OK)
		result = meter__catalog_discounts_read(r, plan, entries[DISCOUNTS], &plan->discounts, &plan->discount_count);
	if (result == METER_OK)
		result = meter__catalog_grants_read(r, plan, entries[CREDITS], entries[COMMITMENTS]);
	if (result == METER_OK)
		result = read_late_usage(r, entries[LATE_USAGE], &plan->credits_late);
	if (result == METER_OK)
		result = read_numbering(r, entries[INVOICE_PREFIX], entries[CREDIT_NOTE_PREFIX], plan);
	plan->source_line = node->line;
	plan->source_end = meter__field_last_line(node);
	plan->minimum_line = entries[MINIMUM] != NULL ? entries[MINIMUM]->line : node->line;
	plan->maximum_line = entries[MAXIMUM] != NULL ? entries[MAXIMUM]->line : node->line;
	return result;
}

static int compare_plans(const void *a, const void *b)
{
	const struct plan *x = *(const struct plan *const *)a;
	const struct plan *y = *(const struct plan *const *)b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	return (x->effective_from_us > y->effective_from_us) - (x->effective_from_us < y->effective_from_us);
}

/* The versions of a plan must not start at the same time. */
static int check_versions(const struct field_reader *r, const struct meter_catalog *catalog, const struct yaml_node *node)
{
	for (size_t i = 1; i < catalog->plan_count; i++) {
		const struct plan *const *pair = &catalog->plans_by_key[i - 1];
		const struct plan *later = pair[0] > pair[1] ? pair[0] : pair[1];
		if (compare_plans(&pair[0], &pair[1]) == 0)
			return meter__field_fail(r, item_at(node, (size_t)(later - catalog->plans)), METER_ECATALOG,
			                         "two versions of plan \"%s\" with the same effective_from", later->key);
	}
	return METER_OK;
}

int meter__catalog_plans_read(const struct field_reader *r, struct meter_catalog *catalog, const struct yaml_node *node)
{
	int result = meter__field_list(r, node, "plan", PLANS_MAX);

	if (result != METER_OK)
		return result;
	catalog->plans = meter__arena_array(r->arena, node->count, sizeof(*catalog->plans));
	catalog->plans_by_key = meter__arena_array(r->arena, node->count, sizeof(*catalog->plans_by_key));
	if (catalog->plans == NULL || catalog->plans_by_key == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		struct plan *plan = &catalog->plans[catalog->plan_count];
		result = read_plan(r, catalog, item, plan);
		if (result != METER_OK)
			return result;
		catalog->plans_by_key[catalog->plan_count++] = plan;
	}
	qsort(catalog->plans_by_key, catalog->plan_count, sizeof(*catalog->plans_by_key), compare_plans);
	return check_versions(r, catalog, node);
}
