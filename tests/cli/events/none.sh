meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter events nobody
meter events nobody --json
meter events nobody --format jsonl
meter events nobody --format csv
