/*
 * event.h - one event, checked once and then trusted. (pure)
 *
 * A struct event is a view: its slices point into memory of someone else. meter__event_check() is the one gate; everything
 * behind it (intake, writer, store) may rely on what it checked.
 */
#ifndef METER_EVENT_H
#define METER_EVENT_H

#include "decimal.h"
#include "meter.h"

#define EVENT_SUBSCRIPTION_MAX 128
#define EVENT_ID_MAX 256
#define EVENT_TYPE_MAX 128
#define EVENT_SOURCE_MAX 256
#define EVENT_PROPERTIES_MAX 64
#define EVENT_PROPERTY_NAME_MAX 128
#define EVENT_PROPERTIES_SIZE_MAX 131072 /* all names and values of an event together: real logs carry whole error reports */
#define EVENT_FUTURE_MAX_US (5 * INT64_C(60000000))
#define EVENT_ENCODED_MAX 133120 /* no encoded event is larger */

struct property {
	struct slice name;
	struct slice value; /* data NULL: missing (only in dimensions, never in an event) */
};

struct event {
	struct slice subscription;
	struct slice id;
	struct slice type;
	struct slice source; /* absent when data is NULL */
	int64_t timestamp_us;
	int64_t sequence; /* METER_NO_SEQUENCE when there is none */
	struct decimal value;
	struct property *properties; /* sorted by name, each name once */
	size_t property_count;
};

/*
 * Check every field and sort the properties in place. METER_OK, or METER_EINVAL with a message that names the field and its
 * range, in the order: subscription, id, type, timestamp, value, source, sequence, properties. Texts: size in range, UTF-8, no
 * control characters (U+0000..U+001F, U+007F) except in property values, where all but NUL pass.
 */
int meter__event_check(struct event *e, int64_t now_us);

/*
 * From the public struct: sizes resolved, decimals read, then checked. properties has room for EVENT_PROPERTIES_MAX.
 * A missing struct_size field (an older caller) has its default.
 */
int meter__event_from_public(struct event *out, struct property *properties, const meter_event *in, int64_t now_us);

/*
 * Events that take another one back. Names that begin with "meter." are the library's own: an event with the properties meter.id
 * and meter.timestamp takes back the event of its subscription with this key, and stands in its place; one of type meter.retract
 * leaves the place empty, for no meter counts that type.
 */
#define EVENT_TYPE_RETRACT "meter.retract"
bool meter__event_is_reserved(struct slice name);
/* Whether e takes another event back, and which one. e has been checked. */
bool meter__event_reference(const struct event *e, int64_t *timestamp_us_out, struct slice *id_out);

/* The value of the property, or an absent slice. */
struct slice meter__event_property(const struct event *e, struct slice name);

/*
 * One contiguous record of an event, as it waits for the writer: lengths first, then the bytes; native byte order, no pointers.
 * encode writes exactly meter__event_encoded_size() bytes. decode trusts its input and makes slices into it; properties has
 * room for EVENT_PROPERTIES_MAX.
 */
size_t meter__event_encoded_size(const struct event *e);
void meter__event_encode(const struct event *e, char *out);
void meter__event_decode(struct event *out, struct property *properties, const char *record);
/* The parts of its key, without decoding the rest. */
int64_t meter__event_record_timestamp(const char *record);
struct slice meter__event_record_subscription(const char *record);
struct slice meter__event_record_id(const char *record);

/* {"model":"large-1","tokens":"120"}: properties as one JSON object. */
void meter__properties_write(struct buffer *out, const struct property *properties, size_t count);

/*
 * The same in two halves, as the store keeps them: ["model","tokens"], which most events of a type share, and ["large-1",120].
 * A value that is an integer of at most 18 digits without needless zeros is written without quotes: text and number are one
 * to one, so equal events have equal bytes.
 */
void meter__property_names_write(struct buffer *out, const struct property *properties, size_t count);
void meter__property_values_write(struct buffer *out, const struct property *properties, size_t count);

#endif
