/* event_json.h - events as JSON: the library's own form and CloudEvents 1.0. (pure) */
#ifndef METER_EVENT_JSON_H
#define METER_EVENT_JSON_H

#include "event.h"

/*
 * Read one JSON object. Slices of out point into text or, where escapes had to be resolved, into scratch (reset first). The event
 * is checked (meter__event_check). METER_OK, METER_ENOMEM, or METER_EINVAL with a message such as "timestamp: missing" or "column
 * 17: a comma or } was expected, not 'x'". Names must not be repeated: not those of the event, nor those of properties or data.
 *
 * Own form: id, subscription, type, timestamp, value, properties, source, sequence; any other name is an error. null stands for a
 * field that is not there, but value must not be null. Numbers may be text.
 *
 * An object with "specversion" is a CloudEvent: subject is the subscription, type the type, time the timestamp, source the
 * source, and id is source and id with the size of source before ("4:gw-1req-17"). data's members are the properties;
 * data_base64, or data that is neither null nor an object, is an error. The event's value is 1, unless data has a member "value"
 * that is text with a decimal in it, or a number: that is the value then, and a property as well. (A number that cannot be a
 * value, such as 1e3, is an error: taking it for 1 would be a guess.) Extension attributes, at most 64, and datacontenttype,
 * dataschema are ignored.
 *
 * Values of properties: text; numbers, true and false as written; objects and arrays as their JSON text; null is as if it were
 * not there, though it counts towards the 64.
 *
 * The timestamp is a JSON string for METER_TIME_RFC3339 and METER_TIME_UTC, else a JSON number or its text.
 */
int meter__event_json_read(struct event *out, struct property *properties, struct buffer *scratch, const char *text, size_t size,
                           int32_t time_format, int64_t now_us);

/* The event as one object in the library's own form; reading it back gives the same event. */
void meter__event_json_write(struct buffer *out, const struct event *e);

/* Read what meter__properties_write() wrote, null values as absent slices; at most room entries. METER_OK, METER_EINVAL,
 * METER_ENOMEM. */
int meter__properties_read(struct property *properties, size_t room, size_t *count_out, struct buffer *scratch, const char *text,
                           size_t size);

/* Read what meter__property_names_write() or meter__property_values_write() wrote, into the names or the values of properties.
 * Strings with escapes are resolved into scratch. METER_OK, METER_EINVAL (also another number than count), METER_ENOMEM. */
int meter__property_names_read(struct property *properties, size_t room, size_t *count_out, struct buffer *scratch,
                               struct slice text);
int meter__property_values_read(struct property *properties, size_t count, struct buffer *scratch, struct slice text);

#endif
