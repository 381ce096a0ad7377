/*
 * Tracebacks as users see them: without the frames of the part of this module that is written in
 * Lua (see prelude.h), which are nobody's own lines. What is left ends with the C function that
 * they called, as anywhere else.
 */
#ifndef ECHO_LUA_TRACEBACK_H
#define ECHO_LUA_TRACEBACK_H

#include <lua.h>

/* The name of the prelude's chunks. */
#define ECHO__PRELUDE_CHUNK "[Echo]"

/* Pushes onto L the traceback of `of` (which may be L itself) from that level on, as luaL_traceback
 * does. May raise memory errors. The thread of the state. */
void echo__traceback_push(lua_State *L, lua_State *of, int level);

#endif
