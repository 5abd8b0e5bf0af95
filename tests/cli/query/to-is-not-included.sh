meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls --from 2025-01-01T10:00:00Z --to 2025-01-02T10:00:01Z --json
