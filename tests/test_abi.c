/*
 * test_abi.c - what a program compiled against this header relies on without looking: numbers of codes, sizes and offsets of
 * structs. A change here breaks programs that are not compiled again: METER_SOVERSION then has to change, except for fields
 * appended to a struct with struct_size.
 */
#include "support.h"

#include <stdio.h>

struct pinned {
	const char *name;
	int64_t value;
	int64_t expected;
};

static void assert_pinned(const struct pinned *pinned, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pinned[i].value != pinned[i].expected)
			fail_msg("%s is %d, was %d", pinned[i].name, (int)pinned[i].value, (int)pinned[i].expected);
	}
}

/* clang-format off */
#define NUMBER(name, expected)        {#name, name, expected}
#define SIZE(type, expected)          {"sizeof(" #type ")", sizeof(type), expected}
#define FIELD(type, member, expected) {#type "." #member, offsetof(type, member), expected}
/* clang-format on */

static void test_numbers_are_pinned(void **state)
{
	(void)state;
	static const struct pinned pinned[] = {
		NUMBER(METER_OK, 0),
		NUMBER(METER_EINVAL, -1),
		NUMBER(METER_ENOMEM, -2),
		NUMBER(METER_EBUSY, -3),
		NUMBER(METER_EAGAIN, -4),
		NUMBER(METER_ETIMEDOUT, -5),
		NUMBER(METER_ENOTFOUND, -6),
		NUMBER(METER_EUNSUPPORTED, -7),
		NUMBER(METER_EEND, -8),
		NUMBER(METER_EFORKED, -9),
		NUMBER(METER_OPEN_WITHOUT_SPOOL, 2),
		NUMBER(METER_EIO, -40),
		NUMBER(METER_ECORRUPT, -41),
		NUMBER(METER_EFOREIGN, -42),
		NUMBER(METER_ENEWER, -43),
		NUMBER(METER_EREADONLY, -44),
		NUMBER(METER_EFULL, -45),
		NUMBER(METER_ECATALOG, -60),
		NUMBER(METER_EOVERFLOW, -80),
		NUMBER(METER_OPEN_EXISTING, 1),
		NUMBER(METER_EBACKWARDS, -46),
		NUMBER(METER_OPEN_ACCEPT_LOSS, 4),
		NUMBER(METER_NO_SEQUENCE, -1),
		NUMBER(METER_PENDING, 0),
		NUMBER(METER_ACCEPTED, 1),
		NUMBER(METER_DUPLICATE, 2),
		NUMBER(METER_CONFLICT, 3),
		NUMBER(METER_REJECTED, 4),
		NUMBER(METER_LATE, 5),
		NUMBER(METER_TIME_RFC3339, 0),
		NUMBER(METER_TIME_UTC, 1),
		NUMBER(METER_TIME_S, 2),
		NUMBER(METER_TIME_MS, 3),
		NUMBER(METER_TIME_US, 4),
		NUMBER(METER_TIME_NS, 5),
		NUMBER(METER_BY_TOTAL, 0),
		NUMBER(METER_BY_MINUTE, 1),
		NUMBER(METER_BY_HOUR, 2),
		NUMBER(METER_BY_DAY, 3),
		NUMBER(METER_BY_MONTH, 4),
		NUMBER(METER_LINE_USAGE, 1),
		NUMBER(METER_LINE_FLAT, 2),
		NUMBER(METER_LINE_MINIMUM, 3),
		NUMBER(METER_LINE_MAXIMUM, 4),
		NUMBER(METER_LINE_DISCOUNT, 5),
		NUMBER(METER_LINE_SUSPENDED, 6),
		NUMBER(METER_SOVERSION, 0),
	};
	assert_pinned(pinned, COUNT(pinned));
	assert_true(METER_NUL_TERMINATED == SIZE_MAX);
}

