sed 's/"value":"21"/"value":"22"/' events.jsonl >other.jsonl
meter replay --json other.jsonl events.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
