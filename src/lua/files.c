#include "lua/files.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#if defined(__GLIBC__)
#include <stdio_ext.h>

static void free_of_lock(FILE *file) {
  int flags = file != stdin ? fcntl(fileno(file), F_GETFL) : -1;
  if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) __fsetlocking(file, FSETLOCKING_BYCALLER);
}

static void look_at_results(lua_State *L, int first) {
  for (int i = first; i <= lua_gettop(L); i++) {
    const luaL_Stream *stream = luaL_testudata(L, i, LUA_FILEHANDLE);
    if (stream != NULL && stream->closef != NULL) free_of_lock(stream->f);
  }
}

/* The function was called from here, so its message has neither a position nor its name. */
static int raise_again(lua_State *L, int status) {
  if (status != LUA_ERRRUN || lua_type(L, -1) != LUA_TSTRING) return lua_error(L);
  const char *message = lua_tostring(L, -1);
  const char *name = lua_pushfstring(L, "to '%s'", lua_tostring(L, lua_upvalueindex(2)));
  luaL_where(L, 1);
  luaL_gsub(L, message, "to '?'", name);
  lua_concat(L, 2);
  return lua_error(L);
}

/* Upvalues: the function of Lua's, and its name. */
static int open_file(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  if (status != LUA_OK) return raise_again(L, status);
  look_at_results(L, 1);
  return lua_gettop(L);
}

void echo__files_install(lua_State *L) {
  static const char *const names[] = {"open", "popen", "lines", "input"};
  if (lua_getglobal(L, "io") == LUA_TTABLE) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
      if (lua_getfield(L, -1, names[i]) == LUA_TNIL) {
        lua_pop(L, 1);
        continue;
      }
      lua_pushstring(L, names[i]);
      lua_pushcclosure(L, open_file, 2);
      lua_setfield(L, -2, names[i]);
    }
  }
  lua_pop(L, 1);
}

#else

void echo__files_install(lua_State *L) {
  (void)L;
}

#endif
