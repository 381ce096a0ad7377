#include "lua/late.h"

#include <lauxlib.h>
#include <stdbool.h>

/* Its address is the registry key of the notes. */
static const char notes_key = 0;

static void push_notes(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &notes_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &notes_key);
}

/* In a finalizer the collector answers nothing. */
static bool is_in_finalizer(lua_State *L) {
  return lua_gc(L, LUA_GCCOUNT) < 0;
}

void echo__late_note(lua_State *L) {
  if (!is_in_finalizer(L)) return;
  push_notes(L);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* (): what a task has put in the place of a __gc may raise. */
static int finalize_all(lua_State *L) {
  push_notes(L);
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    lua_pop(L, 1);
    if (luaL_getmetafield(L, 2, "__gc") == LUA_TNIL) continue;
    lua_pushvalue(L, 2);
    lua_call(L, 1, 0);
  }
  return 0;
}

void echo__late_close(lua_State *L) {
  bool noted = lua_rawgetp(L, LUA_REGISTRYINDEX, &notes_key) == LUA_TTABLE;
  lua_pop(L, 1);
  if (!noted) return;
  lua_pushcfunction(L, finalize_all);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) lua_pop(L, 1);
}
