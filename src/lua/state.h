/*
 * A worker's lua_State: making it, running jobs in it, closing it. All on the worker's own thread.
 *
 * A task runs in a coroutine that is kept and used again. Everything that can raise an error
 * (decoding the arguments, the task, encoding its results) happens inside the coroutine, so one
 * lua_resume catches all of it, and the coroutine's stack still stands when the error is reported.
 */
#ifndef ECHO_LUA_STATE_H
#define ECHO_LUA_STATE_H

#include "lua/job.h"
#include "lua/map.h"

/* The core scheduler's worker hooks; the data is the runtime. */
void echo__state_open(void *runtime, unsigned worker);
void echo__state_close(void *runtime, unsigned worker);

/* The state of the worker whose thread this is. */
echo__worker_state *echo__worker_state_here(echo__runtime *runtime);

/* The core task's function; the argument is the job. */
void echo__state_run(void *job);

/* Calls a map's function on the items of one chunk. */
void echo__state_run_chunk(echo__worker_state *state, echo__job *job, echo__chunk *chunk);

#endif
