/*
 * shadow.c - history rated again under another catalog: what each subscription would have paid, charge by charge.
 *
 * Both sides are drafts of the same stored usage. A subscription without a plan in the period, on either side, has no amounts
 * there. A period that has not begun is no history, and nobody has it: two catalogs that charge nothing for no usage would
 * look alike.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "invoice.h"
#include "os.h"

struct shadow_row {
	char *subscription;
	char *period;
	char *charge; /* NULL: lines of the whole plan, and tax */
	char *currency;
	bool is_total;
	struct decimal amounts[2]; /* old, new */
	bool has[2];
	char texts[3][DECIMAL_TEXT_SIZE]; /* old, new, difference */
};

struct meter_shadow {
	struct shadow_row *rows;
	size_t count, capacity;
	size_t exceeded;
};

/* One subscription in one period. */
struct pair {
	meter_invoice *invoices[2];
	const char *subscription, *period;
	size_t first; /* its rows in the shadow */
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The row of a charge, made if it is new. */
static struct shadow_row *row_of(struct meter_shadow *s, const struct pair *p, const char *charge, bool is_total)
{
	for (size_t i = p->first; i < s->count; i++) {
		if (s->rows[i].is_total == is_total && same_text(s->rows[i].charge, charge))
			return &s->rows[i];
	}
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 64;
		struct shadow_row *rows = realloc(s->rows, capacity * sizeof(*rows));
		if (!rows)
			return NULL;
		s->rows = rows;
		s->capacity = capacity;
	}
	struct shadow_row *row = &s->rows[s->count];
	const meter_invoice *some = p->invoices[0] ? p->invoices[0] : p->invoices[1];
	*row = (struct shadow_row){.subscription = meter__copy(meter__slice_of(p->subscription)),
	                           .period = meter__copy(meter__slice_of(p->period)),
	                           .charge = charge ? meter__copy(meter__slice_of(charge)) : NULL,
	                           .currency = meter__copy(meter__slice_of(meter_invoice_currency(some))),
	                           .is_total = is_total};
	s->count++;
	return row->subscription && row->period && row->currency && (row->charge || !charge) ? row : NULL;
}

static int add_amount(struct meter_shadow *s, const struct pair *p, int side, const char *charge, bool is_total,
                      struct decimal amount)
{
	struct shadow_row *row = row_of(s, p, charge, is_total);
	if (!row)
		return meter__fail(METER_ENOMEM, "no memory for a shadow");
	row->has[side] = true;
	return meter__decimal_add(&row->amounts[side], row->amounts[side], amount);
}

static int add_side(struct meter_shadow *s, const struct pair *p, int side)
{
	if (!p->invoices[side])
		return METER_OK;
	const struct bill *own = &p->invoices[side]->own;
	int code = METER_OK;
	for (size_t i = 0; i < own->line_count && code == METER_OK; i++) {
		const struct invoice_line *line = &own->lines[i];
		code = add_amount(s, p, side, line->charge, false, line->has_amount ? line->amount : DECIMAL_ZERO);
	}
	return code;
}

/* Totals come after the charges of both sides. */
static int add_total(struct meter_shadow *s, const struct pair *p, int side)
{
	return p->invoices[side] ? add_amount(s, p, side, NULL, true, p->invoices[side]->own.total) : METER_OK;
}

static int finish_row(struct meter_shadow *s, struct shadow_row *row, int32_t exponent, struct decimal tolerance)
{
	struct decimal difference;
	int code = meter__decimal_subtract(&difference, row->amounts[1], row->amounts[0]);
	if (code != METER_OK)
		return code;
	for (int side = 0; side < 2; side++)
		meter__decimal_format_fixed(row->texts[side], row->amounts[side], exponent);
	meter__decimal_format_fixed(row->texts[2], difference, exponent);
	if (meter__decimal_is_negative(difference))
		difference = meter__decimal_negate(difference);
	s->exceeded += row->is_total && meter__decimal_compare(difference, tolerance) > 0;
	return METER_OK;
}

static int compare_pair(struct meter_shadow *s, struct pair *p, struct decimal tolerance)
{
	const meter_invoice *some = p->invoices[0] ? p->invoices[0] : p->invoices[1];
	if (!some)
		return METER_OK;
	if (p->invoices[0] && p->invoices[1] &&
	    strcmp(meter_invoice_currency(p->invoices[0]), meter_invoice_currency(p->invoices[1])) != 0)
		return meter__fail(METER_EUNSUPPORTED, "subscription %s: amounts in %s cannot be compared with those in %s",
		                   p->subscription, meter_invoice_currency(p->invoices[0]),
		                   meter_invoice_currency(p->invoices[1]));
	int code = METER_OK;
	p->first = s->count;
	for (int side = 0; side < 2 && code == METER_OK; side++)
		code = add_side(s, p, side);
	for (int side = 0; side < 2 && code == METER_OK; side++)
		code = add_total(s, p, side);
	for (size_t i = p->first; i < s->count && code == METER_OK; i++)
		code = finish_row(s, &s->rows[i], some->own.exponent, tolerance);
	return code;
}

