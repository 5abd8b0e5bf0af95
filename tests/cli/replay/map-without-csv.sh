meter replay --map id=x events.jsonl
