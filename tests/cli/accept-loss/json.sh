meter apply catalog.yaml >/dev/null
meter backup older.db >/dev/null
meter replay events.jsonl >/dev/null
cp older.db meter.db && rm -f meter.db-wal meter.db-shm
meter accept-loss --reason 'monday' --json | sed "s|$(pwd)/||"
