{
	printf '{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","properties":{"p":'
	head -c 100000 /dev/zero | tr '\0' '['
	echo
} >deep.jsonl
meter replay --json deep.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
