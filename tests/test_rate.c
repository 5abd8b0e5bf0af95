/*
 * test_rate.c - rating: each rule of the models, limits, discounts and rates as a row of a table, then laws that hold for every
 * plan.
 *
 * A rating is compared as one text: "usage 134567 x 0.4 / 1000 = 53.83 (53.8268); discount ...", where "/ per" is left out when
 * it is 1 and the exact amount when rounding changed nothing. Whatever is rated here must also obey check_laws().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "catalog.h"
#include "instant.h"
#include "rate_line.h"

#define GROUPS_MAX 8
#define CHARGES_MAX 8
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct period january = {1767225600 * US_PER_SECOND, 1769904000 * US_PER_SECOND}; /* 2026-01, 31 days */

static struct decimal dec(const char *text)
{
	struct decimal d;
	assert_int_equal(meter__decimal_parse(&d, text, strlen(text)), METER_OK);
	return d;
}

static const char *kind_name(int32_t kind)
{
	switch (kind) {
	case METER_LINE_USAGE:
		return "usage";
	case METER_LINE_FLAT:
		return "flat";
	case METER_LINE_MINIMUM:
		return "minimum";
	case METER_LINE_MAXIMUM:
		return "maximum";
	case METER_LINE_DISCOUNT:
		return "discount";
	case METER_LINE_SUSPENDED:
		return "suspended";
	case METER_LINE_TAX:
		return "tax";
	case METER_LINE_CARRIED:
		return "carried";
	default:
		return "?";
	}
}

/* d as an integer at 12 decimals. The laws are computed with it in plain integers, apart from decimal.c. */
static int128 scaled(struct decimal d)
{
	int128 n = d.coefficient;
	assert_true(d.scale <= 12);
	for (int32_t i = d.scale; i < 12; i++)
		n *= 10;
	return n;
}

static int128 power_of_ten(int32_t n)
{
	int128 p = 1;
	while (n-- > 0)
		p *= 10;
	return p;
}

static int128 magnitude(int128 n)
{
	return n < 0 ? -n : n;
}

/* Totals are sums of lines; each amount is at most half a unit from the exact one; there is no negative zero. */
static void check_laws(const struct rating *rating, const struct plan *plan)
{
	int128 subtotal = 0;
	int128 plan_lines = 0;
	int128 tax = 0;
	size_t suspended = 0;
	for (size_t i = 0; i < rating->line_count; i++) {
		const struct line *line = &rating->lines[i];
		assert_non_null(line->description);
		assert_true(line->description[0] != '\0');
		assert_int_equal(line->has_amount, line->kind != METER_LINE_SUSPENDED);
		if (!line->has_amount) {
			suspended++;
			continue;
		}
		assert_true(line->amount.scale <= plan->exponent);
		assert_string_not_equal(line->exact, "-0");
		const int128 product = scaled(line->quantity) * scaled(line->price);
		const int128 rounded = scaled(line->amount) * scaled(line->per);
		const int128 unit = scaled(line->per) * power_of_ten(12 - plan->exponent);
		assert_true(2 * magnitude(product - rounded) <= unit);
		if (line->charge != NULL)
			subtotal += scaled(line->amount);
		else if (line->kind == METER_LINE_TAX)
			tax += scaled(line->amount);
		else
			plan_lines += scaled(line->amount);
	}
	assert_true(scaled(rating->subtotal) == subtotal);
	assert_true(scaled(rating->tax) == tax);
	assert_true(scaled(rating->total) == subtotal + plan_lines + tax);
	assert_int_equal(rating->suspended_count, suspended);
}

static void put_decimal(struct buffer *b, struct decimal d)
{
	char text[DECIMAL_TEXT_SIZE];
	meter__buffer_append(b, text, meter__decimal_format(text, d));
}

static void put_line(struct buffer *b, const struct line *line)
{
	char amount[DECIMAL_TEXT_SIZE];
	meter__buffer_format(b, "%s%s ", b->size > 0 ? "; " : "", kind_name(line->kind));
	put_decimal(b, line->quantity);
	if (!line->has_amount)
		return;
	meter__buffer_text(b, " x ");
	put_decimal(b, line->price);
	if (meter__decimal_compare(line->per, DECIMAL_ONE) != 0) {
		meter__buffer_text(b, " / ");
		put_decimal(b, line->per);
	}
	meter__decimal_format(amount, line->amount);
	meter__buffer_format(b, " = %s", amount);
	if (strcmp(amount, line->exact) != 0)
		meter__buffer_format(b, " (%s)", line->exact);
}

/* The usage of a plan's charges, read from "calls large/input=12 calls small/-=3!2 peak eu=7@5": meter, dimension values ('-':
 * missing, may be left out), value, !unmeasured, @time. A meter's name alone goes on for what follows it. */
struct usage {
	char text[512];
	const char *values[GROUPS_MAX][METER_DIMENSIONS_MAX];
	const char *meters[GROUPS_MAX];
	struct aggregate totals[GROUPS_MAX];
	size_t count;
	struct usage_group groups[CHARGES_MAX][GROUPS_MAX];
	struct decimal events[CHARGES_MAX][GROUPS_MAX]; /* each group is also one event */
	struct charge_usage charges[CHARGES_MAX];
};

static void usage_read_group(struct usage *u, const char *key, char *word)
{
	const size_t n = u->count++;
	assert_true(n < GROUPS_MAX);
	u->meters[n] = key;
	struct aggregate *total = &u->totals[n];
	char *value = strchr(word, '=');
	if (value != NULL) {
		*value++ = '\0';
		size_t d = 0;
		for (char *save = NULL, *part = strtok_r(word, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save), d++)
			u->values[n][d] = strcmp(part, "-") == 0 ? NULL : part;
	} else {
		value = word;
	}
	char *at = strchr(value, '@');
	if (at != NULL) {
		*at++ = '\0';
		total->at_us = strtoll(at, NULL, 10);
	}
	char *unmeasured = strchr(value, '!');
	if (unmeasured != NULL) {
		*unmeasured++ = '\0';
		total->unmeasured = strtoll(unmeasured, NULL, 10);
	}
	total->is_overflow = strcmp(value, "overflow") == 0;
	if (value[0] == '\0')
		return;
	total->events = 1;
	total->value = total->is_overflow ? DECIMAL_ZERO : dec(value);
}

static void usage_read(struct usage *u, const struct plan *plan, const char *text)
{
	memset(u, 0, sizeof *u);
	assert_true(strlen(text) < sizeof u->text);
	strcpy(u->text, text);
	const char *key = "calls";
	for (char *save = NULL, *word = strtok_r(u->text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "calls") == 0 || strcmp(word, "peak") == 0 || strcmp(word, "exports") == 0)
			key = word;
		else
			usage_read_group(u, key, word);
	}
	assert_true(plan->charge_count <= CHARGES_MAX);
	for (size_t i = 0; i < plan->charge_count; i++) {
		u->charges[i].groups = u->groups[i];
		u->charges[i].events = u->events[i];
		for (size_t g = 0; g < u->count; g++)
			if (plan->charges[i].meter != NULL && strcmp(plan->charges[i].meter->key, u->meters[g]) == 0) {
				u->events[i][u->charges[i].event_count++] = u->totals[g].value;
				u->groups[i][u->charges[i].group_count++] = (struct usage_group){u->values[g], u->totals[g]};
			}
	}
}

/* A catalog whose only plan is plan: everything below its key. */
static struct meter_catalog *catalog_with(const char *plan)
{
	struct buffer b = {0};
	meter__buffer_text(&b, "version: 1\n"
	                       "meters:\n"
	                       "  calls: {event_type: call, aggregation: sum, dimensions: [model, kind], unit: call}\n"
	                       "  peak: {event_type: sample, aggregation: max, dimensions: [region]}\n"
	                       "  last: {event_type: sample, aggregation: latest, dimensions: [region]}\n"
	                       "  exports: {event_type: export, aggregation: sum}\n"
	                       "plans:\n"
	                       "  - key: p\n"
	                       "    period: month\n"
	                       "    effective_from: 2026-01-01T00:00:00Z\n");
	meter__buffer_text(&b, plan);
	struct meter_catalog *catalog = NULL;
	if (meter__catalog_read(&catalog, "plan", b.data, b.size) != METER_OK)
		fail_msg("%s in:\n%s", meter_errmsg(), meter__buffer_cstr(&b));
	meter__buffer_free(&b);
	return catalog;
}

/* One segment of a period, as most periods are. */
static int rate_one(struct rating *rating, const struct plan *plan, const struct charge_usage *usage, struct period period,
                    struct period active)
{
	const struct rate_segment segment = {
		.plan = plan, .active = active, .weight_us = active.to_us - active.from_us, .usage = usage};
	struct account account = {0};
	const int rc = meter__rate(rating, &segment, 1, (struct rate_period){period, 0}, &account);
	meter__account_free(&account);
	return rc;
}

static void rate_usage(struct rating *rating, const struct plan *plan, const char *usage)
{
	struct usage u;
	usage_read(&u, plan, usage);
	assert_int_equal(rate_one(rating, plan, u.charges, january, january), METER_OK);
	check_laws(rating, plan);
}

static void expect_rating(const char *plan, const char *usage, const char *expected, const char *subtotal, const char *total,
                          const char *why)
{
	struct meter_catalog *catalog = catalog_with(plan);
	struct rating rating;
	rate_usage(&rating, &catalog->plans[0], usage);
	struct buffer lines = {0};
	for (size_t i = 0; i < rating.line_count; i++)
		put_line(&lines, &rating.lines[i]);
	if (strcmp(meter__buffer_cstr(&lines), expected) != 0)
		fail_msg("%s\nusage %s of\n%s\n got %s\nwant %s", why, usage, plan, meter__buffer_cstr(&lines), expected);
	if (subtotal != NULL && meter__decimal_compare(rating.subtotal, dec(subtotal)) != 0)
		fail_msg("%s: the subtotal is not %s", why, subtotal);
	if (total != NULL && meter__decimal_compare(rating.total, dec(total)) != 0)
		fail_msg("%s: the total is not %s", why, total);
	meter__buffer_free(&lines);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

/* One charge on the meter "calls" of a plan in USD. */
struct row {
	const char *charge;
	const char *usage;
	const char *expected;
	const char *why;
};

static void expect_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buffer plan = {0};
		meter__buffer_format(&plan, "    currency: USD\n    charges:\n      - {key: c, meter: calls, %s}\n",
		                     rows[i].charge);
		expect_rating(meter__buffer_cstr(&plan), rows[i].usage, rows[i].expected, NULL, NULL, rows[i].why);
		meter__buffer_free(&plan);
	}
}

