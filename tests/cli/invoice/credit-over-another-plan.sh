# What January used of the credit stays used, though February has a plan without credits.
sed -e 's/plan: api, from: 2024-01-01T00:00:00Z/plan: [{plan: api, from: 2024-01-01T00:00:00Z}, {plan: bare, from: 2024-02-01T00:00:00Z}, {plan: api, from: 2024-03-01T00:00:00Z}]/' \
	-e '/^subscriptions/i\  - {key: bare, currency: USD, period: month, effective_from: 2024-01-01T00:00:00Z, charges: [{key: a, model: flat, amount: "7"}]}' \
	credits.yaml > other.yaml
meter apply other.yaml > apply.txt
use() { printf '{"id":"%s","subscription":"acme","type":"unit","timestamp":"%s","value":%s}\n' "$1" "$2" "$3"; }
{ use a 2024-01-05T00:00:00Z 9; use b 2024-03-05T00:00:00Z 9; } | meter replay - > replay.txt
meter invoice --due --at 2024-04-01T00:00:00Z
