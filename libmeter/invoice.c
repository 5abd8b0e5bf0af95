/*
 * invoice.c - an invoice in memory: put together from bills, its texts, reading it.
 *
 * Drafts (draft.c) and quotes (quote.c) both go through meter__rate() with the same plan, so a quote of the usage of a period has
 * the lines of its invoice.
 */
#include "invoice.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"

const struct bill *meter__invoice_main(const struct meter_invoice *invoice)
{
	return invoice->has_own ? &invoice->own : &invoice->adjustments[0].after;
}

static int show_worth(struct meter_invoice *invoice)
{
	const struct money_unit *unit = invoice->has_own && invoice->own.plan ? invoice->own.plan->unit : NULL;
	struct decimal worth;
	if (!unit || !unit->currency)
		return METER_OK;
	int code = meter__decimal_round_quotient(&worth, invoice->due_value, unit->price, DECIMAL_ONE, unit->currency_exponent,
	                                         invoice->own.plan->rounding);
	if (code == METER_OK)
		meter__decimal_format_fixed(invoice->worth, worth, unit->currency_exponent);
	return code;
}

static void show_line(struct line_text *text, const struct invoice_line *line, int32_t exponent)
{
	meter__decimal_format(text->quantity, line->quantity);
	if (!line->has_amount)
		return;
	meter__decimal_format(text->price, line->price);
	meter__decimal_format(text->per, line->per);
	meter__decimal_format_fixed(text->amount, line->amount, exponent);
	if (line->kind != METER_LINE_ADJUSTMENT)
		return;
	meter__decimal_format(text->quantity_before, line->quantity_before);
	meter__decimal_format(text->quantity_after, line->quantity_after);
	meter__decimal_format_fixed(text->amount_before, line->amount_before, exponent);
	meter__decimal_format_fixed(text->amount_after, line->amount_after, exponent);
}

static int add_change(struct decimal *sum, struct decimal before, struct decimal after)
{
	struct decimal change;
	int code = meter__decimal_subtract(&change, after, before);
	return code == METER_OK ? meter__decimal_add(sum, *sum, change) : code;
}

static int add_adjustment(struct meter_invoice *invoice, struct adjustment *a)
{
	int code = meter__adjust_lines(&invoice->lines, &invoice->line_count, &invoice->arena, a->document, a->before.lines,
	                               a->before.line_count, a->after.lines, a->after.line_count);
	a->line_end = invoice->line_count;
	if (code == METER_OK)
		code = add_change(&invoice->total_value, a->before.total, a->after.total);
	if (code == METER_OK)
		code = add_change(&invoice->adjusted_value, a->before.total, a->after.total);
	if (code == METER_OK)
		code = add_change(&invoice->tax_value, a->before.tax, a->after.tax);
	return code == METER_OK ? add_change(&invoice->due_value, a->before.due, a->after.due) : code;
}

static int show_texts(struct meter_invoice *invoice)
{
	const int32_t exponent = meter__invoice_main(invoice)->exponent;
	invoice->texts = meter__arena_array(&invoice->arena, invoice->line_count, sizeof(*invoice->texts));
	if (!invoice->texts)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	for (size_t i = 0; i < invoice->line_count; i++)
		show_line(&invoice->texts[i], &invoice->lines[i], exponent);
	meter__decimal_format_fixed(invoice->subtotal, invoice->has_own ? invoice->own.subtotal : DECIMAL_ZERO, exponent);
	meter__decimal_format_fixed(invoice->tax, invoice->tax_value, exponent);
	meter__decimal_format_fixed(invoice->adjusted, invoice->adjusted_value, exponent);
	meter__decimal_format_fixed(invoice->total, invoice->total_value, exponent);
	meter__decimal_format_fixed(invoice->due, invoice->due_value, exponent);
	return METER_OK;
}