static void test_unit_bills_quantity_after_included(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: unit, price: \"0.10\"", "", "usage 0 x 0.1 = 0", "no usage at all has a line too"},
		{"model: unit, price: \"0.10\"", "0", "usage 0 x 0.1 = 0", "usage 0"},
		{"model: unit, price: \"0.10\"", "1", "usage 1 x 0.1 = 0.1", "usage 1"},
		{"model: unit, price: \"0.10\"", "-5", "carried -5 x 0 = 0; usage 0 x 0.1 = 0", "usage below zero bills 0"},
		{"model: unit, price: \"0.10\"", "5 -7 3", "usage 1 x 0.1 = 0.1", "corrections count before that"},
		{"model: unit, price: \"0.10\"", "2.5 a/b=0.5 -/b=1", "usage 4 x 0.1 = 0.4", "without rates all groups are one"},
		{"model: unit, price: \"0\"", "7", "usage 7 x 0 = 0", "0 is a price"},
		{"model: unit, price: \"0.10\", included: 50", "49", "usage 0 x 0.1 = 0", "below included"},
		{"model: unit, price: \"0.10\", included: 50", "50", "usage 0 x 0.1 = 0", "all included"},
		{"model: unit, price: \"0.10\", included: 50", "50.1", "usage 0.1 x 0.1 = 0.01", "first beyond included"},
		{"model: unit, price: \"0.10\", included: 50", "-50", "carried -50 x 0 = 0; usage 0 x 0.1 = 0",
	         "below zero, with included"},
		{"model: unit, price: \"1\", per: 3", "1", "usage 1 x 1 / 3 = 0.33 (1/3)", "no decimal is exact"},
		{"model: unit, price: \"1\", per: 3", "2", "usage 2 x 1 / 3 = 0.67 (2/3)", "rounded to the nearer"},
		{"model: unit, price: \"1\", per: \"0.5\"", "3", "usage 3 x 1 / 0.5 = 6", "per is a decimal"},
		{"model: unit, price: \"0.005\"", "1", "usage 1 x 0.005 = 0.01 (0.005)", "a half goes up"},
		{"model: unit, price: \"0.067\"", "55", "usage 55 x 0.067 = 3.69 (3.685)", "killbill#1124"},
		{"model: unit, price: \"0.000011\"", "44640", "usage 44640 x 0.000011 = 0.49 (0.49104)",
	         "mitos#662: rounded once a line, not once a minute"},
	};
	expect_rows(rows, COUNT(rows));
}

#define TIERS "tiers: [{up_to: 10, price: \"1\"}, {up_to: \"20.5\", price: \"0.5\"}, {price: \"0.1\"}]"
#define FLATS "tiers: [{up_to: 10, price: \"1\", flat: \"3\"}, {up_to: 20, price: \"0.5\"}, {price: \"0.1\", flat: \"7\"}]"
#define STAIRS "tiers: [{up_to: 10, flat: \"5\"}, {up_to: 20, flat: \"8\"}, {flat: \"0\"}]"

