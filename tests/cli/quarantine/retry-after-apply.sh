# A meter that read a property nobody sent; the next catalog reads the one that comes.
meter apply catalog.yaml >/dev/null
for id in 1 2; do
	echo '{"id":"'$id'","subscription":"acme","type":"llm.call","timestamp":"2025-01-01T00:00:00Z","properties":{"count":5}}'
done >events.jsonl
meter replay events.jsonl >/dev/null 2>&1
meter quarantine retry
echo "exit $?"
meter quarantine list --format csv | sed 's/20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/TIME/'
sed 's/value: tokens/value: count/' catalog.yaml >next.yaml
meter apply next.yaml >/dev/null
meter quarantine retry
echo "exit $?"
meter quarantine list
meter query tokens --json
meter quarantine retry --json
meter stats --json | grep -o '"accepted":[0-9]*\|"rejected":[0-9]*\|"quarantined":[0-9]*'
