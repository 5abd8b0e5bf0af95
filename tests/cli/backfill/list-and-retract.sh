meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls
meter backfill list
printf '{"id":"late-%d","subscription":"acme","type":"%s","timestamp":"2025-01-0%dT00:00:00Z","properties":{"model":"large-1"}}\n' 1 api.call 3 2 api.call 4 >late.jsonl
meter replay --backfill gateway-2 late.jsonl events.jsonl | head -3
meter backfill list
meter backfill list --json
meter backfill retract gateway-2 --reason 'wrong file'
meter query calls
meter backfill list --format csv
meter backfill retract gateway-2 --reason 'wrong file'
meter verify | tail -1
