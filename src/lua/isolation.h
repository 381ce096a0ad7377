/*
 * An _ENV for each task (with_isolation).
 *
 * An isolated task's functions have a table of the task's own for their _ENV: what it assigns to
 * globals goes there and ends with it, and what it does not find there comes from the worker's
 * globals. All that the codec decodes while the task runs has that environment too; where the task
 * sends functions on, its environment stands for the globals.
 *
 * `environment` of the fiber is a registry reference to the table, and `environment` of the codec
 * is that of the fiber that runs, or LUA_NOREF where the globals stand for themselves. The thread
 * of the worker.
 */
#ifndef ECHO_LUA_ISOLATION_H
#define ECHO_LUA_ISOLATION_H

#include "lua/fiber.h"

/* At the beginning of a task, in its coroutine, if the scheduler isolates them; it leaves nothing
 * on the stack. The chunks of one map share an environment on each worker, as they share the
 * function. Raises Lua memory errors. */
void echo__isolation_begin(lua_State *L, echo__fiber *fiber);

/* When the task is over. */
void echo__isolation_end(echo__fiber *fiber);

/* Around each stretch that the fiber runs: before it with the fiber, after it with the one that
 * goes on, or NULL. */
static inline void echo__isolation_enter(echo__worker_state *state, const echo__fiber *fiber) {
  state->codec->environment = fiber != NULL ? fiber->environment : LUA_NOREF;
}

#endif
