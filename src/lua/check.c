#include "lua/check.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

#include "lua/argument.h"

/* A short picture of the value at `index`: 1.5, "x", table. */
static const char *picture(lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TNUMBER: return luaL_tolstring(L, index, NULL);
  case LUA_TSTRING: return lua_pushfstring(L, "'%s'", lua_tostring(L, index));
  default: return luaL_typename(L, index);
  }
}

lua_Integer echo__check_integer(lua_State *L, int argument, const char *what, lua_Integer least,
                                lua_Integer most) {
  int exact = 0;
  lua_Integer value = 0;
  if (lua_type(L, argument) == LUA_TNUMBER) value = lua_tointegerx(L, argument, &exact);
  if (exact && value >= least && value <= most) return value;
  return echo__argument_error(L, argument,
                              lua_pushfstring(L, "%s: an integer from %I to %I expected, got %s",
                                              what, (LUAI_UACINT)least, (LUAI_UACINT)most,
                                              picture(L, argument)));
}

const char *echo__check_text(lua_State *L, int argument, const char *what) {
  size_t length;
  const char *text =
      lua_type(L, argument) == LUA_TSTRING ? lua_tolstring(L, argument, &length) : NULL;
  if (text == NULL) {
    echo__argument_error(
        L, argument,
        lua_pushfstring(L, "%s: a string expected, got %s", what, picture(L, argument)));
  } else if (strlen(text) != length) {
    echo__argument_error(L, argument,
                         lua_pushfstring(L, "%s: a string without zero bytes expected", what));
  }
  return text;
}

bool echo__is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index)) return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

void echo__check_function(lua_State *L, int argument) {
  if (!echo__is_callable(L, argument)) echo__type_error(L, argument, "function");
}

double echo__check_seconds(lua_State *L, int argument) {
  if (lua_isnoneornil(L, argument)) return -1;
  double seconds = lua_type(L, argument) == LUA_TNUMBER ? lua_tonumber(L, argument) : -1;
  if (seconds >= 0) return seconds;
  echo__argument_error(
      L, argument,
      lua_pushfstring(L, "seconds: a number from 0 on expected, got %s", picture(L, argument)));
  return 0;
}

double echo__check_seconds_option(lua_State *L, int argument, const char *name) {
  double seconds = -1;
  if (!lua_isnil(L, -1)) {
    if (lua_type(L, -1) == LUA_TNUMBER) seconds = lua_tonumber(L, -1);
    if (!(seconds >= 0)) echo__fail_option(L, argument, name, "a number of seconds from 0 on");
  }
  lua_pop(L, 1);
  return seconds;
}

static const char *const priorities[] = {"low", "normal", "high"};

const char *echo__priority_name(echo_priority priority) {
  return priorities[priority - ECHO_PRIORITY_LOW];
}

echo_priority echo__check_priority(lua_State *L, int argument, const char *option) {
  static const char expected[] = "'high', 'normal' or 'low'";
  for (int i = 0; i < ECHO_PRIORITIES && lua_type(L, -1) == LUA_TSTRING; i++) {
    if (strcmp(lua_tostring(L, -1), priorities[i]) == 0)
      return (echo_priority)(i + ECHO_PRIORITY_LOW);
  }
  if (option != NULL) {
    echo__fail_option(L, argument, option, expected);
  } else {
    echo__argument_error(
        L, argument,
        lua_pushfstring(L, "priority: %s expected, got %s", expected, picture(L, argument)));
  }
  return ECHO_PRIORITY_NORMAL;
}

static int place_in(const char *name, const char *const *known) {
  for (int i = 0; known[i] != NULL; i++) {
    if (strcmp(name, known[i]) == 0) return i;
  }
  return -1;
}

static bool has_metatable(lua_State *L, int index) {
  if (!lua_getmetatable(L, index)) return false;
  lua_pop(L, 1);
  return true;
}

/* The key on top of the stack. Who gives a list has mostly taken one argument for another. */
static int fail_unknown(lua_State *L, int argument) {
  const char *hint =
      lua_type(L, -1) == LUA_TNUMBER ? ": options expected here, this is a list" : "";
  lua_pushvalue(L, -1);
  return echo__argument_error(L, argument,
                              lua_pushfstring(L, "unknown option %s%s", picture(L, -1), hint));
}

unsigned echo__check_options(lua_State *L, int argument, const char *const *known) {
  unsigned present = has_metatable(L, argument) ? UINT_MAX : 0;
  lua_pushnil(L);
  while (lua_next(L, argument) != 0) {
    lua_pop(L, 1);
    int place = lua_type(L, -1) == LUA_TSTRING ? place_in(lua_tostring(L, -1), known) : -1;
    if (place < 0) fail_unknown(L, argument);
    present |= 1u << place;
  }
  return present;
}

int echo__fail_option(lua_State *L, int argument, const char *name, const char *expected) {
  return echo__argument_error(
      L, argument,
      lua_pushfstring(L, "option '%s': %s expected, got %s", name, expected, picture(L, -1)));
}

int echo__fail_for_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory");
  return lua_error(L);
}
