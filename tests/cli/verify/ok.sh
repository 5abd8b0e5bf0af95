meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter verify | sed 's/ in [0-9.]* s .*/ in TIME/; s/SQLite .*/SQLite VERSION/'
