#include "lua/await.h"

#include "lua/callback.h"
#include "lua/check.h"
#include "lua/error.h"
#include "lua/fiber.h"
#include "lua/operation.h"
#include "lua/outcome.h"
#include "lua/recording.h"
#include "lua/ring.h"
#include "lua/task.h"
#include "lua/urgency.h"

/* What an await keeps in its operation. The job is kept by a reference: the task's userdata may be
 * collected while a coroutine waits. */
typedef struct await {
  echo__watch watch;
  echo__seat *seat;
  echo__job *job;
  echo__runtime *keeps; /* the job's, if it is not the worker's own; the task may go first */
  echo__ring_place place;
  bool protects;
  bool ends; /* when the time runs out the job is cancelled */
  double seconds;
} await;

static await *await_of(echo__operation *operation) {
  return operation->own;
}

/* For what pushes values: functions that make them, and finalizers, may wait as well, which closes
 * the task's operation. The job stays: its task is an argument of the call. */
static await copy_of(const echo__operation *operation) {
  return *(const await *)operation->own;
}

static void fire(echo__watch *watch) {
  echo__seat_wake(((await *)(void *)watch)->seat);
}

/* Results, or an error object, for the caller. */
static int give(lua_State *L, const echo__host *host, const await *a) {
  echo__recording_taken(a->job, 0);
  int count = echo__outcome_push(L, host, a->job);
  if (a->protects) return echo__outcome_protect(L, count);
  return count >= 0 ? count : ECHO__RAISES;
}

static int attempt(lua_State *L, const echo__host *host, echo__operation *operation) {
  const await a = copy_of(operation);
  bool waits = !echo__job_has_ended(a.job) && !echo__job_is_lost(a.job);
  if (waits) return ECHO__WAITS;
  echo__job_settle(a.job);
  return give(L, host, &a);
}

static int end_for_want_of_time(lua_State *L, const echo__host *host, const await *a) {
  lua_pushfstring(L, "the time of %f s ran out", a->seconds);
  const char *reason = lua_tostring(L, -1);
  if (!echo__job_cancel(a->job, ECHO__KIND_TIMEOUT, reason) && echo__job_has_ended(a->job)) {
    return give(L, host, a);
  }
  echo__error_push(L, host, ECHO__KIND_TIMEOUT, reason, echo__job_name(a->job));
  return ECHO__RAISES;
}

static int expire(lua_State *L, const echo__host *host, echo__operation *operation) {
  const await a = copy_of(operation);
  if (a.ends) return end_for_want_of_time(L, host, &a);
  return give(L, host, &a); /* which says that it has not ended */
}

static bool enroll(echo__operation *operation) {
  await *a = await_of(operation);
  return echo__job_watch(a->job, &a->watch);
}

static void leave(echo__operation *operation) {
  await *a = await_of(operation);
  echo__job_unwatch(a->job, &a->watch);
  echo__ring_leave(&a->place);
  echo__job_drop_anywhere(a->job);
  if (a->keeps != NULL) echo__shared_release(&a->keeps->shared);
}

static const echo__operation_type type = {"echo.await", attempt,       enroll, leave,
                                          expire,       sizeof(await), false};

static int refuse_ring(lua_State *L, echo__host *host, const echo__job *job, bool protects) {
  bool self = job == echo__fiber_job(host);
  echo__error_push(L, host, ECHO__KIND_ERROR, echo__ring_sentence(self), echo__job_name(job));
  return protects ? echo__outcome_protect(L, -1) : lua_error(L);
}

/* Its runtime outlives the worker's operations. */
static bool is_own(const echo__host *host, const echo__job *job) {
  return host->worker != NULL && host->worker->client.runtime == job->runtime;
}

static bool enter_ring(await *a, echo__job *waiter) {
  return waiter == NULL || echo__ring_enter(&a->place, waiter, a->job);
}

/* `how` has the members that the caller chooses. */
static int run(lua_State *L, echo__host *host, echo__job *job, const await *how) {
  echo__operation *operation = echo__operation_open(L, host, &type);
  await *a = await_of(operation);
  *a = *how;
  a->watch.fire = fire;
  a->seat = &operation->seat;
  a->job = job;
  a->keeps = is_own(host, job) ? NULL : job->runtime;
  echo__job_retain(job);
  if (a->keeps != NULL) echo__shared_retain(&a->keeps->shared);
  echo__job *waiter = echo__fiber_job(host);
  if (!enter_ring(a, waiter)) {
    echo__operation_close(operation);
    return refuse_ring(L, host, job, how->protects);
  }
  echo__job_lend(waiter, job);
  return echo__operation_run(L, operation, a->seconds);
}

int echo__await_job(lua_State *L, echo__host *host, echo__job *job, double seconds, bool protects) {
  return run(L, host, job, &(await){.seconds = seconds, .protects = protects});
}

int echo__await_within(lua_State *L, echo__host *host, echo__job *job, double seconds) {
  return run(L, host, job, &(await){.seconds = seconds, .ends = true});
}

static int await_task(lua_State *L, bool protects) {
  echo__host *host = echo__host_of(L);
  echo__job *job = echo__task_check(L, host, 1);
  double seconds = echo__check_seconds(L, 2);
  lua_settop(L, 2);
  return echo__await_job(L, host, job, seconds, protects);
}

static int await_(lua_State *L) {
  if (lua_type(L, 1) == LUA_TNUMBER) return echo__await_callback(L, echo__host_of(L));
  return await_task(L, false);
}

static int pawait(lua_State *L) {
  return await_task(L, true);
}

const luaL_Reg echo__await_functions[] = {{"await", await_}, {"pawait", pawait}, {NULL, NULL}};
