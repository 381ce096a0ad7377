#include "lua/task.h"

#include "lua/check.h"
#include "lua/decode.h"
#include "lua/error.h"
#include "lua/map.h"

/* A blocked wait looks up this often (in seconds): for hooks that a signal handler has set (Ctrl-C)
 * and for a stop that abandoned the task. */
static const double look_up = 0.1;

typedef struct task {
  echo__client *client;
  echo__job *job; /* NULL until acquired */
} task;

echo__job *echo__task_push(lua_State *L, const echo__host *host, echo__client *client) {
  task *t = lua_newuserdatauv(L, sizeof *t, 0);
  t->client = client;
  t->job = NULL;
  echo__host_bless(L, host, ECHO__TYPE_TASK);
  t->job = echo__job_create(client);
  if (t->job == NULL) luaL_error(L, "not enough memory");
  client->handles++;
  return t->job;
}

int echo__task_gc(lua_State *L) {
  task *t = lua_touserdata(L, 1);
  if (t->job == NULL) return 0;
  echo__job_drop(t->client, t->job);
  t->job = NULL;
  echo__client_drop(t->client);
  return 0;
}

static echo__job *check_job(lua_State *L, const echo__host *host) {
  task *t = echo__host_check(L, host, 1, ECHO__TYPE_TASK);
  if (t->job == NULL) luaL_argerror(L, 1, "this task was closed with its state");
  return t->job;
}

/* -- results ---------------------------------------------------------------------------------- */

static int check_decoded(lua_State *L, const echo__host *host, int count) {
  return count >= 0 ? count : echo__error_raise(L, host, ECHO__KIND_TRANSFER);
}

/* Pushes one list of all the chunks' results. */
static int push_list(lua_State *L, const echo__host *host, const echo__map *map) {
  lua_createtable(L, (int)map->length, 0);
  int list = lua_gettop(L);
  for (size_t i = 0; i < map->chunk_count; i++) {
    const echo__chunk *chunk = &map->chunks[i];
    int count = check_decoded(L, host, echo__decode(L, host->codec, &chunk->output));
    for (; count > 0; count--)
      lua_rawseti(L, list, chunk->first + count - 1);
  }
  return 1;
}

static int push_results(lua_State *L, const echo__host *host, const echo__job *job) {
  if (job->map != NULL) return push_list(L, host, job->map);
  return check_decoded(L, host, echo__decode(L, host->codec, &job->output));
}

static void push_failure(lua_State *L, const echo__host *host, const echo__job *job) {
  const echo__chunk *chunk = job->map != NULL ? echo__map_failure(job->map) : NULL;
  if (chunk != NULL)
    echo__error_push_failure(L, host, chunk->kind, &chunk->output);
  else
    echo__error_push_failure(L, host, job->kind, &job->output);
}

/* -- waiting ---------------------------------------------------------------------------------- */

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* A signal handler may have set a hook, which runs when Lua calls something (lua.c does that at
 * Ctrl-C; the hook then raises). */
static void let_hooks_run(lua_State *L) {
  if (lua_gethookmask(L) == 0) return;
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
}

static uint64_t next_look(uint64_t deadline) {
  uint64_t soon = echo__deadline_in(look_up);
  return soon < deadline ? soon : deadline;
}

/* Waits; false if the time ran out or the task is lost. */
static bool wait_until_ended(lua_State *L, echo__job *job, double seconds) {
  if (echo__job_get_state(job) >= ECHO__JOB_DONE) return true;
  uint64_t deadline = seconds < 0 ? ECHO__FOREVER : echo__deadline_in(seconds);
  for (;;) {
    echo__job_wait(job, next_look(deadline));
    if (echo__job_get_state(job) >= ECHO__JOB_DONE) return true;
    if (echo__load(&job->runtime->abandoned, acquire)) return false; /* PAIR runtime.abandoned */
    if (deadline != ECHO__FOREVER && echo__now() >= deadline) return false;
    let_hooks_run(L);
  }
}

static void push_unfinished(lua_State *L, const echo__host *host, const echo__job *job) {
  if (echo__load(&job->runtime->abandoned, acquire)) { /* PAIR runtime.abandoned */
    echo__error_push(L, host, ECHO__KIND_LOST,
                     "the task still ran when the scheduler's stop ran out of time", job->name);
  } else {
    echo__error_push(L, host, ECHO__KIND_TIMEOUT, "the wait ran out of time; the task goes on",
                     job->name);
  }
}

/* Pushes the results and returns their count, or pushes an error object and returns -1. */
static int wait_for(lua_State *L, const echo__host *host, echo__job *job) {
  double seconds = echo__check_seconds(L, 2);
  bool ended = wait_until_ended(L, job, seconds);
  if (!ended) {
    push_unfinished(L, host, job);
    return -1;
  }
  switch (echo__job_get_state(job)) {
  case ECHO__JOB_DONE: return push_results(L, host, job);
  case ECHO__JOB_FAILED: push_failure(L, host, job); return -1;
  default:
    echo__error_push(L, host, ECHO__KIND_CANCELLED, "the task was cancelled", job->name);
    return -1;
  }
}

static int wait(lua_State *L) {
  echo__host *host = echo__host_of(L);
  int count = wait_for(L, host, check_job(L, host));
  return count >= 0 ? count : lua_error(L);
}

static int pwait(lua_State *L) {
  echo__host *host = echo__host_of(L);
  echo__job *job = check_job(L, host);
  lua_settop(L, 2);
  int count = wait_for(L, host, job);
  bool well = count >= 0;
  int results = well ? count : 1;
  lua_pushboolean(L, well);
  lua_insert(L, -1 - results);
  return results + 1;
}

/* -- the rest --------------------------------------------------------------------------------- */

static int status(lua_State *L) {
  static const char *const texts[] = {"queued", "running", "done", "failed", "cancelled"};
  lua_pushstring(L, texts[echo__job_get_state(check_job(L, echo__host_of(L)))]);
  return 1;
}

static int cancel(lua_State *L) {
  lua_pushboolean(L, echo__job_cancel(check_job(L, echo__host_of(L))));
  return 1;
}

const luaL_Reg echo__task_methods[] = {
    {"wait", wait}, {"pwait", pwait}, {"status", status}, {"cancel", cancel}, {NULL, NULL}};
