/* registered.c - see registered.h. */
#include "lua/registered.h"

#include "echo/status.h"
#include "lua/check.h"
#include "lua/host.h"
#include "lua/names.h"
#include "lua/stack.h"

#include <lauxlib.h>
#include <string.h>

void echo__registered_open(lua_State *L, echo__registered *registered) {
  lua_newtable(L);
  registered->tables = luaL_ref(L, LUA_REGISTRYINDEX);
}

void echo__registered_close(echo__registered *registered) {
  echo__pointer_map_release(&registered->metatables);
}

/* Pushes tables[the value at index]; its type. */
static int look_up(lua_State *L, const echo__registered *registered, int index) {
  lua_pushvalue(L, index);
  lua_rawgeti(L, LUA_REGISTRYINDEX, registered->tables);
  lua_insert(L, -2);
  int type = lua_rawget(L, -2);
  lua_remove(L, -2);
  return type;
}

/* The address comes last: were it there alone, a table would be taken for registered that has no
 * name. One that has a name and no address is only overlooked. */
void echo__registered_add(lua_State *L, echo__registered *registered, const char *name) {
  int table = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, registered->tables);
  lua_pushstring(L, name);
  lua_pushvalue(L, table);
  lua_pushvalue(L, -2);
  lua_rawset(L, -4);
  lua_pushvalue(L, table);
  lua_rawset(L, -3);
  lua_settop(L, table);
  if (echo__pointer_map_add(&registered->metatables, lua_topointer(L, table), 1) ==
      ECHO__POINTER_FAILED)
    luaL_error(L, "not enough memory");
  lua_pop(L, 1);
}

static const char *check_name(lua_State *L) {
  const char *name = echo__check_text(L, 1, "name");
  if (*name == 0) luaL_argerror(L, 1, "name: it is empty");
  if (strncmp(name, ECHO__OWN_NAMES, sizeof ECHO__OWN_NAMES - 1) == 0)
    luaL_argerror(L, 1, "name: those that begin with '" ECHO__OWN_NAMES "' are echo's own");
  return name;
}

/* Either place must be free or hold the very same already. */
static void check_free(lua_State *L, const echo__registered *registered, const char *name) {
  if (look_up(L, registered, 1) != LUA_TNIL && !lua_rawequal(L, -1, 2))
    luaL_argerror(L, 1,
                  lua_pushfstring(L, "name: another table is registered as '%s' already", name));
  if (look_up(L, registered, 2) != LUA_TNIL && !lua_rawequal(L, -1, 1))
    luaL_argerror(
        L, 2, lua_pushfstring(L, "this table is registered as '%s' already", lua_tostring(L, -1)));
}

int echo__register(lua_State *L) {
  echo__registered *registered = &echo__host_of(L)->codec->registered;
  const char *name = check_name(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  check_free(L, registered, name);
  lua_pushvalue(L, 2);
  echo__registered_add(L, registered, name);
  lua_settop(L, 2);
  return 1;
}

int echo__registered_name(lua_State *L, const echo__registered *registered, int index) {
  if (!echo__registered_has(registered, lua_topointer(L, index))) return 0;
  if (look_up(L, registered, index) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  return 0;
}

/* Echo's own metatables are registered when the module is opened, which a worker's state leaves to
 * the first task that wants it. */
static int load_module(lua_State *L, const char *name) {
  if (strncmp(name, ECHO__OWN_NAMES, sizeof ECHO__OWN_NAMES - 1) != 0) return ECHO_OK;
  int status = echo__names_resolve(L, "echo", 4);
  if (status == ECHO_OK) lua_pop(L, 1);
  return status;
}

int echo__registered_resolve(lua_State *L, const echo__registered *registered) {
  int name = lua_gettop(L);
  int status = ECHO_OK;
  echo__stack_need(L, 8);
  if (look_up(L, registered, name) != LUA_TTABLE) {
    lua_pop(L, 1);
    status = load_module(L, lua_tostring(L, name));
    if (status == ECHO_OK && look_up(L, registered, name) != LUA_TTABLE) {
      const char *text = lua_tostring(L, name);
      lua_pushfstring(L,
                      "no metatable is registered as \"%s\" in the state that it came to: call "
                      "echo.register(\"%s\", metatable) there, as in with_setup",
                      text, text);
      status = ECHO_TRANSFER;
    }
  }
  lua_replace(L, name);
  lua_settop(L, name);
  return status;
}
