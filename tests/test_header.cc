/* test_header.cc - the public header alone, as a C++ program sees it (98, 11 and 17). Only compiled; see test_header.c. */
#include <meter.h>

int test_header();

int test_header()
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
