/*
 * apply.c - a catalog comes into force: prepare, fill new meters, activate, delete what no catalog uses. On the caller's thread,
 * in short transactions between which the writer has its turn.
 */
#include "error.h"
#include "internal.h"
#include "os.h"

enum step { STEP_PREPARE, STEP_FILL, STEP_ACTIVATE, STEP_PURGE };

struct apply {
	struct meter_catalog *catalog;
	int64_t version;
	bool is_done; /* the step that may take several transactions is through */
	int64_t events;
};

static int run_step(struct meter *m, struct apply *a, enum step step)
{
	int code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	switch (step) {
	case STEP_PREPARE:
		code = meter__store_catalog_prepare(m->store, a->catalog, &a->version);
		break;
	case STEP_FILL:
		code = meter__store_catalog_fill(m->store, a->version, &a->is_done, &a->events);
		break;
	case STEP_ACTIVATE:
		code = meter__store_catalog_activate(m->store, a->version);
		break;
	case STEP_PURGE:
		code = meter__store_catalog_purge(m->store, &a->is_done);
		break;
	}
	if (code != METER_OK) {
		meter__store_rollback(m->store);
		return code;
	}
	return meter__store_commit(m->store);
}

/* How many events there are to count, for progress. */
static int count_events(struct meter *m, int64_t *out)
{
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	struct totals totals;
	code = meter__store_totals(r, &totals);
	*out = totals.accepted;
	meter__store_reader_done(r);
	return code;
}

static int fill(struct meter *m, struct apply *a, meter_progress progress, void *user)
{
	int64_t total = 0;
	int code = count_events(m, &total);
	int64_t done = 0;
	while (code == METER_OK) {
		code = run_step(m, a, STEP_FILL);
		if (code != METER_OK || a->is_done)
			return code;
		done += a->events;
		if (progress && progress(done, done > total ? done : total, user) != 0)
			return meter__fail(METER_ETIMEDOUT,
			                   "stopped after %lld of %lld events; applying the same text again goes on there",
			                   (long long)done, (long long)total);
		meter__os_give_way();
	}
	return code;
}

static int apply(struct meter *m, struct apply *a, meter_progress progress, void *user)
{
	int code = run_step(m, a, STEP_PREPARE);
	if (code == METER_OK)
		code = fill(m, a, progress, user);
	if (code == METER_OK)
		code = run_step(m, a, STEP_ACTIVATE);
	a->is_done = false;
	while (code == METER_OK && !a->is_done) {
		code = run_step(m, a, STEP_PURGE);
		meter__os_give_way();
	}
	return code;
}

int meter_catalog_apply(meter *m, const char *name, const char *text, size_t size, meter_progress progress, void *user,
                        int64_t *version_out)
{
	REQUIRE(m && name && text);
	if (version_out)
		*version_out = 0;
	struct apply a = {0};
	int code = meter_catalog_read(&a.catalog, name, text, size);
	if (code == METER_OK)
		code = apply(m, &a, progress, user);
	if (code == METER_OK && version_out)
		*version_out = a.version;
	meter__catalog_release(a.catalog);
	return code;
}
