/*
 * test_decimal.c - decimals at every boundary, rounding in all modes, and random values against plain 128-bit arithmetic that
 * shares no code with the library. (killbill#1124, lago-api#4641 and mitos-run/mitos#662: money lost to rounding.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decimal.h"
#include "meter.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define NINES_38 "99999999999999999999999999999999999999"
#define ZEROS_36 "000000000000000000000000000000000000"
#define TEN_37 "1" ZEROS_36 "0"
#define TINY "0." ZEROS_36 "1" /* 10^-37 */
#define OVERFLOW "overflow"

static struct decimal decimal(const char *text)
{
	struct decimal d;

	if (meter__decimal_parse(&d, text, strlen(text)) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return d;
}

/* The result of a call as text: what it stored, or OVERFLOW. Stores in static memory: one result at a time. */
static const char *result(int code, struct decimal d)
{
	static char text[DECIMAL_TEXT_SIZE];

	if (code == METER_EOVERFLOW)
		return OVERFLOW;
	if (code != METER_OK)
		fail_msg("code %d", code);
	meter__decimal_format(text, d);
	return text;
}

static void assert_normal(struct decimal d)
{
	if (d.scale < 0 || d.scale > DECIMAL_SCALE_MAX || (d.scale > 0 && d.coefficient % 10 == 0))
		fail_msg("not normal: scale %d", (int)d.scale);
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
		int32_t scale;
	} cases[] = {
		{"0", "0", 0},
		{"-0", "0", 0},
		{"-0.00", "0", 0},
		{"000", "0", 0},
		{"7", "7", 0},
		{"007", "7", 0},
		{"-12.50", "-12.5", 1},
		{"1.5", "1.5", 1},
		{"1.50", "1.5", 1},
		{"1.000", "1", 0},
		{"0.00000001875", "0.00000001875", 11},
		{"00.10", "0.1", 1},
		{"100", "100", 0},
		{"100.001", "100.001", 3},
		{"-0.5", "-0.5", 1},
		{"9223372036854775807", "9223372036854775807", 0},
		{"-9223372036854775808", "-9223372036854775808", 0},
		{"18446744073709551616", "18446744073709551616", 0},
		{"10000000000000000000", "10000000000000000000", 0},
		{"10000000000000000000.00000000000000001", "10000000000000000000.00000000000000001", 17},
		{NINES_38, NINES_38, 0},
		{"-" NINES_38, "-" NINES_38, 0},
		{"0000" NINES_38 ".000", NINES_38, 0},
		{TEN_37, TEN_37, 0},
		{TINY, TINY, 37},
		{"-" TINY, "-" TINY, 37},
		{TINY "0000", TINY, 37},
		{"9."
	         "9999999999999999999999999999999999999",
	         "9.9999999999999999999999999999999999999", 37},
		{"0.9999999999999999999999999999999999999", "0.9999999999999999999999999999999999999", 37},
		{"9007199254740993", "9007199254740993", 0},
		{"0.1", "0.1", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decimal d = decimal(cases[i].text);
		char text[DECIMAL_TEXT_SIZE];

		assert_normal(d);
		assert_int_equal(d.scale, cases[i].scale);
		assert_int_equal(meter__decimal_format(text, d), strlen(cases[i].expected));
		assert_string_equal(text, cases[i].expected);
	}
}

static void test_parse_refuses(void **state)
{
	static const struct {
		const char *text;
		int expected;
		const char *why;
	} cases[] = {
		{"", METER_EINVAL, "empty"},
		{"-", METER_EINVAL, "a sign alone"},
		{".", METER_EINVAL, "a point alone"},
		{"-.", METER_EINVAL, "no digits"},
		{".5", METER_EINVAL, "leading point"},
		{"-.5", METER_EINVAL, "leading point"},
		{"5.", METER_EINVAL, "point without decimals"},
		{"+5", METER_EINVAL, "plus"},
		{"--5", METER_EINVAL, "two signs"},
		{"5-", METER_EINVAL, "sign behind"},
		{"1.2.3", METER_EINVAL, "two points"},
		{"1..2", METER_EINVAL, "two points"},
		{"1e5", METER_EINVAL, "exponent"},
		{"1E5", METER_EINVAL, "exponent"},
		{"1,5", METER_EINVAL, "comma"},
		{"1,000", METER_EINVAL, "thousands sign"},
		{"1_000", METER_EINVAL, "thousands sign"},
		{" 1", METER_EINVAL, "blank before"},
		{"1 ", METER_EINVAL, "blank behind"},
		{"1\n", METER_EINVAL, "line end"},
		{"0x10", METER_EINVAL, "hexadecimal"},
		{"NaN", METER_EINVAL, "NaN"},
		{"inf", METER_EINVAL, "infinity"},
		{"\xd9\xa1", METER_EINVAL, "a digit of another script"},
		{"1" ZEROS_36 "00", METER_EOVERFLOW, "39 digits"},
		{NINES_38 "0", METER_EOVERFLOW, "39 digits"},
		{"-" NINES_38 "9", METER_EOVERFLOW, "39 digits"},
		{NINES_38 ".1", METER_EOVERFLOW, "39 digits, one behind the point"},
		{"10.0" ZEROS_36 "1", METER_EOVERFLOW, "38 decimals"},
		{"10." ZEROS_36 "1", METER_EOVERFLOW, "39 digits, 37 behind the point"},
		{"0." ZEROS_36 "01", METER_EOVERFLOW, "38 decimals"},
		{"170141183460469231731687303715884105728", METER_EOVERFLOW, "2^127"},
		{"340282366920938463463374607431768211456", METER_EOVERFLOW, "2^128"},
	};
	struct decimal d;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (meter__decimal_parse(&d, cases[i].text, strlen(cases[i].text)) != cases[i].expected)
			fail_msg("%s: %s", cases[i].why, cases[i].text);

	assert_int_equal(meter__decimal_parse(&d,
	                                      "1\0"
	                                      "2",
	                                      3),
	                 METER_EINVAL);
	assert_int_equal(meter__decimal_parse(&d, "1e5", 3), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "\"1e5\": a decimal was expected, like -12.50");
	assert_int_equal(meter__decimal_parse(&d, "0." ZEROS_36 "01", 40), METER_EOVERFLOW);
	assert_string_equal(meter_errmsg(), "\"0." ZEROS_36 "01\": at most 38 digits, 37 of them after the point, were expected");
	assert_int_equal(meter__decimal_parse(&d, NINES_38 ".50", 41), METER_EOVERFLOW);
	assert_string_equal(meter_errmsg(), "\"" NINES_38 ".50\": at most 38 digits, 37 of them after the point, were expected");
}

static void test_parse_reads_no_byte_beyond_the_text(void **state)
{
	static const char text[] = "-12.50";

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		char *copy = malloc(size + 1);
		struct decimal d;
		int code;

		assert_non_null(copy);
		memcpy(copy + 1, text, size);
		code = meter__decimal_parse(&d, copy + 1, size);
		free(copy);
		assert_int_equal(code, size == 2 || size == 3 || size == 5 || size == 6 ? METER_OK : METER_EINVAL);
	}
}

