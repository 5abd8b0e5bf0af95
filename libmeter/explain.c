/*
 * explain.c - where lines of an invoice come from: the rule of the catalog, the steps to the amount, the usage and its events.
 *
 * Everything is read with one snapshot. The rule is that of the catalog version that the bill was rated by, the usage is what the
 * bill saw: buckets where they still hold just that, else the events that were stored up to the bill's last transaction.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "hash.h"
#include "internal.h"
#include "os.h"

#define EVENTS_DEFAULT 10
#define EVENTS_MAX 1000

struct explaining {
	struct meter_explanation *explanation;
	struct reader *reader;
	int64_t subscription; /* its number */
	size_t events_max;
};

static int no_memory(void)
{
	return meter__fail(METER_ENOMEM, "no memory for an explanation");
}

/* ---- bills, and what they were rated by ---- */

/* Whether buckets hold what the bill saw: no event of its period has come since. */
static int find_ingest_max(struct explaining *x, const struct bill *bill, int64_t *out)
{
	struct billed billed;
	*out = 0;
	if (bill->number == 0)
		return METER_OK;
	int code = meter__store_billed_at(x->reader, x->subscription, bill->period.active.from_us, &billed);
	const bool holds = code == METER_OK && billed.bill == bill->number;
	if (!holds || (billed.stale_events != 0 && billed.stale_events != -1))
		*out = bill->ingest;
	return code == METER_EEND ? METER_OK : code;
}

static int add_bill(struct explaining *x, const struct bill *bill, const struct bill *before, size_t from, size_t to)
{
	struct meter_explanation *e = x->explanation;
	struct explained_bill *b = &e->bills[e->bill_count++];
	*b = (struct explained_bill){.bill = bill, .before = before, .line_from = from, .line_to = to};
	b->catalog_version = bill->catalog_version;
	int code = METER_OK;
	if (bill->catalog)
		b->catalog = meter__catalog_retain(bill->catalog);
	else
		code = meter__store_catalog_version(x->reader, bill->catalog_version, &b->catalog);
	if (code != METER_OK)
		return code;
	const struct subscription *s = meter__catalog_subscription(b->catalog, meter__slice_of(e->invoice->subscription));
	if (!s)
		return meter__fail(METER_ECORRUPT, "catalog version %lld has no subscription %s", (long long)b->catalog_version,
		                   e->invoice->subscription);
	code = meter__segments(&b->segments, &b->segment_count, b->catalog, s, bill->period.active);
	if (code == METER_OK)
		code = meter__billing_period_held(&b->held_us, b->catalog, s, &bill->period);
	return code == METER_OK ? find_ingest_max(x, bill, &b->ingest_max) : code;
}

static int add_bills(struct explaining *x)
{
	struct meter_explanation *e = x->explanation;
	const meter_invoice *invoice = e->invoice;
	size_t at = invoice->has_own ? invoice->own.line_count : 0;
	int code = meter__store_name(x->reader, &x->subscription, meter__slice_of(invoice->subscription));
	e->bills = calloc(invoice->adjustment_count + 1, sizeof(*e->bills));
	if (code == METER_OK && !e->bills)
		code = no_memory();
	if (code == METER_OK && invoice->has_own)
		code = add_bill(x, &invoice->own, NULL, 0, at);
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++) {
		const struct adjustment *a = &invoice->adjustments[i];
		code = add_bill(x, &a->after, &a->before, at, a->line_end);
		at = a->line_end;
	}
	return code;
}

/* ---- the rule ---- */

static const struct rate_segment *segment_of(const struct explained_bill *b, const struct invoice_line *line)
{
	for (size_t i = 0; i < b->segment_count; i++) {
		const struct period active = b->segments[i].active;
		if (active.from_us == line->active.from_us && active.to_us == line->active.to_us)
			return &b->segments[i];
	}
	return &b->segments[b->segment_count - 1];
}

static const struct charge *find_charge(const struct plan *plan, const char *key)
{
	for (size_t i = 0; key && i < plan->charge_count; i++) {
		if (strcmp(plan->charges[i].key, key) == 0)
			return &plan->charges[i];
	}
	return NULL;
}

