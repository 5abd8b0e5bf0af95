# A plan with its meters: free units before tiers, the flat price of the first tier at 0 units, commitments, packages.
cat >plan.json <<'END'
{"key": "pro", "name": "Pro", "currency": "USD", "billingCadence": "P1M", "version": 3, "status": "active",
 "proRatingConfig": {"enabled": true, "mode": "prorate_prices"}, "effectiveFrom": "2026-01-01T00:00:00Z", "effectiveTo": null,
 "meters": [
  {"slug": "tokens", "eventType": "prompt", "aggregation": "SUM", "valueProperty": "$.tokens", "groupBy": {"model": "$.model"},
   "windowSize": "MINUTE"},
  {"slug": "calls", "eventType": "call", "aggregation": "COUNT"}],
 "features": [{"key": "api", "name": "API", "meterSlug": "calls"}],
 "phases": [{"key": "default", "name": "Default", "duration": null, "rateCards": [
  {"type": "flat_fee", "key": "seat", "name": "Seat", "billingCadence": "P1M",
   "price": {"type": "flat", "amount": "29", "paymentTerm": "in_arrears"}, "discounts": {"percentage": {"percentage": 10}}},
  {"type": "usage_based", "key": "tokens", "name": "Tokens", "featureKey": "tokens", "billingCadence": "P1M",
   "price": {"type": "tiered", "mode": "graduated", "maximumAmount": "500", "tiers": [
    {"upToAmount": "1000", "flatPrice": {"type": "flat", "amount": "5"}, "unitPrice": null},
    {"upToAmount": null, "flatPrice": null, "unitPrice": {"type": "unit", "amount": "0.002"}}]},
   "discounts": {"usage": {"quantity": "100"}}},
  {"type": "usage_based", "key": "api", "name": "API", "featureKey": "api", "billingCadence": "P1M",
   "price": {"type": "package", "amount": "1.50", "quantityPerPackage": "100", "minimumAmount": "3"}},
  {"type": "usage_based", "key": "passed-on", "name": "Passed on", "featureKey": "tokens", "billingCadence": "P1M",
   "price": {"type": "dynamic", "multiplier": "0.0001"}},
  {"type": "flat_fee", "key": "free", "name": "Free", "billingCadence": null, "price": null}]}]}
END
meter plan import --from openmeter plan.json >made.yaml
cat made.yaml
meter check made.yaml
# 29.00 - 2.90; (2100 - 100 - 1000) x 0.002 + 5.00; one package raised to 3.00; 2100 x 0.0001
meter quote made.yaml --plan pro --at 2026-01-01 --usage tokens=2100 --usage calls=7
meter quote made.yaml --plan pro --at 2026-01-01 --format csv | cut -d, -f1,2,8
