# What is accepted after its period was billed is counted as accepted, and said to be late.
. ./billed.sh
for id in 1 2; do
	echo '{"id":"x'$id'","subscription":"acme","type":"api.call","timestamp":"2025/01/1'$id'T00:00:00Z"}'
done | meter replay - >/dev/null 2>&1
meter quarantine retry 1 --map timestamp=:2025-01-11T00:00:00Z --json
echo "exit $?"
meter quarantine retry --map timestamp=:2030-01-12T00:00:00Z
echo "exit $?"
meter quarantine retry --map timestamp=:2025-03-12T00:00:00Z