static void test_a_mebibyte_of_digits(void **state)
{
	size_t size = 1024 * 1024;
	char *text = malloc(size);
	struct decimal d;

	(void)state;
	assert_non_null(text);
	memset(text, '9', size);
	assert_int_equal(meter__decimal_parse(&d, text, size), METER_EOVERFLOW);
	assert_true(strlen(meter_errmsg()) < 200);
	memset(text, '0', size);
	text[size / 2] = '.';
	text[size / 2 - 1] = '8';
	assert_string_equal(result(meter__decimal_parse(&d, text, size), d), "8");
	free(text);
}

static void test_format_fixed(void **state)
{
	static const struct {
		const char *text;
		int32_t scale;
		const char *expected;
	} cases[] = {
		{"1.5", 2, "1.50"},
		{"1.5", 1, "1.5"},
		{"1.5", 0, "1.5"},
		{"1.555", 2, "1.555"},
		{"0", 2, "0.00"},
		{"0", 0, "0"},
		{"-3", 2, "-3.00"},
		{"-0.05", 2, "-0.05"},
		{"100", 3, "100.000"},
		{NINES_38, 37, NINES_38 "." ZEROS_36 "0"},
		{"-" NINES_38, 37, "-" NINES_38 "." ZEROS_36 "0"},
		{TINY, 2, TINY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[DECIMAL_TEXT_SIZE];

		assert_int_equal(meter__decimal_format_fixed(text, decimal(cases[i].text), cases[i].scale),
		                 strlen(cases[i].expected));
		assert_string_equal(text, cases[i].expected);
	}
}

static void test_event_value(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} cases[] = {
		{"0", true},
		{"-1.5", true},
		{"9223372036854775807", true},
		{"9223372036854775808", false},
		{"-9223372036854775808", true},
		{"-9223372036854775809", false},
		{"9.223372036854775807", true},
		{"9.223372036854775808", false},
		{"0.000000000000000001", true},
		{"0.0000000000000000001", false},
		{"10000000000000000000", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (meter__decimal_is_event_value(decimal(cases[i].text)) != cases[i].expected)
			fail_msg("%s", cases[i].text);
}

static void test_compare_is_exact_at_all_scales(void **state)
{
	/* Each is less than all after it. */
	static const char *const sorted[] = {
		"-" NINES_38,
		"-" TEN_37,
		"-18446744073709551616",
		"-2",
		"-1.5",
		"-1.4999999999999999999999999999999999999",
		"-1",
		"-" TINY,
		"0",
		TINY,
		"0.0000000000000000000000000000000000011",
		"0.1",
		"1",
		"1.0000000000000000000000000000000000001",
		"1.5",
		"2",
		"10",
		"34.028236692093846346337460743176821146",
		"35",
		"18446744073709551616",
		TEN_37,
		"99999999999999999999999999999999999998",
		NINES_38,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++) {
		for (size_t j = 0; j < COUNT(sorted); j++) {
			int order = meter__decimal_compare(decimal(sorted[i]), decimal(sorted[j]));

			if ((order > 0) - (order < 0) != (i > j) - (i < j))
				fail_msg("%s, %s: %d", sorted[i], sorted[j], order);
		}
	}
}

static void test_signs(void **state)
{
	struct decimal d = decimal("-1.5");

	(void)state;
	assert_true(meter__decimal_is_negative(d));
	assert_false(meter__decimal_is_zero(d));
	assert_string_equal(result(METER_OK, meter__decimal_negate(d)), "1.5");
	assert_false(meter__decimal_is_negative(meter__decimal_negate(d)));
	assert_true(meter__decimal_is_zero(DECIMAL_ZERO));
	assert_false(meter__decimal_is_negative(DECIMAL_ZERO));
	assert_string_equal(result(METER_OK, meter__decimal_negate(DECIMAL_ZERO)), "0");
	assert_string_equal(result(METER_OK, meter__decimal_negate(decimal(NINES_38))), "-" NINES_38);
	assert_string_equal(result(METER_OK, meter__decimal_from_int(INT64_MIN)), "-9223372036854775808");
	assert_string_equal(result(METER_OK, DECIMAL_ONE), "1");
}

static void test_add_and_subtract(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *sum;
		const char *difference;
	} cases[] = {
		{"0", "0", "0", "0"},
		{"0.1", "0.2", "0.3", "-0.1"},
		{"1.5", "0.5", "2", "1"},
		{"0.5", "-0.5", "0", "1"},
		{"-3", "5", "2", "-8"},
		{"3", "-5", "-2", "8"},
		{"1", TINY, "1." ZEROS_36 "1", "0.9999999999999999999999999999999999999"},
		{"10", TINY, OVERFLOW, "9.9999999999999999999999999999999999999"},
		{"18", "-9.9999999999999999999999999999999999999", "8." ZEROS_36 "1", OVERFLOW},
		{"35", "-9.9999999999999999999999999999999999999", OVERFLOW, OVERFLOW},
		{"0", "-" TINY, "-" TINY, TINY},
		{NINES_38, "1", OVERFLOW, "99999999999999999999999999999999999998"},
		{NINES_38, NINES_38, OVERFLOW, "0"},
		{"-" NINES_38, NINES_38, "0", OVERFLOW},
		{"-" NINES_38, "-1", OVERFLOW, "-99999999999999999999999999999999999998"},
		{"99999999999999999999999999999999999998", "1", NINES_38, "99999999999999999999999999999999999997"},
		{NINES_38, "0.1", OVERFLOW, OVERFLOW},
		{NINES_38, TINY, OVERFLOW, OVERFLOW},
		{"9223372036854775807", "1", "9223372036854775808", "9223372036854775806"},
		{"18446744073709551615", "1", "18446744073709551616", "18446744073709551614"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decimal a = decimal(cases[i].a);
		struct decimal b = decimal(cases[i].b);
		struct decimal d = DECIMAL_ZERO;

		assert_string_equal(result(meter__decimal_add(&d, a, b), d), cases[i].sum);
		assert_string_equal(result(meter__decimal_add(&d, b, a), d), cases[i].sum);
		assert_string_equal(result(meter__decimal_subtract(&d, a, b), d), cases[i].difference);
		assert_normal(d);
	}
}

static void test_multiply(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *expected;
	} cases[] = {
		{"0", NINES_38, "0"},
		{TINY, "0", "0"},
		{"1.5", "2", "3"},
		{"-1.5", "0.2", "-0.3"},
		{"-0.5", "-0.5", "0.25"},
		{"134567", "0.40", "53826.8"},
		{"55", "0.067", "3.685"},
		{NINES_38, "1", NINES_38},
		{NINES_38, "-1", "-" NINES_38},
		{NINES_38, "2", OVERFLOW},
		{TEN_37, "9", "9" ZEROS_36 "0"},
		{TEN_37, "10", OVERFLOW},
		{TEN_37, TINY, "1"},
		{TINY, "0.1", OVERFLOW},
		{TINY, "10", "0.000000000000000000000000000000000001"},
		{"0.0000000000000000001", "0.000000000000000001", TINY},
		{"0.0000000000000000001", "0.0000000000000000001", OVERFLOW},
		{"85070591730234615865843651857942052864", "0.5", "42535295865117307932921825928971026432"},
		{"9223372036854775808", "9223372036854775808", "85070591730234615865843651857942052864"},
		{"9999999999999999999", "9999999999999999999", "99999999999999999980000000000000000001"},
		{"10000000000000000000", "10000000000000000000", OVERFLOW},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decimal a = decimal(cases[i].a);
		struct decimal b = decimal(cases[i].b);
		struct decimal d = DECIMAL_ZERO;

		assert_string_equal(result(meter__decimal_multiply(&d, a, b), d), cases[i].expected);
		assert_string_equal(result(meter__decimal_multiply(&d, b, a), d), cases[i].expected);
		assert_normal(d);
	}
}

static void test_rounding_modes(void **state)
{
	/* Values at scale 0, by mode: half up, half even, up, down. The negative of each must give the negative result. */
	static const struct {
		const char *value;
		const char *expected[4];
	} cases[] = {
		{"0", {"0", "0", "0", "0"}},
		{"0." ZEROS_36 "1", {"0", "0", "1", "0"}},
		{"0.4999999999999999999999999999999999999", {"0", "0", "1", "0"}},
		{"0.5", {"1", "0", "1", "0"}},
		{"0."
	         "5000000000000000000000000000000000001",
	         {"1", "1", "1", "0"}},
		{"0.9", {"1", "1", "1", "0"}},
		{"1", {"1", "1", "1", "1"}},
		{"1.1", {"1", "1", "2", "1"}},
		{"1.49", {"1", "1", "2", "1"}},
		{"1.5", {"2", "2", "2", "1"}},
		{"1.51", {"2", "2", "2", "1"}},
		{"2.5", {"3", "2", "3", "2"}},
		{"3.5", {"4", "4", "4", "3"}},
		{"9.5", {"10", "10", "10", "9"}},
		{"99.5", {"100", "100", "100", "99"}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (int mode = ROUND_HALF_UP; mode <= ROUND_DOWN; mode++) {
			struct decimal value = decimal(cases[i].value);
			struct decimal expected = decimal(cases[i].expected[mode]);
			struct decimal d;

			assert_int_equal(
				meter__decimal_round_quotient(&d, value, DECIMAL_ONE, DECIMAL_ONE, 0, (enum rounding)mode),
				METER_OK);
			if (meter__decimal_compare(d, expected) != 0)
				fail_msg("%s, mode %d: %s", cases[i].value, mode, result(METER_OK, d));
			assert_int_equal(meter__decimal_round_quotient(&d, meter__decimal_negate(value), DECIMAL_ONE, DECIMAL_ONE,
			                                               0, (enum rounding)mode),
			                 METER_OK);
			if (meter__decimal_compare(d, meter__decimal_negate(expected)) != 0)
				fail_msg("-%s, mode %d: %s", cases[i].value, mode, result(METER_OK, d));
		}
	}
}

static void test_round_quotient(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *divisor;
		int32_t scale;
		enum rounding mode;
		const char *expected;
	} cases[] = {
		/* The example of the api-pro plan, and its launch offer of 10 %. */
		{"134567", "0.40", "1000", 2, ROUND_HALF_UP, "53.83"},
		{"1000000", "0.50", "1000", 2, ROUND_HALF_UP, "500"},
		{"553.83", "-10", "100", 2, ROUND_HALF_UP, "-55.38"},
		/* Fractions without an end, on both sides of zero. */
		{"1", "1", "3", 2, ROUND_HALF_UP, "0.33"},
		{"2", "1", "3", 2, ROUND_HALF_UP, "0.67"},
		{"2", "1", "3", 2, ROUND_DOWN, "0.66"},
		{"-1", "1", "3", 2, ROUND_UP, "-0.34"},
		{"1", "1", "3", 37, ROUND_HALF_EVEN, "0.3333333333333333333333333333333333333"},
		{"2", "1", "3", 37, ROUND_HALF_EVEN, "0.6666666666666666666666666666666666667"},
		{"10", "1", "3", 37, ROUND_HALF_EVEN, "3.3333333333333333333333333333333333333"},
		{"100", "1", "3", 37, ROUND_HALF_EVEN, OVERFLOW},
		{"1", "1", "7", 0, ROUND_UP, "1"},
		/* A half that only the divisor makes. */
		{"1", "1", "8", 2, ROUND_HALF_UP, "0.13"},
		{"1", "1", "8", 2, ROUND_HALF_EVEN, "0.12"},
		{"3", "1", "8", 2, ROUND_HALF_EVEN, "0.38"},
		{"1", "1", "200", 2, ROUND_HALF_UP, "0.01"},
		{"-1", "1", "200", 2, ROUND_HALF_UP, "-0.01"},
		{"-1", "1", "200", 2, ROUND_HALF_EVEN, "0"},
		{"1", "0.005", "1", 2, ROUND_HALF_UP, "0.01"},
		{"1", "0.0049999", "1", 2, ROUND_HALF_UP, "0"},
		/* A half followed by something far behind it. */
		{"0."
	         "5000000000000000000000000000000000001",
	         "1", "1", 0, ROUND_HALF_EVEN, "1"},
		{"0.5", "10000000000000000000000000000000000001", TEN_37, 0, ROUND_HALF_EVEN, "1"},
		{"0.5", "1", "0.9999999999999999999999999999999999999", 0, ROUND_HALF_EVEN, "1"},
		{"1.5", "1", "3", 0, ROUND_HALF_EVEN, "0"},
		{"7.5", "1", "3", 0, ROUND_HALF_EVEN, "2"},
		/* Divisors with decimals; nothing to round. */
		{"1", "1", "0.001", 0, ROUND_HALF_UP, "1000"},
		{"1", "1", TINY, 0, ROUND_HALF_UP, TEN_37},
		{"10", "1", TINY, 0, ROUND_HALF_UP, OVERFLOW},
		{"3", "1", "1.5", 2, ROUND_HALF_UP, "2"},
		{"0", NINES_38, NINES_38, 37, ROUND_UP, "0"},
		{NINES_38, NINES_38, NINES_38, 0, ROUND_HALF_UP, NINES_38},
		{NINES_38, NINES_38, NINES_38, 37, ROUND_HALF_UP, NINES_38},
		{"-97521", "-57.2", "100", 36, ROUND_UP, "55782.012"},
		/* The smallest there is disappears, or becomes one step. */
		{TINY, TINY, NINES_38, 2, ROUND_HALF_UP, "0"},
		{TINY, TINY, NINES_38, 2, ROUND_UP, "0.01"},
		{"-" TINY, TINY, NINES_38, 2, ROUND_UP, "-0.01"},
		/* The result is one too large, or just fits. */
		{"99999999999999999999999999999999999999", "1", "1", 0, ROUND_UP, NINES_38},
		{"9999999999999999999999999999999999999.5", "1", "1", 0, ROUND_HALF_UP, TEN_37},
		{"9999999999999999999", "10000000000000000001", "1", 0, ROUND_DOWN, NINES_38},
		{NINES_38, NINES_38, "1", 0, ROUND_DOWN, OVERFLOW},
		{NINES_38, "10", "9", 0, ROUND_DOWN, OVERFLOW},
		/* Proration: 17 of 31 days in microseconds. */
		{"49.00", "1468800000000", "2678400000000", 2, ROUND_HALF_UP, "26.87"},
		/* Other values, computed with rational numbers of unlimited size. */
		{"2782676153.706958308", "0.77516799953", "1", 0, ROUND_HALF_UP, "2157041507"},
		{"94.65032316", "11719.8", "1", 0, ROUND_HALF_EVEN, "1109283"},
		{"993473", "6426449322.78", "7", 0, ROUND_UP, "912071984007174"},
		{"-610085427120", "70319.87", "7", 3, ROUND_DOWN, "-6128732560567553.485"},
		{"0.000000636097780706", "4088287930.3", "7", 0, ROUND_HALF_UP, "372"},
		{"4502785970640448032", "576815.177814", "1000000", 3, ROUND_UP, "2597275290313354615.039"},
		{"700675", "870044.521459", "1000000", 10, ROUND_HALF_UP, "609618.4450732848"},
		{"113149376074854237369.041", "10905.19", "2678400000000", 10, ROUND_HALF_EVEN, "460691250178.3675630281"},
		{"-7116595950230235.986", "0.000964", "1000000", 0, ROUND_UP, "-6860399"},
		{"928723802357968710116.096", "7.57", "3", 10, ROUND_DOWN, "2343479727949941045192.9489066666"},
		{"-825350841505691.061525322", "1.55", "1000", 2, ROUND_HALF_EVEN, "-1279293804333.82"},
		{"-0.00000000000050852", "0.00027", "1", 3, ROUND_UP, "-0.001"},
		{"0.00000000000000000000141532477888", "7343088558111125.923", "0.99", 37, ROUND_DOWN,
	         "0.0000104978335250554417448866776830707"},
		{"0.000000009", "0.26", "0.0000000000002127896686397396651", 12, ROUND_HALF_UP, "10996.774490784614"},
		{"3774680734.308076739455746", "0.8", "1014120480.1825835211973625643008", 12, ROUND_UP, "2.977698060987"},
		{"-100000000000000000000", "-0.00000000000000000000000000999", "0.0000000000000000287607660590375285", 0,
	         ROUND_HALF_UP, "34734818883"},
		{"316912650057057350374175.801344", "0.00000000000000000056", "0.000000000000000000000000000001", 0, ROUND_DOWN,
	         "177471084031952116209538448752640000"},
		{"-0.00000000000000000000000000990832001", "1000000000000000000000000000", "0.000032768", 37, ROUND_HALF_UP,
	         "-302377.92999267578125"},
		{"-0.00000259", "56177343.2535709188", "0.000002251799813685248", 12, ROUND_HALF_EVEN, "-64614677.620311002789"},
		{"0.000000000000000000002", "312288562980324304466810.2", "0.0000000040691147849266526786", 0, ROUND_HALF_UP,
	         "153492137473"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct decimal a = decimal(cases[i].a);
		struct decimal b = decimal(cases[i].b);
		struct decimal divisor = decimal(cases[i].divisor);
		struct decimal d = DECIMAL_ZERO;
		const char *text = result(meter__decimal_round_quotient(&d, a, b, divisor, cases[i].scale, cases[i].mode), d);

		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s x %s / %s at %d: %s is not %s", cases[i].a, cases[i].b, cases[i].divisor,
			         (int)cases[i].scale, text, cases[i].expected);
		assert_normal(d);
		text = result(meter__decimal_round_quotient(&d, b, a, divisor, cases[i].scale, cases[i].mode), d);
		assert_string_equal(text, cases[i].expected);
	}
}

static void test_exact_quotient(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *divisor;
		const char *expected;
	} cases[] = {
		{"134567", "0.40", "1000", "53.8268"},
		{"100", "1", "3", "100/3"},
		{"-100", "1", "3", "-100/3"},
		{"100", "-3", "9", "-100/3"},
		{"0", "5", "3", "0"},
		{"6", "1", "3", "2"},
		{"1", "1", "8", "0.125"},
		{"1", "1", "125", "0.008"},
		{"1", "1", "6", "1/6"},
		{"0.1", "1", "3", "1/30"},
		{"0.2", "1", "3", "1/15"},
		{"0.5", "0.5", "7", "1/28"},
		{"1", "1", "0.3", "10/3"},
		{"1", "1", "0.03", "100/3"},
		{"1", "1", "0.6", "5/3"},
		{"1", "1", "0.0125", "80"},
		{"1000", "1", "30", "100/3"},
		{"49.00", "1468800000000", "2678400000000", "833/31"},
		{"1", "1", "137438953472", "0.0000000000072759576141834259033203125"},
		{"1", "1", "274877906944", "1/274877906944"},
		{NINES_38, "1", "1", NINES_38},
		{NINES_38, "1", "7", NINES_38 "/7"},
		{NINES_38, "1", NINES_38, "1"},
		{"1", "1", NINES_38, "1/" NINES_38},
		{TINY, "1", "3", "1/3" ZEROS_36 "0"},
		{TINY, "1", "12", OVERFLOW},
		{"1", "1", TINY, TEN_37},
		{NINES_38, "7", "1", OVERFLOW},
		{NINES_38, NINES_38, "7", OVERFLOW},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buffer b = {0};
		int code = meter__decimal_exact_quotient(&b, decimal(cases[i].a), decimal(cases[i].b), decimal(cases[i].divisor));

		assert_string_equal(code == METER_EOVERFLOW ? OVERFLOW : meter__buffer_cstr(&b), cases[i].expected);
		assert_int_equal(code == METER_EOVERFLOW && b.size != 0, 0);
		meter__buffer_free(&b);
	}
}

