/* bill.c - see bill.h. (pure) */
#include "bill.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"

/* The account of the ledger that a line is booked on. */
static const char *account_of(struct arena *arena, const struct line *line)
{
	static const char *const of_grants[] = {[GRANT_PAYMENT] = "credit ",
	                                        [GRANT_GIFT] = "credit ",
	                                        [GRANT_PREPAID] = "deferred ",
	                                        [GRANT_POSTPAID] = "revenue "};
	const char *what = line->grant ? of_grants[line->grant->kind] : "revenue ";
	const char *key = line->grant ? line->grant->key : line->charge ? line->charge->key : NULL;
	if (line->kind == METER_LINE_TAX)
		return "tax";
	if (!key)
		return "revenue";
	const size_t size = strlen(what), key_size = strlen(key);
	char *account = meter__arena_array(arena, size + key_size + 1, 1);
	if (account) {
		memcpy(account, what, size);
		memcpy(account + size, key, key_size);
	}
	return account;
}

static struct invoice_line line_of(struct arena *arena, const struct line *line)
{
	return (struct invoice_line){.kind = line->kind,
	                             .account = account_of(arena, line),
	                             .charge = line->charge ? line->charge->key : NULL,
	                             .step = line->description,
	                             .description = line->description,
	                             .quantity = line->quantity,
	                             .has_amount = line->has_amount,
	                             .price = line->price,
	                             .per = line->per,
	                             .amount = line->amount,
	                             .exact = line->exact,
	                             .active = line->active};
}

int meter__bill_rate(struct bill *s)
{
	const struct rate_period period = {s->period.whole, s->held_us};
	int code = meter__account_copy(&s->after, &s->before);
	if (code == METER_OK)
		code = meter__rate(&s->rating, s->segments, s->segment_count, period, &s->after);
	if (code != METER_OK)
		return code;
	s->lines = meter__arena_array(&s->arena, s->rating.line_count, sizeof(*s->lines));
	if (!s->lines)
		return meter__fail(METER_ENOMEM, "no memory for an invoice");
	for (size_t i = 0; i < s->rating.line_count; i++) {
		s->lines[i] = line_of(&s->arena, &s->rating.lines[i]);
		if (!s->lines[i].account)
			return meter__fail(METER_ENOMEM, "no memory for an invoice");
	}
	s->line_count = s->rating.line_count;
	s->suspended_count = s->rating.suspended_count;
	s->subtotal = s->rating.subtotal;
	s->tax = s->rating.tax;
	s->total = s->rating.total;
	s->due = s->rating.due;
	s->plan_key = s->plan->key;
	s->currency = s->plan->currency;
	s->exponent = s->plan->exponent;
	return METER_OK;
}

int meter__bill_hash_plan(struct bill *s)
{
	char hash[HASH_TEXT_SIZE];
	meter__hash(hash, meter__catalog_lines(s->catalog, s->plan->source_line, s->plan->source_end));
	s->plan_hash = meter__arena_copy(&s->arena, meter__slice_of(hash));
	return s->plan_hash ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an invoice");
}

void meter__bill_free(struct bill *s)
{
	meter__rating_free(&s->rating);
	free(s->segments);
	meter__account_free(&s->before);
	meter__account_free(&s->after);
	meter__arena_free(&s->arena);
	meter__catalog_release(s->catalog);
	*s = (struct bill){0};
}
