meter replay events.jsonl >/dev/null && meter apply catalog.yaml && meter query calls --json
