# What meter help catalog says of from and until: the beginning of a period decides about a discount, any common instant about
# a credit or a commitment.
catalog() {
	cat >terms.yaml <<END
version: 1
plans:
  - key: p
    currency: USD
    period: month
    effective_from: 2026-01-01T00:00:00Z
    charges: [{key: base, model: flat, amount: 100$1}]
$2
subscriptions:
  whole: {customer: c, plan: p, from: 2026-01-01T00:00:00Z}
  late: {customer: c, plan: p, from: 2026-01-15T00:00:00Z}
END
	rm -f meter.db*
	meter apply terms.yaml >/dev/null
}
show() {
	echo "$1:"
	for period in 2026-01 2026-02 2026-03; do
		for subscription in whole late; do
			meter invoice $subscription --period $period --format csv | sed -n "/discount\|credit\|commitment/s/^/$period $subscription /p"
		done
	done
}
catalog ', discounts: [{percent: 10, from: 2026-01-01T00:00:00.000001Z}]' ''
show 'a discount that begins just after January does'
catalog ', discounts: [{percent: 10, until: 2026-01-01T00:00:00.000001Z}]' ''
show 'a discount that ends just after January begins'
catalog '' '    credits: [{key: k, amount: 150, from: 2026-01-31T23:59:59.999999Z, until: 2026-02-01T00:00:00.000001Z}]'
show 'a credit of the last instant of January and the first one of February'
catalog '' '    commitments: [{key: k, kind: prepaid, amount: 150, from: 2026-01-31T23:59:59.999999Z, until: 2026-02-01T00:00:00Z}]'
show 'prepaid for the last instant of January'
catalog '' '    commitments: [{key: k, kind: prepaid, amount: 150, from: 2026-01-31T23:59:59.999999Z, until: 2026-02-01T00:00:00Z, rollover: true}]'
show 'the same, rolled over'
catalog '' '    commitments: [{key: k, kind: postpaid, amount: 450, from: 2026-01-31T23:59:59.999999Z, until: 2026-02-01T00:00:00.000001Z}]'
show 'promised for two instants'
