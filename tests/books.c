/* books.c - see books.h. */
#include "books.h"

#include <sqlite3.h>
#include <stdio.h>

#define VOIDED(document) "EXISTS (SELECT 1 FROM document v WHERE v.kind = 4 AND v.refers = " document ")"
/* Sums are of a few decimals, so a binary float is near enough to 0. */
#define NOT_ZERO(sum) "abs(" sum ") > 0.0000001"

/* Each counts what is wrong. */
static const struct {
	const char *what, *sql;
} checks[] = {
	{"a document whose entries do not sum up to 0",
         "SELECT count(*) FROM (SELECT 1 FROM entry GROUP BY document, currency HAVING " NOT_ZERO(
		 "sum(CAST(amount AS REAL))") ")"},
	{"a bill whose lines do not sum up to what is due",
         "SELECT count(*) FROM bill b WHERE " NOT_ZERO(
		 "CAST(due AS REAL) - (SELECT coalesce(sum(CAST(amount AS REAL)), 0) FROM line l "
		 "WHERE l.bill = b.number)")},
	{"a bill without a document", "SELECT count(*) FROM bill WHERE number NOT IN (SELECT bill FROM document_bill)"},
	{"a document without a bill",
         "SELECT count(*) FROM document WHERE kind <> 4 AND number NOT IN (SELECT document FROM document_bill)"},
	{"a document without a link", "SELECT count(*) FROM document WHERE number NOT IN (SELECT document FROM link)"},
	{"a number that is missing in its series",
         "SELECT count(*) FROM series s WHERE last <> (SELECT count(*) FROM document d WHERE d.name GLOB s.prefix || '[0-9]*')"},
	{"a number that is not of a series", "SELECT count(*) FROM document d WHERE d.kind <> 4 AND NOT EXISTS (SELECT 1 FROM "
                                             "series s WHERE d.name GLOB s.prefix || '[0-9]*'"
                                             " AND CAST(substr(d.name, length(s.prefix) + 1) AS INTEGER) BETWEEN 1 AND s.last)"},
	{"two invoices that hold for one period",
         "SELECT count(*) FROM (SELECT 1 FROM document d JOIN document_bill x ON x.document = d.number AND x.replaces IS NULL "
         "JOIN bill b ON "
         "b.number = x.bill WHERE d.kind <> 4 AND NOT " VOIDED(
		 "d.number") " GROUP BY b.subscription, b.active_from HAVING count(*) > 1)"},
	{"an invoice that holds, whose period is not billed",
         "SELECT count(*) FROM document d JOIN document_bill x ON x.document = d.number AND x.replaces IS NULL JOIN bill b ON "
         "b.number = "
         "x.bill WHERE NOT " VOIDED(
		 "d.number") " AND NOT EXISTS (SELECT 1 FROM billed h WHERE h.subscription = b.subscription AND "
                             "h.active_from = b.active_from)"},
	{"billed periods that overlap", "SELECT count(*) FROM billed a JOIN billed b ON a.subscription = b.subscription AND "
                                        "a.active_from < b.active_from AND a.active_to > "
                                        "b.active_from"},
	{"a billed period whose document was voided", "SELECT count(*) FROM billed b WHERE " VOIDED("b.document")},
};

const char *books_wrong(const char *path)
{
	static char message[200];
	const char *wrong = NULL;
	sqlite3 *db;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && rc == SQLITE_OK && !wrong; i++) {
		sqlite3_stmt *statement;
		rc = sqlite3_prepare_v2(db, checks[i].sql, -1, &statement, NULL);
		if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
			wrong = sqlite3_column_int64(statement, 0) ? checks[i].what : NULL;
			rc = SQLITE_OK;
		}
		sqlite3_finalize(statement);
	}
	if (rc != SQLITE_OK) {
		snprintf(message, sizeof(message), "reading them: %s", sqlite3_errmsg(db));
		wrong = message;
	}
	sqlite3_close(db);
	return wrong;
}
