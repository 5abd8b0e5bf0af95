/*
 * store_bill.c - bills and their lines as rows; which bill holds now for which period, and which are stale.
 *
 * Bills and lines are never changed: triggers refuse that. What holds now follows from the documents (store_document.c), and
 * changes.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "instant.h"
#include "store_internal.h"

/* ---- accounts ---- */

static int bind_account(sqlite3_stmt *statement, int column, const struct account *account)
{
	struct buffer text = {0};
	meter__buffer_char(&text, '{');
	for (size_t i = 0; i < account->count; i++) {
		char value[DECIMAL_TEXT_SIZE];
		if (meter__decimal_is_zero(account->entries[i].value))
			continue;
		meter__decimal_format(value, account->entries[i].value);
		if (text.size > 1)
			meter__buffer_char(&text, ',');
		meter__buffer_json(&text, meter__slice_of(account->entries[i].key));
		meter__buffer_format(&text, ":\"%s\"", value);
	}
	meter__buffer_char(&text, '}');
	if (!text.failed)
		sqlite3_bind_text64(statement, column, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	const bool failed = text.failed;
	meter__buffer_free(&text);
	return failed ? meter__fail(METER_ENOMEM, "no memory for an account") : METER_OK;
}

/* At least as many as there are: keys may have commas, too. */
static size_t count_entries(struct slice text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.size && count < ACCOUNT_SIZE_MAX; i++)
		count += text.data[i] == ',';
	return count;
}

static int read_account(sqlite3_stmt *row, int column, struct account *out)
{
	struct slice text = meter__store_slice(row, column);
	if (meter__slice_equal(text, (struct slice)SLICE("{}")))
		return METER_OK;
	struct buffer scratch = {0}, key = {0};
	size_t count = 0;
	const size_t room = count_entries(text);
	struct property *entries = calloc(room, sizeof(*entries));
	int code = entries ? meter__properties_read(entries, room, &count, &scratch, text.data, text.size)
	                   : meter__fail(METER_ENOMEM, "no memory for an account");
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		struct decimal value;
		code = meter__decimal_parse(&value, entries[i].value.data, entries[i].value.size);
		meter__buffer_reset(&key);
		meter__buffer_slice(&key, entries[i].name);
		if (code == METER_OK)
			code = key.failed ? METER_ENOMEM : meter__account_set(out, meter__buffer_cstr(&key), value);
	}
	if (code == METER_EINVAL)
		code = meter__fail_in(METER_ECORRUPT, "an account of the file: ");
	free(entries);
	meter__buffer_free(&scratch);
	meter__buffer_free(&key);
	return code;
}

/* ---- bills ---- */

static int add_line(struct store *s, int64_t bill_number, size_t index, const struct invoice_line *line)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_LINE_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, bill_number);
	sqlite3_bind_int64(statement, 2, (int64_t)index);
	sqlite3_bind_int64(statement, 3, line->kind);
	meter__store_bind_text(statement, 4, line->charge);
	meter__store_bind_text(statement, 5, line->account);
	meter__store_bind_text(statement, 6, line->description);
	sqlite3_bind_int64(statement, 7, line->active.from_us);
	sqlite3_bind_int64(statement, 8, line->active.to_us);
	meter__store_bind_decimal(statement, 9, line->quantity);
	meter__store_bind_decimal(statement, 10, line->price);
	meter__store_bind_decimal(statement, 11, line->per);
	meter__store_bind_decimal(statement, 12, line->amount);
	meter__store_bind_text(statement, 13, line->exact);
	return meter__store_run(&s->write, statement, "storing lines");
}

