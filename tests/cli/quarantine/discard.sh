meter apply catalog.yaml >/dev/null
printf '%s\n' 'one' 'two' 'three' >bad.jsonl
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine discard 1 7 --reason 'test traffic'
echo "exit $?"
meter quarantine discard 1 3 3 --reason ''
echo "exit $?"
meter quarantine discard 1 3 3 --reason 'test traffic'
meter quarantine list --format csv | cut -d, -f1-3
meter quarantine list --discarded --json | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/g'
meter quarantine show 3 | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/g'
meter quarantine reasons
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine list --discarded --json | grep -o '"times":[0-9]*'
meter quarantine retry 1
echo "exit $?"
meter stats --json | grep -o '"quarantined":[0-9]*'
meter quarantine discard 2 --reason 'the rest' --json
