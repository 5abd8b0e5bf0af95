/* quickstart.c - count what happens, then print what it costs. Run it twice: the bill stays the same. */
#include <inttypes.h>
#include <meter.h>
#include <stdio.h>
#include <stdlib.h>

static const char catalog[] = "version: 1\n"
			      "meters:\n"
			      "  tokens: {event_type: llm.call, aggregation: sum, value: tokens, dimensions: [model]}\n"
			      "plans:\n"
			      "  - key: api\n"
			      "    currency: USD\n"
			      "    period: month\n"
			      "    effective_from: 2026-01-01T00:00:00Z\n"
			      "    charges:\n"
			      "      - {key: tokens, meter: tokens, model: unit, per: 1000000, price: '3.00'}\n"
			      "subscriptions:\n"
			      "  acme: {customer: Acme Inc., plan: api, from: 2026-01-01T00:00:00Z}\n";

static void must(int code)
{
	if (code == METER_OK)
		return;
	fprintf(stderr, "%s: %s\n", meter_strerror(code), meter_errmsg());
	exit(1);
}

int main(void)
{
	static const char *const ids[] = {"req-1", "req-2", "req-3", "req-3"}; /* req-3 comes twice, as a retry does */
	meter_property properties[] = {METER_PROPERTY("model", "large-1"), METER_PROPERTY("tokens", "120000")};
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	meter_event event = METER_EVENT_INIT;
	meter_invoice *invoice;
	meter_usage *usage;
	meter *m;

	must(meter_open(&m, "quickstart.db", NULL));
	must(meter_catalog_apply(m, "catalog", catalog, METER_NUL_TERMINATED, NULL, NULL, NULL));

	event.subscription = "acme";
	event.type = "llm.call";
	event.properties = properties;
	event.property_count = 2;
	must(meter_time_parse(&event.timestamp_us, "2026-01-15T10:00:00Z", METER_NUL_TERMINATED, METER_TIME_RFC3339));
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		event.id = ids[i];
		must(meter_record(m, &event)); /* accepted: from any thread, without waiting for the disk */
	}
	must(meter_flush(m, -1)); /* durable, and seen by what follows */

	filter.meter = "tokens";
	must(meter_usage_query(&usage, m, &filter));
	must(meter_usage_next(usage));
	printf("%s tokens in %" PRId64 " events\n", meter_usage_value(usage), meter_usage_events(usage));
	meter_usage_free(usage);

	must(meter_invoice_draft(&invoice, m, "acme", METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED));
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++)
		printf("%-40s %10s\n", meter_invoice_line_description(invoice, i), meter_invoice_line_amount(invoice, i));
	printf("%-40s %10s\n", "total", meter_invoice_total(invoice));
	meter_invoice_free(invoice);
	must(meter_close(m));
	return 0;
}
