/* test_yaml.c - the tree of a YAML text, its positions, and everything that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meter.h"
#include "yaml_tree.h"

static void write_node(struct buffer *out, const struct yaml_node *node)
{
	meter__buffer_format(out, "%d:%d", node->line, node->column);
	if (node->kind == YAML_TEXT) {
		meter__buffer_text(out, node->is_plain ? "=" : "='");
		meter__buffer_slice(out, node->text);
		meter__buffer_text(out, node->is_plain ? "" : "'");
		return;
	}
	meter__buffer_text(out, node->kind == YAML_LIST ? "[" : "{");
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		if (child != node->first)
			meter__buffer_char(out, ' ');
		write_node(out, child);
		if (child->value != NULL) {
			meter__buffer_text(out, " -> ");
			write_node(out, child->value);
		}
	}
	meter__buffer_text(out, node->kind == YAML_LIST ? "]" : "}");
}

/* The tree as text, or the message. */
static void read_text(struct buffer *out, int *result_out, const char *text, size_t size)
{
	struct arena arena = {0};
	const struct yaml_node *root;

	*result_out = meter__yaml_read(&root, &arena, "t.yaml", text, size);
	if (*result_out == METER_OK)
		write_node(out, root);
	else
		assert_null(root);
	if (*result_out != METER_OK)
		meter__buffer_text(out, meter_errmsg());
	meter__arena_free(&arena);
}

static void expect_text(const char *text, size_t size, int expected_result, const char *expected, const char *why)
{
	struct buffer actual = {0};
	int result;

	read_text(&actual, &result, text, size);
	if (result != expected_result || strcmp(meter__buffer_cstr(&actual), expected) != 0)
		fail_msg("%s\n  gives    %d %s\n  expected %d %s", why, result, meter__buffer_cstr(&actual), expected_result,
		         expected);
	meter__buffer_free(&actual);
}