int meter__invoice_show(struct meter_invoice *invoice)
{
	const struct bill *own = invoice->has_own ? &invoice->own : NULL;
	int code = METER_OK;
	invoice->lines = own ? own->lines : NULL;
	invoice->line_count = own ? own->line_count : 0;
	invoice->total_value = own ? own->total : DECIMAL_ZERO;
	invoice->tax_value = own ? own->tax : DECIMAL_ZERO;
	invoice->due_value = own ? own->due : DECIMAL_ZERO;
	for (size_t i = 0; i < invoice->adjustment_count && code == METER_OK; i++)
		code = add_adjustment(invoice, &invoice->adjustments[i]);
	if (code == METER_OK)
		code = show_texts(invoice);
	return code == METER_OK ? show_worth(invoice) : code;
}

/* ---- comparing ---- */

/* The texts of lines that belong to other invoices. */
static int own_texts(struct meter_invoice *invoice)
{
	for (size_t i = 0; i < invoice->line_count; i++) {
		struct invoice_line *line = &invoice->lines[i];
		if (line->charge && !(line->charge = meter__arena_copy(&invoice->arena, meter__slice_of(line->charge))))
			return meter__fail(METER_ENOMEM, "no memory for a comparison");
	}
	return METER_OK;
}

static int compare(struct meter_invoice *out, const meter_invoice *before, const meter_invoice *after)
{
	const struct bill *main = meter__invoice_main(after);
	struct bill *own = &out->own;
	out->has_own = true;
	own->period = main->period;
	own->exponent = main->exponent;
	own->catalog_version = main->catalog_version;
	own->ingest = main->ingest;
	own->currency = meter__arena_copy(&out->arena, meter__slice_of(main->currency));
	own->plan_key = meter__arena_copy(&out->arena, meter__slice_of(main->plan_key));
	out->subscription = meter__arena_copy(&out->arena, meter__slice_of(after->subscription ? after->subscription : ""));
	out->customer = meter__arena_copy(&out->arena, meter__slice_of(after->customer ? after->customer : ""));
	if (!own->currency || !own->plan_key || !out->subscription || !out->customer)
		return meter__fail(METER_ENOMEM, "no memory for a comparison");
	int code = meter__adjust_lines(&out->lines, &out->line_count, &out->arena, NULL, before->lines, before->line_count,
	                               after->lines, after->line_count);
	const struct {
		struct decimal *out, before, after;
	} sums[] = {{&out->total_value, before->total_value, after->total_value},
	            {&out->adjusted_value, before->total_value, after->total_value},
	            {&out->tax_value, before->tax_value, after->tax_value},
	            {&out->due_value, before->due_value, after->due_value}};
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]) && code == METER_OK; i++)
		code = meter__decimal_subtract(sums[i].out, sums[i].after, sums[i].before);
	if (code == METER_OK && before->has_own && after->has_own)
		code = meter__decimal_subtract(&own->subtotal, after->own.subtotal, before->own.subtotal);
	if (code == METER_OK)
		code = own_texts(out);
	return code == METER_OK ? show_texts(out) : code;
}

int meter_invoice_compare(meter_invoice **out, const meter_invoice *before, const meter_invoice *after)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(before && after);
	if (strcmp(meter__invoice_main(before)->currency, meter__invoice_main(after)->currency) != 0)
		return meter__fail(METER_EINVAL, "amounts in %s cannot be compared with those in %s",
		                   meter__invoice_main(before)->currency, meter__invoice_main(after)->currency);
	meter_invoice *invoice = calloc(1, sizeof(*invoice));
	if (!invoice)
		return meter__fail(METER_ENOMEM, "no memory for a comparison");
	invoice->status = "difference";
	int code = compare(invoice, before, after);
	if (code != METER_OK) {
		meter_invoice_free(invoice);
		return code;
	}
	*out = invoice;
	return METER_OK;
}

void meter__invoice_free_usage(struct charge_usage *usage, size_t count)
{
	for (size_t i = 0; usage && i < count; i++) {
		free((void *)(uintptr_t)usage[i].groups);
		free((void *)(uintptr_t)usage[i].events);
	}
	free(usage);
}

