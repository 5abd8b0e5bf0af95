/* meter.c - the handle: opening, recording, flushing, closing, stats. Wires the modules together and contains no rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "internal.h"
#include "os.h"

int meter__argument(struct slice *out, const char *what, const char *data, size_t size)
{
	if (!data)
		return meter__fail(METER_EINVAL, "%s: missing", what);
	*out = meter__optional_argument(data, size);
	return out->size > 0 ? METER_OK : meter__fail(METER_EINVAL, "%s: empty", what);
}

struct slice meter__optional_argument(const char *data, size_t size)
{
	if (data && size == METER_NUL_TERMINATED)
		size = strlen(data);
	return (struct slice){data, data ? size : 0};
}

/* ---- options ---- */

static int check_range(const char *name, int32_t *value, int32_t default_value, int32_t max)
{
	if (*value < 0 || *value > max)
		return meter__fail(METER_EINVAL, "%s is %d; 0 for the default, or up to %d", name, *value, max);
	if (*value == 0)
		*value = default_value;
	return METER_OK;
}

/* A flag that says why, or neither: a reason alone would be forgotten in silence. */
static int check_loss(const meter_options *o)
{
	if (!(o->flags & METER_OPEN_ACCEPT_LOSS) != !o->loss_reason)
		return meter__fail(METER_EINVAL, "METER_OPEN_ACCEPT_LOSS and loss_reason belong together");
	if (!o->loss_reason)
		return METER_OK;
	size_t size = strlen(o->loss_reason);
	if (size < 1 || size > 1000 || !meter__utf8_valid(o->loss_reason, size))
		return meter__fail(METER_EINVAL, "loss_reason: 1 to 1000 bytes of UTF-8 were expected");
	return METER_OK;
}

/* What the caller's struct does not have, because it is older, keeps its default. */
static int read_options(meter_options *out, const meter_options *in)
{
	*out = (meter_options)METER_OPTIONS_INIT;
	if (in) {
		if (in->struct_size < sizeof(size_t) || in->struct_size > 4096)
			return meter__fail(METER_EINVAL, "options: struct_size is %zu; start from METER_OPTIONS_INIT",
			                   in->struct_size);
		memcpy(out, in, in->struct_size < sizeof(*out) ? in->struct_size : sizeof(*out));
	}
	if (out->flags & ~(METER_OPEN_EXISTING | METER_OPEN_WITHOUT_SPOOL | METER_OPEN_ACCEPT_LOSS))
		return meter__fail(METER_EINVAL,
		                   "flags are 0x%x; only METER_OPEN_EXISTING, METER_OPEN_WITHOUT_SPOOL and "
		                   "METER_OPEN_ACCEPT_LOSS are known",
		                   out->flags);
	int code = check_loss(out);
	if (code == METER_OK)
		code = check_range("commit_interval_ms", &out->commit_interval_ms, 100, 60000);
	if (code == METER_OK)
		code = check_range("full_wait_ms", &out->full_wait_ms, 0, 60000);
	if (code == METER_OK)
		code = check_range("lock_wait_ms", &out->lock_wait_ms, 10000, 3600000);
	if (code == METER_OK)
		code = check_range("queue_mib", &out->queue_mib, 64, 1024);
	if (code == METER_OK)
		code = check_range("wal_max_mib", &out->wal_max_mib, 1024, 1048576);
	return code;
}

/* ---- open and close ---- */

static struct meter *meter_of(struct fork_guard *guard)
{
	return (struct meter *)(void *)((char *)guard - offsetof(struct meter, fork));
}

/* In a child: what the parent holds by these descriptors it must hold alone. */
static void abandon(struct fork_guard *guard)
{
	struct meter *m = meter_of(guard);
	struct spool *spool = m->intake.spool;
	if (spool)
		meter__spool_abandon(spool);
	if (m->store)
		meter__store_abandon(m->store);
}

static void drop(struct fork_guard *guard)
{
	struct meter *m = meter_of(guard);
	if (m->store)
		meter__store_drop(m->store);
}

static int new_handle(struct meter **out, const meter_options *o)
{
	struct meter *m = aligned_alloc(_Alignof(struct meter), sizeof(*m));
	if (!m)
		return meter__fail(METER_ENOMEM, "no memory for a handle");
	memset(m, 0, sizeof(*m));
	m->commit_interval_us = (int64_t)o->commit_interval_ms * 1000;
	m->full_wait_ms = o->full_wait_ms;
	m->spool_size = (size_t)o->queue_mib << 20;
	m->fork.abandon = abandon;
	m->fork.drop = drop;
	pthread_mutex_init(&m->take_mutex, NULL);
	pthread_mutex_init(&m->write_mutex, NULL);
	meter__intake_init(&m->intake, (size_t)o->queue_mib << 20);
	*out = m;
	return METER_OK;
}

