# A day names the period it lies in, also when the month it is in began with periods of another length.
sed -e 's/plan: api-pro, from: 2024-01-01T00:00:00Z/plan: [{plan: api-pro, from: 2024-01-01T00:00:00Z}, {plan: daily, from: 2024-03-08T12:00:00Z}]/' \
	-e '/^subscriptions/i\  - {key: daily, currency: USD, period: day, effective_from: 2024-01-01T00:00:00Z, charges: [{key: a, model: flat, amount: "7"}]}' \
	catalog.yaml > other.yaml
meter apply other.yaml > apply.txt
for day in 2024-03-08 2024-03-09; do
	meter invoice acme --period $day | grep -E '^(from|to|plan)'
done
