/*
 * test_header.c - the public header alone, as a C program sees it: it needs no other include, is clean under -pedantic, may be
 * included twice, and its initializers fill every field. Only compiled (make check-header); test_header.cc does the same in C++.
 */
#include <meter.h>

/* The layout is part of the ABI: a row that fails here is a new METER_SOVERSION or a field that was not appended. */
#if defined(__LP64__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(meter_options) == 40, "meter_options");
_Static_assert(sizeof(meter_property) == 32, "meter_property");
_Static_assert(sizeof(meter_event) == 120, "meter_event");
_Static_assert(offsetof(meter_event, timestamp_us) == 56, "meter_event.timestamp_us");
_Static_assert(offsetof(meter_event, sequence) == 112, "meter_event.sequence");
_Static_assert(sizeof(meter_usage_filter) == 96, "meter_usage_filter");
_Static_assert(sizeof(meter_events_filter) == 128, "meter_events_filter");
_Static_assert(sizeof(meter_quarantine_filter) == 24, "meter_quarantine_filter");
_Static_assert(sizeof(meter_retry_rule) == 16, "meter_retry_rule");
_Static_assert(sizeof(meter_retry_options) == 56, "meter_retry_options");
_Static_assert(sizeof(meter_retry_result) == 48, "meter_retry_result");
_Static_assert(sizeof(meter_closing_options) == 48, "meter_closing_options");
_Static_assert(sizeof(meter_explain_options) == 40, "meter_explain_options");
_Static_assert(sizeof(meter_verify_options) == 56, "meter_verify_options");
_Static_assert(sizeof(meter_verify_counters) == 104, "meter_verify_counters");
_Static_assert(sizeof(meter_quantity) == 32, "meter_quantity");
_Static_assert(sizeof(meter_counters) == 176, "meter_counters");
#endif

int test_header(void);

int test_header(void)
{
	meter *m = NULL;
	meter_options options = METER_OPTIONS_INIT;
	meter_event event = METER_EVENT_INIT;
	meter_property property = METER_PROPERTY("model", "large-1");
	meter_usage_filter usage = METER_USAGE_FILTER_INIT;
	meter_events_filter events = METER_EVENTS_FILTER_INIT;

	event.properties = &property;
	event.property_count = 1;
	if (usage.struct_size != sizeof usage || events.struct_size != sizeof events)
		return METER_EINVAL;
	if (meter_abi_check(METER_SOVERSION) != METER_OK || meter_open(&m, "meter.db", &options) != METER_OK)
		return METER_EINVAL;
	return meter_record(m, &event) == METER_OK ? meter_close(m) : METER_EAGAIN;
}
