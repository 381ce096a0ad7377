/*
 * Error objects on their way through several tasks: what a task raises after it got it from another
 * one. It leaves as what it was, with the tracebacks of all the tasks that it came through, and
 * with the errors that are attached to it (`others`).
 */
#ifndef ECHO_LUA_RELAY_H
#define ECHO_LUA_RELAY_H

#include "lua/job.h"

/* The kind of the error object at `index`; ECHO__KIND_ERROR if a script has put something else
 * there. */
echo__kind echo__relay_kind(lua_State *L, int index);

/* Pushes message, traceback, task, value and others of the error object at `index`. The two strings
 * on top of the stack, the traceback and the name of the task that raises it now, are popped;
 * whether that task was told to end tells an error of its own from one of another task of its name.
 * May raise memory errors. */
void echo__relay_push(lua_State *L, int index, bool told_to_end);

#endif
