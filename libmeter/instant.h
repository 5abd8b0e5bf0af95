/*
 * instant.h - points in time: int64 microseconds since 1970-01-01T00:00:00Z, 1970 to 9999. (pure: no clock, no zone files)
 */
#ifndef METER_INSTANT_H
#define METER_INSTANT_H

#include <stddef.h>
#include <stdint.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)
#define INSTANT_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z */
#define INSTANT_TEXT_SIZE 32

/*
 * Read a time in one of the METER_TIME_... formats. RFC 3339: 'T', 't' or one blank between date and time, 'Z', 'z' or an
 * offset (-23:59 to +23:59, -00:00 is UTC), any number of decimals of which those after the sixth must be 0. Second 60 is
 * refused. METER_OK or METER_EINVAL with a message that quotes the text and says what was expected.
 */
int meter__instant_parse(int64_t *out, const char *text, size_t size, int32_t format);

/* "2026-01-31T23:59:59.123Z": decimals only if there are any, as few as needed. Returns the length. Any int64 is printed. */
size_t meter__instant_format(char out[INSTANT_TEXT_SIZE], int64_t us);

/* Proleptic Gregorian calendar; days count from 1970-01-01. month 1..12, day 1..31. */
int64_t meter__days_from_civil(int32_t year, int32_t month, int32_t day);
void meter__civil_from_days(int64_t days, int32_t *year, int32_t *month, int32_t *day);

/* Division that rounds towards minus infinity, for unit > 0. */
int64_t meter__floor_div(int64_t n, int64_t unit);

#endif
