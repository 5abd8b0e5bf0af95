/*
 * verify_file.c - see verify.h: what a file says of itself as a whole: texts of catalogs and their hashes, the meters that are
 * counted for them, counters that decide what is read at all.
 *
 * Each of these would let usage go missing without a bucket that is wrong: a catalog that does not find its meters counts
 * nothing, and readers do not look for late rows where a counter says that there are none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "verify.h"

static const struct slice none = {NULL, 0};

/* ---- findings ---- */

static struct slice number_text(char out[24], int64_t number)
{
	snprintf(out, 24, "%" PRId64, number);
	return meter__slice_of(out);
}

static int add_numbers(struct findings *f, const char *code, const char *text, const char *place, int64_t expected, int64_t found)
{
	char numbers[2][24];
	return meter__finding_add(f, code, meter__slice_of(text), meter__slice_of(place), number_text(numbers[0], expected),
	                          number_text(numbers[1], found));
}

/* A list whose rows are findings of one kind. */
struct kind {
	struct findings *findings;
	const char *code, *text;
};

static int add_row(const struct verify_row *row, void *user)
{
	const struct kind *kind = user;
	char numbers[2][24];
	const struct slice expected = row->texts[1].data ? row->texts[1] : number_text(numbers[0], row->numbers[1]);
	const struct slice found = row->texts[2].data ? row->texts[2] : number_text(numbers[1], row->numbers[2]);
	return meter__finding_add(kind->findings, kind->code, meter__slice_of(kind->text), row->texts[0], expected, found);
}

static int check_lists(struct file_check *c)
{
	static const struct {
		enum verify_list list;
		const char *code, *text;
	} lists[] = {
		{LIST_COUNTERS, "counter_differs", "a counter is not what it counts"},
		{LIST_BOUNDS, "counter_differs", "a counter is less than what is there"},
		{LIST_RETRACTIONS, "retraction_differs", "an event that is taken back is, or is not, waited for"},
	};
	int code = METER_OK;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && code == METER_OK; i++) {
		struct kind kind = {c->findings, lists[i].code, lists[i].text};
		code = meter__verify_visit(c->reader, lists[i].list, 0, none, add_row, &kind);
	}
	return code;
}

/* ---- catalogs ---- */

static int check_catalog(const struct verify_row *row, void *user)
{
	char right[HASH_TEXT_SIZE], place[64];
	meter__hash(right, row->texts[1]);
	if (meter__slice_equal(row->texts[2], meter__slice_of(right)))
		return METER_OK;
	snprintf(place, sizeof(place), "catalog version %" PRId64, row->numbers[0]);
	return meter__finding_add(user, "catalog_differs", meter__slice_of("the text of a catalog does not give its hash"),
	                          meter__slice_of(place), row->texts[2], meter__slice_of(right));
}

int meter__verify_catalogs(struct reader *r, struct findings *findings)
{
	return meter__verify_visit(r, LIST_CATALOGS, 0, none, check_catalog, findings);
}

struct used_meters {
	struct file_check *check;
	const struct meter_catalog *catalog;
	int64_t version;
	size_t count;
};

static int add_meter(const struct used_meters *used, const char *text, struct slice key)
{
	struct buffer place = {0};
	meter__buffer_format(&place, "catalog version %" PRId64 ", meter ", used->version);
	meter__buffer_slice(&place, key);
	const int code = place.failed ? meter__fail(METER_ENOMEM, "no memory for findings")
	                              : meter__finding_add(used->check->findings, "meter_differs", meter__slice_of(text),
	                                                   (struct slice){place.data, place.size}, none, none);
	meter__buffer_free(&place);
	return code;
}

static int check_meter(const struct verify_row *row, void *user)
{
	struct used_meters *used = user;
	const struct meter_definition *definition = meter__catalog_meter(used->catalog, row->texts[0]);
	if (!definition)
		return add_meter(used, "a meter that the catalog does not have", row->texts[0]);
	used->count++;
	if (!meter__slice_equal(meter__slice_of(definition->canonical), row->texts[1]))
		return add_meter(used, "what is counted is not what the meter of the catalog counts", row->texts[0]);
	if (row->numbers[2])
		return add_meter(used, "a meter of the catalog is not counted any more", row->texts[0]);
	if (row->numbers[3] != 1)
		return add_meter(used, "a meter of the catalog is counted twice", row->texts[0]);
	return METER_OK;
}

