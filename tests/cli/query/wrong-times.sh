# What is wrong with a date or a time, and what is allowed.
for time in 2026-02-30 2026-13-01 1969-12-31 2026-02-30T00:00:00Z 2026-01-31T10:00:00 2026/01/31 31.01.2026; do
	meter query calls --from "$time"
	echo "exit $?"
done
