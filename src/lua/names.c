/* names.c - see names.h. */
#include "lua/names.h"
#include "lua/stack.h"

#include "echo/status.h"

#include <lauxlib.h>
#include <string.h>

static const char *const standard_functions[] = {
    "assert",  "collectgarbage", "dofile",   "error",    "getmetatable", "ipairs",
    "load",    "loadfile",       "next",     "pairs",    "pcall",        "print",
    "require", "rawequal",       "rawget",   "rawlen",   "rawset",       "select",
    "type",    "setmetatable",   "tonumber", "tostring", "warn",         "xpcall",
};

static const char *const standard_modules[] = {
    "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Where the builder keeps things on its stack. */
enum { NAMES = 1, MAP, LOADED, GLOBALS };

void echo__names_open(echo__names *names) {
  echo__pointer_map_init(&names->tables);
  names->fingerprint = 0;
  names->map = LUA_NOREF;
}

void echo__names_close(echo__names *names) {
  echo__pointer_map_release(&names->tables);
}

static uint64_t mix(uint64_t hash, const void *pointer) {
  hash = (hash ^ (uint64_t)(uintptr_t)pointer) * UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 29;
}

/* A sum, because the order of a walk says nothing. A module taken out and loaded again shows, where
 * a count of the entries would not. */
static uint64_t fingerprint(lua_State *L) {
  uint64_t sum = 1;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    const void *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    sum += mix(mix(1, key), lua_topointer(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return sum ? sum : 1;
}

int echo__names_stale(lua_State *L, const echo__names *names) {
  return names->fingerprint != fingerprint(L);
}

/* Pushes map[value], or nothing. */
int echo__names_find(lua_State *L, const echo__names *names, int index) {
  if (names->map == LUA_NOREF) return 0;
  lua_pushvalue(L, index);
  lua_rawgeti(L, LUA_REGISTRYINDEX, names->map);
  lua_rotate(L, -2, 1);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pop(L, 2);
    return 0;
  }
  lua_remove(L, -2);
  return 1;
}

/* Enters the value under the name on top; the first name stays. Pops the name. */
static void enter(lua_State *L, int value) {
  value = lua_absindex(L, value);
  lua_pushvalue(L, value);
  if (lua_rawget(L, MAP) == LUA_TNIL) {
    lua_pushvalue(L, value);
    lua_pushvalue(L, -3);
    lua_rawset(L, MAP);
  }
  lua_pop(L, 2);
}

static void enter_table(lua_State *L, int value) {
  echo__names *names = lua_touserdata(L, NAMES);
  const void *table = lua_topointer(L, value);
  if (echo__pointer_map_add(&names->tables, table, 1) == ECHO__POINTER_FAILED)
    luaL_error(L, "not enough memory");
  enter(L, value);
}

/* Only a string without a zero byte can be part of a name. */
static int is_nameable(lua_State *L, int key) {
  size_t size;
  if (lua_type(L, key) != LUA_TSTRING) return 0;
  const char *text = lua_tolstring(L, key, &size);
  return memchr(text, 0, size) == NULL;
}

/* Pushes the two names at these places as one. */
static void join(lua_State *L, int prefix, int field) {
  lua_pushvalue(L, prefix);
  lua_pushlstring(L, "", 1);
  lua_pushvalue(L, field < 0 ? field - 2 : field);
  lua_concat(L, 3);
}

/* Names the C functions among the fields of the table at `table`, whose name is at `prefix`. */
static void enter_fields(lua_State *L, int table, int prefix) {
  echo__stack_need(L, 12);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (lua_iscfunction(L, -1) && is_nameable(L, -2)) {
      join(L, prefix, -2);
      enter(L, -2);
    }
    lua_pop(L, 1);
  }
}

/* Names the functions in the tables inside a table; a table that has a name of its own is left
 * out, and so are the globals. */
static void enter_nested(lua_State *L, int table, int prefix) {
  echo__stack_need(L, 12);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    const echo__names *names = lua_touserdata(L, NAMES);
    if (lua_istable(L, -1) && is_nameable(L, -2) && !lua_rawequal(L, -1, GLOBALS) &&
        !echo__names_may_have(names, lua_topointer(L, -1))) {
      join(L, prefix, -2);
      enter_fields(L, lua_gettop(L) - 1, lua_gettop(L));
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
}

static void enter_standard_functions(lua_State *L) {
  lua_pushliteral(L, "_G");
  for (size_t i = 0; i < COUNT(standard_functions); i++) {
    lua_pushstring(L, standard_functions[i]);
    lua_pushvalue(L, -1);
    lua_rawget(L, GLOBALS);
    if (lua_iscfunction(L, -1)) {
      join(L, lua_gettop(L) - 2, -2);
      enter(L, -2);
    }
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}

static void enter_standard_modules(lua_State *L) {
  for (size_t i = 0; i < COUNT(standard_modules); i++) {
    lua_pushstring(L, standard_modules[i]);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, LOADED) == LUA_TTABLE) {
      lua_pushvalue(L, -2);
      enter_table(L, -2);
      enter_fields(L, lua_gettop(L), lua_gettop(L) - 1);
    }
    lua_pop(L, 2);
  }
}

typedef void (*enter_module)(lua_State *L, int module, int name);

/* Calls `each` for every loaded module but the globals: those come last, as anyone may have put
 * any function there. */
static void each_module(lua_State *L, enter_module each) {
  lua_pushnil(L);
  while (lua_next(L, LOADED)) {
    if (is_nameable(L, -2) && !lua_rawequal(L, -1, GLOBALS))
      each(L, lua_gettop(L), lua_gettop(L) - 1);
    lua_pop(L, 1);
  }
}

static void enter_value(lua_State *L, int module, int name) {
  lua_pushvalue(L, name);
  if (lua_istable(L, module))
    enter_table(L, module);
  else if (lua_iscfunction(L, module))
    enter(L, module);
  else
    lua_pop(L, 1);
}

static void enter_module_fields(lua_State *L, int module, int name) {
  if (lua_istable(L, module)) enter_fields(L, module, name);
}

static void enter_module_nested(lua_State *L, int module, int name) {
  if (lua_istable(L, module)) enter_nested(L, module, name);
}

/* The new map takes the old one's place only when it is complete. */
static void publish(lua_State *L, echo__names *names) {
  lua_pushvalue(L, MAP);
  if (names->map == LUA_NOREF)
    names->map = luaL_ref(L, LUA_REGISTRYINDEX);
  else
    lua_rawseti(L, LUA_REGISTRYINDEX, names->map);
  names->fingerprint = fingerprint(L);
}

static void push_weak_map(lua_State *L) {
  lua_createtable(L, 0, 256);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

static int build(lua_State *L) {
  echo__names *names = lua_touserdata(L, NAMES);
  names->fingerprint = 0;
  echo__pointer_map_clear(&names->tables);
  push_weak_map(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushlstring(L, "package\0loaded", 14);
  enter_table(L, LOADED);
  enter_standard_functions(L);
  enter_standard_modules(L);
  each_module(L, enter_value);
  each_module(L, enter_module_fields);
  lua_pushliteral(L, "_G");
  enter_fields(L, GLOBALS, lua_gettop(L));
  each_module(L, enter_module_nested);
  enter_nested(L, GLOBALS, lua_gettop(L));
  publish(L, names);
  return 0;
}

int echo__names_build(lua_State *L, echo__names *names) {
  if (!lua_checkstack(L, 4)) return ECHO_MEMORY;
  int running = lua_gc(L, LUA_GCISRUNNING);
  if (running) lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, build);
  lua_pushlightuserdata(L, names);
  int status = lua_pcall(L, 1, 0, 0);
  if (running) lua_gc(L, LUA_GCRESTART);
  if (status == LUA_OK) return ECHO_OK;
  lua_pop(L, 1);
  return ECHO_MEMORY;
}

static int protected_require(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_getfield(L, -1, "require");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int protected_index(lua_State *L) {
  lua_gettable(L, 1);
  return 1;
}

/* Keeps what require says of the places it looked in, in the words of every other message. */
static int explain_failure(lua_State *L) {
  const char *module = lua_tostring(L, -2);
  const char *error = luaL_tolstring(L, -1, NULL);
  const char *places = strstr(error, " not found:");
  if (places && strncmp(error, "module ", 7) == 0)
    lua_pushfstring(L, "module \"%s\"%s", module, places);
  else
    lua_pushfstring(L, "module \"%s\" cannot be loaded: %s", module, error);
  return ECHO_TRANSFER;
}

/* Pushes the module whose name is on top. */
static int push_module(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_toboolean(L, -1)) return ECHO_OK;
  lua_pop(L, 1);
  lua_pushcfunction(L, protected_require);
  lua_pushvalue(L, -2);
  int error = lua_pcall(L, 1, 1, 0);
  if (error == LUA_ERRMEM) lua_error(L);
  return error == LUA_OK ? ECHO_OK : explain_failure(L);
}

/* Pushes the field, whose name is on top, of the value below it: raw if it is there, or as a
 * module that makes its functions on demand gives it. */
static int push_field(lua_State *L, int module) {
  if (lua_istable(L, -2)) {
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) return ECHO_OK;
    lua_pop(L, 1);
  }
  lua_pushcfunction(L, protected_index);
  lua_pushvalue(L, -3);
  lua_pushvalue(L, -3);
  int error = lua_pcall(L, 2, 1, 0);
  if (error == LUA_ERRMEM) lua_error(L);
  if (error == LUA_OK && !lua_isnil(L, -1)) return ECHO_OK;
  lua_pushfstring(L, "module \"%s\" has no \"%s\" here", lua_tostring(L, module),
                  lua_tostring(L, -2));
  return ECHO_TRANSFER;
}

int echo__names_resolve(lua_State *L, const char *name, size_t size) {
  const char *end = name + size;
  const char *stop = memchr(name, 0, size);
  int base = lua_gettop(L);
  echo__stack_need(L, 16);
  lua_pushlstring(L, name, (size_t)((stop ? stop : end) - name));
  int status = push_module(L);
  for (int fields = 0; stop && fields < 2 && status == ECHO_OK; fields++) {
    name = stop + 1;
    stop = memchr(name, 0, (size_t)(end - name));
    lua_pushlstring(L, name, (size_t)((stop ? stop : end) - name));
    status = push_field(L, base + 1);
  }
  if (status == ECHO_OK && (lua_isnil(L, -1) || lua_isboolean(L, -1))) {
    lua_pushfstring(L, "module \"%s\" gave no value here", lua_tostring(L, base + 1));
    status = ECHO_TRANSFER;
  }
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
  return status;
}
