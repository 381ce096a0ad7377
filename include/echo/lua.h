/*
 * echo/lua.h - Echo in a Lua 5.4 state.
 */
#ifndef ECHO_LUA_H
#define ECHO_LUA_H

#include <echo/status.h>
#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the module and leaves its table on the stack: the lua_CFunction for require, and for hosts
 * that link Echo (luaL_requiref(L, "echo", luaopen_echo, 0)). The thread that runs L. Raises a Lua
 * error if L is of another version of Lua than the module was built for. */
ECHO_API int luaopen_echo(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
