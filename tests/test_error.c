/* test_error.c - result codes, names and messages: whatever is put into a message, it stays one harmless line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "buffer.h"
#include "error.h"

static const int codes[] = {
	METER_OK,           METER_EINVAL, METER_ENOMEM,   METER_EBUSY,     METER_EAGAIN,   METER_ETIMEDOUT,  METER_ENOTFOUND,
	METER_EUNSUPPORTED, METER_EEND,   METER_EIO,      METER_ECORRUPT,  METER_EFOREIGN, METER_EBACKWARDS, METER_ENEWER,
	METER_EREADONLY,    METER_EFULL,  METER_ECATALOG, METER_EOVERFLOW, METER_ESTATE,   METER_EFORKED,
};

static void test_strerror_has_another_text_for_every_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_string_not_equal(meter_strerror(codes[i]), "unknown result code");
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(meter_strerror(codes[i]), meter_strerror(codes[j]));
	}
}

static void test_strerror_knows_no_other_code(void **state)
{
	static const int others[] = {1, -10, -39, -47, -59, -61, -82, INT32_MIN, INT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_string_equal(meter_strerror(others[i]), "unknown result code");
}

static void test_outcome_names(void **state)
{
	static const struct {
		int32_t outcome;
		const char *expected;
	} cases[] = {
		{METER_PENDING, "pending"},
		{METER_ACCEPTED, "accepted"},
		{METER_DUPLICATE, "duplicate"},
		{METER_CONFLICT, "conflict"},
		{METER_REJECTED, "rejected"},
		{METER_LATE, "late"},
		{METER_LATE + 1, "?"},
		{-1, "?"},
		{INT32_MIN, "?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(meter_outcome_name(cases[i].outcome), cases[i].expected);
}

static void test_version_is_that_of_the_header(void **state)
{
	char expected[32];

	(void)state;
	snprintf(expected, sizeof(expected), "%d.%d.%d", METER_VERSION_MAJOR, METER_VERSION_MINOR, METER_VERSION_PATCH);
	assert_string_equal(meter_version(), expected);
	assert_string_equal(METER_VERSION, expected);
}

static void test_abi_check_accepts_its_own_interface_only(void **state)
{
	(void)state;
	assert_int_equal(meter_abi_check(METER_SOVERSION), METER_OK);
	assert_int_equal(meter_abi_check(METER_SOVERSION + 1), METER_EINVAL);
	assert_string_equal(meter_errmsg(), "compiled for interface 1, but this library has interface 0");
	assert_int_equal(meter_abi_check(METER_SOVERSION - 1), METER_EINVAL);
}

static void test_fail_returns_the_code_and_keeps_the_message(void **state)
{
	(void)state;
	assert_int_equal(meter__fail(METER_EIO, "reading %s failed at %d", "x.db", 7), METER_EIO);
	assert_string_equal(meter_errmsg(), "reading x.db failed at 7");
	assert_int_equal(meter__fail(METER_EBUSY, "%s", ""), METER_EBUSY);
	assert_string_equal(meter_errmsg(), meter_strerror(METER_EBUSY));
}

static void test_message_is_one_printable_line(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
		const char *why;
	} cases[] = {
		{"plain text", "plain text", "ASCII stays"},
		{"a\nb\r\tc", "a\\x0ab\\x0d\\x09c", "line ends and tabs"},
		{"\x1b[31mred", "\\x1b[31mred", "terminal sequences"},
		{"\x7f", "\\x7f", "DEL"},
		{"\xc2\x9b"
	         "31m",
	         "\\xc2\\x9b31m", "the C1 form of a terminal sequence"},
		{"\xc2\xa0", "\xc2\xa0", "the first character after C1"},
		{"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80", "UTF-8 stays"},
		{"\xff\xc3", "\\xff\\xc3", "bytes that are not UTF-8"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "a surrogate"},
		{"100%s %n", "100%s %n", "no format comes from data"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		meter__fail(METER_EINVAL, "%s", cases[i].text);
		if (strcmp(meter_errmsg(), cases[i].expected) != 0)
			fail_msg("%s: %s", cases[i].why, meter_errmsg());
	}
}

static void test_message_is_cut_at_1000_bytes_between_characters(void **state)
{
	char text[2100];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	meter__fail(METER_EINVAL, "%s", text);
	assert_string_equal(meter_errmsg(), text);

	memcpy(text + 999, "\xe2\x82\xac", 4);
	meter__fail(METER_EINVAL, "%s", text);
	assert_int_equal(strlen(meter_errmsg()), 999);

	memcpy(text + 997, "\n", 2);
	meter__fail(METER_EINVAL, "%s", text);
	assert_int_equal(strlen(meter_errmsg()), 997);

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	meter__fail(METER_EINVAL, "%s", text);
	assert_int_equal(strlen(meter_errmsg()), 1000);
	assert_string_equal(meter_errmsg() + 996, "\\x0a");
}

static void test_fail_in_puts_text_before_the_message(void **state)
{
	char long_prefix[1200];

	(void)state;
	meter__fail(METER_EINVAL, "not a decimal");
	assert_int_equal(meter__fail_in(METER_ECATALOG, "%s:%d:%d: ", "catalog.yaml", 3, 7), METER_ECATALOG);
	assert_string_equal(meter_errmsg(), "catalog.yaml:3:7: not a decimal");

	meter__fail_in(METER_EINVAL, "\x1b");
	assert_string_equal(meter_errmsg(), "\\x1b"
	                                    "catalog.yaml:3:7: not a decimal");

	memset(long_prefix, 'p', sizeof(long_prefix) - 1);
	long_prefix[sizeof(long_prefix) - 1] = '\0';
	meter__fail_in(METER_EINVAL, "%s", long_prefix);
	assert_int_equal(strlen(meter_errmsg()), 1000);
	assert_null(strchr(meter_errmsg(), 'n'));
}

static void test_message_may_be_an_argument_of_the_next(void **state)
{
	(void)state;
	meter__fail(METER_EIO, "cause");
	meter__fail(METER_EIO, "<%s>", meter_errmsg());
	assert_string_equal(meter_errmsg(), "<cause>");
	meter__fail_in(METER_EIO, "[%s] ", meter_errmsg());
	assert_string_equal(meter_errmsg(), "[<cause>] <cause>");
	meter__fail_value(METER_EIO, meter_errmsg(), 9, "as quoted");
	assert_string_equal(meter_errmsg(), "\"[<cause>]\": as quoted");
}

static void test_fail_value_quotes_what_was_given(void **state)
{
	char long_text[100];
	char expected[128];

	(void)state;
	assert_int_equal(meter__fail_value(METER_EOVERFLOW, "7x8", 2, "a %s was expected", "decimal"), METER_EOVERFLOW);
	assert_string_equal(meter_errmsg(), "\"7x\": a decimal was expected");
	meter__fail_value(METER_EINVAL, NULL, 0, "wrong");
	assert_string_equal(meter_errmsg(), "\"\": wrong");
	meter__fail_value(METER_EINVAL, "a\0b", 3, "wrong");
	assert_string_equal(meter_errmsg(), "\"a\"...: wrong");
	meter__fail_value(METER_EINVAL, "\xff\n", 2, "wrong");
	assert_string_equal(meter_errmsg(), "\"\\xff\\x0a\": wrong");

	memset(long_text, 'y', sizeof(long_text));
	memcpy(long_text + 79, "\xc3\xbc", 2);
	meter__fail_value(METER_EINVAL, long_text, 79, "wrong");
	snprintf(expected, sizeof(expected), "\"%.79s\": wrong", long_text);
	assert_string_equal(meter_errmsg(), expected);
	meter__fail_value(METER_EINVAL, long_text, sizeof(long_text), "wrong");
	snprintf(expected, sizeof(expected), "\"%.79s\"...: wrong", long_text);
	assert_string_equal(meter_errmsg(), expected);
}

static void *other_thread(void *seen)
{
	snprintf(seen, 32, "%s", meter_errmsg());
	meter__fail(METER_EIO, "of the other thread");
	return NULL;
}

static void test_message_belongs_to_its_thread(void **state)
{
	pthread_t thread;
	char seen[32] = "unset";

	(void)state;
	meter__fail(METER_EINVAL, "of this thread");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, seen), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(seen, "");
	assert_string_equal(meter_errmsg(), "of this thread");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strerror_has_another_text_for_every_code),
		cmocka_unit_test(test_strerror_knows_no_other_code),
		cmocka_unit_test(test_outcome_names),
		cmocka_unit_test(test_version_is_that_of_the_header),
		cmocka_unit_test(test_abi_check_accepts_its_own_interface_only),
		cmocka_unit_test(test_fail_returns_the_code_and_keeps_the_message),
		cmocka_unit_test(test_message_is_one_printable_line),
		cmocka_unit_test(test_message_is_cut_at_1000_bytes_between_characters),
		cmocka_unit_test(test_fail_in_puts_text_before_the_message),
		cmocka_unit_test(test_message_may_be_an_argument_of_the_next),
		cmocka_unit_test(test_fail_value_quotes_what_was_given),
		cmocka_unit_test(test_message_belongs_to_its_thread),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
