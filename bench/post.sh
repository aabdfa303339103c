#!/usr/bin/env bash
# Measures how fast events are stored, each on the disk before its answer, against one connection,
# and against SQLite itself, which bench/reference.c drives on copies of the same database with the
# same events.
#
#   bench/post.sh [BINARY]
#   DURATION=8 (seconds)  ROUNDS=3
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"

compile_reference
make_template "$folder/template.db"
write_events

# reference ROWS_PER_TRANSACTION: measured on a fresh copy, with the service idle.
reference() {
  cp "$folder/template.db" "$folder/reference.db"
  "$folder/reference" insert "$folder/reference.db" "$1" "$DURATION" >>"$folder/results/sqlite-$1"
  rm -f "$folder"/reference.db*
}

# post NAME CONNECTIONS EVENTS_PER_REQUEST: also measured on a fresh copy, in events instead of
# requests.
post() {
  cp "$folder/template.db" "$folder/logbook.db"
  start_logbook "$folder/logbook.db"
  BATCH=$3 measure "$1-requests" "$logbook" "$2" "$logbook_url" --script bench/post.lua
  tail -n 1 "$folder/results/$1-requests" | awk -v batch="$3" '{ print $1 * batch, $2 / batch }' >>"$folder/results/$1"
  stop_logbook
  rm -f "$folder"/logbook.db*
}

for ((round = 0; round < ROUNDS; round++)); do
  reference 1
  post single-1 1 1
  reference 64
  post single-64 64 1
  reference 1000
  post arrays 1 1000
done

echo "Events of $(($(wc -c <"$EVENTS") / $(wc -l <"$EVENTS"))) bytes on average; $cores cores, shared with wrk;" \
  "$ROUNDS rounds of $DURATION s in turn, medians"
heading 'SQLite alone, one thread' 'events/s'
row '1 event a transaction' sqlite-1
row '64 events a transaction' sqlite-64
row '1,000 events a transaction' sqlite-1000
heading 'POST /events, one event each' 'events/s'
row '1 connection; ratio to SQLite one by one' single-1 sqlite-1
row '64 connections; ratio to SQLite in 64s' single-64 sqlite-64
heading 'POST /events, arrays of 1,000' 'events/s'
row '1 connection; ratio to SQLite in 1,000s' arrays sqlite-1000
