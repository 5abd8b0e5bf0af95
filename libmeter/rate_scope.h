/*
 * rate_scope.h - which usage of a charge one line of a bill is for: all of it, or what a rate or a group has of it. (pure)
 *
 * Bills keep the words of a line and not how it came about; the words say it, because they are made from rates and groups
 * (rate_line.c) and tell them apart.
 */
#ifndef METER_RATE_SCOPE_H
#define METER_RATE_SCOPE_H

#include "rate.h"

enum scope_kind {
	SCOPE_ALL,
	SCOPE_RATE,       /* what the rate is the first one to match */
	SCOPE_UNMATCHED,  /* what no rate matches */
	SCOPE_GROUP,      /* what has these values in the dimensions of group_by */
	SCOPE_VALUES,     /* what has these values in all dimensions */
	SCOPE_UNMEASURED, /* events that could not be measured */
	SCOPE_NONE,       /* a group that has no usage */
};

struct usage_scope {
	enum scope_kind kind;
	const struct charge *charge;
	size_t rate;               /* of SCOPE_RATE */
	const char *const *values; /* of SCOPE_GROUP and SCOPE_VALUES: one per dimension of the meter, NULL: missing */
};

/* Whether usage with these values belongs to it: one per dimension of the meter, absent: missing. */
bool meter__scope_has(const struct usage_scope *scope, const struct slice *values);

/*
 * The scope of a line with this description. groups: one after the other, the values of all dimensions of the usage there is; the
 * scope points into it. METER_OK or METER_ENOMEM.
 */
int meter__scope_find(struct usage_scope *out, const struct charge *charge, const char *description,
                      const char *const *const *groups, size_t group_count);
/* What it is, appended: "rate model=large-1"; nothing for SCOPE_ALL. */
void meter__scope_text(struct buffer *out, const struct usage_scope *scope);

#endif
