#include "lua/task_yield.h"

#include <lauxlib.h>

/* In the fiber's operation. */
typedef struct yield {
  int yielded; /* values, which lie at the bottom of the call's stack */
  int passed;  /* values from coroutine.resume, on top of it; -1: nobody has resumed */
} yield;

static yield *yield_of(echo__operation *operation) {
  return operation->own;
}

/* -- coroutine.yield -------------------------------------------------------------------------- */

static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  (void)L, (void)host;
  int passed = yield_of(operation)->passed;
  return passed < 0 ? ECHO__WAITS : passed;
}

/* Whoever resumes is on this thread, and calls the task itself. */
static bool enroll(echo__operation *operation) {
  (void)operation;
  return true;
}

static const echo__operation_type type = {"coroutine.yield", attempt, enroll, NULL, NULL,
                                          sizeof(yield),     false};

int echo__task_yield(lua_State *L) {
  const echo__worker_state *state = lua_touserdata(L, lua_upvalueindex(1));
  const echo__fiber *fiber = state->fiber;
  if (!state->loops || fiber == NULL || fiber->coroutine != L) {
    return lua_yield(L, lua_gettop(L));
  }
  echo__operation *operation = echo__operation_open(L, state->host, &type);
  *yield_of(operation) = (yield){lua_gettop(L), -1};
  return echo__operation_run(L, operation, -1);
}

int echo__task_running(lua_State *L) {
  echo__fiber *fiber = echo__fiber_of(L);
  if (fiber != NULL) fiber->known = true;
  lua_pushboolean(L, lua_pushthread(L));
  return 2;
}

/* -- coroutine.resume ------------------------------------------------------------------------- */

static int refuse(lua_State *L, const char *why) {
  lua_pushboolean(L, false);
  lua_pushstring(L, why);
  return 2;
}

static bool has_yielded(const echo__fiber *fiber) {
  return fiber->operation.type == &type && lua_status(fiber->coroutine) == LUA_YIELD;
}

/* Copies of what the task yields now, if it does. */
static int give_yielded(lua_State *L, echo__fiber *fiber) {
  lua_State *coroutine = fiber->coroutine;
  int count = has_yielded(fiber) ? yield_of(&fiber->operation)->yielded : 0;
  lua_pushboolean(L, true);
  if (!lua_checkstack(L, count) || !lua_checkstack(coroutine, count)) {
    return refuse(L, "too many results to resume");
  }
  for (int i = 1; i <= count; i++)
    lua_pushvalue(coroutine, i);
  lua_xmove(coroutine, L, count);
  return 1 + count;
}

/* The fiber is its task's: it is gone with it. */
static int run(lua_State *L, echo__fiber *fiber, int passed) {
  echo__fiber_end end = {false, false};
  echo__fiber_end *outer = fiber->at.end;
  yield *y = yield_of(&fiber->operation);
  fiber->at.end = &end;
  fiber->passed = y->passed = passed;
  if (echo_task_resume_now(fiber->run->core) != ECHO_OK) {
    fiber->at.end = outer;
    fiber->passed = 0;
    y->passed = -1;
    lua_pop(fiber->coroutine, passed);
    return refuse(L, "cannot resume a task that is about to go on by itself");
  }
  if (!end.ended) {
    fiber->at.end = outer;
    return give_yielded(L, fiber);
  }
  if (!end.well) return refuse(L, "the task failed; its error goes to whoever waits for it");
  lua_pushboolean(L, true);
  return 1;
}

int echo__task_resume_coroutine(lua_State *L, echo__fiber *fiber) {
  int passed = lua_gettop(L) - 1;
  if (fiber == fiber->state->fiber || lua_status(fiber->coroutine) != LUA_YIELD) {
    return refuse(L, "cannot resume non-suspended coroutine");
  }
  if (!has_yielded(fiber)) {
    return refuse(L, "cannot resume a task that waits for something else than a resume");
  }
  if (!lua_checkstack(fiber->coroutine, passed)) {
    return refuse(L, "too many arguments to resume");
  }
  lua_xmove(L, fiber->coroutine, passed);
  return run(L, fiber, passed);
}
