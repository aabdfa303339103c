#!/usr/bin/env bash
# Measures how long the writer's background work holds up writes: a database at its limit, where
# each new event replaces an old one, 2,000 events a second in arrays of 100, and a client that
# posts one at a time.
#
#   bench/slices.sh [BINARY]
#   DURATION=60 (seconds)  BOUND=2147483648 (bytes, --max-database-bytes)
set -euo pipefail
DURATION=${DURATION:-60}
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
BOUND=${BOUND:-2147483648}

statistic() { curl --silent "$logbook_url/schema" | sed -E "s/.*\"$1\":([0-9]+|\{[^}]*\}).*/\1/"; }

make_template "$folder/logbook.db"
write_events
start_logbook "$folder/logbook.db" --max-database-bytes "$BOUND"
while [ "$(statistic removed_for_bytes)" -lt 20000 ]; do
  BATCH=1000 wrk --threads 1 --connections 2 --duration 5s --timeout 60s --script bench/post.lua "$logbook_url" >/dev/null
done
stop_logbook

start_logbook "$folder/logbook.db" --max-database-bytes "$BOUND"
python3 bench/paced.py "$logbook_url" "$EVENTS" "$DURATION"
echo "events removed to keep within $BOUND bytes: $(statistic removed_for_bytes)"
echo "longest slices, us: $(statistic longest_slices_us)"
stop_logbook
