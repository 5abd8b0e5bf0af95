# What does not carry over is refused by name, at its place.
refuse() {
	cat >document.json
	meter plan import --from "$1" document.json && echo "NOT REFUSED: $2"
}
recurring='"recurring":{"interval":"month","usage_type":"metered"}'
price='"id":"p","object":"price","billing_scheme":"per_unit","currency":"usd"'
stripe() {
	echo "{$price,$1}" | refuse stripe "$1"
}
stripe "\"unit_amount\":1,\"recurring\":{\"interval\":\"year\",\"usage_type\":\"metered\"}"
stripe "\"unit_amount\":1,\"recurring\":{\"interval\":\"month\",\"interval_count\":3,\"usage_type\":\"metered\"}"
stripe "\"unit_amount\":1,\"recurring\":{\"interval\":\"month\",\"usage_type\":\"licensed\",\"trial_period_days\":14}"
stripe "\"unit_amount\":1,\"recurring\":{\"interval\":\"month\",\"usage_type\":\"metered\",\"aggregate_usage\":\"last_ever\"}"
stripe "\"unit_amount\":1,\"type\":\"one_time\",\"recurring\":null"
stripe "$recurring,\"unit_amount\":1,\"tax_behavior\":\"inclusive\""
stripe "$recurring,\"unit_amount\":1,\"currency_options\":{\"eur\":{\"unit_amount\":1}}"
stripe "$recurring,\"unit_amount\":1,\"surcharge\":3"
stripe "$recurring,\"unit_amount\":1,\"unit_amount_decimal\":\"1.5\""
stripe "$recurring,\"unit_amount\":-1"
stripe "$recurring,\"unit_amount\":1e3"
stripe "$recurring"
price='"id":"p","object":"price","billing_scheme":"tiered","tiers_mode":"graduated","currency":"usd"'
stripe "$recurring"
stripe "$recurring,\"tiers\":[{\"up_to\":null,\"unit_amount\":1,\"flat_amount\":500}]"
stripe "$recurring,\"tiers\":[{\"up_to\":10,\"unit_amount\":1}]"
stripe "$recurring,\"tiers\":[{\"up_to\":10,\"unit_amount\":1},{\"up_to\":10,\"unit_amount\":1},{\"up_to\":null,\"unit_amount\":1}]"
stripe "$recurring,\"unit_amount\":1,\"tiers\":[{\"up_to\":null,\"unit_amount\":1}]"
price='"id":"p","object":"price","billing_scheme":"per_unit","currency":"ugx"'
stripe "$recurring,\"unit_amount\":1"
echo '{"object":"list","has_more":true,"data":[]}' | refuse stripe has_more
echo '{"object":"product","id":"prod_1"}' | refuse stripe product
echo '[]' | refuse stripe list
echo '{"object":' | refuse stripe half

openmeter() {
	echo "{\"key\":\"p\",\"currency\":\"USD\",\"meters\":[{\"slug\":\"m\",\"eventType\":\"e\",\"aggregation\":\"COUNT\"}],
\"phases\":[{\"duration\":null,\"rateCards\":[$1]}]}" | refuse openmeter "$1"
}
card='"type":"usage_based","key":"c","featureKey":"m","billingCadence":"P1M"'
openmeter "{$card,\"price\":{\"type\":\"unit\",\"amount\":\"1\",\"minimumAmount\":\"5\"},\"discounts\":{\"percentage\":{\"percentage\":5}}}"
openmeter "{$card,\"price\":{\"type\":\"dynamic\"},\"discounts\":{\"usage\":{\"quantity\":5}}}"
openmeter "{$card,\"price\":{\"type\":\"unit\",\"amount\":\"1\"},\"entitlementTemplate\":{\"type\":\"metered\",\"issueAfterReset\":10}}"
openmeter "{\"type\":\"usage_based\",\"key\":\"c\",\"featureKey\":\"x\",\"billingCadence\":\"P1M\",\"price\":{\"type\":\"unit\",\"amount\":\"1\"}}"
openmeter "{\"type\":\"flat_fee\",\"key\":\"c\",\"billingCadence\":null,\"price\":{\"type\":\"flat\",\"amount\":\"1\"}}"
openmeter "{\"type\":\"flat_fee\",\"key\":\"c\",\"billingCadence\":\"P1Y\",\"price\":{\"type\":\"flat\",\"amount\":\"1\"}}"
echo '{"key":"p","currency":"USD","phases":[{"duration":"P1M","rateCards":[]},{"duration":null,"rateCards":[]}]}' | refuse openmeter phases
echo '{"key":"p","currency":"USD","phases":[{"duration":"P1M","rateCards":[]}]}' | refuse openmeter duration
echo '{"meters":[{"slug":"m","eventType":"e","aggregation":"UNIQUE_COUNT","valueProperty":"$.x"}]}' | refuse openmeter unique
echo '{"meters":[{"slug":"m","eventType":"e","aggregation":"SUM","valueProperty":"$.a.b"}]}' | refuse openmeter path
echo '{"meters":[{"slug":"m","eventType":"e","aggregation":"COUNT","groupBy":{"a":"$.b"}}]}' | refuse openmeter groupBy

lago() {
	echo "{\"code\":\"p\",\"interval\":\"monthly\",\"amount_cents\":0,\"amount_currency\":\"USD\",\"billable_metrics\":[
{\"code\":\"n\",\"aggregation_type\":\"count_agg\"},{\"code\":\"s\",\"aggregation_type\":\"sum_agg\",\"field_name\":\"v\"}],$1}" |
		refuse lago "$1"
}
charge() {
	lago "\"charges\":[{\"billable_metric_code\":\"$1\",\"charge_model\":\"$2\",$3}]"
}
charge n dynamic '"properties":{}'
charge n percentage '"properties":{"rate":"1"}'
charge s percentage '"properties":{"rate":"1","fixed_amount":"1","free_units_per_total_aggregation":"5"}'
charge n standard '"properties":{"amount":"1"},"pay_in_advance":true'
charge n standard '"properties":{"amount":"1"},"prorated":true'
charge n standard '"properties":{"amount":"1"},"invoiceable":false'
charge n standard '"properties":{"amount":"1","pricing_group_keys":["region"]}'
charge n standard '"properties":{"amount":"1"},"filters":[{"values":{"region":["eu"]}}]'
charge x standard '"properties":{"amount":"1"}'
ranges='"properties":{"graduated_ranges":[{"from_value":0,"to_value":10,"per_unit_amount":"1","flat_amount":'
charge n graduated "$ranges\"2\"},{\"from_value\":11,\"to_value\":null,\"per_unit_amount\":\"1\",\"flat_amount\":\"0\"}]}"
charge n graduated "$ranges\"0\"},{\"from_value\":12,\"to_value\":null,\"per_unit_amount\":\"1\",\"flat_amount\":\"0\"}]}"
lago '"trial_period":14'
lago '"minimum_commitment":{"amount_cents":1000}'
echo '{"code":"p","interval":"yearly","amount_cents":0,"amount_currency":"USD"}' | refuse lago yearly
echo '{"code":"p","interval":"monthly","amount_cents":0,"amount_currency":"USD","billable_metrics":[{"code":"u","aggregation_type":"unique_count_agg","field_name":"x"}]}' | refuse lago unique
