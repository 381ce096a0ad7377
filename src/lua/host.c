#include "lua/host.h"

#include <lauxlib.h>

static const char *const names[ECHO__TYPES] = {"echo.builder", "echo.scheduler", "echo.task",
                                               "echo.error"};

echo__host *echo__host_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

bool echo__host_is(lua_State *L, const echo__host *host, int index, echo__type type) {
  if (!lua_getmetatable(L, index)) return false;
  bool same = lua_topointer(L, -1) == host->metatables[type];
  lua_pop(L, 1);
  return same;
}

void *echo__host_check(lua_State *L, const echo__host *host, int index, echo__type type) {
  if (!echo__host_is(L, host, index, type)) luaL_typeerror(L, index, names[type]);
  return lua_touserdata(L, index);
}

void echo__host_bless(lua_State *L, const echo__host *host, echo__type type) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->references[type]);
  lua_setmetatable(L, -2);
}
