meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls --by day --from 2025-01-01 --to 2025-01-04
