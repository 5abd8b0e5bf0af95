/*
 * invoice.c - an invoice in memory: rating it, its texts, reading it.
 *
 * Drafts (draft.c) and quotes (quote.c) both go through meter__rate() with the same plan, so a quote of the usage of a period has
 * the lines of its invoice.
 */
#include "invoice.h"

#include <stdlib.h>

#include "error.h"

static int show_worth(struct meter_invoice *invoice)
{
	const struct money_unit *unit = invoice->plan->unit;
	struct decimal worth;
	if (!unit || !unit->currency)
		return METER_OK;
	int code = meter__decimal_round_quotient(&worth, invoice->rating.due, unit->price, DECIMAL_ONE, unit->currency_exponent,
	                                         invoice->plan->rounding);
	if (code == METER_OK)
		meter__decimal_format_fixed(invoice->worth, worth, unit->currency_exponent);
	return code;
}

static int show(struct meter_invoice *invoice)
{
	const struct rating *rating = &invoice->rating;
	int32_t exponent = invoice->plan->exponent;
	invoice->texts = calloc(rating->line_count + 1, sizeof(*invoice->texts));
	if (!invoice->texts)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	for (size_t i = 0; i < rating->line_count; i++) {
		const struct line *line = &rating->lines[i];
		struct line_text *text = &invoice->texts[i];
		meter__decimal_format(text->quantity, line->quantity);
		if (!line->has_amount)
			continue;
		meter__decimal_format(text->price, line->price);
		meter__decimal_format(text->per, line->per);
		meter__decimal_format_fixed(text->amount, line->amount, exponent);
	}
	meter__decimal_format_fixed(invoice->subtotal, rating->subtotal, exponent);
	meter__decimal_format_fixed(invoice->tax, rating->tax, exponent);
	meter__decimal_format_fixed(invoice->total, rating->total, exponent);
	meter__decimal_format_fixed(invoice->due, rating->due, exponent);
	return show_worth(invoice);
}

int meter__invoice_rate(struct meter_invoice *invoice)
{
	int code = meter__rate(&invoice->rating, invoice->segments, invoice->segment_count, invoice->period, &invoice->account);
	return code == METER_OK ? show(invoice) : code;
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
	meter__rating_free(&invoice->rating);
	free(invoice->segments);
	meter__account_free(&invoice->account);
	meter__catalog_release(invoice->catalog);
	free(invoice->texts);
	free(invoice);
}

const char *meter_invoice_number(const meter_invoice *invoice)
{
	(void)invoice; /* given when an invoice is finalized */
	return NULL;
}

const char *meter_invoice_status(const meter_invoice *invoice)
{
	return invoice ? invoice->status : NULL;
}

const char *meter_invoice_subscription(const meter_invoice *invoice)
{
	return invoice && invoice->subscription ? invoice->subscription->key : NULL;
}

const char *meter_invoice_customer(const meter_invoice *invoice)
{
	return invoice && invoice->subscription ? invoice->subscription->customer : NULL;
}

const char *meter_invoice_plan(const meter_invoice *invoice)
{
	return invoice ? invoice->plan->key : NULL;
}

const char *meter_invoice_currency(const meter_invoice *invoice)
{
	return invoice ? invoice->plan->currency : NULL;
}

int64_t meter_invoice_from_us(const meter_invoice *invoice)
{
	return invoice ? invoice->period.from_us : 0;
}

int64_t meter_invoice_to_us(const meter_invoice *invoice)
{
	return invoice ? invoice->period.to_us : 0;
}

const char *meter_invoice_subtotal(const meter_invoice *invoice)
{
	return invoice ? invoice->subtotal : NULL;
}

const char *meter_invoice_tax(const meter_invoice *invoice)
{
	return invoice ? invoice->tax : NULL;
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
	return meter_invoice_worth(invoice) ? invoice->plan->unit->currency : NULL;
}

size_t meter_invoice_suspended_count(const meter_invoice *invoice)
{
	return invoice ? invoice->rating.suspended_count : 0;
}

size_t meter_invoice_line_count(const meter_invoice *invoice)
{
	return invoice ? invoice->rating.line_count : 0;
}

static const struct line *line_at(const meter_invoice *invoice, size_t index)
{
	return index < meter_invoice_line_count(invoice) ? &invoice->rating.lines[index] : NULL;
}

int32_t meter_invoice_line_kind(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->kind : 0;
}

const char *meter_invoice_line_kind_name(const meter_invoice *invoice, size_t index)
{
	static const char *const names[] = {
		[METER_LINE_USAGE] = "usage",       [METER_LINE_FLAT] = "flat",
		[METER_LINE_MINIMUM] = "minimum",   [METER_LINE_MAXIMUM] = "maximum",
		[METER_LINE_DISCOUNT] = "discount", [METER_LINE_SUSPENDED] = "suspended",
		[METER_LINE_TAX] = "tax",           [METER_LINE_COMMITMENT] = "commitment",
		[METER_LINE_CREDIT] = "credit",     [METER_LINE_CARRIED] = "carried",
	};
	const struct line *line = line_at(invoice, index);
	return line ? names[line->kind] : NULL;
}

const char *meter_invoice_line_charge(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->charge ? line->charge->key : NULL;
}

const char *meter_invoice_line_description(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->description : NULL;
}

int64_t meter_invoice_line_from_us(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->active.from_us : 0;
}

int64_t meter_invoice_line_to_us(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line ? line->active.to_us : 0;
}

const char *meter_invoice_line_quantity(const meter_invoice *invoice, size_t index)
{
	return line_at(invoice, index) ? invoice->texts[index].quantity : NULL;
}

const char *meter_invoice_line_price(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].price : NULL;
}

const char *meter_invoice_line_per(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].per : NULL;
}

const char *meter_invoice_line_amount(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? invoice->texts[index].amount : NULL;
}

const char *meter_invoice_line_exact(const meter_invoice *invoice, size_t index)
{
	const struct line *line = line_at(invoice, index);
	return line && line->has_amount ? line->exact : NULL;
}
