/* cmd_backup.c - meter backup: a copy of the database while it is used. */
#include "cli.h"

#include <sys/stat.h>

static const struct column columns[] = {
	{"path", COLUMN_TEXT},
	{"bytes", COLUMN_NUMBER},
	{"events", COLUMN_NUMBER},
};

static void print(const char *path, int64_t events, enum format format)
{
	struct stat status;
	struct out o;

	out_begin_record(&o, format, columns, sizeof(columns) / sizeof(columns[0]));
	out_text(&o, path);
	if (stat(path, &status) == 0)
		out_integer(&o, status.st_size);
	else
		out_text(&o, NULL); /* somebody was quick to take it away */
	out_integer(&o, events);
	out_end(&o);
}

static int run(const struct arguments *arguments)
{
	const char *path = arguments->operands[0];
	struct progress progress;
	int64_t events;
	meter *m = cli_open(arguments, METER_OPEN_EXISTING);

	if (!m)
		return EXIT_FAILED;
	progress_begin(&progress, "pages");
	int result = meter_backup(m, path, progress_show, &progress, &events);
	progress_clear(&progress);
	if (result != METER_OK)
		return cli_close(m, cli_library_error(result));
	print(path, events, arguments->format);
	return cli_close(m, EXIT_DONE);
}

const struct verb verb_backup = {
	.name = "backup",
	.operands = "DEST",
	.summary = "copy the database while it is used",
	.details = "DEST must not exist. It appears whole, checked and durable, or not at all, and is a database of its own; "
		   "others go on\n"
		   "recording meanwhile. To restore it, stop whoever uses FILE, then put the copy in its place without the old "
		   "WAL.\n"
		   "If the file is then refused, because it holds less than it did, accept-loss says that this is meant:\n"
		   "\n"
		   "  meter -d meter.db backup monday.db\n"
		   "  rm -f meter.db-wal meter.db-shm; cp monday.db meter.db\n"
		   "  meter -d meter.db accept-loss --reason 'disk broken, backup of monday'\n",
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
