# test_apache.sh - a web server's log through examples/weblog: no order inside a minute, equal lines that are requests of their own,
# a line that breaks off, requests without a size, more than 2^31 bytes, 1,753 clients.
. "$REAL/check.sh"

cat >catalog.yaml <<'END'
version: 1
meters:
  requests: {event_type: http.request, aggregation: count, dimensions: [status, method, has_bytes]}
  bytes: {event_type: http.request, aggregation: sum, value: bytes, filter: {has_bytes: ["true"]}, dimensions: [status, method], unit: byte}
  largest: {event_type: http.request, aggregation: max, value: bytes, filter: {has_bytes: ["true"]}, unit: byte}
END
gzip -dc "$DATA/apache-access.log.gz" >access.log
weblog access <access.log >events.jsonl
once='read:10000,accepted:10000,duplicate:0,conflict:0,rejected:0,late:0
exit 0'

meter -d log.db apply catalog.yaml >applied
same 'log: every line, the one that breaks off too' "$once" "$(outcomes log.db - <events.jsonl)"
same 'log: again, nothing new' 'read:10000,accepted:0,duplicate:10000,conflict:0,rejected:0,late:0
exit 0' "$(outcomes log.db - <events.jsonl)"

log=apache_access
truth $log - rows=value rows=events -- -d log.db query requests
truth $log - bytes=value -- -d log.db query bytes
truth $log - max_bytes=value -- -d log.db query largest
truth $log - rows_without_bytes=value -- -d log.db query requests --filter has_bytes=false
for unit in day hour; do
	truth $log.by_$unit from rows=value -- -d log.db query requests --by $unit
	truth $log.by_$unit from bytes=value -- -d log.db query bytes --by $unit
	truth $log.by_$unit from rows_without_bytes=value -- -d log.db query requests --by $unit --filter has_bytes=false
done
for dimension in status method; do
	truth $log.by_$dimension $dimension rows=value -- -d log.db query requests --group-by $dimension
	truth $log.by_$dimension $dimension bytes=value -- -d log.db query bytes --group-by $dimension
done
truth $log.top_20_clients_by_rows top:subscription rows=value -- -d log.db query requests --group-by subscription
truth $log.top_20_clients_by_bytes top:subscription bytes=value -- -d log.db query bytes --group-by subscription
same 'clients' 1753 "$(meter -d log.db query requests --group-by subscription --format jsonl | wc -l)"

# Every third event comes twice, and all of them in any order.
python3 -c '
import random, sys
lines = sys.stdin.readlines()
lines += lines[::3]
random.seed(17)
random.shuffle(lines)
sys.stdout.writelines(lines)' <events.jsonl >shuffled.jsonl
meter -d shuffled.db apply catalog.yaml >applied
same 'shuffled: each event once' 'read:13334,accepted:10000,duplicate:3334,conflict:0,rejected:0,late:0
exit 0' "$(outcomes shuffled.db - <shuffled.jsonl)"
for meter in requests bytes largest; do
	for database in log shuffled; do
		meter -d $database.db query $meter --by minute --group-by subscription --format csv >$database.csv
	done
	same "$meter by minute and client: in order or shuffled, the same" '' "$(diff log.csv shuffled.csv)"
done
