/*
 * C functions of the program's as values of scripts: what echo_lua_push_callback pushes.
 *
 * A native is a shared object that never changes, so any thread may use it; its handles are called
 * like functions. A task whose function is one is a Lua task as any other: its worker's state calls
 * the handle, which makes the view (call.h) and calls the C function.
 */
#ifndef ECHO_LUA_NATIVE_H
#define ECHO_LUA_NATIVE_H

#include <echo/lua.h>
#include <lauxlib.h>

#include "lua/shared.h"

typedef struct echo__native {
  echo__shared shared;
  echo_lua_callback function;
  void *data;
  char name[];
} echo__native;

extern const echo__shared_type echo__native_type;

extern const luaL_Reg echo__native_metamethods[];

/* The native that the value at `index` is a handle of, or NULL. Raises nothing. */
const echo__native *echo__native_at(lua_State *L, int index);

/* For a submit: the arguments from `first` to `last` must be such as the native can be given;
 * otherwise raises, kind "transfer". The thread that runs L. */
void echo__native_check_arguments(lua_State *L, const echo__host *host, const echo__native *native,
                                  int first, int last);

#endif
