/*
 * verify_level.c - see verify.h: minutes against hours, hours against days, events against samples, row by row.
 *
 * A level is compared with the rows below it. Where those were found wrong, it may also agree with what they should have held:
 * the row that is wrong is named, and not those that are right because of it or in spite of it.
 *
 * A row that nothing asked for is noticed because there are more rows than were matched; only then are they looked for.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "instant.h"
#include "verify.h"

#define YEARS_MAX 9999

int64_t meter__verify_meter_index(const struct verify_meters *meters, int64_t number)
{
	size_t low = 0, high = meters->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (meters->list[middle].number == number)
			return (int64_t)middle;
		if (meters->list[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

enum aggregation meter__verify_aggregation(const struct worker *w, const struct group *g)
{
	return w->meters->list[g->meter].definition->aggregation;
}

/* ---- findings about buckets ---- */

static struct period period_of(enum level level, int64_t start)
{
	static const int64_t units[] = {US_PER_MINUTE, US_PER_HOUR, US_PER_DAY, 1};
	return (struct period){start * units[level], (start + 1) * units[level]};
}

static int write_place(struct worker *w, enum level level, int64_t start, const struct group *key)
{
	static const char *const names[] = {"minute", "hour", "day", "sample"};
	char time[INSTANT_TEXT_SIZE];
	struct buffer *out = &w->place;
	meter__instant_format(time, period_of(level, start).from_us);
	meter__buffer_format(out, "%s %s, meter %s, subscription ", names[level], time,
	                     w->meters->list[key->meter].definition->key);
	int code = meter__store_text(w->reader, out, key->subscription);
	if (code == METER_ECORRUPT) {
		meter__buffer_format(out, "number %lld", (long long)key->subscription);
		code = METER_OK;
	}
	meter__buffer_text(out, ", dimensions ");
	if (code == METER_OK)
		code = meter__plans_dimensions(w, out, key->dimensions);
	if (code == METER_ECORRUPT) {
		meter__buffer_format(out, "number %lld", (long long)key->dimensions);
		code = METER_OK;
	}
	return code;
}

static struct slice slice_of(struct buffer *b)
{
	return (struct slice){meter__buffer_cstr(b), b->size};
}

int meter__verify_bucket_finding(struct worker *w, const char *code, const char *text, enum level level, int64_t start,
                                 const struct group *key, const struct tally *expected, const struct tally *found)
{
	meter__buffer_reset(&w->place);
	meter__buffer_reset(&w->expected);
	meter__buffer_reset(&w->found);
	int result = w->findings.total < FINDINGS_MAX ? write_place(w, level, start, key) : METER_OK;
	if (result != METER_OK)
		return result;
	meter__tally_write(&w->expected, meter__verify_aggregation(w, key), expected);
	meter__tally_write(&w->found, meter__verify_aggregation(w, key), found);
	result = meter__finding_add(&w->findings, code, meter__slice_of(text), slice_of(&w->place), slice_of(&w->expected),
	                            slice_of(&w->found));
	if (result == METER_OK)
		meter__finding_about(&w->findings, key->subscription, period_of(level, start));
	return result;
}

static const struct tally nothing;

/* ---- rows of meters that count ---- */

/* Rows of the stretch: everybody's, or those of the one subscription that is asked for. */
int meter__verify_scan_all(struct worker *w, struct scan *out, enum rows rows, const int64_t *bound, size_t count)
{
	int64_t with_only[5];
	if (w->only == 0)
		return meter__verify_scan(out, w->reader, rows, bound, count);
	memcpy(with_only, bound, count * sizeof(*bound));
	with_only[count] = w->only;
	return meter__verify_scan(out, w->reader, rows + 1, with_only, count + 1);
}

static int add_alien(struct worker *w, struct cursor *c, const char *table)
{
	if (!w->glance || c->alien == c->row.meter)
		return METER_OK;
	c->alien = c->row.meter;
	meter__buffer_reset(&w->place);
	meter__buffer_format(&w->place, "table %s, meter number %lld", table, (long long)c->row.meter);
	return meter__finding_add(&w->findings, "meter_missing",
	                          meter__slice_of("buckets of a meter that the file does not have"), slice_of(&w->place),
	                          (struct slice){NULL, 0}, (struct slice){NULL, 0});
}

