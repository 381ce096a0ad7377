/* Delivering what lies in a state's mailbox: s:poll, s:fd, and the same for C (echo/lua.h). */
#ifndef ECHO_LUA_DELIVER_H
#define ECHO_LUA_DELIVER_H

#include "lua/host.h"

/*
 * Delivers the letters that lie in the host's mailbox now; those that come meanwhile are for the
 * next time, so it ends. Waits up to `seconds` for the first one (negative: as long as it takes),
 * and begins no further one when they have passed; 0 does not wait, and delivers all. Returns the
 * count. Raises what a hook raises and memory errors. May be called inside of what it calls. The
 * state's thread.
 */
lua_Integer echo__deliver(lua_State *L, echo__host *host, double seconds);

int echo__poll(lua_State *L);
int echo__fd(lua_State *L);

#endif