static void test_graduated_fills_tier_after_tier(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: graduated, " TIERS, "0", "usage 0 x 1 = 0", "zero: the first tier's price"},
		{"model: graduated, " TIERS, "-1", "carried -1 x 0 = 0; usage 0 x 1 = 0", "below zero"},
		{"model: graduated, " TIERS, "9.5", "usage 9.5 x 1 = 9.5", "within the first"},
		{"model: graduated, " TIERS, "10", "usage 10 x 1 = 10", "up_to is inclusive"},
		{"model: graduated, " TIERS, "10.2", "usage 10 x 1 = 10; usage 0.2 x 0.5 = 0.1", "first beyond it"},
		{"model: graduated, " TIERS, "20.5", "usage 10 x 1 = 10; usage 10.5 x 0.5 = 5.25", "up_to is a decimal"},
		{"model: graduated, " TIERS, "20.6", "usage 10 x 1 = 10; usage 10.5 x 0.5 = 5.25; usage 0.1 x 0.1 = 0.01",
	         "the last tier"},
		{"model: graduated, included: 5, " TIERS, "15", "usage 10 x 1 = 10", "tiers count after included"},
		{"model: graduated, included: 5, " TIERS, "15.2", "usage 10 x 1 = 10; usage 0.2 x 0.5 = 0.1",
	         "tiers count after included"},
		{"model: graduated, per: 4, " TIERS, "12", "usage 10 x 1 / 4 = 2.5; usage 2 x 0.5 / 4 = 0.25",
	         "prices are per 4"},
		{"model: graduated, " FLATS, "0", "usage 0 x 1 = 0", "0 units cost 0"},
		{"model: graduated, included: 4, " FLATS, "4", "usage 0 x 1 = 0", "all included is zero usage"},
		{"model: graduated, included: 4, " FLATS, "4.1", "usage 0.1 x 1 = 0.1; flat 1 x 3 = 3",
	         "any quantity makes a flat due"},
		{"model: graduated, per: 2, " FLATS, "1", "usage 1 x 1 / 2 = 0.5; flat 1 x 3 = 3", "a flat is not per anything"},
		{"model: graduated, " FLATS, "10", "usage 10 x 1 = 10; flat 1 x 3 = 3",
	         "the next tier is not reached at its edge"},
		{"model: graduated, " FLATS, "21",
	         "usage 10 x 1 = 10; flat 1 x 3 = 3; usage 10 x 0.5 = 5; usage 1 x 0.1 = 0.1; flat 1 x 7 = 7",
	         "each reached tier's flat"},
		{"model: graduated, flat_at_zero: true, " FLATS, "0", "usage 0 x 1 = 0; flat 1 x 3 = 3", "flat_at_zero"},
		{"model: graduated, flat_at_zero: true, " FLATS, "-1", "carried -1 x 0 = 0; usage 0 x 1 = 0; flat 1 x 3 = 3",
	         "flat_at_zero, below zero"},
		{"model: graduated, flat_at_zero: true, " FLATS, "1", "usage 1 x 1 = 1; flat 1 x 3 = 3", "once, not twice"},
		{"model: graduated, flat_at_zero: true, " TIERS, "0", "usage 0 x 1 = 0", "no flat to be due"},
		{"model: graduated, " STAIRS, "0", "usage 0 x 0 = 0", "stairstep: zero"},
		{"model: graduated, " STAIRS, "11", "flat 1 x 5 = 5; flat 1 x 8 = 8", "stairstep: each step"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_volume_prices_all_by_one_tier(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: volume, " TIERS, "0", "usage 0 x 1 = 0", "zero: the first tier's price"},
		{"model: volume, " TIERS, "10", "usage 10 x 1 = 10", "up_to is inclusive"},
		{"model: volume, " TIERS, "10.2", "usage 10.2 x 0.5 = 5.1",
	         "the whole quantity at the next price: a documented cliff"},
		{"model: volume, " TIERS, "20.5", "usage 20.5 x 0.5 = 10.25", "up_to is inclusive"},
		{"model: volume, " TIERS, "20.6", "usage 20.6 x 0.1 = 2.06", "the last tier"},
		{"model: volume, included: 5, " TIERS, "15", "usage 10 x 1 = 10", "tiers count after included"},
		{"model: volume, included: 5, " TIERS, "15.2", "usage 10.2 x 0.5 = 5.1", "tiers count after included"},
		{"model: volume, per: 4, " TIERS, "12", "usage 12 x 0.5 / 4 = 1.5", "prices are per 4"},
		{"model: volume, " FLATS, "0", "usage 0 x 1 = 0", "0 units cost 0"},
		{"model: volume, " FLATS, "10", "usage 10 x 1 = 10; flat 1 x 3 = 3", "the reached tier's flat"},
		{"model: volume, " FLATS, "15", "usage 15 x 0.5 = 7.5", "not that of tiers passed"},
		{"model: volume, " FLATS, "21", "usage 21 x 0.1 = 2.1; flat 1 x 7 = 7", "the last tier's only"},
		{"model: volume, flat_at_zero: true, " FLATS, "0", "usage 0 x 1 = 0; flat 1 x 3 = 3", "flat_at_zero"},
		{"model: volume, flat_at_zero: true, " FLATS, "15", "usage 15 x 0.5 = 7.5", "only at zero"},
		{"model: volume, " STAIRS, "0", "usage 0 x 0 = 0", "stairstep: zero"},
		{"model: volume, flat_at_zero: true, " STAIRS, "0", "flat 1 x 5 = 5", "stairstep: flat_at_zero"},
		{"model: volume, " STAIRS, "0.5", "flat 1 x 5 = 5", "stairstep: the first step"},
		{"model: volume, " STAIRS, "10", "flat 1 x 5 = 5", "stairstep: its end"},
		{"model: volume, " STAIRS, "11", "flat 1 x 8 = 8", "stairstep: the second step"},
		{"model: volume, " STAIRS, "21", "flat 1 x 0 = 0", "stairstep: a free step is shown"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_package_rounds_up_to_whole_packages(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: package, per: 10, price: \"2.00\"", "0", "usage 0 x 2 = 0", "none used, none billed"},
		{"model: package, per: 10, price: \"2.00\"", "-1", "carried -1 x 0 = 0; usage 0 x 2 = 0", "below zero"},
		{"model: package, per: 10, price: \"2.00\"", "0.001", "usage 1 x 2 = 2", "any part of a package"},
		{"model: package, per: 10, price: \"2.00\"", "10", "usage 1 x 2 = 2", "exactly full"},
		{"model: package, per: 10, price: \"2.00\"", "10.001", "usage 2 x 2 = 4", "one more"},
		{"model: package, per: 10, price: \"2.00\", included: 5", "5", "usage 0 x 2 = 0", "all included"},
		{"model: package, per: 10, price: \"2.00\", included: 5", "15", "usage 1 x 2 = 2",
	         "included is taken off before packing"},
		{"model: package, per: 10, price: \"2.00\", included: 5", "16", "usage 2 x 2 = 4",
	         "included is taken off before packing"},
		{"model: package, per: \"0.3\", price: \"1\"", "0.9", "usage 3 x 1 = 3", "a package size no binary fraction has"},
		{"model: package, price: \"1\"", "2.5", "usage 3 x 1 = 3", "packages of 1"},
	};
	expect_rows(rows, COUNT(rows));
}

#define RATES                                                                                                                    \
	"model: unit, per: 1000, rates: [{match: {model: large, kind: in}, price: \"3\"}, {match: {model: large}, price: "       \
	"\"15\"}, "                                                                                                              \
	"{match: {kind: out}, price: \"2\"}]"

static void test_rates_first_match_wins(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{RATES, "", "usage 0 x 3 / 1000 = 0", "no usage: the first rate's price"},
		{RATES, "large/in=1000", "usage 1000 x 3 / 1000 = 3", "the first"},
		{RATES, "large/out=1000", "usage 1000 x 15 / 1000 = 15",
	         "a dimension not named matches anything; the third would match too"},
		{RATES, "large/-=1000", "usage 1000 x 15 / 1000 = 15", "even a missing one"},
		{RATES, "-/out=1000 small/out=1000", "usage 2000 x 2 / 1000 = 4", "groups of one rate are one line"},
		{RATES, "small/out=1 large/out=1 large/in=1",
	         "usage 1 x 3 / 1000 = 0 (0.003); usage 1 x 15 / 1000 = 0.02 (0.015); usage 1 x 2 / 1000 = 0 (0.002)",
	         "in the order of rates"},
		{RATES, "large/in=-5", "carried -5 x 0 = 0; usage 0 x 3 / 1000 = 0", "below zero bills 0"},
		{RATES, "large/in=-5 large/in=7", "usage 2 x 3 / 1000 = 0.01 (0.006)", "after adding up"},
		{"model: unit, rates: [{match: {}, price: \"2\"}]", "-/-=5 a/b=1", "usage 6 x 2 = 12",
	         "a rate without match takes all"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_rates_unmatched_never_vanishes(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{RATES, "small/in=1 large/in=1000", "usage 1000 x 3 / 1000 = 3; suspended 1", "suspend is the default"},
		{RATES ", unmatched: suspend", "small/in=1 -/-=2.5", "suspended 1; suspended 2.5",
	         "one line per combination, no usage line"},
		{RATES ", unmatched: suspend", "small/in=0", "suspended 0", "events of no quantity still lack a rate"},
		{RATES ", unmatched: suspend", "small/in=!3", "usage 0 x 3 / 1000 = 0; suspended 3",
	         "no measured event: nothing lacks a rate"},
		{RATES ", unmatched: free", "small/in=1 -/-=2.5", "usage 3.5 x 0 / 1000 = 0", "free, but shown"},
		{RATES ", unmatched: {price: \"7\"}", "small/in=1000 -/-=1000 large/in=1",
	         "usage 1 x 3 / 1000 = 0 (0.003); usage 2000 x 7 / 1000 = 14", "all unmatched on one line, after the rates"},
		{RATES ", unmatched: {price: \"7\"}", "large/in=1", "usage 1 x 3 / 1000 = 0 (0.003)",
	         "nothing unmatched, no line"},
		{RATES ", unmatched: {price: \"7\"}", "small/in=-4", "carried -4 x 0 = 0; usage 0 x 7 / 1000 = 0",
	         "below zero bills 0"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_rates_merge_by_the_aggregation(void **state)
{
	(void)state;
	expect_rating("    currency: USD\n    charges:\n"
	              "      - {key: c, meter: peak, model: unit, rates: [{match: {region: eu}, price: \"1\"}, {match: {}, "
	              "price: \"2\"}]}\n",
	              "peak eu=5 eu=7 us=3 -=2", "usage 7 x 1 = 7; usage 3 x 2 = 6", "13", "13",
	              "max of the groups, not their sum");
	expect_rating("    currency: USD\n    charges:\n      - {key: c, meter: peak, model: unit, price: \"1\"}\n",
	              "peak eu=5 us=7", "usage 7 x 1 = 7", "7", "7", "max over all groups without rates");
	expect_rating("    currency: USD\n    charges:\n      - {key: c, meter: peak, model: unit, price: \"1\"}\n",
	              "peak eu=-5 us=-7", "usage 0 x 1 = 0", "0", "0", "a maximum below zero bills 0");
}

static void test_latest_takes_the_newest_group(void **state)
{
	(void)state;
	struct meter_catalog *catalog =
		catalog_with("    currency: USD\n    charges:\n      - {key: c, meter: last, model: unit, price: \"1\"}\n");
	const char *const none[] = {NULL};
	const struct usage_group groups[] = {{none, {.events = 4, .value = dec("9"), .at_us = 10}},
	                                     {none, {.events = 1, .value = dec("2"), .at_us = 20}}};
	const struct charge_usage usage = {.groups = groups, .group_count = 2};
	struct rating rating;
	assert_int_equal(rate_one(&rating, &catalog->plans[0], &usage, january, january), METER_OK);
	assert_int_equal(meter__decimal_compare(rating.total, dec("2")), 0);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

static void test_unmeasured_events_suspend(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: unit, price: \"1\"", "5!2 a/b=!1", "usage 5 x 1 = 5; suspended 3",
	         "what could be measured is rated, the rest is shown"},
		{"model: unit, price: \"1\", minimum: \"9\"", "!1", "usage 0 x 1 = 0; suspended 1; minimum 1 x 9 = 9",
	         "limits come after"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_charge_minimum_and_maximum(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: unit, price: \"1\", minimum: \"5\"", "0", "usage 0 x 1 = 0; minimum 1 x 5 = 5", "also at zero usage"},
		{"model: unit, price: \"0.01\", minimum: \"5\"", "499", "usage 499 x 0.01 = 4.99; minimum 1 x 0.01 = 0.01",
	         "a cent short"},
		{"model: unit, price: \"0.01\", minimum: \"5\"", "500", "usage 500 x 0.01 = 5", "just reached"},
		{"model: unit, price: \"0.01\", maximum: \"5\"", "500", "usage 500 x 0.01 = 5", "just reached"},
		{"model: unit, price: \"0.01\", maximum: \"5\"", "501", "usage 501 x 0.01 = 5.01; maximum -1 x 0.01 = -0.01",
	         "a cent over"},
		{"model: unit, price: \"1\", maximum: \"0\"", "3", "usage 3 x 1 = 3; maximum -1 x 3 = -3", "capped at nothing"},
		{"model: unit, price: \"1\", minimum: \"2\", maximum: \"2\"", "1", "usage 1 x 1 = 1; minimum 1 x 1 = 1",
	         "both alike, below"},
		{"model: unit, price: \"1\", minimum: \"2\", maximum: \"2\"", "3", "usage 3 x 1 = 3; maximum -1 x 1 = -1",
	         "both alike, above"},
		{"model: unit, price: \"0.01\", minimum: \"0.005\"", "0", "usage 0 x 0.01 = 0; minimum 1 x 0.01 = 0.01",
	         "rounded first"},
		{"model: unit, price: \"0.01\", minimum: \"0.004\"", "0", "usage 0 x 0.01 = 0", "rounded to nothing"},
		{"model: unit, price: \"0.01\", maximum: \"0.014\"", "2", "usage 2 x 0.01 = 0.02; maximum -1 x 0.01 = -0.01",
	         "rounded first"},
		{"model: unit, price: \"0.004\", minimum: \"0.004\"", "1", "usage 1 x 0.004 = 0 (0.004)",
	         "the rounded amounts are compared"},
		{"model: graduated, maximum: \"12\", " FLATS, "21",
	         "usage 10 x 1 = 10; flat 1 x 3 = 3; usage 10 x 0.5 = 5; usage 1 x 0.1 = 0.1; flat 1 x 7 = 7; maximum -1 x 13.1 "
	         "= -13.1",
	         "of all lines of the charge"},
	};
	expect_rows(rows, COUNT(rows));
}

#define ONE "model: unit, price: \"1\", "
static void test_charge_discounts(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ONE "discounts: [{percent: 10}]", "5", "usage 5 x 1 = 5; discount -5 x 10 / 100 = -0.5", "percent"},
		{ONE "discounts: [{percent: \"12.5\"}]", "0.2",
	         "usage 0.2 x 1 = 0.2; discount -0.2 x 12.5 / 100 = -0.03 (-0.025)", "a half goes away from zero"},
		{ONE "discounts: [{percent: 100}]", "5", "usage 5 x 1 = 5; discount -5 x 100 / 100 = -5", "all of it"},
		{ONE "discounts: [{percent: 1}]", "0.01", "usage 0.01 x 1 = 0.01; discount -0.01 x 1 / 100 = 0 (-0.0001)",
	         "too little to see"},
		{ONE "discounts: [{percent: 10}]", "0", "usage 0 x 1 = 0", "nothing to take, no line"},
		{ONE "discounts: [{amount: 3}]", "5", "usage 5 x 1 = 5; discount -1 x 3 = -3", "amount"},
		{ONE "discounts: [{amount: 3}]", "3", "usage 3 x 1 = 3; discount -1 x 3 = -3", "amount, all of it"},
		{ONE "discounts: [{amount: 3}]", "2.5", "usage 2.5 x 1 = 2.5; discount -1 x 2.5 = -2.5", "amount, cut at zero"},
		{ONE "discounts: [{amount: 3}]", "0", "usage 0 x 1 = 0", "nothing to take, no line"},
		{ONE "discounts: [{percent: 10}, {percent: 50}]", "10",
	         "usage 10 x 1 = 10; discount -10 x 10 / 100 = -1; discount -9 x 50 / 100 = -4.5", "each on what is left"},
		{ONE "discounts: [{amount: 4}, {percent: 50}, {amount: 4}]", "10",
	         "usage 10 x 1 = 10; discount -1 x 4 = -4; discount -6 x 50 / 100 = -3; discount -1 x 3 = -3", "in their order"},
		{ONE "minimum: \"6\", discounts: [{percent: 50}]", "2",
	         "usage 2 x 1 = 2; minimum 1 x 4 = 4; discount -6 x 50 / 100 = -3",
	         "after the minimum: a discount may go below it"},
		{ONE "maximum: \"6\", discounts: [{percent: 50}]", "9",
	         "usage 9 x 1 = 9; maximum -1 x 3 = -3; discount -6 x 50 / 100 = -3", "after the maximum"},
		{ONE "discounts: [{percent: 10, from: 2026-01-01T00:00:00Z}]", "5",
	         "usage 5 x 1 = 5; discount -5 x 10 / 100 = -0.5", "from is in"},
		{ONE "discounts: [{percent: 10, from: 2026-01-01T00:00:00.000001Z}]", "5", "usage 5 x 1 = 5", "not begun"},
		{ONE "discounts: [{percent: 10, until: 2026-01-01T00:00:00Z}]", "5", "usage 5 x 1 = 5", "until is out"},
		{ONE "discounts: [{percent: 10, until: 2026-01-01T00:00:00.000001Z}]", "5",
	         "usage 5 x 1 = 5; discount -5 x 10 / 100 = -0.5", "the start of the period decides"},
	};
	expect_rows(rows, COUNT(rows));
}

#define TWO                                                                                                                      \
	"    currency: USD\n    charges:\n      - {key: a, meter: calls, model: unit, price: \"1\"}\n"                           \
	"      - {key: b, meter: exports, model: unit, price: \"1\"}\n"

static void test_plan_discounts(void **state)
{
	(void)state;
	static const struct {
		const char *plan;
		const char *usage;
		const char *expected;
		const char *subtotal;
		const char *total;
		const char *why;
	} rows[] = {
		{TWO "    discounts: [{percent: 10}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -100 x 10 / 100 = -10", "100", "90", "of all charges"},
		{TWO "    discounts: [{percent: 10}]\n", "", "usage 0 x 1 = 0; usage 0 x 1 = 0", "0", "0",
	         "nothing to take, no line"},
		{TWO "    discounts: [{percent: 10, applies_to: [b]}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -40 x 10 / 100 = -4", "100", "96", "of some charges"},
		{TWO "    discounts: [{percent: 10, until: 2026-01-01T00:00:00Z}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40", "100", "100", "not in force"},
		{TWO "    discounts: [{amount: 50, applies_to: [b]}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -1 x 40 = -40", "100", "60",
	         "not more than its charges come to"},
		{TWO "    discounts: [{amount: 500}, {amount: 1}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -1 x 100 = -100", "100", "0", "never below zero in total"},
		{TWO "    discounts: [{percent: 10}, {percent: 10}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -100 x 10 / 100 = -10; discount -90 x 10 / 100 = -9", "100",
	         "81", "each on what is left"},
		{TWO "    discounts: [{percent: 10}, {percent: 50, applies_to: [a]}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -100 x 10 / 100 = -10; discount -54 x 50 / 100 = -27", "100",
	         "63", "a later one on some charges finds what their share of the earlier one left"},
		{TWO "    discounts: [{amount: 1}, {percent: 100, applies_to: [a]}, {percent: 100}]\n", "calls 2 exports 1",
	         "usage 2 x 1 = 2; usage 1 x 1 = 1; discount -1 x 1 = -1; discount -1.33 x 100 / 100 = -1.33; "
	         "discount -0.67 x 100 / 100 = -0.67",
	         "3", "0", "shares are whole cents, and add up"},
		{"    currency: USD\n    charges:\n      - {key: a, meter: calls, model: unit, price: \"1\", discounts: "
	         "[{percent: 50}]}\n"
	         "    discounts: [{percent: 10}]\n",
	         "60", "usage 60 x 1 = 60; discount -60 x 50 / 100 = -30; discount -30 x 10 / 100 = -3", "30", "27",
	         "after the charge's discounts"},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_rating(rows[i].plan, rows[i].usage, rows[i].expected, rows[i].subtotal, rows[i].total, rows[i].why);
}

static void test_plan_minimum_and_maximum(void **state)
{
	(void)state;
	static const struct {
		const char *plan;
		const char *usage;
		const char *expected;
		const char *total;
		const char *why;
	} rows[] = {
		{TWO "    minimum: \"100\"\n", "calls 60 exports 39.99",
	         "usage 60 x 1 = 60; usage 39.99 x 1 = 39.99; minimum 1 x 0.01 = 0.01", "100", "a cent short"},
		{TWO "    minimum: \"100\"\n", "calls 60 exports 40", "usage 60 x 1 = 60; usage 40 x 1 = 40", "100",
	         "just reached"},
		{TWO "    minimum: \"100\"\n", "", "usage 0 x 1 = 0; usage 0 x 1 = 0; minimum 1 x 100 = 100", "100",
	         "without usage"},
		{TWO "    maximum: \"100\"\n", "calls 60 exports 40", "usage 60 x 1 = 60; usage 40 x 1 = 40", "100",
	         "just reached"},
		{TWO "    maximum: \"100\"\n", "calls 60 exports 40.01",
	         "usage 60 x 1 = 60; usage 40.01 x 1 = 40.01; maximum -1 x 0.01 = -0.01", "100", "a cent over"},
		{TWO "    minimum: \"100\"\n    discounts: [{percent: 10}]\n", "calls 60 exports 40",
	         "usage 60 x 1 = 60; usage 40 x 1 = 40; discount -100 x 10 / 100 = -10; minimum 1 x 10 = 10", "100",
	         "after the discounts"},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_rating(rows[i].plan, rows[i].usage, rows[i].expected, NULL, rows[i].total, rows[i].why);
}

static void test_plan_lines_have_no_charge_and_come_last(void **state)
{
	(void)state;
	struct meter_catalog *catalog = catalog_with(TWO "    minimum: \"9\"\n    discounts: [{percent: 10, applies_to: [a]}]\n");
	const struct plan *plan = &catalog->plans[0];
	struct rating rating;
	rate_usage(&rating, plan, "calls 1 exports 2");
	assert_int_equal(rating.line_count, 4);
	assert_ptr_equal(rating.lines[0].charge, &plan->charges[0]);
	assert_ptr_equal(rating.lines[1].charge, &plan->charges[1]);
	assert_null(rating.lines[2].charge);
	assert_null(rating.lines[3].charge);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

static void test_flat_is_charged_for_its_active_part(void **state)
{
	(void)state;
	const int64_t from = january.from_us;
	const int64_t to = january.to_us;
	const struct {
		bool is_prorated;
		struct period active;
		const char *expected;
		const char *why;
	} rows[] = {
		{true, {from, to}, "flat 1 x 31.01 = 31.01", "the whole period"},
		{true, {from + 14 * US_PER_DAY, to}, "flat 17 x 31.01 / 31 = 17.01 (52717/3100)", "whole days"},
		{true, {from, from + US_PER_DAY}, "flat 1 x 31.01 / 31 = 1 (3101/3100)", "one day"},
		{true,
	         {from + 1, from + 1 + US_PER_DAY},
	         "flat 1 x 31.01 / 31 = 1 (3101/3100)",
	         "a day is 24 hours, whenever it begins"},
		{true, {from, to - US_PER_SECOND}, "flat 2678399 x 31.01 / 2678400 = 31.01 (8305715299/267840000)", "seconds"},
		{true, {to - 1, to}, "flat 1 x 31.01 / 2678400000000 = 0 (3101/267840000000000)", "a microsecond"},
		{true, {from, from}, "", "never active, no line"},
		{false, {from, to}, "flat 1 x 31.01 = 31.01", "not prorated, the whole period"},
		{false, {to - 1, to}, "flat 1 x 31.01 = 31.01", "not prorated: charged whole"},
		{false, {to, to}, "", "not prorated, never active, no line"},
	};
	struct meter_catalog *catalogs[] = {
		catalog_with("    currency: USD\n    charges:\n      - {key: base, model: flat, amount: \"31.01\"}\n"),
		catalog_with("    currency: USD\n    charges:\n      - {key: base, model: flat, amount: \"31.01\", proration: "
	                     "time}\n"),
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct charge_usage usage = {.groups = NULL, .group_count = 0};
		struct rating rating;
		struct buffer lines = {0};
		const struct plan *plan = &catalogs[rows[i].is_prorated]->plans[0];
		assert_int_equal(rate_one(&rating, plan, &usage, january, rows[i].active), METER_OK);
		for (size_t n = 0; n < rating.line_count; n++)
			put_line(&lines, &rating.lines[n]);
		if (strcmp(meter__buffer_cstr(&lines), rows[i].expected) != 0)
			fail_msg("%s\n got %s\nwant %s", rows[i].why, meter__buffer_cstr(&lines), rows[i].expected);
		meter__buffer_free(&lines);
		meter__rating_free(&rating);
	}
	meter__catalog_release(catalogs[0]);
	meter__catalog_release(catalogs[1]);
}

static void test_rounding_follows_currency_and_mode(void **state)
{
	(void)state;
	static const struct {
		const char *head;
		const char *expected;
	} rows[] = {
		/* one exact amount, rounded by each currency's own exponent */
		{"    currency: JPY\n", "usage 5 x 2.4685 = 12 (12.3425)"},
		{"    currency: USD\n", "usage 5 x 2.4685 = 12.34 (12.3425)"},
		{"    currency: KWD\n", "usage 5 x 2.4685 = 12.343 (12.3425)"},
		{"    currency: KWD\n    rounding: half_up\n", "usage 5 x 2.4685 = 12.343 (12.3425)"},
		{"    currency: KWD\n    rounding: half_even\n", "usage 5 x 2.4685 = 12.342 (12.3425)"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buffer plan = {0};
		meter__buffer_format(&plan, "%s    charges:\n      - {key: c, meter: calls, model: unit, price: \"2.4685\"}\n",
		                     rows[i].head);
		expect_rating(meter__buffer_cstr(&plan), "5", rows[i].expected, NULL, NULL, rows[i].head);
		meter__buffer_free(&plan);
	}
	expect_rating("    currency: JPY\n    minimum: \"100.5\"\n    charges:\n      - {key: c, meter: calls, model: unit, "
	              "price: \"1\"}\n",
	              "5", "usage 5 x 1 = 5; minimum 1 x 96 = 96", "5", "101", "limits are rounded in the plan's mode: half_up");
	expect_rating("    currency: JPY\n    rounding: half_even\n    minimum: \"100.5\"\n    charges:\n"
	              "      - {key: c, meter: calls, model: unit, price: \"1\"}\n",
	              "5", "usage 5 x 1 = 5; minimum 1 x 95 = 95", "5", "100",
	              "limits are rounded in the plan's mode: half_even");
}

static void test_every_line_is_rounded_and_the_total_is_their_sum(void **state)
{
	(void)state;
	/* autumn#3407: lines that are each rounded must still add up to what the invoice says. */
	expect_rating("    currency: USD\n    charges:\n"
	              "      - {key: a, meter: calls, model: unit, price: \"0.005\"}\n"
	              "      - {key: b, meter: calls, model: unit, price: \"0.005\"}\n"
	              "      - {key: c, meter: calls, model: unit, price: \"0.005\"}\n",
	              "1", "usage 1 x 0.005 = 0.01 (0.005); usage 1 x 0.005 = 0.01 (0.005); usage 1 x 0.005 = 0.01 (0.005)",
	              "0.03", "0.03", "rounded per line");
}

#define CALLS                                                                                                                    \
	"      - {key: calls, meter: calls, model: graduated, included: 100000, per: 1000, tiers: [{up_to: 1000000, price: "     \
	"\"0.50\", flat: \"0\"}, "                                                                                               \
	"{price: \"0.40\"}], discounts: [{percent: \"10\", until: 2026-04-01T00:00:00Z, reason: launch offer}]}\n"

static void test_worked_examples(void **state)
{
	(void)state;
	expect_rating("    currency: USD\n    charges:\n" CALLS, "1234567",
	              "usage 1000000 x 0.5 / 1000 = 500; usage 134567 x 0.4 / 1000 = 53.83 (53.8268); "
	              "discount -553.83 x 10 / 100 = -55.38 (-55.383)",
	              "498.45", "498.45", "the worked example of the catalog");
	expect_rating("    currency: USD\n    minimum: \"500.00\"\n    charges:\n"
	              "      - {key: base, model: flat, amount: \"49.00\", bill: in_advance, proration: time}\n" CALLS
	              "      - {key: storage, meter: peak, model: unit, included: 50, price: \"0.10\"}\n"
	              "      - {key: exports, meter: exports, model: package, per: 10, price: \"2.00\", maximum: \"40.00\"}\n",
	              "calls 1234567 peak eu=120 exports 23",
	              "flat 1 x 49 = 49; usage 1000000 x 0.5 / 1000 = 500; usage 134567 x 0.4 / 1000 = 53.83 (53.8268); "
	              "discount -553.83 x 10 / 100 = -55.38 (-55.383); usage 70 x 0.1 = 7; usage 3 x 2 = 6",
	              "560.45", "560.45", "SaaS API, hybrid: above the minimum");
	expect_rating("    currency: USD\n    charges:\n"
	              "      - key: tokens\n        meter: calls\n        model: unit\n        per: 1000000\n        rates:\n"
	              "          - {match: {model: large-1, kind: input}, price: \"3.00\"}\n"
	              "          - {match: {model: large-1, kind: cache_read}, price: \"0.30\"}\n"
	              "          - {match: {model: large-1, kind: output}, price: \"15.00\"}\n"
	              "          - {match: {model: small-1}, price: \"0.25\"}\n        unmatched: suspend\n",
	              "large-1/input=12345678 large-1/cache_read=5000000 large-1/output=2345678 small-1/input=90000000 "
	              "small-1/output=8765432",
	              "usage 12345678 x 3 / 1000000 = 37.04 (37.037034); usage 5000000 x 0.3 / 1000000 = 1.5; "
	              "usage 2345678 x 15 / 1000000 = 35.19 (35.18517); usage 98765432 x 0.25 / 1000000 = 24.69 (24.691358)",
	              "98.42", "98.42", "LLM tokens");
}

static void test_descriptions_tell_how_a_line_came_about(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"name: API calls, model: unit, price: \"1\"", "1", "API calls (call)", "name"},
		{"model: unit, price: \"1\", included: 2", "1", "c (call), after 2 included", "key where there is no name"},
		{"model: graduated, included: 100, tiers: [{up_to: 10, price: \"1\", flat: \"2\"}, {up_to: 20, price: \"1\"}, "
	         "{price: \"1\"}]",
	         "121",
	         "c (call), tier 1: up to 10, after 100 included|c (call), tier 1: up to 10, after 100 included, flat|"
	         "c (call), tier 2: above 10 up to 20, after 100 included|c (call), tier 3: above 20, after 100 included",
	         "tiers"},
		{"model: volume, tiers: [{price: \"1\"}]", "5", "c (call), tier 1", "a single tier"},
		{"model: volume, tiers: [{up_to: 10, price: \"1\"}, {price: \"1\"}]", "11", "c (call), tier 2: above 10",
	         "the last of two"},
		{"model: package, per: 10, price: \"1\"", "395", "c (call), 40 packages of 10 for 395 units", "packages"},
		{"model: package, per: 10, included: 4, price: \"1\"", "5",
	         "c (call), 1 package of 10 for 1 unit, after 4 included", "one package"},
		{RATES ", unmatched: {price: \"1\"}", "large/in=1 large/x=1 -/out=1 z/z=1",
	         "c (call), rate model=large kind=in|c (call), rate model=large|c (call), rate kind=out|c (call), without a rate",
	         "rates"},
		{RATES ", unmatched: free", "z/z=1", "c (call), without a rate: free", "free"},
		{RATES, "z/-=1 a,b/\n=2 é/\"=3",
	         "c (call), no rate for model=z kind=(none)|c (call), no rate for model=\"a,b\" kind=\"\\n\"|c (call), no rate "
	         "for model=é kind=\"\\\"\"",
	         "suspended: dimensions and values, quoted where needed"},
		{RATES, "", "c (call), no usage", "rates without usage"},
		{"model: unit, rates: [{match: {kind: a}, price: \"1\"}, {match: {}, price: \"2\"}]", "a/b=1",
	         "c (call), rate for everything else", "rest"},
		{"model: unit, price: \"1\"", "1!1", "c (call)|c, 1 event could not be measured", "one unmeasured"},
		{"model: unit, price: \"1\"", "1!12", "c (call)|c, 12 events could not be measured", "unmeasured"},
		{"model: unit, price: \"1\", minimum: \"5\", discounts: [{percent: \"2.50\", reason: launch offer}, {amount: "
	         "99}]",
	         "1", "c (call)|c, minimum 5.00|c, discount 2.5 %: launch offer|c, discount 99.00", "limits and discounts"},
		{"model: unit, price: \"1\", maximum: \"0.5\"", "1", "c (call)|c, maximum 0.50", "maximum"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buffer plan = {0};
		meter__buffer_format(&plan, "    currency: USD\n    charges:\n      - {key: c, meter: calls, %s}\n",
		                     rows[i].charge);
		struct meter_catalog *catalog = catalog_with(meter__buffer_cstr(&plan));
		struct rating rating;
		struct usage u;
		usage_read(&u, &catalog->plans[0], rows[i].usage);
		assert_int_equal(rate_one(&rating, &catalog->plans[0], u.charges, january, january), METER_OK);
		struct buffer texts = {0};
		for (size_t n = 0; n < rating.line_count; n++)
			meter__buffer_format(&texts, "%s%s", n > 0 ? "|" : "", rating.lines[n].description);
		if (strcmp(meter__buffer_cstr(&texts), rows[i].expected) != 0)
			fail_msg("%s\n got %s\nwant %s", rows[i].why, meter__buffer_cstr(&texts), rows[i].expected);
		meter__buffer_free(&texts);
		meter__rating_free(&rating);
		meter__catalog_release(catalog);
		meter__buffer_free(&plan);
	}
}

static void test_plan_and_flat_descriptions(void **state)
{
	(void)state;
	struct meter_catalog *catalog = catalog_with(
		"    currency: USD\n    minimum: \"900\"\n    discounts: [{amount: \"1.5\", reason: sorry}]\n    charges:\n"
		"      - {key: base, name: Base fee, model: flat, amount: 49, proration: time}\n"
		"      - {key: seat, model: flat, amount: 9}\n");
	const struct charge_usage usage[2] = {{.groups = NULL}, {.groups = NULL}};
	struct rating rating;
	const struct period active = {january.from_us + 14 * US_PER_DAY, january.to_us};
	assert_int_equal(rate_one(&rating, &catalog->plans[0], usage, january, active), METER_OK);
	static const char *const expected[] = {"Base fee, 17 of 31 days", "seat", "discount 1.50: sorry", "minimum 900.00"};
	assert_int_equal(rating.line_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_string_equal(rating.lines[i].description, expected[i]);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

#define HUGE38 "99999999999999999999999999999999999999"
static void test_overflow_is_an_error_that_names_the_charge(void **state)
{
	(void)state;
	static const struct {
		const char *plan;
		const char *usage;
		const char *who;
		const char *why;
	} rows[] = {
		{TWO, "calls overflow", "charge a", "the meter's own overflow"},
		{TWO, "exports overflow", "charge b", "the meter's own overflow, second charge"},
		{TWO, "calls " HUGE38 " 1", "charge a", "groups that add up to too much"},
		{"    currency: USD\n    charges:\n      - {key: r, meter: calls, " RATES "}\n", "x/x=overflow", "charge r",
	         "a suspended group"},
		{"    currency: USD\n    charges:\n      - {key: r, meter: calls, " RATES "}\n", "large/in=overflow", "charge r",
	         "a rated group"},
		{"    currency: USD\n    charges:\n      - {key: r, meter: calls, " RATES ", unmatched: free}\n", "x/x=overflow",
	         "charge r", "a free group"},
		{"    currency: USD\n    charges:\n      - {key: c, meter: calls, model: unit, price: 1000}\n", HUGE38,
	         "charge c", "price x quantity"},
		{"    currency: KWD\n    charges:\n      - {key: c, meter: calls, model: graduated, "
	         "tiers: [{up_to: 1, price: 1}, {price: 10}]}\n",
	         HUGE38, "charge c", "a later tier"},
		{"    currency: JPY\n    charges:\n      - {key: c, meter: calls, model: unit, price: 1}\n"
	         "      - {key: d, meter: calls, model: unit, price: 1}\n",
	         HUGE38, "charge d", "the subtotal"},
		{"    currency: USD\n    charges:\n"
	         "      - {key: c, meter: calls, model: unit, price: \"0.01\", minimum: " HUGE38 "}\n",
	         "1", "charge c", "what is missing to the minimum"},
		{"    currency: USD\n    minimum: " HUGE38 "\n    charges:\n"
	         "      - {key: c, meter: calls, model: unit, price: \"0.01\"}\n",
	         "1", "plan p", "what is missing to the plan's minimum"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct meter_catalog *catalog = catalog_with(rows[i].plan);
		struct usage u;
		struct rating rating;
		char message[128];
		usage_read(&u, &catalog->plans[0], rows[i].usage);
		if (rate_one(&rating, &catalog->plans[0], u.charges, january, january) != METER_EOVERFLOW)
			fail_msg("%s: no overflow", rows[i].why);
		snprintf(message, sizeof message, "%s: a quantity or an amount does not fit into 38 digits", rows[i].who);
		assert_string_equal(meter_errmsg(), message);
		assert_null(rating.lines);
		meter__catalog_release(catalog);
	}
}

static void test_largest_amount_is_exact(void **state)
{
	(void)state;
	struct meter_catalog *catalog =
		catalog_with("    currency: JPY\n    charges:\n      - {key: c, meter: calls, model: unit, price: 1}\n");
	struct usage u;
	struct rating rating;
	usage_read(&u, &catalog->plans[0], HUGE38);
	assert_int_equal(rate_one(&rating, &catalog->plans[0], u.charges, january, january), METER_OK);
	assert_int_equal(meter__decimal_compare(rating.total, dec(HUGE38)), 0);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

static void test_free_accepts_an_empty_rating(void **state)
{
	(void)state;
	struct rating rating = {0};
	meter__rating_free(&rating);
	meter__rating_free(&rating);
}

/* Laws over random plans, made in memory. Quantities are whole and prices whole cents, so plain integers can tell what is right.
 */

#define TIERS_MAX 5
#define STEPS 3000

#define SEED 20260131

static uint64_t random_state;

static int64_t random_to(int64_t max) /* 0..max */
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((random_state >> 33) % (uint64_t)(max + 1));
}

struct sample {
	struct meter_definition meter;
	struct tier tiers[TIERS_MAX + 1]; /* one more: a law splits a tier */
	int64_t up_to[TIERS_MAX];         /* INT64_MAX: none */
	int64_t price[TIERS_MAX];         /* cents */
	int64_t flat[TIERS_MAX];          /* cents */
	struct charge charge;
	struct plan plan;
};

static struct decimal cents(int64_t n)
{
	char text[32];
	snprintf(text, sizeof text, "%lld.%02lld", (long long)(n / 100), (long long)(n % 100));
	return dec(text);
}

static int64_t to_cents(struct decimal d)
{
	return (int64_t)(scaled(d) / power_of_ten(10));
}

static void sample_make(struct sample *s, enum charge_model model)
{
	static char meter_key[] = "calls";
	static char charge_key[] = "c";
	static char plan_key[] = "p";
	memset(s, 0, sizeof *s);
	s->meter = (struct meter_definition){.key = meter_key, .aggregation = AGGREGATION_SUM};
	s->charge = (struct charge){.key = charge_key, .model = model, .meter = &s->meter, .per = DECIMAL_ONE, .tiers = s->tiers};
	s->charge.tier_count = (size_t)random_to(TIERS_MAX - 1) + 1;
	int64_t edge = 0;
	for (size_t i = 0; i < s->charge.tier_count; i++) {
		const bool is_last = i + 1 == s->charge.tier_count;
		edge += random_to(9) + 1;
		s->up_to[i] = is_last ? INT64_MAX : edge;
		s->price[i] = random_to(500);
		s->flat[i] = random_to(2) == 0 ? random_to(500) : 0;
		s->tiers[i] = (struct tier){.has_up_to = !is_last,
		                            .up_to = is_last ? DECIMAL_ZERO : meter__decimal_from_int(edge),
		                            .has_price = true,
		                            .price = cents(s->price[i]),
		                            .flat = cents(s->flat[i])};
	}
	s->charge.price = cents(s->price[0]);
	s->plan = (struct plan){.key = plan_key, .currency = "USD", .exponent = 2, .charges = &s->charge, .charge_count = 1};
}

static struct decimal sample_rate(const struct sample *s, struct decimal quantity)
{
	const struct usage_group group = {NULL, {.events = 1, .value = quantity}};
	const struct charge_usage usage = {.groups = &group, .group_count = 1};
	struct rating rating;
	assert_int_equal(rate_one(&rating, &s->plan, &usage, january, january), METER_OK);
	check_laws(&rating, &s->plan);
	const struct decimal total = rating.total;
	meter__rating_free(&rating);
	return total;
}

static int64_t sample_cents(const struct sample *s, int64_t quantity)
{
	return to_cents(sample_rate(s, meter__decimal_from_int(quantity)));
}

static size_t tier_of_unit(const struct sample *s, int64_t unit)
{
	size_t i = 0;
	while (unit > s->up_to[i])
		i++;
	return i;
}

#define LAW(condition, step)                                                                                                     \
	do {                                                                                                                     \
		if (!(condition))                                                                                                \
			fail_msg("seed %d, step %d: not %s", SEED, step, #condition);                                            \
	} while (0)

static int laws_setup(void **state)
{
	(void)state;
	random_state = SEED;
	return 0;
}

/* unit by unit, graduated is the sum of each unit's own price and of the flats of the tiers entered. */
static void test_law_graduated_is_the_sum_of_its_units(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS / 10; step++) {
		struct sample s;
		sample_make(&s, MODEL_GRADUATED);
		const int64_t included = random_to(3);
		s.charge.included = meter__decimal_from_int(included);
		int64_t expected = 0;
		for (int64_t quantity = 0; quantity < 60; quantity++) {
			const int64_t unit = quantity - included;
			if (unit > 0) {
				const size_t tier = tier_of_unit(&s, unit);
				const bool is_entered = unit == 1 || tier != tier_of_unit(&s, unit - 1);
				expected += s.price[tier] + (is_entered ? s.flat[tier] : 0);
			}
			LAW(sample_cents(&s, quantity) == expected, step);
		}
	}
}

/* only at the edges of tiers may volume fall, and nowhere else. */
static void test_law_volume_prices_each_unit_by_the_tier_of_the_last(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS / 10; step++) {
		struct sample s;
		sample_make(&s, MODEL_VOLUME);
		int64_t before = 0;
		for (int64_t quantity = 1; quantity < 60; quantity++) {
			const size_t tier = tier_of_unit(&s, quantity);
			const int64_t amount = sample_cents(&s, quantity);
			LAW(amount == quantity * s.price[tier] + s.flat[tier], step);
			LAW(amount >= before || tier != tier_of_unit(&s, quantity - 1), step);
			before = amount;
		}
	}
}

/* Packages round up, and more usage never costs less. */
static void test_law_packages_are_counted_as_they_fill(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS / 10; step++) {
		struct sample s;
		sample_make(&s, MODEL_PACKAGE);
		const int64_t per = random_to(6) + 1;
		s.charge.per = meter__decimal_from_int(per);
		int64_t packages = 0;
		int64_t room = 0;
		LAW(sample_cents(&s, 0) == 0, step);
		for (int64_t quantity = 1; quantity < 40; quantity++) {
			if (room == 0) {
				packages++;
				room = per;
			}
			room--;
			LAW(sample_cents(&s, quantity) == packages * s.price[0], step);
		}
	}
}

/* included usage is free, down to no usage at all. */
static void test_law_included_usage_costs_nothing(void **state)
{
	(void)state;
	static const enum charge_model models[] = {MODEL_UNIT, MODEL_GRADUATED, MODEL_VOLUME, MODEL_PACKAGE};
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, models[step % 4]);
		const int64_t included = random_to(1000);
		s.charge.included = meter__decimal_from_int(included);
		LAW(sample_cents(&s, random_to(included)) == 0, step);
		LAW(sample_cents(&s, -random_to(included)) == 0, step);
	}
}

/* minimum <= charge <= maximum, and what discounts may do to it. */
static void test_law_minimum_and_maximum_bound_the_charge(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, step % 2 == 0 ? MODEL_GRADUATED : MODEL_VOLUME);
		const int64_t minimum = random_to(20000);
		const int64_t maximum = minimum + random_to(5000);
		const int64_t quantity = random_to(100);
		const int64_t percent = random_to(100);
		const int64_t free_of_bounds = sample_cents(&s, quantity);
		s.charge.minimum = (struct amount){true, cents(minimum)};
		s.charge.maximum = (struct amount){true, cents(maximum)};
		const int64_t bounded = sample_cents(&s, quantity);
		LAW(bounded == (free_of_bounds < minimum ? minimum : free_of_bounds > maximum ? maximum : free_of_bounds), step);
		struct discount discount = {.kind = DISCOUNT_PERCENT,
		                            .value = meter__decimal_from_int(percent),
		                            .from_us = INT64_MIN,
		                            .until_us = INT64_MAX};
		s.charge.discounts = &discount;
		s.charge.discount_count = 1;
		LAW(sample_cents(&s, quantity) == bounded - (bounded * percent + 50) / 100, step);
	}
}

/* Nowhere but at the edges of volume tiers does more usage cost less. */
static void test_law_more_usage_never_costs_less(void **state)
{
	(void)state;
	static const enum charge_model rising[] = {MODEL_UNIT, MODEL_GRADUATED, MODEL_PACKAGE};
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, rising[step % 3]);
		const int64_t less = random_to(200);
		const int64_t more = less + random_to(200);
		LAW(sample_cents(&s, less) <= sample_cents(&s, more), step);
		LAW(sample_cents(&s, 0) >= 0, step);
	}
}

/* Splitting a tier into two of one price changes nothing. */
static void test_law_splitting_a_tier_changes_nothing(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, step % 2 == 0 ? MODEL_GRADUATED : MODEL_VOLUME);
		const size_t at = (size_t)random_to((int64_t)s.charge.tier_count - 1);
		const int64_t below = at == 0 ? 0 : s.up_to[at - 1];
		const int64_t quantity = random_to(80);
		if (s.up_to[at] - below < 2)
			continue;
		s.tiers[at].flat = DECIMAL_ZERO;
		const int64_t whole = sample_cents(&s, quantity);
		memmove(&s.tiers[at + 1], &s.tiers[at], (s.charge.tier_count - at) * sizeof s.tiers[0]);
		s.charge.tier_count++;
		s.tiers[at].has_up_to = true;
		s.tiers[at].up_to =
			meter__decimal_from_int(below + 1 + random_to(s.up_to[at] == INT64_MAX ? 50 : s.up_to[at] - below - 2));
		LAW(sample_cents(&s, quantity) == whole, step);
	}
}

