# What check warns of is told when the catalog is applied, too; it is in force all the same.
cat >odd.yaml <<'YAML'
version: 1
meters:
  tokens: {event_type: t, aggregation: sum, dimensions: [model]}
plans:
  - key: a
    currency: USD
    period: month
    effective_from: 2026-01-01T00:00:00Z
    charges:
      - key: tokens
        meter: tokens
        model: unit
        rates:
          - {match: {}, price: "3.00"}
          - {match: {model: small}, price: "2.00"}
subscriptions:
  early: {customer: c, plan: a, from: 2025-12-31T23:59:59Z}
YAML
meter apply odd.yaml