static void test_overflow_message(void **state)
{
	struct decimal d;

	(void)state;
	assert_int_equal(meter__decimal_add(&d, decimal(NINES_38), DECIMAL_ONE), METER_EOVERFLOW);
	assert_string_equal(meter_errmsg(), "a result does not fit into 38 digits, 37 of them after the point");
}

/* ---- random values against plain arithmetic ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

struct naive {
	int128 n;
	int32_t scale;
};

static int128 naive_power(int32_t exponent)
{
	return exponent == 0 ? 1 : 10 * naive_power(exponent - 1);
}

static struct naive random_naive(uint64_t *seed)
{
	int64_t limit = (int64_t)naive_power((int32_t)(next_random(seed) % 7));
	struct naive v = {(int64_t)(next_random(seed) % (uint64_t)(2 * limit + 1)) - limit, (int32_t)(next_random(seed) % 5)};

	return v;
}

static struct decimal from_naive(struct naive v)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%lld.%0*lld", v.n < 0 ? "-" : "",
	         (long long)(v.n < 0 ? -v.n : v.n) / (long long)naive_power(v.scale), (int)v.scale + 1,
	         10 * ((long long)(v.n < 0 ? -v.n : v.n) % (long long)naive_power(v.scale)));
	return decimal(text);
}

/* Whether d is n / 10^scale, and normal. */
static bool equals(struct decimal d, int128 n, int32_t scale)
{
	assert_normal(d);
	return d.scale <= scale && d.coefficient * naive_power(scale - d.scale) == n;
}

