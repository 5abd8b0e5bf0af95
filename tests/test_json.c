/* test_json.c - the JSON parser: what is read, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "meter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One text of any content; a literal may have NULs in it. */
struct text {
	const char *data;
	size_t size;
};
#define TEXT(literal)                                                                                                            \
	{                                                                                                                        \
		"" literal, sizeof(literal) - 1                                                                                  \
	}

/* Writes what was read in a form of its own: [1 2] {a:1}, texts as <size:text>. */
static int describe(struct json *j, struct buffer *out)
{
	struct json_value v;
	int status = meter__json_value(j, &v);
	if (status != METER_OK)
		return status;
	if (v.kind == JSON_STRING) {
		meter__buffer_format(out, "<%zu:", v.text.size);
		meter__buffer_slice(out, v.text);
		meter__buffer_char(out, '>');
		return METER_OK;
	}
	if (v.kind != JSON_OBJECT && v.kind != JSON_ARRAY) {
		meter__buffer_slice(out, v.text);
		return METER_OK;
	}
	meter__buffer_char(out, v.kind == JSON_OBJECT ? '{' : '[');
	for (bool first = true;; first = false) {
		struct slice name;
		status = v.kind == JSON_OBJECT ? meter__json_member(j, &name, first) : meter__json_element(j, first);
		if (status == METER_EEND)
			break;
		if (!first)
			meter__buffer_char(out, ' ');
		if (status == METER_OK && v.kind == JSON_OBJECT) {
			meter__buffer_slice(out, name);
			meter__buffer_char(out, ':');
		}
		if (status == METER_OK)
			status = describe(j, out);
		if (status != METER_OK)
			return status;
	}
	meter__buffer_char(out, v.kind == JSON_OBJECT ? '}' : ']');
	return METER_OK;
}

/* The text is copied into memory of exactly its size, so that a sanitizer sees a read behind it. */
static int read_all(struct buffer *out, const char *data, size_t size)
{
	struct buffer scratch = {0};
	struct json j;
	char *exact = malloc(size > 0 ? size : 1);
	assert_non_null(exact);
	memcpy(exact, data, size);
	assert_int_equal(meter__json_begin(&j, &scratch, exact, size), METER_OK);
	meter__buffer_reset(out);
	int status = describe(&j, out);
	if (status == METER_OK)
		status = meter__json_end(&j);
	meter__buffer_free(&scratch);
	free(exact);
	return status;
}

static void test_values_are_read_as_they_stand(void **state)
{
	(void)state;
	static const struct {
		struct text text;
		const char *expected;
	} rows[] = {
		{TEXT("{}"), "{}"},
		{TEXT("[]"), "[]"},
		{TEXT(" \t\r\n[ ] \t\r\n"), "[]"},
		{TEXT("true"), "true"},
		{TEXT("false"), "false"},
		{TEXT("null"), "null"},
		{TEXT("0"), "0"},
		{TEXT("-0"), "-0"},
		{TEXT("-0.50"), "-0.50"},
		{TEXT("1E400"), "1E400"},
		{TEXT("1.25e+07"), "1.25e+07"},
		{TEXT("9e-1"), "9e-1"},
		{TEXT("9007199254740993"), "9007199254740993"},
		{TEXT("18446744073709551616"), "18446744073709551616"},
		{TEXT("1234567890123456789012345678901234567890"), "1234567890123456789012345678901234567890"},
		{TEXT("\"\""), "<0:>"},
		{TEXT("\"a\""), "<1:a>"},
		{TEXT("\"seven77\""), "<7:seven77>"},
		{TEXT("\"eight888\""), "<8:eight888>"},
		{TEXT("\"nine99999\""), "<9:nine99999>"},
		{TEXT("\"\x7f\""), "<1:\x7f>"},
		{TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "<8:\"\\/\b\f\n\r\t>"},
		{TEXT("\"0123456789\\n0123456789\""), "<21:0123456789\n0123456789>"},
		{TEXT("\"\\u0001\\u0041\\u007f\""), "<3:\x01"
	                                            "A\x7f>"},
		{TEXT("\"\\u0080\\u07ff\\u0800\\uffff\""), "<10:\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf>"},
		{TEXT("\"\\uD83D\\uDE00\""), "<4:\xf0\x9f\x98\x80>"},
		{TEXT("\"\\ud800\\udc00\\udbff\\udfff\""), "<8:\xf0\x90\x80\x80\xf4\x8f\xbf\xbf>"},
		{TEXT("\"\\ud7ff\\ue000\""), "<6:\xed\x9f\xbf\xee\x80\x80>"},
		{TEXT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""), "<9:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80>"},
		{TEXT("{\"a\":1,\"b\":[true,{\"c\":null}],\"\":\"\"}"), "{a:1 b:[true {c:null}] :<0:>}"},
		{TEXT("{\"\\u0061\\n\" : \"\\u0062\" , \"b\" : \"c\"}"), "{a\n:<1:b> b:<1:c>}"},
		{TEXT("{\"a\":1,\"a\":2}"), "{a:1 a:2}"},
		{TEXT("[1,\"a\",[[]]]"), "[1 <1:a> [[]]]"},
		{TEXT("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],{},{}]"),
	         "[[] [] [] [] [] [] [] [] [] [] [] [] [] [] [] [] {} {}]"},
		{TEXT("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"), "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"},
	};
	struct buffer out = {0};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_all(&out, rows[i].text.data, rows[i].text.size) != METER_OK)
			fail_msg("%s: %s", rows[i].text.data, meter_errmsg());
		assert_string_equal(meter__buffer_cstr(&out), rows[i].expected);
	}
	meter__buffer_free(&out);
}

