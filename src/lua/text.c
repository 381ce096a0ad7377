/* text.c - see text.h. */
#include "lua/text.h"

#include <lauxlib.h>

static int to_text(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* In a protected call of its own: an error in there must not hide the one that is being told. */
void echo__text_push(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_pushcfunction(L, to_text);
  lua_pushvalue(L, index);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return;
  lua_pop(L, 1);
  lua_pushfstring(L, "(error object is a %s value whose __tostring failed)",
                  luaL_typename(L, index));
}
