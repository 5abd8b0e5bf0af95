/* test_buffer.c - slices, UTF-8 and the growing buffer, down to what happens when memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static void test_slices_are_ordered_as_by_memcmp_with_absent_first(void **state)
{
	/* Each slice is less than all after it. */
	static const struct slice sorted[] = {
		{NULL, 0},    SLICE(""),   SLICE("\0"), SLICE("\0a"),  SLICE("A"),    SLICE("a"),
		SLICE("a\0"), SLICE("aa"), SLICE("b"),  SLICE("\x80"), SLICE("\xff"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		for (size_t j = 0; j < sizeof(sorted) / sizeof(sorted[0]); j++) {
			int order = meter__slice_compare(sorted[i], sorted[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(meter__slice_equal(sorted[i], sorted[j]), i == j);
		}
	}
}

static void test_slice_of_text(void **state)
{
	(void)state;
	assert_int_equal(meter__slice_of("abc").size, 3);
	assert_non_null(meter__slice_of("").data);
	assert_null(meter__slice_of(NULL).data);
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		bool expected;
		const char *why;
	} cases[] = {
		{BYTES(""), true, "empty"},
		{BYTES("plain ASCII, longer than a word\x01\x7f"), true, "ASCII with control characters"},
		{BYTES("\0"), false, "NUL"},
		{BYTES("1234567\0"), false, "NUL as the last byte of a word"},
		{BYTES("\0"
	               "1234567"),
	         false, "NUL as the first byte of a word"},
		{BYTES("12345678\0"), false, "NUL after a word"},
		{BYTES("\xc2\x80"), true, "U+0080, the first of two bytes"},
		{BYTES("\xdf\xbf"), true, "U+07FF, the last of two bytes"},
		{BYTES("\xe0\xa0\x80"), true, "U+0800, the first of three bytes"},
		{BYTES("\xed\x9f\xbf"), true, "U+D7FF, the last before the surrogates"},
		{BYTES("\xee\x80\x80"), true, "U+E000, the first after the surrogates"},
		{BYTES("\xef\xbf\xbf"), true, "U+FFFF, the last of three bytes"},
		{BYTES("\xf0\x90\x80\x80"), true, "U+10000, the first of four bytes"},
		{BYTES("\xf4\x8f\xbf\xbf"), true, "U+10FFFF, the last"},
		{BYTES("1234567\xc3\xbc"
	               "1234567"),
	         true, "a character across two words"},
		{BYTES("\x80"), false, "a continuation alone"},
		{BYTES("\xbf"), false, "a continuation alone"},
		{BYTES("\xc0\x80"), false, "NUL in two bytes"},
		{BYTES("\xc1\xbf"), false, "U+007F in two bytes"},
		{BYTES("\xe0\x9f\xbf"), false, "U+07FF in three bytes"},
		{BYTES("\xf0\x8f\xbf\xbf"), false, "U+FFFF in four bytes"},
		{BYTES("\xed\xa0\x80"), false, "U+D800, the first surrogate"},
		{BYTES("\xed\xbf\xbf"), false, "U+DFFF, the last surrogate"},
		{BYTES("\xf4\x90\x80\x80"), false, "U+110000"},
		{BYTES("\xf5\x80\x80\x80"), false, "beyond"},
		{BYTES("\xff"), false, "never a byte of UTF-8"},
		{BYTES("\xc3"), false, "cut after one of two"},
		{BYTES("\xe2\x82"), false, "cut after two of three"},
		{BYTES("\xf0\x9f\x98"), false, "cut after three of four"},
		{BYTES("\xc3"
	               "a"),
	         false, "second byte is ASCII"},
		{BYTES("\xc3\xc3"), false, "second byte starts a character"},
		{BYTES("\xe2\x82"
	               "a"),
	         false, "third byte is ASCII"},
		{BYTES("\xf0\x9f\x98"
	               "a"),
	         false, "fourth byte is ASCII"},
		{BYTES("\xe2\x82\xac\xe2\x82"), false, "cut after a whole one"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* On the heap, exactly as long as it is: reading beyond shows under a sanitizer. */
		char *copy = malloc(cases[i].size + 1);

		assert_non_null(copy);
		memcpy(copy + 1, cases[i].text, cases[i].size);
		if (meter__utf8_valid(copy + 1, cases[i].size) != cases[i].expected)
			fail_msg("%s", cases[i].why);
		free(copy);
	}
}

static void test_empty_buffer_is_the_empty_text(void **state)
{
	struct buffer b = {0};

	(void)state;
	assert_string_equal(meter__buffer_cstr(&b), "");
	meter__buffer_append(&b, NULL, 0);
	meter__buffer_text(&b, "");
	assert_string_equal(meter__buffer_cstr(&b), "");
	assert_int_equal(b.size, 0);
	meter__buffer_free(&b);
	meter__buffer_free(&b);
}

static void test_appends_add_up_over_every_growth(void **state)
{
	struct buffer b = {0};

	(void)state;
	for (unsigned int i = 0; i < 5000; i++) {
		meter__buffer_char(&b, (char)('a' + i % 26));
		assert_int_equal(b.size, i + 1);
		assert_int_equal(meter__buffer_cstr(&b)[i + 1], 0);
	}
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_equal(b.data[i], 'a' + (int)(i % 26));
	assert_false(b.failed);
	meter__buffer_free(&b);
}

static void test_kinds_of_append(void **state)
{
	struct buffer b = {0};

	(void)state;
	meter__buffer_text(&b, "text,");
	meter__buffer_slice(&b, (struct slice)SLICE("slice,"));
	meter__buffer_slice(&b, (struct slice){NULL, 0});
	meter__buffer_format(&b, "%d-%s,", 42, "format");
	meter__buffer_append(&b, "\0x", 2);
	assert_int_equal(b.size, 23);
	assert_memory_equal(b.data, "text,slice,42-format,\0x", 23);
	meter__buffer_free(&b);
}

static void test_format_fits_or_grows_at_every_length(void **state)
{
	(void)state;
	for (int length = 0; length < 300; length++) {
		struct buffer b = {0};

		meter__buffer_text(&b, "12345");
		meter__buffer_format(&b, "%0*d", length, 0);
		assert_int_equal(b.size, length == 0 ? 6 : 5 + length);
		assert_int_equal(strlen(meter__buffer_cstr(&b)), b.size);
		meter__buffer_free(&b);
	}
}

static void test_reserve_gives_room_that_is_not_yet_counted(void **state)
{
	struct buffer b = {0};
	char *room;

	(void)state;
	meter__buffer_text(&b, "ab");
	room = meter__buffer_reserve(&b, 1000);
	assert_non_null(room);
	assert_int_equal(b.size, 2);
	memset(room, 'c', 1000);
	b.size += 1000;
	assert_int_equal(strlen(meter__buffer_cstr(&b)), 1002);
	meter__buffer_free(&b);
}

static void test_failed_buffer_stays_failed_until_reset(void **state)
{
	struct buffer b = {0};

	(void)state;
	meter__buffer_text(&b, "kept");
	assert_null(meter__buffer_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	meter__buffer_text(&b, "more");
	meter__buffer_format(&b, "%d", 1);
	meter__buffer_json(&b, (struct slice)SLICE("j\n"));
	assert_null(meter__buffer_reserve(&b, 1));
	assert_int_equal(b.size, 4);
	assert_string_equal(meter__buffer_cstr(&b), "");

	meter__buffer_reset(&b);
	meter__buffer_text(&b, "again");
	assert_string_equal(meter__buffer_cstr(&b), "again");
	meter__buffer_free(&b);

	assert_null(meter__buffer_reserve(&b, SIZE_MAX / 2));
	assert_true(b.failed);
	meter__buffer_free(&b);
	assert_false(b.failed);
}

static void test_reset_keeps_the_memory(void **state)
{
	struct buffer b = {0};
	const char *before;

	(void)state;
	meter__buffer_text(&b, "something");
	before = b.data;
	meter__buffer_reset(&b);
	assert_string_equal(meter__buffer_cstr(&b), "");
	meter__buffer_text(&b, "x");
	assert_ptr_equal(b.data, before);
	meter__buffer_free(&b);
}

static void test_json_strings(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *expected;
	} cases[] = {
		{BYTES(""), "\"\""},
		{BYTES("plain"), "\"plain\""},
		{BYTES("\""), "\"\\\"\""},
		{BYTES("a\\b"), "\"a\\\\b\""},
		{BYTES("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
		{BYTES("\x01\x1f"), "\"\\u0001\\u001f\""},
		{BYTES("a\0b"), "\"a\\u0000b\""},
		{BYTES("\x7f/<>&'"), "\"\x7f/<>&'\""},
		{BYTES("M\xc3\xbcller \xf0\x9f\x98\x80"), "\"M\xc3\xbcller \xf0\x9f\x98\x80\""},
		{NULL, 0, "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer b = {0};

		meter__buffer_json(&b, (struct slice){cases[i].text, cases[i].size});
		assert_string_equal(meter__buffer_cstr(&b), cases[i].expected);
		meter__buffer_free(&b);
	}
}

static void test_copy_ends_with_a_nul(void **state)
{
	char *copy = meter__copy((struct slice){"abcdef", 3});
	char *empty = meter__copy((struct slice){NULL, 0});

	(void)state;
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
	free(copy);
	free(empty);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slices_are_ordered_as_by_memcmp_with_absent_first),
		cmocka_unit_test(test_slice_of_text),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_empty_buffer_is_the_empty_text),
		cmocka_unit_test(test_appends_add_up_over_every_growth),
		cmocka_unit_test(test_kinds_of_append),
		cmocka_unit_test(test_format_fits_or_grows_at_every_length),
		cmocka_unit_test(test_reserve_gives_room_that_is_not_yet_counted),
		cmocka_unit_test(test_failed_buffer_stays_failed_until_reset),
		cmocka_unit_test(test_reset_keeps_the_memory),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_copy_ends_with_a_nul),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
