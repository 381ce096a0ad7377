/* The userdata echo.task. */
#ifndef ECHO_LUA_TASK_H
#define ECHO_LUA_TASK_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/job.h"

/* Pushes a task with a new job of the client's, which it owns. Raises for want of memory. */
echo__job *echo__task_push(lua_State *L, const echo__host *host, echo__client *client);

/* Makes the task userdata at `index` stand for another job, whose reference it takes over. */
void echo__task_replace(lua_State *L, int index, echo__client *client, echo__job *job);

/* The job of the task at argument `index`, or an argument error. */
echo__job *echo__task_check(lua_State *L, const echo__host *host, int index);

extern const luaL_Reg echo__task_methods[];

int echo__task_gc(lua_State *L);

#endif
