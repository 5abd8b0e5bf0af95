# An empty value or argument, most often an empty variable of a script, is wrong usage everywhere and reaches no database.
name=
try() {
	"$@"
	echo "exit $?"
}
try meter replay --backfill "$name" january.jsonl
try meter ledger --subscription "$name"
try meter query calls --subscription="$name"
try meter backfill retract x --reason "$name"
try meter query "$name"
try meter apply "$name"
test ! -e meter.db && echo "no database was made"
