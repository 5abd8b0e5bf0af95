# Columns that are no fields are properties; an empty cell is an absent one.
cat >events.csv <<'END'
id,subscription,type,timestamp,value,model,source,sequence
a,acme,llm.call,2025-01-01T00:00:00Z,1.50,large-1,gw,3
b,acme,llm.call,2025-01-01T00:00:01Z,,,,
END
meter replay --json events.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
