/*
 * One call of a C function of the program's: the view that echo/lua.h describes.
 *
 * The arguments are looked at where they lie on the Lua stack, by functions of Lua that raise
 * nothing. The results are kept in C until the function has returned, and pushed then, in protected
 * mode: so an error for want of memory passes through no frame of the program's and leaks nothing.
 *
 * A call lives on the C stack of the thread that runs the state, which alone uses it.
 */
#ifndef ECHO_LUA_CALL_H
#define ECHO_LUA_CALL_H

#include "lua/native.h"

/* What may be given, for people. */
#define ECHO__CALL_TAKES "nil, booleans, numbers, strings and buffers"

/* True if the value can be given to a call-back. Raises nothing. */
bool echo__call_takes(lua_State *L, int index);

/* Calls the native with the arguments from the second place on, its handle being in the first;
 * pushes the results and returns their number, or raises. */
int echo__call(lua_State *L, const echo__host *host, const echo__native *native);

#endif
