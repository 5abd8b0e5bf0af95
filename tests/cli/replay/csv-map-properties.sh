# Only the properties that are mapped are kept.
cat >usage.csv <<'END'
request,subscription,type,timestamp,n,note
r1,acme,llm.call,2025-01-01T00:00:00Z,12,dropped
END
meter replay --json --map id=request,properties.tokens=n,properties.region=:eu usage.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
