# A stray quote costs its own line and no other.
cat >stray.csv <<'END'
id,subscription,type,timestamp,note
a,acme,x,2025-01-01T00:00:00Z,5" pipe
b,acme,x,2025-01-01T00:00:00Z,"a"b
c,acme,x,2025-01-01T00:00:00Z,fine
d,acme,x,2025-01-01T00:00:00Z,"never closed
e,acme,x,2025-01-01T00:00:00Z,fine
END
meter replay --json stray.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
