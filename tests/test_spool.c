/*
 * test_spool.c - the ring itself: what was appended is read once and in order, laps and sizes of all kinds included; what a dead
 * process left is read up to the last byte it published; what was damaged is told apart.
 */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool.h"

#define SIZE (1u << 20)

static struct spool *create(void)
{
	struct spool *s;
	assert_ok(meter__spool_create(&s, meter_path(), SIZE, 7));
	return s;
}

/* The ring file of the scratch folder. */
static const char *path_of(const struct spool *s)
{
	char name[64];
	snprintf(name, sizeof(name), "meter.db-spool-%016llx", (unsigned long long)meter__spool_id(s));
	return scratch_path(name);
}

/* An event whose sequence is number, with size bytes of properties that depend on it. */
static int append(struct spool *s, int64_t number, size_t size)
{
	static _Thread_local char filler[EVENT_PROPERTIES_SIZE_MAX];
	memset(filler, (int)('a' + number % 26), size);
	struct property property = {SLICE("filler"), {filler, size}};
	struct event e = {.subscription = SLICE("acme"),
	                  .id = SLICE("id"),
	                  .type = SLICE("call"),
	                  .sequence = number,
	                  .value = DECIMAL_ONE,
	                  .properties = &property,
	                  .property_count = 1};
	return meter__spool_append(s, &e, 1000 + number);
}

