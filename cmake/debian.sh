#!/bin/sh
# Installs, on Debian or a relative of it, what building (run) or testing (test) Echo needs; the
# servers in which it is tried (servers), which Debian may start when it installs them; and the browser
# in which a recording is looked at (browser). Checks that need either are left out without.
set -eu

run="gcc libc6-dev cmake ninja-build pkg-config libuv1-dev lua5.4 liblua5.4-dev findutils"
test="git make g++ clang-format lua-busted lua-check lua-luv lua-cjson lua-lpeg lua-socket lua-copas lua-cqueues lua5.1 lua5.3 luarocks libcmocka-dev relacy-dev procps binutils clang-14 libclang-rt-14-dev mle tmux lua-sql-sqlite3 lua-dkjson libxml2-utils valgrind spin"

case "${1:-run}" in
run) packages=$run ;;
test) packages="$run $test" ;;
servers) packages="prosody" ;;
browser) packages="chromium nodejs npm" ;;
*) echo "usage: sh cmake/debian.sh [run|test|servers|browser]" >&2; exit 2 ;;
esac

missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || { echo "please install:$missing" >&2; exit 1; }
root=""
[ "$(id -u)" = 0 ] || root=sudo
$root apt-get update -q
DEBIAN_FRONTEND=noninteractive $root apt-get install -y -q --no-install-recommends $missing
