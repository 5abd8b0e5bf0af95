# What the reader of catalogs allows is what the help has: each unknown key is answered with the ones that are allowed.
meter help catalog >help
allowed() {
	cat >catalog.yaml
	meter check catalog.yaml 2>&1 | sed -n 's/.*; allowed are //p' | tr -d ' ' | tr ',' '\n' >names
	printf '%s: %s' "$1" "$(wc -l <names)"
	while read -r name; do
		grep -qw "$name" help || printf ', no %s' "$name"
	done <names
	echo
}
plan() {
	echo "plans: [{key: p, currency: USD, period: month, effective_from: 2026-01-01T00:00:00Z, charges: [{key: c, model: flat, amount: 1$1}]$2}]"
}
meters='meters: {m: {event_type: x, aggregation: sum}}'
echo 'zzz: 1' | allowed catalog
printf 'version: 1\nmeters: {m: {event_type: x, aggregation: sum, zzz: 1}}\n' | allowed meter
printf 'version: 1\nunits: {u: {exponent: 2, zzz: 1}}\n' | allowed unit
printf 'version: 1\n%s\n' "$(plan '' ', zzz: 1')" | allowed plan
printf 'version: 1\n%s\n' "$(plan ', zzz: 1' '')" | allowed charge
printf 'version: 1\n%s\n' "$(plan ', discounts: [{percent: 1, zzz: 1}]' '')" | allowed 'discount of a charge'
printf 'version: 1\n%s\n' "$(plan '' ', discounts: [{percent: 1, zzz: 1}]')" | allowed 'discount of a plan'
printf 'version: 1\n%s\n' "$(plan '' ', credits: [{key: k, amount: 1, zzz: 1}]')" | allowed credit
printf 'version: 1\n%s\n' "$(plan '' ', commitments: [{key: k, kind: prepaid, amount: 1, zzz: 1}]')" | allowed commitment
printf 'version: 1\n%s\n%s\n' "$meters" "$(plan '}, {key: d, meter: m, model: graduated, tiers: [{price: 1, zzz: 1}]' '')" | allowed tier
printf 'version: 1\n%s\n%s\n' "$meters" "$(plan '}, {key: d, meter: m, model: unit, rates: [{match: {}, price: 1, zzz: 1}]' '')" | allowed rate
printf 'version: 1\n%s\n%s\n' "$meters" "$(plan '}, {key: d, meter: m, model: unit, price: 1, convert: {zzz: 1}' '')" | allowed convert
printf 'version: 1\n%s\n%s\n' "$meters" "$(plan '}, {key: d, meter: m, model: unit, price: 1, round: {zzz: 1}' '')" | allowed round
printf 'version: 1\n%s\n' "$(plan ', tax: {zzz: 1}' '')" | allowed tax
printf 'version: 1\n%s\nsubscriptions: {s: {customer: c, plan: p, from: 2026-01-01T00:00:00Z, zzz: 1}}\n' "$(plan '' '')" | allowed subscription
printf 'version: 1\n%s\nsubscriptions: {s: {customer: c, plan: [{plan: p, from: 2026-01-01T00:00:00Z, zzz: 1}]}}\n' "$(plan '' '')" | allowed 'plan of a subscription'
printf 'version: 1\n%s\nsubscriptions: {s: {customer: c, plan: p, from: 2026-01-01T00:00:00Z, pauses: [{zzz: 1}]}}\n' "$(plan '' '')" | allowed pause
