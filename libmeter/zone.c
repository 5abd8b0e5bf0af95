/*
 * zone.c - see zone.h. A zone is a table of transitions, and a rule for the years after the last of them.
 *
 * Every question is answered from two: which offset holds at an instant, and when it may change next. The table answers both up
 * to its end; from there on the footer of the file does, a POSIX TZ text like "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * Files are hostile until read: counts are compared with the size of the file before anything behind them is touched, and
 * offsets are kept to what RFC 8536 allows, on which the arithmetic below relies.
 */
#include "zone.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "instant.h"

#define FOLDER "/usr/share/zoneinfo/"
#define NAME_MAX_SIZE 255
#define FILE_MAX_SIZE ((size_t)1 << 20)
#define HEADER_SIZE 44
#define S_PER_DAY 86400
/* RFC 8536: more than 25 hours west and 26 hours east of UTC there is nothing. */
#define OFFSET_MIN_S (-89999)
#define OFFSET_MAX_S 93599
/* No int64 of microseconds lies on a day further from 1970 than this, in any zone. */
#define DAY_LIMIT (INT64_MAX / US_PER_DAY + 3)

/* A day of each year and a time of that day, which may lie outside of it. */
struct rule {
	char form;      /* 'M': weekday of a week of a month, 'J': day 1 to 365 without 29 February, '0': day 0 to 365 with it */
	int32_t month;  /* 1 to 12 */
	int32_t week;   /* 1 to 5, 5 being the last */
	int32_t day;    /* 'M': 0 (Sunday) to 6 */
	int32_t time_s; /* by the clock before the change */
};

struct footer {
	bool is_present;
	bool has_dst;
	int32_t std_s;
	int32_t dst_s; /* may be less than std_s: Dublin has its DST in winter */
	struct rule start;
	struct rule end;
};

struct transition {
	int64_t at_s;
	int32_t offset_s; /* from here on */
};

struct zone {
	struct footer footer;
	int32_t first_s; /* the offset before the first transition */
	size_t count;
	struct transition transitions[]; /* by time */
};

static const struct zone utc;

/* ---- the footer: which offset, and until when ---- */

static int64_t rule_day(const struct rule *r, int32_t year)
{
	int64_t january = meter__days_from_civil(year, 1, 1);
	bool is_leap = meter__days_from_civil(year + 1, 1, 1) - january == 366;
	int64_t first, next, day;

	if (r->form == '0')
		return january + r->day;
	if (r->form == 'J')
		return january + r->day - 1 + (is_leap && r->day >= 60);
	first = meter__days_from_civil(year, r->month, 1);
	next = r->month < 12 ? meter__days_from_civil(year, r->month + 1, 1) : january + 365 + is_leap;
	day = first + (r->day - (first + 4)) % 7; /* day 0 was a Thursday */
	if (day < first)
		day += 7;
	day += (r->week - 1) * 7;
	return day < next ? day : day - 7;
}

static int64_t dst_start(const struct footer *f, int32_t year)
{
	return rule_day(&f->start, year) * S_PER_DAY + f->start.time_s - f->std_s;
}

static int64_t dst_end(const struct footer *f, int32_t year)
{
	return rule_day(&f->end, year) * S_PER_DAY + f->end.time_s - f->dst_s;
}

static int32_t year_of(int64_t s)
{
	int32_t year, month, day;

	meter__civil_from_days(meter__floor_div(s, S_PER_DAY), &year, &month, &day);
	return year;
}

/*
 * DST of a year ends in that year or, south of the equator, in the next. Times of rules reach a week over the year's edges, so
 * neighbouring years are asked as well.
 */
static int32_t footer_offset(const struct footer *f, int64_t s)
{
	int32_t this_year = year_of(s);

	for (int32_t year = this_year - 2; f->has_dst && year <= this_year + 1; year++) {
		int64_t start = dst_start(f, year);
		int64_t end = dst_end(f, year);

		if (end <= start)
			end = dst_end(f, year + 1);
		if (start <= s && s < end)
			return f->dst_s;
	}
	return f->std_s;
}

/* The first time after s at which DST starts or ends. */
static int64_t footer_next(const struct footer *f, int64_t s)
{
	int32_t this_year = year_of(s);
	int64_t next = INT64_MAX;

	for (int32_t year = this_year - 1; f->has_dst && year <= this_year + 2; year++) {
		int64_t start = dst_start(f, year);
		int64_t end = dst_end(f, year);

		if (start > s && start < next)
			next = start;
		if (end > s && end < next)
			next = end;
	}
	return next;
}

/* ---- asking a zone ---- */

