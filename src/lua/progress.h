/*
 * What a task tells of its progress: the last values it gave to echo.progress, as a message that is
 * shared by those who read it and replaced by the next one. The job's pointer to it is guarded by
 * the job's stripe.
 */
#ifndef ECHO_LUA_PROGRESS_H
#define ECHO_LUA_PROGRESS_H

#include <lauxlib.h>

#include "lua/host.h"
#include "lua/job.h"

/* Pushes the last values and returns how many, none if there are none yet. Raises if they cannot be
 * decoded here. */
int echo__progress_push(lua_State *L, const echo__host *host, echo__job *job);

/* Drops the message of a job that goes. */
void echo__progress_release(echo__extra *extra);

/* echo.progress */
extern const luaL_Reg echo__progress_functions[];

#endif
