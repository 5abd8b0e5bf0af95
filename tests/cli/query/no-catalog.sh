meter replay events.jsonl >/dev/null
meter query calls
