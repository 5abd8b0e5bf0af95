meter apply catalog.yaml >/dev/null
cat >bad.jsonl <<'END'
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"2"}
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"3"}
{"id":"b","subscription":"acme","type":"llm.call","timestamp":"2025-01-01T00:00:00Z"}
{"id":"c","subscription":"acme","type":"x","timestamp":"yesterday"}
{"id":"d","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"1e3"}
no json
END
meter quarantine reasons --json
meter replay bad.jsonl >/dev/null 2>&1
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine reasons
meter quarantine reasons --json
meter quarantine reasons --format csv
meter quarantine list --code meter --format csv | cut -d, -f1-4
