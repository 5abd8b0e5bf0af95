/*
 * test_catalog.c - the catalog's language: what a text means, and every way it can be wrong, with the exact message.
 *
 * Texts are put together from a few beginnings, so that a row of a table shows only the line it is about:
 *
 *     METERS        lines 1 to 4    meters calls and tokens
 *     PLAN          lines 1 to 9    ... and a plan p up to its charges
 *     CHARGE(...)   line 11         ... with one charge
 *     SUBSCRIPTION  line 12         ... a plan without charges, and a subscription
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog.h"
#include "instant.h"
#include "meter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define METERS                                                                                                                   \
	"version: 1\n"                                                                                                           \
	"meters:\n"                                                                                                              \
	"  calls: {event_type: c, aggregation: count}\n"                                                                         \
	"  tokens: {event_type: c, aggregation: sum, value: n, dimensions: [model, kind]}\n"
#define PLAN                                                                                                                     \
	METERS "plans:\n"                                                                                                        \
	       "  - key: p\n"                                                                                                    \
	       "    currency: USD\n"                                                                                             \
	       "    period: month\n"                                                                                             \
	       "    effective_from: 2026-01-01T00:00:00Z\n"
#define CHARGES PLAN "    charges:\n"
#define CHARGE(text) CHARGES "      - {key: a, " text "}\n"
#define TIERS(text) CHARGE("meter: calls, model: graduated, tiers: " text)
#define RATES(text) CHARGE("meter: tokens, model: unit, " text)
#define SUBSCRIPTION(text) PLAN "    charges: []\nsubscriptions:\n  s: {customer: c, " text "}\n"

static struct meter_catalog *must_read(const char *text)
{
	struct meter_catalog *catalog;

	if (meter__catalog_read(&catalog, "t.yaml", text, strlen(text)) != METER_OK)
		fail_msg("%s\n%s", meter_errmsg(), text);
	return catalog;
}

struct refused {
	const char *text;
	const char *message;
	const char *why;
};

/* Shows every row that differs before it fails. */
static void expect_refused(const struct refused *rows, size_t count, int expected)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		meter_catalog *catalog;
		int result = meter_catalog_read(&catalog, "t.yaml", rows[i].text, METER_NUL_TERMINATED);
		const char *message = result == METER_OK ? "no error" : meter_errmsg();
		if (result == expected && catalog == NULL && strcmp(message, rows[i].message) == 0)
			continue;
		print_error("%s\n  gives    %d %s\n  expected %d %s\n%s", rows[i].why, result, message, expected, rows[i].message,
		            rows[i].text);
		meter_catalog_free(catalog);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* ---- meaning ---- */

static void assert_decimal(struct decimal actual, const char *expected)
{
	char text[DECIMAL_TEXT_SIZE];

	meter__decimal_format(text, actual);
	assert_string_equal(text, expected);
}

static void assert_instant(int64_t actual, const char *expected)
{
	char text[INSTANT_TEXT_SIZE];

	meter__instant_format(text, actual);
	assert_string_equal(text, expected);
}

static const char whole[] =
	"version: 1\n"
	"meters:\n"
	"  tokens: {event_type: llm.call, aggregation: sum, value: tokens, dimensions: [model, kind], filter: {env: [prod]},\n"
	"           unit: token, unit_code: C62}\n"
	"  api_calls: {event_type: api.request, aggregation: count}\n"
	"  exports: {event_type: export, aggregation: latest}\n"
	"plans:\n"
	"  - key: api-pro\n"
	"    name: API Pro\n"
	"    currency: USD\n"
	"    period: month\n"
	"    effective_from: 2026-01-01T00:00:00Z\n"
	"    grace: 12h\n"
	"    rounding: half_even\n"
	"    minimum: \"500.00\"\n"
	"    maximum: 9000\n"
	"    charges:\n"
	"      - {key: base, name: Base fee, model: flat, amount: \"49.00\", bill: in_advance, proration: time}\n"
	"      - key: calls\n"
	"        meter: api_calls\n"
	"        model: graduated\n"
	"        included: 100000\n"
	"        per: 1000\n"
	"        flat_at_zero: true\n"
	"        tiers:\n"
	"          - {up_to: 1000000, price: \"0.50\", flat: \"1\"}\n"
	"          - {flat: \"0.40\"}\n"
	"        discounts: [{percent: \"10\", until: 2026-04-01T00:00:00Z, reason: launch offer}]\n"
	"      - key: tokens\n"
	"        meter: tokens\n"
	"        model: unit\n"
	"        per: 1000000\n"
	"        rates:\n"
	"          - {match: {kind: input, model: large-1}, price: \"3.00\"}\n"
	"          - {match: {}, price: 0.1}\n"
	"        unmatched: {price: \"7\"}\n"
	"      - {key: exports, meter: exports, model: package, per: 10, price: \"2.00\", minimum: \"0\", maximum: \"40.00\"}\n"
	"    discounts: [{amount: \"5\", from: 2026-02-01T00:00:00+01:00, applies_to: [calls, base]}]\n"
	"    commitments: []\n"
	"    credits: []\n"
	"subscriptions:\n"
	"  zeta: {customer: Z, plan: api-pro, from: 2026-01-15T00:00:00Z, until: 2026-03-01T00:00:00Z, timezone: Etc/UTC}\n"
	"  acme: {customer: Acme Inc., plan: [{plan: api-pro, from: 2026-01-01T00:00:00Z},\n"
	"                                     {plan: api-pro, from: 2026-05-01T00:00:00Z}], timezone: UTC, anchor: calendar}\n";

static void test_meters_are_read_whole(void **state)
{
	struct meter_catalog *catalog = must_read(whole);
	const struct meter_definition *tokens = meter__catalog_meter(catalog, meter__slice_of("tokens"));

	(void)state;
	assert_int_equal(meter_catalog_meter_count(catalog), 3);
	assert_ptr_equal(tokens, &catalog->meters[0]);
	assert_string_equal(tokens->event_type, "llm.call");
	assert_int_equal(tokens->aggregation, AGGREGATION_SUM);
	assert_string_equal(tokens->value, "tokens");
	assert_int_equal(tokens->dimension_count, 2);
	assert_string_equal(tokens->dimensions[0], "model");
	assert_string_equal(tokens->dimensions[1], "kind");
	assert_int_equal(tokens->filter_count, 1);
	assert_string_equal(tokens->filters[0].property, "env");
	assert_string_equal(tokens->filters[0].values[0], "prod");
	assert_string_equal(tokens->unit, "token");
	assert_null(catalog->meters[1].value);
	assert_null(catalog->meters[1].unit);
	assert_int_equal(catalog->meters[1].aggregation, AGGREGATION_COUNT);
	assert_int_equal(catalog->meters[2].aggregation, AGGREGATION_LATEST);
	meter_catalog_free(catalog);
}

