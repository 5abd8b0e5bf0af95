# The name of a backfill is checked before anything is read.
for name in "$(printf 'a\001')" "$(printf 'a\377')" "$(printf '%0129d' 0)"; do
	meter replay --backfill "$name" january.jsonl
	echo "exit $?"
done
