/*
 * bitflip.c - rot: bits flip, sectors vanish, a file is cut in the database, its WAL or a spool, and the library then opens it.
 *
 *   bitflip STATES [SEED]    as many states as that; a state that fails prints its seed, and `bitflip 1 THAT` is that state alone
 *
 * In half of the states FILE-lock is left, with the mark of how far the database was; what then is refused as METER_EBACKWARDS is
 * opened again with the loss accepted.
 *
 * Whatever the bytes are, each call ends, with success or a documented error and its message, and texts are UTF-8. WAL and spool
 * have checksums: what is read after damage there is what was recorded, each event once, and if some are missing somebody is
 * told: by an error, or by the counters damaged and rejected. (Except a record of a spool whose word and content are
 * damaged both: it looks like one whose thread died before it was accepted.) The pages of an SQLite database have none, so a
 * changed number in them may pass for a number; the last line says how often events were missing or changed without a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <meter.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS 900
#define FLUSHED 600 /* of them; the others are only in the spool */

enum { DATABASE, WAL, SPOOL, TARGETS };
static const char *const names[TARGETS] = {"database", "wal", "spool"};

static uint64_t seed, state;
static char folder[100];

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "bitflip: seed %" PRIu64 ": %s: %s\n", seed, what, detail);
	_exit(1);
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[700];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		fail("a command", command);
}

/* ---- what is damaged ---- */

static const char catalog[] = "version: 1\nmeters:\n  uses: {event_type: use, aggregation: sum, dimensions: [place]}\n";

static void fill(meter_event *e, meter_property *property, char texts[3][32], int number)
{
	*e = (meter_event)METER_EVENT_INIT;
	snprintf(texts[0], 32, "id-%d", number);
	snprintf(texts[1], 32, "%d", number * 7);
	snprintf(texts[2], 32, "place-%d", number % 5);
	*property = (meter_property)METER_PROPERTY("place", texts[2]);
	e->subscription = number % 2 ? "acme" : "beta";
	e->id = texts[0];
	e->type = "use";
	e->value = texts[1];
	e->timestamp_us = INT64_C(1767225600000000) + number * INT64_C(61000000);
	e->properties = property;
	e->property_count = 1;
}

static void record(meter *m, int from, int to)
{
	for (int i = from; i < to; i++) {
		meter_event e;
		meter_property property;
		char texts[3][32];
		fill(&e, &property, texts, i);
		if (meter_record(m, &e) != METER_OK)
			fail("recording", meter_errmsg());
	}
}

/* closed: everything is in the database. Otherwise the process dies, and leaves a WAL and a spool. */
static void make_files(const char *name, bool is_closed)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	mkdir(path, 0700);
	strncat(path, "/meter.db", sizeof(path) - strlen(path) - 1);
	pid_t child = fork();
	if (child == 0) {
		meter *m;
		meter_options options = METER_OPTIONS_INIT;
		options.queue_mib = 1;
		options.commit_interval_ms = 60000;
		if (meter_open(&m, path, &options) != METER_OK ||
		    meter_catalog_apply(m, "catalog", catalog, sizeof(catalog) - 1, NULL, NULL, NULL) != METER_OK)
			fail("opening", meter_errmsg());
		record(m, 0, FLUSHED);
		if (meter_flush(m, -1) != METER_OK)
			fail("flushing", meter_errmsg());
		record(m, FLUSHED, EVENTS);
		if (is_closed && meter_close(m) != METER_OK)
			fail("closing", meter_errmsg());
		_exit(0);
	}
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		fail("making files", name);
}

