#!/usr/bin/env bash
# Reading and writing an event, against Foundation's JSONDecoder and JSONEncoder, in one process and one run.
#
#   bench/json.sh [BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .build
events=$(mktemp "$PWD/.build/events.XXXXXX")
trap 'rm -f "$events"' EXIT
"${1:-$(swift build -c release --static-swift-stdlib --show-bin-path)/logbook}" events import --dry-run Tests/Data/kubernetes-events.ndjson >"$events"

build=(swift build --package-path bench/json --scratch-path .build/bench-json -c release --product bench-json)
"${build[@]}" >&2
"$("${build[@]}" --show-bin-path)/bench-json" "$events"
