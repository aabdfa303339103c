#!/usr/bin/env bash
# How fast events come in, every one of them on the disk before its answer: against one connection, and against SQLite
# itself, which bench/reference.c drives on copies of the same database, with the same events.
#
#   bench/post.sh [BINARY]
#   DURATION=8 (seconds)  ROUNDS=3  STREAMED=50000 (events in the NDJSON stream)
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
STREAMED=${STREAMED:-50000}

compile_reference
make_template "$folder/template.db"
# Without an id and a time, which the service then gives, as the reference does.
scripts/import-kubernetes-events --dry-run Tests/Data/kubernetes-events.ndjson |
  sed -E 's/^\{"id":"[^"]*",("created_at":"[^"]*",)?/{/' >"$folder/events.ndjson"
# Not `yes | head`: with pipefail the broken pipe would end this script.
awk -v copies=$(((STREAMED + 199) / 200)) '{ line[NR] = $0 }
  END { while (copies--) for (i = 1; i <= NR; i++) print line[i] }' "$folder/events.ndjson" >"$folder/stream.ndjson"
streamed=$(wc -l <"$folder/stream.ndjson")

# reference ROWS_PER_TRANSACTION: measured on a fresh copy, with the service idle.
reference() {
  cp "$folder/template.db" "$folder/reference.db"
  "$folder/reference" insert "$folder/reference.db" "$1" "$DURATION" >>"$folder/results/sqlite-$1"
  rm -f "$folder"/reference.db*
}

# stream: the whole file as one request, measured as events.
stream() {
  local before after summary begin end
  before=$(cpu_ticks "$logbook")
  begin=$EPOCHREALTIME
  summary=$(curl --silent --show-error --fail --request POST --header 'Content-Type: application/x-ndjson' \
    --upload-file "$folder/stream.ndjson" "$logbook_url/events")
  end=$EPOCHREALTIME
  after=$(cpu_ticks "$logbook")
  [[ $summary == *"\"accepted\":$streamed,"* ]] || fail "not every event of the stream was stored: ${summary:0:200}"
  awk -v events="$streamed" -v begin="$begin" -v end="$end" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" \
    'BEGIN { printf "%.0f %.1f\n", events / (end - begin), ticks / hertz * 1e6 / events }' >>"$folder/results/stream"
}

export EVENTS=$folder/events.ndjson
cp "$folder/template.db" "$folder/logbook.db"
start_logbook "$folder/logbook.db"
for ((round = 0; round < ROUNDS; round++)); do
  for connections in 1 64; do
    reference $connections
    measure "post-$connections" "$logbook" $connections "$logbook_url" --script bench/post.lua
  done
  reference 1000
  stream
done

echo "Events of $(($(wc -c <"$EVENTS") / $(wc -l <"$EVENTS"))) bytes on average; $cores cores, shared with wrk;" \
  "$ROUNDS rounds of $DURATION s in turn, medians"
heading 'SQLite alone, one thread' 'events/s'
row '1 event a transaction' sqlite-1
row '64 events a transaction' sqlite-64
row '1,000 events a transaction' sqlite-1000
heading 'POST /events, one event each' 'events/s'
row '1 connection' post-1
row '64 connections; ratio to 1 connection' post-64 post-1
row '64 connections; ratio to SQLite in 64s' post-64 sqlite-64
heading 'POST /events, a stream of NDJSON' 'events/s'
row '1 connection; ratio to SQLite in 1,000s' stream sqlite-1000
