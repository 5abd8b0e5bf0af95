/*
 * catalog.h - meters, plans and subscriptions as the catalog's text gives them. (pure)
 *
 * Immutable once read, so it is shared between threads without a lock; the last meter__catalog_release() frees it.
 * Every text in it is NUL-terminated and owned by the catalog. Lists keep the order of the text unless said otherwise.
 */
#ifndef METER_CATALOG_H
#define METER_CATALOG_H

#include "arena.h"
#include "cycle.h"
#include "decimal.h"
#include "meter.h"

/* How a meter adds up. The numbers are pinned: they are stored. */
enum aggregation {
	AGGREGATION_COUNT = 1,
	AGGREGATION_SUM = 2,
	AGGREGATION_MIN = 3,
	AGGREGATION_MAX = 4,
	AGGREGATION_LATEST = 5,
	AGGREGATION_AVG = 6,
	AGGREGATION_UNIQUE_COUNT = 7,
	AGGREGATION_TIME_WEIGHTED = 8
};

struct meter_filter {
	char *property;
	char **values; /* allowed ones, sorted */
	size_t value_count;
};

#define METER_DIMENSIONS_MAX 8

struct meter_definition {
	char *key;
	char *event_type;
	enum aggregation aggregation;
	char *value; /* the property to aggregate; NULL: the event's own value. unique_count: whose distinct values count */
	char **dimensions;
	size_t dimension_count;
	struct meter_filter *filters; /* all must hold; sorted by property */
	size_t filter_count;
	char *unit;      /* NULL: not given */
	char *canonical; /* its counting rule as one JSON text, without key and unit: two meters count alike if and only if these
	                    are equal */
};

enum charge_model {
	MODEL_FLAT,
	MODEL_UNIT,
	MODEL_GRADUATED,
	MODEL_VOLUME,
	MODEL_PACKAGE,
	MODEL_PERCENTAGE,
	MODEL_GRADUATED_PERCENTAGE,
	MODEL_DYNAMIC,
	MODEL_COUNT
};

struct tier {
	bool has_up_to; /* false only on the last tier */
	struct decimal up_to;
	bool has_price;       /* a tier without price has a flat only (stairstep) */
	struct decimal price; /* graduated_percentage: the rate in percent */
	struct decimal flat;  /* zero when not given */
};

struct match {
	size_t dimension; /* index into the meter's dimensions */
	char *value;
};

struct rate {
	struct match *matches; /* all must hold; none: matches anything */
	size_t match_count;
	struct decimal price;
};

enum unmatched { UNMATCHED_SUSPEND, UNMATCHED_FREE, UNMATCHED_PRICE };

/* Keys of charges of the plan; none: all. */
struct charge_list {
	char **keys;
	size_t count;
};

enum discount_kind { DISCOUNT_PERCENT, DISCOUNT_AMOUNT, DISCOUNT_UNITS };

struct discount {
	enum discount_kind kind;
	struct decimal value;          /* percent, amount of money, or units; units only on charges */
	int64_t from_us;               /* INT64_MIN: from the beginning */
	int64_t until_us;              /* INT64_MAX: for ever */
	char *reason;                  /* NULL: not given */
	struct charge_list applies_to; /* plan discounts only */
	int32_t source_line;           /* first and last one in the text of the catalog */
	int32_t source_end;
};

/* An optional amount. */
struct amount {
	bool is_set;
	struct decimal value;
};

/* What happens to a quantity before it is priced. */
enum conversion { CONVERSION_NONE, CONVERSION_DIVIDE, CONVERSION_MULTIPLY };

struct charge {
	char *key;
	char *name; /* NULL: not given */
	enum charge_model model;
	const struct meter_definition *meter; /* NULL only for flat */
	struct decimal amount;                /* flat */
	bool is_prorated;                     /* flat: proration: time */
	struct decimal price;                 /* unit without rates, package */
	struct decimal per;                   /* > 0; 1 when not given */
	struct decimal included;              /* >= 0 */
	struct tier *tiers;                   /* graduated, volume: at least one */
	size_t tier_count;
	bool flat_at_zero;
	struct decimal rate;                        /* percentage: percent */
	struct decimal per_event;                   /* percentage: what each event costs besides; 0: nothing */
	struct decimal free_units;                  /* percentage */
	int64_t free_events;                        /* percentage: the first ones cost nothing */
	struct amount event_minimum, event_maximum; /* percentage: of what one event costs */
	struct decimal multiplier;                  /* dynamic; 1 when not given */
	size_t *group_by;                           /* dimensions of the meter: each group is priced on its own */
	size_t group_by_count;
	enum conversion conversion;
	struct decimal convert_by; /* > 0 */
	struct decimal round_to;   /* 0: not rounded */
	enum rounding round_mode;
	char *tax_category; /* NULL: not taxed */
	struct decimal tax_percent;
	struct rate *rates; /* unit: first match wins; NULL: price holds for everything */
	size_t rate_count;
	enum unmatched unmatched;
	struct decimal unmatched_price;
	struct amount minimum;
	struct amount maximum;
	struct discount *discounts;
	size_t discount_count;
	int32_t source_line; /* first and last one in the text of the catalog */
	int32_t source_end;
};

