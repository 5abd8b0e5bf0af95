meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls --subscription globex