static void test_tree_has_every_value_with_its_position(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
		const char *why;
	} rows[] = {
		{"a", "1:1=a", "a single text"},
		{"a: 1\nb: 2\n", "1:1{1:1=a -> 1:4=1 2:1=b -> 2:4=2}", "block mapping"},
		{"- a\n-  b\n", "1:1[1:3=a 2:4=b]", "block list"},
		{"{a: [1, 2], b: {}}", "1:1{1:2=a -> 1:5[1:6=1 1:9=2] 1:13=b -> 1:16{}}", "flow collections"},
		{"[]", "1:1[]", "empty list"},
		{"[a: 1]", "1:1[1:2{1:2=a -> 1:5=1}]", "a pair in a list"},
		{"a: 0.10\nb: 1e3\nc: 0x1F\n", "1:1{1:1=a -> 1:4=0.10 2:1=b -> 2:4=1e3 3:1=c -> 3:4=0x1F}", "numbers are text"},
		{"a: 'x'\nb: \"y\"\nc: |\n  z\n", "1:1{1:1=a -> 1:4='x' 2:1=b -> 2:4='y' 3:1=c -> 3:4='z\n'}",
	         "quotes are remembered"},
		{"a:\nb: ~\n", "1:1{1:1=a -> 1:3= 2:1=b -> 2:4=~}", "nothing is plain and empty"},
		{"\xEF\xBB\xBF"
	         "a: 1",
	         "1:1{1:1=a -> 1:4=1}", "a byte order mark is no text"},
		{"\xC3\xA4\xC3\xB6: x", "1:1{1:1=\xC3\xA4\xC3\xB6 -> 1:5=x}", "a column is a character"},
		{"\"a\\u00e4\": x", "1:1{1:1='a\xC3\xA4' -> 1:12=x}", "an escape"},
		{"---\na: 1\n...\n", "2:1{2:1=a -> 2:4=1}", "explicit start and end"},
		{"a: 1\r\nb: 2\r\n", "1:1{1:1=a -> 1:4=1 2:1=b -> 2:4=2}", "line ends of Windows"},
		{"<<: 1", "1:1{1:1=<< -> 1:5=1}", "a merge key is only a key"},
		{"? a\n: 1\n", "1:1{1:3=a -> 2:3=1}", "an explicit key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_text(rows[i].text, strlen(rows[i].text), METER_OK, rows[i].expected, rows[i].why);
}

#define BOMB                                                                                                                     \
	"a: &a [x, x]\n"                                                                                                         \
	"b: &b [*a, *a, *a, *a, *a, *a, *a]\n"                                                                                   \
	"c: &c [*b, *b, *b, *b, *b, *b, *b]\n"

static void test_error_names_line_and_column(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
		const char *why;
	} rows[] = {
		{"", "t.yaml:1:1: the text is empty", "nothing at all"},
		{"# only a comment\n", "t.yaml:1:1: the text is empty", "a comment"},
		{"---\n", "t.yaml:1:1: the text is empty", "an empty document"},
		{BOMB, "t.yaml:1:4: anchor \"&a\"; anchors are not allowed", "an alias bomb stops at its first anchor"},
		{"a: 1\nb: *a\n", "t.yaml:2:4: alias \"*a\"; aliases are not allowed", "an alias"},
		{"a: &x 1\n", "t.yaml:1:4: anchor \"&x\"; anchors are not allowed", "an anchor on text"},
		{"a: &x {b: 1}\n", "t.yaml:1:4: anchor \"&x\"; anchors are not allowed", "an anchor on a mapping"},
		{"a: !!str 1\n", "t.yaml:1:4: tag \"tag:yaml.org,2002:str\"; tags are not allowed", "a tag on text"},
		{"a: !t [1]\n", "t.yaml:1:4: tag \"!t\"; tags are not allowed", "a tag on a list"},
		{"a: !t {b: 1}\n", "t.yaml:1:4: tag \"!t\"; tags are not allowed", "a tag on a mapping"},
		{"a: ! 1\n", "t.yaml:1:4: tag \"!\"; tags are not allowed", "the tag of no type"},
		{"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document; one is allowed", "two documents"},
		{"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: duplicate key \"a\", first given at line 1", "a duplicate key"},
		{"{b: 1, a: 1, b: 2, a: 2, b: 3}", "t.yaml:1:14: duplicate key \"b\", first given at line 1",
	         "the first of several duplicates"},
		{"a: 1\n'a': 2\n", "t.yaml:2:1: duplicate key \"a\", first given at line 1", "quotes do not make another key"},
		{"x: {a: 1, a: 1}\n", "t.yaml:1:11: duplicate key \"a\", first given at line 1", "a duplicate key further in"},
		{"[a]: 1\n", "t.yaml:1:1: a key must be text", "a list as key"},
		{"? {a: 1}\n: 1\n", "t.yaml:1:3: a key must be text", "a mapping as key"},
		{"a:\n\tb: 1\n", "t.yaml:2:1: a tab; YAML is indented with blanks only", "a tab for indentation"},
		{"a:\n  b: 1\n\tc: 1\n", "t.yaml:3:1: a tab; YAML is indented with blanks only", "a tab after blanks"},
		{"a: [1, 2\nb: 3\n",
	         "t.yaml:2:2: did not find expected ',' or ']' while parsing a flow sequence that starts at line 1",
	         "a list that is not closed"},
		{"a: \"x\n", "t.yaml:2:1: found unexpected end of stream while scanning a quoted scalar that starts at line 1",
	         "open quotes"},
		{"a: b: c\n", "t.yaml:1:5: mapping values are not allowed in this context", "a colon too many"},
		{"a: 1\n b: 2\n", "t.yaml:2:3: mapping values are not allowed in this context", "wrong indentation"},
		{"a: |\n  x\n\ty\n", "t.yaml:3:1: a tab; YAML is indented with blanks only", "a tab after a block of text"},
		{"a: @b\n", "t.yaml:1:4: found character that cannot start any token", "a reserved character"},
		{"a: 1\nb: \xFF\n", "t.yaml:2:4: byte 0xFF; the text must be UTF-8 without NUL", "no UTF-8"},
		{"\xC3\xA4: \xC3", "t.yaml:1:4: byte 0xC3; the text must be UTF-8 without NUL", "UTF-8 that is cut off"},
		{"a: \xED\xA0\x80", "t.yaml:1:4: byte 0xED; the text must be UTF-8 without NUL", "a surrogate"},
		{"a: 1\nb: \x07\n", "t.yaml:2:4: control characters are not allowed (U+0007)", "a control character"},
		{"a: \"\\0\"\n", "t.yaml:1:4: text with a NUL", "a NUL by escape"},
		{"a: \"\\ud800\"\n", "t.yaml:1:7: found invalid Unicode character escape code", "a surrogate by escape"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_text(rows[i].text, strlen(rows[i].text), METER_ECATALOG, rows[i].expected, rows[i].why);
	expect_text("a\0b", 3, METER_ECATALOG, "t.yaml:1:2: byte 0x00; the text must be UTF-8 without NUL", "a NUL in the text");
	expect_text("\xFF\xFE"
	            "a\0",
	            4, METER_ECATALOG, "t.yaml:1:1: byte 0xFF; the text must be UTF-8 without NUL", "UTF-16");
}

static int read_buffer(struct buffer *b)
{
	struct arena arena = {0};
	const struct yaml_node *root;

	assert_false(b->failed);
	int result = meter__yaml_read(&root, &arena, "t.yaml", b->data, b->size);
	meter__arena_free(&arena);
	meter__buffer_free(b);
	return result;
}

static int read_nested(int levels, char open, char close)
{
	struct buffer b = {0};

	for (int i = 0; i < levels; i++)
		meter__buffer_text(&b, open == '[' ? "[" : "{a: ");
	if (open == '{')
		meter__buffer_text(&b, "x");
	for (int i = 0; i < levels; i++)
		meter__buffer_char(&b, close);
	return read_buffer(&b);
}

static void test_depth_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_nested(YAML_DEPTH_MAX, '[', ']'), METER_OK);
	assert_int_equal(read_nested(YAML_DEPTH_MAX + 1, '[', ']'), METER_ECATALOG);
	assert_string_equal(meter_errmsg(), "t.yaml:1:17: nested deeper than 16 levels");
	assert_int_equal(read_nested(YAML_DEPTH_MAX, '{', '}'), METER_OK);
	assert_int_equal(read_nested(YAML_DEPTH_MAX + 1, '{', '}'), METER_ECATALOG);
	/* libyaml itself is quadratic here: a hundred thousand brackets must stop at the seventeenth. */
	assert_int_equal(read_nested(100000, '[', ']'), METER_ECATALOG);
}