static void test_plan_is_read_whole(void **state)
{
	struct meter_catalog *catalog = must_read(whole);
	const struct plan *plan = &catalog->plans[0];

	(void)state;
	assert_int_equal(meter_catalog_plan_count(catalog), 1);
	assert_string_equal(plan->key, "api-pro");
	assert_string_equal(plan->name, "API Pro");
	assert_string_equal(plan->currency, "USD");
	assert_int_equal(plan->exponent, 2);
	assert_instant(plan->effective_from_us, "2026-01-01T00:00:00Z");
	assert_int_equal(plan->grace_us, 12 * US_PER_HOUR);
	assert_int_equal(plan->rounding, ROUND_HALF_EVEN);
	assert_true(plan->minimum.is_set);
	assert_decimal(plan->minimum.value, "500");
	assert_decimal(plan->maximum.value, "9000");
	assert_int_equal(plan->charge_count, 4);
	assert_int_equal(plan->discount_count, 1);
	assert_int_equal(plan->discounts[0].kind, DISCOUNT_AMOUNT);
	assert_decimal(plan->discounts[0].value, "5");
	assert_instant(plan->discounts[0].from_us, "2026-01-31T23:00:00Z");
	assert_true(plan->discounts[0].until_us == INT64_MAX);
	assert_null(plan->discounts[0].reason);
	assert_int_equal(plan->discounts[0].applies_to.count, 2);
	assert_string_equal(plan->discounts[0].applies_to.keys[1], "base");
	meter_catalog_free(catalog);
}

static void test_charges_are_read_whole(void **state)
{
	struct meter_catalog *catalog = must_read(whole);
	const struct charge *base = &catalog->plans[0].charges[0];
	const struct charge *calls = base + 1;
	const struct charge *tokens = base + 2;
	const struct charge *exports = base + 3;

	(void)state;
	assert_int_equal(base->model, MODEL_FLAT);
	assert_string_equal(base->name, "Base fee");
	assert_null(base->meter);
	assert_decimal(base->amount, "49");
	assert_true(base->is_prorated);
	assert_decimal(base->per, "1");
	assert_false(base->minimum.is_set);

	assert_int_equal(calls->model, MODEL_GRADUATED);
	assert_string_equal(calls->meter->key, "api_calls");
	assert_decimal(calls->included, "100000");
	assert_decimal(calls->per, "1000");
	assert_true(calls->flat_at_zero);
	assert_int_equal(calls->tier_count, 2);
	assert_true(calls->tiers[0].has_up_to && calls->tiers[0].has_price);
	assert_decimal(calls->tiers[0].up_to, "1000000");
	assert_decimal(calls->tiers[0].price, "0.5");
	assert_decimal(calls->tiers[0].flat, "1");
	assert_false(calls->tiers[1].has_up_to || calls->tiers[1].has_price);
	assert_decimal(calls->tiers[1].flat, "0.4");
	assert_int_equal(calls->discount_count, 1);
	assert_int_equal(calls->discounts[0].kind, DISCOUNT_PERCENT);
	assert_decimal(calls->discounts[0].value, "10");
	assert_true(calls->discounts[0].from_us == INT64_MIN);
	assert_instant(calls->discounts[0].until_us, "2026-04-01T00:00:00Z");
	assert_string_equal(calls->discounts[0].reason, "launch offer");

	assert_int_equal(tokens->rate_count, 2);
	assert_int_equal(tokens->rates[0].match_count, 2);
	assert_int_equal(tokens->rates[0].matches[0].dimension, 1); /* kind, the second dimension of the meter */
	assert_string_equal(tokens->rates[0].matches[0].value, "input");
	assert_decimal(tokens->rates[0].price, "3");
	assert_int_equal(tokens->rates[1].match_count, 0);
	assert_decimal(tokens->rates[1].price, "0.1"); /* unquoted, and exact all the same */
	assert_int_equal(tokens->unmatched, UNMATCHED_PRICE);
	assert_decimal(tokens->unmatched_price, "7");

	assert_int_equal(exports->model, MODEL_PACKAGE);
	assert_null(exports->rates);
	assert_true(exports->minimum.is_set);
	assert_decimal(exports->minimum.value, "0");
	assert_decimal(exports->maximum.value, "40");
	meter_catalog_free(catalog);
}

static void test_subscriptions_are_sorted_and_found(void **state)
{
	struct meter_catalog *catalog = must_read(whole);
	const struct subscription *acme = meter__catalog_subscription(catalog, meter__slice_of("acme"));
	const struct subscription *zeta = meter__catalog_subscription(catalog, meter__slice_of("zeta"));

	(void)state;
	assert_int_equal(meter_catalog_subscription_count(catalog), 2);
	assert_ptr_equal(acme, &catalog->subscriptions[0]);
	assert_ptr_equal(zeta, &catalog->subscriptions[1]);
	assert_null(meter__catalog_subscription(catalog, meter__slice_of("acm")));
	assert_null(meter__catalog_subscription(catalog, meter__slice_of("acmee")));
	assert_string_equal(acme->customer, "Acme Inc.");
	assert_int_equal(acme->plan_count, 2);
	assert_instant(acme->from_us, "2026-01-01T00:00:00Z");
	assert_instant(acme->plans[1].from_us, "2026-05-01T00:00:00Z");
	assert_true(acme->until_us == INT64_MAX);
	assert_int_equal(zeta->plan_count, 1);
	assert_string_equal(zeta->plans[0].plan, "api-pro");
	assert_instant(zeta->plans[0].from_us, "2026-01-15T00:00:00Z");
	assert_instant(zeta->until_us, "2026-03-01T00:00:00Z");
	meter_catalog_free(catalog);
}

static void test_defaults(void **state)
{
	struct meter_catalog *catalog =
		must_read(CHARGE("meter: calls, model: unit, price: \"0\"") "      - {key: b, model: flat, amount: 1}\n");
	const struct plan *plan = &catalog->plans[0];

	(void)state;
	assert_null(plan->name);
	assert_int_equal(plan->grace_us, 0);
	assert_int_equal(plan->rounding, ROUND_HALF_UP);
	assert_false(plan->minimum.is_set || plan->maximum.is_set);
	assert_decimal(plan->charges[0].per, "1");
	assert_decimal(plan->charges[0].included, "0");
	assert_int_equal(plan->charges[0].unmatched, UNMATCHED_SUSPEND);
	assert_null(plan->charges[0].name);
	assert_false(plan->charges[1].is_prorated);
	meter_catalog_free(catalog);
}

