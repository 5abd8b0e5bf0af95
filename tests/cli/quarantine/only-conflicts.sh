cat >bad.jsonl <<'END'
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"2"}
no json
END
meter replay bad.jsonl >/dev/null 2>&1
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine list --outcome conflict --format csv | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/'
