/* place.h - where an event was billed: on which document first, and on which lines of it. */
#ifndef METER_PLACE_H
#define METER_PLACE_H

#include "store.h"

struct meter_invoice;

struct place_line {
	const char *charge; /* key of one whose meter counts the event */
	size_t line;        /* of the document, from 1 on; 0: none of its lines is for this event */
};

/* Texts live in the arena. */
struct place {
	const char *document; /* its number; NULL: none has billed it yet */
	bool is_late;         /* it came after the invoice of its period */
	struct place_line *lines;
	size_t line_count;
};

/* Finds places one after the other, and keeps the document that it looked at last. Zero-initialised. */
struct placer {
	int64_t document;
	struct meter_invoice *invoice;
	struct place_line *lines; /* of the event that is being looked at */
	size_t line_count, line_capacity;
};

/* The invoice of its period is what decides, voided ones aside. METER_OK, METER_EIO, METER_ECORRUPT, METER_ENOMEM. */
int meter__place(struct place *out, struct placer *p, struct arena *arena, struct reader *r, const struct stored_event *event);
void meter__placer_free(struct placer *p);
/* The second one alone. */
int meter__place_is_late(bool *out, struct reader *r, const struct stored_event *event);

#endif
