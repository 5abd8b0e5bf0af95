/* closing.h - closing everything that is due at a time, for tests, campaigns and benches that ask no more. */
#ifndef CLOSING_H
#define CLOSING_H

#include <meter.h>

/* *out is NULL when it fails. */
static inline int close_at(meter_closing **out, meter *m, int64_t at_us)
{
	meter_closing_options options = METER_CLOSING_OPTIONS_INIT;
	options.at_us = at_us;
	int code = meter_closing_run(out, m, &options);
	if (code != METER_OK) {
		meter_closing_free(*out);
		*out = NULL;
	}
	return code;
}

#endif
