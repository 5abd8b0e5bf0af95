meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter events acme --from 2025-01-02 --to 2025-01-05T10:00:04Z --type api.call --format csv
