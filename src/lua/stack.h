/*
 * Room on the Lua stack, where it is Echo that needs it.
 *
 * luaL_checkstack() says "stack overflow" whatever the reason is; but what a script hands over, and
 * the little that a C function needs, never comes near the limit of a million slots. So here the
 * reason is the memory, and it is told in Lua's own words: run.c makes kind "memory" of them. The
 * thread that runs the state.
 */
#ifndef ECHO_LUA_STACK_H
#define ECHO_LUA_STACK_H

#include "lua/check.h"

#include <lua.h>

/* Makes room for so many more values, or raises "not enough memory". */
static inline void echo__stack_need(lua_State *L, int slots) {
  if (!lua_checkstack(L, slots)) echo__fail_for_memory(L);
}

/* The same for a number that a message or a script chooses; returns 0 if it is more than a stack
 * could ever take. */
static inline int echo__stack_fits(lua_State *L, uint64_t count, int besides) {
  if (lua_checkstack(L, count < LUAI_MAXSTACK ? (int)count + besides : LUAI_MAXSTACK)) return 1;
  if (count < LUAI_MAXSTACK / 2) echo__fail_for_memory(L);
  return 0;
}

#endif
