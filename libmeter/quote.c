/* quote.c - the invoice for given usage, without a database. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "internal.h"
#include "invoice.h"

/* The given quantities of one charge's meter become groups; values points into the caller's texts. */
struct quote_usage {
	struct charge_usage *charges; /* one per charge */
	const char **values;          /* METER_DIMENSIONS_MAX per quantity */
	bool *is_used;                /* per quantity: some charge takes it */
};

static int read_quantity(struct usage_group *out, const char **values, const struct meter_definition *definition,
                         const meter_quantity *quantity)
{
	for (size_t i = 0; i < quantity->dimension_count; i++) {
		const meter_property *dimension = &quantity->dimensions[i];
		size_t index = 0;
		while (index < definition->dimension_count && strcmp(definition->dimensions[index], dimension->name) != 0)
			index++;
		if (index == definition->dimension_count)
			return meter__fail(METER_EINVAL, "meter %s has no dimension \"%s\"", definition->key, dimension->name);
		if (values[index])
			return meter__fail(METER_EINVAL, "dimension \"%s\" is given twice", dimension->name);
		values[index] = dimension->value;
	}
	*out = (struct usage_group){.values = values, .total = {.events = 1}};
	struct decimal *value = &out->total.value;
	int code = meter__decimal_parse(value, quantity->quantity, strlen(quantity->quantity));
	if (code != METER_OK)
		return meter__fail_in(code, "quantity of %s: ", quantity->meter);
	if (definition->aggregation != AGGREGATION_COUNT)
		return METER_OK;
	if (value->scale != 0 || value->coefficient < 0 || value->coefficient > INT64_MAX)
		return meter__fail(METER_EINVAL, "quantity of %s: \"%s\" is not a number of events", quantity->meter,
		                   quantity->quantity);
	out->total.events = (int64_t)value->coefficient;
	return METER_OK;
}

static int quote_charge(struct quote_usage *q, size_t index, const struct charge *charge, const meter_quantity *usage,
                        size_t count)
{
	if (!charge->meter)
		return METER_OK;
	struct usage_group *groups = calloc(count + 1, sizeof(*groups));
	struct decimal *events = calloc(count + 1, sizeof(*events));
	q->charges[index].groups = groups;
	q->charges[index].events = events;
	if (!groups || !events)
		return meter__fail(METER_ENOMEM, "no memory for a quote");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(usage[i].meter, charge->meter->key) != 0)
			continue;
		const char **values = q->values + i * METER_DIMENSIONS_MAX;
		memset(values, 0, METER_DIMENSIONS_MAX * sizeof(*values));
		int code = read_quantity(&groups[q->charges[index].group_count], values, charge->meter, &usage[i]);
		if (code != METER_OK)
			return code;
		/* For what depends on single events each quantity given is one. */
		events[q->charges[index].event_count++] = groups[q->charges[index].group_count].total.value;
		q->charges[index].group_count++;
		q->is_used[i] = true;
	}
	return METER_OK;
}

static int quote_usage(struct bill *s, struct quote_usage *q, const meter_quantity *usage, size_t count)
{
	const struct plan *plan = s->plan;
	q->charges = calloc(plan->charge_count + 1, sizeof(*q->charges));
	q->values = calloc(count * METER_DIMENSIONS_MAX + 1, sizeof(*q->values));
	q->is_used = calloc(count + 1, sizeof(*q->is_used));
	int code = q->charges && q->values && q->is_used ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a quote");
	for (size_t i = 0; code == METER_OK && i < plan->charge_count; i++)
		code = quote_charge(q, i, &plan->charges[i], usage, count);
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		if (q->is_used[i])
			continue;
		if (meter__catalog_meter(s->catalog, meter__slice_of(usage[i].meter)))
			code = meter__fail(METER_EINVAL, "plan %s has no charge for meter %s", plan->key, usage[i].meter);
		else
			code = meter__fail(METER_ENOTFOUND, "the catalog has no meter \"%s\"", usage[i].meter);
	}
	s->segments[0].usage = q->charges;
	return code == METER_OK ? meter__bill_rate(s) : code;
}

/* Its whole period by the calendar of UTC. */
static struct billing_period period_at(const struct plan *plan, int64_t at_us)
{
	const struct cycle cycle = {.unit = plan->period};
	const struct period whole = meter__cycle_of(&cycle, at_us);
	return (struct billing_period){whole, whole};
}

static int quote(struct bill *s, const char *plan, const meter_quantity *usage, size_t count, int64_t at_us)
{
	struct slice key = meter__slice_of(plan);
	if (!meter__catalog_has_plan(s->catalog, key))
		return meter__fail(METER_ENOTFOUND, "the catalog has no plan \"%s\"", plan);
	s->plan = meter__catalog_plan(s->catalog, key, at_us);
	char at[INSTANT_TEXT_SIZE];
	meter__instant_format(at, at_us);
	if (!s->plan)
		return meter__fail(METER_ENOTFOUND, "plan %s has no version in force at %s", plan, at);
	s->period = period_at(s->plan, at_us);
	const struct period active = s->period.active;
	s->segments = calloc(1, sizeof(*s->segments));
	if (!s->segments)
		return meter__fail(METER_ENOMEM, "no memory for a quote");
	s->segment_count = 1;
	s->segments[0] = (struct rate_segment){.plan = s->plan, .active = active, .weight_us = active.to_us - active.from_us};
	struct quote_usage q = {0};
	int code = quote_usage(s, &q, usage, count);
	meter__invoice_free_usage(q.charges, s->plan->charge_count);
	free(q.values);
	free(q.is_used);
	return code;
}

int meter_invoice_quote(meter_invoice **out, const meter_catalog *catalog, const char *plan, const meter_quantity *usage,
                        size_t usage_count, int64_t at_us)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(catalog && plan);
	REQUIRE(usage || usage_count == 0);
	for (size_t i = 0; i < usage_count; i++)
		REQUIRE(usage[i].meter && usage[i].quantity && (usage[i].dimensions || usage[i].dimension_count == 0));
	if (at_us < 0 || at_us > INSTANT_MAX)
		return meter__fail(METER_EINVAL, "at is outside 1970..9999");
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	invoice->status = "quote";
	invoice->own.catalog = meter__catalog_retain((meter_catalog *)(uintptr_t)catalog);
	invoice->has_own = true;
	int code = quote(&invoice->own, plan, usage, usage_count, at_us);
	if (code == METER_OK)
		code = meter__invoice_show(invoice);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}
