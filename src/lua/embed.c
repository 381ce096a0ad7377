/* What C programs do with schedulers, their own and those of scripts: see echo/lua.h. */
#include <echo/lua.h>

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "lua/module.h"
#include "lua/runtime.h"
#include "lua/shared.h"
#include "lua/state.h"

static int copy_text(char **place, const char *text) {
  if (text == NULL) return ECHO_OK;
  size_t bytes = strlen(text) + 1;
  *place = malloc(bytes);
  if (*place == NULL) return ECHO_MEMORY;
  memcpy(*place, text, bytes);
  return ECHO_OK;
}

static int write_recipe(echo__recipe *recipe, const echo_lua_config *config) {
  if (config->memory_limit > 0 && config->memory_limit < ECHO__LEAST_MEMORY) return ECHO_INVALID;
  recipe->memory_limit = config->memory_limit;
  recipe->host = (echo__callbacks){config->data, config->newstate, config->openlibs,
                                   config->closing, config->closed};
  int status = copy_text(&recipe->path, config->path);
  return status == ECHO_OK ? copy_text(&recipe->cpath, config->cpath) : status;
}

int echo_lua_build(echo_builder *builder, const echo_lua_config *config,
                   echo_scheduler **scheduler) {
  echo__recipe recipe = {.embedded = true};
  echo__runtime *runtime;
  int status = config != NULL ? write_recipe(&recipe, config) : ECHO_OK;
  if (status == ECHO_OK) status = echo__runtime_create(builder, &recipe, &runtime);
  if (status == ECHO_OK) *scheduler = runtime->scheduler;
  echo__recipe_close(&recipe);
  return status;
}

int echo_lua_push_scheduler(lua_State *L, echo_scheduler *scheduler) {
  echo__runtime *runtime = echo_scheduler_worker_data(scheduler, echo__state_open);
  if (runtime == NULL) return ECHO_INVALID;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  echo__shared_push(L, echo__module_host(L), &runtime->shared);
  return ECHO_OK;
}

echo_scheduler *echo_lua_to_scheduler(lua_State *L, int index) {
  const echo__shared_type *type;
  const echo__handle *handle = echo__handle_at(L, index, &type);
  if (handle == NULL || type != &echo__runtime_type || handle->shared == NULL) return NULL;
  return ((echo__runtime *)(void *)handle->shared)->scheduler;
}
