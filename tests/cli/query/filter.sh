meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query tokens --filter model=large-1 --filter kind=input --json
