# A name that is mistyped does not look like a subscription that used nothing; one that nobody declared may have events.
meter apply catalog.yaml >/dev/null
echo '{"id":"1","subscription":"undeclared","type":"api.call","timestamp":"2025-01-01T00:00:00Z"}' | meter replay - >/dev/null
meter query calls --subscription nobody
echo "exit $?"
meter query calls --subscription nobody --by day --json
echo "exit $?"
meter query calls --subscription acme --from 2025-01-01 --to 2025-02-01
meter query calls --subscription undeclared
meter query tokens --subscription undeclared --from 2025-01-01 --to 2025-02-01 --json
meter query tokens --subscription undeclared --by day --json
