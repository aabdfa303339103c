#!/usr/bin/env bash
# A newcomer's walk: the commands of the section "A walk" in README.md, in a separate folder.
#
#   LOGBOOK_BINARY=PROGRAM Tests/Walk/walk.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${LOGBOOK_BINARY:?the program to walk with}"

folder=$(mktemp -d)
finish() {
  status=$?
  # Processes that the walk has left running.
  for job in $(jobs -p); do kill "$job" 2>/dev/null || true; done
  wait
  [ $status = 0 ] || cat "$folder/output" >&2
  rm -rf "$folder"
}
trap finish EXIT
fail() { echo "walk: $*" >&2; exit 1; }

mkdir "$folder"/{data,backup,old}
# The operator's old file: version 1, by its own statements.
sqlite3 "$folder/old/operator.db" <<SQL
$(sed -n '/let version1DDL = """/,/^ *"""/p' Tests/Support/Version1DDL.swift | sed '1d;$d')
INSERT INTO schema_version VALUES (1, '2025-06-01T12:00:00.000Z', 'Initial schema with events table');
INSERT INTO events VALUES ('old-1', 'operator', 'warning', 'From before', NULL, NULL, NULL, NULL, NULL, '2025-06-01T12:00:00.000Z');
SQL

commands=$(awk '/^## /{here = /A walk/} /^```/{code = /sh/; next} here && code' README.md)
[ "$(grep -c logbook <<<"$commands")" -ge 10 ] || fail "README.md has no walk"
# A newcomer may choose other paths and addresses.
commands=$(sed -e "s# /\(data\|backup\|old\)/# $folder/\1/#g" -e "s#http://127.0.0.1:8080#unix:$folder/socket#g" <<<"$commands")

export LOGBOOK_BINARY folder PATH="$folder/usr/bin:$PATH"
export LOGBOOK_LISTEN=unix:$folder/socket LOGBOOK_SERVER=unix:$folder/socket
# The events are years old and must stay.
export LOGBOOK_RETAIN_INFO=off LOGBOOK_RETAIN_WARNING=off LOGBOOK_RETAIN_ERROR=off LOGBOOK_RETAIN_CRITICAL=off
bash -c '
  set -euo pipefail
  trap "kill \$(jobs -p) 2>/dev/null || true; wait" EXIT
  sudo() { "$@"; }
  # The program is already built.
  make() { command make -o build BINARY="$LOGBOOK_BINARY" PREFIX="$folder/usr" "$@"; }
  '"$commands" >"$folder/output" 2>&1 || fail "a command failed"

expect() { grep -qE "$1" "$folder/output" || fail "nothing like '$1' was printed"; }
expect 'Node node-3 is not ready'
# Nine of the 200 came through both of Kubernetes' API groups.
expect '^accepted 191, duplicates 9, rejected 0$'
expect 'backup/logbook.db: 192 events, schema version [0-9]+, [0-9]+ bytes, checked'
expect 'data/logbook.db: 192 events, schema version [0-9]+, checked'
expect 'schema version 1, [0-9]+ migrations to do'
expect 'From before'
[ "$(sqlite3 "$folder/data/logbook.db" 'SELECT count(*) FROM events')" = 192 ] || fail "the restored file is not whole"
[ "$(sqlite3 "$folder/old/operator.db" "SELECT title FROM events WHERE seq = 1")" = "From before" ] || fail "not upgraded"
[ -e "$folder/old/operator.db.v1.bak" ] || fail "no copy of the old file was kept"
echo "walk: installed, ingested, queried, followed, backed up, restored, upgraded"
