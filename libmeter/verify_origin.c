/*
 * verify_origin.c - see verify.h: what producers say about their events. Gaps in the numbering of a source mean that events were
 * lost before they came here; an id that came again at another time is probably a retry that was counted twice.
 *
 * Memory is bounded. Of each source the ranges of numbers seen are kept; they melt together as long as events come nearly in the
 * order of their numbers. When there are too many ranges, the lowest gap of the source counts as final. Of ids the last 2^20
 * events are remembered: a ring of hashes, chained from newest to oldest. A hash that was seen is looked up in the file, byte by
 * byte, so nothing is reported because of a hash.
 */
#define XXH_INLINE_ALL
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "error.h"
#include "instant.h"
#include "json.h"
#include "os.h"
#include "verify.h"

#define SOURCES_MAX 65536 /* sources beyond are not looked at */
#define RANGES_MAX 262144 /* of all sources together: 4 MiB */
#define GAPS_SHOWN 3

struct range {
	int64_t first, last;
};

struct source {
	struct range *ranges; /* rising, not touching */
	size_t count, capacity;
	struct range final[GAPS_SHOWN]; /* the first gaps that were given up on */
	size_t final_count;
	int64_t final_missing;
};

/* The last IDS events. */
#define IDS (UINT32_C(1) << 20)
#define ID_HEADS (UINT32_C(1) << 21)

struct seen_id {
	uint64_t hash;
	int64_t timestamp_us;
	uint32_t before; /* the number of the one before it in its chain */
	uint32_t number;
};

struct origin {
	struct intern names;
	struct source *sources;
	size_t source_capacity;
	size_t range_count;
	size_t last; /* the source of the event before */
	uint32_t *heads;
	struct seen_id *ring;
	uint64_t count;
	struct seen_id
		*start; /* of a worker that is not the first: the ids of its first events, to be compared with those before */
	size_t start_count;
};

/* Of ids, the same for both workers. */
#define ID_SEED UINT64_C(0x6d65746572)

struct origin *meter__origin_new(bool is_first)
{
	struct origin *o = calloc(1, sizeof(*o));
	if (o) {
		o->names.seed = meter__os.random();
		o->heads = calloc(ID_HEADS, sizeof(*o->heads));
		o->ring = malloc(IDS * sizeof(*o->ring)); /* touched as it fills */
		o->start = is_first ? NULL : malloc(IDS * sizeof(*o->start));
	}
	if (o && o->heads && o->ring && (o->start || is_first))
		return o;
	meter__origin_free(o);
	(void)meter__fail(METER_ENOMEM, "no memory to verify");
	return NULL;
}

static void free_sources(struct origin *o)
{
	for (size_t i = 0; i < o->names.count; i++)
		free(o->sources[i].ranges);
	free(o->sources);
	o->sources = NULL;
	o->source_capacity = o->range_count = o->last = 0;
}

void meter__origin_free(struct origin *o)
{
	if (!o)
		return;
	free_sources(o);
	free(o->heads);
	free(o->ring);
	free(o->start);
	meter__intern_free(&o->names);
	free(o);
}

void meter__origin_reset(struct origin *o)
{
	free_sources(o);
	meter__intern_reset(&o->names);
	if (o->count > 0)
		memset(o->heads, 0, ID_HEADS * sizeof(*o->heads));
	o->count = 0;
	o->start_count = 0;
}

/* ---- sequences ---- */

static void give_up(struct source *s, struct range gap)
{
	if (s->final_count < GAPS_SHOWN)
		s->final[s->final_count++] = gap;
	s->final_missing += gap.last - gap.first + 1;
}

/* The lowest two ranges become one; what lies between them is missing for good. */
static void merge_lowest(struct source *s)
{
	give_up(s, (struct range){s->ranges[0].last + 1, s->ranges[1].first - 1});
	s->ranges[1].first = s->ranges[0].first;
	memmove(s->ranges, s->ranges + 1, --s->count * sizeof(*s->ranges));
}