/* the exact amount follows the price; how far a line may be from it is in check_laws(). */
static void test_law_scaling_the_price_scales_the_exact_amount(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, MODEL_UNIT);
		s.plan.exponent = 12;
		const struct decimal quantity = cents(random_to(100000));
		const int64_t factor = random_to(50);
		const int128 once = scaled(sample_rate(&s, quantity));
		s.charge.price = cents(s.price[0] * factor);
		LAW(scaled(sample_rate(&s, quantity)) == once * factor, step);
	}
}

/* The same where amounts have to be rounded: odd prices and divisors, each currency and mode. */
static void test_law_rounding_is_within_half_a_unit(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, step % 2 == 0 ? MODEL_GRADUATED : MODEL_UNIT);
		s.plan.exponent = (int32_t)random_to(4);
		s.plan.rounding = random_to(1) == 0 ? ROUND_HALF_UP : ROUND_HALF_EVEN;
		s.charge.per = meter__decimal_from_int(random_to(996) + 1);
		sample_rate(&s, cents(random_to(9000)));
	}
}

/* The order of groups, and of keys in the text, changes nothing. */
static void test_law_order_of_groups_changes_nothing(void **state)
{
	(void)state;
	static char dimension[] = "model";
	static char *dimensions[] = {dimension};
	static char value_a[] = "a";
	static char value_b[] = "b";
	static char value_c[] = "c";
	struct match matches[2];
	struct rate rates[2];
	char *values[] = {value_a, value_b, value_c};
	for (size_t i = 0; i < COUNT(rates); i++) {
		matches[i] = (struct match){0, values[i]};
		rates[i] = (struct rate){&matches[i], 1, cents((int64_t)i * 7 + 1)};
	}
	for (int step = 0; step < STEPS / 3; step++) {
		struct sample s;
		sample_make(&s, MODEL_UNIT);
		s.meter.dimensions = dimensions;
		s.meter.dimension_count = 1;
		s.charge.rates = rates;
		s.charge.rate_count = COUNT(rates);
		s.charge.unmatched = UNMATCHED_PRICE;
		s.charge.unmatched_price = cents(99);
		struct usage_group groups[GROUPS_MAX];
		const char *of_group[GROUPS_MAX];
		for (size_t i = 0; i < GROUPS_MAX; i++) {
			of_group[i] = values[random_to(2)];
			groups[i] = (struct usage_group){&of_group[i], {.events = 1, .value = cents(random_to(10000))}};
		}
		const struct charge_usage usage = {.groups = groups, .group_count = GROUPS_MAX};
		struct buffer lines[2] = {{0}, {0}};
		for (size_t n = 0; n < 2; n++) {
			struct rating rating;
			assert_int_equal(rate_one(&rating, &s.plan, &usage, january, january), METER_OK);
			for (size_t i = 0; i < rating.line_count; i++)
				put_line(&lines[n], &rating.lines[i]);
			meter__rating_free(&rating);
			for (size_t i = 0; i < GROUPS_MAX; i++) {
				const size_t other = (size_t)random_to(GROUPS_MAX - 1);
				const struct usage_group swapped = groups[i];
				groups[i] = groups[other];
				groups[other] = swapped;
			}
		}
		LAW(strcmp(meter__buffer_cstr(&lines[0]), meter__buffer_cstr(&lines[1])) == 0, step);
		meter__buffer_free(&lines[0]);
		meter__buffer_free(&lines[1]);
	}
}