static void free_handle(struct meter *m)
{
	meter__fork_unregister(&m->fork);
	meter__store_close(m->store);
	meter__intake_free(&m->intake);
	pthread_mutex_destroy(&m->take_mutex);
	pthread_mutex_destroy(&m->write_mutex);
	free(m);
}

static int make_spool(struct meter *m)
{
	struct spool *spool;
	int code = meter__spool_create(&spool, meter__store_path(m->store), m->spool_size, meter__store_database(m->store));
	if (code != METER_OK)
		return code;
	/* Before the first record is accepted the database must know of it. */
	code = meter__store_begin(m->store);
	if (code == METER_OK) {
		code = meter__store_spool_add(m->store, meter__spool_id(spool));
		if (code == METER_OK)
			code = meter__store_commit(m->store);
		else
			meter__store_rollback(m->store);
	}
	TEST_POINT("spool.registered");
	if (code == METER_OK)
		m->intake.spool = spool;
	else
		/* After METER_EIO the row may be in the file all the same, and must not be without its ring. Whoever opens the
		 * file next finds that empty. */
		meter__spool_close(spool, code != METER_EIO);
	return code;
}

/* In a transaction of its own: whatever is in the spool is stored. */
static int retire_spool(struct meter *m, const struct spool *spool)
{
	int code = meter__store_begin(m->store);
	if (code != METER_OK)
		return code;
	code = meter__store_spool_retire(m->store, meter__spool_id(spool));
	if (code == METER_OK)
		return meter__store_commit(m->store);
	meter__store_rollback(m->store);
	return code;
}

int meter_open(meter **out, const char *path, const meter_options *options)
{
	REQUIRE(out);
	*out = NULL;
	struct slice name;
	int code = meter__argument(&name, "path", path, METER_NUL_TERMINATED);
	if (code == METER_OK && meter__slice_equal(name, meter__slice_of(":memory:")))
		code = meter__fail(METER_EINVAL, "path: a database in memory is not durable");
	meter_options o;
	if (code == METER_OK)
		code = read_options(&o, options);
	meter *m = NULL;
	if (code == METER_OK)
		code = new_handle(&m, &o);
	if (code != METER_OK)
		return code;
	code = meter__fork_register(&m->fork);
	struct store_options store_options = {
		.must_exist = (o.flags & METER_OPEN_EXISTING) != 0,
		.loss_reason = o.loss_reason,
		.lock_wait_ms = o.lock_wait_ms,
		.wal_bytes_max = (int64_t)o.wal_max_mib << 20,
	};
	if (code == METER_OK)
		code = meter__store_open(&m->store, &m->fork, path, &store_options);
	if (code == METER_OK)
		code = meter__recover(m->store);
	if (code == METER_OK && !(o.flags & METER_OPEN_WITHOUT_SPOOL))
		code = make_spool(m);
	if (code == METER_OK)
		code = meter__writers_start(m);
	if (code != METER_OK) {
		char message[512];
		snprintf(message, sizeof(message), "%s", meter_errmsg());
		meter__writers_stop(m);
		if (m->intake.spool) /* nothing was accepted */
			meter__spool_close(m->intake.spool, retire_spool(m, m->intake.spool) == METER_OK);
		free_handle(m);
		return meter__fail(code, "%s", message); /* not what went wrong while clearing up */
	}
	*out = m;
	return METER_OK;
}

int meter_close(meter *m)
{
	if (!m)
		return METER_OK;
	REQUIRE_OWN(m);
	meter__writers_stop(m);
	int code = m->close_code;
	struct intake *in = &m->intake;
	struct spool *spool = in->spool;
	uint64_t spooled = 0;
	if (spool) {
		int64_t oldest_us;
		meter__spool_waiting(spool, &spooled, &oldest_us);
		/* A spool that is not retired is recovered by who opens the file next, and found to be empty. */
		bool is_done = code == METER_OK && retire_spool(m, spool) == METER_OK;
		TEST_POINT("close.retired");
		meter__spool_close(spool, is_done);
	}
	struct buffer message = {0};
	if (code != METER_OK)
		meter__buffer_format(&message, "%s; %llu events are lost, %llu wait in the spool until the file is opened again",
		                     m->close_text, (unsigned long long)(in->handed_over - in->decided),
		                     (unsigned long long)spooled);
	free_handle(m); /* may leave a message of its own */
	if (code != METER_OK)
		code = meter__fail(code, "%s", meter__buffer_cstr(&message));
	meter__buffer_free(&message);
	return code;
}

/* ---- record and flush ---- */

static int append(struct meter *m, const struct event *e, int64_t now_us)
{
	struct intake *in = &m->intake;
	struct spool *spool = in->spool;
	int64_t give_up_us = 0;
	for (;;) {
		int code = meter__spool_append(spool, e, now_us);
		bool is_filling = code != METER_OK ||
		                  (meter__spool_head(spool) - meter__spool_consumed(spool)) * 4 > meter__spool_units(spool);
		if (is_filling && atomic_load_explicit(&in->is_asleep, memory_order_relaxed))
			meter__intake_wake(in);
		if (code == METER_OK)
			return code;
		int64_t mono_us = meter__os.mono_us();
		if (give_up_us == 0)
			give_up_us = mono_us + m->full_wait_ms * 1000;
		code = meter__intake_wait_for_room(in, (give_up_us - mono_us + 999) / 1000);
		if (code != METER_OK)
			return code;
	}
}

