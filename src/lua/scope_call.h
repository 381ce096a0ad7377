/*
 * echo.scope(fn), and calls that wait for the tasks of a scope: see scope.h.
 *
 * The wait at the end of a scope is shielded: a task that was cancelled waits like any other, and
 * the scope's tasks are cancelled then.
 */
#ifndef ECHO_LUA_SCOPE_CALL_H
#define ECHO_LUA_SCOPE_CALL_H

#include <lauxlib.h>

#include "lua/scope.h"

/* (fn, ...): calls fn(...) in a scope with a time limit, and waits; to be returned by the calling C
 * function. */
int echo__scope_call_within(lua_State *L, double seconds);

/* (host): for the coroutine of a task that has ended, waits for what its scopes have left. */
int echo__scope_finish_task(lua_State *L);

/* coroutine.close for worker states, whose upvalues are the host and Lua's own coroutine.close:
 * before it closes, it waits for the scopes that were opened in the coroutine. */
int echo__scope_close_coroutine(lua_State *L);

extern const luaL_Reg echo__scope_functions[];
extern const luaL_Reg echo__scope_methods[];

/* Metamethods of the handle. */
int echo__scope_gc(lua_State *L);
int echo__scope_close(lua_State *L);

#endif
