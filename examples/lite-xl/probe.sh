#!/bin/sh
# Measures an installed Lite XL without a screen (Xvfb), in turns: as it is, with the plugin, and with
# the same file as a plain text, which nobody colours: that is what the machine gives at the moment.
#
# Usage: sh probe.sh EDITOR FILE [ROUNDS]
#
# EDITOR is the program lite-xl; FILE is what it scrolls through. ECHO_SO is the module (default: the
# one that lua5.4 finds), ECHO_PROBE_SPEED and the like are handed on, see probe.lua.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
editor=$1 file=$(realpath "$2") rounds=${3:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

mkdir -p "$scratch/project"
cp "$file" "$scratch/plain.txt"
for user in stock echo; do
  mkdir -p "$scratch/$user/plugins"
  echo "dofile('$here/probe.lua')" >"$scratch/$user/init.lua"
done
sh "$here/install.sh" "$scratch/echo" "${ECHO_SO:-}" >/dev/null

# measure USER FILE
measure() {
  rm -f "$scratch/report"
  HOME=$scratch LITE_USERDIR=$scratch/$1 SDL_RENDER_DRIVER=software SDL_AUDIODRIVER=dummy \
    ECHO_PROBE_FILE=$2 ECHO_PROBE_REPORT=$scratch/report \
    xvfb-run -a -s "-screen 0 1280x800x24" timeout 300 "$editor" "$scratch/project" \
    >"$scratch/out" 2>&1 || true
  cat "$scratch/report" 2>/dev/null ||
    { cat "$scratch/out" "$scratch/$1/error.txt" 2>/dev/null; exit 1; }
  echo
}

for _ in $(seq "$rounds"); do
  measure stock "$scratch/plain.txt"
  measure stock "$file"
  measure echo "$file"
done
