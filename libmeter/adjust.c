/*
 * adjust.c - what differs between two ratings of one period: as lines of an adjustment, and for people. (pure)
 *
 * Lines are the same step of the same charge when kind, charge, stretch of time and description agree; what a line says of money
 * that is left, or of a bound, does not count.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "invoice.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* How much of a description tells what the line is: "credit gift, 12.00 left" says what is left after its last comma. */
static size_t identity_size(const struct invoice_line *line)
{
	const char *comma = strrchr(line->description, ',');
	return line->kind == METER_LINE_CREDIT && comma ? (size_t)(comma - line->description) : strlen(line->description);
}

static bool is_same_step(const struct invoice_line *a, const struct invoice_line *b)
{
	const size_t size = identity_size(a);
	return a->kind == b->kind && same_text(a->charge, b->charge) && strcmp(a->account, b->account) == 0 &&
	       a->active.from_us == b->active.from_us && a->active.to_us == b->active.to_us && size == identity_size(b) &&
	       memcmp(a->description, b->description, size) == 0;
}

static bool is_equal(struct decimal a, struct decimal b)
{
	return meter__decimal_compare(a, b) == 0;
}

static bool is_same_line(const struct invoice_line *a, const struct invoice_line *b)
{
	return is_same_step(a, b) && a->has_amount == b->has_amount && is_equal(a->quantity, b->quantity) &&
	       is_equal(a->price, b->price) && is_equal(a->per, b->per) && is_equal(a->amount, b->amount);
}

bool meter__adjust_is_same(const struct bill *before, const struct bill *after)
{
	if (before->line_count != after->line_count || !is_equal(before->due, after->due) ||
	    !meter__account_is_same(&before->after, &after->after))
		return false;
	for (size_t i = 0; i < before->line_count; i++) {
		if (!is_same_line(&before->lines[i], &after->lines[i]))
			return false;
	}
	return true;
}

/* ---- lines of an adjustment ---- */

struct adjusting {
	struct invoice_line *lines;
	size_t count;
	struct arena *arena;
};

static const char *describe(struct arena *arena, const struct invoice_line *line)
{
	char before[DECIMAL_TEXT_SIZE], after[DECIMAL_TEXT_SIZE];
	struct buffer text = {0};
	meter__decimal_format(before, line->quantity_before);
	meter__decimal_format(after, line->quantity_after);
	meter__buffer_append(&text, line->description, identity_size(line));
	/* An adjustment on one of two invoices that are compared says it already. */
	if (!is_equal(line->quantity_before, line->quantity_after) && line->kind != METER_LINE_ADJUSTMENT)
		meter__buffer_format(&text, ": %s instead of %s", after, before);
	const char *copy = text.failed ? NULL : meter__arena_copy(arena, (struct slice){text.data, text.size});
	meter__buffer_free(&text);
	return copy;
}

/* The line from one state of a step to the other; NULL: it was not there. */
static int add_difference(struct adjusting *a, const struct invoice_line *before, const struct invoice_line *after)
{
	const struct invoice_line *some = after ? after : before;
	struct invoice_line *line = &a->lines[a->count];
	*line = *some;
	line->quantity_before = before ? before->quantity : DECIMAL_ZERO;
	line->quantity_after = after ? after->quantity : DECIMAL_ZERO;
	line->amount_before = before ? before->amount : DECIMAL_ZERO;
	line->amount_after = after ? after->amount : DECIMAL_ZERO;
	line->has_amount = true;
	if (is_equal(line->quantity_before, line->quantity_after) && is_equal(line->amount_before, line->amount_after))
		return METER_OK;
	int code = meter__decimal_subtract(&line->quantity, line->quantity_after, line->quantity_before);
	if (code == METER_OK)
		code = meter__decimal_subtract(&line->amount, line->amount_after, line->amount_before);
	if (code != METER_OK)
		return meter__fail(code, "an adjustment does not fit into 38 digits");
	line->description = describe(a->arena, line);
	/* Where the price is another one, the difference is the price of one of it. */
	if ((before && after && (!is_equal(before->price, after->price) || !is_equal(before->per, after->per))) ||
	    meter__decimal_is_zero(line->quantity)) {
		line->quantity = DECIMAL_ONE;
		line->price = line->amount;
		line->per = DECIMAL_ONE;
	}
	line->adjusted_kind = some->kind;
	line->kind = METER_LINE_ADJUSTMENT;
	line->exact = NULL;
	a->count++;
	return line->description ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an adjustment");
}

static const struct invoice_line *find_step(const struct invoice_line *lines, size_t count, bool *is_used,
                                            const struct invoice_line *wanted)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_used[i] && is_same_step(&lines[i], wanted)) {
			is_used[i] = true;
			return &lines[i];
		}
	}
	return NULL;
}

int meter__adjust_lines(struct invoice_line **lines, size_t *count, struct arena *arena, const struct invoice_line *before,
                        size_t before_count, const struct invoice_line *after, size_t after_count)
{
	struct adjusting a = {.arena = arena, .count = *count};
	bool *is_used = calloc(before_count + 1, sizeof(*is_used));
	a.lines = meter__arena_array(arena, *count + before_count + after_count + 1, sizeof(*a.lines));
	int code = is_used && a.lines ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an adjustment");
	if (code == METER_OK && *count > 0)
		memcpy(a.lines, *lines, *count * sizeof(*a.lines));
	for (size_t i = 0; i < after_count && code == METER_OK; i++)
		code = add_difference(&a, find_step(before, before_count, is_used, &after[i]), &after[i]);
	for (size_t i = 0; i < before_count && code == METER_OK; i++)
		code = is_used[i] ? METER_OK : add_difference(&a, &before[i], NULL);
	free(is_used);
	if (code == METER_OK) {
		*lines = a.lines;
		*count = a.count;
	}
	return code;
}