/* Whether the stretch reaches to where no row can be missed. */
static bool is_start_of_time(const struct worker *w)
{
	return w->from_us <= -INSTANT_MAX;
}

static bool is_end_of_time(const struct worker *w)
{
	return w->to_us > INSTANT_MAX;
}

static int64_t month_of(int64_t day)
{
	int32_t year, month, day_of_month;
	meter__civil_from_days(day, &year, &month, &day_of_month);
	return (int64_t)year * 100 + month;
}

/* Hours are kept under their day and days under their month; one that is not is read where it does not belong. */
static bool is_misplaced(const struct cursor *c)
{
	return (c->level == LEVEL_HOUR && c->row.lead != meter__floor_div(c->row.start, 24)) ||
	       (c->level == LEVEL_DAY && c->row.lead != month_of(c->row.start));
}

/* Of a month that stretches share, the first one tells what is kept under it. Some are no months at all. */
static bool is_first_of_month(const struct worker *w, int64_t month)
{
	const int64_t year = meter__floor_div(month, 100), rest = month - year * 100;
	const int32_t of_year = (int32_t)(rest < 1 ? 1 : rest > 12 ? 12 : rest);
	const int64_t known = year < -YEARS_MAX ? -YEARS_MAX : year > YEARS_MAX ? YEARS_MAX : year;
	const int64_t begins = meter__days_from_civil((int32_t)known, of_year, 1);
	const int64_t since = meter__floor_div(w->since_us, US_PER_DAY), day = begins > since ? begins : since;
	return (day >= meter__floor_div(w->from_us, US_PER_DAY) || is_start_of_time(w)) &&
	       (day < w->to[LEVEL_DAY] || is_end_of_time(w));
}

/* Rows of the stretch, as far as the statement has not chosen them. */
static bool is_within(const struct worker *w, const struct cursor *c)
{
	if (c->level != LEVEL_HOUR && c->level != LEVEL_DAY)
		return true;
	return c->row.start >= w->from[c->level] && c->row.start < w->to[c->level];
}

static int add_misplaced(struct worker *w, const struct cursor *c)
{
	const struct group key = {.meter = c->meter, .subscription = c->row.subscription, .dimensions = c->row.dimensions};
	const struct tally found = meter__tally_of(&c->row);
	if (!w->glance || (c->level == LEVEL_DAY && !is_first_of_month(w, c->row.lead)))
		return METER_OK;
	return c->level == LEVEL_HOUR ? meter__verify_bucket_finding(w, "hour_differs", "an hour is kept under another day",
	                                                             LEVEL_HOUR, c->row.start, &key, &nothing, &found)
	                              : meter__verify_bucket_finding(w, "day_differs", "a day is kept under another month",
	                                                             LEVEL_DAY, c->row.start, &key, &nothing, &found);
}

int meter__verify_next_row(struct worker *w, struct cursor *c, const char *table)
{
	int code;
	c->has_row = false;
	while ((code = meter__verify_next_bucket(&c->scan, &c->row)) == METER_OK) {
		int64_t index = meter__verify_meter_index(w->meters, c->row.meter);
		if (index < 0) {
			code = add_alien(w, c, table);
		} else if (w->meters->list[index].definition) {
			c->meter = (uint32_t)index;
			if (is_misplaced(c))
				code = add_misplaced(w, c);
			else
				c->has_row = is_within(w, c);
			if (c->has_row)
				return METER_OK;
		}
		if (code != METER_OK)
			return code;
	}
	return code == METER_EEND ? METER_OK : code;
}

/* ---- rows of one level against sums, by meter and subscription ---- */

static int add_correction(struct worker *w, int64_t hour, const struct group *g, const struct tally *expected)
{
	if (w->correction_count == CORRECTIONS_MAX)
		return METER_OK; /* then days may be reported as well */
	if (!w->corrections)
		w->corrections = malloc(CORRECTIONS_MAX * sizeof(*w->corrections));
	if (!w->corrections)
		return meter__fail(METER_ENOMEM, "no memory for findings");
	w->corrections[w->correction_count++] = (struct correction){.day = meter__floor_div(hour, 24),
	                                                            .hour = hour,
	                                                            .subscription = g->subscription,
	                                                            .dimensions = g->dimensions,
	                                                            .meter = g->meter,
	                                                            .expected = *expected};
	return METER_OK;
}

