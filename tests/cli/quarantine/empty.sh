meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter quarantine list
meter quarantine list --json