static int make_room(struct origin *o, struct source *s)
{
	if (o->range_count >= RANGES_MAX && s->count > 1) {
		merge_lowest(s);
		o->range_count--;
	}
	if (s->count < s->capacity)
		return METER_OK;
	size_t capacity = s->capacity ? s->capacity * 2 : 4;
	struct range *ranges = realloc(s->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return meter__fail(METER_ENOMEM, "no memory for sequences");
	s->ranges = ranges;
	s->capacity = capacity;
	return METER_OK;
}

/* The first range that ends at n - 1 or later: the only one below it that n can touch. */
static size_t find_range(const struct source *s, int64_t n)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (s->ranges[middle].last >= n - 1) /* n >= 0 */
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int add_range(struct origin *o, struct source *s, struct range more)
{
	size_t at = find_range(s, more.first), end = at;
	while (end < s->count && s->ranges[end].first - 1 <= more.last)
		end++;
	if (end > at) {
		struct range *into = &s->ranges[at];
		into->first = into->first < more.first ? into->first : more.first;
		into->last = s->ranges[end - 1].last > more.last ? s->ranges[end - 1].last : more.last;
		memmove(into + 1, s->ranges + end, (s->count - end) * sizeof(*s->ranges));
		s->count -= end - at - 1;
		o->range_count -= end - at - 1;
		return METER_OK;
	}
	int code = make_room(o, s);
	if (code != METER_OK)
		return code;
	at = find_range(s, more.first);
	memmove(s->ranges + at + 1, s->ranges + at, (s->count - at) * sizeof(*s->ranges));
	s->ranges[at] = more;
	s->count++;
	o->range_count++;
	return METER_OK;
}

/* NULL in *out: there are too many sources. */
static int find_source(struct origin *o, struct slice name, struct source **out)
{
	*out = NULL;
	if (o->last < o->names.count && meter__slice_equal(meter__intern_text(&o->names, o->last), name)) {
		*out = &o->sources[o->last];
		return METER_OK;
	}
	size_t index, known = o->names.count;
	if (known == SOURCES_MAX)
		return METER_OK;
	if (o->source_capacity == known) {
		size_t capacity = known ? known * 2 : 16;
		struct source *sources = realloc(o->sources, capacity * sizeof(*sources));
		if (!sources)
			return meter__fail(METER_ENOMEM, "no memory for sources");
		o->sources = sources;
		o->source_capacity = capacity;
	}
	int code = meter__intern_index(&o->names, name, &index);
	if (code != METER_OK)
		return code;
	if (index == known)
		o->sources[index] = (struct source){0};
	o->last = index;
	*out = &o->sources[index];
	return METER_OK;
}

static int add_sequence(struct origin *o, struct slice source, int64_t sequence)
{
	struct source *s;
	int code = find_source(o, source, &s);
	if (code != METER_OK || !s)
		return code;
	if (s->count > 0 && s->ranges[s->count - 1].last == sequence - 1) {
		s->ranges[s->count - 1].last++;
		return METER_OK;
	}
	return add_range(o, s, (struct range){sequence, sequence});
}

/* ---- ids ---- */

static int add_reuse(struct worker *w, int64_t subscription, struct slice id, int64_t before_us, int64_t after_us)
{
	char before[INSTANT_TEXT_SIZE], after[INSTANT_TEXT_SIZE];
	struct slice none = {NULL, 0};
	meter__instant_format(before, before_us);
	meter__instant_format(after, after_us);
	meter__buffer_reset(&w->place);
	meter__buffer_text(&w->place, "table event, subscription ");
	int code = meter__store_text(w->reader, &w->place, subscription);
	if (code != METER_OK)
		return code;
	meter__buffer_text(&w->place, ", id ");
	meter__buffer_slice(&w->place, id);
	meter__buffer_format(&w->place, ": %s and %s", before, after);
	struct slice place = {meter__buffer_cstr(&w->place), w->place.size};
	return meter__finding_add(&w->findings, "id_reuse",
	                          meter__slice_of("one id at two times is two events: a retry must keep the timestamp"), place,
	                          none, none);
}

/* Whether the event of that time and key is there. */
static int confirm(struct worker *w, int64_t subscription, struct slice id, int64_t before_us, int64_t after_us, bool *is_reuse)
{
	*is_reuse = false;
	if (before_us == after_us)
		return METER_OK;
	int code = meter__verify_has_event(w->reader, before_us, subscription, id, is_reuse);
	return code == METER_OK && *is_reuse ? add_reuse(w, subscription, id, before_us, after_us) : code;
}

/* The newest event with this hash among those that are not too far behind number; NULL: none. */
static const struct seen_id *find_id(const struct origin *o, uint64_t hash, uint64_t number)
{
	uint32_t at = o->heads[hash & (ID_HEADS - 1)];
	while (at != 0) {
		const struct seen_id *seen = &o->ring[at & (IDS - 1)];
		if (seen->number != at || (uint32_t)number - at > IDS)
			return NULL;
		if (seen->hash == hash)
			return seen;
		at = seen->before;
	}
	return NULL;
}

static uint64_t hash_id(int64_t subscription, struct slice id)
{
	return XXH3_64bits_withSeed(id.data, id.size, ID_SEED + (uint64_t)subscription * UINT64_C(0x9e3779b97f4a7c15));
}

static void remember(struct origin *o, uint64_t hash, int64_t timestamp_us)
{
	uint32_t *head = &o->heads[hash & (ID_HEADS - 1)], number = (uint32_t)++o->count;
	o->ring[number & (IDS - 1)] = (struct seen_id){hash, timestamp_us, *head, number};
	*head = number;
}

static int add_id(struct worker *w, const struct raw_event *e)
{
	struct origin *o = w->origin;
	uint64_t hash = hash_id(e->subscription, e->id);
	const struct seen_id *before = find_id(o, hash, o->count + 1);
	bool is_reuse;
	int code = before ? confirm(w, e->subscription, e->id, before->timestamp_us, e->timestamp_us, &is_reuse) : METER_OK;
	remember(o, hash, e->timestamp_us);
	if (o->start && !before && o->count <= IDS)
		o->start[o->start_count++] = (struct seen_id){hash, e->timestamp_us, 0, (uint32_t)o->count};
	return code;
}

int meter__origin_event(struct worker *w, const struct raw_event *e)
{
	int code = METER_OK;
	if (e->source.data && e->sequence >= 0)
		code = add_sequence(w->origin, e->source, e->sequence);
	/* One that was taken back is counted nowhere. */
	return code == METER_OK && !e->is_taken_back ? add_id(w, e) : code;
}

/* ---- the end ---- */

/* The event of a later worker that has this hash, against the one before it. */
static int confirm_joined(struct worker *w, const struct seen_id *before, const struct seen_id *after)
{
	struct scan scan;
	struct raw_event e;
	bool is_reuse = false;
	int64_t bound[] = {after->timestamp_us, after->timestamp_us + 1};
	int code = meter__verify_scan(&scan, w->reader, ROWS_EVENTS, bound, 2);
	while (code == METER_OK && !is_reuse && (code = meter__verify_next_event(&scan, &e)) == METER_OK) {
		if (hash_id(e.subscription, e.id) == after->hash)
			code = confirm(w, e.subscription, e.id, before->timestamp_us, after->timestamp_us, &is_reuse);
	}
	meter__verify_scan_end(&scan);
	return code == METER_EEND ? METER_OK : code;
}

static int join_ids(struct worker *first, const struct origin *second)
{
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < second->start_count; i++) {
		const struct seen_id *after = &second->start[i];
		const struct seen_id *before = find_id(first->origin, after->hash, first->origin->count + after->number);
		if (before)
			code = confirm_joined(first, before, after);
	}
	return code;
}

