/*
 * Coroutines in a worker's state: how a task waits inside of coroutines of its own, and how the
 * worker knows which one runs.
 *
 * A task that waits yields. In a coroutine that the task itself resumed, that yield would end up in
 * the task's own coroutine.resume, which has nothing to do with it. So worker states carry a
 * `coroutine` library of their own: its resume and wrap see that a yield is on its way to the
 * scheduler (`passing`), and yield in turn. When the task goes on, the outermost coroutine is
 * resumed and resumes the next inner one, down to where the wait began. A yield that interrupts a
 * running task takes the same way.
 *
 * A level is one coroutine that runs or has resumed another one; they form a chain from the
 * innermost outward, each on the C stack of the call that resumes. `open` says that a yield can
 * pass all the way out: a level is closed if C code that cannot be left by a yield lies below it.
 */
#ifndef ECHO_LUA_COROUTINE_H
#define ECHO_LUA_COROUTINE_H

#include "lua/runtime.h"

typedef struct echo__level {
  struct echo__level *outer;
  lua_State *coroutine;
  bool open;
} echo__level;

/* Resumes the coroutine as the innermost level; as lua_resume. `passing` of the state then tells
 * whether LUA_YIELD is on its way to the scheduler. The worker's thread. */
int echo__level_resume(echo__worker_state *state, lua_State *coroutine, lua_State *from, bool open,
                       int arguments, int *results);

/* Around protected calls that C code makes in the coroutine by itself: what they run can be
 * interrupted, but cannot wait. The caller keeps the level. */
void echo__level_enter(echo__worker_state *state, echo__level *level, lua_State *coroutine);
void echo__level_leave(echo__worker_state *state, const echo__level *level);

/* Ends a coroutine that failed or is left, closing its variables, as a level of its own: what they
 * run can be interrupted, too. As lua_resetthread. */
int echo__level_close(echo__worker_state *state, lua_State *coroutine);

/* True if the C stack has no room for another one that is closed inside of those that are here. */
bool echo__level_too_deep(const echo__worker_state *state);

/* True if a yield from here reaches the scheduler. */
bool echo__can_suspend(const echo__worker_state *state, lua_State *L);

/* Yields to the scheduler; to be returned by the calling C function, which is continued by
 * `next`. Requires echo__can_suspend. */
int echo__pass_out(echo__worker_state *state, lua_State *L, lua_KContext context,
                   lua_KFunction next);

/* Replaces resume, wrap, close, yield and running in the state's `coroutine` library. The state has
 * its host. May raise memory errors. */
void echo__coroutine_install(lua_State *L, echo__worker_state *state);

#endif
