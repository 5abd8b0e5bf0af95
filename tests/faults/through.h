/* through.h - files of a VFS around SQLite's own: every method goes through to the real file. Copy the table, replace what
 * matters. */
#ifndef THROUGH_H
#define THROUGH_H

#include <sqlite3.h>

/* First in the file of such a VFS; the real file lies behind it all. */
struct through_file {
	sqlite3_file base;
	sqlite3_file *real;
};

extern const sqlite3_io_methods through_methods;

static inline sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct through_file *)(void *)f)->real;
}

#endif
