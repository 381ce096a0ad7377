#include "lua/lazy.h"

static int finish(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

/* Calls the function that is a module, with all arguments. */
static int call_module(lua_State *L, const char *name) {
  if (lua_getglobal(L, "require") != LUA_TFUNCTION)
    return luaL_error(L, "%s is a Lua module, and there is no 'require' here to load it", name);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  lua_insert(L, 1);
  /* An urgent task may interrupt it. */
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, finish);
  return finish(L, LUA_OK, 0);
}

static int timeline(lua_State *L) {
  return call_module(L, "echo.timeline");
}

const luaL_Reg echo__lazy_functions[] = {{"timeline", timeline}, {NULL, NULL}};