static int compare_group(struct worker *w, enum level level, int64_t start, const struct group *g, const struct tally *found)
{
	enum aggregation aggregation = meter__verify_aggregation(w, g);
	struct tally held = *found;
	if (g->has_late)
		meter__tally_merge(&held, aggregation, &g->late);
	if (meter__tally_equal(aggregation, &g->sum, &held) ||
	    (g->has_other && meter__tally_equal(aggregation, &g->other, &held)))
		return METER_OK;
	const struct tally *expected = g->has_other ? &g->other : &g->sum;
	const char *text = level == LEVEL_HOUR ? "an hour does not hold what its minutes add up to"
	                   : w->by_days        ? "a day, and what came late for it, does not hold what its events add up to"
	                                       : "a day does not hold what its hours add up to";
	int code = meter__verify_bucket_finding(w, level == LEVEL_HOUR ? "hour_differs" : "day_differs", text, level, start, g,
	                                        expected, &held);
	return code == METER_OK && level == LEVEL_HOUR ? add_correction(w, start, g, expected) : code;
}

/* Groups of one meter and subscription against their rows; both are in the order of dimensions. */
static int compare_run(struct worker *w, enum level level, int64_t start, struct group *const *groups, size_t count,
                       int64_t *rows_out)
{
	const struct group *first = groups[0];
	int64_t lead = level == LEVEL_HOUR ? meter__floor_div(start, 24) : month_of(start);
	const int64_t bound[] = {lead, w->meters->list[first->meter].number, first->subscription, start};
	struct scan scan;
	struct raw_bucket row;
	size_t at = 0;
	int code = meter__verify_scan(&scan, w->reader, level == LEVEL_HOUR ? ROWS_HOUR : ROWS_DAY, bound, 4);
	while (code == METER_OK && (code = meter__verify_next_bucket(&scan, &row)) == METER_OK) {
		struct tally found = meter__tally_of(&row);
		while (code == METER_OK && at < count && groups[at]->dimensions < row.dimensions)
			code = compare_group(w, level, start, groups[at++], &nothing);
		struct group extra = {.meter = first->meter, .subscription = row.subscription, .dimensions = row.dimensions};
		bool is_known = at < count && groups[at]->dimensions == row.dimensions;
		if (code == METER_OK)
			code = compare_group(w, level, start, is_known ? groups[at++] : &extra, &found);
		++*rows_out;
	}
	meter__verify_scan_end(&scan);
	if (code == METER_EEND)
		code = METER_OK;
	while (code == METER_OK && at < count)
		code = compare_group(w, level, start, groups[at++], &nothing);
	return code;
}

int meter__verify_compare(struct worker *w, enum level level, int64_t start, struct groups *groups, int64_t *rows_out)
{
	int code = meter__groups_sort(groups);
	for (size_t i = 0, end; code == METER_OK && i < groups->count; i = end) {
		struct group *const *run = groups->order + i;
		for (end = i + 1; end < groups->count; end++) {
			const struct group *g = groups->order[end];
			if (g->meter != run[0]->meter || g->subscription != run[0]->subscription)
				break;
		}
		code = compare_run(w, level, start, run, end - i, rows_out);
	}
	meter__groups_reset(groups);
	return code;
}

/* ---- minutes to hours ---- */

int meter__verify_flush_hour(struct worker *w, int64_t hour)
{
	if (w->hour.count == 0)
		return METER_OK;
	int64_t day = meter__floor_div(hour, 24), rows = 0;
	if (w->day_count == 0 || w->hours_of_day[w->day_count - 1].day != day) {
		if (w->day_count == w->day_capacity) {
			size_t capacity = w->day_capacity ? w->day_capacity * 2 : 64;
			struct day_count *days = realloc(w->hours_of_day, capacity * sizeof(*days));
			if (!days)
				return meter__fail(METER_ENOMEM, "no memory for days");
			w->hours_of_day = days;
			w->day_capacity = capacity;
		}
		w->hours_of_day[w->day_count++] = (struct day_count){day, 0};
	}
	int code = meter__verify_compare(w, LEVEL_HOUR, hour, &w->hour, &rows);
	w->hours_of_day[w->day_count - 1].rows += rows;
	w->hours += rows;
	return code;
}

/* ---- samples ---- */

