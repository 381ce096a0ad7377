#!/bin/sh
# Lets a fuzzer loose on the decoder (or the encoder) for some seconds, under the address and
# undefined-behaviour sanitizers. A finding is kept in build/fuzz/findings, shown, and fails.
#
# Usage: sh spec/fuzz/run.sh [seconds [decode|encode [build folder]]]     (default: 3600 decode)
#        sh spec/fuzz/run.sh minimize [decode|encode]   puts what build/fuzz has found into the corpus
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seconds=${1:-3600}
target=${2:-decode}
build=${3:-}
if [ -z "$build" ]; then
  build=$root/build/fuzz
  cmake -S "$root" --preset fuzz >/dev/null
  cmake --build "$build" --target "fuzz-$target" fuzz-seeds
fi

work=$build/corpus/$target
kept=$here/corpus/$target
mkdir -p "$work" "$build/findings" "$kept"
[ "$target" = encode ] || "$build/spec/fuzz/fuzz-seeds" "$work"

if [ "$seconds" = minimize ]; then
  rm -rf "$work.least" && mkdir "$work.least"
  "$build/spec/fuzz/fuzz-$target" -merge=1 -max_len=1024 "$work.least" "$kept" "$work"
  # The shortest first, as many as make 90 KB: the repository holds what is worth most by the byte.
  find "$kept" -type f ! -name 'finding-*' -delete
  ls -Sr "$work.least" | while read -r name; do
    [ "$(cat "$kept"/* 2>/dev/null | wc -c)" -lt 90000 ] || break
    cp "$work.least/$name" "$kept/"
  done
  exit 0
fi

dictionary=
[ ! -f "$here/$target.dict" ] || dictionary=-dict=$here/$target.dict
exec "$build/spec/fuzz/fuzz-$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
  -rss_limit_mb=2048 -len_control=0 -entropic=0 -print_final_stats=1 -verbosity=1 -artifact_prefix="$build/findings/$target-" \
  $dictionary "$work" "$kept"
