#!/bin/sh
# Runs the thalweg binary that belongs to this directory, with the arguments given:
#   1. $THALWEG, if it is set;
#   2. a binary beside this script, or in the directory above it;
#   3. in a source checkout: one built from it, kept in the user's cache and built anew when a
#      source file has changed;
#   4. the one in PATH.
set -eu

here=$(cd -P "$(dirname "$0")" && pwd)
root=$(dirname "$here")

if [ -n "${THALWEG:-}" ]; then
  exec "$THALWEG" "$@"
fi
for binary in "$here/thalweg" "$root/thalweg"; do
  if [ -f "$binary" ] && [ -x "$binary" ]; then
    exec "$binary" "$@"
  fi
done

if [ -f "$root/go.mod" ] && [ -d "$root/cmd/thalweg" ] && command -v go >/dev/null 2>&1; then
  cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
  cache=${cache:-${TMPDIR:-/tmp}/thalweg-$(id -u)}/thalweg/$(printf '%s' "$root" | cksum | cut -d ' ' -f 1)
  binary=$cache/thalweg
  if [ ! -x "$binary" ] || [ -n "$(find "$root/cmd" "$root/broker" "$root/internal" "$root/go.mod" "$root/go.sum" -newer "$binary" \( -name '*.go' -o -name 'go.*' \) ! -name '*_test.go' 2>/dev/null | head -n 1)" ]; then
    echo "building thalweg (only when the source has changed) ..." >&2
    mkdir -p "$cache"
    (cd "$root" && CGO_ENABLED=0 go build -o "$cache/thalweg.$$" ./cmd/thalweg) || exit 1
    mv "$cache/thalweg.$$" "$binary"
  fi
  exec "$binary" "$@"
fi

if command -v thalweg >/dev/null 2>&1; then
  exec thalweg "$@"
fi
echo "There is no thalweg binary: put one into $here, or install Go (https://go.dev/dl) so that it can be built." >&2
exit 1
