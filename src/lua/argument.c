#include "lua/argument.h"

#include <lauxlib.h>
#include <stdbool.h>

/* Pushes the running function if Lua has no name for it. */
static bool push_nameless(lua_State *L) {
  lua_Debug running;
  if (lua_getstack(L, 0, &running) == 0) return false;
  lua_getinfo(L, "nf", &running);
  if (running.name == NULL) return true;
  lua_pop(L, 1);
  return false;
}

/* Replaces the function on top by its name in the __index of the metatable, or pops it. */
static bool name_method(lua_State *L, int metatable) {
  int function = lua_gettop(L);
  lua_pushliteral(L, "__index");
  if (lua_rawget(L, metatable) == LUA_TTABLE) {
    lua_pushnil(L);
    while (lua_next(L, function + 1) != 0) {
      if (lua_rawequal(L, -1, function)) {
        lua_pop(L, 1);
        lua_replace(L, function);
        lua_settop(L, function);
        return true;
      }
      lua_pop(L, 1);
    }
  }
  lua_settop(L, function - 1);
  return false;
}

/* With the metatable that has the methods on top. */
static int fail(lua_State *L, int argument, const char *message) {
  if (!push_nameless(L) || !name_method(L, lua_gettop(L) - 1)) {
    return luaL_argerror(L, argument, message);
  }
  const char *name = lua_tostring(L, -1);
  if (argument == 1) return luaL_error(L, "calling '%s' on bad self (%s)", name, message);
  return luaL_error(L, "bad argument #%d to '%s' (%s)", argument - 1, name, message);
}

int echo__argument_error(lua_State *L, int argument, const char *message) {
  if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
    return fail(L, argument, message);
  }
  return luaL_argerror(L, argument, message);
}

static const char *type_of(lua_State *L, int argument) {
  if (luaL_getmetafield(L, argument, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
  if (lua_type(L, argument) == LUA_TLIGHTUSERDATA) return "light userdata";
  return luaL_typename(L, argument);
}

/* Pushes the message, too. */
static const char *mismatch(lua_State *L, int argument, const char *expected) {
  const char *got = type_of(L, argument);
  return lua_pushfstring(L, "%s expected, got %s", expected, got);
}

/* The message first: where there is no argument at all, whatever is pushed would stand for it. */
int echo__self_error(lua_State *L, int reference, const char *expected) {
  const char *message = mismatch(L, 1, expected);
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  return fail(L, 1, message);
}

int echo__type_error(lua_State *L, int argument, const char *expected) {
  return echo__argument_error(L, argument, mismatch(L, argument, expected));
}

void echo__check_type(lua_State *L, int argument, int type) {
  if (lua_type(L, argument) != type) echo__type_error(L, argument, lua_typename(L, type));
}

lua_Integer echo__argument_integer(lua_State *L, int argument) {
  int exact = 0, number = 0;
  lua_Integer value = lua_tointegerx(L, argument, &exact);
  if (exact) return value;
  lua_tonumberx(L, argument, &number);
  if (number) return echo__argument_error(L, argument, "number has no integer representation");
  return echo__type_error(L, argument, "number");
}

lua_Integer echo__optional_integer(lua_State *L, int argument, lua_Integer usual) {
  return lua_isnoneornil(L, argument) ? usual : echo__argument_integer(L, argument);
}

const char *echo__argument_string(lua_State *L, int argument, size_t *size) {
  const char *text = lua_tolstring(L, argument, size);
  if (text == NULL) echo__type_error(L, argument, "string");
  return text;
}
