/* support.h - what the tests of the library share: a scratch folder, events in one line, checks that say what they saw. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <meter.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the scratch folder: one per test, removed after it ---- */

int scratch_setup(void **state);
int scratch_teardown(void **state);
#define in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
/* FOLDER/name, in one of eight buffers used in turn. */
const char *scratch_path(const char *name);

/* ---- handles; the path is FOLDER/meter.db ---- */

const char *meter_path(void);
meter *open_meter(void);
meter *open_meter_with(const meter_options *options);
void close_meter(meter *m);
void apply_catalog(meter *m, const char *text);
meter_counters read_stats(meter *m);
/* The total of a meter over all subscriptions and all time, in a static buffer; "none" when it has no value. */
const char *usage_total(meter *m, const char *key);

/* The file without a handle around it. */
struct store;
int open_store(struct store **out);

/* Keep everybody from writing to the file, as another process would; returns what lets go of it. */
int hold_lock(const char *path);
void release_lock(int held);

/* Look into or change a file behind the library's back. */
int64_t sql_int(const char *path, const char *sql);
void sql_run(const char *path, const char *sql);

/* ---- events ---- */

int64_t us(const char *rfc3339);
/* At 2026-01-01T00:00:00Z, without value and properties. */
meter_event event_of(const char *subscription, const char *id, const char *type);

/* ---- checks that show the message, the sign and a NULL ---- */

#define assert_ok(code) assert_code_at(METER_OK, (code), __FILE__, __LINE__)
#define assert_code(expected, code) assert_code_at((expected), (code), __FILE__, __LINE__)
#define assert_i64(expected, value) assert_i64_at((expected), (value), __FILE__, __LINE__)
#define assert_text(expected, text) assert_text_at((expected), (text), __FILE__, __LINE__)
/* text contains part. */
#define assert_part(part, text) assert_part_at((part), (text), __FILE__, __LINE__)
void assert_code_at(int expected, int code, const char *file, int line);
void assert_i64_at(int64_t expected, int64_t value, const char *file, int line);
void assert_text_at(const char *expected, const char *text, const char *file, int line);
void assert_part_at(const char *part, const char *text, const char *file, int line);

/* ---- time ---- */

void sleep_ms(int64_t ms);
int64_t monotonic_ms(void);

#endif