/* Returns whether word and content of a record may be damaged both. */
static bool damage(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0)
		fail(path, strerror(errno));
	uint64_t size = (uint64_t)status.st_size;
	uint64_t used = strstr(path, "spool") ? 4096 + EVENTS * 192 : size; /* most of a ring is empty */
	char bytes[512];
	off_t at = (off_t)(draw(used / 512) * 512);
	unsigned kind = (unsigned)draw(6);
	int flips = 0;
	switch (kind) {
	case 0: /* a sector of zeros */
		memset(bytes, 0, sizeof(bytes));
		break;
	case 1: /* a sector of noise */
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)draw(256);
		break;
	case 2: /* cut */
		if (ftruncate(fd, (off_t)draw(size)) != 0)
			fail("ftruncate", strerror(errno));
		close(fd);
		return false;
	default: /* some bits */
		if (pread(fd, bytes, sizeof(bytes), at) != sizeof(bytes))
			fail("pread", strerror(errno));
		flips = draw(2) ? 1 : 1 + (int)draw(4);
		for (int i = 0; i < flips; i++)
			bytes[draw(sizeof(bytes))] ^= (char)(1 << draw(8));
		break;
	}
	if (pwrite(fd, bytes, sizeof(bytes), at) != sizeof(bytes))
		fail("pwrite", strerror(errno));
	close(fd);
	return kind < 2 || flips > 1;
}

/* ---- what the library makes of it ---- */

struct verdict {
	int32_t error; /* the first that a call returned; 0: none */
	int32_t listed;
	int32_t changed; /* listed, and not what was recorded, or not once */
	int64_t told;    /* damaged and rejected */
	bool is_backwards;
};

static void note(struct verdict *v, int code)
{
	if (code == METER_OK || code == METER_EEND)
		return;
	if (meter_errmsg()[0] == '\0' || strcmp(meter_strerror(code), "unknown result code") == 0)
		fail("an error without a message", meter_strerror(code));
	if (v->error == 0)
		v->error = code;
}

static bool is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	while (*c) {
		int more = *c < 0x80                 ? 0
		           : *c >= 0xc2 && *c < 0xe0 ? 1
		           : *c >= 0xe0 && *c < 0xf0 ? 2
		           : *c >= 0xf0 && *c < 0xf5 ? 3
		                                     : -1;
		if (more < 0)
			return false;
		for (c++; more > 0; more--) {
			if ((*c++ & 0xc0) != 0x80)
				return false;
		}
	}
	return true;
}

static bool is_as_recorded(const meter_event *e, int number)
{
	meter_event expected;
	meter_property property;
	char texts[3][32];
	fill(&expected, &property, texts, number);
	return strcmp(e->subscription, expected.subscription) == 0 && strcmp(e->type, "use") == 0 &&
	       strcmp(e->value, expected.value) == 0 && e->timestamp_us == expected.timestamp_us && e->property_count == 1 &&
	       strcmp(e->properties[0].name, "place") == 0 && strcmp(e->properties[0].value, texts[2]) == 0;
}

static void list_events(struct verdict *v, meter *m)
{
	static bool seen[EVENTS];
	meter_events *events;
	meter_events_filter filter = METER_EVENTS_FILTER_INIT;
	int code = meter_events_query(&events, m, &filter);
	note(v, code);
	if (code != METER_OK)
		return;
	while ((code = meter_events_next(events)) == METER_OK) {
		const meter_event *e = meter_events_event(events);
		const char *json = meter_events_json(events);
		int number;
		if (!json || !is_utf8(json))
			fail("an event as JSON is not UTF-8", json ? json : "none");
		v->listed++;
		if (sscanf(e->id, "id-%d", &number) != 1 || number < 0 || number >= EVENTS || seen[number] ||
		    !is_as_recorded(e, number)) {
			v->changed++;
			continue;
		}
		seen[number] = true;
	}
	note(v, code);
	meter_events_free(events);
}

static void read_usage(struct verdict *v, meter *m)
{
	meter_usage *usage;
	meter_usage_filter filter = METER_USAGE_FILTER_INIT;
	filter.meter = "uses";
	filter.by = METER_BY_HOUR;
	int code = meter_usage_query(&usage, m, &filter);
	note(v, code);
	if (code != METER_OK)
		return;
	while (meter_usage_next(usage) == METER_OK) {
		if (meter_usage_value(usage) && !is_utf8(meter_usage_value(usage)))
			fail("a value is not UTF-8", "");
	}
	meter_usage_free(usage);
}