int meter__verify_sample(struct worker *w, const struct group *g)
{
	const int64_t bound[] = {w->meters->list[g->meter].number, g->subscription, g->dimensions, g->start};
	struct scan scan;
	struct raw_bucket row;
	struct tally found = nothing;
	int code = meter__verify_scan(&scan, w->reader, ROWS_SAMPLE, bound, 4);
	if (code == METER_OK)
		code = meter__verify_next_bucket(&scan, &row);
	meter__verify_scan_end(&scan);
	if (code == METER_OK) {
		found = meter__tally_of(&row);
		w->samples_matched[g->meter]++;
		w->samples++;
	}
	if (code != METER_OK && code != METER_EEND)
		return code;
	if (meter__tally_equal(AGGREGATION_TIME_WEIGHTED, &g->sum, &found))
		return METER_OK;
	if (w->glance)
		return meter__glance_doubt(w, meter__floor_div(g->start, US_PER_DAY));
	return meter__verify_bucket_finding(w, "sample_differs", "a sample is not what the events of its time say", LEVEL_COUNT,
	                                    g->start, g, &g->sum, &found);
}

/* ---- hours to days ---- */

int meter__verify_scan_hours(struct worker *w, struct cursor *c, int64_t first_day, int64_t end_day)
{
	const int64_t bound[] = {is_start_of_time(w) ? INT64_MIN : first_day, is_end_of_time(w) ? INT64_MAX : end_day};
	*c = (struct cursor){.alien = INT64_MIN, .level = LEVEL_HOUR};
	return meter__verify_scan_all(w, &c->scan, ROWS_HOURS, bound, 2);
}

static struct correction *find_correction(struct worker *w, int64_t day, uint32_t index, const struct raw_bucket *row)
{
	for (size_t i = 0; i < w->correction_count; i++) {
		struct correction *c = &w->corrections[i];
		if (c->day == day && c->hour == row->start && c->meter == index && c->subscription == row->subscription &&
		    c->dimensions == row->dimensions)
			return c;
	}
	return NULL;
}

static int add_to_day(struct worker *w, uint32_t index, int64_t subscription, int64_t dimensions, const struct tally *row,
                      struct correction *correction)
{
	enum aggregation aggregation = w->meters->list[index].definition->aggregation;
	struct group *g = meter__groups_find(&w->day, index, subscription, dimensions, 0);
	if (!g)
		return METER_ENOMEM;
	if (correction && !g->has_other) {
		g->other = g->sum;
		g->has_other = true;
	}
	if (correction)
		correction->is_used = true;
	meter__tally_merge(&g->sum, aggregation, row);
	if (g->has_other)
		meter__tally_merge(&g->other, aggregation, correction ? &correction->expected : row);
	return METER_OK;
}

/* All hours of one day, meter and subscription are in: those that should have been there as well, and then its row of the day. */
static int flush_day(struct worker *w, int64_t day)
{
	if (w->day.count == 0)
		return METER_OK;
	uint32_t index = w->day.rows[0].meter;
	int64_t subscription = w->day.rows[0].subscription;
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < w->correction_count; i++) {
		struct correction *c = &w->corrections[i];
		if (!c->is_used && c->day == day && c->meter == index && c->subscription == subscription)
			code = add_to_day(w, index, subscription, c->dimensions, &nothing, c);
	}
	if (code != METER_OK)
		return code;
	if (day >= w->from[LEVEL_DAY] && day < w->to[LEVEL_DAY])
		return meter__verify_compare(w, LEVEL_DAY, day, &w->day, &w->days_matched);
	meter__groups_reset(&w->day);
	return METER_OK;
}

static bool has_minutes(struct worker *w, const struct raw_bucket *row, int *code)
{
	bool has = false;
	int64_t first = row->start * 60;
	for (int64_t i = first; *code == METER_OK && !has && i < first + 60 && i < w->rolled_before; i++)
		*code = meter__verify_has_minute(w->reader, row, i, &has);
	return has;
}