/* any 37 digits, the point in any place, give a rating or METER_EOVERFLOW, and nothing else (the sanitizers watch). */
static struct decimal random_decimal(void)
{
	struct decimal d = DECIMAL_ZERO;
	char text[DECIMAL_TEXT_SIZE];
	const int64_t digits = random_to(36) + 1;
	const int64_t point = random_to(2) == 0 ? random_to(digits) : digits;
	size_t size = 0;
	text[size++] = '0';
	for (int64_t i = 0; i < digits; i++) {
		if (i == point)
			text[size++] = '.';
		text[size++] = random_to(1) == 0 ? '9' : (char)('0' + random_to(9));
	}
	assert_int_equal(meter__decimal_parse(&d, text, size), METER_OK);
	return d;
}

static void test_law_huge_numbers_give_a_rating_or_overflow(void **state)
{
	(void)state;
	static const enum charge_model models[] = {MODEL_UNIT, MODEL_GRADUATED, MODEL_VOLUME, MODEL_PACKAGE};
	int ratings = 0;
	int overflows = 0;
	for (int step = 0; step < STEPS; step++) {
		struct sample s;
		sample_make(&s, models[step % 4]);
		s.charge.price = random_decimal();
		s.tiers[0].price = random_decimal();
		s.charge.per = random_to(1) == 0 ? DECIMAL_ONE : random_decimal();
		if (meter__decimal_is_zero(s.charge.per))
			s.charge.per = DECIMAL_ONE;
		s.charge.included = random_to(1) == 0 ? DECIMAL_ZERO : random_decimal();
		s.charge.minimum = (struct amount){random_to(3) == 0, random_decimal()};
		struct discount discount = {
			.kind = DISCOUNT_PERCENT, .value = dec("33.3"), .from_us = INT64_MIN, .until_us = INT64_MAX};
		s.plan.discounts = &discount;
		s.plan.discount_count = (size_t)random_to(1);
		const struct usage_group group = {NULL, {.events = 1, .value = random_decimal()}};
		const struct charge_usage usage = {.groups = &group, .group_count = 1};
		struct rating rating;
		const int rc = rate_one(&rating, &s.plan, &usage, january, january);
		LAW(rc == METER_OK || rc == METER_EOVERFLOW, step);
		*(rc == METER_OK ? &ratings : &overflows) += 1;
		meter__rating_free(&rating);
	}
	assert_true(ratings > STEPS / 10);
	assert_true(overflows > STEPS / 10);
}

