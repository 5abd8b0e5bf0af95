cat >ms.jsonl <<'END'
{"id":"a","subscription":"acme","type":"x","timestamp":1735689600123}
{"id":"b","subscription":"acme","type":"x","timestamp":"1735689600123"}
{"id":"c","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}
END
meter replay --json --time ms ms.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format csv
exit $code
