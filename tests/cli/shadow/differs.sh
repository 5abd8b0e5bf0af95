# One price more, one charge less, one more, and globex without a plan.
meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
sed -e 's/price: "15.00"/price: "16.50"/' -e '/key: base/d' -e 's/key: exports, meter/key: exported, meter/' -e '/globex/d' catalog.yaml >next.yaml
meter shadow next.yaml --period 2025-01
echo "exit $?"
meter shadow next.yaml --period 2025-01 --all --format csv
echo "exit $?"
meter shadow next.yaml --period 2025-01 --tolerance 60 --json
