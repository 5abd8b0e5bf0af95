# 1048576 bytes are read and found wrong as JSON, one more is not read.
{
	head -c 1048576 /dev/zero | tr '\0' 'x'
	echo
	head -c 1048577 /dev/zero | tr '\0' 'x'
	echo
} >long.jsonl
meter replay --json long.jsonl >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