int meter__store_bill_add(struct store *s, struct bill *in, struct slice subscription)
{
	sqlite3_stmt *statement;
	int64_t subscription_number;
	int code = meter__store_name_number(s, subscription, &subscription_number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_BILL_ADD, &statement);
	if (code != METER_OK)
		return code;
	const int64_t numbers[] = {subscription_number,
	                           in->period.whole.from_us,
	                           in->period.whole.to_us,
	                           in->period.active.from_us,
	                           in->period.active.to_us,
	                           in->catalog_version,
	                           in->ingest};
	for (int i = 0; i < 7; i++)
		sqlite3_bind_int64(statement, i + 1, numbers[i]);
	meter__store_bind_text(statement, 8, in->plan_key);
	meter__store_bind_text(statement, 9, in->plan_hash);
	meter__store_bind_text(statement, 10, in->currency);
	sqlite3_bind_int64(statement, 11, in->exponent);
	code = bind_account(statement, 12, &in->before);
	if (code == METER_OK)
		code = bind_account(statement, 13, &in->after);
	meter__store_bind_decimal(statement, 14, in->subtotal);
	meter__store_bind_decimal(statement, 15, in->tax);
	meter__store_bind_decimal(statement, 16, in->total);
	meter__store_bind_decimal(statement, 17, in->due);
	if (code == METER_OK)
		code = meter__store_step_integer(&s->write, statement, &in->number);
	for (size_t i = 0; i < in->line_count && code == METER_OK; i++)
		code = add_line(s, in->number, i, &in->lines[i]);
	return code;
}

struct line_reading {
	struct bill *out;
	size_t capacity;
};

static int read_line(sqlite3_stmt *row, void *user)
{
	struct line_reading *reading = user;
	struct bill *s = reading->out;
	if (s->line_count == reading->capacity) {
		const size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
		struct invoice_line *lines = meter__arena_array(&s->arena, capacity, sizeof(*lines));
		if (!lines)
			return meter__fail(METER_ENOMEM, "no memory for an invoice");
		if (s->line_count > 0)
			memcpy(lines, s->lines, s->line_count * sizeof(*lines));
		s->lines = lines;
		reading->capacity = capacity;
	}
	struct invoice_line *line = &s->lines[s->line_count];
	*line = (struct invoice_line){.has_amount = true};
	int64_t kind;
	int code = meter__store_int(row, 2, &kind);
	if (code == METER_OK && (kind < METER_LINE_USAGE || kind > METER_LINE_CARRIED))
		code = meter__fail(METER_ECORRUPT, "a line of bill %lld is of no kind", (long long)s->number);
	line->kind = (int32_t)kind;
	const struct {
		int column;
		const char **out;
	} names[] = {{4, &line->account}, {5, &line->description}, {12, &line->exact}};
	const struct {
		int column;
		struct decimal *out;
	} decimals[] = {{8, &line->quantity}, {9, &line->price}, {10, &line->per}, {11, &line->amount}};
	if (code == METER_OK)
		code = meter__store_column_text(row, 3, &s->arena, &line->charge);
	for (size_t i = 0; i < 3 && code == METER_OK; i++)
		code = meter__store_column_name(row, names[i].column, &s->arena, names[i].out);
	for (size_t i = 0; i < 4 && code == METER_OK; i++)
		code = meter__store_column_amount(row, decimals[i].column, decimals[i].out);
	line->step = line->description;
	if (code == METER_OK)
		code = meter__store_int(row, 6, &line->active.from_us);
	if (code == METER_OK)
		code = meter__store_int(row, 7, &line->active.to_us);
	s->line_count += code == METER_OK;
	return code;
}

static bool is_period(struct period p)
{
	return p.from_us >= -INSTANT_MAX && p.from_us < p.to_us && p.to_us <= 2 * INSTANT_MAX;
}

static int read_bill(sqlite3_stmt *row, void *user)
{
	struct bill *s = user;
	int64_t exponent;
	const struct {
		int column;
		int64_t *out;
	} numbers[] = {{0, &s->number},
	               {2, &s->period.whole.from_us},
	               {3, &s->period.whole.to_us},
	               {4, &s->period.active.from_us},
	               {5, &s->period.active.to_us},
	               {6, &s->catalog_version},
	               {7, &s->ingest},
	               {11, &exponent}};
	const char **const texts[] = {&s->plan_key, &s->plan_hash, &s->currency};
	struct decimal *const decimals[] = {&s->subtotal, &s->tax, &s->total, &s->due};
	int code = METER_OK;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && code == METER_OK; i++)
		code = meter__store_int(row, numbers[i].column, numbers[i].out);
	for (int i = 0; i < 3 && code == METER_OK; i++)
		code = meter__store_column_name(row, 8 + i, &s->arena, texts[i]);
	if (code == METER_OK)
		code = read_account(row, 12, &s->before);
	if (code == METER_OK)
		code = read_account(row, 13, &s->after);
	for (int i = 0; i < 4 && code == METER_OK; i++)
		code = meter__store_column_amount(row, 14 + i, decimals[i]);
	if (code == METER_OK &&
	    (exponent < 0 || exponent > DECIMAL_SCALE_MAX || !is_period(s->period.whole) || !is_period(s->period.active)))
		code = meter__fail(METER_ECORRUPT, "bill %lld has no such currency or period", (long long)s->number);
	if (code == METER_OK)
		s->exponent = (int32_t)exponent;
	return code;
}

