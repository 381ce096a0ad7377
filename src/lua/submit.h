/* Submitting: from the host's scheduler and from inside of tasks. */
#ifndef ECHO_LUA_SUBMIT_H
#define ECHO_LUA_SUBMIT_H

#include "lua/host.h"
#include "lua/runtime.h"
#include "lua/scope.h"

/* ([options,] function, ...) from argument `first` on: pushes the task and returns 1. The task is
 * one of `scope`, if that is not NULL and the options do not say otherwise. Raises if something is
 * wrong with an argument or the scheduler refuses; nothing is left behind then. */
int echo__submit(lua_State *L, const echo__host *host, echo__client *client, echo__scope *scope,
                 int first);

/* The same for ([options,] function, list). */
int echo__submit_map(lua_State *L, const echo__host *host, echo__client *client, echo__scope *scope,
                     int first);

#endif
