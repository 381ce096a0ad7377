#!/bin/sh
# A recording opens in speedscope: sh check.sh LUA FOLDER. LUA finds echo by LUA_CPATH; the npm
# packages are kept in FOLDER. Exit status 77: left out, for want of a browser or of npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lua=$1 folder=$2

skip() {
  echo "left out: $1"
  exit 77
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
  skip "there is no chromium"
command -v node >/dev/null && command -v npm >/dev/null || skip "there is no npm"

mkdir -p "$folder"
if [ ! -d "$folder/node_modules/speedscope" ] || [ ! -d "$folder/node_modules/playwright-core" ]; then
  echo '{"private": true}' >"$folder/package.json"
  (cd "$folder" && timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts \
    speedscope@1.25.0 playwright-core@1.65.1) >"$folder/npm.log" 2>&1 ||
    skip "npm could not install speedscope and playwright-core"
fi

"$lua" "$here/record.lua" "$folder/run.json"
timeout 120 node "$here/check.mjs" "$folder" "$browser" "$folder/run.json" \
  echo-0 echo-1 "outside 1" item "parked"
