#include "lua/prelude.h"

#include <string.h>

#include "lua/error.h"
#include "lua/iter.h"
#include "lua/traceback.h"

/* -- the globals of the prelude --------------------------------------------------------------- */

static int raise_value(lua_State *L) {
  lua_settop(L, 1);
  return lua_error(L);
}

static int is_error(lua_State *L) {
  lua_pushboolean(L, echo__host_is(L, echo__host_of(L), 1, ECHO__TYPE_ERROR));
  return 1;
}

static int to_error(lua_State *L) {
  lua_settop(L, 1);
  echo__error_of_value(L, echo__host_of(L));
  return 1;
}

static void push_globals(lua_State *L, echo__host *host) {
  static const luaL_Reg functions[] = {{"each", echo__iter_numbered},
                                       {"raise", raise_value},
                                       {"is_error", is_error},
                                       {"to_error", to_error},
                                       {NULL, NULL}};
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, host);
  luaL_setfuncs(L, functions, 1);
}

/* -- loading ---------------------------------------------------------------------------------- */

static const echo__prelude_file *find(const char *name) {
  const echo__prelude_file *file = echo__prelude_files;
  while (strcmp(file->name, name) != 0)
    file++;
  return file;
}

static void load(lua_State *L, echo__host *host, const char *name) {
  const echo__prelude_file *file = find(name);
  if (luaL_loadbufferx(L, (const char *)file->text, file->length, "=" ECHO__PRELUDE_CHUNK, "t") !=
      LUA_OK)
    lua_error(L);
  push_globals(L, host);
  lua_setupvalue(L, -2, 1);
  lua_call(L, 0, 1);
}

void echo__prelude_push(lua_State *L, echo__host *host, const char *name) {
  static const char loaded_key = 0; /* its address is the registry key */
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
  }
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    lua_pop(L, 1);
    load(L, host, name);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
  }
  lua_remove(L, -2);
}

/* -- what scripts call ------------------------------------------------------------------------ */

static int finish(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

static int call_with_list(lua_State *L, const char *name) {
  echo__host *host = echo__host_of(L);
  echo__iter_check(L, host, 1);
  lua_settop(L, 1);
  echo__prelude_push(L, host, name);
  lua_insert(L, 1);
  lua_callk(L, 1, LUA_MULTRET, 0, finish);
  return finish(L, LUA_OK, 0);
}

static int all(lua_State *L) {
  return call_with_list(L, "all");
}

static int any(lua_State *L) {
  return call_with_list(L, "any");
}

const luaL_Reg echo__prelude_functions[] = {{"all", all}, {"any", any}, {NULL, NULL}};
