/* subscriptions.c - the subscriptions of the catalog in force, one after the other. */
#include <stdlib.h>

#include "error.h"
#include "internal.h"

struct meter_subscriptions {
	struct meter_catalog *catalog;
	size_t next;
};

int meter_subscriptions_query(meter_subscriptions **out, meter *m)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	struct reader *r;
	struct meter_catalog *catalog;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_catalog(r, &catalog);
	meter__store_reader_done(r);
	if (code == METER_OK && !catalog)
		code = meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	if (code != METER_OK)
		return code;
	*out = calloc(1, sizeof(**out));
	if (!*out) {
		meter__catalog_release(catalog);
		return meter__fail(METER_ENOMEM, "no memory for a list");
	}
	(*out)->catalog = catalog;
	return METER_OK;
}

int meter_subscriptions_next(meter_subscriptions *s)
{
	REQUIRE(s);
	if (s->next == s->catalog->subscription_count)
		return METER_EEND;
	s->next++;
	return METER_OK;
}

static const struct subscription *current(const meter_subscriptions *s)
{
	return s && s->next > 0 ? &s->catalog->subscriptions[s->next - 1] : NULL;
}

const char *meter_subscriptions_key(const meter_subscriptions *s)
{
	return current(s) ? current(s)->key : NULL;
}

const char *meter_subscriptions_customer(const meter_subscriptions *s)
{
	return current(s) ? current(s)->customer : NULL;
}

void meter_subscriptions_free(meter_subscriptions *s)
{
	if (!s)
		return;
	meter__catalog_release(s->catalog);
	free(s);
}