static int shadow_one(struct meter_shadow *s, meter *m, struct meter_catalog *catalog, const char *subscription,
                      const char *period, struct decimal tolerance)
{
	struct pair p = {.subscription = subscription, .period = period};
	const int64_t now_us = meter__os.now_us();
	int code = METER_OK;
	for (int side = 0; side < 2 && code == METER_OK; side++) {
		code = meter__invoice_draft(&p.invoices[side], m, side ? catalog : NULL, meter__slice_of(subscription),
		                            meter__slice_of(period));
		if (code == METER_ENOTFOUND || code == METER_EINVAL) /* no period of this length starts there */
			code = METER_OK;
		if (p.invoices[side] && p.invoices[side]->own.period.active.from_us > now_us) {
			meter_invoice_free(p.invoices[side]);
			p.invoices[side] = NULL;
		}
	}
	if (code == METER_OK)
		code = compare_pair(s, &p, tolerance);
	else
		code = meter__fail_in(code, "subscription %s: ", subscription);
	for (int side = 0; side < 2; side++)
		meter_invoice_free(p.invoices[side]);
	return code;
}

static int in_force(struct meter_catalog **out, meter *m)
{
	struct reader *r = NULL;
	int code = meter__store_reader(&r, m->store);
	if (code == METER_OK)
		code = meter__store_catalog(r, out);
	meter__store_reader_done(r);
	return code == METER_OK && !*out ? meter__fail(METER_ENOTFOUND, "no catalog was applied yet") : code;
}

/* Subscriptions that have no such period are left out. */
static int check_period(const char *text)
{
	int code = meter__cycle_check(text, strlen(text));
	return code == METER_OK ? code : meter__fail_in(code, "period: ");
}

static int read_tolerance(struct decimal *out, const char *text)
{
	int code = meter__decimal_parse(out, text, strlen(text));
	if (code == METER_OK && meter__decimal_is_negative(*out))
		code = meter__fail_value(METER_EINVAL, text, strlen(text), "below 0");
	return code == METER_OK ? code : meter__fail_in(code, "tolerance: ");
}

int meter_shadow_run(meter_shadow **out, meter *m, const meter_catalog *catalog, const char *period, const char *tolerance)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && catalog && period);
	struct decimal limit = DECIMAL_ZERO;
	struct meter_catalog *now = NULL;
	int code = tolerance ? read_tolerance(&limit, tolerance) : METER_OK;
	if (code == METER_OK)
		code = check_period(period);
	if (code == METER_OK)
		code = in_force(&now, m);
	meter_shadow *s = code == METER_OK ? calloc(1, sizeof(*s)) : NULL;
	if (code == METER_OK && !s)
		code = meter__fail(METER_ENOMEM, "no memory for a shadow");
	for (size_t i = 0; code == METER_OK && i < now->subscription_count; i++)
		code = shadow_one(s, m, (struct meter_catalog *)(uintptr_t)catalog, now->subscriptions[i].key, period, limit);
	meter__catalog_release(now);
	if (code != METER_OK) {
		meter_shadow_free(s);
		return code;
	}
	*out = s;
	return METER_OK;
}

/* ---- accessors ---- */

static const struct shadow_row *row_at(const meter_shadow *s, size_t index)
{
	return s && index < s->count ? &s->rows[index] : NULL;
}

size_t meter_shadow_count(const meter_shadow *s)
{
	return s ? s->count : 0;
}

size_t meter_shadow_exceeded(const meter_shadow *s)
{
	return s ? s->exceeded : 0;
}

const char *meter_shadow_subscription(const meter_shadow *s, size_t index)
{
	return row_at(s, index) ? s->rows[index].subscription : NULL;
}

const char *meter_shadow_charge(const meter_shadow *s, size_t index)
{
	return row_at(s, index) ? s->rows[index].charge : NULL;
}

int meter_shadow_is_total(const meter_shadow *s, size_t index)
{
	return row_at(s, index) && s->rows[index].is_total;
}

const char *meter_shadow_currency(const meter_shadow *s, size_t index)
{
	return row_at(s, index) ? s->rows[index].currency : NULL;
}

const char *meter_shadow_old(const meter_shadow *s, size_t index)
{
	return row_at(s, index) && s->rows[index].has[0] ? s->rows[index].texts[0] : NULL;
}

const char *meter_shadow_new(const meter_shadow *s, size_t index)
{
	return row_at(s, index) && s->rows[index].has[1] ? s->rows[index].texts[1] : NULL;
}

const char *meter_shadow_difference(const meter_shadow *s, size_t index)
{
	return row_at(s, index) ? s->rows[index].texts[2] : NULL;
}

void meter_shadow_free(meter_shadow *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->rows[i].subscription);
		free(s->rows[i].period);
		free(s->rows[i].charge);
		free(s->rows[i].currency);
	}
	free(s->rows);
	free(s);
}
