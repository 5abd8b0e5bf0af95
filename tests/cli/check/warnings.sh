# A catalog that is right and not meant.
cat >odd.yaml <<'YAML'
version: 1
meters:
  tokens: {event_type: t, aggregation: sum, dimensions: [model, kind]}
plans:
  - {key: a, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [
      {key: base, model: flat, amount: 5},
      {key: tokens, meter: tokens, model: unit, per: 1000000, rates: [
        {match: {model: large}, price: "3.00"}, {match: {kind: output, model: large}, price: "15.00"}, {match: {model: small}, price: "0.002"},
        {match: {kind: free}, price: 0}]},
      {key: steps, meter: tokens, model: graduated, tiers: [{up_to: 10, price: 2}, {price: "0.001"}]},
      {key: fine, meter: tokens, model: graduated, tiers: [{up_to: 10, price: 10}, {up_to: 20, price: "0.1"}, {price: "0.001"}]}]}
  - {key: a, currency: USD, period: month, effective_from: 2026-06-01T00:00:00Z, charges: [{key: base, model: flat, amount: 5000}]}
subscriptions:
  early: {customer: c, plan: a, from: 2025-12-31T23:59:59Z}
  right: {customer: c, plan: a, from: 2026-01-01T00:00:00Z}
YAML
meter check odd.yaml
