# The line is refused, what stands around it is not; what is kept of it ends at 1 MiB.
{
	head -n 1 events.jsonl
	head -c 3000000 /dev/zero | tr '\0' 'x'
	echo
	sed -n 2p events.jsonl
} >long.jsonl
meter replay --json long.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter quarantine show 1 --format csv | sed -n 's|.*Z,,,||p' | wc -c
exit $code