static int read_items(int count)
{
	struct buffer b = {0};

	for (int i = 0; i < count; i++)
		meter__buffer_text(&b, "- x\n");
	return read_buffer(&b);
}

static void test_number_of_values_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_items(YAML_NODES_MAX - 1), METER_OK); /* the list is a value too */
	assert_int_equal(read_items(YAML_NODES_MAX), METER_ECATALOG);
	assert_string_equal(meter_errmsg(), "t.yaml:2000000:3: more than 2000000 values");
}

static int read_scalar(int size)
{
	struct buffer b = {0};

	for (int i = 0; i < size; i++)
		meter__buffer_char(&b, 'x');
	return read_buffer(&b);
}

static void test_size_of_text_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_scalar(YAML_SCALAR_MAX), METER_OK);
	assert_int_equal(read_scalar(YAML_SCALAR_MAX + 1), METER_ECATALOG);
	assert_string_equal(meter_errmsg(), "t.yaml:1:1: text of 4097 bytes; at most 4096 are allowed");
}

/* One long comment: valid up to the last byte. */
static int read_sized(size_t size)
{
	struct buffer b = {0};

	meter__buffer_text(&b, "a\n#");
	while (b.size < size)
		meter__buffer_char(&b, '-');
	return read_buffer(&b);
}

static void test_size_of_the_whole_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_sized(YAML_TEXT_MAX), METER_OK);
	assert_int_equal(read_sized(YAML_TEXT_MAX + 1), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "t.yaml:1:1: the text has 16777217 bytes; at most 16777216 are allowed");
}

static int read_keys(int count, const char *last)
{
	struct buffer b = {0};

	for (int i = 0; i < count; i++)
		meter__buffer_format(&b, "k%d: x\n", i);
	meter__buffer_text(&b, last);
	return read_buffer(&b);
}

static void test_duplicate_is_found_among_many_keys(void **state)
{
	(void)state;
	assert_int_equal(read_keys(90000, ""), METER_OK);
	assert_int_equal(read_keys(90000, "k41999: x\n"), METER_ECATALOG);
	assert_string_equal(meter_errmsg(), "t.yaml:90001:1: duplicate key \"k41999\", first given at line 42000");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree_has_every_value_with_its_position),
		cmocka_unit_test(test_error_names_line_and_column),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_number_of_values_is_bounded),
		cmocka_unit_test(test_size_of_text_is_bounded),
		cmocka_unit_test(test_size_of_the_whole_is_bounded),
		cmocka_unit_test(test_duplicate_is_found_among_many_keys),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