/* Money that is not of ISO 4217. */
struct money_unit {
	char *key;
	int32_t exponent;
	char *currency; /* what one of it is worth: price in this currency of ISO 4217; NULL: nobody says */
	int32_t currency_exponent;
	struct decimal price;
};

enum grant_kind { GRANT_PAYMENT, GRANT_GIFT, GRANT_PREPAID, GRANT_POSTPAID };

/* A credit (payment or gift), or a commitment (prepaid or postpaid). */
struct grant {
	char *key;
	enum grant_kind kind;
	struct decimal amount;
	int64_t from_us;  /* INT64_MIN: from the beginning */
	int64_t until_us; /* INT64_MAX: for ever */
	int64_t priority; /* the least comes first */
	bool rolls_over;  /* prepaid: what is left at the end of the term can still be used */
	struct charge_list applies_to;
	int32_t source_line; /* first and last one in the text of the catalog */
	int32_t source_end;
};

struct plan {
	char *key;
	char *name;
	char *currency;                /* of ISO 4217, or a unit of the catalog */
	int32_t exponent;              /* of the currency */
	const struct money_unit *unit; /* that the currency is; NULL: of ISO 4217 */
	enum cycle_unit period;
	int64_t effective_from_us;
	int64_t grace_us;
	bool credits_late;        /* late usage gets a document of its own; else it waits for the next invoice */
	char *invoice_prefix;     /* of numbers */
	char *credit_note_prefix; /* another one */
	enum rounding rounding;
	struct amount minimum;
	struct amount maximum;
	struct charge *charges;
	size_t charge_count;
	struct discount *discounts;
	size_t discount_count;
	struct grant *grants; /* sorted by (priority, until, key) */
	size_t grant_count;
	int32_t source_line; /* first and last one in the text of the catalog */
	int32_t source_end;
	int32_t minimum_line; /* where these stand, or the plan without them */
	int32_t maximum_line;
};

struct subscription_plan {
	char *plan; /* key; every version of it has this key */
	int64_t from_us;
};

struct subscription {
	char *key;
	char *customer;
	struct subscription_plan *plans; /* rising from_us; the first is the subscription's own from */
	size_t plan_count;
	int64_t from_us;
	int64_t until_us;       /* INT64_MAX: no end */
	int64_t trial_until_us; /* INT64_MIN: no trial */
	struct period *pauses;  /* rising, apart from each other */
	size_t pause_count;
	const struct zone *zone; /* its days begin at midnight there; NULL: UTC */
	bool is_anniversary;     /* periods begin at the day it did; else those of the calendar */
	int32_t source_line;     /* first one in the text of the catalog */
};

/* Time zones that subscriptions name. */
struct catalog_zone {
	char *name;
	struct zone *zone;
};

struct meter_catalog {
	int32_t references; /* atomic */
	struct arena arena; /* holds everything below */
	char *text;         /* as it came, NUL-terminated */
	size_t text_size;
	struct meter_definition *meters;
	size_t meter_count;
	struct money_unit *units;
	size_t unit_count;
	struct plan *plans;
	size_t plan_count;
	struct subscription *subscriptions; /* sorted by key */
	size_t subscription_count;
	struct catalog_zone *zones; /* loaded once each; on the heap */
	size_t zone_count;
	const struct meter_definition **meters_by_key; /* sorted */
	const struct plan **plans_by_key;              /* sorted by key, then effective_from */
};

/* See meter_catalog_read(). The catalog has one reference. */
int meter__catalog_read(struct meter_catalog **out, const char *name, const char *text, size_t size);
struct meter_catalog *meter__catalog_retain(struct meter_catalog *catalog);
void meter__catalog_release(struct meter_catalog *catalog); /* NULL is fine */

const struct meter_definition *meter__catalog_meter(const struct meter_catalog *catalog, struct slice key); /* NULL: none */
bool meter__catalog_is_metered(const struct meter_catalog *catalog, struct slice type); /* a meter counts events of this type */
const struct subscription *meter__catalog_subscription(const struct meter_catalog *catalog, struct slice key); /* NULL: none */
const struct money_unit *meter__catalog_unit(const struct meter_catalog *catalog, const char *key); /* NULL: none */
/* Lines first..last of the catalog's text, counted from 1, with the end of the last one. */
struct slice meter__catalog_lines(const struct meter_catalog *catalog, int32_t first, int32_t last);
/* The version of the plan in force at us: the latest effective_from not after it. NULL: none. */
const struct plan *meter__catalog_plan(const struct meter_catalog *catalog, struct slice key, int64_t us);
/* As the catalog writes them. */
const char *meter__aggregation_name(enum aggregation aggregation);
const char *meter__charge_model_name(enum charge_model model);
/* Whether its price depends on single events, not only on their sum. */
bool meter__charge_needs_events(const struct charge *charge);
/* Whether any version has this key. */
bool meter__catalog_has_plan(const struct meter_catalog *catalog, struct slice key);

#endif
