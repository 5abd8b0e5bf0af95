meter -d catalog.yaml replay events.jsonl
