/* query.c - meter_usage_query(): a filter in the caller's words becomes a request, its rows are sorted and named. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "internal.h"
#include "usage.h"

struct meter_usage {
	struct meter_catalog *catalog; /* keeps names of dimensions alive */
	const struct meter_definition *definition;
	struct usage_set set;
	char **subscriptions; /* one per row; NULL: all of them */
	size_t *group_by;     /* indices of the meter's dimensions */
	size_t group_by_count;
	size_t *order; /* of rows, for showing */
	size_t next;
	char value[DECIMAL_TEXT_SIZE];
};

/* What the filter says, looked up. */
struct query {
	struct usage_request request;
	struct slice subscription;
	bool is_nobody; /* the subscription was never seen */
	struct usage_where where[METER_DIMENSIONS_MAX * 4];
	char *where_values[METER_DIMENSIONS_MAX * 4];
};

static int find_dimension(const struct meter_definition *definition, struct slice name, size_t *out)
{
	for (size_t i = 0; i < definition->dimension_count; i++) {
		if (meter__slice_equal(name, meter__slice_of(definition->dimensions[i]))) {
			*out = i;
			return METER_OK;
		}
	}
	return meter__fail(METER_EINVAL, "meter %s has no dimension \"%.*s\"", definition->key, (int)name.size, name.data);
}

static int read_group_by(struct meter_usage *usage, struct query *q, const meter_usage_filter *filter)
{
	usage->group_by = calloc(filter->group_by_count + 1, sizeof(*usage->group_by));
	if (!usage->group_by)
		return meter__fail(METER_ENOMEM, "no memory for a query");
	for (size_t i = 0; i < filter->group_by_count; i++) {
		struct slice name;
		size_t dimension = 0;
		int code = meter__argument(&name, "group_by", filter->group_by[i].name, filter->group_by[i].name_size);
		if (code != METER_OK)
			return code;
		if (meter__slice_equal(name, meter__slice_of("subscription"))) {
			q->request.by_subscription = true;
			continue;
		}
		code = find_dimension(usage->definition, name, &dimension);
		for (size_t j = 0; code == METER_OK && j < usage->group_by_count; j++) {
			if (usage->group_by[j] == dimension)
				code = meter__fail(METER_EINVAL, "group_by: \"%.*s\" is named twice", (int)name.size, name.data);
		}
		if (code != METER_OK)
			return code;
		usage->group_by[usage->group_by_count++] = dimension;
	}
	q->request.group_by = usage->group_by;
	q->request.group_by_count = usage->group_by_count;
	return METER_OK;
}

static int read_where(const struct meter_usage *usage, struct query *q, const meter_usage_filter *filter)
{
	if (filter->where_count > sizeof(q->where) / sizeof(q->where[0]))
		return meter__fail(METER_EINVAL, "%zu filters; at most %zu are possible", filter->where_count,
		                   sizeof(q->where) / sizeof(q->where[0]));
	for (size_t i = 0; i < filter->where_count; i++) {
		struct slice name;
		size_t dimension = 0;
		int code = meter__argument(&name, "where", filter->where[i].name, filter->where[i].name_size);
		if (code == METER_OK)
			code = find_dimension(usage->definition, name, &dimension);
		struct slice value = meter__optional_argument(filter->where[i].value, filter->where[i].value_size);
		if (code == METER_OK && value.data) {
			q->where_values[i] = meter__copy(value);
			code = q->where_values[i] ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a query");
		}
		if (code != METER_OK)
			return code;
		q->where[i] = (struct usage_where){dimension, q->where_values[i]};
		q->request.where_count++;
	}
	q->request.where = q->where;
	return METER_OK;
}

/* An open end is where the minute, hour ... of the first event starts, or that of the last one ends. */
static int read_range(struct query *q, struct reader *r, const meter_usage_filter *filter)
{
	if (filter->from_us > filter->to_us)
		return meter__fail(METER_EINVAL, "from is after to");
	int64_t first = 0, last = 0;
	int code = meter__store_bounds(r, &first, &last);
	if (code != METER_OK && code != METER_EEND)
		return code;
	struct period data = {0, 0};
	if (code == METER_OK) {
		int32_t by = filter->by == METER_BY_TOTAL ? METER_BY_MINUTE : filter->by;
		data = (struct period){meter__period_of(by, first).from_us, meter__period_of(by, last).to_us};
	}
	struct period *range = &q->request.range;
	range->from_us = filter->from_us == INT64_MIN ? data.from_us : filter->from_us;
	range->to_us = filter->to_us == INT64_MAX ? data.to_us : filter->to_us;
	if (range->from_us < 0)
		range->from_us = 0;
	if (range->to_us > INSTANT_MAX + 1)
		range->to_us = INSTANT_MAX + 1;
	if (range->to_us < range->from_us)
		range->to_us = range->from_us;
	return METER_OK;
}

