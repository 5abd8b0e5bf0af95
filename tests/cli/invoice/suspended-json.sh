meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter invoice globex --period 2025-01 --json
