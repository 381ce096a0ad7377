#!/bin/sh
# Sets a Debian machine up and runs every check of the project. Ends with the counts.
#
# Usage: sh spec/run.sh [preset...]     (default: dev small asan tsan fuzz)
set -eu
cd "$(dirname "$0")/.."
sh cmake/debian.sh test

counts=build/counts
mkdir -p build
: >"$counts"

say() { printf '\n== %s\n' "$*"; }

# One line a check: "passed failed".
check() {
  say "$1"
  shift
  if "$@"; then echo "1 0" >>"$counts"; else echo "0 1" >>"$counts"; fi
}

c_files() { find src include spec bench examples \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \); }

check "format" sh -c 'clang-format --dry-run -Werror "$@"' - $(c_files)
check "memory orders have partners" lua5.4 spec/lint/pairs.lua src/*/*.c src/*/*.h
check "luacheck" luacheck -q lua spec examples bench bench/run src

# A preset's own tests, counted one by one from what ctest prints.
run_preset() {
  say "preset $1"
  log=build/$1.log
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1" -- -k 0
  ctest --preset "$1" -j "$(nproc)" | tee "$log" || true
  sed -n 's/^.*tests passed, \([0-9]*\) tests* failed out of \([0-9]*\)$/\2 \1/p' "$log" |
    awk '{ print $1 - $2, $2 } END { if (NR == 0) print 0, 1 }' >>"$counts"
}

[ $# -gt 0 ] || set -- dev small asan tsan fuzz
for preset in "$@"; do run_preset "$preset"; done

check "rock: luarocks make from a copy of the checkout" sh spec/install/rock.sh
check "install: pkg-config, CMake package, exported symbols" sh spec/install/library.sh

say "in all"
awk '{ p += $1; f += $2 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$counts"