static void test_broken_texts_are_refused_with_their_column(void **state)
{
	(void)state;
	static const struct {
		struct text text;
		const char *message;
	} rows[] = {
		{TEXT(""), "column 1: the text ends where a value was expected"},
		{TEXT("  "), "column 3: the text ends where a value was expected"},
		{TEXT("\xef\xbb\xbf{}"), "column 1: a byte order mark (BOM) is not allowed"},
		{TEXT("\xef\xbb"), "column 1: a value was expected, not byte 0xef"},
		{TEXT("\0"), "column 1: a value was expected, not byte 0x00"},
		{TEXT("x"), "column 1: a value was expected, not 'x'"},
		{TEXT("'a'"), "column 1: a value was expected, not '''"},
		{TEXT("NaN"), "column 1: a value was expected, not 'N'"},
		{TEXT("Infinity"), "column 1: a value was expected, not 'I'"},
		{TEXT("-Infinity"), "column 2: a digit was expected, not 'I'"},
		{TEXT("nul"), "column 1: a value was expected, not 'n'"},
		{TEXT("nulL"), "column 1: a value was expected, not 'n'"},
		{TEXT("True"), "column 1: a value was expected, not 'T'"},
		{TEXT("truex"), "column 5: the end of the text was expected, not 'x'"},
		{TEXT("+1"), "column 1: a value was expected, not '+'"},
		{TEXT(".5"), "column 1: a value was expected, not '.'"},
		{TEXT("-"), "column 2: the text ends where a digit was expected"},
		{TEXT("-a"), "column 2: a digit was expected, not 'a'"},
		{TEXT("00"), "column 1: a number must not start with zeros"},
		{TEXT("-01"), "column 1: a number must not start with zeros"},
		{TEXT("1."), "column 3: the text ends where a digit was expected"},
		{TEXT("1.e1"), "column 3: a digit was expected, not 'e'"},
		{TEXT("1e"), "column 3: the text ends where a digit was expected"},
		{TEXT("1e+"), "column 4: the text ends where a digit was expected"},
		{TEXT("0x10"), "column 2: the end of the text was expected, not 'x'"},
		{TEXT("1_000"), "column 2: the end of the text was expected, not '_'"},
		{TEXT("{} {}"), "column 4: the end of the text was expected, not '{'"},
		{TEXT("{}\0"), "column 3: the end of the text was expected, not byte 0x00"},
		{TEXT("{} // x"), "column 4: the end of the text was expected, not '/'"},
		{TEXT("{"), "column 2: the text ends where a name or } was expected"},
		{TEXT("{\"a\""), "column 5: the text ends where a colon was expected"},
		{TEXT("{\"a\":"), "column 6: the text ends where a value was expected"},
		{TEXT("{\"a\":1"), "column 7: the text ends where a comma or } was expected"},
		{TEXT("{\"a\":1,"), "column 8: the text ends where a name was expected"},
		{TEXT("{\"a\":1,}"), "column 8: a name was expected, not '}'"},
		{TEXT("{,\"a\":1}"), "column 2: a name or } was expected, not ','"},
		{TEXT("{a:1}"), "column 2: a name or } was expected, not 'a'"},
		{TEXT("{'a':1}"), "column 2: a name or } was expected, not '''"},
		{TEXT("{1:1}"), "column 2: a name or } was expected, not '1'"},
		{TEXT("{\"a\" 1}"), "column 6: a colon was expected, not '1'"},
		{TEXT("{\"a\":1 \"b\":2}"), "column 8: a comma or } was expected, not '\"'"},
		{TEXT("{\"a\":1]"), "column 7: a comma or } was expected, not ']'"},
		{TEXT("["), "column 2: the text ends where a value was expected"},
		{TEXT("[1"), "column 3: the text ends where a comma or ] was expected"},
		{TEXT("[1,]"), "column 4: a value was expected, not ']'"},
		{TEXT("[,1]"), "column 2: a value was expected, not ','"},
		{TEXT("[1 2]"), "column 4: a comma or ] was expected, not '2'"},
		{TEXT("[1}"), "column 3: a comma or ] was expected, not '}'"},
		{TEXT("\""), "column 2: the text ends within a string"},
		{TEXT("\"abcdefgh"), "column 10: the text ends within a string"},
		{TEXT("\"a\\"), "column 4: the text ends within a string"},
		{TEXT("\"a\\\""), "column 5: the text ends within a string"},
		{TEXT("\"a\\x\""), "column 3: an escape was expected: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u"},
		{TEXT("\"\\\0\""), "column 2: an escape was expected: \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u"},
		{TEXT("\"\\u12\""), "column 2: four hexadecimal digits were expected after \\u"},
		{TEXT("\"\\u12g4\""), "column 2: four hexadecimal digits were expected after \\u"},
		{TEXT("\"\\u123"), "column 2: four hexadecimal digits were expected after \\u"},
		{TEXT("\"a\\u0000\""), "column 3: \\u0000 (NUL) is not allowed"},
		{TEXT("\"\\ud800\""), "column 2: \\ud800 is one half of a surrogate pair"},
		{TEXT("\"\\udc00\""), "column 2: \\udc00 is one half of a surrogate pair"},
		{TEXT("\"\\udfff\\ud800\""), "column 2: \\udfff is one half of a surrogate pair"},
		{TEXT("\"\\ud800\\ud800\""), "column 2: \\ud800 is one half of a surrogate pair"},
		{TEXT("\"\\udc00\\udc00\""), "column 2: \\udc00 is one half of a surrogate pair"},
		{TEXT("\"\\udbff\\ue000\""), "column 2: \\udbff is one half of a surrogate pair"},
		{TEXT("\"\\ud800\\u00\""), "column 2: \\ud800 is one half of a surrogate pair"},
		{TEXT("\"\\ud800"), "column 2: \\ud800 is one half of a surrogate pair"},
		{TEXT("\"a\nb\""), "column 3: control character 0x0a in a string"},
		{TEXT("\"a\0b\""), "column 3: control character 0x00 in a string"},
		{TEXT("\"12345678\x1f\""), "column 10: control character 0x1f in a string"},
		{TEXT("\"\xff\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"\xc3\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"\xc0\x80\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"\xed\xa0\x80\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"\xf4\x90\x80\x80\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"12345678\x80"
	              "1234567\""),
	         "column 1: the string is not valid UTF-8"},
		{TEXT("\"\\n12345678\x80\""), "column 1: the string is not valid UTF-8"},
		{TEXT("\"\x80\\n12345678\""), "column 1: the string is not valid UTF-8"},
		{TEXT("{\"\xff\":1}"), "column 2: the string is not valid UTF-8"},
		{TEXT("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), "column 17: nested deeper than 16"},
	};
	struct buffer out = {0};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (read_all(&out, rows[i].text.data, rows[i].text.size) != METER_EINVAL)
			fail_msg("accepted: %s", rows[i].text.data);
		assert_string_equal(meter_errmsg(), rows[i].message);
	}
	meter__buffer_free(&out);
}

/* Every byte value at every place of a string: only '"' and '\' end the fast path wrongly if the scan of eight bytes is off by
 * one. */
static void test_each_byte_at_each_place_of_a_string(void **state)
{
	(void)state;
	struct buffer out = {0};
	for (size_t size = 1; size <= 20; size++) {
		for (size_t place = 0; place < size; place++) {
			for (unsigned byte = 0; byte < 256; byte++) {
				char text[32];
				memset(text, 'x', sizeof(text));
				text[0] = '"';
				text[1 + place] = (char)byte;
				text[1 + size] = '"';
				bool is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
				int status = read_all(&out, text, size + 2);
				assert_int_equal(status, is_plain ? METER_OK : METER_EINVAL);
			}
		}
	}
	meter__buffer_free(&out);
}

static void test_every_beginning_of_a_text_is_refused(void **state)
{
	(void)state;
	static const char text[] = "{\"a\\u00e9\\ud83d\\ude00\":[1.5e3,true,null,{\"b\":\"\\n\xc3\xa9\"}],\"c\":false}";
	struct buffer out = {0};
	assert_int_equal(read_all(&out, text, sizeof(text) - 1), METER_OK);
	for (size_t size = 0; size < sizeof(text) - 1; size++)
		assert_int_equal(read_all(&out, text, size), METER_EINVAL);
	meter__buffer_free(&out);
}

static void test_skip_gives_the_whole_text(void **state)
{
	(void)state;
	static const char text[] = "[ {\"a\" : [1, \"\\u0041]}\"] } , \"next\\n\"]";
	struct buffer scratch = {0};
	struct json j;
	struct json_value v;
	assert_int_equal(meter__json_begin(&j, &scratch, text, sizeof(text) - 1), METER_OK);
	assert_int_equal(meter__json_value(&j, &v), METER_OK);
	assert_int_equal(meter__json_element(&j, true), METER_OK);
	assert_int_equal(meter__json_value(&j, &v), METER_OK);
	assert_int_equal(v.kind, JSON_OBJECT);
	assert_int_equal(meter__json_skip(&j, &v), METER_OK);
	assert_true(meter__slice_equal(v.text, (struct slice)SLICE("{\"a\" : [1, \"\\u0041]}\"] }")));
	assert_int_equal(meter__json_element(&j, false), METER_OK);
	assert_int_equal(meter__json_value(&j, &v), METER_OK);
	assert_true(meter__slice_equal(v.text, (struct slice)SLICE("next\n")));
	assert_int_equal(meter__json_element(&j, false), METER_EEND);
	assert_int_equal(meter__json_end(&j), METER_OK);
	meter__buffer_free(&scratch);
}

static void test_skip_refuses_what_reading_refuses(void **state)
{
	(void)state;
	static const char *const texts[] = {"[[1,]]", "[{\"a\":}]", "[\"\\ud800\"]", "[{\"a\":1",
	                                    "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct buffer scratch = {0};
		struct json j;
		struct json_value v;
		assert_int_equal(meter__json_begin(&j, &scratch, texts[i], strlen(texts[i])), METER_OK);
		assert_int_equal(meter__json_value(&j, &v), METER_OK);
		assert_int_equal(meter__json_skip(&j, &v), METER_EINVAL);
		meter__buffer_free(&scratch);
	}
}

static void test_resolved_strings_stay_where_they_are(void **state)
{
	(void)state;
	enum { STRINGS = 2000 };
	struct buffer text = {0};
	struct buffer scratch = {0};
	struct slice seen[STRINGS];
	meter__buffer_char(&text, '[');
	for (int i = 0; i < STRINGS; i++)
		meter__buffer_format(&text, "%s\"\\t%d\\u20ac\"", i > 0 ? "," : "", i);
	meter__buffer_char(&text, ']');
	struct json j;
	struct json_value v;
	assert_int_equal(meter__json_begin(&j, &scratch, text.data, text.size), METER_OK);
	assert_int_equal(meter__json_value(&j, &v), METER_OK);
	for (int i = 0; i < STRINGS; i++) {
		assert_int_equal(meter__json_element(&j, i == 0), METER_OK);
		assert_int_equal(meter__json_value(&j, &v), METER_OK);
		seen[i] = v.text;
	}
	for (int i = 0; i < STRINGS; i++) {
		char expected[32];
		snprintf(expected, sizeof(expected), "\t%d\xe2\x82\xac", i);
		assert_true(meter__slice_equal(seen[i], meter__slice_of(expected)));
	}
	meter__buffer_free(&text);
	meter__buffer_free(&scratch);
}

static void test_large_texts_are_read(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	char *text = malloc(SIZE);
	assert_non_null(text);
	memset(text, 'x', SIZE);
	text[0] = text[SIZE - 1] = '"';
	text[SIZE / 2] = '\\';
	text[SIZE / 2 + 1] = 'n';
	struct buffer out = {0};
	assert_int_equal(read_all(&out, text, SIZE), METER_OK);
	assert_int_equal(out.size, SIZE - 3 + strlen("<1048573:>"));
	/* Depth 1,000 ends at the limit, not on the stack. */
	memset(text, '[', 1000);
	assert_int_equal(read_all(&out, text, 1000), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "column 17: nested deeper than 16");
	meter__buffer_free(&out);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_read_as_they_stand),
		cmocka_unit_test(test_broken_texts_are_refused_with_their_column),
		cmocka_unit_test(test_each_byte_at_each_place_of_a_string),
		cmocka_unit_test(test_every_beginning_of_a_text_is_refused),
		cmocka_unit_test(test_skip_gives_the_whole_text),
		cmocka_unit_test(test_skip_refuses_what_reading_refuses),
		cmocka_unit_test(test_resolved_strings_stay_where_they_are),
		cmocka_unit_test(test_large_texts_are_read),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
