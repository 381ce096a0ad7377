/* Lua's functions for what is linked with a Lua: programs with libecho-lua, and the specs. */
#define ECHO__API_ITSELF
#include "lua/api.h"

#include <echo/lua.h>

#include "lua/module.h"

#define LINKED(function) .function##_ = function,

echo__api echo__lua_api = {ECHO__API_MAP(LINKED)};

int luaopen_echo(lua_State *L) {
  return echo__module_open(L);
}
