# check.sh - what the tests share; they read it in with ".".

# same TITLE EXPECTED GIVEN
same() {
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		printf 'FAILED: %s\n  expected: %s\n  given:    %s\n' "$1" "$2" "$3"
	fi
}

# truth GROUPS KEY COLUMN=FIELD... -- METER-ARGUMENTS...: see truth.py. Differences (3) are counted by their line and do not keep the
# other checks from running; a comparison that breaks down ends the test.
truth() {
	python3 "$REAL/truth.py" "$@" || [ $? -eq 3 ]
}

# outcomes DATABASE REPLAY-ARGUMENTS...: what became of the events, without the time it took, and how meter ended
outcomes() {
	database=$1
	shift
	status=0
	meter -d "$database" replay "$@" --json >outcomes.json || status=$?
	sed 's/[{"]//g; s/,seconds.*//' outcomes.json
	echo "exit $status"
}
