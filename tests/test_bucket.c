/* test_bucket.c - sums by key in memory: where time is cut, that keys stay apart while the table grows, and that rolling up loses
 * nothing. */
#include "bucket.h"
#include "support.h"

static struct aggregate sum_of(int64_t value)
{
	return (struct aggregate){.events = 1, .value = meter__decimal_from_int(value)};
}

static void add(struct buckets *b, enum level level, struct bucket key, int64_t value)
{
	struct aggregate sum = sum_of(value);
	key.aggregation = AGGREGATION_SUM;
	assert_ok(meter__buckets_add(b, level, &key, &sum));
}

static void test_start_and_lead_of_each_level(void **state)
{
	(void)state;
	static const struct {
		const char *time;
		enum level level;
		int64_t start, lead;
	} cases[] = {
		{"1970-01-01T00:00:00Z", LEVEL_MINUTE, 0, 0},
		{"1970-01-01T00:00:59.999999Z", LEVEL_MINUTE, 0, 0},
		{"1970-01-01T00:01:00Z", LEVEL_MINUTE, 1, 1},
		{"1970-01-01T00:59:59.999999Z", LEVEL_HOUR, 0, 0},
		{"1970-01-01T23:59:59.999999Z", LEVEL_HOUR, 23, 0},
		{"1970-01-02T00:00:00Z", LEVEL_HOUR, 24, 1},
		{"1970-01-01T00:00:00Z", LEVEL_DAY, 0, 197001},
		{"1970-01-31T23:59:59.999999Z", LEVEL_DAY, 30, 197001},
		{"1970-02-01T00:00:00Z", LEVEL_DAY, 31, 197002},
		{"1970-12-31T23:59:59.999999Z", LEVEL_DAY, 364, 197012},
		{"2023-02-28T23:59:59.999999Z", LEVEL_DAY, 19416, 202302},
		{"2023-03-01T00:00:00Z", LEVEL_DAY, 19417, 202303},
		{"2024-02-29T23:59:59.999999Z", LEVEL_DAY, 19782, 202402},
		{"2024-03-01T00:00:00Z", LEVEL_DAY, 19783, 202403},
		{"9999-12-31T23:59:59.999999Z", LEVEL_DAY, 2932896, 999912},
		{"9999-12-31T23:59:59.999999Z", LEVEL_HOUR, 2932896 * 24 + 23, 2932896},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t start = meter__level_start(cases[i].level, us(cases[i].time));
		assert_i64(cases[i].start, start);
		assert_i64(cases[i].lead, meter__level_lead(cases[i].level, start));
	}
}

static void test_keys_that_differ_in_one_part_stay_apart_and_equal_ones_merge(void **state)
{
	(void)state;
	static const struct bucket keys[] = {
		{.meter = 1, .subscription = 2, .start = 3, .dimensions = 4},
		{.meter = 2, .subscription = 2, .start = 3, .dimensions = 4},
		{.meter = 1, .subscription = 3, .start = 3, .dimensions = 4},
		{.meter = 1, .subscription = 2, .start = 4, .dimensions = 4},
		{.meter = 1, .subscription = 2, .start = 3, .dimensions = 5},
		{.meter = 2, .subscription = 1, .start = 3, .dimensions = 4},
	};
	struct buckets b = {.seed = 1};
	for (int64_t round = 1; round <= 2; round++) {
		for (size_t i = 0; i < COUNT(keys); i++)
			add(&b, LEVEL_MINUTE, keys[i], round * 10 + (int64_t)i);
	}
	assert_i64(COUNT(keys), (int64_t)b.count);
	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_i64(2, b.rows[i].sum.events);
		assert_int_equal(meter__decimal_compare(b.rows[i].sum.value, meter__decimal_from_int(30 + 2 * (int64_t)i)), 0);
	}
	meter__buckets_free(&b);
}

/* Past several growths, with another seed each: every key is found again, and rows stand in the order they came until sorted. */
static void test_every_key_is_found_again_while_the_table_grows(void **state)
{
	(void)state;
	enum { KEYS = 5000 };
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct buckets b = {.seed = seed};
		for (int64_t round = 0; round < 2; round++) {
			for (int64_t i = 0; i < KEYS; i++)
				add(&b, LEVEL_DAY, (struct bucket){.subscription = i % 7, .start = KEYS - i}, i);
		}
		assert_i64(KEYS, (int64_t)b.count);
		for (int64_t i = 0; i < KEYS; i++) {
			assert_i64(KEYS - i, b.rows[i].start);
			assert_i64(2, b.rows[i].sum.events);
			assert_int_equal(meter__decimal_compare(b.rows[i].sum.value, meter__decimal_from_int(2 * i)), 0);
		}
		assert_int_equal(meter__buckets_sort(&b), METER_OK);
		for (int64_t i = 1; i < KEYS; i++)
			assert_true(b.rows[b.order[i - 1].index].lead <= b.rows[b.order[i].index].lead);
		meter__buckets_reset(&b);
		assert_i64(0, (int64_t)b.count);
		add(&b, LEVEL_DAY, (struct bucket){.start = 1}, 1);
		assert_i64(1, b.rows[0].sum.events);
		meter__buckets_free(&b);
	}
}

