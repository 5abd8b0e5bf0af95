/* test_intern.c - distinct texts get indices, also past growths; and the writer's names stay right after a commit that failed. */
#include <stdio.h>
#include <string.h>

#include "intern.h"
#include "store_internal.h"
#include "support.h"

static size_t index_of(struct intern *in, struct slice text)
{
	size_t index = SIZE_MAX;
	assert_ok(meter__intern_index(in, text, &index));
	return index;
}

static void test_texts_that_look_alike_are_distinct(void **state)
{
	(void)state;
	static const struct slice texts[] = {SLICE(""),   SLICE("a"),   SLICE("A"),        SLICE("ab"),       SLICE("b"),
	                                     SLICE("a "), SLICE("a\0"), SLICE("\xc3\xa9"), SLICE("e\xcc\x81")};
	struct intern in = {.seed = 1};
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT(texts); i++)
			assert_i64((int64_t)i, (int64_t)index_of(&in, texts[i]));
	}
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_true(meter__slice_equal(meter__intern_text(&in, i), texts[i]));
	assert_i64(COUNT(texts), (int64_t)in.count);
	meter__intern_free(&in);
}

static void test_indices_and_texts_last_while_the_table_grows(void **state)
{
	(void)state;
	enum { TEXTS = 5000 };
	for (uint64_t seed = 0; seed < 3; seed++) {
		struct intern in = {.seed = seed};
		char text[24];
		for (int round = 0; round < 2; round++) {
			for (int i = 0; i < TEXTS; i++) {
				int size = snprintf(text, sizeof(text), "text %d", i);
				assert_i64(i, (int64_t)index_of(&in, (struct slice){text, (size_t)size}));
			}
		}
		for (int i = 0; i < TEXTS; i++) {
			snprintf(text, sizeof(text), "text %d", i);
			assert_true(meter__slice_equal(meter__intern_text(&in, (size_t)i), meter__slice_of(text)));
		}
		meter__intern_reset(&in);
		assert_i64(0, (int64_t)index_of(&in, meter__slice_of("text 4711")));
		assert_i64(1, (int64_t)index_of(&in, meter__slice_of("text 0")));
		meter__intern_free(&in);
	}
}

/* A rollback takes numbers back, and another connection may give them to other texts. */
static void test_names_are_looked_up_again_after_a_rollback(void **state)
{
	(void)state;
	struct store *first, *second;
	int64_t taken_back, given, number;
	assert_ok(open_store(&first));
	assert_ok(open_store(&second));
	assert_ok(meter__store_begin(first));
	assert_ok(meter__store_name_number(first, meter__slice_of("lost"), &taken_back));
	meter__store_rollback(first);
	assert_ok(meter__store_begin(second));
	assert_ok(meter__store_name_number(second, meter__slice_of("kept"), &given));
	assert_ok(meter__store_commit(second));
	assert_i64(taken_back, given); /* the trap is set */
	assert_ok(meter__store_begin(first));
	assert_ok(meter__store_name_number(first, meter__slice_of("lost"), &number));
	assert_true(number != given);
	assert_ok(meter__store_name_number(first, meter__slice_of("kept"), &number));
	assert_i64(given, number);
	assert_ok(meter__store_commit(first));
	meter__store_close(first);
	meter__store_close(second);
	assert_i64(2, sql_int(meter_path(), "SELECT count(*) FROM name"));
}

/* The commit itself fails: nothing of the transaction is there, and the next one does not believe that it was. */
static int refuse_commit(void *user)
{
	(void)user;
	return 1;
}

static void test_names_are_looked_up_again_after_a_commit_that_failed(void **state)
{
	(void)state;
	struct store *s;
	int64_t lost, kept, number;
	assert_ok(open_store(&s));
	assert_ok(meter__store_begin(s));
	assert_ok(meter__store_name_number(s, meter__slice_of("lost"), &lost));
	sqlite3_commit_hook(s->write.db, refuse_commit, NULL);
	assert_true(meter__store_commit(s) != METER_OK);
	sqlite3_commit_hook(s->write.db, NULL, NULL);
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM name"));
	assert_ok(meter__store_begin(s));
	assert_ok(meter__store_name_number(s, meter__slice_of("kept"), &kept));
	assert_ok(meter__store_name_number(s, meter__slice_of("lost"), &number));
	assert_true(number != kept);
	assert_ok(meter__store_commit(s));
	meter__store_close(s);
	assert_i64(2, sql_int(meter_path(), "SELECT count(*) FROM name"));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_that_look_alike_are_distinct),
		cmocka_unit_test(test_indices_and_texts_last_while_the_table_grows),
		in_scratch(test_names_are_looked_up_again_after_a_rollback),
		in_scratch(test_names_are_looked_up_again_after_a_commit_that_failed),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("intern", tests, NULL, NULL);
}
