#!/bin/sh
# examples.sh - runs the examples as their README says: quickstart twice, the scenarios of examples/plans, weblog on good and bad lines and, where ../shared/data is,
# on a real log whose totals are known. Takes BUILD from the environment (make check-examples).
set -eu
plans=$(CDPATH='' cd -- "$(dirname -- "$0")/../examples/plans" && pwd)
build=$(CDPATH='' cd -- "${BUILD:-build}" && pwd)
shared=$(CDPATH='' cd -- "${METER_SHARED_DATA:-../shared/data}" 2>/dev/null && pwd) || shared=
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
unset METER_DB
passed=0
# same TITLE EXPECTED GIVEN
same() {
	if [ "$2" != "$3" ]; then
		printf 'examples: %s\nexpected: %s\ngiven:    %s\n' "$1" "$2" "$3" >&2
		exit 1
	fi
	passed=$((passed + 1))
}

first=$("$build/examples/quickstart")
same 'quickstart counts a retry once' '360000 tokens in 3 events' "$(echo "$first" | head -n 1)"
same 'quickstart bills 360,000 tokens at 3.00 a million' 'total 1.08' "$(echo "$first" | tail -n 1 | tr -s ' ')"
same 'quickstart twice gives the same bill' "$first" "$("$build/examples/quickstart")"

# Sanitizers do not support fork() of a process with threads: their allocator may be locked in the child.
if grep -aq __asan_init "$build/examples/prefork"; then
	echo 'examples: prefork skipped under sanitizers'
else
	same 'forked workers lose and double nothing' '4001 events of 4 workers and their parent' "$(timeout 60 "$build/examples/prefork")"
	same 'workers leave no spool' '' "$(ls prefork.db-spool-* 2>/dev/null || true)"
fi

cat >log <<'END'
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 203023 "-" "Mozilla/5.0"
192.0.2.1 - - [17/May/2015:10:05:03 -0130] "HEAD /a HTTP/1.1" 304 - "-" "breaks off
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "\x16\x03\" \\" 400 0
192.0.2.1 - - [17/Mai/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 20 1

END
status=0
"$build/examples/weblog" www <log >events 2>errors || status=$?
same 'weblog ends with 3 when a line cannot be read' 3 "$status"
same 'weblog names each line that it cannot read' '4 5 6 7' "$(sed 's/.*line \([0-9]*\) .*/\1/' errors | tr '\n' ' ' | sed 's/ $//')"
same 'weblog reads the others' \
	'{"id":"www:1","subscription":"192.0.2.1","type":"http.request","timestamp":"2015-05-17T10:05:03+00:00","properties":{"status":200,"method":"GET","has_bytes":true,"bytes":203023}}
{"id":"www:2","subscription":"192.0.2.1","type":"http.request","timestamp":"2015-05-17T10:05:03-01:30","properties":{"status":304,"method":"HEAD","has_bytes":false}}
{"id":"www:3","subscription":"192.0.2.1","type":"http.request","timestamp":"2015-05-17T10:05:03+00:00","properties":{"status":400,"has_bytes":true,"bytes":0}}' \
	"$(cat events)"
status=0
"$build/examples/weblog" 'a"b' <log >events 2>errors || status=$?
same 'weblog refuses a name that needs escapes' 2 "$status"

same 'each plan has scenarios' "$(find "$plans" -name '*.yaml' ! -name '*.test.yaml' | wc -l)" "$(find "$plans" -name '*.test.yaml' | wc -l)"
for scenarios in "$plans"/*.test.yaml; do
	status=0
	"$build/meter" test "$scenarios" >report 2>&1 || status=$?
	same "$(basename "$scenarios"): $(grep -A3 FAILED report || true)" 0 "$status"
done

if [ -z "$shared" ]; then
	echo "examples: $passed passed; skipped: no ../shared/data"
	exit 0
fi
# The totals are those of truth.json (apache_access).
cat >catalog.yaml <<'END'
version: 1
meters:
  requests: {event_type: http.request, aggregation: count, dimensions: [method]}
END
gzip -dc "$shared/apache-access.log.gz" | "$build/examples/weblog" access >events
"$build/meter" apply catalog.yaml >/dev/null
"$build/meter" replay events >/dev/null
"$build/meter" replay events >/dev/null
query() {
	"$build/meter" query "$@" --format csv | tail -n +2
}
same 'a real log: requests' 10000 "$(query requests | cut -d, -f3)"
same 'a real log: clients' 1753 "$(query requests --group-by subscription | wc -l)"
same 'a real log: HEAD requests' 42 "$(query requests --group-by method | sed -n 's/.*,HEAD,\([0-9]*\),.*/\1/p')"

# 669 rows have no size. A meter that comes after them sums the others and says how many it left out.
echo '  bytes: {event_type: http.request, aggregation: sum, value: bytes}' >>catalog.yaml
"$build/meter" apply catalog.yaml >/dev/null
same 'a real log: bytes' 2747282740 "$(query bytes 2>left_out | cut -d, -f3)"
same 'a real log: rows without a size' 669 "$(grep -o '[0-9][0-9]*' left_out | head -n 1)"
same 'a real log: the line that breaks off counts' 235 "$(sed -n '8899s/.*"bytes":\([0-9]*\).*/\1/p' events)"
echo "examples: $passed passed, 0 failed"
