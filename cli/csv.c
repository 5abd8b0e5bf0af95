/*
 * csv.c - reading RFC 4180: quoted fields with commas, doubled quotes and line ends; LF and CRLF.
 *
 * Strict: a quote inside an unquoted field, text after a closing quote and a quote that is never closed are refused. Such a
 * record is refused as its first line only and reading goes on after that line, so that one stray quote cannot swallow the
 * rest of a file. Where a record ends is decided by counting quotes, which is right for every record that is not refused.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/*
 * The size of the record at the start of the input, with its line end. 0: quotes are open when the record grows too long or
 * the input ends; or there is nothing left.
 */
static size_t find_record(struct input *in)
{
	bool is_quoted = false;
	size_t scanned = 0;

	for (;;) {
		const char *text = in->buffer + in->start;
		size_t left = in->end - in->start;
		for (; scanned < left; scanned++) {
			if (text[scanned] == '"')
				is_quoted = !is_quoted;
			else if (text[scanned] == '\n' && !is_quoted)
				return scanned + 1;
			if (scanned > INPUT_RECORD_MAX)
				return 0;
		}
		if (!input_fill(in))
			return is_quoted || in->error ? 0 : left;
	}
}

static const char *add_field(struct csv *c, const char *data, size_t size)
{
	if (c->field_count == c->field_capacity) {
		c->field_capacity = c->field_capacity ? 2 * c->field_capacity : 16;
		c->fields = cli_allocate(c->fields, c->field_capacity, sizeof(*c->fields));
	}
	c->fields[c->field_count++] = (struct csv_field){data, size};
	return data + size;
}

/* Adds the field whose quote opens at the position; gives where it ends, NULL when its quotes are wrong. */
static const char *add_quoted_field(struct csv *c, const char *at, const char *end)
{
	size_t start = c->unquoted.size;

	for (at++; at < end; at++) {
		if (*at != '"') {
			text_add(&c->unquoted, at, 1);
		} else if (at + 1 < end && at[1] == '"') {
			text_add(&c->unquoted, at++, 1);
		} else {
			add_field(c, c->unquoted.data + start, c->unquoted.size - start);
			return at + 1 == end || at[1] == ',' ? at + 1 : NULL;
		}
	}
	return NULL;
}

static bool split(struct csv *c)
{
	const char *at = c->record;
	const char *end = at + c->record_size;

	c->field_count = 0;
	c->unquoted.size = 0;
	/* Fields point into this text, so it must not move while they are added. */
	if (c->unquoted.capacity < c->record_size) {
		c->unquoted.data = cli_allocate(c->unquoted.data, c->record_size, 1);
		c->unquoted.capacity = c->record_size;
	}
	for (;;) {
		if (at < end && *at == '"') {
			at = add_quoted_field(c, at, end);
			if (!at) {
				snprintf(c->reason, sizeof(c->reason), "field %zu: text after the closing quote", c->field_count);
				return false;
			}
		} else {
			const char *comma = memchr(at, ',', (size_t)(end - at));
			size_t size = (size_t)((comma ? comma : end) - at);
			if (memchr(at, '"', size) || memchr(at, '\r', size)) {
				snprintf(c->reason, sizeof(c->reason),
				         "field %zu: a quote or carriage return in a field without quotes", c->field_count + 1);
				return false;
			}
			at = add_field(c, at, size);
		}
		if (at == end)
			return true;
		at++;
	}
}

/* Takes one line as refused. */
static enum csv_result refuse(struct csv *c, const char *reason)
{
	if (reason)
		snprintf(c->reason, sizeof(c->reason), "%s", reason);
	enum input_result result = input_line(c->in, &c->record, &c->record_size);
	if (result == INPUT_TOO_LONG)
		snprintf(c->reason, sizeof(c->reason), "the line is longer than %zu bytes", INPUT_RECORD_MAX);
	return result == INPUT_FAILED ? CSV_FAILED : result == INPUT_END ? CSV_END : CSV_REFUSED;
}

enum csv_result csv_read(struct csv *c)
{
	for (;;) {
		size_t size = find_record(c->in);
		c->line = c->in->line + 1;
		if (!size)
			return refuse(c, "a quoted field is not closed within 1 MiB");
		c->record = c->in->buffer + c->in->start;
		c->record_size = size;
		if (c->record[c->record_size - 1] == '\n')
			c->record_size--;
		if (c->record_size && c->record[c->record_size - 1] == '\r')
			c->record_size--;
		if (c->record_size && !split(c))
			return refuse(c, NULL);
		input_consume(c->in, size);
		if (c->record_size)
			return CSV_RECORD;
	}
}

void csv_free(struct csv *c)
{
	free(c->fields);
	text_free(&c->unquoted);
	*c = (struct csv){0};
}
