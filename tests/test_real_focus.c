/*
 * test_real_focus.c - rows of real cloud bills (FOCUS 1.0 sample data): quantity x price, rounded as the provider rounds, must
 * give the cost on the bill, to the last of its digits. The file is not part of the project: without it the case is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decimal.h"
#include "meter.h"

#define COLUMNS 44

struct row {
	char *fields[COLUMNS];
	int count;
};

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buffer b = {0};
	size_t size;

	if (file == NULL)
		return NULL;
	do {
		char part[65536];

		size = fread(part, 1, sizeof(part), file);
		meter__buffer_append(&b, part, size);
	} while (size > 0);
	fclose(file);
	meter__buffer_cstr(&b);
	assert_false(b.failed);
	return b.data;
}

/* Split the next row of text in place, "" inside quotes becoming one quote. Returns what follows the row, or NULL at the end. */
static char *next_row(struct row *row, char *text)
{
	row->count = 0;
	if (*text == '\0')
		return NULL;
	for (;;) {
		bool is_quoted = *text == '"';
		char *to = is_quoted ? ++text : text;
		char end;

		assert_true(row->count < COLUMNS);
		row->fields[row->count++] = to;
		while (is_quoted ? *text != '"' || text[1] == '"' : *text != ',' && *text != '\n') {
			assert_int_not_equal(*text, '\0');
			text += is_quoted && *text == '"';
			*to++ = *text++;
		}
		text += is_quoted;
		end = *text++;
		*to = '\0';
		if (end == '\n')
			return text;
		assert_int_equal(end, ',');
	}
}

static const char *field(const struct row *header, const struct row *row, const char *name)
{
	for (int i = 0; i < header->count; i++)
		if (strcmp(header->fields[i], name) == 0)
			return row->fields[i];
	fail_msg("no column %s", name);
	return NULL;
}

static struct decimal number(const struct row *header, const struct row *row, const char *name)
{
	const char *text = field(header, row, name);
	struct decimal d;

	if (meter__decimal_parse(&d, text, strlen(text)) != METER_OK)
		fail_msg("%s", meter_errmsg());
	return d;
}

static void assert_decimal(struct decimal d, const char *expected)
{
	char text[DECIMAL_TEXT_SIZE];

	meter__decimal_format(text, d);
	assert_string_equal(text, expected);
}

static void test_costs_of_real_bills_are_reproduced(void **state)
{
	const char *folder = getenv("METER_SHARED_DATA");
	char path[4096];
	struct row header;
	struct row row;
	struct decimal billed = DECIMAL_ZERO;
	struct decimal list = DECIMAL_ZERO;
	int rows = 0;
	int reproduced = 0;
	int differ_half_even = 0;
	char *content;
	char *at;

	(void)state;
	snprintf(path, sizeof(path), "%s/focus-1.0-sample.csv", folder != NULL ? folder : "../shared/data");
	content = read_file(path);
	if (content == NULL) {
		puts("skipped: no ../shared/data");
		skip();
	}
	at = next_row(&header, content);
	assert_int_equal(header.count, COLUMNS);
	while ((at = next_row(&row, at)) != NULL) {
		struct decimal cost = number(&header, &row, "ListCost");
		struct decimal quantity;
		struct decimal price;
		struct decimal amount;

		assert_int_equal(row.count, COLUMNS);
		rows++;
		assert_int_equal(meter__decimal_add(&billed, billed, number(&header, &row, "BilledCost")), METER_OK);
		assert_int_equal(meter__decimal_add(&list, list, cost), METER_OK);
		if (strcmp(field(&header, &row, "ProviderName"), "AWS") != 0 ||
		    strcmp(field(&header, &row, "ListUnitPrice"), "NULL") == 0)
			continue;

		quantity = number(&header, &row, "PricingQuantity");
		price = number(&header, &row, "ListUnitPrice");
		assert_int_equal(meter__decimal_round_quotient(&amount, quantity, price, DECIMAL_ONE, 10, ROUND_HALF_UP),
		                 METER_OK);
		reproduced += meter__decimal_compare(amount, cost) == 0;
		assert_int_equal(meter__decimal_round_quotient(&amount, quantity, price, DECIMAL_ONE, 10, ROUND_HALF_EVEN),
		                 METER_OK);
		differ_half_even += meter__decimal_compare(amount, cost) != 0;
	}
	free(content);
	assert_int_equal(rows, 1000);
	assert_int_equal(reproduced, 941);
	assert_int_equal(differ_half_even, 5);
	assert_decimal(billed, "20.52022672899");
	assert_decimal(list, "20.39090575119");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs_of_real_bills_are_reproduced),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("real_focus", tests, NULL, NULL);
}