static void read_state(struct verdict *v, const char *path)
{
	meter *m;
	meter_options options = METER_OPTIONS_INIT;
	options.queue_mib = 1;
	int code = meter_open(&m, path, &options);
	note(v, code);
	v->is_backwards = code == METER_EBACKWARDS;
	if (v->is_backwards) {
		options.flags = METER_OPEN_ACCEPT_LOSS;
		options.loss_reason = "bitflip";
		code = meter_open(&m, path, &options);
		note(v, code);
	}
	if (code != METER_OK)
		return;
	list_events(v, m);
	read_usage(v, m);
	meter_counters stats = {.struct_size = sizeof(stats)};
	note(v, meter_stats(m, &stats));
	v->told = stats.damaged + stats.rejected;
	meter_event e;
	meter_property property;
	char texts[3][32];
	fill(&e, &property, texts, EVENTS);
	note(v, meter_record_many(m, &e, 1, NULL));
	note(v, meter_close(m));
}

static struct {
	int64_t refused, backwards, silent, told;
} seen[TARGETS];

static void run_state(struct verdict *v)
{
	static const char *const files[TARGETS] = {"meter.db", "meter.db-wal", "meter.db-spool-*"};
	state = seed * UINT64_C(2654435761) + 88172645463325252u;
	for (int i = 0; i < 8; i++)
		(void)draw(2);
	int target = (int)draw(TARGETS);
	char path[200], damaged[200] = "";
	shell("rm -rf '%s/now' && mkdir '%s/now'", folder, folder);
	snprintf(path, sizeof(path), "%s/%s", folder, target == DATABASE && draw(2) ? "closed" : "left");
	shell("cp --sparse=never '%s'/* '%s/now'", path, folder);
	bool has_mark = draw(2) == 1;
	shell("rm -f '%s/now/meter.db-shm'", folder);
	if (!has_mark)
		shell("rm -f '%s/now/meter.db-lock'", folder);
	snprintf(path, sizeof(path), "ls %s/now/%s", folder, files[target]);
	FILE *list = popen(path, "r");
	if (!list || !fgets(damaged, sizeof(damaged), list) || pclose(list) != 0)
		fail("files", path);
	damaged[strcspn(damaged, "\n")] = '\0';
	bool may_be_silent = damage(damaged) && target == SPOOL;
	*v = (struct verdict){0};
	pid_t child = fork();
	if (child == 0) {
		alarm(60);
		snprintf(path, sizeof(path), "%s/now/meter.db", folder);
		read_state(v, path);
		_exit(0);
	}
	int status;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		fail(names[target], "the process died, or did not end");
	if (WEXITSTATUS(status) != 0)
		_exit(1);
	bool is_missing = v->listed < EVENTS || v->changed > 0;
	bool is_told = v->error != 0 || v->told > 0;
	seen[target].refused += v->error != 0;
	seen[target].backwards += v->is_backwards;
	seen[target].told += v->error == 0 && v->told > 0;
	seen[target].silent += is_missing && !is_told;
	if (target == DATABASE)
		return;
	if (v->is_backwards && (!has_mark || target == SPOOL))
		fail(names[target], "nothing of it can have gone backwards");
	if (v->changed > 0)
		fail(names[target], "an event is not what was recorded");
	if (is_missing && !is_told && !may_be_silent)
		fail(names[target], "events are missing, and nobody is told");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: bitflip STATES [SEED]\n");
		return 2;
	}
	int64_t count = atoll(argv[1]);
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	snprintf(folder, sizeof(folder), "%s/bitflip-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	struct verdict *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(folder) || v == MAP_FAILED)
		fail("a scratch folder", strerror(errno));
	make_files("closed", true);
	make_files("left", false);
	for (int64_t i = 0; i < count; i++) {
		seed = first + (uint64_t)i;
		run_state(v);
	}
	shell("rm -rf '%s'", folder);
	for (int i = 0; i < TARGETS; i++)
		printf("{\"test\":\"bitflip\",\"in\":\"%s\",\"refused\":%" PRId64 ",\"backwards\":%" PRId64
		       ",\"counted\":%" PRId64 ",\"silent\":%" PRId64 "}\n",
		       names[i], seen[i].refused, seen[i].backwards, seen[i].told, seen[i].silent);
	return 0;
}
