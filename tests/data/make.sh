#!/bin/sh
# make.sh - makes small databases in which invoices are finalized, as text (golden-N.sql, whose first line says the schema), and the lists of
# their documents (golden-N.csv). tests/golden.sh reads them.
#
#   METER=build/meter tests/data/make.sh [golden-1...]     all, when none is named; also: make golden
#
# golden-N.yaml is the catalog, golden-N.sh what happens. What a released version has billed must be rated the same by every later one, so
# golden-N.sql is never made again once it was released: a new schema or new models get a file of their own. Until then a new schema makes
# them again; a list that changes is shown and fails, and is made anew only where it was deleted.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
meter=$(CDPATH='' cd -- "$(dirname -- "${METER:-$here/../../build/meter}")" && pwd)/meter
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

make_one() {
	mkdir "$scratch/$1"
	cd "$scratch/$1"
	export METER_DB="$scratch/$1/meter.db"
	{
		# shellcheck source=/dev/null
		. "$here/$1.sh"
		"$meter" verify
	} >&2
	python3 -c 'import sqlite3
db = sqlite3.connect("meter.db")
print("-- user_version", db.execute("PRAGMA user_version").fetchone()[0])
for line in db.iterdump():
    print(line)' >"$1.sql"
	"$meter" invoice --list --format csv >"$1.csv"
	if [ -e "$here/$1.csv" ] && ! diff -u "$here/$1.csv" "$1.csv"; then
		echo "make.sh: $1 bills otherwise than before" >&2
		exit 1
	fi
	cp "$1.sql" "$1.csv" "$here"
	echo "$1: $(($(wc -l <"$1.csv") - 1)) documents, $(head -1 "$1.sql" | cut -c4-)"
}

[ $# -gt 0 ] || set -- "$here"/golden-*.sh
for name in "$@"; do
	make_one "$(basename "$name" .sh)"
done
