# Stored before the meter existed: left out, said so, exit 3.
echo '{"id":"a","subscription":"acme","type":"llm.call","timestamp":"2025-01-01T00:00:00Z","properties":{"tokens":"many"}}' | meter replay - >/dev/null
meter replay events.jsonl >/dev/null
meter apply catalog.yaml
meter query tokens --subscription acme --json
