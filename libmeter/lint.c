/*
 * lint.c - what a catalog says that is allowed and probably not meant. (pure)
 *
 * Asked for by people before they apply a catalog; nothing here keeps one from being applied.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "error.h"
#include "instant.h"

/* Prices of siblings that are so far apart look like another unit: per thousand, cents. */
#define SUSPICIOUS_FACTOR 1000

struct meter_warnings {
	char **texts;
	size_t count, capacity;
};

/* Takes the text and frees it. */
static int add(struct meter_warnings *w, struct buffer *text)
{
	char *copy = text->failed ? NULL : meter__copy((struct slice){text->data, text->size});
	meter__buffer_free(text);
	if (copy && w->count == w->capacity) {
		size_t capacity = w->capacity ? w->capacity * 2 : 8;
		char **texts = realloc(w->texts, capacity * sizeof(*texts));
		if (texts) {
			w->texts = texts;
			w->capacity = capacity;
		}
	}
	if (!copy || w->count == w->capacity) {
		free(copy);
		return meter__fail(METER_ENOMEM, "no memory for warnings");
	}
	w->texts[w->count++] = copy;
	return METER_OK;
}

/* "line 12: plan api of 2026-01-01, charge tokens: ": where the charge begins. */
static struct buffer about(const struct plan *plan, const struct charge *charge)
{
	struct buffer text = {0};
	char at[INSTANT_TEXT_SIZE];
	meter__instant_format(at, plan->effective_from_us);
	meter__buffer_format(&text, "line %d: plan %s of %s, charge %s: ", (int)charge->source_line, plan->key, at, charge->key);
	return text;
}

/* ---- rates ---- */

/* Everything that b matches, a matches, too. */
static bool covers(const struct rate *a, const struct rate *b)
{
	for (size_t i = 0; i < a->match_count; i++) {
		bool is_in = false;
		for (size_t k = 0; k < b->match_count && !is_in; k++)
			is_in = a->matches[i].dimension == b->matches[k].dimension &&
			        strcmp(a->matches[i].value, b->matches[k].value) == 0;
		if (!is_in)
			return false;
	}
	return true;
}

static int check_rates(struct meter_warnings *w, const struct plan *plan, const struct charge *charge)
{
	int code = METER_OK;
	for (size_t i = 1; i < charge->rate_count && code == METER_OK; i++) {
		size_t before = 0;
		while (before < i && !covers(&charge->rates[before], &charge->rates[i]))
			before++;
		if (before == i)
			continue;
		struct buffer text = about(plan, charge);
		meter__buffer_format(&text, "rate %zu is never used: rate %zu matches all that it does", i + 1, before + 1);
		code = add(w, &text);
	}
	return code;
}

/* ---- prices far from their siblings ---- */

static bool is_far(struct decimal a, struct decimal b)
{
	struct decimal times;
	const bool is_larger = meter__decimal_compare(a, b) > 0;
	if (meter__decimal_is_zero(a) || meter__decimal_is_zero(b))
		return false;
	return meter__decimal_multiply(&times, is_larger ? b : a, meter__decimal_from_int(SUSPICIOUS_FACTOR)) == METER_OK &&
	       meter__decimal_compare(is_larger ? a : b, times) >= 0;
}

/* The first of the prices before it that is far from price i, when all of them are; or i. */
static size_t far_from_all(const struct decimal *prices, size_t count, size_t i)
{
	size_t first = i;
	for (size_t k = 0; k < count; k++) {
		if (k == i || meter__decimal_is_zero(prices[k]))
			continue;
		if (!is_far(prices[i], prices[k]))
			return i;
		first = first == i ? k : first;
	}
	return first;
}

static int check_prices(struct meter_warnings *w, const struct plan *plan, const struct charge *charge, const char *what,
                        const struct decimal *prices, size_t count)
{
	int code = METER_OK;
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		const size_t other = far_from_all(prices, count, i);
		/* Of two that are far from each other the second is shown. */
		if (other == i || (count == 2 && i == 0))
			continue;
		char a[DECIMAL_TEXT_SIZE], b[DECIMAL_TEXT_SIZE];
		meter__decimal_format(a, prices[i]);
		meter__decimal_format(b, prices[other]);
		struct buffer text = about(plan, charge);
		meter__buffer_format(&text, "price %s of %s %zu is %d times or more away from %s of %s %zu", a, what, i + 1,
		                     SUSPICIOUS_FACTOR, b, what, other + 1);
		code = add(w, &text);
	}
	return code;
}

