meter replay --time minutes events.jsonl
