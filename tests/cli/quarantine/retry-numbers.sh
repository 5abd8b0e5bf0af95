meter apply catalog.yaml >/dev/null
meter quarantine retry 1
echo "exit $?"
printf '%s\n' '{"id":"1","subscription":"acme","type":"x","timestamp":1735689600000}' '{"id":"2"}' 'x' >bad.jsonl
meter replay bad.jsonl >/dev/null 2>&1
meter quarantine retry 2 1 --time ms --json
echo "exit $?"
meter quarantine retry 1 2
echo "exit $?"
meter quarantine retry --outcome conflict --json
meter quarantine retry --code json --json
echo "exit $?"