static int check_meters_of(struct file_check *c, const struct meter_catalog *catalog, int64_t version)
{
	struct used_meters used = {c, catalog, version, 0};
	if (!catalog)
		return METER_OK;
	int code = meter__verify_visit(c->reader, LIST_USED_METERS, version, none, check_meter, &used);
	if (code == METER_OK && used.count < catalog->meter_count)
		code = add_meter(&used, "meters of the catalog are not counted",
		                 (struct slice)SLICE("(see table catalog_meter)"));
	return code;
}

/* Samples of time are kept for meters that weigh by time alone. */
static int check_sampled(struct file_check *c)
{
	char place[64];
	int64_t number = INT64_MIN;
	int code;
	while ((code = meter__verify_sampled_next(c->reader, number, &number)) == METER_OK) {
		const int64_t index = meter__verify_meter_index(c->meters, number);
		const struct meter_definition *definition = index < 0 ? NULL : c->meters->list[index].definition;
		if (index >= 0 && (!definition || definition->aggregation == AGGREGATION_TIME_WEIGHTED))
			continue; /* or it is about to be deleted */
		snprintf(place, sizeof(place), "table sample, meter number %" PRId64, number);
		code = meter__finding_add(c->findings, "meter_missing", meter__slice_of("samples of a meter that has none"),
		                          meter__slice_of(place), none, none);
		if (code != METER_OK)
			return code;
	}
	return code == METER_EEND ? METER_OK : code;
}

/* ---- gauges ---- */

static int check_gauge(struct file_check *c, const struct meter_definition *definition, int64_t version)
{
	struct used_meters used = {c, NULL, version, 0};
	int64_t type;
	bool is_known;
	if (definition->aggregation != AGGREGATION_TIME_WEIGHTED)
		return METER_OK;
	int code = meter__store_name(c->reader, &type, meter__slice_of(definition->event_type));
	if (code != METER_OK || type == 0) /* it never had an event */
		return code;
	code = meter__store_has_gauge(c->reader, type, &is_known);
	if (code != METER_OK || is_known)
		return code;
	return add_meter(&used, "its values are not known as those of a gauge: late ones would reach no later bill",
	                 meter__slice_of(definition->key));
}

/* Of all catalogs, because bills are rated again by those that they were rated by. */
static int check_gauges(struct file_check *c)
{
	int code = METER_OK;
	for (int64_t version = 1; version <= c->totals->catalog && code == METER_OK; version++) {
		struct meter_catalog *catalog;
		code = meter__store_catalog_version(c->reader, version, &catalog);
		for (size_t i = 0; code == METER_OK && i < catalog->meter_count; i++)
			code = check_gauge(c, &catalog->meters[i], version);
		meter__catalog_release(catalog);
	}
	return code;
}

/* ---- what the scan of events has seen ---- */

static int check_seen(struct file_check *c)
{
	int code = METER_OK;
	if (c->is_whole && c->events != c->totals->accepted)
		code = add_numbers(c->findings, "accepted_differs", "the counter of accepted events is not how many there are",
		                   "total.accepted", c->events, c->totals->accepted);
	if (code == METER_OK && c->ingest_max > c->totals->ingest)
		code = add_numbers(c->findings, "counter_differs", "a counter is less than what is there", "total.ingest",
		                   c->ingest_max, c->totals->ingest);
	if (code == METER_OK && c->has_negative && c->totals->negative == 0)
		code = add_numbers(c->findings, "counter_differs", "a counter is less than what is there", "total.negative", 1,
		                   0);
	return code;
}

int meter__verify_file(struct file_check *c)
{
	int code = check_lists(c);
	if (code == METER_OK)
		code = check_meters_of(c, c->meters->in_force, c->meters->in_force_version);
	if (code == METER_OK)
		code = check_meters_of(c, c->meters->pending, c->meters->pending_version);
	if (code == METER_OK && c->is_whole)
		code = check_gauges(c);
	if (code == METER_OK)
		code = check_sampled(c);
	return code == METER_OK ? check_seen(c) : code;
}
