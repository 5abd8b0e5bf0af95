meter apply catalog.yaml >/dev/null
cat >bad.jsonl <<'END'
{"id":"1","subscription":"acme","type":"llm.call","ts":"2025-01-01T00:00:00Z","properties":{"model":"large-1","n":"5"}}
{"specversion":"1.0","id":"2","source":"gw","type":"llm.call","subject":"acme","time":"2025-01-02T00:00:00Z","data":{"n":7,"kind":"input"}}
{"id":"3","subscription":"acme","type":"llm.call","timestamp":"2025-01-03T00:00:00Z","properties":{"tokens":"1e3"}}
no json
END
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine retry --map timestamp=ts --map properties.tokens=properties.n
echo "exit $?"
meter quarantine list --format csv | cut -d, -f1-4
meter events acme --json
meter quarantine retry 3 --map properties.tokens=:1000 --json
echo "exit $?"
meter query tokens --json
