/*
 * bench_rate.c - what rating costs: a quote of a plan with 20 charges in one process, and drafts of every subscription of a file,
 * each with five charges over a month of usage, on one core.
 *
 *   bench_rate FOLDER SUBSCRIPTIONS
 *
 * The drafts are checked: each total is that of the events sent.
 */
#include "workload.h"

#define CHARGES 5
#define DAYS 10 /* with usage, of the month */
#define QUOTES 20000

static char *text_of(size_t size)
{
	char *text = malloc(size);
	if (!text)
		fail("memory", "");
	return text;
}

/* ---- quotes ---- */

static void measure_quotes(void)
{
	static const char *const shapes[] = {
		"model: unit, price: 0.01, included: 100",
		"model: graduated, tiers: [{up_to: 1000, price: 0.5}, {up_to: 9000, price: 0.4, flat: 1}, {price: 0.3}]",
		"model: volume, tiers: [{up_to: 1000, price: 0.5}, {price: 0.3}], minimum: 5",
		"model: package, per: 100, price: 2, discounts: [{percent: 10}]",
	};
	char *text = text_of(20000), *to = text;
	to += sprintf(to, "version: 1\nmeters:\n");
	for (int i = 0; i < 20; i++)
		to += sprintf(to, "  m%d: {event_type: t%d, aggregation: sum}\n", i, i);
	to += sprintf(to,
	              "plans:\n  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [\n");
	for (int i = 0; i < 20; i++)
		to += sprintf(to, "    {key: c%d, meter: m%d, %s},\n", i, i, shapes[i % 4]);
	to += sprintf(to, "  ]}\n");
	meter_catalog *catalog;
	if (meter_catalog_read(&catalog, "catalog", text, strlen(text)) != METER_OK)
		fail("catalog", meter_errmsg());
	meter_quantity usage[20];
	char keys[20][8];
	for (int i = 0; i < 20; i++) {
		snprintf(keys[i], sizeof(keys[i]), "m%d", i);
		usage[i] = (meter_quantity){.meter = keys[i], .quantity = "12345.678"};
	}
	int64_t start = now_ns();
	for (int i = 0; i < QUOTES; i++) {
		meter_invoice *invoice;
		if (meter_invoice_quote(&invoice, catalog, "p", usage, 20, START_US) != METER_OK)
			fail("quote", meter_errmsg());
		meter_invoice_free(invoice);
	}
	printf("{\"bench\":\"quote of 20 charges\",\"quotes\":%d,\"us\":%.1f}\n", QUOTES,
	       (double)(now_ns() - start) / 1e3 / QUOTES);
	meter_catalog_free(catalog);
	free(text);
}

/* ---- drafts ---- */

static char *catalog_text(int subscriptions, const char *price)
{
	char *text = text_of(4000 + (size_t)subscriptions * 80), *to = text;
	to += sprintf(to, "version: 1\nmeters:\n");
	for (int i = 0; i < CHARGES; i++)
		to += sprintf(to, "  m%d: {event_type: t%d, aggregation: sum}\n", i, i);
	to += sprintf(to,
	              "plans:\n  - {key: p, currency: USD, period: month, effective_from: 2020-01-01T00:00:00Z, charges: [\n");
	for (int i = 0; i < CHARGES; i++)
		to += sprintf(to, "    {key: c%d, meter: m%d, model: unit, price: %s},\n", i, i, price);
	to += sprintf(to, "  ]}\nsubscriptions:\n");
	for (int i = 0; i < subscriptions; i++)
		to += sprintf(to, "  s%06d: {customer: c, plan: p, from: 2020-01-01T00:00:00Z}\n", i);
	return text;
}

static void apply(meter *m, int subscriptions)
{
	char *text = catalog_text(subscriptions, "1");
	if (meter_catalog_apply(m, "catalog", text, strlen(text), NULL, NULL, NULL) != METER_OK)
		fail("catalog", meter_errmsg());
	free(text);
}

static void record_usage(meter *m, int subscriptions)
{
	static const char *const types_of[CHARGES] = {"t0", "t1", "t2", "t3", "t4"};
	for (int day = 0; day < DAYS; day++) {
		for (int s = 0; s < subscriptions; s++) {
			char key[16], id[32];
			snprintf(key, sizeof(key), "s%06d", s);
			for (int c = 0; c < CHARGES; c++) {
				meter_event e = METER_EVENT_INIT;
				snprintf(id, sizeof(id), "%d-%d-%d", day, s, c);
				e.subscription = key;
				e.id = id;
				e.type = types_of[c];
				e.timestamp_us = START_US + (int64_t)day * INT64_C(86400000000) + s;
				if (meter_record(m, &e) != METER_OK)
					fail("record", meter_errmsg());
			}
		}
	}
	if (meter_flush(m, -1) != METER_OK)
		fail("flush", meter_errmsg());
}

/* Both sides of it are drafts. */
static void measure_shadow(meter *m, int subscriptions)
{
	char *text = catalog_text(subscriptions, "1.1");
	meter_catalog *catalog;
	meter_shadow *shadow;
	if (meter_catalog_read(&catalog, "other", text, strlen(text)) != METER_OK)
		fail("catalog", meter_errmsg());
	int64_t start = now_ns();
	if (meter_shadow_run(&shadow, m, catalog, "2026-01", NULL) != METER_OK)
		fail("shadow", meter_errmsg());
	double seconds = (double)(now_ns() - start) / 1e9;
	if (meter_shadow_exceeded(shadow) != (size_t)subscriptions)
		fail("shadow", "not every total differs");
	printf("{\"bench\":\"shadow of a "
	       "month\",\"subscriptions\":%d,\"subscriptions_per_second\":%.0f,\"year_of_1000_s\":%.2f}\n",
	       subscriptions, subscriptions / seconds, 12000 * seconds / subscriptions);
	meter_shadow_free(shadow);
	meter_catalog_free(catalog);
	free(text);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: bench_rate FOLDER SUBSCRIPTIONS\n");
		return 2;
	}
	int subscriptions = atoi(argv[2]);
	char path[1000];
	snprintf(path, sizeof(path), "%s/rate.db", argv[1]);
	remove_files(path);
	measure_quotes();
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.full_wait_ms = 60000;
	if (meter_open(&m, path, &options) != METER_OK)
		fail("open", meter_errmsg());
	apply(m, subscriptions);
	record_usage(m, subscriptions);
	int64_t start = now_ns();
	for (int s = 0; s < subscriptions; s++) {
		char key[16];
		meter_invoice *invoice;
		snprintf(key, sizeof(key), "s%06d", s);
		if (meter_invoice_draft(&invoice, m, key, METER_NUL_TERMINATED, "2026-01", METER_NUL_TERMINATED) != METER_OK)
			fail("draft", meter_errmsg());
		if (strcmp(meter_invoice_total(invoice), "50.00") != 0)
			fail("a total is wrong", meter_invoice_total(invoice));
		meter_invoice_free(invoice);
	}
	double seconds = (double)(now_ns() - start) / 1e9;
	printf("{\"bench\":\"drafts of 5 charges\",\"subscriptions\":%d,\"invoices_per_second\":%.0f}\n", subscriptions,
	       subscriptions / seconds);
	measure_shadow(m, subscriptions);
	meter_close(m);
	remove_files(path);
	return 0;
}
