meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter verify --since 2025-01-02 --until 2025-01-03T12:00:00Z | sed 's/ in [0-9.]* s .*/ in TIME/; s/SQLite .*/SQLite VERSION/'
