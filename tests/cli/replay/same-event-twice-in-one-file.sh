cat events.jsonl events.jsonl >twice.jsonl
meter replay --json twice.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
