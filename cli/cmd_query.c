/* cmd_query.c - meter query: what was used. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct query {
	const struct verb *verb;
	const struct arguments *arguments;
	meter_usage_filter filter;
	meter_property *group_by;
	meter_property *where;
	bool has_subscription; /* as a column */
};

static int read_by(struct query *q)
{
	static const char *const names[] = {"total", "minute", "hour", "day", "month"}; /* METER_BY_TOTAL to METER_BY_MONTH */
	const char *by = opt_value(q->arguments, "by");

	if (!by)
		return EXIT_DONE;
	for (int32_t i = 0; i < 5; i++) {
		if (!strcmp(names[i], by)) {
			q->filter.by = i;
			return EXIT_DONE;
		}
	}
	return cli_usage_error(q->verb, "--by: \"%s\" is none of total, minute, hour, day, month", by);
}

static int read_group_by(struct query *q)
{
	const char *list = opt_value(q->arguments, "group-by");

	if (!list)
		return EXIT_DONE;
	q->group_by = cli_allocate(NULL, strlen(list) + 1, sizeof(*q->group_by));
	for (;;) {
		size_t size = strcspn(list, ",");
		if (!size)
			return cli_usage_error(q->verb, "--group-by: the name of a dimension is missing");
		q->group_by[q->filter.group_by_count++] = (meter_property){.name = list, .name_size = size};
		if (size == strlen("subscription") && !memcmp(list, "subscription", size))
			q->has_subscription = true;
		if (!list[size])
			break;
		list += size + 1;
	}
	q->filter.group_by = q->group_by;
	return EXIT_DONE;
}

static int read_where(struct query *q)
{
	size_t index = 0;
	const char *text;

	q->where = cli_allocate(NULL, q->arguments->value_count, sizeof(*q->where));
	while ((text = opt_next(q->arguments, "filter", &index))) {
		size_t name_size;
		const char *value = opt_split(text, &name_size);
		if (!value || !name_size)
			return cli_usage_error(q->verb, "--filter: \"%s\" is not DIMENSION=VALUE", text);
		q->where[q->filter.where_count++] = (meter_property){text, value, name_size, METER_NUL_TERMINATED};
	}
	q->filter.where = q->where;
	return EXIT_DONE;
}

static int read_arguments(struct query *q)
{
	const char *timezone = opt_value(q->arguments, "timezone");
	int exit_code;

	q->filter.meter = q->arguments->operands[0];
	q->filter.subscription = opt_value(q->arguments, "subscription");
	q->has_subscription = q->filter.subscription != NULL;
	if ((exit_code = opt_time(&q->filter.from_us, q->arguments, "from")) != EXIT_DONE)
		return exit_code;
	if ((exit_code = opt_time(&q->filter.to_us, q->arguments, "to")) != EXIT_DONE)
		return exit_code;
	if (q->filter.from_us > q->filter.to_us)
		return cli_usage_error(q->verb, "--from is after --to");
	if ((exit_code = read_by(q)) != EXIT_DONE)
		return exit_code;
	if ((exit_code = read_group_by(q)) != EXIT_DONE)
		return exit_code;
	if ((exit_code = read_where(q)) != EXIT_DONE)
		return exit_code;
	if (timezone && strcmp(timezone, "UTC"))
		return cli_usage_error(q->verb, "--timezone: \"%s\" is not UTC, the only one in this version", timezone);
	return EXIT_DONE;
}

/* from, to, subscription where asked for, every dimension, value, events. */
static size_t make_columns(const struct query *q, struct column *columns, struct text *names)
{
	size_t count = 0;
	size_t size = 0;

	columns[count++] = (struct column){"from", COLUMN_TEXT};
	columns[count++] = (struct column){"to", COLUMN_TEXT};
	if (q->has_subscription)
		columns[count++] = (struct column){"subscription", COLUMN_TEXT};
	/* NUL-terminated copies; their text is filled first, since it may move while it grows. */
	for (size_t i = 0; i < q->filter.group_by_count; i++) {
		text_add(names, q->group_by[i].name, q->group_by[i].name_size);
		text_add(names, "", 1);
	}
	for (size_t i = 0; i < q->filter.group_by_count; i++) {
		const char *name = names->data + size;
		size += q->group_by[i].name_size + 1;
		if (strcmp(name, "subscription"))
			columns[count++] = (struct column){name, COLUMN_TEXT};
	}
	columns[count++] = (struct column){"value", COLUMN_DECIMAL};
	columns[count++] = (struct column){"events", COLUMN_NUMBER};
	return count;
}

