meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter invoice acme --period 2025-01 --format csv
