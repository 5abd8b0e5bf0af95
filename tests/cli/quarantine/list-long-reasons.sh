# A column is as wide as its widest cell, however wide that is: what stands behind a long reason stays in its column.
cat >events.jsonl <<'EOF'
no json
{"id":"a","subscription":"acme","type":"x","timestamp":"2025-01-01T00:00:00Z","value":"a value of some sixty characters, which is no decimal at all"}
EOF
meter replay events.jsonl 2>/dev/null >/dev/null
meter quarantine list | sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]*Z/TIME/'
