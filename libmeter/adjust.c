/*
 * adjust.c - what differs between two ratings of one period: as lines of an adjustment, and for people.
 *
 * Lines are the same step of the same charge when kind, charge, account, stretch of time and description agree; what a
 * description says of money that is left and of packages that were counted is not what the line is.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "intern.h"
#include "invoice.h"
#include "os.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What a description says a line is: the text before and after what was counted. */
struct identity {
	struct slice head, middle, tail;
};

static struct slice between(const char *from, const char *to)
{
	return (struct slice){from, (size_t)(to - from)};
}

/* "exports, 3 packages of 10 for 21 units, after 5 included" */
static bool find_packages(struct identity *out, const char *text)
{
	const char *many = strstr(text, " packages of "), *of = many ? many : strstr(text, " package of ");
	const char *count = of, *units = of ? strstr(of, " for ") : NULL, *end = units ? strstr(units, " unit") : NULL;
	if (!end)
		return false;
	while (count > text && count[-1] != ' ')
		count--;
	of = strstr(of, " of ");
	end += strcspn(end, ",");
	*out = (struct identity){between(text, count), between(of, units), meter__slice_of(end)};
	return true;
}

static struct identity identity_of(const struct invoice_line *line)
{
	struct identity identity = {.head = meter__slice_of(line->step)};
	/* "credit gift, 12.00 left" */
	const char *comma = strrchr(line->step, ',');
	if (line->kind == METER_LINE_CREDIT && comma)
		identity.head = between(line->step, comma);
	else if (line->kind == METER_LINE_USAGE)
		find_packages(&identity, line->step);
	return identity;
}

static bool is_same_step(const struct invoice_line *a, const struct invoice_line *b)
{
	const struct identity one = identity_of(a), other = identity_of(b);
	return a->kind == b->kind && same_text(a->charge, b->charge) && strcmp(a->account, b->account) == 0 &&
	       a->active.from_us == b->active.from_us && a->active.to_us == b->active.to_us &&
	       meter__slice_equal(one.head, other.head) && meter__slice_equal(one.middle, other.middle) &&
	       meter__slice_equal(one.tail, other.tail);
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
	const char *document; /* that is adjusted; NULL: none */
	struct arena *arena;
};

static bool is_same_price(const struct invoice_line *a, const struct invoice_line *b)
{
	return is_equal(a->price, b->price) && is_equal(a->per, b->per);
}

/* Where price is a price, and not an amount that follows from other lines. */
static bool has_price(const struct invoice_line *line)
{
	return line->kind == METER_LINE_USAGE || line->kind == METER_LINE_FLAT;
}

static void add_price(struct buffer *text, const struct invoice_line *line, bool has_per)
{
	char number[DECIMAL_TEXT_SIZE];
	meter__decimal_format(number, line->price);
	meter__buffer_text(text, number);
	if (!has_per)
		return;
	meter__decimal_format(number, line->per);
	meter__buffer_format(text, " for %s", number);
}

/* "calls: 6 instead of 5, price 12 instead of 15 (INV-000001)" */
static const char *describe(struct adjusting *a, const struct invoice_line *line, const struct invoice_line *before,
                            const struct invoice_line *after)
{
	char old[DECIMAL_TEXT_SIZE], new[DECIMAL_TEXT_SIZE];
	struct buffer text = {0};
	const char *separator = ": ";
	meter__decimal_format(old, line->quantity_before);
	meter__decimal_format(new, line->quantity_after);
	if (line->kind == METER_LINE_CREDIT)
		meter__buffer_slice(&text, identity_of(line).head);
	else
		meter__buffer_text(&text, line->description);
	/* An adjustment on one of two invoices that are compared says it already. */
	if (!is_equal(line->quantity_before, line->quantity_after) && line->kind != METER_LINE_ADJUSTMENT) {
		meter__buffer_format(&text, ": %s instead of %s", new, old);
		separator = ", ";
	}
	if (before && after && has_price(line) && !is_same_price(before, after)) {
		const bool has_per = !is_equal(before->per, after->per);
		meter__buffer_format(&text, "%sprice ", separator);
		add_price(&text, after, has_per);
		meter__buffer_text(&text, " instead of ");
		add_price(&text, before, has_per);
	}
	if (a->document)
		meter__buffer_format(&text, " (%s)", a->document);
	const char *copy = text.failed ? NULL : meter__arena_copy(a->arena, (struct slice){text.data, text.size});
	meter__buffer_free(&text);
	return copy;
}

/* amount = quantity x price, but for rounding: of what is more or less used, or costs more or less, if not both. */
static int factor(struct invoice_line *line, const struct invoice_line *before, const struct invoice_line *after)
{
	if (before && after && has_price(line) && is_equal(before->per, after->per) && meter__decimal_is_zero(line->quantity)) {
		line->quantity = line->quantity_after;
		return meter__decimal_subtract(&line->price, after->price, before->price);
	}
	if ((before && after && !is_same_price(before, after)) || meter__decimal_is_zero(line->quantity)) {
		line->quantity = DECIMAL_ONE;
		line->price = line->amount;
		line->per = DECIMAL_ONE;
	}
	return METER_OK;
}

