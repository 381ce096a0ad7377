#include "lua/isolation.h"

#include <lauxlib.h>

#include "lua/map.h"

static const char metatable, of_map; /* their addresses name places in the registry */

static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 2);
  lua_pushglobaltable(L);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0); /* all tasks' environments have it: nobody may get at it */
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable);
}

static void push_new(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "_G");
  push_metatable(L);
  lua_setmetatable(L, -2);
}

/* The worker keeps the function of the map that it works on, and what that was decoded with. */
static void push_of_map(lua_State *L, const echo__fiber *fiber) {
  if (fiber->state->map == echo__job_extra(fiber->run->job)->map->id) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &of_map);
    return;
  }
  push_new(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &of_map);
}

void echo__isolation_begin(lua_State *L, echo__fiber *fiber) {
  if (!fiber->run->job->runtime->recipe.isolates) return;
  if (echo__job_extra(fiber->run->job)->map != NULL)
    push_of_map(L, fiber);
  else
    push_new(L);
  fiber->environment = luaL_ref(L, LUA_REGISTRYINDEX);
  echo__isolation_enter(fiber->state, fiber);
}

void echo__isolation_end(echo__fiber *fiber) {
  if (fiber->environment == LUA_NOREF) return;
  luaL_unref(fiber->state->L, LUA_REGISTRYINDEX, fiber->environment);
  fiber->environment = LUA_NOREF;
}
