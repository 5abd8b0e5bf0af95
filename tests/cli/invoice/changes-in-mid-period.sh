# A trial, a new version of the plan, another plan and a pause, all in January: each part at its own price, parts of per-period numbers add up.
cat >changing.yaml <<'YAML'
version: 1
meters:
  calls: {event_type: call, aggregation: count}
plans:
  - {key: api, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [
      {key: base, model: flat, amount: "31.00", tax: {category: VAT, percent: 19}},
      {key: calls, meter: calls, model: unit, price: "1.00", included: 2}]}
  - {key: api, currency: EUR, period: month, effective_from: 2026-01-11T00:00:00Z, charges: [
      {key: base, model: flat, amount: "62.00", tax: {category: VAT, percent: 19}},
      {key: calls, meter: calls, model: unit, price: "2.00", included: 2}]}
  - {key: pro, currency: EUR, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [
      {key: calls, meter: calls, model: unit, price: "0.50"}]}
subscriptions:
  acme: {customer: Acme, plan: [{plan: api, from: 2026-01-01T00:00:00Z}, {plan: pro, from: 2026-01-21T12:00:00.5Z}],
         trial_until: 2026-01-06T00:00:00Z, pauses: [{from: 2026-01-30T00:00:00Z, until: 2026-02-03T00:00:00Z}]}
YAML
meter apply changing.yaml >/dev/null
i=0
for at in 02T00:00:00 10T23:59:59.999999 11T00:00:00 12T00:00:00 12T00:00:01 21T12:00:00.499999 21T12:00:00.5 31T00:00:00; do
	i=$((i + 1))
	echo "{\"id\":\"$i\",\"subscription\":\"acme\",\"type\":\"call\",\"timestamp\":\"2026-01-${at}Z\"}"
done >calls.jsonl
meter replay calls.jsonl >/dev/null
meter invoice acme --period 2026-01
meter invoice acme --period 2026-01 --json
