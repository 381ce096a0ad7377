#include "lua/report.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lua/check.h"
#include "lua/traceback.h"

/* -- to stderr -------------------------------------------------------------------------------- */

/* (error, traceback, what) */
static int write_report(lua_State *L) {
  const char *text = luaL_tolstring(L, 1, NULL);
  const char *what = lua_touserdata(L, 3), *traceback = lua_tostring(L, 2);
  fprintf(stderr, "echo: error in %s: %s\n%s\n", what, text, traceback);
  fflush(stderr);
  return 0;
}

/* Pops the error and its traceback. A __tostring can fail. */
static void write_out(lua_State *L, const char *what) {
  lua_pushcfunction(L, write_report);
  lua_insert(L, -3);
  lua_pushlightuserdata(L, (void *)what);
  if (lua_pcall(L, 3, 0, 0) == LUA_OK) return;
  const char *why = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : luaL_typename(L, -1);
  fprintf(stderr, "echo: error in %s that cannot be shown: %s\n", what, why);
  fflush(stderr);
  lua_pop(L, 1);
}

/* -- reports ---------------------------------------------------------------------------------- */

/* (error): both of what a report is made of, as one value. */
static int add_traceback(lua_State *L) {
  lua_createtable(L, 2, 0);
  lua_insert(L, 1);
  echo__traceback_push(L, L, 1);
  lua_rawseti(L, 1, 2);
  lua_rawseti(L, 1, 1);
  return 1;
}

/* What a failed call has left is what add_traceback made, unless that was not called or failed. */
static void unpack(lua_State *L, int status) {
  if (status != LUA_ERRRUN) {
    lua_pushliteral(L, "");
    return;
  }
  lua_rawgeti(L, -1, 1);
  lua_rawgeti(L, -2, 2);
  lua_remove(L, -3);
}

/* Calls as lua_pcall; a failure leaves error and traceback. */
static bool call(lua_State *L, int arguments) {
  int handler = lua_gettop(L) - arguments;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, handler);
  int status = lua_pcall(L, arguments, 0, handler);
  lua_remove(L, handler);
  if (status == LUA_OK) return true;
  unpack(L, status);
  return false;
}

void echo__report(lua_State *L, echo__host *host, const char *what) {
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, 2);
    return;
  }
  if (host->on_error == LUA_NOREF) {
    write_out(L, what);
    return;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, host->on_error);
  lua_pushvalue(L, -3);
  lua_pushvalue(L, -3);
  if (call(L, 2)) {
    lua_pop(L, 2);
    return;
  }
  write_out(L, "the on_error handler");
  write_out(L, what);
}

void echo__call_reported(lua_State *L, echo__host *host, int arguments, const char *what) {
  if (!call(L, arguments)) echo__report(L, host, what);
}

int echo__on_error(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__host_check(L, host, 1, ECHO__TYPE_SCHEDULER);
  echo__host_mailbox(L, host, "on_error");
  if (!lua_isnoneornil(L, 2)) echo__check_function(L, 2);
  lua_settop(L, 2);
  bool none = lua_isnil(L, 2);
  int reference = none ? LUA_NOREF : luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, host->on_error);
  host->on_error = reference;
  lua_settop(L, 1);
  return 1;
}
