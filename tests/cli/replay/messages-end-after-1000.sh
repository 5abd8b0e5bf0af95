i=0; while [ $i -lt 1010 ]; do echo "x$i"; i=$((i + 1)); done >many.jsonl
exec 2>messages
meter replay --json many.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
wc -l <messages
tail -n 1 messages
exit $code
