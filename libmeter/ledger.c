/* ledger.c - see ledger.h. (pure) */
#include "ledger.h"

#include <string.h>

#include "error.h"

static int post(struct ledger *ledger, const char *account, const char *currency, struct decimal amount)
{
	size_t at = 0;
	while (at < ledger->count && strcmp(ledger->entries[at].account, account) != 0)
		at++;
	struct ledger_entry *entry = &ledger->entries[at];
	if (at == ledger->count) {
		*entry = (struct ledger_entry){account, currency, amount};
		ledger->count++;
		return METER_OK;
	}
	return meter__decimal_add(&entry->amount, entry->amount, amount);
}

static void drop_zeros(struct ledger *ledger)
{
	size_t kept = 0;
	for (size_t i = 0; i < ledger->count; i++) {
		if (!meter__decimal_is_zero(ledger->entries[i].amount))
			ledger->entries[kept++] = ledger->entries[i];
	}
	ledger->count = kept;
}

int meter__ledger_post(struct ledger *out, struct arena *arena, const struct invoice_line *lines, size_t count,
                       const char *subscription, const char *currency, struct decimal due)
{
	static const char receivable[] = "receivable ";
	char *owed = meter__arena_array(arena, sizeof(receivable) + strlen(subscription), 1);
	*out = (struct ledger){meter__arena_array(arena, count + 1, sizeof(*out->entries)), 0};
	if (!owed || !out->entries)
		return meter__fail(METER_ENOMEM, "no memory for a ledger");
	memcpy(owed, receivable, sizeof(receivable) - 1);
	memcpy(owed + sizeof(receivable) - 1, subscription, strlen(subscription));
	int code = post(out, owed, currency, due);
	struct decimal sum = due;
	for (size_t i = 0; i < count && code == METER_OK; i++) {
		if (!lines[i].has_amount)
			continue;
		const struct decimal amount = meter__decimal_negate(lines[i].amount);
		code = post(out, lines[i].account, currency, amount);
		if (code == METER_OK)
			code = meter__decimal_add(&sum, sum, amount);
	}
	if (code != METER_OK)
		return meter__fail(code, "an amount of the ledger does not fit into 38 digits");
	if (!meter__decimal_is_zero(sum))
		return meter__fail(METER_ECORRUPT, "the lines of %s do not sum up to what is due", subscription);
	drop_zeros(out);
	return METER_OK;
}
