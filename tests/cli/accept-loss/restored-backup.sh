meter apply catalog.yaml >/dev/null
meter backup older.db >/dev/null
meter replay events.jsonl >/dev/null
cp older.db meter.db && rm -f meter.db-wal meter.db-shm
here=$(pwd)
for verb in stats 'backup copy.db' 'replay events.jsonl' 'query tokens'; do
	meter $verb 2>&1 | sed "s|$here/||"
done
meter accept-loss --reason 'disk broken, backup of monday' | sed "s|$here/||"
meter replay --json events.jsonl | cut -d, -f1-3
