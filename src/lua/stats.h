/* s:stats(): what the core, the workers' states and the jobs count, as one table. */
#ifndef ECHO_LUA_STATS_H
#define ECHO_LUA_STATS_H

#include <lua.h>

#include "lua/runtime.h"

/* Pushes the table. The thread of a state that has a client of the runtime. */
void echo__stats_push(lua_State *L, echo__runtime *runtime);

#endif
