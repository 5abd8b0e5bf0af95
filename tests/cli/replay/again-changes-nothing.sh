meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter replay --json events.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter query calls --json
exit $code
