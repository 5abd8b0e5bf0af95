meter apply catalog.yaml >/dev/null && meter replay events.jsonl >/dev/null
sed 's/dimensions: \[model, kind\]/dimensions: [kind, model]/' catalog.yaml >next.yaml
meter shadow next.yaml --period 2025-01
