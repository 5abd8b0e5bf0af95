meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter query calls
head -1 events.jsonl
cat >back.jsonl <<'X'
{"id":"back-1","subscription":"acme","type":"meter.retract","timestamp":"2025-02-01T00:00:00Z","properties":{"meter.id":"c1","meter.timestamp":"2025-01-02T10:00:01Z"}}
{"id":"back-2","subscription":"acme","type":"meter.retract","timestamp":"2025-02-01T00:00:00Z"}
X
meter replay back.jsonl | head -6
meter query calls
meter verify | tail -1
