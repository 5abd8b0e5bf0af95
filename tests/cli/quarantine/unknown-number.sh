cat >bad.jsonl <<'END'
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"2"}
no json
END
meter replay bad.jsonl >/dev/null 2>&1
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine show 3
