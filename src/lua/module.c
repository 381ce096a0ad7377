/* luaopen_echo: the module's table and the types behind it. */
#include <echo/lua.h>
#include <lauxlib.h>
#include <string.h>

#include "base/wait.h"
#include "lua/builder.h"
#include "lua/error.h"
#include "lua/host.h"
#include "lua/scheduler.h"
#include "lua/task.h"

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)echo__now() / 1e9);
  return 1;
}

/* Registers the functions, with the host (at index `host`) as upvalue, in the table on top. */
static void set_functions(lua_State *L, int host, const luaL_Reg *functions) {
  lua_pushvalue(L, host);
  luaL_setfuncs(L, functions, 1);
}

static void make_type(lua_State *L, int host_index, echo__type type, const char *name,
                      const luaL_Reg *metamethods, const luaL_Reg *methods) {
  echo__host *host = lua_touserdata(L, host_index);
  lua_newtable(L);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable"); /* the metamethods trust their argument: keep it so */
  set_functions(L, host_index, metamethods);
  if (methods != NULL) {
    lua_newtable(L);
    set_functions(L, host_index, methods);
    lua_setfield(L, -2, "__index");
  }
  host->metatables[type] = lua_topointer(L, -1);
  host->references[type] = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void make_types(lua_State *L, int host) {
  static const luaL_Reg builder[] = {{"__gc", echo__builder_gc}, {NULL, NULL}};
  static const luaL_Reg scheduler[] = {
      {"__gc", echo__scheduler_gc}, {"__close", echo__scheduler_close}, {NULL, NULL}};
  static const luaL_Reg task[] = {{"__gc", echo__task_gc}, {NULL, NULL}};
  static const luaL_Reg error[] = {{"__tostring", echo__error_tostring}, {NULL, NULL}};
  make_type(L, host, ECHO__TYPE_BUILDER, "echo.builder", builder, echo__builder_methods);
  make_type(L, host, ECHO__TYPE_SCHEDULER, "echo.scheduler", scheduler, echo__scheduler_methods);
  make_type(L, host, ECHO__TYPE_TASK, "echo.task", task, echo__task_methods);
  make_type(L, host, ECHO__TYPE_ERROR, "echo.error", error, NULL);
}

int luaopen_echo(lua_State *L) {
  static const luaL_Reg functions[] = {{"builder", echo__builder_new}, {"now", now}, {NULL, NULL}};
  luaL_checkversion(L);
  lua_settop(L, 0);
  echo__host *host = lua_newuserdatauv(L, sizeof *host, 0);
  memset(host, 0, sizeof *host);
  host->codec = echo__codec_open(L);
  make_types(L, 1);
  lua_newtable(L);
  set_functions(L, 1, functions);
  return 1;
}