static int prepare(struct meter_usage *usage, struct query *q, struct reader *r, const meter_usage_filter *filter)
{
	struct slice key;
	int code = meter__argument(&key, "meter", filter->meter, filter->meter_size);
	if (code == METER_OK)
		code = meter__store_catalog(r, &usage->catalog);
	if (code != METER_OK)
		return code;
	if (!usage->catalog)
		return meter__fail(METER_ENOTFOUND, "no catalog was applied yet");
	usage->definition = meter__catalog_meter(usage->catalog, key);
	if (!usage->definition)
		return meter__fail(METER_ENOTFOUND, "the catalog has no meter \"%.*s\"", (int)key.size, key.data);
	q->request.meter = usage->definition;
	q->request.by = filter->by;
	code = read_group_by(usage, q, filter);
	if (code == METER_OK)
		code = read_where(usage, q, filter);
	if (code == METER_OK)
		code = read_range(q, r, filter);
	q->subscription = meter__optional_argument(filter->subscription, filter->subscription_size);
	if (code == METER_OK && q->subscription.data) {
		q->request.by_subscription = true;
		code = meter__store_name(r, &q->request.subscription, q->subscription);
		q->is_nobody = q->request.subscription == 0;
	}
	return code;
}

/* A total without groups has its one row also when nothing was used. */
static int add_empty_total(struct meter_usage *usage, const struct query *q)
{
	if (usage->set.count > 0 || q->request.by != METER_BY_TOTAL || q->request.group_by_count > 0 ||
	    (q->request.by_subscription && !q->subscription.data))
		return METER_OK;
	struct usage_row *rows = realloc(usage->set.rows, sizeof(*rows));
	if (!rows)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	rows[0] = (struct usage_row){.period = q->request.range, .subscription = q->request.subscription};
	usage->set.rows = rows;
	usage->set.count = 1;
	return METER_OK;
}

static int name_subscriptions(struct meter_usage *usage, const struct query *q, struct reader *r)
{
	usage->subscriptions = calloc(usage->set.count + 1, sizeof(*usage->subscriptions));
	if (!usage->subscriptions)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	struct buffer text = {0};
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < usage->set.count && q->request.by_subscription; i++) {
		struct slice name = q->subscription;
		if (!name.data) {
			meter__buffer_reset(&text);
			code = meter__store_text(r, &text, usage->set.rows[i].subscription);
			name = (struct slice){text.data, text.size};
		}
		if (code == METER_OK) {
			usage->subscriptions[i] = meter__copy(name);
			code = usage->subscriptions[i] ? METER_OK : meter__fail(METER_ENOMEM, "no memory for usage");
		}
	}
	meter__buffer_free(&text);
	return code;
}

/* NULL comes first. */
static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int compare_rows(const void *left, const void *right, void *user)
{
	const struct meter_usage *usage = user;
	size_t i = *(const size_t *)left, j = *(const size_t *)right;
	const struct usage_row *a = &usage->set.rows[i];
	const struct usage_row *b = &usage->set.rows[j];
	int order = (a->period.from_us > b->period.from_us) - (a->period.from_us < b->period.from_us);
	if (order == 0)
		order = compare_texts(usage->subscriptions[i], usage->subscriptions[j]);
	for (size_t k = 0; order == 0 && k < usage->group_by_count; k++)
		order = compare_texts(a->values[k], b->values[k]);
	return order;
}

static int sort_rows(struct meter_usage *usage)
{
	usage->order = malloc((usage->set.count + 1) * sizeof(*usage->order));
	if (!usage->order)
		return meter__fail(METER_ENOMEM, "no memory for usage");
	for (size_t i = 0; i < usage->set.count; i++)
		usage->order[i] = i;
	if (usage->set.count > 1)
		qsort_r(usage->order, usage->set.count, sizeof(*usage->order), compare_rows, usage);
	return METER_OK;
}

static int check_overflow(const struct meter_usage *usage)
{
	for (size_t i = 0; i < usage->set.count; i++) {
		if (usage->set.rows[i].sum.is_overflow)
			return meter__fail(METER_EOVERFLOW, "meter %s passed 38 digits", usage->definition->key);
	}
	return METER_OK;
}

