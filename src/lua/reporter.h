/*
 * The message handler under which tasks are called: it makes the report of what a task fails with
 * (failure.h) while the stack still stands, inside the coroutine.
 *
 * So the error need not leave the coroutine. Lua closes the task's variables in there, where they
 * can wait and be interrupted as the task itself could; an error of a hook's that leaves a
 * coroutine takes its hooks away for ever.
 *
 * The first error is the one to report; what goes wrong while variables are closed comes second.
 * The handler is not called where there is no memory or no stack left to call it; then the report
 * is made afterwards, without a traceback.
 */
#ifndef ECHO_LUA_REPORTER_H
#define ECHO_LUA_REPORTER_H

#include "lua/fiber.h"

/* Pushes the handler. Needs a free place on the stack, and no memory. */
void echo__reporter_push(lua_State *L);

/* Lets the handlers of this state know its `load`, which catches errors in a way of its own: to be
 * called while the global is untouched. */
void echo__reporter_open(lua_State *L, echo__worker_state *state);

/* Reports the value on top of the fiber's coroutine, which is popped, if nothing has been reported;
 * `level` is where the traceback begins, `status` what Lua said of the error. */
void echo__reporter_report(echo__fiber *fiber, int status, int level);

#endif
