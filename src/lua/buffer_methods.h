/* The userdata echo.buffer. */
#ifndef ECHO_LUA_BUFFER_METHODS_H
#define ECHO_LUA_BUFFER_METHODS_H

#include <lauxlib.h>

/* echo.buffer(text), echo.buffer { file = path } */
int echo__buffer_make(lua_State *L);

extern const luaL_Reg echo__buffer_methods[];
extern const luaL_Reg echo__buffer_metamethods[];

#endif
