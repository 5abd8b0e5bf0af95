/*
 * batch.c - events recorded together whose outcomes the caller reads, and the synchronous calls made of that.
 *
 * Invariant: whatever is added gets exactly one index and, in the end, exactly one outcome; what cannot become an event is
 * refused into quarantine with its reason.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_json.h"
#include "instant.h"
#include "internal.h"
#include "os.h"

int meter_batch_new(meter_batch **out, meter *m)
{
	REQUIRE(out);
	*out = NULL;
	REQUIRE(m);
	REQUIRE_OWN(m);
	meter_batch *b = calloc(1, sizeof(*b));
	if (!b)
		return meter__fail(METER_ENOMEM, "no memory for a batch");
	b->meter = m;
	*out = b;
	return METER_OK;
}

static void forget_reasons(meter_batch *b)
{
	for (size_t i = 0; i < b->reason_count; i++)
		free(b->reasons[i].reason);
	b->reason_count = 0;
}

void meter_batch_free(meter_batch *b)
{
	if (!b)
		return;
	/* In a child process the writer that knows the batch does not exist; its memory is left alone like that of the handle. */
	if (meter__fork_check(&b->meter->fork) != METER_OK)
		return;
	if (meter_batch_wait(b) != METER_OK)
		meter__intake_detach(&b->meter->intake, b);
	forget_reasons(b);
	free(b->filling); /* empty: the wait has handed over what was in it */
	free(b->reasons);
	free(b->outcomes);
	meter__buffer_free(&b->scratch);
	meter__buffer_free(&b->source);
	free(b);
}

static void write_text(struct buffer *out, const char *name, const char *data, size_t size)
{
	if (!data)
		return;
	meter__buffer_format(out, ",\"%s\":", name);
	meter__buffer_json(out, meter__optional_argument(data, size));
}

/* An event that was refused, as it was given: in the library's own form as far as it can be, whatever is wrong with it. */
static void write_refused(struct buffer *out, const meter_event *in)
{
	meter_event e = METER_EVENT_INIT;
	if (in->struct_size <= sizeof(e))
		memcpy(&e, in, in->struct_size);
	char time[INSTANT_TEXT_SIZE];
	meter__instant_format(time, e.timestamp_us);
	meter__buffer_format(out, "{\"timestamp\":\"%s\"", time);
	write_text(out, "id", e.id, e.id_size);
	write_text(out, "subscription", e.subscription, e.subscription_size);
	write_text(out, "type", e.type, e.type_size);
	write_text(out, "value", e.value, e.value_size);
	meter__buffer_text(out, ",\"properties\":{");
	for (size_t i = 0; e.properties && i < e.property_count && out->size < REFUSED_TEXT_MAX; i++) {
		const meter_property *property = &e.properties[i];
		meter__buffer_text(out, i > 0 ? "," : "");
		meter__buffer_json(out, meter__optional_argument(property->name, property->name_size));
		meter__buffer_char(out, ':');
		meter__buffer_json(out, meter__optional_argument(property->value, property->value_size));
	}
	meter__buffer_char(out, '}');
	write_text(out, "source", e.source, e.source_size);
	if (e.sequence != METER_NO_SEQUENCE)
		meter__buffer_format(out, ",\"sequence\":%lld", (long long)e.sequence);
	meter__buffer_char(out, '}');
}

static int add_event(meter_batch *b, const struct event *from)
{
	struct event named = *from;
	const struct event *e = from;
	if (b->source.size > 0) {
		named.source = (struct slice){b->source.data, b->source.size};
		e = &named;
	}
	size_t size = meter__event_encoded_size(e);
	char *payload;
	int code = meter__intake_reserve(&b->meter->intake, b, size, &payload);
	if (code != METER_OK)
		return code;
	meter__event_encode(e, payload);
	meter__intake_add(b, size, false, 0);
	return METER_OK;
}

