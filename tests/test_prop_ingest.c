/*
 * test_prop_ingest.c - random histories against a model: whatever way events come in, and whenever catalogs change, usage and
 * invoices are what a loop over the accepted events says.
 *
 * The model keeps accepted events in an array and answers everything by going through it; it shares no code with the library. It
 * decides outcomes by the rules of meter.h. A history is made from a seed; METER_SEED=7 METER_STEPS=2000 repeats or lengthens
 * one.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"

#define SUBSCRIPTIONS 4
#define EVENTS_MAX 20000
#define GROUP_MAX 40
#define NO_NUMBER INT64_MIN

/* Values are whole thousandths, so that the model adds integers. */
struct happening {
	int subscription;
	int type;
	int model; /* 0: no such property */
	int64_t at_us;
	int64_t id;
	int64_t value;  /* the event's own */
	int64_t number; /* property n; NO_NUMBER: not there */
};

enum rule { COUNT_EVENTS, SUM, LEAST, GREATEST, LAST, MEAN, DISTINCT };

struct definition {
	const char *key;
	const char *text;
	enum rule rule;
	int type;
	bool is_own_value;
	int only_model; /* filter; 0: none */
	bool has_model; /* dimension */
};

static const char *const types[] = {"call", "sample", "export"};
static const char *const models[] = {NULL, "large", "small"};
static const struct definition definitions[] = {
	{"tokens", "{event_type: call, aggregation: sum, value: n, dimensions: [model]}", SUM, 0, false, 0, true},
	{"calls", "{event_type: call, aggregation: count}", COUNT_EVENTS, 0, true, 0, false},
	{"peak", "{event_type: sample, aggregation: max, value: n, dimensions: [model]}", GREATEST, 1, false, 0, true},
	{"least", "{event_type: sample, aggregation: min, value: n}", LEAST, 1, false, 0, false},
	{"last", "{event_type: call, aggregation: latest, value: n, filter: {model: [large]}}", LAST, 0, false, 1, false},
	{"mean", "{event_type: call, aggregation: avg, value: n, dimensions: [model]}", MEAN, 0, false, 0, true},
	{"kinds", "{event_type: export, aggregation: unique_count, value: model}", DISTINCT, 2, true, 0, false},
	{"units", "{event_type: export, aggregation: sum, dimensions: [model]}", SUM, 2, true, 0, true},
};
#define DEFINITIONS (sizeof(definitions) / sizeof(definitions[0]))

static struct world {
	struct happening accepted[EVENTS_MAX];
	size_t count;
	unsigned in_force; /* a bit for each definition */
	int64_t duplicate, conflict, rejected;
	int64_t next_id;
} world;

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

/* ---- the model ---- */

static bool covers(const struct definition *d, const struct happening *h)
{
	return h->type == d->type && (d->only_model == 0 || h->model == d->only_model);
}

static bool can_read(const struct definition *d, const struct happening *h)
{
	if (d->rule == DISTINCT)
		return h->model != 0;
	return d->is_own_value || h->number != NO_NUMBER;
}

static int32_t decide(const struct happening *h)
{
	for (size_t i = 0; i < world.count; i++) {
		const struct happening *a = &world.accepted[i];
		if (a->subscription != h->subscription || a->at_us != h->at_us || a->id != h->id)
			continue;
		bool is_same = a->type == h->type && a->model == h->model && a->value == h->value && a->number == h->number;
		return is_same ? METER_DUPLICATE : METER_CONFLICT;
	}
	for (size_t i = 0; i < DEFINITIONS; i++) {
		if ((world.in_force >> i & 1) && covers(&definitions[i], h) && !can_read(&definitions[i], h))
			return METER_REJECTED;
	}
	return METER_ACCEPTED;
}

static void note(const struct happening *h, int32_t outcome)
{
	if (outcome == METER_ACCEPTED)
		world.accepted[world.count++] = *h;
	world.duplicate += outcome == METER_DUPLICATE;
	world.conflict += outcome == METER_CONFLICT;
	world.rejected += outcome == METER_REJECTED;
}

