meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query peak --to 2025-01-06T00:01:00Z --format csv
