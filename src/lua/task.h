/* The userdata echo.task: wait, pwait, cancel, status. */
#ifndef ECHO_LUA_TASK_H
#define ECHO_LUA_TASK_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/job.h"

/* Pushes a task with a new job of the client's, which it owns. Raises for want of memory. */
echo__job *echo__task_push(lua_State *L, const echo__host *host, echo__client *client);

extern const luaL_Reg echo__task_methods[];

int echo__task_gc(lua_State *L);

#endif
