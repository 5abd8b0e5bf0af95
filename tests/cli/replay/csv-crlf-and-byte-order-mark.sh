printf '\357\273\277id,subscription,type,timestamp,note\r\na,acme,x,2025-01-01T00:00:00Z,"two\r\nlines"\r\n\r\nb,acme,x,2025-01-01T00:00:00Z,end' >events.csv
exec <events.csv
meter replay --json --from csv - >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
