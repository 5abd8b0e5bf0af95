# A name that is mistyped does not look like a subscription without entries.
. ./billed.sh
meter ledger --subscription nobody
echo "exit $?"
meter ledger --balances --subscription nobody --json
echo "exit $?"
meter ledger --subscription acme --from 2030-01-01
