/*
 * generate.c - the events of the replay benchmark, as JSON Lines on stdout. The same bytes on every run.
 *
 * 1,000 subscriptions, ids of 32 characters, about 60 bytes of properties; event time advances 10,000 events a second, and each
 * event lies up to 2 s before that, in no order.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 42;

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

int main(int argc, char **argv)
{
	static const char *const models[] = {"large-1", "medium-1", "small-1"};
	static const char *const kinds[] = {"input", "output"};
	long long count = argc == 2 ? atoll(argv[1]) : 0;

	if (count <= 0) {
		fputs("usage: generate COUNT >events.jsonl\n", stderr);
		return 2;
	}
	for (long long i = 0; i < count; i++) {
		/* Microseconds since 2026-01-15T00:00:02Z: 100 an event, minus the disorder. */
		long long at_us = 2000000 + i * 100 - (long long)(draw() % 2000000);
		long long second = at_us / 1000000;
		uint64_t drawn = draw();

		printf("{\"id\":\"%016" PRIx64 "%016" PRIx64 "\",\"subscription\":\"sub-%04d\",\"type\":\"llm.call\","
		       "\"timestamp\":\"2026-01-%02lldT%02lld:%02lld:%02lld.%06lldZ\","
		       "\"properties\":{\"model\":\"%s\",\"kind\":\"%s\",\"tokens\":%d,\"region\":\"eu-central-1\"}}\n",
		       draw(), draw(), (int)(drawn % 1000), 15 + second / 86400, second / 3600 % 24, second / 60 % 60,
		       second % 60, at_us % 1000000, models[drawn / 1000 % 3], kinds[drawn / 3000 % 2],
		       (int)(drawn / 6000 % 5000));
	}
	return fclose(stdout) == 0 ? 0 : 1;
}
