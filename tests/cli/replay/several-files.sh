sed -n 1,3p events.jsonl >one.jsonl
{ sed -n 4,5p events.jsonl; echo '{}'; } >two.jsonl
meter replay --json one.jsonl two.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
