/*
 * ledger.h - what a document means in double entry: amounts on accounts that sum up to 0. (pure)
 *
 * Debit is above 0, credit below. Accounts, with "KEY" of the catalog:
 *
 *   receivable SUBSCRIPTION   what a subscription owes: the due of its documents
 *   revenue CHARGE            of a charge; "revenue" of what is billed for a plan as a whole
 *   tax                       owed to the state
 *   deferred COMMITMENT       bought ahead and not used yet
 *   credit CREDIT             paid from a credit: of customers' money, or given
 *
 * A void has the entries of what it voids with the signs turned.
 */
#ifndef METER_LEDGER_H
#define METER_LEDGER_H

#include "bill.h"

struct ledger_entry {
	const char *account;
	const char *currency;
	struct decimal amount;
};

struct ledger {
	struct ledger_entry *entries; /* in the arena */
	size_t count;
};

/* The entries of a document with these lines. due: what the subscription is to pay for them. METER_OK, METER_EOVERFLOW,
 * METER_ENOMEM; METER_ECORRUPT if the lines do not sum up to due. */
int meter__ledger_post(struct ledger *out, struct arena *arena, const struct invoice_line *lines, size_t count,
                       const char *subscription, const char *currency, struct decimal due);

#endif
