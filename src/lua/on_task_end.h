/* scheduler:on_task_end(fn): a call-back that poll calls with the tasks that have ended. */
#ifndef ECHO_LUA_ON_TASK_END_H
#define ECHO_LUA_ON_TASK_END_H

#include "lua/host.h"
#include "lua/runtime.h"

/* (scheduler, function) on the stack. Returns 1 with a function on top that takes it back. Raises
 * where there is no mailbox, and for want of memory. The state's thread. */
int echo__on_task_end(lua_State *L, echo__host *host, echo__client *client);

#endif
