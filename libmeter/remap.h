/*
 * remap.h - a text of quarantine with some fields taken from elsewhere. (pure)
 *
 * Text in, text out: the result is one JSON object that the reader of events (event_json.h) then judges like any other.
 */
#ifndef METER_REMAP_H
#define METER_REMAP_H

#include <stdbool.h>

#include "buffer.h"
#include "meter.h"

/* METER_OK, or METER_EINVAL: a field that is none, is given twice, or comes from nowhere. */
int meter__remap_check(const meter_retry_rule *rules, size_t count);

/*
 * Write the object with the rules applied; number is the entry's. *is_mapped_out says whether any was: otherwise out is not
 * written. Rules have been checked. METER_OK, also when text is no object; METER_ENOMEM.
 */
int meter__remap(struct buffer *out, bool *is_mapped_out, struct buffer *scratch, struct slice text,
                 const meter_retry_rule *rules, size_t count, int64_t number);

#endif
