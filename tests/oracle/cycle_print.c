/*
 * cycle_print.c - prints the periods of billing cycles, for cycle_oracle.py.
 *
 * Build: make build/tests/oracle/cycle_print
 *
 * Reads lines "ZONE UNIT ANCHOR FROM COUNT", ANCHOR being "calendar" or a time like 2024-01-31T12:34:56Z. Prints COUNT lines
 * "START END NAME" in seconds since 1970, from the period on in which the date FROM begins. A period that does not hold its own
 * first and last microsecond, or that its name does not lead back to, ends the program with 1.
 */
#include <stdio.h>
#include <string.h>

#include "cycle.h"
#include "instant.h"
#include "meter.h"

static int complain(const char *line, const char *what)
{
	fprintf(stderr, "cycle_print: %s: %s\n", line, what);
	return 1;
}

static bool same(struct period a, struct period b)
{
	return a.from_us == b.from_us && a.to_us == b.to_us;
}

static int print_periods(const struct cycle *cycle, struct period p, int count, const char *line)
{
	for (int i = 0; i < count; i++) {
		char name[CYCLE_TEXT_SIZE];
		struct period named;

		meter__cycle_format(name, cycle, p);
		printf("%lld %lld %s\n", (long long)(p.from_us / US_PER_SECOND), (long long)(p.to_us / US_PER_SECOND), name);
		if (!same(p, meter__cycle_of(cycle, p.from_us)) || !same(p, meter__cycle_of(cycle, p.to_us - 1)))
			return complain(line, "does not tile");
		if (strcmp(name, "1970") >= 0 &&
		    (meter__cycle_parse(&named, cycle, name, strlen(name)) != METER_OK || !same(p, named)))
			return complain(line, "a name does not lead back");
		p = meter__cycle_next(cycle, p);
	}
	return 0;
}

static bool read_unit(enum cycle_unit *out, const char *name)
{
	for (int unit = CYCLE_DAY; unit <= CYCLE_YEAR; unit++) {
		*out = (enum cycle_unit)unit;
		if (strcmp(meter__cycle_unit_name(*out), name) == 0)
			return true;
	}
	return false;
}

static int answer(const char *line)
{
	char zone_name[64], unit[16], anchor[40], from[16];
	struct cycle cycle = {.unit = CYCLE_DAY};
	struct zone *zone;
	struct period p;
	int count, rc;

	if (sscanf(line, "%63s %15s %39s %15s %d", zone_name, unit, anchor, from, &count) != 5)
		return complain(line, "not ZONE UNIT ANCHOR FROM COUNT");
	if (meter__zone_load(&zone, zone_name) != METER_OK)
		return complain(line, meter_errmsg());
	cycle.zone = zone;
	rc = METER_OK;
	if (strcmp(anchor, "calendar") != 0) {
		rc = meter_time_parse(&cycle.anchor_us, anchor, METER_NUL_TERMINATED, METER_TIME_RFC3339);
		cycle.is_anniversary = true;
	}
	if (!read_unit(&cycle.unit, unit)) {
		meter__zone_free(zone);
		return complain(line, "no such unit");
	}
	if (rc == METER_OK)
		rc = meter__cycle_parse(&p, &cycle, from, strlen(from));
	rc = rc == METER_OK ? print_periods(&cycle, p, count, line) : complain(line, meter_errmsg());
	meter__zone_free(zone);
	return rc;
}

int main(void)
{
	char line[256];
	int rc = 0;

	while (rc == 0 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		rc = answer(line);
	}
	return rc;
}
