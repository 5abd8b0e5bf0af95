/* meter.c - the handle: opening, recording, flushing, closing, stats. Wires the modules together and contains no rules. */
#include <signal.h>
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
	if (out->flags & ~METER_OPEN_EXISTING)
		return meter__fail(METER_EINVAL, "flags are 0x%x; only METER_OPEN_EXISTING is known", out->flags);
	int code = check_range("commit_interval_ms", &out->commit_interval_ms, 100, 60000);
	if (code == METER_OK)
		code = check_range("full_wait_ms", &out->full_wait_ms, 0, 60000);
	if (code == METER_OK)
		code = check_range("lock_wait_ms", &out->lock_wait_ms, 10000, 3600000);
	if (code == METER_OK)
		code = check_range("queue_mib", &out->queue_mib, 32, 1024);
	return code;
}

/* ---- open and close ---- */

/* The writer leaves all signals to the threads of the program. */
static int start_writer(meter *m)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&m->writer, NULL, meter__writer_main, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? METER_OK : meter__fail(METER_ENOMEM, "the writer thread cannot be started: %s", strerror(error));
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
	if (code != METER_OK)
		return code;
	meter *m = calloc(1, sizeof(*m));
	if (!m)
		return meter__fail(METER_ENOMEM, "no memory for a handle");
	m->commit_interval_us = (int64_t)o.commit_interval_ms * 1000;
	m->full_wait_ms = o.full_wait_ms;
	code = meter__intake_init(&m->intake, (size_t)o.queue_mib << 20);
	if (code != METER_OK) {
		free(m);
		return code;
	}
	code = meter__store_open(&m->store, path, (o.flags & METER_OPEN_EXISTING) != 0, o.lock_wait_ms);
	if (code == METER_OK)
		code = start_writer(m);
	if (code != METER_OK) {
		meter__store_close(m->store);
		meter__intake_free(&m->intake);
		free(m);
		return code;
	}
	*out = m;
	return METER_OK;
}

int meter_close(meter *m)
{
	if (!m)
		return METER_OK;
	pthread_mutex_lock(&m->intake.mutex);
	m->intake.is_closing = true;
	pthread_cond_signal(&m->intake.work);
	pthread_mutex_unlock(&m->intake.mutex);
	pthread_join(m->writer, NULL);
	meter__store_close(m->store);
	int code = m->close_code;
	if (code != METER_OK)
		code = meter__fail(code, "%llu events could not be written: %s",
		                   (unsigned long long)(m->intake.appended - m->intake.decided), m->close_text);
	meter__intake_free(&m->intake);
	free(m);
	return code;
}

/* ---- record and flush ---- */

int meter_record(meter *m, const meter_event *event)
{
	REQUIRE(m && event);
	struct event e;
	struct property properties[EVENT_PROPERTIES_MAX];
	int code = meter__event_from_public(&e, properties, event, meter__os.now_us());
	if (code != METER_OK) {
		pthread_mutex_lock(&m->intake.mutex);
		m->intake.refused++;
		pthread_mutex_unlock(&m->intake.mutex);
		return code;
	}
	return meter__intake_add_event(&m->intake, &e, NULL, m->full_wait_ms);
}

int meter_flush(meter *m, int64_t timeout_ms)
{
	REQUIRE(m);
	if (timeout_ms < -1 || timeout_ms > 3600000)
		return meter__fail(METER_EINVAL, "timeout_ms is %lld; -1..3600000 was expected", (long long)timeout_ms);
	pthread_mutex_lock(&m->intake.mutex);
	uint64_t target = m->intake.appended;
	pthread_mutex_unlock(&m->intake.mutex);
	return meter__intake_wait(&m->intake, target, timeout_ms);
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
	return code == METER_OK ? meter__store_sizes(m->store, &out->database_bytes, &out->wal_bytes) : code;
}

static void read_handle_stats(meter *m, meter_counters *out)
{
	struct intake *in = &m->intake;
	pthread_mutex_lock(&in->mutex);
	out->queued = (int64_t)(in->appended - in->decided);
	out->refused = (int64_t)in->refused;
	out->writer_error = in->error;
	/* What was taken came before what is open. */
	const struct intake_buffer *oldest =
		in->taken.count > 0 && out->queued > (int64_t)in->open.count ? &in->taken : &in->open;
	out->oldest_queued_us = out->queued > 0 ? meter__os.mono_us() - oldest->first_us : 0;
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
	memcpy(out, &stats, size);
	return METER_OK;
}
