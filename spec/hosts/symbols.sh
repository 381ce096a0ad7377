#!/bin/sh
# What the module exports, takes and needs: sh symbols.sh MODULE.
set -eu
complain() { echo "$1:" >&2; echo "$2" >&2; exit 1; }

exported=$(nm -D --defined-only "$1" | awk '$2 ~ /[TBDRWV]/ { print $3 }' |
  grep -v -E '^(luaopen_echo|luaopen_lite_xl_echo|echo_[a-z0-9][a-z0-9_]*)$' || true)
[ -z "$exported" ] || complain "the module exports" "$exported"

# Weak ones are the table of src/lua/api_found.c.
taken=$(nm -D --undefined-only "$1" | awk '$1 == "U" && $2 ~ /^lua/ { print $2 }')
[ -z "$taken" ] || complain "the module takes Lua's functions past the table of src/lua/api.h" "$taken"

# Times are those of a monotonic clock: whoever sets the time of day must not matter.
asked=$(nm -D --undefined-only "$1" | awk '{ sub("@.*", "", $2); print $2 }' |
  grep -x -E 'time|gettimeofday|clock_gettime|ftime|timespec_get|uv_gettimeofday|uv_clock_gettime' || true)
[ -z "$asked" ] || complain "the module asks for the time of day" "$asked"

needed=$(readelf -d "$1" | grep NEEDED | grep -i lua || true)
[ -z "$needed" ] || complain "the module links" "$needed"

readelf -d "$1" | grep -q NODELETE || complain "the module can be unloaded" "$1"