static void test_structs_are_pinned(void **state)
{
	(void)state;
	if (sizeof(void *) != 8) {
		printf("skipped: the numbers are those of 64-bit machines\n");
		skip();
	}
	static const struct pinned pinned[] = {
		SIZE(meter_options, 40),
		FIELD(meter_options, struct_size, 0),
		FIELD(meter_options, flags, 8),
		FIELD(meter_options, commit_interval_ms, 12),
		FIELD(meter_options, full_wait_ms, 16),
		FIELD(meter_options, lock_wait_ms, 20),
		FIELD(meter_options, queue_mib, 24),
		FIELD(meter_options, wal_max_mib, 28),
		FIELD(meter_options, loss_reason, 32),
		SIZE(meter_property, 32),
		FIELD(meter_property, name, 0),
		FIELD(meter_property, value, 8),
		FIELD(meter_property, name_size, 16),
		FIELD(meter_property, value_size, 24),
		SIZE(meter_event, 120),
		FIELD(meter_event, struct_size, 0),
		FIELD(meter_event, subscription, 8),
		FIELD(meter_event, subscription_size, 16),
		FIELD(meter_event, id, 24),
		FIELD(meter_event, id_size, 32),
		FIELD(meter_event, type, 40),
		FIELD(meter_event, type_size, 48),
		FIELD(meter_event, timestamp_us, 56),
		FIELD(meter_event, value, 64),
		FIELD(meter_event, value_size, 72),
		FIELD(meter_event, properties, 80),
		FIELD(meter_event, property_count, 88),
		FIELD(meter_event, source, 96),
		FIELD(meter_event, source_size, 104),
		FIELD(meter_event, sequence, 112),
		SIZE(meter_usage_filter, 96),
		FIELD(meter_usage_filter, struct_size, 0),
		FIELD(meter_usage_filter, meter, 8),
		FIELD(meter_usage_filter, meter_size, 16),
		FIELD(meter_usage_filter, subscription, 24),
		FIELD(meter_usage_filter, subscription_size, 32),
		FIELD(meter_usage_filter, from_us, 40),
		FIELD(meter_usage_filter, to_us, 48),
		FIELD(meter_usage_filter, by, 56),
		FIELD(meter_usage_filter, group_by, 64),
		FIELD(meter_usage_filter, group_by_count, 72),
		FIELD(meter_usage_filter, where, 80),
		FIELD(meter_usage_filter, where_count, 88),
		SIZE(meter_quantity, 32),
		FIELD(meter_quantity, meter, 0),
		FIELD(meter_quantity, quantity, 8),
		FIELD(meter_quantity, dimensions, 16),
		FIELD(meter_quantity, dimension_count, 24),
		SIZE(meter_events_filter, 128),
		FIELD(meter_events_filter, struct_size, 0),
		FIELD(meter_events_filter, subscription, 8),
		FIELD(meter_events_filter, subscription_size, 16),
		FIELD(meter_events_filter, type, 24),
		FIELD(meter_events_filter, type_size, 32),
		FIELD(meter_events_filter, from_us, 40),
		FIELD(meter_events_filter, to_us, 48),
		FIELD(meter_events_filter, id, 56),
		FIELD(meter_events_filter, id_size, 64),
		FIELD(meter_events_filter, source, 72),
		FIELD(meter_events_filter, source_size, 80),
		FIELD(meter_events_filter, properties, 88),
		FIELD(meter_events_filter, property_count, 96),
		FIELD(meter_events_filter, invoice, 104),
		FIELD(meter_events_filter, outcome, 112),
		FIELD(meter_events_filter, with_invoice, 116),
		FIELD(meter_events_filter, with_retracted, 120),
		SIZE(meter_closing_options, 48),
		FIELD(meter_closing_options, struct_size, 0),
		FIELD(meter_closing_options, period, 8),
		FIELD(meter_closing_options, reason, 16),
		FIELD(meter_closing_options, at_us, 24),
		FIELD(meter_closing_options, progress, 32),
		FIELD(meter_closing_options, user, 40),
		SIZE(meter_explain_options, 40),
		FIELD(meter_explain_options, struct_size, 0),
		FIELD(meter_explain_options, number, 8),
		FIELD(meter_explain_options, subscription, 16),
		FIELD(meter_explain_options, period, 24),
		FIELD(meter_explain_options, line, 32),
		FIELD(meter_explain_options, events, 36),
		SIZE(meter_quarantine_filter, 24),
		FIELD(meter_quarantine_filter, struct_size, 0),
		FIELD(meter_quarantine_filter, outcome, 8),
		FIELD(meter_quarantine_filter, discarded, 12),
		FIELD(meter_quarantine_filter, code, 16),
		SIZE(meter_retry_rule, 16),
		FIELD(meter_retry_rule, field, 0),
		FIELD(meter_retry_rule, source, 8),
		SIZE(meter_retry_options, 56),
		FIELD(meter_retry_options, struct_size, 0),
		FIELD(meter_retry_options, numbers, 8),
		FIELD(meter_retry_options, number_count, 16),
		FIELD(meter_retry_options, outcome, 24),
		FIELD(meter_retry_options, time_format, 28),
		FIELD(meter_retry_options, code, 32),
		FIELD(meter_retry_options, rules, 40),
		FIELD(meter_retry_options, rule_count, 48),
		SIZE(meter_retry_result, 48),
		FIELD(meter_retry_result, struct_size, 0),
		FIELD(meter_retry_result, tried, 8),
		FIELD(meter_retry_result, accepted, 16),
		FIELD(meter_retry_result, duplicate, 24),
		FIELD(meter_retry_result, conflict, 32),
		FIELD(meter_retry_result, rejected, 40),
		SIZE(meter_counters, 176),
		FIELD(meter_counters, struct_size, 0),
		FIELD(meter_counters, accepted, 8),
		FIELD(meter_counters, duplicate, 16),
		FIELD(meter_counters, conflict, 24),
		FIELD(meter_counters, rejected, 32),
		FIELD(meter_counters, late, 40),
		FIELD(meter_counters, unbilled, 48),
		FIELD(meter_counters, commits, 56),
		FIELD(meter_counters, catalog_version, 64),
		FIELD(meter_counters, quarantined, 72),
		FIELD(meter_counters, first_event_us, 80),
		FIELD(meter_counters, last_event_us, 88),
		FIELD(meter_counters, database_bytes, 96),
		FIELD(meter_counters, wal_bytes, 104),
		FIELD(meter_counters, queued, 112),
		FIELD(meter_counters, refused, 120),
		FIELD(meter_counters, oldest_queued_us, 128),
		FIELD(meter_counters, writer_error, 136),
		FIELD(meter_counters, wal_alarm, 140),
		FIELD(meter_counters, recovered, 144),
		FIELD(meter_counters, damaged, 152),
		FIELD(meter_counters, spooled_bytes, 160),
		FIELD(meter_counters, retractions_waiting, 168),
	};
	assert_pinned(pinned, COUNT(pinned));
}

