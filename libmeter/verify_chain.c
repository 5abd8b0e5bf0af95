/*
 * verify_chain.c - see verify.h: documents are numbered without a gap and in the order of their times, each is linked to the one
 * before it, and the names of every series count from 1.
 *
 * Documents are read in their order, one at a time. Held are the series, of which there is one for each prefix.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "instant.h"
#include "proof.h"
#include "verify.h"

/* So many names that are missing are told of a series. */
#define MISSING_MAX 100

struct series {
	char *prefix;
	int64_t last;
	int64_t count; /* of documents that have one of its names */
};

struct chain {
	struct invoice_check *check;
	struct series *series;
	size_t series_count;
	int64_t next;                       /* the number that must come now */
	int64_t last_us;                    /* the latest time so far; INT64_MIN: none */
	bool has_before;                    /* the one before it is there, with its link */
	char before_stored[HASH_TEXT_SIZE]; /* its link as it stands, */
	char before_right[HASH_TEXT_SIZE];  /* and as its rows give it */
	bool has_head;
};

static const struct slice none = {NULL, 0};

static int report(struct chain *c, const char *code, const char *text, struct buffer *place, const char *expected,
                  const char *found)
{
	const int result = place->failed ? meter__fail(METER_ENOMEM, "no memory for findings")
	                                 : meter__finding_add(c->check->findings, code, meter__slice_of(text),
	                                                      (struct slice){place->data, place->size}, meter__slice_of(expected),
	                                                      meter__slice_of(found));
	meter__buffer_free(place);
	return result;
}

/* "document 7 (INV-000006)" */
static void add_place(struct buffer *place, int64_t document, struct slice name)
{
	meter__buffer_format(place, "document %lld (", (long long)document);
	meter__buffer_slice(place, name.data ? name : (struct slice)SLICE("void"));
	meter__buffer_char(place, ')');
}

/* ---- series ---- */

static int add_series(const struct verify_row *row, void *user)
{
	struct chain *c = user;
	struct series *grown = realloc(c->series, (c->series_count + 1) * sizeof(*grown));
	if (!grown)
		return meter__fail(METER_ENOMEM, "no memory for series");
	c->series = grown;
	grown[c->series_count] =
		(struct series){meter__copy(row->texts[0].data ? row->texts[0] : (struct slice){"", 0}), row->numbers[1], 0};
	return grown[c->series_count++].prefix ? METER_OK : meter__fail(METER_ENOMEM, "no memory for series");
}

/* The number in a name of the series; 0: it is none of its names. */
static int64_t number_in(const struct series *s, struct slice name)
{
	const size_t prefix = strlen(s->prefix);
	int64_t number = 0;
	if (name.size < prefix + 6 || name.size > prefix + 18 || memcmp(name.data, s->prefix, prefix) != 0)
		return 0;
	if (name.size > prefix + 6 && name.data[prefix] == '0')
		return 0;
	for (size_t i = prefix; i < name.size; i++) {
		if (name.data[i] < '0' || name.data[i] > '9')
			return 0;
		number = number * 10 + (name.data[i] - '0');
	}
	return number <= s->last ? number : 0;
}

static int count_name(struct chain *c, int64_t document, struct slice name)
{
	struct buffer place = {0};
	for (size_t i = 0; i < c->series_count; i++) {
		if (number_in(&c->series[i], name) == 0)
			continue;
		c->series[i].count++;
		return METER_OK;
	}
	add_place(&place, document, name);
	return report(c, "number_gap", "a document has a number that no series has given", &place, NULL, NULL);
}

static int check_name(struct chain *c, const struct series *s, int64_t number, int64_t *missing)
{
	struct buffer place = {0};
	int64_t document;
	meter__buffer_format(&place, "%s%06lld", s->prefix, (long long)number);
	int code = place.failed
	                   ? METER_ENOMEM
	                   : meter__store_document_named(c->check->reader, (struct slice){place.data, place.size}, &document);
	if (code == METER_ENOTFOUND && ++*missing)
		return report(c, "number_gap", "no document has this number", &place, NULL, NULL);
	meter__buffer_free(&place);
	return code;
}

/* As many names of 1 to last as there are numbers are all of them: a name is there once. */
static int check_series(struct chain *c, const struct series *s)
{
	int64_t missing = 0;
	int code = METER_OK;
	if (s->count == s->last)
		return METER_OK;
	for (int64_t i = 1; i <= s->last && missing < MISSING_MAX && missing < s->last - s->count && code == METER_OK; i++)
		code = check_name(c, s, i, &missing);
	return code;
}

/* ---- links ---- */

static int report_missing(struct chain *c, int64_t from, int64_t to)
{
	struct buffer place = {0};
	meter__buffer_format(&place, from == to ? "document %lld" : "documents %lld to %lld", (long long)from, (long long)to);
	c->has_before = false;
	return report(c, "link_missing", "a document that was issued is not there", &place, NULL, NULL);
}

