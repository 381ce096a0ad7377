#!/bin/sh
# A rock is made from a copy of the checkout into a tree of its own, and used from there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files --cached --others --exclude-standard | tar -cf - -T - | tar -xf - -C "$work"
cd "$work"
luarocks-5.4 lint rockspec/*.rockspec
luarocks-5.4 --tree "$work/tree" make rockspec/*.rockspec >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
export LUA_PATH="$work/tree/share/lua/5.4/?.lua" LUA_CPATH="$work/tree/lib/lua/5.4/?.so"
cd /
"$work/tree/bin/luaecho" --help | grep -q "^usage: luaecho"
lua5.4 -e '
  local echo = require "echo"
  assert(require "echo.progress")
  assert(require "echo.pipeline")
  assert(require "echo.timeline")
  assert(require "echo.top")
  local s <close> = echo.builder():build()
  assert(s:submit(function(x) return x + 1 end, 41):wait() == 42)
  print "the rock works"'
