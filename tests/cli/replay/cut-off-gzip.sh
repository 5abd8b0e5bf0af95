gzip -c events.jsonl | head -c 150 >cut.gz
gzip -dc cut.gz >cut.jsonl 2>/dev/null
exec <cut.jsonl
meter replay --json - >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
