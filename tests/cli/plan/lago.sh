# A plan as the API answers it, its billable metrics beside it: every charge model that carries over.
cat >plan.json <<'END'
{"plan": {"lago_id": "1a90", "name": "Startup", "code": "startup", "interval": "monthly", "amount_cents": 9900, "amount_currency": "EUR",
  "trial_period": 0, "pay_in_advance": true, "bill_charges_monthly": null, "taxes": [], "charges": [
  {"billable_metric_code": "calls", "charge_model": "graduated", "pay_in_advance": false, "prorated": false, "invoiceable": true,
   "min_amount_cents": 250, "properties": {"graduated_ranges": [
    {"from_value": 0, "to_value": 10, "per_unit_amount": "0.50", "flat_amount": "0"},
    {"from_value": 11, "to_value": null, "per_unit_amount": "0.40", "flat_amount": "1"}]}},
  {"billable_metric_code": "calls", "charge_model": "volume", "properties": {"volume_ranges": [
    {"from_value": 0, "to_value": 10, "per_unit_amount": "0.5", "flat_amount": "0"},
    {"from_value": 10, "to_value": null, "per_unit_amount": "0.4", "flat_amount": "1"}]}},
  {"billable_metric_code": "storage", "charge_model": "package", "properties": {"amount": "2", "free_units": 5, "package_size": 10}},
  {"billable_metric_code": "volume", "charge_model": "percentage", "properties": {"rate": "1.2", "fixed_amount": "0.1",
    "free_units_per_events": 2, "free_units_per_total_aggregation": null}},
  {"billable_metric_code": "volume", "charge_model": "graduated_percentage", "properties": {"graduated_percentage_ranges": [
    {"from_value": 0, "to_value": 100, "rate": "1", "flat_amount": "0"}, {"from_value": 101, "to_value": null, "rate": "0.5", "flat_amount": "3"}]}},
  {"billable_metric_code": "volume", "charge_model": "standard", "invoice_display_name": "Volume fee", "properties": {"amount": "0.001"}}]},
 "billable_metrics": [
  {"code": "calls", "name": "Calls", "aggregation_type": "count_agg", "field_name": null, "recurring": false},
  {"code": "storage", "aggregation_type": "max_agg", "field_name": "gb"},
  {"code": "volume", "aggregation_type": "sum_agg", "field_name": "amount"}]}
END
meter plan import --from lago plan.json >made.yaml
cat made.yaml
meter check made.yaml
# 99.00; 10 x 0.50 + 2 x 0.40 + 1; 12 x 0.4 + 1; 2 packages; 1.2 % of 200 + 0.10 an event; 1 % of 100 + 0.5 % of 100 + 3; 200 x 0.001
sed '/free_events/d' made.yaml >without-free-events.yaml
meter quote without-free-events.yaml --plan startup --at 2026-01-01 --usage calls=12 --usage storage=16 --usage volume=200
