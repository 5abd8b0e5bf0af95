# Money of one's own, and what it is worth.
cat >credits.yaml <<'YAML'
version: 1
units: {credits: {exponent: 3, price: "0.015", currency: EUR}}
meters:
  renders: {event_type: render, aggregation: sum}
plans:
  - {key: p, currency: credits, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: renders, meter: renders, model: unit, price: "1.5"}]}
YAML
meter quote credits.yaml --plan p --usage renders=33.333 --at 2026-01-01
meter quote credits.yaml --plan p --usage renders=33.333 --at 2026-01-01 --json