static void test_version_in_force_is_the_latest_not_after(void **state)
{
	static const char text[] =
		"version: 1\n"
		"plans:\n"
		"  - {key: p, currency: USD, period: month, effective_from: 2026-03-01T00:00:00Z, charges: []}\n"
		"  - {key: q, currency: JPY, period: month, effective_from: 2020-01-01T00:00:00Z, charges: []}\n"
		"  - {key: p, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z, charges: []}\n";
	static const struct {
		const char *key;
		const char *at;
		const char *currency; /* NULL: no plan */
	} rows[] = {
		{"p", "2025-12-31T23:59:59.999999Z", NULL},  {"p", "2026-01-01T00:00:00Z", "EUR"},
		{"p", "2026-02-28T23:59:59.999999Z", "EUR"}, {"p", "2026-03-01T00:00:00Z", "USD"},
		{"p", "9999-12-31T00:00:00Z", "USD"},        {"q", "2019-12-31T00:00:00Z", NULL},
		{"q", "2026-01-01T00:00:00Z", "JPY"},        {"o", "2026-01-01T00:00:00Z", NULL},
		{"pp", "2026-05-01T00:00:00Z", NULL},        {"", "2026-05-01T00:00:00Z", NULL},
	};
	struct meter_catalog *catalog = must_read(text);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t at_us;
		assert_int_equal(meter__instant_parse(&at_us, rows[i].at, strlen(rows[i].at), METER_TIME_RFC3339), METER_OK);
		const struct plan *plan = meter__catalog_plan(catalog, meter__slice_of(rows[i].key), at_us);
		assert_true((plan == NULL) == (rows[i].currency == NULL));
		if (plan != NULL)
			assert_string_equal(plan->currency, rows[i].currency);
	}
	assert_true(meter__catalog_has_plan(catalog, meter__slice_of("p")));
	assert_false(meter__catalog_has_plan(catalog, meter__slice_of("r")));
	meter_catalog_free(catalog);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: refused */
	} rows[] = {
		{"12h", 12 * US_PER_HOUR},
		{"30m", 30 * US_PER_MINUTE},
		{"90s", 90 * US_PER_SECOND},
		{"2d", 2 * US_PER_DAY},
		{"0s", 0},
		{"366d", 366 * US_PER_DAY},
		{"PT12H", 12 * US_PER_HOUR},
		{"P2D", 2 * US_PER_DAY},
		{"P1DT2H3M4S", US_PER_DAY + 2 * US_PER_HOUR + 3 * US_PER_MINUTE + 4 * US_PER_SECOND},
		{"PT90S", 90 * US_PER_SECOND},
		{"367d", -1},
		{"P366DT1S", -1},
		{"99999999d", -1},
		{"P99999999DT99999999H99999999M99999999S", -1},
		{"100000000s", -1},
		{"213503983d", -1}, /* would wrap to less than a day */
		{"P213503983D", -1},
		{"12", -1},
		{"h", -1},
		{"12H", -1},
		{"1h30m", -1},
		{"1.5h", -1},
		{"-1h", -1},
		{"12 h", -1},
		{"P", -1},
		{"PT", -1},
		{"P1DT", -1},
		{"P1H", -1},
		{"PT1D", -1},
		{"PT1M1H", -1},
		{"PT1H1H", -1},
		{"PTT1H", -1},
		{"P1M", -1},
		{"P1W", -1},
		{"pt1h", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1000];
		meter_catalog *catalog;
		snprintf(text, sizeof(text), "%s    charges: []\n    grace: %s\n", PLAN, rows[i].text);
		int result = meter_catalog_read(&catalog, "t.yaml", text, METER_NUL_TERMINATED);
		if (rows[i].us < 0 ? result != METER_ECATALOG : result != METER_OK || catalog->plans[0].grace_us != rows[i].us)
			fail_msg("%s: %d %s", rows[i].text, result, result == METER_OK ? "" : meter_errmsg());
		meter_catalog_free(catalog);
	}
}

static void test_other_accepted_texts(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} rows[] = {
		{"version: 1\n", "nothing declared yet"},
		{"version: \"1\"\nmeters: {}\nplans: []\nsubscriptions: {}\n", "empty sections"},
		{"subscriptions:\n  s: {customer: c, plan: p, from: 2026-01-01T00:00:00Z}\n"
	         "plans:\n"
	         "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: a, meter: m, "
	         "model: unit,\n"
	         "     price: 1}]}\n"
	         "meters: {m: {event_type: e, aggregation: min}}\nversion: 1\n",
	         "sections in any order"},
		{CHARGE("meter: calls, model: volume, tiers: [{flat: \"5\"}]"), "stairstep: a flat and no price"},
		{CHARGE("meter: calls, model: unit, price: \"1\", proration: none, bill: in_arrears"), "what changes nothing"},
		{CHARGE("meter: calls, model: unit, price: \"1\", discounts: []"), "an empty list"},
		{CHARGE("model: flat, amount: 0"), "an amount of 0 is an amount"},
		{CHARGE("model: flat, amount: 1, minimum: 2, maximum: 2"), "minimum and maximum may be equal"},
		{CHARGE("model: flat, amount: 1, discounts: [{percent: 0}, {percent: 100}, {amount: 0}]"),
	         "discounts at their limits"},
		{RATES("rates: [{match: {model: \"\"}, price: 1}], unmatched: free"), "an empty value can be matched"},
		{RATES("rates: [{match: {model: \"null\"}, price: 1}], unmatched: suspend"), "null in quotes is text"},
		{SUBSCRIPTION("from: 2026-01-01T00:00:00Z, plan: [{plan: p, from: 2026-01-01T00:00:00Z}]"),
	         "from twice, the same"},
		{"version: 1\nmeters: {m: {event_type: e, aggregation: max, dimensions: [a, b, c, d, e, f, g, h]}}\n",
	         "eight dimensions"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		meter_catalog *catalog;
		if (meter_catalog_read(&catalog, "t.yaml", rows[i].text, METER_NUL_TERMINATED) != METER_OK)
			fail_msg("%s\n%s\n%s", rows[i].why, meter_errmsg(), rows[i].text);
		meter_catalog_free(catalog);
	}
}

/* ---- refused ---- */

