#!/bin/sh
# mle, a terminal editor with Lua 5.4, driven through tmux: what is typed shows up while a plugin
# searches in the background, the result comes into the text, and the editor leaves with its plugin's
# workers busy: sh mle.sh FOLDER PLUGIN TREE.
set -eu
work=$(mktemp -d)
tmux() { command tmux -S "$work/tmux" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

screen() { tmux capture-pane -p 2>/dev/null || true; }

# Presses keys, if any, again and again until the screen shows the text; no longer than a minute.
until_shown() {
  for _ in $(seq 600); do
    if screen | grep -q -F -e "$1"; then return 0; fi
    [ $# -lt 2 ] || tmux send-keys -l "$2"
    sleep 0.1
  done
  echo "the screen never showed '$1':" >&2
  screen >&2
  exit 1
}

mkfifo "$work/gate"
cat >"$work/run" <<EOF
HOME='$work' TERM=screen LUA_CPATH='$1/?.so' TREE='$3' GATE='$work/gate' LANG=C.UTF-8
export HOME TERM LUA_CPATH TREE GATE LANG
mle -N -x '$2'
echo \$? >'$work/code'
EOF

begin() { tmux new-session -d -x 100 -y 30 "sh '$work/run'"; until_shown "1 "; }

# Leaves without saving; the session ends with the editor.
leave() {
  tmux send-keys C-x
  until_shown "ave"
  tmux send-keys n
  for _ in $(seq 600); do
    [ ! -s "$work/code" ] || break
    sleep 0.1
  done
  [ "$(cat "$work/code")" = 0 ] || { echo "mle left with '$(cat "$work/code")'" >&2; exit 1; }
  rm "$work/code"
}

# The search cannot be over before the gate is opened, so these keys are typed while it runs.
begin
exec 3<>"$work/gate"
for typed in q qu qui quic quick; do
  tmux send-keys -l "$(printf %s "$typed" | tail -c 1)"
  until_shown "1 $typed"
done
: >"$work/open" # for a reader that comes later than this
mv "$work/open" "$work/gate"
exec 3>&-
files=$(find "$3" -type f | wc -l)
hits=$(find "$3" -type f -exec cat {} + | grep -o lua_State | wc -l)
until_shown "[$files files, $hits hits]" .
leave

# And once more, with the search still running.
rm "$work/gate"
mkfifo "$work/gate"
begin
tmux send-keys -l abc
until_shown "1 abc"
leave