/* ---- reading ---- */

void meter_invoice_free(meter_invoice *invoice)
{
	if (!invoice)
		return;
	meter__bill_free(&invoice->own);
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		meter__bill_free(&invoice->adjustments[i].before);
		meter__bill_free(&invoice->adjustments[i].after);
	}
	free(invoice->adjustments);
	free(invoice->settled);
	meter__arena_free(&invoice->arena);
	free(invoice);
}

const char *meter_invoice_number(const meter_invoice *invoice)
{
	return invoice ? invoice->document.name : NULL;
}

const char *meter_invoice_kind(const meter_invoice *invoice)
{
	static const char *const names[] = {
		[DOCUMENT_INVOICE] = "invoice", [DOCUMENT_CREDIT_NOTE] = "credit_note", [DOCUMENT_ADJUSTMENT] = "adjustment"};
	if (!invoice)
		return NULL;
	return invoice->document.number ? names[invoice->document.kind] : "invoice";
}

const char *meter_invoice_status(const meter_invoice *invoice)
{
	return invoice ? invoice->status : NULL;
}

const char *meter_invoice_subscription(const meter_invoice *invoice)
{
	return invoice ? invoice->subscription : NULL;
}

const char *meter_invoice_customer(const meter_invoice *invoice)
{
	return invoice ? invoice->customer : NULL;
}

const char *meter_invoice_plan(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->plan_key : NULL;
}

const char *meter_invoice_currency(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->currency : NULL;
}

int64_t meter_invoice_from_us(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->period.whole.from_us : 0;
}

int64_t meter_invoice_to_us(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->period.whole.to_us : 0;
}

int64_t meter_invoice_billed_from_us(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->period.active.from_us : 0;
}

int64_t meter_invoice_billed_to_us(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->period.active.to_us : 0;
}

int64_t meter_invoice_finalized_us(const meter_invoice *invoice)
{
	return invoice && invoice->document.number ? invoice->document.at_us : INT64_MIN;
}

const char *meter_invoice_reason(const meter_invoice *invoice)
{
	return invoice ? invoice->document.reason : NULL;
}

int64_t meter_invoice_voided_us(const meter_invoice *invoice)
{
	return invoice && invoice->document.voided_by ? invoice->voided_us : INT64_MIN;
}

const char *meter_invoice_void_reason(const meter_invoice *invoice)
{
	return invoice ? invoice->void_reason : NULL;
}

const char *meter_invoice_replaces(const meter_invoice *invoice)
{
	return invoice ? invoice->replaces : NULL;
}

const char *meter_invoice_replaced_by(const meter_invoice *invoice)
{
	return invoice ? invoice->replaced_by : NULL;
}

int64_t meter_invoice_catalog_version(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->catalog_version : 0;
}

const char *meter_invoice_plan_hash(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->plan_hash : NULL;
}

int64_t meter_invoice_ingest(const meter_invoice *invoice)
{
	return invoice ? meter__invoice_main(invoice)->ingest : 0;
}

const char *meter_invoice_hash(const meter_invoice *invoice)
{
	return invoice ? invoice->document.hash : NULL;
}

const char *meter_invoice_subtotal(const meter_invoice *invoice)
{
	return invoice ? invoice->subtotal : NULL;
}

const char *meter_invoice_tax(const meter_invoice *invoice)
{
	return invoice ? invoice->tax : NULL;
}

const char *meter_invoice_adjustments(const meter_invoice *invoice)
{
	return invoice ? invoice->adjusted : NULL;
}

const char *meter_invoice_total(const meter_invoice *invoice)
{
	return invoice ? invoice->total : NULL;
}

const char *meter_invoice_due(const meter_invoice *invoice)
{
	return invoice ? invoice->due : NULL;
}