/* The initializers set what they are for, and nothing is left to chance. */
static void test_initializers(void **state)
{
	(void)state;
	meter_options options = METER_OPTIONS_INIT;
	assert_int_equal(options.struct_size, sizeof(options));
	assert_int_equal(options.flags, 0);
	assert_int_equal(options.commit_interval_ms | options.full_wait_ms | options.lock_wait_ms | options.queue_mib, 0);

	meter_event event = METER_EVENT_INIT;
	assert_int_equal(event.struct_size, sizeof(event));
	assert_true(!event.subscription && !event.id && !event.type && !event.value && !event.properties && !event.source);
	const size_t sizes[] = {event.subscription_size, event.id_size, event.type_size, event.value_size, event.source_size};
	for (size_t i = 0; i < COUNT(sizes); i++)
		assert_true(sizes[i] == METER_NUL_TERMINATED);
	assert_i64(0, event.timestamp_us);
	assert_int_equal(event.property_count, 0);
	assert_i64(METER_NO_SEQUENCE, event.sequence);

	meter_property property = METER_PROPERTY("name", "value");
	assert_text("name", property.name);
	assert_text("value", property.value);
	assert_true(property.name_size == METER_NUL_TERMINATED && property.value_size == METER_NUL_TERMINATED);

	meter_usage_filter usage = METER_USAGE_FILTER_INIT;
	assert_int_equal(usage.struct_size, sizeof(usage));
	assert_true(!usage.meter && !usage.subscription && !usage.group_by && !usage.where);
	assert_true(usage.meter_size == METER_NUL_TERMINATED && usage.subscription_size == METER_NUL_TERMINATED);
	assert_true(usage.from_us == INT64_MIN && usage.to_us == INT64_MAX);
	assert_int_equal(usage.by, METER_BY_TOTAL);
	assert_true(usage.group_by_count == 0 && usage.where_count == 0);

	meter_events_filter events = METER_EVENTS_FILTER_INIT;
	assert_int_equal(events.struct_size, sizeof(events));
	assert_true(!events.subscription && !events.type);
	assert_true(events.subscription_size == METER_NUL_TERMINATED && events.type_size == METER_NUL_TERMINATED);
	assert_true(events.from_us == INT64_MIN && events.to_us == INT64_MAX);
	assert_true(!events.id && !events.source && !events.properties && !events.invoice && !events.outcome &&
	            !events.with_invoice);
	assert_true(events.id_size == METER_NUL_TERMINATED && events.source_size == METER_NUL_TERMINATED);

	meter_explain_options explain = METER_EXPLAIN_OPTIONS_INIT;
	assert_int_equal(explain.struct_size, sizeof(explain));
	assert_true(!explain.number && !explain.subscription && !explain.period && !explain.line && !explain.events);
}

static void test_header_and_library_fit(void **state)
{
	(void)state;
	char version[32];
	snprintf(version, sizeof(version), "%d.%d.%d", METER_VERSION_MAJOR, METER_VERSION_MINOR, METER_VERSION_PATCH);
	assert_text(version, METER_VERSION);
	assert_text(version, meter_version());
	assert_ok(meter_abi_check(METER_SOVERSION));
	assert_code(METER_EINVAL, meter_abi_check(METER_SOVERSION + 1));
	assert_code(METER_EINVAL, meter_abi_check(METER_SOVERSION - 1));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_pinned),
		cmocka_unit_test(test_structs_are_pinned),
		cmocka_unit_test(test_initializers),
		cmocka_unit_test(test_header_and_library_fit),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("abi", tests, NULL, NULL);
}
