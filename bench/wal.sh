#!/usr/bin/env bash
# Half an hour of full writing beside the longest allowed queries and clients that read pages
# slowly. Measures the size of the WAL, and checks that the files stay within their limit and memory
# does not grow.
#
#   bench/wal.sh [BINARY]
#   DURATION=1800 (seconds)  BOUND=2147483648 (bytes, --max-database-bytes)
set -euo pipefail
DURATION=${DURATION:-1800}
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
BOUND=${BOUND:-2147483648}

make_template "$folder/logbook.db"
write_events
start_logbook "$folder/logbook.db" --max-database-bytes "$BOUND"

# load NAME CONNECTIONS EVENTS_PER_REQUEST
load() {
  BATCH=$3 wrk --threads 1 --connections "$2" --duration "${DURATION}s" --timeout 60s --script bench/post.lua "$logbook_url" \
    >"$folder/$1" 2>&1 &
  started[$!]=wrk
}
# Queries that walk an index to its end and find nothing, until their time limit or the writer stops
# them.
long_reader() {
  while :; do
    curl --silent --output /dev/null --write-out '%{http_code}\n' --max-time 60 \
      "$logbook_url/events?severity=$1&object_kind=None" || true
  done
}
slow_reader() {
  while :; do
    curl --silent --output /dev/null --write-out '%{http_code}\n' --limit-rate 100k "$logbook_url/events?limit=1000" || true
  done
}

load single 64 1
load arrays 2 1000
for severity in info warning; do
  long_reader $severity >>"$folder/long" 2>/dev/null &
  started[$!]=reader
done
slow_reader >"$folder/slow" 2>/dev/null &
started[$!]=reader

# sample: seconds, bytes of the database and of its WAL, resident memory
size() { stat -c %s "$1" 2>/dev/null || echo 0; }
begin=$SECONDS
while [ $((SECONDS - begin)) -lt "$DURATION" ]; do
  sleep 1
  echo "$((SECONDS - begin)) $(size "$folder/logbook.db") $(size "$folder/logbook.db-wal")" \
    "$(awk '/VmRSS/ { print $2 * 1024 }' "/proc/$logbook/status")" >>"$folder/samples"
done
for process in "${!started[@]}"; do
  [ "${started[$process]}" != wrk ] || { wait "$process" || true; unset "started[$process]"; }
done
statistics=$(curl --silent "$logbook_url/schema" | sed 's/.*"statistics"://')

echo "$DURATION s of writing, 64 connections with single events and 2 with arrays of 1,000; bound of $BOUND bytes"
awk -v bound="$BOUND" '
  { total = $2 + $3 }
  $3 > wal { wal = $3 }
  total > most { most = total }
  $1 <= 60 && $4 > early { early = $4 }
  $1 > 60 && $4 > late { late = $4 }
  { last = $4 }
  END {
    printf "largest WAL                           %12d bytes\n", wal
    printf "largest database and WAL              %12d bytes, %.3f of the bound\n", most, most / bound
    printf "memory in the first minute, at most   %12d bytes\n", early
    printf "memory after it, at most; at the end  %12d bytes; %d\n", late, last
  }' "$folder/samples"
for name in single arrays; do
  awk -v name="$name" '/requests in/ { n = $1 } /^Requests\/sec/ { rate = $2 } /Non-2xx/ { errors = $NF } /Socket errors/ { socket = $0 }
    END { printf "%-10s %10d requests, %8.1f/s, %d refused %s\n", name, n, rate, errors, socket }' "$folder/$name"
done
echo "answers to long queries: $(sort "$folder/long" | uniq -c | awk '{ printf "%s x %s  ", $1, $2 }')"
echo "answers to slow readers: $(sort "$folder/slow" | uniq -c | awk '{ printf "%s x %s  ", $1, $2 }')"
echo "statistics: $statistics"
echo "what the log warns of:"
sed -nE 's/^[^ ]+ (warning|error) //p' "$folder/log" | sed -E 's/[0-9]+/N/g' | sort | uniq -c
curl --silent "$logbook_url/metrics" | grep -E '^logbook_(writer_slice|checkpoint)[a-z_]*(max|longest)' || true
stop_logbook
