cat >formula.jsonl <<'END'
{"id":"=1+1","subscription":"-acme","type":"@x","timestamp":"2025-01-01T00:00:00Z","value":"-3","source":"+1,2 \"a\"","properties":{"p":"=2"}}
END
meter replay formula.jsonl >/dev/null
meter events --format csv -- -acme