struct row {
	int64_t from_us;
	int subscription; /* -1: all */
	int model;        /* -1: all */
	int64_t events, unmeasured, value, at_us;
	unsigned seen; /* models, a bit for each */
};

static void count_in(struct row *row, const struct definition *d, const struct happening *h)
{
	if (!can_read(d, h)) {
		row->unmeasured++;
		return;
	}
	int64_t value = d->is_own_value ? h->value : h->number;
	bool is_first = row->events++ == 0;
	if (d->rule == COUNT_EVENTS)
		row->value += 1000;
	else if (d->rule == DISTINCT)
		row->value = __builtin_popcount(row->seen |= 1u << h->model) * 1000;
	else if (d->rule == SUM || d->rule == MEAN)
		row->value += value;
	else if (is_first || (d->rule == LEAST && value < row->value) || (d->rule == GREATEST && value > row->value) ||
	         (d->rule == LAST && (h->at_us > row->at_us || (h->at_us == row->at_us && value > row->value)))) {
		row->value = value;
		row->at_us = h->at_us;
	}
}

static int64_t start_of(int32_t by, int64_t at_us, int64_t from_us)
{
	static const int64_t lengths[] = {[METER_BY_MINUTE] = 60, [METER_BY_HOUR] = 3600, [METER_BY_DAY] = 86400};
	int64_t start = from_us;
	if (by == METER_BY_MONTH) {
		time_t seconds = (time_t)(at_us / 1000000);
		struct tm t;
		gmtime_r(&seconds, &t);
		t = (struct tm){.tm_year = t.tm_year, .tm_mon = t.tm_mon, .tm_mday = 1};
		start = (int64_t)timegm(&t) * 1000000;
	} else if (by != METER_BY_TOTAL) {
		start = at_us - at_us % (lengths[by] * 1000000);
	}
	return start > from_us ? start : from_us;
}

struct question {
	const struct definition *definition;
	int32_t by;
	int64_t from_us, to_us;
	bool by_subscription, by_model;
	int subscription; /* -1: all */
};

static struct row *find_row(struct row *rows, size_t *count, const struct row *key)
{
	for (size_t i = 0; i < *count; i++) {
		if (rows[i].from_us == key->from_us && rows[i].subscription == key->subscription && rows[i].model == key->model)
			return &rows[i];
	}
	rows[*count] = *key;
	return &rows[(*count)++];
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	if (a->from_us != b->from_us)
		return a->from_us < b->from_us ? -1 : 1;
	return a->subscription != b->subscription ? a->subscription - b->subscription : a->model - b->model;
}

