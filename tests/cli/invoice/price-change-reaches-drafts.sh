# A new price for the past changes every draft at once.
meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
meter invoice acme --period 2025-01 --format csv | grep tokens
sed 's/price: "15.00"/price: "30.00"/' catalog.yaml >dearer.yaml
meter apply dearer.yaml >/dev/null
meter invoice acme --period 2025-01 --format csv | grep tokens
