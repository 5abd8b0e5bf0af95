/* books.h - whether the documents of a file are whole and add up; for unit tests, crashes and faults. */
#ifndef BOOKS_H
#define BOOKS_H

/*
 * NULL, or what is wrong: a document that lacks bills, a link or entries that sum up to 0; a bill whose lines do not sum up to
 * what is due; a number that is missing in its series; two invoices that hold for one period; periods that overlap; a billed
 * period whose document was voided. No handle may be at work; the file is only read.
 */
const char *books_wrong(const char *path);

#endif
