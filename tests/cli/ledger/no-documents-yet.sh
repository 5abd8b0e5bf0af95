# The catalog has it, or an event does: nothing was billed, and that is an answer.
meter apply catalog.yaml >/dev/null
echo '{"id":"1","subscription":"undeclared","type":"x","timestamp":"2025-01-01T00:00:00Z"}' | meter replay - >/dev/null
meter ledger --subscription acme
meter ledger --balances --subscription undeclared --json