/* The account of the ledger ends with the key of the grant. */
static const struct grant *find_grant(const struct plan *plan, const struct invoice_line *line)
{
	const char *key = strchr(line->account, ' ');
	for (size_t i = 0; key && i < plan->grant_count; i++) {
		if (strcmp(plan->grants[i].key, key + 1) == 0)
			return &plan->grants[i];
	}
	return NULL;
}

/* The words of a discount are its percent or amount, and its reason. */
static const struct discount *find_discount(const struct plan *plan, const struct invoice_line *line)
{
	const struct discount *found = NULL;
	for (size_t i = 0; i < plan->discount_count && !found; i++) {
		const struct discount *d = &plan->discounts[i];
		char words[DECIMAL_TEXT_SIZE + 16] = "discount ";
		if (d->kind != DISCOUNT_PERCENT)
			continue;
		meter__decimal_format(words + strlen(words), d->value);
		strcat(words, " %");
		if (strncmp(line->step, words, strlen(words)) == 0 &&
		    (!d->reason || strstr(line->step + strlen(words), d->reason)))
			found = d;
	}
	for (size_t i = 0; i < plan->discount_count && !found; i++) {
		const struct discount *d = &plan->discounts[i];
		if (d->kind == DISCOUNT_AMOUNT && !strstr(line->step, " %") && (!d->reason || strstr(line->step, d->reason)))
			found = d;
	}
	return found;
}

/* "vat 19 %": category and percent are those of a charge. */
static bool is_taxed_by(const struct charge *charge, const struct invoice_line *tax)
{
	char percent[DECIMAL_TEXT_SIZE];
	const size_t size = charge && charge->tax_category ? strlen(charge->tax_category) : 0;
	if (size == 0 || strncmp(tax->step, charge->tax_category, size) != 0 || tax->step[size] != ' ')
		return false;
	const size_t digits = meter__decimal_format(percent, charge->tax_percent);
	return strncmp(tax->step + size + 1, percent, digits) == 0 && strcmp(tax->step + size + 1 + digits, " %") == 0;
}

static void find_lines_of_plan(struct explained_line *l)
{
	const struct plan *plan = l->plan;
	l->rule_line = l->rule_end = plan->source_line;
	if (l->kind == METER_LINE_MINIMUM)
		l->rule_line = l->rule_end = plan->minimum_line;
	if (l->kind == METER_LINE_MAXIMUM)
		l->rule_line = l->rule_end = plan->maximum_line;
	if (l->kind == METER_LINE_DISCOUNT && (l->discount = find_discount(plan, l->line)) != NULL) {
		l->rule_line = l->discount->source_line;
		l->rule_end = l->discount->source_end;
	}
	if ((l->kind == METER_LINE_CREDIT || l->kind == METER_LINE_COMMITMENT) &&
	    (l->grant = find_grant(plan, l->line)) != NULL) {
		l->rule_line = l->grant->source_line;
		l->rule_end = l->grant->source_end;
	}
	for (size_t i = plan->charge_count; l->kind == METER_LINE_TAX && i > 0; i--) {
		if (is_taxed_by(&plan->charges[i - 1], l->line)) {
			l->rule_line = plan->charges[i - 1].source_line;
			l->rule_end = plan->charges[i - 1].source_end;
		}
	}
}

static int find_rule(struct explaining *x, struct explained_line *l)
{
	struct arena *arena = &x->explanation->arena;
	char hash[HASH_TEXT_SIZE];
	l->segment = segment_of(l->bill, l->line);
	l->plan = l->segment->plan;
	l->charge = find_charge(l->plan, l->line->charge);
	if (l->line->charge && !l->charge)
		return meter__fail(METER_ECORRUPT, "catalog version %lld has no charge %s", (long long)l->bill->catalog_version,
		                   l->line->charge);
	if (l->charge) {
		l->rule_line = l->charge->source_line;
		l->rule_end = l->charge->source_end;
	} else {
		find_lines_of_plan(l);
	}
	struct slice rule = meter__catalog_lines(l->bill->catalog, l->rule_line, l->rule_end);
	while (rule.size > 0 && (rule.data[rule.size - 1] == '\n' || rule.data[rule.size - 1] == '\r'))
		rule.size--;
	meter__hash(hash, meter__catalog_lines(l->bill->catalog, l->plan->source_line, l->plan->source_end));
	l->rule = meter__arena_copy(arena, rule);
	l->plan_hash = meter__arena_copy(arena, meter__slice_of(hash));
	return l->rule && l->plan_hash ? METER_OK : no_memory();
}