/* Rows of a day's hours of which there are no minutes. */
static int report_extra_hours(struct worker *w, int64_t day)
{
	struct cursor c;
	int code = meter__verify_scan_hours(w, &c, day, day + 1);
	while (code == METER_OK && (code = meter__verify_next_row(w, &c, "hour")) == METER_OK && c.has_row) {
		struct group key = {.meter = c.meter, .subscription = c.row.subscription, .dimensions = c.row.dimensions};
		struct tally found = meter__tally_of(&c.row);
		if (has_minutes(w, &c.row, &code) || code != METER_OK)
			continue;
		code = meter__verify_bucket_finding(w, "hour_differs", "an hour does not hold what its minutes add up to",
		                                    LEVEL_HOUR, c.row.start, &key, &nothing, &found);
		if (code == METER_OK)
			code = add_correction(w, c.row.start, &key, &nothing);
	}
	meter__verify_scan_end(&c.scan);
	return code;
}

static int64_t count_matched(const struct worker *w, int64_t day)
{
	int64_t rows = 0;
	for (size_t i = 0; i < w->day_count; i++)
		rows += w->hours_of_day[i].day == day ? w->hours_of_day[i].rows : 0;
	return rows;
}

/* How many rows of hours a day has, before they are added up: those that were not matched are named first. */
static int count_hours(struct worker *w, int64_t first_day, int64_t end_day)
{
	struct day_count *days = NULL;
	size_t count = 0;
	struct cursor c;
	int code = meter__verify_scan_hours(w, &c, first_day, end_day);
	while (code == METER_OK && (code = meter__verify_next_row(w, &c, "hour")) == METER_OK && c.has_row) {
		int64_t day = meter__floor_div(c.row.start, 24);
		if (count == 0 || days[count - 1].day != day) {
			struct day_count *grown = realloc(days, (count + 1) * sizeof(*days));
			if (!grown) {
				code = meter__fail(METER_ENOMEM, "no memory for days");
				break;
			}
			days = grown;
			days[count++] = (struct day_count){day, 0};
		}
		days[count - 1].rows++;
	}
	meter__verify_scan_end(&c.scan);
	for (size_t i = 0; code == METER_OK && i < count; i++) {
		if (days[i].rows != count_matched(w, days[i].day))
			code = report_extra_hours(w, days[i].day);
	}
	free(days);
	return code;
}

static int add_hours(struct worker *w, int64_t first_day, int64_t end_day)
{
	struct cursor c;
	int64_t day = first_day;
	int code = meter__verify_scan_hours(w, &c, first_day, end_day);
	while (code == METER_OK && (code = meter__verify_next_row(w, &c, "hour")) == METER_OK && c.has_row) {
		int64_t next = meter__floor_div(c.row.start, 24);
		const struct group *now = w->day.count ? w->day.rows : NULL;
		if (now && (next != day || now->meter != c.meter || now->subscription != c.row.subscription))
			code = flush_day(w, day);
		day = next;
		struct tally row = meter__tally_of(&c.row);
		if (code == METER_OK)
			code = add_to_day(w, c.meter, c.row.subscription, c.row.dimensions, &row,
			                  w->correction_count ? find_correction(w, day, c.meter, &c.row) : NULL);
	}
	meter__verify_scan_end(&c.scan);
	return code == METER_OK ? flush_day(w, day) : code;
}

static int verify_hours(struct worker *w)
{
	int64_t first_day = meter__floor_div(w->from[LEVEL_HOUR], 24);
	int64_t end_day = meter__floor_div(w->to[LEVEL_HOUR] - 1, 24) + 1;
	int code = count_hours(w, first_day, end_day);
	return code == METER_OK ? add_hours(w, first_day, end_day) : code;
}

/* ---- days that nothing asked for ---- */

int meter__verify_scan_days(struct worker *w, struct cursor *c)
{
	const int64_t bound[] = {is_start_of_time(w) ? INT64_MIN : month_of(w->from[LEVEL_DAY]),
	                         is_end_of_time(w) ? INT64_MAX : month_of(w->to[LEVEL_DAY])};
	*c = (struct cursor){.alien = INT64_MIN, .level = LEVEL_DAY};
	return meter__verify_scan_all(w, &c->scan, ROWS_DAYS, bound, 2);
}

int meter__verify_rows_of_days(struct worker *w, int64_t from, int64_t to, int64_t *out)
{
	const int64_t bound[] = {month_of(from), month_of(to), from, to};
	int code = METER_OK;
	*out = 0;
	for (size_t i = 0; i < w->meters->count && code == METER_OK; i++) {
		int64_t rows = 0;
		if (w->meters->list[i].definition)
			code = meter__verify_count_days(w->reader, bound, w->meters->list[i].number, w->only, &rows);
		*out += rows;
	}
	return code;
}

