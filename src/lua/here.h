/* What a task says of itself and does with its turn: current, sleep, checkpoint, submit. */
#ifndef ECHO_LUA_HERE_H
#define ECHO_LUA_HERE_H

#include <lauxlib.h>

#include "lua/host.h"

/* The host of a function that is for tasks only, or an error. */
echo__host *echo__host_of_task(lua_State *L, const char *name);

extern const luaL_Reg echo__here_functions[];

#endif
