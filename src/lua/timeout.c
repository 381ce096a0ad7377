#include "lua/timeout.h"

#include "lua/await.h"
#include "lua/check.h"
#include "lua/here.h"
#include "lua/scope_call.h"
#include "lua/task.h"

/* (seconds, task) waits for the task, which is cancelled when its time is up; (seconds, fn, ...)
 * calls fn(...) here, as in a scope, which fails when its time is up. */
static int timeout(lua_State *L) {
  echo__host *host = echo__host_of(L);
  luaL_argexpected(L, !lua_isnoneornil(L, 1), 1, "number");
  double seconds = echo__check_seconds(L, 1);
  if (echo__host_is(L, host, 2, ECHO__TYPE_TASK)) {
    echo__job *job = echo__task_check(L, host, 2);
    lua_settop(L, 2);
    return echo__await_within(L, host, job, seconds);
  }
  if (!echo__is_callable(L, 2)) return luaL_typeerror(L, 2, "task or function");
  echo__host_of_task(L, "echo.timeout with a function");
  lua_remove(L, 1);
  return echo__scope_call_within(L, seconds);
}

const luaL_Reg echo__timeout_functions[] = {{"timeout", timeout}, {NULL, NULL}};