static int add_refused(meter_batch *b, struct slice text, const char *reason)
{
	size_t reason_size = strnlen(reason, 1000);
	if (text.size > REFUSED_TEXT_MAX)
		text.size = REFUSED_TEXT_MAX;
	size_t size = reason_size + 1 + text.size;
	char *payload;
	int code = meter__intake_reserve(&b->meter->intake, b, size, &payload);
	if (code != METER_OK)
		return code;
	memcpy(payload, reason, reason_size);
	payload[reason_size] = '\0';
	if (text.size)
		memcpy(payload + reason_size + 1, text.data, text.size);
	meter__intake_add(b, size, true, text.size);
	return METER_OK;
}

/* Into quarantine, for the reason that this thread's message says. */
static int refuse(meter_batch *b, struct slice text)
{
	char reason[1024];
	snprintf(reason, sizeof(reason), "%s", meter_errmsg());
	return add_refused(b, text, reason);
}

int meter_batch_add(meter_batch *b, const meter_event *event)
{
	REQUIRE(b && event);
	REQUIRE_OWN(b->meter);
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	int code = meter__event_from_public(&e, properties, event, meter__os.now_us());
	if (code == METER_OK)
		return add_event(b, &e);
	meter__buffer_reset(&b->scratch);
	write_refused(&b->scratch, event);
	if (b->scratch.failed)
		return meter__fail(METER_ENOMEM, "no memory for a refused event");
	return refuse(b, (struct slice){b->scratch.data, b->scratch.size});
}

int meter_batch_add_refused(meter_batch *b, const char *text, size_t size, const char *reason)
{
	REQUIRE(b && text && reason);
	REQUIRE_OWN(b->meter);
	return add_refused(b, meter__optional_argument(text, size), reason);
}

int meter_batch_set_backfill(meter_batch *b, const char *name)
{
	REQUIRE(b && name);
	int code = meter__backfill_check(name);
	if (code != METER_OK)
		return code;
	meter__buffer_reset(&b->source);
	meter__buffer_format(&b->source, BACKFILL_PREFIX "%s", name);
	return b->source.failed ? meter__fail(METER_ENOMEM, "no memory for a name") : METER_OK;
}

int meter_batch_add_json(meter_batch *b, const char *text, size_t size, int32_t time_format)
{
	REQUIRE(b && text);
	REQUIRE(time_format >= METER_TIME_RFC3339 && time_format <= METER_TIME_NS);
	REQUIRE_OWN(b->meter);
	struct slice line = meter__optional_argument(text, size);
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	int code = meter__event_json_read(&e, properties, &b->scratch, line.data, line.size, time_format, meter__os.now_us());
	if (code == METER_OK)
		return add_event(b, &e);
	return code == METER_EINVAL ? refuse(b, line) : code;
}

int meter_batch_wait(meter_batch *b)
{
	REQUIRE(b);
	REQUIRE_OWN(b->meter);
	meter__intake_hand_over(&b->meter->intake, b);
	return meter__intake_wait(&b->meter->intake, b->target, 0, -1);
}

size_t meter_batch_count(const meter_batch *b)
{
	return b ? b->count : 0;
}

int32_t meter_batch_outcome(const meter_batch *b, size_t index)
{
	if (!b || index >= b->count)
		return METER_PENDING;
	pthread_mutex_lock(&b->meter->intake.mutex);
	int32_t outcome = b->outcomes[index];
	pthread_mutex_unlock(&b->meter->intake.mutex);
	return outcome;
}

const char *meter_batch_reason(const meter_batch *b, size_t index)
{
	const char *reason = "";
	if (!b)
		return reason;
	pthread_mutex_lock(&b->meter->intake.mutex);
	size_t low = 0, high = b->reason_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->reasons[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < b->reason_count && b->reasons[low].index == index)
		reason = b->reasons[low].reason;
	pthread_mutex_unlock(&b->meter->intake.mutex);
	return reason;
}