static size_t answer(struct row *rows, const struct question *q)
{
	size_t count = 0;
	for (size_t i = 0; i < world.count; i++) {
		const struct happening *h = &world.accepted[i];
		if (!covers(q->definition, h) || h->at_us < q->from_us || h->at_us >= q->to_us ||
		    (q->subscription >= 0 && h->subscription != q->subscription))
			continue;
		struct row key = {.from_us = start_of(q->by, h->at_us, q->from_us),
		                  .subscription = q->by_subscription || q->subscription >= 0 ? h->subscription : -1,
		                  .model = q->by_model ? h->model : -1};
		count_in(find_row(rows, &count, &key), q->definition, h);
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	return count;
}

/* ---- the library ---- */

static void write_thousandths(char *out, size_t size, int64_t n)
{
	int64_t whole = n < 0 ? -n : n;
	snprintf(out, size, "%s%" PRId64 ".%03" PRId64, n < 0 ? "-" : "", whole / 1000, whole % 1000);
}

static void name_subscription(char *out, size_t size, int subscription)
{
	snprintf(out, size, "s%d", subscription);
}

/* Texts of an event, alive as long as it is used. */
struct texts {
	char subscription[16], id[32], value[32], number[32];
	meter_property properties[2];
};

static meter_event make_event(struct texts *t, const struct happening *h)
{
	meter_event e = METER_EVENT_INIT;
	name_subscription(t->subscription, sizeof(t->subscription), h->subscription);
	snprintf(t->id, sizeof(t->id), "id-%" PRId64, h->id);
	write_thousandths(t->value, sizeof(t->value), h->value);
	e.subscription = t->subscription;
	e.id = t->id;
	e.type = types[h->type];
	e.timestamp_us = h->at_us;
	e.value = t->value;
	e.properties = t->properties;
	if (h->number != NO_NUMBER) {
		write_thousandths(t->number, sizeof(t->number), h->number);
		t->properties[e.property_count++] = (meter_property)METER_PROPERTY("n", t->number);
	}
	if (h->model != 0)
		t->properties[e.property_count++] = (meter_property)METER_PROPERTY("model", models[h->model]);
	return e;
}

static void send_singly(meter *m, const struct happening *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct texts t;
		meter_event e = make_event(&t, &list[i]);
		assert_ok(meter_record(m, &e));
	}
	assert_ok(meter_flush(m, -1));
}

static void send_together(meter *m, const struct happening *list, size_t count, int32_t *outcomes)
{
	struct texts texts[GROUP_MAX];
	meter_event events[GROUP_MAX];
	for (size_t i = 0; i < count; i++)
		events[i] = make_event(&texts[i], &list[i]);
	assert_ok(meter_record_many(m, events, count, outcomes));
}

static void send_json(meter *m, const struct happening *list, size_t count, int32_t *outcomes)
{
	char text[GROUP_MAX * 400];
	size_t size = 0;
	for (size_t i = 0; i < count; i++) {
		struct texts t;
		meter_event e = make_event(&t, &list[i]);
		char at[32];
		assert_ok(meter_time_format(at, sizeof(at), e.timestamp_us));
		size += (size_t)snprintf(
			text + size, sizeof(text) - size,
			"{\"timestamp\":\"%s\",\"type\":\"%s\",\"subscription\":\"%s\",\"value\":%s,\"id\":\"%s\"", at, e.type,
			e.subscription, e.value, e.id);
		for (size_t p = 0; p < e.property_count; p++)
			size += (size_t)snprintf(text + size, sizeof(text) - size, "%s\"%s\":\"%s\"%s",
			                         p ? "," : ",\"properties\":{", e.properties[p].name, e.properties[p].value,
			                         p + 1 == e.property_count ? "}" : "");
		size += (size_t)snprintf(text + size, sizeof(text) - size, "}\n");
	}
	size_t lines;
	assert_ok(meter_record_json(m, text, size, outcomes, GROUP_MAX, &lines));
	assert_int_equal(count, lines);
}

static void apply_subset(meter *m, unsigned mask)
{
	char text[4000];
	size_t size = (size_t)snprintf(text, sizeof(text), "version: 1\nmeters:\n");
	for (size_t i = 0; i < DEFINITIONS; i++) {
		if (mask >> i & 1)
			size += (size_t)snprintf(text + size, sizeof(text) - size, "  %s: %s\n", definitions[i].key,
			                         definitions[i].text);
	}
	size += (size_t)snprintf(
		text + size, sizeof(text) - size,
		"plans:\n  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [");
	if (mask & 1)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
		                         "{key: a, meter: tokens, model: unit, price: 0.37, per: 10},");
	if (mask & 2)
		size += (size_t)snprintf(
			text + size, sizeof(text) - size,
			"{key: b, meter: calls, model: graduated, included: 5, tiers: [{up_to: 20, price: 0.5}, {price: 0.2}]}");
	size += (size_t)snprintf(text + size, sizeof(text) - size, "]}\nsubscriptions:\n");
	for (int s = 0; s < SUBSCRIPTIONS; s++)
		size += (size_t)snprintf(text + size, sizeof(text) - size,
		                         "  s%d: {customer: c, plan: p, from: 2020-01-01T00:00:00Z}\n", s);
	apply_catalog(m, text);
	world.in_force = mask;
}

