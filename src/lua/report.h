/*
 * Errors that have nobody to go to: of call-backs, and of coroutines that poll resumed. They are
 * handed to the state's handler (s:on_error), or written to stderr, and stop nobody. The state's
 * thread.
 */
#ifndef ECHO_LUA_REPORT_H
#define ECHO_LUA_REPORT_H

#include "lua/host.h"

/* Calls the function below its `arguments` on top of the stack; pops all of it. An error is
 * reported, as one in `what` ("an on_complete callback"). */
void echo__call_reported(lua_State *L, echo__host *host, int arguments, const char *what);

/* Reports and pops an error value and its traceback, a string, on top of the stack. Raises nothing.
 */
void echo__report(lua_State *L, echo__host *host, const char *what);

/* s:on_error(fn or nil) */
int echo__on_error(lua_State *L);

#endif
