# Three batches; the same again are duplicates only.
awk 'BEGIN { print "id,subscription,type,timestamp"; for (i = 0; i < 45001; i++) printf "%d,acme,api.call,2025-01-01T%02d:%02d:%02dZ\n", i, i / 3600, i / 60 % 60, i % 60 }' >many.csv
meter apply catalog.yaml
meter replay --json many.csv | cut -d, -f1-6
meter replay --json many.csv >out
code=$?
sed 's/"seconds":[0-9]*\.[0-9][0-9][0-9],"events_per_second":[0-9]*/TIMING/' out
meter query calls --json
exit $code
