# A price alone; what it does not say is written beside it.
cat >price.json <<'END'
{"id":"price_1","object":"price","billing_scheme":"per_unit","currency":"kwd","type":"recurring","unit_amount":1,
 "unit_amount_decimal":"1.25","recurring":{"interval":"month","interval_count":1,"meter":"mtr_9","usage_type":"metered"}}
END
sed 's/"unit_amount":1,/"unit_amount":null,/' price.json >exact.json
meter plan import --from stripe price.json
meter plan import --from stripe exact.json && meter plan import --from stripe exact.json | meter check -
