/* billing.c - see billing.h. */
#include "billing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "books.h"
#include "closing.h"

/* ---- usage ---- */

static int32_t record_event(meter *m, const meter_event *event)
{
	int32_t outcome;
	assert_ok(meter_record_many(m, event, 1, &outcome));
	return outcome;
}

int32_t use_as(meter *m, const char *subscription, const char *id, const char *when, const char *value)
{
	meter_event event = event_of(subscription, id, "call");
	event.timestamp_us = us(when);
	event.value = value;
	return record_event(m, &event);
}

static const char *new_id(void)
{
	static unsigned next;
	static char id[16];
	snprintf(id, sizeof(id), "use-%u", ++next);
	return id;
}

int32_t use(meter *m, const char *subscription, const char *when, const char *value)
{
	return use_as(m, subscription, new_id(), when, value);
}

int32_t use_with(meter *m, const char *subscription, const char *when, const char *value, const char *name, const char *text)
{
	const meter_property property = METER_PROPERTY(name, text);
	meter_event event = event_of(subscription, new_id(), "call");
	event.timestamp_us = us(when);
	event.value = value;
	event.properties = &property;
	event.property_count = 1;
	return record_event(m, &event);
}

int32_t retract(meter *m, const char *subscription, const char *id, const char *when)
{
	const meter_property properties[] = {METER_PROPERTY("meter.id", id), METER_PROPERTY("meter.timestamp", when)};
	meter_event event = event_of(subscription, new_id(), "meter.retract");
	event.timestamp_us = us(when);
	event.properties = properties;
	event.property_count = 2;
	return record_event(m, &event);
}

/* ---- text ---- */

#define TEXT_SIZE 8192

static char *new_text(void)
{
	static char texts[8][TEXT_SIZE];
	static unsigned next;
	char *text = texts[next++ % 8];
	text[0] = '\0';
	return text;
}

static void add(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *format, ...)
{
	const size_t size = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	assert_true(vsnprintf(text + size, TEXT_SIZE - size, format, arguments) < (int)(TEXT_SIZE - size));
	va_end(arguments);
}

/* Without what every midnight has. */
static void add_time(char *text, int64_t time_us)
{
	char time[32];
	assert_ok(meter_time_format(time, sizeof(time), time_us));
	char *midnight = strstr(time, "T00:00:00Z");
	if (midnight)
		*midnight = '\0';
	add(text, "%s", time);
}

static void add_invoice(char *text, const meter_invoice *invoice)
{
	const char *status = meter_invoice_status(invoice);
	if (meter_invoice_number(invoice))
		add(text, "%s ", meter_invoice_number(invoice));
	add(text, "%s ", meter_invoice_kind(invoice));
	add_time(text, meter_invoice_billed_from_us(invoice));
	add(text, "..");
	add_time(text, meter_invoice_billed_to_us(invoice));
	add(text, " %s", meter_invoice_total(invoice));
	if (strcmp(meter_invoice_due(invoice), meter_invoice_total(invoice)) != 0)
		add(text, ", due %s", meter_invoice_due(invoice));
	if (strcmp(status, "finalized") != 0)
		add(text, ", %s", status);
}

const char *show(const meter_invoice *invoice)
{
	char *text = new_text();
	add_invoice(text, invoice);
	return text;
}

const char *show_free(meter_invoice *invoice)
{
	const char *text = show(invoice);
	meter_invoice_free(invoice);
	return text;
}

static void add_line(char *text, const meter_invoice *invoice, size_t i)
{
	const char *charge = meter_invoice_line_charge(invoice, i);
	add(text, "%s%s", i ? "; " : "", meter_invoice_line_kind_name(invoice, i));
	if (charge)
		add(text, " %s", charge);
	if (meter_invoice_line_kind(invoice, i) == METER_LINE_ADJUSTMENT)
		add(text, " %s -> %s: %s", meter_invoice_line_quantity_before(invoice, i),
		    meter_invoice_line_quantity_after(invoice, i), meter_invoice_line_amount(invoice, i));
	else if (meter_invoice_line_amount(invoice, i))
		add(text, " %s x %s = %s", meter_invoice_line_quantity(invoice, i), meter_invoice_line_price(invoice, i),
		    meter_invoice_line_amount(invoice, i));
	else
		add(text, " %s", meter_invoice_line_quantity(invoice, i));
}

const char *lines_of(const meter_invoice *invoice)
{
	char *text = new_text();
	for (size_t i = 0; i < meter_invoice_line_count(invoice); i++)
		add_line(text, invoice, i);
	return text;
}

static meter_invoice *draft(meter *m, const char *subscription, const char *period)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_draft(&invoice, m, subscription, METER_NUL_TERMINATED, period, METER_NUL_TERMINATED));
	return invoice;
}

