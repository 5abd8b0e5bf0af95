/*
 * recover.c - takes over the spools that processes left when they died, when a file is opened and before the handle writes
 * anything.
 *
 * Whoever locks a ring file first recovers it; its owner holds that lock as long as it lives. The row of the spool in the
 * database says from where on: each transaction stores records and moves the row on, so a recovery that dies as well is gone on
 * with, and nothing is stored twice. A ring that does not fit the database is never read nor deleted: it is renamed and counted
 * as damaged.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "internal.h"
#include "os.h"

#define LOAD_EVENTS 65536
#define ID_DIGITS 16

struct recovery {
	struct store *store;
	struct haul haul; /* its load has memory once something was recovered */
};

/* ---- one ring ---- */

static int write_haul(struct recovery *r, struct spool *ring)
{
	struct haul *haul = &r->haul;
	struct totals *totals = meter__store_totals_writing(r->store);
	int code = meter__store_spool_consume(r->store, meter__spool_id(ring), haul->from, haul->to, haul->damaged);
	totals->recovered += (int64_t)(haul->load.count - haul->damaged);
	if (code == METER_OK)
		code = meter__store_ingest(r->store, &haul->load);
	/* The last transaction is the one that finds nothing more. */
	if (code == METER_OK && haul->load.count == 0)
		code = meter__store_spool_retire(r->store, meter__spool_id(ring));
	return code;
}

static int store_records(struct recovery *r, struct spool *ring, uint64_t consumed)
{
	struct haul *haul = &r->haul;
	int code = METER_OK;
	if (!haul->load.arrivals)
		code = meter__load_init(&haul->load, LOAD_EVENTS, meter__os.random());
	meter__spool_seek(ring, consumed);
	haul->to = consumed;
	for (bool is_done = false; code == METER_OK && !is_done;) {
		meter__load_clear(&haul->load);
		haul->from = haul->to;
		haul->damaged = 0;
		meter__haul_read_spool(haul, ring, LOAD_EVENTS);
		is_done = haul->load.count == 0;
		TEST_POINT("recover.read");
		code = meter__store_begin(r->store);
		if (code != METER_OK)
			break;
		code = write_haul(r, ring);
		if (code != METER_OK)
			meter__store_rollback(r->store);
		else
			code = meter__store_commit(r->store);
		TEST_POINT("recover.committed");
	}
	return code;
}

/* Something was recorded here, whether it was stored or not. */
static bool was_used(struct spool *ring)
{
	uint64_t position = meter__spool_consumed(ring);
	struct spool_record record;
	meter__spool_seek(ring, position);
	return position > 0 || meter__spool_read(ring, &position, &record);
}

enum fate { FATE_STORE, FATE_REMOVE, FATE_KEEP };

/* What to do with a ring, decided in a transaction: damage is counted in it. */
static int decide(struct recovery *r, struct spool *ring, bool is_readable, int64_t id, uint64_t *consumed, enum fate *fate)
{
	struct store *s = r->store;
	struct totals *totals = meter__store_totals_writing(s);
	enum spool_state state;
	int code = meter__store_spool_find(s, id, consumed, &state);
	if (code != METER_OK && code != METER_EEND)
		return code;
	bool is_known = code == METER_OK;
	if (is_known && state == SPOOL_RETIRED) {
		*fate = FATE_REMOVE;
		return METER_OK;
	}
	bool is_ours = is_readable && meter__spool_id(ring) == id && meter__spool_database(ring) == meter__store_database(s);
	if (is_known && is_ours) {
		*fate = FATE_STORE;
		/* The database is older than its spool: some of what was stored between is gone with the old state of it. */
		if (*consumed < meter__spool_consumed(ring))
			totals->damaged++;
		return METER_OK;
	}
	/* Never registered: nothing was accepted, unless the database went back to a state before that, or its WAL is gone. */
	*fate = is_known || (is_readable && was_used(ring)) ? FATE_KEEP : FATE_REMOVE;
	if (*fate == FATE_REMOVE)
		return METER_OK;
	totals->damaged++;
	return is_known ? meter__store_spool_retire(s, id) : METER_OK;
}

static int set_aside(const char *path)
{
	struct buffer name = {0};
	meter__buffer_format(&name, "%s.orphan", path);
	int code = METER_OK;
	if (name.failed)
		code = meter__fail(METER_ENOMEM, "no memory for a path");
	else if (rename(path, meter__buffer_cstr(&name)) != 0)
		code = meter__fail(METER_EIO, "%s cannot be renamed: %s", path, strerror(errno));
	meter__buffer_free(&name);
	return code;
}

static int recover_ring(struct recovery *r, struct spool *ring, bool is_readable, int64_t id, const char *path, bool *is_removed)
{
	enum fate fate = FATE_STORE;
	uint64_t consumed = 0;
	int code = meter__store_begin(r->store);
	if (code != METER_OK)
		return code;
	code = decide(r, ring, is_readable, id, &consumed, &fate);
	if (code == METER_OK)
		code = meter__store_totals_write(r->store);
	if (code != METER_OK) {
		meter__store_rollback(r->store);
		return code;
	}
	code = meter__store_commit(r->store);
	if (code == METER_OK && fate == FATE_STORE)
		code = store_records(r, ring, consumed);
	*is_removed = code == METER_OK && fate != FATE_KEEP;
	return code == METER_OK && fate == FATE_KEEP ? set_aside(path) : code;
}