/* ---- comparing; a difference is printed, and false ---- */

static bool differs(const struct question *q, const char *what, const char *expected, const char *got)
{
	print_error("meter %s by %d, %" PRId64 " to %" PRId64 ", subscription %d: %s: expected %s, got %s\n", q->definition->key,
	            q->by, q->from_us, q->to_us, q->subscription, what, expected, got);
	return false;
}

/* A sum of thousandths by a count, to 18 decimals, a half up. */
static void write_mean(char *out, size_t size, int64_t sum, int64_t count)
{
	__extension__ typedef __int128 wide;
	wide whole = sum < 0 ? -sum : sum;
	for (int i = 0; i < 15; i++)
		whole *= 10;
	whole = (whole * 2 + count) / (count * 2);
	const int64_t unit = INT64_C(1000000000000000000);
	snprintf(out, size, "%s%" PRId64 ".%018" PRId64, sum < 0 ? "-" : "", (int64_t)(whole / unit), (int64_t)(whole % unit));
}

static bool same_row(const struct question *q, const struct row *expected, const meter_usage *usage)
{
	char number[64], subscription[16] = "";
	if (q->definition->rule == MEAN && expected->events > 0)
		write_mean(number, sizeof(number), expected->value, expected->events);
	else
		write_thousandths(number, sizeof(number), expected->value);
	for (size_t last = strlen(number); strchr(number, '.') && (number[last - 1] == '0' || number[last - 1] == '.');) {
		bool is_point = number[--last] == '.';
		number[last] = '\0';
		if (is_point)
			break;
	}
	if (strcmp(number, "-0") == 0)
		memmove(number, "0", 2);
	if (expected->subscription >= 0)
		name_subscription(subscription, sizeof(subscription), expected->subscription);
	const char *got_subscription = meter_usage_subscription(usage), *value = meter_usage_value(usage);
	if (strcmp(subscription, got_subscription ? got_subscription : "") != 0)
		return differs(q, "subscription", subscription, got_subscription ? got_subscription : "none");
	const char *model = q->by_model ? models[expected->model] : NULL, *got_model = meter_usage_dimension_value(usage, 0);
	if ((model == NULL) != (got_model == NULL) || (model && strcmp(model, got_model) != 0))
		return differs(q, "model", model ? model : "none", got_model ? got_model : "none");
	if (expected->from_us != meter_usage_from_us(usage))
		return differs(q, "from", "another", "this");
	bool adds_up = q->definition->rule == COUNT_EVENTS || q->definition->rule == SUM || q->definition->rule == DISTINCT;
	const char *expected_value = expected->events > 0 || adds_up ? number : "none";
	if (strcmp(expected_value, value ? value : "none") != 0)
		return differs(q, "value", expected_value, value ? value : "none");
	if (expected->events != meter_usage_events(usage) || expected->unmeasured != meter_usage_unmeasured(usage))
		return differs(q, "events", "as many", "not as many");
	return true;
}

