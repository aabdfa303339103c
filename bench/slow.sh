#!/usr/bin/env bash
# An ordinary client beside 1,000 connections that slowhttptest holds up: slow headers, slow bodies, slow readers. Its
# 99th percentile must stay under 20 ms.
#
#   bench/slow.sh [BINARY]
#   SLOW=1000 (connections)  DURATION=8 (seconds)
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
SLOW=${SLOW:-1000}
BOUND_MS=20
command -v slowhttptest >/dev/null || fail "slowhttptest is missing; run scripts/setup bench"
[ "$(ulimit -n)" -ge $((2 * SLOW + 256)) ] || ulimit -n $((2 * SLOW + 256)) || fail "too few files may be open: ulimit -n"

# connected: the number of connections that slowhttptest reports.
connected() { sed -n 's/.*connected:[^0-9]*\x1b[^ ]* *\([0-9]*\).*/\1/p' "$folder/slow" | tail -1; }
# memory: the server's own memory in MiB.
memory() { awk '/^RssAnon/ { print $2 / 1024 }' "/proc/$logbook/status"; }

# percentile NAME: a row of the table; sets `missed` if the 99th percentile is not below the limit.
percentile() {
  local used
  used=$(memory)
  probe
  printf '%-34s %8.0f %10.2f %10.2f %10.2f\n' "$1" "$used" "$middle" "$high" "$longest"
  under "$BOUND_MS" "$high" || missed=1
}

# beside NAME ARGUMENTS: the same while slowhttptest holds SLOW connections.
beside() {
  local name=$1
  shift
  # -p 60: the longest that a connection may last; -l: the length of the run.
  slowhttptest -c "$SLOW" -r "$SLOW" -i 2 -l $((DURATION + 20)) -p 60 "$@" >"$folder/slow" 2>&1 &
  started[$!]=slow
  slow=$!
  for ((tries = 0; $(connected) + 0 < SLOW; tries++)); do
    [ $tries -lt 200 ] || { tail -20 "$folder/slow" >&2; fail "$(connected) connections are open with $name, not $SLOW"; }
    sleep 0.1
  done
  percentile "$name"
  kill "$slow" 2>/dev/null || true
  wait "$slow" 2>/dev/null || true
  unset "started[$slow]"
}

start_logbook "$folder/logbook.db"
# Two of them make a page that is larger than a slow reader takes.
python3 - <<'PYTHON' >"$folder/events"
import json
print(json.dumps([{"event_type": "system", "severity": "info", "title": str(n), "description": "d" * 60000} for n in range(2)]))
PYTHON
curl --silent --fail --output /dev/null --data-binary "@$folder/events" "$logbook_url/events"

missed=0
echo "An ordinary client of GET /schema/version, 200 a second, beside $SLOW slow connections, $DURATION s each; $cores cores, shared with slowhttptest"
printf '%-34s %8s %10s %10s %10s\n' '' 'MiB' '50% ms' '99% ms' 'most ms'
percentile 'nobody else'
beside 'slow headers (-H)' -H -t GET -u "$logbook_url/schema/version" -x 24
beside 'slow bodies (-B)' -B -t POST -u "$logbook_url/events" -s 8192 -x 10 -f application/json
beside 'slow readers (-X)' -X -t GET -u "$logbook_url/events?limit=2" -w 512 -y 1024 -n 5 -z 32 -k 1
exit $missed
