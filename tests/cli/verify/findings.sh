cat >sent.jsonl <<'END'
{"id":"r1","subscription":"acme","type":"api.call","timestamp":"2025-01-01T10:00:00Z","source":"gw-1","sequence":1}
{"id":"r2","subscription":"acme","type":"api.call","timestamp":"2025-01-01T10:00:01Z","source":"gw-1","sequence":2}
{"id":"r1","subscription":"acme","type":"api.call","timestamp":"2025-01-01T10:00:09Z","source":"gw-1","sequence":6}
END
meter apply catalog.yaml >/dev/null && meter replay sent.jsonl >/dev/null
meter verify >report
code=$?
sed 's/ in [0-9.]* s .*/ in TIME/; s/SQLite .*/SQLite VERSION/' report
exit $code
