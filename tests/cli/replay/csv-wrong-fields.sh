cat >wrong.csv <<'END'
id,subscription,type,timestamp,value,sequence
,acme,x,2025-01-01T00:00:00Z,1,1
a,acme,x,yesterday,1,1
b,acme,x,2025-01-01T00:00:00Z,one,1
c,acme,x,2025-01-01T00:00:00Z,1,-1
d,acme,x,2025-01-01T00:00:00Z,1,9223372036854775808
e,acme,x,2025-01-01T00:00:00Z,1,9223372036854775807
END
meter replay --json wrong.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
