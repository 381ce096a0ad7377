/*
 * Tasks that yield by themselves, as code for luv does:
 *
 *   local co = coroutine.running()
 *   timer:start(50, 0, function() coroutine.resume(co) end)
 *   coroutine.yield()
 *
 * In a state with a loop (luv.h) a coroutine.yield of the task itself, not of a coroutine of its
 * own, is an operation that waits until somebody resumes the task's coroutine. That runs the task
 * there and then, inside of coroutine.resume, to its end or to where it waits next. Without a loop
 * nobody could, and the yield fails (run.c).
 *
 * A coroutine that its task has got hold of is not used for another task (fiber.h): a resume that
 * comes late must not meet that one.
 */
#ifndef ECHO_LUA_TASK_YIELD_H
#define ECHO_LUA_TASK_YIELD_H

#include "lua/fiber.h"

/* coroutine.yield and coroutine.running; upvalue 1 is the worker state. */
int echo__task_yield(lua_State *L);
int echo__task_running(lua_State *L);

/* coroutine.resume(co, ...) of a fiber's coroutine, all of it on the stack. */
int echo__task_resume_coroutine(lua_State *L, echo__fiber *fiber);

#endif
