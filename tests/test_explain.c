/* test_explain.c - explanations against numbers worked out by hand: tiers, rates, groups, discounts, credits, late events, what
 * an old bill saw; and that the heaviest events are those that a scan finds. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char catalog[] = "version: 1\n"                                                                            /* 1 */
			      "meters:\n"                                                                               /* 2 */
			      "  calls: {event_type: call, aggregation: count}\n"                                       /* 3 */
			      "  tokens: {event_type: llm, aggregation: sum, value: tokens, dimensions: [model]}\n"     /* 4 */
			      "  seats: {event_type: seat, aggregation: unique_count, value: user}\n"                   /* 5 */
			      "  jobs: {event_type: job, aggregation: max, dimensions: [queue]}\n"                      /* 6 */
			      "plans:\n"                                                                                /* 7 */
			      "  - key: p\n"                                                                            /* 8 */
			      "    currency: USD\n"                                                                     /* 9 */
			      "    period: month\n"                                                                     /* 10 */
			      "    effective_from: 2026-01-01T00:00:00Z\n"                                              /* 11 */
			      "    minimum: \"20.00\"\n"                                                                /* 12 */
			      "    charges:\n"                                                                          /* 13 */
			      "      - {key: base, model: flat, amount: \"10.00\"}\n"                                   /* 14 */
			      "      - key: calls\n"                                                                    /* 15 */
			      "        meter: calls\n"                                                                  /* 16 */
			      "        model: graduated\n"                                                              /* 17 */
			      "        included: 1\n"                                                                   /* 18 */
			      "        tiers: [{up_to: 2, price: \"0.50\"}, {price: \"0.25\"}]\n"                       /* 19 */
			      "      - key: tokens\n"                                                                   /* 20 */
			      "        meter: tokens\n"                                                                 /* 21 */
			      "        model: unit\n"                                                                   /* 22 */
			      "        per: 1000\n"                                                                     /* 23 */
			      "        rates: [{match: {model: big}, price: \"3.00\"}, {match: {}, price: \"1.00\"}]\n" /* 24 */
			      "      - {key: seats, meter: seats, model: unit, price: \"2.00\"}\n"                      /* 25 */
			      "      - {key: jobs, meter: jobs, model: unit, price: \"1\", group_by: [queue]}\n"        /* 26 */
			      "    discounts:\n"                                                                        /* 27 */
			      "      - {percent: \"50\", reason: friends, applies_to: [base]}\n"                        /* 28 */
			      "    credits:\n"                                                                          /* 29 */
			      "      - {key: hello, amount: \"1.00\", kind: gift}\n"                                    /* 30 */
			      "subscriptions:\n"
			      "  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n";

static void add(meter *m, const char *id, const char *type, const char *time, const char *name, const char *value,
                const char *name2, const char *value2)
{
	meter_property properties[] = {METER_PROPERTY(name, value), METER_PROPERTY(name2, value2)};
	meter_event e = event_of("acme", id, type);
	int32_t outcome;
	e.timestamp_us = us(time);
	e.properties = properties;
	e.property_count = name ? name2 ? 2 : 1 : 0;
	assert_ok(meter_record_many(m, &e, 1, &outcome));
	assert_true(outcome == METER_ACCEPTED || outcome == METER_LATE);
}

static void add_call(meter *m, const char *id, const char *time)
{
	add(m, id, "call", time, NULL, NULL, NULL, NULL);
}

static void add_tokens(meter *m, const char *id, const char *time, const char *model, const char *tokens)
{
	add(m, id, "llm", time, "model", model, "tokens", tokens);
}

