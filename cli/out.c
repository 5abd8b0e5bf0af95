/*
 * out.c - results on stdout as table, JSON, JSON Lines or CSV, and the encodings they need.
 *
 * The same rows go to every format, so they cannot differ in content. JSON is UTF-8 whatever the data was; a table never
 * passes on a byte that a terminal would act upon; a CSV text never starts as a formula.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/*
 * What waits in memory for the widths of its columns. A table of more than that is printed as it comes: its widths are those of
 * what waited, and a wider cell behind pushes the rest of its own row aside.
 */
#define TABLE_ROWS_MEASURED 5000
#define TABLE_BYTES_MEASURED ((size_t)8 << 20)

static int broken_errno; /* of the first write that failed; 0: none */

/* ---- text ---- */

void text_add(struct text *t, const char *data, size_t size)
{
	if (!size)
		return;
	if (t->capacity - t->size < size) {
		size_t capacity = t->capacity ? t->capacity : 256;
		while (capacity - t->size < size)
			capacity *= 2;
		t->data = cli_allocate(t->data, capacity, 1);
		t->capacity = capacity;
	}
	memcpy(t->data + t->size, data, size);
	t->size += size;
}

void text_add_string(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

void text_format(struct text *t, const char *format, ...)
{
	char buffer[256];
	va_list list;

	va_start(list, format);
	int size = vsnprintf(buffer, sizeof(buffer), format, list);
	va_end(list);
	text_add(t, buffer, size < (int)sizeof(buffer) ? (size_t)size : sizeof(buffer) - 1);
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

/* How many bytes the character at p takes, and which one it is; 0: it is not UTF-8. */
static size_t read_character(uint32_t *code_out, const unsigned char *p, size_t left)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;

	*code_out = p[0];
	if (size <= 1)
		return size;
	if (size > left)
		return 0;
	uint32_t code = p[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	*code_out = code;
	return code < smallest[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

static size_t character_size(const unsigned char *p, size_t left)
{
	uint32_t code;

	return read_character(&code, p, left);
}

void text_add_visible(struct text *t, const char *data, size_t size)
{
	for (size_t i = 0; i < size;) {
		const unsigned char *p = (const unsigned char *)data + i;
		size_t width = character_size(p, size - i);
		bool is_c1 = width == 2 && p[0] == 0xc2 && p[1] < 0xa0;
		if (!width || p[0] < 0x20 || p[0] == 0x7f || is_c1) {
			width = width ? width : 1;
			for (size_t k = 0; k < width; k++)
				text_format(t, "\\x%02x", (unsigned)p[k]);
		} else {
			text_add(t, data + i, width);
		}
		i += width;
	}
}

bool text_is_utf8(const char *data, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t width = character_size((const unsigned char *)data + i, size - i);
		if (!width)
			return false;
		i += width;
	}
	return true;
}

void text_add_json(struct text *t, const char *data, size_t size)
{
	if (!data) {
		text_add_string(t, "null");
		return;
	}
	text_add_string(t, "\"");
	for (size_t i = 0; i < size;) {
		const unsigned char *p = (const unsigned char *)data + i;
		size_t width = character_size(p, size - i);
		if (!width)
			text_add_string(t, "\xef\xbf\xbd");
		else if (p[0] == '"' || p[0] == '\\')
			text_format(t, "\\%c", p[0]);
		else if (p[0] == '\n')
			text_add_string(t, "\\n");
		else if (p[0] < 0x20 || p[0] == 0x7f)
			text_format(t, "\\u%04x", (unsigned)p[0]);
		else
			text_add(t, data + i, width);
		i += width ? width : 1;
	}
	text_add_string(t, "\"");
}

static void add_csv(struct text *t, enum column_kind kind, const char *data, size_t size)
{
	bool is_formula = kind == COLUMN_TEXT && size && data[0] && strchr("=+-@\t\r", data[0]);
	bool is_quoted =
		memchr(data, ',', size) || memchr(data, '"', size) || memchr(data, '\n', size) || memchr(data, '\r', size);

	if (is_quoted)
		text_add_string(t, "\"");
	if (is_formula)
		text_add_string(t, "'");
	for (size_t i = 0; i < size;) {
		size_t width = character_size((const unsigned char *)data + i, size - i);
		if (!width || !data[i])
			text_add_string(t, "\xef\xbf\xbd");
		else if (data[i] == '"')
			text_add_string(t, "\"\"");
		else
			text_add(t, data + i, width);
		i += width ? width : 1;
	}
	if (is_quoted)
		text_add_string(t, "\"");
}

/* ---- stdout ---- */

void out_write(const char *data, size_t size)
{
	if (!broken_errno && size && fwrite(data, 1, size, stdout) != size)
		broken_errno = errno ? errno : EIO;
}

bool out_is_broken(void)
{
	return broken_errno != 0;
}

int out_close(int exit_code)
{
	bool has_failed = ferror(stdout);

	errno = 0;
	if ((fclose(stdout) || has_failed) && !broken_errno)
		broken_errno = errno ? errno : EIO;
	if (!broken_errno)
		return exit_code;
	/* A reader that has seen enough, as in "meter events acme | head", is not worth a message. */
	if (broken_errno != EPIPE)
		cli_message("standard output: %s", strerror(broken_errno));
	return exit_code == EXIT_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

/* ---- rows ---- */

/*
 * The columns of a terminal that a cell takes: two for a character of Chinese, none for an accent of its own. A cell is UTF-8,
 * see text_add_visible(). What the C library has no width for counts as one.
 */
static size_t display_width(const char *cell)
{
	size_t width = 0;
	size_t left = strlen(cell);

	while (left) {
		uint32_t code;
		size_t size = read_character(&code, (const unsigned char *)cell, left);
		int columns = code < 0x80 ? 1 : wcwidth((wchar_t)code);
		width += columns < 0 ? 1 : (size_t)columns;
		size = size ? size : 1;
		cell += size;
		left -= size;
	}
	return width;
}

static void pad(struct text *line, size_t width, size_t used)
{
	for (; used < width; used++)
		text_add(line, " ", 1);
}

/* Spaces at the end of a line are nothing to see. */
static void end_line(struct text *line)
{
	while (line->size && line->data[line->size - 1] == ' ')
		line->size--;
	text_add(line, "\n", 1);
}

static void write_table_row(const struct out *o, const char *const *cells)
{
	struct text line = {0};

	for (size_t i = 0; i < o->column_count; i++) {
		size_t used = display_width(cells[i]);
		if (i)
			text_add(&line, "  ", 2);
		if (o->columns[i].kind != COLUMN_TEXT)
			pad(&line, o->widths[i], used);
		text_add_string(&line, cells[i]);
		if (o->columns[i].kind == COLUMN_TEXT)
			pad(&line, o->widths[i], used);
	}
	end_line(&line);
	out_write(line.data, line.size);
	text_free(&line);
}

static void measure(struct out *o)
{
	for (size_t i = 0; i < o->column_count; i++)
		o->widths[i] = display_width(o->columns[i].name);
	for (size_t i = 0; i < o->cell_count; i++) {
		size_t width = display_width(o->text.data + o->cells[i]);
		size_t *widest = &o->widths[i % o->column_count];
		if (width > *widest)
			*widest = width;
	}
	o->has_widths = true;
}

/* Prints the rows that wait; the first time with the names of the columns above them. */
static void flush_table(struct out *o)
{
	const char **row = cli_allocate(NULL, o->column_count, sizeof(*row));

	if (!o->has_widths) {
		measure(o);
		for (size_t i = 0; i < o->column_count; i++)
			row[i] = o->columns[i].name;
		write_table_row(o, row);
	}
	for (size_t i = 0; i < o->cell_count; i += o->column_count) {
		for (size_t k = 0; k < o->column_count; k++)
			row[k] = o->text.data + o->cells[i + k];
		write_table_row(o, row);
	}
	free(row);
	o->cell_count = 0;
	o->text.size = 0;
}

static void add_table_cell(struct out *o, const char *value, size_t size)
{
	if (o->cell_count % o->column_count == 0)
		o->cells = cli_allocate(o->cells, o->cell_count + o->column_count, sizeof(*o->cells));
	o->cells[o->cell_count++] = o->text.size;
	if (value)
		text_add_visible(&o->text, value, size);
	text_add(&o->text, "", 1);
	if (o->cell_count % o->column_count)
		return;
	if (o->has_widths || o->row_count >= TABLE_ROWS_MEASURED || o->text.size >= TABLE_BYTES_MEASURED)
		flush_table(o);
}

static void add_record_line(struct out *o, const char *value, size_t size)
{
	size_t widest = 0;

	for (size_t i = 0; i < o->column_count; i++) {
		size_t width = strlen(o->columns[i].name);
		widest = width > widest ? width : widest;
	}
	text_add_string(&o->text, o->columns[o->column].name);
	pad(&o->text, widest + 2, strlen(o->columns[o->column].name));
	if (value)
		text_add_visible(&o->text, value, size);
	end_line(&o->text);
}

static void write_csv_header(struct out *o)
{
	for (size_t i = 0; i < o->column_count; i++) {
		text_add_string(&o->text, i ? "," : "");
		add_csv(&o->text, COLUMN_TEXT, o->columns[i].name, strlen(o->columns[i].name));
	}
	text_add_string(&o->text, "\n");
	out_write(o->text.data, o->text.size);
	o->text.size = 0;
}

static void begin(struct out *o, enum format format, const struct column *columns, size_t column_count, bool is_record)
{
	*o = (struct out){.format = format, .columns = columns, .column_count = column_count, .is_record = is_record};
	o->widths = cli_allocate(NULL, column_count, sizeof(*o->widths));
	if (format == FORMAT_CSV)
		write_csv_header(o);
	if (format == FORMAT_JSON && !is_record)
		out_write("[", 1);
}

void out_begin(struct out *o, enum format format, const struct column *columns, size_t column_count)
{
	begin(o, format, columns, column_count, false);
}

void out_begin_record(struct out *o, enum format format, const struct column *columns, size_t column_count)
{
	begin(o, format, columns, column_count, true);
}

static void add_json_member(struct out *o, const char *value, size_t size)
{
	const struct column *column = &o->columns[o->column];

	if (o->format == FORMAT_JSON && !o->is_record && !o->column)
		text_add_string(&o->text, o->row_count > 1 ? ",\n" : "\n");
	text_add_string(&o->text, o->column ? "," : "{");
	text_add_json(&o->text, column->name, strlen(column->name));
	text_add_string(&o->text, ":");
	if (column->kind == COLUMN_NUMBER && value)
		text_add(&o->text, value, size);
	else
		text_add_json(&o->text, value, size);
	if (o->column + 1 == o->column_count)
		text_add_string(&o->text, o->format == FORMAT_JSON && !o->is_record ? "}" : "}\n");
}

void out_text_sized(struct out *o, const char *value, size_t size)
{
	bool is_table = o->format == FORMAT_TABLE && !o->is_record;

	if (!o->column)
		o->row_count++;
	if (is_table) {
		add_table_cell(o, value, size);
	} else if (o->format == FORMAT_TABLE) {
		add_record_line(o, value, size);
	} else if (o->format == FORMAT_CSV) {
		text_add_string(&o->text, o->column ? "," : "");
		if (value)
			add_csv(&o->text, o->columns[o->column].kind, value, size);
	} else {
		add_json_member(o, value, size);
	}
	if (++o->column < o->column_count)
		return;
	o->column = 0;
	if (is_table)
		return;
	if (o->format == FORMAT_CSV)
		text_add_string(&o->text, "\n");
	out_write(o->text.data, o->text.size);
	o->text.size = 0;
}

void out_text(struct out *o, const char *value)
{
	out_text_sized(o, value, value ? strlen(value) : 0);
}

void out_integer(struct out *o, int64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	out_text(o, digits);
}

void out_time(struct out *o, int64_t time_us)
{
	char text[32];

	out_text(o, meter_time_format(text, sizeof(text), time_us) == METER_OK ? text : NULL);
}

void out_end(struct out *o)
{
	if (o->format == FORMAT_TABLE && !o->is_record)
		flush_table(o);
	if (o->format == FORMAT_JSON && !o->is_record)
		out_write(o->row_count ? "\n]\n" : "]\n", o->row_count ? 3 : 2);
	text_free(&o->text);
	free(o->cells);
	free(o->widths);
}
