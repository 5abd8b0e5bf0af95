#!/bin/sh
# golden.sh - every invoice of tests/data/golden-*.sql, rated again: nothing may differ, not by a digit.
#
#   METER=build/meter tests/golden.sh
#
# The file is built from its text, whose first line says the version of its schema, opened, verified. Then twice: each document as --diff has it, which voids it and
# rates it by the catalog in force; and, every bill having been marked stale, each subscription is adjusted, which rates every bill anew by
# the version of the catalog it was rated by, from what the bill before it left.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
meter=$(CDPATH='' cd -- "$(dirname -- "${METER:-$here/../build/meter}")" && pwd)/meter
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export METER_DB="$scratch/meter.db"

fail() {
	echo "golden: $*" >&2
	exit 1
}

build() {
	rm -f meter.db*
	python3 - "$1" <<'EOF'
import sqlite3, sys
db = sqlite3.connect("meter.db", isolation_level=None)
db.executescript("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;")
text = open(sys.argv[1], encoding="utf-8").read()
comment, name, version = text.split("\n", 1)[0].split(" ")
assert (comment, name) == ("--", "user_version"), "the first line is no version"
db.executescript(text)
db.executescript(f"PRAGMA application_id = 0x6d657472; PRAGMA user_version = {int(version)}; PRAGMA wal_checkpoint(TRUNCATE);")
EOF
	# The library makes it readable by its owner only.
	chmod 600 meter.db
}

# A document that was voided, or that a later one adjusts, is not rated again by itself.
check_differences() {
	"$meter" invoice --list --format csv >list.csv
	compared=0
	adjusted=0
	for number in $(tail -n +2 list.csv | grep -v ',voided,' | cut -d, -f1); do
		code=0
		"$meter" invoice "$number" --diff --format csv >difference.csv 2>error.txt || code=$?
		if [ "$code" -eq 1 ] && grep -q ' adjusts ' error.txt; then
			adjusted=$((adjusted + 1))
			continue
		fi
		[ "$code" -eq 0 ] || { cat difference.csv error.txt; fail "$number is rated otherwise, exit $code"; }
		compared=$((compared + 1))
	done
}

check_stale() {
	python3 -c 'import sqlite3
db = sqlite3.connect("meter.db")
db.execute("INSERT OR REPLACE INTO stale SELECT subscription, bill, 0 FROM billed")
db.commit()'
	for subscription in $(tail -n +2 list.csv | cut -d, -f4 | sort -u); do
		"$meter" invoice "$subscription" --adjust >adjusted.txt 2>error.txt && { cat adjusted.txt; fail "$subscription is rated otherwise"; }
		grep -q 'there is nothing to adjust' error.txt || { cat error.txt; fail "$subscription was not rated"; }
	done
	"$meter" invoice --list --format csv | cmp -s - list.csv || fail 'a document was issued'
}

for sql in "$here"/data/golden-*.sql; do
	name=$(basename "$sql" .sql)
	build "$sql"
	"$meter" verify >verify.txt 2>&1 || { cat verify.txt; fail "$name does not verify"; }
	check_differences
	[ "$compared" -gt "$adjusted" ] || fail "$name: only $compared documents were compared, $adjusted are adjusted by later ones"
	check_stale
	cmp -s list.csv "${sql%.sql}.csv" || { diff -u "${sql%.sql}.csv" list.csv || true; fail "$name lists other documents"; }
	echo "$name: $compared documents rated again, $(($(wc -l <list.csv) - 1)) listed, all bills rated by their own catalog: no difference"
done
