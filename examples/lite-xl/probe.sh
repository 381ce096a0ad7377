#!/bin/sh
# Measures an installed Lite XL with and without the plugin, in turns, without a screen (Xvfb).
#
# Usage: sh probe.sh EDITOR FILE [ROUNDS]
#
# EDITOR is the program lite-xl; FILE is what it scrolls through. ECHO_SO is the module (default: the
# one that is found in LUA_CPATH), ECHO_PROBE_SPEED and the like are handed on, see probe.lua.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
editor=$1 file=$(realpath "$2") rounds=${3:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$scratch/project"
for user in stock echo; do
  mkdir -p "$scratch/$user/plugins"
  echo "dofile('$here/probe.lua')" >"$scratch/$user/init.lua"
done
sh "$here/install.sh" "$scratch/echo" "${ECHO_SO:-}" >/dev/null

for _ in $(seq "$rounds"); do
  for user in stock echo; do
    rm -f "$scratch/report"
    HOME=$scratch LITE_USERDIR=$scratch/$user SDL_RENDER_DRIVER=software SDL_AUDIODRIVER=dummy \
      ECHO_PROBE_FILE=$file ECHO_PROBE_REPORT=$scratch/report \
      timeout 300 xvfb-run -a -s "-screen 0 1280x800x24" "$editor" "$scratch/project" \
      >"$scratch/out" 2>&1 || true
    cat "$scratch/report" 2>/dev/null || { cat "$scratch/out" "$scratch/$user/error.txt" 2>/dev/null; exit 1; }
    echo
  done
done
