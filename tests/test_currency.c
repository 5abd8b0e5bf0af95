/* test_currency.c - the currency table against the standard, and that the search finds all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "currency.h"

static void test_exponents_that_are_not_two(void **state)
{
	static const struct {
		const char *codes;
		int32_t expected;
	} cases[] = {
		{"BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF", 0},
		{"BHD IQD JOD KWD LYD OMR TND", 3},
		{"CLF UYW", 4},
	};
	int others = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (const char *code = cases[i].codes; code < cases[i].codes + strlen(cases[i].codes); code += 4, others++)
			if (meter__currency_exponent((struct slice){code, 3}) != cases[i].expected)
				fail_msg("%.3s", code);
	}
	for (int n = 0; n < 26 * 26 * 26; n++) {
		char code[3] = {(char)('A' + n / 676), (char)('A' + n / 26 % 26), (char)('A' + n % 26)};
		int32_t exponent = meter__currency_exponent((struct slice){code, 3});

		others -= exponent != -1 && exponent != 2;
	}
	assert_int_equal(others, 0);
}

/* Were an entry out of order or there twice, fewer codes would be found than the table has entries. */
static void test_table_is_sorted_and_unique(void **state)
{
	int found = 0;

	(void)state;
	for (int n = 0; n < 26 * 26 * 26; n++) {
		char code[3] = {(char)('A' + n / 676), (char)('A' + n / 26 % 26), (char)('A' + n % 26)};

		found += meter__currency_exponent((struct slice){code, 3}) >= 0;
	}
	assert_int_equal(found, CURRENCY_COUNT);
}

static void test_what_is_no_currency(void **state)
{
	static const struct {
		const char *code;
		size_t size;
		const char *why;
	} cases[] = {
		{NULL, 0, "absent"},
		{"", 0, "empty"},
		{"US", 2, "too short"},
		{"USDX", 4, "too long"},
		{"usd", 3, "lower case"},
		{"Usd", 3, "mixed"},
		{"AAA", 3, "before the first"},
		{"ZZZ", 3, "after the last"},
		{"2 A", 3, "across rows"},
		{"US2", 3, "a digit"},
		{"EU ", 3, "a blank"},
		{"\0\0\0", 3, "NUL"},
		{"XXX", 3, "no currency"},
		{"XAU", 3, "no smallest unit"},
		{"XTS", 3, "for tests"},
		{"\xff\xff\xff", 3, "top bits"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (meter__currency_exponent((struct slice){cases[i].code, cases[i].size}) != -1)
			fail_msg("%s", cases[i].why);
}

static void test_common_currencies(void **state)
{
	static const char codes[] = "USD EUR GBP CHF CNY INR BRL CAD AUD MXN HUF AED ZWL BGN XCG SLE";

	(void)state;
	for (size_t i = 0; i < sizeof(codes); i += 4)
		if (meter__currency_exponent((struct slice){codes + i, 3}) != 2)
			fail_msg("%.3s", codes + i);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exponents_that_are_not_two),
		cmocka_unit_test(test_table_is_sorted_and_unique),
		cmocka_unit_test(test_what_is_no_currency),
		cmocka_unit_test(test_common_currencies),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("currency", tests, NULL, NULL);
}