/* What comes after both is compared with the last ones of both. */
static void take_ids(struct origin *o, const struct origin *second)
{
	uint64_t number = second->count > IDS ? second->count - IDS : 0;
	while (number++ < second->count) {
		const struct seen_id *seen = &second->ring[number & (IDS - 1)];
		remember(o, seen->hash, seen->timestamp_us);
	}
}

static int join_source(struct origin *o, struct source *into, const struct source *more)
{
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < more->count; i++)
		code = add_range(o, into, more->ranges[i]);
	for (size_t i = 0; i < more->final_count && into->final_count < GAPS_SHOWN; i++)
		into->final[into->final_count++] = more->final[i];
	into->final_missing += more->final_missing;
	return code;
}

int meter__origin_join(struct worker *first, struct worker *second)
{
	int code = join_ids(first, second->origin);
	take_ids(first->origin, second->origin);
	for (size_t i = 0; code == METER_OK && i < second->origin->names.count; i++) {
		struct source *into;
		code = find_source(first->origin, meter__intern_text(&second->origin->names, i), &into);
		if (code == METER_OK && into)
			code = join_source(first->origin, into, &second->origin->sources[i]);
	}
	return code;
}

/* ---- quarantine ---- */

struct quarantined {
	struct worker *worker;
	struct buffer scratch;
	int64_t last; /* number of the entry */
	size_t rows;
};

static bool read_sequence(struct slice text, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, text.data[i] - '0', out))
			return false;
	}
	return text.size > 0;
}

