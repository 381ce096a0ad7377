#include "lua/interrupt.h"

#include <lauxlib.h>

#include "lua/coroutine.h"
#include "lua/error.h"
#include "lua/own_hook.h"
#include "lua/scope.h"
#include "lua/state.h"

enum {
  AT_ONCE = 1,
  LATER = 1000,          /* instructions until it is tried again, where a yield cannot pass */
  TO_CLEAN_UP = 1 << 17, /* instructions that the first error leaves to the task */
  SHRINKS = 2,           /* powers of two by which each further one leaves less */
  MOST_ERRORS = 4,
  MOST_PASSED_OVER = 1000,
  MOST_LEVELS = 100, /* asking for a level costs as much as it is deep */
  WEARS = 1024       /* a change of the coroutine costs this part of what is left */
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

static echo__hook_put_by *find_put_by(echo__worker_state *state, const lua_State *L) {
  for (int i = 0; i < ECHO__HOOKS_PUT_BY; i++) {
    if (state->hooks[i].L == L) return &state->hooks[i];
  }
  return NULL;
}

static bool is_foreign(lua_Hook hook) {
  return hook != NULL && hook != on_hook;
}

/* True if what runs has been told to end. Its own hooks are not called any more. */
static bool is_ending(const echo__worker_state *state) {
  return state->fiber != NULL && state->fiber->raised > 0;
}

static void arm(echo__worker_state *state, lua_State *L, int count) {
  if (state->interrupts_by == ECHO__BY_NONE) return;
  echo__own_hook *own = echo__own_hook_of(L);
  lua_Hook before = lua_gethook(L);
  if (is_foreign(before)) {
    put_by(state, L, before);
    own->mask = 0;
  }
  if (echo__own_hook_reacts(own) && !is_ending(state)) return; /* it looks up without us */
  int mask = (is_ending(state) ? 0 : own->mask) | LUA_MASKCOUNT;
  /* To set a hook takes as long as the stack is deep. */
  bool armed = count == AT_ONCE && before == on_hook && lua_gethookcount(L) == AT_ONCE;
  if (!armed || lua_gethookmask(L) != mask) lua_sethook(L, on_hook, mask, count);
}

/* To set a hook is to begin a count anew, so what is right already stays. */
static void set(lua_State *L, int mask, int count) {
  lua_Hook hook = mask != 0 ? on_hook : NULL;
  if (lua_gethook(L) == hook && lua_gethookmask(L) == mask && lua_gethookcount(L) == count) return;
  lua_sethook(L, hook, mask, count);
}

/* The hook as it is while nobody asks. */
static void rest(echo__worker_state *state, lua_State *L) {
  echo__hook_put_by *put_by = find_put_by(state, L);
  if (put_by != NULL) {
    lua_sethook(L, put_by->hook, put_by->mask, put_by->count);
    put_by->L = NULL;
    return;
  }
  const echo__own_hook *own = echo__own_hook_of(L);
  if (echo__own_hook_reacts(own) || state->period == 0)
    set(L, own->mask, own->step);
  else
    set(L, own->mask | LUA_MASKCOUNT, state->period);
}

void echo__interrupts_set(lua_State *L) {
  echo__worker_state *state = echo__state_of(L);
  echo__hook_put_by *put_by = find_put_by(state, L);
  if (put_by != NULL) put_by->L = NULL;
  lua_sethook(L, NULL, 0, 0); /* the same one again begins its count anew, too */
  rest(state, L);
  if (state->interrupted && state->level != NULL && state->level->coroutine == L)
    arm(state, L, state->called ? AT_ONCE : state->patience);
}

bool echo__interrupts_foreign(lua_State *L) {
  return is_foreign(lua_gethook(L)) || find_put_by(echo__state_of(L), L) != NULL;
}

void echo__interrupts_clear(lua_State *L) {
  echo__hook_put_by *put_by = find_put_by(echo__state_of(L), L);
  if (put_by != NULL) put_by->L = NULL;
  echo__own_hook_forget(L);
  if (lua_gethookmask(L) != 0) lua_sethook(L, NULL, 0, 0);
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
  if (level == NULL) return;
  if (state->period > 0 && lua_gethook(level->coroutine) == NULL) rest(state, level->coroutine);
  if (!state->interrupted) return;
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

void echo__interrupts_push_reason(lua_State *L, const echo__fiber *fiber) {
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

/* True for a coroutine of the task's own in which nothing but Lua functions runs, so that no pcall
 * can catch an error. */
static bool catches_nothing(lua_State *L, const echo__fiber *fiber) {
  lua_Debug frame;
  int level = 0;
  if (L == fiber->coroutine || !lua_isyieldable(L)) return false;
  for (; lua_getstack(L, level, &frame); level++) {
    if (level == MOST_LEVELS || !lua_getinfo(L, "S", &frame) || *frame.what == 'C') return false;
  }
  return true;
}

void echo__interrupts_spare(const echo__host *host) {
  if (host->worker != NULL && host->worker->fiber != NULL) host->worker->fiber->spared = true;
}

static void end_task(lua_State *L, echo__worker_state *state, echo__fiber *fiber) {
  if (fiber->spared) {
    fiber->spared = false;
    interrupt_after(state, AT_ONCE);
    arm(state, L, AT_ONCE);
    return;
  }
  bool last = fiber->raised >= MOST_ERRORS;
  if (last && echo__can_suspend(state, L) && echo__job_is_cancelling(fiber->run->job)) {
    leave(L, state, fiber);
    return;
  }
  if (!last) fiber->raised++;
  interrupt_after(state, last ? AT_ONCE : patience_of(fiber));
  arm(state, L, state->patience);
  if (catches_nothing(L, fiber)) {
    state->ends = true;
    lua_yield(L, 0);
    return;
  }
  echo__interrupts_push_reason(L, fiber);
  lua_error(L);
}

static bool can_make_way(lua_State *L, const echo__worker_state *state, echo__own_hook *own,
                         bool entered) {
  if (!echo__can_suspend(state, L)) return false;
  /* Lua would tell of the call once more when the function goes on from its first instruction.
   * There may be nothing but calls, though. */
  if (!entered || own->passed_over++ >= MOST_PASSED_OVER) return true;
  return false;
}

/* Suspends the task where it stands; it waits behind the more urgent ones on its worker. Lua marks
 * the function in which a hook has yielded, and the next hook takes the mark away without being
 * called: so there has to be one, if it is not to be missing when the task sets its own. */
static void make_way(lua_State *L, echo__worker_state *state, bool entered) {
  echo__own_hook *own = echo__own_hook_of(L);
  if (!can_make_way(L, state, own, entered) || echo_task_suspend() != ECHO_OK) {
    if (state->period == 0 || entered) interrupt_after(state, entered ? AT_ONCE : LATER);
    if (state->interrupted) arm(state, L, state->patience);
    return;
  }
  own->passed_over = 0;
  echo__store(&state->made_way, echo__load(&state->made_way, relaxed) + 1, relaxed);
  if (state->period == 0) arm(state, L, AT_ONCE);
  echo_task_resume(state->fiber->run->core);
  state->passing = true;
  lua_yield(L, 0);
}

static bool is_to_make_way(const echo__worker_state *state) {
  return state->client.runtime->always_makes_way || echo_task_should_make_way();
}

/* `entered`: in a function of whose call the task's hook was told, perhaps right after that. */
static void look(lua_State *L, echo__worker_state *state, bool entered) {
  echo__fiber *fiber = state->fiber;
  bool called = state->called;
  state->called = state->interrupted = 0;
  rest(state, L);
  echo__scope_tend(state);
  if (echo_task_is_cancelled()) echo__run_stopped(fiber->run);
  if (is_to_end(fiber) && called && fiber->raised > 0)
    leave_time(L, state); /* it knows already */
  else if (is_to_end(fiber))
    end_task(L, state, fiber);
  else if (is_to_make_way(state))
    make_way(L, state, entered);
}

/* Only here can a hook yield. Where the task has a hook for lines, that is called after one for
 * counts, and nothing may be called after a yield. */
static bool may_look(const echo__worker_state *state, const echo__own_hook *own, int event) {
  if (event != LUA_HOOKLINE && event != LUA_HOOKCOUNT) return false;
  return event == LUA_HOOKLINE || !(own->mask & LUA_MASKLINE) || is_ending(state);
}

static void on_hook(lua_State *L, lua_Debug *event) {
  echo__own_hook *own = echo__own_hook_of(L);
  echo__worker_state *state = own->state;
  if (own->mask != 0 && !is_ending(state)) echo__own_hook_event(L, own, event);
  own = echo__own_hook_of(L);
  if (!may_look(state, own, event->event)) return;
  bool entered = own->entered != NULL && own->entered == event->i_ci;
  own->entered = NULL;
  bool ours = state->fiber != NULL && state->level->coroutine == L;
  if (!ours || (!state->interrupted && state->period == 0)) rest(state, L);
  if (ours && (state->interrupted || state->period > 0)) look(L, state, entered);
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