/* A link of the document before that was changed is that one's finding: from what it should be this one may still follow. */
static int check_link(struct chain *c, int64_t document, struct slice name, const char *right, const char *stored)
{
	char after_right[HASH_TEXT_SIZE];
	struct buffer place = {0};
	add_place(&place, document, name);
	if (!stored[0])
		return report(c, "link_missing", "a document has no link", &place, right, NULL);
	bool is_right = strcmp(right, stored) == 0 || !c->has_before;
	if (!is_right && strcmp(c->before_right, c->before_stored) != 0) {
		const int code = meter__store_link_after(c->check->reader, document, c->before_right, after_right);
		if (code != METER_OK) {
			meter__buffer_free(&place);
			return code;
		}
		is_right = strcmp(after_right, stored) == 0;
	}
	if (!is_right)
		return report(c, "link_differs", "the rows of a document are not what its link was made of", &place, right,
		              stored);
	meter__buffer_free(&place);
	return METER_OK;
}

static int check_time(struct chain *c, int64_t document, struct slice name, int64_t at_us)
{
	char at[INSTANT_TEXT_SIZE], last[INSTANT_TEXT_SIZE];
	struct buffer place = {0};
	if (at_us >= c->last_us) {
		c->last_us = at_us;
		return METER_OK;
	}
	add_place(&place, document, name);
	meter__instant_format(last, c->last_us);
	meter__instant_format(at, at_us);
	return report(c, "time_order", "a document is of an earlier time than one before it", &place, last, at);
}

static int check_document(const struct verify_row *row, void *user)
{
	struct chain *c = user;
	const int64_t number = row->numbers[0];
	char right[HASH_TEXT_SIZE], stored[HASH_TEXT_SIZE];
	int code = METER_OK;
	if (number > c->next)
		code = report_missing(c, c->next, number - 1);
	if (code == METER_OK)
		code = meter__store_link_check(c->check->reader, number, right, stored);
	if (code == METER_OK)
		code = check_link(c, number, row->texts[1], right, stored);
	if (code == METER_OK)
		code = check_time(c, number, row->texts[1], row->numbers[2]);
	if (code == METER_OK && row->texts[1].data)
		code = count_name(c, number, row->texts[1]);
	c->next = number + 1;
	c->has_before = stored[0] != '\0';
	memcpy(c->before_right, right, sizeof(right));
	memcpy(c->before_stored, stored, sizeof(stored));
	c->has_head |= c->check->head && strcasecmp(stored, c->check->head) == 0;
	c->check->documents++;
	return code;
}

static int check_head(struct chain *c)
{
	struct buffer place = {0};
	memcpy(c->check->last_hash, c->before_stored, sizeof(c->before_stored));
	if (!c->check->head || c->has_head)
		return METER_OK;
	meter__buffer_text(&place, "table link");
	return report(c, "head_differs", "no document has the hash that was kept: documents were cut off or written anew", &place,
	              c->check->head, c->before_stored[0] ? c->before_stored : NULL);
}

static int note_orphan(const struct verify_row *row, void *user)
{
	struct buffer place = {0};
	meter__buffer_text(&place, "table ");
	meter__buffer_slice(&place, row->texts[0]);
	meter__buffer_format(&place, ", number %lld", (long long)row->numbers[1]);
	return report(user, "link_missing", "rows that belong to no document", &place, NULL, NULL);
}

/* What deleting a document leaves behind is not told on top of that. */
static int check_rest(struct chain *c)
{
	int64_t last = 0;
	const int64_t findings = c->check->findings->total;
	int code = meter__verify_link_last(c->check->reader, &last);
	if (code == METER_OK && last >= c->next)
		code = report_missing(c, c->next, last);
	if (code == METER_OK && c->check->findings->total == findings && last == c->check->documents)
		code = meter__verify_visit(c->check->reader, LIST_ORPHANS, 0, none, note_orphan, c);
	return code;
}

int meter__verify_chain(struct invoice_check *check)
{
	struct chain c = {.check = check, .next = 1, .last_us = INT64_MIN, .has_before = true};
	int code = meter__verify_visit(check->reader, LIST_SERIES, 0, none, add_series, &c);
	if (code == METER_OK)
		code = meter__verify_visit(check->reader, LIST_DOCUMENTS, 0, none, check_document, &c);
	if (code == METER_OK)
		code = check_head(&c);
	if (code == METER_OK)
		code = check_rest(&c);
	for (size_t i = 0; i < c.series_count && code == METER_OK; i++)
		code = check_series(&c, &c.series[i]);
	for (size_t i = 0; i < c.series_count; i++)
		free(c.series[i].prefix);
	free(c.series);
	return code;
}