static bool same_usage(meter *m, const struct question *q)
{
	static struct row rows[EVENTS_MAX];
	size_t count = answer(rows, q);
	char subscription[16];
	meter_property groups[2];
	meter_usage_filter f = METER_USAGE_FILTER_INIT;
	f.meter = q->definition->key;
	f.by = q->by;
	f.from_us = q->from_us;
	f.to_us = q->to_us;
	f.group_by = groups;
	if (q->by_subscription)
		groups[f.group_by_count++] = (meter_property)METER_PROPERTY("subscription", NULL);
	if (q->by_model)
		groups[f.group_by_count++] = (meter_property)METER_PROPERTY("model", NULL);
	if (q->subscription >= 0) {
		name_subscription(subscription, sizeof(subscription), q->subscription);
		f.subscription = subscription;
	}
	if (count == 0 && q->by == METER_BY_TOTAL && !q->by_model && (q->subscription >= 0 || !q->by_subscription))
		rows[count++] = (struct row){.from_us = q->from_us, .subscription = q->subscription, .model = -1};
	meter_usage *usage;
	assert_ok(meter_usage_query(&usage, m, &f));
	bool is_same = true;
	size_t got = 0;
	for (; is_same && meter_usage_next(usage) == METER_OK; got++)
		is_same = got < count && same_row(q, &rows[got], usage);
	meter_usage_free(usage);
	return is_same && (got == count || differs(q, "rows", "as many", "not as many"));
}

/* 2026-01-20 to 2026-03-20, with many events on the edges of periods. */
static int64_t random_time(void)
{
	static const char *const edges[] = {"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-10T00:00:00Z",
	                                    "2026-02-10T17:00:00Z", "2026-02-10T17:30:00Z"};
	if (random_below(3) == 0)
		return us(edges[random_below(5)]) + (int64_t)random_below(5) - 2;
	if (random_below(2) == 0)
		return us("2026-02-10T17:29:00Z") + (int64_t)random_below(180000000);
	return us("2026-01-20T00:00:00Z") + (int64_t)random_below(59) * INT64_C(86400000000) +
	       (int64_t)random_below(86400000) * 1000;
}

static struct question random_question(void)
{
	struct question q = {.by = (int32_t)random_below(5), .subscription = (int)random_below(SUBSCRIPTIONS + 2) - 2};
	do
		q.definition = &definitions[random_below(DEFINITIONS)];
	while (!(world.in_force >> (q.definition - definitions) & 1));
	if (q.subscription < 0)
		q.subscription = -1;
	q.by_subscription = random_below(2) == 0;
	q.by_model = q.definition->has_model && random_below(2) == 0;
	int64_t a = random_time(), b = random_time();
	q.from_us = a < b ? a : b;
	q.to_us = a < b ? b : a;
	return q;
}

static bool same_answers(meter *m, int questions)
{
	for (int i = 0; world.in_force != 0 && i < questions; i++) {
		struct question q = random_question();
		if (!same_usage(m, &q))
			return false;
	}
	return true;
}

/* What earlier months have left of tokens below zero; all events lie in these. */
static int64_t carried_tokens(int subscription, int64_t before_us)
{
	static const char *const months[] = {"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z",
	                                     "2026-04-01T00:00:00Z"};
	int64_t carried = 0;
	for (int i = 0; i < 3 && us(months[i]) < before_us; i++) {
		struct row row;
		struct question q = {&definitions[0], METER_BY_TOTAL, us(months[i]), us(months[i + 1]),
		                     false,           false,          subscription};
		carried += answer(&row, &q) ? row.value : 0;
		carried = carried < 0 ? carried : 0;
	}
	return carried;
}

/* The total of an invoice in cents: tokens at 0.37 per 10, rounded half up; calls at 0.50 and 0.20 after 5. */
static void assert_invoice(meter *m, int subscription, const char *month, const char *from, const char *to)
{
	if (!(world.in_force & 3))
		return;
	struct row row[2];
	int64_t cents = 0;
	bool is_suspended = false;
	for (int i = 0; i < 2; i++) {
		struct question q = {&definitions[i], METER_BY_TOTAL, us(from), us(to), false, false, subscription};
		if (!(world.in_force >> i & 1) || answer(&row[i], &q) == 0)
			row[i] = (struct row){0};
		is_suspended |= row[i].unmeasured > 0;
	}
	if (world.in_force & 1)
		row[0].value += carried_tokens(subscription, us(from));
	if (row[0].value > 0)
		cents += (row[0].value * 37 * 2 + 10000) / 20000;
	int64_t calls = row[1].value / 1000 - 5;
	if (calls > 0)
		cents += calls > 20 ? 20 * 50 + (calls - 20) * 20 : calls * 50;
	char key[16], expected[32];
	name_subscription(key, sizeof(key), subscription);
	snprintf(expected, sizeof(expected), "%" PRId64 ".%02" PRId64, cents / 100, cents % 100);
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, key, METER_NUL_TERMINATED, month, METER_NUL_TERMINATED));
	assert_string_equal(expected, meter_invoice_total(invoice));
	assert_int_equal(is_suspended, meter_invoice_suspended_count(invoice) > 0);
	meter_invoice_free(invoice);
}

