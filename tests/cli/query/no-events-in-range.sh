meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query peak --from 2024-01-01 --to 2024-02-01 --json
meter query peak --from 2024-01-01 --to 2024-02-01 --by day --json
meter query peak --from 2024-01-01 --to 2024-02-01