/* Prints the rows; gives how many events of theirs the meter cannot read. result: of the step to the first row. */
static int64_t print(const struct query *q, meter_usage *usage, int result)
{
	struct column *columns = cli_allocate(NULL, q->filter.group_by_count + 5, sizeof(*columns));
	struct text names = {0};
	struct out o;
	int64_t unmeasured = 0;
	/* The name of a group in a table, where a blank would look like a dimension that was forgotten. */
	const char *none = q->arguments->format == FORMAT_TABLE ? "(none)" : NULL;

	out_begin(&o, q->arguments->format, columns, make_columns(q, columns, &names));
	for (; result == METER_OK && !out_is_broken(); result = meter_usage_next(usage)) {
		out_time(&o, meter_usage_from_us(usage));
		out_time(&o, meter_usage_to_us(usage));
		if (q->has_subscription)
			out_text(&o, meter_usage_subscription(usage));
		for (size_t i = 0; i < meter_usage_dimension_count(usage); i++) {
			const char *value = meter_usage_dimension_value(usage, i);
			out_text(&o, value ? value : none);
		}
		out_text(&o, meter_usage_value(usage));
		out_integer(&o, meter_usage_events(usage));
		unmeasured += meter_usage_unmeasured(usage);
	}
	out_end(&o);
	text_free(&names);
	free(columns);
	return unmeasured;
}

static int show(const struct query *q, meter *m, meter_usage *usage)
{
	int result = meter_usage_next(usage);
	/* A total is there without events, too. */
	bool is_unused = result == METER_EEND || !meter_usage_events(usage);

	if (is_unused && q->filter.subscription && subscription_check(m, q->filter.subscription) != EXIT_DONE)
		return EXIT_FAILED;
	int64_t unmeasured = print(q, usage, result);
	if (!unmeasured)
		return EXIT_DONE;
	cli_message("%lld events were stored before the meter \"%s\" existed and it cannot read their value: they are not "
	            "counted",
	            (long long)unmeasured, q->filter.meter);
	return EXIT_FINDINGS;
}

static int query(struct query *q)
{
	meter_usage *usage;
	int exit_code = read_arguments(q);

	if (exit_code != EXIT_DONE)
		return exit_code;
	meter *m = cli_open(q->arguments, METER_OPEN_EXISTING);
	if (!m)
		return EXIT_FAILED;
	int result = meter_usage_query(&usage, m, &q->filter);
	exit_code = result == METER_OK ? show(q, m, usage) : cli_call_error(q->verb, result);
	meter_usage_free(usage);
	return cli_close(m, exit_code);
}

static int run(const struct arguments *arguments)
{
	struct query q = {.verb = arguments->verb, .arguments = arguments, .filter = METER_USAGE_FILTER_INIT};
	int exit_code = query(&q);

	free(q.group_by);
	free(q.where);
	return exit_code;
}

static const struct option options[] = {
	{"subscription", "S", "only this subscription; else a row covers all of them", false},
	{"from", "T", "from this time on: RFC 3339, or a date, which means its midnight UTC", false},
	{"to", "T", "up to this time, which is not included", false},
	{"by", "UNIT", "total, minute, hour, day or month (UTC); default total", false},
	{"group-by", "DIM,...", "a row for every value of these dimensions; \"subscription\" splits by subscription", false},
	{"filter", "DIM=VALUE", "only where the dimension has this value; may be repeated, all must hold", true},
	{"timezone", "ZONE", "UTC", false},
	{NULL, NULL, NULL, false},
};

const struct verb verb_query = {
	.name = "query",
	.operands = "METER",
	.summary = "show what a meter has counted",
	.details = "Rows: from, to, subscription (when filtered or grouped by it), each dimension, value, events.\n"
		   "Events without a dimension are shown as (none), null in JSON, empty in CSV.\n"
		   "Exit 3 when events are left out because the meter cannot read their value.\n"
		   "\n"
		   "  meter query tokens --from 2026-01-01 --to 2026-02-01 --by day --group-by model\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
