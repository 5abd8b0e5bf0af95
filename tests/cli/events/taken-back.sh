# Events that were taken back count nowhere, and are no longer listed, but where somebody asks for one or for what an invoice saw.
. ./billed.sh
cat > back.jsonl <<'EOF'
{"id":"back-1","subscription":"acme","type":"meter.retract","timestamp":"2025-02-20T00:00:00Z","properties":{"meter.id":"job-3","meter.timestamp":"2025-01-11T09:30:00Z"}}
{"id":"back-2","subscription":"acme","type":"meter.retract","timestamp":"2025-02-20T00:00:00Z","properties":{"meter.id":"feb-1","meter.timestamp":"2025-02-01T00:00:00Z"}}
EOF
meter replay back.jsonl > replay.txt
meter events acme --from 2025-01-11 --to 2025-01-12 --format csv
meter events acme --id job-3 --json
meter invoice acme --adjust --at 2025-03-03T00:00:00Z --format jsonl
# What the first invoice saw is what it saw; the adjustment is of what changed since.
meter events --invoice INV-000001 --type llm.call --from 2025-01-11 --to 2025-01-12 --format csv
meter events --invoice CN-000001 --format csv
