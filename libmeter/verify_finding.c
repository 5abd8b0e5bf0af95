/* verify_finding.c - see verify.h: the list of what was found. */
#include <stdlib.h>

#include "error.h"
#include "verify.h"

/* *ok becomes false when there is no memory. */
static char *copy_given(struct slice text, bool *ok)
{
	char *copy = text.data ? meter__copy(text) : NULL;
	*ok &= copy || !text.data;
	return copy;
}

static void free_finding(struct finding *f)
{
	free(f->text);
	free(f->place);
	free(f->expected);
	free(f->found);
}

int meter__finding_add(struct findings *f, const char *code, struct slice text, struct slice place, struct slice expected,
                       struct slice found)
{
	bool ok = true;
	f->total++;
	if (f->count == FINDINGS_MAX)
		return METER_OK;
	struct finding *finding = &f->list[f->count];
	*finding = (struct finding){.code = code,
	                            .text = copy_given(text, &ok),
	                            .place = copy_given(place, &ok),
	                            .expected = copy_given(expected, &ok),
	                            .found = copy_given(found, &ok)};
	if (ok) {
		f->count++;
		return METER_OK;
	}
	free_finding(finding);
	return meter__fail(METER_ENOMEM, "no memory for findings");
}

void meter__finding_about(struct findings *f, int64_t subscription, struct period period)
{
	if (f->total > (int64_t)f->count) /* it was only counted */
		return;
	f->list[f->count - 1].subscription = subscription;
	f->list[f->count - 1].period = period;
}

void meter__findings_take(struct findings *into, struct findings *from)
{
	for (size_t i = 0; i < from->count; i++) {
		if (into->count < FINDINGS_MAX)
			into->list[into->count++] = from->list[i];
		else
			free_finding(&from->list[i]);
	}
	into->total += from->total;
	from->count = 0;
	from->total = 0;
}

void meter__findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		free_finding(&f->list[i]);
	f->count = 0;
}