static void add_january(meter *m)
{
	add_call(m, "c1", "2026-01-02T00:00:00Z");
	add_call(m, "c2", "2026-01-02T10:00:00Z");
	add_call(m, "c3", "2026-01-03T10:00:00Z");
	add_call(m, "c4", "2026-01-31T23:59:59.999999Z");
	add_tokens(m, "t1", "2026-01-05T10:00:00Z", "big", "1500");
	add_tokens(m, "t2", "2026-01-05T10:00:30Z", "big", "2500.5");
	add_tokens(m, "t3", "2026-01-06T10:00:00Z", "big", "100");
	add_tokens(m, "t4", "2026-01-06T10:00:00Z", "small", "900");
	add(m, "s1", "seat", "2026-01-07T00:00:00Z", "user", "ann", NULL, NULL);
	add(m, "s2", "seat", "2026-01-08T00:00:00Z", "user", "ann", NULL, NULL);
	add(m, "s3", "seat", "2026-01-08T00:00:00Z", "user", "bob", NULL, NULL);
}

static meter_explanation *explain(meter *m, const char *number, const char *period, int32_t line, int32_t events)
{
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	meter_explanation *e;
	options.number = number;
	options.subscription = number ? NULL : "acme";
	options.period = period;
	options.line = line;
	options.events = events;
	assert_ok(meter_explain(&e, m, &options));
	return e;
}

/* The explained line with this charge and kind, and text in its description. */
static size_t find(const meter_explanation *e, const char *charge, const char *kind, const char *part)
{
	const meter_invoice *invoice = meter_explanation_invoice(e);
	for (size_t i = 0; i < meter_explanation_count(e); i++) {
		const size_t line = meter_explanation_line(e, i);
		const char *key = meter_invoice_line_charge(invoice, line);
		if ((charge ? key && strcmp(key, charge) == 0 : !key) &&
		    strcmp(meter_invoice_line_kind_name(invoice, line), kind) == 0 &&
		    strstr(meter_invoice_line_description(invoice, line), part))
			return i;
	}
	fail_msg("no line %s %s %s", charge ? charge : "(plan)", kind, part);
	return 0;
}

static const char *step(const meter_explanation *e, size_t i, const char *name)
{
	for (size_t k = 0; k < meter_explanation_step_count(e, i); k++) {
		if (strcmp(meter_explanation_step_name(e, i, k), name) == 0)
			return meter_explanation_step_text(e, i, k);
	}
	return NULL;
}

/* "t1 t2": ids of the events listed. */
static const char *ids(const meter_explanation *e, size_t i)
{
	static char text[1000];
	text[0] = '\0';
	for (size_t k = 0; k < meter_explanation_event_count(e, i); k++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", k ? " " : "",
		         meter_explanation_event(e, i, k)->id);
	return text;
}

/* ---- kinds of lines ---- */

static void test_tiers_add_up(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 0);
	/* 4 calls, 1 included: 2 at 0.50, 1 at 0.25. */
	const size_t first = find(e, "calls", "usage", "tier 1"), second = find(e, "calls", "usage", "tier 2");
	assert_text("graduated", meter_explanation_model(e, first));
	assert_text("calls", meter_explanation_meter(e, first));
	assert_text("count", meter_explanation_aggregation(e, first));
	assert_i64(15, meter_explanation_rule_line(e, first));
	assert_i64(19, meter_explanation_rule_end(e, first));
	assert_part("included: 1", meter_explanation_rule(e, first));
	assert_i64(1, meter_explanation_catalog_version(e, first));
	assert_text("count of events, type call: 4 (events: 4)", step(e, first, "aggregate"));
	assert_text("1 are taken off", step(e, first, "included"));
	assert_text("graduated: 2 x 0.5 / 1 = 1", step(e, first, "model"));
	assert_text("graduated: 1 x 0.25 / 1 = 0.25", step(e, second, "model"));
	assert_text("half_up to 2 decimals: 0.25", step(e, second, "rounding"));
	assert_text("1.25", meter_explanation_related_amount(e, second));
	assert_int_equal(2, meter_explanation_related_count(e, second));
	assert_int_equal(3, meter_explanation_day_count(e, first));
	assert_text("2", meter_explanation_day_value(e, first, 0));
	assert_i64(us("2026-01-31T00:00:00Z"), meter_explanation_day_from_us(e, first, 2));
	assert_text("c1 c2 c3 c4", ids(e, first));
	assert_text("time", meter_explanation_event_order(e, first));
	assert_int_equal(1, meter_explanation_event_exact(e, first));
	meter_explanation_free(e);
	close_meter(m);
}

