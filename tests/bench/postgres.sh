#!/usr/bin/env bash
# postgres.sh - the same work by PostgreSQL: COPY into a staging table, INSERT ... ON CONFLICT DO NOTHING, and minute buckets of what was new.
#
#   postgres.sh BENCH_INGEST FOLDER EVENTS
#
# Starts a server of its own in FOLDER, reachable by a socket there only, and removes it. Prints "skipped" where there is no server.
set -euo pipefail
bench=$(realpath "$1") folder=$(realpath "$2") events=$3
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)
if [ -z "$bin" ] || [ ! -x "$bin/postgres" ] || { [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; }; then
	echo '{"bench":"PostgreSQL","skipped":"no server installed: .ci/deps.sh install postgresql"}'
	exit 0
fi
work=$(mktemp -d /tmp/meter-pg-XXXXXX)
as() { if [ "$(id -u)" -eq 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi; }
stop() {
	cd /
	[ ! -d "$work/data" ] || as "$bin/pg_ctl" -D "$work/data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$work" "$folder/events.csv"
}
trap stop EXIT
[ "$(id -u)" -ne 0 ] || chown postgres "$work"
cd "$work"
as "$bin/initdb" -D "$work/data" -A trust >/dev/null
as "$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-c listen_addresses='' -k $work -c shared_buffers=2GB -c max_wal_size=8GB" start >/dev/null
sql() { as "$bin/psql" -h "$work" -U postgres -q -v ON_ERROR_STOP=1 -At "$@" postgres; }
sql -c "CREATE TABLE event (subscription text, at bigint, id text, properties text, PRIMARY KEY (subscription, at, id));
	CREATE TABLE bucket (minute bigint, meter text, subscription text, dimension text, value bigint, PRIMARY KEY (minute, meter, subscription, dimension));
	CREATE UNLOGGED TABLE staging (subscription text, at bigint, id text, model text, region text, tokens bigint)"
"$bench" "$folder" "$events" csv >"$folder/events.csv"
chmod a+r "$folder/events.csv"
# 100,000 a transaction; each chunk is one COPY and one statement for rows and buckets.
{
	split -l 100000 --filter='echo "BEGIN; TRUNCATE staging; COPY staging FROM STDIN WITH (FORMAT csv);"; cat; echo "\\."; cat <<-SQL
	WITH new AS (INSERT INTO event SELECT subscription, at, id, json_build_object('"'model'"', model, '"'region'"', region, '"'tokens'"', tokens)::text
	  FROM staging ON CONFLICT DO NOTHING RETURNING subscription, at, id),
	  fresh AS (SELECT s.* FROM staging s JOIN new n USING (subscription, at, id)),
	  delta AS (SELECT at / 60000000 AS minute, '"'calls'"' AS meter, subscription, model AS dimension, count(*) AS value FROM fresh GROUP BY 1, 3, 4
	   UNION ALL SELECT at / 60000000, '"'tokens'"', subscription, region, sum(tokens)::bigint FROM fresh GROUP BY 1, 3, 4)
	INSERT INTO bucket SELECT * FROM delta ON CONFLICT (minute, meter, subscription, dimension) DO UPDATE SET value = bucket.value + excluded.value;
	COMMIT;
	SQL' "$folder/events.csv"
} >"$work/load.sql"
start=$(date +%s%N)
sql -f "$work/load.sql"
end=$(date +%s%N)
stored=$(sql -c "SELECT count(*) FROM event")
counted=$(sql -c "SELECT sum(value) FROM bucket WHERE meter = 'calls'")
if [ "$stored" != "$events" ] || [ "$counted" != "$events" ]; then
	echo "postgres.sh: stored $stored, counted $counted of $events" >&2
	exit 1
fi
echo "{\"bench\":\"PostgreSQL, COPY and ON CONFLICT\",\"events\":$events,\"events_per_second\":$((events * 1000000000 / (end - start)))}"
