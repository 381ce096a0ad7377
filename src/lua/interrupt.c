#include "lua/interrupt.h"

#include <lauxlib.h>

#include "lua/coroutine.h"
#include "lua/error.h"
#include "lua/scope.h"
#include "lua/state.h"

enum {
  AT_ONCE = 1,
  LATER = 1000,          /* instructions until it is tried again, where a yield cannot pass */
  TO_CLEAN_UP = 1 << 17, /* instructions that the first error leaves to the task */
  SHRINKS = 2,           /* powers of two by which each further one leaves less */
  MOST_ERRORS = 4,
  WEARS = 1024 /* a change of the coroutine costs this part of what is left */
};

/* -- the hook is set and taken back; async-signal-safe ---------------------------------------- */

static void on_hook(lua_State *L, lua_Debug *event);

static void put_by(echo__worker_state *state, lua_State *L, lua_Hook hook) {
  for (int i = 0; i < ECHO__HOOKS_PUT_BY; i++) {
    echo__hook_put_by *place = &state->hooks[i];
    if (place->L != NULL && place->L != L) continue;
    *place = (echo__hook_put_by){L, hook, lua_gethookmask(L), lua_gethookcount(L)};
    return;
  }
}

static void arm(echo__worker_state *state, lua_State *L, int count) {
  lua_Hook before = lua_gethook(L);
  if (before != NULL && before != on_hook) put_by(state, L, before);
  lua_sethook(L, on_hook, LUA_MASKCOUNT, count);
}

static void disarm(echo__worker_state *state, lua_State *L) {
  for (int i = 0; i < ECHO__HOOKS_PUT_BY; i++) {
    echo__hook_put_by *place = &state->hooks[i];
    if (place->L != L) continue;
    lua_sethook(L, place->hook, place->mask, place->count);
    place->L = NULL;
    return;
  }
  lua_sethook(L, NULL, 0, 0);
}

void echo__interrupt(void *argument, unsigned worker) {
  echo__runtime *runtime = argument;
  echo__worker_state *state = &runtime->states[worker];
  state->called = 1;
  state->interrupted = 1;
  echo__level *level = state->level;
  if (level != NULL) arm(state, level->coroutine, AT_ONCE);
}

/* The hook counts anew each time it is set: what changes coroutines all the time, or is interrupted
 * all the time, must not escape it. */
static void arm_again(echo__worker_state *state, lua_State *L) {
  arm(state, L, state->patience);
  state->patience -= state->patience > AT_ONCE ? 1 + state->patience / WEARS : 0;
}

void echo__level_publish(echo__worker_state *state, echo__level *level) {
  state->level = level;
  if (!state->interrupted || level == NULL) return;
  if (state->called)
    arm(state, level->coroutine, AT_ONCE);
  else
    arm_again(state, level->coroutine);
}

/* -- what an interruption does ---------------------------------------------------------------- */

static bool is_to_end(const echo__fiber *fiber) {
  if (echo__job_is_cancelling(fiber->run->job)) return true;
  return fiber->scopes != NULL && echo__scope_failing(fiber->state) != NULL;
}

static void push_reason(lua_State *L, const echo__fiber *fiber) {
  const echo__host *host = fiber->state->host;
  if (echo__job_is_cancelling(fiber->run->job))
    echo__error_push_cancelled(L, host, fiber->run->job);
  else
    echo__scope_push_error(L, host, echo__scope_failing(fiber->state));
}

/* Whatever coroutine runs from now on is interrupted after so many instructions. */
static void interrupt_after(echo__worker_state *state, int instructions) {
  state->patience = instructions;
  state->interrupted = 1;
}

/* What the task has left after the errors that it got. */
static int patience_of(const echo__fiber *fiber) {
  return fiber->raised == 0 ? AT_ONCE : TO_CLEAN_UP >> (SHRINKS * (fiber->raised - 1));
}

/* Leaves the task where it stands, for good. */
static void leave(lua_State *L, echo__worker_state *state, echo__fiber *fiber) {
  fiber->left = true;
  interrupt_after(state, TO_CLEAN_UP); /* its <close> variables have this much */
  state->passing = true;
  lua_yield(L, 0);
}

static void leave_time(lua_State *L, echo__worker_state *state) {
  state->interrupted = 1;
  arm_again(state, L);
}

static void end_task(lua_State *L, echo__worker_state *state, echo__fiber *fiber) {
  bool last = fiber->raised >= MOST_ERRORS;
  if (last && echo__can_suspend(state, L) && echo__job_is_cancelling(fiber->run->job)) {
    leave(L, state, fiber);
    return;
  }
  if (!last) fiber->raised++;
  interrupt_after(state, last ? AT_ONCE : patience_of(fiber));
  arm(state, L, state->patience);
  push_reason(L, fiber);
  lua_error(L);
}

/* Suspends the task where it stands; it waits behind the more urgent ones on its worker. */
static void make_way(lua_State *L, echo__worker_state *state, echo__fiber *fiber) {
  if (!echo__can_suspend(state, L) || echo_task_suspend() != ECHO_OK) {
    arm(state, L, LATER);
    return;
  }
  echo_task_resume(fiber->run->core);
  state->passing = true;
  lua_yield(L, 0);
}

static void on_hook(lua_State *L, lua_Debug *event) {
  (void)event;
  echo__worker_state *state = echo__state_of(L);
  echo__fiber *fiber = state->fiber;
  bool called = state->called;
  state->called = state->interrupted = 0;
  disarm(state, L);
  echo__scope_tend(state);
  if (fiber == NULL || L != state->level->coroutine) return;
  if (echo_task_is_cancelled()) echo__run_stopped(fiber->run);
  if (is_to_end(fiber) && called && fiber->raised > 0)
    leave_time(L, state); /* it knows already */
  else if (is_to_end(fiber))
    end_task(L, state, fiber);
  else if (echo_task_should_make_way())
    make_way(L, state, fiber);
}

void echo__interrupts_begin(echo__fiber *fiber) {
  /* PAIR state.tend */
  if (echo__load(&fiber->state->tend, seq_cst) || echo__job_is_cancelling(fiber->run->job) ||
      echo__scope_fails(fiber)) {
    interrupt_after(fiber->state, patience_of(fiber));
  }
}

void echo__interrupts_told(lua_State *L, echo__fiber *fiber) {
  if (fiber->raised > 0) return;
  fiber->raised = 1;
  interrupt_after(fiber->state, patience_of(fiber));
  arm(fiber->state, L, fiber->state->patience);
}

void echo__interrupts_end(echo__fiber *fiber) {
  fiber->state->interrupted = fiber->state->called = 0;
}
