meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query tokens --group-by kind --format csv
