/*
 * generate.c - an invented month of an LLM API, as JSON Lines on stdout. The same bytes on every run and machine.
 *
 * Every call becomes two events, its input and its output tokens. The lines stand in the order in which they arrived, with what
 * real producers do to them: about 3 % come twice (retries), some come hours or days late, one line is cut in the middle
 * (and sent again whole), one has no timestamp.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS 2430
#define EVENTS_MAX (CALLS * 2 + CALLS)
#define MONTH_START INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define DAY_S 86400

struct line {
	int64_t arrived_s;
	int order; /* what arrives in the same second keeps its order */
	char text[240];
};

static struct line lines[EVENTS_MAX];
static int line_count;
static uint64_t state = 20260101;

/* 0 .. below-1, by splitmix64. */
static uint32_t draw(uint32_t below)
{
	uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(((x ^ (x >> 31)) >> 32) % below);
}

/* One of the texts, chosen by their weights, which add up to 100. */
static const char *pick(const char *const *texts, const uint32_t *weights)
{
	uint32_t drawn = draw(100);

	while (drawn >= *weights) {
		drawn -= *weights++;
		texts++;
	}
	return *texts;
}

/* A second of January: offices work by day. */
static int64_t draw_time(void)
{
	int64_t hour = draw(4) > 0 ? 7 + draw(12) : draw(24);

	return MONTH_START + (int64_t)draw(31) * DAY_S + hour * 3600 + draw(3600);
}

static void arrive(const char *text, int64_t at_s)
{
	struct line *line = &lines[line_count];

	line->arrived_s = at_s;
	line->order = line_count++;
	snprintf(line->text, sizeof line->text, "%s", text);
}

static void add_event(int call, const char *customer, const char *model, const char *kind, uint32_t tokens, int64_t at_s,
                      int64_t delay_s)
{
	int64_t second = at_s - MONTH_START;
	char text[sizeof lines->text];

	snprintf(text, sizeof text,
	         "{\"id\":\"call-%05d-%s\",\"subscription\":\"%s\",\"type\":\"llm.call\","
	         "\"timestamp\":\"2026-01-%02dT%02d:%02d:%02d.%03dZ\",\"properties\":{\"model\":\"%s\",\"kind\":\"%s\","
	         "\"tokens\":%" PRIu32 "}}",
	         call, kind, customer, (int)(second / DAY_S) + 1, (int)(second / 3600 % 24), (int)(second / 60 % 60),
	         (int)(second % 60), call % 1000, model, kind, tokens);
	arrive(text, at_s + delay_s);
	if (draw(100) < 3)
		arrive(text, at_s + delay_s + 2 + draw(3600));
}

static void break_two_lines(void)
{
	char cut[sizeof lines->text];

	memcpy(cut, lines[1000].text, sizeof cut);
	cut[97] = '\0';
	arrive(cut, lines[1000].arrived_s - 1);
	arrive("{\"id\":\"call-02431-input\",\"subscription\":\"acme\",\"type\":\"llm.call\",\"properties\":{\"model\":\"large-"
	       "1\",\"kind\":\"input\",\"tokens\":812}}",
	       MONTH_START + 20 * DAY_S);
}

static int by_arrival(const void *a, const void *b)
{
	const struct line *left = a, *right = b;

	if (left->arrived_s != right->arrived_s)
		return left->arrived_s < right->arrived_s ? -1 : 1;
	return left->order - right->order;
}

int main(void)
{
	static const char *const customers[] = {"acme", "northwind", "initech", "lumen", "tiny"};
	static const char *const models[] = {"small-1", "medium-1", "large-1"};

	for (int call = 1; call <= CALLS; call++) {
		const char *customer = pick(customers, (const uint32_t[]){45, 25, 18, 11, 1});
		const char *model = pick(models, (const uint32_t[]){50, 30, 20});
		int64_t at_s = draw_time();
		int64_t delay_s = draw(100) < 4 ? 3600 + (int64_t)draw(3 * DAY_S) : 0;

		add_event(call, customer, model, "input", 200 + draw(24000), at_s, delay_s);
		add_event(call, customer, model, "output", 20 + draw(3000), at_s, delay_s);
	}
	break_two_lines();
	qsort(lines, (size_t)line_count, sizeof *lines, by_arrival);
	for (int i = 0; i < line_count; i++)
		puts(lines[i].text);
	return fclose(stdout) == 0 ? 0 : 1;
}
