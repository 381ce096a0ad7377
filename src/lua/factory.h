/*
 * Functions with upvalues, made from code that was loaded once.
 *
 * Each transfer needs a closure of its own: one that was given out before may live on, and so may
 * its upvalues in a closure inside it. Lua's interface makes a new closure only by loading the code
 * again, which costs as much as the code is long. A running function makes one by an instruction.
 * So the code is put into a function around it,
 *
 *   local a, b, c  return function() return a, b, c end          with the code as inner function
 *
 * which is loaded once and then called for each transfer. Lua itself compiles that outer function,
 * with as many variables as the code has upvalues; the dump of the code then takes the place of the
 * inner function's in the dump of the outer. Only the list of upvalues is changed, which says where
 * a closure's cells come from. Code whose dump is not as expected is loaded as ever.
 *
 * Rejected: to give one closure again and again, with fresh cells joined to it. A task that has
 * kept it, by debug.getinfo or because it was an argument, would see the upvalues of the next.
 */
#ifndef ECHO_LUA_FACTORY_H
#define ECHO_LUA_FACTORY_H

#include "lua/code.h"

#include <lua.h>

/* Pushes a function that returns, at each call, a new function of this code with fresh upvalues
 * that are nil; or nil if there can be none. Lua memory errors are raised. The thread that runs the
 * state. */
void echo__factory_push(lua_State *L, const echo__code *code);

#endif