/* ---- shares of money, groups, conversions ---- */

static void test_percentage_of_an_amount(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: percentage, rate: \"2.9\"", "1000", "usage 1000 x 2.9 / 100 = 29", "a share"},
		{"model: percentage, rate: \"2.9\"", "0.17", "usage 0.17 x 2.9 / 100 = 0 (0.00493)", "rounded to nothing"},
		{"model: percentage, rate: \"2.9\"", "-50", "carried -50 x 0 = 0; usage 0 x 2.9 / 100 = 0",
	         "refunds cost nothing"},
		{"model: percentage, rate: \"2.9\"", "100 -40", "usage 60 x 2.9 / 100 = 1.74", "refunds count"},
		{"model: percentage, rate: 0, per_event: \"0.30\"", "10 20", "usage 30 x 0 / 100 = 0; usage 2 x 0.3 = 0.6",
	         "a fixed part for each event"},
		{"model: percentage, rate: 10, free_units: 25", "10 20", "usage 5 x 10 / 100 = 0.5", "free units"},
		{"model: percentage, rate: 10, free_units: 25", "10", "usage 0 x 10 / 100 = 0", "all free"},
		{"model: percentage, rate: 10, free_events: 2, per_event: 1", "100 50 30 20",
	         "usage 50 x 10 / 100 = 5; usage 2 x 1 = 2", "the first two are free, of both"},
		{"model: percentage, rate: 10, free_events: 9", "100 50", "usage 0 x 10 / 100 = 0", "more free than there were"},
		{"model: percentage, rate: 10, event_minimum: 2", "10 100", "usage 110 x 10 / 100 = 11; minimum 1 x 1 = 1",
	         "one is raised, the other not"},
		{"model: percentage, rate: 10, event_maximum: 5", "10 100", "usage 110 x 10 / 100 = 11; maximum -1 x 5 = -5",
	         "one is cut"},
		{"model: percentage, rate: 10, event_minimum: 2, event_maximum: 5", "10 100 30",
	         "usage 140 x 10 / 100 = 14; minimum 1 x 1 = 1; maximum -1 x 5 = -5", "2, 5 and 3"},
		{"model: percentage, rate: 10, per_event: 1, event_minimum: 2", "10 -5",
	         "usage 5 x 10 / 100 = 0.5; usage 2 x 1 = 2", "a refund has no least fee"},
		{"model: percentage, rate: 10, event_maximum: 1", "100 -95", "usage 5 x 10 / 100 = 0.5; maximum -1 x 0.5 = -0.5",
	         "never below 0, though 9 were cut"},
		{"model: percentage, rate: 10, free_units: 15, event_minimum: 2", "10 10",
	         "usage 5 x 10 / 100 = 0.5; minimum 1 x 3.5 = 3.5", "free units go to the first events"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_graduated_percentage_and_dynamic(void **state)
{
	(void)state;
#define SHARES "tiers: [{up_to: 1000, rate: 3}, {up_to: 5000, rate: \"2.5\", flat: 1}, {rate: 1}]"
	static const struct row rows[] = {
		{"model: graduated_percentage, " SHARES, "0", "usage 0 x 3 / 100 = 0", "nothing"},
		{"model: graduated_percentage, " SHARES, "1000", "usage 1000 x 3 / 100 = 30", "up_to is inclusive"},
		{"model: graduated_percentage, " SHARES, "6000",
	         "usage 1000 x 3 / 100 = 30; usage 4000 x 2.5 / 100 = 100; flat 1 x 1 = 1; usage 1000 x 1 / 100 = 10",
	         "each step"},
		{"model: dynamic", "3.333 4", "usage 7.333 x 1 = 7.33 (7.333)", "the events bring the amount"},
		{"model: dynamic, multiplier: \"1.2\"", "10", "usage 10 x 1.2 = 12", "with a margin"},
		{"model: dynamic", "-3", "carried -3 x 0 = 0; usage 0 x 1 = 0", "below zero"},
	};
	expect_rows(rows, COUNT(rows));
}

/* lago-api#5916: an event is in one group and under one rate, never in two. */
static void test_groups_are_priced_on_their_own(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: graduated, group_by: [model], " TIERS, "b/x=12 a/x=6 a/y=5",
	         "usage 10 x 1 = 10; usage 1 x 0.5 = 0.5; usage 10 x 1 = 10; usage 2 x 0.5 = 1", "tiers of each model, sorted"},
		{"model: unit, price: 1, included: 5, group_by: [model]", "a/x=6 -/x=3 b/x=5",
	         "usage 0 x 1 = 0; usage 1 x 1 = 1; usage 0 x 1 = 0", "included of each, a missing value first"},
		{"model: unit, price: 1, group_by: [model, kind]", "a/x=6 a/y=1", "usage 6 x 1 = 6; usage 1 x 1 = 1",
	         "two dimensions"},
		{"model: unit, price: 1, group_by: [model]", "", "usage 0 x 1 = 0", "no usage has a line, too"},
		{"model: package, price: 1, per: 10, group_by: [kind]", "a/x=6 b/x=5 a/y=1", "usage 2 x 1 = 2; usage 1 x 1 = 1",
	         "packages of each"},
		{"model: unit, price: 1, group_by: [model], minimum: 10", "a/x=3 b/x=4",
	         "usage 3 x 1 = 3; usage 4 x 1 = 4; minimum 1 x 3 = 3", "limits are of the charge"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_quantities_are_converted_and_rounded(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"model: unit, price: 1, convert: {divide_by: 1024}", "1536", "usage 1.5 x 1 = 1.5", "divided"},
		{"model: unit, price: 1, convert: {divide_by: 4096}", "1", "usage 0.000244140625 x 1 = 0 (0.000244140625)",
	         "exactly"},
		{"model: unit, price: 1, convert: {multiply_by: 60}", "1.5", "usage 90 x 1 = 90", "multiplied"},
		{"model: unit, price: 1, round: {to: 1, mode: up}", "1.01", "usage 2 x 1 = 2", "up"},
		{"model: unit, price: 1, round: {to: 1, mode: down}", "1.99", "usage 1 x 1 = 1", "down"},
		{"model: unit, price: 1, round: {to: \"0.5\", mode: half_up}", "1.25", "usage 1.5 x 1 = 1.5", "to halves"},
		{"model: unit, price: 1, round: {to: 15, mode: up}", "1", "usage 15 x 1 = 15", "to blocks of 15"},
		{"model: unit, price: 1, convert: {divide_by: 60}, round: {to: 1, mode: up}", "120", "usage 2 x 1 = 2",
	         "both, and 2 stays 2"},
		{"model: unit, price: 1, convert: {divide_by: 3}, round: {to: 1, mode: up}", "1", "usage 1 x 1 = 1",
	         "rounded once"},
		{"model: unit, price: 1, convert: {divide_by: 10}, included: 1", "25", "usage 1.5 x 1 = 1.5",
	         "included is taken off after that"},
		{"model: graduated, convert: {divide_by: 2}, " TIERS, "20", "usage 10 x 1 = 10", "tiers count after that"},
		{"model: unit, price: 1, included: 10, discounts: [{units: 5}]", "17", "usage 2 x 1 = 2",
	         "units off before included"},
		{"model: unit, price: 1, discounts: [{units: 5}, {percent: 50}]", "7",
	         "usage 2 x 1 = 2; discount -2 x 50 / 100 = -1", "units first"},
		{"model: unit, price: 1, discounts: [{units: 5, until: 2026-01-01T00:00:00Z}]", "7", "usage 7 x 1 = 7",
	         "not in force"},
	};
	expect_rows(rows, COUNT(rows));
}

