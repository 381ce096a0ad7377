/* Stands in for Lua: what the text mentions and no model calls. */
#ifndef MODEL_LAUXLIB_H
#define MODEL_LAUXLIB_H

#include <stddef.h>

typedef struct lua_State lua_State;

enum { LUA_TUSERDATA = 7 };

inline void lua_pushlightuserdata(lua_State *, void *) {
}
inline void lua_pushboolean(lua_State *, int) {
}
inline void lua_pop(lua_State *, int) {
}
inline void lua_rawsetp(lua_State *, int, const void *) {
}
inline int lua_rawgetp(lua_State *, int, const void *) {
  return 0;
}
inline int lua_type(lua_State *, int) {
  return 0;
}
inline int lua_getmetatable(lua_State *, int) {
  return 0;
}
inline void *lua_touserdata(lua_State *, int) {
  return NULL;
}
inline void *lua_newuserdatauv(lua_State *, size_t, int) {
  return NULL;
}
inline const char *lua_pushfstring(lua_State *, const char *, ...) {
  return NULL;
}

#endif
