/*
 * spool.c - see spool.h. Linux calls used here: flock(2), fallocate, madvise(MADV_DONTFORK, MADV_POPULATE_WRITE), mapping a file
 * twice.
 *
 * File: a page with struct spool_header, then the units. A record: struct record_head, then the encoded event (event.h), padded
 * to whole units.
 *
 * Why nothing accepted is lost: the bytes of a record are in the page cache before its word is, and the page cache outlives the
 * process. Why nothing else is taken for accepted: word and checksum depend on the position, on random numbers of this file, and
 * on every byte; what a dead thread left half done has no word. Why no store can fault: all blocks are allocated and touched
 * before the first record, and the file is never resized.
 */
#define XXH_INLINE_ALL
#include "spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "error.h"
#include "os.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; headers of Debian 12 have it, older ones not */
#endif

#define HEADER_SIZE 4096u
#define MAGIC UINT64_C(0x6c6f6f7073727465) /* also tells the byte order */
#define FORMAT 1

struct spool_header {
	uint64_t magic;
	uint64_t format;
	int64_t id;
	int64_t database;
	uint64_t seed;
	uint64_t unit_count;
	uint64_t checksum;                      /* of everything before */
	_Alignas(64) _Atomic uint64_t consumed; /* a hint for people and for recovery; the database decides */
	_Atomic int32_t error;
	_Alignas(64) _Atomic uint64_t head; /* never read from a file that was left: recovery looks at all units */
};
_Static_assert(sizeof(struct spool_header) <= HEADER_SIZE, "the header fits its page");

struct record_head {
	_Atomic uint64_t word; /* published: the position + 1, mixed with the seed */
	uint64_t checksum;     /* of everything after it, and of the position */
	uint32_t size;         /* of the encoded event */
	uint32_t zero;
	int64_t accepted_us;
};
_Static_assert(sizeof(struct record_head) == 32, "no byte that nobody writes");

#define RECORD_MAX (sizeof(struct record_head) + EVENT_ENCODED_MAX)

struct spool {
	struct spool_header *header; /* mapped, or read into memory */
	char *units;                 /* mapped twice, one after the other: a record never wraps */
	uint64_t unit_count;
	uint64_t seed;
	int64_t id;
	char *path;
	char *memory; /* of a ring that was taken over: header and units */
	int fd;
	bool is_lost; /* reading: a record of unknown size was passed, the next one must be found */
};

/* ---- units and records ---- */

static struct record_head *head_at(const struct spool *s, uint64_t position)
{
	return (struct record_head *)(void *)(s->units + position % s->unit_count * SPOOL_UNIT);
}

static uint64_t word_at(const struct spool *s, uint64_t position)
{
	return (position + 1) ^ s->seed;
}

static uint64_t units_of(size_t event_size)
{
	return (sizeof(struct record_head) + event_size + SPOOL_UNIT - 1) / SPOOL_UNIT;
}

static uint64_t checksum_of(const struct spool *s, const struct record_head *head, uint64_t position)
{
	size_t from = offsetof(struct record_head, size);
	return XXH3_64bits_withSeed((const char *)head + from, sizeof(*head) - from + head->size, s->seed + position);
}

/* ---- appending ---- */

int meter__spool_append(struct spool *s, const struct event *e, int64_t now_us)
{
	size_t size = meter__event_encoded_size(e);
	uint64_t units = units_of(size);
	uint64_t position = atomic_load_explicit(&s->header->head, memory_order_relaxed);
	do {
		uint64_t consumed = atomic_load_explicit(&s->header->consumed, memory_order_acquire);
		if (position + units - consumed > s->unit_count)
			return METER_EAGAIN;
	} while (!atomic_compare_exchange_weak_explicit(&s->header->head, &position, position + units, memory_order_relaxed,
	                                                memory_order_relaxed));
	TEST_POINT("record.claimed");
	struct record_head *head = head_at(s, position);
	head->size = (uint32_t)size;
	head->zero = 0;
	head->accepted_us = now_us;
	meter__event_encode(e, (char *)(head + 1));
	head->checksum = checksum_of(s, head, position);
	TEST_POINT("record.copied");
	atomic_store_explicit(&head->word, word_at(s, position), memory_order_release);
	TEST_POINT("record.published");
	return METER_OK;
}

uint64_t meter__spool_head(const struct spool *s)
{
	return atomic_load_explicit(&s->header->head, memory_order_acquire);
}

