# Line numbers count lines, also those within quotes.
cat >quoted.csv <<'END'
"id","subscription",type,timestamp,"the ""note"""
a,"acme",x,2025-01-01T00:00:00Z,"says ""hi"", then
goes"
b,acme,x,2025-01-01T00:00:00Z
c,acme,x,2025-01-01T00:00:00Z,""
END
meter replay --json quoted.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter events acme --format jsonl
exit $code
