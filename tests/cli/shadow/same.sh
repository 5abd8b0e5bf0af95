meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter shadow catalog.yaml --period 2025-01 --period 2025-02
