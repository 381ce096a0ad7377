/*
 * A worker's lua_State: making it, making it anew, closing it. All on the worker's own thread.
 *
 * It is made for the worker's first task, so that a worker that never gets one costs its thread
 * alone; but when the worker starts if a setup, or the program's own call-backs, have a part in it.
 */
#ifndef ECHO_LUA_STATE_H
#define ECHO_LUA_STATE_H

#include "lua/runtime.h"

/* The core scheduler's worker hooks; the data is the runtime. */
void echo__state_open(void *runtime, unsigned worker);
void echo__state_close(void *runtime, unsigned worker);

/* The state of the worker whose thread this is. */
echo__worker_state *echo__state_here(echo__runtime *runtime);

/* After a task that ran out of memory: collects what it left. If that is not enough (it may be in
 * globals) the state is made anew before its next task, or as soon as no other task has a fiber in
 * it. */
void echo__state_recover(echo__runtime *runtime, echo__worker_state *state);

/* The state that any lua_State of a worker belongs to. */
echo__worker_state *echo__state_of(lua_State *L);

/* Makes a state that is not there yet, or anew one that is worn, or whose making failed: this time
 * has the same luck or better. If it is false the state's error is on top of its stack, or there is
 * no state (L is NULL), or no codec. */
bool echo__state_ensure_ready(echo__runtime *runtime, echo__worker_state *state);

#endif
