/*
 * What one Lua state knows of Echo: made when the module is opened there, and upvalue 1 of every
 * function of the module. Metatables are compared by address, which costs less than a look-up by
 * name on every call; the registry keeps them alive as long as the state.
 */
#ifndef ECHO_LUA_HOST_H
#define ECHO_LUA_HOST_H

#include <lua.h>
#include <stdbool.h>

#include "lua/codec.h"

typedef enum echo__type {
  ECHO__TYPE_BUILDER,
  ECHO__TYPE_SCHEDULER,
  ECHO__TYPE_TASK,
  ECHO__TYPE_ERROR,
  ECHO__TYPES
} echo__type;

typedef struct echo__host {
  echo__codec *codec;
  const void *metatables[ECHO__TYPES]; /* addresses */
  int references[ECHO__TYPES];         /* registry references to the same */
} echo__host;

/* The calling function's host. */
echo__host *echo__host_of(lua_State *L);

/* True if the value at `index` is of that type. */
bool echo__host_is(lua_State *L, const echo__host *host, int index, echo__type type);

/* The userdata at argument `index`, or an argument error. */
void *echo__host_check(lua_State *L, const echo__host *host, int index, echo__type type);

/* Gives the value on top its metatable. */
void echo__host_bless(lua_State *L, const echo__host *host, echo__type type);

#endif
