/*
 * Library tables and C functions travel by name.
 *
 * A name is a module and up to two fields, with a zero byte between them: "string", "_G\0print",
 * "socket\0url\0escape". It says where a value is found below package.loaded: a module's own value,
 * a C function among its fields, or one table further down.
 *
 * The sender has a reverse map, value -> name, built when it is first wanted and again when
 * package.loaded has changed. Of several names the standard one wins, then a module's over a
 * global's. The receiver has no map of its own: package.loaded is one, and unlike a copy of it it
 * is never out of date.
 *
 * One state's; used by whichever thread runs that state.
 */
#ifndef ECHO_LUA_NAMES_H
#define ECHO_LUA_NAMES_H

#include "lua/pointer_map.h"

#include <lua.h>
#include <stddef.h>

typedef struct echo__names {
  echo__pointer_map tables; /* the addresses of named tables, to rule out the others quickly */
  uint64_t fingerprint;     /* of package.loaded when the map was built; 0: never */
  int map;                  /* registry reference: value -> name, keys weak; LUA_NOREF at first */
} echo__names;

/* Makes an empty map. Never fails. */
void echo__names_open(echo__names *names);

/* Frees the C memory; idempotent. The Lua table goes with the state. */
void echo__names_close(echo__names *names);

/* Whether package.loaded has other entries than when the map was built. Costs a walk over its
 * entries; creates no Lua object. */
int echo__names_stale(lua_State *L, const echo__names *names);

/* Builds the map anew. No finalizer runs meanwhile. Returns ECHO_OK or ECHO_MEMORY. */
int echo__names_build(lua_State *L, echo__names *names);

/* Pushes the name of the value at `index` and returns 1, or returns 0. Creates no Lua object. */
int echo__names_find(lua_State *L, const echo__names *names, int index);

/* Whether the table at this address may have a name. */
static inline int echo__names_may_have(const echo__names *names, const void *table) {
  return echo__pointer_map_find(&names->tables, table) != ECHO__POINTER_ABSENT;
}

/* Pushes what this state has under the name and returns ECHO_OK; a module that is not loaded is
 * required. Otherwise pushes a sentence and returns ECHO_TRANSFER. Runs Lua code of the module; Lua
 * memory errors may be raised. */
int echo__names_resolve(lua_State *L, const char *name, size_t size);

#endif