/* Usage that has no amount in one of the states has no difference. */
static bool is_suspended(const struct invoice_line *before, const struct invoice_line *after)
{
	return (before && !before->has_amount) || (after && !after->has_amount);
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
	if (is_equal(line->quantity_before, line->quantity_after) && is_equal(line->amount_before, line->amount_after))
		return METER_OK;
	int code = meter__decimal_subtract(&line->quantity, line->quantity_after, line->quantity_before);
	if (code == METER_OK)
		code = meter__decimal_subtract(&line->amount, line->amount_after, line->amount_before);
	if (code == METER_OK) {
		line->description = describe(a, line, before, after);
		line->exact = NULL;
		line->has_amount = !is_suspended(before, after);
		line->adjusted_kind = some->kind;
		code = line->has_amount ? factor(line, before, after) : METER_OK;
		line->kind = line->has_amount ? METER_LINE_ADJUSTMENT : METER_LINE_SUSPENDED;
	}
	if (code != METER_OK)
		return meter__fail(code, "an adjustment does not fit into 38 digits");
	a->count++;
	return line->description ? METER_OK : meter__fail(METER_ENOMEM, "no memory for an adjustment");
}

/* Lines that are looked for by what step they are; those of one step in their order, each once. */
struct steps {
	const struct invoice_line *lines;
	struct intern identities; /* their index is that of first */
	size_t *first;            /* 1 + the first line that is left; 0: none */
	size_t *next;             /* of a line: 1 + the next one of its step */
	size_t count;             /* of identities of lines */
	struct buffer key;
};

static int find_identity(struct steps *s, const struct invoice_line *line, size_t *out)
{
	const struct identity identity = identity_of(line);
	const struct slice parts[] = {meter__slice_of(line->charge), meter__slice_of(line->account), identity.head,
	                              identity.middle, identity.tail};
	meter__buffer_reset(&s->key);
	meter__buffer_format(&s->key, "%d %lld %lld", (int)line->kind, (long long)line->active.from_us,
	                     (long long)line->active.to_us);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		/* Its size keeps a text apart from the next one, whatever it holds. */
		if (parts[i].data)
			meter__buffer_format(&s->key, " %zu:", parts[i].size);
		else
			meter__buffer_text(&s->key, " -");
		meter__buffer_slice(&s->key, parts[i]);
	}
	return s->key.failed ? METER_ENOMEM : meter__intern_index(&s->identities, (struct slice){s->key.data, s->key.size}, out);
}

static int index_steps(struct steps *s, const struct invoice_line *lines, size_t count)
{
	int code = METER_OK;
	*s = (struct steps){
		.lines = lines, .first = calloc(count + 1, sizeof(*s->first)), .next = calloc(count + 1, sizeof(*s->next))};
	s->identities.seed = meter__os.random();
	for (size_t i = count; i > 0 && code == METER_OK && s->first && s->next; i--) {
		size_t index;
		code = find_identity(s, &lines[i - 1], &index);
		if (code != METER_OK)
			break;
		s->next[i - 1] = s->first[index];
		s->first[index] = i;
	}
	s->count = s->identities.count;
	return s->first && s->next ? code : METER_ENOMEM;
}

/* *out, which is not found again, is NULL when there is none. */
static int take_step(struct steps *s, const struct invoice_line *wanted, const struct invoice_line **out)
{
	size_t index;
	int code = find_identity(s, wanted, &index);
	*out = NULL;
	if (code != METER_OK || index >= s->count || s->first[index] == 0)
		return code;
	*out = &s->lines[s->first[index] - 1];
	s->first[index] = s->next[s->first[index] - 1];
	return METER_OK;
}

static void free_steps(struct steps *s)
{
	meter__intern_free(&s->identities);
	meter__buffer_free(&s->key);
	free(s->first);
	free(s->next);
}

int meter__adjust_lines(struct invoice_line **lines, size_t *count, struct arena *arena, const char *document,
                        const struct invoice_line *before, size_t before_count, const struct invoice_line *after,
                        size_t after_count)
{
	struct adjusting a = {.arena = arena, .count = *count, .document = document};
	struct steps steps;
	bool *is_taken = calloc(before_count + 1, sizeof(*is_taken));
	int code = index_steps(&steps, before, before_count);
	a.lines = meter__arena_array(arena, *count + before_count + after_count + 1, sizeof(*a.lines));
	if (code == METER_OK && (!is_taken || !a.lines))
		code = METER_ENOMEM;
	if (code == METER_OK && *count > 0)
		memcpy(a.lines, *lines, *count * sizeof(*a.lines));
	for (size_t i = 0; i < after_count && code == METER_OK; i++) {
		const struct invoice_line *old;
		code = take_step(&steps, &after[i], &old);
		if (old)
			is_taken[old - before] = true;
		if (code == METER_OK)
			code = add_difference(&a, old, &after[i]);
	}
	for (size_t i = 0; i < before_count && code == METER_OK; i++)
		code = is_taken[i] ? METER_OK : add_difference(&a, &before[i], NULL);
	free_steps(&steps);
	free(is_taken);
	if (code == METER_OK) {
		*lines = a.lines;
		*count = a.count;
	}
	return code == METER_ENOMEM ? meter__fail(code, "no memory for an adjustment") : code;
}