static void test_rate_has_its_own_usage(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 2);
	const size_t big = find(e, "tokens", "usage", "model=big"), rest = find(e, "tokens", "usage", "everything else");
	assert_text("4100.5", meter_explanation_usage(e, big));
	assert_text("900", meter_explanation_usage(e, rest));
	assert_i64(3, meter_explanation_usage_events(e, big));
	assert_text("rate 1 of 2, model=big", meter_explanation_scope(e, big));
	assert_text("unit: 4100.5 x 3 / 1000 = 12.3015", step(e, big, "model"));
	assert_text("half_up to 2 decimals: 12.30", step(e, big, "rounding"));
	assert_text("t2 t1", ids(e, big));
	assert_text("largest", meter_explanation_event_order(e, big));
	assert_text("2500.5", meter_explanation_event_value(e, big, 0));
	assert_text("t4", ids(e, rest));
	assert_text("buckets", meter_explanation_usage_from(e, big));
	assert_int_equal(2, meter_explanation_day_count(e, big));
	assert_text("4000.5", meter_explanation_day_value(e, big, 0));
	assert_i64(2, meter_explanation_day_events(e, big, 0));
	meter_explanation_free(e);
	close_meter(m);
}

static void test_distinct_values_and_groups(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	meter_event job = event_of("acme", "j1", "job");
	meter_property queue = METER_PROPERTY("queue", "a, b");
	job.properties = &queue;
	job.property_count = 1;
	job.value = "7";
	assert_ok(meter_record_many(m, &job, 1, NULL));
	queue.value = "a";
	job.id = "j2";
	job.value = "5";
	assert_ok(meter_record_many(m, &job, 1, NULL));
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 0);
	const size_t seats = find(e, "seats", "usage", "");
	assert_text("2", meter_explanation_usage(e, seats));
	assert_i64(3, meter_explanation_usage_events(e, seats));
	assert_int_equal(2, meter_explanation_day_count(e, seats));
	assert_text("2", meter_explanation_day_value(e, seats, 1));
	const size_t quoted = find(e, "jobs", "usage", "queue=\"a, b\"");
	assert_text("7", meter_explanation_usage(e, quoted));
	assert_text("j1", ids(e, quoted));
	for (size_t i = 0; i < meter_explanation_count(e); i++) {
		if (strcmp(meter_invoice_line_description(meter_explanation_invoice(e), i), "jobs, queue=a") == 0)
			assert_text("j2", ids(e, i));
	}
	meter_explanation_free(e);
	close_meter(m);
}

static void test_lines_of_the_plan(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_call(m, "c1", "2026-01-02T00:00:00Z");
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 0);
	const size_t flat = find(e, "base", "flat", "");
	assert_text("flat", meter_explanation_model(e, flat));
	assert_i64(14, meter_explanation_rule_line(e, flat));
	assert_null(meter_explanation_usage(e, flat));
	assert_null(meter_explanation_usage_from(e, flat));
	assert_null(meter_explanation_meter(e, flat));
	assert_text("of the plan: -5.00", step(e, flat, "discount"));
	const size_t discount = find(e, NULL, "discount", "friends");
	assert_i64(28, meter_explanation_rule_line(e, discount));
	assert_text("this line: -10 x 50 / 100 = -5", step(e, discount, "discount"));
	const size_t minimum = find(e, NULL, "minimum", "");
	assert_i64(12, meter_explanation_rule_line(e, minimum));
	assert_text("    minimum: \"20.00\"", meter_explanation_rule(e, minimum));
	const size_t credit = find(e, NULL, "credit", "hello");
	assert_i64(30, meter_explanation_rule_line(e, credit));
	assert_text("this line: -1 x 1 / 1 = -1", step(e, credit, "credit"));
	assert_null(meter_explanation_model(e, credit));
	meter_explanation_free(e);
	close_meter(m);
}

/* ---- late events ---- */

