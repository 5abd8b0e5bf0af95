/*
 * store_name.c - texts that repeat become numbers. Table "name" decides; the cache of the write connection only saves look-ups.
 *
 * Numbers never change, so the cache cannot be stale; after a rollback, which may have taken numbers back, it is emptied.
 */
#include <stdlib.h>

#include "error.h"
#include "store_internal.h"

/* Beyond this the cache starts anew: about 100 bytes each. */
#define NAMES_MAX 250000

void meter__store_name_forget(struct name_cache *names)
{
	meter__intern_reset(&names->texts);
}

void meter__store_name_free(struct name_cache *names)
{
	meter__intern_free(&names->texts);
	free(names->numbers);
}

/* The number in the file, given now if the text is new. */
static int look_up(struct store *s, enum statement which, struct slice text, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_text64(statement, 1, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = meter__store_int(statement, 0, out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(s->write.db, rc, "naming");
	sqlite3_reset(statement);
	return code;
}

int meter__store_name_number(struct store *s, struct slice text, int64_t *out)
{
	struct name_cache *names = &s->names;
	if (names->texts.count >= NAMES_MAX)
		meter__store_name_forget(names);
	size_t known = names->texts.count, index;
	int code = meter__intern_index(&names->texts, text, &index);
	if (code != METER_OK)
		return code;
	if (names->capacity < names->texts.capacity) {
		int64_t *numbers = realloc(names->numbers, names->texts.capacity * sizeof(*numbers));
		if (!numbers)
			return meter__fail(METER_ENOMEM, "no memory for %zu names", names->texts.capacity);
		names->numbers = numbers;
		names->capacity = names->texts.capacity;
	}
	if (index == known)
		names->numbers[index] = 0; /* not looked up yet */
	if (names->numbers[index] == 0) {
		code = look_up(s, SQL_NAME_FIND, text, &names->numbers[index]);
		if (code == METER_EEND)
			code = look_up(s, SQL_NAME_ADD, text, &names->numbers[index]);
	}
	*out = names->numbers[index];
	return code;
}
