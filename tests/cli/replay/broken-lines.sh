cat >broken.jsonl <<'END'
{"id":"a","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z"}
not json

{"id":"b","subscription":"acme","type":"api.call"}
{"id":"c","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00"}
{"id":"d","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z","colour":"red"}
{"id":"e","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z","value":"1e3"}
{"id":"","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z"}
{"id":"f","id":"g","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z"}
{"id":"h","subscription":"acme","type":"api.call","timestamp":"2199-01-01T00:00:00Z"}
{"id":"i","subscription":"acme","type":"api.call","timestamp":"2025-01-01T00:00:00Z"}
{"id":"j","subscription":"acme","type":"api.call","timest
END
meter replay --json broken.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
