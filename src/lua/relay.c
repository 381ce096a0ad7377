#include "lua/relay.h"

#include <lauxlib.h>
#include <string.h>

#include "lua/error.h"

echo__kind echo__relay_kind(lua_State *L, int index) {
  echo__kind kind = ECHO__KIND_ERROR;
  lua_getfield(L, index, "kind");
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  for (int i = 0; i < ECHO__KINDS; i++) {
    if (strcmp(text, echo__kind_text((echo__kind)i)) == 0) kind = (echo__kind)i;
  }
  lua_pop(L, 1);
  return kind;
}

/* Pushes a field if it is a string, else nil. */
static bool push_string(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  if (lua_type(L, -1) == LUA_TSTRING) return true;
  lua_pop(L, 1);
  lua_pushnil(L);
  return false;
}

static bool has_text(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) > 0;
}

/* Whether the error was not the raising task's own: it names another one. An error that tells this
 * task to end names it, too, but has not been anywhere yet. */
static bool is_relayed(lua_State *L, int index, int name, bool told_to_end) {
  bool relayed = push_string(L, index, "task");
  push_string(L, index, "traceback");
  if (told_to_end && !has_text(L, -1) && lua_rawequal(L, -2, name)) relayed = false;
  lua_pop(L, 2);
  return relayed;
}

/* Pushes the error's traceback, followed by that of the task that raises it now. */
static void push_traceback(lua_State *L, int index, int traceback, int name, bool relayed) {
  push_string(L, index, "traceback");
  if (!has_text(L, -1) && !relayed) {
    lua_pop(L, 1);
    lua_pushvalue(L, traceback);
  } else if (relayed && has_text(L, traceback)) {
    const char *before = has_text(L, -1) ? lua_pushfstring(L, "%s\n", lua_tostring(L, -1)) : "";
    const char *task = has_text(L, name) ? lua_tostring(L, name) : "?";
    lua_pushfstring(L, "%sawaited by [task %s] %s", before, task, lua_tostring(L, traceback));
  }
}

/* Pushes the list of others, or nil. */
static void push_others(lua_State *L, int index) {
  lua_getfield(L, index, "others");
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  lua_pushnil(L);
}

void echo__relay_push(lua_State *L, int index, bool told_to_end) {
  int name = lua_gettop(L), traceback = name - 1;
  lua_getfield(L, index, "message");
  luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  push_traceback(L, index, traceback, name, is_relayed(L, index, name, told_to_end));
  lua_replace(L, traceback);
  lua_settop(L, name + 1);
  lua_insert(L, traceback); /* message, traceback, name */
  if (push_string(L, index, "task"))
    lua_replace(L, -2);
  else
    lua_pop(L, 1);
  lua_getfield(L, index, "value");
  push_others(L, index);
}