static int run_query(struct meter_usage *usage, struct query *q, struct reader *r, const meter_usage_filter *filter)
{
	int code = prepare(usage, q, r, filter);
	if (code == METER_OK && !q->is_nobody)
		code = meter__usage_collect(&usage->set, r, &q->request);
	if (code == METER_OK)
		code = add_empty_total(usage, q);
	if (code == METER_OK)
		code = check_overflow(usage);
	if (code == METER_OK)
		code = name_subscriptions(usage, q, r);
	return code == METER_OK ? sort_rows(usage) : code;
}

int meter_usage_query(meter_usage **out, meter *m, const meter_usage_filter *filter)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m && filter);
	REQUIRE(filter->struct_size >= sizeof(*filter));
	REQUIRE(filter->by >= METER_BY_TOTAL && filter->by <= METER_BY_MONTH);
	REQUIRE(filter->group_by || filter->group_by_count == 0);
	REQUIRE(filter->where || filter->where_count == 0);
	meter_usage *usage = calloc(1, sizeof(*usage));
	if (!usage)
		return meter__fail(METER_ENOMEM, "no memory for a query");
	struct query q = {0};
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code == METER_OK)
		code = run_query(usage, &q, r, filter);
	meter__store_reader_done(r);
	for (size_t i = 0; i < sizeof(q.where_values) / sizeof(q.where_values[0]); i++)
		free(q.where_values[i]);
	if (code != METER_OK) {
		meter_usage_free(usage);
		return code;
	}
	*out = usage;
	return METER_OK;
}

int meter_usage_next(meter_usage *usage)
{
	REQUIRE(usage);
	if (usage->next == usage->set.count)
		return METER_EEND;
	usage->next++;
	const struct aggregate *sum = &usage->set.rows[usage->order[usage->next - 1]].sum;
	struct decimal value;
	/* What does not fit was refused by the query. */
	if (meter__aggregate_value(&value, usage->definition->aggregation, sum) != METER_OK)
		value = DECIMAL_ZERO;
	meter__decimal_format(usage->value, value);
	return METER_OK;
}

/* The row that the last _next call stepped to; NULL before the first. */
static const struct usage_row *current(const meter_usage *usage)
{
	return usage && usage->next > 0 ? &usage->set.rows[usage->order[usage->next - 1]] : NULL;
}

int64_t meter_usage_from_us(const meter_usage *usage)
{
	const struct usage_row *row = current(usage);
	return row ? row->period.from_us : 0;
}

int64_t meter_usage_to_us(const meter_usage *usage)
{
	const struct usage_row *row = current(usage);
	return row ? row->period.to_us : 0;
}

const char *meter_usage_subscription(const meter_usage *usage)
{
	return current(usage) ? usage->subscriptions[usage->order[usage->next - 1]] : NULL;
}

size_t meter_usage_dimension_count(const meter_usage *usage)
{
	return usage ? usage->group_by_count : 0;
}

const char *meter_usage_dimension_name(const meter_usage *usage, size_t index)
{
	return usage && index < usage->group_by_count ? usage->definition->dimensions[usage->group_by[index]] : NULL;
}

const char *meter_usage_dimension_value(const meter_usage *usage, size_t index)
{
	const struct usage_row *row = current(usage);
	return row && row->values && index < usage->group_by_count ? row->values[index] : NULL;
}

const char *meter_usage_value(const meter_usage *usage)
{
	const struct usage_row *row = current(usage);
	if (!row)
		return NULL;
	enum aggregation aggregation = usage->definition->aggregation;
	bool adds_up = aggregation == AGGREGATION_COUNT || aggregation == AGGREGATION_SUM ||
	               aggregation == AGGREGATION_UNIQUE_COUNT || aggregation == AGGREGATION_TIME_WEIGHTED;
	return row->sum.events > 0 || adds_up ? usage->value : NULL;
}

int64_t meter_usage_events(const meter_usage *usage)
{
	const struct usage_row *row = current(usage);
	return row ? row->sum.events : 0;
}

int64_t meter_usage_unmeasured(const meter_usage *usage)
{
	const struct usage_row *row = current(usage);
	return row ? row->sum.unmeasured : 0;
}

void meter_usage_free(meter_usage *usage)
{
	if (!usage)
		return;
	for (size_t i = 0; usage->subscriptions && i < usage->set.count; i++)
		free(usage->subscriptions[i]);
	free(usage->subscriptions);
	free(usage->order);
	free(usage->group_by);
	meter__usage_set_free(&usage->set);
	meter__catalog_release(usage->catalog);
	free(usage);
}
