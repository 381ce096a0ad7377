/*
 * The part of the module that is written in Lua: src/lua/prelude/NAME.lua, each a chunk that
 * returns a function. They are compiled into the module (cmake/prelude.cmake), and loaded in a
 * state when one is called there for the first time. Their only globals are the functions in
 * prelude.c, so no script can get at them, nor they at a script's.
 *
 * What scripts see is a C function for each, which checks the arguments: it travels by its name,
 * and an error about an argument has the caller's position.
 */
#ifndef ECHO_LUA_PRELUDE_H
#define ECHO_LUA_PRELUDE_H

#include <lauxlib.h>

#include "lua/host.h"

/* Pushes the function of that file. May raise memory errors. */
void echo__prelude_push(lua_State *L, echo__host *host, const char *name);

/* echo.all, echo.any */
extern const luaL_Reg echo__prelude_functions[];

/* -- made from the files by cmake/prelude.cmake ----------------------------------------------- */

typedef struct echo__prelude_file {
  const char *name; /* NULL: the last one */
  const unsigned char *text;
  size_t length;
} echo__prelude_file;

extern const echo__prelude_file echo__prelude_files[];

#endif