/* There are more rows than hours asked for. */
static int name_extra_days(struct worker *w, int64_t extra)
{
	struct cursor c;
	const int64_t findings = w->findings.total;
	int code = meter__verify_scan_days(w, &c);
	while (code == METER_OK && (code = meter__verify_next_row(w, &c, "day")) == METER_OK && c.has_row) {
		struct group key = {.meter = c.meter, .subscription = c.row.subscription, .dimensions = c.row.dimensions};
		struct tally found = meter__tally_of(&c.row);
		bool has = false;
		code = meter__verify_has_hour(w->reader, &c.row, c.row.start, &has);
		if (code == METER_OK && !has)
			code = meter__verify_bucket_finding(w, "day_differs", "a day does not hold what its hours add up to",
			                                    LEVEL_DAY, c.row.start, &key, &nothing, &found);
	}
	meter__verify_scan_end(&c.scan);
	if (code != METER_OK || w->findings.total > findings)
		return code;
	meter__buffer_reset(&w->place);
	meter__buffer_format(&w->place, "table day: %lld rows too many", (long long)extra);
	return meter__finding_add(&w->findings, "day_differs", meter__slice_of("there are days that no hour asked for"),
	                          slice_of(&w->place), (struct slice){NULL, 0}, (struct slice){NULL, 0});
}

static int verify_days(struct worker *w)
{
	int64_t rows;
	int code = meter__verify_rows_of_days(w, w->from[LEVEL_DAY], w->to[LEVEL_DAY], &rows);
	w->days += rows;
	return code == METER_OK && rows != w->days_matched ? name_extra_days(w, rows - w->days_matched) : code;
}

/* ---- samples that nothing asked for ---- */

static int report_extra_samples(struct worker *w, uint32_t index, int64_t extra)
{
	int64_t number = w->meters->list[index].number;
	const int64_t bound[] = {number, w->from[LEVEL_MINUTE] * US_PER_MINUTE, w->to[LEVEL_MINUTE] * US_PER_MINUTE};
	struct scan scan;
	struct raw_bucket row;
	int code = meter__verify_scan(&scan, w->reader, ROWS_ALIEN_SAMPLES, bound, 3);
	while (code == METER_OK && (code = meter__verify_next_bucket(&scan, &row)) == METER_OK) {
		struct group key = {.meter = index, .subscription = row.subscription, .dimensions = row.dimensions};
		struct tally found = meter__tally_of(&row);
		code = meter__verify_bucket_finding(w, "sample_differs", "a sample is not what the events of its time say",
		                                    LEVEL_COUNT, row.start, &key, &nothing, &found);
		extra--;
	}
	meter__verify_scan_end(&scan);
	if ((code != METER_OK && code != METER_EEND) || extra <= 0)
		return code == METER_EEND ? METER_OK : code;
	meter__buffer_reset(&w->place);
	meter__buffer_format(&w->place, "table sample, meter %s: %lld rows of which no event has the dimensions",
	                     w->meters->list[index].definition->key, (long long)extra);
	return meter__finding_add(&w->findings, "sample_differs", meter__slice_of("there are samples without an event"),
	                          slice_of(&w->place), (struct slice){NULL, 0}, (struct slice){NULL, 0});
}

int meter__verify_samples(struct worker *w)
{
	int code = METER_OK;
	for (size_t i = 0; code == METER_OK && i < w->meters->count; i++) {
		const struct verify_meter *m = &w->meters->list[i];
		int64_t rows = 0;
		if (!m->definition || m->definition->aggregation != AGGREGATION_TIME_WEIGHTED)
			continue;
		code = meter__verify_count_samples(w->reader, m->number, w->only, w->from[LEVEL_MINUTE] * US_PER_MINUTE,
		                                   w->to[LEVEL_MINUTE] * US_PER_MINUTE, &rows);
		if (code == METER_OK && rows > w->samples_matched[i])
			code = report_extra_samples(w, (uint32_t)i, rows - w->samples_matched[i]);
	}
	return code;
}

int meter__verify_closely(struct worker *w)
{
	int code = meter__verify_minutes(w);
	if (code == METER_OK)
		code = verify_hours(w);
	return code == METER_OK ? verify_days(w) : code;
}
