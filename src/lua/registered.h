/*
 * Metatables that travel by name: what echo.register was given in this state.
 *
 * An object whose metatable is registered arrives with the metatable of that name over there, and a
 * registered table itself arrives as the one of that name. The name means nothing beyond that: both
 * states have to register it. A name stands for the table it was given first; only Echo's own names
 * are given anew, when the module is opened anew, and objects of the old table then still leave
 * under the name.
 *
 * One state's; used by whichever thread runs that state.
 */
#ifndef ECHO_LUA_REGISTERED_H
#define ECHO_LUA_REGISTERED_H

#include "lua/pointer_map.h"

#include <lua.h>

/* Names that begin so are Echo's own. */
#define ECHO__OWN_NAMES "echo."

typedef struct echo__registered {
  echo__pointer_map metatables; /* their addresses, to rule out other tables quickly */
  int tables;                   /* registry reference: name -> metatable and metatable -> name */
} echo__registered;

/* Makes an empty set and its Lua table. Lua memory errors are raised. */
void echo__registered_open(lua_State *L, echo__registered *registered);

/* Frees the C memory; idempotent. The Lua table goes with the state. */
void echo__registered_close(echo__registered *registered);

/* Registers the table on top, which it pops. Lua memory errors are raised. */
void echo__registered_add(lua_State *L, echo__registered *registered, const char *name);

/* echo.register(name, metatable), whose upvalue 1 is the host. */
int echo__register(lua_State *L);

/* Pushes the name of the table at `index` and returns 1, or returns 0. Creates no Lua object. */
int echo__registered_name(lua_State *L, const echo__registered *registered, int index);

/* Takes the name on top off and pushes what is registered under it and ECHO_OK, or a sentence and
 * ECHO_TRANSFER. One of Echo's own names loads the module first. Lua memory errors are raised. */
int echo__registered_resolve(lua_State *L, const echo__registered *registered);

/* Whether the table at this address is registered. */
static inline int echo__registered_has(const echo__registered *registered, const void *table) {
  return echo__pointer_map_find(&registered->metatables, table) != ECHO__POINTER_ABSENT;
}

#endif