static void test_tax_is_rounded_once_a_category(void **state)
{
	(void)state;
#define VAT ", tax: {category: VAT, percent: 19}"
	expect_rating("    currency: EUR\n    charges:\n"
	              "      - {key: a, model: flat, amount: \"0.13\"" VAT "}\n"
	              "      - {key: b, model: flat, amount: \"0.13\"" VAT "}\n"
	              "      - {key: c, model: flat, amount: \"10\", tax: {category: reduced, percent: 7}}\n"
	              "      - {key: d, model: flat, amount: \"1\"}\n",
	              "",
	              "flat 1 x 0.13 = 0.13; flat 1 x 0.13 = 0.13; flat 1 x 10 = 10; flat 1 x 1 = 1;"
	              " tax 0.26 x 19 / 100 = 0.05 (0.0494); tax 10 x 7 / 100 = 0.7",
	              "11.26", "12.01", "lago-api#821: not 0.02 twice");
	expect_rating("    currency: EUR\n    discounts: [{amount: 6}]\n    charges:\n"
	              "      - {key: a, model: flat, amount: 10" VAT "}\n"
	              "      - {key: b, model: flat, amount: 20, tax: {category: VAT, percent: 7}}\n",
	              "",
	              "flat 1 x 10 = 10; flat 1 x 20 = 20; discount -1 x 6 = -6;"
	              " tax 8 x 19 / 100 = 1.52; tax 16 x 7 / 100 = 1.12",
	              "30", "26.64", "a discount lowers each base by its share");
	expect_rating("    currency: EUR\n    minimum: 50\n    charges:\n"
	              "      - {key: a, model: flat, amount: 10" VAT "}\n"
	              "      - {key: b, model: flat, amount: 30}\n",
	              "", "flat 1 x 10 = 10; flat 1 x 30 = 30; minimum 1 x 10 = 10; tax 12.5 x 19 / 100 = 2.38 (2.375)", "40",
	              "52.38", "so does a minimum raise it");
	expect_rating("    currency: EUR\n    minimum: 50\n    charges:\n      - {key: a, model: flat, amount: 0" VAT "}\n", "",
	              "flat 1 x 0 = 0; minimum 1 x 50 = 50; tax 50 x 19 / 100 = 9.5", "0", "59.5",
	              "of nothing, the first bears it");
	static const char *const orders[] = {
		"      - {key: a, model: flat, amount: 68.18" VAT
		"}\n      - {key: b, model: flat, amount: 10.40, tax: {category: "
		"reduced, percent: 7}}\n",
		"      - {key: b, model: flat, amount: 10.40, tax: {category: reduced, percent: 7}}\n      - {key: a, model: "
		"flat, "
		"amount: 68.18" VAT "}\n",
	};
	static const char *const lines[] = {
		"flat 1 x 68.18 = 68.18; flat 1 x 10.4 = 10.4; discount -78.58 x 10 / 100 = -7.86 (-7.858); tax 61.36 x 19 / 100 "
		"= "
		"11.66 (11.6584); tax 9.36 x 7 / 100 = 0.66 (0.6552)",
		"flat 1 x 10.4 = 10.4; flat 1 x 68.18 = 68.18; discount -78.58 x 10 / 100 = -7.86 (-7.858); tax 9.36 x 7 / 100 = "
		"0.66 (0.6552); tax 61.36 x 19 / 100 = 11.66 (11.6584)",
	};
	for (size_t i = 0; i < 2; i++) {
		char plan[500];
		snprintf(plan, sizeof(plan), "    currency: EUR\n    discounts: [{percent: 10}]\n    charges:\n%s", orders[i]);
		expect_rating(plan, "", lines[i], "78.58", "83.04", "shares do not depend on the order of charges");
	}
}

/* ---- a period in parts ---- */

#define SEGMENTS_MAX 4

/* "days, usage" of each segment; all have the same plan. Days below 0: paused. */
static void expect_segments(const char *plan, const int *days, const char *const *usage, size_t count, const char *expected,
                            const char *total, const char *why)
{
	struct meter_catalog *catalog = catalog_with(plan);
	struct rate_segment segments[SEGMENTS_MAX];
	struct usage used[SEGMENTS_MAX];
	int64_t at_us = january.from_us;
	for (size_t i = 0; i < count; i++) {
		int64_t length_us = (days[i] < 0 ? -days[i] : days[i]) * US_PER_DAY;
		usage_read(&used[i], &catalog->plans[0], usage[i]);
		segments[i] = (struct rate_segment){.plan = &catalog->plans[0],
		                                    .active = {at_us, at_us + length_us},
		                                    .weight_us = days[i] < 0 ? 0 : length_us,
		                                    .usage = used[i].charges};
		at_us += length_us;
	}
	struct rating rating;
	struct account account = {0};
	assert_int_equal(meter__rate(&rating, segments, count, (struct rate_period){january, 0}, &account), METER_OK);
	meter__account_free(&account);
	struct buffer lines = {0};
	for (size_t i = 0; i < rating.line_count; i++)
		put_line(&lines, &rating.lines[i]);
	if (strcmp(meter__buffer_cstr(&lines), expected) != 0)
		fail_msg("%s\n got %s\nwant %s", why, meter__buffer_cstr(&lines), expected);
	if (meter__decimal_compare(rating.total, dec(total)) != 0)
		fail_msg("%s: the total is not %s", why, total);
	meter__buffer_free(&lines);
	meter__rating_free(&rating);
	meter__catalog_release(catalog);
}

