# Rows are kept as the events they would have been, so a retry can read them without the header.
cat >wrong.csv <<'END'
request,subscription,type,timestamp,sequence,model
a,acme,x,1735689600,1,"say ""hi"", é"
,acme,x,2025-01-01T00:00:00Z,2,large
b,acme,x,2025-01-01T00:00:00Z,3
END
printf 'c\377,acme,x,yesterday,4,large\n' >>wrong.csv
meter replay wrong.csv --map id=request >/dev/null
echo "exit $?"
for number in 1 2 3 4; do meter quarantine show $number --json | grep -o '"code":[^,]*\|"text":.*'; done
meter quarantine retry --time s --json
echo "exit $?"
meter quarantine retry --map id=#number --json
meter events acme --json
meter quarantine list --format csv | cut -d, -f1-4
