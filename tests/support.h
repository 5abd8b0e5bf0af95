/* support.h - what the tests of the library share: a scratch folder, events in one line, checks that say what they saw. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <meter.h>

/* A new folder; scratch_remove() removes it with everything in it. */
const char *scratch_make(void);
void scratch_remove(void);
/* FOLDER/name in one of eight buffers used in turn. */
const char *scratch_path(const char *name);

/* Open FOLDER/meter.db; fails the test when that fails. */
meter *open_meter(void);
void close_meter(meter *m);
/* Apply a catalog text; fails the test when that fails. */
void apply_catalog(meter *m, const char *text);

/* An event without properties at a time in RFC 3339. */
meter_event event_at(const char *subscription, const char *id, const char *type, const char *time);
int64_t us(const char *time);

/* METER_OK, or the test fails with the message. */
#define assert_ok(code) assert_ok_at((code), __FILE__, __LINE__)
void assert_ok_at(int code, const char *file, int line);
/* A negative code, shown as such when it is another. */
#define assert_code(expected, code) assert_code_at((expected), (code), __FILE__, __LINE__)
void assert_code_at(int expected, int code, const char *file, int line);
#define assert_i64(expected, value) assert_i64_at((expected), (value), __FILE__, __LINE__)
void assert_i64_at(int64_t expected, int64_t value, const char *file, int line);

/* The counters of the file; the test fails when they cannot be read. */
meter_counters read_stats(meter *m);
/* The total of a meter over all subscriptions and all time, as text in a static buffer; "none" when it has no value. */
const char *usage_total(meter *m, const char *key);

#endif
