#!/bin/sh
# Installs the plugin in Lite XL.
#
# Usage: sh install.sh [USERDIR [ECHO_SO]]
#
# USERDIR is the editor's user directory (default: ~/.config/lite-xl), ECHO_SO the module (default:
# where lua5.4 finds it). The native part is compiled: that needs a C compiler and Lua 5.4's headers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
user=${1:-${XDG_CONFIG_HOME:-$HOME/.config}/lite-xl}
module=${2:-}
[ -n "$module" ] || module=$(lua5.4 -e 'print(assert(package.searchpath("echo", package.cpath)))')
plugin=$user/plugins/echo_highlight

mkdir -p "$plugin"
cp "$here"/plugins/echo_highlight/*.lua "$plugin"
cp "$module" "$user/echo.so"
# shellcheck disable=SC2046,SC2086 # flags are words
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -fPIC -shared ${CFLAGS:-} \
  $(pkg-config --cflags lua5.4) -o "$plugin/native.so" \
  "$here/plugins/echo_highlight/native.c" -ldl
echo "installed in $plugin"
