meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter invoice --period 2026-01