/* ---- related lines ---- */

static bool is_related(const struct explained_line *l, const struct invoice_line *other)
{
	if (l->charge)
		return other->charge && strcmp(other->charge, l->charge->key) == 0;
	if (l->kind == METER_LINE_TAX)
		return other->charge && is_taxed_by(find_charge(l->plan, other->charge), l->line);
	return !other->charge && (other == l->line || other->kind == l->line->kind);
}

static int find_related(struct explaining *x, struct explained_line *l)
{
	struct meter_explanation *e = x->explanation;
	struct decimal sum = DECIMAL_ZERO;
	char text[DECIMAL_TEXT_SIZE];
	int code = METER_OK;
	l->related = meter__arena_array(&e->arena, l->bill->line_to - l->bill->line_from, sizeof(*l->related));
	if (!l->related)
		return no_memory();
	for (size_t i = l->bill->line_from; i < l->bill->line_to && code == METER_OK; i++) {
		const struct invoice_line *other = &e->invoice->lines[i];
		if (!is_related(l, other))
			continue;
		l->related[l->related_count++] = i;
		if (other->has_amount)
			code = meter__decimal_add(&sum, sum, other->amount);
	}
	if (code != METER_OK)
		return meter__fail(code, "amounts do not fit into 38 digits");
	l->related_sum = sum;
	meter__decimal_format_fixed(text, sum, l->plan->exponent);
	l->related_amount = meter__arena_copy(&e->arena, meter__slice_of(text));
	return l->related_amount ? METER_OK : no_memory();
}

/* ---- usage ---- */

static const char *copy_slice(struct arena *arena, struct slice s, bool *failed)
{
	const char *copy = s.data ? meter__arena_copy(arena, s) : NULL;
	*failed |= s.data && !copy;
	return copy;
}

/* The event with texts that end at a NUL. */
static int publish_event(struct arena *arena, const struct behind_event *from, struct explained_event *out)
{
	struct property properties[EVENT_PROPERTIES_MAX];
	struct event e;
	char value[DECIMAL_TEXT_SIZE], measured[DECIMAL_TEXT_SIZE];
	bool failed = false;
	meter__event_decode(&e, properties, from->record);
	meter_event *p = &out->event;
	*p = (meter_event)METER_EVENT_INIT;
	p->subscription = copy_slice(arena, e.subscription, &failed);
	p->subscription_size = e.subscription.size;
	p->id = copy_slice(arena, e.id, &failed);
	p->id_size = e.id.size;
	p->type = copy_slice(arena, e.type, &failed);
	p->type_size = e.type.size;
	p->timestamp_us = e.timestamp_us;
	p->value_size = meter__decimal_format(value, e.value);
	p->value = copy_slice(arena, meter__slice_of(value), &failed);
	p->source = copy_slice(arena, e.source, &failed);
	p->source_size = e.source.size;
	p->sequence = e.sequence;
	p->property_count = e.property_count;
	meter_property *list = meter__arena_array(arena, e.property_count, sizeof(*list));
	for (size_t i = 0; list && i < e.property_count; i++)
		list[i] = (meter_property){copy_slice(arena, e.properties[i].name, &failed),
		                           copy_slice(arena, e.properties[i].value, &failed), e.properties[i].name.size,
		                           e.properties[i].value.size};
	p->properties = list;
	out->ingest = from->ingest;
	if (from->measured.events > 0) {
		meter__decimal_format(measured, from->measured.value);
		out->value = copy_slice(arena, meter__slice_of(measured), &failed);
	}
	return list && !failed ? METER_OK : no_memory();
}

