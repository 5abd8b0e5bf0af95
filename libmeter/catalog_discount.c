/* catalog_discount.c - discounts of charges and plans, and the lists of charges they apply to. (pure) */
#include "catalog_discount.h"

#include <string.h>

#include "catalog_charge.h"

#define DISCOUNTS_MAX 1000

static bool has_charge(const struct plan *plan, const char *key)
{
	for (size_t i = 0; i < plan->charge_count; i++) {
		if (strcmp(plan->charges[i].key, key) == 0)
			return true;
	}
	return false;
}

int meter__catalog_applies_to_read(const struct field_reader *r, const struct plan *plan, const struct yaml_node *node,
                                   struct charge_list *out)
{
	int result = meter__field_filled_list(r, node, "charge", CATALOG_CHARGES_MAX);

	if (result != METER_OK)
		return result;
	out->keys = meter__arena_array(r->arena, node->count, sizeof(*out->keys));
	if (out->keys == NULL)
		return meter__field_no_memory();
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		char *key;
		result = meter__field_text(r, item, FIELD_KEY_MAX, &key);
		if (result != METER_OK)
			return result;
		if (!has_charge(plan, key))
			return meter__field_fail(r, item, METER_ECATALOG, "unknown charge \"%s\"", key);
		for (size_t i = 0; i < out->count; i++) {
			if (strcmp(out->keys[i], key) == 0)
				return meter__field_fail(r, item, METER_ECATALOG, "charge \"%s\" is listed twice", key);
		}
		out->keys[out->count++] = key;
	}
	return METER_OK;
}

/* The fields a charge's discount has come first, so that one table serves both. */
enum {
	PERCENT,
	AMOUNT,
	UNITS,
	DISCOUNT_FROM,
	DISCOUNT_UNTIL,
	REASON,
	CHARGE_DISCOUNT_FIELDS,
	APPLIES_TO = CHARGE_DISCOUNT_FIELDS,
	PLAN_DISCOUNT_FIELDS
};

static const struct field discount_fields[PLAN_DISCOUNT_FIELDS] = {
	[PERCENT] = {"percent", FIELD_OPTIONAL},      [AMOUNT] = {"amount", FIELD_OPTIONAL},
	[UNITS] = {"units", FIELD_OPTIONAL},          [DISCOUNT_FROM] = {"from", FIELD_OPTIONAL},
	[DISCOUNT_UNTIL] = {"until", FIELD_OPTIONAL}, [REASON] = {"reason", FIELD_OPTIONAL},
	[APPLIES_TO] = {"applies_to", FIELD_OPTIONAL}};

static int read_discount_size(const struct field_reader *r, const struct yaml_node *node, const struct yaml_node *const *entries,
                              struct discount *discount)
{
	static const enum discount_kind kinds[] = {
		[PERCENT] = DISCOUNT_PERCENT, [AMOUNT] = DISCOUNT_AMOUNT, [UNITS] = DISCOUNT_UNITS};
	const struct yaml_node *given = NULL;

	for (int i = PERCENT; i <= UNITS; i++) {
		if (entries[i] == NULL)
			continue;
		if (given != NULL)
			return meter__field_fail(r, entries[i], METER_ECATALOG,
			                         "\"%s\" and \"%s\" are given; one of them was expected", given->text.data,
			                         entries[i]->text.data);
		given = entries[i];
		discount->kind = kinds[i];
	}
	if (given == NULL)
		return meter__field_fail(r, node, METER_ECATALOG, "\"percent\", \"amount\" or \"units\" is missing");
	int result = meter__field_decimal(r, given->value, &discount->value);
	if (result == METER_OK && discount->kind == DISCOUNT_PERCENT &&
	    meter__decimal_compare(discount->value, meter__decimal_from_int(100)) > 0)
		return meter__field_fail(r, given->value, METER_ECATALOG, "\"%s\": at most 100 percent was expected",
		                         given->value->text.data);
	return result;
}

/* plan is NULL for the discount of a charge. */
static int read_discount(const struct field_reader *r, const struct plan *plan, const struct yaml_node *node,
                         struct discount *discount)
{
	const struct yaml_node *entries[PLAN_DISCOUNT_FIELDS] = {NULL};

	discount->from_us = INT64_MIN;
	discount->until_us = INT64_MAX;
	discount->source_line = node->line;
	discount->source_end = meter__field_last_line(node);
	int result = meter__field_mapping(r, node, discount_fields, plan == NULL ? CHARGE_DISCOUNT_FIELDS : PLAN_DISCOUNT_FIELDS,
	                                  entries);
	if (result == METER_OK)
		result = read_discount_size(r, node, entries, discount);
	if (result == METER_OK && plan != NULL && discount->kind == DISCOUNT_UNITS)
		return meter__field_fail(r, entries[UNITS], METER_ECATALOG,
		                         "\"units\" of a whole plan have no meaning; give the discount to a charge");
	if (result == METER_OK && entries[DISCOUNT_FROM] != NULL)
		result = meter__field_instant(r, entries[DISCOUNT_FROM]->value, &discount->from_us);
	if (result == METER_OK && entries[DISCOUNT_UNTIL] != NULL)
		result = meter__field_instant(r, entries[DISCOUNT_UNTIL]->value, &discount->until_us);
	if (result == METER_OK && discount->until_us <= discount->from_us)
		return meter__field_fail(r, entries[DISCOUNT_UNTIL]->value, METER_ECATALOG,
		                         "\"until\" must be later than \"from\"");
	if (result == METER_OK)
		result = meter__field_optional_text(r, entries[REASON], &discount->reason);
	if (result == METER_OK && entries[APPLIES_TO] != NULL)
		result = meter__catalog_applies_to_read(r, plan, entries[APPLIES_TO]->value, &discount->applies_to);
	return result;
}

int meter__catalog_discounts_read(const struct field_reader *r, const struct plan *plan, const struct yaml_node *entry,
                                  struct discount **discounts_out, size_t *count_out)
{
	if (entry == NULL)
		return METER_OK;
	int result = meter__field_list(r, entry->value, "discount", DISCOUNTS_MAX);
	if (result != METER_OK)
		return result;
	struct discount *discounts = meter__arena_array(r->arena, entry->value->count, sizeof(*discounts));
	if (discounts == NULL)
		return meter__field_no_memory();
	size_t count = 0;
	for (const struct yaml_node *item = entry->value->first; item != NULL && result == METER_OK; item = item->next)
		result = read_discount(r, plan, item, &discounts[count++]);
	*discounts_out = discounts;
	*count_out = count;
	return result;
}
