/*
 * catalog_grant.c - credits and commitments: money that a plan grants, sells ahead, or is promised. (pure)
 *
 * A key is unique among both, because what was used of a grant is remembered by it from period to period.
 */
#include "catalog_grant.h"

#include <stdlib.h>
#include <string.h>

#include "catalog_charge.h"
#include "catalog_discount.h"

#define GRANTS_MAX 1000

enum { KEY, KIND, AMOUNT, FROM, UNTIL, PRIORITY, APPLIES_TO, CREDIT_FIELDS, ROLLOVER = CREDIT_FIELDS, COMMITMENT_FIELDS };

static const struct field credit_fields[CREDIT_FIELDS] = {[KEY] = {"key", FIELD_REQUIRED},
                                                          [KIND] = {"kind", FIELD_OPTIONAL},
                                                          [AMOUNT] = {"amount", FIELD_REQUIRED},
                                                          [FROM] = {"from", FIELD_OPTIONAL},
                                                          [UNTIL] = {"until", FIELD_OPTIONAL},
                                                          [PRIORITY] = {"priority", FIELD_OPTIONAL},
                                                          [APPLIES_TO] = {"applies_to", FIELD_OPTIONAL}};

static const struct field commitment_fields[COMMITMENT_FIELDS] = {[KEY] = {"key", FIELD_REQUIRED},
                                                                  [KIND] = {"kind", FIELD_REQUIRED},
                                                                  [AMOUNT] = {"amount", FIELD_REQUIRED},
                                                                  [FROM] = {"from", FIELD_REQUIRED},
                                                                  [UNTIL] = {"until", FIELD_REQUIRED},
                                                                  [PRIORITY] = {"priority", FIELD_OPTIONAL},
                                                                  [APPLIES_TO] = {"applies_to", FIELD_OPTIONAL},
                                                                  [ROLLOVER] = {"rollover", FIELD_OPTIONAL}};

static int read_term(const struct field_reader *r, const struct yaml_node *const *entries, struct grant *grant)
{
	int result = METER_OK;
	grant->from_us = INT64_MIN;
	grant->until_us = INT64_MAX;
	if (entries[FROM] != NULL)
		result = meter__field_instant(r, entries[FROM]->value, &grant->from_us);
	if (result == METER_OK && entries[UNTIL] != NULL)
		result = meter__field_instant(r, entries[UNTIL]->value, &grant->until_us);
	if (result == METER_OK && grant->until_us <= grant->from_us)
		return meter__field_fail(r, entries[UNTIL]->value, METER_ECATALOG, "\"until\" must be later than \"from\"");
	return result;
}

static int read_priority(const struct field_reader *r, const struct yaml_node *entry, struct grant *grant)
{
	struct decimal priority;
	if (entry == NULL)
		return METER_OK;
	int result = meter__field_decimal(r, entry->value, &priority);
	if (result == METER_OK && (priority.scale != 0 || priority.coefficient > INT32_MAX))
		return meter__field_fail(r, entry->value, METER_ECATALOG,
		                         "\"%s\": a whole number was expected, the least comes first", entry->value->text.data);
	grant->priority = (int64_t)priority.coefficient;
	return result;
}

static int read_kind(const struct field_reader *r, const struct yaml_node *entry, bool is_credit, struct grant *grant)
{
	static const struct choice credits[] = {{"payment", GRANT_PAYMENT}, {"gift", GRANT_GIFT}};
	static const struct choice commitments[] = {{"prepaid", GRANT_PREPAID}, {"postpaid", GRANT_POSTPAID}};
	int kind = GRANT_GIFT;
	int result = entry == NULL ? METER_OK : meter__field_choice(r, entry->value, is_credit ? credits : commitments, 2, &kind);
	grant->kind = (enum grant_kind)kind;
	return result;
}

static int read_grant(const struct field_reader *r, const struct plan *plan, const struct yaml_node *node, bool is_credit,
                      struct grant *grant)
{
	const struct yaml_node *entries[COMMITMENT_FIELDS] = {NULL};
	int result = meter__field_mapping(r, node, is_credit ? credit_fields : commitment_fields,
	                                  is_credit ? CREDIT_FIELDS : COMMITMENT_FIELDS, entries);
	grant->source_line = node->line;
	grant->source_end = meter__field_last_line(node);
	if (result == METER_OK)
		result = meter__field_text(r, entries[KEY]->value, FIELD_KEY_MAX, &grant->key);
	if (result == METER_OK)
		result = read_kind(r, entries[KIND], is_credit, grant);
	if (result == METER_OK)
		result = meter__field_decimal(r, entries[AMOUNT]->value, &grant->amount);
	if (result == METER_OK)
		result = read_term(r, entries, grant);
	if (result == METER_OK)
		result = read_priority(r, entries[PRIORITY], grant);
	if (result == METER_OK && entries[APPLIES_TO] != NULL)
		result = meter__catalog_applies_to_read(r, plan, entries[APPLIES_TO]->value, &grant->applies_to);
	if (result == METER_OK && entries[ROLLOVER] != NULL)
		result = meter__field_flag(r, entries[ROLLOVER]->value, &grant->rolls_over);
	if (result == METER_OK && grant->rolls_over && grant->kind != GRANT_PREPAID)
		return meter__field_fail(r, entries[ROLLOVER], METER_ECATALOG, "only what is prepaid can roll over");
	return result;
}

static int read_list(const struct field_reader *r, struct plan *plan, const struct yaml_node *entry, bool is_credit)
{
	int result = METER_OK;
	for (const struct yaml_node *item = entry ? entry->value->first : NULL; item != NULL && result == METER_OK;
	     item = item->next) {
		struct grant *grant = &plan->grants[plan->grant_count];
		result = read_grant(r, plan, item, is_credit, grant);
		for (size_t i = 0; i < plan->grant_count && result == METER_OK; i++) {
			if (strcmp(plan->grants[i].key, grant->key) == 0)
				result = meter__field_fail(r, item, METER_ECATALOG,
				                           "duplicate key \"%s\" among credits and commitments", grant->key);
		}
		plan->grant_count++;
	}
	return result;
}

static int compare_grants(const void *left, const void *right)
{
	const struct grant *a = left, *b = right;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->until_us != b->until_us)
		return a->until_us < b->until_us ? -1 : 1;
	return strcmp(a->key, b->key);
}

int meter__catalog_grants_read(const struct field_reader *r, struct plan *plan, const struct yaml_node *credits,
                               const struct yaml_node *commitments)
{
	int result = METER_OK;
	if (credits != NULL)
		result = meter__field_list(r, credits->value, "credit", GRANTS_MAX);
	if (result == METER_OK && commitments != NULL)
		result = meter__field_list(r, commitments->value, "commitment", GRANTS_MAX);
	if (result != METER_OK)
		return result;
	size_t count = (credits ? credits->value->count : 0) + (commitments ? commitments->value->count : 0);
	plan->grants = meter__arena_array(r->arena, count, sizeof(*plan->grants));
	if (plan->grants == NULL)
		return meter__field_no_memory();
	result = read_list(r, plan, credits, true);
	if (result == METER_OK)
		result = read_list(r, plan, commitments, false);
	if (result == METER_OK && count > 1)
		qsort(plan->grants, count, sizeof(*plan->grants), compare_grants);
	return result;
}