int meter_batch_clear(meter_batch *b)
{
	REQUIRE(b);
	REQUIRE_OWN(b->meter);
	pthread_mutex_lock(&b->meter->intake.mutex);
	size_t pending = b->count - b->decided;
	if (pending == 0) {
		forget_reasons(b);
		if (b->count > 0)
			memset(b->outcomes, METER_PENDING, b->count);
		b->count = b->decided = 0;
	}
	pthread_mutex_unlock(&b->meter->intake.mutex);
	return pending == 0 ? METER_OK
	                    : meter__fail(METER_EINVAL, "%zu outcomes are pending; meter_batch_wait() comes first", pending);
}

/* ---- synchronous calls ---- */

/* Wait for the batch, copy its outcomes, free it. */
static int finish(meter_batch *b, int code, int32_t *outcomes_out)
{
	int waited = meter_batch_wait(b);
	for (size_t i = 0; outcomes_out && i < b->count; i++)
		outcomes_out[i] = meter_batch_outcome(b, i);
	if (code == METER_OK)
		code = waited;
	char message[256];
	snprintf(message, sizeof(message), "%s", meter_errmsg());
	meter_batch_free(b); /* may wait, and fail, once more: its message is not the one to keep */
	return code == METER_OK ? METER_OK : meter__fail(code, "%s", message);
}

int meter_record_many(meter *m, const meter_event *events, size_t count, int32_t *outcomes_out)
{
	REQUIRE(m);
	REQUIRE(events || count == 0);
	REQUIRE_OWN(m);
	/* An older caller's array has a smaller step. */
	size_t step = count > 0 ? events->struct_size : sizeof(*events);
	if (step < offsetof(meter_event, value) || step > sizeof(*events))
		return meter__fail(METER_EINVAL, "events: struct_size is %zu; start from METER_EVENT_INIT", step);
	for (size_t i = 0; outcomes_out && i < count; i++)
		outcomes_out[i] = METER_PENDING;
	meter_batch *b;
	int code = meter_batch_new(&b, m);
	if (code != METER_OK)
		return code;
	const char *at = (const char *)events;
	for (size_t i = 0; code == METER_OK && i < count; i++, at += step)
		code = meter_batch_add(b, (const meter_event *)(const void *)at);
	return finish(b, code, outcomes_out);
}

/* The next line that is not blank; false at the end. */
static bool next_line(struct slice *text, struct slice *line_out)
{
	while (text->size > 0) {
		const char *end = memchr(text->data, '\n', text->size);
		size_t size = end ? (size_t)(end - text->data) : text->size;
		size_t step = end ? size + 1 : size;
		*line_out = (struct slice){text->data, size};
		text->data += step;
		text->size -= step;
		while (line_out->size > 0 && memchr(" \t\r", line_out->data[line_out->size - 1], 3))
			line_out->size--;
		if (line_out->size > 0)
			return true;
	}
	return false;
}

int meter_record_json(meter *m, const char *text, size_t size, int32_t *outcomes_out, size_t capacity, size_t *count_out)
{
	REQUIRE(m && text);
	REQUIRE_OWN(m);
	struct slice whole = meter__optional_argument(text, size);
	struct slice rest = whole, line;
	size_t count = 0;
	while (next_line(&rest, &line))
		count++;
	if (count_out)
		*count_out = count;
	if (outcomes_out && count > capacity)
		return meter__fail(METER_EINVAL, "%zu lines, but room for %zu outcomes", count, capacity);
	for (size_t i = 0; outcomes_out && i < count; i++)
		outcomes_out[i] = METER_PENDING;
	meter_batch *b;
	int code = meter_batch_new(&b, m);
	if (code != METER_OK)
		return code;
	rest = whole;
	while (code == METER_OK && next_line(&rest, &line))
		code = meter_batch_add_json(b, line.data, line.size, METER_TIME_RFC3339);
	return finish(b, code, outcomes_out);
}
