#!/bin/sh
# The stress for a minute under each of the sanitizers: sh spec/stress/sanitized.sh [SECONDS [SEED]]
# Builds what it needs, in build/asan and build/tsan, and ends with a line for each.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
seed=${2:-$(date +%s)}
export LUA_PATH='lua/?.lua;?.lua;;' ECHO_STRESS_LEAVES=nothing TSAN_OPTIONS=detect_deadlocks=0

run() {
  preset=$1
  [ -e "build/$preset/build.ninja" ] || cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --target echo_module spec-lua-host >/dev/null
  echo "$preset, from seed $seed on, for $seconds s:"
  LUA_CPATH="build/$preset/module/?.so;;" \
    "build/$preset/spec/spec-lua-host" spec/stress/stress.lua "$seconds" "$seed"
}

run asan
run tsan
