/*
 * Functions of the module that are Lua modules of their own: echo.NAME calls what require
 * "echo.NAME" returns. It is loaded at the first call, so programs that do not call it have nothing
 * of it.
 */
#ifndef ECHO_LUA_LAZY_H
#define ECHO_LUA_LAZY_H

#include <lauxlib.h>

/* echo.timeline */
extern const luaL_Reg echo__lazy_functions[];

#endif