int meter_record(meter *m, const meter_event *event)
{
	REQUIRE(m && event);
	REQUIRE_OWN(m);
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	int64_t now_us = meter__os.now_us();
	int code = meter__event_from_public(&e, properties, event, now_us);
	if (code == METER_OK && atomic_load_explicit(&m->intake.broken, memory_order_relaxed) != METER_OK)
		code = meter__intake_broken(&m->intake);
	if (code == METER_OK && !m->intake.spool)
		code = meter__fail(METER_EINVAL, "the handle was opened with METER_OPEN_WITHOUT_SPOOL");
	if (code == METER_OK)
		code = append(m, &e, now_us);
	if (code != METER_OK)
		atomic_fetch_add_explicit(&m->intake.refused, 1, memory_order_relaxed);
	return code;
}

int meter_flush(meter *m, int64_t timeout_ms)
{
	REQUIRE(m);
	if (timeout_ms < -1 || timeout_ms > 3600000)
		return meter__fail(METER_EINVAL, "timeout_ms is %lld; -1..3600000 was expected", (long long)timeout_ms);
	REQUIRE_OWN(m);
	struct spool *spool = m->intake.spool;
	pthread_mutex_lock(&m->intake.mutex);
	uint64_t entries = m->intake.handed_over;
	pthread_mutex_unlock(&m->intake.mutex);
	return meter__intake_wait(&m->intake, entries, spool ? meter__spool_head(spool) : 0, timeout_ms);
}

/* ---- stats ---- */

static int read_file_stats(meter *m, meter_counters *out)
{
	struct reader *r;
	int code = meter__store_reader(&r, m->store);
	if (code != METER_OK)
		return code;
	struct totals t = {0};
	code = meter__store_totals(r, &t);
	if (code == METER_OK)
		code = meter__store_unbilled(r, &out->unbilled);
	if (code == METER_OK)
		code = meter__store_quarantine_count(r, &out->quarantined);
	if (code == METER_OK)
		code = meter__store_bounds(r, &out->first_event_us, &out->last_event_us);
	if (code == METER_EEND) {
		out->first_event_us = out->last_event_us = INT64_MIN;
		code = METER_OK;
	}
	meter__store_reader_done(r);
	out->accepted = t.accepted;
	out->duplicate = t.duplicate;
	out->conflict = t.conflict;
	out->rejected = t.rejected;
	out->late = t.late;
	out->commits = t.ingest;
	out->catalog_version = t.catalog;
	out->recovered = t.recovered;
	out->damaged = t.damaged;
	out->retractions_waiting = t.retractions_waiting;
	if (code == METER_OK)
		code = meter__store_sizes(m->store, &out->database_bytes, &out->wal_bytes);
	out->wal_alarm = out->wal_bytes > STORE_WAL_ALARM_BYTES;
	return code;
}

static void read_handle_stats(meter *m, meter_counters *out)
{
	struct intake *in = &m->intake;
	struct spool *spool = in->spool;
	uint64_t spooled = 0;
	int64_t oldest_us = INT64_MAX;
	pthread_mutex_lock(&in->mutex);
	if (spool)
		meter__spool_waiting(spool, &spooled, &oldest_us);
	if (in->first && in->first->since_us < oldest_us)
		oldest_us = in->first->since_us;
	int64_t now_us = meter__os.now_us();
	out->queued = (int64_t)(in->handed_over - in->decided + spooled);
	out->refused = (int64_t)atomic_load(&in->refused);
	out->writer_error = in->error;
	out->oldest_queued_us = oldest_us < now_us ? now_us - oldest_us : 0;
	pthread_mutex_unlock(&in->mutex);
}

int meter_stats(meter *m, meter_counters *out)
{
	REQUIRE(m && out);
	if (out->struct_size < sizeof(size_t) || out->struct_size > 4096)
		return meter__fail(METER_EINVAL, "stats: struct_size is %zu; sizeof(meter_counters) was expected",
		                   out->struct_size);
	size_t size = out->struct_size < sizeof(*out) ? out->struct_size : sizeof(*out);
	meter_counters stats = {.struct_size = out->struct_size};
	int code = read_file_stats(m, &stats);
	if (code != METER_OK)
		return code;
	read_handle_stats(m, &stats);
	int error;
	code = meter__recover_look(m->store, &stats.spooled_bytes, &error);
	if (code != METER_OK)
		return code;
	if (stats.writer_error == METER_OK)
		stats.writer_error = error;
	memcpy(out, &stats, size);
	return METER_OK;
}
