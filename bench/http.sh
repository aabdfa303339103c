#!/usr/bin/env bash
# Compares Logbook's HTTP server with nginx returning the same bytes, then Logbook's reads with that
# and with SQLite.
#
#   bench/http.sh [BINARY]
#   CONNECTIONS="8 64 256"  DURATION=8 (seconds)  ROUNDS=3  ROWS=100000
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
CONNECTIONS=${CONNECTIONS:-8 64 256}
ROWS=${ROWS:-100000}

# start_nginx: sets nginx and nginx_url. It answers like Logbook, header by header; only Server and
# Date are its own.
start_nginx() {
  local port headers='' type='' name value
  port=$(free_port)
  nginx_url=http://127.0.0.1:$port
  while IFS=': ' read -r name value; do
    case ${name,,} in
      content-type) type=$value ;;
      http/* | server | date | content-length | connection | keep-alive | '') ;;
      *) headers+="add_header $name '$value'; " ;;
    esac
  done < <(curl --silent --dump-header - --output "$folder/body" "$logbook_url/schema/version" | tr -d '\r')
  cat >"$folder/nginx.conf" <<CONF
daemon off;
worker_processes $cores;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  server_tokens off;
  keepalive_requests 1000000000;
  client_body_temp_path $folder/nginx-1;
  proxy_temp_path $folder/nginx-2;
  fastcgi_temp_path $folder/nginx-3;
  uwsgi_temp_path $folder/nginx-4;
  scgi_temp_path $folder/nginx-5;
  server {
    listen 127.0.0.1:$port backlog=4096;
    location = /schema/version { default_type '$type'; $headers return 200 '$(cat "$folder/body")'; }
  }
}
CONF
  PATH=$PATH:/usr/sbin nginx -c "$folder/nginx.conf" -e "$folder/nginx.log" &
  nginx=$!
  started[$nginx]=nginx
  await "$nginx_url/schema/version" "$nginx"
}

compile_reference
make_template "$folder/logbook.db"
"$folder/reference" fill "$folder/logbook.db" "$ROWS"
python3 - "$folder/logbook.db" >"$folder/lookup" <<'PYTHON'
import sqlite3, sys
for (id,) in sqlite3.connect(sys.argv[1]).execute("SELECT id FROM events ORDER BY random() LIMIT 1000"):
    print("/events/" + id)
PYTHON
start_logbook "$folder/logbook.db"
start_nginx

# size URL: the bytes of the whole answer.
size() { curl --silent --include "$1" | wc -c; }
echo "GET /schema/version: $(size "$logbook_url/schema/version") bytes from logbook, $(size "$nginx_url/schema/version") from nginx;" \
  "$cores cores, shared with wrk; $ROUNDS rounds of $DURATION s in turn, medians"

for connections in $CONNECTIONS; do
  for ((round = 0; round < ROUNDS; round++)); do
    measure "nginx-$connections" "$nginx" "$connections" "$nginx_url/schema/version"
    measure "logbook-$connections" "$logbook" "$connections" "$logbook_url/schema/version"
  done
  heading "GET /schema/version, $connections connections" 'requests/s'
  row nginx "nginx-$connections"
  row logbook "logbook-$connections" "nginx-$connections"
done

# Paths by a script for all three, because the script itself costs wrk time. The lookups are of
# 1,000 ids from all over the table.
echo /schema/version >"$folder/version"
echo '/events?limit=50' >"$folder/page"
for ((round = 0; round < ROUNDS; round++)); do
  for what in version lookup page; do
    PATHS="$folder/$what" measure "$what" "$logbook" 64 "$logbook_url" --script bench/paths.lua
  done
  "$folder/reference" read "$folder/logbook.db" 2 >>"$folder/reference-read"
done
heading "Reads, 64 connections, $ROWS rows" 'requests/s'
row 'GET /schema/version' version
row 'GET /events/{id}' lookup version
row 'GET /events?limit=50' page version
awk '{ print $1 }' "$folder/reference-read" | middle >"$folder/us-lookup"
awk '{ print $2 }' "$folder/reference-read" | middle >"$folder/us-page"
printf 'One thread of SQLite alone: %.1f us a lookup, %.1f us a page; logbook'"'"'s CPU for a page is %.2f of that\n' \
  "$(cat "$folder/us-lookup")" "$(cat "$folder/us-page")" \
  "$(awk -v ours="$(median page 2)" '{ print ours / $1 }' "$folder/us-page")"
