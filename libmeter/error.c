/*
 * error.c - result codes as text, the message of the calling thread, and what the library says about itself.
 *
 * Messages quote what users and files contain, so they are made harmless in one place, here: whatever reaches a terminal or a log
 * is one line of valid UTF-8 without control characters. A message is only ever overwritten by the next failure, never cleared by
 * a success.
 */
#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "buffer.h"

#define MESSAGE_MAX 1000
#define QUOTE_MAX 80

/* Every byte of raw text gives at least one byte of the message: what vsnprintf() cuts off here could never be shown anyway. */
#define RAW_SIZE (MESSAGE_MAX + 8)

static _Thread_local char message[MESSAGE_MAX + 1];

/* The size of the character that text starts with; 0 when it is not UTF-8. */
static size_t character_size(const char *text, size_t left)
{
	for (size_t size = 1; size <= 4 && size <= left; size++)
		if (meter__utf8_valid(text, size))
			return size;
	return 0;
}

static bool is_control(const char *text, size_t size)
{
	unsigned char c = (unsigned char)text[0];

	return size == 1 ? c < 0x20 || c == 0x7f : size == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
}

/* Append text to line, which holds length bytes, escaped and cut so that no character is torn. Returns the new length. */
static size_t append_printable(char line[MESSAGE_MAX + 1], size_t length, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		char escaped[16];
		size_t taken = character_size(text, left);
		size_t size = taken;

		if (taken == 0 || is_control(text, taken)) {
			taken = taken == 0 ? 1 : taken;
			size = 0;
			for (size_t i = 0; i < taken; i++)
				size += (size_t)snprintf(escaped + size, sizeof(escaped) - size, "\\x%02x",
				                         (unsigned char)text[i]);
		} else {
			memcpy(escaped, text, taken);
		}
		if (length + size > MESSAGE_MAX)
			break;
		memcpy(line + length, escaped, size);
		length += size;
		text += taken;
		left -= taken;
	}
	line[length] = '\0';
	return length;
}

/* The arguments may point into the present message: it must not change before they have been read. */
static void __attribute__((format(printf, 2, 0))) format_raw(char raw[RAW_SIZE], const char *format, va_list args)
{
	if (vsnprintf(raw, RAW_SIZE, format, args) < 0)
		raw[0] = '\0';
}

int meter__fail(int code, const char *format, ...)
{
	char raw[RAW_SIZE];
	va_list args;

	va_start(args, format);
	format_raw(raw, format, args);
	va_end(args);
	append_printable(message, 0, raw[0] != '\0' ? raw : meter_strerror(code));
	return code;
}

int meter__fail_in(int code, const char *format, ...)
{
	char raw[RAW_SIZE];
	char line[MESSAGE_MAX + 1];
	size_t length;
	va_list args;

	va_start(args, format);
	format_raw(raw, format, args);
	va_end(args);
	length = append_printable(line, 0, raw);
	length = append_printable(line, length, message[0] != '\0' ? message : meter_strerror(code));
	memcpy(message, line, length + 1);
	return code;
}

int meter__fail_value(int code, const char *text, size_t size, const char *format, ...)
{
	char raw[RAW_SIZE];
	char quoted[QUOTE_MAX + 1] = "";
	size_t length = 0;
	va_list args;

	/* A NUL inside would end the quotation: it is shown as what follows it being cut off. */
	while (length < size && text[length] != '\0') {
		size_t next = character_size(text + length, size - length);

		next = next == 0 ? 1 : next;
		if (length + next > QUOTE_MAX)
			break;
		memcpy(quoted + length, text + length, next);
		length += next;
	}
	quoted[length] = '\0';
	va_start(args, format);
	format_raw(raw, format, args);
	va_end(args);
	return meter__fail(code, "\"%s\"%s: %s", quoted, length < size ? "..." : "", raw);
}

const char *meter_errmsg(void)
{
	return message;
}

const char *meter_strerror(int code)
{
	switch (code) {
	case METER_OK:
		return "done";
	case METER_EINVAL:
		return "an argument is missing or out of range";
	case METER_ENOMEM:
		return "out of memory";
	case METER_EBUSY:
		return "another process holds the write lock";
	case METER_EAGAIN:
		return "the spool is full";
	case METER_ETIMEDOUT:
		return "the time given ran out";
	case METER_ENOTFOUND:
		return "not found";
	case METER_EUNSUPPORTED:
		return "not computed by this version";
	case METER_EEND:
		return "no more rows";
	case METER_EFORKED:
		return "opened before fork";
	case METER_EIO:
		return "reading or writing failed";
	case METER_ECORRUPT:
		return "the file is damaged";
	case METER_EFOREIGN:
		return "not a libmeter database";
	case METER_ENEWER:
		return "written by a newer libmeter";
	case METER_EREADONLY:
		return "the file or its folder cannot be written";
	case METER_EFULL:
		return "the disk is full";
	case METER_EBACKWARDS:
		return "the file went back to an earlier state";
	case METER_ECATALOG:
		return "the catalog is wrong";
	case METER_EOVERFLOW:
		return "a quantity or an amount does not fit into 38 digits";
	case METER_ESTATE:
		return "not in the state that this needs";
	default:
		return "unknown result code";
	}
}

const char *meter_outcome_name(int32_t outcome)
{
	switch (outcome) {
	case METER_PENDING:
		return "pending";
	case METER_ACCEPTED:
		return "accepted";
	case METER_DUPLICATE:
		return "duplicate";
	case METER_CONFLICT:
		return "conflict";
	case METER_REJECTED:
		return "rejected";
	case METER_LATE:
		return "late";
	default:
		return "?";
	}
}

const char *meter_version(void)
{
	return METER_VERSION;
}

int meter_abi_check(int32_t soversion)
{
	if (soversion != METER_SOVERSION)
		return meter__fail(METER_EINVAL, "compiled for interface %d, but this library has interface %d", (int)soversion,
		                   METER_SOVERSION);
	return METER_OK;
}
