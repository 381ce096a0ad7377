#include "lua/task.h"

#include "lua/await.h"
#include "lua/check.h"
#include "lua/on_complete.h"
#include "lua/operation.h"
#include "lua/outcome.h"
#include "lua/progress.h"
#include "lua/recording.h"
#include "lua/urgency.h"

/* A blocked wait looks up this often (in seconds): for hooks that a signal handler has set (Ctrl-C)
 * and for a stop that abandoned the task. */
static const double look_up = 0.1;

/* A task's userdata is a handle, whose object is the job; with it goes a handle of the state's
 * client. Which client that is follows from the job, and is not noted in each. */

echo__job *echo__task_push(lua_State *L, const echo__host *host, echo__client *client) {
  echo__handle *handle = echo__handle_new(L, host, &echo__job_type);
  echo__job *job = echo__job_create(client);
  if (job == NULL) echo__fail_for_memory(L);
  handle->shared = &job->shared;
  client->handles++;
  return job;
}

static void push(lua_State *L, const echo__host *host, echo__shared *shared) {
  echo__handle *handle = echo__handle_new(L, host, &echo__job_type);
  const echo__client *client = echo__client_get((echo__host *)host, ((echo__job *)shared)->runtime);
  if (client == NULL) echo__fail_for_memory(L);
  echo__shared_retain(shared);
  handle->shared = shared;
}

const echo__shared_type echo__job_type = {.name = "echo.task",
                                          .type = ECHO__TYPE_TASK,
                                          .destroy = echo__job_destroy,
                                          .push = push,
                                          .travels = echo__job_travels};

void echo__task_replace(lua_State *L, int index, echo__client *client, echo__job *job) {
  echo__handle *handle = lua_touserdata(L, index);
  echo__job_drop(client, (echo__job *)handle->shared);
  handle->shared = &job->shared;
}

int echo__task_gc(lua_State *L) {
  echo__handle *handle = lua_touserdata(L, 1);
  echo__job *job = (echo__job *)handle->shared;
  if (job == NULL) return 0;
  echo__client *client = echo__client_find(echo__host_of(L), job->runtime);
  handle->shared = NULL;
  echo__job_drop(client, job);
  echo__client_drop(client);
  return 0;
}

echo__job *echo__task_check(lua_State *L, const echo__host *host, int index) {
  return (echo__job *)echo__handle_check(L, host, index, &echo__job_type);
}

static echo__job *check_job(lua_State *L, const echo__host *host) {
  return echo__task_check(L, host, 1);
}

/* -- waiting on the host's thread ------------------------------------------------------------- */

static uint64_t next_look(uint64_t deadline) {
  uint64_t soon = echo__deadline_in(look_up);
  return soon < deadline ? soon : deadline;
}

static void wait_until_ended(lua_State *L, echo__job *job, double seconds) {
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  while (!echo__job_has_ended(job)) {
    echo__job_wait(job, next_look(deadline));
    if (echo__job_has_ended(job) || echo__job_is_lost(job)) return;
    if (deadline != ECHO__FOREVER && echo__now() >= deadline) return;
    echo__let_hooks_run(L);
  }
}

/* In a task a wait is an await: it holds up nobody. In a host it holds up the thread, coroutines
 * included. */
static int wait_here(lua_State *L, echo__host *host, bool protects) {
  echo__job *job = check_job(L, host);
  double seconds = echo__check_seconds(L, 2);
  lua_settop(L, 2);
  uint64_t began = 0;
  if (!echo__job_has_ended(job)) {
    if (host->worker != NULL) return echo__await_job(L, host, job, seconds, protects);
    began = echo_trace_wait_begins(job->runtime->scheduler);
    wait_until_ended(L, job, seconds);
  }
  echo__job_settle(job);
  echo__recording_taken(job, began);
  return echo__outcome_return(L, host, job, protects);
}

static int wait(lua_State *L) {
  return wait_here(L, echo__host_of(L), false);
}

static int pwait(lua_State *L) {
  return wait_here(L, echo__host_of(L), true);
}

/* -- the rest --------------------------------------------------------------------------------- */

/* A task that is said to have ended is one whose call-backs the next poll calls. */
static int status(lua_State *L) {
  echo__job *job = check_job(L, echo__host_of(L));
  const char *text = echo__job_status(job);
  echo__job_settle(job);
  lua_pushstring(L, text);
  return 1;
}

static int on_complete(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__job *job = check_job(L, host);
  return echo__on_complete(L, host, echo__client_find(host, job->runtime), job);
}

static int cancel(lua_State *L) {
  echo__job *job = check_job(L, echo__host_of(L));
  const char *reason = lua_isnoneornil(L, 2) ? NULL : echo__check_text(L, 2, "reason");
  lua_pushboolean(L, echo__job_cancel(job, ECHO__KIND_CANCELLED, reason));
  return 1;
}

static int set_priority(lua_State *L) {
  echo__job *job = check_job(L, echo__host_of(L));
  lua_settop(L, 2);
  int status = echo__job_set_priority(job, echo__check_priority(L, 2, NULL));
  if (status == ECHO_MEMORY) return echo__fail_for_memory(L);
  lua_pushboolean(L, status == ECHO_OK);
  return 1;
}

static int progress(lua_State *L) {
  echo__host *host = echo__host_of(L);
  return echo__progress_push(L, host, check_job(L, host));
}

const luaL_Reg echo__task_methods[] = {{"wait", wait},
                                       {"pwait", pwait},
                                       {"status", status},
                                       {"cancel", cancel},
                                       {"set_priority", set_priority},
                                       {"on_complete", on_complete},
                                       {"progress", progress},
                                       {NULL, NULL}};
