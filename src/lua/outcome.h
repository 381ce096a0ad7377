/* What came of a job, as Lua values. */
#ifndef ECHO_LUA_OUTCOME_H
#define ECHO_LUA_OUTCOME_H

#include "lua/host.h"
#include "lua/job.h"

/* True if the job still ran when its scheduler's stop ran out of time: nobody will end it. */
bool echo__job_is_lost(const echo__job *job);

/* Pushes the results and returns their count, or pushes an error object and returns -1; for a job
 * that has not ended that is one of kind "lost" or "timeout", and for results that cannot be had in
 * this state one of kind "transfer". */
int echo__outcome_push(lua_State *L, const echo__host *host, const echo__job *job);

/* The same for a C function to return: `true, results...` or `false, error` if it `protects`, else
 * the results or the error raised. */
int echo__outcome_return(lua_State *L, const echo__host *host, const echo__job *job, bool protects);

/* Turns what echo__outcome_push returned, with its values on top, into `true, results...` or
 * `false, error`; returns their count. */
int echo__outcome_protect(lua_State *L, int count);

#endif
