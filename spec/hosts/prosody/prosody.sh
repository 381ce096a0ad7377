#!/bin/sh
# Prosody, an XMPP server, on Lua 5.4: it answers while a module's slow request waits in a worker, in
# the foreground and as a daemon, which forks after it has loaded its modules: sh prosody.sh FOLDER.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
chmod 755 "$work"
leave() {
  [ ! -s "$work/pid" ] || kill "$(cat "$work/pid")" 2>/dev/null || true
  rm -rf "$work"
}
trap leave EXIT

complain() { echo "$1" >&2; cat "$work/log" >&2 2>/dev/null || true; exit 1; }

# A port that is free, or was so a moment ago.
port=$(lua5.4 -e 'local s = assert(require("socket").bind("127.0.0.1", 0)) print((select(2, s:getsockname())))')

# Prints what the server answers.
ask() {
  lua5.4 -e '
    local http = require "socket.http"
    http.TIMEOUT = 20
    print((http.request(arg[1])))' /dev/null "http://127.0.0.1:$port/slow/$1" 2>/dev/null || true
}

begin() {
  cat >"$work/prosody.cfg.lua" <<EOF
run_as_root = true
pidfile = "$work/pid"
data_path = "$work"
plugin_paths = { "$here" }
log = { debug = "$work/log" }
modules_enabled = { "posix", "http", "slow" }
modules_disabled = { "s2s", "c2s", "tls", "saslauth" }
c2s_ports = {}
s2s_ports = {}
https_ports = {}
http_ports = { $port }
http_interfaces = { "127.0.0.1" }
http_host = "127.0.0.1"
VirtualHost "127.0.0.1"
EOF
  rm -f "$work/gate"
  mkfifo "$work/gate"
  GATE="$work/gate" LUA_PATH="$here/?.lua;;" LUA_CPATH="$1/?.so;;" prosody "$2" --config "$work/prosody.cfg.lua" >>"$work/out" 2>&1 &
  for _ in $(seq 600); do
    [ "$(ask quick)" != quick ] || return 0
    sleep 0.1
  done
  cat "$work/out" >&2
  complain "prosody did not answer"
}

end() {
  pid=$(cat "$work/pid")
  kill "$pid"
  for _ in $(seq 600); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  complain "prosody did not leave"
}

for how in -F -D; do
  begin "$1" "$how"
  ask slow >"$work/slow" &
  asked=$!
  exec 3<>"$work/gate" # and does not wait for the reader, should there be none
  for _ in 1 2 3 4 5; do
    [ "$(ask quick)" = quick ] || complain "no answer while a slow request is under way"
  done
  [ ! -s "$work/slow" ] || complain "the slow request was answered too early"
  exec 3>&-
  wait "$asked"
  [ "$(cat "$work/slow")" = SLOW ] || complain "the slow request was answered by '$(cat "$work/slow")'"
  end
done
