#include "lua/operation.h"

#include <lauxlib.h>
#include <sched.h>
#include <string.h>

#include "base/tuning.h"
#include "lua/check.h"
#include "lua/coroutine.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/host_wait.h"
#include "lua/interrupt.h"
#include "lua/scope.h"

/* A thread that sleeps looks up this often (in seconds): for hooks that a signal handler has set.
 */
static const double look_up = 0.1;

void echo__seat_wake(echo__seat *seat) {
  if (seat->sitter == ECHO__SITS_TASK) {
    echo_task_resume(seat->core);
  } else if (seat->sitter == ECHO__SITS_COROUTINE) {
    echo__letter_post(seat->letter);
  } else {
    /* PAIR seat.word */
    uint32_t before = echo__exchange(&seat->word, ECHO__SEAT_WOKEN, release);
    if (before == ECHO__SEAT_ASLEEP) echo__word_wake_one(&seat->word);
  }
}

static void wake_late(void *seat) {
  echo__seat_wake(seat);
}

/* -- opening and closing ---------------------------------------------------------------------- */

/* Of the task that runs in this state, or NULL. */
static echo__fiber *fiber_here(const echo__host *host) {
  return host->worker != NULL ? host->worker->fiber : NULL;
}

/* Whose operation it is, or NULL. */
static echo__fiber *fiber_of(const echo__operation *operation) {
  if (operation->seat.sitter != ECHO__SITS_TASK) return NULL;
  return (echo__fiber *)((char *)operation - offsetof(echo__fiber, operation));
}

static echo__host_wait *host_wait_of(echo__operation *operation) {
  return (echo__host_wait *)(void *)operation;
}

static echo__host *host_of(echo__operation *operation) {
  switch (operation->seat.sitter) {
  case ECHO__SITS_TASK: return fiber_of(operation)->state->host;
  case ECHO__SITS_COROUTINE: return host_wait_of(operation)->host;
  default: return operation->seat.host;
  }
}

void echo__operation_close(echo__operation *operation) {
  const echo__operation_type *type = operation->type;
  echo__fiber *fiber = fiber_of(operation);
  if (type == NULL) return;
  operation->type = NULL;
  echo__operation_stop_timer(operation);
  if (fiber != NULL) echo__scope_leave(fiber, &operation->seat);
  if (type->leave != NULL) type->leave(operation);
  if (operation->seat.sitter == ECHO__SITS_COROUTINE) echo__host_wait_close(operation);
  if (fiber == NULL || type->size == 0) return;
  echo__alloc_give(&fiber->state->alloc, operation->own, type->size);
  operation->own = NULL;
}

int echo__operation_gc(lua_State *L) {
  echo__operation *operation = lua_touserdata(L, 1);
  echo__operation_close(operation);
  if (operation->seat.sitter == ECHO__SITS_COROUTINE) echo__host_wait_forget(L, operation);
  return 0;
}

/* What is its own comes behind it. */
static echo__operation *push_operation(lua_State *L, echo__host *host, size_t own) {
  bool yields = echo__host_can_yield(L, host);
  size_t bytes = yields ? sizeof(echo__host_wait) : sizeof(echo__operation);
  echo__operation *operation = lua_newuserdatauv(L, bytes + own, 0);
  operation->type = NULL;
  operation->own = own > 0 ? (char *)operation + bytes : NULL;
  operation->seat.sitter = yields ? ECHO__SITS_COROUTINE : ECHO__SITS_THREAD;
  if (yields)
    echo__host_wait_init(L, host_wait_of(operation), host);
  else
    operation->seat.host = host;
  echo__host_bless(L, host, ECHO__TYPE_OPERATION);
  return operation;
}

/* The worker would sleep, and all that could wake it with it. */
static void refuse_in_callback(lua_State *L, const echo__host *host,
                               const echo__operation_type *type) {
  const echo__worker_state *state = host->worker;
  if (state == NULL || state->fiber != NULL || state->calls_back == 0) return;
  luaL_error(L,
             "%s cannot wait here: no task runs in a call-back of luv, nor in a coroutine that it "
             "resumes; submit one that waits",
             type->name);
}

static echo__operation *begin(echo__operation *operation, const echo__operation_type *type) {
  if (type->size > 0) memset(operation->own, 0, type->size);
  operation->seat.timed = false;
  operation->seat.spins = false;
  operation->type = type;
  return operation;
}

