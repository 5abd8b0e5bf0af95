meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls --from 2025-02-01 --to 2025-01-01