uint64_t meter__spool_consumed(const struct spool *s)
{
	return atomic_load_explicit(&s->header->consumed, memory_order_acquire);
}

void meter__spool_tell(struct spool *s, int error)
{
	atomic_store_explicit(&s->header->error, error, memory_order_relaxed);
}

uint64_t meter__spool_units(const struct spool *s)
{
	return s->unit_count;
}

int64_t meter__spool_id(const struct spool *s)
{
	return s->id;
}

int64_t meter__spool_database(const struct spool *s)
{
	return s->header->database;
}

static bool is_published(const struct spool *s, uint64_t position)
{
	return atomic_load_explicit(&head_at(s, position)->word, memory_order_acquire) == word_at(s, position);
}

void meter__spool_waiting(const struct spool *s, uint64_t *count_out, int64_t *oldest_us_out)
{
	uint64_t end = meter__spool_head(s);
	uint64_t position = meter__spool_consumed(s);
	*count_out = 0;
	*oldest_us_out = INT64_MAX;
	while (position < end && is_published(s, position)) {
		const struct record_head *head = head_at(s, position);
		if ((*count_out)++ == 0)
			*oldest_us_out = head->accepted_us;
		if (head->size > EVENT_ENCODED_MAX)
			return; /* damaged: what follows cannot be counted */
		position += units_of(head->size);
	}
}

/* ---- reading ---- */

/* Whether the record that is published here is whole. */
static bool is_whole(const struct spool *s, uint64_t position, uint64_t end)
{
	const struct record_head *head = head_at(s, position);
	return head->zero == 0 && head->size <= EVENT_ENCODED_MAX && position + units_of(head->size) <= end &&
	       checksum_of(s, head, position) == head->checksum;
}

bool meter__spool_read(struct spool *s, uint64_t *position, struct spool_record *out)
{
	uint64_t end = meter__spool_head(s);
	uint64_t at = *position;
	/* A living owner will publish what it claimed; a dead one never will, nor can the end of a damaged record be known. What
	 * is whole without its word was complete but for the last store, or its word is damaged: either way it is an event. */
	while (at < end && !is_published(s, at) && !(s->memory && is_whole(s, at, end))) {
		if (!s->memory && !s->is_lost)
			return false;
		at++;
	}
	if (at >= end)
		return false;
	const struct record_head *head = head_at(s, at);
	*out = (struct spool_record){.accepted_us = head->accepted_us};
	s->is_lost = !is_whole(s, at, end);
	if (s->is_lost) {
		out->damaged = (struct slice){(const char *)head, SPOOL_UNIT};
		*position = at + 1;
	} else {
		out->record = (const char *)(head + 1);
		*position = at + units_of(head->size);
	}
	return true;
}

void meter__spool_release(struct spool *s, uint64_t position)
{
	atomic_store_explicit(&s->header->consumed, position, memory_order_release);
}

/* ---- making ---- */

static int fail_making(const char *path, int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return meter__fail(METER_EFULL, "%s: no room for the spool", path);
	if (error == EACCES || error == EROFS || error == EPERM)
		return meter__fail(METER_EREADONLY, "%s cannot be made: %s", path, strerror(error));
	return meter__fail(METER_EIO, "%s cannot be made: %s", path, strerror(error));
}

static uint64_t header_checksum(const struct spool_header *header)
{
	return XXH3_64bits(header, offsetof(struct spool_header, checksum));
}

