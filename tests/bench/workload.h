/*
 * workload.h - the events of the ingest benchmarks and what their programs share: a clock, a child of its own for each
 * measurement.
 *
 * Included by each program once; README.md describes the workloads.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <inttypes.h>
#include <meter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_US INT64_C(1767225600000000)
#define DISORDER_US 2000000
#define LATE_US (INT64_C(30) * 86400 * 1000000)

struct workload {
	const char *name;
	int subscriptions;
	int types;
	int64_t step_us; /* event time from one event to the next; 0: the clock */
	int late_percent;
	const char *what;
};

static const struct workload workloads[] = {
	{"W1", 1000, 1, 100, 0, "1,000 subscriptions, 1 type, 2 meters, 10,000 events a second of event time"},
	{"W2", 10000, 4, 1000, 0, "10,000 subscriptions x 4 types, 1,000 events a second of event time"},
	{"W4", 1000, 1, 100, 5, "W1 with 5 % up to 30 days late"},
	{"W5", 1000, 1, 0, 0, "W1 live: event time is the moment of the call"},
};

static const char *const types[] = {"llm.call", "llm.chat", "llm.embed", "llm.image"};
static const char *const models[] = {"large-1", "large-2", "medium-1", "small-1", "small-2"};
static const char *const regions[] = {"eu-west-1", "us-east-2", "ap-south-1"};

/* xorshift: the same events on every run. */
static inline uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

struct generated {
	meter_event event;
	meter_property properties[3];
	char subscription[12], id[33], tokens[8];
	int64_t amount;
};

static inline void write_hex(char *to, uint64_t value)
{
	for (int i = 0; i < 16; i++)
		to[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

static inline void write_digits(char *to, int count, uint64_t value)
{
	while (count-- > 0) {
		to[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

static inline void prepare_event(struct generated *g)
{
	g->event = (meter_event)METER_EVENT_INIT;
	memcpy(g->subscription, "sub-", 4);
	g->event.subscription = g->subscription;
	g->event.subscription_size = 9;
	g->event.id = g->id;
	g->event.id_size = 32;
	g->event.properties = g->properties;
	g->event.property_count = 3;
	g->properties[0] = (meter_property){"model", NULL, 5, 0};
	g->properties[1] = (meter_property){"region", NULL, 6, 0};
	g->properties[2] = (meter_property){"tokens", g->tokens, 6, 4};
}

/* Event number of a workload. */
static inline void generate(struct generated *g, const struct workload *w, uint64_t *state, int64_t number)
{
	uint64_t x = draw(state);
	write_hex(g->id, draw(state));
	write_hex(g->id + 16, (uint64_t)number);
	write_digits(g->subscription + 4, 5, x % (uint64_t)w->subscriptions);
	g->event.type = types[(x >> 44) % (uint64_t)w->types];
	g->event.type_size = strlen(g->event.type);
	if (w->step_us > 0) {
		g->event.timestamp_us = START_US + DISORDER_US + number * w->step_us - (int64_t)(draw(state) % DISORDER_US);
		if (w->late_percent > 0 && (x >> 50) % 100 < (uint64_t)w->late_percent)
			g->event.timestamp_us -= (int64_t)(draw(state) % LATE_US);
	} else {
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		g->event.timestamp_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	}
	g->properties[0].value = models[(x >> 16) % 5];
	g->properties[0].value_size = strlen(g->properties[0].value);
	g->properties[1].value = regions[(x >> 24) % 3];
	g->properties[1].value_size = strlen(g->properties[1].value);
	g->amount = 1000 + (int64_t)((x >> 32) % 9000);
	write_digits(g->tokens, 4, (uint64_t)g->amount);
}

static inline int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "bench: %s: %s\n", what, detail);
	_exit(1);
}

/* Meters of one dimension each, two for a single type, one a type otherwise; a plan and its subscriptions, so that nothing is
 * unbilled. */
static inline char *write_catalog(const struct workload *w)
{
	size_t room = 4096 + (size_t)w->subscriptions * 80;
	char *text = malloc(room), *to = text;
	to += sprintf(to, "version: 1\nmeters:\n");
	for (int i = 0; i < w->types; i++) {
		if (w->types == 1 || i % 2 == 0)
			to += sprintf(to, "  calls%d: {event_type: %s, aggregation: count, dimensions: [model]}\n", i, types[i]);
		if (w->types == 1 || i % 2 == 1)
			to += sprintf(to, "  tokens%d: {event_type: %s, aggregation: sum, value: tokens, dimensions: [region]}\n",
			              i, types[i]);
	}
	to += sprintf(to, "plans:\n  - {key: p, name: P, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z,\n"
	                  "     charges: [{key: c, meter: calls0, model: unit, price: \"0.01\"}]}\nsubscriptions:\n");
	for (int i = 0; i < w->subscriptions; i++)
		to += sprintf(to, "  sub-%05d: {customer: C, plan: p, from: 2020-01-01T00:00:00Z}\n", i);
	return text;
}

/* Run it in a process of its own; what it wrote into result (size bytes), and its peak memory in KiB. */
static inline int64_t in_child(void (*run)(void *result, void *user), void *user, void *result, size_t size)
{
	int pipes[2], status;
	struct rusage usage;
	if (pipe(pipes) != 0)
		fail("pipe", "");
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		run(result, user);
		_exit(write(pipes[1], result, size) == (ssize_t)size ? 0 : 1);
	}
	close(pipes[1]);
	if (read(pipes[0], result, size) != (ssize_t)size)
		fail("a measurement", "failed");
	close(pipes[0]);
	if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("a measurement", "failed");
	return usage.ru_maxrss;
}

static inline void remove_files(const char *path)
{
	char command[2100];
	snprintf(command, sizeof(command), "rm -f '%s' '%s'-*", path, path);
	if (system(command) != 0)
		fail("removing", path);
}

#endif
