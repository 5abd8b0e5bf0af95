/*
 * fuzz_quote.c - any catalog, and any quantities, as a quote of each of its plans.
 *
 * The text up to the first zero byte is the catalog; the bytes behind it become quantities. A quote is made, or refused with a
 * documented code; what was made adds up: the total is the sum of its lines without credits, due that of all lines, tax that of
 * its lines, and no charge costs less than nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUANTITIES_MAX 16

static void require(int condition)
{
	if (!condition)
		abort();
}

static struct decimal decimal_of(const char *text)
{
	struct decimal d;
	require(meter__decimal_parse(&d, text, strlen(text)) == METER_OK);
	return d;
}

static void add(struct decimal *sum, const char *text)
{
	require(meter__decimal_add(sum, *sum, decimal_of(text)) == METER_OK);
}

static void check(const meter_invoice *invoice)
{
	struct decimal total = DECIMAL_ZERO, due = DECIMAL_ZERO, tax = DECIMAL_ZERO;
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++) {
		const char *amount = meter_invoice_line_amount(invoice, i);
		const int32_t kind = meter_invoice_line_kind(invoice, i);
		require((amount == NULL) == (kind == METER_LINE_SUSPENDED));
		require(meter_invoice_line_description(invoice, i) && meter_invoice_line_kind_name(invoice, i));
		if (!amount)
			continue;
		add(&due, amount);
		if (kind != METER_LINE_CREDIT)
			add(&total, amount);
		if (kind == METER_LINE_TAX)
			add(&tax, amount);
	}
	require(meter__decimal_compare(total, decimal_of(meter_invoice_total(invoice))) == 0);
	require(meter__decimal_compare(due, decimal_of(meter_invoice_due(invoice))) == 0);
	require(meter__decimal_compare(tax, decimal_of(meter_invoice_tax(invoice))) == 0);
	require(!meter__decimal_is_negative(total) && !meter__decimal_is_negative(due));
}

/* A decimal out of eight bytes: small or large, with some decimals, now and then below zero. */
static void write_quantity(char *out, size_t room, const uint8_t *bytes, bool is_count)
{
	uint64_t n;
	memcpy(&n, bytes, sizeof(n));
	const unsigned shift = (unsigned)(n & 63), places = (unsigned)(n >> 6 & 7);
	const uint64_t digits = (n >> 10) >> (shift > 53 ? 53 : shift);
	if (is_count)
		snprintf(out, room, "%llu", (unsigned long long)digits);
	else
		snprintf(out, room, "%s%llu.%0*u", (n >> 9 & 1) && digits ? "-" : "", (unsigned long long)digits, (int)places + 1,
		         (unsigned)(digits % 10));
}

static void quote(const struct meter_catalog *catalog, const struct plan *plan, const uint8_t *bytes, size_t size)
{
	meter_quantity usage[QUANTITIES_MAX];
	char texts[QUANTITIES_MAX][64];
	size_t count = 0;
	for (size_t i = 0; i < plan->charge_count && count < QUANTITIES_MAX && (count + 1) * 8 <= size; i++) {
		const struct meter_definition *definition = plan->charges[i].meter;
		if (!definition)
			continue;
		write_quantity(texts[count], sizeof(texts[count]), bytes + count * 8,
		               definition->aggregation == AGGREGATION_COUNT);
		usage[count] = (meter_quantity){.meter = definition->key, .quantity = texts[count]};
		count++;
	}
	meter_invoice *invoice;
	const int64_t at_us = plan->effective_from_us > 0 ? plan->effective_from_us : 0;
	const int code = meter_invoice_quote(&invoice, catalog, plan->key, usage, count, at_us);
	require(code == METER_OK || code == METER_EOVERFLOW || code == METER_ENOTFOUND || code == METER_ENOMEM ||
	        code == METER_EINVAL);
	if (code != METER_OK) {
		require(meter_errmsg()[0] != '\0');
		return;
	}
	check(invoice);
	meter_invoice_free(invoice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	const size_t text_size = end ? (size_t)(end - data) : size;
	struct meter_catalog *catalog;
	if (meter__catalog_read(&catalog, "fuzz", (const char *)data, text_size) != METER_OK)
		return 0;
	for (size_t i = 0; i < catalog->plan_count; i++)
		quote(catalog, &catalog->plans[i], end ? end + 1 : data, end ? size - text_size - 1 : 0);
	meter__catalog_release(catalog);
	return 0;
}