/* lago-api#6194: the denominator is the whole period, not what is left of it. polarsource/polar#9090: a change of plan bills
 * neither a fee nor usage twice. useautumn/autumn#3407: parts do not drift from the whole. */
static void test_parts_of_a_period_add_up(void **state)
{
	(void)state;
	static const int halves[] = {15, 16}, start[] = {10}, thirds[] = {10, 10, 11}, pause[] = {10, -11, 10};
	static const char *const nothing[] = {"", "", ""}, *const some[] = {"40", "70", "5"};
#define FLAT(text) "    currency: USD\n    charges:\n      - {key: c, model: flat, amount: \"0.10\", " text "}\n"
#define USED(text) "    currency: USD\n    charges:\n      - {key: c, meter: calls, " text "}\n"
	expect_segments(FLAT("proration: none"), halves, nothing, 2,
	                "flat 15 x 0.1 / 31 = 0.05 (3/62); flat 16 x 0.1 / 31 = 0.05 (8/155)", "0.1", "a flat once, not twice");
	expect_segments(FLAT("proration: time"), thirds, nothing, 3,
	                "flat 10 x 0.1 / 31 = 0.03 (1/31); flat 10 x 0.1 / 31 = 0.03 (1/31); flat 11 x 0.1 / 31 = 0.04 (11/310)",
	                "0.1", "the cent that is missing goes to the largest remainder");
	expect_segments(FLAT("proration: none"), start, nothing, 1, "flat 1 x 0.1 = 0.1", "0.1", "a short period, not prorated");
	expect_segments(FLAT("proration: time"), start, nothing, 1, "flat 10 x 0.1 / 31 = 0.03 (1/31)", "0.03", "and prorated");
	expect_segments(FLAT("proration: time"), pause, nothing, 3,
	                "flat 10 x 0.1 / 31 = 0.03 (1/31); flat 10 x 0.1 / 31 = 0.03 (1/31)", "0.06", "a pause costs nothing");
	expect_segments(FLAT("proration: none"), pause, nothing, 3, "flat 10 x 0.1 / 20 = 0.05; flat 10 x 0.1 / 20 = 0.05", "0.1",
	                "or is not counted");
	expect_segments(USED("model: unit, price: 1, included: 100"), thirds, some, 3,
	                "usage 8 x 1 = 8; usage 38 x 1 = 38; usage 0 x 1 = 0", "46", "100 included are 32 + 32 + 36");
	expect_segments(USED("model: unit, price: 1, included: 100, proration: time"), start, some, 1, "usage 8 x 1 = 8", "8",
	                "of a short period 32");
	expect_segments(USED("model: unit, price: 1, included: 100"), start, some, 1, "usage 0 x 1 = 0", "0",
	                "without proration 100");
	expect_segments(USED("model: graduated, tiers: [{up_to: 31, price: 1, flat: 31}, {price: \"0.1\"}]"), halves, some, 2,
	                "usage 15 x 1 = 15; flat 1 x 15 = 15; usage 25 x 0.1 = 2.5; usage 16 x 1 = 16; flat 1 x 16 = 16;"
	                " usage 54 x 0.1 = 5.4",
	                "69.9", "bounds and flats of tiers");
	/* 7 and 8 divided each by itself are 1 + 1 + 5 and 0 + 2 + 6: the second tier would end before it begins. */
	static const int unequal[] = {2, 6, 23};
	static const char *const few[] = {"3", "3", "9"};
	expect_segments(USED("model: graduated, tiers: [{up_to: 7, price: 1}, {up_to: 8, price: 2}, {price: 5}]"), unequal, few,
	                3,
	                "usage 1 x 1 = 1; usage 2 x 5 = 10; usage 1 x 1 = 1; usage 2 x 5 = 10; usage 5 x 1 = 5; usage 1 x 2 = 2;"
	                " usage 3 x 5 = 15",
	                "44", "bounds stay in order");
	expect_segments(USED("model: volume, tiers: [{up_to: 7, price: 1}, {up_to: 8, price: 2}, {price: 5}]"), unequal, few, 3,
	                "usage 3 x 5 = 15; usage 3 x 5 = 15; usage 9 x 5 = 45", "75", "and their sum is that of the period");
	expect_segments(USED("model: unit, price: 1, minimum: 310"), halves, nothing, 2,
	                "usage 0 x 1 = 0; minimum 1 x 150 = 150; usage 0 x 1 = 0; minimum 1 x 160 = 160", "310",
	                "a minimum once");
	expect_segments("    currency: USD\n    minimum: 62\n    charges:\n      - {key: c, model: flat, amount: 31}\n", halves,
	                nothing, 2, "flat 15 x 31 / 31 = 15; minimum 1 x 15 = 15; flat 16 x 31 / 31 = 16; minimum 1 x 16 = 16",
	                "62", "that of a plan");
	expect_segments(USED("model: unit, price: 1, discounts: [{amount: 31}]"), halves, some, 2,
	                "usage 40 x 1 = 40; discount -1 x 15 = -15; usage 70 x 1 = 70; discount -1 x 16 = -16", "79",
	                "an amount off once");
}

/* Any cut of a period: no quantity of tiers is below zero, and those of a segment add up to what it used. */
static void test_law_tiers_of_parts(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS / 20; step++) {
		struct buffer plan = {0};
		int bound = 0, days[SEGMENTS_MAX], left = 31;
		meter__buffer_text(&plan,
		                   "    currency: USD\n    charges:\n      - {key: c, meter: calls, model: graduated, tiers: [");
		for (int i = 0; i < 4; i++)
			meter__buffer_format(&plan, "{up_to: %d, price: 1}, ", bound += 1 + (int)random_to(5));
		meter__buffer_text(&plan, "{price: 1}]}\n");
		struct meter_catalog *catalog = catalog_with(meter__buffer_cstr(&plan));
		struct rate_segment segments[SEGMENTS_MAX];
		struct usage used[SEGMENTS_MAX];
		int64_t at_us = january.from_us;
		for (int i = 0; i < SEGMENTS_MAX; i++) {
			days[i] = i + 1 < SEGMENTS_MAX ? 1 + (int)random_to(left - SEGMENTS_MAX + i) : left;
			left -= days[i];
			usage_read(&used[i], &catalog->plans[0], "12");
			segments[i] = (struct rate_segment){.plan = &catalog->plans[0],
			                                    .active = {at_us, at_us + days[i] * US_PER_DAY},
			                                    .weight_us = days[i] * US_PER_DAY,
			                                    .usage = used[i].charges};
			at_us = segments[i].active.to_us;
		}
		struct rating rating;
		struct account account = {0};
		assert_int_equal(meter__rate(&rating, segments, SEGMENTS_MAX, (struct rate_period){january, 0}, &account),
		                 METER_OK);
		for (size_t i = 0; i < rating.line_count; i++)
			LAW(!meter__decimal_is_negative(rating.lines[i].quantity), step);
		LAW(meter__decimal_compare(rating.total, meter__decimal_from_int(12 * SEGMENTS_MAX)) == 0, step);
		meter__account_free(&account);
		meter__rating_free(&rating);
		meter__catalog_release(catalog);
		meter__buffer_free(&plan);
	}
}

/* Any cut of a period: the parts of a number add up to it, none is below 0, each is within a unit of its share. */
static void test_law_parts_add_up(void **state)
{
	(void)state;
	for (int step = 0; step < STEPS; step++) {
		int128 weights[6], sum = 0;
		const size_t count = 1 + (size_t)random_to(5);
		for (size_t i = 0; i < count; i++) {
			weights[i] = random_to(1) ? random_to(31) * US_PER_DAY : random_to(1000000000);
			sum += weights[i];
		}
		const struct partition p = {weights, count, sum};
		const struct decimal value = cents(random_to(100000));
		int128 parts = 0;
		for (size_t i = 0; i < count && sum > 0; i++) {
			struct decimal part;
			assert_int_equal(meter__part(&part, &p, value, i, 2), METER_OK);
			parts += scaled(part);
			const int128 difference = scaled(part) * sum - scaled(value) * weights[i];
			LAW(scaled(part) >= 0 && magnitude(difference) < (int128)sum * power_of_ten(10), step);
		}
		LAW(sum == 0 || parts == scaled(value), step);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit_bills_quantity_after_included),
		cmocka_unit_test(test_graduated_fills_tier_after_tier),
		cmocka_unit_test(test_volume_prices_all_by_one_tier),
		cmocka_unit_test(test_package_rounds_up_to_whole_packages),
		cmocka_unit_test(test_rates_first_match_wins),
		cmocka_unit_test(test_rates_unmatched_never_vanishes),
		cmocka_unit_test(test_rates_merge_by_the_aggregation),
		cmocka_unit_test(test_latest_takes_the_newest_group),
		cmocka_unit_test(test_unmeasured_events_suspend),
		cmocka_unit_test(test_charge_minimum_and_maximum),
		cmocka_unit_test(test_charge_discounts),
		cmocka_unit_test(test_plan_discounts),
		cmocka_unit_test(test_plan_minimum_and_maximum),
		cmocka_unit_test(test_plan_lines_have_no_charge_and_come_last),
		cmocka_unit_test(test_flat_is_charged_for_its_active_part),
		cmocka_unit_test(test_rounding_follows_currency_and_mode),
		cmocka_unit_test(test_every_line_is_rounded_and_the_total_is_their_sum),
		cmocka_unit_test(test_worked_examples),
		cmocka_unit_test(test_descriptions_tell_how_a_line_came_about),
		cmocka_unit_test(test_plan_and_flat_descriptions),
		cmocka_unit_test(test_overflow_is_an_error_that_names_the_charge),
		cmocka_unit_test(test_largest_amount_is_exact),
		cmocka_unit_test(test_free_accepts_an_empty_rating),
		cmocka_unit_test_setup(test_law_graduated_is_the_sum_of_its_units, laws_setup),
		cmocka_unit_test_setup(test_law_volume_prices_each_unit_by_the_tier_of_the_last, laws_setup),
		cmocka_unit_test_setup(test_law_packages_are_counted_as_they_fill, laws_setup),
		cmocka_unit_test_setup(test_law_included_usage_costs_nothing, laws_setup),
		cmocka_unit_test_setup(test_law_minimum_and_maximum_bound_the_charge, laws_setup),
		cmocka_unit_test_setup(test_law_more_usage_never_costs_less, laws_setup),
		cmocka_unit_test_setup(test_law_splitting_a_tier_changes_nothing, laws_setup),
		cmocka_unit_test_setup(test_law_scaling_the_price_scales_the_exact_amount, laws_setup),
		cmocka_unit_test_setup(test_law_rounding_is_within_half_a_unit, laws_setup),
		cmocka_unit_test_setup(test_law_order_of_groups_changes_nothing, laws_setup),
		cmocka_unit_test_setup(test_law_huge_numbers_give_a_rating_or_overflow, laws_setup),
		cmocka_unit_test(test_percentage_of_an_amount),
		cmocka_unit_test(test_graduated_percentage_and_dynamic),
		cmocka_unit_test(test_groups_are_priced_on_their_own),
		cmocka_unit_test(test_quantities_are_converted_and_rounded),
		cmocka_unit_test(test_tax_is_rounded_once_a_category),
		cmocka_unit_test(test_parts_of_a_period_add_up),
		cmocka_unit_test_setup(test_law_parts_add_up, laws_setup),
		cmocka_unit_test_setup(test_law_tiers_of_parts, laws_setup),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