const char *meter_invoice_worth(const meter_invoice *invoice)
{
	return invoice && invoice->worth[0] ? invoice->worth : NULL;
}

const char *meter_invoice_worth_currency(const meter_invoice *invoice)
{
	return meter_invoice_worth(invoice) ? invoice->own.plan->unit->currency : NULL;
}

size_t meter_invoice_suspended_count(const meter_invoice *invoice)
{
	size_t count = 0;
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++)
		count += !invoice->lines[i].has_amount;
	return count;
}

size_t meter_invoice_line_count(const meter_invoice *invoice)
{
	return invoice ? invoice->line_count : 0;
}

static const struct invoice_line *line_at(const meter_invoice *invoice, size_t index)
{
	return index < meter_invoice_line_count(invoice) ? &invoice->lines[index] : NULL;
}

int32_t meter_invoice_line_kind(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? line->kind : 0;
}

const char *meter__line_kind_name(int32_t kind)
{
	static const char *const names[] = {
		[METER_LINE_USAGE] = "usage",
		[METER_LINE_FLAT] = "flat",
		[METER_LINE_MINIMUM] = "minimum",
		[METER_LINE_MAXIMUM] = "maximum",
		[METER_LINE_DISCOUNT] = "discount",
		[METER_LINE_SUSPENDED] = "suspended",
		[METER_LINE_TAX] = "tax",
		[METER_LINE_COMMITMENT] = "commitment",
		[METER_LINE_CREDIT] = "credit",
		[METER_LINE_CARRIED] = "carried",
		[METER_LINE_ADJUSTMENT] = "adjustment",
	};
	return names[kind];
}

const char *meter_invoice_line_kind_name(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? meter__line_kind_name(line->kind) : NULL;
}

const char *meter_invoice_line_charge(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? line->charge : NULL;
}

const char *meter_invoice_line_description(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? line->description : NULL;
}

int64_t meter_invoice_line_from_us(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? line->active.from_us : 0;
}

int64_t meter_invoice_line_to_us(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line ? line->active.to_us : 0;
}

const char *meter_invoice_line_quantity(const meter_invoice *invoice, size_t index)
{
	return line_at(invoice, index) ? invoice->texts[index].quantity : NULL;
}

const char *meter_invoice_line_price(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].price : NULL;
}

const char *meter_invoice_line_per(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].per : NULL;
}

const char *meter_invoice_line_amount(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].amount : NULL;
}

const char *meter_invoice_line_exact(const meter_invoice *invoice, size_t index)
{
	const struct invoice_line *line = line_at(invoice, index);
	return line && line->has_amount ? line->exact : NULL;
}

static bool is_adjustment(const meter_invoice *invoice, size_t index)
{
	return line_at(invoice, index) && invoice->lines[index].kind == METER_LINE_ADJUSTMENT;
}

const char *meter_invoice_line_adjusts(const meter_invoice *invoice, size_t index)
{
	if (!line_at(invoice, index) || index < invoice->own.line_count)
		return NULL;
	for (size_t i = 0; i < invoice->adjustment_count; i++) {
		if (index < invoice->adjustments[i].line_end)
			return invoice->adjustments[i].document;
	}
	return NULL;
}

const char *meter_invoice_line_quantity_before(const meter_invoice *invoice, size_t index)
{
	return is_adjustment(invoice, index) ? invoice->texts[index].quantity_before : NULL;
}

const char *meter_invoice_line_quantity_after(const meter_invoice *invoice, size_t index)
{
	return is_adjustment(invoice, index) ? invoice->texts[index].quantity_after : NULL;
}

const char *meter_invoice_line_amount_before(const meter_invoice *invoice, size_t index)
{
	return is_adjustment(invoice, index) ? invoice->texts[index].amount_before : NULL;
}

const char *meter_invoice_line_amount_after(const meter_invoice *invoice, size_t index)
{
	return is_adjustment(invoice, index) ? invoice->texts[index].amount_after : NULL;
}
