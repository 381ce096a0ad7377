/*
 * A Lua interpreter that is built with the same sanitizer as the module: the plain one cannot load
 * a module that was built with one. It runs a script as `lua5.4 SCRIPT ARGUMENT...` does, Ctrl-C
 * aside, with `arg` set likewise, and closes its state at the end.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static int traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

static void set_arguments(lua_State *L, int count, char **arguments) {
  lua_createtable(L, count, 2);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, arguments[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
}

static int run(lua_State *L, int count, char **arguments) {
  lua_pushcfunction(L, traceback);
  int status = luaL_loadfile(L, arguments[1]);
  if (status == LUA_OK) {
    for (int i = 2; i < count; i++)
      lua_pushstring(L, arguments[i]);
    status = lua_pcall(L, count - 2, 0, 1);
  }
  if (status != LUA_OK) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return status == LUA_OK ? 0 : 1;
}

int main(int count, char **arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: %s SCRIPT [ARGUMENT...]\n", arguments[0]);
    return 2;
  }
  lua_State *L = luaL_newstate();
  if (L == NULL) return 1;
  luaL_openlibs(L);
  set_arguments(L, count, arguments);
  int code = run(L, count, arguments);
  lua_close(L);
  return code;
}
