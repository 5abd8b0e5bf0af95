cat >ce.jsonl <<'END'
{"specversion":"1.0","id":"req-17","source":"gw-1","type":"llm.call","subject":"acme","time":"2025-01-31T23:59:59.123Z","data":{"model":"large-1","tokens":120}}
END
meter replay --json ce.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
