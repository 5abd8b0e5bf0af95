# A period before the first subscription, one that has not begun, and a week where plans go by months.
. ./billed.sh
for period in 2019-01 2999-01 2025-W02; do
	meter shadow late.yaml --period $period
	echo "exit $?"
done
meter shadow late.yaml --period 2025-01 --period 2019-01 --json
