meter replay - - <events.jsonl
