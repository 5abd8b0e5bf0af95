meter help formats | sed -n '3,4p' | tr -d '\n' >one.jsonl
meter replay --json one.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
