/* task:on_complete(fn): a call-back that poll calls when the task has ended. */
#ifndef ECHO_LUA_ON_COMPLETE_H
#define ECHO_LUA_ON_COMPLETE_H

#include "lua/host.h"
#include "lua/job.h"

/* (task, function) on the stack: the function will be called with the task, exactly once, after it
 * has ended, or has to be given up for lost. Returns 1 with the task on top. Raises where there is
 * no mailbox, and for want of memory. The state's thread. */
int echo__on_complete(lua_State *L, echo__host *host, echo__client *client, echo__job *job);

#endif
