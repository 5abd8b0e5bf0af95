meter replay --from xml events.jsonl
