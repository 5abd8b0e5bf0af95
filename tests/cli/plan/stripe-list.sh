# Cents become units, up to is inclusive, packages round up, and a named meter is what its object says.
cat >prices.json <<'END'
{"object": "list", "url": "/v1/prices", "has_more": false, "data": [
  {"id": "price_base", "object": "price", "active": true, "billing_scheme": "per_unit", "created": 1700000000, "currency": "usd",
   "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {"a": "b"}, "nickname": "Base fee",
   "product": "prod_1", "recurring": {"interval": "month", "interval_count": 1, "trial_period_days": null, "usage_type": "licensed"},
   "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null, "type": "recurring", "unit_amount": 4900,
   "unit_amount_decimal": "4900"},
  {"id": "price_calls", "object": "price", "billing_scheme": "tiered", "currency": "usd", "lookup_key": "calls",
   "recurring": {"interval": "month", "interval_count": 1, "meter": "mtr_1", "usage_type": "metered"}, "tiers_mode": "graduated",
   "tiers": [{"up_to": 1000, "unit_amount": 0, "unit_amount_decimal": "0", "flat_amount": null, "flat_amount_decimal": null},
             {"up_to": 5000, "unit_amount": null, "unit_amount_decimal": "0.5", "flat_amount": 100, "flat_amount_decimal": "100"},
             {"up_to": null, "unit_amount_decimal": "0.25"}], "unit_amount": null, "unit_amount_decimal": null},
  {"id": "price_exports", "object": "price", "billing_scheme": "per_unit", "currency": "usd",
   "recurring": {"interval": "month", "usage_type": "metered", "aggregate_usage": "sum"},
   "transform_quantity": {"divide_by": 10, "round": "up"}, "unit_amount": 200},
  {"id": "price_hours", "object": "price", "billing_scheme": "per_unit", "currency": "usd",
   "recurring": {"interval": "month", "usage_type": "metered"}, "transform_quantity": {"divide_by": 60, "round": "down"},
   "unit_amount": 150},
  {"id": "price_yen", "object": "price", "billing_scheme": "tiered", "currency": "jpy", "tiers_mode": "volume",
   "recurring": {"interval": "month", "usage_type": "metered"},
   "tiers": [{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 90, "flat_amount": 50}]},
  {"id": "mtr_1", "object": "billing.meter", "created": 1, "customer_mapping": {"event_payload_key": "stripe_customer_id",
   "type": "by_id"}, "default_aggregation": {"formula": "sum"}, "display_name": "Calls", "event_name": "api.call",
   "event_time_window": null, "livemode": false, "status": "active", "status_transitions": {"deactivated_at": null}, "updated": 1,
   "value_settings": {"event_payload_key": "value"}}]}
END
meter plan import --from stripe prices.json >made.yaml
cat made.yaml
meter check made.yaml
# 49.00, 4000 x 0.005 + 1.00 + 1000 x 0.0025, 3 packages of 10, 2 whole hours
meter quote made.yaml --plan usd-month --at 2026-01-01 --usage mtr_1=6000 --usage price_exports=21 --usage price_hours=179
meter plan import --from stripe - <prices.json | meter quote - --plan jpy-month --at 2026-01-01 --usage price_yen=11 --format csv