static int check_siblings(struct meter_warnings *w, const struct plan *plan, const struct charge *charge)
{
	const bool has_rates = charge->rate_count > 0;
	const size_t count = has_rates ? charge->rate_count : charge->tier_count;
	struct decimal *prices = malloc((count + 1) * sizeof(*prices));
	if (!prices)
		return meter__fail(METER_ENOMEM, "no memory for warnings");
	for (size_t i = 0; i < count; i++)
		prices[i] = has_rates ? charge->rates[i].price : charge->tiers[i].price;
	const int code = check_prices(w, plan, charge, has_rates ? "rate" : "tier", prices, count);
	free(prices);
	return code;
}

/* ---- versions ---- */

static const struct charge *charge_of(const struct plan *plan, const char *key)
{
	for (size_t i = 0; i < plan->charge_count; i++) {
		if (strcmp(plan->charges[i].key, key) == 0)
			return &plan->charges[i];
	}
	return NULL;
}

static int check_change(struct meter_warnings *w, const struct plan *before, const struct plan *plan)
{
	int code = METER_OK;
	for (size_t i = 0; i < plan->charge_count && code == METER_OK; i++) {
		const struct charge *charge = &plan->charges[i], *old = charge_of(before, charge->key);
		if (!old || old->model != charge->model)
			continue;
		const struct decimal now = charge->model == MODEL_FLAT ? charge->amount : charge->price;
		const struct decimal was = charge->model == MODEL_FLAT ? old->amount : old->price;
		if (!is_far(now, was))
			continue;
		char a[DECIMAL_TEXT_SIZE], b[DECIMAL_TEXT_SIZE];
		meter__decimal_format(a, now);
		meter__decimal_format(b, was);
		struct buffer text = about(plan, charge);
		meter__buffer_format(&text, "price %s is %d times or more away from %s of the version before", a,
		                     SUSPICIOUS_FACTOR, b);
		code = add(w, &text);
	}
	return code;
}

/* A subscription that holds a plan before its first version cannot be invoiced for that time. */
static int check_gap(struct meter_warnings *w, const struct meter_catalog *catalog, const struct subscription *s,
                     const struct subscription_plan *held)
{
	if (meter__catalog_plan(catalog, meter__slice_of(held->plan), held->from_us))
		return METER_OK;
	char at[INSTANT_TEXT_SIZE];
	struct buffer text = {0};
	meter__instant_format(at, held->from_us);
	meter__buffer_format(&text, "line %d: subscription %s: plan %s has no version in force at %s, when it begins",
	                     (int)s->source_line, s->key, held->plan, at);
	return add(w, &text);
}

static int check_all(struct meter_warnings *w, const struct meter_catalog *catalog)
{
	int code = METER_OK;
	for (size_t i = 0; i < catalog->plan_count && code == METER_OK; i++) {
		const struct plan *plan = catalog->plans_by_key[i];
		for (size_t c = 0; c < plan->charge_count && code == METER_OK; c++) {
			code = check_rates(w, plan, &plan->charges[c]);
			if (code == METER_OK)
				code = check_siblings(w, plan, &plan->charges[c]);
		}
		if (code == METER_OK && i > 0 && strcmp(catalog->plans_by_key[i - 1]->key, plan->key) == 0)
			code = check_change(w, catalog->plans_by_key[i - 1], plan);
	}
	for (size_t i = 0; i < catalog->subscription_count && code == METER_OK; i++) {
		const struct subscription *s = &catalog->subscriptions[i];
		for (size_t k = 0; k < s->plan_count && code == METER_OK; k++)
			code = check_gap(w, catalog, s, &s->plans[k]);
	}
	return code;
}

int meter_catalog_warnings(meter_warnings **out, const meter_catalog *catalog)
{
	if (out)
		*out = NULL;
	if (!out || !catalog)
		return meter__fail(METER_EINVAL, "an argument is missing");
	meter_warnings *w = calloc(1, sizeof(*w));
	if (!w)
		return meter__fail(METER_ENOMEM, "no memory for warnings");
	const int code = check_all(w, catalog);
	if (code != METER_OK) {
		meter_warnings_free(w);
		return code;
	}
	*out = w;
	return METER_OK;
}

size_t meter_warnings_count(const meter_warnings *warnings)
{
	return warnings ? warnings->count : 0;
}

const char *meter_warnings_text(const meter_warnings *warnings, size_t index)
{
	return warnings && index < warnings->count ? warnings->texts[index] : NULL;
}

void meter_warnings_free(meter_warnings *warnings)
{
	if (!warnings)
		return;
	for (size_t i = 0; i < warnings->count; i++)
		free(warnings->texts[i]);
	free(warnings->texts);
	free(warnings);
}