static const char *finalize(meter *m, const char *period)
{
	static char numbers[4][32];
	static unsigned next;
	char *number = numbers[next++ % 4];
	meter_invoice *invoice;
	assert_ok(meter_invoice_finalize(&invoice, m, "acme", METER_NUL_TERMINATED, period, METER_NUL_TERMINATED, "test",
	                                 METER_NOW));
	snprintf(number, 32, "%s", meter_invoice_number(invoice));
	meter_invoice_free(invoice);
	return number;
}

static void check_old_bill(meter *m, const char *number, const char *from)
{
	meter_explanation *e = explain(m, number, NULL, 0, 0);
	const size_t big = find(e, "tokens", "usage", "model=big");
	assert_text("4100.5", meter_explanation_usage(e, big));
	assert_text("t2 t1 t3", ids(e, big));
	assert_text(from, meter_explanation_usage_from(e, big));
	assert_i64(3, meter_explanation_usage_events(e, big));
	meter_explanation_free(e);
}

static void test_old_bill_keeps_what_it_saw(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	const char *number = finalize(m, "2026-01");
	check_old_bill(m, number, "buckets");
	add_tokens(m, "late", "2026-01-05T10:00:10Z", "big", "99999");
	check_old_bill(m, number, "events");
	/* The draft of February has the adjustment: (104099.5 - 4100.5) x 3 / 1000 = 312.2985 - 12.3015, each rounded. */
	meter_explanation *e = explain(m, NULL, NULL, 0, 0);
	size_t i = find(e, "tokens", "adjustment", "model=big");
	assert_text("104099.5", meter_explanation_usage(e, i));
	assert_text("4100.5", meter_explanation_usage_before(e, i));
	assert_text("late", ids(e, i));
	assert_part("312.30", step(e, i, "after"));
	assert_text("312.30 - 12.30 = 300.00", step(e, i, "adjustment"));
	meter_explanation_free(e);
	/* And so has its invoice, also when more came later. */
	const char *second = finalize(m, "2026-02");
	add_tokens(m, "later", "2026-01-05T10:00:11Z", "big", "1");
	e = explain(m, second, NULL, 0, 0);
	i = find(e, "tokens", "adjustment", "model=big");
	assert_text("104099.5", meter_explanation_usage(e, i));
	assert_text("4100.5", meter_explanation_usage_before(e, i));
	assert_text("late", ids(e, i));
	meter_explanation_free(e);
	check_old_bill(m, number, "events");
	close_meter(m);
}