/* How many transitions there were up to s. */
static size_t passed(const struct zone *zone, int64_t s)
{
	size_t low = 0;
	size_t high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->transitions[middle].at_s <= s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int32_t offset_at(const struct zone *zone, int64_t s)
{
	size_t n = passed(zone, s);

	if (n == zone->count && zone->footer.is_present)
		return footer_offset(&zone->footer, s);
	return n > 0 ? zone->transitions[n - 1].offset_s : zone->first_s;
}

/* The first time after s at which the offset may be another one. */
static int64_t next_change(const struct zone *zone, int64_t s)
{
	size_t n = passed(zone, s);

	return n < zone->count ? zone->transitions[n].at_s : footer_next(&zone->footer, s);
}

int32_t meter__zone_offset_s(const struct zone *zone, int64_t us)
{
	return offset_at(zone ? zone : &utc, meter__floor_div(us, US_PER_SECOND));
}

int64_t meter__zone_local_day(const struct zone *zone, int64_t us)
{
	int64_t s = meter__floor_div(us, US_PER_SECOND);

	return meter__floor_div(s + offset_at(zone ? zone : &utc, s), S_PER_DAY);
}

/*
 * Between changes the local clock runs evenly, so each stretch between two of them is asked whether it gets to midnight. The
 * first one is so early that no offset can bring it there.
 */
static int64_t day_start_s(const struct zone *zone, int64_t midnight)
{
	int64_t from = midnight - OFFSET_MAX_S - 1;

	for (;;) {
		int64_t to = next_change(zone, from);
		int64_t at = midnight - offset_at(zone, from);

		if (at < from)
			return from;
		if (at < to)
			return at;
		from = to;
	}
}

int64_t meter__zone_day_start(const struct zone *zone, int64_t days)
{
	int64_t s, us;

	if (days < -DAY_LIMIT || days > DAY_LIMIT)
		return days < 0 ? INT64_MIN : INT64_MAX;
	s = day_start_s(zone ? zone : &utc, days * S_PER_DAY);
	return __builtin_mul_overflow(s, US_PER_SECOND, &us) ? (s < 0 ? INT64_MIN : INT64_MAX) : us;
}

/* ---- reading the footer ---- */

struct cursor {
	const char *at;
	const char *end;
};

static char peek(const struct cursor *c)
{
	return c->at < c->end ? *c->at : '\0';
}

static bool take(struct cursor *c, char expected)
{
	bool is_next = peek(c) == expected;

	c->at += is_next;
	return is_next;
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "CET" or "<+0530>". What it says does not matter. */
static bool read_name(struct cursor *c)
{
	bool is_quoted = take(c, '<');
	const char *start = c->at;

	while (is_letter(peek(c)) || (is_quoted && (is_digit(peek(c)) || peek(c) == '+' || peek(c) == '-')))
		c->at++;
	return c->at - start >= 3 && (!is_quoted || take(c, '>'));
}

static bool read_number(struct cursor *c, int32_t min, int32_t max, int32_t *out)
{
	const char *start = c->at;

	*out = 0;
	while (is_digit(peek(c)) && c->at - start < 4)
		*out = *out * 10 + (*c->at++ - '0');
	return c->at > start && *out >= min && *out <= max;
}

/* [+-]h[h][:mm[:ss]] in seconds. */
static bool read_time(struct cursor *c, int32_t hours_max, int32_t *out)
{
	bool is_negative = take(c, '-');
	int32_t h, m = 0, s = 0;

	if (!is_negative)
		(void)take(c, '+');
	if (!read_number(c, 0, hours_max, &h))
		return false;
	if (take(c, ':') && !read_number(c, 0, 59, &m))
		return false;
	if (take(c, ':') && !read_number(c, 0, 59, &s))
		return false;
	*out = (h * 60 + m) * 60 + s;
	if (is_negative)
		*out = -*out;
	return true;
}

/* "M3.5.0/2", "J60" or "59". Times are those of version 3, which those of version 2 are a part of. */
static bool read_rule(struct cursor *c, struct rule *r)
{
	bool is_good;

	*r = (struct rule){.form = '0', .time_s = 2 * 3600};
	if (take(c, 'M')) {
		r->form = 'M';
		is_good = read_number(c, 1, 12, &r->month) && take(c, '.') && read_number(c, 1, 5, &r->week) && take(c, '.') &&
		          read_number(c, 0, 6, &r->day);
	} else if (take(c, 'J')) {
		r->form = 'J';
		is_good = read_number(c, 1, 365, &r->day);
	} else {
		is_good = read_number(c, 0, 365, &r->day);
	}
	return is_good && (!take(c, '/') || read_time(c, 167, &r->time_s));
}

/* POSIX counts offsets west of UTC. 24:59:59 and an hour of DST stay within OFFSET_MIN_S and OFFSET_MAX_S. */
static bool read_footer(struct cursor c, struct footer *f)
{
	int32_t west_s;

	*f = (struct footer){.is_present = true};
	if (!read_name(&c) || !read_time(&c, 24, &west_s))
		return false;
	f->std_s = -west_s;
	if (c.at == c.end)
		return true;
	f->has_dst = true;
	f->dst_s = f->std_s + 3600;
	if (!read_name(&c))
		return false;
	if (peek(&c) != ',') {
		if (!read_time(&c, 24, &west_s))
			return false;
		f->dst_s = -west_s;
	}
	return take(&c, ',') && read_rule(&c, &f->start) && take(&c, ',') && read_rule(&c, &f->end) && c.at == c.end;
}

/* ---- reading a file ---- */

/* One header and the data after it; there are two in a file, the first with times of 4 bytes, the second of 8. */
struct block {
	unsigned char version;
	uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
	size_t time_size;
	const unsigned char *times, *indexes, *types;
	size_t size; /* header and data */
};

static uint64_t big_endian(const unsigned char *data, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n = n << 8 | data[i];
	return n;
}

static int64_t read_at_s(const struct block *b, size_t i)
{
	uint64_t n = big_endian(b->times + i * b->time_size, b->time_size);

	return b->time_size == 4 ? (int32_t)(uint32_t)n : (int64_t)n;
}

static int32_t read_offset(const struct block *b, size_t type)
{
	return (int32_t)(uint32_t)big_endian(b->types + type * 6, 4);
}

/* Find the parts of a block, none of which reaches over size. */
static int find_parts(struct block *b, const unsigned char *data, size_t size, size_t time_size)
{
	uint64_t total; /* of six counts of 32 bits: cannot overflow */

	if (size < HEADER_SIZE || memcmp(data, "TZif", 4) != 0)
		return meter__fail(METER_ECORRUPT, "not a TZif file");
	*b = (struct block){.version = data[4], .time_size = time_size};
	b->utc_count = (uint32_t)big_endian(data + 20, 4);
	b->standard_count = (uint32_t)big_endian(data + 24, 4);
	b->leap_count = (uint32_t)big_endian(data + 28, 4);
	b->time_count = (uint32_t)big_endian(data + 32, 4);
	b->type_count = (uint32_t)big_endian(data + 36, 4);
	b->char_count = (uint32_t)big_endian(data + 40, 4);
	total = HEADER_SIZE + b->time_count * ((uint64_t)time_size + 1) + b->type_count * UINT64_C(6) + b->char_count +
	        b->leap_count * ((uint64_t)time_size + 4) + b->standard_count + b->utc_count;
	if (total > size)
		return meter__fail(METER_ECORRUPT, "TZif file of %zu bytes ends too early", size);
	b->size = (size_t)total;
	b->times = data + HEADER_SIZE;
	b->indexes = b->times + b->time_count * time_size;
	b->types = b->indexes + b->time_count;
	return METER_OK;
}

static int check_block(const struct block *b)
{
	if (b->leap_count != 0)
		return meter__fail(METER_EINVAL, "zones that count leap seconds are not supported");
	if (b->type_count == 0 || b->char_count == 0 || (b->utc_count != 0 && b->utc_count != b->type_count) ||
	    (b->standard_count != 0 && b->standard_count != b->type_count))
		return meter__fail(METER_ECORRUPT, "TZif counts do not fit each other");
	for (size_t i = 0; i < b->type_count; i++) {
		const unsigned char *type = b->types + i * 6;

		if (read_offset(b, i) < OFFSET_MIN_S || read_offset(b, i) > OFFSET_MAX_S || type[4] > 1 ||
		    type[5] >= b->char_count)
			return meter__fail(METER_ECORRUPT, "TZif local time type %zu is out of range", i);
	}
	for (size_t i = 0; i < b->time_count; i++) {
		if (i > 0 && read_at_s(b, i) <= read_at_s(b, i - 1))
			return meter__fail(METER_ECORRUPT, "TZif transition %zu is not after the one before", i);
		if (b->indexes[i] >= b->type_count)
			return meter__fail(METER_ECORRUPT, "TZif transition %zu has a local time type that is not there", i);
	}
	return METER_OK;
}

/* What follows the second block: a TZ text between two newlines, which may be empty. */
static int parse_footer(struct footer *f, const char *text, size_t size)
{
	*f = (struct footer){0};
	if (size < 2 || text[0] != '\n' || text[size - 1] != '\n')
		return meter__fail(METER_ECORRUPT, "TZif file without a footer");
	if (size > 2 && !read_footer((struct cursor){text + 1, text + size - 1}, f))
		return meter__fail_value(METER_ECORRUPT, text + 1, size - 2, "not a footer of a TZif file");
	return METER_OK;
}

static int make_zone(struct zone **out, const struct block *b, const struct footer *f)
{
	struct zone *zone = malloc(sizeof(*zone) + b->time_count * sizeof(zone->transitions[0]));

	if (!zone)
		return meter__fail(METER_ENOMEM, "no memory for a time zone");
	zone->footer = *f;
	zone->first_s = read_offset(b, 0);
	zone->count = b->time_count;
	for (size_t i = 0; i < zone->count; i++)
		zone->transitions[i] = (struct transition){read_at_s(b, i), read_offset(b, b->indexes[i])};
	*out = zone;
	return METER_OK;
}

int meter__zone_parse(struct zone **out, const void *data, size_t size)
{
	const unsigned char *start = data;
	struct footer footer = {0};
	struct block b;
	int rc;

	*out = NULL;
	if (size > FILE_MAX_SIZE)
		return meter__fail(METER_ECORRUPT, "TZif file of more than %zu bytes", FILE_MAX_SIZE);
	rc = find_parts(&b, start, size, 4);
	if (rc == METER_OK && b.version >= '2') {
		size_t skipped = b.size;
		unsigned char version = b.version;

		rc = find_parts(&b, start + skipped, size - skipped, 8);
		if (rc == METER_OK && b.version != version)
			return meter__fail(METER_ECORRUPT, "TZif headers of two versions");
		skipped += b.size;
		if (rc == METER_OK)
			rc = parse_footer(&footer, (const char *)start + skipped, size - skipped);
	} else if (rc == METER_OK && (b.version != 0 || b.size != size)) {
		return meter__fail(METER_ECORRUPT,
		                   b.version ? "TZif file of unknown version" : "TZif file with more after its end");
	}
	if (rc == METER_OK)
		rc = check_block(&b);
	return rc == METER_OK ? make_zone(out, &b, &footer) : rc;
}

/* ---- loading ---- */

/* Whether it names a file below FOLDER, and only there: without dots no segment leads out of it. */
static bool is_name(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < size; i++) {
		bool is_slash = name[i] == '/';

		if (is_slash ? i == 0 || i + 1 == size || name[i - 1] == '/'
		             : !is_letter(name[i]) && !is_digit(name[i]) && !strchr("_+-", name[i]))
			return false;
	}
	return size > 0 && size <= NAME_MAX_SIZE;
}

static int fail_name(const char *name)
{
	return meter__fail_value(METER_EINVAL, name, strlen(name), "no such time zone in " FOLDER);
}

static int fail_open(const char *name)
{
	if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
		return fail_name(name);
	if (errno == ENOMEM)
		return meter__fail(METER_ENOMEM, "no memory to open " FOLDER "%s", name);
	return meter__fail(METER_EIO, "opening " FOLDER "%s: %s", name, strerror(errno));
}

static int load_file(struct zone **out, FILE *file, const char *name)
{
	char *data;
	struct stat status;
	size_t size;
	int rc;

	if (fstat(fileno(file), &status) != 0)
		return meter__fail(METER_EIO, "reading " FOLDER "%s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return fail_name(name);
	data = malloc(FILE_MAX_SIZE + 1); /* one more than is allowed, to tell a file that is too large */
	if (!data)
		return meter__fail(METER_ENOMEM, "no memory to read " FOLDER "%s", name);
	size = fread(data, 1, FILE_MAX_SIZE + 1, file);
	if (ferror(file))
		rc = meter__fail(METER_EIO, "reading " FOLDER "%s: %s", name, strerror(errno));
	else
		rc = meter__zone_parse(out, data, size);
	free(data);
	return rc == METER_ECORRUPT || rc == METER_EINVAL ? meter__fail_in(rc, FOLDER "%s: ", name) : rc;
}

int meter__zone_load(struct zone **out, const char *name)
{
	char path[sizeof(FOLDER) + NAME_MAX_SIZE];
	FILE *file;
	int rc;

	*out = NULL;
	if (!is_name(name))
		return meter__fail_value(METER_EINVAL, name, strlen(name), "a time zone was expected, like Europe/Berlin");
	if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0) {
		*out = calloc(1, sizeof(**out));
		return *out ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a time zone");
	}
	snprintf(path, sizeof(path), FOLDER "%s", name);
	file = fopen(path, "rbe");
	if (!file)
		return fail_open(name);
	rc = load_file(out, file, name);
	fclose(file);
	return rc;
}

void meter__zone_free(struct zone *zone)
{
	free(zone);
}
