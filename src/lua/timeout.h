/* echo.timeout: a time limit for a task, or for a call. */
#ifndef ECHO_LUA_TIMEOUT_H
#define ECHO_LUA_TIMEOUT_H

#include <lauxlib.h>

extern const luaL_Reg echo__timeout_functions[];

#endif
