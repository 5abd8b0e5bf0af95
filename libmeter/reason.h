/*
 * reason.h - the kinds of reasons why something is refused, one stable word each. (pure)
 *
 * A message of the gate (event.c) or of the JSON reader names what is wrong before its first colon: "timestamp: missing",
 * "column 17: ...". The word is made of that, so a new message of an old kind needs nothing here.
 */
#ifndef METER_REASON_H
#define METER_REASON_H

#include <stdbool.h>
#include <stddef.h>

/* The code of a reason why a text could not become an event; "other" where nothing tells. Never NULL. */
const char *meter__reason_code(const char *reason);
bool meter__reason_is_code(const char *code);

#endif
