# What is no tolerance or no period is wrong usage.
meter apply catalog.yaml >/dev/null
for arguments in '--tolerance -1' '--tolerance abc' '--tolerance 1e5' '--period 2025-13' '--period january'; do
	# shellcheck disable=SC2086 # two words are meant
	meter shadow catalog.yaml --period 2025-01 $arguments
	echo "exit $?"
done
