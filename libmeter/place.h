/* place.h - where an event was billed: on which document first, and by which charges. */
#ifndef METER_PLACE_H
#define METER_PLACE_H

#include "store.h"

/* Texts live in the arena. */
struct place {
	const char *document; /* its number; NULL: none has billed it yet */
	bool is_late;         /* it came after the invoice of its period */
	const char **charges; /* keys of those whose meter counts it */
	size_t charge_count;
};

/* The invoice of its period is what decides, voided ones aside. METER_OK, METER_EIO, METER_ECORRUPT, METER_ENOMEM. */
int meter__place(struct place *out, struct arena *arena, struct reader *r, const struct stored_event *event);
/* The second one alone. */
int meter__place_is_late(bool *out, struct reader *r, const struct stored_event *event);

#endif
