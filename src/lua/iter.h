/* echo.iter: tasks in the order in which they end. */
#ifndef ECHO_LUA_ITER_H
#define ECHO_LUA_ITER_H

#include <lauxlib.h>

#include "lua/host.h"

extern const luaL_Reg echo__iter_functions[];

/* Argument `index` must be a list of tasks. */
void echo__iter_check(lua_State *L, const echo__host *host, int index);

/* (tasks): as echo.iter, but its iterator begins with the place in the list instead of the task.
 * For the prelude. */
int echo__iter_numbered(lua_State *L);

/* The __gc and __close of an echo.group. */
int echo__iter_gc(lua_State *L);

#endif