const char *draft_of(meter *m, const char *subscription, const char *period)
{
	return show_free(draft(m, subscription, period));
}

static const char *lines_free(meter_invoice *invoice)
{
	const char *text = lines_of(invoice);
	meter_invoice_free(invoice);
	return text;
}

const char *draft_lines_of(meter *m, const char *subscription, const char *period)
{
	return lines_free(draft(m, subscription, period));
}

static meter_invoice *find(meter *m, const char *number)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_find(&invoice, m, number));
	return invoice;
}

const char *found(meter *m, const char *number)
{
	return show_free(find(m, number));
}

const char *found_lines(meter *m, const char *number)
{
	return lines_free(find(m, number));
}

const char *documents_of(meter *m, const char *subscription)
{
	char *text = new_text();
	meter_invoices *list;
	int code;
	assert_ok(meter_invoices_query(&list, m, subscription, METER_NUL_TERMINATED));
	while ((code = meter_invoices_next(list)) == METER_OK) {
		add(text, "%s", text[0] ? "; " : "");
		add_invoice(text, meter_invoices_invoice(list));
	}
	assert_code(METER_EEND, code);
	meter_invoices_free(list);
	return text;
}

/* ---- finalizing ---- */

meter_invoice *finalize_early(meter *m, const char *subscription, const char *period, const char *at, const char *reason)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_finalize(&invoice, m, subscription, METER_NUL_TERMINATED, period, METER_NUL_TERMINATED, reason,
	                                 us(at)));
	return invoice;
}

meter_invoice *finalize(meter *m, const char *subscription, const char *period, const char *at)
{
	return finalize_early(m, subscription, period, at, NULL);
}

void refuse_finalize(meter *m, const char *subscription, const char *period, const char *at, int code, const char *part)
{
	meter_invoice *invoice;
	assert_code(code, meter_invoice_finalize(&invoice, m, subscription, METER_NUL_TERMINATED, period, METER_NUL_TERMINATED,
	                                         NULL, us(at)));
	assert_part(part, meter_errmsg());
	assert_null(invoice);
}

const char *rows_of(meter_closing *closing)
{
	char *text = new_text();
	for (size_t i = 0; i < meter_closing_count(closing); i++) {
		add(text, "%s%s ", i ? "; " : "", meter_closing_subscription(closing, i));
		if (meter_closing_number(closing, i))
			add(text, "%s %s", meter_closing_number(closing, i), meter_closing_total(closing, i));
		else
			add(text, "refused: %s", meter_closing_message(closing, i));
	}
	meter_closing_free(closing);
	return text;
}

const char *close_due(meter *m, const char *at)
{
	meter_closing *closing;
	assert_ok(close_at(&closing, m, us(at)));
	return rows_of(closing);
}

const char *adjust(meter *m, const char *subscription, const char *at)
{
	meter_invoice *invoice;
	int code = meter_invoice_adjust(&invoice, m, subscription, METER_NUL_TERMINATED, us(at));
	if (code == METER_EEND)
		return "nothing";
	assert_ok(code);
	return show_free(invoice);
}

const char *void_document(meter *m, const char *number, const char *at)
{
	meter_invoice *invoice;
	assert_ok(meter_invoice_void(&invoice, m, number, "a test voids it", us(at)));
	return show_free(invoice);
}

const char *regenerate(meter *m, const char *number, const char *at)
{
	meter_invoice *invoice;
	int code = meter_invoice_regenerate(&invoice, m, number, "a test makes it anew", us(at));
	if (code == METER_EEND)
		return "nothing";
	assert_ok(code);
	return show_free(invoice);
}

/* ---- books ---- */

static void check_verified(meter *m, uint32_t flags)
{
	meter_verification *v;
	meter_verify_options options = METER_VERIFY_OPTIONS_INIT;
	options.flags = flags;
	assert_ok(meter_verify_run(&v, m, &options));
	if (meter_verify_total(v) > 0)
		print_error("%s: %s (%s)\n", meter_verify_code(v, 0), meter_verify_text(v, 0), meter_verify_place(v, 0));
	assert_i64(0, meter_verify_total(v));
	meter_verify_free(v);
}

/* What was replaced is not rated again in files from which something was taken back. */
static bool has_retractions(void)
{
	return sql_int(meter_path(), "SELECT retracted FROM total") > 0;
}

void check_books(meter *m)
{
	assert_ok(meter_flush(m, -1));
	check_verified(m, has_retractions() ? 0 : METER_VERIFY_FULL);
	close_meter(m);
	assert_text(NULL, books_wrong(meter_path()));
}
