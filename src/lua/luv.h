/*
 * luv in a worker's state, on the worker's own loop.
 *
 * luv is never linked. A searcher, before Lua's own for C libraries, finds "luv" (or "uv") in
 * package.cpath, loads it for itself alone, and binds it to the loop before it is opened. A luv
 * that brings a libuv of its own cannot have the loop: that other code would take it for one of
 * its own and abort. So the two addresses of uv_run are compared first.
 *
 * Call-backs come on the state's main thread, between tasks: no task runs then, and nothing that
 * waits can be called. They may resume coroutines, also that of a task which has yielded
 * (task_yield.h). An error in one is reported as any that has nobody to go to (report.h).
 *
 * When the state is closed the loop is cleared first, since luv frees the memory of handles in
 * finalizers, and once more after that; call-backs are dropped meanwhile. The library stays loaded:
 * the loop may have call-backs of its.
 */
#ifndef ECHO_LUA_LUV_H
#define ECHO_LUA_LUV_H

#include "lua/runtime.h"

/* Puts the searcher into package.searchers. May raise memory errors. */
void echo__luv_install(lua_State *L, echo__worker_state *state);

/* Before and after the state's lua_close. */
void echo__luv_close(echo__worker_state *state);
void echo__luv_closed(echo__worker_state *state);

#endif
