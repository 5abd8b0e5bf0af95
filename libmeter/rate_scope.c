/* rate_scope.c - see rate_scope.h. (pure) */
#include "rate_scope.h"

#include <string.h>

#include "error.h"
#include "rate_line.h"

static bool is_value(struct slice value, const char *wanted)
{
	return meter__slice_equal(value, meter__slice_of(wanted));
}

static bool matches_rate(const struct rate *rate, const struct slice *values)
{
	for (size_t i = 0; i < rate->match_count; i++) {
		if (!is_value(values[rate->matches[i].dimension], rate->matches[i].value))
			return false;
	}
	return true;
}

/* As rating does: the first one that matches, or rate_count. */
static size_t first_rate(const struct charge *charge, const struct slice *values)
{
	size_t i = 0;
	while (i < charge->rate_count && !matches_rate(&charge->rates[i], values))
		i++;
	return i;
}

bool meter__scope_has(const struct usage_scope *scope, const struct slice *values)
{
	const struct charge *charge = scope->charge;
	bool has = true;
	switch (scope->kind) {
	case SCOPE_RATE:
		return first_rate(charge, values) == scope->rate;
	case SCOPE_UNMATCHED:
		return first_rate(charge, values) == charge->rate_count;
	case SCOPE_GROUP:
		for (size_t i = 0; i < charge->group_by_count; i++)
			has = has && is_value(values[charge->group_by[i]], scope->values[charge->group_by[i]]);
		return has;
	case SCOPE_VALUES:
		for (size_t i = 0; i < charge->meter->dimension_count; i++)
			has = has && is_value(values[i], scope->values[i]);
		return has;
	case SCOPE_NONE:
		return false;
	case SCOPE_ALL:
	case SCOPE_UNMEASURED:
		break;
	}
	return true;
}

/* Whether a description starts with these words: what follows them is of another kind, such as a tier or a stretch of time. Frees
 * words. */
static bool starts_with(const char *description, struct buffer *words)
{
	const char *text = meter__buffer_cstr(words);
	const size_t size = strlen(text);
	const bool starts = size > 0 && strncmp(description, text, size) == 0 &&
	                    (description[size] == '\0' || description[size] == ',' || strncmp(description + size, ": ", 2) == 0);
	meter__buffer_free(words);
	return starts;
}

static struct buffer words_of_group(struct rater *r, const char *const *values)
{
	const struct usage_group group = {.values = values};
	r->group = &group;
	struct buffer words = meter__rate_text_charge(r);
	r->group = NULL;
	return words;
}

static struct buffer words_of_values(struct rater *r, const char *const *values)
{
	struct buffer words = meter__rate_text_charge(r);
	meter__buffer_text(&words, ", no rate for");
	for (size_t d = 0; d < r->charge->meter->dimension_count; d++)
		meter__rate_text_dimension(&words, r->charge->meter->dimensions[d], values[d]);
	return words;
}

static bool find_rate(struct usage_scope *out, struct rater *r, const char *description)
{
	const struct charge *charge = r->charge;
	for (size_t i = 0; i < charge->rate_count; i++) {
		struct buffer words = meter__rate_text_rate(r, &charge->rates[i]);
		if (starts_with(description, &words)) {
			*out = (struct usage_scope){.kind = SCOPE_RATE, .charge = charge, .rate = i};
			return true;
		}
	}
	return false;
}

static bool find_values(struct usage_scope *out, struct rater *r, const char *description, const char *const *const *groups,
                        size_t group_count)
{
	const struct charge *charge = r->charge;
	for (size_t i = 0; i < group_count; i++) {
		struct buffer words = charge->group_by_count > 0 ? words_of_group(r, groups[i]) : words_of_values(r, groups[i]);
		if (starts_with(description, &words)) {
			*out = (struct usage_scope){.kind = charge->group_by_count > 0 ? SCOPE_GROUP : SCOPE_VALUES,
			                            .charge = charge,
			                            .values = groups[i]};
			return true;
		}
	}
	return false;
}

int meter__scope_find(struct usage_scope *out, const struct charge *charge, const char *description,
                      const char *const *const *groups, size_t group_count)
{
	struct rater r = {.charge = charge, .terms = charge};
	struct buffer words = meter__rate_text_charge(&r);
	meter__buffer_text(&words, ", without a rate");
	*out = (struct usage_scope){.kind = SCOPE_ALL, .charge = charge};
	if (words.failed)
		return meter__fail(METER_ENOMEM, "no memory for an explanation");
	const bool is_unmatched = strncmp(description, meter__buffer_cstr(&words), words.size) == 0;
	meter__buffer_free(&words);
	if (is_unmatched)
		out->kind = SCOPE_UNMATCHED;
	else if (strstr(description, " could not be measured") != NULL)
		out->kind = SCOPE_UNMEASURED;
	else if (!find_rate(out, &r, description) && !find_values(out, &r, description, groups, group_count) &&
	         (charge->group_by_count > 0 || strstr(description, ", no rate for ") != NULL))
		out->kind = SCOPE_NONE;
	return METER_OK;
}

void meter__scope_text(struct buffer *out, const struct usage_scope *scope)
{
	const struct charge *charge = scope->charge;
	switch (scope->kind) {
	case SCOPE_RATE: {
		const struct rate *rate = &charge->rates[scope->rate];
		meter__buffer_format(out, "rate %zu of %zu,", scope->rate + 1, charge->rate_count);
		for (size_t i = 0; i < rate->match_count; i++)
			meter__rate_text_dimension(out, charge->meter->dimensions[rate->matches[i].dimension],
			                           rate->matches[i].value);
		if (rate->match_count == 0)
			meter__buffer_text(out, " for everything else");
		break;
	}
	case SCOPE_UNMATCHED:
		meter__buffer_text(out, "no rate matches");
		break;
	case SCOPE_GROUP:
		meter__buffer_text(out, "group");
		for (size_t i = 0; i < charge->group_by_count; i++)
			meter__rate_text_dimension(out, charge->meter->dimensions[charge->group_by[i]],
			                           scope->values[charge->group_by[i]]);
		break;
	case SCOPE_VALUES:
		meter__buffer_text(out, "no rate matches");
		for (size_t i = 0; i < charge->meter->dimension_count; i++)
			meter__rate_text_dimension(out, charge->meter->dimensions[i], scope->values[i]);
		break;
	case SCOPE_UNMEASURED:
		meter__buffer_text(out, "events that could not be measured");
		break;
	case SCOPE_NONE:
		meter__buffer_text(out, "no usage");
		break;
	case SCOPE_ALL:
		break;
	}
}
