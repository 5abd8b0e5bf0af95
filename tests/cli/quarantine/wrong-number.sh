for number in 0 -1 +1 1x '' 9223372036854775808; do
	meter quarantine show -- "$number"
	echo "exit $?"
done
