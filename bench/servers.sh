# shellcheck shell=bash
# The shared code of the benches: starting and stopping the servers, and measuring one with wrk.
# Source it after `set -euo pipefail`.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

fail() { echo "bench: $*" >&2; exit 1; }

for command in curl gcc nginx python3 wrk; do
  PATH=$PATH:/usr/sbin command -v $command >/dev/null || fail "$command is missing; run scripts/setup build bench"
done

binary=${1:-$(swift build -c release --static-swift-stdlib --show-bin-path)/logbook}
[ -x "$binary" ] || fail "there is no $binary; run make build"

DURATION=${DURATION:-8}
ROUNDS=${ROUNDS:-3}
cores=$(nproc)

# In the checkout, because /tmp is in memory on many machines, where an fsync costs nothing.
mkdir -p .build
folder=$(mktemp -d "$PWD/.build/bench.XXXXXX")
[ "$(stat -f -c %T "$folder")" != tmpfs ] || fail "$folder is in memory; put the checkout on a disk"
mkdir "$folder/results"

declare -A started=() # processes to end with this script
finish() {
  [ ${#started[@]} = 0 ] || kill "${!started[@]}" 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# await URL PID: waits until the server answers.
await() {
  until curl --silent --fail --output /dev/null "$1"; do
    kill -0 "$2" 2>/dev/null || { cat "$folder/log" >&2; fail "a server ended before it answered at $1"; }
    sleep 0.05
  done
}

# start_logbook DATABASE [FLAG...]: sets logbook, its process, and logbook_url. DATABASE is a file or
# a postgresql:// URL.
start_logbook() {
  local port store=--database
  port=$(free_port)
  [[ $1 != postgresql:* ]] || store=--store
  logbook_url=http://127.0.0.1:$port
  # The tests' events are years old and must stay.
  "$binary" serve --listen "127.0.0.1:$port" "$store" "$1" --retain-info off --retain-warning off \
    --retain-error off --retain-critical off "${@:2}" 2>"$folder/log" &
  logbook=$!
  started[$logbook]=logbook
  await "$logbook_url/readyz" "$logbook"
}

# stop_logbook: shuts it down in order, so that everything is in the one file.
stop_logbook() {
  kill -TERM "$logbook"
  unset "started[$logbook]"
  wait "$logbook" || { cat "$folder/log" >&2; fail "logbook did not stop in order"; }
}

# start_postgresql SETTING...: sets binaries, port and server, its process.
start_postgresql() {
  local as_user=() tries=0
  binaries=$(pg_config --bindir 2>/dev/null || true)
  [ -x "$binaries/initdb" ] || binaries=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [ -x "$binaries/initdb" ] || fail "PostgreSQL is missing; run scripts/setup test"
  # PostgreSQL refuses to run as root.
  mkdir "$folder/postgresql"
  if [ "$(id -u)" = 0 ]; then
    as_user=(setpriv --reuid=postgres --clear-groups)
    chown postgres "$folder/postgresql"
    chmod 711 "$folder"
  fi
  port=$(free_port)
  "${as_user[@]}" "$binaries/initdb" -D "$folder/postgresql/data" -U logbook -A trust -E UTF8 --locale=C >"$folder/log"
  "${as_user[@]}" "$binaries/postgres" -D "$folder/postgresql/data" -p "$port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= "${@/#/-c}" 2>"$folder/postgresql.log" &
  server=$!
  started[$server]=postgres
  until "$binaries/pg_isready" -q -h 127.0.0.1 -p "$port"; do
    [ $((tries++)) -lt 100 ] || fail "PostgreSQL did not start"
    sleep 0.1
  done
}
sql() { "$binaries/psql" -qAtX -h 127.0.0.1 -p "$port" -U logbook "$@"; }
url() { echo "postgresql://logbook@127.0.0.1:$port/$1"; }

# make_template DATABASE: made by Logbook, with the 200 real events of the tests.
make_template() {
  start_logbook "$1"
  "$binary" events import --server "$logbook_url" Tests/Data/kubernetes-events.ndjson >/dev/null
  stop_logbook
}

# write_events: the events that wrk posts, in the file that EVENTS names. Without ids and times,
# which the service then sets, as the reference does.
write_events() {
  "$binary" events import --dry-run Tests/Data/kubernetes-events.ndjson |
    sed -E 's/^\{"id":"[^"]*",/{/; s/,"created_at":"[^"]*"(,"cluster":[^{]*)$/\1/' >"$folder/events.ndjson"
  export EVENTS=$folder/events.ndjson
}

# measure_reading STORE DATABASE REQUESTS STATISTICS: tables of the times of pages and of statistics,
# asked for what is in the file DATABASE.
measure_reading() {
  start_logbook "$1"
  echo; echo "Pages, warm, ms: ${1%%:*}"
  python3 bench/ask.py pages "$logbook_url" "$2" "$3" >/dev/null
  python3 bench/ask.py pages "$logbook_url" "$2" "$3"
  echo; echo "Statistics, warm, ms: ${1%%:*}"
  python3 bench/ask.py stats "$logbook_url" "$2" "$4"
  stop_logbook
}

# probe: sets middle, high and longest: the median, the 99th percentile and the longest time in ms
# of /schema/version for an ordinary client with 200 requests a second for DURATION.
probe() {
  local took
  took=$(python3 bench/probe.py "$logbook_url" "$DURATION")
  # shellcheck disable=SC2034 # the scripts use them
  read -r middle high longest <<<"$took"
}
# under BOUND VALUE
under() { awk -v bound="$1" -v value="$2" 'BEGIN { exit !(value < bound) }'; }

compile_reference() {
  gcc -O2 -Wall -Wextra -o "$folder/reference" \
    bench/reference.c -lsqlite3
}

# cpu_ticks PID: the CPU time that the process and its children have used so far, all threads.
cpu_ticks() {
  local pid ticks=0 used
  for pid in "$1" $(pgrep -P "$1"); do
    used=$(sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}') # fields 14 and 15, counted after the name
    ticks=$((ticks + used))
  done
  echo "$ticks"
}

# measure NAME PID CONNECTIONS URL [WRK ARGUMENTS]: adds a line "requests/s, CPU us per request" to results/NAME.
measure() {
  local name=$1 pid=$2 connections=$3 url=$4 before after threads
  shift 4
  threads=$((connections < cores ? connections : cores))
  before=$(cpu_ticks "$pid")
  wrk --threads "$threads" --connections "$connections" --duration "${DURATION}s" --timeout 10s "$@" "$url" >"$folder/wrk"
  after=$(cpu_ticks "$pid")
  # A server that refuses is fast, and the rate of refusals is meaningless.
  if grep -E 'Non-2xx|Socket errors' "$folder/wrk" >&2; then fail "errors at $url with $connections connections"; fi
  awk -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '
    / requests in / { requests = $1 }
    /^Requests\/sec:/ { rate = $2 }
    END { if (requests == 0) exit 1; printf "%.0f %.1f\n", rate, ticks / hertz * 1e6 / requests }
  ' "$folder/wrk" >>"$folder/results/$name" || fail "no answer at $url"
}

# median NAME COLUMN; ratio NAME OTHER: the median over the rounds of NAME's rate over OTHER's in the same round.
middle() { sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2 }'; }
median() { awk -v column="$2" '{ print $column }' "$folder/results/$1" | middle; }
ratio() { paste "$folder/results/$1" "$folder/results/$2" | awk '{ print $1 / $3 }' | middle; }

# row LABEL NAME [OTHER]: a line of a table: label, rate per second, CPU each, ratio to OTHER.
row() {
  local against=''
  [ $# -lt 3 ] || against=$(printf '%.2f' "$(ratio "$2" "$3")")
  printf '%-44s %10.0f %8.1f %8s\n' "$1" "$(median "$2" 1)" "$(median "$2" 2)" "$against"
}
heading() { printf '\n%s\n%-44s %10s %8s %8s\n' "$1" '' "$2" 'CPU us' 'ratio'; }
