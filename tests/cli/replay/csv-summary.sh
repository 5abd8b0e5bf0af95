meter replay --format csv events.jsonl | sed 's/[0-9]*\.[0-9]*,[0-9]*$/TIMING/'