/* n / divisor to an integer; divisor > 0. */
static int128 naive_round(int128 n, int128 divisor, enum rounding mode)
{
	int128 size = n < 0 ? -n : n;
	int128 whole = size / divisor;
	int128 twice = 2 * (size % divisor);

	if (mode == ROUND_UP)
		whole += twice > 0;
	else if (mode == ROUND_HALF_UP)
		whole += twice >= divisor;
	else if (mode == ROUND_HALF_EVEN)
		whole += twice > divisor || (twice == divisor && whole % 2 == 1);
	return n < 0 ? -whole : whole;
}

/* The text is n / divisor exactly: both sides multiplied out. */
static bool text_equals(const char *text, int128 n, int128 divisor)
{
	const char *slash = strchr(text, '/');
	struct decimal above;
	struct decimal below = DECIMAL_ONE;

	if (meter__decimal_parse(&above, text, slash != NULL ? (size_t)(slash - text) : strlen(text)) != METER_OK)
		return false;
	if (slash != NULL)
		below = decimal(slash + 1);
	return above.coefficient * divisor == n * below.coefficient * naive_power(above.scale) &&
	       (slash == NULL) == (below.coefficient == 1);
}

static void test_random_values_against_plain_arithmetic(void **state)
{
	uint64_t seed = 42;

	(void)state;
	for (int step = 0; step < 20000; step++) {
		uint64_t started = seed;
		struct naive a = random_naive(&seed);
		struct naive b = random_naive(&seed);
		struct naive c = random_naive(&seed);
		int32_t scale = (int32_t)(next_random(&seed) % 5);
		enum rounding mode = (enum rounding)(next_random(&seed) % 4);
		int128 common_a = a.n * naive_power(8 - a.scale);
		int128 common_b = b.n * naive_power(8 - b.scale);
		struct decimal da = from_naive(a);
		struct decimal db = from_naive(b);
		struct buffer exact = {0};
		int128 above;
		int128 below;
		struct decimal d;
		bool ok;

		c.n = c.n < 0 ? -c.n : c.n + (c.n == 0);
		above = a.n * b.n * naive_power(c.scale);
		below = c.n * naive_power(a.scale + b.scale);
		ok = meter__decimal_add(&d, da, db) == METER_OK && equals(d, common_a + common_b, 8);
		ok = ok && meter__decimal_subtract(&d, da, db) == METER_OK && equals(d, common_a - common_b, 8);
		ok = ok && meter__decimal_multiply(&d, da, db) == METER_OK && equals(d, a.n * b.n, a.scale + b.scale);
		ok = ok && meter__decimal_compare(da, db) == (common_a > common_b) - (common_a < common_b);
		ok = ok && meter__decimal_round_quotient(&d, da, db, from_naive(c), scale, mode) == METER_OK &&
		     equals(d, naive_round(above * naive_power(scale), below, mode), scale);
		ok = ok && meter__decimal_exact_quotient(&exact, da, db, from_naive(c)) == METER_OK &&
		     text_equals(meter__buffer_cstr(&exact), above, below);
		meter__buffer_free(&exact);
		if (!ok)
			fail_msg("seed %llu, step %d", (unsigned long long)started, step);
	}
}