int meter__store_bill_read(struct reader *r, int64_t number, struct bill *out)
{
	struct line_reading reading = {out, 0};
	*out = (struct bill){0};
	int code = meter__store_visit_of(&r->connection, SQL_BILL_READ, number, read_bill, out);
	if (code == METER_OK && out->number == 0)
		code = meter__fail(METER_ECORRUPT, "bill %lld is missing", (long long)number);
	if (code == METER_OK)
		code = meter__store_visit_of(&r->connection, SQL_LINES, number, read_line, &reading);
	if (code != METER_OK)
		meter__bill_free(out);
	return code;
}

int meter__store_bill_ingest(struct reader *r, int64_t bill, int64_t *out)
{
	return meter__store_integer_of(&r->connection, SQL_BILL_INGEST, bill, out);
}

/* ---- what is billed ---- */

int meter__store_billed_set(struct store *s, struct slice subscription, const struct billed *billed)
{
	sqlite3_stmt *statement;
	int64_t number;
	int code = meter__store_name_number(s, subscription, &number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, SQL_BILLED_SET, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, billed->active.from_us);
	sqlite3_bind_int64(statement, 3, billed->active.to_us);
	sqlite3_bind_int64(statement, 4, billed->bill);
	sqlite3_bind_int64(statement, 5, billed->document);
	if (s->totals.closed_before < billed->active.to_us)
		s->totals.closed_before = billed->active.to_us;
	return meter__store_run(&s->write, statement, "storing what is billed");
}

/* Run a statement for a subscription and another number. */
static int run_for(struct store *s, enum statement which, struct slice subscription, int64_t parameter)
{
	sqlite3_stmt *statement;
	int64_t number;
	int code = meter__store_name_number(s, subscription, &number);
	if (code == METER_OK)
		code = meter__store_statement(&s->write, which, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, number);
	sqlite3_bind_int64(statement, 2, parameter);
	return meter__store_run(&s->write, statement, "storing what is billed");
}

int meter__store_billed_delete(struct store *s, struct slice subscription, int64_t active_from_us)
{
	return run_for(s, SQL_BILLED_DELETE, subscription, active_from_us);
}

int meter__store_stale_settle(struct store *s, struct slice subscription, int64_t bill)
{
	return run_for(s, SQL_STALE_SETTLE, subscription, bill);
}

int meter__store_stale_delete(struct store *s, struct slice subscription, int64_t statement)
{
	return run_for(s, SQL_STALE_DELETE, subscription, statement);
}

int meter__store_stale_add(struct store *s, int64_t subscription, int64_t bill_number, int64_t events)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&s->write, SQL_STALE_ADD, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, bill_number);
	sqlite3_bind_int64(statement, 3, events);
	return meter__store_run(&s->write, statement, "noting late usage");
}

static int read_billed(sqlite3_stmt *row, struct billed *out)
{
	int64_t *const numbers[] = {&out->active.from_us, &out->active.to_us,  &out->bill,        &out->document,
	                            &out->stale_events,   &out->whole.from_us, &out->whole.to_us, &out->catalog};
	int code = METER_OK;
	for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])) && code == METER_OK; i++)
		code = meter__store_int(row, i, numbers[i]);
	return code;
}

struct billed_visit {
	billed_visitor visit;
	void *user;
};

static int visit_billed(sqlite3_stmt *row, void *user)
{
	const struct billed_visit *v = user;
	struct billed billed;
	int code = read_billed(row, &billed);
	return code == METER_OK ? v->visit(&billed, v->user) : code;
}

int meter__store_billed(struct reader *r, int64_t subscription, int64_t from_us, billed_visitor visit, void *user)
{
	struct billed_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_BILLED, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, from_us);
	return meter__store_visit_rows(&r->connection, statement, visit_billed, &v);
}