/* An event that is included changes no line; what it says is settled, but the old bill did not see it. */
static void test_late_event_that_changes_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	const char *number = finalize(m, "2026-01");
	meter_invoice *adjusted;
	add_call(m, "c1", "2026-01-02T00:00:00Z");
	assert_code(METER_EEND, meter_invoice_adjust(&adjusted, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	meter_explanation *e = explain(m, number, NULL, 0, 0);
	const size_t calls = find(e, "calls", "usage", "");
	assert_text("0", meter_explanation_usage(e, calls));
	assert_int_equal(0, meter_explanation_event_count(e, calls));
	meter_explanation_free(e);
	/* A second one: both are billed now, 1 call at 0.50. */
	add_call(m, "c2", "2026-01-03T00:00:00Z");
	assert_ok(meter_invoice_adjust(&adjusted, m, "acme", METER_NUL_TERMINATED, METER_NOW));
	e = explain(m, meter_invoice_number(adjusted), NULL, 1, 0);
	assert_text("2", meter_explanation_usage(e, 0));
	assert_text("0", meter_explanation_usage_before(e, 0));
	assert_text("c1 c2", ids(e, 0));
	meter_explanation_free(e);
	meter_invoice_free(adjusted);
	close_meter(m);
}

static void test_voided_invoice(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	const char *number = finalize(m, "2026-01");
	meter_invoice *voided;
	assert_ok(meter_invoice_void(&voided, m, number, "test", METER_NOW));
	meter_invoice_free(voided);
	add_tokens(m, "late", "2026-01-05T10:00:10Z", "big", "99999");
	check_old_bill(m, number, "events");
	close_meter(m);
}

static void test_meter_that_is_counted_no_more(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_january(m);
	const char *number = finalize(m, "2026-01");
	apply_catalog(
		m,
		"version: 1\nmeters: {}\nplans:\n  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z,"
		" charges: [{key: base, model: flat, amount: \"1\"}]}\nsubscriptions:\n"
		"  acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}\n");
	meter_explanation *e = explain(m, number, NULL, 0, 0);
	const size_t big = find(e, "tokens", "usage", "model=big");
	assert_i64(1, meter_explanation_catalog_version(e, big));
	assert_text("4100.5", meter_explanation_usage(e, big));
	assert_text("events", meter_explanation_usage_from(e, big));
	assert_text("t2 t1 t3", ids(e, big));
	meter_explanation_free(e);
	close_meter(m);
}

/* ---- the heaviest events, against a plain list ---- */

static int by_value_down(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

static void check_heaviest(bool is_uniform)
{
	meter *m = open_meter();
	apply_catalog(m, catalog);
	static int values[2000];
	uint64_t random = 7;
	meter_batch *batch;
	assert_ok(meter_batch_new(&batch, m));
	for (int i = 0; i < (int)COUNT(values); i++) {
		char id[16], tokens[16];
		random = random * 6364136223846793005u + 1442695040888963407u;
		values[i] = (int)(random >> 40) % (is_uniform || i % 40 == 0 ? 100000 : 100);
		snprintf(id, sizeof(id), "e%d", i);
		snprintf(tokens, sizeof(tokens), "%d", values[i]);
		meter_property properties[] = {METER_PROPERTY("model", "big"), METER_PROPERTY("tokens", tokens)};
		meter_event e = event_of("acme", id, "llm");
		e.timestamp_us += (int64_t)(random >> 20) % (INT64_C(28) * 86400 * 1000000);
		e.properties = properties;
		e.property_count = 2;
		assert_ok(meter_batch_add(batch, &e));
	}
	assert_ok(meter_batch_wait(batch));
	meter_batch_free(batch);
	qsort(values, COUNT(values), sizeof(values[0]), by_value_down);
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 25);
	const size_t big = find(e, "tokens", "usage", "model=big");
	assert_i64((int64_t)COUNT(values), meter_explanation_usage_events(e, big));
	assert_int_equal(25, meter_explanation_event_count(e, big));
	/* A few events that make the most of the usage are found, and said to be all; where nearly every hour may hold one, the
	 * answer does not claim it. What is listed is in order either way. */
	assert_int_equal(!is_uniform, meter_explanation_event_exact(e, big));
	for (size_t i = 0; i < 25; i++) {
		const int value = atoi(meter_explanation_event_value(e, big, i));
		if (!is_uniform)
			assert_i64(values[i], value);
		assert_true(value <= values[i]);
		assert_true(i == 0 || value <= atoi(meter_explanation_event_value(e, big, i - 1)));
	}
	meter_explanation_free(e);
	close_meter(m);
}

static void test_heaviest_events_are_found(void **state)
{
	(void)state;
	check_heaviest(false);
}

static void test_unproven_heaviest_events_say_so(void **state)
{
	(void)state;
	check_heaviest(true);
}

/* An hour whose values take each other back hides the heaviest event: the answer must not claim to have seen all. */
static void test_values_below_zero_hide_nothing(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m, catalog);
	add_tokens(m, "most", "2026-01-05T10:00:00Z", "big", "100");
	add_tokens(m, "back", "2026-01-05T10:00:30Z", "big", "-99");
	add_tokens(m, "next", "2026-01-06T10:00:00Z", "big", "50");
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 1);
	const size_t big = find(e, "tokens", "usage", "model=big");
	assert_int_equal(1, meter_explanation_event_count(e, big));
	assert_true(!meter_explanation_event_exact(e, big) || strcmp(ids(e, big), "most") == 0);
	meter_explanation_free(e);
	/* Where all of them are asked for, nothing is left to hide in. */
	e = explain(m, NULL, "2026-01", 0, 10);
	assert_text("most next back", ids(e, big));
	meter_explanation_free(e);
	close_meter(m);
}

