#!/usr/bin/env bash
# How far the ordered append goes: 1 to 100 Logbooks that store events in one PostgreSQL, all under
# the one lock. bench/append.c stands in for the Logbooks, so that their own work, and wrk's, takes
# nothing from the server.
#
#   bench/append.sh [BINARY]
#   DURATION=8 (seconds)  LOGBOOKS='1 10 30 100'  DELAYS='0 0.5 2' (ms)  BATCHES='1 64 1024'
#   RATES='2 50' (events a second for each Logbook)
#
# A delay is the round trip between a Logbook and the server, where the client sleeps, and the time
# that a synchronous standby adds to each commit, where the server does (`commit_delay`). CPU is the
# server's for each event.
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"

gcc -O2 -Wall -Wextra -I"$(pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)" \
  -o "$folder/append" bench/append.c -lpq -lpthread
start_postgresql shared_buffers=512MB max_wal_size=4GB max_connections=150 commit_siblings=0
sql -c 'CREATE DATABASE template' postgres
make_template "$(url template)"
sql -c 'CREATE TABLE sample AS SELECT * FROM events' template

# measure_all RATE BATCH: each into a fresh database.
measure_all() {
  local delay number all rest before
  for delay in ${DELAYS-0 0.5 2}; do
    sql -c "ALTER SYSTEM SET commit_delay = $(awk -v ms="$delay" 'BEGIN { print int(ms * 1000) }')" \
      -c 'SELECT FROM pg_reload_conf()' postgres
    for number in ${LOGBOOKS-1 10 30 100}; do
      sql -c 'DROP DATABASE IF EXISTS fresh' -c 'CREATE DATABASE fresh TEMPLATE template' -c CHECKPOINT postgres
      before=$(ended_ticks)
      read -r all rest < <("$folder/append" "$(url fresh)" "$number" "$1" "$2" "$delay" "$DURATION")
      awk -v delay="$delay" -v number="$number" -v rest="$rest" -v ticks=$(($(ended_ticks) - before)) -v all="$all" \
        -v hertz="$(getconf CLK_TCK)" 'BEGIN { printf "%6s %8s %8.0f   %s\n", delay, number, ticks / hertz * 1e6 / all, rest }'
    done
  done
}
heading() {
  printf '\n%s\n%6s %8s %8s %10s %8s %8s %8s %8s %8s %8s\n' "$1" delay Logbooks 'CPU us' events/s batch append p99 event p99 canceled
}
# The CPU time of the server's processes that have ended.
ended_ticks() {
  sleep 0.5 # The server notices their end.
  sed 's/.*) //' "/proc/$server/stat" | awk '{ print $14 + $15 }'
}

echo "$cores cores, shared with the clients, at a load of $(cut -d ' ' -f 1 /proc/loadavg); $DURATION s each; times in ms"
for batch in ${BATCHES-1 64 1024}; do
  heading "Each has always $batch events to store"
  measure_all 0 "$batch"
done
for rate in ${RATES-2 50}; do
  heading "Each gets $rate events a second"
  measure_all "$rate" 4096
done
kill -0 "$server"
