/* error.h - how a failure gets its message. The message belongs to the thread; see meter_errmsg(). */
#ifndef METER_ERROR_H
#define METER_ERROR_H

#include "meter.h"

/*
 * Set this thread's message and return code, so that "return meter__fail(...)" is the usual way out. The message is one line:
 * control characters and bytes that are not UTF-8 become \xNN, and it is cut at 1,000 bytes. No trailing full stop.
 */
int meter__fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put text before the message that a callee left: "catalog.yaml:3:7: " + "not a decimal". Returns code. */
int meter__fail_in(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Set the message to a text of the caller, quoted and shortened, and what is wrong with it: "\"7x\": a decimal was expected".
 * Returns code. text may be NULL when size is 0.
 */
int meter__fail_value(int code, const char *text, size_t size, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
