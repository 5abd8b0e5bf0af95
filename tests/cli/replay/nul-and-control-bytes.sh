{
	printf '{"id":"a\0b"}\n'
	printf '{"id":"\033[31m","subscription":"acme"}\n'
	printf '%s\n' '{"id":"a\u001b[31m\u009b","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}'
	printf '{"id":"\377","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z"}\n'
} >odd.jsonl
meter replay --json odd.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
