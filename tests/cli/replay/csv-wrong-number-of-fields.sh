cat >few.csv <<'END'
id,subscription,type,timestamp,value,model,kind
a,acme,llm.call,2025-01-01T00:00:00Z,1
b,acme,llm.call,2025-01-01T00:00:00Z,1,large-1,input,more
c,acme,llm.call,2025-01-01T00:00:00Z,1,large-1,input
END
meter replay --json few.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
exit $code