static void test_smallest_comes_first_of_a_minimum(void **state)
{
	(void)state;
	meter *m = open_meter();
	apply_catalog(m,
	              "version: 1\nmeters:\n  least: {event_type: call, aggregation: min, value: ms}\nplans:\n"
	              "  - {key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: least, "
	              "meter: least, model: unit, price: 1}]}\n"
	              "subscriptions: {acme: {customer: Acme, plan: p, from: 2026-01-01T00:00:00Z}}\n");
	add(m, "seven", "call", "2026-01-05T10:00:00Z", "ms", "7", NULL, NULL);
	add(m, "three", "call", "2026-01-06T10:00:00Z", "ms", "3", NULL, NULL);
	add(m, "five", "call", "2026-01-06T10:00:30Z", "ms", "5", NULL, NULL);
	meter_explanation *e = explain(m, NULL, "2026-01", 0, 10);
	const size_t least = find(e, "least", "usage", "");
	assert_text("3", meter_explanation_usage(e, least));
	assert_text("smallest", meter_explanation_event_order(e, least));
	assert_text("three five seven", ids(e, least));
	meter_explanation_free(e);
	close_meter(m);
}

/* ---- arguments ---- */

static void test_arguments(void **state)
{
	(void)state;
	meter *m = open_meter();
	meter_explain_options options = METER_EXPLAIN_OPTIONS_INIT;
	meter_explanation *e = (meter_explanation *)&options;
	assert_code(METER_EINVAL, meter_explain(NULL, m, &options));
	assert_code(METER_EINVAL, meter_explain(&e, NULL, &options));
	assert_null(e);
	assert_code(METER_EINVAL, meter_explain(&e, m, NULL));
	assert_code(METER_EINVAL, meter_explain(&e, m, &options)); /* neither number nor subscription */
	options.subscription = "acme";
	assert_code(METER_ENOTFOUND, meter_explain(&e, m, &options)); /* no catalog */
	apply_catalog(m, catalog);
	options.line = 100;
	assert_code(METER_EINVAL, meter_explain(&e, m, &options));
	assert_part("there is no line 100", meter_errmsg());
	assert_null(e);
	options.line = -1;
	assert_code(METER_EINVAL, meter_explain(&e, m, &options));
	options.line = 0;
	options.events = 1001;
	assert_code(METER_EINVAL, meter_explain(&e, m, &options));
	options.events = -1;
	assert_ok(meter_explain(&e, m, &options));
	assert_int_equal(0, meter_explanation_event_count(e, 1));
	assert_null(meter_explanation_event(e, 1, 0));
	assert_null(meter_explanation_plan(e, 1000));
	assert_int_equal(0, meter_explanation_step_count(e, 1000));
	assert_null(meter_explanation_step_name(e, 0, 1000));
	assert_true(meter_explanation_day_from_us(e, 0, 0) == INT64_MIN);
	meter_explanation_free(e);
	options.number = "INV-000001";
	assert_code(METER_EINVAL, meter_explain(&e, m, &options)); /* both */
	options.subscription = NULL;
	assert_code(METER_ENOTFOUND, meter_explain(&e, m, &options));
	options.struct_size--;
	assert_code(METER_EINVAL, meter_explain(&e, m, &options));
	meter_explanation_free(NULL);
	assert_int_equal(0, meter_explanation_count(NULL));
	close_meter(m);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_tiers_add_up),
		in_scratch(test_rate_has_its_own_usage),
		in_scratch(test_distinct_values_and_groups),
		in_scratch(test_lines_of_the_plan),
		in_scratch(test_old_bill_keeps_what_it_saw),
		in_scratch(test_late_event_that_changes_nothing),
		in_scratch(test_voided_invoice),
		in_scratch(test_meter_that_is_counted_no_more),
		in_scratch(test_heaviest_events_are_found),
		in_scratch(test_unproven_heaviest_events_say_so),
		in_scratch(test_values_below_zero_hide_nothing),
		in_scratch(test_smallest_comes_first_of_a_minimum),
		in_scratch(test_arguments),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
