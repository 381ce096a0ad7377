/* The userdata echo.channel. */
#ifndef ECHO_LUA_CHANNEL_METHODS_H
#define ECHO_LUA_CHANNEL_METHODS_H

#include <lauxlib.h>

#include "lua/channel.h"

/* echo.channel([capacity]) */
int echo__channel_make(lua_State *L);

extern const luaL_Reg echo__channel_methods[];
extern const luaL_Reg echo__channel_metamethods[];

#endif