/* The units twice, one after the other, behind one mapping of the header. */
static int map_file(struct spool *s, size_t size)
{
	char *base = mmap(NULL, HEADER_SIZE + 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return meter__fail(METER_ENOMEM, "no memory for a spool of %zu bytes", size);
	s->header = (struct spool_header *)(void *)base;
	s->units = base + HEADER_SIZE;
	int rw = PROT_READ | PROT_WRITE;
	bool is_mapped = mmap(base, HEADER_SIZE + size, rw, MAP_SHARED | MAP_FIXED, s->fd, 0) != MAP_FAILED &&
	                 mmap(base + HEADER_SIZE + size, size, rw, MAP_SHARED | MAP_FIXED, s->fd, HEADER_SIZE) != MAP_FAILED;
	if (!is_mapped)
		return meter__fail(METER_ENOMEM, "%s cannot be mapped: %s", s->path, strerror(errno));
	/* A child must not write into the ring of its parent. */
	if (madvise(base, HEADER_SIZE + 2 * size, MADV_DONTFORK) != 0)
		return meter__fail(METER_EIO, "%s: %s", s->path, strerror(errno));
	/* Older kernels do not know it and touch the pages one by one, later. */
	if (madvise(base, HEADER_SIZE + size, MADV_POPULATE_WRITE) != 0 && errno != EINVAL)
		return fail_making(s->path, errno == EFAULT ? ENOSPC : errno);
	(void)madvise(base + HEADER_SIZE + size, size, MADV_POPULATE_WRITE); /* only spares page faults: the blocks are there */
	return METER_OK;
}

static int sync_folder(const char *path)
{
	char *folder = meter__folder_of(path);
	if (!folder)
		return meter__fail(METER_ENOMEM, "no memory for a path");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return failed ? meter__fail(METER_EIO, "the folder of %s: %s", path, strerror(failed)) : METER_OK;
}

/* Written before the pages are touched, so that only it must go to the disk and not as many zeros as the ring is long. */
static int write_header(struct spool *s, size_t size, int64_t database)
{
	union {
		struct spool_header header;
		char page[HEADER_SIZE];
	} first = {.page = {0}};
	s->seed = meter__os.random();
	s->unit_count = size / SPOOL_UNIT;
	first.header.magic = MAGIC;
	first.header.format = FORMAT;
	first.header.id = s->id;
	first.header.database = database;
	first.header.seed = s->seed;
	first.header.unit_count = s->unit_count;
	first.header.checksum = header_checksum(&first.header);
	ssize_t written = pwrite(s->fd, first.page, sizeof(first.page), 0);
	if (written != (ssize_t)sizeof(first.page))
		return fail_making(s->path, written < 0 ? errno : ENOSPC);
	TEST_POINT("spool.made");
	if (fdatasync(s->fd) != 0)
		return fail_making(s->path, errno);
	return sync_folder(s->path);
}

static int make_file(struct spool *s, size_t size, int64_t database)
{
	/* Somebody who looks for rings of dead processes may have been quicker to lock it, and then removed it. */
	struct stat status;
	if (flock(s->fd, LOCK_EX | LOCK_NB) != 0 || fstat(s->fd, &status) != 0 || status.st_nlink == 0)
		return meter__fail(METER_EAGAIN, "%s was taken for a left one", s->path);
	int error = posix_fallocate(s->fd, 0, (off_t)(HEADER_SIZE + size));
	if (error != 0)
		return fail_making(s->path, error);
	int code = write_header(s, size, database);
	return code == METER_OK ? map_file(s, size) : code;
}

static int create_once(struct spool **out, const char *prefix, size_t size, int64_t database)
{
	struct spool *s = malloc(sizeof(*s));
	if (!s)
		return meter__fail(METER_ENOMEM, "no memory for a spool");
	memset(s, 0, sizeof(*s));
	s->id = (int64_t)(meter__os.random() >> 1);
	s->fd = -1;
	struct buffer path = {0};
	meter__buffer_format(&path, "%s-spool-%016llx", prefix, (unsigned long long)s->id);
	s->path = path.failed ? NULL : meter__copy((struct slice){path.data, path.size});
	meter__buffer_free(&path);
	int code = s->path ? METER_OK : meter__fail(METER_ENOMEM, "no memory for a path");
	if (code == METER_OK) {
		s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		code = s->fd < 0 ? fail_making(s->path, errno) : make_file(s, size, database);
	}
	if (code != METER_OK) {
		meter__spool_close(s, s->fd >= 0);
		return code;
	}
	*out = s;
	return METER_OK;
}

int meter__spool_create(struct spool **out, const char *prefix, size_t size, int64_t database)
{
	*out = NULL;
	int code = METER_EAGAIN;
	for (int tries = 0; code == METER_EAGAIN && tries < 10; tries++)
		code = create_once(out, prefix, size, database);
	return code == METER_EAGAIN ? meter__fail(METER_EIO, "a spool cannot be made beside %s", prefix) : code;
}

void meter__spool_close(struct spool *s, bool remove)
{
	if (!s)
		return;
	/* A name that cannot be removed does no harm: the database says that the ring is consumed. */
	if (remove && s->path && unlink(s->path) == 0)
		(void)sync_folder(s->path);
	if (s->memory)
		free(s->memory);
	else if (s->header)
		munmap(s->header, HEADER_SIZE + 2 * s->unit_count * SPOOL_UNIT);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

void meter__spool_abandon(struct spool *s)
{
	close(s->fd);
	s->fd = -1;
}

/* ---- taking over ---- */

static int read_whole(int fd, char *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t got = pread(fd, to + at, size - at, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return meter__fail(METER_EIO, "a spool cannot be read: %s", strerror(errno));
		if (got == 0)
			return meter__fail(METER_ECORRUPT, "a spool is shorter than it was");
		at += (size_t)got;
	}
	return METER_OK;
}

bool meter__spool_look(const char *path, int64_t *bytes_out, int *error_out)
{
	struct spool_header header;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is_ring = pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) && header.magic == MAGIC &&
	               header.checksum == header_checksum(&header);
	close(fd);
	*bytes_out = (int64_t)((header.head - header.consumed) * SPOOL_UNIT);
	*error_out = header.error;
	return is_ring;
}

static int check_header(struct spool *s, size_t size)
{
	const struct spool_header *header = s->header;
	if (header->magic != MAGIC || header->format != FORMAT || header->checksum != header_checksum(header))
		return meter__fail(METER_ECORRUPT, "%s is not a spool", s->path);
	if (size < HEADER_SIZE || header->unit_count == 0 || header->unit_count != (size - HEADER_SIZE) / SPOOL_UNIT)
		return meter__fail(METER_ECORRUPT, "%s has %zu bytes, not those of %llu units", s->path, size,
		                   (unsigned long long)header->unit_count);
	s->id = header->id;
	s->seed = header->seed;
	s->unit_count = header->unit_count;
	return METER_OK;
}

/* Into memory, with the start of the units once more behind their end, as the mapping has it. */
static int read_file(struct spool *s, size_t size)
{
	if (size < HEADER_SIZE + RECORD_MAX || size > (size_t)2 << 30)
		return meter__fail(METER_ECORRUPT, "%s is not a spool", s->path);
	s->memory = aligned_alloc(SPOOL_UNIT, (size + RECORD_MAX + SPOOL_UNIT - 1) / SPOOL_UNIT * SPOOL_UNIT);
	if (!s->memory)
		return meter__fail(METER_ENOMEM, "no memory for a spool of %zu bytes", size);
	int code = read_whole(s->fd, s->memory, size);
	if (code != METER_OK)
		return code;
	memcpy(s->memory + size, s->memory + HEADER_SIZE, RECORD_MAX);
	s->header = (struct spool_header *)(void *)s->memory;
	s->units = s->memory + HEADER_SIZE;
	return check_header(s, size);
}

int meter__spool_load(struct spool **out, const char *path)
{
	*out = NULL;
	struct spool *s = malloc(sizeof(*s));
	if (!s)
		return meter__fail(METER_ENOMEM, "no memory for a spool");
	memset(s, 0, sizeof(*s));
	s->path = meter__copy(meter__slice_of(path));
	s->fd = s->path ? open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
	int error = errno;
	struct stat status;
	int code = METER_OK;
	if (!s->path)
		code = meter__fail(METER_ENOMEM, "no memory for a path");
	else if (s->fd < 0 && error == ENOENT)
		code = METER_ENOTFOUND;
	else if (s->fd < 0)
		code = meter__fail(METER_EIO, "%s cannot be opened: %s", path, strerror(error));
	else if (flock(s->fd, LOCK_EX | LOCK_NB) != 0)
		code = errno == EWOULDBLOCK ? METER_EBUSY : meter__fail(METER_EIO, "%s: %s", path, strerror(errno));
	else if (fstat(s->fd, &status) != 0)
		code = meter__fail(METER_EIO, "%s: %s", path, strerror(errno));
	else if (status.st_nlink == 0)
		code = METER_ENOTFOUND;
	else
		code = read_file(s, (size_t)status.st_size);
	if (code != METER_OK && code != METER_ECORRUPT) {
		meter__spool_close(s, false);
		return code;
	}
	*out = s;
	return code;
}

void meter__spool_seek(struct spool *s, uint64_t consumed)
{
	atomic_store_explicit(&s->header->consumed, consumed, memory_order_relaxed);
	atomic_store_explicit(&s->header->head, consumed + s->unit_count, memory_order_relaxed);
}
