/*
 * cycle.h - billing cycles: days, weeks, months, quarters or years of a time zone, by the calendar or from an anchor. (pure)
 *
 * The periods of a cycle tile time, before its anchor too. Every boundary is the start of a local day, as zone.h has it. Outside
 * of int64 time ends: the first and the last period are cut short.
 */
#ifndef METER_CYCLE_H
#define METER_CYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "period.h"
#include "zone.h"

#define CYCLE_TEXT_SIZE 16

enum cycle_unit { CYCLE_DAY, CYCLE_WEEK, CYCLE_MONTH, CYCLE_QUARTER, CYCLE_YEAR };

struct cycle {
	enum cycle_unit unit;
	const struct zone *zone; /* NULL: UTC */
	bool is_anniversary;     /* else calendar: weeks from Monday, quarters and years from January */
	/*
	 * Anniversary: periods start on the local date of this instant and every unit from there. A date that a month does not
	 * have becomes its last day, counted from the anchor and not from the period before: 31 January, 28 February, 31 March.
	 */
	int64_t anchor_us;
};

/* The period that us lies in; INT64_MAX, which no half-open period reaches, counts to the last. */
struct period meter__cycle_of(const struct cycle *cycle, int64_t us);
/* The one after p, which is a period of this cycle. */
struct period meter__cycle_next(const struct cycle *cycle, struct period p);

/*
 * The period that a text names: "2026-01-15" the one in which that local date begins; "2026-W03" (ISO 8601), "2026-01",
 * "2026-Q1" and "2026" the only one to start in that week, month, quarter or year. Periods start on the date that the calendar
 * or the anchor gives, even if the zone skipped that day. METER_OK, or METER_EINVAL: not such a text, not within 1970 to 9999, or
 * more than one starts there; METER_ENOTFOUND: none does.
 */
int meter__cycle_parse(struct period *out, const struct cycle *cycle, const char *text, size_t size);

/* Whether it is such a text at all, whatever the cycle. METER_OK or METER_EINVAL. */
int meter__cycle_check(const char *text, size_t size);

/*
 * The shortest text that meter__cycle_parse() takes back to p, a period of this cycle that starts in 1970 to 9999: "2026-01-15"
 * for days and anniversary weeks, "2026-W03" for calendar weeks, "2026-Q1" for calendar quarters, "2026" for calendar years, and
 * "2026-01" for months and for anniversary quarters and years.
 */
void meter__cycle_format(char out[CYCLE_TEXT_SIZE], const struct cycle *cycle, struct period p);

const char *meter__cycle_unit_name(enum cycle_unit unit); /* "day", "week", "month", "quarter", "year" */

#endif
