/*
 * A worker's lua_State: making it, making it anew, closing it. All on the worker's own thread.
 */
#ifndef ECHO_LUA_STATE_H
#define ECHO_LUA_STATE_H

#include "lua/runtime.h"

/* The core scheduler's worker hooks; the data is the runtime. */
void echo__state_open(void *runtime, unsigned worker);
void echo__state_close(void *runtime, unsigned worker);

/* The state of the worker whose thread this is. */
echo__worker_state *echo__state_here(echo__runtime *runtime);

/* Makes a state anew whose making failed: this time has the same luck or better. If it is false the
 * state's error is on top of its stack, or there is no state (L is NULL), or no codec. */
bool echo__state_ensure_ready(echo__runtime *runtime, echo__worker_state *state);

#endif
