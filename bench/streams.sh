#!/usr/bin/env bash
# Measures the peak memory, which must stay under 100 MB, and the speed while 2 GB of events come in
# as one stream of lines, and while ten million go out as another.
#
#   bench/streams.sh [BINARY [DATABASE]]
#   BYTES=2000000000 (sent in one request)
#
# DATABASE is the result of scale.sh, which is exported; without it, the events that came in are
# exported.
set -euo pipefail
database=${2:+$(realpath "$2")}
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
BYTES=${BYTES:-2000000000}
BOUND=100000000

missed=0
# peak WHAT SECONDS COUNT UNIT: a row; sets `missed` if the service has exceeded the limit.
peak() {
  local memory
  memory=$(awk '/^VmHWM/ { print $2 * 1024 }' "/proc/$logbook/status")
  awk -v what="$1" -v seconds="$2" -v count="$3" -v memory="$memory" \
    'BEGIN { printf "%-32s%10d events%12.0f/s%12.1f MB of memory at most\n", what, count, count / seconds, memory / 1e6 }'
  under "$BOUND" "$memory" || missed=1
}

write_events
repeats=$((BYTES / $(wc -c <"$EVENTS")))
start_logbook "$folder/logbook.db"
taken=$({
  for ((repeat = 0; repeat < repeats; repeat++)); do cat "$EVENTS"; done
} | curl --silent --fail --output "$folder/summary" --write-out '%{time_total}' --header 'Content-Type: application/x-ndjson' \
  --upload-file - --request POST "$logbook_url/events")
accepted=$(sed -E 's/.*"accepted":([0-9]+).*/\1/' "$folder/summary")
[ "$accepted" = $((repeats * $(wc -l <"$EVENTS"))) ] || fail "stored $accepted: $(cat "$folder/summary")"
peak "in, $BYTES bytes of NDJSON" "$taken" "$accepted"

if [ -n "$database" ]; then
  stop_logbook
  start_logbook "$database"
fi
for format in ndjson csv; do
  lines=$(curl --silent --fail --write-out '%{stderr}%{time_total}' "$logbook_url/events/export?format=$format" 2>"$folder/taken" | wc -l)
  [ $format = csv ] || events=$lines # fields of CSV may have line breaks
  peak "out, as $format" "$(cat "$folder/taken")" "$events"
done
stop_logbook
[ "$missed" = 0 ] || fail "it has taken more than $BOUND bytes"
