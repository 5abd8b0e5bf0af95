# -d is not named where no database is opened, nor --format where what is printed has one form. -d is taken all the same.
for verb in $(meter help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
	printf '%s:' "$verb"
	meter help "$verb" | sed -n 's/^  -*\([a-z]*\) .*/\1/p' | grep -E '^(d|format|json)$' | tr '\n' ' ' | sed 's/^/ /;s/ $//'
	echo
done
meter -d none.db check catalog.yaml
test ! -e none.db && echo "no database was made"
meter help --json
echo "exit $?"
