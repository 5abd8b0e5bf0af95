meter apply catalog.yaml >/dev/null
for period in 2024-01 2024-02; do
	meter invoice acme --period "$period" --finalize --at 2024-03-05T00:00:00Z >/dev/null
done
meter invoice globex --finalize --at 2024-03-06T00:00:00Z >/dev/null
meter invoice INV-000002 --void --reason wrong --at 2024-03-07T00:00:00Z >/dev/null
meter ledger --json
