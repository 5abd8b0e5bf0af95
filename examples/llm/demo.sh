#!/bin/sh
# demo.sh - `make demo`: from raw events to the invoice, in the commands that a user would type. Run it from the top folder.
# shellcheck disable=SC2086 # $meter is a command with its option
set -eu
build=${BUILD:-build}
demo=$build/demo
rm -rf "$demo"
mkdir -p "$demo"
unset METER_DB
meter="$build/meter -d $demo/meter.db"

say() {
	printf '\n# %s\n' "$*"
}
# Show a command, run it, and accept the one exit status that is right here.
run() {
	expected=$1
	shift
	echo "\$ $*"
	status=0
	"$@" || status=$?
	if [ "$status" -ne "$expected" ]; then
		echo "demo: exit status $status, $expected was expected" >&2
		exit 1
	fi
}

say "A month of an invented LLM API: retries, late arrivals and two broken lines included."
echo "\$ $build/examples/llm/generate >$demo/events.jsonl"
"$build/examples/llm/generate" >"$demo/events.jsonl"
echo "$(wc -l <"$demo/events.jsonl") events; the first:"
head -n 1 "$demo/events.jsonl"

say "Meters, plans and subscriptions come into force: one YAML file, checked as a whole."
run 0 $meter apply examples/llm/catalog.yaml

say "Count the events. Retries are duplicates and change nothing; the two broken lines are named and kept, so the exit status is 3."
run 3 $meter replay "$demo/events.jsonl"

say "Replay it all again: nothing is counted twice."
run 3 $meter replay "$demo/events.jsonl" 2>/dev/null

say "What was used, by day ..."
run 0 $meter query tokens --subscription acme --from 2026-01-01 --to 2026-01-11 --by day

say "... and by model and kind."
run 0 $meter query tokens --subscription acme --group-by model,kind

say "What it costs: every line is quantity x price / per, rounded once."
run 0 $meter invoice acme --period 2026-01

say "A small customer pays the minimum of the plan."
run 0 $meter invoice tiny --period 2026-01

say "The month is over: every invoice becomes final, with a number, for ever."
run 0 $meter invoice --due --at 2026-02-03

say "Why does line 4 say 8.87? Rule, steps, days, and the events that weigh most."
run 0 $meter explain INV-000001 4 --events 3

say "An event that comes after all is late: it changes no invoice, and is on the next one as what was missing."
echo '{"id":"late-1","subscription":"acme","type":"llm.call","timestamp":"2026-01-31T23:59:59Z","properties":{"model":"large-1","kind":"input","tokens":1000000}}' \
	>"$demo/late.jsonl"
run 0 $meter replay "$demo/late.jsonl" --json
run 0 $meter invoice acme

say "Proof: everything that is stored, added up again by another route."
run 0 $meter verify

say "What was refused waits here; nothing is dropped in silence."
run 0 $meter quarantine list

say "Yours to go on with: $meter stats, $meter help"
