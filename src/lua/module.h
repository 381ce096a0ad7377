/* The module in one state. */
#ifndef ECHO_LUA_MODULE_H
#define ECHO_LUA_MODULE_H

#include "lua/host.h"

/* The state's host, made with all its types at the first call, whether or not the state has
 * required the module; the state keeps it to its end. The thread that runs the state. Raises Lua
 * memory errors, after which a further call goes on where this one stopped. */
echo__host *echo__module_host(lua_State *L);

/* What luaopen_echo does once Lua's functions are known, see api.h. */
int echo__module_open(lua_State *L);

#endif
