/*
 * What a recording tells of Lua tasks beyond what the core sees: their names, how they end, and who
 * takes their results. A task that was given no name is called by its function, as in its errors.
 *
 * A job keeps what the core says of the moment of its end, for the arrow that leads from there to
 * whoever takes its results. It is written before the job's end can be seen and read after that,
 * as its output. While nothing is recorded all of these cost a look at one word.
 */
#ifndef ECHO_LUA_RECORDING_H
#define ECHO_LUA_RECORDING_H

#include <lua.h>

#include "lua/job.h"

/* For the core (echo_builder_with_task_names): the name of the job, or of one that goes on. */
size_t echo__recording_name(void *runtime, echo_task_function function, void *argument, char *text,
                            size_t size);

/* Inside its coroutine, the job's function being at index 1: names it, if nobody has. */
void echo__recording_names(lua_State *L, echo__job *job);

/* The job's run is about to end it, or to leave one alone that has been cancelled. */
void echo__recording_ends(echo__job *job, bool well);
void echo__recording_skips(echo__job *job);

/* Somebody has the outcome of a job that has ended. `began`: what echo_trace_wait_begins said if a
 * thread was held up, or 0. */
void echo__recording_taken(const echo__job *job, uint64_t began);

/* s:trace(path), s:trace(false) */
int echo__recording_method(lua_State *L, echo_scheduler *scheduler);

#endif
