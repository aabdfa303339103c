#!/usr/bin/env bash
# Measures the store in PostgreSQL beside the one in SQLite, in one run: how fast events are stored,
# against the same INSERTs by pgbench under the same lock; and pages and statistics of many events,
# against psql's own time for the same SQL.
#
#   bench/postgresql.sh [BINARY]
#   DURATION=8 (seconds)  ROUNDS=3  ROWS=1000000  REQUESTS=200 (pages of each kind)
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"

ROWS=${ROWS:-1000000}
REQUESTS=${REQUESTS:-200}
start_postgresql shared_buffers=512MB max_wal_size=4GB
compile_reference
make_template "$folder/template.db"
write_events
sql -c 'CREATE DATABASE template' postgres
make_template "$(url template)"

# post NAME CONNECTIONS EVENTS_PER_REQUEST: into each kind of store, both fresh.
post() {
  cp "$folder/template.db" "$folder/logbook.db"
  start_logbook "$folder/logbook.db"
  BATCH=$3 measure "$1-sqlite-requests" "$logbook" "$2" "$logbook_url" --script bench/post.lua
  stop_logbook
  rm -f "$folder"/logbook.db*
  sql -c 'DROP DATABASE IF EXISTS fresh' -c 'CREATE DATABASE fresh TEMPLATE template' postgres
  start_logbook "$(url fresh)"
  BATCH=$3 measure "$1-postgresql-requests" "$logbook" "$2" "$logbook_url" --script bench/post.lua
  stop_logbook
  for store in sqlite postgresql; do
    tail -n 1 "$folder/results/$1-$store-requests" |
      awk -v batch="$3" '{ print $1 * batch, $2 / batch }' >>"$folder/results/$1-$store"
  done
}

# The same 64 events in one transaction, with new ids, by the function that Logbook calls.
fields=(id event_type severity title description object_kind object_namespace object_name metadata created_at cluster reason)
arrays='array_agg(gen_random_uuid()::text)'
for field in "${fields[@]:1}"; do arrays+=", array_agg($field)"; done
cat >"$folder/append.sql" <<SQL
BEGIN;
SELECT logbook_append($arrays, array_agg(occurrences), array_agg(NULL::bigint), array_agg(fold_key),
  array_agg(array_to_string(tsvector_to_array(words), ' ')), false, false)
  FROM (SELECT * FROM sample LIMIT 64) e;
COMMIT;
SQL
pgbench() {
  sql -c 'DROP DATABASE IF EXISTS fresh' -c 'CREATE DATABASE fresh TEMPLATE template' postgres
  sql -c 'CREATE TABLE sample AS SELECT * FROM events' fresh
  "$binaries/pgbench" -n -h 127.0.0.1 -p "$port" -U logbook -f "$folder/append.sql" -c 1 -T "$DURATION" -M prepared fresh |
    awk '/^tps/ { print $3 * 64, 0 }' >>"$folder/results/pgbench"
}

for ((round = 0; round < ROUNDS; round++)); do
  pgbench
  post single-1 1 1
  post single-64 64 1
  post arrays 1 1000
done

echo "Events of $(($(wc -c <"$EVENTS") / $(wc -l <"$EVENTS"))) bytes on average; $cores cores, shared with wrk and" \
  "PostgreSQL; $ROUNDS rounds of $DURATION s in turn, medians. CPU is the service's own."
heading 'PostgreSQL alone, one connection' 'events/s'
row '64 events a transaction, by pgbench' pgbench
heading 'POST /events, one event each' 'events/s'
row '1 connection, SQLite' single-1-sqlite
row '1 connection, PostgreSQL; ratio to SQLite' single-1-postgresql single-1-sqlite
row '64 connections, SQLite' single-64-sqlite
row '64 connections, PostgreSQL; ratio to pgbench' single-64-postgresql pgbench
heading 'POST /events, arrays of 1,000' 'events/s'
row '1 connection, SQLite' arrays-sqlite
row '1 connection, PostgreSQL; ratio to pgbench' arrays-postgresql pgbench

gcc -O2 -Wall -Wextra -o "$folder/generate" bench/generate.c -lsqlite3 -lm
cp "$folder/template.db" "$folder/many.db"
"$folder/generate" fill "$folder/many.db" "$ROWS"
start_logbook "$folder/many.db"
until [ "$(sqlite3 "file:$folder/many.db?mode=ro" 'SELECT indexed_seq >= (SELECT max(seq) FROM events) FROM search_state')" = 1 ]; do
  sleep 1
done
stop_logbook
sql -c 'CREATE DATABASE many' postgres
start_logbook "$(url many)"
begin=$(date +%s)
"$binary" events import --server "$logbook_url" "$folder/many.db" | tail -n 1
echo "imported from the file into PostgreSQL in $(($(date +%s) - begin)) s"
sql -c 'VACUUM ANALYZE events' many
stop_logbook
sql -c 'SELECT pg_size_pretty(pg_total_relation_size('"'events'"'))' many

measure_reading "$folder/many.db" "$folder/many.db" "$REQUESTS" 10
measure_reading "$(url many)" "$folder/many.db" "$REQUESTS" 10

# by_hand NAME WHERE QUERY: the median of the same page by psql over one connection, and by Logbook.
by_hand() {
  local columns
  columns=$(IFS=,; echo "${fields[*]}"),occurrences,received_at,fold_key,seq
  {
    printf '%s\n' '\timing on'
    for ((request = 0; request < REQUESTS; request++)); do
      echo "SELECT $columns FROM events WHERE $2 ORDER BY created_at DESC, seq DESC LIMIT 51;"
    done
  } | sql many | awk '/^Time:/ { print $2 }' >"$folder/psql"
  python3 - "$logbook_url/events?$3" "$REQUESTS" <<'PYTHON' >"$folder/http"
import http.client, sys, time
from urllib.parse import urlsplit
parts = urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(parts.netloc)
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter()
    connection.request("GET", f"{parts.path}?{parts.query}")
    connection.getresponse().read()
    print((time.perf_counter() - begin) * 1000)
PYTHON
  awk -v name="$1" -v psql="$(middle <"$folder/psql")" -v http="$(middle <"$folder/http")" \
    'BEGIN { printf "%-28s %8.2f %8.2f %6.2f\n", name, psql, http, http / psql }'
}
echo; printf '%-28s %8s %8s %6s\n' 'The same page, median ms' psql Logbook ratio
start_logbook "$(url many)"
name=$(sql -c "SELECT object_name FROM events WHERE object_name IS NOT NULL ORDER BY seq DESC LIMIT 1" many)
by_hand 'the newest 50' TRUE limit=50
by_hand 'errors' "severity = 'error'" severity=error
by_hand 'one object name' "object_name = '$name'" "object_name=$name"
by_hand 'a namespace, a severity' \
  "object_namespace = 'kube-system' AND severity = 'error' AND words @@ '''.n.kube-system'''::tsquery" \
  'object_namespace=kube-system&severity=error'
stop_logbook
kill -0 "$server"
