/* The userdata echo.semaphore. */
#ifndef ECHO_LUA_SEMAPHORE_METHODS_H
#define ECHO_LUA_SEMAPHORE_METHODS_H

#include <lauxlib.h>

#include "lua/semaphore.h"

/* echo.semaphore(permits) */
int echo__semaphore_make(lua_State *L);

extern const luaL_Reg echo__semaphore_methods[];
extern const luaL_Reg echo__semaphore_metamethods[];

#endif