static void test_rows_sort_by_lead_meter_subscription_start_dimensions(void **state)
{
	(void)state;
	/* In the order expected; start leads by its day. */
	static const struct bucket sorted[] = {
		{.meter = 9, .subscription = 9, .start = 23, .dimensions = 9},
		{.meter = 1, .subscription = 1, .start = 24, .dimensions = 2},
		{.meter = 1, .subscription = 1, .start = 25, .dimensions = 1},
		{.meter = 1, .subscription = 1, .start = 25, .dimensions = 2},
		{.meter = 1, .subscription = 2, .start = 24, .dimensions = 1},
		{.meter = 2, .subscription = 1, .start = 24, .dimensions = 1},
		{.meter = 1, .subscription = 1, .start = 48, .dimensions = 1},
	};
	struct buckets b = {.seed = 7};
	for (size_t i = 0; i < COUNT(sorted); i++)
		add(&b, LEVEL_HOUR, sorted[(i * 3 + 2) % COUNT(sorted)], 1);
	assert_int_equal(meter__buckets_sort(&b), METER_OK);
	assert_i64(COUNT(sorted), (int64_t)b.count);
	for (size_t i = 0; i < COUNT(sorted); i++) {
		assert_i64(sorted[i].meter, b.rows[b.order[i].index].meter);
		assert_i64(sorted[i].subscription, b.rows[b.order[i].index].subscription);
		assert_i64(sorted[i].start, b.rows[b.order[i].index].start);
		assert_i64(sorted[i].dimensions, b.rows[b.order[i].index].dimensions);
	}
	meter__buckets_free(&b);
}

/* Too far for one integer: the order is found by comparing. */
static void test_rows_sort_when_their_keys_are_far_apart(void **state)
{
	(void)state;
	static const struct bucket sorted[] = {
		{.meter = 1, .subscription = INT64_C(1) << 40, .start = 5, .dimensions = 1},
		{.meter = INT64_C(1) << 40, .subscription = 1, .start = 5, .dimensions = 1},
		{.meter = INT64_C(1) << 40, .subscription = 1, .start = 5, .dimensions = INT64_C(1) << 40},
		{.meter = 1, .subscription = 1, .start = 6, .dimensions = 1},
	};
	struct buckets b = {.seed = 7};
	for (size_t i = 0; i < COUNT(sorted); i++)
		add(&b, LEVEL_MINUTE, sorted[(i * 3 + 1) % COUNT(sorted)], 1);
	assert_int_equal(meter__buckets_sort(&b), METER_OK);
	for (size_t i = 0; i < COUNT(sorted); i++) {
		assert_i64(sorted[i].start, b.rows[b.order[i].index].start);
		assert_i64(sorted[i].meter, b.rows[b.order[i].index].meter);
		assert_i64(sorted[i].subscription, b.rows[b.order[i].index].subscription);
		assert_i64(sorted[i].dimensions, b.rows[b.order[i].index].dimensions);
	}
	meter__buckets_free(&b);
}

/* What is in b, in any order, is what is expected: (start, lead, value). */
static void assert_sums(const struct buckets *b, const int64_t (*expected)[3], size_t count)
{
	assert_i64((int64_t)count, (int64_t)b->count);
	for (size_t i = 0; i < count; i++) {
		assert_i64(expected[i][0], b->rows[i].start);
		assert_i64(expected[i][1], b->rows[i].lead);
		assert_int_equal(meter__decimal_compare(b->rows[i].sum.value, meter__decimal_from_int(expected[i][2])), 0);
	}
}

static void test_coarsening_cuts_at_hours_and_days_and_keeps_the_sum(void **state)
{
	(void)state;
	struct buckets b = {.seed = 1};
	/* Minutes 59, 60 (another hour), 1439, 1440 (another day), and the last of the year 9999. */
	static const int64_t starts[] = {59, 60, 1439, 1440, INT64_C(2932897) * 1440 - 1};
	static const int64_t hours[][3] = {
		{0, 0, 1}, {1, 0, 2}, {23, 0, 4}, {24, 1, 8}, {INT64_C(2932897) * 24 - 1, 2932896, 16}};
	static const int64_t days[][3] = {{0, 197001, 7}, {1, 197001, 8}, {2932896, 999912, 16}};
	for (size_t i = 0; i < COUNT(starts); i++)
		add(&b, LEVEL_MINUTE, (struct bucket){.meter = 1, .start = starts[i]}, INT64_C(1) << i);
	assert_ok(meter__buckets_coarsen(&b, LEVEL_MINUTE, LEVEL_HOUR));
	assert_sums(&b, hours, COUNT(hours));
	assert_ok(meter__buckets_coarsen(&b, LEVEL_HOUR, LEVEL_DAY));
	assert_sums(&b, days, COUNT(days));
	meter__buckets_free(&b);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_and_lead_of_each_level),
		cmocka_unit_test(test_keys_that_differ_in_one_part_stay_apart_and_equal_ones_merge),
		cmocka_unit_test(test_every_key_is_found_again_while_the_table_grows),
		cmocka_unit_test(test_rows_sort_by_lead_meter_subscription_start_dimensions),
		cmocka_unit_test(test_rows_sort_when_their_keys_are_far_apart),
		cmocka_unit_test(test_coarsening_cuts_at_hours_and_days_and_keeps_the_sum),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