static int read_extent(sqlite3_stmt *row, void *user)
{
	struct billed_extent *out = user;
	int64_t sum;
	int64_t *const numbers[] = {&out->whole.from_us, &out->whole.to_us, &sum, &out->wanted_us};
	int code = METER_OK;
	for (int i = 0; i < 4 && code == METER_OK; i++)
		code = meter__store_int(row, i, numbers[i]);
	out->has_hole = code == METER_OK && sum != out->whole.to_us - out->whole.from_us;
	return code;
}

int meter__store_billed_extent(struct reader *r, int64_t subscription, struct billed_extent *out)
{
	*out = (struct billed_extent){0};
	return meter__store_visit_of(&r->connection, SQL_BILLED_EXTENT, subscription, read_extent, out);
}

static int find_billed(struct connection *c, int64_t subscription, int64_t us, struct billed *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(c, SQL_BILLED_AT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, us);
	int rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		code = read_billed(statement, out);
	else
		code = rc == SQLITE_DONE ? METER_EEND : meter__store_fail(c->db, rc, "reading what is billed");
	sqlite3_reset(statement);
	return code == METER_OK && us >= out->active.to_us ? METER_EEND : code;
}

int meter__store_billed_at(struct reader *r, int64_t subscription, int64_t us, struct billed *out)
{
	return find_billed(&r->connection, subscription, us, out);
}

int meter__store_late(struct store *s, int64_t subscription, int64_t us, struct billed *out)
{
	int code = find_billed(&s->write, subscription, us, out);
	if (code == METER_EEND)
		out->bill = 0;
	return code == METER_EEND ? METER_OK : code;
}

int meter__store_period_document(struct reader *r, int64_t subscription, int64_t active_from_us, int64_t before, int64_t *out)
{
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_PERIOD_DOCUMENT, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, active_from_us);
	sqlite3_bind_int64(statement, 3, before);
	return meter__store_step_integer(&r->connection, statement, out);
}

struct period_visit {
	period_bill_visitor visit;
	void *user;
};

static int visit_period_bill(sqlite3_stmt *row, void *user)
{
	const struct period_visit *v = user;
	struct period_bill bill = {.name = meter__store_slice(row, 3)};
	int code = meter__store_int(row, 0, &bill.ingest);
	if (code == METER_OK)
		code = meter__store_int(row, 1, &bill.catalog);
	if (code == METER_OK)
		code = meter__store_column_number(row, 2, &bill.replaces);
	if (code == METER_OK)
		code = meter__store_int(row, 4, &bill.document);
	if (code == METER_OK && !bill.name.data)
		code = meter__fail(METER_ECORRUPT, "a document with bills has no number");
	return code == METER_OK ? v->visit(&bill, v->user) : code;
}

int meter__store_period_bills(struct reader *r, int64_t subscription, int64_t active_from_us, period_bill_visitor visit,
                              void *user)
{
	struct period_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_PERIOD_BILLS, &statement);
	if (code != METER_OK)
		return code;
	sqlite3_bind_int64(statement, 1, subscription);
	sqlite3_bind_int64(statement, 2, active_from_us);
	return meter__store_visit_rows(&r->connection, statement, visit_period_bill, &v);
}

int meter__store_is_stale(struct reader *r, struct slice subscription, bool *out)
{
	int64_t number, count = 0;
	int code = meter__store_name(r, &number, subscription);
	if (code == METER_OK && number)
		code = meter__store_integer_of(&r->connection, SQL_STALE_ANY, number, &count);
	*out = count > 0;
	return code;
}

struct subscription_visit {
	subscription_visitor visit;
	void *user;
};

static int visit_subscription(sqlite3_stmt *row, void *user)
{
	const struct subscription_visit *v = user;
	return v->visit(meter__store_slice(row, 0), v->user);
}

int meter__store_stale_subscriptions(struct reader *r, subscription_visitor visit, void *user)
{
	struct subscription_visit v = {visit, user};
	sqlite3_stmt *statement;
	int code = meter__store_statement(&r->connection, SQL_STALE_ALL, &statement);
	return code == METER_OK ? meter__store_visit_rows(&r->connection, statement, visit_subscription, &v) : code;
}
