meter apply catalog.yaml >/dev/null
cat >bad.jsonl <<'END'
 {"id":"1", "subscription":"acme","type":"x","timestamp":"2025/01/01T00:00:00Z"}
{"id":"2","subscription":"acme","type":"llm.call","timestamp":"2025-01-01T00:00:00Z"}
[1]
no json
END
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine export
echo "exit $?"
meter quarantine export --code timestamp >out.jsonl
echo "exit $?"
sed 's|2025/01/01|2025-01-01|' out.jsonl | meter replay - --json | cut -d, -f1-3
meter quarantine export --outcome conflict
echo "exit $?"
