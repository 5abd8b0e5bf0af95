meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter verify --json --full | sed 's/\(seconds\|per_second\)":[0-9.]*/\1":TIME/g; s/"sqlite":"[0-9.]*","sqlite_wal_reset_bug":[a-z]*/SQLITE/'
