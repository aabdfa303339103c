#!/usr/bin/env bash
# Measures ten million events: the time of each kind of page, warm and cold, and of each kind of
# statistics, the time from start to first answer, the slowdown of ingestion against an empty file,
# and the cost of the search index.
#
#   bench/scale.sh [BINARY [DATABASE]]
#   ROWS=10000000  REQUESTS=300 (pages of each kind)  DURATION=8 (seconds)
#
# DATABASE is the result of an earlier run, or the path to leave one at. Without it, the database is
# removed. The run takes a quarter of an hour and 12 GB.
set -euo pipefail
database=${2:+$(realpath "$2")}
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"

ROWS=${ROWS:-10000000}
REQUESTS=${REQUESTS:-300}
database=${database:-$folder/logbook.db}
gcc -O2 -Wall -Wextra -o "$folder/generate" \
  bench/generate.c -lsqlite3 -lm
make_template "$folder/template.db"

ask_file() { python3 -c 'import sqlite3, sys; print(*sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]).fetchone())' "$@"; }

if [ ! -e "$database" ]; then
  cp "$folder/template.db" "$database"
  echo "generating $ROWS events" >&2
  nice -n 15 "$folder/generate" fill "$database" "$ROWS"
fi
start_logbook "$database"
begin=$(date +%s)
while [ "$(ask_file "$database" 'SELECT indexed_seq < (SELECT max(seq) FROM events) FROM search_state')" = 1 ]; do sleep 1; done
echo "the search index was complete after $(($(date +%s) - begin)) s"
stop_logbook
python3 -c 'import os, sys; print(f"{os.path.getsize(sys.argv[1]) / 1e9:.2f} GB")' "$database"

echo
echo "From start to the first answer, ms:"
for _ in 1 2 3; do
  python3 - "$binary" "$database" <<'PYTHON'
import subprocess, sys, time, urllib.request
begin = time.perf_counter()
keep = [word for severity in ("info", "warning", "error", "critical") for word in (f"--retain-{severity}", "off")]
process = subprocess.Popen(
    [sys.argv[1], "serve", "--listen", "127.0.0.1:0", "--database", sys.argv[2], *keep], stderr=subprocess.PIPE, text=True)
for line in process.stderr:
    if "Listening on " in line:
        url = line.split("Listening on ")[1].strip()
        break
while True:
    try:
        urllib.request.urlopen(url + "/events?limit=1").read()
        break
    except urllib.error.HTTPError:
        pass
print(f"{(time.perf_counter() - begin) * 1000:.0f}")
process.terminate()
process.wait()
PYTHON
done

forget() { dd if="$database" iflag=nocache count=0 status=none; } # drops it from the page cache

measure_reading "$database" "$database" "$REQUESTS" 20
forget
start_logbook "$database"
echo; echo "Pages, after the file was dropped from the page cache"
python3 bench/ask.py pages "$logbook_url" "$database" "$REQUESTS"
stop_logbook

echo; echo "Events/s: arrays of 1,000 over four connections, into an empty file and into the full one"
for _ in $(seq "$ROUNDS"); do
  cp "$folder/template.db" "$folder/empty.db"
  start_logbook "$folder/empty.db"
  empty=$(python3 bench/ask.py post "$logbook_url" "$database" "$DURATION")
  stop_logbook
  rm -f "$folder"/empty.db*
  start_logbook "$database"
  full=$(python3 bench/ask.py post "$logbook_url" "$database" "$DURATION")
  stop_logbook
  awk -v empty="$empty" -v full="$full" 'BEGIN { printf "%8d %8d  %.2f\n", empty, full, full / empty }'
done