static void test_wrong_yaml_is_refused(void **state)
{
	static const struct refused rows[] = {
		{"", "t.yaml:1:1: the text is empty", "empty"},
		{"a: &a [x, x]\nb: [*a, *a]\n", "t.yaml:1:4: anchor \"&a\"; anchors are not allowed", "alias bomb"},
		{"version: 1\nmeters:\n\tcalls: {}\n", "t.yaml:3:1: a tab; YAML is indented with blanks only", "tab"},
		{"version: 1\nversion: 1\n", "t.yaml:2:1: duplicate key \"version\", first given at line 1", "duplicate key"},
		{"[]", "t.yaml:1:1: a mapping was expected, not a list", "a list at the top"},
		{"hello", "t.yaml:1:1: a mapping was expected, not text", "text at the top"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_wrong_top_level_is_refused(void **state)
{
	static const struct refused rows[] = {
		{"meters: {}\n", "t.yaml:1:1: \"version\" is missing", "no version"},
		{"version: 2\n", "t.yaml:1:10: \"2\": version 1 was expected", "a newer version"},
		{"version: 1e0\n", "t.yaml:1:10: \"1e0\": a decimal was expected, like -12.50", "an exponent"},
		{"version: 1\nmeter: {}\n",
	         "t.yaml:2:1: unknown key \"meter\"; allowed are version, meters, plans, subscriptions, units", "unknown key"},
		{"version: 1\nmeters: []\n", "t.yaml:2:9: a mapping was expected, not a list", "meters as a list"},
		{"version: 1\nplans: {}\n", "t.yaml:2:8: a list was expected, not a mapping", "plans as a mapping"},
		{"version: 1\nplans:\n", "t.yaml:2:7: a list was expected, not text", "plans left empty"},
		{"version: 1\nsubscriptions: x\n", "t.yaml:2:16: a mapping was expected, not text", "subscriptions as text"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

#define METER(text) "version: 1\nmeters:\n  m: {" text "}\n"

static void test_wrong_meter_is_refused(void **state)
{
	static const struct refused rows[] = {
		{METER("aggregation: sum"), "t.yaml:3:6: \"event_type\" is missing", "no event type"},
		{METER("event_type: e"), "t.yaml:3:6: \"aggregation\" is missing", "no aggregation"},
		{METER("event_type: e, aggregation: median"),
	         "t.yaml:3:35: \"median\": count, sum, min, max, latest, avg, unique_count or time_weighted was expected",
	         "unknown aggregation"},
		{METER("event_type: e, aggregation: [sum]"), "t.yaml:3:35: text was expected, not a list", "a list for a word"},
		{METER("event_type: , aggregation: sum"),
	         "t.yaml:3:19: text was expected, not nothing; if null is meant as text, it needs quotes", "empty type"},
		{METER("event_type: null, aggregation: sum"),
	         "t.yaml:3:19: text was expected, not nothing; if null is meant as text, it needs quotes", "null"},
		{METER("event_type: \"\", aggregation: sum"), "t.yaml:3:19: text of 0 bytes; 1 to 128 are allowed",
	         "quoted empty type"},
		{METER("event_type: \"a\\tb\", aggregation: sum"), "t.yaml:3:19: text with control characters",
	         "control character"},
		{METER("event_type: e, aggregation: count, value: n"),
	         "t.yaml:3:42: \"value\" with aggregation count, which counts events", "count of a value"},
		{METER("event_type: e, aggregation: sum, dimensions: model"), "t.yaml:3:52: a list was expected, not text",
	         "one dimension"},
		{METER("event_type: e, aggregation: sum, dimensions: [a, b, a]"), "t.yaml:3:59: dimension \"a\" is listed twice",
	         "dimension twice"},
		{METER("event_type: e, aggregation: sum, dimensions: [subscription]"),
	         "t.yaml:3:53: \"subscription\" cannot be a dimension: usage can always be grouped by it", "reserved dimension"},
		{METER("event_type: e, aggregation: sum, dimensions: [a, b, c, d, e, f, g, h, i]"),
	         "t.yaml:3:52: 9 dimensions; at most 8 are allowed", "nine dimensions"},
		{METER("event_type: e, aggregation: sum, filter: {env: prod}"), "t.yaml:3:54: a list was expected, not text",
	         "filter without list"},
		{METER("event_type: e, aggregation: sum, filter: {env: []}"),
	         "t.yaml:3:54: an empty list; at least one allowed value was expected", "filter that allows nothing"},
		{METER("event_type: e, aggregation: sum, filter: {env: [a, b, a]}"), "t.yaml:3:54: value \"a\" is listed twice",
	         "filter value twice"},
		{METER("event_type: e, aggregation: sum, filter: [env]"), "t.yaml:3:48: a mapping was expected, not a list",
	         "filter as a list"},
		{METER("event_type: e, aggregation: sum, Unit: x"),
	         "t.yaml:3:40: unknown key \"Unit\"; allowed are event_type, aggregation, value, dimensions, filter, unit, "
	         "unit_code",
	         "unknown key"},
		{"version: 1\nmeters: {\"\": {event_type: e, aggregation: sum}}\n",
	         "t.yaml:2:10: text of 0 bytes; 1 to 128 are allowed", "empty key"},
		{"version: 1\nmeters: {m: sum}\n", "t.yaml:2:13: a mapping was expected, not text", "a meter as text"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_wrong_plan_is_refused(void **state)
{
	static const struct refused rows[] = {
		{PLAN, "t.yaml:6:5: \"charges\" is missing", "no charges"},
		{"version: 1\nplans: [{key: p, period: month, effective_from: 2026-01-01T00:00:00Z, charges: []}]\n",
	         "t.yaml:2:9: \"currency\" is missing", "no currency"},
		{"version: 1\nplans: [{key: p, currency: USD, effective_from: 2026-01-01T00:00:00Z, charges: []}]\n",
	         "t.yaml:2:9: \"period\" is missing", "no period"},
		{"version: 1\nplans: [{key: p, currency: USD, period: month, charges: []}]\n",
	         "t.yaml:2:9: \"effective_from\" is missing", "no effective_from"},
		{"version: 1\nplans: [{key: p, currency: USD, period: month, effective_from: 2026-01-01, charges: []}]\n",
	         "t.yaml:2:64: \"2026-01-01\": a time with a zone was expected, like 2026-01-31T23:59:59Z", "a date only"},
		{"version: 1\nplans: [{key: p, currency: usd, period: month, effective_from: 2026-01-01T00:00:00Z, charges: "
	         "[]}]\n",
	         "t.yaml:2:28: \"usd\": a currency of ISO 4217 was expected, like USD, or one of \"units\"", "unknown currency"},
		{"version: 1\nplans: [{key: p, currency: USD, period: P1M, effective_from: 2026-01-01T00:00:00Z, charges: []}]\n",
	         "t.yaml:2:41: \"P1M\": day, week, month, quarter or year was expected", "unknown period"},
		{PLAN "    charges: {}\n", "t.yaml:10:14: a list was expected, not a mapping", "charges as a mapping"},
		{PLAN "    charges: []\n    grace: soon\n",
	         "t.yaml:11:12: \"soon\": a duration was expected, like 12h, 30m, 90s, 2d or PT12H", "no duration"},
		{PLAN "    charges: []\n    grace: 367d\n", "t.yaml:11:12: \"367d\": at most 366 days are allowed", "long grace"},
		{PLAN "    charges: []\n    rounding: down\n", "t.yaml:11:15: \"down\": half_up or half_even was expected",
	         "rounding"},
		{PLAN "    charges: []\n    minimum: \"-1\"\n", "t.yaml:11:14: \"-1\": at least 0 was expected",
	         "negative minimum"},
		{PLAN "    charges: []\n    minimum: 5\n    maximum: 4.99\n", "t.yaml:12:14: maximum 4.99 is below minimum 5",
	         "maximum below minimum"},
		{PLAN "    charges: []\n    minimum: 1,000\n", "t.yaml:11:14: \"1,000\": a decimal was expected, like -12.50",
	         "a thousands sign"},
		{PLAN "    charges: []\n    discounts: [{percent: 1, applies_to: [x]}]\n", "t.yaml:11:43: unknown charge \"x\"",
	         "discount of no charge"},
		{CHARGE("model: flat, amount: 1") "    discounts: [{percent: 1, applies_to: [a, a]}]\n",
	         "t.yaml:12:46: charge \"a\" is listed twice", "charge twice"},
		{PLAN "    charges: []\n    discounts: [{percent: 1, applies_to: []}]\n",
	         "t.yaml:11:42: an empty list; at least one charge was expected", "applies to nothing"},
		{PLAN "    charges: []\n    credits: none\n", "t.yaml:11:14: a list was expected, not text", "credits as text"},
		{PLAN "    charges: []\n    price: 1\n",
	         "t.yaml:11:5: unknown key \"price\"; allowed are key, name, currency, period, effective_from, grace, rounding, "
	         "minimum, "
	         "maximum, charges, discounts, commitments, credits, "
	         "late_usage, invoice_prefix, credit_note_prefix",
	         "unknown key"},
		{PLAN "    charges: []\n  - {key: p, currency: EUR, period: month, effective_from: 2026-01-01T01:00:00+01:00, "
	              "charges: []}\n",
	         "t.yaml:11:5: two versions of plan \"p\" with the same effective_from", "versions that overlap"},
		{CHARGE("model: flat, amount: 1") "      - {key: b, model: flat, amount: 1}\n      - {key: a, model: flat, "
	                                          "amount: 2}\n",
	         "t.yaml:13:9: duplicate charge \"a\"", "duplicate charge"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_wrong_charge_is_refused(void **state)
{
	static const struct refused rows[] = {
		{CHARGE("meter: calls, price: 1"), "t.yaml:11:9: \"model\" is missing", "no model"},
		{CHARGE("model: tiered"),
	         "t.yaml:11:25: \"tiered\": flat, unit, graduated, volume, package, percentage, graduated_percentage or dynamic "
	         "was expected",
	         "unknown model"},
		{CHARGE("model: flat"), "t.yaml:11:9: \"amount\" is missing", "flat without amount"},
		{CHARGE("model: flat, amount: 1, meter: calls"), "t.yaml:11:42: \"meter\" does not belong to model flat",
	         "flat with meter"},
		{CHARGE("model: flat, amount: 1, included: 1"), "t.yaml:11:42: \"included\" does not belong to model flat",
	         "flat with included"},
		{CHARGE("model: flat, amount: \"-1\""), "t.yaml:11:39: \"-1\": at least 0 was expected", "negative amount"},
		{CHARGE("model: flat, amount: 1e3"), "t.yaml:11:39: \"1e3\": a decimal was expected, like -12.50", "an exponent"},
		{CHARGE("model: flat, amount: [1]"), "t.yaml:11:39: text was expected, not a list", "a list for a decimal"},
		{CHARGE("model: unit, price: 1"), "t.yaml:11:9: \"meter\" is missing", "unit without meter"},
		{CHARGE("meter: calls, model: unit"), "t.yaml:11:9: \"price\" or \"rates\" is missing", "unit without price"},
		{CHARGE("meter: call, model: unit, price: 1"), "t.yaml:11:25: unknown meter \"call\"", "unknown meter"},
		{CHARGE("meter: calls, model: unit, price: 1, amount: 1"),
	         "t.yaml:11:55: \"amount\" does not belong to model unit", "amount of a unit charge"},
		{CHARGE("meter: calls, model: unit, price: \"-0.01\""), "t.yaml:11:52: \"-0.01\": at least 0 was expected",
	         "negative price"},
		{CHARGE("meter: calls, model: unit, price: 1, per: 0"), "t.yaml:11:60: \"0\": more than 0 was expected", "per 0"},
		{CHARGE("meter: calls, model: unit, price: 1, per: \"-1\""), "t.yaml:11:60: \"-1\": more than 0 was expected",
	         "per -1"},
		{CHARGE("meter: calls, model: unit, price: 1, included: \"-1\""), "t.yaml:11:65: \"-1\": at least 0 was expected",
	         "negative included"},
		{CHARGE("meter: calls, model: unit, price: 1, minimum: 2, maximum: 1"),
	         "t.yaml:11:76: maximum 1 is below minimum 2", "maximum below minimum"},
		{CHARGE("meter: calls, model: unit, price: 1, unmatched: free"), "t.yaml:11:55: \"unmatched\" without \"rates\"",
	         "unmatched without rates"},
		{CHARGE("meter: calls, model: unit, price: 1, tiers: [{price: 1}]"),
	         "t.yaml:11:55: \"tiers\" does not belong to model unit", "tiers of a unit charge"},
		{CHARGE("meter: calls, model: package"), "t.yaml:11:9: \"price\" is missing", "package without price"},
		{CHARGE("meter: calls, model: package, rates: []"), "t.yaml:11:48: \"rates\" does not belong to model package",
	         "rates of a package"},
		{CHARGE("meter: calls, model: volume, price: 1"), "t.yaml:11:47: \"price\" does not belong to model volume",
	         "price beside tiers"},
		{CHARGE("model: flat, amount: 1, bill: monthly"),
	         "t.yaml:11:48: \"monthly\": in_advance or in_arrears was expected", "unknown bill"},
		{CHARGE("model: flat, amount: 1, proration: day"), "t.yaml:11:53: \"day\": none or time was expected",
	         "proration"},
		{CHARGE("model: flat, amount: 1, amout: 1"),
	         "t.yaml:11:42: unknown key \"amout\"; allowed are key, name, meter, model, amount, bill, proration, price, per, "
	         "included, tiers, flat_at_zero, rates, unmatched, minimum, maximum, discounts, group_by, convert, round, tax, "
	         "rate, per_event, free_events, free_units, event_minimum, event_maximum, multiplier",
	         "unknown key"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_wrong_tiers_are_refused(void **state)
{
	static const struct refused rows[] = {
		{CHARGE("meter: calls, model: graduated"), "t.yaml:11:9: \"tiers\" is missing", "none"},
		{TIERS("[]"), "t.yaml:11:57: an empty list; at least one tier was expected", "an empty list"},
		{TIERS("{price: 1}"), "t.yaml:11:57: a list was expected, not a mapping", "a mapping"},
		{TIERS("[{up_to: 10, price: 1}]"), "t.yaml:11:59: \"up_to\" on the last tier, which has no end",
	         "the last one ends"},
		{TIERS("[{price: 2}, {price: 1}]"), "t.yaml:11:58: \"up_to\" is missing; only the last tier has none",
	         "no end within"},
		{TIERS("[{up_to: 10, price: 2}, {up_to: 10, price: 1}, {price: 0}]"),
	         "t.yaml:11:89: \"10\": more than 10 was expected, the up_to of the tier before", "equal ends"},
		{TIERS("[{up_to: 10, price: 2}, {up_to: 9.9, price: 1}, {price: 0}]"),
	         "t.yaml:11:89: \"9.9\": more than 10 was expected, the up_to of the tier before", "falling ends"},
		{TIERS("[{up_to: 0, price: 2}, {price: 1}]"), "t.yaml:11:66: \"0\": more than 0 was expected", "ends at 0"},
		{TIERS("[{up_to: \"-5\", price: 2}, {price: 1}]"), "t.yaml:11:66: \"-5\": more than 0 was expected",
	         "ends below 0"},
		{TIERS("[{up_to: 5}, {price: 1}]"), "t.yaml:11:58: \"price\" or \"flat\" is missing", "no price"},
		{TIERS("[{price: \"-1\"}]"), "t.yaml:11:66: \"-1\": at least 0 was expected", "negative price"},
		{TIERS("[{price: 1, flat: \"-1\"}]"), "t.yaml:11:75: \"-1\": at least 0 was expected", "negative flat"},
		{TIERS("[{price: 1, from: 0}]"), "t.yaml:11:69: unknown key \"from\"; allowed are up_to, price, flat, rate",
	         "unknown key"},
		{TIERS("[{price: 1}], flat_at_zero: yes"), "t.yaml:11:85: \"yes\": true or false was expected", "no flag"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_wrong_rates_are_refused(void **state)
{
	static const struct refused rows[] = {
		{RATES("rates: []"), "t.yaml:11:53: an empty list; at least one rate was expected", "none"},
		{RATES("rates: [{price: 1}]"), "t.yaml:11:54: \"match\" is missing", "no match"},
		{RATES("rates: [{match: {model: a}}]"), "t.yaml:11:54: \"price\" is missing", "no price"},
		{RATES("rates: [{match: {modle: a}, price: 1}]"), "t.yaml:11:63: meter \"tokens\" has no dimension \"modle\"",
	         "unknown dimension"},
		{RATES("rates: [{match: {model: [a]}, price: 1}]"), "t.yaml:11:70: text was expected, not a list",
	         "a list of values"},
		{RATES("rates: [{match: {model: }, price: 1}]"),
	         "t.yaml:11:70: text was expected, not nothing; if null is meant as text, it needs quotes", "no value"},
		{RATES("rates: [{match: {model: a}, price: \"-1\"}]"), "t.yaml:11:81: \"-1\": at least 0 was expected",
	         "negative price"},
		{RATES("price: 1, rates: [{match: {}, price: 1}]"),
	         "t.yaml:11:56: \"price\" and \"rates\" are given; one of them was expected", "price and rates"},
		{RATES("included: 1, rates: [{match: {}, price: 1}]"),
	         "t.yaml:11:46: \"included\" together with \"rates\" does not say whose units are free", "included and rates"},
		{RATES("rates: [{match: {}, price: 1}], unmatched: zero"), "t.yaml:11:89: \"zero\": suspend or free was expected",
	         "unmatched"},
		{RATES("rates: [{match: {}, price: 1}], unmatched: {}"), "t.yaml:11:89: \"price\" is missing",
	         "unmatched without price"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

#define DISCOUNT(text) CHARGE("model: flat, amount: 1, discounts: [" text "]")

static void test_wrong_discount_is_refused(void **state)
{
	static const struct refused rows[] = {
		{DISCOUNT("{reason: x}"), "t.yaml:11:54: \"percent\", \"amount\" or \"units\" is missing", "neither"},
		{DISCOUNT("{percent: 1, amount: 1}"),
	         "t.yaml:11:67: \"percent\" and \"amount\" are given; one of them was expected", "both"},
		{DISCOUNT("{percent: 100.01}"), "t.yaml:11:64: \"100.01\": at most 100 percent was expected", "over 100 percent"},
		{DISCOUNT("{percent: \"-1\"}"), "t.yaml:11:64: \"-1\": at least 0 was expected", "negative percent"},
		{DISCOUNT("{amount: \"-1\"}"), "t.yaml:11:63: \"-1\": at least 0 was expected", "negative amount"},
		{DISCOUNT("{percent: 1, from: 2026-01-01T00:00:00Z, until: 2026-01-01T00:00:00Z}"),
	         "t.yaml:11:102: \"until\" must be later than \"from\"", "until = from"},
		{DISCOUNT("{percent: 1, from: tomorrow}"),
	         "t.yaml:11:73: \"tomorrow\": a time with a zone was expected, like 2026-01-31T23:59:59Z", "no time"},
		{DISCOUNT("{percent: 1, applies_to: [a]}"),
	         "t.yaml:11:67: unknown key \"applies_to\"; allowed are percent, amount, units, from, until, reason",
	         "only a plan's discount can choose charges"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

#define FROM "from: 2026-01-02T00:00:00Z"

static void test_wrong_subscription_is_refused(void **state)
{
	static const struct refused rows[] = {
		{PLAN "    charges: []\nsubscriptions:\n  s: {plan: p, " FROM "}\n", "t.yaml:12:6: \"customer\" is missing",
	         "no customer"},
		{SUBSCRIPTION(FROM), "t.yaml:12:6: \"plan\" is missing", "no plan"},
		{SUBSCRIPTION("plan: q, " FROM), "t.yaml:12:26: unknown plan \"q\"", "unknown plan"},
		{SUBSCRIPTION("plan: p"), "t.yaml:12:20: \"from\" is missing", "no from"},
		{SUBSCRIPTION("plan: []"), "t.yaml:12:26: an empty list; at least one plan was expected", "no plan in the list"},
		{SUBSCRIPTION("plan: [{plan: p}]"), "t.yaml:12:27: \"from\" is missing", "a change without from"},
		{SUBSCRIPTION("plan: [{plan: q, " FROM "}]"), "t.yaml:12:34: unknown plan \"q\"", "a change to an unknown plan"},
		{SUBSCRIPTION("plan: [{plan: p, " FROM "}, {plan: p, " FROM "}]"),
	         "t.yaml:12:82: \"from\" must be later than that of the plan before", "changes that do not rise"},
		{SUBSCRIPTION("from: 2026-01-01T00:00:00Z, plan: [{plan: p, " FROM "}]"),
	         "t.yaml:12:26: \"from\" differs from that of the first plan", "two beginnings"},
		{SUBSCRIPTION("plan: p, " FROM ", until: 2026-01-02T00:00:00Z"),
	         "t.yaml:12:64: \"until\" must be later than \"from\"", "until = from"},
		{SUBSCRIPTION("plan: [{plan: p, " FROM "}, {plan: p, from: 2026-02-01T00:00:00Z}], until: 2026-02-01T00:00:00Z"),
	         "t.yaml:12:113: \"until\" must be later than \"from\"", "ends with the last change"},
		{SUBSCRIPTION("plan: p, " FROM ", anchor: 15"), "t.yaml:12:65: \"15\": calendar or anniversary was expected",
	         "anchor"},
		{SUBSCRIPTION("plan: p, " FROM ", period: month"),
	         "t.yaml:12:57: unknown key \"period\"; allowed are customer, plan, from, until, trial_until, pauses, timezone, "
	         "anchor",
	         "unknown key"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

#define UNIT_CHARGE(text) CHARGE("meter: calls, model: unit, price: 1, " text)
#define SUM_CHARGE(text) CHARGE("meter: tokens, model: percentage, rate: 1, " text)

static void test_wrong_quantity_rules_are_refused(void **state)
{
	static const struct refused rows[] = {
		{METER("event_type: e, aggregation: unique_count"),
	         "t.yaml:3:3: \"value\" is missing: the property whose distinct values are counted", "distinct what"},
		{CHARGE("meter: calls, model: percentage"), "t.yaml:11:9: \"rate\" is missing", "percentage without rate"},
		{CHARGE("meter: calls, model: graduated_percentage"), "t.yaml:11:9: \"tiers\" is missing", "no tiers"},
		{CHARGE("meter: calls, model: graduated_percentage, tiers: [{price: 1}]"),
	         "t.yaml:11:70: \"price\" does not belong to tiers of model graduated_percentage", "price for a rate"},
		{TIERS("[{rate: 1}]"), "t.yaml:11:59: \"rate\" does not belong to tiers of model graduated", "rate for a price"},
		{CHARGE("meter: calls, model: dynamic, price: 1"), "t.yaml:11:48: \"price\" does not belong to model dynamic",
	         "dynamic brings its price"},
		{UNIT_CHARGE("multiplier: 1"), "t.yaml:11:55: \"multiplier\" does not belong to model unit", "multiplier"},
		{UNIT_CHARGE("free_events: 1"), "t.yaml:11:55: \"free_events\" does not belong to model unit", "free_events"},
		{UNIT_CHARGE("group_by: [model]"), "t.yaml:11:66: meter \"calls\" has no dimension \"model\"", "group_by"},
		{UNIT_CHARGE("group_by: []"), "t.yaml:11:65: an empty list; at least one dimension was expected",
	         "empty group_by"},
		{CHARGE("meter: tokens, model: unit, price: 1, group_by: [kind, kind]"),
	         "t.yaml:11:73: dimension \"kind\" is listed twice", "group_by twice"},
		{CHARGE("meter: tokens, model: unit, rates: [{match: {}, price: 1}], group_by: [kind]"),
	         "t.yaml:11:78: \"group_by\" together with \"rates\": each rate is a group already", "group_by and rates"},
		{UNIT_CHARGE("convert: {}"), "t.yaml:11:64: either \"divide_by\" or \"multiply_by\" was expected", "convert"},
		{UNIT_CHARGE("convert: {divide_by: 2, multiply_by: 3}"),
	         "t.yaml:11:64: either \"divide_by\" or \"multiply_by\" was expected", "both ways"},
		{UNIT_CHARGE("round: {to: 1}"), "t.yaml:11:62: \"mode\" is missing", "round without mode"},
		{UNIT_CHARGE("round: {to: 1, mode: half_even}"), "t.yaml:11:76: \"half_even\": up, down or half_up was expected",
	         "mode of round"},
		{UNIT_CHARGE("tax: {percent: 19}"), "t.yaml:11:60: \"category\" is missing", "tax without category"},
		{UNIT_CHARGE("discounts: [{units: 5, percent: 1}]"),
	         "t.yaml:11:68: \"percent\" and \"units\" are given; one of them was expected", "two sizes"},
		{CHARGE("model: flat, amount: 1, discounts: [{units: 5}]"),
	         "t.yaml:11:42: a discount in \"units\" of a charge that has no units", "units of a flat"},
		{SUM_CHARGE("free_events: \"1.5\""), "t.yaml:11:74: \"1.5\": a number of events was expected", "half an event"},
		{SUM_CHARGE("event_minimum: 2, event_maximum: 1"), "t.yaml:11:94: maximum 1 is below minimum 2", "event limits"},
		{CHARGE("meter: calls, model: percentage, rate: 1, free_events: 1"),
	         "t.yaml:11:9: \"free_events\", \"event_minimum\" and \"event_maximum\" need a meter with aggregation sum",
	         "events of a count"},
		{PLAN "    charges: []\n    commitments: [{key: c}]\n", "t.yaml:11:19: \"kind\" is missing", "commitment"},
		{PLAN "    charges: []\n    credits: [{key: c}]\n", "t.yaml:11:15: \"amount\" is missing", "credit"},
		{PLAN "    charges: []\n    credits: [{key: c, amount: 1}, {key: c, amount: 2}]\n",
	         "t.yaml:11:36: duplicate key \"c\" among credits and commitments", "two credits"},
		{PLAN "    charges: []\n    credits: [{key: c, amount: 1, kind: prepaid}]\n",
	         "t.yaml:11:41: \"prepaid\": payment or gift was expected", "kind of a credit"},
		{PLAN "    charges: []\n    credits: [{key: c, amount: 1, applies_to: [x]}]\n",
	         "t.yaml:11:48: unknown charge \"x\"", "charge of a credit"},
		{PLAN "    charges: []\n    commitments: [{key: c, kind: postpaid, amount: 1, from: 2026-01-01T00:00:00Z, "
	              "until: 2027-01-01T00:00:00Z, rollover: true}]\n",
	         "t.yaml:11:112: only what is prepaid can roll over", "rollover"},
		{SUBSCRIPTION("plan: p, " FROM ", pauses: [{from: 2026-02-01T00:00:00Z, until: 2026-02-01T00:00:00Z}]"),
	         "t.yaml:12:102: \"until\" must be later than \"from\"", "empty pause"},
		{SUBSCRIPTION("plan: p, " FROM ", pauses: [{from: 2026-02-01T00:00:00Z}, {from: 2026-03-01T00:00:00Z}]"),
	         "t.yaml:12:103: \"from\" is before the end of the pause before", "pauses overlap"},
		{"version: 1\nunits: {credits: {exponent: 6, price: 1}}\n",
	         "t.yaml:2:9: \"price\" and \"currency\" belong together", "price of a unit"},
		{"version: 1\nunits: {credits: {exponent: 6, price: 1, currency: EURO}}\n",
	         "t.yaml:2:52: \"EURO\": a currency of ISO 4217 was expected, like USD", "worth in what"},
		{"version: 1\nunits: {USD: {exponent: 2}}\n", "t.yaml:2:9: \"USD\" is a currency of ISO 4217", "unit USD"},
		{"version: 1\nunits: {credits: {exponent: 13}}\n", "t.yaml:2:29: \"13\": 0 to 12 was expected", "exponent"},
	};

	(void)state;
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

static void test_periods_and_calendars(void **state)
{
#define PERIOD(text)                                                                                                             \
	"version: 1\nplans: [{key: p, currency: USD, effective_from: 2026-01-01T00:00:00Z, charges: [], period: " text "}]\n"
	static const struct {
		const char *text;
		enum cycle_unit unit;
	} periods[] = {{PERIOD("day"), CYCLE_DAY},
	               {PERIOD("week"), CYCLE_WEEK},
	               {PERIOD("month"), CYCLE_MONTH},
	               {PERIOD("quarter"), CYCLE_QUARTER},
	               {PERIOD("year"), CYCLE_YEAR}};
	static const struct refused rows[] = {
		{SUBSCRIPTION("plan: p, " FROM ", timezone: Europe/Atlantis"),
	         "t.yaml:12:67: \"Europe/Atlantis\": a time zone was expected, like Europe/Berlin", "no such zone"},
		{SUBSCRIPTION("plan: p, " FROM ", timezone: ../../etc/passwd"),
	         "t.yaml:12:67: \"../../etc/passwd\": a time zone was expected, like Europe/Berlin",
	         "a name that leaves the folder"},
		{PERIOD("month, invoice_prefix: X-, credit_note_prefix: X-"),
	         "t.yaml:2:139: invoices and credit notes need prefixes that differ", "one series for two kinds"},
		{PERIOD("month, invoice_prefix: X1"),
	         "t.yaml:2:115: a prefix cannot end in a digit, because digits follow: \"X1-\"",
	         "a prefix that runs into the number"},
		{PERIOD("month, late_usage: never"), "t.yaml:2:111: \"never\": next_invoice or credit_note was expected",
	         "late usage"},
	};
	meter_catalog *catalog;

	(void)state;
	for (size_t i = 0; i < COUNT(periods); i++) {
		assert_int_equal(meter_catalog_read(&catalog, "t.yaml", periods[i].text, METER_NUL_TERMINATED), METER_OK);
		assert_int_equal(catalog->plans[0].period, periods[i].unit);
		assert_string_equal(catalog->plans[0].invoice_prefix, "INV-");
		assert_false(catalog->plans[0].credits_late);
		meter_catalog_free(catalog);
	}
	assert_int_equal(meter_catalog_read(&catalog, "t.yaml",
	                                    SUBSCRIPTION("plan: p, " FROM ", timezone: Europe/Berlin, anchor: anniversary"),
	                                    METER_NUL_TERMINATED),
	                 METER_OK);
	assert_true(catalog->subscriptions[0].is_anniversary);
	assert_non_null(catalog->subscriptions[0].zone);
	meter_catalog_free(catalog);
	expect_refused(rows, COUNT(rows), METER_ECATALOG);
}

/* ---- limits ---- */

/* head, then count times the format with a number, then tail. */
static int read_repeated(const char *head, int count, const char *format, const char *tail)
{
	struct buffer text = {0};
	meter_catalog *catalog;

	meter__buffer_text(&text, head);
	for (int i = 0; i < count; i++) {
		const char *number = strchr(format, '#');
		meter__buffer_append(&text, format, (size_t)(number - format));
		meter__buffer_format(&text, "%d%s", i + 1, number + 1);
	}
	meter__buffer_text(&text, tail);
	int result = meter_catalog_read(&catalog, "t.yaml", meter__buffer_cstr(&text), text.size);
	meter_catalog_free(catalog);
	meter__buffer_free(&text);
	return result;
}

static void test_numbers_of_things_are_bounded(void **state)
{
	static const struct {
		const char *head;
		const char *format;
		const char *tail;
		int max;
		const char *message;
	} rows[] = {
		{"version: 1\nmeters:\n", "  m#: {event_type: e, aggregation: sum}\n", "", 10000,
	         "t.yaml:3:3: 10001 meters; at most 10000 are allowed"},
		{CHARGES, "      - {key: c#, model: flat, amount: 1}\n", "", 1000,
	         "t.yaml:11:7: 1001 charges; at most 1000 are allowed"},
		{CHARGES "      - {key: a, meter: calls, model: volume, tiers: [\n", "        {up_to: #, price: 1},\n",
	         "        {price: 1}]}\n", 999, "t.yaml:11:54: 1001 tiers; at most 1000 are allowed"},
		{CHARGES "      - {key: a, meter: tokens, model: unit, rates: [\n", "        {match: {model: m#}, price: 1},\n",
	         "        ]}\n", 10000, "t.yaml:11:53: 10001 rates; at most 10000 are allowed"},
		{CHARGES "      - {key: a, model: flat, amount: 1, discounts: [\n", "        {amount: #},\n", "        ]}\n",
	         1000, "t.yaml:11:53: 1001 discounts; at most 1000 are allowed"},
		{"version: 1\nmeters: {m: {event_type: e, aggregation: sum, filter: {p: [\n", "v#,", "]}}}\n", 1000,
	         "t.yaml:2:59: 1001 allowed values; at most 1000 are allowed"},
		{"version: 1\nmeters: {m: {event_type: e, aggregation: sum, filter: {\n", "p#: [v],", "}}}\n", 64,
	         "t.yaml:2:55: 65 filters; at most 64 are allowed"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_repeated(rows[i].head, rows[i].max, rows[i].format, rows[i].tail) != METER_OK)
			fail_msg("%s", meter_errmsg());
		assert_int_equal(read_repeated(rows[i].head, rows[i].max + 1, rows[i].format, rows[i].tail), METER_ECATALOG);
		assert_string_equal(meter_errmsg(), rows[i].message);
	}
}

/* The size that the library is built for; anything quadratic would show as seconds. */
static void test_twenty_thousand_subscriptions(void **state)
{
	(void)state;
	assert_int_equal(read_repeated(PLAN "    charges: []\nsubscriptions:\n", 20000,
	                               "  s#: {customer: c, plan: p, from: 2026-01-01T00:00:00Z}\n", ""),
	                 METER_OK);
}

static void test_long_texts_are_bounded(void **state)
{
	char text[2000];
	meter_catalog *catalog;

	(void)state;
	for (int size = 128; size <= 129; size++) {
		snprintf(text, sizeof(text), "version: 1\nmeters: {m: {event_type: %0*d, aggregation: sum}}\n", size, 1);
		assert_int_equal(meter_catalog_read(&catalog, "t.yaml", text, METER_NUL_TERMINATED),
		                 size == 128 ? METER_OK : METER_ECATALOG);
		meter_catalog_free(catalog);
	}
	assert_string_equal(meter_errmsg(), "t.yaml:2:26: text of 129 bytes; 1 to 128 are allowed");
	for (int size = 256; size <= 257; size++) {
		snprintf(text, sizeof(text), "version: 1\nmeters: {m: {event_type: e, aggregation: sum, unit: %0*d}}\n", size, 1);
		assert_int_equal(meter_catalog_read(&catalog, "t.yaml", text, METER_NUL_TERMINATED),
		                 size == 256 ? METER_OK : METER_ECATALOG);
		meter_catalog_free(catalog);
	}
}

/* ---- canonical ---- */

static void test_canonical_depends_on_the_counting_rule_only(void **state)
{
	static const struct {
		const char *meter;
		const char *canonical;
		const char *why;
	} rows[] = {
		{"{event_type: e, aggregation: count}",
	         "{\"event_type\":\"e\",\"aggregation\":\"count\",\"value\":null,\"dimensions\":[],\"filter\":{}}", "the least"},
		{"{unit: token, aggregation: count, unit_code: C62, event_type: e}",
	         "{\"event_type\":\"e\",\"aggregation\":\"count\",\"value\":null,\"dimensions\":[],\"filter\":{}}",
	         "order of keys and unit change nothing"},
		{"{event_type: e, aggregation: sum, value: n, dimensions: [b, a], filter: {z: [y, x], k: [w]}}",
	         "{\"event_type\":\"e\",\"aggregation\":\"sum\",\"value\":\"n\",\"dimensions\":[\"b\",\"a\"],"
	         "\"filter\":{\"k\":[\"w\"],\"z\":[\"x\",\"y\"]}}",
	         "filters are sorted, dimensions are not"},
		{"{filter: {k: [w], z: [x, y]}, dimensions: [b, a], value: n, aggregation: sum, event_type: e}",
	         "{\"event_type\":\"e\",\"aggregation\":\"sum\",\"value\":\"n\",\"dimensions\":[\"b\",\"a\"],"
	         "\"filter\":{\"k\":[\"w\"],\"z\":[\"x\",\"y\"]}}",
	         "the same in another order"},
		{"{event_type: '\"', aggregation: max, value: 'null', filter: {k: [\"\\n\"]}}",
	         "{\"event_type\":\"\\\"\",\"aggregation\":\"max\",\"value\":\"null\",\"dimensions\":[],\"filter\":{\"k\":["
	         "\"\\n\"]}}",
	         "escapes, and a property called null"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[1000];
		snprintf(text, sizeof(text), "version: 1\nmeters: {m: %s}\n", rows[i].meter);
		struct meter_catalog *catalog = must_read(text);
		if (strcmp(catalog->meters[0].canonical, rows[i].canonical) != 0)
			fail_msg("%s: %s", rows[i].why, catalog->meters[0].canonical);
		meter_catalog_free(catalog);
	}
}

/* ---- the calls ---- */

static void test_wrong_arguments_are_named(void **state)
{
	meter_catalog *catalog;

	(void)state;
	assert_int_equal(meter_catalog_read(NULL, "t.yaml", "version: 1", 10), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "out is NULL");
	assert_int_equal(meter_catalog_read(&catalog, NULL, "version: 1", 10), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "name is NULL");
	assert_int_equal(meter_catalog_read(&catalog, "t.yaml", NULL, 10), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "text is NULL");
	assert_null(catalog);
	meter_catalog_free(NULL);
}

static void test_catalog_lives_as_long_as_its_last_reference(void **state)
{
	static const char text[] = "version: 1 and more";
	meter_catalog *catalog;

	(void)state;
	assert_int_equal(meter_catalog_read(&catalog, "t.yaml", text, 10), METER_OK);
	assert_string_equal(catalog->text, "version: 1");
	assert_int_equal(catalog->text_size, 10);
	assert_ptr_equal(meter__catalog_retain(catalog), catalog);
	meter__catalog_release(catalog);
	assert_string_equal(catalog->text, "version: 1");
	meter__catalog_release(catalog);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meters_are_read_whole),
		cmocka_unit_test(test_plan_is_read_whole),
		cmocka_unit_test(test_charges_are_read_whole),
		cmocka_unit_test(test_subscriptions_are_sorted_and_found),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_version_in_force_is_the_latest_not_after),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_other_accepted_texts),
		cmocka_unit_test(test_wrong_yaml_is_refused),
		cmocka_unit_test(test_wrong_top_level_is_refused),
		cmocka_unit_test(test_wrong_meter_is_refused),
		cmocka_unit_test(test_wrong_plan_is_refused),
		cmocka_unit_test(test_wrong_charge_is_refused),
		cmocka_unit_test(test_wrong_tiers_are_refused),
		cmocka_unit_test(test_wrong_rates_are_refused),
		cmocka_unit_test(test_wrong_discount_is_refused),
		cmocka_unit_test(test_wrong_subscription_is_refused),
		cmocka_unit_test(test_wrong_quantity_rules_are_refused),
		cmocka_unit_test(test_periods_and_calendars),
		cmocka_unit_test(test_numbers_of_things_are_bounded),
		cmocka_unit_test(test_twenty_thousand_subscriptions),
		cmocka_unit_test(test_long_texts_are_bounded),
		cmocka_unit_test(test_canonical_depends_on_the_counting_rule_only),
		cmocka_unit_test(test_wrong_arguments_are_named),
		cmocka_unit_test(test_catalog_lives_as_long_as_its_last_reference),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
