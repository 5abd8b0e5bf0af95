/*
 * test_aggregate.c - what a meter makes of an event, and that adding up is the same in every order and grouping.
 *
 * The property tests print their seed when they fail; METER_SEED=n repeats one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct decimal decimal_of(const char *text)
{
	struct decimal d;

	assert_int_equal(meter__decimal_parse(&d, text, strlen(text)), METER_OK);
	return d;
}

static void assert_decimal(struct decimal actual, const char *expected)
{
	char text[DECIMAL_TEXT_SIZE];

	meter__decimal_format(text, actual);
	assert_string_equal(text, expected);
}

/* ---- measure ---- */

/* A catalog with the one meter m. */
static struct meter_catalog *read_meter(const char *rule)
{
	struct meter_catalog *catalog;
	char text[1000];

	snprintf(text, sizeof(text), "version: 1\nmeters: {tokens: {%s}}\n", rule);
	if (meter__catalog_read(&catalog, "t.yaml", text, strlen(text)) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return catalog;
}

/* "model=a tokens=5": at most 8 properties, in the order of their names. */
static void read_properties(struct event *e, struct property *properties, const char *text)
{
	e->properties = properties;
	while (*text != '\0') {
		size_t name = strcspn(text, "=");
		size_t value = strcspn(text + name + 1, " ");
		assert_true(e->property_count < 8);
		properties[e->property_count++] = (struct property){{text, name}, {text + name + 1, value}};
		text += name + 1 + value;
		text += *text == ' ';
	}
}

static int measure(struct aggregate *out, const char *rule, const char *type, const char *value, const char *properties)
{
	struct property room[8];
	struct event e = {.type = meter__slice_of(type), .timestamp_us = 77, .value = decimal_of(value)};
	struct meter_catalog *catalog = read_meter(rule);

	read_properties(&e, room, properties);
	int result = meter__aggregate_measure(out, &catalog->meters[0], &e);
	meter__catalog_release(catalog);
	return result;
}

static void test_event_is_measured(void **state)
{
	static const struct {
		const char *rule;
		const char *type;
		const char *value;
		const char *properties;
		int result;
		const char *expected; /* the value, or the message */
		const char *why;
	} rows[] = {
		{"event_type: e, aggregation: count", "e", "5", "", METER_OK, "1", "count ignores the value"},
		{"event_type: e, aggregation: count", "e", "5", "tokens=x", METER_OK, "1", "count ignores properties"},
		{"event_type: e, aggregation: sum", "e", "-2.5", "", METER_OK, "-2.5", "without value: the event's own"},
		{"event_type: e, aggregation: sum, value: n", "e", "5", "n=1.50", METER_OK, "1.5", "the property"},
		{"event_type: e, aggregation: latest, value: n", "e", "5", "n=-0", METER_OK, "0", "no negative zero"},
		{"event_type: e, aggregation: sum", "E", "5", "", METER_EEND, NULL, "types are compared byte by byte"},
		{"event_type: e, aggregation: sum", "ee", "5", "", METER_EEND, NULL, "a longer type"},
		{"event_type: e, aggregation: sum, filter: {env: [test, prod]}", "e", "5", "env=prod", METER_OK, "5", "allowed"},
		{"event_type: e, aggregation: sum, filter: {env: [test, prod]}", "e", "5", "env=test", METER_OK, "5",
	         "also allowed"},
		{"event_type: e, aggregation: sum, filter: {env: [test, prod]}", "e", "5", "env=pro", METER_EEND, NULL,
	         "not allowed"},
		{"event_type: e, aggregation: sum, filter: {env: [test, prod]}", "e", "5", "", METER_EEND, NULL,
	         "filtered and missing"},
		{"event_type: e, aggregation: sum, filter: {env: [\"\"]}", "e", "5", "env=", METER_OK, "5", "the empty value"},
		{"event_type: e, aggregation: sum, filter: {a: [x], b: [y]}", "e", "5", "a=x b=y", METER_OK, "5", "all hold"},
		{"event_type: e, aggregation: sum, filter: {a: [x], b: [y]}", "e", "5", "a=x b=x", METER_EEND, NULL,
	         "one does not"},
		{"event_type: e, aggregation: sum, value: n, filter: {a: [x]}", "e", "5", "a=y n=1e3", METER_EEND, NULL,
	         "filtered out before the value is read"},
		{"event_type: e, aggregation: sum, value: tokens", "e", "5", "other=1", METER_EINVAL,
	         "meter tokens: property \"tokens\" is missing", "missing"},
		{"event_type: e, aggregation: sum, value: tokens", "e", "5", "tokens=1e3", METER_EINVAL,
	         "meter tokens: property \"tokens\": \"1e3\": a decimal was expected, like -12.50", "an exponent"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=", METER_EINVAL,
	         "meter tokens: property \"tokens\": \"\": a decimal was expected, like -12.50", "empty"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=9223372036854775807", METER_OK,
	         "9223372036854775807", "the largest value"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=9223372036854775808", METER_EINVAL,
	         "meter tokens: property \"tokens\": \"9223372036854775808\": at most 18 decimals, all digits together within "
	         "int64, were expected",
	         "one more"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=0.000000000000000001", METER_OK,
	         "0.000000000000000001", "18 decimals"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=0.0000000000000000001", METER_EINVAL,
	         "meter tokens: property \"tokens\": \"0.0000000000000000001\": at most 18 decimals, all digits together within "
	         "int64, were expected",
	         "19 decimals"},
		{"event_type: e, aggregation: max, value: tokens", "e", "5", "tokens=123456789012345678901234567890123456789",
	         METER_EINVAL,
	         "meter tokens: property \"tokens\": \"123456789012345678901234567890123456789\": at most 38 digits, 37 of them "
	         "after the "
	         "point, were expected",
	         "39 digits"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct aggregate a;
		int result = measure(&a, rows[i].rule, rows[i].type, rows[i].value, rows[i].properties);
		if (result != rows[i].result)
			fail_msg("%s: %d", rows[i].why, result);
		if (result == METER_EINVAL)
			assert_string_equal(meter_errmsg(), rows[i].expected);
		if (result != METER_OK)
			continue;
		assert_int_equal(a.events, 1);
		assert_int_equal(a.unmeasured, 0);
		assert_false(a.is_overflow);
		assert_decimal(a.value, rows[i].expected);
	}
}

static void test_only_latest_remembers_the_time(void **state)
{
	struct aggregate a;

	(void)state;
	assert_int_equal(measure(&a, "event_type: e, aggregation: latest", "e", "5", ""), METER_OK);
	assert_int_equal(a.at_us, 77);
	assert_int_equal(measure(&a, "event_type: e, aggregation: max", "e", "5", ""), METER_OK);
	assert_int_equal(a.at_us, 0);
}

static void test_dimensions_are_written_in_the_order_of_the_meter(void **state)
{
	static const struct {
		const char *dimensions;
		const char *properties;
		const char *expected;
	} rows[] = {
		{"[]", "model=a", "{}"},
		{"[model, kind]", "kind=k model=a", "{\"model\":\"a\",\"kind\":\"k\"}"},
		{"[model, kind]", "model=a", "{\"model\":\"a\",\"kind\":null}"},
		{"[model, kind]", "other=a", "{\"model\":null,\"kind\":null}"},
		{"[model]", "model=", "{\"model\":\"\"}"},
		{"[model]", "model=null", "{\"model\":\"null\"}"},
		{"[model]", "model=\"\n", "{\"model\":\"\\\"\\n\"}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct property room[8];
		struct event e = {0};
		struct buffer out = {0};
		char rule[200];
		snprintf(rule, sizeof(rule), "event_type: e, aggregation: count, dimensions: %s", rows[i].dimensions);
		struct meter_catalog *catalog = read_meter(rule);
		read_properties(&e, room, rows[i].properties);
		meter__aggregate_dimensions(&out, &catalog->meters[0], &e);
		assert_string_equal(meter__buffer_cstr(&out), rows[i].expected);
		meter__buffer_free(&out);
		meter__catalog_release(catalog);
	}
}

/* ---- merge ---- */

static struct aggregate one(const char *value, int64_t at_us)
{
	return (struct aggregate){.events = 1, .value = decimal_of(value), .at_us = at_us};
}

static bool is_same(const struct aggregate *a, const struct aggregate *b)
{
	return a->events == b->events && a->unmeasured == b->unmeasured && a->is_overflow == b->is_overflow &&
	       a->value.coefficient == b->value.coefficient && a->value.scale == b->value.scale && a->at_us == b->at_us;
}

static void test_two_are_merged(void **state)
{
	static const struct {
		enum aggregation aggregation;
		const char *a;
		int64_t a_us;
		const char *b;
		int64_t b_us;
		const char *expected;
		int64_t expected_us;
		const char *why;
	} rows[] = {
		{AGGREGATION_COUNT, "1", 0, "1", 0, "2", 0, "count"},
		{AGGREGATION_SUM, "1.5", 0, "-2", 0, "-0.5", 0, "sum"},
		{AGGREGATION_SUM, "0.5", 0, "0.5", 0, "1", 0, "a sum is kept normal"},
		{AGGREGATION_MIN, "1.5", 0, "-2", 0, "-2", 0, "min"},
		{AGGREGATION_MIN, "0.30", 0, "0.3", 0, "0.3", 0, "min of equal values"},
		{AGGREGATION_MAX, "1.5", 0, "-2", 0, "1.5", 0, "max"},
		{AGGREGATION_MAX, "-1", 0, "-2", 0, "-1", 0, "max of negative values: an empty one is not 0"},
		{AGGREGATION_LATEST, "9", 5, "1", 6, "1", 6, "latest"},
		{AGGREGATION_LATEST, "9", 6, "1", 5, "9", 6, "latest came first"},
		{AGGREGATION_LATEST, "1", 6, "9", 6, "9", 6, "the same time: the larger value"},
		{AGGREGATION_LATEST, "-1", 0, "-9", 0, "-1", 0, "the same time at 0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct aggregate a = one(rows[i].a, rows[i].a_us);
		struct aggregate b = one(rows[i].b, rows[i].b_us);
		struct aggregate forth = {0};
		struct aggregate back = {0};
		meter__aggregate_merge(rows[i].aggregation, &forth, &a);
		meter__aggregate_merge(rows[i].aggregation, &forth, &b);
		meter__aggregate_merge(rows[i].aggregation, &back, &b);
		meter__aggregate_merge(rows[i].aggregation, &back, &a);
		if (!is_same(&forth, &back))
			fail_msg("%s: order changes it", rows[i].why);
		assert_decimal(forth.value, rows[i].expected);
		assert_int_equal(forth.at_us, rows[i].expected_us);
		assert_int_equal(forth.events, 2);
	}
}

static void test_nothing_merged_changes_nothing(void **state)
{
	static const enum aggregation all[] = {AGGREGATION_COUNT, AGGREGATION_SUM, AGGREGATION_MIN, AGGREGATION_MAX,
	                                       AGGREGATION_LATEST};
	const struct aggregate unmeasured = {.unmeasured = 3};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct aggregate a = one(all[i] == AGGREGATION_COUNT ? "1" : "-4", 8);
		struct aggregate before = a;
		const struct aggregate nothing = {0};
		meter__aggregate_merge(all[i], &a, &nothing);
		assert_true(is_same(&a, &before));
		meter__aggregate_merge(all[i], &a, &unmeasured);
		before.unmeasured = 3;
		assert_true(is_same(&a, &before));
		/* And the other way round: what could not be measured is in no value. */
		struct aggregate b = unmeasured;
		before.at_us = all[i] == AGGREGATION_LATEST || all[i] == AGGREGATION_MIN || all[i] == AGGREGATION_MAX ? 8 : 0;
		struct aggregate c = one(all[i] == AGGREGATION_COUNT ? "1" : "-4", 8);
		meter__aggregate_merge(all[i], &b, &c);
		assert_true(is_same(&b, &before));
	}
}

static void test_sum_over_38_digits_sticks(void **state)
{
	static const char digits_38[] = "99999999999999999999999999999999999999";
	struct aggregate a = one(digits_38, 0);
	struct aggregate zero = one("0", 0);
	struct aggregate plus = one("1", 0);
	struct aggregate minus = one("-1", 0);

	(void)state;
	meter__aggregate_merge(AGGREGATION_SUM, &a, &zero);
	assert_false(a.is_overflow);
	assert_decimal(a.value, digits_38);
	meter__aggregate_merge(AGGREGATION_SUM, &a, &plus);
	assert_true(a.is_overflow);
	assert_decimal(a.value, "0");
	meter__aggregate_merge(AGGREGATION_SUM, &a, &minus);
	assert_true(a.is_overflow);
	assert_decimal(a.value, "0");
	assert_int_equal(a.events, 4);
	/* It passes into what it is merged into. */
	struct aggregate into = plus;
	meter__aggregate_merge(AGGREGATION_SUM, &into, &a);
	assert_true(into.is_overflow);
	assert_decimal(into.value, "0");
}

static void test_counts_do_not_wrap(void **state)
{
	struct aggregate a = {.events = INT64_MAX, .unmeasured = INT64_MAX, .value = meter__decimal_from_int(INT64_MAX)};
	struct aggregate b = {.events = 1, .unmeasured = 1, .value = DECIMAL_ONE};

	(void)state;
	meter__aggregate_merge(AGGREGATION_COUNT, &a, &b);
	assert_true(a.is_overflow);
	assert_true(a.events == INT64_MAX);
	assert_true(a.unmeasured == INT64_MAX);
}

/* ---- any order, any grouping ---- */

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static size_t random_below(size_t limit)
{
	return (size_t)(next_random() % limit);
}

#define PARTS_MAX 40

static void shuffle(struct aggregate *parts, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = random_below(i);
		struct aggregate swap = parts[i - 1];
		parts[i - 1] = parts[k];
		parts[k] = swap;
	}
}

/* Merge in a random tree: any two that are left become one. */
static struct aggregate merge_any_way(enum aggregation aggregation, const struct aggregate *parts, size_t count)
{
	struct aggregate left[PARTS_MAX];
	struct aggregate total = {0};

	memcpy(left, parts, count * sizeof(*left));
	while (count > 1) {
		shuffle(left, count);
		meter__aggregate_merge(aggregation, &left[count - 2], &left[count - 1]);
		count--;
	}
	meter__aggregate_merge(aggregation, &total, &left[0]);
	return total;
}

/* Small numbers of few decimals and few times, so that equal ones meet often; the coefficient is the value in thousandths. */
static struct aggregate random_part(enum aggregation aggregation, int64_t *thousandths_out)
{
	char text[32];
	int64_t thousandths = (int64_t)random_below(2001) - 1000;

	if (next_random() % 8 == 0)
		return (struct aggregate){.unmeasured = 1};
	if (aggregation == AGGREGATION_COUNT)
		thousandths = 1000;
	snprintf(text, sizeof(text), "%s%lld.%03lld", thousandths < 0 ? "-" : "", llabs(thousandths) / 1000,
	         llabs(thousandths) % 1000);
	*thousandths_out = thousandths;
	return one(text, aggregation == AGGREGATION_LATEST ? (int64_t)random_below(4) : 0);
}

struct model {
	int64_t events;
	int64_t unmeasured;
	int64_t thousandths;
	int64_t at_us;
};

/* The same by plain integers, event by event. */
static void add_to_model(enum aggregation aggregation, struct model *m, const struct aggregate *part, int64_t thousandths)
{
	bool is_first = m->events == 0;

	m->unmeasured += part->unmeasured;
	if (part->events == 0)
		return;
	m->events++;
	if (aggregation == AGGREGATION_COUNT || aggregation == AGGREGATION_SUM) {
		m->thousandths += thousandths;
		return;
	}
	bool is_taken = aggregation == AGGREGATION_MIN ? thousandths < m->thousandths : thousandths > m->thousandths;
	if (aggregation == AGGREGATION_LATEST && part->at_us != m->at_us)
		is_taken = part->at_us > m->at_us;
	if (is_first || is_taken) {
		m->thousandths = thousandths;
		m->at_us = part->at_us;
	}
}

static void check_one_seed(enum aggregation aggregation, uint64_t seed)
{
	struct aggregate parts[PARTS_MAX];
	struct model m = {0};

	random_state = seed;
	size_t count = 1 + random_below(PARTS_MAX);
	for (size_t i = 0; i < count; i++) {
		int64_t thousandths = 0;
		parts[i] = random_part(aggregation, &thousandths);
		add_to_model(aggregation, &m, &parts[i], thousandths);
	}
	for (int way = 0; way < 5; way++) {
		struct aggregate total = merge_any_way(aggregation, parts, count);
		struct decimal value = total.value;
		int64_t thousandths = (int64_t)value.coefficient;
		for (int32_t scale = value.scale; scale < 3; scale++)
			thousandths *= 10;
		if (value.scale > 3 || total.events != m.events || total.unmeasured != m.unmeasured || total.is_overflow ||
		    thousandths != m.thousandths || total.at_us != m.at_us)
			fail_msg("METER_SEED=%llu, aggregation %d", (unsigned long long)seed, (int)aggregation);
	}
}

static void test_any_order_and_grouping_gives_the_same(void **state)
{
	const char *given = getenv("METER_SEED");
	uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
	uint64_t rounds = given != NULL ? 1 : 2000;

	(void)state;
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		for (int aggregation = AGGREGATION_COUNT; aggregation <= AGGREGATION_LATEST; aggregation++)
			check_one_seed((enum aggregation)aggregation, seed);
	}
}

/* Values of one sign: a total over 38 digits fails in every order, and one that just fits in none. */
static void test_overflow_does_not_depend_on_order(void **state)
{
	struct aggregate parts[PARTS_MAX];

	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		bool fits = seed % 2 == 0;
		random_state = seed;
		for (size_t i = 0; i < 10; i++)
			parts[i] = one(
				i == 0 ? "9999999999999999999999999999999999999" : "10000000000000000000000000000000000000", 0);
		parts[10] = one(fits ? "0" : "1", 0);
		struct aggregate total = merge_any_way(AGGREGATION_SUM, parts, 11);
		assert_int_equal(total.is_overflow, !fits);
		assert_decimal(total.value, fits ? "99999999999999999999999999999999999999" : "0");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_is_measured),
		cmocka_unit_test(test_only_latest_remembers_the_time),
		cmocka_unit_test(test_dimensions_are_written_in_the_order_of_the_meter),
		cmocka_unit_test(test_two_are_merged),
		cmocka_unit_test(test_nothing_merged_changes_nothing),
		cmocka_unit_test(test_sum_over_38_digits_sticks),
		cmocka_unit_test(test_counts_do_not_wrap),
		cmocka_unit_test(test_any_order_and_grouping_gives_the_same),
		cmocka_unit_test(test_overflow_does_not_depend_on_order),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("aggregate", tests, NULL, NULL);
}
