/* cmd_ledger.c - meter ledger: what documents mean in double entry, entry by entry or added up by account. */
#include "cli.h"

#include <string.h>

static const struct column entry_columns[] = {
	{"time", COLUMN_TEXT},    {"number", COLUMN_TEXT},   {"kind", COLUMN_TEXT},      {"subscription", COLUMN_TEXT},
	{"account", COLUMN_TEXT}, {"currency", COLUMN_TEXT}, {"amount", COLUMN_DECIMAL}, {"document", COLUMN_NUMBER},
};
static const struct column balance_columns[] = {
	{"currency", COLUMN_TEXT},
	{"account", COLUMN_TEXT},
	{"balance", COLUMN_DECIMAL},
};

static void print_entry(struct out *o, const meter_ledger *ledger)
{
	out_time(o, meter_ledger_at_us(ledger));
	out_text(o, meter_ledger_number(ledger));
	out_text(o, meter_ledger_kind(ledger));
	out_text(o, meter_ledger_subscription(ledger));
	out_text(o, meter_ledger_account(ledger));
	out_text(o, meter_ledger_currency(ledger));
	out_text(o, meter_ledger_amount(ledger));
	out_integer(o, meter_ledger_document(ledger));
}

static void print_balance(struct out *o, const meter_ledger *ledger)
{
	const char *account = meter_ledger_account(ledger);

	out_text(o, meter_ledger_currency(ledger));
	out_text(o, account ? account : "sum");
	out_text(o, meter_ledger_amount(ledger));
}

/* Rows are printed as they are read: there may be more of them than memory. result: of the step to the first one. */
static int print(meter_ledger *ledger, bool is_balances, enum format format, int result)
{
	struct out o;

	if (is_balances)
		out_begin(&o, format, balance_columns, sizeof(balance_columns) / sizeof(balance_columns[0]));
	else
		out_begin(&o, format, entry_columns, sizeof(entry_columns) / sizeof(entry_columns[0]));
	for (; result == METER_OK && !out_is_broken(); result = meter_ledger_next(ledger)) {
		if (is_balances)
			print_balance(&o, ledger);
		else
			print_entry(&o, ledger);
	}
	out_end(&o);
	return result == METER_OK || result == METER_EEND ? EXIT_DONE : cli_library_error(result);
}

static int list(const struct arguments *arguments, meter *m, int64_t from_us, int64_t to_us)
{
	const bool is_balances = opt_has(arguments, "balances");
	const char *subscription = opt_value(arguments, "subscription");
	meter_ledger *ledger;
	int result = is_balances ? meter_ledger_balances(&ledger, m, from_us, to_us, subscription, METER_NUL_TERMINATED)
	                         : meter_ledger_query(&ledger, m, from_us, to_us, subscription, METER_NUL_TERMINATED);

	if (result != METER_OK)
		return cli_call_error(arguments->verb, result);
	result = meter_ledger_next(ledger);
	int exit_code = result == METER_EEND && subscription ? subscription_check(m, subscription) : EXIT_DONE;
	if (exit_code == EXIT_DONE)
		exit_code = print(ledger, is_balances, arguments->format, result);
	meter_ledger_free(ledger);
	return exit_code;
}

static int run(const struct arguments *arguments)
{
	int64_t from_us = INT64_MIN, to_us = INT64_MAX;
	int exit_code = opt_time(&from_us, arguments, "from");

	if (exit_code == EXIT_DONE)
		exit_code = opt_time(&to_us, arguments, "to");
	if (exit_code != EXIT_DONE)
		return exit_code;
	if (from_us > to_us)
		return cli_usage_error(arguments->verb, "--from is after --to");
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);
	return m ? cli_close(m, list(arguments, m, from_us, to_us)) : EXIT_FAILED;
}

static const struct option options[] = {
	{"from", "T", "documents issued from this time on: RFC 3339, or a date, which means its midnight UTC", false},
	{"to", "T", "up to this time, which is not included", false},
	{"subscription", "S", "only of this one", false},
	{"balances", NULL, "add up by currency and account; with the sum of each currency, which is 0", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_ledger = {
	.name = "ledger",
	.operands = "",
	.summary = "list the double entries of invoices, or the balances of accounts",
	.details = "Debit is above 0, credit below; the entries of a document sum up to 0. Accounts: \"receivable "
		   "SUBSCRIPTION\", what it\n"
		   "owes; \"revenue CHARGE\", and \"revenue\" of the plan as a whole; \"tax\"; \"deferred COMMITMENT\", bought "
		   "ahead and not used\n"
		   "yet; \"credit CREDIT\", paid from a credit. A void has the entries of what it voids with the signs turned, "
		   "and its\n"
		   "number. The time is that of the document.\n"
		   "\n"
		   "  meter ledger --from 2026-01-01 --to 2026-02-01 --format csv\n"
		   "  meter ledger --balances --subscription acme\n",
	.options = options,
	.run = run,
};
