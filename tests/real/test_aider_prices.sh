# test_aider_prices.sh - 74.62673402 dollars: the calls of test_aider.sh at list prices of up to 11 decimals, as monthly invoices of
# every user. 18 models have no price: their tokens are suspended and the draft says so, or free where the catalog says so.
. "$REAL/check.sh"

python3 "$REAL/aider_events.py" "$DATA" | meter -d aider.db replay --time s - --json >outcomes.json
for unmatched in suspend free; do
	python3 "$REAL/aider_prices.py" "$DATA" $unmatched >$unmatched.yaml
	same "$unmatched: 2 meters, 1 plan, every user of the log" 'ok: 2 meters, 1 plan, 15 subscriptions' "$(meter check $unmatched.yaml)"
	meter -d aider.db apply $unmatched.yaml >applied
	python3 "$REAL/aider_invoices.py" "$DATA" aider.db $unmatched || [ $? -eq 3 ]
done