/* ---- histories ---- */

static struct happening random_happening(const struct happening *group, size_t count)
{
	if (count > 0 && random_below(6) == 0) /* twice in one group: the first decides */
		return group[random_below(count)];
	if (world.count > 0 && random_below(4) == 0) {
		struct happening again = world.accepted[random_below(world.count)];
		if (random_below(3) == 0 && again.number != NO_NUMBER)
			again.number++;
		return again;
	}
	struct happening h = {
		.subscription = (int)random_below(SUBSCRIPTIONS), .type = (int)random_below(3), .model = (int)random_below(3)};
	h.at_us = random_time();
	h.id = world.next_id++;
	h.value = (int64_t)random_below(2000001) - 1000000;
	h.number = random_below(12) == 0 ? NO_NUMBER : (int64_t)random_below(2000001) - 700000;
	return h;
}

static void send_group(meter *m)
{
	struct happening group[GROUP_MAX];
	int32_t expected[GROUP_MAX], outcomes[GROUP_MAX];
	size_t count = 1 + random_below(GROUP_MAX);
	for (size_t i = 0; i < count; i++) {
		group[i] = random_happening(group, i);
		expected[i] = decide(&group[i]);
		note(&group[i], expected[i]);
	}
	switch (random_below(3)) {
	case 0:
		send_singly(m, group, count);
		return;
	case 1:
		send_together(m, group, count, outcomes);
		break;
	default:
		send_json(m, group, count, outcomes);
		break;
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(expected[i], outcomes[i]);
}

static void assert_counters(meter *m)
{
	meter_counters stats = read_stats(m);
	assert_i64((int64_t)world.count, stats.accepted);
	assert_i64(world.duplicate, stats.duplicate);
	assert_i64(world.conflict, stats.conflict);
	assert_i64(world.rejected, stats.rejected);
}

static void assert_everything(meter *m, int questions)
{
	assert_counters(m);
	assert_true(same_answers(m, questions));
	for (int s = 0; s < SUBSCRIPTIONS; s++) {
		assert_invoice(m, s, "2026-01", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
		assert_invoice(m, s, "2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
	}
}

static int64_t setting(const char *name, int64_t usual)
{
	const char *text = getenv(name);
	return text ? atoll(text) : usual;
}

/* Run a history into FOLDER/meter.db. */
static meter *run_history(uint64_t seed, int64_t steps)
{
	print_message("METER_SEED=%" PRIu64 " METER_STEPS=%" PRId64 "\n", seed, steps);
	memset(&world, 0, sizeof(world));
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	meter *m = open_meter();
	for (int64_t step = 0; step < steps && world.count + GROUP_MAX < EVENTS_MAX; step++) {
		uint64_t dice = random_below(20);
		if (dice == 0) {
			apply_subset(m, 1u + (unsigned)random_below((1u << DEFINITIONS) - 1));
		} else if (dice == 1) {
			close_meter(m);
			m = open_meter();
		} else if (dice < 5) {
			assert_everything(m, 4);
		} else {
			send_group(m);
		}
	}
	apply_subset(m, (1u << DEFINITIONS) - 1);
	return m;
}

static void test_usage_and_invoices_are_those_of_the_model(void **state)
{
	(void)state;
	meter *m = run_history((uint64_t)setting("METER_SEED", 1), setting("METER_STEPS", 300));
	assert_true(world.count > 100 && world.duplicate > 10 && world.conflict > 10 && world.rejected > 0);
	assert_everything(m, 300);
	close_meter(m);
	assert_i64((int64_t)world.count, sql_int(meter_path(), "SELECT count(*) FROM event"));
	assert_i64(0, sql_int(meter_path(), "SELECT count(*) FROM (SELECT meter, sum(events), sum(unmeasured) FROM minute"
	                                    " WHERE minute < (SELECT rolled_before FROM total) GROUP BY 1 EXCEPT"
	                                    " SELECT meter, sum(events), sum(unmeasured) FROM hour GROUP BY 1)"));
	assert_i64(0, sql_int(meter_path(),
	                      "SELECT count(*) FROM (SELECT meter, sum(events), sum(unmeasured) FROM hour GROUP BY 1 EXCEPT"
	                      " SELECT meter, sum(events), sum(unmeasured) FROM day GROUP BY 1)"));
}

/* What was accepted, sent again in another order: duplicates, and nothing else changes. */
static void test_sending_everything_again_changes_nothing(void **state)
{
	(void)state;
	meter *m = run_history((uint64_t)setting("METER_SEED", 2), setting("METER_STEPS", 120));
	for (size_t i = 0; i + GROUP_MAX <= world.count; i += GROUP_MAX) {
		int32_t outcomes[GROUP_MAX];
		send_together(m, world.accepted + (world.count - GROUP_MAX - i), GROUP_MAX, outcomes);
		for (size_t k = 0; k < GROUP_MAX; k++)
			assert_int_equal(METER_DUPLICATE, outcomes[k]);
		world.duplicate += GROUP_MAX;
	}
	assert_everything(m, 150);
	close_meter(m);
}

/* The same events in any order, in other groups, under a catalog that was there first. */
static void test_order_of_arrival_changes_nothing(void **state)
{
	(void)state;
	close_meter(run_history((uint64_t)setting("METER_SEED", 3), setting("METER_STEPS", 120)));
	size_t kept = 0; /* without those that a meter cannot read: under this catalog they are rejected */
	for (size_t i = 0; i < world.count; i++) {
		bool is_readable = true;
		for (size_t d = 0; d < DEFINITIONS; d++)
			is_readable &=
				!covers(&definitions[d], &world.accepted[i]) || can_read(&definitions[d], &world.accepted[i]);
		if (is_readable)
			world.accepted[kept++] = world.accepted[i];
	}
	world.count = kept;
	for (size_t i = kept; i > 1; i--) {
		size_t j = random_below(i);
		struct happening h = world.accepted[i - 1];
		world.accepted[i - 1] = world.accepted[j];
		world.accepted[j] = h;
	}
	meter *m;
	assert_ok(meter_open(&m, scratch_path("shuffled.db"), NULL));
	apply_subset(m, (1u << DEFINITIONS) - 1);
	for (size_t i = 0; i < kept; i += 17)
		send_singly(m, world.accepted + i, kept - i < 17 ? kept - i : 17);
	world.duplicate = world.conflict = world.rejected = 0;
	assert_everything(m, 200);
	close_meter(m);
}

/* The comparison itself must notice one wrong bucket. */
static void test_canary_a_wrong_bucket_is_noticed(void **state)
{
	(void)state;
	close_meter(run_history(4, 60));
	sql_run(meter_path(), "UPDATE day SET events = events + 1");
	meter *m = open_meter();
	print_message("a difference is expected here:\n");
	assert_false(same_answers(m, 300));
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_usage_and_invoices_are_those_of_the_model),
		in_scratch(test_sending_everything_again_changes_nothing),
		in_scratch(test_order_of_arrival_changes_nothing),
		in_scratch(test_canary_a_wrong_bucket_is_noticed),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("prop_ingest", tests, NULL, NULL);
}
