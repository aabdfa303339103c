#!/usr/bin/env bash
# Measures probes, whose 99th percentile must stay under 5 ms beside ten exports, ten statistics
# over everything and full write load.
#
#   bench/probes.sh [BINARY [DATABASE]]
#   ROWS=10000000  DURATION=8 (seconds)
#
# DATABASE is the result of an earlier run of this script or of scale.sh, or the path to leave one
# at. Without it, the database is removed. Filling it takes minutes and 10 GB.
set -euo pipefail
database=${2:+$(realpath "$2")}
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
ROWS=${ROWS:-10000000}
BOUND_MS=5
database=${database:-$folder/logbook.db}

if [ ! -e "$database" ]; then
  gcc -O2 -Wall -Wextra -o "$folder/generate" bench/generate.c -lsqlite3 -lm
  make_template "$database"
  echo "generating $ROWS events" >&2
  nice -n 15 "$folder/generate" fill "$database" "$ROWS"
fi
write_events
start_logbook "$database"

# again NAME PATH: requests it as often as possible, with a line for each answer in NAME. The
# clients yield to the probe and to the server, which are measured.
again() {
  while :; do
    nice -n 19 curl --silent --output /dev/null --write-out '%{http_code}\n' "$logbook_url$2" >>"$folder/$1" || true
  done
}
# counts NAME: the number of answers by status.
counts() { sort "$folder/$1" 2>/dev/null | uniq -c | awk '{ printf "%s%d times %s", (NR > 1 ? ", " : ""), $1, $2 }'; }

# percentile NAME: a row of the table; sets `missed` if the 99th percentile is not below the limit.
percentile() {
  probe
  printf '%-44s%8.2f%8.2f%8.2f\n' "$1" "$middle" "$high" "$longest"
  under "$BOUND_MS" "$high" || missed=1
}

missed=0
printf '%-44s%8s%8s%8s\n' 'GET /schema/version, ms' p50 p99 longest
percentile alone
for ((client = 0; client < 10; client++)); do
  again exports /events/export &
  started[$!]=exports
  again statistics "/events/stats?by=severity,object_name&severity=$([ $((client % 2)) = 0 ] && echo info || echo warning)" &
  started[$!]=statistics
done
sleep 1
percentile '10 exports, 10 statistics'
nice -n 19 wrk --threads 2 --connections 64 --duration "$((DURATION + 5))s" --script bench/post.lua "$logbook_url" >"$folder/wrk" 2>&1 &
writing=$!
sleep 1
percentile '10 exports, 10 statistics, 64 writers'
wait "$writing"
echo "statistics: $(counts statistics); exports: $(counts exports)"
grep -E 'Requests/sec|Non-2xx' "$folder/wrk"
[ "$missed" = 0 ] || fail "a 99th percentile is not under $BOUND_MS ms"
