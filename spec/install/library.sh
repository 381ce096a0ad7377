#!/bin/sh
# The installed library is found by pkg-config, after the prefix was moved, and by CMake, static and
# shared; so is libecho-lua, with which examples/embed is built and run, with a Lua of its own; the
# module exports luaopen_echo and echo_* only, and brings no Lua and no luv.
set -eu
top=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -S "$top" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DECHO_BUILD_TESTS=OFF \
  -DECHO_BUILD_BENCH=OFF -DCMAKE_INSTALL_PREFIX="$work/first" >/dev/null
cmake --build "$work/build" >/dev/null
cmake --install "$work/build" >/dev/null
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name libecho.a)")

export PKG_CONFIG_PATH="$libdir/pkgconfig"
cc -std=c11 spec/install/embed.c $(pkg-config --cflags --libs echo) -o "$work/by-pkg-config"
LD_LIBRARY_PATH="$libdir" "$work/by-pkg-config"

cmake -S spec/install -B "$work/user" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/user" >/dev/null
"$work/user/embed-static"
"$work/user/embed-shared"
"$work/user/embed-echo"

cmake -S examples/embed -B "$work/embed" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/embed" >/dev/null
cc -std=c11 -D_GNU_SOURCE examples/embed/*.c $(pkg-config --cflags --libs echo-lua) \
  $(pkg-config --cflags lua5.4) -l:liblua5.4.a -lm -o "$work/embed/by-pkg-config"
files=$(find src -type f | wc -l)
for program in embed by-pkg-config; do
  if nm -D --defined-only "$work/embed/$program" | grep ' lua_'; then
    echo "$program exports the above: its Lua is not its own"; exit 1
  fi
  for how in "" inline; do
    timeout 100 "$work/embed/$program" examples/embed/editor.lua src $how >"$work/said"
    cat "$work/said"
    grep -q "^$files files, .* folders; " "$work/said"
    grep -q "[1-9][0-9]* frames, .* ms (median), " "$work/said"
  done
done

module=$(find "$work/prefix" -name echo.so)
sh spec/hosts/symbols.sh "$module"
if nm -D --defined-only "$libdir/libecho.so" | awk '$2 ~ /[TBDRW]/ { print $3 }' |
  grep -v -E '^echo_[a-z0-9][a-z0-9_]*$'; then
  echo "the library exports the above"; exit 1
fi
echo "the installed library works"