static const char *value_text(struct arena *arena, const struct behind *usage, bool *failed)
{
	char text[DECIMAL_TEXT_SIZE];
	if (usage->is_overflow)
		return NULL;
	meter__decimal_format(text, usage->value);
	return copy_slice(arena, meter__slice_of(text), failed);
}

static int publish_usage(struct meter_explanation *e, struct explained_line *l)
{
	const struct behind *u = &l->usage;
	const enum aggregation aggregation = l->charge->meter->aggregation;
	bool failed = false;
	int code = METER_OK;
	l->usage_value = value_text(&e->arena, u, &failed);
	l->scope = copy_slice(&e->arena, (struct slice){u->scope.data ? u->scope.data : "", u->scope.size}, &failed);
	l->day_values = meter__arena_array(&e->arena, u->day_count, sizeof(*l->day_values));
	l->events = meter__arena_array(&e->arena, u->list_count, sizeof(*l->events));
	if (failed || !l->day_values || !l->events)
		return no_memory();
	for (size_t i = 0; i < u->day_count; i++) {
		char text[DECIMAL_TEXT_SIZE];
		struct decimal value;
		if (meter__aggregate_value(&value, aggregation, &u->days[i].sum) != METER_OK)
			continue;
		meter__decimal_format(text, value);
		l->day_values[i] = copy_slice(&e->arena, meter__slice_of(text), &failed);
	}
	for (size_t i = 0; i < u->list_count && code == METER_OK; i++)
		code = publish_event(&e->arena, &u->list[i], &l->events[i]);
	return failed ? no_memory() : code;
}

/* What was known when it was billed before. A bill of a file without any transaction knew nothing. */
static int find_usage_before(struct explaining *x, struct explained_line *l, struct behind_request request)
{
	struct behind before;
	bool failed = false;
	request.ingest_max = l->bill->before->ingest;
	request.ingest_after = 0;
	request.events_max = 0;
	if (request.ingest_max == 0)
		request.range.to_us = request.range.from_us;
	int code = meter__behind(&before, x->reader, &request);
	if (code == METER_OK)
		l->usage_before = value_text(&x->explanation->arena, &before, &failed);
	meter__behind_free(&before);
	return failed ? no_memory() : code;
}

static int find_usage(struct explaining *x, struct explained_line *l)
{
	const bool is_of_usage = l->kind == METER_LINE_USAGE || l->kind == METER_LINE_FLAT || l->kind == METER_LINE_SUSPENDED ||
	                         l->kind == METER_LINE_CARRIED;
	l->has_usage = l->charge && l->charge->meter && is_of_usage;
	if (!l->has_usage)
		return METER_OK;
	struct behind_request request = {.charge = l->charge,
	                                 .description = l->line->step,
	                                 .subscription = x->subscription,
	                                 .range = l->line->active,
	                                 .ingest_after = l->bill->before ? l->bill->before->ingest : 0,
	                                 .ingest_max = l->bill->ingest_max,
	                                 .events_max = x->events_max};
	/* As rating does: nobody knew then how long the last value holds. */
	const struct document *document = &x->explanation->invoice->document;
	const int64_t known_us = document->number ? document->at_us : meter__os.now_us();
	if (l->charge->meter->aggregation == AGGREGATION_TIME_WEIGHTED && request.range.to_us > known_us)
		request.range.to_us = known_us > request.range.from_us ? known_us : request.range.from_us;
	/* A subscription that never had an event, or a bill that knew of none. */
	const bool knew_nothing = l->bill->bill->number != 0 && l->bill->bill->ingest == 0;
	if (x->subscription == 0 || knew_nothing)
		request.range.to_us = request.range.from_us;
	int code = meter__behind(&l->usage, x->reader, &request);
	if (code == METER_OK)
		code = publish_usage(x->explanation, l);
	return code == METER_OK && l->bill->before ? find_usage_before(x, l, request) : code;
}

/* ---- lines ---- */