static void test_what_is_written_is_read_again(void **state)
{
	uint64_t seed = 43;

	(void)state;
	for (int step = 0; step < 20000; step++) {
		uint64_t started = seed;
		char text[DECIMAL_TEXT_SIZE];
		char digits[40];
		size_t size = 1 + next_random(&seed) % 38;
		size_t point = next_random(&seed) % size;
		struct decimal d;
		struct decimal again;

		for (size_t i = 0; i < size; i++)
			digits[i] = (char)('0' + next_random(&seed) % 10);
		snprintf(text, sizeof(text), "%s%.*s%s%.*s", step % 2 ? "-" : "", (int)(point + 1), digits,
		         point + 1 < size ? "." : "", (int)(size - point - 1), digits + point + 1);
		d = decimal(text);
		assert_normal(d);
		if (meter__decimal_parse(&again, text, meter__decimal_format(text, d)) != METER_OK ||
		    again.coefficient != d.coefficient || again.scale != d.scale)
			fail_msg("seed %llu, step %d: %s", (unsigned long long)started, step, text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_reads_no_byte_beyond_the_text),
		cmocka_unit_test(test_a_mebibyte_of_digits),
		cmocka_unit_test(test_format_fixed),
		cmocka_unit_test(test_event_value),
		cmocka_unit_test(test_compare_is_exact_at_all_scales),
		cmocka_unit_test(test_signs),
		cmocka_unit_test(test_add_and_subtract),
		cmocka_unit_test(test_multiply),
		cmocka_unit_test(test_rounding_modes),
		cmocka_unit_test(test_round_quotient),
		cmocka_unit_test(test_exact_quotient),
		cmocka_unit_test(test_overflow_message),
		cmocka_unit_test(test_random_values_against_plain_arithmetic),
		cmocka_unit_test(test_what_is_written_is_read_again),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
