/* What C programs do with schedulers that scripts have built, or are to use: see echo/lua.h. */
#include <echo/lua.h>

#include "lua/module.h"
#include "lua/runtime.h"
#include "lua/shared.h"
#include "lua/state.h"

int echo_lua_push_scheduler(lua_State *L, echo_scheduler *scheduler) {
  echo__runtime *runtime = echo_scheduler_worker_data(scheduler, echo__state_open);
  if (runtime == NULL) return ECHO_INVALID;
  echo__shared_push(L, echo__module_host(L), &runtime->shared);
  return ECHO_OK;
}

echo_scheduler *echo_lua_to_scheduler(lua_State *L, int index) {
  const echo__shared_type *type;
  const echo__handle *handle = echo__handle_at(L, index, &type);
  if (handle == NULL || type != &echo__runtime_type || handle->shared == NULL) return NULL;
  return ((echo__runtime *)(void *)handle->shared)->scheduler;
}
