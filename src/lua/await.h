/* echo.await, echo.pawait: waiting for a task, see operation.h for where; and for a call-back, see
 * callback.h. */
#ifndef ECHO_LUA_AWAIT_H
#define ECHO_LUA_AWAIT_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/job.h"

extern const luaL_Reg echo__await_functions[];

/* Waits for a job, whose userdata is on the stack; to be returned by the calling C function, as
 * echo__outcome_return. */
int echo__await_job(lua_State *L, echo__host *host, echo__job *job, double seconds, bool protects);

/* The same, raising, but when the time runs out the job is cancelled, with kind "timeout". */
int echo__await_within(lua_State *L, echo__host *host, echo__job *job, double seconds);

#endif
