{ printf '\357\273\277'; sed 's/$/\r/' events.jsonl; printf '\r\n'; } >dos.jsonl
meter replay --json dos.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