static void assert_record(const struct spool_record *r, int64_t number, size_t size)
{
	struct property properties[EVENT_PROPERTIES_MAX];
	struct event e;
	assert_non_null(r->record);
	meter__event_decode(&e, properties, r->record);
	assert_i64(number, e.sequence);
	assert_i64(1000 + number, r->accepted_us);
	assert_int_equal(e.properties[0].value.size, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(e.properties[0].value.data[i], 'a' + number % 26);
}

/* Sizes from nothing to the largest event, in an order of their own. */
static size_t size_of(int64_t number)
{
	static const size_t sizes[] = {0, 1, 20, 60, 61, 62, 63, 64, 65, 127, 128, 1000, 4096, 40000, 131066};
	return sizes[(uint64_t)number * 7 % COUNT(sizes)];
}

static void test_everything_is_read_once_and_in_order_over_many_laps(void **state)
{
	(void)state;
	struct spool *s = create();
	int64_t written = 0, read = 0;
	uint64_t position = 0;
	while (written < 2000) {
		while (append(s, written, size_of(written)) == METER_OK)
			written++;
		struct spool_record r;
		/* Not all of it, so that the ring is full at other places each time. */
		for (int i = 0; i < 11 && meter__spool_read(s, &position, &r); i++) {
			assert_record(&r, read, size_of(read));
			read++;
			meter__spool_release(s, position);
		}
	}
	assert_true(position / meter__spool_units(s) > 5);
	meter__spool_close(s, true);
}

static void test_a_full_ring_refuses_until_something_is_released(void **state)
{
	(void)state;
	struct spool *s = create();
	int64_t count = 0;
	while (append(s, count, 1000) == METER_OK)
		count++;
	assert_true(count > 900 && count < 1024);
	uint64_t position = 0, waiting;
	int64_t oldest_us;
	struct spool_record r;
	meter__spool_waiting(s, &waiting, &oldest_us);
	assert_i64(count, (int64_t)waiting);
	assert_i64(1000, oldest_us);
	assert_true(meter__spool_read(s, &position, &r));
	assert_int_equal(append(s, count, 1000), METER_EAGAIN); /* read is not released */
	meter__spool_release(s, position);
	assert_ok(append(s, count, 1000));
	assert_int_equal(append(s, count, 1000), METER_EAGAIN);
	meter__spool_waiting(s, &waiting, &oldest_us);
	assert_i64(count, (int64_t)waiting);
	assert_i64(1001, oldest_us);
	meter__spool_close(s, true);
}

struct producer {
	struct spool *s;
	int64_t first;
	int64_t count;
	pthread_t thread;
};

static void *produce(void *user)
{
	struct producer *p = user;
	for (int64_t i = 0; i < p->count;) {
		if (append(p->s, p->first + i, 30) == METER_OK)
			i++;
	}
	return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state)
{
	(void)state;
	enum { THREADS = 4, EACH = 20000 };
	static int64_t next[THREADS];
	struct producer producers[THREADS];
	struct spool *s = create();
	for (int i = 0; i < THREADS; i++) {
		next[i] = 0;
		producers[i] = (struct producer){.s = s, .first = (int64_t)i * EACH * 26, .count = EACH};
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
	}
	uint64_t position = 0;
	for (int64_t read = 0; read < (int64_t)THREADS * EACH;) {
		struct spool_record r;
		if (!meter__spool_read(s, &position, &r))
			continue;
		struct property properties[EVENT_PROPERTIES_MAX];
		struct event e;
		assert_non_null(r.record);
		meter__event_decode(&e, properties, r.record);
		int64_t thread = e.sequence / (EACH * 26);
		assert_i64(next[thread]++, e.sequence % (EACH * 26)); /* of one thread in order, each once */
		meter__spool_release(s, position);
		read++;
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(producers[i].thread, NULL);
	meter__spool_close(s, true);
}

/* ---- what a process left ---- */

/* A child fills a ring over several laps, keeps the last ones unreleased, and dies. *first, *count: what must be found. */
static void leave_ring(char path[256], uint64_t *consumed, int64_t *first, int64_t *count)
{
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct spool *s = create();
		struct spool_record r;
		int64_t written = 0, read = 0;
		uint64_t position = 0;
		while (written < 3000) {
			while (append(s, written, 700) == METER_OK)
				written++;
			while (read < written - 300 && meter__spool_read(s, &position, &r))
				read++;
			meter__spool_release(s, position);
		}
		int64_t left[3] = {(int64_t)position, read, written - read};
		bool is_told = write(pipes[1], path_of(s), 256) == 256 && write(pipes[1], left, sizeof(left)) == sizeof(left);
		_exit(is_told ? 0 : 1);
	}
	int64_t left[3];
	assert_int_equal(read(pipes[0], path, 256), 256);
	assert_int_equal(read(pipes[0], left, sizeof(left)), sizeof(left));
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(pipes[0]);
	close(pipes[1]);
	*consumed = (uint64_t)left[0];
	*first = left[1];
	*count = left[2];
}

static void test_a_left_ring_is_read_to_its_end(void **state)
{
	(void)state;
	char path[256];
	uint64_t position;
	int64_t first, count;
	leave_ring(path, &position, &first, &count);
	struct spool *s;
	assert_ok(meter__spool_load(&s, path));
	assert_i64(7, meter__spool_database(s));
	meter__spool_seek(s, position);
	struct spool_record r;
	for (int64_t i = 0; i < count; i++) {
		assert_true(meter__spool_read(s, &position, &r));
		assert_record(&r, first + i, 700);
	}
	assert_false(meter__spool_read(s, &position, &r)); /* those of earlier laps are not taken for new */
	meter__spool_close(s, true);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_a_ring_in_use_is_left_alone(void **state)
{
	(void)state;
	struct spool *s = create(), *other;
	assert_int_equal(meter__spool_load(&other, path_of(s)), METER_EBUSY);
	assert_null(other);
	const char *path = path_of(s);
	meter__spool_close(s, true);
	assert_int_equal(meter__spool_load(&other, path), METER_ENOTFOUND);
}

static void flip(const char *path, off_t offset, unsigned char bits)
{
	unsigned char byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= bits;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

/* Records from position on that are whole, after the first has lost its word, and perhaps its content. */
static int64_t read_after_damage(bool is_content_damaged)
{
	char path[256];
	uint64_t position;
	int64_t first, count, read = 0;
	leave_ring(path, &position, &first, &count);
	off_t offset = 4096 + (off_t)(position * SPOOL_UNIT % SIZE);
	flip(path, offset, 1);
	if (is_content_damaged)
		flip(path, offset + 40, 1);
	struct spool *s;
	assert_ok(meter__spool_load(&s, path));
	meter__spool_seek(s, position);
	struct spool_record r;
	while (meter__spool_read(s, &position, &r)) {
		assert_record(&r, first + is_content_damaged + read, 700);
		read++;
	}
	meter__spool_close(s, true);
	return count - read;
}

/* A thread that died may have left either: the record was complete but for its word, or it was not and is passed. */
static void test_a_record_without_its_word_is_taken_if_it_is_whole(void **state)
{
	(void)state;
	assert_i64(0, read_after_damage(false));
	assert_i64(1, read_after_damage(true));
}

/* One bit anywhere in the records: that record is damaged or was never there, all others are read, nothing else is. */
static void test_a_flipped_bit_costs_one_record(void **state)
{
	(void)state;
	char path[256];
	uint64_t consumed;
	int64_t first, count;
	leave_ring(path, &consumed, &first, &count);
	int64_t damaged = 0, missing = 0;
	for (int round = 0; round < 300; round++) {
		off_t offset = 4096 + (off_t)(((uint64_t)round * 2654435761u) % SIZE);
		flip(path, offset, (unsigned char)(1u << round % 8));
		struct spool *s;
		assert_ok(meter__spool_load(&s, path));
		meter__spool_seek(s, consumed);
		uint64_t position = consumed;
		struct spool_record r;
		int64_t next = first, found = 0, bad = 0;
		while (meter__spool_read(s, &position, &r)) {
			if (!r.record) {
				bad++;
				continue;
			}
			struct property properties[EVENT_PROPERTIES_MAX];
			struct event e;
			meter__event_decode(&e, properties, r.record);
			assert_true(e.sequence >= next && e.sequence < first + count);
			assert_record(&r, e.sequence, 700);
			next = e.sequence + 1;
			found++;
		}
		assert_true(found >= count - 1 && bad <= 1);
		assert_true(bad == 0 || found == count - 1);
		damaged += bad;
		missing += count - found;
		meter__spool_close(s, false);
		flip(path, offset, (unsigned char)(1u << round % 8));
	}
	assert_true(damaged > 10 && missing > 10);
}

static void test_a_damaged_header_or_size_is_no_ring(void **state)
{
	(void)state;
	char path[256];
	uint64_t consumed;
	int64_t first, count;
	leave_ring(path, &consumed, &first, &count);
	struct spool *s;
	for (off_t offset = 0; offset < 56; offset++) { /* everything up to and with the checksum */
		flip(path, offset, 4);
		assert_int_equal(meter__spool_load(&s, path), METER_ECORRUPT);
		meter__spool_close(s, false);
		flip(path, offset, 4);
	}
	static const off_t sizes[] = {0, 1, 4095, 4096, 5000, 4096 + SIZE / 2, 4096 + SIZE - 1};
	for (size_t i = COUNT(sizes); i-- > 0;) {
		assert_int_equal(truncate(path, sizes[i]), 0);
		assert_int_equal(meter__spool_load(&s, path), METER_ECORRUPT);
		meter__spool_close(s, false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_scratch(test_everything_is_read_once_and_in_order_over_many_laps),
		in_scratch(test_a_full_ring_refuses_until_something_is_released),
		in_scratch(test_threads_do_not_disturb_each_other),
		in_scratch(test_a_left_ring_is_read_to_its_end),
		in_scratch(test_a_ring_in_use_is_left_alone),
		in_scratch(test_a_record_without_its_word_is_taken_if_it_is_whole),
		in_scratch(test_a_flipped_bit_costs_one_record),
		in_scratch(test_a_damaged_header_or_size_is_no_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
