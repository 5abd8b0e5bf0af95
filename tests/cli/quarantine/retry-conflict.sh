cat >bad.jsonl <<'END'
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"2"}
END
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine retry
echo "exit $?"
meter quarantine retry --map value=:1
echo "exit $?"
meter quarantine list --format csv | cut -d, -f1-5
meter quarantine retry --map id=#number --json
echo "exit $?"
meter events acme --json
