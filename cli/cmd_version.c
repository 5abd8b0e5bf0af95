/* cmd_version.c - meter version: what runs. */
#include "cli.h"

static int run(const struct arguments *arguments)
{
	static const struct column columns[] = {
		{"version", COLUMN_TEXT}, /* of the library that runs */
		{"header", COLUMN_TEXT},  /* what the command was compiled with */
		{"soversion", COLUMN_NUMBER},
	};
	struct text line = {0};
	struct out o;

	if (arguments->format == FORMAT_TABLE) {
		text_format(&line, "meter %s, libmeter %s\n", METER_VERSION, meter_version());
		out_write(line.data, line.size);
		text_free(&line);
		return EXIT_DONE;
	}
	out_begin_record(&o, arguments->format, columns, 3);
	out_text(&o, meter_version());
	out_text(&o, METER_VERSION);
	out_integer(&o, METER_SOVERSION);
	out_end(&o);
	return EXIT_DONE;
}

const struct verb verb_version = {
	.name = "version",
	.operands = "",
	.summary = "print the version of the command and of the library",
	.has_no_database = true,
	.run = run,
};
