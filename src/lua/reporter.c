#include "lua/reporter.h"

#include <string.h>

#include "lua/failure.h"
#include "lua/own_hook.h"
#include "lua/state.h"

enum { MOST_LEVELS = 1000 }; /* asking for a level costs as much as it is deep */

/* Lua's libraries raise this as a plain string where a buffer cannot grow. */
static bool is_memory_error(lua_State *coroutine, int status) {
  if (status == LUA_ERRMEM) return true;
  return lua_type(coroutine, -1) == LUA_TSTRING &&
         strcmp(lua_tostring(coroutine, -1), "not enough memory") == 0;
}

void echo__reporter_report(echo__fiber *fiber, int status, int level) {
  if (fiber->over || fiber->reported) {
    lua_pop(fiber->coroutine, 1);
    return;
  }
  fiber->reported = true;
  if (is_memory_error(fiber->coroutine, status)) fiber->kind = ECHO__KIND_MEMORY;
  echo__failure_report(fiber, level);
}

/* An error in the function that gives `load` its text is caught there, and yet the handler is
 * called. No yield passes there. */
static bool is_inside_load(lua_State *L, const echo__worker_state *state) {
  lua_Debug frame;
  if (lua_isyieldable(L) || state->load == NULL) return false;
  for (int level = 1; level < MOST_LEVELS && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "f", &frame);
    bool found = lua_tocfunction(L, -1) == state->load;
    lua_pop(L, 1);
    if (found) return true;
  }
  return false;
}

static int handle(lua_State *L) {
  echo__worker_state *state = echo__state_of(L);
  if (state->fiber->reported || is_inside_load(L, state)) return 1;
  lua_pushvalue(L, 1);
  echo__reporter_report(state->fiber, LUA_ERRRUN, 1);
  return 1;
}

void echo__reporter_push(lua_State *L) {
  lua_pushcfunction(L, handle);
}

void echo__reporter_open(lua_State *L, echo__worker_state *state) {
  lua_getglobal(L, "load");
  state->load = lua_tocfunction(L, -1);
  lua_pop(L, 1);
}
