#!/usr/bin/env bash
# What checksums of pages cost, over SQLite alone: CPU of a page read and of a row inserted, with and without.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
clang -O2 -Wall -Wextra -Werror -ISources/CChecksums/include -o "$folder/checksums" \
  bench/checksums.c Sources/CChecksums/CChecksums.c -lsqlite3
cd "$folder"
./checksums
