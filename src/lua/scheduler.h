/* The userdata echo.scheduler: submit, map, stop, stats; and what deliver.h, attach.h and report.h
 * add. */
#ifndef ECHO_LUA_SCHEDULER_H
#define ECHO_LUA_SCHEDULER_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/runtime.h"

/* Pushes a scheduler with a client that has no runtime yet; then makes the one on top the owner of
 * a new runtime, to which its client takes a reference. */
echo__client *echo__scheduler_new(lua_State *L, echo__host *host);
void echo__scheduler_built(lua_State *L, echo__runtime *runtime);

extern const luaL_Reg echo__scheduler_methods[];

/* __gc: gives the scheduler up; what still runs has a moment, then the host goes on. */
int echo__scheduler_gc(lua_State *L);

/* __close: stops with drain. */
int echo__scheduler_close(lua_State *L);

#endif
