/*
 * Delivering on an event loop: a handle of luv's watches the mailbox's descriptor and polls when it
 * becomes readable.
 *
 * The handle holds the loop (keeps uv.run from returning) while something is expected, a call-back
 * or a coroutine that awaits, and only then. Whoever enters a letter says so
 * (echo__attach_refresh), and every delivery looks again when it ends. A letter that is withdrawn
 * outside of a delivery makes the descriptor readable if it was the last, for the same end.
 *
 * The state's thread.
 */
#ifndef ECHO_LUA_ATTACH_H
#define ECHO_LUA_ATTACH_H

#include "lua/host.h"

/* s:attach(uv), s:attach(nil) */
int echo__attach(lua_State *L);

/* Holds the loop, or lets it go, as it stands now. Raises nothing. */
void echo__attach_refresh(lua_State *L, echo__host *host);

#endif