static int explain_line(struct explaining *x, size_t index)
{
	struct meter_explanation *e = x->explanation;
	struct explained_line *l = &e->lines[e->line_count++];
	l->index = index;
	l->line = &e->invoice->lines[index];
	l->kind = l->line->kind == METER_LINE_ADJUSTMENT ? l->line->adjusted_kind : l->line->kind;
	for (size_t i = 0; i < e->bill_count; i++) {
		if (index >= e->bills[i].line_from && index < e->bills[i].line_to)
			l->bill = &e->bills[i];
	}
	int code = find_rule(x, l);
	if (code == METER_OK)
		code = find_related(x, l);
	if (code == METER_OK)
		code = find_usage(x, l);
	return code == METER_OK ? meter__explain_steps(e, l) : code;
}

static int explain(struct explaining *x, const meter_explain_options *options)
{
	struct meter_explanation *e = x->explanation;
	const size_t count = e->invoice->line_count;
	const size_t first = options->line > 0 ? (size_t)options->line - 1 : 0;
	const size_t end = options->line > 0 ? first + 1 : count;
	if (first >= count && options->line > 0)
		return meter__fail(METER_EINVAL, "there is no line %d: the invoice has %zu", (int)options->line, count);
	int code = add_bills(x);
	e->lines = calloc(end - first + 1, sizeof(*e->lines));
	if (code == METER_OK && !e->lines)
		code = no_memory();
	for (size_t i = first; i < end && code == METER_OK; i++)
		code = explain_line(x, i);
	return code;
}

/* ---- which invoice ---- */

static int find_invoice(meter_invoice **out, struct reader *r, const meter_explain_options *options)
{
	const struct draft_request request = {.subscription = meter__slice_of(options->subscription),
	                                      .period = meter__slice_of(options->period)};
	int64_t document = 0;
	int code = METER_OK;
	if (options->number)
		code = meter__store_document_named(r, meter__slice_of(options->number), &document);
	else if (options->period)
		code = meter__invoice_find_document(r, request.subscription, request.period, &document);
	if (code != METER_OK)
		return code;
	if (document)
		return meter__invoice_load(out, r, document);
	code = meter__draft(out, r, &request);
	return code == METER_EEND ? meter__fail(METER_ESTATE, "everything is finalized") : code;
}

static int check_options(const meter_explain_options *o)
{
	if (!o->number == !o->subscription)
		return meter__fail(METER_EINVAL, "a number or a subscription is needed, not both");
	if (o->number && o->period)
		return meter__fail(METER_EINVAL, "a period goes with a subscription, not with a number");
	if ((o->number && !*o->number) || (o->subscription && !*o->subscription) || (o->period && !*o->period))
		return meter__fail(METER_EINVAL, "a number, a subscription and a period are not empty");
	if (o->line < 0)
		return meter__fail(METER_EINVAL, "line is %d; lines count from 1, 0 means all", (int)o->line);
	if (o->events < -1 || o->events > EVENTS_MAX)
		return meter__fail(METER_EINVAL, "events is %d; at most %d a line, -1 for none", (int)o->events, EVENTS_MAX);
	return METER_OK;
}

int meter_explain(meter_explanation **out, meter *m, const meter_explain_options *options)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && options);
	REQUIRE(options->struct_size >= sizeof(*options));
	int code = check_options(options);
	if (code != METER_OK)
		return code;
	struct explaining x = {.events_max = options->events == 0  ? EVENTS_DEFAULT
	                                     : options->events < 0 ? 0
	                                                           : (size_t)options->events};
	code = meter__store_reader(&x.reader, m->store);
	if (code != METER_OK)
		return code;
	x.explanation = calloc(1, sizeof(*x.explanation));
	code = x.explanation ? find_invoice(&x.explanation->invoice, x.reader, options) : no_memory();
	if (code == METER_OK)
		code = explain(&x, options);
	meter__store_reader_done(x.reader);
	if (code != METER_OK) {
		meter_explanation_free(x.explanation);
		return code;
	}
	*out = x.explanation;
	return METER_OK;
}

void meter_explanation_free(meter_explanation *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->line_count; i++)
		meter__behind_free(&e->lines[i].usage);
	for (size_t i = 0; i < e->bill_count; i++) {
		free(e->bills[i].segments);
		meter__catalog_release(e->bills[i].catalog);
	}
	free(e->lines);
	free(e->bills);
	meter_invoice_free(e->invoice);
	meter__arena_free(&e->arena);
	free(e);
}
