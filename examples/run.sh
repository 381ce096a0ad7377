#!/bin/sh
# Sets a Debian machine up, builds Echo and runs the main job: an index of a tree of C sources.
#
# Usage: sh examples/run.sh [arguments of examples/index.lua]
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
sh "$top/cmake/debian.sh" run
(cd "$top" && cmake --preset package >/dev/null && cmake --build --preset package >/dev/null)
LUA_PATH="$top/lua/?.lua;;" LUA_CPATH="$top/build/package/module/?.so;;" \
  exec lua5.4 "$top/examples/index.lua" "$@"
