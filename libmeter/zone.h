/*
 * zone.h - time zones: how far a local clock is from UTC, and where the local days begin. (pure, but for meter__zone_load())
 *
 * Zones are IANA's, read from the TZif files (RFC 8536) of /usr/share/zoneinfo; environment and locale play no part. Times are
 * microseconds since 1970 UTC, local dates are days since 1970-01-01. A zone is immutable: any number of threads may use it.
 */
#ifndef METER_ZONE_H
#define METER_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct zone;

/*
 * Load the zone name, like "Europe/Berlin". "UTC" and "Etc/UTC" need no file. METER_OK, METER_EINVAL (no such zone; a name other
 * than segments of [A-Za-z0-9_+-] between single '/', at most 255 bytes; a zone that counts leap seconds), METER_ECORRUPT (not a
 * TZif file, or it does not add up), METER_ENOMEM, METER_EIO.
 */
int meter__zone_load(struct zone **out, const char *name);
/* The zone that a TZif file of this content describes: the above without METER_EIO. No byte of data is trusted. */
int meter__zone_parse(struct zone **out, const void *data, size_t size);
void meter__zone_free(struct zone *zone); /* NULL is fine */

/* From here on zone NULL is UTC. */

/* Seconds east of UTC at this instant. */
int32_t meter__zone_offset_s(const struct zone *zone, int64_t us);

/* The local date at this instant. Where clocks go back over midnight it goes back too. */
int64_t meter__zone_local_day(const struct zone *zone, int64_t us);

/*
 * Where the local day begins: the first instant whose local date is days or later. That is midnight; the first one if there are
 * two; the transition where clocks skip midnight or the whole day. What lies outside of int64 becomes its end.
 */
int64_t meter__zone_day_start(const struct zone *zone, int64_t days);

#endif