/* Source and number of an event in JSON, whatever else is wrong with it; false: it has none. */
static bool read_origin(struct buffer *scratch, struct slice text, struct slice *source, int64_t *sequence)
{
	struct json j;
	struct json_value value;
	struct slice name;
	bool has_sequence = false;
	*source = (struct slice){NULL, 0};
	if (meter__json_begin(&j, scratch, text.data, text.size) != METER_OK || meter__json_value(&j, &value) != METER_OK ||
	    value.kind != JSON_OBJECT)
		return false;
	for (bool is_first = true; meter__json_member(&j, &name, is_first) == METER_OK; is_first = false) {
		if (meter__json_value(&j, &value) != METER_OK)
			break;
		if ((value.kind == JSON_OBJECT || value.kind == JSON_ARRAY) && meter__json_skip(&j, &value) != METER_OK)
			break;
		if (meter__slice_equal(name, (struct slice)SLICE("source")) && value.kind == JSON_STRING)
			*source = value.text;
		if (meter__slice_equal(name, (struct slice)SLICE("sequence")) && value.kind == JSON_NUMBER)
			has_sequence = read_sequence(value.text, sequence);
	}
	return source->data && has_sequence;
}

static int add_quarantined(const struct quarantine_row *row, void *user)
{
	struct quarantined *q = user;
	struct slice source;
	int64_t sequence = 0;
	q->last = row->number;
	q->rows++;
	return read_origin(&q->scratch, row->text, &source, &sequence) ? add_sequence(q->worker->origin, source, sequence)
	                                                               : METER_OK;
}

static bool has_gaps(const struct origin *o)
{
	for (size_t i = 0; i < o->names.count; i++) {
		if (o->sources[i].count > 1)
			return true;
	}
	return false;
}

/* What was refused has come, and waits or was discarded: it is not missing. */
static int add_quarantine(struct worker *w)
{
	const struct quarantine_filter all = {.state = QUARANTINE_ALL};
	struct quarantined q = {.worker = w};
	int code = METER_OK;
	do {
		q.rows = 0;
		code = meter__store_page_quarantine(w->reader, &all, q.last + 1, 1000, add_quarantined, &q);
	} while (code == METER_OK && q.rows > 0);
	meter__buffer_free(&q.scratch);
	return code;
}

/* ---- gaps ---- */

static void write_gap(struct buffer *out, struct range gap, size_t *shown)
{
	if (*shown < GAPS_SHOWN) {
		meter__buffer_text(out, *shown ? ", " : "");
		meter__buffer_format(out, "%" PRId64, gap.first);
		if (gap.last > gap.first)
			meter__buffer_format(out, "-%" PRId64, gap.last);
	} else if (*shown == GAPS_SHOWN) {
		meter__buffer_text(out, ", ...");
	}
	++*shown;
}

static int report_gaps(struct worker *w, struct slice name, const struct source *s)
{
	int64_t missing = s->final_missing, numbers = s->ranges[s->count - 1].last - s->ranges[0].first;
	size_t shown = 0;
	struct buffer *text = &w->text;
	meter__buffer_reset(text);
	meter__buffer_text(text, "a source numbered events that are not here: ");
	for (size_t i = 0; i < s->final_count; i++)
		write_gap(text, s->final[i], &shown);
	for (size_t i = 1; i < s->count; i++) {
		struct range gap = {s->ranges[i - 1].last + 1, s->ranges[i].first - 1};
		missing += gap.last - gap.first + 1;
		write_gap(text, gap, &shown);
	}
	if (missing == 0)
		return METER_OK;
	meter__buffer_reset(&w->place);
	meter__buffer_text(&w->place, "source ");
	meter__buffer_slice(&w->place, name);
	meter__buffer_format(&w->place, ", sequence %" PRId64 " to %" PRId64, s->ranges[0].first, s->ranges[s->count - 1].last);
	meter__buffer_reset(&w->expected);
	meter__buffer_reset(&w->found);
	meter__buffer_format(&w->expected, "%" PRIu64 " numbers", (uint64_t)numbers + 1);
	meter__buffer_format(&w->found, "%" PRIu64 " numbers", (uint64_t)numbers + 1 - (uint64_t)missing);
	return meter__finding_add(&w->findings, "sequence_gap", (struct slice){meter__buffer_cstr(text), text->size},
	                          (struct slice){meter__buffer_cstr(&w->place), w->place.size},
	                          (struct slice){meter__buffer_cstr(&w->expected), w->expected.size},
	                          (struct slice){meter__buffer_cstr(&w->found), w->found.size});
}

int meter__origin_finish(struct worker *first)
{
	int code = has_gaps(first->origin) ? add_quarantine(first) : METER_OK;
	for (size_t i = 0; code == METER_OK && i < first->origin->names.count; i++)
		code = first->origin->sources[i].count > 0
		               ? report_gaps(first, meter__intern_text(&first->origin->names, i), &first->origin->sources[i])
		               : METER_OK;
	return code;
}
