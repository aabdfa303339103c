#!/usr/bin/env bash
# Logbook over TLS against Logbook without; then with a flood of handshakes that stall.
#
#   bench/tls.sh [BINARY]
#   CONNECTIONS="64"  DURATION=8 (seconds)  ROUNDS=3  STALLED=500 (clients at each stage of the handshake)
set -euo pipefail
# shellcheck source=bench/servers.sh
. "$(dirname "$0")/servers.sh"
CONNECTIONS=${CONNECTIONS:-64}
STALLED=${STALLED:-500}
command -v openssl >/dev/null || fail "openssl is missing; run scripts/setup build bench"

openssl req -x509 -days 2 -subj /CN=localhost -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
  -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
secure_port=$(free_port)
secure_url=https://127.0.0.1:$secure_port
start_logbook "$folder/logbook.db" --listen "https://127.0.0.1:$secure_port" \
  --tls-certificate "$folder/certificate.pem" --tls-key "$folder/key.pem"

echo "GET /schema/version, keep-alive, ECDSA P-256; $cores cores, shared with wrk; $ROUNDS rounds of $DURATION s in turn, medians"
for connections in $CONNECTIONS; do
  for ((round = 0; round < ROUNDS; round++)); do
    measure "plain-$connections" "$logbook" "$connections" "$logbook_url/schema/version"
    measure "tls-$connections" "$logbook" "$connections" "$secure_url/schema/version"
  done
  heading "$connections connections" 'requests/s'
  row plain "plain-$connections"
  row TLS "tls-$connections" "plain-$connections"
done

# latency: the median and the 99th percentile of 8 keep-alive connections over TLS, as wrk prints them.
latency() {
  wrk --threads 1 --connections 8 --duration "${DURATION}s" --latency "$secure_url/schema/version" |
    awk '$1 == "50%" { median = $2 } $1 == "99%" { print "median " median ", 99th percentile " $2 }'
}
printf '\nAn ordinary client: %s\n' "$(latency)"
python3 bench/stall-handshakes.py "$secure_port" "$STALLED" >"$folder/flood" &
flood=$!
started[$flood]=flood
until [ -s "$folder/flood" ]; do kill -0 $flood || fail "the flood ended"; sleep 0.05; done
printf 'while %s handshakes stall: %s\n' "$(head -1 "$folder/flood")" "$(latency)"
