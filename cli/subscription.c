/*
 * subscription.c - whether there is a subscription of a name, asked by who found nothing of it: a name that is mistyped must not
 * look like one that used nothing.
 */
#include "cli.h"

#include <string.h>

/* METER_ENOTFOUND: there is no catalog yet. */
static int is_declared(bool *out, meter *m, const char *subscription)
{
	meter_subscriptions *declared;
	int result = meter_subscriptions_query(&declared, m);

	*out = false;
	if (result != METER_OK)
		return result;
	while (!*out && meter_subscriptions_next(declared) == METER_OK)
		*out = !strcmp(meter_subscriptions_key(declared), subscription);
	meter_subscriptions_free(declared);
	return METER_OK;
}

/* Events may be there before the catalog learns of their subscription, and documents after it has forgotten it. */
static int has_left_traces(bool *out, meter *m, const char *subscription)
{
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	meter_events *events;
	meter_ledger *ledger;

	filter.subscription = subscription;
	int result = meter_events_query(&events, m, &filter);
	if (result == METER_OK)
		result = meter_events_next(events);
	meter_events_free(events);
	*out = result == METER_OK;
	if (result != METER_EEND)
		return result;
	result = meter_ledger_query(&ledger, m, INT64_MIN, INT64_MAX, subscription, METER_NUL_TERMINATED);
	if (result != METER_OK)
		return result;
	result = meter_ledger_next(ledger);
	meter_ledger_free(ledger);
	*out = result == METER_OK;
	return result == METER_EEND ? METER_OK : result;
}

bool subscription_is_undeclared(meter *m, const char *subscription)
{
	bool is_known;

	return is_declared(&is_known, m, subscription) == METER_OK && !is_known;
}

int subscription_check(meter *m, const char *subscription)
{
	bool is_known;
	int result = is_declared(&is_known, m, subscription);

	if (result == METER_ENOTFOUND || (result == METER_OK && !is_known))
		result = has_left_traces(&is_known, m, subscription);
	if (result != METER_OK)
		return cli_library_error(result);
	if (is_known)
		return EXIT_DONE;
	cli_message("no subscription \"%s\": neither the catalog in force nor any event or invoice has it", subscription);
	return EXIT_FAILED;
}
