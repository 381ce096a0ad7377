/*
 * Handles that are made in a finalizer.
 *
 * A state that closes finalizes what there is, and what a finalizer makes then is never finalized:
 * a handle would keep what it stands for for ever. So a handle that is made while a finalizer runs
 * is noted, and the host, whose turn comes after them, finalizes those that are left. Before
 * Lua 5.4.4 nobody can tell that a finalizer runs; there they do stay.
 *
 * The notes are a weak table in the registry: in a state that goes on the collector takes what is
 * no longer used from it. The state's thread.
 */
#ifndef ECHO_LUA_LATE_H
#define ECHO_LUA_LATE_H

#include <lua.h>

/* Notes the new userdata on top, if a finalizer runs. May raise memory errors. */
void echo__late_note(lua_State *L);

/* Finalizes what was noted and is left. Raises nothing. */
void echo__late_close(lua_State *L);

#endif
