/* Values as text, whatever they are. */
#ifndef ECHO_LUA_TEXT_H
#define ECHO_LUA_TEXT_H

#include <lua.h>

/* Pushes the text of the value at `index`, as tostring() would give it; if its __tostring fails, a
 * text that says so. Runs Lua code; Lua memory errors may be raised. The thread that runs the
 * state. */
void echo__text_push(lua_State *L, int index);

#endif