echo__operation *echo__operation_open_in_task(echo__host *host, const echo__operation_type *type) {
  echo__fiber *fiber = fiber_here(host);
  echo__operation *operation = &fiber->operation;
  echo__operation_close(operation);
  if (type->size > 0) {
    operation->own = echo__alloc_take(&fiber->state->alloc, type->size);
    if (operation->own == NULL) return NULL;
  }
  operation->seat.core = fiber->run->core;
  return begin(operation, type);
}

echo__operation *echo__operation_open(lua_State *L, echo__host *host,
                                      const echo__operation_type *type) {
  refuse_in_callback(L, host, type);
  if (fiber_here(host) == NULL) return begin(push_operation(L, host, type->size), type);
  echo__operation *operation = echo__operation_open_in_task(host, type);
  if (operation == NULL) echo__fail_for_memory(L);
  return operation;
}

/* -- the timer -------------------------------------------------------------------------------- */

/* Outside of a task the scheduler may go while its timer runs. A thread has no timer. */
static bool keeps_clock(const echo__operation *operation) {
  return operation->seat.sitter != ECHO__SITS_TASK;
}

int echo__operation_start_timer(echo__operation *operation, echo__runtime *runtime) {
  uint64_t now = echo__now();
  double seconds = operation->deadline > now ? (double)(operation->deadline - now) / 1e9 : 0;
  int status =
      echo_timer_start(runtime->scheduler, &operation->timer, seconds, wake_late, &operation->seat);
  if (status != ECHO_OK) return status;
  operation->seat.timed = true;
  if (keeps_clock(operation)) {
    host_wait_of(operation)->clock = runtime;
    echo__shared_retain(&runtime->shared);
  }
  return status;
}

static echo__runtime *clock_of(echo__operation *operation) {
  if (keeps_clock(operation)) return host_wait_of(operation)->clock;
  return fiber_of(operation)->state->client.runtime;
}

void echo__operation_stop_timer(echo__operation *operation) {
  if (!operation->seat.timed) return;
  operation->seat.timed = false;
  echo__runtime *clock = clock_of(operation);
  echo_timer_cancel(clock->scheduler, &operation->timer);
  if (keeps_clock(operation)) echo__shared_release(&clock->shared);
}

/* -- waiting in a task ------------------------------------------------------------------------ */

static int go_on(lua_State *L, echo__operation *operation);

static int continue_task(lua_State *L, int status, lua_KContext context) {
  (void)status;
  return go_on(L, (echo__operation *)context);
}

static int refuse_to_wait(lua_State *L, echo__operation *operation) {
  const char *name = operation->type->name;
  echo__operation_close(operation);
  return luaL_error(L,
                    "%s cannot wait here: inside of a C function that calls back, such as "
                    "table.sort or string.gsub",
                    name);
}

/* The timer of a wait that is over in time costs no more than its place in the heap. */
static void start_timer(lua_State *L, echo__operation *operation) {
  if (operation->seat.timed || operation->deadline == ECHO__FOREVER) return;
  int status = echo__operation_start_timer(operation, clock_of(operation));
  if (status == ECHO_OK || status == ECHO_STOPPED) return;
  echo__operation_close(operation);
  if (status == ECHO_MEMORY) echo__fail_for_memory(L);
  luaL_error(L, "%s", echo_strerror(status));
}

/* False if it has to look once more. A shielded one that waits in a task that is to end does not,
 * if it could act on that: else it would be called again and again, and keep those from running
 * that it waits for. */
static bool enroll(const echo__worker_state *state, echo__operation *operation) {
  bool sleeps = operation->type->enroll(operation);
  if (state->fiber->scopes == NULL) return sleeps;
  return (echo__scope_enroll(state, &operation->seat) || operation->seat.knows) && sleeps;
}

static int suspend(lua_State *L, echo__operation *operation) {
  echo__worker_state *state = fiber_of(operation)->state;
  if (!echo__can_suspend(state, L)) return refuse_to_wait(L, operation);
  start_timer(L, operation);
  if (echo_task_suspend() != ECHO_OK) {
    echo__operation_close(operation);
    return echo__fail_for_memory(L);
  }
  if (!enroll(state, operation)) echo_task_resume(operation->seat.core);
  return echo__pass_out(state, L, (lua_KContext)operation, continue_task);
}

/* -- waiting in a host ------------------------------------------------------------------------ */