static int recover_file(const char *path, int64_t id, void *user)
{
	struct recovery *r = user;
	struct spool *ring;
	int code = meter__spool_load(&ring, path);
	if (code == METER_EBUSY || code == METER_ENOTFOUND)
		return METER_OK;
	if (code != METER_OK && code != METER_ECORRUPT)
		return code;
	bool is_removed = false;
	code = recover_ring(r, ring, code == METER_OK, id, path, &is_removed);
	meter__spool_close(ring, is_removed);
	TEST_POINT("recover.removed");
	return code;
}

/* ---- all of them ---- */

static bool is_ring_name(const char *name, const char *prefix, int64_t *id_out)
{
	size_t size = strlen(prefix);
	if (strncmp(name, prefix, size) != 0 || strlen(name + size) != ID_DIGITS ||
	    strspn(name + size, "0123456789abcdef") != ID_DIGITS)
		return false;
	*id_out = (int64_t)strtoull(name + size, NULL, 16);
	return true;
}

typedef int (*ring_visitor)(const char *path, int64_t id, void *user);

/* Every ring file of the database, those in use as well. */
static int visit_rings(const char *path, ring_visitor visit, void *user)
{
	struct buffer prefix = {0}, file = {0};
	char *folder = meter__folder_of(path);
	meter__buffer_format(&prefix, "%s-spool-", path);
	const char *name = strrchr(meter__buffer_cstr(&prefix), '/');
	DIR *directory = folder && name ? opendir(folder) : NULL;
	int code = METER_OK;
	if (!folder || !name)
		code = meter__fail(METER_ENOMEM, "no memory for a path");
	else if (!directory)
		code = meter__fail(METER_EIO, "%s cannot be listed: %s", folder, strerror(errno));
	const struct dirent *entry;
	while (code == METER_OK && (entry = readdir(directory)) != NULL) {
		int64_t id;
		if (!is_ring_name(entry->d_name, name + 1, &id))
			continue;
		meter__buffer_reset(&file);
		meter__buffer_format(&file, "%s/%s", folder, entry->d_name);
		code = file.failed ? meter__fail(METER_ENOMEM, "no memory for a path")
		                   : visit(meter__buffer_cstr(&file), id, user);
	}
	if (directory)
		closedir(directory);
	free(folder);
	meter__buffer_free(&prefix);
	meter__buffer_free(&file);
	return code;
}

struct look {
	int64_t bytes;
	int error;
};

static int look_at_ring(const char *path, int64_t id, void *user)
{
	(void)id;
	struct look *look = user;
	int64_t bytes;
	int error;
	if (!meter__spool_look(path, &bytes, &error))
		return METER_OK; /* gone meanwhile, or just being made */
	look->bytes += bytes;
	if (error != METER_OK)
		look->error = error;
	return METER_OK;
}

int meter__recover_look(const struct store *s, int64_t *bytes_out, int *error_out)
{
	struct look look = {0};
	int code = visit_rings(meter__store_path(s), look_at_ring, &look);
	*bytes_out = look.bytes;
	*error_out = look.error;
	return code;
}

struct left_rows {
	const char *prefix; /* path of a ring without its number */
	int64_t ids[64];    /* more wait for the next time */
	size_t count;
};

static int find_left_row(int64_t id, void *user)
{
	struct left_rows *left = user;
	struct buffer path = {0};
	meter__buffer_format(&path, "%s%016llx", left->prefix, (unsigned long long)id);
	bool failed = path.failed;
	bool is_there = !failed && access(meter__buffer_cstr(&path), F_OK) == 0;
	meter__buffer_free(&path);
	if (failed)
		return meter__fail(METER_ENOMEM, "no memory for a path");
	if (!is_there && left->count < sizeof(left->ids) / sizeof(left->ids[0]))
		left->ids[left->count++] = id;
	return METER_OK;
}

/* In a transaction. A ring is removed only after its row was retired; so of one that is still in use somebody else removed it.
 * One that was copied may never have been here. */
static int forget_row(struct store *s, int64_t id)
{
	uint64_t consumed;
	enum spool_state state;
	int code = meter__store_spool_find(s, id, &consumed, &state);
	if (code == METER_EEND)
		return METER_OK; /* another process was quicker */
	if (code == METER_OK && state == SPOOL_IN_USE)
		meter__store_totals_writing(s)->damaged++;
	return code == METER_OK ? meter__store_spool_forget(s, id) : code;
}

/* Rows whose ring is gone have done their work. */
static int forget_rows(struct store *s, const char *prefix)
{
	struct left_rows left = {.prefix = prefix};
	int code = meter__store_spool_list(s, find_left_row, &left);
	if (code != METER_OK || left.count == 0)
		return code;
	code = meter__store_begin(s);
	if (code != METER_OK)
		return code;
	for (size_t i = 0; code == METER_OK && i < left.count; i++)
		code = forget_row(s, left.ids[i]);
	if (code == METER_OK)
		code = meter__store_totals_write(s);
	if (code == METER_OK)
		return meter__store_commit(s);
	meter__store_rollback(s);
	return code;
}

int meter__recover(struct store *s)
{
	struct recovery r = {.store = s};
	struct buffer prefix = {0};
	int code = visit_rings(meter__store_path(s), recover_file, &r);
	meter__buffer_format(&prefix, "%s-spool-", meter__store_path(s));
	if (code == METER_OK)
		code = prefix.failed ? meter__fail(METER_ENOMEM, "no memory for a path")
		                     : forget_rows(s, meter__buffer_cstr(&prefix));
	meter__load_free(&r.haul.load);
	meter__buffer_free(&prefix);
	return code;
}
