/* The userdata echo.scheduler: submit, map, stop, stats. */
#ifndef ECHO_LUA_SCHEDULER_H
#define ECHO_LUA_SCHEDULER_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/runtime.h"

/* Pushes a scheduler whose client has no runtime yet. */
echo__client *echo__scheduler_push(lua_State *L, const echo__host *host);

extern const luaL_Reg echo__scheduler_methods[];

/* __gc: gives the scheduler up; what still runs has a moment, then the host goes on. */
int echo__scheduler_gc(lua_State *L);

/* __close: stops with drain. */
int echo__scheduler_close(lua_State *L);

#endif