static int continue_host(lua_State *L, int status, lua_KContext context) {
  (void)status;
  echo__host_wait_goes_on(L, (echo__operation *)context);
  return go_on(L, (echo__operation *)context);
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* A signal handler may have set a hook, which runs when Lua calls something (lua.c does that at
 * Ctrl-C; the hook then raises). */
void echo__let_hooks_run(lua_State *L) {
  if (lua_gethookmask(L) == 0) return;
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
}

/* Who is interrupted waits no longer: nothing may be given to it. */
static void look_up_from(lua_State *L, echo__operation *operation) {
  if (lua_gethookmask(L) == 0) return;
  lua_pushcfunction(L, nothing);
  if (lua_pcall(L, 0, 0, 0) == LUA_OK) return;
  echo__operation_close(operation);
  lua_error(L);
}

/* What a channel brings often comes sooner than a thread falls asleep and wakes. */
static bool spin(const echo__word *word) {
  for (int round = 0; round < ECHO__SPIN_ROUNDS; round++) {
    for (int i = 0; i < ECHO__SPIN_PAUSES; i++) {
      if (echo__load(word, acquire) == ECHO__SEAT_WOKEN) return true; /* PAIR seat.word */
      echo__pause();
    }
    if (round >= ECHO__SPIN_ROUNDS / 4) sched_yield();
  }
  return false;
}

bool echo__seat_sleep(echo__seat *seat, uint64_t deadline) {
  uint32_t found = ECHO__SEAT_AWAKE;
  if (echo__cas(&seat->word, &found, ECHO__SEAT_ASLEEP, relaxed))
    echo__word_wait(&seat->word, ECHO__SEAT_ASLEEP, deadline);
  return echo__load(&seat->word, acquire) == ECHO__SEAT_WOKEN; /* PAIR seat.word */
}

/* On a thread of the host. */
static void sleep_a_while(lua_State *L, echo__operation *operation) {
  echo__seat *seat = &operation->seat;
  bool *soon = &seat->host->soon;
  echo__seat_rouse(seat);
  if (!operation->type->enroll(operation)) return;
  if (seat->spins && *soon && spin(&seat->word)) return;
  uint64_t began = echo__now(), look = echo__deadline_in(look_up);
  echo__seat_sleep(seat, look < operation->deadline ? look : operation->deadline);
  *soon = echo__now() - began < ECHO__SPIN_WORTH;
  look_up_from(L, operation);
}

/* -- the operation as a whole ----------------------------------------------------------------- */

/* The scope that fails around what the operation is for, or NULL. */
static const echo__scope *failing_scope(const echo__fiber *fiber) {
  return fiber->scopes != NULL ? echo__scope_failing(fiber->state) : NULL;
}

bool echo__operation_is_to_end(const echo__operation *operation) {
  const echo__fiber *fiber = fiber_of(operation);
  return fiber != NULL &&
         (echo__job_is_cancelling(fiber->run->job) || failing_scope(fiber) != NULL);
}

int echo__operation_end(lua_State *L, const echo__operation *operation) {
  echo__fiber *fiber = fiber_of(operation);
  if (echo__job_is_cancelling(fiber->run->job))
    echo__error_push_cancelled(L, fiber->state->host, fiber->run->job);
  else
    echo__scope_push_error(L, fiber->state->host, failing_scope(fiber));
  echo__interrupts_told(L, fiber);
  return ECHO__RAISES;
}

static bool is_late(const echo__operation *operation) {
  return operation->deadline != ECHO__FOREVER && echo__now() >= operation->deadline;
}

/* Left first: there may be no memory for the error. */
static int end(lua_State *L, echo__operation *operation) {
  echo__operation_close(operation);
  echo__operation_end(L, operation);
  return lua_error(L);
}

static int go_on(lua_State *L, echo__operation *operation) {
  const echo__host *host = host_of(operation);
  for (;;) {
    operation->seat.knows = echo__operation_is_to_end(operation);
    if (operation->seat.knows && !operation->type->shielded) return end(L, operation);
    int count = operation->type->attempt(L, host, operation);
    if (count == ECHO__WAITS && is_late(operation)) {
      count = operation->type->expire(L, host, operation);
    }
    if (count != ECHO__WAITS) {
      echo__operation_close(operation);
      return count == ECHO__RAISES ? lua_error(L) : count;
    }
    if (operation->seat.sitter == ECHO__SITS_TASK) return suspend(L, operation);
    if (operation->seat.sitter == ECHO__SITS_COROUTINE) {
      count = echo__host_wait_begin(L, operation, continue_host);
      if (count != ECHO__WOKEN_MEANWHILE) return count;
    } else {
      sleep_a_while(L, operation);
    }
  }
}

int echo__operation_run(lua_State *L, echo__operation *operation, double seconds) {
  operation->deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  return go_on(L, operation);
}
