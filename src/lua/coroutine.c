#include "lua/coroutine.h"

#include <lauxlib.h>
#include <stdint.h>

#include "lua/interrupt.h"
#include "lua/scope_call.h"
#include "lua/task_yield.h"

enum { PASSES = -2, FAILED = -1 };
enum { MOST_STACK = 128 * 1024 }; /* bytes between the outermost level and one that is closed */

int echo__level_resume(echo__worker_state *state, lua_State *coroutine, lua_State *from, bool open,
                       int arguments, int *results) {
  echo__level *outer = state->level;
  echo__level level = {outer, coroutine, open};
  echo__level_publish(state, &level);
  int status = lua_resume(coroutine, from, arguments, results);
  echo__level_publish(state, outer);
  return status;
}

void echo__level_enter(echo__worker_state *state, echo__level *level, lua_State *coroutine) {
  *level = (echo__level){state->level, coroutine, false};
  echo__level_publish(state, level);
}

void echo__level_leave(echo__worker_state *state, const echo__level *level) {
  echo__level_publish(state, level->outer);
}

int echo__level_close(echo__worker_state *state, lua_State *coroutine) {
  echo__level level;
  echo__level_enter(state, &level, coroutine);
  int status = lua_resetthread(coroutine);
  echo__level_leave(state, &level);
  return status;
}

/* Lua counts its C calls, but not across lua_resetthread: who closes one coroutine in the __close
 * of another would run out of stack. */
bool echo__level_too_deep(const echo__worker_state *state) {
  const echo__level *lowest = state->level;
  while (lowest != NULL && lowest->outer != NULL)
    lowest = lowest->outer;
  char here;
  intptr_t depth = lowest != NULL ? (intptr_t)lowest - (intptr_t)&here : 0;
  return depth > MOST_STACK || -depth > MOST_STACK;
}

/* A coroutine that C code resumed by itself is not the innermost level: its yield goes there. */
bool echo__can_suspend(const echo__worker_state *state, lua_State *L) {
  const echo__level *level = state->level;
  return level != NULL && level->open && level->coroutine == L && lua_isyieldable(L);
}

int echo__pass_out(echo__worker_state *state, lua_State *L, lua_KContext context,
                   lua_KFunction next) {
  state->passing = true;
  return lua_yieldk(L, 0, context, next);
}

static echo__worker_state *state_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

static int refuse(lua_State *L, lua_State *coroutine, const char *why) {
  (void)coroutine;
  lua_pushstring(L, why);
  return FAILED;
}

/* A coroutine that an interruption ends has yielded for good, see interrupt.h. */
static int end(lua_State *L, lua_State *coroutine) {
  echo__worker_state *state = state_of(L);
  state->ends = false;
  echo__interrupts_push_reason(L, state->fiber);
  if (echo__level_close(state, coroutine) != LUA_OK) lua_xmove(coroutine, L, 1);
  return FAILED;
}

/* Resumes and moves what comes of it to L: the number of values, FAILED with the error on top, or
 * PASSES. */
static int go_on(lua_State *L, lua_State *coroutine, int arguments) {
  echo__worker_state *state = state_of(L);
  bool open = echo__can_suspend(state, L);
  int count;
  int status = echo__level_resume(state, coroutine, L, open, arguments, &count);
  if (status == LUA_YIELD && state->passing) return PASSES;
  if (status == LUA_YIELD && state->ends) return end(L, coroutine);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(coroutine, L, 1);
    return FAILED;
  }
  if (!lua_checkstack(L, count + 1)) {
    lua_pop(coroutine, count);
    return refuse(L, coroutine, "too many results to resume");
  }
  lua_xmove(coroutine, L, count);
  return count;
}

static int begin(lua_State *L, lua_State *coroutine, int arguments) {
  if (!lua_checkstack(coroutine, arguments)) {
    return refuse(L, coroutine, "too many arguments to resume");
  }
  lua_xmove(L, coroutine, arguments);
  return go_on(L, coroutine, arguments);
}

/* -- coroutine.resume ------------------------------------------------------------------------- */

static lua_State *check_coroutine(lua_State *L) {
  lua_State *coroutine = lua_tothread(L, 1);
  luaL_argexpected(L, coroutine != NULL, 1, "thread");
  return coroutine;
}

static int resume_next(lua_State *L, int status, lua_KContext context);

static int resume_result(lua_State *L, int count) {
  if (count == PASSES) return echo__pass_out(state_of(L), L, 0, resume_next);
  bool well = count >= 0;
  int results = well ? count : 1;
  lua_pushboolean(L, well);
  lua_insert(L, -1 - results);
  return results + 1;
}

static int resume_next(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_settop(L, 1);
  return resume_result(L, go_on(L, lua_tothread(L, 1), 0));
}

static int resume(lua_State *L) {
  lua_State *coroutine = check_coroutine(L);
  echo__fiber *fiber = echo__fiber_of(coroutine);
  if (fiber != NULL) return echo__task_resume_coroutine(L, fiber);
  return resume_result(L, begin(L, coroutine, lua_gettop(L) - 1));
}

/* -- coroutine.wrap --------------------------------------------------------------------------- */

/* As Lua's own: the coroutine is closed, and a text gets the position of the call. */
static int raise_out(lua_State *L, lua_State *coroutine) {
  int status = lua_status(coroutine);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = echo__level_close(state_of(L), coroutine);
    lua_xmove(coroutine, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int wrap_next(lua_State *L, int status, lua_KContext context);

static lua_State *wrapped(lua_State *L) {
  return lua_tothread(L, lua_upvalueindex(2));
}

static int wrap_result(lua_State *L, int count) {
  if (count == PASSES) return echo__pass_out(state_of(L), L, 0, wrap_next);
  return count >= 0 ? count : raise_out(L, wrapped(L));
}

static int wrap_next(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  lua_settop(L, 0);
  return wrap_result(L, go_on(L, wrapped(L), 0));
}

static int call_wrapped(lua_State *L) {
  return wrap_result(L, begin(L, wrapped(L), lua_gettop(L)));
}

static int wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *coroutine = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, coroutine, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, -2);
  lua_pushcclosure(L, call_wrapped, 2);
  return 1;
}

void echo__coroutine_install(lua_State *L, echo__worker_state *state) {
  static const luaL_Reg functions[] = {{"resume", resume},
                                       {"wrap", wrap},
                                       {"yield", echo__task_yield},
                                       {"running", echo__task_running},
                                       {NULL, NULL}};
  if (lua_getglobal(L, "coroutine") != LUA_TTABLE) { /* a program's openlibs left it out */
    lua_pop(L, 1);
    return;
  }
  lua_pushlightuserdata(L, state);
  luaL_setfuncs(L, functions, 1);
  lua_pushlightuserdata(L, state->host);
  lua_getfield(L, -2, "close");
  lua_pushcclosure(L, echo__scope_close_coroutine, 2);
  lua_setfield(L, -2, "close");
  lua_pop(L, 1);
}
