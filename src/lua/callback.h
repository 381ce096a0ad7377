/*
 * echo.await(argc, fn, ...): waiting for a function that takes a call-back.
 *
 * What the call-back was called with is kept in a userdata, which the call-back and the wait share:
 * whichever is gone first harms nobody. All of it happens on the thread of one state.
 */
#ifndef ECHO_LUA_CALLBACK_H
#define ECHO_LUA_CALLBACK_H

#include "lua/host.h"

/* The whole call, with argc for its first argument; to be returned by the calling C function. */
int echo__await_callback(lua_State *L, echo__host *host);

#endif
