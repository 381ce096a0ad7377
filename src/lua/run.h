/*
 * Running jobs in a worker's state, on the worker's thread.
 *
 * A task runs in a coroutine that is kept and used again. Everything that can raise an error
 * (decoding the arguments, the task, encoding its results) happens inside the coroutine, so one
 * lua_resume catches all of it, and the coroutine's stack still stands when the error is reported.
 */
#ifndef ECHO_LUA_RUN_H
#define ECHO_LUA_RUN_H

#include "lua/job.h"
#include "lua/map.h"

/* The core task's function; the argument is the job. */
void echo__run_job(void *job);

/* Calls a map's function on the items of one chunk. */
void echo__run_chunk(echo__job *job, echo__chunk *chunk);

#endif
