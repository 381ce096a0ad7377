/* The userdata echo.builder: collects what a scheduler is to be, checking every argument at once.
 */
#ifndef ECHO_LUA_BUILDER_H
#define ECHO_LUA_BUILDER_H

#include <lauxlib.h>

/* echo.builder() */
int echo__builder_new(lua_State *L);

extern const luaL_Reg echo__builder_methods[];

/* __gc */
int echo__builder_gc(lua_State *L);

#endif
