/* reason.c - see reason.h. The codes are a contract: files keep them and scripts compare them. */
#include "reason.h"

#include <string.h>

#include "meter.h"

/* Every code there is, in the order of the documentation. */
static const char *const codes[] = {"json",     "subscription", "id",    "type",     "timestamp", "value", "source",
                                    "sequence", "property",     "meter", "conflict", "damaged",   "other"};
#define CODE_COUNT (sizeof(codes) / sizeof(codes[0]))

/* What stands before the colon, where that is not the code itself. */
static const struct {
	const char *prefix;
	const char *code;
} prefixes[] = {
	{"subscription", "subscription"},
	{"subject", "subscription"},
	{"id", "id"},
	{"type", "type"},
	{"timestamp", "timestamp"},
	{"time", "timestamp"},
	{"value", "value"},
	{"data: value", "value"},
	{"source", "source"},
	{"sequence", "sequence"},
	{"properties", "property"},
	{"data", "property"},
	{"data_base64", "property"},
	{"specversion", "json"},
	{"column", "json"},
};

/* The name of a member that should not be there, or is there twice: the form is wrong, whatever the name. */
static bool is_about_names(const char *rest)
{
	static const char *const beginnings[] = {": repeated", ": unknown name", ": the event has more than"};
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		if (strncmp(rest, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

const char *meter__reason_code(const char *reason)
{
	const char *found = NULL;
	size_t longest = 0;
	/* A name may have a colon of its own, so the last such ending counts. */
	for (const char *at = reason; (at = strchr(at, ':')) != NULL; at++) {
		if (is_about_names(at))
			return "json";
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t size = strlen(prefixes[i].prefix);
		char end = strncmp(reason, prefixes[i].prefix, size) == 0 ? reason[size] : '\0';
		bool is_match = end == ':' || (end == ' ' && strcmp(prefixes[i].prefix, "column") == 0);
		if (is_match && size > longest) {
			found = prefixes[i].code;
			longest = size;
		}
	}
	return found ? found : "other";
}

const char *meter_reason_code(size_t index)
{
	return index < CODE_COUNT ? codes[index] : NULL;
}

bool meter__reason_is_code(const char *code)
{
	for (size_t i = 0; i < CODE_COUNT; i++) {
		if (strcmp(code, codes[i]) == 0)
			return true;
	}
	return false;
}
